#!/usr/bin/env bash
# Makes sure a Chromium is here for the browser tests. Usage: install_chromium.sh PYTHON
set -eu
find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
if [ -n "${CHROMIUM:-}" ] || find_chromium >/dev/null; then exit 0; fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "Installing Chromium for the browser tests …"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium; } >/dev/null && exit 0
fi
"$1" -m playwright install chromium >/dev/null && exit 0
echo "The browser tests need Chromium: install it, or set CHROMIUM to its path." >&2
exit 2
