"""Weighted sums of rows by id, on a CPU in one pass over sorted ids."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def weighted_sums(ids: Tensor, rows: int, others: Tensor, beside: Tensor, weights: Tensor) -> Tensor:
    """For each of `rows` ids the weighted sum of the rows of `others` that stand beside it, shape (rows, width of others).

    In one pass, without rows being gathered, scaled and scattered one after the other.

    Args:
        ids: below `rows` and 2^32, int64, shape (n,), on the CPU.
        rows: of the result.
        others: shape (m, width).
        beside: for each id the row of `others`, int64, shape (n,).
        weights: shape (n,).
    """
    order = _sorted_places(ids)
    ends = torch.bincount(ids, minlength=rows).cumsum(0)
    starts = torch.cat([ends.new_zeros(1), ends])
    return functional.embedding_bag(
        beside[order], others.detach(), starts, mode="sum", per_sample_weights=weights[order], include_last_offset=True
    )


def _sorted_places(ids: Tensor) -> Tensor:
    """The places of ids in the order of the ids, by numpy's radix sort, which there is for 16 bits: ten times as fast."""
    numbers = ids.numpy()
    order = np.argsort(numbers.astype(np.uint16), kind="stable")
    if len(numbers) and numbers.max() >> 16:
        order = order[np.argsort((numbers[order] >> 16).astype(np.uint16), kind="stable")]
    return torch.from_numpy(order)
