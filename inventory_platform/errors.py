"""Errors that a person reads: what happened, where, and what to do about it.

Every error the platform raises on purpose is one of these. They carry no stack
of causes to decode: `str(error)` is the message shown on the command line and in
the run page. Programming mistakes are not wrapped; they stay what they are.
"""


class InventoryError(Exception):
    """Base of every error the platform raises on purpose.

    Args:
        what: What happened and where, without secrets.
        remedy: What the reader can do about it.
        is_transient: Whether the same may work in a moment: a server that does not answer, a
            locked file, a list that changed while it was read. Never a refusal.
    """

    def __init__(self, what: str, remedy: str = "", *, is_transient: bool = False) -> None:
        self.what = what
        self.remedy = remedy
        self.is_transient = is_transient
        super().__init__(f"{what}\n  What to do: {remedy}" if remedy else what)


class SettingsError(InventoryError):
    """A setting is missing or wrong; the platform does not start."""


class ContractError(InventoryError):
    """A contract cannot be used as it is written."""


class SourceError(InventoryError):
    """A source system cannot be read."""


class SandboxUnavailableError(SourceError):
    """A server of the sandbox needs a program that is not installed on this machine."""


class SchemaDriftError(InventoryError):
    """The source changed in a way its contract does not allow; the last good state stays."""


class LandingError(InventoryError):
    """A load could not be completed; nothing of it is visible."""


class WarehouseError(InventoryError):
    """The warehouse file cannot be opened or written."""


class PublishError(InventoryError):
    """Published marts cannot be written or read."""


class DestinationUnavailableError(PublishError):
    """A destination cannot be reached or is busy; the same may succeed later."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what, remedy, is_transient=True)


class StartError(InventoryError):
    """The pages cannot be started; nothing was started."""


class BackupError(InventoryError):
    """A backup cannot be made, read or restored."""
