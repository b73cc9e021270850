"""Publishing Parquet to object storage, on real stores and to a path: old or new, never half."""

import hashlib
import json

import duckdb
import pytest

from inventory_platform.errors import DestinationUnavailableError, PublishError
from inventory_platform.object_storage import open_folder
from inventory_platform.publishing.destinations import Entry
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings
from tests.publishing import ORDERS, Marts, marts_in_storage, written

pytestmark = pytest.mark.slow
PLACES = "select i::bigint as id, 'P' || i as name from range(3) as r(i)"
SAME_IN_ANOTHER_ORDER = f"select * from ({ORDERS}) order by amount desc"
CHANGED = f"select * replace (amount * 2 as amount) from ({ORDERS})"
TOTAL = 1.25 * 89 * 90 / 2


@pytest.fixture
def marts(tmp_path):
    return Marts(Settings(data_dir=tmp_path / "data", threads=1))


@pytest.fixture(params=["path", "s3", "azure"])
def address(request, monkeypatch, tmp_path):
    """A folder in each kind of storage, with the variables set that reach it."""
    if request.param == "path":
        return str(tmp_path / "elsewhere" / "published")
    store = request.getfixturevalue(request.param)
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return f"{store.address}/{request.node.name.partition('[')[0]}"


class Reader:
    """Somebody who knows the documented layout and nothing else."""

    def __init__(self, address):
        self.folder = open_folder(address, "reader")

    def json(self, relative):
        return json.loads(self.folder.fs.cat_file(self.folder.path(relative)))

    def manifest(self):
        return self.json(self.json("current.json")["manifest"])

    def ask(self, mart, what, manifest=None):
        file = (manifest or self.manifest())["marts"][mart]["file"]
        with duckdb.connect() as con:
            con.register_filesystem(self.folder.fs)
            path = self.folder.path(file)
            scheme = self.folder.fs.protocol
            scheme = scheme if isinstance(scheme, str) else scheme[0]
            url = path if scheme == "file" else f"{scheme}://{path}"
            return con.execute(f"select {what} from read_parquet('{url}')").fetchall()[0]

    def files(self, below=""):
        root = self.folder.path(below).rstrip("/")
        return sorted(path.removeprefix(root) for path in self.folder.fs.find(root))


def test_what_is_published_is_there_and_what_has_not_changed_stays(marts, address):
    first = marts.write(orders=ORDERS, places=PLACES)
    told = []
    report = marts.send(Entry("lake", address), told.append)
    assert written(report) == [("orders", 90), ("places", 3)]
    assert told == ["orders: 90 rows sent and read back.", "places: 3 rows sent and read back."]
    reader = Reader(address)
    before = reader.manifest()
    assert before["version"] == first.version
    assert reader.ask("orders", "count(*), sum(amount)::double") == (90, TOTAL)
    # Every mart is built anew: the same rows in another order are no news.
    second = marts.write(orders=SAME_IN_ANOTHER_ORDER, places=f"{PLACES} union all select 9, 'P9'")
    assert written(marts.send(Entry("lake", address))) == [("places", 4)]
    after = reader.manifest()
    assert after["version"] == second.version
    assert after["marts"]["orders"] == before["marts"]["orders"]
    # Who still reads the version before has all of it.
    assert reader.ask("places", "count(*)", before) == (3,)
    assert reader.ask("places", "count(*)") == (4,)


@pytest.fixture
def place(tmp_path):
    return str(tmp_path / "elsewhere")


def test_versions_beyond_those_kept_are_removed_with_the_files_only_they_name(
    marts, object_store, request
):
    address = f"{object_store.address}/{request.node.name.partition('[')[0]}"
    reader = Reader(address)
    versions = []
    for number in range(3):
        select = f"select {number}::bigint as id"
        versions.append(marts.write(orders=ORDERS, counter=select).version)
        marts.send(Entry("lake", address, options={"keep": 2}))
    assert reader.files("versions") == [f"/{v}.json" for v in versions[1:]]
    assert len(reader.files("marts/orders")) == 1
    assert len(reader.files("marts/counter")) == 2
    assert reader.ask("counter", "id") == (2,)


def test_until_the_pointer_is_written_readers_have_the_version_before(
    marts, object_store, request, monkeypatch
):
    address = f"{object_store.address}/{request.node.name.partition('[')[0]}"
    marts.write(orders=ORDERS)
    marts.send(Entry("lake", address))
    reader = Reader(address)
    before = reader.manifest()
    marts.write(orders=CHANGED)
    # fsspec hands out the same file system to everybody who asks alike.
    fs = reader.folder.fs
    whole = fs.pipe_file

    def cut(path, value):
        if path.endswith("current.json"):
            raise ConnectionResetError("cut off")
        return whole(path, value)

    with monkeypatch.context() as patch:
        patch.setattr(fs, "pipe_file", cut)
        with pytest.raises(DestinationUnavailableError, match="cannot be reached: cut off"):
            marts.send(Entry("lake", address))
    assert reader.manifest() == before
    assert reader.ask("orders", "sum(amount)::double") == (TOTAL,)
    marts.send(Entry("lake", address))
    assert reader.ask("orders", "sum(amount)::double") == (2 * TOTAL,)


