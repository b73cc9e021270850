"""The dashboard's pages without a browser: numbers worked out by hand, and every state.

What can be seen only in a browser (filters by hand, phones, requests) is in
`tests/e2e/test_dashboard.py`.
"""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from base64 import b64decode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import plotly.io as pio
import pytest
import yaml  # type: ignore[import-untyped]
from streamlit.testing.v1 import AppTest

from dashboard import charts, data, frame
from inventory_platform.publishing import spreadsheets

ROOT = Path(__file__).resolve().parents[1]
NOW = datetime.now(UTC).replace(tzinfo=None)

MARTS = {
    "dim_dates": "select date_day::date as date_day from range(date '2026-01-01',"
    " date '2026-07-01', interval 1 day) as r(date_day)",
    "dim_products": "from (values ('P1', 'Mug', 'Kitchen'), ('P2', '=Saw', 'Tools'))"
    " as t(product_id, product_name, category)",
    "kpi_sales_daily": """
        select *, coalesce(gross_amount, 0) as net_amount, gross_amount as sales_amount,
            10 as cost_amount, 40 as costed_amount, 0 as refund_amount
        from (values
            (date '2026-06-30', 'web', 'Kitchen', 'Spain', 100.50, 2),
            (date '2026-06-30', 'shop', 'Tools', 'Italy', 50.00, 1),
            (date '2026-06-01', 'web', 'Tools', 'Spain', 20.00, 1),
            (date '2026-03-10', 'web', 'Kitchen', 'Spain', 85.25, 3)
        ) as t(date_day, channel, category, country, gross_amount, units)""",
    "kpi_orders_daily": """
        from (values
            (date '2026-06-30', 'web', 'Spain', 2, 120.50), (date '2026-06-30', 'shop', 'Italy', 1,
            50.00), (date '2026-03-10', 'web', 'Spain', 1, 85.25)
        ) as t(date_day, channel, country, order_count, gross_amount)""",
}
PAGE = """
from dashboard import frame
from dashboard.subjects import {name}
frame.run({name}.PAGE)
"""
Publish = Callable[..., None]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Publish relations (name → SELECT) as a version, as the platform does."""
    monkeypatch.setenv("INVENTORY_PUBLISHED", str(tmp_path))

    def make(
        relations: Mapping[str, str], *, below: str = "", at: datetime = NOW, version: str = "v1"
    ) -> None:
        folder = tmp_path / below / "versions" / version
        folder.mkdir(parents=True)
        with duckdb.connect() as con:
            for name, sql in relations.items():
                con.execute(f"copy ({sql}) to '{folder / name}.parquet'")
        (folder / "manifest.json").write_text(json.dumps({"published_at": at.isoformat(sep=" ")}))
        link = tmp_path / below / "current"
        link.unlink(missing_ok=True)
        link.symlink_to(folder, target_is_directory=True)

    return make


def opened(name: str = "kpis", **address: str | list[str]) -> AppTest:
    """A page as it is drawn for an address; it must never show a stack trace."""
    page = AppTest.from_string(PAGE.format(name=name), default_timeout=60)
    for key, value in address.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    return page


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def said(page: AppTest) -> list[str]:
    return [box.value for kind in (page.info, page.warning, page.error) for box in kind]


def test_figures_are_sums_of_the_chosen_days_and_ratios_of_sums(publish: Publish) -> None:
    publish(MARTS)
    page = opened()
    # 100.50 + 50 + 20 of the last 90 days; a margin of 90 on costed 120; 170.50 ÷ 3 orders.
    assert figures(page) == {
        "Gross revenue": "€170",
        "Net revenue": "€170",
        "Units": "4",
        "Orders": "3",
        "Average order": "€56.83",
        "Margin": "75.0%",
    }
    # 90 days earlier 85.25 were sold: 170.50 is twice as much.
    assert page.metric[0].delta == "+100.0%"


def test_a_filter_in_the_address_counts(publish: Publish) -> None:
    publish(MARTS)
    assert figures(opened(channel="web"))["Gross revenue"] == "€120"
    assert figures(opened(period="Everything"))["Gross revenue"] == "€256"
    shown = figures(opened(category="Tools"))
    assert shown["Gross revenue"] == "€70"
    assert shown["Orders"] == frame.UNKNOWN  # An order has several categories.


def test_an_unknown_value_in_the_address_is_no_filter(publish: Publish) -> None:
    publish(MARTS)
    page = opened(channel="'; drop table x", period="Last century")
    assert figures(page)["Gross revenue"] == "€170"


def test_a_first_period_is_compared_with_nothing(publish: Publish) -> None:
    publish(MARTS)
    page = opened(period="Everything")
    assert not page.metric[0].delta
    assert any("no period of this length before" in c.value for c in page.caption)


def test_filters_that_leave_nothing_say_so(publish: Publish) -> None:
    publish(MARTS)
    page = opened(channel="shop", country="Spain")
    assert said(page).count("Nothing in this range. Choose more days or fewer filters.") == 5
    assert not figures(page)


def lines(page: AppTest, title: str) -> dict[str, list[float]]:
    """The lines of a section's chart: name → values."""
    drawn = next(c for c in page.get("plotly_chart") if f"{title} chart" in c.proto.id)
    figure = pio.from_json(drawn.proto.spec)
    return {
        line.name: np.frombuffer(b64decode(line.y["bdata"]), line.y["dtype"]).tolist()
        for line in figure.data
    }


