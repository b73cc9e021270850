"""Publishing to a real Postgres: exact, all or nothing, only what changed, and who may what."""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import duckdb
import pytest

from inventory_platform import duck
from inventory_platform.assets import destinations as assets
from inventory_platform.contracts.base import Contract, Integer, Text, column, describe, table
from inventory_platform.errors import DestinationUnavailableError, PublishError
from inventory_platform.publishing import postgres_server
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.marts import Mart
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.publishing.postgres_entry import open_personal
from inventory_platform.publishing.postgres_roles import roles_sql
from inventory_platform.publishing.send import send
from inventory_platform.publishing.tables import clear_tables
from inventory_platform.settings import Settings
from tests.postgres_server import running_postgres
from tests.publishing import ORDERS, Marts, make_marts, marts_in_storage, publish_made

pytestmark = pytest.mark.slow
NUMBERS = iter(range(10_000))


@pytest.fixture(scope="module")
def server():
    """The folder of a running server, which is also its socket's."""
    with running_postgres() as running:
        # Tests do not pull the plug of the machine.
        running.psql("alter system set fsync = off; alter system set full_page_writes = off;")
        running.psql("select pg_reload_conf();")
        yield Path(running.pgdata)


@pytest.fixture(scope="module")
def engine(extensions):
    """A DuckDB that everybody but the publications shares: loading the extension takes time."""
    options = {"extension_directory": str(extensions), "autoinstall_known_extensions": False}
    with duckdb.connect(config=options) as con:
        duck.load_extension(con, "postgres_scanner")
        yield con


class Session:
    """A connection of somebody else to the database."""

    def __init__(self, engine, dsn):
        self.con = engine.cursor()
        self.name = f"s{next(NUMBERS)}"
        self.con.execute(f"attach {duck.literal(dsn)} as {self.name} (type postgres)")

    def run(self, sql):
        self.con.execute(f"call postgres_execute('{self.name}', {duck.literal(sql)})")

    def ask(self, sql):
        return self.con.execute(
            f"select * from postgres_query('{self.name}', {duck.literal(sql)})"
        ).fetchall()

    def close(self):
        self.con.execute(f"detach {self.name}")
        self.con.close()


@dataclass
class Place:
    """A database without tables, a folder of published marts, and what the models say of them."""

    settings: Settings
    engine: duckdb.DuckDBPyConnection
    socket: Path
    database: str
    prefix: str
    marts: dict[str, Mart] = field(default_factory=dict)

    @property
    def root(self):
        return self.settings.published_dir

    def address(self, user="postgres"):
        return f"postgresql://{user}@/{self.database}?host={self.socket}"

    def entry(self, **options):
        user = options.pop("user", "postgres")
        return Entry("reporting", self.address(user), **options)

    @contextmanager
    def session(self, user="postgres"):
        session = Session(self.engine, f"host={self.socket} user={user} dbname={self.database}")
        try:
            yield session
        finally:
            session.close()

    def write(self, key=("id",), references=(), required=("id", "day"), **marts):
        """Publish marts, each given as a select, as Parquet."""
        with duckdb.connect() as con:
            for name, mart in make_marts(con, marts).items():
                columns = {
                    c: replace(m, is_required=c in required) for c, m in mart.columns.items()
                }
                self.marts[name] = replace(
                    mart, columns=columns, key=tuple(key), references=frozenset(references)
                )
            return publish_made(self.root, con, marts, keep=3)

    def send(self, **options):
        folder, publication = current_publication(self.root)
        marts = [self.marts[name] for name in publication.rows]
        return self.entry(**options).open(self.settings).publish(folder, publication, marts)

    def pending(self, **options):
        folder, publication = current_publication(self.root)
        marts = [self.marts[name] for name in publication.rows]
        return self.entry(**options).open(self.settings).pending(folder, marts)


