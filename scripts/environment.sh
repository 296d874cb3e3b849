# shellcheck shell=bash
# environment.sh: what check.sh and demo.sh share. Source it.
#
# It installs Debian packages that are missing, makes a workshop (a temporary
# directory with a copy of this checkout and a private copy of PostgreSQL, so
# that nothing of the machine's own PostgreSQL is touched), and starts and
# stops clusters and stand-in servers in it. Everything it starts is stopped
# by its process id when the script ends.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# ---- packages ----

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# postgres_major: the version of $PG_CONFIG, else the newest installed one that
# can build extensions, else the newest one that Debian carries.
postgres_major() {
	local home newest=
	if [ -n "${PG_CONFIG:-}" ]; then
		"$PG_CONFIG" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
		return
	fi
	for home in /usr/lib/postgresql/*; do
		[ -x "$home/bin/postgres" ] && [ -e "$home/lib/pgxs/src/makefiles/pgxs.mk" ] && newest+="${home##*/}"$'\n'
	done
	[ -n "$newest" ] || newest=$(apt-cache pkgnames postgresql-server-dev- | sed -nE 's/^postgresql-server-dev-([0-9]+)$/\1/p')
	[ -n "$newest" ] || return 1
	sort -n <<<"$newest" | tail -1
}

packages_wanted() {
	local major=$1
	printf '%s\n' make g++ pkg-config \
		libcurl4-openssl-dev libarchive-dev libuchardet-dev libxml2-dev libphonenumber-dev \
		nodejs node-graphql curl perl libipc-run-perl
	# The headers of PostgreSQL 13 include OpenSSL's.
	[ "$major" -gt 13 ] || printf '%s\n' libssl-dev
	# A PostgreSQL of one's own (PG_CONFIG) brings its own server.
	[ -n "${PG_CONFIG:-}" ] || printf '%s\n' "postgresql-$major" "postgresql-server-dev-$major" "postgresql-$major-pgtap"
}

packages_missing() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || printf '%s\n' "$package"
	done
}

# apt_ready WHY: dies where packages cannot be installed, naming what somebody else must do; else asks for the newest lists.
apt_ready() {
	command -v apt-get >/dev/null || die "this needs Debian (apt-get)"
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "not root, and there is no sudo: as root, run: $1"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update || say "The package lists are not new: going on with those that are here."
}

