"""One file, one job, whatever happens in between: against the local server, through the official client."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest

from evalharness.serving.misbehaviour import Temper, habits
from evalharness.tuning.job import Order
from evalharness.tuning.remote import Raw, Remote, ServerFailed
from tests.serving.clients import client, ended, served, until
from tests.tuning.tunes import Clock, Ears, started, training, watched

ROOT = Path(__file__).parents[2]


def counts(api: openai.OpenAI) -> tuple[int, int]:
    """Training files and jobs on the server."""
    return len(list(api.files.list(purpose="fine-tune"))), len(list(api.fine_tuning.jobs.list()))


def remote(api: openai.OpenAI) -> Remote:
    return Remote(str(api.base_url))


def test_a_job_is_uploaded_created_and_watched_to_its_model(tmp_path: Path) -> None:
    ears = Ears()
    with served(tmp_path) as api:
        order = Order("parrot-1", training(tmp_path), training(tmp_path, 3, "valid.jsonl"), suffix="marv", seed=7)
        job = watched(tmp_path, remote(api), started(tmp_path, remote(api), order), ears)
        answer = api.chat.completions.create(
            model=job.tuned or "", messages=[{"role": "user", "content": "q3"}], temperature=0
        )
        theirs = api.fine_tuning.jobs.retrieve(job.job or "")

    assert job.status == "succeeded"
    assert (job.tuned or "").startswith("ft:parrot-1:local:marv:")
    assert answer.choices[0].message.content == "a3"
    assert (theirs.seed, theirs.metadata) == (7, {"evalharness": job.intent})
    assert [(point.step, point.train_loss, point.valid_loss) for point in job.checkpoints] == [
        (2, 0.5, 1.0),
        (4, 0.125, 0.25),
    ]
    assert [one.measured.train for one in ears.events if one.measured] == [1.0, 0.5, 0.25, 0.125]
    assert ears.statuses[-1] == "succeeded"
    assert (tmp_path / (job.result or "")).read_text().split("\n")[1] == "1,1.0,2.0"


def test_the_same_order_again_makes_no_second_job(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        order = Order("parrot-1", training(tmp_path))
        first = started(tmp_path, remote(api), order)
        second = started(tmp_path, remote(api), order)

        assert counts(api) == (1, 1)
    assert first.job == second.job


def test_one_order_given_many_times_at_once_makes_one_job(tmp_path: Path) -> None:
    with served(tmp_path) as api, ThreadPoolExecutor(6) as pool:
        order = Order("parrot-1", training(tmp_path))
        jobs = list(pool.map(lambda _: started(tmp_path, remote(api), order).job, range(6)))

        assert counts(api) == (1, 1)
    assert len(set(jobs)) == 1


def test_one_content_goes_up_once_for_several_jobs(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        jobs = [started(tmp_path, remote(api), Order("parrot-1", training(tmp_path), seed=seed)) for seed in (1, 2)]

        assert counts(api) == (1, 2)
    assert jobs[0].training.remote == jobs[1].training.remote


def test_a_file_that_the_server_has_lost_goes_up_again(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        first = started(tmp_path, remote(api), Order("parrot-1", training(tmp_path), seed=1))
        ended(api, first.job or "")
        api.files.delete(first.training.remote or "")

        second = started(tmp_path, remote(api), Order("parrot-1", training(tmp_path), seed=2))

        assert ended(api, second.job or "").status == "succeeded"


def test_without_any_state_on_this_disk_the_server_still_gets_nothing_twice(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        started(tmp_path, remote(api), Order("parrot-1", training(tmp_path)))
        started(tmp_path / "elsewhere", remote(api), Order("parrot-1", training(tmp_path)))

        assert counts(api) == (1, 1)


class Dying(Remote):
    """Ends its process, as `kill -9` does, right before or right after its n-th request."""

    def __init__(self, url: str, at: int, when: str) -> None:
        super().__init__(url)
        self.left, self.when = at, when

    def _fetch(self, what: str, call: Callable[[], Raw], seconds: float) -> bytes:
        self.left -= 1
        if self.left == 0 and self.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = super()._fetch(what, call, seconds)
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found


STARTING = """
    import sys
    from pathlib import Path
    from evalharness.tuning.job import Order
    from tests.tuning.test_job import Dying
    from tests.tuning.tunes import started
    folder = Path(sys.argv[1])
    order = Order("parrot-1", folder / "marv.jsonl", folder / "valid.jsonl")
    started(folder, Dying(sys.argv[2], int(sys.argv[3]), sys.argv[4]), order)
"""
REQUESTS = 6
"""Of a start with a validation file: two lists and two uploads of files, the list of jobs, the creation."""
MAKING = (2, 4, 6)
"""Those that make something; the others only look, and a kill there leaves what one before the next leaves."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "at", [at if at in MAKING else pytest.param(at, marks=pytest.mark.nightly) for at in range(1, REQUESTS + 1)]
)
def test_a_kill_at_any_request_leaves_one_upload_and_one_job(at: int, when: str, tmp_path: Path) -> None:
    training(tmp_path)
    training(tmp_path, 3, "valid.jsonl")
    order = Order("parrot-1", tmp_path / "marv.jsonl", tmp_path / "valid.jsonl")
    with served(tmp_path) as api:
        command = [sys.executable, "-c", textwrap.dedent(STARTING), str(tmp_path), str(api.base_url), str(at), when]
        killed = subprocess.run(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=False
        )
        job = started(tmp_path, remote(api), order)

        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
        assert counts(api) == (2, 1)
        assert ended(api, job.job or "").status == "succeeded"


