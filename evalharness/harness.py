"""The verbs joined up: ask suites of arms, grade stored replies again, compare. What shells and Python callers use.

    config = load_config()
    asked = ask([load_suite("suites/marv.yaml")], ["base", "tuned"], config)
    panel = compare_asked(asked)

Nothing is asked before every suite, arm and recording has been looked at; whatever is wrong is said at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version as installed
from itertools import zip_longest
from pathlib import Path
from typing import Literal, Self, TypedDict

from evalharness import engine, snapshots, store
from evalharness.cache import Cache
from evalharness.compare import compare_all
from evalharness.config import Config
from evalharness.config import load as load_config
from evalharness.errors import EvalError, Fault, Faults
from evalharness.escape import slug
from evalharness.findings import Panel
from evalharness.flow import Flow
from evalharness.forecast import unknown
from evalharness.history import Held, History, Series, Standing, chart
from evalharness.measure import Arm
from evalharness.models.base import Model, open_model
from evalharness.plan import Plan, suite_ref
from evalharness.records import Run, Tally, Trial
from evalharness.registry import load_files
from evalharness.score import regrade
from evalharness.sheet import Sheet
from evalharness.suite import Suite, select
from evalharness.suite import load as load_suite

__all__ = [
    "Asked",
    "Options",
    "aask",
    "ask",
    "compare_asked",
    "compare_runs",
    "history",
    "load_config",
    "load_suite",
    "plans",
    "rescore",
]


@dataclass(frozen=True, slots=True)
class Options:
    """What the shared options of every verb that asks say; None leaves it to the suite, the arm or the config.

    budget: USD. seconds: deadline of the whole command. tags, cases: ask only these, which makes a selection.
    """

    samples: int | None = None
    at_once: int | None = None
    budget: float | None = None
    seconds: float | None = None
    cache: Literal["use", "only", "refresh", "off"] = "use"
    seed: int = 0
    tags: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    output: Path | None = None

    @property
    def selected(self) -> tuple[str, ...]:
        """The selection as the user typed it; empty where all cases are asked."""
        return (*(f"--tag {tag}" for tag in self.tags), *(f"--case {case}" for case in self.cases))


DEFAULT = Options()


@dataclass(frozen=True, slots=True)
class Job:
    """One plan, the model that answers it, and where its run goes."""

    plan: Plan
    model: Model
    path: Path
    whole: int
    """How many cases the suite has, selected or not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The runs of one command: for each suite its arms in the order given, and whether all of it was asked."""

    arms: tuple[tuple[Arm, ...], ...]
    interrupted: engine.Interrupted | None = None


def version() -> str:
    """The installed version of evalharness."""
    return installed("evalharness")


def plans(suites: Sequence[Suite], names: Sequence[str], config: Config, options: Options = DEFAULT) -> list[list[Job]]:
    """What asking each suite of each arm means. Raises `Faults` with everything that keeps it from being asked.

    Two names for one arm are asked once each: they are two arms.
    """
    load_files(tuple(config.folder / path for path in config.scorers))
    models = [open_model(config.arm(name)) for name in dict.fromkeys(names)]
    jobs: list[list[Job]] = []
    faults: list[Fault] = []
    for suite in suites:
        chosen = select(suite, tags=options.tags, cases=options.cases)
        row = []
        for model in models:
            plan = Plan(chosen, model.ref, options.samples or suite.samples)
            faults += _faults(plan, model, config, options)
            path = options.output or run_path(config, suite.name, model.ref.name, options.selected)
            row.append(Job(plan, model, path, len(suite.cases)))
        jobs.append(row)
    if faults:
        raise Faults(dict.fromkeys(faults))
    return jobs


def _faults(plan: Plan, model: Model, config: Config, options: Options) -> tuple[Fault, ...]:
    """What keeps the plan from being asked. What is known needs no asking, so it needs no key either."""
    faults = model.faults(plan.first_requests())
    if faults and model.keeps and options.cache in ("use", "only"):
        with Cache(config.state / "cache") as cache:
            return model.faults(unknown(plan, model, cache))
    return faults


def run_path(config: Config, suite: str, arm: str, selected: tuple[str, ...] = ()) -> Path:
    """Where the run of a suite by an arm is kept; that of a selection has a name of its own."""
    name = "-".join([slug(arm), *([slug(" ".join(selected))] if selected else [])])
    return config.state / "runs" / slug(suite) / f"{name}.jsonl"


def ask(
    suites: Sequence[Suite],
    names: Sequence[str],
    config: Config,
    options: Options = DEFAULT,
    watch: engine.Watch | None = None,
) -> Asked:
    """Asks every suite of every arm, the arms of a suite at once, and writes a run file for each pair.

    Answers that are known cost nothing. An interrupt keeps what there is: the runs that were whole are whole, the
    others are `.part` files, and asking again goes on. Not where an event loop runs: see `aask`.
    """
    rows: list[tuple[Arm, ...]] = []
    for sitting in _sittings(suites, names, config, options, watch):
        with sitting:
            try:
                tallies = engine.run(sitting.flows, sitting.models, **sitting.rest())
            except engine.Interrupted as stopped:
                return Asked((*rows, sitting.arms(stopped.tallies)), stopped)
            rows.append(sitting.arms(tallies))
    return Asked(tuple(rows))


async def aask(
    suites: Sequence[Suite],
    names: Sequence[str],
    config: Config,
    options: Options = DEFAULT,
    watch: engine.Watch | None = None,
) -> Asked:
    """The same as `ask` on the caller's event loop."""
    rows = []
    for sitting in _sittings(suites, names, config, options, watch):
        with sitting:
            rows.append(sitting.arms(await engine.arun(sitting.flows, sitting.models, **sitting.rest())))
    return Asked(tuple(rows))