# install_missing PACKAGE…: those that are not installed. Asks apt only when there is one.
install_missing() {
	local missing=() unsafe=() log
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "Installing ${missing[*]}"
	apt_ready "apt-get install --no-install-recommends ${missing[*]}"
	# Debian 11 has none: what needs the stand-in Twenty is skipped there.
	apt-cache show node-graphql >/dev/null 2>&1 || mapfile -t missing < <(printf '%s\n' "${missing[@]}" | grep -vx node-graphql)
	[ ${#missing[@]} -gt 0 ] || return 0
	# Where there is no init (a container, a chroot) nothing outlives a power cut anyway: dpkg need not flush each file.
	[ -d /run/systemd/system ] || unsafe=(-o DPkg::Options::=--force-unsafe-io)
	log=$(mktemp)
	# Runlevel 1: the package's own cluster is not started where there is no init to own it.
	as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq install --yes --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "${unsafe[@]}" "${missing[@]}" >"$log" 2>&1 ||
		{ tail -30 "$log"; rm -f "$log"; die "apt-get could not install ${missing[*]}"; }
	rm -f "$log"
}

# install_packages [PACKAGE…]: what building and testing need, and these; sets $major.
# shellcheck disable=SC2120
install_packages() {
	local wanted
	command -v dpkg-query >/dev/null || die "this needs Debian (dpkg and apt-get)"
	if ! major=$(postgres_major); then
		apt_ready "apt-get update, then this again: it will name the packages"
		major=$(postgres_major) || die "no PostgreSQL server with its headers is installed, and apt-get knows no postgresql-server-dev package: is the package mirror reachable?"
	fi
	mapfile -t wanted < <(packages_wanted "$major")
	install_missing "${wanted[@]}" "$@"
}

# ---- the workshop ----

# PostgreSQL refuses to run as root, so root works as the user "postgres", which the package made.
worker_user() {
	if [ "$(id -u)" != 0 ]; then id -un
	elif id postgres >/dev/null 2>&1; then echo postgres
	else echo nobody
	fi
}

# workshop_parent: where to make it. Neither make nor a socket's name (107 bytes) takes every directory that TMPDIR may name.
workshop_parent() {
	local parent=${TMPDIR:-/tmp}
	case $parent in
	*[!A-Za-z0-9/._+-]*) say "TMPDIR has characters that make does not take: /tmp is used instead." >&2; parent=/tmp ;;
	esac
	[ ${#parent} -le 48 ] || { say "TMPDIR is too long for the name of a socket: /tmp is used instead." >&2; parent=/tmp; }
	printf '%s\n' "$parent"
}

# make_workshop: sets $workshop and $PG_CONFIG. Leaves in it:
#   repository/   a copy of this checkout without what make left
#   shared        what stands beside this checkout, if anything does
#   postgres/     a private copy of PostgreSQL, into which make install goes
make_workshop() {
	local home share
	workshop=$(mktemp -d "$(workshop_parent)/flitmig.XXXXXX") || die "no temporary directory can be made; TMPDIR may name another place"
	mkdir "$workshop/repository" "$workshop/tmp"
	tar -C "$repository" --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' --exclude='./flitmig--*.sql' \
		--exclude=./results --exclude=./tmp_check -cf - . | tar -C "$workshop/repository" -xf -
	[ ! -d "$repository/../shared" ] || ln -s "$(cd "$repository/../shared" && pwd)" "$workshop/shared"

	if [ -z "${PG_CONFIG:-}" ]; then
		# PostgreSQL finds its files from where its program lies, so a copy of its two directories is a whole installation.
		home=/usr/lib/postgresql/$major share=/usr/share/postgresql/$major
		mkdir -p "$workshop/postgres${home%/*}" "$workshop/postgres${share%/*}" "$workshop/postgres/usr/include"
		cp -a "$home" "$workshop/postgres$home"
		cp -aL "$share" "$workshop/postgres$share"
		ln -s /usr/include/postgresql "$workshop/postgres/usr/include/postgresql"
		PG_CONFIG=$workshop/postgres$home/bin/pg_config
		# Debian's pg_config of PostgreSQL 13 alone does not look where it lies.
		if [ "$("$PG_CONFIG" --bindir)" = "$home/bin" ]; then
			printf '#!/bin/sh\n%s/bin/pg_config "$@" | sed "s#%s#%s/postgres&#g; s#%s#%s/postgres&#g"\n' \
				"$home" "$home" "$workshop" "$share" "$workshop" >"$PG_CONFIG"
		fi
	fi
	chmod 755 "$workshop"
	[ "$(id -u)" != 0 ] || chown -R -h "$(worker_user)" "$workshop"
	printf '#!/bin/sh\n' >"$workshop/may-run" && chmod 755 "$workshop/may-run"
	(in_workshop "$workshop/may-run") 2>/dev/null || die "${workshop%/*} is mounted noexec, or $(worker_user) may not enter it: TMPDIR may name another place"
}

# in_workshop COMMAND…: runs it as the unprivileged user, in the copy of the checkout, with a small environment.
in_workshop() {
	local variable run=(env -i "PATH=$(dirname "$PG_CONFIG"):/usr/local/bin:/usr/bin:/bin" "HOME=$workshop" "TMPDIR=$workshop/tmp" LANG=C.UTF-8
		"PG_CONFIG=$PG_CONFIG" "PGHOST=$workshop/tmp" PGUSER=postgres "PGDATABASE=postgres" "workshop=$workshop")
	# What the tests may be told from outside.
	for variable in "${!FLITMIG_@}" "${!TWENTY_@}" FOREIGN TEST_TIMEOUT; do
		[ -z "${!variable:-}" ] || run+=("$variable=${!variable}")
	done
	run+=("$@")
	cd "$workshop/repository" || return
	if [ "$(id -u)" = 0 ]; then runuser -u "$(worker_user)" -- "${run[@]}"; else "${run[@]}"; fi
}

remove_workshop() {
	cd /
	[ -z "${workshop:-}" ] || rm -rf "$workshop"
}

# ---- servers, each stopped by its process id (used inside the workshop) ----

started=()

stop_servers() {
	local pid
	for pid in "${started[@]}"; do
		kill -INT "$pid" 2>/dev/null || continue
		for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
		kill -KILL "$pid" 2>/dev/null || true
	done
	started=()
}

# start_cluster NAME [TOOL…]: a throw-away cluster on a socket in $PGHOST, if so run by a tool such as valgrind; sets PGPORT.
start_cluster() {
	local data=$workshop/tmp/$1 bin
	shift
	bin=$(dirname "$PG_CONFIG")
	PGPORT=$((20000 + RANDOM % 20000))
	export PGPORT
	"$bin/initdb" -D "$data" -U "$PGUSER" -A trust -E UTF8 --locale=C.UTF-8 --no-sync >"$data.initdb" 2>&1 ||
		{ cat "$data.initdb"; die "initdb failed"; }
	# The socket alone, so the port number only names it.
	cat >>"$data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$PGHOST'
		max_worker_processes = 16
		fsync = off
		log_line_prefix = '%m [%p] %b '
	CONF
	"$@" "$bin/postgres" -D "$data" -p "$PGPORT" >"$data.log" 2>&1 &
	started+=($!)
	for _ in $(seq 300); do
		"$bin/pg_isready" -q && return
		kill -0 "${started[-1]}" 2>/dev/null || break
		sleep 0.1
	done
	tail -20 "$data.log"
	die "the throw-away cluster did not start"
}

# start_twenty NAME OPTION…: a stand-in Twenty; sets twenty_url, twenty_key.
start_twenty() {
	local log=$workshop/tmp/$1.log
	shift
	node test/twenty/server.js --port 0 "$@" >"$log" 2>"$log.err" &
	started+=($!)
	for _ in $(seq 300); do
		if read -r _ twenty_url twenty_key < <(grep -m1 '^ready ' "$log"); then
			export twenty_url twenty_key
			return
		fi
		kill -0 "${started[-1]}" 2>/dev/null || break
		sleep 0.1
	done
	cat "$log" "$log.err"
	die "the stand-in Twenty did not start"
}
