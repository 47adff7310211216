"""Measures whole processes, floor and evalharness in turn, and prints ratios: the median of several rounds.

    python -m benchmarks                    everything
    python -m benchmarks cold warm          some of it
    python -m benchmarks cold --cases 1000 --rounds 5

cold: a server that answers at once, N prompts x 2 models, two checks, 64 in flight, against a bare aiohttp loop.
warm: the same again, every answer known, against a bare sqlite read, key hashing and the checks.
growth: what a further case costs from 1,000 to 10,000 over 100 to 1,000, divided by the bare loop's own growth.
help: `--help` against importing argparse. lint: 10,000 YAML cases against walking libyaml's events.
gsm8k: comparing recorded replies of 660 problems, less the import of scipy.special. html: the report of 10,000 cases.
pytest: `pytest suites/` with every answer known, against a plugin that yields as many empty items.
page: that report in Chromium, first paint and filters, against a plain file of the same size and a bare loop.
style: the features of as many replies of 100 words against splitting them.
Absolute times are of the machine at hand; the ratios are what counts.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
from collections.abc import Callable
from pathlib import Path

from benchmarks.floors import fill, prompt
from benchmarks.measuring import HARNESS, PYTHON, ROOT, count, folder, report, server, timed
from benchmarks.page import page
from benchmarks.pytest_speed import collecting_and_testing
from benchmarks.server import BODY
from benchmarks.style import style


def project(where: Path, url: str, cases: int) -> None:
    """A config with two models of the server, and a suite of so many YAML cases."""
    arms = "\n".join(f'{name} = {{ use = "openai:{name}", base_url = "{url}" }}' for name in ("base", "tuned"))
    (where / "evalharness.toml").write_text(f"[models]\n{arms}\n")
    lines = [
        "suite: bench",
        "params: {temperature: 0}",
        "every:",
        "  format: {max_words: 60}",
        "each: rows.jsonl",
        "cases:",
    ]
    lines += ['  - id: "{{ id }}"', '    ask: "{{ ask }}"', "    expect: 42"]
    (where / "suite.yaml").write_text("\n".join(lines) + "\n")
    with (where / "rows.jsonl").open("w") as rows:
        for number in range(cases):
            rows.write(json.dumps({"id": f"case-{number}", "ask": prompt(number)}) + "\n")


COMPARE = ["compare", "suite.yaml", "--base", "base", "--tuned", "tuned", "--at-once", "64", "--format", "terminal"]
ENDS = (0, 4)


def cold(cases: int, rounds: int) -> float:
    """Everything asked: the ratio to the bare loop."""
    floors, ours, peaks = [], [], []
    with server() as url:
        for _ in range(rounds):
            floors.append(timed([*PYTHON, "-m", "benchmarks.floors", "asking", url, str(cases)], ROOT)[0])
            with folder() as where:
                project(where, url, cases)
                before = count(url)
                seconds, peak = timed([*HARNESS, *COMPARE], where, ends=ENDS)
                assert count(url) - before == 2 * cases, "every question is asked once"
                ours.append(seconds)
                peaks.append(peak)
    return report(f"cold, {cases:,} cases x 2", floors, ours, peaks)


def warm(cases: int, rounds: int) -> float:
    """Everything known: the ratio to the bare read."""
    floors, ours, peaks = [], [], []
    with server() as url, folder() as where:
        project(where, url, cases)
        timed([*HARNESS, *COMPARE], where, ends=ENDS)
        fill(where / "bare.db", cases, BODY.decode())
        before = count(url)
        for _ in range(rounds):
            bare = [*PYTHON, "-m", "benchmarks.floors", "known", str(where / "bare.db"), str(cases)]
            floors.append(timed(bare, ROOT)[0])
            seconds, peak = timed([*HARNESS, *COMPARE], where, ends=ENDS)
            ours.append(seconds)
            peaks.append(peak)
        assert count(url) == before, "a warm run sends nothing"
    return report(f"warm, {cases:,} cases x 2, 0 requests", floors, ours, peaks)


def growth(_: int, rounds: int) -> float:
    """How the cost of a further case grows with the number of cases, against how the bare loop's does."""
    sizes = (100, 1_000, 10_000)
    floors: dict[int, float] = {}
    ours: dict[int, float] = {}
    with server() as url:
        for cases in sizes:
            bare = [
                timed([*PYTHON, "-m", "benchmarks.floors", "asking", url, str(cases)], ROOT)[0] for _ in range(rounds)
            ]
            own = []
            for _ in range(rounds):
                with folder() as where:
                    project(where, url, cases)
                    own.append(timed([*HARNESS, *COMPARE], where, ends=ENDS)[0])
            floors[cases], ours[cases] = min(bare), min(own)
    few, some, many = sizes

    def growing(seconds: dict[int, float]) -> float:
        return (seconds[many] - seconds[some]) / (many - some) / ((seconds[some] - seconds[few]) / (some - few))

    ratio = growing(ours) / growing(floors)
    print(f"growth: ours x{growing(ours):.2f}, bare loop x{growing(floors):.2f}, ratio {ratio:.2f}")
    return ratio