def compare_asked(asked: Asked, options: Options = DEFAULT) -> Panel:
    """Each suite's first arm against each of its others."""
    pairs = [(row[0], tuned) for row in asked.arms for tuned in row[1:]]
    return compare_all(pairs, seed=options.seed, version=version())


def compare_runs(paths: Sequence[Path], options: Options = DEFAULT) -> Panel:
    """The first stored run against each of the others."""
    base, *others = [Arm.of(store.read(path)) for path in paths]
    return compare_all([(base, tuned) for tuned in others], seed=options.seed, version=version())


def history(
    suite: str, config: Config, *, aspect: str | None = None, reference: str = "", options: Options = DEFAULT
) -> History:
    """The accepted snapshots of the suite of that name, charted, and what decides about the newest of them.

    reference: the name of the snapshot to read against, else that pinned last in each series, else its first. The
    suite's file is not needed. `EvalError` where nothing was accepted, `UnknownName` for a snapshot or aspect.
    """
    shelf = snapshots.shelf(config.baselines, suite)
    named = shelf.get(reference or snapshots.REFERENCE).name
    arms = (Arm.of(snapshots.read(filed)) for filed in shelf.filed)
    found = chart(suite, arms, reference=named if reference else "", aspect=aspect)
    standing = _standing(shelf, found.series[-1], options)
    return replace(found, warnings=tuple(shelf.warnings()), standing=standing)


def _standing(shelf: snapshots.Shelf, series: Series, options: Options) -> Standing | None:
    """The newest snapshot against its reference by the rules of every comparison; None where it is the reference."""
    newest = series.names[-1]
    if newest == series.reference:
        return None
    base, tuned = (Arm.of(snapshots.read(shelf.get(name))) for name in (series.reference, newest))
    (comparison,) = compare_all([(base, tuned)], seed=options.seed, version=version()).comparisons
    rulings = tuple(Held(each.aspect, each.outcome, each.sentence, each.remedy) for each in comparison.rulings)
    return Standing(newest, series.reference, comparison.verdict.outcome, rulings)


