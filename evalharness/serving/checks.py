"""What the server says of a training file: at the upload, and when a job looks into it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from evalharness.errors import Faults
from evalharness.records import Message, Payload
from evalharness.serving.brain import Example
from evalharness.tuning.dataset import Wanted, check
from evalharness.tuning.rules import Finding

Side: TypeAlias = Literal["training", "validation"]

FORMAT = ("unrecognized_key", "special_token", "missing_key")
"""Rules whose breach servers call an error of the format; all others make the file invalid."""


class Unfit(Exception):
    """Why a job fails because of a file, as its `error` says it."""

    def __init__(self, code: str, message: str, param: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param

    @property
    def shown(self) -> Payload:
        """The job's `error`."""
        return {"code": self.code, "message": self.message, "param": self.param}


def upload_fault(content: bytes) -> str | None:
    """Why a file for tuning is not taken at all; None where it is."""
    for number, line in enumerate(_lines(content), 1):
        if _object(line) is None:
            start = line[:HINTED].decode("utf-8", "replace")
            return (
                "Expected file to have JSONL format, where every line is a JSON dictionary. "
                f'Line {number} is not a dictionary (HINT: line starts with: "{start}...").'
            )
    return None


HINTED = 20
"""Bytes of a line that the hint quotes."""


def examples(path: Path, side: Side, file: str, method: str) -> tuple[Example, ...]:
    """The conversations of a file; `Unfit` where a job cannot use it. file: its id. method: the job's."""
    known: Literal["supervised", "dpo"] = "dpo" if method == "dpo" else "supervised"
    try:
        report = check(path, Wanted(method=known), file)
    except Faults as faults:
        raise _invalid(side, faults.what) from None
    wrong = [finding for finding in report.findings if finding.severity == "error"]
    if side == "validation":
        wrong = [finding for finding in wrong if finding.code != "invalid_n_examples"]
    if known == "dpo" and report.dialect == "openai":
        raise _invalid(
            side,
            f"Input file {file} is in the fine-tune-chat format, but the specified fine-tuning job is not using "
            f"'supervised' as the training method (provided method={method}).",
        )
    if report.totals.get("missing_messages_list", 0) == report.examples:
        raise _invalid(side, "Unexpected file format, expected either prompt/completion pairs or chat messages.")
    if wrong:
        raise _unfit(side, wrong[0])
    if known == "dpo":
        raise _invalid(side, "This model learns from replies, not from preferences between two.")
    return tuple(_read(path))


def _unfit(side: Side, finding: Finding) -> Unfit:
    """A finding as the job's error: in a server's own words where they are known."""
    if finding.code == "invalid_n_examples":
        return Unfit(finding.code, finding.server, f"{side}_file")
    said = finding.server or f"Invalid file format. Line {finding.line}: {finding.what}"
    if finding.code in FORMAT:
        what = f"The job failed due to a file format error in the {side} file. {said}"
        return Unfit("invalid_file_format", what, f"{side}_file")
    return _invalid(side, said.removeprefix("The job failed due to an invalid training file. "))


def _invalid(side: Side, what: str) -> Unfit:
    said = f"The job failed due to an invalid {side} file. {what}"
    return Unfit(f"invalid_{side}_file", said, f"{side}_file")


def _read(path: Path) -> Iterator[Example]:
    """The examples of a file in which nothing is wrong."""
    for line in _lines(path.read_bytes()):
        messages = (_object(line) or {}).get("messages")
        said = [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []
        learnt = tuple(message["role"] == "assistant" and message.get("weight", 1) != 0 for message in said)
        yield Example(tuple(_message(message) for message in said), learnt)


def _message(message: Payload) -> Message:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    words = content if isinstance(content, str) else ""
    match message["role"]:
        case "system" | "developer":
            return Message("system", words)
        case "assistant":
            return Message("assistant", words)
        case _:
            return Message("user", words)


def _lines(content: bytes) -> list[bytes]:
    lines = content.split(b"\n")
    return lines[:-1] if not lines[-1].strip() else lines


def _object(line: bytes) -> Payload | None:
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
