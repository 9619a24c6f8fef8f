/* SPDX-License-Identifier: Apache-2.0 */
/* fact.h: one thing that happened, and how it is written down.
 *
 * The list of facts and their fields is core/fact_table.h. A record is a length, then the header,
 * then the fields in order; integers are LEB128 (signed ones zigzag), lists begin with their count.
 * A record that ends early reads the missing fields as zero: that is how old records stay readable.
 *
 * Lists, notes, source and reason are borrowed: a decoded fact points into the arena given to the
 * decoder.
 */
#ifndef DR_CORE_FACT_H
#define DR_CORE_FACT_H

#include "base/arena.h"
#include "core/fact_table.h"
#include "core/types.h"

#define DR_NO_UID     UINT32_MAX
#define DR_NOTE_BYTES 256

/* type, C declaration */
#define DR_FIELD_DECLARE(type, name, doc) DR_DECLARE_##type(name)
#define DR_DECLARE_u8(name)               uint8_t name;
#define DR_DECLARE_u32(name)              uint32_t name;
#define DR_DECLARE_u64(name)              uint64_t name;
#define DR_DECLARE_i32(name)              int32_t name;
#define DR_DECLARE_i64(name)              int64_t name;
#define DR_DECLARE_name(field)            char field[DR_NAME_BYTES];
#define DR_DECLARE_note(name)             const char *name;
#define DR_DECLARE_hash(name)             uint8_t name[32];
#define DR_DECLARE_sites(name)            struct dr_site_set name;
#define DR_DECLARE_LIST(type, name) \
    const type *name;               \
    uint32_t name##_count;
#define DR_DECLARE_extents(name)      DR_DECLARE_LIST(struct dr_extent, name)
#define DR_DECLARE_alternatives(name) DR_DECLARE_LIST(struct dr_alternative, name)
#define DR_DECLARE_dependencies(name) DR_DECLARE_LIST(struct dr_dependency, name)
#define DR_DECLARE_levels(name)       DR_DECLARE_LIST(struct dr_level, name)
#define DR_DECLARE_memberships(name)  DR_DECLARE_LIST(struct dr_membership, name)
#define DR_DECLARE_limits(name)       DR_DECLARE_LIST(struct dr_quota_limits, name)
#define DR_DECLARE_u32s(name)         DR_DECLARE_LIST(uint32_t, name)
#define DR_DECLARE_i64s(name)         DR_DECLARE_LIST(int64_t, name)

struct dr_name {
    char text[DR_NAME_BYTES];
};
#define DR_DECLARE_names(name) DR_DECLARE_LIST(struct dr_name, name)

#define DR_FACT_STRUCT(number, NAME, name, doc) \
    struct dr_fact_##name {                     \
        DR_FIELDS_##name(DR_FIELD_DECLARE)      \
    };
DR_FACTS(DR_FACT_STRUCT)

enum dr_fact_kind {
#define DR_FACT_ENUM(number, NAME, name, doc) DR_FACT_##NAME = number,
    DR_FACTS(DR_FACT_ENUM)
#undef DR_FACT_ENUM
};

struct dr_fact {
    uint64_t seq;
    int64_t time_us;
    enum dr_fact_kind kind;
    dr_user_id user;   /* who asked; 0: the system itself */
    dr_token_id token; /* by which token; 0: none (the kernel's word on a unix socket) */
    const char
        *source; /* from where: "unix:uid=1000,pid=4711", "tcp:127.0.0.1:40112"; NULL: inside */
    const char *reason; /* what the person gave as reason; NULL: none */
    union {
#define DR_FACT_MEMBER(number, NAME, name, doc) struct dr_fact_##name name;
        DR_FACTS(DR_FACT_MEMBER)
#undef DR_FACT_MEMBER
    };
};

/* The job that a fact is about; 0: none. */
uint64_t dr_fact_job(const struct dr_fact *fact);

/* ---- the codec ---- */

/* Largest record: what admit() accepts stays below it. */
#define DR_FACT_BYTES_MAX (4u << 20)

/* Write the record of a fact, its length ahead. Returns the bytes written; 0: no room. */
uint32_t dr_fact_encode(const struct dr_fact *fact, uint8_t *bytes, uint32_t bytes_max);

/* Read one record at the front of `bytes`. Lists go into `arena`. `*taken` is the record's size
 * with its length. The fact's seq is not in the record: the caller counts. The content is checked
 * (names, enumerators, counts), so that a decoded fact can't index outside anything by itself.
 *
 * DR_E_CORRUPT: not a record; `error->field` names what was wrong, `error->found` the offset.
 * DR_E_FULL: the arena is too small. DR_E_END: bytes_count is 0. */
DR_MUST_USE enum dr_status dr_fact_decode(const uint8_t *bytes, uint32_t bytes_count,
                                          struct dr_arena *arena, struct dr_fact *fact,
                                          uint32_t *taken, struct dr_error *error);

/* ---- what the table says, for JSON and docs ---- */

enum dr_field_type {
    DR_FIELD_u8,
    DR_FIELD_u32,
    DR_FIELD_u64,
    DR_FIELD_i32,
    DR_FIELD_i64,
    DR_FIELD_name,
    DR_FIELD_note,
    DR_FIELD_hash,
    DR_FIELD_sites,
    DR_FIELD_extents,
    DR_FIELD_alternatives,
    DR_FIELD_dependencies,
    DR_FIELD_levels,
    DR_FIELD_memberships,
    DR_FIELD_limits,
    DR_FIELD_u32s,
    DR_FIELD_i64s,
    DR_FIELD_names,
};

struct dr_field {
    const char *name;
    enum dr_field_type type;
    uint32_t offset;       /* in struct dr_fact */
    uint32_t count_offset; /* of a list's count in struct dr_fact; 0: no list */
    const char *doc;
};

struct dr_fact_description {
    enum dr_fact_kind kind;
    const char *name; /* "JOB_PLACED" */
    const char *doc;
    const struct dr_field *fields;
    uint32_t fields_count;
};

/* The description of a kind; NULL for a number that is none. */
const struct dr_fact_description *dr_fact_describe(uint32_t kind);
/* All of them in the table's order. */
const struct dr_fact_description *dr_fact_descriptions(uint32_t *count);

#endif
