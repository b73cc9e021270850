"""dbt's manifest: prepared once, whole, however many processes want it at the same time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from inventory_platform.settings import PROJECT_DIR

_READ = """
import json
from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.registry import read_registry
from inventory_platform.settings import get_settings

manifest = json.loads(prepare_manifest(read_registry(get_settings())).read_text())
print(json.dumps(sorted(manifest["nodes"])))
"""


@pytest.mark.slow
def test_processes_that_start_at_once_on_a_new_checkout_all_read_a_whole_manifest(
    tmp_path: Path,
) -> None:
    for name in ("dbt_project", "seeds"):
        shutil.copytree(
            PROJECT_DIR / name, tmp_path / name, ignore=shutil.ignore_patterns("target", "logs")
        )
    environment = os.environ | {
        "INVENTORY_DBT_DIR": str(tmp_path / "dbt_project"),
        "INVENTORY_DATA_DIR": str(tmp_path / "data"),
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _READ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    answers = []
    for process in started:
        answer, complaint = process.communicate(timeout=240)
        assert process.returncode == 0, complaint
        answers.append(json.loads(answer))
    assert answers[0] == answers[1] == answers[2]
    assert "model.inventory.dim_products" in answers[0]
    assert not list((tmp_path / "dbt_project" / "target").glob(".*.tmp"))
