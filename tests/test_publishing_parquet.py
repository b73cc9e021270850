"""Published versions in a folder: which one is current, and which are kept."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import duckdb
import pytest

from inventory_platform.publishing import parquet
from inventory_platform.publishing.parquet import current_publication, publish

NOW = datetime(2026, 5, 1, 10, tzinfo=UTC)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Publishes some rows at an instant, keeping two versions."""
    root = tmp_path / "published"

    def run(rows: int, at: datetime):
        monkeypatch.setattr(parquet, "datetime", SimpleNamespace(now=lambda _: at))
        with duckdb.connect() as con:
            con.execute(f"create schema marts; create table marts.prices as from range({rows})")
            return publish(
                root, con, keep=2, marts=["prices"], run_id="run", code_version="0", loads={},
                inputs="",
            )  # fmt: skip

    return root, run


def test_a_version_published_after_the_clock_jumped_back_is_the_newest_and_stays(published):
    root, publish_at = published
    for day in range(3):
        publish_at(day + 1, NOW + timedelta(days=day))
    back = publish_at(9, NOW - timedelta(days=30))
    folder, current = current_publication(root)
    assert (current, current.rows) == (back, {"prices": 9})
    # A microsecond after the newest; when it was published is told as the clock had it.
    assert back.version == "20260503T100000000001"
    assert back.published_at == "2026-04-01 10:00:00"
    assert sorted(p.name for p in (root / "versions").iterdir()) == [
        "20260503T100000000000",
        folder.name,
    ]


def test_the_version_that_is_current_is_not_removed_however_old_it_is(published, monkeypatch):
    root, publish_at = published
    first = publish_at(1, NOW)
    # As if another process switched back while these were published.
    monkeypatch.setattr(parquet, "_switch", lambda *_: None)
    for day in (1, 2, 3):
        publish_at(2, NOW + timedelta(days=day))
    assert current_publication(root)[1] == first
    assert len(list((root / "versions").iterdir())) == 3
