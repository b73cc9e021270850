"""Personal data: pseudonyms where everybody reads, clear values in a schema of their own."""

import hmac
import json
import stat
from pathlib import Path

import duckdb
import pytest

from inventory_platform import duck
from inventory_platform.assets.column_lineage import read_column_lineage
from inventory_platform.assets.dbt_project import manifest_path, prepare_manifest
from inventory_platform.contracts.base import Contract, Date, Integer, Text, column, describe, table
from inventory_platform.dbt_plugin import Plugin
from inventory_platform.definitions import build_definitions
from inventory_platform.errors import SettingsError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.operations.query import query, reader
from inventory_platform.pseudonyms import KEY_VARIABLE, MACROS, give_key, pseudonym_key
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings
from inventory_platform.warehouse import dbt_environment, open_warehouse

KEY = "not a secret, only long enough to be one"
CANARY = "Canary.Bird@Example.org"
DECLARED = {"ID": "INTEGER", "Email": "TEXT", "Born": "TEXT", "City": "TEXT"}


class People(Contract):
    """Some people."""

    person_id: Integer = column("ID", "Identifies the person.")
    email: Text = column("Email", "Address.", nullable=True, personal=True)
    born: Date = column("Born", "Birthday.", nullable=True, personal=True)
    city: Text = column("City", "Where.", nullable=True)

    class Config:
        metadata = table("People", key=["person_id"])


class Visits(Contract):
    """Who came, each line for itself."""

    email: Text = column("Email", "Address.", nullable=True, personal=True)

    class Config:
        metadata = table("Visits")


@pytest.fixture
def people(shop, monkeypatch):
    contract = describe(People, "shop")
    shop.write(
        "People",
        [
            (1, CANARY, "1990-05-17", "Berlin"),
            (2, f"  {CANARY.upper()} ", None, "Bonn"),
            (3, "", None, "Bern"),
            (4, None, None, "Basel"),
            (5, "other@example.org", None, "Brig"),
        ],
        DECLARED,
    )
    shop.load(contract)
    monkeypatch.setenv("INVENTORY_PSEUDONYM_KEY", KEY)
    with open_warehouse(shop.settings) as con:
        create_views(con, shop.lake, [contract])
    return contract


def ask(settings, sql):
    with open_warehouse(settings) as con:
        return con.execute(sql).fetchall()


def by_python(value, key=KEY):
    """The pseudonym as Python's own HMAC computes it."""
    return hmac.new(key.encode(), value.encode(), "sha256").hexdigest()


# -- the hash ------------------------------------------------------------------------------------


@pytest.fixture
def con():
    with duckdb.connect() as opened:
        opened.execute("create schema personal")
        for macro in MACROS:
            opened.execute(macro)
        yield opened


def test_the_keyed_hash_is_hmac_sha256(con):
    give_key(con, "Jefe")
    # RFC 4231, test case 2.
    assert con.execute("select personal.keyed_hash('what do ya want for nothing?')").fetchall() == [
        ("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",)
    ]


@pytest.mark.parametrize("length", [32, 64, 65, 131])
def test_a_key_of_any_length_hashes_as_elsewhere(con, length):
    give_key(con, "k" * length)
    assert con.execute("select personal.pseudonym('Zoë')").fetchall() == [
        (by_python("zoë", "k" * length),)
    ]


def test_a_connection_without_the_key_fails_and_says_why(con):
    con.execute("create table t as select 'a' as name, 1 as n")
    con.execute("create view v as select personal.pseudonym(name) as name, n from t")
    assert con.execute("select n from v").fetchall() == [(1,)]
    with pytest.raises(duckdb.Error, match="no key for pseudonyms"):
        con.execute("select name from v").fetchall()


# -- the views -----------------------------------------------------------------------------------


def test_personal_columns_are_pseudonyms_and_the_rest_is_clear(shop, people):
    rows = ask(
        shop.settings, "select person_id, email, born, city from raw.shop__people order by 1"
    )
    canary = by_python("canary.bird@example.org")
    assert rows == [
        (1, canary, by_python("1990-05-17"), "Berlin"),
        (2, canary, None, "Bonn"),
        (3, None, None, "Bern"),
        (4, None, None, "Basel"),
        (5, by_python("other@example.org"), None, "Brig"),
    ]


