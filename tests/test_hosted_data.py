"""Hosted data sets: the published files to their marts by declaration alone, and their samples.

Totals are those their publishers know, or were counted with Python's own csv module. The files are
no part of the project: without them only the samples are tested. Northwind and Model Cars, which
feed the common marts, are in `test_channels_northwind_model_cars.py`.
"""

from __future__ import annotations

import csv
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asset_checks import reconciliation
from inventory_platform.assets.dbt_project import run_dbt
from inventory_platform.cli import app
from inventory_platform.landing.lake import LoadRecord
from inventory_platform.registry import Registry, read_registry
from inventory_platform.sandbox.hosted import SAMPLES, generate
from inventory_platform.settings import PROJECT_DIR, Settings, get_settings
from inventory_platform.warehouse import open_warehouse, refresh

DATA = PROJECT_DIR.parent / "shared" / "data"
PUBLISHED = {
    "data_jobs": DATA / "data_jobs_salaries",
    "world_indicators": DATA / "world_economic_indicators",
    "crm_sales": DATA / "crm_sales_opportunities",
    "nvidia_prices": DATA / "nvidia_stock_prices",
}
ROWS = {
    "data_jobs__salaries": 3755,
    "world_indicators__world_bank": 12449,
    "world_indicators__human_development": 206,
    "world_indicators__dictionary": 58,
    "crm_sales__accounts": 85,
    "crm_sales__products": 7,
    "crm_sales__sales_teams": 35,
    "crm_sales__sales_pipeline": 8800,
    "nvidia_prices__daily_prices": 5035,
}
MARTS = (
    *("kpi_job_salaries", "fct_country_indicators", "fct_sales_opportunities"),
    "fct_share_prices",
)

needs_the_files = pytest.mark.skipif(
    not all(path.exists() for path in PUBLISHED.values()),
    reason=f"the published files of the hosted data sets are not in {DATA}",
)


@dataclass(frozen=True)
class Hosted:
    """A data folder into which these data sets, and nothing else, were loaded."""

    settings: Settings
    registry: Registry
    records: dict[str, LoadRecord]

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with open_warehouse(self.settings) as con:
            return con.sql(sql).fetchall()


def loaded(folder: Path, extensions: Path, entries: dict[str, dict[str, Any]]) -> Hosted:
    """Load sources into a new data folder, as their entries say."""
    (folder / "sources.toml").write_text("\n".join(_entry(n, e) for n, e in entries.items()))
    (folder / "data").mkdir()
    (folder / "data" / "duckdb_extensions").symlink_to(extensions)
    settings = Settings(data_dir=folder / "data", sources_file=folder / "sources.toml", threads=1)
    registry = read_registry(settings)
    records = {
        contract.relation: registry.loader(source).load(contract)
        for source, contract in registry.tables()
    }
    return Hosted(settings, registry, records)


def _entry(name: str, entry: dict[str, Any]) -> str:
    files = "".join(
        f'[{name}.files."{pattern}"]\nencoding = "{options["encoding"]}"\n'
        for pattern, options in entry.get("files", {}).items()
    )
    return f'[{name}]\naddress = "{entry["address"]}"\n{files}'


def declared() -> dict[str, dict[str, Any]]:
    """The project's own entries of the hosted data sets."""
    entries = tomllib.loads((PROJECT_DIR / "sources.toml").read_text())
    return {name: entries[name] for name in (*PUBLISHED, "northwind", "model_cars")}


# -- the published files -------------------------------------------------------------------


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, extensions: Path) -> Hosted:
    """The project's entries with another address each, and nothing else changed."""
    folder = tmp_path_factory.mktemp("hosted")
    entries = {n: declared()[n] | {"address": str(path)} for n, path in PUBLISHED.items()}
    hosted = loaded(folder, extensions, entries)
    refresh(hosted.settings, hosted.registry.relations)
    run_dbt(
        hosted.settings, "build", "--select", *(f"+{mart}" for mart in MARTS),
        "stg_world_indicators__dictionary",
        "--exclude-resource-type", "unit_test",
        "--target-path", str(folder / "target"), "--log-path", str(folder / "logs"),
    )  # fmt: skip
    return hosted


