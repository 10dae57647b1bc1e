"""Countries and languages under one name each."""

import pytest

from embedding.atlas.places import country_key, name_countries, name_languages


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
