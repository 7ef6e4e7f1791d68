// What the C programs share: clocks, memory, and how long each call took.

#ifndef MEASURE_H
#define MEASURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static inline int64_t now_nanos(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000L + time.tv_nsec;
}

static inline int64_t cpu_micros(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static inline long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

// How long each call of one thread took.
struct times {
    size_t count;
    int64_t nanos[4000000];
};

static inline void record(struct times *times, int64_t nanos)
{
    if (times->count == sizeof(times->nanos) / sizeof(*times->nanos))
        exit(3);
    times->nanos[times->count++] = nanos;
}

static inline int compare_times(const void *one, const void *other)
{
    int64_t first = *(const int64_t *)one, second = *(const int64_t *)other;

    return (first > second) - (first < second);
}

// Prints: CALLS CPU_MICROSECONDS ELAPSED_MICROSECONDS P50_NANOSECONDS P99_NANOSECONDS
static inline void print_calls(struct times *times, int64_t cpu, int64_t elapsed)
{
    if (times->count == 0)
        exit(3);
    qsort(times->nanos, times->count, sizeof(*times->nanos), compare_times);
    printf("%zu %ld %ld %ld %ld\n", times->count, (long)cpu, (long)(elapsed / 1000),
           (long)times->nanos[(times->count - 1) * 50 / 100],
           (long)times->nanos[(times->count - 1) * 99 / 100]);
}

#endif
