"""Writing a file or a folder whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from embedding.errors import WarehouseError


@contextmanager
def written_beside(target: Path, mend: str) -> Iterator[Path]:
    """A path beside the target; a file that the block writes there becomes the target when the block ends, and is removed if it fails.

    A folder is removed in any case: the block itself moves its files to where they belong.

    Args:
        target: to write; the folders above it are made.
        mend: what to name another one of, in the error ("file with --out").

    Raises:
        WarehouseError: it cannot be written.
    """
    partial = target.absolute().with_name(f".{target.absolute().name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        yield partial
        if partial.is_file():
            partial.replace(target)
    except OSError as error:
        raise WarehouseError(f"{target}: cannot be written: {error.strerror or error}; name another {mend}") from None
    finally:
        with suppress(OSError):
            _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
