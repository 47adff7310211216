"""The history as JSON: what programs find in it."""

from __future__ import annotations

import json

import pytest

from evalharness.history import History
from evalharness.records import Payload
from evalharness.reports.history.json import render
from tests.reports.examples import HOSTILE
from tests.reports.histories import SLIDING, STEADY, hostile


def read(history: History) -> Payload:
    text = "".join(render(history))
    assert text.isascii()
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


def test_it_says_whether_the_newest_snapshot_rings() -> None:
    assert [read(history)["alarm"] for history in (SLIDING, STEADY)] == [True, False]


def test_every_number_of_a_point_is_there() -> None:
    value = json.loads("".join(render(SLIDING)))
    point = value["series"][0]["tracks"][0]["points"][3]

    assert (point["name"], point["cases"], point["samples"], point["mean"]) == ("2026-04", 200, 1, 0.84)
    assert point["cusum"] == pytest.approx(4.156854, abs=1e-5)
    assert point["rings"] == [{"rule": "EWMA", "side": "below"}, {"rule": "CUSUM", "side": "below"}]
    assert value["series"][0]["tracks"][0]["alarms"][0]["rules"] == [["EWMA", 0], ["CUSUM", 0], ["Shewhart", 1]]


@pytest.mark.parametrize("name", HOSTILE)
def test_texts_go_through_exactly(name: str) -> None:
    assert read(hostile(HOSTILE[name]))["suite"] == HOSTILE[name]
