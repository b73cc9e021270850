"""What dbt's connections need to read a lake in object storage: a plugin of dbt-duckdb.

The profile names this module. Credentials come from the environment and stand in no profile and
in no file; without object storage nothing is done.
"""

from __future__ import annotations

import os

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin


class Plugin(BasePlugin):
    """Opens object storage on the connection that dbt builds over."""

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Let a new connection read the lake."""
        if address := os.environ.get("INVENTORY_DBT_STORAGE"):
            # Here, because dbt starts for every build and mostly needs nothing of it.
            from inventory_platform.duck import literal, open_storage

            extensions = literal(os.environ["INVENTORY_DBT_EXTENSIONS"])
            conn.execute(f"set extension_directory = {extensions}")
            open_storage(conn, address)
