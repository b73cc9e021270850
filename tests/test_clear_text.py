"""What would go to another machine unencrypted is refused before anything is said to it."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from inventory_platform.errors import SettingsError
from inventory_platform.operations.alerts.config import read_config
from inventory_platform.settings import ClearText, Settings
from inventory_platform.sources.catalog import Source, resolve
from inventory_platform.sources.clear_text import check_encrypted, is_this_machine
from inventory_platform.sources.databases import MysqlReader, PostgresReader

CLEAR = [
    ("mqtt://u:p@broker.example:1883", {}),
    ("kafka://one.example:9092", {}),
    ("kafka://127.0.0.1:9092,two.example:9092", {}),
    ("kafka://u:p@one.example:9092", {"security_protocol": "SASL_PLAINTEXT"}),
    ("postgresql://u:p@db.example/d?sslmode=disable", {}),
    ("postgres://u:p@db.example/d?sslmode=prefer", {}),
    ("postgresql://u:p@localhost/d?host=db.example&sslmode=allow", {}),
    ("mysql://u:p@db.example/d?ssl_mode=disabled", {}),
    ("mssql://u:p@db.example/d?Encrypt=no", {}),
    ("mssql://u:p@db.example/d?encrypt=optional", {}),
    ("oracle://u:p@db.example/s", {}),
    ("rest+http://api.example/v1", {}),
    ("linnworks+http://api.example", {}),
    ("http://search.example:9200", {}),
    ("mailto://u:p@shop.example", {}),
    ("mailto://u:p@localhost?smtp=mail.example", {}),
    ("json://hooks.example/x", {}),
]
ENCRYPTED_OR_HERE = [
    ("mqtts://u:p@broker.example", {}),
    ("mqtt://127.0.0.1:1883", {}),
    ("kafka://127.0.0.1:9092,localhost:9093", {}),
    ("kafka://one.example:9092", {"security_protocol": "ssl"}),
    ("kafka://u:a/b@one.example:9093", {}),
    ("postgresql://u:p@db.example/d", {}),
    ("postgresql://u:p@db.example/d?sslmode=verify-full", {}),
    ("postgresql://u:p@localhost/d?sslmode=disable", {}),
    ("postgresql://u@/d?host=/var/run/postgresql&sslmode=disable", {}),
    ("mysql://u:p@db.example/d", {}),
    ("mysql://u:p@[::1]/d?ssl_mode=disabled", {}),
    ("mssql://u:p@db.example/d", {}),
    ("oracle://u:p@db.example/s?protocol=tcps", {}),
    ("linnworks://api.linnworks.example", {}),
    ("rest+https://api.example/v1", {}),
    ("rest+http://127.0.0.1:8000/v1", {}),
    ("shop+http://shop.example", {}),
    ("sqlite:///shop.db", {}),
    ("/srv/drop", {}),
    ("s3://bucket/drop", {}),
    ("mailtos://u:p@shop.example", {}),
    ("mailto://u:p@shop.example?mode=starttls", {}),
    ("jsons://hooks.example/x", {}),
]


@pytest.mark.parametrize(("address", "options"), CLEAR)
def test_an_unencrypted_connection_to_another_machine_is_refused(
    address: str, options: dict[str, str]
) -> None:
    with pytest.raises(SettingsError, match=r"not encrypted.*\n.*INVENTORY_CLEAR_TEXT=warn") as e:
        check_encrypted(Settings(), address, "Source 'shop'", options)
    assert "u:p" not in str(e.value)


@pytest.mark.parametrize(("address", "options"), CLEAR)
def test_or_it_is_warned_of_where_the_setting_says_so(
    address: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        check_encrypted(Settings(clear_text=ClearText.warn), address, "Source 'shop'", options)
    assert "Source 'shop': the connection to another machine is not encrypted" in caplog.text
    assert "u:p" not in caplog.text


@pytest.mark.parametrize(("address", "options"), ENCRYPTED_OR_HERE)
def test_what_is_encrypted_or_stays_on_this_machine_passes(
    address: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    check_encrypted(Settings(), address, "Source 'shop'", options)
    assert caplog.text == ""


def test_sources_are_held_to_the_rule_when_their_placeholders_are_filled_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = Source("sensors", "mqtt://${BROKER}:1883")
    monkeypatch.setenv("BROKER", "broker.example")
    with pytest.raises(SettingsError, match=r"Source 'sensors'.*\n.*mqtts://"):
        resolve(source, Settings())
    monkeypatch.setenv("BROKER", "localhost")
    assert resolve(source, Settings())[0].address == "mqtt://localhost:1883"


def test_alerts_are_held_to_the_rule_at_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Settings(alerts_file=tmp_path / "alerts.toml")
    settings.alerts_file.write_text('[routes.mail]\nurl_env = "ALERTS_MAIL"\n')
    monkeypatch.setenv("ALERTS_MAIL", "mailto://u:p@shop.example")
    with pytest.raises(SettingsError, match=r"'mail' of alerts\.toml.*not encrypted"):
        read_config(settings)
    monkeypatch.setenv("ALERTS_MAIL", "mailtos://u:p@shop.example")
    assert list(read_config(settings).routes) == ["mail"]
    settings.alerts_file.write_text('[heartbeat]\nurl_env = "ALERTS_MAIL"\n')
    monkeypatch.setenv("ALERTS_MAIL", "http://watch.example/ping")
    with pytest.raises(SettingsError, match=r"heartbeat.*not encrypted"):
        read_config(settings)


def test_databases_elsewhere_are_asked_for_tls_where_the_address_says_nothing() -> None:
    def asked(address: str) -> list[str]:
        return re.findall(r"sslmode=\S+", PostgresReader(address).address)

    assert asked("postgresql://u@db.example/d") == ["sslmode=require"]
    assert asked("postgresql://u@db.example/d?connect_timeout=3") == ["sslmode=require"]
    assert asked("postgresql://u@db.example/d?sslmode=verify-full") == ["sslmode=verify-full"]
    assert asked("postgresql://u@localhost/d") == []
    assert MysqlReader("mysql://u@db.example/d").tls == {"ssl_mode": "required"}
    assert MysqlReader("mysql://u@localhost/d").tls == {}
    with pytest.raises(SettingsError, match="unknown option 'sslmode'"):
        MysqlReader("mysql://u@db.example/d?sslmode=require")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "", None, "/run/postgresql"])
def test_this_machine_is_known(host: str | None) -> None:
    assert is_this_machine(host)
    assert not is_this_machine("127.0.0.1.example")
