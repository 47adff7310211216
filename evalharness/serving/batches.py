"""Batches: a file of questions, answered in the background into a file of answers. No HTTP here.

A batch that was under way when the server ended is answered again from its start by the next: equal questions have
equal answers, so nothing is lost.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from evalharness.records import Payload, encode
from evalharness.serving import shapes
from evalharness.serving.fields import Fields
from evalharness.serving.filing import Page
from evalharness.serving.jobs import Rooms
from evalharness.serving.refusals import Refused, no_batch, wrong
from evalharness.serving.shelf import Record, digest

ENDPOINT = "/v1/chat/completions"
OPEN = ("validating", "in_progress", "finalizing")
MOST_LINES = 50_000


@dataclass(frozen=True, slots=True)
class Line:
    """One question of a batch."""

    custom_id: str
    body: bytes


class Batches:
    """The batches of a server, answered one at a time in a thread. ask: answers the body of a chat."""

    def __init__(self, rooms: Rooms, ask: Callable[[bytes], Payload]) -> None:
        self._rooms = rooms
        self._ask = ask
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="batches", daemon=True)

    def start(self) -> None:
        """Takes up every batch that is open, then whatever comes."""
        for record in reversed(self._rooms.shelf.all("batches")):
            if record.shown["status"] in OPEN:
                self._waiting.put(record.id)
        self._thread.start()

    def stop(self) -> None:
        """Leaves what is under way, to be taken up by the next start."""
        self._stopping.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def create(self, raw: bytes) -> Payload:
        """Creates a batch; that its lines are good is found out later."""
        fields = Fields.of(raw)
        endpoint = fields.needed("endpoint")
        if endpoint != ENDPOINT:
            what = f"Invalid value: '{endpoint[:80]}'. Supported values are: '{ENDPOINT}'."
            raise wrong(what, "endpoint", "invalid_value")
        window = fields.needed("completion_window")
        if window != "24h":
            what = f"Invalid value: '{window[:80]}'. Supported values are: '24h'."
            raise wrong(what, "completion_window", "invalid_value")
        file = self._rooms.files.record(fields.needed("input_file_id"), "input_file_id")
        if file.shown["purpose"] != "batch":
            what = f"File '{file.id}' has purpose '{file.text('purpose')}', expected 'batch'."
            raise wrong(what, "input_file_id", "invalid_file_purpose")
        metadata = fields.pairs("metadata")
        fields.pass_over("output_expires_after")
        fields.rest()
        ident = self._rooms.shelf.new_id("batches", "batch_", digest(file.id, metadata))
        shown = shapes.batch(ident, int(self._rooms.now()), endpoint, file.id, window, metadata)
        self._rooms.shelf.add("batches", ident, shown)
        self._waiting.put(ident)
        return shown

    def one(self, ident: str) -> Payload:
        """A batch as clients see it."""
        return self._record(ident).shown

    def all(self, page: Page) -> Payload:
        """A part of the list of batches, the newest first."""
        return page.of([record.shown for record in self._rooms.shelf.all("batches")], ends=True)

    def cancel(self, ident: str) -> Payload:
        """Cancels a batch; what was answered is not kept."""
        with self._rooms.shelf.held():
            record = self._record(ident)
            status = record.text("status")
            if status not in OPEN:
                raise Refused(409, f"Cannot cancel a batch with status '{status}'.")
            now = int(self._rooms.now())
            record = record.having(status="cancelled", cancelling_at=now, cancelled_at=now)
            return self._rooms.shelf.keep("batches", record).shown

    def _record(self, ident: str) -> Record:
        record = self._rooms.shelf.get("batches", ident)
        if record is None:
            raise no_batch(ident)
        return record

    def _serve(self) -> None:
        while (ident := self._waiting.get()) is not None:
            self._work(ident)

    def _work(self, ident: str) -> None:
        record = self._record(ident)
        try:
            lines = read(self._rooms.files.content(record.text("input_file_id")))
        except Refused as refused:
            self._fail(ident, [_fault("invalid_input_file", None, refused.message)])
            return
        except Unreadable as unreadable:
            self._fail(ident, unreadable.errors)
            return
        if not self._update(ident, status="in_progress", in_progress_at=self._seconds()):
            return
        good: list[str] = []
        bad: list[str] = []
        read_tokens = written = 0
        model = ""
        for number, line in enumerate(lines):
            if self._stopping.is_set():
                return
            answer = self._answer(line, digest(ident, number)[:24])
            (good if answer.good else bad).append(answer.line)
            read_tokens, written = read_tokens + answer.read, written + answer.written
            model = model or answer.model
            counts = {"total": len(lines), "completed": len(good), "failed": len(bad)}
            if not self._update(ident, request_counts=counts):
                return
        self._finish(ident, good, bad, usage=shapes.batch_usage(read_tokens, written), model=model or None)

    def _fail(self, ident: str, found: Sequence[Payload]) -> None:
        self._update(ident, status="failed", failed_at=self._seconds(), errors={"object": "list", "data": list(found)})

    def _finish(self, ident: str, good: Sequence[str], bad: Sequence[str], **fields: object) -> None:
        self._update(ident, status="finalizing", finalizing_at=self._seconds())
        with self._rooms.shelf.held():
            if self._record(ident).shown["status"] != "finalizing":
                return
            for name, lines in (("output", good), ("error", bad)):
                if lines:
                    content = "".join(f"{line}\n" for line in lines).encode("ascii")
                    file = self._rooms.files.add(f"{ident}_{name}.jsonl", "batch_output", content)
                    fields[f"{name}_file_id"] = file.id
            self._update(ident, status="completed", completed_at=self._seconds(), **fields)

    def _answer(self, line: Line, name: str) -> Answered:
        try:
            body = self._ask(line.body)
        except Refused as refused:
            failed = _result(name, line, refused.status, json.loads(refused.body))
            return Answered(failed)
        usage = body["usage"]
        assert isinstance(usage, dict)
        counts = (usage["prompt_tokens"], usage["completion_tokens"])
        return Answered(_result(name, line, 200, body), True, *counts, str(body["model"]))

    def _update(self, ident: str, **fields: object) -> bool:
        """Shows the batch in another state; False where it was cancelled meanwhile."""
        with self._rooms.shelf.held():
            record = self._record(ident)
            if record.shown["status"] not in OPEN:
                return False
            self._rooms.shelf.keep("batches", record.having(**fields))
            return True

    def _seconds(self) -> int:
        return int(self._rooms.now())


@dataclass(frozen=True, slots=True)
class Answered:
    """One line of the output, and what it took; nothing where it failed."""

    line: str
    good: bool = False
    read: int = 0
    written: int = 0
    model: str = ""


class Unreadable(Exception):
    """What is wrong with a batch file, by line."""

    def __init__(self, errors: tuple[Payload, ...]) -> None:
        super().__init__(f"{len(errors)} faults")
        self.errors = errors


def read(content: bytes) -> tuple[Line, ...]:
    """The questions of a batch file; `Unreadable` with every fault."""
    raw = content.split(b"\n")
    lines = raw[:-1] if not raw[-1].strip() else raw
    if not lines or len(lines) > MOST_LINES:
        what = "The batch file holds no request." if not lines else f"The batch file exceeds {MOST_LINES} requests."
        raise Unreadable((_fault("invalid_batch", None, what),))
    found: list[Line] = []
    faults: list[Payload] = []
    seen: set[str] = set()
    for number, text in enumerate(lines, 1):
        faults += _line(text, number, seen, found)
    if faults:
        raise Unreadable(tuple(faults))
    return tuple(found)


def _line(text: bytes, number: int, seen: set[str], found: list[Line]) -> Iterator[Payload]:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        yield _fault("invalid_json_line", number, "This line is not parseable as valid JSON.")
        return
    name, body = row.get("custom_id"), row.get("body")
    if not isinstance(name, str) or not name:
        yield _fault("missing_required_parameter", number, "Missing required parameter: 'custom_id'.", "custom_id")
    elif name in seen:
        yield _fault("duplicate_custom_id", number, f"The custom_id '{name[:80]}' is used twice.", "custom_id")
    elif row.get("method") != "POST" or row.get("url") != ENDPOINT:
        yield _fault("invalid_url", number, f"Each line asks with method 'POST' for the url '{ENDPOINT}'.", "url")
    elif not isinstance(body, dict):
        yield _fault("missing_required_parameter", number, "Missing required parameter: 'body'.", "body")
    else:
        seen.add(name)
        found.append(Line(name, encode({**body, "stream": False}).encode("ascii")))


def _fault(code: str, line: int | None, message: str, param: str | None = None) -> Payload:
    return {"code": code, "line": line, "message": message, "param": param}


def _result(name: str, line: Line, status: int, body: Payload) -> str:
    response = {"status_code": status, "request_id": f"req_{name}", "body": body}
    return encode({"id": f"batch_req_{name}", "custom_id": line.custom_id, "response": response, "error": None})
