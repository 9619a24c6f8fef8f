/* SPDX-License-Identifier: Apache-2.0 */
/* What others have logged, as traces and federations: each mapping on a small sample, and what is
 * said of rows that are wrong. */
#include "sim/import.h"

#include <stdlib.h>

#include "federation/federation.h"
#include "sim_world.h"

static char trace[8192];
static char said[4096];
static struct dr_buffer yaml;

static void say(void *context, const struct dr_error *error)
{
    char text[1400];
    size_t length = strlen(said);

    (void)context;
    dr_error_line(error, text, sizeof text);
    snprintf(said + length, sizeof said - length, "%s\n", strrchr(text, '/') + 1);
}

static enum dr_status import(struct dr_import *import, struct dr_error *error)
{
    const char *path = sim_file("out.csv", "");
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    enum dr_status status;

    said[0] = 0;
    dr_buffer_deinit(&yaml);
    dr_buffer_init(&yaml, 1u << 20);
    import->trace = fopen(path, "we");
    import->federation = &yaml;
    import->say = say;
    status = dr_import(import, error);
    fclose(import->trace);
    dr_buffer_init(&text, sizeof trace);
    CHECK_EQ(dr_buffer_read_file(&text, path), DR_OK);
    snprintf(trace, sizeof trace, "%s", dr_buffer_text(&text));
    if (status == DR_OK) { /* what was written is a federation */
        struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
        struct dr_federation *federation;

        if (dr_federation_parse(&federation, "out.yaml", dr_buffer_text(&yaml), yaml.length,
                                &errors, NULL) != DR_OK)
            fail_msg("%s: %s", errors.errors[0].field, errors.errors[0].expected);
        dr_federation_close(federation);
    }
    return status;
}

TEST(swf_rows_become_jobs)
{
    struct dr_import i = {
        .kind = DR_IMPORT_swf,
        .files = {
            sim_file("log.swf",
                     "; Version: 2.2\n; MaxNodes: 60\n; MaxProcs: 240\n;\n"
                     "    1    0 308  314   30 31405  -1   30  379  -1  1   1   1  -1 -1  1 -1 -1\n"
                     "    2    8   5   -1    8 24037  -1    8  380  -1 -1   1   1  -1 -1  1 -1 -1\n"
                     "    3    9   5   20   -1    -1  -1   -1   40  -1  0   1   1  -1 -1  1 -1 -1\n"
                     "    4   10   5   20    6  12.5  -1   -1   -1  -1  0  22   1  -1 -1  1 -1 -1\n"
                     "\n    5   11   0   21    6    -1  -1    4   20  -1  5  -1\n")}};
    struct dr_error error = {0};

    CHECK_EQ(import(&i, &error), DR_OK);
    CHECK_TEXT(trace, "job_id,submit_s,runtime_s,tasks,accelerators_per_task,limit_s,account,user,"
                      "status\n"
                      "1,0,314,30,1,379,all,user-1,\n"
                      "4,10,20,6,1,,all,user-22,failed\n"
                      "5,11,21,4,1,20,all,,cancelled\n");
    CHECK_EQ(i.rows, 5);
    CHECK_EQ(i.written, 3);
    CHECK_EQ(i.skipped, 2); /* never ran; nobody knows how wide */
    CHECK_EQ(i.bad, 0);
    CHECK_HAS(dr_buffer_text(&yaml), "nodes: 60\n        accelerators: 4\n");
}

TEST(swf_rows_that_are_wrong_are_said)
{
    struct dr_import i = {.kind = DR_IMPORT_swf,
                          .bad_row_milli = 1000,
                          .node_size = 2,
                          .files = {sim_file("log.swf", "1 0 3 31 30 -1 -1 30 379 -1 1 1\n"
                                                        "2 0 3 31\n"
                                                        "3 0 x 31 30 -1 -1 30 379 -1 1 1\n"
                                                        "-4 5 3 31 30 -1 -1 30 379 -1 1 1\n"
                                                        "5 4 3 31 30 -1 -1 70000 379 -1 1 1\n"
                                                        "6 9 3 31 30 -1 -1 30 379 -1 1 1\n"
                                                        "7 8 3 31 30 -1 -1 30 379 -1 1 1\n")}};
    struct dr_error error = {0};

    CHECK_EQ(import(&i, &error), DR_OK);
    CHECK_EQ(i.written, 2);
    CHECK_EQ(i.bad, 5);
    CHECK_HAS(said, "log.swf:2: job: found 'too few columns', expected 18");
    CHECK_HAS(said, "log.swf:3: wait: found 'x', expected a number");
    CHECK_HAS(said, "log.swf:4: job: found '-4', expected a number, or -1");
    CHECK_HAS(said, "log.swf:5: processors_asked: found '70000', expected at most 65536");
    CHECK_HAS(said, "log.swf:7: submit: found 'an earlier time");
    CHECK_HAS(dr_buffer_text(&yaml), "nodes: 15\n        accelerators: 2\n"); /* by the widest */
    i = (struct dr_import){.kind = DR_IMPORT_swf, .files = {i.files[0]}};
    CHECK_EQ(import(&i, &error), DR_E_INPUT); /* the first of them ends it */
    CHECK_EQ(error.line, 2);
}

