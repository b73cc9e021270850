"""What the invented shop keeps in Linnworks besides orders: items, locations and suppliers.

Here belong the things themselves, as plain numbers: money in cents of the base currency, weights
in grams, tax rates in hundredths of a percent. How Linnworks writes them down belongs to
`stock_documents`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from uuid import NAMESPACE_URL, uuid5

from inventory_platform.sandbox.book import Book
from inventory_platform.sandbox.codes import gtin, sku
from inventory_platform.sandbox.differences import BY_PRODUCT
from inventory_platform.sandbox.linnworks import moments
from inventory_platform.sandbox.period import LAST_DAY, START
from inventory_platform.sandbox.reference import Dice, Reference

ZERO = "00000000-0000-0000-0000-000000000000"
"""The id that means something: the default location, or no stock item at all."""
BASE_CURRENCY = "EUR"
COUNTRY_RATE = -100
"""The tax rate of an item that is taxed as its customer's country does; Linnworks writes -1."""
_REDUCED_RATE = 700
_FIRST_ITEM = 1_000
_KITS = 4
_VARIATIONS = 2
_DISCONTINUED = 2


def guid(kind: str, key: object) -> str:
    """The id of a thing, always the same one."""
    return str(uuid5(NAMESPACE_URL, f"sandbox/linnworks/{kind}/{key}"))


@dataclass(frozen=True, slots=True)
class Location:
    """A place that holds stock."""

    id: str
    number: int
    name: str
    tag: str
    city: str
    country: str
    is_fulfilment_centre: bool = False


@dataclass(frozen=True, slots=True)
class Supplier:
    """Someone the shop buys from."""

    id: str
    name: str
    contact: str
    city: str
    country: str
    lead_days: int


@dataclass(slots=True)
class Shelf:
    """An item's stock at one location."""

    location: Location
    level: int
    minimum: int
    bin_rack: str
    updated: int


@dataclass(slots=True)
class Item:
    """A stock item, a kit of others, or the parent of variations, which is never sold itself."""

    number: int
    id: str
    sku: str
    title: str
    barcode: str
    category: str
    price: int
    cost: int
    tax_rate: int
    weight: int
    created: int
    supplier: Supplier | None = None
    shelves: dict[str, Shelf] = field(default_factory=dict)
    components: Sequence[tuple[Item, int]] = ()
    is_variation_parent: bool = False
    is_archived: bool = False

    @property
    def is_kit(self) -> bool:
        """Whether it is made of other items."""
        return bool(self.components)


@dataclass(frozen=True)
class Catalogue:
    """Everything that is not an order.

    `products` are the items of the sandbox's catalogue and `sold_often` their popularity, summed
    up along the list; `items` are all there are, parents included.
    """

    locations: Sequence[Location]
    suppliers: Sequence[Supplier]
    products: Sequence[Item]
    sold_often: Sequence[float]
    kits: Sequence[Item]
    discontinued: Sequence[Item]
    items: Sequence[Item]


def draw_catalogue(reference: Reference, book: Book, dice: Dice) -> Catalogue:
    """Draw what the shop keeps.

    Args:
        reference: The sandbox's catalogue, suppliers and places.
        book: The stock of the inventory database, which one location only mirrors.
        dice: Where chance comes from.
    """
    chance = dice.stream("catalogue")
    locations = _locations(reference)
    suppliers = [
        Supplier(
            id=guid("supplier", number),
            name=row["SupplierName"],
            contact=row["ContactName"],
            city=row["City"],
            country=row["Country"],
            lead_days=row["LeadDays"],
        )
        for number, row in enumerate(reference.suppliers.rows(named=True), start=1)
    ]
    products = [
        _product(place, row, suppliers, locations, chance)
        for place, row in enumerate(reference.products.rows(named=True))
    ]
    _mirror(reference, book, products, locations[1])
    kits = [_kit(number, products) for number in range(_KITS)]
    discontinued = [_discontinued(number) for number in range(_DISCONTINUED)]
    variations = [_variation(number, products) for number in range(_VARIATIONS)]
    return Catalogue(
        locations=locations,
        suppliers=suppliers,
        products=products,
        sold_often=list(accumulate(reference.products["popularity"])),
        kits=kits,
        discontinued=discontinued,
        items=[*products, *kits, *variations, *discontinued],
    )


def _locations(reference: Reference) -> list[Location]:
    """A hub of its own, a warehouse of the inventory database, and the marketplace's centre."""
    south = reference.locations.row(1, named=True)
    return [
        Location(ZERO, 1, "Default", "HUB", "Leipzig", "Germany"),
        Location(
            guid("location", 2), 2, south["Location"], south["LocationCode"], "Graz", "Austria"
        ),
        Location(guid("location", 3), 3, "Amazon FBA", "FBA", "Lille", "France", True),
    ]


