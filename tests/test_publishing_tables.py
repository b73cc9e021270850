"""A table of a Postgres source arrives as documents: two entries and a contract, and no code."""

from datetime import UTC, datetime

import dagster as dg
import pytest

from inventory_platform import duck
from inventory_platform.assets import destinations as assets
from inventory_platform.assets.destinations import behind, build_destination_assets
from inventory_platform.assets.published import MARTS
from inventory_platform.assets.raw import build_raw_assets
from inventory_platform.contracts.base import (
    Contract,
    Date,
    Integer,
    Money,
    Text,
    column,
    describe,
    table,
)
from inventory_platform.errors import PublishError, SettingsError
from inventory_platform.publishing.destinations import read_destinations
from inventory_platform.publishing.send import send
from inventory_platform.registry import Registry
from inventory_platform.sandbox.serving import served
from inventory_platform.sources.catalog import read_catalog
from inventory_platform.warehouse import warehouse_resource
from tests.postgres_server import running_postgres
from tests.search_server import Cluster

pytestmark = pytest.mark.slow


class Wares(Contract):
    """Things the shop sells."""

    ware_id: Integer = column("ware_id", "Identifies the ware.")
    name: Text = column("name", "Name.")
    price: Money = column("price", "Price.", nullable=True, ge=0)
    listed_date: Date = column("listed", "Since when it is sold.", nullable=True)
    seller_email: Text = column("seller_email", "Who sells it.", nullable=True, personal=True)

    class Config:
        metadata = table("shop.wares", key=["ware_id"])


class Stock(Contract):
    """How many of a ware lie where."""

    ware_id: Integer = column("ware_id", "The ware.")
    location: Text = column("location", "Where.")
    on_hand: Integer = column("on_hand", "How many.")

    class Config:
        metadata = table("shop.stock", key=["ware_id", "location"])


SOURCES = """
[shop_db]
address = "{address}"
description = "The shop's database."
"""
DESTINATIONS = """
[destinations.catalogue]
address = "opensearch+{url}"
description = "What the shop's website searches."
prefix = "shop"
tables = ["shop_db.wares", "shop_db.stock"]

[destinations.catalogue.documents.wares]
rows = "shop_db.wares"
nested.stock = {{ rows = "shop_db.stock", by = "ware_id" }}
"""


@pytest.fixture(scope="module")
def database():
    with running_postgres() as server:
        yield server.get_uri()


class Pipeline:
    """The entries of both files, as the platform reads them, and what they make of it."""

    def __init__(self, shop, database, url):
        self.shop, self.database = shop, database
        sources, destinations = shop.folder / "sources.toml", shop.folder / "destinations.toml"
        sources.write_text(SOURCES.format(address=database))
        destinations.write_text(DESTINATIONS.format(url=url))
        self.settings = shop.settings.model_copy(
            update={"sources_file": sources, "destinations_file": destinations}
        )
        contracts = [describe(Wares, "shop_db"), describe(Stock, "shop_db")]
        self.registry = Registry(
            self.settings, read_catalog(self.settings), {c.relation: c for c in contracts}
        )
        self.entries = read_destinations(self.settings, [], self.registry.contracts)
        self.instance = dg.DagsterInstance.ephemeral()

    def sql(self, *statements):
        with duck.connect(self.settings) as con:
            duck.load_extension(con, "postgres_scanner")
            con.execute(f"attach {duck.literal(self.database)} as db (type postgres)")
            for statement in statements:
                con.execute(f"call postgres_execute('db', {duck.literal(statement)})")

    def run(self):
        """Load the tables and send them on, as the asset graph does."""
        outputs = build_destination_assets(
            self.settings, self.entries.values(), tables=self.registry.contracts
        )
        return dg.materialize(
            [*build_raw_assets(self.registry), *outputs],
            **self.how(),
        )

    def how(self):
        return {
            "instance": self.instance,
            "raise_on_error": False,
            "resources": {"warehouse": warehouse_resource(self.settings)},
        }

    def sent(self):
        key = assets.destination_key(self.entries["catalogue"])
        event = self.instance.get_latest_materialization_event(key)
        return event.asset_materialization.metadata["rows_written"].value


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def pipeline(shop, database, cluster):
    with served(cluster.app()) as url:
        made = Pipeline(shop, database, url)
        made.sql(
            "drop schema if exists shop cascade; create schema shop; "
            "create table shop.wares (ware_id int primary key, name text not null, "
            "price numeric(12,2), listed date, seller_email text); "
            "create table shop.stock (ware_id int, location text, on_hand int, "
            "primary key (ware_id, location)); "
            "insert into shop.wares values (1, 'Lamp', 12.50, '2026-01-02', 'canary@example.com'), "
            "(2, 'Chair', 80, '2026-02-03', null), (3, 'Broken', -1, null, null); "
            "insert into shop.stock values (1, 'north', 5), (1, 'south', 7), (2, 'north', 1)"
        )
        yield made


