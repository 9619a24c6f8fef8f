/* SPDX-License-Identifier: Apache-2.0 */
/* The live loop under faults from a seed.
 *
 * The real controller and store, a site in memory, a clock that jumps. A world lives through
 * several controllers: each is a forked child that is killed at a point of its turn, or ends by
 * itself; between them the site may lose an attempt. Reports come late, twice and out of order,
 * orders have unknown fates, nodes and the site go and come back. Up to two sites are far: they
 * fall silent while what runs there runs on, ends or is lost, come back, say what they have in
 * part, their own operators drain nodes, and an operator here gives up what is there. Then the
 * faults stop, and every job has to end, and both sides to say the same of every node.
 *
 * Judged from outside: by the site's own rows (was anything started twice, did two attempts of a
 * job or two holders of an accelerator overlap) and by what clients were answered (is every
 * accepted job there, once). And at last the journal is replayed: each decision of all lives, made
 * again, has to be the same.
 *
 *     SEEDS=2000 build/check/tests/simulation/live_loop
 *     SEED=17 build/check/tests/simulation/live_loop */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "serve/fault.h"
#include "sim/replay.h"
#include "live_world.h"
#include "test.h"

enum {
    LIVES = 7,
    STEPS = 40,
    SUBMITS_MAX = 400,
    NODES = 4,
    ACCELERATORS = 4,
    /* world->site->notes */
    NOTE_SUBMITS =
        0, /* submits begun; client[i] is the job that the i-th was answered with, 0: none */
    NOTE_SILENCES = 1, /* a far site fell silent with something running */
    NOTE_GIVEN_UP = 3, /* attempts that were given up while they ran */
    NOTE_FAR = 2,      /* starts at far sites */
};

static const char *const fault_points[] = {
#define POINT(NAME, name, text) #name,
    DR_FAULTS(POINT)
#undef POINT
};

static uint32_t below(struct live_world *world, uint32_t n)
{
    return (uint32_t)(live_random(world->site) % n);
}

static void give_up(const char *why)
{
    fprintf(stderr, "# %s\n", why);
    _exit(20);
}

/* ---- what clients do ---- */

/* The i-th job is the same each time it is asked for: its values come from its number. */
static void submit(struct live_world *world, uint32_t i)
{
    uint64_t dice = dr_hash_u64(i + 1);
    char key[16];
    struct live_job job = {
        .retry_key = key,
        .run_us = (int64_t)(1 + dice % 90) * DR_SECOND_US,
        .exit_code = dice >> 8 & 15 ? 0 : 1,
        .tasks = 1 + (uint32_t)(dice >> 12) % 4,
        .accelerators = (uint32_t)(dice >> 16) % (ACCELERATORS + 1),
        .limit_us = dice >> 20 & 7 ? 2 * DR_MINUTE_US : 20 * DR_SECOND_US,
        .account = dice >> 24 & 1 ? "alpha" : "beta",
        .hold = (dice >> 28 & 15) == 0,
        .firm = (dice >> 32 & 15) == 0,
        .unreachable_us = (dice >> 36 & 3) == 0 ? DR_MINUTE_US : 0,
        .slot = &world->site->client[i],
    };
    uint64_t before = world->site->client[i];

    snprintf(key, sizeof key, "submit-%u", i);
    if (live_submit(world, &job, NULL, NULL) == 0)
        give_up("a submit was refused");
    if (before != 0 && world->site->client[i] != before)
        give_up("a retry was answered with another job");
}

static void submit_next(struct live_world *world)
{
    uint32_t i = world->site->notes[NOTE_SUBMITS];

    if (i == SUBMITS_MAX)
        return;
    world->site->notes[NOTE_SUBMITS] = i + 1;
    submit(world, i);
}

