"""One command's questions: which suites of which arms, looked at before anything is asked, then asked all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Literal, Self, TypeAlias, TypedDict

from evalharness import engine, snapshots, store
from evalharness.baselines import Recollection
from evalharness.bench import instruments, judges, notes, refs, self_judged
from evalharness.books import Account, Tallies
from evalharness.cache import Cache
from evalharness.compare import blocked
from evalharness.config import Config
from evalharness.errors import Fault, Faults, UnknownName
from evalharness.escape import slug
from evalharness.feed import Ended, Feed, Regrade
from evalharness.forecast import unknown
from evalharness.instruments import informed
from evalharness.looks import Look
from evalharness.measure import Arm
from evalharness.models.base import Model, open_model
from evalharness.plan import Plan
from evalharness.records import Criterion, FailureKind, ModelRef, Request, Run
from evalharness.registry import load_files
from evalharness.schedule import Schedule, adding, drawn, unfit, whole
from evalharness.sheet import Sheet
from evalharness.snapshots import Filed
from evalharness.suite import Suite, select
from evalharness.training import lessons_of, tagged


@dataclass(frozen=True, slots=True)
class Options:
    """What the shared options of every verb that asks say; None leaves it to the suite, the arm or the config.

    budget: USD. seconds: deadline of the whole command. tags, cases: ask only these, which makes a selection.
    train: the training file, in place of the suite's own. judge: the model that plays `judge`.
    stop: `early` asks cases in a drawn order and ends where the gate is decided, with statistics that allow it.
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
    train: Path | None = None
    judge: str | None = None
    stop: Literal["early"] | None = None


DEFAULT = Options()

NO_MORE: frozenset[FailureKind] = frozenset({"budget", "stopped", "quota", "denied", "gone"})
"""Kinds of failure after which a model is asked nothing more, so that another stage would bring none either."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A suite, and the arms it is asked of: models or snapshots by name, the first being the base of a comparison.

    duels: the arms whose replies are judged beside the first one's, where the suite prefers; None for all the others.
    """

    suite: Suite
    arms: tuple[str, ...]
    duels: tuple[str, ...] | None = None

    @property
    def rivals(self) -> tuple[str, ...]:
        """The arms that duels are judged of; none where the suite has no `prefer`."""
        others = tuple(dict.fromkeys(self.arms))[1:] if self.suite.prefer else ()
        return others if self.duels is None else tuple(name for name in others if name in self.duels)


@dataclass(frozen=True, slots=True)
class Job:
    """One plan, the model that answers it, where its run goes, and in which order it is asked.

    judges: who grades, by the names that checks say.
    """

    plan: Plan
    model: Model
    path: Path
    schedule: Schedule
    judges: Mapping[str, Model] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """What its questions are charged to."""
        return _account(self.plan.suite.name, self.model.ref.name)


@dataclass(frozen=True, slots=True)
class Stored:
    """An arm that was asked long ago: a snapshot, and the suite as it is today with those who grade it."""

    filed: Filed
    suite: Suite
    judges: Mapping[str, Model] = field(default_factory=dict)

    @property
    def ref(self) -> ModelRef:
        """The model that was asked, by the name of the snapshot."""
        return replace(self.filed.model, name=self.filed.name)


Row: TypeAlias = tuple[Job | Stored, ...]
"""The arms of one suite, in the order they were named."""


def rows(askings: Sequence[Asking], config: Config, options: Options = DEFAULT) -> list[Row]:
    """What asking each suite of its arms means. Raises `Faults` with everything that keeps it from being asked.

    Two names for one arm are asked once each: they are two arms.
    """
    load_files(tuple(config.folder / path for path in config.scorers))
    opened: dict[str, Model] = {}
    found: list[Row] = []
    faults: list[Fault] = []
    for asking in askings:
        try:
            chosen = select(_looked_up(asking.suite, options), tags=options.tags, cases=options.cases)
        except Faults as error:
            faults += error.faults
            continue
        if options.stop == "early":
            faults += unfit(chosen, len(asking.arms), given=options.samples is not None)
        schedule = _schedule(chosen, len(asking.arms), options)
        row: list[Job | Stored] = []
        panel: dict[str, Model] = {}
        try:
            panel = judges(chosen, config, options.judge, opened)
        except Faults as error:
            faults += error.faults
        for name in dict.fromkeys(asking.arms):
            try:
                arm = opened.get(name) or _arm(name, chosen, config)
            except Faults as error:
                faults += error.faults
                continue
            if isinstance(arm, Stored):
                row.append(replace(arm, judges=panel))
                faults += [*_unwritten(arm, options), *self_judged(chosen, arm.ref, panel)]
                continue
            opened[name] = arm
            plan = Plan(schedule.suite, arm.ref, schedule.samples, refs(panel))
            most = replace(plan, samples=plan.samples + schedule.looks - 1)
            faults += [*_faults(most, arm, config, options), *self_judged(chosen, arm.ref, panel)]
            # A part of the cases does not replace the run of all: some were paid for, and may become a baseline.
            part = ("early",) if options.stop == "early" else chosen.selected
            path = options.output or run_path(config, chosen.name, name, part)
            row.append(Job(plan, arm, path, schedule, panel))
        faults += _twice(row, chosen)
        found.append(tuple(row))
    if faults:
        raise Faults(dict.fromkeys(faults))
    return found


