/* SPDX-License-Identifier: Apache-2.0 */
/* The launcher: makes shims.
 *
 * Started once by the controller, which is large and full of secrets: what is forked for a job is
 * this small process instead. It keeps nothing: an order is in its file, and whether it was taken
 * too. So it may die at any moment, and the next one goes on. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "engine/launcher.h"
#include "engine/shim/shim.h"

#define ACCOUNTS_MAX       64
#define DELETE_DEPTH_MAX   1000
#define IDLE_MS            60000
#define SLOTS_MAX          1024
#define SLOTS_IDLE_MAX     64
#define ACCOUNT_AGE_MAX_US (60 * DR_SECOND_US)

static struct account accounts[ACCOUNTS_MAX];
static uint32_t accounts_count, accounts_next;

/* Users change rarely and asking may mean the network: remembered for a minute. */
static const struct account *account_of(uint32_t uid)
{
    int64_t now_us = dr_monotonic_us();
    struct account *account = NULL;
    struct passwd *found;

    for (uint32_t i = 0; i < accounts_count; i += 1)
        if (accounts[i].uid == uid)
            account = &accounts[i];
    if (account != NULL && now_us - account->read_us < ACCOUNT_AGE_MAX_US)
        return account;
    if (account == NULL) {
        account = &accounts[accounts_next];
        accounts_next = (accounts_next + 1) % ACCOUNTS_MAX;
        if (accounts_count < ACCOUNTS_MAX)
            accounts_count += 1;
    }
    *account = (struct account){.uid = uid, .read_us = now_us};
    found = getpwuid(uid);
    if (found == NULL)
        return account;
    snprintf(account->home, sizeof account->home, "%s", found->pw_dir);
    snprintf(account->shell, sizeof account->shell, "%s", found->pw_shell);
    account->groups_count = GROUPS_MAX_;
    if (getgrouplist(found->pw_name, found->pw_gid, account->groups, &account->groups_count) < 0)
        account->groups_count = GROUPS_MAX_; /* the first of them */
    /* root's group would open what belongs to the machine */
    for (int i = 0; i < account->groups_count;)
        if (account->groups[i] == 0)
            account->groups[i] = account->groups[--account->groups_count];
        else
            i += 1;
    return account;
}

