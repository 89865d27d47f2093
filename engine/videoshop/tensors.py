"""What a .safetensors file says about itself, read without loading a tensor and checked against the file's size."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from engine.errors import WeightsError

HEADER_BYTES = 100 << 20
"""The most bytes that the format allows a header."""

WIDTHS = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
"""Bytes of one number, by the format's names."""

LOADABLE = frozenset({"F16", "BF16", "F32", "F64"})


@dataclass(frozen=True)
class TensorInfo:
    """One tensor: its number format, its shape, and where its bytes lie after the header."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


@dataclass(frozen=True)
class TensorFile:
    """A whole .safetensors file: `header` are its first bytes, `tensors` by name, `size` in bytes."""

    path: Path
    header: bytes
    tensors: Mapping[str, TensorInfo]
    size: int


def read(path: Path) -> TensorFile:
    """Read and check a file's header. Raises WeightsError: missing, truncated, damaged."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8:
                raise WeightsError.truncated(path, size, 8)
            if not 2 <= length <= HEADER_BYTES:
                raise WeightsError.damaged(path, "it does not begin as a .safetensors file does")
            if size < 8 + length:
                raise WeightsError.truncated(path, size, 8 + length)
            header = file.read(length)
    except FileNotFoundError:
        raise WeightsError.missing(path) from None
    except OSError as error:
        raise WeightsError.damaged(path, f"it cannot be read ({error.strerror})") from error
    tensors = _tensors(path, header)
    end = 8 + length + max((tensor.stop for tensor in tensors.values()), default=0)
    if size < end:
        raise WeightsError.truncated(path, size, end)
    if size > end:
        raise WeightsError.damaged(path, "bytes follow after its last tensor")
    return TensorFile(path, header, tensors, size)


def loadable(file: TensorFile) -> TensorFile:
    """`file`, if its numbers are floats of 16 bits or more; those of whole numbers (position ids) do not count.

    Raises WeightsError.precision_unsupported.
    """
    for name, tensor in file.tensors.items():
        if tensor.dtype not in LOADABLE and not (tensor.dtype in {"I64", "I32"} and name.endswith("position_ids")):
            raise WeightsError.precision_unsupported(file.path, tensor.dtype)
    return file


def _tensors(path: Path, header: bytes) -> dict[str, TensorInfo]:
    try:
        said: dict[str, Any] = json.loads(header)
        tensors = {
            name: TensorInfo(str(info["dtype"]), tuple(map(int, info["shape"])), *map(int, info["data_offsets"]))
            for name, info in said.items()
            if name != "__metadata__"
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError.damaged(path, "its header cannot be read") from error
    end = 0
    for tensor in sorted(tensors.values(), key=lambda tensor: (tensor.start, tensor.stop)):
        bytes_needed = prod(tensor.shape) * WIDTHS.get(tensor.dtype, 0)
        if tensor.start != end or (tensor.dtype in WIDTHS and tensor.stop - tensor.start != bytes_needed):
            raise WeightsError.damaged(path, "its header does not fit its tensors")
        end = tensor.stop
    return tensors
