from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shells.cli import ROOT, evalharness, numbered, project, replies


def test_what_init_writes_runs_at_once_and_says_what_would_decide(tmp_path: Path) -> None:
    first = evalharness("init", cwd=tmp_path)

    done = evalharness("compare", "suites/first.yaml", cwd=tmp_path)

    assert first.status == 0
    assert "next: evalharness compare suites/first.yaml" in first.out
    assert done.status == 4
    said = " ".join(done.out.split())  # whatever the width
    assert "which-planet-is-nearest-to-the-sun" in said
    assert "cases would decide (there are 5)" in said
    assert "these already show a margin of" in said
    assert "`scope: suite`" in said


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "answer.py").write_text("mine")

    done = evalharness("init", cwd=tmp_path)

    assert (done.status, done.err.splitlines()[0]) == (2, "answer.py: is there already")
    assert [path.name for path in tmp_path.iterdir()] == ["answer.py"]


def test_a_second_run_of_a_program_asks_nothing(tmp_path: Path) -> None:
    project(tmp_path, numbered(5))
    first = evalharness("run", "made.yaml", "--model", "right", "--json", cwd=tmp_path)

    again = evalharness("run", "made.yaml", "--model", "right", "--json", cwd=tmp_path)

    assert tally(first.json)["sent"] == 5
    assert (tally(again.json)["sent"], tally(again.json)["cached"]) == (0, 5)


def test_an_edited_program_is_another_model(tmp_path: Path) -> None:
    project(tmp_path, numbered(5))
    evalharness("run", "made.yaml", "--model", "right", cwd=tmp_path)
    program = tmp_path / "answer.py"
    program.write_text(program.read_text() + "# edited\n")

    again = evalharness("run", "made.yaml", "--model", "right", "--json", cwd=tmp_path)

    assert tally(again.json)["sent"] == 5


def tally(said: dict[str, object]) -> dict[str, int]:
    found = said["tally"]
    assert isinstance(found, dict)
    return found


def test_raising_the_samples_buys_only_the_further_ones(tmp_path: Path) -> None:
    project(tmp_path, numbered(5))
    evalharness("run", "made.yaml", "--model", "right", "--samples", "3", cwd=tmp_path)

    more = evalharness("run", "made.yaml", "--model", "right", "--samples", "5", "--json", cwd=tmp_path)

    assert (tally(more.json)["sent"], tally(more.json)["cached"]) == (10, 15)


def test_an_unknown_answer_under_cache_only_is_missing_and_ends_with_3(tmp_path: Path) -> None:
    project(tmp_path, numbered(5))

    done = evalharness("run", "made.yaml", "--model", "right", "--cache", "only", cwd=tmp_path)

    assert done.status == 3
    assert "facts        no case could be scored, 5 missing" in done.out
    assert "5 missing" in done.out


def test_a_run_with_samples_says_how_steady_the_model_is(tmp_path: Path) -> None:
    project(tmp_path, numbered(2))
    rows = [("c0", 0, "n0"), ("c0", 1, "no"), ("c1", 0, "n1"), ("c1", 1, "n1")]
    (tmp_path / "two.jsonl").write_text(
        "".join(json.dumps({"case": c, "sample": s, "text": t}) + "\n" for c, s, t in rows)
    )

    done = evalharness("run", "made.yaml", "--model", "replay:two.jsonl", "--samples", "2", cwd=tmp_path)

    # by hand: of one draw 3 of 4 pass; of two, c1 passes always and c0 never both
    assert "all of k samples pass  1: 75.0 %  2: 50.0 %" in done.out
    assert "any of k samples pass  1: 75.0 %  2: 100.0 %" in done.out
    assert "samples disagree in 50.0 % of the cases" in done.out


def test_stored_replies_are_graded_by_the_checks_of_today(tmp_path: Path) -> None:
    path = project(tmp_path, numbered(5), base=replies(5, wrong=5))
    evalharness("run", "made.yaml", "--model", "base", cwd=tmp_path)
    path.write_text(path.read_text().replace("expect: n", "expect: no idea # n"))

    done = evalharness("rescore", ".evalharness/runs/made/base.jsonl", "--suite", "made.yaml", "--json", cwd=tmp_path)

    levels = done.json["levels"]
    assert isinstance(levels, list)
    assert levels[0]["passed"] == 5
    assert (tmp_path / ".evalharness/runs/made/base.rescored.jsonl").is_file()


