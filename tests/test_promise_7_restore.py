"""Promise 7: a backup restores to a verified state."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_platform import duck
from inventory_platform.errors import BackupError, SettingsError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.views import create_views
from inventory_platform.operations.backup import (
    Repository,
    check_backup,
    checksums,
    new_key,
    open_repository,
    restore,
    take_backup,
)
from inventory_platform.operations.integrity import check_integrity
from inventory_platform.pseudonyms import pseudonym_key
from inventory_platform.publishing.parquet import current_publication, publish
from inventory_platform.settings import Settings
from tests.conftest import Shop

DRIVER = Path(__file__).with_name("backup_driver.py")
RUN = {"cwd": DRIVER.parents[1], "env": {**os.environ, "PYTHONPATH": str(DRIVER.parents[1])}}
KEY = new_key()


def publish_prices(configured: Settings, rows: int) -> None:
    with duckdb.connect() as con:
        con.execute(f"create schema marts; create table marts.prices as from range({rows})")
        publish(
            configured.published_dir,
            con,
            keep=3,
            marts=["prices"],
            run_id="run",
            code_version="0",
            loads={},
            inputs="",
        )


@pytest.fixture(scope="module")
def kept(open_shop, items, events):
    """A shop with rows, rejected rows, a published mart and a run; tests only read it."""
    with open_shop() as shop:
        shop.write("Items", [(1, "pen", 1), (2, "ink", 2), (3, "cap", "three")])
        shop.load(items)
        shop.write("Items", [(1, "pen", 1.5), (4, "lid", 4), (5, "cup", "five")])
        shop.load(items)
        shop.write("Events", [(1, 10, "2026-01-01 10:00:00"), (2, 20, "2026-01-02 10:00:00")])
        shop.load(events)
        publish_prices(shop.settings, 5)
        (shop.settings.data_dir / "build_state.json").write_text("{}")
        (shop.settings.data_dir / "warehouse.duckdb").write_text("worked out")
        pseudonym_key(shop.settings)
        home = shop.settings.dagster_home / "history"
        home.mkdir(parents=True)
        with closing(sqlite3.connect(home / "runs.db")) as db, db:
            db.execute("pragma journal_mode = wal")
            db.execute("create table runs (id text)")
            db.execute("insert into runs values ('run')")
        yield shop


@pytest.fixture
def empty(tmp_path, extensions):
    """Another machine, with nothing on it."""
    data = tmp_path / "machine" / "data"
    data.mkdir(parents=True)
    (data / "duckdb_extensions").symlink_to(extensions)
    return Settings(data_dir=data, threads=1)


def lake_bytes(configured: Settings) -> dict[str, bytes]:
    lake = Lake(configured.lake_dir)
    return {name: (lake.root / name).read_bytes() for name in lake.contents()[0]}


def repository_of(configured: Settings, address: Path | str, key: str | None = None) -> Repository:
    with pytest.MonkeyPatch.context() as patch:
        if key:
            patch.setenv("INVENTORY_BACKUP_KEY", key)
        return open_repository(configured, str(address))


def rows_of(configured: Settings, contracts, as_of: str) -> list[list[tuple]]:
    """Raw rows, ledger lines and rejected rows as of a load."""
    queries = [f"from raw.{c.relation} order by all" for c in contracts]
    queries += ["from ops.loads order by load_id", "from ops.quarantine order by all"]
    with duck.connect(configured) as con:
        create_views(con, Lake(configured.lake_dir), contracts, as_of)
        return [con.sql(query).fetchall() for query in queries]


def mart_rows(configured: Settings) -> list[tuple]:
    folder, publication = current_publication(configured.published_dir)
    assert publication.rows == {"prices": 5}
    return duckdb.sql(f"from '{folder}/prices.parquet' order by all").fetchall()


# -- the drill -------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_lost_folder_comes_back_as_it_was_when_it_was_backed_up_during_loads(
    open_shop, items, events, empty, tmp_path, adds_up
):
    with open_shop() as shop:
        shop.write("Items", [(1, "pen", 1), (2, "ink", 2), (3, "cap", "three")])
        shop.write("Events", [(1, 10, "2026-01-01 10:00:00")])
        shop.load(items)
        shop.load(events)
        publish_prices(shop.settings, 5)
        repository = repository_of(shop.settings, tmp_path / "backups", KEY)
        command = [sys.executable, DRIVER, "load", shop.database, shop.settings.data_dir]
        loading = subprocess.Popen(command, stdout=subprocess.PIPE, **RUN)
        try:
            taken = []
            for _ in range(3):
                assert loading.stdout.readline()
                taken.append(take_backup(shop.settings, repository))
            for _ in range(5):
                loading.stdout.readline()  # it went on meanwhile
        finally:
            loading.kill()
            loading.wait()
        # SQLite undoes what the killed process had begun to write; readers alone may not.
        shop.execute("select count(*) from Items")
        lost = shop.lake.load_ids(items)
        back = restore(empty, repository)
        newest = Lake(empty.lake_dir).load_ids(items)[-1]
        assert newest < lost[-1]
        assert back.backup == taken[-1].backup
        before = rows_of(shop.settings, [items, events], newest)
        shutil.rmtree(shop.settings.lake_dir)
        assert rows_of(empty, [items, events], newest) == before
        assert len(before[0]) > 2
        assert len(before[-1]) >= 1
        assert mart_rows(empty) == [(0,), (1,), (2,), (3,), (4,)]
        found = check_integrity(empty)
        assert (found.problems, found.uncommitted) == ([], [])
        # The machine goes on where the backup was: only what came since is loaded.
        again = Shop(shop.folder, empty)
        record = again.load(items)
        assert adds_up(record)
        assert record.rows_deduplicated >= len(before[0])
        assert record.rows_loaded + record.rows_quarantined > 0


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "encrypted"])
def test_every_file_comes_back_as_it_was(kept, items, events, empty, tmp_path, key):
    repository = repository_of(kept.settings, tmp_path / "backups", key)
    taken = take_backup(kept.settings, repository)
    assert taken.backup.is_encrypted == bool(key)
    restored = restore(empty, repository_of(empty, tmp_path / "backups", key))
    assert lake_bytes(empty) == lake_bytes(kept.settings) != {}
    newest = max(kept.lake.load_ids(items) + kept.lake.load_ids(events))
    assert rows_of(empty, [items, events], newest) == rows_of(
        kept.settings, [items, events], newest
    )
    assert mart_rows(empty) == mart_rows(kept.settings)
    with closing(sqlite3.connect(empty.dagster_home / "history" / "runs.db")) as db:
        assert db.execute("select id from runs").fetchall() == [("run",)]
    assert (restored.configuration / "sources.toml").exists()
    brought = {p.name for p in empty.data_dir.iterdir()} - {"duckdb_extensions", "tmp"}
    assert brought == {"dagster", "lake", "pseudonym.key", "published", "restored_config"}


def test_everybody_has_the_pseudonym_of_before(kept, empty, tmp_path):
    take_backup(kept.settings, repository_of(kept.settings, tmp_path / "backups"))
    restore(empty, repository_of(empty, tmp_path / "backups"))
    assert pseudonym_key(empty) == pseudonym_key(kept.settings)
    assert empty.pseudonym_key_file.stat().st_mode & 0o777 == 0o600


names = st.text("abcdef", min_size=1, max_size=3)
trees = st.dictionaries(st.tuples(names, names), st.binary(max_size=40), max_size=6)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=trees, second=trees, key=st.sampled_from([None, KEY]))
def test_whatever_lies_in_the_lake_backup_then_restore_is_identity(
    tmp_path_factory, first, second, key
):
    folder = tmp_path_factory.mktemp("identity")
    source = Settings(data_dir=folder / "data")
    repository = repository_of(source, folder / "backups", key)
    held = []
    for tree in (first, second):
        shutil.rmtree(source.lake_dir, ignore_errors=True)
        for (table, day), content in tree.items():
            path = source.lake_dir / "planning" / table / f"{day}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        held.append((take_backup(source, repository), lake_bytes(source)))
    for number, (taken, files) in enumerate(held):
        target = Settings(data_dir=folder / f"restored{number}")
        restore(target, repository, taken.backup.backup_id)
        assert lake_bytes(target) == files


# -- stored once, kept as long as needed ------------------------------------------------------


def test_what_did_not_change_is_not_stored_again(kept, tmp_path):
    repository = open_repository(kept.settings, str(tmp_path / "backups"))
    first = take_backup(kept.settings, repository)
    assert first.stored_files > 8
    assert take_backup(kept.settings, repository).stored_files == 0
    assert len(repository.backups()) == 2


def test_old_backups_go_with_what_only_they_had(open_shop, items, empty, tmp_path):
    with open_shop(backup_keep=2) as shop:
        repository = open_repository(shop.settings, str(tmp_path / "backups"))
        for number in range(4):
            publish_prices(shop.settings, 5)
            (shop.settings.lake_dir / "planning").mkdir(parents=True, exist_ok=True)
            (shop.settings.lake_dir / "planning" / "plan").write_text(f"plan {number}")
            taken = take_backup(shop.settings, repository)
        assert len(taken.removed) == 1
        staying = repository.backups()
        assert [b.backup_id for b in staying][-1] == taken.backup.backup_id
        assert len(staying) == 2
        needed = {f.object for b in staying for f in repository.manifest(b).files}
        assert repository.objects() == needed
        restore(empty, repository, staying[0].backup_id)
        assert (empty.lake_dir / "planning" / "plan").read_text() == "plan 2"


def test_nothing_is_removed_while_a_manifest_that_stays_cannot_be_read(kept, tmp_path):
    source = Settings(data_dir=kept.settings.data_dir, threads=1, backup_keep=2)
    repository = open_repository(source, str(tmp_path / "backups"))
    take_backup(source, repository)
    middle = take_backup(source, repository).backup
    folder = tmp_path / "backups" / "backups"
    held = (folder / middle.file_name).read_bytes()
    (folder / middle.file_name).write_bytes(held[:-1])
    # The newest is read to know what is there already, so its damage stops a backup.
    with pytest.raises(BackupError, match="damaged"):
        take_backup(source, repository)
    (folder / middle.file_name).write_bytes(held)
    third = take_backup(source, repository).backup
    (folder / middle.file_name).write_bytes(held[:-1])
    source = Settings(data_dir=kept.settings.data_dir, threads=1, backup_keep=3)
    objects = repository.objects()
    taken = take_backup(source, repository)
    assert (taken.not_pruned or "").startswith("backups/")
    assert third in repository.backups()
    assert repository.objects() >= objects


@pytest.mark.slow
def test_a_killed_backup_leaves_the_one_before_and_what_it_stored_is_used(
    open_shop, items, empty, tmp_path, monkeypatch
):
    with open_shop() as shop:
        shop.write("Items", [(1, "pen", 1), (2, "ink", "two")])
        shop.load(items)
        address = str(tmp_path / "backups")
        repository = open_repository(shop.settings, address)
        before = take_backup(shop.settings, repository)
        held = lake_bytes(shop.settings)
        plans = shop.settings.lake_dir / "planning"
        plans.mkdir()
        for number in range(40):
            (plans / f"plan{number}").write_text(f"plan {number}")
        command = [sys.executable, DRIVER, "backup", shop.settings.data_dir, address, "30"]
        killed = subprocess.run(command, check=False, **RUN)
        assert killed.returncode == -signal.SIGKILL
        assert repository.backups() == [before.backup]
        restore(empty, repository)
        assert lake_bytes(empty) == held
        there = len(repository.objects())
        resumed = take_backup(shop.settings, repository)
        assert there > len({f.object for f in before.manifest.files})
        assert 0 < resumed.stored_files < 40
        assert check_backup(repository)[2] == []


def test_a_file_that_is_replaced_meanwhile_makes_the_backup_look_again(
    open_shop, tmp_path, monkeypatch
):
    from inventory_platform.operations.backup import take

    with open_shop() as shop:
        plan = shop.settings.lake_dir / "planning" / "plan"
        plan.parent.mkdir(parents=True)
        plan.write_text("plan")
        looked = []
        original = take.contents_of

        def looking(configured):
            found = original(configured)
            looked.append(found)
            if len(looked) == 1:
                plan.rename(plan.with_name("newer"))
            return found

        monkeypatch.setattr(take, "contents_of", looking)
        repository = open_repository(shop.settings, str(tmp_path / "backups"))
        taken = take_backup(shop.settings, repository)
        paths = [f.path for f in taken.manifest.files]
        assert "data/lake/planning/newer" in paths
        assert "data/lake/planning/plan" not in paths
        assert len(looked) == 2


# -- damage and keys --------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[None, KEY], ids=["plain", "encrypted"])
def stored(request, kept, tmp_path_factory):
    """A backup's address, how one there is opened, and what was taken; tests damage a copy."""
    address = tmp_path_factory.mktemp("stored")

    def opened(folder: Path) -> Repository:
        return repository_of(kept.settings, folder, request.param)

    return address, opened, take_backup(kept.settings, opened(address))


