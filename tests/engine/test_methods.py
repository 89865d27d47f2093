from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import methods
from engine.errors import SettingsError, WeightsError
from engine.flow.method import FlowMethod
from engine.methods import chosen, parsed
from engine.request import FlowSettings, KeyframeFiles, MethodName, Request, VideoshopSettings

TINY = Path(__file__).parents[1] / "assets" / "tiny-a" / "model"


def asking(method: MethodName, weights: Path | None = None, **settings: str) -> Request:
    files = (KeyframeFiles(edited=Path("edited.png")),)
    return Request(
        clip=Path("clip.mov"), keyframes=files, output=Path("out"), method=method, weights=weights, settings=settings
    )


def refusal(model: type[FlowSettings] | type[VideoshopSettings], **settings: str) -> SettingsError:
    with pytest.raises(SettingsError) as refused:
        parsed(settings, model)
    return refused.value


def test_the_method_is_the_one_that_was_asked_for() -> None:
    assert isinstance(chosen(asking("flow")), FlowMethod)
    assert type(chosen(asking("videoshop", TINY))).__name__ == "VideoshopMethod"


def test_without_the_packages_that_a_method_needs_it_is_not_part_of_the_installation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(methods, "find_spec", lambda name: None)
    with pytest.raises(SettingsError) as refused:
        chosen(asking("videoshop", TINY))
    assert refused.value.code == "settings.method_unavailable"
    assert "flow" in refused.value.hint


def test_without_weights_the_diffusion_method_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VIDEOSHOP_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError) as refused:
        chosen(asking("videoshop"))
    assert refused.value.code == "weights.not_installed"
    assert refused.value.hint == "Run `videoshop weights download svd`, or say with --weights where they are."


def test_words_and_numbers_become_settings() -> None:
    assert parsed({"transfer": "opaque"}, FlowSettings).transfer == "opaque"
    found = parsed({"strength": "0.4", "steps": "10", "rescale": "false", "proxy": "slope"}, VideoshopSettings)
    assert (found.strength, found.steps, found.rescale, found.proxy) == (0.4, 10, False, "slope")


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("strength", "0", "It takes a number above 0 to 1"),
        ("steps", "2.5", "It takes a whole number from 1 to 200"),
        ("threshold", "much", "It takes a number from 0 to 700"),
        ("rescale", "maybe", "It takes true or false"),
        ("proxy", "cord", "Did you mean chord?"),
        ("strenght", "0.5", "Did you mean strength?"),
    ],
)
def test_a_setting_that_cannot_be_says_what_it_takes(key: str, value: str, hint: str) -> None:
    assert hint in refusal(VideoshopSettings, **{key: value}).hint


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(VideoshopSettings.model_fields)), st.text(max_size=12))
def test_whatever_is_said_is_kept_or_refused_by_its_key(key: str, value: str) -> None:
    refused: SettingsError | None = None
    try:
        parsed({key: value}, VideoshopSettings)
    except SettingsError as error:
        refused = error
    assert refused is None or (key in refused.message and refused.hint.endswith("."))


def test_the_reference_preset_is_the_released_codes_and_what_is_named_goes_before_it() -> None:
    reference = parsed({"preset": "reference", "steps": "10"}, VideoshopSettings)
    assert (reference.steps, reference.strength, reference.threshold, reference.proxy) == (10, 0.55, 1.0, "chord")
    assert (reference.normalisation, reference.rescale, reference.region) == ("reference", True, "frame")
    assert reference.guidance_first == reference.guidance_last == 4
