#!/bin/sh
# Makes deploy/proxy's configuration fit containers: each program under its name instead of a
# port of this machine, ports that need no privilege, and the public address people use.
set -eu
from="${1:-/config/inventory.conf}"
to="${2:-/etc/nginx/conf.d/inventory.conf}"
case "$INVENTORY_PUBLIC_URL" in
  https://*) ;;
  *) echo "INVENTORY_PUBLIC_URL must begin with https://" >&2; exit 1 ;;
esac
address="${INVENTORY_PUBLIC_URL#https://}"
quoted="$(printf %s "$address" | sed 's/\./\\\\./g')"
sed \
  -e 's/server 127\.0\.0\.1:8080;/server portal:8080;/' \
  -e 's/server 127\.0\.0\.1:8501;/server dashboard:8501;/' \
  -e 's/server 127\.0\.0\.1:3000;/server operators:3000;/' \
  -e 's/server 127\.0\.0\.1:3001;/server viewers:3000;/' \
  -e "s/stock\\\\\.example\\\\\.com/$quoted/" \
  -e "s/stock\.example\.com/${address%%:*}/" \
  -e 's/listen 80;/listen 8080;/' \
  -e 's/listen 443 /listen 8443 /' \
  "$from" > "$to"
