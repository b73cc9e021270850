"""Files that are broken, mislabelled or meant to harm: refused with a reason, the others go on."""

import gzip
import io
import json
import shutil
import zipfile

import duckdb
import pytest
import xlsxwriter

from inventory_platform.errors import SourceError
from inventory_platform.landing.loader import contract_version
from tests.test_sources_files_folder import HEADER, Drop, contract_for

ANY = contract_for("items_*")
GOOD = HEADER + "1,pen,1\n"


@pytest.fixture
def drop(shop):
    """A folder that already holds one good file."""
    opened = Drop(shop)
    opened.put("items_0_good.csv", GOOD)
    return opened


def check_refused(drop, reason, contract=ANY, **options):
    """The one other file is refused; the good one is loaded, and nothing is read twice."""
    record = drop.load(contract, **options)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 1)
    ((origin, code, said, payload),) = drop.ask(
        "select origin, reason_code, reason, payload from ops.quarantine", contract
    )
    assert code == "rejected_file"
    assert reason in said
    name = origin.partition("/")[0]
    told = json.loads(json.loads(payload)["line"])
    assert (told["name"], told["size"]) == (origin, (drop.folder / name).lstat().st_size) or (
        drop.folder / name
    ).is_symlink()
    refused = [given for given in record.inputs if given["problem"]]
    assert [(g["name"], g["problem"], g["fingerprint"]) for g in refused] == [
        (origin, said, told["fingerprint"])
    ]
    assert drop.load(contract, **options).rows_read == 0


def packed(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def workbook(rows=(["ItemID", "Name", "Price"], [2, "ink", 2]), write=None):
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
        if write:
            write(sheet)
    return buffer.getvalue()


# -- archives ----------------------------------------------------------------------------------


def test_a_zip_bomb_is_not_unpacked(drop):
    drop.put("items_1.zip", packed(("a.csv", HEADER.encode() + b"0" * (20 << 20))))
    check_refused(drop, "would unpack to 20 MB or more")


def test_a_gzip_bomb_is_stopped_while_it_unpacks(drop):
    drop.put("items_1.csv.gz", gzip.compress(HEADER.encode() + b"0" * (20 << 20), 9))
    check_refused(drop, "would unpack to")


def test_a_workbook_that_is_a_bomb_is_not_opened(drop):
    good = zipfile.ZipFile(io.BytesIO(workbook()))
    members = [(n, good.read(n)) for n in good.namelist() if not n.startswith("xl/worksheets/")]
    drop.put("items_1.xlsx", packed(*members, ("xl/worksheets/sheet1.xml", b" " * (20 << 20))))
    check_refused(drop, "would unpack to 20 MB or more")


def test_an_archive_of_too_many_entries_is_refused(drop):
    drop.put("items_1.zip", packed(*((f"{i}.csv", "") for i in range(10_001))))
    check_refused(drop, "holds 10,001 entries")


def test_an_archive_in_an_archive_is_refused(drop):
    drop.put("items_1.zip", packed(("a.zip", packed(("b.csv", GOOD)))))
    check_refused(drop, "an archive inside the archive: 'a.zip'")


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "..\\evil.csv", "C:/evil.csv"])
def test_a_member_that_points_outside_of_its_archive_is_refused(drop, name):
    drop.put("items_1.zip", packed((name, GOOD)))
    check_refused(drop, "points outside of it")
    assert not list(drop.shop.folder.rglob("*evil*"))


def test_one_bad_member_refuses_the_whole_archive(drop):
    drop.put("items_1.zip", packed(("a.csv", HEADER + "2,ink,2\n"), ("b.exe", "MZ")))
    check_refused(drop, "is of no kind that can be read")


@pytest.mark.parametrize("cut", [30, -20])
def test_a_cut_gzip_file_is_refused(drop, cut):
    whole = gzip.compress("".join(f"{i},pen,{i}\n" for i in range(5000)).encode())
    drop.put("items_1.csv.gz", whole[:cut])
    check_refused(drop, "is not a complete archive")


