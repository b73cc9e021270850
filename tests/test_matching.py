"""Which of our products a competitor's product is, and when that is certain."""

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_platform.errors import InventoryError
from inventory_platform.planning.matching import (
    MATCHES,
    OURS,
    THEIRS,
    match_products,
    normal_gtin,
)

OUR_PRODUCTS = [
    (1, "SKU-00001", "2000000000015", "Enamel Mug", None),
    (2, "SKU-00002", "2000000000022", "Cast Iron Pan 28 cm", None),
    (3, "SKU-00003", "2000000000039", "Pumpkin Seed Oil 250 ml", None),
    (4, None, None, "LED Bulb E27 8 W", None),
    (5, None, None, "Steel Water Bottle", "Ardent"),
    (6, None, None, "Enamel Mug Green", None),
    (7, None, None, "Desk Planner", None),
]


def frame(rows, names):
    kinds = {"product_id": pl.Int64}
    return pl.DataFrame(rows, schema={n: kinds.get(n, pl.String) for n in names}, orient="row")


def match(*offers, reviewed=(), ours=OUR_PRODUCTS):
    """Match offers given as name, or as a mapping; keyed a, b, c… in order."""
    rows = []
    for key, offer in zip("abcdefgh", offers, strict=False):
        told = {"name": offer} if isinstance(offer, str) else offer
        rows.append((key, *(told.get(n) for n in THEIRS[1:])))
    found = match_products(
        frame(rows, THEIRS),
        frame(ours, OURS),
        frame(list(reviewed), ("offer_id", "product_id", "verdict")),
    )
    assert found.schema == MATCHES
    return found.rows(named=True)


def summary(row):
    return row["product_id"], row["status"], row["method"]


# -- codes ---------------------------------------------------------------------------------


def test_an_equal_barcode_is_a_match_however_it_is_written():
    for gtin in ("2000000000015", "02000000000015", "2000000-000015"):
        (row,) = match({"name": "Mug, enamelled", "gtin": gtin})
        assert summary(row) == (1, "matched", "gtin")
        assert row["reason"] == "equal GTIN"


def test_the_barcode_counts_more_than_the_sku_and_the_sku_more_than_the_name():
    both = {"gtin": "2000000000015", "sku": "SKU-00002", "name": "Enamel Mug"}
    (row,) = match(both)
    assert summary(row) == (1, "matched", "gtin")
    (row,) = match({"sku": " sku-00002 ", "name": "Iron Pan"})
    assert summary(row) == (2, "matched", "sku")


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        ({"gtin": "2000000000039", "name": "Pumpkin Seed Oil 500 ml"}, "the volume differs"),
        ({"sku": "SKU-00001", "name": "Garden Hose"}, "little in common"),
    ],
)
def test_an_equal_code_on_something_else_is_left_for_review(offer, reason):
    (row,) = match(offer)
    assert row["status"] == "review"
    assert reason in row["reason"]


def test_a_code_that_several_of_ours_carry_is_left_for_review():
    ours = [*OUR_PRODUCTS, (8, "SKU-00001", None, "Enamel Jug", None)]
    (row,) = match({"sku": "SKU-00001", "name": "Enamel Mug"}, ours=ours)
    assert summary(row) == (1, "review", "sku")
    assert row["reason"] == "equal SKU as 2 of our products"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("96385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        ("4006381333931", "04006381333931"),
        ("4006381333932", None),
        ("123", None),
        ("00000000", None),
        ("1.23457E+12", None),
        ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", None),
        (None, None),
    ],
)
def test_a_barcode_counts_only_with_its_check_digit(text, normal):
    assert normal_gtin(text) == normal


