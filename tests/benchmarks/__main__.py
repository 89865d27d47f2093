"""`python -m tests.benchmarks NAME`: run one benchmark; each prints its figures beside the bars that they must meet.

Without a name: those that need nothing but this repository, one after the other; what they print goes into RESULTS.md.
"""

import importlib
import sys

NAMES = {
    "peers": "flow beside plain warping along optical flow, in one process",
    "flow": "quality of the flow method: real clips, known grades, exact synthetic truth",
    "propagate": "speed and memory of the whole job at 1080p",
    "videoshop": "quality of the diffusion method on a small trained model; --sweep chooses its preset, --sheet FILE",
    "passes": "cost of the diffusion method; --full-size at SVD's size, on a GPU",
    "length": "clips longer than the model on exact truth: seams, drift, any keyframe, windows beside anchors",
    "cost": "what a job costs against frames, pixels and steps, and its memory; as charts, too",
    "inversion": "what inversion loses beside the exact ODE, by proxy, threshold, steps and normalisation",
    "locate": "finding the edited frame in a long clip",
    "bridge": "the service: weight, speed, many clients, a deaf one, kills; --kills N, --only PART",
    "frozen": "the app from dist/: size, start, pixels beside those from source; --build makes it, in minutes",
    "runtime": "the engine's environment from the registry: kills, damage, a job in it; --command VIDEOSHOP",
}


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] == "--only":
        return int(importlib.import_module("tests.benchmarks.everything").run())
    if sys.argv[1] not in NAMES:
        print("usage: python -m tests.benchmarks [--only NAME | NAME [OPTION]], where NAME is", file=sys.stderr)
        for name, what in NAMES.items():
            print(f"  {name:10} {what}", file=sys.stderr)
        return 2
    return int(importlib.import_module(f"tests.benchmarks.{sys.argv[1]}").run())


if __name__ == "__main__":
    sys.exit(main())
