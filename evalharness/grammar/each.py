"""`each`: the rows that multiply a case, and the filling of a case's texts from a row."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Fields
from dataclasses import dataclass
from pathlib import Path

from evalharness import rows, schema
from evalharness.errors import Faults
from evalharness.files import locate, quoted
from evalharness.records import encode
from evalharness.template import Hole, Template, TemplateError, compiled, place
from evalharness.tree import Broken, Mapping, Mark, Node, Place, Sequence, Source, Text


@dataclass(frozen=True, slots=True)
class Row:
    """A row under `each`, and how messages name it: `FILE:LINE`."""

    name: str
    fields: Fields[str, object]


@dataclass(frozen=True, slots=True)
class Data:
    """Where rows come from: a data file of which the first `take` are read, or a list in the suite itself."""

    at: Mark
    path: Path | None
    named: str
    take: int | None
    inline: tuple[Row, ...] = ()

    def rows(self, source: Source) -> Iterator[Row]:
        """The rows in order; faults of the file are noted where the suite names it."""
        yield from self.inline
        if self.path is None:
            return
        called = str(Path(source.file).parent / self.named)
        count = 0
        try:
            for row in rows.read(self.path, take=self.take, called=called):
                count += 1
                yield Row(f"{self.named}:{row.line}", row.fields)
        except Faults as error:
            note(source, self.at, self.named, error)
            return
        if not count:
            source.fault(self.at, f"{quoted(self.named)} holds no rows")


def file(source: Source, node: Node, what: str) -> tuple[Path, str] | None:
    """The file a node names, found beside the suite and inside its project; and its name as typed."""
    named = schema.words(source, node, what)
    if named is None or not isinstance(node, Text):
        return None
    if node.filled:
        source.fault(node.mark, f"{what} is a file name, which a row cannot give", "name the file itself")
        return None
    try:
        path = locate(named, Path(source.file))
    except ValueError as error:
        hint = "the project is the folder with evalharness.toml or pyproject.toml, else the suite's own"
        source.fault(node.mark, f"{quoted(named)}: {error}", hint)
        return None
    return path, named


def note(source: Source, at: Mark, named: str, error: Faults) -> None:
    """Notes the faults of a file that a suite names; those of the file as a whole stand where it is named."""
    for fault in error.faults:
        if fault.line:
            source.attach(at, fault)
        else:
            source.fault(at, f"{quoted(named)}: {fault.what}", fault.hint)


def data(source: Source, node: Node, what: str) -> Data | None:
    """`FILE`, `{from: FILE, take: N}`, or a list of rows; None where a fault was noted."""
    if isinstance(node, Sequence):
        return Data(node.mark, None, "", None, tuple(_inline(source, node)))
    take: int | None = None
    if isinstance(node, Mapping):
        schema.known(source, node, what, ("from", "take"))
        if "take" in node.entries:
            take = schema.integer(source, node.entries["take"], "'take'")
        if "from" not in node.entries:
            source.fault(node.mark, f"{what} names no file", "write {from: FILE, take: N}")
            return None
        node = node.entries["from"]
    found = file(source, node, what)
    return Data(node.mark, found[0], found[1], take) if found else None


def _inline(source: Source, node: Sequence) -> Iterator[Row]:
    if not node.items:
        source.fault(node.mark, "'each' holds no rows")
    for item in node.items:
        name = f"{source.file}:{item.mark.line + 1}"
        if isinstance(item, Mapping):
            yield Row(name, {key: _typed(value) for key, value in item.entries.items()})
        elif isinstance(item, Text):
            yield Row(name, {"line": item.value})
        else:
            schema.wrong(source, item, "a row must be a mapping or a text")


class Unquoted(str):
    """A scalar typed without quotes in a row in the suite itself: where JSON types count, it has one."""

    __slots__ = ()


def _typed(node: Node) -> object:
    """A value of a row in the suite: the characters as typed, None where there is none."""
    match node:
        case Mapping():
            return {key: _typed(value) for key, value in node.entries.items()}
        case Sequence():
            return [_typed(item) for item in node.items]
        case Text():
            return node.value if node.style else Unquoted(node.value) if node.value else None
    return None


class Filler:
    """Fills the texts of nodes. A text is compiled once, however many rows fill it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.fills = 0
        self._templates: dict[int, Template] = {}
        self._holed: dict[int, bool] = {}

    def holed(self, node: Node) -> bool:
        """Whether a template stands in or below this node; broken ones are noted once."""
        known = self._holed.get(id(node))
        if known is None:
            known = self._holed[id(node)] = self._scan(node)
        return known

    def fixed(self, node: Node) -> bool:
        """Whether this node was looked at and is the same for every row."""
        return self._holed.get(id(node)) is False

    def fill(self, node: Node, row: Row) -> Node:
        """The node with its templates filled from a row; the node itself where there are none."""
        if not self.holed(node):
            return node
        self.fills += 1
        match node:
            case Mapping():
                filled = {key: self.fill(value, row) for key, value in node.entries.items()}
                return Mapping(filled, node.keys, node.mark)
            case Sequence():
                return Sequence([self.fill(item, row) for item in node.items], node.mark)
            case Text():
                return self._text(node, row)
        return node

    def _scan(self, node: Node) -> bool:
        match node:
            case Mapping():
                below = [self.holed(value) for value in node.entries.values()]
            case Sequence():
                below = [self.holed(item) for item in node.items]
            case Text():
                below = [self._compile(node)]
            case _:
                below = []
        return any(below)

    def _compile(self, node: Text) -> bool:
        try:
            template = compiled(node.value)
        except TemplateError as error:
            self._fault(node, error, "")
            return False
        if template is not None:
            self._templates[id(node)] = template
        return template is not None

    def _text(self, node: Text, row: Row) -> Node:
        template = self._templates[id(node)]
        at = node.mark
        mark = Place(at.line, at.column, at.index, row.name)
        try:
            if (hole := template.whole) is not None:
                return self._value(hole, row, mark)
            return Text(template.fill(row.fields, row.name), mark, '"', filled=True)
        except TemplateError as error:
            self._fault(node, error, row.name)
            return Broken(mark)

    def _value(self, hole: Hole, row: Row, mark: Place) -> Node:
        """What a text that is nothing but one hole becomes: a list of the data stays a list, a number a number."""
        found = hole.value(row.fields, row.name)
        if isinstance(found, str):
            return _scalar(found, mark)
        if isinstance(found, list) and found and not any(isinstance(item, list | dict | None) for item in found):
            return Sequence([_scalar(item, mark) for item in found], mark)
        if isinstance(found, list | dict):
            hole.text(row.fields, row.name)
        return _scalar(found, mark)

    def _fault(self, node: Text, error: TemplateError, row: str) -> None:
        at, content = node.mark, self.source.content
        index = place(content, at.index, error.hole)
        line = content.count("\n", 0, index)
        column = index - content.rfind("\n", 0, index) - 1
        self.source.fault(Place(line, column, index, row), error.what, error.hint)


def _scalar(value: object, mark: Mark) -> Text:
    if isinstance(value, str):
        return Text(str(value), mark, "" if isinstance(value, Unquoted) else '"', filled=True)
    return Text(encode(value), mark, "", filled=True)
