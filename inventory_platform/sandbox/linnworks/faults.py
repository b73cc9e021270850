"""Which of Linnworks' odd behaviours the sandbox server shows.

Here belong the switches only; what they do stands where they are asked. Oddities of the data, such
as missing SKUs and sentinel dates, are always there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Faults:
    """Switches of a sandbox server.

    Attributes:
        retry_after: Whether an answer that says "too many calls" also says how long to wait.
        server_error_every: Every so many calls of a method fail with 500 and 503 in turn; never
            when 0.
        quota_on_400_every: Every so many calls of a method are refused with the words of the
            quota, but with status 400; never when 0.
        shuffled_details: Whether orders asked for by id come in another order than asked for.
        pages_when_empty: `TotalPages` of a search that found nothing.
        short_locations: Whether locations are listed in their older, shorter shape.
        unknown_fields: Whether answers have a few fields that are in no description.
        anonymous: Whether the newer order list leaves the customers out.
    """

    retry_after: bool = True
    server_error_every: int = 0
    quota_on_400_every: int = 0
    shuffled_details: bool = True
    pages_when_empty: int = 0
    short_locations: bool = False
    unknown_fields: bool = True
    anonymous: bool = False
