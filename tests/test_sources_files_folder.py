"""A drop folder: what is new is taken in once, in whatever format, wherever it lies."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import gzip
import json
import os
import time
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Optional

import duckdb
import fsspec
import pytest
import xlsxwriter

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Flag,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.errors import SchemaDriftError, SettingsError, SourceError
from inventory_platform.landing.loader import Loader
from inventory_platform.sources.base import Request
from inventory_platform.sources.files import FileReader


def contract_for(pattern, increments=True, elsewhere=()):
    class Items(Contract):
        """Items, sent in files."""

        item_id: Integer = column("ItemID", "Identifies the item.")
        name: Text = column("Name", "Name.", nullable=True)
        price: Money = column("Price", "Price.", nullable=True)

        class Config:
            metadata = table(pattern, key=["item_id"], increments=increments, elsewhere=elsewhere)

    return describe(Items, "drop")


ITEMS = contract_for("items_*.csv")
HEADER = "ItemID,Name,Price\n"


class Drop:
    """A drop folder, loaded into the shop's lake."""

    def __init__(self, shop):
        self.shop = shop
        self.folder = shop.folder / "drop"
        self.folder.mkdir()
        self.address = str(self.folder)

    def put(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def reader(self, settle=0, **files):
        return FileReader(self.address, {"settle_seconds": settle, "files": files})

    def load(self, contract=ITEMS, settle=0, files=None):
        reader = self.reader(settle, **(files or {}))
        return Loader(self.shop.settings, reader, address="drop").load(contract)

    def ask(self, sql, contract=ITEMS):
        return self.shop.query(contract, sql)

    def current(self, contract=ITEMS):
        return [(i, n, p if p is None else str(p)) for i, n, p in self.shop.current(contract)]


@pytest.fixture
def drop(shop):
    return Drop(shop)


def test_all_files_that_match_make_one_table_and_each_row_names_its_file_and_line(drop):
    drop.put("items_1.csv", HEADER + "1,pen,1\n2,ink,x\n")
    drop.put("items_2.csv", HEADER + "3,cap,3\n")
    drop.put("other.csv", HEADER + "4,lid,4\n")
    record = drop.load()
    assert (record.rows_loaded, record.rows_quarantined) == (2, 1)
    assert drop.ask("select item_id, _origin from {raw} order by 1") == [
        (1, "items_1.csv"),
        (3, "items_2.csv"),
    ]
    assert drop.ask("select origin, position from ops.quarantine") == [("items_1.csv", 3)]


def test_clean_files_are_read_in_one_scan_and_each_row_still_names_its_file(drop):
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.put("items_2.csv", HEADER + "3,cap,3\n")
    with duckdb.connect() as con:
        first = next(drop.reader().relations(con, Request("items_*.csv", is_whole=False)))
        assert first.sql.count("read_csv") == 1
        assert con.sql(f"select {first.origin} from ({first.sql}) order by 1").fetchall() == [
            ("items_1.csv",),
            ("items_2.csv",),
        ]


def test_files_with_other_headers_are_put_together_by_name(drop):
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.put("items_2.csv", "Price,ItemID,Colour,Name\n2,2,blue,ink\n")
    drop.load()
    assert drop.current() == [(1, "pen", "1.00"), (2, "ink", "2.00")]
    assert drop.ask("select item_id, colour from {raw} order by 1") == [(1, None), (2, "blue")]


@pytest.mark.parametrize(
    "second",
    [
        "itemid,NAME,Price\n2,ink,{}\n",
        "Item-ID,Name.,price\n2,ink,{}\n",
        "name,ITEMID,Price\nink,2,{}\n",
    ],
    ids=["capitals", "signs", "order"],
)
@pytest.mark.parametrize("price", ["2", "x"], ids=["clean", "rejected"])
def test_a_file_means_the_same_in_one_load_with_others_and_in_a_load_of_its_own(
    drop, open_shop, second, price
):
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.put("items_2.csv", second.format(price))
    together = drop.load()
    rejected = "select origin, position, reason_code, payload from ops.quarantine"
    with open_shop() as other:
        alone = Drop(other)
        alone.put("items_1.csv", HEADER + "1,pen,1\n")
        alone.load()
        alone.put("items_2.csv", second.format(price))
        assert together.drift == alone.load().drift != []
        assert drop.ask(rejected) == alone.ask(rejected)
        assert drop.current() == alone.current()
    accepted = [(1, "pen", "1.00"), (2, "ink", "2.00")]
    assert drop.current() == (accepted if price == "2" else accepted[:1])
    assert len(drop.ask(rejected)) == (price == "x")


def test_a_file_without_a_required_column_fails_the_load_also_beside_files_that_have_it(drop):
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.put("items_2.csv", "ItemID,Price\n2,2\n")
    with pytest.raises(SchemaDriftError, match="no longer has the required column 'Name'"):
        drop.load()
    assert drop.shop.lake.load_ids(ITEMS) == []


def test_an_optional_column_that_one_of_two_files_lacks_is_told(drop):
    class Notes(Contract):
        note_id: Integer = column("ID", "Identifies the note.")
        text: Optional[Text] = column("Text", "What it says.", nullable=True)  # noqa: UP045

        class Config:
            metadata = table("notes_*.csv", key=["note_id"], increments=True)

    notes = describe(Notes, "drop")
    drop.put("notes_1.csv", "ID,Text\n1,call\n")
    drop.put("notes_2.csv", "ID\n2\n")
    assert drop.load(notes).drift == ["missing: Text (optional, read as empty)"]
    assert drop.shop.current(notes) == [(1, "call"), (2, None)]


def test_patterns_reach_into_folders(drop):
    contract = contract_for("2026/*/items_*.csv")
    drop.put("2026/01/items_a.csv", HEADER + "1,pen,1\n")
    drop.put("2026/02/items_a.csv", HEADER + "2,ink,2\n")
    drop.put("2025/02/items_a.csv", HEADER + "3,cap,3\n")
    drop.load(contract)
    assert drop.ask("select _origin from {raw} order by 1", contract) == [
        ("2026/01/items_a.csv",),
        ("2026/02/items_a.csv",),
    ]


def test_a_file_that_is_there_by_name_is_no_pattern(drop):
    contract = contract_for("items[1].csv")
    drop.put("items[1].csv", HEADER + "1,pen,1\n")
    drop.put("items1.csv", HEADER + "2,ink,2\n")
    drop.load(contract)
    assert drop.current(contract) == [(1, "pen", "1.00")]


def test_a_load_without_new_files_reads_nothing(drop):
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    assert drop.load().rows_read == 1
    assert drop.load().rows_read == 0
    assert drop.current() == [(1, "pen", "1.00")]


def test_a_pattern_nothing_matches_yet_is_no_failure(drop):
    assert drop.load().rows_read == 0


def test_a_renamed_or_resent_file_loads_nothing(drop):
    path = drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.load()
    path.rename(drop.folder / "items_renamed.csv")
    drop.put("items_again.csv", HEADER + "1,pen,1\n")
    assert drop.load().rows_read == 0


def test_the_same_content_twice_at_once_is_taken_in_once(drop):
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.put("items_copy.csv", HEADER + "1,pen,1\n")
    record = drop.load()
    assert record.rows_read == 1
    assert [given["name"] for given in record.inputs] == ["items_1.csv"]


def test_a_corrected_file_under_its_old_name_is_taken_in_and_wins(drop):
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.load()
    drop.put("items_1.csv", HEADER + "1,pencil,1\n")
    assert drop.load().rows_loaded == 1
    assert drop.current() == [(1, "pencil", "1.00")]


def test_of_two_files_with_one_key_the_one_of_the_later_name_wins(drop):
    drop.put("items_2026-01-02.csv", HEADER + "1,new,2\n")
    drop.put("items_2026-01-01.csv", HEADER + "1,old,1\n")
    drop.load()
    assert drop.current() == [(1, "new", "2.00")]


def test_what_was_taken_in_stands_in_the_ledger(drop):
    path = drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.load()
    ((name, size, problem),) = drop.ask("select name, size, problem from ops.inputs")
    assert (name, size, problem) == ("items_1.csv", path.stat().st_size, None)


def test_a_whole_table_is_made_of_all_its_files_each_time(drop):
    contract = contract_for("items_*.csv", increments=False)
    drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.put("items_2.csv", HEADER + "2,ink,2\n")
    drop.load(contract)
    (drop.folder / "items_2.csv").unlink()
    record = drop.load(contract)
    assert (record.rows_read, record.rows_vanished) == (1, 1)
    assert drop.current(contract) == [(1, "pen", "1.00")]


def test_a_whole_table_without_a_file_is_a_failure_and_not_an_empty_table(drop):
    with pytest.raises(SourceError, match=r"items_\*\.csv does not exist"):
        drop.load(contract_for("items_*.csv", increments=False))


@pytest.mark.parametrize(
    "name", ["~$items_1.csv", "items_1.csv.part", ".items_1.csv", "items_1.tmp"]
)
def test_files_with_temporary_names_are_left_alone(drop, name):
    drop.put(name, HEADER + "1,pen,1\n")
    assert drop.load(contract_for("*items_*")).rows_read == 0


def test_a_file_that_is_still_being_written_is_left_for_the_next_time(drop):
    path = drop.put("items_1.csv", HEADER + "1,pen,1\n")
    assert drop.load(settle=60).rows_read == 0
    os.utime(path, (time.time() - 61,) * 2)
    assert drop.load(settle=60).rows_read == 1


def test_a_file_from_the_future_is_taken_in(drop):
    path = drop.put("items_1.csv", HEADER + "1,pen,1\n")
    os.utime(path, (time.time() + 86_400,) * 2)
    assert drop.load(settle=60).rows_loaded == 1


def test_a_file_that_changes_while_it_is_read_fails_the_load(drop):
    path = drop.put("items_1.csv", HEADER + "1,pen,1\n")
    with duckdb.connect() as con:
        relation = next(drop.reader().relations(con, Request("items_*.csv", is_whole=False)))
        with path.open("a") as file:
            file.write("2,ink,2\n")
        with pytest.raises(SourceError, match="changed while it was read"):
            relation.is_unfaithful()


def test_nothing_in_the_folder_is_changed(drop):
    drop.put("items_1.csv", HEADER + "1,pen,x\n")
    drop.put("items_2.csv.gz", gzip.compress((HEADER + "2,ink,2\n").encode()))
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in drop.folder.iterdir()}
    drop.load(contract_for("items_*"))
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in drop.folder.iterdir()} == before


