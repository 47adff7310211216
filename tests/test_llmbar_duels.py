"""Known figures: judges whose votes were recorded, led through the flow of a duel.

LLMBar (Zeng et al. 2024, MIT): pairs of outputs of which one is better by construction, and what four judges said in
both orders. The better output plays tuned, so the win rate is the judge's accuracy. Figures: known_figures.json beside
the votes (the repository's own, and computed apart from this program), and J3 of docs/method.md.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import pytest

from evalharness.compare import compare_all
from evalharness.duel import Duel, DuelRun, Match, Party
from evalharness.findings import DuelRow, Duels
from evalharness.flow import Answer, drive
from evalharness.measure import Arm
from evalharness.records import Failure, Request, Run
from evalharness.stats.agreement import kappa
from tests import runs
from tests.scorers.judges import material, verdict

DATA = Path(__file__).parent / "data" / "llmbar-judges"
JUDGES = ("GPT-4", "ChatGPT", "LLaMA2", "PaLM2")
KNOWN = json.loads((DATA / "known_figures.json").read_text("utf-8"))


@dataclass(frozen=True)
class Votes:
    """One pair of outputs, the better of which is `gold`, and the votes by judge: which output won in both orders."""

    id: str
    outputs: dict[str, str]
    gold: str
    votes: dict[str, list[str | None]]


@cache
def recorded(subset: str) -> dict[str, Votes]:
    rows = [json.loads(line) for line in (DATA / f"{subset}.jsonl").read_text("utf-8").split("\n") if line]
    return {
        row["id"]: Votes(
            row["id"],
            {"1": row["output_1"], "2": row["output_2"]},
            str(row["gold"]),
            {judge: row["judges"][judge]["Vanilla"] for judge in JUDGES},
        )
        for row in rows
    }


def arm(subset: str, name: str) -> Run:
    """The worse outputs as base, the better ones as tuned."""
    trials = []
    for row in recorded(subset).values():
        side = row.gold if name == "tuned" else {"1": "2", "2": "1"}[row.gold]
        trials.append(runs.trial(row.id, 0, {"facts": 1.0}, text=row.outputs[side]))
    return runs.of(trials, name=name, gate=())


def as_recorded(place: Votes, request: Request) -> Answer:
    """What the judge of that name said of the two outputs in the order in which they are shown here."""
    first = next(name for name, text in place.outputs.items() if text == material(request, "reply A"))
    winner = place.votes[request.model.name][0 if first == "1" else 1]
    return Failure("invalid", "unparsed") if winner is None else verdict(request, "A" if winner == first else "B")


@cache
def duels(subset: str) -> tuple[Duel, ...]:
    """Every pair judged by every judge, both orders asked one after the other."""
    base, tuned = arm(subset, "base"), arm(subset, "tuned")
    match = Match.of(base, tuned, tuple(recorded(subset)))
    cases = [case for case, *_ in match.pairs for _ in JUDGES]
    flows = zip(cases, match.flows(["better"], JUDGES), strict=True)
    return tuple(drive(flow, partial(as_recorded, recorded(subset)[case])) for case, flow in flows)


def figures(subset: str, *judges: str) -> Duels:
    base, tuned = arm(subset, "base"), arm(subset, "tuned")
    parties = tuple(Party(judge, "replay:votes") for judge in judges)
    kept = tuple(duel for duel in duels(subset) if duel.judge in judges)
    run = DuelRun("made", Party("base", ""), Party("tuned", ""), ("better",), parties, (), "", kept, ())
    found = compare_all([(Arm.of(base), replace(Arm.of(tuned), duels=run))]).comparisons[0].duels
    assert found is not None
    return found


def share(row: DuelRow) -> float:
    return (row.wins + row.ties / 2) / row.cases


@pytest.mark.parametrize("subset", ["natural", "neighbor"])
@pytest.mark.parametrize("judge", JUDGES)
def test_a_judge_is_as_right_as_consistent_and_as_biased_as_is_known(subset: str, judge: str) -> None:
    known = KNOWN[subset][f"{judge}/Vanilla"]

    found = figures(subset, judge)
    row, lost = found.total, known["n"] - found.total.cases

    # two pairs of natural were parsed in neither order by PaLM2: there they are wrong, consistent, and for no place
    assert lost == (2 if (subset, judge) == ("natural", "PaLM2") else 0)
    assert row.rate == pytest.approx(known["acc_average"] * known["n"] / row.cases, abs=1e-5)
    assert row.asked - row.inconsistent + lost == int(known["position_consistent"].partition("/")[0])
    assert row.first / (2 * row.cases + 2 * lost) == pytest.approx(known["picked_first_shown"], abs=1e-5)


@pytest.mark.parametrize("subset", ["natural", "neighbor"])
@pytest.mark.parametrize("judge", ["GPT-4", "ChatGPT", "LLaMA2"])
def test_the_orders_agree_by_the_known_kappa(subset: str, judge: str) -> None:
    rows = recorded(subset)

    def output(duel: Duel, order: int) -> str:
        gold = rows[duel.case].gold
        return gold if duel.votes[order].winner == "tuned" else {"1": "2", "2": "1"}[gold]

    # The recorded orders are by the output shown first, these by the side: base stands first where it is output 1.
    both = [
        (output(duel, 0), output(duel, 1))[:: 1 if rows[duel.case].gold == "2" else -1]
        for duel in duels(subset)
        if duel.judge == judge
    ]

    assert kappa([one for one, _ in both], [other for _, other in both]) == pytest.approx(
        KNOWN[subset][f"{judge}/Vanilla"]["kappa_between_orders"], abs=1e-5
    )


@pytest.mark.parametrize(
    ("subset", "alone", "panel"),
    [
        ("natural", {"GPT-4": 0.955, "ChatGPT": 0.815, "LLaMA2": 0.805}, 86.5 / 98),
        ("neighbor", {"GPT-4": 0.787313, "ChatGPT": 0.194030, "LLaMA2": 0.246269, "PaLM2": 0.626866}, 0.261194),
    ],
)
def test_a_panel_of_weak_judges_is_no_strong_judge(subset: str, alone: dict[str, float], panel: float) -> None:
    # method J3, where natural's panel is 88.5 of 100: the two pairs that PaLM2 left open are missing here, and were
    # right there by the other two. The panel decides by the mean of its three judges, a tie half.
    assert {judge: figures(subset, judge).total.rate for judge in alone} == pytest.approx(alone, abs=1e-5)
    found = figures(subset, "ChatGPT", "LLaMA2", "PaLM2")

    missing = sum(count for _, count in found.missing)
    assert missing == (2 if subset == "natural" else 0)
    assert share(found.total) == pytest.approx(panel, abs=1e-5)
    assert len(found.agreements) == 3
