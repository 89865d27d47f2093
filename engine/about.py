"""What this engine is: its version, its machine, and what is installed. Fast, unless it is asked for devices."""

import os
import platform
import sys
from collections.abc import Callable, Collection, Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal

from engine.machine import total_memory

JsonObject = dict[str, Any]
Part = Literal["machine", "codecs", "packages", "devices"]

ENCODERS = {"H.264": ("libx264",), "ProRes 4444": ("prores_aw", "prores_ks"), "FFV1": ("ffv1",)}
"""What the outputs are written with, under FFmpeg's names."""
DECODERS = {"H.264": "h264", "ProRes 4444": "prores", "FFV1": "ffv1"}

PACKAGES = {
    "av": "av",
    "opencv": "opencv-python-headless",
    "numpy": "numpy",
    "torch": "torch",
    "diffusers": "diffusers",
    "transformers": "transformers",
    "accelerate": "accelerate",
    "safetensors": "safetensors",
    "huggingface_hub": "huggingface_hub",
}
"""Names that are told, and the distributions behind them."""


def about(parts: Collection[Part]) -> JsonObject:
    """{"version", and for each part what `PARTS` says of it}. Only `devices` imports torch, where it is installed."""
    return {"version": _version("videoshop-bridge"), **{part: PARTS[part]() for part in PARTS if part in parts}}


def machine() -> JsonObject:
    """{"python", "platform", "cores", "memory" (bytes)}."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory": total_memory(),
    }


def codecs() -> JsonObject:
    """{"ffmpeg" (its version), "known": for each codec {"encoder", "decoder"}, whether each is there}."""
    import av
    from av.codec.codec import Codec, UnknownCodecError

    def known(name: str, mode: Literal["r", "w"]) -> bool:
        try:
            Codec(name, mode)
        except UnknownCodecError:
            return False
        return True

    return {
        "ffmpeg": av.ffmpeg_version_info,
        "known": {
            codec: {"encoder": all(known(name, "w") for name in ENCODERS[codec]), "decoder": known(decoder, "r")}
            for codec, decoder in DECODERS.items()
        },
    }


def packages() -> JsonObject:
    """The version of each package, null where it is not installed."""
    return {name: _version(distribution) for name, distribution in PACKAGES.items()}


def devices() -> JsonObject:
    """{"found": [{"kind", "name", "free", "total" (bytes)}], the processor last, and "error": why torch does not load}.

    Nothing is found where torch is not installed.
    """
    if find_spec("torch") is None:
        return {"found": [], "error": None}
    try:
        from engine.videoshop.devices import resources
    except (ImportError, OSError) as error:  # a torch built for another system, or whose libraries are missing
        return {"found": [], "error": str(error).splitlines()[0][:300] if str(error) else type(error).__name__}
    here = resources()
    return {
        "found": [
            {"kind": device.kind, "name": device.name, "free": device.free, "total": device.total}
            for device in (*here.accelerators, here.cpu)
        ],
        "error": None,
    }


PARTS: Mapping[Part, Callable[[], JsonObject]] = {
    "machine": machine,
    "codecs": codecs,
    "packages": packages,
    "devices": devices,
}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
