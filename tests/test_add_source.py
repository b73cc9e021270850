"""Adding a source: what is guessed from its data, what is written, and that it then loads.

Whole sources are added to a copy of the project and loaded there, so the project itself is
never written to. Their totals are those their publishers know.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

import inventory_platform.contracts as contracts_package
from inventory_platform import duck
from inventory_platform.errors import InventoryError, SettingsError, SourceError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.onboarding import Added, add_source, draft_source, sample, write
from inventory_platform.onboarding.add import Draft
from inventory_platform.onboarding.dialect import options_of
from inventory_platform.onboarding.names import class_names, column_names
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import read_catalog
from tests.postgres_server import running_postgres

PROJECT = Path(__file__).resolve().parents[1]
DATA = PROJECT.parent / "shared" / "data"
BIN = Path(sys.executable).parent

# -- whole sources, in a copy of the project -----------------------------------------------

SOURCES = {
    "nw": f"sqlite:///{DATA}/northwind/northwind.sqlite",
    "nw_files": f"{DATA}/northwind",
    "cars": f"sqlite:///{DATA}/model_cars/mintclassics.sqlite",
    "cars_files": f"{DATA}/model_cars",
    "jobs": f"{DATA}/data_jobs_salaries",
    "crm": f"{DATA}/crm_sales_opportunities",
    "world": f"{DATA}/world_economic_indicators",
    "nvidia": f"{DATA}/nvidia_stock_prices/NVDA_2003_2023.csv",
}

ROWS = {
    "nw": {"orders": 830, "order_details": 2155, "suppliers": 29, "products": 77},
    "nw_files": {"orders": 830, "order_details": 2155, "products": 77, "customers": 91},
    "cars": {
        "products": 110,
        "warehouses": 4,
        "customers": 122,
        "payments": 273,
        "orders": 326,
        "orderdetails": 2996,
    },
    "cars_files": {
        "products": 110,
        "warehouses": 4,
        "customers": 122,
        "payments": 273,
        "orders": 326,
        "orderdetails": 2996,
    },
    "jobs": {"ds_salaries2023": 3755},
    "crm": {"accounts": 85, "products": 7, "sales_teams": 35, "sales_pipeline": 8800},
    "world": {"world_bank": 12449, "hdi": 206, "world_indicators_data_dictionary": 58},
    "nvidia": {"nvda2003_n2023": 5035},
}

REVENUE = (
    "select cast(round(sum(unit_price * quantity * (1 - discount)), 2) as varchar) "
    "from raw.{}__order_details"
)
QUESTIONS = {
    "nw": {
        REVENUE.format("nw"): "1265793.04",
        "select cast(sum(freight) as varchar) from raw.nw__orders": "64942.69",
        "select min(order_date) || ' ' || max(order_date) from raw.nw__orders": (
            "1996-07-04 1998-05-06"
        ),
        "select typeof(any_value(order_date)) from raw.nw__orders": "DATE",
    },
    "nw_files": {
        REVENUE.format("nw_files"): "1265793.04",
        "select cast(sum(freight) as varchar) from raw.nw_files__orders": "64942.69",
        "select cast(min(order_date) as varchar) from raw.nw_files__orders": "2013-07-04",
        "select count(*) from raw.nw_files__orders where shipped_date is null": 21,
        "select company_name from raw.nw_files__customers where customer_id = 'BERGS'": (
            "Berglunds snabbköp"
        ),
        "select count(*) from raw.nw_files__products where product_name like '%Käse%'"
        " or product_name like '%ß%' or product_name like '%ö%'": 9,
    },
    "cars": {
        "select cast(sum(amount) as varchar) from raw.cars__payments": "8853839.23",
        "select cast(sum(quantity_ordered * price_each) as varchar) from raw.cars__orderdetails": (
            "9604190.61"
        ),
        "select sum(quantity_ordered) from raw.cars__orderdetails": 105516,
        "select sum(quantity_in_stock) from raw.cars__products": 555131,
        "select count(*) from personal.cars__customers where postal_code like '0%'": 8,
        "select count(*) from raw.cars__orders where shipped_date is null": 14,
    },
    "cars_files": {
        "select cast(sum(amount) as varchar) from raw.cars_files__payments": "8853839.23",
        "select cast(sum(quantity_ordered * price_each) as varchar) "
        "from raw.cars_files__orderdetails": "9604190.61",
        "select sum(quantity_ordered) from raw.cars_files__orderdetails": 105516,
        "select sum(quantity_in_stock) from raw.cars_files__products": 555131,
        "select postal_code from raw.cars_files__offices where city = 'Boston'": "02107",
    },
    "jobs": {"select count(*) from raw.jobs__ds_salaries2023": 3755},
    "crm": {
        "select cast(sum(close_value) as bigint) from raw.crm__sales_pipeline "
        "where deal_stage = 'Won'": 10005534,
        "select count(*) from raw.crm__sales_pipeline where account is null": 1425,
    },
    "world": {"select count(distinct country_code) from raw.world__world_bank": 211},
    "nvidia": {
        "select min(date) || ' ' || max(date) from raw.nvidia__nvda2003_n2023": (
            "2003-08-25 2023-08-24"
        )
    },
}

DRIVER = """
import json, sys
from inventory_platform import duck
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.pseudonyms import give_key, pseudonym_key
from inventory_platform.onboarding import add_source
from inventory_platform.registry import read_registry
from inventory_platform.settings import get_settings
from inventory_platform.warehouse import refresh

