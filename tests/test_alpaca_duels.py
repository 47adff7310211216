"""Known figures: win rates of three models against one opponent, as duels (AlpacaEval).

The judgements are CC BY-NC and may not be copied into this repository: they are looked for in a `data` folder beside
it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from evalharness.compare import compare_all
from evalharness.duel import Duel, DuelRun, Party, Vote, Winner
from evalharness.findings import Duels
from evalharness.measure import Arm
from tests import runs


@dataclass(frozen=True)
class Judged:
    """One instruction: what the judge said of each model against the opponent, and the lengths of both outputs."""

    id: str
    win: dict[str, float | None]
    chars: dict[str, int]
    chars_base: dict[str, int]


@pytest.fixture(scope="module")
def rows() -> list[Judged]:
    root = Path(__file__).resolve().parents[1]
    for path in sorted(root.parent.glob("*/data/alpaca-eval-pairs/pairs.jsonl")):
        lines = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
        return [Judged(each["id"], each["win"], each["chars"], each["chars_base"]) for each in lines]
    pytest.skip("alpaca-eval-pairs is in no data folder beside the repository; its licence keeps it out of it")


def figures(rows: list[Judged], model: str) -> Duels:
    """What the recorded verdicts come to; they are of one order, which stands for both."""
    words: dict[float | None, Winner | None] = {1: "tuned", 0: "base", 0.5: "tie", None: None}
    duels = tuple(
        Duel(row.id, 0, "better", "gpt4", (vote, vote), (row.chars_base[model], row.chars[model]))
        for row in rows
        for vote in (Vote(words[row.win[model]], error="" if row.win[model] is not None else "unparsed"),)
    )
    run = DuelRun("made", Party("base", ""), Party("tuned", ""), ("better",), (Party("gpt4", ""),), (), "", duels, ())
    base, tuned = (runs.run({row.id: 1.0 for row in rows}, name=name, gate=()) for name in ("base", "tuned"))
    found = compare_all([(Arm.of(base), replace(Arm.of(tuned), duels=run))]).comparisons[0].duels
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "cases", "rate", "controlled"),
    [
        # the published leaderboard; at equal length method L1, which refuses where the lengths do not overlap
        ("phi-2", 799, 0.30663329, 0.294921),
        ("phi-2-sft", 804, 0.68532338, None),
        ("phi-2-dpo", 804, 0.82338308, None),
    ],
)
def test_a_model_is_preferred_as_often_as_is_published(
    rows: list[Judged], model: str, cases: int, rate: float, controlled: float | None
) -> None:
    found = figures(rows, model)

    assert found.total.cases == cases
    assert found.total.rate == pytest.approx(rate, abs=1e-6)
    if controlled is None:
        assert found.controlled is None
        assert found.refused.startswith("lengths do not overlap: tuned is longer in 9")
    else:
        assert found.controlled == pytest.approx(controlled, abs=5e-4)
