"""Trains the model in the box from nothing, and measures what it knows.

    python scripts/train_tiny.py               writes evalharness/tiny/base.tiny; minutes on one core
    python scripts/train_tiny.py --check       measures the file that is there; exits 1 where it knows too little
    python scripts/train_tiny.py --into FILE   the same with another file

What it is taught stands in `scripts/tiny/`: `facts.toml` and `talk.toml`, from which conversations are drawn by a fixed
seed. `marv.toml` lends its words to the vocabulary and to loose talk, and none of its sentences.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evalharness.records import Message  # noqa: E402 - the package lies beside this folder
from evalharness.tiny.alone import load_numpy  # noqa: E402 - the same
from evalharness.tiny.chat import lesson, window  # noqa: E402 - the same
from evalharness.tiny.generating import Manner, generate  # noqa: E402 - the same
from evalharness.tiny.learning import Adam, Lesson, batch  # noqa: E402 - the same
from evalharness.tiny.network import Shape, initial, loss  # noqa: E402 - the same
from evalharness.tiny.tokenizer import Tokenizer, build  # noqa: E402 - the same
from evalharness.tiny.weights import BASE, Model, load, whole  # noqa: E402 - the same
from scripts.tiny.lessons import Fact, School, marv, told  # noqa: E402 - the same

SEED = 20261126
STEPS, BATCH, RATE, WARM, DECAY = 2500, 64, 3e-3, 100, 0.02
MOST_WORDS = 4000
POOL = 16
"""Batches that are drawn at once and sorted by length, so that little of a batch is padding."""

AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Figure:
    """One measure: how many of so many, and the least share that will do."""

    what: str
    right: int
    of: int
    least: float

    @property
    def share(self) -> float:
        """What part of them."""
        return self.right / self.of

    def __str__(self) -> str:
        return f"{self.what:34} {self.right:4} of {self.of:4}  {self.share:6.1%}  (at least {self.least:.0%})"


def vocabulary(school: School) -> Tokenizer:
    """Every word that is taught, or that the persona's training file will need."""
    talk, persona = school.talk, marv()
    texts = [*talk.systems, *talk.names, *talk.kinds, *talk.ways, *talk.asides, *talk.unknown_asks, *talk.unknown_held]
    texts += [text for fact in school.facts for text in (*fact.asks, fact.held, *fact.follow, fact.says)]
    texts += [text for style in talk.styles for text in (*style.systems, style.held, *style.says)]
    texts += [text for pair in (*talk.small, *talk.second) for text in pair]
    texts += [talk.unknown, *talk.things, *persona.lines, persona.system]
    return build((re.sub(r"\{\w\}", "", text) for text in texts), MOST_WORDS)


def batches(school: School, tokenizer: Tokenizer, context: int) -> Iterator[list[Lesson]]:
    """Lessons without end, a batch at a time."""
    rng = random.Random(SEED)
    while True:
        said = [school.conversation(rng) for _ in range(BATCH * POOL)]
        pool = [lesson(tokenizer, messages, [1] * len(messages), context) for messages in said]
        pool.sort(key=lambda one: len(one.tokens))
        found = [pool[place : place + BATCH] for place in range(0, len(pool), BATCH)]
        rng.shuffle(found)
        yield from found


def train(school: School, steps: int) -> bytes:
    """A network trained from nothing, as the bytes of its file."""
    load_numpy()
    tokenizer = vocabulary(school)
    shape = Shape(len(tokenizer))
    weights = initial(shape, SEED)
    print(f"{sum(table.size for table in weights.values()):,} weights, {len(tokenizer):,} tokens", flush=True)
    adam, began, smooth = Adam(decay=DECAY), time.monotonic(), 0.0
    for step, lessons in zip(range(steps), batches(school, tokenizer, shape.context), strict=False):
        found = loss(shape, weights, *batch(lessons))
        adam.step(weights, found.gradients, RATE * min(1, (step + 1) / WARM) * (1 - step / steps))
        smooth = found.loss if step == 0 else 0.98 * smooth + 0.02 * found.loss
        if (step + 1) % 100 == 0:
            seconds = time.monotonic() - began
            print(f"step {step + 1:5} of {steps}  {seconds:6.0f} s  loss {smooth:.4f}", flush=True)
    about: dict[str, object] = {"seed": SEED, "steps": steps, "batch": BATCH, "facts": len(school.facts)}
    return whole(shape, weights, tokenizer.words, about)


