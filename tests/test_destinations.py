"""The entries of destinations.toml: what is understood, and what is refused by name."""

import socket
import threading

import pytest

from inventory_platform.definitions import build_definitions
from inventory_platform.errors import PublishError, SettingsError
from inventory_platform.publishing.base import Mart, MartColumn
from inventory_platform.publishing.destinations import Entry, check_row_rules, read_destinations
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


def settings_for(tmp_path, text):
    path = tmp_path / "destinations.toml"
    if text is not None:
        path.write_text(text)
    return Settings(data_dir=tmp_path / "data", destinations_file=path)


def read(tmp_path, text):
    return read_destinations(
        settings_for(tmp_path, text), ["fct_orders", "dim_dates"], ["shop__people"]
    )


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
    text = f"[destinations.x]\n{GOOD}\nrow_rules = ['channel']\npersonal = ['shop__people']"
    entry = read(tmp_path, text)["x"]
    assert (entry.row_rules, entry.personal) == (("channel",), ("shop__people",))
    assert read(tmp_path, f"[destinations.x]\n{GOOD}")["x"].row_rules == ("location_id",)


def test_a_rule_on_rows_is_about_a_column_there_is():
    orders = Mart("orders", "", {"channel": MartColumn("", True)}, (), frozenset())
    check_row_rules(Entry("x", GOOD, row_rules=("channel",)), {"orders": orders})
    with pytest.raises(SettingsError, match="no mart has a column 'chanel'"):
        check_row_rules(Entry("x", GOOD, row_rules=("channel", "chanel")), {"orders": orders})


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
