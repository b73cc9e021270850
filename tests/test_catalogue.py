"""The catalogue: its pages lead somewhere, say what the files say, and take no text for HTML."""

from __future__ import annotations

import copy
import html
import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from inventory_platform.assets.column_lineage import ColumnLineage, read_column_lineage
from inventory_platform.assets.dbt_project import docs_page, manifest_path, prepare_manifest
from inventory_platform.errors import InventoryError
from inventory_platform.operations.catalogue import catalogue_is_old, index_page, text
from inventory_platform.operations.catalogue.figures import read_figures
from inventory_platform.operations.catalogue.lineage_picture import picture
from inventory_platform.operations.catalogue.project import Project, rules
from inventory_platform.operations.catalogue.site import write_pages
from inventory_platform.registry import Registry, read_registry
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import Source

TABLE = "| figure | formula | unit | column | mart |\n|---|---|---|---|---|\n"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = Settings(data_dir=tmp_path_factory.mktemp("data"))
    prepare_manifest(read_registry(made))
    return made


@pytest.fixture(scope="module")
def manifest(settings: Settings) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(manifest_path(settings).read_text())
    return read


@pytest.fixture(scope="module")
def site(settings: Settings, manifest: dict[str, Any]) -> Path:
    """All pages but dbt's, of the project as it is."""
    folder = settings.docs_dir
    write_pages(read_registry(settings), Project(manifest, read_column_lineage(settings)), folder)
    page = docs_page(settings)
    page.parent.mkdir()
    page.touch()
    return folder


def read(site: Path, address: str) -> str:
    """A page as a person reads it: without tags."""
    page = (site / address).read_text(encoding="utf-8")
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


# -- the whole site ------------------------------------------------------------------------------


def test_every_link_of_every_page_leads_to_a_page_and_a_place_in_it(site: Path) -> None:
    pages = {p.relative_to(site): p.read_text(encoding="utf-8") for p in site.rglob("*.html")}
    places = {page: set(re.findall(r' id="([^"]+)"', content)) for page, content in pages.items()}
    dead = set()
    for page, content in pages.items():
        for link in set(re.findall(r'(?:href|src)="([^"]+)"', content)):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, place = html.unescape(link).partition("#")
            target = Path(os.path.normpath(page.parent / path)) if path else page
            if not (site / target).exists() or (
                place and target.parts[0] != "dbt" and place not in places[target]
            ):
                dead.add((str(page), link))
    assert len(pages) > 400
    assert dead == set()


def test_every_address_that_can_be_searched_for_is_there(site: Path) -> None:
    code = (site / "search.js").read_text(encoding="utf-8")
    entries = json.loads(code.partition("const ENTRIES = ")[2].partition(";\n")[0])
    assert {e[0] for e in entries} >= {"net revenue", "fct_orders", "gross_amount", "Key figures"}
    assert [e for e in entries if not (site / e[2].partition("#")[0]).exists()] == []


def test_nothing_is_asked_of_another_machine(site: Path) -> None:
    loaded = [
        found
        for page in [*site.rglob("*.html"), site / "style.css"]
        for found in re.findall(
            r'(?:<(?:script|link|img)[^>]+(?:src|href)="https?:[^"]+"|url\([^)]+\)|@import)',
            page.read_text(encoding="utf-8"),
        )
    ]
    assert loaded == []


def test_every_model_and_every_source_table_has_a_page(
    site: Path, settings: Settings, manifest: dict[str, Any]
) -> None:
    models = {n["name"] for n in manifest["nodes"].values() if n["resource_type"] == "model"}
    assert models <= {p.stem for p in (site / "models").glob("*.html")}
    relations = set(read_registry(settings).relations)
    assert relations <= {p.stem for p in (site / "sources").glob("*.html")}


# -- what pages say ------------------------------------------------------------------------------


def test_the_page_of_a_mart_says_what_its_files_say(site: Path) -> None:
    page = read(site, "models/fct_order_lines.html")
    for said in (
        "What was sold of this product, where, and at which margin?",
        "one row per order_line_id .",
        "team:sales",
        "not older than 36 hours",
        "enforced",
        "Price of the line, tax included, after discount; base currency.",
        "order_lines.gross_amount",
        "pos_api__receipt_lines.unit_price",
        "relationships product_id to dim_products",
        "{{ clear_months('order_date') }}",
        "dbt has not compiled it.",
    ):
        assert said in page


def test_the_page_of_a_source_table_says_what_its_contract_says(site: Path) -> None:
    page = read(site, "sources/inventory_db__customers.html")
    assert "sqlite:///{data_dir}/sandbox/inventory.sqlite" in page
    assert "personal data" in page
    page = read(site, "sources/inventory_db__products.html")
    assert "never empty" in page
    assert "≥ 0" in page


def test_the_page_of_a_figure_has_formula_unit_place_and_tests(site: Path) -> None:
    page = read(site, "kpis/margin-rate.html")
    for said in ("margin_amount ÷ costed_amount", "Unit share", "kpi_products", "kpi_sales_daily"):
        assert said in page
    assert "with numbers worked out by hand" in page


def test_a_table_made_in_python_says_that_its_columns_end_there(site: Path) -> None:
    page = read(site, "sources/planning.forecasts.html")
    assert "Python" in page
    assert "followed no further" in page


def test_the_columns_of_every_source_are_mapped(site: Path, settings: Settings) -> None:
    for source in {c.source for c in read_registry(settings).relations.values()}:
        assert (site / "columns" / f"{source}.html").exists()
    page = read(site, "columns/pos_api.html")
    assert re.search(
        r"updated_at \S+ stg_pos_api__receipts.updated_at fct_orders.cancelled_at", page
    )


