"""Judges against people: values of the method's J1 to J3, published ones, and the recorded votes of LLMBar."""

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.agreement import (
    Confusion,
    both_orders,
    difference,
    kappa,
    kappa_interval,
    labelled_only,
    pairwise_kappa,
    panel_score,
    power_tuned,
    prediction_powered,
    rate,
    rogan_gladen,
    sensitivity,
    specificity,
    weighted_kappa,
    youden,
)

LLMBAR = Path(__file__).parents[1] / "data" / "llmbar-judges"
J1 = Confusion(tp=40, fp=9, fn=6, tn=45)
J2 = Confusion(tp=23, fp=7, fn=2, tn=18)
LABELS = [1.0] * 25 + [0.0] * 25
GRADES = [1.0] * 23 + [0.0] * 2 + [1.0] * 7 + [0.0] * 18
UNLABELLED = [1.0] * 22 + [0.0] * 28
marks = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


def test_j1() -> None:
    assert J1.kappa == pytest.approx(0.699519, abs=1e-6)


def test_j2_counts_and_rates() -> None:
    counts = Confusion.of([x > 0 for x in LABELS], [x > 0 for x in GRADES])
    hits, rejects = sensitivity(counts), specificity(counts)

    assert counts == J2
    assert hits is not None
    assert rejects is not None
    assert (hits.rate, rejects.rate) == pytest.approx((0.92, 0.72))
    # Wilson by hand for 23 of 25: (23 + 1.920729) / 28.841459 -+ 0.113714
    assert (hits.low, hits.high) == pytest.approx((0.750339, 0.977780), abs=1e-6)


def test_j2_rogan_gladen() -> None:
    found = rogan_gladen(22, 50, J2)

    assert found is not None
    assert (found.centre, found.error) == pytest.approx((0.25, 0.153475), abs=1e-6)


def test_j2_prediction_powered() -> None:
    found = prediction_powered(UNLABELLED, LABELS, GRADES)

    assert (found.centre, found.error) == pytest.approx((0.34, 0.092184), abs=1e-6)


def test_j2_power_tuned() -> None:
    found, trust = power_tuned(UNLABELLED, LABELS, GRADES)

    assert trust == pytest.approx(0.323783, abs=1e-6)
    assert (found.centre, found.error) == pytest.approx((0.448195, 0.063468), abs=1e-6)


def test_j2_labels_alone() -> None:
    found = labelled_only(LABELS)

    assert (found.centre, found.error) == pytest.approx((0.50, 0.071429), abs=1e-6)


def test_a_judge_that_always_says_the_same_leaves_only_the_labels() -> None:
    found, trust = power_tuned([1.0] * 50, LABELS, [1.0] * 50)

    assert trust == 0
    assert found == labelled_only(LABELS)


def test_a_judge_no_better_than_chance_corrects_nothing() -> None:
    assert rogan_gladen(22, 50, Confusion(10, 10, 10, 10)) is None
    assert rogan_gladen(22, 50, Confusion(10, 0, 10, 0)) is None


