"""What a build says of itself."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

MEGA = 1e6


def note(text: str) -> None:
    print(f"  ! {text}", flush=True)


def step(text: str) -> None:
    print(f"• {text}", flush=True)


def sizes(app: Path, inside: str) -> dict[str, int]:
    """Bytes of the app by part: what lies in `inside` by its own first name, the largest first."""
    totals: dict[str, int] = defaultdict(int)
    for path in app.rglob("*"):
        if path.is_file() and not path.is_symlink():
            names = path.relative_to(app).parts
            totals[names[1] if names[0] == inside and len(names) > 1 else names[0]] += path.stat().st_size
    return dict(sorted(totals.items(), key=lambda entry: -entry[1]))


def show(totals: Mapping[str, int], least: int = 1_000_000) -> None:
    """Print sizes; what is below `least` bytes together."""
    small = sum(size for size in totals.values() if size < least)
    for name, size in totals.items():
        if size >= least:
            print(f"    {name:32} {size / MEGA:7.1f} MB")
    print(f"    {'the rest':32} {small / MEGA:7.1f} MB")
    print(f"    {'together':32} {sum(totals.values()) / MEGA:7.1f} MB", flush=True)
