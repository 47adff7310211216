"""The official client finds in every answer each field it knows, and none that it does not know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.serving.clients import ended, served, strays, until, upload


@pytest.fixture
def api(tmp_path: Path) -> Iterator[openai.OpenAI]:
    with served(tmp_path) as found:
        yield found


def test_a_completion_has_every_field(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(
        model="parrot-1", messages=[{"role": "user", "content": "hello there"}], logprobs=True, top_logprobs=2, n=2
    )

    assert strays(answer) == []
    assert [choice.message.content for choice in answer.choices] == ["hello there 0", "hello there 1"]


def test_every_piece_of_a_stream_has_every_field(api: openai.OpenAI) -> None:
    with api.chat.completions.create(
        model="parrot-1",
        messages=[{"role": "user", "content": "hello there"}],
        logprobs=True,
        top_logprobs=1,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        pieces = list(stream)

    assert [found for piece in pieces for found in strays(piece)] == []
    assert pieces[-1].usage is not None


def test_models_have_every_field(api: openai.OpenAI) -> None:
    found = [*api.models.list(), api.models.retrieve("parrot-1")]

    assert [name for model in found for name in strays(model)] == []
    assert [model.id for model in found] == ["parrot-1", "parrot-1-large", "parrot-1"]


def test_files_have_every_field(api: openai.OpenAI) -> None:
    name = upload(api)

    found = [api.files.retrieve(name), *api.files.list()]

    assert [stray for file in found for stray in strays(file)] == []
    assert strays(api.files.delete(name)) == []


def test_a_job_its_events_and_its_checkpoints_have_every_field(api: openai.OpenAI) -> None:
    created = api.fine_tuning.jobs.create(
        model="parrot-1",
        training_file=upload(api, 10),
        validation_file=upload(api, 3, "valid.jsonl"),
        metadata={"who": "me"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    )
    done = ended(api, created.id)
    events = list(api.fine_tuning.jobs.list_events(created.id))
    checkpoints = list(api.fine_tuning.jobs.checkpoints.list(created.id))
    listed = list(api.fine_tuning.jobs.list())

    assert done.status == "succeeded"
    found = [created, done, *listed, *events, *checkpoints]
    assert [stray for one in found for stray in strays(one)] == []
    assert (len(listed), len(checkpoints)) == (1, 2)


def test_a_failed_job_has_every_field(api: openai.OpenAI) -> None:
    job = ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api, 3)).id)

    assert job.status == "failed"
    assert strays(job) == []


def test_a_batch_has_every_field(api: openai.OpenAI) -> None:
    line = {
        "custom_id": "one",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "parrot-1", "messages": [{"role": "user", "content": "hello"}], "temperature": 0},
    }
    file = api.files.create(file=("ask.jsonl", f"{json.dumps(line)}\n".encode()), purpose="batch")
    created = api.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"a": "b"}
    )

    done = until(lambda: api.batches.retrieve(created.id), lambda batch: batch.status == "completed")

    assert [stray for batch in (created, done, *api.batches.list()) for stray in strays(batch)] == []
    assert done.request_counts is not None
    assert done.request_counts.completed == 1


def test_a_failed_batch_has_every_field(api: openai.OpenAI) -> None:
    file = api.files.create(file=("ask.jsonl", b"no json\n"), purpose="batch")
    created = api.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")

    done = until(lambda: api.batches.retrieve(created.id), lambda batch: batch.status == "failed")

    assert strays(done) == []
    assert done.errors is not None
    assert done.errors.data is not None
    assert [(fault.line, fault.code) for fault in done.errors.data] == [(1, "invalid_json_line")]
