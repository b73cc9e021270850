"""Drift: what happens when the source changes its shape."""

from typing import Optional

import pytest

from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    Text,
    column,
    describe,
    table,
)
from inventory_platform.errors import SchemaDriftError


class Things(Contract):
    """Things with an optional column."""

    thing_id: Integer = column("ThingID", "Identifies the thing.")
    name: Text = column("Name", "Name.")
    colour: Optional[Text] = column("Colour", "Colour.", nullable=True)  # noqa: UP045

    class Config:
        metadata = table("Things", key=["thing_id"])


THINGS = describe(Things, "shop")
SHAPE = {"ThingID": "INTEGER", "Name": "TEXT", "Colour": "TEXT"}


def test_a_new_column_is_kept_as_text_and_told(shop):
    shop.write("Things", [(1, "pen", "red")], SHAPE)
    shop.load(THINGS)
    shop.write(
        "Things", [(1, "pen", "red", 7), (2, "ink", "blue", 8)], SHAPE | {"Shelf No": "INTEGER"}
    )
    record = shop.load(THINGS)
    assert record.drift == ["added: Shelf No (BIGINT, kept as text)"]
    assert record.columns["shelf_no"] == "VARCHAR"
    rows = shop.query(THINGS, "select thing_id, name, colour, shelf_no from {raw} order by all")
    assert rows == [(1, "pen", "red", "7"), (1, "pen", "red", None), (2, "ink", "blue", "8")]


def test_an_unchanged_table_with_a_new_column_is_not_loaded_again_and_again(shop):
    shop.write("Things", [(1, "pen", "red", 7)], SHAPE | {"Shelf": "INTEGER"})
    assert shop.load(THINGS).rows_loaded == 1
    assert shop.load(THINGS).rows_deduplicated == 1


def test_columns_are_known_by_name_not_by_place(shop):
    shop.write("Things", [(1, "pen", "red")], SHAPE)
    shop.load(THINGS)
    shop.write("Things", [("red", "pen", 1)], dict(reversed(SHAPE.items())))
    record = shop.load(THINGS)
    assert (record.rows_deduplicated, record.drift) == (1, [])


def test_a_missing_optional_column_is_empty_and_told(shop):
    shop.write("Things", [(1, "pen")], {"ThingID": "INTEGER", "Name": "TEXT"})
    record = shop.load(THINGS)
    assert record.drift == ["missing: Colour (optional, read as empty)"]
    assert shop.current(THINGS) == [(1, "pen", None)]


def test_a_missing_required_column_fails_with_a_hint_and_the_last_good_state_stays(shop):
    shop.write("Things", [(1, "pen", "red")], SHAPE)
    shop.load(THINGS)
    before = shop.files()
    shop.write(
        "Things", [(1, "pan", "red")], {"ThingID": "INTEGER", "FullName": "TEXT", "Colour": "TEXT"}
    )
    with pytest.raises(SchemaDriftError) as caught:
        shop.load(THINGS)
    assert caught.value.what == (
        "Source 'shop', table 'Things' no longer has the required column 'Name' "
        "(did 'FullName' take its place?)."
    )
    assert "last good state stays" in caught.value.remedy
    assert (shop.files(), shop.current(THINGS)) == (before, [(1, "pen", "red")])


@pytest.mark.parametrize("written", ["NAME", "name", " Name ", "na_me"])
def test_another_way_of_writing_a_name_is_the_same_column_and_told(shop, written):
    shop.write(
        "Things", [(1, "pen", "red")], {"ThingID": "INTEGER", written: "TEXT", "Colour": "TEXT"}
    )
    record = shop.load(THINGS)
    assert record.drift == [f"renamed: Name (now written {written!r})"]
    assert shop.current(THINGS) == [(1, "pen", "red")]


def test_a_narrower_type_quarantines_rows_and_a_wider_one_changes_nothing(shop):
    shop.write("Things", [(1, "pen", "red")], SHAPE)
    shop.load(THINGS)
    shop.write("Things", [("1", "pen", "red"), ("x", "ink", "red")], dict.fromkeys(SHAPE, "TEXT"))
    record = shop.load(THINGS)
    assert (record.rows_deduplicated, record.rows_quarantined) == (1, 1)


