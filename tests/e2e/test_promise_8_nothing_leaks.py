"""Secrets and personal data appear in no log, event, error, alert, metric, page or published mart.

Both are planted where the platform has to hold them: secrets in addresses, options and files of
secrets, for servers that are gone or send back what they were told; personal data in rows that
are loaded and in one that is rejected. Then everything that was written or said is looked through.
"""

from __future__ import annotations

import base64
import gzip
import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyrage
import pytest

from inventory_platform.landing.lake import Lake
from inventory_platform.operations.metrics import render_metrics
from inventory_platform.registry import read_registry
from tests.e2e.conftest import Platform, copy_of
from tests.receivers import Webhook, web_server

pytestmark = pytest.mark.slow

SECRETS = {
    "till": "till-canary/4f1c9a",
    "linnworks secret": "linnworks-canary-77e0",
    "linnworks token": "installed-canary-51bd",
    "linnworks session": "session-canary-0c3e",
    "postgres": "postgres canary@8a21",
    "mysql": "mysql-canary-b6f4",
    "mqtt": "mqtt-canary+19d8",
    "destination": "destination canary 3e7a",
    "webhook": "hook-canary-d52b",
    "mail": "mail-canary-6a90",
    "heartbeat": "pulse-canary-e8c7",
    "not used": "unused-canary-2f6d",
}
PERSONS = {
    "name": "Leonora Kanarienvogel",
    "e-mail": "leonora@kanarienvogel.example",
    "phone": "+49 5550 7316482",
    "street": "Volierengasse 4711",
    "rejected name": "Balthasar Zeisigmann",
    "rejected e-mail": "balthasar@zeisigmann.example",
    "rejected phone": "+49 5550 9182736",
    "rejected street": "Zeisigweg 1174",
}
HELD_BY_DESIGN = ("lake", "sandbox", "tmp", "warehouse.duckdb")
"""Where personal data has to be, below the data folder."""
PUBLISHED = ("published",)


# -- looking ---------------------------------------------------------------------------------


def leaks(canaries: Mapping[str, str], texts: Iterable[tuple[str, str]]) -> list[str]:
    """Which canary is in which text, also as an address, JSON, or a password in a header."""
    forms = {name: {*_forms(value)} for name, value in canaries.items()}
    return sorted(
        f"{name} in {where}"
        for where, text in texts
        for name, written in forms.items()
        if any(form in text for form in written)
    )


def _forms(value: str) -> Iterator[str]:
    yield from (value, quote(value), quote(value, safe=""), json.dumps(value)[1:-1])
    # Of a longer text in base64 the middle stays, at one of three places.
    for offset in range(3):
        packed = base64.b64encode(b"\0" * offset + value.encode()).decode()
        yield packed[4 if offset else 0 : -4]


