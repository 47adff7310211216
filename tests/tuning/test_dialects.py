from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.records import Payload
from evalharness.tuning.dialects import WRITABLE, Dialect, Example, Misshapen, detect, read, write
from tests.tuning.lines import chat, codes, pair, report, said, text

ASK, ANSWER = said("user", "Which way?"), said("assistant", "North.")


@pytest.mark.parametrize(
    ("line", "dialect"),
    [
        ({"messages": [], "tools": []}, "openai"),
        (pair(), "dpo"),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, "trl"),
        ({"prompt": [ASK], "completion": [ANSWER]}, "trl"),
        ({"prompt": "a", "completion": "b"}, "prompt-completion"),
        ({"conversations": []}, "sharegpt"),
        ({"instruction": "a", "output": "b"}, "alpaca"),
        ({"text": "a"}, "text"),
        ({"question": "a"}, None),
    ],
)
def test_a_dialect_is_known_by_its_keys(line: Payload, dialect: Dialect | None) -> None:
    assert detect(line) == dialect


@pytest.mark.parametrize(
    ("line", "messages"),
    [
        ({"prompt": "Which way?", "completion": "North."}, [ASK, ANSWER]),
        ({"prompt": [ASK], "completion": [ANSWER]}, [ASK, ANSWER]),
        # Of a prompt nothing is learnt.
        ({"prompt": [ASK, ANSWER, ASK], "completion": [ANSWER]}, [ASK, {**ANSWER, "weight": 0}, ASK, ANSWER]),
        (
            {"conversations": [{"from": "human", "value": "Which way?"}, {"from": "gpt", "value": "North."}]},
            [ASK, ANSWER],
        ),
        (
            {"system": "Be brief.", "conversations": [{"from": "user", "value": "Which way?"}]},
            [said("system", "Be brief."), ASK],
        ),
        ({"instruction": "Which way?", "input": "", "output": "North."}, [ASK, ANSWER]),
        (
            {"instruction": "Translate.", "input": "nord", "output": "north", "system": "Be brief.",
             "history": [["Which way?", "North."]]},
            [said("system", "Be brief."), ASK, ANSWER, said("user", "Translate.\nnord"), said("assistant", "north")],
        ),
    ],
)  # fmt: skip
def test_each_dialect_is_read_to_messages(line: Payload, messages: list[Payload]) -> None:
    dialect = detect(line)
    assert dialect is not None

    assert list(read(dialect, line).messages) == messages


@pytest.mark.parametrize(
    "line",
    [
        {"prompt": "Which way?", "chosen": "North.", "rejected": "South."},
        {"prompt": [ASK], "chosen": [ANSWER], "rejected": [said("assistant", "South.")]},
        {"chosen": [ASK, ANSWER], "rejected": [ASK, said("assistant", "South.")]},
    ],
)
def test_each_way_to_write_a_pair_is_read_to_one(line: Payload) -> None:
    assert read("trl", line) == Example((ASK,), (ANSWER,), (said("assistant", "South."),))


def test_columns_that_hold_nothing_of_the_conversation_are_named(tmp_path: Path) -> None:
    lines = [{"instruction": f"{n}?", "output": "x", "id": n} for n in range(50)]

    said_of = report(tmp_path, text(*lines))

    (note,) = [finding for finding in said_of.findings if finding.code == "left_out"]
    assert note.what == "the column 'id' holds nothing of the conversation, in 50 lines"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ({"instruction": "x"}, "there is no text 'output'"),
        ({"conversations": [{"from": "human"}]}, "turn 1 has no text 'value'"),
        ({"conversations": [{"from": "judge", "value": "x"}]}, "turn 1 is from 'judge'"),
        (
            {"conversations": [{"from": "tool", "value": "x"}]},
            "turn 1 is from 'tool', and tool calls have no ids there",
        ),
        ({"prompt": "x"}, "there is no list 'completion'"),
        ({"chosen": [ASK, ANSWER]}, "there is no list 'rejected'"),
        ({"text": "x"}, "plain text has no turns, so who says what would be a guess"),
    ],
)
def test_a_line_that_lacks_a_part_says_which(line: Payload, what: str) -> None:
    dialect = detect(line)
    assert dialect is not None

    with pytest.raises(Misshapen) as caught:
        read(dialect, line)

    assert str(caught.value) == what


