"""Settings, and the arms by name: what stands in `evalharness.toml` or under `[tool.evalharness]`."""

from __future__ import annotations

from dataclasses import dataclass

from evalharness.records import ModelRef


@dataclass(frozen=True, slots=True)
class Price:
    """USD a million tokens."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Arm:
    """A named arm: what identifies it (`ref`, which goes into run files), and how it is reached (which does not).

    at_once: requests under way at a time. a_minute: requests a minute, None for no limit of ours. seconds: the total
    deadline of one call. tries: how often one question is asked at most.
    """

    ref: ModelRef
    api_key_env: str | None = None
    price: Price | None = None
    at_once: int | None = None
    a_minute: int | None = None
    tokens_a_minute: int | None = None
    seconds: float = 120.0
    tries: int = 5
