"""The docs describe what is there."""

import re
from pathlib import Path

from embedding.settings_files import load_settings
from embedding.tables import TABLES, describe
from jobs.pipeline import STEPS

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_on_tables_has_every_table_with_its_columns() -> None:
    text = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
    for name, table in TABLES.items():
        columns = ", ".join(f"{column} {kind}" for column, kind in describe(table.columns).items())
        assert f"| {name} | {table.row} ({table.step}) | {columns} |" in text


def test_the_page_on_running_lists_the_steps_in_order() -> None:
    text = " ".join((ROOT / "docs" / "running.md").read_text(encoding="utf-8").split())
    assert ", ".join(step.name for step in STEPS[:-1]) + ", publish" in text


def test_every_setting_stands_in_the_default_file_with_a_comment() -> None:
    text = (ROOT / "conf" / "default.yaml").read_text(encoding="utf-8")
    comments: dict[str, bool] = {}
    section = ""
    for line in text.splitlines():
        if match := re.match(r"^([a-z_]+):", line):
            section = match[1]
            comments[section] = "#" in line
        elif match := re.match(r"^  ([a-z_]+):", line):
            comments[f"{section}.{match[1]}"] = "#" in line
    for name, value in load_settings([], ["wiki=testwiki"]).model_dump().items():
        for key in [f"{name}.{key}" for key in value] if isinstance(value, dict) else [name]:
            assert comments[key], key


def test_no_page_has_a_place_that_is_still_to_be_filled() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        assert not re.search(r"@[A-Z]{3,}@|TODO|TBD", page.read_text(encoding="utf-8")), page.name


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
