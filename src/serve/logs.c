/* SPDX-License-Identifier: Apache-2.0 */
/* logs.c: what jobs wrote (GET /v1/jobs/{job}/logs).
 *
 * The file is the user's, and so is its path: it is opened with the job's uid for the file system's
 * checks, never through a symbolic link, and only a regular file is read. What the user could not
 * read himself the API does not read for him.
 *
 * What was written at a site with a Slurm cluster is read by the site's own command where it has
 * one (site_logs.c). Where it has none the path is read as if it were here, which is so with a
 * shared file system; if it is not, it is said where the file lies. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve/exchange.h"
#include "serve/job_json.h"
#include "serve/log_command.h"
#include "serve/stream.h"

#define ANSWER_MAX (8u << 20) /* of a file, in one answer that does not follow */
#define GROUPS_MAX 256
#define SHARED_US  (30 * DR_SECOND_US) /* a file of a site is seen here by then, or never */

/* ---- opening ---- */

static int open_plainly(const char *path)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    long got = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);

    return (int)got;
}

/* With errno. The raw call changes this thread's groups alone, which is the only one. */
static int open_as(const char *path, uint32_t uid, uint32_t gid)
{
    gid_t groups[GROUPS_MAX];
    gid_t own = gid;
    int count;
    int file;
    int failed;

    if (geteuid() != 0)
        return open_plainly(path);
    count = getgroups(GROUPS_MAX, groups);
    if (uid == 0 || uid == DR_NO_UID || gid == DR_NO_UID || count < 0 ||
        syscall(SYS_setgroups, 1, &own) != 0) {
        errno = EPERM;
        return -1;
    }
    setfsgid(gid);
    setfsuid(uid);
    /* Both say only what was before: ask again whether it holds. */
    file = setfsuid((uid_t)-1) == (int)uid && setfsgid((gid_t)-1) == (int)gid ? open_plainly(path)
                                                                              : -1;
    failed = errno;
    setfsuid(0);
    setfsgid(getegid());
    DR_ASSERT(setfsuid((uid_t)-1) == 0);
    DR_ASSERT(syscall(SYS_setgroups, (size_t)count, groups) == 0);
    errno = failed;
    return file;
}

