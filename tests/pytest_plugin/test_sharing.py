"""Who asks, and what the others find."""

from __future__ import annotations

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.errors import ModelFailed, StoreError
from evalharness.pytest_plugin.results import Result
from evalharness.pytest_plugin.sharing import files, read, turn
from evalharness.pytest_plugin.state import Settings
from evalharness.suite import load
from tests.pytest_plugin.test_state import SETTINGS
from tests.shells.cli import evalharness, numbered, project, replies


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    project(tmp_path, numbered(3), base=replies(3), tuned=replies(3, wrong=1))
    return replace(SETTINGS, folder=tmp_path, root=tmp_path)


def test_the_first_process_finds_nothing(settings: Settings) -> None:
    with turn(settings, "one") as share:
        assert (share.runs, share.refused) == (None, None)


def test_the_next_reads_the_runs_that_the_first_wrote(settings: Settings) -> None:
    suite = load(settings.folder / "made.yaml")
    for arm in ("base", "tuned"):
        evalharness("run", "made.yaml", "--model", arm, cwd=settings.folder)
    runs = [str(settings.folder / f".evalharness/runs/made/{arm}.jsonl") for arm in ("base", "tuned")]
    with turn(settings, "one") as share:
        share.runs = {"made.yaml": [(run, "") for run in runs]}
        base, model = read(share, "made.yaml", suite, settings.project(), None)
        share.keep({"made.yaml": Result(suite, model, base)})

    with turn(settings, "one") as share:
        arms = read(share, "made.yaml", suite, settings.project(), None)
    with turn(settings, "another") as other:
        assert other.runs is None
    assert [arm.run.model.name for arm in arms] == ["base", "tuned"]
    assert [arm.sheet.passed["facts"]["c0"] for arm in arms] == [[True], [False]]


def test_what_one_was_refused_the_others_learn_with_the_status_to_end_with(settings: Settings) -> None:
    with turn(settings, "one") as share:
        share.refuse(ModelFailed("denied", "model 'tuned': status 401"))

    with turn(settings, "one") as share:
        assert share.refused == ("model 'tuned': status 401", 2)


def test_only_one_has_its_turn_and_the_lock_ends_with_it(settings: Settings) -> None:
    lock, _ = files(settings, "one")

    with turn(settings, "one"):
        descriptor = os.open(lock, os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)


def test_a_planted_link_is_not_followed(settings: Settings, tmp_path: Path) -> None:
    lock, _ = files(settings, "one")
    lock.parent.mkdir(exist_ok=True)
    lock.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreError), turn(settings, "one"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_no_name_of_a_session_leads_out_of_the_folder(settings: Settings) -> None:
    lock, runs = files(settings, "../../etc/passwd")

    assert lock.parent == runs.parent == settings.folder / ".evalharness"
    assert lock != files(settings, "../../etc-passwd")[0]


def test_with_a_broken_config_the_files_are_named_all_the_same(settings: Settings) -> None:
    (settings.folder / "evalharness.toml").write_text("not toml")

    assert files(settings, "one")[0].parent == settings.folder / ".evalharness"
