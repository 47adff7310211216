"""A persona beside the verdict: personas that are asked the same items, leaks, and how a report tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.compare import compare
from evalharness.findings import Comparison, Leaks, Panel
from evalharness.plan import Plan
from evalharness.records import Asked, Grade, ModelRef, Run, Score
from evalharness.reports import json as as_json
from evalharness.reports.asides import persona as section
from evalharness.reports.base import REPORTS, changes
from evalharness.reports.character import bars
from evalharness.reports.release_notes import render as release_notes
from evalharness.reports.terminal import render as terminal
from evalharness.store import read, write
from evalharness.suite import load
from tests import runs
from tests.test_drift import LASTS, talk
from tests.written import faults, suite

R1 = [["445", "222"], ["444", "312"], ["555", "444"]]
"""Method, section 14: a list a persona, a text an item, a digit a run; in fifths it lies in [0, 1]."""


def crossed(table: Sequence[Sequence[str]], *, name: str = "base", scale: float = 5.0) -> Run:
    marks = {
        f"p{p}-q{q}": [int(digit) / scale for digit in runs_of]
        for p, row in enumerate(table)
        for q, runs_of in enumerate(row)
    }
    found = runs.run(marks, name=name)
    return replace(found, cases=tuple(_placed(asked) for asked in found.cases))


def _placed(asked: Asked) -> Asked:
    persona, _, item = asked.case.partition("-")
    return replace(asked, persona=persona, item=item)


def test_robustness_and_susceptibility_of_each_arm() -> None:
    found = compare(crossed(R1), crossed(R1, name="tuned", scale=10.0)).persona
    assert found is not None
    (crossing,) = found.crossings

    # R1 in fifths: spreads are a fifth, so R is five times 3.803848 and S a fifth of 0.831938; then in tenths.
    assert (crossing.personas, crossing.items, crossing.left_out) == (3, 2, 0)
    assert (crossing.base.robustness, crossing.base.susceptibility) == pytest.approx((19.01924, 0.1663876))
    assert (crossing.tuned.robustness, crossing.tuned.susceptibility) == pytest.approx((38.03848, 0.0831938))
    assert crossing.change.susceptibility == pytest.approx(-0.0831938)
    assert crossing.why == "no intervals: 3 personas, and fewer than 20 show too little"
    assert crossing.base.robust_low is None


def test_twenty_personas_get_intervals_and_the_same_ones_again() -> None:
    table = [[f"{n % 4}{n % 3}5", f"{n % 5}{n % 2}1"] for n in range(20)]
    found, again = (compare(crossed(table), crossed(table[::-1], name="tuned")).persona for _ in range(2))
    assert found is not None
    (crossing,) = found.crossings

    assert found == again
    assert crossing.why == ""
    assert crossing.base.robust_low is not None
    assert crossing.base.robustness is not None
    assert crossing.base.robust_low < crossing.base.robustness
    assert crossing.change.susceptible_low is not None


def test_items_that_a_persona_lacks_are_left_out() -> None:
    lacking = crossed([*R1[:2], [R1[2][0]]])

    found = compare(lacking, replace(lacking, model=ModelRef("tuned", "replay:t.jsonl"))).persona
    assert found is not None

    assert [(one.personas, one.items, one.left_out) for one in found.crossings] == [(3, 1, 2)]


def test_one_run_of_each_says_why_there_is_nothing() -> None:
    found = compare(crossed([["4"], ["2"]]), crossed([["3"], ["2"]], name="tuned")).persona
    assert found is not None

    assert found.crossings == ()
    assert found.unmeasured == "robustness and susceptibility need `samples: 2` or more, and a temperature above 0"


def test_runs_that_never_differ_are_told_in_words() -> None:
    same = crossed([["44", "22"], ["33", "11"]])
    comparison = compare(same, replace(same, model=ModelRef("tuned", "replay:t.jsonl")))
    aside = section(comparison)
    assert aside is not None

    assert aside.tables[0].rows[0] == ("facts", "base", "no run differs", "0.141")
    assert aside.tables[0].rows[2] == ("facts", "change", "–", "+0.000")


# --- in a suite -------------------------------------------------------------------------------------------------------

PERSONAS = """suite: a
samples: 2
each: rows.jsonl
cases:
  - ask: "{{ ask }}"
    id: "{{ who }} {{ ask }}"
    persona: "{{ who }}"
    item: "{{ ask }}"
    system: "You are {{ who }}."
    expect: {facts: x}
