"""The network: one for everything, without a door but the apps' ingress; private endpoints."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network, privatedns

from stack.settings import Settings

# What the private address of a service is found under.
ZONES = {
    "dfs": "privatelink.dfs.core.windows.net",
    "blob": "privatelink.blob.core.windows.net",
    "namespace": "privatelink.servicebus.windows.net",
    "vault": "privatelink.vaultcore.azure.net",
    "postgres": "inventory.private.postgres.database.azure.com",
}


@dataclass(frozen=True)
class Network:
    """Subnets, and the zones their names are found in."""

    settings: Settings
    group: pulumi.Input[str]
    apps: network.Subnet
    endpoints: network.Subnet
    postgres: network.Subnet
    zones: dict[str, privatedns.PrivateZone]

    def private_endpoint(self, name: str, resource: pulumi.Input[str], kind: str) -> None:
        """Give a service an address of ours.

        Args:
            name: Name of the endpoint.
            resource: Id of the service.
            kind: Part of the service, a key of `ZONES`.
        """
        settings = self.settings
        endpoint = network.PrivateEndpoint(
            name,
            resource_group_name=self.group,
            private_endpoint_name=settings.name(name),
            location=settings.location,
            tags=settings.tags,
            subnet={"id": self.endpoints.id},
            private_link_service_connections=[
                {"name": name, "private_link_service_id": resource, "group_ids": [kind]}
            ],
        )
        network.PrivateDnsZoneGroup(
            name,
            resource_group_name=self.group,
            private_endpoint_name=endpoint.name,
            private_dns_zone_group_name="default",
            private_dns_zone_configs=[{"name": kind, "private_dns_zone_id": self.zones[kind].id}],
        )


def build_network(settings: Settings, group: pulumi.Input[str]) -> Network:
    """Create the network, its subnets and its zones."""
    vnet = network.VirtualNetwork(
        "network",
        resource_group_name=group,
        virtual_network_name=settings.name("network"),
        location=settings.location,
        tags=settings.tags,
        address_space={"address_prefixes": ["10.40.0.0/20"]},
    )

    def subnet(name: str, prefix: str, delegated: str = "") -> network.Subnet:
        return network.Subnet(
            name,
            resource_group_name=group,
            virtual_network_name=vnet.name,
            subnet_name=name,
            address_prefix=prefix,
            delegations=[{"name": name, "service_name": delegated}] if delegated else [],
        )

    apps = subnet("apps", "10.40.0.0/23", "Microsoft.App/environments")
    endpoints = subnet("endpoints", "10.40.2.0/24")
    postgres = subnet("postgres", "10.40.3.0/24", "Microsoft.DBforPostgreSQL/flexibleServers")
    zones = {}
    for kind, zone in ZONES.items():
        zones[kind] = privatedns.PrivateZone(
            f"zone-{kind}",
            resource_group_name=group,
            private_zone_name=zone,
            location="global",
            tags=settings.tags,
        )
        privatedns.VirtualNetworkLink(
            f"link-{kind}",
            resource_group_name=group,
            private_zone_name=zones[kind].name,
            virtual_network_link_name=settings.name("link"),
            location="global",
            tags=settings.tags,
            registration_enabled=False,
            virtual_network={"id": vnet.id},
        )
    return Network(settings, group, apps, endpoints, postgres, zones)
