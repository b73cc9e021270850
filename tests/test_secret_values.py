"""Secrets are found wherever they are kept; one that is not is named, and no value is shown."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyrage
import pytest
from pydantic import ValidationError

from inventory_platform import secret_values
from inventory_platform.encryption import warehouse_key
from inventory_platform.errors import SettingsError
from inventory_platform.landing.suppression import Fingerprints
from inventory_platform.operations.alerts.config import AlertConfig
from inventory_platform.operations.alerts.redaction import redactor
from inventory_platform.operations.backup.sealing import Age, new_key, seal_of
from inventory_platform.pseudonyms import pseudonym_key
from inventory_platform.publishing.destinations import Entry
from inventory_platform.secret_values import find_secret, require_secret
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import Source, resolve

VALUE = "canary-of-the-tests"
NAME = "SHOP_WORD"


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (NAME, "VAULT_TOKEN", "VAULT_ROLE_ID", "VAULT_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def why(settings: Settings) -> str:
    """What is said when the secret cannot be had; never the secret itself."""
    with pytest.raises(SettingsError) as caught:
        require_secret(settings, NAME, "Source 'shop'", "correct the entry.")
    assert VALUE not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


# -- the environment and files ---------------------------------------------------------------


def test_the_variable_comes_before_the_file_it_could_be_in(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "word").write_text("from the file\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "word"))
    assert find_secret(Settings(), NAME) == "from the file"
    monkeypatch.setenv(NAME, "from the variable")
    assert find_secret(Settings(), NAME) == "from the variable"


def test_only_the_end_of_the_line_is_taken_off_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "word").write_bytes(b" with spaces \r\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "word"))
    assert find_secret(Settings(), NAME) == " with spaces "


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "FileNotFoundError"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "Unicode")],
)
def test_a_file_without_a_secret_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / "word").write_bytes(content)
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "word"))
    told = why(Settings())
    assert "SHOP_WORD_FILE names" in told
    assert complaint in told


def test_a_missing_secret_is_named_with_every_place_it_was_looked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(NAME, "")
    settings, _ = by_age(tmp_path, "OTHER=x")
    told = why(settings)
    for word in ("Source 'shop'", "variable SHOP_WORD is not set", "SHOP_WORD_FILE", "word.age"):
        assert word in told


def test_sources_and_destinations_take_their_secrets_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings, _ = by_age(tmp_path, f"{NAME}={VALUE}")
    source = Source("shop", "postgresql://u:${SHOP_WORD}@localhost/d")
    resolved, secrets = resolve(source, settings)
    assert resolved.address == f"postgresql://u:{VALUE}@localhost/d"
    assert VALUE in secrets
    Entry("reports", "postgresql://u@localhost/d", password_env=NAME).open(settings)
    with pytest.raises(SettingsError, match="OTHER_WORD is not set"):
        Entry("reports", "postgresql://u@localhost/d", password_env="OTHER_WORD").open(settings)


def test_what_destinations_and_stores_hold_is_taken_out_of_texts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings, _ = by_age(tmp_path, "A=one%20long-word\nB=two-long-words")
    (tmp_path / "destinations.toml").write_text('[destinations.x]\npassword_env = "SHOP_DOOR"\n')
    monkeypatch.setenv("SHOP_DOOR", "three-long-words")
    hide = redactor(settings, AlertConfig())
    assert hide("one%20long-word, one long-word, two-long-words") == "***, ***, ***"
    assert hide("three-long-words, four-long-words") == "***, four-long-words"


# -- age ---------------------------------------------------------------------------------------


def by_age(folder: Path, text: str, name: str = "word.age") -> tuple[Settings, Path]:
    """Settings with a file that was encrypted for a new identity."""
    identity = pyrage.x25519.Identity.generate()
    (folder / name).write_bytes(pyrage.encrypt(text.encode(), [identity.to_public()]))
    key = folder / "identity"
    key.write_text(f"# created by a test\n# public key: {identity.to_public()}\n{identity}\n")
    settings = Settings(
        data_dir=folder / "data",
        secrets_file=folder / name,
        age_identity_file=key,
        sources_file=folder / "sources.toml",
        destinations_file=folder / "destinations.toml",
    )
    return settings, key


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("word.age", f"# ours\n{NAME}={VALUE}\nexport OTHER='two words'\n"),
        ("word.env.age", f"{NAME}='{VALUE}'"),
        ("word.toml.age", f'{NAME} = "{VALUE}"'),
    ],
)
def test_an_age_file_gives_its_secrets(tmp_path: Path, name: str, text: str) -> None:
    settings, _ = by_age(tmp_path, text, name)
    assert find_secret(settings, NAME) == VALUE
    assert find_secret(settings, "NOT_IN_IT") is None
    assert VALUE.encode() not in (tmp_path / name).read_bytes()


def test_the_platforms_own_keys_are_secrets_like_others(tmp_path: Path) -> None:
    key, seal = "k" * 32, new_key()
    settings, _ = by_age(
        tmp_path,
        f"INVENTORY_PSEUDONYM_KEY={key}\nINVENTORY_WAREHOUSE_KEY={key}\n"
        f"INVENTORY_ERASURE_KEY={key}\nINVENTORY_BACKUP_KEY={seal}\n",
    )
    assert pseudonym_key(settings) == warehouse_key(settings) == key
    assert seal_of(settings).name("a") == Age(seal).name("a")
    expected = hmac.new(key.encode(), b"ada@x.org", "sha256").hexdigest()
    assert Fingerprints(settings).of(" Ada@x.org") == expected


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("word.toml.age", f'{NAME} = "{VALUE}', "not what its name says"),
        ("word.toml.age", f"[shop]\nword = '{VALUE}'", "shop is no text"),
        ("word.age", f"{NAME}\nX={VALUE}", f"{NAME} is no text"),
    ],
)
def test_an_age_file_that_holds_something_else_is_named(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    assert complaint in why(by_age(tmp_path, text, name)[0])


def test_an_age_file_for_somebody_else_is_refused(tmp_path: Path) -> None:
    settings, key = by_age(tmp_path, f"{NAME}={VALUE}")
    key.write_text(str(pyrage.x25519.Identity.generate()))
    assert "word.age cannot be decrypted" in why(settings)
    key.write_text("no identity")
    assert "IdentityError" in why(settings)
    key.unlink()
    assert "age identity file cannot be read" in why(settings)


def test_an_age_file_that_is_gone_or_damaged_is_named(tmp_path: Path) -> None:
    settings, _ = by_age(tmp_path, f"{NAME}={VALUE}")
    (tmp_path / "word.age").write_bytes(b"age-encryption.org/v1\n")
    assert "DecryptError" in why(settings)
    (tmp_path / "word.age").unlink()
    assert "word.age cannot be read (FileNotFoundError)" in why(settings)


def test_a_secrets_file_of_no_known_kind_or_without_identity_stops_the_start(
    tmp_path: Path,
) -> None:
    with pytest.raises(ValidationError, match=r"must end in one of \.age"):
        Settings(secrets_file=tmp_path / "secrets.env")
    with pytest.raises(ValidationError, match="needs INVENTORY_AGE_IDENTITY_FILE"):
        Settings(secrets_file=tmp_path / "secrets.age")


# -- SOPS: a stand-in that speaks the documented command line -----------------------------------


@pytest.fixture
def sops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a SOPS file; the program answers only as SOPS documents it."""
    (tmp_path / "secrets.enc.yaml").write_text("SHOP_WORD: ENC[AES256_GCM,data:x]\n")
    program = tmp_path / "bin" / "sops"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1 $2 $3" = "--decrypt --output-type json" ] || exit 2\n'
        'case "$4" in */secrets.enc.yaml) ;; *) exit 3 ;; esac\n'
        f'cat "{tmp_path}/plain" || {{ echo "not {VALUE}" >&2; exit 128; }}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return Settings(secrets_file=tmp_path / "secrets.enc.yaml")


