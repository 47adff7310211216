"""YAML text to a tree that remembers where everything stands.

The tree is built from libyaml's events: a scalar keeps the characters as typed, so `NO`, `1.10` and `12:30` stay what
they are, and the reader of a field decides its type. What YAML offers beyond that (aliases, tags, merge keys, several
documents) is refused. Faults are collected, so that one reading names them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from evalharness.errors import Fault, Faults
from evalharness.files import quoted

if TYPE_CHECKING:
    from yaml import YAMLError

MOST_FAULTS = 1_000
MOST_NODES = 500_000
DEEPEST = 100


class Mark(Protocol):
    """A place in the text; all three count from 0."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...

    @property
    def index(self) -> int: ...


class Node:
    """A value of the tree and where it begins."""

    __slots__ = ("mark",)
    noun = "a value"

    def __init__(self, mark: Mark) -> None:
        self.mark = mark


class Text(Node):
    """A scalar as typed. style: the quote or block sign it was written with, empty where plain.

    filled: the text of a row stands in it, so it names no file and is no template.
    """

    __slots__ = ("filled", "style", "value")
    noun = "a text"

    def __init__(self, value: str, mark: Mark, style: str, filled: bool = False) -> None:
        self.value = value
        self.mark = mark
        self.style = style
        self.filled = filled


class Mapping(Node):
    """Keys to nodes, in file order; `keys` are the places of the keys, in the same order.

    partial: an entry was left out, and a fault says why.
    """

    __slots__ = ("entries", "keys", "partial")
    noun = "a mapping"

    def __init__(self, entries: dict[str, Node], keys: list[Mark], mark: Mark) -> None:
        self.entries = entries
        self.keys = keys
        self.mark = mark
        self.partial = False

    def key(self, name: str) -> Mark:
        """Where that key stands."""
        return self.keys[list(self.entries).index(name)]


class Sequence(Node):
    """A list of nodes."""

    __slots__ = ("items",)
    noun = "a list"

    def __init__(self, items: list[Node], mark: Mark) -> None:
        self.items = items
        self.mark = mark


class Broken(Node):
    """Stands where a fault was reported already; readers pass over it in silence."""


@dataclass(slots=True)
class Place:
    """A mark of our own. row: the row of data that stands there, as `FILE:LINE`, which faults then name."""

    line: int
    column: int
    index: int = 0
    row: str = ""


class Source:
    """One suite file while it is read: its name as the caller gave it, its text, and the faults found so far.

    noted: counts every fault that was met, also again; a reader that sees it grow has nothing whole to give.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.content = text
        self.noted = 0
        self._faults: list[tuple[int, int, int, Fault]] = []
        self._seen: set[Fault] = set()
        self._warnings: list[Fault] = []

    def fault(self, at: Mark, what: str, hint: str = "") -> None:
        """Notes a fault; past a thousand of them reading ends with `Faults`."""
        if isinstance(at, Place) and at.row and at.row not in what:
            what = f"{what} ({at.row})"
        self.attach(at, Fault(self.file, at.line + 1, at.column + 1, what, hint))

    def attach(self, at: Mark, *faults: Fault) -> None:
        """Notes faults, also of another file, to be listed where this file speaks of them; each is listed once."""
        self.noted += len(faults)
        for fault in faults:
            if fault not in self._seen:
                self._seen.add(fault)
                self._faults.append((at.line, at.column, len(self._faults), fault))
        if len(self._faults) >= MOST_FAULTS:
            raise Faults(self.faults())

    def faults(self) -> tuple[Fault, ...]:
        """All faults so far, in file order."""
        return tuple(fault for *_, fault in sorted(self._faults, key=lambda entry: entry[:3]))

    def warn(self, at: Mark, what: str, hint: str = "") -> None:
        """Notes what is allowed and probably not meant."""
        self._warnings.append(Fault(self.file, at.line + 1, at.column + 1, what, hint))

    def warnings(self) -> tuple[Fault, ...]:
        """All warnings so far, in file order."""
        return tuple(sorted(self._warnings, key=lambda fault: (fault.line, fault.column)))


def parse(text: str, file: str) -> tuple[Source, Node]:
    """The tree of a YAML text, and the source that holds the faults found on the way.

    Where the syntax is broken nothing behind it can be trusted: `Faults` is raised with what was found up to there.
    """
    from yaml import CLoader, YAMLError

    source = Source(file, text)
    try:
        loader = CLoader(text)
        get: Callable[[], _Event] = loader.get_event  # type: ignore[assignment]  # its marks and values may be None in the stubs
        return source, _Builder(source, get).document()
    except YAMLError as error:
        _syntax(source, error)
        raise Faults(source.faults()) from None


class _Event(Protocol):
    """What is read of libyaml's events; each kind has only some of it."""

    start_mark: Mark
    value: str
    style: str
    anchor: str | None
    tag: str | None
    flow_style: bool