def test_parts_of_a_suite_merge_into_one_run(tmp_path: Path) -> None:
    project(tmp_path, numbered(4), base=replies(4))
    evalharness("run", "made.yaml", "--model", "base", "--case", "c0", "--case", "c1", "-o", "one.jsonl", cwd=tmp_path)
    evalharness("run", "made.yaml", "--model", "base", "--case", "c2", "--case", "c3", "-o", "two.jsonl", cwd=tmp_path)

    done = evalharness("merge", "one.jsonl", "two.jsonl", "-o", "whole.jsonl", "--json", cwd=tmp_path)

    suite = done.json["suite"]
    assert isinstance(suite, dict)
    assert (done.status, done.json["asked"], done.json["scored"]) == (0, 4, 4)
    assert suite["selected"] == []


def test_parts_that_are_not_the_whole_suite_stay_a_selection(tmp_path: Path) -> None:
    project(tmp_path, numbered(4), base=replies(4))
    evalharness("run", "made.yaml", "--model", "base", "--case", "c0", "-o", "one.jsonl", cwd=tmp_path)
    evalharness("run", "made.yaml", "--model", "base", "--case", "c2", "-o", "two.jsonl", cwd=tmp_path)

    done = evalharness("merge", "one.jsonl", "two.jsonl", "-o", "whole.jsonl", "--json", cwd=tmp_path)

    suite = done.json["suite"]
    assert isinstance(suite, dict)
    assert suite["selected"] == ["--case c0", "--case c2"]


def test_a_look_at_some_cases_replaces_neither_run_nor_report_of_all(tmp_path: Path) -> None:
    project(tmp_path, numbered(80), base=replies(80), tuned=replies(80))
    compare = ("compare", "made.yaml", "--base", "base", "--tuned", "tuned")
    evalharness(*compare, cwd=tmp_path)
    page = (tmp_path / "reports/made-base-tuned/report.md").read_text()
    run = (tmp_path / ".evalharness/runs/made/base.jsonl").read_text()

    some = evalharness(*compare, "--case", "c1", cwd=tmp_path)

    assert some.status == 4
    assert (tmp_path / "reports/made-base-tuned/report.md").read_text() == page
    assert (tmp_path / ".evalharness/runs/made/base.jsonl").read_text() == run


def test_a_linked_folder_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    inside = tmp_path / "inside"
    elsewhere.mkdir()
    inside.mkdir()
    project(inside, numbered(5), base=replies(5), tuned=replies(5))
    (inside / "reports").symlink_to(elsewhere)

    done = evalharness("compare", "made.yaml", "--base", "base", "--tuned", "tuned", cwd=inside)

    assert done.status == 2
    assert "a symbolic link, which is not followed" in done.err
    assert list(elsewhere.iterdir()) == []


