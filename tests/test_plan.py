from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.flow import Answer, drive
from evalharness.plan import Plan, converse, examine, suite_ref
from evalharness.records import Failure, Message, ModelRef, Request, Response, Usage
from evalharness.suite import Suite, load, select

MODEL = ModelRef("tuned", "openai:m")


def suite(where: Path, text: str) -> Suite:
    path = where / "made.yaml"
    path.write_text(text)
    return load(path)


def said(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


def echo(request: Request) -> Answer:
    return Response(f"re: {request.messages[-1].content}", usage=Usage(1, 2), served="m-1", fingerprint="fp")


ONE = "suite: s\ncases:\n  - id: a\n    ask: one\n    expect: x\n"
TALK = """\
suite: s
system: Be brief.
cases:
  - id: talk
    turns:
      - {ask: hello, reply: scripted}
      - ask: one
      - ask: two
        expect: x
"""


def test_turns_are_asked_in_order_with_all_that_was_said_before(tmp_path: Path) -> None:
    made = suite(tmp_path, TALK)
    asked: list[Request] = []

    def answer(request: Request) -> Answer:
        asked.append(request)
        return echo(request)

    talk, failure = drive(converse(made.cases[0], made, MODEL, 0), answer)

    assert [len(request.messages) for request in asked] == [4, 6]
    assert [request.origin and request.origin.turn for request in asked] == [1, 2]
    assert said(talk.messages) == [
        ("system", "Be brief."),
        ("user", "hello"),
        ("assistant", "scripted"),
        ("user", "one"),
        ("assistant", "re: one"),
        ("user", "two"),
        ("assistant", "re: two"),
    ]
    assert (talk.replies, talk.usage, talk.served, talk.fingerprints) == ((4, 6), Usage(2, 4), ("m-1",), ("fp",))
    assert failure is None


def test_a_failure_ends_the_talk_and_keeps_what_was_said(tmp_path: Path) -> None:
    made = suite(tmp_path, TALK)
    late = Failure("timeout", "too late", 5)
    answers: Iterator[Answer] = iter([Response("fine"), late])

    trial = drive(examine(made.cases[0], Plan(made, MODEL, 1), 0), lambda _: next(answers))

    assert trial.failure == late
    assert trial.conversation.messages[-1] == Message("user", "two")
    assert [(score.turn, score.grade.value, score.grade.why) for score in trial.scores] == [
        (2, None, "no answer (timeout)")
    ]


def test_a_filtered_answer_ends_the_talk_as_missing(tmp_path: Path) -> None:
    made = suite(tmp_path, TALK)

    trial = drive(examine(made.cases[0], Plan(made, MODEL, 1), 0), lambda _: Response("", "filtered"))

    assert (trial.failure, trial.conversation.outcomes) == (None, ("filtered",))
    assert [score.grade.value for score in trial.scores] == [None]


@pytest.mark.parametrize(
    ("case", "arm", "suite_says", "expected"),
    [
        ("", None, "suite", []),
        ("case", "arm", "suite", ["case"]),
        (None, "arm", "suite", ["arm"]),
        (None, None, "suite", ["suite"]),
        (None, "", "suite", []),
        (None, None, None, []),
    ],
)
def test_the_nearest_system_text_wins_and_an_empty_one_sends_none(
    case: str | None, arm: str | None, suite_says: str | None, expected: list[str], tmp_path: Path
) -> None:
    made = replace(suite(tmp_path, ONE), system=suite_says)
    asked: list[Request] = []

    drive(converse(replace(made.cases[0], system=case), made, replace(MODEL, system=arm), 0), recording(asked))

    assert [m.content for m in asked[0].messages if m.role == "system"] == expected


def recording(asked: list[Request]) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        asked.append(request)
        return echo(request)

    return answer


def test_the_arms_parameters_beat_the_cases_which_beat_the_suites(tmp_path: Path) -> None:
    made = suite(tmp_path, ONE.replace("cases:", "params: {temperature: 0, top_p: 1, seed: 1}\ncases:"))
    case = replace(made.cases[0], params={"temperature": 0.5, "seed": 2})
    model = replace(MODEL, params={"seed": 3}, drop=("top_p",))

    (request,) = Plan(replace(made, cases=(case,)), model, 1).first_requests()

    assert request.params == {"temperature": 0.5, "seed": 3}


def test_passages_stand_before_the_first_question_of_an_arm_with_a_context(tmp_path: Path) -> None:
    text = (
        "suite: s\ncases:\n  - id: a\n    context: [Paris is big., '{{ ask }} $1 \\1']\n    ask: one\n    expect: x\n"
    )
    made = suite(tmp_path, text)
    template = replace(MODEL, context="{{ passages }}\n--\n{{ask}}")

    (with_context,) = Plan(made, template, 1).first_requests()
    (without,) = Plan(made, MODEL, 1).first_requests()

    assert with_context.messages[-1].content == "Paris is big.\n\n{{ ask }} $1 \\1\n--\none"
    assert without.messages[-1].content == "one"


def test_passages_are_put_once_also_where_the_first_turn_is_scripted(tmp_path: Path) -> None:
    made = suite(tmp_path, TALK.replace("  - id: talk\n", "  - id: talk\n    context: Passage.\n"))

    (request,) = Plan(made, replace(MODEL, context="{{ passages }} {{ ask }}"), 1).first_requests()

    assert said(request.messages)[1:] == [("user", "Passage. hello"), ("assistant", "scripted"), ("user", "one")]


def test_a_plan_counts_turns_and_samples(tmp_path: Path) -> None:
    plan = Plan(suite(tmp_path, TALK), MODEL, 3)

    assert (len(plan), plan.requests(), len(list(plan.first_requests()))) == (3, 6, 3)
    assert [request.sample for request in plan.first_requests()] == [0, 1, 2]


def test_what_the_run_file_remembers_of_cases_and_suite(tmp_path: Path) -> None:
    text = (
        "suite: s\nscope: suite\ntest: midp\nalpha: 0.1\ntrain: train.jsonl\ncases:\n"
        "  - {id: a, ask: one, tags: [t], group: g, must_pass: true, expect: {facts: x, format: {max_words: 3}}}\n"
    )
    (tmp_path / "train.jsonl").write_text("{}\n")
    made = suite(tmp_path, text)

    (asked,) = Plan(made, MODEL, 2).cases()
    ref = suite_ref(select(made, tags=["t"]), 2)

    assert (asked.case, asked.question, asked.aspects) == ("a", "one", ("facts", "format"))
    assert (asked.tags, asked.group, asked.must_pass) == (("t",), "g", True)
    assert (ref.name, ref.scope, ref.test, ref.alpha, ref.samples, ref.selected) == (
        "s",
        "suite",
        "midp",
        0.1,
        2,
        ("--tag t",),
    )
    assert ref.train == "train.jsonl"
