"""What a word is, and when two texts differ only in how they are typed. Stdlib only, in time linear in the text."""

from __future__ import annotations

import functools
import re
import unicodedata
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import regex

LONGEST_STACK = 30
"""Combining marks kept on one letter, as in Unicode's Stream-Safe Text Format: bringing a longer stack of them into
canonical order takes time in the square of its length."""

UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1780-\u17d3"  # Thai, Lao, Burmese, Khmer
    "\u3005\u3041-\u3096\u3099\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # ideographs
)
"""Letters of scripts that put no space between words, as ranges for a character class."""

HANGUL = "\uac00-\ud7a3"
"""The range of Korean syllables; particles stand after a noun without a space."""

LONGEST_PATTERN = 100_000
"""Characters of a regular expression with its counted repeats written out; about 30 MB once compiled."""

_PIECES = re.compile(r"\\.|\[\^?\]?(?:[^\]\\]|\\.)*+\]?|\{(?P<least>\d+)(?:,\d*)?\}|.", re.DOTALL)

_ALIKE = (
    dict.fromkeys("\u00ad\u034f\u061c\u180e\u2060\ufeff", "")
    | dict.fromkeys(map(chr, (*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0xFE00, 0xFE10))), "")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-")
    | dict.fromkeys("\u2018\u2019\u201b\u02bc\u2032\uff07", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02", '"')
    | {"\u2026": "...", "\u00a0": " "}
)
_TYPED = re.compile(f"[{''.join(_ALIKE)}]")
_UNSPACED_CHARACTER = re.compile(f"[{UNSPACED}]")
_UNSPACED_RUN = re.compile(f"([{UNSPACED}]+)")
_SIGNS = bytes(code for code in range(33, 127) if not chr(code).isalnum())
_SIGNS_TO_SPACES = bytes(code if code > 127 or chr(code).isalnum() or code in b".," else 32 for code in range(256))
_LOOSE_POINT = re.compile(r"[.,](?:(?!\d)|(?<!\d[.,]))")
_SURROGATES = re.compile("[\ud800-\udfff]+")


@functools.lru_cache(maxsize=8)
def fold(text: str) -> str:
    """The text as it is compared: NFKC, case folded, without invisible characters, one kind of hyphen and of quote.

    Accents stay: `é` is the same letter however it is encoded, and another one than `e`.
    """
    if text.isascii():
        return text.lower()
    for typed in set(_TYPED.findall(text)):
        text = text.replace(typed, _ALIKE[typed])
    if text.isascii():
        return text.lower()
    return _normal(_normal(text, "NFKC").casefold(), "NFKC")


def composed(text: str) -> str:
    """The text in NFC, in which a letter and its accents are one character wherever there is such a character."""
    return text if text.isascii() else _normal(text, "NFC")


@functools.lru_cache(maxsize=8)
def spaced(text: str) -> str:
    """The folded words with one space before, between and after them, so that `in` finds whole words and phrases.

    Every sign parts words, but for the points and commas inside a number. A run of a script that puts no space between
    words stands as one.
    """
    signless = _utf8(fold(text)).translate(_SIGNS_TO_SPACES).decode()
    if not signless.isascii():
        signless = _foreign_signs().sub(" ", signless)
        if _UNSPACED_CHARACTER.search(signless):
            signless = " ".join(_UNSPACED_RUN.split(signless))
    signless = signless.replace(". ", " ").replace(", ", " ")
    if "." in signless or "," in signless:
        signless = _LOOSE_POINT.sub(" ", signless)
    return f" {' '.join(signless.split())} "


def phrase(text: str) -> str:
    """What to look for in `spaced(reply)` to find this phrase as whole words; empty where the text has no word.

    Where it begins or ends in a script that puts no space between words it may stand inside a run; after a Korean noun
    a particle may stand.
    """
    found = spaced(text).strip()
    if not found:
        return ""
    before = "" if _UNSPACED_CHARACTER.match(found) else " "
    after = "" if _UNSPACED_CHARACTER.match(found[-1]) or HANGUL[0] <= found[-1] <= HANGUL[-1] else " "
    return f"{before}{found}{after}"


