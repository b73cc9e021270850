"""Publishing documents to a server that speaks the documented protocol: all of them or none."""

import base64
import json

import pytest

from inventory_platform.errors import DestinationUnavailableError, PublishError, SettingsError
from inventory_platform.publishing import search_server
from inventory_platform.publishing.destinations import Entry
from inventory_platform.sandbox.serving import served
from inventory_platform.settings import Settings
from tests.publishing import ORDERS, Marts, marts_in_storage, written
from tests.search_server import Cluster, Index

PLACES = "select i::bigint as id, 'P' || i as name from range(3) as r(i)"
PRODUCTS = (
    "select 'A' || i as product_id, 'Article ' || i as name, i * 2.5::decimal(18,2) as price "
    "from range(4) as r(i)"
)
STOCK = (
    "select 'A' || i % 3 as product_id, 'L' || i // 3 as location_id, i::bigint as on_hand "
    "from range(6) as r(i)"
)
"""Two locations of each of the first three products; the fourth has no stock."""
KEYS = {"products": ("product_id",), "stock": ("product_id", "location_id")}
CHANGED = f"select * replace (amount * 2 as amount) from ({ORDERS})"


@pytest.fixture
def marts(tmp_path):
    return Marts(Settings(data_dir=tmp_path / "data", threads=1))


@pytest.fixture
def cluster():
    return Cluster()


