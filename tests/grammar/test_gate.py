"""The gate, and the criteria that so many cases can never meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.grammar.gate import limits
from evalharness.records import Criterion
from tests.written import faults, suite


def warned(folder: Path, gate: str, count: int, *, top: str = "", case: str = "") -> list[tuple[int, str, str]]:
    rows = "".join(f"{n}\n" for n in range(count))
    text = f"suite: a\neach: rows.txt\n{top}{gate}cases:\n  - ask: 'Is {{{{ line }}}} odd?'\n    expect: x\n{case}"
    return [(w.line, w.what, w.hint) for w in suite(folder, text, {"rows.txt": rows}).warnings]


# How many cases it takes: z = 1.959964; z² (1 / m - 1), z² t / (1 - t), z² (1 + g) / (1 - g).
@pytest.mark.parametrize(
    ("criterion", "enough"),
    [
        ("drop_at_most: 0.05", 73),
        ("drop_at_most: 0.1", 35),
        ("both_within: 0.2", 16),
        ("at_least: 0.99", 381),
        ("at_least: 0.5", 5),
        ("gain_at_least: 0.2", 6),
        ("drop_at_most: 1", 5),
    ],
)
def test_a_criterion_that_so_many_cases_can_never_meet_is_warned_about(
    tmp_path: Path, criterion: str, enough: int
) -> None:
    gate = f"gate: {{facts: {{{criterion}}}}}\n"

    assert warned(tmp_path, gate, enough) == []
    ((line, what, _),) = warned(tmp_path, gate, enough - 1)
    assert line == 3
    assert what == f"'facts' has {enough - 1} cases; '{criterion}' takes {enough}, even if every reply is perfect"


def test_the_warning_says_what_so_many_cases_can_show(tmp_path: Path) -> None:
    # 60 cases: z² / (60 + z²) = 0.0602, rounded up; 60 / (60 + z²) = 0.9398, rounded down.
    assert [hint for *_, hint in warned(tmp_path, "gate: {facts: {drop_at_most: 0.05, at_least: 0.99}}\n", 60)] == [
        "add cases; 60 can show a margin of 0.07 at best",
        "add cases; 60 can show 0.93 at most",
    ]


def test_a_perfect_score_is_never_shown(tmp_path: Path) -> None:
    assert warned(tmp_path, "gate: {facts: {at_least: 1}}\n", 100) == [
        (3, "no number of cases can show 'at_least: 1' of 'facts'", "ask for less than 1")
    ]


def test_without_a_gate_the_default_margin_is_warned_about(tmp_path: Path) -> None:
    ((line, what, _),) = warned(tmp_path, "", 72)

    assert line == 3
    assert what == (
        "'facts' has 72 cases; 'drop_at_most: 0.05' takes 73, even if every reply is perfect "
        "(the default, for there is no `gate`)"
    )


def test_alpha_counts(tmp_path: Path) -> None:
    # z = 2.575829 at 0.01: z² * 19 = 126.06.
    assert warned(tmp_path, "gate: {facts: {drop_at_most: 0.05}}\n", 127, top="alpha: 0.01\n") == []
    assert len(warned(tmp_path, "gate: {facts: {drop_at_most: 0.05}}\n", 126, top="alpha: 0.01\n")) == 1


def test_only_cases_that_bear_the_aspect_count(tmp_path: Path) -> None:
    more = "  - {ask: 'Why {{ line }}?', expect: {format: json}}\n"
    gate = "gate: {facts: {at_least: 0.5}, format: {at_least: 0.5}, overall: {drop_at_most: 0.3}}\n"

    assert warned(tmp_path, gate, 5, case=more) == []
    assert [what.partition(";")[0] for _, what, _ in warned(tmp_path, gate, 4, case=more)] == [
        "'facts' has 4 cases",
        "'format' has 4 cases",
        "'overall' has 8 cases",
    ]


def test_cases_of_one_group_count_once(tmp_path: Path) -> None:
    ((_, what, _),) = warned(tmp_path, "gate: {facts: {at_least: 0.5}}\n", 50, case="    group: one\n")

    assert what.startswith("'facts' has 1 case; 'at_least: 0.5' takes 5,")


def test_under_suite_scope_the_samples_decide(tmp_path: Path) -> None:
    assert warned(tmp_path, "gate: {facts: {drop_at_most: 0.05}}\n", 5, top="scope: suite\nsamples: 5\n") == []


def test_criteria_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "suite: a\ncases: [{ask: a, expect: {facts: b, style: json}}]\nprefer: shorter\ngate:\n"
    found = suite(
        tmp_path, text + "  style: {at_least: 0.9}\n  preference: {win_at_least: 0.5}\n  facts: {both_within: 1}\n"
    )

    assert found.gate == (
        Criterion("style", at_least=0.9),
        Criterion("preference", win_at_least=0.5),
        Criterion("facts", both_within=1.0),
    )


TALK = """suite: a
each: rows.txt
gate: {style: {drift_at_most: 0.2}}
every: {style: {max_words: 9}}
cases:
  - turns: [%s]
"""


def drifting(folder: Path, count: int, turns: int) -> list[str]:
    asks = ", ".join(f"{{ask: 'Is {{{{ line }}}} {turn}?'}}" for turn in range(turns))
    rows = "".join(f"{n}\n" for n in range(count))
    return [w.what for w in suite(folder, TALK % asks, {"rows.txt": rows}).warnings]


# z² (reach / 0.2 - 1): the reach is 1 over three turns, 1.2 over four and 9 / 7 over seven.
@pytest.mark.parametrize(("turns", "enough"), [(3, 16), (4, 20), (7, 21)])
def test_a_drift_takes_more_conversations_the_more_turns_they_have(tmp_path: Path, turns: int, enough: int) -> None:
    assert drifting(tmp_path, enough, turns) == []
    assert drifting(tmp_path, enough - 1, turns) == [
        f"'style' has {enough - 1} conversations; 'drift_at_most: 0.2' takes {enough}, even if none drifts"
    ]


def test_a_drift_is_asked_of_conversations_only(tmp_path: Path) -> None:
    told = "suite.yaml:3:8: no conversation grades 'style' at three turns or more, so it has no drift"

    text = TALK % "{ask: 'Is {{ line }}?'}, {ask: 'And {{ line }}?'}"
    assert faults(tmp_path, text, {"rows.txt": "1\n"}) == [told]


def test_turns_that_do_not_bear_the_aspect_make_no_drift(tmp_path: Path) -> None:
    text = TALK % "{ask: 'Is {{ line }}?'}, {ask: 'And?', except: style}, {ask: 'So?'}, {ask: 'Why?', reply: 'No.'}"

    assert [each.partition(": ")[2] for each in faults(tmp_path, text, {"rows.txt": "1\n"})] == [
        "no conversation grades 'style' at three turns or more, so it has no drift"
    ]


def test_what_a_gate_may_ask_since_changes_no_hash_of_a_suite_that_does_not_ask_it() -> None:
    plain, drift = Criterion("style", at_least=0.8), Criterion("style", at_least=0.8, drift_at_most=0.1)

    assert limits(plain) == (None, None, 0.8, None, None)
    assert limits(drift) == (None, None, 0.8, None, None, "drift_at_most", 0.1)
