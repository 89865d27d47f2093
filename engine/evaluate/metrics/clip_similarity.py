"""Likeness as CLIP sees it, with SVD's own image encoder: the paper's CLIP_tgt, CLIP_src and CLIP_TC.

Similarities are a hundred times the cosine of two embeddings, in [−100, 100], means over frames. Which CLIP the paper
took is not known, so its figures are comparable in order only. Embeddings are arrays (frames, width).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluate.metrics.likeness import Images, Mattes

if TYPE_CHECKING:  # loads torch
    from engine.videoshop.pipeline import VideoshopPipeline

Embeddings = NDArray[np.float32]

ABSENT = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
"""R'G'B' of what is masked out: CLIP's mean colour, which it sees as nothing."""


def target(result: Embeddings, keyframe: Embeddings) -> float:
    """CLIP_tgt: the result's frames with the edited keyframe (1, width). CLIP_tgt+ where both were `masked` to the
    edit."""
    return _similarity(result, keyframe)


def source(result: Embeddings, source: Embeddings) -> float:
    """CLIP_src: each frame with the source's. CLIP_src+ where both were `masked` to what is not edited."""
    return _similarity(result, source)


def consistency(result: Embeddings) -> float:
    """CLIP_TC: each frame with the next one; nan for a single frame."""
    return _similarity(result[:-1], result[1:]) if len(result) > 1 else float("nan")


def masked(images: Images, mattes: Mattes) -> Images:
    """`images` where `mattes` are 1, and elsewhere what CLIP takes for nothing: for the variants called "+"."""
    return ABSENT + (images - ABSENT) * mattes[..., None]


def embedded(images: Images, pipeline: "VideoshopPipeline") -> Embeddings:
    """What the model's image encoder makes of each picture."""
    import torch

    tensors = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    seen: Any = [pipeline.seen_by_clip(image[None])[0, 0].float().cpu().numpy() for image in tensors]
    return np.stack(seen)


def _similarity(a: Embeddings, b: Embeddings) -> float:
    dots = (a * b).sum(axis=1, dtype=np.float64)
    return 100 * float(np.mean(dots / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))))
