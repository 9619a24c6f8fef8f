/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h: the columns of a list of jobs, for `daero queue` and `daero top`. */
#ifndef DR_CLI_QUEUE_H
#define DR_CLI_QUEUE_H

#include "cli/cli.h"

struct dr_queue_column {
    const char *name; /* as in --format */
    const char *header;
    uint32_t flags;                         /* DR_TABLE_* */
    const char *(*text)(const json_t *job); /* valid until some 30 further texts were made */
};

extern const struct dr_queue_column DR_QUEUE_COLUMNS[];
extern const uint32_t DR_QUEUE_COLUMNS_COUNT;
const struct dr_queue_column *dr_queue_column(const char *name);

#endif
