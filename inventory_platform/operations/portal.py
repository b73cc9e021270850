"""The page that links all others, with how things are; the docs, `/metrics` and `/healthz`.

Here belongs what a browser or a monitor asks this platform for over HTTP. It only reads: the
programs' states, published folders, the docs, and health and metrics as `health.py` and
`metrics.py` tell them. What is asked is answered anew each time, so a page never shows a state
that is over.

    python -m inventory_platform.operations.portal [STATE_FILE]

Without a state file the programs are somebody else's to watch (Docker, Kubernetes): the page links
them and does not tell how they are.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import polars as pl
import uvicorn
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inventory_platform.operations.health import LOOK_BACK, UNREADABLE, health
from inventory_platform.operations.history.published import Published, read_published
from inventory_platform.operations.metrics import CONTENT_TYPE, render_metrics
from inventory_platform.operations.processes import STARTING, UP, State, read_states
from inventory_platform.operations.programs import (
    DAEMON,
    DAGSTER,
    DASHBOARD,
    NAMES,
    dashboard_url,
)
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings, get_settings

_PAGE = Path(__file__).with_name("portal_page")
_LOOPBACK = ["127.0.0.1", "localhost"]
_STALE_SHOWN = 5
_OF_RUNS = ("job", "status", "started_at", "ended_at", "seconds", "failed_steps")
_OF_FRESHNESS = ("asset", "last_updated_at", "fresh_within_hours")
DASHBOARD_PAGES = {
    "": "KPIs",
    "stock": "Stock",
    "prices": "Prices",
    "suppliers": "Suppliers",
    "quality": "Data quality",
    "health": "Pipeline health",
}
"""Path → title of the dashboard's pages; a test holds it equal to the dashboard's own."""

_HEADINGS = {
    "ok": "Everything is well.",
    "degraded": "It works, with findings.",
    "down": "Something people need is missing.",
}
_COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
# Generated pages carry their scripts and styles inside; dbt's page also builds code from text.
_DOCS_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class Link:
    """One thing a person can open.

    Attributes:
        title: Its name.
        about: What it answers.
        href: Its address.
        absent: Why it cannot be opened now, and what helps; empty when it can.
        more: Title → address of pages within.
    """

    title: str
    about: str
    href: str
    absent: str = ""
    more: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Fact:
    """One line of how things are: what, in words, and whether it is `good`, `warn` or `bad`."""

    what: str
    text: str
    tone: str = ""
    at: str = ""


def build_portal(
    settings: Settings,
    states: Path | None,
    *,
    daemon_expected: bool = True,
) -> Starlette:
    """Assemble the application.

    Args:
        settings: Where everything is.
        states: The supervisor's state file; None where another one watches the programs.
        daemon_expected: Whether it is a finding that Dagster's daemon does not run.
    """
    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    style, script = (Markup((_PAGE / name).read_text()) for name in ("style.css", "script.js"))
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )

    def page() -> str:
        programs = read_states(states) if states else None
        found = health(settings, daemon_expected=daemon_expected)
        troubles = [
            f"{NAMES.get(program.name, program.name)}: {program.state}"
            for program in programs or []
            if program.state not in {UP, STARTING}
        ]
        status = "degraded" if troubles and found.status == "ok" else str(found.status)
        return environment.get_template("index.html").render(
            style=style,
            script=script,
            now=_shown(_now()),
            heading=_HEADINGS[status],
            links=links(settings, programs),
            facts=facts(settings),
            programs=programs or [],
            names=NAMES,
            status=status,
            findings=[*(finding.text for finding in found.findings), *troubles],
        )

    async def home(_: Request) -> Response:
        text = await run_in_threadpool(page)
        return HTMLResponse(
            text, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"}
        )

    async def told_metrics(_: Request) -> Response:
        text = await run_in_threadpool(render_metrics, settings, daemon_expected=daemon_expected)
        return Response(text, media_type=CONTENT_TYPE)

    async def told_health(_: Request) -> Response:
        found = await run_in_threadpool(health, settings, daemon_expected=daemon_expected)
        return Response(
            found.to_json(),
            status_code=503 if found.status == "down" else 200,
            headers={"Cache-Control": "no-store"},
            media_type="application/json",
        )

    settings.docs_dir.mkdir(parents=True, exist_ok=True)
    return Starlette(
        routes=[
            Route("/", home),
            Route("/metrics", told_metrics),
            Route("/healthz", told_health),
            Mount("/docs", StaticFiles(directory=settings.docs_dir, html=True)),
        ],
        middleware=[
            # A name that only later leads to this machine must not read its pages.
            Middleware(TrustedHostMiddleware, allowed_hosts=_hosts(settings), www_redirect=False),
            Middleware(_SafeHeaders),
        ],
    )


def links(settings: Settings, programs: Sequence[State] | None) -> list[Link]:
    """What can be opened, with the reason where something cannot.

    Args:
        settings: Where everything is.
        programs: How the programs are; None where nobody tells.
    """
    dagster, dashboard = settings.pages_url, dashboard_url(settings)
    no_dagster, no_dashboard = _absent(programs, DAGSTER), _absent(programs, DASHBOARD)
    found = [
        Link(
            "Lineage graph",
            "Every table from its source to the marts, with its checks.",
            f"{dagster}/asset-groups",
            no_dagster,
            {
                "Runs": f"{dagster}/runs",
                "Schedules and sensors": f"{dagster}/automation",
            },
        ),
        Link(
            "Dashboard",
            "Sales, stock, prices and suppliers in figures and charts.",
            f"{dashboard}/",
            no_dashboard,
            {title: f"{dashboard}/{path}" for path, title in DASHBOARD_PAGES.items()},
        ),
    ]
    for title, about, path in (
        ("Catalogue", "What every table, column and key figure means.", "index.html"),
        ("Models", "The dbt project: SQL, tests and their graph.", "dbt/static_index.html"),
    ):
        exists = (settings.docs_dir / path).is_file()
        href = f"/docs/{path.removesuffix('index.html') if path == 'index.html' else path}"
        absent = "" if exists else "Not written yet; inventory run writes it."
        found.append(Link(title, about, href, absent))
    found.append(
        Link(
            "For machines",
            "Figures for Prometheus, and whether all is well, as JSON.",
            "/metrics",
            more={"Metrics": "/metrics", "Health": "/healthz"},
        )
    )
    return found


def _absent(programs: Sequence[State] | None, name: str) -> str:
    if programs is None:
        return ""
    state = next((s for s in programs if s.name == name), None)
    if state is None:
        return "Not started."
    if state.state == UP:
        return ""
    return f"{state.state.capitalize()}{': ' if state.detail else '.'}{state.detail}"


def facts(settings: Settings) -> list[Fact]:
    """How the data is: the last runs, how fresh the marts are, which version readers have.

    What cannot be read is a fact too: the page is needed most when data is damaged.
    """
    looks: list[tuple[str, Callable[[], list[Fact]]]] = [
        ("Last run", lambda: _last_runs(read_published(settings))),
        ("Freshness", lambda: [_freshness(read_published(settings))]),
        ("Published", lambda: [_published(settings)]),
    ]
    found = []
    for what, look in looks:
        try:
            found += look()
        except UNREADABLE as error:
            found.append(Fact(what, f"Cannot be read: {error}", "bad"))
    return found


def _last_runs(told: Published | None) -> list[Fact]:
    """The newest run, and the newest ended run of every other job where that failed."""
    runs = _table(told, "runs", _OF_RUNS).sort("started_at")
    if runs.is_empty():
        return [Fact("Last run", "None yet; inventory run starts one.", "warn")]
    newest = runs.row(-1, named=True)
    failed = (
        runs.filter(
            pl.col("status").is_in(["success", "failure"]),
            pl.col("ended_at") >= _now() - LOOK_BACK,
        )
        .sort("ended_at")
        .group_by("job")
        .last()
        .filter(pl.col("status") == "failure")
        .sort("ended_at", "job", descending=[True, False])
        .select(_OF_RUNS)
    )
    others = [run for run in failed.iter_rows(named=True) if run != newest]
    return [_run("Last run", newest), *(_run(f"Last run of {run['job']}", run) for run in others)]


def _run(what: str, run: Mapping[str, Any]) -> Fact:
    tone = {"success": "good", "failure": "bad"}.get(run["status"], "warn")
    text = f"{run['job']}: {run['status']}"
    if run["seconds"] is not None:
        text += f" in {run['seconds']:,.0f} s"
    if run["failed_steps"]:
        text += f", {run['failed_steps']} step{'s' if run['failed_steps'] > 1 else ''} failed"
    at = run["ended_at"] or run["started_at"]
    return Fact(what, text, tone, _shown(at) if at else "")


def _freshness(told: Published | None) -> Fact:
    # Ages go on after the table was written; only its limits stay.
    assets = _table(told, "freshness", _OF_FRESHNESS).sort("asset")
    if assets.is_empty():
        return Fact("Freshness", "Not told yet.", "warn")
    now = _now()
    old = [
        row["asset"]
        for row in assets.iter_rows(named=True)
        if row["last_updated_at"] is None
        or now - row["last_updated_at"] > timedelta(hours=row["fresh_within_hours"])
    ]
    if not old:
        return Fact("Freshness", f"All {assets.height} assets are fresh.", "good")
    named = ", ".join(old[:_STALE_SHOWN]) + (" …" if len(old) > _STALE_SHOWN else "")
    return Fact("Freshness", f"{len(old)} of {assets.height} are not fresh: {named}", "bad")


def _table(told: Published | None, name: str, columns: Sequence[str]) -> pl.DataFrame:
    """Columns of a table of the history; no rows before there is one."""
    if told is None:
        return pl.DataFrame(schema=list(columns))
    return told.table(name).select(columns).collect()


def _published(settings: Settings) -> Fact:
    current = current_publication(settings.published_dir)
    if current is None:
        return Fact("Published", "Nothing yet: marts appear when all checks pass.", "warn")
    publication = current[1]
    rows = sum(publication.rows.values())
    text = f"Version {publication.version}: {len(publication.rows)} marts, {rows:,} rows"
    return Fact("Published", text, "good", _shown(datetime.fromisoformat(publication.published_at)))


def _hash(text: str) -> str:
    """What a content security policy calls a script or style by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _hosts(settings: Settings) -> list[str]:
    public = urlsplit(settings.public_url).hostname
    return [*_LOOPBACK, public] if public else _LOOPBACK


class _SafeHeaders:
    """Headers for every answer; what an answer says itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _DOCS_POLICY)
                for name, value in _COMMON.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, sent)


def main() -> None:
    """Serve the portal until told to stop."""
    settings = get_settings()
    states = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    daemon_expected = states is None or any(s.name == DAEMON for s in read_states(states))
    app = build_portal(settings, states, daemon_expected=daemon_expected)
    uvicorn.run(app, host=settings.portal_host, port=settings.portal_port, log_level="warning")


if __name__ == "__main__":
    main()
