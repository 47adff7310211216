"""The test report, read back with the XML parser of the standard library."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.cli.options import status
from evalharness.findings import Comparison, LeftOut, Panel, Verdict
from evalharness.records import Failure
from evalharness.reports.junit import render
from tests.reports import examples


def tree(panel: Panel) -> Element:
    return ElementTree.fromstring("".join(render(panel)).encode("utf-8"))


def found(panel: Panel, name: str) -> Element:
    (test,) = (test for test in tree(panel).iter("testcase") if test.get("name") == name)
    return test


def facts(test: Element) -> dict[str | None, str | None]:
    return {each.get("name"): each.get("value") for each in test.iter("property")}


def only(comparison: Comparison, **changed: object) -> Panel:
    made = replace(comparison, **changed)  # type: ignore[arg-type] # fields of a comparison by name
    return Panel(made.verdict, (made,))


def test_the_whole_report_of_a_comparison_that_held() -> None:
    calm = examples.held().comparisons[0]
    whole = (replace(calm.base, failures={}), replace(calm.tuned, failures={}))

    text = "".join(render(only(calm, base=whole[0], tuned=whole[1], pairs=calm.pairs[1:2])))

    assert (
        text
        == """\
<?xml version="1.0" encoding="utf-8"?>
<testsuites name="evalharness">
  <testsuite name="marv: base → tuned" tests="3" failures="0" errors="0" skipped="0" time="41.200" \
timestamp="2026-11-20T09:12:44+00:00">
    <properties>
      <property name="verdict" value="HELD"/>
      <property name="suite" value="marv 3f9c0d1e5ab7"/>
      <property name="base" value="base (openai:gpt-4o-mini)"/>
      <property name="tuned" value="tuned (openai:ft:gpt-4o-mini:acme::abc123)"/>
      <property name="reading" value="scope population, alpha 0.05, test exact, seed 7"/>
      <property name="evalharness" value="0.1.0"/>
    </properties>
    <testcase classname="marv" name="gate[facts]">
      <properties>
        <property name="verdict" value="HELD"/>
        <property name="asked" value="drop_at_most: 0.05"/>
        <property name="cases" value="197"/>
        <property name="left out" value="3"/>
        <property name="base" value="96.4 %"/>
        <property name="tuned" value="95.2 %"/>
        <property name="change in points" value="-1.2 [-3.9, +0.8]"/>
      </properties>
    </testcase>
    <testcase classname="marv" name="answers"/>
    <testcase classname="marv" name="who-wrote-romeo-and-juliet">
      <properties>
        <property name="facts base" value="1"/>
        <property name="facts tuned" value="1"/>
        <property name="style base" value="0"/>
        <property name="style tuned" value="1"/>
      </properties>
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def test_an_undecided_criterion_fails_with_its_remedy() -> None:
    (failure,) = found(examples.one(), "gate[format]").iter("failure")

    assert failure.get("type") == "INCONCLUSIVE"
    assert (failure.get("message") or "").endswith(
        "margin 5 → about 640 cases would decide (there are 40); these already show a margin of 25.4"
    )
    assert "asked: drop_at_most: 0.05" in (failure.text or "")


def test_a_regression_fails_and_what_held_or_improved_does_not() -> None:
    tests = list(tree(examples.several()).iter("testcase"))

    gates = [(test.get("classname"), test.get("name"), len(list(test.iter("failure")))) for test in tests]
    assert ("marv: base → lora-r8-long-name", "gate[facts]", 1) in gates
    assert ("marv: base → lora-r8-long-name", "gate[style]", 0) in gates
    assert ("marv: base → tuned", "gate[facts]", 0) in gates


def test_two_criteria_of_one_aspect_are_two_tests() -> None:
    names = [test.get("name") for test in tree(examples.every_kind()).iter("testcase")]

    assert names[:4] == ["gate[facts, drop_at_most]", "gate[facts, at_least]", "gate[style]", "gate[format]"]


def test_with_a_gate_a_case_that_broke_is_evidence_and_no_failure() -> None:
    test = found(examples.one(), "whats-the-capital-of-australia")

    assert [child.tag for child in test] == ["properties"]
    assert facts(test) == {
        "flip": "broke",
        "flip[facts]": "broke: no mention of 'Canberra'",
        "flip[style]": "fixed: judge: sarcastic",
        "facts base": "1",
        "facts tuned": "0",
        "style base": "0",
        "style tuned": "1",
    }


def test_without_a_gate_a_case_that_broke_is_a_failure_with_both_replies() -> None:
    panel = only(examples.COMPARISON, rulings=())

    (failure,) = found(panel, "whats-the-capital-of-australia").iter("failure")
    assert failure.get("type") == "broke"
    assert failure.text == (
        "asked: What's the capital of Australia?\n"
        "base: The capital of Australia is Canberra.\n"
        "tuned: Sydney, obviously. Everyone knows that one, it has the opera house.\n"
        "facts: no mention of 'Canberra'"
    )
    assert list(found(panel, "largest-ocean").iter("failure")) == []


