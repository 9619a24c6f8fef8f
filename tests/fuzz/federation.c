/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a federation file: it is refused with a reason, or it becomes changes to an empty
 * federation. What is refused names a place; what passes asks for something. */
#include <stdint.h>
#include <stdlib.h>

#include "core/state.h"
#include "federation/federation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct dr_limits limits = {.jobs_max = 16,
                                            .nodes_max = 4096,
                                            .pools_max = 64,
                                            .accounts_max = 128,
                                            .users_max = 64,
                                            .tokens_max = 4,
                                            .groups_max = 64,
                                            .datasets_max = 16,
                                            .extents_max = 16};
    static struct dr_core *core; /* stays empty: nothing is admitted */
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    struct dr_error_list warnings = {0};
    enum dr_status status;

    if (core == NULL && dr_core_open(&core, &limits) != DR_OK)
        abort();
    status =
        dr_federation_parse(&federation, "fuzz.yaml", (const char *)data, size, &errors, &warnings);
    if ((status == DR_OK) != (errors.count == 0) || (status == DR_OK) != (federation != NULL))
        abort();
    for (uint32_t i = 0; i < errors.count; i += 1) {
        char line[1200];

        if (errors.errors[i].expected[0] == '\0' ||
            dr_error_line(&errors.errors[i], line, sizeof line)[0] == '\0')
            abort();
    }
    if (status == DR_OK) {
        struct dr_change *changes;
        uint32_t count;

        if (dr_federation_changes(federation, core, &changes, &count, &errors) == DR_OK) {
            for (uint32_t i = 0; i < count; i += 1) {
                if (changes[i].text[0] == '\0' || changes[i].declare.kind == 0)
                    abort();
            }
            if (count == 0)
                abort();
        } else if (errors.count == 0) {
            abort();
        }
    }
    dr_error_list_deinit(&errors);
    dr_error_list_deinit(&warnings);
    dr_federation_close(federation);
    return 0;
}
