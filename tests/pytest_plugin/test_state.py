"""What is known before a suite is met, and what several processes tell."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalharness.layout import cells
from evalharness.pytest_plugin.state import Screen, Settings, Sighted

SETTINGS = Settings(
    folder=Path("/project"),
    root=Path("/project"),
    suites=(Path("/project/suites"),),
    model=None,
    base=None,
    baseline=False,
    update=None,
    samples=None,
    judge=None,
    budget=None,
    cache="use",
    report=None,
    allow_inconclusive=False,
    asks=True,
    screen=Screen(),
)


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("/project/suites/marv.yaml", True),
        ("/project/suites/deep/er/marv.yml", True),
        ("/project/suites/.hidden.yaml", False),
        ("/project/suites/data/rows.jsonl", False),
        ("/project/suites2/marv.yaml", False),
        ("/project/docker.yaml", False),
    ],
)
def test_yaml_in_the_folders_of_suites_is_a_suite(path: str, taken: bool) -> None:
    assert SETTINGS.takes(Path(path), named=False) is taken


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (b"suite: marv\n", True),
        (b"\xef\xbb\xbfsuite: marv\n", True),
        (b"# about\n\nabout: x\nsuite: marv\n", True),
        (b"  suite: marv\n", False),
        (b"services: {}\n", False),
        (b"x" * 70_000 + b"\nsuite: marv\n", False),
    ],
    ids=["first", "mark", "later", "nested", "other", "far"],
)
def test_elsewhere_a_suite_is_what_is_named_and_begins_as_one(tmp_path: Path, text: bytes, taken: bool) -> None:
    path = tmp_path / "made.yaml"
    path.write_bytes(text)

    assert SETTINGS.takes(path, named=True) is taken
    assert not SETTINGS.takes(path, named=False)


def test_the_config_is_looked_for_where_pytest_was_started_then_around_its_rootdir(tmp_path: Path) -> None:
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    for folder in (inner, outer):
        folder.mkdir()
        (folder / "evalharness.toml").write_text("")
    bare = tmp_path / "bare"
    bare.mkdir()

    assert replace(SETTINGS, folder=outer, root=inner).project().folder == outer
    assert replace(SETTINGS, folder=bare, root=inner).project().folder == inner


def test_lines_break_at_blanks_and_go_on_indented() -> None:
    screen = Screen(columns=20)

    assert screen.fit("  one two three four five") == ["  one two three four", "    five"]
    assert screen.fit("  one two three four five", broken=False) == ["  one two three four five"]
    assert screen.fit("") == []


def test_what_an_encoding_lacks_is_a_sign_of_ascii_or_an_escape() -> None:
    assert Screen(encoding="ascii").fit("▼ base → tuned … über") == ["v base -> tuned ... \\xfcber"]
    assert Screen(encoding="latin-1").fit("über") == ["über"]


def test_what_is_told_survives_the_way_between_processes() -> None:
    told = Sighted({"a.yaml": ["a: HELD"]}, {"a.yaml": ["  2 cases"]}, ("note",), ("report: x",), ("fault",), 4)

    assert Sighted.of(told.plain()) == told
    assert Sighted.of({}) == Sighted()


def test_what_several_processes_tell_is_said_once() -> None:
    one = Sighted({"a.yaml": ["a: HELD"]}, {"a.yaml": ["  2 cases"]}, ("note",), ("report: x",))
    two = Sighted({"a.yaml": ["a: HELD"]}, {"a.yaml": ["  2 cases"]}, ("note",), (), ("fault",), 4)

    assert Sighted.joined([one, Sighted(), two]) == Sighted(
        {"a.yaml": ["a: HELD"]}, {"a.yaml": ["  2 cases"]}, ("note",), ("report: x",), ("fault",), 4
    )


def test_the_verdict_stands_first_and_is_all_that_is_said_when_brief() -> None:
    told = Sighted({"a.yaml": ["a: HELD"]}, {"a.yaml": ["  2 cases"]}, ("note",), ("report: x",), ("fault",))

    assert told.lines(Screen(), brief=False) == ["a: HELD", "  2 cases", "note", "fault", "report: x"]
    assert told.lines(Screen(), brief=True) == ["a: HELD", "note", "fault", "report: x"]


def test_a_path_is_never_broken() -> None:
    path = "report: " + "folder/" * 30

    assert Sighted(files=(path,)).lines(Screen(columns=40), brief=False) == [path]


@given(st.text(), st.integers(40, 200), st.sampled_from(["utf-8", "ascii", "latin-1"]))
def test_no_line_is_too_long_or_moves_the_cursor_or_cannot_be_printed(text: str, columns: int, encoding: str) -> None:
    lines = Screen(columns, encoding).fit(text)

    assert all(cells(line) <= columns for line in lines)
    assert {unicodedata.category(character) for line in lines for character in line} & {"Cc", "Cs", "Zl", "Zp"} == set()
    "".join(lines).encode(encoding)


@given(st.lists(st.text("abc", min_size=1), min_size=1), st.integers(40, 60))
def test_breaking_loses_no_word(words: list[str], columns: int) -> None:
    assert "".join(Screen(columns).fit(" ".join(words))).replace(" ", "") == "".join(words)
