"""Vectors of texts: what a request asks for, and the answer. No HTTP here."""

from __future__ import annotations

import base64
import struct

from evalharness.records import Payload
from evalharness.serving import shapes
from evalharness.serving.brain import Brain, Embedded, Unanswerable
from evalharness.serving.fields import Fields
from evalharness.serving.models import Known, Models
from evalharness.serving.refusals import wrong

MOST_TEXTS = 2048


def answer(brain: Brain, raw: bytes, models: Models) -> Payload:
    """The vectors that a body asks for; `Refused` where it cannot be honoured to the letter."""
    fields = Fields.of(raw)
    model = models.named(fields.needed("model"))
    texts = _texts(fields.any("input"))
    written = fields.text("encoding_format") or "float"
    if written not in ("float", "base64"):
        what = f"Invalid value: '{written[:80]}'. Supported values are: 'float', 'base64'."
        raise wrong(what, "encoding_format", "invalid_value")
    fields.pass_over("user")
    fields.unsupported("dimensions")
    fields.rest()
    found = [_embedded(brain, model, text) for text in texts]
    vectors = [list(one.vector) if written == "float" else _packed(one.vector) for one in found]
    return shapes.embeddings(model.name, vectors, sum(one.read for one in found))


def _texts(given: object) -> list[str]:
    if given is None:
        raise wrong("Missing required parameter: 'input'.", "input", "missing_required_parameter")
    items = given if isinstance(given, list) else [given]
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) < len(items):
        raise wrong("Invalid 'input': this model reads a string or an array of strings.", "input", "invalid_type")
    if not 0 < len(texts) <= MOST_TEXTS or "" in texts:
        raise wrong(f"Invalid 'input': expected 1 to {MOST_TEXTS} strings, none of them empty.", "input")
    return texts


def _embedded(brain: Brain, model: Known, text: str) -> Embedded:
    try:
        return brain.embed(model.base, model.weights, text)
    except Unanswerable as error:
        raise wrong(error.message, error.param, error.code) from None


def _packed(vector: tuple[float, ...]) -> str:
    """Single-precision numbers, the least byte first: what the official client asks for unless it is told otherwise."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode("ascii")
