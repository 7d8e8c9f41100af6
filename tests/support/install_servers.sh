#!/bin/sh
# Installs what the integration tests start: PostgreSQL and Redis, on Debian and its kin.
set -eu

find_postgres() { command -v postgres || ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null; }

missing=""
find_postgres >/dev/null || missing="postgresql"
command -v redis-server >/dev/null || missing="$missing redis-server"
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Install by hand, for the integration tests: $missing" >&2
    exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo"
$sudo apt-get update -qq
# The tests start servers of their own; the distribution's must not run beside them.
$sudo env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends $missing
