"""The notes to publish with a tune: what was found, what broke, what nobody knows yet, and how to make it again.

They are read by people who never saw this tool, on a page that is open to all: short, no replies, no server's address.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace

from evalharness.escape import markdown_block, one_line
from evalharness.files import shown_path
from evalharness.findings import Comparison, Flip, Panel
from evalharness.records import Word
from evalharness.reports import base as words
from evalharness.reports import made, sections
from evalharness.reports.asides import persona, training
from evalharness.reports.base import LONGEST_TEXT, MARKS, report
from evalharness.reports.judges import of_pairs
from evalharness.reports.sections import code, safe

FEW, FEWER = 10, 3
"""Cases named that broke: of the only comparison, and of each of several."""

MEANINGS: dict[Word, str] = {
    "HELD": "a loss larger than the margin is ruled out",
    "IMPROVED": "better, and not by chance",
    "REGRESSED": "worse than asked for, and not by chance",
    "INCONCLUSIVE": "these cases cannot tell",
}


@report("release-notes")
def render(panel: Panel) -> Iterator[str]:
    """A short text for public release notes: verdict, table, what broke, what was not measured, how to make it again.

    Markdown; of several comparisons one table, then each in short.
    """
    if len(panel.comparisons) == 1:
        yield from _alone(panel.comparisons[0])
    else:
        yield from _several(panel)
    yield f"### How to make it again\n\n{_block(panel)}"


def _alone(comparison: Comparison) -> Iterator[str]:
    yield _heading("##", comparison)
    yield from sections.changes(comparison)
    yield _legend(Panel(comparison.verdict, (comparison,)))
    yield from _trained(comparison)
    yield _listed("", _preferred(comparison))
    about = persona(comparison)
    if about is not None:
        yield from sections.aside(about, "###")
    yield from sections.kept(comparison, "###")
    yield from _flips(comparison)
    yield _listed("### Not shown by this\n\n", _unknown(comparison))


def _several(panel: Panel) -> Iterator[str]:
    word = panel.verdict.outcome
    yield f"## {MARKS[word]} {word}: {len(panel.comparisons)} comparisons\n\n"
    yield _listed("", map(safe, words.own_reasons(panel)))
    yield sections.overview(panel)
    yield _legend(panel)
    for comparison in panel.comparisons:
        yield _heading("###", comparison)
        yield _listed("", (*_preferred(comparison), *_short(comparison)))
        yield from sections.kept(comparison, "####")
        yield _listed("Not shown by this:\n\n", _unknown(comparison))


def _listed(head: str, lines: Iterable[str]) -> str:
    """Lines as a list below its head; nothing where there are none."""
    items = "".join(f"- {line}\n" for line in lines)
    return f"{head}{items}\n" if items else ""


def _heading(level: str, comparison: Comparison) -> str:
    word = comparison.verdict.outcome
    return f"{level} {MARKS[word]} {word}: {safe(words.title(comparison))}\n\n{safe(words.lead(comparison))}\n\n"


def _legend(panel: Panel) -> str:
    """How to read the table, for the words that stand in it."""
    met = [word for word in MEANINGS if word in _met(panel)]
    told = "; ".join(f"{MARKS[word]} {word}: {MEANINGS[word]}" for word in met)
    alphas = sorted({comparison.suite.alpha for comparison in panel.comparisons})
    level = " and ".join(f"{100 * (1 - alpha):.4g} %" for alpha in alphas)
    if any(comparison.suite.early for comparison in panel.comparisons):
        level += " anytime-valid"
    asked = "Both models were asked the same cases."
    return f"{asked} Rates are percent of the best score; changes are points, with a {level} interval.\n{told}.\n\n"


def _met(panel: Panel) -> set[Word]:
    found = {comparison.verdict.outcome for comparison in panel.comparisons}
    for comparison in panel.comparisons:
        found |= {words.ruled(comparison, delta) for delta in words.changes(comparison)}
    return found


# --- what broke -------------------------------------------------------------------------------------------------------


def _preferred(comparison: Comparison) -> Iterator[str]:
    """How often tuned is preferred, by whom, and whether anybody has measured them; one line, where there is a rate."""
    found = comparison.duels
    row = found.total if found else None
    if row is None or row.rate is None or row.low is None or row.high is None or found is None:
        return
    seen = f"**tuned wins {100 * row.rate:.1f} %** ({100 * row.low:.1f} to {100 * row.high:.1f})"
    states = " and ".join(dict.fromkeys(each.why or each.state for each in of_pairs(comparison)))
    by = safe(f"{', '.join(found.judges)}{f' ({states})' if states else ''}", LONGEST_TEXT)
    asked = safe("; ".join(found.prefer), LONGEST_TEXT)
    yield f"{seen} of {words.count(row.cases, 'case')}, a tie half, judged by {by}: {asked}"


def _flips(comparison: Comparison) -> Iterator[str]:
    """The cases that broke by name and question, those that had to pass first; of those fixed how many."""
    misses = words.misses(comparison)
    if misses:
        yield f"### Had to pass and did not: {words.count(len(misses), 'case')}\n\n"
        yield "".join(f"- {code(case)} {safe(why, 120)}\n" for case, why in misses[:FEW]) + _more(len(misses) - FEW)
    broke, fixed = words.sides(comparison)
    cases = _by_case(broke)
    if cases:
        yield f"### Broke: {words.count(len(cases), 'case')}\n\n"
        shown = {flip.case for flip in words.some(broke, FEW)}
        yield "".join(_named(flips) for case, flips in cases.items() if case in shown) + _more(len(cases) - len(shown))
    else:
        yield "No case that passed with base fails with tuned.\n\n"
    if fixed:
        yield f"Fixed: {words.count(len(_by_case(fixed)), 'case')} ({safe(words.by_aspect(fixed))}).\n\n"


def _short(comparison: Comparison) -> Iterator[str]:
    """The same in a line each, without the questions."""
    broke, fixed = (_by_case(side) for side in words.sides(comparison))
    misses = [case for case, _ in words.misses(comparison)]
    for what, cases in (("had to pass and did not", misses), ("broke", list(broke))):
        if cases:
            names = ", ".join(code(case, words.LONGEST_NAME) for case in cases[:FEWER])
            more = f" and {len(cases) - FEWER:,} more" if len(cases) > FEWER else ""
            yield f"{what}: {words.count(len(cases), 'case')}, {names}{more}"
    if not broke:
        yield "no case that passed with base fails with tuned"
    if fixed:
        yield f"fixed: {words.count(len(fixed), 'case')}"


def _by_case(flips: tuple[Flip, ...]) -> dict[str, list[Flip]]:
    found: dict[str, list[Flip]] = {}
    for flip in flips:
        found.setdefault(flip.case, []).append(flip)
    return found


def _named(flips: list[Flip]) -> str:
    first = flips[0]
    aspects = safe(", ".join(flip.aspect for flip in flips), words.LONGEST_NAME)
    asked = "" if first.question == first.case else f": {safe(first.question, 120)}"
    return f"- {code(first.case, words.LONGEST_NAME)} ({aspects}){asked}\n"


def _more(number: int) -> str:
    """The end of a list of which so many are not shown."""
    return f"- … and {number:,} more\n\n" if number > 0 else "\n"


def _trained(comparison: Comparison) -> Iterator[str]:
    """How near the cases are to the training file, and the held-out gaps; no replies."""
    found = comparison.trained
    if found is None:
        return
    aside = training(replace(comparison, trained=replace(found, echoes=None)))
    if aside is not None:
        yield from sections.aside(aside, "###")


# --- what nobody knows yet --------------------------------------------------------------------------------------------


def _unknown(comparison: Comparison) -> Iterator[str]:
    """What a reader could believe was measured, and was not: one line each."""
    suite = comparison.suite
    for ruling in comparison.rulings:
        if ruling.outcome == "INCONCLUSIVE":
            why = safe(ruling.remedy or ruling.sentence)
            yield f"**{safe(ruling.aspect, words.LONGEST_NAME)}** is undecided: {why}"
    yield from (safe(reason) for reason in words.further_reasons(comparison))
    if suite.selected:
        yield f"only a selection of the cases was looked at: {code(', '.join(suite.selected))}"
    yield from _missing(comparison)
    rows = [delta for delta in words.changes(comparison) if delta.part == "aspect"]
    silent = [delta.aspect for delta in rows if delta.change is None]
    if silent:
        yield f"no case could be compared in {safe(', '.join(silent))}"
    idle = [delta.aspect for delta in rows if not delta.gates]
    if idle:
        yield f"measured, but the verdict does not rest on it: {safe(', '.join(idle))}"
    if suite.judges:
        yield f"some replies were graded by a model, not by a rule: {safe(', '.join(suite.judge_names))}"
    if suite.samples == 1:
        yield "each case was asked once: how much replies vary from one time to the next was not measured"
    yield from (safe(line) for line in comparison.looked)
    if suite.scope == "suite":
        yield "scope suite: the intervals are about these very cases, not about other prompts"
    if comparison.trained is None:
        yield "whether the cases, or some like them, were in the training data was not looked at"
    yield from (f"warning: {safe(line)}" for line in comparison.warnings)


MOST_CAUSES = 4


def _missing(comparison: Comparison) -> Iterator[str]:
    """Answers that never came, by kind, and the cases left out, by cause; what servers said is for other reports."""
    if comparison.verdict.incomplete:
        told = []
        for role, side in words.arms(comparison):
            kinds = [f"{number:,} {kind}" for kind, number in side.failures.items()]
            kinds += ["a run that was cut short"] if side.tally is None else []
            told += [f"{role} {', '.join(kinds)}"] if kinds else []
        which = f" ({safe('; '.join(told))})" if told else ""
        yield f"**INCOMPLETE**: answers are missing{which}; they count neither as right nor as wrong"
    losses = words.losses(comparison.left_out)
    yield from (f"left out: {safe(line, 120)}" for line in losses[:MOST_CAUSES])
    if len(losses) > MOST_CAUSES:
        yield f"left out for {len(losses) - MOST_CAUSES:,} more causes"


# --- how to make it again ---------------------------------------------------------------------------------------------

PUBLIC = ("model", "baseline", "served as", "fingerprint", "parameters", "began", "requests")
"""What is told of an arm: not its server's address, which may be nobody's business, nor a path."""


def _command(comparison: Comparison) -> str:
    """What to type, where the suite and the config are."""
    suite = comparison.suite
    parts = ["evalharness", "compare", shown_path(suite.path)]
    for role, side in sorted(words.arms(comparison), key=lambda arm: ROLES.index(arm[0])):
        parts += [f"--{role}", side.model.name]
    parts += ["--stop", "early"] if suite.early is not None else []
    parts += ["--samples", str(suite.samples)] if suite.samples > 1 and suite.looks == 1 else []
    parts += [word for chosen in suite.selected if chosen.startswith("--") for word in chosen.split(" ", 1)]
    parts += ["--seed", str(comparison.seed)] if comparison.seed else []
    return shlex.join(parts)


ROLES = ("base", "via", "tuned")
"""In the order in which they are typed."""


def _block(panel: Panel) -> str:
    """The facts as lines of a block, their labels one below the other; what several comparisons share stands once."""
    rows = [("command", _command(comparison)) for comparison in panel.comparisons]
    told: list[object] = []
    for comparison in panel.comparisons:
        gate = "; ".join(f"{ruling.aspect} {ruling.asked}" for ruling in comparison.rulings)
        suite, *reading = made.suite_facts(comparison)
        parts: list[tuple[object, tuple[tuple[str, str], ...]]] = []
        facts = (suite, *((("gate", gate),) if gate else ()), *reading)
        parts.append((facts, facts))
        for role, side in words.arms(comparison):
            known = tuple((f"  {label}", text) for label, text in made.arm_facts(side) if label in PUBLIC)
            parts.append((side, ((role, side.model.name), *known)))
        for whole, lines in parts:
            if whole not in told:
                told.append(whole)
                rows += lines
    width = max(len(label) for label, _ in rows)
    return markdown_block("\n".join(f"{label:<{width}}  {one_line(text, 160)}" for label, text in rows), "text")
