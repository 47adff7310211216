from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.baselines import Recollection, recall
from evalharness.bench import instruments
from evalharness.compare import compare_all
from evalharness.findings import Comparison, LeftOut
from evalharness.flow import Answer, drive
from evalharness.measure import Arm
from evalharness.plan import Plan, suite_ref
from evalharness.records import Failure, Grade, ModelRef, Request, Response, Run, Tally, Token
from evalharness.sheet import Slice
from evalharness.suite import Suite, load, select
from tests.accepted import DAY, filed
from tests.scorers.judges import verdict

OLD = ModelRef("old", "openai:old")
FACTS = Slice("aspect", "facts")

Reply = Callable[[Request], Answer]


def suite(where: Path, text: str) -> Suite:
    """A suite of that text, read from its file."""
    path = where / "made.yaml"
    where.mkdir(exist_ok=True)
    path.write_text(f"suite: made\n{text}")
    return load(path)


def echoed(request: Request) -> Answer:
    """The last question, said after the model."""
    return Response(f"so {request.messages[-1].content}")


def asked(of: Suite, reply: Reply = echoed, *, samples: int = 1, ref: ModelRef = OLD) -> Run:
    """A run of the suite."""
    plan = Plan(of, ref, samples)
    trials = tuple(drive(flow, reply) for flow in plan.flows())
    return Run(suite_ref(of, samples), ref, of.gate, DAY, plan.cases(), trials, Tally(), "old.jsonl")


def compared(where: Path, before: str, now: str, *, ref: ModelRef = OLD, reply: Reply = echoed) -> Comparison:
    """A snapshot of a model on the suite as it was, against another model on the suite as it is."""
    snapshot = filed(where / "baselines", asked(suite(where, before), reply, ref=ref), "old-1")
    today = suite(where, now)
    new = asked(today, ref=replace(ref, name="new"))
    return compare_all([(recall(snapshot, today), Arm.of(new))]).comparisons[0]


# --- what changed since, row by row of the page -----------------------------------------------------------------------

ONE = "cases:\n  - {id: a, ask: one, expect: one}\n"
TWO = f"{ONE}  - {{id: b, ask: two, expect: two}}\n"
CHANGED = "the suite changed since 'old-1' was accepted: its replies are graded by today's checks"


def test_a_suite_that_did_not_change_says_nothing(tmp_path: Path) -> None:
    found = compared(tmp_path, TWO, TWO)

    assert (found.warnings, found.left_out) == ((), ())
    assert (found.deltas[0].base, found.deltas[0].tuned, found.deltas[0].cases) == (1.0, 1.0, 2)


def test_a_changed_check_grades_both_sides(tmp_path: Path) -> None:
    found = compared(tmp_path, TWO, TWO.replace("expect: two", "expect: three"))

    assert found.warnings == (CHANGED,)
    assert (found.deltas[0].base, found.deltas[0].tuned) == (0.5, 0.5)  # stored were 2 of 2 right
    assert [row.case for row in found.flips] == []


def test_a_changed_aspect_is_that_of_today_on_both_sides(tmp_path: Path) -> None:
    found = compared(tmp_path, ONE, ONE.replace("expect: one", "expect: {style: {mentions: one}}"))

    assert [(row.slice, row.base, row.tuned) for row in found.deltas] == [("style", 1.0, 1.0)]


def test_the_gate_of_today_decides(tmp_path: Path) -> None:
    found = compared(tmp_path, ONE, f"{ONE}gate: {{facts: {{drop_at_most: 0.2}}}}\n")

    assert (found.rulings[0].asked, found.deltas[0].margin) == ("drop_at_most: 0.2", 0.2)


def test_a_case_that_is_new_is_left_out_and_counts_as_nothing_missing(tmp_path: Path) -> None:
    found = compared(tmp_path, ONE, TWO)

    assert found.left_out == (LeftOut("b", "", "base", "only tuned's run has this case"),)
    assert (found.deltas[0].cases, found.deltas[0].left_out, found.verdict.incomplete) == (1, 0, False)