@pytest.mark.parametrize(
    ("period", "points"), [("Last 90 days", 90), ("Last 28 days", 28), ("Everything", 27)]
)
def test_days_and_weeks_without_sales_are_drawn_as_zero(
    publish: Publish, period: str, points: int
) -> None:
    publish(MARTS)
    page = opened(channel="web", period=period)
    drawn = lines(page, "Revenue over time")
    assert len(drawn["gross"]) == points
    assert drawn["gross"].count(0) > points - 4
    shown = figures(page)["Gross revenue"].removeprefix("\N{EURO SIGN}")
    assert f"{sum(drawn['gross']):.0f}" == shown


def test_the_earlier_period_is_drawn_whole(publish: Publish) -> None:
    publish(MARTS)
    drawn = lines(opened(), "Revenue over time")
    # Nothing was sold 90 days after 10 March; its 85.25 are drawn all the same.
    assert sum(drawn["gross, 90 days earlier"]) == 85.25


def test_before_the_first_publication_a_page_says_what_to_do(publish: Publish) -> None:
    for name in ("kpis", "stock"):
        assert said(opened(name)) == ["No mart is published yet: run `make run`."]


def test_a_mart_that_is_missing_is_named_where_it_is_missing(publish: Publish) -> None:
    publish({name: sql for name, sql in MARTS.items() if name != "kpi_orders_daily"})
    page = opened()
    assert "`kpi_orders_daily` is not published yet: run `make run`." in said(page)
    assert [text.value for text in page.subheader].count("Revenue over time") == 1
    publish({}, version="v2")
    assert said(opened()) == ["`dim_dates` is not published yet: run `make run`."]


def test_a_stock_page_without_live_stock_says_so(publish: Publish) -> None:
    publish(MARTS)
    assert "`fct_live_stock` is not published yet: run `make run`." in said(opened("stock"))


def test_live_stock_adds_up_what_the_book_knows_and_counts_the_rest(publish: Publish) -> None:
    publish(MARTS | {"dim_products": "select 'P1' as product_id, 'Mug' as product_name"})
    row = "date '2026-06-29' as closed_date, timestamp '2026-06-30 08:00' as last_event_at"
    live = f"""
        select *, coalesce(closing_quantity, 0) + quantity_change as quantity_on_hand, {row}
        from (values ('P1', 'NTH', 'A', 'North', 20, -3), ('P2', 'NTH', 'B', 'North', 5, 1),
            ('P3', 'STH', 'C', 'South', null, 5903)) as t(product_id, location_id, sku,
            location, closing_quantity, quantity_change)"""
    publish({"fct_live_stock": live}, below="live")
    (line,) = [m.value for m in opened("stock").markdown if m.value.startswith("Newest event")]
    assert "**-2 units** since the last closed day" in line
    assert "1 of 3 rows have no book" in line


