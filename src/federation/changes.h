/* SPDX-License-Identifier: Apache-2.0 */
/* changes.h: what the files that compare a file with the living federation share.
 *
 * changes.c has the order in which these are called, and finds out who is who; the others go
 * through one kind of part each and leave a declaration for what differs. */
#ifndef DR_FEDERATION_CHANGES_H
#define DR_FEDERATION_CHANGES_H

#include "federation/file.h"

struct dr_differ {
    struct dr_federation *federation;
    const struct dr_core *core;
    struct dr_error_list *errors;
    struct dr_change *changes;
    uint32_t count;
    uint32_t count_max;
    /* [place in the file] -> the core's id; above the core's count: to be made */
    uint32_t *chips;
    uint32_t *classes;
    uint32_t *zones;
    uint32_t *sites;
    uint32_t *pools;
    uint32_t *groups;
    uint32_t *accounts;
    uint32_t *allocations;
    uint32_t *datasets;
    uint32_t *users;
    /* [row in the core] -> place in the file plus one; 0: not in it */
    uint32_t *chip_places;
    uint32_t *class_places;
    uint32_t *zone_places;
    uint32_t *site_places;
    uint32_t *pool_places;
    uint32_t *group_places;
    uint32_t *account_places;
    uint32_t *allocation_places;
    uint32_t *dataset_places;
    uint32_t *user_places;
    uint8_t *account_made; /* [place] its first declaration is out */
};

/* ---- changes_words.c ---- */

/* One more change. The caller fills in what it declares, and says why. */
struct dr_change *dr_change_add(struct dr_differ *differ, const char *kind, const char *name,
                                enum dr_fact_kind fact);
/* Of an existing part: keep the change if it says something, else take it back. */
void dr_change_keep(struct dr_differ *differ, const struct dr_change *change);
/* One more change: a part that is still in use leaves with `with`, "its last node". The caller
 * names the part in what is returned. */
struct dr_fact_part_leaving *dr_change_leaves(struct dr_differ *differ, const char *kind,
                                              const char *name, const char *with);
/* The file asks for what can't be. */
void dr_change_refuse(struct dr_differ *differ, uint32_t line, const char *field, const char *found,
                      const char *format, ...) DR_PRINTF(5, 6);

/* One more part of the sentence; what does not fit ends in "...". */
void dr_say(struct dr_change *change, const char *format, ...) DR_PRINTF(2, 3);
/* These say what differs in one field, and are silent where nothing does. */
void dr_say_text(struct dr_change *change, const char *field, const char *from, const char *to);
void dr_say_number(struct dr_change *change, const char *field, const char *unit, int64_t from,
                   int64_t to);
void dr_say_milli(struct dr_change *change, const char *field, int64_t from, int64_t to);
void dr_say_duration(struct dr_change *change, const char *field, int64_t from, int64_t to);
void dr_say_memory(struct dr_change *change, const char *field, int64_t from, int64_t to);
void dr_say_money(struct dr_change *change, const char *field, int64_t from, int64_t to);
void dr_say_flag(struct dr_change *change, const char *field, int from, int to);
void dr_say_uid(struct dr_change *change, const char *field, uint32_t from, uint32_t to);
/* An amount of a group; `without` is the word for DR_FOREVER_US. */
void dr_say_amount(struct dr_change *change, const char *what, uint8_t resource, const char *group,
                   const char *without, int64_t from, int64_t to);

/* ---- changes_sites.c ---- */

void dr_declare_settings(struct dr_differ *differ);
void dr_declare_chips(struct dr_differ *differ);
void dr_declare_classes(struct dr_differ *differ);
void dr_declare_sites(struct dr_differ *differ);
/* Sites, chips and data classes that are not in the file; at once, or with the last pool. */
void dr_remove_places(struct dr_differ *differ);

/* ---- changes_accounts.c ---- */

void dr_declare_groups(struct dr_differ *differ);
/* Guarantees go down first, from the leaves up, so that those that go up find room. */
void dr_lower_guarantees(struct dr_differ *differ);
/* Accounts that pools name, and all above them, have to be there before the pools; what they are
 * guaranteed comes after. The root is one of them. They are found before ids are given out. */
void dr_find_needed_accounts(struct dr_differ *differ);
void dr_declare_needed_accounts(struct dr_differ *differ);
void dr_declare_account(struct dr_differ *differ, uint32_t place);
void dr_remove_groups(struct dr_differ *differ);
void dr_remove_accounts(struct dr_differ *differ);

/* ---- changes_allocations.c ---- */

/* Those that go, and those that become less; then the others. */
void dr_lower_allocations(struct dr_differ *differ);
void dr_declare_allocations(struct dr_differ *differ);

/* ---- changes_zones.c ---- */

void dr_declare_zones(struct dr_differ *differ);
/* After the sites in it. */
void dr_remove_zones(struct dr_differ *differ);
/* Those that are called off; then the others. */
void dr_lower_caps(struct dr_differ *differ);
void dr_declare_caps(struct dr_differ *differ);

/* ---- changes_pools.c ---- */

void dr_declare_pools(struct dr_differ *differ);
/* Pools that are not in the file: their nodes leave, and when the last has left, they do. */
void dr_remove_pools(struct dr_differ *differ);
/* After dr_remove_pools(): does a pool that stays, or still drains, stand on this site, on this
 * chip, count in this group, or belong to this account? Ids of the core; 0: that is not asked. */
int dr_pool_stands(const struct dr_differ *differ, uint32_t site, uint32_t chip, uint32_t group,
                   uint32_t owner);

/* ---- changes_users.c ---- */

void dr_declare_datasets(struct dr_differ *differ);
void dr_remove_users(struct dr_differ *differ);
/* Two users may not have one uid, not even between two changes: who gives one away to another user
 * of the file is left without first. 0: the arena is full. */
int dr_free_uids(struct dr_differ *differ);
void dr_declare_users(struct dr_differ *differ);

#endif
