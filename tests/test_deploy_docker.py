"""The image, the compose file and what they are set with: rules, and what runs without Docker.

Docker itself is not started here: nothing in this file says that the image builds.
"""

from __future__ import annotations

import copy
import os
import re
import shutil
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import pytest
import yaml
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from inventory_platform.sandbox.brokers import find_mosquitto
from inventory_platform.settings import PROJECT_DIR
from tests.postgres_server import running_postgres
from tests.test_processes import free_port

DOCKER = PROJECT_DIR / "deploy" / "docker"


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


# The Dockerfile


def instructions(text: str) -> list[tuple[str, str]]:
    """Instruction and arguments, lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.strip().partition(" ") for line in joined.splitlines())
        if word
    ]


def image_complaints(text: str) -> list[str]:
    """What is wrong with a Dockerfile."""
    told = instructions(text)
    found = []
    bases = [rest.split()[0] for word, rest in told if word == "FROM"]
    found += [f"{base} has no fixed version" for base in bases if not is_pinned(base)]
    if len(bases) < 2:
        found.append("the tools of building are in the image")
    last = max(i for i, (word, _) in enumerate(told) if word == "FROM")
    users = [rest for word, rest in told[last:] if word == "USER"]
    if not users or not users[-1].split(":")[0].isdigit() or users[-1].startswith("0"):
        found.append("it runs as root, or as a name instead of a number")
    words = {word for word, _ in told}
    found += [f"no {word}" for word in ("HEALTHCHECK", "ENTRYPOINT") if word not in words]
    if "ADD" in words:
        found.append("ADD fetches and unpacks")
    for word, rest in told:
        if word == "RUN" and "install" in rest and "pip install" in rest:
            for command in rest.split("&&"):
                if "pip install" in command and not (
                    "--require-hashes" in command or "--no-deps" in command
                ):
                    found.append("something is installed without its hash")
        if word in {"ENV", "ARG"} and any(
            part in rest.upper() for part in ("PASSWORD=", "TOKEN=", "SECRET=", "KEY=")
        ):
            found.append("a secret in the image")
        if word == "RUN" and ("curl" in rest or "wget" in rest):
            found.append("something is fetched without a check")
    return found


def is_pinned(image: str) -> bool:
    """Whether a tag names a version with its last part."""
    _, _, tag = image.rpartition(":")
    return ":" in image and tag != "latest" and tag.split("-")[0].count(".") >= 1


def test_the_dockerfile_keeps_the_rules() -> None:
    assert image_complaints((DOCKER / "Dockerfile").read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("python:3.11.14-slim-bookworm AS", "python:latest AS", "python:latest has no fixed"),
        ("python:3.11.14-slim-bookworm AS", "python AS", "python has no fixed version"),
        ("USER 10001:10001", "USER inventory", "as a name instead of a number"),
        ("USER 10001:10001", "USER 0:0", "runs as root"),
        ("HEALTHCHECK", "LABEL", "no HEALTHCHECK"),
        ("--require-hashes -r requirements.txt", "-r requirements.txt", "without its hash"),
        ("COPY . .", "ADD . .", "ADD fetches"),
        ("COPY . .", "COPY . .\nENV API_TOKEN=x", "a secret in the image"),
        ("COPY . .", "COPY . .\nRUN curl https://example.com", "fetched without a check"),
    ],
)
def test_a_broken_dockerfile_is_noticed(old: str, new: str, complaint: str) -> None:
    text = (DOCKER / "Dockerfile").read_text()
    assert old in text
    assert any(complaint in found for found in image_complaints(text.replace(old, new, 1)))


def test_the_dockerfile_copies_only_what_exists_and_is_let_in() -> None:
    let_in = {
        line[1:]
        for line in (PROJECT_DIR / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    text = (DOCKER / "Dockerfile").read_text()
    copied = next(rest for word, rest in instructions(text) if word == "COPY").split()[:-1]
    for name in copied:
        assert (PROJECT_DIR / name).is_file()
        assert name in let_in or "requirements*.txt" in let_in
    # Whatever the platform reads at run time; secrets and state stay out.
    assert {"inventory_platform", "asset_checks", "dashboard", "dbt_project", "seeds"} <= let_in
    assert not let_in & {".env", ".data", ".git", "tests"}


def test_the_version_of_python_is_one_the_platform_runs_on() -> None:
    image = next(
        rest for word, rest in instructions((DOCKER / "Dockerfile").read_text()) if word == "FROM"
    )
    assert image.startswith("python:3.11.")


def test_the_entry_point_takes_the_password_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")

    def start(file: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(DOCKER / "entrypoint.sh"), "printenv", "DAGSTER_PG_PASSWORD"],
            env={"PATH": os.defpath, "DAGSTER_PG_PASSWORD_FILE": str(file)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert start(secret).stdout == "open sesame\n"
    # Without it nothing starts, instead of starting without a password.
    missing = start(tmp_path / "missing")
    assert missing.returncode != 0
    assert "missing" in missing.stderr


# Compose


def compose_complaints(told: dict[str, Any]) -> list[str]:
    """What is wrong with a compose file."""
    found = []
    for name, service in told["services"].items():
        image = service.get("image", "")
        # A default behind a variable counts.
        if not is_pinned(image.removeprefix("${INVENTORY_IMAGE:-").removesuffix("}")):
            found.append(f"{name}: the image has no fixed version")
        if not str(service.get("user", "0")).split(":")[0].isdigit() or str(
            service.get("user", "0")
        ).startswith("0"):
            found.append(f"{name}: runs as root")
        if service.get("read_only") is not True:
            found.append(f"{name}: can change its own files")
        if service.get("cap_drop") != ["ALL"] or service.get("cap_add"):
            found.append(f"{name}: keeps capabilities")
        if "no-new-privileges:true" not in service.get("security_opt", []):
            found.append(f"{name}: can gain privileges")
        if service.get("privileged") or "docker.sock" in str(service.get("volumes", "")):
            found.append(f"{name}: is as good as root")
        for missing in ("healthcheck", "restart", "logging"):
            if missing not in service:
                found.append(f"{name}: no {missing}")
        if "max-size" not in service.get("logging", {}).get("options", {}):
            found.append(f"{name}: logs without a limit")
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        if not {"cpus", "memory", "pids"} <= set(limits):
            found.append(f"{name}: no limit of resources")
        if service.get("network_mode") == "host":
            found.append(f"{name}: on the host's network")
        for port in service.get("ports", []):
            if name != "proxy":
                found.append(f"{name}: published")
            elif "127.0.0.1:" not in str(port):
                found.append(f"{name}: published beyond this machine")
        for variable, value in service.get("environment", {}).items():
            hidden = any(word in variable for word in ("PASSWORD", "TOKEN", "SECRET", "KEY"))
            if hidden and not (variable.endswith("_FILE") and value.startswith("/run/secrets/")):
                found.append(f"{name}: {variable} is not a file")
        writes = [v for v in service.get("volumes", []) if str(v) == "data:/data"]
        if writes and name != "code":
            found.append(f"{name}: a second writer")
        checked = service.get("healthcheck", {}).get("test", [])
        if needs_the_password(checked[1:]):
            found.append(f"{name}: its check does not know the password of the storage")
        for file in service.get("env_file", []):
            if name != "code":
                found.append(f"{name}: is given settings it does not need")
            elif file.get("required") is not False:
                found.append(f"{name}: does not start without a file of settings")
        outside = {"outside"} & set(service.get("networks", []))
        if outside and name not in {"proxy", "code"}:
            found.append(f"{name}: reaches the outside")
    found += [
        f"{name}: a secret in clear text"
        for name, secret in told.get("secrets", {}).items()
        if set(secret) != {"file"}
    ]
    return found


def needs_the_password(command: list[str]) -> bool:
    """Whether a command that is started in a container opens Dagster's storage without it."""
    # The health of the code location is asked over its port.
    return command[:1] in (["dagster-daemon"], ["inventory"]) or (
        command[:1] == ["dagster"] and command[:2] != ["dagster", "api"]
    )


