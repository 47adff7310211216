"""What tests of tuning jobs share: a clock that only waiting moves, an order, and who is told what."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from evalharness.tuning.job import Order, Patience, ordered, start
from evalharness.tuning.measures import Event
from evalharness.tuning.remote import Remote
from evalharness.tuning.state import Desk, TuneJob
from evalharness.tuning.watch import Watching
from tests.serving.parrot import examples


@dataclass
class Clock:
    """Seconds that pass only while somebody waits."""

    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def patience(self, *, deadline: float | None = None, grace: float = 10.0, tries: int = 8) -> Patience:
        """Waits by this clock."""
        return Patience(1.0, 60.0, deadline, grace, tries, tries, self.pause, lambda: self.seconds)


@dataclass
class Ears:
    """Everything that was told."""

    notes: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def progress(self, text: str) -> None:
        self.done.append(text)

    def status(self, job: TuneJob) -> None:
        self.statuses.append(job.status)

    def event(self, event: Event) -> None:
        self.events.append(event)


def training(folder: Path, count: int = 10, name: str = "marv.jsonl") -> Path:
    """A training file."""
    path = folder / name
    path.write_bytes(examples(count))
    return path


def desk(folder: Path) -> Desk:
    """The states of a project in that folder."""
    return Desk(folder / ".evalharness")


def started(
    folder: Path,
    remote: Remote,
    order: Order,
    ears: Ears | None = None,
    clock: Clock | None = None,
    *,
    tries: int = 8,
) -> TuneJob:
    """The job of an order, created."""
    patience = (clock or Clock()).patience(tries=tries)
    with closing(remote):
        return start(ordered(order, remote), remote, desk(folder), patience, ears or Ears())


def watched(
    folder: Path, remote: Remote, job: TuneJob, ears: Ears | None = None, patience: Patience | None = None
) -> TuneJob:
    """The job once it has ended."""
    endless = patience or Clock().patience(tries=10_000)
    with closing(remote):
        return Watching(job, remote, desk(folder), endless, ears or Ears()).ended()
