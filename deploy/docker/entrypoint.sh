#!/bin/sh
# Dagster reads the password of its storage from the environment only; a secret comes as a file.
set -eu
if [ -n "${DAGSTER_PG_PASSWORD_FILE:-}" ]; then
  DAGSTER_PG_PASSWORD="$(cat "$DAGSTER_PG_PASSWORD_FILE")"
  export DAGSTER_PG_PASSWORD
fi
exec "$@"
