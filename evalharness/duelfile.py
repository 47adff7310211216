"""Files of duels: JSON lines beside the runs they are about, written as run files are.

The first line says which runs, by which criteria and judges; then comes a line a duel, in the order of the plan; the
last line says what the judges took, and a file without it was cut short. While it grows it is `NAME.part`.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from evalharness.duel import Duel, DuelRun, Party, said_digest
from evalharness.errors import StoreError
from evalharness.measure import Arm
from evalharness.records import Instrument, Payload, Run, Tally, encode
from evalharness.store import LONGEST_HEADER, checked, not_written, open_part, parsed, safe_folder

if TYPE_CHECKING:
    from pydantic import TypeAdapter

DUEL_SCHEMA = 1
SUFFIX = ".duels.jsonl"
AGAIN = "compare again; verdicts that came are kept"


@dataclass(frozen=True, slots=True)
class Head:
    """The first line."""

    duels: int
    suite: str
    base: Party
    tuned: Party
    prefer: tuple[str, ...]
    judges: tuple[Party, ...]
    instruments: tuple[Instrument, ...]
    began: str


class Writer:
    """Writes duels as they come: `with Writer(...) as writer`, a duel a call, then `finish`.

    They may come in any order and are written in the plan's own. Leaving without `finish` keeps the `.part`.
    """

    def __init__(self, path: Path, run: DuelRun) -> None:
        self.path = path
        self.run = run
        self.duels: dict[int, Duel] = {}
        self._written = 0

    def __enter__(self) -> Self:
        safe_folder(self.path.parent)
        run = self.run
        arms = run.base, run.tuned
        head = Head(DUEL_SCHEMA, run.suite, *arms, run.prefer, run.judges, run.instruments, run.began)
        try:
            self.part, self._file = open_part(self.path)
            self._write(asdict(head))
        except OSError as error:
            raise not_written(self.path, error) from None
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def add(self, place: int, duel: Duel) -> None:
        """Writes the duel that stands at `place` of the plan, or keeps it until those before it have come."""
        self.duels[place] = duel
        try:
            while (following := self.duels.get(self._written)) is not None:
                self._write({"duel": _lean(following)})
                self._written += 1
        except OSError as error:
            raise not_written(self.path, error) from None

    def stop(self) -> DuelRun:
        """What there is of an interrupted run, duels after a gap included; the file keeps its `.part`."""
        try:
            for place in sorted(place for place in self.duels if place > self._written):
                self._write({"duel": _lean(self.duels[place])})
            self._file.flush()
        except OSError as error:
            raise not_written(self.path, error) from None
        return replace(self.run, duels=self._in_order(), path=str(self.part))

    def finish(self, tally: tuple[tuple[str, Tally], ...]) -> DuelRun:
        """Writes the last line, makes the file durable and gives it its name."""
        try:
            self._write({"tally": [[name, asdict(each)] for name, each in tally]})
            self._file.flush()
            os.fsync(self._file.fileno())
            os.replace(self.part, self.path)
            self._file.close()  # which ends the lock: not before the file has its name
        except OSError as error:
            raise not_written(self.path, error) from None
        return replace(self.run, duels=self._in_order(), path=str(self.path), tally=tally)

    def _in_order(self) -> tuple[Duel, ...]:
        return tuple(self.duels[place] for place in sorted(self.duels))

    def _write(self, line: Payload) -> None:
        self._file.write(encode(line).encode("ascii") + b"\n")


def read(path: Path) -> DuelRun:
    """The duels in a file; `StoreError` with the line where it holds none."""
    head: Head | None = None
    duels: list[Duel] = []
    tally: tuple[tuple[str, Tally], ...] | None = None
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                place = f"{path}:{number}"
                if not line.endswith(b"\n"):
                    break  # the writer was cut off within the line
                fields = parsed(place, line, AGAIN)
                if head is None:
                    head = _head(path, fields)
                elif "duel" in fields:
                    duels.append(checked(_duel(), fields["duel"], place))
                elif "tally" in fields:
                    tally = checked(_tally(), fields["tally"], place)
                else:
                    raise StoreError(f"{place}: neither a duel nor a tally", "was this file edited by hand?")
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from None
    if head is None:
        raise StoreError(f"{path}: the file is empty", "compare the suite again; verdicts that came are kept")
    parties = head.base, head.tuned, head.prefer, head.judges
    return DuelRun(head.suite, *parties, head.instruments, head.began, tuple(duels), tally, str(path))


def read_head(path: Path) -> Head:
    """The first line of a file of duels, which says what it is about; `StoreError` where it does not."""
    try:
        with path.open("rb") as file:
            return _head(path, parsed(f"{path}:1", file.readline(LONGEST_HEADER), AGAIN))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from None


def path_for(base: Run, tuned: Run, folder: Path | None = None) -> Path:
    """Where the duels of two runs are kept: beside tuned's, or in `folder`, and named after both files."""
    return (folder or Path(tuned.path).parent) / f"{_stem(base)}-vs-{_stem(tuned)}{SUFFIX}"


