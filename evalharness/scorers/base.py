"""What a scorer is, and how one is built from the long form of a check.

A kind of check is a frozen dataclass under `@scorer("kind")`: its first field is the check's subject in YAML, its
further fields are options, its docstring is its reference page, its annotations are its types. `Part` stands for a
check within a check, `Document` for a JSON object given inline or as a file name; what is annotated with `VOICE` is the
profile of a voice, learnt from a file or a list of replies.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol, TypeAlias, TypeGuard, runtime_checkable

from evalharness.errors import EvalError, ModelFailed, suggestion
from evalharness.flow import Flow, together
from evalharness.records import Conversation, Grade, Payload
from evalharness.registry import Registry

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails


class Scorer(Protocol):
    """Grades a conversation's last reply, or, where `reads` says so, the conversation as a whole.

    A scorer that asks a model returns a flow that ends in its grade. A grade is in [0, 1], 1 is best; None where the
    reply could not be scored. Any text may come in: a scorer does not raise, and takes time in proportion to the text.
    """

    def grade(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The grade and why."""


ARM = ""
"""The name by which a scorer asks the model under test; any other is that of a model of the config."""


@runtime_checkable
class Asker(Protocol):
    """A scorer that asks models: `Request(ModelRef(NAME, ""), ...)`, where `score` puts in who bears the name."""

    def asks(self) -> tuple[str, ...]:
        """The names of the models it asks."""


@runtime_checkable
class Judging(Protocol):
    """A scorer whose asked models say what a reply is worth, so that it must be trusted like an instrument."""

    def measures(self) -> tuple[str, str]:
        """The scale, one of `yes-no`, `1-5`, `checklist`; and the rubric in words."""


@runtime_checkable
class Whole(Protocol):
    """A scorer that tells a conversation from its last reply: on a case of several turns it grades all of it."""

    def grade_whole(self, conversation: Conversation) -> Grade | Flow[Grade]:
        """The grade of the conversation and why."""


def asked(scorer: Scorer) -> tuple[str, ...]:
    """The models that a scorer and its parts ask, each once; `ARM` stands for the model under test."""
    if _rule(_class(scorer)):
        return ()
    found = (each.asks() for each in within(scorer) if _asks(each))
    return tuple(dict.fromkeys(name for names in found for name in names))


def judging(scorer: Scorer) -> tuple[Judging, ...]:
    """The judges in a scorer, itself or its parts."""
    if _rule(_class(scorer)):
        return ()
    return tuple(each for each in within(scorer) if _judges(each))


def within(scorer: object) -> Iterator[object]:
    """The scorer and the scorers in it, from the outside in."""
    yield scorer
    for name in _holders(_class(scorer)):
        value = getattr(scorer, name)
        parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else (value,)
        for part in parts:
            yield from within(part)


def _asks(value: object) -> TypeGuard[Asker]:
    """By the class, which is remembered: looking at the protocol each time takes longer than grading."""
    return _has(_class(value), "asks")


def _judges(value: object) -> TypeGuard[Judging]:
    return _has(_class(value), "measures")


@functools.cache
def _has(cls: type[Hashable], method: str) -> bool:
    return hasattr(cls, method)


def _class(value: object) -> type[Hashable]:
    return type(value)


def _class_of(name: str) -> type[Hashable]:
    return typing.cast("type[Hashable]", SCORERS.get(name))


@functools.cache
def _rule(cls: type[Hashable]) -> bool:
    """Whether it can be told from the class alone that nobody is asked: most checks of most suites."""
    return not hasattr(cls, "asks") and not _holders(cls)


@functools.cache
def _holders(cls: type[Hashable]) -> tuple[str, ...]:
    """The fields that hold scorers."""
    classes: dict[type[Hashable], str] = {_class_of(name): name for name in SCORERS.names()}
    name = classes.get(cls)
    if name is None:
        return ()
    return tuple(option.name for option in kind(name).options if option.holds in ("part", "parts", "named parts"))


SCORERS: Registry[type[Scorer]] = Registry("evalharness.scorers", "kind of check")
scorer = SCORERS.register

Marked: TypeAlias = Literal["part", "document", "voice"]
Holds: TypeAlias = Literal["value", "parts", "named parts"] | Marked


class _Marker:
    """Tells the builder what a field holds, and pydantic to take the value as it is."""

    def __init__(self, name: Marked) -> None:
        self.name = name

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> dict[str, object]:
        return {"type": "any"}


PART = _Marker("part")
DOCUMENT = _Marker("document")
VOICE = _Marker("voice")
Part: TypeAlias = Annotated[Scorer, PART]
Document: TypeAlias = Annotated[Payload, DOCUMENT]


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One field of a scorer as YAML sees it."""

    name: str
    holds: Holds
    required: bool
    annotation: object


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """What the suite reader must know of a kind of check.

    subject: the first field, written as the value of the kind's own key. switch: the kind needs no subject and takes
    true or false. reads: what it grades, `question` where it does not read the reply. bare: which kind a bare text
    within it means.
    """

    name: str
    options: tuple[Option, ...]
    switch: bool
    reads: Literal["reply", "conversation", "question"]
    bare: str

    @property
    def subject(self) -> Option:
        """The field that the kind's own key fills."""
        return self.options[0]


@dataclasses.dataclass(frozen=True, slots=True)
class BuildFault:
    """What is wrong with a check, and where: the path of keys and places from the check's own mapping."""

    path: tuple[str | int, ...]
    what: str
    hint: str = ""


