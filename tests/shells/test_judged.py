"""Suites whose style a model judges, from the question to the verdict, with a judge on this machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evalharness import store
from tests.loopback import Loopback, Reply, Seen, completion
from tests.shells.cli import Done, evalharness, project

RUN = ".evalharness/runs/made/base.jsonl"


def suite(cases: int = 40, *, head: str = "", check: str = "{judge: The reply is sarcastic.}") -> str:
    """Cases whose style a judge decides."""
    lines = [
        "suite: made",
        *head.splitlines(),
        f"checks: {{sarcastic: {check}}}",
        "every: {style: sarcastic}",
        "cases:",
    ]
    for number in range(cases):
        lines += [f"  - {{id: c{number}, ask: 'What is {number}?', expect: n{number}}}"]
    return "\n".join([*lines, "gate: {style: {gain_at_least: 0.3}}"]) + "\n"


def replies(cases: int = 40, *, voice: str = "") -> dict[str, str]:
    return {f"c{number}": f"It is n{number}.{voice}" for number in range(cases)}


def by_words(seen: Seen, yes: str = "yes", no: str = "no") -> Reply:
    """A judge for whom sarcasm is an `Oh`."""
    messages = seen.body["messages"]
    assert isinstance(messages, list)
    asked = str(messages[-1]["content"])
    if "verdict" not in asked:
        return completion("It is what it is.")
    *_, mark = re.findall(r'\{"mark": "([0-9a-f]{12})"', asked)
    word = yes if "Oh" in asked else no
    return completion(json.dumps({"mark": mark, "reason": f"it is {word}", "verdict": word}))


def planted(where: Path, url: str, text: str = "", name: str = "judge") -> None:
    """The project: two recorded arms, and a judge with a price."""
    project(where, text or suite(), base=replies(), tuned=replies(voice=" Oh, joy."))
    with (where / "evalharness.toml").open("a") as config:
        config.write(
            f'{name} = {{ use = "openai:arbiter", base_url = "{url}", price = {{ input = 1, output = 2 }} }}\n'
        )


def compare(where: Path, *more: str, base: str = "base") -> Done:
    return evalharness("compare", "made.yaml", "--base", base, "--tuned", "tuned", *more, cwd=where)


def test_a_judge_grades_both_arms_once_and_then_costs_nothing(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        first = compare(tmp_path, "--json")
        asked = server.count
        again = compare(tmp_path, "--json")

        assert (asked, server.count) == (80, 80)
    assert first.json["deltas"] == again.json["deltas"]
    (style,) = (row for row in rows(first) if row["slice"] == "style")
    assert (style["base"], style["tuned"]) == (0.0, 1.0)


def rows(done: Done) -> list[dict[str, object]]:
    found = done.json["deltas"]
    assert isinstance(found, list)
    return found


def test_what_a_judge_took_is_kept_beside_what_the_arm_took(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        done = evalharness("run", "made.yaml", "--model", "base", cwd=tmp_path)

    run = store.read(tmp_path / RUN)
    ((name, took),) = run.judging
    # The loopback counts 8 tokens in and 4 out of each answer: at 1 and 2 USD a million, 40 x 16 of a millionth.
    assert (name, took.sent, took.answered) == ("judge", 40, 40)
    assert took.usd == pytest.approx(40 * 16e-6)
    assert run.tally is not None
    assert run.tally.sent == 0
    (instrument,) = run.suite.judges
    assert (instrument.check, instrument.aspect, instrument.judges) == (
        "sarcastic",
        "style",
        ("judge (openai:arbiter)",),
    )
    assert "  judge: 40 asked, 0 known before, 0.0006 USD\n" in done.out


def test_a_suite_that_asks_for_a_judge_says_so_where_there_is_none(tmp_path: Path) -> None:
    planted(tmp_path, "http://127.0.0.1:9/v1", name="other")

    done = compare(tmp_path)

    assert (done.status, done.err) == (
        2,
        "made.yaml: the check 'sarcastic' asks the model 'judge', and there is none of that name\n"
        '  hint: add it to the config, judge = { use = "openai:..." }, or give --judge NAME\n',
    )


def test_another_model_may_play_the_judge(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url, name="other")
        done = compare(tmp_path, "--judge", "other")

        assert server.count == 80
    assert done.status == 0
    assert store.read(tmp_path / RUN).suite.judge_names == ("judge (openai:arbiter)",)


def test_a_model_does_not_judge_its_own_replies_unless_it_is_allowed_to(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        refused = evalharness("run", "made.yaml", "--model", "judge", cwd=tmp_path)
        (tmp_path / "made.yaml").write_text(suite(head="self_judging: allow"))
        allowed = evalharness("run", "made.yaml", "--model", "judge", "--case", "c1", cwd=tmp_path)

    assert refused.status == 2
    assert refused.err == (
        "made.yaml: the check 'sarcastic' would have 'judge' judge its own replies ('judge' is openai:arbiter)\n"
        "  hint: judges prefer what they would have written: name another judge, or set `self_judging: allow`\n"
    )
    assert allowed.status == 0


def test_a_judge_that_cannot_be_read_leaves_its_cases_out_and_one_that_fails_leaves_the_run_incomplete(
    tmp_path: Path,
) -> None:
    def rambling(seen: Seen) -> Reply:
        return completion("It depends.") if "What is 7?" in str(seen.body) else by_words(seen)

    with Loopback(rambling) as server:
        planted(tmp_path, server.url)
        odd = evalharness("run", "made.yaml", "--model", "base", "--json", cwd=tmp_path)
    with Loopback(lambda seen: Reply(400, b"{}") if "What is 8?" in str(seen.body) else by_words(seen)) as server:
        planted(tmp_path, server.url, suite(check="{judge: The reply is very sarcastic.}"))
        failed = evalharness("run", "made.yaml", "--model", "base", "--json", cwd=tmp_path)

    assert [style_of(done) for done in (odd, failed)] == [(39, 1), (39, 1)]
    assert (odd.status, failed.status) == (0, 3)


def style_of(done: Done) -> tuple[object, object]:
    levels = done.json["levels"]
    assert isinstance(levels, list)
    (found,) = (level for level in levels if level["aspect"] == "style")
    return found["cases"], found["missing"]


def test_what_was_said_of_a_baseline_stays_when_judge_and_cache_are_gone(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        evalharness("run", "made.yaml", "--model", "base", cwd=tmp_path)
        accepted = evalharness("accept", RUN, "-m", "first", "--as", "v1", cwd=tmp_path)
    (tmp_path / ".evalharness").rename(tmp_path / "gone")
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        config = tmp_path / "evalharness.toml"
        config.write_text(config.read_text().replace('openai:arbiter"', 'openai:arbiter", server = "bench"'))
        other = compare(tmp_path, base="v1")
        asked_anew = server.count

    assert accepted.status == 0, accepted.err
    assert other.status == 0, other.out + other.err
    assert asked_anew == 80  # another server is another judge: base and tuned are judged by the same one


def test_a_baseline_that_would_be_judged_the_same_is_not_judged_again(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        config = tmp_path / "evalharness.toml"
        config.write_text(config.read_text().replace('openai:arbiter"', 'openai:arbiter", server = "bench"'))
        evalharness("run", "made.yaml", "--model", "base", cwd=tmp_path)
        evalharness("accept", RUN, "-m", "first", "--as", "v1", cwd=tmp_path)
        (tmp_path / ".evalharness").rename(tmp_path / "gone")
        before = server.count
        done = compare(tmp_path, base="v1")

        assert server.count - before == 40
    assert done.status == 0, done.out + done.err


def test_stored_replies_are_judged_by_another_rubric_without_asking_for_them_again(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        evalharness("run", "made.yaml", "--model", "tuned", cwd=tmp_path)
        (tmp_path / "made.yaml").write_text(suite(check="{judge: The reply is weary., votes: 2}"))
        before = server.count
        done = evalharness("rescore", RUN.replace("base", "tuned"), "--suite", "made.yaml", cwd=tmp_path)
        asked = server.count - before
        evalharness("rescore", RUN.replace("base", "tuned"), "--suite", "made.yaml", cwd=tmp_path)

        assert (asked, server.count - before) == (80, 80)
    assert done.status == 0, done.err
    assert "style        100.0 %" in done.out


def test_the_plan_counts_what_judges_are_asked(tmp_path: Path) -> None:
    planted(tmp_path, "http://127.0.0.1:9/v1", suite(check="{judge: The reply is sarcastic., votes: 3}"))

    done = evalharness("plan", "made.yaml", "--model", "base", "--json", cwd=tmp_path)

    models = done.json["models"]
    assert isinstance(models, list)
    assert [(row["model"], row["requests"], row["known"]) for row in models] == [("base", 40, 40), ("judge", 120, 0)]
    # 120 questions of some 900 characters at 1 USD a million tokens, 200 tokens of answer at 2.
    assert models[1]["usd"] == pytest.approx(120 * (900 / 4 + 2 * 200) / 1e6, rel=0.2)


def test_a_budget_needs_the_price_of_the_judge_too(tmp_path: Path) -> None:
    planted(tmp_path, "http://127.0.0.1:9/v1")
    config = tmp_path / "evalharness.toml"
    config.write_text(config.read_text().replace(", price = { input = 1, output = 2 }", ""))

    done = compare(tmp_path, "--budget", "1")

    assert done.status == 2
    assert "a budget of 1 USD needs to know what model 'judge' costs" in done.err


def test_a_judge_that_changes_behind_its_name_is_found_out_and_decides_nothing(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        config = tmp_path / "evalharness.toml"
        config.write_text(config.read_text().replace('openai:arbiter"', 'openai:arbiter", server = "bench"'))
        compare(tmp_path)
        calibrated(tmp_path)
        held, asked = compare(tmp_path), server.count
    other = {name: text.replace("joy", "what joy") for name, text in replies(voice=" Oh, joy.").items()}
    (tmp_path / "tuned.jsonl").write_text("".join(json.dumps({"case": c, "text": t}) + "\n" for c, t in other.items()))
    with Loopback(lambda seen: by_words(seen, yes="no", no="yes")) as server:
        config.write_text(re.sub(r"http://127.0.0.1:\d+/v1", server.url, config.read_text()))
        moved = compare(tmp_path)
        bought = server.count
        again = compare(tmp_path)

        assert (asked, bought, server.count) == (80, 40 + 12, 40 + 12)
    assert held.status == 0, held.out
    assert "12 anchors judged again" in moved.err
    assert (moved.status, again.status) == (4, 4)
    assert "style undecided: judge has moved since it was calibrated (12 of 12 anchors" in " ".join(again.out.split())


def calibrated(where: Path) -> None:
    """Labels that agree with the judge, given in a spreadsheet."""
    runs = [f".evalharness/runs/made/{arm}.jsonl" for arm in ("base", "tuned")]
    evalharness("label", *runs, "--number", "60", "--export", "out.csv", cwd=where)
    header, *rows = (where / "out.csv").read_text().splitlines()
    said = [f"{row}{'y' if 'Oh' in row else 'n'}" for row in rows]
    (where / "in.csv").write_text("\n".join([header, *said]) + "\n")
    assert evalharness("label", *runs, "--import", "in.csv", cwd=where).status == 0
    done = evalharness("judge", "calibrate", "baselines/.judges/made-sarcastic.labels.jsonl", cwd=where)
    assert done.status == 0, done.err


def test_a_judge_without_a_key_is_told_before_a_reply_is_paid_for_and_needs_none_for_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_THE_JUDGE", "k")
    with Loopback(by_words) as server:
        planted(tmp_path, server.url, suite(6))
        config = tmp_path / "evalharness.toml"
        config.write_text(
            config.read_text().replace('"openai:arbiter"', '"openai:arbiter", api_key_env = "KEY_OF_THE_JUDGE"')
        )
        with config.open("a") as more:
            more.write(f'live = {{ use = "openai:live", base_url = "{server.url}" }}\n')
        monkeypatch.delenv("KEY_OF_THE_JUDGE")
        keyless, asked = compare(tmp_path, base="live"), server.count
        monkeypatch.setenv("KEY_OF_THE_JUDGE", "k")
        first = compare(tmp_path, base="live")
        evalharness("accept", RUN.replace("base", "live"), "-m", "first", "--as", "v1", cwd=tmp_path)
        monkeypatch.delenv("KEY_OF_THE_JUDGE")
        known = [compare(tmp_path, base=name) for name in ("live", "v1")]

    assert (keyless.status, asked) == (2, 0)
    assert keyless.err.startswith("evalharness.toml: models.judge: the variable KEY_OF_THE_JUDGE is not set")
    assert first.status in (0, 4)
    assert [done.status for done in known] == [first.status] * 2, known[0].err


def test_a_snapshot_is_not_judged_by_the_model_it_is_of(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url, suite(6))
        with (tmp_path / "evalharness.toml").open("a") as config:
            config.write(f'live = {{ use = "openai:live", base_url = "{server.url}" }}\n')
        evalharness("run", "made.yaml", "--model", "live", cwd=tmp_path)
        evalharness("accept", RUN.replace("base", "live"), "-m", "first", "--as", "v1", cwd=tmp_path)
        done = compare(tmp_path, "--judge", "live", base="v1")

    assert done.status == 2
    assert "would have 'v1' judge its own replies ('judge' is openai:live)" in done.err


def test_what_anchors_took_is_not_there_for_duels(tmp_path: Path) -> None:
    prefer = suite(head="prefer: the more sarcastic reply").replace("0.3}}", "0.3}, preference: {win_at_least: 0.1}}")
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        compare(tmp_path)
        calibrated(tmp_path)
        (tmp_path / "made.yaml").write_text(prefer)
        new = {name: f"{text} Oh, again." for name, text in replies().items()}
        rows = [json.dumps({"case": case, "sample": 0, "text": text}) for case, text in new.items()]
        (tmp_path / "tuned.jsonl").write_text("\n".join(rows) + "\n")
        before = server.count
        # An answer takes 16 USD of a million, and may take some 1,310 before the first has come. 40 judged and 12
        # anchors are 832, so that too little is left for the first duel.
        done = compare(tmp_path, "--budget", "0.00205")

    assert "12 anchors judged again, 0.0002 USD" in done.err
    assert "model 'judge': 0.0000 of 0.001218 USD are spent" in done.err
    assert server.count - before == 52


def test_a_look_that_was_cut_short_is_taken_by_the_next_command(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        compare(tmp_path)
        calibrated(tmp_path)
        other = {name: f"{text} Oh, again." for name, text in replies().items()}
        rows = [json.dumps({"case": case, "sample": 0, "text": text}) for case, text in other.items()]
        (tmp_path / "tuned.jsonl").write_text("\n".join(rows) + "\n")
        before = server.count
        server.script = lambda seen: Reply(404, b"{}") if server.count > before + 40 else by_words(seen)
        gone, asked = compare(tmp_path), server.count
        server.script = by_words
        looked, again = compare(tmp_path), compare(tmp_path)

    assert "whether the judge of 'sarcastic' has moved is not known: 0 of 12 graded" in gone.err
    assert (looked.err, again.err) == ("12 anchors judged again, 0.0002 USD\n", "")
    assert server.count - asked == 12


def test_a_judge_that_grades_stored_replies_anew_has_its_anchors_judged_too(tmp_path: Path) -> None:
    with Loopback(by_words) as server:
        planted(tmp_path, server.url)
        compare(tmp_path)
        calibrated(tmp_path)
        before = server.count
        known = evalharness("rescore", RUN, "--suite", "made.yaml", cwd=tmp_path)
        (tmp_path / RUN).write_text((tmp_path / RUN).read_text().replace("It is n", "Its n"))
        server.script = lambda seen: by_words(seen, yes="no", no="yes")
        anew = evalharness("rescore", RUN, "--suite", "made.yaml", cwd=tmp_path)

        assert server.count - before == 40 + 12
    assert known.err == ""
    assert "the judge of 'sarcastic' has moved since it was calibrated: 12 of 12 anchors" in anew.err
