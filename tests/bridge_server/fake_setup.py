"""A stand-in for the process of `setting_up`: `python -m tests.bridge_server.fake_setup FOLDER`, which holds its parts.

What is installed depends on the part's name: `svd` and `engine` take two steps, `slow` goes on until it is stopped,
`failing` is refused, `crashing` ends, `rubbish` cannot be understood, `after-effects` lets a page in.
"""

import json
import sys
import threading
from pathlib import Path
from typing import Any

NAMES = ("after-effects", "engine", "svd", "slow", "failing", "crashing", "rubbish")
LICENCE = {"name": "Terms", "rule": "Be kind.", "terms": "https://terms.example"}


def main() -> None:
    folder = Path(sys.argv[1])
    wish = json.loads(sys.stdin.readline())
    ended = threading.Event()
    threading.Thread(target=until_alone, args=(ended,), daemon=True).start()
    with (folder / "wishes").open("a") as file:
        file.write(json.dumps(wish) + "\n")
    part, place = wish["part"], folder / f"{wish['part']}.part"
    if wish["do"] == "remove":
        place.unlink()
    elif wish["do"] == "install":
        for done in (1, 2):
            step(part, done)
        match part:
            case "slow":
                (folder / "slow.begun").touch()
                ended.wait(60)
                say({"stopped": True})
                return
            case "failing":
                fault = {"code": "engine.offline", "message": "The network is away.", "hint": "Try it later."}
                say({"error": fault})
                return
            case "crashing":
                print("the disk burns", file=sys.stderr)
                sys.exit(3)
            case "rubbish":
                print("{")
                return
        place.touch()
    origin = wish["do"] == "install" and part == "after-effects"
    say(
        {
            "parts": [told(folder, name) for name in NAMES],
            "todo": ["Start it again."] if origin else [],
            "origin": origin,
        }
    )


def until_alone(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


def told(folder: Path, name: str) -> dict[str, Any]:
    ready = (folder / f"{name}.part").exists()
    licence = LICENCE if name == "svd" and not ready else None
    state = "ready" if ready else "absent"
    return {"part": name, "group": "videoshop", "state": state, "licence": licence, "removable": ready}


def step(part: str, done: int) -> None:
    say({"work": {"part": part, "doing": "install", "phase": "fetch", "done": done, "total": 2}})


def say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
