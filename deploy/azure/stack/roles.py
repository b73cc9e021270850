"""Who may do what: identities of the apps, and the few roles they get, each on one resource."""

from __future__ import annotations

import pulumi
from pulumi_azure_native import authorization, managedidentity

from stack.settings import Settings

# Azure's built-in roles by the ids that are the same everywhere.
ROLES = {
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "Key Vault Secrets User": "4633458b-17de-408a-b874-0445c86b69e6",
    "AcrPull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
}


def identity(settings: Settings, group: pulumi.Input[str], name: str) -> Identity:
    """An identity without any role."""
    return managedidentity.UserAssignedIdentity(
        f"identity-{name}",
        resource_group_name=group,
        resource_name_=settings.name(name),
        location=settings.location,
        tags=settings.tags,
    )


Identity = managedidentity.UserAssignedIdentity


def grant(name: str, who: Identity, role: str, scope: pulumi.Input[str]) -> None:
    """Give an identity a role on one resource.

    Args:
        name: Name of the assignment.
        who: The identity.
        role: A key of `ROLES`.
        scope: Id of the resource, never of a subscription or resource group.
    """
    subscription = pulumi.Output.from_input(scope).apply(lambda text: text.split("/")[2])
    authorization.RoleAssignment(
        name,
        principal_id=who.principal_id,
        principal_type="ServicePrincipal",
        role_definition_id=pulumi.Output.format(
            "/subscriptions/{0}/providers/Microsoft.Authorization/roleDefinitions/{1}",
            subscription,
            ROLES[role],
        ),
        scope=scope,
    )