KINDS = [
    "data/lake/raw/",
    "data/lake/quarantine/",
    "data/lake/loads/",
    "data/published/versions/",
    "dagster/",
    "config/",
]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink], ids=["flipped", "cut", "missing"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_of_any_kind_is_named_and_nothing_is_put_in_place(
    stored, empty, tmp_path, kind, damage
):
    address, opened, taken = stored
    copy = tmp_path / "copy"
    shutil.copytree(address, copy)
    file = next(f for f in taken.manifest.files if f.path.startswith(kind))
    damage(copy / "objects" / file.object[:2] / file.object)
    repository = opened(copy)
    [problem] = check_backup(repository)[2]
    assert problem.startswith(file.path)
    with pytest.raises(BackupError, match="1 files are missing or damaged") as caught:
        restore(empty, repository)
    assert file.path in caught.value.what
    left = {p.name for p in empty.data_dir.iterdir()}
    assert left == {".restore", "duckdb_extensions"}


def test_contents_that_were_swapped_are_found(stored, tmp_path):
    address, opened, taken = stored
    copy = tmp_path / "copy"
    shutil.copytree(address, copy)
    raw = [f for f in taken.manifest.files if f.path.startswith("data/lake/raw/")][:2]
    first, second = (copy / "objects" / f.object[:2] / f.object for f in raw)
    aside = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(aside)
    problems = check_backup(opened(copy))[2]
    assert [p.split(" ")[0] for p in problems] == [f.path for f in raw]


def test_a_damaged_manifest_is_named(stored, empty, tmp_path):
    address, opened, taken = stored
    copy = tmp_path / "copy"
    shutil.copytree(address, copy)
    flip(copy / "backups" / taken.backup.file_name)
    repository = opened(copy)
    for use in (check_backup, lambda r: restore(empty, r)):
        with pytest.raises(BackupError, match=rf"{taken.backup.backup_id}.* is damaged"):
            use(repository)


def test_a_whole_backup_has_no_problems(stored):
    address, opened, taken = stored
    backup, manifest, problems = check_backup(opened(address))
    assert (backup, manifest, problems) == (taken.backup, taken.manifest, [])


def test_with_another_key_or_none_nothing_can_be_read(kept, empty, tmp_path):
    address = str(tmp_path / "backups")
    take_backup(kept.settings, repository_of(kept.settings, address, KEY))
    other = repository_of(empty, address, new_key())
    with pytest.raises(BackupError, match="cannot be decrypted"):
        restore(empty, other)
    with pytest.raises(BackupError, match="encrypted, and there is no key"):
        restore(empty, open_repository(empty, address))
    # Nor is a plain backup written beside encrypted ones unnoticed.
    with pytest.raises(BackupError, match="encrypted, and there is no key"):
        take_backup(kept.settings, open_repository(kept.settings, address))
    assert not empty.lake_dir.exists()


def test_with_a_key_a_backup_that_somebody_without_it_could_have_made_is_refused(
    kept, empty, tmp_path
):
    address = str(tmp_path / "backups")
    take_backup(kept.settings, open_repository(kept.settings, address))
    keyed = repository_of(empty, address, KEY)
    with pytest.raises(BackupError, match="is not encrypted, and there is a key"):
        restore(empty, keyed)
    # The next one is encrypted, uses nothing of it, and is the one that is restored.
    again = take_backup(kept.settings, keyed)
    assert again.stored_files > 8
    assert restore(empty, keyed).backup == again.backup


def test_without_the_key_neither_names_nor_contents_nor_hashes_can_be_seen(kept, tmp_path):
    address = tmp_path / "backups"
    repository = repository_of(kept.settings, address, KEY)
    taken = take_backup(kept.settings, repository)
    files = [p for p in address.rglob("*") if p.is_file()]
    seen = b"\n".join(p.read_bytes() + str(p.relative_to(address)).encode() for p in files)
    told = [f.sha256 for f in taken.manifest.files]
    told += ["data/lake", "quarantine", "runs.db", "rows_read", "linnworks", KEY]
    told.append(pseudonym_key(kept.settings))
    assert [text for text in told if text.encode() in seen] == []
    assert KEY not in repr(repository)


def test_a_key_from_a_file_is_used_and_a_wrong_one_is_named_but_not_shown(
    kept, tmp_path, monkeypatch
):
    file = tmp_path / "key"
    file.write_text(f"# made by age-keygen\n{KEY}\n")
    monkeypatch.setenv("INVENTORY_BACKUP_KEY_FILE", str(file))
    assert open_repository(kept.settings, str(tmp_path)).seal.suffix
    file.write_text("not a key")
    with pytest.raises(SettingsError, match="INVENTORY_BACKUP_KEY is no age identity") as caught:
        open_repository(kept.settings, str(tmp_path))
    assert "not a key" not in str(caught.value)
    file.unlink()
    with pytest.raises(SettingsError, match="INVENTORY_BACKUP_KEY_FILE names cannot be read"):
        open_repository(kept.settings, str(tmp_path))


def test_secrets_in_configuration_do_not_reach_a_backup(kept, tmp_path):
    sources = tmp_path / "sources.toml"
    sources.write_text('[shop]\naddress = "postgresql://me:planted-word@db/x"\ntoken = "planted"\n')
    source = Settings(data_dir=kept.settings.data_dir, sources_file=sources)
    take_backup(source, open_repository(source, str(tmp_path / "backups")))
    stored = [p.read_bytes() for p in (tmp_path / "backups").rglob("*") if p.is_file()]
    assert any(b"postgresql://me:***@db/x" in content for content in stored)
    assert not any(b"planted" in content for content in stored)


# -- restoring --------------------------------------------------------------------------------


def test_a_folder_that_is_not_empty_is_refused(stored, empty):
    address, opened, _ = stored
    (empty.data_dir / "lake").mkdir()
    with pytest.raises(BackupError, match="is not empty: it holds lake"):
        restore(empty, opened(address))
    assert sorted(p.name for p in empty.data_dir.iterdir()) == ["duckdb_extensions", "lake"]


def test_a_restore_goes_on_where_it_was(stored, empty, tmp_path, monkeypatch):
    address, opened, taken = stored
    copy = tmp_path / "copy"
    shutil.copytree(address, copy)
    file = next(f for f in taken.manifest.files if f.path.startswith("data/lake/raw/"))
    object_file = copy / "objects" / file.object[:2] / file.object
    held = object_file.read_bytes()
    object_file.unlink()
    repository = opened(copy)
    with pytest.raises(BackupError, match="is missing"):
        restore(empty, repository)
    object_file.write_bytes(held)
    fetched = []
    original = Repository.fetch
    monkeypatch.setattr(
        Repository, "fetch", lambda s, f, t: (fetched.append(f.path), original(s, f, t))[1]
    )
    restore(empty, repository)
    assert fetched == [file.path]
    assert check_integrity(empty).problems == []
    assert not (empty.data_dir / ".restore").exists()


def test_a_restore_that_was_killed_while_putting_in_place_is_finished(stored, empty, monkeypatch):
    address, opened, _ = stored
    moved = []

    def dying(source, target):
        if moved:
            raise OSError(5, "Input/output error")
        moved.append(target)
        Path(source).rename(target)

    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[restore.__module__].shutil, "move", dying)
        with pytest.raises(BackupError, match="cannot be put in place"):
            restore(empty, opened(address))
    restore(empty, opened(address))
    assert check_integrity(empty).problems == []
    assert mart_rows(empty)


