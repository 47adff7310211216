"""Keeps keys out of every file and output: texts that must not be shown are replaced wherever they occur."""

from __future__ import annotations

import re
from collections.abc import Iterable

from evalharness.records import encode

HIDDEN = "[key]"


class Secrets:
    """Texts that must reach no file and no output, also where a server or a program echoes them."""

    def __init__(self, texts: Iterable[str]) -> None:
        found = sorted({text for text in texts if len(text) >= SHORTEST}, key=len, reverse=True)
        self._plain = tuple({spelt for text in found for spelt in (text, encode(text)[1:-1])})
        self._pattern = re.compile("|".join(map(_spellings, found))) if found else None

    def hide(self, text: str) -> str:
        """The text with `[key]` for every secret, plain or in JSON's escapes."""
        if self._pattern is None:
            return text
        if "\\u00" in text or "\\/" in text or any(secret in text for secret in self._plain):
            return self._pattern.sub(HIDDEN, text)
        return text


SHORTEST = 8
"""Characters of the shortest secret; shorter ones are placeholders such as `ollama`, which an answer may well say."""


def _spellings(secret: str) -> str:
    """A pattern of what JSON may make of a text: a character as it is, with a backslash, or as `\\u0061`."""
    return "".join(rf"(?:\\u{_either_case(f'{ord(c):04x}')}|{SLASHED.get(c, re.escape(c))})" for c in secret)


SLASHED = {c: rf"\\?{re.escape(c)}" for c in '"\\/'}
"""What JSON may put a backslash before."""


def _either_case(digits: str) -> str:
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)
