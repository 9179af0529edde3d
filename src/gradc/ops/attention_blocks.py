"""Attention on NumPy, in blocks of queries that fit a processor's cache: no matrix of all scores is ever made.

Source  Dao et al. 2022, "FlashAttention"; Rabe and Staats 2021
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradc.ops.threads import share, threads

QUERIES = 128
"""How many queries make a block."""
SCORES = 1 << 16
"""About how many scores are in memory at once: several heads share a block where they are short."""


class Blocks:
    """The scores of blocks of queries, for heads in the first dimension of q f[n, l, e] and k f[n, s, e]."""

    def __init__(self, q: Any, k: Any, mask: Any, is_causal: bool, scale: float) -> None:
        self.lead = q.shape[:-2]
        self.q = flat(q) * q.dtype.type(scale)
        self.k = flat(k)
        self.mask = mask
        self.causal = np.triu(np.full((QUERIES, QUERIES), -np.inf, q.dtype), 1) if is_causal else None

    def share(self, work: Callable[[Iterator[tuple[slice, slice, slice, Any]]], None]) -> None:
        """Do `work` on all blocks: those of a head are in the hands of one thread."""
        heads, length, _ = self.q.shape
        size = self.k.shape[1]
        width = max(1, SCORES // max(1, min(length, QUERIES) * size))
        groups = [slice(first, min(first + width, heads)) for first in range(0, heads, width)]
        share(lambda part: work(self._blocks(groups[part])), len(groups), threads(heads * length * size))

    def _blocks(self, groups: list[slice]) -> Iterator[tuple[slice, slice, slice, Any]]:
        """The heads, queries and keys of each block, and the weights of the values there, not yet divided."""
        length, size = self.q.shape[1], self.k.shape[1]
        for some in groups:
            mask = self._mask(some)
            for start in range(0, length, QUERIES):
                rows = slice(start, min(start + QUERIES, length))
                keys = slice(0, size if self.causal is None else min(size, rows.stop))
                yield some, rows, keys, self._weights(some, rows, keys, mask)

    def _mask(self, some: slice) -> Any:
        """The mask for some heads, f[n, l, s] or f[1, l, s]."""
        mask = self.mask
        if mask is None:
            return None
        full = (self.q.shape[1], self.k.shape[1])
        if math.prod(mask.shape[:-2]) == 1:
            return np.broadcast_to(mask.reshape(1, *mask.shape[-2:]) if mask.ndim > 1 else mask, (1, *full))
        return np.broadcast_to(mask, (*self.lead, *full))[np.unravel_index(np.arange(some.start, some.stop), self.lead)]

    def _weights(self, some: slice, rows: slice, keys: slice, mask: Any) -> Any:
        scores = np.matmul(self.q[some, rows], self.k[some, keys].swapaxes(1, 2))
        if self.causal is not None and rows.start < keys.stop:
            inside = scores[:, :, rows.start :]
            inside += self.causal[: inside.shape[1], : inside.shape[2]]
        if mask is not None:
            part = mask[:, rows, keys]
            if part.dtype == bool:
                np.copyto(scores, -np.inf, where=~part)
            else:
                scores += part
        largest = scores.max(-1, keepdims=True)
        if mask is not None:
            largest[largest == -np.inf] = 0  # a query that sees no key
        scores -= largest
        return np.exp(scores, out=scores)


def flat(x: Any) -> Any:
    """x with one leading dimension, of all heads."""
    return x.reshape(-1, *x.shape[-2:])


def _share(weights: Any) -> Any:
    """By what weights are to be multiplied to add up to 1; 1 where they are all 0."""
    total = weights.sum(-1, keepdims=True)
    total[total == 0] = 1
    return np.divide(1, total, out=total)


def attend(q: Any, k: Any, v: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """The averages of values."""
    values = flat(v)
    result = np.empty((len(values), q.shape[-2], v.shape[-1]), q.dtype)

    def work(blocks: Any) -> None:
        for some, rows, keys, weights in blocks:
            part = np.matmul(weights, values[some, keys], out=result[some, rows])
            part *= _share(weights)

    Blocks(q, k, mask, is_causal, scale).share(work)
    return result.reshape(*q.shape[:-1], v.shape[-1])


def pull(g: Any, q: Any, k: Any, v: Any, mask: Any, is_causal: bool, scale: float) -> Any:
    """The cotangents of q, k and v. The weights are computed again."""
    every = Blocks(q, k, mask, is_causal, scale)
    values, given = flat(v), flat(g)
    g_q, g_k, g_v = np.empty_like(every.q), np.zeros_like(every.k), np.zeros_like(values)

    def work(blocks: Any) -> None:
        for some, rows, keys, weights in blocks:
            weights *= _share(weights)
            part = given[some, rows]
            g_v[some, keys] += np.matmul(weights.swapaxes(1, 2), part)
            change = np.matmul(part, values[some, keys].swapaxes(1, 2))
            # Exactly 0 where one key has all the weight.
            change -= np.einsum("nls,nls->nl", change, weights)[..., None]
            change *= weights
            np.matmul(change, every.k[some, keys], out=g_q[some, rows])
            g_k[some, keys] += np.matmul(change.swapaxes(1, 2), every.q[some, rows])

    every.share(work)
    g_q *= q.dtype.type(scale)
    return g_q.reshape(q.shape), g_k.reshape(k.shape), g_v.reshape(v.shape)
