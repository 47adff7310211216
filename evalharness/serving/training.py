"""Works on one tuning job: looks into its files, learns step by step, keeps checkpoints and a result file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from evalharness.errors import EvalError
from evalharness.records import Payload
from evalharness.serving import shapes
from evalharness.serving.brain import Example, Hyperparameters, Lesson, Loss, Step
from evalharness.serving.checks import Side, Unfit, examples
from evalharness.serving.jobs import OPEN, Jobs, Rooms, methods
from evalharness.serving.refusals import Refused
from evalharness.serving.shelf import Record, digest

COLUMNS = ("step", "train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy")


class Stopped(Exception):
    """The job was cancelled, or the server ends."""


@dataclass(frozen=True, slots=True)
class Work:
    """One job under work. why: tells, when asked, why to stop; empty as long as it is to go on."""

    jobs: Jobs
    rooms: Rooms
    id: str
    why: Callable[[], str]

    def going(self) -> Record:
        """The job as it is; `Stopped` where it is to go no further."""
        record = self.jobs.record(self.id)
        if record.shown["status"] not in OPEN or self.why():
            raise Stopped
        return record

    def update(self, **fields: object) -> Record:
        """Shows the job in another state, in which a restart finds it."""
        with self.rooms.shelf.held():
            return self.rooms.shelf.keep("jobs", self.going().having(**fields))


def train(jobs: Jobs, rooms: Rooms) -> Callable[[str, Callable[[], str]], None]:
    """What does one job by its id, for `Jobs.start`."""

    def work(ident: str, why: Callable[[], str]) -> None:
        """Does it, and keeps how it ended."""
        doing = Work(jobs, rooms, ident, why)
        try:
            _work(doing)
        except Stopped:
            pass
        except Unfit as unfit:
            _fail(doing, unfit.shown)
        except EvalError as error:  # what the brain cannot learn from
            what = f"The job failed due to an invalid training file. {error.what}"
            _fail(doing, {"code": "invalid_training_file", "message": what, "param": "training_file"})
        except Exception as error:  # a brain may fail as it likes: the job fails, the server goes on
            what = f"The job failed due to an internal error: {type(error).__name__}: {error}"
            _fail(doing, {"code": "server_error", "message": what[:500], "param": None})

    return work


def _work(work: Work) -> None:
    record = work.going()
    training = _read(work, record.text("training_file"), "training")
    validation = _read(work, record.text("validation_file"), "validation")
    record = work.update(status="queued")
    work.jobs.note(record, "Files validated, moving job to queued state")
    own = record.own
    wished = Hyperparameters(_whole(own["epochs"]), _whole(own["batch"]), _real(own["rate"]))
    settled = work.rooms.brain.settled(wished, len(training))
    record = work.update(status="running", **methods("supervised", settled))
    work.jobs.note(record, "Fine-tuning job started")
    base = work.rooms.models.named(record.text("model"))
    seed = record.shown["seed"]
    assert isinstance(seed, int)
    _learn(work, Lesson(base.base, training, validation, settled, seed))


def _read(work: Work, file: str, side: Side) -> tuple[Example, ...]:
    if not file:
        return ()
    try:
        path = work.rooms.files.path(file)
    except Refused:
        what = f"The job failed because the {side} file {file} was deleted."
        raise Unfit(f"invalid_{side}_file", what, f"{side}_file") from None
    method = work.jobs.record(work.id).own["method"]
    return examples(path, side, file, str(method))


def _learn(work: Work, lesson: Lesson) -> None:
    steps: list[Step] = []
    for step in work.rooms.brain.tune(lesson):
        record = work.going()
        steps.append(replace(step, weights=None))
        told = f"Step {step.number}/{step.of}: training loss={step.train.nats:.2f}"
        if step.valid is not None:
            told += f", validation loss={step.valid.nats:.2f}"
        work.jobs.note(record, told, data=_measured(step))
        if step.weights is not None:
            _keep(work, record, lesson.base, step)
    if not steps:
        what = "The job failed due to an invalid training file. No example has anything to learn."
        raise Unfit("invalid_training_file", what, "training_file")
    record = work.going()
    tuned = tuned_name(record, lesson.base)
    results = work.rooms.files.add("step_metrics.csv", "fine-tune-results", result_file(steps))
    now = int(work.rooms.now())
    with work.rooms.shelf.held():
        record = work.update(
            status="succeeded",
            fine_tuned_model=tuned,
            finished_at=now,
            estimated_finish=None,
            trained_tokens=steps[-1].trained,
            result_files=[results.id],
        )
        work.jobs.note(record, f"New fine-tuned model created: {tuned}")
        work.jobs.note(record, "The job has successfully completed")


def _keep(work: Work, record: Record, base: str, step: Step) -> None:
    """Keeps the model of this step: the last one under the tune's own name, those before as checkpoints."""
    assert step.weights is not None
    now = int(work.rooms.now())
    last = step.number == step.of
    name = tuned_name(record, base) + ("" if last else f":ckpt-step-{step.number}")
    work.rooms.models.learn(name, base, step.weights, now)
    figures = shapes.metrics(step.number, step.train, step.valid, step.whole)
    ident = f"ftckpt_{digest(record.id, step.number)[:24]}"
    with work.rooms.shelf.held():
        record = work.going()
        made = record.own["checkpoints"]
        before = (
            [point for point in made if isinstance(point, dict) and point["id"] != ident]
            if isinstance(made, list)
            else []
        )
        point = shapes.checkpoint(ident, now, record.id, name, step.number, figures)
        work.rooms.shelf.keep("jobs", replace(record, own={**record.own, "checkpoints": [*before, point]}))
        if not last:
            work.jobs.note(record, f"Checkpoint created at step {step.number}")


def tuned_name(record: Record, base: str) -> str:
    """What the tune's model is called: `ft:BASE:local:SUFFIX:8 characters`; the suffix may be empty."""
    suffix = str(record.own["suffix"]).lower()
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in suffix)
    return f"ft:{base}:local:{kept}:{digest(record.id)[:8]}"


def result_file(steps: Sequence[Step]) -> bytes:
    """The figures of every step as CSV; cells without a figure are empty."""
    whole = any(step.whole for step in steps)
    columns = [*COLUMNS, *(("full_valid_loss", "full_valid_mean_token_accuracy") if whole else ())]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    for step in steps:
        cells = [*_cells(step.train), *_cells(step.valid), *(_cells(step.whole) if whole else ())]
        rows.writerow([step.number, *cells])
    return text.getvalue().encode("ascii")


def _cells(loss: Loss | None) -> tuple[str, str]:
    return ("", "") if loss is None else (f"{loss.nats:.6g}", f"{loss.accuracy:.6g}")


def _measured(step: Step) -> Payload:
    """The figures of a step's event."""
    data: Payload = {
        "step": step.number,
        "total_steps": step.of,
        "train_loss": step.train.nats,
        "train_mean_token_accuracy": step.train.accuracy,
    }
    for name, loss in (("valid", step.valid), ("full_valid", step.whole)):
        if loss is not None:
            data |= {f"{name}_loss": loss.nats, f"{name}_mean_token_accuracy": loss.accuracy}
    return data


def _fail(work: Work, error: Payload) -> None:
    with work.rooms.shelf.held():
        record = work.jobs.record(work.id)
        if record.shown["status"] not in OPEN:
            return
        now = int(work.rooms.now())
        record = work.rooms.shelf.keep(
            "jobs", record.having(status="failed", error=error, finished_at=now, estimated_finish=None)
        )
        work.jobs.note(record, str(error["message"]), level="error")


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _real(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
