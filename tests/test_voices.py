"""A voice from a file, of every kind there is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalharness.errors import Faults
from evalharness.stylometry.features import features
from evalharness.stylometry.profile import learn
from evalharness.voices import TooFew, learnt, of

REPLIES = ["Oh, Paris.", "Seven days. I counted twice.", "As if, you know.", "A kettle knows that!", "Oxygen, mostly."]
VOICE = learn([features(reply) for reply in REPLIES])


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def lines(rows: list[object]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def chat(reply: str) -> object:
    return {"messages": [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": reply}]}


def preferred(reply: str) -> object:
    return {
        "input": {"messages": [{"role": "user", "content": "Well?"}]},
        "preferred_output": [{"role": "assistant", "content": reply}],
        "non_preferred_output": [{"role": "assistant", "content": "I would be delighted to help with that!!!"}],
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.jsonl", lines([chat(reply) for reply in REPLIES])),
        ("pairs.jsonl", lines([preferred(reply) for reply in REPLIES])),
        ("legacy.jsonl", lines([{"prompt": "Well?", "completion": reply} for reply in REPLIES])),
        ("examples.jsonl", lines([{"reply": reply, "by": "me"} for reply in REPLIES])),
        ("examples.json", json.dumps([{"reply": reply} for reply in REPLIES])),
        ("examples.csv", "reply\n" + "".join(f'"{reply}"\n' for reply in REPLIES)),
        ("examples.txt", "\n\n".join(REPLIES) + "\n?!\n"),
        ("kept.json", json.dumps(VOICE.plain())),
    ],
)
def test_the_same_replies_make_the_same_voice_in_every_kind_of_file(name: str, text: str, tmp_path: Path) -> None:
    assert learnt(written(tmp_path, name, text)) == VOICE


def test_too_few_replies_are_told() -> None:
    with pytest.raises(TooFew, match="1 reply makes no voice, it takes 5 at least"):
        of(["Oh.", "?!", ""])


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        (
            "examples.jsonl",
            '{"reply": "a"}\n{"reply": 3}\n{"answer": "b"}\n',
            "v:2: 'reply' is no text here; v:3: this row has no 'reply'",
        ),
        ("train.jsonl", '{"question": "a"}\n', "v: there is no training example in this file"),
        ("kept.json", '{"voice": 3}', "v: this profile has schema '3', known is 1"),
        ("kept.json", "{", "v: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_lines(name: str, text: str, what: str, tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        learnt(written(tmp_path, name, text), "v")

    assert "; ".join(str(fault).partition("\n")[0] for fault in caught.value.faults) == what
