"""The ways that the report compares, and those about the default that decide what it is."""

from collections.abc import Mapping
from dataclasses import replace

from engine.evaluate import trial as product
from engine.evaluate.ways import DEFAULT, IMAGE_TO_VIDEO, REFERENCE, Ways, guidance
from tests.benchmarks.variants import Mix, Variant

NAIVE, NORMALISED, RESCALE_TURNED = (
    f"default, {what}" for what in ("naive inversion", "normalised as the reference", "rescale turned")
)
PLAIN = ("image to video", "image to video, guidance 2", "image to video, from σ 700", "image to video, inside alone")
BEATEN = ("reference", NAIVE, NORMALISED, RESCALE_TURNED, *PLAIN)
"""What the default must not be worse than."""


def compared() -> Ways:
    """The report's: each of the paper's steps left out of both presets, and no inversion at all."""
    ways: Ways = {
        "reference": REFERENCE,
        "reference, naive inversion": replace(REFERENCE, naive=True),
        "reference, no normalisation": REFERENCE.but(normalisation="none"),
        "reference, no rescale": REFERENCE.but(rescale=False),
        "default": DEFAULT,
        NAIVE: replace(DEFAULT, naive=True),
        NORMALISED: DEFAULT.but(normalisation="reference"),
        RESCALE_TURNED: DEFAULT.but(rescale=not DEFAULT.settings.rescale),
        "default, outside not held": DEFAULT.but(region="frame"),
    }
    plain = IMAGE_TO_VIDEO
    return {
        **ways,
        "image to video": plain.but(**guidance(1.0)),
        "image to video, guidance 2": plain.but(**guidance(2.0)),
        "image to video, from σ 700": plain.but(steps=25, strength=1.0, **guidance(2.0)),
        "image to video, inside alone": plain.but(region="mask"),
    }


def swept() -> Mapping[str, Ways]:
    """One setting at a time about the default, by what is varied."""
    same: dict[str, product.Variant] = {"default": DEFAULT}
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
        f"{scale:g}, σ {low:g} to {high:g}": DEFAULT.but(**guidance(scale, low, high))
        for scale, low, high in (
            (2.0, 0.3, 700.0),
            (2.0, 1.0, 700.0),
            (2.0, 0.3, 5.0),
            (3.0, 0.3, 5.0),
            (4.0, 0.3, 5.0),
        )
    }
    steps = {
        f"{count} steps, strength {strength:g}": DEFAULT.but(steps=count, strength=strength)
        for count, strength in (
            *((25, 0.55), (20, 0.55), (15, 0.55), (12, 0.6), (9, 0.56), (7, 0.58)),
            *((15, 0.4), (15, 0.67), (15, 0.75), (12, 0.75)),
        )
    }
    inverted = DEFAULT.but(noise="inverted")
    mixed = {
        f"{mix.kept:g} inverted, the rest {mix.new}": Variant(inverted.settings, mix=mix)
        for mix in (
            *(Mix(kept, "fresh") for kept in (0.9, 0.7, 0.4)),
            *(Mix(kept, "carried") for kept in (0.7, 0.0)),
        )
    }
    ends = {"inverted": inverted, "fresh": DEFAULT.but(noise="fresh")}
    started: Ways = {**ends, **mixed}
    noise = {f"{name}, outside held": way.but(region="mask") for name, way in started.items()}
    noise |= {
        f"{name}, outside and keyframe held": Variant(way.settings, anchored=True).but(region="mask")
        for name, way in ends.items()
    }
    noise |= {f"{name}, nothing held": way.but(region="frame") for name, way in ends.items()}
    return {
        "Inversion: proxy, threshold": same | {"naive": replace(DEFAULT, naive=True)} | inversion,
        "Normalisation and rescale": same | normalisation,
        "Guidance": same | scales | intervals,
        "Steps": same | steps,
        "Noise inside the edit": same | noise,
    }
