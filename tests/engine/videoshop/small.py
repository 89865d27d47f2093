"""A small model of Stable Video Diffusion's kind with random tensors, on disk in each layout that weights come in."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from engine.videoshop.pipeline import VideoshopPipeline

UNET: dict[str, Any] = {
    "block_out_channels": [32, 64, 64],
    "down_block_types": ["CrossAttnDownBlockSpatioTemporal"] * 2 + ["DownBlockSpatioTemporal"],
    "up_block_types": ["UpBlockSpatioTemporal"] + ["CrossAttnUpBlockSpatioTemporal"] * 2,
    "layers_per_block": 2,
    "num_attention_heads": [2, 4, 4],
    "cross_attention_dim": 32,
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 96,
    "sample_size": 16,
    "num_frames": 5,
}
VAE: dict[str, Any] = {
    "block_out_channels": [32, 64],
    "down_block_types": ["DownEncoderBlock2D"] * 2,
    "layers_per_block": 2,
    "sample_size": 32,
    "force_upcast": True,
}
CLIP: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 14,
    "projection_dim": 32,
    "hidden_act": "gelu",
}
BESIDE = {
    "unet": {"num_attention_heads": [2, 4, 4], "num_frames": 5, "sample_size": 16},
    "image_encoder": {"num_attention_heads": 4},
}
"""What the shapes of a single file's tensors do not tell."""


def pipeline(seed: int = 0) -> VideoshopPipeline:
    """The model, its tensors drawn at random: none of them is zero or one throughout, as initial ones are."""
    untyped_unet: Any = UNetSpatioTemporalConditionModel
    untyped_vae: Any = AutoencoderKLTemporalDecoder
    untyped_scheduler: Any = EulerDiscreteScheduler
    made = VideoshopPipeline(
        vae=untyped_vae(**VAE),
        image_encoder=CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP)),
        unet=untyped_unet(**UNET),
        scheduler=untyped_scheduler(prediction_type="v_prediction", use_karras_sigmas=True, sigma_max=700.0),
        feature_extractor=CLIPImageProcessor(),
    )
    generator = torch.Generator().manual_seed(seed)
    for module in (made.vae, made.image_encoder, made.unet):
        for parameter in module.parameters():
            spread = parameter[0].numel() ** -0.5 if parameter.ndim > 1 else 0.2
            parameter.data = torch.randn(parameter.shape, generator=generator) * spread
        module.eval()
    return made


def write_folder(path: Path, made: VideoshopPipeline, variant: str | None = None) -> Path:
    """Write diffusers' layout, as Stability's pipeline; with `variant` "fp16" in half precision under those names."""
    path.mkdir(parents=True, exist_ok=True)
    modules = {"unet": made.unet, "vae": made.vae, "image_encoder": made.image_encoder}
    for name, module in modules.items():
        half = variant == "fp16"
        stem = "model" if name == "image_encoder" else "diffusion_pytorch_model"
        (path / name).mkdir(exist_ok=True)
        module.config.save_pretrained(path / name) if name == "image_encoder" else module.save_config(path / name)
        state = {key: (value.half() if half else value).contiguous() for key, value in module.state_dict().items()}
        save_file(state, path / name / f"{stem}{'.fp16' if half else ''}.safetensors", metadata={"format": "pt"})
    config = json.loads((path / "image_encoder/config.json").read_text())
    config["architectures"] = ["CLIPVisionModelWithProjection"]
    (path / "image_encoder/config.json").write_text(json.dumps(config))
    untyped: Any = made
    untyped.scheduler.save_pretrained(path / "scheduler")
    untyped.feature_extractor.save_pretrained(path / "feature_extractor")
    index = {"_class_name": "StableVideoDiffusionPipeline", "_diffusers_version": "0.24.0"}
    (path / "model_index.json").write_text(json.dumps(index))
    return path


def write_like_svd(folder: Path) -> Path:
    """The small model in half precision, as the hub has SVD: it makes as many frames at once."""
    write_folder(folder, pipeline(), "fp16")
    config = folder / "unet/config.json"
    config.write_text(config.read_text().replace('"num_frames": 5', '"num_frames": 14'))
    return folder


def write_checkpoint(path: Path, made: VideoshopPipeline, *, conditioner: bool = True) -> Path:
    """Write a single file as Stability releases it, and what its shapes do not tell beside it.

    Without `conditioner` as pruned files are: the first stage's encoder alone, its last two layers made one.
    """
    state: dict[str, Tensor] = {}
    for name, value in made.unet.state_dict().items():
        state[f"model.diffusion_model.{_unet_name(name)}"] = value
    vae = made.vae.state_dict()
    for name, value in vae.items():
        if name.startswith("quant_conv"):
            continue
        is_matrix = "attentions.0.to_" in name and value.ndim == 2
        stored = value[..., None, None] if is_matrix else value
        state[f"first_stage_model.{_vae_name(name)}"] = stored
        if conditioner and name.startswith("encoder."):
            state[f"conditioner.embedders.3.encoder.{_vae_name(name)}"] = stored
    mix, shift = vae["quant_conv.weight"][:, :, 0, 0], vae["quant_conv.bias"]
    if conditioner:
        state["conditioner.embedders.3.encoder.quant_conv.weight"] = vae["quant_conv.weight"]
        state["conditioner.embedders.3.encoder.quant_conv.bias"] = shift
    weight, bias = vae["encoder.conv_out.weight"], vae["encoder.conv_out.bias"]
    state["first_stage_model.encoder.conv_out.weight"] = torch.einsum("ab,bcij->acij", mix, weight)
    state["first_stage_model.encoder.conv_out.bias"] = mix @ bias + shift
    clip = made.image_encoder.state_dict()
    prefix = "conditioner.embedders.0.open_clip.model."
    for name, value in _open_clip(clip).items():
        state[f"{prefix}visual.{name}"] = value
    state[f"{prefix}logit_scale"] = torch.tensor(4.6)
    state[f"{prefix}token_embedding.weight"] = torch.zeros(7, 3)
    save_file({name: value.contiguous().clone() for name, value in state.items()}, path)
    path.with_suffix(".json").write_text(json.dumps(BESIDE))
    return path


