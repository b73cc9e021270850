"""The catalogue as a run leaves it, and column lineage against the SQL that dbt compiled."""

from __future__ import annotations

import html
import json
import re

import pytest

from inventory_platform.assets.column_lineage import find_column_lineage, read_column_lineage
from inventory_platform.assets.dbt_project import manifest_path
from tests.e2e.conftest import Platform

pytestmark = pytest.mark.slow

COMPILED = re.compile(
    r"<summary>As dbt compiled it</summary><pre><code>(.*?)</code></pre>", flags=re.DOTALL
)


def test_a_run_leaves_the_catalogue_with_dbts_own_page_in_it(platform: Platform) -> None:
    docs = platform.settings.docs_dir
    assert "net revenue" in (docs / "index.html").read_text()
    assert "fct_stock_daily" in (docs / "dbt" / "static_index.html").read_text()
    assert [path for path in platform.data_dir.glob(".d*") if "docs" in path.name] == []


def test_columns_lead_where_they_do_in_the_sql_that_dbt_compiled(platform: Platform) -> None:
    manifest = json.loads(manifest_path(platform.settings).read_text())
    sql = {}
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model":
            page = platform.settings.docs_dir / "models" / f"{node['name']}.html"
            [compiled] = COMPILED.findall(page.read_text())
            relation = f"{node['schema']}.{node['name']}"
            sql[relation] = html.unescape(compiled).replace('"warehouse".', "")
    found = find_column_lineage(manifest, sql)
    expected = read_column_lineage(platform.settings)
    assert found.problems == {}
    assert found.made_of == expected.made_of
