"""The sources with their contracts: what the platform loads.

Joins the entries of `sources.toml` with the modules in `contracts/`. Assets, checks and the
command line iterate over it; adding a source needs no other edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version

from inventory_platform.contracts.base import TableContract, contracts_of
from inventory_platform.errors import ContractError
from inventory_platform.landing.loader import Loader
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import (
    Source,
    read_catalog,
    redact,
    resolve_address,
    secrets_of,
)


@dataclass(frozen=True)
class Registry:
    """Every source and every table the platform knows."""

    settings: Settings
    sources: Mapping[str, Source]
    contracts: Mapping[str, TableContract]

    def tables(self) -> Iterator[tuple[Source, TableContract]]:
        """Each table with its source, in the order declared."""
        for contract in self.contracts.values():
            yield self.sources[contract.source], contract

    def of_source(self, name: str) -> dict[str, TableContract]:
        """The contracts of one source, by table name."""
        return {c.name: c for c in self.contracts.values() if c.source == name}

    def find(self, relation: str) -> TableContract:
        """The contract of `<source>__<table>`, also written `<source>.<table>`.

        Raises:
            ContractError: There is none; names the tables there are.
        """
        found = self.contracts.get(relation.replace(".", "__", 1))
        if found is None:
            raise ContractError(
                f"There is no table {relation!r}.", f"Known tables: {', '.join(self.contracts)}."
            )
        return found

    def loader(self, source: Source) -> Loader:
        """The loader of a source's tables.

        Raises:
            SettingsError: The address names an unset variable or an unknown kind of system.
        """
        address = resolve_address(source.address, self.settings, f"Source {source.name!r}")
        return Loader(
            self.settings,
            source.reader(self.settings),
            address=redact(address),
            code_version=code_version(),
            secrets=frozenset(secrets_of(address)),
        )


def read_registry(settings: Settings) -> Registry:
    """Read all sources and contracts.

    Raises:
        SettingsError: `sources.toml` is missing or wrong.
        ContractError: A source has no contract, or a contract contradicts itself.
    """
    sources = read_catalog(settings)
    contracts = {
        contract.relation: contract
        for source in sources
        for contract in contracts_of(source).values()
    }
    return Registry(settings, sources, contracts)


@lru_cache(maxsize=1)
def code_version() -> str:
    """The installed version of this platform."""
    try:
        return version("inventory-platform")
    except PackageNotFoundError:
        return "0+unknown"
