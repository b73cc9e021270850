"""The loader: which rows of which relation are taken, and what a contract's version says."""

import pytest

from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.errors import SourceError
from inventory_platform.landing.loader import Loader, contract_version
from inventory_platform.sources.base import Relation
from inventory_platform.sources.files import FileReader


def orders(*, increments):
    class Orders(Contract):
        """Orders, sent in files, with the instant of their last change."""

        order_id: Integer = column("id", "Identifies the order.")
        status: Text = column("status", "Status.")
        updated_at: Timestamp = column("updated_at", "Last change.")

        class Config:
            metadata = table(
                "orders_*.csv", key=["order_id"], cursor="updated_at", increments=increments
            )

    return describe(Orders, "drop")


class Words(Contract):
    """Words by number."""

    number: Integer = column("number", "Identifies the word.")
    word: Text = column("word", "A word.")

    class Config:
        metadata = table("words", key=["number"])


WORDS = describe(Words, "shop")
SHAPE = {"number": "INTEGER", "word": "VARCHAR"}


class Ways:
    """A reader that offers what it was given."""

    def __init__(self, *relations):
        self.offered = relations

    def attach(self, _con):
        """Nothing to do."""

    def relations(self, _con, _request):
        yield from self.offered


def read(shop, *relations):
    return Loader(shop.settings, Ways(*relations), address="test").load(WORDS)


CHANGED = Relation("select 1 as number, 'wrong' as word", SHAPE, is_unfaithful=lambda: True)
FAILING = Relation("select 1 as number, cast(cast('a' as integer) as varchar) as word", SHAPE)


def test_rows_that_a_relation_changed_are_not_taken_when_the_next_one_fails(shop):
    with pytest.raises(SourceError, match="cannot be read"):
        read(shop, CHANGED, FAILING)
    assert shop.files() == []


def test_rows_that_a_relation_changed_are_read_by_the_next_one(shop):
    read(shop, CHANGED, Relation("select 1 as number, 'right' as word", SHAPE))
    assert shop.current(WORDS) == [(1, "right")]


@pytest.mark.parametrize("increments", [True, False])
def test_a_file_that_comes_late_is_taken_in_though_its_rows_lie_behind_the_cursor(
    shop, tmp_path, increments
):
    contract = orders(increments=increments)
    loader = Loader(shop.settings, FileReader(str(tmp_path), {"settle_seconds": 0}), address="drop")
    header = "id,status,updated_at\n"
    (tmp_path / "orders_2.csv").write_text(header + "2,open,2024-05-10 10:00:00\n")
    loader.load(contract)
    (tmp_path / "orders_1.csv").write_text(
        header + "1,open,2024-05-01 10:00:00\n2,new,2024-05-01 10:00:00\n"
    )
    late = loader.load(contract)
    # Without increments every file is read and what is known is told from what is not.
    assert (late.rows_loaded, late.rows_deduplicated) == (2, 0 if increments else 1)
    assert late.cursor_to == "2024-05-10 10:00:00"
    assert [row[:2] for row in shop.current(contract)] == [(1, "open"), (2, "open")]
    assert loader.load(contract).rows_loaded == 0


def allowing(values, rule):
    class Levels(Contract):
        """Levels by number."""

        number: Integer = column("number", "Identifies the level.")
        level: Text = column("level", "Level.", **{rule: values})

        class Config:
            metadata = table("levels", key=["number"])

    return describe(Levels, "shop")


@pytest.mark.parametrize("rule", ["isin", "notin"])
@pytest.mark.parametrize("unordered", [set, frozenset])
def test_values_written_as_a_set_have_one_version_whatever_order_the_set_has(rule, unordered):
    values = [f"level {n}" for n in range(10)]
    assert contract_version(allowing(unordered(values), rule)) == contract_version(
        allowing(values, rule)
    )


def test_values_written_as_a_list_keep_their_order_in_the_version():
    assert contract_version(allowing(["b", "a"], "isin")) != contract_version(
        allowing(["a", "b"], "isin")
    )
