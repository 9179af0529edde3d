"""The memory that a tensor and its views share: who wrote it, and how often."""

from __future__ import annotations

from gradc import locations
from gradc.errors import GradError
from gradc.locations import Location


class Storage:
    """What a tensor and its views share besides memory: a version that every write increments.

    `history` counts the writes that changed the autograd graph; `writer` is the last write, by name and place.
    """

    version = 0
    history = 0
    writer: tuple[str, Location] | None = None

    def written(self) -> None:
        """Count a write."""
        self.version += 1


class InferenceStorage(Storage):
    """Memory made in inference mode: nothing counts its writes, so no gradient may be built on it."""

    @property
    def version(self) -> int:  # type: ignore[override]
        raise GradError(
            "Inference tensors cannot be saved for backward. Inference tensors do not track version counter. To work "
            "around you can make a clone to get a normal tensor and use it in autograd, or use `no_grad()` instead of "
            f"`inference_mode()`.{locations.quote(locations.here())}")

    def written(self) -> None:
        """Nothing counts it."""
