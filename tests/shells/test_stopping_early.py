"""`compare --stop early`: cases in a drawn order, a look after each batch, and intervals that hold at every look."""

from __future__ import annotations

import json
import math
import signal
import threading
from pathlib import Path

import pytest

from evalharness import store
from tests.loopback import Loopback, Reply, Seen, completion, refusal
from tests.shells.cli import Done, evalharness, numbered, project, replies

EARLY = ("compare", "made.yaml", "--base", "base", "--tuned", "tuned", "--stop", "early")


def compared(where: Path, *more: str) -> Done:
    return evalharness(*EARLY, "--format", "terminal", *more, cwd=where)


def runs(where: Path) -> list[Path]:
    return [where / f".evalharness/runs/made/{arm}-early.jsonl" for arm in ("base", "tuned")]


def first_held(cases: int, batch: int, margin: float) -> int:
    """The first look at which no difference at all bounds the loss by the margin; by the formula of the method."""
    rho2 = (-2 * math.log(0.05) + math.log(1 - 2 * math.log(0.05))) / (cases / 2)
    for n in range(batch, cases + batch, batch):
        spread = n * rho2 + 1
        s = math.sqrt(3.841459 / (n + 3.841459))
        if n >= 30 and s * math.sqrt(2 * spread / (n * n * rho2) * math.log(math.sqrt(spread) / 0.05)) < margin:
            return n
    return cases


def test_a_tune_that_changes_nothing_is_held_before_all_cases_are_asked(tmp_path: Path) -> None:
    project(tmp_path, numbered(200, gate="facts: {drop_at_most: 0.10}"), base=replies(200), tuned=replies(200))

    done = compared(tmp_path)

    asked = first_held(200, 10, 0.10)
    assert asked < 100
    assert done.status == 0, done.err
    assert f"(anytime-valid interval after {asked} of 200 cases)" in " ".join(done.out.split())
    base, tuned = (store.read(path) for path in runs(tmp_path))
    assert len(base.trials) == len(tuned.trials) == len(base.cases) == asked
    assert base.tally is not None
    assert [asked.case for asked in base.cases] == [asked.case for asked in tuned.cases]
    assert [asked.case for asked in base.cases] != [f"c{number}" for number in range(asked)]


def test_a_tune_that_collapsed_is_told_after_the_first_look(tmp_path: Path) -> None:
    project(tmp_path, numbered(200), base=replies(200), tuned=replies(200, wrong=200))

    done = compared(tmp_path)

    # By Q1 eight losses and no gain are evidence of 50; a batch is ten cases.
    assert done.status == 1
    assert "asking ended after 10 of 200 cases" in " ".join(done.out.split())


def test_where_no_look_decides_all_cases_are_asked_and_the_interval_is_still_that_of_many_looks(tmp_path: Path) -> None:
    project(tmp_path, numbered(40), base=replies(40), tuned=replies(40))

    done = compared(tmp_path)

    text = " ".join(done.out.split())
    assert done.status == 4
    assert "no look ended it: all 40 cases were asked" in text
    assert "(anytime-valid interval after 40 of 40 cases)" in text
    assert "looked at on the way, would decide" in text


def test_stored_runs_that_stopped_early_are_compared_as_such(tmp_path: Path) -> None:
    project(tmp_path, numbered(200, gate="facts: {drop_at_most: 0.10}"), base=replies(200), tuned=replies(200, wrong=3))
    evalharness("run", "made.yaml", "--model", "base", cwd=tmp_path)
    first = compared(tmp_path, "--json").json
    base, tuned = map(str, runs(tmp_path))

    again = evalharness("compare", base, tuned, "--format", "terminal", "--json", cwd=tmp_path).json
    whole = str(tmp_path / ".evalharness/runs/made/base.jsonl")
    mixed = evalharness("compare", whole, tuned, "--format", "terminal", "--json", cwd=tmp_path).json
    back = evalharness("compare", tuned, whole, "--format", "terminal", "--json", cwd=tmp_path).json

    bounds = [(delta(each)["interval"], delta(each)["low"], delta(each)["high"]) for each in (first, again, mixed)]
    assert bounds[0][0] == "AV"
    assert bounds[0] == bounds[1] == bounds[2]
    assert delta(back)["interval"] == "AV"
    assert mixed["left_out"] == back["left_out"] == []


def delta(panel: dict[str, object]) -> dict[str, object]:
    deltas = panel["deltas"]
    assert isinstance(deltas, list)
    found = deltas[0]
    assert isinstance(found, dict)
    return found


