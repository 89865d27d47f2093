"""`python -m tests.engine.videoshop.parity DIR`: does the `reference` preset agree with the released code?

DIR holds `model/` (diffusers' layout), `settings.json`, `inputs.safetensors` and `expected.safetensors`; any sizes,
steps, strengths, guidance ranges and frame counts. Prints the largest difference of each stage as a share of its
largest value; exit code 1 where one is above 1e-4.
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.request import VideoshopSettings
from engine.videoshop.pipeline import Micro, VideoshopPipeline
from engine.videoshop.stages import Noise, Videoshop

AGREED = 1e-4


def settings_of(said: dict[str, Any]) -> tuple[VideoshopSettings, Micro]:
    """The released code's settings by this project's names."""
    settings = VideoshopSettings.model_validate(
        {
            "preset": "reference",
            "steps": said["num_inference_steps"],
            "strength": said["strength"],
            "threshold": said["threshold"],
            "guidance_first": said["min_guidance_scale"],
            "guidance_last": said["max_guidance_scale"],
            "normalisation": {"code": "reference"}.get(said["normalization"], said["normalization"]),
        }
    )
    return settings, Micro(said["fps"] - 1, said["motion_bucket_id"], said["noise_aug_strength"])


def difference(found: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest expected value."""
    return float((found - expected).abs().max() / expected.abs().max())


def differences(folder: Path) -> dict[str, float]:
    """Stage -> difference, each stage from the run's own earlier stages."""
    settings, micro = settings_of(json.loads((folder / "settings.json").read_text("utf-8")))
    inputs, expected = load_file(folder / "inputs.safetensors"), load_file(folder / "expected.safetensors")
    loaded: Any = VideoshopPipeline
    pipeline: VideoshopPipeline = loaded.from_pretrained(folder / "model", local_files_only=True)
    work = Videoshop(pipeline, settings, micro)
    frames, edited = inputs["frames"], inputs["edited"][None]
    direction = inputs["noise_direction"][0]
    noise = Noise(inputs["noise_source"], inputs["noise_edited"], direction, fresh=direction)

    found = {"latents": pipeline.encode(frames)[None]}
    clip = work.prepare(frames, noise)
    found["normalized"] = clip.latents[None]
    found["source_condition"] = clip.condition.latents[None]
    inverted = list(work.invert(clip, noise))
    found["inversion"] = torch.stack(inverted)
    generated = list(work.generate(inverted[-1], edited, noise))
    found["generation"], found["generated"] = torch.stack(generated), generated[-1][None]
    finished = work.finish(generated[-1], pipeline.encode(edited))
    found["rescaled"] = finished[None]
    found["frames"] = torch.cat(list(pipeline.decode(finished, chunk=len(finished))))
    return {stage: difference(value, expected[stage]) for stage, value in found.items() if stage in expected}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found = differences(Path(arguments[0]))
    for stage, value in found.items():
        print(f"{stage:18} {value:.2e}{'' if value <= AGREED else '   DIFFERS'}")
    return int(max(found.values()) > AGREED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
