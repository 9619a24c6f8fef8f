/* SPDX-License-Identifier: Apache-2.0 */
/* jobspec.h: from the JSON of a submit to commands.
 *
 * One job object, an array's object, or {"jobs": [...]} become the commands and texts of a struct
 * dr_request (serve/controller.h). What people wrote (script, environment, ...) goes into the job's
 * text (docs/formats/job.md), all that is decided by into the command. Every member is in the table
 * below; another one is refused, and so is every value that the table does not expect. */
#ifndef DR_SERVE_JOBSPEC_H
#define DR_SERVE_JOBSPEC_H

#include "core/state.h"

#define DR_JOBS_PER_REQUEST   10000u
#define DR_JOBSPEC_ERRORS_MAX 100u /* reported of one request */
#define DR_JOB_STRING_BYTES   65536u
#define DR_JOB_SCRIPT_BYTES   524288u
#define DR_JOB_ARGUMENTS_MAX  4096u
#define DR_JOB_VARIABLES_MAX  4096u
#define DR_ARRAY_INDEX_MAX    4000000u

/* X(name, "what is expected", "what it means"), in the order of strcmp */
#define DR_JOB_FIELDS(X)                                                                           \
    X(accelerators, "a whole number from 0 to 64, or a share of one from 0.001",                   \
      "accelerators per task")                                                                     \
    X(account, "the name of an account", "whose share it uses; absent: the user's own account")    \
    X(alternatives, "a list of at most 7 objects", "other shapes, judged after the job's own")     \
    X(array, "indexes like \"0-9%2\" or \"1,3,5-7\"", "one job per index, and how many at a time") \
    X(begin_us, "microseconds since 1970", "it does not start before")                             \
    X(checkpoint_on_warning, "true or false", "it saves its work when warned")                     \
    X(checkpoint_us, "microseconds", "running time between two checkpoints")                       \
    X(chips, "a list of names of chips", "what it may run on; absent: any")                        \
    X(command, "a list of 1 to 4096 strings", "program and arguments; with script its arguments")  \
    X(comment, "a string", "anything")                                                             \
    X(cpus, "a number from 0.001 to 4096", "CPUs per task, to thousandths")                        \
    X(data_class, "the name of a data class", "where it may run, and beside whom")                 \
    X(datasets, "a list of at most 8 names of datasets", "what it reads")                          \
    X(deadline_ends, "true or false", "it is ended at its deadline")                               \
    X(deadline_us, "microseconds since 1970", "when it should have ended")                         \
    X(dependencies, "a list like [\"afterok:71\", \"singleton\"]", "what has to come first")       \
    X(directory, "an absolute path", "working directory")                                          \
    X(environment, "an object of strings", "added to its environment")                             \
    X(error, "a file pattern", "where standard error goes")                                        \
    X(every_task, "true or false",                                                                 \
      "the program runs once per task (a command's default), or once (a script's)")                \
    X(exclusive, "true or false", "it has whole nodes, with one task on each")                     \
    X(fenced, "true or false",                                                                     \
      "an attempt that was given up can do no harm: what it writes to checks DAERO_ATTEMPT")       \
    X(flexible, "true or false", "it is taken before a lower power cap begins")                    \
    X(grace_us, "microseconds, 1 or more", "between a warning and the end")                        \
    X(hold, "true or false", "it waits for a release")                                             \
    X(input, "a file pattern", "where standard input comes from")                                  \
    X(level, "\"LEVEL\", \"required:LEVEL\" or \"preferred:LEVEL\"", "how close its nodes are")    \
    X(limit_total, "true or false", "the limit counts all attempts together")                      \
    X(limit_us, "microseconds, 1 or more", "running time of an attempt")                           \
    X(memory_mb, "a whole number from 0 to 67108864",                                              \
      "memory per task; 0: its share of a node, by CPUs or accelerators")                          \
    X(name, "a string of at most 200 bytes without control characters", "the job's name")          \
    X(nodes, "a whole number from 1 to 65536", "nodes at least")                                   \
    X(open_mode, "\"append\" or \"truncate\"", "of the output files")                              \
    X(output, "a file pattern", "where standard output goes")                                      \
    X(partition, "a name, or several parted by commas, of at most 63 bytes",                       \
      "it runs in pools with such a partition alone (Slurm's)")                                    \
    X(preemptible, "true or false", "it may be taken back; false: within guarantee alone")         \
    X(priority, "a whole number from -1000000 to 1000000", "within its account, higher first")     \
    X(ranks, "a whole number from 1 to 4096",                                                      \
      "what Slurm calls tasks, in each task; a script that runs once starts them itself")          \
    X(requeue, "true or false", "it runs again after preemption or loss of a node")                \
    X(restart_us, "microseconds", "running time that a later attempt needs before it goes on")     \
    X(script, "a string of at most 524288 bytes beginning with #!", "what runs")                   \
    X(sites, "a list of names of sites", "where it may run; absent: anywhere")                     \
    X(tasks, "a whole number from 1 to 65536, or \"LEAST..MOST\"",                                 \
      "tasks that start together or not at all")                                                   \
    X(tasks_min, "a whole number from 1 to 65536", "elastic: with at least so many it starts")     \
    X(tasks_per_node, "a whole number from 1 to 65536", "tasks on one node at most")               \
    X(unreachable_us, "microseconds, a minute or more; 0: wait",                                   \
      "an attempt whose site has not answered for so long is given up, and the job runs again; "   \
      "needs fenced")                                                                              \
    X(user, "the name of a user", "whose job it is (operators and admins)")                        \
    X(warn_before_us, "microseconds", "a warning so long before the limit")                        \
    X(warn_signal, "a signal's name or number, 1 to 64", "what it is warned with")                 \
    X(warn_to, "\"all\", \"script\" or \"steps\"",                                                 \
      "whom the warning reaches at a site that Slurm runs: all, the script alone, its srun steps")

