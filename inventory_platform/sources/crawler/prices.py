"""What a price or a stock note on a page says, in numbers and in few words.

Here belongs reading one text, by the locale its shop is declared to write in. Nothing is
guessed: a text with two readings gives no price, and says why. Where on a page the text
stands is `extraction.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from inventory_platform.sources.crawler.locales import Locale

IN_STOCK = "in_stock"
OUT_OF_STOCK = "out_of_stock"
UNKNOWN = "unknown"

_SIGNS = {
    "£": "GBP",
    "€": "EUR",
    "₹": "INR",
    "rs.": "INR",
    "r$": "BRL",
    "zł": "PLN",
    "kč": "CZK",
    "₺": "TRY",
    "us$": "USD",
    "a$": "AUD",
    "c$": "CAD",
}
_SHARED_SIGNS = frozenset({"$", "kr.", "kr", "¥", "fr.", ":-"})
"""Signs of several currencies; the declared one is meant."""
_CODES = frozenset(
    {"AUD", "BGN", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HUF", "INR"}
    | {"JPY", "MXN", "NOK", "NZD", "PLN", "RON", "SEK", "TRY", "USD", "ZAR"}
)
_LETTER = r"[^\W\d_]"
_MARK = (
    "(?:"
    + "|".join(re.escape(m) for m in sorted([*_SIGNS, *_SHARED_SIGNS], key=len, reverse=True))
    + "|"
    + "|".join(sorted(code.lower() for code in _CODES))
    + ")"
)
_MARK_BEFORE = re.compile(rf"(?<!{_LETTER})({_MARK})\s*$")
_MARK_AFTER = re.compile(rf"^\s*({_MARK})(?!{_LETTER})")
# Such as HK$ and AU$: a sign of another currency than the one declared.
_UNKNOWN_MARK = re.compile(rf"(?<!{_LETTER})(?!(?:us|a|c|r)\$){_LETTER}+[$£€¥₹₺]")
_AND_MORE = re.compile(rf"\s*{_MARK}?\+(?!\s*\w)")
# A unit, or the rest of a date or a time, after a number.
_OF_SOMETHING = re.compile(r"\s*[^\W_]|\s*[/:]")
_MOST_DIGITS = 12
"""Before the cents; what is longer is no price, and no decimal of a table holds it."""
_STANDARD = re.compile(r"(\d+)(?:\.(\d+))?")
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_NO_CENTS = re.compile(r"(?<=\d)[.,]-{1,2}(?!\d)")
_ASIDE = re.compile(r"\([^()]*\)")
# Dashes, the minus sign and the apostrophe, as type-setters write them.
_PLAIN_SIGNS = str.maketrans(
    {"\u2013": "-", "\u2014": "-", "\u2212": "-", "\u2019": "'", "\u02bc": "'"}
)


@dataclass(frozen=True)
class Price:
    """What a text says about a price.

    Attributes:
        amount: What is asked; None when the text does not say it clearly.
        highest: The upper end, where the price is a range that begins at `amount`.
        currency: ISO 4217 code, stated or declared.
        problem: Why there is no amount.
    """

    amount: Decimal | None = None
    highest: Decimal | None = None
    currency: str | None = None
    problem: str | None = None


@dataclass(frozen=True)
class _Number:
    """One number in a text, with what stands around it.

    `mark` is the currency sign beside it, `currency` what it stands for, where that is clear.
    """

    text: str
    before: str
    after: str
    mark: str | None
    currency: str | None

    @property
    def is_percentage(self) -> bool:
        return self.after.lstrip().startswith("%")

    @property
    def is_negative(self) -> bool:
        return bool(re.search(r"(?:^|\W)-$", _MARK_BEFORE.sub("", self.before)))


def read_price(text: str, locale: Locale, currency: str | None = None) -> Price:
    """Read a price as it is shown to people.

    Args:
        text: Such as `£51.77`, `1.299,00 €` or `was £20.00 now £15.00`.
        locale: How the shop writes.
        currency: What is meant by a number without a sign, or by a sign that several
            currencies share.

    Returns:
        The price, or the reason why the text does not say one.
    """
    plain = _SPACES.sub(" ", text).strip().lower().translate(_PLAIN_SIGNS)
    plain = _NO_CENTS.sub("", plain)
    if re.search(r"\d", _ASIDE.sub("", plain)):
        plain = _ASIDE.sub("", plain)
    words = locale.words
    numbers = [n for n in _numbers(plain, currency) if not n.is_percentage]
    if not numbers:
        return Price(problem="no number in it")
    if _UNKNOWN_MARK.search(plain):
        return Price(problem="a currency sign that is not known")
    if any(n.mark for n in numbers):
        priced = _priced(numbers, locale)
        if priced is None:
            return Price(problem="several numbers, and not clear which is the price")
        numbers = priced
    if numbers[0].is_negative:
        return Price(problem="a negative amount")

    asked = [n for n in numbers if not _says(n.before, words.was)]
    if not asked:
        return Price(problem="only a former price")
    asked = [n for n in asked if _says(n.before, words.now)] or asked
    currencies = {n.currency for n in asked}
    if len(currencies) > 1:
        return Price(problem="prices in several currencies")
    (stated,) = currencies

    amounts = [_amount(n.text, locale) for n in asked]
    for number, amount in zip(asked, amounts, strict=True):
        if amount is not None and amount >= 10**_MOST_DIGITS:
            return Price(currency=stated, problem="too many digits for a price")
        if amount is None:
            return Price(
                currency=stated,
                problem=f"{number.text!r} is not how numbers are written in the shop's locale",
            )
    distinct = sorted({a for a in amounts if a is not None})
    if len(distinct) == 1:
        if _says(asked[0].before, words.lowest) or _AND_MORE.match(asked[-1].after):
            return Price(currency=stated, problem="only the lowest of several prices")
        return Price(distinct[0], currency=stated)
    if len(distinct) == 2 and len(asked) == 2 and _joins(asked[1].before, words.to):
        return Price(distinct[0], distinct[1], stated)
    return Price(currency=stated, problem="several prices")


def read_stated_price(text: str, locale: Locale, currency: str | None = None) -> Price:
    """Read a price from structured data, where a point comes before the cents.

    Shops that write it their own way all the same are read by their locale; what could be
    both, such as `1.299`, is no price.
    """
    value = text.strip()
    standard = _STANDARD.fullmatch(value)
    if standard is None:
        return read_price(value, locale, currency)
    whole, cents = standard[1], standard[2] or ""
    if len(cents) == 3 and whole != "0" and len(whole) <= 3:
        return Price(
            currency=currency, problem=f"{value!r} can be {whole}.{cents} and {whole}{cents}"
        )
    if len(whole) > _MOST_DIGITS:
        return Price(currency=currency, problem="too many digits for a price")
    cents = cents.rstrip("0")
    if len(cents) > 2:
        return Price(currency=currency, problem=f"{value!r} has more decimals than money")
    return Price(Decimal(f"{whole}.{cents.ljust(2, '0')}"), currency=currency)


def read_currency(text: str | None) -> str | None:
    """The ISO 4217 code a code or sign stands for; None where it is not clear."""
    mark = (text or "").strip()
    return mark.upper() if mark.upper() in _CODES else _SIGNS.get(mark.lower())


def combine(prices: Sequence[Price]) -> Price:
    """One price for several offers of the same thing: the only one, or their range."""
    clear = [p for p in prices if p.amount is not None]
    if not clear:
        return prices[0] if prices else Price(problem="no price given")
    if len({p.currency for p in clear}) > 1:
        return Price(problem="offers in several currencies")
    lowest = min(p.amount for p in clear if p.amount is not None)
    highest = max(p.highest or p.amount for p in clear if p.amount is not None)
    return Price(lowest, highest if highest > lowest else None, clear[0].currency)


_STATES = {
    IN_STOCK: "instock limitedavailability onlineonly instoreonly available",
    OUT_OF_STOCK: "outofstock soldout discontinued backorder preorder presale madetoorder "
    "reserved oos availablefororder pending",
}
_STATE_OF = {name: state for state, names in _STATES.items() for name in names.split()}


def read_availability(
    text: str | None, in_stock: Iterable[str], out_of_stock: Iterable[str]
) -> str:
    """Whether something can be had now: `in_stock`, `out_of_stock` or `unknown`.

    Args:
        text: A schema.org availability, or a note as shown to people.
        in_stock: Words that say it can be had.
        out_of_stock: Words that say it cannot; they weigh more.
    """
    plain = _SPACES.sub(" ", text or "").strip().lower()
    name = re.sub(r"[\s_-]", "", plain.rpartition("/")[2])
    if name in _STATE_OF:
        return _STATE_OF[name]
    in_stock = tuple(in_stock)
    if _says(plain, out_of_stock) or _says_none(plain, in_stock):
        return OUT_OF_STOCK
    return IN_STOCK if _says(plain, in_stock) else UNKNOWN


# A space before three digits groups, also where the locale has another sign for it: `1 299` is
# never the two numbers 1 and 299. After cents a new number begins.
_NUMBER = re.compile(r"\d(?:(?:[\d.,']|(?<![.,]\d\d)\ (?=\d{3}(?!\d)))*\d)?")


def _numbers(plain: str, declared: str | None) -> list[_Number]:
    found, end = [], 0
    matches = list(_NUMBER.finditer(plain))
    for place, match in enumerate(matches):
        before = plain[end : match.start()]
        following = matches[place + 1].start() if place + 1 < len(matches) else len(plain)
        after = plain[match.end() : following]
        mark = _MARK_BEFORE.search(before) or _MARK_AFTER.search(after)
        currency = declared
        if mark is not None and mark[1] not in _SHARED_SIGNS:
            currency = read_currency(mark[1])
        found.append(_Number(match[0], before, after, mark and mark[1], currency))
        end = match.end()
    return found


def _amount(number: str, locale: Locale) -> Decimal | None:
    group = f"[{re.escape(locale.group)}]"
    indian = rf"|\d{{1,2}}(?:{group}\d{{2}})*{group}\d{{3}}" if locale.is_indian else ""
    shape = (
        rf"(\d+|\d{{1,3}}(?:{group}\d{{3}})+{indian})(?:{re.escape(locale.decimal)}(\d{{1,2}}))?"
    )
    match = re.fullmatch(shape, number)
    if match is None:
        return None
    whole = re.sub(r"\D", "", match[1])
    return Decimal(f"{whole}.{(match[2] or '').ljust(2, '0')}")


def _says(text: str, words: Iterable[str]) -> bool:
    pattern = _pattern(tuple(words))
    return pattern is not None and pattern.search(text) is not None


def _says_none(text: str, words: Iterable[str]) -> bool:
    """Whether there are 0 of what the words say, as in `0 in stock` and `in stock: 0`."""
    pattern = _pattern(tuple(words))
    return pattern is not None and any(
        re.search(rf"(?<![\d.,])0 (?:{_LETTER}+ )?$", text[: match.start()])
        or re.match(r" ?: ?0(?![\d.,])", text[match.end() :])
        for match in pattern.finditer(text)
    )


@lru_cache(maxsize=256)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str] | None:
    listed = "|".join(re.escape(word.lower()) for word in words if word.strip())
    return re.compile(rf"(?<!{_LETTER})(?:{listed})(?!{_LETTER})") if listed else None


def _priced(numbers: Sequence[_Number], locale: Locale) -> list[_Number] | None:
    """The numbers beside a currency sign, and the other end of a range that has one sign only.

    None where a dash joins a price to a number that need not be a price, as in `£12 - 500 g`.
    """
    found = list(numbers)
    for place, other in enumerate(numbers[1:]):
        one = found[place]
        if bool(one.mark) == bool(other.mark) or not _joins(other.before, locale.words.to):
            continue
        lower, upper = _amount(one.text, locale), _amount(other.text, locale)
        is_range = (
            other.before.strip() in {"-", *locale.words.to}
            and not (one.mark and _OF_SOMETHING.match(other.after))
            and not (lower is not None and upper is not None and lower > upper)
        )
        if not is_range:
            return None
        marked = one if one.mark else other
        found[place] = replace(one, mark=marked.mark, currency=marked.currency)
        found[place + 1] = replace(other, mark=marked.mark, currency=marked.currency)
    return [n for n in found if n.mark]


def _joins(between: str, words: Sequence[str]) -> bool:
    """Whether nothing but a dash or a word for `to` stands between two numbers."""
    rest = re.sub(rf"(?<!{_LETTER}){_MARK}(?!{_LETTER})", " ", between).strip()
    return rest == "-" or rest in words
