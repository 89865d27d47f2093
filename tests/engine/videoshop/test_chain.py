"""Windows one after the other, with a model that is not one: what each is told, and what comes of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from weakref import WeakSet

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.geometry import Box, Size
from engine.media.clip import Frame
from engine.media.color import rgb_layout
from engine.method import Painted
from engine.plan import Cost, Span, Window, windowed
from engine.videoshop.base import Base
from engine.videoshop.chain import Link, Seen, Show, chained
from engine.videoshop.region import Region
from engine.videoshop.run import Lead, Made
from engine.videoshop.run import Window as Task
from engine.videoshop.signs import InvertedNoise
from engine.videoshop.trace import Outline
from tests.engine.flow.scene import ellipse

SIDE = 32
FRAME = Size(SIDE, SIDE)
LATENTS = (4, SIDE // 4, SIDE // 4)
SPOT = ellipse(16, 16, 6, 6, SIDE, SIDE)
OUTLINE = Outline.of(Box.full(FRAME), SPOT, 1.0)
UNSUSPICIOUS = InvertedNoise(15.6, 1.0, 0.0, 0.0)
EDITED = torch.full((1, 3, SIDE, SIDE), 0.9)
LEVELS = 3


def region(localised: bool = True) -> Region:
    return Region.around(Box.full(FRAME), FRAME, SIDE * SIDE, multiple=8, factor=4, localised=localised)


def seen(index: int) -> Seen:
    """A frame of a grey of its own."""
    return Seen(index, torch.full((3, SIDE, SIDE), (index % 50) / 100), OUTLINE, SPOT, 0.0)


def windows(span: Span, length: int, overlap: int, spacing: int = 1) -> list[Window]:
    return list(windowed(span, Cost(0, 0, window=length, overlap=overlap, spacing=spacing)))


def footage(of: Sequence[Window]) -> list[int]:
    return list(dict.fromkeys(index for window in of for index in window.frames))


@dataclass
class Model:
    """Makes every picture brighter, by more in each window, and marks latents with the window's number."""

    localised: bool = True
    tasks: list[Task] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)

    def __call__(self, task: Task) -> Made:
        number = len(self.tasks) + 1
        self.tasks.append(task)
        images = tuple(x + 0.1 * number for x in task.pixels)
        path = tuple(
            torch.arange(len(images)).float()[:, None, None, None] + 100 * number + level + torch.zeros(1, *LATENTS)
            for level in range(LEVELS)
        )
        plain = tuple(task.pixels) if self.localised else ()
        self.made.append(Made(images, plain, task.edited[0] if self.localised else None, path, UNSUSPICIOUS))
        return self.made[-1]


def shown(indices: Sequence[int], last: Link | None) -> Iterator[Seen]:
    return (seen(index) for index in indices)


def run(model: Model, of: Sequence[Window], show: Show = shown) -> Iterator[Link]:
    return chained(model, of, show, EDITED, region(model.localised))


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 30), st.integers(2, 8), st.integers(1, 3), st.booleans(), st.booleans(), st.data())
def test_every_frame_of_the_windows_is_made_once_in_order(
    frames: int, length: int, spacing: int, backward: bool, localised: bool, data: st.DataObject
) -> None:
    span = Span(50, 49, 50 - frames) if backward else Span(0, 1, frames)
    of = windows(span, length, data.draw(st.integers(1, length - 1)), spacing)
    model = Model(localised)
    links = list(run(model, of))
    assert [link.seen.index for link in links] == footage(of)
    assert [len(task.pixels) for task in model.tasks] == [len(window.frames) for window in of]
    for task, window in zip(model.tasks, of, strict=True):
        assert torch.equal(task.pixels, torch.stack([seen(index).pixels for index in window.frames]))


LONG = windows(Span(0, 1, 13), 6, 2)  # 0…5, 4…9, 8…13


def test_the_first_window_is_told_the_edited_keyframe_and_takes_nothing_over() -> None:
    model = Model()
    list(run(model, LONG))
    assert torch.equal(model.tasks[0].edited, EDITED)
    assert model.tasks[0].lead is None
    assert [list(window.frames) for window in LONG] == [[*range(6)], [*range(4, 10)], [*range(8, 14)]]


def test_a_window_takes_over_the_latents_of_the_frames_that_it_shares_with_the_one_before() -> None:
    model = Model()
    list(run(model, LONG))
    for task, before in zip(model.tasks[1:], model.made, strict=False):
        assert task.lead is not None
        assert task.lead.frames == 2
        assert len(task.lead.path) == LEVELS
        for own, theirs in zip(task.lead.path, before.path, strict=True):
            assert torch.equal(own, theirs[4:])


