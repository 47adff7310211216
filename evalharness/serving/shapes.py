"""The objects that clients see, with every field the official client knows of them and no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from evalharness.records import Payload
from evalharness.serving.brain import Likely, Loss, Read, Said, Token


def listing(items: Sequence[Payload], *, more: bool, ends: bool = False) -> Payload:
    """A page of a list. ends: whether it says which items stand first and last."""
    page: Payload = {"object": "list", "data": list(items)}
    if ends:
        page["first_id"] = items[0]["id"] if items else None
        page["last_id"] = items[-1]["id"] if items else None
    return {**page, "has_more": more}


def model(name: str, created: int, owner: str, shutdown: str | None = None) -> Payload:
    """A model by its name; shutdown: the date from which it will be gone."""
    return {"id": name, "object": "model", "created": created, "owned_by": owner, "shutdown_date": shutdown}


def deleted(name: str, kind: Literal["file", "model"]) -> Payload:
    """What is said of something that is gone."""
    return {"id": name, "object": kind, "deleted": True}


def file(ident: str, name: str, purpose: str, size: int, created: int, expires: int | None = None) -> Payload:
    """An uploaded file, or a result."""
    return {
        "id": ident,
        "object": "file",
        "bytes": size,
        "created_at": created,
        "expires_at": expires,
        "filename": name,
        "purpose": purpose,
        "status": "processed",
        "status_details": None,
    }


def completion(
    ident: str, created: int, model: str, fingerprint: str, choices: Sequence[Payload], usage: Payload
) -> Payload:
    """A whole answer to a chat."""
    return {
        "id": ident,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": list(choices),
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": fingerprint,
        "metadata": None,
        "moderation": None,
    }


def choice(index: int, said: Said, *, logprobs: bool) -> Payload:
    """One of the replies."""
    message: Payload = {
        "role": "assistant",
        "content": said.text,
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "tool_calls": None,
    }
    return {
        "index": index,
        "message": message,
        "logprobs": {"content": [likelihood(token) for token in said.tokens], "refusal": None} if logprobs else None,
        "finish_reason": said.finish,
    }


def chunk(
    ident: str, created: int, model: str, fingerprint: str, choices: Sequence[Payload], usage: Payload | None
) -> Payload:
    """A piece of a streamed answer."""
    return {
        "id": ident,
        "object": "chat.completion.chunk",
        "created": created,
        "model": model,
        "choices": list(choices),
        "usage": usage,
        "service_tier": "default",
        "system_fingerprint": fingerprint,
        "moderation": None,
        "obfuscation": None,
    }


def delta(
    index: int, text: str | None, token: Token | None, finish: str | None = None, *, role: bool = False
) -> Payload:
    """What a piece adds to one of the replies."""
    added: Payload = {
        "role": "assistant" if role else None,
        "content": text,
        "refusal": None,
        "audio": None,
        "function_call": None,
        "tool_calls": None,
    }
    logprobs = {"content": [likelihood(token)], "refusal": None} if token else None
    return {"index": index, "delta": added, "logprobs": logprobs, "finish_reason": finish}


def likelihood(token: Token) -> Payload:
    """A token's log-probability, and the likeliest ones beside it."""
    return {**_token(token.said), "top_logprobs": [_token(likely) for likely in token.top]}


def _token(likely: Likely) -> Payload:
    return {"token": likely.text, "logprob": likely.logprob, "bytes": list(likely.raw)}


def prompt(tokens: Sequence[Read]) -> list[Payload | None]:
    """What `prompt_logprobs` of 1 tells of each token that was read: itself and the likeliest one of its place, by
    number, as vLLM writes them. Of the first nothing is told, as it follows nothing."""
    return [None if token.logprob is None else _placed(token, token.logprob) for token in tokens]


