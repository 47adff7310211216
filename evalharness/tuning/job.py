"""Starts a tuning job so that exactly one exists, whatever happens in between, and watches it to its end.

A request that makes something is never sent again blindly. What is wanted is written down first; where no answer came,
the server's own list says whether it arrived, and only when that shows nothing, for as long as it may take, it is sent
again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from evalharness.errors import EvalError, Fault, Faults
from evalharness.escape import slug
from evalharness.files import unreadable
from evalharness.records import Payload, encode
from evalharness.tuning.remote import Remote, ServerFailed
from evalharness.tuning.state import Desk, TrainingFile, TuneJob, Upload, now, since

MARK = "evalharness"
"""The name under which a job bears its intent in its metadata."""
LARGEST = 512 * 2**20


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what. first, most: seconds between two looks, which grow from one to the other.

    deadline: for all of it, None for none. grace: how long a request that brought no answer may take to be seen in a
    list. looks: how often something is looked at that changes nothing on the server, tries: how often anything else is
    tried. pause, clock: for tests.
    """

    first: float = 2.0
    most: float = 60.0
    deadline: float | None = None
    grace: float = 30.0
    looks: int = 5
    tries: int = 8
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def pauses(self) -> Iterator[float]:
        """Seconds to wait, each half as long again as the one before."""
        span = self.first
        while True:
            yield span
            span = min(self.most, span * 1.5)


class Telling(Protocol):
    """Who is told what goes on while nothing is returned yet."""

    def note(self, text: str) -> None:
        """A line that somebody may have to act on."""
        ...

    def progress(self, text: str) -> None:
        """A line on what is being done."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted. settings: the method with its hyperparameters, as it is sent; empty for the server's own choice.

    seed: None for one made from the order itself. attempt: counts tunes that are wanted again although all is the same.
    """

    model: str
    training: Path
    validation: Path | None = None
    suffix: str | None = None
    seed: int | None = None
    settings: Payload = field(default_factory=dict)
    name: str | None = None
    attempt: int = 1


def ordered(order: Order, remote: Remote) -> TuneJob:
    """The job as it is wanted, before anything is sent; equal orders give equal jobs."""
    training = _file(order.training)
    validation = _file(order.validation) if order.validation else None
    contents = [training.sha256, validation.sha256 if validation else None]
    wanted = [remote.url, order.model, contents, order.suffix, order.seed, order.settings, order.attempt]
    intent = hashlib.sha256(encode(wanted).encode("ascii")).hexdigest()[:32]
    stem = slug(order.suffix or order.training.stem)[:40].strip("-.")
    return TuneJob(
        name=order.name or f"{stem}-{intent[:6]}",
        intent=intent,
        server=remote.url,
        model=order.model,
        training=training,
        validation=validation,
        api_key_env=None if remote.variable == "OPENAI_API_KEY" else remote.variable,
        suffix=order.suffix,
        seed=int(intent[:7], 16) if order.seed is None else order.seed,
        settings=order.settings,
    )


def _file(path: Path) -> TrainingFile:
    content = read(path)
    return TrainingFile(str(path), hashlib.sha256(content).hexdigest(), len(content))


