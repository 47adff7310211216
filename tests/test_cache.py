"""Answers on disk: kept, found, and safe from whatever lies where the cache is."""

from __future__ import annotations

import os
import pickle
import resource
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.cache import Cache, Stock
from evalharness.envelope import Difference, sealed
from evalharness.errors import CacheError
from evalharness.records import Message, ModelRef, Origin, Request
from evalharness.table import COLUMNS, LOOK_UP
from tests.fakes import question


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


def keep(cache: Cache, *texts: str) -> None:
    for text in texts:
        cache.put(question(text).key(), f"answer to {text}", question(text))
    assert cache.commit()


def found(cache: Cache, *texts: str) -> list[str | None]:
    known = cache.look_up(question(text).key() for text in texts)
    return [known.get(question(text).key()) for text in texts]


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


def test_what_was_committed_is_found_by_another(folder: Path) -> None:
    with Cache(folder) as one, Cache(folder) as other:
        keep(one, "a", "b")

        assert found(other, "a", "b", "c") == ["answer to a", "answer to b", None]


def test_what_is_pending_is_found_before_it_is_written(cache: Cache, folder: Path) -> None:
    cache.put(question("a").key(), "answer to a", question("a"))

    assert found(cache, "a") == ["answer to a"]
    assert not folder.exists()


def test_a_newer_answer_replaces_the_older(cache: Cache) -> None:
    keep(cache, "a")
    cache.put(question("a").key(), "another", question("a"))
    cache.commit()

    assert found(cache, "a") == ["another"]


def test_looking_up_makes_nothing_on_disk(cache: Cache, folder: Path) -> None:
    assert found(cache, "a") == [None]
    assert cache.info() == ()
    assert cache.prune() == 0
    assert not folder.parent.exists()


def test_the_folder_is_private_and_kept_out_of_version_control(cache: Cache, folder: Path) -> None:
    keep(cache, "a")

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text("ascii") == "*\n"


def test_a_folder_whose_name_needs_escaping_works(tmp_path: Path) -> None:
    with Cache(tmp_path / "a b?c#d%20é" / "x") as cache:
        keep(cache, "a")

        assert found(cache, "a") == ["answer to a"]


def test_a_folder_that_diskcache_would_take_for_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="has the name of a variable in it"):
        Cache(tmp_path / "$HOME" / "x").look_up(["x"])

    assert list(tmp_path.iterdir()) == []


def test_answers_are_never_evicted_whatever_their_size(cache: Cache, folder: Path) -> None:
    keep(cache, *map(str, range(50)))

    with closing(sqlite3.connect(folder / "cache.db")) as table:
        settings = dict(table.execute("select key, value from Settings"))
        expiring = table.execute("select count(*) from Cache where expire_time is not null").fetchone()
    assert (settings["eviction_policy"], settings["cull_limit"], expiring) == ("none", 0, (0,))


def test_the_bulk_read_uses_the_index_and_columns_that_diskcache_has(cache: Cache, folder: Path) -> None:
    keep(cache, "a")

    with closing(sqlite3.connect(folder / "cache.db")) as table:
        plan = " ".join(str(row[3]) for row in table.execute(f"explain query plan {LOOK_UP}", ("[]",)))
        columns = [name for _, name, *_ in table.execute("pragma table_info(Cache)")]
    assert "SEARCH Cache USING INDEX Cache_key_raw (key=?)" in plan
    assert columns == list(COLUMNS)


# --- locks, full disks ------------------------------------------------------------------------------------------------


def test_a_lock_held_elsewhere_leaves_the_batch_pending_until_it_is_gone(folder: Path) -> None:
    with Cache(folder) as cache:
        keep(cache, "a")
        with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            cache.put(question("b").key(), "answer to b", question("b"))

            assert cache.commit() is False
            assert found(cache, "a", "b") == ["answer to a", "answer to b"]
            other.execute("rollback")
        assert cache.commit() is True
        with Cache(folder) as other_cache:
            assert found(other_cache, "b") == ["answer to b"]


def test_a_lock_that_stays_is_an_error_of_one_line(cache: Cache, folder: Path) -> None:
    keep(cache, "a")
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        cache.put(question("b").key(), "answer to b", question("b"))

        with pytest.raises(CacheError) as raised:
            cache.commit()

    assert str(raised.value) == f"{folder}/cache.db: locked by another program for 0 s\n  hint: end it and run again"
    assert raised.value.exit_code == 3


def test_a_lock_when_the_cache_is_first_opened_is_waited_for_too(folder: Path) -> None:
    with Cache(folder) as first:
        keep(first, "a")
    with closing(sqlite3.connect(folder / "cache.db", isolation_level=None)) as other, Cache(folder) as cache:
        other.execute("begin immediate")
        cache.put(question("b").key(), "answer to b", question("b"))
        began = time.monotonic()

        assert cache.commit() is False
        assert time.monotonic() - began < 5
        other.execute("rollback")


