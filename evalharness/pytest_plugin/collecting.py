"""Suites as collectors, cases and criteria as items. What an item shows is asked for by the `Evaluation`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalharness.errors import EvalError
from evalharness.escape import terminal
from evalharness.pytest_plugin.failures import Inconclusive, Missed, NoAnswer, Regressed, Shown, told
from evalharness.pytest_plugin.state import MISSED, Selected

if TYPE_CHECKING:
    from _pytest._code.code import TerminalRepr

    from evalharness.pytest_plugin.evaluation import Evaluation
    from evalharness.suite import Case, Suite

MARK = re.compile(r"[A-Za-z][\w.+-]*")
"""Tags that can be named in an expression of `-m`."""
ACTING = frozenset({"skip", "skipif", "xfail", "usefixtures", "filterwarnings", "parametrize"})
"""Markers that pytest obeys. A tag is a word to choose by: it must not make a case pass, or vanish."""


class SuiteFile(pytest.File):
    """A YAML suite. A fault in it is a collection error: its lines, and no traceback."""

    evaluation: Evaluation
    suite: Suite

    def collect(self) -> Iterator[CaseItem | GateItem]:
        """An item a case, then one for each aspect that the suite's own gate names."""
        try:
            self.suite = self.evaluation.load(self.path)
        except EvalError as error:
            raise self.CollectError(terminal(str(error), lines=True)) from None
        from evalharness.grammar.content import uncollected

        self._register(dict.fromkeys(tag for case in self.suite.cases for tag in case.tags))
        with uncollected():  # all of these stay: nothing to be found among them
            yield from self._items(_Names())

    def _items(self, names: _Names) -> Iterator[CaseItem | GateItem]:
        for case in self.suite.cases:
            item: CaseItem = CaseItem.from_parent(self, **self._called(names.free(case.id)))
            item.of(self, case)
            yield item
        if self.suite.gate_declared:
            for criterion in self.suite.gate:
                gate: GateItem = GateItem.from_parent(self, **self._called(names.free(f"gate[{criterion.aspect}]")))
                gate.of(self, criterion.aspect)
                yield gate

    def _called(self, name: str) -> dict[str, str]:
        """An item's name and, where it has brackets, its whole id, for pytest to read as it reads one that was typed.

        Brackets hold parameters there: of the name alone pytest would make another id, which `--lf` would not find.
        """
        return {"name": name, "nodeid": f"{self.nodeid}::{name}"} if "[" in name else {"name": name}

    def _register(self, tags: dict[str, None]) -> None:
        """Makes tags known as markers, so that `--strict-markers` takes them."""
        for tag in filter(_marks, tags):
            self.config.addinivalue_line("markers", f"{tag}: tag of an evalharness suite")


def _marks(tag: str) -> bool:
    """Whether a tag becomes a marker."""
    return MARK.fullmatch(tag) is not None and tag not in ACTING


class _Names:
    """Names for items that can be selected by: no `::`, nothing invisible, no two alike."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def free(self, text: str) -> str:
        """The text, or what is nearest to it."""
        name = terminal(text).replace("::", ":.:")
        number = 1
        while (free := name if number == 1 else f"{name}~{number}") in self._taken:
            number += 1
        self._taken.add(free)
        return free


class Item(pytest.Item):
    """What cases and criteria share."""

    file: SuiteFile
    line: int | None = None

    def setup(self) -> None:
        """Asks, where nobody has yet; `NoAnswer` where nothing could be asked."""
        if self.file.evaluation.settings.asks:
            self.file.evaluation.ask()

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The suite's file, and the line the case begins on."""
        return self.path, self.line, self.name

    def repr_failure(  # type: ignore[override] # the base class takes a style that nobody hands over
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> str | TerminalRepr:
        """What a reader needs, without a traceback of ours."""
        return self.tell(excinfo, brief=self.config.getoption("tbstyle", "auto") == "line")

    def tell(self, excinfo: pytest.ExceptionInfo[BaseException], *, brief: bool = False) -> str | TerminalRepr:
        """The same; brief: only the line that pytest prints itself."""
        error = excinfo.value
        if isinstance(error, EvalError):
            error = Shown(*str(error).split("\n", 1))
        if not isinstance(error, Shown):
            return super().repr_failure(excinfo)
        fit = self.file.evaluation.settings.screen.fit
        lines = [] if brief else [*fit(error.head), *fit(error.body, broken=False)]
        path, line, _ = self.reportinfo()
        return told(lines, "\n".join(fit(error.head, broken=False)), path, (line or 0) + 1)


class CaseItem(Item):
    """One case. Without a gate it passes or fails; with one it is evidence, unless it is a `must_pass`."""

    case: Case

    def of(self, file: SuiteFile, case: Case) -> None:
        """Takes the case on."""
        self.file, self.case = file, case
        self.line = max(0, case.line - 1)
        for tag in case.tags:
            if _marks(tag):
                self.add_marker(tag)
            self.extra_keyword_matches.add(tag)

    def runtest(self) -> None:
        """Raises `Missed` where the case does not pass; leaves a mark where a gate decides."""
        seen = self.file.evaluation.seen(self.path, self.case)
        self.user_properties += seen.scores
        if seen.state == "passed":
            return
        if self.file.suite.gate_declared and not self.case.must_pass:
            self.user_properties.append(MISSED)
            return
        raise Missed(*self.file.evaluation.tell_case(self.path, self.case))

    def setup(self) -> None:
        """Asks, where nobody has yet; `NoAnswer` where this case got none."""
        super().setup()
        if not self.file.evaluation.settings.asks:
            return
        seen = self.file.evaluation.seen(self.path, self.case)
        if seen.state == "unknown":
            raise NoAnswer(*self.file.evaluation.tell_gap(self.path, self.case))


class GateItem(Item):
    """All that the gate asks of one aspect. It rests on every case of the suite, so selecting it has them all asked."""

    aspect: str

    def of(self, file: SuiteFile, aspect: str) -> None:
        """Takes the aspect on."""
        self.file, self.aspect = file, aspect

    def runtest(self) -> None:
        """Raises `Regressed` or `Inconclusive` where the gate is not met."""
        ruled = self.file.evaluation.rule(self.path, self.aspect)
        self.user_properties += ruled.figures
        if ruled.outcome in ("HELD", "IMPROVED"):
            return
        told = self.file.evaluation.tell_gate(self.path, ruled)
        if ruled.outcome == "REGRESSED":
            raise Regressed(*told)
        if self.file.evaluation.settings.allow_inconclusive:
            pytest.skip(told[0])
        raise Inconclusive(*told)


def selection(items: Sequence[pytest.Item]) -> dict[Path, Selected]:
    """What is to be asked so that these items can report: by suite, its cases, and whether its gate is among them."""
    cases: dict[Path, list[str]] = {}
    gates: set[Path] = set()
    for item in items:
        if isinstance(item, CaseItem):
            cases.setdefault(item.path, []).append(item.case.id)
        elif isinstance(item, GateItem):
            cases.setdefault(item.path, [])
            gates.add(item.path)
    return {path: Selected(tuple(ids), path in gates) for path, ids in cases.items()}
