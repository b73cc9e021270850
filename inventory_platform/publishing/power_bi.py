"""The semantic model as a Power BI project: text files, and the exposure that names its marts.

Only how it is written. The same model gives the same bytes, also the identifiers, so that a
difference between the committed files and new ones is a change of the model. TMDL, the language
of the definition, is indented by tabs.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from inventory_platform.errors import ContractError, PublishError
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.semantic_model import Measure, SemanticModel

NAME = "Inventory"
MODEL = f"{NAME}.SemanticModel"
REPORT = f"{NAME}.Report"
EXPOSURE_FILE = "models/_exposures_power_bi.yml"

_DEFINITION = f"{MODEL}/definition"
_IDENTIFIERS = uuid5(NAMESPACE_URL, "inventory-platform/power-bi")
_JSON_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric"
_GENERATED = "Written by `inventory powerbi`; change it there."
_FORMATS = {
    "money": "#,0.00",
    "units": "#,0",
    "number": "#,0.0",
    "share": "0.0%",
    "day": "yyyy-mm-dd",
}


class ReadFrom(StrEnum):
    """Where reports take the rows from."""

    folder = "folder"
    """The published Parquet files, imported."""
    postgres = "postgres"
    """The published tables, asked directly."""


_PARAMETERS = {
    ReadFrom.folder: {
        "PublishedFolder": (
            r"C:\inventory\published\current",
            "Folder of the published marts, as this machine sees it.",
        )
    },
    ReadFrom.postgres: {
        "PostgresServer": ("localhost:5432", "Server of the published marts, with its port."),
        "PostgresDatabase": ("inventory", "Database of the published marts."),
    },
}


def project_files(model: SemanticModel, read_from: ReadFrom) -> dict[str, str]:
    """The project's files, by their path in its folder.

    Args:
        model: What to write.
        read_from: Where its tables take their rows from.

    Raises:
        ContractError: A column has a type that Power BI is not told how to read.
    """
    files = {
        f"{NAME}.pbip": _json(
            "pbip/pbipProperties/1.0.0",
            {
                "version": "1.0",
                "artifacts": [{"report": {"path": REPORT}}],
                "settings": {"enableAutoRecovery": True},
            },
        ),
        f"{MODEL}/.platform": _platform("SemanticModel"),
        f"{MODEL}/definition.pbism": _json(
            "item/semanticModel/definitionProperties/1.0.0", {"version": "4.2", "settings": {}}
        ),
        f"{_DEFINITION}/database.tmdl": _lines("database", "\tcompatibilityLevel: 1600"),
        f"{_DEFINITION}/model.tmdl": _lines(*_model(model, read_from)),
        f"{_DEFINITION}/expressions.tmdl": _lines(*_expressions(read_from)),
        f"{_DEFINITION}/relationships.tmdl": _lines(*_relationships(model)),
        **_report(),
        **_connections(),
        "measures.md": _lines(*_measures_page(model)),
    }
    for table in model.tables.values():
        path = f"{_DEFINITION}/tables/{table.name}.tmdl"
        files[path] = _lines(*_table(model, table, read_from))
    return files


def exposure_file(model: SemanticModel) -> str:
    """The exposure of the reports, for dbt: the marts they are built on."""
    marts = "\n".join(f"      - ref('{name}')" for name in sorted(model.tables))
    return f"""# {_GENERATED}
