"""What an entry of `sources.toml` can say about an API. No request is made here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    SecretStr,
    ValidationError,
)

from inventory_platform.errors import SettingsError
from inventory_platform.sources.http import HttpLimits


def _fits_a_header(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", secret.get_secret_value()):
        raise ValueError("may only hold printable ASCII, and no spaces around it")
    return secret


Secret: TypeAlias = Annotated[SecretStr, Field(min_length=1)]
HeaderSecret: TypeAlias = Annotated[Secret, AfterValidator(_fits_a_header)]


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeaderAuth(_Options):
    """A key in a header of its own."""

    kind: Literal["header"]
    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    value: HeaderSecret


class BearerAuth(_Options):
    """A token that does not change."""

    kind: Literal["bearer"]
    token: HeaderSecret


class BasicAuth(_Options):
    """A user and a password."""

    kind: Literal["basic"]
    username: str
    password: Secret


class ClientCredentials(_Options):
    """OAuth 2: a token is got for an id and a secret, and again when it is refused.

    `token_url` may be relative to the source's address.
    """

    kind: Literal["oauth2_client_credentials"]
    token_url: str
    client_id: str
    client_secret: Secret
    scope: str = ""


class OnePage(_Options):
    """Everything comes in one answer."""

    kind: Literal["none"] = "none"

    @property
    def notices_moves(self) -> bool:
        """Whether a record cannot slip away from page to page unnoticed."""
        return True

    def parameters(self) -> dict[str, Any]:
        """What each request says about pages."""
        return {}


class _Pages(_Options):
    """What all ways of paging have: the size of a page, where it can be chosen."""

    size_parameter: str | None = None
    size: PositiveInt | None = None

    @property
    def notices_moves(self) -> bool:
        """Whether a record cannot slip away from page to page unnoticed."""
        return True

    def parameters(self) -> dict[str, Any]:
        """What each request says about pages."""
        return {self.size_parameter: self.size} if self.size_parameter else {}


class ByPage(_Pages):
    """Pages are asked for by their number."""

    kind: Literal["page"]
    parameter: str = "page"
    first: int = 1
    overlap: ClassVar[int] = 0

    @property
    def notices_moves(self) -> bool:
        """Pages have fixed borders, which records cross when others come or go."""
        return False


class ByOffset(_Pages):
    """Pages are asked for by the number of records before them.

    With an `overlap`, each page begins that many records early, so that it shows where the one
    before ended. When records came or went in the meantime, fewer than the overlap, none is
    missed; when more did, the fetch fails. The table needs a key, as some records come twice.
    """

    kind: Literal["offset"]
    parameter: str = "offset"
    first: ClassVar[int] = 0
    overlap: int = Field(default=0, ge=0)

    @property
    def notices_moves(self) -> bool:
        """Pages that overlap show whether they follow each other."""
        return self.overlap > 0


class ByCursor(_Pages):
    """Each answer has, at `next`, the value of a parameter that leads to the next page."""

    kind: Literal["cursor"]
    parameter: str = "cursor"
    next: str


class ByLink(_Pages):
    """Each answer has the address of the next page in its body, at `next`."""

    kind: Literal["link"]
    next: str


class ByLinkHeader(_Pages):
    """Each answer has the address of the next page in its header `Link`."""

    kind: Literal["link_header"]


class Incremental(_Options):
    """Only what changed since the last fetch is asked for.

    Attributes:
        parameter: The parameter that takes the instant.
        format: How it is written: `iso`, `date`, `epoch`, `epoch_ms` or a `strftime` pattern.
        overlap_minutes: How far before the last fetch's start this one begins, for clocks that
            differ and for changes that showed late.
        start: From when on, the first time; everything when omitted.
    """

    parameter: str
    format: str = Field(default="iso", pattern=r"^(iso|date|epoch|epoch_ms|.*%.*)$")
    overlap_minutes: float = Field(default=10, ge=0)
    start: datetime | None = None


class FetchOptions(_Options):
    """One list the API offers.

    Attributes:
        path: Path below the source's address.
        params: Parameters of each request.
        records: Where the list is in an answer, as `data.items`; the answer itself when empty.
            Only a fetch of one page can do without it: its answer may be anything.
        pagination: How the pages are walked.
        incremental: How changes are asked for; the whole list when omitted.
        total: Where an answer says how many records there are.
        description: What it brings.
    """

    path: str
    params: Mapping[str, str | int | float | bool] = Field(default_factory=dict)
    records: str | None = None
    pagination: Annotated[
        OnePage | ByPage | ByOffset | ByCursor | ByLink | ByLinkHeader,
        Field(discriminator="kind"),
    ] = OnePage()
    incremental: Incremental | None = None
    total: str | None = None
    description: str = ""


Auth: TypeAlias = Annotated[
    HeaderAuth | BearerAuth | BasicAuth | ClientCredentials, Field(discriminator="kind")
]


class RestOptions(_Options):
    """The whole entry, without its address.

    `limits` may hold any of the names in `HttpLimits`.
    """

    auth: Auth | None = None
    headers: Mapping[str, str] = Field(default_factory=dict)
    rate_per_minute: PositiveInt | None = None
    limits: HttpLimits = HttpLimits()
    fetch: Mapping[str, FetchOptions] = Field(min_length=1)


def read_options(options: Mapping[str, Any]) -> RestOptions:
    """Check an entry.

    Raises:
        SettingsError: The entry is wrong; names each key, shows no value.
    """
    try:
        return RestOptions.model_validate(options)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_context=False, include_url=False)
    named = "; ".join(f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in problems)
    raise SettingsError(
        f"The entry of a REST source is wrong: {named}.",
        "Correct the keys in sources.toml; docs/rest.md lists them.",
    )
