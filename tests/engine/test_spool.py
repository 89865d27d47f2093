from pathlib import Path

import numpy as np

from engine.geometry import Box
from engine.method import Painted
from engine.spool import Spool
from tests.engine.frames import painted


def test_frames_come_back_last_first_and_to_16_bits(tmp_path: Path) -> None:
    made = [painted(Box(n, 2 * n, 5 + n, 7), seed=n, index=9 - n) for n in range(4)]
    with Spool(tmp_path / "spool") as spool:
        for frame in made:
            spool.append(frame)
        back = list(spool.last_first())
    for before, after in zip(reversed(made), back, strict=True):
        assert (after.index, after.box) == (before.index, before.box)
        np.testing.assert_allclose(after.rgb, before.rgb, atol=0.51 / 65535)
        np.testing.assert_allclose(after.matte, before.matte, atol=0.51 / 65535)
        np.testing.assert_array_equal(after.matte == 1, before.matte == 1)


def test_an_empty_box_and_warnings_survive(tmp_path: Path) -> None:
    nothing = Painted(4, Box(0, 0, 0, 0), np.empty((0, 0, 3), np.float32), np.empty((0, 0), np.float32), 0.0, ("cut",))
    with Spool(tmp_path / "spool") as spool:
        spool.append(nothing)
        (back,) = spool.last_first()
    assert (back.index, back.box.area, back.rgb.shape, back.warnings) == (4, 0, (0, 0, 3), ("cut",))


def test_the_file_is_gone_at_the_end(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool") as spool:
        spool.append(painted(Box(0, 0, 64, 64), matte=1.0))
        assert (tmp_path / "spool").exists()
    assert not list(tmp_path.iterdir())
