"""What every page has: header with its state, filters, refresh, sections, downloads.

A page is a `Page`: a title, its filters, and a function that draws sections from a `View`. The
frame does the rest, and turns everything that can be missing into a sentence. Filters live in the
address of the page, so a view can be shared by its link. No page-specific number belongs here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import charts, data

STALE_AFTER = timedelta(hours=36)
"""What marts promise at least; once the platform measures freshness itself, that counts."""

UNKNOWN = "\N{EN DASH}"
"""Shown in place of a number nobody knows; never a zero."""

BUSINESS_DAYS = "select min(date_day), max(date_day) from marts.dim_dates"
"""Today is the last day of business, as in the marts."""

PERIODS: Mapping[str, int | None] = {
    "Last 28 days": 28,
    "Last 90 days": 90,
    "Last 12 months": 365,
    "Everything": None,
    "Choose days": None,
}
REFRESH: Mapping[str, timedelta | None] = {
    "Off": None,
    "Every 10 seconds": timedelta(seconds=10),
    "Every minute": timedelta(minutes=1),
    "Every 5 minutes": timedelta(minutes=5),
}

MOST_ROWS = 200
"""Rows of the longest tables; the marts have the rest."""

NOTHING = "Nothing in this range. Choose more days or fewer filters."


class NothingError(data.DashboardError):
    """The filters leave no row."""


@dataclass(frozen=True)
class Filter:
    """One choice a reader has.

    Attributes:
        key: Its name in the address of the page.
        label: What it is called.
        condition: SQL with `{values}`, a list in brackets, or `{value}`, what was typed.
        options: A SELECT of `value` and `label`; None for a field to type in.
    """

    key: str
    label: str
    condition: str
    options: str | None = None


CHANNEL = Filter(
    "channel", "Channel", "channel in {values}",
    "select distinct channel as value, channel as label from marts.kpi_sales_daily order by 1",
)  # fmt: skip
CATEGORY = Filter(
    "category", "Category", "category in {values}",
    "select distinct category as value, category as label from marts.kpi_sales_daily order by 1",
)  # fmt: skip
COUNTRY = Filter(
    "country", "Country", "country in {values}",
    "select distinct country as value, country as label from marts.kpi_sales_daily order by 1",
)  # fmt: skip
LOCATION = Filter(
    "location", "Location", "location_id in {values}",
    "select location_id as value, location_id || ' · ' || location_name as label"
    " from marts.dim_locations order by 1",
)  # fmt: skip
PRODUCT_CATEGORY = Filter(
    "category", "Category",
    "product_id in (select p.product_id from marts.dim_products as p where p.category in {values})",
    "select distinct category as value, category as label from marts.dim_products"
    " where category is not null order by 1",
)  # fmt: skip
PRODUCT = Filter(
    "product", "Product (part of its name or number)",
    "(contains(lower(product_id), lower({value})) or product_id in (select p.product_id"
    " from marts.dim_products as p where contains(lower(p.product_name), lower({value}))))",
)  # fmt: skip


@dataclass(frozen=True)
class View:
    """What one drawing of a page shows: a snapshot, days, and what was chosen.

    Attributes:
        snapshot: The published versions it reads.
        first: First day shown.
        last: Last day shown.
        begin: First day of business.
        chosen: Key of a filter → values.
    """

    snapshot: data.Snapshot
    first: date
    last: date
    begin: date
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def days(self) -> int:
        """Number of days shown."""
        return (self.last - self.first).days + 1

    @property
    def before(self) -> View | None:
        """The period of the same length before; None when it began before all business."""
        length = timedelta(days=self.days)
        earlier = replace(self, first=self.first - length, last=self.last - length)
        return earlier if earlier.first >= self.begin else None

    def has(self, *filters: Filter) -> bool:
        """Whether something is chosen in one of the filters."""
        return any(self.chosen.get(f.key) for f in filters)

    def where(self, *filters: Filter, dates: str | None = None) -> str:
        """The condition of the chosen days (in the column `dates`) and filters, as SQL."""
        parts = [f"{dates} between $first and $last"] if dates else []
        for one in filters:
            if values := self.chosen.get(one.key):
                names = [f"${one.key}_{n}" for n in range(len(values))]
                parts.append(one.condition.format(values=f"({', '.join(names)})", value=names[0]))
        return " and ".join(parts) or "true"

    def query(self, sql: str, **parameters: Any) -> pd.DataFrame:
        """Run a SELECT; `$first`, `$last` and what `where` names are filled in."""
        chosen = {f"{k}_{n}": v for k, values in self.chosen.items() for n, v in enumerate(values)}
        days = {"first": self.first, "last": self.last}
        return self.snapshot.query(sql, {**days, **chosen, **parameters})

    def rows(self, sql: str, *, nothing: str = NOTHING, **parameters: Any) -> pd.DataFrame:
        """Like `query`, for a section that says `nothing` when there are no rows.

        Raises:
            NothingError: There are none.
        """
        frame = self.query(sql, **parameters)
        if frame.empty or frame.isna().all(axis=None):
            raise NothingError(nothing)
        return frame


@dataclass(frozen=True)
class Page:
    """A page of the dashboard.

    Attributes:
        title: Its name.
        path: Its address.
        icon: A Material icon, as `:material/…:`.
        question: One sentence under the title: what the page answers.
        show: Draws the sections.
        filters: The choices a reader has.
        has_dates: Whether days can be chosen.
        schemas: The published folders it reads; it is drawn anew when one of them changes.
        days: A SELECT of the first and the last day there is to choose.
    """

    title: str
    path: str
    icon: str
    question: str
    show: Callable[[View], None]
    filters: tuple[Filter, ...] = ()
    has_dates: bool = True
    schemas: tuple[str, ...] = ("marts", "ops")
    days: str = BUSINESS_DAYS


class Section:
    """One question with its answer: a chart, a table, or both, and what is shown as a file."""

    def __init__(self, title: str, corner: DeltaGenerator) -> None:
        self._title = title
        self._corner = corner
        self._offered = False

    def chart(self, figure: go.Figure, frame: pd.DataFrame, alt: str) -> None:
        """Show a figure made from a frame; `alt` says in words what can be seen in it."""
        self.offer(frame)
        charts.ink(figure, is_dark=st.context.theme.type == "dark")
        st.plotly_chart(figure, config=charts.CONFIG, alt=alt, key=f"{self._title} chart")

    def table(
        self, frame: pd.DataFrame, columns: Mapping[str, Any], *, height: int | None = None
    ) -> None:
        """Show columns of a frame in the given order (column → its configuration)."""
        self.offer(frame)
        st.dataframe(
            frame, hide_index=True, column_config=dict(columns), column_order=list(columns),
            height=height or "auto", placeholder=UNKNOWN,
        )  # fmt: skip

    def offer(self, frame: pd.DataFrame) -> None:
        """Let a frame be downloaded; the first one of a section counts."""
        if self._offered:
            return
        self._offered = True
        name = re.sub(r"\W+", "-", self._title.lower()).strip("-")
        self._corner.download_button(
            "CSV", data=lambda: data.csv_bytes(frame), file_name=f"{name}.csv", mime="text/csv",
            key=f"{self._title} download", type="tertiary", icon=":material/download:",
            help=f"Download “{self._title}” as it is shown", on_click="ignore",
        )  # fmt: skip


@contextmanager
def section(title: str, note: str = "") -> Iterator[Section]:
    """A box with a title; whatever is missing inside is said in it, and the page goes on."""
    with st.container(border=True, gap="xsmall"):
        head = st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center",
            wrap=False,
        )  # fmt: skip
        head.subheader(title, anchor=False)
        if note:
            st.caption(note)
        try:
            yield Section(title, head)
        except data.DashboardError as reason:
            say(reason)


def say(reason: data.DashboardError) -> None:
    """Tell a reader why there are no numbers."""
    if isinstance(reason, NothingError):
        st.info(str(reason), icon=":material/filter_alt_off:")
    elif isinstance(reason, data.NotPublishedError):
        st.info(str(reason), icon=":material/hourglass_empty:")
    else:
        st.error(str(reason), icon=":material/error:")


def tiles(*values: tuple[str, str, str | None, str]) -> None:
    """Figures side by side, two to a row on a phone: label, value, change, explanation."""
    with st.container(horizontal=True, gap="small"):
        for label, value, change, explanation in values:
            st.metric(label, value, change, help=explanation, border=True, width="stretch")


def money(amount: float | None, decimals: int = 0) -> str:
    """An amount in the base currency as text; a dash for what is unknown."""
    return with_unit(amount, data.currency(), decimals)


def count(number: float | None, decimals: int = 0) -> str:
    """A number as text; a dash for what is unknown."""
    return with_unit(number, "", decimals)


def with_unit(number: float | None, unit: str, decimals: int = 0) -> str:
    """A number with its unit as text; a dash for what is unknown."""
    if number is None or pd.isna(number):
        return UNKNOWN
    text = charts.with_unit(f"{abs(number):,.{decimals}f}", unit)
    return f"-{text}" if round(number, decimals) < 0 else text


def share(ratio: float | None, decimals: int = 1) -> str:
    """A ratio in per cent; a dash for what is unknown."""
    return UNKNOWN if ratio is None or pd.isna(ratio) else f"{ratio:.{decimals}%}"


def ratio(numerator: float | None, denominator: float | None) -> float | None:
    """A ratio of sums, unknown when one of them is or the denominator is zero."""
    if numerator is None or denominator is None or pd.isna(numerator) or pd.isna(denominator):
        return None
    return numerator / denominator if denominator else None


def change(now: float | None, before: float | None) -> str | None:
    """By how much a figure changed, as text; None when that cannot be said.

    Against zero or less it cannot: a rise from a loss would show as a fall.
    """
    if now is None or before is None or pd.isna(before) or before <= 0:
        return None
    growth = ratio(now - before, before)
    return None if growth is None else f"{growth:+.1%}"


def freshness(snapshot: data.Snapshot) -> pd.DataFrame:
    """How old every asset is, in hours, and whether it is `fresh`, `stale` or was `never` made.

    Both are worked out anew at every look: what was published stays as it is, while assets age.

    Raises:
        DashboardError: It is not published, or cannot be read.
    """
    rows = snapshot.query(
        "select asset, asset_group, last_updated_at, fresh_within_hours from ops.freshness"
        " order by asset"
    )
    age = (_now() - rows["last_updated_at"]).dt.total_seconds() / 3600
    state = (age <= rows["fresh_within_hours"]).map({True: "fresh", False: "stale"})
    return rows.assign(age_hours=age, state=state.where(age.notna(), "never"))


def run(page: Page) -> None:
    """Draw a page, whatever there is to show."""
    st.title(page.title, anchor=False)
    st.caption(page.question)
    choices, refresh = st.sidebar.container(), st.sidebar.container()
    try:
        snapshot = data.current_snapshot()
        with refresh:
            every = _refresh()
        _watch(page, snapshot, every)
        if snapshot.version("marts") is None and "marts" in page.schemas:
            raise data.NotPublishedError("No mart is published yet: run `make run`.")
        with choices:
            view = _choose(page, snapshot)
        _told(page, view)
        page.show(view)
    except data.DashboardError as reason:
        say(reason)


def _choose(page: Page, snapshot: data.Snapshot) -> View:
    """The days and filters, and the view they make."""
    first, last, begin = _days(page, snapshot)
    chosen = {one.key: _choice(one, snapshot) for one in page.filters}
    return View(
        snapshot, first, last, begin, {key: values for key, values in chosen.items() if values}
    )


def _told(page: Page, view: View) -> None:
    """Say above the numbers what was chosen: on a phone the side bar is closed."""
    told = [f"{view.first:%-d %b %Y} to {view.last:%-d %b %Y}"] if page.has_dates else []
    for one in page.filters:
        if view.has(one):
            told.append(f"{one.label.partition(' (')[0]}: {', '.join(view.chosen[one.key])}")
    if told:
        st.text(" · ".join(told))


def _days(page: Page, snapshot: data.Snapshot) -> tuple[date, date, date]:
    """The chosen days, and the first of all."""
    start, end = snapshot.query(page.days).iloc[0]
    if pd.isna(start):
        raise NothingError("There is nothing to show yet: run `make run`.")
    start, end = start.date(), end.date()
    if not page.has_dates:
        return start, end, start
    period = st.selectbox(
        "Period", list(PERIODS), index=1, key="period", bind="query-params",
        help=f"Counted back from the last day there is, {end:%-d %b %Y}",
    )  # fmt: skip
    if period == "Choose days":
        days = st.date_input(
            "Days", (max(start, end - timedelta(days=89)), end), min_value=start, max_value=end,
            key="days", bind="query-params", format="YYYY-MM-DD",
        )  # fmt: skip
        return (days[0], days[-1], start) if days else (start, end, start)
    length = PERIODS[period]
    first = start if length is None else max(start, end - timedelta(days=length - 1))
    return first, end, start


def _choice(one: Filter, snapshot: data.Snapshot) -> tuple[str, ...]:
    if one.options is None:
        typed = st.text_input(one.label, key=one.key, bind="query-params", max_chars=80).strip()
        return (typed,) if typed else ()
    try:
        options = snapshot.query(one.options)
    except data.DashboardError:
        return ()  # The section that needs the same mart says what is missing.
    labels = dict(zip(options["value"], options["label"], strict=True))
    chosen = st.multiselect(
        one.label, list(labels), format_func=lambda value: labels[value], placeholder="All",
        key=one.key, bind="query-params",
    )  # fmt: skip
    return tuple(chosen)


def _refresh() -> timedelta | None:
    """The button to draw the page anew, and how often that happens by itself."""
    st.button(
        "Refresh", icon=":material/refresh:", key="refresh_now", width="stretch",
        help="Read what is published now",
    )  # fmt: skip
    every = st.selectbox(
        "Refresh by itself", list(REFRESH), index=2, key="refresh", bind="query-params"
    )
    return REFRESH[every]


def _watch(page: Page, shown: data.Snapshot, every: timedelta | None) -> None:
    """Say how old the numbers are, and draw the page anew when something was published."""

    @st.fragment(run_every=every)
    def look() -> None:
        try:
            now = data.current_snapshot()
            if _named(now, page) != _named(shown, page):
                st.rerun(scope="app")
            _state(page, now)
        except data.DashboardError as reason:
            say(reason)

    look()


def _named(snapshot: data.Snapshot, page: Page) -> dict[str, str]:
    return {v.schema: v.name for v in snapshot.versions if v.schema in page.schemas}


def _state(page: Page, snapshot: data.Snapshot) -> None:
    """Say what the numbers are as of, and when they are not what they should be."""
    version = snapshot.version(page.schemas[0])
    if version is None:
        return
    age = _now() - version.published_at
    published = f"{version.published_at:%-d %b %Y %H:%M} UTC ({_ago(age)})"
    last = _last_day(page, snapshot)
    st.caption(
        f"Data as of {last:%-d %b %Y}, the last day of business; published {published}"
        if last
        else f"Data as of {published}"
    )
    failed = _failed_runs(snapshot, version.published_at)
    if failed:
        st.error(failed, icon=":material/error:")
    late = _late(snapshot, age)
    if late:
        st.warning(late, icon=":material/schedule:")


def _last_day(page: Page, snapshot: data.Snapshot) -> date | None:
    """The last day of business, where a page shows business: it may end long before it is told."""
    if page.schemas[0] != "marts":
        return None
    try:
        last = snapshot.query(BUSINESS_DAYS).iloc[0, 1]
    except data.DashboardError:
        return None  # The days to choose come from the same mart and say what is wrong.
    return None if pd.isna(last) else last.date()


def _failed_runs(snapshot: data.Snapshot, published_at: datetime) -> str:
    """Which jobs failed when they last ended, if that was after the publication that is shown."""
    if not snapshot.has("ops", "runs"):
        return ""
    # By job: the failure of a nightly one must not disappear behind the next run of another.
    # A run that somebody cancelled mends nothing that failed before it.
    failed = snapshot.query(
        """
        select job, ended_at from (
            select * from ops.runs
            where ended_at is not null and status in ('success', 'failure')
            qualify row_number() over (partition by job order by ended_at desc, run_id) = 1
        )
        where status = 'failure' and ended_at >= $published_at order by ended_at desc, job""",
        {"published_at": published_at},
    )
    if failed.empty:
        return ""
    told = " and the newest run ".join(
        f"({job}) failed on {ended_at:%-d %b %Y %H:%M} UTC"
        for job, ended_at in failed.itertuples(index=False)
    )
    return (
        f"The newest run {told}. What you see is the last good state. Why is on the page Pipeline"
        " health."
    )


def _late(snapshot: data.Snapshot, age: timedelta) -> str:
    """Which marts are older than promised, by the platform's own measure where there is one."""
    if snapshot.has("ops", "freshness"):
        assets = freshness(snapshot)
        stale = assets.loc[assets["state"] == "stale", "asset"]
        marts = stale[stale.str.startswith("marts/")]
        names = [f"`{asset.removeprefix('marts/')}`" for asset in marts]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        if names:
            return f"Stale: {shown} should have been built anew by now. Is the platform running?"
    if age > STALE_AFTER:
        return f"Stale: nothing was published for {_length(age)}. Is the platform running?"
    return ""


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _ago(age: timedelta) -> str:
    return "just now" if age < timedelta(minutes=1) else f"{_length(age)} ago"


def _length(age: timedelta) -> str:
    minutes = int(age.total_seconds() // 60)
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            number = minutes // size
            return f"{number} {unit}{'s' if number != 1 else ''}"
    return "less than a minute"
