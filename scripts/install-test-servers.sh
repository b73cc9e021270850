#!/usr/bin/env bash
# Installs the Debian packages the tests use beside Python: a browser, a MariaDB server, nginx and
# the Mosquitto broker, which the sandbox's sensors use too.
# Needs root; a test whose program is missing on a laptop skips and names this script.
set -euo pipefail
missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
command -v mosquitto >/dev/null || [ -x /usr/sbin/mosquitto ] || missing+=(mosquitto)
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
[ ${#missing[@]} -eq 0 ] && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