def test_a_folder_in_object_storage_is_read_like_one_here(shop):
    drop = Drop(shop)
    drop.address = "memory://bucket/drop"
    fs = fsspec.filesystem("memory")
    fs.pipe("/bucket/drop/items_1.csv", (HEADER + "1,pen,1\n").encode())
    fs.pipe("/bucket/drop/deep/items_2.csv", (HEADER + "2,ink,2\n").encode())
    try:
        assert drop.load(contract_for("**/items_*.csv")).rows_read == 2
        assert drop.load(contract_for("**/items_*.csv")).rows_read == 0
        assert [t.name for t in drop.reader().tables(None)] == ["items_1.csv"]
    finally:
        fs.rm("/bucket", recursive=True)


def test_a_storage_without_its_package_is_named(shop):
    reader = FileReader("nosuch://bucket/drop", {})
    with pytest.raises(SourceError, match="nosuch"):
        reader.attach(None)


# -- how files are declared --------------------------------------------------------------------


def test_a_pattern_declares_how_its_files_are_written_and_a_name_says_it_more_exactly(drop):
    drop.put("items_1.csv", "ItemID;Name;Price\n1;Käse;1\n".encode("cp1252"))
    drop.put("items_2.csv", "ItemID|Name|Price\n2|Öl|2\n".encode("cp1252"))
    files = {
        "items_2.csv": {"delimiter": "|"},
        "items_*.csv": {"delimiter": ";"},
        "*": {"encoding": "cp1252"},
    }
    drop.load(files=files)
    assert drop.current() == [(1, "Käse", "1.00"), (2, "Öl", "2.00")]


