"""The service's own memory: what its start took and does not need any more."""

import ctypes
import sys


def give_back() -> None:
    """Return freed memory to the system, where the C library keeps it (glibc). A service idles for days."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