def test_marts_of_another_shape_are_named_with_the_reason(publish: Publish) -> None:
    publish(MARTS | {"kpi_sales_daily": "select date '2026-06-30' as date_day, 'web' as channel"})
    messages = [text for text in said(opened()) if text.startswith("`kpi_sales_daily` cannot be")]
    assert messages
    assert "gross_amount" in messages[0]


def test_a_broken_file_is_named(publish: Publish, tmp_path: Path) -> None:
    publish(MARTS)
    (tmp_path / "current" / "kpi_orders_daily.parquet").write_bytes(b"PAR1 no")
    assert any(text.startswith("`kpi_orders_daily` cannot be read") for text in said(opened()))


def test_a_broken_manifest_is_named(publish: Publish, tmp_path: Path) -> None:
    publish(MARTS)
    (tmp_path / "current" / "manifest.json").write_text("{")
    assert said(opened())[0].startswith("The manifest of the published version v1 cannot be read")


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVENTORY_PUBLISHED", raising=False)
    assert said(opened()) == ["Set `INVENTORY_PUBLISHED` to the folder of published marts."]


def test_a_wrong_currency_is_named(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(MARTS)
    monkeypatch.setenv("DASHBOARD_CURRENCY", "Euro")
    assert "`DASHBOARD_CURRENCY` must be a code of three capital letters." in said(opened())
    monkeypatch.setenv("DASHBOARD_CURRENCY", "CHF")
    assert figures(opened())["Gross revenue"] == "170 CHF"


def test_days_without_publication_are_called_stale(publish: Publish) -> None:
    publish(MARTS, at=NOW - timedelta(days=3, minutes=1))
    assert said(opened())[-1] == (
        "Stale: nothing was published for 3 days. Is the platform running?"
    )


def test_the_header_tells_the_last_day_of_business_and_when_it_was_published(
    publish: Publish,
) -> None:
    at = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=5, seconds=10)
    publish(MARTS, at=at)
    published = f"{at:%-d %b %Y %H:%M} UTC (5 minutes ago)"
    told = f"Data as of 30 Jun 2026, the last day of business; published {published}"
    assert told in [text.value for text in opened().caption]


def test_what_was_just_published_is_not_stale(publish: Publish) -> None:
    publish(MARTS)
    assert not [text for text in said(opened()) if "Stale" in text]


def made_ago(hours: Mapping[str, float | None]) -> str:
    """The published freshness of assets made so long ago; all were fresh when it was written."""
    rows = ", ".join(
        f"('{asset}', null)"
        if ago is None
        else f"('{asset}', timestamp '{NOW - timedelta(hours=ago)}')"
        for asset, ago in hours.items()
    )
    return f"""
        select *, 'group' as asset_group, 1.0 as age_hours, 36.0 as fresh_within_hours,
            'fresh' as state
        from (values {rows}) as t(asset, last_updated_at)"""


def test_marts_the_platform_measures_as_stale_are_named(publish: Publish) -> None:
    publish(MARTS)
    publish(
        {"freshness": made_ago({"marts/kpi_orders": 37, "marts/kpi_x": 35, "raw/shop__items": 99})},
        below="operations",
    )
    told = [text for text in said(opened()) if text.startswith("Stale")]
    assert told == [
        "Stale: `kpi_orders` should have been built anew by now. Is the platform running?"
    ]


@pytest.mark.parametrize(
    ("status", "hours", "told"),
    [("failure", 1, True), ("failure", -1, False), ("success", 1, False)],
)
def test_a_run_that_failed_after_the_publication_is_told(
    publish: Publish, status: str, hours: int, told: bool
) -> None:
    publish(MARTS)
    ended = NOW + timedelta(hours=hours)
    publish(
        {"runs": f"select 'r1' as run_id, 'nightly' as job, '{status}' as status,"
         f" timestamp '{ended}' as ended_at, 'no disk' as error"},
        below="operations",
    )  # fmt: skip
    page = opened()
    assert any("(nightly) failed" in text for text in said(page)) is told
    assert figures(page)["Units"] == "4"  # The last good state is still shown.


