/*
 * Whether a program handles a signal through libuv, as process.on('SIGUSR1') does: read from the
 * process's memory, where libuv keeps its signal handles.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_LIVE_UV_SIGNALS_H
#define AP_LIVE_UV_SIGNALS_H

#include "live/target.h"

/* The static variable of libuv's unix/signal.c that is the root of its tree of handles. */
#define AP_UV_SIGNAL_TREE "uv__signal_tree"

/* `tree`: the address of that variable as linked in `elf`, which is the process's program. */
enum ap_own_handler ap_uv_handles_signal(pid_t pid, struct ap_elf *elf, uint64_t tree, int signal);

#endif
