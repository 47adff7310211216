"""Settings, and the arms by name: what stands in `evalharness.toml` or under `[tool.evalharness]`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from evalharness import settings
from evalharness.errors import Fault, Faults, UnknownName
from evalharness.files import read_text
from evalharness.records import ModelRef, Payload

OWN = "evalharness.toml"
SHARED = "pyproject.toml"
SECTION = "tool.evalharness"


@dataclass(frozen=True, slots=True)
class Price:
    """USD a million tokens."""

    input: float
    output: float


@dataclass(frozen=True, slots=True)
class Arm:
    """A named arm: what identifies it (`ref`, which goes into run files), and how it is reached (which does not).

    at_once: requests under way at a time, None for what suits the kind. a_minute, tokens_a_minute: limits of ours, None
    for none. seconds: the total deadline of one call. tries: how often one question is asked at most. folder: what
    paths in `use` are relative to. file, place: where the arm is defined, for messages.
    """

    ref: ModelRef
    api_key_env: str | None = None
    price: Price | None = None
    at_once: int | None = None
    a_minute: int | None = None
    tokens_a_minute: int | None = None
    seconds: float = 120.0
    tries: int = 5
    folder: Path = field(default_factory=Path)
    file: str = ""
    place: str = ""

    def fault(self, what: str, hint: str = "") -> Fault:
        """A fault of this arm, at the place that defines it."""
        return Fault(self.file, 0, 0, f"{self.place or self.ref.name}: {what}", hint)


@dataclass(frozen=True, slots=True)
class Config:
    """What a project has set. Paths in it are relative to `folder`, where the results live too.

    file: the file that was read, by name; empty where there is none. at_once: the default of every arm that has none of
    its own. budget: USD that one command may spend at most.
    """

    folder: Path
    file: str = ""
    models: Mapping[str, Arm] = field(default_factory=dict)
    scorers: tuple[Path, ...] = ()
    at_once: int | None = None
    budget: float | None = None

    @property
    def state(self) -> Path:
        """The answer cache and runs in progress; not under version control."""
        return self.folder / ".evalharness"

    @property
    def baselines(self) -> Path:
        """Accepted runs, under version control."""
        return self.folder / "baselines"

    @property
    def reports(self) -> Path:
        """What `compare` and `report` write."""
        return self.folder / "reports"

    def arm(self, name: str) -> Arm:
        """The arm of that name, or the one `KIND:TARGET` spells out; `UnknownName` where it is neither."""
        if name in self.models:
            return self.models[name]
        if name.startswith("ft:"):
            raise Faults([Fault(self.file, 0, 0, f"there is no model '{name}'", f"did you mean 'openai:{name}'?")])
        if not settings.USE.match(name):
            raise UnknownName(self.file, "model", name, self.models)
        return Arm(ModelRef(name, name), at_once=self.at_once, folder=self.folder, place=f"model '{name}'")


WHERE = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def load(start: Path | None = None) -> Config:
    """The config of the project around `start` (the current folder by default).

    It is the nearest `evalharness.toml`, or `pyproject.toml` with a section `[tool.evalharness]`, from `start` upwards
    to the root of its repository; without one, defaults that live in that root, or in `start` outside a repository.
    `Faults` names everything that is wrong with it.
    """
    first = (start or Path()).absolute()
    for folder in (first, *first.parents):
        own, shared = _tables(folder / OWN), _tables(folder / SHARED).get("tool", {})
        section = shared.get("evalharness") if isinstance(shared, dict) else None
        if (folder / OWN).is_file():
            if section is not None:
                what = f"[{SECTION}] stands in {SHARED} beside it, and one of them would be ignored"
                raise Faults([Fault(OWN, 0, 0, what, "keep one of the two")])
            return _read(folder, OWN, "", own)
        if section is not None:
            return _read(folder, SHARED, f"{SECTION}.", section)
        if (folder / ".git").exists():
            return Config(folder)
    return Config(first)


def _tables(path: Path) -> Payload:
    """What a TOML file holds; nothing where there is no such file."""
    if not path.is_file():
        return {}
    import tomllib

    try:
        return tomllib.loads(read_text(path, path.name))
    except tomllib.TOMLDecodeError as error:
        found = WHERE.fullmatch(str(error))
        what, line, column = (found[1], int(found[2] or 0), int(found[3] or 0)) if found else (str(error), 0, 0)
        raise Faults([Fault(path.name, line, column, f"not TOML: {what[:1].lower()}{what[1:]}")]) from None
    except (ValueError, RecursionError):
        raise Faults([Fault(path.name, 0, 0, "not TOML: a number too long, or tables nested too deep")]) from None


def _read(folder: Path, file: str, prefix: str, section: object) -> Config:
    if not isinstance(section, dict):
        raise Faults([Fault(file, 0, 0, f"{prefix.rstrip('.')}: expected a table")])
    top = settings.Table(file, prefix, section, [])
    at_once = top.take("at_once", settings.whole, None)
    budget = top.take("budget", settings.usd, None)
    scorers = top.take("scorers", settings.texts, ())
    models = top.table("models")
    arms: dict[str, Arm] = {}
    for name in models.values if models else ():
        table = models.table(name) if models else None
        if table:
            arms[name] = _arm(table, name, Arm(ModelRef(name, ""), at_once=at_once, folder=folder, file=file))
    top.rest()
    if top.faults:
        raise Faults(top.faults)
    return Config(folder, file, arms, tuple(folder / path for path in scorers), at_once, budget)


def _arm(table: settings.Table, name: str, start: Arm) -> Arm:
    ref = ModelRef(
        name,
        use=table.need("use", settings.use, "", 'for example use = "openai:gpt-4o-mini"'),
        base_url=table.take("base_url", settings.url, ""),
        server=table.take("server", settings.name, ""),
        params=table.take("params", settings.payload, {}),
        extra_body=table.take("extra_body", settings.payload, {}),
        system=table.take("system", settings.text, None),
        context=table.take("context", settings.name, None),
        drop=table.take("drop", settings.texts, ()),
    )
    arm = replace(
        start,
        ref=ref,
        place=table.place.rstrip("."),
        api_key_env=table.take("api_key_env", settings.variable, None),
        price=_price(table.table("price")),
        at_once=table.take("at_once", settings.whole, start.at_once),
        a_minute=table.take("a_minute", settings.whole, None),
        tokens_a_minute=table.take("tokens_a_minute", settings.whole, None),
        seconds=table.take("seconds", settings.seconds, start.seconds),
        tries=table.take("tries", settings.whole, start.tries),
    )
    table.rest()
    return arm


def _price(table: settings.Table | None) -> Price | None:
    if table is None:
        return None
    hint = "in USD a million tokens, for example { input = 0.15, output = 0.6 }"
    price = Price(table.need("input", settings.usd, 0.0, hint), table.need("output", settings.usd, 0.0, hint))
    table.rest()
    return price
