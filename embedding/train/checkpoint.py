"""Checkpoints of a training: written whole or not at all, read without executing anything."""

import hashlib
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def fingerprint(**facts: Any) -> str:
    """One word for what a training depends on; a checkpoint with another one is not its own."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint; a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(dict(state), partial)
    os.replace(partial, path)


def load(path: Path, mark: str) -> dict[str, Any] | None:
    """The checkpoint, or None when there is none, it cannot be read, or it is another training's."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, pickle.UnpicklingError):
        return None
    return state if state.get("mark") == mark else None
