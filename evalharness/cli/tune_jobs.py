"""`tune start`, `watch`, `list`, `cancel`: a training file becomes a model on a server, and nothing happens twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evalharness.cli.options import JSON, Verb, config, gathered, leave, shown
from evalharness.errors import EvalError
from evalharness.escape import terminal

if TYPE_CHECKING:
    from evalharness.config import Arm, Config
    from evalharness.records import Payload
    from evalharness.tuning.job import Order, Patience, Telling
    from evalharness.tuning.remote import Remote
    from evalharness.tuning.state import Desk, TuneJob

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,59}")

QUIET = click.option("-q", "--quiet", is_flag=True, help="Tell only how it ended.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a tune is made from: options of `tune start`."""

    model: str
    validation: Path | None = None
    suffix: str | None = None
    seed: int | None = None
    method: Literal["supervised", "dpo"] = "supervised"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    beta: float | None = None
    name: str | None = None
    again: bool = False
    no_check: bool = False

    def settings(self) -> Payload:
        """The method as it is sent; nothing where the server is to choose all of it."""
        names = {"n_epochs": self.epochs, "batch_size": self.batch_size, "learning_rate_multiplier": self.learning_rate}
        if self.method == "dpo":
            names["beta"] = self.beta
        elif self.beta is not None:
            raise EvalError("--beta belongs to --method dpo", "leave it out, or tune with --method dpo")
        given = {name: value for name, value in names.items() if value is not None}
        if not given and self.method == "supervised":
            return {}
        return {"type": self.method, self.method: {"hyperparameters": given}}


