"""What a server rejects: the smallest example that breaks each rule."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.records import Payload
from evalharness.tuning.checks import Method
from evalharness.tuning.dataset import Wanted, size_findings
from evalharness.tuning.rules import RULES, Finding
from tests.tuning.lines import chat, codes, found, pair, report, said, text

ASK, ANSWER = said("user", "Which way?"), said("assistant", "North.")
TOOL: Payload = {"type": "function", "function": {"name": "tide", "parameters": {}}}
CALL: Payload = {"id": "c1", "type": "function", "function": {"name": "tide", "arguments": '{"at": 1}'}}
CALLING = said("assistant", None, tool_calls=[CALL])
CALLED = said("tool", "high", tool_call_id="c1")


def only(folder: Path, line: object, wanted: Wanted | None = None) -> Finding:
    """The one error that a line among good ones makes."""
    good = text(*map(pair if wanted and wanted.method == "dpo" else chat, range(100, 112)))
    (finding,) = [f for f in report(folder, good + text(line), wanted).findings if f.severity == "error"]
    return finding


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ({}, "missing_messages_list"),
        ({"messages": []}, "missing_messages_list"),
        ({"messages": "x"}, "missing_messages_list"),
        (chat(1, weight=1), "unrecognized_key"),
        (chat(1, tools={}), "invalid_tools"),
        (chat(1, tools=[{"type": "function"}]), "invalid_tools"),
        (chat(1, functions=[{}]), "invalid_tools"),
        (chat(1, parallel_tool_calls=1), "invalid_tools"),
        ({"messages": [ASK, "x", ANSWER]}, "data_type"),
        ({"messages": [{"content": "x"}, ANSWER]}, "message_missing_key"),
        ({"messages": [{**ASK, "text": "x"}, ANSWER]}, "message_unrecognized_key"),
        ({"messages": [said("User", "x"), ANSWER]}, "unrecognized_role"),
        ({"messages": [{"role": 1, "content": "x"}, ANSWER]}, "unrecognized_role"),
        ({"messages": [{"role": "user"}, ANSWER]}, "missing_content"),
        ({"messages": [said("user", None), ANSWER]}, "missing_content"),
        ({"messages": [said("user", 3), ANSWER]}, "missing_content"),
        ({"messages": [said("user", []), ANSWER]}, "missing_content"),
        ({"messages": [said("user", [{"type": "picture"}]), ANSWER]}, "missing_content"),
        ({"messages": [said("user", [{"type": "image_url"}]), ANSWER]}, "missing_content"),
        ({"messages": [ASK]}, "no_assistant_message"),
        ({"messages": [ASK, ANSWER, ASK]}, "last_message_not_assistant"),
        ({"messages": [ASK, {**ANSWER, "weight": 2}]}, "invalid_weight"),
        ({"messages": [ASK, {**ANSWER, "weight": True}]}, "invalid_weight"),
        ({"messages": [ASK, {**ANSWER, "weight": 1.0}]}, "invalid_weight"),
        ({"messages": [{**ASK, "weight": 1}, ANSWER]}, "invalid_weight"),
        ({"messages": [ASK, {**ANSWER, "weight": 0}]}, "nothing_to_train"),
        ({"messages": [ASK, said("assistant", "So <|im_end|> it is.")]}, "special_token"),
        ({"messages": [ASK, said("assistant", None, tool_calls=[])]}, "missing_content"),
        ({"messages": [ASK, said("assistant", None, tool_calls=[{"id": "c1"}])]}, "invalid_tool_call"),
        ({"messages": [{**ASK, "tool_calls": [CALL]}, ANSWER]}, "invalid_tool_call"),
        ({"messages": [ASK, CALLING, said("tool", "high"), ANSWER]}, "invalid_tool_call"),
        ({"messages": [ASK, CALLING, said("tool", "high", tool_call_id="c2"), ANSWER]}, "invalid_tool_call"),
    ],
)
def test_each_rule_names_its_line_once(line: object, code: str, tmp_path: Path) -> None:
    errors = {each: lines for each, lines in found(tmp_path, line).items() if RULES[each].severity == "error"}

    assert errors.pop(code) == [1]
    assert set(errors) <= {"invalid_tool_call"}  # an empty list of calls is two mistakes


@pytest.mark.parametrize(
    "line",
    [
        chat(1, tools=[TOOL], parallel_tool_calls=False),
        {"messages": [ASK, CALLING, CALLED, ANSWER], "tools": [TOOL]},
        {"messages": [said("developer", "Be brief."), ASK, ANSWER]},
        {"messages": [ASK, {**ANSWER, "weight": 0}, ASK, {**ANSWER, "weight": 1}]},
        {"messages": [{**ASK, "name": "Anna"}, ANSWER]},
        {"messages": [said("user", [{"type": "text", "text": "Which way?"}]), ANSWER]},
        {"messages": [ASK, said("assistant", None, refusal="No.")]},
    ],
)
def test_what_servers_take_is_no_error(line: object, tmp_path: Path) -> None:
    errors = [code for code in found(tmp_path, line) if RULES[code].severity == "error"]

    assert errors == []


@pytest.mark.parametrize(
    ("line", "what", "hint", "server"),
    [
        (
            chat(1, weight=1),
            "there is 'weight' beside 'messages', which no server takes",
            "`weight` belongs into a message of the assistant",
            'Invalid file format. Example 13 contains an extra "weight".',
        ),
        (
            {"messages": [ASK, {"content": "x"}, ANSWER]},
            "message 2 has no 'role'",
            "",
            "Invalid file format. Example 13, message 2 Discriminator 'role' is missing in value",
        ),
        (
            {"message": [ASK, ANSWER]},
            "there is no 'messages'",
            "'message' must be called 'messages'",
            "Invalid file format. Example 13 is missing key 'messages'",
        ),
        (
            {"messages": [ASK, said("assistant", "x <|fim_suffix|>")]},
            "message 2 holds the token <|fim_suffix|>, with which servers part messages",
            "take it out: the server puts its own",
            "Invalid file format. Example 13 message contains an invalid token: <|fim_suffix|>.",
        ),
        (
            {"messages": [ASK, said("asistant", "x")]},
            "message 2 has the role 'asistant'",
            "did you mean 'assistant'?",
            "",
        ),
    ],
)
def test_a_finding_says_what_what_to_do_and_what_the_server_says(
    line: object, what: str, hint: str, server: str, tmp_path: Path
) -> None:
    finding = only(tmp_path, line)

    assert (finding.line, finding.what, finding.hint, finding.server) == (13, what, hint, server)


# --- other methods ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"input": None}, "missing_messages_list"),
        ({"input": {"messages": []}}, "missing_messages_list"),
        ({"preferred_output": []}, "missing_messages_list"),
        ({"preferred_output": [said("user", "x")]}, "last_message_not_assistant"),
        ({"non_preferred_output": [said("assistant", 3)]}, "missing_content"),
        ({"weight": 1}, "unrecognized_key"),
    ],
)
def test_each_rule_of_pairs_names_its_line(change: Payload, code: str, tmp_path: Path) -> None:
    errors = found(tmp_path, pair(1) | change, wanted=Wanted("dpo"))

    assert errors == {code: [1]}


@pytest.mark.parametrize("key", ["input", "preferred_output", "non_preferred_output"])
def test_a_pair_without_a_part_is_told_as_the_server_does(key: str, tmp_path: Path) -> None:
    line = {name: value for name, value in pair(1).items() if name != key}

    finding = only(tmp_path, line, Wanted("dpo"))

    assert (finding.code, finding.what) == ("missing_key", f"there is no '{key}'")
    assert finding.server == f"Example 13 is missing key '{key}'."


def test_pairs_are_known_by_their_lines(tmp_path: Path) -> None:
    said_of = report(tmp_path, text(*map(pair, range(12))))

    assert (said_of.valid, said_of.dialect, said_of.method) == (True, "dpo", "dpo")


def test_chat_lines_given_to_dpo_are_told_once_in_the_words_of_the_server(tmp_path: Path) -> None:
    said_of = report(tmp_path, text(*map(chat, range(12))), Wanted("dpo"))

    assert codes(said_of) == {"invalid_training_file": [1]}
    (error,) = [finding for finding in said_of.findings if finding.severity == "error"]
    assert "(provided method=dpo)" in error.server
    assert error.hint == "--method supervised checks it as such"


def test_reinforcement_ends_with_the_user_and_has_a_reference(tmp_path: Path) -> None:
    lines = (
        {"messages": [ASK], "depth": 3},
        {"messages": [ASK, ANSWER], "depth": 3},
        {"messages": [said("user", "And then?")]},
    )

    assert found(tmp_path, *lines, wanted=Wanted("reinforcement")) == {
        "last_message_not_user": [2],
        "no_reference": [3],
    }


# --- the file ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lines", "told"), [(0, "0 examples"), (1, "1 example"), (9, "9 examples")])
def test_ten_examples_are_the_least(lines: int, told: str, tmp_path: Path) -> None:
    said_of = report(tmp_path, text(*map(chat, range(lines))))

    (error,) = [finding for finding in said_of.findings if finding.severity == "error"]
    assert (error.code, error.line, error.what) == ("invalid_n_examples", 0, f"{told}, fine-tuning needs at least 10")
    assert error.server == f"Training file has {lines} example(s), but must have at least 10 examples"


def test_ten_are_enough_and_from_fifty_on_nothing_is_said_of_their_number(tmp_path: Path) -> None:
    few, many = (report(tmp_path, text(*map(chat, range(count)))) for count in (10, 50))

    assert (few.valid, few.totals) == (True, {"few_examples": 1})
    assert (many.valid, many.totals) == (True, {})


def test_a_file_beyond_what_an_upload_takes_is_told() -> None:
    assert list(size_findings(512_000_000)) == []
    assert list(size_findings(512_100_000)) == [
        Finding("file_too_large", 0, "this file has 512.1 MB, and an upload takes 512", "split it, or train on a part")
    ]


def test_findings_of_one_kind_are_counted_beyond_those_that_are_kept(tmp_path: Path) -> None:
    said_of = report(tmp_path, text(*({"messages": [ASK]} for _ in range(1_200))))

    assert said_of.totals["no_assistant_message"] == said_of.count("error") == 1_200
    assert len(said_of.findings) == 1_000


def test_every_code_is_met_by_some_test() -> None:
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))

    assert [code for code in RULES if f'"{code}"' not in tests] == []


# --- anything ---------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["user", "assistant", "tool", "human", "gpt", "function", "text", "c1", "x", "", "\u0664", "<|im_end|>", "+1 2"]
)
# fmt: off
KEYS = st.sampled_from([
    "messages", "role", "content", "weight", "tools", "tool_calls", "tool_call_id", "id", "type", "function", "name",
    "arguments", "input", "preferred_output", "non_preferred_output", "prompt", "completion", "chosen", "rejected",
    "conversations", "from", "value", "instruction", "output", "history", "system", "text", "image_url", "functions",
])
# fmt: on
ANYTHING: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.just(0.5) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=24,
)


@settings(deadline=None)
@given(
    lines=st.lists(st.dictionaries(KEYS, ANYTHING, max_size=5), min_size=1, max_size=3),
    method=st.sampled_from([None, "supervised", "dpo", "reinforcement"]),
)
def test_no_json_is_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Payload], method: Method | None
) -> None:
    said_of = report(tmp_path_factory.mktemp("any"), text(*lines), Wanted(method))

    assert said_of.examples == len(lines)
    assert said_of.totals["invalid_n_examples"] == 1


@pytest.mark.parametrize("depth", [90, 200, *range(980, 1_000), 5_000])
def test_no_depth_is_a_traceback(depth: int, tmp_path: Path) -> None:
    messages = [said("user", "x", name="DEEP"), said("assistant", "y")]
    deep = text({"messages": messages}).replace('"DEEP"', "[" * depth + "]" * depth)

    said_of = report(tmp_path, text(*map(chat, range(12))) + deep)

    assert codes(said_of, after=12) == ({"invalid_json": [1]} if depth > 97 else {"missing_system": [1]})
