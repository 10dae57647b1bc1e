"""What tests share: one Spark session, dumps in miniature, and the real data where it is to hand."""

import bz2
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

import hypothesis
import pytest

from embedding.job import Session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# The same examples on every machine, however slow it is.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that `make test-all` gives."""
    parser.addoption("--slow", action="store_true", help="run the tests that are marked slow, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests, with their reason, unless they are asked for."""
    if not config.getoption("--slow"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes minutes; make test-all runs it"))


SHARED = Path(__file__).resolve().parents[2] / "shared"
HEADER = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">
  <siteinfo><sitename>Test</sitename><dbname>testwiki</dbname><case>first-letter</case><namespaces>
    <namespace key="-2" case="first-letter">Media</namespace><namespace key="-1" case="first-letter">Special</namespace>
    <namespace key="0" case="first-letter" /><namespace key="1" case="first-letter">Talk</namespace>
    <namespace key="4" case="first-letter">Wikipedia</namespace><namespace key="6" case="first-letter">File</namespace>
    <namespace key="10" case="first-letter">Template</namespace><namespace key="14" case="first-letter">Category</namespace>
  </namespaces></siteinfo>
"""
FOOTER = "</mediawiki>\n"


def page(title: str, page_id: int, text: str = "", namespace: int = 0, redirect: str | None = None) -> str:
    """A page of a dump, as XML."""
    move = f'<redirect title="{escape(redirect)}" />' if redirect else ""
    return (
        f"  <page>\n    <title>{escape(title)}</title>\n    <ns>{namespace}</ns>\n    <id>{page_id}</id>\n    {move}<revision>\n"
        f"      <id>{page_id * 10}</id>\n      <timestamp>2024-05-06T07:08:09Z</timestamp>\n"
        f"      <contributor><username>A</username><id>1</id></contributor>\n"
        f'      <text bytes="1" xml:space="preserve">{escape(text)}</text>\n    </revision>\n  </page>\n'
    )


def multistream(pages: Sequence[str], per_stream: int = 3) -> bytes:
    """A multistream dump: header, pages and footer in bz2 streams of their own."""
    parts = [HEADER, *("".join(pages[i : i + per_stream]) for i in range(0, len(pages), per_stream)), FOOTER]
    return b"".join(bz2.compress(part.encode()) for part in parts)


class BorrowedSession(Session):
    """The tests' own Spark session, which a run neither starts nor stops."""

    def __init__(self, spark: "SparkSession") -> None:
        self.__dict__["spark"] = spark


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real Wikipedia data; a test that needs it is skipped, and says so, where it is not there."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"the real data is not there: {SHARED / 'data'}")
    return SHARED


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    """One Spark session for all tests, with the settings of the product."""
    from embedding.settings_files import load_settings
    from embedding.spark import start_session

    settings = load_settings(["sample.yaml"], ["spark.master=local[2]"])
    session = start_session(settings.spark, "tests", tmp_path_factory.mktemp("spark"))
    yield session
    session.stop()
