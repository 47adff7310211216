"""The bar: drawn where somebody looks, silent elsewhere, gone when a run is over."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalharness.progress import Bar, drawable

ROOT = Path(__file__).parents[1]

PROGRAM = """
import sys
from evalharness.progress import Bar
clock = iter(range(10_000))
bar = Bar(sys.stderr, quiet=sys.argv[1] == "quiet", now=lambda: next(clock) / 10)
try:
    bar.planned(50)
    for place in range(50):
        bar.answered(cached=place < 10, usd=0.0 if place < 10 else 0.001)
        if place == 40:
            bar.failed("limit")
            bar.note("model 'x': \\x1b[31mred\\x1b[0m caf\\u00e9")
        if place == 45 and sys.argv[1] == "interrupted":
            raise KeyboardInterrupt
        bar.finished()
except KeyboardInterrupt:
    pass
finally:
    bar.ended()
    print("rich" in sys.modules)
"""


class Closed(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.close()


def on_a_terminal(word: str, **environment: str) -> tuple[str, str]:
    """What the program draws on a terminal of 100 columns, and what it prints."""
    leader, follower = os.openpty()
    env = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "100", "PYTHONPATH": str(ROOT), **environment}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, word], stderr=follower, stdout=subprocess.PIPE, env=env
    ) as process:
        os.close(follower)
        drawn = b""
        try:
            while chunk := os.read(leader, 65536):
                drawn += chunk
        except OSError:  # how a terminal ends on Linux
            pass
        finally:
            os.close(leader)
        assert process.stdout is not None
        return drawn.decode(), process.stdout.read().decode()


def test_a_terminal_gets_a_bar_with_rate_price_and_failures_that_is_taken_away() -> None:
    drawn, printed = on_a_terminal("loud")

    assert "50/50" in drawn or "49/50" in drawn
    assert "USD" in drawn
    assert "10 known" in drawn
    assert "1 failed (limit 1)" in drawn
    assert drawn.rstrip("\r\n").endswith(("\x1b[2K", "\x1b[?25h", "\x1b[1A\x1b[2K"))
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1  # the cursor is hidden once, and shown again
    assert printed == "True\n"


def test_a_note_stands_above_the_bar_and_moves_no_cursor() -> None:
    drawn, _ = on_a_terminal("loud")

    assert "model 'x': \\x1b[31mred\\x1b[0m café" in drawn


def test_an_interrupt_takes_the_bar_away_and_shows_the_cursor_again() -> None:
    drawn, _ = on_a_terminal("interrupted")

    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 1


def test_it_draws_in_a_c_locale_with_what_ascii_has() -> None:
    drawn, printed = on_a_terminal(
        "loud", LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0", PYTHONIOENCODING="ascii"
    )

    assert drawn.isascii()
    assert "/50" in drawn
    assert "caf\\xe9" in drawn
    assert printed == "True\n"


@pytest.mark.parametrize(("word", "term"), [("quiet", "xterm"), ("loud", "dumb")])
def test_quiet_or_on_a_dumb_terminal_only_notes_are_printed(word: str, term: str) -> None:
    drawn, printed = on_a_terminal(word, TERM=term)

    assert drawn == "model 'x': \\x1b[31mred\\x1b[0m café\r\n"
    assert printed == "False\n"


def test_a_pipe_gets_notes_and_nothing_else() -> None:
    pipe = io.StringIO()
    bar = Bar(pipe)

    bar.planned(2)
    bar.answered(cached=False, usd=0.1)
    bar.note("one line")
    bar.finished()
    bar.ended()

    assert pipe.getvalue() == "one line\n"


@pytest.mark.parametrize(("quiet", "said"), [(False, "waiting\n"), (True, "")])
def test_what_a_signal_waits_for_is_said_unless_quiet(quiet: bool, said: str) -> None:
    pipe = io.StringIO()

    Bar(pipe, quiet=quiet).stopping("waiting")

    assert pipe.getvalue() == said


def test_a_stream_that_is_closed_is_no_error() -> None:
    bar = Bar(Closed())

    bar.answered(cached=True, usd=0.0)
    bar.note("nobody reads this")
    bar.ended()

    assert not drawable(Closed())


def test_the_status_says_rate_price_known_and_failed() -> None:
    clock = iter([0.0, *[4.0] * 20])
    bar = Bar(io.StringIO(), now=lambda: next(clock))

    for _ in range(6):
        bar.answered(cached=False, usd=0.25)
    bar.answered(cached=True, usd=0.0)
    bar.failed("limit")
    bar.failed("limit")
    bar.failed("gone")

    assert bar.status() == "1.5/s, 1.5000 USD, 1 known, 3 failed (limit 2, gone 1)"


def test_a_price_that_is_not_known_is_not_shown_as_nothing() -> None:
    clock = iter([0.0, *[2.0] * 20])
    bar = Bar(io.StringIO(), now=lambda: next(clock))

    bar.answered(cached=False, usd=0.25)
    bar.answered(cached=False, usd=None)

    assert bar.status() == "1.0/s"


def test_what_is_left_is_an_upper_bound_while_flows_may_be_spared() -> None:
    bar = Bar(io.StringIO())

    bar.spared(0, maybe=60)
    bar.planned(100)
    before = bar.flows, bar.at_most
    bar.spared(40, maybe=0)

    assert before == (100, True)
    assert (bar.flows, bar.at_most) == (60, False)


def test_several_runs_add_up() -> None:
    bar = Bar(io.StringIO())

    bar.planned(3)
    bar.planned(None)
    bar.planned(4)

    assert bar.flows == 7
