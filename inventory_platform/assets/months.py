"""Which months of the big facts have to be built: what new rows touch, what is old, what failed.

A month is named by its first day, as Dagster's partitions are. The first one also holds
everything earlier. Stock of a day depends on all days before it, so a build that nobody asked for
always runs from the first month that may have changed to the newest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import dagster as dg
import duckdb

from inventory_platform.assets.build_state import (
    Built,
    Months,
    newest_loads,
    read_build_state,
    write_build_state,
)
from inventory_platform.assets.dbt_graph import DbtGraph, MonthlyFact
from inventory_platform.code_version import release
from inventory_platform.duck import literal
from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import contract_version
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings
from inventory_platform.warehouse import open_warehouse, refresh


def months_partitions(settings: Settings) -> dg.MonthlyPartitionsDefinition:
    """The months of the big facts, the present one included."""
    return dg.MonthlyPartitionsDefinition(
        start_date=settings.history_start.strftime("%Y-%m-01"), end_offset=1
    )


def month_keys(settings: Settings) -> list[str]:
    """All months, the oldest first."""
    return list(months_partitions(settings).get_partition_keys())


@dataclass(frozen=True)
class Window:
    """Months that are built together, without a gap.

    Attributes:
        keys: All months there are.
        first: The first month to build.
        last: The last month to build.
    """

    keys: Sequence[str]
    first: str
    last: str

    @property
    def months(self) -> list[str]:
        """The months to build."""
        return [key for key in self.keys if self.first <= key <= self.last]

    @property
    def is_all(self) -> bool:
        """Whether these are all months, so that tables are made anew."""
        return len(self.months) == len(self.keys)

    @property
    def tags(self) -> dict[str, str]:
        """The same for Dagster: the tags of a run that builds these months at once."""
        return {
            "dagster/asset_partition_range_start": self.first,
            "dagster/asset_partition_range_end": self.last,
        }

    def environment(self) -> dict[str, str]:
        """The same for dbt: the days, without bound where the first or newest month is in."""
        after = self.keys.index(self.last) + 1
        return {
            "INVENTORY_DAYS_FROM": self.first if self.first != self.keys[0] else "",
            "INVENTORY_DAYS_BEFORE": self.keys[after] if after < len(self.keys) else "",
        }


@dataclass(frozen=True)
class Touched:
    """Rows of a month that its last build did not see as they are now.

    Attributes:
        new: Rows that are new, changed, or were in this month before.
        gone: Rows that exist no longer, whenever they vanished.
    """

    new: int = 0
    gone: int = 0


def window_to_build(months: Months, keys: Sequence[str]) -> Window | None:
    """From the first month that is broken or due to the newest; None when there is nothing."""
    waiting = {*months.broken, *months.due}
    return Window(keys, min(waiting), keys[-1]) if waiting else None


def with_broken(window: Window, months: Months) -> Window:
    """The months a run builds: up to the newest, all from the first broken one on.

    A run names its months before the models above the facts are built, and only then is it seen
    that rows of older months belong to another product or place.
    """
    if not months.recipe or window.last != window.keys[-1]:
        return window
    return replace(window, first=min((window.first, *months.broken)))


def all_months(settings: Settings) -> Window:
    """Every month there is."""
    keys = month_keys(settings)
    return Window(keys, keys[0], keys[-1])


def parse_window(settings: Settings, first: str, last: str | None) -> Window:
    """The months from one to another, written as YYYY-MM; to the newest where none is named.

    Raises:
        InventoryError: There is no such month; says which there are.
    """
    keys = month_keys(settings)
    from_key, to_key = f"{first}-01", f"{last}-01" if last else keys[-1]
    if from_key not in keys or to_key not in keys or from_key > to_key:
        raise InventoryError(
            f"There are no months from {first} to {last or 'the newest'}.",
            f"Name months from {keys[0][:7]} to {keys[-1][:7]}, the earlier one first.",
        )
    return Window(keys, from_key, to_key)


def month_of(day: date, keys: Sequence[str]) -> str:
    """The month that holds a day; the first and the last hold what lies outside."""
    return min(max(day.strftime("%Y-%m-01"), keys[0]), keys[-1])


def note_changes(registry: Registry, graph: DbtGraph) -> None:
    """Write down which months the rows touch that were loaded since the last time.

    To be called when the models that big facts are made of are built.
    """
    state = read_build_state(registry.settings)
    months = _look_for_changes(registry, graph, state.months)
    write_build_state(registry.settings, replace(state, months=months))


def next_window(registry: Registry, graph: DbtGraph) -> Window | None:
    """The months that the next run builds without being asked for; None when there is nothing.

    Which months new rows touch is only known when the models above the big facts are built, in
    that run itself. So where there are any, all months are built that they may touch.
    """
    settings = registry.settings
    keys, known = month_keys(settings), read_build_state(settings).months
    if not graph.facts:
        return None
    with open_warehouse(settings) as con:
        if known.recipe != facts_recipe(registry, graph) or not _all_present(con, graph.facts):
            return all_months(settings)
        newest = _newest_month(con, graph.facts, (), keys)
    made_of = graph.raw_relations_of(graph.ancestors_of_facts())
    if _first_new_load(registry, made_of, known.loads):
        known = replace(known, due=(*known.due, _fresh_from(newest, keys, settings.rebuild_months)))
    return window_to_build(known, keys)


def _look_for_changes(registry: Registry, graph: DbtGraph, known: Months) -> Months:
    """What is known of the months, with the rows that were loaded since.

    Months within the last `rebuild_months` are due; older ones are late and wait to be asked for.
    Months with rows whose product or place has another name by now are broken however old they
    are, or the stock of one product would go on as two. All months are broken when what they are
    made by changed, or a table is not there.
    """
    settings = registry.settings
    if not graph.facts:
        return known
    made_of = graph.raw_relations_of(graph.ancestors_of_facts())
    loads = newest_loads(registry, made_of)
    keys = month_keys(settings)
    refresh(settings, registry.relations)
    with open_warehouse(settings) as con:
        if known.recipe != facts_recipe(registry, graph) or not _all_present(con, graph.facts):
            return Months(loads=loads, broken=tuple(keys))
        since = _first_new_load(registry, made_of, known.loads)
        touched = touched_months(con, graph.facts, since, keys) if since else {}
        renamed = renamed_months(con, graph.facts, keys) if since else set()
        newest = _newest_month(con, graph.facts, touched, keys)
    known = replace(known, broken=tuple(sorted({*known.broken, *renamed})))
    months = with_touched(known, touched, newest, keys, settings.rebuild_months)
    return replace(months, loads=loads)


def with_touched(
    months: Months,
    touched: Mapping[str, Touched],
    newest: str,
    keys: Sequence[str],
    kept_fresh: int,
) -> Months:
    """Sort touched months into due and late ones.

    Args:
        months: What was known before.
        touched: What new rows touch.
        newest: The newest month that has rows.
        keys: All months there are.
        kept_fresh: How many months, up to the newest, are built without being asked for.
    """
    fresh_from = _fresh_from(newest, keys, kept_fresh)
    due = {*months.due, *(month for month in touched if month >= fresh_from)}
    late = dict(months.late)
    for month, rows in touched.items():
        if month < fresh_from and month not in months.broken:
            # What is gone is found again until the month is built; what is new only once.
            late[month] = max(late.get(month, 0), rows.gone) + rows.new
    return replace(months, due=tuple(sorted(due)), late=dict(sorted(late.items())))


def _fresh_from(newest: str, keys: Sequence[str], kept_fresh: int) -> str:
    return keys[max(keys.index(newest) - kept_fresh + 1, 0)]


def build_starts(settings: Settings, window: Window) -> None:
    """Write down that these months hold nothing certain until `build_ended`."""
    state = read_build_state(settings)
    broken = tuple(sorted({*state.months.broken, *window.months}))
    write_build_state(settings, replace(state, months=replace(state.months, broken=broken)))


def build_ended(registry: Registry, graph: DbtGraph, window: Window, run_id: str) -> None:
    """Write down that these months of all big facts are built, with every test passed."""
    state = read_build_state(registry.settings)
    months, built = state.months, set(window.months)
    months = replace(
        months,
        recipe=facts_recipe(registry, graph) if window.is_all else months.recipe,
        broken=tuple(month for month in months.broken if month not in built),
        due=tuple(month for month in months.due if month not in built),
        late={month: rows for month, rows in months.late.items() if month not in built},
    )
    facts = Built(complete=True, run_id=run_id)
    write_build_state(registry.settings, replace(state, facts=facts, months=months))


def facts_recipe(registry: Registry, graph: DbtGraph) -> str:
    """A fingerprint of what big facts are made by: SQL, seeds, contracts, release; not of rows."""
    settings = registry.settings
    made_of = graph.ancestors_of_facts()
    digest = hashlib.sha256(f"{release()} {settings.history_start}".encode())
    for relation in graph.raw_relations_of(made_of):
        digest.update(contract_version(registry.relations[relation]).encode())
    files = {settings.dbt_dir / path for path in graph.files_of(made_of)}
    files |= set((settings.dbt_dir / "macros").rglob("*.sql"))
    for path in sorted([*files, settings.dbt_dir / "dbt_project.yml"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _all_present(con: duckdb.DuckDBPyConnection, facts: Sequence[MonthlyFact]) -> bool:
    return all(_columns(con, fact.relation) for fact in facts)


def _columns(con: duckdb.DuckDBPyConnection, relation: str) -> set[str]:
    schema, name = relation.split(".")
    found = con.execute(
        "select column_name from information_schema.columns "
        "where table_schema = ? and table_name = ?",
        [schema, name],
    ).fetchall()
    return {column for (column,) in found}


def _first_new_load(
    registry: Registry, relations: Sequence[str], known: Mapping[str, str]
) -> str | None:
    """The oldest load with rows that nobody looked at; a row says only its newest load."""
    lake = Lake.of(registry.settings).as_of_now()
    contracts = {relation: registry.relations[relation] for relation in relations}
    new = [
        load_id
        for relation, contract in contracts.items()
        for load_id in lake.load_ids(contract)
        if load_id > known.get(relation, "") and lake.record(contract, load_id).raw_file
    ]
    return min(new, default=None)


def touched_months(
    con: duckdb.DuckDBPyConnection, facts: Sequence[MonthlyFact], since: str, keys: Sequence[str]
) -> dict[str, Touched]:
    """Months that rows since a load are in, were in before, or have vanished from."""
    touched: dict[str, Touched] = {}
    for fact in facts:
        for month, found in _touched_by(con, fact, since, keys).items():
            before = touched.get(month, Touched())
            touched[month] = Touched(max(before.new, found.new), max(before.gone, found.gone))
    return touched


def renamed_months(
    con: duckdb.DuckDBPyConnection, facts: Sequence[MonthlyFact], keys: Sequence[str]
) -> set[str]:
    """Months with rows that are built under another product or location than they have by now."""
    renamed: set[str] = set()
    for fact in facts:
        built = _columns(con, fact.relation)
        names = {"product_id", "location_id"} & built & _columns(con, fact.named_in)
        if not names or fact.named_by not in built:
            continue
        differs = " or ".join(f"built.{n} is distinct from known.{n}" for n in sorted(names))
        found = con.execute(
            f"select distinct built.{fact.date} from {fact.relation} as built "
            f"join {fact.named_in} as known using ({fact.named_by}) where {differs}"
        ).fetchall()
        renamed |= {month_of(day, keys) for (day,) in found}
    return renamed


def _touched_by(
    con: duckdb.DuckDBPyConnection, fact: MonthlyFact, since: str, keys: Sequence[str]
) -> dict[str, Touched]:
    rows = f"select {fact.key} as key, {fact.date} as day, last_load_id from {fact.rows}"
    new = f"select key, day from rows where last_load_id >= {literal(since)}"
    changes = "select day, false as is_gone from new"
    before = "select null as key, null as day where false"
    # A fact of sums has no row for each of theirs; another one with the same rows tells.
    if {fact.key, fact.date} <= _columns(con, fact.relation):
        before = f"select {fact.key} as key, {fact.date} as day from {fact.relation}"
        changes = (
            "select day, false as is_gone from (from new union select b.key, b.day from before b "
            "semi join new using (key)) "
            "union all select b.day, true from before b anti join rows using (key)"
        )
    found: dict[str, Touched] = {}
    for day, fresh, gone in con.execute(
        f"with rows as ({rows}), new as materialized ({new}), before as ({before}) "
        "select day, count(*) filter (not is_gone), count(*) filter (is_gone) "
        f"from ({changes}) where day is not null group by day"
    ).fetchall():
        month = month_of(day, keys)
        sofar = found.get(month, Touched())
        found[month] = Touched(sofar.new + fresh, sofar.gone + gone)
    return found


def _newest_month(
    con: duckdb.DuckDBPyConnection,
    facts: Sequence[MonthlyFact],
    touched: Iterable[str],
    keys: Sequence[str],
) -> str:
    newest = max(touched, default=keys[0])
    for fact in facts:
        if fact.date in _columns(con, fact.relation):
            row = con.execute(f"select max({fact.date}) from {fact.relation}").fetchone()
            if row and row[0]:
                newest = max(newest, month_of(row[0], keys))
    return newest
