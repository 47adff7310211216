"""The gate: what a suite asks of each aspect, and whether that many cases can ever show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from evalharness import schema
from evalharness.files import quoted
from evalharness.grammar.cases import Case
from evalharness.grammar.checks import ASPECTS
from evalharness.records import Criterion, SuiteRef
from evalharness.stats.intervals import two_sided_z
from evalharness.stats.persona import FEWEST_TURNS, reach
from evalharness.stats.planning import floor_cases, floor_cases_gain, floor_cases_threshold
from evalharness.tree import Mapping, Node, Source

DEFAULT_MARGIN = 0.05
CRITERIA = ("drop_at_most", "gain_at_least", "at_least", "both_within", "win_at_least", "drift_at_most")


FIRST_KNOWN = CRITERIA[:5]
"""What a gate could ask when suites were first hashed; of the others only those that are asked count in a hash."""


def names(node: Node | None, kinds: Iterable[str]) -> frozenset[str]:
    """The words that a gate makes aspects of; a kind of check is none."""
    return frozenset(node.entries) - frozenset(kinds) if isinstance(node, Mapping) else frozenset()


def read(source: Source, node: Node, kinds: Iterable[str], *, prefer: bool) -> tuple[Criterion, ...]:
    """The criteria of a gate in file order."""
    gate = schema.mapping(source, node, "'gate'", "write gate: {facts: {drop_at_most: 0.05}}")
    if gate is None:
        return ()
    if not gate.entries:
        source.fault(node.mark, "this gate asks nothing", "leave it out to gate each aspect with the default margin")
    kinds = frozenset(kinds)
    found = []
    for (aspect, value), mark in zip(gate.entries.items(), gate.keys, strict=True):
        if aspect in kinds:
            hint = f"aspects are {', '.join(sorted(ASPECTS))}, or a word of your own"
            source.fault(mark, f"a gate names aspects, and {quoted(aspect)} is a kind of check", hint)
        elif aspect == "preference" and not prefer:
            source.fault(mark, "'preference' is what `prefer` measures, and this suite has none")
        elif criterion := _criterion(source, aspect, value):
            found.append(criterion)
    return tuple(found)


def _criterion(source: Source, aspect: str, node: Node) -> Criterion | None:
    asked = schema.mapping(source, node, f"the criterion of {quoted(aspect)}", "write {drop_at_most: 0.05}")
    if asked is None:
        return None
    schema.known(source, asked, "a criterion", CRITERIA)
    if not asked.entries:
        source.fault(node.mark, f"nothing is asked of {quoted(aspect)}", "write {drop_at_most: 0.05}")
    for name in asked.entries.keys() & set(CRITERIA):
        if (name == "win_at_least") is not (aspect == "preference"):
            what = f"'preference' takes 'win_at_least', not {quoted(name)}"
            if name == "win_at_least":
                what = f"'win_at_least' is asked of 'preference' only, not of {quoted(aspect)}"
            source.fault(asked.key(name), what)
    limits = {
        name: schema.share(source, asked.entries[name], quoted(name)) for name in CRITERIA if name in asked.entries
    }
    return Criterion(aspect, **limits)


def limits(criterion: Criterion) -> tuple[float | str | None, ...]:
    """What a criterion asks, as a suite's hash has it."""
    later = [(name, getattr(criterion, name)) for name in CRITERIA if name not in FIRST_KNOWN]
    asked = [each for name, limit in later if limit is not None for each in (name, limit)]
    return (*(getattr(criterion, name) for name in FIRST_KNOWN), *asked)


@dataclass(frozen=True, slots=True)
class Bearing:
    """How much evidence an aspect has: cases that stand alone, and groups of cases, which count once each.

    long: conversations, or groups of them, that grade the aspect at three turns or more. reach: the largest drift these
    can have.
    """

    alone: int
    groups: int
    long: int = 0
    reach: float = 0.0


def bearing(cases: Iterable[Case]) -> dict[str, Bearing]:
    """What bears each aspect, in the order met; `overall` is borne by all."""
    alone: Counter[tuple[str, ...]] = Counter()
    grouped: dict[str, set[str]] = {}
    long: dict[str, dict[str, float]] = {}
    for case in cases:
        for aspect, furthest in _drifting(case):
            key = case.group or f"\0{case.id}"
            long.setdefault(aspect, {})[key] = max(furthest, long.get(aspect, {}).get(key, 0.0))
        first = case.turns[0].expect
        plain = len(first) == 1 == len(case.turns) and not case.expect
        aspects = (first[0].aspect,) if plain else case.aspects
        if case.group is None:
            alone[aspects] += 1
        else:
            for aspect in ("overall", *aspects):
                grouped.setdefault(aspect, set()).add(case.group)
    order = dict.fromkeys(aspect for aspects in (*alone, tuple(grouped)) for aspect in aspects)
    found = {
        aspect: Bearing(
            sum(alone[a] for a in alone if aspect in a),
            len(grouped.get(aspect, ())),
            len(long.get(aspect, ())),
            max(long.get(aspect, {}).values(), default=0.0),
        )
        for aspect in order
        if aspect != "overall"
    }
    return found | {"overall": Bearing(alone.total(), len(grouped.get("overall", ())))}


