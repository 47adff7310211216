"""One check as a suite writes it becomes a scorer: its long form, a bare text, or the name of another check."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args, get_origin

from evalharness import schema, voices
from evalharness.errors import Faults
from evalharness.files import quoted, read_text
from evalharness.grammar.each import Filler, Row, file, note
from evalharness.jsontext import decode
from evalharness.scorers.base import SCORERS, BuildFault, BuildFaults, Kind, Option, Scorer, build, from_text, kind
from evalharness.stylometry.profile import Profile
from evalharness.tree import Mapping, Mark, Node, Sequence, Source, Text

BESIDE = ("name", "weight", "pass_at", "truncated")
DEEPEST = 40
MOST_PARTS = 1_000
MOST_KEPT = 20_000

Truncated: TypeAlias = Literal["zero", "allow"]


class Draft(NamedTuple):
    """A check before it is known which aspect it stands under."""

    name: str
    kind: Kind
    scorer: Scorer
    weight: float = 1.0
    pass_at: float = 0.5
    truncated: Truncated = "zero"


class Size(NamedTuple):
    """How many checks stand in one, itself included, and how deep: named checks can double at every step."""

    parts: int
    depth: int


_TOO_DEEP = f"checks stand more than {DEEPEST} deep in each other"


class DraftReader:
    """Reads single checks.

    named: the checks under `checks`. aspects: what may stand beside a check by mistake. row: what fills named checks,
    None outside `each`. kind_of: the kind of each class of scorer
    that was built. used: the named checks that were read.
    """

    def __init__(self, source: Source, filler: Filler, named: dict[str, Node], aspects: Collection[str]) -> None:
        self.source = source
        self.filler = filler
        self.named = named
        self.aspects = aspects
        self.kinds = SCORERS.names() | {"check"}
        self.row: Row | None = None
        self.kind_of: dict[type, str] = {}
        self._sizes: dict[int, Size] = {}
        self._voices: dict[Path, Profile] = {}
        self.used: set[str] = set()
        self._simple: dict[tuple[str, str], Scorer] = {}
        self._resolved: dict[str, Draft | None] = {}
        self._of_row: dict[str, Draft | None] = {}
        self._open: list[str] = []
        self._depth = 0

    def under(self, row: Row | None) -> None:
        """Goes to another row, None for outside `each`, where braces are text."""
        if (row is None) is not (self.row is None):
            self._resolved.clear()
        self._of_row.clear()
        self.row = row

    # --- the three ways to write a check ---

    def bare(self, node: Text, name: str) -> Scorer | None:
        """A bare text as the subject of that kind."""
        value = node.value
        scorer = self._simple.get((name, value))
        if scorer is not None:
            return scorer
        if not value.strip():
            schema.words(self.source, node, "a check")
            return None
        if name == "mentions" and value in self.named:
            hint = f"the check is {{check: {value}}}, the text is {{mentions: {value}}}"
            self.source.fault(node.mark, f"{quoted(value)} is a text here, and a check is called so", hint)
            return None
        if name == "mentions" and value.split()[0] == "TODO":
            hint = "what its reply must mention, such as `expect: Paris`; without `expect`, `every` alone grades it"
            self.source.fault(node.mark, "this is still to be filled in: what a right reply says", hint)
            return None
        try:
            scorer = from_text(name, value)
        except BuildFaults as error:
            self._note(node, kind(name), error)
            return None
        self.kind_of[type(scorer)] = name
        if len(self._simple) < MOST_KEPT:
            self._simple[name, value] = scorer
        return scorer

    def called(self, node: Text, aspect: str = "") -> Draft | None:
        """A bare text that names a check, or a kind that needs no subject."""
        name = schema.words(self.source, node, "a check")
        if name is None:
            return None
        if name in self.named:
            return self.resolve(name, node.mark)
        if name in self.kinds and name != "check":
            known = kind(name)
            if known.switch:
                fields: dict[str, object] = {known.subject.name: "true"}
                scorer = self._built(known, fields, node)
                return Draft(name, known, scorer) if scorer else None
            hint = f"write {{{name}: ...}}"
            self.source.fault(node.mark, f"{quoted(name)} is a kind of check that needs a subject", hint)
            return None
        self.source.fault(node.mark, f"no check is called {quoted(name)}", self._meant(name, aspect))
        return None

    def long(self, node: Mapping, *, nested: bool = False) -> Draft | None:
        """A mapping with exactly one kind among its keys."""
        if self._depth >= DEEPEST:
            self.source.fault(node.mark, _TOO_DEEP)
            return None
        self._depth += 1
        try:
            name = self._kind_of(node)
            if name is None:
                return None
            draft = self._reference(node) if name == "check" else self._of_kind(node, kind(name))
            return self._beside(node, draft, nested=nested)
        finally:
            self._depth -= 1

    def resolve(self, name: str, at: Mark) -> Draft | None:
        """The check under `checks` of that name; under `each` filled from the row."""
        if name in self._open:
            self.source.fault(at, f"the check {quoted(name)} stands within itself")
            return None
        for known in (self._resolved, self._of_row):
            if name in known:
                self.source.noted += known[name] is None
                return known[name]
        self.used.add(name)
        fills = self.filler.fills
        node = self.named[name] if self.row is None else self.filler.fill(self.named[name], self.row)
        self._open.append(name)
        try:
            draft = self.long(node) if isinstance(node, Mapping) else self._alias(node)
        finally:
            self._open.pop()
        if draft and draft.name == draft.kind.name:
            draft = draft._replace(name=name)
        (self._resolved if self.filler.fills == fills else self._of_row)[name] = draft
        return draft

    def _alias(self, node: Node) -> Draft | None:
        if isinstance(node, Text):
            return self.called(node)
        schema.wrong(self.source, node, "a check under `checks` must be a mapping", "write NAME: {kind: subject}")
        return None

    def _meant(self, name: str, aspect: str) -> str:
        switches = {found for found in self.kinds - {"check"} if kind(found).switch}
        hint = schema.near(name, {*self.named, *switches})
        if hint.startswith("did"):
            return hint
        if aspect and (meant := schema.near(aspect, self.kinds)).startswith("did"):
            return f"{quoted(aspect)} is an aspect here: {meant}"
        return f"a text to be found in the reply is {{mentions: ...}}; {hint}"

    # --- the long form ---

    def _kind_of(self, node: Mapping) -> str | None:
        present = [key for key in node.entries if key in self.kinds]
        if len(present) > 1:
            # An option may bear the name of a kind.
            taken = {option.name for key in present if key != "check" for option in kind(key).options[1:]}
            present = [key for key in present if key not in taken] or present
        if len(present) == 1:
            return present[0]
        if present:
            shown = " and ".join(map(quoted, present[:3]))
            hint = "two checks are a list of two; a check within another stands in `all_of`"
            self.source.fault(node.key(present[1]), f"a check is of one kind, here are {shown}", hint)
            return None
        strange = [key for key in node.entries if key not in BESIDE] or list(node.entries)
        if not strange:
            self.source.fault(node.mark, "this check is empty", "write {kind: subject}")
        elif strange[0] in self.aspects:
            what = f"{quoted(strange[0])} is an aspect, and here a check is expected"
            self.source.fault(node.key(strange[0]), what, "aspects are the keys of one mapping, right below `expect`")
        else:
            hint = schema.near(strange[0], self.kinds)
            self.source.fault(node.key(strange[0]), f"there is no kind of check {quoted(strange[0])}", hint)
        return None

    def _reference(self, node: Mapping) -> Draft | None:
        for key in node.entries:
            if key != "check" and key not in BESIDE:
                self._extra(node, key, "check", ())
        value = node.entries["check"]
        name = schema.words(self.source, value, "'check'")
        if name is not None and name not in self.named:
            self.source.fault(value.mark, f"no check is called {quoted(name)}", schema.near(name, self.named))
            return None
        return None if name is None else self.resolve(name, value.mark)

    def _of_kind(self, node: Mapping, known: Kind) -> Draft | None:
        before = self.source.noted
        options = {option.name: option for option in known.options[1:]} | {known.name: known.subject}
        fields: dict[str, object] = {}
        for key, value in node.entries.items():
            option = options.get(key)
            if option is None:
                if key not in BESIDE:
                    self._extra(node, key, known.name, options.keys() - {known.name})
            elif isinstance(value, Text) and not (value.value or value.style or value.filled):
                hint = f"write {known.name}: true" if known.switch and option is known.subject else ""
                self.source.fault(value.mark, f"{quoted(key)} has no value", hint)
            else:
                fields[option.name] = self._value(option, value, known)
        if self.source.noted > before:
            return None
        scorer = self._built(known, fields, node)
        return Draft(known.name, known, scorer) if scorer else None

    def _extra(self, node: Mapping, key: str, name: str, options: Collection[str]) -> None:
        if key in self.aspects:
            what = f"the check {quoted(name)} and the aspect {quoted(key)} cannot stand in one mapping"
            hint = f"put the check under an aspect too: {{facts: {{{name}: ...}}, {key}: ...}}"
            self.source.fault(node.key(key), what, hint)
            return
        self.source.fault(
            node.key(key), f"{quoted(name)} has no option {quoted(key)}", schema.near(key, {*options, *BESIDE})
        )

    def _beside(self, node: Mapping, draft: Draft | None, *, nested: bool) -> Draft | None:
        """The options that every check takes."""
        for key in BESIDE:
            value = node.entries.get(key)
            if value is None:
                continue
            if nested:
                self.source.fault(node.key(key), f"{quoted(key)} is for a whole check, not for one within another")
            elif key == "name":
                name = schema.words(self.source, value, "'name'")
                draft = draft and draft._replace(name=name or draft.name)
            elif key == "weight":
                weight = schema.weight(self.source, value, "'weight'")
                draft = draft and draft._replace(weight=weight or draft.weight)
            elif key == "pass_at":
                share = schema.share(self.source, value, "'pass_at'")
                draft = draft and draft._replace(pass_at=share or draft.pass_at)
            else:
                choice = schema.choice(self.source, value, "'truncated'", get_args(Truncated))
                draft = draft and draft._replace(truncated=choice or draft.truncated)
        return draft

    # --- options ---

    def _value(self, option: Option, node: Node, known: Kind) -> object:
        """What the builder takes for an option."""
        match option.holds:
            case "value":
                value = schema.plain(node)
                return [value] if _many(option) and not isinstance(value, list) else value
            case "document":
                return self._document(node)
            case "voice":
                return self._voice(node)
            case "part":
                return self._part(node, known.bare)
            case "parts":
                parts = [self._part(item, known.bare) for item in schema.listed(self.source, node)]
                if not parts:
                    self.source.fault(node.mark, f"{quoted(known.name)} holds no checks")
                return tuple(parts)
        found = schema.mapping(self.source, node, f"what stands under {quoted(known.name)}")
        named = {key: self._part(item, known.bare) for key, item in found.entries.items()} if found else {}
        if found and not named:
            self.source.fault(node.mark, f"{quoted(known.name)} holds no checks")
        return named

    def _part(self, node: Node, bare: str) -> Scorer | None:
        if isinstance(node, Text):
            return self.bare(node, bare)
        if isinstance(node, Mapping):
            draft = self.long(node, nested=True)
            return draft.scorer if draft else None
        schema.wrong(self.source, node, "a check must be a text or a mapping")
        return None

    def _document(self, node: Node) -> object:
        """A JSON object: inline, or in a file beside the suite."""
        if isinstance(node, Mapping):
            return schema.payload(self.source, node, "a document")
        found = file(self.source, node, "a document")
        if found is None:
            return None
        path, named = found
        try:
            text = read_text(path, str(Path(self.source.file).parent / named))
            value, end = decode(text.strip())
        except Faults as error:
            note(self.source, node.mark, named, error)
        except ValueError as error:
            self.source.fault(node.mark, f"{quoted(named)}: {error}")
        else:
            if isinstance(value, dict) and end == len(text.strip()):
                return value
            self.source.fault(node.mark, f"{quoted(named)} must hold one JSON object and nothing else")
        return None

    def _voice(self, node: Node) -> Profile | None:
        """The profile of a voice: of the replies in a file beside the suite, read once, or of a list of replies."""
        named = ""
        try:
            if isinstance(node, Sequence):
                replies = [schema.words(self.source, item, "a reply") for item in node.items]
                return None if None in replies else voices.of([reply or "" for reply in replies])
            found = file(self.source, node, "a voice")
            if found is None:
                return None
            path, named = found
            if path not in self._voices:
                self._voices[path] = voices.learnt(path, str(Path(self.source.file).parent / named))
            return self._voices[path]
        except voices.TooFew as error:
            self.source.fault(node.mark, f"{quoted(named)}: {error}" if named else str(error), voices.TooFew.HINT)
        except Faults as error:
            note(self.source, node.mark, named, error)
        return None

    # --- building ---

    def _built(self, known: Kind, fields: dict[str, object], node: Node) -> Scorer | None:
        try:
            scorer = build(known.name, fields)
        except BuildFaults as error:
            self._note(node, known, error)
            return None
        sizes = [self._sizes.get(id(part), Size(1, 1)) for part in _parts(known, fields)]
        size = Size(1 + sum(s.parts for s in sizes), 1 + max((s.depth for s in sizes), default=0))
        if size.parts > MOST_PARTS or size.depth > DEEPEST:
            what = _TOO_DEEP if size.depth > DEEPEST else f"more than {MOST_PARTS} checks stand in this one"
            self.source.fault(node.mark, what)
            return None
        self.kind_of[type(scorer)] = known.name
        self._sizes[id(scorer)] = size
        return scorer

    def _note(self, node: Node, known: Kind, error: BuildFaults) -> None:
        for fault in error.faults:
            self.source.fault(_place(node, known, fault), fault.what, fault.hint)


def _many(option: Option) -> bool:
    return get_origin(option.annotation) in (tuple, list)


def _parts(known: Kind, fields: dict[str, object]) -> list[object]:
    parts: list[object] = []
    for option in known.options:
        value = fields.get(option.name)
        match option.holds, value:
            case "part", _:
                parts.append(value)
            case "parts", tuple():
                parts.extend(value)
            case "named parts", dict():
                parts.extend(value.values())
    return parts


def _place(node: Node, known: Kind, fault: BuildFault) -> Mark:
    """Where a fault stands: as far along its path as there are nodes."""
    path = fault.path
    if isinstance(node, Mapping) and path and path[0] == known.subject.name and known.name in node.entries:
        path = (known.name, *path[1:])
    for step in path:
        if isinstance(node, Mapping) and isinstance(step, str) and step in node.entries:
            node = node.entries[step]
        elif isinstance(node, Sequence) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        else:
            break
    return node.mark
