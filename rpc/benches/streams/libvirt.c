// A volume up or down through libvirt's own library; what comes down is thrown away.
// Usage: libvirt URI POOL VOLUME up|down BYTES
// Prints: ELAPSED_MICROSECONDS CPU_MICROSECONDS PEAK_KIB

#include <libvirt/libvirt.h>
#include <string.h>

#include "measure.h"

// What virStreamSendAll and virStreamRecvAll take at a time, and the largest packet on the wire.
enum { CHUNK = 262120 };

static char buffer[CHUNK];

static void up(virStreamPtr stream, unsigned long long left)
{
    memset(buffer, 0x5a, sizeof(buffer));
    while (left > 0) {
        int count = virStreamSend(stream, buffer, left < CHUNK ? left : CHUNK);

        if (count <= 0)
            exit(1);
        left -= count;
    }
}

static void down(virStreamPtr stream, unsigned long long left)
{
    int count;

    while ((count = virStreamRecv(stream, buffer, CHUNK)) > 0)
        left -= count;
    if (count < 0 || left != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 1;
    virConnectPtr connection = virConnectOpen(argv[1]);
    if (!connection)
        return 1;
    virStoragePoolPtr pool = virStoragePoolLookupByName(connection, argv[2]);
    virStorageVolPtr volume = pool ? virStorageVolLookupByName(pool, argv[3]) : NULL;
    virStreamPtr stream = virStreamNew(connection, 0);
    if (!volume || !stream)
        return 1;
    unsigned long long bytes = strtoull(argv[5], NULL, 10);

    int64_t start = now_nanos(), used = cpu_micros();
    if (strcmp(argv[4], "up") == 0) {
        if (virStorageVolUpload(volume, stream, 0, bytes, 0) < 0)
            return 1;
        up(stream, bytes);
    } else {
        if (virStorageVolDownload(volume, stream, 0, bytes, 0) < 0)
            return 1;
        down(stream, bytes);
    }
    if (virStreamFinish(stream) < 0)
        return 1;
    printf("%ld %ld %ld\n", (long)((now_nanos() - start) / 1000), (long)(cpu_micros() - used),
           peak_kib());
    virStreamFree(stream);
    virStorageVolFree(volume);
    virStoragePoolFree(pool);
    virConnectClose(connection);
    return 0;
}
