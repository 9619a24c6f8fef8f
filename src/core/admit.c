/* SPDX-License-Identifier: Apache-2.0 */
/* dr_admit(): what people ask and sites report, turned into facts or refused. Jobs are judged in
 * admit_job.c, the federation's parts in admit_federation.c; here is the rest, one function per
 * kind. */
#include "core/admit.h"

#include <stdarg.h>

#include "base/math.h"
#include "core/allocate.h"
#include "core/rows.h"

int dr_refuse(struct dr_answer *answer, enum dr_refusal_kind kind, const char *field,
              const char *format, ...)
{
    va_list arguments;

    answer->refused = kind;
    dr_format(answer->field, sizeof answer->field, "%s", field);
    va_start(arguments, format);
    dr_format_list(answer->text, sizeof answer->text, format, arguments);
    va_end(arguments);
    return 0;
}

struct dr_fact dr_fact_of(const struct dr_command *command, enum dr_fact_kind kind, int64_t now_us)
{
    struct dr_fact fact;

    memset(&fact, 0, sizeof fact);
    fact.kind = kind;
    fact.time_us = now_us;
    if (command != NULL) {
        fact.user = command->user;
        fact.token = command->token;
        fact.source = command->source;
        fact.reason = command->reason;
    }
    return fact;
}

uint8_t dr_command_roles(const struct dr_core *core, const struct dr_command *command,
                         dr_account_id account)
{
    if (command->user.v == 0)
        return command->roles; /* the system itself */
    return dr_user_roles(core, command->user, account) & command->roles;
}

/* ---- jobs that live ---- */

/* The job of a CANCEL, HOLD or RELEASE, if the command may touch it. */
static int find_job(const struct dr_core *core, const struct dr_command *command, uint32_t *row,
                    struct dr_answer *answer)
{
    const struct dr_job *job;
    uint8_t roles;

    *row = dr_row_map_find(&core->job_rows, command->body.job.v);
    if (*row == DR_MAP_NONE)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "job", "there is no live job %llu",
                         (unsigned long long)command->body.job.v);
    job = &core->jobs[*row];
    roles = dr_command_roles(core, command, job->account);
    if (roles & (DR_ROLE_BIT(ADMIN) | DR_ROLE_BIT(OPERATOR) | DR_ROLE_BIT(ACCOUNT_ADMIN)))
        return 1;
    if (command->user.v != 0 && dr_job_terms(core, job)->user.v == command->user.v &&
        (roles & DR_ROLE_BIT(USER)))
        return 1;
    return dr_refuse(answer, DR_REFUSAL_DENIED, "job",
                     "job %llu is another user's; its owner, an admin of account %s or an operator "
                     "may do this",
                     (unsigned long long)job->id.v, core->accounts[job->account.v - 1].name);
}

static int check_cancel(const struct dr_core *core, const struct dr_command *command,
                        struct dr_answer *answer)
{
    uint32_t row;

    if (!find_job(core, command, &row, answer))
        return 0;
    answer->unchanged = dr_job_state_ended(core->jobs[row].state) ||
                        dr_job_run(core, &core->jobs[row])->stopping == DR_STOP_CANCEL;
    return 1;
}

static int check_hold(const struct dr_core *core, const struct dr_command *command,
                      struct dr_answer *answer)
{
    const struct dr_job *job;
    uint32_t row;

    if (!find_job(core, command, &row, answer))
        return 0;
    job = &core->jobs[row];
    if (job->state != DR_JOB_PENDING)
        return dr_refuse(
            answer, DR_REFUSAL_STATE, "job", "job %llu is %s; only a PENDING job can be held",
            (unsigned long long)job->id.v, dr_job_state_name((enum dr_job_state)job->state));
    answer->unchanged = job->held;
    return 1;
}

static int check_release(const struct dr_core *core, const struct dr_command *command,
                         struct dr_answer *answer)
{
    const struct dr_job *job;
    uint32_t row;

    if (!find_job(core, command, &row, answer))
        return 0;
    job = &core->jobs[row];
    if (dr_job_state_ended(job->state))
        return dr_refuse(answer, DR_REFUSAL_STATE, "job", "job %llu has ended: %s",
                         (unsigned long long)job->id.v,
                         dr_job_state_name((enum dr_job_state)job->state));
    answer->unchanged = !job->held;
    return 1;
}