static const char NODES[] = "sn,cpu_milli,memory_mib,gpu,model\n"
                            "n0,32000,262144,0,\n"
                            "n1,64000,262144,2,G2\n"
                            "n2,64000,262144,2,G2\n"
                            "n3,96000,524288,1,T4\n";

TEST(openb_pods_become_jobs)
{
    struct dr_import i = {
        .kind = DR_IMPORT_openb,
        .bad_row_milli = 1000,
        .files = {sim_file("nodes.csv", NODES),
                  sim_file("pods.csv",
                           "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,"
                           "creation_time,deletion_time,scheduled_time\n"
                           "p0,12000,16384,1,1000,,LS,Running,20,120,25\n"
                           "p1,6000,12288,1,460,T4|G2,LS,Running,10,40,\n"
                           "p2,6000,1024,0,0,,LS,Running,10,40,10\n"
                           "p3,6000,1024,2,1000,G2,LS,Pending,11,,\n"
                           "p4,6000,1024,2,500,G2,LS,Running,11,15,11\n"
                           "p5,6000,1024,1,500,A100,LS,Running,11,15,11\n")}};
    struct dr_error error = {0};

    CHECK_EQ(import(&i, &error), DR_OK);
    CHECK_TEXT(trace, "job_id,submit_s,runtime_s,tasks,accelerators_per_task,account,cpus_per_task,"
                      "memory_mb_per_task,chips\n"
                      "1,10,30,1,0.46,all,6,12288,g2:1|t4:1\n"
                      "2,10,30,1,0,all,6,1024,\n"
                      "4,20,95,1,1,all,12,16384,\n");
    CHECK_EQ(i.skipped, 1);
    CHECK_EQ(i.bad, 2);
    CHECK_HAS(said, "pods.csv:6: gpu_milli: found '500', expected up to 1000, and a share");
    CHECK_HAS(said, "pods.csv:7: gpu_spec: found 'A100', expected a model that some node has");
    CHECK_HAS(dr_buffer_text(&yaml), "pool-2:\n        nodes: 2\n        cpus: 64\n");
}

/* The protocol: so much of the GPUs is asked for, all come a second apart, and the seed decides. */
TEST(openb_lists_are_filled_and_shuffled)
{
    static char first[8192];
    struct dr_error error = {0};

    for (int round = 0; round < 3; round += 1) {
        struct dr_import i = {
            .kind = DR_IMPORT_openb,
            .fill_percent = 130,
            .seed = round == 2 ? 43 : 42,
            .files = {sim_file("nodes.csv", NODES),
                      sim_file("pods.csv", "cpu_milli,memory_mib,num_gpu,gpu_milli\n"
                                           "1000,1024,1,500\n2000,1024,1,250\n3000,1024,0,0\n")}};
        int64_t asked = 0;
        uint32_t known = 0; /* of the list itself, before all others */

        CHECK_EQ(import(&i, &error), DR_OK);
        for (const char *at = strchr(trace, '\n'); at != NULL && at[1] != 0;
             at = strchr(at + 1, '\n')) {
            long long job = 0;
            double submit = 0, runtime = 0, gpus = 0;

            CHECK_EQ(sscanf(at + 1, "%lld,%lf,%lf,1,%lf,", &job, &submit, &runtime, &gpus), 4);
            if (submit < 0) {
                CHECK(runtime == 0 && asked == 0);
                known += 1;
                continue;
            }
            CHECK(runtime > 1e6);
            asked += (int64_t)(1000 * gpus);
        }
        CHECK_EQ(known, 3);
        CHECK(asked >= 6500 && asked < 7000);
        if (round == 0)
            memcpy(first, trace, sizeof first);
        CHECK_EQ(strcmp(first, trace) == 0, round < 2);
    }
}

