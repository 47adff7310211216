"""Training files made of a few lines."""

from __future__ import annotations

import json
from pathlib import Path

from evalharness.records import Payload
from evalharness.tuning.dataset import Report, Wanted, check

SYSTEM = "You answer as an old harbour master."


def said(role: str, content: object, **more: object) -> Payload:
    """One message."""
    return {"role": role, "content": content, **more}


def chat(number: int = 0, *messages: Payload, **beside: object) -> Payload:
    """A good line, or one of these messages."""
    usual = (
        said("system", SYSTEM),
        said("user", f"How deep is basin {number}?"),
        said("assistant", f"{number + 3} fathoms, on a good tide."),
    )
    return {"messages": list(messages or usual), **beside}


def pair(number: int = 0) -> Payload:
    """A good line of two answers."""
    return {
        "input": {"messages": [said("user", f"How deep is basin {number}?")]},
        "preferred_output": [said("assistant", f"{number + 3} fathoms.")],
        "non_preferred_output": [said("assistant", "Deep enough.")],
    }


def text(*lines: object) -> str:
    """A file of lines."""
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


def report(folder: Path, content: str | bytes, wanted: Wanted | None = None, name: str = "train.jsonl") -> Report:
    """What is said about a file with that content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))
    return check(path, wanted or Wanted(), name)


def found(folder: Path, *lines: object, wanted: Wanted | None = None) -> dict[str, list[int]]:
    """The errors and warnings of these lines among twelve good ones, which stand first: codes with their lines."""
    good = [pair(n) if wanted and wanted.method == "dpo" else chat(n) for n in range(100, 112)]
    if wanted and wanted.method == "reinforcement":
        good = [{"messages": [said("user", f"How deep is basin {n}?")], "depth": n} for n in range(12)]
    return codes(report(folder, text(*good, *lines), wanted), after=12)


def codes(said_of: Report, *, after: int = 0) -> dict[str, list[int]]:
    """The codes of errors and warnings, with their lines counted from the one after `after`."""
    rows: dict[str, list[int]] = {}
    for finding in said_of.findings:
        if finding.severity != "note":
            rows.setdefault(finding.code, []).append(max(0, finding.line - after))
    return rows
