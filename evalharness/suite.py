"""Suites: what a model should do, read from a YAML file."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar, get_args

from evalharness import schema, tree
from evalharness.errors import Fault, Faults, UnknownName
from evalharness.files import quoted, read_text
from evalharness.grammar import each, gate
from evalharness.grammar.cases import Case, CaseReader, Turn
from evalharness.grammar.checks import Check, CheckReader
from evalharness.grammar.content import Content, uncollected
from evalharness.grammar.each import Filler
from evalharness.records import Criterion, Nearness, Payload, Scope, SuiteRef
from evalharness.scorers.base import SCORERS

__all__ = ["Case", "Check", "Suite", "Turn", "json_schema", "load", "select"]

T = TypeVar("T")
W = TypeVar("W", bound=str)

Test: TypeAlias = Literal["exact", "midp"]
Interval: TypeAlias = Literal["score", "exact"]
Uncalibrated: TypeAlias = Literal["mark", "refuse"]
SelfJudging: TypeAlias = Literal["refuse", "allow"]

# fmt: off
FIELDS = frozenset({
    "suite", "about", "system", "params", "samples", "checks", "every", "each", "cases", "gate", "base", "tuned",
    "train", "prefer", "by", "scope", "test", "interval", "alpha", "uncalibrated", "self_judging",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite file, read whole: rows multiplied out, short forms made long, every check built.

    path: as the caller named the file. gate: one criterion an aspect; `gate_declared` says whether the file has them or
    they are the default. train: relative to the suite's folder. warnings: what is allowed and probably not meant.
    train_digest, near: of the training file's content, and how near each case is to it, once that was looked at.
    content: what `hash` is over. selected: what chose the cases among those of the file, empty where all are here.
    prefer, by: the criteria of duels, and who judges them, where the suite says.
    """

    name: str
    path: str
    about: str
    system: str | None
    params: Payload
    samples: int
    cases: tuple[Case, ...]
    gate: tuple[Criterion, ...]
    gate_declared: bool
    base: str | None
    tuned: str | None
    train: str | None
    prefer: tuple[str, ...]
    scope: Scope
    test: Test
    interval: Interval
    alpha: float
    uncalibrated: Uncalibrated
    self_judging: SelfJudging
    warnings: tuple[Fault, ...]
    content: Content = field(repr=False, compare=False)
    selected: tuple[str, ...] = ()
    train_digest: str = ""
    near: Mapping[str, Nearness] = field(default_factory=dict, repr=False)
    by: tuple[str, ...] = ()

    @property
    def whole(self) -> int:
        """How many cases the file has, selected or not."""
        return len(self.content)

    @property
    def hash(self) -> str:
        """sha256 over all that can change cases, checks, gate, and how they are read, in hexadecimal.

        Comments, layout, names, places and `samples` change nothing, nor does `select`.
        """
        return self.content.hash


def load(path: str | Path) -> Suite:
    """The suite in a file. Raises `Faults` with every fault of the file, in file order."""
    file = os.fspath(path)
    text = read_text(Path(path), file)
    with uncollected():
        return _read(file, text)


def select(suite: Suite, *, tags: Sequence[str] = (), cases: Sequence[str] = ()) -> Suite:
    """The suite with only the cases that have one of the tags and one of the ids; where none is given, all do.

    Raises `UnknownName` for a tag or an id that no case has.
    """
    for noun, wanted, known in (
        ("tag", tags, dict.fromkeys(tag for case in suite.cases for tag in case.tags)),
        ("case", cases, dict.fromkeys(case.id for case in suite.cases)),
    ):
        for name in wanted:
            if name not in known:
                raise UnknownName(suite.path, noun, name, _few(name, list(known)))
    kept = [
        case.id
        for case in suite.cases
        if (not tags or not set(tags).isdisjoint(case.tags)) and (not cases or case.id in cases)
    ]
    options = (*(f"--tag {tag}" for tag in tags), *(f"--case {case}" for case in cases))
    return only(suite, kept, options) if options else suite


def only(suite: Suite, cases: Collection[str], selected: tuple[str, ...]) -> Suite:
    """The suite with only these cases. selected: what chose them, in the user's words."""
    ids = frozenset(cases)
    kept = tuple(case for case in suite.cases if case.id in ids)
    return replace(suite, cases=kept, selected=(*suite.selected, *selected))


def _few(name: str, known: list[str]) -> list[str]:
    """The nearest name, else the first ones: a hint does not list thousands."""
    import difflib

    return difflib.get_close_matches(name, known, n=1) or known[:12]


def json_schema() -> Payload:
    """The JSON Schema of a suite file, for editors."""
    from evalharness.grammar.editor import suite_schema

    return suite_schema()


# --- reading --------------------------------------------------------------------------------------------------------


