"""How cases and gates come out, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.loopback import Loopback, completion, refusal
from tests.shells.cli import evalharness, numbered, replies
from tests.shells.plugin import apart, here, planted, recorded, served

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.usefixtures("loaded")

ARMS = "base: base\ntuned: tuned"


@pytest.fixture
def gated(pytester: pytest.Pytester) -> Path:
    """A hundred cases, thirty of which the tuned model gets wrong, under a gate; a replay each."""
    planted(pytester.path, made=numbered(100, head=ARMS))
    recorded(pytester.path, base=replies(100), tuned=replies(100, wrong=30))
    return pytester.path


def test_under_a_gate_cases_are_evidence_and_the_gate_is_the_test(pytester: pytest.Pytester, gated: Path) -> None:
    done = here(pytester)

    assert (done.status, done.counts) == (1, {"failed": 1, "missed": 30, "passed": 70})
    assert f"\nsuites/made.yaml {'m' * 30}....." in done.out
    assert done.told == [
        "suites/made.yaml  base → tuned: ▼ REGRESSED",
        # method.md, section 2, T: b = 0, c = 30, n = 100
        "  ▼ facts regressed: 30 points lower, at least 21.9 and at most 39.6, margin 5, all of it beyond the",
        "    margin",
        "  100 cases, 30 missed; nothing sent, 200 known before",
    ]


def test_a_gate_that_held_leaves_the_session_green_however_many_cases_missed(
    pytester: pytest.Pytester, gated: Path
) -> None:
    recorded(gated, base=replies(100, wrong=30))

    done = here(pytester)

    assert (done.status, done.counts) == (0, {"missed": 30, "passed": 71})
    assert done.told[0] == "suites/made.yaml  base → tuned: = HELD"


def test_without_a_gate_each_case_is_a_test(pytester: pytest.Pytester, gated: Path) -> None:
    planted(gated, made=numbered(100, head=ARMS, gate=""))

    done = here(pytester)

    assert (done.status, done.counts) == (1, {"failed": 30, "passed": 70})


def test_a_case_that_must_pass_fails_also_under_a_gate(pytester: pytest.Pytester, gated: Path) -> None:
    text = numbered(100, head=ARMS).replace("  - id: c3\n", "  - id: c3\n    must_pass: true\n")
    planted(gated, made=text)

    done = here(pytester, "-k", "c3 and not c3_", "suites/made.yaml::c3", "suites/made.yaml::c4")

    assert (done.status, done.counts["failed"]) == (1, 1)
    assert "FAILED suites/made.yaml::c3 - facts: mentions: no 'n3' in 'no idea'" in done.out


def test_a_case_passes_where_more_than_half_of_its_samples_do(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(2, head="tuned: tuned\nsamples: 3", gate=""))
    said = {("c0", 0): "no", ("c0", 1): "n0", ("c0", 2): "n0", ("c1", 0): "n1", ("c1", 1): "no", ("c1", 2): "no"}
    rows = [json.dumps({"case": case, "sample": at, "text": text}) for (case, at), text in said.items()]
    (pytester.path / "tuned.jsonl").write_text("\n".join(rows))

    done = here(pytester)

    assert done.counts == {"passed": 1, "failed": 1}
    assert "  samples 1 of 3 passed\n" in done.out
    assert done.told[1] == "  2 cases x 3, 1 missed; nothing sent, 6 known before"


def test_a_missed_case_shows_its_question_both_replies_and_what_to_type(pytester: pytest.Pytester) -> None:
    case = '{id: moon, ask: How far is the moon?, tags: [space], expect: ["384400", km]}'
    planted(pytester.path, sky=f"suite: sky\n{ARMS}\ncases:\n  - {case}\n")
    recorded(pytester.path, base={"moon": "About 384400 km away."}, tuned={"moon": "About 12 miles away."})

    done = here(pytester)

    assert "\n".join(
        [
            "facts: mentions: no '384400' in 'About 12 miles away.'",
            "  asked   How far is the moon?",
            "  tags    space",
            "  base    About [-384400 km-] away.",
            "  tested  About {+12 miles+} away.",
            "  also    facts: mentions: no 'km' in 'About 12 miles away.'",
            "  closer  evalharness compare suites/sky.yaml --base base --tuned tuned --case moon -v",
        ]
    ) in done.out.replace("2 failed", "")


def test_what_is_closer_can_be_typed(pytester: pytest.Pytester, gated: Path) -> None:
    shown = [line.split()[1:] for line in here(pytester).out.splitlines() if line.startswith("  closer")]

    (words,) = shown
    done = evalharness(*words[1:], cwd=gated)

    assert words[0] == "evalharness"
    assert done.status == 1
    assert "REGRESSED" in done.out


def test_an_inconclusive_gate_fails_with_its_remedy(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(40, head=ARMS))
    recorded(pytester.path, base=replies(40), tuned=replies(40))

    done = here(pytester)
    allowed = here(pytester, "--eval-allow-inconclusive", "-rs")

    assert (done.status, done.counts) == (1, {"failed": 1, "passed": 40})
    assert "  remedy  " in done.out
    assert "73 cases" in done.out  # method.md, section 4: the floor of a margin of 0.05
    assert (allowed.status, allowed.counts) == (0, {"passed": 40, "skipped": 1})
    assert "facts undecided" in allowed.out.partition("short test summary")[2]


def test_allowing_what_is_undecided_allows_no_regression(pytester: pytest.Pytester, gated: Path) -> None:
    assert here(pytester, "--eval-allow-inconclusive").status == 1


def test_without_a_base_a_level_is_judged_and_the_rest_says_what_is_missing(pytester: pytest.Pytester) -> None:
    gate = "facts: {at_least: 0.9}, format: {drop_at_most: 0.1}"
    planted(pytester.path, made=numbered(100, head="tuned: tuned\nevery: {format: {max_words: 9}}", gate=gate))
    recorded(pytester.path, tuned=replies(100))

    done = here(pytester)

    assert done.counts == {"failed": 1, "passed": 101}
    assert "FAILED suites/made.yaml::gate[format] - format undecided: no base to compare with" in done.out
    assert "--eval-base" in done.out


# --- which model, which base ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "arms", "status"),
    [
        ([], "base → tuned", 1),
        (["--eval-model", "base", "--eval-base", "tuned"], "tuned → base", 0),
        (["--eval-model", "base"], "base", 1),  # no base but itself: undecided
        (["--eval-base", "third"], "third → tuned", 1),
    ],
    ids=["suite", "both", "itself", "base"],
)
def test_the_command_beats_the_suite(
    pytester: pytest.Pytester, gated: Path, options: list[str], arms: str, status: int
) -> None:
    config = gated / "evalharness.toml"
    config.write_text(config.read_text() + 'third = { use = "replay:base.jsonl" }\n')

    done = here(pytester, *options)

    assert (done.status, done.told[0].removeprefix("suites/made.yaml  ").partition(":")[0]) == (status, arms)


def test_no_model_at_all_is_one_line(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(2))

    done = here(pytester)

    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert done.err.splitlines() == [
        "ERROR: suites/made.yaml: which model?",
        "  hint: give --eval-model NAME, or set `tuned:` in the suite",
    ]


def accepted(where: Path, arm: str) -> None:
    """The arm's run is the suite's baseline."""
    evalharness("run", "suites/made.yaml", "--model", arm, cwd=where)
    done = evalharness("accept", f".evalharness/runs/made/{arm}.jsonl", "-m", "fine", "--as", f"{arm}-1", cwd=where)
    assert done.status == 0, done.err


def test_a_baseline_stands_for_the_base(pytester: pytest.Pytester, gated: Path) -> None:
    accepted(gated, "base")

    done = here(pytester, "--eval-baseline")

    assert (done.status, done.told[0]) == (1, "suites/made.yaml  base-1 → tuned: ▼ REGRESSED")
    assert done.told[-1] == "  100 cases, 30 missed; nothing sent, 100 known before"


def test_a_suite_without_a_baseline_says_so_and_has_nothing_to_compare_with(
    pytester: pytest.Pytester, gated: Path
) -> None:
    done = here(pytester, "--eval-baseline")

    assert done.counts["failed"] == 1
    assert done.told[0] == "suites/made.yaml  tuned: ? INCONCLUSIVE"
    assert done.told[-2:] == [
        "suites/made.yaml: no baseline was accepted yet, so there is nothing to compare with; --eval-update",
        "  WHY accepts one",
    ]


def test_a_suite_may_name_the_pinned_snapshot_as_its_base(pytester: pytest.Pytester, gated: Path) -> None:
    planted(gated, made=numbered(100, head="base: reference\ntuned: tuned"))
    evalharness("run", "suites/made.yaml", "--model", "base", cwd=gated)
    run = ".evalharness/runs/made/base.jsonl"
    assert evalharness("accept", run, "-m", "fine", "--as", "first", "--pin", cwd=gated).status == 0

    assert here(pytester).told[0] == "suites/made.yaml  first → tuned: ▼ REGRESSED"


# --- what cannot be asked ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--eval-model", "tunde"], "ERROR: evalharness.toml: there is no model 'tunde'"),
        (["--eval-base", "nothing-like-it"], "ERROR: evalharness.toml: there is no model 'nothing-like-it'"),
        (["--eval-base", "base", "--eval-baseline"], "ERROR: --eval-base and --eval-baseline both name a base"),
        (["--eval-samples", "0"], "ERROR: --eval-samples: a whole number from 1"),
        (["--eval-budget", "-1"], "ERROR: --eval-budget: USD, 0 or more"),
        (["--eval-budget", "nan"], "ERROR: --eval-budget: USD, 0 or more"),
        (["--eval-update", "  "], "ERROR: --eval-update: say in a few words why this is the new state"),
        (["--eval-report", "out.pdf"], "ERROR: --eval-report out.pdf: which format?"),
    ],
    ids=lambda value: value[0].removeprefix("--eval-") if isinstance(value, list) else "",
)
def test_what_makes_no_sense_is_one_line_and_nothing_is_asked(
    pytester: pytest.Pytester, options: list[str], line: str
) -> None:
    planted(pytester.path, made=numbered(2, head="tuned: tuned"))
    with Loopback() as server:
        served(pytester.path, server)
        done = here(pytester, *options)

        assert server.count == 0
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert done.err.startswith(line)
    assert "Traceback" not in done.out + done.err


def test_a_missing_key_is_one_line_and_nothing_is_asked(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(2, head="tuned: tuned"))
    with Loopback() as server:
        served(pytester.path, server)
        done = here(pytester, LOOPBACK_KEY="")

        assert server.count == 0
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert done.err.count("ERROR:") == 1
    assert "LOOPBACK_KEY" in done.err


def test_a_recording_that_lacks_a_case_is_said_before_anything_is_asked(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(3, head=ARMS))
    recorded(pytester.path, base=replies(3), tuned=replies(2))

    done = here(pytester)

    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert "c2" in done.err
    assert not (pytester.path / ".evalharness/runs").exists()


def test_a_refused_key_ends_the_session_in_one_line(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(200, head="tuned: tuned"))
    with Loopback(lambda seen: refusal(401, f"Incorrect API key: {seen.headers['authorization']}")) as server:
        served(pytester.path, server, ", at_once = 4")
        done = here(pytester)

        assert server.count <= 4
    assert done.status == pytest.ExitCode.USAGE_ERROR
    assert done.err.startswith("ERROR: model 'tuned': ")
    assert "sk-not-a-real-key" not in done.out + done.err
    assert "FAILURES" not in done.out


def test_an_answer_that_is_missing_is_an_error_of_its_case_and_of_no_other(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(3, head="tuned: tuned", gate=""))
    with Loopback(lambda seen: refusal(400, "no\x1b[2J") if "n1" in seen.ask else completion(seen.ask)) as server:
        served(pytester.path, server)
        done = here(pytester)

    assert (done.status, done.counts) == (1, {"passed": 2, "error": 1})
    assert "ERROR suites/made.yaml::c1 - rejected: " in done.out
    assert "  remedy  mend this first: asking again gives the same\n" in done.out
    assert "  no answer from tuned: 1 rejected" in done.told
    assert "\x1b" not in done.out


def test_without_a_network_what_is_not_known_is_an_error(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(3, head="tuned: tuned", gate=""))
    with Loopback() as server:
        served(pytester.path, server)
        here(pytester, "suites/made.yaml::c0")
        done = here(pytester, "--eval-cache", "only")

        assert server.count == 1
    assert (done.status, done.counts) == (1, {"passed": 1, "error": 2})
    assert "ERROR suites/made.yaml::c1 - missing: the answer is not in the cache" in done.out


def test_a_budget_ends_the_spending(pytester: pytest.Pytester) -> None:
    planted(pytester.path, made=numbered(20, head="tuned: tuned\nparams: {max_tokens: 8}", gate=""))
    with Loopback() as server:
        served(pytester.path, server, ", at_once = 1, price = { input = 1000.0, output = 1000.0 }")
        done = here(pytester, "--eval-budget", "0.05")  # 12 tokens, 0.012 USD an answer

        assert 0 < server.count <= 4
    assert done.counts["passed"] == server.count
    assert done.counts["error"] == 20 - server.count
    assert done.status == 1


# --- as pytest shows it -----------------------------------------------------------------------------------------------


def test_junit_has_names_scores_and_verdicts(pytester: pytest.Pytester, gated: Path) -> None:
    here(pytester, "--junitxml", "out.xml")

    cases = {case.get("name"): case for case in ElementTree.parse(gated / "out.xml").iter("testcase")}
    properties = {
        name: {each.get("name"): each.get("value") for each in case.iter("property")} for name, case in cases.items()
    }
    assert len(cases) == 101
    assert properties["c0"] == {"facts": "0.0", "outcome": "missed"}
    assert properties["c99"] == {"facts": "1.0"}
    gate = properties["gate[facts]"]
    assert (gate["verdict"], gate["cases"], gate["change"]) == ("REGRESSED", "100", "-0.3")
    (failure,) = cases["gate[facts]"].iter("failure")
    assert failure.get("message", "").startswith("facts regressed: 30 points lower")
    assert list(cases["c0"]) == list(cases["c0"].iter("properties"))


@pytest.mark.parametrize(
    "reply", ["bell\a and \x1b[2J", "half \ud800 pair", "\u202eright", "]]> & <b>", "x" * 1_000_000], ids=range(5)
)
def test_a_hostile_reply_is_harmless_on_the_terminal_and_in_xml(pytester: pytest.Pytester, reply: str) -> None:
    planted(pytester.path, made=numbered(1, head=ARMS, gate=""))
    recorded(pytester.path, base={"c0": f"n0 {reply[:500]}"}, tuned={"c0": reply})

    done = here(pytester, "--junitxml", "out.xml", "-rA")

    assert (done.status, done.counts) == (1, {"failed": 1})
    assert not set(done.out) & set("\a\x1b\u202e\ud800")
    assert len(done.out) < 8_000
    ElementTree.parse(pytester.path / "out.xml")


@pytest.mark.parametrize("style", ["long", "short", "native", "auto"])
def test_a_failure_reads_alike_in_every_style(pytester: pytest.Pytester, gated: Path, style: str) -> None:
    done = here(pytester, f"--tb={style}")

    assert "\nfacts regressed: 30 points lower" in done.out
    assert "  gate    facts: drop_at_most: 0.05\n" in done.out
    assert "          … and 25 more\n" in done.out
    assert ".py:" not in done.out


def test_in_the_style_of_a_line_a_failure_is_one(pytester: pytest.Pytester, gated: Path) -> None:
    done = here(pytester, "--tb=line")

    shown = done.out.partition("= FAILURES =")[2].partition("= evalharness =")[0].splitlines()[1:-1]
    assert len(shown) == 1
    assert shown[0].startswith(f"{gated}/suites/made.yaml:1: facts regressed: 30 points lower")


def test_no_traceback_means_none(pytester: pytest.Pytester, gated: Path) -> None:
    done = here(pytester, "--tb=no")

    assert "FAILURES" not in done.out
    assert "FAILED suites/made.yaml::gate[facts] - facts regressed" in done.out


def test_a_build_server_gets_a_line_for_each_failure(pytester: pytest.Pytester, gated: Path) -> None:
    done = apart(gated, CI="true")

    summary = done.out.partition("short test summary info")[2].splitlines()[1:-1]
    assert len(summary) == 1
    assert summary[0].endswith("margin 5, all of it beyond the margin")


@pytest.mark.parametrize(
    "options",
    [
        *(["-q"], ["-v"], ["-vv"], ["-rA"], ["--durations=3"], ["-s"]),
        *(["-p", f"no:{name}"] for name in ("cacheprovider", "capture", "junitxml", "logging", "terminal")),
    ],
    ids=" ".join,
)
def test_pytest_may_be_asked_for_more_or_less(pytester: pytest.Pytester, gated: Path, options: list[str]) -> None:
    done = here(pytester, *options)

    assert done.status == 1
    assert "INTERNALERROR" not in done.out
    assert "Traceback" not in done.out + done.err


def test_quiet_leaves_the_verdict(pytester: pytest.Pytester, gated: Path) -> None:
    done = here(pytester, "-q")

    assert done.told[0] == "suites/made.yaml  base → tuned: ▼ REGRESSED"
    assert "known before" not in done.out


def test_a_word_for_what_missed_stands_where_words_are_asked_for(pytester: pytest.Pytester, gated: Path) -> None:
    assert "suites/made.yaml::c0 MISSED" in here(pytester, "-v").out


def test_the_first_failure_ends_the_session_where_that_is_asked_for(pytester: pytest.Pytester, gated: Path) -> None:
    planted(gated, made=numbered(100, head=ARMS, gate=""))

    assert here(pytester, "-x").counts == {"failed": 1}


@pytest.mark.parametrize("columns", ["60", "160"])
def test_lines_fit_the_terminal(pytester: pytest.Pytester, gated: Path, columns: str) -> None:
    done = here(pytester, COLUMNS=columns)

    shown = done.out.partition("= FAILURES =")[2].splitlines()[1:]
    long = [line for line in shown if len(line) > int(columns) and not line.startswith("  closer")]
    assert long == []


def test_a_terminal_of_ascii_gets_ascii(gated: Path) -> None:
    done = apart(gated, LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")

    assert (done.status, done.err) == (1, "")
    assert done.out.isascii()
    assert "suites/made.yaml  base -> tuned: v REGRESSED" in done.out
    assert "\n  x       c0  n0: say it\n" in done.out