@pytest.fixture
def place(server, engine, extensions, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "duckdb_extensions").symlink_to(extensions)
    settings = Settings(data_dir=tmp_path / "data", threads=1)
    empty = Place(settings, engine, server, "postgres", f"r{next(NUMBERS)}")
    with empty.session() as db:
        db.run(
            "drop schema if exists marts, marts_work, inventory_meta, personal, public cascade; "
            "create schema public"
        )
    return empty


WRITTEN = [("orders", 90, 3)]


def written(report):
    return [(s.mart, s.rows_written, s.parts_written) for s in report.sent if s.parts_written]


def test_types_keys_comments_and_indexes_are_those_of_the_mart(place):
    place.write(
        references=["shop"],
        things="select 7::bigint as id, 3::integer as n, 1.2345::decimal(18,4) as amount, "
        "2.5::double as share, true as ok, 'é ∑ ''x''' as shop, date '2026-02-03' as day, "
        "timestamp '2026-02-03 04:05:06.000007' as changed_at",
    )
    report = place.send()
    with place.session() as db:
        columns = db.ask(
            "select attname::text, format_type(atttypid, atttypmod) as kind, attnotnull, "
            "col_description(attrelid, attnum) as comment from pg_attribute "
            "where attrelid = 'marts.things'::regclass and attnum > 0 order by attnum"
        )
        assert columns == [
            ("id", "bigint", True, "It's id."),
            ("n", "integer", False, "It's n."),
            ("amount", "numeric(18,4)", False, "It's amount."),
            ("share", "double precision", False, "It's share."),
            ("ok", "boolean", False, "It's ok."),
            ("shop", "text", False, "It's shop."),
            ("day", "date", True, "It's day."),
            ("changed_at", "timestamp without time zone", False, "It's changed_at."),
        ]
        assert db.ask(
            "select id, n, amount::text as a, share, ok, shop, day::text as d, "
            "changed_at::text as c from marts.things"
        ) == [(7, 3, "1.2345", 2.5, True, "é ∑ 'x'", "2026-02-03", "2026-02-03 04:05:06.000007")]
        assert db.ask("select obj_description('marts.things'::regclass) as c") == [
            ("About things.",)
        ]
        indexes = db.ask(
            "select indexdef::text as i from pg_indexes where tablename = 'things' order by 1"
        )
    assert [text.partition(" btree ")[2] for (text,) in indexes] == ["(day)", "(shop)", "(id)"]
    assert report.sent[0].rows == 1


def test_what_has_not_changed_is_not_written_again(place):
    place.write(orders=ORDERS, places="select 1::bigint as id")
    assert written(place.send()) == [*WRITTEN, ("places", 1, 1)]
    newer = place.write(orders=ORDERS, places="select 2::bigint as id")
    assert written(place.send()) == [("places", 1, 1)]
    assert written(place.send(mode="full")) == [*WRITTEN, ("places", 1, 1)]
    with place.session() as db:
        assert db.ask("select version from inventory_meta.publications") == [(newer.version,)]


def test_only_months_that_changed_are_written(place):
    place.write(orders=ORDERS)
    place.send()
    with place.session() as db:
        before = db.ask("select xmin::text as x from marts.orders where day < '2026-03-01'")
        # One amount of February, one row from March to January, and April is new.
        place.write(
            orders=f"select * replace (amount + (id = 40)::integer as amount) from ({ORDERS}) "
            "where id <> 80 union all select 500, date '2026-04-01', 1, 'L0'"
        )
        assert written(place.send()) == [("orders", 28 + 30 + 1, 3)]
        january = db.ask("select xmin::text as x from marts.orders where day < '2026-02-01'")
        assert january[0] in before
        # 1.25 * (0 + … + 89), less 80 of these, one and one more.
        assert db.ask("select count(*) as n, sum(amount)::text as s from marts.orders") == [
            (90, "4908.2500")
        ]
        # A month without rows any more is emptied, and so is a mart.
        place.write(orders=f"select * from ({ORDERS}) where day < '2026-03-01'")
        assert written(place.send()) == [("orders", 28, 3)]
        assert db.ask("select max(day)::text as d from marts.orders") == [("2026-02-28",)]
        place.write(orders=f"select * from ({ORDERS}) where false")
        place.send()
        assert db.ask("select count(*) as n from marts.orders") == [(0,)]
    assert written(place.send()) == []
    place.write(orders=ORDERS)
    assert place.send().sent[0].rows_written == 90


