"""What the server remembers: records and contents on disk, so that a restart finds them.

A record is one JSON object in a file of its own, written to a temporary file and renamed. Names of files are made here
from ids that are ours; nothing a client sends becomes part of a path.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Literal, TypeAlias

from evalharness.errors import EvalError
from evalharness.escape import slug
from evalharness.records import Payload, encode
from evalharness.store import no_link, safe_folder, write_text

Kind: TypeAlias = Literal["files", "jobs", "models", "batches"]
KINDS: tuple[Kind, ...] = ("files", "jobs", "models", "batches")


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that was made. number: in the order of making. shown: the object that clients see. own: what only the
    server needs."""

    id: str
    number: int
    shown: Payload
    own: Payload = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A text of what is shown; empty where there is none."""
        value = self.shown.get(name)
        return value if isinstance(value, str) else ""

    def having(self, **fields: object) -> Record:
        """The same with other fields shown."""
        return replace(self, shown={**self.shown, **fields})


class Shelf:
    """The records of one server, in memory and in `folder`; safe to use from several threads.

    Raises `EvalError` where the folder belongs to a server that is running.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._guard = threading.RLock()
        self._records: dict[Kind, dict[str, Record]] = {kind: {} for kind in KINDS}
        self._events: dict[str, dict[object, Payload]] = {}
        self._numbers = 0
        self._lock = _alone(folder)
        for kind in KINDS:
            safe_folder(folder / kind)
            for path in sorted((folder / kind).glob("*.json")):
                if record := _read(path):
                    self._records[kind][record.id] = record
                    self._numbers = max(self._numbers, record.number)

    def close(self) -> None:
        """Lets another server have the folder."""
        self._lock.close()

    def add(self, kind: Kind, ident: str, shown: Payload, own: Payload | None = None) -> Record:
        """Keeps something new, durably."""
        with self._guard:
            self._numbers += 1
            return self.keep(kind, Record(ident, self._numbers, shown, own or {}))

    def keep(self, kind: Kind, record: Record) -> Record:
        """Keeps a record in its present state, durably."""
        line = encode({"id": record.id, "number": record.number, "shown": record.shown, "own": record.own})
        with self._guard:
            write_text(self._path(kind, record.id, ".json"), iter([line, "\n"]))
            self._records[kind][record.id] = record
            return record

    def get(self, kind: Kind, ident: str) -> Record | None:
        """The record of that id."""
        with self._guard:
            return self._records[kind].get(ident)

    def all(self, kind: Kind) -> list[Record]:
        """Every record of a kind, the newest first."""
        with self._guard:
            return sorted(self._records[kind].values(), key=lambda record: -record.number)

    def drop(self, kind: Kind, ident: str) -> None:
        """Forgets a record and its content."""
        with self._guard:
            self._records[kind].pop(ident, None)
            for ending in (".json", ".bin", ".events"):
                self._path(kind, ident, ending).unlink(missing_ok=True)

    def new_id(self, kind: Kind, prefix: str, *parts: object) -> str:
        """An id made from what the thing is; the second of two equal things gets another."""
        with self._guard:
            for copy in range(len(self._records[kind]) + 1):
                ident = f"{prefix}{digest(*parts, copy)[:24]}"
                if ident not in self._records[kind]:
                    return ident
        raise AssertionError("there are more free ids than records")

    def put(self, kind: Kind, ident: str, content: bytes) -> None:
        """Keeps a content, whole or not at all."""
        path = self._path(kind, ident, ".bin")
        part = path.with_name(f"{path.name}.part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)

    def content(self, kind: Kind, ident: str) -> bytes | None:
        """The content kept under that id."""
        try:
            return self._path(kind, ident, ".bin").read_bytes()
        except FileNotFoundError:
            return None

    def content_path(self, kind: Kind, ident: str) -> Path:
        """Where that content lies."""
        return self._path(kind, ident, ".bin")

    def held(self) -> threading.RLock:
        """Keeps other threads out for as long as it is held: `with shelf.held(): ...`."""
        return self._guard

    def note(self, job: str, event: Payload) -> None:
        """Appends an event of a job, unless one of its id is there."""
        with self._guard:
            known = self._noted(job)
            if event["id"] not in known:
                with self._path("jobs", job, ".events").open("ab") as file:
                    file.write(f"{encode(event)}\n".encode("ascii"))
                known[event["id"]] = event

    def events(self, job: str) -> list[Payload]:
        """A job's events, the oldest first."""
        with self._guard:
            return list(self._noted(job).values())

    def _noted(self, job: str) -> dict[object, Payload]:
        if job not in self._events:
            path = self._path("jobs", job, ".events")
            whole = path.read_bytes() if path.exists() else b""
            lines = whole.split(b"\n")
            if lines.pop():  # a kill cut it short
                os.truncate(path, whole.rfind(b"\n") + 1)
            self._events[job] = {event["id"]: event for event in _objects(lines)}
        return self._events[job]

    def _path(self, kind: Kind, ident: str, ending: str) -> Path:
        return self.folder / kind / f"{slug(ident)}{ending}"


def digest(*parts: object) -> str:
    """Names a content: sha256 of its parts, in hexadecimal."""
    return hashlib.sha256(encode(parts).encode("ascii")).hexdigest()


def _objects(lines: list[bytes]) -> Iterator[Payload]:
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _read(path: Path) -> Record | None:
    """The record in a file; None where it is damaged, which costs that record and nothing else."""
    try:
        value = json.loads(path.read_bytes())
        return Record(str(value["id"]), int(value["number"]), dict(value["shown"]), dict(value["own"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _alone(folder: Path) -> IO[bytes]:
    """Holds the folder for this process as long as the file is open."""
    import fcntl

    no_link(folder, folder.parent.parent)
    safe_folder(folder)
    lock = os.fdopen(os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600), "r+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        what = f"{folder}: another server is using this folder"
        raise EvalError(what, "end that one, or give this one a folder of its own with --state DIR") from None
    return lock
