"""Run x Run -> Comparison -> Verdict. Reads records and numbers only: no model, no suite, no network.

Cases are matched by id. All gates of one call share one Holm adjustment, so several suites and arms that one command
compares are given together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, TypeVar, overload

from evalharness import heldout, instruments, preference, sanity
from evalharness.duel import PREFERENCE
from evalharness.errors import MixedSuites
from evalharness.findings import Comparison, Delta, Flip, LeftOut, Pair, Panel, Ruling, RunRef, Trained, Verdict
from evalharness.looks import aligned, told
from evalharness.measure import Arm, design_of, diagnostics, measured, scope_block, trials
from evalharness.persona import persona
from evalharness.records import Asked, Criterion, Run, SuiteRef, Trial, Word
from evalharness.rulings import DEFAULT_MARGIN, Measure, Terms, asks, rule
from evalharness.sheet import OVERALL, Slice
from evalharness.stats.many import benjamini_hochberg, holm
from evalharness.stats.paired import overall_outcome, verdict_word

T = TypeVar("T")


def compare(base: Run, tuned: Run, *, seed: int = 0, version: str = "") -> Comparison:
    """How tuned differs from base, over the cases both were asked; `MixedSuites` where their suites' names differ."""
    return compare_all([(Arm.of(base), Arm.of(tuned))], seed=seed, version=version).comparisons[0]


def compare_all(pairs: Sequence[tuple[Arm, Arm]], *, seed: int = 0, version: str = "") -> Panel:
    """Every pair under one adjustment for many tests, and the worst of their verdicts."""
    drafts = [_Draft.of(*aligned(base, tuned), seed) for base, tuned in pairs]
    tests = [(draft, measure) for draft in drafts for measure in draft.gates if measure.change is not None]
    adjusted = holm([measure.change.p for _, measure in tests if measure.change is not None])
    by_draft: dict[int, dict[str, float]] = {}
    for (draft, measure), p in zip(tests, adjusted, strict=True):
        by_draft.setdefault(id(draft), {})[measure.aspect] = p
    comparisons = tuple(draft.finished(by_draft.get(id(draft), {}), seed, version) for draft in drafts)
    return Panel(worst([comparison.verdict for comparison in comparisons]), comparisons)


def alone(arm: Arm) -> tuple[Ruling, ...]:
    """What the gate says of one arm without a base: `at_least` and `drift_at_most` are about that arm, everything else
    stays undecided."""
    suite = arm.run.suite
    rulings: list[Ruling] = []
    for criterion in arm.run.gate:
        part: Literal["overall", "aspect"] = "overall" if criterion.aspect == OVERALL else "aspect"
        for name, limit in asks(criterion):
            if name in ("at_least", "drift_at_most"):
                cut = Slice(part, criterion.aspect)
                found, _ = measured(arm.sheet, arm.sheet, design_of(arm, arm, 0), cut, arm.run.cases)
                terms = Terms(suite.alpha, suite.interval, 1.0, *blocked(arm, arm, criterion.aspect))
                level, drifts = (limit, None) if name == "at_least" else (None, limit)
                ruled = rule(Criterion(criterion.aspect, at_least=level, drift_at_most=drifts), found, terms)
                rulings += instruments.marked(ruled, arm, arm)
            else:
                why = f"{criterion.aspect} undecided: no base to compare with"
                remedy = "name a base: --base NAME (--eval-base in pytest), or `base:` in the suite"
                rulings.append(Ruling(criterion.aspect, f"{name}: {limit:g}", "INCONCLUSIVE", why, remedy))
    return tuple(rulings)


def blocked(base: Arm, tuned: Arm, aspect: str) -> tuple[str, str]:
    """Why nothing can be said of an aspect whatever the numbers are, and what to do; two empty texts where it can."""
    selected = base.run.suite.selected or tuned.run.suite.selected
    if selected:
        return f"a selection of the cases ({' '.join(selected)})", "compare all cases of the suite"
    why, remedy = scope_block(base, tuned) if aspect != PREFERENCE else ("", "")
    return (why, remedy) if why else instruments.blocked(base, tuned, aspect)


