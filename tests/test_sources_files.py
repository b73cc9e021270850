"""The file reader: declared, never guessed; a broken row is one quarantined row."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import json
from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.landing.loader import Loader
from inventory_platform.sources.files import FileReader


def contract_for(name, key=("item_id",)):
    class Items(Contract):
        """Items in a file."""

        item_id: Integer = column("ItemID", "Identifies the item.")
        name: Text = column("Name", "Name.", nullable=True, null_values=["N/A"])
        price: Money = column("Price", "Price.", nullable=True)

        class Config:
            metadata = table(name, key=list(key))

    return describe(Items, "files")


CSV = contract_for("items.csv")
PARQUET = contract_for("items.parquet")
HEADER = "ItemID,Name,Price\n"


class Inbox:
    """A folder of files, loaded into the shop's lake."""

    def __init__(self, shop):
        self.shop = shop
        self.folder = shop.folder / "inbox"
        self.folder.mkdir()

    def put(self, content, name="items.csv"):
        data = content if isinstance(content, bytes) else content.encode()
        (self.folder / name).write_bytes(data)

    def load(self, contract=CSV, **options):
        reader = FileReader(str(self.folder), {"files": {"items.csv": options}} if options else {})
        return Loader(self.shop.settings, reader, address="files").load(contract)

    def current(self, contract=CSV):
        return [(i, n, p if p is None else str(p)) for i, n, p in self.shop.current(contract)]


@pytest.fixture
def inbox(shop):
    return Inbox(shop)


def test_a_csv_file_is_loaded(inbox):
    inbox.put(HEADER + "1,pen,1.50\n2,ink,2\n")
    record = inbox.load()
    assert (record.rows_read, record.rows_loaded) == (2, 2)
    assert inbox.current() == [(1, "pen", "1.50"), (2, "ink", "2.00")]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + HEADER + "1,pen,1.50\n",
        HEADER.replace("\n", "\r\n") + "1,pen,1.50\r\n",
        HEADER + "1,pen,1.50",
        '"ItemID","Name","Price"\n"1","pen","1.50"\n',
        "Price,ItemID,Name\n1.50,1,pen\n",
    ],
    ids=["byte order mark", "CRLF", "no last line end", "all quoted", "reordered"],
)
def test_ways_of_writing_the_same_file(inbox, content):
    inbox.put(content)
    inbox.load()
    assert inbox.current() == [(1, "pen", "1.50")]


def test_quoted_line_ends_quotes_and_delimiters_are_part_of_the_value(inbox):
    plain = "".join(f"{i},pen,1\n" for i in range(2, 3000))
    inbox.put(HEADER + plain + '1,"a ""b"",\nc;",1\n')
    record = inbox.load()
    assert record.rows_loaded == 2999
    assert inbox.current()[0] == (1, 'a "b",\nc;', "1.00")


@pytest.mark.parametrize("quote", ['"', ""], ids=["quotes", "no quotes"])
def test_lines_may_end_in_two_ways(inbox, quote):
    given = f"1,pen,1\n2,{quote}ink{quote},2\r\n3,cap\n4,lid,4\n"
    inbox.put(HEADER.replace("\n", "\r\n") + given)
    record = inbox.load(quote=quote)
    assert (record.rows_loaded, record.rows_quarantined) == (3, 1)
    assert inbox.current() == [(1, "pen", "1.00"), (2, "ink", "2.00"), (4, "lid", "4.00")]
    assert inbox.shop.rejects(CSV) == [(4, "malformed_row")]


def test_a_line_end_in_quotes_stays_as_it_is_where_lines_end_in_two_ways(inbox):
    inbox.put(HEADER + '1,"a\r\nb",1\r\n2,"c\nd",2\n3,"cap,3\r\n4,lid,4\n')
    inbox.load()
    assert inbox.current() == [(1, "a\r\nb", "1.00"), (2, "c\nd", "2.00"), (4, "lid", "4.00")]
    assert inbox.shop.rejects(CSV) == [(4, "malformed_row")]


def test_a_line_end_that_may_be_part_of_a_value_is_named_with_what_to_do(inbox):
    inbox.put(HEADER + "1,pen\rcil,1\n")
    with pytest.raises(SourceError, match="lines end in several ways") as caught:
        inbox.load()
    assert "quotes around values" in caught.value.remedy


def test_empty_is_no_value_for_numbers_and_declared_spellings_for_text(inbox):
    inbox.put(HEADER + '1,N/A,\n2,"n/a",0\n')
    inbox.load()
    assert inbox.current() == [(1, None, None), (2, "n/a", "0.00")]


def test_a_file_cut_in_its_last_row_loses_that_row_to_quarantine_and_no_other(inbox):
    inbox.put(HEADER + "1,pen,1\n2,ink,2\n3,ca")
    record = inbox.load()
    assert (record.rows_read, record.rows_loaded, record.rows_quarantined) == (3, 2, 1)
    ((position, code, payload),) = inbox.shop.query(
        CSV, "select position, reason_code, payload from ops.quarantine"
    )
    assert (position, code) == (4, "malformed_row")
    assert json.loads(payload) == {"line": "3,ca"}


