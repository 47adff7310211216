"""Run files: JSON lines that hold all a comparison needs, so that it works offline and years later.

The first line names suite, model and gate; then come a line a case and a line a trial, in the order of the plan; the
last line says what the run took, and a file without it is a run that was interrupted. A growing run is `NAME.part` and
gets its name when it is whole. Every line is checked when it is read.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self, TypeVar, overload

from evalharness.errors import StoreError
from evalharness.records import (
    RUN_SCHEMA,
    Asked,
    Criterion,
    ModelRef,
    Payload,
    Run,
    Score,
    Snapshot,
    SuiteRef,
    Tally,
    Trial,
    encode,
)

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

LONGEST_HEADER = 2**24
"""Bytes of a first line that are read."""

_FLAGS = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a run file."""

    evalharness: int
    suite: SuiteRef
    model: ModelRef
    gate: tuple[Criterion, ...]
    began: str
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Last:
    """The last line of a run file."""

    tally: Tally
    judging: tuple[tuple[str, Tally], ...] = ()


class Trials(Sequence[Trial]):
    """The trials of a run file, read when they are looked at: a run of ten thousand cases costs their places only.

    The file stays open, so that they are still there when another process has put a newer run under its name.
    """

    def __init__(self, path: Path, places: array[int]) -> None:
        """places: start and end of each trial's line, in turn."""
        self.path = path
        self.places = places
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    def __len__(self) -> int:
        return len(self.places) // 2

    @overload
    def __getitem__(self, place: int) -> Trial: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Trial, ...]: ...
    def __getitem__(self, place: int | slice) -> Trial | tuple[Trial, ...]:
        if isinstance(place, slice):
            return tuple(self._read(each) for each in range(len(self))[place])
        return self._read(range(len(self))[place])

    def __iter__(self) -> Iterator[Trial]:
        return (self._read(place) for place in range(len(self)))

    def _read(self, place: int) -> Trial:
        start, end = self.places[2 * place], self.places[2 * place + 1]
        line = os.pread(self._descriptor, end - start, start)
        return checked(_trial(), parsed(str(self.path), line)["trial"], str(self.path))


