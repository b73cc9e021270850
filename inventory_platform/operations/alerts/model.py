"""What a cause is, what was seen of it, and what a person is told.

Only the words; what makes a cause is in `runs` and `levels`, when it is told in `policy`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Severity(StrEnum):
    """How urgent it is, the least first."""

    info = "info"
    warning = "warning"
    error = "error"
    critical = "critical"

    @property
    def rank(self) -> int:
        """Its place in the order of urgency."""
        return list(Severity).index(self)


class Kind(StrEnum):
    """What sort of thing is wrong."""

    run = "run"
    check = "check"
    stale = "stale"
    quarantine = "quarantine"
    stock = "stock"
    disk = "disk"
    watch = "watch"
    other = "other"


class Cause(BaseModel):
    """What an alert is about; two alerts of the same cause are the same alert.

    Attributes:
        kind: What sort of thing is wrong.
        subject: Where: a step, a check, a table, a folder.
        reason: What class of error it is. Never its message, which differs each time.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind
    subject: str
    reason: str = ""

    @property
    def key(self) -> str:
        """The cause as one text."""
        return " · ".join(part for part in (self.kind, self.subject, self.reason) if part)


class Observation(BaseModel):
    """What was seen of a cause, once.

    Attributes:
        cause: The cause. Where all is well its reason is empty: it ends every cause there.
        is_bad: Whether something is wrong.
        severity: How urgent that is.
        title: What happened and where, in one line.
        text: What happened, and what to do.
        link: Page that shows more.
        items: What exactly is affected, where that may grow while the cause stays the same.
    """

    model_config = ConfigDict(frozen=True)

    cause: Cause
    is_bad: bool
    severity: Severity = Severity.info
    title: str = ""
    text: str = ""
    link: str = ""
    items: tuple[str, ...] = ()


class Alert(BaseModel):
    """What people are told of a cause.

    Attributes:
        cause: The cause.
        severity: How urgent it is; decides who is told.
        title: What happened and where, in one line.
        text: What happened, and what to do.
        link: Page that shows more.
        is_over: Whether this says that it is over.
        told_as: As how urgent it was told before; who was told then is told of the end.
        at: When it was decided to tell, naive UTC; filled in when it is queued.
    """

    model_config = ConfigDict(frozen=True)

    cause: Cause
    severity: Severity
    title: str
    text: str = ""
    link: str = ""
    is_over: bool = False
    told_as: frozenset[Severity] = frozenset()
    at: datetime | None = None

    @property
    def headline(self) -> str:
        """The title, saying also that it is over."""
        return f"Over: {self.title}" if self.is_over else self.title
