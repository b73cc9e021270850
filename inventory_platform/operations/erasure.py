"""Erasing one person everywhere, with proof: found, blanked, recorded, looked for again.

    traces ──▶ rows in every table that are theirs ──▶ personal columns blank, in every version
           ──▶ their values in quarantine, pages, published files ──▶ taken out
           ──▶ record, with keyed hashes only ──▶ a scan that finds nothing

The record has no values, so those are known only as long as the person's rows have them. So it
goes from the outside in: published files and pages first, rejected rows next, the raw zone last;
and each is proven before the next is touched. Whenever it is cut off, what is left to do can
still be worked out from what was not touched yet.

Business rows stay, so that orders still add up. How rows are recognised without knowing whose
they are, also in later loads, is `landing/suppression.py`; where a person begins is `people.py`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from inventory_platform import duck
from inventory_platform.assets.build_state import forget_build
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import columns_of, identifier, literal, parquet
from inventory_platform.errors import InventoryError
from inventory_platform.landing.lake import Lake, place
from inventory_platform.landing.suppression import (
    ERASED,
    Erasure,
    Fingerprints,
    Suppression,
    Trace,
    blank,
    blanked,
    is_theirs,
    keep_erasure,
    personal_columns,
    read_erasures,
    text_of,
)
from inventory_platform.landing.views import raw_select
from inventory_platform.object_storage import StoragePath, files_below
from inventory_platform.operations.leftovers import remove_leftovers
from inventory_platform.operations.people import Start, read_people
from inventory_platform.registry import Registry
from inventory_platform.warehouse import drop_warehouse, only_run

_TELLING = 6
"""Characters from which on a value is looked for in texts; shorter ones are in many of them."""

Step = Callable[[str], None]


class ErasureError(InventoryError):
    """A person cannot be erased, or something of them is still there."""


@dataclass(frozen=True)
class Found:
    """What there is of a person.

    Attributes:
        traces: What tells whose a row is; of tables with personal columns.
        rows: Table → rows of theirs with personal data, all versions.
        rejected: Table → rejected rows of theirs with personal data.
        values: Their personal texts that stand nowhere else, in lower case.
        elsewhere: Tables in which one of their e-mail addresses stands in rows of others.
        known: Their personal texts, also those that stand elsewhere.
    """

    traces: tuple[Trace, ...]
    rows: Mapping[str, int]
    rejected: Mapping[str, int]
    values: frozenset[str]
    elsewhere: tuple[str, ...]
    known: frozenset[str] = frozenset()


class Eraser:
    """Finds and erases people in everything that is kept below the data folder.

    Args:
        registry: The tables.
        step: Told what is being done.
    """

    def __init__(self, registry: Registry, step: Step = lambda _: None) -> None:
        self.registry = registry
        self.settings = registry.settings
        self.lake = Lake.of(registry.settings)
        self.fingerprints = Fingerprints(registry.settings)
        self.step = step

    # -- finding -----------------------------------------------------------------------------

    def find(self, starts: Iterable[Start]) -> Found:
        """Look for everything of a person; changes nothing.

        Raises:
            ContractError: One of their tables cannot be blanked.
        """
        starts = list(starts)
        # An address is looked for itself, whether or not a row has it.
        addresses = {s.value[0] for s in starts if "@" in s.value[0] and not s.fingerprint}
        with self._connect() as con:
            traces = self._trace(con, starts)
            return self._describe(con, traces, addresses)

    def _trace(self, con: duckdb.DuckDBPyConnection, starts: Iterable[Start]) -> tuple[Trace, ...]:
        beginnings = {b.contract.relation for b in read_people(self.registry).values()}
        known: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}
        pending = [(self._start(con, s), s.relation in beginnings) for s in starts]
        while pending:
            trace, is_customer = pending.pop()
            where = (trace.relation, trace.columns)
            new = trace.fingerprints - known.get(where, frozenset())
            if not new:
                continue
            known[where] = known.get(where, frozenset()) | new
            contract = self.registry.relations[trace.relation]
            self.step(f"Looking at {contract.relation}")
            con.execute(
                "create or replace temp table theirs as from "
                f"({raw_select(con, self.lake, contract)}) "
                f"where {is_theirs([replace(trace, fingerprints=new)])}"
            )
            rejected = self._rejected(con, contract, [replace(trace, fingerprints=new)])
            for relation, columns, held in self._ways_on(contract, follow=is_customer):
                prints = con.execute(
                    f"select distinct fingerprint({text_of(held)}) as print from theirs "
                    "where print is not null"
                ).fetchall()
                there = {p for (p,) in prints} | self._prints_of(rejected, contract, held)
                pending.append((Trace(relation, columns, frozenset(there)), is_customer))
        return tuple(
            Trace(relation, columns, prints)
            for (relation, columns), prints in sorted(known.items())
            if personal_columns(self.registry.relations[relation])
        )

    def _rejected(
        self, con: duckdb.DuckDBPyConnection, contract: TableContract, traces: Iterable[Trace]
    ) -> list[dict[str, Any]]:
        """Rejected rows of theirs with something personal, as they came."""
        files = self._files("quarantine", contract)
        if not files or not personal_columns(contract):
            return []
        theirs = Suppression(contract, self.fingerprints, tuple(traces))
        rejects = parquet(*files, by_name=True)
        left = theirs.left_of_payloads(con, rejects)
        payloads = con.execute(
            f"select payload from {rejects} where reason_code <> 'malformed_row' "
            "and json_type(try_cast(payload as json)) = 'OBJECT'"
        ).fetchall()
        rows = ((json.loads(p), json.loads(left(p))) for (p,) in payloads)
        return [row for row, kept in rows if row != kept]

    def _prints_of(
        self, rejected: Iterable[Mapping[str, Any]], contract: TableContract, columns: Sequence[str]
    ) -> set[str]:
        names = [contract.by_name[column].source for column in columns]
        values = ([row.get(name) for name in names] for row in rejected)
        return {self.fingerprints.of("\x1f".join(map(str, v))) for v in values if None not in v}

    def _start(self, con: duckdb.DuckDBPyConnection, start: Start) -> Trace:
        if not start.fingerprint:
            text = "\x1f".join(start.value)
            return Trace(start.relation, start.columns, frozenset({self.fingerprints.of(text)}))
        contract = self.registry.relations[start.relation]
        text = text_of(start.columns)
        # As the models' macro `surrogate_key` writes it.
        found = con.execute(
            f"select distinct fingerprint({text}) from ({raw_select(con, self.lake, contract)}) "
            f"where md5(length({text}) || ':' || {text}) = ?",
            list(start.value),
        ).fetchall()
        return Trace(start.relation, start.columns, frozenset(p for (p,) in found))

    def _ways_on(
        self, contract: TableContract, *, follow: bool
    ) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """Where else a row's person is: (table, its columns, the row's columns with the values)."""
        ways = [(contract.relation, contract.key, contract.key)] if contract.key else []
        if follow:
            for other in self.registry.of_source(contract.source).values():
                for column, target in other.references.items():
                    table, _, held = target.partition(".")
                    if table == contract.name:
                        ways.append((other.relation, (column,), (held,)))
        return ways

    def _describe(
        self, con: duckdb.DuckDBPyConnection, traces: tuple[Trace, ...], texts: Iterable[str] = ()
    ) -> Found:
        by_table = _by_table(traces)
        rows: dict[str, int] = {}
        rejected: dict[str, int] = {}
        con.execute("create or replace temp table own (value text)")
        told = set(texts)
        for relation, mine in by_table.items():
            contract = self.registry.relations[relation]
            columns = personal_columns(contract)
            theirs = f"({raw_select(con, self.lake, contract)}) where {is_theirs(mine)}"
            if count := _count(con, f"{theirs} and {_is_personal(contract)}"):
                rows[relation] = count
            for column in columns:
                if column.is_text:
                    text = f"lower(trim({identifier(column.name)}))"
                    con.execute(
                        f"insert into own select distinct {text} from {theirs} and "
                        f"length({text}) >= {_TELLING} and {text} <> {literal(ERASED)}"
                    )
            if came := self._rejected(con, contract, mine):
                rejected[relation] = len(came)
            sources = [column.source for column in columns if column.is_text]
            told |= {str(row[name]) for row in came for name in sources if row.get(name)}
        told = {text.strip().lower() for text in told} - {ERASED}
        con.execute(
            f"insert into own select value from (select unnest(?) as value) "
            f"where length(value) >= {_TELLING}",
            [sorted(told)],
        )
        known = _values(con)
        elsewhere = self._give_back(con, by_table) if known else []
        return Found(traces, rows, rejected, _values(con), tuple(elsewhere), known)

    def _give_back(
        self, con: duckdb.DuckDBPyConnection, by_table: Mapping[str, list[Trace]]
    ) -> list[str]:
        """Leave out values that also stand in what is not theirs: they tell nobody who it is."""
        elsewhere = []
        for contract in self.registry.relations.values():
            texts = [c for c in contract.columns if c.is_text]
            if not texts or not self.lake.load_ids(contract):
                continue
            self.step(f"Comparing with {contract.relation}")
            theirs = is_theirs(by_table.get(contract.relation, ()))
            listed = ", ".join(
                f"case when {theirs} then null else {identifier(c.name)} end"
                if c.personal
                else identifier(c.name)
                for c in texts
            )
            con.execute(
                "create or replace temp table others as select distinct value from (select "
                f"lower(trim(unnest([{listed}]))) as value from "
                f"({raw_select(con, self.lake, contract)})) semi join own using (value)"
            )
            if _count(con, "others where value like '%@%'"):
                elsewhere.append(contract.relation)
            con.execute("delete from own where value in (from others)")
        return elsewhere

    # -- erasing -----------------------------------------------------------------------------

    def erase(self, found: Found, requested_by: str) -> Erasure:
        """Erase what was found; the record stands before anything is changed.

        Raises:
            ErasureError: Nothing was found, or something is still there afterwards.
            WarehouseError: Another run is writing.
        """
        if not (found.rows or found.rejected or self._stand_anywhere(found.values)):
            raise ErasureError("There is nothing to erase.", "Check the key; case matters.")
        now = datetime.now(UTC)
        ids = [erasure.erasure_id for erasure in read_erasures(self.lake)]
        erasure = Erasure(
            erasure_id=self.lake.id_after(ids, now),
            requested_by=requested_by,
            traces=found.traces,
            values=frozenset(map(self.fingerprints.of, found.values)),
            begun_at=now.replace(tzinfo=None).isoformat(sep=" "),
        )
        with self._alone():
            return self._carry_out(erasure, found.values)

    def replay(self, texts: Sequence[str] = ()) -> list[Erasure]:
        """Carry out every recorded erasure again: after a restore, a cut, or later loads.

        Args:
            texts: Texts of people whose erasure was cut off, which their rows no longer tell.

        Raises:
            ErasureError: Something is still there afterwards, or nobody knows what to look for.
            WarehouseError: Another run is writing.
        """
        done, failed = [], []
        with self._alone():
            for erasure in read_erasures(self.lake):
                try:
                    done.append(self._replay(erasure, texts))
                except ErasureError as error:
                    # The others are erased all the same.
                    failed.append(error)
        if failed:
            raise failed[0]
        return done

    def _replay(self, erasure: Erasure, texts: Sequence[str]) -> Erasure:
        mine = [text for text in texts if self._print(text) in erasure.values]
        with self._connect() as con:
            found = self._describe(con, erasure.traces, mine)
        self._refuse_unknown(erasure, found.known)
        return self._carry_out(erasure, found.values)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only run, with nothing about that killed ones left behind."""
        timeout = self.settings.lock_timeout_seconds
        with (
            only_run(self.settings, timeout),
            self.lake.lock_named("backup", "The backup", timeout),
        ):
            remove_leftovers(self.settings, 0)
            yield

    def _print(self, text: str) -> str:
        return self.fingerprints.of(text.strip().lower())

    def _refuse_unknown(self, erasure: Erasure, known: Iterable[str]) -> None:
        # What it was looked for outside of the raw zone with is proven to be gone there.
        if erasure.proven_at or erasure.scanned:
            return
        if unknown := erasure.values - set(map(self._print, known)):
            raise ErasureError(
                f"Erasure {erasure.erasure_id} was cut off, and {len(unknown)} of the "
                f"{len(erasure.values)} texts to look for are known no longer: nothing proves "
                "that they are gone.",
                'Name them: `inventory erase --replay --text "<name>" --text "<address>"`; or '
                "bring the raw zone of a backup from before it back, and replay.",
            )

    def _carry_out(self, erasure: Erasure, values: frozenset[str]) -> Erasure:
        was_proven = erasure.proven_at is not None
        erasure = replace(erasure, proven_at=None, scanned={} if values else erasure.scanned)
        keep_erasure(self.lake, erasure)
        words = _Words(self.fingerprints, values, erasure.values)
        by_table = _by_table(erasure.traces)
        erased: dict[str, int] = defaultdict(int)
        scanned: dict[str, int] = defaultdict(int)
        files = 0
        for ring in (self._outside, self._rejects, self._raw):
            if ring == self._raw:
                # From here on their rows no longer tell what else to look for.
                keep_erasure(self.lake, replace(erasure, scanned=dict(scanned)))
            for kind, _, rows in ring(by_table, words, write=True):
                erased[kind] += rows
                files += rows > 0
            left = []
            for kind, path, rows in ring(by_table, words, write=False):
                scanned[kind] += 1
                left += [path] if rows else []
            if left:
                raise ErasureError(
                    f"Erasure {erasure.erasure_id} left something in {len(left)} files, such as "
                    f"{left[0]}.",
                    "Remove logs and what alerts keep by hand; then, as for any other file, run "
                    "`inventory erase --replay`.",
                )
        if files or not was_proven:
            drop_warehouse(self.settings)
            forget_build(self.settings)
        done = replace(
            erasure,
            erased={k: n + erasure.erased.get(k, 0) for k, n in erased.items()},
            files=erasure.files + files,
            proven_at=datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" "),
            scanned=dict(scanned),
        )
        keep_erasure(self.lake, done)
        return done

    def _stand_anywhere(self, values: frozenset[str]) -> bool:
        words = _Words(self.fingerprints, values, frozenset(map(self.fingerprints.of, values)))
        rings = (self._outside, self._rejects)
        return bool(values) and any(
            rows for ring in rings for _, _, rows in ring({}, words, write=False)
        )

    def _raw(
        self, by_table: Mapping[str, list[Trace]], words: _Words, *, write: bool
    ) -> Iterator[tuple[str, StoragePath, int]]:
        """Rows of theirs: (zone, file, rows in which something was found); so do the others."""
        del words
        for contract in self.registry.relations.values():
            if mine := by_table.get(contract.relation, []):
                with self._files_of(contract, write=write) as files:
                    for path in self._files("raw", contract):
                        yield "raw", path, files.blank(path, contract, mine)

    def _rejects(
        self, by_table: Mapping[str, list[Trace]], words: _Words, *, write: bool
    ) -> Iterator[tuple[str, StoragePath, int]]:
        """Every file of rejected rows, theirs and others."""
        for contract in self.registry.relations.values():
            mine = by_table.get(contract.relation, [])
            suppressed = Suppression(contract, self.fingerprints, tuple(mine))
            with self._files_of(contract, write=write) as files:
                for path in self._files("quarantine", contract):
                    left = suppressed.left_of_payloads(files.con, parquet(path))
                    texts = {
                        "payload": lambda text: words.without(left(text)),  # noqa: B023
                        "reason": words.without,
                    }
                    yield "quarantine", path, files.change(path, texts)

    @contextmanager
    def _files_of(self, contract: TableContract, *, write: bool) -> Iterator[_Files]:
        self.step(f"{_doing(write)} {contract.relation}")
        with ExitStack() as held, self._connect() as con:
            if write:
                held.enter_context(self.lake.lock(contract, self.settings.lock_timeout_seconds))
                # A load that was killed left its rows there.
                with self.lake.staging(contract):
                    pass
            yield _Files(con, self.lake, contract.relation, write)

    def _outside(
        self, by_table: Mapping[str, list[Trace]], words: _Words, *, write: bool
    ) -> Iterator[tuple[str, StoragePath, int]]:
        """Every file in which only their values can be recognised."""
        del by_table
        doing, timeout = _doing(write), self.settings.lock_timeout_seconds
        for fetch, pages in self._pages():
            name = f"pages.{fetch}"
            self.step(f"{doing} {name}")
            with ExitStack() as held, self._connect() as con:
                if write:
                    held.enter_context(self.lake.lock_named(name, name, timeout))
                files = _Files(con, self.lake, name, write)
                for path in pages:
                    texts = {"body": words.without, "request": words.without}
                    yield "pages", path, files.change(path, texts)
        self.step(f"{doing} published files")
        with self._connect() as con:
            files = _Files(con, self.lake, "erasure", write)
            folders = {
                "published": self.settings.published_dir,
                "operations": self.settings.lake_dir / "operations",
            }
            for kind, root in folders.items():
                found = files_below(root, "**/*.parquet")
                # The current version is a link to one of them.
                once = {path.resolve() if isinstance(path, Path) else path for path in found}
                for path in sorted(once, key=str):
                    texts = dict.fromkeys(files.texts(path), words.without)
                    yield kind, path, files.change(path, texts)
        for name in () if write else ("logs", "alerts", "tmp"):
            for path in sorted(
                p for p in (self.settings.data_dir / name).rglob("*") if p.is_file()
            ):
                yield name, path, int(words.are_in(path.read_text(errors="replace")))

    def _files(self, zone: str, contract: TableContract) -> list[StoragePath]:
        """Every file of a table, also those that a merged one replaced."""
        folder = self.lake.root / zone / contract.source / contract.name
        return sorted(files_below(folder, "*/*.parquet"), key=str)

    def _pages(self) -> list[tuple[str, list[StoragePath]]]:
        """Every fetch, as `<source>__<fetch>`, with the files of its pages."""
        by_fetch: dict[str, list[StoragePath]] = defaultdict(list)
        for path in sorted(files_below(self.lake.root / "pages", "*/*/*/*.parquet"), key=str):
            source, fetch = path.parts[-4:-2]
            by_fetch[f"{source}__{fetch}"].append(path)
        return list(by_fetch.items())

    @contextmanager
    def _connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that knows fingerprints, and keeps rows in their order."""
        with duck.connect(self.settings) as con:
            con.execute("set preserve_insertion_order = true")
            self.fingerprints.register(con)
            yield con


class _Words:
    """A person's own values, and taking them out of texts.

    Args:
        fingerprints: How values are hashed.
        values: The values, in lower case, as far as they are still known.
        hashed: Their keyed hashes.
    """

    def __init__(
        self, fingerprints: Fingerprints, values: frozenset[str], hashed: frozenset[str]
    ) -> None:
        self._fingerprints = fingerprints
        self._hashed = hashed
        longest_first = sorted(values, key=len, reverse=True)
        listed = "|".join(map(re.escape, longest_first))
        self._pattern = re.compile(listed, re.IGNORECASE) if listed else None

    def are_in(self, text: str) -> bool:
        """Whether one of the values stands in a text."""
        return bool(self._pattern and self._pattern.search(text))

    def without(self, text: str) -> str:
        """A text without the values; of JSON, each of its texts."""
        if text[:1] in ("{", "["):
            try:
                tree = json.loads(text)
            except ValueError:
                return self._replaced(text)
            cleaned = self._walk(tree)
            return text if cleaned == tree else json.dumps(cleaned, ensure_ascii=False)
        return self._replaced(text)

    def _walk(self, node: Any) -> Any:
        if isinstance(node, dict):
            return {name: self._walk(value) for name, value in node.items()}
        if isinstance(node, list):
            return [self._walk(value) for value in node]
        return self._replaced(node) if isinstance(node, str) else node

    def _replaced(self, text: str) -> str:
        word = text.strip().lower()
        if len(word) >= _TELLING and self._fingerprints.of(word) in self._hashed:
            return ERASED
        return self._pattern.sub(ERASED, text) if self._pattern else text


@dataclass(frozen=True)
class _Files:
    """Writes Parquet files anew without what is personal, each by one rename, or only looks.

    Attributes:
        con: A connection that knows fingerprints.
        lake: Where new files are staged.
        name: What they are staged under; the caller holds the lock of that name.
        write: Whether files are changed.
    """

    con: duckdb.DuckDBPyConnection
    lake: Lake
    name: str
    write: bool

    def blank(self, path: StoragePath, contract: TableContract, traces: list[Trace]) -> int:
        """Blank the personal columns of the traces' rows; returns how many had something there."""
        written = set(self._columns(path))
        # A file that is older than a column cannot hold anything in it.
        mine = [trace for trace in traces if written.issuperset(trace.columns)]
        columns = [c for c in personal_columns(contract) if c.name in written]
        theirs = is_theirs(mine)
        if not columns:
            return 0
        rows = _count(
            self.con, f"{parquet(path)} where {theirs} and {_is_personal(contract, written)}"
        )
        if rows and self.write:
            self._rewrite(path, blanked(columns, theirs))
        return rows

    def change(self, path: StoragePath, texts: Mapping[str, Callable[[str], str]]) -> int:
        """Put each text column through a function; returns how many rows it changed."""
        if not texts:
            return 0
        for column, function in texts.items():
            self.con.create_function(f"clean_{column}", function, ["VARCHAR"], "VARCHAR")
        cleaned = {name: f"{identifier(f'clean_{name}')}({identifier(name)})" for name in texts}
        differs = " or ".join(f"{sql} <> {identifier(name)}" for name, sql in cleaned.items())
        rows = _count(self.con, f"{parquet(path)} where {differs}")
        if rows and self.write:
            columns = (f"{sql} as {identifier(name)}" for name, sql in cleaned.items())
            self._rewrite(path, ", ".join(columns))
        for column in texts:
            self.con.remove_function(f"clean_{column}")
        return rows

    def texts(self, path: StoragePath) -> list[str]:
        """The columns of a file that hold texts."""
        return [name for name, kind in self._columns(path).items() if kind == "VARCHAR"]

    def _columns(self, path: StoragePath) -> dict[str, str]:
        return columns_of(self.con, f"select * from {parquet(path)}")

    def _rewrite(self, path: StoragePath, replaced: str) -> None:
        with self.lake.staging_named(self.name) as folder:
            staged = folder / path.name
            self.con.execute(
                f"copy (select * replace ({replaced}) from {parquet(path)}) "
                f"to {literal(str(staged))} (format parquet, compression zstd)"
            )
            place(staged, path)


def _doing(write: bool) -> str:
    return "Erasing" if write else "Proving"


def _values(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    return frozenset(v for (v,) in con.execute("select distinct value from own").fetchall())


def _by_table(traces: Iterable[Trace]) -> dict[str, list[Trace]]:
    found: dict[str, list[Trace]] = defaultdict(list)
    for trace in traces:
        found[trace.relation].append(trace)
    return found


def _is_personal(contract: TableContract, written: Iterable[str] | None = None) -> str:
    """SQL that says whether something personal stands in a row that is to be blank."""
    columns = personal_columns(contract)
    if written is not None:
        columns = [c for c in columns if c.name in written]
    return f"({' or '.join(f'{identifier(c.name)} is distinct from {blank(c)}' for c in columns)})"


def _count(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(con.execute(f"select count(*) from {rows}").fetchall()[0][0])
