"""Which of our products a competitor's product is.

What a person decided counts first, then an equal barcode, then an equal SKU, then the name. A
name is compared by its words, and its sizes and other numbers must agree: 250 ml is never
500 ml. What is not certain is left for review, with the best candidate and the reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import polars as pl
from rapidfuzz import fuzz, process

from inventory_platform.errors import InventoryError

MATCHED = "matched"
REVIEW = "review"
UNMATCHED = "unmatched"

THEIRS = ("offer_id", "sku", "gtin", "name", "brand")
OURS = ("product_id", "sku", "gtin", "name", "brand")
REVIEWED = ("offer_id", "product_id", "verdict")
MATCHES = pl.Schema(
    {
        "offer_id": pl.String,
        "product_id": pl.Int64,
        "status": pl.String,
        "method": pl.String,
        "score": pl.Float64,
        "reason": pl.String,
    }
)


@dataclass(frozen=True)
class Thresholds:
    """When a match is certain. Scores go from 0 to 100.

    Attributes:
        sure: Names from here on are the same product.
        possible: Names below have nothing to do with each other.
        margin: By how much the best name must beat the second best.
        doubt: An equal code is doubted when the names score less than this.
    """

    sure: float = 92
    possible: float = 75
    margin: float = 3
    doubt: float = 40


def match_products(
    theirs: pl.DataFrame,
    ours: pl.DataFrame,
    reviewed: pl.DataFrame,
    thresholds: Thresholds | None = None,
) -> pl.DataFrame:
    """Find for each competitor's product the product of ours that it is.

    One of ours may be found for several of theirs; each of theirs gets at most one. The order
    of the rows changes nothing.

    Args:
        theirs: One row per `offer_id` (text), with `sku`, `gtin`, `name` and `brand` (text,
            may be empty).
        ours: One row per `product_id` (integer), with the same attributes.
        reviewed: What people decided: `offer_id`, `product_id` and `verdict`, which is
            `accepted` or `rejected`.
        thresholds: When a match is certain.

    Returns:
        One row per offer, in order of `offer_id`: `product_id`, the product or the best
        candidate; `status`, which is `matched`, `review` or `unmatched` (then without a
        product); `method`, which is `reviewed`, `gtin`, `sku` or `name`; `score` of the names
        from 0 to 100; `reason` as a sentence.

    Raises:
        InventoryError: A verdict is neither accepted nor rejected.
    """
    limits = thresholds or Thresholds()
    offers = [_Item.of(row) for row in theirs.select(THEIRS).sort("offer_id").iter_rows()]
    products = [_Item.of(row) for row in ours.select(OURS).sort("product_id").iter_rows()]
    verdicts = _Verdicts.of(reviewed)
    by_code = _ByCode(products, limits)
    found: dict[str, _Match] = {}
    for offer in offers:
        match = verdicts.decide(offer, products) or by_code.find(offer, verdicts)
        if match is not None:
            found[offer.key] = match
    unknown = [offer for offer in offers if offer.key not in found]
    found |= _by_name(unknown, products, verdicts, limits)
    rows = [
        (
            offer.key,
            match.product and int(match.product.key),
            match.status,
            match.method,
            match.score,
            match.reason,
        )
        for offer in offers
        for match in [found[offer.key]]
    ]
    return pl.DataFrame(rows, schema=MATCHES, orient="row")


@dataclass(frozen=True)
class _Match:
    status: str
    product: _Item | None = None
    method: str | None = None
    score: float | None = None
    reason: str = "nothing of ours has a similar name"


# -- one product's identity ----------------------------------------------------------------

# Unit as written → what it measures, and how much of the base unit it is.
_UNITS = {
    **dict.fromkeys(("ml", "millilitre"), ("volume", Decimal(1))),
    "cl": ("volume", Decimal(10)),
    **dict.fromkeys(("l", "lt", "ltr", "litre", "liter"), ("volume", Decimal(1000))),
    **dict.fromkeys(("g", "gr", "gram"), ("mass", Decimal(1))),
    **dict.fromkeys(("kg", "kilo"), ("mass", Decimal(1000))),
    "mm": ("length", Decimal(1)),
    "cm": ("length", Decimal(10)),
    **dict.fromkeys(("m", "metre", "meter"), ("length", Decimal(1000))),
    **dict.fromkeys(("w", "watt"), ("power", Decimal(1))),
    **dict.fromkeys(("v", "volt"), ("voltage", Decimal(1))),
    "mah": ("charge", Decimal(1)),
    "gb": ("storage", Decimal(1)),
    "tb": ("storage", Decimal(1000)),
    **dict.fromkeys(("pc", "pcs", "pieces", "piece", "pack", "ct"), ("count", Decimal(1))),
}
_SIZE = re.compile(
    rf"(?<![\w.,])(\d+(?:[.,]\d+)?)\s*({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?!\w)"
)
_WORD = re.compile(r"\w+")

_FILLERS = frozenset(
    {"a", "an", "and", "for", "in", "of", "on", "the", "with", "und", "mit", "der", "die", "das"}
    | {"et", "avec", "de", "la", "le", "les", "du", "des"}
)
"""Words that make no difference between two products."""
_NEGATIONS = frozenset(
    {"not", "no", "non", "without", "nicht", "ohne", "kein", "keine", "sans", "pas"}
    | {"senza", "sin", "zonder", "niet", "sem", "utan", "uten"}
)
_SPELLED_ALIKE = 85
"""From here on two words with the same first letter are one: `colour` and `color`."""


@dataclass(frozen=True)
class _Item:
    """A product of theirs or ours in the form in which it is compared.

    Attributes:
        key: What identifies it, as text.
        words: Words of the name, without brand and sizes.
        sizes: What is measured → the amounts in the name.
        numbers: Words with digits that are no sizes, such as E27.
    """

    key: str
    sku: str | None
    gtin: str | None
    words: str
    brand: str | None
    sizes: Mapping[str, frozenset[Decimal]] = field(hash=False)
    numbers: frozenset[str]

    @classmethod
    def of(cls, row: Sequence[object]) -> _Item:
        key, sku, gtin, name, brand = (None if v is None else str(v) for v in row)
        plain = _plain(name or "")
        plain_brand = _plain(brand or "") or None
        sizes: dict[str, set[Decimal]] = defaultdict(set)
        for amount, unit in _SIZE.findall(plain):
            measure, factor = _UNITS[unit]
            sizes[measure].add((Decimal(amount.replace(",", ".")) * factor).normalize())
        words = _WORD.findall(_SIZE.sub(" ", plain))
        branded = set(_WORD.findall(plain_brand or ""))
        words = [w for w in words if w not in branded] or words
        return cls(
            key=str(key),
            sku=(sku or "").strip().casefold() or None,
            gtin=normal_gtin(gtin),
            words=" ".join(words),
            brand=plain_brand,
            sizes={measure: frozenset(amounts) for measure, amounts in sizes.items()},
            numbers=frozenset(w for w in words if any(c.isdigit() for c in w)),
        )


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def normal_gtin(text: str | None) -> str | None:
    """A barcode with 14 digits; None where it is none or its check digit is wrong.

    >>> normal_gtin("2000000000077"), normal_gtin("2000000000078")
    ('02000000000077', None)
    """
    digits = re.sub(r"[\s-]", "", text or "")
    if not re.fullmatch(r"[0-9]{8}|[0-9]{12,14}", digits):
        return None
    full = digits.zfill(14)
    weighted = sum(int(d) * (3 if place % 2 == 0 else 1) for place, d in enumerate(full[:-1]))
    return full if -weighted % 10 == int(full[-1]) and int(full) else None


def _conflict(one: _Item, other: _Item) -> str | None:
    """Why two products cannot be the same, whatever their names score."""
    for measure in sorted(one.sizes.keys() & other.sizes.keys()):
        if one.sizes[measure] != other.sizes[measure]:
            return f"the {measure} differs"
    if one.numbers and other.numbers and one.numbers != other.numbers:
        return "a number in the name differs"
    if one.brand and other.brand and one.brand != other.brand:
        return "the brand differs"
    return None


def _gap(one: _Item, other: _Item) -> str | None:
    """What only one of two products says, so that they may differ in it."""
    missing = sorted(one.sizes.keys() ^ other.sizes.keys())
    if missing:
        return f"only one of the names says the {missing[0]}"
    if one.numbers != other.numbers:
        return "only one of the names holds a number"
    return None


def _own_words(one: _Item, other: _Item) -> list[str]:
    """What the name of one product says and that of the other does not.

    Words of either brand do not count, as many names leave it out.
    """
    brands = set(_WORD.findall(f"{one.brand or ''} {other.brand or ''}"))
    left = set(one.words.split()) - set(other.words.split()) - _FILLERS - brands
    theirs = set(other.words.split()) - set(one.words.split())
    return sorted(word for word in left if not any(_is_alike(word, their) for their in theirs))


def _is_alike(one: str, other: str) -> bool:
    # Another first letter is seldom a slip: scented is not unscented.
    return one[0] == other[0] and fuzz.ratio(one, other) >= _SPELLED_ALIKE


def _contradicts(one: _Item, other: _Item) -> bool:
    """Whether each of two names says what the other does not, or one denies the other."""
    ours, theirs = _own_words(one, other), _own_words(other, one)
    return bool(ours and theirs) or not _NEGATIONS.isdisjoint(ours + theirs)


# -- what people decided -------------------------------------------------------------------


@dataclass(frozen=True)
class _Verdicts:
    accepted: Mapping[str, frozenset[str]]
    rejected: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, reviewed: pl.DataFrame) -> _Verdicts:
        found: dict[str, dict[str, set[str]]] = {"accepted": {}, "rejected": {}}
        for offer, product, verdict in reviewed.select(REVIEWED).iter_rows():
            if verdict not in found:
                raise InventoryError(
                    f"The reviewed match of {offer!r} and product {product} says {verdict!r}.",
                    "Write accepted or rejected.",
                )
            found[verdict].setdefault(str(offer), set()).add(str(product))
        accepted, rejected = (
            {offer: frozenset(products) for offer, products in found[verdict].items()}
            for verdict in ("accepted", "rejected")
        )
        return cls(accepted, rejected)

    def allow(self, offer: _Item, products: Iterable[_Item]) -> list[_Item]:
        """The products nobody said the offer is not."""
        rejected = self.rejected.get(offer.key, frozenset())
        return [product for product in products if product.key not in rejected]

    def decide(self, offer: _Item, products: Sequence[_Item]) -> _Match | None:
        """The match a person accepted."""
        accepted = self.accepted.get(offer.key)
        if not accepted:
            return None
        known = [product for product in products if product.key in accepted]
        if len(accepted) > 1:
            return _Match(REVIEW, known[0] if known else None, "reviewed", None, "accepted twice")
        if not known:
            return _Match(REVIEW, None, "reviewed", None, "accepted for a product we do not have")
        return _Match(MATCHED, known[0], "reviewed", 100.0, "accepted by review")


# -- codes ---------------------------------------------------------------------------------


class _ByCode:
    """Finds our products by barcode and SKU."""

    def __init__(self, products: Sequence[_Item], limits: Thresholds) -> None:
        self._limits = limits
        self._by: dict[str, dict[str, list[_Item]]] = {
            "gtin": defaultdict(list),
            "sku": defaultdict(list),
        }
        for product in products:
            if product.gtin:
                self._by["gtin"][product.gtin].append(product)
            if product.sku:
                self._by["sku"][product.sku].append(product)

    def find(self, offer: _Item, verdicts: _Verdicts) -> _Match | None:
        """The product with an equal code; doubted where the names say otherwise."""
        for method, code in (("gtin", offer.gtin), ("sku", offer.sku)):
            products = verdicts.allow(offer, self._by[method].get(code, []) if code else [])
            if products:
                return self._judge(offer, products, method)
        return None

    def _judge(self, offer: _Item, products: Sequence[_Item], method: str) -> _Match:
        scores = {product.key: _score(offer.words, product.words) for product in products}
        best = max(products, key=lambda p: (_conflict(offer, p) is None, scores[p.key]))
        score, conflict = scores[best.key], _conflict(offer, best)
        equal = f"equal {method.upper()}"
        if len(products) > 1:
            reason = f"{equal} as {len(products)} of our products"
        elif conflict:
            reason = f"{equal}, but {conflict}"
        elif offer.words and best.words and score < self._limits.doubt:
            reason = f"{equal}, but the names have little in common"
        elif method == "sku" and offer.words and best.words and _contradicts(offer, best):
            # Unlike a barcode, another shop may use the same number for something else.
            reason = f"{equal}, but the names contradict"
        else:
            return _Match(MATCHED, best, method, score, equal)
        return _Match(REVIEW, best, method, score, reason)


# -- names ---------------------------------------------------------------------------------


def _score(one: str, other: str) -> float:
    """How alike two names are, from 0 to 100, whatever the order of their words.

    Shared words alone would make a set and its refill the same; words that only one has count
    against it.
    """
    return round((fuzz.token_set_ratio(one, other) + fuzz.token_sort_ratio(one, other)) / 2, 1)


def _by_name(
    offers: Sequence[_Item], products: Sequence[_Item], verdicts: _Verdicts, limits: Thresholds
) -> dict[str, _Match]:
    names = [product.words for product in products]
    found: dict[str, _Match] = {}
    for offer in offers:
        # The score is never above its larger half, which leaves out nearly everything.
        near = process.extract(
            offer.words,
            names,
            scorer=fuzz.token_set_ratio,
            score_cutoff=limits.possible,
            limit=None,
        )
        candidates = verdicts.allow(offer, [products[place] for _, _, place in near])
        found[offer.key] = _best(offer, candidates, limits)
    return found


def _best(offer: _Item, products: Sequence[_Item], limits: Thresholds) -> _Match:
    scored = [(_score(offer.words, p.words), p) for p in products if p.words]
    similar = [(score, p) for score, p in scored if score >= limits.possible]
    candidates = [(score, p) for score, p in similar if _conflict(offer, p) is None]
    if not candidates:
        if not similar:
            return _Match(UNMATCHED)
        _, nearest = max(similar, key=_rank)
        return _Match(UNMATCHED, reason=f"similar to ours, but {_conflict(offer, nearest)}")
    candidates.sort(key=_rank, reverse=True)
    score, best = candidates[0]
    doubt = _gap(offer, best)
    if score < limits.sure:
        doubt = doubt or "the names are similar"
    own_words = sorted(_own_words(offer, best) + _own_words(best, offer))
    if own_words:
        doubt = doubt or f"only one of the names says {own_words[0]!r}"
    if len(candidates) > 1 and score - candidates[1][0] < limits.margin:
        doubt = f"nearly as similar to product {candidates[1][1].key}"
    if doubt:
        return _Match(REVIEW, best, "name", score, doubt)
    return _Match(MATCHED, best, "name", score, "equal names" if score == 100 else "similar names")


def _rank(candidate: tuple[float, _Item]) -> tuple[float, int]:
    score, product = candidate
    return score, -int(product.key)
