// Calls through libvirt's own library; at a depth above 1 from as many threads.
// Usage: libvirt URI info|xml DEPTH SECONDS

#include <libvirt/libvirt.h>
#include <pthread.h>
#include <string.h>

#include "measure.h"

static virDomainPtr domain;
static int asks_xml;
static int64_t end;

static void call(void)
{
    if (asks_xml) {
        char *xml = virDomainGetXMLDesc(domain, 0);

        if (!xml)
            exit(1);
        free(xml);
    } else {
        virDomainInfo info;

        if (virDomainGetInfo(domain, &info) < 0)
            exit(1);
    }
}

static void *work(void *times)
{
    int64_t last = now_nanos();

    while (last < end) {
        call();
        int64_t now = now_nanos();
        record(times, now - last);
        last = now;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct times times[4];
    pthread_t threads[4];

    if (argc != 5)
        return 1;
    int depth = atoi(argv[3]);
    virConnectPtr connection = virConnectOpen(argv[1]);
    if (depth < 1 || depth > 4 || !connection)
        return 1;
    if (!(domain = virDomainLookupByName(connection, "test")))
        return 1;
    asks_xml = strcmp(argv[2], "xml") == 0;

    int64_t start = now_nanos(), used = cpu_micros();
    end = start + atoi(argv[4]) * 1000000000L;
    for (int i = 1; i < depth; i++)
        if (pthread_create(&threads[i], NULL, work, &times[i]))
            return 1;
    work(&times[0]);
    for (int i = 1; i < depth; i++)
        pthread_join(threads[i], NULL);
    int64_t elapsed = now_nanos() - start;
    used = cpu_micros() - used;

    for (int i = 1; i < depth; i++)
        for (size_t n = 0; n < times[i].count; n++)
            record(&times[0], times[i].nanos[n]);
    print_calls(&times[0], used, elapsed);
    virDomainFree(domain);
    virConnectClose(connection);
    return 0;
}
