"""Programs that some tests need and pip does not bring: skipped where they are missing, failed where they must not be.

`VIDEOSHOP_TESTS_NEED=browser,node` names those that must be there.
"""

import os
import shutil
from collections.abc import Sequence
from typing import NoReturn

import pytest

_INSTALL = {
    "browser": "install Chromium (on Debian and Ubuntu: apt install chromium)",
    "node": "install Node.js 20 or newer (on Debian and Ubuntu: apt install nodejs npm)",
    "desktop": "install the desktop's own tools (on Debian and Ubuntu: apt install systemd desktop-file-utils xvfb "
    "xfce4-panel dbus xdotool)",
    "dpkg": "it makes Debian's packages (on Debian and Ubuntu: apt install dpkg)",
}


def needed(what: str, programs: Sequence[str]) -> str:
    """The full path of the first of `programs` that is installed; skips or fails the test if none is."""
    found = next(filter(None, map(shutil.which, programs)), None)
    if found is None:
        missing(what, f"{' or '.join(programs)} is not installed: {_INSTALL[what]}")
    return found


def missing(what: str, reason: str) -> NoReturn:
    """Skips the test for a reason, or fails it where `what` must be there."""
    if what in os.environ.get("VIDEOSHOP_TESTS_NEED", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
