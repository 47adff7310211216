"""What the pages show runs as shown, what they name exists, and what exists is named."""

from __future__ import annotations

import importlib
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from evalharness.cli import VERBS, group
from evalharness.suite import load
from tests.shells.cli import ROOT, evalharness

README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = (ROOT / "docs/commands.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_suite_of_the_first_screen_is_one(tmp_path: Path) -> None:
    (text,) = blocks(README, "yaml")
    (tmp_path / "capitals.yaml").write_text(text)

    suite = load(tmp_path / "capitals.yaml")

    assert (suite.name, len(suite.cases), suite.gate[0].drop_at_most) == ("capitals", 1, 0.05)
    assert len(text.splitlines()) <= 6


def test_the_table_of_two_real_models_is_what_compare_prints() -> None:
    (shown,) = blocks(README, "text")
    command, *parts = [part.strip("\n") for part in shown.split("...\n")]

    done = evalharness(*command.removeprefix("$ evalharness ").split(), "--format", "terminal", cwd=ROOT)

    assert done.status == 1
    for part in parts:
        assert part in done.out


def tour() -> list[tuple[str, list[str]]]:
    """The commands of the tour in order, each with the stretches that its output has, one after the other."""
    steps = []
    for block in blocks(README, "console")[1:]:
        for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = step.partition("\n")
            steps.append((command, [part for part in re.split(r"^\.\.\.\n", output, flags=re.MULTILINE) if part]))
    return steps


def test_the_tour_runs_as_printed(tmp_path: Path) -> None:
    for name in ("suites", "baselines"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    steps = tour()
    verbs = ["pytest suites/", *(f"evalharness {verb}" for verb in ("run", "accept", "history", "compare", "report"))]
    assert [" ".join(command.split()[:2]) for command, _ in steps] == verbs
    for command, parts in steps:
        program, *arguments = shlex.split(command)
        if program == "pytest":
            verb = [sys.executable, "-m", "pytest", *arguments]
            done = subprocess.run(verb, check=False, cwd=tmp_path, capture_output=True, text=True)
            status, out = done.returncode, done.stdout
        else:
            ran = evalharness(*arguments, cwd=tmp_path)
            status, out = ran.status, ran.out
        assert status == 0, command
        at = 0
        for part in parts:
            at = out.find(part.rstrip("\n"), at)
            assert at >= 0, f"{command}: {part}"


def test_the_first_minute_runs_as_printed(tmp_path: Path) -> None:
    init, compare = next(block for block in blocks(README, "sh") if "init" in block).splitlines()
    assert init == "evalharness init my-tune && cd my-tune"

    assert evalharness("init", "my-tune", cwd=tmp_path).status == 0
    assert evalharness(*compare.split()[1:], cwd=tmp_path / "my-tune").status == 4


def verbs() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in VERBS:
        command = group.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {child}", verb) for child, verb in command.commands.items())


@pytest.mark.parametrize(("name", "command"), list(verbs()), ids=[name for name, _ in verbs()])
def test_every_verb_and_option_is_documented(name: str, command: click.Command) -> None:
    assert command.help, name
    assert f"`{name}" in COMMANDS
    for parameter in command.params:
        if isinstance(parameter, click.Option) and "--help" not in parameter.opts:
            assert any(re.search(rf"{option}\b", COMMANDS) for option in parameter.opts), f"{name} {parameter.opts}"
            assert parameter.help or parameter.name in ("sample", "output"), f"{name} {parameter.opts}"


def test_every_option_the_page_names_exists() -> None:
    known = {option for _, command in verbs() for parameter in command.params for option in parameter.opts}

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", COMMANDS)) - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(
        r"\]\((?!https?:|mailto:)([^)#]+)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    ):
        assert (page.parent / target).exists(), target


def test_every_module_is_on_the_map() -> None:
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    modules = {
        path.relative_to(ROOT / "evalharness").parts[0].removesuffix(".py")
        for path in (ROOT / "evalharness").rglob("*.py")
    }

    assert {name for name in modules - {"__init__"} if f"`{name}" not in page} == set()


def test_the_reference_of_python_callers_is_importable() -> None:
    example = (ROOT / "evalharness/__init__.py").read_text("utf-8")
    names = re.findall(r"from evalharness import (.+)", example.partition('"""')[2].partition('"""')[0])

    module = importlib.import_module("evalharness")
    for name in names[0].split(", "):
        assert callable(getattr(module, name))
