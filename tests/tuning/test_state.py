"""What is kept on this disk of tuning jobs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.errors import EvalError, StoreError
from evalharness.tuning.job import Order, ordered
from evalharness.tuning.measures import overfit
from evalharness.tuning.remote import Remote
from evalharness.tuning.state import Checkpoint, TrainingFile, TuneJob, Upload
from tests.tuning.tunes import desk, training

JOB = TuneJob(
    "marv",
    "0" * 32,
    "http://127.0.0.1:1/v1",
    "m",
    TrainingFile("marv.jsonl", "0" * 64, 1),
    settings={"type": "supervised"},
    checkpoints=(Checkpoint(5, "m:5", 0.5), Checkpoint(9, "m:9", 0.25, 1.0)),
    job="ftjob-1",
    tuned="m:9",
)


def test_a_job_comes_back_as_it_was(tmp_path: Path) -> None:
    desk(tmp_path).save(JOB)

    assert desk(tmp_path).find("marv") == JOB
    assert desk(tmp_path).find("ftjob-1") == JOB


def test_a_name_that_no_job_bears_has_a_suggestion(tmp_path: Path) -> None:
    desk(tmp_path).save(JOB)

    with pytest.raises(EvalError) as failed:
        desk(tmp_path).find("mary")

    assert str(failed.value) == "there is no tuning job 'mary' here\n  hint: did you mean 'marv'?"


def test_an_upload_is_known_by_server_and_content(tmp_path: Path) -> None:
    upload = Upload("http://a/v1", "1" * 64, "x.jsonl", 3, file="file-1")
    desk(tmp_path).save_upload(upload)

    assert desk(tmp_path).upload("http://a/v1", "1" * 64) == upload
    assert desk(tmp_path).upload("http://b/v1", "1" * 64) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 1}', "[" * 100_000])
def test_a_damaged_state_is_one_line_and_is_not_written_over(text: str, tmp_path: Path) -> None:
    path = desk(tmp_path).path("marv")
    path.parent.mkdir(parents=True)
    path.write_text(text)

    with pytest.raises(StoreError, match="not the state of a tuning job"):
        desk(tmp_path).find("marv")

    assert path.read_text() == text


def test_a_state_of_a_newer_version_asks_for_an_update(tmp_path: Path) -> None:
    path = desk(tmp_path).path("marv")
    desk(tmp_path).save(JOB)
    path.write_text(json.dumps({**json.loads(path.read_text()), "evalharness_job": 2}))

    with pytest.raises(StoreError, match="written by a newer evalharness"):
        desk(tmp_path).find("marv")


def test_steps_name_models() -> None:
    assert [JOB.at(step) for step in ("", "last", "base", "5", "9", "7")] == ["m:9", "m:9", "m", "m:5", "m:9", None]


def test_equal_orders_are_one_job_and_any_difference_makes_another(tmp_path: Path) -> None:
    remote, other = Remote("http://127.0.0.1:1/v1"), Remote("http://127.0.0.1:2/v1")
    order = Order("m", training(tmp_path))
    same = ordered(order, remote)
    differing = [
        ordered(replace(order, model="n"), remote),
        ordered(replace(order, training=training(tmp_path, 11, "more.jsonl")), remote),
        ordered(replace(order, validation=training(tmp_path, 3, "valid.jsonl")), remote),
        ordered(replace(order, suffix="s"), remote),
        ordered(replace(order, seed=5), remote),
        ordered(replace(order, settings={"type": "dpo"}), remote),
        ordered(replace(order, attempt=2), remote),
        ordered(order, other),
    ]

    assert ordered(order, remote) == same
    assert len({job.intent for job in [same, *differing]}) == 9
    assert len({job.seed for job in [same, *differing]}) == 9


def test_a_renamed_copy_of_a_file_is_the_same_order(tmp_path: Path) -> None:
    remote = Remote("http://127.0.0.1:1/v1")
    jobs = [ordered(Order("m", training(tmp_path, 10, name)), remote) for name in ("a.jsonl", "b.jsonl")]

    assert jobs[0].intent == jobs[1].intent


@pytest.mark.parametrize(
    ("valid", "best"),
    [([1.0, 0.5, 0.56], 2), ([1.0, 0.5, 0.54], None), ([1.0, 0.5, 0.25], None), ([1.0], None), ([], None)],
)
def test_a_checkpoint_is_named_where_validation_loss_rose_by_a_tenth(valid: list[float], best: int | None) -> None:
    found = overfit([Checkpoint(step, f"m:{step}", 0.1, loss) for step, loss in enumerate(valid, 1)])

    assert (found.step if found else None) == best