def test_rows_above_the_header_are_declared_and_counted(drop):
    drop.put("items_1.csv", "Price list\n\n" + HEADER + "1,pen,1\n2,ink,x\n")
    drop.load(files={"*": {"header": 3}})
    assert drop.current() == [(1, "pen", "1.00")]
    assert drop.ask("select position from ops.quarantine") == [(5,)]


def test_rows_above_the_data_of_a_file_without_header_are_declared_and_counted(drop):
    drop.put("items_1.csv", "Price list\n1,pen,1\n2,ink,x\n")
    drop.load(files={"*": {"header": ["ItemID", "Name", "Price"], "skip": 1}})
    assert drop.current() == [(1, "pen", "1.00")]
    assert drop.ask("select position from ops.quarantine") == [(3,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"settle_secs": 1}, "unknown option 'settle_secs'"),
        ({"settle_seconds": "2"}, "settle_seconds is '2'"),
        ({"files": {"a.csv": {"delimiter": ""}}}, "unusable delimiter ''"),
        ({"files": {"a.csv": {"header": 0}}}, "unusable header 0"),
        ({"files": {"a.csv": {"skip": 2}}}, "no names in `header`"),
        ({"files": {"a.csv": {"sheet": 0}}}, "unusable sheet 0"),
        ({"files": {"a.csv": "utf-8"}}, "has no options"),
    ],
)
def test_wrong_declarations_are_named(options, message):
    with pytest.raises(SettingsError, match=message):
        FileReader("/drop", options)


