"""The verdict on a pair of runs. Expected values: the worked examples of docs/method.md, by their ids there."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.compare import alone, compare, compare_all
from evalharness.errors import MixedSuites
from evalharness.findings import Comparison, Delta
from evalharness.measure import Arm
from evalharness.records import Criterion, Failure, SuiteRef
from tests import runs


def near(value: float) -> object:
    return pytest.approx(value, abs=1e-5)


def facts(comparison: Comparison) -> Delta:
    return next(delta for delta in comparison.deltas if delta.slice == "facts")


def compared(both: int, ups: int, downs: int, neither: int, **options: object) -> Comparison:
    base, tuned = runs.table(both, ups, downs, neither)
    gate = options.get("gate", runs.FACTS)
    assert isinstance(gate, tuple)
    suite = options.get("suite")
    assert suite is None or isinstance(suite, SuiteRef)
    return compare(runs.run(base, gate=gate, suite=suite), runs.run(tuned, name="tuned", gate=gate, suite=suite))


@pytest.mark.parametrize(
    ("counts", "change", "low", "high", "p", "outcome"),
    [
        pytest.param((30, 2, 6, 2), -0.10, -0.253475, 0.045793, 0.289063, "INCONCLUSIVE", id="B1"),
        pytest.param((14, 0, 6, 0), -0.30, -0.518973, -0.090537, 0.03125, "REGRESSED", id="B2"),
        pytest.param((60, 0, 0, 0), 0.0, -0.060172, 0.060172, 1.0, "INCONCLUSIVE", id="B3"),
        pytest.param((73, 0, 0, 0), 0.0, -0.049992, 0.049992, 1.0, "HELD", id="B4"),
        pytest.param((452, 31, 17, 100), 0.023333, 0.000729, 0.047239, 0.059463, "HELD", id="B5"),
        pytest.param((9, 1, 0, 0), 0.1, -0.205286, 0.404150, 1.0, "INCONCLUSIVE", id="B6"),
        pytest.param((1, 1, 7, 12), -0.285714, -0.517232, -0.026003, 0.070313, "INCONCLUSIVE", id="B7"),
    ],
)
def test_worked_tables(
    counts: tuple[int, int, int, int], change: float, low: float, high: float, p: float, outcome: str
) -> None:
    delta = facts(compared(*counts))

    assert (delta.change, delta.low, delta.high, delta.p) == (near(change), near(low), near(high), near(p))
    assert (delta.interval, delta.outcome, delta.ups, delta.downs) == ("T", outcome, counts[1], counts[2])


def test_b3_holds_at_a_margin_of_ten_points() -> None:
    comparison = compared(60, 0, 0, 0, gate=(Criterion("facts", drop_at_most=0.10),))

    assert comparison.verdict.outcome == "HELD"
    assert comparison.verdict.reasons == ("facts held: no change seen, at most 6 lower, margin 10",)


def test_b7_regresses_under_the_mid_p_test() -> None:
    suite = SuiteRef("made", "suites/made.yaml", "0" * 64, test="midp")

    delta = facts(compared(1, 1, 7, 12, suite=suite))

    assert (delta.p, delta.outcome) == (near(0.039063), "REGRESSED")


K1_BASE = "111 110 111 001 111 101 111 000 111 111"
K1_TUNED = "111 100 111 000 111 111 011 000 111 110"


def marks(text: str) -> list[list[float]]:
    return [[float(mark) for mark in word] for word in text.split()]


def test_k1_counts_a_case_once_however_often_it_was_asked() -> None:
    comparison = compare(runs.run(marks(K1_BASE)), runs.run(marks(K1_TUNED), name="tuned"))

    delta = facts(comparison)
    assert (delta.cases, delta.samples, delta.interval) == (10, (3, 3), "G")
    assert (delta.change, delta.low, delta.high, delta.p) == (near(-0.1), near(-0.366721), near(0.222228), near(0.375))
    assert (delta.suite_low, delta.suite_high, delta.error) == (near(-0.305220), near(0.105220), near(0.071146))


def test_suite_scope_decides_by_generation_noise_only() -> None:
    suite = SuiteRef("made", "suites/made.yaml", "0" * 64, scope="suite")
    gate = (Criterion("facts", drop_at_most=0.31),)

    comparison = compare(
        runs.run(marks(K1_BASE), suite=suite, gate=gate),
        runs.run(marks(K1_TUNED), name="tuned", suite=suite, gate=gate),
    )

    assert (facts(comparison).interval, comparison.verdict.outcome) == ("S", "HELD")


def test_suite_scope_needs_two_samples_and_says_so() -> None:
    suite = SuiteRef("made", "suites/made.yaml", "0" * 64, scope="suite")

    comparison = compared(80, 0, 0, 0, suite=suite)

    assert comparison.verdict.outcome == "INCONCLUSIVE"
    assert "suite scope needs two samples" in comparison.verdict.reasons[0]


def test_samples_of_one_text_count_as_one() -> None:
    base = runs.of([runs.trial(str(case), k, {"facts": 1.0}, text="same") for case in range(80) for k in range(3)])

    delta = facts(compare(base, replace(base, model=replace(base.model, name="tuned"))))

    assert (delta.interval, delta.low) == ("T", near(-0.045821))


def test_c1_groups_widen_the_interval() -> None:
    d = [-1, 0, 0, 0, -1, -1, 0, 0, 0, 0, 0, 1]
    groups = dict(zip(map(str, range(12)), "001122233455", strict=True))
    base = [1.0 if x < 0 else 0.0 for x in d]
    tuned = [b + x for b, x in zip(base, d, strict=True)]

    delta = facts(compare(runs.run(base, groups=groups), runs.run(tuned, name="tuned", groups=groups)))

    assert (delta.interval, delta.groups) == ("GG", 6)
    assert (delta.low, delta.high, delta.error) == (near(-0.553273), near(0.350051), near(0.198373))
    assert delta.p == near(0.75)


def test_fewer_than_five_cases_are_inconclusive_and_say_what_would_decide() -> None:
    comparison = compared(4, 0, 0, 0)

    assert comparison.verdict.outcome == "INCONCLUSIVE"
    assert comparison.verdict.reasons == (
        "facts undecided: 4 cases say nothing about prompts to come (base 100.0 %, tuned 100.0 %)",
    )
    assert comparison.verdict.remedy == (
        "73 cases can decide at the least; with `scope: suite`, `samples: 20` could decide for these very cases"
    )


def test_an_inconclusive_verdict_names_cases_margin_and_scope() -> None:
    remedy = compared(30, 2, 6, 2).verdict.remedy

    assert "cases would decide (there are 40)" in remedy
    assert "these already show a margin of 25.4" in remedy
    assert "`scope: suite`" in remedy


def test_many_missing_cases_keep_held_from_being_said() -> None:
    base = runs.run([1.0] * 200)
    broken = [runs.failed(str(n), 0, ["facts"], Failure("timeout", "no answer")) for n in range(11)]
    tuned = runs.of([*broken, *(runs.trial(str(n), 0, {"facts": 1.0}) for n in range(11, 200))], name="tuned")

    comparison = compare(base, tuned)

    assert comparison.verdict.outcome == "INCONCLUSIVE"
    assert comparison.verdict.incomplete
    assert "11 of 200 cases could not be compared (11 x no answer (timeout))" in comparison.verdict.reasons[0]
    assert facts(comparison).left_out == 11
    assert comparison.left_out[0].cause == "no answer (timeout)"


def test_a_missing_answer_never_counts_as_a_wrong_one() -> None:
    base = runs.run([1.0] * 100)
    one = runs.failed("0", 0, ["facts"], Failure("server", "status 500"))
    tuned = runs.of([one, *(runs.trial(str(n), 0, {"facts": 1.0}) for n in range(1, 100))], name="tuned")

    delta = facts(compare(base, tuned))

    assert (delta.cases, delta.tuned, delta.change, delta.outcome) == (99, 1.0, 0.0, "HELD")


def test_a_sample_with_an_unscored_check_is_missing_and_not_averaged_over_the_rest() -> None:
    trials = [runs.trial("a", 0, {"facts": 1.0, "style": None})]

    comparison = compare(runs.of(trials), runs.of(trials, name="tuned"))

    overall = next(delta for delta in comparison.deltas if delta.slice == "overall")
    assert (facts(comparison).cases, overall.cases, overall.left_out) == (1, 0, 1)


def test_a_selection_is_never_a_verdict() -> None:
    suite = SuiteRef("made", "suites/made.yaml", "0" * 64, selected=("--tag math",))

    verdict = compared(14, 0, 6, 0, suite=suite).verdict

    assert verdict.outcome == "INCONCLUSIVE"
    assert verdict.reasons == ("facts undecided: a selection of the cases (--tag math); seen: 30 points lower",)


def test_runs_of_different_suites_are_refused() -> None:
    other = SuiteRef("other", "suites/other.yaml", "1" * 64)

    with pytest.raises(MixedSuites, match=r"'made' \(base.jsonl\) and 'other' \(base.jsonl\)"):
        compare(runs.run([1.0]), runs.run([1.0], suite=other))


def test_changed_suites_are_matched_by_case_and_orphans_listed() -> None:
    base = runs.run({"a": 1.0, "b": 1.0})
    tuned = runs.run({"b": 1.0, "c": 1.0}, name="tuned", suite=SuiteRef("made", "suites/made.yaml", "1" * 64))

    comparison = compare(base, tuned)

    assert facts(comparison).cases == 1
    assert [(row.case, row.cause) for row in comparison.left_out] == [
        ("a", "only base's run has this case"),
        ("c", "only tuned's run has this case"),
    ]
    assert any("the suite changed between the runs" in warning for warning in comparison.warnings)


def test_what_broke_comes_first_with_the_reason_of_the_failed_check() -> None:
    comparison = compare(
        runs.run({"a": 0.0, "b": 1.0, "c": 1.0}), runs.run({"a": 1.0, "b": 0.0, "c": 1.0}, name="tuned")
    )

    assert [(flip.case, flip.side, flip.why) for flip in comparison.flips] == [
        ("b", "broke", "number: why"),
        ("a", "fixed", "number: why"),
    ]
    assert [pair.asked.case for pair in comparison.pairs] == ["b", "a", "c"]


def test_a_case_passes_when_more_than_half_of_its_samples_do() -> None:
    comparison = compare(runs.run({"a": [1.0, 1.0, 0.0]}), runs.run({"a": [1.0, 0.0, 0.0]}, name="tuned"))

    assert [flip.side for flip in comparison.flips] == ["broke"]


def test_a_must_pass_case_fails_on_any_sample_whatever_the_verdict() -> None:
    base, tuned = {str(n): [1.0, 1.0] for n in range(200)}, {str(n): [1.0, 1.0] for n in range(200)}
    tuned["7"] = [1.0, 0.0]

    comparison = compare(runs.run(base), runs.run(tuned, name="tuned", must_pass=["7", "8"]))

    assert comparison.verdict.must_pass == ("7",)
    assert comparison.verdict.outcome == "HELD"


def test_byte_equal_replies_raise_the_question_whether_the_adapter_is_loaded() -> None:
    same = [runs.trial(str(n), 0, {"facts": 1.0}, text=f"answer {n}") for n in range(100)]

    comparison = compare(runs.of(same), runs.of(same, name="tuned"))

    assert comparison.warnings == (
        "both gave byte-equal replies to 100 of 100 cases: is the tuned model (adapter) loaded?",
    )


def test_gates_of_one_command_share_one_holm_adjustment() -> None:
    base, tuned = runs.table(14, 0, 6, 0)
    pair = Arm.of(runs.run(base)), Arm.of(runs.run(tuned, name="tuned"))

    panel = compare_all([pair, pair])

    assert [facts(comparison).p_adjusted for comparison in panel.comparisons] == [near(0.0625), near(0.0625)]
    assert panel.verdict.outcome == "INCONCLUSIVE"


def test_tags_are_looked_at_and_never_decide() -> None:
    base, tuned = runs.table(90, 0, 6, 4)
    tags = {str(n): ["hard"] for n in range(90, 96)}

    comparison = compare(runs.run(base, tags=tags), runs.run(tuned, name="tuned", tags=tags))

    (tag,) = [delta for delta in comparison.deltas if delta.part == "tag"]
    assert (tag.slice, tag.cases, tag.change, tag.gates) == ("facts · tag hard", 6, -1.0, False)


@pytest.mark.parametrize(
    ("criterion", "counts", "outcome", "sentence"),
    [
        (Criterion("facts", gain_at_least=0.2), (10, 80, 0, 10), "IMPROVED", "facts gained enough: 80 points higher"),
        (
            Criterion("facts", gain_at_least=0.2),
            (50, 11, 0, 39),
            "REGRESSED",
            "facts gained too little: 11 points higher",
        ),
        (Criterion("facts", gain_at_least=0.2), (10, 5, 0, 10), "INCONCLUSIVE", "facts undecided: 20 points higher"),
        (
            Criterion("facts", at_least=0.8),
            (47, 0, 0, 3),
            "HELD",
            "facts reached the level: 94.0 %, between 83.8 and 97.9",
        ),
        (Criterion("facts", at_least=0.99), (47, 0, 0, 3), "REGRESSED", "facts below the level: 94.0 %"),
        (Criterion("facts", at_least=0.9), (47, 0, 0, 3), "INCONCLUSIVE", "facts undecided: 94.0 %"),
        (Criterion("facts", both_within=0.1), (60, 0, 0, 0), "HELD", "facts held: no change seen"),
        (Criterion("facts", both_within=0.1), (14, 80, 0, 0), "REGRESSED", "facts moved: 85.1 points higher"),
        (Criterion("facts", both_within=0.05), (60, 0, 0, 0), "INCONCLUSIVE", "facts undecided: no change seen"),
        (Criterion("facts", win_at_least=0.5), (60, 0, 0, 0), "INCONCLUSIVE", "facts undecided: no duel was judged"),
    ],
)
def test_each_criterion(criterion: Criterion, counts: tuple[int, int, int, int], outcome: str, sentence: str) -> None:
    comparison = compared(*counts, gate=(criterion,))

    assert comparison.verdict.outcome == outcome
    assert comparison.verdict.reasons[0].startswith(sentence)


def test_every_inconclusive_ruling_has_a_remedy() -> None:
    for criterion in (
        Criterion("facts", drop_at_most=0.05),
        Criterion("facts", gain_at_least=0.2),
        Criterion("facts", at_least=0.9),
        Criterion("facts", at_least=1.0),
        Criterion("facts", both_within=0.01),
        Criterion("facts", win_at_least=0.5),
    ):
        for counts in ((3, 0, 0, 0), (28, 6, 2, 2)):
            (ruling,) = compared(*counts, gate=(criterion,)).rulings
            assert (ruling.outcome != "INCONCLUSIVE") or ruling.remedy, criterion


def test_without_a_base_only_a_level_can_be_ruled_on() -> None:
    gate = (Criterion("facts", at_least=0.8, drop_at_most=0.05),)

    open_, met = alone(Arm.of(runs.run([1.0] * 50, gate=gate)))
    _, failed = alone(Arm.of(runs.run([1.0] * 20 + [0.0] * 30, gate=gate)))

    # Wilson of 50/50 begins at 0.928652 and that of 20/50 ends at 0.541 (method W1; statsmodels proportion_confint)
    assert (met.asked, met.outcome, failed.outcome) == ("at_least: 0.8", "HELD", "REGRESSED")
    assert (open_.asked, open_.outcome) == ("drop_at_most: 0.05", "INCONCLUSIVE")
    assert "no base to compare with" in open_.sentence
    assert "--base NAME" in open_.remedy


def test_a_level_over_a_selection_is_not_ruled_on() -> None:
    suite = SuiteRef("made", "made.yaml", "0" * 64, selected=("--tag geo",))

    (ruling,) = alone(Arm.of(runs.run([1.0] * 50, gate=(Criterion("facts", at_least=0.8),), suite=suite)))

    assert ruling.outcome == "INCONCLUSIVE"
    assert "a selection of the cases (--tag geo)" in ruling.sentence


SCORES = st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=25)


@settings(max_examples=50, deadline=None)
@given(SCORES)
def test_law_a_run_compared_with_itself_has_no_change(scores: list[float]) -> None:
    comparison = compare(runs.run(scores), runs.run(scores, name="tuned"))

    assert all(delta.change == 0 and delta.ups == delta.downs == 0 for delta in comparison.deltas)
    assert comparison.flips == ()
    assert comparison.verdict.outcome in ("HELD", "INCONCLUSIVE")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=25))
def test_law_swapping_the_arms_flips_every_sign(scores: list[tuple[float, float]]) -> None:
    base, tuned = runs.run([a for a, _ in scores]), runs.run([b for _, b in scores], name="tuned")

    there, back = facts(compare(base, tuned)), facts(compare(tuned, base))

    assert there.change is not None
    assert there.low is not None
    assert back.change == pytest.approx(-there.change)
    assert back.high == pytest.approx(-there.low, abs=1e-8)
    assert back.p == pytest.approx(there.p)
    assert (back.ups, back.downs) == (there.downs, there.ups)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 1.0])), min_size=2, max_size=25), st.randoms()
)
def test_law_shuffling_the_trials_changes_nothing(scores: list[tuple[float, float]], chance: random.Random) -> None:
    base, tuned = runs.run([a for a, _ in scores]), runs.run([b for _, b in scores], name="tuned")
    trials = list(tuned.trials)
    chance.shuffle(trials)

    assert compare(base, replace(tuned, trials=trials)).deltas == compare(base, tuned).deltas
