"""How two texts differ, word by word, cut to what is worth reading: the changes, and a little around them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["same", "changed", "gap"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a reply: the same on both sides, changed, or a gap whose text says how much is not shown."""

    kind: Kind
    text: str


CONTEXT = 8
"""Words kept on each side of a change."""

MOST_WORDS = 600
"""Longer stretches count as changed from end to end: matching words can take time with the square of their number."""

LEAST_SHARED = 0.5
"""Below this share of the shorter text, marking single words hides more than it shows."""

_WORD = re.compile(r"(\w+(?:[.,'’_-]\w+)*|[^\w\s])(\s*)")
_STRETCH = re.compile(r"\s*\S+|\s+")


def word_diff(base: str, tuned: str, room: int) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both replies around what differs, each in about `room` characters; what was cut is a gap.

    Where little is common, or nothing differs, both are given without marks.
    """
    start = _shared_start(base, tuned)
    end = _shared_start(base[: start - len(base) - 1 : -1], tuned[: start - len(tuned) - 1 : -1])
    # A word cut by the first or the last difference is part of it.
    cut = re.search(r"\w\S*\Z", base[max(0, start - 100) : start]) if start < max(len(base), len(tuned)) else None
    head = base[: start - len(cut[0]) if cut else start]
    tail = re.sub(r"\A\S{0,99}\w", "", base[len(base) - end :])
    both = _matched(*(text[len(head) : len(text) - len(tail)] for text in (base, tuned)))
    shared = len(head) + len(tail) + sum(len(piece.text) for piece in both[0] if piece.kind == "same")
    shorter = min(len(base), len(tuned))
    if base != tuned and shared < LEAST_SHARED * max(1, shorter):
        return _framed(base, (), "", room), _framed(tuned, (), "", room)
    return _framed(head, both[0], tail, room), _framed(head, both[1], tail, room)


def _shared_start(one: str, other: str) -> int:
    """How many characters two texts have in common at their start, in a few comparisons however long they are."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _matched(base: str, tuned: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts as pieces: what they share by word, and what they do not."""
    if max(len(base), len(tuned)) > 12 * MOST_WORDS:
        return [Piece("changed", base)], [Piece("changed", tuned)]
    words = [_WORD.findall(text) for text in (base, tuned)]
    blanks = [text[: len(text) - len(text.lstrip())] for text in (base, tuned)]
    keys = [[word for word, _ in each] for each in words]
    both: tuple[list[Piece], list[Piece]] = ([Piece("same", blanks[0])], [Piece("same", blanks[1])])
    spans = difflib.SequenceMatcher(None, keys[0], keys[1]).get_opcodes()
    for place, (what, *bounds) in enumerate(spans):
        # A comma or a single short word between two changes is no landmark.
        island = what == "equal" and 0 < place < len(spans) - 1 and len("".join(keys[0][bounds[0] : bounds[1]])) < 3
        kind: Kind = "same" if what == "equal" and not island else "changed"
        for side, (first, last) in enumerate((bounds[:2], bounds[2:])):
            text = "".join(word + blank for word, blank in words[side][first:last])
            if text and both[side][-1].kind == kind:
                both[side][-1] = Piece(kind, both[side][-1].text + text)
            elif text:
                both[side].append(Piece(kind, text))
    return both


def _framed(head: str, pieces: Sequence[Piece], tail: str, room: int) -> tuple[Piece, ...]:
    """One side between what both share, cut to its room."""
    whole = [piece for piece in (Piece("same", head), *pieces, Piece("same", tail)) if piece.text]
    size = sum(len(piece.text) for piece in whole)
    if size > room and any(piece.kind == "changed" for piece in whole):
        whole = [part for place, piece in enumerate(whole) for part in _context(piece, place, len(whole) - 1)]
    return _squeezed(whole, room)


def _context(piece: Piece, place: int, last: int) -> Iterator[Piece]:
    """A stretch that is the same, cut to the words next to a change."""
    text = piece.text
    start = "".join(_STRETCH.findall(text[:120])[:CONTEXT]) if place > 0 else ""
    end = "".join(_STRETCH.findall(text[-120:])[-CONTEXT:]) if place < last else ""
    gap = len(text) - len(start) - len(end)
    if piece.kind != "same" or gap < 20:
        yield piece
        return
    yield from (part for part in (Piece("same", start), _gap(gap), Piece("same", end)) if part.text)


def _squeezed(pieces: Sequence[Piece], room: int) -> tuple[Piece, ...]:
    """At most about `room` characters: the start and, since answers stand at the end, almost as much of the end."""
    size = sum(len(piece.text) for piece in pieces)
    if size <= room:
        return tuple(pieces)
    keep_end = 9 * room // 20
    start = _first(pieces, room - keep_end)
    end = [Piece(p.kind, p.text[::-1]) for p in _first([Piece(p.kind, p.text[::-1]) for p in pieces[::-1]], keep_end)]
    return (*start, _gap(size - sum(len(piece.text) for piece in (*start, *end))), *end[::-1])


def _first(pieces: Iterable[Piece], room: int) -> list[Piece]:
    """The first pieces, the last of them cut to what is left of the room, at a blank where one is near."""
    kept = []
    for piece in pieces:
        text = piece.text[:room]
        if len(text) < len(piece.text):
            blank = max(text.rfind(" "), text.rfind("\n"))
            text = text[:blank] if blank > len(text) - 20 else text
        if text:
            kept.append(Piece(piece.kind, text))
        room -= len(piece.text)
        if room <= 0:
            break
    return kept


def _gap(size: int) -> Piece:
    return Piece("gap", " … " if size < 200 else f" … {size:,} characters … ")
