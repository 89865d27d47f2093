"""The simulated engine, well: `python -m tests.bridge_server.well_engine`. Its arguments are what it lacks."""

import sys
from typing import Any

from engine.request import OnEvent
from engine.worker import main
from tests.bridge_server.fake_engine import COMMANDS

LACKS = frozenset(sys.argv[1:])


def about(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    if "about" in LACKS:
        return {}
    torch = None if "torch" in LACKS else "2.9.0"
    card = {"kind": "cuda", "name": "NVIDIA RTX 4090", "free": 20_000_000_000, "total": 24_000_000_000}
    return {
        "version": "0.1.0",
        "codecs": {
            "ffmpeg": "8.1",
            "known": {"H.264": {"encoder": "h264" not in LACKS, "decoder": True}},
        },
        "packages": {"torch": torch, "diffusers": "0.37", "transformers": "5.0"},
        "devices": {
            "found": [card],
            "error": "libcudart.so.12: cannot open shared object file" if "cuda" in LACKS else None,
        },
    }


def weights_list(arguments: dict[str, Any], on_event: OnEvent) -> dict[str, Any]:
    state = "incomplete" if "part" in LACKS else "absent" if LACKS & {"weights", "torch"} else "installed"
    return {"store": "", "models": [{"name": "svd", "state": state}, {"name": "svd-xt", "state": "absent"}]}


if __name__ == "__main__":
    main({**COMMANDS, "about": about, "weights.list": weights_list})
