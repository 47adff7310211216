"""Columns of a terminal: how wide a text is, tables that line up, lines that break at words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

Span: TypeAlias = tuple[str, str]
"""A text and the name of its style; the text is safe to print, and the style takes no columns."""


def cells(text: str) -> int:
    """How many columns a text takes: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.category(character) in ("Mn", "Me", "Cf") for character in text)


def cells_of(spans: Iterable[Span]) -> int:
    """How many columns a line takes."""
    return sum(cells(text) for text, _ in spans)


def aligned(rows: Sequence[Sequence[Span]], right: set[int]) -> list[list[Span]]:
    """Rows of a table as lines, two blanks between columns; the columns in `right` end flush."""
    widths = [max(cells(row[at][0]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        spans: list[Span] = []
        for at, (text, style) in enumerate(row):
            blank = " " * (widths[at] - cells(text))
            gap = "  " if at < len(row) - 1 else ""
            spans += [(blank, ""), (text, style), (gap, "")] if at in right else [(text, style), (blank + gap, "")]
        while spans and not spans[-1][0].strip():
            spans.pop()
        lines.append(spans)
    return lines


def wrapped(spans: Iterable[Span], width: int, indent: int = 0) -> list[list[Span]]:
    """Spans broken at blanks into lines of at most `width` columns; a word longer than a line is cut.

    indent: columns that the first line has less, or, where it is negative, more.
    """
    lines: list[list[Span]] = [[]]
    used = indent
    for text, style in spans:
        for word in re.findall(r"\s+|\S+", text):
            for part in _cut(word, width):
                size = cells(part)
                if used + size > width:
                    lines.append([])
                    used = 0
                if used > 0 or not part.isspace() or len(lines) == 1:
                    lines[-1].append((part, style))
                    used += size
    return lines


def _cut(word: str, width: int) -> Iterator[str]:
    """A word in stretches that fit."""
    while cells(word) > width:
        end = width
        while cells(word[:end]) > width:
            end -= 1
        yield word[:end]
        word = word[end:]
    yield word
