// A wall clock that a test can set, for one process: LD_PRELOAD it and name a file of 8 bytes in CHAOS_CLOCK, the nanoseconds by which the clock is off.
//
// libfaketime does the same for most programs; together with jemalloc it hangs before main. The monotonic clock is left alone, as by a real jump. Waits until a
// moment of the wall clock behave as the kernel's do when the clock is set: set back, they last longer.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t second = 1000000000;
static const int64_t slice = 500000;
static const volatile int64_t *offset;

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) offset = page;
}

static int64_t off(void) { return offset ? *offset : 0; }

static int64_t nanoseconds(const struct timespec *time) { return (int64_t)time->tv_sec * second + time->tv_nsec; }

static struct timespec moment(int64_t value) {
    struct timespec time = {value / second, value % second};
    return time;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) *time = moment(nanoseconds(time) + off());
    return result;
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return nanoseconds(&time);
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    int64_t value = now();
    time->tv_sec = value / second;
    time->tv_usec = value % second / 1000;
    return 0;
}

time_t time(time_t *result) {
    time_t value = (time_t)(now() / second);
    if (result) *result = value;
    return value;
}

// Looks again and again, because the clock may be set while it waits.
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    while (sem_trywait(semaphore) != 0) {
        if (errno != EAGAIN) return -1;
        if (now() >= nanoseconds(until)) {
            errno = ETIMEDOUT;
            return -1;
        }
        struct timespec wait = moment(slice);
        nanosleep(&wait, NULL);
    }
    return 0;
}

// A condition may wake its waiter without a reason, so this wakes it now and then to look at the clock. Small moments are the monotonic clock's.
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until) {
    if (until->tv_sec < 1000000000) return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, until);
    if (now() >= nanoseconds(until)) return ETIMEDOUT;
    int64_t real = nanoseconds(until) - off(), soon = now() - off() + 20 * slice;
    struct timespec next = moment(real < soon ? real : soon);
    int result = pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &next);
    return result == ETIMEDOUT && now() < nanoseconds(until) ? 0 : result;
}
