"""Who judges: the same model by another name, and what is said of how judges are asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evalharness.bench import instruments, notes, same_model
from evalharness.records import ModelRef
from evalharness.suite import load

HOME = "https://api.example/v1"
MODEL = ModelRef("tuned", "openai:gpt", base_url=HOME)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (replace(MODEL, name="judge", system="Be fair.", params={"temperature": 0}), True),
        (replace(MODEL, use="openai:alias", extra_body={"model": "gpt"}), True),
        (replace(MODEL, server="bench"), True),
        (replace(MODEL, extra_body={"model": "other"}), False),
        (replace(MODEL, use="openai:other"), False),
        (replace(MODEL, base_url="https://elsewhere/v1"), False),
        (replace(MODEL, use="tiny:gpt"), False),
        (replace(MODEL, digest="f" * 64), False),
    ],
)
def test_a_model_is_the_same_by_whatever_name_it_is_asked(other: ModelRef, same: bool) -> None:
    assert same_model(other, MODEL) is same_model(MODEL, other) is same


def test_a_server_that_has_moved_is_the_same_by_its_name() -> None:
    moved = [replace(MODEL, base_url=f"http://127.0.0.1:{port}/v1", server="here") for port in (1, 2)]

    assert same_model(*moved)


def test_votes_at_temperature_0_and_texts_that_are_not_sent_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "made.yaml"
    check = "{any_of: [x, {judge: It is kind., votes: 3}]}"
    path.write_text(f"suite: made\nevery: {{style: {check}}}\ncases:\n  - ask: one\n  - ask: two\n")

    cold, warm = ({"judge": replace(MODEL, params={"temperature": heat})} for heat in (0, 1))
    told = [list(notes(load(path), judges)) for judges in (cold, warm)]

    assert list(notes(load(path), {"judge": replace(MODEL, system="Be harsh.")})) == [
        "judge 'judge' has a text of its own in the config (system, context), which no judge is sent"
    ]
    assert told == [["judge 'judge' votes 3 times at temperature 0, which buys the same answer 3 times"], []]


def test_a_judge_that_is_sent_something_else_is_another_instrument(tmp_path: Path) -> None:
    path = tmp_path / "made.yaml"
    path.write_text("suite: made\nevery: {style: {judge: It is kind.}}\ncases:\n  - ask: one\n")
    warm = replace(MODEL, params={"temperature": 1})
    models = [MODEL, warm, replace(warm, drop=("temperature",)), replace(MODEL, extra_body={"top_k": 1})]

    digests = [instruments(load(path), {"judge": model})[0].digest for model in models]

    assert len(set(digests)) == 4
