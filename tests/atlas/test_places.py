"""Countries and languages under one name each."""

import pytest

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
