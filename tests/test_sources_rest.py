"""The declarative REST source: every way of paging, against servers that get it wrong."""

import json
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlencode

import pytest

from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.sources import http
from inventory_platform.sources.base import Checkpoint, Page
from inventory_platform.sources.http import HttpStatusError
from inventory_platform.sources.rest import RestFetcher
from tests.misbehaving import answer, document, in_turn, misbehaving

RECORDS = [{"id": n, "name": f"thing {n}"} for n in range(10)]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Retries follow at once."""
    monkeypatch.setattr(http, "_FAILURE_WAIT_SECONDS", 0.0)


def fetcher(server, **options):
    """A fetcher with one fetch, `things`, unless more are given."""
    entry = {n: options.pop(n) for n in list(options) if n in {"auth", "headers", "limits"}}
    fetches = options.pop("fetch", {})
    if options:
        fetches = {"things": {"path": "/things", **options}, **fetches}
    return RestFetcher(f"rest+{server.url}/v1/", {**entry, "fetch": fetches})


def fetch(server, name="things", resume=None, **options):
    """What one fetch yields: the records of all pages, and the checkpoint."""
    items = list(fetcher(server, **options).fetch(name, resume))
    *pages, checkpoint = items
    assert isinstance(checkpoint, Checkpoint)
    assert all(isinstance(page, Page) and page.stream == name for page in pages)
    return [records(page.body) for page in pages], checkpoint


def records(body):
    content = json.loads(body)
    return content if isinstance(content, list) else content["data"]


def ids(pages):
    return [record["id"] for page in pages for record in page]


def slices(rows, *, most=4, wrap=None):
    """A server that pages a list by offset or number, in a page size of its own."""

    def behave(request, number):
        asked = request.params
        start = int(asked["offset"]) if "offset" in asked else (int(asked["page"]) - 1) * most
        found = rows[start : start + most]
        return document(found if wrap is None else {"data": found, **wrap})

    return behave


PAGE = {"kind": "page"}
OFFSET = {"kind": "offset"}


# -- walking -----------------------------------------------------------------------------------


def test_a_single_answer_is_one_page_and_one_checkpoint():
    with misbehaving(in_turn(document(RECORDS))) as server:
        items = list(fetcher(server, params={"all": True}).fetch("things", None))
    assert items == [
        Page("things", "GET /v1/things?all=true", json.dumps(RECORDS)),
        Checkpoint(""),
    ]


def test_a_single_answer_may_be_anything_unless_records_are_declared():
    with misbehaving(in_turn(document({"name": "North"}))) as server:
        page, _ = fetcher(server, params={}).fetch("things", None)
        assert page.body == '{"name": "North"}'
        with pytest.raises(SourceError, match="without a list at 'data'"):
            fetch(server, records="data")


@pytest.mark.parametrize("pagination", [PAGE, OFFSET])
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 10])
@pytest.mark.parametrize("says_total", [True, False])
def test_numbered_pages_are_read_to_the_end(pagination, count, says_total):
    """Also when the last page is full, or the first one is not."""
    options = {"records": "data", "total": "total"} if says_total else {"records": "data"}
    behave = slices(RECORDS[:count], wrap={"total": count})
    with misbehaving(behave) as server:
        pages, _ = fetch(server, pagination=pagination, **options)
        assert ids(pages) == list(range(count))
        if says_total:
            assert len(server.asked) == max(1, -(-count // 4)), "nothing is asked in vain"
    assert len(pages) == max(1, -(-count // 4))


@pytest.mark.parametrize("pagination", [PAGE, OFFSET])
def test_a_server_that_ignores_the_page_size_is_read_whole(pagination):
    asked = {**pagination, "size_parameter": "limit", "size": 100}
    with misbehaving(slices(RECORDS, most=3)) as server:
        pages, _ = fetch(server, pagination=asked)
        assert server.asked[0].params["limit"] == "100"
    assert ids(pages) == list(range(10))


@pytest.mark.parametrize("pagination", [PAGE, {**OFFSET, "overlap": 1}])
def test_a_server_that_ignores_the_page_is_noticed(pagination):
    with (
        misbehaving(in_turn(document(RECORDS))) as server,
        pytest.raises(SourceError, match="is the page before once more"),
    ):
        fetch(server, pagination=pagination)


def test_several_numbered_pages_are_asked_for_at_once_and_come_in_order():
    together = threading.Barrier(4)

    def behave(request, number):
        if number > 1:
            together.wait(5)
        return slices(RECORDS, most=2, wrap={"total": 10})(request, number)

    with misbehaving(behave) as server:
        pages, _ = fetch(server, pagination=PAGE, records="data", total="total")
    assert ids(pages) == list(range(10))


def test_pages_may_count_from_zero():
    def behave(request, number):
        start = int(request.params["p"]) * 4
        return document(RECORDS[start : start + 4])

    with misbehaving(behave) as server:
        pages, _ = fetch(server, pagination={"kind": "page", "parameter": "p", "first": 0})
    assert ids(pages) == list(range(10))


def cursors(chain):
    """Answers by cursor: cursor → (records, next cursor)."""

    def behave(request, number):
        found, following = chain[request.params.get("cursor", "")]
        return document({"data": found, "meta": {"next": following}})

    return behave


CURSOR = {"kind": "cursor", "next": "meta.next", "size_parameter": "limit", "size": 4}


@pytest.mark.parametrize("end", [None, "", False])
def test_cursors_are_followed_to_the_end(end):
    chain = {
        "": (RECORDS[:4], "a/b="),
        "a/b=": (RECORDS[4:8], 7),
        "7": ([], "x"),
        "x": (RECORDS[8:], end),
    }
    with misbehaving(cursors(chain)) as server:
        pages, _ = fetch(server, pagination=CURSOR, records="data", params={"q": "1"})
    assert ids(pages) == list(range(10))
    assert [request.params for request in server.asked] == [
        {"q": "1", "limit": "4", **cursor}
        for cursor in ({}, {"cursor": "a/b="}, {"cursor": "7"}, {"cursor": "x"})
    ]
    assert len(pages) == 3, "a page without records is not kept"


def test_cursors_that_go_round_in_circles_are_noticed():
    chain = {"": (RECORDS[:4], "a"), "a": (RECORDS[4:8], "b"), "b": (RECORDS[8:], "a")}
    with (
        misbehaving(cursors(chain)) as server,
        pytest.raises(SourceError, match="leads back to a page that was read before"),
    ):
        fetch(server, pagination=CURSOR, records="data")
    assert len(server.asked) == 3


def linked(server_side):
    """Three pages, each with a link that `server_side` makes from the number of the next."""

    def behave(request, number):
        place = int(request.params.get("at", 0))
        link = server_side(place + 4) if place + 4 < len(RECORDS) else None
        found = RECORDS[place : place + 4]
        if request.path.endswith("/things"):
            headers = {"Link": f'<{link}>; rel="next", </>; rel="first"'} if link else {}
            return document(found, headers)
        return document({"data": found, "links": {"next": link}})

    return behave


LINKS = {
    "header": {"path": "things", "pagination": {"kind": "link_header"}},
    "body": {
        "path": "in-body", "records": "data",
        "pagination": {"kind": "link", "next": "links.next"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    "said",
    ['rel="next last"', 'rel="Next"', "rel=NEXT", 'Rel="next"', 'title="x"; rel="last next"'],
)
def test_the_next_page_is_found_however_its_link_is_written(said):
    def behave(request, number):
        place = int(request.params.get("at", 0))
        link = {"Link": f'</>; rel="first nextish", <?at={place + 1}>; {said}'}
        return document([{"id": place}], link if place < 2 else {})

    with misbehaving(behave) as server:
        pages, _ = fetch(server, **LINKS["header"])
    assert ids(pages) == [0, 1, 2]


@pytest.mark.parametrize("where", LINKS)
def test_links_are_followed_as_they_are(where):
    behave = linked(lambda place: f"?{urlencode({'at': place, 'sig': 'a b'})}")
    with misbehaving(behave) as server:
        pages, _ = fetch(server, **LINKS[where])
    assert ids(pages) == list(range(10))
    assert server.asked[1].target.endswith("?at=4&sig=a+b"), "a signed address stays as it is"


@pytest.mark.parametrize("where", LINKS)
@pytest.mark.parametrize("target", ["http://127.0.0.1:9/?at={}", "http://evil.example/?at={}"])
def test_a_link_to_another_host_is_refused(where, target):
    with (
        misbehaving(linked(target.format)) as server,
        pytest.raises(SourceError, match="not one of the source's hosts"),
    ):
        fetch(server, **LINKS[where])


@pytest.mark.parametrize("where", LINKS)
def test_a_link_that_is_no_address_is_refused(where):
    with (
        misbehaving(linked(lambda _: "http://127.0.0.1:port/")) as server,
        pytest.raises(SourceError, match="the link to the next page is no address"),
    ):
        fetch(server, **LINKS[where])


@pytest.mark.parametrize("where", LINKS)
def test_links_that_go_round_in_circles_are_noticed(where):
    with (
        misbehaving(linked(lambda _: "?at=0")) as server,
        pytest.raises(SourceError, match="leads back"),
    ):
        fetch(server, **LINKS[where])
    assert len(server.asked) <= 3


# -- lists that change while they are read (64) ------------------------------------------------


class Moving:
    """A list by offset that changes before the n-th request."""

    def __init__(self, changes, most=4):
        self.rows = [{"id": n} for n in range(20)]
        self.changes = changes
        self.most = most
        self.lock = threading.Lock()

    def __call__(self, request, number):
        with self.lock:
            self.changes.pop(number, lambda rows: None)(self.rows)
            start = int(request.params.get("offset", 0)) + self.most * (
                int(request.params.get("page", 1)) - 1
            )
            found = self.rows[start : start + self.most]
            return document({"data": found, "total": len(self.rows)})


def removed(count):
    return lambda rows: rows.__delitem__(slice(count))


def inserted(count):
    return lambda rows: rows.__setitem__(slice(0, 0), [{"id": -n} for n in range(1, count + 1)])


LISTED = {"records": "data", "total": "total"}
OVERLAPPING = {"records": "data", "pagination": {**OFFSET, "overlap": 3}}


@pytest.mark.parametrize("change", [removed(1), removed(2), inserted(1), inserted(2)])
@pytest.mark.parametrize("says_total", [True, False])
def test_pages_that_overlap_miss_nothing_when_records_move(change, says_total):
    options = {**OVERLAPPING, "total": "total"} if says_total else OVERLAPPING
    with misbehaving(Moving({2: change}, most=6)) as server:
        pages, _ = fetch(server, **options)
    assert set(range(20)) <= set(ids(pages))


def test_pages_that_overlap_are_not_asked_for_in_vain():
    behave = slices(RECORDS, wrap={"total": 10})
    with misbehaving(behave) as server:
        pages, _ = fetch(server, pagination={**OFFSET, "overlap": 1}, **LISTED)
        assert sorted(int(r.params["offset"]) for r in server.asked) == [0, 3, 6]
    assert ids(pages) == [0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9]


@pytest.mark.parametrize("change", [removed(3), removed(20), inserted(4), inserted(8)])
def test_pages_that_no_longer_overlap_are_refused(change):
    with (
        misbehaving(Moving({2: change}, most=6)) as server,
        pytest.raises(SourceError, match=r"once more|does not follow|records came"),
    ):
        fetch(server, **OVERLAPPING)


@pytest.mark.parametrize("pagination", [PAGE, OFFSET])
def test_a_list_that_shrinks_while_it_is_read_is_refused(pagination):
    with (
        misbehaving(Moving({2: removed(1)})) as server,
        pytest.raises(SourceError, match="shrank from 20 to 19"),
    ):
        fetch(server, pagination=pagination, **LISTED)


def test_a_list_that_grows_at_its_end_is_read_to_its_new_end():
    with misbehaving(Moving({3: lambda rows: rows.extend([{"id": 20}, {"id": 21}])})) as server:
        pages, _ = fetch(server, pagination=OFFSET, **LISTED)
    assert ids(pages) == list(range(22))


def test_a_list_that_is_shorter_than_the_server_says_is_refused():
    with (
        misbehaving(slices(RECORDS, wrap={"total": "12"})) as server,
        pytest.raises(SourceError, match="10 records came, and there are 12"),
    ):
        fetch(server, pagination=PAGE, **LISTED)


def test_a_cursor_that_ends_too_soon_is_noticed():
    with (
        misbehaving(in_turn(document({"data": RECORDS, "total": 11}))) as server,
        pytest.raises(SourceError, match="10 records came, and there are 11"),
    ):
        fetch(server, pagination=CURSOR, **LISTED)


def test_more_records_than_the_server_says_are_kept_with_a_warning(caplog):
    with misbehaving(in_turn(document({"data": RECORDS, "total": 9}))) as server:
        pages, _ = fetch(server, pagination=CURSOR, **LISTED)
    assert ids(pages) == list(range(10))
    assert "more records came than the 9 there are" in caplog.text


def test_a_hole_between_pages_is_refused():
    def behave(request, number):
        place = int(request.params["page"])
        return document([] if place == 2 else [{"id": place}])

    with misbehaving(behave) as server, pytest.raises(SourceError, match="does not follow"):
        fetch(server, pagination=PAGE)


@pytest.mark.parametrize("pagination", [PAGE, OFFSET])
def test_a_record_that_leaves_is_noticed_although_another_comes_later(pagination):
    totals = {"1": 12, "2": 11, "3": 12, "0": 12, "4": 11, "8": 12}

    def behave(request, number):
        (place,) = (request.params[n] for n in ("page", "offset") if n in request.params)
        start = int(place) if pagination is OFFSET else 4 * int(place) - 4
        found = [{"id": n} for n in range(start, start + 4)]
        return document({"data": found, "total": totals[place]})

    with (
        misbehaving(behave) as server,
        pytest.raises(SourceError, match="shrank from 12 to 11") as raised,
    ):
        fetch(server, pagination=pagination, **LISTED)
    assert raised.value.is_transient


@pytest.mark.parametrize("says_total", [True, False])
def test_a_page_by_offset_that_is_cut_short_is_named(says_total):
    def behave(request, number):
        start = int(request.params["offset"])
        found = [{"id": n} for n in range(20)][start : start + (3 if start == 5 else 5)]
        return document({"data": found, "total": 20})

    options = LISTED if says_total else {"records": "data"}
    with (
        misbehaving(behave) as server,
        pytest.raises(SourceError, match=r"offset=5: brought 3 records instead of 5") as raised,
    ):
        fetch(server, pagination=OFFSET, **options)
    assert raised.value.is_transient


# -- answers that are none (59, 61 to 63) ------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        answer(200, "<html>Busy</html>", {"Content-Type": "text/html"}),
        answer(200, '{"data": [{"id": 1}, {"i'),
        answer(200, ""),
        answer(200, '{"error": "busy"}'),
        answer(200, '{"data": null}'),
        answer(200, '{"data": [NaN]}'),
        answer(200, '{"data": [], "total": "many"}'),
        answer(204),
        answer(304),
        answer(500),
    ],
    ids=["html", "cut JSON", "nothing", "error", "no list", "NaN", "no total", "204", "304", "500"],
)
@pytest.mark.parametrize("nth", [1, 2])
def test_a_wrong_answer_is_asked_for_again_and_never_taken_for_no_data(wrong, nth):
    def behave(request, number):
        return wrong if number == nth else slices(RECORDS, wrap={"total": 10})(request, number)

    with misbehaving(behave) as server:
        pages, _ = fetch(server, pagination=PAGE, **LISTED)
    assert ids(pages) == list(range(10))
    assert len(server.asked) == 4


def test_a_wrong_answer_that_stays_ends_the_fetch_without_a_checkpoint():
    html = answer(200, "<html>", {"Content-Type": "text/html"})

    def behave(request, number):
        return html if request.params["page"] == "3" else slices(RECORDS)(request, number)

    with misbehaving(behave) as server:
        got = []
        with pytest.raises(SourceError, match=r"text/html that is not JSON .*, 3 times in a row"):
            got.extend(
                fetcher(server, pagination=PAGE, limits={"attempts": 3}).fetch("things", None)
            )
        assert not [item for item in got if isinstance(item, Checkpoint)]


@pytest.mark.parametrize("status", [403, 404])
def test_what_is_refused_ends_one_fetch_and_no_other(status):
    def behave(request, number):
        if request.path == "/v1/secret":
            return answer(status, "not for you")
        return document(RECORDS)

    with misbehaving(behave) as server:
        source = fetcher(server, fetch={"secret": {"path": "secret"}, "open": {"path": "open"}})
        with pytest.raises(HttpStatusError, match=str(status)):
            list(source.fetch("secret", None))
        page, _ = source.fetch("open", None)
    assert records(page.body) == RECORDS


# -- who we are --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "header", "sent"),
    [
        ({"kind": "header", "name": "X-Key", "value": "k1"}, "x-key", "k1"),
        ({"kind": "bearer", "token": "t1"}, "authorization", "Bearer t1"),
        (
            {"kind": "basic", "username": "u", "password": "pä:"},
            "authorization",
            "Basic dTpww6Q6",
        ),
    ],
)
def test_each_request_says_who_asks(auth, header, sent):
    with misbehaving(slices(RECORDS)) as server:
        fetch(server, pagination=PAGE, auth=auth, headers={"Accept": "application/x"})
        assert {request.headers[header] for request in server.asked} == {sent}
        assert {request.headers["accept"] for request in server.asked} == {"application/x"}


OAUTH = {
    "kind": "oauth2_client_credentials", "token_url": "/oauth/token", "client_id": "till:1",
    "client_secret": "s&cret", "scope": "read",
}  # fmt: skip


class Guarded:
    """Pages for whoever has the newest token; a new one for each who asks."""

    def __init__(self, chain, revoke_before=(), lifetime=3600):
        self.pages = cursors(chain)
        self.revoke_before = set(revoke_before)
        self.lifetime = lifetime
        self.given = 0
        self.tokens = []

    def __call__(self, request, number):
        if request.path == "/oauth/token":
            self.given += 1
            self.tokens.append(request)
            return document({"access_token": f"tok-{self.given}", "expires_in": self.lifetime})
        if number in self.revoke_before:
            return answer(401, "expired")
        assert request.headers["authorization"] == f"Bearer tok-{self.given}"
        return self.pages(request, number)


CHAIN = {"": (RECORDS[:4], "a"), "a": (RECORDS[4:8], "b"), "b": (RECORDS[8:], None)}


def test_a_token_is_got_once_and_used_for_all_pages():
    behave = Guarded(CHAIN)
    with misbehaving(behave) as server:
        pages, _ = fetch(server, pagination=CURSOR, records="data", auth=OAUTH)
    assert ids(pages) == list(range(10))
    (token,) = behave.tokens
    assert token.body == "grant_type=client_credentials&scope=read"
    assert token.headers["authorization"] == "Basic dGlsbCUzQTE6cyUyNmNyZXQ="


def test_a_token_refused_between_pages_is_renewed_and_the_same_page_asked_for():
    behave = Guarded(CHAIN, revoke_before={3})
    with misbehaving(behave) as server:
        pages, _ = fetch(server, pagination=CURSOR, records="data", auth=OAUTH)
    assert ids(pages) == list(range(10))
    asked = [request.params.get("cursor") for request in server.asked if "things" in request.path]
    assert asked == [None, "a", "a", "b"]
    assert behave.given == 2


def test_a_token_that_is_about_to_expire_is_renewed_before_it_is_refused():
    behave = Guarded(CHAIN, lifetime=10)
    with misbehaving(behave) as server:
        fetch(server, pagination=CURSOR, records="data", auth=OAUTH)
    assert behave.given == 3


@pytest.mark.parametrize("said", [document({"error": "x"}), document([]), document("s")])
def test_a_token_server_without_a_token_is_a_clear_error(said):
    with misbehaving(in_turn(said)) as server, pytest.raises(SourceError, match="no access_token"):
        fetch(server, params={}, auth=OAUTH)


def test_no_page_and_no_message_holds_a_secret():
    auth = {"kind": "header", "name": "X-Key", "value": "hush/hush"}
    chain = {"": (RECORDS, "hush/hush"), "hush/hush": ([{"id": 10}], None)}

    def behave(request, number):
        if request.path == "/v1/closed":
            return answer(400, f"bad key {request.headers['x-key']}")
        return cursors(chain)(request, number)

    with misbehaving(behave) as server:
        things = {"path": "things", "records": "data", "pagination": CURSOR}
        params = {"api_key": "key1", "X-Signature": "sig1", "page_token": "p", "monkey": "m"}
        source = fetcher(
            server, auth=auth,
            fetch={"things": {**things, "params": params}, "closed": {"path": "closed"}},
        )  # fmt: skip
        first, second, _ = source.fetch("things", None)
        with pytest.raises(SourceError) as raised:
            list(source.fetch("closed", None))
    assert first.request == (
        "GET /v1/things?api_key=***&X-Signature=***&page_token=p&monkey=m&limit=4"
    )
    assert second.request.endswith("&cursor=***")
    assert "hush" not in str(raised.value)
    assert "bad key ***" in str(raised.value)


@pytest.mark.parametrize(
    "name",
    [
        "private_token", "auth_token", "apitoken", "api-token",
        "Ocp-Apim-Subscription-Key", "subscription-key", "X-Amz-Security-Token",
    ],
)  # fmt: skip
def test_a_parameter_that_is_called_like_a_secret_is_not_kept(name):
    with misbehaving(in_turn(document([]))) as server:
        page, _ = fetcher(server, params={"a": 1, name: "hush"}).fetch("things", None)
    assert page.request == f"GET /v1/things?a=1&{name}=***"


# -- since when (67, 68) -----------------------------------------------------------------------

SINCE = {"parameter": "since"}


def asked_since(server, **options):
    fetch(server, **options)
    return server.asked[-1].params.get("since")


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("iso", "2026-03-01T11:30:05Z"),
        ("date", "2026-03-01"),
        ("epoch", "1772364605"),
        ("epoch_ms", "1772364605000"),
        ("%d/%m/%Y %H:%M", "01/03/2026 11:30"),
    ],
)
def test_the_instant_is_written_as_the_api_wants_it(kind, written):
    start = "2026-03-01T12:30:05+01:00"
    with misbehaving(in_turn(document([]))) as server:
        assert asked_since(server, incremental={**SINCE, "format": kind, "start": start}) == written


def test_the_first_fetch_asks_for_everything_or_from_the_start_on():
    with misbehaving(in_turn(document([]))) as server:
        assert asked_since(server, incremental=SINCE) is None
        assert asked_since(server, incremental=SINCE, resume="") is None
        start = {**SINCE, "start": datetime(2024, 10, 1)}  # noqa: DTZ001  As TOML gives it.
        assert asked_since(server, incremental=start) == "2024-10-01T00:00:00Z"


def test_the_next_fetch_goes_on_where_this_one_started_less_an_overlap():
    with misbehaving(in_turn(document([]))) as server:
        earliest = datetime.now(UTC)
        _, checkpoint = fetch(server, incremental=SINCE)
        latest = datetime.now(UTC)
        resumed = datetime.fromisoformat(checkpoint.resume)
        overlap = timedelta(minutes=10)
        assert earliest - overlap <= resumed <= latest - overlap
        since = asked_since(server, incremental=SINCE, resume=checkpoint.resume)
        assert since == resumed.strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize("ahead", [timedelta(hours=-2), timedelta(hours=2)])
def test_of_two_clocks_the_earlier_counts(ahead):
    """So that neither a slow server nor a fast one hides a change."""
    now = datetime.now(UTC)
    date = format_datetime(now + ahead, usegmt=True)
    with misbehaving(in_turn(document([], {"Date": date}))) as server:
        incremental = {**SINCE, "overlap_minutes": 5}
        _, checkpoint = fetch(server, incremental=incremental)
    expected = now + min(ahead, timedelta(0)) - timedelta(minutes=5)
    assert abs(datetime.fromisoformat(checkpoint.resume) - expected) < timedelta(seconds=5)


@pytest.mark.parametrize("date", ["yesterday", "Fri, 31 Dec 9999 23:59:59 -2300", ""])
def test_a_server_without_a_usable_clock_leaves_ours(date):
    with misbehaving(in_turn(document([], {"Date": date}))) as server:
        _, checkpoint = fetch(server, incremental=SINCE)
    expected = datetime.now(UTC) - timedelta(minutes=10)
    assert abs(datetime.fromisoformat(checkpoint.resume) - expected) < timedelta(seconds=5)


def test_a_change_that_shows_late_is_met_by_the_next_fetch():
    """A list that is only eventually consistent: the row is stamped before it can be seen."""
    late = {"id": 1, "changed": datetime.now(UTC).isoformat()}
    shown = []

    def behave(request, number):
        since = request.params.get("since", "")
        return document([row for row in shown if row["changed"] >= since])

    with misbehaving(behave) as server:
        pages, checkpoint = fetch(server, incremental=SINCE)
        assert ids(pages) == []
        shown.append(late)
        pages, _ = fetch(server, incremental=SINCE, resume=checkpoint.resume)
    assert ids(pages) == [1]


# -- the entry ---------------------------------------------------------------------------------


def test_what_can_be_fetched_is_known_without_asking():
    source = RestFetcher(
        "rest+http://{sandbox_till}/v1",
        {
            "auth": {"kind": "bearer", "token": "${TILL_TOKEN}"},
            "fetch": {"a": {"path": "a", "description": "All a."}, "b": {"path": "/b"}},
        },
    )
    assert {n: (f.streams, f.description) for n, f in source.fetches().items()} == {
        "a": (("a",), "All a."),
        "b": (("b",), "GET /b"),
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({}, "fetch: Field required"),
        ({"fetch": {}}, "fetch: "),
        ({"fetch": {"a": {}}}, "fetch.a.path"),
        ({"fetch": {"a": {"path": "a", "pgination": {}}}}, "fetch.a.pgination"),
        ({"fetch": {"a": {"path": "a"}}, "rate": 1}, "rate"),
        ({"fetch": {"a": {"path": "a", "pagination": {"kind": "x"}}}}, "fetch.a.pagination"),
        (
            {"fetch": {"a": {"path": "a", "pagination": {"kind": "page", "overlap": 1}}}},
            "fetch.a.pagination.page.overlap",
        ),
        ({"fetch": {"a": {"path": "a"}}, "limits": {"tries": 1}}, "limits.tries"),
        (
            {"fetch": {"a": {"path": "a", "incremental": {"parameter": "s", "format": "?"}}}},
            "fetch.a.incremental.format",
        ),
        (
            {"fetch": {"a": {"path": "a"}}, "auth": {"kind": "bearer", "tok": "hush"}},
            "auth.bearer.tok",
        ),
        (
            {"fetch": {"a": {"path": "a"}}, "auth": {"kind": "bearer", "token": ""}},
            "auth.bearer.token",
        ),
        (
            {"fetch": {"a": {"path": "a"}}, "auth": {"kind": "bearer", "token": "hush\n"}},
            "auth.bearer.token",
        ),
    ],
)
def test_a_wrong_entry_is_named_and_its_values_are_not_shown(options, named):
    with pytest.raises(SettingsError) as raised:
        RestFetcher("rest+https://api.shop.example/v1", options)
    assert named in str(raised.value)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        "rest+ftp://x/",
        "rest+https:///v1",
        "rest+https://u:p@x/",
        "https://x:port/",
        "rest+https://x/?k=hush",
    ],
)
def test_a_wrong_address_is_refused(address):
    source = RestFetcher(address, {"fetch": {"a": {"path": "a"}}})
    with pytest.raises(SettingsError, match="not of the form") as raised:
        list(source.fetch("a", None))
    assert "hush" not in str(raised.value)


def test_the_rate_and_the_limits_of_an_entry_hold(monkeypatch):
    made = {}
    original = http.HttpClient.__init__

    def watched(self, hosts, **options):
        made.update(options, hosts=hosts)
        original(self, hosts, **options)

    monkeypatch.setattr(http.HttpClient, "__init__", watched)
    with misbehaving(in_turn(document([]))) as server:
        source = RestFetcher(
            f"rest+{server.url}",
            {
                "rate_per_minute": 90,
                "limits": {"max_bytes": 10, "read_seconds": 1.5},
                "fetch": {"a": {"path": "a"}},
            },
        )
        list(source.fetch("a", None))
        assert made["hosts"] == [server.url]
    assert (made["default_per_minute"], made["limits"].max_bytes) == (90, 10)
    assert (made["limits"].read_seconds, made["limits"].attempts) == (1.5, 6)
