"""Batches: answers by custom id, errors apart, faults by line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from openai.types import Batch

from evalharness.records import Payload
from tests.serving.clients import served, until

ENDED = ("completed", "failed", "cancelled")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[openai.OpenAI]:
    with served(tmp_path) as found:
        yield found


def line(name: str, words: str, **more: object) -> Payload:
    body = {"model": "parrot-1", "messages": [{"role": "user", "content": words}], "temperature": 0, **more}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


def done(api: openai.OpenAI, lines: list[Payload]) -> Batch:
    content = "".join(f"{json.dumps(one)}\n" for one in lines).encode()
    file = api.files.create(file=("ask.jsonl", content), purpose="batch")
    made = api.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    return until(lambda: api.batches.retrieve(made.id), lambda batch: batch.status in ENDED)


def rows(api: openai.OpenAI, file: str | None) -> list[Payload]:
    return [json.loads(row) for row in api.files.content(file or "").content.split(b"\n") if row]


def test_every_line_is_answered_under_its_own_id(api: openai.OpenAI) -> None:
    batch = done(api, [line("b", "two words"), line("a", "one")])

    found = rows(api, batch.output_file_id)

    assert [row["custom_id"] for row in found] == ["b", "a"]
    assert [_said(row) for row in found] == [(200, "two words"), (200, "one")]
    assert batch.error_file_id is None
    assert batch.usage is not None
    assert (batch.usage.input_tokens, batch.usage.output_tokens, batch.model) == (3, 3, "parrot-1")


def _said(row: Payload) -> tuple[object, object]:
    response = row["response"]
    assert isinstance(response, dict)
    return response["status_code"], response["body"]["choices"][0]["message"]["content"]


def test_a_line_that_is_refused_stands_in_the_error_file(api: openai.OpenAI) -> None:
    batch = done(api, [line("good", "one"), line("bad", "two", model="crow")])

    (failed,) = rows(api, batch.error_file_id)

    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (1, 1)
    assert failed["custom_id"] == "bad"
    assert isinstance(failed["response"], dict)
    assert failed["response"]["status_code"] == 404
    assert failed["response"]["body"]["error"]["code"] == "model_not_found"


def test_every_fault_of_a_batch_file_is_told_by_line(api: openai.OpenAI) -> None:
    twice = line("a", "one")
    batch = done(api, [twice, twice, {"custom_id": "c"}, {**line("d", "x"), "url": "/v1/other"}])

    assert batch.status == "failed"
    assert batch.errors is not None
    assert [(fault.line, fault.code) for fault in batch.errors.data or []] == [
        (2, "duplicate_custom_id"),
        (3, "invalid_url"),
        (4, "invalid_url"),
    ]


def test_only_chats_can_be_asked_in_a_batch(api: openai.OpenAI) -> None:
    file = api.files.create(file=("ask.jsonl", b"{}\n"), purpose="batch")

    with pytest.raises(openai.BadRequestError, match="Supported values are: '/v1/chat/completions'"):
        api.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")


def test_a_batch_that_has_ended_cannot_be_cancelled(api: openai.OpenAI) -> None:
    batch = done(api, [line("a", "one")])

    with pytest.raises(openai.ConflictError, match="Cannot cancel a batch with status 'completed'"):
        api.batches.cancel(batch.id)


def test_batches_are_found_after_a_restart(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        batch = done(api, [line("a", "one")])
    with served(tmp_path) as api:
        assert [_said(row) for row in rows(api, api.batches.retrieve(batch.id).output_file_id)] == [(200, "one")]
