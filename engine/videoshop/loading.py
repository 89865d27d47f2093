"""Tensors from files into diffusers' modules, one at a time."""

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from engine.errors import WeightsError
from engine.videoshop import checkpoint, configs, tensors
from engine.videoshop.checkpoint import Origin
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.tensors import TensorFile
from engine.videoshop.weights import Weights, chosen, config_of

Module = Any
"""A module of diffusers or transformers."""
COMPONENTS = ("unet", "vae", "image_encoder")


def load(weights: Weights, dtype: torch.dtype) -> VideoshopPipeline:
    """See `weights.load`."""
    path = weights.folder
    if path.is_file():
        file = tensors.read(path)
        said: Mapping[str, dict[str, Any]] = configs.configs(file)
        modules = {}
        for component in COMPONENTS:
            module = _empty(component, said[component])
            origins = checkpoint.origins(component, module.state_dict(), said[component], file)
            modules[component] = _filled(module, file, origins, dtype)
    else:
        said = {component: config_of(path, component) for component in (*COMPONENTS, "scheduler", "feature_extractor")}
        modules = {}
        for component, tensor_path in chosen(path, half=dtype != torch.float32).items():
            module = _empty(component, said[component])
            origins = {name: Origin(name) for name in module.state_dict()}
            modules[component] = _filled(module, tensors.read(tensor_path), origins, dtype)
    return VideoshopPipeline(
        vae=modules["vae"],
        image_encoder=modules["image_encoder"],
        unet=modules["unet"],
        scheduler=_of_config(EulerDiscreteScheduler, said["scheduler"]),
        feature_extractor=CLIPImageProcessor.from_dict(dict(said["feature_extractor"])),
    )


def _empty(component: str, config: Mapping[str, Any]) -> Module:
    """A module without tensors."""
    with torch.device("meta"):
        if component == "unet":
            return _of_config(UNetSpatioTemporalConditionModel, config)
        if component == "vae":
            return _of_config(AutoencoderKLTemporalDecoder, config)
        return CLIPVisionModelWithProjection(CLIPVisionConfig.from_dict(dict(config)))


def _of_config(kind: Any, config: Mapping[str, Any]) -> Any:
    return kind.from_config(dict(config))


def _filled(module: Module, file: TensorFile, origins: Mapping[str, Origin], dtype: torch.dtype) -> Module:
    """`module` with its tensors, each read and converted by itself. Raises WeightsError."""
    wanted: dict[str, Tensor] = module.state_dict()
    _check(file, origins, wanted)
    state = {}
    try:
        with safe_open(file.path, framework="pt") as opened:
            for name, empty in wanted.items():
                state[name] = _read(opened, origins[name], empty).to(dtype, copy=True)  # off the file, aligned
    except SafetensorError as error:
        raise WeightsError.damaged(file.path, str(error)) from error
    module.load_state_dict(state, strict=True, assign=True)
    for name, buffer in module.named_buffers():
        if buffer.is_meta:  # counted, not stored
            owner = module.get_submodule(name.rpartition(".")[0])
            setattr(owner, name.rpartition(".")[2], torch.arange(buffer.shape[-1]).expand(buffer.shape))
    return module.requires_grad_(False).eval()


def _read(opened: Any, origin: Origin, empty: Tensor) -> Tensor:
    if origin.name is None:
        value = torch.eye(len(empty)) if empty.ndim > 1 else torch.zeros(len(empty))
    elif origin.third is not None:
        rows = len(empty)
        value = opened.get_slice(origin.name)[origin.third * rows : (origin.third + 1) * rows]
    else:
        value = opened.get_tensor(origin.name)
    return (value.T.contiguous() if origin.turned else value).reshape(empty.shape)


def _check(file: TensorFile, origins: Mapping[str, Origin], wanted: Mapping[str, Tensor]) -> None:
    """Every tensor is there, in its shape."""
    for name, origin in origins.items():
        if origin.name is None:
            continue
        found = file.tensors.get(origin.name)
        if found is None:
            raise WeightsError.part_missing(file.path, f"the tensor {origin.name}")
        if _shape(found.shape, origin) != _squeezed(wanted[name].shape):
            raise WeightsError.tensors_differ(
                file.path, f"{origin.name} is {list(found.shape)} where {list(wanted[name].shape)} was expected"
            )


def _shape(shape: tuple[int, ...], origin: Origin) -> tuple[int, ...]:
    if origin.third is not None:
        return (shape[0] // 3, *shape[1:])
    return _squeezed(shape[::-1] if origin.turned else shape)


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without trailing ones: convolutions of one pixel are matrices."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return tuple(shape)
