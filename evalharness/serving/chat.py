"""Chat completions: what a request asks for, and the answer, whole or in pieces. No HTTP here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evalharness.records import Message, Payload
from evalharness.serving import shapes
from evalharness.serving.brain import Brain, Said, Sampling, Unanswerable
from evalharness.serving.fields import Fields
from evalharness.serving.models import Known, Models
from evalharness.serving.refusals import wrong
from evalharness.serving.shelf import digest

INERT = ("user", "store", "metadata", "service_tier", "prompt_cache_key", "safety_identifier")
"""Fields that change no reply here."""
UNKNOWN = ("tools", "tool_choice", "functions", "function_call", "audio", "modalities", "prediction", "logit_bias",
           "web_search_options", "reasoning_effort", "verbosity", "presence_penalty", "frequency_penalty")  # fmt: skip
"""Fields that would change a reply, and cannot be honoured."""
ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
MOST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Wish:
    """One request: whom it asks what, how replies are drawn, and how they are told."""

    model: Known
    messages: tuple[Message, ...]
    sampling: Sampling
    replies: int
    logprobs: bool
    streams: bool
    counts: bool
    weighs: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The replies to a wish. id: made from the request and the weights, so the same question has the same answer."""

    wish: Wish
    id: str
    created: int
    said: tuple[Said, ...]

    @property
    def usage(self) -> Payload:
        """Tokens of the question, once, and of all its replies."""
        return shapes.usage(self.said[0].read, sum(said.written for said in self.said))

    def whole(self) -> Payload:
        """The answer as one object."""
        told = [shapes.choice(at, said, logprobs=self.wish.logprobs) for at, said in enumerate(self.said)]
        model = self.wish.model
        whole = shapes.completion(self.id, self.created, model.name, model.fingerprint, told, self.usage)
        return {**whole, "prompt_logprobs": shapes.prompt(self.said[0].prompt)} if self.wish.weighs else whole

    def pieces(self) -> Iterator[Payload]:
        """The answer token by token: each reply's role, words and end; if wished, what it all took."""
        for at, said in enumerate(self.said):
            yield self._piece(shapes.delta(at, "", None, role=True))
            for token in said.tokens:
                yield self._piece(shapes.delta(at, token.added, token if self.wish.logprobs else None))
            yield self._piece(shapes.delta(at, None, None, said.finish))
        if self.wish.counts:
            yield self._chunk([], self.usage)

    def _piece(self, delta: Payload) -> Payload:
        return self._chunk([delta], None)

    def _chunk(self, choices: list[Payload], usage: Payload | None) -> Payload:
        model = self.wish.model
        return shapes.chunk(self.id, self.created, model.name, model.fingerprint, choices, usage)


