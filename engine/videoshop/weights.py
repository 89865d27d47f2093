"""Finding a model's weights and telling what they are, from their configs and headers alone; loading them.

A model is a folder in diffusers' layout, or a single-file checkpoint.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import WeightsError
from engine.videoshop import checkpoint, configs, tensors
from engine.videoshop.catalogue import CONFIGS, MANIFEST, MARKER, MODELS, STEMS, store, tensor_file
from engine.videoshop.tensors import TensorFile

if TYPE_CHECKING:  # finding weights needs no torch
    import torch

    from engine.videoshop.footprint import ModelSize
    from engine.videoshop.pipeline import VideoshopPipeline

PICKLES = frozenset({".ckpt", ".bin", ".pt", ".pth"})
PIPELINES = frozenset({"StableVideoDiffusionPipeline", "VideoshopPipeline"})
MODULES = {
    "unet": "UNetSpatioTemporalConditionModel",
    "vae": "AutoencoderKLTemporalDecoder",
    "image_encoder": "CLIPVisionModelWithProjection",
}
SAMPLES, SAMPLE_BYTES = 256, 256
"""How much of a file's tensors goes into its identity: models of one shape differ there alone."""


@dataclass(frozen=True)
class Weights:
    """A model that was found, whole as far as its headers tell.

    `folder` is in diffusers' layout, or a single file. `identity` changes with the configs and the tensors. `frames`
    are made at once, of about `area` pixels, with sides that are multiples of `multiple`. `variant` is “fp16” where
    files of that precision are there. `configs` are those of the components, by name.
    """

    folder: Path
    identity: str
    frames: int
    area: int
    multiple: int
    variant: str | None
    configs: Mapping[str, dict[str, Any]] = field(repr=False)

    @cached_property
    def size(self) -> "ModelSize":
        """What the model needs of memory."""
        return _sized(json.dumps([self.configs[component] for component in MODULES], sort_keys=True))


@lru_cache(maxsize=8)
def _sized(said: str) -> "ModelSize":
    """What the model of these configs, as JSON, needs; measuring one takes seconds."""
    from engine.videoshop.footprint import ModelSize

    return ModelSize.of(*json.loads(said))


def locate(weights: Path | None, option: str = "--weights") -> Weights:
    """The model at a path, or of a known name, or (None) the first that is installed.

    Raises WeightsError, which tells of `option` where none is installed: what names the path on the command line.
    """
    if weights is None:
        for name in MODELS:
            if (store() / name / MANIFEST).is_file():
                return inspect(store() / name)
        for name in MODELS:
            if (store() / name / MARKER).is_file():
                raise WeightsError.incomplete(store() / name)
        raise WeightsError.none_installed(option)
    if not weights.exists() and weights.name in MODELS and (store() / weights.name).is_dir():
        return inspect(store() / weights.name)
    return inspect(weights)


def inspect(path: Path, *, finished: bool = False) -> Weights:
    """What the model at `path` is. Reads configs and headers; see `Weights`. Raises WeightsError.

    A download that is not `finished` is refused.
    """
    if path.is_file():
        return _file(path)
    if not path.is_dir():
        raise WeightsError.missing(path)
    if (path / MARKER).is_file() and not finished:
        raise WeightsError.incomplete(path)
    if not (path / "model_index.json").is_file():
        return _folder_without_index(path)
    pipeline = str(_config(path / "model_index.json").get("_class_name"))
    if pipeline not in PIPELINES:
        raise WeightsError.wrong_model(path, f"a {pipeline}")
    said = {Path(name).parent.name: _config(path / name) for name in CONFIGS if "/" in name}
    for component, expected in MODULES.items():
        config = said[component]
        found = config.get("_class_name") or next(iter(config.get("architectures") or ()), config.get("model_type"))
        if found != expected:
            raise WeightsError.wrong_model(path, f"a model whose {component} is a {found}")
    files = _tensor_files(path)
    half = any((path / f"{stem}.fp16.safetensors").is_file() for stem in STEMS.values())
    return _weights(path, said, files, "fp16" if half else None)