def test_documented_commands_in_a_container_know_the_password() -> None:
    pages = [*(PROJECT_DIR / "docs").glob("*.md"), *(PROJECT_DIR / "deploy").rglob("*.md")]
    commands = [
        told.split()
        for page in pages
        for told in re.findall(r"compose … exec (?:code|daemon) ([^`\n]+)", page.read_text())
    ]
    assert len(commands) >= 2
    assert [" ".join(c) for c in commands if needs_the_password(c)] == []
    assert all(c[0] == "/app/deploy/docker/entrypoint.sh" for c in commands)
    assert os.access(DOCKER / "entrypoint.sh", os.X_OK)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(read(DOCKER / "compose.yaml"))


def test_the_compose_files_are_as_the_specification_says() -> None:
    files = [str(DOCKER / name) for name in ("compose.yaml", "compose.devices.yaml")]
    checker = shutil.which("check-jsonschema", path=str(PROJECT_DIR / ".venv" / "bin"))
    assert checker
    command = [checker, "--builtin-schema", "vendor.compose-spec"]
    checked = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def test_the_compose_file_keeps_the_rules(compose: dict[str, Any]) -> None:
    assert compose_complaints(compose) == []


@pytest.mark.parametrize(
    ("service", "key", "value", "complaint"),
    [
        ("postgres", "image", "postgres:latest", "no fixed version"),
        ("postgres", "image", "postgres:17", "no fixed version"),
        ("broker", "user", "0:0", "broker: runs as root"),
        ("broker", "user", None, "broker: runs as root"),
        ("code", "read_only", False, "code: can change its own files"),
        ("code", "cap_drop", [], "code: keeps capabilities"),
        ("code", "cap_add", ["NET_ADMIN"], "code: keeps capabilities"),
        ("code", "security_opt", [], "code: can gain privileges"),
        ("code", "privileged", True, "code: is as good as root"),
        ("daemon", "healthcheck", None, "daemon: no healthcheck"),
        (
            "daemon",
            "healthcheck",
            {"test": ["CMD", "dagster-daemon", "liveness-check"]},
            "daemon: its check does not know the password",
        ),
        ("code", "env_file", [{"path": "x"}], "code: does not start without a file"),
        ("dashboard", "env_file", [{"path": "x"}], "dashboard: is given settings"),
        ("daemon", "restart", None, "daemon: no restart"),
        ("daemon", "logging", {"driver": "json-file"}, "daemon: logs without a limit"),
        ("daemon", "deploy", {}, "daemon: no limit of resources"),
        ("code", "network_mode", "host", "code: on the host's network"),
        ("operators", "ports", ["127.0.0.1:3000:3000"], "operators: published"),
        ("proxy", "ports", ["8443:8443"], "proxy: published beyond this machine"),
        ("code", "environment", {"MQTT_PASSWORD": "x"}, "MQTT_PASSWORD is not a file"),
        ("viewers", "volumes", ["data:/data"], "viewers: a second writer"),
        ("postgres", "networks", ["outside"], "postgres: reaches the outside"),
    ],
)
def test_a_broken_compose_file_is_noticed(
    compose: dict[str, Any], service: str, key: str, value: Any, complaint: str
) -> None:
    broken = copy.deepcopy(compose)
    broken["services"][service][key] = value
    if value is None:
        del broken["services"][service][key]
    assert any(complaint in found for found in compose_complaints(broken))


