"""The plain functions behind `init --from`."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.cli.drafting import Split, held_out, suite_text
from evalharness.errors import EvalError
from evalharness.suite import load
from evalharness.text import nearness
from evalharness.tuning.lessons import Lesson, Lessons
from evalharness.tuning.voice import voice


def lessons(*asks: str) -> Lessons:
    found = tuple(Lesson(at, (ask,), ("Oh, that again.",), None, f'{{"line": {at}}}') for at, ask in enumerate(asks, 1))
    return Lessons("train.jsonl", "d", found, 0)


def random_asks(number: int) -> list[str]:
    chance = random.Random(1)
    return [" ".join("".join(chance.choices("abcdefghijklmnop", k=7)) for _ in range(4)) for _ in range(number)]


def test_a_fifth_of_the_prompts_is_held_out_and_the_rest_stays() -> None:
    split = held_out(lessons(*random_asks(50)), 0.2, 0)

    assert (len(split.cases), len(split.rest), split.dropped) == (10, 40, 0)
    assert not {lesson.line for lesson in split.cases} & {lesson.line for lesson in split.rest}


def test_what_asks_nearly_the_same_is_held_out_with_it() -> None:
    asks = [f"{ask} {word}" for ask in random_asks(10) for word in ("one", "two")]

    split = held_out(lessons(*asks), 0.1, 0)

    pairs = [(lesson.line - 1) // 2 for lesson in split.rest]
    assert all(pairs.count(pair) == 2 for pair in pairs)
    assert len(split.cases) + split.dropped + len(split.rest) == 20
    assert {nearness(case.asks[0], kept.asks[0]) for case in split.cases for kept in split.rest} == {"unseen"}


def test_a_prompt_that_stands_twice_is_one_case() -> None:
    split = held_out(lessons("aaaa bbbb", "aaaa bbbb", "cccc dddd", "eeee ffff"), 0.75, 0)

    asks = [lesson.asks[0] for lesson in split.cases]
    assert len(asks) == len(set(asks))


def test_where_nothing_would_be_left_it_is_refused() -> None:
    with pytest.raises(EvalError, match="all examples ask nearly the same"):
        held_out(lessons(*(f"What is in room number {at}?" for at in range(20))), 0.2, 0)


def test_one_prompt_cannot_be_split() -> None:
    with pytest.raises(EvalError, match=r"0\.2 of 1 examples with a question is 0"):
        held_out(lessons("What is it?"), 0.2, 0)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS, TEXTS)
def test_whatever_a_training_file_says_is_asked_as_it_stands(ask: str, system: str, reply: str) -> None:
    lesson = Lesson(1, (ask,), (reply,), system)
    split = Split((lesson,), (), 0)

    text = "".join(suite_text("drafted", "rest.jsonl", "train.jsonl", split, voice([lesson])))

    with TemporaryDirectory() as folder:
        path = Path(folder) / "drafted.yaml"
        path.write_text(text.replace("TODO what a right reply says", "done"), "utf-8")
        suite = load(path)
    assert (suite.cases[0].question, suite.system) == (ask, system)


def test_the_gate_asks_what_so_many_cases_can_show() -> None:
    # A loss is ruled out from n > 3.8415 (1 / margin - 1) on: 73 cases at 5 points, 22 at 15, 9 at 30.
    for cases, margin in ((73, "0.05"), (72, "0.1"), (22, "0.15"), (21, "0.2"), (3, "0.3")):
        found = lessons(*random_asks(cases)).lessons

        text = "".join(suite_text("drafted", "rest.jsonl", "train.jsonl", Split(found, (), 0), voice(found)))

        assert f"  facts: {{drop_at_most: {margin}}}\n" in text
