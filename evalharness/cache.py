"""Answers on disk: what was paid for is kept, found again, and never bought twice.

A row's key is `Request.key()`, its value what `envelope` makes of question and answer. Every other row is a miss and a
warning: nothing is unpickled, and no file that a row names is read, written or removed.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from evalharness.envelope import Explanation, explain, opened, sealed
from evalharness.errors import CacheError
from evalharness.leases import Leases
from evalharness.records import Request
from evalharness.table import (
    BUSY,
    CLOSED,
    LOOK_UP,
    OURS,
    STRANGE,
    TABLE,
    Table,
    begun,
    code,
    open_table,
    refused,
    root,
    strangeness,
    timeout,
)

PATIENCE = 30.0
"""Seconds for which a lock that somebody else holds is waited for."""

Column: TypeAlias = str | int | float | bytes | None

QUESTIONS = f"select substr(value, 1, instr(value, char(10)) - 1) from Cache where {OURS} order by rowid desc"  # noqa: S608 - constants
STOCK = f"select tag, count(*), sum(size) from Cache where {OURS} group by tag order by tag"  # noqa: S608 - constants
LAST_ROW = "select max(rowid) from Cache"
PRUNE = f"delete from Cache where {OURS} and (?1 is null or tag = ?1) and (?2 is null or store_time < ?2)"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Stock:
    """What of one model (`KIND:TARGET`) is in the cache; size in characters."""

    model: str
    answers: int
    size: int


def to_stderr(text: str) -> None:
    """Where warnings go unless somebody asks for them."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"warning: {text}\n")


