from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from evalharness import snapshots, store
from evalharness.records import Payload
from tests.loopback import Loopback
from tests.shells.cli import ROOT, Done, evalharness, numbered, project, replies

RUN = ".evalharness/runs/made/base.jsonl"


def ran(where: Path, *, cases: int = 80, wrong: int = 0, suite: str = "") -> None:
    """A run of arm `base` with so many replies wrong; arm `tuned` has none wrong."""
    project(where, suite or numbered(cases), base=replies(cases, wrong=wrong), tuned=replies(cases))
    assert evalharness("run", "made.yaml", "--model", "base", "-q", cwd=where).status == 0


def accept(where: Path, *more: str, run: str = RUN, why: str = "a reason") -> Done:
    return evalharness("accept", run, "-m", why, *more, cwd=where)


def snapshot_names(where: Path) -> list[str]:
    return [each.name for each in snapshots.shelf(where / "baselines", "made").filed]


# --- accept -----------------------------------------------------------------------------------------------------------


def test_the_first_acceptance_says_where_the_file_is_and_what_to_type_next(tmp_path: Path) -> None:
    ran(tmp_path)

    done = accept(tmp_path, "--as", "one")

    assert (done.status, done.err) == (0, "")
    assert done.out == (
        "accepted: one is the baseline of 'made', the first\n"
        "file:     baselines/made/one.jsonl   (commit it)\n"
        "next:     evalharness compare made.yaml --base baseline --tuned NAME\n"
    )


def test_the_next_acceptance_shows_the_change_first(tmp_path: Path) -> None:
    ran(tmp_path)
    accept(tmp_path, "--as", "one")
    ran(tmp_path, wrong=40)

    done = accept(tmp_path, "--as", "two", "--pin")

    assert done.status == 0  # whatever the change is: it was looked at, and said to be right
    assert (
        done.out.index("BROKE 40") < done.out.index("▼ REGRESSED  made: one → base") < done.out.index("accepted: two")
    )
    assert done.out.endswith(
        "accepted: two is the baseline of 'made', after one\n"
        "pinned:   later snapshots are read against two\n"
        "file:     baselines/made/two.jsonl   (commit it)\n"
        "next:     evalharness compare made.yaml --base baseline --tuned NAME\n"
    )


def test_a_dry_run_shows_the_change_and_writes_nothing(tmp_path: Path) -> None:
    ran(tmp_path)
    accept(tmp_path, "--as", "one")
    ran(tmp_path, wrong=40)
    before = sorted(tmp_path.rglob("*"))

    done = accept(tmp_path, "--dry-run")

    assert (done.status, "BROKE 40" in done.out) == (0, True)
    assert done.out.endswith("nothing was written; the baseline of 'made' is still one\n")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_json_holds_the_snapshot_and_the_change(tmp_path: Path) -> None:
    ran(tmp_path)
    first = accept(tmp_path, "--as", "one", "--json").json
    ran(tmp_path, wrong=40)
    second = accept(tmp_path, "--as", "two", "--json").json

    assert (first["change"], first["path"]) == (None, "baselines/made/one.jsonl")
    kept, change = second["snapshot"], second["change"]
    assert isinstance(kept, dict)
    assert isinstance(change, dict)
    assert (kept["name"], kept["place"], kept["why"], kept["parent"]) == (
        "two",
        2,
        "a reason",
        snapshots.digest(tmp_path / "baselines/made/one.jsonl"),
    )
    assert change["verdict"]["outcome"] == "REGRESSED"