def words(text: str) -> list[str]:
    """The folded words, signs dropped: `Don't` gives `don` and `t`. In unspaced scripts each letter is one."""
    apart = spaced(text)
    return apart.split() if apart.isascii() else _word().findall(apart)


def word_count(text: str) -> int:
    """How many words a person would count: what white space parts, if a letter or digit is in it.

    In scripts that put no space between words each letter counts, with the vowel signs it bears.
    """
    signless = _utf8(text).translate(None, _SIGNS).decode()
    if signless.isascii():
        return len(signless.split())
    signless, characters = _unspaced_letter().subn(" ", _foreign_signs().sub("", signless))
    return characters + len(signless.split())


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: `facts`, `facts and style`, `facts, style and format`."""
    return " and ".join([*filter(None, [", ".join(names[:-1])]), *names[-1:]])


def shown(text: str, longest: int = 80) -> str:
    """The text in quotes, on one line, cut to `longest` characters: for reasons and messages."""
    quoted = repr(text[:longest])
    if len(text) <= longest and len(quoted) <= longest:
        return quoted
    return f"{quoted[: longest - 4]}...{quoted[0]}"


# --- nearness ---------------------------------------------------------------------------------------------------------

Nearness: TypeAlias = Literal["seen", "near", "unseen"]

NEAR_WORDS, NEAR_LETTERS = 0.5, 0.8
"""The share of common three-word runs, of all that either has, and the `difflib` ratio from which texts are near."""

LONGEST_BY_LETTERS = 1_000
"""Characters up to which texts are compared letter by letter: that takes time in their product."""

_ROUNDING = 1e-9


def nearness(one: str, other: str) -> Nearness:
    """Whether two texts say the same: `seen` where they are equal but for case, signs and blanks; `near` where half of
    their three-word runs are common, or the ratio of `difflib` is 0.8 or more; else `unseen`. The order is no matter.

    Texts of more than a thousand characters are compared by their words alone.
    """
    return _compared(_Shape.of(one), _Shape.of(other))


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The nearest of several texts: its place among them, and how near it is."""

    place: int
    near: Literal["seen", "near"]