def test_a_sops_file_gives_its_secrets(sops: Settings, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text(json.dumps({NAME: VALUE}))
    assert find_secret(sops, NAME) == VALUE


@pytest.mark.parametrize(
    ("plain", "complaint"),
    [
        (None, "sops failed (exit code 128)"),
        (f'{{"SHOP_WORD": "{VALUE}"', "not what its name says"),
        (f'["{VALUE}"]', "holds no names and values"),
        ('{"SHOP_WORD": 7}', "SHOP_WORD is no text"),
    ],
)
def test_a_sops_file_that_gives_none_is_named(
    sops: Settings, tmp_path: Path, plain: str | None, complaint: str
) -> None:
    if plain is not None:
        (tmp_path / "plain").write_text(plain)
    told = why(sops)
    assert "secrets.enc.yaml" in told
    assert complaint in told


def test_a_sops_file_without_the_program_is_named(
    sops: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "the program sops is not installed" in why(sops)


# -- Vault: a server that speaks the documented interface of KV version 2 and AppRole -----------


class Vault(BaseHTTPRequestHandler):
    """One entry, behind a token or the login of a role."""

    status = 200
    entry: object = {NAME: VALUE}

    def do_GET(self) -> None:
        known = self.headers.get("X-Vault-Token") in {"token-of-a-person", "token-of-a-role"}
        if not known:
            self.answer(403, {"errors": ["permission denied", VALUE]})
        elif self.path != "/v1/secret/data/shop/inventory":
            self.answer(404, {"errors": []})
        else:
            self.answer(self.status, {"data": {"data": self.entry, "metadata": {"version": 3}}})

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = {"role_id": "inventory", "secret_id": "sesame"}
        if self.path == "/v1/auth/approle/login" and said == right:
            self.answer(200, {"auth": {"client_token": "token-of-a-role"}})
        else:
            self.answer(400, {"errors": ["invalid role or secret ID"]})

    def answer(self, status: int, body: object) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def vault_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Vault) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def vault(vault_server: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    secret_values._of_vault.cache_clear()
    monkeypatch.setattr(Vault, "status", 200)
    monkeypatch.setattr(Vault, "entry", {NAME: VALUE})
    return Settings(vault_address=vault_server, vault_path="shop/inventory")


def test_vault_gives_its_secrets_to_a_token(
    vault: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("token-of-a-person\n")
    monkeypatch.setenv("VAULT_TOKEN_FILE", str(tmp_path / "token"))
    assert find_secret(vault, NAME) == VALUE
    assert find_secret(vault, "NOT_IN_IT") is None


def test_vault_gives_its_secrets_to_a_role(
    vault: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ROLE_ID", "inventory")
    monkeypatch.setenv("VAULT_SECRET_ID", "sesame")
    assert find_secret(vault, NAME) == VALUE


def test_what_vault_refuses_is_named(vault: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "neither VAULT_TOKEN nor VAULT_ROLE_ID" in why(vault)
    monkeypatch.setenv("VAULT_ROLE_ID", "inventory")
    monkeypatch.setenv("VAULT_SECRET_ID", VALUE)
    assert "AppRole login is refused with status 400" in why(vault)
    monkeypatch.setenv("VAULT_TOKEN", VALUE)
    assert "Vault (secret/shop/inventory) is refused with status 403" in why(vault)
    monkeypatch.setenv("VAULT_TOKEN", "token-of-a-person")
    assert "status 404" in why(vault.model_copy(update={"vault_path": "elsewhere"}))
    monkeypatch.setattr(Vault, "entry", [VALUE])
    assert "holds no names and values" in why(vault)
    monkeypatch.setattr(Vault, "entry", {NAME: {"nested": VALUE}})
    assert f"{NAME} is no text" in why(vault)


def test_a_vault_that_is_sealed_or_gone_may_answer_later(
    vault: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", "token-of-a-person")
    monkeypatch.setattr(Vault, "status", 503)
    with pytest.raises(SettingsError, match="status 503") as caught:
        find_secret(vault, NAME)
    assert caught.value.is_transient
    gone = vault.model_copy(update={"vault_address": "http://127.0.0.1:1"})
    with pytest.raises(SettingsError, match="does not answer") as caught:
        find_secret(gone, NAME)
    assert caught.value.is_transient


@pytest.mark.parametrize("address", ["http://vault.example:8200", "vault.example", "ftp://x"])
def test_vault_is_not_spoken_to_in_clear_text(address: str) -> None:
    with pytest.raises(ValidationError, match="vault_address"):
        Settings(vault_address=address)
    assert Settings(vault_address="https://vault.example:8200").vault_mount == "secret"