settings = get_settings()
given = json.load(sys.stdin)
found = {}
for name, address in given["sources"].items():
    added = add_source(settings, address, name)
    registry = read_registry(settings)
    loader = registry.loader(registry.sources[name])
    contracts = registry.of_source(name)
    loads = {
        table: [vars(loader.load(contract)) for _ in range(1 + (name == "cars"))]
        for table, contract in contracts.items()
    }
    with duck.connect(settings) as con:
        create_views(con, Lake(settings.lake_dir), contracts.values())
        give_key(con, pseudonym_key(settings))
        answers = {q: con.execute(q).fetchone()[0] for q in given["questions"].get(name, [])}
    found[name] = {
        "loads": loads,
        "answers": answers,
        "review": added.to_review,
        "keys": {table: contract.key for table, contract in contracts.items()},
        "references": {table: dict(c.references) for table, c in contracts.items()},
        "personal": {t: [c.name for c in k.columns if c.personal] for t, k in contracts.items()},
        "files": [str(p) for p in [added.contract_file, *added.dbt_files]],
    }
refresh(settings, read_registry(settings).contracts)
json.dump(found, sys.stdout, default=str)
"""


@dataclass(frozen=True)
class Landed:
    """A copy of the project with all sources added and loaded, and what was found there."""

    project: Path
    environment: dict[str, str]
    found: dict[str, Any]


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Landed:
    if not DATA.is_dir():
        pytest.skip(f"the public sample data is not at {DATA}")
    project = tmp_path_factory.mktemp("copy") / "project"
    unwanted = shutil.ignore_patterns("target", "logs", "__pycache__", "*.duckdb")
    for name in ("inventory_platform", "asset_checks", "dbt_project", "seeds"):
        shutil.copytree(PROJECT / name, project / name, ignore=unwanted)
    for name in ("sources.toml", "pyproject.toml"):
        shutil.copy(PROJECT / name, project / name)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("INVENTORY_")}
    environment |= {"PYTHONPATH": str(project), "INVENTORY_DATA_DIR": str(project.parent / "data")}
    result = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(
            {"sources": SOURCES, "questions": {k: [*v] for k, v in QUESTIONS.items()}}
        ),
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return Landed(project, environment, json.loads(result.stdout))


@pytest.mark.parametrize("name", SOURCES)
def test_every_row_of_an_added_source_is_accounted_for(landed: Landed, name: str) -> None:
    for table, loads in landed.found[name]["loads"].items():
        for load in loads:
            assert load["rows_read"] == (
                load["rows_loaded"] + load["rows_quarantined"] + load["rows_deduplicated"]
            ), table
            assert load["rows_quarantined"] == 0, table
            assert load["drift"] == [], table
    rows = {table: loads[0]["rows_loaded"] for table, loads in landed.found[name]["loads"].items()}
    assert rows | ROWS[name] == rows


@pytest.mark.parametrize("name", QUESTIONS)
def test_an_added_source_has_its_publishers_totals(landed: Landed, name: str) -> None:
    assert landed.found[name]["answers"] == QUESTIONS[name]


def test_loading_an_added_source_again_changes_nothing(landed: Landed) -> None:
    for table, (first, second) in landed.found["cars"]["loads"].items():
        assert second["rows_loaded"] == 0, table
        assert second["rows_deduplicated"] == first["rows_loaded"], table


def test_repeated_rows_make_a_table_keyless(landed: Landed) -> None:
    assert landed.found["jobs"]["keys"] == {"ds_salaries2023": []}
    assert (
        "ds_salaries2023: keyless: 1171 rows repeat another one exactly"
        in (landed.found["jobs"]["review"])
    )


def test_keys_are_those_a_person_would_choose(landed: Landed) -> None:
    keys = {name: found["keys"] for name, found in landed.found.items()}
    assert keys["nw"]["order_details"] == ["order_id", "product_id"]
    assert keys["nw"]["employee_territories"] == ["employee_id", "territory_id"]
    assert keys["nw_files"]["order_details"] == ["order_id", "product_id"]
    assert keys["cars"]["orderdetails"] == ["order_number", "product_code"]
    assert keys["cars"]["productlines"] == ["product_line"]
    assert keys["crm"]["sales_pipeline"] == ["opportunity_id"]
    assert keys["crm"]["sales_teams"] == ["sales_agent"]
    assert keys["world"]["world_bank"] == ["country_code", "year"]
    assert keys["nvidia"]["nvda2003_n2023"] == ["date"]


def test_references_are_found_and_their_orphans_counted(landed: Landed) -> None:
    assert landed.found["nw"]["references"]["orders"] == {
        "ship_via": "shippers.shipper_id",
        "employee_id": "employees.employee_id",
        "customer_id": "customers.customer_id",
    }
    assert landed.found["cars"]["references"]["payments"] == {
        "customer_number": "customers.customer_number"
    }
    assert (
        "sales_pipeline: reference guessed: product to products.product; 1480 rows refer to "
        "nothing there"
    ) in landed.found["crm"]["review"]


def test_personal_columns_are_those_of_people(landed: Landed) -> None:
    personal = landed.found["cars"]["personal"]
    assert {"last_name", "first_name", "email"} <= set(personal["employees"])
    assert {"phone", "address_line1", "postal_code"} <= set(personal["customers"])
    assert personal["products"] == personal["offices"] == []
    assert landed.found["world"]["personal"]["world_bank"] == []


def test_two_formats_of_one_column_are_named_for_review(landed: Landed) -> None:
    assert (
        "orders.order_date: two formats in one column: %m/%d/%Y and %m-%d-%Y"
        in landed.found["nw_files"]["review"]
    )


def test_generated_contracts_pass_the_projects_linters(landed: Landed) -> None:
    files = [found["files"][0] for found in landed.found.values()]
    for command in (["check"], ["format", "--check"]):
        result = subprocess.run(
            [BIN / "ruff", *command, *files],
            cwd=landed.project,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout


@pytest.mark.slow
def test_dbt_builds_the_staging_of_added_sources(landed: Landed) -> None:
    selected = [f"path:models/staging/{name}" for name in ("nw", "cars", "jobs", "crm")]
    lake = Path(landed.environment["INVENTORY_DATA_DIR"]) / "lake"
    result = subprocess.run(
        [BIN / "dbt", "build", "--select", *selected, "--profiles-dir", "."],
        cwd=landed.project / "dbt_project",
        env=landed.environment
        | {
            "INVENTORY_WAREHOUSE": str(lake.with_name("warehouse.duckdb")),
            "INVENTORY_LAKE": str(lake),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-4000:]
    assert "ERROR=0" in result.stdout
    with duckdb.connect(str(lake.with_name("warehouse.duckdb")), read_only=True) as con:
        con.execute(f"set file_search_path = '{lake}'")
        rows = con.execute(
            "select (select count(*) from staging.stg_nw__orders), "
            "(select count(*) from staging.stg_jobs__ds_salaries2023)"
        ).fetchone()
    assert rows == (830, 3755)


# -- single guesses, without writing anything ------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    sources = tmp_path / "sources.toml"
    sources.write_text("# what is said here stays\n", encoding="utf-8")
    dbt = tmp_path / "dbt"
    dbt.mkdir()
    return Settings(data_dir=tmp_path / "data", sources_file=sources, dbt_dir=dbt, _env_file=None)


@dataclass(frozen=True)
class Guesser:
    """Drafts the contract of one CSV file."""

    settings: Settings
    folder: Path

    def __call__(self, text: str | bytes, name: str = "things.csv") -> Draft:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return draft_source(self.settings, str(path), "shop")


@pytest.fixture
def guess(settings: Settings, tmp_path: Path) -> Guesser:
    return Guesser(settings, tmp_path)


def column_of(values: list[str], name: str = "thing") -> str:
    """A CSV text with one column of these values beside a row number."""
    rows = "".join(f'{i},"{value}"\n' for i, value in enumerate(values, 1))
    return f"id,{name}\n{rows}"


def line(draft: Draft, name: str) -> str:
    """The declaration of one column as if it stood on one line, from its type on."""
    for node in ast.walk(ast.parse(draft.contract)):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == name:
            text = " ".join(str(ast.get_source_segment(draft.contract, node)).split())
            return text.removeprefix(f"{name}: ").replace("( ", "(").replace(", )", ")")
    raise AssertionError(f"{name} is not declared in {draft.contract}")


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-20", "300"], "Integer"),
        (["1.5", "2", "-3.25"], "Money"),
        (["1.5", "2.1234"], "Annotated[pl.Decimal, 18, 4]"),
        (["1.500000", "2"], "Annotated[pl.Decimal, 18, 6]"),
        (["1.50000001", "2"], "Number"),
        (["1.5e10", "2"], "Number"),
        (["true", "False"], "Flag"),
        (["0", "1"], "Integer"),
        (["yes", "no"], "Text"),
        (["2024-01-31", "2024-02-29"], "Date"),
        (["2024-01-31 00:00:00", "2024-02-29 00:00:00"], "Date"),
        (["2024-01-31 00:00:00", "2024-02-29 10:30:00"], "Timestamp"),
        (["2024-01-31T10:30:00Z", "2024-02-29T10:30:00+02:00"], "Timestamp"),
        (["007", "012"], "Text"),
        (["+491", "+492"], "Text"),
        (["1234567890123456789", "12"], "Text"),
        (["123456789012345678", "12"], "Integer"),
        (["1_000", "2_000"], "Text"),
        (["0x1F", "12"], "Text"),
        (["1,234", "12,345"], "Text"),
        (["£51.77", "£12.00"], "Text"),
        (["1.2.10", "1.3.11"], "Text"),
        (["20240131", "20240229"], "Integer"),
    ],
)
def test_the_type_is_the_narrowest_that_changes_no_value(
    guess: Guesser, values: list[str], type_: str
) -> None:
    assert line(guess(column_of(values)), "thing").startswith(f"{type_} = ")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["8/16/2013", "7/4/2013"], 'Date = column("thing", "Thing.", formats=["%m/%d/%Y"])'),
        (["16/8/2013", "4/7/2013"], 'Date = column("thing", "Thing.", formats=["%d/%m/%Y"])'),
        (["31.12.2013", "4.7.2013"], 'Date = column("thing", "Thing.", formats=["%d.%m.%Y"])'),
        (["31-12-13", "04-07-13"], 'Date = column("thing", "Thing.", formats=["%d-%m-%y"])'),
        (["2013.12.31", "2013.7.4"], 'Date = column("thing", "Thing.", formats=["%Y.%m.%d"])'),
        (["4-Jul-2013", "31-Dec-2013"], 'Date = column("thing", "Thing.", formats=["%d-%b-%Y"'),
        (["7/4/2013 0:00", "8/16/2013 0:00"], 'formats=["%m/%d/%Y %H:%M"]'),
        (["7/4/2013 9:05 PM", "8/16/2013 1:00 AM"], 'formats=["%m/%d/%Y %I:%M %p"]'),
        (["31.12.2013 10:30:15", "04.07.2013 00:00:00"], "Timestamp = "),
        (["2013-07-04", "8/16/2013"], 'formats=["%Y-%m-%d", "%m/%d/%Y"]'),
    ],
)
def test_dates_are_read_in_the_format_they_are_written_in(
    guess: Guesser, values: list[str], expected: str
) -> None:
    assert expected in line(guess(column_of(values)), "thing")


def test_the_other_separator_decides_about_day_and_month(guess: Guesser) -> None:
    draft = guess(column_of(["07-04-2013", "08-01-2013", "8/16/2013"]))
    assert 'formats=["%m-%d-%Y", "%m/%d/%Y"]' in line(draft, "thing")
    assert not any("ASSUMED" in note for note in draft.to_review)


def test_each_separator_may_have_its_own_order(guess: Guesser) -> None:
    draft = guess(column_of(["31.12.2013", "30.11.2013", "12/31/2013"]))
    assert '"%d.%m.%Y"' in line(draft, "thing")
    assert '"%m/%d/%Y"' in line(draft, "thing")


def test_another_column_of_the_table_decides_about_day_and_month(guess: Guesser) -> None:
    draft = guess("id,ordered,sent\n1,1/2/2024,1/31/2024\n2,3/4/2024,3/5/2024\n")
    assert 'formats=["%m/%d/%Y"]' in line(draft, "ordered")
    assert any("ordered" in n and "as in the other dates" in n for n in draft.to_review)


def test_an_undecidable_order_of_day_and_month_is_said_loudly(guess: Guesser) -> None:
    draft = guess(column_of(["1/2/2024", "3/4/2024"]))
    assert 'formats=["%d/%m/%Y"]' in line(draft, "thing")
    assert any("ASSUMED" in note for note in draft.to_review)
    assert "# review: day or month first" in draft.contract


def test_contradicting_orders_of_day_and_month_stay_text(guess: Guesser) -> None:
    draft = guess(column_of(["31/12/2024", "12/31/2024"]))
    assert line(draft, "thing").startswith("Text = ")


def test_spellings_of_no_value_are_empty_in_a_number_and_stay_in_a_text(guess: Guesser) -> None:
    draft = guess("id,price,region\n1,1.50,NA\n2,N/A,EU\n3,-,NA\n")
    assert 'null_values=["-", "N/A"]' in line(draft, "price")
    assert "nullable=True" in line(draft, "price")
    assert line(draft, "region") == 'Text = column("region", "Region.")'
    assert any("things.price: read as empty" in note for note in draft.to_review)


def test_empty_values_make_a_column_optional(guess: Guesser) -> None:
    draft = guess('id,a,b,c\n1,,x,\n2,5,"",\n')
    assert line(draft, "a") == 'Integer = column("a", "A.", nullable=True)'
    assert "nullable=True" in line(draft, "b")
    assert line(draft, "c") == 'Text = column("c", "C.", nullable=True)'


def test_a_few_mistakes_among_many_numbers_are_named_not_followed(guess: Guesser) -> None:
    draft = guess(column_of([str(n) for n in range(400)] + ["twelve"]))
    assert line(draft, "thing").startswith("Integer = ")
    assert any("1 of 401 values" in n and "'twelve'" in n for n in draft.to_review)


def test_one_mistake_among_few_numbers_makes_the_column_text(guess: Guesser) -> None:
    draft = guess(column_of(["1", "2", "3", "4", "5", "twelve"]))
    assert line(draft, "thing").startswith("Text = ")
    assert any("'twelve'" in note for note in draft.to_review)


def test_one_leading_zero_among_many_numbers_makes_the_column_text(guess: Guesser) -> None:
    draft = guess(column_of([str(n) for n in range(1, 400)] + ["007"]))
    assert line(draft, "thing").startswith("Text = ")
    assert any("leading zeros" in note for note in draft.to_review)


def test_mistakes_in_personal_columns_are_not_shown(guess: Guesser) -> None:
    draft = guess(column_of([str(n) for n in range(400)] + ["Jane Doe"], "date_of_birth"))
    assert any("date_of_birth: 1 of 401" in note for note in draft.to_review)
    assert "Jane" not in draft.contract + " ".join(draft.to_review)


@pytest.mark.parametrize("name", ["phone", "zip", "postal_code", "ean", "home_phone"])
def test_digits_with_the_name_of_an_identifier_are_text(guess: Guesser, name: str) -> None:
    assert line(guess(column_of(["4012345", "4012346"], name)), name).startswith("Text = ")


def test_decimal_commas_are_understood_with_their_thousands(guess: Guesser) -> None:
    draft = guess("id;price;stock;weight\n1;1.234,56;1.200;7\n2;0,99;350;12\n")
    assert line(draft, "price") == 'Money = column("price", "Price.", decimal_mark=",")'
    assert line(draft, "stock") == 'Integer = column("stock", "Stock.", decimal_mark=",")'
    assert line(draft, "weight") == 'Integer = column("weight", "Weight.")'
    assert draft.source.options == {"files": {"things.csv": {"delimiter": ";"}}}


def test_points_beside_decimal_commas_are_not_thrown_away(guess: Guesser) -> None:
    draft = guess("id;price;rate\n1;1.234,56;0.5\n2;0,99;12.75\n")
    assert line(draft, "rate") == 'Money = column("rate", "Rate.")'


def test_a_unique_number_without_a_supporting_name_is_no_key(guess: Guesser) -> None:
    draft = guess("shop,price\nnorth,1.50\nnorth,2.50\nsouth,3\n")
    assert "key=" not in draft.contract
    assert any("keyless" in note for note in draft.to_review)


def test_a_cursor_needs_a_key_and_the_name_of_a_change(guess: Guesser) -> None:
    rows = "1,2024-01-01 10:00:00\n2,2024-01-02 11:00:00\n"
    assert 'cursor="updated_at"' in guess(f"id,updated_at\n{rows}").contract
    assert 'cursor="last_modified"' in guess(f"id,LastModified\n{rows}").contract
    assert "cursor=" not in guess(f"id,ordered_at\n{rows}").contract
    keyless = "n,2024-01-01 10:00:00\n" * 2
    assert "cursor=" not in guess(f"shop,updated_at\n{keyless}").contract


def test_a_guess_from_a_part_of_the_rows_says_so(
    guess: Guesser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "SAMPLE_ROWS", 2)
    draft = guess(column_of(["1", "2", "three"]))
    assert line(draft, "thing").startswith("Integer = ")
    assert "things: judged by its first 2 rows only" in draft.to_review
    assert "# review: judged by its first 2 rows only" in draft.contract


def test_a_table_without_rows_is_text_without_a_key(guess: Guesser) -> None:
    draft = guess("id,name\n")
    assert line(draft, "id") == 'Text = column("id", "Id.", nullable=True)'
    assert "key=" not in draft.contract


def test_names_survive_python_pandera_and_the_module(guess: Guesser) -> None:
    awkward = [
        "class",
        "Config",
        "schema",
        "validate",
        "_load_id",
        "column",
        "to json",
        "l",
        "rejected",
    ]
    names = column_names([*awkward, "% used", "Größe (cm)", "2nd", "a.b", "A B", "a_b"])
    assert [names[name] for name in awkward] == [
        "class_",
        "config",
        "schema",
        "validate_",
        "load_id",
        "column_",
        "to_json_",
        "l_",
        "rejected_",
    ]
    assert names["Größe (cm)"] == "grosse_cm"
    assert (names["a.b"], names["A B"], names["a_b"]) == ("a_b", "a_b_2", "a_b_3")
    header = ",".join(f'"{name}"' for name in names if name not in {"Config", "A B"})
    draft = guess(header + "\n" + ",".join("1" for _ in range(len(names) - 2)) + "\n")
    compile(draft.contract, "contract", "exec")


def test_tables_get_names_of_their_own() -> None:
    names = class_names(["Order Details", "order-details.csv", "Date", "2024_01", "顧客"])
    assert names == {
        "Order Details": "OrderDetails",
        "order-details.csv": "OrderDetails2",
        "Date": "DateTable",
        "2024_01": "N2024N01",
        "顧客": "N",
    }


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (b"a,b\n1,2\n", {}),
        ("a,b\n1,Müller\n".encode(), {}),
        ("a,b\n1,Müller\n".encode("utf-8-sig"), {"encoding": "utf-8-sig"}),
        ("a,b\n1,Müller\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("a,b\n1,Müller\n".encode("utf-16"), {"encoding": "utf-16"}),
        (b"a;b\n1;2,5\n3;4,5\n", {"delimiter": ";"}),
        (b"a\tb\n1\t2\n", {"delimiter": "\t"}),
        (b"a|b\n1|2\n", {"delimiter": "|"}),
        (b'a,b\n"x;y;z",1\n"u;v;w",2\n', {}),
        (b'a,b\n"two\nlines",1\n', {}),
        (b"a;b\n'x;y';1\n'z';2\n", {"delimiter": ";", "quote": "'"}),
        (b"a,b\n'x','y'\n'z','u'\n", {"quote": "'"}),
        (b"a\n1\n2\n", {}),
        (b"a,b\r\n1,2\r\n", {}),
    ],
)
def test_how_a_file_is_written_is_found_out(
    tmp_path: Path, content: bytes, options: dict[str, str]
) -> None:
    path = tmp_path / "things.csv"
    path.write_bytes(content)
    assert options_of(path) == options


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"a,,c\n1,2,3\n", "without a name"),
        (b"a,A\n1,2\n", "more than one column named"),
        (b"\x00\x01\x81\x8d", "neither UTF-8"),
    ],
)
def test_files_that_cannot_be_tables_are_refused_by_name(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "things.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=complaint) as error:
        options_of(path)
    assert str(path) in error.value.what
    assert error.value.remedy


# -- addresses and names ---------------------------------------------------------------------


def test_paths_below_the_data_folder_are_written_relative_to_it(settings: Settings) -> None:
    file = settings.data_dir / "in" / "things.csv"
    file.parent.mkdir(parents=True)
    file.write_text("id\n1\n")
    assert draft_source(settings, str(file), "shop").source.address == "{data_dir}/in/things.csv"


def test_a_sqlite_file_is_known_by_its_ending(settings: Settings, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as db:
        db.execute("create table t (id integer primary key, photo blob, data blob)")
        db.execute("insert into t values (1, x'ff00', cast('text' as blob))")
    draft = draft_source(settings, str(tmp_path / "shop.db"), "shop")
    assert draft.source.address == f"sqlite:///{tmp_path}/shop.db"
    assert line(draft, "photo").startswith("Binary = ")
    assert line(draft, "data").startswith("Text = ")


@pytest.mark.parametrize(
    ("address", "written", "variables"),
    [
        ("postgresql://u:p%40ss@h/db", "postgresql://u:${SHOP_PASSWORD}@h/db", ["SHOP_PASSWORD"]),
        ("mysql://u:a/b#c?d@h/db", "mysql://u:${SHOP_PASSWORD}@h/db", ["SHOP_PASSWORD"]),
        (
            "postgres://u@h/db?password=secret&x=1",
            "postgresql://u@h/db?password=${SHOP_PASSWORD}&x=1",
            ["SHOP_PASSWORD"],
        ),
        ("postgresql://u:${PW}@h/db", "postgresql://u:${PW}@h/db", []),
        ("postgresql://u@h/db", "postgresql://u@h/db", []),
    ],
)
def test_passwords_are_named_and_not_written(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    written: str,
    variables: list[str],
) -> None:
    from inventory_platform.onboarding.address import locate

    monkeypatch.setenv("PW", "secret")
    place = locate(address, "shop", settings)
    assert place.written == written
    assert [v for v in variables if not any(v in note for note in place.notes)] == []
    assert len(place.notes) == len(variables)


def test_an_unreachable_server_is_named_without_its_password(settings: Settings) -> None:
    with pytest.raises(InventoryError) as error:
        draft_source(settings, "postgresql://u:s3cret@127.0.0.1:1/db?connect_timeout=1", "shop")
    assert "s3cret" not in str(error.value)
    assert error.value.remedy


@pytest.mark.parametrize("name", ["Shop", "2shop", "shop__x", "shop_", "a-b", "base", "dbt_files"])
def test_unusable_names_are_refused(settings: Settings, tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError) as error:
        draft_source(settings, str(tmp_path), name)
    assert name in error.value.what


def test_a_folder_without_tables_is_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="has no tables"):
        draft_source(settings, str(tmp_path / "empty"), "shop")


@pytest.mark.parametrize(
    ("address", "complaint"),
    [("missing.csv", "nothing at"), ("sqlite:///missing.db", "nothing at")],
)
def test_what_is_not_there_is_refused(settings: Settings, address: str, complaint: str) -> None:
    with pytest.raises(SourceError, match=complaint):
        draft_source(settings, address, "shop")


def test_files_of_other_kinds_are_refused(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "book.xlsx").write_bytes(b"PK")
    with pytest.raises(SourceError, match="of no kind"):
        draft_source(settings, str(tmp_path / "book.xlsx"), "shop")


# -- writing ---------------------------------------------------------------------------------


@pytest.fixture
def contracts_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A second folder of contracts, so that none is written among the project's."""
    folder = tmp_path / "contracts"
    folder.mkdir()
    monkeypatch.setattr(write, "contract_path", lambda name: folder / f"{name}.py")
    monkeypatch.setattr(contracts_package, "__path__", [*contracts_package.__path__, str(folder)])
    yield folder
    for name in [m for m in sys.modules if m.startswith(f"{contracts_package.__name__}.")]:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def add_and_load(settings: Settings, address: str, name: str) -> tuple[Added, dict[str, Any]]:
    """Add a source and load it; returns each table's load."""
    added = add_source(settings, address, name, description="A shop.", owner="team:shop")
    registry = read_registry(settings)
    loader = registry.loader(registry.sources[name])
    return added, {t: loader.load(c) for t, c in registry.of_source(name).items()}


