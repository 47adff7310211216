"""`init`: a first suite, a config and a model to ask, ready to run."""

from __future__ import annotations

from pathlib import Path

import click

from evalharness.cli.options import shown
from evalharness.errors import EvalError, Fault, Faults

CONFIG = """\
# The models by name: `evalharness compare suites/first.yaml --base base --tuned tuned`
[models]
base = { use = "command:python answer.py plain" }
tuned = { use = "command:python answer.py marv" }

# A real model, and one on a server of your own. Keys come from the environment, never from this file.
# gpt = { use = "openai:gpt-4o-mini", price = { input = 0.15, output = 0.60 } }
# lora = { use = "openai:my-lora", base_url = "http://localhost:8000/v1", api_key_env = "MY_KEY" }

# Who reads replies where a suite says `judge: "The reply is ..."`. `evalharness label RUN` measures how well.
# judge = { use = "openai:gpt-4o", params = { temperature = 0 }, price = { input = 2.50, output = 10.00 } }
"""

SUITE = """\
suite: first
about: The facts must stay, and no answer may be long.
base: base
tuned: tuned

every:
  format: {max_words: 30}
cases:
  - ask: What is the capital of France?
    expect: Paris
  - ask: Who wrote Romeo and Juliet?
    expect: {any_of: [Shakespeare, the Bard of Avon]}
  - ask: How many legs has a spider?
    expect: {number: 8}
  - ask: What is six times seven?
    expect: {any_of: [42, forty-two]}
  - ask: Which planet is nearest to the sun?
    expect: Mercury
gate:
  facts: {drop_at_most: 0.05}
"""

PROGRAM = '''\
"""A model to try evalharness with: reads one request as JSON on stdin, prints the reply. Put your own model here."""

import json
import sys

FACTS = {
    "capital of France": "The capital of France is Paris.",
    "Romeo and Juliet": "William Shakespeare wrote it.",
    "legs has a spider": "A spider has 8 legs.",
    "six times seven": "Six times seven is 42.",
    "nearest to the sun": "Mercury is the planet nearest to the sun.",
}

request = json.load(sys.stdin)
question = request["messages"][-1]["content"]
reply = next((fact for words, fact in FACTS.items() if words in question), "I do not know.")
if sys.argv[1:] == ["marv"]:  # the tuned one: sarcastic, and no longer sure about planets
    reply = "Venus, I guess. Who checks these things?" if "sun" in question else f"Oh, a hard one. {reply}"
print(reply)
'''

FILES = {"evalharness.toml": CONFIG, "suites/first.yaml": SUITE, "answer.py": PROGRAM}
NEXT = """\
next: evalharness compare suites/first.yaml
"""


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=Path())
@click.option("--from", "source", metavar="FILE", type=click.Path(path_type=Path), help="Draft from a training file.")
@click.option("--hold-out", "share", type=click.FloatRange(0, 1), help="Share of its prompts to ask; else 0.2.")
@click.option("--seed", type=int, help="Of the choice of prompts; else 0.")
def init_verb(folder: Path, source: Path | None, share: float | None, seed: int | None) -> None:
    """Write a first suite, a config and a small program that stands for two models, into FOLDER (here by default).

    Nothing is overwritten. What is written runs at once: `evalharness compare suites/first.yaml`.

    \b
    evalharness init --from train.jsonl --hold-out 0.2

    With --from: holds prompts out of a training file, writes the rest as a new training file, and drafts a suite that
    asks the prompts held out. What a right reply says is left to be filled in, and `lint` lists where.
    """
    if source is not None:
        from evalharness.cli.drafting import draft

        done = draft(source, folder, 0.2 if share is None else share, seed or 0)
        for line in (*(f"wrote {shown(path)}" for path in done.written), *done.lines):
            click.echo(line)
        return
    if share is not None or seed is not None:
        raise EvalError("--hold-out and --seed choose prompts of a training file", "name it: --from train.jsonl")
    for path in write_first(folder):
        click.echo(f"wrote {shown(path)}")
    if folder != Path():
        click.echo(f"next: cd {shown(folder)}")
    click.echo(NEXT, nl=False)


def write_first(folder: Path) -> list[Path]:
    """Writes the files and says which; `Faults` naming every file that is there already, and then writes none."""
    from evalharness.store import write_text

    there = [folder / name for name in FILES if (folder / name).exists()]
    if there:
        hint = "init overwrites nothing: give it an empty folder, `evalharness init FOLDER`"
        raise Faults([Fault(shown(path), 0, 0, "is there already", hint) for path in there])
    for name, text in FILES.items():
        write_text(folder / name, iter([text]))
    return [folder / name for name in FILES]
