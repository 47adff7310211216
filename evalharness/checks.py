"""What is expected: `expect`, `every` and `checks` of a suite file become checks.

A check is `kind: subject` with its options beside it. Everything shorter (a bare text, a list, a name) is brought to
that form here, and the scorer is built from it.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from evalharness import each, rows, schema
from evalharness.each import Filler, Row
from evalharness.errors import Faults
from evalharness.files import quoted, read_text
from evalharness.scorers.base import SCORERS, BuildFaults, Kind, Option, Scorer, build, kind
from evalharness.tree import Broken, Mapping, Mark, Node, Sequence, Source, Text

ASPECTS = frozenset({"facts", "style", "format", "safety", "no_leak"})
TAKEN = {
    "overall": "it is the mean of all checks",
    "preference": "it is what `prefer` measures",
}
BESIDE = ("name", "weight", "pass_at", "truncated")
DEEPEST = 40
MOST_PARTS = 1_000
MOST_KEPT = 20_000

Truncated = Literal["zero", "allow"]


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: a scorer, and how its grade counts in an aspect.

    pass_at: the grade from which the check counts as passed, for flips and tests; the statistics use the grade.
    truncated: what a reply that was cut off gets, `zero` or the grade of what there is.
    """

    name: str
    aspect: str
    scorer: Scorer
    weight: float = 1.0
    pass_at: float = 0.5
    truncated: Truncated = "zero"


class Draft(NamedTuple):
    """A check before it is known which aspect it stands under."""

    name: str
    kind: Kind
    scorer: Scorer
    weight: float = 1.0
    pass_at: float = 0.5
    truncated: Truncated = "zero"


class Form(NamedTuple):
    """A scorer as the suite wrote it: its kind and fields as JSON, and how many checks stand in it, itself included."""

    written: object
    parts: int


