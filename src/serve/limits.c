/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/limits.h"

#include <string.h>

#include "base/text.h"

static const struct limit {
    const char *name;
    uint32_t standard;
    uint32_t least;
    uint32_t most;
} LIMITS[] = {
#define DR_ROW(name, standard, least, most, text) {#name, standard, least, most},
    DR_EDGE_LIMITS(DR_ROW)
#undef DR_ROW
};

_Static_assert(sizeof(struct dr_edge_limits) == DR_COUNT_OF(LIMITS) * sizeof(uint32_t),
               "a struct of limits is an array of them");

static uint32_t *limit_at(struct dr_edge_limits *limits, size_t i)
{
    return (uint32_t *)limits + i;
}

void dr_edge_limits_fill(struct dr_edge_limits *limits)
{
    for (size_t i = 0; i < DR_COUNT_OF(LIMITS); i += 1) {
        if (*limit_at(limits, i) == 0)
            *limit_at(limits, i) = LIMITS[i].standard;
    }
}

/* "token-rate" and "token_rate" are the same. */
static int is_named(const char *name, const char *given, size_t given_bytes)
{
    if (strlen(name) != given_bytes)
        return 0;
    for (size_t i = 0; i < given_bytes; i += 1) {
        if (name[i] != given[i] && !(name[i] == '_' && given[i] == '-'))
            return 0;
    }
    return 1;
}

enum dr_status dr_edge_limits_set(struct dr_edge_limits *limits, const char *assignment,
                                  struct dr_error *error)
{
    const char *equals = strchr(assignment, '=');
    size_t name_bytes = equals == NULL ? strlen(assignment) : (size_t)(equals - assignment);
    int64_t value = 0;

    for (size_t i = 0; i < DR_COUNT_OF(LIMITS); i += 1) {
        if (!is_named(LIMITS[i].name, assignment, name_bytes))
            continue;
        if (equals == NULL || !dr_parse_i64(equals + 1, LIMITS[i].least, LIMITS[i].most, &value)) {
            dr_error_set(error, NULL, 0, "--limit", assignment, "%.*s=N, from %u to %u",
                         (int)name_bytes, assignment, LIMITS[i].least, LIMITS[i].most);
            return DR_E_INPUT;
        }
        *limit_at(limits, i) = (uint32_t)value;
        return DR_OK;
    }
    dr_error_set(error, NULL, 0, "--limit", assignment,
                 "NAME=N with a name that `daero serve --help` lists");
    return DR_E_INPUT;
}

int64_t dr_rate_take(struct dr_rate *rate, uint32_t per_s, uint32_t burst, int64_t now_us)
{
    int64_t now_ns = now_us * 1000;
    int64_t step_ns = INT64_C(1000000000) / per_s;
    int64_t from_ns = rate->full_ns > now_ns ? rate->full_ns : now_ns;
    int64_t over_ns = from_ns + step_ns - now_ns - step_ns * burst;

    if (over_ns > 0)
        return (over_ns + 999) / 1000;
    rate->full_ns = from_ns + step_ns;
    return 0;
}