def _unet_name(name: str) -> str:
    """By the numbers of the released UNet's blocks: a convolution, then two layers and a downsampler a level."""
    first = {"down": (1, 4, 7), "up": (0, 3, 6)}
    ends = [
        ("conv_in.", "input_blocks.0.0."),
        ("time_embedding.linear_1.", "time_embed.0."),
        ("time_embedding.linear_2.", "time_embed.2."),
        ("add_embedding.linear_1.", "label_emb.0.0."),
        ("add_embedding.linear_2.", "label_emb.0.2."),
        ("conv_norm_out.", "out.0."),
        ("conv_out.", "out.2."),
    ]
    for ours, theirs in ends:
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    name = re.sub(r"^mid_block\.resnets\.0", "middle_block.0", name)
    name = re.sub(r"^mid_block\.attentions\.0", "middle_block.1", name)
    name = re.sub(r"^mid_block\.resnets\.1", "middle_block.2", name)
    for side, blocks in (("down", "input_blocks"), ("up", "output_blocks")):
        for level, start in enumerate(first[side]):
            for layer in range(3):
                name = name.replace(f"{side}_blocks.{level}.resnets.{layer}.", f"{blocks}.{start + layer}.0.")
                name = name.replace(f"{side}_blocks.{level}.attentions.{layer}.", f"{blocks}.{start + layer}.1.")
    name = name.replace("down_blocks.0.downsamplers.0.conv.", "input_blocks.3.0.op.")
    name = name.replace("down_blocks.1.downsamplers.0.conv.", "input_blocks.6.0.op.")
    name = name.replace("up_blocks.0.upsamplers.0.conv.", "output_blocks.2.1.conv.")
    name = name.replace("up_blocks.1.upsamplers.0.conv.", "output_blocks.5.2.conv.")
    for ours, theirs in [
        ("norm1.", "in_layers.0."),
        ("conv1.", "in_layers.2."),
        ("time_emb_proj.", "emb_layers.1."),
        ("norm2.", "out_layers.0."),
        ("conv2.", "out_layers.3."),
        ("conv_shortcut.", "skip_connection."),
    ]:
        name = name.replace(f"spatial_res_block.{ours}", theirs)
        name = name.replace(f"temporal_res_block.{ours}", f"time_stack.{theirs}")
    name = name.replace("temporal_transformer_blocks.", "time_stack.")
    return name.replace("time_pos_embed.linear_1.", "time_pos_embed.0.").replace(
        "time_pos_embed.linear_2.", "time_pos_embed.2."
    )


def _vae_name(name: str) -> str:
    name = name.replace("temporal_res_block.norm1", "time_stack.in_layers.0")
    name = name.replace("temporal_res_block.conv1", "time_stack.in_layers.2")
    name = name.replace("temporal_res_block.norm2", "time_stack.out_layers.0")
    name = name.replace("temporal_res_block.conv2", "time_stack.out_layers.3")
    name = name.replace("spatial_res_block.", "").replace("time_mixer.mix_factor", "mix_factor")
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    name = name.replace("time_conv_out", "conv_out.time_mix_conv")
    name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
    for ours, theirs in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        name = name.replace(f"attn_1.{ours}", f"attn_1.{theirs}")
    name = name.replace("down_blocks.0.downsamplers.0", "down.0.downsample")
    name = name.replace("up_blocks.0.upsamplers.0", "up.1.upsample")
    name = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", name)
    return re.sub(r"up_blocks\.(\d)\.resnets", lambda found: f"up.{1 - int(found[1])}.block", name)


def _open_clip(clip: dict[str, Tensor]) -> dict[str, Tensor]:
    vision = "vision_model."
    state = {
        "class_embedding": clip[f"{vision}embeddings.class_embedding"],
        "positional_embedding": clip[f"{vision}embeddings.position_embedding.weight"],
        "conv1.weight": clip[f"{vision}embeddings.patch_embedding.weight"],
        "proj": clip["visual_projection.weight"].T,
    }
    for kind in ("weight", "bias"):
        state[f"ln_pre.{kind}"] = clip[f"{vision}pre_layrnorm.{kind}"]
        state[f"ln_post.{kind}"] = clip[f"{vision}post_layernorm.{kind}"]
        for layer in range(CLIP["num_hidden_layers"]):
            theirs, ours = f"transformer.resblocks.{layer}.", f"{vision}encoder.layers.{layer}."
            parts = [clip[f"{ours}self_attn.{part}_proj.{kind}"] for part in "qkv"]
            state[f"{theirs}attn.in_proj_{kind}"] = torch.cat(parts)
            state[f"{theirs}attn.out_proj.{kind}"] = clip[f"{ours}self_attn.out_proj.{kind}"]
            state[f"{theirs}ln_1.{kind}"] = clip[f"{ours}layer_norm1.{kind}"]
            state[f"{theirs}ln_2.{kind}"] = clip[f"{ours}layer_norm2.{kind}"]
            state[f"{theirs}mlp.c_fc.{kind}"] = clip[f"{ours}mlp.fc1.{kind}"]
            state[f"{theirs}mlp.c_proj.{kind}"] = clip[f"{ours}mlp.fc2.{kind}"]
    return state
