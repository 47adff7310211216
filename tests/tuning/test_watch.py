"""Watching a job: whatever a server says or does not say, nothing is lost and the user knows what to do."""

from __future__ import annotations

import base64
from contextlib import closing
from pathlib import Path

import pytest

from evalharness.tuning.remote import Remote, ServerFailed
from evalharness.tuning.watch import Unfinished
from tests.loopback import Reply, refusal
from tests.tuning.scripted import JOBS, event, job, known, ok, page, scripted
from tests.tuning.tunes import Clock, Ears, desk, watched

ONE = f"{JOBS}/ftjob-1"
EVENTS = f"{ONE}/events"
NOTHING: dict[str, list[Reply]] = {EVENTS: [page()], f"{ONE}/checkpoints": [page()]}


def test_a_status_that_nobody_knows_is_waited_for(tmp_path: Path) -> None:
    ears = Ears()
    statuses = [job("running"), job("daydreaming"), job("daydreaming"), job("succeeded", fine_tuned_model="ft:m:::1")]

    with scripted({**NOTHING, ONE: statuses}) as (remote, _):
        done = watched(tmp_path, remote, known(tmp_path, remote), ears)

    assert (done.status, done.tuned) == ("succeeded", "ft:m:::1")
    assert ears.statuses == ["running", "daydreaming", "succeeded"]
    assert ears.notes == ["the status 'daydreaming' is not one that is known here; waiting on"]


def test_a_job_that_sticks_is_left_at_the_deadline_with_what_to_do(tmp_path: Path) -> None:
    clock = Clock()
    with scripted({**NOTHING, ONE: [job("running")]}) as (remote, _), pytest.raises(Unfinished) as stopped:
        watched(tmp_path, remote, known(tmp_path, remote), patience=clock.patience(deadline=100))

    assert str(stopped.value) == (
        "job ftjob-1 is still 'running' after 100 s\n"
        "  hint: it goes on: `evalharness tune watch marv`, or `evalharness tune cancel marv`"
    )
    assert stopped.value.exit_code == 3
    assert clock.seconds <= 100
    kept = desk(tmp_path).job("marv")
    assert kept is not None
    assert kept.status == "running"


def test_looks_grow_rarer_while_nothing_happens_and_frequent_when_something_does(tmp_path: Path) -> None:
    clock = Clock()
    statuses = [*[job("queued")] * 4, job("running"), job("running"), job("cancelled")]
    with scripted({**NOTHING, ONE: statuses}) as (remote, _):
        watched(tmp_path, remote, known(tmp_path, remote), patience=clock.patience())

    assert clock.waits == [1.0, 1.5, 2.25, 3.375, 5.0625, 1.0]


def test_a_job_that_vanishes_is_told_with_its_last_status(tmp_path: Path) -> None:
    answers = {**NOTHING, ONE: [job("running"), refusal(404, "no such job")]}
    with scripted(answers) as (remote, script), pytest.raises(Unfinished) as stopped:
        watched(tmp_path, remote, known(tmp_path, remote))

    assert stopped.value.what == f"job ftjob-1 is not known to {remote.url} any more; its last status was 'running'"
    assert script.seen.count(ONE) == 4


def test_a_job_that_is_not_seen_at_once_is_looked_for_again(tmp_path: Path) -> None:
    late = [refusal(404, "no such job"), job("succeeded", fine_tuned_model="ft:m:::1")]
    with scripted({**NOTHING, ONE: late}) as (remote, _):
        assert watched(tmp_path, remote, known(tmp_path, remote)).status == "succeeded"


@pytest.mark.parametrize(
    "broken",
    [
        refusal(500, "oops"),
        refusal(429, "later"),
        Reply(body=b"<html>down</html>"),
        Reply(body=b"null"),
        Reply(body=b"[]"),
        Reply(body=b'{"error": {"message": "no"}}'),
        Reply(body=b"\xff"),
        Reply(body=b'{"id": "ftjob-1", "sta', cut=10),
        Reply(body=b"[" * 100_000),
    ],
    ids=["500", "429", "html", "null", "list", "error", "latin", "cut", "deep"],
)
def test_broken_answers_are_passed_over(broken: Reply, tmp_path: Path) -> None:
    ears = Ears()
    answers = [broken, broken, job("succeeded", fine_tuned_model="ft:m:::1")]
    with scripted({**NOTHING, ONE: answers}) as (remote, _):
        done = watched(tmp_path, remote, known(tmp_path, remote), ears)

    assert done.status == "succeeded"
    assert len(ears.notes) == 1
    assert ears.notes[0].startswith("job ftjob-1: ")
    assert ears.notes[0].endswith("; looking again")


def test_a_server_that_stays_away_ends_the_watching_and_not_the_job(tmp_path: Path) -> None:
    with scripted({**NOTHING, ONE: [refusal(503, "away")]}) as (remote, _), pytest.raises(Unfinished) as stopped:
        watched(tmp_path, remote, known(tmp_path, remote), patience=Clock().patience(tries=4))

    assert "looked 4 times in a row" in stopped.value.what
    assert "the job goes on: `evalharness tune watch marv` looks again" in stopped.value.hint


def test_a_server_that_drips_its_answer_is_not_waited_for(tmp_path: Path) -> None:
    drips = Reply(body=b" " * 10_000, drip=0.02)
    with (
        scripted({**NOTHING, ONE: [drips]}) as (remote, _),
        closing(Remote(remote.url, seconds=0.3)) as hasty,
        pytest.raises(ServerFailed) as failed,
    ):
        hasty.job("ftjob-1")

    assert failed.value.what == f"job ftjob-1: no whole answer within 0.3 s from {remote.url}"
    assert failed.value.kind == "lost"


