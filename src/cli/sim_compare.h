/* SPDX-License-Identifier: Apache-2.0 */
/* sim_compare.h: what `daero sim compare` reads (sim_variants.c) and shows (sim_compare_show.c). */
#ifndef DR_CLI_SIM_COMPARE_H
#define DR_CLI_SIM_COMPARE_H

#include "cli/sim_options.h"
#include "sim/compare.h"

/* One of the runs' ways: as `daero sim run` with the command's options and its own. */
struct dr_variant {
    char name[DR_NAME_BYTES];
    char title[DR_NAME_BYTES + 32]; /* of its command, for errors: "sim compare: fifo" */
    char *text;                     /* the values of its options lie in here */
    struct dr_cli_command command;
    struct dr_cli cli;
    struct dr_sim_options options;
    struct dr_federation *federation;
};

struct dr_variants {
    struct dr_variant *list; /* [count]; the first is the base */
    uint32_t count;
    int generates;
    struct dr_generate generate; /* per seed, for the base's federation */
    uint8_t *by_chance;          /* [count] */
};

/* Read the operands, and open what they name. The exit code; what is wrong has been said. */
DR_MUST_USE int dr_variants_open(struct dr_variants *variants, const struct dr_cli *cli);
/* Accepts a zeroed one. */
void dr_variants_close(struct dr_variants *variants);

/* What came of it, for people and for programs. */
struct dr_compared {
    const struct dr_variants *variants;
    struct dr_compare compare;
    uint64_t seed_first;
    json_t *failed;     /* an array of objects: variant, seed, why */
    uint32_t runs;      /* that were to be run */
    uint32_t runs_done; /* and were */
    int interrupted;
};
void dr_compared_print(const struct dr_compared *compared);
json_t *dr_compared_json(const struct dr_compared *compared);

#endif
