from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.media.fixtures import CLIPS

Build = Callable[[str], Path]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The path of a clip of a kind that `CLIPS` names, made the first time it is asked for."""
    made: dict[str, Path] = {}

    def path(kind: str) -> Path:
        if kind not in made:
            made[kind] = CLIPS[kind](tmp_path_factory.mktemp("clip"))
        return made[kind]

    return path
