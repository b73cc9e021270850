"""Public marts are versioned: a change that nobody was told of fails."""

import json
from dataclasses import replace

import pytest

from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.publishing.mart_versions import (
    CHANGES,
    SNAPSHOT,
    Version,
    accepted,
    problems,
    read_versions,
    to_json,
)
from inventory_platform.publishing.marts import Mart, MartColumn, read_marts
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings


def mart(name: str = "fct_sales", *, is_public: bool = True, **columns: str) -> Mart:
    listed = {column: MartColumn("", data_type=kind) for column, kind in columns.items()}
    return Mart(name, "", listed, is_public=is_public, is_contracted=True)


def marts(*found: Mart) -> dict[str, Mart]:
    return {m.name: m for m in found}


BEFORE = {"fct_sales": Version(1, 0, {"day": "date", "revenue": "decimal(18,2)"})}
SAME = mart(day="date", revenue="decimal(18,2)")


def test_every_public_mart_is_in_its_accepted_version_and_its_changes_are_told():
    manifest = json.loads(prepare_manifest(read_registry(Settings())).read_text(encoding="utf-8"))
    assert problems(read_versions(), read_marts(manifest), CHANGES.read_text()) == []
    assert len(read_versions()) > 30
    assert SNAPSHOT.read_text() == to_json(read_versions())


def test_a_mart_that_did_not_change_is_no_problem_and_a_private_one_is_nobodys_business():
    private = mart("kpi_inner", is_public=False, anything="date")
    assert problems(BEFORE, marts(SAME, private), "") == []


@pytest.mark.parametrize(
    ("now", "changed", "version"),
    [
        (mart(day="date", revenue="double"), "revenue", "2.0"),
        (mart(day="date"), "revenue", "2.0"),
        (mart(day="date", turnover="decimal(18,2)"), "revenue, turnover", "2.0"),
        (mart(day="date", revenue="decimal(18,2)", units="bigint"), "units", "1.1"),
    ],
)
def test_a_changed_contract_fails_until_it_is_accepted_and_told(now, changed, version):
    (told,) = problems(BEFORE, marts(now), "")
    assert told.startswith(f"fct_sales changed in {changed}: run ")
    after = accepted(BEFORE, marts(now))
    assert after["fct_sales"].name == version
    assert problems(after, marts(now), "") == [
        f"fct_sales is {version}: write `### fct_sales {version}`."
    ]
    assert problems(after, marts(now), f"### fct_sales {version}\n\nWhat to do.") == []


def test_a_new_mart_fails_until_it_is_accepted():
    both = marts(SAME, mart("fct_new", day="date"))
    assert problems(BEFORE, both, "") == ["fct_new is new: run `make update-snapshots`."]
    assert problems(accepted(BEFORE, both), both, "") == []


def test_a_mart_that_goes_has_to_be_told():
    (told,) = problems(BEFORE, {}, "")
    assert "### fct_sales removed" in told
    assert problems(BEFORE, {}, "### fct_sales removed\n\nUse another.") == []


def test_versions_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "versions.json"
    path.write_text(to_json(BEFORE))
    assert read_versions(path) == BEFORE
    assert accepted(BEFORE, marts(SAME)) == BEFORE
    assert replace(BEFORE["fct_sales"], minor=3).name == "1.3"
