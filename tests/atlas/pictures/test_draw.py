"""The command `bookspace draw`: every picture, on ordinary, few and hostile books."""

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from embedding import cli
from embedding.atlas.pictures import ON_MAPS, PICTURES
from embedding.atlas.pictures import canvas as canvas_module
from embedding.atlas.pictures.read import read_books
from embedding.manifest import Snapshot
from embedding.tables import TABLES
from embedding.warehouse import Warehouse, write_table
from tests.atlas.mapped import LIBRARY, write_mapped
from tests.atlas.test_layout import clusters

SNAPSHOT = Snapshot("testwiki", "20240501")
HOSTILE = [
    "$\\frac{",
    "_under",
    "<script>alert(1)</script>",
    "Ünïcode & Co.",
    "戦争と平和",
    "Война и мир",
    "a\nb",
    "x" * 300,
    "%s {0}",
    "'; DROP",
]


def write_books(root: Path, count: int, snapshot: Snapshot = SNAPSHOT, maps: tuple[str, ...] = ("tsne", "umap")) -> Warehouse:
    """A published snapshot with a map; the first titles are hostile ones."""
    warehouse, (vectors, of) = Warehouse(root), clusters(count)
    ids, titles = list(range(count)), [*HOSTILE, *(f"Book {i}" for i in range(count))][:count]
    rng = np.random.default_rng(1)
    columns: dict[str, Any] = dict.fromkeys(TABLES["book_map"].columns.names, [None] * count)
    columns |= {"page_id": ids, "title": titles, "links": ids[::-1], "year": [None if i % 7 == 0 else 1700 + 5 * (i % 60) for i in ids]}
    columns |= {"genre": [[None, "Novel", "$x_1$", "_hidden", "Essay"][c] for c in of], "genres": [[]] * count}
    columns |= {f"{name}_{axis}": (of * 3 + rng.normal(size=count)).tolist() for name in maps for axis in "xy"}
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -2)
    k = min(5, count - 1)
    near = np.argsort(-cosines, axis=1)[:, :k]
    rows = [(i, rank + 1, int(near[i, rank])) for i in ids for rank in range(k)]
    neighbours = {
        "page_id": [i for i, _, _ in rows], "title": [titles[i] for i, _, _ in rows], "rank": [rank for _, rank, _ in rows],
        "neighbour_page_id": [j for _, _, j in rows], "neighbour_title": [titles[j] for _, _, j in rows],
        "similarity": [float(cosines[i, j]) for i, _, j in rows], "shared_links": [[]] * len(rows),
    }  # fmt: skip
    stored = {"book_id": ids, "page_id": ids, "title": titles, "vector": list(vectors)}
    made = {}
    for step, table, data in (
        ("draw_map", "book_map", columns), ("train_embedding", "book_vectors", stored), ("find_neighbours", "neighbours", neighbours),
    ):  # fmt: skip
        with warehouse.write(step, [table], snapshot, {}, {}) as staged:
            write_table(table, data, staged[table].folder)
        made[table] = warehouse.manifest(table, snapshot)
    warehouse.publish(snapshot, made)
    return warehouse


def draw(root: Path, out: Path, *options: str) -> None:
    cli.main((), ["draw", "--warehouse", str(root), "--out", str(out), *options])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("warehouse")
    write_books(root, 60)
    return root


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """As small as will do: what is tested does not hang on the number of pixels."""
    monkeypatch.setattr(canvas_module, "DPI", 60)


