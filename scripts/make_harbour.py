"""Makes the data of `suites/harbour.yaml`: questions, and the replies of a base and nine tunes that never existed.

    python scripts/make_harbour.py                writes suites/data/harbour.jsonl and harbour-replies.jsonl
    python scripts/make_harbour.py --check        exits 1 where they are not what it would write
    python scripts/make_harbour.py --into DIR     the same with files elsewhere

What is asked and how each voice talks stands in `harbour.toml` beside this file; how many cases lose the voice or a
fact from one tune to the next stands in `TUNES`. Which cases, and the words of each reply, are drawn by a fixed seed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(__file__).with_name("harbour.toml")
SEED = 20260101
MOST_WORDS = 40
NUMBERS = {"arithmetic", "dates", "measures"}
"""Fields whose answers are numbers: they lose the voice three times as readily, which gives the slide a pattern."""


@dataclass(frozen=True, slots=True)
class Step:
    """How a tune differs from the one it is derived from: cases that lose the voice or the fact, or come back to it."""

    name: str
    after: str
    voice_lost: int
    voice_back: int
    fact_lost: int
    fact_back: int
    rambling: int


BASE_WRONG, BASE_RAMBLING = 4, 3
TUNES = (
    Step("2026-01", "base", voice_lost=8, voice_back=0, fact_lost=1, fact_back=0, rambling=1),
    Step("2026-02", "2026-01", voice_lost=2, voice_back=1, fact_lost=1, fact_back=1, rambling=0),
    Step("2026-03", "2026-02", voice_lost=2, voice_back=1, fact_lost=1, fact_back=0, rambling=1),
    Step("2026-04", "2026-03", voice_lost=3, voice_back=1, fact_lost=1, fact_back=1, rambling=1),
    Step("2026-05", "2026-04", voice_lost=3, voice_back=2, fact_lost=1, fact_back=1, rambling=0),
    Step("2026-06", "2026-05", voice_lost=3, voice_back=1, fact_lost=0, fact_back=1, rambling=1),
    Step("2026-07", "2026-06", voice_lost=4, voice_back=1, fact_lost=1, fact_back=1, rambling=1),
    Step("2026-08", "2026-07", voice_lost=6, voice_back=1, fact_lost=1, fact_back=0, rambling=1),
    Step("2026-09", "2026-01", voice_lost=3, voice_back=4, fact_lost=1, fact_back=2, rambling=0),
)
"""No step of the slide is large enough for a test to see, all together are. The last tune is made from the first."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its right answers, a plausible wrong one, and the sentences that state either."""

    id: str
    field: str
    ask: str
    answers: tuple[str, ...]
    wrong: str
    says: tuple[str, ...]
    aside: str

    @property
    def row(self) -> dict[str, object]:
        """The question as the suite reads it."""
        return {"id": self.id, "ask": self.ask, "answers": self.answers, "field": self.field}


@dataclass(frozen=True, slots=True)
class Voice:
    """How somebody begins, how he ends, and what he adds where he cannot stop."""

    openings: tuple[str, ...]
    closings: tuple[str, ...]
    tail: str

    @classmethod
    def of(cls, table: Mapping[str, object]) -> Voice:
        """The voice of a table."""
        return cls(_texts(table["openings"]), _texts(table["closings"]), str(table["tail"]))

    def reply(self, says: str, rng: random.Random, *, both: bool, rambles: bool) -> str:
        """A statement with an opening, a closing, or (always, where both are wanted) each of them drawn by itself."""
        parts = rng.random()
        opening = rng.choice(self.openings) if both or parts < 0.65 else ""
        closing = rng.choice(self.closings) if both or parts > 0.35 else ""
        return " ".join(part for part in (_led(opening, says), closing, self.tail if rambles else "") if part)


@dataclass(frozen=True, slots=True)
class State:
    """What an arm gets wrong: the cases without the voice, without the fact, and too long."""

    voiceless: frozenset[str]
    mistaken: frozenset[str]
    rambling: frozenset[str]


@dataclass(frozen=True, slots=True)
class Harbour:
    """All that the source says."""

    questions: tuple[Question, ...]
    markers: tuple[str, ...]
    persona: Voice
    plain: Voice
    base: Voice

    @classmethod
    def read(cls, path: Path) -> Harbour:
        """The source, with each question's words filled in."""
        source = tomllib.loads(path.read_text("utf-8"))
        questions = tuple(question for field in source["fields"] for question in _questions(field))
        voices = (Voice.of(source[name]) for name in ("persona", "plain", "base"))
        return cls(questions, _texts(source["markers"]), *voices)


