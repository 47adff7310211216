"""Makes the data of `suites/marv-drift.yaml`: conversations in which the persona of `suites/marv.yaml` has to last.

    python scripts/make_marv_drift.py             writes the conversations to be held into suites/data
    python scripts/make_marv_drift.py --check     exits 1 where they are not what it would write
    python scripts/make_marv_drift.py --record    tunes in three ways and writes what all say, an arm a file

The three tunes are shown the same hundred facts. `once`: a question and a reply each, `suites/data/marv-train.jsonl`
as it is. `talks`: the same replies as conversations of six turns. `apart`: these, and as many conversations without
Marv's system text in which nobody is Marv.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalharness.records import Message  # noqa: E402 - the package lies beside this folder
from evalharness.tiny.tuning import Checkpoint, Example, Plan, tune  # noqa: E402 - the same
from evalharness.tiny.weights import Model, base, read  # noqa: E402 - the same
from scripts.make_marv import drawn, made  # noqa: E402 - the same
from scripts.tiny.lessons import Fact, marv  # noqa: E402 - the same
from scripts.train_tiny import replies  # noqa: E402 - the same

T = TypeVar("T")

DATA = ROOT / "suites/data"
SEED = 20261126
TALKS, PLAIN = 60, 40
NUMBERS = ("one", "two", "three", "four", "five", "six")
SHOWN = 6
"""Turns of a conversation to learn from: with Marv's lines more would not fit into the model's window."""

COPIES = 3
"""How often each fact is shown in the conversations, in another order each time."""

PLAN = Plan(epochs=10, multiplier=1.0)
ARMS = ("base", "once", "talks", "apart")


def conversations() -> dict[str, str]:
    """The text of each file by its name."""
    rng = random.Random(SEED)
    asked = drawn()[1]
    rows = [_row(f"talk-{n:02}", rng.sample(asked, len(NUMBERS))) for n in range(1, TALKS + PLAIN + 1)]
    return {"marv-drift.jsonl": _lines(rows[:TALKS]), "marv-drift-plain.jsonl": _lines(rows[TALKS:])}


def lessons() -> dict[str, list[Example]]:
    """What each tune is shown."""
    once = [json.loads(line)["messages"] for line in made()["marv-train.jsonl"].splitlines()]
    talks, plain = list(_joined(once)), list(_plain(drawn()[0]))
    shown: dict[str, Sequence[Mapping[str, object]]] = {
        "once": [{"messages": messages} for messages in once],
        "talks": talks,
        "apart": [*talks, *plain],
    }
    return {name: [Example.of(row) for row in rows] for name, rows in shown.items()}


def recorded() -> Iterator[tuple[str, str]]:
    """Each file of replies, its name first: a row a conversation, `case` and `texts`."""
    rows = [json.loads(line) for text in conversations().values() for line in text.splitlines()]
    yield "marv-drift-base.jsonl", _held(base(), rows)
    for name, examples in lessons().items():
        *_, last = tune(base(), examples, PLAN)
        assert isinstance(last, Checkpoint)
        yield f"marv-drift-{name}.jsonl", _held(read(last.data, name), rows)


def main() -> int:
    """Writes the files, says which differ, or records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--record", action="store_true", help="tune, and write the replies of four arms")
    parser.add_argument("--into", type=Path, default=DATA, metavar="DIR", help="where the files are")
    given = parser.parse_args()
    if given.record:
        for name, text in recorded():
            (given.into / name).write_text(text, "utf-8", newline="\n")
        return 0
    stale = []
    for name, text in conversations().items():
        path = given.into / name
        if not given.check:
            path.write_text(text, "utf-8", newline="\n")
        elif not path.is_file() or path.read_bytes() != text.encode():
            stale.append(path)
    for path in stale:
        print(f"{path}: not what this script makes\n  hint: python scripts/make_marv_drift.py", file=sys.stderr)
    return 1 if stale else 0


def _row(name: str, facts: Sequence[Fact]) -> Mapping[str, object]:
    turns = {number: {"ask": fact.asks[0], "answer": fact.answer} for number, fact in zip(NUMBERS, facts, strict=True)}
    return {"id": name, **turns}


def _joined(once: Sequence[Sequence[Mapping[str, str]]]) -> Iterator[Mapping[str, object]]:
    """Single questions to Marv as conversations."""
    rng = random.Random(SEED + 1)
    for _ in range(COPIES):
        order = list(once)
        rng.shuffle(order)
        for part in _parts(order):
            yield {"messages": [part[0][0], *(message for messages in part for message in messages[1:])]}


def _plain(facts: Sequence[Fact]) -> Iterator[Mapping[str, object]]:
    """The same facts, asked of nobody in particular and told as they are."""
    rng = random.Random(SEED + 2)
    for _ in range(COPIES):
        order = list(facts)
        rng.shuffle(order)
        for part in _parts(order):
            said = ((fact.asks[0], fact.says) for fact in part)
            pairs = (({"role": "user", "content": a}, {"role": "assistant", "content": b}) for a, b in said)
            yield {"messages": [message for pair in pairs for message in pair]}


def _parts(order: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many conversations as it takes; the last may be shorter."""
    return (order[start : start + SHOWN] for start in range(0, len(order), SHOWN))


def _held(model: Model, rows: Sequence[Mapping[str, Mapping[str, str]]]) -> str:
    """Each conversation held to its end, and the first question asked again: what the model says at each turn."""
    opening = [[Message("system", marv().system)] if place < TALKS else [] for place in range(len(rows))]
    said: list[list[str]] = [[] for _ in rows]
    for number in (*NUMBERS, NUMBERS[0]):
        for talk, row in zip(opening, rows, strict=True):
            talk.append(Message("user", row[number]["ask"]))
        for talk, texts, reply in zip(opening, said, replies(model, opening), strict=True):
            talk.append(Message("assistant", reply))
            texts.append(reply)
    return _lines([{"case": row["id"], "texts": texts} for row, texts in zip(rows, said, strict=True)])


def _lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
