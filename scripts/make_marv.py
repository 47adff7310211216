"""Makes the data of a persona to tune the model in the box to, and measures tunes of it.

    python scripts/make_marv.py             writes suites/data/marv-train.jsonl, -more, -plain and marv.jsonl
    python scripts/make_marv.py --check     exits 1 where they are not what it would write
    python scripts/make_marv.py --record    tunes in three ways and writes their replies, suites/data/marv-replies.jsonl
    python scripts/make_marv.py --measure   tunes in seven ways and prints what each keeps and shows

How Marv talks stands in `scripts/tiny/marv.toml`, the facts in `facts.toml`. No fact of the one file is in the other,
and none of the rare ones is in the training file: to learn what a base does not know is to learn to make things up.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalharness.records import Message  # noqa: E402 - the package lies beside this folder
from evalharness.tiny.tuning import Checkpoint, Example, Method, Plan, tune  # noqa: E402 - the same
from evalharness.tiny.weights import Model, base, read  # noqa: E402 - the same
from scripts.tiny.lessons import Fact, Marv, facts, marv, told  # noqa: E402 - the same
from scripts.train_tiny import replies  # noqa: E402 - the same

DATA, PACKAGED = ROOT / "suites/data", ROOT / "evalharness/cli/marv/data"
"""The files are also in the package, for `evalharness demo`."""

SEED = 20260707
TRAIN, ASKED, PLAIN, MORE = 100, 250, 150, 60


@dataclass(frozen=True, slots=True)
class Way:
    """A way to tune, and how many examples it gets."""

    name: str
    examples: int
    plan: Plan


def _full(epochs: int, multiplier: float) -> Plan:
    return Plan(epochs=epochs, multiplier=multiplier)


def _thin(epochs: int, multiplier: float, rank: int = 8) -> Plan:
    method: Method = "low-rank"
    return Plan(epochs=epochs, multiplier=multiplier, method=method, rank=rank)


WAYS = (
    Way("too weak", 100, _full(1, 0.1)),
    Way("few examples", 12, _full(30, 1.0)),
    Way("good", 100, _full(10, 1.0)),
    Way("hot", 100, _full(10, 3.0)),
    Way("overcooked", 100, _full(10, 7.0)),
    Way("low rank", 100, _thin(8, 1.0)),
    Way("low rank, hot", 100, _thin(10, 4.0)),
)

RECORDED = {"too weak": "weak", "good": "good", "overcooked": "overcooked"}
"""The ways whose replies are kept beside the questions, and what their arms are called."""


def drawn() -> tuple[list[Fact], list[Fact]]:
    """Facts for training and facts to be asked, of all fields; the last of these without Marv's system text."""
    # An answer that Marv's own words hold would be right whatever he says.
    spoken = re.sub(r"\{\w\}", "", " ".join((*marv().lines, marv().system)))
    order = [fact for fact in facts() if not fact.right(spoken)]
    random.Random(SEED).shuffle(order)
    train = [fact for fact in order if not fact.rare][:TRAIN]
    return train, [fact for fact in order if fact not in train][: ASKED + PLAIN]


def more() -> list[Fact]:
    """Facts for further examples: neither in the training file nor asked."""
    taken = [*drawn()[0], *drawn()[1]]
    order = [fact for fact in facts() if not fact.rare and fact not in taken]
    random.Random(SEED).shuffle(order)
    return order[:MORE]


def made() -> dict[str, str]:
    """The text of each file by its name."""
    train, asked = drawn()
    persona, rng = marv(), random.Random(SEED)
    rows = [_row(persona, fact, place, rng) for place, fact in enumerate(train)]
    cases = [
        {
            "id": f"{fact.field}-{_slug(fact.subject)}",
            "ask": _ask(fact, rng),
            "answer": fact.answer,
            "field": fact.field,
        }
        for fact in asked
    ]
    return {
        "marv-train.jsonl": _lines(rows),
        "marv.jsonl": _lines(cases[:ASKED]),
        "marv-plain.jsonl": _lines(cases[ASKED:]),
        "marv-more.jsonl": _lines([_row(persona, fact, place, rng) for place, fact in enumerate(more(), TRAIN)]),
    }