def test_a_secret_in_clear_text_is_noticed(compose: dict[str, Any]) -> None:
    broken = copy.deepcopy(compose)
    broken["secrets"]["broker_password"] = {"environment": "BROKER_PASSWORD"}
    assert "broker_password: a secret in clear text" in compose_complaints(broken)


def test_everything_that_compose_names_is_there(compose: dict[str, Any]) -> None:
    secrets, networks = set(compose["secrets"]), set(compose["networks"])
    for service in compose["services"].values():
        for secret in service.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in secrets
        assert set(service["networks"]) <= networks
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        for volume in service.get("volumes", []):
            source = volume.removeprefix("${INVENTORY_SOURCES:-").removeprefix(
                "${INVENTORY_OPERATORS:-"
            )
            source = source.split(":")[0].removesuffix("}")
            if source.startswith("."):
                assert (DOCKER / source).exists(), volume
            else:
                assert source in compose["volumes"]


def test_nobody_but_dagster_and_the_portal_reaches_the_code_location(
    compose: dict[str, Any],
) -> None:
    on = {name for name, s in compose["services"].items() if "dagster" in s["networks"]}
    assert on == {"code", "operators", "viewers", "daemon", "portal", "postgres"}
    inside = {name for name, told in compose["networks"].items() if told.get("internal")}
    assert inside == {"dagster", "pages", "broker"}


