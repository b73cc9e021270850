"""The stack, recorded once for all tests."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from recorded import POSTGRES_SECRET, SUBSCRIPTION, Resource, record
from stack.platform import build
from stack.settings import Settings

REGISTRY = (
    f"{SUBSCRIPTION}/resourceGroups/shared/providers/Microsoft.ContainerRegistry/registries/r"
)
SETTINGS: dict[str, Any] = {
    "environment": "test",
    "location": "westeurope",
    "image": "example.azurecr.io/inventory-platform:0.1.0",
    "registry_id": REGISTRY,
    "owner": "data-team",
    "alert_email": "data@example.com",
    "tenant_id": "11111111-1111-1111-1111-111111111111",
    "client_id": "22222222-2222-2222-2222-222222222222",
    "operators_group": "operators",
    "viewers_group": "viewers",
    "postgres_password": POSTGRES_SECRET,
}


@pytest.fixture(scope="session")
def recorded() -> tuple[list[Resource], dict[str, Any]]:
    def program() -> None:
        secret = pulumi.Output.secret(POSTGRES_SECRET)
        build(Settings(**{**SETTINGS, "postgres_password": secret}))

    return record(program)


@pytest.fixture
def resources(recorded: tuple[list[Resource], dict[str, Any]]) -> list[Resource]:
    return recorded[0]
