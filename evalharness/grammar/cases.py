"""Cases: what is asked, turn by turn, with what is expected of each reply."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from evalharness import schema
from evalharness.files import quoted
from evalharness.grammar import each
from evalharness.grammar.checks import Check, CheckReader
from evalharness.grammar.each import Filler, Row
from evalharness.records import Payload, encode
from evalharness.tree import Broken, Mapping, Node, Sequence, Source, Text

FIELDS = frozenset(
    {
        "id",
        "ask",
        "turns",
        "expect",
        "except",
        "system",
        "params",
        "context",
        "each",
        "group",
        "tags",
        "must_pass",
        "persona",
        "item",
    }
)
TURN_FIELDS = frozenset({"ask", "reply", "expect", "except", "from", "take"})
LONGEST_ID = 200
LONGEST_SLUG = 60
MOST_BAD_ROWS = 5

Rest: TypeAlias = tuple[str | None, Payload, tuple[str, ...], tuple[str, ...], str | None, bool]
_NOTHING: Rest = (None, {}, (), (), None, False)
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation. With a `reply` it is scripted: put into the conversation, neither asked nor
    graded. expect: all that its reply is graded by, `every` included."""

    ask: str
    reply: str | None = None
    expect: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One prompt, or one conversation.

    expect: checks on the whole conversation; with a single asked turn they are that turn's. system: None where the case
    says nothing, empty text where none is to be sent. context: passages, for arms that put them before the question.
    line: where it stands in the suite file, from 1. persona, item: which persona is asked which question of a set that
    every persona is asked, both or neither.
    """

    id: str
    turns: tuple[Turn, ...]
    expect: tuple[Check, ...] = ()
    system: str | None = None
    params: Payload = field(default_factory=dict)
    context: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    group: str | None = None
    must_pass: bool = False
    line: int = 0
    persona: str | None = None
    item: str | None = None

    @property
    def checks(self) -> Iterator[Check]:
        """Every check of the case: turn by turn, then those on the conversation."""
        for turn in self.turns:
            yield from turn.expect
        yield from self.expect

    @property
    def aspects(self) -> tuple[str, ...]:
        """Every aspect that its checks touch, in the order met."""
        found = [check.aspect for turn in self.turns for check in turn.expect]
        return tuple(dict.fromkeys([*found, *[check.aspect for check in self.expect]]))

    @property
    def question(self) -> str:
        """The last text that is asked, for reports."""
        return next((turn.ask for turn in reversed(self.turns) if turn.reply is None), "")


class CaseReader:
    """Reads the cases of one suite. multiplied: whether any of them stand under `each`."""

    def __init__(self, source: Source, checks: CheckReader, filler: Filler) -> None:
        self.source = source
        self.checks = checks
        self.filler = filler
        self.cases: list[Case] = []
        self.multiplied = False
        self._made: list[int] = []
        self._ids: dict[str, str] = {}
        self._pairs: set[tuple[str, str]] = set()
        self._lines: dict[tuple[str, int | None], tuple[str, ...]] = {}
        self._kept: list[Mapping] = []

    def read(self, top: Mapping) -> list[Case]:
        """Every case of the suite, rows of `each` multiplied out, ids made where none is given."""
        listed = top.entries["cases"]
        cases = schema.sequence(self.source, listed, "'cases'", "each case begins with '- '")
        if cases and not cases.items:
            self.source.fault(listed.mark, "a suite needs at least one case")
        nodes = [found for item in cases.items if (found := self._mapping(item))] if cases else []
        on_top = top.entries.get("each")
        if on_top is not None:
            self._multiply(on_top, [node for node in nodes if "each" not in node.entries])
        for node in nodes:
            multiplied = node.entries.get("each")
            if multiplied is not None and on_top is not None:
                hint = "a case is multiplied once: leave one of them out"
                self.source.fault(node.key("each"), "'each' stands on top and on this case", hint)
            elif multiplied is not None:
                self._multiply(multiplied, [self._without_each(node)])
            elif on_top is None:
                if self.checks.row is not None:
                    self.checks.under(None)
                self._case(node)
        return self._named()

    def _mapping(self, node: Node) -> Mapping | None:
        return schema.mapping(self.source, node, "a case", "write `- ask: ...`, with `expect` below it")

    def _without_each(self, node: Mapping) -> Mapping:
        kept = [(key, at) for key, at in zip(node.entries, node.keys, strict=True) if key != "each"]
        bare = Mapping({key: node.entries[key] for key, _ in kept}, [at for _, at in kept], node.mark)
        # Nodes are known by their id while the suite is read, so this one must last as long.
        self._kept.append(bare)
        return bare

    def _multiply(self, node: Node, cases: list[Mapping]) -> None:
        """Each case with each row; ends at the fifth row with faults, for the others will have the same."""
        self.multiplied = True
        data = each.data(self.source, node, "'each'")
        if data is None:
            return
        rows = bad = 0
        for row in data.rows(self.source):
            rows += 1
            before = self.source.noted
            self.checks.under(row)
            for case in cases:
                filled = self.filler.fill(case, row)
                if isinstance(filled, Mapping):
                    self._case(filled)
            bad += self.source.noted > before
            if bad == MOST_BAD_ROWS:
                self.source.fault(node.mark, f"rows are read up to {row.name}, the fifth with faults")
                break
        for case in cases:
            if rows > 1 and not self.filler.holed(case):
                what = f"this case is asked {rows} times in the same words: it holds no {{{{ }}}}"
                self.source.warn(case.mark, what, 'put fields of the rows in it: "{{ field }}"')

    # --- one case ---

    def _case(self, node: Mapping) -> None:
        entries, source = node.entries, self.source
        noted = source.noted
        turns: tuple[Turn, ...]
        whole: tuple[Check, ...] = ()
        if len(entries) == 2 and "ask" in entries and "expect" in entries:
            turns = (self._single(entries, _NONE),)
            rest, given = _NOTHING, ""
        else:
            if not entries.keys() <= FIELDS:
                schema.known(source, node, "a case", FIELDS)
            if "turns" in entries:
                turns, whole = self._conversation(node, self._off(entries))
            elif "ask" in entries:
                turns = (self._single(entries, self._off(entries)),)
            else:
                source.fault(node.mark, "a case needs 'ask' or 'turns'")
                return
            rest = self._rest(entries)
            given = self._id(entries["id"]) if "id" in entries else ""
        pair = self._crossing(entries) if "persona" in entries or "item" in entries else (None, None)
        if source.noted > noted:
            return
        if not (whole or turns[0].expect or any(turn.expect for turn in turns)):
            if not _partial(node):
                hint = "give it `expect`, or put a check under `every`"
                source.fault(node.mark, "this case has no check", hint)
            return
        if not given:
            self._made.append(len(self.cases))
            given = slug(turns[0].ask if len(turns) == 1 else _question(turns))
        self.cases.append(Case(given, turns, whole, *rest, node.mark.line + 1, *pair))

    def _single(self, entries: dict[str, Node], off: frozenset[str]) -> Turn:
        """The turn of a case that has `ask`."""
        ask = entries["ask"]
        if isinstance(ask, Text) and (text := ask.value) and not text.isspace():
            return Turn(text, None, self._expected(entries, off))
        return Turn(schema.words(self.source, ask, "'ask'") or "", None, self._expected(entries, off))

    def _expected(self, entries: dict[str, Node], off: frozenset[str]) -> tuple[Check, ...]:
        """`every` less what `except` takes off, then the turn's own checks."""
        every = self.checks.every() if self.checks.every_aspects else ()
        if off:
            every = tuple(check for check in every if check.aspect not in off)
        own = entries.get("expect")
        if own is None:
            return every
        return every + self.checks.expect(own) if every else self.checks.expect(own)

    def _off(self, entries: dict[str, Node]) -> frozenset[str]:
        """The aspects of `every` that `except` takes off."""
        node = entries.get("except")
        if node is None:
            return _NONE
        off = schema.texts(self.source, node, "'except'")
        known = self.checks.every_aspects
        for aspect in off:
            if aspect not in known:
                hint = schema.near(aspect, known)
                self.source.fault(node.mark, f"'every' has no aspect {quoted(aspect)} to take off", hint)
        return frozenset(off)

    def _rest(self, entries: dict[str, Node]) -> Rest:
        """What a case may say besides: system, params, context, tags, group and must_pass."""
        source, get = self.source, entries.get
        system, params, context = get("system"), get("params"), get("context")
        tags, group, must = get("tags"), get("group"), get("must_pass")
        return (
            schema.text(source, system, "'system'", 'to send none, write system: ""') if system else None,
            schema.payload(source, params, "'params'") if params else {},
            schema.texts(source, context, "'context'") if context else (),
            tuple(dict.fromkeys(schema.texts(source, tags, "a tag"))) if tags else (),
            schema.words(source, group, "'group'") if group else None,
            bool(schema.truth(source, must, "'must_pass'")) if must else False,
        )

    def _crossing(self, entries: dict[str, Node]) -> tuple[str | None, str | None]:
        """Which persona is asked which item; a pair stands once in a suite, asked again by `samples`."""
        for given, other in (("persona", "item"), ("item", "persona")):
            if given in entries and other not in entries:
                hint = "both or neither: which persona is asked, and which question of those that all are asked"
                self.source.fault(entries[given].mark, f"{quoted(given)} stands without {quoted(other)}", hint)
                return None, None
        persona = schema.words(self.source, entries["persona"], "'persona'")
        item = schema.words(self.source, entries["item"], "'item'")
        if persona is None or item is None:
            return None, None
        if (persona, item) in self._pairs:
            hint = "`samples` asks it again; another wording is another item"
            what = f"the persona {quoted(persona)} is asked the item {quoted(item)} twice"
            self.source.fault(entries["item"].mark, what, hint)
        self._pairs.add((persona, item))
        return persona, item

    def _id(self, node: Node) -> str:
        """An id that is given; one that was given before is a fault."""
        found = schema.words(self.source, node, "'id'")
        if found is None:
            return ""
        if len(found) > LONGEST_ID or not found.isprintable():
            what = f"an id is one line of at most {LONGEST_ID} characters, not {quoted(found)}"
            self.source.fault(node.mark, what)
            return ""
        place = self.checks.row.name if self.checks.row else f"line {node.mark.line + 1}"
        first = self._ids.setdefault(found, place)
        if first is not place:
            hint = f"the first is on {first}"
            if self.checks.row and isinstance(node, Text) and not node.filled:
                hint = 'each row makes a case: put a field of the row in the id, as in id: "{{ id }}"'
            self.source.fault(node.mark, f"two cases have the id {quoted(found)}", hint)
        return found

    # --- conversations ---

    def _conversation(self, node: Mapping, off: frozenset[str]) -> tuple[tuple[Turn, ...], tuple[Check, ...]]:
        """The turns of a case, and what is expected of it as a whole."""
        entries, source = node.entries, self.source
        if "ask" in entries:
            hint = "put the question among the turns: - ask: ..."
            source.fault(node.key("ask"), "a case has 'ask' or 'turns', not both", hint)
        listed = schema.sequence(source, entries["turns"], "'turns'", "each turn begins with '- '")
        if listed is None:
            return (), ()
        before = source.noted
        turns = [turn for item in listed.items for turn in self._turns(item, off)]
        asked = [place for place, turn in enumerate(turns) if turn.reply is None]
        if not asked and source.noted == before:
            source.fault(listed.mark, "no turn of this case is asked", "a turn without 'reply' is asked")
        own = entries.get("expect")
        if own is None:
            return tuple(turns), ()
        if len(asked) > 1:
            line = next(
                (i.mark.line for i in reversed(listed.items) if isinstance(i, Mapping) and "reply" not in i.entries), 0
            )
            hint = f"put it under `expect` of the turn it is about, such as the one on line {line + 1}"
            return tuple(turns), self.checks.expect(own, whole=hint)
        checks = self.checks.expect(own)
        if asked:
            turns[asked[0]] = replace(turns[asked[0]], expect=turns[asked[0]].expect + checks)
        return tuple(turns), ()

    def _turns(self, node: Node, off: frozenset[str]) -> Iterator[Turn]:
        """The turn that stands there; a file of lines is a turn a line."""
        found = schema.mapping(self.source, node, "a turn", "write `- ask: ...`")
        if found is None:
            return
        entries = found.entries
        if not entries.keys() <= TURN_FIELDS:
            schema.known(self.source, found, "a turn", TURN_FIELDS)
        if "from" in entries:
            every = self._expected({}, off)
            yield from (Turn(line, None, every) for line in self._from(found))
        elif "ask" not in entries:
            self.source.fault(found.mark, "a turn needs 'ask' or 'from'")
        elif "take" in entries:
            self.source.fault(found.key("take"), "'take' stands beside 'from' only")
        else:
            ask = schema.words(self.source, entries["ask"], "'ask'") or ""
            if "reply" not in entries:
                yield Turn(ask, None, self._expected(entries, off | self._off(entries)))
                return
            for key in ("expect", "except"):
                if key in entries:
                    hint = "leave 'reply' out to have the turn asked"
                    self.source.fault(found.key(key), "a scripted turn is not graded", hint)
            yield Turn(ask, schema.text(self.source, entries["reply"], "'reply'") or "")

    def _from(self, node: Mapping) -> tuple[str, ...]:
        """The lines of `{from: FILE, take: N}`, read once a suite."""
        for key in ("ask", "reply", "expect", "except"):
            if key in node.entries:
                hint = "its lines are the questions; what is expected of each stands under `every`"
                self.source.fault(node.key(key), f"'from' and {quoted(key)} cannot stand in one turn", hint)
        take = schema.integer(self.source, node.entries["take"], "'take'") if "take" in node.entries else None
        found = each.file(self.source, node.entries["from"], "'from'")
        if found is None:
            return ()
        path, named = found
        if (named, take) not in self._lines:
            data = each.Data(node.entries["from"].mark, path, named, take)
            self._lines[named, take] = tuple(self._line(data, row) for row in data.rows(self.source))
        return self._lines[named, take]

    def _line(self, data: each.Data, row: Row) -> str:
        text = row.fields.get("line", row.fields.get("ask"))
        if isinstance(text, str) and text.strip():
            return text
        hint = "a turn is a line of a text file, or the field 'ask' of a row"
        self.source.fault(data.at, f"{row.name} holds no question", hint)
        return ""

    # --- ids ---

    def _named(self) -> list[Case]:
        """The cases, each with an id of its own. Where made ids are alike, what is asked tells them apart, so that
        neither order nor other cases change them; cases that ask the same are counted."""
        held = Counter(case.id for case in self.cases)
        if len(held) == len(self.cases):
            return self.cases
        counts: Counter[str] = Counter()
        for place in self._made:
            case = self.cases[place]
            if held[case.id] == 1:
                continue
            base = (
                f"{case.id}-{_digest([[t.ask, t.reply] for t in case.turns], case.system, case.params, case.context)}"
            )
            counts[base] += 1
            name = base if counts[base] == 1 else f"{base}-{counts[base]}"
            if name in held:
                name = f"{name}-{_digest(name, place)}"
            self.cases[place] = replace(case, id=name)
        return self.cases


