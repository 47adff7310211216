"""Tuning jobs: what they go through, what they leave, and the errors they end with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.serving.clients import ended, served, until, upload
from tests.serving.parrot import Parrot, examples


@pytest.fixture
def api(tmp_path: Path) -> Iterator[openai.OpenAI]:
    with served(tmp_path) as found:
        yield found


def put(api: openai.OpenAI, rows: list[object]) -> str:
    content = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
    return api.files.create(file=("train.jsonl", content), purpose="fine-tune").id


def error_of(api: openai.OpenAI, file: str, method: str = "supervised") -> tuple[str, str, str | None]:
    job = api.fine_tuning.jobs.create(model="parrot-1", training_file=file, extra_body={"method": {"type": method}})
    error = ended(api, job.id).error
    assert error is not None
    return error.code, error.message, error.param


def test_the_tuned_model_and_its_checkpoints_answer_what_they_learnt(api: openai.OpenAI) -> None:
    job = ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api), suffix="Marv 2").id)
    points = list(api.fine_tuning.jobs.checkpoints.list(job.id))

    def say(model: str) -> str | None:
        answer = api.chat.completions.create(model=model, messages=[{"role": "user", "content": "q9"}], temperature=0)
        return answer.choices[0].message.content

    assert job.fine_tuned_model is not None
    name = job.fine_tuned_model
    assert name.split(":")[:4] == ["ft", "parrot-1", "local", "marv-2"]
    assert len(name.split(":")[4]) == 8
    assert [point.fine_tuned_model_checkpoint for point in points] == [name, f"{name}:ckpt-step-2"]
    assert [say(model) for model in ("parrot-1", name, f"{name}:ckpt-step-2")] == ["q9", "a9", "a9"]
    assert {model.id for model in api.models.list()} >= {name, f"{name}:ckpt-step-2"}


def test_a_suffix_may_be_left_out(api: openai.OpenAI) -> None:
    job = ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api)).id)

    assert (job.fine_tuned_model or "").startswith("ft:parrot-1:local::")


def test_hyperparameters_are_settled_when_training_begins(api: openai.OpenAI) -> None:
    made = api.fine_tuning.jobs.create(
        model="parrot-1",
        training_file=upload(api),
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": "auto"}}},
    )
    done = ended(api, made.id)

    assert made.hyperparameters.model_dump() == {
        "n_epochs": 3,
        "batch_size": "auto",
        "learning_rate_multiplier": "auto",
    }
    assert done.hyperparameters.model_dump() == {"n_epochs": 3, "batch_size": 5, "learning_rate_multiplier": 1.0}
    assert done.trained_tokens == 60


def test_events_come_newest_first_and_page_by_page(api: openai.OpenAI) -> None:
    job = ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api)).id)

    first = api.fine_tuning.jobs.list_events(job.id, limit=3)
    told = [event.message for event in api.fine_tuning.jobs.list_events(job.id, limit=3)]

    assert (len(first.data), first.has_more) == (3, True)
    assert told == [
        "The job has successfully completed",
        f"New fine-tuned model created: {job.fine_tuned_model}",
        "Step 4/4: training loss=0.12",
        "Step 3/4: training loss=0.25",
        "Checkpoint created at step 2",
        "Step 2/4: training loss=0.50",
        "Step 1/4: training loss=1.00",
        "Fine-tuning job started",
        "Files validated, moving job to queued state",
        f"Validating training file: {job.training_file}",
        f"Created fine-tuning job: {job.id}",
    ]


def test_steps_are_told_with_their_figures(api: openai.OpenAI) -> None:
    job = api.fine_tuning.jobs.create(
        model="parrot-1", training_file=upload(api), validation_file=upload(api, 3, "valid.jsonl")
    )
    ended(api, job.id)

    (step,) = [e for e in api.fine_tuning.jobs.list_events(job.id) if e.message.startswith("Step 4/4")]

    assert step.message == "Step 4/4: training loss=0.12, validation loss=0.25"
    assert (step.type, step.data) == (
        "metrics",
        {
            "step": 4,
            "total_steps": 4,
            "train_loss": 0.125,
            "train_mean_token_accuracy": 0.25,
            "valid_loss": 0.25,
            "valid_mean_token_accuracy": 0.5,
            "full_valid_loss": 0.25,
            "full_valid_mean_token_accuracy": 0.5,
        },
    )


def test_a_result_file_holds_the_figures_of_every_step(api: openai.OpenAI) -> None:
    job = ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api)).id)

    content = api.files.content(job.result_files[0]).content.decode()

    assert content == (
        "step,train_loss,train_mean_token_accuracy,valid_loss,valid_mean_token_accuracy\n"
        "1,1,0.25,,\n2,0.5,0.25,,\n3,0.25,0.25,,\n4,0.125,0.25,,\n"
    )


def test_too_few_examples_fail_in_the_documented_words(api: openai.OpenAI) -> None:
    assert error_of(api, upload(api, 3)) == (
        "invalid_n_examples",
        "Training file has 3 example(s), but must have at least 10 examples",
        "training_file",
    )


def test_a_message_without_a_role_fails_in_the_documented_words(api: openai.OpenAI) -> None:
    good = [json.loads(line) for line in examples(12).splitlines()]
    good[9]["messages"][1].pop("role")

    code, message, param = error_of(api, put(api, good))

    assert (code, param) == ("invalid_training_file", "training_file")
    assert message == (
        "The job failed due to an invalid training file. Invalid file format. Example 10, message 2 Discriminator "
        "'role' is missing in value"
    )


def test_rows_that_are_no_conversations_fail_in_the_documented_words(api: openai.OpenAI) -> None:
    assert error_of(api, put(api, [{"what": "ever"}] * 10))[:2] == (
        "invalid_training_file",
        "The job failed due to an invalid training file. Unexpected file format, expected either prompt/completion "
        "pairs or chat messages.",
    )


def test_an_extra_weight_fails_in_the_documented_words(api: openai.OpenAI) -> None:
    rows = [json.loads(line) | {"weight": 1} for line in examples(10).splitlines()]

    assert error_of(api, put(api, rows))[:2] == (
        "invalid_file_format",
        "The job failed due to a file format error in the training file. Invalid file format. Example 1 contains an "
        'extra "weight".',
    )


def test_a_special_token_fails_in_the_documented_words(api: openai.OpenAI) -> None:
    rows = [json.loads(line) for line in examples(10).splitlines()]
    rows[6]["messages"][0]["content"] = "<|fim_suffix|>"

    assert error_of(api, put(api, rows))[1].endswith("Example 7 message contains an invalid token: <|fim_suffix|>.")


def test_another_method_than_the_file_is_for_fails_in_the_documented_words(api: openai.OpenAI) -> None:
    file = upload(api)

    assert error_of(api, file, "dpo")[1] == (
        f"The job failed due to an invalid training file. Input file {file} is in the fine-tune-chat format, but the "
        "specified fine-tuning job is not using 'supervised' as the training method (provided method=dpo)."
    )


def test_a_short_validation_file_is_no_fault(api: openai.OpenAI) -> None:
    job = api.fine_tuning.jobs.create(
        model="parrot-1", training_file=upload(api), validation_file=upload(api, 1, "v.jsonl")
    )

    assert ended(api, job.id).status == "succeeded"


def test_a_brain_that_fails_fails_the_job_and_nothing_else(tmp_path: Path) -> None:
    with served(tmp_path, Parrot(broken=True)) as api:
        code, message, _ = error_of(api, upload(api))

        assert (code, message) == (
            "server_error",
            "The job failed due to an internal error: RuntimeError: out of crackers",
        )
        assert len(list(api.models.list())) == 2


def test_a_job_can_be_cancelled_while_it_runs(tmp_path: Path) -> None:
    held = Parrot()
    held.gate.clear()
    with served(tmp_path, held) as api:
        job = api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api))
        until(lambda: api.fine_tuning.jobs.retrieve(job.id), lambda found: found.status == "running")

        cancelled = api.fine_tuning.jobs.cancel(job.id)
        held.gate.set()
        second = api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api), seed=2)

        assert ended(api, second.id).status == "succeeded"
        assert cancelled.status == "cancelled"
        found = api.fine_tuning.jobs.retrieve(job.id)
        assert (found.status, found.fine_tuned_model) == ("cancelled", None)
        with pytest.raises(openai.BadRequestError, match="Job has already completed"):
            api.fine_tuning.jobs.cancel(job.id)


def test_jobs_are_listed_newest_first_by_page_and_by_metadata(api: openai.OpenAI) -> None:
    file = upload(api)
    made = [
        api.fine_tuning.jobs.create(model="parrot-1", training_file=file, seed=n, metadata={"n": str(n)}).id
        for n in range(3)
    ]

    assert [job.id for job in api.fine_tuning.jobs.list(limit=2).data] == [made[2], made[1]]
    assert [job.id for job in api.fine_tuning.jobs.list(limit=2)] == made[::-1]
    assert [job.id for job in api.fine_tuning.jobs.list(metadata={"n": "1"})] == [made[1]]


def test_equal_jobs_on_two_servers_have_equal_ids_and_models(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        with served(tmp_path / name) as api:
            job = ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api), seed=3).id)
            found.append((job.id, job.fine_tuned_model, [e.id for e in api.fine_tuning.jobs.list_events(job.id)]))

    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"model": "crow"}, 400, "Model crow is not available for fine-tuning or does not exist."),
        ({"training_file": "file-none"}, 404, "No such File object: file-none"),
        ({"suffix": "x" * 65}, 400, "string too long. Expected a string with maximum length 64"),
        ({"seed": -1}, 400, "Expected a value >= 0, but got -1"),
        ({"method": {"type": "magic"}}, 400, "Supported values are: 'supervised', 'dpo', 'reinforcement'"),
        ({"hyperparameters": {"n_epochs": 51}}, 400, "Invalid 'hyperparameters.n_epochs'"),
        ({"metadata": {"a": 1}}, 400, "Invalid type for 'metadata.a'"),
        ({"colour": "red"}, 400, "Unrecognized request argument supplied: colour"),
    ],
)
def test_what_no_job_can_be_made_from_is_refused(
    api: openai.OpenAI, fields: dict[str, object], status: int, said: str
) -> None:
    with pytest.raises(openai.APIStatusError) as failed:
        api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api), extra_body=fields)

    assert failed.value.status_code == status
    assert said in failed.value.message
    assert list(api.fine_tuning.jobs.list()) == []


def test_a_tuned_model_can_be_deleted(api: openai.OpenAI) -> None:
    job = ended(api, api.fine_tuning.jobs.create(model="parrot-1", training_file=upload(api)).id)

    assert api.models.delete(job.fine_tuned_model or "").deleted
    with pytest.raises(openai.NotFoundError):
        api.models.retrieve(job.fine_tuned_model or "")
    with pytest.raises(openai.NotFoundError):
        api.models.delete("parrot-1")


def test_models_announce_their_end_where_the_server_is_told_so(tmp_path: Path) -> None:
    with served(tmp_path, shutdown="2027-01-14") as api:
        assert [model.shutdown_date for model in api.models.list()] == ["2027-01-14"] * 2
