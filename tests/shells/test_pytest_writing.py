"""What a session writes, and only where it is told to: baselines and reports; what an interrupt leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.loopback import Loopback, Reply, Seen, echo, refusal
from tests.shells.cli import evalharness, numbered, replies
from tests.shells.plugin import apart, ended, here, planted, recorded, served, started

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("loaded")

ARMS = "base: base\ntuned: tuned"


@pytest.fixture
def held(pytester: pytest.Pytester) -> Path:
    """A hundred cases that both arms get right."""
    planted(pytester.path, made=numbered(100, head=ARMS))
    recorded(pytester.path, base=replies(100), tuned=replies(100))
    return pytester.path


def without_times(path: Path) -> list[object]:
    """The lines of a run file without what differs from one minute to the next."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        for key in ("began", "seconds"):
            line.pop(key, None)
        for inner in line.values():
            if isinstance(inner, dict):
                for key in ("accepted", "seconds"):
                    inner.pop(key, None)
    return lines


# --- baselines --------------------------------------------------------------------------------------------------------


def test_an_update_writes_what_accept_would(pytester: pytest.Pytester, held: Path) -> None:
    done = here(pytester, "--eval-update", "first tune")
    (ours,) = (held / "baselines/made").iterdir()
    written = without_times(ours)
    ours.unlink()
    evalharness("run", "suites/made.yaml", "--model", "tuned", cwd=held)
    evalharness("accept", ".evalharness/runs/made/tuned.jsonl", "-m", "first tune", cwd=held)
    (theirs,) = (held / "baselines/made").iterdir()

    assert done.status == 0
    assert done.told[-1] == f"accepted: {ours.stem} is the baseline of made (commit baselines/made/{ours.name})"
    assert theirs.name == ours.name
    assert without_times(theirs) == written


def test_without_the_option_no_baseline_is_ever_written(pytester: pytest.Pytester, held: Path) -> None:
    here(pytester)
    here(pytester, "--eval-baseline")

    assert not (held / "baselines").exists()


def test_a_suite_that_was_asked_in_part_becomes_no_baseline(pytester: pytest.Pytester, held: Path) -> None:
    done = here(pytester, "suites/made.yaml::c1", "--eval-update", "why not")

    assert done.told[-1] == "not accepted: made was asked only in part"
    assert not (held / "baselines").exists()


def test_a_run_with_missing_answers_becomes_no_baseline(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(3, head="tuned: tuned", gate=""))
    with Loopback(lambda seen: refusal(400) if "n1" in seen.ask else echo(seen)) as server:
        served(pytester.path, server)
        done = here(pytester, "--eval-update", "why not")

    assert done.told[-1] == "not accepted: answers of made are missing"
    assert not (pytester.path / "baselines").exists()


def test_a_snapshot_becomes_no_baseline_again(pytester: pytest.Pytester, held: Path) -> None:
    here(pytester, "--eval-update", "first")
    (first,) = (held / "baselines/made").iterdir()

    done = here(pytester, "--eval-model", "baseline", "--eval-base", "base", "--eval-update", "again")

    assert done.told[-1] == f"not accepted: '{first.stem}' is a snapshot of made already"
    assert list((held / "baselines/made").iterdir()) == [first]


def test_a_baseline_that_cannot_be_written_leaves_the_results_and_no_green_session(
    pytester: pytest.Pytester, held: Path
) -> None:
    (held / "baselines").write_text("a file")

    done = here(pytester, "--eval-update", "first")

    assert (done.status, done.counts) == (1, {"passed": 101})
    assert "baselines" in "".join(done.told[-2:])
    assert "Traceback" not in done.out


def test_a_baseline_of_no_suite_is_told_of(pytester: pytest.Pytester, held: Path) -> None:
    here(pytester, "--eval-update", "first")
    planted(held, made=numbered(100, head=ARMS).replace("suite: made", "suite: renamed"))

    told = here(pytester).told
    alone = here(pytester, "suites/made.yaml::c1").told

    assert "baselines/made: 1 snapshot of suite 'made', and there is no such suite" in told
    assert told == [*told[:-2], *alone[-2:]]  # the file that was collected is all there is


