/* SPDX-License-Identifier: Apache-2.0 */
/* files.h: a plan as a folder of tables and a certificate.
 *
 * orders.csv, phases.csv, fleet.csv, work.csv and lost.csv are the plan; quarters.csv sums it up
 * for people; certificate.json says by what it was found, how far it can be from the best, and what
 * was checked. The same plan gives the same bytes, but for the certificate's `run`. The columns
 * stand in docs/planning.md. */
#ifndef DR_PLAN_FILES_H
#define DR_PLAN_FILES_H

#include <jansson.h>
#include "base/buffer.h"
#include "base/csv.h"
#include "plan/result/plan.h"
#include "plan/futures/relaxed.h"

/* What is known of how a plan was found. */
struct dr_plan_proof {
    double cost;  /* of the plan, in the currency, discounted; dr_plan_sums.cost */
    double bound; /* no plan of these inputs costs less */
    uint32_t rows_count, columns_count, binaries_count;
    int bound_by_search; /* 1: by branch and bound; 0: the linear program's */
    uint64_t checks_count;
    int cut; /* the clock cut a step: another run may differ */
    double seconds, cpu_s, first_s;
    const char *version; /* of the program */
    /* Of a plan in a future, whose inputs these are; NULL: of the tables as they are. */
    const char *future;
    const struct dr_relaxed *relaxed; /* [relaxed_count] rules that the future can't keep */
    uint32_t relaxed_count;
};

/* (cost - bound) / cost; 0 where both are. */
double dr_plan_gap(double cost, double bound);

/* Write into a directory, which is made where it is missing.
 * DR_E_IO: `error` says which file and why; what was written before stays. */
DR_MUST_USE enum dr_status dr_plan_write(const char *directory, const struct dr_plan_inputs *inputs,
                                         const struct dr_plan *plan,
                                         const struct dr_plan_sums *sums,
                                         const struct dr_plan_proof *proof, struct dr_error *error);

/* What certificate.json has, of a plan that need not have been written. The caller's. */
json_t *dr_plan_certificate(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                            const struct dr_plan_proof *proof);

/* A rule that a certificate says is relaxed in its future. */
struct dr_plan_claimed_rule {
    char row[160]; /* dr_program_row_name() */
    int64_t value; /* relaxed.h */
};

/* What a certificate claims. */
struct dr_plan_claims {
    char scenario[DR_NAME_BYTES];
    char inputs_hash[65];
    char plan_hash[65];
    double cost, bound;
    int bound_by_search;
    char future[DR_NAME_BYTES]; /* "": none */
    char futures_hash[65];
    uint32_t relaxed_count;
    struct dr_plan_claimed_rule relaxed[DR_RELAXED_MAX];
};

/* Read the five tables back; `plan_hash` (65 bytes) is of their bytes. DR_E_INPUT: at least one
 * mistake was said. */
DR_MUST_USE enum dr_status dr_plan_read(struct dr_plan *plan, const char *directory,
                                        const struct dr_plan_inputs *inputs, char plan_hash[65],
                                        struct dr_csv_errors *errors);
/* DR_E_INPUT, DR_E_MISSING: `error` says what is wrong with it. */
DR_MUST_USE enum dr_status dr_plan_read_claims(struct dr_plan_claims *claims, const char *directory,
                                               struct dr_error *error);

/* The inputs that a certificate is about: the scenario's in the future that it names, with the
 * rules that it says are relaxed; for dr_plan_future_close(). The scenario's own have to outlive
 * them. NULL: `error` says what it names that the scenario has not. */
struct dr_plan_inputs *dr_plan_claimed_inputs(const struct dr_plan_inputs *inputs,
                                              const struct dr_plan_claims *claims,
                                              struct dr_error *error);

/* Write a whole file of a directory. */
DR_MUST_USE enum dr_status dr_plan_write_file(const char *directory, const char *name,
                                              const struct dr_buffer *content,
                                              struct dr_error *error);
/* Make a directory, unless it is there. */
DR_MUST_USE enum dr_status dr_plan_make_directory(const char *directory, struct dr_error *error);

#endif
