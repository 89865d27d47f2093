"""What a page in a browser can try against a server of this machine, and a server that lets it do all of it."""

import contextlib
from collections.abc import AsyncIterator

from playwright.async_api import Frame, Page
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

TITLE = "Videoshop Bridge"

TRY_EVERYTHING = """async (host) => {
  const loads = (name, attributes) =>
    new Promise((resolve) => {
      const element = Object.assign(document.createElement(name), attributes);
      element.onload = () => resolve(true);
      element.onerror = () => resolve(false);
      document.head.append(element);
    });
  const tries = {
    socket: () =>
      new Promise((resolve) => {
        const socket = new WebSocket(`ws://${host}/bridge`);
        socket.onmessage = () => resolve(true) ?? socket.close();
        socket.onclose = () => resolve(false);
      }),
    read: async () => (await fetch(`http://${host}/`)).ok,
    fetch: async () => {
      const { ok, type } = await fetch(`http://${host}/app.js`, { mode: "no-cors" });
      return ok || type === "opaque";
    },
    script: () => loads("script", { src: `http://${host}/app.js` }),
    module: () => loads("script", { src: `http://${host}/app.js`, type: "module" }),
    style: () => loads("link", { href: `http://${host}/page.css`, rel: "stylesheet" }),
  };
  const went = {};
  for (const [name, attempt] of Object.entries(tries)) {
    went[name] = await attempt().catch(() => false);
  }
  return went;
}"""

FRAME_IT = """(host) =>
  new Promise((resolve) => {
    const frame = Object.assign(document.createElement("iframe"), { src: `http://${host}/`, name: "framed" });
    frame.onload = () => resolve();
    document.body.append(frame);
  })"""


async def opened(page: Page | Frame, host: str) -> set[str]:
    """Which ways to the server on `host` are open to a page, or to a frame of one."""
    went = await page.evaluate(TRY_EVERYTHING, host)
    await page.evaluate(FRAME_IT, host)
    framed = page.child_frames[-1] if isinstance(page, Frame) else page.main_frame.child_frames[-1]
    if TITLE in await framed.content():
        went["frame"] = True
    return {name for name, open in went.items() if open}


EVERYTHING = {"socket", "read", "fetch", "script", "module", "style", "frame"}


@contextlib.asynccontextmanager
async def open_door() -> AsyncIterator[int]:
    """The port of a server that keeps no rule: it shows pages to all and speaks to all."""

    def show(connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/bridge":
            return None
        kind = {"/app.js": "text/javascript", "/page.css": "text/css"}.get(request.path, "text/html")
        body = f"<!doctype html><title>{TITLE}</title><body>" if kind == "text/html" else ""
        headers = Headers((("Content-Type", kind), ("Access-Control-Allow-Origin", "*"), ("Connection", "close")))
        headers["Content-Length"] = str(len(body))
        return Response(200, "OK", headers, body.encode())

    async def speak(socket: ServerConnection) -> None:
        await socket.send("hello")
        await socket.wait_closed()

    async with serve(speak, "127.0.0.1", 0, process_request=show) as server:
        port: int = server.sockets[0].getsockname()[1]
        yield port
