/*
 * Milliseconds for deadlines.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_LIVE_CLOCK_H
#define AP_LIVE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t ap_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void ap_sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000},
		  NULL);
}

#endif
