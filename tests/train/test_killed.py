"""A training whose process is killed at any moment, and started again, ends with the same bits as one that nothing happened to."""

import random
import time
from pathlib import Path

import numpy as np
import pytest

from embedding.train.checkpoint import FACTS
from tests.train.tasks import start, task


@pytest.mark.parametrize(
    ("seed", "changes"),
    [(1, {"resident_mb": 1}), (2, {"fresh_negatives": True, "adam": "rows"})],
    ids=["streamed", "fresh negatives, rows"],
)
def test_killed_and_resumed(seed: int, changes: dict[str, object], tmp_path: Path) -> None:
    """SIGKILL at two random moments once it has begun to write checkpoints, which it does after every step."""
    moments, kills = random.Random(seed), 0
    broken = task(tmp_path, tmp_path / "broken", checkpoint_seconds=0.0, epochs=4, **changes)
    process = start(broken, tmp_path / "broken.task", out=tmp_path / "broken.npz")
    for _ in range(2):
        seen = len(list((tmp_path / "broken").rglob(FACTS)))
        while not seen and process.poll() is None:
            seen = len(list((tmp_path / "broken").rglob(FACTS)))
            time.sleep(0.005)
        time.sleep(moments.uniform(0, 0.4))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        process = start(broken, tmp_path / "broken.task", out=tmp_path / "broken.npz")
    said = process.communicate()[0]
    assert process.returncode == 0, said
    assert kills, "it was over before it could be killed: nothing was shown"
    unbroken = task(tmp_path, tmp_path / "unbroken", checkpoint_seconds=1000.0, epochs=4, **changes)
    process = start(unbroken, tmp_path / "unbroken.task", out=tmp_path / "unbroken.npz")
    assert process.communicate()[0] is not None
    assert process.returncode == 0
    with np.load(tmp_path / "broken.npz") as one, np.load(tmp_path / "unbroken.npz") as other:
        assert len(one.files) == 3
        for name in one.files:
            assert one[name].tobytes() == other[name].tobytes()