def test_a_case_that_is_gone_is_left_out_and_counts_as_nothing_missing(tmp_path: Path) -> None:
    found = compared(tmp_path, TWO, ONE)

    assert found.left_out == (LeftOut("b", "", "tuned", "only base's run has this case"),)
    assert (found.deltas[0].cases, found.deltas[0].left_out, found.verdict.incomplete) == (1, 0, False)


def test_an_aspect_that_only_a_gone_case_had_is_no_row(tmp_path: Path) -> None:
    gone = "  - {id: b, ask: two, expect: {max_words: 9}}\n"

    found = compared(tmp_path, ONE + gone, ONE)

    assert [row.slice for row in found.deltas] == ["facts"]


TURNS = """\
cases:
  - {id: z, ask: other, expect: other}
  - id: a
    turns:
      - {ask: one, expect: one}
      - {ask: two, reply: fine}
      - {ask: three, expect: three}
"""


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("ask: one", "ask: uno", "the question was changed"),
        ("ask: two", "ask: due", "the question was changed"),
        ("ask: three", "ask: tre", "the question was changed"),
        ("reply: fine", "reply: well", "a scripted reply was changed"),
        ("ask: two, reply: fine", "ask: two, expect: two", "a reply that was scripted is asked for"),
        ("ask: one, expect: one", "ask: one, reply: so one", "a reply that was asked for is scripted"),
        ("      - {ask: three, expect: three}\n", "", "turns were taken away"),
        (
            "      - {ask: three, expect: three}\n",
            "      - {ask: three, expect: three}\n      - {ask: four, expect: four}\n",
            "more turns were added",
        ),
        ("      - {ask: one, expect: one}\n", "", "the question was changed"),
    ],
)
def test_a_case_that_asks_something_else_is_left_out_with_the_reason(
    old: str, new: str, why: str, tmp_path: Path
) -> None:
    assert old in TURNS

    found = compared(tmp_path, TURNS, TURNS.replace(old, new))

    assert found.left_out == (LeftOut("a", "", "base", f"{why} since 'old-1' was accepted"),)
    assert found.warnings == (CHANGED, "1 case is asked otherwise than for 'old-1', and cannot be compared with it")
    assert (found.deltas[0].cases, found.deltas[0].left_out, found.verdict.incomplete) == (1, 0, False)


def test_a_case_that_neither_of_two_snapshots_was_asked_so_is_listed_too(tmp_path: Path) -> None:
    run = asked(suite(tmp_path, TWO))
    one, two = (filed(tmp_path / "baselines", run, name) for name in ("one", "two"))
    today = suite(tmp_path, TWO.replace("ask: two", "ask: due"))

    found = compare_all([(recall(one, today), recall(two, today))]).comparisons[0]

    assert found.left_out == (LeftOut("b", "", "both", "the question was changed since 'one' was accepted"),)
    assert found.deltas[0].cases == 1


def test_further_checks_on_turns_that_were_asked_grade_what_was_said_there(tmp_path: Path) -> None:
    found = compared(tmp_path, TURNS, TURNS.replace("expect: one", "expect: [one, nothing]"))

    assert found.left_out == ()
    # three grades of case a, one of them wrong, and the one of case z
    assert [found.deltas[0].base, found.deltas[0].tuned] == pytest.approx([(2 / 3 + 1) / 2] * 2)


def test_another_system_text_is_compared_and_told_with_the_number_of_cases(tmp_path: Path) -> None:
    head = "system: be brief\n"
    own = "  - {id: c, ask: three, system: be kind, expect: three}\n"

    found = compared(tmp_path, head + TWO + own, head.replace("brief", "long") + TWO + own)

    assert found.warnings == (CHANGED, "2 cases are asked under another system text than for 'old-1'")
    assert (found.deltas[0].cases, found.left_out) == (3, ())


def test_a_system_text_that_was_added_or_dropped_is_another_one(tmp_path: Path) -> None:
    one = "1 case is asked under another system text than for 'old-1'"

    assert compared(tmp_path / "a", ONE, f"system: be brief\n{ONE}").warnings[1] == one
    assert compared(tmp_path / "b", f"system: be brief\n{ONE}", ONE).warnings[1] == one