def texts_of(folder: Path, without: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
    """Every file below a folder as text; databases and tables row by row."""
    for path in sorted(folder.rglob("*")):
        where = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and not where.startswith(tuple(without)):
            yield where, where + "\n" + _text(path)


def _text(path: Path) -> str:
    content = path.read_bytes()
    if content.startswith(b"SQLite format 3\0"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.text_factory = lambda data: data.decode(errors="replace")
            return "\n".join(str(row) for table in _tables(db) for row in table)
    if content.startswith(b"PAR1"):
        rows = duckdb.sql(f"select cast(t as varchar) from read_parquet('{path}') t").fetchall()
        return "\n".join(row for (row,) in rows)
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    return content.decode(errors="replace")


def _tables(db: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    names = db.execute("select name from sqlite_master where type = 'table'").fetchall()
    for (name,) in names:
        yield db.execute(f'select * from "{name}"')


# -- planting --------------------------------------------------------------------------------


@contextmanager
def parrot() -> Iterator[str]:
    """A server that lets Linnworks' client in, and sends all else back what it was told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            if self.path.endswith("AuthorizeByApplication"):
                session = {"Token": SECRETS["linnworks session"], "Server": address}
                self.answer(200, {**session, "Locality": "EU"})
            else:
                told = f"{self.path} {body} {dict(self.headers)}"
                self.answer(400, {"Message": told, "error_description": told})

        do_GET = do_POST  # noqa: N815

        def answer(self, status: int, content: object) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield address
        server.shutdown()


# Nothing listens on port 1. Names of variables do not say that they hold secrets.
SOURCES = """
[inventory_db]
address = "sqlite:///{{data_dir}}/sandbox/inventory.sqlite"

[pos_api]
address = "rest+{parrot}/v1"
[pos_api.auth]
kind = "oauth2_client_credentials"
token_url = "/oauth/token"
client_id = "inventory"
client_secret = "${{TILL_DOOR}}"
[pos_api.fetch.receipts]
path = "receipts"
records = "receipts"
[pos_api.fetch.stores]
path = "stores"
records = "stores"
[pos_api.fetch.stock_counts]
path = "stock-counts"
records = "counts"

[linnworks]
address = "linnworks+{parrot}"
application_id = "11111111-1111-1111-1111-111111111111"
application_secret = "${{LINN_DOOR}}"
token = "${{LINN_RING}}"
start = "2024-10-01"

[model_cars]
address = "postgresql://cars:${{CARS_DOOR}}@127.0.0.1:1/cars"

[northwind]
address = "mysql://wind:${{WIND_DOOR}}@127.0.0.1:1/northwind"

[iot_devices]
address = "mqtt://devices:${{DEVICES_DOOR}}@127.0.0.1:1"
"""
DESTINATIONS = """
[destinations.reports]
address = "postgresql://loader@127.0.0.1:1/reports"
password_env = "REPORTS_DOOR"
"""
ALERTS = """
[routes.hook]
url_env = "HOOK_DOOR"
[routes.mail]
url_env = "MAIL_DOOR"
[heartbeat]
url_env = "PULSE_DOOR"
"""
# What the planted persons are in, from the source to readers.
TOUCHED = """
    (+key:"marts/dim_customers" and (key:"*customers*" or key:"*customers__*"))
    or key:"published/marts"
"""
FAILING = " or ".join(
    f'key:"{key}"'
    for key in (
        *("raw/pos_api__*", "raw/linnworks__*", "pages/pos_api*", "pages/linnworks*"),
        *("raw/model_cars__*", "raw/northwind__*", "raw/iot_devices__*", "published/postgres/*"),
    )
)


@dataclass
class Planted:
    """A platform that knew all canaries, and what it said."""

    platform: Platform
    said: dict[str, str]
    hook: Webhook
    returned: dict[str, int] = field(default_factory=dict)

    def texts(self, without: Iterable[str] = ()) -> Iterator[tuple[str, str]]:
        """Everything that was written below the data folder, said, and sent."""
        yield from texts_of(self.platform.data_dir, without)
        yield from self.said.items()
        yield "alerts", json.dumps(self.hook.posts, ensure_ascii=False)
        yield "/metrics", render_metrics(self.platform.settings).decode()


@pytest.fixture(scope="module")
def planted(small: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("planted")
    platform = copy_of(small, folder)
    plant_persons(platform)
    with web_server() as hook, parrot() as address:
        found = Planted(platform, {}, hook)
        environment = plant_secrets(folder, hook)
        (folder / "failing.toml").write_text(SOURCES.format(parrot=address))
        others = {
            "INVENTORY_SOURCES_FILE": str(folder / "failing.toml"),
            "INVENTORY_DESTINATIONS_FILE": str(folder / "destinations.toml"),
        }
        for name, arguments, more in (
            ("run", ("run", "--select", TOUCHED), {}),
            ("failing run", ("run", "--select", FAILING), others),
            ("alerts", ("alerts", "list"), others),
            ("logs", ("logs",), others),
        ):
            result = platform.inventory(*arguments, **environment, **more)
            found.said[name] = result.stdout + result.stderr
            found.returned[name] = result.returncode
        yield found


def plant_persons(platform: Platform) -> None:
    columns = "CustomerName = ?, Email = ?, PhoneNumber = ?, Address = ?"
    values = [*PERSONS.values()]
    with closing(sqlite3.connect(platform.settings.sandbox_database)) as db, db:
        db.execute(f"update Customers set {columns} where CustomerID = 7", values[:4])
        # Points that are no number: the row is rejected, and its payload kept.
        columns += ", LoyaltyPoints = 'many'"
        db.execute(f"update Customers set {columns} where CustomerID = 8", values[4:])


def plant_secrets(folder: Path, hook: Webhook) -> dict[str, str]:
    identity = pyrage.x25519.Identity.generate()
    (folder / "identity").write_text(str(identity))
    kept = f"WIND_DOOR='{SECRETS['mysql']}'\nNOBODYS_DOOR='{SECRETS['not used']}'\n"
    encrypted = pyrage.encrypt(kept.encode(), [identity.to_public()])
    (folder / "secrets.age").write_bytes(encrypted)
    (folder / "reports").write_text(SECRETS["destination"] + "\n")
    (folder / "destinations.toml").write_text(DESTINATIONS)
    (folder / "alerts.toml").write_text(ALERTS)
    login = f"inventory:{quote(SECRETS['mail'], safe='')}"
    return {
        "INVENTORY_SECRETS_FILE": str(folder / "secrets.age"),
        "INVENTORY_AGE_IDENTITY_FILE": str(folder / "identity"),
        "INVENTORY_ALERTS_FILE": str(folder / "alerts.toml"),
        "INVENTORY_RETRIES": "0",
        "REPORTS_DOOR_FILE": str(folder / "reports"),
        "TILL_DOOR": SECRETS["till"],
        "LINN_DOOR": SECRETS["linnworks secret"],
        "LINN_RING": SECRETS["linnworks token"],
        "CARS_DOOR": quote(SECRETS["postgres"], safe=""),
        "DEVICES_DOOR": quote(SECRETS["mqtt"], safe=""),
        "HOOK_DOOR": f"{hook.url}/{SECRETS['webhook']}",
        "MAIL_DOOR": f"mailto://{login}@127.0.0.1:1?from=a@shop.example&to=b@shop.example",
        "PULSE_DOOR": f"http://127.0.0.1:{hook.port}/ping/{SECRETS['heartbeat']}",
    }


# -- what is promised ------------------------------------------------------------------------


def test_every_planted_secret_was_used_and_its_failure_told(planted: Planted) -> None:
    assert planted.returned["failing run"] == 1
    told = planted.said["failing run"]
    for failed in (
        *("Postgres at 127.0.0.1/cars", "MySQL at 127.0.0.1/northwind", "127.0.0.1:1"),
        *("pages__linnworks__orders", "/oauth/token", "Postgres at 127.0.0.1/reports"),
    ):
        assert failed in told, told
    assert planted.hook.posts, "no alert was sent"
    assert any(SECRETS["webhook"] in path for path in planted.hook.paths)
    assert "mail cannot be sent" in planted.said["alerts"]


def test_planted_persons_were_loaded_and_rejected(planted: Planted) -> None:
    assert planted.returned["run"] == 0, planted.said["run"]
    with_persons = leaks(PERSONS, texts_of(planted.platform.settings.lake_dir))
    assert {found.partition(" in ")[0] for found in with_persons} == PERSONS.keys()
    assert any("quarantine" in found for found in with_persons)


def test_no_secret_is_anywhere(planted: Planted) -> None:
    assert leaks(SECRETS, planted.texts()) == []


def test_no_personal_data_is_outside_of_where_it_is_held(planted: Planted) -> None:
    assert leaks(PERSONS, planted.texts(without=(*HELD_BY_DESIGN, *PUBLISHED))) == []
    folder = planted.platform.settings.operations_dir
    assert leaks(PERSONS, texts_of(folder)) == []


def test_no_personal_data_is_in_a_published_mart(planted: Planted) -> None:
    texts = dict(texts_of((planted.platform.settings.published_dir / "current").resolve()))
    assert {"dim_customers.parquet", "fct_orders.parquet"} <= texts.keys()
    assert leaks(PERSONS, texts.items()) == []


def test_no_personal_value_of_any_source_is_in_a_published_mart(platform: Platform) -> None:
    con = duckdb.connect()
    con.execute("create table personal (value text, origin text)")
    lake = Lake.of(platform.settings)
    for contract in read_registry(platform.settings).relations.values():
        files = [str(path) for path in lake.paths("raw", contract)]
        for column in contract.personal_columns if files else ():
            # Towns and single words are in marts for reasons of their own.
            con.execute(
                f"""insert into personal
                select distinct lower(trim(cast("{column.name}" as varchar))) as value, ?
                from read_parquet(?, union_by_name = true)
                where value similar to '.+[ @].+|[a-z]+[0-9]{{4,}}' and not ?""",
                [f"{contract.relation}.{column.name}", files, column.name.endswith("town")],
            )
    sources = con.execute("select distinct split_part(origin, '__', 1) from personal").fetchall()
    assert {"inventory_db", "linnworks", "northwind", "pos_api"} <= {name for (name,) in sources}
    assert found_in_marts(con, platform.settings.published_dir / "current") == []


def found_in_marts(con: duckdb.DuckDBPyConnection, folder: Path) -> list[str]:
    """Which mart shows values of the table `personal`, and where they come from."""
    found = []
    for path in sorted(folder.glob("*.parquet")):
        shape = con.execute("describe from read_parquet(?)", [str(path)]).fetchall()
        for name in (name for name, kind, *_ in shape if kind == "VARCHAR"):
            origins = con.execute(
                f"""select distinct origin from personal where value in
                (select lower(trim("{name}")) from read_parquet(?))""",
                [str(path)],
            ).fetchall()
            found += [f"{origin} in {path.stem}.{name}" for (origin,) in origins]
    return found


# -- the looking itself ------------------------------------------------------------------------


def test_a_planted_leak_is_found_wherever_it_is(tmp_path: Path) -> None:
    value = "Kanarien vögel/7"
    canary = {"it": value}
    (tmp_path / "clean.log").write_text("nothing to see")
    assert leaks(canary, texts_of(tmp_path)) == []
    (tmp_path / "plain.log").write_text(f"password {value}")
    (tmp_path / "address.txt").write_text(f"mysql://u:{quote(value, safe='')}@h")
    (tmp_path / "event.json").write_text(json.dumps({"error": value}))
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(value.encode()))
    for user in ("u", "us", "usr"):
        header = base64.b64encode(f"{user}:{value}:x".encode()).decode()
        (tmp_path / f"header-{user}.txt").write_text(f"Basic {header}")
    with closing(sqlite3.connect(tmp_path / "events.db")) as db, db:
        db.execute("create table events (body text)")
        # Longer than a page of the file, so that the text is not in one piece there.
        db.execute("insert into events values (?)", [f"{'x' * 4050}{value}{'x' * 9000}"])
    con = duckdb.connect()
    con.execute(f"copy (select '{value}' as name, 1 as n) to '{tmp_path}/mart.parquet'")
    con.execute("create table personal as select lower(?) as value, 'shop.name' as origin", [value])
    assert found_in_marts(con, tmp_path) == ["shop.name in mart.name"]
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "held.txt").write_text(value)
    found = leaks(canary, texts_of(tmp_path, without=["lake"]))
    assert [leak.removeprefix("it in ") for leak in found] == [
        *("address.txt", "event.json", "events.db", "header-u.txt", "header-us.txt"),
        *("header-usr.txt", "mart.parquet", "old.log.gz", "plain.log"),
    ]
