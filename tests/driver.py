"""Asks questions of a server as a program of its own, so that tests can kill and interrupt it.

`python -m tests.driver URL CACHE QUESTIONS AT_ONCE` prints each finished question's number, then what it took as JSON.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from evalharness.cache import Cache
from evalharness.config import Arm
from evalharness.engine import Interrupted, Limits, run
from evalharness.errors import EvalError
from evalharness.flow import Answer, Flow, ask_all
from evalharness.models.base import open_model
from evalharness.records import Message, ModelRef, Origin, Request, Response


def main(url: str, folder: str, questions: int, at_once: int) -> int:
    """Runs; the exit code is that of a command."""
    model = open_model(Arm(ModelRef("m", "openai:m", base_url=url, server="loopback"), at_once=at_once, seconds=60.0))

    def flow(place: int) -> Flow[Answer]:
        (answer,) = yield from ask_all(
            Request(model.ref, (Message("user", f"question {place}"),), origin=Origin(str(place), 1))
        )
        return answer

    def finished(place: int, answer: Answer) -> None:
        print(place if isinstance(answer, Response) else answer.kind, flush=True)  # noqa: T201 - read by the test

    with Cache(Path(folder)) as cache:
        try:
            took = run(map(flow, range(questions)), {"m": model}, cache=cache, limits=Limits(), finished=finished)
        except EvalError as error:
            sys.stderr.write(f"{error}\n")
            if isinstance(error, Interrupted):
                print(json.dumps(dataclasses.asdict(error.tallies["m"])))  # noqa: T201 - read by the test
            return error.exit_code
    print(json.dumps(dataclasses.asdict(took["m"])))  # noqa: T201 - read by the test
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
