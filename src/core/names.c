/* SPDX-License-Identifier: Apache-2.0 */
/* The names of closed sets, from the tables in types.h and command.h. */
#include "core/command.h"

#define DR_NAME_CASE(name, text) \
    case DR_PREFIX(name):        \
        return #name;
#define DR_TEXT_CASE(name, text) \
    case DR_PREFIX(name):        \
        return text;

#define DR_NAMES(function, type, table)   \
    const char *function(enum type value) \
    {                                     \
        switch (value) {                  \
            table(DR_NAME_CASE)           \
        }                                 \
        return "?";                       \
    }

#define DR_PREFIX(name) DR_JOB_##name
DR_NAMES(dr_job_state_name, dr_job_state, DR_JOB_STATES)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_OUTCOME_##name
DR_NAMES(dr_outcome_name, dr_outcome, DR_OUTCOMES)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_STOP_##name
DR_NAMES(dr_stop_cause_name, dr_stop_cause, DR_STOP_CAUSES)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_REASON_##name
DR_NAMES(dr_reason_name, dr_reason, DR_REASONS)

const char *dr_reason_text(enum dr_reason value)
{
    switch (value) {
        DR_REASONS(DR_TEXT_CASE)
    }
    return "?";
}
#undef DR_PREFIX
#define DR_PREFIX(name) DR_RULE_##name
DR_NAMES(dr_rule_name, dr_rule, DR_RULES)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_ENGINE_##name
DR_NAMES(dr_engine_kind_name, dr_engine_kind, DR_ENGINES)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_DEPENDENCY_##name
DR_NAMES(dr_dependency_kind_name, dr_dependency_kind, DR_DEPENDENCY_KINDS)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_SHARE_##name
DR_NAMES(dr_share_name, dr_share, DR_SHARES)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_FAIR_PREEMPTION_##name
DR_NAMES(dr_fair_preemption_name, dr_fair_preemption, DR_FAIR_PREEMPTIONS)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_ORDERING_##name
DR_NAMES(dr_ordering_name, dr_ordering, DR_ORDERINGS)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_PLACEMENT_##name
DR_NAMES(dr_placement_name, dr_placement, DR_PLACEMENTS)
#undef DR_PREFIX
#define DR_PREFIX(name) DR_REFUSAL_##name
DR_NAMES(dr_refusal_name, dr_refusal_kind, DR_REFUSALS)
#undef DR_PREFIX

/* These two have a counting enumerator besides. */
const char *dr_resource_name(enum dr_resource value)
{
    switch (value) {
#define DR_PREFIX(name) DR_RESOURCE_##name
        DR_RESOURCES(DR_NAME_CASE)
#undef DR_PREFIX
    case DR_RESOURCE_COUNT:
        break;
    }
    return "?";
}

const char *dr_role_name(enum dr_role value)
{
    switch (value) {
#define DR_PREFIX(name) DR_ROLE_##name
        DR_ROLES(DR_NAME_CASE)
#undef DR_PREFIX
    case DR_ROLE_COUNT:
        break;
    }
    return "?";
}