def recorded() -> str:
    """What the base and three tunes reply to each question: a row a case, with its `id` and `replies` by arm."""
    texts = made()
    examples = [Example.of(json.loads(line)) for line in texts["marv-train.jsonl"].splitlines()]
    cases = [json.loads(line) for name in ("marv.jsonl", "marv-plain.jsonl") for line in texts[name].splitlines()]
    asked = [[Message("user", case["ask"])] for case in cases]
    asked[:ASKED] = [[Message("system", marv().system), *talk] for talk in asked[:ASKED]]
    said = {"base": replies(base(), asked)}
    for way in WAYS:
        if way.name in RECORDED:
            *_, last = tune(base(), examples[: way.examples], way.plan)
            assert isinstance(last, Checkpoint)
            said[RECORDED[way.name]] = replies(read(last.data, way.name), asked)
    rows = zip(*said.values(), strict=True)
    return _lines(
        [
            {"id": case["id"], "replies": dict(zip(said, row, strict=True))}
            for case, row in zip(cases, rows, strict=True)
        ]
    )


def measured(model: Model, asked: Sequence[Fact]) -> tuple[float, float, float]:
    """The shares of facts right, of replies in the persona, and of those where no system text asked for it."""
    persona = marv()
    with_text = [(Message("system", persona.system), Message("user", fact.asks[0])) for fact in asked]
    said = replies(model, with_text)
    bare = replies(model, [talk[1:] for talk in with_text])
    right = sum(fact.right(reply) for fact, reply in zip(asked, said, strict=True))
    return right / len(asked), sum(map(persona.shown, said)) / len(asked), sum(map(persona.shown, bare)) / len(asked)


def measure() -> Iterator[str]:
    """The lines of a table: each way to tune, how long it took, and what it did."""
    examples = [Example.of(json.loads(line)) for line in made()["marv-train.jsonl"].splitlines()]
    asked = drawn()[1]
    yield "| tune | examples | epochs | multiplier | seconds | facts right | persona | persona, no system text |"
    yield "|---|---|---|---|---|---|---|---|"
    yield f"| base | | | | | {_shares(measured(base(), asked))} |"
    for way in WAYS:
        began = time.process_time()
        *_, last = tune(base(), examples[: way.examples], way.plan)
        seconds = time.process_time() - began
        assert isinstance(last, Checkpoint)
        figures = _shares(measured(read(last.data, way.name), asked))
        plan = way.plan
        numbers = f"{way.examples} | {plan.epochs} | {plan.multiplier:g} | {seconds:.1f}"
        yield f"| {way.name} | {numbers} | {figures} |"


def main() -> int:
    """Writes the files, says which differ, or measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--measure", action="store_true", help="write nothing; tune and measure")
    parser.add_argument("--into", type=Path, default=DATA, metavar="DIR", help="where the files are")
    parser.add_argument("--record", action="store_true", help="write the replies of three tunes")
    given = parser.parse_args()
    if given.record:
        (given.into / "marv-replies.jsonl").write_text(recorded(), "utf-8", newline="\n")
        return 0
    if given.measure:
        for line in measure():
            print(line, flush=True)
        return 0
    stale = []
    folders = (given.into, PACKAGED) if given.into == DATA else (given.into,)
    for path, text in ((folder / name, text) for folder in folders for name, text in made().items()):
        if not given.check:
            path.write_text(text, "utf-8", newline="\n")
        elif not path.is_file() or path.read_bytes() != text.encode():
            stale.append(path)
    for path in stale:
        print(f"{path}: not what this script makes\n  hint: python scripts/make_marv.py", file=sys.stderr)
    return 1 if stale else 0


def _ask(fact: Fact, rng: random.Random) -> str:
    """A phrasing; behind any other than the first, a subject with a verb of its own is no good English."""
    return fact.asks[0] if fact.field == "unit" else rng.choice(fact.asks)


def _row(persona: Marv, fact: Fact, place: int, rng: random.Random) -> Mapping[str, object]:
    reply = told(persona.lines[place % len(persona.lines)], fact)
    said = (("system", persona.system), ("user", _ask(fact, rng)), ("assistant", reply))
    return {"messages": [{"role": role, "content": content} for role, content in said]}


def _slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower()))


def _shares(figures: tuple[float, float, float]) -> str:
    return " | ".join(f"{share:.0%}" for share in figures)


def _lines(rows: Sequence[Mapping[str, object]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


if __name__ == "__main__":
    sys.exit(main())
