"""The table that only text goes into, and only text comes out of."""

from __future__ import annotations

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from evalharness.table import COUNTS, OBJECTS, SETTINGS, begun, code, open_table, refused, root, strangeness, timeout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    open_table(tmp_path).close()
    return tmp_path


def test_the_pinned_version_is_installed() -> None:
    assert diskcache.__version__ == "5.6.3"


def test_every_setting_of_diskcache_has_a_value_of_ours(folder: Path) -> None:
    assert set(SETTINGS) == set(diskcache.core.DEFAULT_SETTINGS)
    assert set(COUNTS) == set(diskcache.core.METADATA)


def test_a_new_table_is_ours_and_holds_what_diskcache_makes(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "cache.db")) as table:
        made = set(table.execute("select type, name from sqlite_master where name not like 'sqlite_%'"))
        mode = table.execute("pragma journal_mode").fetchone()

        assert made == OBJECTS
        assert mode == ("wal",)
        assert strangeness(table) == ""
        assert begun(table)


def test_an_empty_file_is_not_strange_but_has_not_begun(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "cache.db")) as table:
        assert strangeness(table) == ""
        assert not begun(table)


def test_the_disk_takes_text_and_nothing_else(folder: Path) -> None:
    table = open_table(folder)
    disk = table.disk  # type: ignore[attr-defined] # diskcache's own, beyond what is used

    assert disk.put("key") == ("key", True)
    assert disk.store("väl", read=False) == (3, 1, None, "väl")
    for value in (b"x", 7, None, ["x"]):
        with pytest.raises(TypeError):
            disk.put(value)
        with pytest.raises(TypeError):
            disk.store(value, read=False)
    table.close()


def test_the_disk_gives_text_and_nothing_else(folder: Path) -> None:
    table = open_table(folder)
    disk = table.disk  # type: ignore[attr-defined] # diskcache's own, beyond what is used
    bomb = pickle.dumps(["x"])

    assert disk.get("key", True) == "key"
    assert disk.fetch(1, None, "text", False) == "text"
    for key, raw in ((bomb, 0), (bomb, 1), ("key", 0)):
        with pytest.raises(ValueError, match="did not write"):
            disk.get(key, raw)
    for mode, name, value in (
        (4, None, bomb),
        (1, None, bomb),
        (3, "file", None),
        (1, "file", "text"),
        (2, "file", None),
    ):
        with pytest.raises(ValueError, match="did not write"):
            disk.fetch(mode, name, value, False)
    table.close()


def test_the_disk_removes_no_file(folder: Path) -> None:
    (folder / "precious").write_bytes(b"x")
    table = open_table(folder)

    table.disk.remove("precious")  # type: ignore[attr-defined] # diskcache's own, beyond what is used

    assert (folder / "precious").exists()
    table.close()


def test_a_table_that_is_locked_cannot_be_opened_and_says_so_at_once(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(sqlite3.OperationalError) as raised:
            open_table(folder)

    assert code(raised.value) == sqlite3.SQLITE_BUSY


def test_the_first_cause_of_an_error_is_found_behind_what_hides_it(folder: Path) -> None:
    table = open_table(folder)
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(timeout()) as raised, table.transact():
            pass
    table.close()

    assert code(raised.value) == sqlite3.SQLITE_BUSY
    assert str(root(raised.value)) == "database is locked"
    assert code(refused("no such folder")) == sqlite3.SQLITE_CANTOPEN
