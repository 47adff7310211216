"""A server of few words, for what the local one never does: unknown statuses, missing endpoints, broken bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.records import Payload, encode
from evalharness.tuning.remote import Remote
from evalharness.tuning.state import TrainingFile, TuneJob
from tests.loopback import Loopback, Reply, Seen, refusal
from tests.tuning.tunes import desk

JOBS = "/v1/fine_tuning/jobs"


@dataclass
class Scripted:
    """Answers by method and path; a list is answered item by item, its last item for ever. seen: in order."""

    answers: Mapping[str, list[Reply] | Callable[[Seen], Reply]]
    seen: list[str] = field(default_factory=list)

    def __call__(self, seen: Seen) -> Reply:
        name = seen.path
        self.seen.append(name)
        found = self.answers.get(name)
        if found is None:
            return refusal(404, "there is no such thing")
        if callable(found):
            return found(seen)
        return found.pop(0) if len(found) > 1 else found[0]


def ok(value: object) -> Reply:
    """A 200 with that body."""
    return Reply(body=encode(value).encode())


def page(*items: Payload, more: bool = False) -> Reply:
    """A list."""
    return ok({"object": "list", "data": list(items), "has_more": more})


def job(status: str, **more: object) -> Reply:
    """A job object as small as servers make it."""
    return ok({"id": "ftjob-1", "object": "fine_tuning.job", "status": status, "model": "m", **more})


def event(number: int, message: str, data: Payload | None = None) -> Payload:
    """An event."""
    return {"id": f"e{number}", "created_at": number, "level": "info", "message": message, "data": data}


@contextmanager
def scripted(answers: Mapping[str, list[Reply] | Callable[[Seen], Reply]]) -> Iterator[tuple[Remote, Scripted]]:
    """A remote of a scripted server."""
    script = Scripted(answers)
    with Loopback(script) as server:
        yield Remote(server.url), script


def known(folder: Path, remote: Remote) -> TuneJob:
    """A job that was created there before."""
    file = TrainingFile("marv.jsonl", "0" * 64, 1, "file-1")
    made = TuneJob("marv", "0" * 32, remote.url, "m", file, job="ftjob-1", status="queued")
    return desk(folder).save(made)