def _read(file: str, text: str) -> Suite:
    source, root = tree.parse(text, file)
    top = schema.mapping(source, root, "a suite file", "it begins with `suite: NAME`")
    if top is None:
        raise Faults(source.faults())
    schema.known(source, top, "a suite", FIELDS)
    for needed, hint in (("suite", "give it a name: `suite: NAME`"), ("cases", "list what is asked: `cases:`")):
        if needed not in top.entries:
            source.fault(top.mark, f"this suite has no '{needed}'", hint)
    draft = _settings(source, top)
    filler = Filler(source)
    declared = top.entries.get("gate")
    kinds = SCORERS.names()
    checks = CheckReader(source, filler, top, gate.names(declared, kinds))
    cases = CaseReader(source, checks, filler)
    found = tuple(cases.read(top)) if "cases" in top.entries else ()
    checks.named(templates=cases.multiplied)
    borne = gate.bearing(found)
    criteria = gate.read(source, declared, kinds, prefer=bool(draft.prefer)) if declared else gate.default(borne)
    if not source.noted and isinstance(declared, tree.Mapping):
        gate.unborne(source, declared, criteria, borne)
    if draft.by and not draft.prefer:
        source.fault(top.key("by"), "'by' names who judges by `prefer`, and this suite has none", "add `prefer:`")
    if source.noted:
        raise Faults(source.faults())
    suite = replace(draft, cases=found, gate=criteria, gate_declared=declared is not None)
    _warn(source, top, suite, borne)
    gated = [[c.aspect, *gate.limits(c)] for c in suite.gate]
    read_as = [suite.scope, suite.test, suite.interval, suite.alpha, suite.uncalibrated]
    reading = [suite.system, suite.params, suite.prefer, gated, read_as, *([suite.by] if suite.by else [])]
    content = Content(reading, found, checks.drafts.kind_of)
    return replace(suite, content=content, warnings=source.warnings())


def _settings(source: tree.Source, top: tree.Mapping) -> Suite:
    """All but cases and gate."""

    def get(name: str, read: Callable[[tree.Source, tree.Node, str], T | None], default: T) -> T:
        node = top.entries.get(name)
        found = read(source, node, f"'{name}'") if node else None
        return default if found is None else found

    def alpha(source: tree.Source, node: tree.Node, what: str) -> float | None:
        return schema.share(source, node, what, below=True)

    def file(source: tree.Source, node: tree.Node, what: str) -> str | None:
        found = each.file(source, node, what)
        if found and not found[0].is_file():
            source.warn(node.mark, f"{what}: there is no file '{found[1]}'", "seen and unseen cases are not told apart")
        return found[1] if found else None

    none: str | None = None
    return Suite(
        name=get("suite", schema.words, ""),
        path=source.file,
        about=get("about", schema.text, ""),
        system=get("system", schema.text, none),
        params=get("params", schema.payload, {}),
        samples=get("samples", schema.integer, 1),
        cases=(),
        gate=(),
        gate_declared=False,
        base=get("base", schema.words, none),
        tuned=get("tuned", schema.words, none),
        train=get("train", file, none),
        prefer=get("prefer", _once, ()),
        scope=get("scope", _one_of(get_args(Scope)), "population"),
        test=get("test", _one_of(get_args(Test)), "exact"),
        interval=get("interval", _one_of(get_args(Interval)), "score"),
        alpha=get("alpha", alpha, 0.05),
        uncalibrated=get("uncalibrated", _one_of(get_args(Uncalibrated)), "mark"),
        self_judging=get("self_judging", _one_of(get_args(SelfJudging)), "refuse"),
        warnings=(),
        content=Content((), (), {}),
        by=get("by", _once, ()),
    )


def _one_of(words: tuple[W, ...]) -> Callable[[tree.Source, tree.Node, str], W | None]:
    def read(source: tree.Source, node: tree.Node, what: str) -> W | None:
        return schema.choice(source, node, what, words)

    return read


def _once(source: tree.Source, node: tree.Node, what: str) -> tuple[str, ...]:
    """A text or several, each written once."""
    found = schema.texts(source, node, what)
    if len(set(found)) < len(found):
        twice = next(text for place, text in enumerate(found) if text in found[:place])
        source.fault(node.mark, f"{what} has {quoted(twice)} twice", "leave one of them out")
    return found


def _warn(source: tree.Source, top: tree.Mapping, suite: Suite, borne: dict[str, gate.Bearing]) -> None:
    """Notes what can never be decided with so many cases or samples."""
    if suite.scope == "suite" and suite.samples < 2:
        hint = "set `samples` to 2 or more, here or when running"
        source.warn(
            top.entries["scope"].mark, "'scope: suite' measures the noise between samples, and there is one", hint
        )
    declared = top.entries.get("gate")
    ref = SuiteRef(suite.name, suite.path, "", scope=suite.scope, interval=suite.interval, alpha=suite.alpha)
    for aspect, what, hint in gate.shortages(ref, suite.gate, borne):
        if isinstance(declared, tree.Mapping):
            source.warn(declared.key(aspect), what, hint)
        else:
            source.warn(top.key("cases"), f"{what} (the default, for there is no `gate`)", hint)
