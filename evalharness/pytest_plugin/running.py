"""Runs an item that only looks up what is known, without all that surrounds a test of code.

pytest prepares each test for code that prints, logs, warns, starts threads and wants fixtures: a third of a
millisecond, most of what thousands of cases take. Nothing of that can happen in an item of ours. So where only pytest
itself, and plugins known to do nothing for such items, take part in setting up, calling and tearing down, those steps
are left out; every report is made and told by the usual hooks. Where anybody else takes part, or a marker is to be
obeyed, the item runs as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import pytest

STEPS = ("pytest_runtest_setup", "pytest_runtest_call", "pytest_runtest_teardown")
UNCONCERNED = ("_pytest", "xdist", "_hypothesis_pytestplugin", "anyio", "evalharness")
"""Packages whose part in these steps is about code, fixtures and output."""
OPTIONS = ("usepdb", "trace", "setupshow", "setuponly", "setupplan")
OBEYED = frozenset({"skip", "skipif", "xfail"})


def alone(config: pytest.Config) -> bool:
    """Whether nobody but pytest takes part in running an item, and nothing is asked for that needs the usual way."""
    if any(config.getoption(option, False) for option in OPTIONS):
        return False
    plugins = (impl.plugin for step in STEPS for impl in getattr(config.hook, step).get_hookimpls())
    return all(_home(plugin).partition(".")[0] in UNCONCERNED for plugin in plugins)


def _home(plugin: object) -> str:
    """The module a plugin is, or comes from."""
    name = getattr(plugin, "__name__", None)
    return name if isinstance(name, str) else type(plugin).__module__


def marked(item: pytest.Item) -> bool:
    """Whether somebody gave the item a marker that pytest obeys."""
    return any(mark.name in OBEYED for mark in item.iter_markers())


def run(item: pytest.Item) -> None:
    """Runs the item's own steps, and has each reported."""
    hook = item.ihook
    hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for when, step in _steps(item):
        call = pytest.CallInfo.from_call(step, when, reraise=(pytest.exit.Exception, KeyboardInterrupt))
        report: pytest.TestReport = hook.pytest_runtest_makereport(item=item, call=call)
        hook.pytest_runtest_logreport(report=report)
        if report.failed and call.excinfo is not None:
            hook.pytest_exception_interact(node=item, call=call, report=report)
        if when == "setup" and not report.passed:
            break
    teardown = pytest.CallInfo.from_call(item.teardown, "teardown")
    hook.pytest_runtest_logreport(report=hook.pytest_runtest_makereport(item=item, call=teardown))
    hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)


def _steps(item: pytest.Item) -> Iterator[tuple[Literal["setup", "call"], Callable[[], None]]]:
    yield "setup", item.setup
    yield "call", item.runtest
