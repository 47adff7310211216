"""Tables of settings checked by hand: a reader takes what stands there, or says what is wrong with it.

A table is under inspection while it is read, so that every fault of a file is found at once, and what nobody took is
one. TOML has no places to offer: a fault names the whole key.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar
from urllib.parse import urlsplit

from evalharness.errors import Fault, suggestion
from evalharness.records import Payload

T = TypeVar("T")
D = TypeVar("D")

USE = re.compile(r"[a-z][a-z0-9_-]*:\s*\S")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MOST = 1e12
"""Above any amount of money or time that is meant."""


class Wrong(Exception):
    """A value that does not serve; its text says why."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.hint = hint


@dataclass(slots=True)
class Table:
    """One table under inspection: `take` reads a setting and notes its fault, `rest` faults what nobody took."""

    file: str
    place: str
    values: Mapping[str, object]
    faults: list[Fault]
    taken: list[str] = field(default_factory=list)

    def take(self, name: str, reader: Callable[[object], T], default: D) -> T | D:
        """What the reader makes of a setting; the default where it is left out, or wrong."""
        self.taken.append(name)
        if name not in self.values:
            return default
        try:
            return reader(self.values[name])
        except Wrong as wrong:
            self.fault(name, str(wrong), wrong.hint)
            return default

    def need(self, name: str, reader: Callable[[object], T], default: T, hint: str) -> T:
        """The same for a setting that must be there."""
        if name not in self.values:
            self.fault(name, "missing", hint)
        return self.take(name, reader, default)

    def table(self, name: str) -> Table | None:
        """The table of that name under inspection, where there is one."""
        found = self.take(name, table, None)
        return None if found is None else replace(self, place=f"{self.place}{name}.", values=found, taken=[])

    def rest(self) -> None:
        """Faults every setting that was not taken: a mistyped name must not pass for a default."""
        for name in self.values:
            if name not in self.taken:
                self.fault(name, "unknown setting", HINTS.get(name) or suggestion(name, self.taken))

    def fault(self, name: str, what: str, hint: str = "") -> None:
        """Notes what is wrong with a setting."""
        self.faults.append(Fault(self.file, 0, 0, f"{self.place}{name}: {what}", hint))


HINTS = {
    "api_key": 'keys come from the environment: api_key_env = "NAME" names the variable',
    "model": 'use = "openai:NAME" names the model',
    "max_tokens": "what is sent with a question stands under params",
    "temperature": "what is sent with a question stands under params",
}


def table(value: object) -> Payload:
    """A table, as it stands."""
    if not isinstance(value, dict):
        raise Wrong(f"expected a table, got {_quoted(value)}")
    return value


def text(value: object) -> str:
    """Any text, the empty one too."""
    if not isinstance(value, str):
        raise Wrong(f"expected a text, got {_quoted(value)}")
    return value


def name(value: object) -> str:
    """A text that is not blank."""
    if not text(value).strip():
        raise Wrong("an empty text")
    return text(value)


def texts(value: object) -> tuple[str, ...]:
    """A list of texts, none of them blank."""
    if not isinstance(value, list):
        raise Wrong(f"expected a list of texts, got {_quoted(value)}")
    return tuple(name(item) for item in value)


def whole(value: object) -> int:
    """A whole number from 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Wrong(f"expected a whole number from 1, got {_quoted(value)}")
    return value


def usd(value: object) -> float:
    """An amount of money, 0 or more."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST:
        raise Wrong(f"expected a number of USD, 0 or more, got {_quoted(value)}")
    return float(value)


def seconds(value: object) -> float:
    """A span of time, above 0."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MOST:
        raise Wrong(f"expected seconds above 0, got {_quoted(value)}")
    return float(value)


def use(value: object) -> str:
    """`KIND:TARGET`; whether there is such a kind shows when it is opened."""
    use = text(value)
    if use.startswith("ft:"):
        raise Wrong(f"'{use}' names no kind of model", f"did you mean 'openai:{use}'?")
    if not USE.match(use):
        raise Wrong(f"expected KIND:TARGET, got {_quoted(use)}", "for example openai:gpt-4o-mini, replay:answers.jsonl")
    return use


def variable(value: object) -> str:
    """The name of an environment variable."""
    # What stands here is not quoted: it may be a key that was pasted.
    if not isinstance(value, str) or not VARIABLE.fullmatch(value) or _like_a_key(value):
        raise Wrong("expected the name of a variable", "the key itself belongs in that variable, and in no file")
    return value


def _like_a_key(value: str) -> bool:
    """Long and of mixed case, as names of variables are not."""
    return len(value) >= 24 and value not in (value.lower(), value.upper())


def url(value: object) -> str:
    """The address of a server, without a slash at its end."""
    url = text(value)
    wrong = url_fault(url)
    if wrong:
        raise Wrong(wrong, "for example http://127.0.0.1:8000/v1")
    return url.rstrip("/")


def url_fault(url: str) -> str:
    """What is wrong with a base URL, empty where nothing is. A URL that may hold a secret is not quoted."""
    try:
        parts = urlsplit(url)
        hidden = parts.username is not None or parts.password is not None
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "not a URL"
    if hidden:
        return "a URL with a user name or password, which would end in run files"
    if parts.query or parts.fragment:
        return "a URL with a query or fragment, to which no path can be added"
    if not plain or not url.isascii() or not url.isprintable() or " " in url:
        return f"expected http://HOST/PATH or https://HOST/PATH, got {_quoted(url)}"
    return ""


def payload(value: object) -> Payload:
    """A table that can be sent as JSON."""
    found = table(value)
    for key, inner in found.items():
        _json(inner, key)
    return found


def _json(value: object, place: str) -> None:
    """Refuses what TOML has and JSON has not: dates, times, infinities."""
    match value:
        case dict():
            for key, inner in value.items():
                _json(inner, f"{place}.{key}")
        case list():
            for inner in value:
                _json(inner, place)
        case float() if not math.isfinite(value):
            raise Wrong(f"'{place}' is {value}, which JSON cannot hold")
        case str() | bool() | int() | float():
            return
        case _:
            raise Wrong(f"'{place}' is a {type(value).__name__}, which JSON cannot hold", "put it in quotes")


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
