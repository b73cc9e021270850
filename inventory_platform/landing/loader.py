"""Loading one table: read, judge, compare with what is known, commit.

    relation ──typed and judged in one scan──▶ accepted.parquet │ rejected.parquet
             ──without copies, unchanged and contradicting rows──▶ raw file │ quarantine file
             ──one rename──▶ committed

Everything runs inside DuckDB, out of core; Python only decides what runs next. The two
halves of a load are `staging.py` and `settlement.py`, the commit point is `lake.py`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier, literal, parquet
from inventory_platform.errors import LandingError, SourceError
from inventory_platform.landing.compiler import Drift
from inventory_platform.landing.history import misfits
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.settlement import Settlement, cursor_spans
from inventory_platform.landing.staging import Staged, Staging, lower_bound
from inventory_platform.landing.suppression import Suppression
from inventory_platform.object_storage import StorageError
from inventory_platform.settings import Settings
from inventory_platform.sources.base import Reader, Request


class Loader:
    """Loads the tables of one source into the lake.

    Args:
        settings: Limits and folders.
        reader: How the source is read.
        address: Where it is read from, without secrets, for the ledger.
        code_version: Version of the code, for the ledger.
        secrets: Texts that must not appear in any error message.
    """

    def __init__(
        self,
        settings: Settings,
        reader: Reader,
        *,
        address: str,
        code_version: str = "",
        secrets: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings
        self.lake = Lake.of(settings)
        self.reader = reader
        self.address = address
        self.code_version = code_version
        self.secrets = secrets

    def load(self, contract: TableContract, *, now: datetime | None = None) -> LoadRecord:
        """Load one table, all or nothing.

        Args:
            contract: What the table must look like.
            now: The load's instant, naive UTC; the clock's when omitted.

        Returns:
            The load's record, as committed.

        Raises:
            SourceError: The source cannot be read.
            SchemaDriftError: A required column is missing.
            ContractError: Values of earlier loads do not fit the contract any more.
            LandingError: The load could not be kept; nothing of it is visible.
        """
        lake, settings = self.lake, self.settings
        started = now or datetime.now(UTC).replace(tzinfo=None)
        with (
            self._named_failures(contract),
            lake.lock(contract, settings.lock_timeout_seconds),
            lake.staging(contract) as folder,
            duck.connect(settings) as con,
        ):
            lake.sweep(contract)
            retyped = told_of_history(con, lake, contract)
            last = lake.last_record(contract)
            since = _since(contract, last)
            request = self._request(con, contract, last)
            self.reader.attach(con)
            load_id = lake.new_load_id(contract, started.replace(tzinfo=UTC))
            staging = Staging(con, contract, folder, load_id, started)
            staged = staging.read(self.reader, request)
            erased = Suppression.of(settings, lake, contract)
            if erased and staged.accepted:
                staged = replace(staged, accepted=erased.of_rows(con, staged.accepted))
            settled = Settlement(con, lake, contract, staged, folder, load_id, started).settle()
            if erased and settled.quarantine:
                settled = replace(settled, quarantine=erased.of_rejects(con, settled.quarantine))
            cursor_to = _new_cursor(con, contract, staged, since)
            record = LoadRecord(
                load_id=load_id,
                source=contract.source,
                table_name=contract.name,
                kind="snapshot" if contract.is_snapshot else "incremental",
                address=self.address,
                code_version=self.code_version,
                contract_version=contract_version(contract),
                started_at=started.isoformat(sep=" "),
                committed_at="",
                rows_read=staged.accepted_rows + staged.rejected_rows,
                rows_loaded=settled.rows_loaded,
                rows_quarantined=settled.rows_quarantined,
                rows_deduplicated=settled.rows_deduplicated,
                rows_vanished=settled.rows_vanished,
                cursor_column=contract.cursor,
                cursor_from=since,
                cursor_to=cursor_to,
                cursor_spans=cursor_spans(con, contract, settled.raw),
                resume=staged.relation.resume,
                inputs=[asdict(given) for given in staged.relation.inputs],
                columns=dict(staged.compiled.types),
                drift=[str(d) for d in (*staged.compiled.drift, *retyped)],
            )
            committed = lake.commit(contract, record, settled.files)
            if staged.relation.acknowledge is not None:
                staged.relation.acknowledge()
            return committed

    def _request(
        self, con: duckdb.DuckDBPyConnection, contract: TableContract, last: LoadRecord | None
    ) -> Request:
        since = _since(contract, last)
        bound = lower_bound(con, contract, since)
        known = contract.increments and self.lake.inputs(contract, contract_version(contract))
        return Request(
            table=contract.source_table,
            columns=tuple(c.source for c in contract.columns),
            elsewhere=contract.elsewhere,
            is_whole=contract.is_snapshot,
            newer_than=(contract.by_name[contract.cursor].source, bound)
            if contract.cursor and bound
            else None,
            resume=last.resume if last else None,
            inputs=known or frozenset(),
        )

    def _named_failures(self, contract: TableContract) -> NamedFailures:
        return NamedFailures(contract, self.settings, self.secrets)


# The other errors of DuckDB (parser, binder, catalog, internal) are mistakes of this code.
_OUTSIDE_FAILURES = (
    OSError,
    duckdb.IOException,
    duckdb.HTTPException,
    duckdb.OutOfMemoryException,
    duckdb.DataError,
    duckdb.InvalidInputException,
    duckdb.ConnectionException,
    duckdb.TransactionException,
)


_PASSING = re.compile(
    r"locked|busy|time(d|s)? ?out|refused|reset by|broken pipe|deadlock|gone away|unreachable|"
    r"(server )?closed the connection|connection (to .* )?(was )?(lost|closed|aborted|failed)",
    re.IGNORECASE,
)
"""What scanners and file systems say of a failure that may be over in a moment."""


class NamedFailures:
    """Turns failures of DuckDB and the file system into errors that say what to do."""

    def __init__(
        self, contract: TableContract, settings: Settings, secrets: frozenset[str]
    ) -> None:
        self.contract = contract
        self.settings = settings
        self.secrets = secrets

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        # The scanners of other databases raise the base class itself.
        if not isinstance(error, _OUTSIDE_FAILURES) and type(error) is not duckdb.Error:
            return
        text = str(error).strip().splitlines()[0]
        for secret in self.secrets:
            text = text.replace(secret, "***")
        what = f"Loading {self.contract.relation} failed: {text}"
        if isinstance(error, duckdb.Error) and self._is_in_our_storage(text):
            raise StorageError(
                what,
                "Check the network, the credentials and their rights, then load again. Nothing "
                "of this load is visible; the last good state stays.",
                is_transient=True,
            ) from error
        if "No space left" in text:
            remedy = (
                f"Free space below {self.settings.data_dir}, or set INVENTORY_DATA_DIR to a "
                "larger disk. Nothing of the load is visible; the last good state stays."
            )
        elif isinstance(error, duckdb.OutOfMemoryException):
            remedy = "Raise INVENTORY_MEMORY_LIMIT, or free memory on this machine."
        elif isinstance(error, OSError) and self._is_our_file(error.filename):
            remedy = (
                f"Make {self.settings.data_dir} a folder that this user can write to, or set "
                "INVENTORY_DATA_DIR to another one."
            )
        else:
            raise SourceError(
                what,
                "Check that the source is complete, reachable and not being rewritten, then load "
                "again. Nothing of this load is visible; the last good state stays.",
                is_transient=isinstance(error, ConnectionError | TimeoutError)
                or bool(_PASSING.search(text)),
            ) from error
        raise LandingError(what, remedy) from error

    def _is_in_our_storage(self, text: str) -> bool:
        root = self.settings.lake_root
        return not isinstance(root, Path) and root.path in text

    def _is_our_file(self, name: str | None) -> bool:
        return name is None or Path(name).is_relative_to(self.settings.data_dir)


def contract_version(contract: TableContract) -> str:
    """A short fingerprint of everything a contract says about rows."""
    facts = repr(
        [
            (
                *(c.name, c.source, c.type, c.nullable, c.required),
                *(c.checks, c.formats, c.decimal_mark, c.null_values),
            )
            for c in contract.columns
        ]
        + [contract.key, contract.cursor, contract.increments, contract.clock_tolerance]
    )
    return hashlib.sha256(facts.encode()).hexdigest()[:12]


def told_of_history(
    con: duckdb.DuckDBPyConnection, lake: Lake, contract: TableContract
) -> list[Drift]:
    """What of earlier loads does not fit a contract, told by the first load with that contract.

    Raises:
        ContractError: It is in a column that must not be empty.
    """
    records = (lake.record(contract, load_id) for load_id in reversed(lake.load_ids(contract)))
    last = next((record for record in records if record.kind != "replay"), None)
    if last is None or last.contract_version == contract_version(contract):
        return []
    return misfits(con, contract, lake.files("raw", contract))


def _since(contract: TableContract, last: LoadRecord | None) -> str | None:
    """Where the cursor stands; nowhere yet when the contract names another column or type."""
    if last is None or contract.cursor is None or last.cursor_column != contract.cursor:
        return None
    if last.columns.get(contract.cursor) != contract.by_name[contract.cursor].type:
        return None
    return last.cursor_to


def _new_cursor(
    con: duckdb.DuckDBPyConnection, contract: TableContract, staged: Staged, since: str | None
) -> str | None:
    if contract.cursor is None or staged.accepted is None:
        return since
    name = identifier(contract.cursor)
    kind = contract.by_name[contract.cursor].type
    bound = f"cast({literal(since)} as {kind})" if since else "null"
    row = con.execute(
        f"select cast(greatest(max({name}), {bound}) as varchar) from {parquet(staged.accepted)}"
    ).fetchone()
    return row[0] if row else since
