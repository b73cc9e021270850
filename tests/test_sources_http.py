"""The HTTP client against servers that are down, slow, broken, hostile or strict."""

import gzip
import logging
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from inventory_platform.errors import SourceError
from inventory_platform.sources.http import HttpClient, HttpLimits, HttpStatusError
from tests.misbehaving import answer, document, endless, head, in_turn, misbehaving

QUICK = HttpLimits(connect_seconds=1, read_seconds=0.3, total_seconds=0.6, attempts=2)


class Hand:
    """A clock that moves only by waiting."""

    def __init__(self):
        self.now = 1000.0
        self.waits = []
        self.lock = threading.Lock()

    def sleep(self, seconds):
        with self.lock:
            self.waits.append(seconds)
            self.now += seconds

    def clock(self):
        return self.now


@pytest.fixture
def hand():
    return Hand()


@pytest.fixture
def ask(hand):
    """Ask a server once, without waiting for real."""

    def asked(server, path="/", *, hosts=None, method="GET", options=None, **arguments):
        with HttpClient(
            hosts or [server.host],
            user_agent="test",
            **{"sleep": hand.sleep, "clock": hand.clock, **(options or {})},
        ) as client:
            url = path if "://" in path else server.url + path
            return client.request(method, url, **arguments)

    return asked


def test_an_answer_comes_with_its_status_headers_text_and_address(ask):
    with misbehaving(in_turn(answer(201, '"é"', {"X-Page": "7"}))) as server:
        response = ask(server, "/a", params={"b": "c d"})
    assert (response.status, response.text, response.headers["x-page"]) == (201, '"é"', "7")
    assert response.url == f"{server.url}/a?b=c+d"
    assert server.asked[0].headers["user-agent"] == "test"


def test_json_and_forms_are_sent_as_such(ask):
    with misbehaving(in_turn(answer())) as server:
        ask(server, method="POST", json={"n": 1})
        ask(server, method="POST", form={"a b": "&"}, headers={"X-One": "1"})
    first, second = server.asked
    assert (first.headers["content-type"], first.body) == ("application/json", '{"n":1}')
    assert second.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (second.body, second.headers["x-one"]) == ("a+b=%26", "1")


def test_a_304_is_an_answer(ask):
    with misbehaving(in_turn([head(304, {})])) as server:
        assert ask(server, headers={"If-None-Match": "x"}).status == 304


def test_a_304_that_nobody_asked_for_is_asked_again(ask, hand):
    with misbehaving(in_turn([head(304, {})], answer(200, "1"))) as server:
        assert ask(server).text == "1"
    assert len(hand.waits) == 1


# -- too much, too fast (58) -------------------------------------------------------------------


def test_retry_after_in_seconds_is_waited_for(ask, hand):
    with misbehaving(in_turn(answer(429, "", {"Retry-After": "17"}), answer(200, "1"))) as server:
        assert ask(server).text == "1"
    assert hand.waits == [17]


def test_retry_after_as_a_date_is_counted_from_the_servers_own_clock(ask, hand):
    wrong = datetime(2031, 5, 1, 12, 0, 0, tzinfo=UTC)
    headers = {
        "Date": format_datetime(wrong, usegmt=True),
        "Retry-After": format_datetime(wrong + timedelta(seconds=42), usegmt=True),
    }
    with misbehaving(in_turn(answer(503, "", headers), answer(200, "1"))) as server:
        ask(server)
    assert hand.waits == [42]


def test_a_date_that_has_passed_is_not_waited_for(ask, hand):
    headers = {"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT"}
    with misbehaving(in_turn(answer(503, "", headers), answer())) as server:
        ask(server)
    assert hand.waits == [0]


@pytest.mark.parametrize("useless", ["soon", "-5", "Thu, 01 Foo 2026", "1e400"])
def test_a_useless_retry_after_is_as_good_as_none(ask, hand, useless):
    with misbehaving(in_turn(answer(429, "", {"Retry-After": useless}), answer())) as server:
        ask(server)
    assert len(hand.waits) == 1
    assert 5 <= hand.waits[0] <= 6.25


