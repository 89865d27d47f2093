from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from bridge_server.protocol.messages import TransferBegin
from bridge_server.protocol.transfer import tiff_header
from engine.edit import Edit
from engine.errors import EditError
from engine.geometry import Box
from engine.media.clip import Clip
from engine.profile import accepted, named, profile_name
from engine.request import Event, FrameRange, KeyframeFiles, Request
from engine.resolve import resolve
from tests.engine.clips import write_still
from tests.engine.profiles import ADOBE, P3, SRGB, icc, tagged

Image = NDArray[np.float32]
LABEL = Box(90, 30, 40, 24)


def silent(event: Event) -> None:
    pass


def frame_of(clip: Path, index: int = 8) -> Image:
    with Clip.open(clip) as opened:
        return np.asarray(np.clip(opened.frame(index).rgb(), 0, 1), np.float32)


def labelled(clip: Path, index: int = 8) -> Image:
    rgb = frame_of(clip, index)
    rgb[LABEL.slices] = (0.9, 0.15, 0.1)
    return rgb


def raw(folder: Path, image: Image, profile: str) -> Path:
    """Raw 16-bit rows as the service keeps them, with the name of their colour profile."""
    rows = np.rint(image * 65535).astype("<u2").tobytes()
    height, width, _ = image.shape
    begin = TransferBegin(
        id="b",
        transfer=uuid4(),
        kind="raw",
        size=len(rows),
        width=width,
        height=height,
        channels=3,
        bits=16,
        profile=profile,
    )
    path = folder / f"{begin.transfer}.tif"
    path.write_bytes(tiff_header(begin) + rows)
    return path


def boxed(box: Box = LABEL, value: float = 1.0) -> Image:
    mask = np.zeros((108, 192), np.float32)
    mask[box.slices] = value
    return mask


def grey(mask: Image) -> Image:
    return np.repeat(mask[..., None], 3, axis=2)


def resolved(clip: Path, *files: KeyframeFiles, range: FrameRange | None = None) -> Edit:
    asked = Request(clip=clip, keyframes=files, output=clip.parent / "out", range=range or FrameRange())
    with Clip.open(clip) as opened:
        return resolve(asked, opened, silent)


def refused(clip: Path, *files: KeyframeFiles, range: FrameRange | None = None) -> EditError:
    with pytest.raises(EditError) as error:
        resolved(clip, *files, range=range)
    assert error.value.message.endswith((".", "?"))
    assert error.value.hint.endswith(".")
    return error.value


@pytest.fixture
def painted(pan: Path, tmp_path: Path) -> Path:
    """The label painted on frame 8."""
    return write_still(tmp_path / "painted.png", labelled(pan))


def test_without_a_mask_it_comes_from_the_difference(pan: Path, painted: Path) -> None:
    (keyframe,) = resolved(pan, KeyframeFiles(edited=painted, frame=8)).keyframes
    found, true = keyframe.mask > 0.5, boxed() > 0.5
    assert (found & true).sum() / (found | true).sum() > 0.97
    np.testing.assert_allclose(keyframe.rgb[LABEL.slices], labelled(pan)[LABEL.slices], atol=0.5 / 255 + 1e-6)


def test_where_the_mask_is_empty_the_keyframe_is_the_clips_own_frame(pan: Path, tmp_path: Path) -> None:
    noisy = labelled(pan) + np.float32(2 / 255)
    files = KeyframeFiles(edited=write_still(tmp_path / "noisy.png", np.clip(noisy, 0, 1)), frame=8)
    edit = resolved(pan, files)
    (keyframe,) = edit.keyframes
    np.testing.assert_array_equal(keyframe.rgb[keyframe.mask == 0], frame_of(pan)[keyframe.mask == 0])
    assert edit.sources[0].index == 8


def test_a_given_mask_is_taken_as_it_is(pan: Path, painted: Path, tmp_path: Path) -> None:
    mask = boxed(Box(80, 20, 60, 50), 0.5)
    files = KeyframeFiles(edited=painted, frame=8, mask=write_still(tmp_path / "mask.png", grey(mask), 16))
    (keyframe,) = resolved(pan, files).keyframes
    np.testing.assert_allclose(keyframe.mask, mask, atol=1e-4)


