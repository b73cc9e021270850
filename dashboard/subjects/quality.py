"""Data quality: scores, failing checks, rejected rows down to their content, anomalies.

What a score is made of is in `docs/health.md`.
"""

from __future__ import annotations

import streamlit as st

from dashboard import charts, columns, frame
from dashboard.frame import Filter, Page, View

TABLE = Filter(
    "table", "Table or mart", "relation in {values}",
    "select distinct relation as value, relation as label from ops.quality_scores order by 1",
)  # fmt: skip
CHECKED = Filter("table", "Table or mart", "replace(asset, '/', '.') in {values}")
"""The same choice, for results of checks."""
REJECTED = Filter("table", "Table or mart", "'raw.' || source || '__' || table_name in {values}")
"""The same choice, for rejected rows."""
DIMENSIONS = {
    "completeness": "values that must be there are",
    "uniqueness": "nothing is there twice",
    "validity": "values are what the contract allows",
    "consistency": "tables and systems agree",
    "timeliness": "as fresh as promised",
}
LATEST = """
    select * from ops.checks
    qualify row_number() over (partition by asset, check_name order by evaluated_at desc) = 1"""


def show(view: View) -> None:
    """Draw the page."""
    with frame.section("Quality now", "The newest score of every table and mart") as section:
        _figures(view, section)
    with frame.section("Score over time", "Mean of all tables and marts shown") as section:
        _over_time(view, section)
    with frame.section("Every table and mart", "The lowest score first") as section:
        _scores(view, section)
    with frame.section("Checks that do not pass", "Newest result of each; errors first") as section:
        _failing(view, section)
    with frame.section("Results of checks", "In the days shown") as section:
        _results(view, section)
    with frame.section("Rejected rows", "In quarantine now, by table and reason") as section:
        _quarantine(view, section)
    with frame.section("Rows behind it", "As they came; personal values are hidden") as section:
        _rows(view, section)
    with frame.section("Anomalies", "What was unusual for the business, the newest first") as box:
        _anomalies(view, box)


def _newest(view: View) -> str:
    return f"""select * from ops.quality_scores where {view.where(TABLE)}
        qualify row_number() over (partition by relation order by score_date desc) = 1"""


def _figures(view: View, section: frame.Section) -> None:
    shares = ", ".join(f"avg({name}) as {name}" for name in DIMENSIONS)
    scores = view.rows(f"select avg(score) as score, {shares} from ({_newest(view)})")
    checks = view.query(f"""
        select count(*) as checks, count(*) filter (not passed and severity = 'error') as failed,
            count(*) filter (not passed and severity <> 'error') as warned
        from ({LATEST}) where {view.where(CHECKED)}""").iloc[0]
    rejected = view.query(f"""
        select count(*) as rejected from ops.quarantined_rows
        where status = 'open' and {view.where(REJECTED)}""").iloc[0]["rejected"]
    row = scores.iloc[0]
    frame.tiles(
        ("Score", frame.share(row["score"]), None,
         "Mean of the scores of the tables and marts shown; a score is the mean of its parts."),
        ("Checks failed", frame.count(checks["failed"]), None,
         f"Of {checks['checks']:,.0f} checks, with severity error."),
        ("Checks warned", frame.count(checks["warned"]), None, "With severity warning."),
        ("Rows in quarantine", frame.count(rejected), None,
         "Rejected, kept with their reason, and not replayed or superseded."),
    )  # fmt: skip
    frame.tiles(
        *((name.capitalize(), frame.share(row[name]), None, f"Share by which {meaning}.")
          for name, meaning in DIMENSIONS.items())
    )  # fmt: skip
    section.offer(scores)


