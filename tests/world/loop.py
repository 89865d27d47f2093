"""Steps of training that can be stopped and taken up again, with the same result as if they had not been."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.world.objectives import Batch

Loss = Callable[[Batch, torch.Generator], Tensor]
"""Of a batch, with what is left to chance."""

WARM_UP = 20
"""Steps until the rate of learning is reached; from the second half of them is told how many fit into the time."""
LONGEST_MEMORY = 0.999
"""Of the moving average of weights; shorter in the beginning."""
LARGEST_GRADIENT = 1.0
SAVED_EVERY = 30.0
"""Seconds."""
TOLD_EVERY = 20
"""Steps."""


@dataclass
class Stage:
    """One network's training: what changes from step to step, and what it is done with.

    `steps` are those to do; None until the first have told how many fit into `seconds_given`.
    """

    name: str
    number: int
    modules: Mapping[str, nn.Module]
    rate: float
    seed: int
    steps: int | None
    seconds_given: float
    done: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    averages: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parameters = [parameter for module in self.modules.values() for parameter in module.parameters()]
        self.optimiser = torch.optim.AdamW(parameters, self.rate, betas=(0.9, 0.99), weight_decay=1e-4)
        if not self.averages:
            self.averages = {name: value.clone() for name, value in self._weights()}

    @property
    def finished(self) -> bool:
        return self.steps is not None and self.done >= self.steps

    def state(self) -> dict[str, Any]:
        """All that taking it up again needs, as `torch.save` takes it."""
        return {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimiser": self.optimiser.state_dict(),
            "averages": self.averages,
            **{name: getattr(self, name) for name in ("steps", "done", "seconds", "losses")},
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        self.optimiser.load_state_dict(state["optimiser"])
        self.averages = {name: state["averages"][name].to(value) for name, value in self.averages.items()}
        self.steps, self.done = state["steps"], state["done"]
        self.seconds, self.losses = state["seconds"], list(state["losses"])

    def train(self, batches: Iterator[Batch], loss: Loss, device: torch.device, save: Callable[[], None]) -> None:
        """Go on to the end, `batches` being those from step `done` on; `save` is called now and then, and at the end.

        The modules then hold their weights' moving averages.
        """
        for module in self.modules.values():
            module.train()
        saved = time.monotonic()
        began, warm = saved - self.seconds, self.seconds
        while not self.finished:
            self._step(next(batches).to(device), loss, device)
            self.seconds = time.monotonic() - began
            if self.done == WARM_UP // 2:
                warm = self.seconds
            if self.steps is None and self.done == WARM_UP:
                each = (self.seconds - warm) / (WARM_UP - WARM_UP // 2)
                self.steps = self.done + max(0, math.floor((self.seconds_given - self.seconds) / each))
            if self.done % TOLD_EVERY == 0:
                recent = sum(self.losses[-TOLD_EVERY:]) / TOLD_EVERY
                print(f"{self.name} {self.done}/{self.steps}  {recent:.4f}  {self.seconds:.0f} s", flush=True)
            if time.monotonic() - saved > SAVED_EVERY:
                save()
                saved = time.monotonic()
        save()
        with torch.no_grad():
            for name, value in self._weights():
                value.copy_(self.averages[name])

    def _step(self, batch: Batch, loss: Loss, device: torch.device) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * self._eased()
        chance = torch.Generator().manual_seed((self.seed * 8 + self.number) * 10_000_000 + self.done)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            lost = loss(batch, chance)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(lost)
        nn.utils.clip_grad_norm_([value for _, value in self._weights()], LARGEST_GRADIENT)
        self.optimiser.step()
        memory = min(LONGEST_MEMORY, (1 + self.done) / (10 + self.done))
        with torch.no_grad():
            for name, value in self._weights():
                self.averages[name].lerp_(value, 1 - memory)
        self.losses.append(float(lost.detach()))
        self.done += 1

    def _eased(self) -> float:
        """What part of the rate is learned with: up in a line, down in a cosine to nothing at the last step."""
        if self.done < WARM_UP or self.steps is None:
            return min(1.0, (self.done + 1) / WARM_UP)
        return 0.5 * (1 + math.cos(math.pi * (self.done - WARM_UP) / max(1, self.steps - WARM_UP)))

    def _weights(self) -> Iterator[tuple[str, nn.Parameter]]:
        for part, module in self.modules.items():
            for name, value in module.named_parameters():
                yield f"{part}.{name}", value


def write_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Whole or not at all."""
    unfinished = path.with_suffix(".part")
    torch.save(dict(state), unfinished)
    unfinished.replace(path)


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    return state
