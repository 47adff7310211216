"""The command line. A verb is a file here, or shares one; by the table below `--help` imports none of them."""

from __future__ import annotations

import gc
import importlib
import os
import sys

import click

from evalharness.errors import EvalError

VERBS = {
    "init": ("init", "Write a first suite, a config and a model to ask, ready to run."),
    "run": ("run", "Ask suites of one model, score the replies, write run files."),
    "compare": ("compare", "Ask what is missing of two models or more; print the flips and a verdict."),
    "report": ("report", "Render a comparison again, offline."),
    "accept": ("accept", "Make a run the baseline of its suite, after showing what changed."),
    "rescore": ("run", "Grade stored replies again with the checks a suite has today."),
    "merge": ("run", "Join run files of one suite and model into one."),
    "label": ("label", "Label replies that a judge graded, without seeing who wrote them."),
    "judge": ("judge", "Say how far a judge agrees with people, and whether it may gate."),
    "history": ("history", "Show the accepted snapshots of a suite in order, with charts that see a slow slide."),
    "plan": ("plan", "Say how many requests a run takes, their price, and what it could show."),
    "lint": ("suites", "Read suites and print every fault."),
    "schema": ("suites", "Print the JSON Schema of suite files, for editors."),
    "list": ("suites", "List the kinds of checks, models and reports there are."),
    "voice": ("voice", "Count the style of a file of replies, and say how far another is from it."),
    "tune": ("tune", "Check a training file, tune a model on it, watch the job."),
    "serve": ("serve", "Serve a tiny model on this machine, for chats and for tuning jobs."),
    "demo": ("demo", "Show the whole loop in a minute: tune three ways, compare, report."),
    "cache": ("cache", "Look into the answer cache, or clear parts of it."),
    "doctor": ("doctor", "Look at the installation, the config and the keys."),
}


class Verbs(click.Group):
    """Imports a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of a working day."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"evalharness.cli.{VERBS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_verb")
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest verb for a mistyped one."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], VERBS, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(VERBS)}"
            raise EvalError(f"there is no verb '{args[0]}'", hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table above, without an import."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="evalharness", prog_name="evalharness", message="%(prog)s %(version)s")
def group() -> None:
    """Did the tune hold? Suites in YAML, two models, a diff table and an honest verdict.

    Exit status: 0 held, improved or done; 1 regressed, or a must_pass case failed; 2 bad usage or input; 3 incomplete;
    4 inconclusive; 130 interrupted; 143 terminated.
    """


def main() -> None:
    """Runs a verb. A user's mistake is a line or a few, never a traceback."""
    status = 0
    # A command makes many values that live to its end and few circles: looking for circles less often saves 5 to 8 %.
    gc.set_threshold(50_000, 20, 50)
    try:
        _unbreakable_output()
        ended: object = group.main(prog_name="evalharness", standalone_mode=False)
        status = ended if isinstance(ended, int) else 0
    except click.ClickException as error:
        error.show()
        status = 2
    except EvalError as error:
        from evalharness.escape import terminal  # costs what `--help` need not pay

        say(terminal(str(error), lines=True))  # it quotes files and names, which may hold anything
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say("interrupted")
        status = 130
    except BrokenPipeError:
        status = 0
    except OSError as error:  # stdout is a file on a full disk, say; files of ours have their own errors
        say(f"the output cannot be written: {error.strerror or error}")
        status = 3
    _leave(status)


def say(text: str) -> None:
    """A line for the user that is not the result: to stderr, also where stderr cannot show every character."""
    if sys.stderr is not None:
        click.echo(text, err=True)


def _unbreakable_output() -> None:
    """No reply may end a command because the terminal cannot show one of its characters."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _leave(status: int) -> None:
    """Ends with the status also when whoever read stdout has gone."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError) and status != 3:
            say(f"the output cannot be written: {error.strerror or error}")
            status = 3
    sys.exit(status)