def test_clear_values_are_in_a_schema_of_their_own(shop, people):
    assert ask(
        shop.settings, "select email, born::text from personal.shop__people where person_id = 1"
    ) == [(CANARY, "1990-05-17")]


def test_a_table_without_personal_data_is_not_in_that_schema(shop, items):
    with open_warehouse(shop.settings) as con:
        create_views(con, shop.lake, [items])
    assert items.clear_relation == "raw.shop__items"
    assert (
        ask(shop.settings, "select view_name from duckdb_views() where schema_name = 'personal'")
        == []
    )


def test_the_key_stands_in_nothing_that_is_kept(shop, people):
    ask(shop.settings, "create table kept as select * from raw.shop__people")
    kept = [p for p in shop.settings.data_dir.rglob("*") if p.is_file() and not p.is_symlink()]
    assert shop.settings.warehouse_file in kept
    blocks = [bytes(b ^ x for b in KEY.encode()) for x in (0, 0x36, 0x5C)]
    for file in kept:
        content = file.read_bytes()
        assert not any(block in content for block in blocks), file


def test_rows_without_a_key_stay_two_if_only_their_spelling_differs(shop):
    contract = describe(Visits, "shop")
    shop.write("Visits", [("a@b.org",), ("A@b.org",)], {"Email": "TEXT"})
    shop.load(contract)
    with open_warehouse(shop.settings) as con:
        create_views(con, shop.lake, [contract])
    assert ask(shop.settings, "select count(distinct email) from raw.shop__visits") == [(2,)]


def test_views_from_before_there_were_pseudonyms_are_made_anew(shop, people, items):
    with open_warehouse(shop.settings) as con:
        con.execute("create or replace view raw.shop__people as from personal.shop__people")
        con.execute("drop view personal.shop__people")
        create_views(con, shop.lake, [people, items], changed=items)
    assert ask(shop.settings, "select email from raw.shop__people where person_id = 5") == [
        (by_python("other@example.org"),)
    ]


def test_a_query_shows_neither_clear_values_nor_the_key(shop, people):
    with reader(shop.settings, {people.relation: people}) as con:
        shown = query(con, "select email from raw.shop__people order by person_id").fetchall()
        assert shown[0] == shown[1] != shown[4]
        assert by_python("other@example.org") != shown[4][0]
        assert query(con, "from duckdb_views() where schema_name = 'personal'").fetchall() == []
        inner = query(con, "select getvariable('pseudonym_inner')").fetchall()[0][0]
    assert bytes(b ^ 0x36 for b in inner).rstrip(b"\0") != KEY.encode()


def test_dbt_gets_the_key_beside_its_profile(con, monkeypatch):
    monkeypatch.setenv("INVENTORY_PSEUDONYM_KEY", KEY)
    settings = Settings(data_dir=Path("unused"))
    monkeypatch.setenv(KEY_VARIABLE, dbt_environment(settings)[KEY_VARIABLE])
    Plugin.__new__(Plugin).configure_cursor(con)
    assert con.execute("select personal.pseudonym('a')").fetchall() == [(by_python("a"),)]


# -- the key -------------------------------------------------------------------------------------


def test_without_a_setting_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    settings = Settings(data_dir=tmp_path)
    key = pseudonym_key(settings)
    assert len(key) == 64
    assert pseudonym_key(settings) == key
    file = tmp_path / "pseudonym.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert pseudonym_key(Settings(data_dir=tmp_path / "other")) != key


def test_the_key_may_stand_in_a_file(tmp_path, monkeypatch):
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    monkeypatch.setenv("INVENTORY_PSEUDONYM_KEY_FILE", str(file))
    assert pseudonym_key(Settings(data_dir=tmp_path)) == KEY


