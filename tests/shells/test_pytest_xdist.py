"""`pytest -n 4`: every answer is bought once, and nothing that was to be tested vanishes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.loopback import Loopback, refusal
from tests.shells.cli import numbered, replies
from tests.shells.plugin import PLUGIN, Session, apart, planted, recorded, served

XDIST = (*PLUGIN, "-p", "xdist.plugin")
ARMS = "base: base\ntuned: tuned"


def spread(where: Path, *arguments: str, processes: int = 4, **environment: str) -> Session:
    """`pytest -n 4`."""
    return apart(where, "-n", str(processes), *arguments, plugins=XDIST, **environment)


def bought(server: Loopback) -> Counter[tuple[object, str]]:
    """How often each question was asked of each model."""
    return Counter((seen.body["model"], seen.ask) for seen in server.seen)


def assert_nothing_is_left(where: Path) -> None:
    """No lock, and no list of runs."""
    assert list((where / ".evalharness").glob("pytest-*")) == []


def test_four_processes_that_start_cold_buy_every_answer_once_and_tell_what_one_would(tmp_path: Path) -> None:
    gated, plain = numbered(40, head=ARMS), numbered(20, head="tuned: tuned", gate="")
    planted(tmp_path, gated=gated, plain=plain.replace("made", "plain").replace("say it", "tell"))
    with Loopback() as server:
        served(tmp_path, server)
        done = spread(tmp_path, "--eval-report", "out.json", "--eval-update", "first", "--junitxml", "out.xml")
        first = bought(server)
        again = apart(tmp_path)

        assert bought(server) == first
    assert set(first.values()) == {1}
    assert len(first) == 2 * 40 + 20
    assert done.counts == again.counts == {"failed": 1, "passed": 60}
    assert done.told[:2] == again.told[:2]
    assert "  40 cases, 0 missed; 80 requests sent, 0 known before" in done.told
    assert [line.partition(":")[0] for line in done.told[-3:]] == ["accepted", "accepted", "report"]
    assert sorted(path.name for path in (tmp_path / "baselines").iterdir()) == ["made", "plain"]
    assert len(list((tmp_path / "baselines/made").iterdir())) == 1
    assert_nothing_is_left(tmp_path)


@pytest.mark.parametrize("cache", ["refresh", "off"])
def test_answers_that_are_not_to_be_reused_are_bought_once_a_session_whatever_an_earlier_one_left(
    tmp_path: Path, cache: str
) -> None:
    planted(tmp_path, made=numbered(20, head="tuned: tuned", gate="facts: {at_least: 0.1}"))
    (tmp_path / ".evalharness").mkdir()
    (tmp_path / ".evalharness/pytest-night.json").write_text(json.dumps({"refused": ["left over", 2]}))
    with Loopback() as server:
        served(tmp_path, server)
        more = ("--testrunuid", "night", "--dist", "worksteal")
        done = spread(tmp_path, "--eval-cache", cache, *more, processes=2)

        assert server.count == 20
    assert done.counts == {"passed": 21}
    assert_nothing_is_left(tmp_path)


def test_what_missed_and_what_failed_comes_through_as_in_one_process(tmp_path: Path) -> None:
    planted(tmp_path, made=numbered(100, head=ARMS))
    recorded(tmp_path, base=replies(100), tuned=replies(100, wrong=30))

    one, two = apart(tmp_path), spread(tmp_path, processes=2)

    failed = [done.out.partition("= FAILURES =")[2].partition("= evalharness =")[0] for done in (one, two)]
    bodies = [[line for line in text.splitlines() if line[:1] not in "=_["] for text in failed]
    assert one.counts == two.counts == {"failed": 1, "missed": 30, "passed": 70}
    assert one.told == two.told
    assert bodies[0] == bodies[1]
    assert bodies[0][0].startswith("facts regressed: 30 points lower")


def test_nothing_is_asked_after_a_collection_error(tmp_path: Path) -> None:
    planted(tmp_path, made=numbered(20, head="tuned: tuned"))
    (tmp_path / "suites/broken.yaml").write_text("suite: broken\n")
    with Loopback() as server:
        served(tmp_path, server)
        done = spread(tmp_path, processes=2)

        assert server.count == 0
    assert done.status != 0
    assert "suites/broken.yaml:1:1: " in done.out
    assert done.counts["error"] <= 3  # the broken file, and one item of each process


def test_what_cannot_be_asked_is_tried_once_and_ends_the_session(tmp_path: Path) -> None:
    planted(tmp_path, made=numbered(40, head="tuned: tuned"))
    with Loopback(lambda seen: refusal(401, "Incorrect API key provided")) as server:
        served(tmp_path, server, ", at_once = 2")
        done = spread(tmp_path, processes=2)

        assert server.count <= 2
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert done.counts.get("passed", 0) == 0
    assert done.counts["error"] <= 2
    assert "ERROR suites/made.yaml::c0 - model 'tuned': " in done.out
    assert_nothing_is_left(tmp_path)


KILLER = """\
import json, os, pathlib, signal, sys
question = json.load(sys.stdin)["messages"][-1]["content"]
with open("asked.txt", "a") as file:
    file.write(question + "\\n")
if question.startswith("n6:") and not os.path.exists("killed.txt"):
    pathlib.Path("killed.txt").write_text(str(os.getppid()))
    os.kill(os.getppid(), signal.SIGKILL)
print(question.partition(":")[0])
"""


def test_a_process_that_is_killed_while_it_asks_is_told_of_and_the_others_ask_what_is_missing(tmp_path: Path) -> None:
    planted(tmp_path, made=numbered(12, head="tuned: tuned", gate=""))
    (tmp_path / "answer.py").write_text(KILLER)
    (tmp_path / "evalharness.toml").write_text('[models]\ntuned = { use = "command:python answer.py", at_once = 1 }\n')

    done = spread(tmp_path, processes=2)

    asked = Counter((tmp_path / "asked.txt").read_text().splitlines())
    assert (tmp_path / "killed.txt").is_file()
    assert done.status == 1
    assert done.counts == {"failed": 1, "passed": 11}
    assert "crashed while running" in done.out
    assert asked == {f"n{number}: say it": 2 if number == 6 else 1 for number in range(12)}
    assert_nothing_is_left(tmp_path)
