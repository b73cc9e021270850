"""The reverse proxy of `deploy/proxy` in a real nginx: logins, roles, websockets, headers."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from inventory_platform.operations.portal import build_portal
from inventory_platform.operations.processes import State
from inventory_platform.sandbox.serving import served
from inventory_platform.settings import PROJECT_DIR, Settings
from tests.test_processes import free_port

PROXY = PROJECT_DIR / "deploy" / "proxy"
NAME = "stock.example.com"
UPSTREAMS = {"inventory_dashboard": 8501, "inventory_operators": 3000, "inventory_viewers": 3001}
PATHS = os.defpath + ":/usr/sbin:/usr/local/sbin"


def need(program: str) -> str:
    """Skip on a laptop without a program; on the build server it must be there."""
    found = shutil.which(program) or shutil.which(program, path=PATHS)
    if found is None:
        message = f"{program} is missing: sudo bash scripts/install-test-servers.sh"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return found


def upstream(name: str) -> Starlette:
    """Answers with its name and the headers it was asked with; websockets are echoed."""

    async def tell(request: Request) -> Response:
        return JSONResponse({"name": name, "headers": dict(request.headers)})

    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(f"{name}: {await socket.receive_text()}")
        await socket.close()

    return Starlette(
        routes=[
            WebSocketRoute("/{path:path}", echo),
            Route("/{path:path}", tell, methods=["GET", "POST"]),
        ]
    )


async def judge(request: Request) -> Response:
    """What oauth2-proxy answers nginx: who it is, by a cookie."""
    who = request.cookies.get("session")
    if who is None:
        return Response(status_code=401)
    groups = "staff,inventory-operators" if who == "olga" else "staff,not-inventory-operators"
    told = {"X-Auth-Request-Email": f"{who}@example.com", "X-Auth-Request-Groups": groups}
    return Response(status_code=202, headers=told)


class Proxy:
    """A running nginx."""

    def __init__(self, port: int, plain_port: int, certificate: Path) -> None:
        self.port = port
        self.plain_port = plain_port
        self.trust = ssl.create_default_context(cafile=str(certificate))

    def ask(
        self,
        path: str,
        *,
        user: str = "",
        method: str = "GET",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        with httpx.Client(verify=self.trust, timeout=10) as client:
            return client.request(
                method,
                f"https://127.0.0.1:{self.port}{path}",
                headers={"Host": NAME, **(headers or {})},
                auth=(user, "open sesame") if user else None,
                extensions={"sni_hostname": NAME},
            )

    def who(self, path: str, **options: str) -> str:
        """Which upstream answers."""
        return str(self.ask(path, **options).json()["name"])

    def talk(self, path: str, user: str) -> str:
        """Say hello over a websocket."""
        request = httpx.Request("GET", "https://x", headers={})
        flow = httpx.BasicAuth(user, "open sesame").auth_flow(request)
        headers = {"Authorization": next(flow).headers["Authorization"]} if user else {}
        with (
            socket.create_connection(("127.0.0.1", self.port)) as raw,
            connect(
                f"wss://{NAME}{path}",
                sock=raw,
                ssl=self.trust,
                server_hostname=NAME,
                additional_headers=headers,
            ) as conversation,
        ):
            conversation.send("hello")
            return str(conversation.recv(10))


def certificate(folder: Path) -> Path:
    subprocess.run(
        [
            *(need("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME}"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem"


@contextmanager
def nginx(folder: Path, login: str) -> Iterator[Proxy]:
    """The shipped configuration, with ports and folders of this test."""
    program = need("nginx")
    settings = Settings(data_dir=folder / "data", public_url=f"https://{NAME}")
    ours = folder / "inventory"
    shutil.copytree(PROXY / login, ours)
    trusted = certificate(ours)
    secret = subprocess.check_output([need("openssl"), "passwd", "-apr1", "open sesame"], text=True)
    up = asdict(State("dagster", "up", "2026-09-30 10:00:00", pid=1))
    (folder / "states.json").write_text(json.dumps([up]))
    (ours / "passwords").write_text("".join(f"{name}:{secret}" for name in ("olga", "victor")))
    text = (PROXY / "inventory.conf").read_text()
    port, plain_port = free_port(), free_port()
    with ExitStack() as stack:
        portal = stack.enter_context(served(build_portal(settings, folder / "states.json")))
        moved = {8080: portal}
        for name, usual in UPSTREAMS.items():
            moved[usual] = stack.enter_context(served(upstream(name)))
        for usual, address in moved.items():
            assert f"127.0.0.1:{usual};" in text
            text = text.replace(f"127.0.0.1:{usual};", f"{address.removeprefix('http://')};")
        judging = stack.enter_context(
            served(Starlette(routes=[Route("/oauth2/{path:path}", judge)]))
        )
        server = ours / "server.conf"
        server.write_text(server.read_text().replace("http://127.0.0.1:4180", judging))
        text = text.replace("listen 80;", f"listen 127.0.0.1:{plain_port};")
        text = text.replace("listen 443 ", f"listen 127.0.0.1:{port} ")
        text = text.replace("/etc/nginx/inventory/", f"{ours}/")
        (folder / "inventory.conf").write_text(text)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;\n"
            f"user {getpass.getuser()};\nevents {{}}\n"
            f"http {{ access_log off; {temporary} include inventory.conf; }}\n"
        )
        command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stderr
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 15
            while not listens(port):
                assert process.poll() is None, (folder / "error.log").read_text()
                assert time.monotonic() < deadline, "nginx does not listen"
                time.sleep(0.05)
            yield Proxy(port, plain_port, trusted)
        finally:
            process.terminate()
            process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def by_password(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with nginx(tmp_path_factory.mktemp("password"), "password") as proxy:
        yield proxy


@pytest.fixture(scope="module")
def by_sign_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with nginx(tmp_path_factory.mktemp("sso"), "sso") as proxy:
        yield proxy


@pytest.mark.parametrize("path", ["/", "/docs/", "/healthz", "/dashboard/", "/dagster/graphql"])
def test_nothing_is_shown_without_a_login(by_password: Proxy, path: str) -> None:
    assert by_password.ask(path).status_code == 401


def test_a_wrong_password_is_refused(by_password: Proxy) -> None:
    wrong = {"Authorization": "Basic b2xnYTp3cm9uZw=="}
    assert by_password.ask("/", headers=wrong).status_code == 401


def test_the_portal_is_shown_with_links_below_the_public_address(by_password: Proxy) -> None:
    answer = by_password.ask("/", user="victor")
    assert answer.status_code == 200
    assert f'href="https://{NAME}/dagster/asset-groups"' in answer.text
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert answer.headers["X-Content-Type-Options"].startswith("nosniff")
    assert "frame-ancestors 'self'" in answer.headers.get_list("Content-Security-Policy")


def test_operators_reach_the_dagster_with_buttons_and_viewers_the_other(
    by_password: Proxy,
) -> None:
    for path in ("/dagster/", "/dagster/graphql"):
        assert by_password.who(path, user="olga") == "inventory_operators"
        assert by_password.who(path, user="victor") == "inventory_viewers"
    assert by_password.who("/dagster/graphql", user="victor", method="POST") == "inventory_viewers"


def test_programs_are_told_who_asks_and_never_the_password(by_password: Proxy) -> None:
    headers = by_password.ask("/dashboard/", user="victor").json()["headers"]
    assert headers["host"] == NAME
    assert headers["x-forwarded-user"] == "victor"
    assert headers["x-forwarded-proto"] == "https"
    assert "authorization" not in headers


def test_websockets_pass_with_a_login_and_not_without(by_password: Proxy) -> None:
    assert by_password.talk("/dashboard/_stcore/stream", "victor") == "inventory_dashboard: hello"
    assert by_password.talk("/dagster/graphql", "olga") == "inventory_operators: hello"
    with pytest.raises(InvalidStatus, match="401"):
        by_password.talk("/dagster/graphql", "")


def test_a_page_of_another_site_cannot_make_a_browser_change_something(
    by_password: Proxy,
) -> None:
    def sent_from(origin: str) -> int:
        return by_password.ask(
            "/dagster/graphql", user="olga", method="POST", headers={"Origin": origin}
        ).status_code

    assert sent_from("https://elsewhere.example.org") == 403
    assert sent_from(f"https://{NAME}.elsewhere.example.org") == 403
    assert sent_from(f"https://{NAME}") == 200


def test_another_name_is_not_answered_and_plain_http_leads_to_tls(by_password: Proxy) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        by_password.ask("/", user="olga", headers={"Host": "elsewhere.example.org"})
    plain = httpx.get(f"http://127.0.0.1:{by_password.plain_port}/x", headers={"Host": NAME})
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https://{NAME}/x")


def test_metrics_are_for_the_monitor_on_this_machine(by_password: Proxy) -> None:
    answer = by_password.ask("/metrics")
    assert answer.status_code == 200
    assert "inventory_health " in answer.text


def test_with_single_sign_on_the_groups_say_who_is_an_operator(by_sign_on: Proxy) -> None:
    def path_of(who: str) -> str:
        return by_sign_on.who("/dagster/", headers={"Cookie": f"session={who}"})

    assert path_of("olga") == "inventory_operators"
    assert path_of("victor") == "inventory_viewers"
    told = by_sign_on.ask("/dashboard/", headers={"Cookie": "session=victor"}).json()["headers"]
    assert told["x-forwarded-user"] == "victor@example.com"


def test_with_single_sign_on_a_name_in_the_request_is_not_believed(by_sign_on: Proxy) -> None:
    session = {"Cookie": "session=victor", "X-Auth-Request-Groups": "inventory-operators"}
    assert by_sign_on.who("/dagster/", user="olga", headers=session) == "inventory_viewers"


def test_without_a_session_people_are_led_to_the_sign_in(by_sign_on: Proxy) -> None:
    answer = by_sign_on.ask("/dagster/runs")
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith(f"/oauth2/start?rd=https://{NAME}/dagster/runs")
