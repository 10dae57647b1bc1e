"""The formats: each writes a table of vectors to a file that is open for writing bytes."""

import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from tqdm import tqdm

from embedding.export.stored import Batch, StoredVectors
from embedding.export.words import Words

Format = Literal["word2vec", "word2vec-binary", "numpy", "parquet"]
Writer = Callable[[StoredVectors, IO[bytes]], str]  # gives what else there is to say


def write_text(stored: StoredVectors, out: IO[bytes]) -> str:
    """word2vec's text: a line with the counts, then a word and its numbers a line. The numbers read back as the same float32."""
    words = Words()
    out.write(f"{stored.rows} {stored.dimensions}\n".encode())
    for batch in _watched(stored):
        numbers = pa.array(batch.vectors.ravel(), pa.float32()).cast(pa.string())
        ends = pa.array(np.arange(len(batch.vectors) + 1, dtype=np.int32) * stored.dimensions)
        rows = pc.binary_join(pa.ListArray.from_arrays(ends, numbers), " ")
        lines = zip(batch.titles.to_pylist(), rows.to_pylist(), strict=True)
        out.write("".join(f"{words.word(title)} {row}\n" for title, row in lines).encode())
    return _numbered(words)


def write_binary(stored: StoredVectors, out: IO[bytes]) -> str:
    """word2vec's binary: the same with little-endian float32.

    Source: word2vec.c of T. Mikolov, 2013, which ends every row with a line break; its readers skip one before a word.
    """
    words = Words()
    out.write(f"{stored.rows} {stored.dimensions}\n".encode())
    for batch in _watched(stored):
        rows = zip(batch.titles.to_pylist(), batch.vectors.astype("<f4"), strict=True)
        out.write(b"".join(words.word(title).encode() + b" " + row.tobytes() + b"\n" for title, row in rows))
    return _numbered(words)


def write_numpy(stored: StoredVectors, out: IO[bytes]) -> str:
    """An .npz: vectors (rows, dimensions), ids (page_id; -1: no page), titles; of links also bias. Loads without pickle."""
    ids, titles, biases = [], [], []

    def vectors() -> Iterator[Any]:
        for batch in _watched(stored):
            ids.append(np.asarray(pc.fill_null(batch.page_ids, -1), "<i8"))
            titles.extend(batch.titles.to_pylist())
            if batch.bias is not None:
                biases.append(batch.bias.astype("<f4"))
            yield batch.vectors.astype("<f4")

    with zipfile.ZipFile(out, "w") as archive:
        _member(archive, "vectors", "<f4", (stored.rows, stored.dimensions), vectors())
        _member(archive, "ids", "<i8", (stored.rows,), ids)
        kind = f"<U{max(map(len, titles)) or 1}"
        # As wide as the longest title, at 4 bytes a letter: packed, and made part by part.
        parts = (np.array(titles[start : start + (1 << 16)], kind) for start in range(0, len(titles), 1 << 16))
        _member(archive, "titles", kind, (stored.rows,), parts, zipfile.ZIP_DEFLATED)
        if biases:
            _member(archive, "bias", "<f4", (stored.rows,), biases)
    return ""


def write_parquet(stored: StoredVectors, out: IO[bytes]) -> str:
    """Parquet: page_id (null: no page), title, vector; of links also bias. Wiki and snapshot stand in the schema's metadata."""
    links = stored.table == "link_vectors"
    columns = [("page_id", pa.int64()), ("title", pa.string()), ("vector", pa.list_(pa.float32())), *([("bias", pa.float32())] * links)]
    schema = pa.schema(columns, {"wiki": stored.snapshot.wiki, "snapshot": stored.snapshot.date})
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in _watched(stored):
            more = [] if batch.bias is None else [pa.array(batch.bias)]
            vectors = pa.array(list(batch.vectors), pa.list_(pa.float32()))
            writer.write_table(pa.table([batch.page_ids, batch.titles, vectors, *more], schema=schema))
    return ""


WRITERS: dict[Format, Writer] = {
    "word2vec": write_text,
    "word2vec-binary": write_binary,
    "numpy": write_numpy,
    "parquet": write_parquet,
}


def _member(
    archive: zipfile.ZipFile, name: str, kind: str, shape: tuple[int, ...], parts: Iterable[Any], packed: int = zipfile.ZIP_STORED
) -> None:
    """Write one array of an .npz part by part."""
    info = zipfile.ZipInfo(f"{name}.npy")  # always the same date: the same vectors give the same file
    info.compress_type = packed
    with archive.open(info, "w", force_zip64=True) as member:
        header: Any = np.lib.format.write_array_header_1_0  # has no types
        header(member, {"descr": kind, "fortran_order": False, "shape": shape})
        for part in parts:
            member.write(part.tobytes())


def _watched(stored: StoredVectors) -> Iterator[Batch]:
    """The batches, with a bar on the terminal."""
    with tqdm(total=stored.rows, unit=" vectors", desc="export", mininterval=1, disable=None) as bar:
        for batch in stored.batches():
            yield batch
            bar.update(len(batch.titles))


def _numbered(words: Words) -> str:
    return f"{words.numbered} words that would come twice are numbered" if words.numbered else ""
