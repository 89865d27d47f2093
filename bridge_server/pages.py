"""The bridge's own pages: packaged files, read once, each at one path. No part of a request reaches a file name.

The page is the panel, where it was built into the package (`npm run build` in uxp_plugin/, before a release is packed);
else the plain status page, which needs no build.
"""

import http
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

FOLDER = Path(__file__).parent / "dashboard"

PANEL = FOLDER / "panel"
"""Where the panel's page is when it was built."""

_PLAIN_FILES = {
    "/": "index.html",
    "/page.css": "page.css",
    "/app.js": "app.js",
    "/connection.js": "connection.js",
    "/model.js": "model.js",
    "/protocol.js": "protocol.js",
    "/view.js": "view.js",
}
_PANEL_FILES = {"/": "index.html", "/page.css": "page.css", "/app.js": "app.js"}

_KINDS = {
    "": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",  # includes ws: on the page's own host and port
        "img-src 'self' blob: data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Content-Security-Policy of every answer."""

_GUARDS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
    ("Connection", "close"),
)


def pages(panel: Path = PANEL) -> dict[str, bytes]:
    """The bytes of each page, by its path. Raises OSError when the package, or the built panel, is not whole."""
    folder, files = (panel, _PANEL_FILES) if panel.is_dir() else (FOLDER, _PLAIN_FILES)
    return {path: (folder / name).read_bytes() for path, name in files.items()}


def answer(request: Request, pages: Mapping[str, bytes]) -> Response | None:
    """The answer to a request for one of `pages`, or None if it is for none of them.

    The request's target is compared, character for character: a query, a `%` or another spelling is another path.
    """
    body = pages.get(request.path)
    if body is None:
        return None
    # Before version 17 `websockets` has no `method`, and lets nothing but GET through.
    if getattr(request, "method", "GET") != "GET":
        return refusal(http.HTTPStatus.METHOD_NOT_ALLOWED, "Only GET.")
    return _response(http.HTTPStatus.OK, _KINDS[PurePosixPath(request.path).suffix], body)


def refusal(status: http.HTTPStatus, reason: str) -> Response:
    """The answer to a request that is refused, with the guards of a page: another page cannot even see that it came."""
    return _response(status, "text/plain; charset=utf-8", f"{reason}\n".encode())


def _response(status: http.HTTPStatus, kind: str, body: bytes) -> Response:
    headers = Headers((*_GUARDS, ("Content-Type", kind), ("Content-Length", str(len(body)))))
    return Response(status.value, status.phrase, headers, body)
