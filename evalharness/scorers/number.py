"""The check `number`, and the reader of numbers in running text behind it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Literal, TypeAlias

from evalharness.records import Conversation, Grade
from evalharness.scorers.base import Unfit, scorer
from evalharness.text import shown

Mark: TypeAlias = Literal["point", "comma"]
"""What parts the whole from the decimals."""

FARTHEST = 10_000
"""Powers of ten beyond this are read as no number: to add a tolerance to one exactly would fill the memory."""

QUOTIENT_DIGITS = 50
"""Significant digits of `1/3`; whole and decimal numbers are exact at any length."""

_THIN = "'’\u00a0\u2009\u202f"
_TOKEN, _TOKEN_SPACED = (
    re.compile(
        rf"(?P<run>\d+(?:[.,]\d+|[{groups}]\d{{3}}(?!\d))*)"
        r"(?:[eE](?P<e>[+-]?\d+)(?![^\W_])"
        r"|(?P<times>[ ]?(?:[x×*·⋅]|\\times)[ ]?10)?(?:\^|\*\*)\{?(?P<power>[+-]?\d{1,5})(?!\d)"
        r"|(?P<by>[ ]?(?:[x×*·⋅]|\\times)[ ]?10)?(?P<raised>[⁻⁺]?[⁰¹²³⁴-⁹]{1,5})"
        r"|(?P<over>[ ]\d{1,3})?/(?P<under>\d{1,3})(?![\d/]|[.,]\d|[ ]?[=×÷+^]|[ ]?\*[ ]?[\d(.]))?"
    )
    for groups in (_THIN, f" {_THIN}")
)
_GROUPED = re.compile(rf"\d{{1,3}}(?:[, {_THIN}]\d{{3}})+(?:\.\d+)?|\d{{1,2}}(?:,\d\d)+,\d{{3}}(?:\.\d+)?")
_GROUPS = re.compile(rf"[, {_THIN}]")
_SWAP = str.maketrans(".,", ",.")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_FOREIGN = re.compile("[^\\D\\x00-\\x7f]|[¼-¾⅐-⅞\u2212\u2013\ufe63\uff0d\u2044\u066b\u066c\uff0e\uff0c]")
_SAME = dict.fromkeys("\u2212\u2013\ufe63\uff0d", "-") | {
    "\u2044": "/",
    "\u066b": ".",
    "\u066c": ",",
    "\uff0e": ".",
    "\uff0c": ",",
}
_FRACTION = re.compile(r"\\[dt]?frac\{(\d{1,3})\}\{(\d{1,3})\}")
_CURRENCIES = "$€£¥₹₩₽¢"
_ENDS = ")]}%.-_"


@scorer("number")
@dataclass(frozen=True, slots=True)
class Number:
    """The reply gives this number, however it is written.

    ```yaml
    suite: distances
    cases:
      - ask: How far is the Moon from Earth, in km?
        expect:
          facts: {number: "384,400", within: 4000}
    ```
    Passes: `About 3.85 × 10^5 km.`
    Fails: `Some 38,000 km, give or take.`

    `within`: how far off it may be, 0 if left out. `of`: which number of the reply must be it: `any` (the default),
    the `first` or the `last`. `decimal`: what the reply writes before decimals, a `point` (the default) or a `comma`.

    Numbers are compared exactly, as decimals. Read as one number are `1,234.50`, `12,34,567`, `1'234`, groups of three
    set off by no-break or thin spaces, `-5` and `−5`, `$18`, `-$18`, `18km`, `18.`, `.5`, `2e3`, `3.8 × 10^5`, `10⁵`,
    `3/4`, `1 1/2`, `1½`, and digits of any script. Under `decimal: comma`, `1.234,50` and `1 234,50` too. A per cent
    sign, a currency and a unit are passed over: `60%` is 60 and not 0.6.

    **Does not catch**: the right number said of the wrong thing, or in the wrong unit; a number in words (`forty-two`:
    use `any_of`). `10k` is 10, `2^5` is 2 and 5. Dates, times, ranges, lists and calculations are read as their parts:
    `2024-05-01` is 2024, 5 and 1, `10-20` is 10 and 20, `18/3=6` is 18, 3 and 6. Under `decimal: point`, `3,5` is 3 and
    5, and `1 234` with a plain space is 1 and 234. Nothing is read in names such as `gsm8k` or `H2O`, in `3.11.7`, or
    in an IP address.
    """

    number: str
    within: Decimal = Decimal(0)
    of: Literal["any", "first", "last"] = "any"
    decimal: Mark = "point"
    _low: Decimal = field(init=False, repr=False, compare=False)
    _high: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        wanted = _typed(self.number)
        if not (self.within >= 0 and self.within.adjusted() < FARTHEST):
            raise Unfit("within", "a tolerance is 0 or more")
        with localcontext(prec=4 * FARTHEST):
            object.__setattr__(self, "_low", wanted - self.within)
            object.__setattr__(self, "_high", wanted + self.within)

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the number is there, else 0."""
        found: list[Decimal] = []
        for number in numbers(conversation.reply, self.decimal, backwards=self.of == "last"):
            if self._low <= number <= self._high:
                return Grade(1.0, f"found {_told(number)}")
            found.append(number)
            if self.of != "any":
                return Grade(0.0, f"the {self.of} number is {_told(number)}, not {shown(self.number, 40)[1:-1]}")
            if len(found) > 6:
                found.pop()
        if not found:
            return Grade(0.0, f"no number in {shown(conversation.reply, 60)}")
        return Grade(0.0, f"no {shown(self.number, 40)[1:-1]} among {', '.join(map(_told, found))[:60]}")


