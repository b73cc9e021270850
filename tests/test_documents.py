"""JSON documents become rows: where rows and columns lie, what is new, what is broken."""

from __future__ import annotations

import json
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
    with duckdb.connect() as con:
        (relation,) = rows_of(
            con, _select(con, documents), Request(table, columns, elsewhere=elsewhere)
        )
        return relation


def rows(documents: list[Any], table: str, columns: list[str], *elsewhere: str) -> list[Any]:
    """The declared columns of every row, in any order."""
    with duckdb.connect() as con:
        request = Request(table, columns, elsewhere=elsewhere)
        (relation,) = rows_of(con, _select(con, documents), request)
        listed = ", ".join(f'"{c}"' for c in columns)
        return sorted(con.execute(f"select {listed} from ({relation.sql})").fetchall(), key=str)


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
    ("broken", "complaint"),
    [
        ('{"Id": 1', "is not JSON"),
        ("", "is not JSON"),
        ('{"Items": {"Row": 1}}', 'does not hold a list at $."Items"'),
        ('{"Items": 5}', 'does not hold a list at $."Items"'),
    ],
)
def test_a_broken_document_is_one_malformed_row_and_the_others_go_on(
    broken: str, complaint: str
) -> None:
    with duckdb.connect() as con:
        documents = _select(con, [ORDERS[0], broken])
        (relation,) = rows_of(
            con, documents, Request("o:Items[]", ["Row"], elsewhere=["Price", "Bins"])
        )
        assert relation.malformed is not None
        found = con.execute(
            f'select "Row", {relation.malformed.complaint}, {relation.malformed.text}, '
            f"{relation.origin} from ({relation.sql}) order by 1 nulls last"
        ).fetchall()
    assert found == [
        ("r1", None, None, "page 1"),
        ("r2", None, None, "page 1"),
        (None, complaint, broken, "page 2"),
    ]


def test_an_element_that_is_no_object_is_a_row_without_values() -> None:
    assert rows([[{"x": 1}, 7]], "t:[]", ["x"]) == [("1",), (None,)]


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
