"""Runs pytest with the plugin: in this process, which is quick, or in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from evalharness import pytest_plugin
from tests.loopback import Loopback
from tests.shells.cli import ANSWER, CONFIG, ROOT

PLUGIN = ("-p", "evalharness.pytest_plugin")
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "100", "LOOPBACK_KEY": "sk-not-a-real-key-0123456789"}


@dataclass(frozen=True, slots=True)
class Session:
    """How a session ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of the last line, by their word."""
        last = next((line for line in reversed(self.out.splitlines()) if re.search(r" in \d+\.\d+s", line)), "")
        return {word.rstrip("s"): int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}

    @property
    def told(self) -> list[str]:
        """The section of the plugin, without its heading."""
        _, found, rest = self.out.partition(" evalharness ===")
        return rest.split("\n=")[0].splitlines()[1:] if found else []


def planted(where: Path, **suites: str) -> Path:
    """A project with a config of programs and recordings, and suites in `suites/`."""
    (where / "evalharness.toml").write_text(CONFIG)
    (where / "answer.py").write_text(ANSWER)
    (where / "pytest.ini").write_text("[pytest]\n")
    (where / "suites").mkdir(exist_ok=True)
    for name, text in suites.items():
        (where / f"suites/{name}.yaml").write_text(text)
    return where


def recorded(where: Path, **arms: Mapping[str, str]) -> None:
    """Recordings by arm: what was said to each case."""
    for arm, replies in arms.items():
        rows = [json.dumps({"case": case, "sample": 0, "text": text}) for case, text in replies.items()]
        (where / f"{arm}.jsonl").write_text("\n".join(rows) + "\n")


def served(where: Path, server: Loopback, more: str = "") -> None:
    """A config with two arms of a server."""
    lines = [
        f'{name} = {{ use = "openai:{name}", base_url = "{server.url}", api_key_env = "LOOPBACK_KEY"{more} }}'
        for name in ("base", "tuned")
    ]
    (where / "evalharness.toml").write_text("[models]\n" + "\n".join(lines) + "\n")


def here(pytester: pytest.Pytester, *arguments: str, **environment: str) -> Session:
    """`pytest ARGUMENTS` in this process."""
    with _environment({**ENVIRONMENT, **environment}):
        done = pytester.runpytest_inprocess(*arguments, plugins=[pytest_plugin])
    return Session(int(done.ret), "\n".join(done.outlines), "\n".join(done.errlines))


def started(
    where: Path, *arguments: str, plugins: tuple[str, ...] = PLUGIN, **environment: str
) -> subprocess.Popen[str]:
    """`pytest ARGUMENTS` in a process of its own, which leads a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *plugins, *arguments],
        cwd=where,
        env={**_without_ci(os.environ), **ENVIRONMENT, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str]) -> Session:
    """How it ends."""
    out, err = process.communicate(timeout=120)
    return Session(process.returncode, out, err)


def apart(where: Path, *arguments: str, plugins: tuple[str, ...] = PLUGIN, **environment: str) -> Session:
    """`pytest ARGUMENTS` in a process of its own, to its end."""
    return ended(started(where, *arguments, plugins=plugins, **environment))


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    for name in before.keys() - _without_ci(before).keys():
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _without_ci(values: Mapping[str, str]) -> dict[str, str]:
    """pytest says more where it thinks that a build server reads it."""
    return {name: value for name, value in values.items() if name not in ("CI", "BUILD_NUMBER")}