def _drifting(case: Case) -> Iterator[tuple[str, float]]:
    """Aspects that a conversation grades at three turns or more, and the largest drift it can have in them."""
    asked = [turn for turn in case.turns if turn.reply is None]
    if len(asked) < FEWEST_TURNS:
        return
    for aspect in dict.fromkeys(check.aspect for turn in asked for check in turn.expect):
        places = [n for n, turn in enumerate(asked, 1) if any(check.aspect == aspect for check in turn.expect)]
        if len(places) >= FEWEST_TURNS:
            yield aspect, reach(places)


def default(borne: Iterable[str]) -> tuple[Criterion, ...]:
    """What a suite without a gate asks: of each aspect that it does not drop by more than the default margin."""
    return tuple(Criterion(aspect, drop_at_most=DEFAULT_MARGIN) for aspect in borne if aspect != "overall")


def unborne(source: Source, node: Mapping, gate: Sequence[Criterion], borne: dict[str, Bearing]) -> None:
    """A fault for each aspect of the gate that no check bears, and for each drift that no conversation can show."""
    for criterion in gate:
        if criterion.aspect not in borne and criterion.aspect != "preference":
            hint = schema.near(criterion.aspect, borne)
            source.fault(node.key(criterion.aspect), f"no check bears the aspect {quoted(criterion.aspect)}", hint)
        elif criterion.drift_at_most is not None and not borne[criterion.aspect].long:
            what = f"no conversation grades {quoted(criterion.aspect)} at three turns or more, so it has no drift"
            source.fault(node.key(criterion.aspect), what, "ask longer conversations, with a check of it under `every`")


def shortages(suite: SuiteRef, gate: Sequence[Criterion], borne: dict[str, Bearing]) -> Iterator[tuple[str, str, str]]:
    """The criteria that so many cases cannot meet, however good the replies: aspect, what, hint.

    Under suite scope the count of samples decides, not that of cases alone, so nothing is said.
    """
    if suite.scope == "suite":
        return
    for criterion in gate:
        bear = borne["overall" if criterion.aspect == "preference" else criterion.aspect]
        count = bear.alone + bear.groups
        noun = "case" if count == 1 else "groups of cases" if bear.groups else "cases"
        for name in CRITERIA:
            limit = getattr(criterion, name)
            needed = 0 if limit is None else _floor(name, limit, suite, bear.reach)
            if needed is None:
                what = f"no number of cases can show '{name}: {limit:g}' of {quoted(criterion.aspect)}"
                yield criterion.aspect, what, "ask for less than 1"
            elif name == "drift_at_most" and needed > bear.long:
                what = f"{quoted(criterion.aspect)} has {bear.long} conversations; '{name}: {limit:g}' takes {needed}"
                yield criterion.aspect, f"{what}, even if none drifts", "add conversations, or allow more"
            elif name != "drift_at_most" and needed > count:
                what = f"{quoted(criterion.aspect)} has {count} {noun}; '{name}: {limit:g}' takes {needed}"
                yield criterion.aspect, f"{what}, even if every reply is perfect", _widest(name, count, suite.alpha)


def _floor(name: str, limit: float, suite: SuiteRef, reach: float) -> int | None:
    """The fewest cases that can meet a criterion; None where no number does."""
    try:
        match name:
            case "at_least":
                return floor_cases_threshold(limit, interval=suite.interval, alpha=suite.alpha)
            case "gain_at_least":
                return floor_cases_gain(limit, alpha=suite.alpha)
            case "win_at_least":
                return floor_cases_gain(max(0.0, 2 * limit - 1), alpha=suite.alpha)
            case "drift_at_most":
                return floor_cases(limit, reach, suite.alpha)
        return floor_cases(limit, alpha=suite.alpha)
    except ValueError:
        return None


def _widest(name: str, count: int, alpha: float) -> str:
    """What so many cases can show at best."""
    if count < 5:
        return "below 5 the verdict is INCONCLUSIVE whatever is asked; add cases"
    z2 = two_sided_z(alpha) ** 2
    best = {
        "at_least": count / (count + z2),
        "win_at_least": count / (count + z2),
        "gain_at_least": (count - z2) / (count + z2),
    }
    if name in best:
        return f"add cases; {count} can show {max(0.0, int(best[name] * 100) / 100):g} at most"
    return f"add cases; {count} can show a margin of {-int(-100 * z2 / (count + z2) // 1) / 100:g} at best"
