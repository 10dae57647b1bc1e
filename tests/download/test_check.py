"""Whether a dump is complete, asked without fetching it: what a scheduler's sensor runs."""

import subprocess
import sys
from pathlib import Path

import pytest

from embedding.commands.download import NOT_YET
from embedding.download.dump import complete_date
from embedding.errors import DownloadError
from embedding.settings import DownloadSettings
from tests.download.server import Site

WHOLE = {"articlesmultistreamdump": ["pages-articles-multistream.xml.bz2", "pages-articles-multistream-index.txt.bz2"]}


def _ask(site: Site, date: str | None = None, wiki: str = "xwiki") -> str | None:
    return complete_date(wiki, DownloadSettings(mirror=site.url, folder="unused", connections=1, contact=None), date)


@pytest.fixture
def dated(site: Site) -> Site:
    site.add_dump("xwiki", "20251220", WHOLE)
    site.add_dump("xwiki", "20260101", WHOLE)
    site.add_dump("xwiki", "20260120", WHOLE, status="in-progress")
    return site


def test_a_complete_dump_is_told_and_nothing_is_fetched(dated: Site) -> None:
    assert _ask(dated, "20260101") == "20260101"
    assert _ask(dated) == "20260101"
    assert dated.files() == []


def test_what_is_under_way_or_still_to_come_is_not_yet_there(dated: Site) -> None:
    assert _ask(dated, "20260120") is None
    assert _ask(dated, "20260201") is None
    del dated.pages["/xwiki/20260120/dumpstatus.json"]
    assert _ask(dated, "20260120") is None


def test_what_will_never_come_is_an_error_and_not_waited_for(dated: Site) -> None:
    with pytest.raises(DownloadError, match="20251201/: there is no dump of this date and none will come; there are 20260120, 20260101, "):
        _ask(dated, "20251201")
    with pytest.raises(DownloadError, match="there is no such wiki"):
        _ask(dated, "20260101", wiki="ywiki")


def test_the_command_tells_by_its_exit_code(dated: Site, tmp_path: Path) -> None:
    command = [Path(sys.executable).parent / "bookspace", "download", "xwiki", "--check", "--set", f"download.mirror={dated.url}", "--date"]
    for date, code, said in (("20260101", 0, "20260101\n"), ("20260201", NOT_YET, ""), ("20251201", 1, "")):
        done = subprocess.run([*command, date], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, said), done.stderr
        assert done.stderr.count("\n") == (code != 0)
    assert list(tmp_path.iterdir()) == []
