"""How long examples are, how often they would be trained on, and what that costs. Tokens and prices are estimates."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from evalharness.records import Payload
from evalharness.text import UNSPACED
from evalharness.tuning.dialects import Example

MESSAGE_TOKENS, EXAMPLE_TOKENS = 3, 3
"""What parts messages, and what ends an example; a name costs one more."""

CONTEXTS = {
    "gpt-4o-mini": 65_536,
    "gpt-3.5-turbo-0125": 16_385,
    "gpt-3.5-turbo-1106": 16_385,
    "gpt-3.5-turbo-0613": 4_096,
}
"""Tokens of the longest example by the beginning of a model's name; longer ones are cut."""

DEFAULT_CONTEXT = 65_536

_LETTERS, _DIGITS, _SIGNS = (
    bytes(ord("x") if within(chr(code)) else ord(" ") for code in range(128)) + b" " * 128
    for within in (str.isalpha, str.isdigit, lambda sign: sign == "\n" or not (sign.isalnum() or sign in " \t\r'"))
)
_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")


def tokens(text: str) -> int:
    """About how many tokens a text is: one a word, a number or a run of signs, and more for long ones.

    Outside ASCII three letters are one, and one letter where no spaces part words. English comes out within a few per
    cent of a real tokenizer; rare words, code and other languages may be off by a third.
    """
    raw = b" " + text.encode("utf-8", "surrogatepass")
    count = _runs(raw, _LETTERS, b"x" * 11) + _runs(raw, _DIGITS, b"x" * 4) + _runs(raw, _SIGNS, b"x" * 4)
    if len(raw) != len(text) + 1:
        for run in _FOREIGN.findall(text):
            spaced, unspaced = _UNSPACED.subn("", run)
            count += unspaced + (len(spaced) + 2) // 3
    return count


def _runs(raw: bytes, kind: bytes, long: bytes) -> int:
    """How many runs of one kind of character there are, and how often a run is longer than a token holds.

    raw: begins with a blank. An apostrophe is of no kind, so that `don't` is two. To translate and count is many times
    as fast as a regular expression.
    """
    marked = raw.translate(kind)
    return marked.count(b" x") + marked.count(long)


@dataclass(frozen=True, slots=True)
class Spread:
    """Numbers, one an example, by their quantiles: those between two numbers are interpolated."""

    least: float
    low: float
    median: float
    high: float
    most: float
    mean: float
    total: int

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Spread:
        """low, high: the 10th and the 90th percentile. All are 0 where there is no number."""
        ordered = sorted(numbers)
        if not ordered:
            return cls(0, 0, 0, 0, 0, 0, 0)
        low, median, high = (_quantile(ordered, share) for share in (0.1, 0.5, 0.9))
        total = sum(ordered)
        return cls(ordered[0], low, median, high, ordered[-1], total / len(ordered), total)


def _quantile(ordered: Sequence[int], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


class Meter:
    """Measures examples one by one."""

    def __init__(self) -> None:
        self.messages = array("L")
        self.tokens = array("L")
        self.replies = array("L")

    def add(self, example: Example) -> int:
        """Measures one more; gives its tokens. Of a pair both answers count."""
        said = (*example.messages, *example.preferred, *example.rejected)
        whole, replies = EXAMPLE_TOKENS, 0
        for message in said:
            size = _size(message)
            whole += size + MESSAGE_TOKENS + 1 + ("name" in message)
            if message.get("role") == "assistant" and message.get("weight", 1) != 0:
                replies += size
        if example.beside:
            whole += tokens(json.dumps(example.beside, ensure_ascii=False))
        self.messages.append(len(said))
        self.tokens.append(whole)
        self.replies.append(replies)
        return whole


_known_tokens = lru_cache(maxsize=64)(tokens)
"""For system prompts, which come again with each example."""


def _size(message: Payload) -> int:
    content = message.get("content")
    if isinstance(content, str):
        size = _known_tokens(content) if message.get("role") == "system" else tokens(content)
    else:
        size = 0
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        size += sum(tokens(text) for text in texts if isinstance(text, str))
    for name in ("tool_calls", "function_call"):
        if name in message:
            size += tokens(json.dumps(message[name], ensure_ascii=False))
    return size


def usual_epochs(examples: int) -> int:
    """How often a hosted server goes over so many examples when it is not told: three times, more often where that is
    fewer than 100 examples in all (25 times at most), less often where it is more than 25,000."""
    if examples == 0:
        return 0
    if examples * 3 < 100:
        return min(25, 100 // examples)
    if examples * 3 > 25_000:
        return max(1, 25_000 // examples)
    return 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a tuning job would take.

    billed: tokens of all epochs, examples cut at `context`. usd: None without a price.
    """

    context: int
    epochs: int
    billed: int
    usd: float | None


def estimate(sizes: Sequence[int], context: int, epochs: int | None, usd_per_million: float | None) -> Estimate:
    """What it takes to train on examples of these sizes, in tokens."""
    times = usual_epochs(len(sizes)) if epochs is None else epochs
    billed = times * sum(min(size, context) for size in sizes)
    return Estimate(context, times, billed, None if usd_per_million is None else billed * usd_per_million / 1e6)


def context_of(model: str) -> int | None:
    """The longest example of a model, in tokens, a tuned one by its base; None for one that is not known here."""
    name = model.removeprefix("openai:").removeprefix("ft:")
    return next((longest for start, longest in CONTEXTS.items() if name.startswith(start)), None)
