#!/bin/bash
# check-package.sh: builds the Debian package where nothing is installed, and installs it where nothing else is.
#
#   [SUITE=bookworm] [MIRROR=http://deb.debian.org/debian] test/package/check-package.sh      as root; ten minutes, 3 GB in $TMPDIR
#
# Two chroots of the suite, in namespaces of their own. In the first: dpkg-buildpackage (which runs the regression tests), lintian, and the
# package's own test. In the second, which has neither compiler nor headers: install, CREATE EXTENSION, an import, purge.
# The last line is "N passed, N failed".
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/environment.sh

suite=${SUITE:-bookworm} mirror=${MIRROR:-http://deb.debian.org/debian}
[ "$(id -u)" = 0 ] || die "root alone may make a chroot"
install_missing debootstrap
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0

# within ROOT: runs bash's standard input in that chroot; everything that it mounts and starts ends with it.
within() {
	# shellcheck disable=SC2016
	root=$work/$1 unshare --mount --pid --ipc --fork --kill-child bash -c '
		set -e
		mount --make-rprivate /
		mount --rbind /dev "$root/dev"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		mount -t proc proc "$root/proc"
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 chroot "$root" bash -euo pipefail -s'
}

# step NAME ROOT: as within, as a test of that name.
step() {
	local start=$SECONDS
	if within "$2" >"$work/log" 2>&1; then
		passed=$((passed + 1))
		say "ok   $1 ($((SECONDS - start)) s)"
	else
		failed=$((failed + 1))
		say "FAIL $1 ($((SECONDS - start)) s)"
		tail -60 "$work/log"
		finish
	fi
}

finish() {
	say "$passed passed, $failed failed"
	[ "$failed" = 0 ]
	exit
}

say "Debian $suite from $mirror"
debootstrap --variant=minbase "$suite" "$work/user" "$mirror" >"$work/log" 2>&1 || { tail -20 "$work/log"; die "debootstrap failed"; }
cp /etc/resolv.conf /etc/hosts "$work/user/etc/"
# Nothing here outlives a power cut anyway.
printf 'force-unsafe-io\n' >"$work/user/etc/dpkg/dpkg.cfg.d/unsafe"
printf 'APT::Install-Recommends "false";\n' >"$work/user/etc/apt/apt.conf.d/90lean"
cp -a "$work/user" "$work/build"
mkdir -p "$work/build/build/flitmig"
tar --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude='./flitmig--*.sql' --exclude=./results --exclude=./tmp_check -cf - . |
	tar -C "$work/build/build/flitmig" -xf -

step "its build dependencies install" build <<'IN'
apt-get -qq update
apt-get -qq install -y build-essential fakeroot lintian postgresql-common
cd /build/flitmig
apt-get -qq build-dep -y ./
# A package for each PostgreSQL of this Debian.
pg_buildext updatecontrol
chown -R nobody /build
IN

step "it builds, and passes the regression tests" build <<'IN'
cd /build/flitmig
runuser -u nobody -- env HOME=/build dpkg-buildpackage -us -uc
IN

step "lintian finds no error" build <<'IN'
cd /build
runuser -u nobody -- env HOME=/build lintian --fail-on error --info --no-tag-display-limit *.changes
IN

step "its own test passes with it installed" build <<'IN'
cd /build
apt-get -qq install -y ./postgresql-*-flitmig_*.deb
cd flitmig
runuser -u nobody -- env HOME=/build debian/tests/installcheck
IN

for package in "$work"/build/build/postgresql-*-flitmig_*.deb; do cp "$package" "$work/user/tmp/"; done
step "it installs with its PostgreSQL alone" user <<'IN'
apt-get -qq update
apt-get -qq install -y /tmp/postgresql-*-flitmig_*.deb
! command -v gcc
IN

step "the extension works" user <<'IN'
version=$(basename /usr/lib/postgresql/*)
pg_ctlcluster "$version" main start
trap 'pg_ctlcluster "$version" main stop' EXIT
mkdir /tmp/export
printf 'Patient ID,First Name,Last Name\nP1,Ada,Byron\nP2,Alan,Mathison\n' >/tmp/export/patients.csv
sql() { runuser -u postgres -- psql -XAtq -v ON_ERROR_STOP=1 -d "$@"; }
sql postgres -c "CREATE DATABASE clinic ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TEMPLATE template0"
sql clinic -c "CREATE EXTENSION flitmig"
sql clinic -c "CREATE SERVER crm FOREIGN DATA WRAPPER flitmig_twenty OPTIONS (url 'http://127.0.0.1:9')"
sql clinic -c "SELECT flitmig_create('clinic', 'crm', time_zone => 'UTC')"
[ "$(sql clinic -c "SELECT sum(rows) FROM flitmig_import('clinic', '/tmp/export')")" = 2 ]
# libphonenumber has come with it
[ "$(sql clinic -c "SELECT flitmig.to_phones('US', '(415) 555-2671') ->> 'primaryPhoneNumber'")" = 4155552671 ]
sql clinic -c "SELECT flitmig_drop('clinic')" -c "DROP EXTENSION flitmig CASCADE"
[ "$(sql clinic -c "SELECT count(*) FROM pg_namespace WHERE nspname ~ 'flitmig|clinic'")" = 0 ]
IN

step "a purge leaves nothing of it" user <<'IN'
rm -r /tmp/*flitmig* /tmp/export
apt-get -qq purge -y $(dpkg-query -W -f '${Package}\n' 'postgresql-*-flitmig')
[ -z "$(find / -xdev -path /proc -prune -o -name '*flitmig*' ! -path '/var/lib/apt/*' ! -path '/var/cache/*' -print)" ]
IN
finish
