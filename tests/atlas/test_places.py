"""Countries and languages under one name each."""

import pytest

from embedding.atlas.countries import COUNTRIES
from embedding.atlas.labels import plain
from embedding.atlas.places import countries, country_key, languages, name_countries, name_languages


@pytest.mark.parametrize(
    "text", ["United States", "united States", "the United States", "USA", "U.S.", "U.S.A.", "US", "United States of America"]
)
def test_spellings_of_a_country_share_a_key(text: str) -> None:
    assert country_key(text) == "united states"


def test_the_first_country_counts_and_parts_of_one_stay_parts() -> None:
    values = ["usa", "United Kingdom, United States", "England", "great britain", "republic of ireland", None, "", "Côte d'Ivoire"]
    assert name_countries(values) == [
        "United States", "United Kingdom", "England", "United Kingdom", "Republic of Ireland", None, None, "Côte d'Ivoire",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["JPN", "Japan", "日本", "Japon", "Japón", "Giappone"], "japan"),
        (["GBR", "UK", "イギリス", "Großbritannien", "Royaume-Uni", "英國"], "united kingdom"),
        (["DEU", "GER", "Deutschland", "ドイツ", "德国"], "germany"),
        (["USA", "U.S.", "États-Unis", "Etats-Unis d'Amérique", "Vereinigte Staaten", "アメリカ合衆国"], "united states"),
        (["SUN", "USSR", "Sowjetunion", "Unión Soviética", "蘇聯"], "soviet union"),
        (["KOR", "Südkorea", "大韓民国"], "south korea"),
        (["TTO", "Trinidad and Tobago", "Trinité-et-Tobago"], "trinidad and tobago"),
    ],
)
def test_codes_and_names_in_other_languages_share_a_key(names: list[str], key: str) -> None:
    """{{JPN}} shows JPN."""
    assert {country_key(name) for name in names} == {key}
    assert all(key in countries(name) for name in names)
    assert {country_key(name.upper()) for name in names} == {key}


def test_parts_of_a_country_in_other_languages() -> None:
    assert countries("Angleterre") == countries("GBR") == countries("Schottland, Galles") == {"united kingdom"}
    assert country_key("Inghilterra") == "england"


def test_a_code_is_one_in_capitals_alone() -> None:
    assert [country_key(word) for word in ("can", "Per", "CAN", " PER ")] == ["can", "per", "canada", "peru"]


def test_every_country_has_one_name_and_no_other_one_s() -> None:
    for name, (codes, others) in COUNTRIES.items():
        assert {country_key(spelling) for spelling in (name, *filter(None, codes.split("|")), *others.split("|"))} == {plain(name)}


def test_a_code_names_a_country_only_where_nothing_else_does() -> None:
    values = ["JPN", "JPN", "日本", "GBR", "TTO", "USA", "USA", "Vereinigte Staaten", "DEU / FRA", "Allemagne"]
    assert name_countries(values) == [
        "日本", "日本", "日本", "United Kingdom", "Trinidad and Tobago", *["Vereinigte Staaten"] * 3, "Allemagne", "Allemagne",
    ]  # fmt: skip


def test_languages() -> None:
    assert name_languages(["english", "English", "English language", "日本語", "French (original)", None]) == [
        "English", "English", "English", "日本語", "French", None,
    ]  # fmt: skip


def test_a_variety_is_its_language_and_an_older_stage_is_not() -> None:
    values = ["English", "English", "American English", "Brazilian Portuguese", "Portuguese", "Portuguese", "Old English"]
    assert name_languages(values) == ["English", "English", "English", "Portuguese", "Portuguese", "Portuguese", "Old English"]


def test_what_is_compared_are_all_names_of_a_field() -> None:
    assert countries("England, U.S.") == {"united kingdom", "united states"}
    assert countries("Trinidad and Tobago") == {"trinidad and tobago", "trinidad", "tobago"}
    assert countries("Perú") == countries("peru") == {"peru"}
    assert languages("English & French (original)") == {"english", "french"}
    assert countries("?") == languages("") == set()
