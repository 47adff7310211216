"""Watches a job to its end: what happens, how the loss falls, and in the end what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from typing import Protocol

from evalharness.errors import EvalError
from evalharness.protocol import shown
from evalharness.records import Payload
from evalharness.store import write_text
from evalharness.tuning.job import Patience, Telling, patiently, status_of
from evalharness.tuning.measures import Event, Measured, checkpoint, event, merged, result_rows
from evalharness.tuning.remote import Remote, ServerFailed
from evalharness.tuning.state import Checkpoint, Desk, TuneJob

USUAL = ("validating_files", "queued", "running", "pausing", "paused")
MOST_EVENTS = 100_000


class Unfinished(EvalError):
    """The watching ended before the job did."""

    exit_code = 3


class Watcher(Telling, Protocol):
    """Who is told what goes on."""

    def status(self, job: TuneJob) -> None:
        """The job has another status."""
        ...

    def event(self, event: Event) -> None:
        """The server says something of the job."""
        ...


class Watching:
    """One job under watch. measured: the figures of its steps so far, by step."""

    def __init__(self, job: TuneJob, remote: Remote, desk: Desk, patience: Patience, watcher: Watcher) -> None:
        self.job = job
        self.measured: tuple[Measured, ...] = ()
        self._remote = remote
        self._desk = desk
        self._patience = patience
        self._watcher = watcher
        self._seen: set[str] = set()
        self._silent: set[str] = set()
        self._until = None if patience.deadline is None else patience.clock() + patience.deadline

    def ended(self) -> TuneJob:
        """The job once it has ended, with its checkpoints and figures. `Unfinished` where that is not seen."""
        pauses = self._patience.pauses()
        failures = 0
        while True:
            wait = next(pauses)
            try:
                moved = self._look()
                failures = 0
            except ServerFailed as failed:
                failures += 1
                self._bear(failed, failures)
                wait, moved = max(wait, failed.wait or 0.0), False
            if self.job.ended:
                return self._gathered()
            if moved:  # something happens: look again soon
                pauses = self._patience.pauses()
            self._rest(wait)

    def _look(self) -> bool:
        """One look at the job; whether anything is new."""
        found = self._remote.job(self.job.job or "")
        status = status_of(found)
        moved = status != self.job.status
        if moved and status not in USUAL and status not in ("succeeded", "failed", "cancelled"):
            self._watcher.note(f"the status '{shown(status)}' is not one that is known here; waiting on")
        if moved or self.job.ended:
            self.job = self._desk.save(_said(self.job, found))
        told = self._events()
        if moved:
            self._watcher.status(self.job)
        return told or moved

    def _events(self) -> bool:
        """Tells what is new, the oldest first; whether there was anything."""
        try:
            fresh = list(takewhile(lambda one: one.id not in self._seen, self._newest_first()))
        except ServerFailed as failed:
            self._without("events", failed)
            return False
        for one in reversed(fresh):
            self._seen.add(one.id)
            if one.measured is not None:
                self.measured = merged(self.measured, [one.measured])
            self._watcher.event(one)
        return bool(fresh)

    def _newest_first(self) -> Iterator[Event]:
        for _, payload in zip(range(MOST_EVENTS), self._remote.events(self.job.job or ""), strict=False):
            yield event(payload)

    def _without(self, what: str, failed: ServerFailed) -> None:
        """Goes on without what a server does not have; says so once."""
        if failed.kind == "denied":
            raise failed
        if failed.kind in ("gone", "refused") and what not in self._silent:
            self._silent.add(what)
            self._watcher.note(f"this server tells no {what} ({failed.what}); going on without")

    def _bear(self, failed: ServerFailed, failures: int) -> None:
        """Lets a failed look pass, or ends the watching where looking on has no sense."""
        job = self.job
        again = f"`evalharness tune watch {job.name}` looks again"
        if failed.kind in ("denied", "refused"):
            raise failed
        if failed.kind == "gone" and failures >= GONE:
            what = f"job {job.job} is not known to {job.server} any more; its last status was '{job.status}'"
            raise Unfinished(what, f"nothing here was lost: {again}, `tune start ... --again` makes another job")
        if failures >= self._patience.tries:
            raise Unfinished(f"{failed.what}; looked {failures} times in a row", f"the job goes on: {again}")
        if failures == 1:
            self._watcher.note(f"{failed.what}; looking again")

    def _rest(self, seconds: float) -> None:
        now = self._patience.clock()
        if self._until is not None and now + seconds > self._until:
            what = f"job {self.job.job} is still '{shown(self.job.status)}' after {self._patience.deadline:g} s"
            hint = f"it goes on: `evalharness tune watch {self.job.name}`, or `evalharness tune cancel {self.job.name}`"
            raise Unfinished(what, hint)
        self._patience.pause(seconds)

    def _gathered(self) -> TuneJob:
        """The job with what it left: checkpoints, and the figures of its steps as a file."""
        if self.job.status == "succeeded" and self.job.tuned is None:
            self._watcher.note("the job succeeded and names no model; its checkpoints may")
        try:
            self.job = self._desk.save(replace(self.job, checkpoints=self._checkpoints()))
            content = self._result()
        except ServerFailed as failed:
            again = f"`evalharness tune watch {self.job.name}` gets it"
            self._watcher.note(f"{failed.what}; what is missing can be got later: {again}")
            return self.job
        if content:
            self.measured = merged(self.measured, result_rows(content))
        if self.measured:
            path = self._desk.result_path(self.job.name)
            write_text(path, iter(_csv(self.measured)))
            self.job = self._desk.save(replace(self.job, result=self._desk.shown(path)))
        return self.job

    def _checkpoints(self) -> tuple[Checkpoint, ...]:
        def look() -> Payload | None:
            return {"found": list(self._remote.checkpoints(self.job.job or ""))}

        try:
            found = patiently(look, self._patience, self._watcher) or {}
        except ServerFailed as failed:
            self._without("checkpoints", failed)
            if failed.kind not in ("gone", "refused"):
                raise
            return self.job.checkpoints
        items = found["found"]
        points = [checkpoint(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        return tuple(sorted((point for point in points if point), key=lambda point: point.step))

    def _result(self) -> bytes:
        """The bytes of the result file; none where there is none."""
        found = patiently(lambda: self._remote.job(self.job.job or ""), self._patience, self._watcher) or {}
        files = found.get("result_files")
        if not isinstance(files, list) or not files or not isinstance(files[0], str):
            return b""
        content = b""

        def look() -> Payload | None:
            nonlocal content
            content = self._remote.content(files[0])
            return {}

        try:
            patiently(look, self._patience, self._watcher)
        except ServerFailed as failed:
            self._without("figures in a result file", failed)
            if failed.kind not in ("gone", "refused"):
                raise
        return content


GONE = 3
"""Looks in a row that find no job: one that was just created may not be seen at once."""


def _said(job: TuneJob, found: Payload) -> TuneJob:
    """The job as the server's object has it."""
    tuned, tokens, error = found.get("fine_tuned_model"), found.get("trained_tokens"), found.get("error")
    return replace(
        job,
        status=status_of(found),
        tuned=tuned if isinstance(tuned, str) and tuned else None,
        trained_tokens=tokens if isinstance(tokens, int) else None,
        error=_complaint(error) if error else None,
    )


def _complaint(error: object) -> str:
    if not isinstance(error, dict):
        return shown(str(error))
    code, message = error.get("code"), error.get("message")
    said = message if isinstance(message, str) else ""
    line = f"{said[:2000]} ({code[:80]})" if isinstance(code, str) and code else said[:2000]
    return line or shown(str(error))


def _csv(measured: tuple[Measured, ...]) -> Iterator[str]:
    yield "step,train_loss,valid_loss\n"
    for one in measured:
        yield ",".join([str(one.step), *("" if loss is None else repr(loss) for loss in (one.train, one.valid))]) + "\n"


def kept(job: TuneJob, desk: Desk) -> tuple[Measured, ...]:
    """The figures of a job that were kept on this disk."""
    try:
        return result_rows(desk.result_path(job.name).read_bytes())
    except OSError:
        return ()
