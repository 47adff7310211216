"""The server's side of a tune: files, jobs, events, through the official client, one request at a time.

Nothing is tried again here. Every failure is a `ServerFailed` that says whether the request may have been carried out.
The client's own parsing is not relied on: what comes is read as JSON text, and may hold anything.
"""

from __future__ import annotations

import json
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, NoReturn, Protocol, TypeAlias, TypeVar

from evalharness.addresses import is_loopback
from evalharness.errors import EvalError
from evalharness.protocol import NoCompletion, complaint, parsed, shown, waiting
from evalharness.records import Payload
from evalharness.secrecy import Secrets
from evalharness.settings import url_fault

if TYPE_CHECKING:
    import openai

HOME = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
SECONDS = 60.0
UPLOAD_SECONDS = 1800.0
PAGE = 100
T = TypeVar("T")

Kind: TypeAlias = Literal["refused", "denied", "gone", "limit", "lost"]


class ServerFailed(EvalError):
    """A request that brought no answer to work with.

    kind: `refused` (it will not do), `denied` (the key), `gone` (nothing there), `limit` (not now): nothing was done.
    `lost`: no answer, or none that makes sense, so it may have been done. param: what the server says it is about.
    """

    def __init__(self, kind: Kind, what: str, *, wait: float | None = None, param: str = "", hint: str = "") -> None:
        super().__init__(what, hint)
        self.kind = kind
        self.wait = wait
        self.param = param
        if kind in ("limit", "lost"):
            self.exit_code = 3


class Raw(Protocol):
    """What the client gives back before it parses it."""

    @property
    def content(self) -> bytes:
        """The body of a 200."""
        ...


