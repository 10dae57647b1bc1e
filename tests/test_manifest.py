"""What code a table was made by."""

import subprocess
from pathlib import Path

from embedding.manifest import commit_of, versions


def test_the_commit_of_a_checkout_and_whether_it_was_changed_since(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@b"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()

    git("init")
    (tmp_path / "a.py").write_text("1")
    git("add", "a.py")
    git("commit", "-m", "one")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "output").write_text("not in git")
    assert commit_of(tmp_path) == commit
    commit_of.cache_clear()
    (tmp_path / "a.py").write_text("2")
    assert commit_of(tmp_path) == f"{commit}+"


def test_a_wheel_has_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None


def test_a_checkout_that_git_cannot_read_has_none(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert commit_of(tmp_path) is None


def test_a_table_made_from_this_checkout_names_its_commit() -> None:
    checkout = Path(__file__).resolve().parents[1]
    assert versions().get("commit") == commit_of(checkout)
