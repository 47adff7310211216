"""The profile of a voice, and how far a reply is from it."""

from __future__ import annotations

import json
import math
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalharness.stylometry.features import FEATURES, Features
from evalharness.stylometry.profile import Profile, apart, distance, learn, nearness, read_plain

ROW = st.tuples(*[st.floats(0, 100) for _ in FEATURES])
ROWS = st.lists(ROW, min_size=5, max_size=12)
LAWS = settings(max_examples=15, deadline=None)


def row(value: float) -> Features:
    return (value,) * len(FEATURES)


def test_a_profile_has_means_and_deviations_and_never_a_deviation_below_the_least() -> None:
    found = learn([row(value) for value in (10, 20, 30, 40, 50)])

    # Their mean is 30, and their squared differences 400, 100, 0, 100, 400 have the mean 200.
    assert found.means == row(30)
    assert found.deviations == pytest.approx(row(math.sqrt(200)))
    assert learn([row(7)] * 5).deviations == tuple(feature.least for feature in FEATURES)


def test_the_distance_is_the_mean_of_z_without_its_sign() -> None:
    profile = learn([row(value) for value in (10, 20, 30, 40, 50)])
    reply = (30 + math.sqrt(200), 30 - 2 * math.sqrt(200), *row(30)[2:])

    assert apart(reply, profile)[:3] == pytest.approx((1, -2, 0))
    assert distance(reply, profile) == pytest.approx(3 / len(FEATURES))


def test_too_few_replies_are_no_voice() -> None:
    with pytest.raises(ValueError, match="4 replies make no voice, it takes 5 at least"):
        learn([row(1)] * 4)


@LAWS
@given(ROWS)
def test_the_mean_of_a_voice_is_at_no_distance_from_it(rows: list[Features]) -> None:
    profile = learn(rows)

    assert distance(profile.means, profile) == 0


@LAWS
@given(ROWS)
def test_the_order_of_the_replies_is_no_matter(rows: list[Features]) -> None:
    first, second = learn(rows), learn(sorted(rows))

    assert (first.means, first.deviations) == (second.means, second.deviations)
    assert first.own == pytest.approx(second.own)


@LAWS
@given(ROWS)
def test_to_have_every_reply_twice_changes_neither_means_nor_deviations(rows: list[Features]) -> None:
    once, twice = learn(rows), learn([*rows, *rows])

    assert twice.means == pytest.approx(once.means)
    assert twice.deviations == pytest.approx(once.deviations)


@LAWS
@given(ROWS)
def test_the_own_distances_are_those_from_a_profile_of_all_the_others(rows: list[Features]) -> None:
    found = learn(rows)

    # Each row against plain means and deviations of the rest, by the library's own functions.
    far = []
    for place, reply in enumerate(rows):
        columns = list(zip(*(rows[:place] + rows[place + 1 :]), strict=True))
        spreads = [max(feature.least, pstdev(column)) for feature, column in zip(FEATURES, columns, strict=True)]
        centres = map(fmean, columns)
        far.append(fmean(abs(v - c) / s for v, c, s in zip(reply, centres, spreads, strict=True)))
    assert (found.own[0], found.own[100]) == pytest.approx((min(far), max(far)), rel=1e-4)
    assert found.average == pytest.approx(fmean(far), rel=1e-4)
    assert found.typical == pytest.approx(sorted(far)[math.ceil(len(far) / 2) - 1], rel=1e-4)


def spread(typical: float, edge: float) -> Profile:
    """A voice of which only the own distances matter."""
    own = (typical,) * 95 + (edge,) * 6
    return Profile(100, row(0), row(1), own, typical)


def test_the_grade_is_one_for_the_typical_reply_and_a_half_at_the_edge() -> None:
    voice = spread(0.5, 0.9)

    # Halved with each step of 0.4.
    assert [nearness(far, voice) for far in (0, 0.5, 0.9, 1.3, 2.5)] == pytest.approx([1, 1, 0.5, 0.25, 1 / 32])


@LAWS
@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_nearer_reply_never_has_the_lower_grade(one: float, other: float) -> None:
    voice = spread(0.5, 0.9)

    assert 0 <= nearness(max(one, other), voice) <= nearness(min(one, other), voice) <= 1


def test_examples_that_are_all_alike_still_make_a_voice() -> None:
    voice = learn([row(3)] * 5)

    assert nearness(0, voice) == 1
    assert nearness(0.5, voice) < 0.01


def test_a_profile_is_read_back_from_json() -> None:
    profile = learn([row(value) for value in (10, 20, 30, 40, 55)])

    assert read_plain(json.loads(json.dumps(profile.plain()))) == profile


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"voice": 2}, "this profile has schema '2', known is 1"),
        ({"features": {}}, "this profile has other features: learn it again from its replies"),
        ({"own": [0.1]}, "the numbers of this profile do not fit together: learn it again from its replies"),
        ({"average": None}, "a number is missing in this profile, or is none"),
    ],
)
def test_what_is_no_profile_is_refused(change: dict[str, object], what: str) -> None:
    told = {**learn([row(1)] * 5).plain(), **change}

    with pytest.raises(ValueError, match=what):
        read_plain(told)


def test_another_json_object_is_no_profile() -> None:
    with pytest.raises(ValueError, match="this is no profile of a voice"):
        read_plain({"messages": []})
