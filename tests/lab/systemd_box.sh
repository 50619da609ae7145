#!/bin/bash
# Boots the machine's own systemd on a throw-away overlay of its root, in namespaces of its own. The first argument is
# a scratch folder, the second a cgroup to live in, then come FOLDER:PATH_INSIDE pairs to show read-only. $kept is an
# archive of what is on its disk, empty where that is as on this machine.
set -euo pipefail
scratch=$1 group=$2
shift 2
mkdir "$group"
echo $$ >"$group/cgroup.procs"
export scratch
exec unshare --fork --pid --mount --uts --ipc --cgroup --net --kill-child bash -euo pipefail -c '
mount --make-rprivate /
ip link set lo up
mount -t tmpfs tmpfs "$scratch"
mkdir "$scratch"/{upper,work,root}
root=$scratch/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$scratch/upper,workdir=$scratch/work" "$root"
# A phone or a collector that is installed on this machine is not in the box.
find "$root"/{etc,opt,usr/local,var/lib} -name "*wecall*" -prune -exec rm -rf {} +
sed -i /^wecall/d "$root"/etc/{passwd,shadow,group,gshadow}
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
[ -z "$kept" ] || tar --numeric-owner -C "$root" -xpf "$kept"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
mkdir "$root"/dev/{pts,shm}
for node in null zero full random urandom tty; do touch "$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
ln -s /proc/self/fd "$root/dev/fd"
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for pair in "$@"; do
  mkdir -p "$root/${pair#*:}"
  mount --bind "${pair%%:*}" "$root/${pair#*:}"
  mount -o remount,bind,ro "$root/${pair#*:}"
done
cd "$root"
mkdir run/old
pivot_root . run/old
umount -l /run/old
mount --make-rshared /
exec env -i container=box PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --unit=basic.target
' bash "$@"
