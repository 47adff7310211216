"""The page on training files shows what is printed, and lists every rule and dialect."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

from evalharness.cli.tune import DIALECTS, METHODS
from evalharness.tuning.checks import Method
from evalharness.tuning.dialects import NAMES, WRITABLE
from evalharness.tuning.rules import RULES
from tests.shells.cli import ROOT, evalharness
from tests.tuning.lines import chat, text

PAGE = (ROOT / "docs/training-files.md").read_text("utf-8")


def test_every_rule_stands_under_its_severity_with_its_meaning() -> None:
    parts = re.split(r"^### (.+)$", PAGE.partition("## Rules")[2], flags=re.MULTILINE)
    titles = {"What a server rejects": "error", "What is probably not meant": "warning", "Good to know": "note"}

    listed = {
        (code, titles[title], meaning)
        for title, part in zip(parts[1::2], parts[2::2], strict=True)
        for code, meaning in re.findall(r"^\| `(\w+)` \| (.+) \|$", part, re.MULTILINE)
    }

    assert listed == {(code, rule.severity, rule.meaning) for code, rule in RULES.items()}


def test_every_dialect_is_described() -> None:
    part = PAGE.partition("## Dialects")[2].partition("##")[0]

    assert re.findall(r"^\| `([a-z-]+)` \|", part, re.MULTILINE) == list(NAMES)


def test_the_command_line_offers_what_there_is() -> None:
    assert DIALECTS == WRITABLE
    assert get_args(Method) == METHODS


def test_the_printed_example_is_what_is_printed(tmp_path: Path) -> None:
    lines = [chat(number) for number in range(11)]
    mistyped = json.loads(text(lines[3]).replace("assistant", "asistant"))
    path = tmp_path / "train.jsonl"
    path.write_text(text(*lines[:3], mistyped, lines[4], chat(5, weight=1), *lines[6:], lines[0]))
    (shown,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)

    done = evalharness("tune", "check", "train.jsonl", cwd=tmp_path)

    assert done.status == 2
    for part in shown.split("...\n"):
        assert part in done.out


def test_the_commands_of_the_page_run(tmp_path: Path) -> None:
    unlike = ["Who rings the bell?", "Which way to the pier?", "Are whales fish?", "When does the fog lift?"]
    told = [{"role": "assistant", "content": "Ask the keeper."}]
    others = [{"messages": [{"role": "user", "content": ask}, *told]} for ask in unlike]
    (tmp_path / "train.jsonl").write_text(text(*map(chat, range(12)), *others))
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites/marv.yaml").write_text("suite: marv\ncases: [{ask: How deep is basin 1?, expect: '4'}]\n")
    (tmp_path / "alpaca.json").write_text(json.dumps([{"instruction": f"{n}?", "output": "x"} for n in range(12)]))
    commands = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]

    statuses = []
    for command in commands:
        statuses.append(evalharness(*command.split()[1:], cwd=tmp_path).status)
        if command == commands[-2]:
            (tmp_path / "train.jsonl").unlink()  # the last one writes it

    assert len(commands) == 4
    assert statuses == [0, 0, 0, 0]
    assert (tmp_path / "my-tune/suites/train.yaml").is_file()
