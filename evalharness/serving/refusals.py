"""What the server says no with: the error bodies that clients of the protocol know, to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping


class Refused(Exception):
    """An error answer. headers: what it says beside its body, such as `Retry-After`."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.kind = kind
        self.headers = dict(headers or {})

    @property
    def body(self) -> bytes:
        """The JSON text, with all four fields whether or not they say anything."""
        error = {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}
        return f"{json.dumps({'error': error}, indent=2, ensure_ascii=False)}\n".encode("utf-8", "backslashreplace")


def wrong(message: str, param: str | None = None, code: str | None = None) -> Refused:
    """A request that will not do as it is."""
    return Refused(400, message, param, code)


def no_url(method: str, path: str) -> Refused:
    """There is nothing at that address."""
    return Refused(404, f"Invalid URL ({method} {path})")


def no_model(name: str) -> Refused:
    """Nobody here has that name."""
    what = f"The model `{name}` does not exist or you do not have access to it."
    return Refused(404, what, None, "model_not_found")


def no_file(name: str, param: str = "id") -> Refused:
    """No such file was uploaded, or it was deleted."""
    return Refused(404, f"No such File object: {name}", param)


def no_job(name: str) -> Refused:
    """No such tuning job was created."""
    return Refused(404, f"Could not find fine tune: {name}", "fine_tune_id", "fine_tune_not_found")


def no_batch(name: str) -> Refused:
    """No such batch was created."""
    return Refused(404, f"No batch found with id '{name}'.")


def busy(seconds: float) -> Refused:
    """Too many requests: come back after so many seconds."""
    what = f"Rate limit reached for requests. Please try again in {seconds:g}s."
    headers = {"retry-after": f"{seconds:g}"}
    return Refused(429, what, None, "rate_limit_exceeded", "requests", headers)


def broken(status: int = 500) -> Refused:
    """The server's own fault."""
    what = "The server had an error while processing your request. Sorry about that!"
    return Refused(status, what, None, None, "server_error")