def test_without_retry_after_the_waits_grow_to_a_limit_and_outlast_a_minute(ask, hand):
    with misbehaving(in_turn(answer(429))) as server, pytest.raises(SourceError, match="6 times"):
        ask(server)
    for wait, shortest in zip(hand.waits, [5, 10, 20, 30, 30], strict=True):
        assert shortest <= wait <= 1.25 * shortest
    assert len(set(hand.waits[3:])) > 1, "several clients would come back together"
    assert sum(hand.waits) > 60, "a quota of a minute would never be waited for"


def test_waiting_has_a_budget(ask, hand):
    with (
        misbehaving(in_turn(answer(429, "", {"Retry-After": "100"}))) as server,
        pytest.raises(SourceError, match=r"after waiting 100 s it would take another 100 s"),
    ):
        ask(server)
    assert (hand.waits, len(server.asked)) == ([100], 2)


def test_a_hold_longer_than_the_budget_fails_the_next_request_at_once_until_it_is_over(hand):
    told = answer(429, "", {"Retry-After": "999999999"})
    with (
        misbehaving(in_turn(told, answer(200, "1"))) as server,
        HttpClient([server.host], user_agent="test", sleep=hand.sleep, clock=hand.clock) as client,
    ):
        with pytest.raises(SourceError, match="would take another 999999999 s"):
            client.request("GET", server.url)
        with pytest.raises(SourceError, match="wants no request for another 999999999 s") as caught:
            client.request("GET", server.url)
        assert caught.value.is_transient
        assert (hand.waits, len(server.asked)) == ([], 1)
        hand.now += 999_999_999
        assert client.request("GET", server.url).text == "1"


@pytest.mark.parametrize(("status", "least"), [(429, 60), (503, 7)])
def test_a_server_that_says_at_once_again_and_again_is_believed_once(ask, hand, status, least):
    with (
        misbehaving(in_turn(answer(status, "", {"Retry-After": "0"}))) as server,
        pytest.raises(SourceError, match="6 times"),
    ):
        ask(server)
    assert hand.waits[0] == 0
    assert sorted(hand.waits[1:4]) == hand.waits[1:4]
    assert sum(hand.waits) > least


def test_a_quota_told_in_words_is_waited_for(ask, hand):
    def used_up(status, body):
        return status == 400 and "quota exceeded" in body

    said = answer(400, '{"Message": "API calls quota exceeded!"}')
    with misbehaving(in_turn(said, answer(200, "1"))) as server:
        assert ask(server, options={"retry_body": used_up}).text == "1"
    assert len(hand.waits) == 1


def test_a_quota_in_an_answer_that_is_complained_about_is_waited_for(ask, hand):
    said = answer(200, "quota exceeded", {"Retry-After": "40"})

    options = {"retry_body": lambda _, body: "quota" in body}
    with misbehaving(in_turn(said, answer(200, "1"))) as server:
        found = ask(
            server, options=options, complaint=lambda r: None if r.text == "1" else "no number"
        )
    assert found.text == "1"
    assert hand.waits == [40]


def test_no_minute_holds_more_requests_than_the_quota_admits(hand):
    sent = []

    def behave(request, number):
        sent.append((request.path, hand.now))
        return answer()

    with (
        misbehaving(behave) as server,
        HttpClient(
            [server.host], user_agent="t", per_minute={"orders": 3}, default_per_minute=100,
            sleep=hand.sleep, clock=hand.clock,
        ) as client,
    ):  # fmt: skip
        for _ in range(7):
            client.request("GET", f"{server.url}/orders", quota="orders")
            client.request("GET", f"{server.url}/stock", quota="stock")
    orders = [moment for path, moment in sent if path == "/orders"]
    assert orders == [1000, 1000, 1000, 1061, 1061, 1061, 1122]
    assert hand.waits == [61, 61], "another quota does not wait"


def test_threads_share_a_quota():
    waits = []
    with (
        misbehaving(in_turn(answer())) as server,
        HttpClient(
            [server.host], user_agent="t", default_per_minute=5,
            sleep=waits.append, clock=lambda: 0.0,
        ) as client,
        ThreadPoolExecutor(4) as threads,
    ):  # fmt: skip
        list(threads.map(lambda _: client.request("GET", server.url), range(12)))
    assert sorted(waits) == [61] * 5 + [122] * 2