def test_a_cut_zip_file_is_refused(drop):
    drop.put("items_1.zip", packed(("a.csv", GOOD * 1000))[:-30])
    check_refused(drop, "is not a complete archive")


def test_a_zip_file_with_a_flipped_bit_is_refused(drop):
    data = bytearray(packed(("a.csv", "".join(f"{i},pen,{i}\n" for i in range(5000)))))
    data[200] ^= 1
    drop.put("items_1.zip", bytes(data))
    check_refused(drop, "is not a complete archive")


# -- files that are not what their name says ------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (packed(("a.csv", GOOD)), "a ZIP archive or a workbook"),
        (workbook(), "a ZIP archive or a workbook"),
        (gzip.compress(GOOD.encode()), "a gzip archive"),
        (b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "a web page"),
        (b"\n<HTML><body>503</body></HTML>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
            "an old or a password-protected workbook",
        ),
        (b"PAR1" + b"\0" * 20, "a Parquet file"),
        (b"%PDF-1.7\n", "a PDF document"),
    ],
)
def test_a_csv_file_that_is_something_else_is_named(drop, content, what):
    drop.put("items_1.csv", content)
    check_refused(drop, f"is named .csv but is {what}" if not what.startswith("Git") else what)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("items_1.xlsx", b"<html><table><tr><td>1</td></tr></table></html>", "a web page"),
        ("items_1.xlsx", b"ItemID\n2\n", "something else"),
        ("items_1.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "password-protected"),
        ("items_1.xls", workbook(), "a ZIP archive or a workbook"),
        ("items_1.parquet", b"ItemID\n2\n", "something else"),
        ("items_1.csv.gz", b"ItemID\n2\n", "something else"),
    ],
)
def test_a_file_with_the_wrong_ending_is_named(drop, name, content, what):
    drop.put(name, content)
    check_refused(drop, what)


def test_a_zip_archive_named_xlsx_is_no_workbook(drop):
    drop.put("items_1.xlsx", packed(("a.csv", GOOD)))
    check_refused(drop, "is not a complete workbook")


def test_a_cut_workbook_is_refused(drop):
    drop.put("items_1.xlsx", workbook()[:-500])
    check_refused(drop, "is not a complete archive")


def test_an_old_workbook_that_is_garbage_is_refused(drop):
    drop.put("items_1.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\1" * 2000)
    check_refused(drop, "cannot be read")


def test_a_cut_parquet_file_is_refused(drop):
    path = drop.folder / "items_1.parquet"
    with duckdb.connect() as con:
        con.execute(f"copy (select 2 as \"ItemID\", 'x' as \"Name\") to '{path}'")
    path.write_bytes(path.read_bytes()[:-50])
    check_refused(drop, "is not a complete Parquet file")


def test_a_parquet_file_that_is_damaged_inside_is_refused(drop):
    path = drop.folder / "items_1.parquet"
    with duckdb.connect() as con:
        con.execute(
            'copy (select i as "ItemID", \'x\' || i as "Name" from range(50000) t(i)) '
            f"to '{path}' (compression zstd)"
        )
    data = bytearray(path.read_bytes())
    data[4:24] = b"\xff" * 20
    path.write_bytes(data)
    check_refused(drop, "is not a complete Parquet file")


# -- workbooks ---------------------------------------------------------------------------------


def test_a_formula_that_was_never_calculated_refuses_the_workbook(drop):
    data = workbook(write=lambda sheet: sheet.write_formula("C3", "=C2*2", value=""))
    drop.put("items_1.xlsx", data)
    check_refused(drop, "a formula without a calculated value in cell C3")


def test_a_calculated_formula_is_its_value(drop):
    def write(sheet):
        sheet.write_row("A3", [3, "cap"])
        sheet.write_formula("C3", "=C2*2", value=4)

    drop.put("items_1.xlsx", workbook(write=write))
    assert drop.load(ANY).rows_quarantined == 0
    assert drop.current(ANY)[-1] == (3, "cap", "4.00")


