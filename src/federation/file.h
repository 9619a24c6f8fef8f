/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: what a federation file says, between the files of this room.
 *
 * Parts refer to one another by their place in the file, plus one: `set.chip` of a pool is 3 for
 * the third chip of the file. changes.c turns places into the living federation's ids. */
#ifndef DR_FEDERATION_FILE_H
#define DR_FEDERATION_FILE_H

#include "base/map.h"
#include "core/state.h"
#include "federation/federation.h"
#include "federation/yaml.h"

/* Address space for one parsed file; touched as it is used. */
#define DR_FEDERATION_ARENA_BYTES ((size_t)4 << 30)

/* Largest values that a file may state; sums over a whole federation then stay far from 2^63. */
#define DR_FEDERATION_NODES_MAX     (INT64_C(1) << 20)     /* in all */
#define DR_FEDERATION_CPUS_MAX      (INT64_C(4096) * 1000) /* of a node, thousandths */
#define DR_FEDERATION_MEMORY_MB_MAX (INT64_C(1) << 28)     /* of a node, or of an accelerator */
#define DR_FEDERATION_WATTS_MAX     INT64_C(1000000000000) /* of anything */
#define DR_FEDERATION_MONEY_MAX     INT64_C(1000000000000) /* micro-units: a million */
#define DR_FEDERATION_LIMIT_US_MAX  (INT64_C(3660) * DR_DAY_US)
#define DR_FEDERATION_AMOUNT_MAX    (INT64_C(1) << 50)   /* of a guarantee, in its unit */
#define DR_FEDERATION_LIMITS_MAX    (UINT64_C(16) << 20) /* accounts times groups */

struct dr_fed_chip {
    uint32_t line;
    struct dr_fact_chip_set set;
};

struct dr_fed_class {
    uint32_t line;
    struct dr_fact_data_class_set set;
};

struct dr_fed_zone {
    uint32_t line;
    struct dr_fact_zone_set set;
};

struct dr_fed_cap {
    uint32_t line;
    struct dr_fact_grid_cap_set set; /* zone, site: places */
};

struct dr_fed_site {
    uint32_t line;
    uint8_t classes_unsure;                  /* one of them could not be read */
    const struct dr_yaml_node *classes_node; /* NULL: not given */
    struct dr_fact_site_set set;
};

struct dr_fed_pool {
    uint32_t line;
    struct dr_fact_pool_set set; /* groups: places in `groups` */
    uint32_t nodes;
    uint32_t nodes_line;
};

struct dr_fed_group {
    struct dr_fact_group_set set;
    int64_t declared; /* over the pools' nodes, in the group's unit */
};

/* What an account says of one group. */
struct dr_fed_limit {
    int64_t guarantee;
    int64_t borrow;
    int64_t lend;
    int64_t children; /* guaranteed below it, in sum */
    uint32_t line;    /* where it is stated; 0: nowhere */
    uint8_t stated;   /* its guarantee is a person's, not a sum or a proportion */
};

struct dr_fed_account {
    uint32_t line;
    struct dr_fact_account_set set;        /* limits: see check_quotas.c */
    const struct dr_yaml_node *guarantees; /* NULL: none */
    struct dr_fed_limit *limits;           /* [groups_count] */
    uint32_t children;
    uint32_t depth; /* root 0 */
};

struct dr_fed_allocation {
    uint32_t line;
    struct dr_fact_allocation_set set; /* amounts: those that follow are added by check_quotas.c */
};

struct dr_fed_dataset {
    uint32_t line;
    struct dr_fact_dataset_set set;
};

struct dr_fed_user {
    uint32_t line;
    uint8_t accounts_unsure; /* one of its memberships could not be read */
    struct dr_fact_user_set set;
};

/* Names to places, for one kind of part. */
struct dr_fed_names {
    struct dr_map map;
    const char **names; /* [count_max] */
    uint32_t count;
    uint32_t count_max;
};

