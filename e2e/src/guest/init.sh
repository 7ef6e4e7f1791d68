#!/bin/busybox sh
# PID 1 of the lab's guest: says on the serial console that it is up and what it was given, takes an
# address, looks for the machines that it is asked to reach, and powers off when the ACPI button is
# pressed.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
while read -r module; do insmod "/modules/$module"; done </modules/order

say() { echo "drover-guest: $*" >/dev/ttyS0; }

memory=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
say "up after $(cut -d' ' -f1 /proc/uptime) s: $(nproc) cpu, $memory MiB, kernel $(uname -r)"

# What it was given for its first start: every line of every file, as cloud-init, Ignition and Windows'
# setup would look for it.
tell() { while read -r line || [ -n "$line" ]; do say "given $1: $line"; done <"$2"; }
mkdir /given
for label in cidata config-2 UNATTEND; do
    device=$(findfs "LABEL=$label" 2>/dev/null) || continue
    mount -o ro "$device" /given || continue
    say "given $label on $device"
    find /given -type f | while read -r file; do tell "${file#/given/}" "$file"; done
    [ -e /given/user-data ] && sed -n 's/^#reach: //p' /given/user-data >/reach
    umount /given
done
config=/sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw
[ -e $config ] && tell ignition $config
say "given all"

for event in /dev/input/event*; do
    (head -c1 "$event" >/dev/null && say "power button" && poweroff -f) &
done

ip link set lo up
for path in /sys/class/net/eth*; do
    nic=${path##*/}
    [ -e "$path" ] || continue
    ip link set "$nic" up
    udhcpc -i "$nic" -s /address.sh -t 10 -b >/dev/null 2>&1 &
done

# By the name server that came with the address. libc's own resolver is not in a static busybox.
address_of() {
    nslookup "$1" "$(cat /dns)" 2>/dev/null | awk '/^Name:/ { found = 1 }
        found && match($0, /[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+/) { print substr($0, RSTART, RLENGTH); exit }'
}
reach() {
    until [ -e /dns ] && address=$(address_of "$1") && ping -c 1 -W 1 "$address" >/dev/null; do
        sleep 1
    done
    say "reached $1 at $address"
}
for name in $(cat /reach 2>/dev/null); do reach "$name" & done

# For `virsh console`.
while :; do
    setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'
    sleep 1
done