static void about_a_job(struct live_world *world, enum dr_command_kind kind)
{
    uint64_t last = dr_controller_core(world->controller)->job_id_last;
    struct dr_command command;

    if (last == 0)
        return;
    command = live_command_of(kind, 1 + below(world, (uint32_t)last));
    live_command(world, &command, NULL); /* it may be refused: the job has ended */
}

/* An operator gives up what is UNREACHABLE; it may run beside the next attempt until its site is
 * back. */
static void give_up_a_job(struct live_world *world)
{
    const struct dr_core *core = dr_controller_core(world->controller);

    for (uint32_t row = core->running.first; row != DR_ROW_NONE;
         row = dr_job_list_next(core, row)) {
        const struct dr_job *job = &core->jobs[row];
        struct dr_command lost = {.kind = DR_COMMAND_LOST, .roles = 0xff, .body.job = job->id};
        struct live_attempt *attempt =
            live_find(world->site, job->id.v, dr_job_run(core, job)->attempt);

        if (job->state != DR_JOB_UNREACHABLE ||
            core->pools[dr_job_run(core, job)->pool.v - 1].site.v == 1)
            continue;
        if (attempt != NULL)
            attempt->given_up = 1; /* the controller may be killed once it is durable */
        world->site->notes[NOTE_GIVEN_UP] += attempt != NULL && !attempt->ended;
        live_command(world, &lost, NULL);
        return;
    }
}

static void about_a_node(struct live_world *world)
{
    struct dr_command command = {.kind = DR_COMMAND_NODE, .roles = 0xff};
    uint32_t what = below(world, 4);

    command.body.node.node = 1 + below(world, NODES * (1 + world->far));
    command.body.node.down = what == 0;
    command.body.node.drained = what == 1;
    live_command(world, &command, NULL);
}

static void about_the_site(struct live_world *world)
{
    struct dr_command command = {.kind = DR_COMMAND_SITE, .roles = 0xff};

    command.body.site.site.v = 1;
    command.body.site.answers = below(world, 3) != 0;
    live_command(world, &command, NULL);
}

static uint32_t runs_at(const struct live_world *world, uint32_t place)
{
    const struct live_site *site = world->site;
    uint32_t count = 0;

    for (uint32_t i = 0; i < site->attempts_count; i += 1)
        count += site->attempts[i].place == place && site->attempts[i].started &&
                 !site->attempts[i].ended;
    return count;
}

/* A site that came back without what it had. */
static void lose_an_attempt(struct live_world *world, uint32_t place)
{
    struct live_site *site = world->site;

    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        struct live_attempt *attempt = &site->attempts[i];

        if (attempt->place == place && attempt->started && !attempt->ended && !attempt->lost &&
            below(world, 4) == 0) {
            attempt->lost = 1;
            attempt->ended = 1;
            attempt->end_us = site->wall_us;
            return;
        }
    }
}

/* What a far site does by itself. */
static void at_a_far_site(struct live_world *world)
{
    uint32_t place = 1 + below(world, world->far);
    struct live_far *far = &world->site->far[place - 1];
    uint32_t node;

    if (far->silent && below(world, 3) == 0) {
        give_up_a_job(world);
        return;
    }
    switch (below(world, 6)) {
    case 0:
    case 1:
        world->site->notes[NOTE_SILENCES] += !far->silent && runs_at(world, place) > 0;
        if (far->silent)
            lose_an_attempt(world, place);
        far->silent = !far->silent;
        return;
    case 2:
        far->half_list = (uint8_t)below(world, 4);
        return;
    case 3:
        far->refuse_drains = (uint8_t)below(world, 2);
        return;
    default:
        if (far->nodes_count == 0)
            return;
        node = below(world, far->nodes_count);
        far->drained[node] = (uint8_t)below(world, 2);
        far->down[node] = below(world, 4) == 0;
        snprintf(far->reasons[node], sizeof far->reasons[node], "%s",
                 far->drained[node] ? "a fan" : "");
        return;
    }
}

