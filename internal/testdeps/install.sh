#!/bin/sh
# Installs what the tests run beside eipd: a RabbitMQ server and clients of other
# makers. Does nothing where all is there. Needs Debian (or its like) and root.
set -eu

packages='rabbitmq-server python3-pika ruby-bunny amqp-tools'

missing=
for p in $packages; do
	case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true) in
	*' ok installed') ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

fail() {
	echo "cannot install$missing: $1; tests that need them are skipped, or fail where CI=true" >&2
	[ "${CI:-}" != true ] || exit 1
	exit 0
}
command -v apt-get >/dev/null || fail 'there is no apt-get'
[ "$(id -u)" = 0 ] || fail 'this is not root'

# The tests start nodes of their own; the system's service stays off. Debian asks
# this file before it starts one.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap 'rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends $missing >&2; }
install || { apt-get update -q >&2 && install; } || fail 'apt-get failed'
