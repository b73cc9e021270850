"""The history of operations: what ran, what it did, what the checks said.

Collected from Dagster's event log, the ledger and the disk into `lake/operations/`, published
to `published/operations/current` apart from the business marts, so that a failed run shows at
once. What each table holds is in `tables.py`, where its rows come from in `dagster_log.py`,
`ledger.py`, `sizes.py` and `scores.py`, how they are kept in `store.py`; `record.py` does it
all, `published.py` reads what it made.
"""

from inventory_platform.operations.history.record import has_news, record_history
from inventory_platform.operations.history.tables import PUBLISHED

__all__ = ["PUBLISHED", "has_news", "record_history"]
