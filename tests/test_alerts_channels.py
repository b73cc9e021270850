"""Messages arrive over a real mail server and a real web server, or wait and say why."""

from __future__ import annotations

import json
import multiprocessing
from datetime import datetime, timedelta

import dagster as dg
import pytest
from typer.testing import CliRunner

from inventory_platform.cli import app
from inventory_platform.errors import InventoryError, SettingsError
from inventory_platform.operations.alerts import Alert, Cause, Kind, deliver, problems
from inventory_platform.operations.alerts.channels import send
from inventory_platform.operations.alerts.config import SCHEMES, read_config
from inventory_platform.operations.alerts.model import Severity
from inventory_platform.operations.alerts.state import read_state
from inventory_platform.operations.alerts.watch import look
from inventory_platform.registry import Registry
from inventory_platform.settings import Settings, get_settings
from tests.receivers import mail_server, web_server

PASSWORD = "r1ght-and-long"
START = datetime.fromisoformat("2026-11-21 08:00")


@pytest.fixture(scope="module")
def mail(tmp_path_factory):
    with mail_server(tmp_path_factory.mktemp("mail"), PASSWORD) as box:
        yield box


@pytest.fixture(scope="module")
def hook():
    with web_server() as server:
        yield server


@pytest.fixture(autouse=True)
def fresh(mail, hook, monkeypatch):
    # The certificate is verified; that it is ours is all that is special about it.
    monkeypatch.setenv("SSL_CERT_FILE", str(mail.certificate))
    mail.messages.clear()
    hook.posts.clear()
    hook.paths.clear()
    hook.hangs.clear()
    hook.status = 200


@pytest.fixture
def settings(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "sources.toml").write_text("")
    made = Settings(
        data_dir=tmp_path / "data",
        sources_file=tmp_path / "sources.toml",
        alerts_file=tmp_path / "alerts.toml",
    )
    route_to(made, mail="ALERTS_MAIL")
    return made


def route_to(settings: Settings, more: str = "", **routes: str) -> None:
    lines = [f'[routes.{name}]\nurl_env = "{variable}"' for name, variable in routes.items()]
    settings.alerts_file.write_text("\n".join([*lines, more]))


def alert(title: str = "orders failed", subject: str = "orders") -> Alert:
    return Alert(
        cause=Cause(kind=Kind.run, subject=subject, reason="SourceError"),
        severity=Severity.error,
        title=title,
        text="The shop does not answer: größer als <erwartet>.\n\nWhat to do: look at the network.",
        link="http://127.0.0.1:3000/runs/1",
    )


@pytest.fixture
def take_a_look(settings):
    with dg.DagsterInstance.ephemeral() as instance:

        def taken(now: datetime):
            registry = Registry(settings, {}, {})
            return look(registry, read_config(settings), instance, [], now)

        yield taken


# -- what arrives ---------------------------------------------------------------------------------


def test_an_email_arrives_over_tls_with_login_and_can_be_read(settings, mail, monkeypatch):
    monkeypatch.setenv("ALERTS_MAIL", mail.url())
    [sent] = deliver(settings, [alert()])
    assert (sent.route, sent.subject) == ("mail", "[error] orders failed")
    [message] = mail.messages
    assert message["Subject"] == "[error] orders failed"
    assert message["To"] == "ops@shop.example"
    assert message["From"] == "inventory@shop.example"
    assert message.get_content_type() == "text/plain"
    lines = message.get_content().splitlines()
    assert lines[0] == "orders failed"
    assert lines[1].startswith("error · run · 2")
    assert "The shop does not answer: größer als <erwartet>." in lines
    assert "What to do: look at the network." in lines
    assert "http://127.0.0.1:3000/runs/1" in lines


