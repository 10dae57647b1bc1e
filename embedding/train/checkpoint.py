"""Checkpoints of a training: written whole or not at all, read without executing anything."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def fingerprint(**facts: Any) -> str:
    """One word for what a training depends on; a checkpoint with another one is not its own."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint; a reader sees the old one or the new one.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    try:
        torch.save(dict(state), partial)
        partial.replace(path)
    except RuntimeError as error:  # torch's own word for a disk that is full is "unexpected pos"
        free = shutil.disk_usage(path.parent).free
        partial.unlink(missing_ok=True)
        if free < 1 << 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def load(path: Path, mark: str) -> dict[str, Any] | None:
    """The checkpoint, or None when there is none, it cannot be read, or it is another training's."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a damaged pickle raises nearly anything
        return None
    return state if isinstance(state, dict) and state.get("mark") == mark else None
