"""The dashboard's entry: `streamlit run dashboard/app.py`.

Only the list of pages belongs here. `INVENTORY_PUBLISHED` names the folder of published marts.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import streamlit as st

# Streamlit puts this file's folder on the path; the package is the folder itself.
sys.path[:0] = [root] if (root := str(Path(__file__).resolve().parents[1])) not in sys.path else []

from dashboard import frame  # noqa: E402
from dashboard.subjects import health, kpis, prices, quality, stock, suppliers  # noqa: E402

ICON = Path(__file__).with_name("icon.svg")
"""A file, because the browser would ask a font server for the picture of a named icon."""

PAGES = (kpis.PAGE, stock.PAGE, prices.PAGE, suppliers.PAGE, quality.PAGE, health.PAGE)

st.set_page_config(page_title="Inventory", page_icon=str(ICON), layout="wide")
st.navigation(
    [
        st.Page(
            partial(frame.run, page), title=page.title, icon=page.icon, url_path=page.path,
            default=page is PAGES[0],
        )
        for page in PAGES
    ]
).run()  # fmt: skip
