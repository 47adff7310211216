"""What every test runs under, and a fixture of those that run pytest within pytest."""

from __future__ import annotations

import importlib

import pytest

from evalharness.models.base import MODELS
from evalharness.reports.base import REPORTS
from evalharness.scorers.base import SCORERS
from evalharness.tiny.alone import load_numpy

# Before any test file imports it: with a worker a core, a second thread in each only waits.
load_numpy()

PRELOADED = [
    *("numpy", "scipy.special", "pydantic", "yaml", "diskcache", "openai", "aiohttp", "asyncio", "jinja2", "regex"),
    *("evalharness.harness", "evalharness.accepting", "evalharness.reports.terminal", "evalharness.snapshots"),
    *(f"evalharness.pytest_plugin.{name}" for name in ("collecting", "evaluation", "sharing", "telling", "writing")),
]
"""What a session in this process must find loaded: pytester forgets what was first loaded within one."""


@pytest.fixture(scope="session")
def loaded() -> None:
    """Loads it, before `pytester` notes what is loaded."""
    for name in PRELOADED:
        importlib.import_module(name)
    for members in (MODELS, REPORTS, SCORERS):
        list(members.items())
