"""Specification of the trajectory cache: what is read was stored, bit for bit, whatever happened in between."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.lock import hold
from engine.videoshop.cache import Entry, TrajectoryCache, key_of

LARGE = 1 << 30


def latent(step: int, *, side: int = 8) -> Tensor:
    return torch.randn(2, 4, side, side, generator=torch.Generator().manual_seed(step))


def assert_steps(entry: Entry, steps: int) -> None:
    """The entry knows the first `steps` of `latent`, bit for bit."""
    known = entry.known()
    assert len(known) == steps
    assert all(torch.equal(tensor, latent(step)) for step, tensor in enumerate(known))


def files(entry: Path) -> list[str]:
    return sorted(path.name for path in entry.glob("step-*"))


@pytest.fixture
def cache(tmp_path: Path) -> TrajectoryCache:
    return TrajectoryCache(tmp_path / "cache", LARGE)


KEY, OTHER, THIRD = key_of(clip="a"), key_of(clip="b"), key_of(clip="c")


def test_a_key_is_of_all_parts_whatever_their_order() -> None:
    assert key_of(steps=25, clip="a") == key_of(clip="a", steps=25)
    assert len({key_of(steps=25), key_of(steps=26), key_of(stride=25), key_of(steps="25"), key_of()}) == 5


@pytest.mark.parametrize("part", [float("nan"), object(), Path("clip.mp4"), b"bytes"])
def test_what_has_no_one_spelling_makes_no_key(part: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        key_of(part=part)


@pytest.mark.parametrize("key", ["", "..", "a/b", "A" * 64, KEY + "0"])
def test_only_a_key_names_an_entry(cache: TrajectoryCache, key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        cache.entry(key)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("shape", [(14, 4, 9, 16), (1, 1, 32), (3,), (), (0, 4)])
def test_a_tensor_comes_back_bit_for_bit(cache: TrajectoryCache, dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    stored = torch.randn(shape).to(dtype)
    if stored.numel() > 2:
        stored.view(-1)[:3] = torch.tensor([float("nan"), float("-inf"), -0.0])
    with cache.entry(KEY) as entry:
        assert entry.put("latents", stored)
        assert entry.append(0, stored)
        read = entry.get("latents")
        (step,) = entry.known()
    assert read is not None
    for tensor in (read, step):
        assert (tensor.dtype, tensor.shape) == (dtype, stored.shape)
        assert torch.equal(tensor.view(-1).view(torch.uint8), stored.view(-1).view(torch.uint8))


def test_a_part_of_a_larger_tensor_takes_only_its_own_room(cache: TrajectoryCache) -> None:
    clip = torch.randn(64, 4, 32, 32)
    with cache.entry(KEY) as entry:
        entry.put("frame", clip[1].transpose(1, 2))
        read = entry.get("frame")
    assert read is not None
    assert torch.equal(read, clip[1].transpose(1, 2))
    assert sum(path.stat().st_size for path in (cache.folder / KEY).iterdir()) < 20_000


def test_an_entry_that_was_never_filled_knows_nothing(cache: TrajectoryCache) -> None:
    with cache.entry(KEY) as entry:
        assert entry.known() == []
        assert entry.get("latents") is None


def test_entries_and_names_do_not_mix(cache: TrajectoryCache) -> None:
    with cache.entry(KEY) as one, cache.entry(OTHER) as other:
        one.append(0, latent(0))
        one.put("latents", latent(7))
        assert other.known() == []
        assert other.get("latents") is None
        assert one.get("condition") is None


def test_a_file_under_another_name_is_not_taken_for_it(cache: TrajectoryCache) -> None:
    with cache.entry(KEY) as entry:
        entry.append(0, latent(0))
        folder = cache.folder / KEY
        (folder / "step-0000.safetensors").rename(folder / "step-0001.safetensors")
        assert entry.known() == []


damages = st.tuples(
    st.sampled_from(["append", "cut", "flip", "empty", "delete", "half", "reopen"]),
    st.integers(0, 5),
    st.integers(0, 1 << 30),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(damages, max_size=20))
def test_what_is_known_is_always_the_first_steps_as_they_were_stored(events: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = TrajectoryCache(Path(folder), LARGE)
        entry = cache.entry(KEY)
        whole: set[int] = set()
        for event, step, chance in events:
            path = Path(folder) / KEY / f"step-{step:04d}.safetensors"
            if event == "append":
                assert entry.append(step, latent(step))
                whole.add(step)
            elif event == "reopen":
                entry.close()
                entry = cache.entry(KEY)
                prefix = next(count for count in range(7) if count not in whole)
                assert_steps(entry, prefix)
                whole = set(range(prefix))
            elif event == "half":
                path.with_name(f".{path.stem}.x.part.safetensors").write_bytes(b"half")
            elif path.exists():
                damage(path, event, chance)
                whole.discard(step)
        assert_steps(entry, next(count for count in range(7) if count not in whole))
        entry.close()


def damage(path: Path, how: str, chance: int) -> None:
    data = bytearray(path.read_bytes())
    if how == "delete":
        path.unlink()
    elif how == "cut":
        path.write_bytes(data[: chance % len(data)])
    elif how == "empty":
        path.write_bytes(b"")
    elif data:
        data[chance % len(data)] ^= 1 << chance % 8
        path.write_bytes(data)


def test_a_damaged_step_and_those_after_it_are_removed(cache: TrajectoryCache) -> None:
    with cache.entry(KEY) as entry:
        for step in range(4):
            entry.append(step, latent(step))
        damage(cache.folder / KEY / "step-0001.safetensors", "flip", 900)
        assert_steps(entry, 1)
        assert files(cache.folder / KEY) == ["step-0000.safetensors"]


def test_a_damaged_named_tensor_is_removed(cache: TrajectoryCache) -> None:
    with cache.entry(KEY) as entry:
        entry.put("latents", latent(0))
        path = cache.folder / KEY / "named-latents.safetensors"
        damage(path, "cut", 400)
        assert entry.get("latents") is None
        assert not path.exists()


APPENDING = """
import sys, torch
from pathlib import Path
from engine.videoshop.cache import TrajectoryCache
from tests.engine.videoshop.test_cache import KEY, LARGE, latent
with TrajectoryCache(Path(sys.argv[1]), LARGE).entry(KEY) as entry:
    print("open", flush=True)
    for step in range(int(sys.argv[2])):
        assert entry.append(step, latent(step))
        print(step, flush=True)
    sys.stdin.read()
