"""`pytest suites/`: YAML suites as tests. A case is an item, and where a suite has a gate, so is each aspect it names.

This file holds the hooks and options; what a hook does is in its neighbours, which are imported when a suite is met, so
that a test session without one pays nothing.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evalharness.pytest_plugin.state import MISSED, Settings, Sighted

if TYPE_CHECKING:
    from evalharness.pytest_plugin.collecting import SuiteFile
    from evalharness.pytest_plugin.evaluation import Evaluation

SETTINGS = pytest.StashKey[Settings]()
EVALUATION = pytest.StashKey["Evaluation"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all under one prefix, and the folders that suites are collected in."""
    parser.addini("eval_suites", "folders whose YAML files are evalharness suites", type="args", default=["suites"])
    group = parser.getgroup("evalharness", "evaluation suites (evalharness)")
    add = group.addoption
    add("--eval-model", metavar="NAME", help="the model to test; else a suite's `tuned`, else its `base`")
    add("--eval-base", metavar="NAME", help="compare with this model or snapshot; else a suite's `base`")
    add("--eval-baseline", action="store_true", help="compare each suite with the snapshot accepted last")
    add("--eval-update", metavar="WHY", help="accept what was asked as new baselines, for this reason")
    add("--eval-judge", metavar="NAME", help="the model that checks call `judge`")
    add("--eval-samples", metavar="N", type=int, help="ask each case so often; beats the suites' own")
    add("--eval-budget", metavar="USD", type=float, help="spend at most so much")
    add(
        "--eval-cache",
        choices=["use", "only", "refresh", "off"],
        default="use",
        help="only: no network, what is not known is an error; refresh: ask again; off: neither read nor keep",
    )
    add("--eval-report", metavar="PATH", help="write the comparisons: .html, .md, .json, .xml, .csv, or a folder")
    add("--eval-allow-inconclusive", action="store_true", help="skip criteria that are INCONCLUSIVE, not fail them")


def pytest_configure(config: pytest.Config) -> None:
    """Reads the options; nothing is opened."""
    config.stash[SETTINGS] = Settings.of(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """A YAML file in a folder of suites, or one that is named and begins like a suite."""
    if not parent.config.stash[SETTINGS].takes(file_path, named=parent.session.isinitpath(file_path)):
        return None
    from evalharness.pytest_plugin.collecting import SuiteFile

    found: SuiteFile = SuiteFile.from_parent(parent, path=file_path)
    found.evaluation = _evaluation(parent.session)
    return found


def _evaluation(session: pytest.Session) -> Evaluation:
    """What this session asks; made when the first suite is met."""
    from evalharness.pytest_plugin.evaluation import Evaluation

    stash = session.config.stash
    if EVALUATION not in stash:
        stash[EVALUATION] = Evaluation(session, stash[SETTINGS])
    return stash[EVALUATION]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Takes note of what is to be run once every other plugin has chosen."""
    if found := session.config.stash.get(EVALUATION, None):
        from evalharness.pytest_plugin.collecting import selection

        found.chosen = selection(session.items)
        found.broken = bool(session.testsfailed) and not session.config.option.continue_on_collection_errors


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Asks for everything at once, before the first item reports; in a process of xdist the first suite's item does."""
    found = session.config.stash.get(EVALUATION, None)
    if found is None or not found.settings.asks or hasattr(session.config, "workerinput"):
        return
    with _uncaptured(session.config):
        found.ask_or_stop()


@contextmanager
def _uncaptured(config: pytest.Config) -> Iterator[None]:
    """Lets progress reach the terminal."""
    manager = config.pluginmanager.getplugin("capturemanager")
    if manager is None:
        yield
        return
    with manager.global_and_fixture_disabled():
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tells of a missing answer as the item tells it; what fails in a setup pytest would show with its traceback."""
    report = yield
    if report.failed and call.when == "setup" and call.excinfo is not None and EVALUATION in item.config.stash:
        from evalharness.pytest_plugin.collecting import Item

        if isinstance(item, Item):
            report.longrepr = item.tell(call.excinfo)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    """Runs an item of ours the short way, where that comes to the same."""
    found = item.config.stash.get(EVALUATION, None)
    if found is None or not found.short or not found.owns(item):
        return None
    from evalharness.pytest_plugin import running

    if running.marked(item):
        return None
    running.run(item)
    return True


def pytest_report_teststatus(report: pytest.TestReport | pytest.CollectReport) -> tuple[str, str, object] | None:
    """A case that misses under a gate is evidence: neither passed nor failed."""
    called = report.passed and isinstance(report, pytest.TestReport) and report.when == "call"
    if called and any(each in (MISSED, list(MISSED)) for each in report.user_properties):
        return "missed", "m", ("MISSED", {"yellow": True})
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hands what is to be told to the process that tells it; no session is green that could not do what it was told."""
    output = getattr(session.config, "workeroutput", None)
    if found := session.config.stash.get(EVALUATION, None):
        found.thaw()
    told = _told(session.config)
    if output is not None:
        output["evalharness"] = told.plain()
    if told.status:
        session.exitstatus = told.status
    elif told.faults and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    for path in session.config.stash[SETTINGS].shared:
        path.unlink(missing_ok=True)


def _told(config: pytest.Config) -> Sighted:
    """What there is to tell, of this process and of those that xdist has started."""
    found = config.stash.get(EVALUATION, None)
    return Sighted.joined([*config.stash[SETTINGS].sighted, *([found.told()] if found else [])])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: pytest.Item) -> None:
    """Under xdist: what its processes are told of the terminal, and which files they will share.

    Those are taken away in the end, and in the beginning too: a name given with `--testrunuid` may have been used.
    """
    settings = node.config.stash[SETTINGS]
    given = getattr(node, "workerinput", {})
    given["evalharness"] = [settings.screen.columns, settings.screen.encoding]
    run = given.get("testrunuid")
    if isinstance(run, str) and not settings.shared:
        from evalharness.pytest_plugin.sharing import files

        settings.shared = files(settings, run)
        for path in settings.shared:
            path.unlink(missing_ok=True)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: pytest.Item) -> None:
    """Under xdist: what a process has to tell; the one that asked tells most."""
    told = getattr(node, "workeroutput", {}).get("evalharness")
    if isinstance(told, dict):
        node.config.stash[SETTINGS].sighted.append(Sighted.of(told))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Verdicts, what it took, and where to look; baselines that no suite has."""
    lines = _told(config).lines(config.stash[SETTINGS].screen, brief=config.get_verbosity() < 0)
    if lines:
        terminalreporter.write_sep("=", "evalharness")
        for line in lines:
            terminalreporter.write_line(line)
