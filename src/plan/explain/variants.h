/* SPDX-License-Identifier: Apache-2.0 */
/* variants.h: the same scenario under another course, to hold a plan against.
 *
 * A variant is the inputs with something changed; it is solved, rounded and checked as any plan. */
#ifndef DR_PLAN_VARIANTS_H
#define DR_PLAN_VARIANTS_H

#include <jansson.h>

#include "plan/result/plan.h"

/* word, what it is */
#define DR_PLAN_VARIANTS(X)                                                \
    X(PLAN, "plan", "the plan")                                            \
    X(NOTHING, "nothing",                                                  \
      "no further investment: what is there and was begun or bought; no "  \
      "targets, shares or work that has to be done")                       \
    X(ONE_OFF, "one-off",                                                  \
      "all orders in the first year, as many as makers would deliver in "  \
      "all, with all years' budgets; spending need not be steady")         \
    X(STEADY, "steady",                                                    \
      "spending changes by at most 10 % from quarter to quarter, or pays " \
      "as much again for what is beyond")

enum dr_plan_variant {
#define DR_VARIANT_ENUM(name, word, text) DR_PLAN_VARIANT_##name,
    DR_PLAN_VARIANTS(DR_VARIANT_ENUM)
#undef DR_VARIANT_ENUM
        DR_PLAN_VARIANT_COUNT
};

extern const char *const DR_PLAN_VARIANT_WORDS[DR_PLAN_VARIANT_COUNT];
extern const char *const DR_PLAN_VARIANT_TEXTS[DR_PLAN_VARIANT_COUNT];

/* The inputs of a variant, for dr_plan_variant_close(). Texts are the original's, which has to
 * outlive it. */
struct dr_plan_inputs *dr_plan_variant(const struct dr_plan_inputs *inputs,
                                       enum dr_plan_variant variant);
void dr_plan_variant_close(struct dr_plan_inputs *inputs);

/* What variants are compared by. Of unmet work the part of all that was asked for. */
struct dr_plan_figures {
    double cost;  /* discounted, as the plan's own objective counts it */
    double spent; /* orders and building, undiscounted */
    double unmet; /* 0 to 1, over all sectors and quarters */
    double unmet_of[DR_PLAN_SECTORS_MAX];
    double unmet_in[DR_PLAN_YEARS_MAX];
    double domestic;     /* of all orders by value; 0 where there are none */
    double peak_w;       /* the highest draw of all sites together */
    double idle;         /* accelerator-quarters that were there and given to nobody */
    double age_quarters; /* mean of what is there at the end */
    double swing;        /* largest change of a year's spending over the mean of all years */
};

void dr_plan_figure(const struct dr_plan_inputs *inputs, const struct dr_plan *plan,
                    const struct dr_plan_sums *sums, struct dr_plan_figures *figures);
/* The figures by their names, sectors and years by theirs: what `daero plan compare --json` has of
 * each course (docs/planning.md). The caller's. */
json_t *dr_plan_figures_json(const struct dr_plan_inputs *inputs,
                             const struct dr_plan_figures *figures);

#endif