exposures:
  - name: power_bi
    label: Power BI
    type: analysis
    maturity: medium
    description: >-
      The semantic model that analysts build reports on, and its measures. It reads the published
      marts, as Parquet files or as tables.
    owner:
      name: team:inventory
    depends_on:
{marts}
"""


def write_project(files: Mapping[str, str], folder: Path) -> None:
    """Write a project into a folder.

    The model's definition is replaced as a whole. A report that is there stays as it is: it is
    drawn by people.

    Args:
        files: Path in the folder → content.
        folder: Where to; other files of it stay.

    Raises:
        PublishError: The folder cannot be written.
    """
    try:
        _write_files(files, folder)
    except OSError as error:
        raise PublishError(
            f"The project cannot be written to {folder}: {error.strerror or error}.",
            "Make the folder writable, or name another one with --to.",
        ) from error


def _write_files(files: Mapping[str, str], folder: Path) -> None:
    shutil.rmtree(folder / _DEFINITION, ignore_errors=True)
    is_drawn = (folder / REPORT).exists()
    for path, text in files.items():
        if is_drawn and path.startswith(f"{REPORT}/"):
            continue
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")


def _model(model: SemanticModel, read_from: ReadFrom) -> Iterator[str]:
    yield "model Model"
    yield "\tculture: en-GB"
    yield "\tdefaultPowerBIDataSourceVersion: powerBI_V3"
    yield "\tsourceQueryCulture: en-GB"
    yield "\tdataAccessOptions"
    yield "\t\tlegacyRedirects"
    yield "\t\treturnErrorValuesAsNull"
    yield ""
    # The calendar is a table of ours; a hidden one for every date column would only take memory.
    yield "annotation __PBI_TimeIntelligenceEnabled = 0"
    yield ""
    order = [*_PARAMETERS[read_from], *model.tables]
    yield f"annotation PBI_QueryOrder = {json.dumps(order)}"
    yield ""
    yield from (f"ref table {name}" for name in model.tables)


def _expressions(read_from: ReadFrom) -> Iterator[str]:
    meta = 'meta [IsParameterQuery=true, Type="Text", IsParameterQueryRequired=true]'
    for name, (value, meaning) in _PARAMETERS[read_from].items():
        yield f"/// {meaning}"
        yield f'expression {name} = "{value}" {meta}'
        yield f"\tlineageTag: {_tag('expression', name)}"
        yield ""
        yield "\tannotation PBI_ResultType = Text"
        yield ""


def _relationships(model: SemanticModel) -> Iterator[str]:
    for r in model.relationships:
        named = [r.table, r.dimension] if r.is_active else [r.table, r.column, r.dimension]
        yield f"relationship {_tag('relationship', *named)}"
        if not r.is_active:
            yield "\tisActive: false"
        yield f"\tfromColumn: {r.table}.{r.column}"
        yield f"\ttoColumn: {r.dimension}.{r.key}"
        yield ""


def _table(model: SemanticModel, table: Mart, read_from: ReadFrom) -> Iterator[str]:
    yield from _described(f"{table.question} {table.description}", "")
    yield f"table {table.name}"
    yield f"\tlineageTag: {_tag('table', table.name)}"
    if table.name == model.calendar:
        yield "\tdataCategory: Time"
    yield ""
    for measure in model.measures.values():
        if measure.table == table.name:
            yield from _measure(model, measure)
    for name in table.columns:
        yield from _column(model, table, name)
    yield f"\tpartition {table.name} = m"
    yield f"\t\tmode: {'import' if read_from is ReadFrom.folder else 'directQuery'}"
    yield "\t\tsource ="
    yield from (f"\t\t\t\t{line}" for line in _query(table.name, read_from))
    yield ""


def _measure(model: SemanticModel, measure: Measure) -> Iterator[str]:
    yield from _described(measure.description, "\t")
    yield f"\tmeasure {_quoted(measure.name)} = {model.dax(measure)}"
    yield f"\t\tformatString: {_FORMATS[measure.format]}"
    yield f"\t\tdisplayFolder: {measure.folder}"
    yield f"\t\tlineageTag: {_tag('measure', measure.name)}"
    yield ""


def _column(model: SemanticModel, table: Mart, name: str) -> Iterator[str]:
    column = table.columns[name]
    kind, shown = _type(table, name)
    is_key = model.keys.get(table.name) == name
    yield from _described(column.description, "\t")
    yield f"\tcolumn {name}"
    yield f"\t\tdataType: {kind}"
    if model.is_hidden(table.name, name):
        yield "\t\tisHidden"
    if is_key:
        yield "\t\tisKey"
    if shown:
        yield f"\t\tformatString: {shown}"
    yield f"\t\tlineageTag: {_tag('column', table.name, name)}"
    # Adding up is what measures are for: most numbers here must not be.
    yield "\t\tsummarizeBy: none"
    yield f"\t\tsourceColumn: {name}"
    if order := model.sorted_by.get((table.name, name)):
        yield f"\t\tsortByColumn: {order}"
    yield ""
    yield "\t\tannotation SummarizationSetBy = User"
    yield ""
    if column.data_type == "date":
        yield "\t\tannotation UnderlyingDateTimeDataType = Date"
        yield ""


def _query(table: str, read_from: ReadFrom) -> list[str]:
    """The query of a table, in M."""
    if read_from is ReadFrom.folder:
        return [
            "let",
            rf'    Source = Parquet.Document(File.Contents(PublishedFolder & "\{table}.parquet"))',
            "in",
            "    Source",
        ]
    return [
        "let",
        "    Source = PostgreSQL.Database(PostgresServer, PostgresDatabase),",
        f'    Mart = Source{{[Schema="marts",Item="{table}"]}}[Data]',
        "in",
        "    Mart",
    ]


def _type(table: Mart, name: str) -> tuple[str, str]:
    """A column's type in Power BI and how it is shown."""
    plain = {
        "string": ("string", ""),
        "boolean": ("boolean", ""),
        "bigint": ("int64", "0"),
        "integer": ("int64", "0"),
        "double": ("double", "#,0.00"),
        "date": ("dateTime", "yyyy-mm-dd"),
        "timestamp": ("dateTime", "yyyy-mm-dd hh:nn:ss"),
    }
    declared = table.columns[name].data_type
    if declared in plain:
        is_share = name.endswith(("_rate", "_share", "_coverage"))
        if declared == "double" and is_share:
            return "double", _FORMATS["share"]
        return plain[declared]
    found = re.fullmatch(r"decimal\((\d+),\s*(\d+)\)", declared)
    if not found:
        raise ContractError(
            f"{table.name}.{name} is {declared}, for which Power BI has no type here.",
            "Give it a type that other marts have, or name its type in publishing/power_bi.py.",
        )
    # Power BI's decimal keeps four places.
    return ("decimal", "#,0.00") if int(found[2]) <= 4 else ("double", "#,0.00####")