def test_a_full_disk_is_an_error_of_one_line_and_everything_earlier_stays_readable(folder: Path) -> None:
    with Cache(folder) as cache:
        keep(cache, "a")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with Cache(folder) as cache:
            cache.put(question("b").key(), "x" * 1_000_000, question("b"))
            with pytest.raises(CacheError) as raised:
                cache.commit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert raised.value.exit_code == 3
    assert str(raised.value).startswith(f"{folder}/cache.db: ")
    assert raised.value.hint == "what was answered before is kept; make room on the disk and run again"
    with Cache(folder) as cache:
        assert found(cache, "a", "b") == ["answer to a", None]


# --- what others put there --------------------------------------------------------------------------------------------


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


# --- several processes ------------------------------------------------------------------------------------------------


def test_a_claim_holds_against_other_processes_until_it_is_released_or_its_owner_dies(folder: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom evalharness.cache import Cache\n"
        "cache = Cache(Path(sys.argv[1]))\nprint(cache.claim(sys.argv[2]), flush=True)\nsys.stdin.readline()\n"
    )
    key, other_key = question("a").key(), question("b").key()
    with Cache(folder) as cache:
        owner = subprocess.Popen(
            [sys.executable, "-c", code, folder, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert owner.stdin is not None
        assert owner.stdout is not None
        with owner:
            assert owner.stdout.readline() == "True\n"
            assert (cache.claim(key), cache.claim(other_key)) == (False, True)
            owner.kill()
            owner.wait()
            assert cache.claim(key) is True


def test_a_cache_knows_whether_another_has_written(folder: Path) -> None:
    with Cache(folder) as one, Cache(folder) as other:
        found(one, "a")
        keep(one, "a")
        assert one.shared() is False

        keep(other, "b")
        assert one.shared() is True


def test_what_was_written_before_the_first_look_does_not_count(folder: Path) -> None:
    with Cache(folder) as first:
        keep(first, "a")
    with Cache(folder) as cache:
        found(cache, "a")
        keep(cache, "b")

        assert cache.shared() is False


# --- info, prune, explain ---------------------------------------------------------------------------------------------


def of(use: str) -> Request:
    return replace(question("a"), model=ModelRef("m", use))


def test_info_counts_by_model(cache: Cache) -> None:
    requests = [of("openai:a"), of("openai:b"), replace(of("openai:b"), sample=1)]
    for request in requests:
        cache.put(request.key(), "yes", request)
    cache.commit()

    sizes = [len(sealed("yes", request)) for request in requests]
    assert cache.info() == (Stock("openai:a", 1, sizes[0]), Stock("openai:b", 2, sizes[1] + sizes[2]))


def test_prune_takes_a_model_an_age_or_both_and_the_rest_stays(cache: Cache, folder: Path) -> None:
    requests = {
        f"{use} {sample}": replace(of(use), sample=sample) for use in ("openai:a", "openai:b") for sample in (0, 1)
    }
    for request in requests.values():
        cache.put(request.key(), "yes", request)
    cache.commit()
    with closing(sqlite3.connect(folder / "cache.db")) as table, table:
        old = [request.key() for name, request in requests.items() if name.endswith("0")]
        table.execute("update Cache set store_time = store_time - 3600 where key in (?, ?)", old)

    assert cache.prune(model="openai:a", older_than=60) == 1
    assert sorted(cache.look_up(request.key() for request in requests.values())) == sorted(
        request.key() for name, request in requests.items() if name != "openai:a 0"
    )
    assert cache.prune(older_than=60) == 1
    assert cache.prune(model="openai:a") == 1
    assert [stock.answers for stock in cache.info()] == [1]
    assert cache.prune() == 1
    assert cache.info() == ()


def test_explain_names_what_differs_from_the_nearest_known_question(cache: Cache) -> None:
    ref = ModelRef("base", "openai:gpt-4o-mini", base_url="https://api.example.com/v1")
    stored = [
        Request(
            ref, (Message("system", "Be terse."), Message("user", text)), {"temperature": 0}, origin=Origin(case, 1)
        )
        for case, text in {"france": "Capital of France?", "spain": "Capital of Spain?"}.items()
    ]
    for request in stored:
        cache.put(request.key(), "yes", request)
    cache.commit()
    changed = replace(
        stored[0],
        params={"temperature": 0.5},
        messages=(Message("system", "Be kind."), stored[0].messages[1]),
        model=replace(ref, name="another arm"),
    )

    explained = cache.explain(changed)

    assert (explained.known, explained.case, explained.turn) == (False, "france", 1)
    assert explained.differs[0] == Difference("params", '{"temperature":0}', '{"temperature":0.5}')
    assert [difference.field for difference in explained.differs] == ["params", "message 1 (system)"]
    assert cache.explain(stored[1]).known is True


def test_explain_has_nothing_to_compare_with_in_an_empty_cache(cache: Cache) -> None:
    explained = cache.explain(question("a"))

    assert (explained.known, explained.case, explained.differs) == (False, "", ())
