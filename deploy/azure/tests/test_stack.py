"""The stack keeps every rule, and every rule notices what breaks it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import rules
from conftest import SETTINGS
from recorded import GROUP, SUBSCRIPTION, Resource
from stack.settings import Settings

OWNER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_stack_keeps_the_rule(rule: rules.Rule, resources: list[Resource]) -> None:
    assert list(rule(resources)) == []


def put(kind: str, path: str, value: Any) -> Callable[[list[Resource]], None]:
    """Set something in the first resource of a kind."""

    def change(resources: list[Resource]) -> None:
        place: Any = next(r for r in resources if r.kind == kind).inputs
        *steps, last = path.split(".")
        for step in steps:
            place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
        place[last] = value

    return change


def drop(kind: str, name: str = "") -> Callable[[list[Resource]], None]:
    """Leave out resources of a kind."""

    def change(resources: list[Resource]) -> None:
        resources[:] = [r for r in resources if r.kind != kind or (name and r.name != name)]

    return change


def add(kind: str, **inputs: Any) -> Callable[[list[Resource]], None]:
    return lambda resources: resources.append(Resource(kind, "added", inputs))


LAKE, APP = "storage:StorageAccount", "app:ContainerApp"
ROLE, VAULT = "authorization:RoleAssignment", "keyvault:Vault"
BROKEN = [
    (put(LAKE, "allowBlobPublicAccess", True), "lake: containers may be public"),
    (put(LAKE, "networkRuleSet.defaultAction", "Allow"), "lake: the firewall lets through"),
    (put("storage:BlobContainer", "publicAccess", "Blob"), ": a public container"),
    (put(LAKE, "publicNetworkAccess", "Enabled"), "lake: reached from the internet"),
    (put("eventhub:Namespace", "publicNetworkAccess", "Enabled"), "events: reached from the"),
    (put(VAULT, "properties.publicNetworkAccess", "Enabled"), "vault: reached from the internet"),
    (
        put("dbforpostgresql:Server", "network.publicNetworkAccess", "Enabled"),
        "postgres: reached from the internet",
    ),
    (
        put("app:ManagedEnvironment", "vnetConfiguration.internal", False),
        "apps: apps are reached from the internet",
    ),
    (put(LAKE, "enableHttpsTrafficOnly", False), "lake: answers without TLS"),
    (put(LAKE, "minimumTlsVersion", "TLS1_0"), "lake: an old TLS"),
    (put(LAKE, "encryption.services.blob.enabled", False), "lake: not encrypted"),
    (put("eventhub:Namespace", "minimumTlsVersion", "1.0"), "events: an old TLS"),
    (drop("dbforpostgresql:Configuration"), "postgres: answers without TLS"),
    (
        drop("dbforpostgresql:Configuration", "ssl_min_protocol_version"),
        "postgres: an old TLS",
    ),
    (
        put("app:ManagedEnvironment", "peerTrafficConfiguration.encryption.enabled", False),
        "apps: apps talk in clear text",
    ),
    (put(APP, "configuration.ingress.allowInsecure", True), ": answers without TLS"),
    (drop("storage:BlobServiceProperties"), "storage: deleteRetentionPolicy is less than"),
    (put(LAKE, "isHnsEnabled", False), "lake: no hierarchical namespace"),
    (
        put("storage:ManagementPolicy", "policy.rules.0.definition.actions.baseBlob.delete", {}),
        "lake: a lifecycle rule deletes",
    ),
    (put(VAULT, "properties.enablePurgeProtection", False), "vault: secrets can be destroyed"),
    (
        put("dbforpostgresql:Server", "backup.backupRetentionDays", 1),
        "postgres: backups are kept less than a week",
    ),
    (put(ROLE, "roleDefinitionId", f"/x/{OWNER}"), "a role that is not on our list"),
    (put(ROLE, "scope", SUBSCRIPTION), "reaches further than one resource"),
    (put(ROLE, "scope", f"{SUBSCRIPTION}/resourceGroups/all"), "further than one resource"),
    (
        add(
            ROLE,
            roleDefinitionId=f"/x/{rules.ROLES['Storage Blob Data Contributor']}",
            scope=f"{GROUP}/providers/storage/StorageAccount/lake",
        ),
        "added: reaches further than one container",
    ),
    (
        add(
            ROLE,
            roleDefinitionId=f"/x/{rules.ROLES['Key Vault Secrets User']}",
            scope=f"{GROUP}/providers/keyvault/Vault/vault",
        ),
        "added: reaches further than one secret",
    ),
    (put(VAULT, "properties.enableRbacAuthorization", False), "vault: access policies instead"),
    (put(LAKE, "allowSharedKeyAccess", True), "lake: a key opens everything"),
    (
        put("eventhub:EventHubAuthorizationRule", "rights", ["Listen", "Manage"]),
        "platform: may do more than listen",
    ),
    (add("eventhub:NamespaceAuthorizationRule"), "events: a key for the whole namespace"),
    (
        put(APP, "template.containers.0.env.0.value", "canary-postgres"),
        ": a secret in app:ContainerApp",
    ),
    (
        put(APP, "configuration.secrets", [{"name": "x", "value": "y"}]),
        ": x is not read from the vault",
    ),
    (drop("app:ContainerAppsAuthConfig", "operators"), "operators: opened without a login"),
    (
        put(
            "app:ContainerAppsAuthConfig",
            "identityProviders.azureActiveDirectory.validation",
            {},
        ),
        ": everybody of the tenant may log in",
    ),
    (put(LAKE, "tags", {}), "lake: without its tags"),
    (put(LAKE, "location", "eastus"), "lake: in eastus"),
    (drop("monitor:DiagnosticSetting", "lake-logs"), "StorageAccount: no logs are kept"),
    (put("monitor:MetricAlert", "actions", []), ": tells nobody"),
    (put(APP, "template.scale.maxReplicas", 2), ": may run twice"),
    (put(APP, "template.containers.0.image", "x/y:latest"), ": an image that changes"),
]


@pytest.mark.parametrize(("change", "complaint"), BROKEN, ids=[text for _, text in BROKEN])
def test_a_broken_rule_is_noticed(
    change: Callable[[list[Resource]], None], complaint: str, resources: list[Resource]
) -> None:
    broken = copy.deepcopy(resources)
    change(broken)
    complaints = [text for rule in rules.RULES for text in rule(broken)]
    assert any(complaint in text for text in complaints), complaints


def test_outputs_are_addresses_and_no_secret(recorded: Any) -> None:
    exported = recorded[1]
    assert set(exported) == {"operators", "viewers", "dashboard", "lake"}
    assert "canary-" not in str(exported)
    assert not any(is_secret for _, is_secret in exported.values())


def test_only_the_code_location_may_write_data(resources: list[Resource]) -> None:
    writers = {
        r.inputs["principalId"]
        for r in resources
        if r.kind == ROLE
        and r.inputs["roleDefinitionId"].endswith(rules.ROLES["Storage Blob Data Contributor"])
    }
    assert writers == {"principal-identity-code"}


def test_viewers_reach_the_instance_without_buttons_only(resources: list[Resource]) -> None:
    apps = {
        r.name: r.inputs["template"]["containers"][0]["args"] for r in resources if r.kind == APP
    }
    assert "--read-only" in apps["viewers"]
    assert "--read-only" not in apps["operators"]
    groups = {
        r.name: r.inputs["identityProviders"]["azureActiveDirectory"]["validation"][
            "defaultAuthorizationPolicy"
        ]["allowedPrincipals"]["groups"]
        for r in resources
        if r.kind == "app:ContainerAppsAuthConfig"
    }
    assert groups["operators"] == ["operators"]
    assert groups["viewers"] == ["operators", "viewers"]


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("location", "eastus", "location: eastus is none of"),
        ("environment", "Prod-1", "environment:"),
        ("image", "example.azurecr.io/inventory-platform:latest", "image:"),
        ("image", "inventory-platform:1", "image:"),
        ("registry_id", "/subscriptions/x", "registryId:"),
        ("viewers_group", "operators", "viewersGroup:"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Settings(**{**SETTINGS, name: value})
