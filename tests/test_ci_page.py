"""The workflows of docs/ci.md, read as YAML: what they run exists, what they keep is where we put it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
import yaml

from evalharness.cli import group
from evalharness.config import Config
from evalharness.reports.base import REPORTS
from tests.shells.cli import ROOT
from tests.test_docs import blocks

PAGE = (ROOT / "docs/ci.md").read_text("utf-8")
GITHUB, GITLAB = (yaml.safe_load(block) for block in blocks(PAGE, "yaml"))
STEPS = GITHUB["jobs"]["compare"]["steps"]


def commands(program: str) -> Iterator[list[str]]:
    """Every command line of the page that runs the program, as words."""
    lines = [step["run"] for step in STEPS if "run" in step] + GITLAB["evals"]["script"]
    lines += [line for block in blocks(PAGE, "sh") for line in block.splitlines()]
    return (words for words in (shlex.split(line, comments=True) for line in lines) if words[0] == program)


def step(uses: str) -> dict[str, object]:
    (found,) = (step for step in STEPS if str(step.get("uses", "")).startswith(uses))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("words", list(commands("evalharness")), ids=" ".join)
def test_each_command_of_ours_is_one_that_we_take(words: list[str]) -> None:
    verb = group.get_command(click.Context(group), words[1])

    assert verb is not None
    taken = verb.make_context(words[1], words[2:]).params  # ends with an error where an option does not exist
    assert set(str(taken.get("formats", "json")).split(",")) <= REPORTS.names()


def test_each_option_of_the_pytest_way_exists() -> None:
    helped = [sys.executable, "-m", "pytest", "-p", "evalharness.pytest_plugin", "--help"]
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    known = subprocess.run(helped, cwd=ROOT, env=alone, capture_output=True, text=True, check=True, timeout=60).stdout

    used = {word.partition("=")[0] for words in commands("pytest") for word in words if word.startswith("--")}
    assert len(used) > 4
    assert [option for option in used if not re.search(rf"{option}\b", known)] == []


def test_the_job_may_read_and_nothing_else() -> None:
    assert GITHUB["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in GITHUB[True]  # YAML 1.1 reads `on` as true
    assert GITHUB["jobs"]["compare"]["if"].endswith(".head.repo.full_name == github.repository")


def test_the_key_is_given_to_the_step_that_asks_and_to_no_other() -> None:
    secret = [step for step in STEPS if "secrets." in str(step)]

    assert [step["run"].split()[:2] for step in secret] == [["evalharness", "compare"]]
    assert list(secret[0]["env"]) == ["OPENAI_API_KEY"]


def test_answers_are_kept_also_by_a_job_that_failed() -> None:
    saved, restored, asked = step("actions/cache/save"), step("actions/cache/restore"), "evalharness compare"
    places = [str(step.get("run") or step.get("uses")) for step in STEPS]

    assert saved["if"] == "always()"
    assert saved["with"] == {k: v for k, v in restored["with"].items() if k != "restore-keys"}  # type: ignore[attr-defined] # a mapping
    at = [next(n for n, place in enumerate(places) if part in place) for part in ("cache/restore", asked, "cache/save")]
    assert at == sorted(at)


def test_what_is_kept_lies_where_we_put_it() -> None:
    config = Config(ROOT)

    assert (config.state / "cache", config.reports) == (ROOT / ".evalharness/cache", ROOT / "reports")
    assert step("actions/cache/save")["with"]["path"] == ".evalharness/cache"  # type: ignore[index] # a mapping
    assert step("actions/upload-artifact")["with"]["path"] == "reports/"  # type: ignore[index] # a mapping
    assert step("actions/upload-artifact")["if"] == "always()"
