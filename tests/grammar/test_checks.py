"""Expectations: aspects, and the short forms of a check."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.grammar.checks import Check
from evalharness.scorers.base import build
from tests.written import cases, faults


def checks(folder: Path, expect: str, top: str = "") -> list[Check]:
    (case,) = cases(folder, f"{top}cases:\n  - ask: Who?\n    expect: {expect}\n")
    return list(case.checks)


def told(folder: Path, expect: str, top: str = "") -> list[tuple[str, str, str]]:
    return [(check.aspect, check.name, repr(check.scorer)) for check in checks(folder, expect, top)]


@pytest.mark.parametrize(
    "expect",
    [
        "Paris",
        "[Paris]",
        "{mentions: Paris}",
        "[{mentions: Paris}]",
        "{facts: Paris}",
        "{facts: [Paris]}",
        "{facts: {mentions: Paris}}",
    ],
)
def test_the_short_forms_are_one_check(tmp_path: Path, expect: str) -> None:
    assert checks(tmp_path, expect) == [Check("mentions", "facts", build("mentions", {"phrase": "Paris"}))]


def test_a_list_is_several_checks(tmp_path: Path) -> None:
    assert [entry[:2] for entry in told(tmp_path, "{facts: [Paris, {number: 2}], format: [json, {max_words: 3}]}")] == [
        ("facts", "mentions"),
        ("facts", "number"),
        ("format", "json"),
        ("format", "max_words"),
    ]


def test_scalars_are_the_texts_that_were_typed(tmp_path: Path) -> None:
    for typed in ("NO", "1.10", "12:30", "010", "2024-01-01", "null", "true"):
        assert checks(tmp_path, typed)[0].scorer == build("mentions", {"phrase": typed})


def test_options_beside_a_check_are_its_own(tmp_path: Path) -> None:
    expect = "{number: 384400, within: 4000, name: distance, weight: 2.5, pass_at: 0.8, truncated: allow}"

    assert checks(tmp_path, expect) == [
        Check("distance", "facts", build("number", {"number": "384400", "within": "4000"}), 2.5, 0.8, "allow")
    ]


def test_a_bare_text_in_another_aspect_names_a_check_or_a_switch(tmp_path: Path) -> None:
    top = "checks:\n  brief: {max_words: 9, weight: 3}\n  short: brief\n  data: json\n"

    assert told(tmp_path, "{style: [brief, short], format: [json, data]}", top) == [
        ("style", "brief", "MaxWords(limit=9)"),
        ("style", "brief", "MaxWords(limit=9)"),
        ("format", "json", "Json(wanted=True)"),
        ("format", "data", "Json(wanted=True)"),
    ]


def test_a_named_check_stands_anywhere_and_may_be_weighed_anew(tmp_path: Path) -> None:
    top = "checks: {brief: {max_words: 9, weight: 3}}\n"

    (first, second) = checks(tmp_path, "[{check: brief}, {check: brief, weight: 1, name: terse}]", top)
    (third,) = checks(tmp_path, "{style: {all_of: [{check: brief}, x]}}", top)

    assert (first.name, first.weight, first.aspect) == ("brief", 3.0, "facts")
    assert (second.name, second.weight, second.scorer) == ("terse", 1.0, first.scorer)
    assert "MaxWords(limit=9)" in repr(third.scorer)


def test_within_any_of_a_bare_text_is_mentioned_and_within_fields_it_is_exact(tmp_path: Path) -> None:
    ((_, _, any_of), (_, _, fields)) = told(tmp_path, "[{any_of: [42, forty-two]}, {fields: {a: 42, b: {number: 1}}}]")

    assert any_of.count("Mentions(") == 2
    assert "'42'" in any_of
    assert fields.count("Exact(") == 1
    assert fields.count("Number(") == 1


def test_every_is_expected_of_every_reply_before_what_a_turn_expects(tmp_path: Path) -> None:
    (case,) = cases(
        tmp_path,
        "every: {format: {max_words: 9}, style: json}\ncases:\n  - turns:\n      - {ask: a, reply: b}\n"
        "      - {ask: c, expect: d}\n      - {ask: e, except: style}\n    except: []\n",
    )

    assert [[check.aspect for check in turn.expect] for turn in case.turns] == [
        [],
        ["format", "style", "facts"],
        ["format"],
    ]
    assert case.aspects == ("format", "style", "facts")


def test_except_on_a_case_takes_an_aspect_off_all_its_turns(tmp_path: Path) -> None:
    (case,) = cases(
        tmp_path,
        "every: {format: {max_words: 9}, style: json}\ncases:\n"
        "  - turns: [{ask: c}, {ask: e, except: [format], expect: f}]\n    except: [style]\n",
    )

    assert [[check.aspect for check in turn.expect] for turn in case.turns] == [["format"], ["facts"]]


def test_a_bare_check_under_every_belongs_to_facts(tmp_path: Path) -> None:
    assert [c.aspect for c in checks(tmp_path, "x", "every: {max_words: 3}\n")] == ["facts", "facts"]
    assert [c.aspect for c in checks(tmp_path, "x", "every: [{max_words: 3}, y]\n")] == ["facts", "facts", "facts"]


def test_words_that_gate_or_every_name_are_aspects(tmp_path: Path) -> None:
    top = "gate: {tone: {at_least: 0.5}}\nevery: {manner: json}\n"

    assert {c.aspect for c in checks(tmp_path, "{tone: json, manner: refuses}", top)} == {"tone", "manner"}
    assert faults(tmp_path, "suite: a\ncases:\n  - ask: Who?\n    expect: {tone: json}\n") == [
        "suite.yaml:4:14: 'tone' is neither an aspect nor a kind of check"
    ]


def test_a_fault_in_every_is_told_once_and_no_case_is_blamed_for_it(tmp_path: Path) -> None:
    text = "suite: a\nevery: {style: shrot}\nchecks: {bad: {max_words: x}}\ncases:\n"
    more = "  - ask: Who?\n  - ask: Why?\n    expect: {check: bad}\n  - ask: How?\n    expect: {check: bad}\n"

    assert faults(tmp_path, text + more) == [
        "suite.yaml:2:16: no check is called 'shrot'",
        "suite.yaml:3:27: 'max_words' got 'x': should be a valid integer, unable to parse string as an integer",
    ]


def test_unused_checks_are_read_for_their_faults(tmp_path: Path) -> None:
    assert faults(tmp_path, "suite: a\nchecks: {bad: {max_wrods: 3}}\ncases: [{ask: Who?, expect: x}]\n") == [
        "suite.yaml:2:16: there is no kind of check 'max_wrods'"
    ]
