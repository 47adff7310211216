"""`demo`: the whole loop of fine-tuning on this machine, with the commands that anybody could type."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli import demo_curve, demo_steps
from evalharness.cli.options import leave, shown
from evalharness.errors import EvalError

if TYPE_CHECKING:
    from evalharness.findings import Comparison
    from evalharness.serving.app import Server


@click.command("demo")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--curve", is_flag=True, help="How much data does it take? Tune on 10 to 160 examples and draw it.")
@click.pass_context
def demo_verb(ctx: click.Context, folder: Path | None, curve: bool) -> None:
    """Show the whole loop in a minute: check a training file, tune three ways, compare, report. No key, no network.

    \b
    evalharness demo
    evalharness demo somewhere/else
    evalharness demo --curve

    Everything goes into FOLDER, a new one: ./evalharness-demo, or with a number behind it. A server of the tiny model
    runs on this machine as long as the command does. Each command is printed before it runs, and can be typed.
    """
    if folder is not None and (folder.exists() or folder.is_symlink()):
        raise EvalError(f"{folder}: is there already", "demo overwrites nothing: give it the name of a new folder")
    where = (folder or demo_steps.free(demo_steps.FOLDER)).absolute()
    began = time.monotonic()
    _write(where, demo_curve.files() if curve else demo_steps.files())
    click.echo(f"$ cd {shlex.quote(shown(where))}")
    with contextlib.chdir(where), _serving(where) as server:
        for step in demo_curve.steps() if curve else demo_steps.steps():
            _run(step, ctx.find_root().command)
        found = _found([demo_curve.arm(size) for size in demo_curve.SIZES] if curve else demo_steps.ARMS)
    if curve:
        show_curve(demo_curve.points(found), where)
        return
    for line in _closing(where, server, found, time.monotonic() - began):
        click.echo(line)


def show_curve(measured: Sequence[demo_curve.Measured], where: Path) -> None:
    """Prints the chart, and writes its page into a folder."""
    from evalharness.cli.showing import width
    from evalharness.store import write_text

    page = where / "reports" / demo_curve.PAGE
    write_text(page, iter([demo_curve.page(measured)]))
    click.echo("")
    for line in demo_curve.chart(measured, width(), ascii_only=not _carries(sys.stdout)):
        click.echo(line)
    click.echo(f"\nreport: {shown(page)}")


def _carries(stream: object) -> bool:
    """Whether the output can show the chart's characters."""
    try:
        "█·".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _write(where: Path, files: Mapping[str, str]) -> None:
    from evalharness.store import write_text

    for name, text in files.items():
        write_text(where / name, iter([text]))


@contextlib.contextmanager
def _serving(where: Path) -> Iterator[Server]:
    """A server of the tiny model, named by the variables as long as it is there."""
    from evalharness.escape import terminal
    from evalharness.serving.app import Server, Settings
    from evalharness.serving.tiny import Tiny

    state = where / ".evalharness/server"
    settings = Settings(state, note=lambda text: click.echo(terminal(text), err=True))
    with Server(Tiny.loaded(), settings) as server:
        ours = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "local"}
        click.echo(f"$ evalharness serve --port {_port(server)} &")
        click.echo(f"$ export {' '.join(f'{name}={value}' for name, value in ours.items())}")
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)
        try:
            yield server
        except (EvalError, KeyboardInterrupt, click.exceptions.Exit):
            click.echo(f"the server ends too; `{_again(str(where), server)}` takes up what it was doing", err=True)
            raise
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _again(where: str, server: Server) -> str:
    """What to type for the same server."""
    return f"cd {shlex.quote(where)} && evalharness serve --port {_port(server)}"


def _port(server: Server) -> str:
    return server.url.removesuffix("/v1").rpartition(":")[2]


def _run(step: demo_steps.Step, group: click.Command) -> None:
    """Types a command and shows what it prints; ends the demonstration where it ends in another way than meant."""
    click.echo(f"\n# {step.why}\n$ {step.line}")
    _flush()
    copy = _Copy(sys.stdout)
    with contextlib.redirect_stdout(copy) if step.brief else contextlib.nullcontext():
        ended: object = group.main([*step.words], prog_name="evalharness", standalone_mode=False)
    status = ended if isinstance(ended, int) else 0
    if step.brief:
        text = copy.getvalue()
        Path(demo_steps.FULL).write_text(click.unstyle(text), "utf-8", newline="\n")
        click.echo(demo_steps.abridged(text), nl=False)
    _flush()
    if status in (130, 143):
        leave(status)
    if status not in step.ends:
        stopped = EvalError(
            f"`{step.line}` ended with status {status}, so the demonstration stops here",
            f"what there is stays in {shown(Path())}; `evalharness doctor` looks at the installation",
        )
        stopped.exit_code = 3
        raise stopped


class _Copy(io.StringIO):
    """Takes what is meant for a stream, and is as wide, as colourful and as able as that one."""

    def __init__(self, stream: io.TextIOBase | object) -> None:
        super().__init__()
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override] # a StringIO has none
        """The stream's."""
        return str(getattr(self._stream, "encoding", None) or "ascii")

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        asked = getattr(self._stream, "isatty", None)
        return bool(asked and asked())


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _found(arms: Sequence[str]) -> tuple[Comparison, ...]:
    """The comparison of each tune, as the reports have it."""
    from evalharness.reports import json

    found: list[Comparison] = []
    for arm in arms:
        path = Path("reports", demo_steps.folder(arm), "comparison.json")
        found += json.load(path.read_text("utf-8"), str(path)).comparisons
    return tuple(found)


def _closing(where: Path, server: Server, found: tuple[Comparison, ...], seconds: float) -> Iterator[str]:
    """What was seen, where it is, and what to type next."""
    reports = where / "reports" / demo_steps.folder(demo_steps.GOOD.arm)
    yield "\nWHAT WAS SEEN"
    yield from demo_steps.seen(found)
    yield "\nIn each the loss fell, and only the comparison tells which of the three is any good."
    yield f"It took {seconds:.0f} seconds, and nothing was staged: the model is tiny, its tunes are real.\n"
    yield f"report:       {shown(reports / 'index.html')}"
    yield f"release note: {shown(reports / 'release-notes.md')}"
    yield f"next:   {_again(shown(where), server)}   (the same server, with its tunes)"
    yield "        the same commands work on any other server: OPENAI_BASE_URL and OPENAI_API_KEY name it,"
    yield f"        and evalharness.toml the base ({demo_steps.BASE})"
