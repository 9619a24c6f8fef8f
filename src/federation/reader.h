/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h: how the sections of a file are read; between parse*.c and values.c.
 *
 * Nothing here stops at a mistake: it is noted with the reader's path and a line, the value stays
 * what it was (a harmless default), and reading goes on. */
#ifndef DR_FEDERATION_READER_H
#define DR_FEDERATION_READER_H

#include "federation/file.h"

#define DR_FED_NEEDED   1
#define DR_FED_OPTIONAL 0

struct dr_fed_reader {
    struct dr_federation *federation;
    struct dr_error_list *errors;
    const char *file;
    char path[512];    /* "sites.gwangju.pools.b300" */
    uint32_t line;     /* of the part that is being read, for what is missing in it */
    int groups_unsure; /* a pool's chip, owner or group could not be read */
};

extern const char dr_fed_expected_name[];
extern const char dr_fed_expected_money[];

/* Note a mistake at the path, and `part` of it (NULL: the path itself). */
void dr_fed_wrong(struct dr_fed_reader *reader, uint32_t line, const char *part, const char *found,
                  const char *expected_format, ...) DR_PRINTF(5, 6);

/* Go down to a part, or to an item of a list; the result is for dr_fed_leave(). */
size_t dr_fed_enter(struct dr_fed_reader *reader, const char *part);
size_t dr_fed_enter_item(struct dr_fed_reader *reader, uint32_t item);
void dr_fed_leave(struct dr_fed_reader *reader, size_t length);

/* "; did you mean 'x'?", or what there is to choose from when it is little, or "". */
const char *dr_fed_hint(char text[300], const char *found, const char *const *names,
                        uint32_t count);

/* Two of a name in one map. */
void dr_fed_check_duplicates(struct dr_fed_reader *reader, const struct dr_yaml_node *map);

/* Is it a map with no keys but those of the section (dr_federation_sections())? 0: it is no map.
 * Nothing at all is an empty map. */
int dr_fed_check_map(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                     const char *section);

/* The scalar under `key`; NULL where it is missing (a mistake when `needed`) or is no scalar (one
 * always). */
const struct dr_yaml_node *dr_fed_take(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                                       const char *key, int needed, const char *expected);

/* One value each; what is missing or wrong leaves it as it was. */
void dr_fed_read_label(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, char to[DR_NAME_BYTES]);
void dr_fed_read_name(struct dr_fed_reader *reader, const struct dr_yaml_node *map, const char *key,
                      int needed, char to[DR_NAME_BYTES]);
void dr_fed_read_u32(struct dr_fed_reader *reader, const struct dr_yaml_node *map, const char *key,
                     int needed, uint32_t min, uint32_t max, uint32_t *value);
void dr_fed_read_milli(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int needed, int64_t min, int64_t max, uint32_t *value);
void dr_fed_read_duration(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                          const char *key, int needed, int64_t min_us, int64_t max_us,
                          int64_t *duration_us);
void dr_fed_read_memory(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        const char *key, int needed, int64_t *memory_mb);
void dr_fed_read_money(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int64_t *micro);
void dr_fed_read_watts(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int64_t *watts);
void dr_fed_read_bool(struct dr_fed_reader *reader, const struct dr_yaml_node *map, const char *key,
                      uint8_t *value);
/* The place in `names`. */
void dr_fed_read_choice(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        const char *key, const char *const *names, uint32_t count, uint8_t *value);

/* A day, or a second with its zone; needed. */
void dr_fed_read_instant(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                         const char *key, int64_t *instant_us);

/* A decimal with up to `places` places, as a whole number of 10^-places, at most `max`; `*rest` is
 * what stands behind it. */
int dr_fed_parse_decimal(const char *text, int places, int64_t max, int64_t *value,
                         const char **rest);
int dr_fed_parse_money(const char *text, int64_t *micro);

/* A uid, or the name of an account of this machine, with its group. 0: there is no such account. */
int dr_fed_unix_account(const char *text, uint32_t *uid, uint32_t *gid);

