"""What bounds the engine process from inside: its parent's life, and its memory."""

import ctypes
import os
import signal
import sys

BLAS_THREADS = "4"
"""Each thread of numpy's linear algebra reserves address space when it is loaded, one for every core unless told."""


def die_with_parent(parent: int) -> None:
    """On Linux, be killed when the parent dies: even stopped or stuck, even if another process holds our stdin open.

    `parent` is the process id of the parent as it was first seen: if it is gone already, this process ends now. On
    Windows the parent's job object does the same (`bridge_server.desktop.job_object`). macOS has nothing like it: there
    the end of stdin stops the engine, but not one that is stopped (SIGSTOP) or holds the interpreter's lock for ever.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def limit_memory(size: int) -> None:
    """On Linux, let this process have at most `size` bytes of addresses: what goes beyond is a MemoryError.

    Call it before arrays and media are loaded. macOS does not enforce such a limit, so that there the parent goes by
    the heartbeats; on Windows it is in the parent's job object.
    """
    if sys.platform == "linux":
        import resource

        os.environ.setdefault("OPENBLAS_NUM_THREADS", BLAS_THREADS)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
