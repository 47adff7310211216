"""The verbs joined up: ask suites of arms, grade stored replies again, compare. What shells and Python callers use.

    config = load_config()
    asked = ask([load_suite("suites/marv.yaml")], ["base", "tuned"], config)
    panel = compare_asked(asked)

Nothing is asked before every suite, arm and recording has been looked at; whatever is wrong is said at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import TYPE_CHECKING

from evalharness import engine, snapshots, store
from evalharness.anchoring import Due, Looking, due
from evalharness.appraisal import closed, rounds, unready, why_closed
from evalharness.baselines import Recollection
from evalharness.bench import instruments, judges, refs, self_judged
from evalharness.books import Tallies
from evalharness.cache import Cache
from evalharness.calibrate import known
from evalharness.compare import compare_all
from evalharness.config import Config
from evalharness.config import load as load_config
from evalharness.duel import DuelRun
from evalharness.duelfile import with_duels
from evalharness.duelling import Duelling, Meeting, left
from evalharness.duelling import judges as judges_of_duels
from evalharness.echoes import echoes, warnings
from evalharness.errors import EvalError, Faults
from evalharness.findings import Comparison, Panel
from evalharness.forecast import unknown
from evalharness.history import Held, History, Series, Standing, chart
from evalharness.instruments import informed
from evalharness.manner import described
from evalharness.measure import Arm
from evalharness.models.base import Model
from evalharness.plan import Plan, suite_ref
from evalharness.rebasing import rebased
from evalharness.records import ModelRef, Request, Run
from evalharness.score import Bench, regrade
from evalharness.sitting import DEFAULT, Asking, Job, Options, Row, Sitting, Stored, limits, rows, run_path
from evalharness.suite import Suite
from evalharness.suite import load as load_suite
from evalharness.training import lessons_of, tagged, tagged_run

if TYPE_CHECKING:
    from evalharness.tuning.lessons import Lessons

__all__ = [
    "Asked",
    "Asking",
    "Job",
    "Options",
    "Stored",
    "aask",
    "ask",
    "ask_each",
    "compare_asked",
    "compare_runs",
    "history",
    "load_config",
    "load_suite",
    "rescore",
    "rows",
    "run_path",
]


@dataclass(frozen=True, slots=True)
class Asked:
    """The runs of one command: for each suite its arms in the order given, and whether all of it was asked.

    lessons: what the training file of a suite teaches, by the suite's name.
    """

    arms: tuple[tuple[Arm, ...], ...]
    interrupted: engine.Interrupted | None = None
    lessons: Mapping[str, Lessons] = field(default_factory=dict)


def version() -> str:
    """The installed version of evalharness."""
    return installed("evalharness")


def ask(
    suites: Sequence[Suite],
    names: Sequence[str],
    config: Config,
    options: Options = DEFAULT,
    watch: engine.Watch | None = None,
) -> Asked:
    """Asks every suite of every arm and writes a run file for each pair; see `ask_each`.

    names: models of the config, snapshots of the suites (`baseline` stands for the last), or `KIND:TARGET`.
    """
    return ask_each([Asking(suite, tuple(names)) for suite in suites], config, options, watch)


def ask_each(
    askings: Sequence[Asking], config: Config, options: Options = DEFAULT, watch: engine.Watch | None = None
) -> Asked:
    """Asks each suite of its own arms, all in one fan-out, the arms of a suite at once.

    Answers that are known cost nothing, and a snapshot is not asked at all. An interrupt keeps what there is: the runs
    that were whole are whole, the others are `.part` files, and asking again goes on; `Interrupted` is raised where
    nothing was asked yet. Not where an event loop runs: see `aask`.
    """
    _readable(askings, config)
    askings, lessons = _learnt(askings, options)
    found = rows(askings, config, options)
    _ready(found, config, options)
    panels = _panels(askings, found, config, options)
    with Sitting(found, config, options, watch or engine.SILENT) as sitting:
        try:
            tallies = engine.run(sitting.flows, sitting.models, **sitting.rest())
        except engine.Interrupted as stopped:
            _looking(found, stopped.tallies, config, options).postpone()
            arms = _informed(sitting.arms(stopped.tallies, interrupted=True), config)
            if not arms:
                raise
            return Asked(arms, stopped, lessons)
        looking, may = _looking(found, tallies, config, options), left(limits(config, options), tallies)
        try:
            may = _looked(looking, may, watch)
        except engine.Interrupted as stopped:
            return Asked(_informed(sitting.arms(tallies), config), stopped, lessons)
        asked = Asked(_informed(sitting.arms(tallies), config), lessons=lessons)
    meetings = _meetings(askings, asked.arms, panels)
    if not meetings:
        return asked
    with Duelling(meetings, config, may, watch or engine.SILENT) as duelling:
        try:
            return _seated(asked, duelling.ended(engine.run(duelling, duelling.models, **duelling.rest())), meetings)
        except engine.Interrupted as stopped:
            return replace(_seated(asked, duelling.stopped(stopped.tallies), meetings), interrupted=stopped)


async def aask(
    suites: Sequence[Suite],
    names: Sequence[str],
    config: Config,
    options: Options = DEFAULT,
    watch: engine.Watch | None = None,
) -> Asked:
    """The same as `ask` on the caller's event loop."""
    askings = [Asking(suite, tuple(names)) for suite in suites]
    _readable(askings, config)
    askings, lessons = _learnt(askings, options)
    found = rows(askings, config, options)
    _ready(found, config, options)
    panels = _panels(askings, found, config, options)
    with Sitting(found, config, options, watch or engine.SILENT) as sitting:
        tallies = await engine.arun(sitting.flows, sitting.models, **sitting.rest())
        looking, may = _looking(found, tallies, config, options), left(limits(config, options), tallies)
        if len(looking):
            looking.postpone()
            looked = await engine.arun(looking, looking.models, **looking.rest(may))
            may = left(may, looked)
            _tell(looking.ended(looked), watch)
        asked = Asked(_informed(sitting.arms(tallies), config), lessons=lessons)
    meetings = _meetings(askings, asked.arms, panels)
    if not meetings:
        return asked
    with Duelling(meetings, config, may, watch or engine.SILENT) as duelling:
        took = await engine.arun(duelling, duelling.models, **duelling.rest())
        return _seated(asked, duelling.ended(took), meetings)