def test_after_a_429_no_thread_asks_until_the_server_is_ready(hand):
    with (
        misbehaving(in_turn(answer(429, "", {"Retry-After": "9"}), answer())) as server,
        HttpClient(
            [server.host], user_agent="t", limits=HttpLimits(attempts=1),
            sleep=hand.sleep, clock=hand.clock,
        ) as client,
    ):  # fmt: skip
        with pytest.raises(SourceError):
            client.request("GET", server.url)
        client.request("GET", server.url)
    assert hand.waits == [9]


# -- broken servers (59 to 61) -----------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_failing_server_is_asked_again_and_then_given_up(ask, hand, status):
    with misbehaving(in_turn(answer(status))) as server:
        with pytest.raises(SourceError, match=f"{status} .*, 6 times in a row") as raised:
            ask(server)
        assert not isinstance(raised.value, HttpStatusError)
    assert len(server.asked) == 6
    for wait, longest in zip(hand.waits, [1, 2, 4, 8, 16], strict=True):
        assert longest / 2 <= wait <= longest


def test_a_flapping_server_answers_in_the_end(ask):
    flapping = in_turn(answer(500), answer(502), [], answer(503), answer(200, "1"))
    with misbehaving(flapping) as server:
        assert ask(server).text == "1"
    assert len(server.asked) == 5


def test_a_server_that_is_not_there_is_a_clear_error(ask):
    with misbehaving(in_turn(answer())) as server:
        pass
    with pytest.raises(SourceError, match=r"no whole answer .*refused.*, 2 times"):
        ask(server, options={"limits": QUICK})


