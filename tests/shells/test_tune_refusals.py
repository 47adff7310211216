"""Training files and servers that are no good: what is said, what to do, and that nothing is sent or lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.loopback import Loopback
from tests.shells.cli import evalharness
from tests.tuning.scripted import Scripted
from tests.tuning.tunes import training


def start(server: Loopback, folder: Path) -> tuple[int, list[str]]:
    words = ("tune", "start", "marv.jsonl", "--model", "crow", "--base-url", server.url, "--poll", "0.05")
    done = evalharness(*words, cwd=folder)
    assert "Traceback" not in done.err
    return done.status, done.err.splitlines()


def array(raw: bytes) -> bytes:
    return b"[" + raw.strip().replace(b"\n", b",") + b"]"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda raw: b"".join(raw.splitlines(keepends=True)[:3]),
            "marv.jsonl: 3 examples, fine-tuning needs at least 10",
        ),
        (array, "marv.jsonl:1: this file is one JSON array, each line must be one JSON object"),
        (lambda raw: raw[:-4], "marv.jsonl:12: this is not JSON: expecting ',' delimiter at column 89"),
        (lambda raw: raw.replace(b"q3", "é".encode("latin-1")), "marv.jsonl:4: byte 0xe9 is not UTF-8"),
    ],
    ids=["three-lines", "array", "truncated", "latin-1"],
)
def test_a_file_that_no_server_takes_is_told_with_its_place_and_not_sent(
    spoil: Callable[[bytes], bytes], said: str, tmp_path: Path
) -> None:
    path = training(tmp_path, 12)
    path.write_bytes(spoil(path.read_bytes()))
    before = path.read_bytes()

    with Loopback(Scripted({})) as server:
        status, lines = start(server, tmp_path)

        assert server.count == 0
    assert status == 2
    assert lines[0].startswith(said)
    assert lines[-1].startswith("  hint: `evalharness tune check marv.jsonl` says all there is to say")
    assert path.read_bytes() == before


def test_a_server_without_the_endpoints_is_told_as_one(tmp_path: Path) -> None:
    training(tmp_path, 12)
    nothing = Scripted({})

    with Loopback(nothing) as server:
        status, lines = start(server, tmp_path)

    assert status == 2
    assert lines[1:] == [
        f"the upload: {server.url} says 404: there is no such thing",
        "  hint: a server without the endpoints for files and tuning jobs cannot be driven from here: tune by its own "
        "means, and name the tuned model in the config",
    ]
    assert nothing.seen == ["/v1/models/crow", "/v1/files", "/v1/files"]
