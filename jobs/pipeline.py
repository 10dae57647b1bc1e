"""The list of steps, in order, and the command `bookspace` that is given it."""

from embedding import cli
from embedding.job import Step
from jobs import (
    build_pairs,
    compare_snapshots,
    draw_map,
    evaluate,
    extract_books,
    find_neighbours,
    publish,
    read_dump,
    sample_negatives,
    train_embedding,
)

STEPS: tuple[Step, ...] = (
    read_dump.STEP,
    extract_books.STEP,
    build_pairs.STEP,
    sample_negatives.STEP,
    train_embedding.STEP,
    evaluate.STEP,
    find_neighbours.STEP,
    compare_snapshots.STEP,
    draw_map.STEP,
    publish.STEP,
)


def main() -> None:
    """The command `bookspace`."""
    cli.main(STEPS)


if __name__ == "__main__":
    main()
