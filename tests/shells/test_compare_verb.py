from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.records import Payload
from tests.shells.cli import Done, evalharness, numbered, project, replies


def compared(where: Path, *, cases: int, base: int, tuned: int, suite: str = "", more: tuple[str, ...] = ()) -> Done:
    """Compares recordings of which so many replies are wrong."""
    project(where, suite or numbered(cases), base=replies(cases, wrong=base), tuned=replies(cases, wrong=tuned))
    return evalharness("compare", "made.yaml", "--base", "base", "--tuned", "tuned", *more, cwd=where)


@pytest.mark.parametrize(
    ("cases", "base", "tuned", "word", "status"),
    [
        (80, 0, 0, "HELD", 0),
        (80, 40, 0, "IMPROVED", 0),
        (80, 0, 40, "REGRESSED", 1),
        (20, 0, 0, "INCONCLUSIVE", 4),
    ],
)
def test_the_status_follows_the_verdict(
    cases: int, base: int, tuned: int, word: str, status: int, tmp_path: Path
) -> None:
    done = compared(tmp_path, cases=cases, base=base, tuned=tuned, more=("--json",))

    verdict = done.json["verdict"]
    assert isinstance(verdict, dict)
    assert (verdict["outcome"], done.status) == (word, status)


def test_inconclusive_ends_with_0_where_that_is_allowed(tmp_path: Path) -> None:
    assert compared(tmp_path, cases=20, base=0, tuned=0, more=("--allow-inconclusive",)).status == 0


def test_a_must_pass_case_ends_with_1_though_the_rest_held(tmp_path: Path) -> None:
    suite = numbered(200).replace("  - id: c0\n", "  - id: c0\n    must_pass: true\n")

    done = compared(tmp_path, cases=200, base=1, tuned=1, suite=suite)

    assert done.status == 1
    assert "c0" in done.out


def test_the_json_has_every_promised_field(tmp_path: Path) -> None:
    said = compared(tmp_path, cases=80, base=0, tuned=2, more=("--json",)).json

    deltas = said["deltas"]
    assert isinstance(deltas, list)
    facts = deltas[0]
    promised = {"slice", "cases", "left_out", "base", "tuned", "change", "low", "high", "p", "outcome"}
    assert promised <= set(facts)
    assert (facts["slice"], facts["cases"], facts["left_out"]) == ("facts", 80, 0)
    assert (facts["base"], facts["tuned"], facts["change"]) == (1.0, 0.975, pytest.approx(-0.025))
    assert "pairs" not in said


def test_several_tuned_models_share_one_object_and_the_worst_verdict(tmp_path: Path) -> None:
    project(tmp_path, numbered(80), base=replies(80), tuned=replies(80, wrong=40))
    (tmp_path / "evalharness.toml").write_text(
        "[models]\n"
        + "".join(
            f'{arm} = {{ use = "replay:{file}.jsonl" }}\n'
            for arm, file in {"a": "base", "b": "tuned", "c": "same"}.items()
        )
    )
    (tmp_path / "same.jsonl").write_text((tmp_path / "base.jsonl").read_text())

    done = evalharness("compare", "made.yaml", "--base", "a", "--tuned", "b", "--tuned", "c", "--json", cwd=tmp_path)

    comparisons, verdict = done.json["comparisons"], done.json["verdict"]
    assert isinstance(comparisons, list)
    assert isinstance(verdict, dict)
    assert [comparison["verdict"]["outcome"] for comparison in comparisons] == ["REGRESSED", "HELD"]
    assert (verdict["outcome"], done.status) == ("REGRESSED", 1)
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == ["made-a-b", "made-a-c"]


def test_reports_and_runs_are_where_the_docs_say(tmp_path: Path) -> None:
    done = compared(tmp_path, cases=80, base=0, tuned=0)

    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert [name for name in written if name.startswith(("reports", ".evalharness/runs"))] == [
        ".evalharness/runs/made/base.jsonl",
        ".evalharness/runs/made/tuned.jsonl",
        "reports/made-base-tuned/comparison.json",
        "reports/made-base-tuned/index.html",
        "reports/made-base-tuned/report.md",
    ]
    assert "report: reports/made-base-tuned/index.html" in done.out
    assert "next:   evalharness compare .evalharness/runs/made/base.jsonl" in done.out