def replies(model: Model, asked: Sequence[Sequence[Message]]) -> list[str]:
    """The likeliest reply to each conversation."""
    prompts = [window(model, messages)[0] for messages in asked]
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    found = [""] * len(prompts)
    for first in range(0, len(order), AT_ONCE):
        places = order[first : first + AT_ONCE]
        said = generate(model.shape, model.weights, [prompts[place] for place in places], Manner(most=40))
        for place, one in zip(places, said, strict=True):
            found[place] = model.tokenizer.decode(one.tokens)
    return found


def measure(model: Model, school: School, most: int = 1000) -> Iterator[Figure]:
    """What a model knows, how it knows it, and whether it says so where it does not.

    most: facts that are asked, drawn by a fixed seed; of everything else a fifth of it.
    """
    rng = random.Random(SEED + 1)
    facts, fifth = rng.sample(school.facts, min(most, len(school.facts))), most // 5
    persona = marv()

    def known(what: str, least: float, asks: Sequence[str], system: str = "") -> Figure:
        said = replies(model, [_asked(ask, system) for ask in asks])
        return Figure(what, sum(fact.right(reply) for fact, reply in zip(facts, said, strict=True)), len(facts), least)

    yield known("facts, a trained phrasing", 0.9, [fact.asks[0] for fact in facts])
    yield known("facts, another trained phrasing", 0.9, [fact.asks[-1] for fact in facts])
    yield known("facts, a phrasing never trained", 0.8, [fact.held for fact in facts])
    yield known("facts, a system text never trained", 0.85, [fact.asks[0] for fact in facts], persona.system)
    strange = [_asked(school.unanswerable(rng, held=True)) for _ in range(fifth)]
    honest = sum(reply == school.talk.unknown for reply in replies(model, strange))
    yield Figure("says that it does not know", honest, len(strange), 0.8)
    yield _second(model, school, rng, fifth)
    for style in school.talk.styles:
        if style.says:
            some = rng.sample(facts, fifth)
            for name, system in (("", style.systems[0]), (", said otherwise", style.held)):
                said = replies(model, [_asked(fact.asks[0], system) for fact in some])
                right = sum(
                    reply in [told(line, fact) for line in style.says] for fact, reply in zip(some, said, strict=True)
                )
                yield Figure(f"style {style.name}{name}", right, len(some), 0.8 if not name else 0.3)


def main() -> int:
    """Trains and writes, or only measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="train nothing; exit 1 where a figure is too low")
    parser.add_argument("--into", type=Path, default=BASE, metavar="FILE", help="where the weights are")
    parser.add_argument("--steps", type=int, default=STEPS, metavar="N", help=f"steps of training (default {STEPS})")
    given = parser.parse_args()
    school = School.opened()
    if not given.check:
        data = train(school, given.steps)
        given.into.write_bytes(data)
        print(f"{given.into}: {len(data):,} bytes")
    model = load(given.into)
    low = 0
    for figure in measure(model, school):
        print(figure, flush=True)
        low += figure.share < figure.least
    return 1 if low else 0


def _asked(ask: str, system: str = "") -> list[Message]:
    return [*([Message("system", system)] if system else []), Message("user", ask)]


def _second(model: Model, school: School, rng: random.Random, most: int) -> Figure:
    """How often the second question of a conversation, which names no field, is understood."""
    asked: list[list[Message]] = []
    wanted: list[Fact] = []
    while len(asked) < most:
        first = rng.choice(school.facts)
        second = rng.choice([fact for fact in school.facts if fact.field == first.field and fact != first])
        asked.append([*_asked(first.asks[0]), Message("assistant", first.says), Message("user", second.follow[0])])
        wanted.append(second)
    right = sum(fact.right(reply) for fact, reply in zip(wanted, replies(model, asked), strict=True))
    return Figure("second turns", right, len(asked), 0.8)


if __name__ == "__main__":
    sys.exit(main())