def numbers(text: str, mark: Mark = "point", *, backwards: bool = False) -> Iterator[Decimal]:
    """The numbers of a text in order, or from its end; `Number` says what is read as one."""
    text = _plain(text)
    tokens: Iterator[re.Match[str]] = (_TOKEN if mark == "point" else _TOKEN_SPACED).finditer(text)
    if backwards:
        tokens = reversed(list(tokens))
    for token in tokens:
        run = token["run"]
        if text[token.start() - 1 : token.start()] in (" ", "\n") and token.lastindex == 1 and _simple(run, mark):
            yield Decimal(run)
            continue
        values = _values(text, token, mark)
        yield from reversed(values) if backwards else values


def _simple(run: str, mark: Mark) -> bool:
    """Whether the run is one number as Python writes it: most are, and need no further look."""
    return run.isdecimal() or (mark == "point" and run.replace(".", "", 1).isdecimal())


def _plain(text: str) -> str:
    """The text with ASCII digits, minus signs and slashes, and without LaTeX."""
    if "\\" in text:
        text = _FRACTION.sub(r" \1/\2", text).replace("\\,", "\u2009").replace("\\$", "$")
    if "{,}" in text:
        text = text.replace("{,}", ",")
    if text.isascii():
        return text
    typed = set(_FOREIGN.findall(text))
    if len(typed) <= 20:
        for sign in typed:
            text = text.replace(sign, _ascii(sign))
        return text
    return text.translate({ord(sign): _ascii(sign) for sign in typed})


def _ascii(sign: str) -> str:
    if sign in _SAME:
        return _SAME[sign]
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    return " " + unicodedata.normalize("NFKC", sign).replace("\u2044", "/")


def _values(text: str, token: re.Match[str], mark: Mark) -> list[Decimal]:
    """The numbers of one token: none where it is part of a name, several where it is a list."""
    start = token.start()
    before = text[start - 1] if start else ""
    run = token["run"]
    if not run.isdecimal():
        values = _run(run.translate(_SWAP) if mark == "comma" else run)
    elif before == ("." if mark == "point" else ",") and not _goes_on(text[start - 2 : start - 1] if start > 1 else ""):
        start -= 1
        before = text[start - 1] if start else ""
        values = [Decimal(f"0.{run}")]
    else:
        values = [Decimal(run)]
    if before and before < "\u0590" and (before.isalpha() or before == "_"):
        return []
    if values and token.end() > token.end("run"):
        values = _scaled(values, token, before)
    if values and before and (before == "-" or before in _CURRENCIES) and _negative(text, start):
        values[0] = -values[0]
    return values


def _goes_on(sign: str) -> bool:
    return bool(sign) and (sign.isalnum() or sign in ".,")


def _run(run: str) -> list[Decimal]:
    """Digits joined by points, commas and other marks, the point before the decimals."""
    if _GROUPED.fullmatch(run):
        return [Decimal(_GROUPS.sub("", run))]
    return [Decimal(piece) for piece in _GROUPS.split(run) if piece.count(".") <= 1]


def _scaled(values: list[Decimal], token: re.Match[str], before: str) -> list[Decimal]:
    """What follows the digits: an exponent, a power of ten, or the rest of a fraction."""
    if token["under"]:
        return _fraction(values, token, before)
    exponent = int((token["e"] or token["power"] or token["raised"].translate(_RAISED))[:6])
    if (token["e"] and len(token["e"]) > 6) or abs(exponent) > FARTHEST:
        return values[:-1]
    if token["e"] or token["times"] or token["by"]:
        return [*values[:-1], _shifted(values[-1], exponent)]
    if values[-1] == 10:
        return [*values[:-1], _shifted(Decimal(1), exponent)]
    return values if token["raised"] else [*values, Decimal(exponent)]


def _shifted(value: Decimal, exponent: int) -> Decimal:
    sign, digits, places = value.as_tuple()
    assert isinstance(places, int)
    return Decimal((sign, digits, places + exponent))


def _fraction(values: list[Decimal], token: re.Match[str], before: str) -> list[Decimal]:
    over = Decimal(token["over"]) if token["over"] else values[-1]
    under = Decimal(token["under"])
    short = token["over"] or len(token["run"]) <= 3
    divided = before == "/" or (before == "*" and token.string[token.start() - 2 : token.start() - 1].isalnum())
    if divided or not short or not under or (len(values) > 1 and not token["over"]):
        return [*values, *([over] if token["over"] else []), under]
    with localcontext(prec=QUOTIENT_DIGITS):
        quotient = over / under
        if not token["over"]:
            return [quotient]
        if token["run"].isdecimal() and len(token["run"]) <= 9 and quotient < 1:
            return [values[-1] + quotient]
    return [*values, quotient]


def _negative(text: str, start: int) -> bool:
    """Whether a minus before the digits is a sign, and no dash, hyphen, or subtraction."""
    place = start - 1
    if text[place] in _CURRENCIES:
        place -= 1
    if place < 0 or text[place] != "-":
        return False
    left = text[place - 1] if place else " "
    return not (left.isalnum() or left in _ENDS)


def _typed(text: str) -> Decimal:
    """The number a suite states; nothing but a currency, a sign and a per cent sign may stand beside it."""
    plain = _plain(text)
    token = _TOKEN.search(plain)
    if token:
        values = _values(plain, token, "point")
        beside = f"{plain[: token.start()]}{plain[token.end() :]}"
        if len(values) == 1 and not beside.strip(f"{_CURRENCIES}+-.% \t"):
            return values[0]
    raise Unfit("number", "this is not a number", "write it in digits: 384400, 384,400, -2.5, 1e3 or 3/4")


def _told(number: Decimal) -> str:
    told = str(number)
    if "E" in told and abs(number.adjusted()) < 24:
        told = f"{number:f}"
    return told if len(told) <= 24 else f"{number:.6g}"