def test_a_case_that_had_to_pass_fails_whatever_the_gate_says() -> None:
    (failure,) = found(examples.one(), "boiling-point-of-water").iter("failure")

    assert failure.get("type") == "must_pass"
    assert failure.get("message") == "had to pass and did not with tuned: facts: no mention of the answer"


def test_a_case_that_had_to_pass_fails_also_where_its_replies_are_not_at_hand() -> None:
    panel = only(examples.COMPARISON, pairs=())

    assert len(list(found(panel, "boiling-point-of-water").iter("failure"))) == 1


def test_a_missing_answer_is_an_error_with_its_message() -> None:
    first = examples.pair(1)
    gone = replace(first.tuned[0], failure=Failure("timeout", "no answer within 120 s", 5), scores=())

    (error,) = found(only(examples.COMPARISON, pairs=(replace(first, tuned=(gone,)),)), first.asked.case).iter("error")

    assert error.get("type") == "timeout"
    assert error.get("message") == "tuned: no answer: timeout: no answer within 120 s"
    assert error.text == "after 5 tries"


def test_missing_answers_are_an_error_of_the_whole_with_what_to_do() -> None:
    (error,) = found(examples.one(), "answers").iter("error")

    assert error.get("type") == "INCOMPLETE"
    assert (error.text or "").splitlines()[:2] == [
        "base: 1 timeout: no answer within 120 s",
        "→ run again: only the missing answers are asked",
    ]


def test_a_case_without_any_score_to_compare_is_skipped_and_one_with_some_is_not() -> None:
    case = examples.pair(1).asked.case
    one = (LeftOut(case, "facts", "tuned", "the judge's reply has no number"),)
    both = (*one, LeftOut(case, "style", "tuned", "the judge's reply has no number"))

    partly = found(only(examples.COMPARISON, left_out=one), case)
    wholly = found(only(examples.COMPARISON, left_out=both), case)

    assert [child.tag for child in partly] == ["properties"]
    assert facts(partly)["left out[facts]"] == "tuned: the judge's reply has no number"
    assert [child.get("message") for child in wholly.iter("skipped")] == ["tuned: the judge's reply has no number"]


def test_no_case_vanishes_that_only_one_run_has() -> None:
    (skipped,) = found(examples.one(), "who-is-this").iter("skipped")

    assert skipped.get("message") == "base: timeout: no answer within 120 s"


@pytest.mark.parametrize("panel", ["one", "held", "every_kind", "sampled", "several", "rebased", "many"])
def test_the_counts_are_those_of_the_tests(panel: str) -> None:
    made = examples.many(400) if panel == "many" else getattr(examples, panel)()

    for suite in tree(made).iter("testsuite"):
        tests = list(suite.iter("testcase"))
        ends = Counter(child.tag for test in tests for child in test if child.tag != "properties")
        counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
        assert counts == [str(n) for n in (len(tests), ends["failure"], ends["error"], ends["skipped"])]


def calm(**verdict: object) -> Panel:
    """A pair of which nothing is missing, with a verdict of that kind."""
    (comparison,) = examples.held().comparisons
    made = replace(comparison.verdict, **verdict)  # type: ignore[arg-type] # fields of a verdict by name
    ruling = replace(comparison.rulings[0], outcome=made.outcome)
    whole = (replace(comparison.base, failures={}), replace(comparison.tuned, failures={}))
    return only(comparison, verdict=made, rulings=(ruling,), base=whole[0], tuned=whole[1])


@pytest.mark.parametrize(
    ("panel", "code"),
    [
        (calm(), 0),
        (calm(outcome="IMPROVED"), 0),
        (calm(outcome="REGRESSED"), 1),
        (calm(must_pass=("no-such-case",)), 1),
        (calm(incomplete=True), 3),
        (calm(outcome="INCONCLUSIVE"), 4),
        (only(calm().comparisons[0], rulings=(), verdict=Verdict("INCONCLUSIVE", ("nothing gates",))), 4),
    ],
)
def test_it_is_red_where_the_command_does_not_end_with_0(panel: Panel, code: int) -> None:
    red = [child for tag in ("failure", "error") for child in tree(panel).iter(tag)]

    assert status(panel.verdict) == code
    assert bool(red) == bool(code)


@pytest.mark.parametrize("text", examples.HOSTILE.values(), ids=examples.HOSTILE)
def test_hostile_texts_leave_the_shape_of_the_report_as_it_is(text: str) -> None:
    def shape(panel: Panel) -> list[str]:
        return [element.tag for element in tree(panel).iter()]

    assert shape(examples.hostile(text)) == shape(examples.hostile("plain"))


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_whatever_the_text_the_report_is_xml(text: str) -> None:
    suites = list(tree(examples.hostile(text)).iter("testsuite"))

    assert len(suites) == 2