def test_what_others_changed_in_a_table_is_put_back(place):
    place.write(orders=ORDERS)
    place.send()
    with place.session() as db:
        db.run("update marts.orders set amount = amount + 1 where id = 3")
        db.run("insert into marts.orders values (900, '2031-01-01', 1, 'L1')")
        assert written(place.send()) == [("orders", 31, 2)]
        db.run("drop table marts.orders")
        assert written(place.send())[0][1] == 90
        assert db.ask("select count(*) as n from marts.orders") == [(90,)]


def test_values_that_are_easily_lost_arrive(place):
    place.write(
        floats="select i::bigint as id, v::double as v from (values (1, 'nan'), (2, 'inf'), "
        "(3, '1e300'), (4, '-1e300'), (5, '1e-9'), (6, null)) as t(i, v)",
        days="select 1::bigint as id, d from (values (date 'infinity'), (date '0101-01-01'), "
        "(null)) as t(d)",
    )
    place.marts["days"] = Mart("days", "", {}, (), frozenset())
    place.send()
    assert written(place.send()) == []
    with place.session() as db:
        assert db.ask("select v::text as v from marts.floats order by id") == [
            ("NaN",), ("Infinity",), ("1e+300",), ("-1e+300",), ("1e-09",), (None,),
        ]  # fmt: skip


def test_readers_see_one_version_of_all_marts_whatever_is_going_on(place):
    def version(size):
        rows = f"select i::bigint as id, date '2026-01-01' as day from range({size}) as r(i)"
        place.write(one=rows, other=rows)

    version(2_000)
    place.send()
    seen, over = set(), threading.Event()

    def read():
        with place.session() as db:
            while not over.is_set():
                seen.update(
                    db.ask(
                        "select (select count(*) from marts.one) as a, "
                        "(select count(*) from marts.other) as b"
                    )
                )

    reader = threading.Thread(target=read)
    reader.start()
    with place.session() as slow:
        slow.con.begin()
        assert slow.ask("select count(*) as n from marts.one") == [(2_000,)]
        for size in (3_000, 0, 4_000):
            version(size)
            place.send()
        # A reader in the middle of its work is neither waited for nor disturbed.
        assert slow.ask("select count(*) as n from marts.other") == [(2_000,)]
        slow.con.rollback()
    time.sleep(0.2)
    over.set()
    reader.join(10)
    assert {(2_000, 2_000), (4_000, 4_000)} <= seen
    assert seen <= {(n, n) for n in (2_000, 3_000, 0, 4_000)}


TAMPER = (
    "create function tamper() returns trigger language plpgsql as "
    "'begin new.amount := new.amount + 0.01; return new; end'; "
    "create trigger tamper before insert on marts.orders for each row execute function tamper()"
)
SLOW = (
    "create function wait() returns trigger language plpgsql as "
    "'begin if new.id = 60 then perform pg_sleep(8); end if; return new; end'; "
    "create trigger wait before insert on marts.orders for each row execute function wait()"
)
CHANGED = f"select * replace (amount * 2 as amount) from ({ORDERS})"


def state(db):
    return db.ask(
        "select count(*) as n, sum(amount)::text as s, "
        "(select max(version) from inventory_meta.publications) as v from marts.orders"
    )


def test_rows_that_do_not_arrive_as_sent_are_not_committed(place):
    place.write(orders=ORDERS)
    place.send()
    with place.session() as db:
        before = state(db)
        db.run(TAMPER)
        place.write(orders=CHANGED)
        with pytest.raises(PublishError, match=r"does not hold .* sum of amount of 2026-01: ") as e:
            place.send()
        assert not isinstance(e.value, DestinationUnavailableError)
        assert state(db) == before


