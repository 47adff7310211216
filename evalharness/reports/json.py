"""The whole comparison as one JSON object, for programs, and to be read back: `evalharness report` needs no run file.

For a single pair the comparison's fields stand at the top; for several there are the overall `verdict` and
`comparisons`. The text is ASCII, so that half a surrogate pair in a reply survives, and holds no NaN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from evalharness.errors import EvalError
from evalharness.files import shown_path
from evalharness.findings import Comparison, Pair, Panel, Verdict
from evalharness.reports.base import report

if TYPE_CHECKING:
    from pydantic import ValidationError

T = TypeVar("T")
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

SCHEMA = 1
HINT = "give a comparison.json that `evalharness compare` wrote"
FIRST = ("verdict", "suite", "base", "tuned")
"""What a reader looks for stands first; the rest follows in the order of the record, `pairs` last."""


@report("json")
def render(panel: Panel, *, pairs: bool = True) -> Iterator[str]:
    """Everything a comparison found as one JSON object, for programs, and to render any other format from later.

    A case of `pairs` is a line. pairs: whether the replies are in it; without them it cannot be read back into
    side-by-side reports, but says all about the verdict. With them it is made to be handed on, so files are named as
    others may see them.
    """
    panel = replace(panel, comparisons=tuple(map(_public, panel.comparisons))) if pairs else panel
    yield f'{{\n  "evalharness": {SCHEMA},\n'
    if len(panel.comparisons) == 1 and panel.comparisons[0].verdict == panel.verdict:
        yield from _members(panel.comparisons[0], pairs=pairs)
    else:
        yield f'  "verdict": {_text(panel.verdict)},\n  "comparisons": ['
        for place, comparison in enumerate(panel.comparisons):
            yield ",\n{\n" if place else "\n{\n"
            yield from _members(comparison, pairs=pairs)
            yield "}"
        yield "\n  ]\n"
    yield "}\n"


def _public(comparison: Comparison) -> Comparison:
    """The comparison with its files named from the current folder, those elsewhere by their name only."""
    sides = (replace(side, path=shown_path(side.path)) for side in (comparison.base, comparison.tuned))
    rebased = comparison.rebased
    if rebased is not None:
        rebased = replace(rebased, via=replace(rebased.via, path=shown_path(rebased.via.path)))
    suite = replace(comparison.suite, path=shown_path(comparison.suite.path))
    base, tuned = sides
    trained = comparison.trained
    if trained is not None:
        trained = replace(trained, file=shown_path(trained.file))
    duels = comparison.duels
    if duels is not None:
        duels = replace(duels, path=shown_path(duels.path))
    return replace(comparison, suite=suite, base=base, tuned=tuned, rebased=rebased, trained=trained, duels=duels)


def _members(comparison: Comparison, *, pairs: bool) -> Iterator[str]:
    """The fields of a comparison, one a line; lists of records have a line an item."""
    names = [field.name for field in fields(Comparison) if field.name not in (*FIRST, "pairs")]
    for place, name in enumerate((*FIRST, *names)):
        value: object = getattr(comparison, name)
        yield (",\n  " if place else "  ") + f'"{name}": '
        if isinstance(value, tuple) and value:
            yield "[\n" + ",\n".join(f"    {_text(item)}" for item in value) + "\n  ]"
        else:
            yield _text(value)
    if pairs:
        yield ',\n  "pairs": ['
        for place, pair in enumerate(comparison.pairs):
            yield f"{',' if place else ''}\n    {_text(pair)}"
        yield "\n  ]"
    yield "\n"


def _text(value: object) -> str:
    return json.dumps(plain(value), allow_nan=False)


def plain(value: object) -> Plain:
    """A record as JSON has it: objects, lists, and null for what is no number."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)


def load(text: str, name: str = "comparison.json") -> Panel:
    """The panel that `render` wrote as that text; `EvalError` for anything else. name: the file, for messages."""
    try:
        found = json.loads(text, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else f"{error}"[:120]
        raise EvalError(f"{name}: not JSON: {why}", HINT) from None
    if not isinstance(found, dict) or "verdict" not in found:
        raise EvalError(f"{name}: this is not a comparison", HINT)
    schema = found.pop("evalharness", None)
    if schema != SCHEMA or isinstance(schema, bool):
        newer = isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA
        hint = "a newer evalharness wrote it: upgrade this one" if newer else HINT
        raise EvalError(f"{name}: its schema is {str(schema)[:40]!r}, known is {SCHEMA}", hint)
    several = found.get("comparisons")
    if isinstance(several, list):
        verdict = _checked(Verdict, found["verdict"], f"{name}: verdict")
        return Panel(verdict, tuple(_comparison(one, f"{name}: comparisons[{n}]") for n, one in enumerate(several)))
    comparison = _comparison(found, name)
    return Panel(comparison.verdict, (comparison,))


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is no number in JSON")


def _comparison(value: object, where: str) -> Comparison:
    if isinstance(value, dict):
        value.setdefault("pairs", [])
    comparison = _checked(Comparison, value, where)
    pairs: tuple[Pair, ...] = tuple(comparison.pairs)
    return replace(comparison, pairs=pairs)


def _checked(cls: type[T], value: object, where: str) -> T:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(cls).validate_python(value)
    except ValidationError as error:
        raise EvalError(f"{where}: {_complaint(error)}", HINT) from None
    except RecursionError:
        raise EvalError(f"{where}: nested too deeply", HINT) from None


def _complaint(error: ValidationError) -> str:
    """The first thing that is wrong, with its place."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    what = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
    return (f"{place}: {what}" if place else what)[:300]
