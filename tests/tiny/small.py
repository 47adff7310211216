"""A network small enough for a test, with weights nobody trained."""

from __future__ import annotations

from evalharness.tiny.network import Shape, Weights, initial
from evalharness.tiny.tokenizer import Tokenizer, build
from evalharness.tiny.weights import Model, read, whole

WORDS = build(["What is the capital of France ? The capital of France is Paris . I do not know Be brief Oh joy"], 100)


def model(seed: int = 0, words: Tokenizer = WORDS, context: int = 64) -> Model:
    """As a file gives it, so that its digest is that of its content."""
    shape = Shape(len(words), width=16, layers=2, heads=2, context=context)
    return read(whole(shape, lively(shape, seed), words.words, {}), "small.tiny")


def lively(shape: Shape, seed: int = 0) -> Weights:
    """Weights that are far enough from zero for every part of the network to matter."""
    return {name: table * (1.0 if table.ndim == 1 else 12.0) for name, table in initial(shape, seed).items()}
