"""What the platform is made of is locked and can be listed; no secret is in the repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inventory_platform.settings import PROJECT_DIR

LOCKED = [
    *("requirements.txt", "requirements-dashboard.txt", "requirements-dev.txt"),
    *("requirements-server.txt", "requirements-install.txt", "requirements-audit.txt"),
    "deploy/azure/requirements.txt",
]

# Forms that nothing but a secret has. A password written in words has none: what is planted in
# tests and shown in docs is one.
FORMS = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}",
    "age identity": r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
    "AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "Azure storage key": r"(?i)AccountKey=[A-Za-z0-9+/]{86}==",
    "Azure shared access": r"(?i)[?&;]sig=[A-Za-z0-9%+/]{43,}",
    "Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}|hooks\.slack\.com/services/T\w+/B\w+/\w{20,}",
    "package registry token": r"\bpypi-[A-Za-z0-9_-]{50,}|\bnpm_[A-Za-z0-9]{36}\b",
    "Vault token": r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",
    "signed token": r"\beyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "payment key": r"\b[rs]k_live_[A-Za-z0-9]{20,}",
}


def secrets_in(text: str) -> list[str]:
    return [kind for kind, form in FORMS.items() if re.search(form, text)]


def files_of_the_repository() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = [PROJECT_DIR / name for name in listed.split("\0") if name]
    return [path for path in found if path.is_file()]


def test_no_secret_is_in_the_repository() -> None:
    files = files_of_the_repository()
    assert PROJECT_DIR / "sources.toml" in files
    found = {
        str(path.relative_to(PROJECT_DIR)): kinds
        for path in files
        if (kinds := secrets_in(path.read_text(encoding="utf-8", errors="replace")))
    }
    assert found == {}


# Put together here, so that none of them is in the repository.
PLANTED = {
    "private key": "-----BEGIN " + "RSA PRIVATE KEY-----\n" + "M" * 64,
    "age identity": "AGE-SECRET-KEY-" + "1" + "Q" * 58,
    "AWS key": "id = AKIA" + "Q7" * 8,
    "Azure storage key": "AccountName=a;AccountKey=" + "a" * 86 + "==",
    "Azure shared access": "https://x.example/c?sv=1&sig=" + "a" * 43 + "%3D",
    "Google key": "AIza" + "a" * 35,
    "GitHub token": "token: ghp_" + "a" * 36,
    "GitLab token": "glpat-" + "a" * 20,
    "Slack token": "xoxb-" + "1" * 24,
    "package registry token": "pypi-" + "a" * 60,
    "Vault token": "VAULT_TOKEN=hvs." + "a" * 24,
    "signed token": ".".join(["eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 20]),
    "payment key": "sk_live_" + "a" * 24,
}


@pytest.mark.parametrize("kind", FORMS)
def test_a_planted_secret_is_found(kind: str) -> None:
    assert secrets_in(f"before\n{PLANTED[kind]}\nafter") == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://user:${SHOP_PASSWORD}@host/stock",
        'password_env = "REPORTS_PASSWORD"',
        "-----BEGIN CERTIFICATE-----\n" + "M" * 64,
        "--hash=sha256:" + "0a" * 32,
        "11111111-1111-1111-1111-111111111111",
    ],
)
def test_what_is_no_secret_is_none(text: str) -> None:
    assert secrets_in(text) == []


def test_no_file_with_secrets_can_be_added_by_mistake() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", ".env", "secrets.age", "secrets.enc.yaml", "identity.age-key"],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    # Encrypted files may be kept in a repository; what decrypts them and what is in clear may not.
    assert ignored == [".env", "identity.age-key"]


# -- what is installed -------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOCKED)
def test_every_requirement_is_locked_by_version_and_hash(name: str) -> None:
    requirements = _requirements(PROJECT_DIR / name)
    assert requirements
    for requirement in requirements:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==[\w.!+]+\s", requirement), requirement
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", requirement), requirement


def test_the_list_of_parts_has_every_locked_package_with_its_hashes(tmp_path: Path) -> None:
    made = tmp_path / "sbom.json"
    _run("make", "--silent", "--assume-old=.venv/.installed-dev", "sbom", f"SBOM={made}")
    document = json.loads(made.read_text())
    assert document["bomFormat"] == "CycloneDX"
    assert document["metadata"]["component"]["name"] == "inventory-platform"
    locked = _requirements(PROJECT_DIR / "requirements.txt")
    assert sorted((part["name"], part["version"]) for part in document["components"]) == sorted(
        re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", requirement).groups()
        for requirement in locked
    )
    for part in document["components"]:
        hashes = [h for link in part["externalReferences"] for h in link["hashes"]]
        assert {h["alg"] for h in hashes} == {"SHA-256"}, part["name"]
        assert f"/{part['name'].lower()}@{part['version']}".replace("_", "-") in part["purl"]
    # Made again it is the same; only the validation, which takes long, is left out.
    program = str(Path(sys.executable).parent / "cyclonedx-py")
    options = ("--pyproject", "pyproject.toml", "--output-reproducible", "--no-validate")
    assert _run(program, "requirements", "requirements.txt", *options) == made.read_bytes()


def _requirements(file: Path) -> list[str]:
    """The lines of a lock file, those that belong together as one."""
    text = re.sub(r"(?m)^\s*#.*\n?", "", file.read_text()).replace("\\\n", " ")
    return [line + " " for line in text.splitlines() if line.strip()]


def _run(*command: str) -> bytes:
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        command, cwd=PROJECT_DIR, env=environment, capture_output=True, check=True, timeout=120
    ).stdout
