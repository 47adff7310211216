"""A model's announced end is told before money goes into tuning it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from evalharness.tuning.preflight import shutdown, warning
from evalharness.tuning.remote import Remote
from tests.serving.clients import served

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2027-01-14", "model 'm' will be gone from 2027-01-14 on, in 49 days, and its tunes with it; "),
        ("2026-11-27", "model 'm' will be gone from 2026-11-27 on, in a day, and its tunes with it; "),
        ("2026-10-23", "model 'm' was announced to be gone since 2026-10-23, and its tunes with it"),
    ],
)
def test_the_days_that_are_left_are_counted(said: str, told: str) -> None:
    assert warning("m", said, TODAY).startswith(told)


@pytest.mark.parametrize("said", [None, "", "soon", 20270114, "2027-99-99"])
def test_what_is_no_date_says_nothing(said: object) -> None:
    assert warning("m", said, TODAY) == ""


def test_the_server_is_asked(tmp_path: Path) -> None:
    with served(tmp_path, shutdown="2027-01-14") as api:
        remote = Remote(str(api.base_url))
        found = [shutdown(remote, "parrot-1", TODAY), shutdown(remote, "crow", TODAY)]
        remote.close()

    assert ["in 49 days" in line for line in found] == [True, False]
