"""Telling people what is wrong: once for each cause, again when it is over, and nothing twice.

    model     what a cause, an observation of it and an alert are
    runs      what Dagster's event log says: failed steps, crashed runs, failing checks
    levels    what is wrong by its present state: stale data, quarantine, stock, disk
    policy    which observations are told, and when
    state     what is remembered between two looks
    config    `alerts.toml`: who is told what, and from which limits on
    redaction how secrets are taken out of what is told
    messages  how alerts read
    channels  how a message leaves: e-mail, Slack, Teams, webhook; and the sign of life
    watch     one look: observe, decide, remember, send

When a look is taken is not said here but in `automation/alerts.py` and `cli/`.
"""

from inventory_platform.operations.alerts.model import Alert, Cause, Kind, Severity
from inventory_platform.operations.alerts.watch import deliver, problems

__all__ = ["Alert", "Cause", "Kind", "Severity", "deliver", "problems"]
