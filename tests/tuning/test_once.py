"""Servers that lack or refuse something: still one upload and one job, or a line that says why it is not known."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalharness.records import Payload
from evalharness.tuning.job import Order
from evalharness.tuning.remote import Remote, ServerFailed
from tests.loopback import Loopback, Reply, Seen, refusal
from tests.tuning.scripted import JOBS, ok, page
from tests.tuning.tunes import Clock, Ears, desk, started, training


class Server:
    """Takes files and makes jobs, badly as told. keeps_metadata: whether it echoes what it was sent under that name.
    refuses: fields it answers with 400. loses: how many answers to a creation are lost after the job was made.
    not_ready: how many creations come too early for the file."""

    def __init__(
        self,
        *,
        keeps_metadata: bool = True,
        refuses: str = "",
        loses: int = 0,
        lists: bool = True,
        not_ready: int = 0,
    ) -> None:
        self.jobs: list[Payload] = []
        self.files: list[Payload] = []
        self.bodies: list[Payload] = []
        self.not_ready = not_ready
        self.keeps_metadata, self.refuses, self.loses, self.lists = keeps_metadata, refuses, loses, lists

    def __call__(self, seen: Seen) -> Reply:
        posts = bool(seen.raw)
        if seen.path == "/v1/files" and posts:
            name = seen.raw.split(b'filename="')[1].split(b'"')[0].decode()
            self.files.append({"id": f"file-{len(self.files)}", "object": "file", "filename": name})
            return ok(self.files[-1])
        if seen.path == "/v1/files":
            return page(*self.files) if self.lists else refusal(404, "no list")
        if seen.path.startswith("/v1/files/"):
            return refusal(404, "no such endpoint") if not self.lists else ok(self.files[0])
        if seen.path == JOBS and posts:
            return self._create(seen.body)
        if seen.path == JOBS:
            return page(*self.jobs[::-1]) if self.lists else refusal(404, "no list")
        return refusal(404, "no such thing")

    def _create(self, body: Payload) -> Reply:
        self.bodies.append(body)
        if self.refuses and self.refuses in body:
            return refusal(400, f"Unknown parameter: '{self.refuses}'.")
        if self.not_ready:
            self.not_ready -= 1
            return refusal(400, "File 'file-0' is still being processed and is not ready to be used.")
        job: Payload = {"id": f"ftjob-{len(self.jobs)}", "object": "fine_tuning.job", "status": "queued"}
        job |= {name: body.get(name) for name in ("model", "training_file", "seed")}
        if self.keeps_metadata:
            job["metadata"] = body.get("metadata")
        self.jobs.append(job)
        if self.loses:
            self.loses -= 1
            return Reply(cut=0)
        return ok(job)


def test_a_lost_creation_is_found_by_its_mark(tmp_path: Path) -> None:
    script = Server(loses=1)
    with Loopback(script) as server:
        job = started(tmp_path, Remote(server.url), Order("m", training(tmp_path)))

    assert (job.job, len(script.jobs)) == ("ftjob-0", 1)


def test_a_lost_creation_is_found_without_a_mark_by_what_it_was_made_from(tmp_path: Path) -> None:
    script = Server(keeps_metadata=False, loses=1)
    with Loopback(script) as server:
        first = started(tmp_path, Remote(server.url), Order("m", training(tmp_path), seed=1))
        second = started(tmp_path, Remote(server.url), Order("m", training(tmp_path), seed=2))

    assert (first.job, second.job, len(script.jobs)) == ("ftjob-0", "ftjob-1", 2)


@pytest.mark.parametrize("name", ["metadata", "seed", "method"])
def test_a_field_that_a_server_refuses_and_can_be_spared_is_left_out(name: str, tmp_path: Path) -> None:
    script, ears = Server(refuses=name), Ears()
    settings: Payload = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3}}}
    with Loopback(script) as server:
        job = started(tmp_path, Remote(server.url), Order("m", training(tmp_path), settings=settings), ears)
        again = started(tmp_path, Remote(server.url), Order("m", training(tmp_path), settings=settings))

    assert (len(script.jobs), len(script.bodies), job.plain, again.job) == (1, 2, (name,), "ftjob-0")
    assert name not in script.bodies[1]
    assert script.bodies[1].get("hyperparameters") == ({"n_epochs": 3} if name == "method" else None)
    assert any(f"does not take '{name}', which is left out" in note for note in ears.notes)


def test_a_seed_that_somebody_asked_for_is_not_left_out(tmp_path: Path) -> None:
    with Loopback(Server(refuses="suffix")) as server, pytest.raises(ServerFailed, match="Unknown parameter: 'suffix'"):
        started(tmp_path, Remote(server.url), Order("m", training(tmp_path), suffix="marv"))


def test_a_file_that_is_not_ready_yet_is_waited_for(tmp_path: Path) -> None:
    script, clock = Server(not_ready=2), Clock()
    with Loopback(script) as server:
        job = started(tmp_path, Remote(server.url), Order("m", training(tmp_path)), clock=clock)

    assert (job.job, len(script.jobs), clock.waits) == ("ftjob-0", 1, [1.0, 1.5])


def test_without_a_list_a_first_creation_goes_out(tmp_path: Path) -> None:
    script = Server(lists=False)
    with Loopback(script) as server:
        started(tmp_path, Remote(server.url), Order("m", training(tmp_path), seed=1))
        started(tmp_path, Remote(server.url), Order("m", training(tmp_path), seed=2))

    assert (len(script.files), len(script.jobs)) == (1, 2)


def test_without_a_list_a_lost_creation_is_not_sent_again(tmp_path: Path) -> None:
    script = Server(lists=False, loses=1)
    order = Order("m", training(tmp_path))
    with Loopback(script) as server:
        for _ in range(2):
            with pytest.raises(ServerFailed) as failed:
                started(tmp_path, Remote(server.url), order)

    assert len(script.jobs) == 1
    assert failed.value.exit_code == 3
    assert failed.value.what == (
        "it is not known whether the creation of the job arrived: this server has no list to look in"
    )


def test_a_server_that_answers_without_an_id_is_told(tmp_path: Path) -> None:
    empty = ok({"object": "list", "data": []})
    with Loopback(lambda seen: empty) as server, pytest.raises(ServerFailed, match="the answer has no id"):
        started(tmp_path, Remote(server.url), Order("m", training(tmp_path)))


def test_a_server_that_is_not_there_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"http://127\.0\.0\.1:9/v1 cannot be reached") as failed:
        started(tmp_path, Remote("http://127.0.0.1:9/v1"), Order("m", training(tmp_path)))

    assert failed.value.exit_code == 3
    assert [job.status for job in desk(tmp_path).jobs()] == ["new"]


def test_a_server_without_the_endpoints_is_told(tmp_path: Path) -> None:
    missing = refusal(404, "Not Found")
    with Loopback(lambda seen: missing) as server, pytest.raises(ServerFailed, match="says 404: Not Found") as failed:
        started(tmp_path, Remote(server.url), Order("m", training(tmp_path)))

    assert failed.value.exit_code == 2
    assert "without the endpoints for files and tuning jobs" in failed.value.hint


def test_a_key_is_needed_anywhere_but_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    assert Remote("http://localhost:1/v1").variable == "OPENAI_API_KEY"
    with pytest.raises(Exception, match="the variable OPENAI_API_KEY is not set"):
        Remote("https://api.example/v1")
    with pytest.raises(Exception, match="the variable OTHER_KEY is not set"):
        Remote("http://localhost:1/v1", "OTHER_KEY")