def _schedule(suite: Suite, arms: int, options: Options) -> Schedule:
    """In which order the suite is asked. One arm alone is asked the fewest samples: nothing says when to stop."""
    samples = options.samples or suite.samples
    if options.stop == "early":
        return drawn(suite, samples, options.seed)
    if options.samples is None and suite.most_samples > suite.samples and arms > 1:
        return adding(suite, suite.samples, suite.most_samples)
    return whole(suite, samples)


def _looked_up(suite: Suite, options: Options) -> Suite:
    """The suite with its cases marked by how near they are to the training file, where there is one."""
    if suite.near:
        return suite
    lessons = lessons_of(suite, options.train)
    return suite if lessons is None else tagged(suite, lessons, options.train)


def _unwritten(arm: Stored, options: Options) -> Iterator[Fault]:
    """A file named for the run of a snapshot."""
    if options.output:
        what = f"snapshot '{arm.filed.name}' is not asked, so there is no run to write to {options.output}"
        yield Fault(f"suite '{arm.suite.name}'", 0, 0, what, f"leave it out; the replies are in {arm.filed.path}")


def _twice(row: Sequence[Job | Stored], suite: Suite) -> Iterator[Fault]:
    """A snapshot that is named by two of its names."""
    names = Counter(arm.filed.name for arm in row if isinstance(arm, Stored))
    for name in (name for name, number in names.items() if number > 1):
        what = f"snapshot '{name}' is named twice"
        yield Fault(f"suite '{suite.name}'", 0, 0, what, "`baseline` and `reference` stand for snapshots too")


def _arm(name: str, suite: Suite, config: Config) -> Model | Stored:
    """A model of the config; else a snapshot of the suite; else what `KIND:TARGET` spells out."""
    if name in config.models or not snapshots.NAME.fullmatch(name):
        return open_model(config.arm(name))
    shelf = snapshots.shelf(config.baselines, suite.name)
    if name in shelf.names or name in (snapshots.BASELINE, snapshots.REFERENCE):
        return Stored(shelf.get(name), suite)
    try:
        return open_model(config.arm(name))
    except UnknownName as error:
        if error.name == name and shelf.names:
            known = [*config.models, *shelf.names]
            raise UnknownName(f"suite '{suite.name}'", "model or snapshot", name, known) from None
        raise


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


def limits(config: Config, options: Options) -> engine.Limits:
    """What one command may take."""
    return engine.Limits(options.at_once, options.budget or config.budget, options.seconds, options.cache)


class Rest(TypedDict):
    """What the engine takes beside flows and models."""

    cache: Cache | None
    limits: engine.Limits
    finished: Callable[[int, Ended], None]
    watch: engine.Watch
    account: Account