"""
ROWS = '{"who": "Marv", "ask": "Tea?"}\n{"who": "Ada", "ask": "Tea?"}\n'


def test_persona_and_item_go_from_the_suite_into_the_run_file(tmp_path: Path) -> None:
    found = suite(tmp_path, PERSONAS, {"rows.jsonl": ROWS})

    asked = Plan(found, ModelRef("m", "replay:x"), 2).cases()
    path = tmp_path / "run.jsonl"
    run = replace(runs.run({each.case: 1.0 for each in asked}), cases=asked)
    write(path, run)

    assert [(each.persona, each.item) for each in read(path).cases] == [("Marv", "Tea?"), ("Ada", "Tea?")]


def test_without_them_a_suite_keeps_its_hash(tmp_path: Path) -> None:
    plain = PERSONAS.replace('    persona: "{{ who }}"\n    item: "{{ ask }}"\n', "")

    named, unnamed = (suite(tmp_path, text, {"rows.jsonl": ROWS}) for text in (PERSONAS, plain))

    assert named.hash != unnamed.hash


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("    persona: Marv\n", "suite.yaml:5:14: 'persona' stands without 'item'"),
        ("    item: tea\n", "suite.yaml:5:11: 'item' stands without 'persona'"),
    ],
)
def test_one_without_the_other_is_a_fault(tmp_path: Path, lines: str, told: str) -> None:
    text = f"suite: a\ncases:\n  - ask: Tea?\n    expect: {{facts: x}}\n{lines}"

    assert faults(tmp_path, text) == [told]


def test_the_same_pair_twice_is_a_fault(tmp_path: Path) -> None:
    case = "  - {ask: Tea%s?, expect: x, persona: Marv, item: tea}\n"
    text = f"suite: a\ncases:\n{case % 1}{case % 2}"

    assert faults(tmp_path, text) == ["suite.yaml:4:50: the persona 'Marv' is asked the item 'tea' twice"]


# --- leaks ------------------------------------------------------------------------------------------------------------


def leaking(marks: Mapping[str, Sequence[float]], *, name: str = "base") -> Run:
    trials = [talk(case, row, aspect="no_leak") for case, row in marks.items()]
    return runs.of(trials, name=name, gate=())


def test_a_leak_is_counted_by_replies_over_the_cases_of_both() -> None:
    base = leaking({"a": [1, 1, 1], "b": [1, 1, 1], "only base": [0, 0, 0]})
    found = compare(base, leaking({"a": [1, 0, 0], "b": [1, 1, 0]}, name="tuned")).persona
    assert found is not None

    assert found.leaks == Leaks((6, 0), (6, 3))


def test_a_reply_counts_once_however_many_checks_look_at_it() -> None:
    trial = talk("a", [1.0, 0.0], aspect="no_leak")
    more = tuple(Score("other", "no_leak", turn, Grade(0.0)) for turn in (1, 2))
    run = runs.of([replace(trial, scores=trial.scores + more)], gate=())

    found = compare(run, replace(run, model=ModelRef("tuned", "replay:t.jsonl"))).persona
    assert found is not None

    assert found.leaks == Leaks((2, 2), (2, 2))


def test_without_any_of_it_there_is_no_section() -> None:
    comparison = compare(runs.run([1.0]), runs.run([0.0], name="tuned"))

    assert comparison.persona is None
    assert section(comparison) is None


# --- in a report ------------------------------------------------------------------------------------------------------


def both() -> Comparison:
    names = [f"t{n}" for n in range(8)]
    base = [talk(name, LASTS) for name in names]
    tuned = [talk(name, [1.0, 1.0, 0.5, 0.0]) for name in names]
    plain = [talk(f"plain {n}", [1.0], aspect="no_leak") for n in range(2)]
    leaks = [talk(f"plain {n}", [float(n)], aspect="no_leak") for n in range(2)]
    return compare(runs.of([*base, *plain], gate=()), runs.of([*tuned, *leaks], name="tuned", gate=()))


def test_the_section_says_what_a_leak_is_and_draws_the_turns() -> None:
    aside = section(both())
    assert aside is not None

    assert aside.lines[0] == "the persona shows in 1 of 2 replies where nobody asked for it (a leak); base: 0 of 2"
    assert aside.lines[1].startswith(
        "style, 4 turns of 8 conversations: base drifts 0.0 points, tuned -105.0, difference "
    )
    (table,) = aside.tables
    assert [row[:5] for row in table.rows] == [
        ("style", "base", "████", "100 %", "100 %"),
        ("style", "tuned", "██▅▁", "100 %", "0 %"),
    ]


def test_it_fits_eighty_columns_and_a_terminal_without_unicode() -> None:
    text = "".join(terminal(Panel(both().verdict, (both(),)), width=80, encoding="ascii"))

    assert max(map(len, text.splitlines())) <= 80
    assert "style   tuned  ##=_" in text


@pytest.mark.parametrize("format_", ["html", "markdown", "github", "terminal", "release-notes"])
def test_every_page_has_the_section(format_: str) -> None:
    text = "".join(REPORTS.get(format_)(Panel(both().verdict, (both(),))))

    assert "██▅▁" in text


def test_rows_stand_in_the_order_of_the_aspects_every_suite_has() -> None:
    marks = {"no_leak": 1.0, "mine": 1.0, "style": 1.0, "facts": 1.0, "safety": 1.0, "format": 1.0}
    base, tuned = (runs.of([runs.trial("a", 0, marks)], name=name, gate=()) for name in ("base", "tuned"))

    rows = [delta.aspect for delta in changes(compare(base, tuned))]

    assert rows == ["facts", "style", "format", "safety", "no_leak", "mine", "overall"]


def test_release_notes_tell_of_leaks() -> None:
    text = "".join(release_notes(Panel(both().verdict, (both(),))))

    assert "the persona shows in 1 of 2 replies where nobody asked for it" in text


def test_it_goes_through_json_and_back() -> None:
    comparison = both()

    text = "".join(as_json.render(Panel(comparison.verdict, (comparison,))))

    assert as_json.load(text).comparisons[0].persona == comparison.persona


def test_bars_are_eighths_of_the_range() -> None:
    assert bars([0, 0.124, 0.125, 0.5, 0.99, 1]) == "▁▁▂▅██"


def test_the_suite_of_the_model_in_the_box_has_both_kinds_of_conversations() -> None:
    found = load(runs.ROOT / "suites/marv-drift.yaml")

    assert len(found.cases) == 100
    assert {len(case.turns) for case in found.cases} == {7}
    assert sum("no_leak" in case.aspects for case in found.cases) == 40
