from __future__ import annotations

import json
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from evalharness import engine, store
from evalharness.accepting import accept, review
from evalharness.config import load as load_config
from evalharness.errors import Faults
from evalharness.harness import Asked, Asking, Options, ask_each
from evalharness.records import Tally, Usage
from evalharness.sitting import Job, Stored, rows, run_path
from evalharness.suite import Suite, load
from tests.loopback import Loopback, Reply, Seen, completion, refusal
from tests.shells.cli import numbered, project, replies


def suite(where: Path, name: str, *asks: str) -> Suite:
    """A suite whose cases ask these, and expect them back."""
    path = where / f"{name}.yaml"
    cases = [f"  - {{id: c{place}, ask: {ask}, expect: {ask}}}" for place, ask in enumerate(asks)]
    path.write_text("\n".join([f"suite: {name}", "cases:", *cases]) + "\n")
    return load(path)


def served(where: Path, url: str, **prices: tuple[float, float] | None) -> None:
    """A config with an arm of the server for each name, with its price if it has one."""
    lines = ["[models]"]
    for name, price in prices.items():
        priced = f", price = {{ input = {price[0]}, output = {price[1]} }}" if price else ""
        lines.append(f'{name} = {{ use = "openai:{name}", base_url = "{url}"{priced} }}')
    (where / "evalharness.toml").write_text("\n".join(lines) + "\n")


def taken(asked: Asked) -> list[list[Tally]]:
    """What the run files say that each arm of each suite took, but for the time."""
    return [[_timeless(store.read(Path(arm.run.path)).tally) for arm in row] for row in asked.arms]


def _timeless(tally: Tally | None) -> Tally:
    assert tally is not None
    assert tally.seconds >= 0
    usd = None if tally.usd is None else round(tally.usd, 9)
    return Tally(tally.sent, tally.answered, tally.cached, tally.failed, tally.usage, usd)


def asking(where: Path, *suites: Suite, arms: Sequence[str], options: Options = Options()) -> Asked:  # noqa: B008 - a frozen value
    return ask_each([Asking(each, tuple(arms)) for each in suites], load_config(where), options)


# --- what each run file says that it took -----------------------------------------------------------------------------


def test_each_run_file_says_what_its_own_questions_took(tmp_path: Path) -> None:
    one, two = suite(tmp_path, "one", "a", "b", "c"), suite(tmp_path, "two", "d")
    with Loopback(lambda seen: completion(seen.ask, tokens=(100, 10))) as server:
        served(tmp_path, server.url, cheap=(1.0, 2.0), dear=(10.0, 20.0))
        asked = asking(tmp_path, one, two, arms=["cheap", "dear"])

    def took(answers: int, price: float) -> Tally:  # an answer is 100 tokens in and 10 out: 120 or 1,200 millionths
        usage = Usage(100 * answers, 10 * answers)
        return Tally(answers, answers, usage=usage, usd=round(answers * price, 9))

    assert taken(asked) == [[took(3, 0.00012), took(3, 0.0012)], [took(1, 0.00012), took(1, 0.0012)]]


def test_a_question_that_two_suites_ask_at_once_is_charged_to_one_and_known_to_the_other(tmp_path: Path) -> None:
    one, two = suite(tmp_path, "one", "same", "b"), suite(tmp_path, "two", "same", "d", "e")
    with Loopback(lambda seen: completion(seen.ask, tokens=(100, 10))) as server:
        served(tmp_path, server.url, m=(1.0, 2.0))
        asked = asking(tmp_path, one, two, arms=["m"])

        assert server.count == 4
    assert taken(asked) == [
        [Tally(2, 2, 0, usage=Usage(200, 20), usd=0.00024)],
        [Tally(2, 3, 1, usage=Usage(200, 20), usd=0.00024)],
    ]


def test_what_is_known_is_charged_to_nobody(tmp_path: Path) -> None:
    one, two = suite(tmp_path, "one", "a", "b"), suite(tmp_path, "two", "d")
    with Loopback(lambda seen: completion(seen.ask)) as server:
        served(tmp_path, server.url, m=(1.0, 2.0))
        asking(tmp_path, one, arms=["m"])
        asked = asking(tmp_path, one, two, arms=["m"])

        assert server.count == 3
    assert taken(asked) == [
        [Tally(0, 2, 2, usd=0.0)],
        [Tally(1, 1, 0, usage=Usage(8, 4), usd=16e-6)],
    ]


