"""Completions, vectors and likelihoods from any server that speaks the OpenAI protocol.

The transport is our own: it reads raw bytes up to a limit, within a total deadline, and retries nothing. The official
client's environment variables hold here too.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from json.encoder import encode_basestring_ascii as quote
from typing import TYPE_CHECKING, NoReturn, Self
from urllib.parse import urlsplit

from evalharness.addresses import is_loopback
from evalharness.config import Arm
from evalharness.endpoints import KEPT, NO_PROMPTS, Prompt, behind, kept, kept_likelihood, prompt, vectors
from evalharness.errors import Fault, Faults, ModelFailed
from evalharness.models.base import LARGEST, Model, model
from evalharness.pooling import Pool
from evalharness.protocol import QUOTA, Headers, NoCompletion, allowance, complaint, completion, parsed, shown, waiting
from evalharness.records import Message, ModelRef, Payload, Request, Response, encode
from evalharness.secrecy import Secrets
from evalharness.settings import url_fault

if TYPE_CHECKING:
    from ssl import SSLContext
    from types import TracebackType

    from aiohttp import ClientResponse, ClientSession

HOME = "https://api.openai.com/v1"
OURS = frozenset({"messages", "model", "stream", "n"})
DRAWING = OURS | {"temperature", "top_p", "top_k", "min_p", "seed", "stop", "max_tokens", "max_completion_tokens",
                  "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "repetition_penalty",
                  "response_format", "input"}  # fmt: skip
"""Parameters of how a reply is drawn: they change no vector, nor how likely a given reply is."""
LONG = 2**20
"""Bytes of a question from which aiohttp wants to send it in pieces."""
NEVER = frozenset({400, 401, 403, 404, 413, 422})
AGAIN = frozenset({408, 409, 429})
GOES_ON: Payload = {"add_generation_prompt": False, "continue_final_message": True}
"""The last message is the beginning of the reply, which no mark ends."""


@model("openai")
class OpenAI(Model):
    """A chat model by its name, at `base_url`: `openai:gpt-4o-mini`, `openai:my-lora`.

    The key comes from the variable `api_key_env` (by default `OPENAI_API_KEY`), the address from `base_url`, else
    `OPENAI_BASE_URL`, else the service's own. It occurs in no message and no answer, also where a server echoes it.
    """

    def __init__(self, arm: Arm) -> None:
        super().__init__(arm)
        base_url = arm.ref.base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or HOME
        if wrong := url_fault(base_url):
            raise Faults([arm.fault(f"base_url: {wrong}", "it comes from the variable OPENAI_BASE_URL")])
        self._ref = replace(arm.ref, base_url=base_url.rstrip("/"))
        self._url = f"{self._ref.base_url}/chat/completions"
        self._pools: dict[str, Pool] = {}
        self._no_prompts = ""
        self._variable = arm.api_key_env or "OPENAI_API_KEY"
        self._key = os.environ.get(self._variable, "").strip()
        self._model = arm.ref.extra_body.get("model", arm.ref.target)
        self._head = f'{{"model":{encode(self._model)},"messages":['
        self._secrets = Secrets([self._key])
        self._session: ClientSession | None = None
        self._proxy: str | None = None

    @property
    def ref(self) -> ModelRef:
        """The arm with the address it is asked at, whose text is part of every key."""
        return self._ref

    def faults(self, requests: Iterable[Request]) -> tuple[Fault, ...]:
        """A missing key, and parameters that are not for a suite to set; nothing where nothing is asked."""
        asked = False
        names = self.arm.ref.extra_body.keys() & (OURS - {"model"})
        for request in requests:
            asked = True
            if not OURS.isdisjoint(request.params):
                names |= request.params.keys() & OURS
        if not asked:
            return ()
        found = [self._keyless()]
        hint = "answers are asked for one by one and read whole; `samples` asks more often"
        found += [self.arm.fault(f"the parameter '{name}' is the harness's own", hint) for name in sorted(names)]
        return tuple(fault for fault in found if fault)

    def _keyless(self) -> Fault | None:
        if self._key:
            if self._key.isascii() and self._key.isprintable():
                return None
            return self.arm.fault(f"the key in {self._variable} has characters that no header can hold")
        if self.arm.api_key_env is None and is_loopback(self._url):
            return None
        hint = f"export {self._variable}=..., or name another variable with api_key_env"
        return self.arm.fault(f"the variable {self._variable} is not set, so there is no key", hint)

    async def __aenter__(self) -> Self:
        import aiohttp

        if self._keyless():
            return self
        secure = self._url.startswith("https:")
        self._proxy = _proxy(self._url)
        own = _own_headers(self._key)
        self._secrets = Secrets([self._key, *own.values(), *_password(self._proxy)])
        self._session = aiohttp.ClientSession(
            headers={"content-type": "application/json", "accept": "application/json", **own},
            # No limit here: who asks holds to one, and waiting for a connection would count against the deadline.
            connector=aiohttp.TCPConnector(limit=0, ssl=_trust() if secure else True),
            # Whoever fans out keeps this deadline too; here it holds for those who call `fetch` themselves.
            timeout=aiohttp.ClientTimeout(total=self.arm.seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def body(self, request: Request) -> bytes:
        """What is sent for a question: the arm's `extra_body` over the request's parameters, less what is dropped."""
        said = ",".join([f'{{"role":"{m.role}","content":{quote(m.content)}}}' for m in request.messages])
        rest = {**request.params, **self.arm.ref.extra_body}
        for name in (*self.arm.ref.drop, *OURS & rest.keys()):
            rest.pop(name, None)
        tail = f",{encode(rest)[1:]}" if rest else "}"
        return f"{self._head}{said}]{tail}".encode("ascii")

    async def fetch(self, request: Request) -> str:
        """The body of a 200 as it came, but for the key; all else is `ModelFailed`. A vector, which comes with others,
        and a likelihood, which two answers tell, are kept in a form of their own."""
        if self._session is None:
            fault = self._keyless()
            self._fail("denied", fault.what if fault else "the model is asked outside `async with`", stops="run")
        if request.kind == "embed":
            return await self._pool(request).get(self._text(request))
        if request.kind == "likelihood":
            return await self._likelihood(request)
        text = await self._posted(self._session, self._url, self.body(request))
        if text.startswith(KEPT):
            self._fail("invalid", f"not a completion but '{shown(text)}'")
        return text

    async def _posted(self, session: ClientSession, url: str, body: bytes) -> str:
        import aiohttp

        seconds = self.arm.seconds
        try:
            data = body if len(body) < LONG else io.BytesIO(body)
            post = session.post(url, data=data, allow_redirects=False, proxy=self._proxy)
            async with post as answer:
                self.allowance = allowance(answer.headers) or self.allowance
                raw = await self._whole(answer)
                if answer.status != 200:
                    self._refused(answer.status, answer.headers, raw.decode("utf-8", "replace"))
                return self._secrets.hide(raw.decode())
        except TimeoutError:
            self._fail("timeout", f"no whole answer within {seconds:g} s", again=True)
        except UnicodeDecodeError as error:
            self._fail("invalid", f"the answer is not UTF-8: {error.reason} at byte {error.start}")
        except (aiohttp.ClientSSLError, aiohttp.InvalidURL) as error:
            self._fail("unreachable", f"{self._ref.base_url}: {self._shown(error)}", stops="model")
        except aiohttp.ClientHttpProxyError as error:
            again = error.status >= 500
            self._fail("unreachable", f"the proxy says {error.status}: {self._shown(error.message)}", again=again)
        except aiohttp.ClientResponseError as error:
            self._fail("invalid", f"the answer is not HTTP: {self._shown(error.message)}")
        except (aiohttp.ClientError, OSError) as error:
            self._fail("unreachable", f"{self._ref.base_url}: {self._shown(error)}", again=True)

    # --- vectors and likelihoods --------------------------------------------------------------------------------------

    def _text(self, request: Request) -> str:
        if len(request.messages) != 1:
            self._fail("rejected", f"a vector is that of one text, not of {len(request.messages)} messages")
        return request.messages[0].content

    def _pool(self, request: Request) -> Pool:
        """Those that ask with the same parameters go out together."""
        rest = self._rest(request)
        name = encode(rest)
        if name not in self._pools:
            self._pools[name] = Pool(partial(self._vectors, rest))
        return self._pools[name]

    async def _vectors(self, rest: Payload, texts: Sequence[str]) -> tuple[str, ...]:
        assert self._session is not None
        body = encode({**rest, "model": self._model, "input": list(texts)}).encode("ascii")
        text = await self._posted(self._session, f"{self._ref.base_url}/embeddings", body)
        try:
            return vectors(text, texts)
        except NoCompletion as error:
            self._fail("invalid", f"not the vectors asked for but {error}")

    async def _likelihood(self, request: Request) -> str:
        """The server reads the question alone, then with its answer behind it: what it has read more is the answer."""
        *before, answer = request.messages or (Message("user", ""),)
        if answer.role != "assistant":
            self._fail("rejected", "a likelihood is that of the last message, which must be the assistant's")
        if self._no_prompts:
            self._fail("rejected", self._no_prompts)
        question = await self._prompt(request, before, {})
        whole = await self._prompt(request, request.messages, GOES_ON)
        try:
            tokens = behind(question, whole, answer.content)
        except NoCompletion as error:
            self._fail("invalid", f"not the likelihood of an answer but {error}")
        took = question.usage + whole.usage
        return kept_likelihood(answer.content, tokens, took, whole.served, whole.fingerprint)

    async def _prompt(self, request: Request, messages: Sequence[Message], more: Payload) -> Prompt:
        assert self._session is not None
        rest = self._rest(request)
        said = [{"role": message.role, "content": message.content} for message in messages]
        # One token, since a server must say something; at 0, as its likelihood is not asked for.
        body = {**rest, "model": self._model, "messages": said, "max_tokens": 1, "temperature": 0, **more}
        try:
            text = await self._posted(self._session, self._url, encode({**body, "prompt_logprobs": 1}).encode("ascii"))
            return prompt(text)
        except NoCompletion as error:
            if str(error) == NO_PROMPTS:
                self._no_prompts = NO_PROMPTS
            self._fail("invalid", str(error))
        except ModelFailed as failed:
            if failed.kind == "rejected" and "prompt_logprobs" in failed.what:
                self._no_prompts = f"{NO_PROMPTS}: {failed.what}"
                self._fail("rejected", self._no_prompts)
            raise

    def _rest(self, request: Request) -> Payload:
        """What is sent beside the question itself."""
        rest = {**request.params, **self.arm.ref.extra_body}
        for name in (*self.arm.ref.drop, *DRAWING & rest.keys()):
            rest.pop(name, None)
        return rest

    async def _whole(self, answer: ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while chunk := await answer.content.readany():
            size += len(chunk)
            if size > LARGEST:
                answer.close()
                self._fail("invalid", f"an answer of more than {LARGEST >> 20} MiB")
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _refused(self, status: int, headers: Headers, text: str) -> NoReturn:
        """Sorts an error status: whether to ask again, when, and what makes no sense to go on with."""
        what, words = complaint(self._secrets.hide(text))
        what = f"status {status}: {what}"
        if words & QUOTA or status == 402:
            self._fail("quota", what, stops="run")
        if status in (401, 403):
            self._fail("denied", f"{what} (the key is that of {self._variable})", stops="run")
        if status in (404, 410):
            self._fail("gone", f"{what} (asked for '{self.arm.ref.target}' at {self._ref.base_url})", stops="model")
        if 300 <= status < 400:
            where = self._shown(headers.get("location", "elsewhere"))
            self._fail("rejected", f"status {status}: moved to {where}, which is not followed; set base_url")
        again = status in AGAIN or status >= 500
        wish = headers.get("x-should-retry", "").strip().lower()
        if wish in ("true", "false") and status not in NEVER:
            again = wish == "true"
        kind = {408: "timeout", 429: "limit"}.get(status, "server" if status >= 500 or status == 409 else "rejected")
        self._fail(kind, what, again=again, wait=waiting(headers) if again else None)

    def read(self, text: str) -> Response:
        """What a completion says; `ModelFailed` of kind `invalid`, which says what came, for whatever is none."""
        try:
            return kept(text) if text.startswith(KEPT) else completion(parsed(text))
        except NoCompletion as error:
            hidden = self._secrets.hide(text)
            if hidden != text:  # before it is quoted and cut, since half a key would not be found
                return self.read(hidden)
            self._fail("invalid", f"not a completion but {error}")

    def _shown(self, found: str | Exception) -> str:
        """Foreign words for a message: secrets are hidden before they could be cut in half."""
        name = f"{type(found).__name__}: " if isinstance(found, Exception) else ""
        return (name + shown(self._secrets.hide(str(found)))).removesuffix(": ")

    def _fail(
        self, kind: str, what: str, *, again: bool = False, wait: float | None = None, stops: str = ""
    ) -> NoReturn:
        hidden = self._secrets.hide(what)
        raise ModelFailed(kind, hidden, again=again, wait=wait, stops=stops) from None


def _own_headers(key: str) -> dict[str, str]:
    """The key, and what the official client also takes from the environment."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    for name, variable in (("openai-organization", "OPENAI_ORG_ID"), ("openai-project", "OPENAI_PROJECT_ID")):
        if value := os.environ.get(variable, "").strip():
            headers[name] = value
    for line in os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n"):
        name, colon, value = line.partition(":")
        if colon and name.strip():
            headers[name.strip().lower()] = value.strip()
    return headers


def _proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL. Read once: aiohttp would look for it, and for passwords in
    `~/.netrc`, at every request. This machine itself is never asked through a proxy."""
    if is_loopback(url) or not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    found = getproxies()
    return found.get(parts.scheme) or found.get("all")


def _password(proxy: str | None) -> list[str]:
    found = urlsplit(proxy or "").password
    return [found] if found else []


def _trust() -> SSLContext:
    """The system's certificates, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name."""
    import ssl

    return ssl.create_default_context()
