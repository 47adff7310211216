"""The words of a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.compare import compare_all
from evalharness.findings import Comparison
from evalharness.layout import cells
from evalharness.measure import Arm
from evalharness.pytest_plugin import telling
from evalharness.pytest_plugin.results import Result
from evalharness.records import Criterion, Failure, FailureKind, Grade, ModelRef, Score, Tally
from tests.pytest_plugin.results import result
from tests.runs import failed, of, trial


def compared(found: Result) -> Comparison:
    assert found.base is not None
    (comparison,) = compare_all([(found.base, found.model)], version="0").comparisons
    return comparison


def test_a_reason_that_the_heading_gives_is_not_given_again(tmp_path: Path) -> None:
    found = result(tmp_path, {"c0": 0.0})

    head, body = telling.missed(found, found.suite.cases[0], 80)

    assert head == "facts: number: why"
    assert body.splitlines() == [
        "  asked   n0: say it",
        "  said    c0 0 {'facts': 0.0}",
        f"  closer  evalharness run {tmp_path}/made.yaml --model tuned --case c0",
    ]


def test_further_reasons_stand_below(tmp_path: Path) -> None:
    found = result(tmp_path, {"c0": 0.0})
    both = trial("c0", 0, {"facts": 0.0}, text="no")
    other = replace(both, scores=(*both.scores, Score("mentions", "style", 1, Grade(0.0, "no irony"))))
    found = replace(found, model=Arm.of(of([other], name="tuned")))

    head, body = telling.missed(found, found.suite.cases[0], 80)

    assert head == "facts: number: why"
    assert "  also    style: mentions: no irony" in body.splitlines()


@pytest.mark.parametrize("columns", [40, 60, 200])
def test_all_but_what_is_to_be_copied_fits(tmp_path: Path, columns: int) -> None:
    wide = {"c0": trial("c0", 0, {"facts": 0.0}, text="一二三四 " * 90)}
    found = replace(result(tmp_path, {"c0": 0.0}), model=Arm.of(of(list(wide.values()), name="tuned")))

    _, body = telling.missed(found, found.suite.cases[0], columns)

    lines = body.splitlines()
    assert max(cells(line) for line in lines if "closer" not in line) <= columns
    assert max(cells(line) for line in lines if "closer" not in line) > columns - 12


def test_a_name_that_the_shell_would_read_is_quoted(tmp_path: Path) -> None:
    found = result(tmp_path, {"c0": 0.0})
    run = replace(found.model.run, model=ModelRef("my $(tune)", "replay:x"))

    _, body = telling.missed(replace(found, model=Arm.of(run)), found.suite.cases[0], 80)

    assert "--model 'my $(tune)' --case c0" in body


def test_a_gate_names_the_first_few_that_broke_and_counts_the_others(tmp_path: Path) -> None:
    right = {f"c{number}": 1.0 for number in range(40)}
    found = result(tmp_path, {**right, **{f"c{n}": 0.0 for n in range(20)}}, right, gate="facts: {drop_at_most: 0.05}")
    comparison = compared(found)

    head, body = telling.unmet(found, comparison, "facts", comparison.rulings, 80)

    lines = body.splitlines()
    assert head == comparison.rulings[0].sentence
    assert lines[0] == "  gate    facts: drop_at_most: 0.05"
    assert "  broke   20 cases passed with base, not with the model tested" in lines
    assert sum(line.startswith("  ✗") for line in lines) == telling.FEW
    assert "          … and 15 more" in lines


@pytest.mark.parametrize(
    ("tally", "samples", "line"),
    [
        (Tally(cached=3), 1, "  2 cases, 1 missed; nothing sent, 3 known before"),
        (Tally(sent=1, usd=0.5), 1, "  2 cases, 1 missed; 1 request sent, 0 known before, 0.5000 USD"),
        (Tally(sent=1200, cached=3), 1, "  2 cases, 1 missed; 1,200 requests sent, 3 known before"),
        (Tally(), 2, "  2 cases x 2, 1 missed; nothing sent, 0 known before"),
    ],
    ids=["known", "priced", "no-price", "samples"],
)
def test_the_end_says_what_it_took(tmp_path: Path, tally: Tally, samples: int, line: str) -> None:
    found = result(tmp_path, {"c0": [1.0] * samples, "c1": [0.0] * samples}, tally=tally)

    assert telling.detail(found, None, 1) == [line]


def test_the_end_warns_of_what_the_comparison_warns_of(tmp_path: Path) -> None:
    found = result(tmp_path, {"c0": 1.0, "c1": 1.0}, {"c0": 1.0, "c1": 1.0})
    comparison = replace(compared(found), warnings=("other \x1b[2J model served",))

    assert telling.detail(found, comparison, 0)[1:] == ["  warning: other \\x1b[2J model served"]


def test_only_a_gate_of_the_suite_gives_a_verdict(tmp_path: Path) -> None:
    right = {f"c{number}": 1.0 for number in range(80)}
    gated, plain = (result(tmp_path, right, right, gate=gate) for gate in ("facts: {drop_at_most: 0.05}", ""))

    assert telling.verdict("a.yaml", gated, compared(gated)) == [
        "a.yaml  base → tuned: = HELD",
        "  = facts held: no change seen, at most 4.6 lower, margin 5",  # z^2 / (80 + z^2), method.md, section 2
    ]
    assert telling.verdict("a.yaml", plain, compared(plain)) == ["a.yaml  base → tuned"]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("timeout", "run again: it asks only what is missing"),
        ("rejected", "mend this first: asking again gives the same"),
        ("missing", "leave --eval-cache only away to ask for it"),
    ],
)
def test_a_gap_says_whether_asking_again_helps(tmp_path: Path, kind: FailureKind, remedy: str) -> None:
    found = result(tmp_path, {"c0": 1.0})
    gone = failed("c0", 0, ["facts"], Failure(kind, "status \x1b 400"))
    found = replace(found, model=Arm.of(of([gone], name="tuned")))

    head, body = telling.gap(found, found.suite.cases[0], 80)

    assert head == f"{kind}: status \\x1b 400"
    assert body.splitlines() == ["  asked   n0: say it", f"  remedy  {remedy}"]


def test_a_reply_that_could_not_be_graded_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    found = result(tmp_path, {"c0": None})

    head, body = telling.gap(found, found.suite.cases[0], 80)

    assert head == "facts: number: why"
    assert body.splitlines()[1] == "  remedy  a check that could not grade is neither right nor wrong"


def test_a_level_is_judged_without_a_base_and_names_none(tmp_path: Path) -> None:
    found = result(tmp_path, {f"c{number}": 1.0 for number in range(3)}, gate="facts: {at_least: 0.5}")
    run = replace(found.model.run, gate=(Criterion("facts", at_least=0.5),))

    head, *reasons = telling.verdict("a.yaml", replace(found, model=Arm.of(run)), None)

    assert head == "a.yaml  tuned: ? INCONCLUSIVE"
    assert reasons == ["  ? facts undecided: 3 cases say nothing about prompts to come (100.0 %)"]