@pytest.mark.parametrize("said", [[], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"]])
def test_one_long_silence_is_bounded_in_total_too(ask, said):
    limits = HttpLimits(read_seconds=5, total_seconds=0.2, attempts=1)
    with misbehaving(in_turn([*said, 3.0])) as server:
        begun = time.monotonic()
        with pytest.raises(SourceError, match="no answer in time"):
            ask(server, options={"limits": limits})
        assert time.monotonic() - begun < 2


def test_a_server_that_says_nothing_is_not_waited_for(ask):
    with misbehaving(in_turn([5.0])) as server, pytest.raises(SourceError, match="in time, 2 ti"):
        ask(server, options={"limits": QUICK})


@pytest.mark.parametrize(
    "started",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n",
    ],
    ids=["nothing", "headers", "chunks", "body"],
)
def test_an_answer_that_drips_is_bounded_in_total(ask, started):
    def drip(request, number):
        yield started
        if b"chunked" in started:
            yield from endless(b"1\r\na\r\n", 0.05)
        yield from endless(b"a: b\r\n" if b"\r\n\r\n" not in started else b"a", 0.05)

    limits = HttpLimits(read_seconds=5, total_seconds=0.4, attempts=1)
    with misbehaving(drip) as server:
        begun = time.monotonic()
        with pytest.raises(SourceError, match=r"no (answer in time|whole answer)"):
            ask(server, options={"limits": limits})
        assert time.monotonic() - begun < 2


@pytest.mark.parametrize(
    "cut",
    [
        [b"HTTP/1.1 200 OK\r\nContent-Le"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123"],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n12\r\n"],
        [head(200, {"Content-Encoding": "gzip"}), gzip.compress(b"12345" * 99)[:-9]],
        [head(200, {"Content-Encoding": "gzip"}), b"not gzip"],
        [b"nonsense\r\n\r\n"],
    ],
    ids=["head", "length", "in a chunk", "between chunks", "gzip", "no gzip", "no HTTP"],
)
def test_an_answer_that_is_cut_off_is_asked_for_again(ask, cut):
    with misbehaving(in_turn(cut, answer(200, "whole"))) as server:
        assert ask(server).text == "whole"
    assert len(server.asked) == 2


def test_an_answer_the_source_complains_about_is_asked_for_again(ask):
    page = answer(200, "<html>Busy</html>", {"Content-Type": "text/html"})
    with misbehaving(in_turn(page, document([1]))) as server:

        def complaint(response):
            return "answered with a web page" if "html" in response.text else None

        assert ask(server, complaint=complaint).text == "[1]"
        with pytest.raises(SourceError, match="a complaint, 2 times"):
            ask(server, complaint=lambda _: "a complaint", options={"limits": QUICK})


# -- who we are (62, 63) -----------------------------------------------------------------------


class Tokens:
    """Gives a token, and the next one when it was refused."""

    def __init__(self):
        self.current = 1
        self.renewed = 0

    def __call__(self, renew):
        if renew:
            self.renewed += 1
            self.current += 1
        return {"Authorization": f"Bearer {self.current}"}


def test_a_401_renews_the_token_once_and_asks_the_same_again(ask):
    tokens = Tokens()

    def behave(request, number):
        return answer(200 if request.headers["authorization"] == "Bearer 2" else 401)

    with misbehaving(behave) as server:
        ask(server, "/page", params={"cursor": "x"}, options={"authorize": tokens})
    assert [request.target for request in server.asked] == ["/page?cursor=x"] * 2
    assert tokens.renewed == 1


def test_a_second_401_is_final(ask):
    tokens = Tokens()
    with (
        misbehaving(in_turn(answer(401, "no"))) as server,
        pytest.raises(HttpStatusError, match="401 Unauthorized: no") as raised,
    ):
        ask(server, options={"authorize": tokens})
    assert (raised.value.status, raised.value.body) == (401, "no")
    assert (len(server.asked), tokens.renewed) == (2, 1)


def test_threads_that_are_refused_together_renew_once():
    tokens, refused = Tokens(), threading.Barrier(4)

    def behave(request, number):
        if request.headers["authorization"] == "Bearer 1":
            refused.wait(5)
            return answer(401)
        return answer()

    with (
        misbehaving(behave) as server,
        HttpClient([server.host], user_agent="t", authorize=tokens) as client,
        ThreadPoolExecutor(4) as threads,
    ):
        answers = list(threads.map(lambda _: client.request("GET", server.url), range(4)))
    assert [response.status for response in answers] == [200] * 4
    assert tokens.renewed == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_final(ask, status):
    with (
        misbehaving(in_turn(answer(status, "x" * 1000))) as server,
        pytest.raises(HttpStatusError) as raised,
    ):
        ask(server, "/gone")
    assert (raised.value.status, raised.value.body) == (status, "x" * 1000)
    assert len(server.asked) == 1
    assert f"GET {server.url}/gone: answered {status}" in str(raised.value)
    assert len(str(raised.value)) < 600


# -- where we go (56) --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/",
        "https://api.example.evil.example/",
        "https://api.example@evil.example/",
        "https://api.example:8443/",
        "http://api.example/",
        "http://169.254.169.254/latest/meta-data",
        "ftp://api.example/",
        "file:///etc/passwd",
        "/v1",
    ],
)
def test_no_other_host_and_nothing_in_the_clear_is_asked(ask, hand, url):
    with (
        HttpClient(["api.example"], user_agent="t", sleep=hand.sleep) as client,
        pytest.raises(SourceError, match="not asked, as it"),
    ):
        client.request("GET", url)
    assert hand.waits == []


def test_an_address_that_is_none_is_a_clear_error(ask):
    with (
        HttpClient(["api.example"], user_agent="t") as client,
        pytest.raises(SourceError, match="is no address") as raised,
    ):
        client.request("GET", "https://api.example:port/?key=hush")
    assert "hush" not in str(raised.value)


def test_a_host_may_be_allowed_in_the_clear():
    limits = HttpLimits(connect_seconds=0.05, attempts=1)
    for url in ("http://till.invalid/", "https://till.invalid/", "http://till.invalid:80/"):
        with (
            HttpClient(["http://till.invalid"], user_agent="t", limits=limits) as client,
            pytest.raises(SourceError, match="no whole answer"),
        ):
            client.request("GET", url)


def test_a_redirect_within_the_hosts_is_followed(ask):
    def behave(request, number):
        if request.path == "/old":
            return answer(302, "", {"Location": "../new?page=2"})
        return answer(200, "there")

    with misbehaving(behave) as server:
        response = ask(server, "/old", options={"headers": {"X-Key": "k"}})
        assert (response.text, response.url) == ("there", f"{server.url}/new?page=2")
        assert server.asked[1].headers["x-key"] == "k"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_refused(ask, status):
    with misbehaving(in_turn(answer())) as inside:
        there = answer(status, "", {"Location": f"{inside.url}/admin"})
        with (
            misbehaving(in_turn(there)) as server,
            pytest.raises(SourceError, match="is not one of the source's hosts"),
        ):
            ask(server)
        assert inside.asked == []