def test_rows_with_too_few_and_too_many_fields_are_quarantined_with_their_lines(inbox):
    inbox.put(HEADER + "1,pen,1\n2,ink\n3,cap,3,more\n4,lid,4\n")
    record = inbox.load()
    assert (record.rows_loaded, record.rows_quarantined) == (2, 2)
    assert inbox.shop.rejects(CSV) == [(3, "malformed_row"), (4, "malformed_row")]
    assert [row[0] for row in inbox.current()] == [1, 4]


def test_every_rejected_row_names_its_line(inbox):
    inbox.put(HEADER + "1,pen,1\n2,ink\n3,cap,abc\n4,lid,4\n")
    inbox.load()
    assert inbox.shop.rejects(CSV) == [(3, "malformed_row"), (4, "not_a_number")]


def test_a_quote_that_never_ends_costs_its_own_line_and_no_other(inbox):
    inbox.put(HEADER + '1,pen,1\n2,"ink,2\n3,cap,3\n4,"two\nlines",4\n')
    record = inbox.load()
    assert (record.rows_loaded, record.rows_quarantined) == (3, 1)
    assert [row[:2] for row in inbox.current()] == [(1, "pen"), (3, "cap"), (4, "two\nlines")]
    ((position, reason, payload),) = inbox.shop.query(
        CSV, "select position, reason, payload from ops.quarantine"
    )
    assert (position, reason) == (3, "Value with unterminated quote found.")
    assert json.loads(payload) == {"line": '2,"ink,2'}


def test_repeated_loads_of_a_file_with_broken_rows_keep_them_once(inbox):
    inbox.put(HEADER + "1,pen,1\n2,ink\n3,cap,x\n")
    inbox.load()
    again = inbox.load()
    assert (again.rows_quarantined, again.rows_deduplicated) == (0, 3)
    assert len(inbox.shop.rejects(CSV)) == 2


def test_a_semicolon_file_with_decimal_commas_in_cp1252(inbox):
    class Items(Contract):
        """As a German spreadsheet writes it."""

        item_id: Text = column("Nr", "Identifies the item; leading zeros count.")
        name: Text = column("Name", "Name.")
        price: Money = column("Preis", "Price.", decimal_mark=",")
        day: Date = column("Tag", "Day.", formats=["%d.%m.%Y", "%d/%m/%y"])

        class Config:
            metadata = table("items.csv", key=["item_id"])

    contract = describe(Items, "files")
    text = "Nr;Name;Preis;Tag\n007;Käse;1.234,50;31.12.2025\n008;Öl;2;01/02/26\n"
    inbox.put(text.encode("cp1252"))
    record = inbox.load(contract, encoding="cp1252", delimiter=";")
    assert record.rows_loaded == 2
    assert inbox.shop.current(contract) == [
        ("007", "Käse", Decimal("1234.50"), date(2025, 12, 31)),
        ("008", "Öl", Decimal("2.00"), date(2026, 2, 1)),
    ]


def test_a_file_in_utf_16_is_read_as_declared(inbox):
    inbox.put((HEADER + "1,Käse,1\n").encode("utf-16"))
    inbox.load(encoding="utf-16")
    assert inbox.current() == [(1, "Käse", "1.00")]


def test_a_file_without_header_is_read_with_declared_names(inbox):
    inbox.put("1,pen,1\n2,ink,2\n")
    assert inbox.load(header=["ItemID", "Name", "Price"]).rows_loaded == 2
    assert inbox.current()[0] == (1, "pen", "1.00")


def test_rows_of_a_file_without_header_name_their_line(inbox):
    inbox.put("1,pen,1\n2,ink,x\n3,cap\n")
    inbox.load(header=["ItemID", "Name", "Price"])
    assert inbox.shop.rejects(CSV) == [(2, "not_a_number"), (3, "malformed_row")]


def check_refused(inbox, what, remedy, **options):
    with pytest.raises(SourceError) as caught:
        inbox.load(**options)
    assert what in caught.value.what
    assert "items.csv" in caught.value.what
    assert remedy in caught.value.remedy
    assert inbox.shop.files() == []


def test_a_missing_file_is_named(inbox):
    check_refused(inbox, "does not exist", "Put it there")


def test_an_empty_file_is_named(inbox):
    inbox.put("")
    check_refused(inbox, "is empty", "complete file")


def test_a_repeated_name_in_the_header_is_named(inbox):
    inbox.put("ItemID,Name,Name,Price\n1,a,b,1\n")
    check_refused(inbox, "more than one column named 'Name'", "Rename")


def test_a_header_in_another_encoding_is_refused(inbox):
    inbox.put("ItemID,Näme,Price\n1,pen,1\n".encode("cp1252"))
    check_refused(inbox, "not a UTF-8 text file", "encoding")


def test_a_wrong_declared_encoding_is_refused_with_the_byte(inbox):
    inbox.put(HEADER.encode() + "1,Käse,1\n".encode("cp1252"))
    check_refused(inbox, "is not utf-16", "encoding", encoding="utf-16")


