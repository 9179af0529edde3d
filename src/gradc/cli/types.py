"""Types of arguments as words of a command line: `f32[4,3] f32[3]`."""

from __future__ import annotations

import difflib
import re
from typing import NoReturn

from gradc.cli.problem import Problem
from gradc.ir import Type
from gradc.ir.types import SCALARS

_WORD = re.compile(r"[^\s\[\],]+|\[|\]|,|\s+")


def parse_types(text: str) -> list[Type]:
    """The types in a text, which spaces or commas separate.

    Raises Problem, with a caret under the offending part.
    """
    return _Reader(text).types()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.words = [m for m in _WORD.finditer(text) if not m[0].isspace()]
        self.at = 0

    def types(self) -> list[Type]:
        found = []
        while self.at < len(self.words):
            found.append(self.type())
            if self.peek() == ",":
                self.at += 1
        return found

    def peek(self) -> str:
        return self.words[self.at][0] if self.at < len(self.words) else ""

    def type(self) -> Type:
        name = self.peek()
        if name not in SCALARS:
            close = difflib.get_close_matches(name, SCALARS, 1, 0.3) if name[:1].isalpha() else []
            hint = f"; did you mean {close[0]}?" if close else "."
            self.fail(f"{name!r} is no element type{hint} There are {', '.join(SCALARS)}.")
        self.at += 1
        if self.peek() != "[":
            return SCALARS[name]
        self.at += 1
        sizes: list[int] = []
        while self.peek() != "]":
            if sizes:
                self.expect(",", "',' or ']'")
            word = self.peek()
            if not re.fullmatch(r"[0-9]+", word):
                self.fail(f"expected a size, got {word!r}." if word else "the '[' is never closed.")
            sizes.append(int(word))
            self.at += 1
        self.at += 1
        return Type(SCALARS[name].dtype, tuple(sizes))

    def expect(self, word: str, what: str) -> None:
        if self.peek() != word:
            self.fail(f"expected {what}, got {self.peek()!r}." if self.peek() else "the '[' is never closed.")
        self.at += 1

    def fail(self, message: str) -> NoReturn:
        start, end = len(self.text), len(self.text) + 1
        if self.at < len(self.words):
            start, end = self.words[self.at].span()
        raise Problem(f"cannot read the types: {message}\n\n    {self.text}\n    {' ' * start}{'^' * (end - start)}")
