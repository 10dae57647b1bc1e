"""Packed columns: what goes in comes out, by a reader that is written here from the format's description."""

import gzip
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedding.atlas.explorer.pack import numbered, pack

TEXTS = st.lists(st.one_of(st.none(), st.text(st.characters(codec="utf-8"))), max_size=20)


def _unpack(packed: bytes) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    content = gzip.decompress(packed)
    length = int.from_bytes(content[:4], "little")
    header = json.loads(content[4 : 4 + length])
    columns: dict[str, list[Any]] = {}
    for column in header["columns"]:
        part = content[4 + length + column["start"] :][: column["bytes"]]
        rows = column["rows"]
        if "width" in column:
            columns[column["name"]] = [sum(part[plane * rows + i] << (8 * plane) for plane in range(column["width"])) for i in range(rows)]
        else:
            columns[column["name"]] = part.decode().split("\n") if rows else []
    return header["about"], columns


@given(st.lists(st.integers(0, 2**32 - 1), max_size=50), TEXTS)
def test_what_is_packed_comes_out(numbers: list[int], texts: list[str | None]) -> None:
    about, columns = _unpack(pack({"a": np.array(numbers, np.int64), "t": texts, "b": np.array(numbers[::-1], np.int64)}, {"wiki": "ü"}))
    assert about == {"wiki": "ü"}
    assert columns["a"] == numbers
    assert columns["b"] == numbers[::-1]
    assert len(columns["t"]) == len(texts)
    for kept, text in zip(columns["t"], texts, strict=True):
        assert "\n" not in kept
        if text and text.isprintable():
            assert kept == text


@pytest.mark.parametrize(("most", "width"), [(0, 1), (255, 1), (256, 2), (65_535, 2), (65_536, 3), (2**24, 4)])
def test_a_number_takes_as_many_bytes_as_it_needs(most: int, width: int) -> None:
    content = gzip.decompress(pack({"a": np.array([0, most])}, {}))
    header = json.loads(content[4 : 4 + int.from_bytes(content[:4], "little")])
    assert header["columns"][0]["width"] == width


@pytest.mark.parametrize("number", [-1, 2**32])
def test_a_number_that_does_not_fit_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="column a holds"):
        pack({"a": np.array([1, number])}, {})


def test_the_same_columns_give_the_same_bytes() -> None:
    columns = {"a": np.arange(5), "t": ["x", None]}
    assert pack(columns, {}) == pack(columns, {})


@given(TEXTS)
def test_texts_are_numbered_with_the_frequent_first(texts: list[str | None]) -> None:
    names, numbers = numbered(texts)
    assert [names[number] or None for number in numbers] == [text or None for text in texts]
    counts = np.bincount(numbers, minlength=len(names))[1:]
    assert list(counts) == sorted(counts, reverse=True)
    assert len(set(names)) == len(names)
