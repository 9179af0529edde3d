"""Passes: pure functions from graph to graph, and where a user's own stand among them."""

from gradc.passes.order import after, before, using, without

__all__ = ["after", "before", "using", "without"]