static void end_pending(struct dr_core *core, uint64_t job, enum dr_job_state state,
                        const struct dr_command *command, int64_t now_us, struct dr_batch *batch)
{
    struct dr_fact fact = dr_fact_of(command, DR_FACT_JOB_ENDED, now_us);

    fact.job_ended.job = job;
    fact.job_ended.state = (uint8_t)state;
    dr_settle(core, &fact, batch);
}

/* What doesn't fit into the batch is left for dr_decide(). */
void dr_settle_doomed(struct dr_core *core, int64_t now_us, struct dr_batch *batch)
{
    while (core->doomed_count > 0 && dr_batch_room(batch, 0)) {
        uint32_t row = core->doomed[core->doomed_count - 1];

        core->doomed_count -= 1;
        if (core->jobs[row].doomed && core->jobs[row].state == DR_JOB_PENDING) {
            struct dr_command system = {.reason = "a job that it depends on ended otherwise"};

            end_pending(core, core->jobs[row].id.v, DR_JOB_CANCELLED, &system, now_us, batch);
        }
    }
}

void dr_settle_stop(struct dr_core *core, uint32_t row, enum dr_stop_cause cause,
                    const struct dr_command *command, int64_t now_us, int64_t grace_us,
                    struct dr_batch *batch)
{
    struct dr_fact fact = dr_fact_of(command, DR_FACT_ATTEMPT_STOPPING, now_us);
    const struct dr_job *job = &core->jobs[row];

    fact.attempt_stopping.job = job->id.v;
    fact.attempt_stopping.attempt = dr_job_run(core, job)->attempt;
    fact.attempt_stopping.cause = (uint8_t)cause;
    fact.attempt_stopping.signal = dr_job_terms(core, job)->warn_signal;
    fact.attempt_stopping.until_us = now_us + grace_us;
    dr_settle(core, &fact, batch);
}

static void settle_cancel(struct dr_core *core, const struct dr_command *command, int64_t now_us,
                          struct dr_batch *batch)
{
    uint32_t row = dr_row_map_find(&core->job_rows, command->body.job.v);

    if (core->jobs[row].state != DR_JOB_PENDING) {
        dr_settle_stop(core, row, DR_STOP_CANCEL, command, now_us,
                       dr_job_terms(core, &core->jobs[row])->grace_us, batch);
        return;
    }
    end_pending(core, command->body.job.v, DR_JOB_CANCELLED, command, now_us, batch);
    dr_settle_doomed(core, now_us, batch);
}

/* ---- nodes and sites ---- */

static int check_node(const struct dr_core *core, const struct dr_command *command,
                      struct dr_answer *answer)
{
    const struct dr_fact_node_flags *flags = &command->body.node;
    const struct dr_node *node;

    if (!(dr_command_roles(core, command, (dr_account_id){0}) &
          (DR_ROLE_BIT(OPERATOR) | DR_ROLE_BIT(ADMIN))))
        return dr_refuse(answer, DR_REFUSAL_DENIED, "", "operators and admins may do this");
    if (flags->node == 0 || flags->node > core->nodes_count || core->nodes[flags->node - 1].removed)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "node", "there is no such node");
    node = &core->nodes[flags->node - 1];
    if (node->removing && !flags->drained)
        return dr_refuse(answer, DR_REFUSAL_STATE, "node",
                         "the node is leaving the federation; it stays drained");
    answer->unchanged = node->drained == flags->drained && node->down == flags->down &&
                        (flags->site_knows ? node->site_knows : command->reason == NULL);
    return 1;
}

static void settle_node(struct dr_core *core, const struct dr_command *command, int64_t now_us,
                        struct dr_batch *batch)
{
    struct dr_fact fact = dr_fact_of(command, DR_FACT_NODE_FLAGS, now_us);
    uint32_t row;

    fact.node_flags = command->body.node;
    fact.node_flags.removing = core->nodes[fact.node_flags.node - 1].removing;
    dr_settle(core, &fact, batch);
    if (!fact.node_flags.down)
        return;
    for (row = core->running.first; row != DR_ROW_NONE; row = dr_job_list_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        int touches = 0;

        for (uint32_t part = dr_job_run(core, job)->extents; part != DR_ROW_NONE;
             part = core->extents[part].next)
            touches |= core->extents[part].extent.node.v == fact.node_flags.node;
        if (touches && dr_job_run(core, job)->stopping != DR_STOP_NODE &&
            dr_job_run(core, job)->stopping != DR_STOP_CANCEL)
            dr_settle_stop(core, row, DR_STOP_NODE, command, now_us, 0, batch);
    }
}

