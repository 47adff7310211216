"""One command's questions: which suites of which arms, looked at before anything is asked, then asked all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain, zip_longest
from pathlib import Path
from typing import Literal, NamedTuple, Self, TypeAlias, TypedDict

from evalharness import engine, snapshots, store
from evalharness.baselines import Recollection
from evalharness.bench import instruments, judges, refs, self_judged
from evalharness.books import Account, Tallies
from evalharness.cache import Cache
from evalharness.config import Config
from evalharness.errors import Fault, Faults, UnknownName
from evalharness.escape import slug
from evalharness.flow import Flow
from evalharness.forecast import unknown
from evalharness.measure import Arm
from evalharness.models.base import Model, open_model
from evalharness.plan import Plan, suite_ref
from evalharness.records import Asked, Request, Run, Score, Trial
from evalharness.registry import load_files
from evalharness.sheet import Sheet
from evalharness.snapshots import Filed
from evalharness.suite import Suite, select
from evalharness.training import lessons_of, tagged


@dataclass(frozen=True, slots=True)
class Options:
    """What the shared options of every verb that asks say; None leaves it to the suite, the arm or the config.

    budget: USD. seconds: deadline of the whole command. tags, cases: ask only these, which makes a selection.
    train: the training file, in place of the suite's own. judge: the model that plays `judge`.
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


DEFAULT = Options()


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
    """One plan, the model that answers it, and where its run goes. judges: who grades, by the names that checks say."""

    plan: Plan
    model: Model
    path: Path
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
                faults += _unwritten(arm, options)
                continue
            opened[name] = arm
            plan = Plan(chosen, arm.ref, options.samples or chosen.samples, refs(panel))
            faults += [*_faults(plan, arm, config, options), *self_judged(chosen, arm.ref, panel)]
            path = options.output or run_path(config, chosen.name, name, chosen.selected)
            row.append(Job(plan, arm, path, panel))
        faults += _twice(row, chosen)
        found.append(tuple(row))
    if faults:
        raise Faults(dict.fromkeys(faults))
    return found


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


class Place(NamedTuple):
    """Where a trial belongs: which suite's row, which arm of it, which place of that arm's plan."""

    row: int
    arm: int
    trial: int


class Regrade(NamedTuple):
    """A trial of a snapshot with the scores of today."""

    snapshot: Recollection
    place: int
    scores: tuple[Score, ...]


Ended: TypeAlias = tuple[Place, Trial] | Regrade
"""What a flow ends with: a trial that was asked, or one of a snapshot that was graded anew."""


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
        self.flows = _InTurn(rows, self.stored.values())
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
        self._growing = [[self._open(job, cases, began) for job in _jobs(row)] for row, cases in self._with_cases()]
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
            return
        place, trial = result
        sheet, writer = self._growing[place.row][place.arm]
        sheet.add(place.trial, trial)
        writer.add(place.trial, trial)

    def _with_cases(self) -> Iterator[tuple[Row, tuple[Asked, ...]]]:
        """Each row with its cases, which are the same for every arm of a suite."""
        for row in self.rows:
            jobs = list(_jobs(row))
            yield row, jobs[0].plan.cases() if jobs else ()

    def _open(self, job: Job, cases: tuple[Asked, ...], began: str) -> tuple[Sheet, store.Writer]:
        suite = suite_ref(job.plan.suite, job.plan.samples, instruments(job.plan.suite, job.plan.judges))
        if job.path.is_relative_to(self._root):
            store.no_link(job.path.parent, self._root)
        run = Run(suite, job.plan.model, job.plan.suite.gate, began, cases, ())
        return Sheet(cases), self._stack.enter_context(store.Writer(job.path, run))

    def arms(self, tallies: Tallies, *, interrupted: bool = False) -> tuple[tuple[Arm, ...], ...]:
        """The arms of each suite; whole runs under their names, what is missing of the others is missing.

        interrupted: suites of which nothing was asked yet are left out.
        """
        found: list[tuple[Arm, ...]] = []
        for row, growing in zip(self.rows, self._growing, strict=True):
            if interrupted and growing and not any(sheet.trials for sheet, _ in growing):
                continue
            asked = iter(growing)
            found.append(
                tuple(
                    self.stored[id(arm)].arm() if isinstance(arm, Stored) else _run(arm, *next(asked), tallies)
                    for arm in row
                )
            )
        return tuple(found)


def _make_room(runs: int) -> None:
    """Lets the process have so many run files open beside all else: many systems allow 256 where nobody asks."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = runs + 1024
    if soft != resource.RLIM_INFINITY and soft < needed:
        allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with suppress(ValueError, OSError):  # what stays too few is said when a file cannot be opened
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


def _run(job: Job, sheet: Sheet, writer: store.Writer, tallies: Tallies) -> Arm:
    whole = sheet.trials == len(job.plan)
    took = tuple((name, tallies[f"{job.account}\n{model.ref.name}"]) for name, model in job.judges.items())
    run = writer.finish(tallies[job.account], took) if whole else writer.stop()
    return Arm(run, sheet) if whole else Arm.of(run)


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


class _InTurn:
    """The flows of each suite in turn, one of each arm at a time, so that its arms are asked in the same minutes.

    Snapshots are graded first: mostly that asks nobody.
    """

    def __init__(self, rows: Sequence[Row], stored: Collection[Recollection]) -> None:
        self.rows = rows
        self.stored = stored

    def __len__(self) -> int:
        return sum(map(len, self.stored)) + sum(len(job.plan) for row in self.rows for job in _jobs(row))

    def __iter__(self) -> Iterator[Flow[Ended]]:
        rows = (self._row(number, list(_jobs(row))) for number, row in enumerate(self.rows))
        return chain(*(_regraded(snapshot) for snapshot in self.stored), chain.from_iterable(rows))

    def _row(self, number: int, jobs: Sequence[Job]) -> Iterator[Flow[Ended]]:
        for flows in zip_longest(*(enumerate(job.plan.flows()) for job in jobs)):
            for arm, numbered in enumerate(flows):
                if numbered is not None:
                    yield _placed(Place(number, arm, numbered[0]), numbered[1])


def _placed(place: Place, flow: Flow[Trial]) -> Flow[Ended]:
    trial = yield from flow
    return place, trial


def _regraded(snapshot: Recollection) -> Iterator[Flow[Ended]]:
    return (_taken(snapshot, flow) for flow in snapshot.flows())


def _taken(snapshot: Recollection, flow: Flow[tuple[int, tuple[Score, ...]]]) -> Flow[Ended]:
    place, scores = yield from flow
    return Regrade(snapshot, place, scores)