def test_a_failed_job_is_told_although_runs_of_others_followed(publish: Publish) -> None:
    publish(MARTS)
    ended = ", ".join(
        f"('{number}', '{job}', '{status}', timestamp '{NOW + timedelta(hours=hours)}')"
        for number, (job, status, hours) in enumerate(
            [
                ("nightly", "failure", 1),
                ("nightly", "canceled", 2),
                ("backup", "failure", 3),
                ("mended", "failure", 1),
                ("mended", "success", 2),
                ("old", "failure", -1),
                ("hourly", "success", 4),
                ("hourly", "success", 5),
            ]
        )
    )
    publish(
        {"runs": f"from (values {ended}) as t(run_id, job, status, ended_at)"}, below="operations"
    )
    [told] = [text for text in said(opened()) if "failed on" in text]
    assert re.findall(r"\((\w+)\) failed on", told) == ["backup", "nightly"]


def test_the_next_publication_is_shown_although_results_are_kept(publish: Publish) -> None:
    publish(MARTS)
    page = opened()
    assert figures(page)["Units"] == "4"
    publish(
        MARTS | {"kpi_sales_daily": f"{MARTS['kpi_sales_daily']} where channel = 'shop'"},
        version="v2",
    )
    page.button(key="refresh_now").click().run()
    assert figures(page)["Units"] == "1"


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (150, 100, "+50.0%"),
        (-50, 100, "-150.0%"),
        (50, -100, None),
        (-200, -100, None),
        (50, 0, None),
        (50, None, None),
        (50, float("nan"), None),
        (None, 50, None),
        (float("nan"), 50, None),
    ],
)
def test_a_change_is_told_only_against_a_figure_above_zero(
    now: float | None, before: float | None, told: str | None
) -> None:
    assert frame.change(now, before) == told


def test_a_download_cannot_run_anything_in_a_spreadsheet() -> None:
    rows = pd.DataFrame(
        {
            "=name": ["=1+1", "+a", "-b", "@c", "\td", "\re", "plain", 'with "quotes", and comma'],
            "amount": [-1.5, 2, 3, 4, 5, 6, 7, None],
            "day": pd.to_datetime(["2026-06-30"] * 7 + [None]),
            "at": pd.to_datetime(["2026-06-30 10:15"] * 8),
        }
    )
    text = data.csv_bytes(rows).decode("utf-8-sig").split("\r\n")
    assert text[0] == "'=name,amount,day,at"
    assert text[1] == "'=1+1,-1.5,2026-06-30,2026-06-30 10:15:00"
    assert [line.partition(",")[0] for line in text[2:5]] == ["'+a", "'-b", "'@c"]
    assert text[5].startswith("'\td,")
    assert text[6].startswith('"\'\re",')
    assert text[7] == "plain,7.0,2026-06-30,2026-06-30 10:15:00"
    assert text[8] == '"with ""quotes"", and comma",,,2026-06-30 10:15:00'


@pytest.mark.parametrize(
    "text",
    [
        *("=1", " =1", "\uff1d1", '"=1', "x;=1", "x;;+1", "a\t-1", "a\r\n @b", "\td", "\t=1", "\n"),
        *('";="', "-", "x; y", "x=1", "a-b", "plain", "", "\u00a0=1", "2;3", "M\u00fcller; -5"),
    ],
)
def test_a_download_guards_against_formulas_as_an_export_does(text: str) -> None:
    rows = pd.DataFrame({"text": [text]})
    _, (written,) = csv.reader(io.StringIO(data.csv_bytes(rows).decode("utf-8-sig"), newline=""))
    with duckdb.connect() as con:
        assert written == spreadsheets.harmless(con, text)


