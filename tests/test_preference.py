"""Preferences: win rates, gates, the figures beside them. Numbers: section 14 of docs/method.md, hand calculation."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.compare import compare_all
from evalharness.duel import Duel, Vote
from evalharness.findings import Comparison, DuelRow, Duels
from evalharness.measure import Arm
from evalharness.records import Criterion, Tally
from evalharness.standings import family
from evalharness.stats.agreement import kappa
from evalharness.stats.preference import win_rate
from tests import duels
from tests.duels import LOST, TIED, WON, Votes, counts, duel

FLIPPED: Votes = ("base", "tuned")
"""Whoever is shown first wins."""


def compared(base: Arm, tuned: Arm) -> Comparison:
    return compare_all([(base, tuned)]).comparisons[0]


def found(given: list[Duel], *, cases: int = 0, samples: int = 1, **judges: str) -> Duels:
    base, tuned = duels.arms(duels.run(given, judges=judges), cases=cases or len(given), samples=samples)
    figures = compared(base, tuned).duels
    assert figures is not None
    return figures


def test_the_win_rate_is_that_of_the_method() -> None:
    total = found(counts(26, 20, 14)).total

    # method P1
    assert (total.wins, total.ties, total.losses, total.interval) == (26, 20, 14, "T")
    rates = total.rate, total.low, total.high, total.p
    assert list(rates) == pytest.approx([0.60, 0.496651, 0.694221, 0.080690], abs=1e-5)


def test_a_judge_that_sees_only_places_says_nothing() -> None:
    total = found([duel(str(case), FLIPPED) for case in range(8)]).total

    # every verdict is for the reply shown first: 16 of 16, binomial p 2 / 2 ** 16
    assert (total.rate, total.ties, total.inconsistent, total.asked) == (0.5, 8, 8, 8)
    assert (total.first, total.second) == (16, 0)
    assert total.first_p == pytest.approx(2 / 2**16)


def test_a_case_scores_the_mean_of_both_orders_and_a_tie_contradicts_no_winner() -> None:
    total = found([duel("0", ("tuned", "tie")), duel("1", ("tie", "base")), duel("2", ("tuned", "tie"))]).total

    # method section 7: 0.75, 0.25 and 0.75, graded scores and so not interval T
    assert (total.wins, total.ties, total.losses, total.inconsistent) == (2, 0, 1, 0)
    assert total.rate == pytest.approx(1.75 / 3)
    assert total.interval == "G"
    # tuned stood second in the first order, base second in the second one
    assert (total.first, total.second) == (0, 3)


def test_a_verdict_that_is_missing_is_no_tie() -> None:
    mute = Duel("2", 0, "kinder", "judge", cause="tuned gave no answer (timeout)")

    figures = found([duel("0", WON), duel("1", (None, "tuned")), mute])

    assert (figures.total.cases, figures.total.rate) == (1, 1.0)
    assert figures.missing == (("tuned gave no answer (timeout)", 1), ("unreadable", 1))


def test_samples_of_a_case_count_as_their_mean() -> None:
    given = [duel("0", WON), duel("0", LOST, sample=1), duel("1", WON), duel("1", TIED, sample=1)]

    total = found(given, cases=2, samples=2).total

    # (0.5 + 0.75) / 2; the first case is a tie, the second a win
    assert (total.rate, total.wins, total.ties, total.interval) == (0.625, 1, 1, "G")


def test_a_panel_counts_as_the_mean_of_its_judges_and_each_is_told_apart() -> None:
    given = [duel(str(case), votes, judge=judge) for case in range(6) for judge, votes in (("x", WON), ("y", LOST))]

    figures = found(given, cases=6)

    assert (figures.total.rate, figures.total.cases) == (0.5, 6)
    assert [(row.judge, row.rate) for row in figures.rows] == [("x", 1.0), ("y", 0.0)]


def test_a_case_that_one_judge_left_open_is_missing() -> None:
    given = [duel("0", WON, judge="x"), duel("0", (None, None), judge="y"), duel("1", WON, judge="x")]

    figures = found([*given, duel("1", WON, judge="y")], cases=2)

    # a mean over fewer judges is another quantity
    assert (figures.total.cases, figures.rows[0].cases, figures.rows[1].cases) == (1, 2, 1)


def test_each_criterion_is_told_apart() -> None:
    given = [duel("0", WON, criterion="kinder"), duel("0", TIED, criterion="shorter")]

    figures = found(given, cases=1)

    assert figures.total.rate == 0.75
    assert [(row.criterion, row.rate) for row in figures.rows] == [("kinder", 1.0), ("shorter", 0.5)]


def test_judges_agree_by_cohens_kappa() -> None:
    x = ["tuned"] * 25 + ["base"] * 25
    y = ["tuned"] * 20 + ["base"] * 5 + ["tuned"] * 10 + ["base"] * 15

    # by hand: po 0.7, pe 0.5 * 0.6 + 0.5 * 0.4 = 0.5, kappa 0.4
    assert kappa(x, y) == pytest.approx(0.4)
    assert kappa(["tie"], ["tie"]) is None


def test_agreement_is_over_the_duels_that_both_decided() -> None:
    given = [duel(str(n), WON if n < 2 else LOST, judge="x") for n in range(4)]
    given += [duel(str(n), WON if n < 2 else LOST, judge="y") for n in range(3)]
    given.append(duel("3", (None, "base"), judge="y"))

    (agreement,) = found(given, cases=4).agreements

    assert (agreement.one, agreement.other, agreement.duels, agreement.share, agreement.kappa) == (
        "x",
        "y",
        3,
        1.0,
        1.0,
    )


def test_lengths_are_told_and_held_against_the_rate() -> None:
    given = [duel(str(n), WON, chars=30) for n in range(8)] + [duel(str(n), LOST, chars=10) for n in range(8, 12)]

    figures = found(given)

    assert figures.longer == pytest.approx(8 * 20 / 12)
    assert figures.alike is not None
    assert (figures.alike.cases, figures.alike.rate) == (4, 0.0)  # those of ten characters on both sides
    assert figures.controlled is None
    assert figures.refused == "lengths do not overlap: tuned is longer in 67 % and shorter in 0 % of the cases"


def test_equal_replies_are_ties_that_nobody_judged() -> None:
    same = [replace(duel(str(n), TIED), same=True) for n in range(5)]

    figures = found([*same, duel("5", FLIPPED)])

    assert (figures.same, figures.total.ties, figures.total.asked, figures.total.inconsistent) == (5, 6, 1, 1)


def test_probabilities_of_the_judge_are_a_rate_of_their_own() -> None:
    votes = (Vote("tuned", weights=(0.1, 0.8, 0.1)), Vote("tuned", weights=(0.3, 0.7, 0.0)))
    given = [Duel(str(n), 0, "kinder", "judge", votes, (9, 9)) for n in range(6)]

    figures = found(given)

    # (0.8 + 0.05 + 0.7) / 2 in every case
    assert figures.weighted is not None
    assert figures.weighted.rate == pytest.approx(0.775)
    assert figures.weighted.interval == "G"
    assert figures.total.rate == 1.0


@pytest.mark.parametrize(
    ("use", "name"),
    [
        ("openai:gpt-4o-mini", "gpt"),
        ("openai:ft:gpt-4o-mini:acme::abc123", "gpt"),
        ("openai:o3-mini", "gpt"),
        ("openai:meta-llama/Llama-3.1-8B", "llama"),
        ("openai:claude-sonnet-4", "claude"),
        ("tiny:box", "tiny:box"),
        ("replay:said.jsonl", ""),
    ],
)
def test_a_model_is_of_a_family(use: str, name: str) -> None:
    assert family(use) == name


def test_a_judge_of_the_family_it_judges_is_warned_about() -> None:
    (warning,) = found(counts(3, 3, 3), judge="openai:gpt-4o").warnings

    assert warning == (
        "judge 'judge' (openai:gpt-4o) is of the same family as 'base' and 'tuned': "
        "judges favour replies like their own"
    )
    assert found(counts(3, 3, 3), judge="openai:claude-sonnet-4").warnings == ()


# --- the gate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "given", "outcome", "sentence"),
    [
        # method P1: 26, 20, 14 gives 60 %, 49.7 to 69.4
        (0.45, (26, 20, 14), "HELD", "preference reached: tuned wins 60.0 %, between 49.7 and 69.4, 45 % asked for"),
        (0.5, (26, 20, 14), "INCONCLUSIVE", "preference undecided: tuned wins 60.0 %, between 49.7 and 69.4, 50 %"),
        (0.7, (26, 20, 14), "REGRESSED", "preference missed: tuned wins 60.0 %, between 49.7 and 69.4, 70 % asked"),
        (0.5, (40, 0, 0), "IMPROVED", "preference reached: tuned wins 100.0 %"),
        (0.5, (4, 0, 0), "INCONCLUSIVE", "preference undecided: 4 cases say nothing about prompts to come"),
    ],
)
def test_a_win_rate_is_ruled_on(asked: float, given: tuple[int, int, int], outcome: str, sentence: str) -> None:
    made = counts(*given)
    gate = (Criterion("preference", win_at_least=asked),)

    comparison = compared(*duels.arms(duels.run(made), cases=len(made), gate=gate))

    assert comparison.verdict.outcome == outcome
    assert comparison.rulings[0].sentence.startswith(sentence)
    assert bool(comparison.rulings[0].remedy) is (outcome == "INCONCLUSIVE")


def test_an_open_win_rate_says_how_many_cases_would_decide() -> None:
    made = counts(26, 20, 14)

    (ruling,) = compared(*duels.arms(duels.run(made), cases=60)).rulings

    # the least n at which G leaves 0 out, with mean 0.2 and variance 0.637288 of d (numpy, by counting up)
    assert ruling.remedy == "about 67 cases would show it if the win rate stays as seen (there are 60)"


def test_without_duels_a_win_rate_is_undecided() -> None:
    (ruling,) = compared(*duels.arms(None, cases=60)).rulings

    assert (ruling.outcome, ruling.sentence) == ("INCONCLUSIVE", "preference undecided: no duel was judged")
    assert "--base NAME --tuned NAME" in ruling.remedy


def test_many_missing_verdicts_keep_a_win_rate_from_holding() -> None:
    made = counts(40, 0, 0) + [duel(str(n), (None, None)) for n in range(40, 45)]

    (ruling,) = compared(*duels.arms(duels.run(made), cases=45)).rulings

    assert ruling.outcome == "INCONCLUSIVE"
    assert ruling.sentence.startswith("preference undecided: 5 of 45 cases could not be compared (5 x unreadable)")


def test_the_row_of_a_preference_is_a_win_rate_beside_an_even_match() -> None:
    comparison = compared(*duels.arms(duels.run(counts(26, 20, 14)), cases=60))
    (row,) = [row for row in comparison.deltas if row.slice == "preference"]

    assert row.low is not None
    assert row.high is not None
    assert [row.base, row.tuned, row.change] == pytest.approx([0.5, 0.6, 0.1])
    assert (0.5 + row.low, 0.5 + row.high) == pytest.approx((0.496651, 0.694221), abs=1e-5)
    assert (row.gates, row.ups, row.unchanged, row.downs) == (True, 26, 20, 14)


def test_a_preference_that_nobody_gates_is_looked_at_and_decides_nothing() -> None:
    gate = (Criterion("facts", drop_at_most=0.1),)

    comparison = compared(*duels.arms(duels.run(counts(0, 0, 60)), cases=60, gate=gate))

    assert comparison.verdict.outcome == "HELD"
    (row,) = [row for row in comparison.deltas if row.slice == "preference"]
    assert (row.gates, row.tuned, row.outcome) == (False, 0.0, "REGRESSED")


def test_the_preference_is_one_test_among_those_of_the_command() -> None:
    gate = (Criterion("facts", drop_at_most=0.1), *duels.AT_LEAST_HALF)

    comparison = compared(*duels.arms(duels.run(counts(26, 20, 14)), cases=60, gate=gate))

    # Holm over two tests: p 0.080690 (method P1) beside p 1, so the smaller one is doubled
    adjusted = {row.slice: row.p_adjusted for row in comparison.deltas if row.gates}
    assert adjusted["preference"] == pytest.approx(0.161380, abs=1e-5)


def test_a_preference_needs_no_further_samples_under_suite_scope() -> None:
    base, tuned = duels.arms(duels.run(counts(40, 0, 0)), cases=40)
    only = replace(tuned.run, suite=replace(tuned.run.suite, scope="suite"))

    (ruling,) = compared(base, replace(tuned, run=only)).rulings

    assert ruling.outcome == "IMPROVED"


def test_seen_and_unseen_cases_are_preferred_apart() -> None:
    base, tuned = duels.arms(duels.run(counts(20, 0, 20)), cases=40)
    near = [replace(case, near="seen" if place < 20 else "unseen") for place, case in enumerate(tuned.run.cases)]
    marked = Arm.of(replace(tuned.run, cases=tuple(near)))

    found = compared(base, replace(marked, duels=tuned.duels))

    rows = {row.slice: row for row in found.deltas}
    assert (rows["preference · seen + near"].tuned, rows["preference · unseen"].tuned) == (1.0, 0.0)
    assert found.trained is not None
    # from 50 points above even to 50 below
    assert [gap.gap for gap in found.trained.gaps] == [1.0]


def test_a_suite_that_refuses_unmeasured_judges_lets_no_duel_gate() -> None:
    base, tuned = duels.arms(duels.run(counts(40, 0, 0)), cases=40, known=None)
    refusing = replace(tuned.run, suite=replace(tuned.run.suite, uncalibrated="refuse"))

    (ruling,) = compared(base, replace(tuned, run=refusing)).rulings

    assert ruling.outcome == "INCONCLUSIVE"
    assert ruling.sentence == "preference undecided: judge not calibrated; seen: tuned wins 100.0 %"


def test_a_question_that_failed_for_good_leaves_the_comparison_incomplete() -> None:
    base, tuned = duels.arms(duels.run(counts(26, 20, 14)), cases=60)
    assert tuned.duels is not None

    failed = replace(tuned, duels=replace(tuned.duels, tally=(("judge", Tally(failed=1)),)))

    assert not compared(base, tuned).verdict.incomplete
    assert compared(base, failed).verdict.incomplete


winners = st.sampled_from(["base", "tuned", "tie"])
votes = st.lists(st.tuples(winners, winners, st.integers(1, 40)), min_size=1, max_size=12)
OTHER = {"base": "tuned", "tuned": "base", "tie": "tie"}


@settings(max_examples=40)
@given(votes)
def test_swapping_the_arms_mirrors_everything(given: list[tuple[str, str, int]]) -> None:
    one = [made(n, first, second, (10, chars)) for n, (first, second, chars) in enumerate(given)]
    # The arms swap their roles, and with them the orders: what was shown with base first has tuned first.
    two = [made(n, OTHER[second], OTHER[first], (chars, 10)) for n, (first, second, chars) in enumerate(given)]

    a, b = found(one), found(two)

    assert a.total.rate is not None
    assert b.total.rate == pytest.approx(1 - a.total.rate)
    assert (b.total.low, b.total.high) == mirrored(a.total)
    assert (b.total.wins, b.total.ties, b.total.losses) == (a.total.losses, a.total.ties, a.total.wins)
    assert b.total.p == pytest.approx(a.total.p)
    assert (b.total.first, b.total.second) == (a.total.first, a.total.second)
    assert b.total.inconsistent == a.total.inconsistent
    assert b.longer == pytest.approx(-(a.longer or 0))


def mirrored(row: DuelRow) -> object:
    assert row.low is not None
    assert row.high is not None
    return pytest.approx((1 - row.high, 1 - row.low))


def made(case: int, first: str, second: str, chars: tuple[int, int]) -> Duel:
    said = tuple(Vote("base" if w == "base" else "tuned" if w == "tuned" else "tie") for w in (first, second))
    return Duel(str(case), 0, "kinder", "judge", said, chars)


def test_groups_of_cases_get_the_grouped_interval() -> None:
    groups = {str(case): f"g{case // 2}" for case in range(12)}
    base, tuned = duels.arms(duels.run(counts(6, 3, 3)), cases=12, groups=groups)

    figures = compared(base, tuned).duels

    oracle = win_rate([[1.0]] * 6 + [[0.5]] * 3 + [[0.0]] * 3, groups=list(groups.values()))
    assert figures is not None
    assert (figures.total.low, figures.total.high, figures.total.interval) == (oracle.low, oracle.high, "GG")
