"""Cloud warehouses at their documented interfaces: what they are sent, what answers mean.

The connections are stand-ins that record what they are asked; no warehouse was ever asked.
"""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest

from inventory_platform.errors import DestinationUnavailableError, PublishError, SettingsError
from inventory_platform.object_storage import RemoteFolder
from inventory_platform.publishing import cloud_synapse
from inventory_platform.publishing.destinations import Entry, read_destinations
from inventory_platform.settings import Settings
from tests.publishing import Marts, marts_in_storage, written

THINGS = (
    "select * from (values (1::bigint, 'a', 1.25::decimal(18,4), date '2026-01-01', "
    "timestamp '2026-01-01 10:00:00', 0.5::double, true), "
    "(2, 'bb', 2.5, date '2026-01-02', timestamp '2026-01-02 10:00:00', 0.25, false), "
    "(3, null, null, null, null, null, null)) as t(id, name, amount, day, seen, share, ok)"
)
# Rows; values and sum or characters of id, name, amount; values of day and seen; share; ok.
ANSWER = (3, 3, 6, 2, 3, 2, 3.75, 2, 2, 2, 0.75, 2)
WITHOUT_CHARACTERS = (3, 3, 6, 2, 2, 3.75, 2, 2, 2, 0.75, 2)


class DriverError(Exception):
    pass


class DriverOperationalError(DriverError):
    pass


class Warehouse:
    """A connection that remembers what it was told; each table holds what `answer` says."""

    def __init__(self, answer):
        self.answer, self.statements, self.remembered = answer, [], {}
        self.fails = None
        self.files = []
        self.logins, self.jobs, self.closed = [], [], 0

    def connect(self, *args, **options):
        self.logins.append((args, options))
        return self

    def cursor(self):
        return Cursor(self)

    def close(self):
        self.closed += 1

    def sent(self):
        """What changes something, the platform's own table aside."""
        return [
            s for s in self.statements if not re.search("inventory_publications|^select", s, re.I)
        ]


class Cursor:
    def __init__(self, warehouse):
        self.warehouse, self.rows = warehouse, []

    def execute(self, statement):
        w = self.warehouse
        w.statements.append(statement)
        if w.fails and (error := w.fails(statement)):
            raise error
        if put := re.match("put 'file://([^']+)'", statement):
            w.files.append(Path(put[1]).read_bytes())
        if statement.startswith("select mart"):
            self.rows = [(m, f, t) for m, (f, t) in w.remembered.items()]
        elif statement.startswith("select count"):
            self.rows = [w.answer]
        elif statement.startswith("update"):
            _, fingerprint, table, mart = re.findall("'([^']*)'", statement)
            assert mart in w.remembered
            w.remembered[mart] = (fingerprint, table)
        elif statement.startswith("insert"):
            mart, _, fingerprint, table = re.findall("'([^']*)'", statement)
            w.remembered[mart] = (fingerprint, table)

    def fetchall(self):
        return self.rows

    def close(self):
        pass


@pytest.fixture
def marts(tmp_path):
    return Marts(Settings(data_dir=tmp_path / "data", threads=1))


@pytest.fixture
def warehouse(monkeypatch):
    """One warehouse behind the drivers of all kinds."""
    w = Warehouse(ANSWER)
    errors = {"Error": DriverError, "OperationalError": DriverOperationalError}

    def module(name, **members):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**members))

    module("snowflake.connector", connect=w.connect, **errors)
    module("mssql_python", connect=w.connect, **errors)
    module("databricks.sql", connect=w.connect)
    module("databricks.sql.exc", RequestError=DriverOperationalError, **errors)

    class Client:
        def __init__(self, **options):
            w.logins.append(((), options))

        def load_table_from_file(self, stream, target, job_config):
            w.jobs.append((target, Path(stream.name).name, job_config))
            return SimpleNamespace(result=lambda: None)

    module("google.cloud.bigquery", Client=Client, LoadJobConfig=lambda **options: options)
    module("google.cloud.bigquery.dbapi", connect=lambda client: w, **errors)
    module(
        "google.api_core.exceptions",
        GoogleAPIError=DriverError,
        ServerError=DriverOperationalError,
        TooManyRequests=DriverOperationalError,
    )
    fs = fsspec.filesystem("memory")
    monkeypatch.setattr(
        cloud_synapse, "open_folder", lambda address, what: RemoteFolder(address, fs, "/stage")
    )
    monkeypatch.setenv("WAREHOUSE_PASSWORD", "canary}sesame")
    return w