def test_a_backup_that_names_files_outside_of_the_folder_is_refused(kept, empty, tmp_path):
    from dataclasses import replace

    repository = open_repository(kept.settings, str(tmp_path / "backups"))
    manifest = take_backup(kept.settings, repository).manifest
    evil = replace(manifest.files[0], path="data/../../evil")
    repository.commit(replace(manifest, backup_id="20991231T000000000000", files=[evil]))
    with pytest.raises(BackupError, match="lies outside"):
        restore(empty, repository)


def test_an_address_without_backups_says_so(kept, empty, tmp_path):
    with pytest.raises(BackupError, match="There is no backup at"):
        restore(empty, open_repository(empty, str(tmp_path)))
    with pytest.raises(SettingsError, match="no address for backups"):
        open_repository(empty)


# -- object stores ----------------------------------------------------------------------------


def test_a_backup_in_an_object_store_is_whole_incremental_pruned_and_comes_back(
    kept, object_store, empty, tmp_path
):
    address = f"{object_store.address}/{tmp_path.parent.name}-backups"
    source = Settings(data_dir=kept.settings.data_dir, threads=1, backup_keep=1)
    repository = repository_of(source, address, KEY)
    first = take_backup(source, repository)
    second = take_backup(source, repository)
    assert (first.stored_files > 8, second.stored_files) == (True, 0)
    assert second.removed == [first.backup.backup_id]
    assert check_backup(repository)[2] == []
    file = next(f for f in second.manifest.files if f.path.startswith("data/lake/raw/"))
    name = repository.folder.path(f"objects/{file.object[:2]}/{file.object}")
    held = repository.folder.fs.cat_file(name)
    repository.folder.fs.pipe_file(name, held[:-1])
    assert [p.split(" ")[0] for p in check_backup(repository)[2]] == [file.path]
    repository.folder.fs.pipe_file(name, held)
    restore(empty, repository)
    assert lake_bytes(empty) == lake_bytes(kept.settings)


