"""Finding the edited frame: a thousand frames at 1080p, a part of one repainted."""

import tempfile
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from bridge_server.demo.run import ASSETS
from engine.evaluate.suite.scenes import texture
from engine.locate import locate
from engine.media.clip import Clip
from engine.media.still import read_still, write_png
from tests.benchmarks.figures import Figures

FRAMES = 1000
ASKED = (0, 137, 500, 871, 999)


def make_clip(path: Path) -> None:
    """A slow camera over a photograph, never twice at the same place, in long groups of pictures."""
    sheet = np.round(np.clip(cv2.resize(texture(ASSETS), None, fx=2, fy=2), 0, 1) * 255).astype(np.uint8)
    random = np.random.default_rng(1)
    grain = [random.normal(0, 2, (1080, 1920, 1)).astype(np.float32) for _ in range(7)]
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.options = {"crf": "23", "preset": "ultrafast", "g": "250"}
        for index in range(FRAMES):
            turn = index / FRAMES * 2 * np.pi
            x, y = int(640 + 600 * np.sin(turn) * (0.4 + 0.6 * index / FRAMES)), int(740 - 700 * np.cos(3 * turn))
            window = sheet[y : y + 1080, x : x + 1920]
            noisy = np.clip(window + grain[index % 7], 0, 255).astype(np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(noisy, "rgb24")))
        file.mux(stream.encode())


def run() -> int:
    figures = Figures()
    with tempfile.TemporaryDirectory() as folder:
        path, edited, cache = Path(folder) / "clip.mp4", Path(folder) / "edited.png", Path(folder) / "cache"
        make_clip(path)
        with Clip.open(path) as clip:
            slowest = 0.0
            for number, asked in enumerate(ASKED):
                painted = np.clip(clip.frame(asked).rgb(), 0, 1)
                painted[200:800, 500:1100] = (0.9, 0.3, 0.1)
                write_png(edited, painted, 8)
                began = time.perf_counter()
                found = locate(clip, read_still(edited), lambda event: None, cache=cache)
                seconds = time.perf_counter() - began
                what = "thumbnails made" if number == 0 else "indexed"
                print(f"frame {asked}: found {found.index}, confidence {found.confidence:.2f}, {seconds:.2f} s, {what}")
                figures.show(f"frame {asked}, frames off", abs(found.index - asked), most=0)
                slowest = max(slowest, seconds) if number else 0.0
        figures.show(f"slowest search of {FRAMES} indexed frames at 1080p", slowest, "s", most=2)
    return figures.end()
