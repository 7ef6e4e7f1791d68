#!/bin/bash
# PID 1 of a lab host. Bash reaps every child, also those it inherits.
umount -l /mnt
hostname "$(cat /etc/hostname)"
ip link set lo up
mkdir -p /run/lock /run/libvirt /var/log/libvirt/qemu
rm -f /run/libvirtd.pid
# Who may come in: root by a key of its own, "drover" by a password.
mkdir -p /run/sshd /root/.ssh
ssh-keygen -A
if [ ! -f /root/.ssh/lab ]; then
    ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/lab
    cp /root/.ssh/lab.pub /root/.ssh/authorized_keys
fi
[ -f /etc/libvirt/passwd.db ] ||
    echo lab-password | saslpasswd2 -p -c -a libvirt -f /etc/libvirt/passwd.db -u "$(hostname)" drover
/usr/sbin/sshd
libvirtd -d -l
while :; do
    sleep 3600 &
    wait $!
done