def test_asked_again_it_sends_nothing_and_ends_at_the_same_place(tmp_path: Path) -> None:
    with Loopback(lambda seen: completion(seen.ask.partition(":")[0])) as server:
        project(tmp_path, numbered(200, gate="facts: {drop_at_most: 0.10}"))
        lines = [f'{arm} = {{ use = "openai:{arm}", base_url = "{server.url}" }}' for arm in ("base", "tuned")]
        (tmp_path / "evalharness.toml").write_text("\n".join(["[models]", *lines]) + "\n")
        compared(tmp_path)
        sent, first = server.count, [trials(path) for path in runs(tmp_path)]

        compared(tmp_path)

        assert sent == 2 * first_held(200, 10, 0.10)
        assert server.count == sent
        assert [trials(path) for path in runs(tmp_path)] == first


def test_a_model_that_is_gone_ends_the_suite_and_the_other_is_asked_no_more(tmp_path: Path) -> None:
    def script(seen: Seen) -> Reply:
        return refusal(404) if seen.body["model"] == "tuned" else completion(seen.ask.partition(":")[0])

    with Loopback(script) as server:
        project(tmp_path, numbered(200))
        lines = [f'{arm} = {{ use = "openai:{arm}", base_url = "{server.url}" }}' for arm in ("base", "tuned")]
        (tmp_path / "evalharness.toml").write_text("\n".join(["[models]", *lines]) + "\n")

        done = compared(tmp_path)

        assert done.status == 3
        assert sum(seen.body["model"] == "base" for seen in server.seen) == 10


def test_an_interrupt_keeps_what_was_asked_and_the_next_command_goes_on(tmp_path: Path) -> None:
    main = threading.main_thread().ident
    assert main is not None

    def script(seen: Seen) -> Reply:
        if seen.number == 45:  # within the third batch of two arms
            signal.pthread_kill(main, signal.SIGINT)
        return completion(seen.ask.partition(":")[0])

    with Loopback(script) as server:
        project(tmp_path, numbered(200, gate="facts: {drop_at_most: 0.10}"))
        lines = [f'{arm} = {{ use = "openai:{arm}", base_url = "{server.url}" }}' for arm in ("base", "tuned")]
        (tmp_path / "evalharness.toml").write_text("\n".join(["[models]", *lines]) + "\n")
        first = compared(tmp_path, "--at-once", "1")
        parts = [store.read(path.with_name(f"{path.name}.part")) for path in runs(tmp_path)]
        second = compared(tmp_path)

        assert (first.status, second.status) == (130, 0)
        assert [len(part.cases) for part in parts] == [30, 30]
        assert 40 <= sum(len(part.trials) for part in parts) < 60
        assert server.count == 2 * first_held(200, 10, 0.10)


def trials(path: Path) -> list[bytes]:
    """The lines of a run file but for the first and the last, which tell when it began and what it took."""
    return path.read_bytes().splitlines()[1:-1]


def test_cases_of_a_group_are_asked_together_and_count_once(tmp_path: Path) -> None:
    lines = ["suite: made", "cases:"]
    for number in range(160):
        group = f"g{number % 80}"
        lines += [f"  - {{id: c{number}, ask: 'n{number}: say it', expect: n{number}, group: {group}}}"]
    text = "\n".join([*lines, "gate: {facts: {drop_at_most: 0.15}}"]) + "\n"
    project(tmp_path, text, base=replies(160), tuned=replies(160))

    done = compared(tmp_path)

    (base, _) = (store.read(path) for path in runs(tmp_path))
    groups = [asked.group for asked in base.cases]
    assert done.status == 0
    assert len(groups) == 2 * len(set(groups)) < 160
    assert groups[::2] == groups[1::2]
    assert f"after {len(set(groups))} of 80 groups of cases" in " ".join(done.out.split())


def test_another_seed_draws_another_order(tmp_path: Path) -> None:
    project(tmp_path, numbered(60), base=replies(60), tuned=replies(60))
    orders = []
    for seed in ("0", "0", "1"):
        compared(tmp_path, "--seed", seed)
        orders.append([asked.case for asked in store.read(runs(tmp_path)[0]).cases])

    assert orders[0] == orders[1] != orders[2]
    assert set(orders[0]) == set(orders[2])


def test_suites_of_one_command_end_each_at_its_own_place(tmp_path: Path) -> None:
    project(tmp_path, numbered(200), base=replies(200), tuned=replies(200, wrong=200))
    (tmp_path / "other.yaml").write_text(numbered(60).replace("suite: made", "suite: other"))

    evalharness("compare", "made.yaml", "other.yaml", *EARLY[2:], "--format", "terminal", cwd=tmp_path)

    ended = {name: store.read(tmp_path / f".evalharness/runs/{name}/tuned-early.jsonl") for name in ("made", "other")}
    assert {name: len(run.trials) for name, run in ended.items()} == {"made": 10, "other": 10}


