"""What is kept of what happens, and who is told: one workspace, diagnostic settings, alerts."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_azure_native import monitor, operationalinsights

from stack.settings import Settings


def build_workspace(settings: Settings, group: pulumi.Input[str]) -> operationalinsights.Workspace:
    """Where logs are kept for ninety days."""
    return operationalinsights.Workspace(
        "logs",
        resource_group_name=group,
        workspace_name=settings.name("logs"),
        location=settings.location,
        tags=settings.tags,
        sku={"name": "PerGB2018"},
        retention_in_days=90,
    )


def watch(
    workspace: operationalinsights.Workspace, resources: Mapping[str, pulumi.Input[str]]
) -> None:
    """Keep the logs and metrics of resources.

    Args:
        workspace: Where to.
        resources: Name → resource id.
    """
    for name, resource in resources.items():
        monitor.DiagnosticSetting(
            f"{name}-logs",
            name="inventory",
            resource_uri=resource,
            workspace_id=workspace.id,
            logs=[{"category_group": "allLogs", "enabled": True}],
            metrics=[{"category": "AllMetrics", "enabled": True}],
        )


def build_alerts(
    settings: Settings,
    group: pulumi.Input[str],
    postgres: pulumi.Input[str],
    lake: pulumi.Input[str],
    apps: Mapping[str, pulumi.Input[str]],
) -> None:
    """Tell people of a full database, an unreachable lake and apps that start again and again."""
    people = monitor.ActionGroup(
        "people",
        resource_group_name=group,
        action_group_name=settings.name("people"),
        group_short_name="inventory",
        location="global",
        tags=settings.tags,
        enabled=True,
        email_receivers=[
            {
                "name": "owner",
                "email_address": settings.alert_email,
                "use_common_alert_schema": True,
            }
        ],
    )

    def alert(
        name: str,
        scope: pulumi.Input[str],
        metric: str,
        operator: str,
        threshold: float,
        aggregation: str,
    ) -> None:
        monitor.MetricAlert(
            name,
            resource_group_name=group,
            rule_name=settings.name(name),
            location="global",
            tags=settings.tags,
            enabled=True,
            severity=1,
            scopes=[scope],
            evaluation_frequency="PT5M",
            window_size="PT15M",
            auto_mitigate=True,
            criteria={
                "odata_type": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
                "all_of": [
                    {
                        "criterion_type": "StaticThresholdCriterion",
                        "name": name,
                        "metric_name": metric,
                        "operator": operator,
                        "threshold": threshold,
                        "time_aggregation": aggregation,
                    }
                ],
            },
            actions=[{"action_group_id": people.id}],
        )

    alert("postgres-full", postgres, "storage_percent", "GreaterThan", 80, "Average")
    alert("lake-away", lake, "Availability", "LessThan", 99, "Average")
    for name, scope in apps.items():
        alert(f"{name}-restarts", scope, "RestartCount", "GreaterThan", 3, "Total")
