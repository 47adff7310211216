"""Tuning jobs: what a request asks for, how it goes on, and what it leaves. Training itself is in `training`.

A job's state is on disk at every step; one that was running when the server ended is run again from its start by the
next, and since a lesson is learnt the same way each time, its events and checkpoints are the same too.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from evalharness.records import Payload
from evalharness.serving import shapes
from evalharness.serving.brain import Brain, Hyperparameters
from evalharness.serving.fields import Fields
from evalharness.serving.filing import Files, Page
from evalharness.serving.models import Models
from evalharness.serving.refusals import Refused, no_job, wrong
from evalharness.serving.shelf import Record, Shelf, digest

OPEN = ("validating_files", "queued", "running")
MOST_SEED = 2**31 - 1
METHODS = ("supervised", "dpo", "reinforcement")


@dataclass(frozen=True, slots=True)
class Rooms:
    """What jobs work with: the brain, what is remembered, and what is made from it. now: seconds since 1970."""

    brain: Brain
    shelf: Shelf
    files: Files
    models: Models
    now: Callable[[], float]


class Jobs:
    """The jobs of a server: created here, worked on one at a time in a thread that `work` runs."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._stopping = threading.Event()
        self._cancelled: set[str] = set()
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[str, Callable[[], str]], None]) -> None:
        """Takes up every job that is open, the oldest first, then whatever comes.

        work: does one job, by its id; the second argument tells it, when asked, why it should stop: `cancelled`,
        `stopping` (the server ends), or nothing.
        """
        for record in reversed(self._rooms.shelf.all("jobs")):
            if record.shown["status"] in OPEN:
                self._waiting.put(record.id)

        def serve() -> None:
            while (ident := self._waiting.get()) is not None:
                work(ident, lambda: self._why(ident))

        self._thread = threading.Thread(target=serve, name="tuning", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Leaves what is running, to be taken up by the next start."""
        self._stopping.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def create(self, raw: bytes) -> Payload:
        """Creates a job; that its files are good is found out later, by the job itself."""
        fields = Fields.of(raw)
        model = self._base(fields.needed("model"))
        training = self._file(fields.needed("training_file"), "training_file")
        validation = fields.text("validation_file")
        if validation is not None:
            self._file(validation, "validation_file")
        suffix = fields.text("suffix", longest=64)
        wished, kind = _method(fields)
        seed = fields.whole("seed", 0, MOST_SEED)
        metadata = fields.pairs("metadata")
        if fields.items("integrations"):
            raise wrong("Integrations are not available for this organization.", "integrations")
        fields.rest()
        contents = [self._rooms.files.record(name).own["sha256"] for name in (training, validation) if name]
        settled = [wished.epochs, wished.batch, wished.rate]
        made = digest(model, contents, suffix, settled, kind)
        seed = int(made[:7], 16) if seed is None else seed
        shelf = self._rooms.shelf
        ident = shelf.new_id("jobs", "ftjob-", made, seed, metadata)
        shown = shapes.job(ident, int(self._rooms.now()), model, training, validation, seed)
        shown |= {"metadata": metadata, **methods(kind, wished)}
        own: Payload = {"suffix": suffix or "", "epochs": wished.epochs, "batch": wished.batch, "rate": wished.rate}
        record = shelf.add("jobs", ident, shown, own | {"method": kind, "checkpoints": []})
        self.note(record, f"Created fine-tuning job: {ident}")
        self.note(record, f"Validating training file: {training}")
        self._waiting.put(ident)
        return shown

    def one(self, ident: str) -> Payload:
        """A job as clients see it."""
        return self.record(ident).shown

    def record(self, ident: str) -> Record:
        """A job; `Refused` with 404 where there is none."""
        record = self._rooms.shelf.get("jobs", ident)
        if record is None:
            raise no_job(ident)
        return record

    def all(self, page: Page, metadata: Payload) -> Payload:
        """A part of the list of jobs; metadata: only those that bear all of it."""
        shown = [record.shown for record in self._rooms.shelf.all("jobs")]
        return page.of([job for job in shown if _bears(job, metadata)])

    def events(self, ident: str, page: Page) -> Payload:
        """A part of a job's events, the newest first."""
        self.record(ident)
        return page.of(self._rooms.shelf.events(ident)[::-1])

    def checkpoints(self, ident: str, page: Page) -> Payload:
        """A part of a job's checkpoints, the newest first."""
        made = self.record(ident).own["checkpoints"]
        return page.of([point for point in reversed(made) if isinstance(point, dict)] if isinstance(made, list) else [],
                       ends=True)  # fmt: skip

    def cancel(self, ident: str) -> Payload:
        """Cancels a job: at once, also where a step is still being computed."""
        with self._rooms.shelf.held():
            record = self.record(ident)
            if record.shown["status"] not in OPEN:
                what = f"Job has already completed: {ident}"
                raise Refused(400, what, None, "fine_tune_already_completed")
            self._cancelled.add(ident)
            record = self._rooms.shelf.keep(
                "jobs", record.having(status="cancelled", finished_at=int(self._rooms.now()), estimated_finish=None)
            )
            self.note(record, "Job cancelled.")
            return record.shown

    def note(self, record: Record, message: str, *, level: str = "info", data: Payload | None = None) -> None:
        """Tells clients what happened; what was told before a restart is not told again."""
        shelf = self._rooms.shelf
        ident = f"ftevent-{digest(record.id, message)[:24]}"
        shelf.note(record.id, shapes.event(ident, int(self._rooms.now()), message, level=level, data=data))

    def _why(self, ident: str) -> str:
        return "cancelled" if ident in self._cancelled else "stopping" if self._stopping.is_set() else ""

    def _base(self, name: str) -> str:
        if name not in self._rooms.brain.names:  # a tune is of a base: what it learnt is kept as moves from there
            what = f"Model {name} is not available for fine-tuning or does not exist."
            raise wrong(what, "model", "model_not_available")
        return name

    def _file(self, ident: str, param: str) -> str:
        record = self._rooms.files.record(ident, param)
        if record.shown["purpose"] != "fine-tune":
            what = f"File '{ident}' has purpose '{record.text('purpose')}', expected 'fine-tune'."
            raise wrong(what, param, "invalid_file_purpose")
        return ident


def methods(kind: str, wished: Hyperparameters) -> Payload:
    """A job's hyperparameters, in both places where clients look for them; `auto` stands for what is not settled."""
    settings: Payload = {
        "n_epochs": wished.epochs or "auto",
        "batch_size": wished.batch or "auto",
        "learning_rate_multiplier": wished.rate or "auto",
    }
    return {"hyperparameters": settings, "method": shapes.method(kind, settings)}


def _method(fields: Fields) -> tuple[Hyperparameters, str]:
    """The hyperparameters that are wished for, and by which method."""
    method, old = fields.table("method"), fields.table("hyperparameters")
    kind = "supervised"
    settings = old
    if method is not None:
        kind = method.needed("type")
        if kind not in METHODS:
            known = ", ".join(f"'{name}'" for name in METHODS)
            raise wrong(f"Invalid value: '{kind[:80]}'. Supported values are: {known}.", "method.type", "invalid_value")
        if kind == "reinforcement":
            raise wrong("Method 'reinforcement' is not available for this model.", "method.type")
        table = method.table(kind)
        settings = table.table("hyperparameters") if table else old
        if table:
            table.rest()
        method.rest()
    if settings is None:
        return Hyperparameters(), kind
    wished = Hyperparameters(
        settings.whole("n_epochs", 1, 50, auto=True),
        settings.whole("batch_size", 1, 256, auto=True),
        settings.number("learning_rate_multiplier", 1e-6, 1e3, auto=True),
    )
    if kind == "dpo":
        settings.number("beta", 0, 2, auto=True)
    settings.rest()
    return wished, kind


def _bears(job: Payload, metadata: Payload) -> bool:
    own = job["metadata"]
    return isinstance(own, dict) and all(own.get(name) == value for name, value in metadata.items())
