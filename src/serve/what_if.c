/* SPDX-License-Identifier: Apache-2.0 */
/* See what_if.h. In the child: be_child(); in the controller: dr_what_if_ask(). */
#include "serve/what_if.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serve/json.h"
#include "serve/what_if_world.h"

#define ANSWER_BYTES_MAX (64u << 20)

/* ---- the child ---- */

struct asked {
    const struct dr_what_if_wish *wish;
    const struct dr_controller *controller;
    int pipe;
    struct dr_change *changes; /* of the federation, then what is drained */
    uint32_t changes_count;
    struct world_job *jobs;
    uint32_t jobs_count;
};

/* An HTTP status, then the body. */
DR_NORETURN static void answer(const struct asked *asked, uint32_t status, struct dr_buffer *body)
{
    int said = !body->full && child_write(asked->pipe, &status, sizeof status) &&
               child_write(asked->pipe, body->data, body->length);

    _exit(said ? 0 : 1);
}

DR_NORETURN static void refuse(const struct asked *asked, const struct dr_error *errors,
                               uint32_t count)
{
    struct dr_buffer body;

    dr_buffer_init(&body, ANSWER_BYTES_MAX);
    dr_put_begin(&body, NULL, '{');
    dr_put_errors(&body, errors, count);
    dr_put_end(&body, '}');
    answer(asked, 400, &body);
}

/* The lines of the living federation's file are nobody's. */
DR_NORETURN static void refuse_file(const struct asked *asked, struct dr_error_list *errors)
{
    for (uint32_t i = 0; asked->wish->yaml == NULL && i < errors->count; i += 1) {
        errors->errors[i].file[0] = '\0';
        errors->errors[i].line = 0;
    }
    refuse(asked, errors->errors, errors->count);
}

/* What the federation would be, as declarations for the one that there is. */
static void find_changes(struct asked *asked, struct dr_change **changes)
{
    const struct dr_what_if_wish *wish = asked->wish;
    const struct dr_core *core = asked->controller->core;
    struct dr_federation *federation = NULL;
    struct dr_error_list errors = {0};
    const char *text = wish->yaml;
    size_t bytes = wish->yaml_bytes;
    struct dr_buffer yaml;

    if (wish->yaml == NULL) {
        dr_buffer_init(&yaml, DR_FEDERATION_BYTES_MAX);
        dr_federation_write(core, &yaml);
        text = dr_buffer_text(&yaml);
        bytes = yaml.length;
    }
    if (dr_federation_parse_edited(&federation, "body", text, bytes, wish->edits, wish->edits_count,
                                   &errors, NULL) != DR_OK ||
        dr_federation_changes(federation, core, changes, &asked->changes_count, &errors) != DR_OK)
        refuse_file(asked, &errors);
}

static void list_changes(struct asked *asked)
{
    struct dr_change *changes = NULL;

    if (asked->wish->yaml != NULL || asked->wish->edits_count > 0)
        find_changes(asked, &changes);
    asked->changes = calloc(asked->changes_count + WHAT_IF_CHANGES_MAX, sizeof *changes);
    DR_ASSERT(asked->changes != NULL);
    if (asked->changes_count > 0)
        memcpy(asked->changes, changes, asked->changes_count * sizeof *changes);
}

static void admit_changes(struct asked *asked, struct world *world)
{
    for (uint32_t i = 0; i < asked->changes_count; i += 1) {
        const struct dr_change *change = &asked->changes[i];
        struct dr_command command = controller_command(DR_COMMAND_DECLARE);
        struct dr_answer said = {0};
        struct dr_error error = {0};
        char what[512];

        command.body.declare = change->declare;
        if (ahead_admit(&world->ahead, &command, &said))
            continue;
        snprintf(what, sizeof what, "%s %s: %s", change->kind, change->name, change->text);
        dr_error_set(&error, NULL, 0, said.field, what, "%s", said.text);
        refuse(asked, &error, 1);
    }
}

static void drain_node(struct world *world, uint32_t row)
{
    const struct dr_node *node = &world->ahead.core->nodes[row];
    struct dr_command command = controller_command(DR_COMMAND_NODE);
    struct dr_answer said;

    if (node->removed)
        return;
    command.body.node =
        (struct dr_fact_node_flags){.node = row + 1, .drained = 1, .down = node->down};
    (void)ahead_admit(&world->ahead, &command, &said);
}

/* The pool of "SITE/POOL"; 0: there is none. */
static dr_pool_id pool_named(const struct dr_core *core, const char *name)
{
    const char *slash = strchr(name, '/');
    char site[DR_NAME_BYTES];

    if (slash == NULL || (size_t)(slash - name) >= sizeof site)
        return (dr_pool_id){0};
    snprintf(site, sizeof site, "%.*s", (int)(slash - name), name);
    return dr_pool_named(core, dr_site_named(core, site), slash + 1);
}

static void drain(struct asked *asked, struct world *world, const char *name)
{
    const struct dr_core *core = world->ahead.core;
    dr_pool_id pool = pool_named(core, name);
    dr_node_id node = pool.v != 0 ? (dr_node_id){0} : dr_node_named(core, name);
    struct dr_change *change = &asked->changes[asked->changes_count];
    struct dr_error error = {0};

    if (pool.v == 0 && node.v == 0) {
        dr_error_set(&error, NULL, 0, "drain", name, "a node, or SITE/POOL, of the federation");
        refuse(asked, &error, 1);
    }
    if (node.v != 0)
        drain_node(world, node.v - 1);
    for (uint32_t i = 0; pool.v != 0 && i < core->pools[pool.v - 1].nodes_count; i += 1)
        drain_node(world, dr_pool_node_row(&core->pools[pool.v - 1], i));
    snprintf(change->kind, sizeof change->kind, "%s", pool.v != 0 ? "pool" : "node");
    snprintf(change->name, sizeof change->name, "%s", name);
    snprintf(change->text, sizeof change->text, "drained");
    asked->changes_count += 1;
}

