"""JSON out of a model's reply: strict, of bounded depth, one code fence forgiven."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, DecimalException
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
    _check_depth(text)
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


def _check_depth(text: str) -> None:
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
