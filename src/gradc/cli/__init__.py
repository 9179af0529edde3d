"""The command line `gradc`: a demonstration, and any function's graph in every stage."""

from gradc.cli.command import main

__all__ = ["main"]
