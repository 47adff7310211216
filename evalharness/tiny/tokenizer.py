"""Text as numbers and back: a word is one token where the vocabulary has it, else its bytes are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MARKS = ("<pad>", "<end>", "<system>", "<user>", "<assistant>", "<join>", "<caps>", "<title>", "<small>")
"""Tokens that are no text. No text encodes to the first five, so a message cannot pretend to be another one's; the
others say how the word behind them is written: without the space before it, in capitals, with one, without any."""

PAD, END, SYSTEM, USER, ASSISTANT, JOIN, CAPS, TITLE, SMALL = range(len(MARKS))
BYTES = len(MARKS)
WORDS = BYTES + 256
"""Where the tokens of single bytes begin, and those of words."""

PIECE = re.compile(r"( ?)([A-Za-z]+(?:'[A-Za-z]+)?|[0-9]+(?:,[0-9]{3})*)|.", re.DOTALL)
"""A word with the space before it, or one character of anything else."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """A vocabulary at work. `decode(encode(text))` is the text again, whatever it holds."""

    words: tuple[str, ...]
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ids = {word: WORDS + place for place, word in enumerate(self.words)}
        object.__setattr__(self, "_ids", ids)

    def __len__(self) -> int:
        """How many tokens there are."""
        return WORDS + len(self.words)

    def encode(self, text: str) -> tuple[int, ...]:
        """The tokens of a text. A lone surrogate, which no UTF-8 holds, becomes a question mark."""
        # A text's first word stands for itself with a space before it, as everywhere else in a sentence.
        return tuple(token for piece in PIECE.finditer(f" {text}") for token in self._piece(piece))

    def decode(self, tokens: Iterable[int]) -> str:
        """The text that tokens say; what is no UTF-8 becomes a replacement character."""
        said = bytearray()
        joined = False
        shape = 0
        for token in tokens:
            if token in (JOIN, CAPS, TITLE, SMALL):
                joined, shape = joined or token == JOIN, shape if token == JOIN else token
            elif BYTES <= token < WORDS:
                said.append(token - BYTES)
                joined, shape = False, 0
            elif token >= WORDS:
                said += f"{'' if joined else ' '}{_shaped(self.words[token - WORDS], shape)}".encode()
                joined, shape = False, 0
        return bytes(said.removeprefix(b" ")).decode("utf-8", "replace")

    def token_bytes(self, token: int) -> tuple[int, ...]:
        """What one token adds to a reply, as bytes; nothing for marks."""
        if token < BYTES:
            return ()
        return (token - BYTES,) if token < WORDS else tuple(f" {self.words[token - WORDS]}".encode())

    def mark(self, token: int) -> str:
        """The name of a token that is no text; empty for one that is."""
        return MARKS[token] if token < BYTES else ""

    def _piece(self, piece: re.Match[str]) -> Iterator[int]:
        space, word = piece[1], piece[2]
        found = self._word(word) if word else None
        if found is None:
            yield from (BYTES + byte for byte in piece[0].encode("utf-8", "replace"))
            return
        if not space:
            yield JOIN
        yield from found

    def _word(self, word: str) -> tuple[int, ...] | None:
        """A word as the vocabulary writes it, or another writing of it behind the mark that turns it into this one."""
        if word in self._ids:
            return (self._ids[word],)
        for mark, held in ((SMALL, word.title()), (TITLE, word.lower()), (CAPS, word.title()), (CAPS, word.lower())):
            if held in self._ids and _shaped(held, mark) == word:
                return mark, self._ids[held]
        return None


def build(texts: Iterable[str], most: int) -> Tokenizer:
    """The vocabulary of the words that texts hold most often, at most so many."""
    counts = Counter(piece[2] for text in texts for piece in PIECE.finditer(f" {text}") if piece[2])
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return Tokenizer(tuple(ordered[:most]))


def _shaped(word: str, mark: int) -> str:
    if mark == CAPS:
        return word.upper()
    if mark == TITLE:
        return word[:1].upper() + word[1:]
    return word.lower() if mark == SMALL else word
