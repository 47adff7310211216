"""Files: what clients upload, and what jobs and batches leave for them. No HTTP here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.records import Payload
from evalharness.serving import shapes
from evalharness.serving.checks import upload_fault
from evalharness.serving.refusals import no_file, wrong
from evalharness.serving.shelf import Record, Shelf

PURPOSES = ("fine-tune", "batch", "assistants", "vision", "user_data", "evals")
LARGEST = 512 * 2**20
"""Bytes of the largest file taken."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list a client asks for. after: the id of the last item it has."""

    limit: int
    after: str | None = None
    newest_first: bool = True

    def of(self, items: Sequence[Payload], *, ends: bool = False) -> Payload:
        """That part of items that stand newest first."""
        ordered = list(items if self.newest_first else reversed(items))
        start = 0
        if self.after is not None:
            start = next((at + 1 for at, item in enumerate(ordered) if item["id"] == self.after), len(ordered))
        return shapes.listing(ordered[start : start + self.limit], more=len(ordered) > start + self.limit, ends=ends)


class Files:
    """The files of a server. now: seconds since 1970."""

    def __init__(self, shelf: Shelf, now: Callable[[], float]) -> None:
        self._shelf = shelf
        self._now = now

    def upload(self, name: str, purpose: str, content: bytes, seconds: int | None = None) -> Payload:
        """Takes a file; one for tuning must be JSON lines. seconds: until it expires."""
        if purpose not in PURPOSES:
            known = ", ".join(f"'{purpose}'" for purpose in PURPOSES)
            raise wrong(f"Invalid value: '{purpose[:80]}'. Supported values are: {known}.", "purpose", "invalid_value")
        if not content:
            raise wrong("File is empty. Please try again with a non-empty file.", "file")
        if purpose == "fine-tune":
            if not name.endswith(".jsonl"):
                raise wrong(f"Invalid file format for Fine-Tuning API. Must be .jsonl, got '{name[-80:]}'", "file")
            if fault := upload_fault(content):
                raise wrong(fault)
        return self.add(name, purpose, content, seconds).shown

    def add(self, name: str, purpose: str, content: bytes, seconds: int | None = None) -> Record:
        """Keeps a file, the content before the record: a kill in between leaves no file without content."""
        made = hashlib.sha256(content).hexdigest()
        ident = self._shelf.new_id("files", "file-", made, name, purpose)
        created = int(self._now())
        self._shelf.put("files", ident, content)
        expires = created + seconds if seconds else None
        shown = shapes.file(ident, name, purpose, len(content), created, expires)
        return self._shelf.add("files", ident, shown, {"sha256": made})

    def one(self, ident: str) -> Payload:
        """A file as clients see it."""
        return self.record(ident).shown

    def record(self, ident: str, param: str = "id") -> Record:
        """A file that is there and has not expired; `Refused` with 404 otherwise."""
        record = self._shelf.get("files", ident)
        expires = record.shown.get("expires_at") if record else None
        if record is None or (isinstance(expires, int) and expires <= self._now()):
            raise no_file(ident, param)
        return record

    def content(self, ident: str) -> bytes:
        """A file's bytes."""
        self.record(ident)
        content = self._shelf.content("files", ident)
        if content is None:
            raise no_file(ident)
        return content

    def path(self, ident: str) -> Path:
        """Where a file's bytes lie."""
        self.record(ident)
        return self._shelf.content_path("files", ident)

    def all(self, page: Page, purpose: str | None = None) -> Payload:
        """A part of the list of files, of one purpose or of every one."""
        records = self._shelf.all("files")
        shown = [record.shown for record in records if purpose in (None, record.shown["purpose"])]
        return page.of(shown, ends=True)

    def forget(self, ident: str) -> Payload:
        """Deletes a file."""
        self.record(ident)
        self._shelf.drop("files", ident)
        return shapes.deleted(ident, "file")
