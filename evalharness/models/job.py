"""What a tuning job left, as a model: the tune, one of its checkpoints, or the model it began with."""

from __future__ import annotations

from dataclasses import replace

from evalharness.config import Arm
from evalharness.errors import EvalError, Faults
from evalharness.models.base import model
from evalharness.models.openai import OpenAI
from evalharness.tuning.state import Desk, TuneJob


@model("job")
class Job(OpenAI):
    """The model of a tuning job of this project: `job:NAME`, or the server's id of the job in place of its name.

    `job:NAME@120` is its checkpoint after step 120, `job:NAME@base` the model that was tuned. It is asked at the server
    that tuned it, as `openai:` asks: answers known under the model's own name are known under this one too.
    """

    def __init__(self, arm: Arm) -> None:
        name, _, step = arm.ref.target.partition("@")
        try:
            job = Desk(arm.folder / ".evalharness").find(name)
        except EvalError as error:
            raise Faults([arm.fault(error.what, error.hint)]) from None
        served = job.at(step)
        if served is None:
            raise Faults([arm.fault(*_why_not(job, step))])
        ref = replace(arm.ref, use=f"openai:{served}", base_url=arm.ref.base_url or job.server)
        super().__init__(replace(arm, ref=ref, api_key_env=arm.api_key_env or job.api_key_env))


def _why_not(job: TuneJob, step: str) -> tuple[str, str]:
    """What is wrong with a job's name, and what to do."""
    if step in ("", "last"):
        return (
            f"tuning job '{job.name}' has no model: it is '{job.status}'",
            f"`evalharness tune watch {job.name}` waits for it",
        )
    steps = ", ".join([*(str(point.step) for point in job.checkpoints), "base", "last"])
    return f"tuning job '{job.name}' has no checkpoint '{step}'", f"known: {steps}"
