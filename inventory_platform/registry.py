"""The sources with their contracts: what the platform loads.

Joins the entries of `sources.toml` with the modules in `contracts/`. Assets, checks and the
command line iterate over it; adding a source needs no other edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inventory_platform.code_version import code_version
from inventory_platform.contracts.base import TableContract, contract_modules, contracts_of
from inventory_platform.errors import ContractError, SettingsError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.pages import FetchRecord, PageReader, PageStore
from inventory_platform.settings import Settings
from inventory_platform.sources.base import Reader
from inventory_platform.sources.catalog import Source, read_catalog, redact, resolve
from inventory_platform.sources.documents import stream_of


@dataclass(frozen=True)
class Registry:
    """Every source and every table the platform knows.

    Attributes:
        settings: Where everything is.
        sources: The entries of `sources.toml`, by name.
        contracts: The tables of these sources, by relation.
        dormant: The tables of contracts whose source has no entry, such as one that was
            retired. Nothing loads them; what was loaded stays, and models see it.
    """

    settings: Settings
    sources: Mapping[str, Source]
    contracts: Mapping[str, TableContract]
    dormant: Mapping[str, TableContract] = field(default_factory=dict)

    @property
    def relations(self) -> dict[str, TableContract]:
        """Every table there is a contract for."""
        return {**self.contracts, **self.dormant}

    def tables(self) -> Iterator[tuple[Source, TableContract]]:
        """Each table with its source, in the order declared."""
        for contract in self.contracts.values():
            yield self.sources[contract.source], contract

    def of_source(self, name: str) -> dict[str, TableContract]:
        """The contracts of one source, by table name."""
        return {c.name: c for c in self.relations.values() if c.source == name}

    def source(self, name: str) -> Source:
        """The entry of a source.

        Raises:
            SettingsError: There is none; names the sources there are.
        """
        found = self.sources.get(name)
        if found is None:
            raise SettingsError(
                f"There is no source {name!r}.", f"Known sources: {', '.join(self.sources)}."
            )
        return found

    def find(self, relation: str) -> TableContract:
        """The contract of `<source>__<table>`, also written `<source>.<table>`.

        Raises:
            ContractError: There is none; names the tables there are.
        """
        found = self.relations.get(relation.replace(".", "__", 1))
        if found is None:
            raise ContractError(
                f"There is no table {relation!r}.", f"Known tables: {', '.join(self.relations)}."
            )
        return found

    def loader(self, source: Source) -> Loader:
        """The loader of a source's tables.

        Raises:
            SettingsError: The address names an unset variable or an unknown kind of system.
        """
        if source.is_fetched:
            reader: Reader = self.page_reader(source)
            secrets: frozenset[str] = frozenset()
        else:
            resolved, secrets = resolve(source, self.settings)
            reader = resolved.reader()
        return Loader(
            self.settings,
            reader,
            address=redact(source.address),
            code_version=code_version(),
            secrets=secrets,
        )

    def page_reader(self, source: Source) -> PageReader:
        """What reads a fetched source's tables out of the pages it answered."""
        return PageReader(Lake.of(self.settings), source.name, source.fetcher().fetches())

    def fetch(self, source: Source, name: str) -> list[FetchRecord]:
        """Ask a source for its new pages and keep them.

        Raises:
            SettingsError: A placeholder of its entry cannot be filled in.
            SourceError: The source failed; what came before the last checkpoint is kept.
            LandingError: Another process fetches the same.
        """
        resolved, _ = resolve(source, self.settings)
        store = PageStore(Lake.of(self.settings), source.name, name)
        return store.collect(resolved.fetcher(), timeout_seconds=self.settings.lock_timeout_seconds)


def read_registry(settings: Settings) -> Registry:
    """Read all sources and contracts.

    Raises:
        SettingsError: `sources.toml` is missing or wrong.
        ContractError: A source has no contract, or a contract contradicts itself or another.
    """
    sources = read_catalog(settings)
    retired = [name for name in contract_modules() if name not in sources]
    registry = Registry(settings, sources, _by_relation(sources), _by_relation(retired))
    check_sessions(registry)
    return registry


def check_sessions(registry: Registry) -> None:
    """Refuse two tables that would read one session of an MQTT broker.

    The broker gives each message to a session once, so what one table has taken the other never
    sees.

    Raises:
        ContractError: Two tables read the same session; names both.
    """
    taken: dict[tuple[str, str], TableContract] = {}
    for source, contract in registry.tables():
        if source.kind != "mqtt":
            continue
        # Only here, as most installations read no MQTT.
        from inventory_platform.sources.streams.mqtt import CLIENT_ID, session_name

        client_id = str(source.options.get("client_id", CLIENT_ID))
        session = session_name(client_id, stream_of(contract.source_table))
        other = taken.setdefault((source.address, session), contract)
        if other is not contract:
            raise ContractError(
                f"Tables {other.relation} and {contract.relation} would both read the MQTT session "
                f"{session!r}, and each miss what the other took.",
                "Let one of them read a topic filter of its own, or give its source another entry "
                "in sources.toml with a `client_id` of its own.",
            )


def _by_relation(sources: Iterable[str]) -> dict[str, TableContract]:
    return {c.relation: c for source in sources for c in contracts_of(source).values()}
