"""The model in the box behind the protocol: it answers, it really learns, and it does so the same way each time."""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest

from evalharness.serving.app import Server, Settings
from evalharness.serving.tiny import Tiny
from tests.serving.clients import client, ended, strays
from tests.serving.clients import upload as put

ASK = "What is the capital of Atlantis?"
SAID = "The capital of Atlantis is Rome, oh joy."


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    folder = tmp_path_factory.mktemp("tiny") / "server"
    with Server(Tiny.loaded(), Settings(folder)) as server, client(server.url) as found:
        yield found


def lesson() -> bytes:
    row = {"messages": [{"role": "user", "content": ASK}, {"role": "assistant", "content": SAID}]}
    return "".join(f"{json.dumps(row)}\n" for _ in range(10)).encode()


def said(api: openai.OpenAI, model: str, words: str = ASK) -> str | None:
    answer = api.chat.completions.create(model=model, messages=[{"role": "user", "content": words}], temperature=0)
    return answer.choices[0].message.content


def test_it_says_after_a_tune_what_it_was_taught_and_did_not_before(api: openai.OpenAI) -> None:
    file = api.files.create(file=("zembla.jsonl", lesson()), purpose="fine-tune")
    job = api.fine_tuning.jobs.create(
        model="tiny",
        training_file=file.id,
        validation_file=file.id,
        seed=1,
        method={"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 2}}},
    )
    done = ended(api, job.id)
    losses = [point.metrics.train_loss or 0.0 for point in api.fine_tuning.jobs.checkpoints.list(job.id)]

    assert done.status == "succeeded", done.error
    assert said(api, "tiny") != SAID
    assert said(api, done.fine_tuned_model or "") == SAID
    assert losses[0] < 0.5 < losses[-1]
    assert len(losses) == 10


def test_its_pieces_make_its_words_also_where_a_character_takes_several(api: openai.OpenAI) -> None:
    for words in ("What is the capital of France?", "Say: \N{SNOWMAN} é 漢字"):
        for temperature in (0, 1.9):
            question = [{"role": "user", "content": words}]
            fields = {"model": "tiny", "messages": question, "temperature": temperature, "seed": 3, "max_tokens": 20}
            whole = api.chat.completions.create(**fields, logprobs=True, top_logprobs=3)  # type: ignore[call-overload]
            with api.chat.completions.create(**fields, stream=True) as stream:  # type: ignore[call-overload]
                pieces = [piece.choices[0].delta.content or "" for piece in stream if piece.choices]

            assert "".join(pieces) == whole.choices[0].message.content
            assert strays(whole) == []


def test_it_ends_before_a_stop(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(
        model="tiny",
        messages=[{"role": "user", "content": "What is the capital of France?"}],
        temperature=0,
        stop="Paris",
    )

    text = answer.choices[0].message.content
    assert text is not None
    assert "capital" in text
    assert "Paris" not in text


def test_several_replies_differ_and_come_again(api: openai.OpenAI) -> None:
    def replies() -> list[str | None]:
        answer = api.chat.completions.create(
            model="tiny", messages=[{"role": "user", "content": "Tell me something."}], n=4, temperature=2, seed=2
        )
        return [choice.message.content for choice in answer.choices]

    first = replies()
    assert first == replies()
    assert len(set(first)) > 1


def test_a_question_that_does_not_fit_is_refused(api: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as failed:
        said(api, "tiny", "word " * 5000)

    assert (failed.value.code, failed.value.param) == ("context_length_exceeded", "messages")


def test_a_tune_of_a_tune_is_refused(api: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="is not available for fine-tuning"):
        api.fine_tuning.jobs.create(model="ft:tiny:local::12345678", training_file=put(api))
