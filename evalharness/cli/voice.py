"""`voice`: the voice of a file of replies in numbers, and how far that of another is from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalharness.cli.options import JSON
from evalharness.errors import EvalError
from evalharness.escape import terminal

if TYPE_CHECKING:
    from evalharness.records import Payload
    from evalharness.stylometry.profile import Profile

MOST_TOLD = 8


@click.command("voice")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("other", metavar="[OTHER]", required=False, type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Keep the voice as a .json file, for the check `voice`, without the replies.")  # fmt: skip
@JSON
def voice_verb(file: Path, other: Path | None, output: Path | None, as_json: bool) -> None:
    """Count the style of a training file or of example replies, and say how far OTHER is from it."""
    from evalharness.stylometry.profile import distance

    first = _learnt(file)
    second = None if other is None else _learnt(other)
    far = None if second is None else distance(second.means, first)
    if output is not None:
        _keep(output, file, first)
    if as_json:
        found: Payload = {"file": str(file), "profile": first.plain()}
        if second is not None:
            found |= {"other": str(other), "other_profile": second.plain(), "distance": far}
        click.echo(json.dumps(found, indent=2))
        return
    for line in (*_described(str(file), first), *(_beside(str(file), first, str(other), second) if second else ())):
        click.echo(terminal(line))


def _learnt(path: Path) -> Profile:
    from evalharness.voices import TooFew, learnt

    try:
        return learnt(path)
    except TooFew as error:
        raise EvalError(f"{path}: {error}", TooFew.HINT) from None


def _keep(output: Path, file: Path, voice: Profile) -> None:
    from evalharness import store

    if output.suffix != ".json":
        raise EvalError(f"-o {output}: a voice is kept as JSON", "name a file that ends in .json")
    if output.resolve() == file.resolve():
        raise EvalError(f"-o {output} is the file that is read", "write to another file")
    store.write_text(output, iter([json.dumps(voice.plain(), indent=2) + "\n"]))


def _described(name: str, voice: Profile) -> Iterator[str]:
    """Each feature with its mean and its deviation."""
    from evalharness.stylometry.features import FEATURES
    from evalharness.stylometry.telling import number

    yield f"{name}: the voice of {voice.replies:,} replies"
    for feature, mean, deviation in zip(FEATURES, voice.means, voice.deviations, strict=True):
        yield f"  {feature.name:<15} {number(mean):>7} ± {number(deviation):<7} {feature.unit}"
    yield (
        f"each reply from all the others, mean |z|: half of them at most {voice.typical:.2f}, 19 of 20 at most "
        f"{voice.edge:.2f}"
    )


def _beside(name: str, voice: Profile, other: str, second: Profile) -> Iterator[str]:
    """How far the mean reply of the other is from this voice, and where."""
    from evalharness.stylometry.features import FEATURES
    from evalharness.stylometry.profile import apart, distance
    from evalharness.stylometry.telling import told

    yield ""
    far = distance(second.means, voice)
    yield f"{other}: the voice of {second.replies:,} replies, its mean {far:.2f} from that of {name} (mean |z|)"
    rows = zip(FEATURES, voice.means, second.means, apart(second.means, voice), strict=True)
    for feature, usual, now, z in sorted(rows, key=lambda row: -abs(row[3]))[:MOST_TOLD]:
        if z:
            yield f"  {z:+.2f} sd  {told(feature, usual, now)}"