static int check_site(const struct dr_core *core, const struct dr_command *command,
                      struct dr_answer *answer)
{
    uint32_t site = command->body.site.site.v;

    if (site == 0 || site > core->sites_count)
        return dr_refuse(answer, DR_REFUSAL_UNKNOWN, "site", "there is no such site");
    answer->unchanged = core->sites[site - 1].answers == command->body.site.answers;
    return 1;
}

/* ---- what sites report of attempts ---- */

/* The row of a job whose attempt this is and still holds its place; DR_ROW_NONE: an old report. */
static uint32_t reported_row(const struct dr_core *core, const struct dr_command *command)
{
    uint32_t row = dr_row_map_find(&core->job_rows, command->body.attempt.job.v);
    const struct dr_job *job;

    if (row == DR_MAP_NONE)
        return DR_ROW_NONE;
    job = &core->jobs[row];
    if (dr_job_run(core, job)->attempt != command->body.attempt.attempt ||
        job->state == DR_JOB_PENDING || dr_job_state_ended((enum dr_job_state)job->state))
        return DR_ROW_NONE;
    return row;
}

/* May the job run again after an end that was not its own? */
static enum dr_job_state again(const struct dr_core *core, const struct dr_job *job,
                               enum dr_job_state otherwise, uint8_t *hold)
{
    if (!dr_job_terms(core, job)->requeue)
        return otherwise;
    *hold = dr_job_run(core, job)->stopping != DR_STOP_ATTAINED &&
            dr_job_run(core, job)->requeues + 1 > core->settings.requeue_limit;
    return DR_JOB_PENDING;
}

static enum dr_job_state next_state(const struct dr_core *core, const struct dr_job *job,
                                    const struct dr_command *command, uint8_t *hold)
{
    enum dr_outcome outcome = command->body.attempt.outcome;

    *hold = 0;
    switch ((enum dr_stop_cause)dr_job_run(core, job)->stopping) {
    case DR_STOP_CANCEL:
    case DR_STOP_UNKNOWN:
        return DR_JOB_CANCELLED;
    case DR_STOP_DEADLINE:
        return DR_JOB_DEADLINE;
    case DR_STOP_LIMIT:
        return DR_JOB_TIMEOUT;
    case DR_STOP_RECLAIM:
    case DR_STOP_PRIORITY:
    case DR_STOP_POWER:
    case DR_STOP_WINDOW:
    case DR_STOP_FAIR_SHARE:
    case DR_STOP_ATTAINED:
        /* Exit code 0 without a checkpoint since the warning: it had finished its work. With one,
         * it saved and left, and is to go on later. */
        if (outcome == DR_OUTCOME_EXITED && command->body.attempt.exit_code == 0 &&
            !dr_job_run(core, job)->saved_after_warning)
            return DR_JOB_COMPLETED;
        return again(core, job, DR_JOB_PREEMPTED, hold);
    case DR_STOP_NODE:
        return again(core, job, DR_JOB_NODE_FAIL, hold);
    case DR_STOP_NONE:
        break;
    }
    switch (outcome) {
    case DR_OUTCOME_EXITED:
        return command->body.attempt.exit_code == 0 ? DR_JOB_COMPLETED : DR_JOB_FAILED;
    case DR_OUTCOME_SIGNALLED:
    case DR_OUTCOME_LAUNCH_FAILED:
        return DR_JOB_FAILED;
    case DR_OUTCOME_TIMED_OUT:
        return DR_JOB_TIMEOUT;
    case DR_OUTCOME_OUT_OF_MEMORY:
        return DR_JOB_OUT_OF_MEMORY;
    case DR_OUTCOME_STOPPED:
        return DR_JOB_CANCELLED;
    case DR_OUTCOME_NODE_FAILED:
        return again(core, job, DR_JOB_NODE_FAIL, hold);
    }
    return DR_JOB_FAILED;
}

/* When something happened to an attempt, by our time. A site's clock may be wrong, and ours may be
 * held back after a step (then the site's seems far behind): whatever the site says, a report's
 * instant lies between the attempt's placing, or its start, and now. Otherwise a job that began
 * "two hours ago" would be over its limit at once. */
static int64_t reported_us(const struct dr_core *core, const struct dr_job *job,
                           const struct dr_command *command, int64_t now_us)
{
    const struct dr_run *run = dr_job_run(core, job);
    int64_t begin_us = run->start_us != 0 ? run->start_us : run->placed_us;

    return dr_max_i64(begin_us, dr_min_i64(command->body.attempt.time_us, now_us));
}

