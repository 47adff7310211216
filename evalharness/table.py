"""The answer cache's table: diskcache's, pinned, behind a Disk that knows text and nothing else.

diskcache unpickles what it finds in its table, and reads and removes the files that rows name; anybody who can write to
a folder could plant such a row. Here neither can happen. Importing diskcache waits until there is something to write.
"""

from __future__ import annotations

import functools
import sqlite3
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol

TABLE = "cache.db"
"""diskcache's own name for the file."""

OURS = "raw = 1 and mode = 1 and filename is null and typeof(value) = 'text' and typeof(key) = 'text'"
"""True of the rows we write, and of no other."""

LOOK_UP = f"select key, case when {OURS} then value end from Cache where key in (select value from json_each(?))"  # noqa: S608 - constants
KEEP = """
    insert into Cache (key, raw, store_time, access_time, access_count, tag, size, mode, value)
    values (?, 1, ?, ?, 0, ?, ?, 1, ?)
    on conflict (key, raw) do update set
        store_time = excluded.store_time, access_time = excluded.access_time, access_count = 0, expire_time = null,
        tag = excluded.tag, size = excluded.size, mode = 1, filename = null, value = excluded.value"""

COLUMNS = (
    *("rowid", "key", "raw", "store_time", "expire_time", "access_time", "access_count"),
    *("tag", "size", "mode", "filename", "value"),
)
OBJECTS = {
    ("table", "Settings"),
    ("table", "Cache"),
    ("index", "Cache_key_raw"),
    ("index", "Cache_expire_time"),
    ("trigger", "Settings_count_insert"),
    ("trigger", "Settings_count_delete"),
    ("trigger", "Settings_size_insert"),
    ("trigger", "Settings_size_update"),
    ("trigger", "Settings_size_delete"),
}
SETTINGS: dict[str, str | int] = {
    "statistics": 0,
    "tag_index": 0,
    "eviction_policy": "none",  # answers that were paid for are never evicted
    "size_limit": 2**30,
    "cull_limit": 0,
    "sqlite_auto_vacuum": 1,
    "sqlite_cache_size": 2**10,  # 4 MB of pages: more, or a memory map, was no faster and took 30 MB
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,
    "sqlite_synchronous": 1,
    "disk_min_file_size": 0,
    "disk_pickle_protocol": 0,
}
COUNTS = ("count", "size", "hits", "misses")

BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
CLOSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)
STRANGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA)


class Table(Protocol):
    """What of diskcache's Cache is used."""

    def transact(self) -> AbstractContextManager[None]:
        """A transaction; anything in the way of its beginning is raised as diskcache's `Timeout`."""

    def keep(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Writes rows of key, value and tag, within a transaction."""

    def data_version(self) -> int:
        """A number that is another once another connection has written."""

    def close(self) -> None:
        """Closes the connection."""


def open_table(folder: Path) -> Table:
    """The table for writing, made where there is none; `sqlite3.Error` where that cannot be done at once."""
    # diskcache waits a minute for a lock while it opens, so see first that there is none, and leave it nothing to set.
    probe = sqlite3.connect(folder / TABLE, timeout=0, isolation_level=None)
    try:
        for setting in ("auto_vacuum = 1", "journal_mode = wal", "synchronous = 1"):
            probe.execute(f"pragma {setting}").fetchall()
        probe.execute("begin immediate")
        probe.execute("rollback")
    finally:
        probe.close()
    table: Table = _table_type()(str(folder.absolute()))
    return table


def strangeness(table: sqlite3.Connection) -> str:
    """Why this is no table of ours, in a few words; empty where it is one, or is still empty."""
    objects = set(table.execute("select type, name from sqlite_master where name not like 'sqlite_%'"))
    if not objects <= OBJECTS:
        return f"it holds a {min(objects - OBJECTS)[0]} that evalharness did not make"
    columns = tuple(name for (name,) in table.execute("select name from pragma_table_info('Cache')"))
    if columns and columns != COLUMNS:
        return "it is a table of another version"
    if ("table", "Settings") not in objects:
        return ""
    # diskcache makes an attribute of every setting that it finds.
    known = (*SETTINGS, *COUNTS)
    if any(
        name not in known or kind not in ("integer", "text")
        for name, kind in table.execute("select key, typeof(value) from Settings")
    ):
        return "it holds a setting that evalharness did not make"
    return ""


def begun(table: sqlite3.Connection) -> bool:
    """Whether there are rows to look for: another process may be making the table just now."""
    return bool(table.execute("select 1 from sqlite_master where type = 'table' and name = 'Cache'").fetchone())


def root(error: BaseException) -> sqlite3.Error:
    """What SQLite said first: diskcache's `Timeout`, or a roll-back that failed too, may stand before it."""
    first: sqlite3.Error = sqlite3.OperationalError(str(error))
    found: BaseException | None = error
    while found is not None:
        first = found if isinstance(found, sqlite3.Error) else first
        found = found.__context__
    return first


def code(error: BaseException) -> int:
    """SQLite's primary code for what went wrong."""
    return int(getattr(root(error), "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def refused(why: str) -> sqlite3.Error:
    """An error as SQLite gives it for a file that it may not open."""
    error = sqlite3.OperationalError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    return error


def timeout() -> type[Exception]:
    """What diskcache raises where a transaction cannot begin."""
    import diskcache

    kind: type[Exception] = diskcache.Timeout
    return kind


@functools.cache
def _disk_type() -> type:
    import diskcache

    raw_mode: int = diskcache.core.MODE_RAW

    class TextDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache ships no types
        """Text keys and text values, all in the table: never a pickle, never a file that a row names."""

        def put(self, key: object) -> tuple[str, bool]:
            if not isinstance(key, str):
                raise TypeError("a cache key is text")
            return key, True

        def get(self, key: object, raw: bool) -> str:
            if not raw or not isinstance(key, str):
                raise ValueError("a key that evalharness did not write")
            return key

        def store(self, value: object, read: object, key: object = None) -> tuple[int, int, None, str]:
            if not isinstance(value, str):
                raise TypeError("a cache value is text")
            return len(value), raw_mode, None, value

        def fetch(self, mode: object, filename: object, value: object, read: object) -> str:
            if mode != raw_mode or filename is not None or not isinstance(value, str):
                raise ValueError("a row that evalharness did not write")
            return value

        def remove(self, file_path: object) -> None:
            """Our rows own no file, so a planted name removes none."""

    return TextDisk


@functools.cache
def _table_type() -> type:
    import diskcache

    class TextTable(diskcache.Cache):  # type: ignore[misc]  # diskcache ships no types
        """Waits for no lock: one held elsewhere would stop the event loop for as long."""

        def __init__(self, folder: str) -> None:
            try:
                super().__init__(folder, timeout=0, disk=_disk_type(), **SETTINGS)
            except BaseException:
                with suppress(AttributeError):  # where it had not come as far as to connect
                    self.close()
                raise

        @property
        def _sql_retry(self) -> object:
            return self._sql

        def keep(self, rows: Iterable[tuple[str, str, str]]) -> None:
            """What `set` does for a row that names no file and never expires, at a third of its price."""
            now = time.time()
            self._con.executemany(KEEP, ((key, now, now, tag, len(value), value) for key, value, tag in rows))

        def data_version(self) -> int:
            return int(self._sql("pragma data_version").fetchone()[0])

    return TextTable
