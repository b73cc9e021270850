"""Backups that are made by themselves, where their address is set.

A backup that cannot be made is a failed run, and is told like any other. How one is made is
`operations/backup/`.
"""

import dagster as dg

from inventory_platform.errors import BackupError
from inventory_platform.operations.backup import open_repository, take_backup
from inventory_platform.settings import Settings

BACK_UP = "back_up"


def build_backup_jobs(settings: Settings) -> list[dg.JobDefinition]:
    """The job that makes a backup; none where no address is set.

    Raises:
        SettingsError: The address or the key is wrong.
    """
    if not settings.backup_address:
        return []
    repository = open_repository(settings)

    @dg.op(description="Makes a backup, and removes those that are too old.")
    def store(context: dg.OpExecutionContext) -> None:
        taken = take_backup(settings, repository)
        context.add_output_metadata(
            {
                "backup": taken.backup.backup_id,
                "files": len(taken.manifest.files),
                "bytes": taken.manifest.size,
                "new_files": taken.stored_files,
                "new_bytes": taken.stored_bytes,
                "removed_backups": len(taken.removed),
                "is_encrypted": taken.backup.is_encrypted,
            }
        )
        if taken.not_pruned:
            raise BackupError(
                f"The backup was made; older ones were not removed: {taken.not_pruned}",
                "Run `inventory verify --backup` on the address.",
            )

    @dg.job(
        name=BACK_UP,
        description="Backs up everything that cannot be worked out again.",
        executor_def=dg.in_process_executor,
    )
    def back_up() -> None:
        store()

    return [back_up]