static void step(struct live_world *world)
{
    uint32_t what = below(world, 100);

    if (world->far > 0 && below(world, 8) == 0)
        at_a_far_site(world);

    if (what < 35)
        submit_next(world);
    else if (what < 43)
        about_a_job(world, DR_COMMAND_CANCEL);
    else if (what < 46)
        about_a_job(world, DR_COMMAND_HOLD);
    else if (what < 52)
        about_a_job(world, DR_COMMAND_RELEASE);
    else if (what < 58)
        about_a_node(world);
    else if (what < 60)
        about_the_site(world);
    else if (what < 63)
        world->site->wall_us += (int64_t)below(world, 240) * DR_SECOND_US - 2 * DR_MINUTE_US;
    else if (live_run(world, (int64_t)(1 + below(world, 12)) * DR_SECOND_US) != DR_OK)
        give_up("a turn failed");
}

/* ---- lives ---- */

static void open_or_give_up(struct live_world *world)
{
    struct dr_error error = {0};
    char line[1024];

    if (live_open(world, &error) != DR_OK)
        give_up(dr_error_line(&error, line, sizeof line));
}

/* Requests that were begun and never answered are asked again, as a client would. */
static void ask_again(struct live_world *world)
{
    for (uint32_t i = 0; i < world->site->notes[NOTE_SUBMITS]; i += 1) {
        if (world->site->client[i] == 0 || below(world, 20) == 0)
            submit(world, i);
    }
}

static void live(struct live_world *world)
{
    open_or_give_up(world);
    ask_again(world);
    for (uint32_t i = 0; i < STEPS; i += 1)
        step(world);
    if (below(world, 2) == 0)
        live_close(world);
    _exit(0);
}

/* A node is the same from both sides, and its site has taken all that was said of it here. */
static void check_nodes(struct live_world *world)
{
    const struct dr_core *core = dr_controller_core(world->controller);

    if (live_run(world, DR_MINUTE_US) != DR_OK)
        give_up("a turn failed");
    for (uint32_t i = 0; i < world->far; i += 1) {
        const struct live_far *far = &world->site->far[i];

        for (uint32_t n = 0; n < far->nodes_count; n += 1) {
            const struct dr_node *node = &core->nodes[dr_node_named(core, far->names[n]).v - 1];

            if (node->down != far->down[n] || node->drained != far->drained[n])
                give_up("a node is another one for its site than here");
            if (node->flags_seq != 0 && !node->site_knows)
                give_up("a site was never told what was said of its node");
        }
    }
}

/* A last silence of each far site, within one life: it comes back with less than it had. */
static void silence(struct live_world *world)
{
    for (uint32_t place = 1; place <= world->far; place += 1) {
        world->site->far[place - 1].silent = 1;
        if (live_run(world, 5 * DR_SECOND_US) != DR_OK)
            give_up("a turn failed");
        lose_an_attempt(world, place);
        world->site->far[place - 1].silent = 0;
    }
}

