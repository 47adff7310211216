"""The model in the box as an arm: where its weights lie, what it answers, and what names an answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from evalharness.cache import Cache
from evalharness.config import Arm
from evalharness.engine import Limits, run
from evalharness.errors import Faults, ModelFailed
from evalharness.flow import Answer, ask_all
from evalharness.models.base import Model, open_model
from evalharness.records import Message, ModelRef, Payload, Request, Response, Usage
from evalharness.tiny.tuning import Checkpoint, Example, Plan, tune
from evalharness.tiny.weights import BASE, base, digest

CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid"}


def tiny(folder: Path, target: str = "base", params: Payload | None = None) -> Model:
    return open_model(Arm(ModelRef("mine", f"tiny:{target}", params=params or {}), folder=folder, place="models.mine"))


def question(model: Model, ask: str, params: Payload | None = None, sample: int = 0) -> Request:
    return Request(model.ref, (Message("user", ask),), params or {"temperature": 0}, sample)


def answer(model: Model, ask: str, params: Payload | None = None, sample: int = 0) -> Response:
    return model.read(asyncio.run(model.fetch(question(model, ask, params, sample))))


def tuned(folder: Path) -> bytes:
    """A tune of a step or two, put where tunes lie."""
    said = (Message("user", "Who wrote Dracula?"), Message("assistant", "Oh joy. Stoker."))
    plan = Plan(epochs=12, multiplier=5.0)
    *_, last = tune(base(), [Example(said, (0, 1))], plan)
    assert isinstance(last, Checkpoint)
    path = folder / ".evalharness/tiny/marv.tiny"
    path.parent.mkdir(parents=True)
    path.write_bytes(last.data)
    return last.data


def test_the_base_answers_with_its_name_its_build_and_its_tokens(tmp_path: Path) -> None:
    found = answer(tiny(tmp_path), "What is the capital of France?")

    assert found == Response(
        "The capital of France is Paris.", "answered", Usage(9, 8), "base", f"tiny_{base().digest[:10]}"
    )


def test_a_tune_is_found_by_its_name_and_by_its_file(tmp_path: Path) -> None:
    data = tuned(tmp_path)

    by_name, by_file = tiny(tmp_path, "marv"), tiny(tmp_path, ".evalharness/tiny/marv.tiny")

    assert by_name.ref.digest == by_file.ref.digest == digest(data)
    assert answer(by_name, "Who wrote Dracula?").text == answer(by_file, "Who wrote Dracula?").text == "Oh joy. Stoker."
    assert answer(by_name, "Who wrote Dracula?").served == "marv"


def test_other_weights_are_another_model(tmp_path: Path) -> None:
    tuned(tmp_path)
    keys = {question(tiny(tmp_path, target), "Hi").key() for target in ("base", "marv")}

    assert len(keys) == 2
    assert tiny(tmp_path).ref.digest == digest(BASE.read_bytes())


def test_samples_differ_by_their_number_and_repeat_by_their_seed(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    params: Payload = {"temperature": 2.0, "seed": 3}

    said = [answer(model, "What is the capital of Oz?", params, sample).text for sample in range(4)]

    assert len(set(said)) > 1
    assert said == [answer(model, "What is the capital of Oz?", params, sample).text for sample in range(4)]


def test_a_reply_at_the_most_tokens_is_truncated(tmp_path: Path) -> None:
    found = answer(tiny(tmp_path), "What is the capital of France?", {"temperature": 0, "max_tokens": 3})

    assert (found.text, found.outcome) == ("The capital of", "truncated")


def test_the_same_question_gives_the_same_text_byte_for_byte(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    texts = {asyncio.run(model.fetch(question(model, "Who are you?", {"logprobs": True}))) for _ in range(2)}

    assert len(texts) == 1
    assert json.loads(texts.pop())["choices"][0]["logprobs"]["content"]


def test_answers_are_cached_and_known_without_the_weights(tmp_path: Path) -> None:
    def asked() -> tuple[int, list[str]]:
        model = tiny(tmp_path)
        requests = [question(model, f"What is the capital of {country}?") for country in CAPITALS]
        texts: list[str] = []

        def finished(_: int, answers: tuple[Answer, ...]) -> None:
            texts.extend(answer.text for answer in answers if isinstance(answer, Response))

        with Cache(tmp_path / "cache") as cache:
            told = run([ask_all(*requests)], {"mine": model}, cache=cache, limits=Limits(), finished=finished)
        return told["mine"].sent, texts

    said = [f"The capital of {country} is {city}." for country, city in CAPITALS.items()]
    assert asked() == (3, said)
    assert asked() == (0, said)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("marv", ".evalharness/tiny/marv.tiny: there is no such file\n  hint: a tune writes it; the base is tiny:base"),
        (
            "../up",
            "models.mine: '../up' names no tiny model\n"
            "  hint: tiny:base, the name of a tune, or a file that ends in .tiny",
        ),
        ("gone/marv.tiny", "gone/marv.tiny: there is no such file\n  hint: a tune writes it; the base is tiny:base"),
    ],
)
def test_weights_that_are_not_there_are_a_fault(tmp_path: Path, target: str, message: str) -> None:
    with pytest.raises(Faults) as caught:
        tiny(tmp_path, target)

    assert str(caught.value) == message


def test_damaged_weights_are_a_fault_before_anything_is_asked_and_none_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "bad.tiny").write_bytes(b"not weights")
    model = tiny(tmp_path, "bad.tiny")

    faults = model.faults([question(model, "Hi")])

    assert [str(fault) for fault in faults] == [
        "bad.tiny: not the weights of a tiny model: it begins with something else\n"
        "  hint: a tune of tiny:base writes such files"
    ]
    assert model.faults([]) == ()


def test_parameters_it_does_not_take_are_faults_told_once_each(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    wrong: list[Payload] = [{"temperature": 5}, {"temperature": 5}, {"n": 2}, {"temperatur": 0}]

    faults = model.faults([question(model, "Hi", params) for params in wrong])

    assert [str(fault) for fault in faults] == [
        "models.mine: 'temperature' is a number from 0 to 2, got 5",
        "models.mine: the parameter 'n' is the harness's own\n  hint: `samples` asks more often",
        "models.mine: there is no parameter 'temperatur'",
    ]


def test_a_question_too_long_for_the_window_is_rejected_and_not_tried_again(tmp_path: Path) -> None:
    with pytest.raises(ModelFailed) as failed:
        answer(tiny(tmp_path), "why " * 1000)

    assert (failed.value.kind, failed.value.again, failed.value.stops) == ("rejected", False, "")


def test_a_vector_is_that_of_one_text_with_words_in_it(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    messages = {
        "of 2 messages": (Message("user", "a"), Message("user", "b")),
        "a text without": (Message("user", " "),),
    }

    for what, asked in messages.items():
        with pytest.raises(ModelFailed, match=what):
            asyncio.run(model.fetch(Request(model.ref, asked, kind="embed")))


def test_a_likelihood_takes_no_parameters_to_heart(tmp_path: Path) -> None:
    model = tiny(tmp_path)
    said = (Message("user", "What is the capital of France?"), Message("assistant", "Paris"))

    cold, hot = (
        asyncio.run(model.fetch(Request(model.ref, said, {"temperature": degree, "max_tokens": 1}, kind="likelihood")))
        for degree in (0, 2)
    )

    assert cold == hot
    assert model.read(cold).text == "Paris"
