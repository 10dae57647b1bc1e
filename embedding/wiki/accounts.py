"""The accounts of a reading: what came in, what went out, and what was dropped, by reason and by file."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from embedding.errors import DumpError
from embedding.wiki.bzip2 import Damage
from embedding.wiki.dump import ByteRange

DAMAGES_TOLD = 100  # of one file, in its manifest; all are counted


@dataclass
class RangeReport:
    """What became of one byte range.

    Attributes:
        file: the dump file.
        start: first byte of the range.
        end: byte behind its last.
        pages: `<page>` tags that begin in it.
        kept: rows given.
        redirects: rows that are redirects; the others are articles.
        candidates: rows with wikitext.
        dropped: pages without a row, by reason.
        older_revisions: revisions beside the newest ones.
        damages: bytes that could not be decoded.
        decoded: bytes of XML.
    """

    file: str
    start: int
    end: int
    pages: int = 0
    kept: int = 0
    redirects: int = 0
    candidates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    older_revisions: int = 0
    damages: list[Damage] = field(default_factory=list)
    decoded: int = 0


@dataclass
class FileAccount:
    """What became of one file: the sums of its ranges."""

    file: str
    bytes: int = 0
    decoded: int = 0
    pages: int = 0
    kept: int = 0
    redirects: int = 0
    candidates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    older_revisions: int = 0
    damages: list[Damage] = field(default_factory=list)

    def add(self, report: RangeReport) -> None:
        """Add a range."""
        self.bytes += report.end - report.start
        self.decoded += report.decoded
        self.pages += report.pages
        self.kept += report.kept
        self.redirects += report.redirects
        self.candidates += report.candidates
        self.dropped += report.dropped
        self.older_revisions += report.older_revisions
        self.damages += report.damages

    def facts(self) -> dict[str, Any]:
        """As a manifest holds it."""
        return {
            **asdict(self),
            "dropped": dict(self.dropped),
            "damages": [asdict(damage) for damage in self.damages[:DAMAGES_TOLD]],
            "damaged": len(self.damages),
        }


def balance(plan: Sequence[ByteRange], reports: Iterable[RangeReport], max_damaged: int) -> list[FileAccount]:
    """Add the ranges up, file by file, in the order of the plan.

    Args:
        plan: every range that was to be read.
        reports: what the tasks reported.
        max_damaged: stretches that may be damaged, in all files together.

    Raises:
        DumpError: a range is missing or came twice; pages in are not pages out and pages dropped; more is damaged than allowed.
    """
    accounts: dict[str, FileAccount] = {}
    by_range: dict[tuple[str, int, int], list[RangeReport]] = defaultdict(list)
    for report in reports:
        by_range[report.file, report.start, report.end].append(report)
    for span in plan:
        account = accounts.setdefault(span.path, FileAccount(span.path))
        found = by_range.pop((span.path, span.start, span.end), [])
        if len(found) != 1:
            raise DumpError(
                f"{span.path}: bytes {span.start} to {span.end} were reported {len(found)} times and not once; run the step again"
            )
        account.add(found[0])
        if found[0].pages != found[0].kept + found[0].dropped.total():
            raise DumpError(
                f"{span.path}: of {found[0].pages} pages in bytes {span.start} to {span.end}, {found[0].kept} are kept and "
                f"{found[0].dropped.total()} dropped, which does not add up: a fault of bookspace; please report it"
            )
    if by_range:
        raise DumpError(f"ranges were reported that nobody planned: {sorted(by_range)[:3]}: a fault of bookspace; please report it")
    check_damage([damage for account in accounts.values() for damage in account.damages], max_damaged, ", ".join(accounts))
    return list(accounts.values())


def check_damage(damages: Sequence[Damage], max_damaged: int, path: str) -> None:
    """Give up when more is damaged than allowed.

    Raises:
        DumpError: it is.
    """
    if len(damages) > max_damaged:
        first = damages[0]
        raise DumpError(
            f"{path}: {len(damages)} damaged places, the first one bytes {first.start} to {first.end} ({first.reason}), "
            f"and read.max_damaged_streams allows {max_damaged}; download the file again, or allow more to read the rest"
        )