def worst(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of several: the worst word, every reason, the first remedy."""
    return Verdict(
        outcome=overall_outcome([verdict.outcome for verdict in verdicts]),
        reasons=tuple(dict.fromkeys(reason for verdict in verdicts for reason in verdict.reasons)),
        remedy=next((verdict.remedy for verdict in verdicts if verdict.remedy), ""),
        must_pass=tuple(dict.fromkeys(case for verdict in verdicts for case in verdict.must_pass)),
        incomplete=any(verdict.incomplete for verdict in verdicts),
    )


class Pairs(Sequence[Pair]):
    """The compared cases side by side, read from the runs when they are looked at; flipped cases come first."""

    def __init__(self, base: Arm, tuned: Arm, cases: Sequence[Asked]) -> None:
        self.base = base
        self.tuned = tuned
        self.cases = cases

    def __len__(self) -> int:
        return len(self.cases)

    @overload
    def __getitem__(self, place: int) -> Pair: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Pair, ...]: ...
    def __getitem__(self, place: int | slice) -> Pair | tuple[Pair, ...]:
        if isinstance(place, slice):
            return tuple(self._pair(asked) for asked in self.cases[place])
        return self._pair(self.cases[place])

    def _pair(self, asked: Asked) -> Pair:
        return Pair(asked, trials(self.base, asked.case), trials(self.tuned, asked.case))


@dataclass(frozen=True, slots=True)
class _Draft:
    """A pair before the tests of the whole command are known."""

    base: Arm
    tuned: Arm
    cases: tuple[Asked, ...]
    criteria: tuple[Criterion, ...]
    gates: tuple[Measure, ...]
    rest: tuple[tuple[Slice, Measure], ...]
    orphans: tuple[LeftOut, ...]
    left_out: tuple[LeftOut, ...]

    @classmethod
    def of(cls, base: Arm, tuned: Arm, seed: int) -> _Draft:
        """Matches the cases and measures every slice."""
        if base.run.suite.name != tuned.run.suite.name:
            raise MixedSuites(
                f"'{base.run.suite.name}' ({base.run.path}) and '{tuned.run.suite.name}' ({tuned.run.path}) "
                "are runs of different suites",
                "compare runs of one suite",
            )
        cases = tuple(asked for case, asked in tuned.sheet.cases.items() if case in base.sheet.cases)
        measure = preference.measuring(base, tuned, seed)
        criteria = tuned.run.gate
        gates, left_out = [], []
        for criterion in criteria:
            part: Literal["overall", "aspect"] = "overall" if criterion.aspect == OVERALL else "aspect"
            found, lost = measure(Slice(part, criterion.aspect), cases)
            gates.append(found)
            left_out += lost
        gating = {criterion.aspect for criterion in criteria}
        rest = tuple(
            (cut, measure(cut, of)[0])
            for cut, of in (*diagnostics(base.sheet, tuned.sheet, cases), *preference.slices(tuned, cases))
            if cut.name not in gating
        )
        return cls(base, tuned, cases, criteria, tuple(gates), rest, tuple(_orphans(base, tuned)), tuple(left_out))

    def finished(self, adjusted: dict[str, float], seed: int, version: str) -> Comparison:
        """The comparison, each gate's test adjusted as given."""
        suite = self.tuned.run.suite
        rulings: list[Ruling] = []
        deltas: list[Delta] = []
        for criterion, measure in zip(self.criteria, self.gates, strict=True):
            terms = self._terms(suite, criterion.aspect, adjusted.get(measure.aspect, 1.0))
            ruled = instruments.marked(rule(criterion, measure, terms), self.base, self.tuned)
            rulings += ruled
            deltas.append(_gate_delta(criterion, measure, ruled, self._samples(), terms.p_adjusted))
        parts = self._parts(suite, seed)
        deltas += [_part_delta(part, self._samples()) for part in parts]
        deltas += self._looked_at(suite.alpha)
        verdict = self._verdict(rulings)
        trained = heldout.trained(suite, self.cases, parts, verdict.outcome)
        if trained is not None and trained.rests:
            verdict = replace(verdict, reasons=(trained.rests, *verdict.reasons))
        duels = preference.figures(self.base, self.tuned, self.cases, seed)
        flips = tuple(_flips(self.base, self.tuned, self.cases))
        pairs = Pairs(self.base, self.tuned, _flipped_first(self.cases, flips))
        return Comparison(
            suite=replace(suite, samples=max(self._samples())) if suite.looks > 1 else suite,
            base=run_ref(self.base),
            tuned=run_ref(self.tuned),
            deltas=tuple(deltas),
            rulings=tuple(rulings),
            flips=flips,
            left_out=self.left_out + self.orphans,
            warnings=(*self._warnings(trained), *(duels.warnings if duels else ())),
            pairs=pairs,
            verdict=verdict,
            seed=seed,
            version=version,
            trained=trained,
            looked=tuple(told(self.base, self.tuned, blocked, decided=verdict.outcome != "INCONCLUSIVE", seed=seed)),
            judged=instruments.judged(self.base, self.tuned),
            persona=persona(self.base, self.tuned, self.cases, seed=seed),
            duels=duels,
        )

    def _parts(self, suite: SuiteRef, seed: int) -> tuple[heldout.Part, ...]:
        """Each gate over the cases that the training file had, and over those it had not."""
        found = preference.measuring(self.base, self.tuned, seed)

        def measure(cut: Slice, cases: Sequence[Asked]) -> Measure:
            return found(cut, cases)[0]

        return heldout.parts(self.criteria, self.cases, measure, partial(self._terms, suite))

    def _samples(self) -> tuple[int, int]:
        return self.base.sheet.samples(), self.tuned.sheet.samples()

    def _terms(self, suite: SuiteRef, aspect: str, p: float) -> Terms:
        return Terms(suite.alpha, suite.interval, p, *blocked(self.base, self.tuned, aspect))

    def _looked_at(self, alpha: float) -> Iterator[Delta]:
        """Everything that does not decide, under one false discovery rate."""
        q = iter(benjamini_hochberg([m.change.p for _, m in self.rest if m.change is not None]))
        for cut, measure in self.rest:
            if measure.change is None:
                yield _delta(cut.name, cut.part, measure, self._samples())
                continue
            value = next(q)
            word, _ = verdict_word(measure.change, margin=DEFAULT_MARGIN, p_adjusted=value, alpha=alpha)
            row = _delta(cut.name, cut.part, measure, self._samples())
            yield replace(row, outcome=word, p_adjusted=value)

    def _verdict(self, rulings: Sequence[Ruling]) -> Verdict:
        outcome: Word = overall_outcome([ruling.outcome for ruling in rulings]) if rulings else "INCONCLUSIVE"
        remedy = next((r.remedy for r in rulings if r.outcome == outcome and r.remedy), "")
        return Verdict(
            outcome=outcome,
            reasons=tuple(ruling.sentence for ruling in rulings) or ("nothing gates: the suite has no check",),
            remedy=remedy,
            must_pass=failed_musts(self.tuned),
            incomplete=any(incomplete(arm) for arm in (self.base, self.tuned)) or preference.unfinished(self.tuned),
        )

    def _warnings(self, trained: Trained | None) -> Iterator[str]:
        base, tuned = self.base, self.tuned
        digests = {arm.run.suite.train_digest for arm in (base, tuned)} - {""}
        if trained is not None and len(digests) > 1:
            yield "the training file changed between the runs: seen and unseen cases are told by that of tuned's run"
        if base.run.suite.hash != tuned.run.suite.hash:
            yield "the suite changed between the runs: cases are matched by id; `evalharness rescore` grades both alike"
        yield from sanity.warnings(base, tuned)
        k_base, k_tuned = self._samples()
        if k_base != k_tuned:
            yield f"base was asked {k_base} times a case and tuned {k_tuned} times"


def _orphans(base: Arm, tuned: Arm) -> Iterator[LeftOut]:
    for case in base.sheet.cases:
        if case not in tuned.sheet.cases and _due(tuned, case):
            yield LeftOut(case, "", "tuned", tuned.unlike.get(case, "only base's run has this case"))
    for case in tuned.sheet.cases:
        if case not in base.sheet.cases and _due(base, case):
            yield LeftOut(case, "", "base", base.unlike.get(case, "only tuned's run has this case"))
    for case, cause in {**tuned.unlike, **base.unlike}.items():
        if case not in base.sheet.cases and case not in tuned.sheet.cases:
            yield LeftOut(case, "", "both", cause)


def _due(arm: Arm, case: str) -> bool:
    """Whether an arm that lacks the case should have it: not where asking ended early, on its own side or the other."""
    return arm.run.suite.early is None or case in arm.unlike


def _delta(name: str, part: str, measure: Measure, samples: tuple[int, int]) -> Delta:
    known: Literal["aspect", "overall", "tag", "check", "turn", "drift", "near"]
    match part:
        case "overall" | "tag" | "check" | "turn" | "drift" | "near":
            known = part
        case _:
            known = "aspect"
    change = measure.change
    row = Delta(
        slice=name,
        part=known,
        aspect=measure.aspect,
        gates=False,
        cases=change.cases if change else 0,
        left_out=measure.missing.dropped,
        samples=samples,
    )
    if change is None:
        return row
    row = replace(
        row,
        groups=change.groups,
        base=change.base,
        tuned=change.tuned,
        change=change.change,
        low=change.low,
        high=change.high,
        interval=change.interval,
        suite_low=change.suite_low,
        suite_high=change.suite_high,
        error=change.error,
        ups=change.ups,
        downs=change.downs,
        unchanged=change.unchanged,
        p=change.p,
        p_midp=change.p_midp,
        margin=DEFAULT_MARGIN,
        p_noninferior=change.p_noninferior(DEFAULT_MARGIN),
        provable_margin=change.provable_margin,
    )
    return preference.as_rate(row)


def _gate_delta(
    criterion: Criterion, measure: Measure, ruled: Sequence[Ruling], samples: tuple[int, int], p_adjusted: float
) -> Delta:
    row = _delta(measure.aspect, "overall" if measure.aspect == OVERALL else "aspect", measure, samples)
    outcome = overall_outcome([ruling.outcome for ruling in ruled])
    deciding = next(ruling for ruling in ruled if ruling.outcome == outcome)
    row = replace(row, gates=True, outcome=outcome, sentence=deciding.sentence, remedy=deciding.remedy)
    margin = criterion.drop_at_most or criterion.both_within
    if margin:
        row = replace(row, margin=margin)
    if measure.change is None:
        return row
    p_noninferior = measure.change.p_noninferior(margin or DEFAULT_MARGIN)
    return replace(row, p_adjusted=p_adjusted, p_noninferior=p_noninferior)


def _part_delta(part: heldout.Part, samples: tuple[int, int]) -> Delta:
    """A row that is read with the margin of its gate, and does not gate."""
    row = _gate_delta(part.criterion, part.measure, part.rulings, samples, 1.0)
    name = f"{part.measure.aspect} · {part.name}"
    return replace(row, slice=name, part="near", gates=False, p_adjusted=None)


def _flips(base: Arm, tuned: Arm, cases: Iterable[Asked]) -> Iterator[Flip]:
    """Cases that pass on one side only, by aspect: those that broke first."""
    found: list[Flip] = []
    for asked in cases:
        for aspect in asked.aspects:
            cut = Slice("aspect", aspect)
            before, after = base.sheet.valid(cut, asked.case), tuned.sheet.valid(cut, asked.case)
            if not before or not after:
                continue
            passes = base.sheet.passes(aspect, asked.case), tuned.sheet.passes(aspect, asked.case)
            if passes[0] == passes[1]:
                continue
            why = _why(tuned if passes[0] else base, asked.case, aspect)
            side: Literal["broke", "fixed"] = "broke" if passes[0] else "fixed"
            means = sum(before) / len(before), sum(after) / len(after)
            found.append(Flip(asked.case, aspect, side, *means, why, asked.question, asked.tags))
    return iter(sorted(found, key=lambda flip: flip.side))


def _why(arm: Arm, case: str, aspect: str) -> str:
    """The reason of the first check that failed."""
    for trial in trials(arm, case):
        for score in trial.scores:
            if score.aspect == aspect and not score.passed:
                return f"{score.check}: {score.grade.why}" if score.grade.why else score.check
    return ""


def _flipped_first(cases: Sequence[Asked], flips: Sequence[Flip]) -> tuple[Asked, ...]:
    order = {flip.case: place for place, flip in reversed(list(enumerate(flips)))}
    return tuple(sorted(cases, key=lambda asked: order.get(asked.case, len(flips))))


def failed_musts(arm: Arm) -> tuple[str, ...]:
    """Cases that had to pass with every sample and have one that was scored and did not."""
    musts = [asked.case for asked in arm.run.cases if asked.must_pass]
    return tuple(case for case in musts if any(_fails(trial) for trial in trials(arm, case)))


def _fails(trial: Trial) -> bool:
    return any(score.grade.value is not None and not score.passed for score in trial.scores)


def incomplete(arm: Arm) -> bool:
    """Whether answers are missing: a request failed for good, also to a judge, one was filtered, or it was cut short.

    Never so for a snapshot: whoever accepted it knew what it lacks, and its model may be gone.
    """
    if arm.run.snapshot is not None:
        return False
    due = _asked(arm)
    missing = bool(arm.sheet.failures) or arm.sheet.outcomes["filtered"] > 0 or arm.sheet.trials < due
    missing = missing or any(took.failed for _, took in arm.run.judging)
    return arm.run.tally is None or missing


def _asked(arm: Arm) -> int:
    """How many trials the run should have; how often a case was asked was decided on the way where there were looks."""
    suite = arm.run.suite
    return len(arm.run.cases) * (max(suite.samples, arm.sheet.samples()) if suite.looks > 1 else suite.samples)


def run_ref(arm: Arm) -> RunRef:
    """One side of the comparison, in short."""
    sheet, run = arm.sheet, arm.run
    return RunRef(
        model=run.model,
        began=run.began,
        path=run.path,
        asked=_asked(arm),
        scored=sheet.scored,
        outcomes=dict(sorted(sheet.outcomes.items())),
        failures=dict(sorted(sheet.failures.items())),
        served=tuple(sheet.served),
        fingerprints=tuple(sheet.fingerprints),
        tally=run.tally,
        said=dict(sorted(sheet.complaints.items())),
        snapshot=run.snapshot,
        judging=run.judging,
    )