def test_a_webhook_gets_the_message_as_json(settings, hook, monkeypatch):
    monkeypatch.setenv("ALERTS_HOOK", hook.url)
    route_to(settings, hook="ALERTS_HOOK")
    deliver(settings, [alert("a"), alert("b")])
    [post] = hook.posts
    assert (post["title"], post["type"]) == ("[error] a (and 1 more)", "failure")
    assert "a\nerror" in post["message"]
    assert "b\nerror" in post["message"]


def test_the_address_may_stand_in_a_file(settings, mail, monkeypatch, tmp_path):
    (tmp_path / "secret").write_text(f"{mail.url()}\n")
    monkeypatch.setenv("ALERTS_MAIL_FILE", str(tmp_path / "secret"))
    deliver(settings, [alert()])
    assert len(mail.messages) == 1


# -- what does not --------------------------------------------------------------------------------


def test_a_wrong_password_is_a_plain_state_and_the_message_waits(
    settings, mail, monkeypatch, take_a_look
):
    monkeypatch.setenv("ALERTS_MAIL", mail.url("wr0ng-and-long"))
    assert deliver(settings, [alert()]) == []
    [problem] = problems(settings)
    assert problem.startswith("Alerts over mail cannot be sent since ")
    assert "(1 wait, tried 1 times)" in problem
    assert "535" in problem
    assert "wr0ng" not in problem
    assert "wr0ng" not in (settings.data_dir / "alerts" / "state.json").read_text()
    monkeypatch.setenv("ALERTS_MAIL", mail.url())
    waiting = read_state(settings).queues["mail"]
    assert take_a_look(waiting.next_at - timedelta(seconds=1)).sent == []
    assert [s.subject for s in take_a_look(waiting.next_at).sent] == ["[error] orders failed"]
    assert problems(settings) == []
    assert len(mail.messages) == 1


def test_an_unverified_certificate_is_refused_before_the_password_is_said(
    settings, mail, monkeypatch
):
    monkeypatch.setenv("ALERTS_MAIL", mail.url())
    monkeypatch.delenv("SSL_CERT_FILE")
    deliver(settings, [alert()])
    assert "certificate" in problems(settings)[0].lower()
    assert mail.messages == []


def test_a_webhook_that_is_gone_is_tried_less_and_less_often_and_loses_nothing(
    settings, hook, monkeypatch, take_a_look
):
    with web_server() as closed:
        monkeypatch.setenv("ALERTS_HOOK", closed.url)
    route_to(settings, hook="ALERTS_HOOK")
    deliver(settings, [alert("first")])
    first_try = read_state(settings).queues["hook"].next_at - timedelta(seconds=30)
    deliver(settings, [alert("second")])
    waits = []
    for _ in range(8):
        due = read_state(settings).queues["hook"].next_at
        take_a_look(due)
        waits.append((read_state(settings).queues["hook"].next_at - due).total_seconds())
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    queue = read_state(settings).queues["hook"]
    assert [a.title for a in queue.alerts] == ["first", "second"]
    assert queue.failing_since == first_try
    monkeypatch.setenv("ALERTS_HOOK", hook.url)
    take_a_look(queue.next_at)
    [post] = hook.posts
    assert "first" in post["message"]
    assert "second" in post["message"]


def test_a_channel_that_fails_holds_no_other_up(settings, mail, hook, monkeypatch):
    monkeypatch.setenv("ALERTS_MAIL", mail.url("wr0ng-and-long"))
    monkeypatch.setenv("ALERTS_HOOK", hook.url)
    route_to(settings, mail="ALERTS_MAIL", hook="ALERTS_HOOK")
    assert [sent.route for sent in deliver(settings, [alert()])] == ["hook"]


def test_too_many_waiting_alerts_are_bounded_and_those_left_out_are_counted(
    settings, hook, monkeypatch
):
    monkeypatch.setenv("ALERTS_HOOK", hook.url)
    route_to(settings, hook="ALERTS_HOOK")
    deliver(settings, [alert(f"number {n}.") for n in range(510)])
    message = hook.posts[0]["message"]
    assert "10 older ones are left out" in message
    assert "number 9." not in message
    assert "number 10." in message


