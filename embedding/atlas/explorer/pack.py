"""Columns of numbers and texts in few bytes, for a page that decodes them with nothing but the browser.

The format: a gzip stream of the header's length (4 bytes, little endian), the header (JSON), and the columns one behind the other. A
number takes 1 to 4 bytes, the lowest bytes of all rows first, then the next: equal bytes lie together, which gzip likes. Texts are
UTF-8, a line each. `web/data.js` reads it.
"""

import base64
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Line ends of every kind, and what else would be no letter of a text.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def pack(columns: Mapping[str, "NDArray[Any] | Sequence[str | None]"], about: Mapping[str, Any]) -> bytes:
    """Columns and what is known of them as gzip.

    Args:
        columns: whole numbers from 0 to 2^32 - 1 (an array), or texts (a list; None becomes the empty text).
        about: goes into the header, as JSON.

    Raises:
        ValueError: a number does not fit.
    """
    parts, described, start = [], [], 0
    for name, values in columns.items():
        if isinstance(values, np.ndarray):
            width, content = _planes(name, values)
            described.append({"name": name, "rows": len(values), "width": width, "start": start, "bytes": len(content)})
        else:
            content = "\n".join(_CONTROL.sub(" ", text or "") for text in values).encode("utf-8", "replace")
            described.append({"name": name, "rows": len(values), "start": start, "bytes": len(content)})
        parts.append(content)
        start += len(content)
    header = json.dumps({"about": dict(about), "columns": described}, ensure_ascii=False).encode("utf-8", "replace")
    return gzip.compress(b"".join([len(header).to_bytes(4, "little"), header, *parts]), 7, mtime=0)


def packed_text(columns: Mapping[str, "NDArray[Any] | Sequence[str | None]"], about: Mapping[str, Any]) -> str:
    """The same as base64, which can stand in HTML as it is."""
    return base64.b64encode(pack(columns, about)).decode("ascii")


def _planes(name: str, values: "NDArray[Any]") -> tuple[int, bytes]:
    least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    if least < 0 or most >= 1 << 32:
        raise ValueError(f"column {name} holds {least if least < 0 else most}; 0 to 2^32 - 1 fit")
    width = max(1, (most.bit_length() + 7) // 8)
    bytes_of = np.ascontiguousarray(values, "<u4").view(np.uint8).reshape(-1, 4)
    return width, np.ascontiguousarray(bytes_of[:, :width].T).tobytes()


def numbered(values: Any) -> tuple[list[str], "NDArray[np.uint32]"]:
    """A dictionary of texts, the frequent first, and the number of each value in it; 0 stands for none.

    Args:
        values: texts or None: a list, or an Arrow array, which may be long.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, pa.string())
    counts = pc.value_counts(column).to_pylist()
    texts = [one["values"] for one in sorted(counts, key=lambda one: (-one["counts"], one["values"] or "")) if one["values"]]
    places = pc.index_in(column, value_set=pa.array(texts, pa.string()))
    return ["", *texts], (np.asarray(pc.fill_null(places, -1)) + 1).astype(np.uint32)