# -- archives ----------------------------------------------------------------------------------


def test_gzip_and_zip_files_are_unpacked(drop):
    contract = contract_for("items_*")
    drop.put("items_1.csv.gz", gzip.compress((HEADER + "1,pen,1\n").encode()))
    with zipfile.ZipFile(drop.folder / "items_2.zip", "w") as archive:
        archive.writestr("a.csv", HEADER + "2,ink,2\n")
        archive.writestr("in/b.csv", HEADER + "3,cap,x\n")
    drop.load(contract)
    assert drop.current(contract) == [(1, "pen", "1.00"), (2, "ink", "2.00")]
    assert drop.ask("select distinct _origin from {raw} order by 1", contract) == [
        ("items_1.csv.gz/items_1.csv",),
        ("items_2.zip/a.csv",),
    ]
    assert drop.ask("select origin, position from ops.quarantine", contract) == [
        ("items_2.zip/in/b.csv", 2)
    ]


# -- workbooks ---------------------------------------------------------------------------------


class Stock(Contract):
    """Stock counts, from a spreadsheet."""

    sku: Text = column("SKU", "Identifies the product; zeros count.")
    quantity: Integer = column("Quantity", "Units.", nullable=True)
    price: Money = column("Price", "Price.", nullable=True)
    counted_on: Date = column("Counted", "Day.", nullable=True)
    seen_at: Timestamp = column("Seen", "Instant.", nullable=True)
    is_open: Flag = column("Open", "Whether the box was open.", nullable=True)

    class Config:
        metadata = table("stock_*.xlsx", key=["sku"], increments=True)


STOCK = describe(Stock, "drop")
STOCK_HEADER = ["SKU", "Quantity", "Price", "Counted", "Seen", "Open"]


