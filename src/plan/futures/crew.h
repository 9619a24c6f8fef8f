/* SPDX-License-Identifier: Apache-2.0 */
/* crew.h: independent pieces of work, some at a time, each in a process of its own.
 *
 * What a piece finds has to be written into memory that the processes share. No piece sees another,
 * so that what is found does not depend on how many there are at a time, unless a clock cuts one.
 */
#ifndef DR_PLAN_CREW_H
#define DR_PLAN_CREW_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

struct dr_crew {
    uint32_t count;                              /* pieces: 0 to count - 1 */
    uint32_t at_once;                            /* at least 1 */
    void (*work)(void *context, uint32_t piece); /* in the other process */
    void (*done)(void *context, uint32_t piece); /* in this one, as they end. NULL: nobody */
    void *context;
    /* Not 0: no more are begun, and those that run get SIGINT. NULL: never. */
    const volatile sig_atomic_t *stop;
};

/* Until all have ended. 1: all did of themselves; 0: one was ended or could not be begun; what it
 * had written is there. */
int dr_crew_run(const struct dr_crew *crew);

/* Zeroed, shared with the crew's processes; only what is touched takes memory. Stops the process
 * where there is none. */
void *dr_crew_memory(size_t bytes);
/* Accepts NULL. */
void dr_crew_release(void *memory, size_t bytes);

#endif
