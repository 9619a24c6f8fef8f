/* SPDX-License-Identifier: Apache-2.0 */
/* scenario.h: a nation in tables, and its federation at the end of any month.
 *
 * A scenario is a directory of CSV tables: chips, sites and their power, deliveries, tenants, law,
 * tariffs, each row with where it comes from and what in it is assumed (src/scenario/README.md has
 * the tables, scenarios/korea/README.md one scenario). dr_scenario_open() reads and judges all of
 * them; dr_scenario_at() says what is meant by a month or a stage; dr_scenario_write() writes the
 * federation file of that moment: the same tables and moment give the same bytes. Nothing in the
 * code knows a country.
 *
 * Pools keep their names from month to month and only grow, so that `daero apply` of a later file
 * changes what came in between and nothing else. */
#ifndef DR_SCENARIO_SCENARIO_H
#define DR_SCENARIO_SCENARIO_H

#include "base/buffer.h"
#include "base/csv.h"
#include "base/status.h"
#include "base/text.h"

/* No scenario writes more. */
#define DR_SCENARIO_YAML_MAX ((size_t)16 << 20)

struct dr_scenario;

/* Read a scenario's tables.
 *
 * errors  hears every mistake: file, line, column, value, expectation.
 *
 * DR_OK       `*scenario` is the caller's, until dr_scenario_close().
 * DR_E_INPUT  at least one mistake was said; `*scenario` is NULL.
 * DR_E_FULL   the system gave no memory. */
DR_MUST_USE enum dr_status dr_scenario_open(struct dr_scenario **scenario, const char *directory,
                                            struct dr_csv_errors *errors);

/* Accepts NULL. */
void dr_scenario_close(struct dr_scenario *scenario);

/* A moment: the end of a month, and which deliveries count. */
struct dr_scenario_moment {
    char name[DR_NAME_BYTES]; /* of the stage, or the month */
    int64_t month;            /* dr_parse_month() */
    uint32_t waves;           /* bits, by the scenario's own order of waves */
    const char *note;         /* what the stage is; "" for a month */
};

/* What "2030-12" or the name of a stage means. DR_E_INPUT: `error` says what is known. */
DR_MUST_USE enum dr_status dr_scenario_at(const struct dr_scenario *scenario, const char *text,
                                          struct dr_scenario_moment *moment,
                                          struct dr_error *error);

/* The stages, then the months in which something is delivered or a site's power changes. Borrowed;
 * valid until the scenario is closed. */
const struct dr_scenario_moment *dr_scenario_moments(const struct dr_scenario *scenario,
                                                     uint32_t *count);

struct dr_scenario_totals {
    uint32_t sites; /* with at least one pool */
    uint32_t pools;
    int64_t nodes;
    int64_t accelerators;
    int64_t load_w; /* the facilities', with every accelerator busy */
    int64_t cap_w;
};

void dr_scenario_count(const struct dr_scenario *scenario, const struct dr_scenario_moment *moment,
                       struct dr_scenario_totals *totals);

/* The federation file of a moment; `yaml` is appended to.
 *
 * DR_E_INPUT  the tables lack something for this month (a tariff); `error` says what.
 * DR_E_FULL   `yaml` was too small. */
DR_MUST_USE enum dr_status dr_scenario_write(const struct dr_scenario *scenario,
                                             const struct dr_scenario_moment *moment,
                                             struct dr_buffer *yaml, struct dr_error *error);

#endif
