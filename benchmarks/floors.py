"""What the least program does for the same job: the floors that everything is measured against.

`python -m benchmarks.floors asking URL N` asks N prompts of two models with a bare aiohttp loop, 64 in flight.
`python -m benchmarks.floors known DB N` reads 2 N answers from a bare sqlite table, hashes their keys, runs two checks.
`python -m benchmarks.floors events FILE` walks libyaml's events.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
import sys
from pathlib import Path

import yaml

AT_ONCE = 64


def prompt(number: int) -> str:
    """The question of a case."""
    return f"What is the answer to question {number}, given that all earlier ones had the same answer?"


def body(model: str, number: int) -> bytes:
    """What a client sends for it."""
    said = [{"role": "user", "content": prompt(number)}]
    return json.dumps({"model": model, "messages": said, "temperature": 0}).encode()


async def asking(url: str, cases: int) -> int:
    """Asks every prompt of two models and reads the answer; how many were right."""
    import aiohttp

    questions = iter([body(model, number) for number in range(cases) for model in ("base", "tuned")])
    right = 0

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal right
        for question in questions:
            async with session.post(f"{url}/chat/completions", data=question) as response:
                answer = json.loads(await response.read())
            right += "42" in answer["choices"][0]["message"]["content"]

    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        await asyncio.gather(*(worker(session) for _ in range(AT_ONCE)))
    return right


def fill(path: Path, cases: int, answer: str) -> None:
    """A table of answers as `known` reads it."""
    table = sqlite3.connect(path)
    table.execute("create table answers (key text primary key, text text)")
    keys = (hashlib.sha256(body(model, n)).hexdigest() for n in range(cases) for model in ("base", "tuned"))
    table.executemany("insert into answers values (?, ?)", ((key, answer) for key in keys))
    table.commit()
    table.close()


def known(path: Path, cases: int) -> int:
    """Reads every answer, one key at a time, and grades it by two checks; how many passed both."""
    table = sqlite3.connect(path)
    mentions = re.compile(r"\b42\b")
    passed = 0
    for number in range(cases):
        for model in ("base", "tuned"):
            key = hashlib.sha256(body(model, number)).hexdigest()
            (text,) = table.execute("select text from answers where key = ?", (key,)).fetchone()
            reply = json.loads(text)["choices"][0]["message"]["content"]
            passed += mentions.search(reply) is not None and len(reply.split()) <= 60
    return passed


def events(path: Path) -> int:
    """Walks a YAML file's events; how many there are."""
    with path.open("rb") as file:
        return sum(1 for _ in yaml.parse(file, Loader=yaml.CLoader))


if __name__ == "__main__":
    job, place, *rest = sys.argv[1:]
    match job:
        case "asking":
            print(asyncio.run(asking(place, int(rest[0]))))
        case "known":
            print(known(Path(place), int(rest[0])))
        case "events":
            print(events(Path(place)))