def test_a_snapshot_is_compared_on_the_cases_that_were_asked(tmp_path: Path) -> None:
    project(tmp_path, numbered(200, gate="facts: {drop_at_most: 0.10}"), base=replies(200), tuned=replies(200))
    evalharness("run", "made.yaml", "--model", "base", cwd=tmp_path)
    evalharness("accept", ".evalharness/runs/made/base.jsonl", "-m", "first", "--as", "v1", cwd=tmp_path)

    arguments = ("compare", "made.yaml", "--base", "v1", "--tuned", "tuned", "--stop", "early", "--format", "terminal")
    done = evalharness(*arguments, "--json", cwd=tmp_path)

    assert done.status == 0, done.err
    assert delta(done.json)["cases"] == first_held(200, 10, 0.10)
    assert done.json["left_out"] == []


def test_a_run_that_stopped_early_is_no_baseline_and_no_part_of_another(tmp_path: Path) -> None:
    project(tmp_path, numbered(60), base=replies(60), tuned=replies(60))
    compared(tmp_path)
    path = ".evalharness/runs/made/tuned-early.jsonl"

    accepted = evalharness("accept", path, "-m", "no", "--as", "v1", cwd=tmp_path)
    merged = evalharness("merge", path, path, "-o", "both.jsonl", cwd=tmp_path)

    assert accepted.status == merged.status == 2
    assert "how much of this run was asked was decided by looking at it, so it is no baseline" in accepted.err
    assert "this run ended where a look decided it, so it is no part of another" in merged.err


@pytest.mark.parametrize(
    ("head", "cases", "more", "what"),
    [
        ("", 29, (), "it has 29 cases, and before 30 nothing can be called held on the way"),
        ("scope: suite\nsamples: 2", 60, (), "with `scope: suite` every case counts, so none can be left unasked"),
        ("", 60, ("--case", "c1"), "a selection of the cases decides nothing, so it cannot be decided early"),
        ("samples: {min: 1, max: 3}", 60, (), "(1 to 3 of a case), and `--stop early` cases"),
        ("prefer: It is brief.", 60, ("--judge", "right"), "duels (`prefer`) are judged when all replies are there"),
        ("", 60, ("--via", "right"), "--stop early: the arm of --via is not judged"),
    ],
    ids=["few", "scope", "selection", "samples", "prefer", "via"],
)
def test_what_cannot_be_decided_early_is_refused(
    head: str, cases: int, more: tuple[str, ...], what: str, tmp_path: Path
) -> None:
    project(tmp_path, numbered(cases, head=head), base=replies(cases), tuned=replies(cases))

    done = compared(tmp_path, *more)

    assert done.status == 2
    assert what in done.err


def test_cases_that_must_pass_are_not_left_unasked(tmp_path: Path) -> None:
    text = numbered(60).replace("    expect: n7\n", "    expect: n7\n    must_pass: true\n")
    project(tmp_path, text, base=replies(60), tuned=replies(60))

    done = compared(tmp_path)

    assert done.status == 2
    assert "it has cases that must pass, and one that is not asked was not checked" in done.err


def test_stored_runs_ask_nothing_that_could_stop(tmp_path: Path) -> None:
    done = evalharness("compare", "a.jsonl", "b.jsonl", "--stop", "early", cwd=tmp_path)

    assert done.status == 2
    assert "nothing is asked of stored runs" in done.err


def test_every_report_says_that_the_interval_holds_at_every_look(tmp_path: Path) -> None:
    project(tmp_path, numbered(60), base=replies(60), tuned=replies(60))

    formats = "html,markdown,json,csv,junit,github,release-notes"
    evalharness(*EARLY, "--seed", "2", "--format", formats, "-o", "out", cwd=tmp_path)

    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert len(files) == 7
    assert {path.name for path in files if b"anytime-valid" not in path.read_bytes()} <= {"junit.xml", "cases.csv"}
    (found,) = [path for path in files if path.name == "comparison.json"]
    again = evalharness("report", str(found), "--format", "markdown", "-o", "-", cwd=tmp_path)
    assert "## Looked at on the way" in again.out
    (notes,) = [path for path in files if path.name == "release-notes.md"]
    assert "--stop early --seed 2" in notes.read_text()
    assert json.loads(found.read_text())["looked"][0].startswith("no look ended it: all 60 cases were asked")
