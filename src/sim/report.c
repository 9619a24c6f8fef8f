/* SPDX-License-Identifier: Apache-2.0 */
/* See report.h. */
#include "sim/report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/page.h"
#include "base/text.h"
#include "sim/report_page.h"

/* ---- reading ---- */

/* What every run's measures have; the page does without the rest. */
static const struct {
    const char *name;
    json_type type;
    const char *expected;
} MEMBERS[] = {{"jobs", JSON_INTEGER, "a number of jobs"},
               {"wait_s", JSON_OBJECT, "an object of mean, p50, p95 and so on"},
               {"state_hash", JSON_STRING, "the hash as a text"}};

static void check_members(const char *path, const json_t *object, struct dr_error_list *errors)
{
    for (uint32_t i = 0; i < DR_COUNT_OF(MEMBERS); i += 1) {
        const json_t *member = json_object_get(object, MEMBERS[i].name);
        char *text;

        if (member != NULL && json_typeof(member) == MEMBERS[i].type)
            continue;
        text = member == NULL ? NULL : json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
        dr_error_list_add(errors, path, 0, MEMBERS[i].name, text == NULL ? "nothing" : text, "%s",
                          MEMBERS[i].expected);
        free(text);
    }
}

enum dr_status dr_report_read(const char *path, struct dr_buffer *measures,
                              struct dr_error_list *errors)
{
    enum dr_status status = dr_buffer_read_file(measures, path);
    uint32_t before = errors->count;
    json_error_t wrong;
    json_t *object;

    if (status != DR_OK) {
        dr_error_list_add(errors, path, 0, "", dr_status_text(status),
                          "measures as `daero sim run -o FILE` writes them");
        return DR_E_INPUT;
    }
    object = json_loadb((const char *)measures->data, measures->length, 0, &wrong);
    if (!json_is_object(object))
        dr_error_list_add(errors, path, object == NULL ? (uint32_t)wrong.line : 1, "",
                          object == NULL ? wrong.text : "no object",
                          "measures as `daero sim run -o FILE` writes them");
    else
        check_members(path, object, errors);
    json_decref(object);
    return errors->count == before ? DR_OK : DR_E_INPUT;
}

enum dr_status dr_report_check_name(const char *place, const char *name,
                                    const struct dr_report_run *before, uint32_t count,
                                    struct dr_error_list *errors)
{
    size_t length = strlen(name);
    json_t *text = json_string(name); /* NULL: no UTF-8 */
    int is_good = length > 0 && length <= DR_REPORT_NAME_BYTES_MAX && text != NULL;

    json_decref(text);
    if (!is_good)
        dr_error_list_add(errors, "", 0, place, text == NULL ? "bytes that are no UTF-8" : name,
                          "a name of 1 to %d bytes for the run", DR_REPORT_NAME_BYTES_MAX);
    for (uint32_t i = 0; i < count && is_good; i += 1) {
        if (strcmp(before[i].name, name) != 0)
            continue;
        dr_error_list_add(errors, "", 0, place, name, "a name that no other run has");
        is_good = 0;
    }
    return is_good ? DR_OK : DR_E_INPUT;
}

/* ---- writing ---- */

static void put_run(FILE *out, const struct dr_report_run *run)
{
    json_t *name = json_string(run->name);
    char *text = json_dumps(name, JSON_ENCODE_ANY);

    DR_ASSERT(text != NULL);
    dr_page_put(out, "{\"name\":");
    dr_page_put_json(out, text);
    dr_page_put(out, ",\"measures\":");
    dr_page_put_json(out, run->measures);
    dr_page_put(out, "}");
    free(text);
    json_decref(name);
}

enum dr_status dr_report_write(FILE *out, const struct dr_report_run *runs, uint32_t count)
{
    dr_page_begin(out, dr_report_page);
    dr_page_put(out, "[");
    for (uint32_t i = 0; i < count; i += 1) {
        dr_page_put(out, i == 0 ? "" : ",\n");
        put_run(out, &runs[i]);
    }
    dr_page_put(out, "]");
    return dr_page_end(out, dr_report_page);
}
