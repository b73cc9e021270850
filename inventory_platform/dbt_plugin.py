"""What dbt's connections need of the platform, as a plugin of dbt-duckdb.

Here belongs only handing over what may stand in no profile: keys, and credentials of object
storage. dbt loads the module by its name in `dbt_project/profiles.yml`.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from inventory_platform import encryption, pseudonyms


class Plugin(BasePlugin):
    """Opens object storage and an encrypted warehouse; gives cursors the pseudonyms' key."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Open object storage where the lake lies there; attach the warehouse if encrypted."""
        if address := os.environ.get("INVENTORY_DBT_STORAGE"):
            # Here, because dbt starts for every build and mostly needs nothing of it.
            from inventory_platform.duck import literal, open_storage

            extensions = literal(os.environ["INVENTORY_DBT_EXTENSIONS"])
            conn.execute(f"set extension_directory = {extensions}")
            open_storage(conn, address)
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