static void settle_ended(struct dr_core *core, const struct dr_command *command, int64_t now_us,
                         struct dr_batch *batch)
{
    struct dr_fact fact = dr_fact_of(command, DR_FACT_ATTEMPT_ENDED, now_us);
    const struct dr_job *job = &core->jobs[reported_row(core, command)];
    uint8_t hold;

    fact.attempt_ended.job = job->id.v;
    fact.attempt_ended.attempt = dr_job_run(core, job)->attempt;
    fact.attempt_ended.outcome = (uint8_t)command->body.attempt.outcome;
    fact.attempt_ended.exit_code = command->body.attempt.exit_code;
    fact.attempt_ended.signal = command->body.attempt.signal;
    fact.attempt_ended.end_us = reported_us(core, job, command, now_us);
    fact.attempt_ended.cpu_time_us = command->body.attempt.cpu_time_us;
    fact.attempt_ended.memory_mb_peak = command->body.attempt.memory_mb_peak;
    fact.attempt_ended.next_state = (uint8_t)next_state(core, job, command, &hold);
    fact.attempt_ended.hold = hold;
    dr_settle(core, &fact, batch);
    dr_settle_doomed(core, now_us, batch);
}

/* Who gives an attempt up says that nobody waits for its site any more. */
static int check_lost(const struct dr_core *core, const struct dr_command *command,
                      struct dr_answer *answer)
{
    const struct dr_job *job;
    uint32_t row;

    if (!(dr_command_roles(core, command, (dr_account_id){0}) &
          (DR_ROLE_BIT(OPERATOR) | DR_ROLE_BIT(ADMIN))))
        return dr_refuse(answer, DR_REFUSAL_DENIED, "", "operators and admins may do this");
    if (!find_job(core, command, &row, answer))
        return 0;
    job = &core->jobs[row];
    if (job->state != DR_JOB_UNREACHABLE)
        return dr_refuse(answer, DR_REFUSAL_STATE, "job",
                         "job %llu is %s; only an UNREACHABLE one can be declared lost",
                         (unsigned long long)job->id.v,
                         dr_job_state_name((enum dr_job_state)job->state));
    return 1;
}

static void settle_lost(struct dr_core *core, const struct dr_job *job,
                        const struct dr_command *command, int64_t now_us, struct dr_batch *batch)
{
    struct dr_command ended = *command;

    memset(&ended.body, 0, sizeof ended.body);
    ended.kind = DR_COMMAND_ENDED;
    ended.body.attempt.job = job->id;
    ended.body.attempt.attempt = dr_job_run(core, job)->attempt;
    ended.body.attempt.time_us = now_us;
    ended.body.attempt.outcome = DR_OUTCOME_NODE_FAILED;
    if (ended.reason == NULL)
        ended.reason = "declared lost: its site can't say what it does";
    settle_ended(core, &ended, now_us, batch);
}

void dr_settle_given_up(struct dr_core *core, uint32_t row, int64_t now_us, struct dr_batch *batch)
{
    struct dr_command system = {
        .kind = DR_COMMAND_LOST,
        .reason = "given up, as the job wants: its site has not answered for too long",
    };

    DR_ASSERT(core->jobs[row].state == DR_JOB_UNREACHABLE);
    settle_lost(core, &core->jobs[row], &system, now_us, batch);
}

/* ---- ticks ---- */

uint32_t dr_decay(int64_t elapsed_us, int64_t half_life_us)
{
    /* 2^(-1/2), 2^(-1/4), 2^(-1/8), ... times 2^32. */
    static const uint32_t roots[32] = {
        3037000500u, 3611622603u, 3938502376u, 4112874773u, 4202935003u, 4248701965u, 4271771996u,
        4283353945u, 4289156690u, 4292061010u, 4293513907u, 4294240540u, 4294603903u, 4294785595u,
        4294876445u, 4294921870u, 4294944583u, 4294955939u, 4294961618u, 4294964457u, 4294965876u,
        4294966586u, 4294966941u, 4294967119u, 4294967207u, 4294967252u, 4294967274u, 4294967285u,
        4294967290u, 4294967293u, 4294967295u, 4294967295u};
    uint64_t factor = UINT32_MAX;
    int64_t halvings;
    int64_t rest; /* of a half-life, times 2^32 */

    if (half_life_us <= 0 || elapsed_us <= 0)
        return elapsed_us <= 0 ? UINT32_MAX : 0;
    halvings = elapsed_us / half_life_us;
    if (halvings >= 32)
        return 0;
    rest = dr_mul_div_floor(elapsed_us % half_life_us, INT64_C(1) << 32, half_life_us);
    for (uint32_t i = 0; i < 32; i += 1)
        if ((rest >> (31 - i)) & 1)
            factor = (factor * roots[i]) >> 32;
    return (uint32_t)(factor >> halvings);
}

