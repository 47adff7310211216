"""What is expected of replies: `expect`, `every` and `checks` of a suite file become checks, each under an aspect."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass

from evalharness import schema
from evalharness.files import quoted
from evalharness.grammar.drafts import Draft, DraftReader, Truncated
from evalharness.grammar.each import Filler, Row
from evalharness.scorers.base import Scorer, kind
from evalharness.tree import Broken, Mapping, Node, Sequence, Source, Text

ASPECTS = frozenset({"facts", "style", "format", "safety", "no_leak"})
TAKEN = {"overall": "it is the mean of all checks", "preference": "it is what `prefer` measures"}
MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: a scorer, and how its grade counts in an aspect.

    weight: above 0. pass_at: the grade from which the check counts as passed, for flips and tests; the statistics use
    the grade itself. truncated: what a reply that was cut off gets, `zero` or the grade of what there is.
    """

    name: str
    aspect: str
    scorer: Scorer
    weight: float = 1.0
    pass_at: float = 0.5
    truncated: Truncated = "zero"


class CheckReader:
    """Reads the expectations of one suite.

    gate: the aspects that `gate` names, which may be used like those that every suite has.
    """

    def __init__(self, source: Source, filler: Filler, top: Mapping, gate: Set[str]) -> None:
        self.source = source
        self.filler = filler
        self._every_node = top.entries.get("every")
        named = top.entries.get("checks")
        checks = schema.mapping(source, named, "'checks'", "write NAME: {kind: subject}") if named else None
        self.drafts = DraftReader(source, filler, dict(checks.entries) if checks else {}, set())
        self.every_aspects = self._aspects_of_every()
        self.drafts.aspects = self.aspects = ASPECTS | gate | self.every_aspects
        self._every: tuple[Check, ...] | None = None
        self._every_broken = False
        self._kept: dict[int, tuple[Check, ...]] = {}
        self._facts: dict[str, tuple[Check, ...]] = {}

    @property
    def row(self) -> Row | None:
        """The row at hand, None outside `each`."""
        return self.drafts.row

    def under(self, row: Row | None) -> None:
        """Goes to another row, None for outside `each`, where braces are text."""
        if (row is None) is not (self.row is None):
            self._every = None
            self._kept.clear()
        self.drafts.under(row)

    def expect(self, node: Node, whole: str = "") -> tuple[Check, ...]:
        """The checks under an `expect`.

        whole: not empty where they stand on a case of several turns, and then says what to do with a check that
        cannot grade a whole conversation.
        """
        if isinstance(node, Text) and not whole:
            return self._facts.get(node.value) or self._fact(node)
        if id(node) in self._kept:
            return self._kept[id(node)]
        fills, noted = self.filler.fills, self.source.noted
        placed = []
        for aspect, item in self._items(node, any_aspect=False):
            draft = self._draft(item, aspect)
            if draft and whole and draft.kind.reads != "conversation":
                what = f"{quoted(draft.kind.name)} grades one reply, and this case has several"
                self.source.fault(item.mark, what, whole)
            elif draft:
                placed.append(_placed(draft, aspect))
        found = tuple(placed)
        # A node that is the same for every row may still name a check that is not.
        if self.filler.fixed(node) and (fills, noted) == (self.filler.fills, self.source.noted):
            self._kept[id(node)] = found
        return found

    def every(self) -> tuple[Check, ...]:
        """The checks expected of every reply; under `each` as the row at hand fills them."""
        if self._every_node is None:
            return ()
        if self._every is not None:
            self.source.noted += self._every_broken
            return self._every
        fills, noted = self.filler.fills, self.source.noted
        node = self._every_node if self.row is None else self.filler.fill(self._every_node, self.row)
        drafts = [(aspect, self._draft(item, aspect)) for aspect, item in self._items(node, any_aspect=True)]
        found = tuple(_placed(draft, aspect) for aspect, draft in drafts if draft)
        if self.filler.fills == fills:
            self._every = found
            self._every_broken = self.source.noted > noted
        return found

    def named(self, *, templates: bool) -> None:
        """Reads the checks under `checks` that no case used, for their faults.

        templates: the suite has `each`, so one that holds braces can be read only where a row fills it.
        """
        for name, node in self.drafts.named.items():
            if name in self.drafts.kinds:
                self.source.fault(node.mark, f"a check cannot be called {quoted(name)}, that is a kind of check")
            elif name not in self.drafts.used and not (templates and "{{" in str(schema.plain(node))):
                self.drafts.resolve(name, node.mark)

    def _aspects_of_every(self) -> frozenset[str]:
        every = self._every_node
        if every is None or isinstance(every, Broken):
            return frozenset()
        if isinstance(every, Mapping) and not self.drafts.kinds & every.entries.keys():
            return frozenset(every.entries)
        return frozenset({"facts"})

    def _fact(self, node: Text) -> tuple[Check, ...]:
        """A bare text under `expect`: the reply mentions it."""
        scorer = self.drafts.bare(node, "mentions")
        found = (Check("mentions", "facts", scorer),) if scorer else ()
        if found and len(self._facts) < MOST_KEPT:
            self._facts[node.value] = found
        return found

    def _draft(self, node: Node, aspect: str) -> Draft | None:
        if isinstance(node, Mapping):
            return self.drafts.long(node)
        if not isinstance(node, Text):
            schema.wrong(self.source, node, "a check must be a text or a mapping")
            return None
        if aspect != "facts":
            return self.drafts.called(node, aspect)
        scorer = self.drafts.bare(node, "mentions")
        return Draft("mentions", kind("mentions"), scorer) if scorer else None

    def _items(self, node: Node, *, any_aspect: bool) -> Iterator[tuple[str, Node]]:
        """Each check's node with its aspect; a bare text, a list or a check belongs to `facts`."""
        if not isinstance(node, Mapping) or self.drafts.kinds & node.entries.keys():
            yield from (("facts", item) for item in self._listed(node))
            return
        if not node.entries:
            self.source.fault(node.mark, "nothing is expected here", "write a check, or aspects with checks")
        for (aspect, value), mark in zip(node.entries.items(), node.keys, strict=True):
            if aspect in TAKEN:
                self.source.fault(mark, f"{quoted(aspect)} takes no checks: {TAKEN[aspect]}")
            elif any_aspect or aspect in self.aspects:
                yield from ((aspect, item) for item in self._listed(value))
            else:
                what = f"{quoted(aspect)} is neither an aspect nor a kind of check"
                self.source.fault(mark, what, self._hint(aspect))

    def _listed(self, node: Node) -> list[Node]:
        if isinstance(node, Sequence) and not node.items:
            self.source.fault(node.mark, "this list of checks is empty")
        return schema.listed(self.source, node)

    def _hint(self, name: str) -> str:
        found = schema.near(name, self.aspects | self.drafts.kinds)
        if found.startswith("did"):
            return found
        return f"aspects: {', '.join(sorted(self.aspects))}; one of your own is named under `gate` or `every`"


def _placed(draft: Draft, aspect: str) -> Check:
    return Check(draft.name, aspect, draft.scorer, draft.weight, draft.pass_at, draft.truncated)
