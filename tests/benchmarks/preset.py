"""The ways that the report compares, and those about the default that decide what it is."""

from collections.abc import Mapping
from dataclasses import replace

from engine.request import VideoshopSettings
from tests.benchmarks.variants import Mix, Variant

Ways = Mapping[str, Variant]
"""By what a table calls them."""

REFERENCE = Variant(VideoshopSettings())
"""The released code's."""

DEFAULT = Variant(
    VideoshopSettings(
        steps=15,
        threshold=0.0,
        proxy="slope",
        normalisation="none",
        guidance_first=1.0,
        guidance_last=1.0,
    ),
    held=True,
)

IMAGE_TO_VIDEO = DEFAULT.settings.model_copy(update={"noise": "fresh", "rescale": False})

PLAIN = ("image to video", "image to video, from σ 700", "default, naive inversion")
"""What the default has to beat."""


def guidance(scale: float, low: float = 0.0, high: float = 700.0) -> dict[str, float]:
    return {"guidance_first": scale, "guidance_last": scale, "guidance_from": low, "guidance_to": high}


def compared() -> Ways:
    """The report's: each of the paper's steps left out of both presets, and no inversion at all."""
    turned = "fresh" if DEFAULT.settings.noise == "inverted" else "inverted"
    ways = {
        "reference": REFERENCE,
        "reference, naive inversion": replace(REFERENCE, naive=True),
        "reference, no normalisation": REFERENCE.but(normalisation="none"),
        "reference, no rescale": REFERENCE.but(rescale=False),
        "default": DEFAULT,
        "default, naive inversion": replace(DEFAULT, naive=True),
        "default, normalised as the reference": DEFAULT.but(normalisation="reference"),
        f"default, rescale {'off' if DEFAULT.settings.rescale else 'on'}": DEFAULT.but(
            rescale=not DEFAULT.settings.rescale
        ),
        f"default, {turned} noise inside": DEFAULT.but(noise=turned),
        "default, outside not held": replace(DEFAULT, held=False),
    }
    plain = Variant(IMAGE_TO_VIDEO)
    return ways | {
        "image to video": plain,
        "image to video, guidance 2": plain.but(**guidance(2.0)),
        "image to video, from σ 700": plain.but(steps=25, strength=1.0, **guidance(2.0)),
    }


def swept() -> Mapping[str, Ways]:
    """One setting at a time about the default, by what is varied."""
    same = {"default": DEFAULT}
    inversion = {
        f"{proxy}, {threshold:g}": DEFAULT.but(proxy=proxy, threshold=threshold)
        for proxy in ("chord", "slope")
        for threshold in (1.0, 0.3, 0.06, 0.0)
    }
    normalisation = {
        f"{over}, rescale {'on' if rescale else 'off'}": DEFAULT.but(normalisation=over, rescale=rescale)
        for over in ("none", "reference", "paper", "clip")
        for rescale in (True, False)
    }
    scales = {f"{scale:g}": DEFAULT.but(**guidance(scale)) for scale in (1.0, 1.5, 2.0, 3.0, 4.0)}
    intervals = {
        f"2, σ {low:g} to {high:g}": DEFAULT.but(**guidance(2.0, low, high))
        for low, high in ((0.3, 4.0), (1.0, 700.0), (0.0, 1.0))
    }
    steps = {
        f"{count} steps, strength {strength:g}": DEFAULT.but(steps=count, strength=strength)
        for count, strength in (
            *((25, 0.55), (20, 0.55), (15, 0.55), (12, 0.6), (11, 0.55), (9, 0.56), (7, 0.58)),
            *((15, 0.35), (15, 0.48), (15, 0.67), (15, 0.75), (25, 0.75)),
        )
    }
    inverted, fresh = DEFAULT.but(noise="inverted"), DEFAULT.but(noise="fresh")
    made = {
        "inverted": inverted,
        "fresh": fresh,
        "carried": replace(inverted, mix=Mix(0.0, "carried")),
        **{
            f"{kept:g} inverted, the rest {new}": replace(inverted, mix=Mix(kept, new))
            for new in ("fresh", "carried")
            for kept in (0.9, 0.7, 0.4)
        },
    }
    noise = {
        f"{name}, outside {'held' if held else 'free'}": replace(way, held=held)
        for held in (True, False)
        for name, way in made.items()
        if held or way.mix is None
    }
    noise |= {f"{name}, keyframe held": replace(way, anchored=True) for name, way in noise.items() if way.mix is None}
    return {
        "Inversion: proxy, threshold": same | {"naive": replace(DEFAULT, naive=True)} | inversion,
        "Normalisation and rescale": same | normalisation,
        "Guidance": same | scales | intervals,
        "Steps": same | steps,
        "Noise inside the edit": same | noise,
    }
