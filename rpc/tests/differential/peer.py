"""Evaluates what it is told with libvirt-python: one line in, one line of JSON out.

The arguments name connections, each as DRIVER=URI. A line is a driver, a tab, and an expression. In it,
`c` is the connection; other names are objects that the test has made, looked up when they are used.
"""

import json
import sys

import libvirt

OBJECTS = {
    "virDomain": lambda o: ["domain", o.name(), o.UUIDString(), o.ID()],
    "virNetwork": lambda o: ["network", o.name(), o.UUIDString()],
    "virStoragePool": lambda o: ["pool", o.name(), o.UUIDString()],
    "virStorageVol": lambda o: ["volume", o.name(), o.key()],
    "virInterface": lambda o: ["interface", o.name(), o.MACString()],
    "virNodeDevice": lambda o: ["device", o.name()],
    "virNWFilter": lambda o: ["filter", o.name(), o.UUIDString()],
    "virNWFilterBinding": lambda o: ["binding", o.portDev(), o.filterName()],
    "virSecret": lambda o: ["secret", o.UUIDString(), o.usageType(), o.usageID()],
    "virDomainSnapshot": lambda o: ["snapshot", o.getName()],
    "virDomainCheckpoint": lambda o: ["checkpoint", o.getName()],
    "virNetworkPort": lambda o: ["port", o.UUIDString()],
}


def plain(value):
    """The value in words that JSON has."""
    show = OBJECTS.get(type(value).__name__)
    if show:
        return show(value)
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def bits(cpus):
    """A CPU map as its bytes, in hex."""
    octets = bytearray((len(cpus) + 7) // 8)
    for index, there in enumerate(cpus):
        octets[index // 8] |= int(there) << (index % 8)
    return octets.hex()


def read(connection, begin):
    """All bytes of a stream."""
    stream = connection.newStream()
    begin(stream)
    pieces = []
    while True:
        piece = stream.recv(65536)
        if not piece:
            break
        pieces.append(piece)
    stream.finish()
    return b"".join(pieces)


class Scope(dict):
    """Names that are looked up when they are used."""

    def __init__(self, connection):
        super().__init__(c=connection, libvirt=libvirt, bits=bits, plain=plain)
        self["read"] = lambda begin: read(connection, begin)
        self["port"] = lambda: self["n"].listAllPorts()[0]

    def __missing__(self, name):
        c = self["c"]
        finders = {
            "d": lambda: c.lookupByName("drover-diff"),
            "off": lambda: c.lookupByName("drover-diff-off"),
            "n": lambda: c.networkLookupByName("drover-diff"),
            "p": lambda: c.storagePoolLookupByName("drover-diff"),
            "v": lambda: self["p"].storageVolLookupByName("drover-diff.img"),
            "s": lambda: self["off"].snapshotLookupByName("drover-diff"),
            "dev": lambda: c.nodeDeviceLookupByName("computer"),
            "lo": lambda: c.interfaceLookupByName("eth1"),
            "f": lambda: c.nwfilterLookupByName("drover-diff"),
            "sec": lambda: c.secretLookupByUUIDString("5ec2e700-0000-4000-8000-000000000001"),
        }
        if name not in finders:
            raise KeyError(name)
        return finders[name]()


def main():
    """Serves until its input ends."""
    libvirt.registerErrorHandler(lambda _, error: None, None)
    connections = {}
    for argument in sys.argv[1:]:
        driver, uri = argument.split("=", 1)
        connections[driver] = libvirt.open(uri)
    for line in sys.stdin:
        driver, expression = line.rstrip("\n").split("\t", 1)
        try:
            answer = {"value": plain(eval(expression, Scope(connections[driver])))}
        except libvirt.libvirtError as error:
            answer = {
                "error": [
                    error.get_error_code(),
                    error.get_error_domain(),
                    error.get_error_message(),
                ]
            }
        except Exception as error:  # The case itself is wrong: the test says which.
            answer = {"broken": repr(error)}
        print(json.dumps(answer), flush=True)


main()