def test_a_file_that_did_not_arrive_as_sent_is_noticed_before_the_switch(
    marts, object_store, request, monkeypatch
):
    address = f"{object_store.address}/{request.node.name.partition('[')[0]}"
    marts.write(orders=ORDERS)
    marts.send(Entry("lake", address))
    reader = Reader(address)
    before = reader.manifest()
    marts.write(orders=CHANGED)
    fs = reader.folder.fs
    monkeypatch.setattr(fs, "put_file", lambda here, there: fs.pipe_file(there, b"half of it"))
    with pytest.raises(PublishError, match="does not hold what was sent") as caught:
        marts.send(Entry("lake", address))
    assert not isinstance(caught.value, DestinationUnavailableError)
    assert reader.manifest() == before


def test_the_manifest_says_what_each_file_holds(marts, place):
    publication = marts.write(orders=ORDERS)
    marts.send(Entry("lake", place))
    reader = Reader(place)
    manifest = reader.manifest()
    orders = manifest["marts"]["orders"]
    content = reader.folder.fs.cat_file(reader.folder.path(orders["file"]))
    assert (orders["rows"], orders["bytes"]) == (90, len(content))
    assert orders["sha256"] == hashlib.sha256(content).hexdigest()
    assert orders["columns"] == {
        "id": "BIGINT",
        "day": "DATE",
        "amount": "DECIMAL(18,4)",
        "location_id": "VARCHAR",
    }
    assert (manifest["run_id"], manifest["version"]) == ("run", publication.version)


def test_a_file_that_somebody_removed_is_sent_again(marts, place):
    marts.write(orders=ORDERS)
    marts.send(Entry("lake", place))
    reader = Reader(place)
    reader.folder.fs.rm_file(reader.folder.path(reader.manifest()["marts"]["orders"]["file"]))
    assert written(marts.send(Entry("lake", place))) == [("orders", 90)]
    assert written(marts.send(Entry("lake", place))) == []
    assert written(marts.send(Entry("lake", place, mode="full"))) == [("orders", 90)]
    assert reader.ask("orders", "count(*)") == (90,)


def test_a_column_that_changed_its_type_is_news_though_the_rows_look_alike(marts, place):
    marts.write(places="select 1::integer as id")
    marts.send(Entry("lake", place))
    marts.write(places="select 1::bigint as id")
    assert written(marts.send(Entry("lake", place))) == [("places", 1)]


def test_left_overs_of_a_killed_publication_are_removed_by_the_next(marts, place):
    marts.write(orders=ORDERS)
    marts.send(Entry("lake", place))
    reader = Reader(place)
    reader.folder.fs.pipe_file(reader.folder.path("marts/orders/half.parquet.part"), b"half")
    marts.send(Entry("lake", place))
    assert len(reader.files("marts/orders")) == 1


def test_a_mart_that_is_no_longer_published_is_told(marts, place):
    marts.write(orders=ORDERS, places=PLACES)
    marts.send(Entry("lake", place))
    marts.write(orders=ORDERS)
    assert list(marts.send(Entry("lake", place)).left_over) == ["places"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"current.json": b"not json"}, "current.json is not as the platform writes it"),
        ({"current.json": b'{"manifest": "versions/gone.json"}'}, "names a manifest that is not"),
    ],
)
def test_a_folder_that_is_not_as_the_platform_left_it_is_refused(marts, place, damage, reason):
    marts.write(orders=ORDERS)
    marts.send(Entry("lake", place))
    reader = Reader(place)
    for name, content in damage.items():
        reader.folder.fs.pipe_file(reader.folder.path(name), content)
    with pytest.raises(PublishError, match=reason):
        marts.send(Entry("lake", place))


def test_a_bucket_that_is_not_there_is_named_and_not_tried_again(marts, s3, monkeypatch):
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    marts.write(orders=ORDERS)
    with pytest.raises(PublishError, match="s3://nowhere/x cannot be written") as caught:
        marts.send(Entry("lake", "s3://nowhere/x"))
    assert not isinstance(caught.value, DestinationUnavailableError)


def test_storage_that_is_away_may_be_tried_again(marts, s3, monkeypatch):
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    marts.write(orders=ORDERS)
    with pytest.raises(DestinationUnavailableError, match="cannot be reached"):
        marts.send(Entry("lake", "s3://lake/away"))


def test_marts_in_object_storage_are_sent_by_way_of_a_copy_that_does_not_stay(
    s3, monkeypatch, tmp_path, extensions, place
):
    marts = marts_in_storage(s3, monkeypatch, tmp_path / "data", extensions)
    marts.write(orders=ORDERS, places=PLACES)
    assert written(marts.send(Entry("lake", place))) == [("orders", 90), ("places", 3)]
    reader = Reader(place)
    assert reader.ask("orders", "count(*), sum(amount)::double") == (90, TOTAL)
    assert written(marts.send(Entry("lake", place))) == []
    assert list(marts.settings.temp_dir.rglob("*.parquet")) == []


def test_a_published_file_that_cannot_be_read_is_named_and_in_object_storage_tried_again(
    s3, monkeypatch, marts, tmp_path, extensions, place
):
    remote = marts_in_storage(s3, monkeypatch, tmp_path / "remote", extensions)
    for broken, passes in ((remote, True), (marts, False)):
        broken.write(orders=ORDERS)
        folder, _ = current_publication(broken.settings.published_dir)
        (folder / "orders.parquet").unlink()
        with pytest.raises(PublishError, match=r"orders\.parquet cannot be read") as caught:
            broken.send(Entry("lake", place))
        assert caught.value.is_transient is passes
