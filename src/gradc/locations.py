"""Where in the user's code something happened: file, line and, in a graph, why a node exists."""

from __future__ import annotations

import dis
import functools
import linecache
import os
import sys
from dataclasses import dataclass, field
from types import CodeType, FrameType

PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
DEMO = PACKAGE + "demo.py"
"""A program as users write it: its lines are not gradc's own."""


@dataclass(frozen=True, slots=True)
class Location:
    """A line of the user's code and the reasons for which a node was made there.

    Printed as `train.py:9 ~grad ~log_sigmoid`. `path` is the whole file name; it does not count in comparisons.
    """

    file: str
    line: int
    reasons: tuple[str, ...] = ()
    path: str = field(default="", compare=False)

    def because(self, reason: str) -> Location:
        """The same place with one more reason."""
        if self.reasons and self.reasons[-1] == reason:
            return self
        return Location(self.file, self.line, (*self.reasons, reason), self.path)

    def source(self) -> str:
        """The text of the line, stripped; empty when the file cannot be read."""
        return linecache.getline(self.path, self.line).strip()

    def __str__(self) -> str:
        return " ".join([f"{self.file}:{self.line}", *(f"~{r}" for r in self.reasons)])


UNKNOWN = Location("?", 0)


class _PackageFiles(dict[str, bool]):
    """Whether a file is gradc's own, remembered per file name: the cheapest test that a frame is the user's."""

    def __missing__(self, filename: str) -> bool:
        self[filename] = found = filename.startswith((PACKAGE, "<gradc")) and filename != DEMO
        return found


package_files = _PackageFiles()


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost frame on the stack that is not gradc's own."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and package_files[frame.f_code.co_filename]:
        frame = frame.f_back
    return frame


def user_call(depth: int = 1) -> tuple[FrameType | None, FrameType | None]:
    """The innermost frame that is not gradc's own, and the frame of the gradc function that it calls."""
    entry: FrameType | None = None
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and package_files[frame.f_code.co_filename]:
        entry, frame = frame, frame.f_back
    return frame, entry


def outside(frame: FrameType) -> FrameType:
    """The first frame that is not gradc's own, from `frame` outwards; the outermost if all are."""
    while package_files[frame.f_code.co_filename] and frame.f_back is not None:
        frame = frame.f_back
    return frame


def here() -> Location:
    """The user's current line."""
    frame = user_frame(2)
    return UNKNOWN if frame is None else of_frame(frame)


@functools.lru_cache(maxsize=65536)
def _location(path: str, line: int) -> Location:
    return Location(os.path.basename(path), line, (), path)


def of_frame(frame: FrameType) -> Location:
    """The line that a frame is at."""
    return _location(frame.f_code.co_filename, frame.f_lineno)


def quote(location: Location) -> str:
    """The location and its source, indented, as the last line of an error message."""
    text = location.source()
    return f"\n    {location.file}:{location.line}" + (f"   {text}" if text else "")


def assigned_name(frame: FrameType) -> str | None:
    """The variable that the expression which `frame` is evaluating is about to be assigned to, if it is a plain one."""
    return _store_names(frame.f_code).get(frame.f_lasti)


@functools.lru_cache(maxsize=4096)
def _store_names(code: CodeType) -> dict[int, str]:
    """For each instruction offset directly followed by a store, the name stored."""
    names: dict[int, str] = {}
    previous: int | None = None
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("CACHE", "EXTENDED_ARG", "NOP", "COPY"):
            continue
        name = instruction.argval
        if instruction.opname.startswith("STORE_FAST") and isinstance(name, tuple):
            name = name[0]  # fused stores of newer Pythons
        if previous is not None and isinstance(name, str) and instruction.opname.startswith("STORE_") \
                and name.isidentifier() and "SUBSCR" not in instruction.opname and "SLICE" not in instruction.opname:
            for offset in range(previous, instruction.offset, 2):  # a frame may stand in the cache behind a call
                names[offset] = name
        previous = instruction.offset
    return names


@functools.lru_cache(maxsize=4096)
def _lines(code: CodeType) -> dict[int, int]:
    """The line of each instruction offset."""
    lines: dict[int, int] = {}
    for start, end, line in code.co_lines():
        for offset in range(start, end, 2):
            lines[offset] = line or code.co_firstlineno
    return lines


def of_instruction(code: CodeType, instruction: int) -> Location:
    """The location of an instruction of a code object."""
    return _location(code.co_filename, _lines(code).get(instruction, code.co_firstlineno))


def name_of_instruction(code: CodeType, instruction: int) -> str | None:
    """The variable that the result of an instruction is assigned to, if it is a plain one."""
    return _store_names(code).get(instruction)
