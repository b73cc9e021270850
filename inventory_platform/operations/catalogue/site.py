"""The pages of the catalogue, written as files that open anywhere: no server, no network.

Here belongs which pages there are and putting them in place at once; what a page looks like is
in `templates/`. dbt's own page is one of them.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inventory_platform.assets.column_lineage import ColumnOf, read_column_lineage
from inventory_platform.assets.dbt_graph import read_graph
from inventory_platform.assets.dbt_project import (
    docs_page,
    manifest_path,
    prepare_manifest,
    write_docs,
)
from inventory_platform.assets.matching import READ as READ_BY_MATCHING
from inventory_platform.assets.planning_rows import READ as READ_BY_PLANNING
from inventory_platform.contracts.base import METADATA_COLUMNS
from inventory_platform.operations.catalogue import text
from inventory_platform.operations.catalogue.figures import Figure, read_figures
from inventory_platform.operations.catalogue.lineage_picture import picture
from inventory_platform.operations.catalogue.project import Project, Table, rules
from inventory_platform.registry import Registry
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.sources.catalog import redact

_TEMPLATES = Path(__file__).parent / "templates"
_GUIDES = PROJECT_DIR / "docs"
_README = PROJECT_DIR / "README.md"
_PLANNING = "planning"
"""Schema of the tables that are made in Python."""


def index_page(settings: Settings) -> Path:
    """Where the catalogue begins."""
    return settings.docs_dir / "index.html"


def catalogue_is_old(settings: Settings) -> bool:
    """Whether anything the pages are made of changed since they were written."""
    page = index_page(settings)
    made_of = [manifest_path(settings), _README, *_GUIDES.rglob("*"), *_TEMPLATES.iterdir()]
    return not page.exists() or page.stat().st_mtime < max(p.stat().st_mtime for p in made_of)


def write_catalogue(registry: Registry) -> Path:
    """Write the catalogue, dbt's page with it, and put it in the place of the one before.

    Returns:
        Its first page.

    Raises:
        InventoryError: dbt failed, or a table of key figures is wrong.
        WarehouseError: A pipeline is running, which dbt's page has to wait for.
    """
    settings = registry.settings
    prepare_manifest(registry)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.data_dir, prefix=".docs-") as name:
        site = Path(name) / "docs"
        compiled = write_docs(settings, site)
        manifest = read_graph(settings).manifest
        project = Project(manifest, read_column_lineage(settings), compiled)
        write_pages(registry, project, site)
        before = Path(name) / "before"
        if settings.docs_dir.exists():
            settings.docs_dir.rename(before)
        site.rename(settings.docs_dir)
    return index_page(settings)


def write_pages(registry: Registry, project: Project, site: Path) -> None:
    """Write all pages but dbt's into a folder."""
    pages = _Pages(registry, project)
    for address, content in pages.all():
        path = site / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    for image in (_GUIDES / "images").glob("*.png"):
        target = site / "guides" / "images" / image.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(image, target)


