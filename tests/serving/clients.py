"""The official client, pointed at a server of this process, and how a test waits for what the server does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import openai
from openai import BaseModel
from openai.types.fine_tuning import FineTuningJob

from evalharness.serving.app import Server, Settings
from evalharness.serving.misbehaviour import Temper
from tests.serving.parrot import Parrot, examples

T = TypeVar("T")
ENDED = ("succeeded", "failed", "cancelled")


@contextmanager
def served(
    folder: Path, brain: Parrot | None = None, temper: Temper | None = None, shutdown: str | None = None
) -> Iterator[openai.OpenAI]:
    """A client of a server that lives as long as the block; what it keeps is in `folder`."""
    settings = Settings(folder / "server", temper=temper or Temper(()), shutdown=shutdown)
    with Server(brain or Parrot(), settings) as server, client(server.url) as found:
        yield found


def client(url: str) -> openai.OpenAI:
    """The official client, which tries nothing twice and takes no proxy."""
    return openai.OpenAI(
        base_url=url,
        api_key="sk-of-a-test-1234567890",
        max_retries=0,
        http_client=openai.DefaultHttpxClient(trust_env=False),
    )


def upload(api: openai.OpenAI, count: int = 10, name: str = "train.jsonl") -> str:
    """The id of an uploaded training file."""
    return api.files.create(file=(name, examples(count)), purpose="fine-tune").id


def ended(api: openai.OpenAI, job: str) -> FineTuningJob:
    """The job once it has ended."""
    return until(lambda: api.fine_tuning.jobs.retrieve(job), lambda found: found.status in ENDED)


def until(look: Callable[[], T], good: Callable[[T], bool], looks: int = 20_000) -> T:
    """What is found once it is good. Each look is a request, so this waits without sleeping."""
    for _ in range(looks):
        found = look()
        if good(found):
            return found
    raise AssertionError(f"it is still {found}")


def strays(value: object, place: str = "") -> list[str]:
    """Fields of an answer that the client does not know, and fields it knows that the answer lacks."""
    if isinstance(value, BaseModel):
        known = type(value).model_fields
        unknown = [f"{place}.{name} is unknown" for name in value.model_extra or {}]
        missing = [f"{place}.{name} is missing" for name in known if name not in value.model_fields_set]
        inner = [found for name in known for found in strays(getattr(value, name), f"{place}.{name}")]
        return unknown + missing + inner
    if isinstance(value, list):
        return [found for at, item in enumerate(value) for found in strays(item, f"{place}[{at}]")]
    return []