def write_workbook(path, rows, header_row=1, sheet="Stock", above=()):
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet(sheet)
        formats = {
            date: book.add_format({"num_format": "dd/mm/yyyy"}),
            datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        }
        for number, text in enumerate(above):
            page.write(number, 0, text)
        for number, row in enumerate([STOCK_HEADER, *rows], start=header_row - 1):
            for place, value in enumerate(row or []):
                if type(value) in formats:
                    page.write_datetime(number, place, value, formats[type(value)])
                elif value is not None:
                    page.write(number, place, value)


def test_every_value_of_a_workbook_arrives_as_it_was_entered(drop):
    row = ["00123", 5, 1.5, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), True]
    write_workbook(drop.folder / "stock_1.xlsx", [row, ["MAR-1", 12, 1000000, None, None, False]])
    record = drop.load(STOCK)
    assert record.rows_quarantined == 0
    assert drop.shop.current(STOCK) == [
        ("00123", 5, Decimal("1.50"), date(2026, 1, 2), datetime(2026, 1, 2, 3, 4), True),
        ("MAR-1", 12, Decimal("1000000.00"), None, None, False),
    ]


def test_numbers_in_a_text_column_of_a_workbook_have_no_spurious_decimals(drop):
    with duckdb.connect() as con:
        write_workbook(drop.folder / "stock_1.xlsx", [[4006381333931, 1.0, 0.1, 10**15]])
        (relation,) = drop.reader().relations(con, Request("stock_*.xlsx", is_whole=False))
        named = 'select "SKU", "Quantity", "Price", "Counted"'
        assert con.sql(f"{named} from ({relation.sql})").fetchall() == [
            ("4006381333931", "1", "0.1", "1000000000000000")
        ]


def test_rows_of_a_workbook_are_numbered_as_it_shows_them(drop):
    rows = [["A", 1], None, ["B", "many"], None, ["C", 3]]
    write_workbook(drop.folder / "stock_1.xlsx", rows, header_row=4, above=["", "Weekly count"])
    record = drop.load(STOCK, files={"*.xlsx": {"header": 4}})
    assert (record.rows_loaded, record.rows_quarantined) == (2, 1)
    assert drop.ask("select position from ops.quarantine", STOCK) == [(7,)]


def test_a_sheet_is_found_by_its_name(drop):
    with xlsxwriter.Workbook(drop.folder / "stock_1.xlsx") as book:
        book.add_worksheet("Read me").write(0, 0, "SKU")
        book.add_worksheet("Käse & Co").write_column(0, 0, ["SKU", "A"])
    contract = describe(type("Skus", (Contract,), {
        "__annotations__": {"sku": Text}, "sku": column("SKU", "Product."),
        "__doc__": "Products.", "__module__": __name__,
        "Config": type("Config", (), {"metadata": table("stock_*.xlsx", increments=True)}),
    }), "drop")  # fmt: skip
    drop.load(contract, files={"*": {"sheet": "Käse & Co"}})
    assert drop.shop.current(contract) == [("A",)]


# -- JSON --------------------------------------------------------------------------------------


class Visits(Contract):
    """What visitors did."""

    visit_id: Integer = column("id", "Identifies the visit.")
    page: Text = column("page", "Page.", nullable=True)
    seen_at: Timestamp = column("at", "Instant.", nullable=True)
    file: Text = column("@file", "File it came in.", nullable=True)

    class Config:
        metadata = table("visits_*", key=["visit_id"], increments=True, elsewhere=["debug"])


VISITS = describe(Visits, "drop")


def lines(*documents):
    return "".join(json.dumps(d) + "\n" for d in documents)


