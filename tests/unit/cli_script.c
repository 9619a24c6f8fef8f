/* SPDX-License-Identifier: Apache-2.0 */
/* Job scripts and the options of a job: what is honoured, what it becomes, what is refused and how.
 */
#include "cli/script.h"

#include "base/text.h"
#include "test.h"

#define NOW_US (INT64_C(1790000000) * DR_SECOND_US)

struct outcome {
    char json[4096];  /* the job, its members in the order of their names; "" when refused */
    char error[4000]; /* the refusal, a line per mistake */
    char warnings[1000];
};

/* Read a script's head (NULL: none), then options as on the command line ("--name=value" or
 * "--flag", parted by blanks; NULL: none), and work the job out. */
static void settle(const char *script, const char *options, struct outcome *outcome)
{
    struct dr_job_spec spec;
    struct dr_error_list mistakes DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_error error = {0};
    struct dr_buffer warnings DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status = DR_OK;
    char copy[1024];
    char *cursor = copy;
    char *word;

    memset(outcome, 0, sizeof *outcome);
    dr_buffer_init(&warnings, 900);
    dr_job_init(&spec, NOW_US);
    spec.warnings = &warnings;
    if (script != NULL)
        status = dr_script_read(&spec, "s.sh", script, strlen(script), &warnings, &mistakes);
    spec.layer = DR_LAYER_COMMAND_LINE;
    snprintf(copy, sizeof copy, "%s", options == NULL ? "" : options);
    while (status == DR_OK && (word = strsep(&cursor, " ")) != NULL) {
        char *value = strchr(word, '=');

        if (*word == '\0')
            continue;
        if (value != NULL)
            *value++ = '\0';
        status = dr_job_set_named(&spec, word, value, 0, &error);
    }
    if (status == DR_OK)
        status = dr_job_finish(&spec, &error);
    if (status == DR_OK) {
        char *text = json_dumps(spec.job, JSON_COMPACT | JSON_SORT_KEYS);

        snprintf(outcome->json, sizeof outcome->json, "%s", text);
        free(text);
    } else if (mistakes.count == 0) {
        dr_error_line(&error, outcome->error, sizeof outcome->error);
    }
    for (uint32_t i = 0; i < mistakes.count; i += 1) {
        size_t length = strlen(outcome->error);
        char line[1400];

        snprintf(outcome->error + length, sizeof outcome->error - length, "%s%s", i > 0 ? "\n" : "",
                 dr_error_line(&mistakes.errors[i], line, sizeof line));
    }
    snprintf(outcome->warnings, sizeof outcome->warnings, "%s", dr_buffer_text(&warnings));
    dr_job_deinit(&spec);
}

/* ---- what is honoured ---- */

static const struct {
    const char *lines; /* after "#!/bin/sh\n" */
    const char *json;
} GOOD[] = {
    {"", "{\"tasks\":1}"},
    {"#DAERO --tasks=8..64\n", "{\"tasks\":64,\"tasks_min\":8}"},
    {"#DAERO --tasks=8..64\n#DAERO --tasks=4\n", "{\"tasks\":4}"},
    /* Slurm's */
    {"#SBATCH -n 4\n", "{\"tasks\":4}"},
    {"#SBATCH -n4\n", "{\"tasks\":4}"},
    {"#SBATCH --ntasks=4 --cpus-per-task=2\n", "{\"cpus\":\"2\",\"tasks\":4}"},
    {"#SBATCH -N 2\n", "{\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH -N 2-4\n", "{\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH -N 2 --ntasks-per-node=8\n",
     "{\"cpus\":\"8\",\"ranks\":8,\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH -N 1 -n 4\n", "{\"cpus\":\"4\",\"ranks\":4,\"tasks\":1,\"tasks_per_node\":1}"},
    {"#SBATCH -N 2-2 -n 4\n", "{\"cpus\":\"2\",\"ranks\":2,\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH -N 2-4 -n 8\n", "{\"tasks\":8,\"tasks_per_node\":4}"},
    {"#SBATCH -N 1 -n 2 --gpus-per-task=1\n",
     "{\"accelerators\":1,\"tasks\":2,\"tasks_per_node\":2}"},
    {"#SBATCH -N 2 -n 4\n#DAERO --every-task\n",
     "{\"every_task\":true,\"tasks\":4,\"tasks_per_node\":2}"},
    {"#SBATCH --ntasks-per-node=4\n", "{\"tasks\":4,\"tasks_per_node\":4}"},
    {"#SBATCH -N 3 -n 7\n", "{\"tasks\":7,\"tasks_per_node\":3}"},
    {"#SBATCH --gres=gpu:2\n", "{\"accelerators\":2,\"tasks\":1,\"tasks_per_node\":1}"},
    {"#SBATCH --gres=gpu\n", "{\"accelerators\":1,\"tasks\":1,\"tasks_per_node\":1}"},
    {"#SBATCH --gres=gpu:h200:8 -N 2\n",
     "{\"accelerators\":8,\"chips\":[\"h200\"],\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH --gres=gpu:h200\n",
     "{\"accelerators\":1,\"chips\":[\"h200\"],\"tasks\":1,\"tasks_per_node\":1}"},
    {"#SBATCH --gres=none\n", "{\"tasks\":1}"},
    {"#SBATCH -n 2 --gres=gpu:8\n", "{\"accelerators\":4,\"tasks\":2,\"tasks_per_node\":2}"},
    {"#SBATCH -N 2 --ntasks-per-node=4 --gpus-per-node=8\n",
     "{\"accelerators\":8,\"cpus\":\"4\",\"ranks\":4,\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH -G 8 -n 4\n", "{\"accelerators\":2,\"tasks\":4}"},
    {"#SBATCH --gpus=b300:4\n", "{\"accelerators\":4,\"chips\":[\"b300\"],\"tasks\":1}"},
    {"#SBATCH --gpus=8 --gpus-per-task=2\n", "{\"accelerators\":2,\"tasks\":4}"},
    {"#SBATCH --gpus=16 --gpus-per-node=8\n",
     "{\"accelerators\":8,\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH --gpus-per-task=2 -n 3\n", "{\"accelerators\":2,\"tasks\":3}"},
    {"#SBATCH --ntasks-per-gpu=1 --gpus=4\n", "{\"accelerators\":1,\"tasks\":4}"},
    {"#SBATCH --gpus-per-task=2 --cpus-per-gpu=6\n",
     "{\"accelerators\":2,\"cpus\":\"12\",\"tasks\":1}"},
    {"#SBATCH --mem=16G\n", "{\"memory_mb\":16384,\"tasks\":1}"},
    {"#SBATCH --mem=1000 -n 3\n", "{\"memory_mb\":334,\"tasks\":3}"},
    {"#SBATCH --mem=64G -N 2 --ntasks-per-node=4\n",
     "{\"cpus\":\"4\",\"memory_mb\":65536,\"ranks\":4,\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH --mem-per-cpu=500 -c 4\n", "{\"cpus\":\"4\",\"memory_mb\":2000,\"tasks\":1}"},
    {"#SBATCH --mem-per-cpu=500\n", "{\"memory_mb\":500,\"tasks\":1}"},
    {"#SBATCH --mem-per-gpu=8G --gres=gpu:2\n",
     "{\"accelerators\":2,\"memory_mb\":16384,\"tasks\":1,\"tasks_per_node\":1}"},
    {"#SBATCH -t 90\n", "{\"limit_us\":5400000000,\"tasks\":1}"},
    {"#SBATCH -t 1:30\n", "{\"limit_us\":90000000,\"tasks\":1}"},
    {"#SBATCH --time=2:00:00\n", "{\"limit_us\":7200000000,\"tasks\":1}"},
    {"#SBATCH --time=1-0\n", "{\"limit_us\":86400000000,\"tasks\":1}"},
    {"#SBATCH --time=1-12:30\n", "{\"limit_us\":131400000000,\"tasks\":1}"},
    {"#SBATCH -J train -A academia\n", "{\"account\":\"academia\",\"name\":\"train\",\"tasks\":1}"},
    {"#SBATCH -o out-%j.txt -e err-%A_%a-%t-%x-%u-%% -i in\n",
     "{\"error\":\"err-%A_%a-%t-%x-%u-%%\",\"input\":\"in\",\"output\":\"out-%j.txt\",\"tasks\":"
     "1}"},
    {"#SBATCH -D /tmp --open-mode=append\n",
     "{\"directory\":\"/tmp\",\"open_mode\":\"append\",\"tasks\":1}"},
    {"#SBATCH --array=0-9%2\n", "{\"array\":\"0-9%2\",\"tasks\":1}"},
    {"#SBATCH -a 1,3,5-7\n", "{\"array\":\"1,3,5-7\",\"tasks\":1}"},
    {"#SBATCH -a 0-15:5%3\n", "{\"array\":\"0,5,10,15%3\",\"tasks\":1}"},
    {"#SBATCH -a 7\n", "{\"array\":\"7\",\"tasks\":1}"},
    {"#SBATCH -d afterok:71:72,afterany:5,singleton\n",
     "{\"dependencies\":[\"afterok:71\",\"afterok:72\",\"afterany:5\",\"singleton\"],\"tasks\":1}"},
    {"#SBATCH --begin=now+60\n", "{\"begin_us\":1790000060000000,\"tasks\":1}"},
    {"#SBATCH --begin=now+1hour\n", "{\"begin_us\":1790003600000000,\"tasks\":1}"},
    {"#SBATCH --begin=now+2days\n", "{\"begin_us\":1790172800000000,\"tasks\":1}"},
    {"#SBATCH --begin=now+1week\n", "{\"begin_us\":1790604800000000,\"tasks\":1}"},
    {"#SBATCH --begin=2030-01-01T00:00:00Z\n", "{\"begin_us\":1893456000000000,\"tasks\":1}"},
    {"#SBATCH --deadline=2030-01-01T00:00:00Z\n",
     "{\"deadline_ends\":true,\"deadline_us\":1893456000000000,\"tasks\":1}"},
    {"#SBATCH --signal=USR1\n",
     "{\"tasks\":1,\"warn_before_us\":60000000,\"warn_signal\":\"USR1\",\"warn_to\":\"steps\"}"},
    {"#SBATCH --signal=B:SIGUSR2@120\n",
     "{\"tasks\":1,\"warn_before_us\":120000000,\"warn_signal\":\"USR2\",\"warn_to\":\"script\"}"},
    {"#SBATCH --signal=RB:USR2@1\n",
     "{\"tasks\":1,\"warn_before_us\":1000000,\"warn_signal\":\"USR2\",\"warn_to\":\"script\"}"},
    {"#SBATCH --signal=10@0\n", "{\"tasks\":1,\"warn_signal\":10,\"warn_to\":\"steps\"}"},
    {"#SBATCH --signal=B:USR1@60\n#DAERO --warn=USR1@60\n",
     "{\"tasks\":1,\"warn_before_us\":60000000,\"warn_signal\":\"USR1\"}"},
    {"#SBATCH -n 8 -c 2 --gres=gpu:1 --mem-per-cpu=1G\n",
     "{\"accelerators\":1,\"cpus\":\"16\",\"memory_mb\":16384,\"ranks\":8,\"tasks\":1,\"tasks_per_"
     "node\":1}"},
    {"#SBATCH -n 3 --gpus=8 --mem=3G\n", "{\"accelerators\":8,\"cpus\":\"3\",\"memory_mb\":3072,"
                                         "\"ranks\":3,\"tasks\":1,\"tasks_per_node\":"
                                         "1}"},
    {"#SBATCH -N 2 --ntasks-per-node=8 --exclusive\n",
     "{\"cpus\":\"8\",\"exclusive\":true,\"ranks\":8,\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH --exclusive --mem=0 -N 2\n", "{\"exclusive\":true,\"tasks\":2,\"tasks_per_node\":1}"},
    {"#SBATCH -p gpu,gpu-long\n", "{\"partition\":\"gpu,gpu-long\",\"tasks\":1}"},
    {"#SBATCH -p gpu\n#DAERO --partition=any\n", "{\"tasks\":1}"},
    {"#SBATCH -d afterok:72-74:80\n", "{\"dependencies\":[\"afterok:72\",\"afterok:73\",\"afterok:"
                                      "74\",\"afterok:80\"],\"tasks\":1}"},
    {"#SBATCH -s --distribution=block:cyclic --kill-on-invalid-dep=yes\n", "{\"tasks\":1}"},
    {"#SBATCH --output=out-%5j\n", "{\"output\":\"out-%5j\",\"tasks\":1}"},
    {"#SBATCH --account=Academia_1\n", "{\"account\":\"Academia_1\",\"tasks\":1}"},
    {"#SBATCH --requeue\n", "{\"requeue\":true,\"tasks\":1}"},
    {"#SBATCH --no-requeue\n", "{\"requeue\":false,\"tasks\":1}"},
    {"#SBATCH -H\n", "{\"hold\":true,\"tasks\":1}"},
    {"#SBATCH --nice\n", "{\"priority\":-100,\"tasks\":1}"},
    {"#SBATCH --nice=7 --priority=10\n", "{\"priority\":3,\"tasks\":1}"},
    {"#SBATCH -C h200|b300\n", "{\"chips\":[\"h200\",\"b300\"],\"tasks\":1}"},
    {"#SBATCH --comment='two words # not a comment' # a comment\n",
     "{\"comment\":\"two words # not a comment\",\"tasks\":1}"},
    {"#SBATCH --comment=\"a \\\"b\\\"\" -J x\\ y\n",
     "{\"comment\":\"a \\\"b\\\"\",\"name\":\"x y\",\"tasks\":1}"},
    {"#SBATCH --switches=1\n", "{\"level\":\"preferred:block\",\"tasks\":1}"},
    {"#SBATCH --parsable -Q -v --use-min-nodes --mail-type=NONE --propagate=NONE\n",
     "{\"tasks\":1}"},
    {"#SBATCH\n", "{\"tasks\":1}"},
    {"##SBATCH --ntasks=4\n", "{\"tasks\":1}"},
    {"# SBATCH --ntasks=4\n", "{\"tasks\":1}"},
    {"#SBATCHES --ntasks=4\n", "{\"tasks\":1}"},
    {"\n   # a comment\n\n#SBATCH -n 2\n", "{\"tasks\":2}"},
    /* Daero's */
    {"#DAERO --tasks=2 --accelerators=4 --cpus=0.5 --memory=2G\n",
     "{\"accelerators\":4,\"cpus\":\"0.5\",\"memory_mb\":2048,\"tasks\":2}"},
    {"#DAERO --limit=90\n", "{\"limit_us\":90000000,\"tasks\":1}"},
    {"#DAERO --limit=1h30m --limit-total\n",
     "{\"limit_total\":true,\"limit_us\":5400000000,\"tasks\":1}"},
    {"#DAERO --chips=h200,b300 --sites=seoul,busan --data-class=medical --datasets=x,y\n",
     "{\"chips\":[\"h200\",\"b300\"],\"data_class\":\"medical\",\"datasets\":[\"x\",\"y\"],"
     "\"sites\":[\"seoul\",\"busan\"],\"tasks\":1}"},
    {"#DAERO --level=required:block\n", "{\"level\":\"required:block\",\"tasks\":1}"},
    {"#DAERO --alternative=chips=b300,tasks=4,accelerators=2,factor=0.5\n"
     "#DAERO --alternative=tasks=8,cpus=2,memory=1G\n",
     "{\"alternatives\":[{\"accelerators\":2,\"chips\":[\"b300\"],\"factor\":0.5,\"tasks\":4},"
     "{\"cpus\":\"2\",\"memory_mb\":1024,\"tasks\":8}],\"tasks\":1}"},
    {"#DAERO --no-preempt --checkpoint=10m --checkpoint-on-warning --restart=30s --grace=2m\n",
     "{\"checkpoint_on_warning\":true,\"checkpoint_us\":600000000,\"grace_us\":120000000,"
     "\"preemptible\":false,\"restart_us\":30000000,\"tasks\":1}"},
    {"#DAERO --unreachable=relaunch:30m --fenced\n",
     "{\"fenced\":true,\"tasks\":1,\"unreachable_us\":1800000000}"},
    {"#DAERO --unreachable=wait\n", "{\"tasks\":1,\"unreachable_us\":0}"},
    {"#DAERO --warn=USR1@30s\n",
     "{\"tasks\":1,\"warn_before_us\":30000000,\"warn_signal\":\"USR1\"}"},
    {"#DAERO --warn=TERM\n", "{\"tasks\":1,\"warn_signal\":\"TERM\"}"},
    {"#DAERO --due=2030-01-01T00:00:00Z\n",
     "{\"deadline_ends\":false,\"deadline_us\":1893456000000000,\"tasks\":1}"},
    {"#DAERO --every-task\n", "{\"every_task\":true,\"tasks\":1}"},
    {"#DAERO --accelerators=0.25 --tasks=4 --alternative=chips=b300,accelerators=0.5\n",
     "{\"accelerators\":\"0.25\",\"alternatives\":[{\"accelerators\":\"0.5\",\"chips\":[\"b300\"]}]"
     ","
     "\"tasks\":4}"},
    {"#SBATCH --gres=gpu:2\n#DAERO --accelerators=0.5\n#SBATCH --cpus-per-gpu=4 --mem-per-gpu=1G\n",
     "{\"accelerators\":\"0.5\",\"cpus\":\"2\",\"memory_mb\":512,\"tasks\":1}"},
    {"#DAERO --gres=gpu:2\n", "{\"accelerators\":2,\"tasks\":1,\"tasks_per_node\":1}"},
    /* #DAERO wins over #SBATCH, wherever they stand */
    {"#DAERO --account=a\n#SBATCH --account=b\n", "{\"account\":\"a\",\"tasks\":1}"},
    {"#DAERO --accelerators=1\n#SBATCH --gres=gpu:8\n", "{\"accelerators\":1,\"tasks\":1}"},
    {"#DAERO --memory=1G\n#SBATCH --mem=64G\n", "{\"memory_mb\":1024,\"tasks\":1}"},
    {"#SBATCH -t 5\n#DAERO --limit=2h\n", "{\"limit_us\":7200000000,\"tasks\":1}"},
    {"#SBATCH -C h200\n#DAERO --chips=b300\n", "{\"chips\":[\"b300\"],\"tasks\":1}"},
    /* the last of one kind wins */
    {"#SBATCH -n 2\n#SBATCH -n 3\n", "{\"tasks\":3}"},
};

TEST(scripts_that_are_honoured)
{
    for (size_t i = 0; i < DR_COUNT_OF(GOOD); i += 1) {
        struct outcome outcome;
        char script[1024];

        snprintf(script, sizeof script, "#!/bin/sh\n%secho hello\n", GOOD[i].lines);
        settle(script, NULL, &outcome);
        if (strcmp(outcome.json, GOOD[i].json) != 0)
            fail_msg("script %zu:\n%s\nexpected %s\nfound    %s%s", i, GOOD[i].lines, GOOD[i].json,
                     outcome.json, outcome.error);
    }
}

/* ---- what is refused ---- */

static const struct {
    const char *script;
    const char *error; /* how the sentence begins */
} BAD[] = {
    {"", "s.sh:1: a script begins with #!"},
    {"echo hello\n", "s.sh:1: a script begins with #!"},
    {"#!/bin/sh\r\necho hello\r\n", "s.sh:1: lines end in CR LF"},
    {"#!/bin/sh\n#SBATCH -p 'a b'\n", "s.sh:2: -p: found 'a b', expected a partition"},
    {"#!/bin/sh\n#SBATCH -m cyclic\n", "s.sh:2: -m: found 'cyclic', expected block: tasks are"},
    {"#!/bin/sh\n#SBATCH --kill-on-invalid-dep=no\n",
     "s.sh:2: --kill-on-invalid-dep: found 'no', expected yes"},
    {"#!/bin/sh\n#SBATCH --exclusive=user\n", "s.sh:2: --exclusive: found 'user', expected no"},
    {"#!/bin/sh\n#SBATCH -w node1\n", "s.sh:2: -w=node1: nodes can't be named"},
    {"#!/bin/sh\n#SBATCH --licenses=x\n", "s.sh:2: --licenses=x: licenses are not counted"},
    {"#!/bin/sh\n#SBATCH hetjob\n", "s.sh:2: hetjob: all tasks of a gang are alike"},
    {"#!/bin/sh\n#SBATCH --no-such\n", "s.sh:2: --no-such: there is no such option"},
    {"#!/bin/sh\n#SBATCH -Z\n", "s.sh:2: -Z: there is no such option"},
    {"#!/bin/sh\n#SBATCH ntasks=4\n", "s.sh:2: found 'ntasks=4', expected an option"},
    {"#!/bin/sh\n\n#SBATCH --accelerators=2\n",
     "s.sh:3: --accelerators: this is Daero's own option"},
    {"#!/bin/sh\n#SBATCH --ntasks=many\n",
     "s.sh:2: --ntasks: found 'many', expected a whole number"},
    {"#!/bin/sh\n#DAERO --tasks=64..8\n",
     "s.sh:2: --tasks: found '64..8', expected the least and the most tasks like 8..64"},
    {"#!/bin/sh\n#SBATCH --ntasks=0\n", "s.sh:2: --ntasks: found '0', expected a whole number"},
    {"#!/bin/sh\n#SBATCH --ntasks\n", "s.sh:2: --ntasks: a value is missing: N"},
    {"#!/bin/sh\n#SBATCH --ntasks=\n", "s.sh:2: --ntasks: found '\"\"', expected"},
    {"#!/bin/sh\n#SBATCH --requeue=yes\n", "s.sh:2: --requeue: found 'yes', expected no value"},
    {"#!/bin/sh\n#DAERO --unreachable=30m\n",
     "s.sh:2: --unreachable: found '30m', expected wait, or relaunch: and a minute or more"},
    {"#!/bin/sh\n#DAERO --unreachable=relaunch:59s\n",
     "s.sh:2: --unreachable: found 'relaunch:59s', expected wait, or relaunch: and a minute"},
    {"#!/bin/sh\n#SBATCH --time=0\n", "s.sh:2: --time: found '0', expected a limit"},
    {"#!/bin/sh\n#SBATCH --time=UNLIMITED\n",
     "s.sh:2: --time: found 'UNLIMITED', expected a limit"},
    {"#!/bin/sh\n#SBATCH --time=2h\n", "s.sh:2: --time: found '2h', expected minutes"},
    {"#!/bin/sh\n#SBATCH --mem=0\n", "s.sh:2: --mem=0: all of a node's memory comes with"},
    {"#!/bin/sh\n#SBATCH --mem=lots\n",
     "s.sh:2: --mem: found 'lots', expected an amount of memory"},
    {"#!/bin/sh\n#SBATCH --gres=shard:2\n", "s.sh:2: --gres: found 'shard:2', expected gpu:N"},
    {"#!/bin/sh\n#SBATCH --gres=gpu:1,shard:2\n", "s.sh:2: --gres: found"},
    {"#!/bin/sh\n#SBATCH --gres=gpu:two:2:3\n", "s.sh:2: --gres: found"},
    {"#!/bin/sh\n#SBATCH -C a&b\n", "s.sh:2: -C: found 'a&b', expected one chip"},
    {"#!/bin/sh\n#SBATCH -d after:7\n", "s.sh:2: -d: found 'after:7', expected afterok:JOB, "
                                        "afternotok:JOB, afterany:JOB or singleton, "
                                        "parted by commas (after and aftercorr"},
    {"#!/bin/sh\n#SBATCH -d afterok:7?afterok:8\n", "s.sh:2: -d: found"},
    {"#!/bin/sh\n#SBATCH -d afterok:7_1\n", "s.sh:2: -d: found"},
    {"#!/bin/sh\n#SBATCH -d afterok\n", "s.sh:2: -d: found"},
    {"#!/bin/sh\n#SBATCH -d afterok:\n", "s.sh:2: -d: found"},
    {"#!/bin/sh\n#SBATCH --array=9-0\n", "s.sh:2: --array: found '9-0', expected indexes"},
    {"#!/bin/sh\n#SBATCH --array=1,,2\n", "s.sh:2: --array: found"},
    {"#!/bin/sh\n#SBATCH --array=0-9%0\n", "s.sh:2: --array: found"},
    {"#!/bin/sh\n#SBATCH --array=0-9:0\n", "s.sh:2: --array: found"},
    {"#!/bin/sh\n#SBATCH --array=0-3999999:2\n", "s.sh:2: --array: found"},
    {"#!/bin/sh\n#SBATCH --signal=KILL@60\n",
     "s.sh:2: --signal: found 'KILL@60', expected [B:]SIGNAL"},
    {"#!/bin/sh\n#SBATCH --signal=USR1@1h\n", "s.sh:2: --signal: found"},
    {"#!/bin/sh\n#SBATCH --output=out-%N\n", "s.sh:2: --output: found 'out-%N', expected a path"},
    {"#!/bin/sh\n#SBATCH --output=out-%5\n", "s.sh:2: --output: found"},
    {"#!/bin/sh\n#SBATCH --output=out%\n", "s.sh:2: --output: found"},
    {"#!/bin/sh\n#SBATCH --begin=soon\n", "s.sh:2: --begin: found 'soon', expected an instant"},
    {"#!/bin/sh\n#SBATCH --begin=25:00\n", "s.sh:2: --begin: found"},
    {"#!/bin/sh\n#SBATCH --ntasks-per-gpu=2\n", "s.sh:2: --ntasks-per-gpu: found '2', expected 1"},
    {"#!/bin/sh\n#SBATCH --comment='open\n", "s.sh:2: a quote is not closed"},
    {"#!/bin/sh\n#SBATCH -J x 'open\n", "s.sh:2: a quote is not closed"},
    {"#!/bin/sh\n#DAERO --licenses=x\n", "s.sh:2: --licenses=x: licenses are not counted"},
    {"#!/bin/sh\n#DAERO --alternative=tasks\n",
     "s.sh:2: --alternative: found 'tasks', expected parts"},
    {"#!/bin/sh\n#DAERO --alternative=speed=2\n", "s.sh:2: --alternative: found"},
    {"#!/bin/sh\n#DAERO --level=near:block\n", "s.sh:2: --level: found"},
    {"#!/bin/sh\n#DAERO --limit=soon\n", "s.sh:2: --limit: found 'soon', expected a duration"},
    {"#!/bin/sh\n#DAERO --set=9=x\n", "s.sh:2: --set: found '9=x', expected NAME=VALUE"},
    {"#!/bin/sh\necho hello\n#DAERO --tasks=2\n",
     "s.sh:3: #DAERO: options are read before the first"},
    /* what contradicts */
    {"#!/bin/sh\n#SBATCH -N 4 -n 2\n", "nodes: 4 nodes are asked for 2 tasks"},
    {"#!/bin/sh\n#SBATCH -N 2 -n 15 --gres=gpu:3\n",
     "s.sh:2: --gres=gpu:3: 3 accelerators of a node can't be divided"},
    {"#!/bin/sh\n#SBATCH -N 2 -n 4 --gpus=7\n",
     "s.sh:2: --gpus=7: 7 accelerators can't be divided evenly among 4"},
    {"#!/bin/sh\n#DAERO --every-task\n#SBATCH -n 3 --gres=gpu:8\n",
     "s.sh:3: --gres=gpu:8: 8 accelerators of a node can't be divided"},
    {"#!/bin/sh\n#SBATCH -n 2 --gpus=8 --gpus-per-task=2\n",
     "s.sh:2: --gpus=8: that contradicts s.sh:2: --gpus-per-task=2"},
    {"#!/bin/sh\n#SBATCH --gpus=10 --gpus-per-node=8\n",
     "s.sh:2: --gpus=10: 10 accelerators can't be had 8 to a node"},
    {"#!/bin/sh\n#SBATCH --mem=1G --mem-per-cpu=1G\n",
     "s.sh:2: --mem-per-cpu=1G: that and s.sh:2: --mem=1G say the same"},
    {"#!/bin/sh\n#SBATCH -c 2 --cpus-per-gpu=2 --gpus-per-task=1\n",
     "s.sh:2: --cpus-per-gpu=2: that and s.sh:2: -c=2 say"},
    {"#!/bin/sh\n#DAERO --accelerators=1.5\n",
     "s.sh:2: --accelerators: found '1.5', expected a whole number of accelerators, or a share"},
    {"#!/bin/sh\n#DAERO --accelerators=0.5\n#DAERO --gpus=8\n",
     "s.sh:3: --gpus=8: s.sh:2: --accelerators=0.5 asks for a share"},
    {"#!/bin/sh\n#SBATCH --mem-per-gpu=1G\n",
     "s.sh:2: --mem-per-gpu=1G: the job asks for no accelerators"},
    {"#!/bin/sh\n#SBATCH --gpus=128\n", "accelerators: 128 accelerators come to one task"},
    {"#!/bin/sh\n#SBATCH -N 40000 --ntasks-per-node=4\n", "tasks: 160000 tasks come together"},
};

TEST(scripts_that_are_refused)
{
    for (size_t i = 0; i < DR_COUNT_OF(BAD); i += 1) {
        struct outcome outcome;

        settle(BAD[i].script, NULL, &outcome);
        if (outcome.json[0] != '\0' ||
            strncmp(outcome.error, BAD[i].error, strlen(BAD[i].error)) != 0)
            fail_msg("script %zu:\n%s\nexpected %s\nfound    %s%s", i, BAD[i].script, BAD[i].error,
                     outcome.error, outcome.json);
    }
}

/* All that is wrong is said at once, in the order of the lines, #SBATCH and #DAERO alike. */
TEST(every_mistake_of_a_script_is_told)
{
    struct outcome outcome;

    settle("#!/bin/sh\n"
           "#DAERO --limit=soon --chip=h200\n"
           "#SBATCH --ntasks=many --tmp=1G -n 2\n"
           "#SBATCH --nonsense --account=A!\n"
           "#SBATCH --comment='open\n"
           "echo\n"
           "#DAERO --tasks=2\n",
           NULL, &outcome);
    CHECK_TEXT(outcome.json, "");
    CHECK_HAS(outcome.error, "s.sh:2: --limit: found 'soon', expected a duration");
    CHECK_HAS(outcome.error, "\ns.sh:3: --ntasks: found 'many', expected a whole number");
    CHECK_HAS(outcome.error, "\ns.sh:3: --tmp=1G: local disk is not counted");
    CHECK_HAS(outcome.error, "\ns.sh:4: --nonsense: there is no such option");
    CHECK_HAS(outcome.error, "\ns.sh:5: a quote is not closed");
    CHECK_HAS(outcome.error, "\ns.sh:7: #DAERO: options are read before");
    settle("echo no interpreter\n#SBATCH -n x\n", NULL, &outcome);
    CHECK_HAS(outcome.error, "s.sh:1: a script begins with #!");
}

/* Where each member of the job was said, for what the controller finds wrong with it. */
TEST(an_option_is_remembered_with_its_place)
{
    static const char script[] =
        "#!/bin/sh\n#SBATCH --account=a --gres=gpu:2\n#DAERO --account=b\n";
    struct dr_error_list mistakes DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_error error = {0};
    struct dr_job_spec spec;

    dr_job_init(&spec, NOW_US);
    CHECK_EQ(dr_script_read(&spec, "s.sh", script, sizeof script - 1, NULL, &mistakes), DR_OK);
    CHECK_EQ(dr_job_finish(&spec, &error), DR_OK);
    CHECK_TEXT(json_string_value(json_object_get(spec.origins, "account")), "s.sh:3: --account=b");
    CHECK_TEXT(json_string_value(json_object_get(spec.origins, "accelerators")),
               "s.sh:2: --gres=gpu:2");
    dr_job_deinit(&spec);
}

/* Every option of sbatch that can't be honoured has its sentence, wherever it stands. */
TEST(each_refused_option_says_what_to_do)
{
    uint32_t refused = 0;

    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        const struct dr_job_option *option = &DR_JOB_OPTIONS[i];
        struct outcome outcome;
        char script[256];

        if (option->kind != DR_JOB_REFUSED)
            continue;
        refused += 1;
        snprintf(script, sizeof script, "#!/bin/sh\n#SBATCH --%s%s\n", option->option.name,
                 option->option.argument == NULL || option->option.argument[0] == '[' ? "" : "=x");
        settle(script, NULL, &outcome);
        CHECK_TEXT(outcome.json, "");
        CHECK_HAS(outcome.error, "s.sh:2: --");
        CHECK_HAS(outcome.error, option->instead);
    }
    CHECK(refused > 30);
}

/* Mail is told of, and the job goes its way. */
TEST(mail_is_passed_over)
{
    struct outcome outcome;

    settle(
        "#!/bin/sh\n#SBATCH --mail-type=END,FAIL --mail-user=a@b\n#SBATCH --mail-type=NONE -n 2\n",
        NULL, &outcome);
    CHECK_TEXT(outcome.error, "");
    CHECK_HAS(outcome.json, "\"tasks\":2");
    CHECK_TEXT(outcome.warnings,
               "s.sh:2: --mail-type=END,FAIL: has no effect: Daero sends no mail; follow `daero "
               "events` or wait with `daero wait`\n"
               "s.sh:2: --mail-user=a@b: has no effect: Daero sends no mail\n");
}

/* No option has two entries, no letter two options: an option means the same wherever it stands. */
TEST(names_and_letters_are_unique)
{
    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        const struct dr_cli_option *a = &DR_JOB_OPTIONS[i].option;

        for (uint32_t j = i + 1; j < DR_JOB_OPTIONS_COUNT; j += 1) {
            const struct dr_cli_option *b = &DR_JOB_OPTIONS[j].option;

            if (strcmp(a->name, b->name) == 0 || (a->letter != 0 && a->letter == b->letter))
                fail_msg("--%s and --%s", a->name, b->name);
        }
    }
}

TEST(the_command_line_wins)
{
    struct outcome outcome;

    settle("#!/bin/sh\n#SBATCH --gres=gpu:8 -A a\n#DAERO --limit=1h --cpus=2\n",
           "--accelerators=1 --account=c --limit=5m --mem=1G", &outcome);
    CHECK_TEXT(outcome.json, "{\"accelerators\":1,\"account\":\"c\",\"cpus\":\"2\","
                             "\"limit_us\":300000000,\"memory_mb\":1024,\"tasks\":1}");
    settle("#!/bin/sh\n#SBATCH --mem-per-cpu=4G\n", "--mem=1G", &outcome);
    CHECK_TEXT(outcome.json, "{\"memory_mb\":1024,\"tasks\":1}");
    settle("#!/bin/sh\n#DAERO --chips=h200\n", "--chips=b300 --chips=rngd", &outcome);
    CHECK_TEXT(outcome.json, "{\"chips\":[\"b300\",\"rngd\"],\"tasks\":1}");
    /* an hour that the script says is minutes to Slurm, whatever Daero's own option counts in */
    settle("#!/bin/sh\n#SBATCH -t 60\n", "--limit=60", &outcome);
    CHECK_TEXT(outcome.json, "{\"limit_us\":60000000,\"tasks\":1}");
}

TEST(sbatch_lines_after_the_head_are_told)
{
    struct outcome outcome;

    settle("#!/bin/sh\n#SBATCH -n 2\necho hello\n#SBATCH -n 4\n", NULL, &outcome);
    CHECK_TEXT(outcome.json, "{\"tasks\":2}");
    CHECK_HAS(outcome.warnings, "s.sh:4: #SBATCH: options are read before the first command alone");
}

TEST(options_from_the_environment)
{
    char *environment[] = {"PATH=/bin", "DAERO_SUBMIT_ACCOUNT=a", "DAERO_SUBMIT_CPUS_PER_TASK=3",
                           NULL};
    char *wrong_name[] = {"DAERO_SUBMIT_ACOUNT=a", NULL};
    char *wrong_value[] = {"DAERO_SUBMIT_LIMIT=soon", NULL};
    struct dr_error_list mistakes DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_job_spec spec;
    char text[1400];

    dr_job_init(&spec, NOW_US);
    CHECK_EQ(dr_job_set_environment(&spec, environment, &mistakes), DR_OK);
    CHECK_TEXT(json_string_value(json_object_get(spec.job, "account")), "a");
    CHECK_EQ(spec.cpus[DR_PER_TASK].value, 3000);
    CHECK_EQ(dr_job_set_environment(&spec, wrong_name, &mistakes), DR_E_INPUT);
    CHECK_HAS(dr_error_line(&mistakes.errors[mistakes.count - 1], text, sizeof text),
              "DAERO_SUBMIT_ACOUNT");
    CHECK_EQ(dr_job_set_environment(&spec, wrong_value, &mistakes), DR_E_INPUT);
    CHECK_HAS(dr_error_line(&mistakes.errors[mistakes.count - 1], text, sizeof text),
              "found 'soon'");
    dr_job_deinit(&spec);
}

static char *exported(const char *how, char **environment)
{
    struct dr_job_spec spec;
    struct dr_error error = {0};
    json_t *object;
    char *text;

    dr_job_init(&spec, NOW_US);
    snprintf(spec.export, sizeof spec.export, "%s", how);
    json_object_set_new(spec.environment, "SET", json_string("1"));
    object = dr_job_environment(&spec, environment, &error);
    text =
        object == NULL ? strdup(error.expected) : json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    dr_job_deinit(&spec);
    return text;
}

static void check_export(const char *how, const char *expected)
{
    char *environment[] = {"PATH=/bin",        "HOME=/root",     "DAERO_TOKEN=dr_1_secret",
                           "BASH_FUNC_x%%=()", "LANG=C.UTF-8",   "SSH_AUTH_SOCK=/x",
                           "BROKEN=\xff",      "SLURM_JOB_ID=1", NULL};
    char *text = exported(how, environment);

    CHECK_TEXT(text, expected);
    free(text);
}

/* Secrets and what belongs to the session stay here. */
TEST(environment_that_travels)
{
    check_export("", "{\"LANG\":\"C.UTF-8\",\"PATH\":\"/bin\",\"SET\":\"1\"}");
    check_export("ALL,A=b", "{\"A\":\"b\",\"LANG\":\"C.UTF-8\",\"PATH\":\"/bin\",\"SET\":\"1\"}");
    check_export("NONE", "{\"SET\":\"1\"}");
    check_export("HOME,X=1", "{\"HOME\":\"/root\",\"SET\":\"1\",\"X\":\"1\"}");
    check_export("NOT-A-NAME", "NAME or NAME=VALUE");
}

/* What sbatch itself tells a job of how it was called; not where an alternative says otherwise. */
TEST(words_of_sbatch_travel)
{
    static const struct {
        const char *line;
        const char *words;
    } said[] = {
        {"#SBATCH -n2\n", "{}"},
        {"#SBATCH -n2 --gpus-per-task=h200:1 -c 4\n",
         "{\"SLURM_CPUS_PER_TASK\":\"4\",\"SLURM_GPUS_PER_TASK\":\"1\"}"},
        {"#SBATCH -G 2\n", "{\"SLURM_GPUS\":\"2\"}"},
        {"#SBATCH -N2 --gpus-per-node=4 --ntasks-per-node=1\n",
         "{\"SLURM_GPUS_PER_NODE\":\"4\",\"SLURM_NTASKS_PER_NODE\":\"1\"}"},
        {"#SBATCH --gres=gpu:2 --mem-per-cpu=1G\n", "{\"SLURM_MEM_PER_CPU\":\"1024\"}"},
        {"#SBATCH --gpus-per-task=2\n#DAERO --accelerators=1\n", "{}"},
        {"#SBATCH --gpus=2\n#DAERO --alternative=accelerators=4\n", "{}"},
    };

    for (size_t i = 0; i < DR_COUNT_OF(said); i += 1) {
        struct dr_error_list mistakes DR_CLEANUP(dr_error_list_deinit) = {0};
        struct dr_error error = {0};
        struct dr_job_spec spec;
        char script[256];
        json_t *words = json_object();
        char *text;

        snprintf(script, sizeof script, "#!/bin/sh\n%s", said[i].line);
        dr_job_init(&spec, NOW_US);
        CHECK_EQ(dr_script_read(&spec, "s.sh", script, strlen(script), NULL, &mistakes), DR_OK);
        CHECK_EQ(dr_job_finish(&spec, &error), DR_OK);
        dr_job_words(&spec, words);
        CHECK(json_object_get(words, "SLURM_SUBMIT_DIR") != NULL);
        json_object_del(words, "SLURM_SUBMIT_DIR");
        json_object_del(words, "SLURM_SUBMIT_HOST");
        text = json_dumps(words, JSON_COMPACT | JSON_SORT_KEYS);
        CHECK_TEXT(text, said[i].words);
        free(text);
        json_decref(words);
        dr_job_deinit(&spec);
    }
}

TEST(environment_that_is_too_large)
{
    char *large = malloc(300000);
    char *environment[] = {large, NULL};
    char *text;

    memset(large, 'x', 299999);
    memcpy(large, "LARGE=", 6);
    large[299999] = '\0';
    text = exported("", environment);
    CHECK_HAS(text, "name the variables that it needs");
    free(text);
    free(large);
}
