"""How everything is measured: whole processes, in a folder of their own, beside a server in a process of its own."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).parents[1]
PYTHON = [sys.executable]
HARNESS = [sys.executable, "-m", "evalharness.cli"]
NOTHING: Mapping[str, str] = MappingProxyType({})


@contextmanager
def server() -> Iterator[str]:
    """A loopback server in a process of its own; its base URL."""
    process = subprocess.Popen([*PYTHON, "-m", "benchmarks.server"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}/v1"
    finally:
        process.kill()
        process.wait()


@contextmanager
def folder() -> Iterator[Path]:
    """A project of its own."""
    made = Path(tempfile.mkdtemp(prefix="bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def environment(also: Mapping[str, str]) -> dict[str, str]:
    """What a measured process finds around it."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OPENAI_API_KEY": "none", **also}


def timed(
    command: list[str], where: Path, *, ends: tuple[int, ...] = (0,), also: Mapping[str, str] = NOTHING
) -> tuple[float, float]:
    """Seconds and peak MB of a whole process; an unexpected exit status ends the benchmark."""
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=where, env=environment(also), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        said = process.stdout.read() + process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode not in ends:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{said[-2000:]}")
    return seconds, usage.ru_maxrss / 1024


def count(url: str) -> int:
    """Answers the server has given."""
    with urllib.request.urlopen(url.replace("/v1", "/count")) as response:
        return int(response.read())


def report(name: str, floors: list[float], ours: list[float], peaks: list[float]) -> float:
    """Prints and gives the ratio of the medians."""
    floor, own = statistics.median(floors), statistics.median(ours)
    memory = f", peak {max(peaks):.0f} MB" if peaks else ""
    spread = f"{min(o / f for o, f in zip(ours, floors, strict=True)):.2f} to "
    spread += f"{max(o / f for o, f in zip(ours, floors, strict=True)):.2f}"
    print(f"{name}: {own:.2f} s over a floor of {floor:.2f} s = {own / floor:.2f} ({spread}){memory}", flush=True)
    return own / floor