def test_a_cell_that_holds_an_error_is_one_quarantined_row(drop):
    def write(sheet):
        sheet.write_row("A3", [3, "cap"])
        sheet.write_formula("C3", "=1/0", value="#DIV/0!")

    drop.put("items_1.xlsx", workbook(write=write))
    record = drop.load(ANY)
    assert (record.rows_loaded, record.rows_quarantined) == (2, 1)
    assert drop.ask("select position, reason from ops.quarantine", ANY) == [
        (3, "Cell C3 holds the error Div0 instead of a value.")
    ]


def test_a_workbook_without_the_declared_sheet_names_those_it_has(drop):
    drop.put("items_1.xlsx", workbook())
    check_refused(drop, "has no sheet 'Prices'", files={"*.xlsx": {"sheet": "Prices"}})


def test_a_workbook_that_declares_entities_is_refused(drop):
    good = zipfile.ZipFile(io.BytesIO(workbook()))
    members = {n: good.read(n) for n in good.namelist()}
    members["xl/workbook.xml"] = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + members["xl/workbook.xml"]
    drop.put("items_1.xlsx", packed(*members.items()))
    check_refused(drop, "declares entities")


def test_an_empty_workbook_is_refused(drop):
    drop.put("items_1.xlsx", workbook(rows=()))
    check_refused(drop, "where its header should be")


# -- text --------------------------------------------------------------------------------------


def test_an_empty_file_is_refused(drop):
    drop.put("items_1.csv", "")
    check_refused(drop, "is empty")


def test_ten_thousand_columns_are_refused(drop):
    drop.put("items_1.csv", ",".join(f"c{i}" for i in range(10_000)) + "\n")
    check_refused(drop, "has 10,000 columns; 2,000 are allowed")


def test_repeated_names_in_a_header_are_refused(drop):
    drop.put("items_1.csv", "ItemID,Name,name\n1,a,b\n")
    check_refused(drop, "more than one column named")


def test_a_file_of_another_table_is_refused(drop):
    drop.put("items_1.csv", "When;Who\n1;2\n")
    check_refused(drop, "has none of the columns of its table")


def test_utf_16_declared_as_utf_8_is_refused(drop):
    drop.put("items_1.csv", (HEADER + "2,ink,2\n").encode("utf-16-le"))
    check_refused(drop, "NUL characters in its header")


def test_a_file_in_another_encoding_than_declared_is_refused(drop):
    drop.put("items_1.csv", (HEADER + "2,日本,2\n").encode("shift-jis"))
    check_refused(drop, "is not utf-16", files={"items_1.csv": {"encoding": "utf-16"}})


def test_a_nul_in_a_value_does_not_cut_it(drop):
    drop.put("items_1.csv", HEADER + "2,i\0nk,2\n")
    drop.load(ANY)
    assert drop.current(ANY)[-1] == (2, "i\0nk", "2.00")


def test_a_cell_of_a_megabyte_is_a_value(drop):
    drop.put("items_1.csv", HEADER + f'2,"{"x" * (1 << 20)}",2\n3,ink,3\n')
    assert drop.load(ANY).rows_loaded == 3
    assert len(drop.current(ANY)[1][1]) == 1 << 20


def test_an_unterminated_quote_does_not_swallow_a_large_file(drop):
    rows = [f"{i},pen,1" for i in range(2, 1_500_002)]
    rows[1] = '3,"pen,1'
    rows[-2] = f'{1_500_000},"a ""b"",\nc",1'
    drop.put("items_1.csv", HEADER + "\n".join(rows) + "\n")
    record = drop.load(ANY)
    assert (record.rows_loaded, record.rows_quarantined) == (1_500_000, 1)
    assert drop.ask("select origin, position from ops.quarantine", ANY) == [("items_1.csv", 3)]
    assert drop.ask("select name from {raw} where item_id = 1500000", ANY) == [('a "b",\nc',)]


def test_many_unterminated_quotes_cost_a_line_each(drop):
    rows = [f'{i},"pen,1' if i % 10 == 0 else f"{i},pen,1" for i in range(2, 5_002)]
    drop.put("items_1.csv", HEADER + "\n".join(rows) + "\n")
    record = drop.load(ANY)
    assert (record.rows_loaded, record.rows_quarantined) == (4501, 500)


