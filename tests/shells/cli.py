"""Runs a verb as the command line does, in this process."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evalharness.cli import main
from evalharness.records import Payload

ROOT = Path(__file__).parents[2]

ANSWER = """\
import json, sys
question = json.load(sys.stdin)["messages"][-1]["content"]
print(question.partition(":")[0] if sys.argv[1] == "right" else "no idea")
"""
"""A program that says what stands before the colon of the question, or does not."""

CONFIG = """\
[models]
right = { use = "command:python answer.py right" }
wrong = { use = "command:python answer.py wrong" }
base = { use = "replay:base.jsonl" }
tuned = { use = "replay:tuned.jsonl" }
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Payload:
        """The object on stdout."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def evalharness(*arguments: str, cwd: Path) -> Done:
    """`evalharness ARGUMENTS` in a folder."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True) for _ in range(2))
    status = 0
    with contextlib.chdir(cwd), arguments_of("evalharness", *arguments):
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    return Done(status, *(printed(stream) for stream in (out, err)))


def printed(stream: io.TextIOWrapper) -> str:
    """What went into a stream."""
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


@contextlib.contextmanager
def arguments_of(*words: str) -> Iterator[None]:
    """The command line, on a screen of a hundred columns, for as long as it lasts."""
    before, sys.argv = sys.argv, list(words)
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        yield
    finally:
        sys.argv = before
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns


def project(where: Path, suite: str, **recorded: dict[str, str]) -> Path:
    """A folder with a config, a suite called `made` and recordings by arm; its suite."""
    (where / "evalharness.toml").write_text(CONFIG)
    (where / "answer.py").write_text(ANSWER)
    for arm, replies in recorded.items():
        rows = [json.dumps({"case": case, "sample": 0, "text": text}) for case, text in replies.items()]
        (where / f"{arm}.jsonl").write_text("\n".join(rows) + "\n")
    path = where / "made.yaml"
    path.write_text(suite)
    return path


def numbered(cases: int, *, head: str = "", gate: str = "facts: {drop_at_most: 0.05}") -> str:
    """A suite of so many cases that each want their own number."""
    lines = ["suite: made", *head.splitlines(), "cases:"]
    for number in range(cases):
        lines += [f"  - id: c{number}", f"    ask: 'n{number}: say it'", f"    expect: n{number}"]
    return "\n".join([*lines, f"gate: {{{gate}}}" if gate else ""]) + "\n"


def replies(cases: int, *, wrong: int = 0) -> dict[str, str]:
    """What an arm said, the first so many of it wrong."""
    return {f"c{number}": "no idea" if number < wrong else f"it is n{number}" for number in range(cases)}
