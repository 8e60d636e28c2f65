#!/usr/bin/env bash
# Makes sure PostgreSQL's programs are here for the tests of the run store.
set -eu
if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then exit 0; fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing PostgreSQL for the tests of the run store …"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql; } >/dev/null && exit 0
fi
echo "The tests of the run store need PostgreSQL: install it, with initdb and pg_ctl on the PATH." >&2
exit 2
