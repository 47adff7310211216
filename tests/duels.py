"""Duels made by hand: what preferences are tested on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from evalharness.bench import of_duels
from evalharness.calibration import PAIR, Calibration, Known, Row
from evalharness.duel import Duel, DuelRun, Party, Vote, Winner
from evalharness.measure import Arm
from evalharness.records import Criterion, ModelRef, Tally
from tests import runs

Votes = tuple[Winner | None, Winner | None]
WON: Votes = ("tuned", "tuned")
LOST: Votes = ("base", "base")
TIED: Votes = ("tie", "tie")
Counts: TypeAlias = tuple[tuple[int, int, int], ...]
"""Pairs by what people said, then by the verdict: base, tie, tuned."""
GOOD: Counts = ((25, 1, 1), (1, 4, 1), (1, 1, 25))
SCORES = (0.0, 0.5, 1.0)
AT_LEAST_HALF = (Criterion("preference", win_at_least=0.5),)


def duel(
    case: str, votes: Votes, *, sample: int = 0, criterion: str = "kinder", judge: str = "judge", chars: int = 10
) -> Duel:
    """One duel; chars: of tuned's reply, base's has ten."""
    said = tuple(Vote(winner, "", "" if winner else "unreadable") for winner in votes)
    return Duel(case, sample, criterion, judge, said, (10, chars))


def run(duels: Sequence[Duel], *, judges: Mapping[str, str] | None = None) -> DuelRun:
    """A whole run of duels; judges: what each is (`KIND:TARGET`), where it matters."""
    named = dict.fromkeys(each.judge for each in duels)
    criteria = tuple(dict.fromkeys(each.criterion for each in duels))
    parties = tuple(Party(name, (judges or {}).get(name, "replay:judge.jsonl")) for name in named)
    refs = {party.name: ModelRef(party.name, party.use) for party in parties}
    arms = Party("base", "openai:gpt-4o-mini"), Party("tuned", "openai:ft:gpt-4o-mini:acme::1")
    return DuelRun(
        "made", *arms, criteria, parties, of_duels(criteria, refs), "2026-11-26T10:00:00+00:00", tuple(duels), ()
    )


def counts(wins: int, ties: int, losses: int) -> list[Duel]:
    """So many cases of each kind, by one judge and one criterion."""
    votes = [WON] * wins + [TIED] * ties + [LOST] * losses
    return [duel(str(case), each) for case, each in enumerate(votes)]


def arms(
    duels: DuelRun | None,
    *,
    cases: int,
    samples: int = 1,
    gate: Sequence[Criterion] = AT_LEAST_HALF,
    groups: Mapping[str, str] | None = None,
    known: Counts | None = GOOD,
) -> tuple[Arm, Arm]:
    """Two arms that said something of so many cases, called `0`, `1`, and so on, and the duels of tuned.

    known: what people said of the judges' verdicts on other pairs; None where nobody was asked.
    """
    scores = [[1.0] * samples] * cases
    base, tuned = (Arm.of(runs.run(scores, name=name, gate=gate, groups=groups)) for name in ("base", "tuned"))
    if duels is None:
        return base, tuned
    told = tuple(calibration(duels, place, known) for place in range(len(duels.prefer))) if known else ()
    return base, replace(tuned, duels=replace(duels, tally=(("judge", Tally()),)), known=told)


def calibration(duels: DuelRun, place: int, counts: Counts, *, arm: str = "other arms") -> Known:
    """What is known of the judges by the criterion at this place: labels of cases `0`, `1`, and so on, as counted."""
    instrument = duels.instruments[place]
    rows_of = zip(SCORES, counts, strict=True)
    cells = [(said, verdict, number) for said, row in rows_of for verdict, number in zip(SCORES, row, strict=True)]
    scores = [(said, verdict) for said, verdict, number in cells for _ in range(number)]
    rows = tuple(Row(arm, str(case), 0, None, *score, ((score[1], score[1]),)) for case, score in enumerate(scores))
    about = duels.suite, instrument.check, instrument.aspect, instrument.digest, instrument.judges
    return Known(Calibration(1, *about, 0.5, rows, scale=PAIR))
