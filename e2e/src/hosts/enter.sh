#!/bin/sh
# Run in namespaces of its own: makes ROOT the whole file system, with a /dev of its own, and goes on
# as PID 1 of the host. No device of the machine but the network tunnel and FUSE can be reached from
# inside. SHARED is the same folder for all hosts, as a file server's would be.
set -eu
root=$1
shared=$2
cd "$root"
mkdir -p srv/shared
mount --bind "$shared" srv/shared
mount -t proc -o nosuid,nodev,noexec proc proc
mount -t sysfs -o nosuid,nodev,noexec sys sys
mount -t tmpfs -o mode=755 run run
mount -t tmpfs tmp tmp
mount -t tmpfs -o mode=755 dev dev
mkdir -p dev/pts dev/shm dev/net
mount -t tmpfs shm dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mknod -m 666 dev/null c 1 3
mknod -m 666 dev/zero c 1 5
mknod -m 666 dev/full c 1 7
mknod -m 666 dev/random c 1 8
mknod -m 666 dev/urandom c 1 9
mknod -m 666 dev/tty c 5 0
mknod -m 666 dev/net/tun c 10 200
mknod -m 666 dev/fuse c 10 229
if [ "${DROVER_LAB_KVM:-}" = 1 ]; then mknod -m 666 dev/kvm c 10 232; fi
pivot_root . mnt
exec chroot . /lab-init
