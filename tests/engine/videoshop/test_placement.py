"""Specification of placement: a plan really takes hold, and results stay what they were."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine.errors import ResourceError
from engine.videoshop import placement
from engine.videoshop.footprint import SVD
from engine.videoshop.memory import Device, MemoryPlan, Resources, apply, is_out_of_memory, lighter, plan
from engine.videoshop.pipeline import Micro, VideoshopPipeline
from engine.videoshop.placement import SlicedAttention, take_turns
from tests.engine.videoshop import small

GIB = 1 << 30
PROCESSOR = Device("cpu", "this machine", 60 * GIB, 64 * GIB, half=False, fused_attention=True)
FRAMES = 5


@pytest.fixture(scope="module")
def model() -> VideoshopPipeline:
    return small.pipeline()


@pytest.fixture
def whole() -> MemoryPlan:
    return plan(Resources((), PROCESSOR), SVD, FRAMES, 32, 48)


def results(model: VideoshopPipeline, chosen: MemoryPlan) -> dict[str, Tensor]:
    """What every part of the model makes of fixed inputs, laid out as `chosen`."""
    apply(model, chosen)
    generator = torch.Generator().manual_seed(1)
    frames = torch.rand(FRAMES, 3, 32, 48, generator=generator)
    noise, x = torch.randn(1, 3, 32, 48, generator=generator), torch.randn(FRAMES, 4, 16, 24, generator=generator)
    condition = model.condition(frames[:1], noise, Micro())
    latents = model.encode(frames, chunk=chosen.encode_chunk)
    told, untold = model.guiding(condition, Micro(), batched=chosen.batched_guidance)(x, 1.3)
    images = torch.cat(list(model.decode(latents, chunk=chosen.decode_chunk)))
    return {"latents": latents, "embedding": condition.embedding, "told": told, "untold": untold, "images": images}


def difference(model: VideoshopPipeline, one: MemoryPlan, other: MemoryPlan) -> dict[str, float]:
    """The largest difference of each result, relative to its largest value."""
    expected, found = results(model, one), results(model, other)
    return {name: float((found[name] - value).abs().max() / value.abs().max()) for name, value in expected.items()}


@pytest.mark.parametrize(
    "change",
    [
        {"forward_chunk": 1},
        {"attention": "sliced"},
        {"channels_last": True},
        {"encode_chunk": 1},
        {"batched_guidance": False},
        {"offload": "model"},
        {"offload": "sequential"},
        {"offload": "sequential", "forward_chunk": 1, "encode_chunk": 2},
    ],
    ids=str,
)
def test_saving_memory_keeps_results_up_to_rounding(
    model: VideoshopPipeline, whole: MemoryPlan, change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "SCORES_BYTES", 2000)
    assert max(difference(model, whole, replace(whole, **change)).values()) < 2e-5


def test_going_back_to_a_plan_gives_its_results_bit_for_bit(model: VideoshopPipeline, whole: MemoryPlan) -> None:
    before = results(model, whole)
    results(model, replace(whole, offload="sequential", forward_chunk=1, channels_last=True, attention="sliced"))
    after = results(model, whole)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_decoding_in_chunks_changes_images_only(model: VideoshopPipeline, whole: MemoryPlan) -> None:
    changed = difference(model, whole, replace(whole, decode_chunk=2))
    assert changed.pop("images") < 0.5
    assert not any(changed.values())


def test_precision_is_the_plans(whole: MemoryPlan) -> None:
    model = small.pipeline()
    changed = difference(model, whole, replace(whole, dtype=torch.bfloat16, vae_dtype=torch.bfloat16))
    assert 1e-4 < max(changed.values()) < 5e-2
    apply(model, replace(whole, dtype=torch.float16, vae_dtype=torch.float32))
    assert (model.unet.dtype, model.image_encoder.dtype, model.vae.dtype) == (
        torch.float16,
        torch.float16,
        torch.float32,
    )


def test_layer_by_layer_nothing_is_kept_in_place(model: VideoshopPipeline, whole: MemoryPlan) -> None:
    apply(model, replace(whole, offload="sequential"))
    assert {parameter.device.type for parameter in model.unet.parameters()} == {"meta"}
    apply(model, whole)
    assert {parameter.device.type for parameter in model.unet.parameters()} == {"cpu"}


class Travelling(nn.Module):
    """A module that says where it is sent, since there is one device here only."""

    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__()
        self.name, self.log = name, log
        self.weight = nn.Parameter(torch.ones(1))

    def to(self, *args: Any, **kwargs: Any) -> Any:
        self.log.append(f"{self.name} to {torch.device(args[0]).type}")
        return self

    def forward(self, x: Tensor) -> Tensor:
        self.log.append(f"{self.name} runs")
        return x * self.weight


def test_a_module_comes_when_the_others_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "send_to_device", lambda given, _: given)
    log: list[str] = []
    one, other = Travelling("one", log), Travelling("other", log)
    take_turns([one, other], torch.device("cuda", 0))
    log.clear()
    one(torch.ones(1))
    assert log == ["other to cpu", "one to cuda", "one runs"]


def test_attention_in_slices_keeps_few_scores(model: VideoshopPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "SCORES_BYTES", 40_000)
    seen: list[int] = []
    real = torch.nn.functional.scaled_dot_product_attention

    def watched(query: Tensor, key: Tensor, value: Tensor, **given: Any) -> Tensor:
        seen.append(2 * query.shape[0] * query.shape[1] * query.shape[2] * key.shape[2] * query.element_size())
        return real(query, key, value, **given)

    monkeypatch.setattr("torch.nn.functional.scaled_dot_product_attention", watched)
    attention: Any = next(layer for layer in model.unet.modules() if type(layer).__name__ == "Attention")
    hidden = torch.randn(16, 48, attention.query_dim if hasattr(attention, "query_dim") else 32)
    untyped: Any = SlicedAttention
    with torch.no_grad():
        untyped()(attention, hidden)
    assert len(seen) > 1
    assert max(seen) <= 40_000


# running out


def run_with(chosen: MemoryPlan, really_free: int) -> MemoryPlan:
    """Work as a method does, on a card whose free memory is another than the planner was told."""
    while True:
        try:
            if chosen.estimate.peak > really_free:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            return chosen
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            tried = chosen
        next_one = lighter(tried)
        if next_one is None:
            raise ResourceError.device_full(tried.told)
        chosen = next_one


def test_a_card_with_less_memory_than_told_ends_with_a_plan_that_fits() -> None:
    card = Device("cuda", "a card", 22 * GIB, 24 * GIB, half=True, fused_attention=True)
    first = plan(Resources((card,), PROCESSOR), SVD, 14, 576, 1024)
    for free in (12, 9, 7, 5, 4):
        reached = run_with(first, free * GIB)
        assert reached.estimate.peak <= free * GIB
        assert reached.cost > first.cost


def test_when_the_lightest_plan_fails_too_the_error_says_what_to_do() -> None:
    card = Device("cuda", "a card", 22 * GIB, 24 * GIB, half=True, fused_attention=True)
    with pytest.raises(ResourceError) as refused:
        run_with(plan(Resources((card,), PROCESSOR), SVD, 14, 576, 1024), 1 * GIB)
    assert refused.value.code == "resource.device_full"
    assert "one layer at a time" in refused.value.message
