#!/bin/bash
# PID 1 of a lab host. Bash reaps every child, also those it inherits.
umount -l /mnt
hostname "$(cat /etc/hostname)"
ip link set lo up
mkdir -p /run/lock /run/libvirt /var/log/libvirt/qemu
rm -f /run/libvirtd.pid
libvirtd -d -l
while :; do
    sleep 3600 &
    wait $!
done
