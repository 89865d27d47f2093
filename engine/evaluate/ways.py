"""The ways to carry an edit with a video model that are held against one another."""

from collections.abc import Mapping

from engine.evaluate.trial import Variant
from engine.request import VideoshopSettings

Ways = Mapping[str, Variant]
"""By what a table calls them."""

REFERENCE = Variant(VideoshopSettings(preset="reference"))
"""The released code's."""

DEFAULT = Variant(VideoshopSettings())

IMAGE_TO_VIDEO = DEFAULT.but(region="frame", noise="fresh", rescale=False)


def guidance(scale: float, low: float = 0.0, high: float = 700.0) -> dict[str, float]:
    """Settings that guide every frame alike, between two noise levels."""
    return {"guidance_first": scale, "guidance_last": scale, "guidance_from": low, "guidance_to": high}