@contextmanager
def while_writing(place, act):
    """Does something to the publication's session as soon as it writes the slow row."""

    def wait():
        with place.session() as db:
            for _ in range(200):
                found = db.ask(
                    "select pid from pg_stat_activity where wait_event = 'PgSleep' "
                    f"and datname = '{place.database}'"
                )
                if found:
                    act(db, found[0][0])
                    return
                time.sleep(0.05)

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join(20)


def test_a_server_that_goes_away_in_the_middle_leaves_the_version_before(place):
    place.write(orders=ORDERS)
    place.send()
    with place.session() as db:
        before = state(db)
        db.run(SLOW)
        place.write(orders=CHANGED)
        end = while_writing(place, lambda s, pid: s.ask(f"select pg_terminate_backend({pid}) as x"))
        with end, pytest.raises(DestinationUnavailableError):
            place.send()
        assert state(db) == before
        db.run("drop trigger wait on marts.orders")
        place.send()
        assert state(db) != before


KILLED = """
import sys
from pathlib import Path
from inventory_platform.publishing.marts import Mart, MartColumn
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings
settings = Settings(data_dir=Path(sys.argv[1]), threads=1)
folder, publication = current_publication(settings.published_dir)
columns = {
    name: MartColumn(f"It's {name}.", name in ("id", "day"))
    for name in ("id", "day", "amount", "location_id")
}
mart = Mart("orders", "About orders.", columns, ("id",), frozenset())
Entry("reporting", sys.argv[2]).open(settings).publish(folder, publication, [mart])
"""


def test_killed_in_the_middle_it_leaves_the_version_before(place):
    place.write(orders=ORDERS)
    place.send()
    with place.session() as db:
        before = state(db)
        db.run(SLOW)
        place.write(orders=CHANGED)
        arguments = [sys.executable, "-c", KILLED, place.settings.data_dir, place.address()]
        process = subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
        with while_writing(place, lambda s, pid: process.send_signal(signal.SIGKILL)):
            assert process.wait(30) == -signal.SIGKILL
        assert state(db) == before
        # The server notices when it next writes to the killed process; until then it is busy.
        with pytest.raises(DestinationUnavailableError, match="under way"):
            place.send()
        db.ask(
            "select pg_terminate_backend(pid) as x from pg_stat_activity "
            f"where wait_event = 'PgSleep' and datname = '{place.database}'"
        )
        db.run("drop trigger wait on marts.orders")
        place.send()
        assert state(db)[0][:2] == (90, "10012.5000")


def test_columns_come_go_and_change_and_rights_stay(place):
    place.write(orders=f"select *, 'x' as old, '1' as kind from ({ORDERS})")
    place.send()
    with place.session() as db:
        db.run("create role viewer; grant select on marts.orders to viewer")
        place.write(
            orders=f"select *, 2::bigint as kind, 'new' as added from ({ORDERS})",
            required=("id", "day", "added"),
        )
        report = place.send()
        assert report.sent[0].rows_written == 90
        assert db.ask(
            "select string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ', ' "
            "order by ordinal_position) as c from information_schema.columns "
            "where table_name = 'orders'"
        ) == [
            (
                "id bigint NO, day date NO, amount numeric YES, location_id text YES, "
                "kind bigint YES, added text NO",
            )
        ]
        assert db.ask("select has_table_privilege('viewer', 'marts.orders', 'select') as h") == [
            (True,)
        ]
        # A smaller key, and a description.
        place.write(orders=ORDERS, key=("id", "day"))
        place.send()
        assert place.pending() == []
        assert written(place.send()) == []
        db.run("drop owned by viewer; drop role viewer")


