"""What a tuning job left, asked like any other model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.config import Arm, load
from evalharness.errors import Faults
from evalharness.models.base import open_model
from evalharness.models.job import Job
from evalharness.records import Message, ModelRef, Request
from evalharness.tuning.state import Checkpoint, Desk, TrainingFile, TuneJob

SERVER = "http://127.0.0.1:8377/v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    file = TrainingFile("marv.jsonl", "0" * 64, 1)
    points = (Checkpoint(5, "ft:m:::1:ckpt-step-5"), Checkpoint(9, "ft:m:::1"))
    desk = Desk(tmp_path / ".evalharness")
    desk.save(TuneJob("young", "1" * 32, SERVER, "m", file, job="ftjob-2", status="running"))
    made = TuneJob("marv", "0" * 32, SERVER, "m", file, api_key_env="MARV_KEY", job="ftjob-1", tuned="ft:m:::1")
    desk.save(replace(made, status="succeeded", checkpoints=points))
    return tmp_path


@pytest.mark.parametrize(
    ("target", "served"),
    [
        ("marv", "ft:m:::1"),
        ("ftjob-1", "ft:m:::1"),
        ("marv@last", "ft:m:::1"),
        ("marv@5", "ft:m:::1:ckpt-step-5"),
        ("marv@base", "m"),
        ("young@base", "m"),
    ],
)
def test_a_job_stands_for_a_model_of_its_server(target: str, served: str, folder: Path) -> None:
    model = open_model(load(folder).arm(f"job:{target}"))

    assert isinstance(model, Job)
    assert (model.ref.name, model.ref.use, model.ref.base_url) == (f"job:{target}", f"openai:{served}", SERVER)
    assert model.arm.api_key_env == "MARV_KEY" or target.startswith("young")


def test_its_answers_are_those_known_under_the_models_own_name(folder: Path) -> None:
    question = (Message("user", "hello"),)
    mine = open_model(load(folder).arm("job:marv")).ref
    own = open_model(Arm(ModelRef("tuned", "openai:ft:m:::1", base_url=SERVER))).ref

    assert Request(mine, question).key() == Request(own, question).key()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "young",
            "tuning job 'young' has no model: it is 'running'\n  hint: `evalharness tune watch young` waits for it",
        ),
        ("marv@7", "tuning job 'marv' has no checkpoint '7'\n  hint: known: 5, 9, base, last"),
        ("mary", "there is no tuning job 'mary' here\n  hint: did you mean 'marv'?"),
    ],
)
def test_what_is_not_there_is_told(target: str, said: str, folder: Path) -> None:
    with pytest.raises(Faults) as failed:
        open_model(load(folder).arm(f"job:{target}"))

    assert str(failed.value) == f"model 'job:{target}': {said}"