@needs_the_files
def test_every_published_row_is_loaded_none_is_rejected_and_nothing_is_unknown(
    published: Hosted,
) -> None:
    assert {name: record.rows_loaded for name, record in published.records.items()} == ROWS
    assert not any(record.rows_quarantined for record in published.records.values())
    assert not any(record.drift for record in published.records.values())


@needs_the_files
def test_staging_holds_the_published_rows(published: Hosted) -> None:
    for relation, rows in ROWS.items():
        assert published.ask(f"select count(*) from staging.stg_{relation}") == [(rows,)], relation


@needs_the_files
def test_salaries_that_repeat_another_one_are_all_kept(published: Hosted) -> None:
    # 1,171 of the 3,755 rows are exact repeats: 2,584 are left when they are dropped.
    columns = ", ".join(c.name for c in published.registry.find("data_jobs.salaries").columns)
    distinct = f"select count(*) from (select distinct {columns} from raw.data_jobs__salaries)"
    assert published.ask(distinct) == [(2584,)]
    assert published.ask(
        "select sum(salaries), sum(total_salary_usd), count(*) from marts.kpi_job_salaries"
    ) == [(3755, Decimal("516576814.00"), 351)]
    assert published.ask(
        "select salaries, median_salary_usd, lowest_salary_usd, highest_salary_usd "
        "from marts.kpi_job_salaries where (work_year, job_title, experience_level) = "
        "(2023, 'Data Engineer', 'SE')"
    ) == [(349, Decimal(150000), Decimal(37558), Decimal(310000))]


@needs_the_files
def test_world_indicators_have_their_countries_and_years(published: Hosted) -> None:
    assert published.ask(
        "select count(*), count(distinct country_code), min(year), max(year), count(gdp_usd) "
        "from raw.world_indicators__world_bank"
    ) == [(12449, 211, 1960, 2018, 9578)]
    contracts = published.registry.of_source("world_indicators")
    assert len(contracts["world_bank"].columns) == 15
    assert len(contracts["human_development"].columns) == 112
    # More than half of some columns is unknown, and unknown it stays.
    assert published.ask(
        "select count(unemployment_percent) < 12449 / 2 from raw.world_indicators__world_bank"
    ) == [(True,)]


@needs_the_files
def test_groups_of_countries_do_not_pose_as_countries(published: Hosted) -> None:
    groups = "select count(*) from raw.world_indicators__human_development where iso3 like '%.%'"
    assert published.ask(groups) == [(11,)]
    assert published.ask(
        "select count(*), count(distinct country_code), count(human_development_index), "
        "count(*) filter (country_code like '%.%') from marts.fct_country_indicators"
    ) == [(12870, 213, 4589, 0)]
    assert published.ask(
        "select year_number, country_name, gdp_usd, human_development_index "
        "from marts.fct_country_indicators where country_code = 'DEU' and year_number in "
        "(2017, 2021) order by year_number"
    ) == [(2017, "Germany", 3.69e12, 0.944), (2021, "Germany", None, 0.942)]


@needs_the_files
def test_the_dictionary_is_read_as_it_is_encoded(published: Hosted) -> None:
    assert published.ask(
        "select description from staging.stg_world_indicators__dictionary "
        "where field_name = 'phdi_xxxx'"
    ) == [("Planetary pressuresÐadjusted Human Development Index (value) in year xxxx",)]


