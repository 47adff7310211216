"""A loss curve for a terminal: lines of text, no colour and no cursor. Pure: figures in, lines out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from evalharness.tuning.measures import Measured

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of the eight dots of a braille character, by row and column."""
BRAILLE = 0x2800
VALID = "×"
LABEL = 8
FEWEST_COLUMNS = 20


def drawn(measured: Sequence[Measured], width: int, height: int = 7, *, ascii_only: bool = False) -> list[str]:
    """The curve in `height` lines and two for its axis, at most `width` columns wide; nothing before two steps.

    Training loss is a line of dots, validation loss a mark a step. ascii_only: where the output can carry no more.
    """
    points = [one for one in measured if one.train is not None or one.valid is not None]
    columns = max(FEWEST_COLUMNS, width - LABEL - 2)
    if len(points) < 2:
        return []
    losses = [loss for one in points for loss in (one.train, one.valid) if loss is not None]
    low, high = min(losses), max(losses)
    canvas = _Canvas(columns, height, points[0].step, max(points[-1].step, points[-1].of), low, high)
    train = [(one.step, one.train) for one in points if one.train is not None]
    for (step, loss), (later, last) in pairwise(train):
        canvas.line(step, loss, later, last)
    for one in points:
        if one.valid is not None:
            canvas.mark(one.step, one.valid)
    return [
        *_body(canvas.rows(ascii_only=ascii_only), low, high, ascii_only=ascii_only),
        *_foot(canvas, points, ascii_only=ascii_only),
    ]


class _Canvas:
    """A grid of characters, each of two by four dots; steps go to the right, losses up."""

    def __init__(self, columns: int, rows: int, first: int, last: int, low: float, high: float) -> None:
        self.columns, self.height = columns, rows
        self.first, self.last = first, last
        self._low, self._span = low, (high - low) or 1.0
        self._dots = [[0] * columns for _ in range(rows)]
        self._marks: set[tuple[int, int]] = set()

    def line(self, step: int, loss: float, later: int, last: float) -> None:
        """Draws from one point to the next."""
        (x, y), (to_x, to_y) = self._dot(step, loss), self._dot(later, last)
        pieces = max(abs(to_x - x), abs(to_y - y), 1)
        for piece in range(pieces + 1):
            self._set(x + round((to_x - x) * piece / pieces), y + round((to_y - y) * piece / pieces))

    def mark(self, step: int, loss: float) -> None:
        """Puts a mark over whatever is there."""
        x, y = self._dot(step, loss)
        self._marks.add((y // 4, x // 2))

    def rows(self, *, ascii_only: bool) -> list[str]:
        """The grid as text."""
        return [
            "".join(self._sign(row, column, ascii_only=ascii_only) for column in range(self.columns)).rstrip()
            for row in range(self.height)
        ]

    def _sign(self, row: int, column: int, *, ascii_only: bool) -> str:
        if (row, column) in self._marks:
            return "x" if ascii_only else VALID
        dots = self._dots[row][column]
        if not dots:
            return " "
        return "." if ascii_only else chr(BRAILLE + dots)

    def _dot(self, step: int, loss: float) -> tuple[int, int]:
        across = (step - self.first) / max(1, self.last - self.first)
        up = (loss - self._low) / self._span
        return round(across * (2 * self.columns - 1)), round((1 - up) * (4 * self.height - 1))

    def _set(self, x: int, y: int) -> None:
        self._dots[y // 4][x // 2] |= DOTS[y % 4][x % 2]


def _body(rows: list[str], low: float, high: float, *, ascii_only: bool) -> list[str]:
    bar, tick = ("|", "+") if ascii_only else ("│", "┤")
    labels = {0: _figure(high), len(rows) - 1: _figure(low)}
    return [f"{labels.get(at, ''):>{LABEL}} {tick if at in labels else bar}{row}" for at, row in enumerate(rows)]


def _foot(canvas: _Canvas, points: Sequence[Measured], *, ascii_only: bool) -> list[str]:
    corner, dash, dot, mark = ("+", "-", ".", "x") if ascii_only else ("└", "─", "⠒", VALID)
    last = str(canvas.last)
    steps = f"{canvas.first:<{max(1, canvas.columns - len(last))}}{last}"
    key = f"{dot}{dot} training"
    if any(one.valid is not None for one in points):
        key += f", {mark} validation"
    blank = " " * LABEL
    return [f"{blank} {corner}{dash * canvas.columns}", f"{blank}  {steps}", f"{blank}  {key}"]


def _figure(loss: float) -> str:
    text = f"{loss:.3g}"
    return text if len(text) <= LABEL else f"{loss:.0e}"