def test_a_column_that_a_view_of_others_needs_is_not_taken_away(place):
    place.write(orders=ORDERS)
    place.send()
    with place.session() as db:
        db.run("create view public.report as select sum(amount) as s from marts.orders")
        place.write(orders=f"select * exclude (amount) from ({ORDERS})")
        with pytest.raises(PublishError, match="other objects depend on it") as caught:
            place.send()
        assert "drop what depends on it" in caught.value.remedy
        assert db.ask("select s::text as s from public.report") == [("5006.2500",)]


def test_a_changed_column_waits_for_readers_only_so_long(place, monkeypatch):
    monkeypatch.setattr(postgres_server, "LOCK_SECONDS", 0.2)
    place.write(orders=ORDERS)
    place.send()
    place.write(orders=f"select *, 1 as added from ({ORDERS})")
    with place.session() as db:
        db.con.begin()
        db.ask("select count(*) as n from marts.orders")
        with pytest.raises(DestinationUnavailableError, match="lock timeout"):
            place.send()
        db.con.rollback()
        assert place.send().sent[0].rows_written == 90


def test_tables_and_views_that_are_not_ours_are_left_alone(place):
    place.write(orders=ORDERS)
    with place.session() as db:
        db.run("create schema marts; create table marts.orders (id bigint)")
        db.run("insert into marts.orders values (1)")
        with pytest.raises(PublishError, match="not published by this platform"):
            place.send()
        db.run("drop table marts.orders; create view marts.orders as select 1 as id")
        with pytest.raises(PublishError, match="is not a table"):
            place.send()


def test_a_mart_that_is_no_longer_published_stays_and_is_told(place):
    place.write(orders=ORDERS, places="select 1::bigint as id")
    place.send()
    place.write(orders=ORDERS)
    assert place.send().left_over == ["places"]
    with place.session() as db:
        assert db.ask("select count(*) as n from marts.places") == [(1,)]


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("select 1::bigint as id, [1, 2] as list", r"columns that cannot be .* list \(INTEGER\[\]"),
        ("select 1::bigint as id, 'a' || chr(0) as text", "NULL-byte"),
        ("select * from (values (1::bigint), (1)) as t(id)", "Key \\(id\\)=\\(1\\) is duplicated"),
        ("select null::bigint as id", "null value in column|not-null"),
    ],
)
def test_what_postgres_cannot_hold_is_named_and_nothing_is_written(place, select, reason):
    place.write(good=ORDERS, wrong=select)
    with pytest.raises(PublishError, match=reason) as caught:
        place.send()
    assert not isinstance(caught.value, DestinationUnavailableError)
    with place.session() as db:
        assert db.ask("select count(*) as n from pg_namespace where nspname = 'marts'") == [(0,)]


# -- who may what -------------------------------------------------------------------------


RULES = ("location_id", "channel")


class People(Contract):
    """Some people."""

    person_id: Integer = column("ID", "Identifies the person.")
    email: Text = column("Email", "Address.", personal=True)

    class Config:
        metadata = table("People", key=["person_id"])


PEOPLE = describe(People, "shop")


@pytest.fixture
def people(shop):
    """A source with personal data, loaded."""
    rows = [(1, "ann@example.org"), (2, "bob@example.org")]
    shop.write("People", rows, {"ID": "INTEGER", "Email": "TEXT"})
    shop.load(PEOPLE)
    return shop


SALES = "select i as id, ['web', 'shop'][1 + i % 2] as channel from range(10) t(i)"


@pytest.fixture
def guarded(place):
    """A database with roles, to which the owner published once."""
    prefix = place.prefix
    place.write(orders=ORDERS, totals="select 1::bigint as id, 5 as amount", sales=SALES)
    with place.session() as db:
        for name, member in (
            ("deploy", "owner"), ("feeder", "loader"), ("modeller", "transformer"),
            ("boss", "reporter"), ("clerk", "location_reporter"),
            ("agent", "channel_reporter"), ("carer", "personal_reader"),
        ):  # fmt: skip
            db.run(f"create role {prefix}_{name} login")
            # Members before groups: the script finds its roles there.
            db.run(f"create role {prefix}_{member}; grant {prefix}_{member} to {prefix}_{name}")
        db.run(roles_sql("marts", prefix, row_rules=RULES))
        address = f"{place.address(f'{prefix}_deploy')}&options=-crole%3D{prefix}_owner"
        owner = Entry("reporting", address).open(place.settings)
        folder, publication = current_publication(place.root)
        owner.publish(folder, publication, list(place.marts.values()))
        db.run(roles_sql("marts", prefix, row_rules=RULES))
        db.run(f"insert into inventory_meta.location_access values ('{prefix}_clerk', 'L1')")
        db.run(f"insert into inventory_meta.channel_access values ('{prefix}_agent', 'web')")
    return place


