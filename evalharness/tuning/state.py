"""What is known of tuning jobs on this disk: what was wanted, what was sent, and what a server said of it.

A state is written before each request that makes something on a server and after it, so that whatever ends this program
in between, the next one knows what may be there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from evalharness.errors import EvalError, StoreError, suggestion
from evalharness.escape import slug
from evalharness.records import Payload, encode
from evalharness.store import no_link, safe_folder, write_text

VERSION = 1
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class TrainingFile:
    """A file on this disk, by its content. remote: its id on the server, once it is there."""

    path: str
    sha256: str
    size: int
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """One content on one server. posted: when it was last sent without an answer so far; file: its id there."""

    server: str
    sha256: str
    name: str
    size: int
    posted: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model as it was at a step of its tune."""

    step: int
    model: str
    train_loss: float | None = None
    valid_loss: float | None = None


@dataclass(frozen=True, slots=True)
class TuneJob:
    """One tune: what was wanted, and how far it has come.

    intent: names what was wanted, and marks the job on the server. server: its base URL. settings: the method as it is
    sent. began, posted: when it was first wanted, and when its creation was last sent and not answered. plain: fields
    that the server refused, which are sent no more. job: its id there. result: the figures of every step, a file here.
    """

    name: str
    intent: str
    server: str
    model: str
    training: TrainingFile
    validation: TrainingFile | None = None
    api_key_env: str | None = None
    suffix: str | None = None
    seed: int | None = None
    settings: Payload = field(default_factory=dict)
    began: str = ""
    posted: str | None = None
    plain: tuple[str, ...] = ()
    job: str | None = None
    status: str = "new"
    tuned: str | None = None
    error: str | None = None
    trained_tokens: int | None = None
    checkpoints: tuple[Checkpoint, ...] = ()
    result: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it. A status that nobody has heard of is not an end."""
        return self.status in ENDED

    def at(self, step: str) -> str | None:
        """The model of `NAME@STEP`: after a step, of the last one for `last`, and for `base` the one that was tuned."""
        if step == "base":
            return self.model
        if step in ("", "last"):
            return self.tuned
        found = [point.model for point in self.checkpoints if str(point.step) == step]
        return found[0] if found else None


ENDED = ("succeeded", "failed", "cancelled")


class Desk:
    """The states below a project's `.evalharness/jobs/`."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "jobs"
        self._root = state.parent

    def save(self, job: TuneJob) -> TuneJob:
        """Writes a job's state, durably."""
        self._write(self.path(job.name), {"evalharness_job": VERSION, **asdict(job)})
        return job

    def save_upload(self, upload: Upload) -> Upload:
        """Writes what is known of an upload, durably."""
        self._write(self._upload_path(upload.server, upload.sha256), {"evalharness_upload": VERSION, **asdict(upload)})
        return upload

    def upload(self, server: str, sha256: str) -> Upload | None:
        """What is known of a content on a server."""
        path = self._upload_path(server, sha256)
        return _read(path, Upload) if path.exists() else None

    def job(self, name: str) -> TuneJob | None:
        """The job of that name, where it was ever wanted."""
        path = self.path(name)
        return _read(path, TuneJob) if path.exists() else None

    def jobs(self) -> list[TuneJob]:
        """Every job, the oldest first."""
        found = [_read(path, TuneJob) for path in sorted(self.folder.glob("*.json"))]
        return sorted(found, key=lambda job: (job.began, job.name))

    def find(self, named: str) -> TuneJob:
        """The job of that name or server's id; `EvalError` where there is none."""
        jobs = self.jobs()
        for job in jobs:
            if named in (job.name, job.job):
                return job
        raise EvalError(f"there is no tuning job '{named}' here", suggestion(named, (job.name for job in jobs)))

    def path(self, name: str) -> Path:
        """Where a job's state lies."""
        return self.folder / f"{slug(name)}.json"

    def result_path(self, name: str) -> Path:
        """Where the figures of a job's steps lie."""
        return self.folder / f"{slug(name)}.csv"

    def shown(self, path: Path) -> str:
        """A path below the project's folder as its states name it."""
        return path.relative_to(self._root).as_posix()

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Lets one process at a time send anything for that name; another waits until it has done so."""
        import fcntl

        self._ready()
        with (self.folder / f"{slug(name)}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _upload_path(self, server: str, sha256: str) -> Path:
        place = hashlib.sha256(server.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return self.folder / "uploads" / f"{sha256[:32]}-{place}.json"

    def _write(self, path: Path, value: Payload) -> None:
        self._ready()
        write_text(path, iter([json.dumps(json.loads(encode(value)), indent=2), "\n"]))

    def _ready(self) -> None:
        no_link(self.folder, self._root)
        safe_folder(self.folder)


def now() -> str:
    """This moment, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def since(moment: str | None) -> float:
    """Seconds since a moment that `now` gave; 0 for one that seems to lie ahead."""
    try:
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(moment or "")).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _read(path: Path, kind: type[S]) -> S:
    from pydantic import TypeAdapter, ValidationError

    hint = (
        "it was damaged or edited by hand; if the server's own list shows the job, note its id, then move the file away"
    )
    try:
        value = json.loads(path.read_bytes())
        version = value.pop("evalharness_job", None) or value.pop("evalharness_upload", None)
        if isinstance(version, int) and version > VERSION:
            raise StoreError(f"{path}: written by a newer evalharness (format {version})", "update evalharness")
        return TypeAdapter(kind).validate_python(value)
    except (ValidationError, ValueError, TypeError, AttributeError, RecursionError):
        raise StoreError(f"{path}: not the state of a tuning job", hint) from None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}", hint) from None
