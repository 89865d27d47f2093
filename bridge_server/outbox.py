"""What waits to be sent to one client: bounded, states in order and never dropped, of previews only the latest."""

import sys
from collections import OrderedDict, deque
from collections.abc import Hashable

from bridge_server.protocol import limits
from bridge_server.protocol.ports import Close, Deliver

Item = str | bytes | Deliver | Close


class OverflowingError(Exception):
    """The client reads too slowly: what must not be dropped no longer fits."""


class Outbox:
    """Messages to one client, oldest first.

    A message under a `key` takes the place of the one that waits under the same key, at the end of the queue: it is
    the newer. When there is no room, messages under keys are dropped, the oldest first.
    """

    def __init__(self, limit: int = limits.OUTBOX_BYTES) -> None:
        self._limit = limit
        self._bytes = 0
        self._items: OrderedDict[Hashable, Item] = OrderedDict()
        self._replaceable: deque[Hashable] = deque()
        self._count = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def bytes(self) -> int:
        """Bytes of memory that wait, about."""
        return self._bytes

    def put(self, item: Item, key: Hashable = None) -> None:
        """Add a message. Raises OverflowingError when one without a key does not fit."""
        if key is None:
            self._count += 1
            self._add(("kept", self._count), item)
        else:
            self._drop(key)
            if self._bytes + _size(item) <= self._limit:
                self._add(key, item)
                self._replaceable.append(key)
        while self._bytes > self._limit and self._replaceable:
            self._drop(self._replaceable[0])
        if self._bytes > self._limit:
            raise OverflowingError

    def take(self) -> Item | None:
        """The oldest message, removed; None when there is none."""
        if not self._items:
            return None
        key = next(iter(self._items))
        item = self._items[key]
        self._drop(key)
        return item

    def clear(self) -> None:
        self._items.clear()
        self._replaceable.clear()
        self._bytes = 0

    def _add(self, key: Hashable, item: Item) -> None:
        self._items[key] = item
        self._bytes += _size(item)

    def _drop(self, key: Hashable) -> None:
        item = self._items.pop(key, None)
        if item is not None:
            self._bytes -= _size(item)
        if key in self._replaceable:
            self._replaceable.remove(key)


_OVERHEAD = 256
"""Bytes that a waiting message costs beside its own."""


def _size(item: Item) -> int:
    """Bytes of memory: a text with one character beyond the common ones takes four for each of its characters."""
    return _OVERHEAD + (sys.getsizeof(item) if isinstance(item, (str, bytes)) else 0)