def test_stored_runs_compare_to_the_same_numbers(tmp_path: Path) -> None:
    asked = compared(tmp_path, cases=80, base=3, tuned=9, more=("--json",)).json
    runs = tmp_path / ".evalharness/runs/made"

    stored = evalharness("compare", str(runs / "base.jsonl"), str(runs / "tuned.jsonl"), "--json", cwd=tmp_path).json

    assert stored["deltas"] == asked["deltas"]
    assert stored["flips"] == asked["flips"]


def test_a_stored_comparison_renders_again_without_its_runs(tmp_path: Path) -> None:
    first = compared(tmp_path, cases=80, base=3, tuned=9)
    page = (tmp_path / "reports/made-base-tuned/report.md").read_text()
    for path in (tmp_path / ".evalharness/runs/made").iterdir():
        path.unlink()

    again = evalharness("report", "reports/made-base-tuned", "--format", "markdown", "-o", "again", cwd=tmp_path)

    assert again.status == first.status == 1
    assert (tmp_path / "again/made-base-tuned/report.md").read_text() == page
    assert "▼ REGRESSED  made: base → tuned" in again.out


def test_quiet_prints_the_verdict_alone(tmp_path: Path) -> None:
    done = compared(tmp_path, cases=80, base=0, tuned=0, more=("-q",))

    assert done.out == "HELD: facts held: no change seen, at most 4.6 lower, margin 5\n"


def test_a_selection_is_asked_alone_and_is_no_verdict(tmp_path: Path) -> None:
    done = compared(tmp_path, cases=80, base=0, tuned=0, more=("--case", "c3", "--json"))

    deltas = done.json["deltas"]
    assert isinstance(deltas, list)
    assert (deltas[0]["cases"], done.status) == (1, 4)
    assert "a selection of the cases (--case c3)" in done.out


def test_a_suite_may_name_its_own_arms(tmp_path: Path) -> None:
    project(tmp_path, numbered(80, head="base: base\ntuned: tuned"), base=replies(80), tuned=replies(80))

    assert evalharness("compare", "made.yaml", cwd=tmp_path).status == 0


# --- bad input: where, what, hint; exit 2; nothing asked, nothing written ---------------------------------------------


def refused(where: Path, *arguments: str) -> str:
    """What a command that is refused says; nothing may be left behind by it."""
    before = sorted(where.rglob("*"))

    done = evalharness(*arguments, cwd=where)

    assert (done.status, done.out) == (2, "")
    assert sorted(where.rglob("*")) == before
    assert "Traceback" not in done.err
    return done.err


COMPARE = ("compare", "made.yaml", "--base", "base", "--tuned", "tuned")


@pytest.mark.parametrize(
    ("old", "new", "place", "what", "hint"),
    [
        ("    expect: n1\n", "    exepct: n1\n", "made.yaml:8:5", "'exepct'", "did you mean 'expect'?"),
        ("    expect: n1\n", "      expect: n1\n", "made.yaml:8", "", ""),
        ("    expect: n1\n", "    expect: n1\n    expect: n2\n", "made.yaml:9:5", "expect", ""),
        ("    expect: n1\n", "", "made.yaml:6:5", "check", ""),
    ],
    ids=["mistyped-key", "indent", "repeated-key", "no-check"],
)
def test_a_fault_in_a_suite(old: str, new: str, place: str, what: str, hint: str, tmp_path: Path) -> None:
    project(tmp_path, numbered(6).replace(old, new), base=replies(6), tuned=replies(6))

    said = refused(tmp_path, *COMPARE)

    assert said.startswith(place)
    assert what in said
    assert hint in said
    assert "hint:" in said


def test_an_unknown_model(tmp_path: Path) -> None:
    project(tmp_path, numbered(6), base=replies(6), tuned=replies(6))

    said = refused(tmp_path, "compare", "made.yaml", "--base", "base", "--tuned", "tunde")

    assert said == "evalharness.toml: there is no model 'tunde'\n  hint: did you mean 'tuned'?\n"