@dataclass(frozen=True)
class _Pages:
    registry: Registry
    project: Project

    def all(self) -> Iterator[tuple[str, str]]:
        """Address and content of every page."""
        yield "index.html", self._render("index.html", "index.html", **self._overview())
        for figure in self.figures:
            yield self._page(f"kpis/{figure.slug}.html", "figure.html", figure=figure)
        for table in self.project.by_id.values():
            yield self._table(table)
        yield self._page("columns.html", "columns.html", systems=self._systems())
        for system in self._systems():
            yield self._page(f"columns/{system['name']}.html", "mapping.html", system=system)
        for path in _guides():
            address = f"guides/{_guide(path)}"
            content = text.page(path.read_text(encoding="utf-8"), partial(_link, path.parent, ""))
            yield self._page(address, "guide.html", title=_title(path), content=content)
        yield "search.js", self._search()
        yield "style.css", (_TEMPLATES / "style.css").read_text(encoding="utf-8")

    @cached_property
    def figures(self) -> list[Figure]:
        """The key figures of the marts there are; a project may have fewer than the docs."""
        marts = {t.name: t.node["columns"] for t in self.project.of_schema("marts")}
        found = []
        for figure in read_figures((_GUIDES / "kpis.md").read_text(encoding="utf-8")):
            columns = [(mart, name) for mart, name in figure.columns if name in marts.get(mart, ())]
            found.append(replace(figure, columns=tuple(columns)))
        return [figure for figure in found if figure.columns]

    def _table(self, table: Table) -> tuple[str, str]:
        project = self.project
        up, down = project.upstream(table), project.downstream(table)
        if table.schema == _PLANNING:
            up = [project.by_relation[its] for its in _read(table) if its in project.by_relation]
        drawn = picture(
            [(t.name, f"../{t.address}") for t in up],
            table.name,
            [(t.name, f"../{t.address}") for t in down],
        )
        facts = {"table": table, "picture": drawn, "upstream": up, "downstream": down}
        contract = self.registry.relations.get(table.name) if table.schema == "raw" else None
        if contract:
            source = self.registry.sources.get(contract.source)
            return self._page(
                table.address,
                "source.html",
                contract=contract,
                source=source,
                read_from=redact(source.address) if source else "",
                rules=partial(rules, contract),
                load_columns=METADATA_COLUMNS,
                **facts,
            )
        return self._page(
            table.address,
            "model.html",
            tests=project.tests(table),
            unit_tests=project.unit_tests(table),
            used_by=project.used_by(table),
            compiled=project.compiled.get(table.unique_id),
            figures=[f for f in self.figures if table.name in {mart for mart, _ in f.columns}],
            **facts,
        )

    def _overview(self) -> dict[str, Any]:
        areas: dict[str, list[Table]] = {}
        for mart in self.project.of_schema("marts"):
            areas.setdefault(mart.area, []).append(mart)
        sections: dict[str, list[Figure]] = {}
        for figure in self.figures:
            sections.setdefault(figure.section, []).append(figure)
        layers = ("transformed", "staging", "reference", _PLANNING)
        return {
            "areas": areas,
            "sections": sections,
            "systems": self._systems(),
            "layers": {name: self.project.of_schema(name) for name in layers},
            "guides": [(_title(path), f"guides/{_guide(path)}") for path in _guides()],
        }

    def _systems(self) -> list[dict[str, Any]]:
        found: dict[str, list[Any]] = {}
        for contract in self.registry.relations.values():
            found.setdefault(contract.source, []).append(contract)
        return [
            {
                "name": name,
                "source": self.registry.sources.get(name),
                "tables": [
                    (contract, table)
                    for contract in contracts
                    if (table := self.project.by_relation.get(f"raw.{contract.relation}"))
                ],
            }
            for name, contracts in found.items()
        ]

    def _search(self) -> str:
        entries = [(f.name, "key figure", f"kpis/{f.slug}.html", f.formula) for f in self.figures]
        for table in self.project.by_id.values():
            entries.append((table.name, table.layer, table.address, table.description))
            if table.schema in {"marts", "raw"}:
                entries += [
                    (c.name, f"column of {table.name}", f"{table.address}#{c.name}", c.description)
                    for c in table.columns
                ]
        entries += [(_title(path), "guide", f"guides/{_guide(path)}", "") for path in _guides()]
        code = (_TEMPLATES / "search.js").read_text(encoding="utf-8")
        return f"const ENTRIES = {json.dumps(entries, ensure_ascii=False)};\n{code}"

    def _page(self, address: str, template: str, **facts: Any) -> tuple[str, str]:
        return address, self._render(address, template, **facts)

    def _render(self, address: str, template: str, **facts: Any) -> str:
        root = "../" * address.count("/")
        return self._environment.get_template(template).render(
            root=root,
            project=self.project,
            column_address=partial(self._column_address, root),
            formula=partial(self._formula, root),
            **facts,
        )

    def _column_address(self, root: str, column: ColumnOf) -> str:
        table = self.project.by_relation[column[0]]
        return f"{root}{table.address}#{column[1]}"

    def _formula(self, root: str, formula: str) -> str:
        return text.line(formula, partial(_link, _GUIDES, f"{root}guides/"))

    @cached_property
    def _environment(self) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"sentence": text.sentence, "anchor": text.anchor}
        environment.globals |= {"dbt_page": f"dbt/{docs_page(self.registry.settings).name}"}
        return environment


def _read(table: Table) -> list[str]:
    """The relations that a table made in Python is made of."""
    if table.name == "competitor_matches":
        return [f"raw.{name}" for name in READ_BY_MATCHING]
    return [f"{schema}.{name}" for schema, name in READ_BY_PLANNING]


def _guides() -> list[Path]:
    """The pages of `docs/`, and the one before them."""
    return [_README, *sorted(_GUIDES.glob("*.md"))]


def _guide(path: Path) -> str:
    """The file of a page of `docs/` in the site."""
    return f"{path.stem.lower()}.html"


def _title(path: Path) -> str:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    return first.lstrip("# ").strip()


def _link(folder: Path, prefix: str, target: str) -> str | None:
    """Where a link of a page leads in the site, nothing if to a file that is not in it."""
    path, _, fragment = target.partition("#")
    if not path:
        return target
    file = (folder / path).resolve()
    after = f"#{fragment}" if fragment else ""
    if file.parent == _GUIDES / "images":
        return f"{prefix}images/{file.name}"
    if file == _README or (file.parent == _GUIDES and file.suffix == ".md" and file.exists()):
        return f"{prefix}{_guide(file)}{after}"
    return None
