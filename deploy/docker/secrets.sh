#!/usr/bin/env bash
# Writes the secrets of compose.yaml where they are missing, and keeps those that are there:
#   sudo deploy/docker/secrets.sh NAME [USER …]
# NAME is the host name people use; each USER may log in, with a password that is asked for.
# Files are readable by root and the group 10001, which every container that needs one is in.
set -euo pipefail
name="${1:?the host name people use}"
shift
umask 077
folder="$(cd "$(dirname "$0")" && pwd)/secrets"
folder="${INVENTORY_SECRETS_DIR:-$folder}"
mkdir -p "$folder"
cd "$folder"

missing() { [ ! -s "$1" ]; }
random() { openssl rand -hex 24; }

certificate() { # file's beginning
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
    -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
    -keyout "$1_key.pem" -out "$1_certificate.pem" 2>/dev/null
}

# Mosquitto's own form of a password: PBKDF2 with SHA-512.
broker_line() { # user, password
  openssl rand 12 > .salt
  hash="$(openssl kdf -binary -keylen 64 -kdfopt digest:SHA512 -kdfopt "pass:$2" \
    -kdfopt "hexsalt:$(od -An -v -tx1 .salt | tr -d ' \n')" -kdfopt iter:20000 PBKDF2 |
    openssl base64 -A)"
  printf '%s:$7$20000$%s$%s\n' "$1" "$(openssl base64 -A -in .salt)" "$hash"
  rm .salt
}

if missing postgres_password; then random | tr -d '\n' > postgres_password; fi
if missing broker_passwords; then
  random | tr -d '\n' > broker_password
  random | tr -d '\n' > broker_devices_password
  { broker_line platform "$(cat broker_password)"
    broker_line devices "$(cat broker_devices_password)"; } > broker_passwords
fi
# Signed by itself, to begin with: put your own in its place.
if missing proxy_certificate.pem; then certificate proxy; fi
if missing broker_certificate.pem; then certificate broker; fi
touch proxy_passwords
for user in "$@"; do
  # Taken from the terminal, or a line of the standard input; never from the command line.
  [ ! -t 0 ] || printf 'Password of %s: ' "$user" >&2
  IFS= read -rs password
  line="$user:$(printf %s "$password" | openssl passwd -apr1 -stdin)"
  { grep -v "^$user:" proxy_passwords || true; echo "$line"; } > .passwords
  mv .passwords proxy_passwords
done
if [ "$(id -u)" = 0 ]; then chown -R 0:10001 .; fi
chmod 0750 .
chmod 0440 -- *
