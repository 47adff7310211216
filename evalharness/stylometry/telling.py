"""Differences of style in words: `sentences 40 % shorter`, `exclamation marks x3`."""

from __future__ import annotations

from evalharness.stylometry.features import FEATURES, Feature, Features

NONE = 0.05
"""A rate, per 100 words, below which there is as good as none of something."""


def told(feature: Feature, usual: float, now: float) -> str:
    """How a feature moved, from what is usual to what is there; a difference must be there."""
    if now <= 0:
        return f"no {feature.noun} (usually {number(usual)} {feature.unit})"
    if usual < NONE:
        return f"{feature.noun} {number(now)} {feature.unit} (usually next to none)"
    ratio = now / usual
    if ratio >= 2 and feature.more == "more":  # only what is counted
        return f"{feature.noun} x{ratio:.0f}" if ratio >= 9.95 else f"{feature.noun} x{ratio:.1f}".removesuffix(".0")
    percent = round(100 * abs(ratio - 1))
    word = feature.more if ratio > 1 else feature.less
    return f"{feature.noun} {percent} % {word}" if percent else f"{feature.noun} hardly {word}"


def number(value: float) -> str:
    """A value to about three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def off(usual: Features, now: Features, z: Features, most: int) -> list[str]:
    """The features that are off by more than two standard deviations, the farthest first, in words."""
    rows = sorted(zip(FEATURES, usual, now, z, strict=True), key=lambda row: -abs(row[3]))
    return [told(feature, was, value) for feature, was, value, far in rows[:most] if abs(far) > 2]
