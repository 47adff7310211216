"""What is counted in one reply. In time linear in the text, with no model and no other library.

Punctuation, words and sentences are read outside fenced code; rates are per 100 words of that. Words, contractions,
persons, hedges and function words are English: in other languages those counts are near zero, in both arms alike.
"""

from __future__ import annotations

import re
from itertools import repeat
from typing import NamedTuple, TypeAlias

from evalharness.stylometry.lexicon import CONTRACTIONS, FIRST, FUNCTION, HEDGES, HEDGING, SECOND
from evalharness.text import UNSPACED, fold, word_count

LONGEST = 100_000
"""Characters of a reply that are read."""

OPENING_WORDS = 100
"""Words over which the type-token ratio is taken: over more of them it falls with the length of the reply alone."""

LONG_WORD = 7
"""Letters from which a word is long, as LIX has it."""

FENCES = ("```", "~~~")


class Feature(NamedTuple):
    """One thing that is counted.

    noun, more, less: the words for it. unit: what a value is in. least: the smallest standard deviation that is
    believed, in that unit: where example replies never vary, one mark more is not infinitely far.
    """

    name: str
    noun: str
    unit: str
    least: float
    more: str = "more"
    less: str = "fewer"


PER = "per 100 words"
FEATURES = (
    Feature("chars", "replies", "characters", 10.0, "longer in characters", "shorter in characters"),
    Feature("words", "replies", "words", 2.0, "longer", "shorter"),
    Feature("sentence_words", "sentences", "words", 1.0, "longer", "shorter"),
    Feature("type_token", "vocabulary", "share of different words", 0.02, "richer", "poorer"),
    Feature("function_words", "function words", PER, 2.0),
    Feature("exclamations", "exclamation marks", PER, 1.0),
    Feature("questions", "question marks", PER, 1.0),
    Feature("semicolons", "semicolons", PER, 1.0),
    Feature("dashes", "dashes", PER, 1.0),
    Feature("ellipses", "ellipses", PER, 1.0),
    Feature("emoji", "emoji", PER, 1.0),
    Feature("contractions", "contractions", PER, 1.0),
    Feature("first_person", "'I' and 'we'", PER, 1.0),
    Feature("second_person", "'you'", PER, 1.0),
    Feature("hedges", "hedges", PER, 1.0),
    Feature("list_lines", "list lines", "lines", 1.0),
    Feature("heading_lines", "heading lines", "lines", 1.0),
    Feature("readability", "text", "LIX", 2.0, "harder to read", "easier to read"),
)
PLACE = {feature.name: place for place, feature in enumerate(FEATURES)}

Features: TypeAlias = tuple[float, ...]
"""The values of `FEATURES`, in that order."""


class Reading(NamedTuple):
    """A reply as it was read: its features, and its words outside code, folded."""

    features: Features
    words: list[str]


_ASCII_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_UNSPACED = re.compile(f"[{UNSPACED}]")
_LETTER = re.compile(r"[^\W\d_]")
_END = re.compile(
    r"""[.!?\u2026\n\u3002\uff01\uff1f]"""  # one class of signs first, which is five times as fast to look for
    r"""(?:(?<=[\n\u3002\uff01\uff1f])|(?<![.!?\u2026]{2})[.!?\u2026]*+["'\u201d\u2019)\]*_]*+\s)"""
)
_LIST = re.compile(r"^[ \t]*(?:\d{1,9}[.)]|[-*+\u2022])[ \t]", re.MULTILINE)
_HEADING = re.compile(r"^ {0,3}(?:#{1,6}[ \t]+\S|\*\*[^*\n]+\*\*:?[ \t]*$)", re.MULTILINE)
_DASH = re.compile(r"(?<![-|:])--(?![-|:>])|(?<=\s)\u2013(?=\s)|\u2014+")
_DOTS = re.compile(r"\.{3,}|\u2026")
_PICTURE = "\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
_ONE_PICTURE = f"[{_PICTURE}][\ufe0f\U0001f3fb-\U0001f3ff]*+"
_EMOJI = re.compile(f"[\U0001f1e6-\U0001f1ff]{{2}}|{_ONE_PICTURE}(?:\u200d{_ONE_PICTURE})*+")


