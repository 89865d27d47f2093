"""The bridge's own pages: packaged files, read once, each at one path. No part of a request reaches a file name."""

import http
from collections.abc import Mapping
from pathlib import Path

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

FOLDER = Path(__file__).parent / "dashboard"

_HTML, _SCRIPT, _STYLE = (f"text/{kind}; charset=utf-8" for kind in ("html", "javascript", "css"))
_FILES = {
    "/": ("index.html", _HTML),
    "/page.css": ("page.css", _STYLE),
    "/app.js": ("app.js", _SCRIPT),
    "/connection.js": ("connection.js", _SCRIPT),
    "/model.js": ("model.js", _SCRIPT),
    "/protocol.js": ("protocol.js", _SCRIPT),
    "/view.js": ("view.js", _SCRIPT),
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


def pages() -> dict[str, bytes]:
    """The bytes of each page, by its path. Raises OSError when the package is not whole."""
    return {path: (FOLDER / name).read_bytes() for path, (name, _) in _FILES.items()}


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
    _, kind = _FILES[request.path]
    return _response(http.HTTPStatus.OK, kind, body)


def refusal(status: http.HTTPStatus, reason: str) -> Response:
    """The answer to a request that is refused, with the guards of a page: another page cannot even see that it came."""
    return _response(status, "text/plain; charset=utf-8", f"{reason}\n".encode())


def _response(status: http.HTTPStatus, kind: str, body: bytes) -> Response:
    headers = Headers((*_GUARDS, ("Content-Type", kind), ("Content-Length", str(len(body)))))
    return Response(status.value, status.phrase, headers, body)
