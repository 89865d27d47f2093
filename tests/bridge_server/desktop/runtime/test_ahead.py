"""Large wheels are fetched by ourselves, from a real index of this machine, and go on where a connection broke."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge_server.desktop import fetching
from bridge_server.desktop.fetching import FetchError
from bridge_server.desktop.paths import Places
from bridge_server.desktop.runtime import ahead, place, probe, upkeep
from bridge_server.desktop.runtime.ahead import indexes, links
from bridge_server.desktop.runtime.build import Progress
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.upkeep import Options
from bridge_server.desktop.runtime.uv import Source
from tests.bridge_server.desktop.runtime.wheels import Shelf, quiet, starts

SIZE = 400_000
SHA = "0" * 64


class Index:
    """A simple index of a shelf's wheels, in JSON or HTML; `breaks` as in test_fetching; `hides` a package's page from
    those who are not uv, `lies` says of one the sha256 of other bytes."""

    def __init__(self, shelf: Shelf) -> None:
        self.wheels = {path.name: path.read_bytes() for path in shelf.wheels.glob("*.whl")}
        self.json = True
        self.hides: set[str] = set()
        self.lies: dict[str, str] = {}
        self.breaks: list[int] = []
        self.asked: list[tuple[str, str | None]] = []
        """Each wheel that was asked for, and the range: by us, not by uv."""
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.answer(self)

            def do_HEAD(self) -> None:
                index.answer(self)

            def log_message(self, *_: Any) -> None: ...

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/simple"

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        ours = request.headers.get("User-Agent") == "videoshop-bridge"
        name = request.path.strip("/").rpartition("/")[2]
        if name.endswith(".whl"):
            data, kind, asked = self.wheels[name], "application/octet-stream", request.headers.get("Range")
            begin = 0
            if ours:
                self.asked.append((name, asked))
                begin = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            end = begin + self.breaks.pop(0) if ours and self.breaks else len(data)
        elif ours and name in self.hides:
            request.send_error(404)
            return
        else:
            data, kind = self.page(name, as_json=self.json)
            begin, end = 0, len(data)
        request.send_response(206 if begin else 200)
        request.send_header("Content-Type", kind)
        if begin:
            request.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(data) - begin))
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(data[begin:end])

    def page(self, package: str, *, as_json: bool) -> tuple[bytes, str]:
        found = {name: data for name, data in self.wheels.items() if name.startswith(package.replace("-", "_") + "-")}
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in found.items()}
        hashes |= {name: sha256 for name, sha256 in self.lies.items() if name in found}
        if not as_json:
            anchors = [f'<a href="../../files/{name}#sha256={sha256}">{name}</a>' for name, sha256 in hashes.items()]
            return "\n".join(anchors).encode(), "text/html"
        files = [{"filename": n, "url": f"/files/{n}", "hashes": {"sha256": sha256}} for n, sha256 in hashes.items()]
        told = {"meta": {"api-version": "1.0"}, "name": package, "files": files}
        return json.dumps(told).encode(), "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf.of(tmp_path / "shelf", count=3, size=SIZE)
    shelf.lock("cpu", probe.system())
    return shelf


@pytest.fixture
def index(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    index = Index(shelf)
    threading.Thread(target=index.http.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setenv("UV_DEFAULT_INDEX", index.address)
    monkeypatch.setattr(ahead, "LARGE", SIZE)
    monkeypatch.setattr(fetching, "PAUSES", (0.0, 0.0))
    yield index
    index.http.shutdown()
    index.http.server_close()


@pytest.fixture
def options(shelf: Shelf) -> Options:
    return Options(locks=shelf.locks, trial=starts)


def whole(places: Places) -> bool:
    _, faults = upkeep.verify(places, quiet)
    return faults == []


@pytest.mark.parametrize("as_json", [True, False])
def test_large_wheels_come_ahead_with_their_bytes_told(
    places: Places, index: Index, options: Options, as_json: bool
) -> None:
    index.json = as_json
    told: list[Progress] = []
    upkeep.install(places, "cpu", options, told.append)
    assert whole(places)
    assert [asked for _, asked in index.asked] == [None, None, None]
    fetched = [step.size for step in told if step.phase == "fetch"]
    assert fetched == sorted(fetched)
    assert len(set(fetched)) > 3  # within the wheels
    assert all(step.size <= step.total and step.packages <= step.of for step in told if step.phase == "fetch")
    assert not place.home(places).cache.exists()


def test_a_line_that_breaks_costs_only_what_was_on_its_way(places: Places, index: Index, options: Options) -> None:
    index.breaks = [100_000, 100_000, 100_000]
    upkeep.install(places, "cpu", options, quiet)
    assert whole(places)
    assert [asked for _, asked in index.asked[:4]] == [None, "bytes=100000-", "bytes=200000-", "bytes=300000-"]


def test_a_stopped_installation_goes_on_in_the_middle_of_a_wheel(
    places: Places, index: Index, options: Options
) -> None:
    def stop(step: Progress) -> None:
        if step.size > SIZE + 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upkeep.install(places, "cpu", options, stop)
    index.asked.clear()
    upkeep.install(places, "cpu", options, quiet)
    assert whole(places)
    (_, first), (_, second) = index.asked  # the one that was whole is not fetched again
    assert first is not None
    assert second is None


def test_a_line_that_stays_broken_is_told_and_what_came_stays(places: Places, index: Index, options: Options) -> None:
    index.breaks = [100_000] + [0] * 9
    with pytest.raises(RuntimeFault, match="connection broke") as offline:
        upkeep.install(places, "cpu", options, quiet)
    assert offline.value.code == "engine.offline"
    index.breaks.clear()
    index.asked.clear()
    upkeep.install(places, "cpu", options, quiet)
    assert index.asked[0][1] == "bytes=100000-"


def test_other_bytes_than_the_locked_ones_are_not_installed(places: Places, index: Index, options: Options) -> None:
    name = next(iter(sorted(index.wheels)))
    index.lies[name] = hashlib.sha256(index.wheels[name]).hexdigest()
    index.wheels[name] = index.wheels[name][:-1] + b"x"
    with pytest.raises(RuntimeFault, match="does not have the bytes") as differs:
        upkeep.install(places, "cpu", options, quiet)
    assert differs.value.code == "engine.hash_differs"
    assert place.home(places).installed() is None


def test_a_wheel_that_was_damaged_on_the_disk_is_fetched_again(places: Places, index: Index, options: Options) -> None:
    wheels = place.home(places).cache / "wheels"
    wheels.mkdir(parents=True)
    for name, data in index.wheels.items():
        (wheels / name).write_bytes(data if "tiny_0" in name else bytes(len(data)))
    upkeep.install(places, "cpu", options, quiet)
    assert whole(places)
    assert [name.partition("-")[0] for name, _ in index.asked] == ["tiny_1", "tiny_2"]


def test_an_index_that_does_not_answer_is_asked_once(
    places: Places, index: Index, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def silent(address: str, most: int, **more: Any) -> bytes:
        asked.append(address)
        raise FetchError("unreachable", "it is silent")

    monkeypatch.setattr(ahead, "read", silent)
    upkeep.install(places, "cpu", options, quiet)
    assert whole(places)
    assert len(asked) == 1


def test_what_cannot_be_found_is_left_to_uv(places: Places, index: Index, options: Options) -> None:
    index.hides = {"tiny-0", "tiny-1", "tiny-2"}
    upkeep.install(places, "cpu", options, quiet)
    assert whole(places)
    assert index.asked == []


def test_small_wheels_are_left_to_uv(
    places: Places, index: Index, options: Options, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "LARGE", SIZE * 2)
    upkeep.install(places, "cpu", options, quiet)
    assert whole(places)
    assert index.asked == []


def test_only_what_is_damaged_is_fetched_again(places: Places, index: Index, options: Options) -> None:
    installed = upkeep.install(places, "cpu", options, quiet)
    data = place.packages_of(place.home(places).environment(installed)) / "tiny_1/data.bin"
    data.write_bytes(b"")
    index.asked.clear()
    upkeep.repair(places, options, quiet)
    assert [name.partition("-")[0] for name, _ in index.asked] == ["tiny_1"]


# Indexes and their pages


def test_the_indexes_are_those_that_uv_would_ask() -> None:
    assert indexes(Source(), {}) == ["https://pypi.org/simple"]
    torch = Source(index="https://download.pytorch.org/whl/cpu")
    assert indexes(torch, {})[0] == "https://download.pytorch.org/whl/cpu"
    assert indexes(Source(), {"UV_DEFAULT_INDEX": "https://mirror/simple/"}) == ["https://mirror/simple"]
    assert indexes(Source(), {"UV_INDEX_URL": "https://old/simple"}) == ["https://old/simple"]
    more = {"UV_INDEX": "inner=https://me:pass@inner/simple https://other", "UV_DEFAULT_INDEX": "file:///wheels"}
    assert indexes(Source(index="/a/folder"), more) == ["https://me:pass@inner/simple", "https://other"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"files": 3}',
        '{"files": [{"url": "x.whl", "hashes": null}]}',
        f'<a href="/x.tar.gz#sha256={SHA}">',
        '<a href="/x-1.0-py3-none-any.whl">',
        f'<a href="/..%2F..%2Fx.whl#sha256={SHA}">',
        f'<a href="http://[x-1-py3-none-any.whl#sha256={SHA}">',
        "<a href='",
    ],
)
def test_a_page_without_locked_wheels_has_none(text: str) -> None:
    assert list(links(text, "https://index/simple/x/")) == []


def test_a_login_of_the_index_is_kept_for_its_own_files_alone() -> None:
    page = "https://me:pass@index/simple/x/"
    text = (
        f'<a href="../x-1-py3-none-any.whl#sha256={SHA}"></a><a href="https://files/x-1-py3-none-any.whl#sha256={SHA}">'
    )
    text += f'<a href="http://index/simple/x-1-py3-none-any.whl#sha256={SHA}">'  # in clear: it would be read
    own, other, clear = links(text, page)
    assert clear.address == "http://index/simple/x-1-py3-none-any.whl"
    assert own.address == "https://me:pass@index/simple/x-1-py3-none-any.whl"
    assert other.address == "https://files/x-1-py3-none-any.whl"
