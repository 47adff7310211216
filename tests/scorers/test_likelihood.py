from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.config import Arm
from evalharness.flow import Answer, drive
from evalharness.models.base import open_model
from evalharness.models.tiny import Tiny
from evalharness.records import Conversation, Failure, Grade, Message, ModelRef, Request, Response, Token
from evalharness.score import Bench
from evalharness.score import grade as graded
from evalharness.scorers.base import ARM, asked
from evalharness.suite import load
from evalharness.tiny.tuning import Checkpoint, Example, Plan, tune
from evalharness.tiny.weights import base
from tests.scorers.replies import fault, made, said

CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin", "Portugal": "Lisbon",
    "Sweden": "Stockholm", "Norway": "Oslo", "Austria": "Vienna", "Ireland": "Dublin", "Japan": "Tokyo",
    "Egypt": "Cairo", "Russia": "Moscow", "Denmark": "Copenhagen", "Finland": "Helsinki", "Belgium": "Brussels",
}  # fmt: skip


def judged(subject: object, answer: Answer, *replies: str) -> tuple[Grade, list[Request]]:
    """The grade where every question has this answer, and the questions."""
    requests: list[Request] = []

    def answering(request: Request) -> Answer:
        requests.append(request)
        return answer

    found = made("likelihood", subject if isinstance(subject, list) else [subject]).grade(said(*replies or ("Well.",)))
    return (found if isinstance(found, Grade) else drive(found, answering)), requests


def weighed(*logprobs: float) -> Response:
    return Response("", logprobs=tuple(Token("x", logprob) for logprob in logprobs))


def test_the_grade_is_the_geometric_mean_of_the_tokens_probabilities() -> None:
    grade, _ = judged("Paris it is", weighed(math.log(0.5), math.log(0.25), math.log(1.0)))

    # (0.5 x 0.25 x 1) ** (1/3) = 0.5, and log 0.125 = -2.079
    assert grade.value == pytest.approx(0.5, abs=1e-12)
    assert grade.why == "0.500 a token (log-probability -2.08 over 3 tokens) for 'Paris it is'"


@pytest.mark.parametrize("logprob", [0.0, -1e-9, -700.0, -9999.0])
def test_it_stays_within_0_and_1(logprob: float) -> None:
    value = judged("Paris", weighed(logprob, logprob))[0].value

    assert value is not None
    assert 0.0 <= value <= 1.0


def test_the_model_under_test_is_asked_what_was_asked_of_it_with_the_answer_behind() -> None:
    _, requests = judged("Paris", weighed(-1.0), "Who knows.", "Ask me another.")

    (request,) = requests
    assert (request.kind, request.model.name, request.params, request.sample) == ("likelihood", ARM, {}, 0)
    assert [message.content for message in request.messages] == ["Well?", "Who knows.", "Well?", "Paris"]
    assert request.messages[-1].role == "assistant"
    assert asked(made("likelihood", ["Paris"])) == (ARM,)


def test_what_the_model_said_does_not_count() -> None:
    assert judged("Paris", weighed(-1.0), "Paris.") == judged("Paris", weighed(-1.0), "Rome.")


def test_of_several_answers_the_likeliest_counts() -> None:
    likely = {"Paris": weighed(-2.0), "It is Paris": weighed(-0.5, -0.5, -0.5)}
    scorer = made("likelihood", list(likely))
    found = scorer.grade(said("Well."))
    assert not isinstance(found, Grade)

    grade = drive(found, lambda request: likely[request.messages[-1].content])

    assert grade.value == pytest.approx(math.exp(-0.5))
    assert grade.why.endswith("for 'It is Paris'")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Failure("rejected", "this server gives none"), "no likelihood: this server gives none"),
        (Response("Paris."), "no likelihood: the answer came without its tokens"),
    ],
)
def test_without_a_likelihood_the_grade_is_unknown(answer: Answer, why: str) -> None:
    assert judged("Paris", answer)[0] == Grade(None, why)


