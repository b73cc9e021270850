"""The inventory data platform: one Dagster code location.

Nothing is imported or wired here; `definitions.py` assembles the platform and
`cli/` is the `inventory` command.
"""

import warnings

# Dagster warns at each use of what it calls beta; its version is pinned. By its words, as
# importing its class of warning would import Dagster for every command.
warnings.filterwarnings("ignore", message=".* is currently in beta")
