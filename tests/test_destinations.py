"""The entries of destinations.toml: what is understood, and what is refused by name."""

import socket
import threading

import pytest

from inventory_platform.contracts.base import Contract, Integer, Text, column, describe, table
from inventory_platform.definitions import build_definitions
from inventory_platform.errors import PublishError, SettingsError
from inventory_platform.publishing.destinations import Entry, read_destinations
from inventory_platform.publishing.marts import Mart, MartColumn
from inventory_platform.publishing.postgres_entry import row_rules
from inventory_platform.publishing.postgres_tables import (
    Column,
    FoundColumn,
    FoundTable,
    Table,
    changes,
    postgres_type,
)
from inventory_platform.settings import ClearText, Settings

GOOD = 'address = "postgresql://loader@db.example.org:5432/inventory"'


class People(Contract):
    """Some people."""

    email: Text = column("Email", "Address.", personal=True)

    class Config:
        metadata = table("People")


class Items(Contract):
    """Some things."""

    item_id: Integer = column("ID", "Identifies the item.")

    class Config:
        metadata = table("Items", key=["item_id"])


def settings_for(tmp_path, text):
    path = tmp_path / "destinations.toml"
    if text is not None:
        path.write_text(text)
    return Settings(data_dir=tmp_path / "data", destinations_file=path)


def read(tmp_path, text):
    tables = {c.relation: c for c in (describe(People, "shop"), describe(Items, "shop"))}
    return read_destinations(settings_for(tmp_path, text), ["fct_orders", "dim_dates"], tables)


@pytest.mark.parametrize("text", [None, "", "[destinations]"])
def test_without_entries_there_are_no_destinations(tmp_path, text):
    assert read(tmp_path, text) == {}


def test_an_entry_says_where_what_and_how(tmp_path):
    text = (
        f'[destinations.reporting]\n{GOOD}\ndescription = "Power BI."\nschema = "reporting"\n'
        'password_env = "REPORTING_PASSWORD"\nmarts = ["fct_orders"]\nmode = "full"\n'
    )
    assert read(tmp_path, text) == {
        "reporting": Entry(
            name="reporting",
            address="postgresql://loader@db.example.org:5432/inventory",
            description="Power BI.",
            password_env="REPORTING_PASSWORD",
            schema="reporting",
            marts=("fct_orders",),
            mode="full",
        )
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[destinations.reporting", "cannot be read"),
        ("[reporting]\n" + GOOD, "unknown key 'reporting'"),
        ("destinations = 3", "destinations is no table"),
        (f"[destinations.Reporting]\n{GOOD}", "name is not usable"),
        ("[destinations.x]\nschema = 'a'", r"\[x\] has no address"),
        (f"[destinations.x]\n{GOOD}\npasword = 'a'", "unknown key 'pasword'"),
        (f"[destinations.x]\n{GOOD}\nmode = 3", "mode is no text"),
        (f"[destinations.x]\n{GOOD}\nmode = 'append'", "mode 'append'"),
        (f"[destinations.x]\n{GOOD}\nmarts = 'fct_orders'", "marts is no list"),
        (f"[destinations.x]\n{GOOD}\nmarts = ['fct_oders']", "no mart 'fct_oders'"),
        (f"[destinations.x]\n{GOOD}\nschema = 'inventory_meta'", "schema 'inventory_meta' is not"),
        (f"[destinations.x]\n{GOOD}\nschema = 'a b'", "schema 'a b' is not"),
        (f"[destinations.x]\n{GOOD}\nschema = 'personal'", "schema 'personal' is not"),
        (f"[destinations.x]\n{GOOD}\nrow_rules = 'a'", "row_rules is no list of names"),
        (f"[destinations.x]\n{GOOD}\nrow_rules = ['a; drop']", "row_rules is no list of names"),
        (f"[destinations.x]\n{GOOD}\npersonal = ['shop__items']", "no table 'shop__items' has"),
        (f"[destinations.x]\n{GOOD}\npersonal = ['shop__none']", "no table 'shop__none' has"),
        (f"[destinations.x]\n{GOOD}\npersonal = 'shop__people'", "personal is no list of names"),
        ("[destinations.x]\naddress = 'mysql://u@h/d'", "no known kind"),
        ("[destinations.x]\naddress = 'postgresql://u@h:port/d'", "no known kind"),
        ("[destinations.x]\naddress = 'postgresql://u:sesame@h/d'", "holds a password"),
        ("[destinations.x]\naddress = 'postgresql://u@h/d?password=sesame'", "holds a password"),
        ("[destinations.x]\naddress = 'postgresql://u@h/d?sslmod=require'", "option 'sslmod'"),
    ],
)
def test_a_wrong_entry_is_refused_by_name_and_without_its_secrets(tmp_path, text, reason):
    with pytest.raises(SettingsError, match=reason) as caught:
        read(tmp_path, text)
    assert "sesame" not in str(caught.value)


