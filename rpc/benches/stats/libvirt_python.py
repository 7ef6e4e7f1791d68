"""Statistics of all domains through libvirt-python.

Usage: libvirt_python.py URI TIMES
Prints: DOMAINS VALUES WALL_MICROSECONDS CPU_MICROSECONDS, of the call in the middle
"""

import resource
import statistics
import sys
import time

import libvirt


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    uri, times = sys.argv[1], int(sys.argv[2])
    connection = libvirt.open(uri)
    connection.getAllDomainStats()
    wall, used = [], []
    for _ in range(times):
        start, before = time.monotonic(), cpu()
        records = connection.getAllDomainStats()
        wall.append((time.monotonic() - start) * 1e6)
        used.append((cpu() - before) * 1e6)
    values = sum(len(values) for _, values in records)
    print(len(records), values, statistics.median(wall), statistics.median(used))
    connection.close()


main()
