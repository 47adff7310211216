"""What is to be asked so that the chosen items can report."""

from __future__ import annotations

import pytest

from evalharness.pytest_plugin.collecting import MARK, selection
from evalharness.pytest_plugin.state import Selected
from tests.shells.cli import numbered
from tests.shells.plugin import planted

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("loaded")


@pytest.fixture
def items(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> list[pytest.Item]:
    """The items of two suites, one of which has a gate, and of a Python test."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    planted(pytester.path, gated=numbered(2), plain=numbered(2, gate="").replace("made", "plain"))
    (pytester.path / "test_own.py").write_text("def test_own():\n    pass\n")
    found, _ = pytester.inline_genitems("-p", "evalharness.pytest_plugin", "-W", "ignore", "-p", "no:cacheprovider")
    return list(found)


def test_cases_are_asked_by_suite_and_a_gate_is_noted(items: list[pytest.Item], pytester: pytest.Pytester) -> None:
    suites = pytester.path / "suites"

    assert [item.name for item in items] == ["c0", "c1", "gate[facts]", "c0", "c1", "test_own"]
    assert selection(items) == {
        suites / "gated.yaml": Selected(("c0", "c1"), gate=True),
        suites / "plain.yaml": Selected(("c0", "c1"), gate=False),
    }
    assert selection(items[2:3]) == {suites / "gated.yaml": Selected((), gate=True)}
    assert selection(items[1:2]) == {suites / "gated.yaml": Selected(("c1",), gate=False)}
    assert selection(items[5:]) == {}


def test_an_item_says_where_its_case_is(items: list[pytest.Item], pytester: pytest.Pytester) -> None:
    path = pytester.path / "suites/gated.yaml"

    assert [item.reportinfo() for item in items[:3]] == [
        (path, 2, "c0"),  # counted from 0
        (path, 5, "c1"),
        (path, None, "gate[facts]"),
    ]


@pytest.mark.parametrize(("tag", "marks"), [("geo", True), ("v1.2", True), ("two words", False), ("_x", False)])
def test_a_tag_that_can_stand_in_an_expression_is_a_marker(tag: str, marks: bool) -> None:
    assert (MARK.fullmatch(tag) is not None) is marks
