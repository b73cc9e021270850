"""Where data is: the lake, the event hubs, Dagster's database, the vault. Nothing is public."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_azure_native import dbforpostgresql, eventhub, keyvault, storage

from stack.network import Network
from stack.settings import Settings

RAW, PUBLISHED = "lake", "published"


@dataclass(frozen=True)
class Lake:
    """A storage account with its containers by name."""

    account: storage.StorageAccount
    containers: dict[str, storage.BlobContainer]


def build_lake(settings: Settings, group: pulumi.Input[str], net: Network) -> Lake:
    """ADLS Gen2 with a container for the lake and one for published marts."""
    account = storage.StorageAccount(
        "lake",
        resource_group_name=group,
        account_name=settings.global_name("lake"),
        location=settings.location,
        tags=settings.tags,
        kind="StorageV2",
        sku={"name": "Standard_ZRS" if settings.zone_redundant else "Standard_LRS"},
        is_hns_enabled=True,
        access_tier="Hot",
        minimum_tls_version="TLS1_2",
        enable_https_traffic_only=True,
        allow_blob_public_access=False,
        # Only identities: a key would open everything to whoever finds it.
        allow_shared_key_access=False,
        allow_cross_tenant_replication=False,
        is_local_user_enabled=False,
        is_sftp_enabled=False,
        public_network_access="Disabled",
        network_rule_set={"default_action": "Deny", "bypass": "None"},
        encryption={
            "key_source": "Microsoft.Storage",
            "require_infrastructure_encryption": True,
            "services": {
                "blob": {"enabled": True, "key_type": "Account"},
                "file": {"enabled": True, "key_type": "Account"},
            },
        },
        # What cannot be made again is not removed with the stack.
        opts=pulumi.ResourceOptions(protect=True),
    )
    storage.BlobServiceProperties(
        "lake",
        resource_group_name=group,
        account_name=account.name,
        blob_services_name="default",
        delete_retention_policy={"enabled": True, "days": 30},
        container_delete_retention_policy={"enabled": True, "days": 30},
    )
    containers = {
        name: storage.BlobContainer(
            name,
            resource_group_name=group,
            account_name=account.name,
            container_name=name,
            public_access="None",
        )
        for name in (RAW, PUBLISHED)
    }
    storage.ManagementPolicy(
        "lake",
        resource_group_name=group,
        account_name=account.name,
        management_policy_name="default",
        policy={
            "rules": [
                {
                    # Raw rows are kept for ever and seldom read again; never deleted here:
                    # what may go is the platform's own retention to say.
                    "name": "raw-cools",
                    "type": "Lifecycle",
                    "enabled": True,
                    "definition": {
                        "filters": {"blob_types": ["blockBlob"], "prefix_match": [f"{RAW}/raw/"]},
                        "actions": {
                            "base_blob": {
                                "tier_to_cool": {"days_after_modification_greater_than": 90},
                                "tier_to_cold": {"days_after_modification_greater_than": 365},
                            }
                        },
                    },
                }
            ]
        },
    )
    for kind in ("dfs", "blob"):
        net.private_endpoint(f"lake-{kind}", account.id, kind)
    return Lake(account, containers)


@dataclass(frozen=True)
class Events:
    """An Event Hubs namespace, and what a reader of it connects with."""

    namespace: eventhub.Namespace
    connection: pulumi.Output[str]


def build_events(settings: Settings, group: pulumi.Input[str], net: Network) -> Events:
    """Event Hubs with its Kafka endpoint, and a key that may only listen."""
    namespace = eventhub.Namespace(
        "events",
        resource_group_name=group,
        namespace_name=settings.name("events"),
        location=settings.location,
        tags=settings.tags,
        sku={"name": "Standard", "tier": "Standard", "capacity": 1},
        kafka_enabled=True,
        minimum_tls_version="1.2",
        public_network_access="Disabled",
        is_auto_inflate_enabled=True,
        maximum_throughput_units=4,
        zone_redundant=settings.zone_redundant,
    )
    hub = eventhub.EventHub(
        "shop-events",
        resource_group_name=group,
        namespace_name=namespace.name,
        event_hub_name="shop-events",
        partition_count=4,
        message_retention_in_days=7,
    )
    rule = eventhub.EventHubAuthorizationRule(
        "platform",
        resource_group_name=group,
        namespace_name=namespace.name,
        event_hub_name=hub.name,
        authorization_rule_name="platform",
        rights=["Listen"],
    )
    keys = eventhub.list_event_hub_keys_output(
        resource_group_name=group,
        namespace_name=namespace.name,
        event_hub_name=hub.name,
        authorization_rule_name=rule.name,
    )
    net.private_endpoint("events", namespace.id, "namespace")
    return Events(namespace, pulumi.Output.secret(keys.primary_connection_string))


def build_postgres(
    settings: Settings, group: pulumi.Input[str], net: Network
) -> dbforpostgresql.Server:
    """Dagster's runs and events: in our network only, TLS only."""
    server = dbforpostgresql.Server(
        "postgres",
        resource_group_name=group,
        server_name=settings.name("postgres"),
        location=settings.location,
        tags=settings.tags,
        version="17",
        sku={"name": "Standard_B2s", "tier": "Burstable"}
        if not settings.zone_redundant
        else {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"},
        storage={"storage_size_gb": 32, "auto_grow": "Enabled"},
        backup={"backup_retention_days": 14, "geo_redundant_backup": "Disabled"},
        high_availability={"mode": "ZoneRedundant" if settings.zone_redundant else "Disabled"},
        network={
            "delegated_subnet_resource_id": net.postgres.id,
            "private_dns_zone_arm_resource_id": net.zones["postgres"].id,
            "public_network_access": "Disabled",
        },
        administrator_login="dagster",
        administrator_login_password=settings.postgres_password,
        opts=pulumi.ResourceOptions(protect=True),
    )
    for name, value in (
        ("require_secure_transport", "on"),
        ("ssl_min_protocol_version", "TLSv1.2"),
    ):
        dbforpostgresql.Configuration(
            name,
            resource_group_name=group,
            server_name=server.name,
            configuration_name=name,
            value=value,
            source="user-override",
        )
    dbforpostgresql.Database(
        "dagster",
        resource_group_name=group,
        server_name=server.name,
        database_name="dagster",
    )
    return server


def build_vault(settings: Settings, group: pulumi.Input[str], net: Network) -> keyvault.Vault:
    """The vault: roles instead of access policies, and nothing in it can be destroyed at once."""
    vault = keyvault.Vault(
        "vault",
        resource_group_name=group,
        vault_name=settings.name("vault"),
        location=settings.location,
        tags=settings.tags,
        properties={
            "tenant_id": settings.tenant_id,
            "sku": {"family": "A", "name": "standard"},
            "enable_rbac_authorization": True,
            "enable_soft_delete": True,
            "soft_delete_retention_in_days": 90,
            "enable_purge_protection": True,
            "public_network_access": "Disabled",
            "network_acls": {"default_action": "Deny", "bypass": "None"},
        },
        opts=pulumi.ResourceOptions(protect=True),
    )
    net.private_endpoint("vault", vault.id, "vault")
    return vault


def keep_secret(
    settings: Settings,
    group: pulumi.Input[str],
    vault: keyvault.Vault,
    name: str,
    value: pulumi.Input[str],
) -> keyvault.Secret:
    """Put a secret into the vault."""
    return keyvault.Secret(
        name,
        resource_group_name=group,
        vault_name=vault.name,
        secret_name=name,
        tags=settings.tags,
        properties={"value": pulumi.Output.secret(value)},
    )
