"""The surroundings of programs that are not ours: a frozen app alters what its children inherit, and that is undone.

PyInstaller's loader puts the app's own libraries first (`LD_LIBRARY_PATH`, and on Windows the folder of DLLs that is
inherited); uv and the environment's Python would load those in place of theirs. Not yet run on Windows or macOS.
"""

import os
import sys
from collections.abc import Mapping

LOADERS = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def environment(variables: Mapping[str, str] | None = None, *, frozen: bool | None = None) -> dict[str, str]:
    """The environment variables (this process's, if none are given) as they were before the app was started."""
    kept = dict(os.environ if variables is None else variables)
    if getattr(sys, "frozen", False) if frozen is None else frozen:
        for name in LOADERS:
            kept.pop(name, None)
            before = kept.pop(f"{name}_ORIG", None)
            if before:
                kept[name] = before
        if sys.platform == "win32":
            import ctypes

            ctypes.windll.kernel32.SetDllDirectoryW(None)
    return kept
