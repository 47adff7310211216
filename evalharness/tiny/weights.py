"""Weights as a file: one line that says what it is, one of JSON, and numbers of a byte each. Nothing in it is run.

A file holds a whole network with its vocabulary, or what a tune changed: by how much each table moved, or two thin
tables for each, whose product is the move. A table's rows are stored as whole numbers from -127 to 127 and one scale.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from evalharness.errors import Fault, Faults
from evalharness.files import unreadable
from evalharness.records import Payload, encode
from evalharness.store import write_bytes
from evalharness.tiny.alone import load_numpy
from evalharness.tiny.network import Shape
from evalharness.tiny.tokenizer import Tokenizer

if TYPE_CHECKING:
    from evalharness.tiny.network import Floats, Weights

Kind: TypeAlias = Literal["whole", "moved", "low-rank"]

MAGIC = b"tiny chat model 1\n"
MOST_BYTES = 16 * 2**20
"""Of a file that is read at all; the largest of ours is a tenth of it."""

ENDING = ".tiny"
BASE = Path(__file__).with_name("base.tiny")
LEFT, RIGHT = ".left", ".right"
"""How the two thin tables of a move are named behind the table they move."""


@dataclass(frozen=True, slots=True)
class Model:
    """A network with its vocabulary. digest: names the content of the file it came from; base: that of the network it
    was tuned from, empty for a base. about: what the tune was, for people."""

    shape: Shape
    weights: Mapping[str, Floats] = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)
    digest: str = ""
    base: str = ""
    about: Payload = field(default_factory=dict)


@lru_cache(maxsize=1)
def base() -> Model:
    """The network in the package."""
    return load(BASE)


def load(path: Path, called: str = "") -> Model:
    """The network a file holds, or the one in the package moved as the file says.

    `Faults` where it cannot be read, is damaged, is no such file, or was tuned from another base. called: how messages
    name it.
    """
    load_numpy()
    name = called or str(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Faults([unreadable(path, name, error)]) from None
    return read(data, name)


def place(folder: Path, name: str) -> Path:
    """Where the tune of that name lies in a project's folder."""
    return folder / ".evalharness" / "tiny" / f"{name}{ENDING}"


def save(path: Path, data: bytes) -> None:
    """Puts a file's bytes where they belong, with the folders above: a reader sees what was there before, or all of it.

    `StoreError` where that cannot be done.
    """
    write_bytes(path, [data])


def digest(data: bytes) -> str:
    """Names the content of a file: its sha256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def read(data: bytes, name: str) -> Model:
    """The same from the file's bytes."""
    try:
        return _read(data, name)
    except _Damaged as damaged:
        hint = "a tune of tiny:base writes such files"
        raise Faults([Fault(name, 0, 0, f"not the weights of a tiny model: {damaged}", hint)]) from None


def whole(shape: Shape, weights: Mapping[str, Floats], words: Iterable[str], about: Payload) -> bytes:
    """A network as the bytes of a file."""
    head: Payload = {"kind": "whole", "shape": asdict(shape), "words": " ".join(words), "about": about}
    return _written(head, weights)


def moved(start: Model, weights: Mapping[str, Floats], about: Payload) -> bytes:
    """By how much a tune moved every table of a base, as the bytes of a file."""
    head: Payload = {"kind": "moved", "base": start.digest, "about": about}
    return _written(head, {name: table - start.weights[name] for name, table in weights.items()})


def low_rank(start: Model, thin: Mapping[str, Floats], about: Payload) -> bytes:
    """The thin tables of a low-rank tune, as the bytes of a file. They are named for the table they move, with
    `.left` and `.right` behind; a scale, if any, is already in them."""
    return _written({"kind": "low-rank", "base": start.digest, "about": about}, thin)


class _Damaged(Exception):
    """What is wrong with a file."""


def _written(head: Payload, tables: Mapping[str, Floats]) -> bytes:
    body = b"".join(map(_packed, tables.values()))
    head = head | {
        "tables": {name: list(table.shape) for name, table in tables.items()},
        "sha256": digest(body),
    }
    return MAGIC + encode(head).encode("ascii") + b"\n" + body


def _packed(table: Floats) -> bytes:
    import numpy as np

    if table.ndim == 1:
        return table.astype("<f4").tobytes()
    scales = (np.abs(table).max(1) / 127).astype("<f4")
    parts = np.rint(table / np.where(scales > 0, scales, 1)[:, None]).astype(np.int8)
    return b"".join((scales.tobytes(), parts.tobytes()))


