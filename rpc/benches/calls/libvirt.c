// The same calls through libvirt's own library, for comparison.
// Usage: libvirt URI DEPTH SECONDS; prints: CALLS CPU_MICROSECONDS ELAPSED_MICROSECONDS

#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static virConnectPtr connection;
static atomic_bool stop;
static atomic_long calls;

static void *work(void *unused)
{
    long mine = 0;
    unsigned long version;

    (void)unused;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        if (virConnectGetLibVersion(connection, &version) < 0)
            exit(1);
        mine++;
    }
    atomic_fetch_add(&calls, mine);
    return NULL;
}

static long now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

static long cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];

    if (argc != 4 || !(connection = virConnectOpen(argv[1])))
        return 1;
    int depth = atoi(argv[2]);
    if (depth < 1 || depth > 64)
        return 1;
    struct timespec wait = {.tv_sec = atoi(argv[3])};
    long start = now(), used = cpu();

    for (int i = 0; i < depth; i++)
        pthread_create(&threads[i], NULL, work, NULL);
    nanosleep(&wait, NULL);
    stop = 1;
    for (int i = 0; i < depth; i++)
        pthread_join(threads[i], NULL);
    printf("%ld %ld %ld\n", (long)calls, cpu() - used, now() - start);
    virConnectClose(connection);
    return 0;
}
