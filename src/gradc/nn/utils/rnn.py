"""Sequences of different lengths in one tensor: padded, or packed without padding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradc.errors import GradcError, ShapeError
from gradc.ops.creation import tensor
from gradc.ops.joining import cat, stack
from gradc.tensor import Tensor, wrap

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence",
           "pad_sequence", "unpack_sequence", "unpad_sequence"]


class LengthError(GradcError, RuntimeError, ValueError):
    """Lengths that sequences cannot have."""


class _Packed(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Packed):
    """Sequences without padding, as torch.nn.utils.rnn.PackedSequence.

    `data` has the first elements of all sequences, longest first, then their second ones; `batch_sizes` says how many
    each time. The other two say how the sequences were sorted, and undo it; None if they came sorted.
    """

    known: Any = None
    """The batch sizes and what undoes the sorting as NumPy arrays, where they were made here: a trace may read them."""

    def __new__(cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None,
                unsorted_indices: Any = None) -> PackedSequence:
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """The same sequences with their data cast, as Tensor.to."""
        return type(self)(self.data.to(*args, **kwargs), *self[1:])

    def cpu(self) -> PackedSequence:
        """These sequences: they are on the CPU."""
        return self

    def float(self) -> PackedSequence:
        """The same sequences in float32."""
        return type(self)(self.data.float(), *self[1:])

    def double(self) -> PackedSequence:
        """The same sequences in float64."""
        return type(self)(self.data.double(), *self[1:])

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU of CUDA."""
        return False


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes another one; None for None."""
    return None if permutation is None else wrap(np.argsort(permutation._array)) \
        if isinstance(permutation._array, np.ndarray) else permutation.argsort()


def _numbers(lengths: Any) -> np.ndarray[Any, Any]:
    """Lengths as an array; reading them from a tensor of a trace is an error that says so."""
    return np.asarray(lengths.tolist() if isinstance(lengths, Tensor) else list(lengths), np.int64)


def pack_padded_sequence(input: Any, lengths: Any, batch_first: bool = False,
                         enforce_sorted: bool = True) -> PackedSequence:
    """Pack padded sequences, (time, batch, ...) or with `batch_first` (batch, time, ...), by their lengths."""
    if batch_first:
        input = input.transpose(0, 1)
    sizes = _numbers(lengths)
    if len(sizes) != input.shape[1]:
        raise LengthError(f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
                          f"(batch_size={input.shape[1]})")
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
    if (np.diff(sizes) > 0).any():
        raise LengthError("`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
                          "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
                          "requirement if you do not need ONNX exportability.")
    if not len(sizes) or sizes[-1] <= 0:
        raise LengthError("Length of all samples has to be greater than 0, but found an element in 'lengths' that is "
                          "<= 0")
    if sizes[0] > input.shape[0]:
        raise LengthError(f"Expected `lengths` of at most {input.shape[0]}, the size of the input, got {sizes[0]}")
    time, batch = np.nonzero(np.arange(sizes[0])[:, None] < sizes)
    places = time * input.shape[1] + (batch if order is None else order[batch])
    data = input.flatten(0, 1).index_select(0, wrap(places))
    counts = np.bincount(time)
    packed = PackedSequence(data, wrap(counts.astype(np.int64)), None if order is None else wrap(order))
    packed.known = counts, None if order is None else np.argsort(order)
    return packed


def pad_packed_sequence(sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0,
                        total_length: int | None = None) -> tuple[Any, Any]:
    """Padded sequences from packed ones, and their lengths."""
    counts, back = sequence.known or (_numbers(sequence.batch_sizes), None if sequence.unsorted_indices is None
                                      else _numbers(sequence.unsorted_indices))
    longest = len(counts)
    if total_length is not None and total_length < longest:
        raise LengthError(f"Expected total_length to be at least the length of the longest sequence in input, but got "
                          f"total_length={total_length} and max sequence length being {longest}")
    length, size = total_length or longest, int(counts[0])
    present = np.arange(size) < np.pad(counts, (0, length - longest))[:, None]
    lengths = present.sum(0)
    places = np.where(present, np.cumsum(present).reshape(present.shape) - 1, len(sequence.data))
    if back is not None:
        places, lengths = places[:, back], lengths[back]
    if batch_first:
        places = places.T
    rest = sequence.data.shape[1:]
    padding = sequence.data.new_full((1, *rest), padding_value)
    padded = cat([sequence.data, padding]).index_select(0, wrap(np.ascontiguousarray(places).reshape(-1)))
    return padded.reshape(*places.shape, *rest), wrap(lengths.astype(np.int64))


def pad_sequence(sequences: Iterable[Any], batch_first: bool = False, padding_value: float = 0.0,
                 padding_side: str = "right") -> Any:
    """Sequences of different lengths as one tensor, (time, batch, ...) or with `batch_first` (batch, time, ...)."""
    if padding_side not in ("left", "right"):
        raise LengthError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    found = list(sequences)
    if not found:
        raise LengthError("received an empty list of sequences")
    longest = max(len(x) for x in found)
    padded = []
    for x in found:
        if x.shape[1:] != found[0].shape[1:]:
            raise ShapeError(f"pad_sequence: sequences differ in more than their length: {found[0].shape} and "
                             f"{x.shape}")
        if len(x) < longest:
            padding = x.new_full((longest - len(x), *x.shape[1:]), padding_value)
            x = cat([x, padding] if padding_side == "right" else [padding, x])
        padded.append(x)
    return stack(padded, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """The sequences of a padded tensor, cut to their lengths."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [x[: int(length)] for x, length in zip(padded_sequences, _numbers(lengths), strict=True)]


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths."""
    return pack_padded_sequence(pad_sequence(sequences), tensor([len(x) for x in sequences]),
                                enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """The sequences that pack_sequence packed."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
