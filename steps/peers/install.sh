#!/bin/sh
# Installs the third-party SIP programs that `make interop` needs, on Debian 12 or Ubuntu.
set -eu
packages="linphone-cli linphone-common sip-tester"
missing=
for p in $packages; do
	dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -q
# shellcheck disable=SC2086 # a list of words
$sudo apt-get install -q -y --no-install-recommends $missing
