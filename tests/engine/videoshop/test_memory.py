"""Specification of the memory planner: the fastest way that fits, and lighter ones where it did not."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ResourceError
from engine.videoshop.memory import (
    HEADROOM,
    LOW,
    NORMAL,
    SHARED_HEADROOM,
    SVD,
    Device,
    MemoryPlan,
    Resources,
    is_out_of_memory,
    lighter,
    plan,
    release,
    resources,
)
from engine.videoshop.memory import Stage as MemoryStage

GIB = 1 << 30
FULL = (14, 576, 1024)


def processor(free: float, total: float = 128) -> Device:
    return Device("cpu", "this machine", int(free * GIB), int(total * GIB), half=False, fused_attention=True)


def card(free: float, total: float, *, half: bool = True) -> Device:
    return Device("cuda", "a card", int(free * GIB), int(total * GIB), half, fused_attention=True)


def machine(device: Device | None = None, *, host: float = 24) -> Resources:
    return Resources((device,) if device else (), processor(host))


def lighter_ones(first: MemoryPlan, during: MemoryStage | None = None) -> Iterator[MemoryPlan]:
    step: MemoryPlan | None = first
    while step is not None:
        yield step
        step = lighter(step, during)


def budget(device: Device, ceiling: int = NORMAL) -> int:
    return device.free - SHARED_HEADROOM if device.kind == "cpu" else min(ceiling, device.free - HEADROOM)


# what fits


def test_a_large_card_keeps_the_whole_model_and_guides_in_one_batch() -> None:
    chosen = plan(machine(card(138, 140)), SVD, *FULL)
    assert (chosen.dtype, chosen.vae_dtype) == (torch.float16, torch.float32)
    assert (chosen.offload, chosen.batched_guidance, chosen.forward_chunk) == ("none", True, None)
    assert chosen.estimate.peak <= NORMAL


def test_low_memory_stays_below_its_ceiling_on_a_large_card() -> None:
    chosen = plan(machine(card(138, 140)), SVD, *FULL, ceiling=LOW)
    assert chosen.estimate.peak <= LOW
    assert chosen.offload == "model"


@pytest.mark.parametrize(
    ("name", "found", "offload", "dtype"),
    [
        ("RTX 4090", machine(card(22.5, 24)), "none", torch.float16),
        ("RTX 3060", machine(card(10.8, 12)), "none", torch.float16),
        ("RTX 3070", machine(card(7.0, 8)), "model", torch.float16),
        ("RTX 2060", machine(card(5.1, 6), host=12), "model", torch.float16),
        ("GTX 1660", machine(card(5.1, 6, half=False), host=14), "sequential", torch.float32),
        ("GTX 1050 Ti", machine(card(3.4, 4), host=12), "sequential", torch.float16),
        (
            "Mac",
            Resources((Device("mps", "M1", 10 * GIB, 11 * GIB, True, False),), processor(10)),
            "none",
            torch.float16,
        ),
        ("32 GB", machine(host=27), "none", torch.float32),
        ("16 GB", machine(host=12), "none", torch.bfloat16),
    ],
)
def test_usual_machines_have_a_plan(name: str, found: Resources, offload: str, dtype: torch.dtype) -> None:
    chosen = plan(found, SVD, *FULL)
    assert (chosen.offload, chosen.dtype) == (offload, dtype), chosen.told
    assert name


def test_attention_is_sliced_only_where_all_its_scores_would_not_fit() -> None:
    mac = Device("mps", "M1", 10 * GIB, 11 * GIB, True, False)
    assert plan(Resources((mac,), processor(10)), SVD, *FULL).attention == "sliced"
    assert plan(Resources((mac,), processor(10)), SVD, 14, 192, 320).attention == "fused"
    assert plan(machine(card(7, 8)), SVD, *FULL).attention == "fused"


def test_the_vae_is_in_single_precision_only_where_half_would_overflow() -> None:
    from dataclasses import replace

    safe = replace(SVD, force_upcast=False)
    assert plan(machine(card(22, 24)), safe, *FULL).vae_dtype == torch.float16
    assert plan(machine(host=12), SVD, *FULL).vae_dtype == torch.bfloat16


def test_the_card_with_the_most_free_memory_is_used() -> None:
    small, large = card(5, 24), Device("cuda", "another", 20 * GIB, 24 * GIB, True, True, index=1)
    assert plan(Resources((small, large), processor(24)), SVD, *FULL).device == torch.device("cuda:1")


def test_modules_wait_in_the_machines_memory_only_where_it_has_room() -> None:
    chosen = plan(machine(card(8, 8), host=4), SVD, *FULL)
    assert chosen.offload == "none"
    with pytest.raises(ResourceError) as refused:
        plan(machine(card(5, 8), host=4), SVD, *FULL)
    assert refused.value.code == "resource.device_busy"


def test_a_card_that_others_fill_is_refused_with_a_hint() -> None:
    with pytest.raises(ResourceError) as refused:
        plan(machine(card(1.5, 8)), SVD, *FULL)
    assert refused.value.code == "resource.device_busy"
    assert "a card" in refused.value.message


def test_a_card_that_is_too_small_leaves_the_work_to_the_processor() -> None:
    assert plan(machine(card(1.9, 2)), SVD, *FULL).device.type == "cpu"


def test_a_machine_that_is_too_small_is_refused_with_a_hint() -> None:
    with pytest.raises(ResourceError) as refused:
        plan(Resources((), processor(3, 4)), SVD, *FULL)
    assert refused.value.code == "resource.memory_too_small"


def test_a_short_and_small_clip_is_decoded_whole() -> None:
    chosen = plan(machine(card(7, 8)), SVD, 14, 128, 192)
    assert chosen.decode_chunk == 14
    assert "decoded" not in chosen.told


# rules for all machines

memories = st.floats(2, 48)
clips = st.tuples(st.integers(1, 25), st.sampled_from([128, 384, 576]), st.sampled_from([192, 640, 1024]))
machines = st.builds(
    lambda free, host, half, fused, kind: (
        Device(kind, "a device", int(free * GIB), 64 * GIB, half, fused) if kind != "cpu" else None,
        host,
    ),
    memories,
    memories,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["cuda", "xpu", "mps", "cpu"]),
)


def planned(device: Device | None, host: float, clip: tuple[int, int, int]) -> MemoryPlan | None:
    try:
        return plan(machine(device, host=host), SVD, *clip)
    except ResourceError:
        return None


@settings(max_examples=30, deadline=None)
@given(machines, clips)
def test_a_plan_fits_what_is_free_by_its_own_estimate(
    found: tuple[Device | None, float], clip: tuple[int, int, int]
) -> None:
    device, host = found
    chosen = planned(device, host, clip)
    if chosen is not None:
        assert chosen.estimate.peak <= budget(chosen.job.device)


@settings(max_examples=30, deadline=None)
@given(machines, clips, st.floats(1, 3))
def test_more_free_memory_never_gives_a_slower_plan(
    found: tuple[Device | None, float], clip: tuple[int, int, int], more: float
) -> None:
    from dataclasses import replace

    device, host = found
    larger = replace(device, free=min(device.total, int(device.free * more))) if device else None
    with_less, with_more = planned(device, host, clip), planned(larger, host * more, clip)
    if with_less is not None:
        assert with_more is not None
        assert with_more.cost <= with_less.cost or with_more.device != with_less.device


@settings(max_examples=10, deadline=None)
@given(machines, clips, st.sampled_from([None, "encode", "network", "decode"]))
def test_stepping_down_ends_and_takes_less_every_time(
    found: tuple[Device | None, float], clip: tuple[int, int, int], during: MemoryStage | None
) -> None:
    first = planned(*found, clip)
    if first is None:
        return
    steps = list(lighter_ones(first, during))
    assert len(steps) < 40
    for before, after in pairwise(steps):
        assert after.estimate.within(before.estimate)
        assert after.device == before.device
        if during is None:
            assert after.estimate.peak < before.estimate.peak
        else:
            assert getattr(after.estimate, during) < getattr(before.estimate, during)


def test_a_stage_that_failed_gets_lighter_itself() -> None:
    first = plan(machine(card(22.5, 24)), SVD, *FULL)
    after_decoding, after_a_pass = lighter(first, "decode"), lighter(first, "network")
    assert after_decoding is not None
    assert after_decoding.decode_chunk < first.decode_chunk
    assert after_a_pass is not None
    assert after_a_pass.estimate.network <= 0.9 * first.estimate.network


def test_the_report_is_told_what_was_chosen() -> None:
    told = plan(machine(card(7.0, 8)), SVD, *FULL).told
    assert told.startswith("cuda (a card): float16 (VAE float32), one model at a time, ")
    assert "decoded 2 of 14 frames at a time" in told
    assert told.endswith("GB of 7.5 GB free")


# this machine


def test_this_machine_has_memory() -> None:
    found = resources()
    for device in (*found.accelerators, found.cpu):
        assert 0 < device.free <= device.total
        assert torch.zeros(1, device=device.torch).item() == 0


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("Native API failed. Native API returns: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"),
        RuntimeError("MPS backend out of memory (MPS allocated: 7.23 GB, other allocations: 1.54 GB, max 9.07 GB)."),
        RuntimeError("Invalid buffer size: 19.45 GB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("[enforce fail] . DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    ],
)
def test_every_devices_word_for_no_memory_is_understood(error: BaseException) -> None:
    assert is_out_of_memory(error)
    outer = ValueError("something failed")
    outer.__cause__ = error
    assert is_out_of_memory(outer)


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 shapes cannot be multiplied"), ValueError("out of memory"), KeyError("x")]
)
def test_other_errors_are_not_taken_for_it(error: BaseException) -> None:
    assert not is_out_of_memory(error)


def test_a_real_shortage_is_recognised() -> None:
    with pytest.raises(RuntimeError) as error:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(error.value)


def test_releasing_frees_what_only_a_circle_held() -> None:
    import weakref

    circle: Any = torch.nn.Module()
    circle.itself = [circle]
    seen = weakref.ref(circle)
    del circle
    release()
    assert seen() is None
