"""A base model, its fine-tune and its preference-tune, judged against one opponent (AlpacaEval).

The judgements are CC BY-NC and may not be copied into this repository: they are looked for in a
`data` folder beside it. Win rates and standard errors there are those of the published leaderboard.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from evalharness.stats.many import holm
from evalharness.stats.paired import guarded, mcnemar, paired_change, sign_flip, standard_error, verdict_word
from evalharness.stats.rates import LengthControlError, length_controlled, length_fit, win_rate
from evalharness.stats.unbounded import t_interval

MODELS = ("phi-2", "phi-2-sft", "phi-2-dpo")
TAGS = ("helpful_base", "koala", "oasst", "selfinstruct", "vicuna")


@dataclass(frozen=True)
class Duel:
    """One instruction: score against the opponent by model (None: no verdict), and both lengths."""

    tag: str
    win: dict[str, float | None]
    chars: dict[str, int]
    chars_base: dict[str, int]


@pytest.fixture(scope="module")
def folder() -> Path:
    root = Path(__file__).resolve().parents[2]
    for path in sorted(root.parent.glob("*/data/alpaca-eval-pairs/pairs.jsonl")):
        return path.parent
    pytest.skip("alpaca-eval-pairs is in no data folder beside the repository; its licence keeps it out of it")


@pytest.fixture(scope="module")
def duels(folder: Path) -> list[Duel]:
    lines = (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [Duel(row["tag"], row["win"], row["chars"], row["chars_base"]) for row in rows]


@dataclass(frozen=True)
class Figures:
    """What the other code gave for one pair of models and one tag."""

    n_pairs: int
    delta: float
    se_paired: float
    ci95_guarded: tuple[float, float]
    ci95_t: tuple[float, float]
    signflip_p_20000: float
    verdict_unadjusted: str


Published = Callable[[str, str | None], Figures]


@pytest.fixture(scope="module")
def published(folder: Path) -> Published:
    known = json.loads((folder / "known_figures.json").read_text(encoding="utf-8"))["paired"]

    def look_up(pair: str, tag: str | None) -> Figures:
        row = known[pair]["by_tag"][tag] if tag else known[pair]["all"]
        return Figures(**{name: row[name] for name in Figures.__dataclass_fields__})

    return look_up


def scored(duels: list[Duel], base: str, tuned: str, tag: str | None) -> list[tuple[float, float]]:
    """The scores of both models where both have one."""
    picked = [(duel.win[base], duel.win[tuned]) for duel in duels if tag in (None, duel.tag)]
    return [(a, b) for a, b in picked if a is not None and b is not None]


@pytest.mark.parametrize(
    ("model", "cases", "rate", "error"),
    [
        ("phi-2", 799, 0.30663329, 0.01605620),
        ("phi-2-sft", 804, 0.68532338, 0.01638786),
        ("phi-2-dpo", 804, 0.82338308, 0.01345734),
    ],
)
def test_win_rates_are_those_of_the_leaderboard(
    duels: list[Duel], model: str, cases: int, rate: float, error: float
) -> None:
    scores = [score for duel in duels if (score := duel.win[model]) is not None]
    result = win_rate([[score] for score in scores])

    assert len(scores) == cases
    assert result.rate == pytest.approx(rate, abs=1e-8)
    assert standard_error(scores) == pytest.approx(error, abs=1e-8)
    assert result.low < rate < result.high


@pytest.mark.parametrize("tag", [None, *TAGS])
@pytest.mark.parametrize(
    ("base", "tuned"), [(MODELS[0], MODELS[1]), (MODELS[1], MODELS[2]), MODELS[::2], MODELS[:0:-1]]
)
def test_paired_changes(duels: list[Duel], published: Published, base: str, tuned: str, tag: str | None) -> None:
    known = published(f"{base} -> {tuned}", tag)
    pairs = scored(duels, base, tuned, tag)
    moves = [b - a for a, b in pairs]

    change = paired_change([[a] for a, _ in pairs], [[b] for _, b in pairs])

    assert len(pairs) == known.n_pairs
    assert change.change == pytest.approx(known.delta, abs=1e-6)
    assert change.error == pytest.approx(known.se_paired, abs=1e-6)
    assert guarded(moves) == pytest.approx(known.ci95_guarded, abs=1e-6)
    assert t_interval(moves) == pytest.approx(known.ci95_t, abs=1e-6)
    assert sign_flip(moves) == pytest.approx(known.signflip_p_20000, abs=0.003)
    assert change.interval == ("G" if 0.5 in {abs(move) for move in moves} else "T")
    assert verdict_word(change, margin=0.05, p_adjusted=change.p)[0] == known.verdict_unadjusted


def test_the_gain_of_the_preference_tune_stands_in_every_tag_after_holm(duels: list[Duel]) -> None:
    p = []
    for tag in TAGS:
        moves = [b - a for a, b in scored(duels, "phi-2-sft", "phi-2-dpo", tag)]
        p.append(mcnemar(moves.count(1), moves.count(-1)))

    assert holm(p) == pytest.approx([0.007, 0.0006, 0.00165, 0.00025, 0.01562], abs=0.006)
    assert max(holm(p)) <= 0.05


@pytest.mark.parametrize(
    ("model", "rate", "longer", "shorter"),
    [
        pytest.param("phi-2", 0.294921, 0.444, 0.518, id="L1-phi-2"),
        pytest.param("phi-2-sft", 0.422672, 0.909, 0.090, id="L1-phi-2-sft"),
        pytest.param("phi-2-dpo", 0.524316, 0.990, 0.009, id="L1-phi-2-dpo"),
    ],
)
def test_length_control_gives_l1_and_refuses_to_extrapolate(
    duels: list[Duel], model: str, rate: float, longer: float, shorter: float
) -> None:
    rows = [
        (score, duel.chars[model] - duel.chars_base[model]) for duel in duels if (score := duel.win[model]) is not None
    ]
    scores, lengths = [score for score, _ in rows], [length for _, length in rows]

    assert sum(d > 0 for d in lengths) / len(rows) == pytest.approx(longer, abs=6e-4)
    assert sum(d < 0 for d in lengths) / len(rows) == pytest.approx(shorter, abs=6e-4)
    assert length_fit(scores, lengths).rate == pytest.approx(rate, abs=1e-6)
    if shorter < 0.15:
        with pytest.raises(LengthControlError, match="lengths do not overlap"):
            length_controlled(scores, lengths)
    else:
        assert length_controlled(scores, lengths) == pytest.approx(rate, abs=1e-6)
