/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fact_words.h"

#include "base/text.h"
#include "core/fact.h"

#define INSTANT_LEAST_US (INT64_C(30) * 365 * DR_DAY_US) /* no duration is so long */

const char *dr_rule_words(const char *rule)
{
    static const struct {
        const char *name;
        const char *text;
    } rules[] = {
#define DR_ENUM(name, text) {#name, text},
        DR_RULES(DR_ENUM)
#undef DR_ENUM
    };

    for (uint32_t i = 0; i < DR_COUNT_OF(rules); i += 1) {
        if (strcmp(rules[i].name, rule) == 0)
            return rules[i].text;
    }
    return rule;
}

void dr_extent_words(struct dr_buffer *text, const json_t *fact)
{
    const json_t *extents = json_object_get(fact, "extents");
    int64_t share = dr_member_number(fact, "share_milli");
    char milli[DR_TEXT_BYTES];
    json_t *extent;
    size_t i;

    json_array_foreach(extents, i, extent)
    {
        const json_t *bits = json_object_get(extent, "accelerators");
        int64_t first = -1;
        int64_t last = -1;

        dr_buffer_printf(text, "%s%s", i > 0 ? ";" : "", dr_member_text(extent, "node_name"));
        if (json_array_size(bits) == 0)
            continue;
        dr_buffer_append_text(text, ":");
        for (size_t b = 0; b <= json_array_size(bits); b += 1) {
            int64_t bit =
                b < json_array_size(bits) ? json_integer_value(json_array_get(bits, b)) : -2;

            if (last >= 0 && bit == last + 1) {
                last = bit;
                continue;
            }
            if (last >= 0)
                dr_buffer_printf(text, last > first ? "%lld-%lld" : "%lld", (long long)first,
                                 (long long)last);
            if (last >= 0 && bit >= 0)
                dr_buffer_append_text(text, "+");
            first = bit;
            last = bit;
        }
        if (share > 0)
            dr_buffer_printf(text, "@%s",
                             dr_format_milli(share * dr_member_number(extent, "tasks"), milli));
    }
}

static void job_and_attempt(struct dr_buffer *text, const json_t *fact)
{
    dr_buffer_printf(text, "job %s attempt %s", dr_member_text(fact, "job"),
                     dr_member_text(fact, "attempt"));
}

static void placed(struct dr_buffer *text, const json_t *fact)
{
    char money[DR_TEXT_BYTES];

    job_and_attempt(text, fact);
    dr_buffer_printf(text, " placed in %s on ", dr_member_text(fact, "pool_name"));
    dr_extent_words(text, fact);
    dr_buffer_printf(text, " (%s, tier %s, cost %s)", dr_member_text(fact, "rule"),
                     dr_member_text(fact, "tier"),
                     dr_format_money(dr_member_number(fact, "cost_micro"), money));
}

static void stopping(struct dr_buffer *text, const json_t *fact)
{
    job_and_attempt(text, fact);
    dr_buffer_printf(text, " told to leave: %s", dr_member_text(fact, "cause"));
    if (dr_member_number(fact, "for_job") > 0)
        dr_buffer_printf(text, ", for job %s (loss %s accelerator-seconds)",
                         dr_member_text(fact, "for_job"), dr_member_text(fact, "loss"));
    if (dr_member_number(fact, "until_us") > 0)
        dr_buffer_printf(text, "; its grace ends %s",
                         dr_show_clock(dr_member_number(fact, "until_us")));
}

static void ended(struct dr_buffer *text, const json_t *fact)
{
    const char *outcome = dr_member_text(fact, "outcome");

    job_and_attempt(text, fact);
    dr_buffer_printf(text, " ended: %s", outcome);
    if (strcmp(outcome, "EXITED") == 0)
        dr_buffer_printf(text, " with code %s", dr_member_text(fact, "exit_code"));
    if (dr_member_number(fact, "signal") > 0)
        dr_buffer_printf(text, " by signal %s", dr_member_text(fact, "signal"));
    dr_buffer_printf(text, "; the job is %s", dr_member_text(fact, "next_state"));
}

static void reserved_for(struct dr_buffer *text, const json_t *fact)
{
    const json_t *accounts = json_object_get(fact, "accounts_names");
    json_t *account;
    size_t i;

    dr_buffer_append_text(text, json_array_size(accounts) == 0 ? " for maintenance" : " for ");
    json_array_foreach(accounts, i, account)
        dr_buffer_printf(text, "%s%s", i == 0 ? "" : ", ", json_string_value(account));
    if (dr_member_number(fact, "site") != 0)
        dr_buffer_printf(text, " of site %s", dr_member_text(fact, "site_name"));
    if (dr_member_number(fact, "pool") != 0)
        dr_buffer_printf(text, " of pool %s", dr_member_text(fact, "pool_name"));
    if (dr_member_number(fact, "count") != 0)
        dr_buffer_printf(text, ", %s nodes", dr_member_text(fact, "count"));
    dr_buffer_printf(text, ", from %s until %s", dr_show_instant(dr_member_number(fact, "from_us")),
                     dr_show_instant(dr_member_number(fact, "until_us")));
}

