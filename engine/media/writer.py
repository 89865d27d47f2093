"""Writers: how a result leaves, by format. They write aside, sync, and appear under their name when they are whole."""

from pathlib import Path

from engine.media.clip import ClipInfo
from engine.media.flat import ConstantRateFlat, FlatWriter, ImagesFlat, LosslessFlat
from engine.media.layer import ImagesLayer, LayerWriter, ProResLayer
from engine.request import Format

LAYER_FORMATS: tuple[Format, ...] = ("mov", "png")
FLAT_FORMATS: tuple[Format, ...] = ("mp4", "mkv", "png")


def open_layer(format: Format, folder: Path, info: ClipInfo, start: int, stop: int) -> LayerWriter:
    """The writer of `layer.mov` or `layer/%06d.png` in `folder`, for source frames [`start`, `stop`).

    Raises `OutputError.not_writable` and `ResourceError.disk_full`, now or while writing.
    """
    match format:
        case "mov":
            return ProResLayer(folder / "layer.mov", info, start, stop)
        case "png":
            return ImagesLayer(folder / "layer", info)
        case _:
            raise ValueError(f"{format} is not a format of layers: {LAYER_FORMATS}")


def open_flat(format: Format, folder: Path, info: ClipInfo, start: int, stop: int) -> FlatWriter:
    """The writer of `flat.mp4`, `flat.mkv` or `flat/%06d.png` in `folder`, for source frames [`start`, `stop`).

    Raises `OutputError` when the format cannot hold the clip's pixels, `OutputError.not_writable` and
    `ResourceError.disk_full`, now or while writing.
    """
    match format:
        case "mp4":
            return ConstantRateFlat(folder / "flat.mp4", info, start, stop)
        case "mkv":
            return LosslessFlat(folder / "flat.mkv", info, start, stop)
        case "png":
            return ImagesFlat(folder / "flat", info)
        case _:
            raise ValueError(f"{format} is not a format of flats: {FLAT_FORMATS}")