def _ready(found: Sequence[Row], config: Config, options: Options) -> None:
    """Raises `Faults` for judges that cannot be asked what they will be: before the replies are paid for."""
    arms = [arm for row in found for arm in row]
    shut = [(arm, judge) for arm in arms for judge in arm.judges.values() if closed(judge)]
    if not shut or options.cache == "only":
        return
    with Cache(config.state / "cache") if options.cache == "use" else nullcontext() as cache:
        faults = [fault for arm, judge in shut for fault in unready(judge, _rounds(arm, cache), cache)]
    if faults:
        raise Faults(dict.fromkeys(faults))


def _rounds(arm: Job | Stored, cache: Cache | None) -> Iterator[tuple[Request, ...]]:
    """What checks ask first about the replies of an arm, as far as they are known."""
    if isinstance(arm, Job):
        yield from rounds(arm.plan, arm.model, cache)
        return
    for flow in Recollection(arm.filed, arm.suite, refs(arm.judges)).flows():
        with suppress(StopIteration):
            yield next(flow)


def _looking(found: Sequence[Row], tallies: Tallies, config: Config, options: Options) -> Looking:
    """The anchors of every calibrated judge that was asked something new, or that a look is owed to."""
    dues: list[Due] = []
    for arm in (row[0] for row in found if options.cache != "only"):
        suite = arm.plan.suite if isinstance(arm, Job) else arm.suite
        fresh = {name.rpartition("\n")[2] for name, took in tallies.items() if took.sent and _judging(name, suite)}
        if not any(map(closed, arm.judges.values())):
            dues += due(suite, arm.judges, fresh, config)
    return Looking(dues, config.state)


def _looked(looking: Looking, may: engine.Limits, watch: engine.Watch | None) -> engine.Limits:
    """Has anchors judged again, where some are due; says what may still be taken after that."""
    if not len(looking):
        return may
    looking.postpone()
    took = engine.run(looking, looking.models, **looking.rest(may))
    _tell(looking.ended(took), watch)
    return left(may, took)


def _judging(account: str, suite: Suite) -> bool:
    """Whether an account is that of a judge for a run of the suite."""
    return account.startswith(f"{suite.name}\n") and account.count("\n") == 2


def _tell(lines: Sequence[str], watch: engine.Watch | None) -> None:
    for line in lines:
        (watch or engine.SILENT).note(line)


def _panels(
    askings: Sequence[Asking], found: Sequence[Row], config: Config, options: Options
) -> list[dict[str, Model]]:
    """Who judges the duels of each suite, looked for before anything is asked."""
    panels = [
        judges_of_duels(asking.suite, [_ref(arm) for arm in row], config, options.judge) if asking.rivals else {}
        for asking, row in zip(askings, found, strict=True)
    ]
    judges = [model for panel in panels for model in panel.values()]
    engine.check_prices({model.ref.name: model for model in judges}, limits(config, options))
    shut = [(row, judge) for row, panel in zip(found, panels, strict=True) for judge in panel.values() if closed(judge)]
    if shut and options.cache != "only":
        with Cache(config.state / "cache") if options.cache == "use" else nullcontext() as cache:
            faults = [fault for row, judge in shut if _buys(row, cache) for fault in why_closed(judge)]
        if faults:
            raise Faults(dict.fromkeys(faults))
    return panels