# The secrets, in use


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "secrets"
    write_secrets(folder, "olga", password="open sesame")
    return folder


def write_secrets(folder: Path, *users: str, password: str = "") -> None:
    subprocess.run(
        [str(DOCKER / "secrets.sh"), "localhost", *users],
        env={"PATH": os.environ["PATH"], "INVENTORY_SECRETS_DIR": str(folder)},
        input=f"{password}\n",
        text=True,
        check=True,
        capture_output=True,
    )


def test_every_secret_of_compose_is_written_and_nobody_else_reads_it(
    secrets: Path, compose: dict[str, Any]
) -> None:
    devices = read(DOCKER / "compose.devices.yaml")
    for told in {**compose["secrets"], **devices["secrets"]}.values():
        file = secrets / Path(told["file"]).name
        assert file.stat().st_size > 0
        assert stat.S_IMODE(file.stat().st_mode) == 0o440
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o750


def test_writing_secrets_again_keeps_them_and_adds_people(secrets: Path) -> None:
    before = {file.name: file.read_text() for file in secrets.iterdir()}
    write_secrets(secrets, "victor", password="hello")
    after = {file.name: file.read_text() for file in secrets.iterdir()}
    added = after.pop("proxy_passwords").removeprefix(before.pop("proxy_passwords"))
    assert after == before
    assert added.startswith("victor:$apr1$")
    assert "hello" not in added


# The broker, in a real Mosquitto