def helping(_: int, rounds: int) -> float:
    """`--help` against a bare import."""
    floors = [timed([*PYTHON, "-c", "import argparse"], ROOT)[0] for _ in range(3 * rounds)]
    ours = [timed([*HARNESS, "--help"], ROOT)[0] for _ in range(3 * rounds)]
    return report("--help", floors, ours, [])


def linting(cases: int, rounds: int) -> float:
    """10,000 cases written out in YAML against walking their events, both less the start of a process."""
    with folder() as where:
        lines = ["suite: many", "every: {format: {max_words: 60}}", "cases:"]
        for number in range(cases):
            lines += [f"  - ask: What is the answer to question {number}?", f"    expect: answer {number}"]
        (where / "suite.yaml").write_text("\n".join(lines) + "\n")
        (where / "one.yaml").write_text("\n".join(lines[:5]) + "\n")
        bare = [*PYTHON, "-m", "benchmarks.floors", "events"]
        floor = least([*bare, "suite.yaml"], where, rounds) - least([*bare, "one.yaml"], where, rounds)
        own = least([*HARNESS, "lint", "suite.yaml"], where, rounds) - least(
            [*HARNESS, "lint", "one.yaml"], where, rounds
        )
    ratio = f"{own:.2f} s over a floor of {floor:.2f} s (CPU, less the start) = {own / floor:.2f}"
    print(f"lint, {cases:,} YAML cases: {ratio}")
    return own / floor


def least(command: list[str], where: Path, rounds: int) -> float:
    """CPU seconds of a process at its best: what short differences can be told by."""
    spent = []
    for _ in range(2 * rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        timed(command, where)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent)


def gsm8k(_: int, rounds: int) -> float:
    """Recorded replies of two models: seconds, less the import of scipy.special."""
    verb = [*HARNESS, "compare", "suites/gsm8k.yaml", "--base", "6b_verification", "--tuned", "175b_finetuning"]
    imports = [timed([*PYTHON, "-c", "import scipy.special"], ROOT)[0] for _ in range(rounds)]
    ours = [timed(verb, ROOT, ends=(1,)) for _ in range(rounds)]
    loading = statistics.median(imports)
    seconds = statistics.median([took for took, _ in ours]) - loading
    peak = max(peak for _, peak in ours)
    print(f"gsm8k: {seconds:.2f} s beside the import of scipy.special ({loading:.2f} s), peak {peak:.0f} MB")
    return seconds


def html(cases: int, rounds: int) -> float:
    """The HTML report of as many cases, from its comparison.json."""
    with server() as url, folder() as where:
        project(where, url, cases)
        timed([*HARNESS, *COMPARE[:-2], "--format", "json"], where, ends=ENDS)
        verb = [*HARNESS, "report", "reports/bench-base-tuned", "--format", "html", "-q"]
        ours = [timed(verb, where, ends=ENDS) for _ in range(rounds)]
        size = (where / "reports/bench-base-tuned/index.html").stat().st_size / 2**20
    seconds, peak = statistics.median([took for took, _ in ours]), max(peak for _, peak in ours)
    print(f"html, {cases:,} cases: {seconds:.2f} s, peak {peak:.0f} MB, a file of {size:.1f} MB")
    return seconds


JOBS: dict[str, Callable[[int, int], float]] = {
    "help": helping,
    "gsm8k": gsm8k,
    "lint": linting,
    "cold": cold,
    "warm": warm,
    "growth": growth,
    "html": html,
    "pytest": collecting_and_testing,
    "page": page,
    "style": style,
}


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("jobs", nargs="*", metavar="NAME", help=", ".join(JOBS))
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    unknown = set(given.jobs) - set(JOBS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; known: {', '.join(JOBS)}")
    for name in given.jobs or JOBS:
        JOBS[name](given.cases, given.rounds)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