/* X(name, ...) of the members of an alternative: a subset of the above, and: */
#define DR_ALTERNATIVE_FIELDS(X) \
    X(accelerators)              \
    X(chips)                     \
    X(cpus)                      \
    X(factor)                    \
    X(memory_mb)                 \
    X(tasks)                     \
    X(tasks_per_node)

enum dr_jobspec_form {
    DR_JOBSPEC_ONE,
    DR_JOBSPEC_ARRAY,
    DR_JOBSPEC_BATCH,
};

struct dr_jobspec_problem {
    uint32_t index; /* place in "jobs"; 0 for a single one */
    struct dr_answer answer;
};

/* What the reader needs, and what it makes: everything made lies in `arena`. */
struct dr_jobspec {
    const struct dr_core *core;
    struct dr_arena *arena; /* as it comes: not assumed to be zero */
    struct dr_buffer *text; /* room to work in */
    uint8_t salt[16];       /* of names: the federation's own bytes */
    uint32_t jobs_max;      /* of one request, at most DR_JOBS_PER_REQUEST; 0: so many */
    /* The asker: copied into each command. */
    struct dr_command asker;

    enum dr_jobspec_form form;
    struct dr_command *commands;
    uint32_t count;
    const char **texts;
    uint32_t texts_count;
    struct dr_jobspec_problem *problems; /* [DR_JOBSPEC_ERRORS_MAX] */
    uint32_t problems_count;
    uint32_t problems_more; /* that found no room */

    /* the last names looked up: a batch mostly repeats them */
    char account_name[DR_NAME_BYTES];
    dr_account_id account;
};

/* Read a body. 1: commands and texts are filled in. 0: problems are, all of them and not the first
 * alone (what several members make together is judged once each is good); `body` fields name what
 * is wrong with the document itself. A full arena is a problem of kind LIMIT. */
int dr_jobspec_read(struct dr_jobspec *spec, const char *body, size_t bytes);

/* The key by which singletons of a user find one another. */
uint64_t dr_jobspec_name_key(const uint8_t salt[16], dr_user_id user, const char *name);

#endif
