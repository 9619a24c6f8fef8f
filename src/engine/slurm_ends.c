/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/slurm_ends.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

static const struct {
    const char *state;
    enum dr_slurm_phase phase;
} phases[] = {
    {"PENDING", DR_SLURM_WAITS},       {"CONFIGURING", DR_SLURM_WAITS},
    {"REQUEUED", DR_SLURM_WAITS},      {"REQUEUE_FED", DR_SLURM_WAITS},
    {"REQUEUE_HOLD", DR_SLURM_WAITS},  {"SPECIAL_EXIT", DR_SLURM_WAITS},
    {"RESV_DEL_HOLD", DR_SLURM_WAITS}, {"RUNNING", DR_SLURM_RUNS},
    {"SUSPENDED", DR_SLURM_RUNS},      {"STOPPED", DR_SLURM_RUNS},
    {"SIGNALING", DR_SLURM_RUNS},      {"RESIZING", DR_SLURM_RUNS},
    {"STAGE_OUT", DR_SLURM_RUNS},      {"COMPLETING", DR_SLURM_RUNS},
    {"COMPLETED", DR_SLURM_OVER},      {"CANCELLED", DR_SLURM_OVER},
    {"FAILED", DR_SLURM_OVER},         {"TIMEOUT", DR_SLURM_OVER},
    {"NODE_FAIL", DR_SLURM_OVER},      {"PREEMPTED", DR_SLURM_OVER},
    {"BOOT_FAIL", DR_SLURM_OVER},      {"DEADLINE", DR_SLURM_OVER},
    {"OUT_OF_MEMORY", DR_SLURM_OVER},  {"REVOKED", DR_SLURM_OVER},
};

enum dr_slurm_phase dr_slurm_phase(const char *job_state)
{
    for (size_t i = 0; i < DR_COUNT_OF(phases); i += 1)
        if (strcmp(phases[i].state, job_state) == 0)
            return phases[i].phase;
    return DR_SLURM_UNKNOWN;
}

/* Slurm's mark of a job that the kernel's memory control has killed something of; it says nothing
 * of how the job itself ended. */
#define OUT_OF_MEMORY_STATUS 253

/* A process's status has a code above the first byte, or a signal in it, never both: what has both
 * is one of Slurm's own error numbers (4021). */
static int is_error_number(int64_t status)
{
    return status == OUT_OF_MEMORY_STATUS || status < 0 || status > 0xffff ||
           (status > 0xff && (status & 0xff) != 0);
}

/* The code or signal of a status. A step that a signal ended is told by srun as 128 and the signal,
 * which the batch shell hands on. */
static void take_status(const struct dr_slurm_end *end, struct dr_report *report)
{
    int64_t status = end->status;

    if (is_error_number(status))
        return;
    if ((status & 0x7f) != 0) {
        report->signal = (int32_t)(status & 0x7f);
        return;
    }
    report->exit_code = (int32_t)(status >> 8);
    if (report->exit_code > 128 && !is_error_number(end->derived_status) &&
        (end->derived_status & 0x7f) == report->exit_code - 128) {
        report->signal = report->exit_code - 128;
        report->exit_code = 0;
    }
}

static void say(struct dr_report *report, enum dr_outcome outcome, const char *text)
{
    report->outcome = outcome;
    dr_format(report->text, sizeof report->text, "%s", text);
}

static void tell_failed(const struct dr_slurm_end *end, struct dr_report *report)
{
    int launch = strcmp(end->reason, "JobLaunchFailure") == 0;

    if (is_error_number(end->status)) {
        dr_format(report->text, sizeof report->text,
                  end->status == 4021 ? "Slurm could not start it: error %" PRId64
                                        " (as for an output file in a directory that is not there)"
                                      : "Slurm could not start it: error %" PRId64,
                  end->status);
        report->outcome = DR_OUTCOME_LAUNCH_FAILED;
    } else if (report->signal != 0) {
        report->outcome = DR_OUTCOME_SIGNALLED; /* Slurm calls a SIGSEGV a launch failure too */
    } else if (launch || report->exit_code == 0) {
        dr_format(report->text, sizeof report->text, "Slurm could not run it: %s",
                  end->reason[0] == 0 ? "it gives no reason" : end->reason);
        report->outcome = DR_OUTCOME_LAUNCH_FAILED;
    } else {
        report->outcome = DR_OUTCOME_EXITED;
    }
}

