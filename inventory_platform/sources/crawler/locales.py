"""How numbers and a few words are written where a shop sells.

Here belong only the tables: signs in numbers, and the words that say what a price or a stock
note means. How a text is read with them is `prices.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory_platform.errors import SettingsError


@dataclass(frozen=True)
class Words:
    """Words of one language, in lower case.

    Attributes:
        was: Before a price that is no longer asked, or an amount that is saved.
        now: Before the price that is asked instead.
        lowest: Before the lowest of several prices.
        to: Between the two ends of a range.
        in_stock: Said of goods that can be had.
        out_of_stock: Said of goods that cannot be had now; a `not` turns what else is said.
    """

    was: tuple[str, ...]
    now: tuple[str, ...]
    lowest: tuple[str, ...]
    to: tuple[str, ...]
    in_stock: tuple[str, ...]
    out_of_stock: tuple[str, ...]


@dataclass(frozen=True)
class Locale:
    """How a shop writes.

    Attributes:
        group: Signs that may stand between groups of three digits.
        decimal: The sign before the cents.
        is_indian: Whether digits above the thousands come in groups of two.
        words: The words of its language.
    """

    group: str
    decimal: str
    words: Words
    is_indian: bool = False


_WORDS = {
    "en": Words(
        was=("was", "before", "rrp", "list price", "reg", "regular", "instead of", "save"),
        now=("now", "sale", "today"),
        lowest=("from", "starting at"),
        to=("to",),
        in_stock=("in stock", "available", "few left", "left in stock"),
        out_of_stock=(
            "out of stock",
            "sold out",
            "unavailable",
            "not",
            "back order",
            "no longer",
            "no stock",
            "none",
            "isn't",
            "aren't",
            "available soon",
            "coming soon",
        ),
    ),
    "de": Words(
        was=("statt", "uvp", "war", "vorher", "bisher", "alter preis", "sparen"),
        now=("jetzt", "nur", "aktionspreis"),
        lowest=("ab",),
        to=("bis",),
        in_stock=("auf lager", "vorrätig", "lieferbar", "verfügbar"),
        out_of_stock=(
            "nicht",
            "ausverkauft",
            "vergriffen",
            "keine auf lager",
            "keiner auf lager",
            "keines auf lager",
            "bald",
        ),
    ),
    "fr": Words(
        was=("avant", "au lieu de", "prix conseillé", "ancien prix"),
        now=("maintenant", "désormais"),
        lowest=("à partir de", "dès"),
        to=("à",),
        in_stock=("en stock", "disponible"),
        out_of_stock=(
            "rupture de stock",
            "épuisé",
            "indisponible",
            "non",
            "pas",
            "plus disponible",
            "plus en stock",
            "bientôt",
        ),
    ),
    "es": Words(
        was=("antes", "pvp"),
        now=("ahora", "oferta"),
        lowest=("desde",),
        to=("a", "hasta"),
        in_stock=("en stock", "disponible"),
        out_of_stock=("agotado", "sin stock", "no", "próximamente"),
    ),
    "it": Words(
        was=("prima", "anziché", "prezzo di listino"),
        now=("ora", "adesso", "offerta"),
        lowest=("da", "a partire da"),
        to=("a",),
        in_stock=("disponibile", "in magazzino"),
        out_of_stock=("non", "esaurito", "prossimamente"),
    ),
    "nl": Words(
        was=("was", "adviesprijs", "van"),
        now=("nu", "voor"),
        lowest=("vanaf",),
        to=("tot",),
        in_stock=("op voorraad", "leverbaar"),
        out_of_stock=("niet", "geen voorraad", "uitverkocht", "binnenkort"),
    ),
    "pt": Words(
        was=("antes", "de"),
        now=("agora", "por"),
        lowest=("a partir de", "desde"),
        to=("a", "até"),
        in_stock=("em estoque", "em stock", "disponível"),
        out_of_stock=(
            "esgotado",
            "indisponível",
            "sem stock",
            "sem estoque",
            "fora de estoque",
            "não",
            "em breve",
        ),
    ),
    "sv": Words(
        was=("ordinarie", "ord", "tidigare", "förr"),
        now=("nu",),
        lowest=("från",),
        to=("till",),
        in_stock=("i lager", "finns i lager"),
        out_of_stock=("ej", "inte", "slut", "slutsåld", "kommer snart"),
    ),
    "da": Words(
        was=("før", "normalpris", "vejl. pris"),
        now=("nu",),
        lowest=("fra",),
        to=("til",),
        in_stock=("på lager",),
        out_of_stock=("ikke", "ingen på lager", "udsolgt"),
    ),
    "nb": Words(
        was=("før", "veil. pris"),
        now=("nå",),
        lowest=("fra",),
        to=("til",),
        in_stock=("på lager",),
        out_of_stock=("ikke", "ingen på lager", "utsolgt"),
    ),
    "pl": Words(
        was=("przed", "cena regularna"),
        now=("teraz", "promocja"),
        lowest=("od",),
        to=("do",),
        in_stock=("w magazynie", "dostępny", "na stanie"),
        out_of_stock=("nie", "niedostępny", "wyprzedany", "brak", "wkrótce"),
    ),
}

# Group signs, decimal sign.
_NUMBERS = {
    "en": (",", "."),
    "en-IN": (",", "."),
    "de": (".", ","),
    "de-AT": (". ", ","),
    "de-CH": ("'", "."),
    "fr": (" ", ","),
    "fr-CH": ("' ", "."),
    "es": (". ", ","),
    "it": (".", ","),
    "it-CH": ("'", "."),
    "nl": (".", ","),
    "pt": (". ", ","),
    "sv": (" ", ","),
    "da": (".", ","),
    "nb": (" ", ","),
    "pl": (" ", ","),
}


def locale_of(name: str) -> Locale:
    """The way of writing of a locale such as `de`, `de-CH` or `en_GB`.

    A region without a way of its own writes like its language.

    Raises:
        SettingsError: The language is not known; names those that are.
    """
    language, _, region = name.replace("_", "-").partition("-")
    tag = f"{language.lower()}-{region.upper()}"
    signs = _NUMBERS.get(tag) or _NUMBERS.get(language.lower())
    if signs is None:
        raise SettingsError(
            f"Locale {name!r} is not known.",
            f"Known: {', '.join(_NUMBERS)}; a region without an entry writes like its language.",
        )
    return Locale(*signs, words=_WORDS[language.lower()], is_indian=tag == "en-IN")
