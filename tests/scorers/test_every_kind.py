"""What holds of every kind of check, third parties' by the same rules."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from evalharness.records import Conversation
from evalharness.scorers.base import SCORERS, Scorer, kind
from evalharness.suite import load
from tests.scorers.judges import judge
from tests.scorers.pages import FAMILIES, document, page
from tests.scorers.replies import said, settled

ROOT = Path(__file__).parents[2]
KINDS = sorted(SCORERS.names())


def written(name: str, folder: Path) -> Scorer:
    """The check in the suite on a kind's page, as the suite reader builds it."""
    file = folder / "suite.yaml"
    file.write_text(page(name).snippet, encoding="utf-8")
    (check, *_) = load(file).cases[0].checks
    return check.scorer


@pytest.mark.parametrize("name", KINDS)
def test_the_suite_on_a_page_loads_and_has_that_kind_of_check(name: str, tmp_path: Path) -> None:
    assert type(written(name, tmp_path)) is SCORERS.get(name)


@pytest.mark.parametrize("name", [name for name in KINDS if kind(name).reads != "question"])
def test_the_reply_that_passes_on_a_page_passes_and_the_one_that_fails_fails(name: str, tmp_path: Path) -> None:
    scorer = written(name, tmp_path)

    # Of a kind that reads conversations the page has all replies, a pair of backticks each.
    passes, fails = (told.split("` `") for told in (page(name).passes, page(name).fails))
    answer = judge(lambda reply: "yes" if reply in passes else "no")

    good, bad = (settled(scorer, said(*replies), answer) for replies in (passes, fails))

    assert good.value is not None
    assert good.value >= 0.6, good
    assert bad.value is not None
    assert bad.value < 0.5, bad


@pytest.mark.parametrize("name", KINDS)
def test_a_page_begins_with_a_sentence_on_one_line_and_says_what_is_not_caught(name: str) -> None:
    assert page(name).first.endswith(".")
    assert "**Does not catch**: " in page(name).text


@pytest.mark.parametrize("name", KINDS)
def test_a_page_names_every_option(name: str) -> None:
    for option in kind(name).options[1:]:
        assert f"`{option.name}`" in page(name).text, option.name


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_test_file_of_its_own(name: str) -> None:
    assert (ROOT / "tests" / "scorers" / f"test_{name}.py").is_file()


@pytest.mark.parametrize("name", KINDS)
def test_grading_is_documented(name: str) -> None:
    assert inspect.getdoc(SCORERS.get(name).grade)


@pytest.mark.parametrize("name", KINDS)
def test_a_model_that_said_nothing_at_all_is_graded(name: str, tmp_path: Path) -> None:
    silent = Conversation("case", 0, ())

    assert settled(written(name, tmp_path), silent, judge(lambda _: "no")).why


def test_the_reference_page_is_made_of_the_docstrings() -> None:
    assert (ROOT / "docs" / "scorers.md").read_text(encoding="utf-8") == document()


def test_every_kind_of_ours_is_on_the_reference_page_once() -> None:
    listed = [name for names in FAMILIES.values() for name in names]

    assert sorted(listed) == KINDS
