"""Sub-pixel registration of a frame to the keyframe: windowed Lucas–Kanade, dense, weighted, light-invariant.

Optical flow between neighbours is good to a few tenths of a pixel and its errors add up along the clip. The keyframe
itself never drifts, so every frame is registered to it directly, starting from the chained position. Each pixel solves
the 2×2 normal equations of its window (Lucas & Kanade 1981), with the mean of both images' gradients, which converges
to second order (Benhimane & Malis 2004, "ESM"). Both images are normalised by their local mean and contrast first, so
changing light does not pull the solution.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]
Luma = NDArray[np.uint8]

NORMALISE = 21
"""Side of the window for local mean and contrast, pixels."""

DAMPING = np.float32(2e-3)
"""Keeps the map as predicted where a window has no detail."""


def blur(image: Image, side: int) -> Image:
    """Two passes of a box of odd `side`: near enough a Gaussian, at a cost that does not depend on the side."""
    once = cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT)
    return cv2.blur(once, (side, side), borderType=cv2.BORDER_REFLECT)


def normalised(image: Image, floor: float) -> Image:
    """`image` (h, w) less its local mean, over its local contrast.

    Contrast under `floor` (about the noise, in the image's units) is not amplified.
    """
    mean = cv2.blur(image, (NORMALISE, NORMALISE), borderType=cv2.BORDER_REFLECT)
    square = cv2.blur(image * image, (NORMALISE, NORMALISE), borderType=cv2.BORDER_REFLECT)
    contrast = np.sqrt(np.maximum(square - mean * mean, 0) + np.float32(floor * floor))
    return (image - mean) / contrast


def gradient(image: Image) -> tuple[Image, Image]:
    """Central differences along x and y."""
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    return (
        cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REFLECT),
        cv2.filter2D(image, -1, kernel.T, borderType=cv2.BORDER_REFLECT),
    )


def jacobian(positions: Image) -> tuple[Image, Image]:
    """Derivatives of a map (h, w, 2) along x and y."""
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    return (
        cv2.filter2D(positions, -1, kernel, borderType=cv2.BORDER_REPLICATE),
        cv2.filter2D(positions, -1, kernel.T, borderType=cv2.BORDER_REPLICATE),
    )


def register(
    keyframe: Image,
    frame: Luma,
    positions: Image,
    weight: Image,
    *,
    window: int,
    iterations: int,
    floor: float,
    largest_step: float = 2.0,
) -> Image:
    """Register `frame` to `keyframe`, starting from the forward map `positions`; return the better map.

    `keyframe` (h, w) and `frame` (any size) in the same units; `positions` (h, w, 2) in pixels of `frame`; `weight`
    (h, w) in [0, 1]: how far each keyframe pixel may be trusted to be seen. `window` is the side of the box, passed
    twice, whose pixels share a step.
    """
    template = normalised(keyframe, floor)
    kx, ky = gradient(template)
    for _ in range(iterations):
        seen = cv2.remap(frame, positions, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        current = normalised(seen.astype(np.float32), floor)
        miss = template - current
        cx, cy = gradient(current)
        gx, gy = (kx + cx) * np.float32(0.5), (ky + cy) * np.float32(0.5)
        robust = weight / (1 + miss * miss)
        wx, wy = robust * gx, robust * gy
        a, b, c, p = cv2.split(blur(cv2.merge([wx * gx, wx * gy, wy * gy, wx * miss]), window))
        q = blur(wy * miss, window)
        a, c = a + DAMPING, c + DAMPING
        inverse = 1 / (a * c - b * b)
        dx = np.clip((c * p - b * q) * inverse, -largest_step, largest_step)
        dy = np.clip((a * q - b * p) * inverse, -largest_step, largest_step)
        along_x, along_y = jacobian(positions)
        positions = positions + along_x * dx[..., None] + along_y * dy[..., None]
    return positions
