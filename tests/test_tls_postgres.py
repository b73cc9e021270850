"""A real Postgres over TLS: encrypted where asked for, and only with the right certificate."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from inventory_platform import duck
from inventory_platform.errors import SourceError
from inventory_platform.settings import Settings
from inventory_platform.sources.databases import PostgresReader
from tests.receivers import self_signed

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Server:
    """A server on this machine that speaks TLS, and the authority of its certificate."""

    address: str
    authority: Path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # The wheel's Postgres is built without TLS.
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        message = "Postgres is missing: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # Postgres does not run as root.
    who = {"user": "postgres", "group": "postgres"} if os.geteuid() == 0 else {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        certificate, key = self_signed(folder)
        key.chmod(0o600)
        folder.chmod(0o755)
        if who:
            subprocess.run(["chown", "-R", "postgres", str(folder)], check=True)
        subprocess.run(
            [programs[-1].with_name("initdb"), "--pgdata", folder / "data", "--auth=trust",
             "--username=shop", "--no-sync"],
            check=True, capture_output=True, cwd="/", **who,
        )  # fmt: skip
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            "ssl": "on",
            "ssl_cert_file": certificate,
            "ssl_key_file": key,
            "fsync": "off",
        }
        process = subprocess.Popen(
            [programs[-1], "-D", folder / "data", *(f"--{k}={v}" for k, v in settings.items())],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **who,
        )  # fmt: skip
        try:
            _wait_for(process, port)
            yield Server(f"postgresql://shop:sesame@127.0.0.1:{port}/postgres", certificate)
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("Postgres did not start.")


@pytest.fixture
def settings(tmp_path: Path, extensions: Path) -> Settings:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "duckdb_extensions").symlink_to(extensions)
    return Settings(data_dir=tmp_path / "data", threads=1)


def is_encrypted(settings: Settings, address: str) -> bool:
    """Whether a reader's connection is, by the server's own account."""
    with duck.connect(settings) as con:
        PostgresReader(address).attach(con)
        asked = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"
        rows = con.execute(f"from postgres_query('source', {duck.literal(asked)})").fetchall()
        return rows == [(True,)]


def test_the_connection_is_encrypted_where_the_address_asks_for_it(
    server: Server, settings: Settings
) -> None:
    assert is_encrypted(settings, f"{server.address}?sslmode=require")
    verified = f"{server.address}?sslmode=verify-full&sslrootcert={server.authority}"
    assert is_encrypted(settings, verified)
    assert not is_encrypted(settings, f"{server.address}?sslmode=disable")


def test_a_certificate_of_somebody_else_is_refused_and_no_password_shown(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    other, _ = self_signed(tmp_path)
    with pytest.raises(SourceError, match=r"(?i)certificate verify failed") as caught:
        is_encrypted(settings, f"{server.address}?sslmode=verify-full&sslrootcert={other}")
    assert "sesame" not in str(caught.value)
