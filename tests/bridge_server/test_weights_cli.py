"""`videoshop weights`, from the command through the engine process to a stand-in for the hub."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge_server import cli
from tests.engine.videoshop.hub import Hub
from tests.engine.videoshop.small import pipeline, write_checkpoint, write_like_svd

VIDEOSHOP = (sys.executable, "-W", "ignore", "-m", "bridge_server.cli", "weights")
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model in half precision, with as many frames as SVD's, and its single-file twin."""
    folder = tmp_path_factory.mktemp("origin")
    write_like_svd(folder / "model")
    write_checkpoint(folder / "svd.safetensors", pipeline())
    return folder


@pytest.fixture
def hub(origin: Path) -> Iterator[Hub]:
    with Hub("stabilityai/stable-video-diffusion-img2vid", origin / "model") as hub:
        yield hub


@pytest.fixture
def environment(hub: Hub, tmp_path: Path) -> dict[str, str]:
    proxies = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_TOKEN", "VIDEOSHOP_WEIGHTS"}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in proxies}
    return kept | {"HF_ENDPOINT": hub.url, "VIDEOSHOP_DATA": str(tmp_path / "data"), "HF_HOME": str(tmp_path / "hf")}


@pytest.fixture
def svd(tmp_path: Path) -> Path:
    """Where the model is kept."""
    return tmp_path / "data/weights/svd"