class _Builder:
    """Events to nodes. A scalar takes one pass of a loop and no call: files are mostly scalars."""

    def __init__(self, source: Source, next_event: Callable[[], _Event]) -> None:
        from yaml import events

        self.source = source
        self.get = next_event
        # Most files have neither anchors nor tags, and looking for them in each event is not free.
        self.careful = "&" in source.content or "!" in source.content
        self.left = MOST_NODES
        self.scalar: type[object] = events.ScalarEvent
        self.alias: type[object] = events.AliasEvent
        self.sequence_start: type[object] = events.SequenceStartEvent
        self.sequence_end: type[object] = events.SequenceEndEvent
        self.mapping_start: type[object] = events.MappingStartEvent
        self.mapping_end: type[object] = events.MappingEndEvent
        self.stream_end: type[object] = events.StreamEndEvent

    def document(self) -> Node:
        """The one document of the stream."""
        self.get()
        if type(self.get()) is self.stream_end:
            raise Faults([Fault(self.source.file, 1, 1, "this file is empty", "a suite begins with `suite: NAME`")])
        root = self.node(self.get(), 1)
        self.get()
        event = self.get()
        if type(event) is not self.stream_end:
            hint = "a suite file is one document: remove '---'"
            self.source.fault(event.start_mark, "a second document begins here", hint)
        return root

    def node(self, event: _Event, depth: int) -> Node:
        """The node that begins with this event."""
        kind, mark = type(event), event.start_mark
        if kind is self.alias:
            hint = "write the value out, or name a check under `checks`; quote a text that begins with '*'"
            self.source.fault(mark, f"aliases are not read: {quoted('*' + (event.anchor or ''))}", hint)
            return Broken(mark)
        if self.careful:
            self.look(event)
        if kind is self.scalar:
            return Text(event.value, mark, event.style)
        if depth > DEEPEST:
            self.source.fault(mark, f"this is nested more than {DEEPEST} deep")
            raise Faults(self.source.faults())
        return self.sequence(mark, depth) if kind is self.sequence_start else self.mapping(mark, depth)

    def sequence(self, mark: Mark, depth: int) -> Sequence:
        """A list up to its end."""
        end, get = self.sequence_end, self.get
        items = []
        while type(event := get()) is not end:
            items.append(self.node(event, depth + 1))
        self.spend(len(items), mark)
        return Sequence(items, mark)

    def mapping(self, mark: Mark, depth: int) -> Node:
        """A mapping up to its end; the first of two equal keys is kept."""
        end, scalar, get, careful = self.mapping_end, self.scalar, self.get, self.careful
        entries: dict[str, Node] = {}
        keys: list[Mark] = []
        broken = False
        while (kind := type(event := get())) is not end:
            at = event.start_mark
            if kind is not scalar:
                broken = True
                self.no_key(event, self.node(event, depth + 1))
                self.node(get(), depth + 1)
                continue
            if careful:
                self.look(event)
            key = event.value
            event = get()
            value = (
                Text(event.value, event.start_mark, event.style)
                if type(event) is scalar and not careful
                else self.node(event, depth + 1)
            )
            if key in entries or key == "<<":
                broken = broken or key == "<<"
                self.no_entry(key, at, entries, keys)
            else:
                entries[key] = value
                keys.append(at)
        self.spend(len(keys), mark)
        if broken and not entries:
            return Broken(mark)
        found = Mapping(entries, keys, mark)
        found.partial = broken
        return found

    def spend(self, nodes: int, mark: Mark) -> None:
        """Keeps count: a file of 10 MB may hold millions of values, and each takes memory."""
        self.left -= nodes
        if self.left < 0:
            hint = "cases by the thousand belong in a data file: `each: rows.jsonl`"
            self.source.fault(mark, f"this file holds more than {MOST_NODES} values", hint)
            raise Faults(self.source.faults())

    def look(self, event: _Event) -> None:
        """A fault for an anchor or a tag."""
        if event.anchor is not None:
            hint = "write the value out where it is needed; quote a text that begins with '&'"
            self.source.fault(event.start_mark, f"anchors are not read: {quoted('&' + event.anchor)}", hint)
        if event.tag is not None:
            hint = "types come from the field; quote a text that begins with '!'"
            self.source.fault(event.start_mark, f"tags are not read: {quoted(event.tag)}", hint)

    def no_key(self, event: _Event, node: Node) -> None:
        """A fault for a key that is a list or a mapping, which is how an unquoted template reads."""
        if type(event) is self.alias:
            return
        template = type(event) is self.mapping_start and event.flow_style
        hint = 'quote a template: "{{ field }}"' if template else "a key is a text"
        noun = "a list" if type(event) is self.sequence_start else "a mapping"
        self.source.fault(node.mark, f"{noun} cannot be a key", hint)

    def no_entry(self, key: str, at: Mark, entries: dict[str, Node], keys: list[Mark]) -> None:
        """A fault for a key that stands twice, or for a merge key."""
        if key == "<<":
            hint = "write the entries out, or name a check under `checks`"
            self.source.fault(at, "merge keys are not read: '<<'", hint)
            return
        first = keys[list(entries).index(key)]
        self.source.fault(at, f"the key {quoted(key)} stands twice", f"it is on line {first.line + 1} already")


