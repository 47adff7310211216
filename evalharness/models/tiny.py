"""The model in the box: `tiny:base`, or a tune of it, asked in this process."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from evalharness.config import Arm
from evalharness.endpoints import KEPT, kept, kept_likelihood, kept_vector
from evalharness.errors import Fault, Faults, ModelFailed
from evalharness.files import unreadable
from evalharness.models.base import Model, model
from evalharness.protocol import NoCompletion, completion, parsed
from evalharness.records import ModelRef, Request, Response, Token, Usage, encode
from evalharness.tiny import chat
from evalharness.tiny import weights as files
from evalharness.tiny.reading import spelt, weigh

OURS = frozenset({"messages", "model", "stream", "n"})
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@model("tiny")
class Tiny(Model):
    """The small chat model that comes with the package: `tiny:base`.

    `tiny:NAME` is a tune of it that lies in `.evalharness/tiny/NAME.tiny`, `tiny:FILE.tiny` one that lies elsewhere,
    from the config's folder. It answers on this machine, without a key and without a network, and takes `temperature`,
    `top_p`, `seed`, `max_tokens`, `stop`, `logprobs` and `top_logprobs`. The same question, seed and sample always
    give the same reply; without a seed it is 0. It also gives vectors of texts, and says how likely a reply is.
    """

    def __init__(self, arm: Arm) -> None:
        super().__init__(arm)
        self._path, self._called = _place(arm)
        try:
            with self._path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            fault = unreadable(self._path, self._called, error)
            raise Faults([replace(fault, hint=fault.hint or "a tune writes it; the base is tiny:base")]) from None
        self._ref = replace(arm.ref, digest=digest)
        self._loaded: files.Model | None = None

    @property
    def ref(self) -> ModelRef:
        """The arm with the digest of its weights, so that other weights are another model."""
        return self._ref

    @property
    def at_once(self) -> int:
        """What the arm says, else one: a question takes a few milliseconds of the processor, and no waiting."""
        return self.arm.at_once or 1

    def faults(self, requests: Iterable[Request]) -> tuple[Fault, ...]:
        """Weights that are damaged, and parameters this model does not take; nothing where nothing is asked."""
        wrong: dict[str, Fault] = {}
        for request in requests:
            if not wrong and self._loaded is None:
                try:
                    self._load()
                except Faults as error:
                    return error.faults
            try:
                _settings(self._params(request))
            except chat.Unusable as error:
                wrong.setdefault(error.what, self.arm.fault(error.what, error.hint))
        return tuple(wrong.values())

    async def fetch(self, request: Request) -> str:
        """The reply as a chat completion, or what else was asked for; `ModelFailed` where the question cannot be
        taken."""
        import asyncio

        return await asyncio.to_thread(self.answer, request)

    def answer(self, request: Request) -> str:
        """What `fetch` gives, at once."""
        try:
            found = self._load()
            if request.kind == "embed":
                return _vector(self._path.stem, found, request)
            if request.kind == "likelihood":
                return _likelihood(self._path.stem, found, request)
            settings = _settings(self._params(request))
            reply = chat.complete(found, request.messages, settings, request.sample)
        except chat.Unusable as error:
            raise ModelFailed("rejected", error.what) from None
        except Faults as error:
            raise ModelFailed("gone", str(error).replace("\n", " "), stops="model") from None
        name = self._path.stem
        # No time of day: the same question gives the same text, byte for byte.
        return encode(chat.completion(name, chat.fingerprint(found), [reply], found.tokenizer, 0))

    def read(self, text: str) -> Response:
        """What the completion says."""
        try:
            return kept(text) if text.startswith(KEPT) else completion(parsed(text))
        except NoCompletion as error:
            raise ModelFailed("invalid", f"no completion but {error}") from None

    def _load(self) -> files.Model:
        if self._loaded is None:
            self._loaded = files.load(self._path, self._called)
        return self._loaded

    def _params(self, request: Request) -> Mapping[str, object]:
        return {**request.params, **self.arm.ref.extra_body}


def _place(arm: Arm) -> tuple[Path, str]:
    """Where the weights lie, and how messages call them."""
    target = arm.ref.target.strip()
    if target == "base":
        return files.BASE, "tiny:base"
    if target.endswith(files.ENDING):
        return arm.folder / target, target
    if not NAME.fullmatch(target):
        hint = f"tiny:base, the name of a tune, or a file that ends in {files.ENDING}"
        raise Faults([arm.fault(f"'{target:.60}' names no tiny model", hint)])
    path = files.place(arm.folder, target)
    return path, path.relative_to(arm.folder).as_posix()


def _vector(name: str, found: files.Model, request: Request) -> str:
    if len(request.messages) != 1:
        raise chat.Unusable(f"a vector is that of one text, not of {len(request.messages)} messages", "messages")
    vector, tokens = chat.embed(found, request.messages[0].content)
    return kept_vector(vector, tokens, name)


def _likelihood(name: str, found: files.Model, request: Request) -> str:
    tokens, start = chat.opened(found, request.messages)
    answer = request.messages[-1].content
    spelling = spelt(found.tokenizer, tokens[start:], answer)
    reads = weigh(found, tokens)[start:]
    told = [Token(text, read.logprob or 0.0) for text, read in zip(spelling, reads, strict=True)]
    return kept_likelihood(answer, told, Usage(len(tokens)), name, chat.fingerprint(found))


def _settings(params: Mapping[str, object]) -> chat.Settings:
    for name in sorted(OURS & params.keys()):
        raise chat.Unusable(f"the parameter '{name}' is the harness's own", name, "`samples` asks more often")
    return chat.Settings.of(params)