def test_a_table_of_postgres_arrives_as_documents_and_follows_its_changes(pipeline, cluster):
    assert pipeline.run().success
    # The third is in quarantine: its price is below zero.
    assert cluster.search("shop-wares") == {
        "1": {
            "ware_id": 1,
            "name": "Lamp",
            "price": 12.5,
            "listed_date": "2026-01-02",
            "stock": [{"location": "north", "on_hand": 5}, {"location": "south", "on_hand": 7}],
        },
        "2": {
            "ware_id": 2,
            "name": "Chair",
            "price": 80.0,
            "listed_date": "2026-02-03",
            "stock": [{"location": "north", "on_hand": 1}],
        },
    }
    assert "canary@example.com" not in str(cluster.indexes)
    assert pipeline.sent() == 2
    assert pipeline.run().success
    assert pipeline.sent() == 0
    # A ware vanishes at the source, a price and a stock change.
    pipeline.sql(
        "delete from shop.wares where ware_id = 2; "
        "update shop.wares set price = 9.99 where ware_id = 1; "
        "update shop.stock set on_hand = 6 where location = 'south'"
    )
    assert pipeline.run().success
    documents = cluster.search("shop-wares")
    assert set(documents) == {"1"}
    assert documents["1"]["price"] == 9.99
    assert documents["1"]["stock"][1] == {"location": "south", "on_hand": 6}


def test_the_asset_stands_behind_the_tables_it_is_given(pipeline):
    (asset,) = build_destination_assets(
        pipeline.settings, pipeline.entries.values(), tables=pipeline.registry.contracts
    )
    assert asset.key.path == ["published", "opensearch", "catalogue"]
    found = {key.to_user_string() for key in asset.asset_deps[asset.key]}
    assert found == {"raw/shop_db__wares", "raw/shop_db__stock"}
    assert MARTS not in asset.asset_deps[asset.key]


def test_a_table_that_fails_its_load_keeps_what_is_searched(pipeline, cluster):
    assert pipeline.run().success
    before = cluster.search("shop-wares")
    pipeline.sql("alter table shop.wares rename column name to title")
    assert not pipeline.run().success
    assert cluster.search("shop-wares") is before


def test_a_blocking_check_that_failed_keeps_what_is_searched(pipeline, cluster):
    assert pipeline.run().success
    before = cluster.search("shop-wares")
    key = dg.AssetKey(["raw", "shop_db__wares"])

    @dg.asset_check(asset=key, name="contract", blocking=True)
    def failing():
        return dg.AssetCheckResult(passed=False)

    pipeline.sql("update shop.wares set price = 1 where ware_id = 1")
    raw = build_raw_assets(pipeline.registry)
    behind_it = build_destination_assets(
        pipeline.settings,
        pipeline.entries.values(),
        tables=pipeline.registry.contracts,
        blocking=[dg.AssetCheckKey(key, "contract")],
    )
    assert not dg.materialize([*raw, *behind_it, failing], **pipeline.how()).success
    # Asked for by itself it looks at how the check went.
    alone = dg.materialize([*raw, *behind_it], selection=behind_it, **pipeline.how())
    message = str(alone.filter_events(lambda e: e.is_step_failure)[0].event_specific_data.error)
    assert "contract on raw/shop_db__wares" in message
    assert cluster.search("shop-wares") is before


def test_it_is_behind_when_its_tables_have_a_newer_load(pipeline):
    key = assets.destination_key(pipeline.entries["catalogue"])

    def waiting():
        lake = pipeline.shop.lake
        newest = max(lake.load_ids(c)[-1] for c in pipeline.registry.contracts.values())
        return behind(pipeline.instance, pipeline.settings, [key], {key: newest})

    pipeline.run()
    assert waiting() == []
    contract = pipeline.registry.contracts["shop_db__stock"]
    source = pipeline.registry.sources["shop_db"]
    pipeline.registry.loader(source).load(contract, now=datetime(2100, 1, 1, tzinfo=UTC))
    assert waiting() == [key]


def test_a_table_that_was_never_loaded_is_named(pipeline):
    with pytest.raises(PublishError, match="shop_db__wares has not been loaded yet"):
        send(pipeline.settings, pipeline.entries["catalogue"], {}, pipeline.registry.contracts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('tables = ["shop_db.nothing"]', "no source table 'shop_db__nothing'"),
        ('tables = ["shop_db.wares"]\nmarts = ["fct_orders"]', "names marts and tables"),
        ("tables = []", "tables is no list of names"),
        ('tables = ["shop_db.wares"]\npersonal = ["shop_db.wares"]', "names tables and personal"),
    ],
)
def test_a_wrong_table_is_refused_by_name(shop, text, reason):
    path = shop.folder / "destinations.toml"
    path.write_text(f'[destinations.x]\naddress = "postgresql://u@h/d"\n{text}\n')
    settings = shop.settings.model_copy(update={"destinations_file": path})
    with pytest.raises(SettingsError, match=reason):
        read_destinations(settings, ["fct_orders"], {"shop_db__wares": describe(Wares, "shop_db")})
