"""The intermediate representation: one kind of graph, whose text is Python.

    graph.py      Value, Node, Graph, Program          text.py     graphs as text
    types.py      Type                                 parse.py    text as graphs
    constants.py  Array, the value of a constant       verify.py   whether a graph is well formed
    registry.py   the table of operations              walk.py     small functions that passes need
    memory.py     how many bytes are alive after each node
"""

from __future__ import annotations

from gradc.ir.constants import Array
from gradc.ir.equality import equal_graphs, equal_programs, hash_graph, hash_program
from gradc.ir.graph import Graph, Node, Number, Op, Operand, Program, Value
from gradc.ir.memory import Memory, memory_of
from gradc.ir.parse import parse
from gradc.ir.registry import OPS, register
from gradc.ir.text import WORDS, statement, to_text
from gradc.ir.types import Type
from gradc.ir.verify import verify
from gradc.ir.walk import (
    bare,
    everywhere,
    flatten,
    fresh_names,
    in_regions,
    names,
    opening,
    producers,
    rename,
    substitute,
    to_networkx,
    users,
    values,
)
from gradc.locations import UNKNOWN, Location

__all__ = [
    "OPS", "UNKNOWN", "WORDS", "Array", "Graph", "Location", "Memory", "Node", "Number", "Op", "Operand", "Program",
    "Type", "Value", "bare", "everywhere", "flatten", "fresh_names", "in_regions", "names", "opening", "parse",
    "producers", "register", "rename", "substitute", "to_networkx", "to_text", "users", "values", "verify",
]


# The methods of the classes of graph.py that need the layers above it: text, equality, memory.
for _class, _methods in (
    (Node, {"__str__": statement}),
    (Graph, {"__str__": to_text, "__repr__": to_text, "__eq__": equal_graphs, "__hash__": hash_graph,
             "memory": memory_of}),
    (Program, {"__str__": to_text, "__repr__": to_text, "__eq__": equal_programs, "__hash__": hash_program}),
):
    for _name, _method in _methods.items():
        setattr(_class, _name, _method)
