"""What a tune tells while it goes on: lines into a pipe, a curve on a terminal, nothing but notes where quiet."""

from __future__ import annotations

import io

from evalharness.cli.tune_telling import Teller
from evalharness.tuning.measures import Event, Measured
from evalharness.tuning.state import TrainingFile, TuneJob

JOB = TuneJob("marv", "0" * 32, "http://127.0.0.1:1/v1", "m", TrainingFile("a", "0" * 64, 1), status="running")


def step(number: int, of: int = 0, valid: float | None = None) -> Event:
    return Event(f"e{number}", number, "info", f"Step {number}", Measured(number, 1 / number, valid, of))


def test_a_pipe_gets_a_line_for_every_twentieth_part_of_the_steps() -> None:
    out = io.StringIO()
    teller = Teller(out)

    for number in range(1, 101):
        teller.event(step(number, 100))

    lines = out.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "step 1/100",
        *[f"step {number}/100" for number in range(5, 101, 5)],
    ]


def test_a_pipe_gets_every_step_where_nobody_says_how_many_there_will_be() -> None:
    out = io.StringIO()
    teller = Teller(out)

    for number in (1, 2, 3):
        teller.event(step(number, valid=0.5))

    assert out.getvalue() == (
        "step 1, training loss 1, validation loss 0.5\n"
        "step 2, training loss 0.5, validation loss 0.5\n"
        "step 3, training loss 0.3333, validation loss 0.5\n"
    )


def test_what_a_server_writes_moves_no_cursor() -> None:
    out = io.StringIO()

    Teller(out).event(Event("e", 1, "warn", "\x1b[2Jgone \u202etxt"))

    assert out.getvalue() == "warn: \\x1b[2Jgone \\u202etxt\n"


def test_quiet_tells_notes_alone() -> None:
    out = io.StringIO()
    teller = Teller(out, quiet=True)

    teller.status(JOB)
    teller.event(step(1))
    teller.event(Event("e", 1, "info", "hello"))
    teller.note("the server is away")

    assert out.getvalue() == "the server is away\n"


def test_a_terminal_shows_a_curve_that_stays_and_lines_above_it() -> None:
    out = io.StringIO()
    teller = Teller(out, draws=True)

    teller.event(step(1, 4))
    teller.event(step(4, 4))
    teller.status(JOB)
    teller.ended()

    shown = out.getvalue()
    assert "step 4/4, training loss 0.25" in shown
    assert "marv: running" in shown
    assert "training" in shown.splitlines()[-2]


def test_a_stream_that_is_closed_ends_nothing() -> None:
    out = io.StringIO()
    out.close()
    teller = Teller(out, draws=True)

    teller.event(step(1))
    teller.event(step(2))
    teller.note("still here")
    teller.ended()
