#!/usr/bin/env bash
# A restore drill: backs up the platform's data, brings it back into an empty folder, and holds
# both against each other, row by row. Needs a platform that has run (`make run`). The data
# itself is only read; everything else lies in a folder that is removed afterwards.
set -euo pipefail
cd "$(dirname "$0")/.."

inventory=$PWD/.venv/bin/inventory
work=$(mktemp -d "${TMPDIR:-/tmp}/restore-drill.XXXXXX")
trap 'rm -rf "$work"' EXIT
live=${INVENTORY_DATA_DIR:-$PWD/.data}
unset DAGSTER_HOME
export INVENTORY_BACKUP_ADDRESS=$work/backups
export INVENTORY_BACKUP_KEY_FILE=$work/key

step() {
  local name=$1 began=$SECONDS
  shift
  echo "── $name"
  if ! "$@"; then
    echo "The restore drill failed: $name" >&2
    exit 1
  fi
  echo "   $((SECONDS - began)) s"
}

# Every relation of some schemas: its name, its rows, and a sum over the content of all of them.
fingerprints() {
  local data=$1 schemas=$2 statement
  statement=$(INVENTORY_DATA_DIR=$data "$inventory" query --format csv "
    with relations as (
      select schema_name || '.' || view_name as name from duckdb_views()
      where schema_name in ($schemas)
    )
    select string_agg(
      format('select ''{0}'' as relation, count(*) as row_count, sum(hash(t)) as content '
        'from {0} t', name),
      ' union all ' order by name
    ) as statement from relations" | tail -n +2 | tr -d '"')
  INVENTORY_DATA_DIR=$data "$inventory" query --format csv "$statement order by relation"
}

same() {
  if ! diff "$1" "$2"; then
    echo "The restore drill failed: $3" >&2
    exit 1
  fi
  echo "   $(($(wc -l < "$1") - 1)) relations are equal"
}

"$inventory" backup-key "$INVENTORY_BACKUP_KEY_FILE" > /dev/null
step "backup" env INVENTORY_DATA_DIR="$live" "$inventory" backup
step "verify the backup" env INVENTORY_DATA_DIR="$live" "$inventory" verify --backup "$INVENTORY_BACKUP_ADDRESS"
step "restore into an empty folder" env INVENTORY_DATA_DIR="$work/data" "$inventory" restore
step "verify what was restored" env INVENTORY_DATA_DIR="$work/data" "$inventory" verify

everything="'raw', 'ops', 'marts'"
fingerprints "$live" "$everything" > "$work/live"
fingerprints "$work/data" "$everything" > "$work/restored"
same "$work/live" "$work/restored" "what was restored is not what was backed up."

# Forecasts are made anew, so of rebuilt marts it is the rows that are compared.
step "rebuild warehouse and marts" env INVENTORY_DATA_DIR="$work/data" "$inventory" rebuild
fingerprints "$live" "'marts'" | cut -d, -f1,2 > "$work/live"
fingerprints "$work/data" "'marts'" | cut -d, -f1,2 > "$work/rebuilt"
same "$work/live" "$work/rebuilt" "rebuilt marts have other rows."
echo "The restore drill went well: $SECONDS s."
