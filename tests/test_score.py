from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from evalharness.flow import Flow, ask, drive
from evalharness.records import (
    Conversation,
    Failure,
    Grade,
    Message,
    ModelRef,
    Origin,
    Outcome,
    Request,
    Response,
    Score,
    Trial,
)
from evalharness.score import Bench, grade, regrade
from evalharness.suite import Case, Check, Turn, load
from tests import runs

BENCH = Bench("made", ModelRef("tuned", "openai:t"), {"judge": ModelRef("judge", "openai:j", params={"seed": 7})})


def said(*replies: str, outcome: Outcome = "answered") -> Conversation:
    messages = tuple(m for reply in replies for m in (Message("user", "q"), Message("assistant", reply)))
    places = tuple(range(1, len(messages), 2))
    return Conversation("a", 0, messages, places, tuple(outcome for _ in replies))


@dataclass(frozen=True)
class Length:
    """As many points as the reply has letters, a tenth each."""

    def grade(self, conversation: Conversation) -> Grade:
        return Grade(len(conversation.reply) / 10, conversation.reply)


@dataclass(frozen=True)
class Broken:
    """A scorer of a third party that raises."""

    def grade(self, conversation: Conversation) -> Grade:
        raise ZeroDivisionError("of all things")


@dataclass(frozen=True)
class Judge:
    """Asks a model."""

    def grade(self, conversation: Conversation) -> Flow[Grade]:
        response = yield from ask(Request(ModelRef("judge", ""), (Message("user", conversation.reply),)))
        return Grade(float(response.text == "yes"), response.text)

    def asks(self) -> tuple[str, ...]:
        return ("judge",)


def check(name: str, scorer: Length | Broken | Judge, **more: float) -> Check:
    return replace(Check(name, "facts", scorer), **more)  # type: ignore[arg-type]  # numbers only


def case(*turns: Turn, whole: tuple[Check, ...] = ()) -> Case:
    return Case("a", turns, whole)


def scored(case: Case, talk: Conversation, failure: Failure | None = None, judge: str = "yes") -> list[Score]:
    return list(drive(grade(case, talk, failure, BENCH), lambda _: Response(judge)))


def test_each_turn_grades_the_reply_it_got() -> None:
    two = case(Turn("q", expect=(check("n", Length()),)), Turn("q", expect=(check("n", Length()),)))

    scores = scored(two, said("abc", "abcde"))

    assert [(score.turn, score.grade.value) for score in scores] == [(1, 0.3), (2, 0.5)]


def test_scripted_turns_are_not_counted_and_not_graded() -> None:
    talk = Conversation(
        "a", 0, (Message("user", "q"), Message("assistant", "scripted"), *said("abc").messages), (3,), ("answered",)
    )
    scripted = case(Turn("q", reply="scripted"), Turn("q", expect=(check("n", Length()),)))

    assert [(score.turn, score.grade.value) for score in scored(scripted, talk)] == [(1, 0.3)]


def test_a_check_on_the_case_grades_the_whole_conversation() -> None:
    both = case(Turn("q"), Turn("q"), whole=(check("all", Length()),))

    assert [(score.turn, score.grade.value) for score in scored(both, said("abc", "ab"))] == [(None, 0.2)]


def test_a_failed_question_leaves_every_later_check_unknown() -> None:
    two = case(
        Turn("q", expect=(check("n", Length()),)),
        Turn("q", expect=(check("n", Length()),)),
        whole=(check("w", Length()),),
    )

    scores = scored(two, said("abc"), Failure("timeout", "late"))

    assert [score.grade for score in scores] == [
        Grade(0.3, "abc"),
        Grade(None, "no answer (timeout)"),
        Grade(None, "no answer (timeout)"),
    ]


