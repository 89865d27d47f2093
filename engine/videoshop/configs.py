"""Configs for a single-file checkpoint, which brings none: sizes from its tensors, the rest as data."""

import json
from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from typing import Any

from engine.errors import WeightsError
from engine.videoshop.tensors import TensorFile

Config = dict[str, Any]

UNET = "model.diffusion_model."
FIRST_STAGE = "first_stage_model."
CONDITIONER = "conditioner.embedders.3.encoder."
"""The encoder that conditions the network: the first stage's, with the layer that its means go through."""
CLIP = "conditioner.embedders.0.open_clip.model.visual."

SCHEDULER: Config = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "interpolation_type": "linear",
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "sigma_max": 700.0,
    "sigma_min": 0.002,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "timestep_type": "continuous",
    "use_karras_sigmas": True,
}
FEATURE_EXTRACTOR: Config = {
    "crop_size": {"height": 224, "width": 224},
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "size": {"shortest_edge": 224},
}
HEAD_WIDTH = 64
"""Channels of an attention head of the UNet."""
CLIP_HEAD_WIDTH = 80
"""The same in ViT-H."""


def configs(file: TensorFile) -> dict[str, Config]:
    """The configs of a checkpoint's modules, by component.

    What shapes cannot tell is SVD's; a file STEM.json beside the checkpoint says otherwise, such as {"unet":
    {"num_frames": 25}}. Without it a file named svd_xt… makes 25 frames, any other 14. Raises WeightsError.
    """
    shapes = {name: tensor.shape for name, tensor in file.tensors.items()}
    try:
        found = {
            "unet": _unet(shapes, 25 if "xt" in file.path.stem.lower() else 14),
            "vae": _vae(shapes),
            "image_encoder": _image_encoder(shapes),
            "scheduler": dict(SCHEDULER),
            "feature_extractor": dict(FEATURE_EXTRACTOR),
        }
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise WeightsError.tensors_differ(file.path, f"{error} was not found") from error
    for component, said in _beside(file.path).items():
        if component in found and isinstance(said, dict):
            found[component] |= said
    return found


def _beside(checkpoint: Path) -> Config:
    path = checkpoint.with_suffix(".json")
    if not path.is_file():
        return {}
    try:
        said = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise WeightsError.damaged(path, "it is not JSON") from error
    return said if isinstance(said, dict) else {}


Shapes = Mapping[str, tuple[int, ...]]


def _unet(shapes: Shapes, frames: int) -> Config:
    blocks = _count(shapes, f"{UNET}input_blocks.")
    levels: list[list[int]] = [[]]
    for index in range(1, blocks):
        if f"{UNET}input_blocks.{index}.0.op.weight" in shapes:
            levels.append([])
        else:
            levels[-1].append(index)
    channels = [shapes[f"{UNET}input_blocks.{level[-1]}.0.out_layers.3.weight"][0] for level in levels]
    attends = [f"{UNET}input_blocks.{level[0]}.1.proj_in.weight" in shapes for level in levels]
    deepest = _count(shapes, f"{UNET}middle_block.1.time_stack.")
    depths = [
        _count(shapes, f"{UNET}input_blocks.{level[0]}.1.time_stack.") if attending else deepest
        for level, attending in zip(levels, attends, strict=True)
    ]
    told = shapes[f"{UNET}label_emb.0.0.weight"][1]
    return {
        "_class_name": "UNetSpatioTemporalConditionModel",
        "sample_size": 96,
        "in_channels": shapes[f"{UNET}input_blocks.0.0.weight"][1],
        "out_channels": shapes[f"{UNET}out.2.weight"][0],
        "down_block_types": [f"{'CrossAttn' if attending else ''}DownBlockSpatioTemporal" for attending in attends],
        "up_block_types": [f"{'CrossAttn' if attending else ''}UpBlockSpatioTemporal" for attending in attends[::-1]],
        "block_out_channels": channels,
        "addition_time_embed_dim": told // 3,
        "projection_class_embeddings_input_dim": told,
        "layers_per_block": len(levels[0]),
        "cross_attention_dim": shapes[f"{UNET}middle_block.1.transformer_blocks.0.attn2.to_k.weight"][1],
        "transformer_layers_per_block": depths[0] if len(set(depths)) == 1 else depths,
        "num_attention_heads": [max(1, width // HEAD_WIDTH) for width in channels],
        "num_frames": frames,
    }


def _vae(shapes: Shapes) -> Config:
    decoder = f"{FIRST_STAGE}decoder."
    levels = _count(shapes, f"{decoder}up.")
    channels = [shapes[f"{decoder}up.{level}.block.0.conv2.weight"][0] for level in range(levels)]
    return {
        "_class_name": "AutoencoderKLTemporalDecoder",
        "in_channels": shapes[f"{encoder_of(shapes)}encoder.conv_in.weight"][1],
        "out_channels": shapes[f"{decoder}conv_out.weight"][0],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "block_out_channels": channels,
        "layers_per_block": _count(shapes, f"{encoder_of(shapes)}encoder.down.0.block."),
        "latent_channels": shapes[f"{decoder}conv_in.weight"][1],
        "sample_size": 768,
        "scaling_factor": 0.18215,
        "force_upcast": True,
    }


def _image_encoder(shapes: Shapes) -> Config:
    width, patch = shapes[f"{CLIP}conv1.weight"][0], shapes[f"{CLIP}conv1.weight"][-1]
    return {
        "architectures": ["CLIPVisionModelWithProjection"],
        "hidden_size": width,
        "intermediate_size": shapes[f"{CLIP}transformer.resblocks.0.mlp.c_fc.weight"][0],
        "num_hidden_layers": _count(shapes, f"{CLIP}transformer.resblocks."),
        "num_attention_heads": max(1, width // CLIP_HEAD_WIDTH),
        "image_size": isqrt(shapes[f"{CLIP}positional_embedding"][0] - 1) * patch,
        "patch_size": patch,
        "projection_dim": shapes[f"{CLIP}proj"][1],
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
    }


def encoder_of(names: Mapping[str, object]) -> str:
    """The prefix of the VAE's encoder: the conditioner's, else (in pruned files) the first stage's."""
    return CONDITIONER if f"{CONDITIONER}encoder.conv_in.weight" in names else FIRST_STAGE


def _count(shapes: Shapes, prefix: str) -> int:
    """How many numbered modules there are under `prefix`."""
    return len({name.removeprefix(prefix).partition(".")[0] for name in shapes if name.startswith(prefix)})
