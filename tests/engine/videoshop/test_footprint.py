"""Specification of the footprint: what a model is said to take is what its passes take."""

from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
import torch
from torch import nn

from engine.videoshop import footprint
from engine.videoshop.footprint import SVD, ModelSize, alive

VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "layers_per_block": 2,
    "force_upcast": True,
}
CLIP: dict[str, Any] = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "projection_dim": 1024,
}


def test_stable_video_diffusion_is_as_large_as_was_measured() -> None:
    with mock.patch.object(footprint, "SVD", replace(SVD, network=0)):
        measured = ModelSize.of({"num_frames": 14}, VAE, CLIP)
    assert (measured.network, measured.image_encoder, measured.vae) == (SVD.network, SVD.image_encoder, SVD.vae)
    for name in ("network_alive", "network_alive_chunked", "encoder_alive", "decoder_alive", "largest_layer"):
        assert getattr(measured, name) == pytest.approx(getattr(SVD, name), rel=0.01), name
    assert measured.network_alive_batched == pytest.approx(SVD.network_alive_batched, rel=0.05)
    assert (measured.heads, measured.factor, measured.force_upcast) == (5, 8, True)


def test_a_model_with_its_parameters_is_taken_for_it() -> None:
    assert ModelSize.of({"num_frames": 25}, VAE, CLIP) == SVD


def test_weights_and_their_views_are_not_counted_as_made() -> None:
    layer, given = nn.Linear(100, 10, device="meta"), torch.empty(3, 100, device="meta")
    assert alive(nn.ModuleList([layer]), lambda: (layer.weight.t(), layer(given))) == 30


def test_what_is_let_go_of_is_not_counted_any_longer() -> None:
    def run() -> torch.Tensor:
        x = torch.empty(1000, device="meta")
        for _ in range(5):
            x = x + 1
        return x

    assert alive(nn.Identity(), run) == 2000


def test_what_is_kept_is_counted() -> None:
    def run() -> list[torch.Tensor]:
        x = torch.empty(1000, device="meta")
        return [x + number for number in range(5)]

    assert alive(nn.Identity(), run) == 6000
