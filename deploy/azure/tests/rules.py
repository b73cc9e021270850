"""What must hold of every resource: pure functions from recorded resources to complaints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from recorded import SUBSCRIPTION, Resource
from stack.roles import ROLES
from stack.settings import REGIONS

Rule = Callable[[Sequence[Resource]], Iterator[str]]
# Kinds that exist everywhere, and kinds without tags or a place.
GLOBAL = {"privatedns:PrivateZone", "privatedns:VirtualNetworkLink", "monitor:ActionGroup"}
GLOBAL |= {"monitor:MetricAlert"}
TAGGED = GLOBAL | {
    "resources:ResourceGroup",
    "storage:StorageAccount",
    "eventhub:Namespace",
    "dbforpostgresql:Server",
    "keyvault:Vault",
    "keyvault:Secret",
    "app:ManagedEnvironment",
    "app:ContainerApp",
    "app:Job",
    "managedidentity:UserAssignedIdentity",
    "network:VirtualNetwork",
    "network:PrivateEndpoint",
    "operationalinsights:Workspace",
}


def _of(resources: Sequence[Resource], kind: str) -> list[Resource]:
    return [resource for resource in resources if resource.kind == kind]


def nothing_is_public(resources: Sequence[Resource]) -> Iterator[str]:
    """No service answers the internet."""
    for resource in _of(resources, "storage:StorageAccount"):
        if resource.inputs.get("allowBlobPublicAccess") is not False:
            yield f"{resource.name}: containers may be public"
        if resource.inputs.get("networkRuleSet", {}).get("defaultAction") != "Deny":
            yield f"{resource.name}: the firewall lets through"
    for resource in _of(resources, "storage:BlobContainer"):
        if resource.inputs.get("publicAccess") != "None":
            yield f"{resource.name}: a public container"
    for kind in ("storage:StorageAccount", "eventhub:Namespace"):
        for resource in _of(resources, kind):
            if resource.inputs.get("publicNetworkAccess") != "Disabled":
                yield f"{resource.name}: reached from the internet"
    for resource in _of(resources, "keyvault:Vault"):
        if resource.inputs["properties"].get("publicNetworkAccess") != "Disabled":
            yield f"{resource.name}: reached from the internet"
    for resource in _of(resources, "dbforpostgresql:Server"):
        if resource.inputs.get("network", {}).get("publicNetworkAccess") != "Disabled":
            yield f"{resource.name}: reached from the internet"
    for resource in _of(resources, "app:ManagedEnvironment"):
        if resource.inputs.get("vnetConfiguration", {}).get("internal") is not True:
            yield f"{resource.name}: apps are reached from the internet"


def everything_is_encrypted(resources: Sequence[Resource]) -> Iterator[str]:
    """At rest and on the way, TLS 1.2 at least."""
    for resource in _of(resources, "storage:StorageAccount"):
        if resource.inputs.get("enableHttpsTrafficOnly") is not True:
            yield f"{resource.name}: answers without TLS"
        if resource.inputs.get("minimumTlsVersion") not in {"TLS1_2", "TLS1_3"}:
            yield f"{resource.name}: an old TLS"
        encryption = resource.inputs.get("encryption", {})
        if not encryption.get("services", {}).get("blob", {}).get("enabled"):
            yield f"{resource.name}: not encrypted"
    for resource in _of(resources, "eventhub:Namespace"):
        if resource.inputs.get("minimumTlsVersion") not in {"1.2", "1.3"}:
            yield f"{resource.name}: an old TLS"
    told = {
        (r.inputs.get("configurationName"), str(r.inputs.get("value")).lower())
        for r in _of(resources, "dbforpostgresql:Configuration")
    }
    if _of(resources, "dbforpostgresql:Server"):
        if ("require_secure_transport", "on") not in told:
            yield "postgres: answers without TLS"
        if not told & {("ssl_min_protocol_version", f"tlsv1.{n}") for n in (2, 3)}:
            yield "postgres: an old TLS"
    for resource in _of(resources, "app:ManagedEnvironment"):
        peers = resource.inputs.get("peerTrafficConfiguration", {})
        if peers.get("encryption", {}).get("enabled") is not True:
            yield f"{resource.name}: apps talk in clear text"
    for resource in _of(resources, "app:ContainerApp"):
        if resource.inputs["configuration"].get("ingress", {}).get("allowInsecure"):
            yield f"{resource.name}: answers without TLS"


def nothing_is_lost_at_once(resources: Sequence[Resource]) -> Iterator[str]:
    """What is deleted can be had back for a while."""
    accounts = _of(resources, "storage:StorageAccount")
    kept = _of(resources, "storage:BlobServiceProperties")
    for name in ("deleteRetentionPolicy", "containerDeleteRetentionPolicy"):
        days = [r.inputs.get(name, {}).get("days", 0) for r in kept]
        if accounts and (not days or min(days) < 7):
            yield f"storage: {name} is less than a week"
    for resource in accounts:
        if resource.inputs.get("isHnsEnabled") is not True:
            yield f"{resource.name}: no hierarchical namespace"
    for resource in _of(resources, "storage:ManagementPolicy"):
        if "delete" in json.dumps(resource.inputs["policy"]):
            yield f"{resource.name}: a lifecycle rule deletes"
    for resource in _of(resources, "keyvault:Vault"):
        properties = resource.inputs["properties"]
        if not (properties.get("enablePurgeProtection") and properties.get("enableSoftDelete")):
            yield f"{resource.name}: secrets can be destroyed"
    for resource in _of(resources, "dbforpostgresql:Server"):
        if resource.inputs.get("backup", {}).get("backupRetentionDays", 0) < 7:
            yield f"{resource.name}: backups are kept less than a week"


def roles_are_minimal(resources: Sequence[Resource]) -> Iterator[str]:
    """Roles of our short list, on single resources; no keys where identities do."""
    ours = {role_id: name for name, role_id in ROLES.items()}
    for resource in _of(resources, "authorization:RoleAssignment"):
        role = ours.get(resource.inputs["roleDefinitionId"].rsplit("/", 1)[-1])
        scope = resource.inputs["scope"]
        if role is None:
            yield f"{resource.name}: a role that is not on our list"
        if "/providers/" not in scope.removeprefix(SUBSCRIPTION):
            yield f"{resource.name}: reaches further than one resource"
        if role and role.startswith("Storage") and "BlobContainer" not in scope:
            yield f"{resource.name}: reaches further than one container"
        if role == "Key Vault Secrets User" and "/secrets/" not in scope:
            yield f"{resource.name}: reaches further than one secret"
    for resource in _of(resources, "keyvault:Vault"):
        if resource.inputs["properties"].get("enableRbacAuthorization") is not True:
            yield f"{resource.name}: access policies instead of roles"
    for resource in _of(resources, "storage:StorageAccount"):
        if resource.inputs.get("allowSharedKeyAccess") is not False:
            yield f"{resource.name}: a key opens everything"
    for resource in _of(resources, "eventhub:EventHubAuthorizationRule"):
        if resource.inputs["rights"] != ["Listen"]:
            yield f"{resource.name}: may do more than listen"
    if _of(resources, "eventhub:NamespaceAuthorizationRule"):
        yield "events: a key for the whole namespace"


def secrets_are_in_the_vault(resources: Sequence[Resource]) -> Iterator[str]:
    """A secret is in the vault, and where Azure itself must be told; in no app."""
    allowed = {"keyvault:Secret", "dbforpostgresql:Server", "app:ManagedEnvironment"}
    for resource in resources:
        if resource.kind not in allowed and "canary-" in json.dumps(resource.inputs, default=str):
            yield f"{resource.name}: a secret in {resource.kind}"
    for kind in ("app:ContainerApp", "app:Job"):
        for resource in _of(resources, kind):
            for secret in resource.inputs["configuration"].get("secrets", []):
                if "value" in secret or "keyVaultUrl" not in secret:
                    yield f"{resource.name}: {secret['name']} is not read from the vault"


def people_log_in(resources: Sequence[Resource]) -> Iterator[str]:
    """What a browser reaches has a login that names groups; all else only apps reach."""
    logins = {r.name: r.inputs for r in _of(resources, "app:ContainerAppsAuthConfig")}
    for resource in _of(resources, "app:ContainerApp"):
        ingress = resource.inputs["configuration"].get("ingress")
        if not ingress or not ingress.get("external"):
            continue
        login = logins.get(resource.name, {})
        validation = login.get("globalValidation", {})
        if validation.get("unauthenticatedClientAction") != "RedirectToLoginPage":
            yield f"{resource.name}: opened without a login"
        providers = login.get("identityProviders", {}).get("azureActiveDirectory", {})
        policy = providers.get("validation", {}).get("defaultAuthorizationPolicy", {})
        if not policy.get("allowedPrincipals", {}).get("groups"):
            yield f"{resource.name}: everybody of the tenant may log in"


def everything_is_tagged_and_at_home(resources: Sequence[Resource]) -> Iterator[str]:
    """Tags on what can have them, places in allowed regions."""
    for resource in resources:
        if resource.kind in TAGGED and not {"application", "environment", "owner"} <= set(
            resource.inputs.get("tags", {})
        ):
            yield f"{resource.name}: without its tags"
        place = resource.inputs.get("location")
        everywhere = resource.kind in GLOBAL and place == "global"
        if place is not None and place not in REGIONS and not everywhere:
            yield f"{resource.name}: in {place}"


def everything_is_watched(resources: Sequence[Resource]) -> Iterator[str]:
    """Logs of every data service are kept, and alerts reach people."""
    watched = [r.inputs["resourceUri"] for r in _of(resources, "monitor:DiagnosticSetting")]
    for kind in ("StorageAccount", "eventhub/Namespace", "dbforpostgresql/Server", "Vault"):
        if not any(f"{kind}/" in uri for uri in watched):
            yield f"{kind}: no logs are kept"
    for resource in _of(resources, "monitor:MetricAlert"):
        if not resource.inputs.get("actions"):
            yield f"{resource.name}: tells nobody"


def one_writer(resources: Sequence[Resource]) -> Iterator[str]:
    """No app runs twice, and images have a tag that stays."""
    for resource in _of(resources, "app:ContainerApp"):
        scale = resource.inputs["template"].get("scale", {})
        if (scale.get("minReplicas"), scale.get("maxReplicas")) != (1, 1):
            yield f"{resource.name}: may run twice"
        for container in resource.inputs["template"]["containers"]:
            if container["image"].endswith(":latest"):
                yield f"{resource.name}: an image that changes"


RULES: list[Rule] = [
    nothing_is_public,
    everything_is_encrypted,
    nothing_is_lost_at_once,
    roles_are_minimal,
    secrets_are_in_the_vault,
    people_log_in,
    everything_is_tagged_and_at_home,
    everything_is_watched,
    one_writer,
]