/* The first of the places where there is a file. -1: errno says why not. */
static int open_output(const struct dr_output *output)
{
    int file = -1;
    int denied = 0;
    struct stat status;

    for (uint32_t i = 0; i < output->count && file < 0; i += 1) {
        file = open_as(output->paths[i], output->uid, output->gid);
        /* In /tmp everybody may have put a file of that name. */
        if (i > 0 && file >= 0 && (fstat(file, &status) < 0 || status.st_uid != output->uid)) {
            close(file);
            file = -1;
            errno = ENOENT;
        }
        if (file < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return -1;
        denied |= file < 0 && errno == EACCES;
    }
    if (file < 0 && denied)
        errno = EACCES;
    if (file >= 0 && (fstat(file, &status) < 0 || !S_ISREG(status.st_mode))) {
        close(file);
        errno = EINVAL;
        return -1;
    }
    return file;
}

/* ---- following ---- */

struct follow {
    struct dr_output_of of; /* its site is 0 until the job was placed */
    const char *stream;
    uint32_t task;
    struct dr_output *output;
    int file; /* -1: not there yet */
    int64_t offset;
};

static int has_ended(struct exchange *x, uint64_t job)
{
    dr_job_row row = dr_job_find(core_of(x), (dr_job_id){job});

    return row.v == DR_ROW_NONE ||
           dr_job_state_ended((enum dr_job_state)core_of(x)->jobs[row.v].state);
}

static int is_slurm(const struct dr_core *core, const struct dr_output_of *of)
{
    return of->site != 0 && core->sites[of->site - 1].engine == DR_ENGINE_SLURM;
}

/* What the command of the job's site is to be asked; 0: it has none. */
static int asks_command(struct exchange *x, const struct dr_output_of *of,
                        const struct dr_output *output, int64_t offset,
                        struct log_command_asked *asked)
{
    const struct dr_core *core = core_of(x);

    if (!is_slurm(core, of) || core->site_slurm[of->site - 1].log_command[0] == '\0')
        return 0;
    /* The federation may change while it is followed. */
    *asked = (struct log_command_asked){
        .site = exchange_copy(x, core->sites[of->site - 1].name),
        .command = exchange_copy(x, core->site_slurm[of->site - 1].log_command),
        .path = output->paths[0],
        .user = output->login,
        .job = of->job,
        .offset = offset,
    };
    return 1;
}

/* It was followed before it was placed: now it is known where it writes. 1: another stream goes on.
 */
static int is_placed_at_last(struct exchange *x, struct follow *follow)
{
    const struct dr_core *core = core_of(x);
    dr_job_row row = dr_job_find(core, (dr_job_id){follow->of.job});
    struct log_command_asked asked;

    follow->of.site = row.v == DR_ROW_NONE ? 0 : dr_job_site(core, &core->jobs[row.v]).v;
    if (!is_slurm(core, &follow->of) ||
        !dr_job_output(x->http->controller, &follow->of, follow->stream, follow->task,
                       follow->output) ||
        !asks_command(x, &follow->of, follow->output, follow->offset, &asked))
        return 0;
    site_logs_go_on(x, &asked);
    return 1;
}

/* Has the job been running for so long, at a site elsewhere, that its file is not to be seen here?
 */
static int is_elsewhere(struct exchange *x, const struct dr_output_of *of)
{
    const struct dr_core *core = core_of(x);
    dr_job_row row = dr_job_find(core, (dr_job_id){of->job});
    int64_t now_us = dr_controller_now_us(x->http->controller);

    return is_slurm(core, of) && row.v != DR_ROW_NONE &&
           core->jobs[row.v].state != DR_JOB_PENDING &&
           dr_job_run(core, &core->jobs[row.v])->start_us != 0 &&
           now_us - dr_job_run(core, &core->jobs[row.v])->start_us > SHARED_US;
}

static int fill_follow(struct exchange *x, void *stream, struct dr_buffer *out, size_t bytes_max)
{
    struct follow *follow = stream;
    /* Looked at before the file: what is written until then is read below. */
    int ended = has_ended(x, follow->of.job);
    char bytes[16384];

    if (follow->of.site == 0 && is_placed_at_last(x, follow))
        return x->stream_operations->fill(x, x->stream, out, bytes_max);
    if (follow->of.site == 0)
        return ended;
    if (follow->file < 0)
        follow->file = open_output(follow->output);
    if (follow->file < 0)
        return ended || errno != ENOENT || is_elsewhere(x, &follow->of);
    while (bytes_max > 0) {
        size_t wanted = bytes_max < sizeof bytes ? bytes_max : sizeof bytes;
        ssize_t got = pread(follow->file, bytes, wanted, follow->offset);

        if (got <= 0)
            return ended || got < 0;
        dr_buffer_append(out, bytes, (size_t)got);
        follow->offset += got;
        bytes_max -= (size_t)got;
    }
    return 0;
}

static void close_follow(void *stream)
{
    struct follow *follow = stream;

    if (follow->file >= 0)
        close(follow->file);
}

static const struct stream_operations FOLLOW = {
    .fill = fill_follow, .close = close_follow, .polls = 1};

/* ---- the route ---- */

static int find(struct exchange *x, struct dr_output_of *of, enum dr_job_state *state,
                uint32_t *attempts)
{
    struct dr_core *core = core_of(x);
    dr_job_row row = dr_job_find(core, (dr_job_id){x->number});
    struct dr_store_history past;
    uint32_t account = 0;

    *of = (struct dr_output_of){.job = x->number};
    if (row.v != DR_ROW_NONE) {
        const struct dr_job *job = &core->jobs[row.v];

        of->array_job = dr_job_terms(core, job)->array_job;
        of->array_index = job->array_index;
        of->user = dr_job_terms(core, job)->user.v;
        of->text = job->text;
        of->site = dr_job_site(core, job).v;
        account = job->account.v;
        *attempts = dr_job_run(core, job)->attempt;
        *state = (enum dr_job_state)job->state;
    } else if (dr_store_history_find(dr_controller_store(x->http->controller), x->number, &past) ==
               DR_OK) {
        of->array_job = past.array_job;
        of->array_index = past.array_index;
        of->user = past.user;
        of->text = past.text;
        of->site = past.site;
        account = past.account;
        *attempts = past.attempts;
        *state = (enum dr_job_state)past.state;
    }
    if (of->user != 0 && exchange_sees(x, of->user, account))
        return 1;
    exchange_refuse(x, "UNKNOWN", "job", "there is no job %llu", (unsigned long long)x->number);
    return 0;
}

/* "seoul, node seoul1,": the first node, where a script runs, as long as it is known. */
static void place_text(const struct dr_core *core, const struct dr_output_of *of, char *text,
                       size_t bytes)
{
    dr_job_row row = dr_job_find(core, (dr_job_id){of->job});
    uint32_t extent =
        row.v == DR_ROW_NONE ? DR_ROW_NONE : dr_job_run(core, &core->jobs[row.v])->extents;
    char node[DR_NAME_BYTES + 12];

    if (extent == DR_ROW_NONE)
        snprintf(text, bytes, "%s", core->sites[of->site - 1].name);
    else
        snprintf(text, bytes, "%s, node %s,", core->sites[of->site - 1].name,
                 dr_node_name(core, core->extents[extent].extent.node, node));
}

static void refuse_elsewhere(struct exchange *x, const struct dr_output_of *of, const char *path,
                             int failed)
{
    char place[3 * DR_NAME_BYTES];

    place_text(core_of(x), of, place, sizeof place);
    exchange_refuse(x, "ELSEWHERE", "file",
                    "job %llu wrote at site %s to %.300s, which can't be read on the controller's "
                    "machine (%s): it has to be looked at there, since the site has no log_command "
                    "in the federation",
                    (unsigned long long)of->job, place, path, strerror(failed));
}

static void refuse_file(struct exchange *x, const struct dr_output_of *of, enum dr_job_state state,
                        const char *path, int failed)
{
    if (is_slurm(core_of(x), of) && state > DR_JOB_CONFIGURING && failed != ELOOP &&
        failed != EINVAL)
        refuse_elsewhere(x, of, path, failed);
    else if (failed == ENOENT && state <= DR_JOB_CONFIGURING)
        exchange_refuse(x, "STATE", "job", "job %llu has written nothing yet: it is %s",
                        (unsigned long long)x->number, dr_job_state_name(state));
    else if (failed == ENOENT || failed == ENOTDIR)
        exchange_refuse(x, "UNKNOWN", "file", "there is no file %.300s", path);
    else if (failed == ELOOP)
        exchange_refuse(x, "DENIED", "file",
                        "a part of %.300s is a symbolic link, which is not followed here", path);
    else if (failed == EINVAL)
        exchange_refuse(x, "DENIED", "file", "%.300s is not a plain file", path);
    else
        exchange_refuse(x, "DENIED", "file", "%.300s can't be read as the job's user: %s", path,
                        strerror(failed));
}

static void send_piece(struct exchange *x, int file, int64_t offset)
{
    char bytes[65536];
    char number[24];

    for (;;) {
        size_t room = ANSWER_MAX - x->out.length;
        ssize_t got = pread(file, bytes, room < sizeof bytes ? room : sizeof bytes, offset);

        if (got <= 0)
            break;
        dr_buffer_append(&x->out, bytes, (size_t)got);
        offset += got;
    }
    snprintf(number, sizeof number, "%lld", (long long)offset);
    exchange_header_add(x, "X-Daero-Offset", number);
    exchange_answer_as(x, 200, "text/plain; charset=utf-8");
}

/* By the command of the job's site, where it has one; 0: it has none. */
static int by_command(struct exchange *x, const struct dr_output_of *of,
                      const struct dr_output *output, int64_t offset, enum dr_job_state state,
                      uint32_t attempts, int following)
{
    struct log_command_asked asked;

    if (!asks_command(x, of, output, offset, &asked))
        return 0;
    if (following && !dr_job_state_ended(state))
        site_logs_follow(x, &asked);
    else if (state == DR_JOB_CONFIGURING && attempts == 1)
        refuse_file(x, of, state, output->paths[0], ENOENT);
    else
        site_logs_send(x, &asked);
    return 1;
}

void route_job_logs(struct exchange *x)
{
    const char *stream = exchange_parameter(x, "stream");
    struct dr_output *output;
    struct dr_output_of of;
    enum dr_job_state state = DR_JOB_PENDING;
    struct follow *follow;
    int64_t offset = 0;
    int64_t task = 0;
    uint32_t attempts = 0;
    int following = 0;
    int unplaced;
    int file;

    if (!exchange_number(x, "offset", 0, INT64_MAX, &offset) ||
        !exchange_number(x, "task", 0, DR_TASKS_MAX - 1, &task) ||
        !exchange_flag(x, "follow", &following) || !find(x, &of, &state, &attempts))
        return;
    if (stream != NULL && strcmp(stream, "output") != 0 && strcmp(stream, "error") != 0) {
        exchange_refuse(x, "INVALID", "stream", "found '%.40s', expected output or error", stream);
        return;
    }
    if (attempts == 0 && (!following || dr_job_state_ended(state))) {
        exchange_refuse(x, "STATE", "job", "job %llu has never started: it is %s",
                        (unsigned long long)x->number, dr_job_state_name(state));
        return;
    }
    output = exchange_push(x, 1, sizeof *output);
    if (!dr_job_output(x->http->controller, &of, stream == NULL ? "output" : stream, (uint32_t)task,
                       output)) {
        exchange_refuse(x, "UNKNOWN", "file",
                        "where job %llu wrote is not known any more: its text was erased",
                        (unsigned long long)x->number);
        return;
    }
    if (by_command(x, &of, output, offset, state, attempts, following))
        return;
    unplaced = following && of.site == 0;
    file = unplaced ? -1 : open_output(output);
    if (file < 0 && !unplaced &&
        !(following && errno == ENOENT && !dr_job_state_ended(state) && !is_elsewhere(x, &of))) {
        refuse_file(x, &of, state, output->paths[0], errno);
        return;
    }
    if (!following) {
        send_piece(x, file, offset);
        close(file);
        return;
    }
    if (!stream_room(x)) {
        if (file >= 0)
            close(file);
        return;
    }
    follow = exchange_push(x, 1, sizeof *follow);
    *follow = (struct follow){.of = of,
                              .stream = stream != NULL && strcmp(stream, "error") == 0 ? "error"
                                                                                       : "output",
                              .task = (uint32_t)task,
                              .output = output,
                              .file = file,
                              .offset = offset};
    exchange_stream(x, "text/plain; charset=utf-8", &FOLLOW, follow);
}
