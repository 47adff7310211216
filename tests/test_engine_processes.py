"""What is lost and what is bought twice when programs are killed, interrupted, or run side by side."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import Loopback, completion, refusal

ROOT = Path(__file__).parents[1]


@pytest.fixture
def server() -> Iterator[Loopback]:
    with Loopback(lambda seen: completion(seen.ask, after=0.02)) as running:
        yield running


def driver(server: Loopback, folder: Path, questions: int, at_once: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.driver", server.url, str(folder), str(questions), str(at_once)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str], str]:
    assert process.stdout is not None
    assert process.stderr is not None
    with process:  # not communicate(): it would lose what readline() had read ahead
        return process.wait(timeout=60), process.stdout.read().splitlines(), process.stderr.read()


def bought(server: Loopback) -> Counter[str]:
    return Counter(seen.ask for seen in server.seen)


def wait_for_lines(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


def test_after_every_kill_only_what_is_missing_is_asked(server: Loopback, tmp_path: Path) -> None:
    counted: set[str] = set()
    for _ in range(3):
        process = driver(server, tmp_path / "cache", 400, 8)
        counted.update(wait_for_lines(process, 60))
        process.kill()
        _, rest, _ = ended(process)
        counted.update(rest)
        paid = bought(server)
    code, lines, errors = ended(driver(server, tmp_path / "cache", 400, 8))

    assert (code, errors) == (0, "")
    assert sorted(map(int, lines[:-1])) == list(range(400))
    # Whatever had been counted before a kill was not bought again after it.
    final = bought(server)
    assert [name for name in counted if final[f"question {name}"] != 1] == []
    # And a kill cost at most what was under way.
    assert sum(final.values()) - 400 <= 3 * 8
    assert sum(paid.values()) < 400
    assert ended(driver(server, tmp_path / "cache", 400, 8))[1][-1].startswith('{"sent": 0, ')


@pytest.mark.parametrize(
    ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_the_first_signal_keeps_what_is_under_way_and_says_how_to_go_on(
    server: Loopback, tmp_path: Path, number: signal.Signals, code: int, word: str
) -> None:
    process = driver(server, tmp_path / "cache", 5000, 8)
    first = wait_for_lines(process, 30)
    process.send_signal(number)
    ended_with, rest, errors = ended(process)

    assert ended_with == code
    assert errors == f"{word}\n  hint: what was answered is kept; run again to ask only what is missing\n"
    took = json.loads(rest[-1])
    assert len(first) + len(rest) - 1 == took["answered"] == took["sent"] == server.count < 5000


def test_the_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with Loopback(lambda seen: completion(seen.ask, after=0.0 if seen.number <= 10 else 3600.0)) as server:
        process = driver(server, tmp_path / "cache", 100, 4)
        wait_for_lines(process, 10)
        while server.under_way < 4:
            time.sleep(0.01)  # until all that can be is under way
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)  # two signals in one instant are one
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, rest, _ = ended(process)

    assert code == 130
    assert time.monotonic() - began < 3
    assert json.loads(rest[-1])["answered"] == 10


def test_four_processes_that_start_one_cold_plan_together_pay_it_once(server: Loopback, tmp_path: Path) -> None:
    processes = [driver(server, tmp_path / "cache", 200, 8) for _ in range(4)]
    results = [ended(process) for process in processes]

    assert [(code, errors) for code, _, errors in results] == [(0, "")] * 4
    assert all(sorted(map(int, lines[:-1])) == list(range(200)) for _, lines, _ in results)
    assert server.count == 200


def test_what_a_killed_process_was_asking_is_asked_by_another(tmp_path: Path) -> None:
    with Loopback(lambda seen: completion(seen.ask, after=3600.0 if seen.number <= 4 else 0.0)) as server:
        stuck = driver(server, tmp_path / "cache", 20, 4)
        while server.under_way < 4:
            time.sleep(0.01)  # until it holds its four questions
        other = driver(server, tmp_path / "cache", 20, 4)
        assert len(wait_for_lines(other, 16)) == 16
        stuck.kill()
        ended(stuck)
        code, rest, _ = ended(other)

    assert code == 0
    assert len(rest) == 4 + 1
    assert server.count == 24


def test_failures_of_every_kind_cost_no_other_case_its_answer(tmp_path: Path) -> None:
    broken = {
        "question 0": refusal(400, "bad"),
        "question 1": refusal(422, "worse"),
    }
    with Loopback(lambda seen: broken.get(seen.ask) or completion(seen.ask)) as server:
        code, lines, _ = ended(driver(server, tmp_path / "cache", 20, 4))

    assert code == 0
    assert sorted(lines[:-1]) == sorted([*map(str, range(2, 20)), "rejected", "rejected"])


def test_a_refused_key_is_one_line_and_exit_two(tmp_path: Path) -> None:
    with Loopback(lambda seen: refusal(401, "Incorrect API key provided")) as server:
        code, _, errors = ended(driver(server, tmp_path / "cache", 10_000, 8))

    assert code == 2
    assert errors.startswith("model 'm': ")
    assert errors.count("\n") == 1
    assert server.count <= 8