def test_an_unknown_encoding_is_a_wrong_setting(inbox):
    inbox.put(HEADER)
    with pytest.raises(SettingsError, match="unknown encoding 'klingon'"):
        inbox.load(encoding="klingon")


def test_an_unknown_option_is_a_wrong_setting(inbox):
    inbox.put(HEADER)
    with pytest.raises(SettingsError, match="unknown option 'delimeter'"):
        inbox.load(delimeter=";")


def test_a_short_file_that_is_not_utf_8_is_refused(inbox):
    inbox.put(HEADER.encode() + b"1,pen,1\n2,K\xe4se,2\n")
    check_refused(inbox, "not a UTF-8 text file", "encoding")


def test_far_down_a_row_that_is_not_utf_8_is_quarantined_and_never_mojibake(inbox):
    rows = b"".join(b"%d,pen,1\n" % i for i in range(1, 5000))
    inbox.put(HEADER.encode() + rows + b"5000,K\xe4se,2\n5001,cap,3\n")
    record = inbox.load()
    assert (record.rows_loaded, record.rows_quarantined) == (5000, 1)
    assert inbox.shop.rejects(CSV) == [(5001, "malformed_row")]
    assert 5000 not in [row[0] for row in inbox.current()]


def test_a_nul_byte_does_not_cut_a_value(inbox):
    inbox.put(HEADER.encode() + b"1,pe\x00n,1\n2,ink,2\n")
    inbox.load()
    assert [row[1] for row in inbox.current()] == ["pe\x00n", "ink"]


def test_a_folder_that_does_not_exist_is_named(shop):
    reader = FileReader(str(shop.folder / "nowhere"), {})
    with pytest.raises(SourceError, match="nowhere does not exist"):
        Loader(shop.settings, reader, address="files").load(CSV)


# -- Parquet -----------------------------------------------------------------------------------


def write_parquet(inbox, select):
    with duckdb.connect() as con:
        con.execute(f"copy ({select}) to '{inbox.folder / 'items.parquet'}'")


def test_a_parquet_file_keeps_its_types(inbox):
    class Items(Contract):
        """Items in a Parquet file."""

        item_id: Integer = column("ItemID", "Identifies the item.")
        price: Money = column("Price", "Price.")
        seen: Timestamp = column("Seen", "Instant.")

        class Config:
            metadata = table("items.parquet", key=["item_id"])

    contract = describe(Items, "files")
    write_parquet(
        inbox,
        'select 1 as "ItemID", 12.34::decimal(12,2) as "Price", '
        "timestamptz '2024-01-01 00:00:00+02' as \"Seen\"",
    )
    inbox.load(contract)
    assert inbox.shop.current(contract) == [(1, Decimal("12.34"), datetime(2023, 12, 31, 22))]


def test_a_rejected_row_of_a_parquet_file_names_its_place(inbox):
    write_parquet(
        inbox,
        'select * from (values (1, \'a\', 1.5), (2, \'b\', 1.005)) t("ItemID", "Name", "Price")',
    )
    inbox.load(PARQUET)
    assert inbox.shop.rejects(PARQUET) == [(1, "too_precise")]


def test_a_cut_parquet_file_is_named_and_nothing_of_it_loaded(inbox):
    write_parquet(
        inbox, 'select i as "ItemID", \'x\' as "Name", 1 as "Price" from range(5000) t(i)'
    )
    path = inbox.folder / "items.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SourceError, match="is not a complete Parquet file") as caught:
        inbox.load(PARQUET)
    assert str(path) in caught.value.what
    assert inbox.shop.files() == []


def test_a_single_file_is_a_source_too(inbox):
    inbox.put(HEADER + "1,pen,1\n")
    reader = FileReader(str(inbox.folder / "items.csv"), {})
    assert Loader(inbox.shop.settings, reader, address="files").load(CSV).rows_loaded == 1
    assert [t.name for t in reader.tables(None)] == ["items.csv"]


def test_only_files_that_can_be_read_are_listed(inbox):
    inbox.put("", "b.csv")
    inbox.put("", "a.parquet")
    inbox.put("", "readme.md")
    assert [t.name for t in FileReader(str(inbox.folder), {}).tables(None)] == [
        "a.parquet",
        "b.csv",
    ]


def test_lines_are_right_however_broken_rows_lie_among_the_others(inbox):
    lines = ["1,a,1", "2,b", "3", "4,d,x", "5,e,5", "6,f", "7,g,x", '8,"h', 'h",x', "9"]
    inbox.put(HEADER + "\n".join(lines) + "\n")
    inbox.load()
    # The row with a line end in it counts as one.
    assert inbox.shop.rejects(CSV) == [
        (3, "malformed_row"),
        (4, "malformed_row"),
        (5, "not_a_number"),
        (7, "malformed_row"),
        (8, "not_a_number"),
        (9, "not_a_number"),
        (10, "malformed_row"),
    ]