def test_the_rule_for_formulas_is_that_of_exports() -> None:
    for name in ("_CELL_BEGINS", "_BLANK_BEGINS"):
        assert getattr(data, name) == getattr(spreadsheets, name)


def test_every_colour_can_be_told_from_both_backgrounds() -> None:
    config = tomllib.loads((ROOT / "dashboard/.streamlit/config.toml").read_text())
    for theme in ("light", "dark"):
        background = config["theme"][theme]["backgroundColor"]
        for colour in charts.PALETTE:
            assert contrast(colour, background) >= 3.8, (theme, colour)
        assert contrast(config["theme"][theme]["textColor"], background) >= 7


def test_two_bars_of_one_name_stay_two_bars() -> None:
    rows = pd.DataFrame({"name": ["Mug", "Mug", None], "amount": [3, 2, 1]})
    figure = charts.bars(rows, "name", "amount")
    assert list(figure.data[0].y) == [0, 1, 2]
    assert list(figure.data[0].x) == [1, 2, 3]
    assert list(figure.layout.yaxis.ticktext) == ["unknown", "Mug", "Mug"]


def test_nothing_in_the_name_of_a_bar_is_markup() -> None:
    name = '<a href="https://shop.example">B & C</a>'
    figure = charts.bars(pd.DataFrame({"name": [name], "amount": [1]}), "name", "amount")
    (hovered,), (beside,) = figure.data[0].customdata, figure.layout.yaxis.ticktext
    assert hovered == '&lt;a href="https://shop.example"&gt;B &amp; C&lt;/a&gt;'
    assert "<" not in beside
    assert beside.startswith("&lt;a href")


def test_a_long_name_leaves_room_for_its_bar_and_is_whole_when_hovered() -> None:
    name = "Mug " * 30 + "of blue clay"
    figure = charts.bars(pd.DataFrame({"name": [name], "amount": [1]}), "name", "amount")
    assert figure.layout.yaxis.ticktext == ("Mug Mug Mug \N{HORIZONTAL ELLIPSIS}f blue clay",)
    assert figure.data[0].customdata == (name,)


@pytest.mark.parametrize("amounts", [[39.0, 5.0], [-39.0, 5.0], [-39.0, -5.0], [0.0, None]])
def test_the_longest_amount_has_room_beside_its_bar(amounts: list[float | None]) -> None:
    rows = pd.DataFrame({"name": ["a", "b"], "amount": amounts})
    figure = charts.bars(rows, "name", "amount", unit="seconds", decimals=1)
    longest = max(figure.data[0].text, key=len)
    assert longest in ("39.0 seconds", "-39.0 seconds", "0.0 seconds")
    # Bars end where the axis does; beyond it every character has more than the 7 pixels of a digit.
    assert figure.layout.margin.r > 7 * len(longest)
    low, high = figure.layout.xaxis.range
    known = [amount for amount in amounts if amount is not None]
    assert (low, high) == (min(0, *known), max(0, *known) if any(known) else 1)
    assert (figure.layout.yaxis.ticklabelstandoff or 0) >= (7 * len(longest) if low < 0 else 0)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, as WCAG 2 defines it."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def sources() -> dict[str, str]:
    return {str(p): p.read_text(encoding="utf-8") for p in (ROOT / "dashboard").rglob("*.py")}


def test_the_exposure_lists_exactly_the_marts_that_are_read() -> None:
    text = "\n".join(sources().values())
    read = set(re.findall(r"\b(?:marts|live)\.((?:dim|fct|kpi)_\w+)", text))
    exposures = yaml.safe_load((ROOT / "dbt_project/models/_exposures.yml").read_text())
    listed = next(e for e in exposures["exposures"] if e["name"] == "dashboard")["depends_on"]
    assert listed == [f"ref('{mart}')" for mart in sorted(read)]


def test_the_dashboard_knows_nothing_of_the_platform() -> None:
    for path, text in sources().items():
        imported = re.findall(r"^\s*(?:from|import) (\w+)", text, flags=re.MULTILINE)
        assert not {"inventory_platform", "asset_checks", "dagster"} & set(imported), path
