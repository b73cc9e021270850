"""The resources a program would create, recorded with Pulumi's mocks: no account, no command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.runtime import test as run_program

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/inventory"


@dataclass(frozen=True)
class Resource:
    """One resource: its type without the provider, its name, and what is asked for it."""

    kind: str
    name: str
    inputs: dict[str, Any]


class Recorder(pulumi.runtime.Mocks):
    """Answers in Azure's place, and keeps what was asked for."""

    def __init__(self) -> None:
        self.resources: list[Resource] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.removeprefix("azure-native:")
        if args.custom:
            self.resources.append(Resource(kind, args.name, args.inputs))
        told = {
            **args.inputs,
            "name": args.inputs.get("name", args.name),
            "principalId": f"principal-{args.name}",
            "clientId": f"client-{args.name}",
            "customerId": "workspace",
            "fullyQualifiedDomainName": f"{args.name}.example",
        }
        if "identity" in args.inputs:
            # Azure tells them in another shape than it is asked for them.
            asked = args.inputs["identity"]
            given = {identity: {} for identity in asked["userAssignedIdentities"]}
            told["identity"] = {**asked, "userAssignedIdentities": given}
        if kind == "keyvault:Secret":
            uri = f"https://vault.example/secrets/{args.name}"
            told["properties"] = {"secretUri": uri, "secretUriWithVersion": f"{uri}/1"}
        return f"{GROUP}/providers/{kind.replace(':', '/')}/{args.name}", told

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        if args.token.endswith(":listEventHubKeys"):
            return {"primaryConnectionString": EVENTS_SECRET}
        if args.token.endswith(":getSharedKeys"):
            return {"primarySharedKey": LOGS_SECRET}
        raise AssertionError(args.token)


EVENTS_SECRET = "canary-events"
LOGS_SECRET = "canary-logs"
POSTGRES_SECRET = "canary-postgres"


def record(program: Callable[[], None]) -> tuple[list[Resource], dict[str, Any]]:
    """Run a program: what it would create, and what it tells."""
    recorder = Recorder()
    pulumi.runtime.set_mocks(recorder, project="inventory", stack="test", preview=False)
    exported: dict[str, Any] = {}
    outputs: list[pulumi.Output[None]] = []
    usual = pulumi.export

    def export(name: str, value: Any) -> None:
        output = pulumi.Output.from_input(value)
        both = pulumi.Output.all(output, pulumi.Output.from_input(output.is_secret()))
        outputs.append(both.apply(lambda told: exported.update({name: tuple(told)})))

    pulumi.export = export
    try:

        @run_program
        def run() -> pulumi.Output[Any]:
            program()
            return pulumi.Output.all(*outputs)

        run()
    finally:
        pulumi.export = usual
    return recorder.resources, exported