def chosen(path: Path, half: bool) -> dict[str, Path]:
    """The file of tensors of each component of a folder, by component: the precision that fits, where there is one."""
    names = {file.relative_to(path).as_posix() for file in path.glob("*/*.safetensors")}
    found = {}
    for component, stem in STEMS.items():
        name = tensor_file(names, component, "half" if half else "full")
        if name is None:
            pickle = next((file for file in path.glob(f"{component}/*") if file.suffix in PICKLES), None)
            raise WeightsError.pickled(pickle) if pickle else WeightsError.part_missing(path, f"{stem}.safetensors")
        found[component] = path / name
    return found


def config_of(path: Path, component: str) -> dict[str, Any]:
    """The config of a component of a folder. Raises WeightsError."""
    return _config(path / next(name for name in CONFIGS if name.startswith(f"{component}/")))


def load(weights: Weights, dtype: "torch.dtype") -> "VideoshopPipeline":
    """The model, its tensors as `dtype`, on the CPU. Never holds a tensor twice. Raises WeightsError."""
    from engine.videoshop.loading import load

    return load(weights, dtype)


def _file(path: Path) -> Weights:
    if path.suffix.lower() in PICKLES:
        raise WeightsError.pickled(path)
    if path.suffix.lower() != ".safetensors":
        raise WeightsError.not_weights(path)
    file = tensors.read(path)
    if not checkpoint.is_checkpoint(file):
        raise WeightsError.wrong_model(path, checkpoint.described(file))
    tensors.loadable(file)
    said = configs.configs(file)
    half = file.tensors[f"{configs.CLIP}proj"].dtype == "F16"
    return _weights(path, said, [file], "fp16" if half else None)


def _folder_without_index(path: Path) -> Weights:
    """A folder that holds a checkpoint, or what it is instead."""
    if (path / "config.json").is_file():
        config = _config(path / "config.json")
        raise WeightsError.wrong_model(path, f"a single {config.get('_class_name') or config.get('model_type')}")
    if any((path / f"{component}/config.json").is_file() for component in MODULES):
        raise WeightsError.part_missing(path, "model_index.json")
    files = [file for file in sorted(path.iterdir()) if file.is_file()]
    checkpoints = [file for file in files if file.suffix == ".safetensors"]
    if len(checkpoints) == 1:
        return _file(checkpoints[0])
    if pickle := next((file for file in files if file.suffix in PICKLES), None):
        raise WeightsError.pickled(pickle)
    raise WeightsError.not_weights(path)


def _config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise WeightsError.part_missing(path.parent.parent, f"{path.parent.name}/{path.name}")
    try:
        said = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise WeightsError.damaged(path, "it is not JSON") from error
    if not isinstance(said, dict):
        raise WeightsError.damaged(path, "it is no JSON object")
    return said


def _tensor_files(path: Path) -> list[TensorFile]:
    """The files of tensors of a folder, in both precisions where they are there, checked."""
    both = {file for half in (True, False) for file in chosen(path, half).values()}
    return [tensors.loadable(tensors.read(file)) for file in sorted(both)]


def _weights(path: Path, said: Mapping[str, dict[str, Any]], files: list[TensorFile], variant: str | None) -> Weights:
    try:
        factor = 2 ** (len(said["vae"]["block_out_channels"]) - 1)
        return Weights(
            path,
            _identity(said, files),
            int(said["unet"]["num_frames"]),
            (int(said["unet"]["sample_size"]) * factor) ** 2,
            factor * 2 ** (len(said["unet"]["block_out_channels"]) - 1),
            variant,
            said,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError.damaged(path, f"its configs do not say {error}") from error


def _identity(said: Mapping[str, dict[str, Any]], files: list[TensorFile]) -> str:
    """A hash of configs, headers, sizes, and of tensors' bytes here and there; not of names and versions."""
    identity = hashlib.sha256()
    for component in sorted(said):
        config = {key: value for key, value in said[component].items() if "version" not in key and key[:5] != "_name"}
        identity.update(json.dumps([component, config], sort_keys=True, default=str).encode())
    for file in files:
        identity.update(file.header + file.size.to_bytes(8, "little"))
        start = 8 + len(file.header)
        with file.path.open("rb") as opened:
            for number in range(SAMPLES):
                opened.seek(start + (file.size - start) * number // SAMPLES)
                identity.update(opened.read(SAMPLE_BYTES))
    return identity.hexdigest()[:16]
