"""Prices and stock notes as shops write them, and what they mean."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory_platform.errors import SettingsError
from inventory_platform.sources.crawler.locales import locale_of
from inventory_platform.sources.crawler.prices import (
    Price,
    combine,
    read_availability,
    read_currency,
    read_price,
    read_stated_price,
)


@pytest.mark.parametrize(
    ("text", "locale", "amount", "currency"),
    [
        ("£51.77", "en-GB", "51.77", "GBP"),
        ("₹1,10,990", "en-IN", "110990.00", "INR"),
        ("Rs. 1,999.00", "en-IN", "1999.00", "INR"),
        ("1.299,00 €", "de", "1299.00", "EUR"),
        ("1.299 €", "de", "1299.00", "EUR"),
        ("CHF 1'299.50", "de-CH", "1299.50", "CHF"),
        ("CHF 1\u2019299.50", "de-CH", "1299.50", "CHF"),
        ("1 299,00 kr", "sv", "1299.00", "SEK"),
        ("1\u00a0299,00\u00a0kr", "sv", "1299.00", "SEK"),
        ("12,\u2013 €", "de", "12.00", "EUR"),
        ("Preis: 9,99 € *", "de", "9.99", "EUR"),
        ("US$ 3.50", "en", "3.50", "USD"),
        ("2 for £5", "en", "5.00", "GBP"),
        ("20% off: £5.00", "en", "5.00", "GBP"),
        ("£12.00 (£1.20 / 100 g)", "en", "12.00", "GBP"),
        ("£15.00 save £5.00", "en", "15.00", "GBP"),
        ("was £20.00 now £15.00", "en", "15.00", "GBP"),
        ("£15.00 was £20.00", "en", "15.00", "GBP"),
        ("Was £20.00 £15.00", "en", "15.00", "GBP"),
        ("statt 15,90 € 12,40 €", "de", "12.40", "EUR"),
        ("UVP 15,90 € jetzt nur 12,40 €", "de", "12.40", "EUR"),
        ("£12.00 250 g", "en", "12.00", "GBP"),
        ("9,99 € + 3,95 Versand", "de", "9.99", "EUR"),
        ("avant 15,90 € maintenant 12,40 €", "fr", "12.40", "EUR"),
    ],
)
def test_a_price_is_read_by_the_locale_of_its_shop(text, locale, amount, currency):
    declared = "SEK" if locale == "sv" else None
    expected = Price(Decimal(amount), currency=currency)
    assert read_price(text, locale_of(locale), declared) == expected


@pytest.mark.parametrize(
    ("text", "locale", "problem"),
    [
        ("₹1,10,990", "en", "not how numbers are written"),
        ("1.299,00 €", "en", "not how numbers are written"),
        ("1.299", "en", "not how numbers are written"),
        ("12.90 €", "de", "not how numbers are written"),
        ("£5.00 £6.00", "en", "several prices"),
        ("£5 €6", "en", "several currencies"),
        ("from £5.00", "en", "only the lowest"),
        ("ab 5,00 €", "de", "only the lowest"),
        ("was £5.00", "en", "only a former price"),
        ("-5,00 €", "de", "negative"),
        ("1\u00a0299,00 €", "de", "not how numbers are written"),
        ("1\u00a0299,00 €", "it", "not how numbers are written"),
        ("1 299,00 €", "nl", "not how numbers are written"),
        ("1\u202f299,00 kr", "da", "not how numbers are written"),
        ("£1 299.00", "en", "not how numbers are written"),
        ("£1\u2009299", "en", "not how numbers are written"),
        ("CHF 1 299.50", "de-CH", "not how numbers are written"),
        ("HK$100", "en", "sign that is not known"),
        ("100 AU$", "en", "sign that is not known"),
        ("£9.99+", "en", "only the lowest"),
        ("9,99 €+", "de", "only the lowest"),
        ("£12 - 500 g", "en", "not clear which is the price"),
        ("2 - £10", "en", "not clear which is the price"),
        ("Model 200 - 15,90 €", "de", "not clear which is the price"),
        ("12345678901234 €", "de", "too many digits"),
        ("\u22125,00 €", "de", "negative"),
        ("€ -5,00", "de", "negative"),
        ("Preis auf Anfrage", "de", "no number"),
        ("", "en", "no number"),
    ],
)
def test_a_text_with_two_readings_gives_no_price_but_a_reason(text, locale, problem):
    found = read_price(text, locale_of(locale))
    assert found.amount is None
    assert problem in (found.problem or "")


def test_a_range_keeps_both_ends():
    expected = Price(Decimal("10.00"), Decimal("15.50"), "GBP")
    assert read_price("£10.00 \u2013 £15.50", locale_of("en")) == expected
    expected = Price(Decimal("9.99"), Decimal("12.99"), "EUR")
    assert read_price("9,99 € bis 12,99 €", locale_of("de")) == expected


@pytest.mark.parametrize(
    ("text", "locale", "lowest", "highest"),
    [
        ("9,99 \u2013 12,99 €", "de", "9.99", "12.99"),
        ("9,99 bis 12,99 € inkl. MwSt.", "de", "9.99", "12.99"),
        ("£10 - 15", "en", "10.00", "15.00"),
        ("$1,299 - 1,499", "en", "1299.00", "1499.00"),
        ("1 299 - 1 499 kr", "sv", "1299.00", "1499.00"),
    ],
)
def test_one_sign_is_enough_for_both_ends_of_a_range(text, locale, lowest, highest):
    found = read_price(text, locale_of(locale))
    assert (found.amount, found.highest) == (Decimal(lowest), Decimal(highest))


def test_a_sign_of_several_currencies_means_the_declared_one_or_none():
    assert read_price("$5", locale_of("en"), "USD") == Price(Decimal("5.00"), currency="USD")
    assert read_price("$5", locale_of("en")) == Price(Decimal("5.00"), currency=None)
    assert read_currency("zł") == "PLN"
    assert read_currency("eur") == "EUR"
    assert read_currency("$") is None


@pytest.mark.parametrize(
    ("value", "locale", "amount"),
    [
        ("1299", "de", "1299.00"),
        ("1299.5", "de", "1299.50"),
        ("12.900", "de", None),
        ("1.299", "de", None),
        ("0.500", "de", "0.50"),
        ("10.084034", "de", None),
        ("12,99", "de", "12.99"),
        ("12,99", "en", None),
        ("1,299.00", "en", "1299.00"),
    ],
)
def test_structured_prices_have_a_point_before_the_cents(value, locale, amount):
    found = read_stated_price(value, locale_of(locale), "EUR")
    assert found.amount == (Decimal(amount) if amount else None)
    assert (found.problem is None) == (amount is not None)


def test_several_offers_become_a_range_in_one_currency():
    five, six = Price(Decimal(5), currency="EUR"), Price(Decimal(6), currency="EUR")
    assert combine([six, five]) == Price(Decimal(5), Decimal(6), "EUR")
    assert combine([five, five]) == five
    assert combine([five, Price(Decimal(6), currency="GBP")]).amount is None
    assert combine([]).problem == "no price given"


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("https://schema.org/InStock", "in_stock"),
        ("OutOfStock", "out_of_stock"),
        ("http://schema.org/BackOrder", "out_of_stock"),
        ("Auf Lager", "in_stock"),
        ("Sofort lieferbar", "in_stock"),
        ("Zurzeit nicht lieferbar", "out_of_stock"),
        ("Ausverkauft", "out_of_stock"),
        ("demnächst", "unknown"),
        (None, "unknown"),
    ],
)
def test_stock_notes_are_read_by_the_words_of_the_locale(text, state):
    words = locale_of("de").words
    assert read_availability(text, words.in_stock, words.out_of_stock) == state


@pytest.mark.parametrize(
    ("text", "locale", "state"),
    [
        ("Not in stock", "en", "out_of_stock"),
        ("Currently not in stock", "en", "out_of_stock"),
        ("No longer available", "en", "out_of_stock"),
        ("Available soon", "en", "out_of_stock"),
        ("0 in stock", "en", "out_of_stock"),
        ("In stock: 0", "en", "out_of_stock"),
        ("10 in stock", "en", "in_stock"),
        ("In stock: 10", "en", "in_stock"),
        ("Pas en stock", "fr", "out_of_stock"),
        ("plus disponible", "fr", "out_of_stock"),
        ("Plus de 10 en stock", "fr", "in_stock"),
        ("Keine auf Lager", "de", "out_of_stock"),
        ("0 auf Lager", "de", "out_of_stock"),
        ("0 Stück auf Lager", "de", "out_of_stock"),
        ("20 Stück auf Lager", "de", "in_stock"),
        ("ya no disponible", "es", "out_of_stock"),
        ("Non in magazzino", "it", "out_of_stock"),
        ("Não disponível", "pt", "out_of_stock"),
        ("Nie na stanie", "pl", "out_of_stock"),
    ],
)
def test_a_not_or_a_nought_before_a_stock_word_turns_it(text, locale, state):
    words = locale_of(locale).words
    assert read_availability(text, words.in_stock, words.out_of_stock) == state


def test_a_region_writes_like_its_language_and_an_unknown_language_is_refused():
    assert locale_of("en_GB") == locale_of("en")
    assert locale_of("de-CH").group == "'"
    with pytest.raises(SettingsError, match="'tlh' is not known"):
        locale_of("tlh")


@given(cents=st.integers(0, 10**9), locale=st.sampled_from(["en", "de", "fr", "de-CH", "en-IN"]))
def test_every_amount_written_in_a_locale_is_read_back(cents, locale):
    signs = locale_of(locale)
    whole = f"{cents // 100:,}"
    if signs.is_indian:
        head, tail = str(cents // 100)[:-3], str(cents // 100)[-3:]
        pairs = [head[max(0, n - 2) : n] for n in range(len(head), 0, -2)][::-1]
        whole = ",".join([*pairs, tail])
    text = f"{whole.replace(',', signs.group[0])}{signs.decimal}{cents % 100:02d} €"
    assert read_price(text, signs).amount == Decimal(cents) / 100


@given(text=st.text(max_size=60), locale=st.sampled_from(["en", "de", "fr", "sv"]))
def test_any_text_gives_a_price_or_a_reason(text, locale):
    for read in (read_price, read_stated_price):
        found = read(text, locale_of(locale), "EUR")
        assert (found.amount is None) == (found.problem is not None)
        assert found.amount is None or found.amount >= 0
