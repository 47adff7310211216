"""Which of a suite's questions the training file had."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from evalharness.errors import Faults
from evalharness.plan import Plan, suite_ref
from evalharness.records import Conversation, Message, ModelRef, Nearness, Trial
from evalharness.suite import Suite, load
from evalharness.training import lessons_of, tagged, tagged_run, told
from evalharness.tuning.lessons import learn
from tests import runs

TRAINED = ("How deep is the harbour?", "Who keeps the lighthouse at night?")


def train(folder: Path, *asks: str) -> Path:
    path = folder / "train.jsonl"
    lines = [
        {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": "Oh, that."}]} for ask in asks
    ]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    return path


def suite(folder: Path, cases: str, *, named: str = "train: train.jsonl") -> Suite:
    path = folder / "made.yaml"
    path.write_text(f"suite: made\n{named}\ncases:\n{cases}", "utf-8")
    return load(path)


def nearness(found: Suite) -> list[Nearness | None]:
    return [asked.near for asked in Plan(found, ModelRef("base", "replay:x"), 1).cases()]


def marked(found: Suite) -> Suite:
    lessons = lessons_of(found)
    assert lessons is not None
    return tagged(found, lessons)


def test_each_case_is_seen_near_or_unseen(tmp_path: Path) -> None:
    train(tmp_path, *TRAINED)
    cases = (
        "  - {ask: HOW deep is the harbour, expect: x}\n"
        "  - {ask: How deep is this harbour?, expect: x}\n"
        "  - {ask: What is six times seven?, expect: x}\n"
    )

    assert nearness(marked(suite(tmp_path, cases))) == ["seen", "near", "unseen"]


def test_a_talk_is_as_near_as_the_nearest_question_the_model_answers(tmp_path: Path) -> None:
    train(tmp_path, *TRAINED)
    asked = (
        "  - turns:\n      - {ask: What is six times seven?, expect: x}\n"
        "      - {ask: Who keeps the lighthouse at night?, expect: x}\n"
    )
    scripted = (
        "  - turns:\n      - {ask: Who keeps the lighthouse at night?, reply: Nobody.}\n"
        "      - {ask: What is six times seven?, expect: x}\n"
    )

    assert nearness(marked(suite(tmp_path, asked + scripted))) == ["seen", "unseen"]


def test_a_run_says_which_file_its_marks_rest_on(tmp_path: Path) -> None:
    path = train(tmp_path, *TRAINED)

    ref = suite_ref(marked(suite(tmp_path, "  - {ask: Hi?, expect: x}\n")), 1)

    assert (ref.train, ref.train_digest) == ("train.jsonl", hashlib.sha256(path.read_bytes()).hexdigest())


def test_marks_change_no_hash(tmp_path: Path) -> None:
    train(tmp_path, *TRAINED)
    plain = suite(tmp_path, "  - {ask: Hi?, expect: x}\n")

    assert marked(plain).hash == plain.hash


def test_a_file_that_is_not_there_stays_a_warning(tmp_path: Path) -> None:
    found = suite(tmp_path, "  - {ask: Hi?, expect: x}\n")

    assert lessons_of(found) is None
    assert found.warnings[0].what == "'train': there is no file 'train.jsonl'"


def test_a_file_given_by_hand_must_be_there(tmp_path: Path) -> None:
    found = suite(tmp_path, "  - {ask: Hi?, expect: x}\n", named="about: none")

    with pytest.raises(Faults, match="there is no such file"):
        lessons_of(found, tmp_path / "no.jsonl")


def test_a_file_given_by_hand_is_named_without_its_folder(tmp_path: Path) -> None:
    path = train(tmp_path, *TRAINED)
    found = suite(tmp_path, "  - {ask: Hi?, expect: x}\n", named="about: none")

    assert tagged(found, learn(path), path).train == "train.jsonl"


def test_the_plan_counts_each_kind(tmp_path: Path) -> None:
    train(tmp_path, *TRAINED)
    cases = "  - {ask: How deep is the harbour?, expect: x}\n  - {ask: Hi?, expect: x}\n"

    assert list(told(marked(suite(tmp_path, cases)))) == ["made, cases beside train.jsonl: 1 seen, 0 near, 1 unseen"]


def talk(case: str, messages: Sequence[Message], replies: tuple[int, ...]) -> Trial:
    return Trial(Conversation(case, 0, tuple(messages), replies, ("answered",)))


def test_a_stored_run_is_marked_by_the_questions_it_asked(tmp_path: Path) -> None:
    path = train(tmp_path, *TRAINED)
    one = talk("one", [Message("user", "How deep is the harbour?"), Message("assistant", "Deep.")], (1,))
    scripted = [Message("user", TRAINED[1]), Message("assistant", "Nobody."), Message("user", "Hi?")]
    two = talk("two", [*scripted, Message("assistant", "Hi.")], (3,))

    found = tagged_run(runs.of([one, two]), learn(path), path)

    assert [case.near for case in found.cases] == ["seen", "unseen"]
    assert found.suite.train == "train.jsonl"