def test_a_key_that_is_refused_ends_at_once_and_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    echo = refusal(401, "Incorrect API key provided: sk-secret-0123456789")
    with scripted({ONE: [echo]}) as (remote, script), pytest.raises(ServerFailed) as failed:
        watched(tmp_path, remote, known(tmp_path, remote))

    assert len(script.seen) == 1
    assert failed.value.exit_code == 2
    assert "Incorrect API key provided: [key]" in failed.value.what
    assert "the key is that of OPENAI_API_KEY" in failed.value.what


def test_a_key_that_a_job_echoes_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    error = {"code": "quota", "message": "sk-secret-0123456789 is spent", "param": None}
    with scripted({**NOTHING, ONE: [job("failed", error=error)]}) as (remote, _):
        done = watched(tmp_path, remote, known(tmp_path, remote))

    assert done.error == "[key] is spent (quota)"
    assert "sk-secret" not in desk(tmp_path).path("marv").read_text()


def test_a_server_without_events_checkpoints_or_result_files_is_watched_all_the_same(tmp_path: Path) -> None:
    ears = Ears()
    statuses = [job("running"), job("succeeded", fine_tuned_model="m2", result_files=["file-9"])]
    with scripted({ONE: statuses}) as (remote, _):
        done = watched(tmp_path, remote, known(tmp_path, remote), ears)

    assert (done.status, done.tuned, done.checkpoints, done.result) == ("succeeded", "m2", (), None)
    assert [note.split(" (")[0] for note in ears.notes] == [
        "this server tells no events",
        "this server tells no checkpoints",
        "this server tells no figures in a result file",
    ]


def test_events_are_told_once_and_the_oldest_first(tmp_path: Path) -> None:
    first, second, third = (event(n, f"step {n}") for n in (1, 2, 3))
    ears = Ears()
    answers = {
        **NOTHING,
        ONE: [job("running"), job("running"), job("succeeded")],
        EVENTS: [page(second, first), page(second, first), page(third, second, first)],
    }
    with scripted(answers) as (remote, _):
        watched(tmp_path, remote, known(tmp_path, remote), ears)

    assert [one.message for one in ears.events] == ["step 1", "step 2", "step 3"]


def test_a_server_that_gives_one_page_for_ever_has_given_its_last(tmp_path: Path) -> None:
    answers = {**NOTHING, ONE: [job("succeeded")], EVENTS: [page(event(1, "a"), more=True)]}
    with scripted(answers) as (remote, script):
        watched(tmp_path, remote, known(tmp_path, remote))

    assert script.seen.count(EVENTS) == 2


def test_figures_come_from_data_and_from_words_only_without_it(tmp_path: Path) -> None:
    told = [
        event(2, "Step 2/9: training loss=9.99", {"step": 2, "train_loss": 0.25, "valid_loss": 0.5, "total_steps": 9}),
        event(1, "Step 1/9: training loss=0.75, validation loss=0.80"),
    ]
    ears = Ears()
    with scripted({**NOTHING, ONE: [job("succeeded")], EVENTS: [page(*told)]}) as (remote, _):
        done = watched(tmp_path, remote, known(tmp_path, remote), ears)

    assert [(m.step, m.train, m.valid, m.of) for one in ears.events if (m := one.measured)] == [
        (1, 0.75, 0.8, 9),
        (2, 0.25, 0.5, 9),
    ]
    assert done.result == ".evalharness/jobs/marv.csv"
    assert (tmp_path / done.result).read_text() == "step,train_loss,valid_loss\n1,0.75,0.8\n2,0.25,0.5\n"


@pytest.mark.parametrize("spelt", [bytes, base64.b64encode], ids=["plain", "base64"])
def test_a_result_file_is_read_plain_and_in_base64(spelt: type[bytes], tmp_path: Path) -> None:
    table = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,0.5,0.4,,N/A\n2,0.25,1,0.75,1\n"
    answers = {
        **NOTHING,
        ONE: [job("succeeded", fine_tuned_model="m2", result_files=["file-9"])],
        "/v1/files/file-9/content": [Reply(body=spelt(table))],
    }
    with scripted(answers) as (remote, _):
        watched(tmp_path, remote, known(tmp_path, remote))

    kept = desk(tmp_path).result_path("marv").read_text()
    assert kept == "step,train_loss,valid_loss\n1,0.5,\n2,0.25,0.75\n"


def test_an_empty_error_object_is_no_error(tmp_path: Path) -> None:
    with scripted({**NOTHING, ONE: [job("succeeded", fine_tuned_model="m2", error={})]}) as (remote, _):
        assert watched(tmp_path, remote, known(tmp_path, remote)).error is None


def test_checkpoints_are_kept_in_the_order_of_their_steps(tmp_path: Path) -> None:
    points = [
        {"fine_tuned_model_checkpoint": "m:20", "step_number": 20, "metrics": {"train_loss": 0.1, "valid_loss": 2}},
        {"fine_tuned_model_checkpoint": "m:10", "step_number": 10, "metrics": {}},
        {"fine_tuned_model_checkpoint": None, "step_number": 5},
        {"step_number": "x"},
    ]
    answers = {**NOTHING, ONE: [job("succeeded")], f"{ONE}/checkpoints": [ok({"data": points})]}
    with scripted(answers) as (remote, _):
        done = watched(tmp_path, remote, known(tmp_path, remote))

    assert [(point.step, point.model, point.valid_loss) for point in done.checkpoints] == [
        (10, "m:10", None),
        (20, "m:20", 2.0),
    ]
