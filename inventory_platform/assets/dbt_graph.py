"""What dbt's manifest says of the models: which are built together, and what they are made of.

The models are built in up to three parts, one after another: `models` is everything that does not
wait for a big fact, `facts` are the big facts, replaced month by month, `marts` is what is made
of those and of the planning tables that are made of those. Reading only; nothing is run here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from inventory_platform.assets.dbt_project import manifest_path
from inventory_platform.errors import InventoryError
from inventory_platform.settings import Settings

BY_MONTH = "by_month"
"""Tag of the models that are replaced month by month."""

_MADE_BEFORE_MODELS = frozenset({"competitor_matches"})
"""Planning tables made of raw tables; all others are made of models, facts among them."""


class Part(StrEnum):
    """Models built by one dbt command, in the order of the commands."""

    models = "models"
    facts = "facts"
    marts = "marts"


_ORDER = list(Part)


@dataclass(frozen=True)
class MonthlyFact:
    """A big fact, replaced month by month.

    Attributes:
        relation: The fact in the warehouse.
        rows: The relation its rows come from; has a column `last_load_id`.
        date: The column that says which month a row belongs to.
        key: The column that identifies a row.
        named_in: The relation the fact takes product and location from as they are, where it has
            them; `rows` unless the fact says otherwise.
        named_by: The column that identifies a row of both.
    """

    relation: str
    rows: str
    date: str
    key: str
    named_in: str
    named_by: str


class DbtGraph:
    """The models of a manifest, with their part and their ancestors."""

    def __init__(self, manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        self._nodes: dict[str, Any] = {**manifest["nodes"], **manifest["sources"]}

    @cached_property
    def parts(self) -> dict[str, Part]:
        """Model or seed → the part it is built in.

        Raises:
            InventoryError: A big fact is made of what is built after big facts.
        """
        built = self._of_kind("model", "seed")
        facts = {name for name in built if BY_MONTH in self._nodes[name]["tags"]}
        after = self._descendants(facts) | self._descendants(self._later_tables().values())
        # A test is shown with its model, so a model waits for whatever its tests read.
        while waiting := self._tested_with(facts | after) - facts - after:
            after |= waiting | self._descendants(waiting)
        between = {name for name in after - facts if facts & self._descendants({name})}
        if between:
            raise InventoryError(
                f"A model tagged {BY_MONTH} is made of {', '.join(map(self._name, between))}, "
                "which is built after such models.",
                f"Tag it {BY_MONTH} too, or take it out of the way.",
            )
        return {
            name: Part.facts if name in facts else Part.marts if name in after else Part.models
            for name in built
        }

    @cached_property
    def facts(self) -> list[MonthlyFact]:
        """The big facts.

        Raises:
            InventoryError: A model tagged as one does not say where its rows come from.
        """
        return [self._fact(name) for name in self.of_part(Part.facts)]

    def of_part(self, part: Part) -> list[str]:
        """The models and seeds of a part, by name."""
        return sorted(name for name, its in self.parts.items() if its is part)

    def selection(self, part: Part) -> tuple[str, str]:
        """What dbt selects and excludes to build a part with its tests.

        dbt selects every test that touches a selected model, and excludes every test that touches
        an excluded one: those that also read a model of a later part wait for it.
        """
        later = _ORDER[_ORDER.index(part) + 1 :]
        exclude = [self._name(model) for its in later for model in self.of_part(its)]
        select = map(self._name, self.of_part(part))
        return "fqn:*" if part is Part.models else " ".join(select), " ".join(exclude)

    def facts_tested_with(self, model: str) -> list[str]:
        """Big facts that tests of a later model read; it is built after them even if not of them.

        Returns:
            Their relations.
        """
        return sorted(map(self.relation, self._facts_tested_with.get(model, ())))

    def relations(self) -> dict[str, str]:
        """Model or seed that is a table → its relation in the warehouse."""
        return {
            name: self.relation(name)
            for name in self.parts
            if self._nodes[name]["config"]["materialized"] != "view"
        }

    def relation(self, name: str) -> str:
        """The relation of a model or seed in the warehouse."""
        return f"{self._nodes[name]['schema']}.{self._name(name)}"

    def column_descriptions(self, name: str) -> dict[str, str]:
        """Column of a node → what is said of it."""
        columns = self._nodes[name]["columns"]
        return {column: its["description"] for column, its in columns.items()}

    def ancestors_of_facts(self) -> set[str]:
        """The big facts and everything they are made of: models, seeds, sources."""
        found: set[str] = set()
        waiting = list(self.of_part(Part.facts))
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [up for up in self.manifest["parent_map"][name] if up in self._nodes]
        return found

    def files_of(self, names: Iterable[str]) -> list[Path]:
        """Files that describe models and seeds, relative to the dbt project."""
        paths = set()
        for name in names:
            node = self._nodes[name]
            paths.add(node["original_file_path"])
            if node.get("patch_path"):
                paths.add(node["patch_path"].partition("://")[2])
        return sorted(map(Path, paths))

    def raw_relations_of(self, names: Iterable[str]) -> list[str]:
        """Raw tables among these nodes, as `<source>__<table>`."""
        sources = self.manifest["sources"]
        return sorted(
            sources[name]["identifier"]
            for name in names
            if name in sources and sources[name]["schema"] == "raw"
        )

    def _fact(self, name: str) -> MonthlyFact:
        months = self._nodes[name]["config"]["meta"].get("months", {})
        if set(months) - {"named_in", "named_by"} != {"relation", "date", "key"}:
            raise InventoryError(
                f"{self._name(name)} is tagged {BY_MONTH} and does not say where its rows come "
                "from.",
                "Give it meta.months with relation, date and key.",
            )
        return MonthlyFact(
            relation=self.relation(name),
            rows=months["relation"],
            date=months["date"],
            key=months["key"],
            named_in=months.get("named_in", months["relation"]),
            named_by=months.get("named_by", months["key"]),
        )

    def _of_kind(self, *kinds: str) -> list[str]:
        nodes = self.manifest["nodes"]
        return [name for name, node in nodes.items() if node["resource_type"] in kinds]

    def _descendants(self, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            for child in self.manifest["child_map"].get(waiting.pop(), []):
                if child not in found and child.startswith("model."):
                    found.add(child)
                    waiting.append(child)
        return found

    def _later_tables(self) -> dict[str, str]:
        return {
            source["name"]: name
            for name, source in self.manifest["sources"].items()
            if source["source_name"] == "planning" and source["name"] not in _MADE_BEFORE_MODELS
        }

    def _tested_with(self, names: set[str]) -> set[str]:
        return {
            shown
            for test in self._of_kind("test")
            if names & self._parents(test) and (shown := self._shown_on(test))
        }

    @cached_property
    def _facts_tested_with(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for test in self._of_kind("test"):
            facts = self._parents(test).intersection(self.of_part(Part.facts))
            shown = self._shown_on(test)
            if facts and shown and self.parts[shown] is Part.marts:
                found.setdefault(shown, set()).update(facts)
        return found

    def _parents(self, test: str) -> set[str]:
        return set(self._nodes[test]["depends_on"]["nodes"])

    def _shown_on(self, test: str) -> str | None:
        node = self._nodes[test]
        named = node["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
        if named is None:
            attached = node.get("attached_node")
            return str(attached) if attached in self.manifest["nodes"] else None
        return next((n for n in self.manifest["nodes"] if self._name(n) == named), None)

    def _name(self, name: str) -> str:
        return str(self._nodes[name]["name"])


def read_graph(settings: Settings) -> DbtGraph:
    """The graph of the manifest as it is prepared."""
    path = manifest_path(settings)
    return _graph_of(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _graph_of(path: Path, written: int) -> DbtGraph:
    """Read once per manifest, which takes longer than all that is asked of it."""
    del written
    return DbtGraph(json.loads(path.read_text()))