def _buys(row: Row, cache: Cache | None) -> bool:
    """Whether replies would be paid for that nobody could then judge."""
    return any(next(unknown(arm.plan, arm.model, cache), None) is not None for arm in row if isinstance(arm, Job))


def _ref(arm: Job | Stored) -> ModelRef:
    """The model whose replies they are."""
    return arm.model.ref if isinstance(arm, Job) else arm.ref


def _meetings(
    askings: Sequence[Asking], arms: Sequence[tuple[Arm, ...]], panels: Sequence[dict[str, Model]]
) -> list[Meeting]:
    """Each suite's first arm against each of its others."""
    return [
        Meeting(asking.suite, row[0], arm, panel)
        for asking, row, panel in zip(askings, arms, panels, strict=True)
        for name, arm in zip(dict.fromkeys(asking.arms), row, strict=True)
        if name in asking.rivals
    ]


def _seated(asked: Asked, runs: Sequence[DuelRun], meetings: Sequence[Meeting]) -> Asked:
    """The arms, those that duels were judged of with their duels."""
    judged = {id(each.tuned): run for each, run in zip(meetings, runs, strict=True)}
    arms = (
        tuple(replace(arm, duels=judged[id(arm)]) if id(arm) in judged else arm for arm in row) for row in asked.arms
    )
    return replace(asked, arms=tuple(arms))


def _readable(askings: Sequence[Asking], config: Config) -> None:
    """Raises `Faults` for calibrations of judges that cannot be read: before anything is paid for."""
    for asking in askings:
        known(config.baselines, config.state, asking.suite.name)


def _informed(rows: Sequence[Sequence[Arm]], config: Config) -> tuple[tuple[Arm, ...], ...]:
    """The arms with what is known of their judges."""
    return tuple(tuple(informed(arm, config) for arm in row) for row in rows)


def _learnt(askings: Sequence[Asking], options: Options) -> tuple[list[Asking], dict[str, Lessons]]:
    """The suites with their cases marked by how near they are to their training files, and what those teach."""
    found: dict[str, Lessons] = {}
    marked: list[Asking] = []
    for asking in askings:
        suite = asking.suite
        lessons = lessons_of(suite, options.train)
        if lessons is None:
            marked.append(asking)
            continue
        found[suite.name] = lessons
        marked.append(replace(asking, suite=tagged(suite, lessons, options.train)))
    return marked, found


def compare_asked(asked: Asked, options: Options = DEFAULT, *, via: bool = False) -> Panel:
    """Each suite's first arm against each of its others.

    via: whether the last arm is one between an old tune, which is the first, and new ones: it is shown beside each
    pair, and compared with none.
    """
    pairs: list[tuple[Arm, Arm]] = []
    between: list[Arm] = []
    for row in asked.arms:
        base, *others = row[:-1] if via else row
        pairs += [(base, tuned) for tuned in others]
        between += [row[-1]] * len(others)
    panel = _with_echoes(compare_all(pairs, seed=options.seed, version=version()), pairs, asked.lessons)
    panel = described(panel, pairs, asked.lessons, [arm for row in asked.arms for arm in row])
    if not via:
        return panel
    threes = zip(panel.comparisons, pairs, between, strict=True)
    return replace(
        panel, comparisons=tuple(replace(found, rebased=rebased(*pair, middle)) for found, pair, middle in threes)
    )


def _with_echoes(panel: Panel, pairs: Sequence[tuple[Arm, Arm]], lessons: Mapping[str, Lessons]) -> Panel:
    """The comparisons with what replies took from the training file, where that is at hand."""
    if not lessons:
        return panel
    found = zip(panel.comparisons, pairs, strict=True)
    return replace(
        panel,
        comparisons=tuple(
            _heard(each, *pair, lessons[each.suite.name]) if each.suite.name in lessons else each
            for each, pair in found
        ),
    )


def _heard(comparison: Comparison, base: Arm, tuned: Arm, lessons: Lessons) -> Comparison:
    if comparison.trained is None:
        return comparison
    heard = echoes(lessons, base, tuned)
    told = [*comparison.warnings, *_unread(lessons), *warnings(heard, tuned.run.model.name)]
    return replace(comparison, trained=replace(comparison.trained, echoes=heard), warnings=tuple(told))


