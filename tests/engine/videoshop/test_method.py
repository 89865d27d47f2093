"""The whole method on a small model with random weights: what it makes means nothing, how it works is checked."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import Cancelled, EngineError, ResourceError, WeightsError
from engine.media.clip import Clip
from engine.report import Report
from engine.request import Event, VideoshopSettings
from engine.videoshop import method as room
from engine.videoshop.method import VideoshopMethod
from engine.videoshop.pipeline import VideoshopPipeline
from tests.engine.videoshop.jobs import QUICK, TINY, made, pictures, request

STEPS = 3
"""Of inversion, and of denoising."""


@pytest.fixture(scope="module")
def undisturbed(pan: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, dict[str, bytes], Path]:
    """A first edit, its pictures, and its cache."""
    folder = tmp_path_factory.mktemp("undisturbed")
    report = made(request(pan, folder), folder / "cache")
    return report, pictures(folder), folder / "cache"


def test_a_first_edit_runs_each_step_once_and_guides_with_two_passes(
    undisturbed: tuple[Report, dict[str, bytes], Path],
) -> None:
    report, found, _ = undisturbed
    assert report.passes.network == STEPS + 2 * STEPS
    assert report.passes.vae_encoded == 4 + 4 + 1 + 1 + 1  # the clip; with the edit carried; and what guides
    assert report.passes.vae_decoded == 4 + 4 + 1  # the edit's, the clip's own, the edited frame
    assert list(found) == [f"{index:06}.png" for index in range(8, 12)]
    assert any(line.startswith("Ran on ") for line in report.quality.warnings)


def test_a_second_edit_of_the_clip_runs_no_inversion(
    pan: Path, tmp_path: Path, undisturbed: tuple[Report, dict[str, bytes], Path]
) -> None:
    report = made(request(pan, tmp_path, color=0.3), undisturbed[2])
    assert (report.passes.network, report.passes.vae_encoded, report.passes.vae_decoded) == (2 * STEPS, 4 + 2, 9)


def test_a_weaker_run_runs_no_inversion_and_a_stronger_one_only_the_rest(
    pan: Path, tmp_path: Path, undisturbed: tuple[Report, dict[str, bytes], Path]
) -> None:
    weaker = made(request(pan, tmp_path, settings=QUICK | {"strength": "0.35"}), undisturbed[2])
    assert weaker.passes.network == 2 * 2
    stronger = made(request(pan, tmp_path, settings=QUICK | {"strength": "0.7"}), undisturbed[2])
    assert stronger.passes.network == 1 + 2 * 4


def test_the_same_request_gives_the_same_pictures_from_the_cache_and_without(
    pan: Path, tmp_path: Path, undisturbed: tuple[Report, dict[str, bytes], Path]
) -> None:
    again = made(request(pan, tmp_path), undisturbed[2])
    assert again.passes.network == 0
    assert pictures(tmp_path) == undisturbed[1]
    made(request(pan, tmp_path), tmp_path / "other cache")
    assert pictures(tmp_path) == undisturbed[1]


@pytest.mark.parametrize("stage", ["invert", "generate", "decode"])
def test_what_was_cancelled_goes_on_where_it_was(
    stage: str, pan: Path, tmp_path: Path, undisturbed: tuple[Report, dict[str, bytes], Path]
) -> None:
    def stop(event: Event) -> None:
        if event.stage == stage and event.done == 2:
            raise Cancelled.asked()

    with pytest.raises(Cancelled):
        made(request(pan, tmp_path), tmp_path / "cache", stop if stage != "decode" else _stop_decoding)
    assert not (tmp_path / "out").exists()
    report = made(request(pan, tmp_path), tmp_path / "cache")
    done = {"invert": 2, "generate": STEPS + 4, "decode": 3 * STEPS}[stage]
    assert report.passes.network == 3 * STEPS - done
    assert pictures(tmp_path) == undisturbed[1]


def _stop_decoding(event: Event) -> None:
    if event.stage == "decode":
        raise Cancelled.asked()


@pytest.mark.parametrize("passes", [1, 4, 7])
def test_a_killed_engine_leaves_what_a_new_one_goes_on_with(
    passes: int, pan: Path, tmp_path: Path, undisturbed: tuple[Report, dict[str, bytes], Path]
) -> None:
    asked = request(pan, tmp_path)
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from engine.request import Request\n"
        "from tests.engine.videoshop.jobs import made\n"
        "seen = []\n"
        "def die(event):\n"
        "    seen.append(event)\n"
        f"    if len([e for e in seen if e.stage in ('invert', 'generate')]) > {passes}:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "made(Request.model_validate_json(sys.argv[1]), Path(sys.argv[2]), die)\n"
    )
    command = [sys.executable, "-c", script, asked.model_dump_json(), str(tmp_path / "cache")]
    killed = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    report = made(asked, tmp_path / "cache")
    assert report.passes.network < 3 * STEPS
    assert pictures(tmp_path) == undisturbed[1]


def test_progress_comes_step_by_step_with_pictures(pan: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    pictured: set[str] = set()

    def note(event: Event) -> None:
        events.append(event)
        if event.preview is not None and event.preview.stat().st_size > 0:
            pictured.add(event.stage)

    made(request(pan, tmp_path), tmp_path / "cache", note)
    for stage in ("invert", "generate"):
        done = [event.done for event in events if event.stage == stage]
        assert sorted(set(done)) == list(range(max(done) + 1))[min(done) :]
        assert {event.total for event in events if event.stage == stage} == {STEPS}
        assert max(done) == STEPS
    assert "invert" in pictured or "generate" in pictured


def test_another_seed_makes_another_result(
    pan: Path, tmp_path: Path, undisturbed: tuple[Report, dict[str, bytes], Path]
) -> None:
    report = made(request(pan, tmp_path, seed=1), undisturbed[2])
    assert report.passes.network == 3 * STEPS
    assert pictures(tmp_path) != undisturbed[1]


def test_numbers_that_leave_their_range_are_told_by_their_step(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted = VideoshopPipeline._predicted

    def broken(self: VideoshopPipeline, x: torch.Tensor, *rest: Any) -> torch.Tensor:
        v = predicted(self, x, *rest)
        return v * torch.nan if self.passes.network == 2 else v

    monkeypatch.setattr(VideoshopPipeline, "_predicted", broken)
    with pytest.raises(WeightsError, match="step 2 of “invert”") as failed:
        made(request(pan, tmp_path), tmp_path / "cache")
    assert failed.value.code == "weights.not_finite"


def test_out_of_memory_goes_on_with_less_and_says_so(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, undisturbed: tuple[Report, dict[str, bytes], Path]
) -> None:
    predicted, failures = VideoshopPipeline._predicted, [torch.OutOfMemoryError("CUDA out of memory.")]

    def short(self: VideoshopPipeline, *rest: Any) -> torch.Tensor:
        if self.passes.network == 2 and failures:
            raise failures.pop()
        return predicted(self, *rest)

    monkeypatch.setattr(VideoshopPipeline, "_predicted", short)
    report = made(request(pan, tmp_path), tmp_path / "cache")
    assert any(line.startswith("Ran out of memory on ") for line in report.quality.warnings)
    assert any(line.startswith("Ran on ") for line in report.quality.warnings)


def test_out_of_memory_in_the_lightest_form_is_an_error_of_its_own(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: VideoshopPipeline, *rest: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(VideoshopPipeline, "_predicted", never)
    with pytest.raises(ResourceError) as failed:
        made(request(pan, tmp_path), tmp_path / "cache")
    assert failed.value.code == "resource.device_full"


def test_other_faults_are_not_taken_for_a_lack_of_memory(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(self: VideoshopPipeline, *rest: Any) -> torch.Tensor:
        raise EngineError("x.y", "It broke.", "Mend it.")

    monkeypatch.setattr(VideoshopPipeline, "_predicted", wrong)
    with pytest.raises(EngineError, match="It broke"):
        made(request(pan, tmp_path), tmp_path / "cache")


def test_the_estimate_grows_with_the_model_and_is_told_before_the_run(pan: Path) -> None:
    with Clip.open(pan) as clip:
        cost = VideoshopMethod(VideoshopSettings(), model=TINY, seed=0, cache=Path("unused")).cost(clip.info)
    assert (cost.window, cost.overlap) == (14, 3)
    assert 0 < cost.seconds_per_frame < 39 * room.FLOPS_PER_FRAME / room.RATES["cpu"]
    assert cost.base_bytes > 0
