"""Imports run one way, as `docs/architecture.md` says; the sandbox is a world of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from inventory_platform.settings import PROJECT_DIR

LAYERS = (
    {"cli"},
    {"definitions"},
    {"automation", "asset_checks"},
    {"operations", "onboarding"},
    {"assets"},
    {"registry", "warehouse", "publishing"},
    {"landing", "planning"},
    {"sources"},
    {"contracts", "duck", "record_format", "encryption", "pseudonyms", "secret_values"},
    {"code_version", "settings"},
    {"object_storage"},
    {"errors"},
)
"""Each may import what stands below it, and its like beside it."""
RUN_BY_DBT = {"dbt_cli", "dbt_plugin"}
"""dbt calls them; they are imported by nothing."""
RANK = {name: number for number, names in enumerate(LAYERS) for name in names}
SANDBOX = "sandbox"


def modules() -> list[Path]:
    """Everything that is installed, as paths below the project."""
    folders = (PROJECT_DIR / "inventory_platform", PROJECT_DIR / "asset_checks")
    found = [path.relative_to(PROJECT_DIR) for folder in folders for path in folder.rglob("*.py")]
    return sorted(path for path in found if path != Path("inventory_platform/__init__.py"))


def unit(dotted: tuple[str, ...]) -> str:
    """The layer's name that a module or an import belongs to."""
    return dotted[0] if dotted[0] == "asset_checks" else dotted[1]


def imports(path: Path) -> Iterator[str]:
    """Units a module imports, anywhere in it."""
    for node in ast.walk(ast.parse((PROJECT_DIR / path).read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "inventory_platform":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            dotted = tuple(name.split("."))
            if dotted[0] == "asset_checks" or (dotted[0] == "inventory_platform" and dotted[1:]):
                yield unit(dotted)


def test_every_module_has_its_place() -> None:
    here = {unit(path.with_suffix("").parts) for path in modules()}
    assert here == {*RANK, *RUN_BY_DBT, SANDBOX}


def test_imports_run_one_way() -> None:
    wrong = [
        f"{path} imports {there}"
        for path in modules()
        for there in imports(path)
        if (here := unit(path.with_suffix("").parts)) in RANK
        and there in RANK
        and RANK[there] < RANK[here]
    ]
    assert wrong == []


def test_nothing_but_the_command_line_knows_the_sandbox() -> None:
    knowing = {unit(p.with_suffix("").parts) for p in modules() if SANDBOX in imports(p)}
    assert knowing <= {SANDBOX, "cli"}


def test_nothing_imports_what_dbt_runs() -> None:
    assert [path for path in modules() if RUN_BY_DBT & set(imports(path))] == []


def test_the_documentation_tells_the_same_order() -> None:
    text = " ".join((PROJECT_DIR / "docs" / "architecture.md").read_text().split())
    told = " → ".join(", ".join(sorted(names)) for names in LAYERS)
    assert told in text