def test_a_start_takes_as_many_requests_as_the_kills_go_through(tmp_path: Path) -> None:
    training(tmp_path)
    training(tmp_path, 3, "valid.jsonl")
    with served(tmp_path) as api:
        counting = Dying(str(api.base_url), -1, "never")
        started(tmp_path, counting, Order("parrot-1", tmp_path / "marv.jsonl", tmp_path / "valid.jsonl"))

    assert -1 - counting.left == REQUESTS


def test_answers_that_are_lost_make_nothing_twice(tmp_path: Path) -> None:
    ears = Ears()
    with served(tmp_path, temper=Temper(habits("lost:0.6"), seed=4)) as api:
        job = started(tmp_path, remote(api), Order("parrot-1", training(tmp_path)), ears, tries=1000)
        done = watched(tmp_path, remote(api), job)
    with served(tmp_path) as api:
        assert counts(api) == (1, 1)
    assert done.status == "succeeded"
    assert any("looking whether it arrived" in note for note in ears.notes)


def test_the_whole_loop_goes_through_a_server_that_misbehaves(tmp_path: Path) -> None:
    temper = Temper(habits("429:0.2:7,500:0.15,503:0.05,reset:0.1,lost:0.1"), seed=1)
    with served(tmp_path, temper=temper) as api:
        order = Order("parrot-1", training(tmp_path), training(tmp_path, 3, "valid.jsonl"))
        job = started(tmp_path, remote(api), order, tries=1000)
        done = watched(tmp_path, remote(api), job)
    with served(tmp_path) as api:
        assert counts(api) == (2, 1)
    assert (done.status, len(done.checkpoints)) == ("succeeded", 2)


def test_a_server_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    clock = Clock()
    with served(tmp_path, temper=Temper(habits("429:1:7"))) as api, pytest.raises(ServerFailed) as failed:
        started(tmp_path, remote(api), Order("parrot-1", training(tmp_path)), clock=clock)

    assert min(clock.waits) >= 7
    assert failed.value.exit_code == 3
    assert "tried 8 times" in str(failed.value)


def test_a_model_that_cannot_be_tuned_is_told_in_the_servers_words(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        with pytest.raises(ServerFailed) as failed:
            started(tmp_path, remote(api), Order("crow", training(tmp_path)))

        assert counts(api) == (1, 0)
    assert "Model crow is not available for fine-tuning or does not exist. (model_not_available)" in failed.value.what
    assert failed.value.exit_code == 2


def test_a_file_that_no_server_takes_is_told_in_the_servers_words(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("[1]\n")
    with served(tmp_path) as api:
        with pytest.raises(ServerFailed, match="Line 1 is not a dictionary"):
            started(tmp_path, remote(api), Order("parrot-1", path))

        assert counts(api) == (0, 0)


def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    with served(tmp_path) as api:
        job = watched(tmp_path, remote(api), started(tmp_path, remote(api), Order("parrot-1", training(tmp_path, 3))))

    assert job.status == "failed"
    assert job.error == "Training file has 3 example(s), but must have at least 10 examples (invalid_n_examples)"


HOLDING = """
    import sys
    from pathlib import Path
    from threading import Event
    from evalharness.serving.app import Server, Settings
    from tests.serving.parrot import Parrot
    with Server(Parrot(holds_at=3), Settings(Path(sys.argv[1]) / "server")) as server:
        print(server.url, flush=True)
        Event().wait()
"""


def test_a_job_goes_on_after_its_server_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLDING), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with client(process.stdout.readline().strip()) as api:
            job = started(tmp_path, remote(api), Order("parrot-1", training(tmp_path), seed=3))
            until(lambda: api.fine_tuning.jobs.list_events(job.job or ""), lambda page: len(page.data) >= 7)
            process.kill()
    with served(tmp_path) as api:
        done = ended(api, job.job or "")
        events = [event.message for event in api.fine_tuning.jobs.list_events(done.id, limit=100)][::-1]
        checkpoints = [point.step_number for point in api.fine_tuning.jobs.checkpoints.list(done.id)]

    assert done.status == "succeeded"
    assert events[:2] == [f"Created fine-tuning job: {done.id}", f"Validating training file: {done.training_file}"]
    assert events[4:] == [
        "Step 1/4: training loss=1.00",
        "Step 2/4: training loss=0.50",
        "Checkpoint created at step 2",
        "Step 3/4: training loss=0.25",
        "Step 4/4: training loss=0.12",
        f"New fine-tuned model created: {done.fine_tuned_model}",
        "The job has successfully completed",
    ]
    assert checkpoints == [4, 2]
