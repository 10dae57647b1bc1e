"""This project's own trainer, by recipes: settings, and how negatives are drawn."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.benchmarks.quality.data import Pairs
from tests.training_data import in_memory

if TYPE_CHECKING:
    from embedding.train.trainer import Initial

RECIPES: dict[str, tuple[Sequence[str], Sequence[str]]] = {  # name: settings files, settings
    "bookspace": ((), ()),
    "original, MSE": (("koehrsen.yaml",), ()),
    "original, BCE": (("koehrsen.yaml",), ("train.loss=bce",)),
}


def fit(
    name: str, books: int, links: int, pairs: Pairs, seed: int, overrides: Sequence[str] = (), initial: "Initial | None" = None
) -> dict[str, Any]:
    """Vectors of books and links, and the seconds of wall and CPU that training and drawing negatives took."""
    from embedding.pairs.negatives import draws_for, link_weights, numbered_samples, sample_links, samples_per_book
    from embedding.settings_files import load_settings
    from embedding.train.checkpoint import Checkpoints
    from embedding.train.feed.fresh import Drawing, FreshFeed
    from embedding.train.model import BookLinkModel
    from embedding.train.trainer import TrainingData, choose_device, train

    import torch  # isort: skip  # after embedding.train, which says how its threads wait

    files, changes = RECIPES[name]
    settings = load_settings(files, ["wiki=any", *changes, *overrides])
    how = settings.negatives
    known = np.sort(pairs[:, 0].astype(np.int64) * links + pairs[:, 1])
    own = np.bincount(pairs[:, 0], minlength=books)
    cumulative = np.cumsum(link_weights(np.bincount(pairs[:, 1], minlength=links), how.links, how.power))
    wanted = samples_per_book(own, np.arange(books), how.per_positive, books if how.books == "uniform" else 0, len(pairs))
    owners, places = numbered_samples(np.arange(books), wanted)

    def draw(number: int) -> Pairs:
        drawn = sample_links(owners, places, number, known, cumulative, seed)
        return np.stack([owners, drawn], 1)[drawn >= 0].astype(np.int32)

    with TemporaryDirectory() as scratch:

        def learn(changes: dict[str, int], data: TrainingData, initial: "Initial | None" = None) -> BookLinkModel:
            checkpoints = Checkpoints(Path(scratch), {"changes": changes})
            return train(settings.train.model_copy(update=changes), data, seed, checkpoints, lambda *_: None, initial)[0]

        device = settings.train.device
        # Imports, and threads started.
        learn({"epochs": 1, "min_steps": 1}, in_memory(books, links, pairs[:50], [pairs[50:99]], seed, device=device))
        wall, cpu = time.perf_counter(), time.process_time()
        fresh = settings.train.fresh_negatives
        draws = 0 if fresh else draws_for(len(pairs), how.per_positive, how.draws, how.min_rows)
        data = in_memory(books, links, pairs, [draw(number) for number in range(draws)], seed, device=device)
        if fresh:
            true = torch.from_numpy(pairs).to(choose_device(device))
            feed = FreshFeed(true, len(pairs), books, links, Drawing(how.per_positive, how.links, how.power, how.books), seed)
            data = replace(data, negatives=feed)
        model = learn({}, data, initial)
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    of_books, of_links, bias = (array.cpu().numpy() for array in model.vectors(settings.train.centre))
    return {"books": of_books, "links": of_links, "bias": bias} | seconds
