"""A trained space laid onto that of the snapshot before, so that the vectors of both can be compared."""

from typing import Any

import torch
from numpy.typing import NDArray

from embedding.evaluate.alignment import Floats, common_rows, rotation
from embedding.train.model import BookLinkModel


@torch.no_grad()
def turn_onto(model: BookLinkModel, centre: bool, page_ids: NDArray[Any], before_ids: NDArray[Any], before: Floats) -> int:
    """Turn all vectors of a model so that its books lie nearest to where they lay before. No cosine changes, and no bias.

    Args:
        model: is changed.
        centre: the books' vectors are centred when they are written.
        page_ids: of the model's books, shape (books,).
        before_ids: of the books before, shape (m,).
        before: their vectors, of length 1, shape (m, dimensions).

    Returns:
        Number of books of both, which say how far to turn. 0: nothing is turned, as when the vectors are of another width.
    """
    if before.shape[1] != model.books.embedding_dim:
        return 0
    here, there = common_rows(page_ids, before_ids)
    if len(here):
        books = model.vectors(centre)[0].cpu().numpy()
        turned = torch.from_numpy(rotation(books[here], before[there]))
        for table in (model.books, model.links):
            table.weight.copy_((table.weight.double() @ turned.to(table.weight.device)).float())
    return len(here)
