from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness import merging, store
from evalharness.errors import StoreError
from evalharness.records import (
    Conversation,
    Failure,
    Grade,
    Message,
    ModelRef,
    Run,
    Score,
    SuiteRef,
    Tally,
    Trial,
    Usage,
)
from tests import runs

HOSTILE = 'quote " nul \0 half \ud83d bidi \u202e line \u2028 end\r\n'


def talk(case: str, text: str, sample: int = 0) -> Conversation:
    said = (Message("system", "be brief"), Message("user", "ask"), Message("assistant", text))
    return Conversation(case, sample, said, (2,), ("truncated",), Usage(3, 5), ("m-2026",), ("fp_1",))


def whole() -> Run:
    made = runs.run({"a": [1.0, 0.5], "b": [None, 0.0]}, tags={"a": ["hard"]}, groups={"a": "g"}, must_pass=["b"])
    odd = Trial(
        talk("b", HOSTILE), Failure("timeout", "too late", 5), (Score("n", "facts", None, Grade(None), 2.0, 0.9),)
    )
    return replace(
        made, trials=(*made.trials[:2], odd, made.trials[3]), tally=Tally(4, 4, 0, 1, Usage(9, 9), 0.25, 1.5)
    )


def test_a_run_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = store.write(tmp_path / "run.jsonl", whole())

    read = store.read(tmp_path / "run.jsonl")

    assert replace(read, trials=tuple(read.trials)) == replace(whole(), path=str(tmp_path / "run.jsonl"))
    assert tuple(written.trials) == tuple(read.trials)


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters()))
def test_law_any_reply_goes_through_byte_exact(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("runs") / "run.jsonl"

    store.write(path, runs.of([Trial(talk("a", text))]))

    assert store.read(path).trials[0].conversation.reply == text


def test_trials_are_written_in_the_order_of_the_plan_whatever_order_they_come_in(tmp_path: Path) -> None:
    run = runs.run([1.0, 0.0, 1.0])

    with store.Writer(tmp_path / "run.jsonl", run) as writer:
        for place in (2, 0, 1):
            writer.add(place, run.trials[place])
        done = writer.finish(Tally())

    assert [trial.conversation.case for trial in done.trials] == ["0", "1", "2"]
    assert done.trials[2] == run.trials[2]
    assert done.trials[0:2] == tuple(run.trials[0:2])


def test_two_runs_of_one_plan_are_byte_equal(tmp_path: Path) -> None:
    store.write(tmp_path / "one.jsonl", whole())
    store.write(tmp_path / "two.jsonl", whole())

    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


def test_a_growing_run_is_a_part_until_it_is_whole(tmp_path: Path) -> None:
    run = runs.run([1.0, 0.0])

    with store.Writer(tmp_path / "run.jsonl", run) as writer:
        writer.add(0, run.trials[0])
        assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl.part"]
        writer.add(1, run.trials[1])
        writer.finish(Tally())

    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl"]


def test_an_interrupted_run_keeps_every_trial_that_came(tmp_path: Path) -> None:
    run = runs.run([1.0, 0.0, 1.0])

    with store.Writer(tmp_path / "run.jsonl", run) as writer:
        writer.add(0, run.trials[0])
        writer.add(2, run.trials[2])
        stopped = writer.stop()

    read = store.read(tmp_path / "run.jsonl.part")
    assert (
        [trial.conversation.case for trial in read.trials]
        == ["0", "2"]
        == [t.conversation.case for t in stopped.trials]
    )
    assert read.tally is None


def test_a_line_that_was_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    store.write(path, runs.run([1.0, 0.0]))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:30])

    read = store.read(path)

    assert [trial.conversation.case for trial in read.trials] == ["0"]
    assert read.tally is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "run.jsonl: the file is empty"),
        (b"[1]\n", "run.jsonl:1: a line that is no JSON object"),
        (b'{"a": 1}\n', "run.jsonl: this is no run file"),
        (b'{"evalharness":99}\n', "run.jsonl: written by a newer evalharness (format 99)"),
        (b'{"evalharness":1,"suite":{"name":"x"}}\n', "run.jsonl:1: suite.path: Field required"),
        (b"\xff\xfe\n", "run.jsonl:1: a line that is no JSON object"),
        (b"[" * 100_000, "run.jsonl:1: a line that is no JSON object"),
    ],
)
def test_a_file_that_is_no_run_says_so(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)

    with pytest.raises(StoreError) as caught:
        store.read(path)

    assert caught.value.what == f"{tmp_path}/{message}"
    assert caught.value.hint


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"none.jsonl: No such file or directory"):
        store.read(tmp_path / "none.jsonl")


def test_a_line_edited_by_hand_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    store.write(path, runs.run([1.0]))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "hello", *lines[1:]]) + "\n")

    with pytest.raises(StoreError, match=r"run.jsonl:2: neither a case nor a trial"):
        store.read(path)


def test_no_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "run.jsonl.part").symlink_to(tmp_path / "precious")

    with pytest.raises(StoreError):
        store.write(tmp_path / "run.jsonl", runs.run([1.0]))

    assert (tmp_path / "precious").read_text() == "keep"


def test_a_text_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "report.md"
    store.write_text(path, iter(["old"]))

    def broken() -> Iterator[str]:
        yield "new"
        raise ValueError("a report that fails half way")

    with pytest.raises(ValueError, match="half way"):
        store.write_text(path, broken())

    assert path.read_text() == "old"


def test_half_a_surrogate_pair_does_not_keep_a_report_from_being_written(tmp_path: Path) -> None:
    store.write_text(tmp_path / "report.md", iter(["a \ud83d b"]))

    assert (tmp_path / "report.md").read_text() == "a \\ud83d b"


def test_merged_runs_hold_every_case_and_prefer_an_answer_to_a_failure(tmp_path: Path) -> None:
    gone = runs.failed("b", 0, ["facts"], Failure("timeout", "late"))
    one = replace(runs.of([runs.trial("a", 0, {"facts": 1.0}), gone]), tally=Tally(sent=2, usd=0.5))
    two = replace(runs.of([runs.trial("b", 0, {"facts": 0.0})]), tally=Tally(sent=1, usd=0.25))

    merged = merging.merge([one, two])

    assert [(t.conversation.case, t.failure) for t in merged.trials] == [("a", None), ("b", None)]
    assert merged.tally is not None
    assert (merged.tally.sent, merged.tally.usd) == (3, 0.75)


def test_runs_of_other_suites_or_models_do_not_merge() -> None:
    one = runs.run([1.0])

    with pytest.raises(StoreError, match="another suite than"):
        merging.merge([one, replace(one, suite=SuiteRef("made", "x", "9" * 64))])
    with pytest.raises(StoreError, match="another model than"):
        merging.merge([one, replace(one, model=ModelRef("base", "openai:other"))])


def test_every_line_is_json_that_other_tools_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    store.write(path, whole())

    kinds = [next(iter(json.loads(line))) for line in path.read_text("ascii").splitlines()]

    assert kinds == ["evalharness", "case", "case", "trial", "trial", "trial", "trial", "tally"]
