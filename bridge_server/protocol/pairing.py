"""Who may learn the token: pairing codes, and the patience with wrong proofs (PROTOCOL.md, “Pairing”)."""

import secrets
from collections import deque
from collections.abc import Callable

from bridge_server.protocol import limits

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is read as a digit."""
LENGTH = 10
"""50 bits: a program that overhears a proof does not find the code while it is good."""

_READ_AS = str.maketrans({"I": "1", "L": "1", "O": "0", "-": None, " ": None})


def normal(typed: str) -> str:
    """A code as it was meant, from what a person typed."""
    return typed.strip().upper().translate(_READ_AS)


def shown(code: str) -> str:
    """A code as a person reads it: XXXXX-XXXXX."""
    return f"{code[: LENGTH // 2]}-{code[LENGTH // 2 :]}"


class Door:
    """What all connections share: the one code that is good, and the wrong proofs of the last minute.

    `clock` gives seconds that never run backward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._code: str | None = None
        self._until = 0.0
        self._tries = 0
        self._wrong: deque[float] = deque(maxlen=64)

    def open(self) -> str:
        """A new code; the one before is void."""
        self._code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        self._until = self._clock() + limits.CODE_SECONDS
        self._tries = 0
        return self._code

    @property
    def code(self) -> str | None:
        """The code that is good now."""
        return self._code if self._clock() < self._until else None

    def used(self) -> None:
        """A client has paired: the code was good for one."""
        self._code = None

    def wrong_code(self) -> float:
        """Count a wrong try against the code; seconds to wait before it is answered."""
        self._tries += 1
        if self._tries >= limits.CODE_TRIES:
            self._code = None
        return self.wrong()

    def wrong(self) -> float:
        """Count a wrong proof; seconds to wait before it is answered."""
        now = self._clock()
        while self._wrong and self._wrong[0] < now - _MINUTE:
            self._wrong.popleft()
        self._wrong.append(now)
        over = len(self._wrong) - _FREE
        return min(_LONGEST, 2.0 ** (over - 1)) if over > 0 else 0.0


_MINUTE, _FREE, _LONGEST = 60.0, 5, 8.0