def _product(
    place: int,
    row: dict[str, object],
    suppliers: Sequence[Supplier],
    locations: Sequence[Location],
    chance: Random,
) -> Item:
    product_id = place + 1
    code = gtin(product_id)
    created = START * moments.SECOND - chance.randrange(30, 900) * moments.DAY
    item = Item(
        number=_FIRST_ITEM + product_id,
        id=guid("item", sku(product_id)),
        sku=sku(product_id),
        title=str(row["name"]),
        # Some were scanned from the carton: the same code in fourteen digits.
        barcode=f"0{code}" if place % 9 == 4 else code,
        category=str(row["category"]),
        price=int(str(row["price"])),
        # What nobody entered is free, and spoils the margin.
        cost=0 if place % 15 == 13 else int(str(row["cost"])),
        tax_rate=_REDUCED_RATE if row["category"] == "Pantry" else COUNTRY_RATE,
        weight=chance.randrange(80, 2_500, 10),
        created=created + chance.randrange(moments.DAY),
        supplier=suppliers[int(str(row["supplier"]))],
    )
    hub, _, fulfilment_centre = locations
    for location in (hub, fulfilment_centre) if place % 3 == 0 else (hub,):
        level = chance.choice([0, 3, 8, 14, 25, 40, 75, 120])
        updated = START * moments.SECOND + chance.randrange(729 * moments.DAY)
        item.shelves[location.id] = _shelf(location, place, level, updated)
    return item


def _mirror(reference: Reference, book: Book, products: Sequence[Item], location: Location) -> None:
    """Put what lies at a location of the inventory database on its shelves, as it stands there."""
    homes = reference.homes["LocationCode"]
    stock = zip(book.closing(LAST_DAY), book.changed(LAST_DAY), strict=True)
    for place, (item, (level, changed)) in enumerate(zip(products, stock, strict=True)):
        if homes[place] == location.tag:
            planted = BY_PRODUCT.get(place + 1)
            more = planted.linnworks if planted else 0
            updated = changed * moments.SECOND
            item.shelves[location.id] = _shelf(location, place, level + more, updated)


def _shelf(location: Location, place: int, level: int, updated: int) -> Shelf:
    return Shelf(
        location=location,
        level=level,
        # A fulfilment centre's stock has no minimum of ours.
        minimum=-1 if location.is_fulfilment_centre or place % 7 == 6 else place % 12,
        bin_rack="" if location.is_fulfilment_centre else f"{place % 8}-{place % 5:02d}",
        updated=updated,
    )


def _kit(number: int, products: Sequence[Item]) -> Item:
    """Two of one product and one of another, a tenth cheaper; it has neither stock nor cost."""
    first, second = products[5 * number], products[5 * number + 2]
    code = f"KIT-{number + 1:03d}"
    return Item(
        number=_FIRST_ITEM + 50_000 + number,
        id=guid("item", code),
        sku=code,
        title=f"Set: 2 x {first.title}, {second.title}",
        barcode="",
        category=first.category,
        price=(2 * first.price + second.price) * 9 // 10,
        cost=0,
        tax_rate=COUNTRY_RATE,
        weight=2 * first.weight + second.weight,
        created=START * moments.SECOND,
        components=((first, 2), (second, 1)),
    )


def _variation(number: int, products: Sequence[Item]) -> Item:
    child = products[7 * number + 3]
    code = f"VAR-{number + 1:03d}"
    return Item(
        number=_FIRST_ITEM + 60_000 + number,
        id=guid("item", code),
        sku=code,
        title=f"{child.title}, all sizes",
        barcode="",
        category=child.category,
        price=child.price,
        cost=0,
        tax_rate=COUNTRY_RATE,
        weight=child.weight,
        created=START * moments.SECOND,
        is_variation_parent=True,
    )


def _discontinued(number: int) -> Item:
    """No longer in any list, but in the orders of the first year."""
    code = f"OLD-{number + 1:03d}"
    return Item(
        number=_FIRST_ITEM - 10 - number,
        id=guid("item", code),
        sku=code,
        title=f"Retired Article {number + 1}",
        barcode=f"00{4006381333 + number}",
        category="Home",
        price=1_490 + 500 * number,
        cost=610,
        tax_rate=COUNTRY_RATE,
        weight=400,
        created=START * moments.SECOND - 1_200 * moments.DAY,
        is_archived=True,
    )