class Unfit(ValueError):
    """Raised in a scorer's `__post_init__`: the value of the field `option` is of the right type and cannot serve."""

    def __init__(self, option: str, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.option = option
        self.hint = hint


class BuildFaults(EvalError):
    """A check that cannot be built; the suite reader gives each fault its line and column."""

    def __init__(self, faults: tuple[BuildFault, ...]) -> None:
        super().__init__("; ".join(fault.what for fault in faults))
        self.faults = faults


def weigh(
    parts: Sequence[Grade | Flow[Grade]], sum_up: Callable[[Sequence[Grade | None]], Grade | None]
) -> Grade | Flow[Grade]:
    """One grade out of those of the parts; a flow only where what is known does not decide.

    sum_up: given the grades in order, None for those still to be asked for, says the grade, or None where it depends
    on them. A part whose model fails is unknown, and its siblings go on.
    """
    known = [part if isinstance(part, Grade) else None for part in parts]
    decided = sum_up(known)
    flows = {place: part for place, part in enumerate(parts) if not isinstance(part, Grade)}
    if decided is None:
        return _asked(known, flows, sum_up)
    for flow in flows.values():
        flow.close()
    return decided


def _asked(
    known: list[Grade | None],
    flows: dict[int, Flow[Grade]],
    sum_up: Callable[[Sequence[Grade | None]], Grade | None],
) -> Flow[Grade]:
    answers = yield from together(*(_settled(flow) for flow in flows.values()))
    for place, answer in zip(flows, answers, strict=True):
        known[place] = answer
    return sum_up(known) or Grade(None, "its parts do not decide it")


def _settled(flow: Flow[Grade]) -> Flow[Grade]:
    try:
        return (yield from flow)
    except ModelFailed as failed:
        return Grade(None, str(failed))


@functools.cache
def kind(name: str) -> Kind:
    """What is known of a kind of check; `UnknownName` with a suggestion where nothing bears the name."""
    cls = SCORERS.get(name)
    hints = typing.get_type_hints(cls, include_extras=True)
    options = []
    for field in dataclasses.fields(typing.cast("type[DataclassLike]", cls)):
        if not field.init:
            continue  # worked out from the options once, not written by anyone
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        options.append(Option(field.name, _holds(hints[field.name]), required, hints[field.name]))
    return Kind(
        name,
        tuple(options),
        switch=options[0].annotation is bool,
        reads=getattr(cls, "reads", "reply"),
        bare=getattr(cls, "bare", "mentions"),
    )


def build(name: str, fields: Mapping[str, object]) -> Scorer:
    """The scorer of that kind; `BuildFaults` with every fault found.

    Parts are built already, documents read; everything else is the text typed in the suite (or lists and mappings of
    such texts) and is converted by the field's annotation.
    """
    from pydantic import ValidationError

    known = kind(name)
    names = {option.name for option in known.options}
    faults = [
        BuildFault((extra,), f"'{name}' has no option '{extra}'", suggestion(extra, names - {known.subject.name}))
        for extra in fields
        if extra not in names
    ]
    if not faults:
        try:
            return _adapter(name).validate_python(fields)
        except ValidationError as error:
            faults = [_fault(known, detail) for detail in error.errors(include_url=False)]
    raise BuildFaults(tuple(faults))


def from_text(name: str, subject: str) -> Scorer:
    """`build` with nothing but a subject of one text: most checks of most suites, so without a validator between."""
    field, make = _taking_text(name)
    if make is not None:
        try:
            return make(subject)
        except (TypeError, ValueError):
            pass  # `build` says what is wrong, and where
    return build(name, {field: subject})


@functools.cache
def _taking_text(name: str) -> tuple[str, Callable[..., Scorer] | None]:
    first = kind(name).subject
    return first.name, SCORERS.get(name) if first.annotation is str else None


class DataclassLike(Protocol):
    """What `dataclasses.fields` takes."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]


@functools.cache
def _adapter(name: str) -> TypeAdapter[Scorer]:
    from pydantic import TypeAdapter

    return TypeAdapter(SCORERS.get(name))


def _holds(annotation: object) -> Holds:
    """`Part`, `tuple[Part, ...]`, `dict[str, Part]`, `Document`, a voice, or a plain value."""
    for marker in getattr(annotation, "__metadata__", ()):
        if isinstance(marker, _Marker):
            return marker.name
    arguments = typing.get_args(annotation)
    inner = {_holds(argument) for argument in arguments if argument is not Ellipsis}
    if "document" in inner:
        return "document"
    if "part" in inner:
        return "named parts" if typing.get_origin(annotation) is dict else "parts"
    return "value"


def _fault(known: Kind, detail: ErrorDetails) -> BuildFault:
    path = tuple(detail["loc"])
    saw = detail["input"]
    unfit = detail.get("ctx", {}).get("error")
    hint = ""
    if isinstance(unfit, Unfit):
        path, saw, hint = (unfit.option,), saw.get(unfit.option), unfit.hint
    name = str(path[0]) if path else ""
    if detail["type"] == "missing":
        return BuildFault((), f"'{known.name}' needs the option '{name}'")
    what = f"'{known.name}'" if name == known.subject.name else f"'{known.name}': the option '{name}'"
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return BuildFault(path, f"{what} got {_quoted(saw)}: {message[:1].lower()}{message[1:]}", hint)


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
