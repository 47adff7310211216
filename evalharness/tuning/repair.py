"""Training files written anew: repaired where that takes no guess, or in another dialect. The input stays as it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from evalharness.errors import EvalError, Fault, Faults
from evalharness.store import write_text
from evalharness.tuning.dataset import LOOKED_AHEAD, dialect_of
from evalharness.tuning.dialects import NAMES, Dialect, Misshapen, read, write
from evalharness.tuning.reading import Piece, pieces

MOST_FAULTS = 5


def fix(path: Path, output: Path, called: str = "") -> int:
    """Writes the file with every repair that takes no guess; gives the number of lines written.

    Each line that cannot be repaired stays as it is. Raises `Faults` where a part of the file could not be read, since
    that part would be lost, and `EvalError` where `output` is there already.
    """
    called = called or str(path)
    return _write(output, (piece.text for piece in _whole(pieces(path, called), called) if piece.text))


def convert(path: Path, dialect: Dialect, output: Path, called: str = "") -> int:
    """Writes the examples of a file in another dialect; gives their number.

    Raises `Faults`, and writes nothing, where a line cannot be read or the dialect cannot hold all that it says; and
    `EvalError` where `output` is there already.
    """
    return _write(output, _converted(path, dialect, called or str(path)))


def beside(path: Path, word: str) -> Path:
    """Where the new file goes: beside the old one, `train.fixed.jsonl` for `train.jsonl`."""
    return path.with_name(f"{path.stem}.{word}.jsonl")


def _write(output: Path, lines: Iterator[str]) -> int:
    if output.exists() or output.is_symlink():
        raise EvalError(f"{output}: is there already", "give another name with -o; no file is ever overwritten")
    written = 0

    def ended() -> Iterator[str]:
        nonlocal written
        for line in lines:
            written += 1
            yield f"{line}\n"

    write_text(output, ended())
    return written


def _whole(found: Iterable[Piece], called: str) -> Iterator[Piece]:
    for piece in found:
        if piece.lost:
            what = "a repair would lose what could not be read here"
            why = piece.findings[-1]
            raise Faults([Fault(called, why.line, 0, f"{why.what}; {what}", why.hint)])
        yield piece


def _converted(path: Path, dialect: Dialect, called: str) -> Iterator[str]:
    found = pieces(path, called)
    ahead = list(islice(found, LOOKED_AHEAD))
    source = dialect_of(ahead)
    faults: list[Fault] = []
    more = 0
    for piece in _whole(chain(ahead, found), called):
        if not piece.text:
            continue
        try:
            if piece.fields is None:
                raise Misshapen(piece.findings[-1].what)
            line = write(dialect, read(source, piece.fields))
        except Misshapen as error:
            faults.append(Fault(called, piece.line, 0, f"this cannot be written as {NAMES[dialect]}: {error}"))
            more += len(faults) > MOST_FAULTS
            del faults[MOST_FAULTS:]
            continue
        if not faults:
            yield json.dumps(line, ensure_ascii=False)
    if more:
        faults.append(Fault(called, 0, 0, f"and {more:,} more cannot be written so"))
    if faults:
        raise Faults(faults)