def _read(data: bytes, name: str) -> Model:
    head, body = _parted(data)
    kind, tables = head.get("kind"), _sizes(head.get("tables"))
    about = head.get("about")
    found = _unpacked(body, tables)
    noted: Payload = about if isinstance(about, dict) else {}
    if kind == "whole":
        shape, words = _shape(head.get("shape")), head.get("words")
        if tables != shape.sizes() or not isinstance(words, str):
            raise _Damaged("its tables are not those of its shape")
        tokenizer = Tokenizer(tuple(words.split(" ")))
        if len(tokenizer) != shape.tokens:
            raise _Damaged("its vocabulary has another size than its tables")
        return Model(shape, found, tokenizer, digest(data), "", noted)
    if kind not in ("moved", "low-rank"):
        raise _Damaged(f"its kind is {kind!r:.40}")
    start = base()
    if head.get("base") != start.digest:
        what = "tuned from another base than the one in this version of evalharness"
        raise Faults([Fault(name, 0, 0, what, "tune again, or use the version it was tuned with")])
    weights = dict(start.weights)
    for table, move in (found if kind == "moved" else _products(found)).items():
        if table not in weights or weights[table].shape != move.shape:
            raise _Damaged(f"its table {table!r:.40} moves none of the base's")
        weights[table] = weights[table] + move
    return Model(start.shape, weights, start.tokenizer, digest(data), start.digest, noted)


def _parted(data: bytes) -> tuple[Payload, bytes]:
    """Head and body, where the one is an object and the other is what the head says it is."""
    if not data.startswith(MAGIC):
        raise _Damaged("it begins with something else")
    if len(data) > MOST_BYTES:
        raise _Damaged(f"it has more than {MOST_BYTES >> 20} MiB")
    line, _, body = data[len(MAGIC) :].partition(b"\n")
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        raise _Damaged("its second line is no JSON") from None
    if not isinstance(head, dict):
        raise _Damaged("its second line is no object")
    if head.get("sha256") != digest(body):
        raise _Damaged("its numbers are not those that were written; it was cut short or changed")
    return head, body


def _shape(found: object) -> Shape:
    names = ("tokens", "width", "layers", "heads", "context")
    sizes = [found.get(name) for name in names] if isinstance(found, dict) else []
    whole = [size for size in sizes if type(size) is int and 0 < size <= 2**16]
    if len(whole) < len(names) or whole[1] % (2 * whole[3]):
        raise _Damaged("it has no shape")
    return Shape(*whole)


def _sizes(found: object) -> dict[str, tuple[int, ...]]:
    rows = found.items() if isinstance(found, dict) else ()
    sizes = {name: tuple(size) for name, size in rows if isinstance(size, list)}
    for size in sizes.values():
        if not 1 <= len(size) <= 2 or any(type(n) is not int or not 0 < n <= 2**20 for n in size):
            raise _Damaged(f"a table of the size {list(size)!r:.40}")
    return sizes


def _unpacked(body: bytes, tables: Mapping[str, tuple[int, ...]]) -> Weights:
    import numpy as np

    found: Weights = {}
    place = 0
    needed = sum(4 * size[0] + (size[0] * size[1] if len(size) > 1 else 0) for size in tables.values())
    if needed != len(body):
        raise _Damaged(f"it holds {len(body)} bytes of numbers, its tables need {needed}")
    for name, size in tables.items():
        first = np.frombuffer(body, "<f4", size[0], place).astype(np.float32)
        place += 4 * size[0]
        if len(size) == 2:
            parts = np.frombuffer(body, np.int8, size[0] * size[1], place).reshape(size)
            place += parts.size
            first = first[:, None] * parts.astype(np.float32)
        if not np.isfinite(first).all():
            raise _Damaged(f"its table {name!r:.40} holds what is no number")
        found[name] = first
    return found


def _products(thin: Weights) -> Weights:
    moves: Weights = {}
    for name in thin:
        table = name.removesuffix(LEFT)
        if name.endswith(LEFT):
            right = thin.get(f"{table}{RIGHT}")
            if right is None or thin[name].ndim != 2 or right.ndim != 2 or thin[name].shape[1] != right.shape[0]:
                raise _Damaged(f"the thin tables of {table!r:.40} do not fit each other")
            moves[table] = thin[name] @ right
    return moves