def test_a_redirect_out_of_encryption_is_refused(ask):
    there = answer(302, "", {"Location": "http://api.example/v1"})
    with (
        misbehaving(in_turn(there)) as server,
        pytest.raises(SourceError, match="is not encrypted"),
    ):
        ask(server, hosts=[server.host, "api.example"])


def test_another_host_of_the_source_does_not_learn_who_we_are(ask):
    with misbehaving(in_turn(answer(200, "file"))) as files:
        there = answer(302, "", {"Location": f"{files.url}/1"})
        with misbehaving(in_turn(there)) as server:
            response = ask(
                server, hosts=[server.host, files.host], headers={"X-Own": "o"},
                options={"headers": {"X-Key": "k"}, "authorize": Tokens()},
            )  # fmt: skip
        assert response.text == "file"
        assert not {"x-key", "x-own", "authorization"} & set(files.asked[0].headers)


def test_a_redirected_post_is_repeated_only_where_that_is_meant(ask):
    def behave(request, number):
        status = request.path.strip("/")
        return answer(int(status), "", {"Location": "/end"}) if status.isdigit() else answer()

    with misbehaving(behave) as server:
        for status in (303, 307):
            ask(server, f"/{status}", method="POST", json=1)
    ends = [(r.method, r.body) for r in server.asked if r.path == "/end"]
    assert ends == [("GET", ""), ("POST", "1")]


def test_redirects_in_a_circle_come_to_an_end(ask):
    with misbehaving(in_turn(answer(302, "", {"Location": "/round"}))) as server:
        with pytest.raises(SourceError, match="more than 5 redirects"):
            ask(server)
        assert len(server.asked) == 6


# -- size and text (69) ------------------------------------------------------------------------


def test_packed_answers_are_unpacked(ask):
    body = gzip.compress(b"one ") + gzip.compress(b"two")
    with misbehaving(in_turn(answer(200, body, {"Content-Encoding": "gzip"}))) as server:
        assert ask(server).text == "one two"


def test_an_answer_larger_than_the_limit_is_refused(ask):
    limits = HttpLimits(max_bytes=1000)
    with misbehaving(in_turn(answer(200, "x" * 1000), answer(200, "x" * 1001))) as server:
        assert len(ask(server, options={"limits": limits}).text) == 1000
        with pytest.raises(SourceError, match="larger than 1,000 bytes"):
            ask(server, options={"limits": limits})
    assert len(server.asked) == 2


def test_an_answer_without_end_is_refused_at_the_limit(ask):
    def flood(request, number):
        yield head(200, {})
        yield from endless(b"x" * 65536, 0.0)

    with misbehaving(flood) as server, pytest.raises(SourceError, match="larger than"):
        ask(server, options={"limits": HttpLimits(max_bytes=1_000_000)})


def test_a_gzip_bomb_is_refused_before_it_unfolds(ask, monkeypatch):
    bomb = gzip.compress(bytes(200 * 1024 * 1024), 9)
    assert len(bomb) < 250_000
    longest = []
    original = zlib.decompressobj

    class Watched:
        def __init__(self, **options):
            self._inner = original(**options)

        def decompress(self, *arguments):
            out = self._inner.decompress(*arguments)
            longest.append(len(out))
            return out

        def __getattr__(self, name):
            return getattr(self._inner, name)

    monkeypatch.setattr(zlib, "decompressobj", Watched)
    with (
        misbehaving(in_turn(answer(200, bomb, {"Content-Encoding": "gzip"}))) as server,
        pytest.raises(SourceError, match="larger than 1,000,000 bytes"),
    ):
        ask(server, options={"limits": HttpLimits(max_bytes=1_000_000)})
    assert max(longest) <= 1_000_001
    assert len(server.asked) == 1