static void finish(struct live_world *world)
{
    struct dr_command command = {.kind = DR_COMMAND_SITE, .roles = 0xff};
    const struct dr_core *core;

    open_or_give_up(world);
    ask_again(world);
    for (uint32_t i = 0; i < world->far; i += 1) {
        struct live_far *far = &world->site->far[i];

        far->silent = 0;
        far->half_list = 0;
        far->refuse_drains = 0;
        memset(far->down, 0, sizeof far->down);
        memset(far->drained, 0, sizeof far->drained);
    }
    if (live_run(world, DR_MINUTE_US) != DR_OK) /* what far sites say comes first */
        give_up("a turn failed");
    command.body.site.site.v = 1;
    command.body.site.answers = 1;
    if (!live_command(world, &command, NULL))
        give_up("the site can't come back");
    for (uint32_t node = 1; node <= NODES * (1 + world->far); node += 1) {
        command = (struct dr_command){.kind = DR_COMMAND_NODE, .roles = 0xff};
        command.body.node.node = node;
        if (!live_command(world, &command, NULL))
            give_up("a node can't come back");
    }
    core = dr_controller_core(world->controller);
    for (uint64_t job = 1; job <= core->job_id_last; job += 1) {
        command = live_command_of(DR_COMMAND_RELEASE, job);
        live_command(world, &command, NULL);
    }
    silence(world);
    if (!live_drain(world, 12 * DR_HOUR_US)) {
        for (uint32_t row = 0; row < core->jobs_high; row += 1) {
            const struct dr_job *job = &core->jobs[row];
            struct dr_why why;

            if (job->id.v == 0 || dr_job_state_ended((enum dr_job_state)job->state))
                continue;
            dr_why(core, job->id, dr_controller_now_us(world->controller), &why);
            fprintf(stderr, "# job %llu is %s, attempt %u: %s\n", (unsigned long long)job->id.v,
                    dr_job_state_name((enum dr_job_state)job->state),
                    dr_job_run(core, job)->attempt, why.holds[0].text);
        }
        give_up("jobs are left although the faults have stopped");
    }
    check_nodes(world);
    if (dr_core_hash(core) != live_hash_of_facts(world))
        give_up("the facts give another state");
    if (core->job_id_last != world->site->notes[NOTE_SUBMITS])
        give_up("there are jobs that no client asked for, or clients without their job");
    for (uint32_t i = 0; i < world->site->notes[NOTE_SUBMITS]; i += 1) {
        int known = 0;

        if (!dr_job_state_ended(live_state(world, world->site->client[i], &known)) || !known)
            give_up("an accepted job is not among those that ended");
    }
    live_close(world);
    _exit(0);
}

/* Returns 0 when the child gave up. */
static int run_life(struct live_world *world, void (*life)(struct live_world *world),
                    const char *fault)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        setenv(DR_FAULT_VARIABLE, fault, 1);
        life(world);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 1;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && fault[0] != 0)
        return 1;
    fprintf(stderr, "# a life ended with wait status %d\n", status);
    return 0;
}

/* ---- between lives ---- */

static const char *judge(const struct live_world *world)
{
    const struct live_site *site = world->site;

    if (site->doubled_launches != 0)
        return "an attempt was launched again after its end was known";
    if (site->double_booked != 0)
        return "an accelerator was given to two attempts";
    if (site->overlaps != 0)
        return "two attempts of one job ran at once";
    if (site->old_epochs != 0)
        return "an order came with an old epoch";
    for (uint32_t i = 0; i < SUBMITS_MAX; i += 1) {
        for (uint32_t j = 0; j < i; j += 1) {
            if (site->client[i] != 0 && site->client[i] == site->client[j])
                return "two requests were answered with the same job";
        }
    }
    for (uint32_t i = 0; i < site->attempts_count; i += 1) {
        const struct live_attempt *attempt = &site->attempts[i];

        if (attempt->job != 0 && !attempt->lost && !attempt->forgotten)
            return "an attempt was never forgotten";
    }
    return NULL;
}

/* The journal of all lives once more: the same states, and the same decisions. */
static const char *replay(const struct live_world *world, struct dr_replay_figures *figures)
{
    static char text[1200];
    struct dr_replay *replay;
    struct dr_error error = {0};
    enum dr_status status;

    if (dr_replay_open(&replay, &error) != DR_OK)
        return "no room for a replay";
    status = dr_replay_directory(replay, world->directory, &error);
    *figures = dr_replay_figures(replay);
    dr_replay_close(replay);
    if (status != DR_OK)
        return dr_error_line(&error, text, sizeof text);
    if (figures->difference.seq == 0)
        return NULL;
    snprintf(text, sizeof text, "fact %llu, made again, differs: %s",
             (unsigned long long)figures->difference.seq, figures->difference.text);
    return text;
}

static struct {
    uint32_t far;      /* starts at far sites */
    uint32_t given_up; /* while it ran */
    uint32_t beside;   /* starts beside what a fenced job has given up */
    uint32_t silences; /* while something ran there */
} figures_of_all;

static int run_seed(uint64_t seed, uint32_t *kills, uint32_t *starts, uint64_t *decisions)
{
    struct live_world world;
    const char *wrong = NULL;
    struct dr_replay_figures figures = {0};
    int passed = 1;

    live_init(&world, NODES, ACCELERATORS);
    world.options.snapshot_facts = 150;
    world.site->random = seed * UINT64_C(0x2545f4914f6cdd1d);
    world.far = below(&world, 3);
    world.site->late_percent = below(&world, 40);
    world.site->double_percent = below(&world, 30);
    world.site->doubt_percent = below(&world, 30);
    for (uint32_t i = 0; i < world.far; i += 1)
        world.site->far[i].forget_us = below(&world, 2) * DR_MINUTE_US;
    for (uint32_t i = 0; passed && i < LIVES; i += 1) {
        char fault[64] = "";

        if (below(&world, 8) != 0)
            snprintf(fault, sizeof fault, "%s:%u",
                     fault_points[below(&world, DR_COUNT_OF(fault_points))], 1 + below(&world, 60));
        *kills += fault[0] != 0;
        passed = run_life(&world, live, fault);
        if (below(&world, 3) == 0)
            lose_an_attempt(&world, below(&world, 1 + world.far));
    }
    world.site->late_percent = 0;
    world.site->double_percent = 0;
    world.site->doubt_percent = 0;
    if (passed)
        passed = run_life(&world, finish, "");
    if (passed)
        wrong = judge(&world);
    if (passed && wrong == NULL)
        wrong = replay(&world, &figures);
    if (wrong != NULL)
        fprintf(stderr, "# %s\n", wrong);
    for (uint32_t i = 0; i < world.site->attempts_count; i += 1)
        world.site->notes[NOTE_FAR] +=
            world.site->attempts[i].started && world.site->attempts[i].place > 0;
    figures_of_all.far += world.site->notes[NOTE_FAR];
    figures_of_all.given_up += world.site->notes[NOTE_GIVEN_UP];
    figures_of_all.beside += world.site->beside;
    figures_of_all.silences += world.site->notes[NOTE_SILENCES];
    *starts += world.site->starts;
    *decisions += figures.decisions;
    live_deinit(&world);
    return passed && wrong == NULL;
}

TEST(no_seed_loses_doubles_or_strands_a_job)
{
    const char *one = getenv("SEED");
    const char *many = getenv("SEEDS");
    int64_t first = 1;
    int64_t count = 50;
    uint32_t kills = 0;
    uint32_t starts = 0;
    uint64_t decisions = 0;

    /* The store's syncs are not what is tried here. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    if (many != NULL)
        CHECK(dr_parse_i64(many, 1, INT64_MAX, &count));
    if (one != NULL) {
        CHECK(dr_parse_i64(one, 0, INT64_MAX, &first));
        count = 1;
    }
    for (int64_t seed = first; seed < first + count; seed += 1) {
        if (!run_seed((uint64_t)seed, &kills, &starts, &decisions))
            fail_msg("again: SEED=%lld build/check/tests/simulation/live_loop", (long long)seed);
    }
    print_message("# %lld seeds, %u faults, %u starts, %u of them far, %u silences over running "
                  "jobs, %u given up, %u beside a fenced one, %llu decisions made again\n",
                  (long long)count, kills, starts, figures_of_all.far, figures_of_all.silences,
                  figures_of_all.given_up, figures_of_all.beside, (unsigned long long)decisions);
    /* A run in which nothing happened proves nothing. */
    CHECK(starts > (uint32_t)count * 10);
    CHECK(decisions > (uint64_t)count * 50);
}
