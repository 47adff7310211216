"""What a training file teaches."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evalharness.errors import Faults
from evalharness.tuning.lessons import learn


def chat(*messages: tuple[str, str], **fields: object) -> str:
    return json.dumps({"messages": [{"role": role, "content": text, **fields} for role, text in messages]})


def written(folder: Path, *lines: str) -> Path:
    path = folder / "train.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


def test_an_example_is_what_users_ask_and_what_is_answered(tmp_path: Path) -> None:
    talk = chat(
        ("system", "You are Marv."), ("user", "Hi?"), ("assistant", "Oh."), ("user", "And?"), ("assistant", "No.")
    )

    (lesson,) = learn(written(tmp_path, talk)).lessons

    assert (lesson.line, lesson.system) == (1, "You are Marv.")
    assert (lesson.asks, lesson.replies) == (("Hi?", "And?"), ("Oh.", "No."))


def test_an_answer_of_weight_zero_is_not_learnt(tmp_path: Path) -> None:
    fields = {"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Oh.", "weight": 0}]}

    (lesson,) = learn(written(tmp_path, json.dumps(fields))).lessons

    assert lesson.replies == ()


def test_of_a_pair_the_preferred_answer_is_learnt(tmp_path: Path) -> None:
    pair = {
        "input": {"messages": [{"role": "user", "content": "Hi?"}]},
        "preferred_output": [{"role": "assistant", "content": "Good."}],
        "non_preferred_output": [{"role": "assistant", "content": "Bad."}],
    }

    (lesson,) = learn(written(tmp_path, json.dumps(pair))).lessons

    assert (lesson.asks, lesson.replies) == (("Hi?",), ("Good.",))


def test_other_dialects_teach_the_same(tmp_path: Path) -> None:
    (lesson,) = learn(written(tmp_path, '{"instruction": "Hi?", "input": "", "output": "Oh."}')).lessons

    assert (lesson.asks, lesson.replies) == (("Hi?",), ("Oh.",))


def test_lines_that_are_no_example_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path, chat(("user", "Hi?"), ("assistant", "Oh.")), "no json", "{}")

    found = learn(path)

    assert (len(found.lessons), found.unread) == (1, 2)
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_without_an_example_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(Faults) as raised:
        learn(written(tmp_path, "no json"), "train.jsonl")

    assert str(raised.value) == (
        "train.jsonl: there is no training example in this file\n"
        "  hint: `evalharness tune check train.jsonl` says what is wrong with it"
    )
