"""The platform's programs as Container Apps: who can reach them, and what each may reach.

One image for all. Only the code location writes data, and there is one of it: a warehouse has one
writer. Its own disk is gone with it, which is why the lake and the published marts are in object
storage; the next run builds the warehouse anew from the lake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_azure_native import app, keyvault, operationalinsights

from stack.data import PUBLISHED, RAW, Lake
from stack.network import Network
from stack.roles import Identity, grant, identity
from stack.settings import Settings

_WORKSPACE = ("-w", "/opt/dagster/workspace.yaml")
_WEBSERVER = ("dagster-webserver", *_WORKSPACE, "-h", "0.0.0.0", "-p", "3000")
_CODE_PORT = 4000


@dataclass(frozen=True)
class Program:
    """One app.

    Attributes:
        name: Short name.
        who: Identity it runs as.
        command: What to start; the image's own when empty.
        port: Port it listens on; none when nobody may reach it.
        groups: Entra groups that may open it; none for what only other apps reach.
        secrets: Environment variable → secret of the vault.
        environment: Other environment variables.
        cpu: Cores; memory is twice as many gigabytes.
    """

    name: str
    who: Identity
    command: Sequence[str] = ()
    port: int | None = None
    groups: Sequence[str] = ()
    secrets: Mapping[str, keyvault.Secret] = field(default_factory=dict)
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    cpu: float = 0.5


@dataclass(frozen=True)
class Apps:
    """The apps by name, and what they run in."""

    environment: app.ManagedEnvironment
    by_name: dict[str, app.ContainerApp]


def build_apps(
    settings: Settings,
    group: pulumi.Input[str],
    net: Network,
    workspace: operationalinsights.Workspace,
    lake: Lake,
    postgres_host: pulumi.Input[str],
    vault: keyvault.Vault,
    secrets: Mapping[str, keyvault.Secret],
) -> Apps:
    """Create the environment, the identities with their roles, and the apps."""
    environment = _environment(settings, group, net, workspace)
    code, pages, dashboard = (
        identity(settings, group, name) for name in ("code", "pages", "dashboard")
    )
    for name, who in (("code", code), ("pages", pages), ("dashboard", dashboard)):
        grant(f"{name}-pulls", who, "AcrPull", settings.registry_id)
    for container in (RAW, PUBLISHED):
        scope = lake.containers[container].id
        grant(f"code-writes-{container}", code, "Storage Blob Data Contributor", scope)
    grant("dashboard-reads", dashboard, "Storage Blob Data Reader", lake.containers[PUBLISHED].id)
    for name in secrets:
        scope = pulumi.Output.concat(vault.id, "/secrets/", name)
        grant(f"code-knows-{name}", code, "Key Vault Secrets User", scope)
    grant(
        "pages-know-postgres",
        pages,
        "Key Vault Secrets User",
        pulumi.Output.concat(vault.id, "/secrets/postgres-password"),
    )
    storage = {"DAGSTER_PG_PASSWORD": secrets["postgres-password"]}
    account = lake.account.name
    dagster = {
        "DAGSTER_PG_HOST": postgres_host,
        "DAGSTER_PG_DB": "dagster",
        "DAGSTER_PG_USER": "dagster",
        "PGSSLMODE": "verify-full",
        "PGSSLROOTCERT": "/etc/ssl/certs/ca-certificates.crt",
        "DAGSTER_CODE_HOST": settings.name("code"),
    }
    published = pulumi.Output.concat(
        "abfss://", PUBLISHED, "@", account, ".dfs.core.windows.net/marts"
    )
    programs = [
        Program(
            "code",
            code,
            port=_CODE_PORT,
            secrets={**storage, "EVENTS_CONNECTION": secrets["events-connection"]},
            environment={
                **dagster,
                **_as_identity(code),
                "INVENTORY_LAKE_ADDRESS": pulumi.Output.concat(
                    "abfss://", RAW, "@", account, ".dfs.core.windows.net/lake"
                ),
                "INVENTORY_PUBLISHED_ADDRESS": published,
            },
            cpu=2,
        ),
        Program(
            "daemon", pages, ["dagster-daemon", "run", *_WORKSPACE], None, (), storage, dagster
        ),
        Program("operators", pages, _WEBSERVER, 3000, [settings.operators_group], storage, dagster),
        Program(
            "viewers",
            pages,
            [*_WEBSERVER, "--read-only"],
            3000,
            [settings.operators_group, settings.viewers_group],
            storage,
            dagster,
        ),
        Program(
            "dashboard",
            dashboard,
            [
                *("streamlit", "run", "/app/dashboard/app.py"),
                *("--server.address", "0.0.0.0", "--server.port", "8501"),
            ],
            8501,
            [settings.operators_group, settings.viewers_group],
            environment={**_as_identity(dashboard), "INVENTORY_PUBLISHED": published},
        ),
    ]
    apps = {program.name: _app(settings, group, environment, program) for program in programs}
    _migration(
        settings, group, environment, Program("migrate", pages, (), None, (), storage, dagster)
    )
    return Apps(environment, apps)


def _environment(
    settings: Settings,
    group: pulumi.Input[str],
    net: Network,
    workspace: operationalinsights.Workspace,
) -> app.ManagedEnvironment:
    keys = operationalinsights.get_shared_keys_output(
        resource_group_name=group, workspace_name=workspace.name
    )
    return app.ManagedEnvironment(
        "apps",
        resource_group_name=group,
        environment_name=settings.name("apps"),
        location=settings.location,
        tags=settings.tags,
        zone_redundant=settings.zone_redundant,
        # Reached from our network (VPN, peering), not from the internet.
        vnet_configuration={"infrastructure_subnet_id": net.apps.id, "internal": True},
        peer_traffic_configuration={"encryption": {"enabled": True}},
        app_logs_configuration={
            "destination": "log-analytics",
            "log_analytics_configuration": {
                "customer_id": workspace.customer_id,
                "shared_key": pulumi.Output.secret(keys.primary_shared_key),
            },
        },
    )


def _app(
    settings: Settings,
    group: pulumi.Input[str],
    environment: app.ManagedEnvironment,
    program: Program,
) -> app.ContainerApp:
    built = app.ContainerApp(
        program.name,
        resource_group_name=group,
        container_app_name=settings.name(program.name),
        location=settings.location,
        tags=settings.tags,
        environment_id=environment.id,
        identity=_identities(program.who),
        configuration={
            "active_revisions_mode": "Single",
            "registries": _registries(settings, program.who),
            "secrets": _secrets(program),
            **({"ingress": _ingress(program)} if program.port else {}),
        },
        template={
            "containers": [_container(settings, program)],
            # The code location and the daemon are one each; pages need no second one.
            "scale": {"min_replicas": 1, "max_replicas": 1},
            "volumes": [{"name": "data", "storage_type": "EmptyDir"}],
            "termination_grace_period_seconds": 120,
        },
    )
    if program.groups:
        app.ContainerAppsAuthConfig(
            program.name,
            resource_group_name=group,
            container_app_name=built.name,
            auth_config_name="current",
            platform={"enabled": True},
            global_validation={
                "unauthenticated_client_action": "RedirectToLoginPage",
                "redirect_to_provider": "azureactivedirectory",
            },
            identity_providers={
                "azure_active_directory": {
                    "enabled": True,
                    "registration": {
                        "client_id": settings.client_id,
                        "open_id_issuer": (
                            f"https://login.microsoftonline.com/{settings.tenant_id}/v2.0"
                        ),
                    },
                    "validation": {
                        "default_authorization_policy": {
                            "allowed_principals": {"groups": list(program.groups)}
                        }
                    },
                }
            },
        )
    return built


def _migration(
    settings: Settings,
    group: pulumi.Input[str],
    environment: app.ManagedEnvironment,
    program: Program,
) -> None:
    """A job that people start after an upgrade: Dagster's tables as its new version wants them."""
    app.Job(
        program.name,
        resource_group_name=group,
        job_name=settings.name(program.name),
        location=settings.location,
        tags=settings.tags,
        environment_id=environment.id,
        identity=_identities(program.who),
        configuration={
            "trigger_type": "Manual",
            "manual_trigger_config": {"parallelism": 1, "replica_completion_count": 1},
            "replica_timeout": 1800,
            "replica_retry_limit": 0,
            "registries": _registries(settings, program.who),
            "secrets": _secrets(program),
        },
        template={
            "containers": [
                {**_container(settings, program), "args": ["dagster", "instance", "migrate"]}
            ],
            "volumes": [{"name": "data", "storage_type": "EmptyDir"}],
        },
    )