def test_a_model_without_a_price_leaves_the_cost_of_its_own_runs_unknown(tmp_path: Path) -> None:
    one = suite(tmp_path, "one", "a")
    with Loopback() as server:
        served(tmp_path, server.url, priced=(1.0, 2.0), free=None)
        asked = asking(tmp_path, one, arms=["priced", "free"])

    assert [arm.run.tally and arm.run.tally.usd for arm in asked.arms[0]] == [pytest.approx(16e-6), None]


def test_failures_and_tries_are_counted_where_they_were_met(tmp_path: Path) -> None:
    one, two = suite(tmp_path, "one", "a", "bad"), suite(tmp_path, "two", "again")
    tries: dict[str, int] = {}

    def script(seen: Seen) -> Reply:
        tries[seen.ask] = tries.get(seen.ask, 0) + 1
        if seen.ask == "bad":
            return refusal(400, "no")
        if seen.ask == "again" and tries["again"] == 1:
            return refusal(429, "wait", {"retry-after": "0"})
        return completion(seen.ask)

    with Loopback(script) as server:
        served(tmp_path, server.url, m=None)
        asked = asking(tmp_path, one, two, arms=["m"])

    counts = [(tally.sent, tally.answered, tally.failed) for row in taken(asked) for tally in row]
    assert counts == [(2, 1, 1), (2, 1, 0)]


# --- an interrupt in the middle ---------------------------------------------------------------------------------------


def interrupting(number: int) -> Loopback:
    """A server at whose request `number` this process gets Ctrl-C."""
    main = threading.main_thread().ident
    assert main is not None

    def script(seen: Seen) -> Reply:
        if seen.number == number:
            signal.pthread_kill(main, signal.SIGINT)
        return completion(seen.ask)

    return Loopback(script)


def test_an_interrupt_keeps_suites_that_are_whole_and_leaves_out_those_not_begun(tmp_path: Path) -> None:
    suites = [suite(tmp_path, name, *(f"{name}{n}" for n in range(3))) for name in ("one", "two", "three")]
    one_by_one = Options(at_once=1)
    with interrupting(5) as server:
        served(tmp_path, server.url, m=None)
        asked = asking(tmp_path, *suites, arms=["m"], options=one_by_one)
        sent = server.count
        paths = [run_path(load_config(tmp_path), each.name, "m") for each in suites]
        there = [path.is_file() for path in paths]
        part = len(store.read(paths[1].with_name("m.jsonl.part")).trials)
        again = asking(tmp_path, *suites, arms=["m"], options=one_by_one)

        assert server.count == len({seen.ask for seen in server.seen}) == 9
    assert asked.interrupted is not None
    assert asked.interrupted.exit_code == 130
    assert [(arm.run.suite.name, len(arm.run.trials), arm.run.tally is None) for (arm,) in asked.arms] == [
        ("one", 3, False),
        ("two", sent - 3, True),
    ]
    assert (there, part) == ([True, False, False], sent - 3)
    assert [len(arm.run.trials) for (arm,) in again.arms] == [3, 3, 3]


