"""What dbt's connections need of the platform, as a plugin of dbt-duckdb.

Here belongs only handing over what may stand in no profile: keys. dbt loads the module by its
name in `dbt_project/profiles.yml`.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from inventory_platform import encryption, pseudonyms


class Plugin(BasePlugin):
    """Opens an encrypted warehouse, and gives every cursor the key of the pseudonyms."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Attach the warehouse where it is encrypted."""
        if key := os.environ.get(encryption.KEY_VARIABLE):
            file = Path(os.environ["INVENTORY_WAREHOUSE"])
            encryption.attach_encrypted(conn, file, key)

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Hand over what a new cursor does not take from its connection.

        Without the key of the pseudonyms, reading personal columns fails and says why.
        """
        if os.environ.get(encryption.KEY_VARIABLE):
            cursor.execute(f"use {encryption.WAREHOUSE}")
        if key := os.environ.get(pseudonyms.KEY_VARIABLE):
            pseudonyms.give_key(cursor, key)
