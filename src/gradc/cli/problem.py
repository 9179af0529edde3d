"""What a command reports to its user instead of a traceback."""

from __future__ import annotations

from gradc.errors import GradcError


class Problem(GradcError):
    """Something that the user of the command line can mend; its text is all that is shown, and the exit code is 2."""