def test_a_system_text_of_the_arm_is_that_of_the_arm_whatever_the_suite_says(tmp_path: Path) -> None:
    found = compared(tmp_path, f"system: be brief\n{ONE}", f"system: be long\n{ONE}", ref=replace(OLD, system="mine"))

    assert found.warnings == (CHANGED,)


CONTEXT = "cases:\n  - {id: a, ask: one, expect: one, context: [Passage.]}\n"
TEMPLATE = replace(OLD, context="{{ passages }} {{ ask }}")


def test_passages_that_changed_are_another_question_only_to_an_arm_that_was_sent_them(tmp_path: Path) -> None:
    now = CONTEXT.replace("Passage", "Other")

    sent = compared(tmp_path / "a", CONTEXT, now, ref=TEMPLATE)
    unsent = compared(tmp_path / "b", CONTEXT, now)

    assert [row.cause for row in sent.left_out] == ["the question was changed since 'old-1' was accepted"]
    assert (unsent.left_out, unsent.deltas[0].cases) == ((), 1)


def test_passages_are_put_as_the_snapshots_arm_had_them_put(tmp_path: Path) -> None:
    snapshot = filed(tmp_path / "baselines", asked(suite(tmp_path, CONTEXT), ref=TEMPLATE), "old-1")

    arm = recall(snapshot, suite(tmp_path, CONTEXT))

    assert (arm.unlike, arm.notes) == ({}, ())
    assert arm.run.trials[0].conversation.messages[0].content == "Passage. one"


# --- samples, missing answers, selections -----------------------------------------------------------------------------


def scripted(answers: Mapping[tuple[str, int], Answer]) -> Reply:
    """Answers by case and sample, else an echo."""

    def reply(request: Request) -> Answer:
        assert request.origin is not None
        return answers.get((request.origin.case, request.sample)) or echoed(request)

    return reply


def test_every_sample_is_graded_anew(tmp_path: Path) -> None:
    reply = scripted({("a", 1): Response("one and uno"), ("a", 2): Response("nothing")})
    snapshot = filed(tmp_path / "baselines", asked(suite(tmp_path, ONE), reply, samples=3), "old-1")

    arm = recall(snapshot, suite(tmp_path, ONE.replace("expect: one", "expect: uno")))

    assert arm.sheet.scores[FACTS]["a"] == [0.0, 1.0, 0.0]  # stored: 1, 1, 0
    assert [trial.scores[0].grade.value for trial in arm.run.trials] == [0.0, 1.0, 0.0]
    assert [trial.conversation.reply for trial in arm.run.trials[1:]] == ["one and uno", "nothing"]


def test_what_was_missing_stays_missing_and_is_no_reason_to_run_again(tmp_path: Path) -> None:
    reply = scripted({("a", 0): Failure("timeout", "too late"), ("b", 0): Response("", "filtered")})
    snapshot = filed(tmp_path / "baselines", asked(suite(tmp_path, TWO), reply), "old-1")
    today = suite(tmp_path, TWO.replace("expect: two", "expect: [two, due]"))

    arm = recall(snapshot, today)
    found = compare_all([(arm, Arm.of(asked(today)))]).comparisons[0]

    assert arm.sheet.scores[FACTS] == {"a": [None], "b": [None]}
    assert [(row.case, row.side, row.cause) for row in found.left_out] == [
        ("a", "base", "no answer (timeout)"),
        ("b", "base", "filtered by the server"),
    ]
    assert found.verdict.incomplete is False


def test_a_talk_that_broke_off_is_unlike_only_where_it_was_asked_otherwise(tmp_path: Path) -> None:
    reply = scripted({("a", 0): Failure("timeout", "too late")})
    snapshot = filed(tmp_path / "baselines", asked(suite(tmp_path, TURNS), reply), "old-1")

    later = recall(snapshot, suite(tmp_path, TURNS.replace("ask: three", "ask: tre")))
    first = recall(snapshot, suite(tmp_path, TURNS.replace("ask: one", "ask: uno")))

    assert later.unlike == {}
    assert first.unlike == {"a": "the question was changed since 'old-1' was accepted"}


