"""The short way of running an item: the same reports as the usual one, and the usual one where anybody takes part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.shells.cli import numbered, replies
from tests.shells.plugin import Session, here, planted, recorded

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("loaded")

TAKES_PART = "def pytest_runtest_call(item):\n    print('conftest took part')\n"


@pytest.fixture
def mixed(pytester: pytest.Pytester) -> Path:
    """Cases that pass, fail and have no answer, a gate that regressed, and a test of code among them."""
    suites = {"free": numbered(4, gate="", head="base: base\ntuned: tuned").replace("suite: made", "suite: free")}
    planted(pytester.path, made=numbered(40, head="base: base\ntuned: tuned"), **suites)
    recorded(pytester.path, base=replies(40), tuned=replies(40, wrong=12))
    (pytester.path / "test_code.py").write_text(
        "def test_one():\n    pass\n\ndef test_two(tmp_path):\n    assert tmp_path\n"
    )
    return pytester.path


def untimed(session: Session) -> str:
    """What was printed, less how long it took."""
    return re.sub(r"\d+\.\d+s", "", session.out)


@pytest.mark.parametrize("options", [(), ("-v",), ("-rA", "--tb=short"), ("-x",), ("--maxfail=2", "-q")], ids=str)
def test_both_ways_print_the_same(pytester: pytest.Pytester, mixed: Path, options: tuple[str, ...]) -> None:
    arguments = ("suites", "test_code.py", "-p", "no:cacheprovider", *options)
    short = here(pytester, *arguments)
    (mixed / "conftest.py").write_text("def pytest_runtest_call(item):\n    pass\n")

    usual = here(pytester, *arguments)

    assert short.counts["failed"] == usual.counts["failed"] > 0
    assert (short.status, untimed(short)) == (usual.status, untimed(usual))


def test_who_takes_part_in_running_tests_takes_part_in_these(pytester: pytest.Pytester, mixed: Path) -> None:
    (mixed / "suites/conftest.py").write_text(TAKES_PART)

    done = here(pytester, "suites/free.yaml", "-s")

    assert done.out.count("conftest took part") == 4


def test_a_setup_of_the_project_may_skip_a_case(pytester: pytest.Pytester, mixed: Path) -> None:
    skips = "def pytest_runtest_setup(item):\n    if item.name == 'c3':\n        pytest.skip('not today')\n"
    (mixed / "conftest.py").write_text(f"import pytest\n\n{skips}")

    assert here(pytester, "suites/free.yaml").counts == {"failed": 3, "skipped": 1}


@pytest.mark.parametrize(("mark", "word"), [("skip", "skipped"), ("xfail", "xfailed")])
def test_a_marker_that_somebody_gives_an_item_is_obeyed(
    pytester: pytest.Pytester, mixed: Path, mark: str, word: str
) -> None:
    text = f"import pytest\n\ndef pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.{mark})\n"
    (mixed / "conftest.py").write_text(text)

    assert here(pytester, "suites/free.yaml").counts == {"failed": 3, word: 1}


def test_a_hook_on_reports_sees_every_step_of_every_item(pytester: pytest.Pytester, mixed: Path) -> None:
    text = """\
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    print(f"{item.name} {call.when} {report.outcome}")
    return report
"""
    (mixed / "conftest.py").write_text(text)

    seen = here(pytester, "suites/free.yaml", "-s").out

    for case in ("c0", "c3"):
        for step in ("setup passed", "call failed", "teardown passed"):
            assert f"{case} {step}" in seen


def test_a_debugger_has_the_usual_way(pytester: pytest.Pytester, mixed: Path) -> None:
    from evalharness.pytest_plugin.running import alone

    assert alone(pytester.parseconfigure("-p", "no:cacheprovider"))
    assert not alone(pytester.parseconfigure("-p", "no:cacheprovider", "--pdb"))
