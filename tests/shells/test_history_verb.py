"""`evalharness history` whole: what it reads, writes, prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shells.cli import ROOT, evalharness, numbered
from tests.shelved import accept, scored

NEVER = {"openai", "aiohttp", "asyncio", "scipy.stats", "scipy.optimize"}


@pytest.fixture
def sliding(tmp_path: Path) -> Path:
    """A project with nine snapshots that lose a little each time."""
    (tmp_path / "evalharness.toml").write_text("[models]\n")
    accept(tmp_path, [scored(20 + 4 * step) for step in range(9)])
    return tmp_path


def test_a_suite_is_shown_by_its_name_though_its_file_is_gone(sliding: Path) -> None:
    done = evalharness("history", "made", cwd=sliding)

    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("made  9 snapshots\n")
    assert "▼ facts: alarm at 2026-04 (EWMA and CUSUM; Shewhart one later): 84.0 %, 6 points below" in done.out


def test_a_suite_is_shown_by_its_file(sliding: Path) -> None:
    (sliding / "made.yaml").write_text(numbered(3))

    assert evalharness("history", "made.yaml", cwd=sliding).out == evalharness("history", "made", cwd=sliding).out


def test_the_newest_snapshot_is_ruled_on_as_compare_would(sliding: Path) -> None:
    first, last = (str(sliding / f"baselines/made/2026-{month}.jsonl") for month in ("01", "09"))

    compared = json.loads(evalharness("compare", first, last, "--json", "--format", "terminal", cwd=sliding).out)
    standing = evalharness("history", "made", "--json", cwd=sliding).json["standing"]

    (ruling,) = compared["rulings"]
    assert standing == {
        "newest": "2026-09",
        "reference": "2026-01",
        "outcome": "REGRESSED",
        "rulings": [{name: ruling[name] for name in ("aspect", "outcome", "sentence", "remedy")}],
    }


def test_formats_are_written_and_named(sliding: Path) -> None:
    done = evalharness("history", "made", "--format", "html,markdown,json", cwd=sliding)

    names = ["index.html", "report.md", "history.json"]
    assert done.out.splitlines()[-1] == f"report: {', '.join(f'reports/made-history/{name}' for name in names)}"
    assert sorted(path.name for path in (sliding / "reports/made-history").iterdir()) == sorted(names)


def test_reports_go_where_they_are_asked_to(sliding: Path) -> None:
    evalharness("history", "made", "--format", "json", "-o", "notes", cwd=sliding)

    assert (sliding / "notes/made-history/history.json").read_text() == evalharness(
        "history", "made", "--json", cwd=sliding
    ).out
    assert not (sliding / "reports").exists()


def test_by_itself_it_writes_nothing(sliding: Path) -> None:
    before = sorted(sliding.rglob("*"))

    evalharness("history", "made", cwd=sliding)

    assert sorted(sliding.rglob("*")) == before


def test_an_alarm_ends_with_1_where_that_is_asked_for(sliding: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    steady = tmp_path_factory.mktemp("steady")
    (steady / "evalharness.toml").write_text("[models]\n")
    accept(steady, [scored(20)] * 3)

    assert evalharness("history", "made", "--fail-on-alarm", cwd=sliding).status == 1
    assert evalharness("history", "made", cwd=sliding).status == 0
    assert evalharness("history", "made", "--fail-on-alarm", cwd=steady).status == 0


def test_another_reference_may_be_named(sliding: Path) -> None:
    value = json.loads(evalharness("history", "made", "--reference", "2026-08", "--json", cwd=sliding).out)

    assert value["series"][0]["reference"] == "2026-08"
    assert value["alarm"] is False


def test_a_snapshot_that_was_edited_is_warned_about(sliding: Path) -> None:
    path = sliding / "baselines/made/2026-03.jsonl"
    path.write_text(path.read_text().replace('"why":"why"', '"why":"Why"', 1))

    done = evalharness("history", "made", cwd=sliding)

    assert "warning   '2026-04' follows a snapshot that was edited or taken away since\n" in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mude"], "suite 'mude': there is no baseline\n  hint: did you mean 'made'?\n"),
        (
            ["suites/made.yaml"],
            "suites/made.yaml: no such suite\n  hint: `evalharness history made` reads its baselines without it\n",
        ),
        (["other.yaml"], "other.yaml: no such suite\n  hint: SUITE is a suite file, or the name of a suite\n"),
        (["baselines"], "baselines: a folder\n  hint: history shows one suite: give its file or its name\n"),
        (["made", "--aspect", "fact"], "history of 'made': there is no aspect 'fact'\n  hint: did you mean 'facts'?\n"),
        (
            ["made", "--reference", "2026-1"],
            "there is no snapshot '2026-1'\n  hint: did you mean '2026-01'?\n",
        ),
        (["made", "--format", "htm"], "history has no format 'htm'\n  hint: did you mean 'html'?\n"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(sliding: Path, arguments: list[str], told: str) -> None:
    done = evalharness("history", *arguments, cwd=sliding)

    assert (done.status, done.out) == (2, "")
    assert done.err.endswith(told)


def test_without_baselines_it_says_how_to_begin(tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_text("[models]\n")
    done = evalharness("history", "made", cwd=tmp_path)

    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("suite 'made'")
    assert done.err.endswith("\n  hint: accept a run of it first: `evalharness accept RUN -m WHY`\n")


def test_it_loads_nothing_that_asks_and_nothing_heavy(sliding: Path) -> None:
    code = (
        "import sys\nfrom evalharness.cli import main\n"
        "sys.argv = ['evalharness', 'history', 'made', '--format', 'html,markdown,json']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\n' + ' '.join(sys.modules))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=sliding,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )

    loaded = set(done.stderr.rpartition("\n")[2].split())
    assert "evalharness.reports.history.html" in loaded
    assert loaded & NEVER == set()
