"""Loading streams without end: small loads one after another, until the process is told to stop.

Every load is an ordinary one, by the same reader as the asset's, so killing this process at
any point loses nothing and doubles nothing. Each load is reported to Dagster as a
materialization of the raw asset; what follows from it is automation's business.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from inventory_platform.assets.raw import ledger_metadata
from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import InventoryError, LandingError, SourceError
from inventory_platform.landing.lake import LoadRecord
from inventory_platform.landing.loader import Loader
from inventory_platform.sources.streams.base import StreamReader

log = logging.getLogger(__name__)

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 30.0


@dataclass(frozen=True)
class Pace:
    """How large a load becomes: it is full by time or by number, whichever comes first.

    Attributes:
        seconds: How long to gather after the first message.
        messages: How many messages are enough.
    """

    seconds: float = 1.0
    messages: int = 20_000


def stream(
    contracts: Iterable[TableContract],
    make_loader: Callable[[], Loader],
    *,
    landed: Callable[[LoadRecord], None],
    pace: Pace | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Load tables of a stream source, each in a thread of its own, until told to stop.

    A broker that is away is tried again, ever more slowly. What was received when the end comes
    is still landed and acknowledged.

    Args:
        contracts: The tables.
        make_loader: Makes a loader of the source; called again after every failure.
        landed: Called with the record of each load that read anything.
        pace: How large loads become.
        stop: Set to end it; SIGTERM and SIGINT set it too.

    Raises:
        InventoryError: The source is no stream, or going on makes no sense.
    """
    stop = stop or threading.Event()
    failures: list[BaseException] = []

    def follow(contract: TableContract) -> None:
        try:
            _follow(contract, make_loader, landed, pace or Pace(), stop)
        except BaseException as error:  # noqa: BLE001  It is raised again, where it can be seen.
            failures.append(error)
        finally:
            stop.set()

    threads = [
        threading.Thread(target=follow, args=(contract,), name=contract.relation)
        for contract in contracts
    ]
    with _stopped_by_signals(stop):
        for thread in threads:
            thread.start()
        stop.wait()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def reporter(instance: dg.DagsterInstance) -> Callable[[LoadRecord], None]:
    """What tells Dagster of a load: the raw asset was materialized, with its ledger line."""

    def report(record: LoadRecord) -> None:
        key = dg.AssetKey(["raw", f"{record.source}__{record.table_name}"])
        instance.report_runless_asset_event(
            dg.AssetMaterialization(asset_key=key, metadata=ledger_metadata(record))
        )

    return report


def _follow(
    contract: TableContract,
    make_loader: Callable[[], Loader],
    landed: Callable[[LoadRecord], None],
    pace: Pace,
    stop: threading.Event,
) -> None:
    delay = _FIRST_DELAY_SECONDS
    while not stop.is_set():
        # A new one each time: after a failure nothing of the connection can be trusted.
        loader = make_loader()
        reader = loader.reader
        if not isinstance(reader, StreamReader):
            raise InventoryError(
                f"Source {contract.source!r} is no stream.",
                "`inventory run` loads it; streams have an address mqtt://… or kafka://….",
            )
        reader.stays_open = True
        try:
            _land(loader, contract, landed)
            delay = _FIRST_DELAY_SECONDS
            while not stop.is_set():
                if reader.gather(contract.source_table, pace.seconds, pace.messages, stop.is_set):
                    _land(loader, contract, landed)
        except (SourceError, LandingError) as error:
            log.warning("%s: again in %.1f s. %s", contract.relation, delay, error)
            stop.wait(delay)
            delay = min(2 * delay, _LONGEST_DELAY_SECONDS)
        finally:
            reader.close()


def _land(loader: Loader, contract: TableContract, landed: Callable[[LoadRecord], None]) -> None:
    record = loader.load(contract)
    if record.rows_read:
        log.info(
            "%s: read %d, loaded %d, quarantined %d, deduplicated %d",
            contract.relation,
            record.rows_read,
            record.rows_loaded,
            record.rows_quarantined,
            record.rows_deduplicated,
            extra={"asset": f"raw/{contract.relation}", "load_id": record.load_id},
        )
        landed(record)


@contextmanager
def _stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may; others stop by their own means.
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
