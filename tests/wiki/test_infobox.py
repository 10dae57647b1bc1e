import pytest

from embedding.wiki.infobox import BookFields, book_fields

NAMES = {
    "author": ["author", "authors", "writer"],
    "genre": ["genre", "genres"],
    "country": ["country"],
    "language": ["language"],
    "publisher": ["publisher"],
    "series": ["series"],
    "year": ["release_date", "pub date"],
    "isbn": ["isbn"],
}


def test_a_book() -> None:
    infobox = {
        "author": ["Frank Herbert"],
        "country": ["United States", "Canada"],
        "language": ["English"],
        "genre": ["Science fiction"],
        "publisher": ["Chilton Books"],
        "series": ["Dune"],
        "release_date": ["August 1965"],
        "isbn": ["0-441-17271-7"],
        "image": ["x.jpg"],
    }
    assert book_fields(infobox, NAMES) == BookFields(
        author="Frank Herbert",
        genres=["Science fiction"],
        country="United States, Canada",
        language="English",
        publisher="Chilton Books",
        series="Dune",
        year=1965,
        isbn="0441172717",
    )


def test_an_empty_infobox() -> None:
    assert book_fields({}, NAMES) == BookFields(None, [], None, None, None, None, None, None)
    assert book_fields({"author": ["A"]}, {}) == BookFields(None, [], None, None, None, None, None, None)


@pytest.mark.parametrize(
    ("infobox", "author"),
    [
        ({"author": ["A"], "authors": ["B"]}, "A"),
        ({"authors": ["B"], "writer": ["C"]}, "B"),
        ({"author": [], "writer": ["C"]}, "C"),
        ({"Author": ["A", "B"]}, "A, B"),
        ({" AUTHOR ": ["A"]}, "A"),
        ({"author name": ["A"]}, None),
    ],
)
def test_the_first_filled_field_counts(infobox: dict[str, list[str]], author: str | None) -> None:
    assert book_fields(infobox, NAMES).author == author


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("1960", 1960),
        ("July 11, 1960", 1960),
        ("1960-07-11", 1960),
        ("11.07.1960", 1960),
        ("c. 1605–1615", 1605),
        ("1960s", 1960),
        ("1960年7月", 1960),
        ("2099", 2099),
        ("1000", 1000),
        ("Spring", None),
        ("999", None),
        ("2100", None),
        ("19605", None),
        ("21960", None),
        ("in 3024, or 1999", 1999),
        ("c. 1870", 1870),
        ("1951–1953", 1951),
        ("1951-53", 1951),
        ("12 May 1951 (UK), 1952 (US)", 1951),
        ("1951-05-12", 1951),
        ("12 5 1951", 1951),
        ("1951年5月12日", 1951),
        ("１９５１年（昭和26年）", 1951),
        ("۱۹۵۱", 1951),
        ("1951 AD", 1951),
        # Before Christ years are negative. A number of fewer digits is a year if it says so.
        ("44 BC", -44),
        ("c. 750–700 B.C.", -750),
        ("2100 – 1200 BCE", -2100),
        ("52 av. J.-C.", -52),
        ("400 v. Chr.", -400),
        ("750 a.C.", -750),
        ("400 до н. э.", -400),
        ("紀元前400年", -400),
        ("between 1500 and 1200 BC", -1500),
        ("1500 to 1200 BC", -1500),
        ("c. 1500 – c. 1200 BC", -1500),
        ("from 1200 to 900 B. C.", -1200),
        ("1500–1200 BCE, printed 1951", -1500),
        ("1700s BC", -1700),
        ("1700s–1500s BC", -1700),
        ("1750 bc", -1750),
        ("c. 1750 bce", -1750),
        ("1750 before Christ", -1750),
        ("1750 avant J.-C.", -1750),
        ("1200 antes de Cristo", -1200),
        ("1200 a.e.c.", -1200),
        ("1200 a 900 a. n. e.", -1200),
        ("1200 vor Christus", -1200),
        ("1200 bis 900 v. Chr.", -1200),
        ("1200 до Р. Х.", -1200),
        ("1200 avanti Cristo", -1200),
        ("公元前1046年", -1046),
        ("纪元前1046年", -1046),
        ("前1046年", -1046),
        ("约前1046年－前1000年", -1046),
        ("（前1046－1000年）", -1046),
        ("戦前1940年", 1940),
        ("紀元前5世紀", None),
        ("1700s", 1700),
        ("1951 and 1952", 1951),
        ("1951 to 44 printings", 1951),
        ("between 80 and 120 AD", 80),
        ("AD 731", 731),
        ("731 CE", 731),
        ("98 n. Chr.", 98),
        ("8th century BC", None),
        ("Vancouver, BC, 1998", 1998),
        ("Vancouver, BC 1998", 1998),
    ],
)
def test_years(date: str, year: int | None) -> None:
    assert book_fields({"release_date": [date]}, NAMES).year == year


