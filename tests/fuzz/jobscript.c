/* SPDX-License-Identifier: Apache-2.0 */
/* Job scripts: whatever the bytes are, a job comes out or an error with its line; and the job,
 * printed and read again, is the same JSON. */
#include <stdlib.h>

#include "base/assert.h"
#include "cli/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dr_job_spec spec;
    struct dr_error_list mistakes DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_error error = {0};
    struct dr_buffer warnings DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&warnings, 64u << 10);
    dr_job_init(&spec, INT64_C(1790000000000000));
    if (dr_script_read(&spec, "script", (const char *)data, size, &warnings, &mistakes) != DR_OK) {
        DR_ASSERT(mistakes.count > 0);
        error = mistakes.errors[0];
        DR_ASSERT(error.found[0] != '\0' || error.expected[0] != '\0');
    } else if (dr_job_finish(&spec, &error) != DR_OK) {
        DR_ASSERT(error.expected[0] != '\0');
    } else {
        char *text = json_dumps(spec.job, JSON_COMPACT);
        json_t *again;

        DR_ASSERT(text != NULL);
        again = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        DR_ASSERT(again != NULL);
        DR_ASSERT(json_equal(spec.job, again));
        json_decref(again);
        free(text);
    }
    dr_job_deinit(&spec);
    return 0;
}