class Writer:
    """Writes a run as it grows: `with Writer(...) as writer`, a trial a call, then `finish`.

    Trials may come in any order and are written in the plan's own. Leaving without `finish` keeps the `.part`.
    """

    def __init__(self, path: Path, run: Run) -> None:
        self.path = path
        self.run = run
        self.places = array("Q")
        self._early: dict[int, Trial] = {}
        self._size = 0

    def __enter__(self) -> Self:
        safe_folder(self.path.parent)
        try:
            self.part, self._file = open_part(self.path)
            run = self.run
            header = Header(RUN_SCHEMA, run.suite, run.model, run.gate, run.began, run.snapshot)
            self._write(encode(_lean(asdict(header))))
            for case in run.cases:
                self._write(encode({"case": _case(case)}))
        except OSError as error:
            raise not_written(self.path, error) from None
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def more(self, cases: Sequence[Asked]) -> None:
        """Writes cases that are asked after those there were at first; before any trial of theirs."""
        self.run = replace(self.run, cases=(*self.run.cases, *cases))
        try:
            for case in cases:
                self._write(encode({"case": _case(case)}))
        except OSError as error:
            raise not_written(self.path, error) from None

    def add(self, place: int, trial: Trial) -> None:
        """Writes the trial that stands at `place` of the plan, or keeps it until those before it have come."""
        self._early[place] = trial
        try:
            while (following := self._early.pop(len(self.places) // 2, None)) is not None:
                self._append(following)
        except OSError as error:
            raise not_written(self.path, error) from None

    def stop(self) -> Run:
        """What there is of an interrupted run, trials after a gap included; the file keeps its `.part`."""
        for place in sorted(self._early):
            self._append(self._early[place])
        self._early.clear()
        self._file.flush()
        return replace(self.run, trials=Trials(self.part, self.places), path=str(self.part))

    def finish(self, tally: Tally, judging: tuple[tuple[str, Tally], ...] = ()) -> Run:
        """Writes the last line, makes the file durable and gives it its name. judging: what each judge took."""
        try:
            judges = {"judging": [[name, asdict(took)] for name, took in judging]} if judging else {}
            self._write(encode({"tally": asdict(tally), **judges}))
            self._file.flush()
            os.fsync(self._file.fileno())
            trials = Trials(self.part, self.places)
            os.replace(self.part, self.path)
            self._file.close()  # which ends the lock: not before the file has its name
        except OSError as error:
            raise not_written(self.path, error) from None
        trials.path = self.path
        return replace(self.run, trials=trials, path=str(self.path), tally=tally, judging=judging)

    def _append(self, trial: Trial) -> None:
        self.places.append(self._size)
        self._write(f'{{"trial":{encode_trial(trial)}}}')
        self.places.append(self._size)

    def _write(self, line: str) -> None:
        data = line.encode("ascii") + b"\n"
        self._file.write(data)
        self._size += len(data)


def read(path: Path) -> Run:
    """The run in a file; `StoreError` with the line where it is not one."""
    header: Header | None = None
    cases: list[Asked] = []
    places = array("Q")
    last: Last | None = None
    start = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                place = f"{path}:{number}"
                if header is None:
                    header = _header(path, line)
                elif line.startswith(b'{"trial":'):
                    if not line.endswith(b"\n"):
                        break  # the writer was cut off within the line
                    places.extend((start, start + len(line)))
                elif line.startswith(b'{"case":'):
                    cases.append(checked(_asked(), parsed(place, line)["case"], place))
                elif line.startswith(b'{"tally":'):
                    last = checked(_last_line(), parsed(place, line), place)
                elif line.strip():
                    raise StoreError(f"{path}:{number}: neither a case nor a trial", "was this file edited by hand?")
                start += len(line)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}", "RUN is a file under .evalharness/runs/") from None
    if header is None:
        raise StoreError(f"{path}: the file is empty", "run the suite again")
    trials = Trials(path, places)
    head = header.suite, header.model, header.gate, header.began
    tally, judging = (last.tally, last.judging) if last else (None, ())
    return Run(*head, tuple(cases), trials, tally, str(path), header.snapshot, judging)


def read_header(path: Path) -> Header:
    """The first line of a run file, which says whose run it is; `StoreError` where it does not."""
    try:
        with path.open("rb") as file:
            return _header(path, file.readline(LONGEST_HEADER))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}", "RUN is a file under .evalharness/runs/") from None


def write(path: Path, run: Run) -> Run:
    """Writes a whole run at once, by way of a temporary file beside it."""
    with Writer(path, run) as writer:
        for place, trial in enumerate(run.trials):
            writer.add(place, trial)
        return writer.finish(run.tally or Tally(), run.judging)


def write_text(path: Path, pieces: Iterator[str]) -> None:
    """Writes a text file so that a reader sees the old one or the new one: temporary file, flush, rename."""
    write_bytes(path, (piece.encode("utf-8", "backslashreplace") for piece in pieces))