def test_the_first_field_with_a_year_counts() -> None:
    assert book_fields({"release date": ["Spring"], "pub_date": ["UK", "1961"]}, NAMES).year == 1961
    assert book_fields({"release_date": ["1960"], "pub_date": ["1961"]}, NAMES).year == 1960


@pytest.mark.parametrize(
    ("text", "isbn"),
    [
        ("0-306-40615-2", "0306406152"),
        ("0306406152", "0306406152"),
        ("ISBN 0 306 40615 2 (hardback)", "0306406152"),
        ("0-8044-2957-x", "080442957X"),
        ("978-0-306-40615-7", "9780306406157"),
        ("9780306406157", "9780306406157"),
        ("979-10-90636-07-1", "9791090636071"),
        ("ISBN-13 978-0-306-40615-7", "9780306406157"),
        ("ISBN-10 0-306-40615-2", "0306406152"),
        ("first 0-306-40615-2, second 0-8044-2957-X", "0306406152"),
        ("978–0–306–40615–7", "9780306406157"),  # en dashes
        ("978\u20110\u2011306\u201140615\u20117", "9780306406157"),  # hyphens that do not break
        ("978\u00a00\u00a0306\u00a040615\u00a07", "9780306406157"),
        ("９７８-０-３０６-４０６１５-７", "9780306406157"),
        ("0-306-40615-3, 978-0-306-40615-8, 0-306-40615-2", "0306406152"),  # the first with the right check digit
        ("978-0-123456-78-9", "9780123456789"),  # none has it
        ("ISBN-10: 0-306-40615-2, ISBN-13: 978-0-306-40615-7", "0306406152"),
        ("ISBN 13 978-0-306-40615-7", "9780306406157"),
        ("NA", None),
        ("12345", None),
        ("03064061521", None),
        ("OCLC 97803064061571", None),
    ],
)
def test_isbns(text: str, isbn: str | None) -> None:
    assert book_fields({"ISBN": [text]}, NAMES).isbn == isbn


@pytest.mark.parametrize(
    ("values", "genres"),
    [
        (["Novel"], ["Novel"]),
        (["Science fiction, Adventure"], ["Science fiction", "Adventure"]),
        (["Fantasy/Horror"], ["Fantasy", "Horror"]),
        (["Fantasy;Horror • Crime · War"], ["Fantasy", "Horror", "Crime", "War"]),
        (["Mystery & Thriller"], ["Mystery", "Thriller"]),
        (["R&B"], ["R&B"]),
        (["Novel", "Satire", "Novel"], ["Novel", "Satire"]),
        (["Novel,", ", Satire"], ["Novel", "Satire"]),
        (["Non-fiction"], ["Non-fiction"]),
        (["Novel", "novel", "Satire"], ["Novel", "Satire"]),
        (["Novel (satire, dystopian), Epic"], ["Novel (satire, dystopian)", "Epic"]),
        (["Novel (satire, epic"], ["Novel (satire", "epic"]),
        (["SF小説、冒険小説（海洋、歴史）"], ["SF小説", "冒険小説（海洋、歴史）"]),
        (["رواية، شعر"], ["رواية", "شعر"]),
        (["小説・SF"], ["小説", "SF"]),
        (["SF・推理小説･ミステリ（歴史・時代）"], ["SF", "推理小説", "ミステリ（歴史・時代）"]),
        (["サイエンス・フィクション・小説"], ["サイエンス・フィクション", "小説"]),
        ([" , "], []),
    ],
)
def test_genres(values: list[str], genres: list[str]) -> None:
    assert book_fields({"genre": values}, NAMES).genres == genres