def test_a_line_that_is_too_long_refuses_the_file(drop):
    drop.put("items_1.csv", HEADER + "2," + "x" * (17 << 20) + ",2\n3,ink,3\n")
    check_refused(drop, "a line is longer than 16 MB")


# -- JSON --------------------------------------------------------------------------------------


def test_a_cut_json_document_is_refused(drop):
    drop.put("items_1.json", '{"ItemID": 2, "Na')
    check_refused(drop, "is not a complete JSON document")


def test_json_lines_that_are_not_text_are_refused(drop):
    drop.put("items_1.jsonl", b'{"ItemID": 2, "Name": "K\xe4se"}\n')
    check_refused(drop, "cannot be read")


# -- the folder --------------------------------------------------------------------------------


def test_a_link_that_leads_out_of_the_folder_is_refused(drop):
    secret = drop.shop.folder / "secret.csv"
    secret.write_text(HEADER + "2,secret,2\n")
    (drop.folder / "items_1.csv").symlink_to(secret)
    check_refused(drop, "is a link that leads out of the folder")


def test_a_link_within_the_folder_is_a_file(drop):
    drop.put("incoming/latest.csv", HEADER + "2,ink,2\n")
    (drop.folder / "items_1.csv").symlink_to(drop.folder / "incoming" / "latest.csv")
    assert drop.load(ANY).rows_loaded == 2


def test_a_file_refused_once_is_taken_in_when_it_was_corrected(drop):
    drop.put("items_1.csv", "")
    drop.load(ANY)
    drop.put("items_1.csv", HEADER + "2,ink,2\n")
    assert drop.load(ANY).rows_loaded == 1


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        ("ItemID,Name,Price\n2,Tür,2\n".encode("cp1252"), {"encoding": "cp1252"}),
        ("ItemID;Name;Price\n2;Tür;2\n", {"delimiter": ";"}),
        ("Items of May\nItemID,Name,Price\n2,Tür,2\n", {"header": 2}),
    ],
    ids=["encoding", "delimiter", "header"],
)
def test_a_file_refused_for_how_it_is_written_is_taken_in_once_that_is_declared(
    drop, content, declared
):
    drop.put("items_1.csv", content)
    (arrived,) = [f for f in drop.reader().arrivals("items_*") if f.name == "items_1.csv"]
    known = contract_version(ANY)
    assert drop.load(ANY).rows_quarantined == 1
    assert arrived.is_among(drop.shop.lake.inputs(ANY, known))
    assert drop.load(ANY).rows_read == 0
    files = {"items_1.csv": declared}
    (arrived,) = [f for f in drop.reader(**files).arrivals("items_*") if f.name == "items_1.csv"]
    assert not arrived.is_among(drop.shop.lake.inputs(ANY, known))
    assert drop.load(ANY, files=files).rows_loaded == 1
    assert (2, "Tür", "2.00") in drop.current(ANY)
    assert drop.load(ANY, files=files).rows_read == 0


def test_when_every_file_is_refused_the_load_still_says_so(drop):
    (drop.folder / "items_0_good.csv").unlink()
    drop.put("items_1.csv", "")
    record = drop.load(ANY)
    assert (record.rows_read, record.rows_quarantined) == (1, 1)


def test_a_file_of_a_whole_table_that_cannot_be_read_fails_the_load(drop):
    whole = contract_for("items_*.csv", increments=False)
    drop.load(whole)
    drop.put("items_1.csv", "")
    with pytest.raises(SourceError, match=r"items_1\.csv is empty"):
        drop.load(whole)
    assert drop.current(whole) == [(1, "pen", "1.00")]


def test_a_workbook_among_other_files_of_its_table_is_no_problem(drop):
    drop.put("items_1.xlsx", workbook())
    shutil.copy(drop.folder / "items_0_good.csv", drop.folder / "items_2.txt")
    drop.put("items_3.jsonl", '{"ItemID": 4, "Name": "lid", "Price": 4}\n')
    assert drop.load(ANY).rows_quarantined == 0
    assert [row[0] for row in drop.current(ANY)] == [1, 2, 4]