def test_every_picture_is_drawn_light_and_dark(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw(root, tmp_path / "a" / "b")
    listed = capsys.readouterr().out.splitlines()
    names = {f"{name}-tsne" if name in ON_MAPS else name for name in PICTURES}
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {
        f"{name}-{theme}.png" for name in names for theme in ("light", "dark")
    }
    assert len(listed) == 2 * len(PICTURES)
    for path in (tmp_path / "a" / "b").iterdir():
        pixels = np.asarray(Image.open(path).convert("L"))
        assert pixels.shape == (round(8.3 * 60), round(11.7 * 60))
        paper = pixels[0, 0]
        assert (paper > 200) == ("light" in path.name)
        assert 0.003 < (np.abs(pixels.astype(int) - paper) > 25).mean() < 0.6  # neither empty nor full
        assert (np.abs(pixels[:, -3:].astype(int) - paper) < 10).all()  # nothing is cut at the edge
        assert (np.abs(pixels[-3:].astype(int) - paper) < 10).all()


def texts_of(svg: Path) -> list[str]:
    """The texts of a picture: matplotlib notes each as a comment beside its outlines."""
    return re.findall(r"<!-- (.*?) -->", svg.read_text(encoding="utf-8"))


def test_legend_counts_add_up_to_the_books(root: Path, tmp_path: Path) -> None:
    for picture in ("genres", "years"):
        draw(root, tmp_path, "--picture", picture, "--format", "svg", "--theme", "light")
        texts = texts_of(tmp_path / f"{picture}-tsne-light.svg")
        assert sum(int(text) for text in texts if text.isdigit()) == 60
    texts = texts_of(tmp_path / "genres-tsne-light.svg")
    assert {"Novel", "$x_1$", "_hidden", "Essay", "no genre given"} <= set(texts)


def test_the_same_picture_has_the_same_bytes(root: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        draw(root, tmp_path / folder, "--picture", "titles,similarities", "--format", "png,svg", "--theme", "dark")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_letters_without_a_font_are_told_once(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canvas_module, "_fonts", lambda: ["DejaVu Sans"])
    with caplog.at_level(logging.WARNING, "bookspace"):
        draw(root, tmp_path, "--picture", "titles,extremes", "--theme", "both", "--book", "戦争と平和")
    assert len([record for record in caplog.records if "no installed font" in record.message]) == 1


@pytest.mark.parametrize("count", [2, 3, 5])
def test_few_books_make_pictures(tmp_path: Path, count: int) -> None:
    write_books(tmp_path / "w", count)
    draw(tmp_path / "w", tmp_path, "--theme", "light", "--map", "umap")
    assert len(list(tmp_path.glob("*.png"))) == len(PICTURES)


def test_books_with_fewer_neighbours_than_others_count_by_their_own_last_one(tmp_path: Path) -> None:
    warehouse = write_mapped(tmp_path / "w", LIBRARY)
    read = read_books(warehouse, None, "war and peace")
    assert read.k == 3
    cosines = {book.title: [cosine for _, cosine, _ in book.near] for book in LIBRARY if book.near}
    assert np.allclose(read.similarities, [(near[0], near[-1]) for near in cosines.values()])
    draw(tmp_path / "w", tmp_path, "--picture", "similarities,neighbours", "--theme", "light", "--book", "war and peace")
    assert len(list(tmp_path.glob("*.png"))) == 2


def test_a_book_is_chosen_by_its_title_however_it_is_written(root: Path, tmp_path: Path) -> None:
    draw(root, tmp_path, "--picture", "neighbours", "--theme", "light", "--format", "svg", "--book", "война и мир")
    assert "The neighbours of Война и мир" in texts_of(tmp_path / "neighbours-tsne-light.svg")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--book", "Nothing like it"], "no book is called"),
        (["--wiki", "dewiki"], "no snapshot of dewiki is published"),
        (["--map", "umap"], "the UMAP map of testwiki 20240501 was not drawn"),
        (["--out", "/dev/null/x"], "cannot be written"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(tmp_path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_books(tmp_path / "w", 12, maps=("tsne",))
    with pytest.raises(SystemExit) as ended:
        draw(tmp_path / "w", tmp_path, "--picture", "books", *options)
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_of_several_wikis_one_must_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_books(tmp_path / "w", 12)
    write_books(tmp_path / "w", 14, Snapshot("otherwiki", "20240501"))
    with pytest.raises(SystemExit):
        draw(tmp_path / "w", tmp_path, "--picture", "books")
    assert "otherwiki, testwiki; name one with --wiki" in capsys.readouterr().err
    draw(tmp_path / "w", tmp_path, "--picture", "books", "--wiki", "otherwiki", "--theme", "light", "--format", "svg")
    assert "The books of otherwiki" in texts_of(tmp_path / "books-tsne-light.svg")


def test_names_of_pictures_are_checked(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        draw(root, tmp_path, "--picture", "books,nonsense")
    assert ended.value.code == 2
