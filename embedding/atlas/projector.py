"""Files for TensorBoard's projector: vectors, what is known of the books with our neighbours, and our maps as bookmarks.

Source of the formats: tensorboard/plugins/projector/projector_config.proto and the plugin's projector_binary.js, both 2.21. All files lie
in the log folder itself, where the plugin looks for them. Bookmarks hold a state of the page; `linear-x` and `linear-y` are the
places that its "custom" projection shows.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedding.atlas.explorer.books import MAPS, has_rows
from embedding.errors import NotFoundError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

TENSOR, METADATA, BOOKMARKS, CONFIG = "tensors.bytes", "metadata.tsv", "bookmarks.json", "projector_config.pbtxt"
COLUMNS = ("title", "author", "year", "genre", "country", "language", "neighbours")
_NO_AXIS = {"Text": "", "Regex": False}
_SPACE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")


def write_projector(connection: "DuckDBPyConnection", wiki: str, snapshot: str, most_books: int, folder: Path) -> tuple[int, int]:
    """Write the four files.

    Args:
        connection: as `sql.open_duckdb` opens it.
        wiki: of a snapshot that has a map.
        snapshot: its date.
        most_books: at most so many, those with the most links; the page keeps all in memory.
        folder: exists.

    Returns:
        Books written, and books there are.

    Raises:
        NotFoundError: the snapshot has no map, or no neighbours.
    """
    for table, step in (("book_map", "draw_map"), ("neighbours", "find_neighbours"), ("book_vectors", "train_embedding")):
        if not has_rows(connection, table, [wiki, snapshot]):
            raise NotFoundError(
                f"table {table} of {wiki} {snapshot} is not there; make it with the step {step}, or all with `bookspace run`"
            )
    total = connection.execute("SELECT count(*) FROM book_map WHERE wiki = ? AND snapshot = ?", [wiki, snapshot]).fetchall()[0][0]
    rows = connection.sql(_ROWS, params=[wiki, snapshot, most_books]).to_arrow_table()
    vectors = np.asarray(rows["vector"].combine_chunks().flatten(), "<f4").reshape(len(rows), -1)
    vectors.tofile(folder / TENSOR)
    (folder / METADATA).write_text(_metadata(rows), encoding="utf-8", errors="replace")
    (folder / BOOKMARKS).write_text(json.dumps(_bookmarks(rows, vectors.shape)), encoding="utf-8")
    (folder / CONFIG).write_text(_config(f"books of {wiki} {snapshot}", vectors.shape), encoding="utf-8")
    return len(rows), int(total)


_ROWS = """
    WITH near AS (
        SELECT page_id, string_agg(neighbour_title || ' (' || printf('%.2f', similarity) || ')', ' · ' ORDER BY rank) AS neighbours
        FROM neighbours WHERE wiki = $1 AND snapshot = $2 GROUP BY page_id
    )
    SELECT m.title, m.author, m.year, m.genre, m.country, m.language, near.neighbours,
        m.tsne_x, m.tsne_y, m.umap_x, m.umap_y, v.vector
    FROM book_map m
    JOIN book_vectors v ON v.page_id = m.page_id AND v.wiki = $1 AND v.snapshot = $2
    LEFT JOIN near ON near.page_id = m.page_id
    WHERE m.wiki = $1 AND m.snapshot = $2
    ORDER BY m.links DESC NULLS LAST, m.title, m.page_id LIMIT $3
"""


def _metadata(rows: "pa.Table") -> str:
    """A line a book under a line of names; a tab or a line end within a text would begin another column or row."""
    lines = zip(*(rows[name].to_pylist() for name in COLUMNS), strict=True)
    clean = ("\t".join(_SPACE.sub(" ", "" if cell is None else str(cell)).strip() or "-" for cell in line) for line in lines)
    return "\n".join(["\t".join(COLUMNS), *clean]) + "\n"


def _bookmarks(rows: "pa.Table", shape: tuple[int, ...]) -> list[dict[str, Any]]:
    states = []
    for label, (x, y) in MAPS.items():
        if rows[x].null_count == len(rows):
            continue
        places = zip(_places(rows[x]), _places(rows[y]), strict=True)
        states.append(
            {
                "label": label,
                "isSelected": False,
                "selectedProjection": "custom",
                "dataSetDimensions": list(shape),
                "projections": [{"linear-x": one, "linear-y": other} for one, other in places],
                "selectedPoints": [],
                "pcaComponentDimensions": [0, 1],
                "tSNEIteration": 0,
                "tSNEPerplexity": 30,
                "tSNELearningRate": 10,
                "tSNEis3d": False,
                "umapIs3d": False,
                "umapNeighbors": 15,
                "umapMinDist": 0.1,
                "customSelectedSearchByMetadataOption": "title",
                **{f"custom{side}{what}": value for side in ("XLeft", "XRight", "YUp", "YDown") for what, value in _NO_AXIS.items()},
                "selectedLabelOption": "title",
                "selectedColorOptionName": "genre",
                "forceCategoricalColoring": False,
                "cameraDef": {
                    "orthographic": True,
                    "position": [0, 0, 10],
                    "target": [0, 0, 0],
                    "zoom": 1.0,
                },
            }
        )
    return states


def _places(column: Any) -> Sequence[float]:
    """Four digits are plenty for a screen, and keep the file small; a book without a place is put in the middle."""
    return [round(float(one), 4) for one in np.nan_to_num(np.asarray(column, float))]


def _config(name: str, shape: tuple[int, ...]) -> str:
    fields = {"tensor_name": name, "tensor_path": TENSOR, "metadata_path": METADATA, "bookmarks_path": BOOKMARKS}
    texts = "".join(f"  {key}: {json.dumps(value)}\n" for key, value in fields.items())
    return f"embeddings {{\n{texts}  tensor_shape: {shape[0]}\n  tensor_shape: {shape[1]}\n}}\n"
