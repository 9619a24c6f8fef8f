/* SPDX-License-Identifier: Apache-2.0 */
/* Changes and their words: what differs in one field, said so that a person can judge it. */
#include <inttypes.h>
#include <stdarg.h>

#include "federation/changes.h"

struct dr_change *dr_change_add(struct dr_differ *differ, const char *kind, const char *name,
                                enum dr_fact_kind fact)
{
    struct dr_change *change = &differ->changes[differ->count];

    DR_ASSERT(differ->count < differ->count_max);
    differ->count += 1;
    memset(change, 0, sizeof *change);
    snprintf(change->kind, sizeof change->kind, "%s", kind);
    snprintf(change->name, sizeof change->name, "%s", name);
    change->declare.kind = fact;
    return change;
}

/* One more part of the sentence; what does not fit ends in "...". */
void dr_say(struct dr_change *change, const char *format, ...)
{
    size_t length = strlen(change->text);
    size_t bytes = sizeof change->text;
    va_list arguments;
    int added;

    if (length > 0)
        length += (size_t)snprintf(change->text + length, bytes - length, "; ");
    if (length >= bytes)
        length = bytes - 1;
    va_start(arguments, format);
    added = vsnprintf(change->text + length, bytes - length, format, arguments);
    va_end(arguments);
    if (added > 0 && length + (size_t)added >= bytes)
        memcpy(change->text + bytes - 4, "...", 4);
}

void dr_say_text(struct dr_change *change, const char *field, const char *from, const char *to)
{
    if (strcmp(from, to) != 0)
        dr_say(change, "%s: %s -> %s", field, from[0] == '\0' ? "none" : from,
               to[0] == '\0' ? "none" : to);
}

void dr_say_number(struct dr_change *change, const char *field, const char *unit, int64_t from,
                   int64_t to)
{
    if (from != to)
        dr_say(change, "%s: %" PRId64 "%s -> %" PRId64 "%s", field, from, unit, to, unit);
}

void dr_say_milli(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_TEXT_BYTES];
    char b[DR_TEXT_BYTES];

    if (from != to)
        dr_say(change, "%s: %s -> %s", field, dr_format_milli(from, a), dr_format_milli(to, b));
}

void dr_say_duration(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        dr_say(change, "%s: %s -> %s", field, dr_format_exact_duration(from, a),
               dr_format_exact_duration(to, b));
}

void dr_say_memory(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        dr_say(change, "%s: %s -> %s", field, dr_format_exact_memory(from, a),
               dr_format_exact_memory(to, b));
}

void dr_say_money(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        dr_say(change, "%s: %s -> %s", field, dr_format_exact_money(from, a),
               dr_format_exact_money(to, b));
}

void dr_say_flag(struct dr_change *change, const char *field, int from, int to)
{
    if (from != to)
        dr_say(change, "%s: %s -> %s", field, from ? "yes" : "no", to ? "yes" : "no");
}

void dr_say_uid(struct dr_change *change, const char *field, uint32_t from, uint32_t to)
{
    char a[16] = "none";
    char b[16] = "none";

    if (from == to)
        return;
    if (from != DR_NO_UID)
        snprintf(a, sizeof a, "%" PRIu32, from);
    if (to != DR_NO_UID)
        snprintf(b, sizeof b, "%" PRIu32, to);
    dr_say(change, "%s: %s -> %s", field, a, b);
}

void dr_change_keep(struct dr_differ *differ, const struct dr_change *change)
{
    if (change->text[0] == '\0')
        differ->count -= 1;
}

struct dr_fact_part_leaving *dr_change_leaves(struct dr_differ *differ, const char *kind,
                                              const char *name, const char *with)
{
    struct dr_change *change = dr_change_add(differ, kind, name, DR_FACT_PART_LEAVING);

    dr_say(change, "leaves with %s", with);
    return &change->declare.part_leaving;
}

void dr_change_refuse(struct dr_differ *differ, uint32_t line, const char *field, const char *found,
                      const char *format, ...)
{
    char expected[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    dr_error_list_add(differ->errors, differ->federation->file, line, field, found, "%s", expected);
}

void dr_say_amount(struct dr_change *change, const char *what, uint8_t resource, const char *group,
                   const char *without, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        dr_say(change, "%s %s: %s -> %s", what, group,
               from == DR_FOREVER_US ? without : dr_format_amount(resource, from, a),
               to == DR_FOREVER_US ? without : dr_format_amount(resource, to, b));
}
