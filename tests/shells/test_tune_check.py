from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shells.cli import ROOT, Done, evalharness
from tests.tuning.lines import SYSTEM, chat, said, text

GOOD = text(*map(chat, range(12)))


def check(folder: Path, *options: str) -> Done:
    return evalharness("tune", "check", "train.jsonl", *options, cwd=folder)


def test_a_good_file_is_ready_to_upload(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD)

    done = check(tmp_path)

    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines()[-2:] == [
        "ready to upload: 12 examples",
        "next: evalharness tune check train.jsonl --suite SUITE   (does the suite ask what was trained?)",
    ]


def test_warnings_do_not_make_it_bad(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD + text(chat(0)))

    done = check(tmp_path)

    assert done.status == 0
    assert "\nready to upload: 13 examples, 1 warning\n" in done.out


def test_of_one_kind_three_are_printed_and_the_others_counted(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD + text(*({"messages": [said("user", f"{n}?")]} for n in range(20))))

    done = check(tmp_path)

    assert done.status == 2
    assert done.out.startswith(
        "train.jsonl:13: no message is the assistant's  [no_assistant_message]\n"
        "  hint: an example ends with the answer to learn; for reinforcement, give --method reinforcement\n"
        "train.jsonl:14: no message is the assistant's\n"
        "train.jsonl:15: no message is the assistant's\n"
        "  and 17 more: line 16, 17, 18, 19, 20, 21, 22, 23, ...\n"
    )
    assert "\na server would reject this: 20 errors\n" in done.out


def test_json_is_one_object_with_codes_lines_and_estimates(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD + text(chat(0), chat(1, weight=1)))

    said_of = check(tmp_path, "--json", "--epochs", "2", "--price", "8").json

    errors, warnings, estimate, tokens = (said_of[name] for name in ("errors", "warnings", "estimate", "tokens"))
    assert isinstance(errors, list)
    assert isinstance(warnings, list)
    assert isinstance(estimate, dict)
    assert isinstance(tokens, dict)
    assert (said_of["valid"], said_of["examples"], said_of["dialect"]) == (False, 14, "openai")
    assert [(each["code"], each["line"]) for each in errors] == [("unrecognized_key", 14)]
    assert [(each["code"], each["lines"]) for each in warnings] == [("duplicate_example", [1, 13])]
    assert estimate["billed"] == 2 * tokens["total"]
    assert estimate["usd"] == pytest.approx(16e-6 * tokens["total"])


def test_what_is_hostile_in_a_file_moves_no_cursor(tmp_path: Path) -> None:
    line = chat(0, said("user\x1b[2J\u202e", "x"), said("assistant", "y"), **{"\x1b]0;owned\x07": 1})
    (tmp_path / "train.jsonl").write_text(GOOD + text(line))

    done = check(tmp_path)

    assert done.status == 2
    assert "\\x1b" in done.out
    assert not {"\x1b", "\x07", "\u202e"} & set(done.out)


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "train.jsonl: 0 examples, fine-tuning needs at least 10"),
        (text(*map(chat, range(3))).encode(), "train.jsonl: 3 examples, fine-tuning needs at least 10"),
        (json.dumps([*map(chat, range(12))]).encode(), "train.jsonl:1: this file is one JSON array"),
        (GOOD.encode()[:-40], "train.jsonl:12: this is not JSON: unterminated string"),
        (GOOD.replace("tide", "t\u00eede").encode("latin-1"), "train.jsonl:1: byte 0xee is not UTF-8"),
        (GOOD.encode("utf-16"), "train.jsonl:1: this file is UTF-16, not UTF-8"),
        (GOOD.encode() + b'{"messages": "\0"}\n', "train.jsonl:13: there is a NUL character here"),
    ],
    ids=["empty", "three-lines", "array", "truncated", "latin-1", "utf-16", "nul"],
)
def test_bad_input_is_told_with_what_to_do_and_stays_as_it_is(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(content)

    done = check(tmp_path)

    assert done.status == 2
    first, hint = done.out.splitlines()[:2]
    assert first.startswith(says)
    assert "hint: " in done.out.partition("\n\n")[0]
    assert hint
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n").encode()])
def test_a_byte_order_mark_and_the_line_ends_of_windows_are_taken(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(content)

    assert check(tmp_path).status == 0


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    done = check(tmp_path)

    assert (done.status, done.out, done.err) == (2, "", "train.jsonl: there is no such file\n")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--model", "llama-3"),
            "how long an example of model 'llama-3' may be is not known\n"
            "  hint: give --context TOKENS; known: gpt-3.5-turbo-0125, gpt-3.5-turbo-0613, gpt-3.5-turbo-1106,"
            " gpt-4o-mini\n",
        ),
        (("-o", "new.jsonl"), "-o: nothing is to be written\n  hint: give --fix or --convert DIALECT, too\n"),
        (
            ("--fix", "-o", "new.jsonl"),
            "train.jsonl: there is nothing to repair, so new.jsonl was not written\n  hint: check it without -o\n",
        ),
    ],
)
def test_options_that_cannot_be_met_say_so(options: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD)

    done = check(tmp_path, *options)

    assert (done.status, done.err) == (2, says)
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