def _as_identity(who: Identity) -> dict[str, pulumi.Input[str]]:
    # adlfs asks without a name unless it is told not to.
    return {"AZURE_CLIENT_ID": who.client_id, "AZURE_STORAGE_ANON": "false"}


def _identities(who: Identity) -> dict[str, Any]:
    return {"type": "UserAssigned", "user_assigned_identities": [who.id]}


def _registries(settings: Settings, who: Identity) -> list[dict[str, Any]]:
    return [{"server": settings.image.split("/")[0], "identity": who.id}]


def _secrets(program: Program) -> list[dict[str, Any]]:
    return [
        {
            "name": variable.lower().replace("_", "-"),
            "key_vault_url": secret.properties.apply(lambda told: told.secret_uri),
            "identity": program.who.id,
        }
        for variable, secret in program.secrets.items()
    ]


def _ingress(program: Program) -> dict[str, Any]:
    if not program.groups:
        # gRPC among apps; the environment encrypts it.
        return {
            "external": False,
            "transport": "Tcp",
            "target_port": program.port,
            "exposed_port": program.port,
        }
    return {
        # Seen in our network, since the environment is internal; there is a login before it.
        "external": True,
        "transport": "Auto",
        "target_port": program.port,
        "allow_insecure": False,
    }


def _container(settings: Settings, program: Program) -> dict[str, Any]:
    by_secret = [
        {"name": variable, "secret_ref": variable.lower().replace("_", "-")}
        for variable in program.secrets
    ]
    plain = [{"name": name, "value": value} for name, value in program.environment.items()]
    return {
        "name": program.name,
        "image": settings.image,
        # The image's entry point starts what these say.
        "args": list(program.command),
        "env": [*plain, *by_secret],
        "resources": {"cpu": program.cpu, "memory": f"{program.cpu * 2:g}Gi"},
        "volume_mounts": [{"volume_name": "data", "mount_path": "/data"}],
        "probes": [
            {
                "type": "Startup",
                "tcp_socket": {"port": program.port},
                "period_seconds": 10,
                "failure_threshold": 30,
            },
            {"type": "Liveness", "tcp_socket": {"port": program.port}, "period_seconds": 30},
        ]
        if program.port
        else [],
    }