class Cache:
    """The answers of one folder, which is made when the first is written; closed as a context manager.

    An answer that was `put` is pending, and found, until `commit` has made it durable: it then survives the death of
    this process. A cache that cannot be used is set aside (renamed, so nothing is lost) or, where not even that can be
    done, bypassed: it is written no more, and read as long as it can be; `warn` is told. `CacheError` is raised where
    going on would lose what was paid for: a full disk, or a lock that another program holds for longer than `patience`
    seconds.
    """

    def __init__(self, folder: Path, *, patience: float = PATIENCE, warn: Callable[[str], None] = to_stderr) -> None:
        self.folder = folder
        self.path = folder / TABLE
        self.patience = patience
        self.bypassed = False
        self._unread = False
        self._warn = warn
        self._warned: set[str] = set()
        self._warned_off = False
        self._leases = Leases(folder / "asking.lock")
        self._reader: sqlite3.Connection | None = None
        self._table: Table | None = None
        self._version: int | None = None
        self._last_seen = 0
        self._shared = False
        self._pending: dict[str, tuple[str, str]] = {}
        self._locked_since: float | None = None
        self._claiming = False
        self._strange = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- answers ------------------------------------------------------------------------------------------------------

    def look_up(self, keys: Iterable[str]) -> dict[str, str]:
        """The answers that are known, written or pending, in one read."""
        wanted = list(keys)
        if self._version is None:
            self._version, self._last_seen = self._version_now(), self._last_row()
        found = {}
        for key, value in self._read(LOOK_UP, (json.dumps(wanted),)):
            text = opened(value) if isinstance(value, str) else None
            if isinstance(key, str) and text is not None:
                found[key] = text
            else:
                self._warn_once(f"{self.path}: a row that evalharness did not write is left out")
        for key in self._pending.keys() & wanted:
            text = opened(self._pending[key][0])
            assert text is not None
            found[key] = text
        return found

    def put(self, key: str, text: str, request: Request) -> None:
        """Keeps an answer as it came, any text at all; durable after the next `commit` that returns True."""
        self._pending[key] = (sealed(text, request), request.model.use)

    def commit(self) -> bool:
        """Writes what is pending in one transaction; False, and all still pending, while somebody else writes."""
        while self._pending and not self.bypassed:
            try:
                self._write()
            except sqlite3.Error as error:
                if not self._mended(error):
                    return False
            else:
                break
        self._locked_since = None
        self._pending.clear()
        return True

    def claim(self, key: str) -> bool:
        """Whether this process may ask that question; False while another process of this machine asks it."""
        if not self._claiming and not self.bypassed:
            self._claiming = True
            try:
                self._make_folder()
            except sqlite3.Error as error:
                self._mended(error)
        return self.bypassed or self._leases.claim(key)

    def release(self, key: str) -> None:
        """Ends a claim: the answer is on disk, or was given up."""
        self._leases.release(key)

    def shared(self) -> bool:
        """Whether another process has written here since this one first looked."""
        if not self._shared and self._version is not None:
            self._shared = self._version != self._version_now()
        return self._shared

    def close(self) -> None:
        """Writes what is pending, if it can at once, and closes; an answer that is not durable was never counted."""
        with suppress(CacheError):
            self.commit()
        self._shut()
        self._leases.close()

    # --- what is there ------------------------------------------------------------------------------------------------

    def info(self) -> tuple[Stock, ...]:
        """What is kept, by model."""
        return tuple(Stock(str(tag), int(count or 0), int(size or 0)) for tag, count, size in self._read(STOCK, ()))

    def prune(self, *, model: str | None = None, older_than: float | None = None) -> int:
        """Removes answers and says how many: those of one model (`KIND:TARGET`), those stored more than `older_than`
        seconds ago, with both given those that are both, with neither all. Never done but when asked for."""
        if self._open_reader() is None:
            return 0
        self._shut()
        before = time.time() - older_than if older_than is not None else None
        try:
            table = sqlite3.connect(self.path, timeout=self.patience)
            try:
                with table:
                    return table.execute(PRUNE, (model, before)).rowcount
            finally:
                table.close()
        except sqlite3.Error as error:
            raise CacheError(f"{self.path}: cannot be pruned: {error}") from None

    def explain(self, request: Request) -> Explanation:
        """Why a question is not in the cache: the nearest question that is, and every part in which it differs."""
        key = request.key()
        if self.look_up([key]):
            return Explanation(key, known=True)
        return explain(key, request, (line for (line,) in self._read(QUESTIONS, ())))

    # --- reading ------------------------------------------------------------------------------------------------------

    def _read(self, sql: str, values: tuple[str, ...]) -> list[tuple[Column, ...]]:
        """Rows; none where there is no table that can be read."""
        while not self._unread:
            try:
                reader = self._open_reader()
                return _rows(reader, sql, values) if reader else []
            except sqlite3.Error as error:
                if code(error) in BUSY:
                    raise self._locked_out() from None
                self._unread = code(error) in CLOSED
                self._mended(error)
        return []

    def _open_reader(self) -> sqlite3.Connection | None:
        if self._reader is None:
            self._refuse_folder()
            if not self.path.exists():
                return None
            if not self.path.is_file():
                self._set_aside(f"is {'a folder' if self.path.is_dir() else 'no file'}, not a table of answers")
                return None
            reader = self._connect("mode=ro")
            ours = False
            try:
                why = strangeness(reader)
                ours = not why and begun(reader)
            finally:
                if not ours:
                    reader.close()
            if why:
                self._set_aside(why)
            self._reader = reader if ours else None
        return self._reader

    def _version_now(self) -> int:
        """A number that is another once somebody else has written; 0 while there is no table."""
        if self._table is not None:
            return self._table.data_version()
        rows = self._read("pragma data_version", ())
        return int(rows[0][0] or 0) if rows else 0

    def _last_row(self) -> int:
        rows = self._read(LAST_ROW, ())
        return int(rows[0][0] or 0) if rows else 0

    def _connect(self, mode: str) -> sqlite3.Connection:
        reader = sqlite3.connect(f"{self.path.absolute().as_uri()}?{mode}", uri=True, timeout=self.patience)
        try:
            reader.execute("select 1 from sqlite_master").fetchone()
        except sqlite3.Error as error:
            reader.close()
            # In a folder that is read-only no log can be opened; where there is none, the table is whole as it is.
            log = Path(f"{self.path}-wal")
            if code(error) in CLOSED and mode == "mode=ro" and not (log.exists() and log.stat().st_size):
                return self._connect("immutable=1")
            raise
        return reader

    # --- writing ------------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        if self._table is None:
            self._make_folder()
            self._open_reader()  # which sets a strange table aside
            if self.bypassed:
                return
            self.shared()
            self._table = open_table(self.folder)
            # Each connection counts versions of its own: what others wrote before this one's count began shows in rows.
            self._version = self._version_now()
            self._shared = self._shared or self._last_row() != self._last_seen
        try:
            with self._table.transact():
                self._table.keep((key, value, model) for key, (value, model) in self._pending.items())
        except timeout() as error:
            raise root(error) from None

    def _make_folder(self) -> None:
        self._refuse_folder()
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileExistsError), open(self.folder / ".gitignore", "x", encoding="ascii") as ignore:
                ignore.write("*\n")
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise CacheError(f"{self.folder}: {error.strerror}", "make room and run again") from None
            raise refused(str(error.strerror)) from None

    def _refuse_folder(self) -> None:
        for path in (self.folder, self.path):
            if path.is_symlink():
                raise CacheError(f"{path}: is a symbolic link, and none is followed", "put the folder itself there")
        if os.path.expandvars(self.folder.absolute()) != str(self.folder.absolute()):  # diskcache would go elsewhere
            raise CacheError(f"{self.folder}: has the name of a variable in it", "work in a folder of another name")

    # --- a table that cannot be used ----------------------------------------------------------------------------------

    def _mended(self, error: sqlite3.Error) -> bool:
        """True where it may be tried again at once, False where it may later; `CacheError` where it may not at all."""
        kind = code(error)
        if kind in BUSY:
            since = self._locked_since = self._locked_since or time.monotonic()
            if time.monotonic() - since >= self.patience:
                raise self._locked_out() from None
            return False
        if kind in CLOSED:
            self._bypass(str(error))
            return True
        if kind in STRANGE and self._strange < 2:
            self._strange += 1
            self._set_aside(str(error))
            return True
        hint = "what was answered before is kept; make room on the disk and run again"
        raise CacheError(f"{self.path}: {root(error)}", hint) from None

    def _locked_out(self) -> CacheError:
        return CacheError(f"{self.path}: locked by another program for {self.patience:g} s", "end it and run again")

    def _set_aside(self, why: str) -> None:
        """Renames the table and what belongs to it, so that a new one can be begun."""
        self._shut()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        try:
            for end in ("", "-wal", "-shm"):
                with suppress(FileNotFoundError):
                    os.rename(f"{self.path}{end}", f"{self.path}.{stamp}{end}")
        except OSError as error:
            self._unread = True
            self._bypass(f"{why}, and it cannot be renamed ({error.strerror})")
            return
        self._warn_once(f"{self.path}: {why}; set aside as {TABLE}.{stamp}, and a new cache is begun")

    def _bypass(self, why: str) -> None:
        self.bypassed = True
        self._shut()
        if not self._warned_off:
            self._warned_off = True
            self._warn(f"{self.path}: {why}; the cache is left alone, so the answers of this run are not kept")

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._warn(text)

    def _shut(self) -> None:
        # The reader first: only the last connection that may write folds the log back into the table.
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._table is not None:
            self._table.close()
            self._table = None


def _rows(reader: sqlite3.Connection, sql: str, values: tuple[str, ...]) -> list[tuple[Column, ...]]:
    try:
        return reader.execute(sql, values).fetchall()
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    reader.text_factory = _decoded  # slower, so only where some text among the rows is no UTF-8
    try:
        return reader.execute(sql, values).fetchall()
    finally:
        reader.text_factory = str


def _decoded(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