class CheckReader:
    """Reads the checks of one suite.

    row: the row that fills `every` and named checks, None outside `each`. forms: how each scorer was written, by id.
    """

    def __init__(self, source: Source, filler: Filler, named: Mapping | None, every: Node | None, gate: set[str]) -> None:
        self.source = source
        self.filler = filler
        self.kinds = SCORERS.names() | {"check"}
        self.named = dict(named.entries) if named else {}
        self.forms: dict[int, Form] = {}
        self.row: Row | None = None
        self._every_node = every
        self._aspects = ASPECTS | gate | self._aspects_of(every)
        self._own = self._aspects - ASPECTS
        self._names = _Names(self)
        self._every: tuple[Check, ...] | None = None
        self._simple: dict[tuple[str, str], Scorer] = {}
        self._facts: dict[str, Check] = {}
        self._depth = 0

    # --- expect and every ---

    def expect(self, node: Node, whole: str = "") -> tuple[Check, ...]:
        """The checks under an `expect`. whole: set where they grade a conversation of several turns, and says what to
        do with a check that cannot."""
        if isinstance(node, Text) and not whole:
            check = self._fact(node)
            return (check,) if check else ()
        placed = []
        for aspect, item in self._items(node, any_aspect=False):
            draft = self._draft(item, aspect)
            if draft and whole and draft.kind.reads != "conversation":
                what = f"'{draft.kind.name}' grades one reply, and this case has several turns"
                self.source.fault(item.mark, what, whole)
            elif draft:
                placed.append(_placed(draft, aspect))
        return tuple(placed)

    def every(self) -> tuple[Check, ...]:
        """The checks expected of every reply, as the row at hand fills them."""
        if self._every_node is None:
            return ()
        if self._every is not None:
            return self._every
        fills = self.filler.fills
        node = self._every_node if self.row is None else self.filler.fill(self._every_node, self.row)
        drafts = [(aspect, self._draft(item, aspect)) for aspect, item in self._items(node, any_aspect=True)]
        found = tuple(_placed(draft, aspect) for aspect, draft in drafts if draft)
        if self.filler.fills == fills:
            self._every = found
        return found

    def under(self, row: Row | None) -> None:
        """Goes to another row (None: outside `each`), and forgets what the last one filled."""
        if row is None or self.row is None:
            # Braces are text outside `each` and templates within: what was read there does not serve here.
            self._every = None
            self._names.forget()
        self.row = row
        self._names.next_row()

    def check_named(self) -> None:
        """Reads the named checks that no case used, for their faults; those with templates need a row."""
        for name, node in self.named.items():
            if name in self.kinds:
                self.source.fault(node.mark, f"a check cannot be called {quoted(name)}, that is a kind of check")
            elif not self.filler.fixed(node) and "{{" in self.source.content:
                continue
            else:
                self._names.resolve(name, node)

    def _aspects_of(self, every: Node | None) -> set[str]:
        if not isinstance(every, Mapping) or self.kinds & every.entries.keys():
            return set()
        return set(every.entries)

    def _items(self, node: Node, *, any_aspect: bool) -> Iterator[tuple[str, Node]]:
        """Each check's node with its aspect; a bare text, a list or a check belongs to `facts`."""
        if not isinstance(node, Mapping) or self.kinds & node.entries.keys():
            yield from (("facts", item) for item in _listed(node))
            return
        if not node.entries:
            self.source.fault(node.mark, "nothing is expected here", "write a check, or aspects with checks")
        for (aspect, value), mark in zip(node.entries.items(), node.keys, strict=True):
            if aspect in TAKEN:
                self.source.fault(mark, f"{quoted(aspect)} takes no checks: {TAKEN[aspect]}")
            elif any_aspect or aspect in self._aspects:
                yield from ((aspect, item) for item in _listed(value))
            else:
                self.source.fault(mark, f"{quoted(aspect)} is neither an aspect nor a kind of check", self._hint(aspect))

    def _hint(self, name: str) -> str:
        found = schema.near(name, self._aspects | self.kinds)
        if found.startswith("did"):
            return found
        return f"aspects: {', '.join(sorted(self._aspects))}, and what `gate` or `every` names; kinds: see `list scorers`"

    # --- one check ---

    def _fact(self, node: Text) -> Check | None:
        """A bare text in facts: the reply mentions it."""
        check = self._facts.get(node.value)
        if check is None:
            scorer = self._bare(node, "mentions")
            if scorer is None:
                return None
            check = Check("mentions", "facts", scorer)
            if len(self._facts) < MOST_KEPT:
                self._facts[node.value] = check
        return check

    def _draft(self, node: Node, aspect: str) -> Draft | None:
        """The check that stands under an aspect."""
        if isinstance(node, Mapping):
            return self._long(node, nested=False)
        if not isinstance(node, Text):
            schema.wrong(self.source, node, "a check must be a text or a mapping")
            return None
        if aspect != "facts":
            return self._called(node, aspect)
        scorer = self._bare(node, "mentions")
        return Draft("mentions", kind("mentions"), scorer) if scorer else None

    def _called(self, node: Text, aspect: str = "") -> Draft | None:
        """A bare text that names a check, or a kind that needs no subject."""
        name = schema.words(self.source, node, "a check")
        if name is None:
            return None
        if name in self.named:
            return self._names.resolve(name, node)
        if name in self.kinds and name != "check" and kind(name).switch:
            scorer = self._built(kind(name), {kind(name).subject.name: "true"}, {}, node)
            return Draft(name, kind(name), scorer) if scorer else None
        if name in self.kinds:
            self.source.fault(node.mark, f"{quoted(name)} is a kind of check that needs a subject", f"{{{name}: ...}}")
            return None
        switches = {found for found in self.kinds - {"check"} if kind(found).switch}
        hint = schema.near(name, {*self.named, *switches})
        if aspect in self._own and (meant := schema.near(aspect, self.kinds)).startswith("did"):
            hint = meant
        elif aspect and not hint.startswith("did"):
            hint = f"a text that the reply should mention: {{mentions: ...}}; a check of your own: under `checks`"
        self.source.fault(node.mark, f"no check is called {quoted(name)}", hint)
        return None

    def _long(self, node: Mapping, *, nested: bool) -> Draft | None:
        """A mapping with exactly one kind among its keys."""
        self._depth += 1
        try:
            if self._depth > DEEPEST:
                self.source.fault(node.mark, f"checks stand more than {DEEPEST} deep in each other")
                return None
            name = self._kind_of(node)
            if name is None:
                return None
            draft = self._reference(node) if name == "check" else self._of_kind(node, kind(name))
            return self._beside(node, draft, nested=nested)
        finally:
            self._depth -= 1

    def _kind_of(self, node: Mapping) -> str | None:
        present = [key for key in node.entries if key in self.kinds]
        if len(present) > 1:
            # An option may bear the name of a kind.
            taken = {option.name for key in present if key != "check" for option in kind(key).options}
            present = [key for key in present if key not in taken] or present
        if len(present) == 1:
            return present[0]
        if present:
            shown = " and ".join(map(quoted, present[:3]))
            hint = "write a list of checks, or `all_of`"
            self.source.fault(node.key(present[1]), f"a check is of one kind, here are {shown}", hint)
            return None
        strange = [key for key in node.entries if key not in BESIDE] or list(node.entries)
        if not strange:
            self.source.fault(node.mark, "this check is empty", "write {kind: subject}")
        elif strange[0] in self._aspects:
            what = f"{quoted(strange[0])} is an aspect, and here a check is expected"
            self.source.fault(node.key(strange[0]), what, "aspects are the keys of one mapping, right below `expect`")
        else:
            hint = schema.near(strange[0], self.kinds)
            self.source.fault(node.key(strange[0]), f"there is no kind of check {quoted(strange[0])}", hint)
        return None

    def _reference(self, node: Mapping) -> Draft | None:
        for key in node.entries:
            if key != "check" and key not in BESIDE:
                self._extra(node, key, "check", ())
        name = schema.words(self.source, node.entries["check"], "'check'")
        if name is None:
            return None
        if name not in self.named:
            hint = schema.near(name, self.named)
            self.source.fault(node.entries["check"].mark, f"no check is called {quoted(name)}", hint)
            return None
        return self._names.resolve(name, node.entries["check"])

    def _of_kind(self, node: Mapping, known: Kind) -> Draft | None:
        before = self.source.count()
        fields: dict[str, object] = {}
        written: dict[str, object] = {}
        options = {option.name: option for option in known.options[1:]}
        for key, value in node.entries.items():
            if key == known.name:
                option = known.subject
            elif key in options:
                option = options[key]
            else:
                if key not in BESIDE:
                    self._extra(node, key, known.name, options)
                continue
            if self._empty(value, known, key):
                continue
            fields[option.name] = self._value(option, value, known, written)
        if self.source.count() > before or any(value is None for value in fields.values()):
            return None
        scorer = self._built(known, fields, written, node)
        return Draft(known.name, known, scorer) if scorer else None

    def _empty(self, value: Node, known: Kind, key: str) -> bool:
        if not isinstance(value, Text) or value.value or value.style or value.filled:
            return False
        hint = f"write {known.name}: true" if known.switch and key == known.name else ""
        self.source.fault(value.mark, f"{quoted(key)} has no value", hint)
        return True

    def _extra(self, node: Mapping, key: str, name: str, options: typing.Collection[str]) -> None:
        if key in self._aspects:
            what = f"the check {quoted(name)} and the aspect {quoted(key)} cannot stand in one mapping"
            self.source.fault(node.key(key), what, f"put the check under its aspect: {{facts: {{{name}: ...}}, {key}: ...}}")
            return
        hint = schema.near(key, {*options, *BESIDE})
        self.source.fault(node.key(key), f"{quoted(name)} has no option {quoted(key)}", hint)

    def _beside(self, node: Mapping, draft: Draft | None, *, nested: bool) -> Draft | None:
        """The options that every check takes: `name`, `weight`, `pass_at` and `truncated`."""
        for key in BESIDE:
            value = node.entries.get(key)
            if value is None:
                continue
            if nested:
                what = f"{quoted(key)} is for a whole check, not for one within another"
                self.source.fault(node.key(key), what)
                continue
            found: object
            match key:
                case "name":
                    found = schema.words(self.source, value, "'name'")
                case "weight":
                    found = schema.weight(self.source, value, "'weight'")
                case "pass_at":
                    found = schema.share(self.source, value, "'pass_at'")
                case _:
                    found = schema.choice(self.source, value, "'truncated'", typing.get_args(Truncated))
            if draft and found is not None:
                draft = draft._replace(**{key: found})
        return draft