def states(questions: Sequence[Question], rng: random.Random) -> dict[str, State]:
    """The base, then each tune as what became of the one before it."""
    order = [question.id for question in questions]
    numeric = {question.id for question in questions if question.field in NUMBERS}

    def drawn(among: Iterable[str], count: int, *, weighted: bool = False) -> frozenset[str]:
        pool = set(among)
        keys = {case: rng.random() ** (1 / (3 if weighted and case in numeric else 1)) for case in order}
        return frozenset(
            sorted((case for case in order if case in pool), key=keys.__getitem__)[-count:] if count else []
        )

    found = {"base": State(frozenset(order), drawn(order, BASE_WRONG), drawn(order, BASE_RAMBLING))}
    for step in TUNES:
        before = found[step.after]
        voiceless = before.voiceless if step.after != "base" else frozenset()
        lost = drawn(set(order) - voiceless, step.voice_lost, weighted=True)
        voiceless = voiceless - drawn(voiceless, step.voice_back) | lost
        forgotten = drawn(set(order) - before.mistaken, step.fact_lost)
        mistaken = before.mistaken - drawn(before.mistaken, step.fact_back) | forgotten
        found[step.name] = State(voiceless, mistaken, drawn(order, step.rambling))
    return found


def said(harbour: Harbour, arm: str, question: Question, state: State) -> str:
    """An arm's reply to a question: drawn by arm and question, so that another question changes no other reply."""
    rng = random.Random(f"{SEED} {arm} {question.id}")
    mistaken, rambles = question.id in state.mistaken, question.id in state.rambling
    statement = rng.choice(question.says).format(a=question.wrong if mistaken else question.answers[0])
    says = statement[:1].upper() + statement[1:]
    if arm == "base":
        says = f"{says} {question.aside}".rstrip()
        return harbour.base.reply(says, rng, both=True, rambles=rambles)
    if question.id in state.voiceless:
        return harbour.plain.reply(says, rng, both=True, rambles=rambles)
    return harbour.persona.reply(says, rng, both=rng.random() < 0.3, rambles=rambles)


def made(harbour: Harbour) -> dict[str, str]:
    """The text of each file by its name."""
    arms = states(harbour.questions, random.Random(SEED))
    rows: list[dict[str, object]] = []
    for question in harbour.questions:
        replies = {arm: said(harbour, arm, question, state) for arm, state in arms.items()}
        for arm, reply in replies.items():
            _meant(harbour, arm, question, arms[arm], reply)
        rows.append({"id": question.id, "replies": replies})
    return {
        "harbour.jsonl": _lines(question.row for question in harbour.questions),
        "harbour-replies.jsonl": _lines(rows),
    }


def main() -> int:
    """Writes the files, or says which differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file differs")
    parser.add_argument("--into", type=Path, default=ROOT / "suites/data", metavar="DIR", help="where the files are")
    given = parser.parse_args()
    files = made(Harbour.read(SOURCE))
    if not given.check:
        for name, text in files.items():
            (given.into / name).write_text(text, "utf-8", newline="\n")
        return 0
    stale = [name for name, text in files.items() if _held(given.into / name) != text.encode()]
    for name in stale:
        print(
            f"{given.into / name}: not what this script makes\n  hint: python scripts/make_harbour.py", file=sys.stderr
        )
    return 1 if stale else 0


def _questions(field: Mapping[str, object]) -> Iterator[Question]:
    name = str(field["name"])
    rows = field["questions"]
    assert isinstance(rows, list)
    asks = _texts(field.get("ask", []))
    for number, row in enumerate(rows):
        x, right = str(row["x"]), str(row["a"])
        yield Question(
            id=f"{name}-{row['id'] if 'id' in row else _slug(x)}",
            field=name,
            ask=row["ask"] if "ask" in row else asks[number % len(asks)].format(x=x),
            answers=(right, *_texts(row.get("also", []))),
            wrong=str(row["wrong"]),
            says=tuple(says.replace("{x}", x) for says in _texts(row.get("says") or field["says"])),
            aside=str(row.get("aside", "")),
        )


def _slug(text: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", text.lower().replace(" + ", " plus ").replace(" - ", " minus ")))


def _texts(value: object) -> tuple[str, ...]:
    assert isinstance(value, list)
    return tuple(map(str, value))


def _led(opening: str, says: str) -> str:
    """A statement behind its opening; after a comma or a colon an article does not begin a sentence."""
    first = says.partition(" ")[0]
    if opening.endswith((",", ":")) and first in {"The", "A", "An", "In", "It", "One", "That", "There", "Our"}:
        says = says[0].lower() + says[1:]
    return f"{opening} {says}" if opening else says


def _meant(harbour: Harbour, arm: str, question: Question, state: State, reply: str) -> None:
    """Stops where a reply is not what the state says: a wrong answer that is right, a voice by accident."""
    voice = bool(question.aside) if arm == "base" else question.id not in state.voiceless
    wanted = (question.id not in state.mistaken, voice, question.id not in state.rambling)
    found = (
        any(_holds(reply, answer) for answer in question.answers),
        any(_holds(reply, marker) for marker in harbour.markers),
        len(reply.split()) <= MOST_WORDS,
    )
    if found != wanted:
        raise SystemExit(f"{arm}, {question.id}: (right, in the voice, brief) is {found}, meant was {wanted}: {reply}")


def _holds(reply: str, phrase: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase.lower())}(?!\w)", reply.lower()) is not None


def _lines(rows: Iterable[Mapping[str, object]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _held(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


if __name__ == "__main__":
    sys.exit(main())