# -- names ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("Enamel Mug", 1),
        ("MUG, enamel", 1),
        ("Cast-Iron Pan 28cm", 2),
        ("Cast Iron Pan 280 mm", 2),
        ("Pumpkin Seed Oil 0,25 l", 3),
        ("LED Bulb 8W E27", 4),
    ],
)
def test_equal_names_match_in_any_order_and_unit(name, product):
    (row,) = match(name)
    assert summary(row) == (product, "matched", "name")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Pumpkin Seed Oil 500 ml", "similar to ours, but the volume differs"),
        ("Cast Iron Pan 24 cm", "similar to ours, but the length differs"),
        ("LED Bulb E14 8 W", "similar to ours, but a number in the name differs"),
        ("Garden Hose 25 m", "nothing of ours has a similar name"),
        ("", "nothing of ours has a similar name"),
    ],
)
def test_another_size_or_number_is_another_product(name, reason):
    (row,) = match(name)
    assert summary(row) == (None, "unmatched", None)
    assert row["reason"] == reason


@pytest.mark.parametrize(
    ("name", "product", "reason"),
    [
        ("Pumpkin Seed Oil", 3, "only one of the names says the volume"),
        ("LED Bulb 8 W", 4, "only one of the names holds a number"),
        ("Desk Planner Deluxe", 7, "the names are similar"),
    ],
)
def test_what_only_one_name_says_is_left_for_review(name, product, reason):
    (row,) = match(name)
    assert summary(row) == (product, "review", "name")
    assert row["reason"] == reason


@pytest.mark.parametrize(
    ("theirs", "ours", "word"),
    [
        ("Apple iPhone 15 Pro", "Apple iPhone 15", "pro"),
        ("LED lamp not dimmable warm white", "LED lamp dimmable warm white", "not"),
        (
            "Bosch cordless drill set with battery",
            "Bosch cordless drill set without battery",
            "without",
        ),
        ("T-Shirt cotton basic crew neck XL", "T-Shirt cotton basic crew neck L", "l"),
        (
            "Ergonomic office chair with mesh back and adjustable armrests white",
            "Ergonomic office chair with mesh back and adjustable armrests black",
            "black",
        ),
    ],
)
def test_one_word_more_or_another_can_be_another_product(theirs, ours, word):
    (row,) = match(theirs, ours=[(1, None, None, ours, None)])
    assert summary(row) == (1, "review", "name")
    assert row["reason"] == f"only one of the names says {word!r}"


def test_another_spelling_or_a_filler_is_no_other_product():
    ours = [(1, None, None, "Garden lounge cushions with grey coloured cover", None)]
    (row,) = match("Garden lounge cushions grey colored cover", ours=ours)
    assert summary(row) == (1, "matched", "name")


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Garden hose green 20 m", "Wooden garden chair"),
        ("Lamp not dimmable", "Lamp dimmable"),
    ],
)
def test_an_equal_sku_on_names_that_contradict_is_left_for_review(theirs, ours):
    (row,) = match({"name": theirs, "sku": "1001"}, ours=[(1, "1001", None, ours, None)])
    assert summary(row) == (1, "review", "sku")
    assert row["reason"] == "equal SKU, but the names contradict"


def test_brands_must_agree_where_both_are_known():
    same, other, unknown = match(
        {"name": "Ardent Steel Water Bottle", "brand": "ARDENT"},
        {"name": "Steel Water Bottle", "brand": "Nordhaven"},
        {"name": "Nordhaven Enamel Mug", "brand": "Nordhaven"},
    )
    assert summary(same) == (5, "matched", "name")
    assert summary(other) == (None, "unmatched", None)
    assert other["reason"] == "similar to ours, but the brand differs"
    assert summary(unknown) == (1, "matched", "name")


def test_two_candidates_that_are_equally_near_are_left_for_review():
    ours = [*OUR_PRODUCTS, (8, None, None, "Mug Enamel", None)]
    (row,) = match("Enamel Mug", ours=ours)
    assert summary(row) == (1, "review", "name")
    assert row["reason"] == "nearly as similar to product 8"


# -- review --------------------------------------------------------------------------------


def test_what_a_person_accepted_wins_over_everything():
    (row,) = match({"gtin": "2000000000015", "name": "Enamel Mug"}, reviewed=[("a", 7, "accepted")])
    assert summary(row) == (7, "matched", "reviewed")