/* The list under `key`, or NULL. A single scalar counts as a list of one: `*single` is then it.
 * Walk it with first_item() and next_item(). */
const struct dr_yaml_node *dr_fed_take_list(struct dr_fed_reader *reader,
                                            const struct dr_yaml_node *map, const char *key,
                                            const char *of, const struct dr_yaml_node **single);
const struct dr_yaml_node *dr_fed_first_item(const struct dr_yaml_node *list,
                                             const struct dr_yaml_node *single);
const struct dr_yaml_node *dr_fed_next_item(const struct dr_yaml_node *item,
                                            const struct dr_yaml_node *single);

/* A list of names (or, with `as_names` 0, of texts), each once, at most `count_max`. */
void dr_fed_read_names(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                       const char *key, int as_names, uint32_t count_max,
                       const struct dr_name **names, uint32_t *count);

/* The place of a declared part plus one; 0 and a mistake where there is none. `kind`: "an account".
 */
uint32_t dr_fed_refer(struct dr_fed_reader *reader, const struct dr_yaml_node *node,
                      const char *part, const char *kind, const struct dr_fed_names *names);
/* The same for the value under `key`; 0 without a mistake where the key is missing. */
uint32_t dr_fed_read_reference(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                               const char *key, const char *kind, const struct dr_fed_names *names);

/* The map of a section, from names to parts; NULL: there is none. */
const struct dr_yaml_node *dr_fed_section_of(struct dr_fed_reader *reader,
                                             const struct dr_yaml_node *map, const char *key,
                                             int needed, const char *what);
uint32_t dr_fed_section_count(const struct dr_yaml_node *section);
/* Room for what a section may hold, and for its names; NULL and a mistake when there is none. */
void *dr_fed_section_room(struct dr_fed_reader *reader, const char *key, uint32_t count,
                          uint32_t count_max, size_t bytes, struct dr_fed_names *names);
/* Enter one part and give it its place; 0: its name is no name or stands there twice. */
int dr_fed_enter_part(struct dr_fed_reader *reader, const struct dr_yaml_node *part,
                      struct dr_fed_names *names, const char *name, size_t *length);

/* ---- parse_accounts.c, parse_zones.c, parse_sites.c, parse_slurm.c, parse_pools.c,
 * parse_allocations.c, parse_users.c: in the order of these calls
 * ---- */

uint32_t dr_fed_count_accounts(const struct dr_yaml_node *section);
/* Accounts below `parent` (its place), with all below them. */
void dr_fed_read_account_tree(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                              uint32_t parent);
void dr_fed_read_zones(struct dr_fed_reader *reader, const struct dr_yaml_node *top);
void dr_fed_read_sites(struct dr_fed_reader *reader, const struct dr_yaml_node *top);
/* The settings of a Slurm site, and of a pool there (parse_slurm.c); mistakes where the engine is
 * another one. */
void dr_fed_read_slurm(struct dr_fed_reader *reader, const struct dr_yaml_node *site,
                       struct dr_fact_site_set *set);
void dr_fed_read_slurm_pool(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                            const struct dr_fact_site_set *site, struct dr_fact_pool_set *set);
/* One pool of the site at place `site`. */
void dr_fed_read_pool(struct dr_fed_reader *reader, const struct dr_yaml_node *part, uint32_t site);
/* 0: there is no room for them. */
int dr_fed_read_all_guarantees(struct dr_fed_reader *reader);
/* An amount of a group's resource; `without`: the word for no limit, or NULL. */
void dr_fed_read_amount(struct dr_fed_reader *reader, const struct dr_yaml_node *node,
                        const char *part, uint8_t resource, const char *without, int64_t *amount);
void dr_fed_read_allocations(struct dr_fed_reader *reader, const struct dr_yaml_node *top);
void dr_fed_read_caps(struct dr_fed_reader *reader, const struct dr_yaml_node *top);
void dr_fed_read_datasets(struct dr_fed_reader *reader, const struct dr_yaml_node *top);
void dr_fed_read_users(struct dr_fed_reader *reader, const struct dr_yaml_node *top);

#endif