static void reply(uint32_t kind, dr_job_id job, uint32_t attempt, const char *text)
{
    struct dr_launcher_reply message = {.kind = kind, .job = job.v, .attempt = attempt};

    snprintf(message.text, sizeof message.text, "%s", text);
    while (send(DR_LAUNCHER_SOCKET, &message, sizeof message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

/* ---- cgroups to be used again ---- */

static struct cgroup_slot *slots; /* [SLOTS_MAX], shared with the shims */
static uint32_t slots_used;

static void slots_open(const struct sandbox *sandbox)
{
    void *memory;

    /* Without a pid namespace the end of a shim does not prove that its cgroup is empty; and
     * version 2 needs one directory only, and can't set back what it counts. */
    if (sandbox->namespaces == 0 || sandbox->cgroups.version != 1)
        return;
    memory = mmap(NULL, SLOTS_MAX * sizeof *slots, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        slots = memory;
}

/* A free one: one that is there, else a new one; NULL when all are in use. */
static struct cgroup_slot *slot_take(void)
{
    struct cgroup_slot *found = NULL;

    if (slots == NULL)
        return NULL;
    for (uint32_t i = 0; i < slots_used; i += 1)
        if (slots[i].pid == 0 && !slots[i].retire) {
            found = &slots[i];
            if (found->made)
                return found;
        }
    if (found == NULL && slots_used < SLOTS_MAX) {
        found = &slots[slots_used++];
        /* with our pid: those of a launcher before us may be in use */
        snprintf(found->name, sizeof found->name, "%d-%" PRIu32, getpid(), slots_used);
    }
    return found;
}

static void slots_free(const struct sandbox *sandbox)
{
    uint32_t idle = 0;

    for (uint32_t i = 0; i < slots_used; i += 1) {
        if (slots[i].pid != 0)
            continue;
        idle += slots[i].made != 0;
        slots[i].retire |= idle > SLOTS_IDLE_MAX;
        if (slots[i].retire)
            cgroup_slot_remove(&sandbox->cgroups, &slots[i]);
    }
}

static void reap(const struct sandbox *sandbox)
{
    int status, retired = 0;
    uint32_t idle = 0;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (uint32_t i = 0; i < slots_used; i += 1)
            if (slots[i].pid == pid) {
                slots[i].pid = 0;
                slots[i].retire |= status != 0;
                break;
            }
    for (uint32_t i = 0; i < slots_used; i += 1) {
        retired |= slots[i].pid == 0 && slots[i].retire;
        idle += slots[i].pid == 0;
    }
    if (retired || idle > SLOTS_IDLE_MAX)
        slots_free(sandbox);
}

/* Those of shims that still run are left for a later launcher to remove. */
static void slots_close(const struct sandbox *sandbox, int wait_ms)
{
    uint32_t busy;

    /* a shim whose end is told is about to exit */
    do {
        reap(sandbox);
        busy = 0;
        for (uint32_t i = 0; i < slots_used; i += 1)
            busy += slots[i].pid != 0;
        if (busy > 0 && wait_ms > 0)
            usleep(1000);
    } while (busy > 0 && wait_ms-- > 0);
    for (uint32_t i = 0; i < slots_used; i += 1)
        if (slots[i].pid == 0)
            cgroup_slot_remove(&sandbox->cgroups, &slots[i]);
}

static void launch(struct sandbox *sandbox, const struct cgroup_limits *defaults,
                   const struct dr_launcher_request *request)
{
    const struct account *account = account_of(request->uid);
    struct cgroup_slot *slot = slot_take();
    dr_job_id job = {request->job};
    pid_t pid = sandbox_fork(sandbox);

    if (pid == 0) {
        /* or the controller could not tell that the launcher is gone */
        close(DR_LAUNCHER_SOCKET);
        watch_attempt(sandbox, account, slot, defaults, job, request->attempt);
    }
    if (pid < 0)
        reply(DR_LAUNCHER_BUSY, job, request->attempt, strerror(errno));
    else if (slot != NULL)
        slot->pid = pid;
}

/* All of it, without following a link: its owner may be changing it meanwhile. */
static void delete_tree(int parent, const char *name, int depth)
{
    int fd;
    DIR *directory;
    struct dirent *entry;

    if (unlinkat(parent, name, 0) == 0 || depth > DELETE_DEPTH_MAX)
        return;
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    directory = fd < 0 ? NULL : fdopendir(fd);
    if (directory != NULL) {
        while ((entry = readdir(directory)) != NULL)
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                delete_tree(fd, entry->d_name, depth + 1);
        closedir(directory);
    }
    unlinkat(parent, name, AT_REMOVEDIR);
}

/* In a process of its own: large trees take long, and launches don't wait for them. */
static void drop_checkpoints(const struct sandbox *sandbox)
{
    int fd;
    DIR *directory;
    struct dirent *entry;

    if (fork() != 0)
        return;
    close(DR_LAUNCHER_SOCKET);
    device_wall_leave(&sandbox->cgroups.devices);
    fd = openat(sandbox->checkpoints, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    directory = fd < 0 ? NULL : fdopendir(fd);
    while (directory != NULL && (entry = readdir(directory)) != NULL)
        if (strncmp(entry->d_name, DR_DROPPED_PREFIX, strlen(DR_DROPPED_PREFIX)) == 0)
            delete_tree(fd, entry->d_name, 0);
    _exit(0);
}

static void prepare(void)
{
    struct rlimit files;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;

    for (int i = 0; i < 3; i += 1)
        if (null >= 0)
            dup2(null, i);
    for (int i = 1; i < NSIG; i += 1)
        if (i != SIGKILL && i != SIGSTOP)
            signal(i, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    setsid();
    if (chdir("/") != 0)
        _exit(1);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

/* One launcher at a time per data directory: the one before may be clearing up. This kind of lock
 * is not inherited, so the shims don't hold it. */
static int wait_for_turn(const char *data)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_BYTES];
    int fd;

    snprintf(path, sizeof path, "%s/attempts/launcher.lock", data);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd >= 0 && fcntl(fd, F_SETLKW, &lock) == 0;
}

int launcher_main(int argument_count, char **arguments)
{
    static struct sandbox sandbox;
    struct sandbox_options options = {0};
    struct cgroup_limits defaults = {.pids = 8192};
    struct dr_launcher_request request;
    struct pollfd wait[2];
    int over = 0;
    sigset_t children;
    char wrong[1024];
    int64_t number;

    for (int i = 2; i < argument_count; i += 1) {
        if (strcmp(arguments[i], "--network-none") == 0)
            options.network_none = 1;
        else if (strcmp(arguments[i], "--shared-tmp") == 0)
            options.shared_tmp = 1;
        else if (strcmp(arguments[i], "--required") == 0)
            options.required = 1;
        else if (strcmp(arguments[i], "--pids") == 0 && i + 1 < argument_count &&
                 dr_parse_i64(arguments[i + 1], 1, 1 << 22, &number))
            defaults.pids = number, i += 1;
        else if (options.data == NULL && arguments[i][0] == '/')
            options.data = arguments[i];
        else
            return 2;
    }
    if (options.data == NULL)
        return 2;
    prepare();
    if (!wait_for_turn(options.data)) {
        reply(DR_LAUNCHER_REFUSES, (dr_job_id){0}, 0, "attempts/launcher.lock can't be locked");
        return 1;
    }
    if (sandbox_open(&sandbox, &options, wrong, sizeof wrong) != DR_OK) {
        reply(DR_LAUNCHER_REFUSES, (dr_job_id){0}, 0, wrong);
        return 1;
    }
    slots_open(&sandbox);
    /* Besides the socket, which a forked copy of the controller may hold open a while longer. Here,
     * since entering a user namespace clears it. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigaddset(&children, SIGTERM);
    sigprocmask(SIG_BLOCK, &children, NULL);
    wait[0] = (struct pollfd){.fd = DR_LAUNCHER_SOCKET, .events = POLLIN};
    wait[1] = (struct pollfd){.fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK),
                              .events = POLLIN};
    reply(DR_LAUNCHER_HELLO, (dr_job_id){0}, 0, sandbox.text);
    drop_checkpoints(&sandbox);

    for (;;) {
        struct signalfd_siginfo info;
        int ready = poll(wait, 2, IDLE_MS);
        ssize_t bytes;

        if (ready < 0 && errno != EINTR)
            break;
        if (ready == 0) {
            slots_close(&sandbox, 0); /* nobody needs them ready now */
            cgroup_tree_tidy(&sandbox.cgroups);
        }
        while (read(wait[1].fd, &info, sizeof info) > 0)
            if (info.ssi_signo == SIGTERM)
                over = 1;
            else
                reap(&sandbox);
        if (over)
            break;
        bytes = recv(DR_LAUNCHER_SOCKET, &request, sizeof request, MSG_DONTWAIT);
        if (bytes < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (bytes != sizeof request)
            break; /* the controller is gone */
        switch ((enum dr_launcher_request_kind)request.kind) {
        case DR_LAUNCHER_LAUNCH:
            launch(&sandbox, &defaults, &request);
            break;
        case DR_LAUNCHER_SWEEP:
            watch_sweep(&sandbox, (dr_job_id){request.job}, request.attempt);
            break;
        case DR_LAUNCHER_DROP:
            drop_checkpoints(&sandbox);
            break;
        }
    }
    slots_close(&sandbox, 50);
    cgroup_tree_close(&sandbox.cgroups);
    return 0;
}
