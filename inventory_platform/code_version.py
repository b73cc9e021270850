"""Which code made a number: the commit it was checked out at, or a fingerprint of its files.

Every load, publication and backup writes it down. What has to be built anew after a change is
decided elsewhere, by what the change is about.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from inventory_platform.settings import PROJECT_DIR

_CODE = ("inventory_platform", "asset_checks", "dbt_project", "seeds")
_SUFFIXES = frozenset({".py", ".sql", ".yml", ".csv"})
_DIGITS = 12


def release() -> str:
    """The installed version of this platform."""
    try:
        return version("inventory-platform")
    except PackageNotFoundError:
        return "0+unknown"


@lru_cache(maxsize=1)
def code_version(project: Path = PROJECT_DIR) -> str:
    """The release, and which state of its code.

    Returns:
        `0.1.0+<commit>` where the code is that of a commit, `0.1.0+files.<fingerprint>` where it
        was changed since or is no checkout (an image). The same files have the same fingerprint.
    """
    return f"{release()}+{_commit(project) or f'files.{fingerprint(_code_of(project), project)}'}"


def fingerprint(files: Iterable[Path], base: Path) -> str:
    """The same for files of the same names below `base` and the same contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(base).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:_DIGITS]


def _code_of(project: Path) -> Iterable[Path]:
    for folder in _CODE:
        for path in (project / folder).rglob("*"):
            # dbt writes what it worked out beside what it read.
            if path.suffix in _SUFFIXES and "target" not in path.parts[len(project.parts) :]:
                yield path


def _commit(project: Path) -> str | None:
    """The commit whose code lies here unchanged, if git knows one."""
    # The project may lie in somebody else's repository.
    if not (project / ".git").exists():
        return None
    asked = ["git", "--no-optional-locks", "-C", str(project), "status", "--porcelain=v2"]
    try:
        answer = subprocess.run(
            [*asked, "--branch", "--untracked-files=all", "--", *_CODE],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    lines = answer.stdout.splitlines()
    told = [line.removeprefix("# branch.oid ") for line in lines if line.startswith("# branch.oid")]
    is_changed = any(not line.startswith("#") for line in lines)
    if answer.returncode != 0 or is_changed or not told or told[0] == "(initial)":
        return None
    return told[0][:_DIGITS]
