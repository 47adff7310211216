"""`tune start`, `watch`, `list` and `cancel` as somebody types them."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.loopback import Loopback, Reply, Seen
from tests.serving.clients import served, until
from tests.serving.parrot import Parrot
from tests.shells.cli import ROOT, evalharness
from tests.tuning.tunes import training

SUITE = """\
suite: made
params: {temperature: 0}
each: [{n: 0}, {n: 1}, {n: 2}, {n: 3}, {n: 4}, {n: 5}, {n: 6}, {n: 7}, {n: 8}, {n: 9}]
cases:
  - id: "c{{ n }}"
    ask: "q{{ n }}"
    expect: "a{{ n }}"
gate: {facts: {gain_at_least: 0.1}}
"""


@pytest.fixture
def brain() -> Parrot:
    return Parrot()


@pytest.fixture
def api(tmp_path: Path, brain: Parrot) -> Iterator[openai.OpenAI]:
    (tmp_path / "made.yaml").write_text(SUITE)
    training(tmp_path)
    with served(tmp_path, brain) as found:
        url = str(found.base_url).rstrip("/")
        (tmp_path / "evalharness.toml").write_text(
            f'[models.base]\nuse = "openai:parrot-1"\nbase_url = "{url}"\n[models.old]\nuse = "replay:x.jsonl"\n'
        )
        yield found


START = ("tune", "start", "marv.jsonl", "--model", "base", "--poll", "0.05")


def test_a_tune_ends_with_the_command_that_compares_it(api: openai.OpenAI, tmp_path: Path) -> None:
    done = evalharness(*START, "--suffix", "marv", "--name", "first", cwd=tmp_path)

    (job,) = api.fine_tuning.jobs.list()
    assert (done.status, done.out) == (
        0,
        f"first ({job.id}): succeeded\n"
        f"  model:   {job.fine_tuned_model}\n"
        "  learnt:  40 tokens\n"
        "  step  training loss  validation loss  as a model\n"
        "     2            0.5                -  job:first@2\n"
        "     4          0.125                -  job:first\n"
        "  figures: .evalharness/jobs/first.csv\n"
        "next:   evalharness compare SUITE --base job:first@base --tuned job:first\n",
    )
    told = done.err.splitlines()
    assert told[:2] == ["uploading marv.jsonl, 900 bytes", f"job {job.id} is created"]
    assert "step 3/4, training loss 0.25" in told
    assert told[-1] == "first: succeeded"


def test_then_compares_the_tune_with_its_base(api: openai.OpenAI, tmp_path: Path) -> None:
    done = evalharness(*START, "--name", "first", "--then", "compare", "made.yaml", "-q", cwd=tmp_path)

    assert done.status == 0, done.err
    assert "IMPROVED" in done.out
    assert "next:   evalharness compare SUITE" not in done.out


def test_a_checkpoint_is_a_model_of_any_verb(api: openai.OpenAI, tmp_path: Path) -> None:
    evalharness(*START, "--name", "first", cwd=tmp_path)

    done = evalharness("run", "made.yaml", "--model", "job:first@2", "--json", cwd=tmp_path)

    assert done.status == 0, done.err
    levels = done.json["levels"]
    assert isinstance(levels, list)
    assert levels[0]["passed"] == 10


def test_the_same_command_again_makes_nothing_new(api: openai.OpenAI, tmp_path: Path) -> None:
    first = evalharness(*START, "--json", cwd=tmp_path)
    second = evalharness(*START, "--json", cwd=tmp_path)
    third = evalharness(*START, "--json", "--again", cwd=tmp_path)

    assert first.json == second.json
    assert third.json["job"] != first.json["job"]
    assert len(list(api.fine_tuning.jobs.list())) == 2
    assert len(list(api.files.list(purpose="fine-tune"))) == 1


def test_options_go_into_the_job(api: openai.OpenAI, tmp_path: Path) -> None:
    training(tmp_path, 3, "valid.jsonl")
    more = [
        "--validation",
        "valid.jsonl",
        "--seed",
        "5",
        "--epochs",
        "3",
        "--batch-size",
        "2",
        "--learning-rate",
        "0.5",
    ]

    done = evalharness(*START, *more, "--json", cwd=tmp_path)

    (job,) = api.fine_tuning.jobs.list()
    assert done.status == 0
    assert job.hyperparameters.model_dump() == {"n_epochs": 3, "batch_size": 2, "learning_rate_multiplier": 0.5}
    assert (job.seed, job.validation_file is None) == (5, False)


def test_a_job_that_was_left_is_watched_later(api: openai.OpenAI, brain: Parrot, tmp_path: Path) -> None:
    brain.gate.clear()
    left = evalharness(*START, "--name", "first", "--detach", cwd=tmp_path)
    early = evalharness("tune", "watch", "first", "--deadline", "0.2", "--poll", "0.05", cwd=tmp_path)
    brain.gate.set()
    done = evalharness("tune", "watch", "first", "--poll", "0.05", "-q", cwd=tmp_path)

    assert left.status == 0
    assert left.out.splitlines()[-1] == "next:   evalharness tune watch first"
    assert early.status == 3
    assert "is still 'running' after 0.2 s" in early.err
    assert (done.status, done.err) == (0, "")


def test_a_file_that_a_server_would_reject_is_not_sent(api: openai.OpenAI, tmp_path: Path) -> None:
    path = training(tmp_path, 12)
    path.write_text(path.read_text().replace('"role": "user", "content": "q3"', '"content": "q3"'))

    done = evalharness(*START, cwd=tmp_path)

    assert done.status == 2
    assert done.err.splitlines() == [
        "marv.jsonl:4: message 1 has no 'role'",
        "marv.jsonl: a server would reject this file, so it is not sent",
        "  hint: `evalharness tune check marv.jsonl` says all there is to say, --no-check sends it all the same",
    ]
    assert list(api.files.list()) == []


def test_warnings_are_counted_and_the_file_is_sent(api: openai.OpenAI, tmp_path: Path) -> None:
    path = training(tmp_path, 10)
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[0])

    done = evalharness(*START, cwd=tmp_path)

    assert done.status == 0
    assert done.err.splitlines()[0] == "marv.jsonl: a warning (`evalharness tune check marv.jsonl`)"


def test_a_job_is_cancelled(api: openai.OpenAI, brain: Parrot, tmp_path: Path) -> None:
    brain.gate.clear()
    evalharness(*START, "--name", "first", "--detach", cwd=tmp_path)

    done = evalharness("tune", "cancel", "first", cwd=tmp_path)
    brain.gate.set()
    again = evalharness("tune", "cancel", "first", cwd=tmp_path)

    (job,) = api.fine_tuning.jobs.list()
    assert (done.status, done.out) == (0, f"first ({job.id}): cancelled\n")
    assert job.status == "cancelled"
    assert again.status == 2
    assert "Job has already completed" in again.err


def test_jobs_are_listed(api: openai.OpenAI, tmp_path: Path) -> None:
    none = evalharness("tune", "list", cwd=tmp_path)
    quiet = evalharness(*START, "--name", "first", "-q", cwd=tmp_path)
    some = evalharness("tune", "list", cwd=tmp_path)

    assert quiet.err == ""
    assert none.out == "no tuning job yet; `evalharness tune start FILE --model NAME` makes one\n"
    head, row = some.out.splitlines()
    assert head.split() == ["name", "status", "began", "base", "tuned", "model"]
    assert row.split()[:2] == ["first", "succeeded"]
    assert json.loads(evalharness("tune", "list", "--json", cwd=tmp_path).out)[0]["name"] == "first"


def test_a_job_that_fails_says_why_and_what_to_do(api: openai.OpenAI, tmp_path: Path) -> None:
    training(tmp_path, 3)

    done = evalharness(*START, "--no-check", cwd=tmp_path)

    why = "Training file has 3 example(s), but must have at least 10 examples (invalid_n_examples)"
    assert done.status == 2
    assert f"  why:     {why}\n" in done.out
    assert "next:   mend the file and run the same command again" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["start", "none.jsonl", "--model", "base"], "none.jsonl: there is no such file"),
        (["start", "marv.jsonl", "--model", "old"], "cannot be tuned"),
        (["start", "marv.jsonl", "--model", "base", "--beta", "1"], "--beta belongs to --method dpo"),
        (["start", "marv.jsonl", "--model", "crow", "--base-url", "nonsense"], "expected http://HOST/PATH"),
        (["start", "marv.jsonl", "--model", "base", "--name", "a@b"], "a job is called by letters, digits"),
        (["watch", "nobody"], "there is no tuning job 'nobody' here"),
        (["cancel", "nobody"], "there is no tuning job 'nobody' here"),
    ],
)
def test_mistakes_are_lines_without_a_traceback(
    api: openai.OpenAI, arguments: list[str], said: str, tmp_path: Path
) -> None:
    (tmp_path / "x.jsonl").write_text('{"case": "c0", "text": "a0"}\n')

    done = evalharness("tune", *arguments, cwd=tmp_path)

    assert done.status == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_ctrl_c_leaves_the_job_running_and_says_how_to_go_on(api: openai.OpenAI, brain: Parrot, tmp_path: Path) -> None:
    brain.gate.clear()
    command = [sys.executable, "-m", "evalharness.cli", *START, "--name", "first"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        before = next(line for line in process.stderr if "running" in line)
        process.send_signal(signal.SIGINT)
        _, after = process.communicate(timeout=30)

    (job,) = api.fine_tuning.jobs.list()
    brain.gate.set()
    until(lambda: api.fine_tuning.jobs.retrieve(job.id), lambda found: found.status == "succeeded")
    assert before == "first: running\n"
    assert process.returncode == 130
    assert after == (
        "interrupted\n  hint: the job goes on: `evalharness tune watch first`, or `evalharness tune cancel first`\n"
    )
    assert evalharness("tune", "watch", "first", "-q", cwd=tmp_path).status == 0


def test_ctrl_c_before_there_is_a_job_says_that_the_same_command_goes_on(tmp_path: Path) -> None:
    training(tmp_path)
    started: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()

    def script(seen: Seen) -> Reply:
        started.get().send_signal(signal.SIGINT)
        return Reply(after=60)

    with Loopback(script) as server:
        words = ["tune", "start", "marv.jsonl", "--model", "m", "--base-url", server.url]
        command = [sys.executable, "-m", "evalharness.cli", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
            started.put(process)
            _, told = process.communicate(timeout=30)

    assert process.returncode == 130
    assert told == ("interrupted\n  hint: the same command again goes on where this one was; nothing is made twice\n")


def test_no_key_is_in_any_file_or_output(api: openai.OpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-never-to-be-seen-0123456789"
    monkeypatch.setenv("OPENAI_API_KEY", key)

    done = evalharness(*START, "--suffix", "marv", cwd=tmp_path)

    assert done.status == 0
    assert key not in done.out + done.err
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and key.encode() in path.read_bytes()]


def test_a_model_that_is_going_away_is_told_first(tmp_path: Path) -> None:
    training(tmp_path)
    with served(tmp_path, shutdown="2031-01-14") as api:
        url = str(api.base_url)
        done = evalharness(
            "tune", "start", "marv.jsonl", "--model", "parrot-1", "--base-url", url, "--detach", cwd=tmp_path
        )

    assert done.err.splitlines()[0].startswith("model 'parrot-1' will be gone from 2031-01-14 on, in ")
