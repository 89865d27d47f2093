"""Large wheels, fetched before uv runs: uv begins a wheel anew when the connection breaks, and torch has gigabytes.

A wheel is looked for by its locked sha256 in the simple index (PEP 503, PEP 691). What is not found there, or in an
index that this cannot read, is left to uv, which knows more kinds of them; so is what has no locked hash.
"""

import json
import os
import re
import urllib.parse
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from bridge_server.desktop.fetching import FetchError, digest, fetch, read
from bridge_server.desktop.runtime.faults import RuntimeFault
from bridge_server.desktop.runtime.locks import Lock, Package
from bridge_server.desktop.runtime.uv import Source

LARGE = 30_000_000
"""Bytes from which on a wheel is worth it."""
PYPI = "https://pypi.org/simple"
PAGE_BYTES = 64 << 20
ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

OnWheel = Callable[[str, int], None]
"""Hears of which package how many bytes are there, often; what it raises stops the work."""


@dataclass(frozen=True)
class Link:
    """A wheel in an index."""

    address: str
    name: str
    sha256: str


def large(lock: Lock, there: Collection[str]) -> list[Package]:
    """The packages of a lockfile that are fetched ahead; `there`: names of those that are not needed."""
    return [package for package in lock.packages if package.size >= LARGE and package.name not in there]


def bring(package: Package, folder: Path, source: Source, silent: set[str], on_wheel: OnWheel) -> Path | None:
    """The wheel of a package in `folder`, fetched as far as it is not there; None: it is left to uv.

    `silent`: indexes that did not answer, which are not asked again. Raises RuntimeFault, OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    link = _found(package, source, silent)
    if link is None:
        return None
    wheel = folder / link.name
    if wheel.exists() and digest(wheel) == link.sha256:  # else the power fell before it was on the disk
        return wheel
    part = folder / f"{link.name}.part"
    try:
        fetch(
            link.address,
            part,
            {link.sha256},
            lambda done: on_wheel(package.name, done),
            plain=True,  # its sha256 is locked
            proxy=source.proxy,
        )
    except FetchError as error:
        if error.kind == "corrupt":
            raise RuntimeFault.hash_differs(f"{link.name}, {error.why}") from None
        if error.kind == "gone":
            return None
        raise RuntimeFault.offline(f"{link.name}: {error.why}") from None
    part.replace(wheel)
    return wheel


def locked(packages: Collection[Package]) -> str:
    """A lockfile of some packages."""
    return "".join(
        f"{package.name}=={package.version}{''.join(f' --hash=sha256:{sha256}' for sha256 in package.hashes)}\n"
        for package in packages
    )


def indexes(source: Source, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The addresses of simple indexes that uv would ask, by the same variables; torch's own first."""
    told = [source.index or "", *(environment.get("UV_INDEX") or environment.get("UV_EXTRA_INDEX_URL") or "").split()]
    told.append(environment.get("UV_DEFAULT_INDEX") or environment.get("UV_INDEX_URL") or PYPI)
    named = [re.sub(r"^[\w.-]+=(?=https?://)", "", address) for address in told]  # NAME=https://…
    return [address.rstrip("/") for address in named if address.startswith(("https://", "http://"))]


def _found(package: Package, source: Source, silent: set[str]) -> Link | None:
    for index in indexes(source):
        if index in silent:
            continue
        page = f"{index}/{re.sub(r'[-_.]+', '-', package.name).lower()}/"
        try:
            text = read(page, PAGE_BYTES, accept=ACCEPT, plain=True, proxy=source.proxy)
        except FetchError as error:
            if error.kind == "unreachable":
                silent.add(index)
            continue
        for link in links(text.decode("utf-8", "replace"), page):
            if link.sha256 in package.hashes:
                return link
    return None


def links(text: str, page: str) -> Iterator[Link]:
    """The wheels on an index's page that have a sha256, in JSON or HTML."""
    base = urllib.parse.urlsplit(page)
    found = _of_json(text) if text.lstrip().startswith("{") else _of_html(text)
    for address, sha256 in found:
        try:
            full = urllib.parse.urlsplit(urllib.parse.urljoin(page, address))
            same = (full.scheme, full.hostname, full.port) == (base.scheme, base.hostname, base.port)
        except ValueError:  # no address
            continue
        name = urllib.parse.unquote(full.path.rpartition("/")[2])
        if not re.fullmatch(r"[0-9a-f]{64}", sha256) or not re.fullmatch(r"[\w.+!-]+\.whl", name):
            continue
        if same and full.username is None:
            full = full._replace(netloc=base.netloc)  # with its login
        yield Link(urllib.parse.urlunsplit(full._replace(fragment="")), name, sha256)


def _of_json(text: str) -> Iterator[tuple[str, str]]:
    try:
        for file in json.loads(text)["files"]:
            yield str(file["url"]), str(file["hashes"].get("sha256", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def _of_html(text: str) -> Iterator[tuple[str, str]]:
    anchors = _Anchors()
    anchors.feed(text)
    for address in anchors.addresses:
        yield address, address.partition("#")[2].removeprefix("sha256=")


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if tag == "a" and name == "href" and value]
