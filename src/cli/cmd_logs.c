/* SPDX-License-Identifier: Apache-2.0 */
/* daero logs: what a job has written, followed live with -f. A connection that is cut while
 * following is taken up again at the byte where it ended. Once the stream has ended what may be
 * left is asked for plainly, which also says why there is none, where it can't be read. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"
#include "serve/json.h"

struct logs {
    int64_t offset; /* of the next byte */
    int broken;     /* standard output takes no more */
    int json;
    uint64_t job;
    int64_t task;
    const char *stream;
    struct dr_buffer held; /* JSON: bytes of a character that is not whole yet */
    struct dr_buffer line;
};

static int write_all(struct logs *logs, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            logs->broken = 1;
            return 0;
        }
        bytes += written;
        count -= (size_t)written;
        if (!logs->json)
            logs->offset += written;
    }
    return 1;
}

/* How many bytes at the end begin a UTF-8 character and do not end it. */
static size_t begun(const uint8_t *bytes, size_t count)
{
    for (size_t back = 1; back <= 3 && back <= count; back += 1) {
        uint8_t byte = bytes[count - back];
        size_t length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;

        if (byte >= 0x80 && byte < 0xc0)
            continue;
        return length > back ? back : 0;
    }
    return 0;
}

/* {"job":71,"stream":"output","task":0,"offset":0,"bytes":6,"text":"hello\n"}: a line per piece. */
static int write_json(struct logs *logs, size_t count)
{
    struct dr_buffer *line = &logs->line;

    if (count == 0)
        return 1;
    dr_buffer_clear(line);
    dr_put_begin(line, NULL, '{');
    dr_put_u64(line, "job", logs->job);
    dr_put_text(line, "stream", logs->stream);
    dr_put_i64(line, "task", logs->task);
    dr_put_i64(line, "offset", logs->offset - (int64_t)logs->held.length);
    dr_put_u64(line, "bytes", count);
    dr_put_text_bytes(line, "text", (const char *)logs->held.data, count);
    dr_put_end(line, '}');
    dr_buffer_append_text(line, "\n");
    dr_buffer_consume(&logs->held, count);
    return write_all(logs, (const char *)line->data, line->length);
}

static int write_out(void *context, const char *bytes, size_t count)
{
    struct logs *logs = context;

    if (!logs->json)
        return write_all(logs, bytes, count);
    dr_buffer_append(&logs->held, bytes, count);
    logs->offset += (int64_t)count;
    return write_json(logs, logs->held.length - begun(logs->held.data, logs->held.length));
}

static int logs_of(struct dr_cli *cli, struct logs *logs)
{
    const char *offset = dr_cli_value(cli, "offset");
    const char *task = dr_cli_value(cli, "task");
    int follow = dr_cli_value(cli, "follow") != NULL;
    uint64_t job = dr_cli_job(cli, cli->operands[0]);
    struct dr_client *client;
    int64_t task_number = 0;

    if (job == 0)
        return DR_EXIT_USAGE;
    logs->job = job;
    logs->stream = dr_cli_value(cli, "error") != NULL ? "error" : "output";
    if (offset != NULL && !dr_parse_i64(offset, 0, INT64_MAX, &logs->offset))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--offset: found '%s', expected bytes from 0",
                           offset);
    if (task != NULL && !dr_parse_i64(task, 0, 65535, &task_number))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--task: found '%s', expected a number from 0",
                           task);
    logs->task = task_number;
    client = dr_cli_client(cli);
    if (client == NULL)
        return DR_EXIT_USAGE;
    for (int tries = 0;; tries += 1) {
        struct dr_reply reply = {0};
        struct dr_error error = {0};
        char path[200];
        struct dr_call call = {.method = "GET", .path = path};
        enum dr_status status;
        int code = DR_EXIT_OK;
        int64_t before = logs->offset;

        snprintf(path, sizeof path, "/v1/jobs/%llu/logs?stream=%s&offset=%lld&task=%lld%s",
                 (unsigned long long)job, logs->stream, (long long)logs->offset,
                 (long long)task_number, follow ? "&follow=1" : "");
        status = dr_client_stream(client, &call, write_out, logs, &reply, &error);
        if (status == DR_OK && reply.status != 200)
            code = dr_cli_refused(cli, &reply);
        dr_buffer_deinit(&reply.body);
        if (logs->broken)
            return errno == EPIPE
                       ? DR_EXIT_OK
                       : dr_cli_fail(cli, DR_EXIT_FAILED, "standard output can't be written (%s)",
                                     strerror(errno));
        if (status == DR_OK && code == DR_EXIT_OK && follow) {
            follow = 0;
            continue;
        }
        if (status == DR_OK && (code != DR_EXIT_OK || logs->offset == before))
            return code;
        if (status == DR_OK) {
            tries = 0; /* a piece of a long log: ask for the next until nothing comes */
            continue;
        }
        if (logs->offset > before)
            tries = 0;
        if (!follow || tries >= 60 || (tries == 0 && logs->offset == 0 && status == DR_E_MISSING))
            return dr_cli_fail_error(
                cli, status == DR_E_DENIED ? DR_EXIT_DENIED : DR_EXIT_UNREACHABLE, &error);
        poll(NULL, 0, 500);
    }
}

int dr_cmd_logs(struct dr_cli *cli)
{
    struct logs logs = {.json = (int)cli->json};
    int code;

    dr_buffer_init(&logs.held, 16u << 20);
    dr_buffer_init(&logs.line, SIZE_MAX);
    code = logs_of(cli, &logs);
    if (logs.json && !logs.broken)
        write_json(&logs, logs.held.length);
    dr_buffer_deinit(&logs.held);
    dr_buffer_deinit(&logs.line);
    return code;
}
