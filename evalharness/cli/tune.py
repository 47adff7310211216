"""`tune`: from a training file to a tuned model."""

from __future__ import annotations

import click

from evalharness.cli.tune_jobs import cancel_verb, list_verb, start_verb, watch_verb


@click.group("tune")
def tune_verb() -> None:
    """Check a training file, tune a model on it, watch the job."""


for verb in (start_verb, watch_verb, list_verb, cancel_verb):
    tune_verb.add_command(verb)