@pytest.fixture
def url(cluster):
    with served(cluster.app()) as address:
        yield address


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Waits are recorded instead."""
    waits = []
    original = search_server.SearchServer.__init__

    def impatient(self, *args, **options):
        original(self, *args, **{**options, "sleep": waits.append})

    monkeypatch.setattr(search_server.SearchServer, "__init__", impatient)
    return waits


@pytest.fixture
def entry(url):
    def made(**options):
        own = {k: options.pop(k) for k in ("prefix", "keep", "documents") if k in options}
        host = url.removeprefix("http://")
        user = options.pop("user", "")
        return Entry("shop", f"elasticsearch+http://{user}{host}", options=own, **options)

    return made


def test_each_mart_is_an_index_behind_an_alias_and_what_has_not_changed_stays(
    marts, cluster, entry
):
    marts.write(orders=ORDERS, places=PLACES)
    told = []
    report = marts.send(entry(), told.append)
    assert written(report) == [("orders", 90), ("places", 3)]
    assert "orders: 90 of 90 documents sent." in told
    orders = cluster.search("inventory-orders")
    assert len(orders) == 90
    assert orders["40"] == {
        "id": 40,
        "day": "2026-02-10",
        "amount": 50.0,
        "location_id": "L1",
    }
    before = set(cluster.indexes)
    marts.write(
        orders=f"select * from ({ORDERS}) order by amount desc",
        places=f"{PLACES} union all select 9, 'P9'",
    )
    bulks = cluster.bulks()
    assert written(marts.send(entry())) == [("places", 4)]
    assert cluster.bulks() == bulks + 1
    assert len(cluster.search("inventory-places")) == 4
    assert len(set(cluster.indexes) - before) == 1
    assert written(marts.send(entry(mode="full"))) == [("orders", 90), ("places", 4)]


def test_marts_in_object_storage_are_read_there(
    s3, monkeypatch, tmp_path, extensions, cluster, entry
):
    marts = marts_in_storage(s3, monkeypatch, tmp_path / "data", extensions)
    marts.write(orders=ORDERS)
    assert written(marts.send(entry())) == [("orders", 90)]
    assert cluster.search("inventory-orders")["40"]["amount"] == 50.0


def test_fields_are_mapped_by_the_types_of_the_mart_and_values_keep_their_digits(
    marts, cluster, entry
):
    marts.write(
        things="select 7::bigint as id, 3::integer as n, "
        "1234567890123.1234::decimal(18,4) as amount, 2.5::double as share, true as ok, "
        "'é ∑ \"x\"' as shop, date '2026-02-03' as day, "
        "timestamp '2026-02-03 04:05:06.000007' as changed_at, null::varchar as nothing, "
        "12345678901234567890::ubigint as huge"
    )
    marts.send(entry())
    (index,) = cluster.indexes.values()
    text = {"type": "keyword", "ignore_above": 8191, "fields": {"text": {"type": "text"}}}
    assert index.mappings["properties"] == {
        "id": {"type": "long"},
        "n": {"type": "long"},
        "amount": {"type": "scaled_float", "scaling_factor": 10000},
        "share": {"type": "double"},
        "ok": {"type": "boolean"},
        "shop": text,
        "day": {"type": "date", "format": "strict_date"},
        "changed_at": {"type": "date", "format": "strict_date_optional_time"},
        "nothing": text,
        "huge": {"type": "keyword"},
    }
    assert index.settings["refresh_interval"] is None
    assert cluster.search("inventory-things")["7"] == {
        "id": 7,
        "n": 3,
        "amount": 1234567890123.1234,
        "share": 2.5,
        "ok": True,
        "shop": 'é ∑ "x"',
        "day": "2026-02-03",
        "changed_at": "2026-02-03T04:05:06.000007Z",
        "nothing": None,
        "huge": "12345678901234567890",
    }


def test_identifiers_tell_keys_apart_whatever_is_in_them(marts, cluster, entry):
    marts.write(
        keys={"pairs": ("a", "b"), "longs": ("a",), "words": ()},
        pairs="select * from (values ('a|', 'b'), ('a', '|b'), ('', ''), (null, 'b')) as t(a, b)",
        longs="select repeat(x, 600) as a from (values ('x'), ('y')) as t(x)",
        words="select 'same' as word from range(3)",
    )
    marts.send(entry())
    assert len(cluster.search("inventory-pairs")) == 4
    assert {len(i) for i in cluster.search("inventory-longs")} == {64}
    assert len(cluster.search("inventory-words")) == 3


DOCUMENTS = {
    "products": {
        "rows": "products",
        "nested": {"stock": {"rows": "stock", "by": "product_id"}},
    }
}


def test_products_hold_their_stock_at_each_location(marts, cluster, entry):
    marts.write(KEYS, products=PRODUCTS, stock=STOCK)
    both = entry(documents=DOCUMENTS, marts=("products", "stock"))
    assert written(marts.send(both)) == [("products", 4)]
    products = cluster.search("inventory-products")
    assert products["A1"] == {
        "product_id": "A1",
        "name": "Article 1",
        "price": 2.5,
        "stock": [{"location_id": "L0", "on_hand": 1}, {"location_id": "L1", "on_hand": 4}],
    }
    assert products["A3"]["stock"] == []
    assert cluster.indexes.popitem()[1].mappings["properties"]["stock"]["type"] == "nested"


def test_a_change_of_what_is_nested_is_a_change_of_the_documents(marts, cluster, entry):
    marts.write(KEYS, products=PRODUCTS, stock=STOCK)
    both = entry(documents=DOCUMENTS, marts=("products", "stock"))
    marts.send(both)
    assert written(marts.send(both)) == []
    marts.write(KEYS, products=PRODUCTS, stock=f"{STOCK} where i <> 5")
    assert written(marts.send(both)) == [("products", 4)]
    assert len(cluster.search("inventory-products")["A2"]["stock"]) == 1


def test_nested_rows_that_are_lost_on_the_way_are_noticed(marts, cluster, entry):
    marts.write(KEYS, products=PRODUCTS, stock=STOCK)
    cluster.spoil = lambda document: document.update(stock=document["stock"][:1])
    with pytest.raises(PublishError, match="rows of stock: 3 instead of 6"):
        marts.send(entry(documents=DOCUMENTS, marts=("products", "stock")))


def test_a_column_to_nest_by_that_is_not_there_is_named(marts, entry):
    marts.write(KEYS, products=PRODUCTS, stock=STOCK)
    nested = {"stock": {"rows": "stock", "by": "sku"}}
    wrong = {"products": {"rows": "products", "nested": nested}}
    with pytest.raises(
        PublishError, match=r"products\.nested\.stock: products has no column 'sku'"
    ):
        marts.send(entry(documents=wrong, marts=("products", "stock")))


def test_documents_turned_away_for_a_moment_are_sent_again_and_only_those(
    marts, cluster, entry, no_waiting
):
    marts.write(orders=ORDERS)
    seen = {}

    def busy(identity):
        seen[identity] = seen.get(identity, 0) + 1
        return {1: 429, 2: 503}.get(seen[identity]) if int(identity) >= 80 else None

    cluster.items = busy
    assert written(marts.send(entry())) == [("orders", 90)]
    assert len(cluster.search("inventory-orders")) == 90
    assert set(seen.values()) == {1, 3}
    assert sum(count == 3 for count in seen.values()) == 10
    assert no_waiting == [1.0, 2.0]


def test_a_server_that_goes_on_turning_documents_away_may_be_asked_later(marts, cluster, entry):
    marts.write(orders=ORDERS)
    cluster.items = lambda identity: 429 if identity == "7" else None
    with pytest.raises(DestinationUnavailableError, match=r"1 documents .* queue is full"):
        marts.send(entry())
    assert cluster.indexes == {}


def test_a_whole_request_that_is_turned_away_is_sent_again(marts, cluster, entry):
    marts.write(orders=ORDERS)
    cluster.answers.extend([429, 503])
    assert written(marts.send(entry())) == [("orders", 90)]
    assert cluster.bulks() == 3


def test_documents_the_server_refuses_are_named_and_searches_go_on_as_before(marts, cluster, entry):
    marts.write(orders=ORDERS)
    marts.send(entry())
    before = cluster.search("inventory-orders")
    marts.write(orders=CHANGED)
    cluster.items = lambda identity: 400 if identity in {"3", "4"} else None
    with pytest.raises(PublishError, match=r"2 of 90 documents .* 3: es_rejected") as caught:
        marts.send(entry())
    assert not isinstance(caught.value, DestinationUnavailableError)
    assert cluster.search("inventory-orders") is before
    assert len(cluster.indexes) == 1


@pytest.mark.parametrize(
    ("spoil", "difference"),
    [
        (lambda d: d.update(amount=d["amount"] + 0.01), "sum of amount: "),
        (lambda d: d.update(location_id=None), "values of location_id: 0 instead of 90"),
        (lambda d: d.update(day="2026-01-01"), "sum of day: "),
    ],
)
def test_documents_that_do_not_arrive_as_sent_are_not_searched(
    marts, cluster, entry, spoil, difference
):
    marts.write(orders=ORDERS)
    cluster.spoil = spoil
    with pytest.raises(PublishError, match=f"does not hold what was published: .*{difference}"):
        marts.send(entry())
    assert cluster.indexes == {}


def test_a_key_that_is_none_is_noticed(marts, entry):
    marts.write(orders="select 1::bigint as id from range(3)")
    with pytest.raises(PublishError, match="documents: 1 instead of 3"):
        marts.send(entry())


@pytest.mark.parametrize("value", ["'nan'::double", "'inf'::double", "date 'infinity'"])
def test_a_value_no_document_can_hold_is_refused_by_its_column(marts, entry, value):
    marts.write(odd=f"select 1::bigint as id, {value} as v")
    with pytest.raises(PublishError, match="odd: 1 values of v are not a number or infinite"):
        marts.send(entry())


def test_a_text_too_long_for_a_term_is_kept_and_not_counted(marts, cluster, entry):
    marts.write(notes="select 1::bigint as id, repeat('x', 9000) as note")
    marts.send(entry())
    assert len(cluster.search("inventory-notes")["1"]["note"]) == 9000


def test_all_aliases_change_in_one_request(marts, cluster, entry):
    def seen():
        return tuple(len(cluster.search(f"inventory-{n}")) for n in ("orders", "places"))

    marts.write(orders=ORDERS, places=PLACES)
    marts.send(entry())
    marts.write(orders=f"{ORDERS} where i < 10", places=f"{PLACES} where i < 2")
    switches, states = [], []
    cluster.on_switch = lambda: (switches.append(1), states.append(seen()))
    cluster.items = lambda identity: states.append(seen())
    marts.send(entry())
    assert set(states[:-1]) == {(90, 3)}
    assert states[-1] == (10, 2)
    assert len(switches) == 1


def test_a_lost_answer_to_the_switch_is_no_failure(marts, cluster, entry):
    marts.write(orders=ORDERS)
    marts.send(entry())
    marts.write(orders=CHANGED)
    cluster.lost = True
    assert written(marts.send(entry())) == [("orders", 90)]
    assert cluster.search("inventory-orders")["1"]["amount"] == 2.5


def test_old_indexes_and_left_overs_of_killed_publications_are_removed(marts, cluster, entry):
    for factor in (1, 2, 3):
        marts.write(orders=f"select * replace (amount * {factor} as amount) from ({ORDERS})")
        marts.send(entry())
    assert len(cluster.indexes) == 2
    (current,) = (i for i in cluster.indexes.values() if i.aliases)
    cluster.indexes["inventory-orders-99990101t000000000000"] = Index(current.mappings, {})
    marts.send(entry(keep=1))
    assert list(cluster.indexes.values()) == [current]


def test_documents_that_somebody_changed_there_are_written_again(marts, cluster, entry):
    marts.write(orders=ORDERS)
    marts.send(entry())
    cluster.search("inventory-orders").pop("3")
    assert written(marts.send(entry())) == [("orders", 90)]
    assert "3" in cluster.search("inventory-orders")


def test_indexes_of_others_are_neither_touched_nor_overwritten(marts, cluster, entry):
    theirs = Index({"properties": {}}, {}, {"inventory-orders"})
    cluster.indexes["inventory-orders-theirs"] = theirs
    marts.write(orders=ORDERS)
    with pytest.raises(PublishError, match="inventory-orders-theirs, which was not published"):
        marts.send(entry())
    assert cluster.indexes == {"inventory-orders-theirs": theirs}
    theirs.aliases.clear()
    marts.send(entry())
    assert cluster.indexes["inventory-orders-theirs"] is theirs


def test_a_mart_that_is_no_longer_published_keeps_its_index_and_is_told(marts, cluster, entry):
    marts.write(orders=ORDERS, places=PLACES)
    marts.send(entry())
    marts.write(orders=ORDERS)
    assert list(marts.send(entry()).left_over) == ["places"]
    assert len(cluster.search("inventory-places")) == 3


def test_the_password_is_sent_and_never_shown(marts, cluster, entry, monkeypatch):
    monkeypatch.setenv("SEARCH_PASSWORD", "canary sesame")
    cluster.authorization = "Basic " + base64.b64encode(b"loader:canary sesame").decode()
    marts.write(orders=ORDERS)
    marts.send(entry(user="loader@", password_env="SEARCH_PASSWORD"))
    cluster.authorization = "ApiKey canary sesame"
    marts.send(entry(password_env="SEARCH_PASSWORD"))
    cluster.authorization = "Basic another"
    with pytest.raises(PublishError, match="401") as caught:
        marts.send(entry(user="loader@", password_env="SEARCH_PASSWORD"))
    assert "sesame" not in str(caught.value)


def test_a_server_that_is_away_may_be_asked_later(marts):
    marts.write(orders=ORDERS)
    with pytest.raises(DestinationUnavailableError, match="shop: "):
        marts.send(Entry("shop", "opensearch+http://127.0.0.1:1"))


def test_another_machine_is_not_spoken_to_in_the_clear(marts):
    marts.write(orders=ORDERS)
    with pytest.raises(SettingsError, match="is not encrypted"):
        marts.send(Entry("shop", "elasticsearch+http://192.0.2.1:9200"))


def test_many_documents_go_in_batches(marts, cluster, entry):
    marts.write(many="select i::bigint as id, repeat('x', 400) as note from range(4500) as r(i)")
    marts.send(entry())
    assert cluster.bulks() == 3
    assert len(cluster.search("inventory-many")) == 4500
    assert json.dumps(cluster.asked).count("_search") == 1