@needs_the_files
def test_deals_have_the_totals_of_the_pipeline(published: Hosted) -> None:
    rows = published.ask(
        "select deal_stage, count(*), sum(close_value), count(company_name) "
        "from marts.fct_sales_opportunities group by 1 order by 1"
    )
    assert rows == [
        ("Engaging", 1589, None, 501),
        ("Lost", 2473, Decimal("0.00"), 2473),
        ("Prospecting", 500, None, 163),
        ("Won", 4238, Decimal("10005534.00"), 4238),
    ]
    # 1,425 deals have no account yet; none of them was dropped.
    assert sum(deals - with_account for _, deals, _, with_account in rows) == 1425
    assert published.ask(
        "select regional_office, count(*) from marts.fct_sales_opportunities "
        "where is_won group by 1 order by 1"
    ) == [("Central", 1629), ("East", 1171), ("West", 1438)]


@needs_the_files
def test_a_product_spelled_otherwise_is_found_by_the_reviewed_mapping(published: Hosted) -> None:
    for layer, name in (("raw.", "GTXPro"), ("staging.stg_", "GTXPro")):
        counted = f"select count(*) from {layer}crm_sales__sales_pipeline where product = '{name}'"
        assert published.ask(counted) == [(1480,)], layer
    assert published.ask(
        "select count(*), sum(close_value), any_value(product_series), max(retail_price), "
        "(select count(*) from marts.fct_sales_opportunities where product_series is null) "
        "from marts.fct_sales_opportunities where product_name = 'GTX Pro'"
    ) == [(1480, Decimal("3510578.00"), "GTX", Decimal("4821.00"), 0)]


@needs_the_files
def test_the_last_line_counts_where_the_file_does_not_end_it(published: Hosted) -> None:
    text = (PUBLISHED["nvidia_prices"] / "NVDA_2003_2023.csv").read_bytes()
    assert not text.endswith(b"\n")
    assert published.ask(
        "select count(*), min(trading_date)::text, max(trading_date)::text, sum(volume), "
        "sum(close_usd) from marts.fct_share_prices"
    ) == [(5035, "2003-08-25", "2023-08-24", 284417385700, Decimal("222254.609937"))]
    [(change, average)] = published.ask(
        "select daily_return, average_50_days_usd from marts.fct_share_prices "
        "where trading_date = '2023-08-24'"
    )
    assert change == pytest.approx(471.630005 / 471.160004 - 1)
    assert average == Decimal("440.603000")


@needs_the_files
def test_marts_are_held_against_their_sources(published: Hosted) -> None:
    rules = {
        f"{rule.asset.path[-1]}: {rule.name}": rule.evaluate
        for rule in reconciliation.rules(published.registry)
        if rule.asset.path[0] == "marts"
    }
    assert set(rules) == {
        "kpi_job_salaries: equals_source_salaries",
        "fct_sales_opportunities: equals_source_deals",
        "fct_share_prices: equals_source_prices",
        "fct_country_indicators: equals_source_world_bank",
        "fct_country_indicators: equals_source_human_development",
    }
    with open_warehouse(published.settings) as con:
        assert [name for name, holds in rules.items() if not holds(con).passed] == []
        con.execute("begin")
        for mart in MARTS:
            key = "country_code" if mart == "fct_country_indicators" else "rowid"
            con.execute(
                f"delete from marts.{mart} where {key} = (select {key} from marts.{mart} "
                f"{'where human_development_index > 0 and gdp_usd > 0' if key != 'rowid' else ''} "
                "limit 1)"
            )
        assert [name for name, holds in rules.items() if holds(con).passed] == []
        con.execute("rollback")


# -- the samples ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, extensions: Path) -> Hosted:
    """The hosted data sets as `sources.toml` declares them."""
    folder = tmp_path_factory.mktemp("samples")
    generate(folder / "data_of_sandbox")
    entries = {
        name: entry
        | {
            "address": entry["address"].replace(
                "{data_dir}/sandbox/hosted", str(folder / "data_of_sandbox")
            )
        }
        for name, entry in declared().items()
    }
    return loaded(folder, extensions, entries)