def test_one_command_writes_all_that_is_needed(
    settings: Settings, tmp_path: Path, contracts_folder: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "customers.csv").write_bytes("no;name\n1;Müller\n".encode("cp1252"))
    with duckdb.connect() as con:
        con.execute(
            "copy (select 1 as id, 2.5::decimal(10, 3) as weight, 9::ubigint as big, "
            "timestamptz '2024-01-01 12:00:00+02' as seen, uuid() as tag, [1, 2] as list) "
            f"to '{files}/parcels.parquet'"
        )
    added, loads = add_and_load(settings, str(files), "shop_one")
    assert added.tables == ["shop_one__customers", "shop_one__parcels"]
    assert added.contract_file == contracts_folder / "shop_one.py"
    assert all(path.is_file() for path in [added.sources_file, *added.dbt_files])
    assert {p.suffix for p in added.dbt_files} == {".sql", ".yml"}
    written = settings.sources_file.read_text(encoding="utf-8")
    assert written.startswith("# what is said here stays\n")
    assert tomllib.loads(written) == {
        "shop_one": {
            "address": str(files),
            "description": "A shop.",
            "files": {"customers.csv": {"encoding": "cp1252", "delimiter": ";"}},
        }
    }
    assert {t: r.rows_loaded for t, r in loads.items()} == {"customers": 1, "parcels": 1}
    contract = added.contract_file.read_text(encoding="utf-8")
    assert 'owner="team:shop"' in contract
    assert "weight: Annotated[pl.Decimal, 10, 3]" in contract
    assert "big: Annotated[pl.Decimal, 20, 0]" in contract
    assert "seen: Timestamp" in contract
    with pytest.raises(SettingsError, match="already has a source"):
        add_source(settings, str(files), "shop_one")


