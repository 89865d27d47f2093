"""`python -m tests.world.train --out DIR --minutes M --seed S`: train the small model on the procedural world.

DIR/model is the model in diffusers' layout, half precision; DIR/training.json tells how it came about; DIR/seen.png
shows held-back clips above what the VAE gives back of them. Started again with the same DIR it goes on where it was
stopped. The same seed and steps give the same model on the same machine; `--steps` takes the steps that training.json
names in place of minutes.
"""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from engine.videoshop.loading import COMPONENTS
from engine.videoshop.pipeline import VideoshopPipeline
from tests.world.clips import batches, held_back
from tests.world.loop import Loss, Stage, read_checkpoint, write_checkpoint
from tests.world.model import MINIMAL, MOST_BYTES, SECOND, Recipe, trained, untrained, write
from tests.world.objectives import denoising, reconstruction

VAE_SHARE = 0.15
"""Of the time: the network learns in the VAE's latents, which must stand first."""
VAE_RATE, UNET_RATE = 2e-3, 1e-3
SHOWN = 8
"""Held-back clips at each side."""


@dataclass(frozen=True)
class Order:
    """What is asked of a training. `steps` of the VAE and of the network, or None for as many as fit into `minutes`."""

    out: Path
    minutes: float
    seed: int
    device: str = "cpu"
    start: Path | None = None
    """A trained model of the same sizes to go on from; its VAE stays as it is."""
    steps: tuple[int, int] | None = None
    workers: int = 0


