"""A cache in which others have been: nothing is loaded, nothing is followed, nothing is lost."""

from __future__ import annotations

import os
import pickle
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from evalharness.cache import Cache
from evalharness.errors import CacheError
from tests.fakes import found, keep, question


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "cache"


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def cache(folder: Path, warnings: list[str]) -> Iterator[Cache]:
    with Cache(folder, patience=0.0, warn=warnings.append) as opened:
        yield opened


def plant(folder: Path, **columns: object) -> None:
    """Writes a row as somebody could who may write to the folder."""
    row = {
        "key": question("a").key(),
        "raw": 1,
        "mode": 1,
        "filename": None,
        "value": None,
        "size": 0,
        "tag": "x",
        **columns,
    }
    with closing(sqlite3.connect(folder / "cache.db")) as table, table:
        table.execute("delete from Cache where key = ?", (row["key"],))
        table.execute(f"insert into Cache ({', '.join(row)}) values ({', '.join('?' * len(row))})", tuple(row.values()))


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("raw", [0, 1])
def test_a_planted_pickle_is_a_miss_and_a_warning_and_is_never_loaded(
    cache: Cache, folder: Path, warnings: list[str], raw: int
) -> None:
    keep(cache, "a", "b")
    trap = folder.parent / "sprung"
    plant(folder, mode=4, raw=raw, value=pickle.dumps(Bomb(trap)))

    assert found(cache, "a", "b") == [None, "answer to b"]
    keep(cache, "a")
    assert found(cache, "a") == ["answer to a"]
    assert not trap.exists()
    assert warnings == [f"{folder}/cache.db: a row that evalharness did not write is left out"]


def test_a_planted_key_that_is_a_pickle_is_left_alone(cache: Cache, folder: Path) -> None:
    keep(cache, "a")
    trap = folder.parent / "sprung"
    plant(folder, key=pickle.dumps(Bomb(trap)), raw=0, mode=4, value=pickle.dumps(Bomb(trap)))

    assert found(cache, "a") == ["answer to a"]
    assert [stock.answers for stock in cache.info()] == [1]
    assert cache.prune() == 1
    assert not trap.exists()


@pytest.mark.parametrize("mode", [2, 3, 4])
def test_a_file_that_a_row_names_is_neither_read_nor_written_nor_removed(
    cache: Cache, folder: Path, warnings: list[str], mode: int
) -> None:
    keep(cache, "a")
    secret = folder.parent / "secret"
    secret.write_text("a secret", "ascii")
    plant(folder, mode=mode, filename="../secret")

    assert found(cache, "a") == [None]
    keep(cache, "a")
    cache.prune()

    assert secret.read_text("ascii") == "a secret"
    assert len(warnings) == 1


@pytest.mark.parametrize(
    "value",
    [
        b"\x80\x04",
        7,
        1.5,
        "no envelope",
        '{"v":1,"case":"no end"}',
        '{"v":2,"case":"x"}\nnewer',
        '{"v":1,"json":1,}\n[1]',
    ],
    ids=["blob", "integer", "real", "text", "no answer", "newer", "no text"],
)
def test_a_strange_row_is_a_miss_and_a_warning(
    cache: Cache, folder: Path, warnings: list[str], value: bytes | float | str
) -> None:
    keep(cache, "a", "b")
    plant(folder, value=value)

    assert found(cache, "a", "b") == [None, "answer to b"]
    assert len(warnings) == 1


def test_text_that_is_no_utf_8_is_a_miss_and_the_others_are_found(
    cache: Cache, folder: Path, warnings: list[str]
) -> None:
    keep(cache, "a", "b")
    with closing(sqlite3.connect(folder / "cache.db")) as table, table:
        table.execute("update Cache set value = cast(? as text) where key = ?", (b'{"v":1,\n\xff', question("a").key()))

    assert found(cache, "a", "b") == [None, "answer to b"]
    assert len(warnings) == 1


def set_aside(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("cache.db.*")) if not path.name.endswith(("-wal", "-shm"))]


