"""Being called before the instructions of functions that change something, in this thread.

Since Python 3.12 `sys.monitoring` tells of single instructions; before that a trace function does.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from gradc.compiler.stores import Store, stores

Seen = Callable[[Store, FrameType], None]
Wanted = Callable[[FrameType], bool]


class ByTracing:
    """Watches by a trace function; `able` is False where a debugger has one already."""

    def __init__(self, seen: Seen, wanted: Wanted) -> None:
        self.seen, self.wanted = seen, wanted
        self.able = sys.gettrace() is None

    def start(self) -> None:
        """Be called from here on."""
        if self.able:
            sys.settrace(self._call)

    def stop(self) -> None:
        """Be called no more."""
        if self.able:
            sys.settrace(None)

    close = stop

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self.wanted(frame):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._instruction

    def _instruction(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "opcode":
            store = stores(frame.f_code).get(frame.f_lasti)
            if store is not None:
                self.seen(store, frame)
        return self._instruction


class ByMonitoring:
    """Watches by `sys.monitoring`."""

    able = True

    def __init__(self, seen: Seen, wanted: Wanted) -> None:
        self.seen, self.wanted = seen, wanted
        self.thread = threading.get_ident()
        self.codes: set[CodeType] = set()
        self.monitoring: Any = sys.monitoring  # type: ignore[attr-defined]
        self.tool = next(i for i in range(5, -1, -1) if self.monitoring.get_tool(i) is None)
        self.monitoring.use_tool_id(self.tool, "gradc")
        events = self.monitoring.events
        self.monitoring.register_callback(self.tool, events.PY_START, self._call)
        self.monitoring.register_callback(self.tool, events.INSTRUCTION, self._instruction)

    def start(self) -> None:
        """Be called from here on."""
        self.monitoring.set_events(self.tool, self.monitoring.events.PY_START)

    def stop(self) -> None:
        """Be called no more."""
        self.monitoring.set_events(self.tool, 0)

    def close(self) -> None:
        """Leave everything as it was."""
        self.stop()
        for code in self.codes:
            self.monitoring.set_local_events(self.tool, code, 0)
        self.monitoring.free_tool_id(self.tool)

    def _call(self, code: CodeType, offset: int) -> None:
        if threading.get_ident() == self.thread and code not in self.codes and self.wanted(sys._getframe(1)):
            self.codes.add(code)
            self.monitoring.set_local_events(self.tool, code, self.monitoring.events.INSTRUCTION)

    def _instruction(self, code: CodeType, offset: int) -> None:
        store = stores(code).get(offset)
        if store is not None and threading.get_ident() == self.thread:
            self.seen(store, sys._getframe(1))


Instructions: Any = ByMonitoring if sys.version_info >= (3, 12) else ByTracing
"""What watches in this Python."""
