"""Which addresses would be spoken to unencrypted, and the rule that refuses it.

Judged by the address and options alone, before anything is said to the other side; how each
kind of connection encrypts belongs to its reader. Nothing is asked for on this machine, and
nothing of public pages (`shop+http://`), to which no secret is said.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from inventory_platform.errors import SettingsError
from inventory_platform.settings import ClearText, Settings
from inventory_platform.sources.streams.base import parse_address

log = logging.getLogger(__name__)

_REMEDIES = {
    "mqtt": "Use mqtts://, with `ca` where the broker's certificate is not publicly signed.",
    "kafka": 'Set security_protocol = "SSL" or "SASL_SSL", with `ca` where it is needed.',
    "postgresql": "Use sslmode=verify-full with sslrootcert, or at least sslmode=require.",
    "mysql": "Use ssl_mode=verify_identity with ssl_ca, or at least ssl_mode=required.",
    "mssql": "Take `encrypt` out of the address: encrypted is what the driver does by itself.",
    "oracle": "Add ?protocol=tcps to the address, and the port that speaks it.",
    "mailto": "Use mailtos://, or ?mode=starttls.",
    "json": "Use jsons://.",
}
_WEB = "Use https://."
_OF_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}


def check_encrypted(
    settings: Settings, address: str, what: str, options: Mapping[str, Any] | None = None
) -> None:
    """Refuse, or warn of, a connection to another machine that nothing encrypts.

    Args:
        settings: Says which of both; `INVENTORY_CLEAR_TEXT`.
        address: Where to, without placeholders.
        what: Whose address it is, for the message.
        options: What an entry says besides.

    Raises:
        SettingsError: It is unencrypted and unencrypted connections are refused.
    """
    scheme = address.partition("://")[0].lower()
    scheme = "postgresql" if scheme == "postgres" else scheme
    if not _is_clear(scheme, address, options or {}) or _is_here(scheme, address):
        return
    told = f"{what}: the connection to another machine is not encrypted ({scheme}://)."
    if settings.clear_text is ClearText.warn:
        log.warning("%s", told)
        return
    raise SettingsError(
        told,
        f"{_REMEDIES.get(scheme, _WEB)} INVENTORY_CLEAR_TEXT=warn lets it pass, for networks "
        "where nobody else listens.",
    )


def is_this_machine(host: str | None) -> bool:
    """Whether a host is this machine: no name at all, a socket's folder, a loopback address."""
    return not host or host.startswith("/") or host.lower() in _OF_THIS_MACHINE


def _is_clear(scheme: str, address: str, options: Mapping[str, Any]) -> bool:
    asked = {} if scheme in {"mqtt", "kafka"} else _query(address)
    match scheme:
        case "mqtt" | "json" | "http" | "rest+http" | "linnworks+http":
            return True
        case "elasticsearch+http" | "opensearch+http":
            return True
        case "kafka":
            user = options.get("sasl_username") or parse_address(address, {"kafka": 9092}).user
            protocol = options.get("security_protocol") or ("SASL_SSL" if user else "PLAINTEXT")
            return "SSL" not in str(protocol).upper()
        case "postgresql":
            # Without a word the readers ask for TLS: see `databases.py`, `destinations.py`.
            return asked.get("sslmode") in {"disable", "allow", "prefer"}
        case "mysql":
            return asked.get("ssl_mode") in {"disabled", "preferred"}
        case "mssql":
            return asked.get("encrypt", "yes").lower() in {"no", "optional", "false", "disabled"}
        case "oracle":
            return asked.get("protocol", "tcp").lower() != "tcps"
        case "mailto":
            return asked.get("mode") not in {"starttls", "ssl"}
        case _:
            return False


def _is_here(scheme: str, address: str) -> bool:
    if scheme in {"mqtt", "kafka"}:
        hosts = parse_address(address, {"mqtt": 1883, "kafka": 9092}).hosts
        return all(is_this_machine(host) for host, _ in hosts)
    asked = _query(address)
    named = asked.get("smtp" if scheme == "mailto" else "host")
    return is_this_machine(named or urlsplit(address).hostname)


def _query(address: str) -> dict[str, str]:
    return {name.lower(): value for name, value in parse_qsl(urlsplit(address).query)}
