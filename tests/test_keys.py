"""What names an answer must not change: the cached answers of every earlier version would be bought again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from evalharness.records import Message, ModelRef, Origin, Request

GOLDEN = Path(__file__).parent / "golden" / "keys.json"


def golden_requests() -> dict[str, Request]:
    plain = ModelRef("base", "openai:gpt-4o-mini", base_url="https://api.example.com/v1")
    return {
        "plain": Request(plain, (Message("user", "Hi"),)),
        "sample": Request(plain, (Message("user", "Hi"),), sample=2),
        "params": Request(
            plain, (Message("system", "Be terse."), Message("user", "Hi")), {"temperature": 0, "top_p": 0.1}
        ),
        "unicode": Request(plain, (Message("user", "na\u00efve \U0001f600 \ud83d \0"),)),
        "extra body": Request(
            replace(plain, extra_body={"lora": {"name": "x", "scale": 0.5}}), (Message("user", "Hi"),)
        ),
        "server": Request(replace(plain, server="vllm-a"), (Message("user", "Hi"),)),
        "digest": Request(ModelRef("c", "command:./bot", digest="ab12"), (Message("user", "Hi"),)),
        "replay": Request(ModelRef("r", "replay:a.jsonl"), (Message("user", "Hi"),), origin=Origin("case-1", 1)),
    }


def test_keys_are_those_of_every_earlier_version_and_python() -> None:
    golden = json.loads(GOLDEN.read_text("ascii"))
    # The canonical JSON of the first, written out by hand.
    plain = (
        '{"schema":1,"kind":"chat","use":"openai:gpt-4o-mini","server":"https://api.example.com/v1","digest":"",'
        '"params":{},"extra_body":{},"sample":0,"messages":[["user","Hi"]]}'
    )

    assert golden["plain"] == hashlib.sha256(plain.encode()).hexdigest()
    assert {name: request.key() for name, request in golden_requests().items()} == golden


def test_a_key_knows_all_that_can_change_the_answer_and_nothing_else() -> None:
    keys = {request.key() for request in golden_requests().values()}
    request = golden_requests()["params"]
    same = replace(
        request,
        params={"top_p": 0.1, "temperature": 0},
        origin=Origin("case-9", 3),
        model=replace(request.model, name="another name", system="put around the question before it is made"),
    )

    assert len(keys) == len(golden_requests())
    assert same.key() == request.key()
