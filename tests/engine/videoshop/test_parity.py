from pathlib import Path

import pytest

from tests.engine.videoshop.parity import AGREED, differences, main

TINY = Path(__file__).parents[2] / "assets" / "tiny-a"


@pytest.fixture(scope="module")
def found() -> dict[str, float]:
    return differences(TINY)


def test_every_stage_is_compared(found: dict[str, float]) -> None:
    assert set(found) == {
        "latents",
        "normalized",
        "source_condition",
        "inversion",
        "generation",
        "rescaled",
        "frames",
    }


@pytest.mark.parametrize(
    "stage", ["latents", "normalized", "source_condition", "inversion", "generation", "rescaled", "frames"]
)
def test_the_reference_preset_agrees_with_the_released_code(found: dict[str, float], stage: str) -> None:
    assert found[stage] <= AGREED


def test_without_a_folder_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "DIR" in capsys.readouterr().err