def test_several_commands_may_write_one_run_at_once(tmp_path: Path) -> None:
    project(tmp_path, numbered(300), base=replies(300), tuned=replies(300))
    verb = [sys.executable, "-m", "evalharness.cli", "compare", "made.yaml", "--base", "base", "--tuned", "tuned", "-q"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    started = [
        subprocess.Popen(verb, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ended = [(process.communicate(timeout=60), process.returncode) for process in started]

    assert ended == [(("HELD: facts held: no change seen, at most 1.3 lower, margin 5\n", ""), 0)] * 4
    assert sorted(path.name for path in (tmp_path / ".evalharness/runs/made").iterdir()) == [
        "base.jsonl",
        "tuned.jsonl",
    ]


@pytest.mark.parametrize(
    ("end", "status", "said"), [(">&-", 4, ""), ("> /dev/full", 3, "the output cannot be written")]
)
def test_an_output_that_is_closed_or_full_is_no_traceback(end: str, status: int, said: str, tmp_path: Path) -> None:
    project(tmp_path, numbered(5), base=replies(5), tuned=replies(5))
    command = f"{sys.executable} -m evalharness.cli compare made.yaml --base base --tuned tuned {end}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == status
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr


def test_a_run_says_why_answers_are_missing_and_whether_asking_again_helps(tmp_path: Path) -> None:
    project(tmp_path, numbered(3))
    (tmp_path / "fails.py").write_text("import sys\nsys.exit('out of paper')\n")
    config = tmp_path / "evalharness.toml"
    config.write_text(config.read_text() + 'broken = { use = "command:python fails.py" }\n')

    failing = evalharness("run", "made.yaml", "--model", "broken", cwd=tmp_path)
    missing = evalharness("run", "made.yaml", "--model", "right", "--cache", "only", cwd=tmp_path)

    assert (failing.status, missing.status) == (3, 3)
    assert "no answer: 3 server: " in failing.out
    assert "out of paper" in failing.out
    assert "next: the same command again; it asks only what is missing" in missing.out


def test_plan_asks_nothing_and_says_what_the_suite_can_see(tmp_path: Path) -> None:
    project(tmp_path, numbered(20))

    done = evalharness("plan", "made.yaml", "--model", "right", "--json", cwd=tmp_path)

    assert done.json["total"] == {"requests": 20, "known": 0, "usd": None}
    aspects = done.json["aspects"]
    assert isinstance(aspects, list)
    # docs/method.md, N1: 312, 626 and 940 cases for a change of 5 points at 10, 20 and 30 % disagreement
    assert aspects[0]["needed"] == [[0.1, 312], [0.2, 626], [0.3, 940]]
    assert aspects[0]["floor"] == 73
    assert not (tmp_path / ".evalharness").exists()


def test_plan_counts_what_is_known_and_prices_the_rest(tmp_path: Path) -> None:
    project(tmp_path, numbered(20))
    (tmp_path / "evalharness.toml").write_text(
        '[models]\nright = { use = "command:python answer.py right", price = { input = 1.0, output = 2.0 } }\n'
    )
    evalharness("run", "made.yaml", "--model", "right", "--case", "c1", "--case", "c2", cwd=tmp_path)

    models = evalharness("plan", "made.yaml", "--model", "right", "--json", cwd=tmp_path).json["models"]

    assert isinstance(models, list)
    # 18 questions: "n0: say it" has 11 characters with one digit, 12 with two; 4 a token, 200 tokens a reply
    characters = sum(len(f"n{n}: say it") for n in range(20) if n not in (1, 2))
    assert (models[0]["requests"], models[0]["known"]) == (20, 2)
    assert models[0]["usd"] == pytest.approx((characters / 4 * 1.0 + 18 * 200 * 2.0) / 1e6)


def test_a_known_answer_needs_no_key(tmp_path: Path) -> None:
    project(tmp_path, numbered(3))

    refused = evalharness("run", "made.yaml", "--model", "openai:gpt-none", "--cache", "only", cwd=tmp_path)

    assert refused.status == 2


def test_lint_prints_every_fault_of_every_suite(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("suite: one\ncases:\n  - aks: x\n")
    (tmp_path / "two.yaml").write_text("suite: two\ncases: []\n")

    done = evalharness("lint", ".", cwd=tmp_path)

    assert done.status == 2
    assert "one.yaml:3:5" in done.err
    assert "two.yaml:2:8" in done.err


def test_lint_warns_where_so_few_cases_cannot_meet_the_gate(tmp_path: Path) -> None:
    project(tmp_path, numbered(10))

    done = evalharness("lint", "made.yaml", cwd=tmp_path)

    assert done.status == 0
    assert "73" in done.out
    assert "made.yaml: no fault; 10 cases, gated on facts" in done.out


def test_two_suites_of_one_name_are_a_fault(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(numbered(3))

    assert "suite 'made' is also the name of one.yaml" in evalharness("lint", ".", cwd=tmp_path).err


def test_the_committed_schema_is_current() -> None:
    printed = evalharness("schema", cwd=ROOT).out

    assert (ROOT / "suites/.schema.json").read_text("utf-8") == printed


@pytest.mark.parametrize("what", ["scorers", "models", "reports"])
def test_list_says_what_there_is(what: str, tmp_path: Path) -> None:
    rows = json.loads(evalharness("list", what, "--json", cwd=tmp_path).out)

    expected = {"scorers": {"number", "any_of"}, "models": {"openai", "replay", "command"}, "reports": {"html", "csv"}}
    assert expected[what] <= {row["name"] for row in rows}
    assert all(row["about"] for row in rows)


def test_the_cache_tells_and_forgets_only_when_told(tmp_path: Path) -> None:
    project(tmp_path, numbered(5))
    evalharness("run", "made.yaml", "--model", "right", cwd=tmp_path)

    info = evalharness("cache", "info", "--json", cwd=tmp_path).json["models"]
    known = evalharness("cache", "explain", "c1", "--suite", "made.yaml", "--model", "right", cwd=tmp_path)
    other = evalharness("cache", "explain", "c1", "--suite", "made.yaml", "--model", "wrong", cwd=tmp_path)
    pruned = evalharness("cache", "prune", "--model", "command:python answer.py right", "--yes", cwd=tmp_path)

    assert isinstance(info, list)
    assert info[0]["answers"] == 5
    assert "the answer is known" in known.out
    assert "use: command:python answer.py right -> command:python answer.py wrong" in other.out
    assert pruned.out == "5 answers removed\n"
    assert evalharness("cache", "info", "--json", cwd=tmp_path).json["models"] == []


def test_doctor_finds_a_missing_key_and_names_no_key(tmp_path: Path) -> None:
    (tmp_path / "evalharness.toml").write_text(
        '[models]\nx = { use = "openai:x", base_url = "http://example.test", api_key_env = "NO_SUCH_KEY_HERE" }\n'
    )

    done = evalharness("doctor", cwd=tmp_path)

    assert done.status == 2
    assert "NO_SUCH_KEY_HERE" in done.out


def test_help_is_there_for_every_verb(tmp_path: Path) -> None:
    listed = evalharness("--help", cwd=tmp_path).out

    for verb in (
        "init",
        "run",
        "compare",
        "report",
        "rescore",
        "merge",
        "plan",
        "lint",
        "schema",
        "list",
        "tune",
        "cache",
        "doctor",
    ):
        assert f"\n  {verb} " in listed
        assert evalharness(verb, "--help", cwd=tmp_path).out.startswith(f"Usage: evalharness {verb}")


def test_a_reader_who_leaves_early_is_no_error() -> None:
    """`evalharness compare ... | head -1`"""
    command = f"{sys.executable} -m evalharness.cli compare suites/gsm8k.yaml --format terminal | head -1"

    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    assert done.stdout.startswith("gsm8k")


def test_it_runs_in_a_c_locale_without_a_home(tmp_path: Path) -> None:
    project(tmp_path, numbered(6), base=replies(6) | {"c0": "naïve \U0001f600"}, tuned=replies(6))
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT)}
    verb = [sys.executable, "-m", "evalharness.cli", "compare", "made.yaml", "--base", "base", "--tuned", "tuned"]

    done = subprocess.run(verb, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (4, "")
    assert "INCONCLUSIVE" in done.stdout


SHOUTS = """\
from __future__ import annotations
from dataclasses import dataclass
from evalharness.records import Conversation, Grade
from evalharness.scorers.base import scorer

@scorer("shouts")
@dataclass(frozen=True, slots=True)
class Shouts:
    '''The reply is in capitals.'''
    wanted: bool

    def grade(self, conversation: Conversation) -> Grade:
        return Grade(float(conversation.reply.isupper() == self.wanted), "heard")
"""


def test_a_scorer_of_the_projects_own_is_found_and_its_file_run_once(tmp_path: Path) -> None:
    suite = (
        "suite: made\ncases:\n  - {id: c0, ask: Say it, expect: {style: shouts}}\ngate: {style: {drop_at_most: 0.05}}\n"
    )
    project(tmp_path, suite, base={"c0": "HELLO"}, tuned={"c0": "hello"})
    config = tmp_path / "evalharness.toml"
    config.write_text('scorers = ["shout.py"]\n' + config.read_text())
    (tmp_path / "shout.py").write_text(SHOUTS)
    verb = [
        sys.executable,
        "-m",
        "evalharness.cli",
        "compare",
        "made.yaml",
        "--base",
        "base",
        "--tuned",
        "tuned",
        "--json",
    ]

    done = subprocess.run(
        verb, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (4, "")
    (flip,) = json.loads(done.stdout)["flips"]
    assert (flip["case"], flip["side"], flip["why"]) == ("c0", "broke", "shouts: heard")