def with_duels(base: Arm, tuned: Arm, folder: Path | None = None) -> Arm:
    """The tuned arm with the duels that were judged of just what both runs say, whatever the runs are called.

    They are looked for in `folder` and beside both runs. A file that bears the names of these runs and is about other
    replies is left alone, which is noted. Raises `StoreError` for one that cannot be read.
    """
    beside = [Path(arm.run.path).parent for arm in (tuned, base)]
    name = path_for(base.run, tuned.run).name
    heads = list(_heads(dict.fromkeys([*([folder] if folder else []), *beside]), tuned.run.suite.name, name))
    if not heads:
        return tuned
    digests = said_digest(base.run), said_digest(tuned.run)
    for path, head in heads:
        if (head.base.digest, head.tuned.digest) == digests:
            return replace(tuned, duels=read(path))
    if name not in [path.name for path, _ in heads]:
        return tuned
    note = f"{name} is about other replies than these runs hold: compare the suite again to have them judged"
    return replace(tuned, notes=(*tuned.notes, note))


def _heads(folders: Iterable[Path], suite: str, name: str) -> Iterator[tuple[Path, Head]]:
    """The files of duels of a suite; one that cannot be read is passed over, unless it bears that name."""
    for path in (path for folder in folders for path in sorted(folder.glob(f"*{SUFFIX}"))):
        try:
            head = read_head(path)
        except StoreError:
            if path.name == name:
                raise
            continue
        if head.suite == suite:
            yield path, head


def _stem(run: Run) -> str:
    return Path(run.path).name.removesuffix(".part").removesuffix(".jsonl")


def _lean(duel: Duel) -> Payload:
    """A duel as JSON, what was never set left out."""
    line: Payload = {"case": duel.case, "sample": duel.sample, "criterion": duel.criterion, "judge": duel.judge}
    line["chars"] = duel.chars
    line["votes"] = [
        {name: value for name, value in asdict(vote).items() if value or name == "winner"} for vote in duel.votes
    ]
    if duel.same:
        line["same"] = True
    if duel.cause:
        line["cause"] = duel.cause
    return line


def _head(path: Path, fields: Payload) -> Head:
    version = fields.get("duels")
    if not isinstance(version, int):
        raise StoreError(f"{path}: these are no duels", "a file of duels is written by `evalharness compare`")
    if version > DUEL_SCHEMA:
        raise StoreError(f"{path}: written by a newer evalharness (format {version})", "update evalharness")
    return checked(_header(), fields, f"{path}:1")


@cache
def _header() -> TypeAdapter[Head]:
    from pydantic import TypeAdapter

    return TypeAdapter(Head)


@cache
def _duel() -> TypeAdapter[Duel]:
    from pydantic import TypeAdapter

    return TypeAdapter(Duel)


@cache
def _tally() -> TypeAdapter[tuple[tuple[str, Tally], ...]]:
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[tuple[str, Tally], ...])
