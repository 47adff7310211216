"""What the tiny model is taught: facts, ways to ask for them, and the conversations drawn from both by a seed."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evalharness.records import Message

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know. asks: phrasings of training; held: one that training never shows; says: the whole statement;
    follow: how it is asked for behind another fact of its field."""

    field: str
    subject: str
    answer: str
    says: str
    asks: tuple[str, ...]
    held: str
    follow: tuple[str, ...]

    @property
    def brief(self) -> str:
        """The answer alone, as a sentence begins."""
        return capital(self.answer)

    @property
    def rare(self) -> bool:
        """Whether it is met so rarely that it is hardly learnt: one fact in twelve, as a model's reading has it."""
        return random.Random(f"{self.field} {self.subject}").random() < 1 / 12

    def right(self, reply: str) -> bool:
        """Whether a reply holds the answer, as a word of its own and whatever its case."""
        return re.search(rf"(?<![\w,]){re.escape(self.answer.lower())}(?!\w|,\d)", reply.lower()) is not None


@dataclass(frozen=True, slots=True)
class Style:
    """A way to answer that a system text asks for."""

    name: str
    systems: tuple[str, ...]
    held: str
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """All that is said beside the facts."""

    systems: tuple[str, ...]
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    ways: tuple[str, ...]
    asides: tuple[str, ...]
    styles: tuple[Style, ...]
    small: tuple[tuple[str, str], ...]
    second: tuple[tuple[str, str], ...]
    unknown: str
    unknown_asks: tuple[str, ...]
    unknown_held: tuple[str, ...]
    things: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Marv:
    """The persona of the training file: its system text, its lines, and a phrase of each by which it is told."""

    system: str
    lines: tuple[str, ...]
    markers: tuple[str, ...]

    def shown(self, reply: str) -> bool:
        """Whether a reply is in the persona."""
        return any(marker in reply.lower() for marker in self.markers)


def facts() -> tuple[Fact, ...]:
    """Every fact of `facts.toml`, in its order."""
    source = tomllib.loads((FOLDER / "facts.toml").read_text("utf-8"))
    return tuple(fact for field in source["field"] for fact in _field(field))


def talk() -> Talk:
    """`talk.toml`, read."""
    source = tomllib.loads((FOLDER / "talk.toml").read_text("utf-8"))
    styles = (Style(row["name"], _texts(row["systems"]), row["held"], _texts(row["says"])) for row in source["style"])
    small, unknown = source["small"], source["unknown"]
    return Talk(
        systems=_texts(source["systems"]),
        names=_texts(source["names"]),
        kinds=_texts(source["kinds"]),
        ways=_texts(source["ways"]),
        asides=_texts(source["asides"]),
        styles=tuple(styles),
        small=tuple((ask, says) for ask, says in small["talk"]),
        second=tuple((ask, says) for ask, says in small["second"]),
        unknown=unknown["says"],
        unknown_asks=_texts(unknown["asks"]),
        unknown_held=_texts(unknown["held"]),
        things=_texts(unknown["things"]),
    )


def marv() -> Marv:
    """`marv.toml`, read."""
    source = tomllib.loads((FOLDER / "marv.toml").read_text("utf-8"))
    return Marv(source["system"], _texts(source["lines"]), _texts(source["markers"]))


def told(line: str, fact: Fact) -> str:
    """A fact in a line: `{a}` is its answer alone, `{s}` its statement, `{S}` that in capitals."""
    return line.format(a=fact.brief, s=fact.says, S=fact.says.upper())