def _partial(node: Node) -> bool:
    """Whether something was left out of this node or below it, for which a fault was noted."""
    match node:
        case Mapping():
            return node.partial or any(_partial(value) for value in node.entries.values())
        case Sequence():
            return any(_partial(item) for item in node.items)
    return isinstance(node, Broken)


def _question(turns: tuple[Turn, ...]) -> str:
    return next((turn.ask for turn in reversed(turns) if turn.reply is None), "")


def _digest(*parts: object) -> str:
    return hashlib.sha256(encode(parts).encode()).hexdigest()[:8]


# Letters to lower case, all but letters and digits to blanks; bytes, for their table is many times faster than a dict.
_ASCII = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)) + b" " * 128
_WORDS = re.compile(r"[^\W_]+")


def slug(text: str) -> str:
    """A text as an id: its words in lower case with dashes between them, an apostrophe parts none.

    Past 60 characters it is cut, and a hash of the whole text follows; so does it where a text has no word at all.
    """
    start = text[: LONGEST_SLUG * 4]
    if start.isascii():
        made = b"-".join(start.encode().translate(_ASCII, b"'").split()).decode()
    else:
        made = "-".join(_WORDS.findall(re.sub("['’]", "", start.lower())))
    if made and len(made) <= LONGEST_SLUG and len(text) <= len(start):
        return made
    cut = made[: LONGEST_SLUG + 1].rpartition("-")[0] or made[:LONGEST_SLUG] if len(made) > LONGEST_SLUG else made
    return f"{cut or 'case'}-{_digest(text)}"
