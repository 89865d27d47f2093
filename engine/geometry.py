"""Sizes and boxes on the pixel grid of upright frames: x to the right, y down, in pixels."""

from typing import NamedTuple


class Size(NamedTuple):
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}×{self.height}"


class Box(NamedTuple):
    """Half-open rectangle: columns [x, x + width), rows [y, y + height)."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices, to index an array (height, width, …)."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def grown(self, margin: int, inside: Size) -> "Box":
        """This box with `margin` pixels more on every side, cut at the frame."""
        return Box.around(self.x - margin, self.y - margin, self.right + margin, self.bottom + margin, inside)

    def aligned(self, multiple: int, inside: Size) -> "Box":
        """The smallest box around this one whose edges lie on `multiple`, cut at the frame (for subsampled chroma)."""
        return Box.around(
            self.x // multiple * multiple,
            self.y // multiple * multiple,
            -(-self.right // multiple) * multiple,
            -(-self.bottom // multiple) * multiple,
            inside,
        )

    def union(self, other: "Box") -> "Box":
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    @classmethod
    def around(cls, left: int, top: int, right: int, bottom: int, inside: Size) -> "Box":
        """The box from (left, top) to (right, bottom), cut at a frame of size `inside`; empty when it lies outside."""
        x, y = min(max(left, 0), inside.width), min(max(top, 0), inside.height)
        return cls(x, y, max(min(right, inside.width) - x, 0), max(min(bottom, inside.height) - y, 0))

    @classmethod
    def full(cls, size: Size) -> "Box":
        return cls(0, 0, size.width, size.height)