@contextmanager
def broker(folder: Path, secrets: Path, listeners: str) -> Iterator[tuple[int, int]]:
    """The shipped configuration, with paths and ports of this test: its two ports."""
    program = find_mosquitto()
    if program is None:
        message = "Mosquitto is missing: sudo bash scripts/install-test-servers.sh"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    plain, encrypted = free_port(), free_port()
    config = folder / "config"
    shutil.copytree(DOCKER / "broker", config)
    told = config / listeners / "listeners.conf"
    text = told.read_text().replace("listener 1883", f"listener {plain} 127.0.0.1")
    text = text.replace("listener 8883", f"listener {encrypted} 127.0.0.1")
    text = text.replace("/run/secrets/broker_certificate", f"{secrets}/broker_certificate.pem")
    told.write_text(text.replace("/run/secrets/broker_key", f"{secrets}/broker_key.pem"))
    main = config / "mosquitto.conf"
    text = main.read_text().replace("/run/secrets/broker_passwords", f"{secrets}/broker_passwords")
    text = text.replace("/mosquitto/config/listeners", str(config / listeners))
    text = text.replace("/mosquitto/config/acl", str(config / "acl"))
    text = text.replace("/mosquitto/data/", f"{folder}/")
    user = "user root\n" if os.geteuid() == 0 else ""
    main.write_text(f"{text}{user}")
    process = subprocess.Popen([program, "-c", str(main)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 15
        while not listens(plain):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield plain, encrypted
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def connected(port: int, user: str, password: str, authority: Path | None = None) -> Client:
    """A client that was let in.

    Raises:
        PermissionError: The broker refused.
    """
    client = Client(CallbackAPIVersion.VERSION2)
    answers: list[bool] = []
    client.on_connect = lambda *told: answers.append(told[3].is_failure)
    if user:
        client.username_pw_set(user, password)
    if authority is not None:
        client.tls_set(ca_certs=str(authority))
    # The certificate is for this name.
    client.connect("localhost", port)
    client.loop_start()
    wait_for(lambda: bool(answers))
    if answers[0]:
        client.loop_stop()
        raise PermissionError(user)
    return client


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_broker_lets_in_with_a_password_and_to_its_part_only(
    secrets: Path, tmp_path: Path
) -> None:
    passwords = {
        name: (secrets / file).read_text()
        for name, file in (("platform", "broker_password"), ("devices", "broker_devices_password"))
    }
    with broker(tmp_path, secrets, "inside") as (port, encrypted):
        for user, password in (("", ""), ("platform", "wrong"), ("stranger", "x")):
            with pytest.raises(PermissionError):
                connected(port, user, password)
        devices = connected(port, "devices", passwords["devices"])
        platform = connected(port, "platform", passwords["platform"])
        heard: list[str] = []
        subscribed: list[int] = []
        platform.on_message = lambda _client, _data, message: heard.append(message.topic)
        platform.on_subscribe = lambda *_: subscribed.append(1)
        platform.subscribe("devices/#", qos=1)
        wait_for(lambda: bool(subscribed))
        for speaker, topic in (
            (platform, "devices/gate/made-up"),
            (devices, "orders/new"),
            (devices, "devices/gate/stock"),
        ):
            speaker.publish(topic, "1", qos=1).wait_for_publish(10)
        # Messages keep their order, so what is not there by now was refused.
        wait_for(lambda: bool(heard))
        assert heard == ["devices/gate/stock"]
        assert not listens(encrypted)
        for client in (devices, platform):
            client.disconnect()
            client.loop_stop()


def test_devices_outside_speak_tls(secrets: Path, tmp_path: Path) -> None:
    password = (secrets / "broker_devices_password").read_text()
    with broker(tmp_path, secrets, "devices") as (_, port):
        authority = secrets / "broker_certificate.pem"
        client = connected(port, "devices", password, authority)
        client.disconnect()
        client.loop_stop()
        with pytest.raises(OSError, match="certificate"):
            connected(port, "devices", password, secrets / "proxy_certificate.pem")


# The proxy's configuration


def test_the_proxy_is_told_names_and_the_public_address(tmp_path: Path) -> None:
    made = configure(tmp_path, "https://stock.shop.test:8443")
    text = made.read_text()
    for name in ("portal:8080", "dashboard:8501", "operators:3000", "viewers:3000"):
        assert f"server {name};" in text
    assert "server_name stock.shop.test;" in text
    assert '"~^https://stock\\.shop\\.test:8443$" 0;' in text
    assert "listen 8443 ssl;" in text
    assert "example" not in text
    assert "server 127.0.0.1" not in text


def test_the_proxy_refuses_an_address_without_tls(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        configure(tmp_path, "http://stock.shop.test")
    assert "must begin with https://" in caught.value.stderr


def configure(folder: Path, url: str) -> Path:
    made = folder / "inventory.conf"
    subprocess.run(
        [
            str(DOCKER / "proxy" / "configure.sh"),
            str(PROJECT_DIR / "deploy" / "proxy" / "inventory.conf"),
            str(made),
        ],
        env={"PATH": os.environ["PATH"], "INVENTORY_PUBLIC_URL": url},
        check=True,
        capture_output=True,
        text=True,
    )
    return made


# The instance, in a real Postgres


def test_the_server_is_set_as_the_laptop_but_for_where_it_keeps_things() -> None:
    laptop, server = read(PROJECT_DIR / "dagster.yaml"), read(DOCKER / "dagster.yaml")
    assert {name: server[name] for name in laptop} == laptop
    assert set(server) - set(laptop) == {
        "storage",
        "local_artifact_storage",
        "compute_logs",
        "run_coordinator",
        "run_launcher",
    }


def test_a_run_and_its_events_are_kept_in_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    with TemporaryDirectory() as folder, running_postgres() as running:
        # A socket instead of a host: the driver takes it from here when no host is named.
        monkeypatch.setenv("PGHOST", str(running.pgdata))
        for name, value in {
            "DAGSTER_PG_HOST": "",
            "DAGSTER_PG_DB": "postgres",
            "DAGSTER_PG_USER": "postgres",
            "DAGSTER_PG_PASSWORD": "open sesame",
            "INVENTORY_DATA_DIR": folder,
            "DAGSTER_STEP_LOGS": str(Path(folder, "logs")),
        }.items():
            monkeypatch.setenv(name, value)

        @dg.op
        def count() -> int:
            return 1

        @dg.job
        def tiny() -> None:
            count()

        home = Path(folder, "home")
        home.mkdir()
        shutil.copy(DOCKER / "dagster.yaml", home)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
            limits = instance.get_concurrency_config()
            assert limits.run_queue_config.max_concurrent_runs == 1
            assert limits.pool_config.default_pool_limit == 1
            result = tiny.execute_in_process(instance=instance)
        assert result.success
        status = running.psql(f"select status from runs where run_id = '{result.run_id}'")
        assert "SUCCESS" in status
        events = running.psql(
            "select dagster_event_type from event_logs "
            f"where run_id = '{result.run_id}' and step_key = 'count'"
        )
        assert "STEP_SUCCESS" in events