int dr_slurm_launch_given_up(const struct dr_slurm_end *end)
{
    return strcmp(end->state, "CANCELLED") == 0 && !end->told && !end->limit && !end->withdrawn &&
           !end->requeues && end->restarts == 0 && end->placed && end->status == 0 &&
           end->derived_status == 0 && end->ran_s <= end->launch_s;
}

/* NODE_FAIL of a node that is well: it has registered without the job. slurmctld sets status 1 and
 * no reason then, where a node that it lost has the reason NodeDown. */
static int is_missing(const struct dr_slurm_end *end)
{
    return end->status == 1 && (end->reason[0] == 0 || strcmp(end->reason, "None") == 0);
}

void dr_slurm_tell_end(const struct dr_slurm_end *end, struct dr_report *report)
{
    report->exit_code = 0;
    report->signal = 0;
    report->text[0] = 0;
    take_status(end, report);
    if (end->restarts > 0) {
        say(report, DR_OUTCOME_NODE_FAILED,
            "the site requeued it by itself: ended, for Daero decides what runs again");
        if (end->told)
            report->outcome = DR_OUTCOME_STOPPED;
        return;
    }
    if (end->withdrawn && !end->told && strcmp(end->state, "CANCELLED") == 0) {
        say(report, DR_OUTCOME_NODE_FAILED,
            "withdrawn before it began: its node takes nothing new at its site");
        return;
    }
    if (dr_slurm_launch_given_up(end)) {
        say(report, DR_OUTCOME_NODE_FAILED,
            "its node gave the launch up, and Slurm cancelled it (an operator's cancel of a job "
            "that leaves with 0 at once looks the same)");
        return;
    }
    if (strcmp(end->state, "COMPLETED") == 0) {
        report->outcome = end->limit ? DR_OUTCOME_TIMED_OUT : DR_OUTCOME_EXITED;
        return;
    }
    if (strcmp(end->state, "NODE_FAIL") == 0 || strcmp(end->state, "BOOT_FAIL") == 0) {
        report->exit_code = report->signal = 0; /* of no process: nobody saw it end */
        say(report, DR_OUTCOME_NODE_FAILED,
            strcmp(end->state, "NODE_FAIL") != 0 ? "Slurm could not boot a node for it"
            : is_missing(end) ? "its node is up and does not have it: it was lost there, or it had "
                                "ended and slurmctld, killed before it saved, forgot how"
                              : "Slurm lost a node of it");
        return;
    }
    if (end->limit || (strcmp(end->state, "TIMEOUT") == 0 && !end->told)) {
        report->outcome = DR_OUTCOME_TIMED_OUT;
        return;
    }
    if (strcmp(end->state, "OUT_OF_MEMORY") == 0) {
        report->outcome = DR_OUTCOME_OUT_OF_MEMORY;
        return;
    }
    if (end->told) {
        report->outcome = DR_OUTCOME_STOPPED;
        return;
    }
    if (strcmp(end->state, "PREEMPTED") == 0) {
        say(report, DR_OUTCOME_NODE_FAILED, "preempted at its site by the site's own rules");
        return;
    }
    if (strcmp(end->state, "FAILED") == 0) {
        tell_failed(end, report);
        return;
    }
    dr_format(report->text, sizeof report->text, "%s at its site, not by Daero%s%s",
              strcmp(end->state, "DEADLINE") == 0 ? "ended for a deadline" : "cancelled",
              end->reason[0] == 0 || strcmp(end->reason, "None") == 0 ? "" : ": ",
              strcmp(end->reason, "None") == 0 ? "" : end->reason);
    report->outcome = DR_OUTCOME_STOPPED;
}
