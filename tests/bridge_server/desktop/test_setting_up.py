"""The process that sets parts up, with lines as the service writes them, and a stand-in for the models' hub."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge_server.setup import own_step
from tests.engine.videoshop.hub import Hub
from tests.engine.videoshop.small import write_like_svd

UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_like_svd(tmp_path_factory.mktemp("origin") / "model")


@pytest.fixture
def hub(origin: Path) -> Iterator[Hub]:
    with Hub("stabilityai/stable-video-diffusion-img2vid", origin) as hub:
        yield hub


class Step:
    """The process, spoken to in lines."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        proxies = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN", "VIDEOSHOP_WEIGHTS"}
        self.environment = {name: value for name, value in os.environ.items() if name.upper() not in proxies}
        self.environment |= {
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(folder / "hf"),
            "VIDEOSHOP_CONFIG": str(folder / "config"),
            "VIDEOSHOP_DATA": str(folder / "data"),
        }
        self.svd = folder / "data/weights/svd"

    def start(self, **wish: Any) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            own_step(), env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(wish) + "\n")
        process.stdin.flush()
        return process

    def do(self, **wish: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The steps that were told, and what came of it."""
        with self.start(**wish) as process:
            assert process.stdout is not None
            *steps, last = map(json.loads, process.stdout)
        assert process.returncode == 0
        return [step["work"] for step in steps], last

    def states(self) -> dict[str, str]:
        _, told = self.do(do="look")
        return {part["part"]: part["state"] for part in told["parts"]}


@pytest.fixture
def step(hub: Hub, tmp_path: Path) -> Step:
    return Step(hub, tmp_path)


def test_a_model_is_fetched_with_its_bytes_told_and_removed(step: Step) -> None:
    assert step.states()["svd"] == "absent"
    steps, told = step.do(do="install", part="svd", accepted=True)
    assert told["error"] is None
    assert {one["phase"] for one in steps} <= {"fetch", "verify"}
    assert all(one["unit"] == "bytes" and 0 <= one["done"] <= one["total"] for one in steps)
    svd = next(part for part in told["parts"] if part["part"] == "svd")
    assert svd["state"] == "ready"
    files = [path for path in step.svd.rglob("*") if path.is_file() and path.name != "weights.json"]
    assert svd["size"] == sum(path.stat().st_size for path in files)
    _, told = step.do(do="remove", part="svd")
    assert not step.svd.exists()


def test_it_stops_when_its_input_ends_and_goes_on_where_it_was(step: Step, hub: Hub) -> None:
    hub.breaks[UNET] = [3_000_000, *[0] * 9]  # and then it waits
    with step.start(do="install", part="svd", accepted=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        while 3_000_000 not in hub.asked_for(UNET):  # it has what was sent, and asks for the rest
            assert process.poll() is None
            time.sleep(0.02)
        process.stdin.close()
        *_, last = map(json.loads, process.stdout)
        assert last["stopped"]
    assert process.returncode == 0
    assert step.states()["svd"] == "begun"
    hub.breaks.clear()
    asked = len(hub.asked)
    _, told = step.do(do="install", part="svd", accepted=True)
    assert told["error"] is None
    assert hub.asked_for(UNET)[-1] == 3_000_000
    assert len(hub.asked) > asked
    assert step.states()["svd"] == "ready"


def test_a_hub_that_wants_an_account_is_told_and_given_the_persons_token(step: Step, hub: Hub) -> None:
    hub.token = "hf_secret"
    _, told = step.do(do="install", part="svd", accepted=True)
    assert told["error"]["code"] == "weights.not_accepted"
    _, told = step.do(do="install", part="svd", accepted=True, token="hf_secret")
    assert told["error"] is None


def test_a_line_that_is_no_wish_does_nothing(step: Step) -> None:
    with step.start(do="format the disk") as process:
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert process.returncode != 0


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="a system without Adobe's programs")
def test_a_panel_that_cannot_be_here_says_so(step: Step) -> None:
    _, told = step.do(do="install", part="script")
    assert told["error"]["code"] in ("setup.by_hand", "plugins.not_built")
