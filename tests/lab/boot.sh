# shellcheck shell=sh
# Starts a host's container: boot.sh <record> <cgroup>... -- <command>...
#
# The process records itself and enters its cgroups before it becomes the container, so that there is no moment in
# which a run that dies would leave something that nobody can find. What it records is what process.rs reads.
set -eu
echo "$$-$(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)" >"$1"
shift
while [ "$1" != -- ]; do
    echo $$ >"$1/cgroup.procs"
    shift
done
shift
exec "$@"