def test_a_store_that_cannot_be_reached_or_has_no_bucket_is_named(kept, object_store):
    bucket = object_store.address.replace("lake", "nosuchbucket")
    with pytest.raises(BackupError, match=r"nosuchbucket.*cannot be read or written"):
        take_backup(kept.settings, open_repository(kept.settings, f"{bucket}/x"))


# -- the live lake ----------------------------------------------------------------------------


@pytest.fixture
def live(kept, tmp_path):
    """A copy of the shop's data, to damage."""
    data = tmp_path / "live"
    shutil.copytree(kept.settings.data_dir, data, symlinks=True)
    return Settings(data_dir=data, threads=1)


def one(configured: Settings, pattern: str) -> Path:
    return sorted(configured.data_dir.glob(pattern))[0]


def test_a_whole_lake_has_no_problems(live):
    found = check_integrity(live)
    assert (found.problems, found.uncommitted) == ([], [])
    assert found.records == 3
    assert found.rows == 3 + 3 + 2


RAW = "lake/raw/shop/items/*/*.parquet"


@pytest.mark.parametrize(
    ("pattern", "damage", "told"),
    [
        (RAW, Path.unlink, "is missing; loads/shop/items/"),
        (RAW, cut, "cannot be read"),
        ("lake/quarantine/shop/items/*/*.parquet", Path.unlink, "is missing"),
        ("lake/loads/shop/items/*.json", cut, "is damaged"),
        ("published/versions/*/prices.parquet", cut, "cannot be read"),
        ("published/versions/*/manifest.json", cut, "A manifest of published marts cannot be read"),
    ],
)
def test_damage_of_the_lake_is_named(live, pattern, damage, told):
    damage(one(live, pattern))
    assert any(told in problem for problem in check_integrity(live).problems)