def test_a_process_killed_while_it_sends_loses_no_message(settings, hook, monkeypatch):
    monkeypatch.setenv("ALERTS_HOOK", hook.url)
    route_to(settings, hook="ALERTS_HOOK")
    hook.asked.clear()
    hook.hangs.set()
    process = multiprocessing.get_context("spawn").Process(
        target=deliver, args=(settings, [alert()])
    )
    process.start()
    assert hook.asked.wait(60)
    process.kill()
    process.join()
    hook.hangs.clear()
    assert hook.posts == []
    deliver(settings, [])
    assert [post["title"] for post in hook.posts] == ["[error] orders failed"]


def test_a_torn_state_is_set_aside_by_who_writes_and_said_once(settings, monkeypatch, mail):
    monkeypatch.setenv("ALERTS_MAIL", mail.url())
    folder = settings.data_dir / "alerts"
    folder.mkdir()
    (folder / "state.json").write_text('{"cursor": 1')
    for _ in range(2):
        with pytest.raises(InventoryError, match="is not a state"):
            problems(settings)
    with pytest.raises(InventoryError, match="is not a state"):
        deliver(settings, [alert()])
    assert len(deliver(settings, [alert()])) == 1
    assert len(list(folder.glob("state.broken.*.json"))) == 1


# -- the sign of life -----------------------------------------------------------------------------


def test_every_look_gives_a_sign_of_life_to_a_file_and_to_an_address(
    settings, hook, monkeypatch, take_a_look
):
    monkeypatch.setenv("ALERTS_PULSE", f"http://127.0.0.1:{hook.port}/ping/s3cret")
    route_to(settings, '[heartbeat]\nurl_env = "ALERTS_PULSE"')
    take_a_look(START)
    take_a_look(START + timedelta(seconds=30))
    assert hook.paths == ["/ping/s3cret"] * 2
    assert (settings.data_dir / "alerts" / "heartbeat").read_text() == "2026-11-21 08:00:30\n"
    assert problems(settings) == []
    hook.status = 503
    take_a_look(START)
    assert problems(settings) == ["The heartbeat does not arrive. It answers with status 503."]


def test_the_sign_of_life_is_held_back_while_messages_cannot_be_sent(
    settings, mail, hook, monkeypatch, take_a_look
):
    monkeypatch.setenv("ALERTS_PULSE", f"http://127.0.0.1:{hook.port}/ping")
    monkeypatch.setenv("ALERTS_MAIL", mail.url("wr0ng-and-long"))
    route_to(settings, '[heartbeat]\nurl_env = "ALERTS_PULSE"', mail="ALERTS_MAIL")
    take_a_look(START)
    assert hook.paths == ["/ping"]
    deliver(settings, [alert()])
    take_a_look(START)
    assert hook.paths == ["/ping"]
    assert "Held back: mail cannot be reached." in problems(settings)[1]


# -- what is wrong in alerts.toml -----------------------------------------------------------------