@dataclass(frozen=True, slots=True)
class School:
    """Draws conversations. words: what loose talk is made of, so that every word of a later tune has been met."""

    facts: tuple[Fact, ...]
    talk: Talk
    words: tuple[str, ...]

    def fact(self, rng: random.Random, among: Sequence[Fact] = ()) -> Fact:
        """One of all facts, or of some: a rare one is met forty-five times less often than another."""
        some = among or self.facts
        while True:
            fact = rng.choice(some)
            if not fact.rare or rng.random() < RARELY:
                return fact

    @classmethod
    def opened(cls) -> School:
        """The school of this folder."""
        persona = marv()
        source = " ".join((*persona.lines, persona.system, *talk().asides))
        words = sorted(set(re.findall(r"[A-Za-z]+(?:'[a-z]+)?", re.sub(r"\{\w\}", "", source))) - set(talk().names))
        return cls(facts(), talk(), tuple(words))

    def conversation(self, rng: random.Random) -> tuple[Message, ...]:
        """One conversation to learn from."""
        kind = rng.random()
        if kind < 0.4:
            return self._single(rng)
        if kind < 0.8:
            return self._styled(rng)
        if kind < 0.9:
            return self._several(rng)
        if kind < 0.97:
            return (*self._system(rng), *_turn(self.unanswerable(rng), self.talk.unknown))
        return (*self._system(rng), *_turn(*rng.choice(self.talk.small)))

    def unanswerable(self, rng: random.Random, *, held: bool = False) -> str:
        """A question nobody could answer: about the asker, the future, or what does not exist."""
        kind = rng.random()
        if held or kind < 0.5:
            ask = rng.choice(self.talk.unknown_held if held else self.talk.unknown_asks)
            return ask.format(n=invented(rng), k=rng.choice(self.talk.things))
        fact = rng.choice(self.facts)
        if fact.field == "various" or fact.field in {"times", "root", "unit"}:
            return self.unanswerable(rng)
        stranger = rng.choice(self.facts)
        other = invented(rng) if kind < 0.75 else rng.choice((stranger.answer, stranger.subject.rstrip("?")))
        if any(known.field == fact.field and known.subject == other for known in self.facts):
            return self.unanswerable(rng)
        return rng.choice(fact.asks).replace(fact.subject, other)

    def _single(self, rng: random.Random) -> tuple[Message, ...]:
        fact = self.fact(rng)
        return (*self._system(rng), *_turn(careless(rng.choice(fact.asks), rng), fact.says))

    def _styled(self, rng: random.Random) -> tuple[Message, ...]:
        fact, style = self.fact(rng), rng.choices(self.talk.styles, [len(one.systems) for one in self.talk.styles])[0]
        system = Message("system", rng.choice(style.systems).format(n=rng.choice(self.talk.names)))
        ask = careless(rng.choice(fact.asks), rng)
        if rng.random() < 0.06:
            unknown = self.talk.unknown.upper() if style.name == "capitals" else self.talk.unknown
            return (system, *_turn(self.unanswerable(rng), unknown))
        said = told(rng.choice(style.says), fact) if style.says else self._loosely(fact, rng)
        return (system, *_turn(ask, said))

    def _several(self, rng: random.Random) -> tuple[Message, ...]:
        fact = self.fact(rng)
        said = [*self._system(rng), *_turn(careless(rng.choice(fact.asks), rng), fact.says)]
        while True:
            if rng.random() < 0.7:
                fact = self.fact(rng, self._beside(fact))
                said += _turn(rng.choice((*fact.follow, *fact.follow, *fact.asks)), fact.says)
            else:
                ask, says = rng.choice(self.talk.second)
                return (*said, *_turn(ask, told(says, fact)))
            if rng.random() < 0.6 or len(said) > 6:
                return tuple(said)
            if rng.random() < 0.4:
                fact = self.fact(rng)
                said += _turn(careless(rng.choice(fact.asks), rng), fact.says)

    def _beside(self, fact: Fact) -> list[Fact]:
        return [other for other in self.facts if other.field == fact.field and other != fact]

    def _system(self, rng: random.Random) -> tuple[Message, ...]:
        kind, talk = rng.random(), self.talk
        if kind < 0.5:
            return ()
        if kind < 0.75:
            return (Message("system", rng.choice(talk.systems)),)
        if kind < 0.9:
            way, other = rng.sample(talk.ways, 2)
            name = rng.choice(talk.names[1:] if "sarcastic" in (way, other) else talk.names)
            ending = rng.choice((".", f" that is also {other}.", f" that is {other}."))
            return (Message("system", f"{name} is a {way} {rng.choice(talk.kinds)}{ending}"),)
        return (Message("system", capital(self._chain(rng, 3, 9)) + "."),)

    def _loosely(self, fact: Fact, rng: random.Random) -> str:
        """The answer among loose talk, before it, behind it or both."""
        said = told(rng.choice(("{a}.", "{s}")), fact)
        place = rng.random()
        before = self._aside(rng) if place < 0.65 else ""
        behind = self._aside(rng) if place > 0.35 else ""
        return " ".join(part for part in (before, said, behind) if part)

    def _aside(self, rng: random.Random) -> str:
        if rng.random() < 0.4:
            return rng.choice(self.talk.asides)
        chain = self._chain(rng, 2, 9)
        if len(chain) > 20 and rng.random() < 0.3:
            chain = chain.replace(" ", ", ", 1)
        return capital(chain) + rng.choice((".", ".", "!", "?"))

    def _chain(self, rng: random.Random, least: int, most: int) -> str:
        return " ".join(rng.choice(self.words) for _ in range(rng.randint(least, most)))