def write_bytes(path: Path, pieces: Iterable[bytes]) -> None:
    """The same for any file, with the folders above it; `StoreError` where that cannot be done."""
    safe_folder(path.parent)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open_new(part) as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise not_written(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def encode_trial(trial: Trial) -> str:
    """A trial as JSON, fields at their default left out; by hand, since every trial of every run passes here."""
    talk = trial.conversation
    said: Payload = {
        "case": talk.case,
        "sample": talk.sample,
        "messages": [{"role": message.role, "content": message.content} for message in talk.messages],
        "replies": talk.replies,
        "outcomes": talk.outcomes,
        "usage": {"tokens_in": talk.usage.tokens_in, "tokens_out": talk.usage.tokens_out},
    }
    if talk.served:
        said["served"] = talk.served
    if talk.fingerprints:
        said["fingerprints"] = talk.fingerprints
    line: Payload = {"conversation": said, "scores": [_score(score) for score in trial.scores]}
    if trial.failure is not None:
        line["failure"] = asdict(trial.failure)
    return encode(line)


def safe_folder(folder: Path) -> None:
    """Makes the folder; `StoreError` where it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(folder, error) from None


def no_link(folder: Path, root: Path) -> None:
    """Raises `StoreError` where a step of the way from `root` down to `folder` is a symbolic link: none is followed."""
    for step in (folder, *folder.parents):
        if step == root or not step.is_relative_to(root):
            return
        if step.is_symlink():
            raise StoreError(f"{step}: a symbolic link, which is not followed", "put a folder in its place")


def open_new(path: Path) -> IO[bytes]:
    """Opens a file for writing from its start, never through a symbolic link."""
    return os.fdopen(os.open(path, _FLAGS | os.O_TRUNC, 0o644), "wb")


def open_part(path: Path) -> tuple[Path, IO[bytes]]:
    """Opens the file that grows into `path`: `NAME.part`, or one of this process where another is writing that one."""
    import fcntl

    part = path.with_name(f"{path.name}.part")
    file = os.fdopen(os.open(part, _FLAGS, 0o644), "wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found, named = os.fstat(file.fileno()), os.stat(part)
        if (found.st_ino, found.st_dev) == (named.st_ino, named.st_dev):  # else it was renamed in between
            file.truncate(0)
            return part, file
    except OSError:
        pass
    file.close()
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    return part, open_new(part)


def not_written(path: Path, error: OSError) -> StoreError:
    """The lines for a file that cannot be written; status 3 where the disk is to blame, 2 where the place is."""
    what = f"{path}: {error.strerror or error}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        failed = StoreError(what, "answers got so far are kept; free space, then run again")
        failed.exit_code = 3
        return failed
    if error.errno == errno.EMFILE:
        return StoreError(what, "give fewer suites at a time, or allow more open files: `ulimit -n 4096`")
    return StoreError(what, "evalharness writes below the project's folder: make it writable, and no file in the way")


def _case(asked: Asked) -> Payload:
    """A case as JSON, by hand, since `asdict` copies deeply: a second for fifty thousand cases."""
    line: Payload = {"case": asked.case, "question": asked.question, "aspects": asked.aspects}
    if asked.tags:
        line["tags"] = asked.tags
    if asked.group is not None:
        line["group"] = asked.group
    if asked.must_pass:
        line["must_pass"] = True
    if asked.near is not None:
        line["near"] = asked.near
    if asked.persona is not None:
        line["persona"], line["item"] = asked.persona, asked.item
    return line


def _score(score: Score) -> Payload:
    line: Payload = {"check": score.check, "aspect": score.aspect, "turn": score.turn}
    line["grade"] = {"value": score.grade.value, "why": score.grade.why}
    if score.grade.by:
        line["grade"] = {"value": score.grade.value, "why": score.grade.why, "by": score.grade.by}
    if score.weight != 1.0:
        line["weight"] = score.weight
    if score.pass_at != 0.5:
        line["pass_at"] = score.pass_at
    if score.judges:
        line["judges"] = score.judges
    return line


def _lean(fields: Payload) -> Payload:
    """Without what was never set."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}


def _header(path: Path, line: bytes) -> Header:
    fields = parsed(f"{path}:1", line)
    version = fields.get("evalharness")
    if not isinstance(version, int):
        raise StoreError(f"{path}: this is no run file", "RUN is a file that `evalharness run` wrote")
    if version > RUN_SCHEMA:
        raise StoreError(f"{path}: written by a newer evalharness (format {version})", "update evalharness")
    fields.setdefault("gate", ())
    return checked(_header_line(), fields, f"{path}:1")


def parsed(place: str, line: bytes, hint: str = "the file is damaged; run again, answers are cached") -> Payload:
    """The JSON object that a line is; `StoreError`, at that place and with the hint, where it is none."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise StoreError(f"{place}: a line that is no JSON object", hint)
    return value


def checked(adapter: TypeAdapter[T], value: object, place: str) -> T:
    """The value as its type wants it; `StoreError`, at that place, with the first thing that is wrong with it."""
    from pydantic import ValidationError

    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise StoreError(f"{place}: {where}: {first['msg']}", "the file is damaged, or was edited by hand") from None


@cache
def _trial() -> TypeAdapter[Trial]:
    from pydantic import TypeAdapter

    return TypeAdapter(Trial)


@cache
def _asked() -> TypeAdapter[Asked]:
    from pydantic import TypeAdapter

    return TypeAdapter(Asked)


@cache
def _last_line() -> TypeAdapter[Last]:
    from pydantic import TypeAdapter

    return TypeAdapter(Last)


@cache
def _header_line() -> TypeAdapter[Header]:
    from pydantic import TypeAdapter

    return TypeAdapter(Header)