def _placed(token: Read, logprob: float) -> Payload:
    best = token.best
    own: Payload = {"logprob": logprob, "rank": token.rank, "decoded_token": token.added}
    first: Payload = {"logprob": best.logprob, "rank": 1, "decoded_token": best.text}
    return {str(token.likeliest): first, str(token.id): own}


def embeddings(model: str, vectors: Sequence[list[float] | str], read: int) -> Payload:
    """The vectors of texts, in their order."""
    rows = [{"object": "embedding", "index": at, "embedding": vector} for at, vector in enumerate(vectors)]
    return {"object": "list", "data": rows, "model": model, "usage": {"prompt_tokens": read, "total_tokens": read}}


def usage(read: int, written: int) -> Payload:
    """Tokens of a question and its replies."""
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {
            "text_tokens": read,
            "cached_tokens": 0,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
            "image_tokens": 0,
        },
        "completion_tokens_details": {
            "text_tokens": written,
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def event(ident: str, created: int, message: str, *, level: str = "info", data: Payload | None = None) -> Payload:
    """Something that happened to a job; one with data is a measurement."""
    return {
        "id": ident,
        "object": "fine_tuning.job.event",
        "created_at": created,
        "level": level,
        "message": message,
        "type": "metrics" if data else "message",
        "data": data or {},
    }


def checkpoint(ident: str, created: int, job: str, model: str, step: int, metrics: Payload) -> Payload:
    """A model as it was at a step of its tune."""
    return {
        "id": ident,
        "object": "fine_tuning.job.checkpoint",
        "created_at": created,
        "fine_tuned_model_checkpoint": model,
        "fine_tuning_job_id": job,
        "metrics": metrics,
        "step_number": step,
    }


def metrics(step: int, train: Loss, valid: Loss | None, whole: Loss | None) -> Payload:
    """The figures of a checkpoint."""
    return {
        "step": step,
        "train_loss": train.nats,
        "train_mean_token_accuracy": train.accuracy,
        "valid_loss": valid.nats if valid else None,
        "valid_mean_token_accuracy": valid.accuracy if valid else None,
        "full_valid_loss": whole.nats if whole else None,
        "full_valid_mean_token_accuracy": whole.accuracy if whole else None,
    }


def job(ident: str, created: int, model: str, training: str, validation: str | None, seed: int) -> Payload:
    """A tuning job that was just created."""
    return {
        "id": ident,
        "object": "fine_tuning.job",
        "created_at": created,
        "finished_at": None,
        "estimated_finish": None,
        "model": model,
        "fine_tuned_model": None,
        "organization_id": "org-local",
        "result_files": [],
        "status": "validating_files",
        "training_file": training,
        "validation_file": validation,
        "trained_tokens": None,
        "seed": seed,
        "error": None,
        "integrations": [],
        "metadata": {},
        "hyperparameters": {},
        "method": None,
    }


def method(kind: str, settings: Payload) -> Payload:
    """A job's method, with its hyperparameters as they were wished or settled."""
    if kind == "dpo":
        settings = {**settings, "beta": "auto"}
    return {"type": kind, **{name: _settings(settings) if name == kind else None for name in METHODS}}


METHODS = ("supervised", "dpo", "reinforcement")


def _settings(settings: Payload) -> Payload:
    return {"hyperparameters": settings}


def batch(ident: str, created: int, endpoint: str, input_file: str, window: str, metadata: Payload) -> Payload:
    """A batch that was just created."""
    return {
        "id": ident,
        "object": "batch",
        "endpoint": endpoint,
        "model": None,
        "errors": None,
        "input_file_id": input_file,
        "completion_window": window,
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": created,
        "in_progress_at": None,
        "expires_at": created + 86_400,
        "finalizing_at": None,
        "completed_at": None,
        "failed_at": None,
        "expired_at": None,
        "cancelling_at": None,
        "cancelled_at": None,
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "usage": batch_usage(0, 0),
        "metadata": metadata,
    }


def batch_usage(read: int, written: int) -> Payload:
    """Tokens of all questions of a batch."""
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": read + written,
    }