# --- writing ----------------------------------------------------------------------------------------------------------


def test_fix_writes_a_new_file_says_each_repair_and_checks_it(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("\ufeff" + GOOD.replace("\n", "\n\n", 2))

    done = check(tmp_path, "--fix")

    assert done.status == 0
    assert done.out.startswith("wrote train.fixed.jsonl\n  byte order mark removed\n  blank line removed (2 times)\n")
    assert (tmp_path / "train.fixed.jsonl").read_text() == GOOD
    again = check(tmp_path, "--fix")
    assert (again.status, again.err.splitlines()[0]) == (2, "train.fixed.jsonl: is there already")


def test_fix_writes_nothing_where_nothing_is_to_be_repaired(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD)

    done = check(tmp_path, "--fix")

    assert (done.status, done.out.splitlines()[0]) == (0, "nothing to repair, so no file was written")
    assert [path.name for path in tmp_path.iterdir()] == ["train.jsonl"]


def test_fix_leaves_what_would_be_a_guess_and_says_that_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("\n" + GOOD + text(chat(0, said("usr", "x"), said("assistant", "y"))))

    done = check(tmp_path, "--fix")

    assert done.status == 2
    assert "train.fixed.jsonl:13: message 1 has the role 'usr'" in done.out


def test_convert_writes_another_dialect_and_checks_it(tmp_path: Path) -> None:
    rows = [{"instruction": f"How deep is basin {n}?", "output": f"{n} fathoms.", "id": n} for n in range(12)]
    (tmp_path / "train.jsonl").write_text(text(*rows))

    before = check(tmp_path)
    done = check(tmp_path, "--convert", "openai", "-o", "chat.jsonl")

    assert (before.status, done.status) == (2, 0)
    assert done.out.startswith(
        "wrote chat.jsonl\n  left out: the column 'id' holds nothing of the conversation, in 12 lines\n"
    )
    assert before.out.endswith("next: evalharness tune check train.jsonl --convert openai\n")
    assert json.loads((tmp_path / "chat.jsonl").read_text().splitlines()[2]) == {
        "messages": [said("user", "How deep is basin 2?"), said("assistant", "2 fathoms.")]
    }


@pytest.mark.parametrize("dialect", ["trl", "sharegpt", "alpaca"])
def test_what_was_converted_for_other_trainers_is_not_held_against_uploads(dialect: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(text(*map(chat, range(5))))

    done = check(tmp_path, "--convert", dialect)

    assert done.status == 0
    assert done.out.endswith("\n\nready for trainers that read it: 5 examples\n")
    assert (tmp_path / f"train.{dialect}.jsonl").is_file()


# --- beside a suite ---------------------------------------------------------------------------------------------------


def test_a_suite_that_asks_what_is_trained_on_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD)
    (tmp_path / "basins.yaml").write_text(
        "suite: basins\nsystem: Be brief.\ncases:\n  - {id: one, ask: how deep is basin 7, expect: '10'}\n"
    )

    done = check(tmp_path, "--suite", "basins.yaml", "--json")

    warnings = done.json["warnings"]
    assert isinstance(warnings, list)
    assert done.status == 0
    told = {each["what"]: each["line"] for each in warnings}
    assert told["message 2 is what case 'one' of 'basins' asks"] == 8
    assert "the examples have another system prompt than suite 'basins' sends" in told


def test_a_suite_with_the_same_prompt_and_other_questions_is_fine(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD)
    (tmp_path / "basins.yaml").write_text(
        f"suite: basins\nsystem: {SYSTEM}\ncases:\n  - {{ask: Who keeps the light?, expect: Anna}}\n"
    )

    done = check(tmp_path, "--suite", "basins.yaml")

    assert done.out.splitlines()[-2:] == [
        "ready to upload: 12 examples",
        "next: tune, then evalharness compare basins.yaml --base NAME --tuned NAME",
    ]


# --- the terminal -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [60, 160])
def test_no_line_is_wider_than_the_terminal(columns: int, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(GOOD + text(chat(0), chat(1, weight=1), {"messages": [said("user", "x")]}))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": str(columns)}
    verb = [sys.executable, "-m", "evalharness.cli", "tune", "check", "train.jsonl", "--price", "8"]

    done = subprocess.run(verb, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert max(len(line) for line in done.stdout.splitlines()) <= columns
