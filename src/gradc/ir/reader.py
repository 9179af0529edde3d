"""The statements of a graph's text, each with its line, its indentation and the comment behind it.

Python's own `ast` reads each statement when its line is reached. Reading line by line keeps the memory small (the
syntax tree of 10^5 lines takes a gigabyte) and gives every statement its comment and every error its line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from gradc.errors import ParseError
from gradc.ir.text import MARK
from gradc.locations import UNKNOWN, Location

_HEADER = re.compile(r"\s*(def|class|with)\b")
_LOCATION = re.compile(r"(.+?):(\d+)((?: ~.*)?)")


@dataclass(slots=True)
class Statement:
    """One statement: its first line, how far it is indented, its syntax tree and the comment behind it."""

    line: int
    indent: int
    code: str
    tree: ast.stmt
    comment: str


def fail(at: Statement, message: str) -> NoReturn:
    """Raise ParseError for a statement, with its line and text."""
    raise ParseError(f"line {at.line}: {message}\n    {at.code}")


class Reader:
    """The statements of a text, one after the other, and the blocks that their indentation makes."""

    def __init__(self, text: str) -> None:
        self._statements = _statements(text)
        self._ahead = next(self._statements, None)

    def next(self) -> Statement | None:
        """The next statement; None at the end of the text. Raises ParseError when what follows is not Python."""
        statement, self._ahead = self._ahead, next(self._statements, None)
        return statement

    def block(self, head: Statement) -> Iterator[Statement]:
        """The statements directly below `head`; whoever meets a header among them reads its block first.

        Raises ParseError when there are none or their indentation differs.
        """
        ahead = self._ahead
        if ahead is None or ahead.indent <= head.indent:
            fail(head, "nothing is indented below it")
        indent = ahead.indent
        while (ahead := self._ahead) is not None and ahead.indent > head.indent:
            if ahead.indent != indent:
                fail(ahead, f"is indented by {ahead.indent} and not by {indent} as the lines above it")
            self.next()
            yield ahead


def _statements(text: str) -> Iterator[Statement]:
    lines = enumerate(text.split("\n"), 1)
    for number, line in lines:
        code = line.strip()
        if code and code[0] != "#":
            yield _statement(number, line, code, lines)


def _statement(number: int, line: str, code: str, more: Iterator[tuple[int, str]]) -> Statement:
    """The statement that starts with this line; it takes `more` lines while a bracket is open."""
    header = _HEADER.match(line) is not None
    while True:
        try:
            trees = ast.parse(f"{code}\n pass" if header else code).body
            break
        except SyntaxError as error:
            following = next(more, None) if "was never closed" in str(error) else None
            if following is None:
                raise ParseError(f"line {number}: this is not Python: {error.msg}\n    {line.strip()}") from None
            code = f"{code}\n{following[1]}"
    statement = Statement(number, len(line) - len(line.lstrip()), line.strip(), trees[0], _comment(code, trees[0]))
    if len(trees) > 1:
        fail(statement, "one line holds one statement")
    return statement


def _comment(code: str, tree: ast.stmt) -> str:
    """The comment behind a statement, or behind the head of a compound one."""
    last = tree
    if isinstance(tree, ast.With):
        last = tree.items[-1].optional_vars or tree.items[-1].context_expr
    elif isinstance(tree, (ast.FunctionDef, ast.ClassDef)):
        return code.rpartition("\n")[2].partition("#")[2].strip()
    line = code.split("\n")[(last.end_lineno or 1) - 1]
    return line.encode()[last.end_col_offset or 0:].decode().partition("#")[2].strip()


def location(comment: str) -> Location:
    """The location that a comment names; UNKNOWN for any other comment."""
    found = _LOCATION.fullmatch(comment)
    if found is None:
        return UNKNOWN
    file, line, reasons = found.groups()
    return Location(file, int(line), tuple(reasons.split(" ~")[1:]))


def origin(comment: str) -> tuple[Location, tuple[str, ...]]:
    """Location and history from the comment on the head of a graph."""
    mark, *parts = comment.split(" · ")
    if not mark.startswith(MARK) or not parts:
        return UNKNOWN, ()
    place = location(parts[0])
    if place is UNKNOWN:
        return UNKNOWN, tuple(parts[0].split())
    return place, tuple(" ".join(parts[1:]).split())
