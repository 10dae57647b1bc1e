"""The model: two tables of vectors, and how strongly a book and a link belong together.

Source: W. Koehrsen, Building a Recommendation System Using Neural Network Embeddings, 2018. The bias of each link and the centred
vectors are ours: docs/training.md tells why.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 1e-12  # shortest length of a vector that is divided by


class BookLinkModel(nn.Module):
    """A vector for every book and every link; their cosine, scaled and shifted, is the log-odds that the book has the link.

    Args:
        books: number of books.
        links: number of links.
        dimensions: width of the vectors.
        loss: bce, sigmoid(scale * cosine + bias) against 0 and 1; mse, the cosine against -1 and +1.
        init_range: vectors start uniform in +-init_range.
        scale: of bce, or where it starts when it is learned.
        learn_scale: the scale is learned.
        bias: of bce: one for all links, or one for each link.
    """

    def __init__(
        self,
        books: int,
        links: int,
        dimensions: int,
        loss: Literal["bce", "mse"],
        init_range: float,
        scale: float,
        learn_scale: bool = False,
        bias: Literal["one", "link"] = "link",
    ) -> None:
        super().__init__()
        self.books = nn.Embedding(books, dimensions)
        self.links = nn.Embedding(links, dimensions)
        for table in (self.books, self.links):
            nn.init.uniform_(table.weight, -init_range, init_range)
        self.loss = loss
        self.scale = nn.Parameter(torch.tensor(scale), requires_grad=loss == "bce" and learn_scale)
        self.bias = nn.Parameter(torch.zeros(links if bias == "link" else 1), requires_grad=loss == "bce")

    def score(self, books: Tensor, links: Tensor) -> Tensor:
        """Log-odds (bce) or cosine (mse) of each book and link, shape (n,), of ids of shape (n,); above 0 they belong together."""
        cosine = functional.cosine_similarity(self.books(books), self.links(links), dim=-1, eps=EPSILON)
        return self._score_of(cosine, links)

    def loss_of(self, scores: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Mean of the weighted losses of scores against labels 0 and 1, all of shape (n,)."""
        if self.loss == "bce":
            return functional.binary_cross_entropy_with_logits(scores, labels, weights)
        losses = (scores - (2 * labels - 1)) ** 2
        return (losses if weights is None else losses * weights).mean()

    @torch.no_grad()
    def set_gradients(self, books: Tensor, links: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
        """Set `grad` of all that is learned to that of `loss_of(score(books, links), labels, weights)`, and return that loss.

        In closed form: autograd's backward pass of the two gathered tables takes four times as long on a CPU.

        Args:
            books: ids, int64, shape (n,).
            links: ids, int64, shape (n,).
            labels: 0 and 1, shape (n,).
            weights: of the losses, shape (n,).
        """
        book_lengths, link_lengths = (
            torch.linalg.vector_norm(table.weight, dim=1, keepdim=True).clamp_(min=EPSILON) for table in (self.books, self.links)
        )
        book_units, link_units = self.books.weight / book_lengths, self.links.weight / link_lengths
        of_books, of_links = book_units.index_select(0, books), link_units.index_select(0, links)
        cosine = (of_books * of_links).sum(1)
        scores = self._score_of(cosine, links)
        # d loss / d score, and from it d loss / d cosine.
        slope = torch.sigmoid(scores) - labels if self.loss == "bce" else 2 * (scores - (2 * labels - 1))
        slope *= weights / len(books)
        by_cosine = slope * self.scale if self.loss == "bce" else slope
        for table, units, lengths, ids, others in (
            (self.books, book_units, book_lengths, books, of_links),
            (self.links, link_units, link_lengths, links, of_books),
        ):
            gradient = _sum_rows(others * by_cosine[:, None], ids, len(units))
            table.weight.grad = (gradient - (gradient * units).sum(1, keepdim=True) * units) / lengths
        if self.bias.requires_grad:
            self.bias.grad = slope.sum()[None] if len(self.bias) == 1 else torch.zeros_like(self.bias).scatter_add_(0, links, slope)
        if self.scale.requires_grad:
            self.scale.grad = (slope * cosine).sum()
        return self.loss_of(scores, labels, weights)

    @torch.no_grad()
    def vectors(self, centre: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """The vectors of books and links, each of length 1, and the bias of each link: cosine + bias ranks the links of a book.

        Args:
            centre: take the mean of the books' vectors from each. All books point somewhat towards the most frequent links; what that
                adds to a link's cosine goes into its bias, and what is left tells books apart.

        Returns:
            Shapes (books, dimensions), (links, dimensions), (links,).
        """
        books, links = (functional.normalize(table.weight, dim=1, eps=EPSILON) for table in (self.books, self.links))
        bias = (self.bias / self.scale if self.loss == "bce" else self.bias).expand(len(links))
        if centre:
            mean = books.mean(0)
            books, bias = functional.normalize(books - mean, dim=1, eps=EPSILON), bias + links @ mean
        return books, links, bias

    @torch.no_grad()
    def length(self, centre: bool = False) -> float:
        """How long books' vectors are, as root mean square, before `vectors` brings them to length 1: less than 1 when they are centred."""
        mean = functional.normalize(self.books.weight, dim=1, eps=EPSILON).mean(0) if centre else self.books.weight.new_zeros(1)
        return math.sqrt(max(0.0, 1 - float(mean @ mean)))

    def _score_of(self, cosine: Tensor, links: Tensor) -> Tensor:
        bias = self.bias[links] if len(self.bias) > 1 else self.bias
        return self.scale * cosine + bias if self.loss == "bce" else cosine


def _sum_rows(rows: Tensor, ids: Tensor, count: int) -> Tensor:
    """The sum of the rows of each id, shape (count, d)."""
    return rows.new_zeros(count, rows.shape[1]).scatter_add_(0, ids[:, None].expand_as(rows), rows)
