"""How often each case is asked: a number, or from how many on to how many while a gate is undecided."""

from __future__ import annotations

from evalharness import schema
from evalharness.tree import Mapping, Node, Source


def read(source: Source, node: Node, what: str) -> tuple[int, int] | None:
    """The fewest and the most samples of a case; the same number twice where it is fixed."""
    if not isinstance(node, Mapping):
        found = schema.integer(source, node, what)
        return None if found is None else (found, found)
    schema.known(source, node, what, ("min", "max"))
    for needed in ("min", "max"):
        if needed not in node.entries:
            source.fault(node.mark, f"{what} has no '{needed}'", "write `samples: {min: 1, max: 8}`, or one number")
    if not {"min", "max"} <= node.entries.keys():
        return None
    least = schema.integer(source, node.entries["min"], f"{what}: 'min'")
    most = schema.integer(source, node.entries["max"], f"{what}: 'max'")
    if least is None or most is None:
        return None
    if most < least:
        source.fault(node.key("max"), f"{what}: 'max' is {most}, which is below 'min', {least}")
        return None
    return least, most