@dataclass(frozen=True, slots=True)
class Where:
    """Which server: options for a model that the config does not name."""

    base_url: str | None = None
    api_key_env: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How a job is watched, and what comes after it."""

    poll: float = 2.0
    deadline: float | None = None
    then: tuple[str, str] | None = None
    as_json: bool = False
    quiet: bool = False

    def patience(self) -> Patience:
        """The same for what makes a job."""
        from evalharness.tuning.job import Patience

        return Patience(first=self.poll, most=max(60.0, self.poll), deadline=self.deadline)

    def long_patience(self) -> Patience:
        """The same for what watches one: a server may be away for a quarter of an hour."""
        return replace(self.patience(), tries=20)


WANTED = (
    click.option("--model", metavar="NAME", required=True, help="What to tune: of the config, or the server's name."),
    click.option(
        "--validation", metavar="FILE", type=click.Path(path_type=Path), help="Measure the loss on this file too."
    ),
    click.option("--suffix", metavar="TEXT", help="Becomes part of the tuned model's name."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Of the tune; else made from all the rest."),
    click.option(
        "--method",
        type=click.Choice(["supervised", "dpo"]),
        default="supervised",
        show_default=True,
        help="dpo: learn from preferred and other replies.",
    ),
    click.option("--epochs", type=click.IntRange(1), help="How often each example is learnt; else the server chooses."),
    click.option("--batch-size", type=click.IntRange(1), help="Examples a step; else the server chooses."),
    click.option(
        "--learning-rate", metavar="X", type=float, help="Multiplier of the learning rate; else the server's."
    ),
    click.option("--beta", type=float, help="With --method dpo: how close to stay to the model that is tuned."),
    click.option("--name", metavar="NAME", help="What to call the job here; else made from the suffix or the file."),
    click.option("--again", is_flag=True, help="Tune once more, although the same was done before."),
    click.option("--no-check", is_flag=True, help="Send the files without looking into them first."),
)
WHERE = (
    click.option("--base-url", metavar="URL", help="The server, up to and with /v1; else that of the model."),
    click.option("--api-key-env", metavar="VARIABLE", help="The variable with the key; else that of the model."),
)
WAITING = (
    click.option(
        "--poll",
        metavar="SECONDS",
        type=click.FloatRange(0.05),
        default=2.0,
        show_default=True,
        help="Between two looks at first; longer while nothing happens.",
    ),
    click.option("--deadline", metavar="SECONDS", type=click.FloatRange(0), help="Watch no longer; the job goes on."),
    click.option(
        "--then",
        metavar="compare SUITE",
        type=(click.Choice(["compare"]), str),
        help="On success, compare the tune with its base on a suite.",
    ),
    JSON,
    QUIET,
)


def _waiting(verb: Verb) -> Verb:
    return gathered(verb, "waiting", lambda: Waiting, WAITING)


def _wanting(verb: Verb) -> Verb:
    return gathered(gathered(verb, "where", lambda: Where, WHERE), "wanted", lambda: Wanted, WANTED)


@click.command("start")
@click.argument("training", metavar="FILE", type=click.Path(path_type=Path))
@_wanting
@click.option("--detach", is_flag=True, help="Create the job and leave; `tune watch` picks it up.")
@_waiting
@click.pass_context
def start_verb(
    ctx: click.Context, training: Path, wanted: Wanted, where: Where, detach: bool, waiting: Waiting
) -> None:
    """Tune a model on a training file, and watch until it is done.

    \b
    evalharness tune start train.jsonl --model gpt-4o-mini --suffix marv
    evalharness tune start train.jsonl --model base --validation valid.jsonl --then compare suites/marv.yaml

    Works on any server with the endpoints. The same command again, after Ctrl-C, a crash or a lost connection, goes on
    where it was: no file is sent twice, no second job is made. Ctrl-C does not cancel the job.
    """
    from evalharness.cli.tune_telling import watcher
    from evalharness.tuning.job import start
    from evalharness.tuning.state import Desk

    settings = config()
    desk = Desk(settings.state)
    model, remote = _server(wanted.model, where, settings)
    hint = "the same command again goes on where this one was; nothing is made twice"
    with _told_if_interrupted(hint), closing(remote), watcher(quiet=waiting.quiet or waiting.as_json) as told:
        _look_into(training, wanted, told)
        order = _order(training, wanted, model)
        job = _job(order, remote, desk, again=wanted.again)
        _warn(remote, model, told)
        job = start(job, remote, desk, waiting.patience(), told)
    if detach:
        _print(job, as_json=waiting.as_json)
        return
    _watch(ctx, job, settings, waiting)


@click.command("watch")
@click.argument("job", metavar="JOB")
@_waiting
@click.pass_context
def watch_verb(ctx: click.Context, job: str, waiting: Waiting) -> None:
    """Watch a job that was started before, by its name or its id, to its end.

    \b
    evalharness tune watch marv-3fa2c1

    Its state is on this disk (`tune list`); the key comes from the same variable as when it was started.
    """
    from evalharness.tuning.state import Desk

    settings = config()
    found = Desk(settings.state).find(job)
    if found.job is None:
        again = f"evalharness tune start {found.training.path} --model {found.model} ..."
        raise EvalError(f"'{found.name}' was wanted, and never created on a server", f"the same command again: {again}")
    _watch(ctx, found, settings, waiting)


@click.command("list")
@JSON
def list_verb(as_json: bool) -> None:
    """List the tuning jobs of this project, as they were last seen. Asks no server."""
    from evalharness.layout import aligned
    from evalharness.tuning.state import Desk

    jobs = Desk(config().state).jobs()
    if as_json:
        click.echo(json.dumps([asdict(job) for job in jobs], indent=2))
        return
    if not jobs:
        click.echo("no tuning job yet; `evalharness tune start FILE --model NAME` makes one")
        return
    rows = [("name", "status", "began", "base", "tuned model")]
    rows += [(job.name, job.status, job.began[:10], job.model, job.tuned or "-") for job in jobs]
    for line in aligned([[(terminal(cell), "") for cell in row] for row in rows], set()):
        click.echo("".join(text for text, _ in line))


@click.command("cancel")
@click.argument("job", metavar="JOB")
def cancel_verb(job: str) -> None:
    """Ask the server to end a job. What it has trained is lost, but for checkpoints."""
    from evalharness.tuning.job import status_of
    from evalharness.tuning.state import Desk

    desk = Desk(config().state)
    found = desk.find(job)
    if found.job is None:
        raise EvalError(f"'{found.name}' was never created on a server, so there is nothing to cancel")
    with closing(_remote(found)) as remote:
        said = remote.cancel(found.job)
    found = desk.save(replace(found, status=status_of(said)))
    click.echo(terminal(f"{found.name} ({found.job}): {found.status}"))


def _watch(ctx: click.Context, job: TuneJob, settings: Config, waiting: Waiting) -> None:
    """Watches, prints how it ended, and goes on with what is to come then."""
    from evalharness.cli.tune_telling import watcher
    from evalharness.tuning.state import Desk
    from evalharness.tuning.watch import Watching

    desk = Desk(settings.state)
    hint = f"the job goes on: `evalharness tune watch {job.name}`, or `evalharness tune cancel {job.name}`"
    quiet = waiting.quiet or waiting.as_json
    with _told_if_interrupted(hint), closing(_remote(job)) as remote, watcher(quiet=quiet) as told:
        job = Watching(job, remote, desk, waiting.long_patience(), told).ended()
    goes_on = job.status == "succeeded" and waiting.then is not None
    _print(job, as_json=waiting.as_json, then=goes_on)
    if goes_on and waiting.then is not None:
        from evalharness.cli.compare import compare_verb

        base, tuned = _arms(job)
        ctx.invoke(compare_verb, targets=(waiting.then[1],), base=base, tuned=(tuned,), quiet=waiting.quiet)
    leave(_status(job))


@contextmanager
def _told_if_interrupted(hint: str) -> Iterator[None]:
    """Says after a Ctrl-C how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        stopped = EvalError("interrupted", hint)
        stopped.exit_code = 130
        raise stopped from None


