/* SPDX-License-Identifier: Apache-2.0 */
/* daero logs: what a job has written, followed live with -f. A connection that is cut while
 * following is taken up again at the byte where it ended. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

struct logs {
    int64_t offset; /* of the next byte */
    int broken;     /* standard output takes no more */
};

static int write_out(void *context, const char *bytes, size_t count)
{
    struct logs *logs = context;

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
        logs->offset += written;
    }
    return 1;
}

int dr_cmd_logs(struct dr_cli *cli)
{
    const char *offset = dr_cli_value(cli, "offset");
    const char *task = dr_cli_value(cli, "task");
    int follow = dr_cli_value(cli, "follow") != NULL;
    uint64_t job = dr_cli_job(cli, cli->operands[0]);
    struct dr_client *client;
    struct logs logs = {0};
    int64_t task_number = 0;

    if (job == 0)
        return DR_EXIT_USAGE;
    if (offset != NULL && !dr_parse_i64(offset, 0, INT64_MAX, &logs.offset))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--offset: found '%s', expected bytes from 0",
                           offset);
    if (task != NULL && !dr_parse_i64(task, 0, 65535, &task_number))
        return dr_cli_fail(cli, DR_EXIT_USAGE, "--task: found '%s', expected a number from 0",
                           task);
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
        int64_t before = logs.offset;

        snprintf(path, sizeof path, "/v1/jobs/%llu/logs?stream=%s&offset=%lld&task=%lld%s",
                 (unsigned long long)job, dr_cli_value(cli, "error") != NULL ? "error" : "output",
                 (long long)logs.offset, (long long)task_number, follow ? "&follow=1" : "");
        status = dr_client_stream(client, &call, write_out, &logs, &reply, &error);
        if (status == DR_OK && reply.status != 200)
            code = dr_cli_refused(cli, &reply);
        dr_buffer_deinit(&reply.body);
        if (logs.broken)
            return errno == EPIPE
                       ? DR_EXIT_OK
                       : dr_cli_fail(cli, DR_EXIT_FAILED, "standard output can't be written (%s)",
                                     strerror(errno));
        if (status == DR_OK && (code != DR_EXIT_OK || follow || logs.offset == before))
            return code;
        if (status == DR_OK) {
            tries = 0; /* a piece of a long log: ask for the next until nothing comes */
            continue;
        }
        if (logs.offset > before)
            tries = 0;
        if (!follow || tries >= 60 || (tries == 0 && logs.offset == 0 && status == DR_E_MISSING))
            return dr_cli_fail_error(
                cli, status == DR_E_DENIED ? DR_EXIT_DENIED : DR_EXIT_UNREACHABLE, &error);
        poll(NULL, 0, 500);
    }
}
