from engine.report import low_confidence


def test_runs_of_frames_with_low_confidence_are_named_once() -> None:
    confident = {2: 1.0, 3: 0.5, 4: 0.59, 5: 0.6, 6: 0.9, 7: 0.0}
    first, second = low_confidence(confident)
    assert first.startswith("Frames 3 to 4: ")
    assert second.startswith("Frame 7: ")


def test_confident_frames_are_not_worth_a_word() -> None:
    assert list(low_confidence({0: 1.0, 1: 0.6})) == []
