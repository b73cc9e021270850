"""What dbt's connections need of the platform, as a plugin of dbt-duckdb.

Here belongs only handing over what may stand in no profile. dbt loads the module by its name in
`dbt_project/profiles.yml`.
"""

from __future__ import annotations

import os

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from inventory_platform.pseudonyms import KEY_VARIABLE, give_key


class Plugin(BasePlugin):
    """Gives every cursor the key of the pseudonyms, which variables of the connection hold."""

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Hand over the key; without one, reading personal columns fails and says why."""
        if key := os.environ.get(KEY_VARIABLE):
            give_key(cursor, key)
