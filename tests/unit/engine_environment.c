/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/environment.h"

#include <stdlib.h>

#include "test.h"

static const struct dr_surroundings here = {.home = "/home/kim",
                                            .shell = "/bin/bash",
                                            .checkpoint_directory = "/data/checkpoints/7",
                                            .directory = "/work",
                                            .master_port = 20007};

static const char *value(char **environment, const char *name)
{
    const char *found = NULL;
    size_t length = strlen(name);

    for (size_t i = 0; environment[i] != NULL; i += 1)
        if (strncmp(environment[i], name, length) == 0 && environment[i][length] == '=') {
            CHECK(found == NULL); /* each once */
            found = environment[i] + length + 1;
        }
    return found == NULL ? "(unset)" : found;
}

static struct dr_launch gang(void)
{
    static const char *const devices[] = {"GPU-a", "GPU-b", "GPU-c", "GPU-d"};
    static const struct dr_launch_node nodes[] = {
        {.name = "n1", .tasks = 2, .accelerators = 0xf, .device_ids = devices},
        {.name = "n2", .tasks = 1, .accelerators = 0xc0},
    };

    return (struct dr_launch){.job = {7},
                              .attempt = 2,
                              .name = "train",
                              .user = "kim",
                              .nodes = nodes,
                              .nodes_count = 2,
                              .site = "seoul",
                              .chip = "h200",
                              .chip_vendor = "nvidia",
                              .tasks = 3,
                              .accelerators_per_task = 2,
                              .cpus_per_task_milli = 2500,
                              .run_every_task = 1};
}

TEST(places_of_tasks)
{
    struct dr_launch launch = gang();

    CHECK_EQ(dr_task_place(&launch, 1).node, 0);
    CHECK_EQ(dr_task_place(&launch, 1).task_local, 1);
    CHECK_EQ(dr_task_place(&launch, 2).node, 1);
    CHECK_EQ(dr_task_place(&launch, 2).task_local, 0);
}

TEST(accelerators_of_tasks)
{
    struct dr_launch launch = gang();
    struct dr_task_place place = dr_task_place(&launch, 1);
    char **environment;

    CHECK_EQ(dr_task_accelerators(&launch, &place), 0xc);
    environment = dr_environment_build(&launch, &place, &here);
    CHECK_TEXT(value(environment, "CUDA_VISIBLE_DEVICES"), "GPU-c,GPU-d");
    CHECK_TEXT(value(environment, "DAERO_VISIBLE_DEVICES"), "GPU-c,GPU-d");
    CHECK_TEXT(value(environment, "SLURM_GPUS_ON_NODE"), "2");
    free(environment);
    place = dr_task_place(&launch, 2);
    environment = dr_environment_build(&launch, &place, &here);
    CHECK_TEXT(value(environment, "CUDA_VISIBLE_DEVICES"), "6,7");
    free(environment);

    /* a program that starts the other tasks itself needs them all */
    launch.run_every_task = 0;
    place = dr_task_place(&launch, 0);
    CHECK_EQ(dr_task_accelerators(&launch, &place), 0xf);
    /* shared accelerators: each task sees what there is */
    launch.run_every_task = 1;
    launch.accelerators_per_task = 1;
    CHECK_EQ(dr_task_accelerators(&launch, &place), 0xf);
}

TEST(vendors)
{
    static const struct {
        const char *vendor, *name;
    } cases[] = {{"nvidia", "CUDA_VISIBLE_DEVICES"},
                 {"amd", "ROCR_VISIBLE_DEVICES"},
                 {"amd", "HIP_VISIBLE_DEVICES"},
                 {"intel", "ZE_AFFINITY_MASK"},
                 {"furiosa", "DAERO_VISIBLE_DEVICES"}};

    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        struct dr_launch launch = gang();
        struct dr_task_place place = dr_task_place(&launch, 2);
        char **environment;

        launch.chip_vendor = cases[i].vendor;
        environment = dr_environment_build(&launch, &place, &here);
        CHECK_TEXT(value(environment, cases[i].name), "6,7");
        if (strcmp(cases[i].vendor, "nvidia") != 0)
            CHECK_TEXT(value(environment, "CUDA_VISIBLE_DEVICES"), "(unset)");
        free(environment);
    }
}