def _status(job: TuneJob) -> int:
    """2 where the job's files are at fault, 3 where it just has no model."""
    if job.status == "succeeded":
        return 0 if job.tuned else 3
    return 2 if job.status == "failed" and job.error and "file" in job.error else 3


def _server(name: str, where: Where, settings: Config) -> tuple[str, Remote]:
    """What the server calls a model, and the server."""
    from evalharness.models.base import open_model
    from evalharness.tuning.remote import Remote

    arm = _arm(name, settings)
    ref = open_model(arm).ref
    if ref.kind != "openai":
        raise EvalError(f"model '{name}' is of the kind '{ref.kind}', which cannot be tuned", "name one of a server")
    variable = where.api_key_env or arm.api_key_env
    return ref.target, Remote(where.base_url or ref.base_url, variable)


def _arm(name: str, settings: Config) -> Arm:
    from evalharness.config import Arm
    from evalharness.records import ModelRef

    if name in settings.models or name.startswith(("openai:", "job:")):
        return settings.arm(name)
    return Arm(ModelRef(name, f"openai:{name}"), place=f"model '{name}'")


def _remote(job: TuneJob) -> Remote:
    from evalharness.tuning.remote import Remote

    return Remote(job.server, job.api_key_env)


def _order(training: Path, wanted: Wanted, model: str) -> Order:
    from evalharness.tuning.job import Order

    if wanted.name is not None and not NAME.fullmatch(wanted.name):
        what = f"--name {wanted.name}: a job is called by letters, digits, '.', '_' and '-', 60 at most"
        raise EvalError(what, "for example --name marv-2")
    return Order(model, training, wanted.validation, wanted.suffix, wanted.seed, wanted.settings(), wanted.name)


def _job(order: Order, remote: Remote, desk: Desk, *, again: bool) -> TuneJob:
    """The job of an order; `again`: the first one of it that was not wanted yet."""
    from evalharness.tuning.job import ordered

    job = ordered(order, remote)
    while again and desk.job(job.name) is not None:
        order = replace(order, attempt=order.attempt + 1)
        job = ordered(order, remote)
    return job


def _look_into(training: Path, wanted: Wanted, told: Telling) -> None:
    """Looks into the files as `tune check` does, before anything is sent."""
    from evalharness.tuning.preflight import look_into

    if wanted.no_check:
        return
    for path in (training, wanted.validation):
        if path is not None and (line := look_into(path, wanted.method, validation=path is not training)):
            told.note(line)


def _warn(remote: Remote, model: str, told: Telling) -> None:
    from evalharness.tuning.preflight import shutdown

    if line := shutdown(remote, model):
        told.note(line)


def _arms(job: TuneJob) -> tuple[str, str]:
    """The base and the tune as `compare` is told them."""
    return f"job:{job.name}@base", f"job:{job.name}"


def _print(job: TuneJob, *, as_json: bool, then: bool = False) -> None:
    if as_json:
        click.echo(json.dumps(asdict(job), indent=2))
        return
    for line in _lines(job, then=then):
        click.echo(terminal(line))


def _lines(job: TuneJob, *, then: bool) -> Sequence[str]:
    lines = [f"{job.name} ({job.job}): {job.status}"]
    if job.error:
        lines.append(f"  why:     {job.error}")
    if job.tuned:
        lines.append(f"  model:   {job.tuned}")
    if job.trained_tokens:
        lines.append(f"  learnt:  {job.trained_tokens:,} tokens")
    lines += _checkpoint_lines(job)
    if job.result:
        lines.append(f"  figures: {shown(config().folder / job.result)}")
    base, tuned = _arms(job)
    if then:
        return lines
    if job.status == "succeeded" and job.tuned:
        lines.append(f"next:   evalharness compare SUITE --base {base} --tuned {tuned}")
    elif not job.ended:
        lines.append(f"next:   evalharness tune watch {job.name}")
    elif job.status == "failed":
        lines.append("next:   mend the file and run the same command again; --again where only the server was at fault")
    return lines


def _checkpoint_lines(job: TuneJob) -> Sequence[str]:
    from evalharness.layout import aligned
    from evalharness.tuning.measures import overfit

    if not job.checkpoints:
        return ()
    rows = [("step", "training loss", "validation loss", "as a model")]
    for point in job.checkpoints:
        name = f"job:{job.name}" if point.model == job.tuned else f"job:{job.name}@{point.step}"
        losses = ["-" if loss is None else f"{loss:.4g}" for loss in (point.train_loss, point.valid_loss)]
        rows.append((str(point.step), losses[0], losses[1], name))
    table = aligned([[(cell, "") for cell in row] for row in rows], {0, 1, 2})
    lines = [f"  {''.join(text for text, _ in line)}" for line in table]
    if best := overfit(job.checkpoints):
        lines.append(f"  validation loss was lowest at step {best.step}: compare job:{job.name}@{best.step} too")
    return lines