def test_a_difference_is_newcombe_s() -> None:
    # Newcombe 1998, Statistics in Medicine 17:873, table II (a), method 10: 56/70 against 48/80.
    more, less = rate(56, 70), rate(48, 80)

    assert more is not None
    assert less is not None
    found = difference(more, less)
    assert (found.change, found.low, found.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


def test_youden_is_the_difference_of_the_two_pass_shares() -> None:
    found = youden(J1)

    assert found is not None
    assert found.change == pytest.approx(40 / 46 + 45 / 54 - 1)
    assert found.low < found.change < found.high


def test_youden_reaches_zero_for_a_judge_that_guesses() -> None:
    found = youden(Confusion(13, 12, 12, 13))

    assert found is not None
    assert found.low < 0 < found.high


@pytest.mark.parametrize("counts", [Confusion(5, 0, 1, 0), Confusion(0, 2, 0, 3), Confusion(0, 0, 0, 0)])
def test_one_kind_of_label_says_nothing_of_the_other(counts: Confusion) -> None:
    assert youden(counts) is None


def test_kappa_is_unknown_where_chance_alone_always_agrees() -> None:
    assert Confusion(7, 0, 0, 0).kappa is None
    assert kappa(["a", "a"], ["a", "a"]) is None


@given(marks)
def test_kappa_of_counts_is_kappa_of_their_lists(pairs: list[tuple[bool, bool]]) -> None:
    labels, grades = [a for a, _ in pairs], [b for _, b in pairs]

    found = Confusion.of(labels, grades).kappa

    expected = kappa(labels, grades)
    assert found is None if expected is None else found == pytest.approx(expected)


@given(marks)
def test_the_square_weighted_kappa_of_two_marks_is_cohen_s(pairs: list[tuple[bool, bool]]) -> None:
    labels, grades = [a for a, _ in pairs], [b for _, b in pairs]

    found = weighted_kappa([float(x) for x in labels], [float(x) for x in grades])

    expected = kappa(labels, grades)
    assert found is None if expected is None else found == pytest.approx(expected, abs=1e-12)


def test_the_error_of_kappa_is_that_of_the_delta_method() -> None:
    # Independent of the closed form: kappa differentiated numerically over the four shares.
    def value(cells: list[float]) -> float:
        tp, fp, fn, tn = cells
        total = sum(cells)
        chance = ((tp + fn) * (tp + fp) + (fp + tn) * (fn + tn)) / total**2
        return ((tp + tn) / total - chance) / (1 - chance)

    shares, slopes, step = [x / 100 for x in J1], [], 1e-6
    for place in range(4):
        up, down = [*shares], [*shares]
        up[place], down[place] = up[place] + step, down[place] - step
        slopes.append((value(up) - value(down)) / (2 * step))
    spread = sum(p * g * g for p, g in zip(shares, slopes, strict=True))
    spread -= sum(p * g for p, g in zip(shares, slopes, strict=True)) ** 2

    found = kappa_interval(J1)

    assert found is not None
    assert found.high - 0.6995192 == pytest.approx(1.959964 * math.sqrt(spread / 100), abs=1e-5)


def test_weighted_kappa_of_grades_by_hand() -> None:
    # labels 1 2 3 4 5, grades 1 2 3 5 5 on a scale of five; squared distances 1 of 25 a pair on average 0.2, and by
    # chance 4.16 + 0.04 + ... : variances 2 and 2.56, means 3 and 3.2.
    labels, grades = [0, 0.25, 0.5, 0.75, 1], [0, 0.25, 0.5, 1, 1]

    assert weighted_kappa(labels, grades) == pytest.approx(1 - 0.2 / (2 + 2.56 + 0.04))


def test_raters_of_different_things_are_refused() -> None:
    with pytest.raises(ValueError, match="2 and 1 labels"):
        kappa(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="one of each a reply"):
        weighted_kappa([0.5], [])


# --- the recorded votes of LLMBar -------------------------------------------------------------------------------------

FIGURES = json.loads((LLMBAR / "known_figures.json").read_text("utf-8"))
ROWS = {
    part: [json.loads(line) for line in (LLMBAR / f"{part}.jsonl").read_text("utf-8").split("\n") if line]
    for part in FIGURES
}


def votes(part: str, judge: str, strategy: str) -> list[tuple[int | None, int | None]]:
    """The winner with 1 shown first, and with 2 shown first; None where the vote could not be read."""
    found = [row["judges"][judge][strategy] for row in ROWS[part]]
    return [(one and int(one), two and int(two)) for one, two in found]


def gold(part: str) -> list[int]:
    return [row["gold"] for row in ROWS[part]]


@pytest.mark.parametrize(("part", "name"), [(part, name) for part, each in FIGURES.items() for name in each])
def test_known_figures_of_a_judge(part: str, name: str) -> None:
    known, cast = FIGURES[part][name], votes(part, *name.split("/"))

    found = both_orders(cast, gold(part))

    n = known["n"]
    assert found.pairs == n
    assert f"{found.right[0]}/{n}" == known["acc_order1"]
    assert f"{found.right[1]}/{n}" == known["acc_order2"]
    assert sum(found.right) / (2 * n) == pytest.approx(known["acc_average"], abs=1e-6)
    assert f"{found.both}/{n}" == known["acc_both_orders"]
    assert f"{found.same}/{n}" == known["position_consistent"]
    assert found.first / (2 * n) == pytest.approx(known["picked_first_shown"], abs=1e-6)
    assert kappa([one for one, _ in cast], gold(part)) == pytest.approx(known["kappa_judge_vs_gold_order1"], abs=1e-6)
    between = pairwise_kappa({"first": [one for one, _ in cast], "second": [two for _, two in cast]})
    assert [names for *names, _ in between] == [["first", "second"]]
    assert between[0][2] == pytest.approx(known["kappa_between_orders"], abs=1e-6)


def scores(part: str, judge: str) -> list[float]:
    """Of each pair the share of its two orders that were judged right, a vote that could not be read counting half."""
    cast = zip(votes(part, judge, "Vanilla"), gold(part), strict=True)
    return [sum(0.5 if vote is None else float(vote == best) for vote in pair) / 2 for pair, best in cast]


def accuracy(judged: list[float]) -> float:
    return sum(panel_score([score]) for score in judged) / len(judged)


@pytest.mark.parametrize(
    ("part", "each", "panel"),
    [
        # The method's table says 0.850 for the last of natural: it counts two pairs that judge gave no readable vote
        # on, and that end in favour of 2, as right. Half of them is 0.840.
        ("natural", {"GPT-4": 0.955, "ChatGPT": 0.815, "LLaMA2": 0.805, "PaLM2": 0.840}, 0.885),
        ("neighbor", {"GPT-4": 0.787313, "ChatGPT": 0.194030, "LLaMA2": 0.246269, "PaLM2": 0.626866}, 0.261194),
    ],
)
def test_j3_a_panel_of_weak_judges_is_no_strong_judge(part: str, each: dict[str, float], panel: float) -> None:
    weak = [scores(part, judge) for judge in ("ChatGPT", "LLaMA2", "PaLM2")]

    assert {judge: accuracy(scores(part, judge)) for judge in each} == pytest.approx(each, abs=1e-6)
    assert sum(panel_score(three) for three in zip(*weak, strict=True)) / len(weak[0]) == pytest.approx(panel, abs=1e-6)


# --- what the intervals promise ---------------------------------------------------------------------------------------


@pytest.mark.nightly
@pytest.mark.parametrize(("hits", "rejects"), [(0.92, 0.72), (0.8, 0.8), (0.5, 0.5)])
def test_corrected_rates_cover_the_true_one(hits: float, rejects: float) -> None:
    draw = random.Random(20)
    covered, repetitions, true = [0, 0], 2000, 0.4
    for _ in range(repetitions):
        labels = [float(draw.random() < true) for _ in range(250)]
        grades = [float(draw.random() < (hits if label else 1 - rejects)) for label in labels]
        for way, found in enumerate(
            (
                prediction_powered(grades[50:], labels[:50], grades[:50]),
                power_tuned(grades[50:], labels[:50], grades[:50])[0],
            )
        ):
            covered[way] += abs(found.centre - true) <= 1.959964 * found.error

    # Nominal 0.95; a normal interval of fifty labels is a little short, and 2,000 repetitions are sure to 0.01.
    assert min(covered) / repetitions > 0.925