@pytest.mark.parametrize("content", [b"no database at all, just text\n" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_corrupt_cache_is_set_aside_whole_and_a_new_one_is_begun(
    cache: Cache, folder: Path, warnings: list[str], content: bytes
) -> None:
    folder.mkdir(parents=True)
    (folder / "cache.db").write_bytes(content)

    assert found(cache, "a") == [None]
    keep(cache, "a")

    assert found(cache, "a") == ["answer to a"]
    (old,) = set_aside(folder)
    assert old.read_bytes() == content
    assert len(warnings) == 1
    assert f"set aside as {old.name}, and a new cache is begun" in warnings[0]


def test_a_cache_that_breaks_while_it_is_open_is_set_aside(cache: Cache, folder: Path, warnings: list[str]) -> None:
    with Cache(folder) as first:
        keep(first, *map(str, range(200)))
    size = (folder / "cache.db").stat().st_size
    with open(folder / "cache.db", "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))

    keep(cache, "a")

    assert found(cache, "a", "7") == ["answer to a", None]
    assert len(set_aside(folder)) == 1
    assert len(warnings) == 1


@pytest.mark.parametrize(
    "change",
    [
        "alter table Cache add column more text",
        "create table Other (x)",
        "create trigger evil after insert on Cache begin delete from Cache; end",
        "create view evil as select * from Cache",
        "insert into Settings values ('transact', 'x')",
        "insert into Settings values ('sqlite_page_size; x', 1)",
        "update Settings set value = x'80' where key = 'cull_limit'",
    ],
)
def test_a_cache_of_another_version_or_with_more_in_it_is_set_aside(
    cache: Cache, folder: Path, warnings: list[str], change: str
) -> None:
    with Cache(folder) as first:
        keep(first, "a")
    with closing(sqlite3.connect(folder / "cache.db")) as table, table:
        table.execute(change)

    keep(cache, "b")

    assert found(cache, "a", "b") == [None, "answer to b"]
    (old,) = set_aside(folder)
    with closing(sqlite3.connect(old)) as table:
        assert table.execute("select count(*) from Cache where key = ?", (question("a").key(),)).fetchone() == (1,)
    assert len(warnings) == 1


def test_a_folder_that_cannot_be_made_is_bypassed_with_a_warning(tmp_path: Path, warnings: list[str]) -> None:
    (tmp_path / "file").write_text("in the way", "ascii")
    with Cache(tmp_path / "file" / "cache", warn=warnings.append) as cache:
        cache.put(question("a").key(), "answer to a", question("a"))

        assert cache.commit() is True
        assert found(cache, "a") == [None]
        assert cache.claim(question("b").key()) is True
    assert len(warnings) == 1
    assert warnings[0].endswith("the cache is left alone, so the answers of this run are not kept")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of a user to whom modes apply: for root they do not."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, 65534, 65534)
        os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


def test_a_read_only_cache_is_read_and_then_bypassed(unprivileged: Path, warnings: list[str]) -> None:
    folder = unprivileged / "cache"
    with Cache(folder) as first:
        keep(first, "a")
    (folder / "cache.db").chmod(0o400)
    folder.chmod(0o500)

    with Cache(folder, warn=warnings.append) as cache:
        assert found(cache, "a") == ["answer to a"]
        cache.put(question("b").key(), "answer to b", question("b"))
        assert cache.commit() is True
        assert found(cache, "a") == ["answer to a"]  # what was paid for is found to the end

    folder.chmod(0o700)
    assert warnings == [
        f"{folder}/cache.db: attempt to write a readonly database; "
        "the cache is left alone, so the answers of this run are not kept"
    ]


@pytest.mark.parametrize("which", ["folder", "table"])
def test_links_are_not_followed(tmp_path: Path, which: str) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    folder = tmp_path / "cache"
    if which == "folder":
        folder.symlink_to(target)
    else:
        folder.mkdir()
        (folder / "cache.db").symlink_to(target / "theirs.db")

    with pytest.raises(CacheError, match="a symbolic link, and none is followed"):
        Cache(folder).look_up(["x"])

    assert list(target.iterdir()) == []