def test_json_lines_are_loaded_and_name_their_file(drop):
    drop.put("visits_1.jsonl", lines({"id": 1, "page": "/a", "at": "2026-01-01T10:00:00Z"}))
    drop.put("visits_2.jsonl.gz", gzip.compress(lines({"id": 2, "debug": {"x": 1}}).encode()))
    record = drop.load(VISITS)
    assert (record.rows_loaded, record.drift) == (2, [])
    assert drop.shop.current(VISITS) == [
        (1, "/a", datetime(2026, 1, 1, 10), "visits_1.jsonl"),
        (2, None, None, "visits_2.jsonl.gz/visits_2.jsonl"),
    ]


def test_a_name_nobody_declared_is_noticed_wherever_it_comes_up(drop):
    many = [{"id": i, "page": "/a"} for i in range(1, 30_000)]
    drop.put("visits_1.jsonl", lines(*many, {"id": 30_000, "coupon": "TEN"}))
    record = drop.load(VISITS)
    assert [d.split(":")[0] + d.split(" ")[1] for d in record.drift] == ["addedcoupon"]
    assert drop.ask("select visit_id, coupon from {raw} where coupon is not null", VISITS) == [
        (30_000, "TEN")
    ]


def test_a_line_that_is_not_json_is_one_quarantined_row(drop):
    drop.put("visits_1.jsonl", lines({"id": 1}) + '\n{"id": 2, "pa\n' + lines({"id": 3}))
    record = drop.load(VISITS)
    assert (record.rows_loaded, record.rows_quarantined) == (2, 1)
    assert drop.ask("select origin, position, reason_code from ops.quarantine", VISITS) == [
        ("visits_1.jsonl", 3, "malformed_row")
    ]


def test_rows_deep_inside_a_json_document_are_found(drop):
    class Prices(Contract):
        """Prices in a list."""

        sku: Text = column("sku", "Product.")
        price: Money = column("price.amount", "Price.")
        day: Date = column("^day", "Day of the list.")

        class Config:
            metadata = table("prices_*.json:items[]", key=["sku"], increments=True)

    contract = describe(Prices, "drop")
    document = {"day": "2026-01-02", "items": [{"sku": "A", "price": {"amount": 1.5}}]}
    drop.put("prices_1.json", json.dumps(document, indent=1))
    drop.load(contract)
    assert drop.shop.current(contract) == [("A", Decimal("1.50"), date(2026, 1, 2))]


# -- Parquet -----------------------------------------------------------------------------------


def test_parquet_files_of_one_table_are_put_together(drop):
    contract = contract_for("items_*.parquet")
    with duckdb.connect() as con:
        for number in (1, 2):
            con.execute(
                f'copy (select {number} as "ItemID", \'pen\' as "Name", 1.5 as "Price") '
                f"to '{drop.folder}/items_{number}.parquet'"
            )
    assert drop.load(contract).rows_loaded == 2
    assert drop.ask("select item_id, _origin from {raw} order by 1", contract) == [
        (1, "items_1.parquet"),
        (2, "items_2.parquet"),
    ]


def test_parquet_files_of_other_types_keep_every_digit(drop):
    contract = contract_for("items_*.parquet")
    with duckdb.connect() as con:
        for number, item in ((1, "9007199254740993"), (2, "2.0::double")):
            con.execute(
                f'copy (select {item} as "ItemID", \'pen\' as "Name", 1.5 as "Price") '
                f"to '{drop.folder}/items_{number}.parquet'"
            )
    drop.load(contract)
    assert [item for item, *_ in drop.current(contract)] == [2, 2**53 + 1]


def test_what_has_arrived_is_listed_with_its_fingerprint_before_it_is_loaded(drop):
    path = drop.put("items_1.csv", HEADER + "1,pen,1\n")
    drop.put("items_2.csv", HEADER + "2,ink,2\n")
    os.utime(path, (datetime(2026, 1, 1, tzinfo=UTC).timestamp(),) * 2)
    (arrived,) = drop.reader(settle=60).arrivals("items_*.csv")
    record = drop.load(settle=60)
    assert [given["fingerprint"] for given in record.inputs] == [arrived.fingerprint]