def test_packing_that_was_not_asked_for_is_refused(ask):
    with misbehaving(in_turn(answer(200, "x", {"Content-Encoding": "br"}))) as server:
        with pytest.raises(SourceError, match="packed as 'br'"):
            ask(server)
        assert server.asked[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("application/json", b"\xef\xbb\xbf[1]", "[1]"),
        ("text/plain; charset=ISO-8859-1", b"caf\xe9", "café"),
        ("text/plain; charset=utf-16", "é".encode("utf-16"), "é"),
        ("text/html", b'<meta charset="latin-1">caf\xe9', '<meta charset="latin-1">café'),
        ("text/html; charset=utf-8", "<meta charset=latin-1>é".encode(), "<meta charset=latin-1>é"),
    ],
)
def test_text_is_read_in_the_encoding_it_declares(ask, kind, body, text):
    with misbehaving(in_turn(answer(200, body, {"Content-Type": kind}))) as server:
        assert ask(server).text == text


@pytest.mark.parametrize(
    "kind", ["application/json", *(f"text/plain; charset={c}" for c in ("klingon", "hex", "idna"))]
)
def test_text_in_no_known_encoding_is_refused_not_garbled(ask, kind):
    with (
        misbehaving(in_turn(answer(200, b"caf\xe9", {"Content-Type": kind}))) as server,
        pytest.raises(SourceError, match="is not text in"),
    ):
        ask(server)


# -- what is said (57, 70) ---------------------------------------------------------------------


def test_no_message_holds_a_secret(ask, caplog):
    def behave(request, number):
        if "fail" in request.path:
            return answer(500)
        return answer(403, f"{request.target} is not for {request.headers['x-key']}")

    options = {"headers": {"X-Key": "to/ken"}, "secrets": lambda: ["to/ken", "", "to"]}
    caplog.set_level(logging.DEBUG, "inventory_platform")
    with misbehaving(behave) as server:
        with pytest.raises(HttpStatusError) as refused:
            ask(server, "/to%2Fken/x", params={"key": "to/ken"}, options=options)
        with pytest.raises(SourceError) as failed:
            ask(server, "/fail/to%2Fken", options=options)
    said = [str(refused.value), refused.value.body, str(failed.value), caplog.text]
    assert not [text for text in said if "ken" in text]
    assert "***" in refused.value.body
    assert refused.value.__cause__ is None
    assert failed.value.__suppress_context__


@pytest.mark.parametrize("before", range(280, 300, 4))
def test_a_secret_where_the_answer_is_cut_shows_no_part_of_itself(ask, before):
    said = answer(400, "x" * before + " VERYSECRETTOKEN")
    with misbehaving(in_turn(said)) as server, pytest.raises(HttpStatusError) as raised:
        ask(server, options={"secrets": lambda: ["VERYSECRETTOKEN"]})
    assert "x" * before in str(raised.value)
    assert "V" not in str(raised.value)


@pytest.mark.parametrize("secret", ["hush\n", "h\u00fcsh", "hu\r\nX-Own: 1"])
def test_a_key_that_no_header_can_hold_is_a_clear_error_without_the_key(ask, hand, secret):
    options = {"headers": {"X-Key": secret}}
    with misbehaving(in_turn(answer())) as server:
        with pytest.raises(SourceError, match="header holds characters") as raised:
            ask(server, options=options)
        assert server.asked == []
    assert not [part for part in ("hush", "sh", "X-Own") if part in str(raised.value)]
    assert hand.waits == []


def test_messages_leave_out_the_query(ask):
    with misbehaving(in_turn(answer(404))) as server, pytest.raises(HttpStatusError) as raised:
        ask(server, "/v1", params={"sig": "hidden"})
    assert "hidden" not in str(raised.value)


def test_an_interface_that_will_go_away_is_warned_about_once(ask, caplog):
    headers = {"Deprecation": "true", "Sunset": "Sat, 31 Jul 2027 00:00:00 GMT"}
    with (
        misbehaving(in_turn(answer(200, "", headers))) as server,
        HttpClient([server.host], user_agent="t") as client,
    ):
        for number in range(3):
            client.request("GET", f"{server.url}/v1/{number}")
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "/v1/0 will go away" in record.getMessage()
    assert "sunset: Sat, 31 Jul 2027" in record.getMessage()
