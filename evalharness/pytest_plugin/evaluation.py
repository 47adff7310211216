"""One test session's questions: asked once, all together; then what each item needs of the answers."""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalharness.errors import EvalError, Fault, Faults
from evalharness.escape import terminal
from evalharness.pytest_plugin.failures import NoAnswer
from evalharness.pytest_plugin.results import Result, Ruled, Seen
from evalharness.pytest_plugin.state import Selected, Settings, Sighted

if TYPE_CHECKING:
    from evalharness.config import Config
    from evalharness.findings import Comparison, Panel
    from evalharness.harness import Asking, Options
    from evalharness.measure import Arm
    from evalharness.suite import Case, Suite


MANY = 1_000
"""Cases from which on looking for garbage among them costs more than it could find."""


class Evaluation:
    """Everything asked in one session.

    chosen: what is to be run of each suite, by its file. broken: whether collecting failed, so that nothing is asked.
    """

    def __init__(self, session: pytest.Session, settings: Settings) -> None:
        self.session = session
        self.settings = settings
        self.suites: dict[Path, Suite] = {}
        self.chosen: dict[Path, Selected] = {}
        self.broken = False
        self.results: dict[Path, Result] | None = None
        self.notes: list[str] = []
        self.files: list[str] = []
        self.faults: list[str] = []
        self._error = ""
        self._status = 0
        self._frozen = False
        self._seen: dict[tuple[Path, str], Seen] = {}

    @functools.cached_property
    def short(self) -> bool:
        """Whether items can be run the short way; looked at once, when every plugin is there."""
        from evalharness.pytest_plugin.running import alone

        return alone(self.session.config)

    def owns(self, item: pytest.Item) -> bool:
        """Whether the item is of a suite."""
        return item.path in self.suites

    @functools.cached_property
    def config(self) -> Config:
        """The config of the project; `Faults` where it is broken."""
        return self.settings.project()

    @property
    def options(self) -> Options:
        """The options, as every other shell has them."""
        from pydantic import TypeAdapter

        from evalharness.harness import Options

        given = {name: getattr(self.settings, name) for name in ("samples", "budget", "cache", "judge")}
        return TypeAdapter(Options).validate_python(given)

    def load(self, path: Path) -> Suite:
        """Reads a suite; `Faults` for every fault in it, and for a name that another suite of the session has."""
        from evalharness.registry import load_files
        from evalharness.suite import load

        load_files(tuple(self.config.folder / file for file in self.config.scorers))
        suite = load(self.shown(path))
        other = next((each for at, each in self.suites.items() if each.name == suite.name and at != path), None)
        if other is not None:
            what = f"suite '{suite.name}' is also the name of {other.path}"
            raise Faults([Fault(suite.path, 1, 1, what, "a suite's name names its runs: give each its own")])
        self.suites[path] = suite
        return suite

    def shown(self, path: Path) -> str:
        """A path as the user would type it."""
        return os.path.relpath(path, self.settings.folder) if path.is_relative_to(self.settings.folder) else str(path)

    # --- asking -------------------------------------------------------------------------------------------------------

    def ask_or_stop(self) -> None:
        """Asks for all that was chosen; ends the session in one line where that cannot be done."""
        if self.broken or not self.chosen:
            return
        try:
            self._ask_alone()
        except EvalError as error:
            self._error = terminal(str(error), lines=True)
            if error.exit_code == 2:
                raise pytest.UsageError(self._error) from None
            pytest.exit(self._error.replace("\n  hint:", ";"), returncode=error.exit_code)

    def ask(self) -> None:
        """The same where an item waits for it, as under xdist; `NoAnswer` where it cannot be done."""
        if self.results is not None:
            return
        if self.broken:
            self.session.shouldfail = "nothing is asked, since collecting failed"
            raise NoAnswer(self.session.shouldfail)
        if not self._error:
            try:
                self._ask_shared()
            except EvalError as error:
                self._refuse(str(error), error.exit_code)
        if self._error:
            raise NoAnswer(*self._error.split("\n", 1))

    def _refuse(self, why: str, status: int) -> None:
        """Ends a process of xdist as `ask_or_stop` ends a session."""
        self._error = terminal(why, lines=True)
        self._status = int(pytest.ExitCode.USAGE_ERROR) if status == 2 else status
        self.session.shouldfail = self._error.partition("\n")[0]

    def _ask_alone(self) -> None:
        from evalharness.grammar.content import uncollected
        from evalharness.harness import ask_each
        from evalharness.progress import watch

        askings = dict(self._askings())
        quiet = self.session.config.get_verbosity() < 0 or hasattr(self.session.config, "workerinput")
        bar = watch(quiet=quiet)
        try:
            with uncollected():  # pytest's own items are many, and would be walked over and over
                asked = ask_each(list(askings.values()), self.config, self.options, bar)
        finally:
            bar.ended()
        if asked.interrupted is not None:
            raise asked.interrupted
        self._settle()
        self._take({path: _result(each, arms) for (path, each), arms in zip(askings.items(), asked.arms, strict=True)})
        try:
            self._after()
        except EvalError as error:  # what was asked is shown all the same
            self.faults.append(terminal(str(error), lines=True))

    def _settle(self) -> None:
        """Lets the garbage collector pass over what lives to the end of the session, until `thaw`: thousands of items
        and their scores, which it would walk again with every few tests."""
        if sum(len(chosen.cases) for chosen in self.chosen.values()) >= MANY:
            gc.freeze()
            self._frozen = True

    def thaw(self) -> None:
        """Gives the garbage collector back what it passed over."""
        if self._frozen:
            gc.unfreeze()
            self._frozen = False

    def _ask_shared(self) -> None:
        """One process asks; the others wait, then read its runs."""
        from evalharness.pytest_plugin import sharing

        found = getattr(self.session.config, "workerinput", None)
        if found is None:
            self._ask_alone()
            return
        with sharing.turn(self.settings, str(found["testrunuid"])) as share:
            if share.refused is not None:
                self._refuse(*share.refused)
                return
            if share.runs is None:
                try:
                    self._ask_alone()
                except EvalError as error:
                    share.refuse(error)
                    raise
                assert self.results is not None
                share.keep({str(path): result for path, result in self.results.items()})
                return
            suites = dict(self._askings())
            read = {
                path: sharing.read(share, str(path), each.suite, self.config, self.settings.judge)
                for path, each in suites.items()
            }
            self._take({path: _result(suites[path], arms) for path, arms in read.items()})

    def _take(self, results: dict[Path, Result]) -> None:
        self.results = results

    def _askings(self) -> Iterator[tuple[Path, Asking]]:
        """What is asked of which arms: all cases of a suite whose gate is chosen, else the chosen ones."""
        from evalharness.harness import Asking
        from evalharness.suite import only

        faults: list[Fault] = []
        for path, chosen in self.chosen.items():
            suite = self.suites[path]
            if not chosen.gate and len(chosen.cases) < len(suite.cases):
                label = f"pytest: {len(chosen.cases):,} of {len(suite.cases):,} cases"
                suite = only(suite, chosen.cases, (label,))
            try:
                yield path, Asking(suite, self._arms(suite), () if suite.selected else None)
            except Faults as error:
                faults += error.faults
        if faults:
            raise Faults(faults)

    def _arms(self, suite: Suite) -> tuple[str, ...]:
        """The base, where there is one, and the model that is tested."""
        from evalharness.snapshots import BASELINE, shelf

        model = self.settings.model or suite.tuned or suite.base
        if model is None:
            hint = "give --eval-model NAME, or set `tuned:` in the suite"
            raise Faults([Fault(suite.path, 0, 0, "which model?", hint)])
        base = self.settings.base or suite.base
        if self.settings.baseline:
            base = BASELINE if shelf(self.config.baselines, suite.name).filed else None
            if base is None:
                what = (
                    "no baseline was accepted yet, so there is nothing to compare with; --eval-update WHY accepts one"
                )
                self.notes.append(f"{suite.path}: {what}")
        return (model,) if base in (None, model) else (base, model)

    def _after(self) -> None:
        """What the process that asked does besides: accepts baselines, writes the report."""
        from evalharness.pytest_plugin import writing

        assert self.results is not None
        results = list(self.results.values())
        if self.settings.update is not None:
            self.files += writing.accepted(results, self.settings.update, self.config)
        if self.settings.report is not None:
            self.files += writing.reported(self.panel, self.settings.folder, self.settings.report)

    # --- what the items need ------------------------------------------------------------------------------------------

    def result(self, path: Path) -> Result:
        """What was asked of a suite."""
        assert self.results is not None
        return self.results[path]

    def seen(self, path: Path, case: Case) -> Seen:
        """How a case came out with the model that is tested."""
        known = self._seen.get((path, case.id))
        if known is None:
            known = self._seen[path, case.id] = self._look(path, case)
        return known

    def _look(self, path: Path, case: Case) -> Seen:
        from evalharness.sheet import Slice

        sheet = self.result(path).model.sheet
        columns = [
            (each, sheet.passed[each][case.id], sheet.scores[Slice("aspect", each)][case.id]) for each in case.aspects
        ]
        asked = len(columns[0][1])
        passed = sum(all(marks[at] for _, marks, _ in columns) for at in range(asked))
        scores = tuple([(aspect, _mean(values)) for aspect, _, values in columns])
        needed = asked if case.must_pass else asked // 2 + 1
        if passed >= needed:
            return Seen("passed", scores)
        unknown = sum(any(values[at] is None for _, _, values in columns) for at in range(asked))
        return Seen("missed" if passed + unknown < needed else "unknown", scores)

    @functools.cached_property
    def panel(self) -> Panel | None:
        """Every suite that was asked whole, against its base, under one adjustment; None where there is none."""
        from evalharness.compare import compare_all
        from evalharness.harness import version

        assert self.results is not None
        pairs = [(each.base, each.model) for each in self.results.values() if each.base and not each.suite.selected]
        return compare_all(pairs, version=version()) if pairs else None

    def comparison(self, path: Path) -> Comparison | None:
        """The suite's own comparison, where it has a base and was asked whole."""
        name = self.result(path).suite.name
        found = self.panel.comparisons if self.panel else ()
        return next((each for each in found if each.suite.name == name), None)

    def rule(self, path: Path, aspect: str) -> Ruled:
        """What became of an aspect of the gate."""
        from evalharness.compare import alone
        from evalharness.reports.json import plain
        from evalharness.stats.paired import overall_outcome

        comparison = self.comparison(path)
        rulings = comparison.rulings if comparison else alone(self.result(path).model)
        own = tuple(ruling for ruling in rulings if ruling.aspect == aspect)
        outcome = overall_outcome([ruling.outcome for ruling in own])
        delta = (
            next((each for each in comparison.deltas if each.gates and each.aspect == aspect), None)
            if comparison
            else None
        )
        names = ("cases", "base", "tuned", "change", "low", "high", "p", "margin")
        figures = [(name, plain(getattr(delta, name))) for name in names] if delta else []
        return Ruled(aspect, outcome, own, (("verdict", outcome), *((n, v) for n, v in figures if v is not None)))

    def tell_case(self, path: Path, case: Case) -> tuple[str, str]:
        """Why a case missed: a line, and what was said."""
        from evalharness.pytest_plugin import telling

        return telling.missed(self.result(path), case, self.settings.screen.columns)

    def tell_gap(self, path: Path, case: Case) -> tuple[str, str]:
        """Why a case is unknown: a line, and what to do."""
        from evalharness.pytest_plugin import telling

        return telling.gap(self.result(path), case, self.settings.screen.columns)

    def tell_gate(self, path: Path, ruled: Ruled) -> tuple[str, str]:
        """Why a gate was not met: a line, and the cases that broke."""
        from evalharness.pytest_plugin import telling

        columns = self.settings.screen.columns
        return telling.unmet(self.result(path), self.comparison(path), ruled.aspect, ruled.rulings, columns)

    def told(self) -> Sighted:
        """What the end of the session says."""
        from evalharness.pytest_plugin import telling

        found = self.results or {}
        rows = {self.shown(path): (self.result(path), self.comparison(path)) for path in found}
        counts = {self.shown(path): self._missed(path) for path in found}
        return Sighted(
            suites={name: telling.verdict(name, *row) for name, row in rows.items()},
            detail={name: telling.detail(*row, counts[name]) for name, row in rows.items()},
            notes=(*self.notes, *self._unused()),
            files=tuple(self.files),
            faults=tuple(self.faults),
            status=self._status,
        )

    def _missed(self, path: Path) -> int:
        return sum(self.seen(path, case).state == "missed" for case in self.result(path).suite.cases)

    def _unused(self) -> Iterator[str]:
        """Baselines that no suite has, where every suite of the project was collected."""
        from evalharness.snapshots import unused

        folders = [folder for folder in self.settings.suites if folder.is_dir()]
        there = {path for folder in folders for path in folder.rglob("*") if self.settings.takes(path, named=False)}
        if self.results is None or not there <= self.suites.keys():
            return
        for fault in unused(self.config.baselines, {suite.name for suite in self.suites.values()}, folders):
            yield terminal(str(fault), lines=True)


def _result(asking: Asking, arms: tuple[Arm, ...]) -> Result:
    return Result(asking.suite, arms[-1], arms[0] if len(arms) > 1 else None)


def _mean(samples: Sequence[float | None]) -> float | None:
    """The mean of the samples that could be scored."""
    known = [value for value in samples if value is not None]
    return sum(known) / len(known) if known else None
