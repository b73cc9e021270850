"""The sandbox's drop folder: the same every time, and wrong only where it says so."""

import hashlib
import tomllib
from collections import Counter

import pytest

from inventory_platform.contracts.base import contracts_of
from inventory_platform.landing.loader import Loader
from inventory_platform.sandbox.files import generate
from inventory_platform.sources.files import FileReader

DECLARED = """
[files."orders_*.csv"]
encoding = "cp1252"
delimiter = ";"

[files."inventory_*.xlsx"]
sheet = "Inventory"
header = 3
"""
CONTRACTS = contracts_of("shop_files")


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drop")
    return folder, generate(folder)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_the_same_seed_gives_the_same_files_and_another_seed_others(generated, tmp_path):
    folder, _ = generated
    generate(tmp_path / "again")
    generate(tmp_path / "other", seed=7)
    assert digests(tmp_path / "again") == digests(folder)
    other = digests(tmp_path / "other")
    same = {name for name, digest in digests(folder).items() if other[name] == digest}
    assert same == {"orders_2026-09-30_export.csv"}


def test_the_folder_holds_what_it_should_and_nothing_unfinished(generated):
    folder, made = generated
    assert {p.name for p in folder.iterdir()} == set(made.rows)
    kinds = Counter(name.partition("_")[0] for name in made.rows)
    assert kinds == {"orders": 16, "inventory": 16, "supplier": 1, "user": 14}
    assert "inventory_nth_2026-W39.xlsx" in made.rows
    assert {d.kind for d in made.dirt} == {
        "impossible_date", "text_in_number", "cut_row", "exact_duplicate", "resent_file",
        "web_page", "negative_quantity", "negative_price", "cut_line", "unknown_value",
        "new_column",
    }  # fmt: skip


@pytest.mark.parametrize("name", list(CONTRACTS))
def test_every_file_is_loaded_as_the_list_of_defects_says(shop, generated, name):
    folder, made = generated
    contract = CONTRACTS[name]
    reader = FileReader(str(folder), tomllib.loads(DECLARED))
    start = contract.source_table.partition("*")[0]
    files = {file: rows for file, rows in made.rows.items() if file.startswith(start)}
    dirt = [d for d in made.dirt if d.file in files]
    resent = sum(files[d.file] for d in dirt if d.expected == "left out")
    refused = sum(d.expected.endswith("rejected_file") for d in dirt)

    record = Loader(shop.settings, reader, address="drop").load(contract)

    assert record.rows_read == sum(files.values()) - resent + refused
    assert record.rows_deduplicated == sum(d.expected == "deduplicated" for d in dirt)
    assert bool(record.drift) == any(d.expected == "warned" for d in dirt)
    quarantined = shop.query(
        contract,
        "select parse_filename(string_split(origin, '.gz/')[1]) || if(origin like '%.gz/%', "
        "'.gz', ''), if(reason_code = 'rejected_file', null, position), "
        "'quarantined:' || reason_code from ops.quarantine order by all",
    )
    expected = [(d.file, d.position, d.expected) for d in dirt if "quarantined" in d.expected]
    assert sorted(quarantined, key=str) == sorted(expected, key=str)
    again = Loader(shop.settings, reader, address="drop").load(contract)
    assert again.rows_loaded == 0


def test_orders_are_dated_and_priced_as_the_contract_reads_them(shop, generated):
    folder, _ = generated
    contract = CONTRACTS["orders"]
    Loader(shop.settings, FileReader(str(folder), tomllib.loads(DECLARED)), address="drop").load(
        contract
    )
    ((first, last, wrong, umlauts),) = shop.query(
        contract,
        "select cast(min(order_date) as varchar), cast(max(order_date) as varchar), "
        "count_if(total <> quantity * unit_price), count_if(customer like '%ü%') from {raw}",
    )
    assert (first, last, wrong) == ("2026-09-17", "2026-09-30", 0)
    assert umlauts > 0
