"""What the server says of a training file: at the upload, and when a job looks into it."""

from __future__ import annotations

import json
from typing import Literal, TypeAlias

from evalharness.records import Message, Payload
from evalharness.serving.brain import Example

Side: TypeAlias = Literal["training", "validation"]

FEWEST = 10


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
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "Expected file to have UTF-8 encoding."
    for number, line in enumerate(_lines(text), 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return (
                "Expected file to have JSONL format, where every line is a JSON dictionary. "
                f'Line {number} is not a dictionary (HINT: line starts with: "{line[:HINTED]}...").'
            )
    return None


HINTED = 20


def examples(content: bytes, side: Side, file: str, method: str) -> tuple[Example, ...]:
    """The conversations of a file; `Unfit` where a job cannot use it. file: its id. method: the job's."""
    rows = [json.loads(line) for line in _lines(content.decode("utf-8"))]
    if method != "supervised" and all("messages" in row for row in rows):
        raise _unfit(
            side,
            f"Input file {file} is in the fine-tune-chat format, but the specified fine-tuning job is not using "
            f"'supervised' as the training method (provided method={method}).",
        )
    found = tuple(_example(row, number, side) for number, row in enumerate(rows, 1))
    if side == "training" and len(found) < FEWEST:
        what = f"Training file has {len(found)} example(s), but must have at least {FEWEST} examples"
        raise Unfit("invalid_n_examples", what, "training_file")
    return found


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if lines and not lines[-1].strip() else lines


def _example(row: Payload, number: int, side: Side) -> Example:
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _unfit(side, "Unexpected file format, expected either prompt/completion pairs or chat messages.")
    said, learnt = [], []
    for at, message in enumerate(messages):
        if not isinstance(message, dict) or "role" not in message:
            raise _unfit(
                side, f"Invalid file format. Example {number}, message {at} Discriminator 'role' is missing in value"
            )
        content = message.get("content")
        match message["role"]:
            case "system" | "developer":
                said.append(Message("system", str(content or "")))
            case "assistant":
                said.append(Message("assistant", str(content or "")))
            case _:
                said.append(Message("user", str(content or "")))
        learnt.append(message["role"] == "assistant" and message.get("weight", 1) != 0)
    return Example(tuple(said), tuple(learnt))


def _unfit(side: Side, what: str) -> Unfit:
    return Unfit(f"invalid_{side}_file", f"The job failed due to an invalid {side} file. {what}", f"{side}_file")
