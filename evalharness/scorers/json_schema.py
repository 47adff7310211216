"""The check `json_schema`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from evalharness.jsontext import NotJson, decimal, read, whole
from evalharness.records import Conversation, Grade, Payload
from evalharness.scorers.base import Document, Unfit, scorer
from evalharness.text import BadPattern, pattern, search, shown

if TYPE_CHECKING:
    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

MOST_DIGITS = 1_000
"""Digits to which a remainder is taken; beyond them it is unknown."""


@scorer("json_schema")
@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The reply is JSON that keeps to a JSON Schema, given in the suite or as the name of a file.

    ```yaml
    suite: typed
    cases:
      - ask: "Extract vendor and total as JSON: 'ACME, 12.50 EUR'"
        expect:
          format:
            json_schema:
              type: object
              required: [vendor, total]
              properties:
                vendor: {type: string}
                total: {type: number, minimum: 0}
    ```
    Passes: `{"vendor": "ACME", "total": 12.5}`
    Fails: `{"vendor": "ACME", "total": "12.50"}`

    The draft is the one `$schema` names, else 2020-12. The reply is read as by `json`. The reason given is the first
    error with its place. The schema is checked when the suite is read; references within it are followed, others are an
    error: nothing is fetched. `seconds`: how long the expressions under `pattern` and `patternProperties` may take
    together, 2 if left out; beyond it the grade is unknown.

    **Does not catch**: `format` (`date`, `email`, ...), which is a note and is not checked; values that are well-formed
    and false (`fields`).
    """

    schema: Document
    seconds: float = 2.0
    _fault: Callable[[object], str | None] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.seconds <= 60:
            raise Unfit("seconds", "the time for a reply's patterns is more than 0 and at most 60 seconds")
        object.__setattr__(self, "_fault", _checker(self.schema))

    def grade(self, conversation: Conversation) -> Grade:
        """1 where the reply keeps to the schema, 0 where it does not, None where that cannot be said."""
        from referencing.exceptions import Unresolvable

        _DEADLINE.set(monotonic() + self.seconds)
        try:
            fault = self._fault(read(conversation.reply, whole, decimal))
        except NotJson as fault_in_text:
            return Grade(0.0, str(fault_in_text))
        except TimeoutError:
            return Grade(None, f"no end after {self.seconds:g} s of the schema's patterns")
        except RecursionError:
            return Grade(None, "the schema refers to itself without end")
        except (ArithmeticError, TypeError, ValueError, Unresolvable, MemoryError) as error:
            return Grade(None, f"cannot be checked: {str(error)[:80]}")
        return Grade(1.0, "keeps to the schema") if fault is None else Grade(0.0, fault)


_DEADLINE: ContextVar[float] = ContextVar("when the time for the patterns of one reply ends", default=math.inf)


class _Validator(Protocol):
    """What of a draft's validator is used here; the stubs leave out `descend`."""

    def iter_errors(self, instance: object) -> Iterator[ValidationError]:
        """Every error of a value."""

    def descend(
        self, instance: object, schema: object, path: str, schema_path: str | None = None
    ) -> Iterator[ValidationError]:
        """Every error of a value within the value."""


