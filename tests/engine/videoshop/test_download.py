"""Downloading: what arrives, what happens when the network, the hub or the disk do not do their part."""

import json
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import httpx
import pytest
from huggingface_hub import close_session

from engine.errors import Cancelled, EngineError, ResourceError, WeightsError
from engine.request import Event
from engine.videoshop.catalogue import MANIFEST, MARKER, KnownModel, Licence
from engine.videoshop.download import bring, download, faults
from engine.videoshop.fetch import client
from engine.videoshop.stock import held, remove, state_of
from engine.videoshop.weights import inspect
from tests.engine.videoshop.hub import COMMIT, Hub
from tests.engine.videoshop.small import pipeline, write_folder

MODEL = KnownModel(
    "small", "lab/small-video", 5, 0, "a small one", Licence("Terms", "https://terms.example", "Be kind.")
)
UNET = "unet/diffusion_pytorch_model.fp16.safetensors"
VAE = "vae/diffusion_pytorch_model.fp16.safetensors"
QUICK = (0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model in both precisions, as the hub has it, with files that nobody needs."""
    made = pipeline()
    folder = write_folder(tmp_path_factory.mktemp("origin") / "small", made)
    write_folder(folder, made, "fp16")
    (folder / "README.md").write_text("about")
    (folder / "LICENSE.md").write_text("terms")
    (folder / "svd.safetensors").write_bytes(b"a checkpoint of the same")
    return folder


@pytest.fixture
def hub(origin: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("engine.videoshop.download.get_token", lambda: None)
    close_session()
    with Hub(MODEL.repository, origin) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub
    close_session()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "weights"


class Watch:
    """Keeps events; stops the work once `stop_at` bytes are done."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.events: list[Event] = []
        self._stop_at = stop_at

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self._stop_at is not None and event.done >= self._stop_at:
            raise Cancelled.asked()


def fetched(store: Path, watch: Watch | None = None, *, token: str | None = None, full: bool = False) -> Path:
    download(
        MODEL,
        store,
        watch or Watch(),
        accepted=True,
        token=token,
        precision="full" if full else "half",
        pauses=QUICK,
    )
    return store / MODEL.name


def refusal(store: Path, token: str | None = None) -> EngineError:
    with pytest.raises(EngineError) as refused:
        fetched(store, token=token)
    assert refused.value.hint
    return refused.value


def test_only_the_files_that_are_needed_come_in_half_precision(hub: Hub, store: Path) -> None:
    watch = Watch()
    folder = fetched(store, watch)
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert names == {
        MANIFEST,
        "LICENSE.md",
        "model_index.json",
        "feature_extractor/preprocessor_config.json",
        "scheduler/scheduler_config.json",
        "image_encoder/config.json",
        "image_encoder/model.fp16.safetensors",
        "unet/config.json",
        UNET,
        "vae/config.json",
        VAE,
    }
    assert all((folder / name).read_bytes() == hub.files[name] for name in names - {MANIFEST})
    assert inspect(folder).variant == "fp16"
    assert watch.events[-1].done == watch.events[-1].total == sum(len(hub.files[name]) for name in names - {MANIFEST})


def test_full_precision_comes_when_it_is_asked_for_and_replaces_half(hub: Hub, store: Path) -> None:
    fetched(store)
    folder = fetched(store, full=True)
    assert {file.name for file in folder.glob("unet/*.safetensors")} == {"diffusion_pytorch_model.safetensors"}
    assert inspect(folder).variant is None


def test_the_manifest_says_what_is_there_and_who_agreed_to_what(hub: Hub, store: Path) -> None:
    folder = fetched(store)
    said = json.loads((folder / MANIFEST).read_text())
    assert (said["repository"], said["commit"], said["licence"]) == (MODEL.repository, COMMIT, "Terms")
    assert all(file["digest"].startswith("sha256:") for file in said["files"].values())
    assert faults(folder, Watch()) == {}


def test_nothing_is_asked_of_the_hub_before_the_licence_is_accepted(hub: Hub, store: Path) -> None:
    with pytest.raises(WeightsError) as refused:
        download(MODEL, store, Watch(), accepted=False)
    assert refused.value.code == "weights.licence_not_accepted"
    assert "https://terms.example" in refused.value.hint
    assert hub.asked == []


def test_a_broken_connection_is_resumed_where_it_broke(hub: Hub, store: Path) -> None:
    hub.breaks[UNET] = [3_000_000, 2_000_000]
    folder = fetched(store)
    assert hub.asked_for(UNET) == [0, 3_000_000, 5_000_000]
    assert hub.sent[UNET] == len(hub.files[UNET])
    assert (folder / UNET).read_bytes() == hub.files[UNET]


def test_a_server_without_ranges_sends_it_all_again(hub: Hub, store: Path) -> None:
    hub.ranges = False
    hub.breaks[UNET] = [3_000_000]
    folder = fetched(store)
    assert (folder / UNET).read_bytes() == hub.files[UNET]


def test_a_connection_that_breaks_without_a_byte_each_time_is_given_up_and_kept(hub: Hub, store: Path) -> None:
    hub.breaks[UNET] = [3_000_000, 0, 0, 0]
    assert refusal(store).code == "weights.download_failed"
    assert state_of(store / MODEL.name) == "incomplete"
    asked = len(hub.asked_for(UNET))
    fetched(store)
    assert hub.asked_for(UNET)[asked:] == [3_000_000]


def test_a_stopped_download_goes_on_where_it_was(hub: Hub, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.videoshop.download.TELL_SECONDS", 0.0)
    with pytest.raises(Cancelled):
        fetched(store, Watch(stop_at=4_000_000))
    folder = store / MODEL.name
    assert (folder / MARKER).is_file()
    with pytest.raises(WeightsError, match="in full") as refused:
        inspect(folder)
    assert refused.value.code == "weights.incomplete"
    fetched(store)
    assert state_of(folder) == "installed"
    assert hub.asked_for("list") == [0]  # the same files as before, whatever the hub lists by now
    first, second = hub.asked_for(UNET)
    assert (first, second > 3_900_000) == (0, True)


def test_wrong_bytes_are_fetched_once_more(hub: Hub, store: Path) -> None:
    hub.wrong[VAE] = 1
    folder = fetched(store)
    assert hub.asked_for(VAE) == [0, 0]
    assert (folder / VAE).read_bytes() == hub.files[VAE]


@pytest.mark.parametrize("name", [VAE, "unet/config.json"])
def test_bytes_that_are_wrong_twice_are_refused(hub: Hub, store: Path, name: str) -> None:
    hub.wrong[name] = 2
    error = refusal(store)
    assert (error.code, hub.asked_for(name)) == ("weights.corrupt", [0, 0])
    assert not (store / MODEL.name / name).exists()


def test_a_wrong_beginning_that_was_kept_is_thrown_away(hub: Hub, store: Path) -> None:
    hub.breaks[UNET] = [3_000_000, 0, 0, 0]
    refusal(store)
    (part,) = (store / MODEL.name / "unet").glob(".*.part")
    part.write_bytes(b"x" * 3_000_000)
    folder = fetched(store)
    assert (folder / UNET).read_bytes() == hub.files[UNET]


def test_a_gated_repository_says_what_to_do_and_opens_with_a_token(hub: Hub, store: Path) -> None:
    hub.token = "secret"
    without, with_wrong = refusal(store), refusal(store, token="guess")
    assert without.code == with_wrong.code == "weights.not_accepted"
    assert "https://huggingface.co/lab/small-video" in without.hint
    assert "secret" not in str(vars(with_wrong))
    assert "guess" not in str(vars(with_wrong))
    assert state_of(fetched(store, token="secret")) == "installed"


def test_the_token_is_not_shown_to_the_storage_host(hub: Hub, store: Path) -> None:
    fetched(store, token="secret")
    assert set(hub.tokens_at_storage) == {""}


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "weights.not_accepted"), (403, "weights.not_accepted"), (404, "weights.unknown_repository")],
)
def test_what_the_hub_refuses_is_refused_at_once(hub: Hub, store: Path, status: int, code: str) -> None:
    hub.refuses["list"] = [status]
    assert refusal(store).code == code
    assert hub.asked_for("list") == [0]


