import numpy as np

from engine.evaluate.sheet import GAP, LABEL, WIDTH, sheet


def test_a_sheet_has_a_labelled_row_for_each_clip_and_the_first_and_last_frames_at_its_ends() -> None:
    frames = np.zeros((30, 90, 160, 3), np.float32)
    frames[0, ..., 0] = frames[-1, ..., 2] = 1
    drawn = sheet({"one": frames, "other": frames}, most=4)
    height = round(90 * WIDTH / 160)
    assert drawn.shape == (2 * (LABEL + height + GAP), 4 * (WIDTH + GAP), 3)
    assert drawn[LABEL + 5, 5].tolist() == [255, 0, 0]
    assert drawn[LABEL + 5, -GAP - 5].tolist() == [0, 0, 255]
    assert drawn[:LABEL].max() > 150


def test_a_small_picture_keeps_its_pixels() -> None:
    noise = np.random.default_rng(0).random((1, 32, 32, 3)).astype(np.float32)
    drawn = sheet({"one": noise})
    times = WIDTH // 32
    assert np.array_equal(drawn[LABEL::times][:32, : 32 * times : times], np.round(noise[0] * 255))
