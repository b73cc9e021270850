"""One typed place for every path, limit and switch; wrong values stop the start, by name.

Values come from the environment (`INVENTORY_…`) or a `.env` file beside `pyproject.toml`.
Where a source is read from is not a setting but an entry in `sources.toml`
(`sources/catalog.py`). No secret is a setting: secrets are named where they are needed and
found by `secret_values.py`; here is only where it looks.
"""

from __future__ import annotations

import os
from datetime import date
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import load_dotenv
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from inventory_platform.errors import SettingsError

if TYPE_CHECKING:
    from inventory_platform.object_storage import StoragePath

PROJECT_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = PROJECT_DIR / ".env"
KEYS = ("PSEUDONYM_KEY", "WAREHOUSE_KEY", "ERASURE_KEY", "BACKUP_KEY")
"""Secrets of the platform itself, behind `INVENTORY_`; no settings, but known names."""
_DASHBOARDS_OWN = "INVENTORY_PUBLISHED"
"""Read by the dashboard, which runs without the platform."""


def _absolute(path: Path) -> Path:
    try:
        return PROJECT_DIR / path.expanduser()
    except RuntimeError:
        raise ValueError("no home folder of this user") from None


def _not_empty(value: Any) -> Any:
    # As a path it would be the project's folder itself.
    if value == "":
        raise ValueError("give a path, or unset it")
    return value


def _some_memory(limit: str) -> str:
    if float(limit.rstrip("BGMi ")) == 0:
        raise ValueError("more than nothing is needed, such as 1GB")
    return limit


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no time zone of this name, such as Europe/Berlin") from None
    return name


def _of_a_known_kind(path: Path | None) -> Path | None:
    kinds = (".age", ".yaml", ".yml", ".json")
    if path is not None and path.suffix not in kinds:
        raise ValueError(f"the file's name must end in one of {', '.join(kinds)}")
    return path


class ClearText(StrEnum):
    """What is done about connections to other machines that nothing encrypts."""

    refuse = "refuse"
    warn = "warn"


class Environment(StrEnum):
    """What the platform is run as; decides what runs by itself."""

    laptop = "laptop"
    server = "server"
    ci = "ci"


ProjectPath = Annotated[Path, BeforeValidator(_not_empty), AfterValidator(_absolute)]

# Without user and password: those come from the environment. Azure's @ is before the account.
ADDRESS = r"^((s3|gs)://[^@:\s]+[^@:\s/]|(az|abfss?)://[^:\s]+[^:\s/])?$"


