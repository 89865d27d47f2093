"""Does an image's colour profile agree with the clip? Only the few ICC tags that tell it are read."""

import struct
from typing import Literal

import numpy as np
from numpy.typing import NDArray

_COLORANTS = {
    "sRGB": ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)),
    "Rec. 2020": ((0.6735, 0.2790, -0.0019), (0.1657, 0.6753, 0.0300), (0.1251, 0.0456, 0.7969)),
    "Display P3": ((0.5151, 0.2412, -0.0011), (0.2919, 0.6922, 0.0419), (0.1572, 0.0666, 0.7841)),
}
"""XYZ of full red, green and blue, adapted to D50 (ICC.1:2010, annex E)."""

_CLIP_PRIMARIES = {1: "sRGB", 9: "Rec. 2020", 11: "Display P3", 12: "Display P3"}
"""ISO/IEC 23091-2 colour primaries, named by the profile that has them."""


def clip_profile(primaries: int) -> str:
    """The name of the profile that has the clip's primaries (ISO/IEC 23091-2); untagged clips are shown as sRGB."""
    return _CLIP_PRIMARIES.get(primaries, "sRGB")


def accepted(icc: bytes | None, primaries: int) -> bool:
    """Whether an image tagged `icc` holds the clip's own code values: untagged, sRGB or the clip's profile."""
    if icc is None:
        return True
    tags = _tags(icc)
    if icc[16:20] == b"GRAY":
        return True
    colorants = _colorants(tags)
    if colorants is None or _linear(tags):
        return False
    allowed = ("sRGB", clip_profile(primaries))
    return any(np.abs(colorants - np.array(_COLORANTS[name])).max() < 0.004 for name in allowed)


def named(name: str, primaries: int) -> Literal["accepted", "differs", "unknown"]:
    """The same of a profile of which only the name is known, as image editors have it."""
    name = name.casefold()
    if any(word in name for word in _STILL):
        return "differs"
    for profile, words in _VIDEO.items():
        if any(word in name for word in words):
            return "accepted" if profile in ("sRGB", clip_profile(primaries)) else "differs"
    return "unknown"


_STILL = ("adobe rgb", "prophoto", "romm", "apple rgb", "colormatch", "wide gamut", "eci rgb", "ecirgb", "linear")
"""Parts of the names of spaces for still images, and of light that is not encoded."""
_VIDEO = {
    "Rec. 2020": ("2020", "2100"),
    "Display P3": ("p3",),
    "sRGB": ("srgb", "709", "601", "hdtv", "sdtv", "gray", "dot gain"),
}
"""Parts of the names of spaces for video; Rec. 709 has the primaries of sRGB."""


def profile_name(icc: bytes) -> str:
    """The profile's own description, or a plain word for one that has none."""
    described = _tags(icc).get(b"desc", b"")
    if described[:4] == b"desc" and len(described) > 12:
        (length,) = struct.unpack(">I", described[8:12])
        text = described[12 : 12 + length].decode("ascii", "replace")
    elif described[:4] == b"mluc" and len(described) >= 28:
        length, offset = struct.unpack(">II", described[20:28])
        text = described[offset : offset + length].decode("utf-16-be", "replace")
    else:
        text = ""
    return text.strip("\0 ") or "an unnamed profile"


def _tags(icc: bytes) -> dict[bytes, bytes]:
    if len(icc) < 132:
        return {}
    (count,) = struct.unpack(">I", icc[128:132])
    tags = {}
    for number in range(min(count, (len(icc) - 132) // 12)):
        name, offset, size = struct.unpack(">4sII", icc[132 + 12 * number : 144 + 12 * number])
        tags[name] = icc[offset : offset + size]
    return tags


def _colorants(tags: dict[bytes, bytes]) -> NDArray[np.float64] | None:
    columns = [tags.get(name, b"") for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    if any(len(column) < 20 for column in columns):
        return None
    return np.array([np.frombuffer(column[8:20], ">i4") / 65536 for column in columns])


def _linear(tags: dict[bytes, bytes]) -> bool:
    """Whether the red curve is the identity: light itself, not encoded values."""
    curve = tags.get(b"rTRC", b"")
    return curve[:4] == b"curv" and (curve[8:12] == b"\0\0\0\0" or curve[8:14] == b"\0\0\0\1\1\0")
