"""Fields of a request's JSON object: taken one by one, each checked, what is left over refused."""

from __future__ import annotations

import json
from typing import NoReturn

from evalharness.records import Payload
from evalharness.serving.refusals import Refused, wrong

WORDS = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array", dict: "an object"}


class Fields:
    """The object that was sent. `place` is put before a field's name in messages: `method.supervised.`."""

    def __init__(self, given: Payload, place: str = "") -> None:
        self._given = given
        self._place = place
        self._taken: set[str] = set()

    @classmethod
    def of(cls, raw: bytes) -> Fields:
        """The fields of a body; `Refused` where it is no JSON object."""
        try:
            given = json.loads(raw.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise wrong("We could not parse the JSON body of your request. (HINT: This likely means you aren't using "
                        "your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was "
                        "not valid JSON.)")  # fmt: skip
        return cls(given)

    def __contains__(self, name: str) -> bool:
        return self._given.get(name) is not None

    def text(self, name: str, *, need: bool = False, longest: int = 2**20) -> str | None:
        """A text of at most so many characters; None where it is left out."""
        value = self._take(name, need=need)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self._type(name, value, "a string")
        if len(value) > longest:
            what = f"Invalid '{self._place}{name}': string too long. Expected a string with maximum length {longest}, "
            raise self._wrong(
                name, f"{what}but got a string with length {len(value)} instead.", "string_above_max_length"
            )
        return value

    def needed(self, name: str) -> str:
        """A text that must be there."""
        return self.text(name, need=True) or ""

    def whole(self, name: str, least: int, most: int, *, auto: bool = False) -> int | None:
        """A whole number within bounds; None where it is left out. auto: the word `auto` is as good as nothing."""
        value = self._take(name)
        if value is None or (auto and value == "auto"):
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._type(name, value, "an integer")
        self._within(name, value, least, most)
        return value

    def number(self, name: str, least: float, most: float, *, auto: bool = False) -> float | None:
        """A number within bounds; None where it is left out. auto: the word `auto` is as good as nothing."""
        value = self._take(name)
        if value is None or (auto and value == "auto"):
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._type(name, value, "a decimal")
        self._within(name, value, least, most)
        return float(value)

    def flag(self, name: str) -> bool:
        """True or false; false where it is left out."""
        value = self._take(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._type(name, value, "a boolean")
        return value

    def table(self, name: str) -> Fields | None:
        """An object; None where it is left out."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._type(name, value, "an object")
        return Fields(value, f"{self._place}{name}.")

    def items(self, name: str, *, need: bool = False) -> list[object]:
        """A list; an empty one where it is left out."""
        value = self._take(name, need=need)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._type(name, value, "an array")
        return value

    def any(self, name: str) -> object:
        """Whatever stands there; None where it is left out."""
        return self._take(name)

    def pairs(self, name: str) -> Payload:
        """`metadata`: at most 16 short texts by short names."""
        value = self._take(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._type(name, value, "an object")
        if len(value) > 16:
            raise self._wrong(name, f"Invalid '{name}': too many properties. Expected an object with at most 16 "
                                    f"properties, but got an object with {len(value)} properties instead.",
                              "object_above_max_properties")  # fmt: skip
        for key, held in value.items():
            if not isinstance(held, str):
                raise self._type(f"{name}.{key[:64]}", held, "a string")
            if len(key) > 64 or len(held) > 512:
                raise self._wrong(name, f"Invalid '{name}': keys hold at most 64 characters, values 512.")
        return dict(value)

    def pass_over(self, *names: str) -> None:
        """Fields that change nothing here."""
        self._taken.update(names)

    def unsupported(self, *names: str) -> None:
        """Refuses fields that would change the answer and cannot be honoured."""
        for name in names:
            if self._given.get(name) not in (None, [], {}, False):
                what = f"Unsupported parameter: '{name}' is not supported with this model."
                raise wrong(what, name, "unsupported_parameter")
        self._taken.update(names)

    def rest(self) -> None:
        """Refuses what nothing took: a mistyped name must not pass for a default."""
        for name in self._given:
            if name not in self._taken:
                raise wrong(f"Unrecognized request argument supplied: {self._place}{name[:200]}")

    def _take(self, name: str, *, need: bool = False) -> object:
        self._taken.add(name)
        value = self._given.get(name)
        if value is None and need:
            what = f"Missing required parameter: '{self._place}{name}'."
            raise self._wrong(name, what, "missing_required_parameter")
        return value

    def _type(self, name: str, value: object, expected: str) -> Refused:
        got = "null" if value is None else WORDS.get(type(value), "something else")
        what = f"Invalid type for '{self._place}{name}': expected {expected}, but got {got} instead."
        return self._wrong(name, what, "invalid_type")

    def _within(self, name: str, value: float, least: float, most: float) -> None:
        kind = "integer" if isinstance(value, int) else "decimal"
        if value < least:
            what = f"{kind} below minimum value. Expected a value >= {least:g}, but got {_spelt(value)} instead."
            raise self._wrong(name, f"Invalid '{self._place}{name}': {what}", f"{kind}_below_min_value")
        if value > most:
            what = f"{kind} above maximum value. Expected a value <= {most:g}, but got {_spelt(value)} instead."
            raise self._wrong(name, f"Invalid '{self._place}{name}': {what}", f"{kind}_above_max_value")

    def _wrong(self, name: str, message: str, code: str | None = None) -> Refused:
        return wrong(message, f"{self._place}{name}", code)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _spelt(value: float) -> str:
    """A number for a message; a whole one may have thousands of digits."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
