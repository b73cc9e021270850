"""The portal tells how things are, leads everywhere, and gives away nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest

from inventory_platform.operations.portal import DASHBOARD_PAGES, build_portal, facts
from inventory_platform.operations.processes import State
from inventory_platform.publishing.parquet import Publication
from inventory_platform.sandbox.serving import served
from inventory_platform.settings import PROJECT_DIR, Settings

SINCE = "2026-09-30 10:00:00"
NOW = datetime.now(UTC).replace(tzinfo=None)
RUN_SCHEMA = {
    "job": pl.String,
    "status": pl.String,
    "started_at": pl.Datetime,
    "ended_at": pl.Datetime,
    "seconds": pl.Float64,
    "failed_steps": pl.Int64,
}


class Desk:
    """A data folder with what the portal reads."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.stack = stack
        self.settings = Settings(data_dir=folder / "data")
        self.states_file = folder / "programs.json"

    def client(self, **options: bool) -> httpx.Client:
        """Serve the portal and go there."""
        address = self.stack.enter_context(
            served(build_portal(self.settings, self.states_file, **options))
        )
        return self.stack.enter_context(httpx.Client(base_url=address, timeout=20))

    def page(self) -> str:
        answer = self.client(daemon_expected=False).get("/")
        assert answer.status_code == 200
        return answer.text

    def programs(self, *states: State) -> None:
        self.states_file.write_text(json.dumps([asdict(state) for state in states]))

    def publish(self, root: Path, tables: dict[str, pl.DataFrame]) -> None:
        """Publish tables by hand, as `publishing/parquet.py` lays them out."""
        folder = root / "versions" / "20260930T100000"
        folder.mkdir(parents=True)
        for name, frame in tables.items():
            frame.write_parquet(folder / f"{name}.parquet")
        rows = {name: frame.height for name, frame in tables.items()}
        told = Publication("20260930T100000", SINCE, "run", "1", rows, {}, "x")
        (folder / "manifest.json").write_text(json.dumps(asdict(told)))
        (root / "current").symlink_to(folder)

    def history(self, runs: Sequence[tuple[object, ...]], ages: dict[str, float | None]) -> None:
        """Publish a history of operations: runs, and asset → hours since it was made."""
        asset = {
            "asset": list(ages),
            "last_updated_at": [
                None if hours is None else NOW - timedelta(hours=hours) for hours in ages.values()
            ],
            "fresh_within_hours": [24.0] * len(ages),
        }
        checks = {"asset": [], "check_name": [], "passed": [], "severity": [], "evaluated_at": []}
        self.publish(
            self.settings.operations_dir,
            {
                "runs": pl.DataFrame(runs, schema=RUN_SCHEMA, orient="row"),
                "freshness": pl.DataFrame(
                    asset, schema_overrides={"last_updated_at": pl.Datetime, "asset": pl.String}
                ),
                "checks": pl.DataFrame(
                    checks,
                    schema_overrides={
                        "passed": pl.Boolean,
                        "severity": pl.String,
                        "asset": pl.String,
                        "check_name": pl.String,
                        "evaluated_at": pl.Datetime,
                    },
                ),
            },
        )

    def document(self, path: str, text: str) -> None:
        file = self.settings.docs_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path, stack)


def test_before_the_first_run_the_page_says_what_to_do(desk: Desk) -> None:
    page = desk.page()
    assert "No marts are published" in page
    assert "None yet; inventory run starts one." in page
    assert "Not written yet; inventory run writes it." in page
    assert "Something people need is missing." in page


def test_everything_that_is_up_is_linked(desk: Desk) -> None:
    desk.programs(State("dagster", "up", SINCE), State("dashboard", "up", SINCE))
    desk.document("index.html", "catalogue")
    desk.document("dbt/static_index.html", "models")
    page = desk.page()
    for address in (
        "http://127.0.0.1:3000/asset-groups",
        "http://127.0.0.1:3000/runs",
        "http://127.0.0.1:8501/",
        "http://127.0.0.1:8501/stock",
        "/docs/",
        "/docs/dbt/static_index.html",
        "/metrics",
        "/healthz",
    ):
        assert f'href="{address}"' in page


def test_the_pages_of_the_dashboard_are_those_it_has() -> None:
    found = {}
    for file in (PROJECT_DIR / "dashboard" / "subjects").glob("[a-z]*.py"):
        declared = re.search(r'title="(.+)",\n    path="(.*)",', file.read_text())
        assert declared, file.name
        found[declared[2]] = declared[1]
    assert found == DASHBOARD_PAGES


@pytest.mark.parametrize(
    ("state", "detail"),
    [
        ("waiting", "was killed by signal 9 after 31 s; starts again in 4 s"),
        ("failed", "ended with code 1, 5 times in a row; dashboard.log says why"),
        ("not installed", "streamlit missing; `make ui` installs what it needs"),
    ],
)
def test_a_program_that_is_down_is_shown_with_its_reason_and_not_linked(
    desk: Desk, state: str, detail: str
) -> None:
    desk.publish(desk.settings.published_dir, {"fct_orders": pl.DataFrame({"a": [1]})})
    desk.history([], {})
    desk.programs(State("dagster", "up", SINCE), State("dashboard", state, SINCE, None, 4, detail))
    page = desk.page()
    assert 'href="http://127.0.0.1:8501/"' not in page
    assert f"{state.capitalize()}: {detail}" in page
    assert "Everything is well." not in page
    assert 'href="http://127.0.0.1:3000/asset-groups"' in page


