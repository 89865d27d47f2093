"""The weights that this project knows by name, where they are kept, and which of their files are needed."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from engine.errors import WeightsError

Precision = Literal["half", "full"]

STORE = "VIDEOSHOP_WEIGHTS"
"""Environment variable that moves the folder of weights."""
DATA = "VIDEOSHOP_DATA"
"""Environment variable that moves all of this project's data, of which weights are a part."""

MANIFEST = "weights.json"
"""Written last: what is there, with sizes and sha256."""
MARKER = "weights.incomplete.json"
"""Written first, removed last: what is to come."""


@dataclass(frozen=True)
class Licence:
    """Terms that a person has to agree to: `rule` says in a sentence what they are about; the text at `terms` binds."""

    name: str
    terms: str
    rule: str


@dataclass(frozen=True)
class KnownModel:
    """Weights on the hub, by a short name. `frames` are made at once, `size` is about the bytes in half precision."""

    name: str
    repository: str
    frames: int
    size: int
    about: str
    licence: Licence


def _community(repository: str) -> Licence:
    return Licence(
        "Stability AI Community License",
        f"https://huggingface.co/{repository}/blob/main/LICENSE.md",
        "Free for research, non-commercial use, and commercial use by those whose yearly revenue is below the "
        "licence's threshold (1 million US dollars when this was written); above it a licence of Stability AI is "
        "needed (https://stability.ai/license). The weights may not be passed on without these terms.",
    )


def _known(name: str, repository: str, frames: int, about: str) -> KnownModel:
    return KnownModel(name, repository, frames, 4_510_000_000, about, _community(repository))


MODELS = {
    model.name: model
    for model in (
        _known(
            "svd", "stabilityai/stable-video-diffusion-img2vid", 14, "Stable Video Diffusion, the model of the paper"
        ),
        _known(
            "svd-xt",
            "stabilityai/stable-video-diffusion-img2vid-xt",
            25,
            "Stable Video Diffusion, trained further for longer clips",
        ),
        _known(
            "svd-xt-1.1",
            "stabilityai/stable-video-diffusion-img2vid-xt-1-1",
            25,
            "Stable Video Diffusion, for longer clips of one motion and rate",
        ),
    )
}
"""By name, in the order of preference where none is asked for."""

CONFIGS = (
    "model_index.json",
    "feature_extractor/preprocessor_config.json",
    "image_encoder/config.json",
    "scheduler/scheduler_config.json",
    "unet/config.json",
    "vae/config.json",
)
STEMS = {
    "unet": "unet/diffusion_pytorch_model",
    "vae": "vae/diffusion_pytorch_model",
    "image_encoder": "image_encoder/model",
}
"""Where the tensors of each module are, but for their ending."""
ALONGSIDE = ("LICENSE.md", "LICENSE")
"""Taken along where they are there."""


def named(name: str) -> KnownModel:
    """The model of that name. Raises WeightsError.unknown_name."""
    if name not in MODELS:
        raise WeightsError.unknown_name(name, list(MODELS))
    return MODELS[name]


def store() -> Path:
    """The folder that weights are kept in, one folder for each name."""
    if moved := os.environ.get(STORE):
        return Path(moved).absolute()
    if data := os.environ.get(DATA):
        return Path(data).absolute() / "weights"
    return platformdirs.user_data_path("videoshop", appauthor=False) / "weights"


def tensor_file(names: Collection[str], component: str, precision: Precision) -> str | None:
    """Which of the files `names` has the tensors of `component`: in the wanted precision, else in the other one."""
    half, full = (STEMS[component] + ending for ending in (".fp16.safetensors", ".safetensors"))
    wanted = (half, full) if precision == "half" else (full, half)
    return next((name for name in wanted if name in names), None)


def needed(names: Collection[str], precision: Precision, where: Path) -> list[str]:
    """Which of the files `names` of a model in diffusers' layout are needed. Raises WeightsError.part_missing."""
    chosen = []
    for config in CONFIGS:
        if config not in names:
            raise WeightsError.part_missing(where, config)
        chosen.append(config)
    chosen += [name for name in ALONGSIDE if name in names]
    for component, stem in STEMS.items():
        tensors = tensor_file(names, component, precision)
        if tensors is None:
            raise WeightsError.part_missing(where, f"{stem}.safetensors")
        chosen.append(tensors)
    return chosen