def read(path: Path) -> bytes:
    """A training file's bytes; `Faults` where it cannot be read or no server would take it."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise Faults([unreadable(path, str(path), error)]) from None
    if not content:
        raise Faults([Fault(str(path), 0, 0, "this file is empty")])
    if len(content) > LARGEST:
        raise Faults([Fault(str(path), 0, 0, "this file is longer than 512 MiB, the most that servers take")])
    return content


def start(job: TuneJob, remote: Remote, desk: Desk, patience: Patience, tell: Telling) -> TuneJob:
    """The job with its id on the server, where there is one of it and one of each of its files.

    Called again, after whatever happened, it goes on where it was; a job that was created is not created again.
    """
    with desk.alone(job.name):
        known = desk.job(job.name)
        if known is not None and known.intent != job.intent:
            what = f"the name '{job.name}' belongs to another tuning job"
            raise EvalError(what, "give this one another --name")
        job = known or desk.save(replace(job, began=now()))
        if job.job is not None:
            return job
        training = uploaded(job.training, remote, desk, patience, tell)
        job = desk.save(replace(job, training=training))
        if job.validation is not None:
            validation = uploaded(job.validation, remote, desk, patience, tell)
            job = desk.save(replace(job, validation=validation))
        return _created(job, remote, desk, patience, tell)


# --- one file ---------------------------------------------------------------------------------------------------------


def uploaded(file: TrainingFile, remote: Remote, desk: Desk, patience: Patience, tell: Telling) -> TrainingFile:
    """The file with its id on the server; the same content is never sent there twice."""
    with desk.alone(f"upload-{file.sha256}"):
        name = f"{slug(Path(file.path).stem)[:40]}-{file.sha256[:16]}.jsonl"
        upload = desk.upload(remote.url, file.sha256) or Upload(remote.url, file.sha256, name, file.size)
        if upload.file is not None and _still_there(upload, remote, patience, tell):
            return replace(file, remote=upload.file)
        content = read(Path(file.path))
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise EvalError(f"{file.path}: this file changed while it was looked at", "run the same command again")

        def post() -> Payload:
            tell.progress(f"uploading {file.path}, {file.size:,} bytes")
            return remote.upload(upload.name, content)

        once = Once(
            what=f"the upload of {file.path}",
            post=post,
            find=lambda: _listed(upload, remote),
            posted=upload.posted,
            sent=lambda moment: desk.save_upload(replace(upload, posted=moment, file=None)),
        )
        ident = _ident(once.made(patience, tell), once.what)
        desk.save_upload(replace(upload, posted=None, file=ident))
        return replace(file, remote=ident)


def _still_there(upload: Upload, remote: Remote, patience: Patience, tell: Telling) -> bool:
    """Whether a file that was sent once is still on the server; where it cannot be asked, it is believed to be."""
    try:
        return bool(patiently(lambda: remote.file(upload.file or ""), patience, tell))
    except ServerFailed as failed:
        if failed.kind != "gone":
            raise
    try:
        return patiently(lambda: _listed(upload, remote), patience, tell) is not None
    except ServerFailed as failed:
        if failed.kind != "gone":
            raise
    return True


def _listed(upload: Upload, remote: Remote) -> Payload | None:
    """The file as the server's list has it: its name bears the content's digest."""
    for found in remote.files():
        if found.get("filename") == upload.name and found.get("bytes") in (None, upload.size):
            return found
    return None


# --- one job ----------------------------------------------------------------------------------------------------------


def _created(job: TuneJob, remote: Remote, desk: Desk, patience: Patience, tell: Telling) -> TuneJob:
    while True:
        once = _creation(job, remote, desk)
        try:
            found = once.made(patience, tell)
        except ServerFailed as failed:
            plainer = _plainer(job, failed)
            if plainer is None:
                raise
            tell.note(f"{remote.url} does not take '{plainer.plain[-1]}', which is left out")
            job = desk.save(replace(plainer, posted=None))
            continue
        job = desk.save(replace(job, posted=None, job=_ident(found, once.what), status=status_of(found)))
        tell.progress(f"job {job.job} is created")
        return job


def _creation(job: TuneJob, remote: Remote, desk: Desk) -> Once:
    return Once(
        what="the creation of the job",
        post=lambda: remote.create(job.model, job.training.remote or "", body(job)),
        find=lambda: _made(job, remote, desk),
        posted=job.posted,
        sent=lambda moment: desk.save(replace(job, posted=moment)),
    )


def body(job: TuneJob) -> Payload:
    """What is sent to create a job, beside its model and training file."""
    more: Payload = {"seed": job.seed, "metadata": {MARK: job.intent}, "method": job.settings or None}
    more |= {"suffix": job.suffix, "validation_file": job.validation.remote if job.validation else None}
    if "method" in job.plain and job.settings.get("type") == "supervised":
        inner = job.settings["supervised"]
        more["hyperparameters"] = inner.get("hyperparameters") if isinstance(inner, dict) else None
    return {name: value for name, value in more.items() if value is not None and name not in job.plain}


def _plainer(job: TuneJob, failed: ServerFailed) -> TuneJob | None:
    """The job without the field that this server does not know, of those that can be done without."""
    if failed.kind != "refused":
        return None
    spare = ["metadata", "seed"]
    if job.settings.get("type") == "supervised":
        spare.append("method")
    for name in spare:
        if name in failed.param and name not in job.plain:
            return replace(job, plain=(*job.plain, name))
    return None


def _made(job: TuneJob, remote: Remote, desk: Desk) -> Payload | None:
    """The job as the server's list has it: by its mark, or, where the server keeps none, by all it was made from."""
    taken = {other.job for other in desk.jobs()}
    alike: Payload | None = None
    for found in remote.jobs():
        metadata = found.get("metadata")
        mark = metadata.get(MARK) if isinstance(metadata, dict) else None
        if mark == job.intent:
            return found
        if mark is None and alike is None and found.get("id") not in taken and _alike(job, found):
            alike = found
    return alike


