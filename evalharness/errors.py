"""What can go wrong, as one tree.

    EvalError                 anything a user should read as one or a few lines; `exit_code` says how a command ends
    ├── Faults                faults in the user's files, each with its place: all of them at once
    │   └── UnknownName       a name that nothing bears, with what was probably meant
    ├── ModelFailed           a model gave no usable answer; the engine turns it into a `Failure`
    ├── StoreError            a run file or baseline that cannot be read or written
    ├── CacheError            the answer cache cannot be written
    ├── remote.ServerFailed   a tuning server did not do what was asked, or it is not known whether it did
    ├── watch.Unfinished      the watching of a tuning job ended before the job
    ├── tiny.chat.Unusable    a question that the model in the box cannot take
    ├── engine.Interrupted    a signal ended the run early; it carries what was spent until then
    └── MixedSuites           two runs that do not belong together

A message has three parts: where, what is wrong, what to do. It is lower case, has no full stop, and quotes what it saw.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class EvalError(Exception):
    """Something the user can act on: one line that says what, and a hint that says what to do."""

    exit_code = 2

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}\n  hint: {self.hint}" if self.hint else self.what


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault and its place; line and column count from 1, 0 where the file has none."""

    file: str
    line: int
    column: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        line = f"{place}: {self.what}" if place else self.what
        return f"{line}\n  hint: {self.hint}" if self.hint else line


class Faults(EvalError):
    """Every fault found in the user's files, in file order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UnknownName(Faults):
    """A name that nothing bears."""

    def __init__(self, where: str, noun: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        super().__init__([Fault(where, 0, 0, f"there is no {noun} '{name}'", suggestion(name, known))])


class ModelFailed(EvalError):
    """A model gave no usable answer.

    kind: one of `records.FailureKind`. again: asking once more may help. wait: seconds the server asked to be left
    alone, never undercut. stops: what has no sense to go on with after this, nothing, this model, or the whole run.
    """

    exit_code = 3

    def __init__(
        self,
        kind: str,
        what: str,
        *,
        again: bool = False,
        wait: float | None = None,
        stops: str = "",
        tries: int = 1,
    ) -> None:
        super().__init__(what)
        self.kind = kind
        self.again = again
        self.wait = wait
        self.stops = stops
        self.tries = tries
        if kind == "denied":
            self.exit_code = 2  # a key that is missing or wrong is a fault of the settings


class StoreError(EvalError):
    """A run file that cannot be read or written."""


class CacheError(EvalError):
    """Answers cannot be written to disk; what was written before stays readable."""

    exit_code = 3


class MixedSuites(EvalError):
    """Two runs of different suites say nothing about each other."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The hint for a mistyped name: the nearest known one, else the list of all."""
    names = sorted(known)
    near = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known: {', '.join(names)}" if names else "none is defined"
