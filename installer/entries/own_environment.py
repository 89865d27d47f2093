"""Runs before any program of the app: what it starts gets the environment that the person's system gave it.

On Linux the start code of a frozen program lets libraries be found in the app's own folder. It has found its own by
now; another Python, `uv` or a browser would take the app's in the place of theirs. What was given before stays noted
under its name with `_ORIG`, as the start code left it.
"""

import os
import sys

if sys.platform == "linux":
    given = os.environ.get("LD_LIBRARY_PATH_ORIG")
    if given is not None:
        os.environ["LD_LIBRARY_PATH"] = given
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)
for name in [name for name in os.environ if name.startswith("_PYI_")]:
    del os.environ[name]