def refused(place, user, *statements):
    with place.session(f"{place.prefix}_{user}") as db:
        for statement in statements:
            with pytest.raises(duckdb.Error, match=r"permission denied|must be owner|policy"):
                db.run(statement)


def test_the_loader_replaces_rows_and_nothing_else(guarded):
    guarded.write(orders=CHANGED, totals="select 1::bigint as id, 6 as amount")
    report = guarded.send(user=f"{guarded.prefix}_feeder")
    assert written(report) == [*WRITTEN, ("totals", 1, 1)]
    refused(
        guarded,
        "feeder",
        "drop table marts.orders",
        "truncate marts.orders",
        "alter table marts.orders add column x text",
        "create table marts.x (id bigint)",
        "create table public.x (id bigint)",
        "create schema x",
        "update inventory_meta.parts set fingerprint = ''",
        "insert into inventory_meta.location_access values ('me', 'L2')",
        "alter table marts.orders disable row level security",
    )


def test_a_changed_form_is_the_owners_to_make_and_the_loader_says_how(guarded):
    user = f"{guarded.prefix}_feeder"
    guarded.marts["totals"] = Mart("totals", "Told anew.", {}, ("id",), frozenset())
    assert guarded.send(user=user).postponed == [
        'comment on column "marts"."totals"."id" is \'\'',
        'comment on column "marts"."totals"."amount" is \'\'',
        'comment on table "marts"."totals" is \'Told anew.\'',
    ]
    guarded.write(orders=f"select *, 1 as added from ({ORDERS})")
    with pytest.raises(PublishError, match="must be owner") as caught:
        guarded.send(user=user)
    assert "inventory postgres-tables reporting" in caught.value.remedy
    with guarded.session() as db:
        for statement in guarded.pending(user=user):
            db.run(statement)
    assert written(guarded.send(user=user)) == WRITTEN


def test_the_reporter_reads_everything_and_writes_nothing(guarded):
    with guarded.session(f"{guarded.prefix}_boss") as db:
        assert db.ask("select count(*) as n from marts.orders") == [(90,)]
        assert db.ask("select version from inventory_meta.publications") != []
    refused(
        guarded,
        "boss",
        "insert into marts.orders values (900, '2026-01-01', 1, 'L1')",
        "delete from marts.orders",
        "update marts.orders set amount = 0",
        "create table marts.x (id bigint)",
        "select * from inventory_meta.location_access",
    )


def test_the_reporter_of_one_location_sees_its_rows_only(guarded):
    with guarded.session(f"{guarded.prefix}_clerk") as db:
        assert db.ask("select location_id, count(*) as n from marts.orders group by 1") == [
            ("L1", 30)
        ]
    refused(
        guarded,
        "clerk",
        "select * from marts.totals",
        "insert into inventory_meta.location_access select current_user, 'L2'",
        "delete from marts.orders",
    )


def test_the_reporter_of_one_channel_sees_its_rows_only(guarded):
    with guarded.session(f"{guarded.prefix}_agent") as db:
        assert db.ask("select channel, count(*) as n from marts.sales group by 1") == [("web", 5)]
        assert db.ask("select channel from inventory_meta.channel_access") == [("web",)]
    with guarded.session(f"{guarded.prefix}_boss") as db:
        assert db.ask("select count(*) as n from marts.sales") == [(10,)]
    refused(
        guarded,
        "agent",
        "select * from marts.orders",
        "select * from inventory_meta.location_access",
        "insert into inventory_meta.channel_access select current_user, 'shop'",
        "update marts.sales set channel = 'web'",
    )
    refused(guarded, "clerk", "select * from marts.sales")


