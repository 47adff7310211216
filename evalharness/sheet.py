"""Trials -> the scores of each case, slice by slice: what a comparison keeps of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

from evalharness.records import Asked, Run, Score, Trial
from evalharness.stats.persona import FEWEST_TURNS, drift, reach
from evalharness.vitals import Vitals

Part: TypeAlias = Literal["aspect", "overall", "tag", "check", "turn", "drift", "near"]

OVERALL = "overall"
OVER_TURNS = "over turns"
NO_LEAK = "no_leak"

LASTING = frozenset({"rejected", "gone", "invalid", "denied", "quota"})
"""Kinds of failure that the same request meets again, until something is changed."""


class Slice(NamedTuple):
    """A part of the scores that is looked at by itself; `detail` names the check, turn or tag."""

    part: Part
    aspect: str
    detail: str = ""

    @property
    def name(self) -> str:
        """As reports print it."""
        return f"{self.aspect} · {self.part} {self.detail}" if self.detail else self.aspect


class Sheet:
    """The scores of one run by slice and case, added a trial at a time; the words stay in the run file.

    scores: for each slice and case its samples in order, None where a sample is missing. passed: for each aspect and
    case, whether each sample reached `pass_at` with every grade. causes: why a case misses an aspect. places: where the
    trials of a case stand in the run. said: a mark of each case's replies, a sample each, to tell equal texts. reach:
    how far each aspect could drift at most, of those graded at three turns of a conversation or more. leaks: by case,
    replies that `no_leak` graded, and those that did not pass it.
    """

    def __init__(self, cases: Sequence[Asked]) -> None:
        self.cases = {asked.case: asked for asked in cases}
        self.scores: dict[Slice, dict[str, list[float | None]]] = {}
        self._cells: dict[tuple[str, str, str], dict[str, list[float | None]]] = {}  # the same, quicker to find
        self.passed: dict[str, dict[str, list[bool]]] = {}
        self.causes: dict[tuple[str, str], str] = {}
        self.places: dict[str, list[int]] = {}
        self.said: dict[str, list[int]] = {}
        self.reach: dict[str, float] = {}
        self.leaks: dict[str, tuple[int, int]] = {}
        self.vitals = Vitals()
        self.outcomes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.complaints: dict[str, str] = {}
        self.served: dict[str, None] = {}
        self.fingerprints: dict[str, None] = {}
        self.trials = 0
        self.scored = 0

    @classmethod
    def of(cls, run: Run) -> Sheet:
        """The sheet of a run that is read from its start to its end."""
        sheet = cls(run.cases)
        for place, trial in enumerate(run.trials):
            sheet.add(place, trial)
        return sheet

    def add(self, place: int, trial: Trial) -> None:
        """Takes in the trial at `place` of the run."""
        talk = trial.conversation
        case = talk.case
        self.trials += 1
        self.places.setdefault(case, []).append(place)
        self.said.setdefault(case, []).append(hash(tuple([talk.messages[at].content for at in talk.replies])))
        self.vitals.add(talk)
        for outcome in talk.outcomes:
            self.outcomes[outcome] += 1
        for name in talk.served:
            self.served[name] = None
        for mark in talk.fingerprints:
            self.fingerprints[mark] = None
        if trial.failure is not None:
            self.failures[trial.failure.kind] += 1
            self.complaints.setdefault(trial.failure.kind, trial.failure.message)
        self._aspects(case, trial.scores)
        self._details(case, trial.scores)

    def samples(self) -> int:
        """The largest number of samples a case has."""
        return max(map(len, self.places.values()), default=0)

    def repeats(self) -> bool:
        """Whether further samples say nothing: in every case each has the text of the first."""
        return all(len(set(marks)) == 1 for marks in self.said.values())

    def valid(self, cut: Slice, case: str) -> tuple[float, ...]:
        """The samples of a case that could be scored; none where the case is missing."""
        return known(self.scores.get(cut, {}).get(case))

    def passes(self, aspect: str, case: str) -> bool:
        """Whether more than half of a case's samples pass in an aspect."""
        marks = self.passed.get(aspect, {}).get(case, [])
        return 2 * sum(marks) > len(marks)

    def cause(self, aspect: str, case: str) -> str:
        """Why a case has no valid sample in an aspect."""
        return self.causes.get((case, aspect), "not asked yet")

    def _aspects(self, case: str, scores: Sequence[Score]) -> None:
        for aspect, these in _grouped(scores, by_check=False).items():
            value = weighted(these)
            if aspect[0] == NO_LEAK:
                self._leaks(case, these)
            self._put("aspect", aspect[0], "", case, value)
            self.passed.setdefault(aspect[0], {}).setdefault(case, []).append(all(score.passed for score in these))
            if value is None:
                self._blame(case, aspect[0], these)
        whole = weighted(scores)
        self._put("overall", OVERALL, "", case, whole)
        self.scored += whole is not None
        if whole is None:
            self._blame(case, OVERALL, scores)

    def _leaks(self, case: str, scores: Sequence[Score]) -> None:
        """Counts replies, each once however many checks look at it."""
        leaking: dict[int | None, bool] = {}
        for score in scores:
            if score.grade.value is not None:
                leaking[score.turn] = leaking.get(score.turn, False) or not score.passed
        replies, leaked = self.leaks.get(case, (0, 0))
        self.leaks[case] = replies + len(leaking), leaked + sum(leaking.values())

    def _blame(self, case: str, aspect: str, scores: Sequence[Score]) -> None:
        """Keeps the first reason why a case misses an aspect."""
        why = next((score.grade.why for score in scores if score.grade.value is None), "")
        self.causes.setdefault((case, aspect), why or "no grade")

    def _details(self, case: str, scores: Sequence[Score]) -> None:
        for (aspect, check), these in _grouped(scores, by_check=True).items():
            self._put("check", aspect, check, case, weighted(these))
        if any(score.turn is not None and score.turn > 1 for score in scores):
            by_turn: dict[tuple[str, int], list[Score]] = {}
            for score in scores:
                if score.turn is not None:
                    by_turn.setdefault((score.aspect, score.turn), []).append(score)
            for (aspect, turn), these in by_turn.items():
                self._put("turn", aspect, str(turn), case, weighted(these))
            self._over_turns(case, by_turn)

    def _over_turns(self, case: str, by_turn: Mapping[tuple[str, int], Sequence[Score]]) -> None:
        """How far each aspect drifts from its first graded turn to its last; missing where a turn of it is."""
        turns: dict[str, list[int]] = {}
        for aspect, turn in sorted(by_turn):
            turns.setdefault(aspect, []).append(turn)
        for aspect, places in turns.items():
            if len(places) >= FEWEST_TURNS:
                values = known([weighted(by_turn[aspect, place]) for place in places])
                drifted = drift(values, places) if len(values) == len(places) else None
                self._put("drift", aspect, OVER_TURNS, case, drifted)
                self.reach[aspect] = max(self.reach.get(aspect, 0.0), reach(places))

    def _put(self, part: Part, aspect: str, detail: str, case: str, value: float | None) -> None:
        key = (part, aspect, detail)
        cells = self._cells.get(key)
        if cells is None:
            cells = self._cells[key] = self.scores[Slice(part, aspect, detail)] = {}
        found = cells.get(case)
        if found is None:
            cells[case] = [value]
        else:
            found.append(value)


def _grouped(scores: Sequence[Score], *, by_check: bool) -> dict[tuple[str, str], list[Score]]:
    """Scores by aspect, or by aspect and check."""
    groups: dict[tuple[str, str], list[Score]] = {}
    for score in scores:
        key = (score.aspect, score.check if by_check else "")
        found = groups.get(key)
        if found is None:
            groups[key] = [score]
        else:
            found.append(score)
    return groups


def known(samples: Sequence[float | None] | None) -> tuple[float, ...]:
    """The samples that could be scored."""
    return tuple([value for value in samples if value is not None]) if samples else ()


def weighted(scores: Sequence[Score]) -> float | None:
    """The weighted mean of the grades, or None where one of them is missing: a mean over fewer is another quantity."""
    if len(scores) == 1:
        return scores[0].grade.value
    total = weights = 0.0
    for score in scores:
        value = score.grade.value
        if value is None:
            return None
        total += score.weight * value
        weights += score.weight
    return total / weights if weights else None
