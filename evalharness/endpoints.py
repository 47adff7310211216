"""What servers answer beside completions: vectors of texts, and the log-probabilities of a prompt. Pure: text in,
values out.

An answer that serves many questions, or that two answers make, is kept question by question in a form of our own, which
begins with `KEPT` and which no completion begins with. What is no such answer raises `NoCompletion`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from evalharness.protocol import NoCompletion, complaint, natural_log, parsed, shown, usage
from evalharness.records import Payload, Response, Token, Usage, encode

KEPT = '{"kept":"'
"""How an answer begins that is kept in our own form."""

WIDEST = 2**16
"""Numbers of the longest vector taken."""

NO_PROMPTS = "this server gives no log-probabilities of prompts"


# --- vectors ----------------------------------------------------------------------------------------------------------


def vectors(text: str, texts: Sequence[str]) -> tuple[str, ...]:
    """The answer to a question for vectors of several texts, as one answer to be kept for each text.

    What the server counted is shared out by the length of the texts. `NoCompletion` where there is not exactly one
    vector of finite numbers for each, all of one length, or where their `index` says something else than an order.
    """
    answer = _object(text)
    rows = answer.get("data")
    if not isinstance(rows, list) or len(rows) != len(texts):
        count = f"{len(rows)} vectors" if isinstance(rows, list) else "no list of vectors"
        raise NoCompletion(f"{count} for {len(texts)} texts: '{shown(text)}'")
    found = [_vector(row) for row in _ordered(rows)]
    if len({len(vector) for vector in found}) > 1:
        raise NoCompletion(f"vectors of different lengths: {sorted({len(vector) for vector in found})}")
    shares = _shares(usage(answer.get("usage")).tokens_in, [len(text) for text in texts])
    served = answer.get("model")
    return tuple(
        kept_vector(vector, share, served if isinstance(served, str) else "")
        for vector, share in zip(found, shares, strict=True)
    )


def kept_vector(vector: Sequence[float], tokens_in: int, served: str) -> str:
    """One text's vector as it is kept."""
    body: Payload = {"kept": "vector", "vector": list(vector), "tokens": [tokens_in, 0], "model": served[:200]}
    return encode(body)


def _ordered(rows: list[object]) -> list[object]:
    """The rows by their `index`, which servers that work in parallel may send in any order."""
    places = [row.get("index") if isinstance(row, dict) else None for row in rows]
    if all(place is None for place in places):
        return rows
    by_place = {place: row for place, row in zip(places, rows, strict=True) if type(place) is int}
    if by_place.keys() != set(range(len(rows))):
        raise NoCompletion(f"vectors whose 'index' is no order: {_quoted(places)}")
    return [by_place[place] for place in range(len(rows))]


def _vector(row: object) -> list[float]:
    numbers = row.get("embedding") if isinstance(row, dict) else None
    if not isinstance(numbers, list) or not 0 < len(numbers) <= WIDEST:
        raise NoCompletion(f"a vector that is no list of numbers: {_quoted(numbers)}")
    return _finite(numbers)


def _finite(numbers: list[object]) -> list[float]:
    found = []
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) <= MOST:
            raise NoCompletion(f"a vector with a number that is none: {_quoted(number)}")
        found.append(float(number))
    return found


MOST = 1e100
"""The largest number of a vector, so that the square of its length is a number too."""