def _report() -> dict[str, str]:
    """A report with an empty page, for a project cannot be opened without one."""
    definition = f"{REPORT}/definition"
    return {
        f"{REPORT}/.platform": _platform("Report"),
        f"{REPORT}/definition.pbir": _json(
            "item/report/definitionProperties/2.0.0",
            {"version": "4.0", "datasetReference": {"byPath": {"path": f"../{MODEL}"}}},
        ),
        f"{definition}/version.json": _json(
            "item/report/definition/versionMetadata/1.0.0", {"version": "2.0.0"}
        ),
        f"{definition}/report.json": _json(
            "item/report/definition/report/3.0.0", {"themeCollection": {}}
        ),
        f"{definition}/pages/pages.json": _json(
            "item/report/definition/pagesMetadata/1.0.0",
            {"pageOrder": ["overview"], "activePageName": "overview"},
        ),
        f"{definition}/pages/overview/page.json": _json(
            "item/report/definition/page/2.0.0",
            {
                "name": "overview",
                "displayName": "Overview",
                "displayOption": "FitToPage",
                "height": 720,
                "width": 1280,
            },
        ),
    }


def _connections() -> dict[str, str]:
    """Files that open Power BI with a source chosen, for reports without the model."""
    parameters = {
        name: value for read_from in ReadFrom for name, (value, _) in _PARAMETERS[read_from].items()
    }
    folder = {"protocol": "folder", "address": {"path": parameters["PublishedFolder"]}}
    postgres = {
        "protocol": "postgresql",
        "address": {
            "server": parameters["PostgresServer"],
            "database": parameters["PostgresDatabase"],
        },
    }
    chosen = {"folder": (folder, "Import"), "postgres": (postgres, "DirectQuery")}
    return {
        f"{NAME} ({name}).pbids": _dump(
            {"version": "0.1", "connections": [{"details": details, "mode": mode}]}
        )
        for name, (details, mode) in chosen.items()
    }


def _measures_page(model: SemanticModel) -> Iterator[str]:
    yield f"<!-- {_GENERATED} -->"
    yield ""
    yield "# Measures"
    yield ""
    yield "| folder | measure | what it is | how Power BI computes it |"
    yield "|---|---|---|---|"
    for m in model.measures.values():
        yield f"| {m.folder} | {m.name} | {m.description} | `{model.dax(m)}` |"


def _platform(kind: str) -> str:
    return _json(
        "gitIntegration/platformProperties/2.0.0",
        {
            "metadata": {"type": kind, "displayName": NAME},
            "config": {"version": "2.0", "logicalId": _tag("item", kind)},
        },
    )


def _json(schema: str, content: Mapping[str, Any]) -> str:
    return _dump({"$schema": f"{_JSON_SCHEMAS}/{schema}/schema.json", **content})


def _dump(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"


def _described(text: str, indent: str) -> Iterator[str]:
    # A description is one line: folded text of YAML has no others that matter.
    yield f"{indent}/// {' '.join(text.split())}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else "'" + name.replace("'", "''") + "'"


def _tag(*parts: str) -> str:
    return str(uuid5(_IDENTIFIERS, "/".join(parts)))


def _lines(*lines: str) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
