"""A dump with planted structure: clusters of books that share links, which neighbours must recover."""

import random
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import multistream, page

CLUSTERS, BOOKS, LINKS = 4, 14, 16


def cluster_of(title: str) -> str:
    """The cluster of a planted book."""
    return title.split()[1]


def planted_pages(seed: int = 1) -> list[str]:
    """Books of four clusters, their links' pages, redirects on the way, and pages that are dropped."""
    rng = random.Random(seed)
    pages = []
    number = 100
    for cluster in range(CLUSTERS):
        for link in range(LINKS):
            number += 1
            pages.append(page(f"Topic {cluster} {link}", number, "An article."))
            pages.append(
                page(
                    f"Alias {cluster} {link}", number + 10_000, f"#REDIRECT [[Topic {cluster} {link}]]", redirect=f"Topic {cluster} {link}"
                )
            )
        for book in range(BOOKS):
            number += 1
            own = [f"{rng.choice(('Topic', 'Topic', 'Alias'))}_{cluster} {link}" for link in rng.sample(range(LINKS), 11)]
            noise = [f"common {rng.randrange(8)}#Section|shown" for _ in range(3)]
            links = " ".join(f"[[{name}]]" for name in own + noise)
            box = f"{{{{Infobox book\n| author = [[Author {cluster}]]\n| genre = Novel\n}}}}"
            text = f"{box}\n{links} [[File:x.jpg|thumb]] [[de:Buch]]\n[[Category:Cluster {cluster}]]"
            pages.append(page(f"Book {cluster} {book}", number, text))
    pages.append(page("Talk:Book 0 0", 9_001, "{{Infobox book}}", namespace=1))
    pages.append(page("A page without any book", 9_002, "Plain."))
    rng.shuffle(pages)
    return pages


def write_planted(folder: Path, pages: Sequence[str] | None = None) -> Path:
    """Write the dump into a folder."""
    file = folder / "testwiki-20240501-pages-articles-multistream.xml.bz2"
    file.write_bytes(multistream(pages if pages is not None else planted_pages(), per_stream=10))
    return file


SETTINGS = """
wiki: testwiki
spark: {master: "local[2]", driver_memory: 1g, shuffle_partitions: 2}
books: {infoboxes: [Infobox book]}
pairs: {min_books: 3}
train: {dimensions: 16, epochs: 30, min_steps: 1, batch_positives: 128, learning_rate: 1e-2}
neighbours: {k: 5, trees: 20, method: annoy}
map: {methods: [tsne], tsne_iterations: 50}
"""
