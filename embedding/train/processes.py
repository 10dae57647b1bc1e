"""Which of the processes of a training this one is."""

import torch

from embedding.train.feed.serve import Part


def part() -> Part:
    """This process's part of every step: all of it, unless torch.distributed was started."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return Part(torch.distributed.get_rank(), torch.distributed.get_world_size())
    return Part()


def wait_for_all() -> None:
    """Return when every process has come here."""
    if part().processes > 1:
        torch.distributed.barrier()