TEST(gavel_jobs_have_factors)
{
    static const char table[] =
        "{\"v100\": {\"('A (batch size 1)', 1)\": {\"null\": 10.0}, \"('A (batch size 1)', 2)\": "
        "{\"null\": 16.0}},\n"
        " \"p100\": {\"('A (batch size 1)', 1)\": {\"null\": 4.0}, \"('A (batch size 1)', 2)\": "
        "{\"null\": 20.0}},\n"
        " \"k80\": {\"('A (batch size 1)', 1)\": {\"null\": 0.0}},\n"
        " \"v100_unconsolidated\": {\"('A (batch size 1)', 8)\": {\"null\": 50.0}}}\n";
    struct dr_import i = {
        .kind = DR_IMPORT_gavel,
        .bad_row_milli = 1000,
        .files = {sim_file("jobs.trace", "A (batch size 1)\tcmd\tdir\t-n\t1\t1000\t1\t1\t-1.0\t50\n"
                                         "A (batch size 1)\tcmd\tdir\t-n\t1\t1000\t2\t1\t-1.0\t0\n"
                                         "A (batch size 1)\tcmd\tdir\t-n\t1\t1000\t8\t1\t-1.0\t60\n"
                                         "B (batch size 1)\tcmd\tdir\t-n\t1\t1000\t1\t1\t-1.0\t0\n"
                                         "A (batch size 1)\tcmd\tdir\t-n\t1\t0\t1\t1\t-1.0\t0\n"
                                         "A (batch size 1)\tcmd\tdir\n"),
                  sim_file("table.json", table)}};
    struct dr_error error = {0};

    CHECK_EQ(import(&i, &error), DR_OK);
    CHECK_TEXT(trace, "job_id,submit_s,runtime_s,tasks,accelerators_per_task,account,chips,level\n"
                      "2,0,50,2,1,all,v100:1.25|p100:1,node\n"
                      "1,50,100,1,1,all,v100:1|p100:2.5,\n"
                      "3,60,20,8,1,all,v100:1,\n");
    CHECK_EQ(i.bad, 3);
    CHECK_HAS(said, "jobs.trace:4: type: found 'B (batch size 1)', expected a type and gang");
    CHECK_HAS(said, "jobs.trace:5: steps: found '0'");
    CHECK_HAS(said, "jobs.trace:6: found 'another number of fields'");
    i.files[1] = sim_file("table.json", "{\"v100\": }");
    CHECK_EQ(import(&i, &error), DR_E_INPUT);
    CHECK_HAS(error.file, "table.json");
}

TEST(a_log_of_nothing_is_refused)
{
    struct dr_import i = {.kind = DR_IMPORT_swf, .files = {sim_file("log.swf", "; empty\n")}};
    struct dr_error error = {0};

    CHECK_EQ(import(&i, &error), DR_E_INPUT);
    CHECK_TEXT(error.found, "no job that ever ran");
    i.files[0] = "/nowhere/log.swf";
    CHECK_EQ(import(&i, &error), DR_E_MISSING);
}

/* As sacct of Slurm 22.05 prints it, in another order of columns. */
#define SACCT_HEAD                                                                            \
    "JobIDRaw|JobID|Partition|Account|User|Submit|Eligible|Start|End|Elapsed|State|AllocTRES" \
    "|ReqMem|Timelimit|AllocCPUS\n"

TEST(sacct_rows_become_jobs)
{
    static const char dump[] = SACCT_HEAD
        "7|7|batch|lab|u1|2027-03-01T10:00:00|2027-03-01T10:00:00|2027-03-01T10:00:10|"
        "2027-03-01T10:10:10|00:10:00|COMPLETED|billing=16,cpu=16,gres/gpu:h100=8,gres/gpu=8,"
        "mem=64G,node=2|64G|01:00:00|16\n"
        "7.batch|7.batch||lab||2027-03-01T10:00:10|2027-03-01T10:00:10|2027-03-01T10:00:10|"
        "2027-03-01T10:10:10|00:10:00|COMPLETED|cpu=8,mem=32G,node=1|||8\n"
        "7.0|7.0||lab||2027-03-01T10:00:10|2027-03-01T10:00:10|2027-03-01T10:00:10|"
        "2027-03-01T10:10:10|00:10:00|COMPLETED|cpu=16,mem=64G,node=2|||16\n"
        /* an array that came before it, one element ended by its user, one never */
        "9|8_1|cpu|Web_Team|u2|2027-03-01T09:59:00|2027-03-01T10:00:00|2027-03-01T10:00:00|"
        "2027-03-01T10:00:20|00:00:20|CANCELLED by 1000|cpu=3,mem=3000M,node=1|1000Mc|UNLIMITED|3\n"
        "8|8_[2-4%2]|cpu|Web_Team|u2|2027-03-01T09:59:00|Unknown|Unknown|Unknown|00:00:00|"
        "CANCELLED by 1000||1000Mc|UNLIMITED|0\n"
        /* of two nodes that are not alike; GPUs without a model; ended by its limit */
        "11|11+0|batch|lab|u1|2027-03-01T10:00:05|2027-03-01T10:00:05|2027-03-01T10:00:10|"
        "2027-03-02T11:00:20|1-01:00:10|TIMEOUT|cpu=3,gres/gpu=3,node=2|2Gn|1-01:00:00|3\n"
        /* requeued: came with its first row, ran as the last says */
        "12|12|cpu|lab|u1|2027-03-01T10:00:06|2027-03-01T10:00:06|2027-03-01T10:00:10|"
        "2027-03-01T10:00:15|00:00:05|REQUEUED|cpu=1,node=1|512M|Partition_Limit|1\n"
        "12|12|cpu|lab|u1|2027-03-01T10:00:15|2027-03-01T10:00:17|2027-03-01T10:00:20|"
        "2027-03-01T10:00:50|00:00:30|OUT_OF_MEMORY|cpu=1,node=1|512M|Partition_Limit|1\n"
        "13|13|cpu|lab|u1|2027-03-01T10:00:07|2027-03-01T10:00:07|2027-03-01T10:00:20|Unknown|"
        "00:00:30|RUNNING|cpu=1,node=1|512M|00:05:00|1\n";
    struct dr_import i = {
        .kind = DR_IMPORT_sacct, .utc_offset = "+09:00", .files = {sim_file("dump.txt", dump)}};
    struct dr_error error = {0};

    if (import(&i, &error) != DR_OK)
        fail_msg("%s: %s", error.field, error.expected);
    CHECK_TEXT(trace, "job_id,submit_s,runtime_s,tasks,accelerators_per_task,limit_s,account,user,"
                      "cpus_per_task,memory_mb_per_task,chips,begin_s,sites,name,status\n"
                      "9,0,20,1,0,,web-team,u2,3,3000,,60,cpu,8_1,cancelled\n"
                      "7,60,600,2,4,3600,lab,u1,8,32768,h100:1,,batch,7,\n"
                      "11,65,90010,3,1,90000,lab,u1,1,,,,batch,11+0,timeout\n"
                      "12,66,30,1,0,,lab,u1,1,,,,cpu,12,failed\n");
    CHECK_EQ(i.rows, 7);
    CHECK_EQ(i.steps, 2);
    CHECK_EQ(i.skipped, 2);
    CHECK_EQ(i.joined, 1);
    CHECK_EQ(i.begin_us, INT64_C(1803862740) * DR_SECOND_US); /* 00:59 in UTC */
    /* Eleven GPUs at once, in nodes of four. */
    CHECK_HAS(dr_buffer_text(&yaml), "  batch:\n    jurisdiction: unknown\n    engine: simulated\n"
                                     "    pools:\n      h100:\n        nodes: 3\n"
                                     "        cpus: 8\n        memory: 32768MB\n"
                                     "        chip: h100\n        accelerators: 4\n");
    CHECK_HAS(dr_buffer_text(&yaml), "      cpus:\n        nodes: 1\n        cpus: 3\n");
    i.nodes = 40;
    i.node_size = 8;
    i.files[0] = sim_file("dump.txt", dump);
    CHECK_EQ(import(&i, &error), DR_OK);
    CHECK_HAS(dr_buffer_text(&yaml), "nodes: 40\n        cpus: 8\n");
    CHECK_HAS(dr_buffer_text(&yaml), "accelerators: 8\n");
}

TEST(sacct_rows_are_numbered_where_the_dump_does_not)
{
    struct dr_import i = {
        .kind = DR_IMPORT_sacct,
        .utc_offset = "Z",
        .bad_row_milli = 1000,
        .files = {sim_file("dump.txt",
                           "JobID|Submit|Start|End|State|ReqTRES|ReqMem\n"
                           "5_1|1800000000|1800000010|1800000030|COMPLETED|cpu=2|2Gc\n"
                           "5_2|1800000000|1800000010|1800000040|COMPLETED|cpu=2|1.5Gn\n"
                           "6|1800000001|1800000010|1800000040|COMPLETED|cpu=2|7M\n"
                           "7|1800000002|1800000010|1800000040|COMPLETED|cpu=2|0\n"
                           "8|1800000003|1800000010|1800000040|COMPLETED|cpu=2|much\n")}};
    struct dr_error error = {0};

    CHECK_EQ(import(&i, &error), DR_OK);
    CHECK_HAS(trace, "\n1,0,20,1,0,,all,,2,4096,,,cluster,5_1,\n"
                     "2,0,30,1,0,,all,,2,1536,,,cluster,5_2,\n"
                     "3,1,30,1,0,,all,,2,7,,,cluster,6,\n4,2,30,1,0,,all,,2,,,,cluster,7,\n");
    CHECK_HAS(said, "dump.txt:6: ReqMem: found 'much', expected memory like 4G, 4Gn or 2Gc");
}

TEST(sacct_rows_that_are_wrong_are_said)
{
#define ROW(id, submit, start, elapsed, state, tres, limit)                                \
    id "|" id "|p|a|u|" submit "|" submit "|" start "|Unknown|" elapsed "|" state "|" tres \
       "|4G|" limit "|1\n"
#define GOOD "2027-03-01T10:00:00"
    struct dr_import i = {
        .kind = DR_IMPORT_sacct,
        .utc_offset = "Z",
        .bad_row_milli = 1000,
        .files = {sim_file(
            "dump.txt",
            SACCT_HEAD ROW("1", GOOD, GOOD, "00:01:00", "COMPLETED", "cpu=1", "UNLIMITED")
                ROW("x", GOOD, GOOD, "00:01:00", "COMPLETED", "cpu=1", "")
                    ROW("3", "yesterday", GOOD, "00:01:00", "COMPLETED", "cpu=1", "")
                        ROW("4", "Unknown", GOOD, "00:01:00", "COMPLETED", "cpu=1", "")
                            ROW("5", GOOD, GOOD, "a while", "COMPLETED", "cpu=1", "")
                                ROW("6", GOOD, GOOD, "00:01:00", "DONE", "cpu=1", "")
                                    ROW("7", GOOD, GOOD, "00:01:00", "FAILED", "cpu=many", "")
                                        ROW("8", GOOD, GOOD, "00:01:00", "FAILED",
                                            "gres/gpu:a=1,gres/gpu:b=1", "")
                                            ROW("9", GOOD, GOOD, "00:01:00", "FAILED", "cpu=1",
                                                "long") "10|10|p\n")}};
    struct dr_error error = {0};

    CHECK_EQ(import(&i, &error), DR_OK);
    CHECK_EQ(i.written, 1);
    CHECK_EQ(i.bad, 9);
    CHECK_HAS(said, "dump.txt:3: JobID: found 'x', expected a job's number like 123");
    CHECK_HAS(said, "dump.txt:4: Submit: found 'yesterday', expected an instant like");
    CHECK_HAS(said, "dump.txt:5: Submit: found 'Unknown', expected when the job came");
    CHECK_HAS(said, "dump.txt:6: Elapsed: found 'a while', expected a duration like");
    CHECK_HAS(said, "dump.txt:7: State: found 'DONE', expected a state of Slurm");
    CHECK_HAS(said, "dump.txt:8: AllocTRES: found 'cpu=many', expected amounts like");
    CHECK_HAS(said, "gpu:b=1', expected amounts like cpu=16,mem=64G,node=2, and GPUs of one model");
    CHECK_HAS(said, "dump.txt:10: Timelimit: found 'long', expected a duration like");
    CHECK_HAS(said, "dump.txt:11: found 'another number of fields', expected 15");
    i = (struct dr_import){.kind = DR_IMPORT_sacct, .files = {i.files[0]}, .utc_offset = "Z"};
    CHECK_EQ(import(&i, &error), DR_E_INPUT);
    i.files[0] = sim_file("dump.txt", "JobID|Submit|Start|End\n");
    CHECK_EQ(import(&i, &error), DR_E_INPUT);
    CHECK_TEXT(error.field, "State");
    i.files[0] = sim_file("dump.txt", "JobID|Submit|Start|End|State\n");
    CHECK_EQ(import(&i, &error), DR_E_INPUT);
    CHECK_TEXT(error.field, "AllocTRES");
#undef GOOD
#undef ROW
}
