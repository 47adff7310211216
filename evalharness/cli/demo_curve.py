"""How much data does it take? What `demo --curve` decides: files, commands, and a chart of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalharness.cli.demo_steps import ASKED, BASE, JUDGE, MARV, POLL, QUESTIONS, SEED, VOICE, Step

if TYPE_CHECKING:
    from evalharness.findings import Comparison

SIZES = (10, 20, 40, 80, 160)
LINES = {"facts": "facts right", "style": "persona shown", "no_leak": "stays away unasked"}
PAGE = "curve.html"


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured after so many examples (0: the base): each aspect's score, in [0, 1]."""

    examples: int
    scores: dict[str, float]


def arm(size: int) -> str:
    """What the config calls the model of so many examples."""
    return f"marv-{size}"


def files(sizes: Sequence[int] = SIZES) -> dict[str, str]:
    """The text of each file by its name: a training file a size, each beginning with all of the one before."""
    lines = [
        line
        for name in ("marv-train.jsonl", "marv-more.jsonl")
        for line in (MARV / "data" / name).read_text("utf-8").split("\n")[:-1]
    ]
    models = {BASE: "openai:tiny", **{arm(size): f"job:{arm(size)}" for size in sizes}, "judge": JUDGE}
    config = ["[models]", *(f'{name} = {{ use = "{use}" }}' for name, use in models.items()), ""]
    return {
        "evalharness.toml": "\n".join(config),
        ASKED: (MARV / "marv.yaml").read_text("utf-8"),
        **{f"suites/data/{name}": (MARV / "data" / name).read_text("utf-8") for name in (*QUESTIONS, VOICE)},
        **{f"{arm(size)}.jsonl": "".join(f"{line}\n" for line in lines[:size]) for size in sizes},
    }


def steps(sizes: Sequence[int] = SIZES) -> tuple[Step, ...]:
    """A tune a size, and one comparison of them all."""
    tuned = tuple(word for size in sizes for word in ("--tuned", arm(size)))
    return (
        *(Step(f"A tune on {size} examples, each seen ten times.", _start(arm(size))) for size in sizes),
        Step(
            "How much data does it take?",
            ("compare", ASKED, "--base", BASE, *tuned, "--format", "json"),
            (0, 1, 4),
            brief=True,
        ),
    )


def points(comparisons: Sequence[Comparison], sizes: Sequence[int] = SIZES) -> tuple[Measured, ...]:
    """The base and then each size, as the comparisons have them."""
    found: list[Measured] = []
    for size, comparison in zip(sizes, comparisons, strict=True):
        deltas = {delta.aspect: delta for delta in comparison.deltas if delta.part == "aspect"}
        if not found:
            found.append(Measured(0, {aspect: deltas[aspect].base or 0.0 for aspect in LINES}))
        found.append(Measured(size, {aspect: deltas[aspect].tuned or 0.0 for aspect in LINES}))
    return tuple(found)


def chart(measured: Sequence[Measured], width: int, *, ascii_only: bool = False) -> Iterator[str]:
    """A bar for each aspect and size; for a terminal of so many columns. ascii_only: where it can show no more."""
    full, rest = "#." if ascii_only else "█·"
    bar = max(5, min(20, (width - 12) // len(LINES) - 8))
    yield "HOW MUCH DATA DOES IT TAKE?"
    yield "  examples  " + "".join(f"{name:<{bar + 8}.{bar + 7}}" for name in LINES.values()).rstrip()
    for one in measured:
        long = {aspect: round(one.scores[aspect] * bar) for aspect in LINES}
        cells = [
            f"{full * long[aspect]}{rest * (bar - long[aspect])} {100 * one.scores[aspect]:3.0f} %  "
            for aspect in LINES
        ]
        yield f"  {one.examples or 'base':>8}  {''.join(cells).rstrip()}"


def page(measured: Sequence[Measured]) -> str:
    """The same as one page that needs no network and no script."""
    from markupsafe import Markup

    from evalharness.reports.html import asset, environment, hashed

    made = environment()
    style = Markup("\n").join(asset(made, name) for name in ("page.css", "history.css", "curve.css"))
    return made.get_template("curve.html.j2").render(
        style=style,
        policy=f"default-src 'none'; style-src '{hashed(style)}'; base-uri 'none'; form-action 'none'",
        measured=measured,
        lines=LINES,
        xs=[round(12 + 84 * place / (len(measured) - 1), 2) for place in range(len(measured))],
        ticks=(0, 25, 50, 75, 100),
    )


def _start(name: str) -> tuple[str, ...]:
    return ("tune", "start", f"{name}.jsonl", "--model", BASE, "--name", name, "--suffix", name, *SEED, *POLL, "-q")