class Remote:
    """One server. url: its base URL; variable: the environment variable that holds the key; seconds: for one request,
    from its first byte to the last of its answer, uploads and downloads aside."""

    def __init__(self, url: str | None, variable: str | None = None, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self.url = (url or os.environ.get("OPENAI_BASE_URL", "").strip() or HOME).rstrip("/")
        if wrong := url_fault(self.url):
            raise EvalError(f"--base-url: {wrong}", "for example http://127.0.0.1:8377/v1")
        self.variable = variable or KEY
        self._key = os.environ.get(self.variable, "").strip()
        if not self._key and not (variable is None and is_loopback(self.url)):
            hint = f"export {self.variable}=..., or name another variable with --api-key-env"
            raise EvalError(f"the variable {self.variable} is not set, so there is no key for {self.url}", hint)
        headers = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
        self._secrets = Secrets([self._key, *(line.partition(":")[2].strip() for line in headers)])
        self._opened: openai.OpenAI | None = None

    def upload(self, name: str, content: bytes) -> Payload:
        """Sends a training file."""
        api = self._api().files.with_raw_response
        return self._ask("the upload", lambda: api.create(file=(name, content), purpose="fine-tune"), UPLOAD_SECONDS)

    def file(self, ident: str) -> Payload:
        """What a server says of a file."""
        return self._ask(f"file {ident}", lambda: self._api().files.with_raw_response.retrieve(ident))

    def files(self) -> Iterator[Payload]:
        """Every training file on the server, the newest first."""
        import openai

        api = self._api().files.with_raw_response

        def page(after: str) -> Raw:
            return api.list(purpose="fine-tune", limit=PAGE, after=after or openai.omit)

        return self._pages("the list of files", page)

    def content(self, ident: str) -> bytes:
        """The bytes of a file."""
        api = self._api().files.with_raw_response
        return self._fetch(f"the content of {ident}", lambda: api.content(ident), UPLOAD_SECONDS)

    def create(self, model: str, training: str, more: Payload) -> Payload:
        """Creates a job. more: all fields but the two that every server wants."""
        api = self._api().fine_tuning.jobs.with_raw_response
        return self._ask(
            "the creation of the job", lambda: api.create(model=model, training_file=training, extra_body=more)
        )

    def job(self, ident: str) -> Payload:
        """A job as it is."""
        return self._ask(f"job {ident}", lambda: self._api().fine_tuning.jobs.with_raw_response.retrieve(ident))

    def jobs(self) -> Iterator[Payload]:
        """Every job on the server, the newest first."""
        import openai

        api = self._api().fine_tuning.jobs.with_raw_response

        def page(after: str) -> Raw:
            return api.list(limit=PAGE, after=after or openai.omit)

        return self._pages("the list of jobs", page)

    def events(self, ident: str) -> Iterator[Payload]:
        """A job's events, the newest first."""
        import openai

        api = self._api().fine_tuning.jobs.with_raw_response

        def page(after: str) -> Raw:
            return api.list_events(ident, limit=PAGE, after=after or openai.omit)

        return self._pages(f"the events of {ident}", page)

    def checkpoints(self, ident: str) -> Iterator[Payload]:
        """A job's checkpoints, the newest first."""
        import openai

        api = self._api().fine_tuning.jobs.checkpoints.with_raw_response

        def page(after: str) -> Raw:
            return api.list(ident, limit=PAGE, after=after or openai.omit)

        return self._pages(f"the checkpoints of {ident}", page)

    def cancel(self, ident: str) -> Payload:
        """Asks the server to end a job."""
        api = self._api().fine_tuning.jobs.with_raw_response
        return self._ask(f"the cancelling of {ident}", lambda: api.cancel(ident))

    def model(self, name: str) -> Payload:
        """What a server says of a model."""
        return self._ask(f"model {name}", lambda: self._api().models.with_raw_response.retrieve(name))

    def close(self) -> None:
        """Closes the connections; the next request opens others."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _api(self) -> openai.OpenAI:
        if self._opened is None:
            import openai

            # max_retries=0: a creation that is sent again blindly makes a second job.
            plain = openai.DefaultHttpxClient(trust_env=False) if is_loopback(self.url) else None
            self._opened = openai.OpenAI(
                base_url=self.url, api_key=self._key or "none", max_retries=0, timeout=SECONDS, http_client=plain
            )
        return self._opened

    def _pages(self, what: str, page: Callable[[str], Raw]) -> Iterator[Payload]:
        """The items of a list, page by page; a server that gives a page twice has given its last."""
        seen: set[str] = set()
        after = ""
        while True:
            found = self._ask(what, lambda: page(after))  # noqa: B023 - asked before `after` moves on
            data = found.get("data")
            items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
            fresh = [item for item in items if str(item.get("id")) not in seen]
            yield from fresh
            seen.update(str(item.get("id")) for item in fresh)
            if not fresh or found.get("has_more") is not True:
                return
            after = str(fresh[-1].get("id"))

    def _ask(self, what: str, call: Callable[[], Raw], seconds: float | None = None) -> Payload:
        raw = self._fetch(what, call, seconds or self._seconds)
        try:
            value = parsed(self._secrets.hide(raw.decode()))
        except UnicodeDecodeError:
            self._fail("lost", f"{what}: the answer is not UTF-8")
        except NoCompletion as error:
            self._fail("lost", f"{what}: the answer is {error}")
        if not isinstance(value, dict) or (value.get("error") and "object" not in value):
            self._fail("lost", f"{what}: the answer is '{shown(raw.decode())}'")
        return value

    def _fetch(self, what: str, call: Callable[[], Raw], seconds: float) -> bytes:
        import openai

        try:
            return _within(seconds, lambda: call().content)
        except openai.APIStatusError as error:
            self._refused(what, error)
        except (openai.APITimeoutError, TimeoutError):
            self._fail("lost", f"{what}: no whole answer within {seconds:g} s from {self.url}")
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            self._fail("lost", f"{what}: {self.url} cannot be reached: {type(cause).__name__}: {cause}")
        except openai.OpenAIError as error:
            self._fail("lost", f"{what}: {type(error).__name__}: {error}")

    def _refused(self, what: str, error: openai.APIStatusError) -> NoReturn:
        text = ""
        with suppress(Exception):  # a body that cannot be read says nothing
            text = error.response.text
        status, headers = error.status_code, error.response.headers
        said, _ = complaint(self._secrets.hide(text))
        line = f"{what}: {self.url} says {status}: {said}"
        if status in (401, 403):
            self._fail("denied", f"{line} (the key is that of {self.variable})")
        if status in (404, 405, 410, 501):
            self._fail("gone", line)
        if status == 429:
            self._fail("limit", line, wait=waiting(headers))
        if status >= 500 or status in (408, 409):
            self._fail("lost", line, wait=waiting(headers))
        self._fail("refused", line, param=_param(text))

    def _fail(self, kind: Kind, what: str, *, wait: float | None = None, param: str = "") -> NoReturn:
        raise ServerFailed(kind, self._secrets.hide(what), wait=wait, param=param) from None


def _within(seconds: float, call: Callable[[], T]) -> T:
    """What a call gives within a span that is kept whatever the server does: one that drips bytes ends no read."""
    done: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put(call())
        except BaseException as error:  # handed over, and raised there
            done.put(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    try:
        found = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(found, BaseException):
        raise found
    return found


def _param(text: str) -> str:
    """The field that an error body names."""
    try:
        error = json.loads(text)["error"]
        return f"{error.get('param') or ''} {error.get('message') or ''}"
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return text[:1000]
