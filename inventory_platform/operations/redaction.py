"""What must not be shown, and taking it out of a text.

Known are the secrets of the sources' addresses and options and of the settings. What is
personal in rejected rows is hidden where those are published (`history/ledger.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from pydantic import SecretStr

from inventory_platform.errors import SettingsError
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import Source, resolve

HIDDEN = "***"
# Shorter ones would hide parts of ordinary words, and are no secrets.
_SHORTEST = 4


def known_secrets(settings: Settings, sources: Mapping[str, Source]) -> frozenset[str]:
    """Every secret value the platform was given; a source that lacks its variables has none."""
    found = {
        value.get_secret_value()
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    for source in sources.values():
        try:
            found |= resolve(source, settings)[1]
        except SettingsError:
            continue
    return frozenset(found)


def hiding(secrets: Collection[str]) -> Callable[[str], str]:
    """A function that takes these values out of a text."""
    # A secret may be part of another one: the longest goes first.
    ordered = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)

    def hide(text: str) -> str:
        for secret in ordered:
            text = text.replace(secret, HIDDEN)
        return text

    return hide
