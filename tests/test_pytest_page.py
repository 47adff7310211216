"""What docs/pytest.md shows runs as shown, and it has every option there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evalharness import pytest_plugin
from evalharness.pytest_plugin.state import REPORTS
from tests.shells.cli import ROOT, evalharness, numbered, replies
from tests.shells.plugin import apart, here, planted, recorded
from tests.test_docs import blocks

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("loaded")

PAGE = (ROOT / "docs/pytest.md").read_text("utf-8")
SECONDS = re.compile(r"in [\d.]+s")


class Options:
    """Stands for pytest's parser, and keeps what is added."""

    def __init__(self) -> None:
        self.options: list[str] = []
        self.settings: list[str] = []

    def addini(self, name: str, *_: object, **__: object) -> None:
        self.settings.append(name)

    def getgroup(self, *_: object) -> Options:
        return self

    def addoption(self, name: str, **fields: object) -> None:
        assert fields["help"], name
        self.options.append(name)


def known() -> Options:
    found = Options()
    pytest_plugin.pytest_addoption(found)  # type: ignore[arg-type] # all that is used of a parser
    return found


def test_every_option_is_documented_and_every_one_that_is_documented_exists() -> None:
    found = known()
    tabled = set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE))

    assert tabled == set(found.options)
    assert set(re.findall(r"--eval-[a-z-]+", PAGE)) == set(found.options)
    assert all(name in PAGE for name in found.settings)


def test_every_ending_of_a_report_is_documented() -> None:
    assert all(f"`{ending}`" in PAGE for ending in REPORTS)


def test_options_of_other_pages_exist() -> None:
    found = set(known().options)
    for page in [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        assert set(re.findall(r"--eval-[a-z-]+", page.read_text("utf-8"))) <= found, page.name


def test_the_first_session_prints_what_the_page_shows(tmp_path: Path) -> None:
    (shown,) = blocks(PAGE, "console")
    init, run = blocks(PAGE, "sh")[0].splitlines()
    assert (init, run) == ("evalharness init my-tune && cd my-tune", "pytest suites/")
    evalharness("init", "my-tune", cwd=tmp_path)

    done = apart(tmp_path / "my-tune", "suites/", COLUMNS="90")

    assert SECONDS.sub("", shown).replace("=", "") in SECONDS.sub("", done.out + "\n").replace("=", "")


def test_the_line_for_ci_writes_what_it_says(pytester: pytest.Pytester) -> None:
    (line,) = (block for block in blocks(PAGE, "sh") if "junit" in block)
    planted(pytester.path, made=numbered(100, head="tuned: tuned"))
    recorded(pytester.path, tuned=replies(100))
    here(pytester, "--eval-update", "first")
    command, *words = line.split()

    done = here(pytester, *words)

    assert command == "pytest"
    assert (done.status, done.counts) == (0, {"passed": 101})
    assert (pytester.path / "reports/junit.xml").is_file()
    assert len(list((pytester.path / "reports/evals").glob("*/index.html"))) == 1