def test_a_shared_frame_is_the_later_windows() -> None:
    model = Model()
    images = {link.seen.index: link.image for link in run(model, LONG)}
    assert torch.equal(images[3], model.made[0].images[3])
    assert torch.equal(images[4], model.made[1].images[0])
    assert torch.equal(images[8], model.made[2].images[0])
    assert torch.equal(images[13], model.made[2].images[5])


def test_where_all_may_change_a_window_is_told_the_picture_that_the_one_before_made() -> None:
    model = Model(localised=False)
    links = list(run(model, LONG))
    assert all(task.inside is None for task in model.tasks)
    assert all(link.plain is None and link.back is None for link in links)
    for task, before in zip(model.tasks[1:], model.made, strict=False):
        assert torch.equal(task.edited[0], before.images[4])


def test_inside_a_mask_a_window_is_told_that_picture_laid_over_the_clip() -> None:
    model = Model()
    list(run(model, LONG))
    for task, before in zip(model.tasks[1:], model.made, strict=False):
        told, own = task.edited[0], task.pixels[0]
        inside = torch.from_numpy(SPOT == 1)
        beyond = torch.from_numpy(region().grown(SPOT) == 0)
        assert told.dtype == torch.float32
        assert beyond.any()
        assert torch.equal(told[:, beyond], own[:, beyond])
        torch.testing.assert_close(told[:, inside], before.images[4][:, inside])


def test_latents_may_change_in_the_edit_and_its_margin() -> None:
    model = Model()
    list(run(model, LONG))
    for task, window in zip(model.tasks, LONG, strict=True):
        expected = region().latents([(SPOT, 0.0)] * len(window.frames))
        assert task.inside is not None
        assert expected is not None
        assert torch.equal(task.inside, expected)
        assert 0 < task.inside.mean() < 1


def carried(index: int) -> Seen:
    """A frame with a white edit carried onto its spot; nothing is carried into the keyframe and the last frames."""
    rgb = np.ones((SIDE, SIDE, 3), np.float32)
    matte = SPOT if 0 < index < 10 else np.zeros_like(SPOT)
    levels = np.full((SIDE, SIDE, 3), round((index % 50) / 100 * 255), np.uint8)
    frame = Frame(index, index, tuple(np.ascontiguousarray(levels[..., c]) for c in range(3)), rgb_layout(8, False))
    painted = Painted(index, Box.full(FRAME), rgb, matte, 1.0)
    return replace(seen(index), base=Base.of(frame, painted, region()))


def test_a_window_begins_with_the_edit_as_it_was_carried_where_it_was() -> None:
    model = Model()
    list(run(model, LONG, lambda indices, last: (carried(index) for index in indices)))
    for task, window in zip(model.tasks, LONG, strict=True):
        assert task.base is not None
        assert task.held is not None
        assert task.held.shape == (len(window.frames), 1, *LATENTS[1:])
        for number, index in enumerate(window.frames):
            if 0 < index < 10:
                inner = SPOT == 1
                assert task.base[number][:, torch.from_numpy(inner)].min() > 0.99
                assert task.held[number].min() > 0.99  # around the spot it is to be the clip
            else:
                assert torch.equal(task.base[number], task.pixels[number])
                assert not task.held[number].any()


def test_where_the_edit_may_be_elsewhere_its_surroundings_are_left_to_the_model() -> None:
    def lost(indices: Sequence[int], last: Link | None) -> Iterator[Seen]:
        for index in indices:
            found = carried(index)
            yield replace(found, outline=replace(found.outline, confident=0.2), slack=6.0)

    model = Model()
    list(run(model, LONG, lost))
    for task in model.tasks:
        assert task.held is not None
        assert any((held < 0.5).any() and (held > 0.9).any() for held in task.held)


def test_where_nothing_is_carried_or_all_may_change_a_window_begins_with_the_clip() -> None:
    for model, show in ((Model(), shown), (Model(localised=False), lambda indices, last: map(carried, indices))):
        list(run(model, LONG, show))
        assert all(task.base is None and task.held is None for task in model.tasks)


def test_the_keyframes_own_link_alone_tells_what_the_vae_gives_back_of_the_edit() -> None:
    model = Model()
    links = list(run(model, LONG))
    assert links[0].back is not None
    assert all(link.back is None for link in links[1:])
    assert all(link.plain is not None and torch.equal(link.plain, link.seen.pixels) for link in links)


