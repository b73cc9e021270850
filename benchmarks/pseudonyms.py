"""What a pseudonym costs: the keyed hash of the raw views, against reading the value in clear.

    python benchmarks/pseudonyms.py

Prints CPU seconds for a million values that are all different.
"""

from __future__ import annotations

import time

import duckdb

from inventory_platform.pseudonyms import MACROS, SCHEMA, give_key

ROWS = 1_000_000
ROUNDS = 5


def main() -> None:
    """Measure both in turn, and print the best of each."""
    with duckdb.connect() as con:
        con.execute("set threads = 2")
        con.execute(f"create schema {SCHEMA}")
        for macro in MACROS:
            con.execute(macro)
        give_key(con, "a key of a benchmark, which opens nothing")
        con.execute(
            f"create table people as select 'Person' || i || '@example.org' as email "
            f"from range({ROWS}) t(i)"
        )
        best: dict[str, float] = {}
        for _ in range(ROUNDS):
            for value in ("email", f"{SCHEMA}.pseudonym(email)"):
                began = time.process_time()
                con.execute(f"select max({value}) from people").fetchall()
                spent = time.process_time() - began
                best[value] = min(spent, best.get(value, spent))
    for value, seconds in best.items():
        print(f"{value:28} {seconds:.2f} CPU s for {ROWS:,} values")


if __name__ == "__main__":
    main()
