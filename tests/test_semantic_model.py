"""The semantic model for Power BI: a star, made of contracts, written as Power BI reads it.

Power BI itself runs on Windows alone. Here belongs what can be held without it: what the model may
be made of, that the files are those of the model, and that their structure is what TMDL asks for.
That the measures give the key figures is in `e2e/test_power_bi.py`, on a whole run.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.errors import ContractError
from inventory_platform.publishing.marts import Mart, MartColumn, read_marts
from inventory_platform.publishing.power_bi import (
    EXPOSURE_FILE,
    REPORT,
    ReadFrom,
    exposure_file,
    project_files,
    write_project,
)
from inventory_platform.publishing.semantic_model import (
    MEASURES_FILE,
    MODEL_FILE,
    Relationship,
    SemanticModel,
    read_model,
)
from inventory_platform.registry import read_registry
from inventory_platform.settings import PROJECT_DIR, Settings

POWERBI = PROJECT_DIR / "powerbi"
MADE_BY_HAND = {MODEL_FILE, MEASURES_FILE}


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return json.loads(prepare_manifest(read_registry(Settings())).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def marts(manifest: dict[str, Any]) -> dict[str, Mart]:
    return read_marts(manifest)


@pytest.fixture(scope="module")
def model(marts: dict[str, Mart]) -> SemanticModel:
    return read_model(POWERBI, marts)


@pytest.fixture(scope="module")
def files(model: SemanticModel) -> dict[str, str]:
    return project_files(model, ReadFrom.folder)


# The project's own model.


def test_the_committed_project_is_that_of_the_model(files: dict[str, str]) -> None:
    committed = {
        str(path.relative_to(POWERBI)): path.read_text(encoding="utf-8")
        for path in POWERBI.rglob("*")
        if path.is_file() and ".pbi" not in path.parts
    }
    # The report is drawn by people once it is there.
    drawn = {path for path in committed if path.startswith(f"{REPORT}/")}
    written = {path: text for path, text in files.items() if not path.startswith(f"{REPORT}/")}
    for path in MADE_BY_HAND | drawn:
        committed.pop(path)
    assert committed.keys() == written.keys()
    for path, text in written.items():
        assert committed[path] == text, f"{path} is out of date: run `inventory powerbi`"


def test_the_committed_exposure_is_that_of_the_model(model: SemanticModel) -> None:
    committed = (PROJECT_DIR / "dbt_project" / EXPOSURE_FILE).read_text(encoding="utf-8")
    assert committed == exposure_file(model), "run `inventory powerbi`"


def test_exposures_depend_on_public_marts_under_contract_alone(
    manifest: dict[str, Any], marts: dict[str, Mart]
) -> None:
    assert {e["name"] for e in manifest["exposures"].values()} >= {"power_bi", "dashboard"}
    for exposure in manifest["exposures"].values():
        for node in exposure["depends_on"]["nodes"]:
            mart = marts.get(node.rpartition(".")[2])
            assert mart is not None, f"{exposure['name']} depends on {node}, which is no mart"
            assert mart.is_public, node
            assert mart.is_contracted, node


def test_every_relation_that_dbt_tests_between_tables_of_the_model_is_in_it(
    manifest: dict[str, Any], model: SemanticModel
) -> None:
    related = {(r.table, r.column, r.dimension, r.key) for r in model.relationships}
    tested = set()
    for node in manifest["nodes"].values():
        metadata = node.get("test_metadata") or {}
        if metadata.get("name") == "relationships":
            table = str(node["attached_node"]).rpartition(".")[2]
            to = re.findall(r"ref\('(\w+)'\)", metadata["kwargs"]["to"])[0]
            if table in model.tables and to in model.keys:
                tested.add((table, node["column_name"], to, metadata["kwargs"]["field"]))
    assert len(tested) > 20
    assert tested <= related


def test_filters_reach_each_table_in_one_way(model: SemanticModel) -> None:
    ways = Counter((r.dimension, r.table) for r in model.relationships if r.is_active)
    assert set(ways.values()) == {1}
    # What is filtered filters nothing else, so there is no longer way either.
    assert not {r.table for r in model.relationships} & {r.dimension for r in model.relationships}
    assert {r.dimension for r in model.relationships} == set(model.keys)


def test_both_sides_of_a_relationship_have_the_same_type(model: SemanticModel) -> None:
    def type_of(table: str, column: str) -> str:
        return model.tables[table].columns[column].data_type

    for r in model.relationships:
        assert type_of(r.table, r.column) == type_of(r.dimension, r.key), r


# The files.


@dataclass
class Node:
    """An object of TMDL: what it is, its properties, the objects in it."""

    kind: str
    name: str
    value: str = ""
    description: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)

    def of_kind(self, kind: str) -> list[Node]:
        return [child for child in self.children if child.kind == kind]


OBJECTS = ("database", "model", "table", "column", "measure", "partition", "relationship")
OBJECTS += ("expression", "annotation", "ref", "dataAccessOptions")
HEAD = re.compile(rf"({'|'.join(OBJECTS)})(?: ('(?:[^']|'')+'|[\w-]+))?(?: ([\w-]+))?(?: = (.+))?$")


def parse(text: str) -> list[Node]:
    """Read TMDL by its indentation; what is no object and no property is refused."""
    root = Node("file", "")
    stack = [root]
    described = ""
    expression: tuple[int, list[str]] | None = None
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip("\t"))
        if expression and (depth >= expression[0] or not line):
            expression[1].append(line)
            continue
        expression = None
        if not line:
            continue
        assert not line[depth:].startswith(" "), f"blanks instead of tabs: {line!r}"
        assert line == line.rstrip(), f"blanks at the end: {line!r}"
        assert depth < len(stack) + 1, f"indented too far: {line!r}"
        body = line[depth:]
        if body.startswith("///"):
            described = body[4:]
            continue
        del stack[depth + 1 :]
        parent = stack[-1]
        if found := HEAD.match(body):
            kind, name, extra, value = found.groups()
            node = Node(kind, (name or "").strip("'"), value or extra or "", described)
            parent.children.append(node)
            stack.append(node)
        elif found := re.match(r"(\w+): (.+)$", body):
            assert found[1] not in parent.properties, f"twice: {line!r}"
            parent.properties[found[1]] = found[2]
        elif re.match(r"\w+ =$", body):
            lines: list[str] = []
            # An expression stands deeper than the properties beside it.
            expression = (depth + 1, lines)
            parent.properties[body.split()[0]] = "M"
        else:
            assert re.fullmatch(r"is\w+|legacyRedirects|returnErrorValuesAsNull", body), line
            parent.properties[body] = "true"
        described = ""
    return root.children


@pytest.mark.parametrize(
    "text",
    [
        "table a\n    column b\n",
        "table a\n\t\t\tcolumn b\n",
        "table a\n\tcolour red\n",
        "table a\n\tlineageTag: x\n\tlineageTag: y\n",
        "table a \n",
    ],
)
def test_the_reader_of_these_tests_refuses_what_is_no_tmdl(text: str) -> None:
    with pytest.raises(AssertionError):
        parse(text)


@pytest.fixture(scope="module")
def definition(files: dict[str, str]) -> dict[str, list[Node]]:
    return {path: parse(text) for path, text in files.items() if path.endswith(".tmdl")}


@pytest.fixture(scope="module")
def tables(definition: dict[str, list[Node]]) -> dict[str, Node]:
    return {
        node.name: node
        for path, nodes in definition.items()
        for node in nodes
        if path.partition("/tables/")[1]
    }


def of_file(definition: Mapping[str, list[Node]], name: str) -> list[Node]:
    return definition[f"Inventory.SemanticModel/definition/{name}.tmdl"]


def everything(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        yield from everything(node.children)


def test_every_table_and_column_says_what_it_is_and_has_a_type(
    tables: dict[str, Node], model: SemanticModel
) -> None:
    assert tables.keys() == model.tables.keys()
    types = {"string", "int64", "double", "decimal", "boolean", "dateTime"}
    for name, table in tables.items():
        assert table.description, name
        columns = table.of_kind("column")
        assert [c.name for c in columns] == [*model.tables[name].columns]
        for column in columns:
            assert column.description, f"{name}.{column.name}"
            assert column.properties["dataType"] in types, f"{name}.{column.name}"
            assert column.properties["sourceColumn"] == column.name
            assert column.properties["summarizeBy"] == "none"
            order = column.properties.get("sortByColumn", column.name)
            assert order in {c.name for c in columns}
        for measure in table.of_kind("measure"):
            assert measure.description, measure.name
            assert measure.value, measure.name
        (partition,) = table.of_kind("partition")
        assert (partition.name, partition.value) == (name, "m")
        assert partition.properties == {"mode": "import", "source": "M"}


def test_every_identifier_is_there_once(definition: dict[str, list[Node]]) -> None:
    nodes = [node for found in definition.values() for node in everything(found)]
    tags = [n.properties["lineageTag"] for n in nodes if "lineageTag" in n.properties]
    tags += [node.name for node in nodes if node.kind == "relationship"]
    assert len(tags) > 400
    assert {str(UUID(tag)) for tag in tags} == set(tags)
    assert len(set(tags)) == len(tags)


def test_what_the_files_refer_to_is_there(
    definition: dict[str, list[Node]], tables: dict[str, Node]
) -> None:
    columns = {f"{t}.{c.name}": c for t, table in tables.items() for c in table.of_kind("column")}
    for relationship in of_file(definition, "relationships"):
        assert relationship.properties["fromColumn"] in columns
        assert columns[relationship.properties["toColumn"]].properties["isKey"] == "true"
        assert columns[relationship.properties["fromColumn"]].properties["isHidden"] == "true"
    (database,) = of_file(definition, "database")
    assert database.properties == {"compatibilityLevel": "1600"}
    (whole, *rest) = of_file(definition, "model")
    assert whole.kind == "model"
    assert [node.value for node in rest if node.kind == "ref"] == list(tables)
    assert [node.name for node in of_file(definition, "expressions")] == ["PublishedFolder"]
    measures = [m.name for table in tables.values() for m in table.of_kind("measure")]
    for table in tables.values():
        for measure in table.of_kind("measure"):
            for owner, column in re.findall(r"(\w+)\[(\w+)\]", measure.value):
                assert f"{owner}.{column}" in columns, measure.name
            for name in re.findall(r"(?<!\w)\[([^\]]+)\]", measure.value):
                assert name in measures, measure.name
            assert measure.value.count("(") == measure.value.count(")"), measure.name


def test_the_calendar_is_marked_as_one(tables: dict[str, Node], model: SemanticModel) -> None:
    assert model.calendar == "dim_dates"
    marked = [name for name, t in tables.items() if t.properties.get("dataCategory") == "Time"]
    assert marked == ["dim_dates"]


def test_the_json_files_hang_together(files: dict[str, str]) -> None:
    read = {path: json.loads(text) for path, text in files.items() if text.startswith("{")}
    (artifact,) = read["Inventory.pbip"]["artifacts"]
    assert artifact == {"report": {"path": REPORT}}
    reference = read[f"{REPORT}/definition.pbir"]["datasetReference"]
    assert reference == {"byPath": {"path": "../Inventory.SemanticModel"}}
    pages = read[f"{REPORT}/definition/pages/pages.json"]
    for page in pages["pageOrder"]:
        assert read[f"{REPORT}/definition/pages/{page}/page.json"]["name"] == page
    connections = [content for path, content in read.items() if path.endswith(".pbids")]
    modes = [content["connections"][0]["mode"] for content in connections]
    assert modes == ["Import", "DirectQuery"]


def test_from_postgres_tables_are_asked_directly(model: SemanticModel) -> None:
    written = project_files(model, ReadFrom.postgres)
    orders = written["Inventory.SemanticModel/definition/tables/fct_orders.tmdl"]
    assert "\t\tmode: directQuery\n" in orders
    assert 'Source{[Schema="marts",Item="fct_orders"]}[Data]' in orders
    assert "Parquet" not in orders
    expressions = parse(written["Inventory.SemanticModel/definition/expressions.tmdl"])
    assert [node.name for node in expressions] == ["PostgresServer", "PostgresDatabase"]


def test_writing_removes_tables_that_are_gone_and_leaves_a_report(
    files: dict[str, str], tmp_path: Path
) -> None:
    write_project(files, tmp_path)
    gone = tmp_path / "Inventory.SemanticModel" / "definition" / "tables" / "fct_gone.tmdl"
    gone.write_text("table fct_gone\n")
    page = tmp_path / REPORT / "definition" / "pages" / "pages.json"
    page.write_text("drawn")
    write_project(files, tmp_path)
    assert not gone.exists()
    assert page.read_text() == "drawn"


# What a model may be made of, on a small star.


def mart(name: str, *columns: tuple[str, str], public: bool = True) -> Mart:
    made = {column: MartColumn(f"The {column}.", data_type=kind) for column, kind in columns}
    return Mart(name, "Rows.", made, question="What?", is_public=public, is_contracted=True)


STAR = {
    "dim_dates": mart("dim_dates", ("date_day", "date")),
    "dim_things": mart("dim_things", ("thing_id", "string"), ("kind", "string")),
    "fct_sales": mart(
        *("fct_sales", ("thing_id", "string"), ("sale_date", "date"), ("paid_date", "date")),
        *(("amount", "decimal(18,4)"), ("cost", "decimal(18,6)"), ("is_sale", "boolean")),
    ),
    "kpi_sums": mart("kpi_sums", ("amount", "decimal(18,2)")),
}
DECLARED = """
[dimensions]
dim_dates = "date_day"
dim_things = "thing_id"
[dates]
fct_sales = "sale_date"
[sorted_by]
[left_out]
kpi_sums = "The measures give the same."
"""
HEADER = """
[[measure]]
name = "{name}"
table = "fct_sales"
folder = "Sales"
format = "money"
description = "Money."
"""


def measure(name: str, *lines: str) -> str:
    return HEADER.format(name=name) + "\n".join(lines)


def small(
    folder: Path, measures: str = "measure = []", declared: str = DECLARED, **others: Mart
) -> SemanticModel:
    (folder / MODEL_FILE).write_text(declared)
    (folder / MEASURES_FILE).write_text(measures)
    return read_model(folder, STAR | others)


def test_columns_named_like_a_key_refer_to_its_dimension(tmp_path: Path) -> None:
    model = small(tmp_path)
    assert set(model.relationships) == {
        Relationship("fct_sales", "sale_date", "dim_dates", "date_day"),
        Relationship("fct_sales", "thing_id", "dim_things", "thing_id"),
    }
    assert model.is_hidden("fct_sales", "thing_id")
    assert not model.is_hidden("dim_things", "thing_id")
    assert "kpi_sums" not in model.tables


def test_measures_are_said_in_dax_and_in_sql(tmp_path: Path) -> None:
    text = (
        measure("Sold", 'sum = "amount"', "where = { is_sale = true }", 'known = ["cost"]')
        + measure("Other", "count = true", "unless = { is_sale = false }")
        + measure("Kinds", 'distinct = "thing_id"', 'where = { thing_id = ["a", "b"] }')
        + measure("Latest", 'sum = "amount"', "on_last_day = true")
        + measure("Paid", 'sum = "amount"', 'day = "paid_date"')
        + measure("Left", 'formula = "[Sold] - [Other]"')
        + measure("Share", 'formula = "[Sold] / [Other]"')
        + measure("Free", "dax = 'CALCULATE([Sold], ALL(dim_dates[date_day]))'")
    )
    model = small(tmp_path, text)
    said = {name: (model.dax(m), model.sql(m)) for name, m in model.measures.items()}
    sold = '(select sum("amount") from "fct_sales" where "is_sale" = true and "cost" is not null)'
    other = '(select count(*) from "fct_sales" where not coalesce("is_sale" = false, false))'
    assert said == {
        "Sold": (
            "CALCULATE(SUM(fct_sales[amount]), KEEPFILTERS(fct_sales[is_sale] == TRUE()), "
            "KEEPFILTERS(NOT ISBLANK(fct_sales[cost])))",
            sold,
        ),
        "Other": (
            "CALCULATE(COUNTROWS(fct_sales), KEEPFILTERS(NOT (fct_sales[is_sale] == FALSE())))",
            other,
        ),
        "Kinds": (
            "CALCULATE(DISTINCTCOUNTNOBLANK(fct_sales[thing_id]), "
            'KEEPFILTERS(fct_sales[thing_id] IN {"a", "b"}))',
            '(select count(distinct "thing_id") from "fct_sales" '
            "where \"thing_id\" in ('a', 'b'))",
        ),
        "Latest": (
            "CALCULATE(SUM(fct_sales[amount]), LASTDATE(dim_dates[date_day]))",
            '(select sum("amount") from "fct_sales" '
            'where "sale_date" = (select max("date_day") from dim_dates))',
        ),
        "Paid": (
            "CALCULATE(SUM(fct_sales[amount]), "
            "USERELATIONSHIP(fct_sales[paid_date], dim_dates[date_day]))",
            '(select sum("amount") from "fct_sales")',
        ),
        "Left": ("[Sold] - [Other]", f"(coalesce({sold}, 0) - coalesce({other}, 0))"),
        "Share": ("DIVIDE([Sold], [Other])", f"cast({sold} as double) / nullif({other}, 0)"),
        "Free": ("CALCULATE([Sold], ALL(dim_dates[date_day]))", None),
    }


def test_a_comparison_over_weeks_takes_only_days_that_the_calendar_has_twice(
    tmp_path: Path,
) -> None:
    text = measure("Before", 'sum = "amount"', "weeks_before = 1")
    text += measure("Now", 'sum = "amount"', "has_weeks_before = 1")
    text += measure("Gained", 'formula = "[Now] - [Before]"')
    text += measure("Growth", 'formula = "[Gained] / [Before]"')
    model = small(tmp_path, text)
    day = "dim_dates[date_day]"
    assert [model.dax(model.measures[name]) for name in ("Before", "Now")] == [
        f"CALCULATE(SUM(fct_sales[amount]), DATEADD({day}, -7, DAY))",
        f"CALCULATE(SUM(fct_sales[amount]), "
        f"FILTER(VALUES({day}), {day} - 7 >= MINX(ALL({day}), {day})))",
    ]

    def values(days: int) -> list[float | None]:
        """Of a business that sells 1 on its first day, 2 on its second, and so on."""
        with duckdb.connect() as con:
            con.execute(
                "create table dim_dates as "
                f"select date '2026-01-01' + i::int as date_day from range({days}) t(i)"
            )
            con.execute(
                "create table fct_sales as select date_day as sale_date, "
                "date_day - date '2025-12-31' as amount from dim_dates"
            )
            said = ", ".join(str(model.sql(m)) for m in model.measures.values())
            return list(con.sql(f"select {said}").fetchall()[0])

    assert values(9) == [1 + 2, 8 + 9, 14, pytest.approx(14 / 3)]
    assert values(7) == [None, None, 0, None]


def test_a_formula_gives_way_to_another_where_its_dimension_is_filtered(tmp_path: Path) -> None:
    text = measure("Sold", 'sum = "amount"') + measure("Sales", "count = true")
    text += measure("Things", 'distinct = "thing_id"')
    text += measure(
        "Each",
        'formula = "[Sold] / [Sales]"',
        'when_filtered = { dim_things = "[Sold] / [Things]" }',
    )
    model = small(tmp_path, text)
    each = model.measures["Each"]
    assert model.dax(each) == (
        "IF(ISCROSSFILTERED(dim_things), DIVIDE([Sold], [Things]), DIVIDE([Sold], [Sales]))"
    )
    sold = 'cast((select sum("amount") from "fct_sales") as double)'
    by_sales = f'{sold} / nullif((select count(*) from "fct_sales"), 0)'
    by_things = f'{sold} / nullif((select count(distinct "thing_id") from "fct_sales"), 0)'
    assert model.sql(each) == by_sales
    assert model.sql(each, "dim_things") == by_things


def test_rows_count_from_a_number_on(tmp_path: Path) -> None:
    model = small(tmp_path, measure("Large", "count = true", "at_least = { amount = 5 }"))
    large = model.measures["Large"]
    assert model.dax(large) == (
        "CALCULATE(COUNTROWS(fct_sales), KEEPFILTERS(fct_sales[amount] >= 5))"
    )
    assert model.sql(large) == '(select count(*) from "fct_sales" where "amount" >= 5)'


def test_a_day_of_a_measure_filters_only_where_it_is_asked_to(tmp_path: Path) -> None:
    model = small(tmp_path, measure("Paid", 'sum = "amount"', 'day = "paid_date"'))
    paid = Relationship("fct_sales", "paid_date", "dim_dates", "date_day", is_active=False)
    assert [r for r in model.relationships if not r.is_active] == [paid]
    written = project_files(model, ReadFrom.folder)
    said = parse(written["Inventory.SemanticModel/definition/relationships.tmdl"])
    (asked,) = [node for node in said if "isActive" in node.properties]
    assert asked.properties["isActive"] == "false"
    assert asked.properties["fromColumn"] == "fct_sales.paid_date"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['sum = "profit"'], "column fct_sales.profit"),
        (['sum = "amount"', "where = { is_paid = true }"], "column fct_sales.is_paid"),
        (['sum = "amount"', 'day = "cost"'], "day fct_sales.cost"),
        (["dax = 'SUM(fct_sales[profit])'"], "column fct_sales.profit"),
        (["dax = 'SUM(kpi_sums[amount])'"], "column kpi_sums.amount"),
        (['formula = "[Profit] / [Amount sold]"'], "measure [Profit]"),
        (["dax = 'CALCULATE([Profit])'"], "measure [Profit]"),
        (['formula = "[Amount sold] / [Amount sold] + 1"'], "formula"),
        (['sum = "amount"', "at_least = { profit = 1 }"], "column fct_sales.profit"),
        (
            ['formula = "[Amount sold]"', 'when_filtered = { dim_stuff = "[Amount sold]" }'],
            "dimension dim_stuff",
        ),
        (
            ['formula = "[Amount sold]"', 'when_filtered = { dim_things = "[Profit]" }'],
            "measure [Profit]",
        ),
        (['sum = "amount"', 'when_filtered = { dim_things = "[Amount sold]" }'], "a formula"),
        (['sum = "amount"', "count = true"], "exactly one of"),
        ([], "exactly one of"),
        (['sum = "amount"', 'colour = "red"'], "colour"),
        (['sum = "amount"', "[broken"], "cannot be read"),
    ],
    ids=str,
)
def test_a_measure_of_what_no_contract_knows_is_refused_by_name(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    text = measure("Amount sold", 'sum = "amount"') + measure("Wrong", *lines)
    with pytest.raises(ContractError, match=re.escape(said)):
        small(tmp_path, text)


@pytest.mark.parametrize("name", ["Amount sold", "AMOUNT SOLD", "Amount", "kind"])
def test_a_measure_needs_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    text = measure("Amount sold", 'sum = "amount"') + measure(name, "count = true")
    with pytest.raises(ContractError, match=r"there twice|a column has it"):
        small(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"sale_date"', '"day"', "fct_sales.day"),
        ('"sale_date"', '"amount"', "day fct_sales.amount"),
        ('dim_things = "thing_id"', 'dim_stuff = "thing_id"', "dim_stuff.thing_id"),
        ("[sorted_by]", '[sorted_by]\n"dim_things.kind" = "rank"', "dim_things.rank"),
        ("kpi_sums", "kpi_gone", "mart kpi_gone"),
        ('dim_dates = "date_day"', "", "Exactly one dimension"),
        ("[left_out]", "[left]", "left"),
    ],
    ids=str,
)
def test_a_declaration_of_what_no_contract_knows_is_refused_by_name(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in DECLARED
    with pytest.raises(ContractError, match=re.escape(said)):
        small(tmp_path, declared=DECLARED.replace(old, new))


def test_a_mart_that_is_private_or_without_contract_is_refused(tmp_path: Path) -> None:
    closed = mart("fct_own", ("thing_id", "string"), public=False)
    with pytest.raises(ContractError, match="no report may build on it: fct_own"):
        small(tmp_path, fct_own=closed)
    loose = replace(closed, is_public=True, is_contracted=False)
    with pytest.raises(ContractError, match="no report may build on it: fct_own"):
        small(tmp_path, fct_own=loose)
    assert "fct_own" in small(tmp_path, fct_own=replace(closed, is_public=True)).tables


def test_a_type_that_power_bi_has_not_is_refused_by_its_column(tmp_path: Path) -> None:
    model = small(tmp_path, fct_odd=mart("fct_odd", ("shape", "geometry")))
    with pytest.raises(ContractError, match=r"fct_odd\.shape is geometry"):
        project_files(model, ReadFrom.folder)


def test_more_than_four_places_need_a_floating_number(tmp_path: Path) -> None:
    written = project_files(small(tmp_path), ReadFrom.folder)
    (table,) = parse(written["Inventory.SemanticModel/definition/tables/fct_sales.tmdl"])
    types = {c.name: c.properties["dataType"] for c in table.of_kind("column")}
    assert (types["amount"], types["cost"]) == ("decimal", "double")