class Neighbours:
    """Texts in which to look for those near to another: what `nearness` would say of each, without comparing each.

    Three-word runs are looked up. Letters are compared with many texts of about one length at once, and by `difflib`
    only where enough of them are common.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._shapes = [_Shape.of(text) for text in texts]
        self._same: dict[str, int] = {}
        self._runs: dict[tuple[str, ...], list[int]] = {}
        for place, shape in enumerate(self._shapes):
            self._same.setdefault(shape.folded, place)
            for run in shape.runs:
                self._runs.setdefault(run, []).append(place)
        # Of equal texts the first is enough.
        by_letters = [place for text, place in self._same.items() if 0 < len(text) <= LONGEST_BY_LETTERS]
        by_letters.sort(key=lambda place: len(self._shapes[place].folded))
        packs = (by_letters[start : start + _PACKED] for start in range(0, len(by_letters), _PACKED))
        self._packs = [_Pack.of([(place, self._shapes[place].folded) for place in pack]) for pack in packs]

    def nearest(self, text: str) -> Neighbour | None:
        """The first text that is `seen`, else the first that is `near`; None where there is neither."""
        shape = _Shape.of(text)
        if (place := self._same.get(shape.folded)) is not None and shape.folded:
            return Neighbour(place, "seen")
        near = min(self._by_words(shape), default=None)
        letters = self._by_letters(shape.folded, len(self._shapes) if near is None else near)
        near = near if letters is None else letters
        return None if near is None else Neighbour(near, "near")

    def _by_words(self, shape: _Shape) -> Iterator[int]:
        common = Counter(place for run in shape.runs for place in self._runs.get(run, ()))
        for place, count in common.items():
            if count >= NEAR_WORDS * (len(shape.runs) + len(self._shapes[place].runs) - count):
                yield place

    def _by_letters(self, folded: str, before: int) -> int | None:
        """The first text that is near by its letters, of those before a place."""
        size = len(folded)
        if not 0 < size <= LONGEST_BY_LETTERS:
            return None
        # A ratio of 0.8 of sizes a and b takes 0.4 (a + b) common letters, so that neither is 1.5 times the other.
        packs = (pack for pack in self._packs if pack.shortest <= 1.5 * size and size <= 1.5 * pack.longest)
        found = (place for pack in packs for place in pack.candidates(folded) if place < before)
        return next((place for place in sorted(found) if _alike(folded, self._shapes[place].folded)), None)


_PACKED = 512
"""Texts compared at once, by measurement: more would be no faster, and a rare letter takes a bit in each."""


@dataclass(frozen=True, slots=True)
class _Pack:
    """Texts of about one length side by side in one long number, a bit a letter, to be compared with another at once.

    width: bytes of each. letters: where in all of them each letter stands; whole: where any does.
    """

    places: tuple[int, ...]
    sizes: tuple[int, ...]
    width: int
    letters: dict[str, int]
    whole: int

    @classmethod
    def of(cls, texts: Sequence[tuple[int, str]]) -> _Pack:
        """Texts with their places, the shortest first."""
        width = len(texts[-1][1]) // 8 + 1  # a bit more than the longest has letters: it takes the carry
        rows: dict[str, bytearray] = {}
        whole = bytearray(width * len(texts))
        for at, (_, text) in enumerate(texts):
            part = slice(at * width, (at + 1) * width)
            whole[part] = ((1 << len(text)) - 1).to_bytes(width, "little")
            for letter, mask in _letters(text).items():
                if letter not in rows:
                    rows[letter] = bytearray(len(whole))
                rows[letter][part] = mask.to_bytes(width, "little")
        letters = {letter: int.from_bytes(row, "little") for letter, row in rows.items()}
        sizes = tuple(len(text) for _, text in texts)
        return cls(tuple(place for place, _ in texts), sizes, width, letters, int.from_bytes(whole, "little"))

    @property
    def shortest(self) -> int:
        """Letters of the first."""
        return self.sizes[0]

    @property
    def longest(self) -> int:
        """Letters of the last."""
        return self.sizes[-1]

    def candidates(self, other: str) -> Iterator[int]:
        """The texts that have enough letters in common with another, in the same order: `difflib` never matches more.

        A row of the usual table is one number, a bit a letter (Crochemore and others 2001), for all texts.
        """
        letters, whole = self.letters, self.whole
        row = whole
        for letter in other:
            mask = letters.get(letter)
            if mask is not None:
                hits = row & mask
                row = (row + hits | row ^ hits) & whole
        left = row.to_bytes(self.width * len(self.sizes), "little")
        for at, (place, size) in enumerate(zip(self.places, self.sizes, strict=True)):
            common = size - int.from_bytes(left[at * self.width : (at + 1) * self.width], "little").bit_count()
            if common >= NEAR_LETTERS / 2 * (size + len(other)) - _ROUNDING:
                yield place


@dataclass(frozen=True, slots=True)
class _Shape:
    """A text as it is compared: folded and without signs, and its three-word runs."""

    folded: str
    runs: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, text: str) -> _Shape:
        found = words(text)
        return cls(" ".join(found), frozenset(zip(found, found[1:], found[2:], strict=False)))


def _compared(one: _Shape, other: _Shape) -> Nearness:
    if one.folded == other.folded:
        return "seen" if one.folded else "unseen"
    common = len(one.runs & other.runs)
    if common and common >= NEAR_WORDS * len(one.runs | other.runs):
        return "near"
    if max(len(one.folded), len(other.folded)) > LONGEST_BY_LETTERS:
        return "unseen"
    return "near" if _alike(one.folded, other.folded) else "unseen"


def _alike(one: str, other: str) -> bool:
    """Whether the ratio of `difflib` is large enough."""
    from difflib import SequenceMatcher

    # In a fixed order, since the ratio depends on it; without `autojunk`, which from 200 characters on leaves out every
    # letter that is frequent.
    first, second = sorted((one, other))
    matcher = SequenceMatcher(None, first, second, autojunk=False)
    return matcher.quick_ratio() >= NEAR_LETTERS and matcher.ratio() >= NEAR_LETTERS


def _letters(text: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, letter in enumerate(text):
        places[letter] = places.get(letter, 0) | 1 << place
    return places


# --- regular expressions ----------------------------------------------------------------------------------------------


class BadPattern(ValueError):
    """A regular expression that cannot be read, or that would unroll to more than memory holds."""


@functools.lru_cache(maxsize=4096)
def pattern(expression: str) -> regex.Pattern[str]:
    """The compiled regular expression of the package `regex`; raises `BadPattern`."""
    import regex

    if len(expression) > LONGEST_PATTERN or _unrolled(expression) > LONGEST_PATTERN:
        raise BadPattern(f"it comes to more than {LONGEST_PATTERN:,} characters with its counted repeats written out")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a future version will read in another way is read as of today
            return regex.compile(expression)
    except RecursionError:
        raise BadPattern("its groups are nested too deeply") from None
    except regex.error as error:
        raise BadPattern(str(error)) from None


def search(expression: str, text: str, seconds: float) -> str | None:
    """The first text the expression matches, None where there is none.

    Raises `TimeoutError` after so many seconds, also off the main thread. The clock is looked at now and then: on a
    million characters it may be a second late.
    """
    match = pattern(expression).search(text, timeout=max(seconds, 1e-3))
    return None if match is None else match[0]


def _unrolled(expression: str) -> int:
    """How long the expression is with `x{3}` as `xxx`: the compiler writes the least count of each repeat out."""
    sizes, last = [0], 0
    for piece in _PIECES.finditer(expression):
        if piece["least"]:
            more = last * (int(piece["least"][:9]) - 1)
            sizes[-1] += more
            last += more
        elif piece[0] == "(":
            sizes.append(0)
        elif piece[0] == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        else:
            last = 1
            sizes[-1] += 1
    return sum(sizes)


def _utf8(text: str) -> bytes:
    """The text as bytes, where ASCII signs are replaced fastest; lone surrogates become spaces."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATES.sub(" ", text).encode()