def _alike(job: TuneJob, found: Payload) -> bool:
    """Whether a job without a mark is the one that was wanted. The seed was made from the order, so it marks it too."""
    validation = job.validation.remote if job.validation else None
    return (
        found.get("training_file") == job.training.remote
        and (found.get("validation_file") or None) == validation
        and str(found.get("model", "")).startswith(job.model)
        and (found.get("seed") == job.seed or "seed" in job.plain)
        and (found.get("user_provided_suffix") or job.suffix) == job.suffix
    )


# --- exactly once -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Once:
    """A thing that is to exist once on a server. post: makes it; find: looks for it.

    posted: when it was last sent without an answer. sent: writes that down, and with None that nothing came of it.
    """

    what: str
    post: Callable[[], Payload]
    find: Callable[[], Payload | None]
    posted: str | None
    sent: Callable[[str | None], object]

    def made(self, patience: Patience, tell: Telling) -> Payload:
        """The thing: found, or made."""
        found = self._settled(patience, tell) if self.posted else self._look(patience, tell)
        if found is not None:
            return found
        last: ServerFailed | None = None
        for _, span in zip(range(patience.tries), patience.pauses(), strict=False):
            self.sent(now())
            try:
                return self.post()
            except ServerFailed as failed:
                last = failed
            if last.kind == "lost":
                tell.note(f"{last.what}; looking whether it arrived")
                found = self._lost(patience)
                if found is not None:
                    return found
                continue
            self.sent(None)
            if last.kind == "gone":
                raise ServerFailed("gone", last.what, hint=LACKING)
            if not (last.kind == "limit" or "not ready" in last.what.lower()):
                raise last
            patience.pause(_wait(last, span, patience))
        assert last is not None
        raise ServerFailed(last.kind, last.what, hint=f"tried {patience.tries} times; run the same command again later")

    def _look(self, patience: Patience, tell: Telling) -> Payload | None:
        """What is there before anything was sent from here; a server without a list is believed to have nothing."""
        try:
            return patiently(self.find, patience, tell)
        except ServerFailed as failed:
            if failed.kind != "gone":
                raise
            return None

    def _settled(self, patience: Patience, tell: Telling) -> Payload | None:
        """What became of a request that an earlier command sent, and whose answer it did not see."""
        tell.note(f"{self.what} was sent {self.posted}, and no answer was seen; looking whether it arrived")
        return self._lost(replace(patience, grace=max(0.0, patience.grace - since(self.posted))))

    def _lost(self, patience: Patience) -> Payload | None:
        """Looks for what a request may have made, until it would have been seen by now."""
        until = patience.clock() + patience.grace
        failures = 0
        for usual in patience.pauses():
            span = usual
            try:
                found = self.find()
                if found is not None or patience.clock() >= until:
                    return found
            except ServerFailed as failed:
                failures += 1
                if failed.kind == "gone":
                    what = f"it is not known whether {self.what} arrived: this server has no list to look in"
                    hint = "look on the server's own pages; if nothing is there, give --again"
                    raise ServerFailed("lost", what, hint=hint) from None
                if failed.kind in ("denied", "refused") or failures >= patience.tries:
                    raise
                span = _wait(failed, usual, patience)
            patience.pause(span)
        return None


LACKING = (
    "a server without the endpoints for files and tuning jobs cannot be driven from here: tune by its own means, and "
    "name the tuned model in the config"
)


def patiently(look: Callable[[], Payload | None], patience: Patience, tell: Telling) -> Payload | None:
    """What a look gives that changes nothing on the server, so it may be tried again."""
    pauses = patience.pauses()
    for number in range(1, patience.looks + 1):
        try:
            return look()
        except ServerFailed as failed:
            if failed.kind not in ("limit", "lost"):
                raise
            if number == patience.looks:
                hint = f"tried {number} times; run the same command again later"
                raise ServerFailed(failed.kind, failed.what, hint=hint) from None
            if number == 1:
                tell.note(f"{failed.what}; trying again")
            patience.pause(_wait(failed, next(pauses), patience))
    return None


def _wait(failed: ServerFailed, span: float, patience: Patience) -> float:
    """Seconds to leave a server alone: never less than it asked for."""
    if failed.wait is not None and failed.wait > patience.most * 5:
        raise ServerFailed(failed.kind, f"{failed.what}: it asks to be left alone for {failed.wait:g} s")
    return max(span, failed.wait or 0.0)


def status_of(found: Payload) -> str:
    """A job's status; whatever a server calls it is taken as it is."""
    status = found.get("status")
    return status[:40] if isinstance(status, str) and status else "unknown"


def _ident(found: Payload, what: str) -> str:
    ident = found.get("id")
    if not isinstance(ident, str) or not ident or len(ident) > 200 or not ident.isprintable():
        raise ServerFailed("lost", f"{what}: the answer has no id", hint="this server does not speak the protocol")
    return ident
