"""Steps of one size come to the same as steps of their own sizes, and a GPU that replays them learns what one does that is told each."""

import pytest
import torch

from embedding.train.model import BookLinkModel
from embedding.train.optimiser import Optimiser, RowAdam, WholeAdam
from embedding.train.recorded import EAGER, OneSize, Recorded

STEPS, ROWS = EAGER + 5, 12
KINDS = pytest.mark.parametrize("kind", [WholeAdam, RowAdam])


def _model(device: str = "cpu") -> BookLinkModel:
    torch.manual_seed(0)
    return BookLinkModel(9, 7, 5, "bce", 0.5, 3.0, True, "link").to(device)


def _losses(optimiser: Optimiser, device: str = "cpu") -> list[float]:
    """Of steps of 8 to 12 pairs."""
    random, losses = torch.Generator().manual_seed(2), []
    for step in range(STEPS):
        count = 8 + step % (ROWS - 7)
        books, links = (torch.randint(high, (count,), generator=random) for high in (9, 7))
        labels, shares = (torch.rand(count, generator=random) < 0.5).float(), torch.rand(count, generator=random) / count
        given = [value.to(device) for value in (books, links, labels, shares, torch.tensor(0.1 / (1 + step)))]
        losses.append(float(optimiser.step(*given)))
    return losses


def _assert_alike(one: BookLinkModel, other: BookLinkModel) -> None:
    for ours, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(ours.cpu(), theirs.cpu(), atol=1e-5, rtol=1e-4)


@KINDS
def test_pairs_without_a_share_change_nothing(kind: type[WholeAdam] | type[RowAdam]) -> None:
    models = _model(), _model()
    of_one_size = OneSize(kind(models[1]), ROWS, torch.device("cpu"))
    assert _losses(kind(models[0])) == pytest.approx(_losses(of_one_size), rel=1e-5)
    _assert_alike(*models)


@KINDS
def test_its_state_is_that_of_the_optimiser_in_it(kind: type[WholeAdam] | type[RowAdam]) -> None:
    inner, other = kind(_model()), kind(_model())
    _losses(of_one_size := OneSize(inner, ROWS, torch.device("cpu")))
    OneSize(other, ROWS, torch.device("cpu")).restore(of_one_size.state())
    torch.testing.assert_close(other.state(), inner.state())


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@KINDS
def test_a_gpu_replays_what_it_would_be_told(kind: type[WholeAdam] | type[RowAdam]) -> None:
    told, replaying = _model("cuda"), _model("cuda")
    recorded = Recorded(kind(replaying), ROWS, torch.device("cuda"))
    assert _losses(recorded, "cuda") == pytest.approx(_losses(kind(told), "cuda"), rel=1e-4)
    assert recorded.replays
    _assert_alike(told, replaying)