static void settle_tick(struct dr_core *core, const struct dr_command *command, int64_t now_us,
                        struct dr_batch *batch)
{
    struct dr_fact fact = dr_fact_of(command, DR_FACT_TICK, now_us);

    fact.tick.decay =
        dr_decay(core->tick_us == 0 ? 0 : now_us - core->tick_us, core->settings.half_life_us);
    fact.tick.forget_before_us = now_us - core->settings.retain_ended_us;
    dr_settle(core, &fact, batch);
    dr_settle_terms(core, now_us, batch);
}

/* ---- the three steps: check, answer, settle ---- */

/* `settled` is used by the kinds that are their own fact. */
static int check(const struct dr_core *core, const struct dr_command *command, int64_t now_us,
                 struct dr_fact *settled, struct dr_answer *answer)
{
    uint32_t row;

    memset(answer, 0, sizeof *answer);
    switch (command->kind) {
    case DR_COMMAND_SUBMIT:
        return dr_check_submit(core, command, now_us, settled, answer);
    case DR_COMMAND_CANCEL:
        return check_cancel(core, command, answer);
    case DR_COMMAND_HOLD:
        return check_hold(core, command, answer);
    case DR_COMMAND_RELEASE:
        return check_release(core, command, answer);
    case DR_COMMAND_NODE:
        return check_node(core, command, answer);
    case DR_COMMAND_LOST:
        return check_lost(core, command, answer);
    case DR_COMMAND_DECLARE:
    case DR_COMMAND_TOKEN:
    case DR_COMMAND_ERASE:
        return dr_check_declare(core, command, now_us, settled, answer);
    case DR_COMMAND_LEAD:
    case DR_COMMAND_TICK:
        return 1;
    case DR_COMMAND_STARTED:
        row = reported_row(core, command);
        answer->unchanged = row == DR_ROW_NONE || dr_job_run(core, &core->jobs[row])->start_us != 0;
        return 1;
    case DR_COMMAND_ENDED:
        answer->unchanged = reported_row(core, command) == DR_ROW_NONE;
        return 1;
    case DR_COMMAND_CHECKPOINT:
        row = reported_row(core, command);
        answer->unchanged =
            row == DR_ROW_NONE || dr_job_run(core, &core->jobs[row])->saved_us >=
                                      reported_us(core, &core->jobs[row], command, now_us);
        return 1;
    case DR_COMMAND_REACH:
        row = reported_row(core, command);
        answer->unchanged = row == DR_ROW_NONE || (core->jobs[row].state != DR_JOB_UNREACHABLE) ==
                                                      (command->body.attempt.answers != 0);
        return 1;
    case DR_COMMAND_NOTE:
        return 1;
    case DR_COMMAND_SITE:
        return check_site(core, command, answer);
    }
    return 0;
}

int dr_admit_check(const struct dr_core *core, const struct dr_command *command, int64_t now_us,
                   struct dr_answer *answer)
{
    struct dr_fact settled;
    size_t mark = core->scratch.used;
    int admitted = check(core, command, now_us, &settled, answer);

    dr_arena_reset((struct dr_arena *)&core->scratch, mark);
    return admitted;
}

/* Room in the batch for all that the command brings: a node that is lost stops every attempt on it.
 */
static int room(const struct dr_core *core, const struct dr_command *command,
                const struct dr_batch *batch)
{
    uint32_t attempts = 0;
    uint32_t parts = 0;

    if (command->kind == DR_COMMAND_NODE)
        attempts = core->nodes[command->body.node.node - 1].tasks;
    if (command->kind == DR_COMMAND_DECLARE && command->body.declare.kind == DR_FACT_WINDOW_MADE)
        parts = DR_WINDOW_RUNS_MAX;
    return dr_batch_room(batch, 64 * attempts + parts) &&
           batch->effects_max - batch->effects_count >= attempts + 4;
}

int dr_admit(struct dr_core *core, const struct dr_command *command, int64_t now_us,
             struct dr_batch *batch, struct dr_answer *answer)
{
    struct dr_fact settled;
    struct dr_fact fact;