def test_a_hub_that_is_busy_is_asked_again_and_then_given_up(hub: Hub, store: Path) -> None:
    hub.refuses = {"list": [503, 429], "unet/config.json": [500]}
    assert state_of(fetched(store)) == "installed"
    hub.refuses = {"unet/config.json": [502] * 9}
    (store / MODEL.name / "unet/config.json").unlink()
    assert refusal(store).code == "weights.server_failed"


def test_no_network_is_said(hub: Hub, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        error = refusal(store)
    assert error.code == "weights.unreachable"
    assert "--from" in error.hint


@pytest.mark.parametrize("address", ["hub.example", "http://", "ftp://hub.example"])
def test_an_address_that_is_none_is_said(hub: Hub, store: Path, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert refusal(store).code == "weights.unreachable"


def test_a_proxy_of_the_environment_is_used(hub: Hub, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{hub.port}")
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.invalid")
    close_session()
    assert state_of(fetched(store)) == "installed"
    assert hub.proxied > 10


def test_a_repository_that_lacks_a_part_is_refused(hub: Hub, store: Path) -> None:
    del hub.files["vae/config.json"]
    error = refusal(store)
    assert error.code == "weights.part_missing"
    assert "vae/config.json" in error.message


def test_too_little_room_is_said_before_anything_is_fetched(
    hub: Hub, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5_000_000}))
    error = refusal(store)
    assert isinstance(error, ResourceError)
    assert (error.code, [name for name, _ in hub.asked]) == ("resource.disk_full", ["list"])
    assert "--to" in error.hint


def test_a_folder_that_cannot_be_made_is_said(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert refusal(tmp_path / "file").code == "output.not_writable"


def test_two_downloads_of_one_model_do_not_meet(hub: Hub, store: Path) -> None:
    with held(store, MODEL.name):
        assert refusal(store).code == "weights.in_use"
    assert state_of(fetched(store)) == "installed"


def test_what_is_there_already_is_checked_and_not_fetched_again(hub: Hub, store: Path) -> None:
    folder = fetched(store)
    asked = len(hub.asked)
    fetched(store)
    assert len(hub.asked) == asked
    damaged = bytearray(hub.files[VAE])
    damaged[-7] ^= 255
    (folder / VAE).write_bytes(damaged)
    (folder / "unet/config.json").unlink()
    (folder / UNET).write_bytes(hub.files[UNET][:-1])
    assert faults(folder, Watch()) == {VAE: "bytes", "unet/config.json": "missing", UNET: "size"}
    fetched(store)
    assert {name for name, _ in hub.asked[asked:]} == {VAE, "unet/config.json", UNET}
    assert faults(folder, Watch()) == {}


@pytest.mark.parametrize("layout", ["plain", "named", "cache"])
def test_a_folder_that_was_copied_here_does_without_a_network(
    origin: Path, store: Path, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    snapshot = tmp_path / "hub/models--lab--small-video/snapshots" / COMMIT
    places = {"plain": (origin, origin), "named": (tmp_path, tmp_path / "small"), "cache": (tmp_path, snapshot)}
    given, where = places[layout]
    if where != origin:
        shutil.copytree(origin, where)
    watch = Watch()
    bring(MODEL, store, given, watch, accepted=True)
    folder = store / MODEL.name
    assert state_of(folder) == "installed"
    assert faults(folder, Watch()) == {}
    assert (folder / UNET).read_bytes() == (origin / UNET).read_bytes()
    assert watch.events[-1].done == watch.events[-1].total


def test_a_copied_folder_is_checked_first(origin: Path, store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(origin, other)
    (other / VAE).write_bytes((other / VAE).read_bytes()[:-9])
    with pytest.raises(WeightsError) as refused:
        bring(MODEL, store, other, Watch(), accepted=True)
    assert refused.value.code == "weights.truncated"
    with pytest.raises(WeightsError) as refused:
        bring(KnownModel("x", "a/x", 25, 0, "", MODEL.licence), store, origin, Watch(), accepted=True)
    assert refused.value.code == "weights.wrong_model"
    with pytest.raises(WeightsError) as refused:
        bring(MODEL, store, tmp_path / "nowhere", Watch(), accepted=True)
    assert refused.value.code == "weights.missing"
    assert not store.exists()


def test_bytes_that_changed_on_the_way_from_another_machines_store_are_noticed(
    hub: Hub, store: Path, tmp_path: Path
) -> None:
    stick = fetched(tmp_path / "stick")
    changed = bytearray(hub.files[VAE])
    changed[-7] ^= 255
    (stick / VAE).write_bytes(changed)
    with pytest.raises(WeightsError) as refused:
        bring(MODEL, store, tmp_path / "stick", Watch(), accepted=True)
    assert refused.value.code == "weights.damaged"
    assert state_of(store / MODEL.name) == "incomplete"


def test_removing_takes_the_models_files_and_nothing_else(hub: Hub, store: Path) -> None:
    folder = fetched(store)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.name != MANIFEST and file.is_file())
    assert remove(MODEL, store) == size
    assert not folder.exists()
    folder = fetched(store)
    (folder / "notes.txt").write_text("mine")
    remove(MODEL, store)
    assert [file.name for file in folder.rglob("*")] == ["notes.txt"]
    with pytest.raises(WeightsError) as refused:
        remove(MODEL, store)
    assert refused.value.code == "weights.not_ours"


def test_what_is_not_installed_cannot_be_removed_and_what_is_begun_can(hub: Hub, store: Path) -> None:
    with pytest.raises(WeightsError) as refused:
        remove(MODEL, store)
    assert refused.value.code == "weights.not_installed"
    hub.breaks[UNET] = [3_000_000, 0, 0, 0]
    refusal(store)
    assert remove(MODEL, store) >= 3_000_000
    assert not (store / MODEL.name).exists()


def test_the_system_says_whom_to_trust_as_well_as_certifi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def trusted(context: ssl.SSLContext) -> int:
        return context.cert_store_stats()["x509_ca"]

    alone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    alone.load_verify_locations(certifi.where())
    firms = certifi.contents().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    (tmp_path / "firm.pem").write_text(firms[firms.index("-----BEGIN") :])
    seen: list[ssl.SSLContext] = []
    monkeypatch.setattr(httpx, "Client", lambda verify, **more: seen.append(verify))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "firm.pem"))
    client()
    assert trusted(seen[0]) >= trusted(alone)
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "firm.pem"))
    client()
    assert trusted(seen[1]) >= 1


def test_without_leave_to_go_online_nobody_is_asked(hub: Hub, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.videoshop.fetch.is_offline_mode", lambda: True)
    with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set"):
        download(MODEL, store, lambda event: None, accepted=True)
    assert hub.asked == []
