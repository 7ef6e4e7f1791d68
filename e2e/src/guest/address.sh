#!/bin/busybox sh
# What udhcpc calls with each lease.
case $1 in
bound | renew)
    ip addr flush dev "$interface"
    ip addr add "$ip/${mask:-24}" dev "$interface"
    [ -n "$router" ] && ip route replace default via "${router%% *}"
    echo "${dns%% *}" >/dns
    [ "$1" = bound ] && echo "drover-guest: $interface has $ip" >/dev/ttyS0
    ;;
esac
exit 0
