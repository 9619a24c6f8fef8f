/* SPDX-License-Identifier: Apache-2.0 */
/* What Slurm says of ends, in Daero's words: every row of the table in src/engine/README.md. */
#include <signal.h>

#include "engine/slurm_ends.h"
#include "test.h"

static struct dr_report told(struct dr_slurm_end end)
{
    struct dr_report report = {.exit_code = -1, .signal = -1};

    if (end.reason == NULL)
        end.reason = "None";
    dr_slurm_tell_end(&end, &report);
    return report;
}

#define CHECK_END(end, its_outcome, code, its_signal) \
    do {                                              \
        struct dr_report report_ = told(end);         \
        CHECK_EQ(report_.outcome, its_outcome);       \
        CHECK_EQ(report_.exit_code, code);            \
        CHECK_EQ(report_.signal, its_signal);         \
    } while (0)
#define END(...) ((struct dr_slurm_end){__VA_ARGS__})

TEST(ends_by_itself)
{
    CHECK_END(END(.state = "COMPLETED"), DR_OUTCOME_EXITED, 0, 0);
    CHECK_END(END(.state = "FAILED", .reason = "NonZeroExitCode", .status = 7 << 8),
              DR_OUTCOME_EXITED, 7, 0);
    CHECK_END(END(.state = "FAILED", .reason = "NonZeroExitCode", .status = 512), DR_OUTCOME_EXITED,
              2, 0);
    /* a launch failure by name alone */
    CHECK_END(END(.state = "FAILED", .reason = "JobLaunchFailure", .status = 139),
              DR_OUTCOME_SIGNALLED, 0, SIGSEGV);
    CHECK_END(END(.state = "FAILED", .reason = "NonZeroExitCode", .status = 10),
              DR_OUTCOME_SIGNALLED, 0, SIGUSR1);
    /* a step that a signal ended, handed on by the script */
    CHECK_END(END(.state = "FAILED", .reason = "NonZeroExitCode", .status = 134 << 8,
                  .derived_status = SIGABRT),
              DR_OUTCOME_SIGNALLED, 0, SIGABRT);
    CHECK_END(END(.state = "FAILED", .reason = "NonZeroExitCode", .status = 134 << 8),
              DR_OUTCOME_EXITED, 134, 0);
    /* 253 is Slurm's own mark, of no process */
    CHECK_END(END(.state = "OUT_OF_MEMORY", .reason = "OutOfMemory", .status = 253),
              DR_OUTCOME_OUT_OF_MEMORY, 0, 0);
    CHECK_END(END(.state = "OUT_OF_MEMORY", .reason = "OutOfMemory", .status = 137 << 8),
              DR_OUTCOME_OUT_OF_MEMORY, 137, 0);
}

TEST(ends_of_the_infrastructure)
{
    CHECK_END(END(.state = "FAILED", .reason = "JobLaunchFailure", .status = 4021),
              DR_OUTCOME_LAUNCH_FAILED, 0, 0);
    CHECK_END(END(.state = "FAILED", .reason = "JobLaunchFailure", .status = 1 << 8),
              DR_OUTCOME_LAUNCH_FAILED, 1, 0);
    CHECK_END(END(.state = "NODE_FAIL", .reason = "NodeDown", .status = 15), DR_OUTCOME_NODE_FAILED,
              0, 0);
    CHECK_END(END(.state = "NODE_FAIL", .reason = "NodeDown"), DR_OUTCOME_NODE_FAILED, 0, 0);
    CHECK_HAS(told(END(.state = "NODE_FAIL", .reason = "NodeDown")).text, "lost a node");
    /* its node is well, and has not got it */
    CHECK_END(END(.state = "NODE_FAIL", .status = 1), DR_OUTCOME_NODE_FAILED, 0, 0);
    CHECK_HAS(told(END(.state = "NODE_FAIL", .status = 1)).text, "does not have it");
    CHECK_HAS(told(END(.state = "NODE_FAIL", .reason = "NodeDown", .status = 1)).text,
              "lost a node");
    CHECK_END(END(.state = "BOOT_FAIL"), DR_OUTCOME_NODE_FAILED, 0, 0);
    CHECK_END(END(.state = "PREEMPTED", .status = 15), DR_OUTCOME_NODE_FAILED, 0, SIGTERM);
    CHECK_HAS(told(END(.state = "PREEMPTED", .status = 15)).text, "preempted");
    /* run again by the site, to whatever end */
    CHECK_END(END(.state = "COMPLETED", .restarts = 1), DR_OUTCOME_NODE_FAILED, 0, 0);
    CHECK_END(END(.state = "CANCELLED", .status = 9, .restarts = 1), DR_OUTCOME_NODE_FAILED, 0, 9);
}

