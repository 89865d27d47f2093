"""The client's side of the handshake: prove the token, or the pairing code, to a service that proves it too."""

import secrets
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from bridge_server.errors import MessageError, UnreachableError
from bridge_server.protocol import limits
from bridge_server.protocol import messages as m
from bridge_server.protocol.pairing import normal
from bridge_server.protocol.proof import NONCE, Role, padded, proof, same


async def dial(port: int) -> ClientConnection:
    """A socket to what listens on a port. Raises UnreachableError."""
    try:
        return await connect(
            f"ws://127.0.0.1:{port}/bridge", compression=None, max_size=limits.MESSAGE, proxy=None, max_queue=16
        )
    except (OSError, TimeoutError) as error:
        raise UnreachableError.no_answer(port, str(error) or type(error).__name__) from None
    except InvalidStatus as error:
        raise UnreachableError.no_answer(port, f"HTTP status {error.response.status_code}") from None
    except WebSocketException as error:
        raise UnreachableError.no_answer(port, str(error)) from None


async def greeted(socket: ClientConnection, port: int) -> m.Hello:
    """What the service says first. Raises UnreachableError when it speaks no version of ours."""
    hello = _read(await socket.recv())
    if not isinstance(hello, m.Hello):
        raise UnreachableError.no_answer(port, "it does not say hello")
    if not hello.protocol_min <= limits.PROTOCOL <= hello.protocol_max:
        raise UnreachableError.version(hello.protocol_min, hello.protocol_max, limits.PROTOCOL)
    return hello


async def identify(socket: ClientConnection, hello: m.Hello, port: int, token: bytes, host: str) -> m.Identified:
    """Prove the token. Raises UnreachableError for a service that cannot prove it too."""
    nonce = secrets.token_bytes(NONCE)
    hmac = _proof(hello, port, token, "cli", nonce).hex()
    await socket.send(
        m.encode(m.Identify(id="c0", protocol=limits.PROTOCOL, host=host, client=uuid4(), nonce=nonce.hex(), hmac=hmac))
    )
    identified = _read(await socket.recv())
    expected = _proof(hello, port, token, "srv", nonce)
    if not isinstance(identified, m.Identified) or not same(bytes.fromhex(identified.hmac), expected):
        raise UnreachableError.not_trusted()
    return identified


async def pair(port: int, code: str, host: str) -> bytes:
    """The token of the service on a port, for the pairing code that it shows. Raises UnreachableError."""
    socket = await dial(port)
    try:
        hello, key, nonce = await greeted(socket, port), normal(code).encode(), secrets.token_bytes(NONCE)
        hmac = _proof(hello, port, key, "pcl", nonce).hex()
        await socket.send(
            m.encode(m.Pair(id="c0", protocol=limits.PROTOCOL, host=host, client=uuid4(), nonce=nonce.hex(), hmac=hmac))
        )
        paired = _read(await socket.recv())
        if not isinstance(paired, m.Paired):
            raise UnreachableError.not_trusted()
        sealed = bytes.fromhex(paired.token)
        if not same(bytes.fromhex(paired.hmac), _proof(hello, port, key, "psv", nonce, more=sealed)):
            raise UnreachableError.not_trusted()
        return padded(sealed, _proof(hello, port, key, "ptk", nonce))
    except ConnectionClosed as error:
        raise closed(error) from None
    finally:
        await socket.close()


def closed(error: ConnectionClosed) -> UnreachableError:
    """Why the connection is over."""
    if error.rcvd is None:
        return UnreachableError.closed(1006, "")
    return UnreachableError.closed(error.rcvd.code, error.rcvd.reason)


def _proof(hello: m.Hello, port: int, key: bytes, role: Role, nonce: bytes, more: bytes = b"") -> bytes:
    challenge = bytes.fromhex(hello.challenge)
    return proof(key, role, port=port, challenge=challenge, nonce=nonce, instance=hello.instance, more=more)


def _read(message: str | bytes) -> m.ServerMessage:
    if isinstance(message, bytes):
        raise MessageError.malformed("a binary message came before the handshake ended")
    return m.decode_server(message)
