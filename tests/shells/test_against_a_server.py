"""The whole command against a server on this machine that behaves, or does not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loopback import Loopback, Reply, Seen, completion, echo, refusal
from tests.shells.cli import ROOT, Done, evalharness, numbered, project

KEY = "sk-not-a-real-key-0123456789"


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key in the environment."""
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    return KEY


def arms(where: Path, url: str, more: str = "") -> None:
    """A config with two arms of the server."""
    lines = [
        f'{name} = {{ use = "openai:{name}", base_url = "{url}", api_key_env = "LOOPBACK_KEY"{more} }}'
        for name in ("base", "tuned")
    ]
    (where / "evalharness.toml").write_text("[models]\n" + "\n".join(lines) + "\n")


def compare(where: Path, *more: str) -> Done:
    return evalharness("compare", "made.yaml", "--base", "base", "--tuned", "tuned", *more, cwd=where)


def test_two_models_of_one_server_and_then_nothing_to_ask(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))
    with Loopback() as server:
        arms(tmp_path, server.url)
        first = compare(tmp_path, "--json")
        asked = server.count
        again = compare(tmp_path, "--json")

        assert (asked, server.count) == (160, 160)
    assert (first.status, again.status) == (0, 0)
    assert first.json["deltas"] == again.json["deltas"]


def test_a_known_answer_needs_neither_key_nor_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project(tmp_path, numbered(80))
    monkeypatch.setenv("LOOPBACK_KEY", KEY)
    with Loopback() as server:
        arms(tmp_path, server.url)
        compare(tmp_path)
    monkeypatch.delenv("LOOPBACK_KEY")

    assert compare(tmp_path).status == 0


def test_a_refused_key_ends_the_command_at_once_and_appears_nowhere(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(200))
    with Loopback(lambda seen: refusal(401, f"Incorrect API key provided: {seen.headers['authorization']}")) as server:
        arms(tmp_path, server.url)
        done = compare(tmp_path, "--at-once", "4")

        assert server.count <= 8  # at most four requests for each of two models
    assert done.status == 2
    assert "Traceback" not in done.err
    assert_nowhere(key, tmp_path, done)


def test_an_echoed_key_appears_in_no_file_and_no_output(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))
    with Loopback(lambda seen: completion(f"{seen.headers['authorization']} {seen.ask}")) as server:
        arms(tmp_path, server.url)
        done = compare(tmp_path, "-v", "--format", "html,markdown,json,csv")

    assert done.status == 0
    assert_nowhere(key, tmp_path, done)


def assert_nowhere(key: str, where: Path, done: Done) -> None:
    assert key not in done.out + done.err
    for path in where.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes(), path


def test_a_question_that_fails_for_good_is_missing_and_the_command_ends_with_3(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))

    def script(seen: Seen) -> Reply:
        return refusal(400, "no such thing") if seen.ask.startswith("n7:") else echo(seen)

    with Loopback(script) as server:
        arms(tmp_path, server.url)
        done = compare(tmp_path, "--json")

    deltas, left_out = done.json["deltas"], done.json["left_out"]
    assert isinstance(deltas, list)
    assert isinstance(left_out, list)
    assert done.status == 3
    assert (deltas[0]["cases"], deltas[0]["left_out"], deltas[0]["base"]) == (79, 1, 1.0)
    assert left_out[0]["case"] == "c7"


def test_running_again_asks_only_what_failed(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))
    broken = True

    def script(seen: Seen) -> Reply:
        return refusal(422, "not now") if broken and seen.ask.startswith("n7:") else echo(seen)

    with Loopback(script) as server:
        arms(tmp_path, server.url)
        compare(tmp_path)
        before, broken = server.count, False
        done = compare(tmp_path)

        assert server.count - before == 2
    assert done.status == 0


def test_truncated_and_filtered_and_empty_replies_are_told_apart(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))
    endings: dict[str, Callable[[Seen], Reply]] = {
        "n1:": lambda seen: completion(seen.ask, finish="length"),
        "n2:": lambda seen: completion("", finish="content_filter"),
        "n3:": lambda _: completion(""),
    }

    with Loopback(lambda seen: endings.get(seen.ask.partition(" ")[0], echo)(seen)) as server:
        arms(tmp_path, server.url)
        done = evalharness("run", "made.yaml", "--model", "base", "--json", cwd=tmp_path)

    levels = done.json["levels"]
    assert isinstance(levels, list)
    assert done.json["outcomes"] == {"answered": 77, "empty": 1, "filtered": 1, "truncated": 1}
    # the truncated reply names its number and still counts 0, the filtered one counts not at all
    assert (levels[0]["cases"], levels[0]["missing"], levels[0]["passed"]) == (79, 1, 77)


def test_a_budget_ends_the_spending_and_says_so(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80, head="params: {max_tokens: 8}"))
    with Loopback() as server:
        arms(tmp_path, server.url, ", price = { input = 1000.0, output = 1000.0 }")  # 12 tokens, 0.012 USD an answer
        done = compare(tmp_path, "--budget", "0.30", "--at-once", "2")

        assert 0 < server.count <= 27
    assert done.status == 3
    assert "budget" in done.out


def test_a_budget_without_a_price_is_refused(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))
    with Loopback() as server:
        arms(tmp_path, server.url)
        done = compare(tmp_path, "--budget", "1")

        assert server.count == 0
    assert done.status == 2
    assert "price" in done.err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_command_keeps_what_it_has_and_goes_on_later(
    number: signal.Signals, status: int, tmp_path: Path, key: str
) -> None:
    project(tmp_path, numbered(80))
    process: subprocess.Popen[str] | None = None

    def script(seen: Seen) -> Reply:
        if seen.number == 40 and process is not None:
            process.send_signal(number)
        return echo(seen)

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LOOPBACK_KEY": key}
    verb = [sys.executable, "-m", "evalharness.cli", "compare", "made.yaml", "--base", "base", "--tuned", "tuned"]
    with Loopback(script) as server:
        arms(tmp_path, server.url)
        process = subprocess.Popen(
            [*verb, "--at-once", "2"],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        out, err = process.communicate(timeout=60)
        asked = server.count
        process = None
        done = compare(tmp_path)

        assert server.count == 160
    assert status in (130, 143)
    assert 40 <= asked <= 44
    assert "INCOMPLETE" in out.upper()
    assert "next:   run the same command again" in out
    assert "Traceback" not in err
    assert done.status == 0


def test_a_run_that_was_cut_short_compares_as_incomplete(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))
    with Loopback() as server:
        arms(tmp_path, server.url)
        compare(tmp_path)
    runs = tmp_path / ".evalharness/runs/made"
    lines = (runs / "tuned.jsonl").read_text().splitlines(keepends=True)
    (runs / "cut.jsonl.part").write_text("".join(lines[:-10]))

    done = evalharness("compare", str(runs / "base.jsonl"), str(runs / "cut.jsonl.part"), "--json", cwd=tmp_path)

    verdict = done.json["verdict"]
    assert isinstance(verdict, dict)
    assert verdict["incomplete"]
    assert done.status == 3


def test_another_model_than_asked_for_is_warned_about(tmp_path: Path, key: str) -> None:
    project(tmp_path, numbered(80))
    with Loopback() as server:
        arms(tmp_path, server.url)
        done = compare(tmp_path, "--json")

    assert "'base' asked for base and was served loopback" in json.dumps(done.json["warnings"])
