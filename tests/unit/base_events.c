/* SPDX-License-Identifier: Apache-2.0 */
#include "base/events.h"

#include "base/hash.h"
#include "test.h"

/* Out comes what went in, in order: by time, then job, then kind. */
TEST(events_come_out_in_order)
{
    struct dr_events events = {0};
    struct dr_event last = {.time_us = -1};
    uint64_t sum = 0;

    CHECK_EQ(dr_events_next_us(&events), INT64_MAX);
    for (uint64_t i = 0; i < 5000; i += 1) {
        dr_events_push(&events, (struct dr_event){.time_us = (int64_t)(dr_hash_u64(i + 1) % 300),
                                                  .job = dr_hash_u64(i + 7) % 40,
                                                  .kind = (uint32_t)(i % 3),
                                                  .attempt = (uint32_t)i});
        sum += i;
        if (i % 7 == 0)
            sum -= dr_events_pop(&events).attempt;
    }
    while (events.count > 0) {
        struct dr_event event;

        CHECK_EQ(dr_events_next_us(&events), events.heap[0].time_us);
        event = dr_events_pop(&events);
        CHECK(event.time_us > last.time_us ||
              (event.time_us == last.time_us &&
               (event.job > last.job || (event.job == last.job && event.kind >= last.kind))));
        last = event;
        sum -= event.attempt;
    }
    CHECK_EQ(sum, 0);
    dr_events_deinit(&events);
}