def test_rules_on_rows_and_personal_tables_are_named(tmp_path):
    columns = dict.fromkeys(("channel", "location_id"), MartColumn("", True))
    marts = {"orders": Mart("orders", "", columns, (), frozenset())}
    text = f"[destinations.x]\n{GOOD}\nrow_rules = ['channel']\npersonal = ['shop.people']"
    entry = read(tmp_path, text)["x"]
    assert (row_rules(entry, marts), entry.personal) == (("channel",), ("shop__people",))
    assert row_rules(read(tmp_path, f"[destinations.x]\n{GOOD}")["x"], marts) == ("location_id",)
    text = f"[destinations.x]\n{GOOD}\nrow_rules = []"
    assert row_rules(read(tmp_path, text)["x"], marts) == ()


def test_a_rule_on_rows_is_about_a_column_there_is():
    orders = Mart("orders", "", {"channel": MartColumn("", True)}, (), frozenset())
    entry = Entry("x", GOOD, options={"row_rules": ["channel", "chanel"]})
    with pytest.raises(SettingsError, match="no mart has a column 'chanel'"):
        row_rules(entry, {"orders": orders})


def test_a_wrong_entry_stops_the_start(tmp_path):
    with pytest.raises(SettingsError, match="unknown key 'pasword'"):
        build_definitions(settings_for(tmp_path, f"[destinations.x]\n{GOOD}\npasword = 'a'"))


def test_each_entry_is_an_asset_behind_the_published_marts(tmp_path):
    text = f"[destinations.one]\n{GOOD}\n[destinations.other]\n{GOOD}\nschema = 'other'\n"
    graph = build_definitions(settings_for(tmp_path, text)).resolve_asset_graph()
    found = {k.to_user_string() for k in graph.get_all_asset_keys() if "postgres" in k.path}
    assert found == {"published/postgres/one", "published/postgres/other"}
    for key in graph.get_all_asset_keys():
        if "postgres" in key.path:
            parents = {parent.to_user_string() for parent in graph.get(key).parent_keys}
            assert parents == {"published/marts"}


FOLDER = 'address = "s3://bucket/marts"'
SEARCH = 'address = "opensearch+https://loader@search.example.org:9200"\nmarts = ["fct_orders"]'
NESTED = f"{SEARCH}\n[destinations.x.documents.orders]\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{FOLDER}\nkeep = 0", "keep is 0"),
        (f"{FOLDER}\nkeep = true", "keep is True"),
        (f"{FOLDER}\nschema = 'a'", "unknown key 'schema'"),
        (f"{FOLDER}\npassword_env = 'A'", "password_env has no meaning"),
        ("address = 's3://key:sesame@bucket'", "holds a password"),
        (f"{SEARCH}\nprefix = 'My Shop'", "prefix 'My Shop' is not usable"),
        (f"{SEARCH}\nkeep = '2'", "keep is '2'"),
        (f"{SEARCH}\ndocuments = 3", "documents is no table"),
        ("address = 'opensearch+https://u:sesame@h'", "holds a password"),
        ("address = 'opensearch+https://h/?key=sesame'", "has options behind it"),
        ("address = 'opensearch+https:///x'", "names no server"),
        ("address = 'opensearch+https://h:port'", "names no server"),
        ("address = 'elasticsearch://h'", "of no known kind"),
        (NESTED, r"documents\.orders has no rows"),
        (f"{NESTED}rows = 'dim_dates'", "'dim_dates' is not among the marts or tables"),
        (f"{NESTED}rows = 'fct_orders'\nnest = 3", "unknown key 'nest'"),
        (f"{NESTED}rows = 'fct_orders'\nnested = 3", "nested is no table"),
        (f"{NESTED}rows = 'fct_orders'\nnested.a = {{ rows = 'fct_orders' }}", "has no by"),
        (
            f"{NESTED}rows = 'fct_orders'\nnested.a = {{ rows = 'fct_orders', by = 3 }}",
            "by is no column",
        ),
        (
            "address = 'opensearch+https://h'\n[destinations.x.documents.a]\nrows = 'fct_orders'",
            "does not say what they are made of",
        ),
    ],
)
def test_a_wrong_entry_of_another_kind_is_refused_alike(tmp_path, text, reason):
    with pytest.raises(SettingsError, match=reason) as caught:
        read(tmp_path, f"[destinations.x]\n{text}\n")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("key", ["row_rules", "personal"])
