#!/bin/sh
# Starts Open vSwitch in user space, and makes a bridge: the kernel may have no module for it.
set -eu
bridge=$1
mkdir -p /run/openvswitch /etc/openvswitch
database=/etc/openvswitch/conf.db
if ! ovs-vsctl --timeout=2 show >/dev/null 2>&1; then
    [ -f "$database" ] || ovsdb-tool create "$database" /usr/share/openvswitch/vswitch.ovsschema
    ovsdb-server "$database" --remote=punix:/run/openvswitch/db.sock --pidfile --detach
    ovs-vsctl --no-wait init
    ovs-vswitchd --pidfile --detach --log-file=/var/log/libvirt/ovs.log
fi
ovs-vsctl --timeout=20 --may-exist add-br "$bridge" -- set bridge "$bridge" datapath_type=netdev
ip link set "$bridge" up