def test_the_last_run_freshness_and_published_version_are_told(desk: Desk) -> None:
    desk.publish(desk.settings.published_dir, {"fct_orders": pl.DataFrame({"a": [1, 2]})})
    desk.history(
        [
            ("refresh_all", "failure", NOW - timedelta(hours=2), NOW, 61.0, 2),
            ("older", "success", NOW - timedelta(hours=3), NOW, 5.0, 0),
        ],
        {"marts/fct_orders": 1, "marts/fct_stock": 25, "raw/shop__items": None},
    )
    page = desk.page()
    assert "refresh_all: failure in 61 s, 2 steps failed" in page
    assert "2 of 3 are not fresh: marts/fct_stock, raw/shop__items" in page
    assert "Version 20260930T100000: 1 marts, 2 rows" in page


def test_a_job_whose_newest_ended_run_failed_stays_told_until_it_succeeds(desk: Desk) -> None:
    def run(job: str, status: str, hours: float) -> tuple[object, ...]:
        at = NOW - timedelta(hours=hours)
        return (job, status, at, None if status == "started" else at, 5.0, 0)

    desk.history(
        [
            run("nightly", "failure", 9),
            run("nightly", "canceled", 8),
            run("nightly", "started", 1),
            run("backup", "failure", 9),
            run("backup", "success", 8),
            run("long_gone", "failure", 24 * 9),
            *(run("hourly", "success", hours) for hours in (7, 6, 5, 0.5)),
        ],
        {},
    )
    told = {fact.what: fact for fact in facts(desk.settings)}
    assert list(told) == ["Last run", "Last run of nightly", "Freshness", "Published"]
    assert told["Last run"].text == "hourly: success in 5 s"
    assert told["Last run of nightly"].text == "nightly: failure in 5 s"
    assert told["Last run of nightly"].tone == "bad"


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        ("published/current/manifest.json", {"Published"}),
        ("published/operations/current/manifest.json", {"Last run", "Freshness"}),
        ("published/operations/current/runs.parquet", {"Last run"}),
        ("published/operations/current/freshness.parquet", {"Freshness"}),
    ],
)
@pytest.mark.parametrize("content", [None, "{", "PAR1"])
def test_what_is_damaged_or_gone_is_told_on_a_page_that_still_answers(
    desk: Desk, damaged: str, told: set[str], content: str | None
) -> None:
    desk.publish(desk.settings.published_dir, {"fct_orders": pl.DataFrame({"a": [1]})})
    desk.history([("nightly", "success", NOW, NOW, 1.0, 0)], {"marts/fct_orders": 1})
    desk.page()
    file = desk.settings.data_dir / damaged
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    unreadable = {f.what for f in facts(desk.settings) if f.text.startswith("Cannot be read: ")}
    assert unreadable == told
    page = desk.page()
    assert page.count("Cannot be read: ") == len(told)
    assert "Everything is well." not in page


def test_what_the_platform_reports_cannot_become_markup(desk: Desk) -> None:
    hostile = "<script>alert(1)</script>"
    desk.history([(hostile, "success", NOW, NOW, 1.0, 0)], {hostile: None})
    desk.programs(State("dashboard", "failed", SINCE, None, 1, hostile))
    page = desk.page()
    assert hostile not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_health_is_503_only_when_people_get_no_data(desk: Desk) -> None:
    answer = desk.client(daemon_expected=False).get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "down")
    desk.publish(desk.settings.published_dir, {"fct_orders": pl.DataFrame({"a": [1]})})
    answer = desk.client(daemon_expected=False).get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert answer.headers["content-type"] == "application/json"


def test_a_daemon_that_is_not_expected_is_no_finding(desk: Desk) -> None:
    assert "daemon never ran" in desk.client().get("/healthz").text
    assert "daemon never ran" not in desk.client(daemon_expected=False).get("/healthz").text
    finding = 'inventory_health_findings{subject="daemon"} 1.0'
    assert finding in desk.client().get("/metrics").text
    assert finding not in desk.client(daemon_expected=False).get("/metrics").text


def test_metrics_are_what_prometheus_reads(desk: Desk) -> None:
    answer = desk.client().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "# TYPE inventory_health gauge" in answer.text


def test_the_docs_are_served_and_nothing_beside_them(desk: Desk) -> None:
    desk.document("kpis/kpi_sales.html", "a key figure")
    (desk.settings.data_dir / "secret.txt").write_text("not for you")
    (desk.settings.docs_dir / "out").symlink_to(desk.settings.data_dir)
    client = desk.client()
    assert client.get("/docs/kpis/kpi_sales.html").text == "a key figure"
    for path in ("/docs/%2e%2e/secret.txt", "/docs/..%2fsecret.txt", "/docs/out/secret.txt"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "not for you" not in answer.text
    assert client.post("/docs/kpis/kpi_sales.html").status_code == 405


@pytest.mark.parametrize("path", ["/", "/docs/page.html", "/metrics", "/nothing"])
def test_every_answer_carries_safe_headers(desk: Desk, path: str) -> None:
    desk.document("page.html", "x")
    headers = desk.client().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_page_may_run_its_own_script_and_no_other(desk: Desk) -> None:
    policy = desk.client().get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_name_that_is_not_this_machine_is_refused(desk: Desk) -> None:
    client = desk.client()
    assert client.get("/", headers={"Host": "rebound.example.org"}).status_code == 400
    assert client.get("/", headers={"Host": "localhost:8080"}).status_code == 200
    desk.settings = Settings(
        data_dir=desk.settings.data_dir, public_url="https://stock.example.com"
    )
    assert desk.client().get("/", headers={"Host": "stock.example.com"}).status_code == 200


def test_where_docker_watches_the_programs_all_are_linked_and_none_is_judged(desk: Desk) -> None:
    address = desk.stack.enter_context(served(build_portal(desk.settings, None)))
    page = httpx.get(f"{address}/", timeout=20).text
    assert f'href="{desk.settings.pages_url}/asset-groups"' in page
    assert "Not started." not in page
