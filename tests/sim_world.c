/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_world.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/text.h"

const char SIM_ONE_POOL[] = "federation:\n  name: nation\n  default_limit: 1h\n"
                            "chips:\n  h200:\n    memory: 141GB\n    idle_power: 100W\n"
                            "    busy_power: 700W\n    price: 2\n"
                            "sites:\n  seoul:\n    jurisdiction: kr\n    engine: simulated\n"
                            "    pools:\n      h200:\n        chip: h200\n        nodes: 2\n"
                            "        accelerators: 8\n        cpus: 32\n        memory: 256GB\n"
                            "accounts:\n  a:\n    guarantees:\n      h200: 8\n  b:\n    weight: 1\n"
                            "users:\n  operator:\n    roles: [admin]\n";

static char directory[] = "/tmp/daero-test-sim-XXXXXX";
static int has_directory;

static void remove_directory(void)
{
    char command[100];

    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", directory);
}

const char *sim_path(const char *name)
{
    static char paths[8][128];
    static uint32_t next;
    char *path = paths[next++ % 8];

    if (!has_directory) {
        CHECK(mkdtemp(directory) != NULL); /* puts letters for the six X */
        has_directory = 1;
        atexit(remove_directory);
    }
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

const char *sim_file(const char *name, const char *text)
{
    const char *path = sim_path(name);
    FILE *file;

    file = fopen(path, "we");
    CHECK(file != NULL);
    fputs(text, file);
    CHECK(fclose(file) == 0);
    return path;
}

static void say(void *context, const struct dr_error *error)
{
    struct sim_world *world = context;
    char text[1400];
    size_t length = strlen(world->said);
    const char *line = dr_error_line(error, text, sizeof text);
    const char *name = strstr(line, "trace.csv");

    snprintf(world->said + length, sizeof world->said - length, "%s\n", name == NULL ? line : name);
}

static int go_on(void *context)
{
    struct sim_world *world = context;

    if (world->stop_after == 0)
        return 1;
    world->stop_after -= 1;
    return world->stop_after > 0;
}

static char *read_text(const char *path, struct dr_buffer *buffer)
{
    dr_buffer_deinit(buffer);
    dr_buffer_init(buffer, 64u << 20);
    CHECK_EQ(dr_buffer_read_file(buffer, path), DR_OK);
    return strdup(dr_buffer_text(buffer));
}

static char *text_of(struct dr_sim *sim, void (*put)(struct dr_sim *sim, struct dr_buffer *out))
{
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};

    dr_buffer_init(&text, 64u << 20);
    put(sim, &text);
    return strdup(dr_buffer_text(&text));
}

void sim_world_run(struct sim_world *world)
{
    struct dr_error_list errors DR_CLEANUP(dr_error_list_deinit) = {0};
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    struct dr_federation *federation = NULL;
    const char *yaml = world->federation == NULL ? SIM_ONE_POOL : world->federation;
    const char *schedule = sim_file("schedule.csv", "");
    const char *facts = sim_file("facts", "");
    struct dr_sim_options *options = &world->options;
    struct dr_sim *sim = NULL;

    if (dr_federation_parse(&federation, "nation.yaml", yaml, strlen(yaml), &errors, NULL) != DR_OK)
        fail_msg("the federation is wrong: %s: %s", errors.errors[0].field,
                 errors.errors[0].expected);
    options->trace = sim_file("trace.csv", world->trace);
    if (options->tick_us == 0)
        *options = (struct dr_sim_options){
            .trace = options->trace,
            .ordering = -1,
            .placement = -1,
            .preemption = -1,
            .jobs = {.base_us = 1800000000 * DR_SECOND_US, .arrival_milli = 1000},
            .tick_us = DR_MINUTE_US};
    options->schedule = fopen(schedule, "we");
    options->facts = fopen(facts, "we");
    options->say = say;
    options->go_on = go_on;
    options->context = world;
    world->status = dr_sim_open(&sim, federation, options, &world->error);
    if (world->status == DR_OK)
        world->status = dr_sim_run(sim, &world->error);
    fclose(options->schedule);
    fclose(options->facts);
    if (world->status == DR_OK) {
        char *all = read_text(schedule, &text);
        char *rows = strchr(all, '\n');

        CHECK(rows != NULL);
        world->schedule = strdup(rows + 1);
        free(all);
        free(read_text(facts, &world->facts));
        world->measures_text = text_of(sim, dr_sim_json);
        world->measures_csv = text_of(sim, dr_sim_measures_csv);
        world->series_csv = text_of(sim, dr_sim_series_csv);
        world->measures = json_loads(world->measures_text, 0, NULL);
        CHECK(world->measures != NULL);
        world->hash = dr_core_hash(dr_sim_core(sim));
    }
    dr_sim_close(sim);
    dr_federation_close(federation);
}

void sim_world_free(struct sim_world *world)
{
    free(world->schedule);
    free(world->measures_text);
    free(world->measures_csv);
    free(world->series_csv);
    json_decref(world->measures);
    dr_buffer_deinit(&world->facts);
}

double sim_number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    if (value == NULL)
        fail_msg("there is no %s", name);
    return json_number_value(value);
}

const json_t *sim_member(const json_t *object, const char *path)
{
    char names[200];
    char *rest = names;

    dr_format(names, sizeof names, "%s", path);
    for (char *name = strsep(&rest, "."); name != NULL; name = strsep(&rest, ".")) {
        object = json_object_get(object, name);
        if (object == NULL)
            fail_msg("there is no %s of %s", name, path);
    }
    return object;
}
