/* SPDX-License-Identifier: Apache-2.0 */
/* logs.c: what jobs wrote (GET /v1/jobs/{job}/logs).
 *
 * The file is the user's, and so is its path: it is opened with the job's uid for the file system's
 * checks, never through a symbolic link, and only a regular file is read. What the user could not
 * read himself the API does not read for him. */
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
#include "serve/stream.h"

#define ANSWER_MAX (8u << 20) /* of a file, in one answer that does not follow */
#define GROUPS_MAX 256

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
    uint64_t job;
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

static int fill_follow(struct exchange *x, void *stream, struct dr_buffer *out, size_t bytes_max)
{
    struct follow *follow = stream;
    /* Looked at before the file: what is written until then is read below. */
    int ended = has_ended(x, follow->job);
    char bytes[16384];

    if (follow->file < 0)
        follow->file = open_output(follow->output);
    if (follow->file < 0)
        return ended || errno != ENOENT;
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
        account = job->account.v;
        *attempts = dr_job_run(core, job)->attempt;
        *state = (enum dr_job_state)job->state;
    } else if (dr_store_history_find(dr_controller_store(x->http->controller), x->number, &past) ==
               DR_OK) {
        of->array_job = past.array_job;
        of->array_index = past.array_index;
        of->user = past.user;
        of->text = past.text;
        account = past.account;
        *attempts = past.attempts;
        *state = (enum dr_job_state)past.state;
    }
    if (of->user != 0 && exchange_sees(x, of->user, account))
        return 1;
    exchange_refuse(x, "UNKNOWN", "job", "there is no job %llu", (unsigned long long)x->number);
    return 0;
}

static void refuse_file(struct exchange *x, enum dr_job_state state, const char *path, int failed)
{
    if (failed == ENOENT && state <= DR_JOB_CONFIGURING)
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
    file = open_output(output);
    if (file < 0 && !(following && errno == ENOENT && !dr_job_state_ended(state))) {
        refuse_file(x, state, output->paths[0], errno);
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
    *follow = (struct follow){.job = x->number, .output = output, .file = file, .offset = offset};
    exchange_stream(x, "text/plain; charset=utf-8", &FOLLOW, follow);
}