def test_the_grain_that_the_artist_kept_is_in_the_picture_that_a_later_window_is_told() -> None:
    """And one that was painted over is not."""
    noise = 0.05 * torch.randn(3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

    def lossy(task: Task) -> Made:
        smooth = torch.full_like(task.pixels, 0.4)
        path = (smooth[:, :, ::4, ::4],)
        return Made(tuple(smooth + 0.2), tuple(smooth), torch.full((3, SIDE, SIDE), 0.6), path, UNSUSPICIOUS)

    inside = torch.from_numpy(SPOT == 1)
    for edited, expected in ((0.6 + noise, noise), (torch.full_like(noise, 0.6), torch.zeros_like(noise))):
        tasks: list[Task] = []

        def note(task: Task, tasks: list[Task] = tasks) -> Made:
            tasks.append(task)
            return lossy(task)

        def grainy(indices: Sequence[int], last: Link | None) -> list[Seen]:
            return [Seen(index, 0.4 + noise, OUTLINE, SPOT, 0.0) for index in indices]

        list(chained(note, LONG, grainy, edited[None], region()))
        torch.testing.assert_close(tasks[1].edited[0][:, inside], (0.6 + expected)[:, inside], atol=1e-3, rtol=0)


def test_frames_are_taken_a_window_at_a_time_and_let_go() -> None:
    taken, alive = 0, WeakSet[Tensor]()

    def stream(indices: Sequence[int], last: Link | None) -> Iterator[Seen]:
        nonlocal taken
        for index in indices:
            taken += 1
            frame = seen(index)
            alive.add(frame.pixels)
            yield frame

    of = windows(Span(0, 1, 59), 6, 2)
    model, most = Model(), 0
    links = run(model, of, stream)
    for number in range(60):
        assert next(links).seen.index == number
        model.tasks.clear()
        model.made.clear()
        most = max(most, len(alive))
        assert taken <= number + 6
    assert most <= 2 * 6


def test_a_lead_holds_the_first_frames_less_and_less_and_the_others_not_at_all() -> None:
    path = tuple(torch.randn(4, *LATENTS, generator=torch.Generator().manual_seed(level)) for level in range(LEVELS))
    pin = Lead(path, 4).pin(9)
    assert pin.share.flatten().tolist() == [1, 0.75, 0.5, 0.25, 0, 0, 0, 0, 0]
    x = torch.randn(9, *LATENTS, generator=torch.Generator().manual_seed(9))
    for level, theirs in enumerate(path):
        held = pin(x, level)
        assert torch.equal(held[0], theirs[0])
        torch.testing.assert_close(held[2], (x[2] + theirs[2]) / 2)
        assert torch.equal(held[4:], x[4:])


@pytest.mark.parametrize("first", [0, 3, 5])
def test_what_is_handed_over_begins_at_the_next_windows_first_frame(first: int) -> None:
    made = Model()(Task(torch.zeros(6, 3, SIDE, SIDE), EDITED))
    lead = made.lead(first)
    assert lead.frames == 6 - first
    assert [float(x[0, 0, 0, 0]) for x in lead.path] == [100 + first + level for level in range(LEVELS)]
    again = replace(lead)
    assert np.array_equal(again.path[0].numpy(), made.path[0][first:].numpy())


def test_each_window_is_shown_its_new_frames_after_the_last_one_as_it_was_made() -> None:
    asked: list[tuple[list[int], int | None]] = []
    model = Model()

    def noted(indices: Sequence[int], last: Link | None) -> Iterator[Seen]:
        asked.append((list(indices), None if last is None else last.seen.index))
        if last is not None:
            assert torch.equal(last.image, model.made[-1].images[-1])
        return shown(indices, last)

    list(run(model, LONG, noted))
    assert asked == [([*range(6)], None), ([6, 7, 8, 9], 5), ([10, 11, 12, 13], 9)]


def test_the_signs_of_a_window_that_failed_are_told_once_with_its_first_new_frame() -> None:
    class Failing(Model):
        def __call__(self, task: Task) -> Made:
            return replace(super().__call__(task), inverted=InvertedNoise(15.6, 3.0, 0.0, 0.0))

    links = list(run(Failing(), LONG))
    told = [link.seen.index for link in links if any("noise" in sentence for sentence in link.warnings)]
    assert told == [1, 5, 9]