ROUTE = '[routes.mail]\nurl_env = "ALERTS_MAIL"\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[routes.mail", "cannot be read"),
        ('[routes.mail]\nurl = "mailto://a:b@c"', r"routes\.mail\.url_env: Field required"),
        (ROUTE + 'severity = "error"', r"routes\.mail\.severity: Extra inputs"),
        (ROUTE + 'severities = ["loud"]', r"routes\.mail\.severities.*'info', 'warning'"),
        (ROUTE + 'causes = ["runs"]', r"routes\.mail\.causes.*'run'"),
        ('[routes.mail]\nurl_env = "INVENTORY_MAIL"', "are settings"),
        ('[routes.Mail]\nurl_env = "X"', r"routes\.Mail"),
        ("[causes.run]\nafter = 0", r"causes\.run\.after"),
        ("[causes.disk]\nfree = 5", r"causes\.disk\.free: Extra"),
        ("[policy]\nrepeat_hours = 0", r"policy\.repeat_hours"),
        ('[routes.x]\nurl_env = "ALERTS_NONE"', "ALERTS_NONE is not set"),
        ('[heartbeat]\nurl_env = "ALERTS_NONE"', "heartbeat .*ALERTS_NONE is not set"),
        ('[routes.x]\nurl_env = "ALERTS_ODD"', "ALERTS_ODD is of no known kind"),
        ('[routes.x]\nurl_env = "ALERTS_LOST"', "ALERTS_LOST_FILE names cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_named_and_no_address_shown(
    settings, monkeypatch, text, complaint
):
    monkeypatch.setenv("ALERTS_MAIL", f"mailtos://u:{PASSWORD}@127.0.0.1")
    monkeypatch.setenv("ALERTS_ODD", f"file:///{PASSWORD}")
    monkeypatch.setenv("ALERTS_LOST_FILE", "/nowhere/at/all")
    settings.alerts_file.write_text(text)
    with pytest.raises(SettingsError, match=complaint) as caught:
        read_config(settings)
    assert PASSWORD not in str(caught.value)


def test_a_file_that_was_named_and_is_missing_is_refused(settings):
    settings.alerts_file.unlink()
    with pytest.raises(SettingsError, match="INVENTORY_ALERTS_FILE"):
        read_config(settings)


def test_each_allowed_kind_of_address_is_known_to_the_library():
    import apprise

    addresses = {
        "mailto": "mailto://u:p@shop.example",
        "mailtos": "mailtos://u:p@shop.example",
        "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops",
        "workflows": "workflows://127.0.0.1:443/643e8f5e0a1b4c2d/x9Yk3v_signature-0a1b2c3d4e",
        "json": "json://127.0.0.1/hook",
        "jsons": "jsons://127.0.0.1/hook",
    }
    assert addresses.keys() == SCHEMES
    for url in addresses.values():
        assert apprise.Apprise.instantiate(url) is not None, url


def test_an_address_that_is_none_of_its_kind_is_a_problem_and_no_crash():
    assert send("mailtos://", "s", "b", Severity.info) == "The address is not one of its kind."


# -- the commands ---------------------------------------------------------------------------------


@pytest.fixture
def command(settings, monkeypatch):
    monkeypatch.setenv("INVENTORY_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("INVENTORY_SOURCES_FILE", str(settings.sources_file))
    monkeypatch.setenv("INVENTORY_ALERTS_FILE", str(settings.alerts_file))
    get_settings.cache_clear()
    yield lambda *words: CliRunner().invoke(app, ["alerts", *words])
    get_settings.cache_clear()


def test_the_test_command_tries_every_channel_and_says_which_fail(
    command, settings, mail, hook, monkeypatch
):
    monkeypatch.setenv("ALERTS_MAIL", mail.url())
    monkeypatch.setenv("ALERTS_HOOK", hook.url)
    route_to(settings, mail="ALERTS_MAIL", hook="ALERTS_HOOK")
    assert command("test").exit_code == 0
    assert mail.messages[0]["Subject"] == "[info] This is a test"
    hook.status = 500
    assert command("test").exit_code == 1
    assert command("test", "--route", "mail").exit_code == 0
    assert isinstance(command("test", "--route", "fax").exception, SettingsError)


def test_the_list_shows_what_waits_and_why(command, settings, mail, monkeypatch):
    monkeypatch.setenv("ALERTS_MAIL", mail.url("wr0ng-and-long"))
    deliver(settings, [alert()])
    shown = command("list")
    assert shown.exit_code == 0
    assert "535" in shown.output
    told = json.loads(command("list", "--json").stdout)
    assert told["queues"]["mail"]["alerts"][0]["title"] == "orders failed"
    assert "535" in told["problems"][0]
