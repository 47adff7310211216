"""One self-contained page: the verdict, the diff table, and every case side by side with what changed marked.

It needs no network and may have none: its policy lets nothing run or load but its own script and style, named by hash.
What models wrote travels as JSON and is put on the page as text, a case at a time, when somebody looks.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from evalharness.escape import one_line, script_json, terminal
from evalharness.findings import Comparison, Delta, Pair, Panel, Ruling
from evalharness.records import Conversation, Trial
from evalharness.reports import base as words
from evalharness.reports import made, survived
from evalharness.reports.asides import asides
from evalharness.reports.base import MARKS, case_score, report

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

Entry: TypeAlias = "str | int | float | list[Entry] | dict[str, Entry] | None"

LONGEST_REPLY = 20_000
"""Characters of one message; how many are left out stands below it."""

STATIC_FLIPS, MOST_SLICES = 200, 12
"""Flips listed where scripts do not run."""


@report("html")
def render(panel: Panel) -> Iterator[str]:
    """One self-contained page, both replies side by side, what changed marked, with filters to find a case.

    It comes in pieces of a few cases each.
    """
    page = environment()
    style, script = (asset(page, name) for name in ("page.css", "page.js"))
    allowed = f"style-src '{hashed(style)}'; script-src '{hashed(script)}'"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    stream = page.get_template("page.html.j2").stream(
        {
            "panel": panel,
            "style": style,
            "script": script,
            "policy": policy,
            "words": words,
            "made": made,
            "survived": survived,
            "asides": asides,
            "marks": MARKS,
            "cases": Cases,
            "picture": picture,
            "static_flips": STATIC_FLIPS,
            "most_slices": MOST_SLICES,
        }
    )
    stream.enable_buffering(50)
    yield from stream


@functools.cache
def environment() -> Environment:
    """Templates whose every text is escaped, and whose every character can be seen."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(
        loader=PackageLoader("evalharness.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters["short"] = one_line
    page.filters["minus"] = lambda text: text.replace("-", "−")
    return page


def _visible(value: object) -> object:
    """Every text on its way into the page, before it is escaped: nothing stays invisible, no half surrogate pair."""
    return terminal(value, lines=True) if type(value) is str else value


def asset(page: Environment, name: str) -> Markup:
    """A file of the package as it is: a style or a script."""
    from markupsafe import Markup

    if page.loader is None:
        raise RuntimeError("the page has no templates")
    return Markup(page.loader.get_source(page, name)[0])  # noqa: S704 - a file of this package


def hashed(text: str) -> str:
    """How a policy names a style or a script that it lets be."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# --- the interval as a picture ----------------------------------------------------------------------------------------

WIDTH = 260.0
"""Units of the drawing, from the left end of its scale to the right."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A change that decides: where it stands, what is written below it, and the stretch on its wrong side."""

    at: float
    label: str
    anchor: str
    start: float
    length: float


@dataclass(frozen=True, slots=True)
class Picture:
    """Where a row's interval, change and zero stand in its drawing, and what its criterion holds them against."""

    low: float
    high: float
    at: float
    zero: float
    limits: tuple[Limit, ...]
    width: float = WIDTH


def picture(delta: Delta, ruling: Ruling) -> Picture | None:
    """The drawing of one criterion; None where it is not about a change."""
    held_against = words.limits(ruling)
    if not held_against:
        return None
    bounds = [abs(bound) for bound in (delta.low, delta.high, delta.change) if bound is not None]
    end = 1.15 * max([1.5 * abs(held_against[0]), *bounds]) or 1.0

    def at(value: float | None) -> float:
        return round(WIDTH / 2 * (1 + (value or 0.0) / end), 1)

    gain = ruling.asked.startswith("gain_at_least")
    limits = []
    for side, limit in enumerate(held_against):
        place = at(limit)
        upper = side == 1  # of a margin both ways; a gain falls short of its limit on the left, as a loss goes beyond
        start, length = (place, round(WIDTH - place, 1)) if upper else (0.0, place)
        label = ("+" if limit > 0 else "−") + words.limit(abs(limit))
        if len(held_against) == 1:
            label = f"asked {label}" if gain else f"margin {label}"
        limits.append(Limit(place, label, "start" if upper or gain else "end", start, length))
    return Picture(at(delta.low), at(delta.high), at(delta.change), at(0.0), tuple(limits))


# --- the cases as JSON ------------------------------------------------------------------------------------------------


class Cases:
    """The cases of one comparison as lines of JSON that may stand in a script element.

    System texts, which thousands of cases share, are written once, after the cases: `texts`.
    """

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.flips = {(flip.case, flip.aspect): (flip.side, flip.why) for flip in comparison.flips}
        self.shared: dict[str, int] = {}

    def rows(self) -> Iterator[Markup]:
        """A case a piece."""
        for place, pair in enumerate(self.comparison.pairs):
            yield _data(self._case(pair), ",\n" if place else "\n")

    def texts(self) -> Markup:
        """What the numbers in the cases stand for; complete after `rows`."""
        return _data([self._message(text) for text in self.shared])

    def _case(self, pair: Pair) -> dict[str, Entry]:
        asked = pair.asked
        aspects: list[Entry] = []
        for aspect in asked.aspects:
            side, why = self.flips.get((asked.case, aspect), ("", ""))
            aspects.append([aspect, case_score(pair.base, aspect), case_score(pair.tuned, aspect), side, why])
        return {
            "case": asked.case,
            "ask": asked.question[:LONGEST_REPLY],
            "tags": list(asked.tags),
            "must": int(asked.must_pass),
            "near": asked.near,
            "aspects": aspects,
            "base": [self._trial(trial) for trial in pair.base],
            "tuned": [self._trial(trial) for trial in pair.tuned],
        }

    def _trial(self, trial: Trial) -> dict[str, Entry]:
        talk = trial.conversation
        failed = f"{trial.failure.kind}: {trial.failure.message}"[:LONGEST_REPLY] if trial.failure else ""
        return {
            "said": [self._said(talk, place) for place in range(len(talk.messages))],
            "ends": list(talk.outcomes),
            "failed": failed,
            "scores": [
                [s.check, s.aspect, s.turn, s.grade.value, int(s.passed), s.grade.why[:LONGEST_REPLY]]
                for s in trial.scores
            ],
        }

    def _said(self, talk: Conversation, place: int) -> Entry:
        """A message: who, what, and how many characters are left out; a number stands for a shared text."""
        message = talk.messages[place]
        if message.role == "system":
            return ["system", self.shared.setdefault(message.content, len(self.shared)), 0]
        who = "reply" if place in talk.replies else message.role
        return [who, *self._message(message.content)]

    def _message(self, text: str) -> list[Entry]:
        return [text[:LONGEST_REPLY], max(0, len(text) - LONGEST_REPLY)]


def _data(value: Entry, before: str = "") -> Markup:
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return Markup(before + script_json(text))  # noqa: S704 - JSON in ASCII without <, > and &
