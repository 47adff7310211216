"""Duels asked for whole: two recorded arms, and a judge behind a server on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evalharness.config import load as load_config
from evalharness.duelfile import read
from evalharness.findings import Comparison
from evalharness.harness import aask, ask, compare_asked, load_suite
from evalharness.records import Message, ModelRef, Request
from evalharness.reports.json import load
from tests.loopback import Loopback, Reply, Seen, completion, refusal
from tests.scorers.judges import material, verdict
from tests.shells.cli import Done, evalharness, numbered, project, replies
from tests.shells.plugin import PLUGIN, apart, here

pytest_plugins = ["pytester"]

CASES = 12
HEAD = "prefer: the longer reply"
GATE = "preference: {win_at_least: 0.6}"


def longer(seen: Seen) -> Reply:
    """A judge that prefers the longer reply."""
    messages = seen.body["messages"]
    assert isinstance(messages, list)
    asked = Request(ModelRef("judge", ""), tuple(Message("user", each["content"]) for each in messages))
    first, second = (material(asked, f"reply {letter}") for letter in "AB")
    word = "A" if len(first) > len(second) else "B" if len(second) > len(first) else "tie"
    return completion(verdict(asked, word).text)


@contextmanager
def judged(
    where: Path, judge: Callable[[Seen], Reply] = longer, head: str = HEAD, gate: str = GATE
) -> Iterator[Loopback]:
    """A project in which tuned says more in every case but the first, where both say the same."""
    more = {case: f"{text}, and gladly so" if case != "c0" else text for case, text in replies(CASES).items()}
    project(where, numbered(CASES, head=head, gate=gate), base=replies(CASES), tuned=more)
    with Loopback(judge) as server:
        config = where / "evalharness.toml"
        line = f'judge = {{ use = "openai:claude-x", base_url = "{server.url}", server = "here" }}\n'
        config.write_text(config.read_text() + line)
        yield server


def compared(where: Path, *more: str) -> Done:
    return evalharness("compare", "made.yaml", "--base", "base", "--tuned", "tuned", *more, cwd=where)


def told(done: Done) -> Comparison:
    return load(done.out).comparisons[0]


def test_a_comparison_has_its_replies_judged_in_both_orders(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        done = compared(tmp_path, "--json")

    # 11 wins and a tie that nobody was asked: W 23 / 24; T by method section 2, exact p 2 / 2 ** 11
    assert (done.status, server.count) == (0, 22)
    found = told(done)
    assert found.rulings[0].outcome == "IMPROVED"
    assert found.rulings[0].sentence.startswith("preference reached: tuned wins 95.8 %")
    assert found.duels is not None
    assert (found.duels.total.wins, found.duels.total.ties, found.duels.same) == (11, 1, 1)
    assert found.duels.total.p == pytest.approx(2 / 2**11)


def test_the_file_of_duels_says_who_was_judged_by_whom_and_ends_with_what_it_took(tmp_path: Path) -> None:
    with judged(tmp_path):
        compared(tmp_path)

    run = read(tmp_path / ".evalharness/runs/made/base-vs-tuned.duels.jsonl")
    assert (run.base.name, run.tuned.name, run.prefer) == ("base", "tuned", ("the longer reply",))
    assert [(duel.case, duel.winner) for duel in run.duels[:2]] == [("c0", "tie"), ("c1", "tuned")]
    assert len(run.duels) == CASES
    assert run.tally is not None
    ((name, tally),) = run.tally
    assert (name, tally.sent, tally.answered) == ("judge", 22, 22)


def test_the_same_command_again_sends_nothing_and_says_the_same(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        first = compared(tmp_path, "--json")
        asked = server.count
        again = compared(tmp_path, "--json")

    assert server.count == asked == 22
    assert again.json["rulings"] == first.json["rulings"]
    assert again.json["deltas"] == first.json["deltas"]


def test_stored_runs_are_compared_with_the_duels_beside_them(tmp_path: Path) -> None:
    runs = [f".evalharness/runs/made/{name}.jsonl" for name in ("base", "tuned")]
    with judged(tmp_path) as server:
        first = compared(tmp_path, "--json")
        asked = server.count
        stored = evalharness("compare", *runs, "--json", cwd=tmp_path)

    assert server.count == asked
    assert stored.json["rulings"] == first.json["rulings"]


def test_duels_about_other_replies_are_not_used(tmp_path: Path) -> None:
    runs = [f".evalharness/runs/made/{name}.jsonl" for name in ("base", "tuned")]
    with judged(tmp_path):
        compared(tmp_path)
        path = tmp_path / runs[1]
        path.write_text(path.read_text().replace("gladly", "sadly"))

        stored = evalharness("compare", *runs, "--json", cwd=tmp_path)

    assert told(stored).rulings[0].sentence == "preference undecided: no duel was judged"
    assert any("base-vs-tuned.duels.jsonl is about other replies" in each for each in told(stored).warnings)


def test_a_run_that_was_judged_and_then_accepted_or_renamed_keeps_its_duels(tmp_path: Path) -> None:
    folder = tmp_path / ".evalharness/runs/made"
    with judged(tmp_path) as server:
        compared(tmp_path)
        for name in ("base", "tuned"):
            run = f".evalharness/runs/made/{name}.jsonl"
            evalharness("accept", run, "-m", "why", "--as", f"{name}-1", cwd=tmp_path)
        history = evalharness("history", "made", cwd=tmp_path)
        (folder / "tuned.jsonl").rename(folder / "other.jsonl")
        (folder / "x-vs-y.duels.jsonl").write_text("damaged")
        paths = [f".evalharness/runs/made/{name}.jsonl" for name in ("base", "other")]
        stored = evalharness("compare", *paths, "--json", cwd=tmp_path)

    assert told(stored).rulings[0].outcome == "IMPROVED"
    assert "preference reached: tuned wins 95.8 %" in history.out
    assert server.count == 22


def test_a_judge_that_is_not_there_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with judged(tmp_path, head=f"{HEAD}\nby: [judge, jugde]") as server:
        done = compared(tmp_path)

    assert (done.status, server.count) == (2, 0)
    assert done.err == (
        "made.yaml: `prefer` asks the model 'jugde', and there is none of that name\n  hint: did you mean 'judge'?\n"
    )
    assert not (tmp_path / ".evalharness").exists()


def test_a_judge_that_is_an_arm_is_refused_unless_the_suite_allows_it(tmp_path: Path) -> None:
    with judged(tmp_path, head=f"{HEAD}\nby: tuned"):
        done = compared(tmp_path)

    assert done.status == 2
    assert "made.yaml: `prefer` would have 'tuned' judge its own replies ('tuned' is replay:tuned.jsonl)" in done.err
    assert "self_judging: allow" in done.err


def test_a_budget_wants_the_price_of_the_judge_before_anything_is_asked(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        done = compared(tmp_path, "--budget", "1")

    assert (done.status, server.count) == (2, 0)
    assert "needs to know what model 'judge' costs" in done.err
    assert not (tmp_path / ".evalharness").exists()


def test_another_model_may_play_the_judge(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        config = tmp_path / "evalharness.toml"
        config.write_text(config.read_text().replace("\njudge = ", "\nother = "))

        assert compared(tmp_path).status == 2
        assert compared(tmp_path, "--judge", "other").status == 0
    assert server.count == 22


def test_questions_that_a_judge_refuses_leave_duels_missing_and_the_comparison_incomplete(tmp_path: Path) -> None:
    def refuses(seen: Seen) -> Reply:
        return refusal(400, "too long") if "n3" in seen.ask else longer(seen)

    with judged(tmp_path, refuses):
        done = compared(tmp_path, "--json")

    assert done.status == 3
    found = told(done).duels
    assert found is not None
    assert found.missing == (("no answer (rejected: status 400: too long)", 1),)


def test_an_interrupt_keeps_the_duels_there_are_and_the_next_command_goes_on(tmp_path: Path) -> None:
    def interrupts(seen: Seen) -> Reply:
        if seen.number == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return longer(seen)

    with judged(tmp_path, interrupts) as server:
        config = tmp_path / "evalharness.toml"
        config.write_text(config.read_text().replace('server = "here"', 'server = "here", at_once = 2'))
        first = compared(tmp_path)
        before = server.count
        kept = read(tmp_path / ".evalharness/runs/made/base-vs-tuned.duels.jsonl.part")

        second = compared(tmp_path)

    assert first.status == 130
    assert 6 <= before < 22
    assert 0 < len(kept.duels) < CASES
    assert kept.tally is None
    assert (second.status, server.count) == (0, 22)


def test_a_suite_that_is_only_run_has_no_duels(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        done = evalharness("run", "made.yaml", "--model", "tuned", cwd=tmp_path)

    assert (done.status, server.count) == (0, 0)


def test_the_arm_between_two_tunes_is_not_judged(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        done = compared(tmp_path, "--via", "replay:base.jsonl")

    assert (done.status, server.count) == (0, 22)


def test_a_callers_event_loop_gives_the_same(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        suites, config = [load_suite(tmp_path / "made.yaml")], load_config(tmp_path)
        first = compare_asked(ask(suites, ["base", "tuned"], config))

        again = compare_asked(asyncio.run(aask(suites, ["base", "tuned"], config)))

    assert again.comparisons[0].rulings == first.comparisons[0].rulings
    assert server.count == 22


def test_the_terminal_shows_the_duels_beside_the_verdict(tmp_path: Path) -> None:
    with judged(tmp_path):
        out = compared(tmp_path).out

    for piece in ("the longer reply", "win rate", "first shown", "at equal length", "95.8"):
        assert piece in out


def test_a_plan_counts_what_judges_will_be_asked(tmp_path: Path) -> None:
    with judged(tmp_path) as server:
        done = evalharness("plan", "made.yaml", "--model", "base", "--model", "tuned", cwd=tmp_path)

    assert (done.status, server.count) == (0, 0)
    assert "made asked of judge, duels of tuned: 24 requests" in done.out


def test_a_plan_knows_which_verdicts_are_there(tmp_path: Path) -> None:
    with judged(tmp_path):
        compared(tmp_path)

        done = evalharness("plan", "made.yaml", "--model", "base", "--model", "tuned", cwd=tmp_path)

    assert "made asked of judge, duels of tuned: 22 requests, 22 known, 0 to send" in done.out


# --- pytest -----------------------------------------------------------------------------------------------------------


@contextmanager
def suite_of(where: Path) -> Iterator[Loopback]:
    """The same project as pytest wants it."""
    with judged(where, head=f"{HEAD}\ntuned: tuned") as server:
        (where / "pytest.ini").write_text("[pytest]\n")
        (where / "suites").mkdir()
        (where / "made.yaml").rename(where / "suites/made.yaml")
        yield server


@pytest.mark.usefixtures("loaded")
def test_a_preference_is_a_gate_of_pytest_where_there_is_a_base(pytester: pytest.Pytester) -> None:
    with suite_of(pytester.path) as server:
        alone = here(pytester)
        before = server.count
        beside = here(pytester, "--eval-base", "base")

    assert (alone.status, before) == (1, 0)
    assert "preference undecided: no base to compare with" in alone.out
    assert (beside.status, beside.counts, server.count) == (0, {"passed": CASES + 1}, 22)


@pytest.mark.usefixtures("loaded")
def test_a_case_that_is_picked_alone_is_not_judged(pytester: pytest.Pytester) -> None:
    with suite_of(pytester.path) as server:
        done = here(pytester, "--eval-base", "base", "suites/made.yaml::c3")

    assert (done.status, server.count) == (0, 0)


@pytest.mark.nightly
def test_processes_that_share_a_session_share_its_duels(tmp_path: Path) -> None:
    with suite_of(tmp_path) as server:
        done = apart(tmp_path, "-n", "2", "--eval-base", "base", plugins=(*PLUGIN, "-p", "xdist.plugin"))

    assert (done.status, done.counts, server.count) == (0, {"passed": CASES + 1}, 22)


def test_a_judge_without_a_key_is_told_before_replies_are_bought_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KEY_OF_THE_JUDGE", raising=False)
    with judged(tmp_path) as server:
        config = tmp_path / "evalharness.toml"
        keyed = config.read_text().replace('"openai:claude-x"', '"openai:claude-x", api_key_env = "KEY_OF_THE_JUDGE"')
        config.write_text(f'{keyed}live = {{ use = "openai:live", base_url = "{server.url}" }}\n')
        done = evalharness("compare", "made.yaml", "--base", "live", "--tuned", "tuned", cwd=tmp_path)

        assert server.count == 0
    assert done.status == 2
    assert done.err.startswith("evalharness.toml: models.judge: the variable KEY_OF_THE_JUDGE is not set")