def _normal(text: str, form: str) -> str:
    compatible = form == "NFKC"
    if unicodedata.is_normalized("NFKC" if compatible else "NFC", text):
        return text
    if len(text) > LONGEST_STACK:
        text = _stacked().sub(r"\1", text)
    return unicodedata.normalize("NFKC" if compatible else "NFC", text)


@functools.cache
def _marks() -> str:
    """Every combining mark, as ranges for a character class: `re` has them among the signs that are no letters."""
    ranges: list[list[int]] = []
    for first, after in ((0x300, 0x3100), (0xA600, 0xAC00), (0xFB00, 0xFE30), (0x10000, 0x1F000), (0xE0100, 0xE01F0)):
        for code in range(first, after):
            if unicodedata.category(chr(code))[0] != "M":
                continue
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)


@functools.cache
def _stacked() -> re.Pattern[str]:
    return re.compile(f"([{_marks()}]{{{LONGEST_STACK}}})[{_marks()}]+")


@functools.cache
def _unspaced_letter() -> re.Pattern[str]:
    return re.compile(f"[{UNSPACED}][{_marks()}]*+")


@functools.cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"[{UNSPACED}][{_marks()}]*+|[^\s{UNSPACED}]+")


@functools.cache
def _foreign_signs() -> re.Pattern[str]:
    return re.compile(rf"[^\x00-\x7f\w\s{_marks()}]+")
