"""`pytest suites/` with our plugin against one that yields as many empty items: collected, and run with all known.

The least a plugin can do is in `pytest_floor.py`.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import statistics
import subprocess
from pathlib import Path
from typing import Literal, TypeAlias

from benchmarks.floors import prompt
from benchmarks.measuring import HARNESS, PYTHON, count, environment, folder, report, server, timed

Shape: TypeAlias = Literal["cases in YAML", "each: rows.jsonl"]
SHAPES: tuple[Shape, ...] = ("cases in YAML", "each: rows.jsonl")

OURS = "evalharness.pytest_plugin"
FLOOR = "benchmarks.pytest_floor"
PYTEST = [*PYTHON, "-m", "pytest", "-q", "suites/"]
VERBS = {"collect": ["--collect-only"], "run": []}
SAYS = {"collect": "tests collected", "run": "passed"}
ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Plugins that happen to be installed would cost both sides the same, and hide what ours costs."""

MOST = 1.25
"""The ratio that is promised."""


def collecting_and_testing(cases: int, rounds: int) -> float:
    """Both shapes of a suite, collected and run, floor and plugin in turn: the largest ratio of the four."""
    there = importlib.util.find_spec(OURS) is not None
    if not there:
        print(f"pytest: there is no {OURS} to measure, only the floor is", flush=True)
    ratios: list[float] = []
    with server() as url:
        for shape in SHAPES:
            with folder() as where:
                known(where, url, cases, shape)
                ratios += measured(where, url, cases, rounds, shape) if there else alone(where, cases, rounds, shape)
    return max(ratios, default=math.nan)


def known(where: Path, url: str, cases: int, shape: Shape) -> None:
    """A project with one suite, all of whose answers are in the cache."""
    (where / "evalharness.toml").write_text(f'[models]\ntuned = {{ use = "openai:tuned", base_url = "{url}" }}\n')
    (where / "pytest.ini").write_text("[pytest]\n")
    (where / "suites").mkdir()
    lines = ["suite: bench", "tuned: tuned", "params: {temperature: 0}", "every:", "  format: {max_words: 60}"]
    if shape == "cases in YAML":
        lines.append("cases:")
        for number in range(cases):
            lines += [f"  - id: case-{number}", f"    ask: {prompt(number)}", "    expect: 42"]
    else:
        lines += ["each: rows.jsonl", "cases:", '  - id: "{{ id }}"', '    ask: "{{ ask }}"', "    expect: 42"]
        with (where / "suites/rows.jsonl").open("w") as rows:
            for number in range(cases):
                rows.write(json.dumps({"id": f"case-{number}", "ask": prompt(number)}) + "\n")
    (where / "suites/bench.yaml").write_text("\n".join(lines) + "\n")
    timed([*HARNESS, "run", "suites/bench.yaml", "--model", "tuned", "--at-once", "64", "-q"], where)


def measured(where: Path, url: str, cases: int, rounds: int, shape: Shape) -> list[float]:
    """The ratio of collecting and of running, after each command was seen to find every case and to ask nothing."""
    ratios = []
    asked = count(url)
    for verb in VERBS:
        commands = [command(plugin, verb) for plugin in (FLOOR, OURS)]
        for each in commands:
            finds_all(each, where, verb, cases)
        floors, ours, peaks = [], [], []
        for _ in range(rounds):
            floors.append(timed(commands[0], where, also=ALONE)[0])
            seconds, peak = timed(commands[1], where, also=ALONE)
            ours.append(seconds)
            peaks.append(peak)
        ratios.append(report(f"pytest {verb}, {cases:,} {shape} (to beat: {MOST})", floors, ours, peaks))
    assert count(url) == asked, "what is known is not asked again"
    return ratios


def alone(where: Path, cases: int, rounds: int, shape: Shape) -> list[float]:
    """Prints what the floor takes; no ratio."""
    for verb in VERBS:
        floor = command(FLOOR, verb)
        finds_all(floor, where, verb, cases)
        seconds = statistics.median(timed(floor, where, also=ALONE)[0] for _ in range(rounds))
        print(f"pytest {verb}, {cases:,} {shape}: floor {seconds:.2f} s", flush=True)
    return []


def command(plugin: str, verb: str) -> list[str]:
    """pytest with one plugin."""
    return [*PYTEST, *VERBS[verb], "-p", plugin]


def finds_all(pytest: list[str], where: Path, verb: str, cases: int) -> None:
    """Ends the benchmark where a command does not see exactly so many cases; and warms it up."""
    done = subprocess.run(pytest, cwd=where, env=environment(ALONE), capture_output=True, text=True, check=False)
    if done.returncode or not re.search(rf"^{cases} {SAYS[verb]}\b", done.stdout, re.MULTILINE):
        raise SystemExit(f"{' '.join(pytest)} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
