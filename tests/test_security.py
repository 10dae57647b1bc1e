"""Nothing is unpickled, evaluated or handed to a shell: the rules of docs/security.md, held against the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedding.manifest import Snapshot
from embedding.sql import open_duckdb
from embedding.warehouse import Warehouse, write_table

ROOT = Path(__file__).resolve().parents[1]
PICKLES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "jsonpickle"}
CALLS = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp",
    "subprocess.getoutput", "subprocess.getstatusoutput",
    "yaml.unsafe_load", "yaml.full_load", "yaml.unsafe_load_all", "yaml.full_load_all", "yaml.load_all",
    "torch.jit.load", "torch.package.PackageImporter", "torch.hub.load", "pd.read_pickle", "pandas.read_pickle",
    "xml.dom.minidom.parse", "xml.sax.parse",
}  # fmt: skip
WANTED = {"torch.load": ("weights_only", "True"), "np.load": ("allow_pickle", "False"), "numpy.load": ("allow_pickle", "False")}
LOADERS = {"_Loader", "yaml.SafeLoader", "SafeLoader", "yaml.CSafeLoader"}  # _Loader is a SafeLoader: see settings_files.py


def unsafe(source: str) -> Iterator[str]:
    """What the source does that it must not, a line each."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from (f"line {node.lineno}: import {name}" for name in names if name.split(".")[0] in PICKLES)
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if called in CALLS:
            yield f"line {node.lineno}: {called}"
        if called in WANTED and options.get(WANTED[called][0]) != WANTED[called][1]:
            yield f"line {node.lineno}: {called} without {'='.join(WANTED[called])}"
        if called == "yaml.load" and not {options.get("Loader"), *map(ast.unparse, node.args[1:])} & LOADERS:
            yield f"line {node.lineno}: yaml.load with another loader"
        if options.get("shell", "False") != "False":
            yield f"line {node.lineno}: shell={options['shell']}"


def test_the_source_does_nothing_unsafe() -> None:
    files = [file for folder in ("embedding", "jobs", "deploy") for file in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 50
    found = [f"{file.relative_to(ROOT)}, {line}" for file in files for line in unsafe(file.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from joblib import load",
        "def f():\n    import cloudpickle.cloudpickle",
        "eval('1')",
        "import os\nos.system('ls')",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(file, allow_pickle=True)",
        "np.load(file)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text)",
        "yaml.unsafe_load(text)",
        "subprocess.run('ls', shell=True)",
    ],
)
def test_the_check_finds_what_is_unsafe(source: str) -> None:
    assert len(list(unsafe(source))) == 1


def test_names_from_the_disk_are_quoted_in_sql(tmp_path: Path) -> None:
    """Folder names become part of queries: of the warehouse, and of wikis and snapshots, which another program may have made."""
    root = tmp_path / "it's; a 'warehouse' --"
    warehouse = Warehouse(root)
    good, odd = Snapshot("testwiki", "20240501"), Snapshot("x' OR true; DROP VIEW links; --", "20240501")
    for snapshot in (good, odd):
        with warehouse.write("build_pairs", ["links"], snapshot, {}, {}) as staged:
            columns = {"link_id": [0], "title": ["A'; --"], "page_id": [1], "kind": ["book"], "books": [1]}
            write_table("links", columns, staged["links"].folder)
        warehouse.publish(snapshot, {"links": warehouse.manifest("links", snapshot)})
    with open_duckdb(warehouse) as connection:
        rows = connection.execute("SELECT wiki, title FROM links_latest ORDER BY wiki").fetchall()
    assert rows == [(good.wiki, "A'; --"), (odd.wiki, "A'; --")]
