"""Where a new source is: the address to look at now, and the one that may be written down.

The written address holds no secret and, where it can, no path of this machine. What is at
the address is read elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from inventory_platform.errors import SourceError
from inventory_platform.settings import PROJECT_DIR, Settings
from inventory_platform.sources.catalog import resolve_address
from inventory_platform.sources.files import SUFFIXES

_SQLITE_SUFFIXES = {".sqlite", ".sqlite3", ".db", ".db3"}
_PASSWORD = re.compile(r"(://[^:/@]*:)(.+)(?=@[^@]*$)")
_PARAMETER = re.compile(r"(?i)([?&](\w*(?:password|token|key|secret))=)([^&]+)")
_VARIABLE = re.compile(r"\$\{\w+\}")


@dataclass(frozen=True)
class Place:
    """A source's address.

    Attributes:
        live: To read from now, secrets and all.
        written: For `sources.toml`: secrets named, paths below the project or data folder
            relative to it.
        notes: What has to be done for the written address to work.
    """

    live: str
    written: str
    notes: tuple[str, ...] = ()


def locate(address: str, name: str, settings: Settings) -> Place:
    """Find out what an address means, as typed by a person.

    Raises:
        SettingsError: It names an environment variable that is not set.
        SourceError: It is a file of a kind that cannot be read, or it is not there.
    """
    live = resolve_address(address, settings, f"Source {name!r}")
    scheme, separator, rest = address.partition("://")
    if not separator or scheme in {"sqlite", "file"}:
        return _locate_file(live, settings)
    if scheme == "postgres":
        address, live = f"postgresql://{rest}", live.replace("postgres://", "postgresql://", 1)
    written, variables = _name_secrets(address, name)
    notes = tuple(
        f"sources.toml: the {what} of the address is not written down; set the environment "
        f"variable {variable} to it, spelled as in an address"
        for variable, what in variables.items()
    )
    return Place(live, written, notes)


def _name_secrets(address: str, name: str) -> tuple[str, dict[str, str]]:
    """Replace literal secrets by variables; returns also variable → what it stands for."""
    variables: dict[str, str] = {}

    def named(secret: str, what: str) -> str:
        if _VARIABLE.fullmatch(secret):
            return secret
        variable = f"{name}_{what}".upper()
        variables[variable] = what.lower()
        return f"${{{variable}}}"

    server, question, parameters = address.partition("?")
    if "@" in parameters and "@" not in server:
        # A password that holds a question mark: nothing after it can be told apart from it.
        server, question, parameters = address, "", ""
    server = _PASSWORD.sub(lambda m: m[1] + named(m[2], "password"), server)
    parameters = _PARAMETER.sub(lambda m: m[1] + named(m[3], m[2]), question + parameters)
    return server + parameters, variables


def _locate_file(address: str, settings: Settings) -> Place:
    scheme, _, rest = address.rpartition("://")
    path = Path(rest.removeprefix("/") if scheme == "sqlite" else rest).expanduser()
    if scheme == "sqlite" and not path.exists():
        # `sqlite:///data/shop.db` is read as relative first, as other programs do.
        path = Path(rest)
    path = path.absolute()
    if not path.exists():
        raise SourceError(f"There is nothing at {path}.", "Correct the path.")
    is_database = scheme == "sqlite" or path.suffix.lower() in _SQLITE_SUFFIXES
    if not is_database and path.is_file() and path.suffix.lower() not in SUFFIXES:
        raise SourceError(
            f"File {path} is of no kind that can be read.",
            f"Use a file that ends in {', '.join(SUFFIXES)}, a folder of them, or a SQLite "
            "database as sqlite:///path.",
        )
    prefix = "sqlite:///" if is_database else ""
    return Place(f"{prefix}{path}", f"{prefix}{_portable(path, settings)}")


def _portable(path: Path, settings: Settings) -> str:
    for folder, word in ((settings.data_dir, "{data_dir}"), (PROJECT_DIR, "{project_dir}")):
        if path.is_relative_to(folder):
            return "/".join([word, *path.relative_to(folder).parts])
    return path.as_posix()
