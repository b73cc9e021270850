"""The readable reference data of the sandbox, and the repeatable dice everything is drawn with.

Here belong: reading the seed CSV files, growing the catalogue for large databases, and random
numbers. What the shop then does with its catalogue is simulated in `business`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from random import Random

import polars as pl

SEEDS = Path(__file__).resolve().parents[2] / "seeds" / "sandbox"
USUAL_ROWS = 20_000
USUAL_SEED = 42
"""What the inventory database is made from, unless somebody wants another one."""
CATALOGUE_SUFFICES_UNTIL = 20_000
"""Sales rows up to which the seed catalogue is used as it is, without variants."""


@dataclass(frozen=True)
class Dice:
    """Random numbers by name.

    Every use has a stream of its own, so that one more draw in one place changes nothing in any
    other place.
    """

    seed: int

    def stream(self, name: str) -> Random:
        """Return the generator of one named stream, always from its beginning."""
        return Random(f"{self.seed}/{name}")

    def uniform(self, name: str, size: int) -> pl.Series:
        """Draw `size` numbers in [0, 1)."""
        draw = self.stream(name).random
        return pl.Series(name, [draw() for _ in range(size)], dtype=pl.Float64)

    def between(self, name: str, size: int, low: int, high: int) -> pl.Series:
        """Draw `size` whole numbers from `low` up to, not including, `high`."""
        return (self.uniform(name, size) * (high - low)).floor().cast(pl.Int64) + low

    def pick(self, name: str, size: int, options: pl.Series | list[str] | list[int]) -> pl.Series:
        """Draw `size` of the options, all equally likely; repeat an option to favour it."""
        values = pl.Series(name, options)
        return values.gather(self.between(name, size, 0, len(values)))


@dataclass(frozen=True)
class Reference:
    """The catalogue, the suppliers and the word lists; money in cents, rows counted from 0."""

    products: pl.DataFrame
    suppliers: pl.DataFrame
    cities: pl.DataFrame
    streets: pl.Series
    first_names: pl.Series
    last_names: pl.Series
    competitors: pl.DataFrame
    locations: pl.DataFrame

    @property
    def homes(self) -> pl.DataFrame:
        """Where each product lies: its row of `locations`, product by product."""
        product = pl.int_range(self.products.height, eager=True)
        return self.locations[product % self.locations.height]

    @property
    def staff(self) -> list[str]:
        """The shop's employees."""
        names = zip(self.first_names[::-1], self.last_names, strict=False)
        return [f"{first} {last}" for first, last in islice(names, 8)]


def load_reference(seeds_dir: Path, rows: int) -> Reference:
    """Read the seed files and grow catalogue and suppliers to suit `rows` sales.

    Args:
        seeds_dir: The folder with the CSV files.
        rows: The number of sales the catalogue has to carry.

    Returns:
        The reference data.
    """
    read = {path.stem: pl.read_csv(path) for path in sorted(seeds_dir.glob("*.csv"))}
    growth = max(1.0, rows / CATALOGUE_SUFFICES_UNTIL)
    suppliers = _grow_suppliers(read["suppliers"], growth)
    return Reference(
        products=_grow_products(read["products"], read["variants"], suppliers.height, growth),
        suppliers=suppliers,
        cities=read["cities"],
        streets=read["streets"]["Street"],
        first_names=read["first_names"]["FirstName"],
        last_names=read["last_names"]["LastName"],
        competitors=read["competitors"],
        locations=read["locations"],
    )


def _grow_suppliers(seed: pl.DataFrame, growth: float) -> pl.DataFrame:
    """Repeat the suppliers as branches; their number grows with the fourth root."""
    count = int(seed.height * growth**0.25)
    rows = list(islice(cycle(seed.to_dicts()), count))
    for number, row in enumerate(rows):
        branch = number // seed.height
        rows[number] = row | {
            "SupplierID": number + 1,
            "SupplierName": row["SupplierName"] + (f" Branch {branch + 1}" if branch else ""),
        }
    return pl.DataFrame(rows)


def _grow_products(
    seed: pl.DataFrame, variants: pl.DataFrame, supplier_count: int, growth: float
) -> pl.DataFrame:
    """Add variants of the products; their number grows with the square root."""
    count = int(seed.height * growth**0.5)
    base_suppliers = int(seed["SupplierID"].n_unique())
    labels = variants.rows(named=True)
    products = []
    for number, base in enumerate(islice(cycle(seed.rows(named=True)), count)):
        generation = number // seed.height
        series, place = divmod(generation - 1, len(labels))
        variant = labels[place] if generation else {"Label": "", "PriceFactor": 1.0}
        branch_supplier = base["SupplierID"] + base_suppliers * generation
        products.append(
            {
                "name": f"{base['ProductName']} {variant['Label']}".strip()
                + (f" Mk {series + 1}" if series > 0 else ""),
                "category": base["Category"],
                "supplier": (
                    branch_supplier if branch_supplier <= supplier_count else base["SupplierID"]
                )
                - 1,
                "price": round(base["Price"] * 100 * variant["PriceFactor"]),
                "cost": round(base["Cost"] * 100 * variant["PriceFactor"]),
                # A variant sells less than the product it was made from.
                "popularity": base["Popularity"] * 0.6 ** min(generation, 4),
                "peak_month": base["PeakMonth"],
                "swing": base["Swing"],
            }
        )
    return pl.DataFrame(products)