def test_an_interrupt_before_the_first_talk_has_ended_is_said_and_compares_nothing(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text("suite: one\ncases:\n  - id: a\n    turns: [{ask: a}, {ask: b, expect: b}]\n")
    with interrupting(1) as server:
        served(tmp_path, server.url, m=None)
        with pytest.raises(engine.Interrupted) as stopped:
            asking(tmp_path, load(path), arms=["m"])

        assert server.count == 1
    assert stopped.value.exit_code == 130
    assert str(stopped.value) == "interrupted\n  hint: what was answered is kept; run again to ask only what is missing"


# --- names ------------------------------------------------------------------------------------------------------------


def accepted(where: Path, *names: str) -> Suite:
    """A suite of four cases, and snapshots of arm `base` under these names."""
    made = load(project(where, numbered(4), base=replies(4), tuned=replies(4, wrong=1)))
    config = load_config(where)
    for name in names:
        (arm,) = ask_each([Asking(made, ("base",))], config).arms[0]
        accept(review(Path(arm.run.path), config), name, "a reason", config)
    return made


def kinds(where: Path, made: Suite, *names: str) -> list[tuple[str, str]]:
    """What each name stands for."""
    (row,) = rows([Asking(made, names)], load_config(where))
    return [("snapshot", arm.filed.name) if isinstance(arm, Stored) else ("model", arm.plan.model.use) for arm in row]


def refused(where: Path, made: Suite, *names: str) -> str:
    with pytest.raises(Faults) as error:
        rows([Asking(made, names)], load_config(where))
    return str(error.value)


def test_a_snapshot_stands_where_a_model_does_by_each_of_its_names(tmp_path: Path) -> None:
    made = accepted(tmp_path, "one", "two")

    assert kinds(tmp_path, made, "base", "baseline", "reference") == [
        ("model", "replay:base.jsonl"),
        ("snapshot", "two"),
        ("snapshot", "one"),
    ]
    assert kinds(tmp_path, made, "one", "two", "replay:tuned.jsonl")[:2] == [("snapshot", "one"), ("snapshot", "two")]


def test_a_model_of_the_config_comes_before_a_snapshot_of_its_name(tmp_path: Path) -> None:
    made = accepted(tmp_path, "later")
    config = tmp_path / "evalharness.toml"
    config.write_text(config.read_text() + 'later = { use = "replay:tuned.jsonl" }\n')

    assert kinds(tmp_path, made, "later") == [("model", "replay:tuned.jsonl")]


def test_models_are_found_though_a_strange_file_lies_among_the_baselines(tmp_path: Path) -> None:
    made = accepted(tmp_path, "one")
    (tmp_path / "baselines/made/x.jsonl").write_text("strange")

    assert kinds(tmp_path, made, "base", "replay:tuned.jsonl") == [
        ("model", "replay:base.jsonl"),
        ("model", "replay:tuned.jsonl"),
    ]


def test_an_unknown_name_is_met_with_the_nearest_model_or_snapshot(tmp_path: Path) -> None:
    made = accepted(tmp_path, "tuned-2026")

    assert refused(tmp_path, made, "tuned-2025") == (
        "suite 'made': there is no model or snapshot 'tuned-2025'\n  hint: did you mean 'tuned-2026'?"
    )
    assert "did you mean 'baseline'?" in refused(tmp_path, made, "basline")
    assert "did you mean 'tuned'?" in refused(tmp_path, made, "tunned")


def test_a_baseline_where_none_was_accepted_says_how_to_get_one(tmp_path: Path) -> None:
    assert refused(tmp_path, accepted(tmp_path), "baseline") == (
        "suite 'made': there is no baseline yet\n  hint: accept a run of it first: `evalharness accept RUN -m WHY`"
    )


def test_one_snapshot_by_two_of_its_names_is_a_mistake(tmp_path: Path) -> None:
    made = accepted(tmp_path, "one")

    assert refused(tmp_path, made, "baseline", "reference") == (
        "suite 'made': snapshot 'one' is named twice\n  hint: `baseline` and `reference` stand for snapshots too"
    )


def test_every_fault_of_every_suite_is_told_at_once(tmp_path: Path) -> None:
    made, other = accepted(tmp_path, "one"), suite(tmp_path, "other", "a")

    with pytest.raises(Faults) as error:
        rows([Asking(made, ("nix", "one")), Asking(other, ("one", "baseline"))], load_config(tmp_path))

    assert [fault.what for fault in error.value.faults] == [
        "there is no model or snapshot 'nix'",
        "there is no model 'one'",
        "there is no baseline yet",
    ]


def test_a_snapshot_is_not_asked_and_writes_no_run(tmp_path: Path) -> None:
    made = accepted(tmp_path, "one")
    (tmp_path / "base.jsonl").unlink()
    before = sorted(tmp_path.rglob("*"))

    ((arm,),) = ask_each([Asking(made, ("baseline",))], load_config(tmp_path)).arms

    assert (arm.run.model.name, len(arm.run.trials)) == ("one", 4)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_arm_is_one_though_several_suites_ask_it(tmp_path: Path) -> None:
    made, other = accepted(tmp_path), suite(tmp_path, "other", "n0", "n1")
    (tmp_path / "base.jsonl").write_text(json.dumps({"case": "c0", "text": "n0"}) + "\n")

    with pytest.raises(Faults) as error:
        rows([Asking(made, ("base",)), Asking(other, ("base",))], load_config(tmp_path))

    assert [fault.what.partition(":")[0] for fault in error.value.faults] == ["model 'base'", "model 'base'"]
    found = rows([Asking(made, ("right",)), Asking(other, ("right",))], load_config(tmp_path))
    assert len({id(arm.model) for row in found for arm in row if isinstance(arm, Job)}) == 1