def feathered() -> Image:
    """Full in the middle of the label, fading over 10 pixels."""
    ys, xs = np.mgrid[:108, :192].astype(np.float32)
    inwards = np.minimum.reduce([xs - LABEL.x, LABEL.right - xs, ys - LABEL.y, LABEL.bottom - ys])
    return np.asarray(np.clip(inwards / 10, 0, 1), np.float32)


def test_paint_that_was_laid_on_by_the_mask_comes_back_as_it_was_painted(pan: Path, tmp_path: Path) -> None:
    source, mask = frame_of(pan), feathered()
    mixed = source + mask[..., None] * (np.array([0.9, 0.15, 0.1], np.float32) - source)
    edited = write_still(tmp_path / "edited.png", mixed)
    (keyframe,) = resolved(
        pan, KeyframeFiles(edited=edited, frame=8, mask=write_still(tmp_path / "mask.png", grey(mask)))
    ).keyframes
    laid = source + keyframe.mask[..., None] * (keyframe.rgb - source)
    assert np.abs(laid - mixed).max() < 3 / 255
    assert np.abs(keyframe.rgb[mask > 0.3] - (0.9, 0.15, 0.1)).max() < 0.03


def test_a_mask_that_limits_a_larger_change_lays_the_image_on_by_its_share(pan: Path, tmp_path: Path) -> None:
    brighter = frame_of(pan) * 0.5 + 0.4
    files = KeyframeFiles(
        edited=write_still(tmp_path / "edited.png", brighter),
        frame=8,
        mask=write_still(tmp_path / "mask.png", grey(feathered())),
    )
    (keyframe,) = resolved(pan, files).keyframes
    soft = (keyframe.mask > 0.1) & (keyframe.mask < 0.9)
    assert np.abs(keyframe.rgb[soft] - brighter[soft]).max() < 1 / 255


def test_an_image_with_transparency_is_the_layer_alone(pan: Path, tmp_path: Path) -> None:
    alpha = boxed()
    alpha[LABEL.y, LABEL.x : LABEL.right] = 0.25
    layer = np.zeros((108, 192, 3), np.float32) + np.float32(0.8)
    files = KeyframeFiles(edited=write_still(tmp_path / "layer.png", layer, 16, alpha), frame=8)
    (keyframe,) = resolved(pan, files).keyframes
    np.testing.assert_allclose(keyframe.mask, alpha, atol=1e-4)
    np.testing.assert_allclose(keyframe.rgb[LABEL.slices], 0.8, atol=1e-4)
    np.testing.assert_array_equal(keyframe.rgb[alpha == 0], frame_of(pan)[alpha == 0])


def test_an_alpha_channel_that_is_opaque_all_over_is_no_transparency(pan: Path, tmp_path: Path) -> None:
    opaque = write_still(tmp_path / "opaque.png", labelled(pan), 8, np.ones((108, 192), np.float32))
    (keyframe,) = resolved(pan, KeyframeFiles(edited=opaque, frame=8)).keyframes
    assert keyframe.mask.mean() < 0.1


def test_16_bits_are_kept_at_full_depth(pan: Path, tmp_path: Path) -> None:
    fine = labelled(pan)
    fine[LABEL.slices] = np.linspace(0.9, 0.901, LABEL.width, dtype=np.float32)[None, :, None]
    files = KeyframeFiles(edited=write_still(tmp_path / "fine.png", fine, 16), frame=8)
    (keyframe,) = resolved(pan, files).keyframes
    assert len(np.unique(keyframe.rgb[40, LABEL.x : LABEL.right, 0])) > 30


def test_the_frame_is_found_and_doubt_is_said(pan: Path, painted: Path) -> None:
    edit = resolved(pan, KeyframeFiles(edited=painted))
    assert edit.keyframes[0].index == 8
    assert edit.warnings == ()


def test_keyframes_are_ordered_by_frame(pan: Path, painted: Path, tmp_path: Path) -> None:
    early = write_still(tmp_path / "early.png", labelled(pan, 2))
    edit = resolved(pan, KeyframeFiles(edited=painted, frame=8), KeyframeFiles(edited=early, frame=2))
    assert [keyframe.index for keyframe in edit.keyframes] == [2, 8]
    assert [source.index for source in edit.sources] == [2, 8]