static void make_changes(struct asked *asked, struct world *world)
{
    admit_changes(asked, world);
    for (uint32_t i = 0; i < asked->wish->drains_count; i += 1)
        drain(asked, world, asked->wish->drains[i]);
}

/* A child of the child runs the world as it is. Returns where its answer comes. */
static int fork_as_is(const struct asked *asked, struct world *as_is, int64_t horizon_us,
                      pid_t *child)
{
    pid_t parent = getpid();
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        _exit(1);
    *child = fork();
    if (*child < 0)
        _exit(1);
    if (*child == 0) {
        close(ends[0]);
        close(asked->pipe);
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
            _exit(1);
        what_if_run(as_is, horizon_us);
        _exit(what_if_write(as_is, ends[1]) ? 0 : 1);
    }
    close(ends[1]);
    return ends[0];
}

DR_NORETURN static void be_child(struct dr_controller *c, const struct dr_what_if_wish *wish,
                                 int pipe)
{
    struct asked asked = {.wish = wish, .controller = c, .pipe = pipe};
    int64_t horizon_us = c->now_us + wish->horizon_us;
    struct world as_is;
    struct world changed;
    struct dr_buffer body;
    pid_t child;
    int from;

    list_changes(&asked);
    asked.jobs = what_if_jobs(c->core, &asked.jobs_count);
    what_if_begin(&as_is, c, asked.jobs, asked.jobs_count);
    from = fork_as_is(&asked, &as_is, horizon_us, &child);
    what_if_begin(&changed, c, asked.jobs, asked.jobs_count);
    make_changes(&asked, &changed);
    what_if_run(&changed, horizon_us);
    if (!what_if_read(&as_is, from))
        _exit(1);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    dr_buffer_init(&body, ANSWER_BYTES_MAX);
    what_if_compare_json(&body, &as_is, &changed, asked.changes, asked.changes_count, wish);
    answer(&asked, 200, &body);
}

/* ---- the controller ---- */

struct dr_what_if {
    struct dr_controller *controller;
    struct child child;
    struct dr_buffer coming;
    void (*answered)(void *context, uint32_t status, const struct dr_buffer *body);
    void *context;
};

struct dr_what_if *dr_what_if_open(struct dr_controller *controller)
{
    struct dr_what_if *what_if = calloc(1, sizeof *what_if);

    DR_ASSERT(what_if != NULL);
    what_if->controller = controller;
    what_if->child.pipe = -1;
    return what_if;
}

static void let_go(struct dr_what_if *what_if)
{
    dr_controller_poll(what_if->controller, what_if->child.pipe, 0, NULL, NULL);
}

void dr_what_if_close(struct dr_what_if *what_if)
{
    if (what_if == NULL)
        return;
    if (what_if->child.pid != 0) {
        let_go(what_if);
        child_end(&what_if->child);
    }
    dr_buffer_deinit(&what_if->coming);
    free(what_if);
}

static void say_failed(struct dr_what_if *what_if)
{
    dr_buffer_clear(&what_if->coming);
    dr_put_begin(&what_if->coming, NULL, '{');
    dr_put_begin(&what_if->coming, "error", '{');
    dr_put_text(&what_if->coming, "kind", "FULL");
    dr_put_text(&what_if->coming, "field", "");
    dr_put_text(&what_if->coming, "text", "this can't be tried out at the moment; ask again later");
    dr_put_end(&what_if->coming, '}');
    dr_put_end(&what_if->coming, '}');
}

static void take_answer(struct dr_what_if *what_if, int status)
{
    uint32_t said = 507;

    if (status == 0 && what_if->coming.length > sizeof said && !what_if->coming.full) {
        memcpy(&said, what_if->coming.data, sizeof said);
        dr_buffer_consume(&what_if->coming, sizeof said);
    } else {
        controller_log(what_if->controller, "a what-if failed with status %d", status);
        say_failed(what_if);
    }
    what_if->answered(what_if->context, said, &what_if->coming);
    dr_buffer_deinit(&what_if->coming);
}

static void child_ready(void *context, uint32_t events)
{
    struct dr_what_if *what_if = context;
    uint8_t bytes[65536];
    ssize_t count;

    (void)events;
    while ((count = read(what_if->child.pipe, bytes, sizeof bytes)) > 0)
        dr_buffer_append(&what_if->coming, bytes, (size_t)count);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    let_go(what_if);
    take_answer(what_if, child_collect(&what_if->child));
}

int dr_what_if_ask(struct dr_what_if *what_if, const struct dr_what_if_wish *wish,
                   void (*answered)(void *context, uint32_t status, const struct dr_buffer *body),
                   void *context)
{
    struct dr_controller *c = what_if->controller;
    int forked;

    if (what_if->child.pid != 0)
        return 0;
    what_if->answered = answered;
    what_if->context = context;
    dr_buffer_init(&what_if->coming, ANSWER_BYTES_MAX);
    forked = child_fork(&what_if->child);
    if (forked == 0)
        be_child(c, wish, what_if->child.pipe);
    if (forked > 0 && dr_controller_poll(c, what_if->child.pipe, EPOLLIN, child_ready, what_if))
        return 1;
    if (forked > 0)
        child_end(&what_if->child);
    take_answer(what_if, errno);
    return 1;
}