def test_only_the_personal_reader_sees_clear_personal_values(guarded, people):
    address = (
        f"{guarded.address(f'{guarded.prefix}_deploy')}&options=-crole%3D{guarded.prefix}_owner"
    )
    closed = open_personal(Entry("reporting", address), guarded.settings)
    _, publication = current_publication(guarded.root)
    with clear_tables(people.settings, [PEOPLE], publication) as (folder, version, tables):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        report = closed.publish(folder, version, tables)
    assert written(report) == [("shop__people", 2, 1)]
    assert not folder.exists()
    with guarded.session(f"{guarded.prefix}_carer") as db:
        assert db.ask("select email from personal.shop__people order by person_id") == [
            ("ann@example.org",), ("bob@example.org",)
        ]  # fmt: skip
    for name in ("boss", "clerk", "agent", "modeller"):
        refused(guarded, name, "select * from personal.shop__people")
    refused(
        guarded,
        "carer",
        "select * from marts.orders",
        "delete from personal.shop__people",
        "create table personal.copy as select * from personal.shop__people",
    )
    with guarded.session() as db:
        held = "select nspname from pg_namespace where has_schema_privilege('public', oid, 'usage')"
        assert {"personal", "marts"} & {name for (name,) in db.ask(held)} == set()


def test_clear_rows_go_after_the_marts_and_both_are_told(place, people):
    publication = Marts(people.settings).write(orders=ORDERS)
    entry = place.entry(personal=("shop__people",))
    told = []
    report = send(people.settings, entry, {}, {PEOPLE.relation: PEOPLE}, told.append)
    assert written(report) == [("orders", 90, 1), ("shop__people", 2, 1)]
    assert report.version == publication.version
    assert told == [
        "orders: 90 rows sent and compared.",
        "shop__people: 2 rows sent and compared.",
    ]
    with place.session() as db:
        assert db.ask("select email from personal.shop__people where person_id = 2") == [
            ("bob@example.org",)
        ]
        # A person who was erased leaves it empty.
        assert db.ask(
            "select attname::text from pg_attribute where attnotnull and attnum > 0 "
            "and attrelid = 'personal.shop__people'::regclass"
        ) == [("person_id",)]


def test_marts_in_object_storage_are_read_there(place, s3, monkeypatch, tmp_path, extensions):
    marts = marts_in_storage(s3, monkeypatch, tmp_path / "here", extensions)
    marts.write(orders=ORDERS)
    assert written(marts.send(place.entry())) == [("orders", 90, 1)]
    assert written(marts.send(place.entry())) == []
    with place.session() as db:
        assert db.ask("select sum(amount)::text as a from marts.orders") == [("5006.2500",)]


def test_the_transformer_reads_marts_and_writes_only_beside_them(guarded):
    with guarded.session(f"{guarded.prefix}_modeller") as db:
        db.run("create table marts_work.best as select * from marts.orders")
        assert db.ask("select count(*) as n from marts_work.best") == [(90,)]
    refused(guarded, "modeller", "delete from marts.orders", "create table marts.x (id bigint)")


def test_a_login_without_a_role_does_not_get_in(guarded):
    with guarded.session() as db:
        db.run(f"create role {guarded.prefix}_stranger login")
    with pytest.raises(PublishError, match="permission denied for database"):
        guarded.send(user=f"{guarded.prefix}_stranger")


# -- getting there ------------------------------------------------------------------------


