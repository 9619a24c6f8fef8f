/* SPDX-License-Identifier: Apache-2.0 */
/* federation.h: the YAML file in which a person says what there is, and how it becomes facts.
 *
 * A file is read whole and judged whole: every mistake is reported with file, line, field, the
 * value found and what was expected. What passes is compared with the living federation, and the
 * difference comes out as declarations for dr_admit(), in an order in which each is valid when the
 * ones before it have been admitted. So `daero check` is dr_federation_read(), `daero apply` is
 * dr_federation_read(), dr_federation_changes() and one DR_COMMAND_DECLARE per change, and `daero
 * apply` of what dr_federation_write() wrote changes nothing.
 *
 * Every key with its unit, range, default and an example: docs/formats/federation.md.
 *
 * Not thread-safe beyond the obvious: a struct dr_federation belongs to one thread. Names of Unix
 * accounts are looked up with getpwnam_r() while parsing, so a check says what is true on the
 * machine it runs on. */
#ifndef DR_FEDERATION_FEDERATION_H
#define DR_FEDERATION_FEDERATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/status.h"
#include "core/core.h"

/* enum dr_ordering as the file says it. */
#define DR_FEDERATION_ENGINES_COUNT 3
extern const char *const DR_FEDERATION_ENGINES[DR_FEDERATION_ENGINES_COUNT];
#define DR_FEDERATION_ORDERS_COUNT 4
extern const char *const DR_FEDERATION_ORDERS[DR_FEDERATION_ORDERS_COUNT];
#define DR_FEDERATION_PLACEMENTS_COUNT 4
extern const char *const DR_FEDERATION_PLACEMENTS[DR_FEDERATION_PLACEMENTS_COUNT];

/* A larger file is refused before it is parsed. */
#define DR_FEDERATION_BYTES_MAX (16u << 20)

/* A whole file, parsed and checked. */
struct dr_federation;

/* The mistakes of a file, in the order of their lines. Begin with an empty one ({0}); it grows up
 * to 1000, after which one more says that there are more. */
struct dr_error_list {
    struct dr_error *errors;
    uint32_t count;
    uint32_t count_max; /* of what is allocated */
};

/* Accepts an empty list. Fits DR_CLEANUP. */
void dr_error_list_deinit(struct dr_error_list *list);
/* Add one; see dr_error_set(). `list` NULL: nobody wants to know. */
void dr_error_list_add(struct dr_error_list *list, const char *file, uint32_t line,
                       const char *field, const char *found, const char *expected_format, ...)
    DR_PRINTF(6, 7);
/* Into the order of their lines; those of one line stay as they were. */
void dr_error_list_sort(struct dr_error_list *list);

/* Parse and check a whole file.
 *
 * file_name  stands in the errors; nothing is opened.
 * errors     gets every mistake; `field` is the path (`sites.gwangju.pools.b300.nodes`).
 * warnings   gets what is allowed but is probably not meant; may be NULL.
 *
 * DR_OK       `*federation` is the caller's, until dr_federation_close().
 * DR_E_INPUT  at least one error was added; `*federation` is NULL. */
DR_MUST_USE enum dr_status dr_federation_parse(struct dr_federation **federation,
                                               const char *file_name, const char *yaml,
                                               size_t bytes, struct dr_error_list *errors,
                                               struct dr_error_list *warnings);

/* A change to what a file says: what if it said so? */
enum dr_edit_kind {
    DR_EDIT_ADD_NODES, /* name: SITE/POOL; amount: nodes, "16" */
    DR_EDIT_GUARANTEE, /* name: an account; amount: "+10%", "-16", "64" accelerators */
    DR_EDIT_CAP,       /* name: a site; amount: "3MW", "none" */
};
struct dr_edit {
    enum dr_edit_kind kind;
    const char *name;
    const char
        *group; /* of a guarantee; NULL: the one there is, or each where it is a percentage */
    const char *amount;
};

/* dr_federation_parse() of a file that is changed before it is judged: capacities, sums and what
 * follows from them are those of the changed one. Accounts above one whose guarantee is raised are
 * raised as far as they need for it. An edit that is wrong is an error whose field is "add",
 * "quota" or "cap", with no file. */
DR_MUST_USE enum dr_status dr_federation_parse_edited(struct dr_federation **federation,
                                                      const char *file_name, const char *yaml,
                                                      size_t bytes, const struct dr_edit *edits,
                                                      uint32_t edits_count,
                                                      struct dr_error_list *errors,
                                                      struct dr_error_list *warnings);

/* dr_federation_parse() of a file. A file that can't be read is an error of the list too
 * (DR_E_INPUT). */
DR_MUST_USE enum dr_status dr_federation_read(struct dr_federation **federation, const char *path,
                                              struct dr_error_list *errors,
                                              struct dr_error_list *warnings);

/* Accepts NULL. */
void dr_federation_close(struct dr_federation *federation);

/* One difference between a file and the living federation. */
struct dr_change {
    char kind[16]; /* "settings", "chip", "site", "group", "pool", "nodes", "data class",
                      "dataset", "account", "zone", "cap", "user" */
    char name[DR_NAME_BYTES * 2]; /* of the part: "h200", "here/virtual" */
    char text[256];               /* in words: "guarantee h200: 8 -> 16", "new", "removed" */
    struct dr_fact declare; /* for DR_COMMAND_DECLARE; seq, time and actor are not filled in */
};

/* The difference to the living federation.
 *
 * The changes are to be admitted one after another, in order and without other declarations
 * between: ids of new parts are predicted (row + 1), and later changes refer to them. Guarantees
 * are lowered before others are raised, parts come before what refers to them, and go after it.
 * Stop at the first refusal.
 *
 * changes  [*count], borrowed from `federation`: valid until it is closed or asked again.
 *
 * DR_OK       `*count` may be 0: nothing differs.
 * DR_E_INPUT  the file asks for what can't be changed (a pool's chip, an account's parent) or for
 * more than the core's tables hold; `errors` says what. */
DR_MUST_USE enum dr_status dr_federation_changes(struct dr_federation *federation,
                                                 const struct dr_core *core,
                                                 struct dr_change **changes, uint32_t *count,
                                                 struct dr_error_list *errors);

/* The living federation as YAML, which parses back to no change. `yaml` is appended to;
 * `yaml->full` says that it was too small. */
void dr_federation_write(const struct dr_core *core, struct dr_buffer *yaml);

/* Power as people write it: 700, 700W, 1.2kW, 3MW, 0.4GW. 0: it is none, or above 1000 GW. */
int dr_parse_watts(const char *text, int64_t *watts);

/* What `daero serve` was given nothing about: this machine as one site, its user as the admin. */
struct dr_machine {
    uint32_t cpus;     /* at least 1 */
    int64_t memory_mb; /* for jobs; at least 1 */
    /* Its accelerators by chip; none: a pool without. Only the first chip's make the pool. */
    struct {
        char chip[DR_NAME_BYTES]; /* made into a valid name where it is none: "NVIDIA H200" */
        char vendor[DR_NAME_BYTES];
        uint32_t count;
        int64_t memory_mb;
        int64_t busy_w; /* 0: unknown */
    } accelerators[8];
    uint32_t accelerators_count;
    char user[DR_NAME_BYTES]; /* made into a valid name where it is none */
    uint32_t uid;
};

/* Write a federation file for a machine: it passes dr_federation_parse() without an error. */
void dr_federation_default(struct dr_buffer *yaml, const struct dr_machine *machine);

#endif
