"""This project's own trainer, by recipes: settings, and how negatives are drawn."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tests.benchmarks.quality.data import Pairs

RECIPES: dict[str, tuple[Sequence[str], Sequence[str]]] = {  # name: settings files, settings
    "bookspace": ((), ()),
    "original, MSE": (("koehrsen.yaml",), ()),
    "original, BCE": (("koehrsen.yaml",), ("train.loss=bce",)),
}


def fit(name: str, books: int, links: int, pairs: Pairs, seed: int, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Vectors of books and links, and the seconds of wall and CPU that training and drawing negatives took."""
    from embedding.pairs.negatives import link_weights, numbered_samples, sample_links, samples_per_book
    from embedding.settings_files import load_settings
    from embedding.train.trainer import train

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

    nothing = np.empty((0, 2), np.int32)
    watched = nothing, nothing
    with TemporaryDirectory() as scratch:
        few = settings.train.model_copy(update={"epochs": 1, "min_steps": 1})
        # Imports, and threads started.
        train(few, books, links, pairs[:50], lambda _: pairs[50:99], watched, seed, "warm", Path(scratch) / "warm.pt", lambda *_: None)
        wall, cpu = time.perf_counter(), time.process_time()
        draws = [draw(number) for number in range(how.draws)]
        file = Path(scratch) / "checkpoint.pt"
        model, _ = train(settings.train, books, links, pairs, lambda e: draws[e % how.draws], watched, seed, "bench", file, lambda *_: None)
        seconds = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    of_books, of_links, bias = (array.cpu().numpy() for array in model.vectors(settings.train.centre))
    return {"books": of_books, "links": of_links, "bias": bias} | seconds