def test_what_a_person_rejected_is_not_found_again():
    offer = {"gtin": "2000000000015", "name": "Enamel Mug"}
    (row,) = match(offer, reviewed=[("a", 1, "rejected")])
    assert row["product_id"] != 1
    assert row["status"] == "review"
    (row,) = match(offer, reviewed=[("a", 1, "rejected"), ("a", 6, "rejected")])
    assert row["status"] == "unmatched"


def test_verdicts_that_cannot_be_followed_are_left_for_review():
    (row,) = match("Enamel Mug", reviewed=[("a", 99, "accepted")])
    assert summary(row) == (None, "review", "reviewed")
    (row,) = match("Enamel Mug", reviewed=[("a", 1, "accepted"), ("a", 7, "accepted")])
    assert summary(row) == (1, "review", "reviewed")
    assert row["reason"] == "accepted twice"


def test_a_verdict_that_is_none_is_refused():
    with pytest.raises(InventoryError, match="product 1 says 'perhaps'"):
        match("Enamel Mug", reviewed=[("a", 1, "perhaps")])


# -- whatever comes ------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["enamel", "mug", "pan", "oil", "green", "250", "500", "ml", "28", "cm", "e27", "2", "pc"]
)
NAMES = st.lists(WORDS, max_size=5).map(" ".join)
CODES = st.sampled_from([None, "", "A-1", "A-2", "2000000000015", "2000000000022"])
BRANDS = st.sampled_from([None, "Ardent", "Nordhaven"])
PRODUCTS = st.lists(st.tuples(CODES, CODES, NAMES, BRANDS), max_size=8)


@given(theirs=PRODUCTS, ours=PRODUCTS, seed=st.integers(0, 99))
def test_each_offer_gets_one_answer_whatever_the_order(theirs, ours, seed):
    offers = [(f"o{n}", *rest) for n, rest in enumerate(theirs)]
    products = [(n, *rest) for n, rest in enumerate(ours)]
    reviewed = frame([], ("offer_id", "product_id", "verdict"))
    found = match_products(frame(offers, THEIRS), frame(products, OURS), reviewed)
    assert found["offer_id"].to_list() == sorted(o[0] for o in offers)
    for row in found.iter_rows(named=True):
        assert row["status"] in {"matched", "review", "unmatched"}
        assert (row["product_id"] is None) == (row["status"] == "unmatched")
        assert row["reason"]
        assert row["score"] is None or 0 <= row["score"] <= 100
    shuffle = random.Random(seed).shuffle
    shuffle(offers)
    shuffle(products)
    again = match_products(frame(offers, THEIRS), frame(products, OURS), reviewed)
    assert again.equals(found)


@given(one=st.tuples(NAMES, BRANDS), other=st.tuples(NAMES, BRANDS))
def test_two_names_are_as_alike_from_either_side(one, other):
    def answer(theirs, ours):
        row = match_products(
            frame([("x", None, None, *theirs)], THEIRS),
            frame([(1, None, None, *ours)], OURS),
            frame([], ("offer_id", "product_id", "verdict")),
        ).row(0, named=True)
        return row["status"], row["score"], row["reason"]

    assert answer(one, other) == answer(other, one)


@given(products=st.lists(NAMES.filter(bool), min_size=1, max_size=8, unique=True))
def test_one_of_ours_may_be_found_for_several_of_theirs(products):
    ours = [(n, f"S-{n}", None, name, None) for n, name in enumerate(products)]
    offers = [
        (f"{n}-{copy}", f"S-{n}", None, name, None) for n, _, _, name, _ in ours for copy in "ab"
    ]
    found = match_products(
        frame(offers, THEIRS), frame(ours, OURS), frame([], ("offer_id", "product_id", "verdict"))
    )
    assert found["status"].to_list() == ["matched"] * len(offers)
    assert found["product_id"].to_list() == [n for n, *_ in ours for _ in "ab"]
