"""Values for Dagster's chart: rules. The chart itself is not rendered here.

The keys are those of the chart's published schema, listed by hand.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from inventory_platform.settings import PROJECT_DIR

HELM = PROJECT_DIR / "deploy" / "helm"
TOP = {
    *("dagsterWebserver", "dagster-user-deployments", "postgresql", "rabbitmq", "redis"),
    *("generatePostgresqlPasswordSecret", "flower", "ingress", "runLauncher", "dagsterDaemon"),
    *("telemetry", "serviceAccount", "global", "retention"),
}
PARTS = {
    "dagsterWebserver": {
        *("replicaCount", "image", "pathPrefix", "enableReadOnly", "service", "resources"),
        *("podSecurityContext", "securityContext", "volumes", "volumeMounts"),
    },
    "dagsterDaemon": {
        *("enabled", "image", "runCoordinator", "runMonitoring", "runRetries", "resources"),
        *("podSecurityContext", "securityContext", "volumes", "volumeMounts"),
    },
    "deployment": {
        *("name", "image", "dagsterApiGrpcArgs", "port", "env", "envSecrets", "resources"),
        *("includeConfigInLaunchedRuns", "podSecurityContext", "securityContext"),
        *("volumes", "volumeMounts"),
    },
}


def complaints(values: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the values."""
    yield from (f"{key}: not a key of the chart" for key in set(values) - TOP)
    deployments = values["dagster-user-deployments"]["deployments"]
    parts = [
        ("dagsterWebserver", values["dagsterWebserver"], PARTS["dagsterWebserver"]),
        ("dagsterDaemon", values["dagsterDaemon"], PARTS["dagsterDaemon"]),
        *((d["name"], d, PARTS["deployment"]) for d in deployments),
    ]
    for name, part, keys in parts:
        yield from (f"{name}.{key}: not a key of the chart" for key in set(part) - keys)
        tag = str(part["image"].get("tag", ""))
        if tag.count(".") < 2:
            yield f"{name}: the image has no fixed version"
        pod, container = part.get("podSecurityContext", {}), part.get("securityContext", {})
        if pod.get("runAsNonRoot") is not True or not pod.get("runAsUser"):
            yield f"{name}: runs as root"
        if pod.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{name}: any system call"
        if container.get("allowPrivilegeEscalation") is not False:
            yield f"{name}: can gain privileges"
        if container.get("readOnlyRootFilesystem") is not True:
            yield f"{name}: can change its own files"
        if container.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name}: keeps capabilities"
        if not {"cpu", "memory"} <= set(part.get("resources", {}).get("limits", {})):
            yield f"{name}: no limit of resources"
        for variable in part.get("env", {}):
            if any(word in variable for word in ("PASSWORD", "TOKEN", "SECRET", "KEY")):
                yield f"{name}: {variable} is in clear text"
    postgres = values["postgresql"]
    if postgres["enabled"]:
        yield "postgresql: the chart's own, with a password of everybody"
    if "postgresqlPassword" in postgres or values["generatePostgresqlPasswordSecret"]:
        yield "postgresql: the password is in clear text"
    if not values["global"].get("postgresqlSecretName"):
        yield "postgresql: no secret is named"
    if postgres.get("postgresqlParams", {}).get("sslmode") != "verify-full":
        yield "postgresql: anybody may answer in its place"
    if postgres.get("postgresqlScheme") != "postgresql+psycopg2":
        yield "postgresql: another driver than the image has"
    queue = values["dagsterDaemon"]["runCoordinator"]
    if queue["config"].get("queuedRunCoordinator", {}).get("maxConcurrentRuns") != 1:
        yield "dagsterDaemon: two runs would write one warehouse"
    if values["dagsterWebserver"]["service"]["type"] != "ClusterIP" or values["ingress"]["enabled"]:
        yield "dagsterWebserver: reached without a login"
    if values["telemetry"]["enabled"]:
        yield "telemetry: tells others"


@pytest.fixture
def values() -> dict[str, Any]:
    return dict(copy.deepcopy(yaml.safe_load((HELM / "values.yaml").read_text())))


def test_the_values_keep_the_rules(values: dict[str, Any]) -> None:
    assert list(complaints(values)) == []


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("dagsterwebserver", {}, "dagsterwebserver: not a key"),
        ("dagsterDaemon.replicas", 2, "dagsterDaemon.replicas: not a key"),
        ("dagsterDaemon.image", {"tag": "latest"}, "dagsterDaemon: the image has no fixed"),
        ("dagsterDaemon.podSecurityContext", {}, "dagsterDaemon: runs as root"),
        ("dagsterDaemon.podSecurityContext", {"runAsUser": 0}, "dagsterDaemon: any system call"),
        ("dagsterDaemon.securityContext", {}, "dagsterDaemon: can gain privileges"),
        ("dagsterWebserver.securityContext", {}, "dagsterWebserver: can change its own files"),
        ("dagsterWebserver.securityContext", {}, "dagsterWebserver: keeps capabilities"),
        ("dagsterWebserver.resources", {}, "dagsterWebserver: no limit of resources"),
        ("dagster-user-deployments.deployments.0.env.A_TOKEN", "x", "A_TOKEN is in clear text"),
        ("postgresql.enabled", True, "postgresql: the chart's own"),
        ("postgresql.postgresqlPassword", "x", "postgresql: the password is in clear text"),
        ("global.postgresqlSecretName", "", "postgresql: no secret is named"),
        ("postgresql.postgresqlParams", {}, "postgresql: anybody may answer"),
        ("postgresql.postgresqlScheme", "", "postgresql: another driver"),
        (
            "dagsterDaemon.runCoordinator.config.queuedRunCoordinator.maxConcurrentRuns",
            5,
            "two runs would write",
        ),
        ("dagsterWebserver.service.type", "LoadBalancer", "reached without a login"),
        ("ingress.enabled", True, "reached without a login"),
        ("telemetry.enabled", True, "telemetry: tells others"),
    ],
)
def test_broken_values_are_noticed(
    values: dict[str, Any], path: str, value: Any, complaint: str
) -> None:
    place: Any = values
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    place[last] = value
    assert any(complaint in text for text in complaints(values))


def test_nothing_reaches_the_code_location_but_dagster() -> None:
    documents = list(yaml.safe_load_all((HELM / "network-policies.yaml").read_text()))
    policies = {d["metadata"]["name"]: d["spec"] for d in documents if d["kind"] == "NetworkPolicy"}
    assert policies["inventory-nothing-comes-in"] == {"podSelector": {}, "policyTypes": ["Ingress"]}
    (rule,) = policies["inventory-code"]["ingress"]
    (peer,) = rule["from"]
    (expression,) = peer["podSelector"]["matchExpressions"]
    assert set(expression["values"]) == {"dagster-webserver", "dagster-daemon"}
    assert "namespaceSelector" not in peer


def test_every_volume_that_is_mounted_is_declared_and_the_claim_is_there(
    values: dict[str, Any],
) -> None:
    documents = list(yaml.safe_load_all((HELM / "network-policies.yaml").read_text()))
    claims = {d["metadata"]["name"] for d in documents if d["kind"] == "PersistentVolumeClaim"}
    parts = [values["dagsterWebserver"], values["dagsterDaemon"]]
    for part in [*parts, *values["dagster-user-deployments"]["deployments"]]:
        declared = {volume["name"] for volume in part["volumes"]}
        assert {mount["name"] for mount in part["volumeMounts"]} == declared
        named = {
            v["persistentVolumeClaim"]["claimName"]
            for v in part["volumes"]
            if "persistentVolumeClaim" in v
        }
        assert named <= claims
