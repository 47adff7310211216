"""`serve`: a tiny, really trained model behind the protocol that hosted services speak, on this machine."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import click

from evalharness.cli.options import config
from evalharness.errors import EvalError
from evalharness.escape import terminal

PORT = 8377


@click.command("serve")
@click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option("--state", metavar="DIR", type=click.Path(path_type=Path), help="Keep files, jobs and models there.")
@click.option("--misbehave", metavar="KIND:SHARE,...", default="", help="Fail so often on purpose: see docs/serve.md.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of what --misbehave draws.")
@click.option("--shutdown-date", metavar="DATE", help="Say that the models will be gone from that day on.")
def serve_verb(host: str, port: int, state: Path | None, misbehave: str, seed: int, shutdown_date: str | None) -> None:
    """Serve a tiny model on this machine, for chats, files, tuning jobs and batches.

    \b
    evalharness serve
    evalharness serve --port 0 --misbehave "429:0.1,500:0.05,lost:0.02"

    It speaks the OpenAI protocol, so any client of that can be pointed at it. Tuning jobs really train. What is
    uploaded and tuned is kept in .evalharness/server/ and found again after a restart. Ctrl-C ends it.
    """
    from evalharness.serving.app import Server, Settings
    from evalharness.serving.misbehaviour import Temper, habits
    from evalharness.serving.tiny import Tiny

    folder = state.absolute() if state else config().state / "server"
    temper = Temper(habits(misbehave), seed)
    settings = Settings(
        folder, host, port, temper, _day(shutdown_date), note=lambda text: click.echo(terminal(text), err=True)
    )
    brain = Tiny.loaded()
    with _signals() as ended, Server(brain, settings) as server:
        click.echo(_opening(server.url, brain.names[0]))
        ended.wait()
    click.echo("ended; what was uploaded and tuned is kept", err=True)


def _opening(url: str, model: str) -> str:
    """What to type elsewhere."""
    body = f'{{"model": "{model}", "messages": [{{"role": "user", "content": "What is the capital of France?"}}]}}'
    return "\n".join(
        [
            f"serving {model} at {url}; Ctrl-C ends it",
            "",
            f"export OPENAI_BASE_URL={url}",
            "export OPENAI_API_KEY=local",
            f"curl {url}/chat/completions -H 'Content-Type: application/json' -d '{body}'",
        ]
    )


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise EvalError(f"--shutdown-date {text}: not a date", "for example 2027-01-14") from None


@contextmanager
def _signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set, so that the server ends in good order."""
    ended = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: ended.set())
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