@pytest.mark.parametrize("step", ["write_dbt_files", "read_catalog", "contracts_of"])
@pytest.mark.parametrize("failure", [OSError("No space left on device"), KeyboardInterrupt()])
def test_nothing_stays_when_a_step_fails(
    settings: Settings,
    tmp_path: Path,
    contracts_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    failure: BaseException,
) -> None:
    (tmp_path / "things.csv").write_text("id\n1\n")
    before = settings.sources_file.read_text()
    draft = draft_source(settings, str(tmp_path / "things.csv"), "shop_two")
    real = getattr(write, step)

    def fail(*given: Any) -> Any:
        if step == "write_dbt_files":
            real(*given)
        raise failure

    monkeypatch.setattr(write, step, fail)
    with pytest.raises(InventoryError if isinstance(failure, OSError) else KeyboardInterrupt):
        write.write_source(settings, draft.source, draft.contract)
    assert settings.sources_file.read_text() == before
    assert [p for p in contracts_folder.rglob("*") if p.is_file()] == []
    assert [p for p in settings.dbt_dir.rglob("*") if p.is_file()] == []
    monkeypatch.undo()


def test_staging_models_of_an_earlier_life_are_kept(
    settings: Settings, tmp_path: Path, contracts_folder: Path
) -> None:
    (tmp_path / "things.csv").write_text("id\n1\n")
    folder = settings.dbt_dir / "models" / "staging" / "shop_three"
    folder.mkdir(parents=True)
    (folder / "stg_shop_three__things.sql").write_text("-- edited by hand")
    added = add_source(settings, str(tmp_path / "things.csv"), "shop_three")
    assert (folder / "stg_shop_three__things.sql").read_text() == "-- edited by hand"
    assert folder / "stg_shop_three__things.sql" not in added.dbt_files