# --- broken syntax --------------------------------------------------------------------------------------------------

# What libyaml says, as the beginning of its problem, against what people did.
PROBLEMS = {
    "mapping values are not allowed": (
        "a ':' is not expected here",
        "is the indent right? quote a text that holds ': '",
    ),
    "found character that cannot start any token": ("a value cannot begin with this character", "quote the text"),
    "did not find expected key": ("a key is expected here", "is the indent right? does a quoted text end too early?"),
    "did not find expected '-'": ("a list item is expected here", "is the indent right? each item begins with '- '"),
    "did not find expected ',' or ']'": ("the list '[' is not closed here, nor does a comma follow", ""),
    "did not find expected ',' or '}'": ("the mapping '{' is not closed here, nor does a comma follow", ""),
    "did not find expected node content": ("a value is expected here", "quote a text that begins with this character"),
    "found unexpected end of stream": ("a quoted text is not closed", ""),
    "could not find expected ':'": (
        "a key without ':' ends here",
        "is the indent right? long text goes after `key: >`",
    ),
    "block sequence entries are not allowed": ("a list item cannot stand here", "put it on a line of its own"),
    "found unexpected ':'": ("a ':' is not expected here", "put a blank behind it, or quote the text"),
    "did not find expected alphabetic": ("a text cannot begin with '*' or '&' here", "quote the text"),
    "found undefined tag handle": ("tags are not read", "quote a text that begins with '!'"),
}


def _syntax(source: Source, error: YAMLError) -> None:
    """Notes where libyaml gave up, in words that say what to do."""
    from yaml import MarkedYAMLError
    from yaml.reader import ReaderError

    if isinstance(error, ReaderError):
        before = source.content.encode()[: error.position].decode()
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        found = f"\\x{ord(error.character) if isinstance(error.character, str) else error.character:02x}"
        hint = "remove it, or write it as an escape in double quotes"
        source.attach(
            Place(line, column),
            Fault(source.file, line + 1, column + 1, f"there is a control character here: '{found}'", hint),
        )
        return
    if not isinstance(error, MarkedYAMLError) or not (at := error.problem_mark or error.context_mark):
        source.attach(Place(0, 0), Fault(source.file, 0, 0, f"this is not YAML: {error}"))
        return
    problem = error.problem or error.context or ""
    known = next((said for begin, said in PROBLEMS.items() if problem.startswith(begin)), None)
    what, hint = known or (f"this is not YAML: {problem}", "")
    lines = source.content.split("\n")
    shown = lines[at.line] if at.line < len(lines) else ""
    if "{{" in shown:
        hint = 'quote a template: "{{ field }}"'
    elif shown[at.column : at.column + 1] == "\t":
        what, hint = "a tab cannot indent", "indent with spaces"
    if error.context_mark is not None and error.context_mark.line != at.line and "not closed" in what:
        what = f"{what} (it begins on line {error.context_mark.line + 1})"
    source.fault(Place(at.line, at.column), what, hint)