def test_secrets_of_an_address_are_on_no_page(settings: Settings, manifest: dict[str, Any]) -> None:
    registry = read_registry(settings)
    source = Source("pos_api", "postgresql://till:hidden@db/pos?password=hidden", "Tills.", {})
    registry = Registry(
        settings,
        {"pos_api": source},
        {c.relation: c for c in registry.of_source("pos_api").values()},
    )
    folder = settings.data_dir / "secret"
    write_pages(registry, Project(manifest, ColumnLineage({}, {})), folder)
    assert "postgresql://till:***@db" in read(folder, "sources/pos_api__receipts.html")
    assert [p for p in folder.rglob("*") if p.is_file() and b"hidden@" in p.read_bytes()] == []


# -- what is broken ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def odd_site(settings: Settings, manifest: dict[str, Any]) -> Path:
    """A project of one mart, whose description is hostile and whose SQL cannot be followed."""
    odd = copy.deepcopy(manifest)
    name = "model.inventory.dim_channels"
    mart = odd["nodes"][name]
    mart["description"] = "<script>alert(1)</script> & `code`. Grain: one row per <b>."
    mart["columns"]["channel"]["description"] = "<img src=x onerror=alert(2)>"
    mart["raw_code"] = "select '<script>' as channel"
    odd |= {"nodes": {name: mart}, "sources": {}}
    problems = {"marts.dim_channels": "no <FROM>"}
    folder = settings.data_dir / "odd"
    write_pages(Registry(settings, {}, {}), Project(odd, ColumnLineage({}, problems)), folder)
    return folder


def test_a_description_is_text_whatever_it_holds(odd_site: Path) -> None:
    page = (odd_site / "models" / "dim_channels.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>code</code>" in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page
    assert "<img" not in page
    assert re.findall(r"<script[^>]*>", page) == [
        '<script src="../search.js" data-root="../" defer>'
    ]


def test_a_model_that_cannot_be_followed_has_a_page_that_says_so(odd_site: Path) -> None:
    page = read(odd_site, "models/dim_channels.html")
    assert "because their SQL cannot be followed: no <FROM>" in page
    assert "not known" in page


def test_figures_of_marts_that_are_not_there_have_no_page(odd_site: Path) -> None:
    assert not (odd_site / "kpis").exists()


def test_a_line_of_figures_without_a_cell_stops_the_writing() -> None:
    with pytest.raises(InventoryError, match="'margin' has not the cells"):
        read_figures(f"{TABLE}| margin | a - b | money | `m` |\n")


def test_two_figures_of_one_name_stop_the_writing() -> None:
    line = "| margin | a - b | money | `m` | `kpi_x` |\n"
    with pytest.raises(InventoryError, match="is there twice"):
        read_figures(TABLE + line + line)


# -- its parts -----------------------------------------------------------------------------------


def test_a_figure_stands_in_each_of_its_marts_in_each_of_its_columns() -> None:
    [figure] = read_figures(
        f"## Sales\n\n{TABLE}| **net** | `a` - b | money | `x`, `y` | `kpi_m`, `kpi_n` |\n"
        "\n| other | table |\n|---|---|\n| no | figure |\n"
    )
    assert (figure.name, figure.section, figure.slug) == ("net", "Sales", "net")
    assert figure.columns == (("kpi_m", "x"), ("kpi_m", "y"), ("kpi_n", "x"), ("kpi_n", "y"))


def test_links_of_pages_lead_to_rendered_pages_or_are_none() -> None:
    page = text.page(
        "[a](b.md#c) and [code](../x.py) <https://d.example>\n\n![i](images/i.png)",
        {"b.md#c": "b.html#c", "images/i.png": "images/i.png"}.get,
    )
    assert '<a href="b.html#c">a</a> and code' in page
    assert '<a href="https://d.example">' in page


def test_a_rule_of_a_contract_is_told_in_words(settings: Settings) -> None:
    contract = read_registry(settings).relations["linnworks__processed_orders"]
    assert rules(contract, "status_code") == ["one of 0, 1, 2, 3, 4 (warns)"]


def test_a_table_is_drawn_between_its_neighbours() -> None:
    drawn = picture([("a", "a.html"), ("b", "b.html")], "me<", [("c", "c.html")])
    assert re.findall(r'<a href="(\w+).html">', drawn) == ["a", "b", "c"]
    assert drawn.count("<path") == 3
    assert "me&lt;" in drawn
    alone = picture([], "alone", [])
    assert "<path" not in alone
    assert "alone" in alone


def test_the_catalogue_is_old_when_a_page_or_the_models_are_newer(
    site: Path, settings: Settings
) -> None:
    del site
    page = index_page(settings)
    later = time.time() + 60
    os.utime(page, (later, later))
    assert not catalogue_is_old(settings)
    os.utime(page, (0, 0))
    assert catalogue_is_old(settings)


# -- in a browser --------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_person_finds_a_figure_by_typing_without_any_server(site: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        message = "chromium is missing: sudo bash scripts/install-test-servers.sh"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith("file:") else wrong.append(r.url))
        page.goto(f"file://{site}/models/fct_orders.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.keyboard.press("/")
        page.keyboard.type("net revenue")
        page.get_by_role("link", name="net revenue", exact=True).first.click()
        expect(page.locator(".formula")).to_contain_text("sales without tax")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 30)"
        page.goto(f"file://{site}/models/fct_order_lines.html")
        page.locator("svg.lineage a", has_text="kpi_abc_xyz").click()
        expect(page.locator("h1")).to_have_text("kpi_abc_xyz")
        browser.close()
    assert wrong == []