def test_a_selection_lists_no_case_as_gone(tmp_path: Path) -> None:
    snapshot = filed(tmp_path / "baselines", asked(suite(tmp_path, TWO)), "old-1")
    chosen = select(suite(tmp_path, TWO), cases=["b"])

    arm = recall(snapshot, chosen)
    found = compare_all([(arm, Arm.of(asked(chosen)))]).comparisons[0]

    assert ([trial.conversation.case for trial in arm.run.trials], arm.sheet.trials) == (["b"], 1)
    assert (found.left_out, found.deltas[0].cases, found.warnings) == ((), 1, ())
    assert found.verdict.outcome == "INCONCLUSIVE"


def test_flipped_cases_show_the_replies_that_were_stored(tmp_path: Path) -> None:
    reply = scripted({("b", 0): Response("dunno")})

    found = compared(tmp_path, f"{TWO}  - {{id: c, ask: x, expect: x}}\n", TWO, reply=reply)

    assert [(flip.case, flip.side, flip.why) for flip in found.flips] == [
        ("b", "fixed", "mentions: no 'two' in 'dunno'")
    ]
    assert found.pairs[0].asked.case == "b"
    assert [trial.conversation.reply for trial in (*found.pairs[0].base, *found.pairs[0].tuned)] == ["dunno", "so two"]


# --- the law ----------------------------------------------------------------------------------------------------------

