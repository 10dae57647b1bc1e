"""Checkpoints of a training: tensors and a JSON beside them, there together or not at all, read without executing anything.

They lie in `<root>/training-<mark>/step-<number>/`. The mark is a hash of all that the result depends on, so a training with other
settings or tables neither takes up nor overwrites what another one left, and finds its own again when the settings are changed back.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

FACTS, TENSORS = "state.json", "tensors.pt"
KEPT = 2  # checkpoints of a training: the second is for the case that the newest cannot be read
TRAININGS = 3  # whose checkpoints are kept in a folder


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read.

    Attributes:
        folder: where it lies.
        tensors: state of the model and the optimiser, on the CPU.
        facts: what its JSON holds: epoch, step, figures.
    """

    folder: Path
    tensors: dict[str, Any]
    facts: dict[str, Any]


class Checkpoints:
    """The checkpoints of one training.

    Args:
        root: folder that may hold those of other trainings too.
        identity: all that the training depends on, by name; values as JSON has them.
    """

    def __init__(self, root: Path, identity: Mapping[str, Any]) -> None:
        self.root = root
        self.identity = json.loads(json.dumps(dict(identity)))
        mark = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:16]
        self.folder = root / f"training-{mark}"

    def save(self, step: int, tensors: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        """Write the checkpoint after `step` steps; a process that dies meanwhile leaves those before it.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        partial, target = self.folder / "partial", self.folder / f"step-{step:012}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            save_tensors(partial / TENSORS, tensors)
            size = (partial / TENSORS).stat().st_size
            content = {"identity": self.identity, "step": step, "bytes": size, "torch": torch.__version__, **facts}
            (partial / FACTS).write_text(json.dumps(content, indent=1), encoding="utf-8")
            for path in (partial / TENSORS, partial / FACTS, partial):
                _sync(path)
            if target.exists():  # what could not be read
                shutil.rmtree(target)
            partial.replace(target)
            _sync(self.folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        for old in self._steps()[:-KEPT]:
            shutil.rmtree(old, ignore_errors=True)
        for old in self._trainings()[:-TRAININGS]:
            shutil.rmtree(old, ignore_errors=True)

    def load(self) -> Checkpoint | None:
        """The newest checkpoint that can be read, or None when there is none."""
        for folder in reversed(self._steps()):
            facts = _facts(folder)
            if facts is None or facts["identity"] != self.identity:
                continue
            try:
                if (folder / TENSORS).stat().st_size == facts["bytes"]:
                    return Checkpoint(folder, torch.load(folder / TENSORS, map_location="cpu", weights_only=True), facts)
            except Exception:  # a damaged pickle raises nearly anything
                continue
        return None

    def clear(self) -> None:
        """Forget the checkpoints of this training."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def newest(self) -> Path | None:
        """The folder of the newest checkpoint."""
        return next(reversed(self._steps()), None)

    def describe_other(self) -> str | None:
        """Why a training begins anew although there is a checkpoint: none is its own, and in what the newest differs from it."""
        if self.newest() is not None or (found := self.other()) is None:
            return None
        facts, differ = found
        done = f"after step {facts['step']:,}, epoch {facts['epoch']} of {facts.get('epochs')} being done"
        return f"the checkpoint that is there ({done}) is another training's and is kept: {'; '.join(differ)}"

    def other(self) -> tuple[dict[str, Any], list[str]] | None:
        """The newest checkpoint of another training: its facts, and in what it differs, a setting or table at a time."""
        for training in reversed(self._trainings()):
            for folder in sorted(training.glob("step-*"), reverse=True):
                facts = _facts(folder)
                if facts is not None and facts["identity"] != self.identity:
                    return facts, differences(self.identity, facts["identity"])
        return None

    def _steps(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))

    def _trainings(self) -> list[Path]:
        """Those with a checkpoint, the one last written last."""
        return sorted((path for path in self.root.glob("training-*") if any(path.glob("step-*"))), key=lambda path: path.stat().st_mtime_ns)


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """In what two identities differ, in words."""
    names = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    return [
        f"{name} was written anew" if name.startswith("table ") else f"{name} is {ours.get(name)} and was {theirs.get(name)}"
        for name in names
    ]


def save_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write tensors into a file.

    Raises:
        OSError: it cannot be written.
    """
    try:
        torch.save(dict(tensors), path)
    except RuntimeError as error:  # torch's own word for a disk that is full is "unexpected pos"
        if shutil.disk_usage(path.parent).free < 1 << 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise


def _facts(folder: Path) -> dict[str, Any] | None:
    """What the JSON of a checkpoint holds; None when it is no whole one."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(facts, dict) and isinstance(facts.get("identity"), dict) and {"step", "bytes", "epoch"} <= facts.keys()
    return facts if whole else None


def _sync(path: Path) -> None:
    """Have a file or folder on the disk, so that a power failure cannot leave a name without its content."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
