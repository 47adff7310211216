"""What a job on GitHub Actions is told: its summary grows, and annotations come after the report."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.shells.cli import Done, evalharness, numbered, project, replies

SUMMARY = "GITHUB_STEP_SUMMARY"


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the step, with what the step wrote there before."""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    monkeypatch.setenv(SUMMARY, str(path))
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    return path


def compared(where: Path, *more: str, wrong: int = 40, suite: str = "") -> Done:
    project(where, suite or numbered(80), base=replies(80), tuned=replies(80, wrong=wrong))
    return evalharness("compare", "made.yaml", "--base", "base", "--tuned", "tuned", *more, cwd=where)


def test_the_summary_is_added_to_and_annotations_follow_the_report(tmp_path: Path, summary: Path) -> None:
    done = compared(tmp_path, "--format", "github,json")

    lines = done.out.splitlines()
    fence = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[0])
    assert fence
    end = lines.index(f"::{fence[1]}::")
    assert "made: base → tuned" in lines[1]
    assert lines[end + 1].startswith("::error file=made.yaml,title=REGRESSED%3A made%3A base → tuned::facts regressed")
    assert lines[end + 2].startswith("::warning file=made.yaml,line=3,title=broke%3A made%3A base → tuned::c0: facts: ")
    assert len(lines[end + 2 :]) == 10
    assert summary.read_text().startswith("before\n## ▼ REGRESSED: made: base → tuned\n")
    report = tmp_path / "reports" / "made-base-tuned" / "github.md"
    assert summary.read_text() == "before\n" + report.read_text()


def test_a_reply_that_looks_like_a_command_stands_within_the_fence(tmp_path: Path, summary: Path) -> None:
    project(tmp_path, numbered(80), base=replies(80), tuned=dict.fromkeys(replies(80), "::add-mask::secret"))

    done = evalharness("compare", "made.yaml", "--base", "base", "--tuned", "tuned", "--format", "github", cwd=tmp_path)

    fence = re.match(r"::stop-commands::([0-9a-f]{32})\n", done.out)
    assert fence
    within, _, after = done.out.partition(f"\n::{fence[1]}::\n")
    assert "tuned  ::add-mask::secret\n" in within
    assert {line.split(" ")[0] for line in after.splitlines()} == {"::error", "::warning"}


def test_a_stored_comparison_is_told_again_without_a_suite(tmp_path: Path, summary: Path) -> None:
    compared(tmp_path, "--format", "json")
    assert summary.read_text() == "before\n"
    (tmp_path / "made.yaml").unlink()

    done = evalharness("report", "reports/made-base-tuned", "--format", "github", cwd=tmp_path)

    assert "\n::warning file=made.yaml,title=broke%3A" in done.out
    assert "REGRESSED" in summary.read_text()


def test_a_suite_that_changed_since_names_no_line(tmp_path: Path, summary: Path) -> None:
    compared(tmp_path, "--format", "json")
    (tmp_path / "made.yaml").write_text("\n\n" + numbered(81))

    done = evalharness("report", "reports/made-base-tuned", "--format", "github", cwd=tmp_path)

    assert "file=made.yaml,title=broke" in done.out


def test_json_is_json_and_nothing_else(tmp_path: Path, summary: Path) -> None:
    done = compared(tmp_path, "--format", "github", "--json")

    assert done.json["verdict"]
    assert "REGRESSED" in summary.read_text()


def test_elsewhere_only_the_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SUMMARY, raising=False)

    done = compared(tmp_path, "--format", "github")

    assert "::" not in done.out
    assert (tmp_path / "reports" / "made-base-tuned" / "github.md").is_file()


def test_without_the_format_nothing_is_told(tmp_path: Path, summary: Path) -> None:
    done = compared(tmp_path)

    assert "::" not in done.out
    assert summary.read_text() == "before\n"


def test_a_project_below_the_top_of_the_repository_is_named_from_there(
    tmp_path: Path, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    (tmp_path / "evals").mkdir()

    done = compared(tmp_path / "evals", "--format", "github")

    assert "\n::error file=evals/made.yaml,title=" in done.out


def test_a_summary_that_cannot_be_written_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SUMMARY, str(tmp_path / "no" / "such" / "folder.md"))

    done = compared(tmp_path, "--format", "github", wrong=0)

    assert done.status == 0
    assert done.err == "the step's summary cannot be written: No such file or directory\n"


def test_a_summary_that_is_full_is_left_as_it_is(tmp_path: Path, summary: Path) -> None:
    summary.write_bytes(b"x" * (1024 * 1024 - 100))

    done = compared(tmp_path, "--format", "github", wrong=0)

    assert summary.stat().st_size == 1024 * 1024 - 100
    assert done.err == "the step's summary is full: this comparison is not in it\n"


def test_formats_of_a_whole_command_are_one_file_beside_the_folders(tmp_path: Path, summary: Path) -> None:
    project(tmp_path, numbered(80), base=replies(80), tuned=replies(80))
    (tmp_path / "other.yaml").write_text(numbered(80).replace("suite: made", "suite: other"))

    evalharness(
        *("compare", "made.yaml", "other.yaml", "--base", "base", "--tuned", "tuned"),
        *("--format", "html,github,junit,release-notes", "-o", "out"),
        cwd=tmp_path,
    )

    out = tmp_path / "out"
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == [
        "github.md",
        "junit.xml",
        "made-base-tuned/index.html",
        "other-base-tuned/index.html",
        "release-notes.md",
    ]
    assert len(list(ElementTree.parse(out / "junit.xml").iter("testsuite"))) == 2
    assert (out / "release-notes.md").read_text().startswith("## = HELD: 2 comparisons\n")
    assert summary.read_text() == "before\n" + (out / "github.md").read_text()
