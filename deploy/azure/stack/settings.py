"""What differs between two installations, read from Pulumi's configuration and checked once.

Nothing here creates anything. A wrong value stops the preview and is named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pulumi

# Personal data stays in the European Union; another policy is another list.
REGIONS = ("westeurope", "northeurope", "germanywestcentral", "francecentral", "swedencentral")


@dataclass(frozen=True)
class Settings:
    """One installation.

    Attributes:
        environment: Part of every name, such as `prod`.
        location: Azure region, one of `REGIONS`.
        image: The platform's image with registry and fixed tag.
        registry_id: Resource id of the container registry the image is in.
        owner: Who answers for it; a tag of every resource.
        alert_email: Who is told when something is wrong.
        tenant_id: Microsoft Entra tenant.
        client_id: App registration people log in with.
        operators_group: Object id of the group that may start runs.
        viewers_group: Object id of the group that may look.
        postgres_password: Of Dagster's storage; kept in the vault and nowhere else.
        zone_redundant: Whether a lost data centre must not stop it; costs more.
    """

    environment: str
    location: str
    image: str
    registry_id: str
    owner: str
    alert_email: str
    tenant_id: str
    client_id: str
    operators_group: str
    viewers_group: str
    postgres_password: pulumi.Input[str]
    zone_redundant: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]{1,7}", self.environment):
            raise ValueError("environment: two to eight small letters and digits")
        if self.location not in REGIONS:
            raise ValueError(f"location: {self.location} is none of {', '.join(REGIONS)}")
        name, _, tag = self.image.rpartition(":")
        if "/" not in name or not tag or "/" in tag or tag == "latest":
            raise ValueError("image: registry/name:tag, and a tag that stays what it is")
        if "/providers/Microsoft.ContainerRegistry/registries/" not in self.registry_id:
            raise ValueError("registryId: not the resource id of a container registry")
        if self.operators_group == self.viewers_group:
            raise ValueError("viewersGroup: the same as operatorsGroup, so everybody may press")

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource."""
        return {"application": "inventory", "environment": self.environment, "owner": self.owner}

    def name(self, what: str) -> str:
        """Name of a resource."""
        return f"inventory-{self.environment}-{what}"

    def global_name(self, what: str) -> str:
        """Name of a resource whose name is one of all customers', without hyphens."""
        return f"inventory{self.environment}{what}"


def read() -> Settings:
    """Read Pulumi's configuration.

    Raises:
        ValueError: A value is wrong; says which.
    """
    config = pulumi.Config()
    return Settings(
        environment=config.require("environment"),
        location=pulumi.Config("azure-native").require("location"),
        image=config.require("image"),
        registry_id=config.require("registryId"),
        owner=config.require("owner"),
        alert_email=config.require("alertEmail"),
        tenant_id=config.require("tenantId"),
        client_id=config.require("clientId"),
        operators_group=config.require("operatorsGroup"),
        viewers_group=config.require("viewersGroup"),
        postgres_password=config.require_secret("postgresPassword"),
        zone_redundant=config.get_bool("zoneRedundant") or False,
    )