ADLS = "abfss://files@account.dfs.core.windows.net/stage"
ENTRIES = {
    "snowflake": Entry(
        "wh",
        "snowflake://loader@org-account/stock?warehouse=load&role=loader",
        password_env="WAREHOUSE_PASSWORD",
    ),
    "bigquery": Entry("wh", "bigquery://project?location=EU"),
    "databricks": Entry(
        "wh",
        "databricks://host/stock?http_path=/sql/1.0/warehouses/x",
        password_env="WAREHOUSE_PASSWORD",
        options={"stage": "/Volumes/stock/files/in"},
    ),
    "synapse": Entry(
        "wh",
        "synapse://loader@pool.sql.azuresynapse.net/stock",
        password_env="WAREHOUSE_PASSWORD",
        options={"stage": ADLS},
    ),
    "fabric": Entry("wh", "fabric://house.example.net/stock", options={"stage": ADLS}),
}
BRACKETS = (
    "create table [marts].[things__a] ([id] bigint, [name] {text}, [amount] decimal(18,4), "
    "[day] date, [seen] datetime2(6), [share] float, [ok] bit)"
)
COPIED = (
    "copy into [marts].[things__a] ([id], [name], [amount], [day], [seen], [share], [ok]) from "
    "'https://account.dfs.core.windows.net/files/stage/inventory/things__a.parquet' "
    "with (file_type = 'PARQUET'{identity})"
)
SHOWN = (
    "if object_id('[marts].[things]', 'V') is null "
    "exec('create view [marts].[things] as select * from [marts].[things__a]') "
    "else exec('alter view [marts].[things] as select * from [marts].[things__a]')"
)
DROPPED = "if object_id('[marts].[things__a]', 'U') is not null drop table [marts].[things__a]"
SENT = {
    "snowflake": [
        'create or replace table "MARTS"."THINGS__A" ("ID" number(38,0), "NAME" varchar, '
        '"AMOUNT" number(18,4), "DAY" date, "SEEN" timestamp_ntz, "SHARE" double, "OK" boolean)',
        "put 'file://{file}' @~/inventory/things__a auto_compress = false overwrite = true",
        'copy into "MARTS"."THINGS__A" from @~/inventory/things__a/ '
        "file_format = (type = parquet use_logical_type = true) "
        "match_by_column_name = case_insensitive on_error = abort_statement "
        "force = true purge = true",
        'create or replace view "MARTS"."THINGS" copy grants as select * from "MARTS"."THINGS__A"',
    ],
    "bigquery": [
        "create or replace table `project.marts.things__a` (`id` int64, `name` string, "
        "`amount` numeric(18, 4), `day` date, `seen` timestamp, `share` float64, `ok` bool)",
        "create or replace view `project.marts.things` as select * from `project.marts.things__a`",
    ],
    "databricks": [
        "create or replace table `stock`.`marts`.`things__a` (`id` bigint, `name` string, "
        "`amount` decimal(18,4), `day` date, `seen` timestamp_ntz, `share` double, `ok` boolean)",
        "put '{file}' into '/Volumes/stock/files/in/inventory/things__a.parquet' overwrite",
        "copy into `stock`.`marts`.`things__a` from (select cast(`id` as bigint) as `id`, "
        "cast(`name` as string) as `name`, cast(`amount` as decimal(18,4)) as `amount`, "
        "cast(`day` as date) as `day`, cast(`seen` as timestamp_ntz) as `seen`, "
        "cast(`share` as double) as `share`, cast(`ok` as boolean) as `ok` "
        "from '/Volumes/stock/files/in/inventory/things__a.parquet') "
        "fileformat = parquet copy_options ('force' = 'true')",
        "remove '/Volumes/stock/files/in/inventory/things__a.parquet'",
        "create or replace view `stock`.`marts`.`things` as "
        "select * from `stock`.`marts`.`things__a`",
    ],
    "synapse": [
        DROPPED,
        BRACKETS.format(text="nvarchar(4000)"),
        COPIED.format(identity=", credential = (identity = 'Managed Identity')"),
        SHOWN,
    ],
    "fabric": [DROPPED, BRACKETS.format(text="varchar(8000)"), COPIED.format(identity=""), SHOWN],
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_mart_is_loaded_compared_and_then_shown(marts, warehouse, kind):
    if kind in {"synapse", "fabric"}:
        warehouse.answer = WITHOUT_CHARACTERS
    publication = marts.write(things=THINGS)
    assert written(marts.send(ENTRIES[kind])) == [("things", 3)]
    folder = marts.settings.published_dir / "versions" / publication.version
    file = str((folder / "things.parquet").resolve())
    assert warehouse.sent() == [s.replace("{file}", file) for s in SENT[kind]]
    # Compared after it was loaded, shown after it was compared.
    statements = warehouse.statements
    compared = next(i for i, s in enumerate(statements) if s.startswith("select count"))
    assert statements.index(warehouse.sent()[-2]) < compared
    assert compared < statements.index(warehouse.sent()[-1])
    assert warehouse.closed == 1
    # Nothing new: nothing is sent but the comparison.
    before = warehouse.sent()
    assert written(marts.send(ENTRIES[kind])) == []
    assert warehouse.sent() == before
    # Something new goes into the other table.
    marts.write(things=THINGS.replace("'a'", "'c'"))
    marts.send(ENTRIES[kind])
    assert warehouse.remembered["things"][1] == "things__b"
    assert "things__a" not in "".join(warehouse.sent()[len(before) :]).lower()
    if kind == "bigquery":
        how = {"source_format": "PARQUET", "write_disposition": "WRITE_APPEND"}
        assert warehouse.jobs[0] == ("project.marts.things__a", "things.parquet", how)


def test_a_mart_in_object_storage_is_loaded_from_a_copy_that_does_not_stay(
    s3, monkeypatch, tmp_path, extensions, warehouse
):
    marts = marts_in_storage(s3, monkeypatch, tmp_path / "data", extensions)
    publication = marts.write(things=THINGS)
    assert written(marts.send(ENTRIES["snowflake"])) == [("things", 3)]
    there = marts.settings.published_dir / "versions" / publication.version / "things.parquet"
    assert warehouse.files == [there.read_bytes()]
    assert list(marts.settings.temp_dir.rglob("*.parquet")) == []


@pytest.mark.parametrize("kind", ENTRIES)
def test_a_table_that_does_not_hold_what_was_sent_is_not_shown(marts, warehouse, kind):
    answer = WITHOUT_CHARACTERS if kind in {"synapse", "fabric"} else ANSWER
    warehouse.answer = (3, 3, 7, *answer[3:])
    marts.write(things=THINGS)
    with pytest.raises(PublishError, match=r"sum of id: 7 instead of 6\.0"):
        marts.send(ENTRIES[kind])
    assert not any("view" in statement for statement in warehouse.sent())
    assert warehouse.remembered == {}


def test_everybody_is_told_who_asks(marts, warehouse):
    warehouse.answer = WITHOUT_CHARACTERS
    marts.write(things=THINGS)
    for kind in ("synapse", "fabric"):
        marts.send(ENTRIES[kind])
        warehouse.remembered.clear()
    warehouse.answer = ANSWER
    for kind in ("snowflake", "databricks", "bigquery"):
        marts.send(ENTRIES[kind])
        warehouse.remembered.clear()
    assert warehouse.logins == [
        (
            (
                "Server={pool.sql.azuresynapse.net};Database={stock};Encrypt={yes};UID={loader};"
                "PWD={canary}}sesame}",
            ),
            {"autocommit": True},
        ),
        (
            (
                "Server={house.example.net};Database={stock};Encrypt={yes};"
                "Authentication={ActiveDirectoryDefault}",
            ),
            {"autocommit": True},
        ),
        (
            (),
            {
                "warehouse": "load",
                "role": "loader",
                "account": "org-account",
                "user": "loader",
                "password": "canary}sesame",
                "database": "stock",
            },
        ),
        (
            (),
            {
                "server_hostname": "host",
                "http_path": "/sql/1.0/warehouses/x",
                "access_token": "canary}sesame",
                "staging_allowed_local_path": "/",
            },
        ),
        ((), {"project": "project", "location": "EU"}),
    ]


def test_a_warehouse_that_is_busy_may_be_asked_later_and_a_refusal_not(marts, warehouse):
    marts.write(things=THINGS)
    warehouse.fails = lambda s: DriverOperationalError("no cluster") if "copy" in s else None
    with pytest.raises(DestinationUnavailableError, match="cannot be reached: no cluster"):
        marts.send(ENTRIES["snowflake"])
    warehouse.fails = lambda s: DriverError("not allowed") if "copy" in s else None
    with pytest.raises(PublishError, match="refuses: not allowed") as caught:
        marts.send(ENTRIES["snowflake"])
    assert not isinstance(caught.value, DestinationUnavailableError)
    assert warehouse.remembered == {}


# Table, file, rows, what is meant, view, what is.
@pytest.mark.parametrize("cut_at", range(1, 7))
def test_wherever_a_publication_is_cut_the_next_never_writes_to_what_readers_see(
    marts, warehouse, cut_at
):
    marts.write(things=THINGS)
    marts.send(ENTRIES["snowflake"])
    changes = 0

    def cut(statement):
        nonlocal changes
        changes += not statement.startswith(("select", "create table if not exists"))
        return DriverError("cut") if changes == cut_at else None

    # Cut before each statement that changes something; the one with newer rows as well.
    for word in ("'c'", "'d'"):
        marts.write(things=THINGS.replace("'a'", word))
        changes, warehouse.fails = 0, cut
        with pytest.raises(PublishError, match="cut"):
            marts.send(ENTRIES["snowflake"])
    warehouse.fails = None
    marts.send(ENTRIES["snowflake"])
    shown = None
    for statement in warehouse.sent():
        if view := re.match('create or replace view .*"(THINGS__[AB])"$', statement):
            shown = view[1]
        elif table := re.match('(?:create or replace table|copy into) "MARTS"."(\\w+)"', statement):
            assert table[1] != shown
    assert warehouse.remembered["things"][1].upper() == shown
    # All is well: nothing more is sent.
    assert written(marts.send(ENTRIES["snowflake"])) == []


def test_views_change_when_all_marts_are_loaded(marts, warehouse):
    marts.write(one=THINGS, other=THINGS)
    marts.send(ENTRIES["snowflake"])
    shown = [s.startswith("create or replace view") for s in warehouse.sent()]
    assert shown == [False] * 6 + [True] * 2


def test_a_mart_that_is_no_longer_published_is_told(marts, warehouse):
    marts.write(one=THINGS, other=THINGS)
    marts.send(ENTRIES["snowflake"])
    marts.write(one=THINGS)
    assert list(marts.send(ENTRIES["snowflake"]).left_over) == ["other"]


def test_a_type_without_a_counterpart_is_named(marts, warehouse):
    marts.write(odd="select 1::bigint as id, [1, 2] as numbers")
    with pytest.raises(PublishError, match=r"column numbers of odd is INTEGER\[\], which snow"):
        marts.send(ENTRIES["snowflake"])


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ("snowflake", "snowflake.connector", "snowflake"),
        ("bigquery", "google.cloud.bigquery", "bigquery"),
        ("databricks", "databricks.sql", "databricks"),
        ("synapse", "mssql_python", "sqlserver"),
    ],
)
def test_a_driver_that_is_not_installed_names_its_extra(
    marts, warehouse, monkeypatch, kind, module, extra
):
    monkeypatch.setitem(sys.modules, module, None)
    for child in ("google.cloud.bigquery.dbapi", "databricks.sql.exc"):
        if child.startswith(module):
            monkeypatch.setitem(sys.modules, child, None)
    marts.write(things=THINGS)
    with pytest.raises(SettingsError, match=rf"inventory-platform\[{extra}\]"):
        marts.send(ENTRIES[kind])


