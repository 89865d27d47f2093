"""The contract that every propagation method keeps."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.edit import Keyframe
from engine.geometry import Box
from engine.media.clip import ClipInfo, Frame
from engine.plan import Cost, Window


@dataclass(frozen=True)
class Painted:
    """What a method made of one frame: pixels and matte inside `box`; outside it the frame is the source's.

    `rgb` (box.height, box.width, 3) float32, straight R'G'B' in [0, 1] in the clip's own primaries and transfer,
    finite also where the matte is 0. `matte` (box.height, box.width) float32 in [0, 1]. An empty box leaves the
    frame as it is.
    `confident_fraction` is the part of the edit's area whose motion passed its tests, 1 at the keyframe.
    `warnings` are sentences for the artist, e.g. that a scene cut ended the propagation.
    """

    index: int
    box: Box
    rgb: NDArray[np.float32]
    matte: NDArray[np.float32]
    confident_fraction: float
    warnings: tuple[str, ...] = ()


@dataclass
class Passes:
    """How often a diffusion model ran: network passes of batch 1, frames through the VAE's encoder and decoder."""

    network: int = 0
    vae_encoded: int = 0
    vae_decoded: int = 0


@dataclass(frozen=True)
class Step:
    """Progress within a method that makes many frames at once: `done` of `total` steps of a stage.

    `preview`, when given, makes a small picture (height, width, 3) R'G'B' in [0, 1] of how far it has come, of `frame`
    if it is of one frame.
    """

    stage: Literal["propagate", "encode", "invert", "generate", "decode"]
    done: int
    total: int
    preview: Callable[[], NDArray[np.float32]] | None = None
    frame: int | None = None


OnStep = Callable[[Step], None]
"""Takes each step; what it raises (`Cancelled`) stops the method."""


class Footage(Protocol):
    """The frames of one span, the keyframe's neighbour first, and what the plan says of them."""

    @property
    def windows(self) -> Sequence[Window]: ...

    def __iter__(self) -> Iterator[Frame]:
        """Each frame once, to be painted. They stream: hold few of them."""
        ...

    def ahead(self, skip: int = 0) -> Iterator[Frame]:
        """The same frames without the first `skip`, decoded anew, for what has to be known before they are painted."""
        ...


class Method(ABC):
    """A way to carry an edit through a clip. It writes no result files."""

    def __init__(self) -> None:
        self.passes = Passes()
        """What a diffusion model was run for so far."""
        self.notes: list[str] = []
        """Sentences for the report on how the work was done."""

    @abstractmethod
    def cost(self, info: ClipInfo) -> Cost:
        """What a frame of a clip costs on the machine at hand, for the plan and its estimate."""

    @abstractmethod
    def propagate(self, keyframe: Keyframe, source: Frame, frames: Footage, on_step: OnStep) -> Iterator[Painted]:
        """Yield one `Painted` for each of `frames`, in their order.

        `source` is the clip's frame at the keyframe. A method that works on many frames at once tells `on_step` how far
        it is.
        """