@pytest.mark.parametrize("zone", ["raw", "quarantine"])
def test_rows_that_were_taken_away_are_noticed(live, zone):
    path = one(live, f"lake/{zone}/shop/items/*/*.parquet")
    duckdb.sql(f"copy (from '{path}' limit 0) to '{path}.new' (format parquet)")
    Path(f"{path}.new").replace(path)
    [problem] = check_integrity(live).problems
    assert "has 0 rows; " in problem


def test_a_file_without_a_record_is_told_and_is_no_problem(live):
    path = one(live, RAW)
    shutil.copy(path, path.with_name("20200101T000000000000.parquet"))
    found = check_integrity(live)
    assert found.problems == []
    assert [name.endswith("20200101T000000000000.parquet") for name in found.uncommitted] == [True]


def test_with_a_backup_a_changed_byte_and_a_load_that_is_gone_are_noticed(live, tmp_path):
    repository = open_repository(live, str(tmp_path / "backups"))
    known = checksums(take_backup(live, repository).manifest)
    assert check_integrity(live, known).problems == []
    assert check_integrity(live, known).compared == 3 + 3 + 2
    record = one(live, "lake/loads/shop/events/*.json")
    raw = one(live, "lake/raw/shop/events/*/*.parquet")
    record.unlink()
    raw.unlink()
    assert check_integrity(live).problems == []
    gone = [problem.split(" ")[0] for problem in check_integrity(live, known).problems]
    assert gone == [f"loads/shop/events/{record.name}", f"{raw.relative_to(live.lake_dir)}"]
    path = one(live, "lake/loads/shop/items/*.json")
    path.write_text(path.read_text().replace('"sqlite"', '"sqlitf"'))
    assert any("is not what it was" in p for p in check_integrity(live, known).problems)