def _shares(count: int, sizes: Sequence[int]) -> list[int]:
    """A count shared out by sizes, to the last of it."""
    whole = sum(sizes) or 1
    ends = [count * sum(sizes[:end]) // whole for end in range(len(sizes) + 1)]
    return [end - start for start, end in pairwise(ends)]


# --- log-probabilities of a prompt ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prompt:
    """The tokens of a prompt as a server read them, with their ids as it writes them. The first has no logarithm, as
    it follows nothing: it is None."""

    ids: tuple[str | None, ...]
    tokens: tuple[Token | None, ...]
    usage: Usage
    served: str
    fingerprint: str | None


def prompt(text: str) -> Prompt:
    """What an answer says of the prompt it answered; `NoCompletion` where it does not say how likely its tokens are.

    The field is vLLM's `prompt_logprobs`, asked for with 1: for each place, by id, the token that stands there and the
    likeliest one, where that is another. So the one that stands there is the less likely of the two.
    """
    answer = _object(text)
    rows = answer.get("prompt_logprobs")
    if rows is None:
        raise NoCompletion(NO_PROMPTS)
    if not isinstance(rows, list):
        raise NoCompletion(f"'prompt_logprobs' that are no list: {_quoted(rows)}")
    placed = [_placed(row) if place or row is not None else (None, None) for place, row in enumerate(rows)]
    served, build = answer.get("model"), answer.get("system_fingerprint")
    return Prompt(
        tuple(ident for ident, _ in placed),
        tuple(token for _, token in placed),
        usage(answer.get("usage")),
        served[:200] if isinstance(served, str) else "",
        build[:200] if isinstance(build, str) else None,
    )


def _placed(row: object) -> tuple[str, Token]:
    """The token that stands at a place, and its id."""
    found = []
    for ident, told in row.items() if isinstance(row, dict) else ():
        logprob = natural_log(told.get("logprob")) if isinstance(told, dict) else None
        if logprob is None:
            raise NoCompletion(f"a token of the prompt without a log-probability: {_quoted(row)}")
        rank, word = told.get("rank"), told.get("decoded_token")
        # Where both are equally likely, the one that is not the first.
        found.append((logprob, -rank if type(rank) is int else 0, ident, word if isinstance(word, str) else ""))
    if not 0 < len(found) <= 2:
        raise NoCompletion(f"{len(found)} tokens for a place of the prompt, asked for one and the likeliest")
    logprob, _, ident, word = min(found)
    return ident, Token(word, logprob)


def behind(question: Prompt, whole: Prompt, answer: str) -> tuple[Token, ...]:
    """The tokens of an answer: those of the whole prompt behind the ones that the question alone has.

    `NoCompletion` where the whole does not begin as the question does, or where what is behind is not the answer's
    words, as a chat template may put others before them. White space is not compared, nor words that the server does
    not spell token by token.
    """
    length = len(question.ids)
    if question.ids[1:] != whole.ids[1:length] or len(whole.ids) <= length:
        raise NoCompletion("a prompt that does not begin with the question as it is asked without its answer")
    tokens = tuple(token for token in whole.tokens[length:] if token is not None)
    spelt = "".join(token.text for token in tokens)
    if UNSPELT not in spelt and _bare(spelt) != _bare(answer) and not any(map(_byte, tokens)):
        raise NoCompletion(f"a prompt that has '{shown(spelt)}' where the answer should be: see the chat template")
    return tokens


UNSPELT = "\N{REPLACEMENT CHARACTER}"
SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""How some vocabularies write a space."""


def _bare(text: str) -> str:
    return "".join(text.replace(SPACE, " ").split())


def _byte(token: Token) -> bool:
    """Whether it stands for a byte of a character: `<0xE6>`. Nothing at all is not spelt either."""
    return not token.text or (token.text.startswith("<0x") and token.text.endswith(">"))


def kept_likelihood(answer: str, tokens: Sequence[Token], took: Usage, served: str, fingerprint: str | None) -> str:
    """The likelihood of an answer as it is kept: token by token."""
    body: Payload = {
        "kept": "likelihood",
        "text": answer,
        "logprobs": [[token.text, token.logprob] for token in tokens],
        "tokens": [took.tokens_in, took.tokens_out],
        "model": served[:200],
        "fingerprint": fingerprint,
    }
    return encode(body)


# --- what was kept ----------------------------------------------------------------------------------------------------


def kept(text: str) -> Response:
    """The response in an answer that is kept in our own form; `NoCompletion` for what `kept_*` did not make."""
    body = _object(text)
    counts = body.get("tokens")
    if not isinstance(counts, list) or len(counts) != 2 or not all(type(count) is int for count in counts):
        raise NoCompletion("an answer that was kept without its tokens")
    served, build = body.get("model"), body.get("fingerprint")
    found = Response(
        "",
        usage=Usage(*counts),
        served=served if isinstance(served, str) else "",
        fingerprint=build if isinstance(build, str) else None,
    )
    return _filled(found, body)


def _filled(found: Response, body: Payload) -> Response:
    text, numbers, told = body.get("text"), body.get("vector"), body.get("logprobs")
    if body["kept"] == "vector" and isinstance(numbers, list) and numbers:
        return replace(found, vector=tuple(_finite(numbers)))
    if body["kept"] == "likelihood" and isinstance(text, str) and isinstance(told, list) and told:
        return replace(found, text=text, logprobs=tuple(_told(row) for row in told))
    raise NoCompletion(f"an answer that was kept as '{shown(str(body['kept']))}'")


def _told(row: object) -> Token:
    if isinstance(row, list) and len(row) == 2 and isinstance(row[0], str):
        logprob = natural_log(row[1])
        if logprob is not None:
            return Token(row[0], logprob)
    raise NoCompletion("an answer that was kept with a token that is none")


def _object(text: str) -> Payload:
    answer = parsed(text)
    if not isinstance(answer, dict):
        raise NoCompletion(f"no object: '{shown(text)}'")
    if answer.get("error"):
        raise NoCompletion(f"an error: {complaint(text)[0]}")
    return answer


def _quoted(value: object) -> str:
    try:
        return f"'{shown(encode(value))}'"
    except RecursionError:  # what was parsed near the limit may be too deep to be written
        return "'...'"
