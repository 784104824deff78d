#!/bin/sh
# Installs what the tests run beside eipd: a RabbitMQ server and clients of other
# makers. Does nothing where all is there. Needs Debian (or its like) and root.
set -eu

packages='rabbitmq-server activemq default-jre-headless python3-pika ruby-bunny ruby-stomp nodejs amqp-tools curl openssl graphviz'

find_missing() {
	missing=
	for p in $packages; do
		case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true) in
		*' ok installed') ;;
		*) missing="$missing $p" ;;
		esac
	done
}

fail() {
	echo "cannot install$missing: $1; install them, or tests that need them are skipped, and fail where CI=true" >&2
	[ "${CI:-}" != true ] || exit 1
	exit 0
}

find_missing
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || fail 'there is no apt-get'
[ "$(id -u)" = 0 ] || fail 'this is not root'

# One at a time; whoever waited may find all done.
exec 9>/run/lock/eipd-testdeps
flock 9
find_missing
[ -n "$missing" ] || exit 0
echo "installing what tests need:$missing" >&2

# The tests start nodes of their own; the system's service stays off. Debian asks
# policy-rc.d before it starts one: 101 means no.
policy=/usr/sbin/policy-rc.d
allowed=0
[ ! -x $policy ] || $policy rabbitmq-server start >/dev/null 2>&1 || allowed=$?
if [ "$allowed" != 101 ]; then
	[ ! -e $policy ] || mv $policy $policy.eipd
	trap 'rm -f $policy; [ ! -e $policy.eipd ] || mv $policy.eipd $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
fi

export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $missing >&2; }
install || { apt-get update -q >&2 && install; } || fail 'apt-get failed'

# It was not there before, so nobody wants it to start with the machine.
case $missing in
*rabbitmq-server*) ! command -v systemctl >/dev/null || systemctl --quiet disable rabbitmq-server >&2 || true ;;
esac
