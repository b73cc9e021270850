"""Azure resources of the platform, one module for each concern; docs/deploy.md tells the rest."""