class Settings(BaseSettings):
    """Everything that differs between a laptop, a server and a test.

    Relative paths are relative to the project's folder.
    """

    model_config = SettingsConfigDict(env_prefix="INVENTORY_", extra="forbid", frozen=True)

    data_dir: ProjectPath = Field(
        default=PROJECT_DIR / ".data", description="Folder of all state the platform keeps."
    )
    lake_address: str = Field(
        default="",
        pattern=ADDRESS,
        description="Object storage that the lake lies in: s3://, abfss://, az:// or gs://; "
        "empty for a folder of the data folder.",
    )
    published_address: str = Field(
        default="",
        pattern=ADDRESS,
        description="Object storage that marts are published to; empty for a folder of the data "
        "folder.",
    )
    sources_file: ProjectPath = Field(
        default=PROJECT_DIR / "sources.toml", description="Where each source is read from."
    )
    dbt_dir: ProjectPath = Field(
        default=PROJECT_DIR / "dbt_project", description="Folder of the dbt project."
    )
    memory_limit: Annotated[str, AfterValidator(_some_memory)] = Field(
        default="1GB",
        pattern=r"^\d+(\.\d+)?\s?(MB|GB|MiB|GiB)$",
        description="Memory one DuckDB connection may use before it spills to disk.",
    )
    threads: int = Field(default=2, ge=1, le=256, description="Threads of one DuckDB connection.")
    query_seconds: float = Field(
        default=600, gt=0, le=86_400, description="How long a person's query or export may take."
    )
    lock_timeout_seconds: float = Field(
        default=60, ge=0, description="How long to wait for another run that loads the same table."
    )
    quarantine_error_rate: float = Field(
        default=0.05, ge=0, le=1, description="Share of rejected rows that fails a contract check."
    )
    history_start: date = Field(
        default=date(2024, 10, 1),
        description="First month of the big facts; it also holds everything earlier.",
    )
    rebuild_months: int = Field(
        default=3, ge=1, description="Newest months of the big facts that late rows rebuild."
    )
    published_versions: int = Field(
        default=3, ge=2, description="Published versions of the marts that are kept for readers."
    )
    sandbox_rows: int = Field(
        default=20_000, ge=100, description="Sales transactions in the sandbox database."
    )
    sandbox_traffic: float = Field(
        default=0, ge=0, description="Live messages a second of the sandbox's sensors and shop."
    )
    # What people open.
    dagster_port: int = Field(
        default=3000, ge=1, le=65535, description="Port of Dagster's pages, on 127.0.0.1."
    )
    dagster_viewers_port: int | None = Field(
        default=None, ge=1, le=65535, description="Port of Dagster's pages once more, read-only."
    )
    dashboard_port: int = Field(
        default=8501, ge=1, le=65535, description="Port of the dashboard, on 127.0.0.1."
    )
    portal_port: int = Field(
        default=8080, ge=1, le=65535, description="Port of the page that links all others."
    )
    portal_host: str = Field(
        default="127.0.0.1",
        pattern=r"^(127\.0\.0\.1|0\.0\.0\.0)$",
        description="Address that page listens on; 0.0.0.0 in a container behind a proxy.",
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https?://[A-Za-z0-9.-]+(:\d+)?)?$",
        description="Address people use when the pages are behind a reverse proxy.",
    )

    # Alerts
    alerts_file: ProjectPath = Field(
        default=PROJECT_DIR / "alerts.toml", description="Who is told what is wrong."
    )

    # Health
    operations_days: int = Field(
        default=90, ge=2, description="Days of operational history that are kept."
    )
    log_megabytes: int = Field(
        default=10, ge=1, description="Size at which a file of the log is followed by another."
    )
    log_files: int = Field(default=5, ge=2, description="Files of the log that are kept.")

    @property
    def pages_url(self) -> str:
        """Address of Dagster's pages, for links."""
        local = f"http://127.0.0.1:{self.dagster_port}"
        return f"{self.public_url}/dagster" if self.public_url else local

    # How long data is kept, and whom it is about.
    retention_file: ProjectPath = Field(
        default=PROJECT_DIR / "retention.toml", description="How long each table's rows are kept."
    )
    people_file: ProjectPath = Field(
        default=PROJECT_DIR / "people.toml", description="Where a customer's rows begin."
    )

    # Secrets and connections
    require_encryption: bool = Field(
        default=False, description="Whether to refuse to start if the warehouse is not encrypted."
    )
    secrets_file: Annotated[ProjectPath | None, AfterValidator(_of_a_known_kind)] = Field(
        default=None, description="Encrypted secrets: *.age, or a SOPS file (.yaml, .json)."
    )
    age_identity_file: ProjectPath | None = Field(
        default=None, description="age identity that decrypts the secrets file."
    )
    vault_address: str = Field(
        default="",
        pattern=r"^(https://[A-Za-z0-9.-]+(:\d+)?|http://(127\.0\.0\.1|localhost)(:\d+)?)?$",
        description="Address of Vault, https:// but on this machine.",
    )
    vault_mount: str = Field(
        default="secret", pattern=r"^[\w./-]+$", description="Vault's KV version 2 engine."
    )
    vault_path: str = Field(
        default="inventory", pattern=r"^[\w./-]+$", description="Entry of it with the secrets."
    )
    clear_text: ClearText = Field(
        default=ClearText.refuse,
        description="Whether unencrypted connections to other machines are refused or warned of.",
    )

    @model_validator(mode="after")
    def _has_identity(self) -> Self:
        file = self.secrets_file
        if file and file.suffix == ".age" and not self.age_identity_file:
            raise ValueError("INVENTORY_SECRETS_FILE needs INVENTORY_AGE_IDENTITY_FILE")
        return self

    # Destinations outside the platform.
    destinations_file: ProjectPath = Field(
        default=PROJECT_DIR / "destinations.toml", description="Where marts are published to."
    )

    # Backups
    backup_address: str = Field(
        default="", description="Where backups are kept: a folder, s3://, az:// or gs://."
    )
    backup_keep: int = Field(default=14, ge=1, description="Backups that are kept.")
    backup_cron: str = Field(
        default="30 5 * * *", description="When a backup is made, where its address is set."
    )

    # What runs by itself.
    environment: Environment = Field(
        default=Environment.laptop,
        description="What the platform is run as; decides which schedules and sensors are on.",
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC", description="Time zone of the schedules."
    )
    nightly_cron: str = Field(
        default="0 2 * * *", description="When everything is loaded and built."
    )
    hourly_cron: str = Field(default="15 * * * *", description="When Linnworks is loaded.")
    weekly_cron: str = Field(
        default="0 4 * * 0", description="When everything is loaded and all months are built."
    )
    maintenance_cron: str = Field(
        default="0 6 * * 0", description="When old runs, logs and leftovers are removed."
    )
    build_pause_minutes: int = Field(
        default=15, ge=0, description="Time between two builds that new files or orders cause."
    )
    retries: int = Field(
        default=2,
        ge=0,
        le=10,
        description="How often a load or a publication is repeated that may work next time.",
    )
    retry_seconds: float = Field(
        default=5, ge=0, le=3600, description="Wait before the first repeat; it doubles each time."
    )
    keep_runs_days: int = Field(
        default=90, ge=1, description="Age from which on maintenance removes runs and logs."
    )

    @property
    def lake_dir(self) -> Path:
        """This machine's folder of the lake: locks and work in progress are always here."""
        return self.data_dir / "lake"

    @property
    def lake_root(self) -> StoragePath:
        """Where the lake's files are: raw zone, quarantine and load log.

        Raises:
            SettingsError: Object storage cannot be reached as it is set.
        """
        return _in_storage(self.lake_address, "INVENTORY_LAKE_ADDRESS") or self.lake_dir

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file that dbt builds in; opened by the pipeline only."""
        return self.data_dir / "warehouse.duckdb"

    @property
    def pseudonym_key_file(self) -> Path:
        """The key of the pseudonyms that is made where no secret gives one."""
        return self.data_dir / "pseudonym.key"

    @property
    def customer_mappings_file(self) -> Path:
        """What people decided about which customer a source means; a seed of the models."""
        return PROJECT_DIR / "seeds" / "reference" / "customer_mappings.csv"

    @property
    def published_dir(self) -> StoragePath:
        """Folder of the published marts, for readers outside the pipeline.

        Raises:
            SettingsError: Object storage cannot be reached as it is set.
        """
        found = _in_storage(self.published_address, "INVENTORY_PUBLISHED_ADDRESS")
        return found or self.data_dir / "published"

    @property
    def live_dir(self) -> StoragePath:
        """Folder of the published marts behind streams, switched by themselves."""
        return self.published_dir / "live"

    @property
    def operations_dir(self) -> StoragePath:
        """Folder of the published history of operations, switched by itself."""
        return self.published_dir / "operations"

    @property
    def docs_dir(self) -> Path:
        """Folder of the generated documentation site."""
        return self.data_dir / "docs"

    @property
    def sandbox_database(self) -> Path:
        """The sandbox's inventory database."""
        return self.data_dir / "sandbox" / "inventory.sqlite"

    @property
    def sandbox_drop(self) -> Path:
        """The sandbox's drop folder."""
        return self.data_dir / "sandbox" / "drop"

    @property
    def sandbox_hosted(self) -> Path:
        """The folder with the sandbox's databases of hosted businesses."""
        return self.data_dir / "sandbox" / "hosted"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its runs; `DAGSTER_HOME` where that is set."""
        return Path(os.environ.get("DAGSTER_HOME", self.data_dir / "dagster"))

    @property
    def temp_dir(self) -> Path:
        """Where DuckDB spills and loads are staged."""
        return self.data_dir / "tmp"

    @property
    def extension_dir(self) -> Path:
        """Where DuckDB keeps the extensions installed from wheels."""
        return self.data_dir / "duckdb_extensions"


def _in_storage(address: str, what: str) -> StoragePath | None:
    if not address:
        return None
    # Most platforms live in a folder and need nothing of this.
    from inventory_platform.object_storage import open_path

    return open_path(address, what)


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the settings once.

    Raises:
        SettingsError: A value is wrong or a name is unknown; the message names the
            variable and never shows the value.
    """
    # Into the environment, not only into these settings: the secrets of sources are in it too.
    load_dotenv(ENV_FILE)
    _refuse_unknown_names(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_explain(error), "Correct or unset the variable.") from None


def _refuse_unknown_names(environment: Any) -> None:
    known = {f"INVENTORY_{name.upper()}" for name in Settings.model_fields}
    known |= {f"INVENTORY_{key}{suffix}" for key in KEYS for suffix in ("", "_FILE")}
    known.add(_DASHBOARDS_OWN)
    # dbt reads these names itself; they are written by the platform, not by people.
    known |= {"INVENTORY_WAREHOUSE", "INVENTORY_LAKE"}
    known |= {"INVENTORY_DBT_STORAGE", "INVENTORY_DBT_TARGET", "INVENTORY_DBT_EXTENSIONS"}
    known |= {"INVENTORY_DAYS_FROM", "INVENTORY_DAYS_BEFORE"}
    unknown = sorted(n for n in environment if n.startswith("INVENTORY_") and n not in known)
    if unknown:
        raise SettingsError(
            f"Unknown setting{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}.",
            f"Known settings: {', '.join(sorted(known))}.",
        )


def _explain(error: ValidationError) -> str:
    problems = [
        f"INVENTORY_{'.'.join(str(part) for part in item['loc']).upper()}: {item['msg']}"
        for item in error.errors(include_input=False, include_context=False, include_url=False)
    ]
    return "A setting is wrong. " + "; ".join(problems)
