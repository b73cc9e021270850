"""Load a stream without end in a process of its own; a helper of the tests.

    python stream_driver.py <address> <data folder> <source.table> [<module.function> <when> <n>]

Each landed load is one line of JSON on the standard output. With a point, the process kills
itself there (see `kill_driver.py`).
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from inventory_platform import duck
from inventory_platform.contracts.base import TableContract, contracts_of
from inventory_platform.duck import identifier
from inventory_platform.landing.lake import Lake, LoadRecord
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.views import create_views, current_select
from inventory_platform.operations.streaming import Pace, stream
from inventory_platform.sandbox.brokers import find_mosquitto
from inventory_platform.settings import Settings
from inventory_platform.sources.streams.base import StreamReader
from inventory_platform.sources.streams.kafka import KafkaReader
from inventory_platform.sources.streams.mqtt import MqttReader

PACE = Pace(seconds=0.2, messages=500)


def need_mosquitto() -> None:
    """Skip on a laptop without Mosquitto; on the build server it must be there."""
    if find_mosquitto() is None and not os.environ.get("CI"):
        pytest.skip("Mosquitto is not installed: bash scripts/install-test-servers.sh")


def contract_of(name: str) -> TableContract:
    source, _, table = name.partition(".")
    return contracts_of(source)[table]


def reader_of(address: str, options: dict[str, Any] | None = None) -> StreamReader:
    return (MqttReader if address.startswith("mqtt") else KafkaReader)(address, options)


class Desk:
    """A lake of its own that one table of a stream is loaded into."""

    def __init__(self, folder: Path, name: str) -> None:
        self.settings = Settings(data_dir=folder, threads=1)
        self.contract = contract_of(name)
        self.lake = Lake(self.settings.lake_dir)

    def loader(self, address: str, options: dict[str, Any] | None = None) -> Loader:
        return Loader(self.settings, reader_of(address, options), address="stream")

    def load(self, address: str, options: dict[str, Any] | None = None) -> LoadRecord:
        return self.loader(address, options).load(self.contract)

    def records(self) -> list[LoadRecord]:
        return [
            self.lake.record(self.contract, load_id)
            for load_id in self.lake.load_ids(self.contract)
        ]

    def current(self) -> list[Any]:
        """The present rows in the contract's columns, sorted."""
        names = ", ".join(identifier(c.name) for c in self.contract.columns)
        with duck.connect(self.settings) as con:
            current = current_select(con, self.lake, self.contract)
            return con.sql(f"select {names} from ({current}) order by all").fetchall()

    def versions(self) -> int:
        """Rows in the raw zone, every version of each counted."""
        return int(self.ask(f"select count(*) from raw.{self.contract.relation}")[0][0])

    def rejects(self) -> list[Any]:
        """Reason code and payload of every quarantined row."""
        return self.ask("select reason_code, payload from ops.quarantine order by all")

    def ask(self, sql: str) -> list[Any]:
        with duck.connect(self.settings) as con:
            create_views(con, self.lake, [self.contract])
            return con.sql(sql).fetchall()

    def adds_up(self) -> bool:
        """Whether every load accounts for every message it read, and raw rows are as many."""
        records = self.records()
        return all(
            r.rows_read == r.rows_loaded + r.rows_quarantined + r.rows_deduplicated for r in records
        ) and self.versions() == sum(r.rows_loaded for r in records)


def main() -> None:
    """Load until told to stop, or die on the way."""
    from kill_driver import die_at

    address, folder, name, *point = sys.argv[1:]
    if point:
        die_at(point[0], point[1], int(point[2]))
    desk = Desk(Path(folder), name)

    def landed(record: LoadRecord) -> None:
        sys.stdout.write(record.to_json().replace("\n", "") + "\n")
        sys.stdout.flush()

    stream([desk.contract], lambda: desk.loader(address), landed=landed, pace=PACE)


if __name__ == "__main__":
    main()