def test_such_a_line_is_an_error_with_its_place(tmp_path: Path) -> None:
    lines: list[Payload] = [{"instruction": f"{n}?", "output": "x"} for n in range(12)]

    said_of = report(tmp_path, text(*lines, {"instruction": "x"}))

    assert codes(said_of) == {"missing_messages_list": [1], "malformed_example": [13]}


@pytest.mark.parametrize(
    ("dialect", "line"),
    [
        ("openai", {"messages": [ASK, ANSWER]}),
        ("trl", {"messages": [ASK, ANSWER]}),
        ("sharegpt", {"conversations": [{"from": "human", "value": "Which way?"}, {"from": "gpt", "value": "North."}]}),
        ("alpaca", {"instruction": "Which way?", "input": "", "output": "North."}),
        ("prompt-completion", {"prompt": "Which way?", "completion": "North."}),
    ],
)
def test_each_dialect_is_written_as_its_readers_know_it(dialect: Dialect, line: Payload) -> None:
    assert write(dialect, Example((ASK, ANSWER))) == line


@pytest.mark.parametrize(
    ("dialect", "example", "what"),
    [
        ("openai", Example((ASK,), (ANSWER,), (ANSWER,)), "it is a pair of answers, and chat lines hold one answer"),
        ("dpo", Example((ASK, ANSWER)), "it has one answer, where a pair of them is needed"),
        ("sharegpt", Example((ASK, {**ANSWER, "weight": 1})), "message 2 has 'weight', which ShareGPT cannot hold"),
        ("alpaca", Example((ASK, ANSWER), beside={"tools": []}), "it has 'tools', which Alpaca cannot hold"),
        ("alpaca", Example((ANSWER,)),
         "Alpaca holds a question and its answer, in turns; this example has them in another order"),
        ("prompt-completion", Example((ASK, ANSWER, ASK, ANSWER)),
         "a prompt with its completion is one question and one answer; this example has more, or less"),
        ("trl", Example((ASK, {**ANSWER, "weight": 0}, {**ANSWER, "weight": 0})),
         "TRL has no weights: it learns every answer, or the last one alone"),
        ("trl", Example((ASK, ANSWER), beside={"functions": []}), "TRL has no 'functions'"),
    ],
)  # fmt: skip
def test_what_a_dialect_cannot_hold_is_said_and_not_dropped(dialect: Dialect, example: Example, what: str) -> None:
    with pytest.raises(Misshapen) as caught:
        write(dialect, example)

    assert str(caught.value) == what


# --- laws -------------------------------------------------------------------------------------------------------------

WORDS = st.text(max_size=8)
MESSAGES = st.lists(
    st.builds(said, st.sampled_from(["system", "user", "assistant", "developer"]), WORDS)
    | st.builds(lambda said_here, weight: said("assistant", said_here, weight=weight), WORDS, st.sampled_from([0, 1]))
    | st.builds(lambda said_here: said("user", said_here, name="Anna"), WORDS),
    min_size=1,
    max_size=5,
).map(tuple)
TURNS = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3).map(
    lambda turns: tuple(each for ask, answer in turns for each in (said("user", ask), said("assistant", answer)))
)
ANSWERS = st.lists(st.builds(said, st.just("assistant"), WORDS), min_size=1, max_size=2).map(tuple)
TOOLS: st.SearchStrategy[Payload] = st.sampled_from([{}, {"tools": [{"type": "function"}]}])
EXAMPLES = st.builds(Example, MESSAGES | TURNS, beside=TOOLS) | st.builds(Example, MESSAGES, ANSWERS, ANSWERS, TOOLS)


@pytest.mark.parametrize("dialect", WRITABLE)
@settings(deadline=None)
@given(example=EXAMPLES)
def test_what_was_written_is_read_again_as_it_was(dialect: Dialect, example: Example) -> None:
    try:
        line = write(dialect, example)
    except Misshapen:
        return

    again = detect(json.loads(json.dumps(line)))

    assert again is not None
    assert read(again, line) == example


@settings(deadline=None)
@given(turns=TURNS)
def test_a_plain_conversation_goes_through_every_dialect_of_conversations(turns: tuple[Payload, ...]) -> None:
    example = Example(turns)

    for dialect in ("openai", "trl", "sharegpt", "alpaca"):
        line = write(dialect, example)
        again = detect(line)
        assert again is not None
        example = read(again, line)

    assert example.messages == turns


def test_a_good_line_is_written_as_it_was() -> None:
    assert write("openai", read("openai", chat(1, tools=[]))) == chat(1, tools=[])
    assert write("dpo", read("dpo", pair(1))) == pair(1)
