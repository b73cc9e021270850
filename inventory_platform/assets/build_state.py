"""What is known of the last builds: kept in one file, written before and after each build.

So a kill leaves its trace, publishing knows what it must refuse, and the next run knows what is
left to do. Which months have to be built is worked out in `months.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventory_platform.assets.dbt_graph import Part
from inventory_platform.assets.dbt_project import input_files
from inventory_platform.code_version import fingerprint, release
from inventory_platform.landing.lake import Lake, loads_in
from inventory_platform.landing.loader import contract_version
from inventory_platform.record_format import RecordFormat
from inventory_platform.registry import Registry
from inventory_platform.settings import PROJECT_DIR, Settings


@dataclass(frozen=True)
class Built:
    """The last build of a part of the models, all of the part.

    Attributes:
        complete: Whether it came to its end with every blocking test passed.
        run_id: The run that built it.
    """

    complete: bool = False
    run_id: str = ""


@dataclass(frozen=True)
class Months:
    """How far the big facts are built; a month is named by its first day.

    Attributes:
        recipe: Fingerprint of the SQL, seeds and contracts that all months were built by.
        loads: Raw relation → newest load whose rows were looked at.
        broken: Months that do not hold what they should: a build of theirs did not end well, or
            they were built by another recipe.
        due: Months with rows that are newer than their last build; the next run builds them.
        late: Such months that are too old to be built without being asked for → rows.
    """

    recipe: str = ""
    loads: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    due: tuple[str, ...] = ()
    late: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BuildState:
    """What is known of the last builds.

    Attributes:
        models: The models that wait for no big fact.
        facts: The big facts; complete when the months last built are.
        marts: The models made of big facts.
        months: How far the big facts are built.
        inputs: Fingerprint of what the last build of `models` was made from.
        loads: Raw relation → newest load that build saw.
        marts_made_of: The builds of `models` and `facts` that `marts` is made of.
    """

    models: Built = Built()
    facts: Built = Built()
    marts: Built = Built()
    months: Months = Months()
    inputs: str = ""
    loads: Mapping[str, str] = field(default_factory=dict)
    marts_made_of: tuple[str, str] = ("", "")

    def problem(self, parts: Collection[Part]) -> str | None:
        """Why the models must not be published, or None.

        Args:
            parts: The parts that have models.
        """
        builds = {Part.models: self.models, Part.facts: self.facts, Part.marts: self.marts}
        if not all(builds[part].complete for part in parts):
            return "The last build of the models did not finish, or a test of theirs failed."
        if Part.facts in parts and self.months.broken:
            return f"Months of the big facts are not built: {shown_months(self.months.broken)}."
        if Part.marts in parts and self.marts_made_of != self.foundations:
            return "The last marts were not built after the last models and facts."
        return None

    @property
    def foundations(self) -> tuple[str, str]:
        """The last builds of what marts are made of."""
        return self.models.run_id, self.facts.run_id


_STATE = RecordFormat(BuildState, "build state")


def shown_months(months: Collection[str]) -> str:
    """Months as a person writes them, the first few of many."""
    first = [month[:7] for month in sorted(months)[:6]]
    more = len(months) - len(first)
    return ", ".join(first) + (f" and {more} more" if more else "")


def read_build_state(settings: Settings) -> BuildState:
    """What is known of the last builds; nothing before the first."""
    path = _file(settings)
    return _STATE.read(path.read_text()) if path.exists() else BuildState()


def write_build_state(settings: Settings, state: BuildState) -> None:
    """Replace what is known, in one step."""
    path = _file(settings)
    staged = path.with_suffix(".tmp")
    staged.write_text(_STATE.write(state))
    staged.replace(path)


def forget_build(settings: Settings) -> None:
    """Count the models as not built: nothing of them is published until they are built again."""
    write_build_state(settings, BuildState())


def _file(settings: Settings) -> Path:
    return settings.data_dir / "build_state.json"


def newest_loads(registry: Registry, relations: Collection[str] | None = None) -> dict[str, str]:
    """Raw relation → its newest committed load; all relations when none are named."""
    lake = Lake.of(registry.settings).as_of_now()
    return {
        relation: ids[-1]
        for relation, contract in registry.relations.items()
        if (relations is None or relation in relations) and (ids := lake.load_ids(contract))
    }


def unseen_loads(registry: Registry, without: Collection[str] = ()) -> list[str]:
    """Raw relations with rows that the last build of all models did not see.

    Args:
        registry: What is loaded.
        without: Sources whose relations do not count.
    """
    lake, known = Lake.of(registry.settings).as_of_now(), read_build_state(registry.settings).loads
    return [
        relation
        for relation, contract in registry.relations.items()
        if contract.source not in without
        and any(
            lake.record(contract, load_id).raw_file
            for load_id in lake.load_ids(contract)
            if load_id > known.get(relation, "")
        )
    ]


def build_inputs(registry: Registry) -> str:
    """A fingerprint of everything the marts are made from: raw files, SQL, seeds, planning."""
    lake = Lake.of(registry.settings).as_of_now()
    planning = fingerprint(_planning_code(), PROJECT_DIR)
    digest = hashlib.sha256(f"{release()} {planning}".encode())
    for relation, contract in registry.relations.items():
        newest = [loads_in(path)[1] for path in lake.paths("raw", contract)[-1:]]
        digest.update(f"{relation} {contract_version(contract)} {newest}".encode())
    for path in input_files(registry.settings):
        digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


def _planning_code() -> Iterable[Path]:
    """What is computed in Python and not by the models."""
    package = PROJECT_DIR / "inventory_platform"
    yield from (package / "planning").rglob("*.py")
    yield from (package / "assets").glob("planning*.py")
    yield package / "assets" / "matching.py"