def test_of_suites_that_were_not_all_collected_nothing_is_told(pytester: pytest.Pytester, held: Path) -> None:
    here(pytester, "--eval-update", "first")
    planted(held, made=numbered(2, head=ARMS).replace("made", "one"), two=numbered(2, head=ARMS).replace("made", "two"))

    assert "there is no such suite" in here(pytester).out
    assert "there is no such suite" not in here(pytester, "suites/two.yaml").out


# --- reports ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["out.html", "out.md", "out.json", "out.csv", "out.xml", "deep/er/out.md"])
def test_a_report_is_written_in_the_format_of_its_name(pytester: pytest.Pytester, held: Path, name: str) -> None:
    done = here(pytester, "--eval-report", name)

    text = (held / name).read_text("utf-8")
    assert done.status == 0
    assert done.told[-1] == f"report: {name}"
    begins = {".html": "<!doctype html>", ".md": "", ".json": "{", ".csv": "suite", ".xml": "<?xml"}
    assert text.lower().lstrip("\ufeff").startswith(begins[Path(name).suffix])
    assert "HELD" in text or name.endswith(".csv")


def test_a_name_without_an_ending_is_a_folder_as_compare_writes_it(pytester: pytest.Pytester, held: Path) -> None:
    done = here(pytester, "--eval-report", "ours")
    evalharness("compare", "suites/made.yaml", "-o", "theirs", cwd=held)

    ours, theirs = (
        sorted(path.relative_to(held / top) for path in (held / top).rglob("*")) for top in ("ours", "theirs")
    )
    assert done.told[-1] == "report: ours/made-base-tuned/index.html"
    assert ours == theirs
    assert [path.name for path in ours] == ["made-base-tuned", "comparison.json", "index.html", "report.md"]


def test_a_report_of_several_suites_has_them_all(pytester: pytest.Pytester, held: Path) -> None:
    planted(held, other=numbered(100, head=ARMS).replace("made", "other"))

    here(pytester, "--eval-report", "out.json")

    found = json.loads((held / "out.json").read_text())
    assert [each["suite"]["name"] for each in found["comparisons"]] == ["made", "other"]


def test_where_nothing_was_compared_no_report_is_written(pytester: pytest.Pytester, held: Path) -> None:
    done = here(pytester, "--eval-base", "tuned", "--eval-report", "out.md")

    assert done.told[-1] == "no report: nothing was compared, so out.md was not written"
    assert not (held / "out.md").exists()


def test_a_report_that_cannot_be_written_leaves_the_results_and_no_green_session(
    pytester: pytest.Pytester, held: Path
) -> None:
    (held / "taken").write_text("a file")

    done = here(pytester, "--eval-report", "taken/out.md")

    assert (done.status, done.counts) == (1, {"passed": 101})
    assert "taken" in "".join(done.told[-2:])


# --- interrupts -------------------------------------------------------------------------------------------------------


def test_an_interrupt_keeps_what_was_answered_and_the_next_session_goes_on(tmp_path: Path) -> None:
    planted(tmp_path, made=numbered(80, head=ARMS))
    process: subprocess.Popen[str] | None = None

    def script(seen: Seen) -> Reply:
        if seen.number == 40 and process is not None:
            os.kill(process.pid, signal.SIGINT)
        return echo(seen)

    with Loopback(script) as server:
        served(tmp_path, server, ", at_once = 2")
        process = started(tmp_path)
        first = ended(process)
        asked = server.count
        again = apart(tmp_path)

        assert server.count == 160
    assert (first.status, again.status) == (130, 0)
    assert 40 <= asked <= 44
    assert "interrupted; what was answered is kept; run again to ask only what is missing" in first.out
    assert "Traceback" not in first.out + first.err
    assert again.told[2].startswith(f"  80 cases, 0 missed; {160 - asked} requests sent, {asked} known before")


def test_a_report_for_build_servers_is_valid_also_where_replies_are_hostile(
    pytester: pytest.Pytester, held: Path
) -> None:
    recorded(held, tuned={**replies(100), "c1": "bell\a \ud800 ]]> \x00"})

    here(pytester, "--junitxml", "out.xml")

    assert len(list(ElementTree.parse(held / "out.xml").iter("testcase"))) == 101