def lines(path: Path, encoding: str = "utf-8") -> Iterator[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        yield from list(csv.reader(file))[1:]


def test_every_row_of_the_samples_is_loaded_and_nothing_is_unknown(samples: Hosted) -> None:
    for relation, record in samples.records.items():
        contract = samples.registry.contracts[relation]
        path = SAMPLES / contract.source / f"{contract.source_table.removesuffix('.csv')}.csv"
        encoding = "cp1252" if "dictionary" in path.name else "utf-8"
        assert record.rows_loaded == len(list(lines(path, encoding))) > 0, relation
        assert (record.rows_quarantined, record.drift) == (0, []), relation


def test_the_samples_have_the_traps_of_the_published_files() -> None:
    jobs = Counter(map(tuple, lines(SAMPLES / "data_jobs" / "ds_salaries_2023.csv")))
    assert sum(jobs.values()) - len(jobs) == 8  # exact repeats, each of them a person
    crm = SAMPLES / "crm_sales"
    listed = {row[0] for row in lines(crm / "products.csv")}
    deals = list(lines(crm / "sales_pipeline.csv"))
    assert {row[2] for row in deals} - listed == {"GTXPro"}
    assert any(row[3] == "" for row in deals)
    assert b"\r\n" in (crm / "sales_pipeline.csv").read_bytes()
    world = SAMPLES / "world_indicators"
    assert sum("." in row[0] for row in lines(world / "HDI.csv")) == 3
    with pytest.raises(UnicodeDecodeError):
        (world / "world_indicators_data_dictionary.csv").read_text(encoding="utf-8")
    assert not (SAMPLES / "nvidia_prices" / "NVDA_2003_2023.csv").read_bytes().endswith(b"\n")
    northwind = [row[3] for row in lines(SAMPLES / "northwind" / "Orders.csv")]
    assert min(northwind).split("/")[0] == "1"  # as text; by the calendar it is in October
    orders = list(lines(SAMPLES / "model_cars" / "orders.csv"))
    assert {row[4] for row in orders} >= {"Cancelled", "On Hold"}
    assert any(row[3] == "" for row in orders)
    padded = [r[1] for r in lines(SAMPLES / "model_cars" / "products.csv") if r[1] != r[1].strip()]
    assert padded
    mails = [r[4] for r in lines(SAMPLES / "model_cars" / "employees.csv")]
    assert len(set(mails)) < len(mails)


def test_a_second_load_adds_nothing_also_without_a_key(samples: Hosted) -> None:
    for relation, rows in {"data_jobs__salaries": 38, "northwind__order_details": 62}.items():
        contract = samples.registry.contracts[relation]
        source = samples.registry.sources[contract.source]
        again = samples.registry.loader(source).load(contract)
        assert (again.rows_read, again.rows_loaded, again.rows_deduplicated) == (rows, 0, rows)


def test_the_samples_play_in_the_days_of_the_sandbox(samples: Hosted) -> None:
    refresh(samples.settings, samples.registry.relations)
    for table in ("northwind__orders", "model_cars__orders"):
        [(first, last)] = samples.ask(
            f"select min(order_date)::text, max(order_date)::text from raw.{table}"
        )
        assert "2024-10-01" <= first < last <= "2026-09-30", table


def test_the_same_databases_are_made_every_time(tmp_path: Path) -> None:
    made = [generate(tmp_path / folder) for folder in ("once", "again")]
    assert made[0] == made[1]
    assert set(made[0]) == {"model_cars", "northwind"}
    for name in made[0]:
        once, again = (tmp_path / f / f"{name}.sqlite" for f in ("once", "again"))
        assert once.read_bytes() == again.read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_a_sandbox_from_before_gets_the_databases_and_keeps_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(tmp_path))
    get_settings.cache_clear()
    database = get_settings().sandbox_database
    database.parent.mkdir()
    database.write_text("somebody's own")
    get_settings().sandbox_drop.mkdir()
    result = CliRunner().invoke(app, ["sandbox", "generate", "--if-missing"])
    get_settings.cache_clear()
    assert result.exit_code == 0, result.output
    assert database.read_text() == "somebody's own"
    assert (tmp_path / "sandbox" / "hosted" / "northwind.sqlite").exists()