def test_a_reply_that_was_cut_off_scores_0_unless_the_check_allows_it() -> None:
    allowing = replace(check("b", Length()), truncated="allow")
    both = case(Turn("q", expect=(check("a", Length()), allowing)))

    scores = scored(both, said("abc", outcome="truncated"))

    assert [score.grade for score in scores] == [Grade(0.0, "cut off at max_tokens"), Grade(0.3, "abc")]


def test_a_filtered_reply_is_missing_and_an_empty_one_is_scored() -> None:
    one = case(Turn("q", expect=(check("n", Length()),)))

    assert scored(one, said("", outcome="filtered"))[0].grade == Grade(None, "filtered by the server")
    assert scored(one, said("", outcome="empty"))[0].grade.value == 0.0


def test_a_scorer_that_raises_is_unknown_and_says_why() -> None:
    scores = scored(case(Turn("q", expect=(check("n", Broken()), check("m", Length())))), said("abc"))

    assert [score.grade for score in scores] == [
        Grade(None, "the scorer failed: ZeroDivisionError: of all things"),
        Grade(0.3, "abc"),
    ]


def test_judges_of_one_reply_are_asked_in_one_round() -> None:
    three = case(Turn("q", expect=(check("x", Judge()), check("y", Length()), check("z", Judge()))))
    flow = grade(three, said("abc"), bench=BENCH)

    asked = next(flow)
    with pytest.raises(StopIteration) as ended:
        flow.send((Response("yes"), Response("no")))

    assert len(asked) == 2
    assert [score.grade.value for score in ended.value.value] == [1.0, 0.3, 0.0]


def test_a_judge_without_an_answer_is_unknown_and_its_siblings_stay() -> None:
    two = case(Turn("q", expect=(check("x", Judge()), check("y", Length()))))

    scores = drive(grade(two, said("abc"), bench=BENCH), lambda _: Failure("server", "status 500"))

    assert [score.grade for score in scores] == [Grade(None, "no answer from the judge: status 500"), Grade(0.3, "abc")]


def test_a_judge_is_asked_by_the_name_it_bears_with_its_own_parameters_and_charged_to_the_arm() -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response("yes")

    (score,) = drive(grade(case(Turn("q", expect=(check("x", Judge()),))), said("abc"), None, BENCH), answer)

    assert (asked[0].model, asked[0].params) == (BENCH.judges["judge"], {"seed": 7})
    assert asked[0].origin == Origin("a", 1, "made", "tuned")
    assert score.judges == ("judge",)


def test_a_judge_that_nobody_is_has_no_answer_and_is_not_asked_for() -> None:
    def never(request: Request) -> Response:
        raise AssertionError(request)

    (score,) = drive(grade(case(Turn("q", expect=(check("x", Judge()),))), said("abc")), never)

    assert score.grade == Grade(None, "no answer from the judge: no model 'judge' was at hand")


def test_what_was_graded_before_is_not_graded_again() -> None:
    old = Grade(0.4, "said long ago")

    (score,) = drive(
        grade(case(Turn("q", expect=(check("x", Judge()),))), said("abc"), None, BENCH, lambda *_: old),
        lambda _: Response("yes"),
    )

    assert score.grade == old


def test_weight_and_pass_mark_travel_with_the_score() -> None:
    (score,) = scored(case(Turn("q", expect=(check("n", Length(), weight=3.0, pass_at=0.9),))), said("abc"))

    assert (score.weight, score.pass_at, score.passed) == (3.0, 0.9, False)


def test_stored_replies_are_graded_by_another_suite(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("suite: made\ncases:\n  - {id: a, ask: q, expect: Paris}\n")
    talk = said("It is Paris.")
    run = runs.of([Trial(talk, None, ()), runs.trial("gone", 0, {"facts": 1.0})])

    trials = [drive(flow, lambda _: Response("")) for flow in regrade(run, load(tmp_path / "s.yaml"))]

    assert [(trial.conversation, trial.scores[0].grade.value) for trial in trials] == [(talk, 1.0)]