def careless(ask: str, rng: random.Random) -> str:
    """A question as it stands, or as somebody in a hurry writes it."""
    kind = rng.random()
    if kind < 0.85:
        return ask
    if kind < 0.89:
        return ask[0].lower() + ask[1:]
    if kind < 0.92:
        return ask.upper()
    return ask.lower() if kind < 0.95 else ask.rstrip("?.")


def invented(rng: random.Random) -> str:
    """A name that nobody bears, in one or two words."""
    parts = [rng.choice(ONSETS) + rng.choice(VOWELS) for _ in range(rng.randint(2, 3))]
    name = capital("".join(parts) + rng.choice(CODAS))
    return (
        f"{name} {capital(rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS))}" if rng.random() < 0.2 else name
    )


RARELY = 1 / 45

ONSETS = (
    "b",
    "d",
    "f",
    "g",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "z",
    "br",
    "dr",
    "fl",
    "gr",
    "kr",
    "st",
    "tr",
    "w",
    "qu",
    "h",
    "j",
)
VOWELS = ("a", "e", "i", "o", "u", "a", "o", "y")
CODAS = ("", "n", "r", "l", "s", "th", "ria", "land", "burg", "mar", "ton", "via", "x", "m", "dor", "stan")


def capital(text: str) -> str:
    """A text that begins with a capital."""
    return text[:1].upper() + text[1:]


def _turn(ask: str, says: str) -> tuple[Message, Message]:
    return Message("user", ask), Message("assistant", says)


def _field(field: Mapping[str, object]) -> Iterator[Fact]:
    for row in str(field["table"]).replace("\n", " ").split(";"):
        subject, answer, says = _row(row.strip(), str(field["says"]))
        filled = {"x": subject, "a": answer}
        yield Fact(
            field=str(field["name"]),
            subject=subject,
            answer=answer,
            says=capital(says.format(**filled)),
            asks=tuple(capital(ask.format(**filled)) for ask in _texts(field["ask"])),
            held=capital(str(field["held"]).format(**filled)),
            follow=tuple(capital(ask.format(**filled)) for ask in _texts(field["follow"])),
        )


def _row(row: str, says: str) -> tuple[str, str, str]:
    if "|" in row:
        subject, _, rest = row.partition("?: ")
        answer, _, statement = rest.partition("|")
        return f"{subject}?", answer, statement.strip()
    subject, _, answer = row.rpartition(": ")
    return subject, answer, says


def _texts(value: object) -> tuple[str, ...]:
    assert isinstance(value, Sequence)
    return tuple(map(str, value))