/* Slurm cancels what a node gave up, as root: seen with a prolog that fails, and with a spool that
 * can't be written. */
TEST(launches_that_were_given_up)
{
    struct dr_slurm_end given_up =
        END(.state = "CANCELLED", .placed = 1, .ran_s = 1, .launch_s = 100);
    struct dr_slurm_end end = given_up;

    CHECK_END(given_up, DR_OUTCOME_NODE_FAILED, 0, 0);
    CHECK_HAS(told(given_up).text, "gave the launch up");
    CHECK(dr_slurm_launch_given_up(&given_up));
    end.ran_s = 100; /* the last moment */
    CHECK_END(end, DR_OUTCOME_NODE_FAILED, 0, 0);
    end.ran_s = 101; /* so late it had begun */
    CHECK_END(end, DR_OUTCOME_STOPPED, 0, 0);
    end = given_up;
    end.placed = 0; /* an operator's, before it began */
    CHECK_END(end, DR_OUTCOME_STOPPED, 0, 0);
    end = given_up;
    end.status = 15; /* processes of it ended by the cancel */
    CHECK_END(end, DR_OUTCOME_STOPPED, 0, SIGTERM);
    end = given_up;
    end.derived_status = 1; /* a step of it ran */
    CHECK_END(end, DR_OUTCOME_STOPPED, 0, 0);
    end = given_up;
    end.told = 1;
    CHECK_END(end, DR_OUTCOME_STOPPED, 0, 0);
    CHECK(!dr_slurm_launch_given_up(&end));
    end = given_up;
    end.limit = 1;
    CHECK_END(end, DR_OUTCOME_TIMED_OUT, 0, 0);
    end = given_up;
    end.withdrawn = 1;
    end.placed = 0;
    CHECK_END(end, DR_OUTCOME_NODE_FAILED, 0, 0);
    CHECK_HAS(told(end).text, "withdrawn");
    end.told = 1; /* both: the controller's word counts */
    CHECK_END(end, DR_OUTCOME_STOPPED, 0, 0);
    end = given_up;
    end.requeues = 1; /* given up, it would have been requeued: so it is an operator's cancel */
    CHECK_END(end, DR_OUTCOME_STOPPED, 0, 0);
    CHECK_HAS(told(end).text, "not by Daero");
}

TEST(ends_that_somebody_ordered)
{
    CHECK_END(END(.state = "CANCELLED", .status = 9), DR_OUTCOME_STOPPED, 0, SIGKILL);
    CHECK_HAS(told(END(.state = "CANCELLED", .status = 9)).text, "not by Daero");
    CHECK_END(END(.state = "CANCELLED", .status = 9, .told = 1), DR_OUTCOME_STOPPED, 0, SIGKILL);
    CHECK_TEXT(told(END(.state = "CANCELLED", .status = 9, .told = 1)).text, "");
    CHECK_END(END(.state = "FAILED", .status = 5 << 8, .told = 1), DR_OUTCOME_STOPPED, 5, 0);
    /* it had finished before the order reached it */
    CHECK_END(END(.state = "COMPLETED", .told = 1), DR_OUTCOME_EXITED, 0, 0);
    CHECK_END(END(.state = "TIMEOUT", .reason = "TimeLimit", .status = 9), DR_OUTCOME_TIMED_OUT, 0,
              SIGKILL);
    CHECK_END(END(.state = "CANCELLED", .status = 15, .limit = 1), DR_OUTCOME_TIMED_OUT, 0,
              SIGTERM);
    CHECK_END(END(.state = "TIMEOUT", .status = 9, .told = 1), DR_OUTCOME_STOPPED, 0, SIGKILL);
    CHECK_END(END(.state = "DEADLINE", .reason = "DeadLine"), DR_OUTCOME_STOPPED, 0, 0);
    /* infrastructure comes before what it was told */
    CHECK_END(END(.state = "NODE_FAIL", .told = 1), DR_OUTCOME_NODE_FAILED, 0, 0);
}

TEST(phases)
{
    CHECK_EQ(dr_slurm_phase("PENDING"), DR_SLURM_WAITS);
    CHECK_EQ(dr_slurm_phase("CONFIGURING"), DR_SLURM_WAITS);
    CHECK_EQ(dr_slurm_phase("COMPLETING"), DR_SLURM_RUNS);
    CHECK_EQ(dr_slurm_phase("SUSPENDED"), DR_SLURM_RUNS);
    CHECK_EQ(dr_slurm_phase("TIMEOUT"), DR_SLURM_OVER);
    CHECK_EQ(dr_slurm_phase("SOMETHING_NEW"), DR_SLURM_UNKNOWN);
}
