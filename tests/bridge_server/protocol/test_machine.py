"""Sessions, jobs and journal hold what they promise, whatever clients say and whatever befalls the service.

Ten thousand sequences more: `python -m tests.benchmarks.sequences`.
"""

import logging
from typing import get_args

import pytest

from bridge_server.protocol import messages as m
from tests.benchmarks.sequences import run

SEQUENCES = 300
UNTOLD = {"ClipInfo", "JobEstimated"}
"""Answers of the engine, of which the machine gives some."""


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """The machine's mishaps would fill the log."""
    caplog.set_level(logging.CRITICAL, "videoshop")


def test_no_sequence_of_messages_and_mishaps_breaks_a_promise() -> None:
    played = run(SEQUENCES)
    assert played["faults"] == {}
    told = {kind.__name__ for kind in get_args(get_args(m.ServerMessage)[0])}
    assert told - UNTOLD - played["counts"].keys() == set(), "the machine no longer comes this far"
    assert played["counts"]["messages"] > 50 * SEQUENCES