struct dr_federation {
    struct dr_arena arena;
    int amounts_known;   /* no mistake in sites and accounts: sums mean something */
    size_t changes_mark; /* of the arena: what dr_federation_changes() made lies above */
    char file[256];
    uint32_t line; /* of `federation:` */
    uint32_t accounts_line;
    uint32_t users_line;
    struct dr_fact_settings_set settings;
    struct dr_fed_chip *chips;
    uint32_t chips_count;
    struct dr_fed_class *classes;
    uint32_t classes_count;
    struct dr_fed_zone *zones;
    uint32_t zones_count;
    struct dr_fed_cap *caps;
    uint32_t caps_count;
    struct dr_fed_site *sites;
    uint32_t sites_count;
    struct dr_fed_pool *pools;
    uint32_t pools_count;
    struct dr_fed_group *groups;
    uint32_t groups_count;
    struct dr_fed_account
        *accounts; /* the first is the root: the federation itself; parents come first */
    uint32_t accounts_count;
    struct dr_fed_allocation *allocations;
    uint32_t allocations_count;
    struct dr_fed_dataset *datasets;
    uint32_t datasets_count;
    struct dr_fed_user *users;
    uint32_t users_count;
    struct dr_fed_names chip_names;
    struct dr_fed_names class_names;
    struct dr_fed_names zone_names;
    struct dr_fed_names cap_names;
    struct dr_fed_names site_names;
    struct dr_fed_names pool_names; /* SITE/POOL */
    struct dr_fed_names group_names;
    struct dr_fed_names account_names;
    struct dr_fed_names allocation_names;
    struct dr_fed_names dataset_names;
    struct dr_fed_names user_names;
};

/* ---- errors.c ---- */

/* What stands at a node, for "found": its text, "a list", "a map", "nothing". */
const char *dr_yaml_found(const struct dr_yaml_node *node);
/* The name that was probably meant, at most two slips away (one in a short name); NULL: none is
 * near. */
const char *dr_closest_name(const char *found, const char *const *names, uint32_t count);

/* dr_arena_push(), always zeroed: parts of the arena are used more than once. */
void *dr_fed_push(struct dr_arena *arena, size_t count, size_t bytes);

/* Room for `count_max` names. 0: the arena is full. */
int dr_fed_names_init(struct dr_fed_names *names, struct dr_arena *arena, uint32_t count_max);
/* The place of a name, or DR_MAP_NONE. */
uint32_t dr_fed_names_find(const struct dr_fed_names *names, const char *name);
/* Add a name that is not there; it is borrowed. Its place is the count before. */
void dr_fed_names_add(struct dr_fed_names *names, const char *name);

/* ---- parse.c ---- */

/* The keys that a part of the file may have: for messages, and for the test that compares docs with
 * code. */
struct dr_federation_section {
    const char *name; /* "sites.NAME.pools.NAME" */
    const char *const *keys;
    uint32_t keys_count;
};
const struct dr_federation_section *dr_federation_sections(uint32_t *count);

/* The one account that all memberships are in, which is then a user's default; 0: none, or several.
 */
uint32_t dr_fed_only_account(const struct dr_membership *memberships, uint32_t count);

/* ---- check.c, check_quotas.c ---- */

/* Capacities, guarantees in proportion, sums; everything that takes more than one part to judge.
 * Sums are left out where `amounts_known` is not set. Returns 0 when the arena is full. */
int dr_federation_check(struct dr_federation *federation, struct dr_error_list *errors,
                        struct dr_error_list *warnings);

/* How much of a CPU or memory group comes with the pools of an accelerator group. */
struct dr_fed_link {
    uint32_t from; /* places (or rows) of groups */
    uint32_t to;
    uint32_t next; /* link to the same group; DR_ROW_NONE: the last */
    uint8_t first; /* 1: no link before it leads to the same group */
    int64_t amount;
};

/* `amount` of a group of which `declared` is all, as a part of `all` of another group, rounded
 * down. */
int64_t dr_fed_proportion(int64_t amount, int64_t all, int64_t declared);

/* ---- write.c ---- */

/* Nodes of a living pool that have not left and are not to leave. */
uint32_t dr_fed_living_nodes(const struct dr_core *core, const struct dr_pool *pool);

/* ---- amounts.c ---- */

/* An amount of a group as people write it: "16", "0.5", "4G". */
#define DR_AMOUNT_BYTES 48
const char *dr_format_amount(uint8_t resource, int64_t amount, char text[DR_AMOUNT_BYTES]);
/* Exact, so that reading it back gives the same: "1h30m", "0.25s", "7d". */
const char *dr_format_exact_duration(int64_t duration_us, char text[DR_AMOUNT_BYTES]);
/* Exact: "512M", "4G", "1T". */
const char *dr_format_exact_memory(int64_t memory_mb, char text[DR_AMOUNT_BYTES]);
/* Exact, micro-units: "0.1234", "12". */
const char *dr_format_exact_money(int64_t micro, char text[DR_AMOUNT_BYTES]);

#endif
