"""Pipeline health: runs and what they cost, what failed, what is stale, what takes room.

Where these tables come from is in `docs/health.md`.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import charts, columns, frame
from dashboard.frame import Filter, Page, View

JOB = Filter(
    "job", "Job", "job in {values}",
    "select distinct job as value, job as label from ops.runs order by 1",
)  # fmt: skip
RUNS = """select * from ops.runs
    where coalesce(started_at, updated_at)::date between $first and $last"""


def show(view: View) -> None:
    """Draw the page."""
    with frame.section("The platform now") as section:
        _figures(view, section)
    with frame.section("Runs", "Time of each run by how it ended") as section:
        _runs(view, section)
    with frame.section("What failed", "Steps of runs in the days shown, the newest first") as box:
        _failures(view, box)
    left, right = st.columns(2)
    with left, frame.section("Where the time goes", "Steps, mean of the runs shown") as section:
        _steps(view, section)
    with right, frame.section("Slowest models", "Mean of the runs shown") as section:
        _models(view, section)
    with frame.section("Rows loaded", "By day, all sources") as section:
        _loads(view, section)
    with frame.section("Freshness", "What is late first") as section:
        _freshness(view, section)
    with frame.section("Room on disk", "When it was measured last") as section:
        _sizes(view, section)


def _figures(view: View, section: frame.Section) -> None:
    runs = view.rows(f"""
        select count(*) as runs, count(*) filter (status = 'success') as succeeded,
            count(*) filter (status = 'failure') as failed, median(seconds) as median_seconds,
            arg_max(status, coalesce(ended_at, updated_at)) as last_status,
            arg_max(job, coalesce(ended_at, updated_at)) as last_job,
            max(coalesce(ended_at, updated_at)) as last_ended_at
        from ({RUNS}) where {view.where(JOB)}""")
    row = runs.iloc[0]
    if not row["runs"]:
        raise frame.NothingError("No run in this range. Choose more days or fewer filters.")
    assets = frame.freshness(view.snapshot)
    size = view.query("select sum(bytes) as bytes from ops.sizes").iloc[0]["bytes"]
    frame.tiles(
        ("Last run", str(row["last_status"]), None,
         f"{row['last_job']}, {row['last_ended_at']:%-d %b %Y %H:%M} UTC"),
        ("Runs", frame.count(row["runs"]), None,
         f"{row['succeeded']:,.0f} succeeded, {row['failed']:,.0f} failed, in the days shown."),
        ("Succeeded", frame.share(frame.ratio(row["succeeded"], row["runs"])), None,
         "Share of the runs in the days shown."),
        ("Typical run", frame.with_unit(row["median_seconds"], "seconds"), None,
         "Median of the time."),
        ("Late", frame.count((assets["state"] != "fresh").sum()), None,
         f"Of {len(assets):,} tables and marts that say how fresh they must be."),
        ("On disk", frame.with_unit(_mebibytes(size), "MiB"), None, "All that the platform keeps."),
    )  # fmt: skip
    section.offer(runs)


def _mebibytes(size: float | None) -> float | None:
    return None if size is None or pd.isna(size) else size / 2**20


def _runs(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select coalesce(started_at, updated_at) as started_at, job, status, seconds,
            failed_steps, error, run_id,
            if(status = 'success', seconds, null) as succeeded,
            if(status = 'success', null, coalesce(seconds, 0)) as not_succeeded
        from ({RUNS}) where {view.where(JOB)} order by 1 desc limit 1000""")
    drawn = rows.assign(at=rows["started_at"].dt.strftime("%-d %b %H:%M:%S")).iloc[::-1].tail(60)
    figure = charts.columns(
        drawn, "at", {"succeeded": "succeeded", "not_succeeded": "failed or canceled"},
        unit="seconds", colours=(charts.GREEN, charts.ORANGE), height=260,
    )  # fmt: skip
    figure.update_xaxes(type="category")
    section.chart(figure, rows, "Time of the newest runs by how they ended")
    section.table(rows, {
        "started_at": columns.instant("Started", "UTC"),
        "job": columns.text("Job"),
        "status": columns.text("Ended as"),
        "seconds": columns.count("Seconds"),
        "failed_steps": columns.count("Failed steps"),
        "error": columns.text("Why", wide=True),
        "run_id": columns.text("Run"),
    }, height=250)  # fmt: skip


