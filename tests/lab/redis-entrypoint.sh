#!/bin/sh
# Does what the official image's entrypoint does: options alone, or a configuration file, mean redis-server, and it drops
# from root to the image's user, whose data it then is. The official build has protected mode off.
set -e
if [ "${1#-}" != "$1" ] || [ "${1%.conf}" != "$1" ]; then
    set -- redis-server "$@"
fi
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . ! -user 999 -exec chown 999 '{}' +
    # By its path: busybox's shell would take its own of the name, which cannot do this.
    exec /bin/setpriv --reuid=999 --regid=1000 --clear-groups -- "$0" "$@"
fi
if [ "$1" = redis-server ]; then
    set -- "$@" --protected-mode no
fi
umask 0077
exec "$@"
