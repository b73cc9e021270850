"""The catalogue: what every table, column and key figure is, as a static site that needs no server.

`project.py` gathers what the dbt manifest says of models, `figures.py` reads the key figures,
`text.py` turns prose into HTML, `lineage_picture.py` draws, `site.py` writes the pages from the
templates beside it. What it shows is decided elsewhere: contracts, dbt's files, `docs/`. Of the
data itself nothing is looked at, so the pages hold for every run.
"""

from inventory_platform.operations.catalogue.site import (
    catalogue_is_old,
    index_page,
    write_catalogue,
)

__all__ = ["catalogue_is_old", "index_page", "write_catalogue"]