"""


def appending(folder: Path, steps: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", APPENDING, str(folder), str(steps)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])


def lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    assert process.stdout is not None
    return iter(process.stdout)


def test_a_process_killed_while_it_appends_leaves_whole_steps(cache: TrajectoryCache) -> None:
    with appending(cache.folder, 9000) as process:
        said = lines(process)
        told = [next(said) for _ in range(30)]
        process.send_signal(signal.SIGKILL)
    with cache.entry(KEY) as entry:
        known = entry.known()
        assert len(known) >= len(told) - 1
        assert all(torch.equal(tensor, latent(step)) for step, tensor in enumerate(known))
        assert not list((cache.folder / KEY).glob(".*.part*"))


def test_two_processes_fill_one_entry(cache: TrajectoryCache) -> None:
    with appending(cache.folder, 20) as one, appending(cache.folder, 20) as other:
        for process in (one, other):
            assert len(list(islice(lines(process), 21))) == 21
        with cache.entry(KEY) as entry:
            assert_steps(entry, 20)
        one.communicate()
        other.communicate()
    assert (one.returncode, other.returncode) == (0, 0)


def filled(cache: TrajectoryCache, key: str, used: float) -> None:
    """An entry of two steps, about 5 kB, last used at the time `used`."""
    with cache.entry(key) as entry:
        entry.append(0, latent(0))
        entry.append(1, latent(1))
    os.utime(cache.folder / key / "used", (used, used))


def entries(cache: TrajectoryCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir() if path.is_dir()}


def size(cache: TrajectoryCache) -> int:
    return sum(path.stat().st_size for path in cache.folder.rglob("*") if path.is_file())


def test_the_entry_not_used_for_longest_goes_first(cache: TrajectoryCache) -> None:
    filled(cache, KEY, used=300)
    filled(cache, OTHER, used=100)
    filled(cache, THIRD, used=200)
    cache.limit_bytes = size(cache)
    newest = key_of(clip="new")
    with cache.entry(newest) as entry:
        assert entry.append(0, latent(0))
    assert entries(cache) == {KEY, THIRD, newest}


def test_reading_an_entry_makes_it_the_newest(cache: TrajectoryCache) -> None:
    filled(cache, KEY, used=100)
    filled(cache, OTHER, used=200)
    with cache.entry(KEY) as entry:
        entry.known()
    cache.limit_bytes = size(cache)
    with cache.entry(THIRD) as entry:
        entry.append(0, latent(0))
    assert entries(cache) == {KEY, THIRD}


def test_the_cache_stays_within_its_bound(tmp_path: Path) -> None:
    cache = TrajectoryCache(tmp_path, 12_000)
    for clip in range(8):
        with cache.entry(key_of(clip=clip)) as entry:
            assert entry.append(0, latent(0))
            assert size(cache) <= 12_000
    assert cache.trouble is None


def test_an_entry_in_use_by_another_process_stays(cache: TrajectoryCache) -> None:
    with appending(cache.folder, 2) as process:
        said = lines(process)
        while next(said) != b"1\n":
            pass
        filled(cache, OTHER, used=1e12)
        os.utime(cache.folder / KEY / "used", (1, 1))
        cache.limit_bytes = size(cache)
        with cache.entry(THIRD) as entry:
            assert entry.append(0, latent(0))
        assert entries(cache) == {KEY, THIRD}
        process.communicate()


def test_an_entry_whose_process_was_killed_can_go(cache: TrajectoryCache) -> None:
    with appending(cache.folder, 2) as process:
        said = lines(process)
        while next(said) != b"1\n":
            pass
        process.send_signal(signal.SIGKILL)
    cache.limit_bytes = size(cache)
    with cache.entry(THIRD) as entry:
        assert entry.append(0, latent(0))
    assert entries(cache) == {THIRD}


def test_where_all_is_in_use_nothing_is_removed_and_nothing_added(cache: TrajectoryCache) -> None:
    filled(cache, OTHER, used=100)
    with cache.entry(KEY) as entry:
        assert entry.append(0, latent(0))
        cache.limit_bytes = 3_000
        assert not entry.append(1, latent(1))
        assert cache.trouble is not None
        assert "takes all" in cache.trouble
        cache.limit_bytes = LARGE
        assert not entry.append(2, latent(2)), "it stays off"
        assert_steps(entry, 1)
    assert entries(cache) == {KEY, OTHER}


def test_a_folder_that_cannot_be_made_stores_nothing_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = TrajectoryCache(tmp_path / "file" / "cache", LARGE)
    with cache.entry(KEY) as entry:
        assert not entry.append(0, latent(0))
        assert not entry.put("latents", latent(0))
        assert entry.known() == []
    assert cache.trouble is not None
    assert cache.trouble.startswith("Intermediate results could not be stored: ")


def test_a_read_only_folder_is_still_read(cache: TrajectoryCache) -> None:
    filled(cache, KEY, used=100)
    refused = mock.patch("engine.videoshop.cache.hold", side_effect=PermissionError(13, "Permission denied"))
    with refused, cache.entry(KEY) as entry:
        assert_steps(entry, 2)
        assert not entry.append(2, latent(2))
    assert cache.trouble == ("Intermediate results could not be stored: Permission denied. The job went on without.")


def test_a_full_disk_ends_the_storing_but_not_the_job(cache: TrajectoryCache) -> None:
    with cache.entry(KEY) as entry:
        assert entry.append(0, latent(0))
        full = mock.patch("pathlib.Path.write_bytes", side_effect=OSError(28, "No space left on device"))
        with full:
            assert not entry.append(1, latent(1))
        assert not entry.append(1, latent(1))
        assert_steps(entry, 1)
        assert not list((cache.folder / KEY).glob(".*"))
    assert cache.trouble is not None
    assert "not enough room" in cache.trouble


def test_an_entry_is_given_up_when_it_is_closed(cache: TrajectoryCache) -> None:
    entry = cache.entry(KEY)
    (mark,) = (cache.folder / KEY).glob("in-use-*")
    with mark.open("rb+") as lock, pytest.raises(OSError, match="temporarily unavailable"):
        hold(lock)
    entry.close()
    entry.close()
    assert not mark.exists()
