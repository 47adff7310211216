"""Answers on disk: kept, found, and safe from whatever lies where the cache is."""

from __future__ import annotations

import resource
import sqlite3
import stat
import subprocess
import sys
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


def test_a_folder_where_the_table_should_be_is_set_aside(cache: Cache, folder: Path, warnings: list[str]) -> None:
    (folder / "cache.db" / "inside").mkdir(parents=True)

    keep(cache, "a")

    assert found(cache, "a") == ["answer to a"]
    (aside,) = folder.glob("cache.db.2*")
    assert (aside / "inside").is_dir()
    what = "is a folder, not a table of answers"
    assert warnings == [f"{folder}/cache.db: {what}; set aside as {aside.name}, and a new cache is begun"]
