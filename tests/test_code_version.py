"""The code version names the commit that ran, or tells one state of the files from another."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inventory_platform.cli import app
from inventory_platform.code_version import code_version, release


@pytest.fixture(autouse=True)
def _forget_afterwards() -> Iterator[None]:
    yield
    code_version.cache_clear()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name in ("inventory_platform/a.py", "dbt_project/models/m.sql", "docs/page.md"):
        file = folder / name
        file.parent.mkdir(parents=True)
        file.write_text("one")
    return folder


def git(project: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", "-C", str(project), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(project: Path) -> str:
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "state")
    return git(project, "rev-parse", "HEAD")


def version_of(project: Path) -> str:
    code_version.cache_clear()
    return code_version(project)


def test_a_clean_checkout_is_named_by_its_commit_whatever_else_was_changed(project: Path) -> None:
    git(project, "init", "--quiet")
    named = commit(project)
    (project / "docs" / "page.md").write_text("two")
    assert version_of(project) == f"{release()}+{named[:12]}"


@pytest.mark.parametrize("file", ["inventory_platform/a.py", "inventory_platform/new.py"])
def test_code_that_is_not_committed_is_told_from_the_commit(project: Path, file: str) -> None:
    git(project, "init", "--quiet")
    commit(project)
    (project / file).write_text("two")
    assert version_of(project).startswith(f"{release()}+files.")


def test_a_repository_without_a_commit_or_above_the_project_names_nothing(project: Path) -> None:
    git(project, "init", "--quiet")
    assert version_of(project).startswith(f"{release()}+files.")
    shutil.rmtree(project / ".git")
    git(project.parent, "init", "--quiet")
    commit(project.parent)
    assert version_of(project).startswith(f"{release()}+files.")


def test_the_same_files_have_the_same_version_wherever_they_lie(
    project: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "target" / "elsewhere"
    shutil.copytree(project, elsewhere)
    assert version_of(elsewhere) == version_of(project)


@pytest.mark.parametrize("file", ["inventory_platform/a.py", "dbt_project/models/m.sql"])
def test_another_content_or_name_is_another_version(project: Path, file: str) -> None:
    before = version_of(project)
    (project / file).write_text("two")
    changed = version_of(project)
    (project / file).write_text("one")
    (project / file).rename((project / file).with_stem("other"))
    assert len({before, changed, version_of(project)}) == 3


def test_what_dbt_works_out_and_documentation_are_no_code(project: Path) -> None:
    before = version_of(project)
    (project / "dbt_project" / "target").mkdir()
    (project / "dbt_project" / "target" / "m.sql").write_text("compiled")
    (project / "docs" / "page.md").write_text("two")
    assert version_of(project) == before


def test_the_command_shows_the_version_that_loads_write_down() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout.strip()) == (0, code_version())