def test_the_history_of_a_shape_can_be_read(shop):
    shop.write("Things", [(1, "pen", "red")], SHAPE)
    first = shop.load(THINGS)
    shop.load(THINGS)
    shop.write("Things", [(1, "pen", "red", 7)], SHAPE | {"Shelf": "INTEGER"})
    second = shop.load(THINGS)
    assert shop.query(
        THINGS,
        "select version, load_id, json_keys(columns), drift from ops.schema_versions order by 1",
    ) == [
        (1, first.load_id, ["thing_id", "name", "colour"], []),
        (
            2,
            second.load_id,
            ["thing_id", "name", "colour", "shelf"],
            ["added: Shelf (BIGINT, kept as text)"],
        ),
    ]


def test_two_new_columns_whose_names_become_equal_are_both_kept(shop):
    shop.write(
        "Things", [(1, "pen", "red", "a", "b")], SHAPE | {"Shelf No": "TEXT", "Shelf-No": "TEXT"}
    )
    shop.load(THINGS)
    assert shop.query(THINGS, "select shelf_no, shelf_no_x from {raw}") == [("a", "b")]


class Offers(Contract):
    """Names that differ in a sign only, and names of signs only."""

    offer_id: Integer = column("ID", "Identifies the offer.")
    discount: Optional[Money] = column("Rabatt", "Discount.", nullable=True)  # noqa: UP045
    percent: Optional[Money] = column("Rabatt %", "Discount, %.", nullable=True)  # noqa: UP045
    number: Optional[Text] = column("#", "Number.", nullable=True)  # noqa: UP045

    class Config:
        metadata = table("Offers", key=["offer_id"])


OFFERS = describe(Offers, "shop")


def test_a_missing_column_does_not_take_the_values_of_another_declared_one(shop):
    shop.write("Offers", [(1, 5, "A7")], {"ID": "INTEGER", "Rabatt": "INTEGER", "#": "TEXT"})
    record = shop.load(OFFERS)
    assert record.drift == ["missing: Rabatt % (optional, read as empty)"]
    assert shop.current(OFFERS) == [(1, 5, None, "A7")]


def test_a_name_of_signs_only_is_known_by_that_very_name(shop):
    shape = {"ID": "INTEGER", "Rabatt": "INTEGER", "Rabatt %": "INTEGER", "%": "TEXT"}
    shop.write("Offers", [(1, 5, 10, "A7")], shape)
    record = shop.load(OFFERS)
    assert record.drift == [
        "missing: # (optional, read as empty)",
        "added: % (VARCHAR, kept as text)",
    ]
    assert shop.current(OFFERS) == [(1, 5, 10, None)]


@pytest.mark.parametrize("written", [["rabatt"], ["Rabatt", "RABATT%", "rabatt-%"]])
def test_a_name_that_may_mean_two_columns_is_none_of_them(shop, written):
    shape = {"ID": "INTEGER"} | dict.fromkeys(written, "INTEGER")
    shop.write("Offers", [(1, 5, 10, 20)[: len(shape)]], shape)
    shop.load(OFFERS)
    known = 5 if "Rabatt" in written else None
    assert shop.current(OFFERS) == [(1, known, None, None)]


def test_two_columns_that_are_written_with_exchanged_names_keep_their_values(shop):
    class Pairs(Contract):
        """Columns named after each other."""

        one: Integer = column("two", "First.")
        two: Integer = column("one", "Second.")

        class Config:
            metadata = table("Pairs", key=["one"])

    pairs = describe(Pairs, "shop")
    shop.write("Pairs", [(1, 2)], {"one": "INTEGER", "two": "INTEGER"})
    assert shop.load(pairs).drift == []
    assert shop.current(pairs) == [(2, 1)]


def test_a_column_that_nobody_needs_is_neither_news_nor_kept(shop):
    class Pictures(Contract):
        """Pictures, without what they show."""

        picture_id: Integer = column("ID", "Identifies the picture.")

        class Config:
            metadata = table("Pictures", key=["picture_id"], elsewhere=["Photo", "ID"])

    pictures = describe(Pictures, "shop")
    shop.write("Pictures", [(1, "…", "x")], {"ID": "INTEGER", "Photo": "TEXT", "New": "TEXT"})
    assert shop.load(pictures).drift == ["added: New (VARCHAR, kept as text)"]
    shop.write("Pictures", [("y", "…")], {"ID": "TEXT", "Photo": "TEXT"})
    assert shop.load(pictures).rows_quarantined == 1
    assert "photo" not in [name for name, *_ in shop.query(pictures, "describe {raw}")]
    assert shop.query(pictures, "select payload from ops.quarantine") == [('{"ID":"y"}',)]
