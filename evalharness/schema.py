"""Nodes of a suite file to checked values: the type comes from the field, never from how a scalar looks.

Each function takes the source that collects faults, the node, and what messages call it. None means that a fault was
noted, so readers go on with the next field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from typing import TypeVar

from evalharness.errors import suggestion
from evalharness.files import quoted
from evalharness.records import Payload
from evalharness.tree import Broken, Mapping, Node, Sequence, Source, Text

T = TypeVar("T", bound=str)

MOST_COMPARED = 300
MOST_LISTED = 40

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
ALMOST_NUMBER = re.compile(
    r"[+-]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|0[xob][0-9a-fA-F_]+|[+-]?\.?(?:inf|nan|NaN|Infinity)"
)
JSON_WORDS: dict[str, object] = {"": None, "null": None, "true": True, "false": False}
ALMOST_WORDS = {"none": "null", "~": "null", "null": "null", "true": "true", "false": "false"}


def mapping(source: Source, node: Node, what: str, hint: str = "") -> Mapping | None:
    """The node as a mapping."""
    if isinstance(node, Mapping):
        return node
    wrong(source, node, f"{what} must be a mapping", hint)
    return None


def sequence(source: Source, node: Node, what: str, hint: str = "") -> Sequence | None:
    """The node as a list."""
    if isinstance(node, Sequence):
        return node
    wrong(source, node, f"{what} must be a list", hint)
    return None


def text(source: Source, node: Node, what: str, hint: str = "") -> str | None:
    """The characters as typed. A key without a value is a fault; a text that is quoted and empty is not."""
    if not isinstance(node, Text):
        wrong(source, node, f"{what} must be a text", hint)
    elif node.value or node.style or node.filled:
        return node.value
    else:
        source.fault(node.mark, f"{what} has no value", hint)
    return None


def words(source: Source, node: Node, what: str, hint: str = "") -> str | None:
    """A text that says something: not empty, nor only blanks."""
    found = text(source, node, what, hint)
    if found is not None and (not found or found.isspace()):
        source.fault(node.mark, f"{what} is empty", hint)
        return None
    return found


def texts(source: Source, node: Node, what: str) -> tuple[str, ...]:
    """A list of texts that say something; one alone is a list of one."""
    found = [words(source, item, what) for item in listed(source, node)]
    return tuple(text for text in found if text is not None)


def choice(source: Source, node: Node, what: str, known: Collection[T]) -> T | None:
    """One of a few words."""
    found = text(source, node, what)
    if found is None:
        return None
    for word in known:
        if found == word:
            return word
    hint = near(found, known)
    if not hint.startswith("did"):
        hint = ""
    source.fault(node.mark, f"{what} must be {' or '.join(known)}, not {quoted(found)}", hint)
    return None


def truth(source: Source, node: Node, what: str) -> bool | None:
    """`true` or `false`."""
    found = text(source, node, what, "write true or false")
    if found is None:
        return None
    if found.lower() in ("true", "false"):
        return found.lower() == "true"
    source.fault(node.mark, f"{what} must be true or false, not {quoted(found)}")
    return None


def integer(source: Source, node: Node, what: str, *, least: int = 1) -> int | None:
    """A whole number of at least `least`."""
    found = text(source, node, what)
    if found is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", found) and int(found) >= least:
        return int(found)
    source.fault(node.mark, f"{what} must be a whole number of at least {least}, not {quoted(found)}")
    return None


def share(source: Source, node: Node, what: str, *, below: bool = False) -> float | None:
    """A number above 0 and at most 1; `below`: less than 1."""
    found = text(source, node, what)
    if found is None:
        return None
    number = _number(found)
    if 0 < number < 1 or (number == 1 and not below):
        return number
    percent = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]+)?)\s*%?", found)
    hint = ""
    if percent and 1 < float(percent[1]) <= 100:
        hint = f"did you mean {float(percent[1]) / 100:g}?"
    limit = "below 1" if below else "at most 1"
    source.fault(node.mark, f"{what} must be a number above 0 and {limit}, not {quoted(found)}", hint)
    return None


def weight(source: Source, node: Node, what: str) -> float | None:
    """A number above 0."""
    found = text(source, node, what)
    if found is None:
        return None
    if 0 < (number := _number(found)) < math.inf:
        return number
    source.fault(node.mark, f"{what} must be a number above 0, not {quoted(found)}")
    return None


def payload(source: Source, node: Node, what: str) -> Payload:
    """A mapping whose scalars are typed as in JSON."""
    found = mapping(source, node, what)
    return {} if found is None else {key: typed(source, value) for key, value in found.entries.items()}


def typed(source: Source, node: Node) -> object:
    """The node as a JSON value: plain scalars are typed as in JSON, quoted ones stay text."""
    match node:
        case Mapping():
            return {key: typed(source, value) for key, value in node.entries.items()}
        case Sequence():
            return [typed(source, item) for item in node.items]
        case Text() if node.style:
            return node.value
        case Text():
            return _scalar(source, node)
    return None


def plain(node: Node) -> object:
    """The node as texts, and lists and mappings of texts."""
    match node:
        case Mapping():
            return {key: plain(value) for key, value in node.entries.items()}
        case Sequence():
            return [plain(item) for item in node.items]
        case Text():
            return node.value
    return None


def known(source: Source, node: Mapping, what: str, fields: Collection[str]) -> None:
    """A fault for each key that is not among `fields`."""
    for name, mark in zip(node.entries, node.keys, strict=True):
        if name not in fields:
            source.fault(mark, f"{what} has no field {quoted(name)}", near(name, fields))


def listed(source: Source, node: Node) -> list[Node]:
    """One where many may stand is a list of one."""
    if isinstance(node, Sequence):
        return node.items
    if isinstance(node, Broken):
        source.noted += 1
        return []
    return [node]


def near(name: str, names: Collection[str]) -> str:
    """The hint for a mistyped name: the nearest one, else all of them where they are few.

    A suite may name thousands of checks and mistype each, so no more than the first are compared.
    """
    hint = suggestion(name[:100], list(names)[:MOST_COMPARED])
    return hint if hint.startswith("did") or len(names) <= MOST_LISTED else ""


def wrong(source: Source, node: Node, must: str, hint: str = "") -> None:
    """A fault that says what stands there instead; silent where a fault was noted already."""
    if isinstance(node, Text) and not node.value and not node.style:
        source.fault(node.mark, f"{must}, it has no value", hint)
    elif isinstance(node, Broken):
        source.noted += 1
    else:
        source.fault(node.mark, f"{must}, this is {node.noun}", hint)


def _number(typed: str) -> float:
    return float(typed) if len(typed) <= 400 and NUMBER.fullmatch(typed) else math.nan


def _scalar(source: Source, node: Text) -> object:
    found = node.value
    if found in JSON_WORDS:
        return JSON_WORDS[found]
    if NUMBER.fullmatch(found):
        if len(found) <= 400 and math.isfinite(float(found)):
            value: object = json.loads(found)
            return value
        source.fault(node.mark, f"{quoted(found)} is beyond what a number can hold", "quote it to make it a text")
    elif found.lower() in ALMOST_WORDS:
        hint = f"write {ALMOST_WORDS[found.lower()]}, or quote it to make it a text"
        source.fault(node.mark, f"{quoted(found)} is no JSON value", hint)
    elif ALMOST_NUMBER.fullmatch(found):
        hint = "write it like 0.5 or 10, or quote it to make it a text"
        source.fault(node.mark, f"{quoted(found)} is no JSON number", hint)
    return found