def train(recipe: Recipe, order: Order) -> dict[str, Any]:
    """Train to the end and write DIR; returns what training.json says."""
    device = torch.device(order.device)
    order.out.mkdir(parents=True, exist_ok=True)
    made = untrained(recipe, order.seed) if order.start is None else trained(order.start)
    made.unet.register_to_config(sample_size=recipe.sides[-1] // recipe.factor)
    _moved(made, device)
    steps: tuple[int | None, int | None] = order.steps or (None, None)
    seconds, share = order.minutes * 60, VAE_SHARE
    if order.start is not None:
        steps, share = (0, steps[1]), 0.0
    stages = [
        Stage("vae", 0, {"vae": made.vae}, VAE_RATE, order.seed, steps[0], seconds * share),
        Stage(
            "unet",
            1,
            {"unet": made.unet, "image_encoder": made.image_encoder},
            UNET_RATE,
            order.seed,
            steps[1],
            seconds * (1 - share),
        ),
    ]
    kept = order.out / "checkpoint.pt"
    asked = {"recipe": repr(recipe), "seed": order.seed, "start": order.start and order.start.parent.name}
    if kept.is_file():
        _resume(stages, read_checkpoint(kept, device), asked, kept)

    def save() -> None:
        write_checkpoint(kept, {"asked": asked, **{stage.name: stage.state() for stage in stages}})

    losses: dict[str, Loss] = {
        "vae": lambda batch, chance: reconstruction(made, batch, chance),
        "unet": lambda batch, chance: denoising(made, batch, chance, recipe.log_sigma),
    }
    # Frames of one clip are much alike: a VAE that saw nothing else would learn as if from one picture a step.
    lengths = {"vae": (1, 1, recipe.frames), "unet": (recipe.frames,)}
    figures: dict[str, float] = {}
    for stage, clips in zip(stages, (recipe.vae_clips, recipe.unet_clips), strict=True):
        made.vae.requires_grad_(stage.name == "vae")
        drawn = batches(recipe, order.seed, stage.number, clips, stage.done, order.workers, lengths[stage.name])
        stage.train(drawn, losses[stage.name], device, save)
        if stage.name == "vae":
            figures = _settle(made, recipe, order)
    _moved(made, torch.device("cpu"))
    size = write(order.out / "model", made)
    told = {
        "seed": order.seed,
        "start": asked["start"],
        "steps": {stage.name: stage.done for stage in stages},
        "seconds": {stage.name: round(stage.seconds, 1) for stage in stages},
        "losses": {stage.name: _thinned(stage.losses) for stage in stages},
        "held_back": figures,
        "machine": _machine(device),
        "recipe": asdict(recipe),
        "parameters": {name: sum(p.numel() for p in getattr(made, name).parameters()) for name in COMPONENTS},
        "bytes": size,
        "fits": size <= MOST_BYTES,
    }
    (order.out / "training.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return told


def _moved(made: VideoshopPipeline, device: torch.device) -> None:
    for name in COMPONENTS:
        getattr(made, name).to(device)


def _resume(stages: Sequence[Stage], state: dict[str, Any], asked: dict[str, Any], path: Path) -> None:
    if state["asked"] != asked:
        raise SystemExit(f"{path.parent.name} holds another training. Choose another folder, or remove it.")
    for stage in stages:
        stage.resume(state[stage.name])


@torch.no_grad()
def _settle(made: VideoshopPipeline, recipe: Recipe, order: Order) -> dict[str, float]:
    """Scale latents to unit spread, as the network's noise levels assume; returns the VAE's figures."""
    made.vae.eval()
    figures: dict[str, float] = {}
    rows: list[Tensor] = []
    for side in sorted(set(recipe.sides), reverse=True):
        clips = held_back(recipe, order.seed, SHOWN, side)
        made.vae.register_to_config(scaling_factor=1.0)
        latents = torch.cat([made.encode(clip) for clip in clips])
        scale = round(float(1 / latents.std()), 5)
        if side == recipe.sides[-1]:
            figures["scaling_factor"] = scale
        back = torch.cat([part for row in torch.split(latents, recipe.frames) for part in made.decode(row)])
        figures[f"vae_psnr_{side}"] = round(_psnr(back, clips.flatten(0, 1)), 2)
        if side == recipe.sides[-1]:
            returned = torch.split(back, recipe.frames)
            rows = [row for pair in zip(clips, returned, strict=True) for row in pair]
    made.vae.register_to_config(scaling_factor=figures["scaling_factor"])
    sheet = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1).permute(1, 2, 0).numpy()
    pixels = np.round(sheet[..., ::-1] * 255).clip(0, 255).astype(np.uint8).repeat(2, 0).repeat(2, 1)
    cv2.imwrite(str(order.out / "seen.png"), pixels)
    return figures


def _psnr(a: Tensor, b: Tensor) -> float:
    return float(-10 * torch.log10(((a - b) ** 2).mean()))


def _thinned(losses: Sequence[float], points: int = 40) -> list[float]:
    """Means over stretches of equal length."""
    if not losses:
        return []
    return [round(float(np.mean(part)), 5) for part in np.array_split(losses, min(points, len(losses)))]


def _machine(device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {"device": name, "threads": torch.get_num_threads(), "cores": os.cpu_count(), "torch": torch.__version__}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, nargs=2, metavar=("VAE", "UNET"), help="in place of minutes")
    parser.add_argument("--clips", type=int, nargs=2, metavar=("VAE", "UNET"), help="clips a step")
    parser.add_argument("--workers", type=int, default=0, help="processes that render clips")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--start", type=Path, metavar="DIR/model", help="go on from there, in calmer scenes")
    parser.add_argument("--minimal", action="store_true", help="the model that the tests train")
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    recipe = MINIMAL if told.minimal else SECOND if told.start else Recipe()
    if told.clips:
        recipe = replace(recipe, vae_clips=told.clips[0], unet_clips=told.clips[1])
    steps = tuple(told.steps) if told.steps else None
    result = train(recipe, Order(told.out, told.minutes, told.seed, told.device, told.start, steps, told.workers))
    print(json.dumps({name: result[name] for name in ("steps", "seconds", "held_back", "bytes", "fits")}))


if __name__ == "__main__":
    main()