def run(environment: dict[str, str], *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [*VIDEOSHOP, *map(str, arguments)]
    return subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_a_model_is_downloaded_listed_verified_and_removed(environment: dict[str, str], hub: Hub, svd: Path) -> None:
    done = run(environment, "download", "--accept-license")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{svd}\n", "")
    listed = run(environment, "list").stdout
    assert [line.split()[:2] for line in listed.splitlines() if line.startswith("svd")] == [
        ["svd", "yes"],
        ["svd-xt", "no"],
        ["svd-xt-1.1", "no"],
    ]
    assert str(svd.parent) in listed
    assert run(environment, "verify").stdout == f"{svd}: whole, 14 frames at once\n"
    assert run(environment, "remove", "svd").returncode == 0
    assert not svd.exists()


def test_without_agreement_the_licence_is_shown_and_nothing_is_fetched(environment: dict[str, str], hub: Hub) -> None:
    done = run(environment, "download", "svd")
    assert done.returncode == 2
    assert "Stability AI Community License" in done.stderr
    assert "https://huggingface.co/stabilityai/stable-video-diffusion-img2vid/blob/main/LICENSE.md" in done.stderr
    assert "--accept-license" in done.stderr.splitlines()[-1]
    assert hub.asked == []


@pytest.mark.parametrize(("answer", "code", "fetched"), [("n", 2, False), ("y", 0, True)])
def test_a_person_at_a_terminal_is_asked(
    environment: dict[str, str],
    hub: Hub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    code: int,
    fetched: bool,
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", Terminal(f"{answer}\n"))
    assert cli.run(["weights", "download", "svd"]) == code
    shown = capsys.readouterr()
    assert "Do you accept this licence?" in shown.err
    assert "Free for research" in shown.err
    assert bool(hub.asked) == fetched


def test_a_token_from_the_environment_opens_a_gated_repository(environment: dict[str, str], hub: Hub) -> None:
    hub.token = "hf_secret"
    refused = run(environment, "download", "svd", "--accept-license")
    assert refused.returncode == 2
    error, hint = refused.stderr.splitlines()
    assert error == "Error: The hub does not hand out stabilityai/stable-video-diffusion-img2vid to you."
    assert "HF_TOKEN" in hint
    done = run(environment | {"HF_TOKEN": "hf_secret"}, "download", "svd", "--accept-license")
    assert done.returncode == 0
    assert "hf_secret" not in done.stdout + done.stderr


def test_a_file_that_changed_is_named_and_mended(environment: dict[str, str], hub: Hub, svd: Path) -> None:
    run(environment, "download", "svd", "--accept-license")
    data = bytearray((svd / UNET).read_bytes())
    data[-3] ^= 255
    (svd / UNET).write_bytes(data)
    done = run(environment, "verify", "svd")
    assert done.returncode == 2
    assert f"{UNET} has other bytes" in done.stderr
    asked = len(hub.asked)
    assert run(environment, "download", "svd").returncode == 0
    assert [name for name, _ in hub.asked[asked:]] == [UNET]
    assert run(environment, "verify", "svd").returncode == 0


def test_folders_and_single_files_elsewhere_can_be_verified(environment: dict[str, str], origin: Path) -> None:
    assert run(environment, "verify", origin / "model").stdout == f"{origin / 'model'}: whole, 14 frames at once\n"
    assert run(environment, "verify", origin / "svd.safetensors").returncode == 0
    done = run(environment, "verify", origin / "nothing")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 2)


def test_a_model_comes_from_a_folder_into_a_folder(
    environment: dict[str, str], hub: Hub, origin: Path, tmp_path: Path
) -> None:
    to = tmp_path / "elsewhere"
    done = run(environment, "download", "svd", "--from", origin / "model", "--to", to, "--accept-license")
    assert (done.returncode, done.stdout) == (0, f"{to / 'svd'}\n")
    assert hub.asked == []
    assert run(environment, "verify", to / "svd").returncode == 0


@pytest.mark.parametrize("name", ["svdd", "../svd", ""])
def test_an_unknown_name_is_two_lines(environment: dict[str, str], name: str) -> None:
    done = run(environment, "download", name, "--accept-license")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 2)
    assert "svd, svd-xt, svd-xt-1.1" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_download_that_was_interrupted_or_killed_goes_on(
    environment: dict[str, str], hub: Hub, svd: Path, number: signal.Signals
) -> None:
    hub.breaks[UNET] = [3_000_000, *[0] * 9]  # and then it waits
    with subprocess.Popen(
        [*VIDEOSHOP, "download", "svd", "--accept-license"],
        env=environment,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    ) as process:
        deadline = time.monotonic() + 30
        while not any(part.stat().st_size == 3_000_000 for part in svd.glob("unet/.*.part")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=10)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert said.startswith("Error: The job was cancelled.")
    assert "in part" in run(environment, "list").stdout
    hub.breaks.clear()
    asked = len(hub.asked_for(UNET))
    done = run(environment, "download", "svd", "--accept-license")
    assert done.returncode == 0, done.stderr
    assert hub.asked_for(UNET)[asked:] == [3_000_000]
    assert run(environment, "verify", "svd").returncode == 0


def test_models_move_to_another_folder_and_are_found_there(
    environment: dict[str, str], hub: Hub, svd: Path, tmp_path: Path
) -> None:
    environment |= {"VIDEOSHOP_CONFIG": str(tmp_path / "config")}
    run(environment, "download", "--accept-license")
    to = tmp_path / "large/models"
    moved = run(environment, "move", to)
    assert (moved.returncode, moved.stdout) == (0, f"{to}: svd\n")
    assert not svd.exists()
    assert str(to) in run(environment, "list").stdout
    assert run(environment, "verify", "svd").stdout == f"{to / 'svd'}: whole, 14 frames at once\n"
    asked = len(hub.asked)
    assert run(environment, "download", "--accept-license").returncode == 0
    assert len(hub.asked) == asked or {name for name, _ in hub.asked[asked:]} == {"list"}


def test_a_folder_that_a_variable_names_is_not_moved_behind_its_back(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = run(environment | {"VIDEOSHOP_WEIGHTS": str(tmp_path / "mine")}, "move", tmp_path / "large")
    assert done.returncode == 2
    assert "because the variable VIDEOSHOP_WEIGHTS says so" in done.stderr
    assert not (tmp_path / "large").exists()
