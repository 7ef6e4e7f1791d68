#!/bin/busybox sh
# PID 1 of the lab's guest: says on the serial console that it is up, takes an address, and powers
# off when the ACPI button is pressed.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
while read -r module; do insmod "/modules/$module"; done </modules/order

say() { echo "drover-guest: $*" >/dev/ttyS0; }

memory=$(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
say "up after $(cut -d' ' -f1 /proc/uptime) s: $(nproc) cpu, $memory MiB, kernel $(uname -r)"

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

# For `virsh console`.
while :; do
    setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'
    sleep 1
done