def test_a_missing_key_variable(tmp_path: Path) -> None:
    project(tmp_path, numbered(6), base=replies(6))
    (tmp_path / "evalharness.toml").write_text(
        '[models]\nbase = { use = "replay:base.jsonl" }\n'
        'tuned = { use = "openai:x", base_url = "http://example.test/v1", api_key_env = "NO_SUCH_KEY_HERE" }\n'
    )

    said = refused(tmp_path, *COMPARE)

    assert "NO_SUCH_KEY_HERE" in said
    assert "hint:" in said


def test_a_recording_that_lacks_a_case(tmp_path: Path) -> None:
    project(tmp_path, numbered(6), base=replies(6), tuned=replies(5))

    said = refused(tmp_path, *COMPARE)

    assert "tuned.jsonl" in said
    assert "c5" in said
    assert "hint:" in said


def test_both_arms_and_all_faults_are_said_at_once(tmp_path: Path) -> None:
    project(tmp_path, numbered(6), base=replies(4), tuned=replies(5))

    said = refused(tmp_path, *COMPARE)

    assert "base.jsonl" in said
    assert "tuned.jsonl" in said


def test_one_model_on_both_sides(tmp_path: Path) -> None:
    project(tmp_path, numbered(6), base=replies(6))

    assert "one model on both sides" in refused(tmp_path, "compare", "made.yaml", "--base", "base", "--tuned", "base")


def test_no_model_at_all(tmp_path: Path) -> None:
    project(tmp_path, numbered(6))

    said = refused(tmp_path, "compare", "made.yaml")

    assert said == "made.yaml: which model?\n  hint: give --base NAME, or set `base:` and `tuned:` in the suite\n"


def test_a_suite_that_is_not_there_and_a_verb_that_is_not(tmp_path: Path) -> None:
    assert refused(tmp_path, "compare", "none.yaml") == (
        "none.yaml: no such suite\n  hint: SUITE is a YAML file, or a folder of them\n"
    )
    assert refused(tmp_path, "compair") == "there is no verb 'compair'\n  hint: did you mean 'compare'?\n"


def test_an_unknown_report_format_is_said_before_anything_is_asked(tmp_path: Path) -> None:
    project(tmp_path, numbered(6), base=replies(6), tuned=replies(6))

    assert "there is no report format 'pdf'" in refused(tmp_path, *COMPARE, "--format", "html,pdf")


def test_runs_of_differently_named_suites(tmp_path: Path) -> None:
    compared(tmp_path, cases=6, base=0, tuned=0)
    (tmp_path / "other.yaml").write_text(numbered(6).replace("suite: made", "suite: other"))
    evalharness("run", "other.yaml", "--model", "base", cwd=tmp_path)

    runs = tmp_path / ".evalharness/runs"
    said = refused(tmp_path, "compare", str(runs / "made/base.jsonl"), str(runs / "other/base.jsonl"))

    assert "are runs of different suites" in said


def test_one_name_and_another_hash_is_matched_by_case_with_its_orphans(tmp_path: Path) -> None:
    compared(tmp_path, cases=6, base=0, tuned=0)
    (tmp_path / "made.yaml").write_text(numbered(7))
    (tmp_path / "new.jsonl").write_text(
        "".join(json.dumps({"case": c, "text": t}) + "\n" for c, t in replies(7).items())
    )
    evalharness("run", "made.yaml", "--model", "replay:new.jsonl", "-o", "new-run.jsonl", cwd=tmp_path)

    done = evalharness("compare", ".evalharness/runs/made/base.jsonl", "new-run.jsonl", "--json", cwd=tmp_path)

    orphans: object = done.json["left_out"]
    assert orphans == [{"case": "c6", "aspect": "", "side": "base", "cause": "only tuned's run has this case"}]
    assert any("the suite changed" in str(warning) for warning in as_list(done.json, "warnings"))


def as_list(value: Payload, name: str) -> list[object]:
    found = value[name]
    assert isinstance(found, list)
    return found
