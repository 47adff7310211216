"""How often each case is asked: a number, or from how many on to how many while a gate is undecided."""

from __future__ import annotations

from evalharness import schema
from evalharness.tree import Mapping, Node, Sequence, Source

BOTH = "write `samples: {min: 1, max: 8}`, or one number"


def read(source: Source, node: Node, what: str) -> tuple[int, int] | None:
    """The fewest and the most samples of a case; the same number twice where it is fixed."""
    if isinstance(node, Sequence):
        schema.wrong(source, node, f"{what} must be a whole number, or a mapping", BOTH)
        return None
    if not isinstance(node, Mapping):
        found = schema.integer(source, node, what)
        return None if found is None else (found, found)
    schema.known(source, node, what, ("min", "max"))
    counts: dict[str, int | None] = {}
    for name in ("min", "max"):
        if name in node.entries:
            counts[name] = schema.integer(source, node.entries[name], f"{what}: '{name}'")
        else:
            source.fault(node.mark, f"{what} has no '{name}'", BOTH)
    least, most = counts.get("min"), counts.get("max")
    if least is None or most is None:
        return None
    if most < least:
        source.fault(node.key("max"), f"{what}: 'max' is {most}, which is below 'min', {least}")
        return None
    return least, most
