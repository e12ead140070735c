"""Placing the names of points in a plot so that they cover neither each other nor the points."""

from __future__ import annotations

from dataclasses import dataclass

GAP_PX = 8.0
STEP_PX2 = 2.0


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels: left and bottom edge, width and height."""

    left: float
    bottom: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Return the area in square pixels that both cover."""
        width = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        height = min(self.bottom + self.height, other.bottom + other.height) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


def place_labels(
    points: list[tuple[float, float]], sizes: list[tuple[float, float]], obstacles: list[Box], frame: Box
) -> list[Box]:
    """Choose a place near its point for every label, one after the other, the same for the same input.

    Args:
        points: `(x, y)` of the points in pixels.
        sizes: `(width, height)` of their labels in pixels.
        obstacles: what labels should not cover, e.g. the markers.
        frame: what labels should stay inside of.
    """
    taken, placed = list(obstacles), []
    for point, size in zip(points, sizes, strict=True):
        # The candidates are ordered by preference: a far one has to save some overlap to be worth it.
        candidates = enumerate(_candidates(point, size))
        _, best = min(candidates, key=lambda ranked: round(_cost(ranked[1], taken, frame) + ranked[0] * STEP_PX2, 3))
        taken.append(best)
        placed.append(best)
    return placed


def _cost(box: Box, taken: list[Box], frame: Box) -> float:
    outside = box.width * box.height - box.overlap(frame)
    return 2 * outside + sum(box.overlap(other) for other in taken)


def _candidates(point: tuple[float, float], size: tuple[float, float]) -> list[Box]:
    (x, y), (width, height) = point, size
    middle = y - height / 2
    boxes = [Box(x + GAP_PX, middle, width, height), Box(x - GAP_PX - width, middle, width, height)]
    for step in range(1, 5):
        rise = GAP_PX + (step - 1) * height
        for bottom in (y + rise, y - rise - height):
            for left in (x - width / 2, x + GAP_PX, x - GAP_PX - width):
                boxes.append(Box(left, bottom, width, height))
    return boxes