def test_a_damaged_lake_is_not_backed_up_as_if_it_were_whole(live, tmp_path):
    one(live, RAW).unlink()
    repository = open_repository(live, str(tmp_path / "backups"))
    with pytest.raises(BackupError, match="The lake is damaged: raw/shop/items"):
        take_backup(live, repository)
    assert repository.backups() == []


def longer(path: Path) -> None:
    path.write_text(path.read_text() + "\n")


@pytest.mark.parametrize(
    ("pattern", "damage", "told"),
    [
        (RAW, flip, "is not what it was in the newest backup"),
        (RAW, cut, "is damaged: "),
        ("lake/quarantine/shop/items/*/*.parquet", flip, "is not what it was"),
        ("lake/loads/shop/items/*.json", Path.unlink, "is gone; the newest backup has it"),
        ("lake/loads/shop/items/*.json", longer, "is not what it was in the newest backup"),
    ],
    ids=["flipped", "cut", "rejects", "no record", "other record"],
)
def test_what_the_backup_before_has_is_not_lost_by_the_next(live, tmp_path, pattern, damage, told):
    configured = live.model_copy(update={"backup_keep": 1})
    repository = open_repository(configured, str(tmp_path / "backups"))
    whole = take_backup(configured, repository).backup
    damage(one(live, pattern))
    with pytest.raises(BackupError, match=told):
        take_backup(configured, repository)
    assert repository.backups() == [whole]
    assert check_backup(repository)[2] == []


def test_a_data_file_that_was_cut_off_is_not_backed_up_the_first_time_either(live, tmp_path):
    cut(one(live, RAW))
    repository = open_repository(live, str(tmp_path / "backups"))
    with pytest.raises(BackupError, match=r"raw/shop/items/.* is damaged"):
        take_backup(live, repository)
    assert repository.backups() == []


def test_records_of_erasures_and_retention_that_are_gone_stop_a_backup(live, tmp_path):
    record = live.lake_dir / "retention" / "1.json"
    record.parent.mkdir()
    record.write_text('{"applied_at": "2026-06-03", "today": "2026-06-03", "removed": []}')
    repository = open_repository(live, str(tmp_path / "backups"))
    take_backup(live, repository)
    record.unlink()
    with pytest.raises(BackupError, match=r"retention/1\.json is gone"):
        take_backup(live, repository)
