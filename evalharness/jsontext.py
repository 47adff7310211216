"""JSON text, strict: in a model's reply, of bounded depth and with one code fence forgiven, and in data files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, DecimalException
from json.decoder import JSONDecoder
from typing import NoReturn

from evalharness.text import shown

DEEPEST = 100
"""Lists and objects within each other; a reply nested deeper is no JSON to us."""

_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


class NotJson(ValueError):
    """The reply is not JSON; the message says where it stops being it."""


def read(reply: str, integer: Callable[[str], object], real: Callable[[str], object]) -> object:
    """The value the text states; `NotJson` where it is no JSON.

    integer, real: make a value of the digits of a number; `whole` and `decimal` are for arithmetic.
    """
    text = _unfenced(reply)
    check_depth(text)
    try:
        return json.loads(text, parse_int=integer, parse_float=real, parse_constant=_refuse, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        seen = shown(text[error.pos : error.pos + 40], 40) if error.pos < len(text) else "its end"
        told = error.msg[:1].lower() + error.msg[1:].removesuffix(" at")
        raise NotJson(f"not JSON: {told} at line {error.lineno}, column {error.colno}, at {seen}") from None
    except RecursionError:
        raise NotJson("not JSON: nested too deeply") from None


def _unfenced(reply: str) -> str:
    """The reply without the one code fence around it."""
    text = reply.strip()
    first = text.find("\n")
    if text.startswith("```") and text.endswith("```") and 0 < first < len(text) - 3 and "`" not in text[3:first]:
        return text[first + 1 : -3].strip()
    return text


def check_depth(text: str) -> None:
    """Raises `NotJson` where more than `DEEPEST` lists and objects stand within each other."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for mark in _BRACKETS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth > DEEPEST:
                raise NotJson(f"not JSON: more than {DEEPEST} lists and objects within each other")
        elif mark[0] in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = _twice(key for key, _ in pairs)
        raise NotJson(f"not JSON: the key {shown(twice, 40)} stands twice in one object")
    return values


def _twice(keys: Iterable[str]) -> str:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    return ""


def _refuse(constant: str) -> NoReturn:
    raise NotJson(f"not JSON: {constant} is no JSON number")


def whole(digits: str) -> object:
    """An integer of any length."""
    return int(digits) if len(digits) < 4000 else decimal(digits)  # int() refuses more than 4,300 digits


def decimal(digits: str) -> object:
    """A float; a `Decimal` where the number is too large for one."""
    value = float(digits)
    if value - value == 0:
        return value
    try:
        return Decimal(digits)
    except DecimalException:
        raise NotJson(f"not JSON: {shown(digits, 40)[1:-1]} is out of all range") from None


# --- data files -------------------------------------------------------------------------------------------------------


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {shown(twice, 60)} stands twice")
    return fields


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


_decoder = JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)


def decode(text: str, start: int = 0) -> tuple[object, int]:
    """The JSON value that begins at `start` of a text, and where it ends.

    Raises ValueError, with what is wrong as its message, for anything that is not strict JSON, a repeated key, and
    nesting or numbers beyond what Python reads.
    """
    try:
        return _decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        column = error.pos - text.rfind("\n", 0, error.pos)
        what = error.msg.removesuffix(" at")  # as some of its messages end: "unterminated string starting at"
        raise ValueError(f"this is not JSON: {what[:1].lower()}{what[1:]} at column {column}") from None
    except RecursionError:
        raise ValueError("this JSON is nested too deep") from None
    except ValueError as error:
        if "digits" in str(error):
            raise ValueError("this JSON holds a number of too many digits") from None
        raise


_BLANKS = re.compile(r"[ \t\r\n]*")


def past_blanks(text: str, at: int) -> int:
    """The first place from `at` that holds no blank of JSON."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at


class Walk:
    """A place in a JSON text, always at the next character that is not blank, and its line."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._line = 1
        self._counted = 0
        self.pass_blanks()

    @property
    def line(self) -> int:
        """The line of the place, from 1."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def meets(self, sign: str) -> bool:
        """Whether the sign comes next (blanks aside); it is passed if so."""
        self.pass_blanks()
        found = self.text.startswith(sign, self.at)
        if found:
            self.at += 1
            self.pass_blanks()
        return found

    def pass_blanks(self) -> None:
        """Goes to the next character that is none."""
        self.at = past_blanks(self.text, self.at)


def noun(value: object) -> str:
    """What a JSON value that is no object is called in a message."""
    nouns = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return nouns.get(type(value), "a number")
