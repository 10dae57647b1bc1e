"""WHOLE packed in all the ways of bz2."""

import bz2
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from embedding.wiki.stretches import BLOCK
from tests.conftest import HEADER, multistream
from tests.wiki.reading import PAGES, WHOLE, blocks, find_bits, one_stream


@dataclass(frozen=True)
class Sample:
    """WHOLE, packed.

    Attributes:
        data: the file.
        cuts: byte of WHOLE at which each block begins, and the length of WHOLE.
        blocks: bit of the file at which each block begins.
    """

    data: bytes
    cuts: list[int]
    blocks: list[int]


def sample(data: bytes, cuts: Sequence[int]) -> Sample:
    found = Sample(data, [*cuts, len(WHOLE)], find_bits(data, BLOCK))
    assert bz2.decompress(data) == WHOLE
    assert len(found.blocks) == len(cuts)
    return found


_STREAMS = [0, *itertools.accumulate(len("".join(part).encode()) for part in ([HEADER], *(PAGES[at : at + 2] for at in (0, 2, 4, 6))))]
SAMPLES = {
    "multistream": sample(multistream(PAGES, 2), _STREAMS),
    "pbzip2": sample(blocks(WHOLE, 600), range(0, len(WHOLE), 600)),
    "one stream": sample(one_stream(WHOLE, 500), range(0, len(WHOLE), 500)),
    "streams of blocks": sample(
        b"".join(one_stream(WHOLE[at : at + 1500], 500) for at in range(0, len(WHOLE), 1500)), range(0, len(WHOLE), 500)
    ),
}
