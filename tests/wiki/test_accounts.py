import json
from collections import Counter
from copy import deepcopy
from dataclasses import replace

import pytest

from embedding.errors import DumpError
from embedding.wiki.accounts import DAMAGES_TOLD, FileAccount, RangeReport, balance, check_damage
from embedding.wiki.bzip2 import Damage
from embedding.wiki.dump import ByteRange

PLAN = [ByteRange("b", "bz2", 0, 100), ByteRange("b", "bz2", 100, 250), ByteRange("a", "gz", 0, 100)]
REPORTS = [
    RangeReport(
        "b",
        0,
        100,
        pages=5,
        kept=3,
        redirects=2,
        candidates=1,
        dropped=Counter(x=1, y=1),
        older_revisions=2,
        damages=[Damage(7, 9, "bad")],
        decoded=400,
    ),
    RangeReport(
        "b", 100, 250, pages=2, kept=1, redirects=1, dropped=Counter(x=1), damages=[Damage(101, 102, "bad"), Damage(110, 120, "worse")]
    ),
    RangeReport("a", 0, 100, pages=1, kept=1, decoded=9),
]


def test_ranges_are_added_up_file_by_file() -> None:
    expected = [
        FileAccount("b", 250, 400, 7, 4, 3, 1, Counter(x=2, y=1), 2, [*REPORTS[0].damages, *REPORTS[1].damages]),
        FileAccount("a", 100, 9, 1, 1),
    ]
    assert balance(PLAN, REPORTS, 3) == expected
    assert balance(PLAN, reversed(REPORTS), 3) == expected, "the order in which tasks end does not matter"
    assert balance([], [], 0) == []


def test_reports_are_not_changed() -> None:
    before = deepcopy(REPORTS)
    balance(PLAN, REPORTS, 3)
    assert before == REPORTS


@pytest.mark.parametrize("missing", range(3))
def test_a_range_that_was_not_reported(missing: int) -> None:
    span = PLAN[missing]
    with pytest.raises(
        DumpError, match=f"^{span.path}: bytes {span.start} to {span.end} were reported 0 times and not once; run the step again"
    ):
        balance(PLAN, [report for number, report in enumerate(REPORTS) if number != missing], 3)


@pytest.mark.parametrize("doubled", range(3))
def test_a_range_that_was_reported_twice(doubled: int) -> None:
    """As a task does that Spark ran twice, if both its outputs were taken."""
    span = PLAN[doubled]
    with pytest.raises(DumpError, match=f"^{span.path}: bytes {span.start} to {span.end} were reported 2 times"):
        balance(PLAN, [*REPORTS, REPORTS[doubled]], 3)


@pytest.mark.parametrize(
    "report",
    [RangeReport("b", 0, 99), RangeReport("b", 1, 100), RangeReport("c", 0, 100), RangeReport("a", 100, 250), RangeReport("", 0, 0)],
)
def test_a_range_that_nobody_planned(report: RangeReport) -> None:
    with pytest.raises(DumpError, match=r"ranges were reported that nobody planned: .*please report it"):
        balance(PLAN, [*REPORTS, report], 3)


@pytest.mark.parametrize(
    "change",
    [
        {"pages": 6},
        {"pages": 4},
        {"kept": 4},
        {"kept": 2},
        {"dropped": Counter(x=1)},
        {"dropped": Counter(x=2, y=1)},
        {"dropped": Counter()},
        {"pages": 0},
    ],
)
def test_pages_that_do_not_add_up(change: dict[str, object]) -> None:
    """Also where the sums of all ranges would."""
    wrong = replace(REPORTS[0], **change)  # type: ignore[arg-type]
    message = (
        f"^b: of {wrong.pages} pages in bytes 0 to 100, {wrong.kept} are kept and {wrong.dropped.total()} dropped, which does not add up"
    )
    with pytest.raises(DumpError, match=message):
        balance(PLAN, [wrong, *REPORTS[1:]], 3)


def test_one_range_does_not_make_up_for_another() -> None:
    more, less = replace(REPORTS[0], kept=4), replace(REPORTS[1], kept=0)
    with pytest.raises(DumpError, match="does not add up"):
        balance(PLAN, [more, less, REPORTS[2]], 3)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_damage_of_all_files_counts_together(most: int) -> None:
    with pytest.raises(DumpError, match=f"^b, a: 3 damaged places, the first one bytes 7 to 9 \\(bad\\), and .* allows {most}; "):
        balance(PLAN, REPORTS, most)
    other = [*REPORTS[:2], replace(REPORTS[2], damages=[Damage(0, 100, "gone")])]
    with pytest.raises(DumpError, match="4 damaged places"):
        balance(PLAN, other, 3)
    assert len(balance(PLAN, other, 4)) == 2


def test_check_damage() -> None:
    check_damage([], 0, "dump")
    check_damage([Damage(0, 1, "x")], 1, "dump")
    with pytest.raises(
        DumpError, match=r"^dump: 1 damaged places, the first one bytes 0 to 1 \(x\), and read\.max_damaged_streams allows 0; "
    ):
        check_damage([Damage(0, 1, "x")], 0, "dump")


def test_errors_are_one_line() -> None:
    for reports in (
        REPORTS[1:],
        [*REPORTS, REPORTS[0]],
        [*REPORTS, RangeReport("c", 0, 1)],
        [replace(REPORTS[0], kept=0), *REPORTS[1:]],
        REPORTS,
    ):
        with pytest.raises(DumpError, match=r"\A[^\n]+\Z"):
            balance(PLAN, reports, 0)


def test_facts_of_a_file() -> None:
    account = balance(PLAN, REPORTS, 3)[0]
    facts = json.loads(json.dumps(account.facts()))
    assert facts == {
        "file": "b",
        "bytes": 250,
        "decoded": 400,
        "pages": 7,
        "kept": 4,
        "redirects": 3,
        "candidates": 1,
        "dropped": {"x": 2, "y": 1},
        "older_revisions": 2,
        "damages": [
            {"start": 7, "end": 9, "reason": "bad"},
            {"start": 101, "end": 102, "reason": "bad"},
            {"start": 110, "end": 120, "reason": "worse"},
        ],
        "damaged": 3,
    }


def test_a_manifest_does_not_grow_with_the_damage() -> None:
    account = FileAccount("a", damages=[Damage(at, at + 1, "bad") for at in range(5000)])
    assert len(account.facts()["damages"]) == DAMAGES_TOLD
    assert account.facts()["damaged"] == 5000
