"""Who may import whom: the rules of the design, held against the source."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {
    "torch",
    "petastorm",
    "annoy",
    "duckdb",
    "indexed_bzip2",
    "fsspec",
    "obstore",
    "urllib3",
    "openTSNE",
    "umap",
    "scipy",
    "matplotlib",
}


def _imports(file: Path, top_level_only: bool = False) -> Iterator[str]:
    """Names of the modules that a file imports; those under TYPE_CHECKING do not count."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    checked = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in tree.body if top_level_only else ast.walk(tree):
        if id(node) in checked:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _files(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def _breaks(folder: str, *forbidden: str, but: str = "") -> list[str]:
    return [
        f"{file.relative_to(ROOT)} imports {name}"
        for file in _files(folder)
        if file.name != but
        for name in _imports(file)
        if any(name == word or name.startswith(f"{word}.") for word in forbidden)
    ]


def test_wiki_knows_neither_spark_nor_torch() -> None:
    assert _breaks("embedding/wiki", "pyspark", "torch", but="source.py") == []


def test_download_knows_neither_spark_nor_torch() -> None:
    assert _breaks("embedding/download", "pyspark", "torch", "embedding.wiki", "embedding.spark", "embedding.job") == []


@pytest.mark.parametrize("folder", ["embedding/train", "embedding/neighbours", "embedding/atlas"])
def test_training_and_search_know_nothing_of_dumps_and_pairs(folder: str) -> None:
    assert _breaks(folder, "embedding.wiki", "embedding.pairs") == []


def test_nothing_in_the_library_imports_the_jobs() -> None:
    assert _breaks("embedding", "jobs") == []


def test_steps_never_call_each_other() -> None:
    assert [line for line in _breaks("jobs", "jobs") if not line.startswith("jobs/pipeline.py")] == []


@pytest.mark.parametrize(
    ("package", "owner"),
    [
        ("petastorm", "embedding/train/feed/parquet.py"),
        ("annoy", "embedding/neighbours/annoy_index.py"),
        ("urllib3", "embedding/download/web.py"),
        ("obstore", "embedding/remote/objects.py"),
        ("openTSNE", "embedding/atlas/tsne.py"),
        ("umap", "embedding/atlas/umap.py"),
    ],
)
def test_one_file_alone_imports(package: str, owner: str) -> None:
    users = {
        str(file.relative_to(ROOT))
        for folder in ("embedding", "jobs")
        for file in _files(folder)
        for name in _imports(file)
        if name.split(".")[0] == package
    }
    assert users == {owner}


def test_jobs_import_heavy_packages_only_where_they_are_used() -> None:
    for file in _files("jobs"):
        assert not {name.split(".")[0] for name in _imports(file, top_level_only=True)} & HEAVY, file


def test_the_pipeline_is_listed_without_any_heavy_package() -> None:
    """A worker that only parses has neither torch nor petastorm; the list of steps must not ask for them."""
    code = f"import sys; from jobs.pipeline import STEPS; print(len(STEPS), sorted({HEAVY!r} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.split(maxsplit=1)[1].strip() == "[]"