def test_a_wrong_password_is_named_not_shown_and_not_tried_again(place, server, monkeypatch):
    hba = server / "pg_hba.conf"
    rules = hba.read_text()
    place.write(orders=ORDERS)
    with place.session() as db:
        db.run("create role keyholder login password 'it''s right' superuser")
        hba.write_text("local all keyholder scram-sha-256\n" + rules)
        try:
            db.ask("select pg_reload_conf() as x, pg_sleep(0.2)::text as y")
            monkeypatch.setenv("REPORTING_PASSWORD", "hidden'word")
            with pytest.raises(PublishError, match="password authentication failed") as caught:
                place.send(user="keyholder", password_env="REPORTING_PASSWORD")
            assert not isinstance(caught.value, DestinationUnavailableError)
            assert "hidden" not in str(caught.value)
            monkeypatch.setenv("REPORTING_PASSWORD", "it's right")
            place.send(user="keyholder", password_env="REPORTING_PASSWORD")
        finally:
            hba.write_text(rules)
            db.ask("select pg_reload_conf() as x")


def test_two_publications_at_once_do_not_mix(place):
    place.write(orders=ORDERS)
    with place.session() as db:
        db.con.begin()
        db.ask("select pg_try_advisory_xact_lock(hashtext('inventory platform')) as x")
        with pytest.raises(DestinationUnavailableError, match="under way"):
            place.send()
        db.con.rollback()
    place.send()


# -- on the asset graph -------------------------------------------------------------------


@pytest.fixture
def graph(place, monkeypatch):
    """The marts, which may fail, and the destination behind them; returns how a run went."""
    monkeypatch.setattr(assets, "read_graph", lambda settings: SimpleNamespace(manifest={}))
    monkeypatch.setattr(assets, "read_marts", lambda manifest: place.marts)

    def run(entry, instance, *, marts_fail=False):
        @dg.asset(key=assets.MARTS)
        def marts():
            if marts_fail:
                raise dg.Failure("Blocking checks failed.", allow_retries=False)

        soon = place.settings.model_copy(update={"retries": 2, "retry_seconds": 0.01})
        behind = assets.build_destination_assets(soon, [entry])
        result = dg.materialize([marts, *behind], instance=instance, raise_on_error=False)
        events = result.all_events
        return (
            len(result.get_asset_materialization_events()),
            sum(e.is_step_restarted for e in events if hasattr(e, "is_step_restarted"))
            or sum(e.event_type_value == "STEP_RESTARTED" for e in events),
            " ".join(e.event_specific_data.error.message for e in result.filter_events(
                lambda e: e.is_step_failure) if e.event_specific_data.error),
        )  # fmt: skip

    return run


def test_a_destination_follows_the_marts_and_is_left_alone_when_they_fail(place, graph):
    place.write(orders=ORDERS)
    entry = place.entry()
    key = assets.destination_key(entry)
    with dg.DagsterInstance.ephemeral() as instance:
        assert graph(entry, instance, marts_fail=True)[:2] == (0, 0)
        assert assets.behind(instance, place.settings, [key]) == [key]
        with place.session() as db:
            assert db.ask("select count(*) as n from pg_namespace where nspname = 'marts'") == [
                (0,)
            ]
        assert graph(entry, instance)[:2] == (2, 0)
        assert assets.behind(instance, place.settings, [key]) == []
        event = instance.get_latest_materialization_event(key)
        assert event.asset_materialization.metadata["rows_written"].value == 90
        place.write(orders=CHANGED)
        assert assets.behind(instance, place.settings, [key]) == [key]


def test_what_may_pass_is_tried_again_and_what_may_not_is_not(place, graph):
    place.write(orders=ORDERS)
    with dg.DagsterInstance.ephemeral() as instance:
        away = Entry("reporting", "postgresql://postgres@127.0.0.1:1/stock")
        materialized, restarts, message = graph(away, instance)
        assert (materialized, restarts) == (1, 2)
        nowhere = Entry("reporting", place.address().replace("/postgres?", "/nowhere?"))
        materialized, restarts, message = graph(nowhere, instance)
        assert (materialized, restarts) == (1, 0)
        assert 'database "nowhere" does not exist' in message
