"""The bridge's own pages: what is answered to which request, and with which guards."""

import http
import re
from pathlib import Path

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from bridge_server.pages import FOLDER, answer, pages, refusal

PAGES = pages(FOLDER / "never built")


def get(path: str, method: str = "GET") -> Request:
    return Request(path, Headers(Host="localhost:1"), method)


@pytest.mark.parametrize("path", sorted(PAGES))
def test_each_page_comes_whole_with_its_type_and_its_guards(path: str) -> None:
    response = answer(get(path), PAGES)
    assert response is not None
    assert (response.status_code, response.body) == (200, PAGES[path])
    headers = response.headers
    kinds = {"js": "text/javascript", "css": "text/css", "/": "text/html"}
    assert headers["Content-Type"] == f"{kinds[path.rpartition('.')[2]]}; charset=utf-8"
    assert headers["Content-Length"] == str(len(PAGES[path]))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert not any(name.lower().startswith("access-control") for name in headers)
    assert all(len(headers.get_all(name)) == 1 for name in headers)


def test_the_policy_allows_scripts_styles_and_sockets_of_the_bridge_alone_and_no_frame_around_it() -> None:
    response = answer(get("/"), PAGES)
    assert response is not None
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy.pop("img-src") == "'self' blob: data:"
    assert {policy.pop(name) for name in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert policy == dict.fromkeys(("default-src", "base-uri", "form-action", "frame-ancestors"), "'none'")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "*",
        "//",
        "/bridge",
        "/index.html",
        "/?",
        "/?file=app.js",
        "/app.js?v=2",
        "/app.js#",
        "/app.js/",
        "/App.js",
        "/%61pp.js",
        "/./app.js",
        "/../pages.py",
        "/..%2fpages.py",
        "/..\\pages.py",
        "/dashboard/app.js",
        "/app.js\x00",
        "http://localhost:1/",
        "/favicon.ico",
        "/.git/config",
    ],
)
def test_every_other_spelling_of_a_path_is_no_page(path: str) -> None:
    assert answer(get(path), PAGES) is None


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "get"])
def test_pages_are_only_got(method: str) -> None:
    response = answer(get("/", method), PAGES)
    assert response is not None
    assert (response.status_code, response.body) == (405, b"Only GET.\n")


def test_a_refusal_has_the_guards_of_a_page() -> None:
    page, refused = answer(get("/"), PAGES), refusal(http.HTTPStatus.FORBIDDEN, "Host not allowed.")
    assert page is not None
    about_body = {"content-type", "content-length"}
    guards = {name: value for name, value in page.headers.items() if name not in about_body}
    assert {name: value for name, value in refused.headers.items() if name not in about_body} == guards
    assert (refused.status_code, refused.body) == (403, b"Host not allowed.\n")


def test_the_pages_are_all_that_lies_in_the_folder() -> None:
    for_node = FOLDER / "package.json"
    lying = (file for file in FOLDER.iterdir() if file.is_file() and file != for_node)
    assert sorted(PAGES.values()) == sorted(file.read_bytes() for file in lying)


def test_where_the_panel_was_built_it_is_the_page(tmp_path: Path) -> None:
    for name in ("index.html", "page.css", "app.js"):
        (tmp_path / name).write_text(f"the panel's {name}")
    built = pages(tmp_path)
    assert built == {
        "/": b"the panel's index.html",
        "/page.css": b"the panel's page.css",
        "/app.js": b"the panel's app.js",
    }
    kinds = []
    for path in built:
        response = answer(get(path), built)
        assert response is not None
        kinds.append(response.headers["Content-Type"])
    assert kinds == [f"text/{kind}; charset=utf-8" for kind in ("html", "css", "javascript")]
    assert answer(get("/view.js"), built) is None


def test_a_panel_that_was_built_by_halves_is_a_fault_and_not_another_page(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("alone")
    with pytest.raises(FileNotFoundError):
        pages(tmp_path)


def test_the_pages_fetch_nothing_but_each_other_and_make_no_markup_of_text() -> None:
    for path, page in PAGES.items():
        text = page.decode()
        assert set(re.findall(r'(?:src|href)="(?!data:,")([^"]*)"', text)) <= PAGES.keys()
        assert {f"/{name}" for name in re.findall(r'from "\./([^"]+)"', text)} <= PAGES.keys()
        assert "http" not in text.replace("http-equiv", ""), path
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|style=", text)
