"""Object stores on loopback: S3 by moto's server, Azure storage by Azurite, each its own process.

Helpers of the tests; `s3` and `azure` are made fixtures in `conftest.py`. Both take any name and
key, so the credentials here open nothing.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from inventory_platform.object_storage import RemoteFolder, open_folder

ACCOUNT = "tests"

_DEADLINE_SECONDS = 60


@dataclass(frozen=True)
class ObjectStore:
    """A running store with one empty bucket.

    Attributes:
        address: The bucket, such as `s3://lake`.
        environment: Variables that a process needs to reach it.
    """

    address: str
    environment: dict[str, str]

    def folder(self, name: str) -> RemoteFolder:
        """A folder of it; the variables must be set."""
        return open_folder(f"{self.address}/{name}", "test")


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def moto_server(folder: Path) -> Iterator[ObjectStore]:
    """S3 as moto simulates it."""
    port = free_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    server = str(Path(sys.executable).parent / "moto_server")
    with _running([server, "-H", "127.0.0.1", "-p", str(port)], folder, port):
        _make_bucket(ObjectStore("s3://lake", environment))
        yield ObjectStore("s3://lake", environment)


@contextmanager
def azurite(folder: Path) -> Iterator[ObjectStore]:
    """Azure storage as Azurite simulates it: blobs, without a hierarchical namespace."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    program = (
        cache / "inventory-test-servers" / "azurite" / "node_modules" / ".bin" / "azurite-blob"
    )
    if not program.exists() or shutil.which("node") is None:
        message = "Azurite is missing: sudo bash scripts/install-test-servers.sh"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    port = free_port()
    key = base64.b64encode(b"for tests on loopback").decode()
    connection = (
        f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};"
        f"BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
    )
    command = [str(program), "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    command += ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(folder)]
    with _running(command, folder, port, AZURITE_ACCOUNTS=f"{ACCOUNT}:{key}"):
        store = ObjectStore("az://lake", {"AZURE_STORAGE_CONNECTION_STRING": connection})
        _make_bucket(store)
        yield store


def _make_bucket(store: ObjectStore) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        folder = open_folder(store.address, "test")
        folder.fs.mkdir(folder.root)


@contextmanager
def _running(command: list[str], folder: Path, port: int, **env: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, env=os.environ | env
        )
        try:
            deadline = time.monotonic() + _DEADLINE_SECONDS
            while not _answers(port):
                assert process.poll() is None, (folder / "server.log").read_text()
                assert time.monotonic() < deadline, f"{command[0]} does not answer"
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(timeout=10)


def _answers(port: int) -> bool:
    with socket.socket() as sock:
        sock.settimeout(1)
        return sock.connect_ex(("127.0.0.1", port)) == 0
