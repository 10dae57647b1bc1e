"""One byte range of a dump as Arrow batches, and its report."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from embedding.tables import TABLES
from embedding.wiki.accounts import RangeReport, check_damage
from embedding.wiki.bzip2 import Damage
from embedding.wiki.dump import ByteRange, Event, decode
from embedding.wiki.fields import Page, infobox_pattern, read_page
from embedding.wiki.pages import PagePlace, cut_pages
from embedding.wiki.site import Site

ROWS_PER_BATCH = 1 << 14
BYTES_PER_BATCH = 1 << 22  # of wikitext
COLUMNS = TABLES["pages"].columns


class RangeReader:
    """Reads byte ranges of the dumps of one wiki.

    Args:
        site: its rules for titles.
        infoboxes: the wikitext is read only of articles that call one of these templates.
        namespaces: pages of other namespaces are dropped unless they are redirects; None: all are kept.
        max_damaged: a range with more damaged stretches is given up.
    """

    def __init__(self, site: Site, infoboxes: Sequence[str], namespaces: frozenset[int] | None = None, max_damaged: int = 0) -> None:
        self._site, self._namespaces, self._max_damaged = site, namespaces, max_damaged
        self._infobox = infobox_pattern(infoboxes, site.template_prefixes())

    def read(self, span: ByteRange, report: RangeReport) -> Iterator[pa.RecordBatch]:
        """The pages that begin in a range, as batches of COLUMNS; `report` is filled on the way and true when the last one has come.

        Raises:
            DumpError: the file is cut off, or more is damaged than allowed.
        """
        rows: list[tuple[Any, ...]] = []
        size = 0
        for place in cut_pages(self._watched(decode(span), span, report)):
            report.pages += 1
            page = place if isinstance(place, str) else self._read(place)
            if isinstance(page, str):
                report.dropped[page] += 1
                continue
            report.older_revisions += page.older_revisions
            report.redirects += page.redirect is not None
            report.candidates += page.wikitext is not None
            rows.append(self._row(page))
            size += len(page.wikitext or "")
            if len(rows) >= ROWS_PER_BATCH or size >= BYTES_PER_BATCH:
                report.kept += len(rows)
                yield _batch(rows)
                rows, size = [], 0
        check_damage(report.damages, self._max_damaged, span.path)
        if rows:
            report.kept += len(rows)
            yield _batch(rows)

    def _read(self, place: PagePlace) -> Page | str:
        return read_page(place, self._infobox, self._namespaces)

    def _watched(self, events: Iterator[Event], span: ByteRange, report: RangeReport) -> Iterator[Event]:
        """The events; those of the range itself are counted, not those behind its end, which the next range counts."""
        own = True
        for event in events:
            own = own and event is not None
            if own and isinstance(event, Damage):
                report.damages.append(event)
            elif own and isinstance(event, bytes):
                report.decoded += len(event)
            yield event

    def _row(self, page: Page) -> tuple[Any, ...]:
        target, namespace = page.redirect, None
        if target is not None:
            title = self._site.parse(target)
            # A redirect out of the wiki keeps its text and has no namespace: it leads to no page of ours.
            target, namespace = (target, None) if isinstance(title, str) else (title.text, title.namespace)
        return (page.page_id, page.namespace, page.title, target, namespace, page.revision_id, page.revision_timestamp, page.wikitext)


def _batch(rows: list[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = dict(zip(COLUMNS.names, zip(*rows, strict=True), strict=True))
    arrays = [
        _moments(columns[field.name]) if field.name == "revision_timestamp" else pa.array(columns[field.name], field.type)
        for field in COLUMNS
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=COLUMNS)


def _moments(stamps: Sequence[str | None]) -> pa.Array:
    """Timestamps read by Arrow, a column at a time; what is none becomes null."""
    kind = COLUMNS.field("revision_timestamp").type
    try:
        return pa.array(stamps, pa.string()).cast(kind)
    except pa.ArrowInvalid:
        return pa.array([_moment(stamp, kind) for stamp in stamps], kind)


def _moment(stamp: str | None, kind: pa.DataType) -> Any:
    try:
        return pa.array([stamp], pa.string()).cast(kind)[0].as_py()
    except pa.ArrowInvalid:
        return None