def rescore(path: Path, suite: Suite, output: Path | None = None) -> Run:
    """A stored run graded by the checks that the suite has today; written beside it unless `output` says where.

    Cases that the suite has no more are left out, cases that it has since then are missing.
    """
    run = store.read(path)
    if run.suite.name != suite.name:
        raise EvalError(
            f"{path} is a run of '{run.suite.name}', not of '{suite.name}'", "rescore with the suite it ran"
        )
    kept = {trial.conversation.case for trial in run.trials}
    cases = tuple(case for case in Plan(suite, run.model, run.suite.samples).cases() if case.case in kept)
    ref = replace(suite_ref(suite, run.suite.samples, run.suite.selected), path=suite.path)
    graded = replace(run, suite=ref, gate=suite.gate, cases=cases)
    target = output or path.with_name(f"{path.stem}.rescored.jsonl")
    with store.Writer(target, graded) as writer:
        flows = regrade(run, suite)
        engine.run(flows, {}, cache=None, limits=engine.Limits(), finished=writer.add, watch=engine.SILENT)
        return writer.finish(run.tally) if run.tally else writer.stop()


class _Rest(TypedDict):
    """What the engine takes beside flows and models."""

    cache: Cache | None
    limits: engine.Limits
    finished: Callable[[int, tuple[int, int, Trial]], None]
    watch: engine.Watch


class _Sitting:
    """One suite of all its arms: the open cache, the run files as they grow, the scores as they come."""

    def __init__(self, jobs: Sequence[Job], config: Config, options: Options, watch: engine.Watch) -> None:
        self.jobs = jobs
        self.flows = _InTurn(jobs)
        self.models = {job.model.ref.name: job.model for job in jobs}
        self.cases = jobs[0].plan.cases() if jobs else ()  # the same for every arm of a suite
        self.sheets = [Sheet(self.cases) for _ in jobs]
        self._root = config.folder
        self._folder = config.state / "cache"
        self._options = options
        self._limits = engine.Limits(options.at_once, options.budget or config.budget, options.seconds, options.cache)
        self._watch = watch

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        keeps = self._options.cache != "off"
        self._cache = self._stack.enter_context(Cache(self._folder, warn=self._watch.note)) if keeps else None
        began = datetime.now(UTC).isoformat(timespec="seconds")
        self.writers = [self._stack.enter_context(self._writer(job, began)) for job in self.jobs]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def rest(self) -> _Rest:
        """What the engine takes beside flows and models."""
        return {"cache": self._cache, "limits": self._limits, "finished": self.finished, "watch": self._watch}

    def finished(self, _: int, result: tuple[int, int, Trial]) -> None:
        """Takes in a trial: its scores into the sheet, its words into the run file."""
        at, place, trial = result
        self.sheets[at].add(place, trial)
        self.writers[at].add(place, trial)

    def _writer(self, job: Job, began: str) -> store.Writer:
        suite = suite_ref(job.plan.suite, job.plan.samples, self._options.selected, job.whole)
        if job.path.is_relative_to(self._root):
            store.no_link(job.path.parent, self._root)
        return store.Writer(job.path, Run(suite, job.plan.model, job.plan.suite.gate, began, self.cases, ()))

    def arms(self, tallies: Mapping[str, Tally]) -> tuple[Arm, ...]:
        """The runs, whole ones under their names; what is missing of the others is missing."""
        arms = []
        for job, sheet, writer in zip(self.jobs, self.sheets, self.writers, strict=True):
            whole = sheet.trials == len(job.plan)
            run = writer.finish(tallies[job.model.ref.name]) if whole else writer.stop()
            arms.append(Arm(run, sheet) if whole else Arm.of(run))
        return tuple(arms)


def _sittings(
    suites: Sequence[Suite], names: Sequence[str], config: Config, options: Options, watch: engine.Watch | None
) -> list[_Sitting]:
    jobs = plans(suites, names, config, options)
    return [_Sitting(row, config, options, watch or engine.SILENT) for row in jobs]


class _InTurn:
    """A flow of each job in turn, so that the arms are asked in the same minutes."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs

    def __len__(self) -> int:
        return sum(len(job.plan) for job in self.jobs)

    def __iter__(self) -> Iterator[Flow[tuple[int, int, Trial]]]:
        for row in zip_longest(*(enumerate(job.plan.flows()) for job in self.jobs)):
            for at, numbered in enumerate(row):
                if numbered is not None:
                    yield _placed(at, *numbered)


def _placed(at: int, place: int, flow: Flow[Trial]) -> Flow[tuple[int, int, Trial]]:
    trial = yield from flow
    return at, place, trial
