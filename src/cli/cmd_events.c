/* SPDX-License-Identifier: Apache-2.0 */
/* daero events: the stream of facts, a line each. A connection that is cut is resumed after the
 * last fact that was printed. */
#include <poll.h>

#include "base/text.h"
#include "cli/fact_words.h"

#define LINE_BYTES_MAX (4u << 20)

struct events {
    struct dr_cli *cli;
    struct dr_buffer line; /* of the stream, not yet whole */
    struct dr_buffer data; /* of the event, not yet whole */
    uint64_t seq;          /* printed last */
    int64_t left;          /* to print; -1: no end */
    int bad;
};

static void print_fact(struct events *events)
{
    json_error_t wrong;
    json_t *fact = json_loadb((const char *)events->data.data, events->data.length, 0, &wrong);
    struct dr_buffer words DR_CLEANUP(dr_buffer_deinit) = {0};

    if (fact == NULL) {
        events->bad = 1;
        return;
    }
    events->seq = (uint64_t)dr_member_number(fact, "seq");
    if (events->cli->json) {
        json_dumpf(fact, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        dr_buffer_init(&words, 64u << 10);
        dr_fact_words(&words, fact);
        printf("%8llu  %s  %s\n", (unsigned long long)events->seq,
               dr_show_clock(dr_member_number(fact, "time_us")), dr_buffer_text(&words));
    }
    json_decref(fact);
    fflush(stdout);
    if (events->left > 0)
        events->left -= 1;
}

static void take_line(struct events *events)
{
    const char *line = dr_buffer_text(&events->line);

    if (events->line.length == 0) {
        if (events->data.length > 0)
            print_fact(events);
        dr_buffer_clear(&events->data);
    } else if (strncmp(line, "data:", 5) == 0) {
        dr_buffer_append_text(&events->data, line + 5 + (line[5] == ' '));
    }
    dr_buffer_clear(&events->line);
}

static int take_bytes(void *context, const char *bytes, size_t count)
{
    struct events *events = context;

    for (size_t i = 0; i < count; i += 1) {
        if (bytes[i] == '\n')
            take_line(events);
        else if (bytes[i] != '\r')
            dr_buffer_append(&events->line, bytes + i, 1);
        if (events->bad || events->left == 0 || ferror(stdout) || events->line.full ||
            events->data.full)
            return 0;
    }
    return 1;
}

int dr_cmd_events(struct dr_cli *cli)
{
    const char *from = dr_cli_value(cli, "from");
    const char *job = dr_cli_value(cli, "job");
    const char *count = dr_cli_value(cli, "count");
    struct events events = {.cli = cli, .left = -1};
    struct dr_client *client = dr_cli_client(cli);
    int64_t from_seq = -1;
    int64_t job_id = 0;
    int code = DR_EXIT_OK;

    if (from != NULL && !dr_parse_i64(from, 0, INT64_MAX, &from_seq))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--from: found '%s', expected a fact's number",
                           from);
    if (job != NULL && !dr_parse_i64(job, 1, INT64_MAX, &job_id))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--job: found '%s', expected a job's number", job);
    if (count != NULL && !dr_parse_i64(count, 1, INT64_MAX, &events.left))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--count: found '%s', expected a number from 1",
                           count);
    if (client == NULL)
        return DR_EXIT_USAGE;
    dr_buffer_init(&events.line, LINE_BYTES_MAX);
    dr_buffer_init(&events.data, LINE_BYTES_MAX);
    for (int tries = 0;; tries += 1) {
        struct dr_reply reply = {0};
        struct dr_error error = {0};
        struct dr_buffer path DR_CLEANUP(dr_buffer_deinit) = {0};
        struct dr_call call = {.method = "GET", .headers = "Accept: text/event-stream\r\n"};
        uint64_t seq_before = events.seq;
        enum dr_status status;

        dr_buffer_init(&path, 256);
        dr_buffer_append_text(&path, "/v1/events");
        if (events.seq > 0)
            dr_buffer_printf(&path, "?from=%llu", (unsigned long long)events.seq + 1);
        else if (from_seq >= 0)
            dr_buffer_printf(&path, "?from=%lld", (long long)from_seq);
        if (job_id > 0)
            dr_buffer_printf(&path, "%cjob=%lld",
                             strchr(dr_buffer_text(&path), '?') == NULL ? '?' : '&',
                             (long long)job_id);
        call.path = dr_buffer_text(&path);
        dr_buffer_clear(&events.line);
        dr_buffer_clear(&events.data);
        status = dr_client_stream(client, &call, take_bytes, &events, &reply, &error);
        if (status == DR_OK && reply.status != 200)
            code = dr_cli_refused(cli, &reply);
        dr_buffer_deinit(&reply.body);
        if (events.bad)
            code = dr_cli_fail(cli, DR_EXIT_FAILED, "the controller sent an event that is no JSON");
        if (code != DR_EXIT_OK || events.left == 0 || ferror(stdout))
            break;
        if (events.seq != seq_before)
            tries = 0;
        if (status != DR_OK && (tries >= 60 || status == DR_E_DENIED ||
                                (tries == 0 && events.seq == 0 && status == DR_E_MISSING))) {
            code = dr_cli_fail_error(
                cli, status == DR_E_DENIED ? DR_EXIT_DENIED : DR_EXIT_UNREACHABLE, &error);
            break;
        }
        poll(NULL, 0, 500);
    }
    dr_buffer_deinit(&events.line);
    dr_buffer_deinit(&events.data);
    return code;
}
