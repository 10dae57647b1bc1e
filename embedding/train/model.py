"""The model: two tables of vectors, and how strongly a book and a link belong together.

Source: W. Koehrsen, Building a Recommendation System Using Neural Network Embeddings, 2018. The bias of each link and the centred
vectors are ours: docs/training.md tells why.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from embedding.train.scratch import Scratch
from embedding.train.sums import weighted_sums

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
        self._scratch = Scratch()
        self.loss = loss
        self.scale = nn.Parameter(torch.tensor(scale), requires_grad=loss == "bce" and learn_scale)
        self.bias = nn.Parameter(torch.zeros(links if bias == "link" else 1), requires_grad=loss == "bce")

    def score(self, books: Tensor, links: Tensor) -> Tensor:
        """Log-odds (bce) or cosine (mse) of each book and link, shape (n,), of ids of shape (n,); above 0 they belong together."""
        cosine = functional.cosine_similarity(self.books(books), self.links(links), dim=-1, eps=EPSILON)
        return self._score_of(cosine, links)

    def loss_of(self, scores: Tensor, labels: Tensor, shares: Tensor | None = None) -> Tensor:
        """Sum of the losses of scores against labels 0 and 1, each times its share, or their mean, all of shape (n,)."""
        if self.loss == "bce":
            losses = functional.binary_cross_entropy_with_logits(scores, labels, reduction="none")
        else:
            losses = (scores - (2 * labels - 1)) ** 2
        return losses.mean() if shares is None else (losses * shares).sum()

    @torch.no_grad()
    def set_gradients(self, books: Tensor, links: Tensor, labels: Tensor, shares: Tensor) -> Tensor:
        """Set `grad` of all that is learned to that of `loss_of(score(books, links), labels, shares)`, and return that loss.

        In closed form: autograd's backward pass of the two gathered tables takes four times as long on a CPU.

        Args:
            books: ids, int64, shape (n,).
            links: ids, int64, shape (n,).
            labels: 0 and 1, shape (n,).
            shares: of each pair in the loss, shape (n,).
        """
        book_lengths, link_lengths = (_lengths(table.weight) for table in (self.books, self.links))
        of_books, of_links = (
            self._scratch.select("books", self.books.weight, books),
            self._scratch.select("links", self.links.weight, links),
        )
        book_inverse, link_inverse = book_lengths.reciprocal()[books], link_lengths.reciprocal()[links]
        slope, by_cosine, loss = self._slopes(of_books, of_links, book_inverse * link_inverse, links, labels, shares)
        # d loss / d unit vector of a row: the other rows of its pairs, added up. Then what that is for the row itself.
        for table, lengths, ids, other, others, gathered, by_other in (
            (self.books.weight, book_lengths, books, self.links.weight, links, of_links, by_cosine * link_inverse),
            (self.links.weight, link_lengths, links, self.books.weight, books, of_books, by_cosine * book_inverse),
        ):
            if table.device.type == "cpu":
                table.grad = weighted_sums(ids, len(table), other, others, by_other)
            else:
                table.grad = torch.zeros_like(table) if table.grad is None else table.grad.zero_()
                table.grad.index_add_(0, ids, gathered.mul_(by_other[:, None]))
            self._across(table.grad, table, lengths)
        if self.bias.requires_grad:
            self.bias.grad = slope.sum()[None] if len(self.bias) == 1 else torch.zeros_like(self.bias).index_add_(0, links, slope)
        return loss

    @torch.no_grad()
    def set_row_gradients(self, books: Tensor, links: Tensor, labels: Tensor, shares: Tensor, sums: "RowSums") -> tuple[Tensor, ...]:
        """The gradients of the rows that a step touches, at a cost that does not grow with the tables.

        Args:
            books: ids, int64, shape (n,).
            links: ids, int64, shape (n,).
            labels: 0 and 1, shape (n,).
            shares: of each pair in the loss, shape (n,).
            sums: where they are added up; left as it was found, all zero.

        Returns:
            The loss, and the gradients of books.weight at `books` and of links.weight and bias at `links`, shapes (n, dimensions) and
            (n, 1), valid until the next step: of a row that stands there several times its whole gradient each time. `grad` of what
            else is learned is set.
        """
        of_books, of_links = (
            self._scratch.select("books", self.books.weight, books),
            self._scratch.select("links", self.links.weight, links),
        )
        book_lengths, link_lengths = _lengths(of_books), _lengths(of_links)
        slope, by_cosine, loss = self._slopes(of_books, of_links, 1 / (book_lengths * link_lengths), links, labels, shares)
        scaled = self._scratch.take("scaled", len(links), of_links)
        torch.mul(of_links, (by_cosine / link_lengths)[:, None], out=scaled)
        to_books = sums.of("books", books, scaled)
        torch.mul(of_books, (by_cosine / book_lengths)[:, None], out=scaled)
        to_links = sums.of("links", links, scaled)
        to_bias = sums.of("bias", links, slope[:, None]) if len(self.bias) > 1 else torch.empty(0)
        if self.bias.requires_grad and len(self.bias) == 1:
            self.bias.grad = slope.sum()[None]
        return loss, self._across(to_books, of_books, book_lengths), self._across(to_links, of_links, link_lengths), to_bias

    def _across(self, gradients: Tensor, rows: Tensor, lengths: Tensor) -> Tensor:
        """Gradients by vectors of length 1 made those by the rows that were brought to that length: along a row nothing changes."""
        along = self._scratch.dot(gradients, rows) / lengths**2
        return gradients.addcmul_(rows, along[:, None], value=-1).div_(lengths[:, None])

    def _slopes(
        self, of_books: Tensor, of_links: Tensor, inverse: Tensor, links: Tensor, labels: Tensor, shares: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """d loss / d score and d loss / d cosine of every pair, and the loss, from its rows and the inverse of its lengths' product."""
        cosine = self._scratch.dot(of_books, of_links) * inverse
        scores = self._score_of(cosine, links)
        slope = torch.sigmoid(scores) - labels if self.loss == "bce" else 2 * (scores - (2 * labels - 1))
        slope *= shares
        if self.scale.requires_grad:
            self.scale.grad = (slope * cosine).sum()
        return slope, slope * self.scale if self.loss == "bce" else slope, self.loss_of(scores, labels, shares)

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


class RowSums:
    """Sums of the rows of a step by id, in buffers as large as the tables, of which a step reads and writes its own rows alone."""

    def __init__(self, model: BookLinkModel) -> None:
        tables = {"books": model.books.weight, "links": model.links.weight, "bias": model.bias[:, None]}
        self._buffers = {name: torch.zeros_like(table) for name, table in tables.items()}
        self._scratch = Scratch()

    def of(self, name: str, ids: Tensor, rows: Tensor) -> Tensor:
        """The sum of all rows with its id, for every row, shape as `rows`; valid until the next step."""
        buffer = self._buffers[name].index_add_(0, ids, rows)
        sums = self._scratch.select(name, buffer, ids)
        buffer.index_fill_(0, ids, 0)
        return sums


def _lengths(rows: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return lengths.clamp_(min=EPSILON)