@pytest.mark.parametrize("content", [b"too short", b"", b"\xff" * 40, None])
def test_an_unusable_key_is_named_and_not_shown(tmp_path, monkeypatch, content):
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("INVENTORY_PSEUDONYM_KEY_FILE", str(file))
    with pytest.raises(SettingsError) as error:
        pseudonym_key(Settings(data_dir=tmp_path))
    assert "INVENTORY_PSEUDONYM_KEY" in str(error.value)
    assert "too short" not in str(error.value)
    assert not (tmp_path / "pseudonym.key").exists()


def test_a_damaged_key_in_the_data_folder_is_named_and_not_replaced(tmp_path):
    own = tmp_path / "pseudonym.key"
    own.write_text("too short")
    with pytest.raises(SettingsError, match=r"pseudonym\.key has fewer than 32 characters"):
        pseudonym_key(Settings(data_dir=tmp_path))
    own.write_bytes(b"\xff" * 40)
    with pytest.raises(SettingsError, match=r"pseudonym\.key, cannot be read"):
        pseudonym_key(Settings(data_dir=tmp_path))
    assert own.read_bytes() == b"\xff" * 40


def test_a_wrong_key_stops_the_start(tmp_path, monkeypatch):
    monkeypatch.setenv("INVENTORY_PSEUDONYM_KEY", "short-and-secret")
    with pytest.raises(SettingsError, match="INVENTORY_PSEUDONYM_KEY") as error:
        build_definitions(Settings(data_dir=tmp_path))
    assert "short-and-secret" not in str(error.value)


# -- the project ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    registry = read_registry(settings)
    prepare_manifest(registry)
    return settings, registry


def test_models_read_raw_tables_where_they_are_pseudonyms(project):
    settings, _ = project
    manifest = json.loads(manifest_path(settings).read_text())
    assert "personal" not in {source["schema"] for source in manifest["sources"].values()}
    naming = [n["name"] for n in manifest["nodes"].values() if "personal." in n.get("raw_code", "")]
    assert naming == []


def test_marts_hold_of_personal_columns_what_was_decided(project):
    settings, registry = project
    personal = {
        (f"raw.{c.relation}", p.name)
        for c in registry.relations.values()
        for p in c.personal_columns
    }
    lineage = read_column_lineage(settings)
    found: dict[str, set[str]] = {}
    for mart, columns in lineage.made_of.items():
        for name in columns if mart.startswith("marts.") else ():
            for table_name, source in lineage.origins(mart, name) & personal:
                found.setdefault(f"{table_name}.{source}", set()).add(f"{mart[6:]}.{name}")
    # An identifier made of the pseudonym, or a count, share or class of customers by it.
    cards = {
        "dim_customers.customer_id",
        "fct_order_lines.customer_id",
        "fct_orders.customer_id",
        "fct_returns.customer_id",
        "kpi_customer_retention.active_customer_count",
        "kpi_customer_retention.retention_rate",
        "kpi_customers.customer_id",
        "kpi_customers.frequency_score",
        "kpi_customers.monetary_score",
        "kpi_customers.recency_score",
        "kpi_customers.segment",
        "kpi_customers.value_rank",
        "kpi_repeat_rate.customer_count",
        "kpi_repeat_rate.new_customer_count",
        "kpi_repeat_rate.repeat_customer_count",
        "kpi_repeat_rate.repeat_rate",
    }
    assert found == {
        "raw.inventory_db__customers.email": {"dim_customers.has_email"},
        "raw.pos_api__receipts.loyalty_card": cards,
        "raw.shop_files__user_activity.visitor_id": {"kpi_web_sessions_daily.visitor_count"},
    }


def test_every_view_of_the_project_hides_every_personal_column(project):
    settings, registry = project
    with duck.connect(settings) as con:
        create_views(con, Lake(settings.lake_dir), registry.relations.values())
        views = dict(
            con.execute(
                "select view_name, sql from duckdb_views() where schema_name = 'raw'"
            ).fetchall()
        )
    tables = [c for c in registry.relations.values() if c.personal_columns]
    assert tables
    for contract in tables:
        for personal in contract.personal_columns:
            name = personal.name
            assert f"pseudonym({name}) AS {name}" in views[contract.relation].replace('"', "")
