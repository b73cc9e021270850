#!/usr/bin/env bash
# Installs what the tests use beside Python: from Debian a browser, a MariaDB server, nginx and the
# Mosquitto broker, which the sandbox's sensors use too; from npm Azurite, Azure's storage emulator.
# Needs root; a test whose program is missing on a laptop skips and names this script.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || missing+=(mosquitto)
compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || missing+=(postgresql)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

wanted="$(cd "$(dirname "$0")/../tests/azurite" && pwd)"
installed="${XDG_CACHE_HOME:-$HOME/.cache}/inventory-test-servers/azurite"
if ! cmp -s "$wanted/package-lock.json" "$installed/package-lock.json" ||
  [ ! -x "$installed/node_modules/.bin/azurite-blob" ]; then
  mkdir -p "$installed"
  cp "$wanted/package.json" "$wanted/package-lock.json" "$installed"
  npm ci --prefix "$installed" --ignore-scripts --no-audit --no-fund --silent >/dev/null
fi
