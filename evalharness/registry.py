"""Finds the members of an open set: the files of its folder first, then what other packages offer as entry points."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from evalharness.errors import EvalError, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """The members of one open set by name.

    package: the folder whose every file (but `base`) is imported on first use and registers what it holds.
    group: the entry points that third parties name their members under; loaded only when asked for by name.
    """

    def __init__(self, package: str, noun: str) -> None:
        self.package = package
        self.noun = noun
        self.group = package
        self._members: dict[str, T] = {}
        self._offered: dict[str, importlib.metadata.EntryPoint] = {}
        self._looked = False

    def register(self, name: str) -> Callable[[T], T]:
        """A decorator that makes a class or function a member; a name that is taken is an error."""

        def add(member: T) -> T:
            if name in self._members:
                raise EvalError(f"two {self.noun}s are called '{name}'")
            self._members[name] = member
            return member

        return add

    def names(self) -> frozenset[str]:
        """Every member's name, ours and third parties'."""
        self._look()
        return frozenset(self._members) | frozenset(self._offered)

    def get(self, name: str) -> T:
        """The member of that name; `UnknownName` with a suggestion where there is none."""
        self._look()
        if name not in self._members and name in self._offered:
            loaded = self._offered[name].load()
            self._members.setdefault(name, loaded)
        try:
            return self._members[name]
        except KeyError:
            raise UnknownName("", self.noun, name, self.names()) from None

    def items(self) -> Iterator[tuple[str, T]]:
        """Every member with its name, in alphabetical order."""
        for name in sorted(self.names()):
            yield name, self.get(name)

    def _look(self) -> None:
        if self._looked:
            return
        self._looked = True
        folder = importlib.import_module(self.package)
        for found in pkgutil.iter_modules(folder.__path__):
            if found.name != "base":
                importlib.import_module(f"{self.package}.{found.name}")
        for entry in importlib.metadata.entry_points(group=self.group):
            if entry.name not in self._members:
                self._offered[entry.name] = entry


def load_files(paths: tuple[Path, ...]) -> None:
    """Imports Python files the config names, each once, so that what they register is known."""
    for path in paths:
        name = f"evalharness_user:{path.resolve()}"
        if name in sys.modules:
            continue
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise EvalError(f"{path}: not a Python file", "name a .py file, relative to the config")
        module = sys.modules[name] = importlib.util.module_from_spec(spec)  # where its annotations are looked up
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            if isinstance(error, EvalError):
                raise
            what = f"{path}: {type(error).__name__}: {error}"
            raise EvalError(what, "the config's `scorers` names this file") from None