def refused(tmp_path, text, reason):
    path = tmp_path / "destinations.toml"
    path.write_text(f"[destinations.x]\n{text}\n")
    with pytest.raises(SettingsError, match=reason) as caught:
        read_destinations(Settings(data_dir=tmp_path, destinations_file=path), ["fct_orders"], {})
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("address = 'snowflake://u:sesame@a/d'", "holds a password"),
        ("address = 'snowflake://u@a'", "is not usable"),
        ("address = 'snowflake://u@a/d?wharehouse=x'", "unknown option 'wharehouse'"),
        ("address = 'snowflake://u@a/d'\nstage = 's3://x'", "snowflake needs no stage"),
        ("address = 'bigquery://project/dataset'", "is not usable"),
        ("address = 'databricks://h/c'\nstage = '/Volumes/a/b/c'", "is not usable"),
        ("address = 'databricks://h/c?http_path=/x'", "stage None is not usable for databricks"),
        ("address = 'fabric://h/d'\nstage = '/tmp'", "stage '/tmp' is not usable for fabric"),
        ("address = 'synapse://h/d'\nkeep = 3", "unknown key 'keep'"),
    ],
)
def test_a_wrong_entry_is_refused_by_name(tmp_path, text, reason):
    refused(tmp_path, text, reason)
