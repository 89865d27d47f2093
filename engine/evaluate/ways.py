"""The ways to carry an edit with a video model that are held against one another."""

from collections.abc import Mapping
from dataclasses import replace

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


def without(whole: Variant) -> dict[str, Variant]:
    """`whole` without noise extrapolation, without what it does to latents before inversion and after denoising, and
    with what it does not do there."""
    settings = whole.settings
    normalised = "reference" if settings.normalisation == "none" else "none"
    return {
        "naive inversion": replace(whole, naive=True),
        "normalised as the reference" if normalised != "none" else "no normalisation": whole.but(
            normalisation=normalised
        ),
        "no rescale" if settings.rescale else "rescale": whole.but(rescale=not settings.rescale),
    }