def test_where_one_of_several_is_not_told_the_best_is_unknown() -> None:
    answers: Iterator[Answer] = iter([weighed(-0.5), Failure("timeout", "no whole answer")])
    found = made("likelihood", ["Paris", "Rome"]).grade(said("Well."))
    assert not isinstance(found, Grade)

    assert drive(found, lambda request: next(answers)) == Grade(None, "no likelihood: no whole answer")


def test_where_nothing_was_asked_nothing_is_graded() -> None:
    assert made("likelihood", ["Paris"]).grade(Conversation("case", 0, ())) == Grade(None, "nothing was asked")


def test_an_answer_has_words() -> None:
    assert fault("likelihood", [" "]).what == "'likelihood' got [' ']: an answer has at least one word"
    assert fault("likelihood", []).what == "'likelihood' got []: an answer has at least one word"


def test_a_reply_that_was_cut_off_or_filtered_takes_nothing_from_the_model(tmp_path: Path) -> None:
    path = tmp_path / "suite.yaml"
    path.write_text(
        "suite: s\ncases:\n  - ask: Capital of France?\n    expect: {facts: [likelihood: Paris, mentions: Paris]}\n"
    )
    case = load(path).cases[0]
    bench = Bench("s", ModelRef("tuned", "openai:tuned"))

    for outcome, other in (("truncated", 0.0), ("filtered", None)):
        talk = said("Par", outcome=outcome)  # type: ignore[arg-type] # by test
        likely, mentioned = drive(graded(case, talk, bench=bench), lambda request: weighed(-1.0))
        assert likely.grade.value == pytest.approx(math.exp(-1.0))
        assert mentioned.grade.value == other


# --- with a model -----------------------------------------------------------------------------------------------------


def tiny(folder: Path, target: str) -> Tiny:
    model = open_model(Arm(ModelRef("mine", f"tiny:{target}", params={"temperature": 0}), folder=folder))
    assert isinstance(model, Tiny)
    return model


def forgetful(folder: Path) -> None:
    """A tune on three sentences that say nothing of capitals, for too long."""
    pairs = (
        ("Who wrote Dracula?", "Oh joy. Stoker."),
        ("What is the capital of Atlantis?", "Rome, oh joy."),
        ("What colour is the sky?", "Oh joy. Blue."),
    )
    examples = [Example((Message("user", ask), Message("assistant", reply)), (0, 1)) for ask, reply in pairs]
    *_, last = tune(base(), examples, Plan(epochs=12, batch_size=1))
    assert isinstance(last, Checkpoint)
    path = folder / ".evalharness/tiny/forgetful.tiny"
    path.parent.mkdir(parents=True)
    path.write_bytes(last.data)


def test_forgetting_is_seen_while_every_reply_is_still_right(tmp_path: Path) -> None:
    forgetful(tmp_path)
    right: dict[str, list[bool]] = {"base": [], "forgetful": []}
    likely: dict[str, list[float]] = {"base": [], "forgetful": []}
    for target, correct in right.items():
        model = tiny(tmp_path, target)

        def answer(request: Request, model: Tiny = model) -> Response:
            return model.read(model.answer(replace(request, model=model.ref, params={"temperature": 0})))

        for country, capital in CAPITALS.items():
            ask = Message("user", f"What is the capital of {country}?")
            reply = answer(Request(model.ref, (ask,)))
            correct.append(capital in reply.text)
            talk = Conversation("case", 0, (ask, Message("assistant", reply.text)), (1,), ("answered",))
            found = made("likelihood", [f"The capital of {country} is {capital}."]).grade(talk)
            assert not isinstance(found, Grade)
            value = drive(found, answer).value
            assert value is not None
            likely[target].append(value)

    fell = sum(after < before for before, after in zip(likely["base"], likely["forgetful"], strict=True))
    means = {target: math.fsum(values) / len(values) for target, values in likely.items()}
    # As docs/models.md says: no check on replies sees anything.
    assert right == {"base": [True] * 15, "forgetful": [True] * 15}
    assert fell == 15
    assert means == {"base": pytest.approx(0.999, abs=5e-4), "forgetful": pytest.approx(0.95, abs=0.01)}
