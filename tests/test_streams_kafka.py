"""Reading Kafka's protocol from librdkafka's test cluster: offsets are kept with the data."""

import json
import logging
from collections import Counter

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from inventory_platform.errors import LandingError, SettingsError, SourceError
from inventory_platform.landing.lake import Lake
from inventory_platform.sandbox.brokers import KafkaCluster, Sent, publish_kafka
from inventory_platform.sandbox.devices import shop_batch
from inventory_platform.sources.streams import kafka
from inventory_platform.sources.streams.kafka import KafkaReader
from tests.stream_driver import Desk

ACTIVITY = "shop_events.activity"
TOPIC = "shop-activity"


@pytest.fixture
def cluster():
    with KafkaCluster() as started:
        yield started


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path, ACTIVITY)


def event(number: int, **changes: object) -> Sent:
    said = {
        "event_id": f"e{number}",
        "session_id": f"s{number % 7}",
        "event_type": "view",
        "sku": "SKU-00001",
        "channel": "direct",
        "event_time": "2026-09-30T10:00:00.000Z",
    }
    return Sent(TOPIC, f"s{number % 7}", json.dumps(said | changes).encode())


def ids(desk: Desk) -> list[str]:
    return [row[0] for row in desk.current()]


def offsets(resume: str | None) -> int:
    """How many messages a ledger line says are behind it."""
    return sum(json.loads(resume or "{}")["offsets"][TOPIC].values())


def test_each_load_goes_on_where_the_last_one_ended(cluster, desk):
    publish_kafka(cluster.address, [event(n) for n in range(100)])
    first = desk.load(cluster.address)
    publish_kafka(cluster.address, [event(n) for n in range(100, 130)])
    second = desk.load(cluster.address)
    third = desk.load(cluster.address)
    assert [r.rows_read for r in (first, second, third)] == [100, 30, 0]
    assert [offsets(r.resume) for r in (first, second, third)] == [100, 130, 130]
    assert len(ids(desk)) == 130
    assert desk.adds_up()


def test_the_broker_is_told_the_offsets_after_the_load(cluster, desk):
    publish_kafka(cluster.address, [event(n) for n in range(50)])
    record = desk.load(cluster.address, {"group": "watchers"})
    known = json.loads(record.resume or "")["offsets"][TOPIC]
    asking = Consumer({"bootstrap.servers": cluster.servers, "group.id": "watchers"})
    told = asking.committed([TopicPartition(TOPIC, int(p)) for p in known], timeout=5)
    asking.close()
    assert {str(t.partition): t.offset for t in told} == known


def test_what_the_broker_was_told_is_never_believed(cluster, desk):
    publish_kafka(cluster.address, [event(n) for n in range(50)])
    teller = Consumer({"bootstrap.servers": cluster.servers, "group.id": "inventory"})
    found = teller.list_topics(TOPIC, timeout=5).topics[TOPIC].partitions
    ends = [
        TopicPartition(TOPIC, p, teller.get_watermark_offsets(TopicPartition(TOPIC, p))[1])
        for p in found
    ]
    teller.commit(offsets=ends, asynchronous=False)
    teller.close()
    assert desk.load(cluster.address).rows_loaded == 50


def test_a_load_that_fails_is_read_again(cluster, desk, monkeypatch):
    publish_kafka(cluster.address, [event(n) for n in range(20)])

    def full(*_args: object) -> None:
        raise LandingError("The disk is full.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", full)
        with pytest.raises(LandingError, match="full"):
            desk.load(cluster.address)
    assert desk.load(cluster.address).rows_loaded == 20


