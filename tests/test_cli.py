"""The command as a whole; what each subcommand does is tested where it belongs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from embedding import cli
from embedding.manifest import Snapshot
from embedding.warehouse import Warehouse, write_table

BIN = Path(sys.executable).parent


def test_every_subcommand_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main((), ["--help"])
    assert ended.value.code == 0
    listed = capsys.readouterr().out
    for command in cli.COMMANDS:
        name = command.__name__.rpartition(".")[2]
        assert re.search(rf"\n    {name}\s", listed)
        with pytest.raises(SystemExit) as ended:
            cli.main((), [name, "--help"])
        assert ended.value.code == 0
        assert "--warehouse" in capsys.readouterr().out


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    """`bookspace sql ... | head -1` must not end in a traceback."""
    warehouse, rows = Warehouse(tmp_path), 50_000
    with warehouse.write("build_pairs", ["links"], Snapshot("testwiki", "20240501"), {}, {}) as staged:
        columns = {"link_id": range(rows), "title": ["x" * 50] * rows, "page_id": range(rows), "kind": ["book"] * rows, "books": [1] * rows}
        write_table("links", columns, staged["links"].folder)
    query = [BIN / "bookspace", "sql", "SELECT * FROM links", "--format", "csv", "--warehouse", tmp_path]
    with subprocess.Popen(list(map(str, query)), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        asked.stdout.readline()
        asked.stdout.close()
        assert asked.stderr.read() == b""
    assert asked.returncode == 141