def _over_time(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select score_date, avg(score) as score, avg(completeness) as completeness,
            avg(validity) as validity, avg(timeliness) as timeliness, count(*) as tables
        from ops.quality_scores where {view.where(TABLE, dates="score_date")}
        group by 1 order by 1""")
    if len(rows) == 1:
        st.caption("There is one day of scores so far.")
    series = {name: name for name in ("score", "completeness", "validity", "timeliness")}
    figure = charts.line(rows, "score_date", series, unit="%", height=260)
    figure.update_yaxes(tickformat=".1%")
    section.chart(figure, rows, "Mean quality score by day")


def _scores(view: View, section: frame.Section) -> None:
    rows = view.rows(f"{_newest(view)} order by score, relation")
    section.table(rows, {
        "relation": columns.text("Table or mart"),
        "score": st.column_config.ProgressColumn(
            "Score", format="percent", min_value=0, max_value=1),
        **{name: columns.share(name.capitalize(), f"Share by which {meaning}; empty: nothing to"
                               " judge it by") for name, meaning in DIMENSIONS.items()},
        "score_date": columns.day("Day"),
    }, height=360)  # fmt: skip


def _failing(view: View, section: frame.Section) -> None:
    rows = view.query(f"""
        select severity, asset, check_name, description, is_blocking, evaluated_at
        from ({LATEST}) where not passed and {view.where(CHECKED)}
        order by severity = 'error' desc, asset, check_name""")
    if rows.empty:
        st.success("Every check passes.", icon=":material/check_circle:")
        return
    section.table(rows, {
        "severity": columns.text("Severity"),
        "asset": columns.text("On"),
        "description": columns.text("What it found", wide=True),
        "check_name": columns.text("Check"),
        "is_blocking": st.column_config.CheckboxColumn("Stops publishing"),
        "evaluated_at": columns.instant("Checked", "UTC"),
    })  # fmt: skip


def _results(view: View, section: frame.Section) -> None:
    rows = view.rows(f"""
        select evaluated_at::date as day, count(*) filter (passed) as passed,
            count(*) filter (not passed and severity <> 'error') as warned,
            count(*) filter (not passed and severity = 'error') as failed
        from ops.checks
        where evaluated_at::date between $first and $last and {view.where(CHECKED)}
        group by 1 order by 1""")
    figure = charts.columns(
        rows, "day", {"passed": "passed", "warned": "warned", "failed": "failed"},
        colours=(charts.GREEN, charts.OCHRE, charts.ORANGE), height=260,
    )  # fmt: skip
    section.chart(figure, rows, "Checks that passed, warned and failed by day")


def _quarantine(view: View, section: frame.Section) -> None:
    rows = view.query(f"""
        select source || ' · ' || table_name || ' · ' || replace(reason_code, '_', ' ') as what,
            count(*) as rejected, min(reason) as example, max(quarantined_at) as newest
        from ops.quarantined_rows where status = 'open' and {view.where(REJECTED)}
        group by 1 order by 2 desc, 1""")
    if rows.empty:
        st.success("No row is in quarantine.", icon=":material/check_circle:")
        return
    figure = charts.bars(rows.head(12), "what", "rejected", unit="rows", colour=charts.ORANGE)
    section.chart(figure, rows, "Rejected rows by table and reason")
    st.caption("After a fix: `inventory quarantine replay SOURCE__TABLE`.")


def _rows(view: View, section: frame.Section) -> None:
    known = view.query(f"""
        select source || '__' || table_name as name, count(*) as rejected
        from ops.quarantined_rows where {view.where(REJECTED)}
        group by 1 order by 2 desc, 1""")
    if known.empty:
        raise frame.NothingError("No row of what is shown was ever rejected.")
    counts = dict(zip(known["name"], known["rejected"], strict=True))
    chosen = st.selectbox(
        "Table, the one with the most first", list(counts),
        format_func=lambda name: f"{name} ({counts[name]:,})", key="rejected", bind="query-params",
    )  # fmt: skip
    rows = view.rows(
        """
        select reason, reason_code, status, payload, position, load_id, quarantined_at
        from ops.quarantined_rows where source || '__' || table_name = $chosen
        order by status <> 'open', load_id desc, position limit 1000""",
        chosen=chosen,
    )
    section.table(rows, {
        "reason": columns.text("Why", wide=True),
        "status": columns.text("State", "open, replayed or superseded by a newer row"),
        "payload": columns.text("Row as it came", wide=True),
        "position": columns.count("Position", "Where in the load"),
        "load_id": columns.text("Load"),
        "quarantined_at": columns.instant("Rejected", "UTC"),
    })  # fmt: skip


def _anomalies(view: View, section: frame.Section) -> None:
    rows = view.rows("""
        select detected_for_date, severity, subject, rule, reason, product_id, location_id, source,
            linked_table, linked_rows
        from marts.fct_anomalies order by detected_for_date desc, severity, anomaly_id
        limit 1000""")
    section.table(rows, {
        "detected_for_date": columns.day("Day"),
        "severity": columns.text("Severity"),
        "subject": columns.text("Of"),
        "rule": columns.text("Rule"),
        "reason": columns.text("What happened", wide=True),
        "product_id": columns.text("Product"),
        "location_id": columns.text("At"),
        "linked_table": columns.text("Rows in"),
        "linked_rows": columns.text("Which rows", wide=True),
    })  # fmt: skip


PAGE = Page(
    title="Data quality",
    path="quality",
    icon=":material/verified:",
    question="Can these numbers be trusted, and which rows were turned away?",
    show=show,
    filters=(TABLE,),
    schemas=("ops", "marts"),
    days="select min(score_date), max(score_date) from ops.quality_scores",
)
