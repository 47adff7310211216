"""Several runs that asked parts of one suite of one model, as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalharness.errors import StoreError
from evalharness.records import Asked, Run, Tally, Trial


def merge(runs: Sequence[Run]) -> Run:
    """One run of several that asked parts of one suite of one model; a trial met twice is taken from the last.

    Raises `StoreError` where they differ in suite or model.
    """
    first = runs[0]
    cases: dict[str, Asked] = {}
    trials: dict[tuple[str, int], Trial] = {}
    for run in runs:
        if (run.suite.name, run.suite.hash) != (first.suite.name, first.suite.hash):
            raise StoreError(f"{run.path}: another suite than {first.path}", "merge runs of one suite, unchanged")
        if run.model != first.model:
            raise StoreError(f"{run.path}: another model than {first.path}", "merge runs of one model")
        cases.update((case.case, case) for case in run.cases)
        for trial in run.trials:
            key = (trial.conversation.case, trial.conversation.sample)
            if key not in trials or trial.failure is None:
                trials[key] = trial
    tally = sum_tallies([run.tally for run in runs if run.tally])
    parts = [run.suite.selected for run in runs]
    selected = tuple(dict.fromkeys(option for part in parts for option in part)) if all(parts) else ()
    suite = replace(first.suite, selected=() if len(cases) == first.suite.cases else selected)
    whole = replace(first, suite=suite, cases=tuple(cases.values()), trials=tuple(trials.values()), tally=tally)
    return replace(whole, snapshot=None)


def sum_tallies(tallies: Sequence[Tally]) -> Tally:
    """What several runs took together; the price is unknown where one of them has none."""
    total = Tally(usd=0.0 if tallies else None)
    for tally in tallies:
        total = Tally(
            sent=total.sent + tally.sent,
            answered=total.answered + tally.answered,
            cached=total.cached + tally.cached,
            failed=total.failed + tally.failed,
            usage=total.usage + tally.usage,
            usd=None if total.usd is None or tally.usd is None else total.usd + tally.usd,
            seconds=total.seconds + tally.seconds,
        )
    return total