def features(reply: str) -> Features:
    """The features of one reply, all 0 where it is empty; of more than 100,000 characters the first are read."""
    return read(reply).features


def read(reply: str) -> Reading:
    """The features of one reply, and its words, for what is counted over many replies."""
    text = reply[:LONGEST]
    prose = prose_of(text)
    said = _words(prose)
    count = word_count(prose)
    per = 100 / count if count else 0.0
    sentences = sum(_LETTER.search(piece) is not None for piece in _END.split(prose)) or 1
    first = said[:OPENING_WORDS]
    function, mine, yours, drawn, hedged = _counted(said)
    long = sum([len(word) >= LONG_WORD for word in said])
    values = (
        float(len(text)),
        float(count if prose is text else word_count(text)),
        count / sentences,
        len(set(first)) / len(first) if first else 0.0,
        per * function,
        per * (prose.count("!") + prose.count("\uff01")),
        per * (prose.count("?") + prose.count("\uff1f")),
        per * (prose.count(";") + prose.count("\uff1b")),
        per * (len(_DASH.findall(prose)) if "--" in prose or not prose.isascii() else 0),
        per * (len(_DOTS.findall(prose)) if "..." in prose or "\u2026" in prose else 0),
        per * (0 if prose.isascii() else len(_EMOJI.findall(prose))),
        per * drawn,
        per * mine,
        per * yours,
        per * hedged,
        float(len(_LIST.findall(prose))),
        float(len(_HEADING.findall(prose))) if "#" in prose or "**" in prose else 0.0,
        count / sentences + per * long,
    )
    return Reading(values, said)


def prose_of(text: str) -> str:
    """The text without its fenced code; a fence that is never closed reaches to the end."""
    if not any(fence in text for fence in FENCES):
        return text
    kept: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = line.lstrip(" \t>")[:3]
        if fence:
            fence = "" if mark == fence else fence
        elif mark in FENCES:
            fence = mark
        else:
            kept.append(line)
    return "\n".join(kept)


def _words(prose: str) -> list[str]:
    """Folded words, `don't` as one; in scripts that put no space between words each letter is one."""
    folded = fold(prose)
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return _WORD.findall(_UNSPACED.sub(r" \g<0> ", folded))


FIELD = 17
"""Bits in which as many words as are read can be counted: three counts are one number, and one pass over the words."""

_CUES = frozenset(phrase.split()[-1] for phrase in HEDGING)


def _weights(*classes: frozenset[str]) -> dict[str, int]:
    """For each word a 1 in the field of every class that has it."""
    words = frozenset().union(*classes)
    return {word: sum((word in known) << FIELD * place for place, known in enumerate(classes)) for word in words}


_FUNCTION_FIRST_SECOND = _weights(FUNCTION, FIRST, SECOND)
_DRAWN_HEDGES_CUES = _weights(CONTRACTIONS, HEDGES, _CUES)


def _counted(said: list[str]) -> tuple[int, int, int, int, int]:
    """Function words, those of the first and of the second person, contractions, and hedges."""
    field = (1 << FIELD) - 1
    one = sum(map(_FUNCTION_FIRST_SECOND.get, said, repeat(0)))
    two = sum(map(_DRAWN_HEDGES_CUES.get, said, repeat(0)))
    hedges = two >> FIELD & field
    if two >> 2 * FIELD:
        spaced = f" {' '.join(said)} "
        hedges += sum([spaced.count(phrase) for phrase in HEDGING])
    return one & field, one >> FIELD & field, one >> 2 * FIELD, two & field, hedges
