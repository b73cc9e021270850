"""Key figures of sales, customers and the web: none without a formula and a number by hand.

Here belongs what must hold for the figures as a set. What each one computes is tested by the unit
tests in its YAML file, what crosses models by `dbt_project/tests/assert_kpi_*.sql`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
MARTS = ROOT / "dbt_project" / "models" / "marts"
PROPERTIES = sorted(
    path for area in ("sales", "customers", "web") for path in (MARTS / area).glob("kpi_*.yml")
)
FORMULAS = (ROOT / "docs" / "kpis.md").read_text(encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Return the properties of one mart and the unit tests beside them."""
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def ratios(path: Path) -> list[str]:
    """Return a mart's columns that are one number divided by another."""
    return [
        column["name"]
        for column in read(path)["models"][0]["columns"]
        if column["data_type"] == "double" or re.search("average|_per_", column["name"])
    ]


def test_all_areas_have_key_figures() -> None:
    assert {path.parent.name for path in PROPERTIES} == {"sales", "customers", "web"}


@pytest.mark.parametrize("path", PROPERTIES, ids=lambda path: path.stem)
def test_every_mart_and_every_ratio_has_its_formula_in_the_docs(path: Path) -> None:
    missing = [name for name in [path.stem, *ratios(path)] if f"`{name}`" not in FORMULAS]
    assert not missing


@pytest.mark.parametrize("path", PROPERTIES, ids=lambda path: path.stem)
def test_every_ratio_is_compared_with_a_number_worked_out_by_hand(path: Path) -> None:
    expected = [row for test in read(path)["unit_tests"] for row in test["expect"]["rows"]]
    untested = [
        name
        for name in ratios(path)
        if not any(isinstance(row.get(name), int | float) for row in expected)
    ]
    assert not untested