def test_a_grade_of_the_whole_frame_is_accepted_with_a_full_mask_and_without(pan: Path, tmp_path: Path) -> None:
    graded = write_still(tmp_path / "graded.png", np.asarray(frame_of(pan) * 0.7, np.float32))
    full = write_still(tmp_path / "full.png", np.ones((108, 192, 3), np.float32))
    for mask in (None, full):
        (keyframe,) = resolved(pan, KeyframeFiles(edited=graded, frame=8, mask=mask)).keyframes
        assert keyframe.mask.mean() > 0.99


def test_a_missing_image_or_mask_is_refused(pan: Path, painted: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.png"
    assert refused(pan, KeyframeFiles(edited=gone, frame=8)).code == "edit.missing"
    assert refused(pan, KeyframeFiles(edited=painted, frame=8, mask=gone)).code == "edit.missing"


def test_a_file_that_is_no_image_is_refused(pan: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not an image")
    assert refused(pan, KeyframeFiles(edited=tmp_path / "text.png", frame=8)).code == "edit.unreadable"


def test_another_size_of_the_same_shape_is_refused(pan: Path, tmp_path: Path) -> None:
    small = write_still(tmp_path / "small.png", np.zeros((54, 96, 3), np.float32))
    error = refused(pan, KeyframeFiles(edited=small, frame=8))
    assert error.code == "edit.size_differs"
    assert "96×54" in error.message
    assert "192×108" in error.message


@pytest.mark.parametrize("shape", [(192, 108), (108, 144)])
def test_another_shape_is_refused_with_a_question(pan: Path, tmp_path: Path, shape: tuple[int, int]) -> None:
    turned = write_still(tmp_path / "turned.png", np.zeros((*shape, 3), np.float32))
    error = refused(pan, KeyframeFiles(edited=turned, frame=8))
    assert error.code == "edit.aspect_differs"
    assert "rotated?" in error.message


def test_a_frame_that_the_clip_does_not_have_is_refused(pan: Path, painted: Path) -> None:
    error = refused(pan, KeyframeFiles(edited=painted, frame=24))
    assert (error.code, "0 to 23" in error.message) == ("edit.frame_out_of_range", True)


@pytest.mark.parametrize("frames", [FrameRange(start=9), FrameRange(stop=8)])
def test_a_frame_outside_the_range_is_refused(pan: Path, painted: Path, frames: FrameRange) -> None:
    assert refused(pan, KeyframeFiles(edited=painted, frame=8), range=frames).code == "edit.frame_outside_range"


def test_one_frame_edited_twice_is_refused(pan: Path, painted: Path) -> None:
    files = KeyframeFiles(edited=painted, frame=8)
    assert refused(pan, files, files).code == "edit.same_frame_twice"


def test_an_empty_mask_is_refused(pan: Path, painted: Path, tmp_path: Path) -> None:
    empty = write_still(tmp_path / "empty.png", np.zeros((108, 192, 3), np.float32))
    assert refused(pan, KeyframeFiles(edited=painted, frame=8, mask=empty)).code == "edit.mask_empty"


def test_a_full_mask_over_a_small_edit_is_refused(pan: Path, painted: Path, tmp_path: Path) -> None:
    full = write_still(tmp_path / "full.png", np.ones((108, 192, 3), np.float32))
    assert refused(pan, KeyframeFiles(edited=painted, frame=8, mask=full)).code == "edit.mask_full"


def test_a_mask_of_another_size_is_refused(pan: Path, painted: Path, tmp_path: Path) -> None:
    small = write_still(tmp_path / "small.png", np.ones((54, 96, 3), np.float32))
    assert refused(pan, KeyframeFiles(edited=painted, frame=8, mask=small)).code == "edit.mask_size_differs"


def test_transparency_together_with_a_mask_is_refused(pan: Path, tmp_path: Path) -> None:
    layer = write_still(tmp_path / "layer.png", np.ones((108, 192, 3), np.float32), 8, boxed())
    mask = write_still(tmp_path / "mask.png", grey(boxed()))
    assert refused(pan, KeyframeFiles(edited=layer, frame=8, mask=mask)).code == "edit.mask_with_alpha"


def test_a_layer_alone_needs_its_frames_index(pan: Path, tmp_path: Path) -> None:
    layer = write_still(tmp_path / "layer.png", np.ones((108, 192, 3), np.float32), 8, boxed())
    assert refused(pan, KeyframeFiles(edited=layer)).code == "edit.frame_needed"


@pytest.mark.parametrize("masked", [False, True])
def test_an_image_that_equals_the_frame_is_refused(pan: Path, tmp_path: Path, masked: bool) -> None:
    same = write_still(tmp_path / "same.png", frame_of(pan))
    mask = write_still(tmp_path / "mask.png", grey(boxed())) if masked else None
    assert refused(pan, KeyframeFiles(edited=same, frame=8, mask=mask)).code == "edit.nothing_changed"


def test_an_edit_too_small_to_be_seen_asks_for_a_mask_and_is_taken_with_one(pan: Path, tmp_path: Path) -> None:
    speck = frame_of(pan)
    speck[40, 100] = (1, 0, 1)
    edited = write_still(tmp_path / "speck.png", speck)
    assert refused(pan, KeyframeFiles(edited=edited, frame=8)).code == "edit.mask_not_found"
    mask = write_still(tmp_path / "mask.png", grey(boxed(Box(98, 38, 5, 5))))
    (keyframe,) = resolved(pan, KeyframeFiles(edited=edited, frame=8, mask=mask)).keyframes
    assert keyframe.mask.sum() == 25


def test_a_layer_without_any_paint_is_refused(pan: Path, tmp_path: Path) -> None:
    clear = write_still(tmp_path / "clear.png", np.ones((108, 192, 3), np.float32), 8, np.zeros((108, 192), np.float32))
    assert refused(pan, KeyframeFiles(edited=clear, frame=8)).code == "edit.nothing_changed"


def test_an_image_in_another_colour_space_is_refused_by_its_name(pan: Path, tmp_path: Path) -> None:
    image = tagged(tmp_path / "adobe.png", labelled(pan), icc("Adobe RGB (1998)", ADOBE))
    error = refused(pan, KeyframeFiles(edited=image, frame=8))
    assert error.code == "edit.profile_differs"
    assert "Adobe RGB (1998)" in error.message


def test_an_srgb_image_is_accepted(pan: Path, tmp_path: Path) -> None:
    image = tagged(tmp_path / "srgb.png", labelled(pan), icc("sRGB IEC61966-2.1", SRGB))
    assert resolved(pan, KeyframeFiles(edited=image, frame=8)).keyframes[0].index == 8


def test_a_profile_that_is_known_by_name_alone_is_judged_by_its_name(pan: Path, tmp_path: Path) -> None:
    error = refused(pan, KeyframeFiles(edited=raw(tmp_path, labelled(pan), "Adobe RGB (1998)"), frame=8))
    assert (error.code, "Adobe RGB (1998)" in error.message) == ("edit.profile_differs", True)
    assert resolved(pan, KeyframeFiles(edited=raw(tmp_path, labelled(pan), "HDTV (Rec. 709)"), frame=8)).warnings == ()
    (warning,) = resolved(pan, KeyframeFiles(edited=raw(tmp_path, labelled(pan), "Scanner 7"), frame=8)).warnings
    assert "Scanner 7" in warning


@pytest.mark.parametrize(
    ("name", "primaries", "verdict"),
    [
        ("sRGB IEC61966-2.1", 1, "accepted"),
        ("Rec. ITU-R BT.709-5", 1, "accepted"),
        ("Gray Gamma 2.2", 9, "accepted"),
        ("Display P3", 12, "accepted"),
        ("Display P3", 1, "differs"),
        ("Rec. ITU-R BT.2020-1", 9, "accepted"),
        ("Rec. ITU-R BT.2020-1", 1, "differs"),
        ("ProPhoto RGB", 1, "differs"),
        ("sRGB (Linear RGB Profile)", 1, "differs"),
        ("", 1, "unknown"),
        ("My special printer", 1, "unknown"),
    ],
)
def test_names_of_profiles(name: str, primaries: int, verdict: str) -> None:
    assert named(name, primaries) == verdict


def test_the_clips_own_profile_is_accepted_and_only_for_such_a_clip() -> None:
    assert accepted(icc("Display P3", P3), primaries=12)
    assert not accepted(icc("Display P3", P3), primaries=1)
    assert accepted(None, primaries=9)


def test_linear_light_is_another_profile() -> None:
    assert not accepted(icc("sRGB linear", SRGB, curve=b"\0\0\0\0"), primaries=1)


def test_a_profile_that_is_cut_short_is_not_accepted_and_has_a_plain_name() -> None:
    assert not accepted(b"short", primaries=1)
    assert profile_name(b"short") == "an unnamed profile"