def _failures(view: View, section: frame.Section) -> None:
    rows = view.query(f"""
        select s.started_at, r.job, s.step, s.asset_group, s.error, s.run_id
        from ops.steps as s join ({RUNS}) as r using (run_id)
        where s.status = 'failure' and {view.where(JOB)}
        order by s.started_at desc, s.step limit 1000""")
    if rows.empty:
        st.success("No step failed.", icon=":material/check_circle:")
        return
    section.table(rows, {
        "started_at": columns.instant("When", "UTC"),
        "step": columns.text("Step"),
        "job": columns.text("Job"),
        "error": columns.text("Why", wide=True),
        "asset_group": columns.text("Group"),
        "run_id": columns.text("Run"),
    })  # fmt: skip


def _steps(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select s.step, avg(s.seconds) as seconds, count(*) as times
        from ops.steps as s join ({RUNS}) as r using (run_id)
        where s.seconds is not null and {view.where(JOB)}
        group by 1 order by 2 desc, 1 limit {frame.MOST_ROWS}""")
    figure = charts.bars(rows.head(10), "step", "seconds", unit="seconds", decimals=1)
    section.chart(figure, rows, "Mean time of the slowest steps")


def _models(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select m.asset, avg(m.seconds) as seconds, max(m.row_count) as row_count, count(*) as times
        from ops.materializations as m join ({RUNS}) as r using (run_id)
        where m.seconds is not null and {view.where(JOB)}
        group by 1 order by 2 desc, 1 limit {frame.MOST_ROWS}""")
    figure = charts.bars(
        rows.head(10), "asset", "seconds", unit="seconds", decimals=2, colour=charts.PURPLE
    )
    section.chart(figure, rows, "Mean time of the slowest models")


def _loads(view: View, section: frame.Section) -> None:
    rows = view.rows("""
        select committed_at::date as day, sum(rows_loaded) as loaded,
            sum(rows_quarantined) as quarantined, sum(rows_deduplicated) as known_already,
            sum(rows_read) as read, count(*) as loads
        from ops.load_history where committed_at::date between $first and $last
        group by 1 order by 1""")
    series = {"loaded": "loaded", "known_already": "known already", "quarantined": "quarantined"}
    figure = charts.columns(
        rows, "day", series, unit="rows", colours=(charts.GREEN, charts.GREY, charts.ORANGE),
        height=260,
    )  # fmt: skip
    section.chart(figure, rows, "Rows read by day and what became of them")


def _freshness(view: View, section: frame.Section) -> None:
    rows = frame.freshness(view.snapshot)
    if rows.empty:
        raise frame.NothingError("No table or mart says how fresh it must be.")
    rows = (
        rows.assign(
            used=rows["age_hours"] / rows["fresh_within_hours"], is_fresh=rows["state"] == "fresh"
        )
        .sort_values(
            ["is_fresh", "used", "asset"], ascending=[True, False, True], na_position="first"
        )
        .drop(columns="is_fresh")
    )
    section.table(rows, {
        "asset": columns.text("Table or mart"),
        "state": columns.text("State"),
        "age_hours": columns.count("Age, hours", decimals=1),
        "fresh_within_hours": columns.count("Promised, hours"),
        "last_updated_at": columns.instant("Last made", "UTC"),
        "asset_group": columns.text("Group"),
    }, height=320)  # fmt: skip


def _sizes(view: View, section: frame.Section) -> None:
    rows = view.rows("""
        select layer, files, bytes, bytes / 1048576 as mebibytes, measured_at from ops.sizes
        qualify row_number() over (partition by layer order by measured_at desc) = 1
        order by bytes desc""")
    figure = charts.bars(rows, "layer", "mebibytes", unit="MiB", decimals=1, colour=charts.OCHRE)
    section.chart(figure, rows, "Size of each layer on disk")


PAGE = Page(
    title="Pipeline health",
    path="health",
    icon=":material/monitor_heart:",
    question="Does the platform run, how long does it take, and what is late?",
    show=show,
    filters=(JOB,),
    schemas=("ops",),
    days="select min(coalesce(started_at, updated_at))::date, max(updated_at)::date from ops.runs",
)