def _checker(schema: Payload) -> Callable[[object], str | None]:
    """Says the first error of a value, None where it has none; `Unfit` where the schema itself cannot be used."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    named = schema.get("$schema", "")
    draft = validator_for(schema if isinstance(named, str) else {}, default=Draft202012Validator)
    dialect = str(draft.META_SCHEMA["$schema"])
    if named and str(named).rstrip("#") != dialect.rstrip("#"):
        raise Unfit("schema", f"no draft is called {shown(str(named), 60)}", "leave $schema out for draft 2020-12")
    try:
        fault = _first(_bounded(draft)(draft.META_SCHEMA).iter_errors(schema))
        if fault is not None:
            raise Unfit("schema", fault)
        _check_references(schema, dialect)
    except RecursionError:
        raise Unfit("schema", "it is nested too deeply") from None
    validator = _bounded(draft)(schema, registry=EMPTY_REGISTRY)
    return lambda value: _first(validator.iter_errors(value))


def _first(errors: Iterable[ValidationError]) -> str | None:
    error = next(iter(errors), None)
    return None if error is None else _told(error)


def _told(error: ValidationError) -> str:
    """Where and what; both may hold words of the reply, of any length."""
    path = error.json_path if len(error.json_path) <= 60 else f"{error.json_path[:57]}..."
    message = error.message if len(error.message) <= 120 else f"{error.message[:117]}..."
    return f"{path}: {message}"


def _check_references(schema: Payload, dialect: str) -> None:
    """`Unfit` where a reference leads out of the schema, or a pattern cannot be compiled."""
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY, specification_with

    resource = specification_with(dialect).create_resource(schema)
    waiting = [(resource, EMPTY_REGISTRY.resolver_with_root(resource))]
    used: set[str] = set()
    while waiting:
        resource, resolver = waiting.pop()
        part = resource.contents
        if isinstance(part, dict):
            used |= part.keys()
            _check_patterns(part)
            for keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
                target = part.get(keyword)
                try:
                    if isinstance(target, str):
                        resolver.lookup(target)
                except (Unresolvable, ValueError):
                    what = f"{keyword} {shown(str(target), 60)} leads nowhere"
                    raise Unfit("schema", what, "only what is within the schema is found, nothing is fetched") from None
        waiting += [(inner, resolver.in_subresource(inner)) for inner in resource.subresources()]
    if {"unevaluatedProperties", "patternProperties"} <= used:
        # jsonschema looks these patterns up by itself, without a limit of time.
        raise Unfit(
            "schema", "unevaluatedProperties with patternProperties is not supported", "say additionalProperties"
        )


def _check_patterns(part: dict[str, object]) -> None:
    alone = part.get("pattern")
    for expression in (*_keys(part.get("patternProperties")), *([alone] if isinstance(alone, str) else [])):
        try:
            pattern(expression)
        except BadPattern as bad:
            raise Unfit("schema", f"the pattern {shown(expression, 60)}: {bad}") from None


@functools.cache
def _bounded(draft: type[Validator]) -> Callable[..., _Validator]:
    """The draft, with those keywords replaced whose time a reply could stretch without end, and `multipleOf`."""
    from jsonschema.validators import extend

    keywords = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "uniqueItems": _unique_items,
        "multipleOf": _multiple_of,
    }
    bounded: Callable[..., _Validator] = extend(draft, keywords)  # type: ignore[no-untyped-call]  # the stubs give it no types
    return bounded


def _matches(expression: str, text: str) -> bool:
    left = _DEADLINE.get() - monotonic()
    if left <= 0:
        raise TimeoutError
    return search(expression, text, left) is not None


def _pattern(validator: _Validator, expression: str, value: object, schema: Payload) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if isinstance(value, str) and not _matches(expression, value):
        yield ValidationError(f"{shown(value, 60)} does not match {shown(expression, 40)}")


def _pattern_properties(
    validator: _Validator, patterns: dict[str, Payload], value: object, schema: Payload
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        for expression, inner in patterns.items():
            for key, item in value.items():
                if _matches(expression, key):
                    yield from validator.descend(item, inner, path=key, schema_path=expression)


def _additional_properties(
    validator: _Validator, allowed: object, value: object, schema: Payload
) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if not isinstance(value, dict) or allowed is True:
        return
    named, patterns = (_keys(schema.get(keyword)) for keyword in ("properties", "patternProperties"))
    for key, item in value.items():
        if key in named or any(_matches(expression, key) for expression in patterns):
            continue
        if allowed is False:
            yield ValidationError(f"the property {shown(key, 40)} is not foreseen")
        else:
            yield from validator.descend(item, allowed, path=key)


def _keys(value: object) -> frozenset[str]:
    return frozenset(value) if isinstance(value, dict) else frozenset()


def _unique_items(validator: _Validator, wanted: object, value: object, schema: Payload) -> Iterator[ValidationError]:
    from jsonschema import ValidationError

    if not wanted or not isinstance(value, list):
        return
    seen: set[object] = set()
    for place, item in enumerate(value):
        same = _hashable(item)
        if same in seen:
            yield ValidationError(f"the item {place} stands there twice")
            return
        seen.add(same)


def _multiple_of(validator: _Validator, unit: float, value: object, schema: Payload) -> Iterator[ValidationError]:
    """In decimals: as floats, 0.3 is no multiple of 0.1."""
    from jsonschema import ValidationError

    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return
    with localcontext(prec=MOST_DIGITS):
        if Decimal(str(value)) % Decimal(str(unit)):
            yield ValidationError(f"{shown(str(value), 40)[1:-1]} is not a multiple of {unit}")


def _hashable(value: object) -> object:
    """Equal for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    match value:
        case bool():
            return ("bool", value)
        case dict():
            return frozenset((key, _hashable(item)) for key, item in value.items())
        case list():
            return ("list", *map(_hashable, value))
        case _:
            return value