    DR_ASSERT(now_us >= core->time_us);
    dr_arena_reset(&core->scratch, 0);
    if (!check(core, command, now_us, &settled, answer))
        return 0;
    if (answer->unchanged)
        return 1;
    if (!room(core, command, batch))
        return dr_refuse(answer, DR_REFUSAL_FULL, "", "the batch of facts is full; try again");
    switch (command->kind) {
    case DR_COMMAND_SUBMIT:
        if (core->jobs_count >= core->limits.jobs_max)
            return dr_refuse(answer, DR_REFUSAL_FULL, "",
                             "the table of jobs is full (%u live and recently ended)",
                             core->limits.jobs_max);
        dr_settle(core, &settled, batch);
        answer->job.v = settled.job_accepted.job;
        return 1;
    case DR_COMMAND_CANCEL:
        settle_cancel(core, command, now_us, batch);
        return 1;
    case DR_COMMAND_HOLD:
        fact = dr_fact_of(command, DR_FACT_JOB_HELD, now_us);
        fact.job_held.job = command->body.job.v;
        dr_settle(core, &fact, batch);
        return 1;
    case DR_COMMAND_RELEASE:
        fact = dr_fact_of(command, DR_FACT_JOB_RELEASED, now_us);
        fact.job_released.job = command->body.job.v;
        dr_settle(core, &fact, batch);
        return 1;
    case DR_COMMAND_NODE:
        settle_node(core, command, now_us, batch);
        return 1;
    case DR_COMMAND_LOST:
        settle_lost(core, &core->jobs[dr_row_map_find(&core->job_rows, command->body.job.v)],
                    command, now_us, batch);
        return 1;
    case DR_COMMAND_DECLARE:
    case DR_COMMAND_TOKEN:
    case DR_COMMAND_ERASE:
        settled.time_us = now_us;
        dr_settle(core, &settled, batch);
        return 1;
    case DR_COMMAND_LEAD:
        fact = dr_fact_of(command, DR_FACT_LEADER_TOOK, now_us);
        fact.leader_took.epoch = core->epoch + 1;
        fact.leader_took.policy = DR_POLICY_VERSION;
        dr_copy_name(fact.leader_took.program, command->body.lead.program);
        fact.leader_took.facts_from = command->body.lead.facts_from;
        dr_settle(core, &fact, batch);
        return 1;
    case DR_COMMAND_TICK:
        settle_tick(core, command, now_us, batch);
        return 1;
    case DR_COMMAND_NOTE:
        fact = dr_fact_of(command, DR_FACT_DECIDED_NOTHING, now_us);
        fact.decided_nothing = command->body.decided_nothing;
        dr_settle(core, &fact, batch);
        return 1;
    case DR_COMMAND_STARTED:
        fact = dr_fact_of(command, DR_FACT_ATTEMPT_STARTED, now_us);
        fact.attempt_started.job = command->body.attempt.job.v;
        fact.attempt_started.attempt = command->body.attempt.attempt;
        fact.attempt_started.start_us =
            reported_us(core, &core->jobs[reported_row(core, command)], command, now_us);
        dr_settle(core, &fact, batch);
        return 1;
    case DR_COMMAND_ENDED:
        settle_ended(core, command, now_us, batch);
        return 1;
    case DR_COMMAND_CHECKPOINT:
        fact = dr_fact_of(command, DR_FACT_CHECKPOINT_SEEN, now_us);
        fact.checkpoint_seen.job = command->body.attempt.job.v;
        fact.checkpoint_seen.attempt = command->body.attempt.attempt;
        fact.checkpoint_seen.saved_us =
            reported_us(core, &core->jobs[reported_row(core, command)], command, now_us);
        dr_settle(core, &fact, batch);
        return 1;
    case DR_COMMAND_REACH:
        fact = dr_fact_of(command, DR_FACT_ATTEMPT_REACH, now_us);
        fact.attempt_reach.job = command->body.attempt.job.v;
        fact.attempt_reach.attempt = command->body.attempt.attempt;
        fact.attempt_reach.answers = command->body.attempt.answers;
        dr_settle(core, &fact, batch);
        return 1;
    case DR_COMMAND_SITE:
        fact = dr_fact_of(command, DR_FACT_SITE_REACH, now_us);
        fact.site_reach.site = command->body.site.site.v;
        fact.site_reach.answers = command->body.site.answers;
        dr_settle(core, &fact, batch);
        return 1;
    }
    return 0;
}