class Sitting:
    """Several suites of all their arms: the open cache, the run files as they grow, the scores as they come."""

    def __init__(self, rows: Sequence[Row], config: Config, options: Options, watch: engine.Watch) -> None:
        self.rows = rows
        self.stored = {
            id(arm): Recollection(arm.filed, arm.suite, refs(arm.judges))
            for row in rows
            for arm in row
            if isinstance(arm, Stored)
        }
        models = [job.model for row in rows for job in _jobs(row)]
        models += [judge for row in rows for arm in row for judge in arm.judges.values()]
        self.models = {model.ref.name: model for model in models}
        self.flows = Feed(
            [(tuple(_jobs(row)), [self.stored[id(arm)] for arm in row if isinstance(arm, Stored)]) for row in rows]
        )
        self._config = config
        self._root = config.folder
        self._folder = config.state / "cache"
        self._options = options
        self._limits = limits(config, options)
        self._watch = watch

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        keeps = self._options.cache != "off" and bool(self.models)
        self._cache = self._stack.enter_context(Cache(self._folder, warn=self._watch.note)) if keeps else None
        began = datetime.now(UTC).isoformat(timespec="seconds")
        _make_room(sum(1 for row in self.rows for _ in _jobs(row)))
        self._growing = [[self._open(job, began) for job in _jobs(row)] for row in self.rows]
        for row in range(len(self.rows)):
            self._begin(row)
        if self.flows.open:
            self._watch.spared(0, maybe=self.flows.open)
        told = (notes(arm.plan.suite if isinstance(arm, Job) else arm.suite, refs(arm.judges)) for arm, *_ in self.rows)
        for note in dict.fromkeys(chain.from_iterable(told)):
            self._watch.note(note)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def rest(self) -> Rest:
        """What the engine takes beside flows and models."""
        return {
            "cache": self._cache,
            "limits": self._limits,
            "finished": self._finished,
            "watch": self._watch,
            "account": _charged,
        }

    def _finished(self, _: int, result: Ended) -> None:
        """Takes in a trial: its scores into the sheet, its words into the run file."""
        if isinstance(result, Regrade):
            result.snapshot.take(result.place, result.scores)
            row = result.row
        else:
            place, trial = result
            row = place.row
            sheet, writer = self._growing[row][place.arm]
            sheet.add(place.trial, trial)
            writer.add(place.trial, trial)
        if self.flows.arrived(row):
            self._look(row)

    def _begin(self, row: int) -> None:
        """Has the next stage of a suite asked, and its cases known to sheets and run files."""
        cases = self.flows.begin(row)
        for sheet, writer in self._growing[row]:
            sheet.more(cases)
            writer.more(cases)

    def _look(self, row: int) -> None:
        """Begins the next stage of a suite, or ends it there."""
        goes_on = self._goes_on(row)
        if goes_on:
            self._begin(row)
        spared = 0 if goes_on else self.flows.end(row)
        self._watch.spared(spared, maybe=self.flows.open)

    def _goes_on(self, row: int) -> bool:
        """Whether the suite has a gate that is open, and that asking on can decide."""
        asked = iter(self._growing[row])
        found = (
            self.stored[id(arm)].arm() if isinstance(arm, Stored) else _so_far(*next(asked)) for arm in self.rows[row]
        )
        arms = [informed(arm, self._config) for arm in found]
        if any(sheet.failures.keys() & NO_MORE for sheet, _ in self._growing[row]):
            return False
        tests = sum(len(_gate(each)) * (len(each) - 1) for each in self.rows)
        looks = [Look.at(arms[0], tuned, blocked, tests=tests, seed=self._options.seed) for tuned in arms[1:]]
        if any(arm.run.suite.looks > 1 for arm in arms):
            return any(not (look.decided or look.repeats or look.hopeless) for look in looks)
        return any(not look.decided for look in looks)

    def _open(self, job: Job, began: str) -> tuple[Sheet, store.Writer]:
        suite = job.schedule.ref(instruments(job.plan.suite, job.plan.judges))
        if job.path.is_relative_to(self._root):
            store.no_link(job.path.parent, self._root)
        run = Run(suite, job.plan.model, job.plan.suite.gate, began, (), ())
        return Sheet(()), self._stack.enter_context(store.Writer(job.path, run))

    def arms(self, tallies: Tallies, *, interrupted: bool = False) -> tuple[tuple[Arm, ...], ...]:
        """The arms of each suite; whole runs under their names, what is missing of the others is missing.

        interrupted: suites of which nothing was asked yet are left out.
        """
        found: list[tuple[Arm, ...]] = []
        for number, (row, growing) in enumerate(zip(self.rows, self._growing, strict=True)):
            if interrupted and growing and not any(sheet.trials for sheet, _ in growing):
                continue
            asked = iter(growing)
            found.append(
                tuple(
                    self.stored[id(arm)].arm()
                    if isinstance(arm, Stored)
                    else self._run(number, arm, *next(asked), tallies)
                    for arm in row
                )
            )
        return tuple(found)

    def _run(self, row: int, job: Job, sheet: Sheet, writer: store.Writer, tallies: Tallies) -> Arm:
        whole = self.flows.whole(row, sheet.trials)
        took = tuple((name, tallies[f"{job.account}\n{model.ref.name}"]) for name, model in job.judges.items())
        run = writer.finish(tallies[job.account], took) if whole else writer.stop()
        return Arm(run, sheet) if whole else Arm.of(run)


def _make_room(runs: int) -> None:
    """Lets the process have so many run files open beside all else: many systems allow 256 where nobody asks."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = runs + 1024
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):  # what stays too few is said when a file cannot be opened
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _so_far(sheet: Sheet, writer: store.Writer) -> Arm:
    """An arm that is being asked, without its words."""
    return Arm(writer.run, sheet)


def _gate(row: Row) -> tuple[Criterion, ...]:
    arm = row[0]
    return (arm.plan.suite if isinstance(arm, Job) else arm.suite).gate


def _jobs(row: Row) -> Iterator[Job]:
    return (arm for arm in row if isinstance(arm, Job))


def _account(suite: str, model: str) -> str:
    return f"{suite}\n{model}"


def _charged(request: Request) -> str:
    """What a question is charged to: the run of its arm, or what a judge took for that run."""
    origin = request.origin
    if origin is None:
        return _account("", request.model.name)
    own = _account(origin.suite, origin.arm)
    return own if origin.arm == request.model.name else f"{own}\n{request.model.name}"
