"""The pages say what the project is: every mart with its question, every key figure, every link.

Here belongs what can be held equal between `docs/` and the files of the project. What a page
explains in words is read, not tested.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

from inventory_platform.operations.catalogue.figures import read_figures

ROOT = Path(__file__).resolve().parents[1]
MARTS = sorted((ROOT / "dbt_project" / "models" / "marts").glob("*/*.sql"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def question(mart: Path) -> str:
    """Return the question that a mart answers, from its properties."""
    properties = yaml.safe_load(mart.with_suffix(".yml").read_text(encoding="utf-8"))
    return str(properties["models"][0]["config"]["meta"]["question"])


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).lower().replace(" ", "-") for text in headings}


def test_the_list_of_marts_is_that_of_the_project_with_their_questions() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `((?:dim|fct|kpi)_\w+)` \| .+ \| (.+) \|$", text, flags=re.MULTILINE)
    assert MARTS
    assert sorted(rows) == sorted((mart.stem, question(mart)) for mart in MARTS)


def test_the_marts_are_listed_under_their_area() -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    for mart in MARTS:
        section = text.partition(f"\n### {mart.parent.name.capitalize()}\n")[2].partition("\n#")[0]
        assert f"| `{mart.stem}` |" in section, mart.stem


@pytest.mark.parametrize(
    "mart", [mart for mart in MARTS if mart.stem.startswith("kpi_")], ids=lambda mart: mart.stem
)
def test_every_key_figure_is_explained_or_leads_to_where_it_is(mart: Path) -> None:
    assert f"`{mart.stem}`" in (ROOT / "docs" / "kpis.md").read_text(encoding="utf-8")


def test_every_key_figure_is_where_it_says_and_every_amount_and_ratio_has_one() -> None:
    declared = {
        (mart.stem, column["name"]): str(column["data_type"])
        for mart in MARTS
        for column in yaml.safe_load(mart.with_suffix(".yml").read_text())["models"][0]["columns"]
    }
    figures = read_figures((ROOT / "docs" / "kpis.md").read_text(encoding="utf-8"))
    named = {place for figure in figures for place in figure.columns}
    measured = {
        (mart, column)
        for (mart, column), kind in declared.items()
        if mart.startswith("kpi_") and kind.startswith(("double", "decimal"))
    }
    assert named - declared.keys() == set()
    assert measured - named == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    broken = []
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken
