/* SPDX-License-Identifier: Apache-2.0 */
/* job_options.h: the options of a job, and how they become the JSON that the API takes.
 *
 * One table (DR_JOB_OPTIONS, cli/job_table.c) holds Daero's own options and every option of sbatch.
 * An option means the same wherever it stands: on the command line, in a `#DAERO` line, in a
 * `#SBATCH` line. Where Slurm's meaning differs from what Daero counts in, the names differ too:
 * Slurm's --time takes minutes and --mem is per node, Daero's --limit takes seconds or "2h" and
 * --memory is per task. An option of sbatch that can't be honoured is refused with what to write
 * instead, never passed over in silence.
 *
 * dr_job_set() is called option by option, from the weakest layer to the strongest (environment,
 * #SBATCH, #DAERO, command line): a later one replaces what an earlier one said of the same thing,
 * so
 * `--accelerators=1` on the command line wins over `--gres=gpu:2` in the script. dr_job_finish()
 * then works out what depends on several (memory per CPU, GPUs per node, ...) and writes the JSON.
 */
#ifndef DR_CLI_JOB_OPTIONS_H
#define DR_CLI_JOB_OPTIONS_H

#include <jansson.h>

#include "cli/cli.h"
#include "federation/federation.h"

/* How an option is treated. */
enum dr_job_option_kind {
    DR_JOB_OWN,     /* Daero's own; not for #SBATCH lines */
    DR_JOB_BOTH,    /* Slurm's and Daero's, with one meaning */
    DR_JOB_SLURM,   /* Slurm's; translated into Daero's */
    DR_JOB_IS_SO,   /* Slurm's; Daero always does so: nothing to be done */
    DR_JOB_IGNORED, /* Slurm's; without a bearing on what the job does: a warning, and it goes on */
    DR_JOB_REFUSED, /* Slurm's; can't be honoured */
};

enum dr_job_layer {
    DR_LAYER_ENVIRONMENT,
    DR_LAYER_SBATCH,
    DR_LAYER_DAERO,
    DR_LAYER_COMMAND_LINE,
};

struct dr_job_spec;

struct dr_job_option {
    struct dr_cli_option option;
    enum dr_job_option_kind kind;
    /* REFUSED: why, and what to write instead. Else NULL. */
    const char *instead;
    /* Take the value (NULL for a flag). Returns 0 with `expected` filled. `detail` is the entry's.
     */
    int (*set)(struct dr_job_spec *spec, const char *value, const char *detail, char *expected,
               size_t expected_bytes);
    const char *detail; /* for set functions that serve several entries */
};

/* An instant as --begin and --deadline take it: RFC 3339, and what sbatch takes beyond: "16:00",
 * "now+1hour", "tomorrow". 0: it is none. */
int dr_job_instant(const char *value, int64_t now_us, int64_t *instant_us);

extern const struct dr_job_option DR_JOB_OPTIONS[];
extern const uint32_t DR_JOB_OPTIONS_COUNT;

const struct dr_job_option *dr_job_option_find(const char *name);
const struct dr_job_option *dr_job_option_letter(char letter);

/* An amount can be said per task, per node, per job, ... What a stronger layer says of it replaces
 * all that weaker layers said; what one layer says in several ways has to agree. */
enum dr_per {
    DR_PER_TASK,
    DR_PER_NODE,
    DR_PER_JOB,
    DR_PER_CPU,
    DR_PER_ACCELERATOR,
    DR_PER_COUNT,
};

struct dr_amount {
    int64_t value;
    int64_t share;      /* thousandths of one accelerator instead, per task; 0: whole ones */
    uint32_t layer;     /* layer + 1; 0: not said */
    const char *option; /* its name, without dashes */
    char said[300];     /* as it was written, for messages: "s.sh:2: --gres=gpu:2" */
};

/* 1: fit to name a variable of the environment. */
int dr_job_variable_valid(const char *name, size_t length);

/* What has been said so far. */
struct dr_job_spec {
    json_t *job;             /* members of the API's job object that need no working out */
    enum dr_job_layer layer; /* of the options being set */
    uint32_t list_layer[4];  /* layer + 1 that last wrote each repeated option */
    int64_t now_us;          /* for "now+1h" */
    const char *file;        /* the script being read, and its line; NULL: none */
    uint32_t line;
    char said[300]; /* the option being set, as written with its value, behind where it stands */
    const char *option; /* its name, without dashes */
    json_t *origins;    /* member of the job: the option that said it, as in `said` */

    int64_t tasks;                               /* 0: not said */
    int64_t tasks_min;                           /* of an elastic job; 0: not said */
    int64_t nodes;                               /* at least; 0: not said */
    int nodes_exact;                             /* so many and no more */
    int64_t tasks_per_node;                      /* 0: not said */
    int64_t ranks;                               /* of sbatch's tasks in each of Daero's; 0: one */
    int64_t tasks_per_node_said;                 /* the same, before anything was worked out */
    struct dr_amount accelerators[DR_PER_COUNT]; /* whole ones */
    struct dr_amount cpus[DR_PER_COUNT];         /* thousandths */
    struct dr_amount memory[DR_PER_COUNT];       /* MB */
    char memory_whole[300];                      /* "s.sh:2: --mem=0"; "": not said */
    int64_t nice;
    enum dr_job_layer partition_layer; /* that named the partition */
    uint32_t has_script;
    uint32_t sbatch_lines; /* of its head */

    /* how the command behaves, not the job */
    uint32_t wait;
    uint32_t dry_run;
    char export[4096];          /* as sbatch's --export; "": ALL */
    json_t *environment;        /* --set NAME=VALUE */
    struct dr_buffer *warnings; /* a line for each option that has no effect; NULL: not wanted */
};

void dr_job_init(struct dr_job_spec *spec, int64_t now_us);
void dr_job_deinit(struct dr_job_spec *spec);

/* Take one option. `written` is how it was written ("-n", "--ntasks"), `value` its argument or
 * NULL. DR_E_INPUT: `error` names the option, the value and what was expected; file and line are
 * the caller's to fill in. */
DR_MUST_USE enum dr_status dr_job_set(struct dr_job_spec *spec, const struct dr_job_option *option,
                                      const char *written, const char *value,
                                      struct dr_error *error);

/* Find the option for `written` and take it; the way for scripts. `sbatch`: 1 for a #SBATCH line,
 * where Daero's own options are refused. */
DR_MUST_USE enum dr_status dr_job_set_named(struct dr_job_spec *spec, const char *written,
                                            const char *value, int sbatch, struct dr_error *error);

/* DAERO_SUBMIT_ACCOUNT=x stands for --account=x, and so on for every option with an argument.
 * DR_E_INPUT: `mistakes` got every one of them. */
DR_MUST_USE enum dr_status dr_job_set_environment(struct dr_job_spec *spec, char **environment,
                                                  struct dr_error_list *mistakes);

/* Work out tasks, accelerators, CPUs and memory per task and put them into spec->job. */
DR_MUST_USE enum dr_status dr_job_finish(struct dr_job_spec *spec, struct dr_error *error);

/* The job's environment as --export and --set say, from `environment`, as an object; NULL with
 * `error` where it is larger than the API takes. */
json_t *dr_job_environment(const struct dr_job_spec *spec, char **environment,
                           struct dr_error *error);

/* Add what sbatch tells a job, and srun in it, of how it was called: SLURM_SUBMIT_DIR,
 * SLURM_GPUS_PER_TASK, ... Amounts that may differ by the alternative that is taken are left out.
 */
void dr_job_words(const struct dr_job_spec *spec, json_t *environment);

#endif
