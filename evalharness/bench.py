"""Who judges: the models that the checks of a suite ask, opened by name, and the checks as instruments."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from evalharness.calibration import PAIR
from evalharness.config import Config
from evalharness.duel import GUIDE, LABELS, PREFERENCE, QUESTION
from evalharness.errors import Fault, Faults, UnknownName
from evalharness.judging import WAY
from evalharness.models.base import Model, open_model
from evalharness.records import Instrument, ModelRef, encode
from evalharness.scorers.base import ARM, Asker, Judging, asked, judging
from evalharness.suite import Check, Suite

JUDGE = "judge"
"""The name by which a check asks for a grade where its suite names no other model."""


def judges(suite: Suite, config: Config, judge: str | None, opened: dict[str, Model]) -> dict[str, Model]:
    """The models that the checks of a suite ask, by the names they use; the arm itself is not among them.

    judge: the model that bears the name `judge` in this command. opened: models of the command by their own names, to
    which those opened here are added. Raises `Faults` for every name that no model bears.
    """
    asking = {name: f"the check '{check.name}'" for name, check in _first_to_ask(suite).items()}
    found = called(asking, suite.path, config, judge, opened)
    recorded = [(name, model.ref.name) for name, model in found.items() if model.ref.kind == "replay"]
    if recorded:
        hint = "a recording answers cases, not judges' questions"
        told = [f"{asking[name]} asks the model '{own}', which is a recording of replies" for name, own in recorded]
        raise Faults(Fault(suite.path, 0, 0, what, hint) for what in told)
    return found


def called(
    asking: Mapping[str, str], path: str, config: Config, judge: str | None, opened: dict[str, Model]
) -> dict[str, Model]:
    """The models of these names, each with what asks for it, in words. path: the suite's, for messages.

    judge, opened, and what is raised: as for `judges`.
    """
    found: dict[str, Model] = {}
    faults: list[Fault] = []
    for name, who in asking.items():
        own = judge if name == JUDGE and judge else name
        try:
            found[name] = opened[own] if own in opened else open_model(config.arm(own))
        except UnknownName as error:
            what = f"{who} asks the model '{own}', and there is none of that name"
            hint = f'add it to the config, {JUDGE} = {{ use = "openai:..." }}, or give --judge NAME'
            faults.append(Fault(path, 0, 0, what, hint if name == JUDGE else error.faults[0].hint))
            continue
        except Faults as error:
            faults += error.faults
            continue
        opened[own] = found[name]
    if faults:
        raise Faults(faults)
    return found


def refs(models: Mapping[str, Model]) -> dict[str, ModelRef]:
    """The same models as requests name them."""
    return {name: model.ref for name, model in models.items()}


def self_judged(suite: Suite, arm: ModelRef, judges: Mapping[str, Model]) -> Iterator[Fault]:
    """A fault for each judge that is the model under test, unless the suite allows it."""
    asking = {name: check for name, check in _first_to_ask(suite).items() if judging(check.scorer)}
    for name, check in asking.items():
        if name in judges:
            yield from own_judge(suite, f"the check '{check.name}'", name, judges[name], arm)


def own_judge(suite: Suite, who: str, name: str, judge: Model, arm: ModelRef) -> Iterator[Fault]:
    """A fault where that judge is the arm, unless the suite allows it. who: what asks, in words."""
    if suite.self_judging != "allow" and same_model(judge.ref, arm):
        what = f"{who} would have '{arm.name}' judge its own replies ('{name}' is {arm.use})"
        hint = "judges prefer what they would have written: name another judge, or set `self_judging: allow`"
        yield Fault(suite.path, 0, 0, what, hint)


def same_model(judge: ModelRef, arm: ModelRef) -> bool:
    """Whether the same model answers, by whatever name, and whatever is put around the question.

    Neither a name of our own for a server nor one put into `extra_body` makes another model of it.
    """

    def model(ref: ModelRef) -> tuple[object, ...]:
        return ref.kind, ref.extra_body.get("model", ref.target), ref.digest

    near = judge.base_url == arm.base_url or (judge.server == arm.server != "")
    return near and model(judge) == model(arm)


def notes(suite: Suite, judges: Mapping[str, ModelRef]) -> Iterator[str]:
    """What the user should know of how judges are asked, once for each: votes that are the same answer again, and texts
    of an arm that a judge is not sent."""
    votes: dict[str, int] = {}
    for case in suite.cases:
        for check in case.checks:
            for each in judging(check.scorer):
                for name in each.asks() if isinstance(each, Asker) else ():
                    votes[name] = max(votes.get(name, 1), getattr(each, "votes", 1))
    for name, most in votes.items():
        if name in judges and (judges[name].system or judges[name].context):
            yield f"judge '{name}' has a text of its own in the config (system, context), which no judge is sent"
        if most > 1 and name in judges and judges[name].params.get("temperature") == 0:
            yield f"judge '{name}' votes {most} times at temperature 0, which buys the same answer {most} times"


def instruments(suite: Suite, judges: Mapping[str, ModelRef]) -> tuple[Instrument, ...]:
    """The checks that ask models for a grade, each once by its name and aspect, bound to all that makes them."""
    found: dict[tuple[str, str], dict[int, Check]] = {}
    for case in suite.cases:
        for check in case.checks:
            if judging(check.scorer):
                found.setdefault((check.name, check.aspect), {}).setdefault(id(check.scorer), check)
    return tuple(_instrument(suite, list(checks.values()), judges) for checks in found.values())


def _instrument(suite: Suite, checks: list[Check], judges: Mapping[str, ModelRef]) -> Instrument:
    first = checks[0]
    names = dict.fromkeys(name for check in checks for name in asked(check.scorer) if name != ARM)
    models = [replace(judges[name], name=name) for name in names if name in judges]
    asks = sorted({encode([suite.content.told(check.scorer), check.pass_at]) for check in checks})
    parts = [WAY, asks, [_identity(model) for model in models]]
    measures = [each.measures() for each in judging(first.scorer)]
    scale = measures[0][0] if isinstance(first.scorer, Judging) else "grade"
    return Instrument(
        check=first.name,
        aspect=first.aspect,
        judges=tuple(f"{model.name} ({model.use})" for model in models),
        scale=scale,
        rubric="\n".join(rubric for _, rubric in measures),
        digest=hashlib.sha256(encode(parts).encode()).hexdigest(),
    )


def of_duels(prefer: Sequence[str], judges: Mapping[str, ModelRef]) -> tuple[Instrument, ...]:
    """Each criterion that replies are preferred by, bound to the judges, by the names the suite uses, and to the way of
    asking. Called `preference`, and where there are several also by its place from 1."""
    names = tuple(f"{name} ({model.use})" for name, model in judges.items())
    models = [_identity(model) for model in judges.values()]
    found: list[Instrument] = []
    for place, criterion in enumerate(prefer, 1):
        parts = [WAY, PAIR, QUESTION, LABELS, GUIDE, criterion.strip(), models]
        check = PREFERENCE if len(prefer) == 1 else f"{PREFERENCE}-{place}"
        digest = hashlib.sha256(encode(parts).encode()).hexdigest()
        found.append(Instrument(check, PREFERENCE, names, PAIR, criterion, digest))
    return tuple(found)


def _identity(model: ModelRef) -> list[object]:
    """All of a judge that can change what it says."""
    where = model.server or model.base_url
    sent = [dict(sorted(model.params.items())), dict(sorted(model.extra_body.items()))]
    return [model.use, where, *sent, model.digest, *([sorted(model.drop)] if model.drop else [])]


def _first_to_ask(suite: Suite) -> dict[str, Check]:
    """Each name that checks ask, with the first check that does."""
    found: dict[str, Check] = {}
    for case in suite.cases:
        for check in case.checks:
            for name in asked(check.scorer):
                if name != ARM:
                    found.setdefault(name, check)
    return found
