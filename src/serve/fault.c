/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/fault.h"

#include <signal.h>
#include <unistd.h>

#include "base/text.h"

static const char *const names[] = {"",
#define DR_NAME(NAME, name, text) #name,
                                    DR_FAULTS(DR_NAME)
#undef DR_NAME
};

enum dr_status dr_fault_init(struct dr_fault *fault, struct dr_error *error)
{
    const char *text = getenv(DR_FAULT_VARIABLE);
    const char *colon;
    int64_t count;

    *fault = (struct dr_fault){.point = DR_FAULT_NONE};
    if (text == NULL || text[0] == 0)
        return DR_OK;
    colon = strchr(text, ':');
    for (uint32_t i = 1; colon != NULL && i < DR_COUNT_OF(names); i += 1) {
        if (strlen(names[i]) == (size_t)(colon - text) &&
            memcmp(names[i], text, strlen(names[i])) == 0 &&
            dr_parse_i64(colon + 1, 1, INT64_MAX, &count)) {
            fault->point = (enum dr_fault_point)i;
            fault->left = (uint64_t)count;
            return DR_OK;
        }
    }
    dr_error_set(error, NULL, 0, DR_FAULT_VARIABLE, text, "POINT:COUNT, as in after_append:3");
    return DR_E_INPUT;
}

void dr_fault_strike(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}