def _unread(lessons: Lessons) -> Iterator[str]:
    if lessons.unread:
        lines = "1 line is no training example" if lessons.unread == 1 else f"{lessons.unread:,} lines are no examples"
        yield f"{Path(lessons.file).name}: {lines}, so cases like them count as unseen"


def compare_runs(paths: Sequence[Path], options: Options = DEFAULT, config: Config | None = None) -> Panel:
    """The first stored run against each of the others. config: of the project whose calibrations of judges count."""
    runs = [snapshots.named(store.read(path)) for path in paths]
    lessons = None
    if options.train is not None:
        from evalharness.tuning.lessons import learn

        lessons = learn(options.train)
        runs = [tagged_run(run, lessons, options.train) for run in runs]
    arms = [informed(Arm.of(run), config) if config else Arm.of(run) for run in runs]
    base, *others = arms
    pairs = [(base, with_duels(base, tuned)) for tuned in others]
    panel = compare_all(pairs, seed=options.seed, version=version())
    known = {} if lessons is None else {base.run.suite.name: lessons}
    return described(_with_echoes(panel, pairs, known), pairs, known, arms)


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
    standing = _standing(shelf, found.series[-1], config, options)
    return replace(found, warnings=tuple(shelf.warnings()), standing=standing)


def _standing(shelf: snapshots.Shelf, series: Series, config: Config, options: Options) -> Standing | None:
    """The newest snapshot against its reference by the rules of every comparison; None where it is the reference."""
    newest = series.names[-1]
    if newest == series.reference:
        return None
    named = (snapshots.read(shelf.get(name)) for name in (series.reference, newest))
    base, tuned = (informed(Arm.of(run), config) for run in named)
    runs = run_path(config, shelf.suite, "").parent  # where duels about what both said may lie
    pair = base, with_duels(base, tuned, runs)
    (comparison,) = compare_all([pair], seed=options.seed, version=version()).comparisons
    rulings = tuple(Held(each.aspect, each.outcome, each.sentence, each.remedy) for each in comparison.rulings)
    return Standing(newest, series.reference, comparison.verdict.outcome, rulings)


def rescore(
    path: Path,
    suite: Suite,
    config: Config,
    output: Path | None = None,
    options: Options = DEFAULT,
    watch: engine.Watch | None = None,
) -> Run:
    """A stored run graded by the checks that the suite has today; written beside it unless `output` says where.

    Cases that the suite has no more are left out, cases that it has since then are missing. No reply is asked for
    again; judges are, where what they would say is not known yet, and then their anchors.
    """
    run = store.read(path)
    if run.suite.name != suite.name:
        raise EvalError(
            f"{path} is a run of '{run.suite.name}', not of '{suite.name}'", "rescore with the suite it ran"
        )
    lessons = lessons_of(suite)
    suite = suite if lessons is None else tagged(suite, lessons)
    kept = {trial.conversation.case for trial in run.trials}
    cases = tuple(case for case in Plan(suite, run.model, run.suite.samples).cases() if case.case in kept)
    panel = judges(suite, config, options.judge, {})
    if faults := tuple(self_judged(suite, run.model, panel)):
        raise Faults(faults)
    ref = suite_ref(suite, run.suite.samples, instruments(suite, refs(panel)))
    was = run.suite
    ref = replace(ref, selected=was.selected, early=was.early, looks=was.looks, alpha=ref.alpha / was.looks)
    graded = replace(run, suite=ref, gate=suite.gate, cases=cases, snapshot=None)
    if run.snapshot and output is None:
        raise EvalError(f"{path} is a baseline, and only accepted runs lie beside it", "say where with -o FILE")
    target = output or path.with_name(f"{path.stem}.rescored.jsonl")
    keeps = panel and options.cache != "off"
    with store.Writer(target, graded) as writer, Cache(config.state / "cache") if keeps else nullcontext() as cache:
        tallies = engine.run(
            regrade(run, suite, Bench(suite.name, None, refs(panel))),
            {model.ref.name: model for model in panel.values()},
            cache=cache,
            limits=limits(config, options),
            finished=writer.add,
            watch=watch or engine.SILENT,
        )
        took = tuple((name, tallies[model.ref.name]) for name, model in panel.items())
        done = writer.finish(run.tally, took) if run.tally else writer.stop()
    fresh = {name for name, tally in tallies.items() if tally.sent}
    _looked(Looking([*due(suite, panel, fresh, config)], config.state), left(limits(config, options), tallies), watch)
    return done