/* Kinds whose words are more than what the table says of them. */
static int special(struct dr_buffer *text, const json_t *fact, const char *kind)
{
    if (strcmp(kind, "JOB_ACCEPTED") == 0) {
        dr_buffer_printf(text, "job %s accepted into %s for %s", dr_member_text(fact, "job"),
                         dr_member_text(fact, "account_name"),
                         dr_member_text(fact, "job_user_name"));
    } else if (strcmp(kind, "JOB_PLACED") == 0) {
        placed(text, fact);
    } else if (strcmp(kind, "ATTEMPT_STARTED") == 0) {
        job_and_attempt(text, fact);
        dr_buffer_append_text(text, " runs");
    } else if (strcmp(kind, "ATTEMPT_REACH") == 0) {
        job_and_attempt(text, fact);
        dr_buffer_append_text(text, dr_member_number(fact, "answers") > 0
                                        ? " is in its site's sight again"
                                        : " is out of its site's sight, and may run on");
    } else if (strcmp(kind, "CHECKPOINT_SEEN") == 0) {
        job_and_attempt(text, fact);
        dr_buffer_append_text(text, " has saved its work");
    } else if (strcmp(kind, "ATTEMPT_STOPPING") == 0) {
        stopping(text, fact);
    } else if (strcmp(kind, "ATTEMPT_ENDED") == 0) {
        ended(text, fact);
    } else if (strcmp(kind, "JOB_ENDED") == 0) {
        dr_buffer_printf(text, "job %s is %s", dr_member_text(fact, "job"),
                         dr_member_text(fact, "state"));
    } else if (strcmp(kind, "JOB_PROMISED") == 0) {
        dr_buffer_printf(text, "job %s promised a place in %s: ", dr_member_text(fact, "job"),
                         dr_member_text(fact, "pool_name"));
        dr_extent_words(text, fact);
        dr_buffer_printf(text, "; %s gangs are told to leave (%s)", dr_member_text(fact, "victims"),
                         dr_member_text(fact, "cause"));
    } else if (strcmp(kind, "RESERVATION_MADE") == 0) {
        dr_buffer_printf(text, "job %s holds a place in %s from %s", dr_member_text(fact, "job"),
                         dr_member_text(fact, "pool_name"),
                         dr_show_clock(dr_member_number(fact, "start_us")));
    } else if (strcmp(kind, "WINDOW_MADE") == 0) {
        dr_buffer_printf(text, "advance reservation %s", dr_member_text(fact, "name"));
        reserved_for(text, fact);
    } else if (strcmp(kind, "WINDOW_DROPPED") == 0) {
        dr_buffer_printf(text, "advance reservation %s %s", dr_member_text(fact, "name"),
                         dr_member_true(fact, "over") ? "is over" : "was called off");
    } else if (strcmp(kind, "WINDOW_HELD") == 0) {
        dr_buffer_printf(text, "advance reservation %s has begun: %s attempts of others are left",
                         dr_member_text(fact, "name"), dr_member_text(fact, "attempts"));
    } else {
        return 0;
    }
    return 1;
}

/* "a node was drained, resumed, ..." and then the plain members. */
/* Microseconds as a person reads them: an instant, or a duration. */
static const char *words_of(const char *member, const json_t *value)
{
    size_t length = strlen(member);
    int64_t us = json_integer_value(value);

    if (length > 3 && strcmp(member + length - 3, "_us") == 0 && json_is_integer(value))
        return us >= INSTANT_LEAST_US ? dr_show_instant(us) : dr_show_duration(us);
    return NULL;
}

static void general(struct dr_buffer *text, const json_t *fact, const char *kind)
{
    static const char *const left_out[] = {"seq",          "time_us",  "kind",   "by_user",
                                           "by_user_name", "by_token", "source", "reason"};
    uint32_t count;
    const struct dr_fact_description *all = dr_fact_descriptions(&count);
    const char *member;
    json_t *value;
    int first = 1;

    for (uint32_t i = 0; i < count; i += 1) {
        if (strcmp(all[i].name, kind) == 0)
            dr_buffer_append_text(text, all[i].doc);
    }
    json_object_foreach((json_t *)(uintptr_t)fact, member, value)
    {
        const char *words;
        int skip = json_is_array(value) || json_is_object(value) || json_is_null(value);

        for (uint32_t i = 0; i < DR_COUNT_OF(left_out); i += 1)
            skip = skip || strcmp(member, left_out[i]) == 0;
        if (skip || text->length > 400)
            continue;
        words = words_of(member, value);
        dr_buffer_printf(text, "%s%s %s", first ? ": " : ", ", member,
                         words != NULL ? words : dr_member_text(fact, member));
        first = 0;
    }
}

void dr_fact_words(struct dr_buffer *text, const json_t *fact)
{
    const char *kind = dr_member_text(fact, "kind");
    const char *user = dr_member_text(fact, "by_user_name");
    const char *reason = dr_member_text(fact, "reason");

    if (!special(text, fact, kind))
        general(text, fact, kind);
    if (user[0] != '\0')
        dr_buffer_printf(text, " [%s%s%s]", user, reason[0] != '\0' ? ": " : "", reason);
}