LAW = """\
cases:
  - {id: a, ask: one, expect: [one, {max_words: 3}]}
  - {id: b, ask: two, tags: [hard], expect: two, must_pass: true}
  - {id: c, turns: [{ask: three, expect: three}, {ask: four, expect: {matches: four, weight: 2}}]}
gate: {facts: {drop_at_most: 0.3}}
"""
ANSWERS: tuple[Answer, ...] = (
    Response("so one two three four"),
    Response("one"),
    Response("two"),
    Response("", "empty"),
    Response("three", "truncated"),
    Response("four", "filtered"),
    Response("I cannot", "refused"),
    Failure("timeout", "too late", 5),
)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_law_a_snapshot_of_an_unchanged_suite_compares_as_its_run_did(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = tmp_path_factory.mktemp("law")
    of = suite(where, LAW)
    samples = data.draw(st.integers(1, 2))
    places = [(case, sample) for case in "abc" for sample in range(samples)]
    drawn = [data.draw(st.tuples(*[st.sampled_from(ANSWERS)] * len(places))) for _ in range(2)]
    base, tuned = (
        asked(of, scripted(dict(zip(places, answers, strict=True))), samples=samples, ref=replace(OLD, name=name))
        for answers, name in zip(drawn, ("base", "tuned"), strict=True)
    )

    recalled = recall(filed(where / "baselines", base, "old-1"), of)
    after = compare_all([(recalled, Arm.of(tuned))]).comparisons[0]

    before = compare_all([(Arm.of(base), Arm.of(tuned))]).comparisons[0]
    assert (after.deltas, after.rulings, after.flips) == (before.deltas, before.rulings, before.flips)
    assert (after.left_out, tuple(after.pairs)) == (before.left_out, tuple(before.pairs))
    assert (after.verdict.outcome, after.verdict.reasons) == (before.verdict.outcome, before.verdict.reasons)
    assert after.warnings == before.warnings


HARDER = """\
every: {style: {max_words: 2}}
cases:
  - {id: a, ask: one, expect: [one, {min_words: 2, weight: 3}]}
  - {id: b, ask: two, expect: {all_of: [two, {none_of: [three]}]}}
  - {id: c, turns: [{ask: three, expect: {mentions: three, truncated: allow}}, {ask: four, expect: four}]}
"""


@settings(max_examples=40, deadline=None)
@given(answers=st.tuples(*[st.sampled_from(ANSWERS)] * 6))
def test_law_grades_made_anew_are_those_of_a_fresh_run_with_the_same_replies(
    answers: tuple[Answer, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = tmp_path_factory.mktemp("law")
    reply = scripted(dict(zip([(case, sample) for case in "abc" for sample in range(2)], answers, strict=True)))
    snapshot = filed(where / "baselines", asked(suite(where, LAW), reply, samples=2), "old-1")
    harder = suite(where, HARDER)

    recalled = recall(snapshot, harder)

    fresh = asked(harder, reply, samples=2)
    assert tuple(recalled.run.trials) == fresh.trials
    assert (recalled.run.cases, recalled.run.gate, recalled.run.suite) == (fresh.cases, fresh.gate, fresh.suite)
    assert (recalled.sheet.scores, recalled.sheet.passed) == (Arm.of(fresh).sheet.scores, Arm.of(fresh).sheet.passed)


# --- checks that ask the model under test -----------------------------------------------------------------------------

LIKELY = "cases:\n  - {id: a, ask: one, expect: {likelihood: One}}\n"


def weighed(request: Request) -> Answer:
    """What a model says that holds every answer as likely as not."""
    return Response("so one", logprobs=(Token("One", math.log(0.5)),))


def test_what_only_the_old_model_could_say_is_kept_while_the_suite_is_the_same(tmp_path: Path) -> None:
    found = compared(tmp_path, LIKELY, LIKELY, reply=weighed)

    assert found.pairs[0].base[0].scores[0].grade.value == pytest.approx(0.5)


def test_what_only_the_old_model_could_say_is_unknown_once_the_suite_has_changed(tmp_path: Path) -> None:
    found = compared(tmp_path, LIKELY, LIKELY.replace("One", "Two"), reply=weighed)

    grade = found.pairs[0].base[0].scores[0].grade
    assert grade == Grade(None, "no likelihood: the model of a snapshot is not asked any more")


# --- checks that ask a judge ------------------------------------------------------------------------------------------

KIND, SHORT, RIGHT = "{judge: It is kind.}", "{judge: It is short.}", "{judge: It is right.}"
JUDGED = "cases:\n  - {{id: a, ask: one, expect: {{style: [{}, {}]}}}}\n"
BY = {"judge": ModelRef("judge", "openai:judge")}


def remembered(where: Path, before: str, now: str, voted: Mapping[str, str]) -> tuple[list[float | None], int]:
    """The grades that a snapshot has of two rubrics, judged by then as `voted` says and today with a yes to all; and
    how many were asked for today."""
    asked_again: list[Request] = []

    def vote(request: Request) -> Answer:
        if request.model.name != "judge":
            return Response("so one")
        word = next(word for rubric, word in voted.items() if rubric in request.messages[1].content)
        return verdict(request, word) if word else Response("", "refused")

    def today(request: Request) -> Answer:
        asked_again.append(request)
        return verdict(request, "yes")

    then = suite(where, before)
    trials = tuple(drive(flow, vote) for flow in Plan(then, OLD, 1, BY).flows())
    ref = suite_ref(then, 1, instruments(then, BY))
    run = Run(ref, OLD, then.gate, DAY, Plan(then, OLD, 1).cases(), trials, Tally(), "old.jsonl")
    found = Recollection(filed(where / "baselines", run, "old-1"), suite(where, now), BY)
    for flow in found.flows():
        found.take(*drive(flow, today))
    scores = found.arm().run.trials[0].scores
    return [score.grade.value for score in scores], len(asked_again)


def test_a_stored_grade_is_never_that_of_the_check_before_it(tmp_path: Path) -> None:
    both = JUDGED.format(KIND, SHORT)

    # The first could not be read by then, so it is asked for today; the second was a no, and stays one.
    assert remembered(tmp_path, both, both, {"kind": "", "short": "no"}) == ([1.0, 0.0], 1)


def test_checks_of_one_name_that_changed_places_are_judged_anew(tmp_path: Path) -> None:
    before, now = (JUDGED.format(KIND, f"{one}, {other}") for one, other in ((SHORT, RIGHT), (RIGHT, SHORT)))

    # Kept by their places they would be 1, 0 and 1, as if it were the right reply that was a no.
    assert remembered(tmp_path, before, now, {"kind": "yes", "short": "no", "right": "yes"}) == ([1.0] * 3, 3)


def test_a_check_of_its_own_name_keeps_what_was_said_when_the_suite_changes(tmp_path: Path) -> None:
    before = JUDGED.format(KIND, "{mentions: one}")

    assert remembered(tmp_path, before, JUDGED.format(KIND, "{mentions: two}"), {"kind": "no"}) == ([0.0, 0.0], 0)