@pytest.mark.parametrize(
    "address",
    ["/srv/marts", "opensearch+https://h", "bigquery://project", "snowflake://u@account/d"],
)
def test_what_only_postgres_can_keep_apart_is_refused_by_other_kinds(tmp_path, address, key):
    text = f"[destinations.x]\naddress = '{address}'\n{key} = ['shop__people']\n"
    with pytest.raises(SettingsError, match=f"unknown key '{key}'"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("postgres://h/d", "postgres"),
        ("/srv/marts", "parquet"),
        ("{data_dir}/elsewhere", "parquet"),
        ("abfss://c@account.dfs.core.windows.net/marts", "parquet"),
        ("elasticsearch+https://h", "elasticsearch"),
        ("opensearch+http://localhost:9200", "opensearch"),
    ],
)
def test_the_scheme_of_an_address_tells_the_kind(tmp_path, address, kind):
    text = f'[destinations.x]\naddress = "{address}"\n'
    assert read(tmp_path, text)["x"].kind == kind


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Entry("x", "postgresql://u@${NO_SUCH_HOST}/d"), "variable NO_SUCH_HOST is not set"),
        (
            Entry("x", "postgresql://u@h/d", password_env="NO_SUCH_PASSWORD"),
            "variable NO_SUCH_PASSWORD is not set",
        ),
    ],
)
def test_a_variable_that_is_not_set_is_named(tmp_path, entry, reason):
    with pytest.raises(SettingsError, match=reason):
        entry.open(settings_for(tmp_path, None))


@pytest.mark.parametrize(
    ("option", "first_bytes", "reason"),
    [
        # 80877103 asks for TLS; 196608, version 3.0, begins in clear.
        ("", 80877103, "server does not support SSL, but SSL was required"),
        ("?sslmode=verify-full", 80877103, "root certificate file|but SSL was required"),
        ("?sslmode=disable", 196608, "cannot be opened"),
    ],
)
def test_another_machine_is_asked_for_tls_unless_the_address_says_otherwise(
    tmp_path, extensions, option, first_bytes, reason
):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "duckdb_extensions").symlink_to(extensions)
    received = []
    with socket.create_server(("127.0.0.2", 0)) as server:

        def answer():
            client, _ = server.accept()
            with client:
                received.append(int.from_bytes(client.recv(8)[4:8], "big"))
                client.sendall(b"N")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        entry = Entry("x", f"postgresql://u@127.0.0.2:{port}/d{option}")
        settings = settings_for(tmp_path, None)
        if "disable" in option:
            with pytest.raises(SettingsError, match="INVENTORY_CLEAR_TEXT"):
                entry.open(settings)
            settings = settings.model_copy(update={"clear_text": ClearText.warn})
        destination = entry.open(settings)
        with pytest.raises(PublishError, match=reason):
            destination.publish(tmp_path, None, [])
        if received or "verify" not in option:
            thread.join(5)
            assert received == [first_bytes]


def test_types_have_the_same_values_there():
    assert {
        kind: postgres_type(kind)
        for kind in (
            "DECIMAL(38,10)",
            "HUGEINT",
            "UBIGINT",
            "TIMESTAMP WITH TIME ZONE",
            "MAP(A, B)",
        )
    } == {
        "DECIMAL(38,10)": "numeric(38,10)",
        "HUGEINT": "numeric(38,0)",
        "UBIGINT": "numeric(20,0)",
        "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
        "MAP(A, B)": None,
    }


def test_a_table_that_is_as_it_should_be_needs_nothing():
    table = Table(
        "marts", "orders", (Column("id", "bigint", True, "It."),), ("id",), (), "All.", None
    )
    column = FoundColumn("bigint", True, "It.", True)
    found = FoundTable("r", True, "All.", False, {"id": column}, "orders_pkey", ("id",))
    done = changes(table, found)
    assert (done.before, done.after, done.polish) == ([], [], [])
    other = changes(
        table, FoundTable("r", True, "All.", False, {"id": column}, "orders_pk", ("no",))
    )
    assert other.before == ['alter table "marts"."orders" drop constraint "orders_pk"']
    assert other.after == ['alter table "marts"."orders" add primary key ("id")']
