"""JSON documents become rows: where rows and columns lie, what is new, what is broken."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import duckdb
import pytest

from inventory_platform.errors import SourceError
from inventory_platform.sources.base import Relation, Request
from inventory_platform.sources.documents import rows_of, stream_of

ORDERS = [
    {
        "Id": "a",
        "Info": {"Status": 1, "Paid": True},
        "Items": [
            {"Row": "r1", "Price": 12.50, "Bins": [{"Shelf": "A1"}, {"Shelf": "A2"}]},
            {"Row": "r2", "Price": 3, "Bins": []},
        ],
    },
    {"Id": "b", "Info": None, "Items": None},
]


def relation_of(documents: list[Any], table: str, columns: list[str], *elsewhere: str) -> Relation:
    """The relation that knows every kind of document."""
    with duckdb.connect() as con:
        request = Request(table, columns, elsewhere=elsewhere)
        *_, careful = rows_of(con, _select(con, documents), request)
        return careful


def rows(documents: list[Any], table: str, columns: list[str], *elsewhere: str) -> list[Any]:
    """The declared columns of every row, in any order, by every relation that can be read."""
    with duckdb.connect() as con:
        request = Request(table, columns, elsewhere=elsewhere)
        *alike, careful = rows_of(con, _select(con, documents), request)
        listed = ", ".join(f'"{c}"' for c in columns)
        found = _sorted(con, f"select {listed} from ({careful.sql})")
        for relation in alike:
            with suppress(duckdb.InvalidInputException):
                assert _sorted(con, f"select {listed} from ({relation.sql})") == found
                assert relation.columns == careful.columns
        return found


def is_alike(documents: list[Any], table: str, columns: list[str], *elsewhere: str) -> bool:
    """Whether the first relation is good enough; the second is read otherwise."""
    with duckdb.connect() as con:
        request = Request(table, columns, elsewhere=elsewhere)
        first, *careful = rows_of(con, _select(con, documents), request)
        if not careful:
            return False
        try:
            con.execute(f"create table t as {first.sql}")
        except duckdb.InvalidInputException:
            return False
        return True


def broken(
    documents: list[Any], table: str, columns: list[str], *elsewhere: str
) -> tuple[list[Any], list[Any]]:
    """The columns of the good rows, and complaint, text and origin of the malformed ones."""
    assert not is_alike(documents, table, columns, *elsewhere)
    with duckdb.connect() as con:
        request = Request(table, columns, elsewhere=elsewhere)
        *_, careful = rows_of(con, _select(con, documents), request)
        assert careful.malformed is not None
        complaint = careful.malformed.complaint
        listed = ", ".join(f'"{c}"' for c in columns)
        return (
            _sorted(con, f"select {listed} from ({careful.sql}) where {complaint} is null"),
            _sorted(
                con,
                f"select {complaint}, {careful.malformed.text}, {careful.origin} "
                f"from ({careful.sql}) where {complaint} is not null",
            ),
        )


def _sorted(con: duckdb.DuckDBPyConnection, sql: str) -> list[Any]:
    return sorted(con.execute(sql).fetchall(), key=str)


def _select(con: duckdb.DuckDBPyConnection, documents: list[Any]) -> str:
    con.execute('create table d (document varchar, origin varchar, position bigint, "@at" date)')
    for place, document in enumerate(documents, start=1):
        text = document if isinstance(document, str) else json.dumps(document)
        con.execute("insert into d values (?, ?, ?, '2026-01-05')", [text, f"page {place}", place])
    return "select * from d"


def test_the_stream_of_a_table_is_what_stands_before_the_colon() -> None:
    assert stream_of("orders:[].Items[]") == "orders"
    assert stream_of("events") == "events"


def test_a_document_without_a_path_is_a_row_itself() -> None:
    assert rows(ORDERS, "orders", ["Id", "Info.Status"], "Items", "Info.Paid") == [
        ("a", "1"),
        ("b", None),
    ]


def test_a_list_gives_a_row_for_each_element_with_its_place() -> None:
    found = rows([ORDERS], "orders:[].Items[]", ["Row", "Price", "#", "^Id"], "Bins")
    assert found == [("r1", "12.5", 1, "a"), ("r2", "3", 2, "a")]


def test_a_list_within_a_list_sees_what_encloses_it_on_every_level() -> None:
    columns = ["Shelf", "#", "^Row", "^#", "^^Id", "^^Info.Status"]
    found = rows([ORDERS], "orders:[].Items[].Bins[]", columns)
    assert found == [("A1", 1, "r1", 1, "a", "1"), ("A2", 2, "r1", 1, "a", "1")]


def test_a_wrapped_list_is_found_at_its_path() -> None:
    document = {"Result": {"Data": [{"x": 1}, {"x": 2}], "Total": 2}}
    assert rows([document], "t:Result.Data[]", ["x"]) == [("1",), ("2",)]


def test_a_value_that_is_an_object_or_a_list_arrives_as_its_text() -> None:
    found = rows([{"tags": [1, "b"], "who": {"n": 1}}], "t", ["tags", "who"])
    assert found == [('[1,"b"]', '{"n":1}')]


def test_facts_about_a_document_come_with_every_row_of_it() -> None:
    relation = relation_of([ORDERS], "o:[]", ["Id", "@at"], "Items", "Info")
    assert relation.columns["@at"] == "DATE"
    assert [str(r[1]) for r in rows([ORDERS], "o:[]", ["Id", "@at"], "Items", "Info")] == [
        "2026-01-05",
        "2026-01-05",
    ]


def test_names_that_differ_only_in_capitals_are_both_kept() -> None:
    found = rows([{"Sum": 1, "SUM": 2}], "t", ["Sum", "./SUM"])
    assert found == [("1", "2")]


def test_digits_are_kept_as_far_as_a_number_has_them() -> None:
    text = '{"big": 12345678901234567890123, "small": 0.10, "id": "007"}'
    assert rows([text], "t", ["big", "small", "id"]) == [("12345678901234567890123", "0.1", "007")]


def test_names_nobody_declared_are_kept_wherever_they_first_appear() -> None:
    documents = [{"Id": n, "Info": {"Status": 1}} for n in range(500)]
    documents += [{"Id": 500, "Late": "x", "Info": {"Status": 1, "New": 2}}]
    relation = relation_of(documents, "t", ["Id", "Info.Status"])
    assert list(relation.columns) == ["Id", "Info.Status", "Late", "Info.New"]


def test_names_that_another_table_takes_are_no_news() -> None:
    relation = relation_of([ORDERS], "o:[]", ["Id", "Info.Status"], "Items", "Info.Paid")
    assert list(relation.columns) == ["Id", "Info.Status"]


def test_an_undeclared_name_that_differs_only_in_capitals_is_told_apart() -> None:
    relation = relation_of([{"Sum": 1, "SUM": 2}], "t", ["Sum"])
    assert list(relation.columns) == ["Sum", "./SUM"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ('{"Id": 1', "is not JSON"),
        ("", "is not JSON"),
        ("[1]", "is not an object"),
        ('{"Items": {"Row": 1}}', 'does not hold a list at $."Items"'),
        ('{"Items": 5}', 'does not hold a list at $."Items"'),
    ],
)
def test_a_broken_document_is_one_malformed_row_and_the_others_go_on(
    document: str, complaint: str
) -> None:
    found = broken([ORDERS[0], document], "o:Items[]", ["Row"], "Price", "Bins")
    assert found == ([("r1",), ("r2",)], [(complaint, document, "page 2")])


@pytest.mark.parametrize("element", ["7", "null", '"x"', "[]", '[{"x":3}]'])
def test_an_element_that_is_no_object_is_one_malformed_row(element: str) -> None:
    good, bad = broken([[{"x": 1}], f'[{{"x":2}},{element}]'], "t:[]", ["x"])
    assert good == [("1",), ("2",)]
    assert bad == [("is not an object", element, "page 2")]


@pytest.mark.parametrize("value", ["5", '"x"', "[1]", "[]"])
def test_a_value_that_should_be_an_object_makes_its_row_malformed(value: str) -> None:
    text = f'{{"Id":2,"Info":{value}}}'
    found = broken([{"Id": 1, "Info": {"Status": 1}}, text], "t", ["Id", "Info.Status"])
    assert found == (
        [("1", "1")],
        [('does not hold an object at $."Info"', text, "page 2")],
    )


def test_an_enclosing_element_of_the_wrong_kind_is_one_malformed_row() -> None:
    page = '[{"Id":"b","Items":[{"Row":"r3"}]},9,null,{"Id":"c","Items":{"Row":"r4"}}]'
    good, bad = broken(
        [[{"Id": "a", "Items": [{"Row": "r1"}]}], page], "o:[].Items[]", ["Row", "^Id"]
    )
    assert good == [("r1", "a"), ("r3", "b")]
    assert bad == [
        ('does not hold a list at $."Items"', '{"Id":"c","Items":{"Row":"r4"}}', "page 2"),
        ("is not an object", "9", "page 2"),
        ("is not an object", "null", "page 2"),
    ]


def test_an_enclosing_value_that_holds_no_object_is_not_taken_for_an_empty_list() -> None:
    documents = [{"Result": {"Data": [{"x": 1}]}}, '{"Result":"busy"}', {"Result": None}]
    assert broken(documents, "t:Result.Data[]", ["x"]) == (
        [("1",)],
        [('does not hold an object at $."Result"', '{"Result":"busy"}', "page 2")],
    )


def test_a_malformed_row_says_where_it_stood() -> None:
    with duckdb.connect() as con:
        documents = _select(con, ['[{"x":1},7]', "no"])
        *_, careful = rows_of(con, documents, Request("t:[]", ["x"]))
        found = _sorted(con, f"select _text, {careful.position} from ({careful.sql})")
    assert found == [("7", 2), ("no", 2), (None, 1)]


def test_rows_that_are_all_alike_are_read_at_once() -> None:
    order = {"Id": "a", "Info": {"Status": 1, "Paid": True}, "Items": [{"Row": 1, "Price": 2}]}
    assert is_alike([order] * 50, "o", ["Id", "Info.Status"], "Items", "Info.Paid")
    assert is_alike([[order] * 3] * 50, "o:[].Items[]", ["Row", "#", "^Id", "^Info.Paid"], "Price")
    assert is_alike([order] * 50, "o", ["Id"], "Items"), "Info is news, and alike everywhere"


def test_a_value_that_is_null_or_a_list_that_is_empty_is_nothing_else() -> None:
    documents = [[{"Id": 1, "Info": {"Status": 1}}, {"Id": 2, "Info": None}], [], "null"]
    assert is_alike(documents, "o:[]", ["Id", "Info.Status"])
    assert rows(documents, "o:[]", ["Id", "Info.Status"]) == [("1", "1"), ("2", None)]


@pytest.mark.parametrize(
    "late",
    [
        {"Id": 2, "Info": {"Status": 1}, "New": 1},
        {"Id": 2, "Info": {"Status": 1, "New": 1}},
        {"Id": 2, "New": 1},
        {"Id": 2},
        {"Id": 2, "Info": {"New": 1}},
        '{"Id": 2, "Id": 3, "Info": {"Status": 1}}',
        '{"ID": 2, "Info": {"Status": 1}}',
    ],
)
@pytest.mark.parametrize("table", ["o", "o:[]"])
def test_a_row_that_is_not_like_the_others_is_noticed_however_late(table: str, late: Any) -> None:
    first = {"Id": 1, "Info": {"Status": 1}}
    documents = [first] * 300 + [late]
    if table == "o:[]":
        last = late if isinstance(late, str) else json.dumps(late)
        documents = [[first] * 30] * 30 + [f"[{json.dumps(first)}, {last}]"]
    assert not is_alike(documents, table, ["Id", "Info.Status"])
    assert is_alike(documents[:-1], table, ["Id", "Info.Status"])


def test_a_document_that_is_missing_is_malformed() -> None:
    with duckdb.connect() as con:
        select = _select(con, [[{"x": 1}]])
        con.execute("insert into d (origin) values ('page 2')")
        first, careful = rows_of(con, select, Request("t:[]", ["x"]))
        with pytest.raises(duckdb.InvalidInputException):
            con.execute(f"create table t as {first.sql}")
        found = _sorted(con, f"select x, _complaint, _origin from ({careful.sql})")
    assert found == [("1", None, "page 1"), (None, "is not JSON", "page 2")]


def test_a_name_nobody_declared_is_kept_whatever_it_is() -> None:
    found = relation_of([{"Id": 1, "a.b": 2, "@at": 3, "Row#": 4}], "t", ["Id"])
    assert list(found.columns) == ["Id", "./@at", "Row#", "a.b"]
    with duckdb.connect() as con:
        _select(con, [{"Id": 1, "a.b": 2, "@at": 3, "Row#": 4}])
        names = ", ".join(f'"{name}"' for name in found.columns)
        assert _sorted(con, f"select {names} from ({found.sql})") == [("1", "3", "4", "2")]


def test_a_document_without_the_list_or_with_an_empty_one_has_no_rows() -> None:
    assert rows([{"Items": []}, {}, {"Items": None}], "t:Items[]", ["Row"]) == []


def test_a_path_that_does_not_end_at_a_list_is_refused() -> None:
    with pytest.raises(SourceError, match="does not end at a list"):
        relation_of([ORDERS], "o:Items", ["Row"])


def test_a_column_further_out_than_the_document_is_refused() -> None:
    with pytest.raises(SourceError, match="further out than the document"):
        relation_of([ORDERS], "o:[]", ["^^Id"])


def test_an_unknown_fact_is_named() -> None:
    with pytest.raises(SourceError, match=r"'@when'[^@]*\n[^@]*@at"):
        relation_of([ORDERS], "o:[]", ["@when"])
