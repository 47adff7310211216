"""What a suite says, as one hash: two files that ask and expect the same have the same."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import hashlib
from collections.abc import Hashable, Iterator, Mapping, Sequence

from evalharness.grammar.cases import Case
from evalharness.grammar.checks import Check
from evalharness.records import encode
from evalharness.scorers.base import Scorer

AT_ONCE = 500
"""Cases encoded by one call of the encoder, which costs more than what it writes of one case."""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Keeps the garbage collector off: it would walk thousands of cases over and over, and no cycle is in them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class Content:
    """All of a suite that can change its numbers. kinds: what each class of scorer is called in a suite.

    The hash is worked out when it is first asked for, for reading a suite to look for faults needs none.
    """

    def __init__(self, reading: Sequence[object], cases: Sequence[Case], kinds: Mapping[type, str]) -> None:
        self._reading = reading
        self._cases = cases
        self._kinds = kinds
        self._told: dict[int, object] = {}

    def __len__(self) -> int:
        """How many cases there are."""
        return len(self._cases)

    @functools.cached_property
    def hash(self) -> str:
        """sha256, in hexadecimal."""
        digest = hashlib.sha256(encode(self._reading).encode())
        with uncollected():
            for start in range(0, len(self._cases), AT_ONCE):
                told = [self._case(case) for case in self._cases[start : start + AT_ONCE]]
                digest.update(encode(told).encode())
                self._told.clear()
        return digest.hexdigest()

    def told(self, scorer: Scorer) -> object:
        """A scorer as JSON: its kind and the options that are not the default."""
        return self._value(scorer)

    def _case(self, case: Case) -> object:
        turns = [(turn.ask, turn.reply, self._checks(turn.expect)) for turn in case.turns]
        about = (case.id, case.system, case.params, case.context, case.tags, case.group, case.must_pass)
        crossing = ((case.persona, case.item),) if case.persona is not None else ()
        return (about, turns, self._checks(case.expect), *crossing)

    def _checks(self, checks: Sequence[Check]) -> list[object]:
        return [self._told.get(id(check)) or self._check(check) for check in checks]

    def _check(self, check: Check) -> object:
        told = (check.name, check.aspect, check.weight, check.pass_at, check.truncated, self._value(check.scorer))
        self._told[id(check)] = told
        return told

    def _value(self, value: object) -> object:
        """A scorer as its kind and the options that are not the default; other values as JSON."""
        cls: type[Hashable] = type(value)
        if cls in _PLAIN:
            return value
        kind = self._kinds.get(cls)
        if kind is not None:
            given = [(name, getattr(value, name), default) for name, default in _options(cls)]
            return (kind, [(name, self._value(now)) for name, now, was in given if now is not was and now != was])
        if isinstance(value, Mapping):
            return {str(key): self._value(inner) for key, inner in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(inner) for inner in value]
        return str(value)


_PLAIN = frozenset({str, int, float, bool, type(None)})


@functools.cache
def _options(cls: type) -> tuple[tuple[str, object], ...]:
    """What a suite may write of a scorer, with the defaults; what it works out for itself is not among them."""
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return tuple((field.name, field.default) for field in fields if field.init)
