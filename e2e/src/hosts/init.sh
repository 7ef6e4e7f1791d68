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
# Two more that do not forward to sockets: with all programs, and without libvirt's helper.
/usr/sbin/sshd -o Port=2222 -o AllowStreamLocalForwarding=no -o PidFile=none
mkdir -p /run/few-programs
for program in sh nc grep; do
    ln -sf "$(command -v $program)" /run/few-programs/$program
done
/usr/sbin/sshd -o Port=2223 -o AllowStreamLocalForwarding=no -o PidFile=none \
    -o SetEnv=PATH=/run/few-programs
ssh-agent -a /run/agent >/run/agent.env
SSH_AUTH_SOCK=/run/agent ssh-add -q /root/.ssh/lab
# It starts polkit when libvirt asks for it; the user "drover" may manage libvirt, others may not.
mkdir -p /run/dbus
dbus-daemon --system --fork
id -u drover >/dev/null 2>&1 || useradd --system drover
# As a distribution's service manager would: one that has died is started again, but for one that is
# to stay down.
while :; do
    if [ -e /run/libvirtd.down ]; then
        sleep 0.1
        continue
    fi
    libvirtd -l </dev/null &
    wait $!
    echo "libvirtd has ended with $?"
done
