/* SPDX-License-Identifier: Apache-2.0 */
/* command.h: what admit() takes, and how it says no.
 *
 * A command is what a person (or the API in a person's name) asks; an observation is what a site
 * reports. Both go through dr_admit(), which answers with facts or with a refusal. */
#ifndef DR_CORE_COMMAND_H
#define DR_CORE_COMMAND_H

#include "core/fact.h"

enum dr_command_kind {
    /* people */
    DR_COMMAND_SUBMIT,  /* body.submit: a job; its id comes back in dr_answer.job */
    DR_COMMAND_CANCEL,  /* body.job */
    DR_COMMAND_HOLD,    /* body.job */
    DR_COMMAND_RELEASE, /* body.job */
    DR_COMMAND_NODE,    /* body.node: drain, resume, declare lost or found */
    DR_COMMAND_LOST,    /* body.job: its attempt, which is UNREACHABLE, is given up */
    DR_COMMAND_DECLARE, /* body.declare: one of the federation's parts, as the fact that will say
                           so; id 0 in it: a new one (dr_answer.id) */
    DR_COMMAND_TOKEN,   /* body.declare: TOKEN_ISSUED or TOKEN_REVOKED */
    DR_COMMAND_ERASE,   /* body.declare: TEXT_ERASED; the edge has judged who may */
    /* the controller itself */
    DR_COMMAND_LEAD, /* body.lead: first of all, after every start */
    DR_COMMAND_TICK, /* no body: once a minute */
    DR_COMMAND_NOTE, /* body.decided_nothing: last in a batch, after the decision */
    /* observations */
    DR_COMMAND_STARTED,    /* body.attempt */
    DR_COMMAND_ENDED,      /* body.attempt, with outcome and so on */
    DR_COMMAND_CHECKPOINT, /* body.attempt */
    DR_COMMAND_REACH,      /* body.attempt: its site can say of it what it does, or not */
    DR_COMMAND_SITE,       /* body.site: answers or not */
};

struct dr_command {
    enum dr_command_kind kind;
    /* Who asks; admit() decides by it what is allowed. The system: user 0, roles all. */
    dr_user_id user;
    dr_token_id token;
    uint8_t roles;      /* what may be used of the user's roles, bit = enum dr_role; 0xff: all */
    const char *source; /* NULL: inside */
    const char *reason; /* NULL: none */
    union {
        /* The fact that will say so. `job` is filled in. `job_user` 0: the one who asks; another:
         * on behalf of (operators and admins). `account` 0: the user's default. `limit_us` and
         * `grace_us` 0: the default. `array_job` is the element's place in its array, from 1; an
         * array's elements are submitted one after another. A SINGLETON dependency names no job. */
        struct dr_fact_job_accepted submit;
        dr_job_id job;
        struct dr_fact_node_flags node; /* drained and down as they are to be; site_knows 1: its
                                           site's own word, or taken by it */
        struct dr_fact declare;
        struct {
            char program[DR_NAME_BYTES];
            uint64_t facts_from;
        } lead;
        struct {
            dr_job_id job;
            uint32_t attempt;
            int64_t time_us;
            enum dr_outcome outcome;
            int32_t exit_code;
            int32_t signal;
            int64_t cpu_time_us;
            int64_t memory_mb_peak;
            uint8_t answers; /* REACH */
        } attempt;
        struct {
            dr_site_id site;
            uint8_t answers;
        } site;
        struct dr_fact_decided_nothing decided_nothing;
    } body;
};

/* Kinds of "no" from the domain; each has its HTTP status and CLI exit code in docs. */
#define DR_REFUSALS(X)                                               \
    X(NONE, "not refused")                                           \
    X(INVALID, "a value is out of its range or contradicts another") \
    X(UNKNOWN, "something named does not exist")                     \
    X(DENIED, "this user may not do it")                             \
    X(STATE, "it can't be done in the state that things are in")     \
    X(NEVER, "it could never run here")                              \
    X(LIMIT, "a stated maximum would be passed")                     \
    X(FULL, "a table of this controller is full")

enum dr_refusal_kind {
#define DR_ENUM(name, text) DR_REFUSAL_##name,
    DR_REFUSALS(DR_ENUM)
#undef DR_ENUM
};

const char *dr_refusal_name(enum dr_refusal_kind kind);

struct dr_answer {
    enum dr_refusal_kind refused; /* DR_REFUSAL_NONE: admitted */
    char field[64];               /* which part of the command; "": the whole */
    char text[400];               /* a sentence for a person: what was found, what was expected */
    dr_job_id job;                /* SUBMIT: the new job */
    uint32_t id;                  /* DECLARE, TOKEN: the id of the part */
    uint32_t unchanged; /* 1: admitted, but nothing was to be done (released twice, ...) */
};

#endif
