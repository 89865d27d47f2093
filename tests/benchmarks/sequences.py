"""Ten thousand sequences of messages and mishaps: `python -m tests.benchmarks.sequences [COUNT [FIRST SEED]]`."""

import logging
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from tests.bridge_server.protocol.machine import sequence

EXAMPLES = 10_000
SHOWN = 5
"""So many faults are shown whole."""


def memory_folder() -> Path | None:
    """A folder in memory, where there is one: thousands of journals are written."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


def run(examples: int, first: int = 0) -> dict[str, Any]:
    """Play sequences of the seeds from `first` on: how many messages they had, the seconds, the seeds that found a
    fault with the last line of what they found, and how often each thing happened."""
    counts: Counter[str] = Counter()
    faults: dict[int, str] = {}
    began = time.perf_counter()
    for seed in range(first, first + examples):
        folder = Path(tempfile.mkdtemp(prefix="sequences-", dir=memory_folder()))
        try:
            sequence(folder, Random(seed), counts)
        except Exception as error:  # whatever the service lets out is what is looked for
            faults[seed] = f"{type(error).__name__}: {error}".splitlines()[0]
            if len(faults) <= SHOWN:
                traceback.print_exc()
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    seconds = time.perf_counter() - began
    return {
        "sequences": examples,
        "messages": counts["messages"],
        "seconds": seconds,
        "faults": faults,
        "counts": dict(counts),
    }


def main() -> int:
    logging.disable()
    played = run(*[int(word) for word in sys.argv[1:]] or [EXAMPLES])
    counts: dict[str, int] = played["counts"]
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{name:24} {count:9}")
    for seed, fault in played["faults"].items():
        print(f"seed {seed}: {fault}")
    print(
        f"{played['sequences']} sequences, {played['messages']} messages, {played['seconds']:.0f} s,"
        f" {len(played['faults'])} faults"
    )
    return int(bool(played["faults"]))


if __name__ == "__main__":
    sys.exit(main())