def wish(raw: bytes, models: Models) -> Wish:
    """What a body asks for; `Refused` where it cannot be honoured to the letter."""
    fields = Fields.of(raw)
    model = models.named(fields.needed("model"))
    messages = tuple(_message(item, at) for at, item in enumerate(fields.items("messages", need=True)))
    if not messages:
        what = (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        raise wrong(what, "messages", "empty_array")
    logprobs = fields.flag("logprobs")
    top = fields.whole("top_logprobs", 0, 20)
    if top is not None and not logprobs:
        raise wrong("The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", "top_logprobs")
    streams = fields.flag("stream")
    options = fields.table("stream_options")
    if options is not None and not streams:
        raise wrong("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    sampling = _prompted(fields, _sampling(fields, top or 0), messages, streams=streams)
    found = Wish(
        model,
        messages,
        sampling,
        fields.whole("n", 1, 128) or 1,
        logprobs,
        streams,
        options.flag("include_usage") if options else False,
        sampling.weighs,
    )
    if options:
        options.flag("include_obfuscation")
        options.rest()
    _format(fields)
    fields.pass_over(*INERT)
    fields.unsupported(*UNKNOWN)
    fields.rest()
    return found


def answer(brain: Brain, asked: Wish, created: int) -> Answer:
    """Asks the brain for every reply."""
    said = []
    for choice in range(asked.replies):
        sampling = replace(asked.sampling, choice=choice)
        try:
            said.append(brain.complete(asked.model.base, asked.model.weights, asked.messages, sampling))
        except Unanswerable as error:
            raise wrong(error.message, error.param, error.code) from None
    texts = [[message.role, message.content] for message in asked.messages]
    name = digest(asked.model.name, asked.model.fingerprint, texts, repr(asked.sampling), asked.replies)
    return Answer(asked, f"chatcmpl-{name[:24]}", created, tuple(said))


def _prompted(fields: Fields, sampling: Sampling, messages: Sequence[Message], *, streams: bool) -> Sampling:
    """The sampling with what vLLM has beside the protocol: a reply that goes on, and how likely the prompt is."""
    goes_on = fields.flag("continue_final_message")
    opens = "add_generation_prompt" not in fields or fields.flag("add_generation_prompt")
    fields.pass_over("add_generation_prompt")
    if goes_on == opens:
        what = "Exactly one of 'continue_final_message' and 'add_generation_prompt' must be true."
        raise wrong(what, "continue_final_message")
    if goes_on and messages[-1].role != "assistant":
        raise wrong("The message to continue must be the assistant's.", "continue_final_message")
    weighs = fields.whole("prompt_logprobs", 1, 1) is not None
    if weighs and streams:
        raise wrong("'prompt_logprobs' are not available when 'stream' is true.", "prompt_logprobs")
    return replace(sampling, goes_on=goes_on, weighs=weighs)


def _sampling(fields: Fields, top: int) -> Sampling:
    temperature = fields.number("temperature", 0, 2)
    top_p = fields.number("top_p", 0, 1)
    longest = [fields.whole(name, 1, 2**31) for name in ("max_completion_tokens", "max_tokens")]
    if None not in longest:
        raise wrong("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", "max_tokens")
    return Sampling(
        1.0 if temperature is None else temperature,
        1.0 if top_p is None else top_p,
        fields.whole("seed", -(2**63), MOST_SEED) or 0,
        most=next((most for most in longest if most is not None), None),
        stops=_stops(fields),
        top=top,
    )


def _message(item: object, at: int) -> Message:
    place = f"messages[{at}]"
    if not isinstance(item, dict):
        raise wrong(f"Invalid type for '{place}': expected an object.", place, "invalid_type")
    role = item.get("role")
    if not isinstance(role, str) or role not in ROLES:
        known = ", ".join(f"'{name}'" for name in ROLES)
        what = f"Invalid value: '{str(role)[:80]}'. Supported values are: {known}."
        raise wrong(what, f"{place}.role", "invalid_value")
    content = item.get("content")
    if isinstance(content, list):
        content = _joined(content, place)
    if not isinstance(content, str):
        what = f"Invalid value for 'content': expected a string, got {'null' if content is None else 'something else'}."
        raise wrong(what, f"{place}.content")
    match ROLES[role]:
        case "system":
            return Message("system", content)
        case "user":
            return Message("user", content)
        case _:
            return Message("assistant", content)


def _joined(parts: list[object], place: str) -> str:
    texts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in parts]
    if None in texts:
        raise wrong("Invalid content type. This model reads text only.", f"{place}.content")
    return "".join(str(text) for text in texts)


def _stops(fields: Fields) -> tuple[str, ...]:
    stop = fields.any("stop")
    stops = stop if isinstance(stop, list) else [] if stop is None else [stop]
    if len(stops) > 4 or not all(isinstance(text, str) and text for text in stops):
        raise wrong("Invalid 'stop': expected a string, or an array of at most 4 strings.", "stop")
    return tuple(str(text) for text in stops)


def _format(fields: Fields) -> None:
    """Only running text can be promised."""
    wished = fields.table("response_format")
    if wished is not None and (kind := wished.needed("type")) != "text":
        what = f"Invalid parameter: 'response_format' of type '{kind[:80]}' is not supported with this model."
        raise wrong(what, "response_format")
