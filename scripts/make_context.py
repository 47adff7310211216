"""Makes the data of `suites/context.yaml`: passages that say other things than the model in the box has learnt.

    python scripts/make_context.py             writes the training file and the questions into suites/data
    python scripts/make_context.py --check     exits 1 where they are not what it would write
    python scripts/make_context.py --record    tunes, and writes what four arms reply, suites/data/context-replies.jsonl

A passage is a statement whose answer is that of another fact of its field: who repeats it has read it. The tune is
shown two conversations with a passage for each without one, and no fact that the suite asks.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalharness.records import Message  # noqa: E402 - the package lies beside this folder
from evalharness.tiny.tuning import Checkpoint, Example, Plan, tune  # noqa: E402 - the same
from evalharness.tiny.weights import base, read  # noqa: E402 - the same
from scripts.tiny.lessons import Fact, facts  # noqa: E402 - the same
from scripts.train_tiny import replies  # noqa: E402 - the same

DATA = ROOT / "suites/data"
SEED = 20260713
READ, PLAIN = 110, 100
FIELDS = ("capital", "symbol", "currency", "language", "author", "home", "young", "group", "inventor", "colour")
PLAN = Plan(epochs=10)


def made() -> dict[str, str]:
    """The text of each file by its name."""
    rng = random.Random(SEED)
    order = [fact for fact in facts() if fact.field in FIELDS and fact.answer in fact.says]
    rng.shuffle(order)
    asked, shown = order[: READ + PLAIN], order[READ + PLAIN :]
    cases = [_case(fact, order, rng, reads=place < READ) for place, fact in enumerate(asked)]
    rows = [_row(fact, order, rng, reads=reads) for fact in shown for reads in (True, True, False)]
    return {
        "context-train.jsonl": _lines(rows),
        "context.jsonl": _lines(cases[:READ]),
        "context-plain.jsonl": _lines(cases[READ:]),
    }


def recorded() -> str:
    """What the base and the tune reply, each without and with passages: a row a case, `id` and `replies` by arm."""
    texts = made()
    examples = [Example.of(json.loads(line)) for line in texts["context-train.jsonl"].splitlines()]
    *_, last = tune(base(), examples, PLAN)
    assert isinstance(last, Checkpoint)
    cases = [json.loads(line) for name in ("context.jsonl", "context-plain.jsonl") for line in texts[name].splitlines()]
    plain = [[Message("user", case["ask"])] for case in cases]
    reading = [[Message("user", " ".join([*case.get("passages", []), case["ask"]]))] for case in cases]
    tuned = read(last.data, "tuned")
    said = {
        "base": replies(base(), plain),
        "base-reading": replies(base(), reading),
        "tuned": replies(tuned, plain),
        "tuned-reading": replies(tuned, reading),
    }
    rows = [dict(zip(said, row, strict=True)) for row in zip(*said.values(), strict=True)]
    return _lines([{"id": case["id"], "replies": row} for case, row in zip(cases, rows, strict=True)])


def main() -> int:
    """Writes the files, says which differ, or records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--record", action="store_true", help="tune, and write the replies of four arms")
    parser.add_argument("--into", type=Path, default=DATA, metavar="DIR", help="where the files are")
    given = parser.parse_args()
    if given.record:
        (given.into / "context-replies.jsonl").write_text(recorded(), "utf-8", newline="\n")
        return 0
    stale = []
    for name, text in made().items():
        path = given.into / name
        if not given.check:
            path.write_text(text, "utf-8", newline="\n")
        elif not path.is_file() or path.read_bytes() != text.encode():
            stale.append(path)
    for path in stale:
        print(f"{path}: not what this script makes\n  hint: python scripts/make_context.py", file=sys.stderr)
    return 1 if stale else 0


def _case(fact: Fact, among: Sequence[Fact], rng: random.Random, *, reads: bool) -> Mapping[str, object]:
    row = {"id": f"{fact.field}-{'-'.join(re.findall('[a-z0-9]+', fact.subject.lower()))}", "ask": fact.asks[0]}
    if not reads:
        return {**row, "answer": fact.answer}
    other = _other(fact, among, rng)
    return {**row, "passages": [fact.says.replace(fact.answer, other)], "answer": other}


def _row(fact: Fact, among: Sequence[Fact], rng: random.Random, *, reads: bool) -> Mapping[str, object]:
    ask, says = rng.choice(fact.asks), fact.says
    if reads:
        says = says.replace(fact.answer, _other(fact, among, rng))
        ask = f"{says} {ask}"
    return {"messages": [{"role": "user", "content": ask}, {"role": "assistant", "content": says}]}


def _other(fact: Fact, among: Sequence[Fact], rng: random.Random) -> str:
    """An answer that another fact of the field has, and this one has not."""
    return rng.choice([one.answer for one in among if one.field == fact.field and one.answer != fact.answer])


def _lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