TEST(ranks_are_for_programs_that_run_per_task)
{
    struct dr_launch launch = gang();
    struct dr_task_place place = dr_task_place(&launch, 2);
    char **environment = dr_environment_build(&launch, &place, &here);

    CHECK_TEXT(value(environment, "RANK"), "2");
    CHECK_TEXT(value(environment, "WORLD_SIZE"), "3");
    CHECK_TEXT(value(environment, "LOCAL_RANK"), "0");
    CHECK_TEXT(value(environment, "LOCAL_WORLD_SIZE"), "1");
    CHECK_TEXT(value(environment, "NODE_RANK"), "1");
    CHECK_TEXT(value(environment, "DAERO_TASK_ID"), "2");
    CHECK_TEXT(value(environment, "SLURM_PROCID"), "2");
    CHECK_TEXT(value(environment, "SLURM_CPUS_PER_TASK"), "2");
    CHECK_TEXT(value(environment, "SLURM_RESTART_COUNT"), "1");
    CHECK_TEXT(value(environment, "SLURM_JOB_NODELIST"), "n1,n2");
    CHECK_TEXT(value(environment, "SLURM_TASKS_PER_NODE"), "2,1");
    CHECK_TEXT(value(environment, "MASTER_PORT"), "20007");
    free(environment);

    launch.run_every_task = 0;
    place = dr_task_place(&launch, 0);
    environment = dr_environment_build(&launch, &place, &here);
    CHECK_TEXT(value(environment, "RANK"), "(unset)");
    CHECK_TEXT(value(environment, "WORLD_SIZE"), "(unset)");
    CHECK_TEXT(value(environment, "DAERO_NTASKS"), "3");
    free(environment);
}

TEST(what_the_user_gives_and_what_counts)
{
    static const char *const given[] = {
        "HOME=/elsewhere",        "MINE=1",     "RANK=9",    "DAERO_JOB_ID=1", "SLURM_JOB_ID=1",
        "CUDA_VISIBLE_DEVICES=0", "RANKED=yes", "PATH=/mine"};
    struct dr_launch launch = gang();
    struct dr_task_place place = dr_task_place(&launch, 0);
    char **environment;

    launch.environment = given;
    launch.environment_count = DR_COUNT_OF(given);
    environment = dr_environment_build(&launch, &place, &here);
    CHECK_TEXT(value(environment, "HOME"), "/elsewhere");
    CHECK_TEXT(value(environment, "PATH"), "/mine");
    CHECK_TEXT(value(environment, "MINE"), "1");
    CHECK_TEXT(value(environment, "RANKED"), "yes");
    CHECK_TEXT(value(environment, "RANK"), "0");
    CHECK_TEXT(value(environment, "DAERO_JOB_ID"), "7");
    CHECK_TEXT(value(environment, "SLURM_JOB_ID"), "7");
    CHECK_TEXT(value(environment, "CUDA_VISIBLE_DEVICES"), "GPU-a,GPU-b");
    CHECK_TEXT(value(environment, "USER"), "kim");
    CHECK_TEXT(value(environment, "SHELL"), "/bin/bash");
    free(environment);

    /* a job without accelerators may say what it likes about them */
    launch.chip = "";
    environment = dr_environment_build(&launch, &place, &here);
    CHECK_TEXT(value(environment, "CUDA_VISIBLE_DEVICES"), "0");
    free(environment);
}

TEST(arrays)
{
    struct dr_launch launch = gang();
    struct dr_task_place place = dr_task_place(&launch, 0);
    char **environment = dr_environment_build(&launch, &place, &here);

    CHECK_TEXT(value(environment, "SLURM_ARRAY_TASK_ID"), "(unset)");
    free(environment);
    launch.array_job = (dr_job_id){5};
    launch.array_index = 4;
    launch.array_min = 2;
    launch.array_max = 8;
    launch.array_count = 4;
    environment = dr_environment_build(&launch, &place, &here);
    CHECK_TEXT(value(environment, "SLURM_ARRAY_JOB_ID"), "5");
    CHECK_TEXT(value(environment, "DAERO_ARRAY_TASK_ID"), "4");
    CHECK_TEXT(value(environment, "DAERO_ARRAY_TASK_MIN"), "2");
    CHECK_TEXT(value(environment, "SLURM_ARRAY_TASK_MAX"), "8");
    CHECK_TEXT(value(environment, "SLURM_ARRAY_TASK_COUNT"), "4");
    free(environment);
}
