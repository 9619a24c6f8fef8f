/* SPDX-License-Identifier: Apache-2.0 */
/* When a job could start at the earliest if everybody leaves when he is believed to. */
#include "oracle_parts.h"

#include <string.h>

int64_t oracle_earliest_us(const struct dr_core *core, const struct dr_job *job, uint32_t index,
                           uint32_t pool, int64_t now_us, int reserved)
{
    static struct oracle look;
    static uint8_t gone[ORACLE_JOBS];
    int64_t time_us = now_us - 1;

    if (!oracle_lawful(core, job, index, pool))
        return DR_FOREVER_US;
    memset(gone, 0, sizeof gone);
    for (;;) {
        int64_t next_us = DR_FOREVER_US;

        for (uint32_t row = 0; row < core->jobs_high; row += 1)
            if (oracle_holds(&core->jobs[row]) && !gone[row] &&
                oracle_end_us(core, &core->jobs[row], now_us) > time_us &&
                oracle_end_us(core, &core->jobs[row], now_us) < next_us)
                next_us = oracle_end_us(core, &core->jobs[row], now_us);
        for (uint32_t i = 0; i < core->grid_caps_count; i += 1)
            if (core->grid_caps[i].until_us > time_us && core->grid_caps[i].until_us > now_us &&
                core->grid_caps[i].until_us < next_us)
                next_us = core->grid_caps[i].until_us;
        for (uint32_t i = 0; i < core->windows_count; i += 1)
            if (core->windows[i].until_us > time_us && core->windows[i].until_us > now_us &&
                core->windows[i].until_us < next_us)
                next_us = core->windows[i].until_us;
        if (next_us == DR_FOREVER_US)
            return DR_FOREVER_US;
        time_us = next_us;
        for (uint32_t row = 0; row < core->jobs_high; row += 1)
            if (oracle_holds(&core->jobs[row]) &&
                oracle_end_us(core, &core->jobs[row], now_us) <= time_us)
                gone[row] = 1;
        oracle_look(
            &look, core,
            (struct oracle_thought){
                .gone = gone, .reserved = (uint8_t)reserved, .apart = job, .at_us = time_us});
        if (oracle_fits(&look, job, index, pool, time_us))
            return time_us;
    }
}
