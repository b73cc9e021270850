"""Everything together: which parts there are and what each is told of the others."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import resources

from stack.apps import build_apps
from stack.data import build_events, build_lake, build_postgres, build_vault, keep_secret
from stack.monitoring import build_alerts, build_workspace, watch
from stack.network import build_network
from stack.settings import Settings


def build(settings: Settings) -> None:
    """Create the platform; the outputs are addresses, never secrets."""
    group = resources.ResourceGroup(
        "inventory",
        resource_group_name=settings.name("group"),
        location=settings.location,
        tags=settings.tags,
    ).name
    net = build_network(settings, group)
    workspace = build_workspace(settings, group)
    lake = build_lake(settings, group, net)
    events = build_events(settings, group, net)
    postgres = build_postgres(settings, group, net)
    vault = build_vault(settings, group, net)
    secrets = {
        name: keep_secret(settings, group, vault, name, value)
        for name, value in (
            ("postgres-password", settings.postgres_password),
            ("events-connection", events.connection),
        )
    }
    apps = build_apps(
        settings,
        group,
        net,
        workspace,
        lake,
        postgres.fully_qualified_domain_name,
        vault,
        secrets,
    )
    watch(
        workspace,
        {
            "lake": pulumi.Output.concat(lake.account.id, "/blobServices/default"),
            "events": events.namespace.id,
            "postgres": postgres.id,
            "vault": vault.id,
        },
    )
    build_alerts(
        settings,
        group,
        postgres.id,
        lake.account.id,
        {name: built.id for name, built in apps.by_name.items()},
    )
    for name in ("operators", "viewers", "dashboard"):
        ingress = apps.by_name[name].configuration.apply(lambda told: told.ingress)
        pulumi.export(name, ingress.apply(lambda told: f"https://{told.fqdn}" if told else ""))
    pulumi.export("lake", lake.account.name)
