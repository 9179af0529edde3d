"""The errors of files."""

from __future__ import annotations

import pickle

from gradc.errors import GradcError


class SaveError(GradcError, RuntimeError, TypeError):
    """Something that no file can hold."""


class LoadError(GradcError, RuntimeError, pickle.UnpicklingError):
    """A file that cannot be read, or must not be."""