def test_awkward_contracts_pass_the_linters_and_load(
    settings: Settings, tmp_path: Path, contracts_folder: Path
) -> None:
    long = "a column whose name goes on and on, " * 4
    header = [
        "class",
        "validate",
        'say "hi"',
        "it's",
        "back\\slash",
        "l",
        long,
        "Gr\u00f6\u00dfe \u2013",
        "1st",
    ]
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in header)
    rows = "".join(f"{i},N/A,-,?,none,nil,NULL,{i}.5,2024-01-0{i}\n" for i in range(1, 4))
    (tmp_path / "odd.csv").write_text(f"{quoted}\n{rows}", encoding="utf-8")
    added, loads = add_and_load(settings, str(tmp_path / "odd.csv"), "shop_odd")
    assert loads["odd"].rows_loaded == 3
    as_contracts = ["--extend-per-file-ignores", "*.py:D106"]
    for command in (["check", *as_contracts], ["format", "--check"]):
        result = subprocess.run(
            [BIN / "ruff", *command, "--config", PROJECT / "pyproject.toml", added.contract_file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + added.contract_file.read_text()


def test_a_keyless_table_is_deduplicated_when_it_is_loaded_again(
    settings: Settings, contracts_folder: Path
) -> None:
    if not DATA.is_dir():
        pytest.skip(f"the public sample data is not at {DATA}")
    _, first = add_and_load(settings, str(DATA / "data_jobs_salaries"), "jobs_again")
    registry = read_registry(settings)
    loader = registry.loader(registry.sources["jobs_again"])
    second = loader.load(registry.of_source("jobs_again")["ds_salaries2023"])
    assert first["ds_salaries2023"].rows_loaded == 3755
    assert (second.rows_loaded, second.rows_deduplicated) == (0, 3755)


@pytest.mark.slow
def test_generated_contracts_are_strictly_typed(
    settings: Settings, tmp_path: Path, contracts_folder: Path
) -> None:
    (tmp_path / "odd.csv").write_text("class,b,c,d\n1,1.5,1.2345,2024-01-01\n")
    added = add_source(settings, str(tmp_path / "odd.csv"), "shop_typed")
    result = subprocess.run(
        [BIN / "mypy", "--config-file", PROJECT / "pyproject.toml", added.contract_file],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_lines_that_cannot_be_split_are_counted_and_quarantined(
    settings: Settings, tmp_path: Path, contracts_folder: Path
) -> None:
    (tmp_path / "cut.csv").write_text("id,a,b\n1,x,y\n2,x\n3,x,y\n")
    added, loads = add_and_load(settings, str(tmp_path / "cut.csv"), "shop_cut")
    assert any("1 lines cannot be split" in note for note in added.to_review)
    assert (loads["cut"].rows_loaded, loads["cut"].rows_quarantined) == (2, 1)


@pytest.mark.slow
def test_a_postgres_database_is_added_by_its_declarations(
    settings: Settings, contracts_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_postgres() as server:
        server.psql(
            "create schema sales; "
            "create table customers (id serial primary key, email text not null, code varchar(5)); "
            "create table sales.orders (order_no text primary key, customer_id int not null "
            "references customers, total numeric, price numeric(10,2) not null, "
            "at timestamptz not null, updated_at timestamp not null, raw bytea, info jsonb, "
            "paid boolean, tag uuid); "
            "insert into customers (email, code) values ('a@b.c', '007'), ('d@e.f', '008'); "
            "insert into sales.orders values ('A1', 1, 1.234, 9.99, '2024-01-01 12:00+02', "
            "'2024-01-01 13:00', '\\xff', '{\"a\": 1}', true, gen_random_uuid()), "
            "('A2', 2, null, 5, '2024-06-01 12:00+02', '2024-06-01 13:00', null, null, null, null)"
        )
        added, loads = add_and_load(settings, server.get_uri(), "pg")
        contract = added.contract_file.read_text()
        draft = Draft(read_catalog(settings)["pg"], contract, "", [], [])
        assert added.tables == ["pg__customers", "pg__sales_orders"]
        assert line(draft, "code") == 'Text = column("code", "Code.", nullable=True)'
        assert line(draft, "total").startswith("Annotated[pl.Decimal, 18, 4] = ")
        assert line(draft, "price") == 'Money = column("price", "Price.")'
        assert line(draft, "at").startswith("Timestamp = ")
        assert line(draft, "raw").startswith("Binary = ")
        assert line(draft, "info").startswith("Text = ")
        assert line(draft, "paid").startswith("Flag = ")
        assert 'key=["order_no"]' in contract
        assert 'cursor="updated_at"' in contract
        assert '"customer_id": "customers.id"' in contract
        assert {t: r.rows_loaded for t, r in loads.items()} == {"customers": 2, "sales_orders": 2}
        with duck.connect(settings) as con:
            contracts = read_registry(settings).of_source("pg").values()
            create_views(con, Lake(settings.lake_dir), contracts)
            row = con.execute(
                'select cast("at" as varchar), cast(total as varchar) from raw.pg__sales_orders '
                "where order_no = 'A1'"
            ).fetchone()
        assert row == ("2024-01-01 10:00:00", "1.2340")
