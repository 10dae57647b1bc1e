"""The model: two tables of vectors, and how near a book and a link are.

Source: W. Koehrsen, Building a Recommendation System Using Neural Network Embeddings, 2018.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional


class BookLinkModel(nn.Module):
    """A vector for every book and every link; their cosine, scaled and shifted, is the log-odds that the book has the link.

    Args:
        books: number of books.
        links: number of links.
        dimensions: width of the vectors.
        loss: bce, sigmoid(scale * cosine + bias) against 0 and 1 with learned scale and bias; mse, the cosine against -1 and +1.
        init_range: vectors start uniform in +-init_range.
        scale: where the scale of bce starts.
    """

    def __init__(self, books: int, links: int, dimensions: int, loss: Literal["bce", "mse"], init_range: float, scale: float) -> None:
        super().__init__()
        self.books = nn.Embedding(books, dimensions)
        self.links = nn.Embedding(links, dimensions)
        for table in (self.books, self.links):
            nn.init.uniform_(table.weight, -init_range, init_range)
        self.loss = loss
        self.scale = nn.Parameter(torch.tensor(scale), requires_grad=loss == "bce")
        self.bias = nn.Parameter(torch.tensor(0.0), requires_grad=loss == "bce")

    def cosine(self, books: Tensor, links: Tensor) -> Tensor:
        """Cosine of each book and link, shape (n,), of ids of shape (n,)."""
        return functional.cosine_similarity(self.books(books), self.links(links), dim=-1, eps=1e-12)

    def score(self, books: Tensor, links: Tensor) -> Tensor:
        """Log-odds (bce) or cosine (mse) of each book and link, shape (n,); above 0 the model says that they belong together."""
        cosine = self.cosine(books, links)
        return self.scale * cosine + self.bias if self.loss == "bce" else cosine

    def loss_of(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of scores against labels 0 and 1, both of shape (n,)."""
        if self.loss == "bce":
            return functional.binary_cross_entropy_with_logits(scores, labels)
        return functional.mse_loss(scores, 2 * labels - 1)

    @torch.no_grad()
    def vectors(self) -> tuple[Tensor, Tensor]:
        """The vectors of books and links, each of length 1, shapes (books, dimensions) and (links, dimensions)."""
        return functional.normalize(self.books.weight, dim=1, eps=1e-12), functional.normalize(self.links.weight, dim=1, eps=1e-12)
