"""The page of all settings, from what the settings say of themselves.

Here belongs which of them people look for together. What each means stands in `settings.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inventory_platform.settings import KEYS, PROJECT_DIR, Settings


@dataclass(frozen=True)
class Section:
    """Settings that belong together, and the page that says more of them."""

    title: str
    page: str
    names: tuple[str, ...]


SECTIONS = (
    Section(
        "Where things are",
        "object-storage.md",
        (
            *("data_dir", "lake_address", "published_address", "sources_file", "dbt_dir"),
            *("destinations_file", "published_versions"),
        ),
    ),
    Section(
        "Limits",
        "operating.md",
        ("memory_limit", "threads", "query_seconds", "lock_timeout_seconds"),
    ),
    Section("Rules", "operating.md", ("quarantine_error_rate", "history_start", "rebuild_months")),
    Section(
        "What runs by itself",
        "automation.md",
        (
            *("environment", "time_zone", "nightly_cron", "hourly_cron", "weekly_cron"),
            *("maintenance_cron", "build_pause_minutes", "retries", "retry_seconds"),
            "keep_runs_days",
        ),
    ),
    Section(
        "Pages",
        "ui.md",
        (
            *("portal_port", "portal_host", "dagster_port", "dagster_viewers_port"),
            *("dashboard_port", "public_url"),
        ),
    ),
    Section("Alerts", "alerts.md", ("alerts_file",)),
    Section("Health", "health.md", ("operations_days", "log_megabytes", "log_files")),
    Section("Backups", "backup.md", ("backup_address", "backup_keep", "backup_cron")),
    Section(
        "How long rows are kept, and of whom", "retention.md", ("retention_file", "people_file")
    ),
    Section(
        "Secrets and connections",
        "security.md",
        (
            *("secrets_file", "age_identity_file", "vault_address", "vault_mount", "vault_path"),
            *("clear_text", "require_encryption"),
        ),
    ),
    Section("Sandbox", "sandbox.md", ("sandbox_rows", "sandbox_traffic")),
)


def settings_page() -> str:
    """The page, in Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Settings"
    yield ""
    yield (
        "Generated from `inventory_platform/settings.py` by `make update-snapshots`; do not edit."
    )
    yield ""
    yield (
        "Everything is set by environment variables or a `.env` file beside `pyproject.toml`. A "
        "wrong value or an unknown name stops the start and is named; its value is not shown. "
        "Relative paths begin in the project's folder."
    )
    for section in SECTIONS:
        yield ""
        yield f"## {section.title}"
        yield ""
        yield f"More: [{section.page.removesuffix('.md')}]({section.page})."
        yield ""
        yield "| variable | meaning | default |"
        yield "| --- | --- | --- |"
        for name in section.names:
            field = Settings.model_fields[name]
            yield f"| `INVENTORY_{name.upper()}` | {field.description} | {_shown(field.default)} |"
    yield ""
    yield "## Keys"
    yield ""
    named = ", ".join(f"`INVENTORY_{key}`" for key in KEYS)
    yield (
        f"{named} are [secrets](security.md#secrets): they are looked for in the environment, in "
        "the file that the same name with `_FILE` names, in the encrypted file and in Vault. "
        "Passwords of sources are named in `sources.toml` as `${NAME}` and looked for in the same "
        "places. `DAGSTER_HOME` is Dagster's own: where it keeps its runs, `<data>/dagster` where "
        "it is not set."
    )
    yield ""


def _shown(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, Path) and value.is_relative_to(PROJECT_DIR):
        value = value.relative_to(PROJECT_DIR)
    return f"`{value}`"
