"""What the engine says of itself."""

import json
import subprocess
import sys
from typing import Any

import pytest

from engine.about import PARTS, about
from engine.commands import COMMANDS


def asked(*parts: str) -> tuple[dict[str, Any], set[str]]:
    """What a fresh engine process answers, and which of the large packages it has loaded."""
    script = (
        "import json, sys\nfrom engine.commands import COMMANDS\n"
        f"told = COMMANDS['about']({{'parts': {list(parts)!r}}}, lambda event: None)\n"
        "print(json.dumps([told, [name for name in ('torch', 'diffusers', 'cv2') if name in sys.modules]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    told, loaded = json.loads(done.stdout)
    return told, set(loaded)


def test_asked_for_codecs_it_says_what_is_there_and_loads_no_torch() -> None:
    told, loaded = asked("codecs", "packages", "machine")
    both = {"encoder": True, "decoder": True}
    assert told["codecs"]["known"] == {"H.264": both, "ProRes 4444": both, "FFV1": both}
    assert told["packages"]["av"].startswith("18.")
    assert told["machine"]["memory"] > 1 << 28
    assert loaded == set()


def test_asked_for_nothing_in_particular_it_says_everything() -> None:
    told = COMMANDS["about"]({}, lambda event: None)
    assert set(told) == {"version", *PARTS}
    assert told["devices"]["found"][-1]["kind"] == "cpu"


def test_where_torch_is_not_installed_nothing_computes_and_nothing_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.about.find_spec", lambda name: None)
    assert about(["devices"])["devices"] == {"found": [], "error": None}


def test_a_torch_that_does_not_load_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "engine.videoshop.devices", None)
    assert "engine.videoshop.devices" in about(["devices"])["devices"]["error"]
