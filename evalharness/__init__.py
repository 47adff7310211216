"""Did the tune hold? Suites in YAML, two models, a diff table and an honest verdict.

    from evalharness import ask, compare_asked, load_config, load_suite

    asked = ask([load_suite("suites/marv.yaml")], ["base", "tuned"], load_config())
    print(compare_asked(asked).verdict.outcome)

The names below are imported when they are used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evalharness.compare import compare
    from evalharness.errors import EvalError, Faults
    from evalharness.harness import (
        Options,
        aask,
        ask,
        compare_asked,
        compare_runs,
        load_config,
        load_suite,
        rescore,
    )
    from evalharness.store import read as read_run

HOMES = {
    "EvalError": "errors",
    "Faults": "errors",
    "Options": "harness",
    "aask": "harness",
    "ask": "harness",
    "compare": "compare",
    "compare_asked": "harness",
    "compare_runs": "harness",
    "load_config": "harness",
    "load_suite": "harness",
    "read_run": "store",
    "rescore": "harness",
}
ALIASES = {"read_run": "read"}

__all__ = [
    "EvalError",
    "Faults",
    "Options",
    "aask",
    "ask",
    "compare",
    "compare_asked",
    "compare_runs",
    "load_config",
    "load_suite",
    "read_run",
    "rescore",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in HOMES:
            raise AttributeError(f"module 'evalharness' has no attribute '{name}'")
        return getattr(import_module(f"evalharness.{HOMES[name]}"), ALIASES.get(name, name))
