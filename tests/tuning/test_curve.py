"""The loss curve in characters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalharness.layout import cells
from evalharness.tuning.curve import drawn
from evalharness.tuning.measures import Measured

losses = st.floats(0, 1e9, allow_nan=False)


def test_a_straight_fall_goes_from_the_upper_left_to_the_lower_right() -> None:
    lines = drawn([Measured(1, 4.0), Measured(4, 1.0)], 30, height=4, ascii_only=True)

    assert lines == [
        "       4 +.....",  # 40 by 16 dots: y = round(15 x / 39), so each row of four has ten dots across
        "         |     .....",
        "         |          .....",
        "       1 +               .....",
        "         +--------------------",
        "          1                  4",
        "          .. training",
    ]


def test_validation_loss_is_a_mark_of_its_own() -> None:
    lines = drawn([Measured(1, 4.0, 2.0), Measured(2, 1.0, 3.0)], 30, height=4)

    assert [line.index("×") for line in lines if "×" in line and "training" not in line] == [29, 10]
    assert lines[-1].endswith("⠒⠒ training, × validation")


def test_steps_to_come_leave_room() -> None:
    lines = drawn([Measured(1, 4.0), Measured(2, 1.0, of=100)], 60, height=4, ascii_only=True)

    assert max(len(line) for line in lines[:4]) < 15
    assert lines[-2].split() == ["1", "100"]


def test_one_step_is_no_curve() -> None:
    assert drawn([Measured(1, 4.0)], 60) == []


def test_a_loss_that_does_not_move_is_a_level_line() -> None:
    lines = drawn([Measured(1, 2.0), Measured(9, 2.0)], 30, height=3, ascii_only=True)

    assert [line.count(".") for line in lines[:3]] == [0, 0, 20]


@given(st.lists(st.tuples(losses, st.none() | losses), min_size=2, max_size=40), st.integers(1, 200), st.booleans())
def test_no_line_is_wider_than_the_terminal(points: list[tuple[float, float | None]], width: int, plain: bool) -> None:
    lines = drawn([Measured(n, *pair) for n, pair in enumerate(points, 1)], width, ascii_only=plain)

    assert len(lines) == 10
    assert max(cells(line) for line in lines) <= max(width, 36)
    assert not plain or all(line.isascii() for line in lines)
