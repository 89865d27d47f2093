"""A single-file checkpoint as Stability releases it, seen as diffusers' modules: which tensor is which.

The file's names are those of the modules that the model was trained with: a UNet whose blocks are numbered through
(input_blocks, middle_block, output_blocks), the VAE of latent diffusion with a decoder over time, and OpenCLIP's ViT.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.videoshop.configs import CLIP, FIRST_STAGE, UNET, Config, encoder_of
from engine.videoshop.tensors import TensorFile


@dataclass(frozen=True)
class Origin:
    """Where a tensor comes from: `name` in the file; only the `third` third of its rows; `turned` to its transpose.

    `name` None: it is the identity, since the file has no such layer.
    """

    name: str | None
    third: int | None = None
    turned: bool = False


def origins(component: str, wanted: Mapping[str, object], config: Config, file: TensorFile) -> dict[str, Origin]:
    """For each of diffusers' names `wanted` of a component: where in the file it is, were the file complete."""
    find: Callable[[str], Origin] = {
        "unet": lambda name: Origin(UNET + _in_unet(name, config)),
        "vae": lambda name: _in_vae(name, config, file),
        "image_encoder": _in_clip,
    }[component]
    return {name: find(name) for name in wanted}


def is_checkpoint(file: TensorFile) -> bool:
    """Whether the file has the parts of Stable Video Diffusion: a UNet and a VAE decoder over time, CLIP's vision."""
    return all(
        name in file.tensors
        for name in (
            f"{UNET}middle_block.0.time_stack.in_layers.0.weight",
            f"{FIRST_STAGE}decoder.conv_out.time_mix_conv.weight",
            f"{CLIP}proj",
        )
    )


def described(file: TensorFile) -> str:
    """What a file that is no such checkpoint seems to be."""
    names = file.tensors
    if f"{UNET}input_blocks.0.0.weight" in names:
        video = f"{UNET}middle_block.0.time_stack.in_layers.0.weight" in names
        return "the network of a video model without its VAE or CLIP" if video else "a checkpoint of an image model"
    if "conv_in.weight" in names and any(name.startswith("down_blocks.") for name in names):
        return "one module of a model in diffusers' layout"
    return "a file of other tensors"


# The UNet

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_ENDS = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}


def _in_unet(name: str, config: Config) -> str:
    module, _, kind = name.rpartition(".")  # kind: weight, bias, mix_factor
    if module in _ENDS:
        return f"{_ENDS[module]}.{kind}"
    where, rest = _block(name, config)
    if ".resnets." in name:
        return f"{where}.{_in_resnet(rest)}"
    if ".attentions." in name:
        return f"{where}.{_in_transformer(rest)}"
    return f"{where}.{kind}"


def _block(name: str, config: Config) -> tuple[str, str]:
    """The numbered block of a module of down_blocks, mid_block or up_blocks, and the name within it."""
    a_level = config["layers_per_block"] + 1
    if found := re.match(r"mid_block\.(resnets|attentions)\.(\d+)\.(.+)", name):
        return f"middle_block.{2 * int(found[2]) + (found[1] == 'attentions')}", found[3]
    found = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", name)
    if found is None:
        return name, ""
    level, kind, index, rest = int(found[2]), found[3], int(found[4]), found[5]
    first = level * a_level
    if found[1] == "down":
        if kind == "downsamplers":
            return f"input_blocks.{first + a_level}.0.op", rest
        return f"input_blocks.{first + 1 + index}.{int(kind == 'attentions')}", rest
    if kind == "upsamplers":
        attends = config["up_block_types"][level].startswith("CrossAttn")
        return f"output_blocks.{first + a_level - 1}.{2 if attends else 1}.conv", rest
    return f"output_blocks.{first + index}.{int(kind == 'attentions')}", rest


def _in_resnet(rest: str) -> str:
    part, _, inner = rest.partition(".")
    if part == "time_mixer":
        return rest
    module, _, kind = inner.rpartition(".")
    return f"{'time_stack.' if part == 'temporal_res_block' else ''}{_RESNET.get(module, module)}.{kind}"


def _in_transformer(rest: str) -> str:
    return (
        rest.replace("temporal_transformer_blocks.", "time_stack.")
        .replace("time_pos_embed.linear_1", "time_pos_embed.0")
        .replace("time_pos_embed.linear_2", "time_pos_embed.2")
    )


# The VAE

_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _in_vae(name: str, config: Config, file: TensorFile) -> Origin:
    encoder = encoder_of(file.tensors)
    if name.startswith("quant_conv."):
        known = f"{encoder}{name}"
        return Origin(known if known in file.tensors or encoder != FIRST_STAGE else None)
    side, _, rest = name.partition(".")
    return Origin(f"{encoder if side == 'encoder' else FIRST_STAGE}{side}.{_in_coder(rest, config)}")


def _in_coder(rest: str, config: Config) -> str:
    module, _, kind = rest.rpartition(".")
    if module in ("conv_norm_out", "time_conv_out"):
        return f"{'norm_out' if module == 'conv_norm_out' else 'conv_out.time_mix_conv'}.{kind}"
    if found := re.match(r"mid_block\.resnets\.(\d)\.(.+)", rest):
        return f"mid.block_{int(found[1]) + 1}.{_in_vae_resnet(found[2])}"
    if found := re.match(r"mid_block\.attentions\.0\.(.+)", module):
        return f"mid.attn_1.{_ATTENTION.get(found[1], found[1])}.{kind}"
    found = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.+)", rest)
    if found is None:
        return rest
    level = int(found[2]) if found[1] == "down" else len(config["block_out_channels"]) - 1 - int(found[2])
    if found[3] == "resnets":
        return f"{found[1]}.{level}.block.{found[4]}.{_in_vae_resnet(found[5])}"
    return f"{found[1]}.{level}.{found[1]}sample.{found[5]}"


def _in_vae_resnet(rest: str) -> str:
    rest = rest.removeprefix("spatial_res_block.").replace("conv_shortcut", "nin_shortcut")
    if rest == "time_mixer.mix_factor":
        return "mix_factor"
    if rest.startswith("temporal_res_block."):
        return _in_resnet(rest)
    return rest


# CLIP's vision

_CLIP_ENDS = {
    "vision_model.embeddings.class_embedding": Origin(f"{CLIP}class_embedding"),
    "vision_model.embeddings.position_embedding.weight": Origin(f"{CLIP}positional_embedding"),
    "vision_model.embeddings.patch_embedding.weight": Origin(f"{CLIP}conv1.weight"),
    "visual_projection.weight": Origin(f"{CLIP}proj", turned=True),
}
_CLIP_NORMS = {"pre_layrnorm": "ln_pre", "post_layernorm": "ln_post"}
_CLIP_LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def _in_clip(name: str) -> Origin:
    if name in _CLIP_ENDS:
        return _CLIP_ENDS[name]
    module, _, kind = name.removeprefix("vision_model.").rpartition(".")
    if module in _CLIP_NORMS:
        return Origin(f"{CLIP}{_CLIP_NORMS[module]}.{kind}")
    found = re.match(r"encoder\.layers\.(\d+)\.(.+)", module)
    if found is None:
        return Origin(f"{CLIP}{module}.{kind}")
    block = f"{CLIP}transformer.resblocks.{found[1]}"
    if attention := re.match(r"self_attn\.([qkv])_proj", found[2]):
        return Origin(f"{block}.attn.in_proj_{kind}", third="qkv".index(attention[1]))
    return Origin(f"{block}.{_CLIP_LAYER.get(found[2], found[2])}.{kind}")