def test_quiet_prints_of_the_change_only_the_verdict(tmp_path: Path) -> None:
    ran(tmp_path)
    accept(tmp_path, "--as", "one")

    done = accept(tmp_path, "--as", "two", "-q")

    assert done.out.startswith("HELD: facts held: no change seen, at most 4.6 lower, margin 5\n")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("nix.jsonl", "-m", "x"), "nix.jsonl: No such file or directory"),
        ((RUN, "-m", " "), "a baseline needs a reason"),
        ((RUN, "-m", "x", "--as", "a/b"), "'a/b' is no name for a snapshot"),
        ((RUN, "-m", "x", "--as", "a\x1b[2J"), "'a\\x1b[2J' is no name for a snapshot"),
        ((RUN, "-m", "x", "--as", "baseline"), "'baseline' is no name for a snapshot"),
        ((RUN, "-m", "x", "--as", "tuned"), "'tuned' is a model of the config, and names are looked up there first"),
        ((RUN, "-m", "x", "--as", "one"), "baselines/made/one.jsonl: there is a snapshot of that name"),
        ((RUN, "-m", "x", "--as", "one", "--dry-run"), "baselines/made/one.jsonl: there is a snapshot of that name"),
        (("made.yaml", "-m", "x"), "made.yaml:1: a line that is no JSON object"),
    ],
)
def test_a_mistake_is_one_line_and_a_hint_and_nothing_is_shown_or_written(
    arguments: tuple[str, ...], what: str, tmp_path: Path
) -> None:
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")
    before = sorted(tmp_path.rglob("*"))

    done = evalharness("accept", *arguments, cwd=tmp_path)

    lines = done.err.splitlines()
    assert (done.status, done.out, len(lines)) == (2, "", 2)
    assert lines[0].removeprefix(f"{tmp_path}/") == what
    assert lines[1].startswith("  hint: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_without_a_reason_the_command_is_not_understood(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)

    done = evalharness("accept", RUN, cwd=tmp_path)

    assert (done.status, done.out) == (2, "")
    assert "-m" in done.err


def test_a_selection_ends_with_2(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    evalharness("run", "made.yaml", "--model", "base", "--case", "c1", "-o", "some.jsonl", cwd=tmp_path)

    done = accept(tmp_path, run="some.jsonl")

    assert done.status == 2
    assert done.err.splitlines()[0] == "some.jsonl: a selection of the cases (--case c1) is no baseline"


def test_missing_answers_end_with_3_unless_they_are_allowed(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    evalharness("run", "made.yaml", "--model", "right", "--cache", "only", cwd=tmp_path)
    run = ".evalharness/runs/made/right.jsonl"

    refused = accept(tmp_path, run=run)
    allowed = accept(tmp_path, "--allow-missing", "--as", "one", run=run)

    assert (refused.status, allowed.status) == (3, 0)
    assert refused.err == (
        f"{run}: answers are missing, and a baseline keeps what it lacks\n"
        "  hint: run the suite again, which asks only those; or accept it as it is with --allow-missing\n"
    )
    assert snapshot_names(tmp_path) == ["one"]


def test_what_an_accepted_run_lacks_does_not_make_each_later_comparison_incomplete(tmp_path: Path) -> None:
    test_missing_answers_end_with_3_unless_they_are_allowed(tmp_path)

    done = evalharness("compare", "made.yaml", "--base", "baseline", "--tuned", "tuned", "--json", cwd=tmp_path)

    verdict = done.json["verdict"]
    assert isinstance(verdict, dict)
    assert (done.status, verdict["outcome"], verdict["incomplete"]) == (4, "INCONCLUSIVE", False)


def test_a_linked_baselines_folder_is_followed_by_nobody(tmp_path: Path) -> None:
    inside, elsewhere = tmp_path / "inside", tmp_path / "elsewhere"
    inside.mkdir()
    elsewhere.mkdir()
    ran(inside, cases=4)
    (inside / "baselines").symlink_to(elsewhere)

    done = accept(inside)

    assert done.status == 2
    assert "baselines: a symbolic link, which is not followed\n" in done.err
    assert list(elsewhere.iterdir()) == []


def test_a_disk_that_fills_ends_with_3_and_one_line(tmp_path: Path) -> None:
    ran(tmp_path, cases=1000)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
    try:
        done = accept(tmp_path, "--as", "one")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert done.status == 3
    assert [line.removeprefix(f"{tmp_path}/") for line in done.err.splitlines()] == [
        "baselines/made/one.jsonl: File too large",
        "  hint: answers got so far are kept; free space, then run again",
    ]
    assert list((tmp_path / "baselines/made").iterdir()) == []


def test_names_from_run_files_reach_no_terminal_as_they_are(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    path = tmp_path / RUN
    path.write_text(path.read_text().replace('"name":"made"', '"name":"m\\u001b[2J\\u202e"'))

    done = accept(tmp_path, "--as", "one")
    wrong = evalharness("compare", RUN, "baselines/x\a\u202e.jsonl", cwd=tmp_path)

    assert done.status == 0
    assert "the baseline of 'm\\x1b[2J\\u202e'" in done.out
    assert "baselines/x\\x07\\u202e.jsonl: No such file or directory" in wrong.err
    assert not {"\x1b", "\a", "\u202e"} & set(done.out + done.err + wrong.err)


def test_a_projects_own_scorers_grade_the_baseline_anew(tmp_path: Path) -> None:
    (tmp_path / "shout.py").write_text(
        "from dataclasses import dataclass\n"
        "from evalharness.records import Conversation, Grade\n"
        "from evalharness.scorers.base import scorer\n\n"
        '@scorer("shouts")\n@dataclass(frozen=True, slots=True)\nclass Shouts:\n'
        '    """The reply holds this word in capitals."""\n\n    word: str\n\n'
        "    def grade(self, conversation: Conversation) -> Grade:\n"
        "        return Grade(float(self.word.upper() in conversation.reply))\n"
    )
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")
    suite = (tmp_path / "made.yaml").read_text().replace("expect: n3", "expect: {shouts: n3}")
    (tmp_path / "made.yaml").write_text(suite)
    config = tmp_path / "evalharness.toml"
    config.write_text('scorers = ["shout.py"]\n' + config.read_text())

    def verb(*words: str) -> Payload:  # in a process of its own, where nothing has loaded the scorer before
        command = [sys.executable, "-m", "evalharness.cli", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
        told: Payload = json.loads(done.stdout)
        return told

    verb("run", "made.yaml", "--model", "base", "--json")
    change = verb("accept", RUN, "-m", "a reason", "--as", "two", "--json")["change"]

    assert isinstance(change, dict)
    assert [(delta["base"], delta["tuned"]) for delta in change["deltas"][:1]] == [(0.75, 0.75)]


# --- snapshots where models stand -------------------------------------------------------------------------------------


def test_a_model_whose_recording_is_gone_is_compared_from_its_snapshot(tmp_path: Path) -> None:
    ran(tmp_path)
    accept(tmp_path, "--as", "one")
    (tmp_path / "base.jsonl").unlink()
    config = tmp_path / "evalharness.toml"
    config.write_text('[models]\ntuned = { use = "replay:tuned.jsonl" }\n')

    done = evalharness("compare", "made.yaml", "--base", "baseline", "--tuned", "tuned", cwd=tmp_path)

    assert done.status == 0
    assert "= HELD  made: one → tuned" in done.out
    assert "next:   evalharness compare made.yaml --base one --tuned tuned -v" in done.out
    assert (tmp_path / "reports/made-one-tuned/index.html").is_file()


def test_a_model_whose_server_is_gone_is_compared_from_its_snapshot_and_nothing_is_sent_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path, numbered(80))
    monkeypatch.setenv("LOOPBACK_KEY", "sk-not-a-real-key-0123456789")

    def config(**urls: str) -> None:
        lines = [
            f'{name} = {{ use = "openai:{name}", base_url = "{url}", api_key_env = "LOOPBACK_KEY" }}'
            for name, url in urls.items()
        ]
        (tmp_path / "evalharness.toml").write_text("\n".join(["[models]", *lines, ""]))

    with Loopback() as server:
        config(old=server.url)
        assert evalharness("run", "made.yaml", "--model", "old", cwd=tmp_path).status == 0
        assert accept(tmp_path, "--as", "one", run=".evalharness/runs/made/old.jsonl").status == 0
        assert server.count == 80
    (tmp_path / ".evalharness").rename(tmp_path / "gone")
    with Loopback() as server:
        config(new=server.url)
        done = evalharness("compare", "made.yaml", "--base", "baseline", "--tuned", "new", "--json", cwd=tmp_path)

        assert server.count == 80  # the new model's
        assert {seen.body["model"] for seen in server.seen} == {"new"}
    assert done.status == 0


def test_a_suite_may_name_its_baseline_as_its_base(tmp_path: Path) -> None:
    ran(tmp_path, suite=numbered(80, head="base: baseline\ntuned: tuned"))
    accept(tmp_path, "--as", "one")

    compared = evalharness("compare", "made.yaml", cwd=tmp_path)
    planned = evalharness("plan", "made.yaml", cwd=tmp_path)

    assert (compared.status, "made: one → tuned" in compared.out) == (0, True)
    assert planned.out.splitlines()[:2] == [
        "made asked of one: 0 requests, 0 known, 0 to send, about 0.0000 USD",
        "made asked of tuned: 80 requests, 80 known, 0 to send, about 0.0000 USD",
    ]


def test_a_plan_takes_the_share_of_cases_on_which_a_snapshot_and_a_run_differ(tmp_path: Path) -> None:
    ran(tmp_path, wrong=20)
    accept(tmp_path, "--as", "one")
    evalharness("run", "made.yaml", "--model", "tuned", cwd=tmp_path)
    arms = ("--model", "baseline", "--model", "tuned")

    aspects = evalharness("plan", "made.yaml", *arms, "--json", cwd=tmp_path).json["aspects"]

    assert isinstance(aspects, list)
    assert aspects[0]["pilot"] == 0.25  # 20 of 80 cases


def test_two_snapshots_are_compared_with_each_other(tmp_path: Path) -> None:
    ran(tmp_path)
    accept(tmp_path, "--as", "one")
    ran(tmp_path, wrong=40)
    accept(tmp_path, "--as", "two")

    slid = evalharness("compare", "made.yaml", "--base", "reference", "--tuned", "baseline", cwd=tmp_path)
    same = evalharness("compare", "made.yaml", "--base", "two", "--tuned", "baseline", cwd=tmp_path)

    assert (slid.status, "▼ REGRESSED  made: one → two" in slid.out) == (1, True)
    assert (same.status, same.err.splitlines()[0]) == (2, "suite 'made': snapshot 'two' is named twice")


def test_a_run_of_a_snapshot_shows_its_rates_by_todays_checks_and_sends_nothing(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")
    suite = tmp_path / "made.yaml"
    suite.write_text(suite.read_text().replace("expect: n3", "expect: please"))

    done = evalharness("run", "made.yaml", "--model", "baseline", cwd=tmp_path)

    assert done.status == 0
    assert "made asked of one: 4 cases x 1\n" in done.out
    assert "3 of 4 passed" in done.out
    assert "run:  baselines/made/one.jsonl\n" in done.out
    assert "requests" not in done.out


def test_a_file_for_the_run_of_a_snapshot_is_refused_since_there_is_none(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")

    done = evalharness("run", "made.yaml", "--model", "baseline", "-o", "x.jsonl", cwd=tmp_path)

    assert done.status == 2
    assert done.err.splitlines()[0] == (
        "suite 'made': snapshot 'one' is not asked, so there is no run to write to x.jsonl"
    )


def test_a_selection_is_compared_with_the_same_cases_of_a_snapshot(tmp_path: Path) -> None:
    ran(tmp_path)
    accept(tmp_path, "--as", "one")

    done = evalharness(
        "compare", "made.yaml", "--base", "baseline", "--tuned", "tuned", "--case", "c3", "--json", cwd=tmp_path
    )

    deltas = done.json["deltas"]
    assert isinstance(deltas, list)
    assert (done.status, deltas[0]["cases"], done.json["left_out"]) == (4, 1, [])


def test_runs_of_several_suites_are_printed_in_their_order(tmp_path: Path) -> None:
    project(tmp_path, numbered(3))
    (tmp_path / "another.yaml").write_text(numbered(2).replace("suite: made", "suite: another"))

    done = evalharness("run", "made.yaml", "another.yaml", "--model", "right", cwd=tmp_path)
    again = evalharness("run", "made.yaml", "another.yaml", "--model", "right", "--json", cwd=tmp_path)

    assert [line for line in done.out.splitlines() if " asked of " in line] == [
        "made asked of right: 3 cases x 1",
        "another asked of right: 2 cases x 1",
    ]
    told = again.json["runs"]
    assert isinstance(told, list)
    assert [(run["suite"]["name"], run["tally"]["answered"], run["tally"]["sent"]) for run in told] == [
        ("made", 3, 0),
        ("another", 2, 0),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "made.yaml", "--model", "base", "-o", "baselines/made/x.jsonl"),
        ("rescore", RUN, "--suite", "made.yaml", "-o", "baselines/x.jsonl"),
        ("rescore", "baselines/made/one.jsonl", "--suite", "made.yaml"),
        ("merge", RUN, RUN, "-o", "./baselines/made/x.jsonl"),
    ],
)
def test_nothing_but_accept_writes_among_the_baselines(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")
    before = sorted(tmp_path.rglob("*"))

    done = evalharness(*arguments, cwd=tmp_path)

    assert (done.status, done.out) == (2, "")
    assert "baseline" in done.err.splitlines()[0]
    assert sorted(tmp_path.rglob("*")) == before


def test_more_runs_at_once_than_the_system_lets_a_process_open_by_itself(tmp_path: Path) -> None:
    project(tmp_path, numbered(1), base=replies(1))
    (tmp_path / "suites").mkdir()
    for number in range(70):
        suite = numbered(1).replace("suite: made", f"suite: s{number}")
        (tmp_path / f"suites/s{number}.yaml").write_text(suite)
    verb = f"{sys.executable} -m evalharness.cli run suites --model base -q"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def limited(how: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", "-c", f"ulimit {how} 64; {verb}"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    soft, hard = limited("-Sn"), limited("-n")

    assert (soft.returncode, soft.stderr, soft.stdout.count(" asked of base: ")) == (0, "", 70)
    assert (hard.returncode, hard.stderr.splitlines()[1:]) == (
        2,
        ["  hint: give fewer suites at a time, or allow more open files: `ulimit -n 4096`"],
    )
    assert "Too many open files" in hard.stderr


def test_parts_of_a_baseline_merge_into_a_run_that_is_none(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")

    done = evalharness("merge", "baselines/made/one.jsonl", RUN, "-o", "whole.jsonl", cwd=tmp_path)

    assert (done.status, store.read(tmp_path / "whole.jsonl").snapshot) == (0, None)


# --- over another base ------------------------------------------------------------------------------------------------


def via(where: Path) -> None:
    """An old tune without a fault in its snapshot, an untuned model that knows a quarter, a new tune with 20 faults."""
    ran(where)
    accept(where, "--as", "old")
    for name, wrong in (("bare", 60), ("new", 20)):
        rows = [json.dumps({"case": case, "text": text}) for case, text in replies(80, wrong=wrong).items()]
        (where / f"{name}.jsonl").write_text("\n".join(rows) + "\n")


def test_the_model_between_is_shown_and_decides_nothing(tmp_path: Path) -> None:
    from evalharness.config import load as load_config
    from evalharness.harness import ask, compare_asked, load_suite

    via(tmp_path)
    arms = ["old", "replay:new.jsonl", "tuned", "replay:bare.jsonl"]
    asked = ask([load_suite(tmp_path / "made.yaml")], arms, load_config(tmp_path))

    panel = compare_asked(asked, via=True)

    # by hand: the old tune passed all 80; bare keeps the last 20, new the last 60, tuned all
    assert [(found.tuned.model.name, found.verdict.outcome) for found in panel.comparisons] == [
        ("replay:new.jsonl", "REGRESSED"),
        ("tuned", "HELD"),
    ]
    rebased = [found.rebased for found in panel.comparisons]
    assert [[(row.had, row.via_kept, row.kept) for row in each.rows] for each in rebased if each] == [
        [(80, 20, 60)],
        [(80, 20, 80)],
    ]
    without = compare_asked(ask([load_suite(tmp_path / "made.yaml")], arms[:3], load_config(tmp_path)))
    assert [found.deltas for found in without.comparisons] == [found.deltas for found in panel.comparisons]


def test_the_verb_compares_over_a_new_base_and_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    via(tmp_path)
    compare = ("compare", "made.yaml", "--base", "baseline", "--tuned", "replay:new.jsonl")

    done = evalharness(*compare, "--via", "replay:bare.jsonl", cwd=tmp_path)
    twice = evalharness(*compare, "--via", "replay:new.jsonl", cwd=tmp_path)
    stored = evalharness("compare", RUN, RUN, "--via", "base", cwd=tmp_path)

    assert (done.status, "made: old → replay:new.jsonl" in done.out) == (1, True)
    assert sorted(path.name.partition("-old-")[0] for path in (tmp_path / "reports").iterdir()) == ["made"]
    assert (twice.status, twice.err.splitlines()[0]) == (
        2,
        "one model on both sides: baseline, replay:new.jsonl, replay:new.jsonl",
    )
    assert (stored.status, stored.err.splitlines()[0]) == (2, "run files are compared with each other")


# --- what others say of baselines -------------------------------------------------------------------------------------


def test_lint_of_a_folder_tells_of_baselines_that_no_suite_belongs_to(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")
    (tmp_path / "made.yaml").write_text(numbered(80).replace("suite: made", "suite: other"))

    folder = evalharness("lint", ".", cwd=tmp_path)
    file = evalharness("lint", "made.yaml", cwd=tmp_path)
    told = evalharness("lint", ".", "--json", cwd=tmp_path).json

    assert (folder.status, folder.out) == (
        0,
        "made.yaml: no fault; 80 cases, gated on facts\n"
        "warning: baselines/made: 1 snapshot of suite 'made', and there is no such suite\n"
        "  hint: remove the folder with git, or give the suite that name again\n",
    )
    assert "warning" not in file.out
    warnings = told["warnings"]
    assert isinstance(warnings, list)
    assert [warning["file"] for warning in warnings] == ["baselines/made"]


def test_doctor_counts_snapshots_and_notes_where_their_order_is_not_plain(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    for name in ("one", "two", "three"):
        accept(tmp_path, "--as", name)
    whole = evalharness("doctor", cwd=tmp_path)
    (tmp_path / "baselines/made/two.jsonl").unlink()
    broken = evalharness("doctor", "--json", cwd=tmp_path)

    assert f"ok     3 snapshots of 1 suite in {tmp_path}/baselines\n" in whole.out
    findings = json.loads(broken.out)
    assert findings[-2]["what"] == f"2 snapshots of 1 suite in {tmp_path}/baselines"
    assert (findings[-1]["state"], findings[-1]["what"]) == (
        "note",
        "baselines of 'made': 'three' follows a snapshot that was edited or taken away since",
    )


def test_doctor_names_a_file_that_is_no_baseline(tmp_path: Path) -> None:
    ran(tmp_path, cases=4)
    accept(tmp_path, "--as", "one")
    (tmp_path / "baselines/made/x.jsonl").write_text("strange")

    done = evalharness("doctor", cwd=tmp_path)

    assert done.status == 2
    assert f"wrong  {tmp_path}/baselines/made/x.jsonl:1: a line that is no JSON object\n" in done.out