def test_the_same_reader_reads_again_what_it_could_not_land(cluster, desk, monkeypatch):
    publish_kafka(cluster.address, [event(n) for n in range(25)])
    loader = desk.loader(cluster.address)
    loader.reader.stays_open = True
    assert loader.load(desk.contract).rows_read == 0
    assert loader.reader.gather(TOPIC, 5, 20, lambda: False) == 20
    assert loader.load(desk.contract).rows_loaded == 20
    assert loader.reader.gather(TOPIC, 5, 5, lambda: False) == 5

    def full(*_args: object) -> None:
        raise LandingError("The disk is full.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "commit", full)
        with pytest.raises(LandingError, match="full"):
            loader.load(desk.contract)
    loader.load(desk.contract)
    assert loader.reader.gather(TOPIC, 5, 5, lambda: False) == 5
    assert loader.load(desk.contract).rows_loaded == 5
    loader.reader.close()


def test_a_reader_notices_that_another_one_has_loaded_meanwhile(cluster, desk):
    publish_kafka(cluster.address, [event(n) for n in range(10)])
    slow = desk.loader(cluster.address)
    slow.reader.stays_open = True
    slow.load(desk.contract)
    assert slow.reader.gather(TOPIC, 5, 10, lambda: False) == 10
    assert desk.load(cluster.address).rows_loaded == 10
    assert slow.load(desk.contract).rows_read == 0
    slow.reader.close()


def test_another_cluster_is_read_from_its_beginning_and_the_ledger_says_so(desk, caplog):
    # Side by side: librdkafka names its clusters by where they lie in memory.
    with KafkaCluster() as old, KafkaCluster() as new, caplog.at_level(logging.WARNING):
        publish_kafka(old.address, [event(n) for n in range(30)])
        desk.load(old.address)
        publish_kafka(new.address, [event(n) for n in range(20, 60)])
        record = desk.load(new.address)
        after = desk.load(new.address)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (40, 30, 10)
    assert "is not mockCluster" in json.loads(record.resume or "")["restarted"][0]
    assert "read from its beginning" in caplog.text
    assert (after.rows_read, "restarted" in (after.resume or "")) == (0, False)
    assert len(ids(desk)) == 60


def test_offsets_that_are_gone_are_read_from_the_beginning_and_the_ledger_says_so(cluster, desk):
    publish_kafka(cluster.address, [event(n) for n in range(30)])
    record = desk.load(cluster.address)
    beyond = json.loads(record.resume or "")
    beyond["offsets"][TOPIC]["0"] += 1_000
    path = desk.lake.log_dir(desk.contract) / f"{record.load_id}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"resume": json.dumps(beyond)}))
    again = desk.load(cluster.address)
    in_partition = json.loads(record.resume or "")["offsets"][TOPIC]["0"]
    assert (again.rows_read, again.rows_loaded) == (in_partition, 0)
    said = json.loads(again.resume or "")["restarted"]
    assert said == [f"partition 0 has 0 to {in_partition}, not {in_partition + 1_000}"]


def test_one_load_takes_no_more_than_a_batch(cluster, desk):
    publish_kafka(cluster.address, [event(n) for n in range(250)])
    read = [desk.load(cluster.address, {"batch_messages": 100}).rows_read for _ in range(4)]
    assert read == [100, 100, 50, 0]


def test_the_shops_week_counts_once_however_often_it_is_published(cluster, desk):
    batch = shop_batch()
    publish_kafka(cluster.address, batch.messages)
    record = desk.load(cluster.address)
    # 3,000 events, 15 of them twice, 3 that cannot be used.
    assert (record.rows_read, record.rows_loaded) == (3018, 3000)
    assert (record.rows_deduplicated, record.rows_quarantined) == (15, 3)
    assert Counter(code for code, _ in desk.rejects()) == {"malformed_row": 2, "missing_value": 1}
    publish_kafka(cluster.address, batch.messages)
    again = desk.load(cluster.address)
    assert (again.rows_read, again.rows_deduplicated) == (3018, 3018)


def test_order_events_come_from_their_own_topic(cluster, tmp_path):
    desk = Desk(tmp_path, "shop_events.order_events")
    batch = shop_batch()
    publish_kafka(cluster.address, batch.messages)
    record = desk.load(cluster.address)
    expected = sum(message.topic == "shop-orders" for message in batch.messages)
    assert (record.rows_read, record.rows_loaded) == (expected, expected)


def test_a_message_without_a_payload_is_quarantined(cluster, desk):
    producer = Producer({"bootstrap.servers": cluster.servers})
    producer.produce(TOPIC, None, key="deleted")
    producer.flush()
    publish_kafka(cluster.address, [event(1)])
    record = desk.load(cluster.address)
    assert (record.rows_read, record.rows_loaded, record.rows_quarantined) == (2, 1, 1)


def test_a_row_says_which_partition_and_offset_it_came_from(cluster, desk):
    publish_kafka(cluster.address, [event(n) for n in range(40)])
    desk.load(cluster.address)
    rows = desk.ask(
        "select _origin, count(*), min(_position), max(_position) "
        f"from raw.{desk.contract.relation} group by 1 order by 1"
    )
    assert sum(count for _, count, _, _ in rows) == 40
    assert all(origin.startswith(f"{TOPIC}/") for origin, *_ in rows)
    assert all((low, high) == (0, count - 1) for _, count, low, high in rows)


def test_a_topic_that_does_not_exist_is_named(cluster, tmp_path):
    desk = Desk(tmp_path, "shop_events.order_events")
    with pytest.raises(SourceError, match=r"(?s)Topic 'shop-orders'.*Create the topic"):
        desk.load(cluster.address)


def test_a_cluster_that_is_away_is_named(desk, monkeypatch):
    monkeypatch.setattr(kafka, "_ANSWER_SECONDS", 1.0)
    with pytest.raises(SourceError, match=r"Topic 'shop-activity' cannot be read.*refused"):
        desk.load("kafka://127.0.0.1:1")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"groups": "x"}, "no option 'groups'"),
        ({"security_protocol": "tls"}, "tls"),
        ({"batch_messages": 0}, "'batch_messages' is 0"),
    ],
)
def test_a_wrong_option_is_named(desk, options, said):
    with pytest.raises(SettingsError, match=said):
        desk.load("kafka://127.0.0.1:1", options)


def test_name_and_password_of_the_address_mean_sasl_over_tls():
    chosen = kafka._configuration(
        kafka.parse_address(
            "kafka://%24ConnectionString:Endpoint=sb://hub/;Key=a/b@hub:9093", {"kafka": 9092}
        ),
        kafka._OPTIONS,
    )
    wanted = {
        "bootstrap.servers": "hub:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "$ConnectionString",
        "sasl.password": "Endpoint=sb://hub/;Key=a/b",
    }
    assert {name: chosen[name] for name in wanted} == wanted


def test_a_kafka_source_is_made_without_speaking_to_anybody(monkeypatch):
    monkeypatch.setattr(kafka, "_KafkaConsumer", lambda *_: pytest.fail("the broker was asked"))
    KafkaReader("kafka://nowhere.invalid:9092")


def test_a_cluster_that_is_exchanged_under_a_reader_is_noticed(cluster, desk, monkeypatch):
    monkeypatch.setattr(kafka, "_LOOK_SECONDS", 0.0)
    publish_kafka(cluster.address, [event(1)])
    loader = desk.loader(cluster.address)
    loader.reader.stays_open = True
    loader.load(desk.contract)
    consumer = loader.reader._places[TOPIC].consumer
    consumer._cluster = "another"
    with pytest.raises(SourceError, match="suddenly on another cluster"):
        loader.reader.gather(TOPIC, 1, 1, lambda: False)
    loader.reader.close()
