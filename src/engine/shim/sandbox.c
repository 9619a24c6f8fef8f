/* SPDX-License-Identifier: Apache-2.0 */
/* The walls around an attempt.
 *
 * What all attempts share is made once, in the launcher: a view of the file system in which the
 * data directory is covered up, a compiled seccomp filter, an empty bounding set, no_new_privs.
 * Forked children have all of that for nothing; an attempt adds four namespaces and two mounts. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "engine/shim/shim.h"

#define WALLS (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

/* Calls that a job has no business with; the rest is allowed. They fail with EPERM. A name that
 * this libseccomp does not know is left out, and so is one that this architecture lacks. */
static const char *const denied[] = {
    /* into other processes */
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    /* new walls, or out of these */
    "mount", "umount", "umount2", "pivot_root", "chroot", "setns", "unshare", "open_tree",
    "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "open_by_handle_at",
    "name_to_handle_at",
    /* large doors into the kernel that jobs do without */
    "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "keyctl", "add_key", "request_key", "fanotify_init", "lookup_dcookie",
    "vmsplice", "modify_ldt",
    /* the machine */
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot",
    "swapon", "swapoff", "syslog", "acct", "quotactl", "quotactl_fd", "nfsservctl", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "stime", "sethostname", "setdomainname", "iopl",
    "ioperm", "vhangup", "mknod", "mknodat"};

static enum dr_status filter_rules(scmp_filter_ctx context)
{
    static const uint64_t walls[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                     CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

    /* binary search over the numbers, where the library can */
    seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    for (size_t i = 0; i < DR_COUNT_OF(denied); i += 1) {
        int number = seccomp_syscall_resolve_name(denied[i]);
        if (number >= 0 && seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), number, 0) != 0)
            return DR_E_UNSUPPORTED;
    }
    for (size_t i = 0; i < DR_COUNT_OF(walls); i += 1)
        if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, walls[i], walls[i])) != 0)
            return DR_E_UNSUPPORTED;
    /* Its flags are in memory, out of a filter's sight; libraries go back to clone() on ENOSYS. */
    if (seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) != 0)
        return DR_E_UNSUPPORTED;
    /* A terminal that the controller was started from can't be typed into. */
    if (seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                         SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, 0x5412 /* TIOCSTI */)) != 0)
        return DR_E_UNSUPPORTED;
    return DR_OK;
}

static enum dr_status filter_build(struct sock_fprog *filter)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ALLOW);
    enum dr_status status = DR_E_UNSUPPORTED;
    struct stat info;
    int fd = memfd_create("filter", MFD_CLOEXEC);

    if (context != NULL && fd >= 0 && filter_rules(context) == DR_OK &&
        seccomp_export_bpf(context, fd) == 0 && fstat(fd, &info) == 0 && info.st_size > 0) {
        size_t bytes = (size_t)info.st_size;
        struct sock_filter *program = malloc(bytes);

        if (program != NULL && pread(fd, program, bytes, 0) == (ssize_t)bytes) {
            filter->filter = program;
            filter->len = (unsigned short)(bytes / sizeof *program);
            status = DR_OK;
        } else {
            free(program);
        }
    }
    if (fd >= 0)
        close(fd);
    if (context != NULL)
        seccomp_release(context);
    return status;
}

enum dr_status sandbox_filter(const struct sandbox *sandbox)
{
    if (sandbox->filter.len == 0)
        return DR_OK;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &sandbox->filter, 0, 0) != 0)
        return DR_E_UNSUPPORTED;
    return DR_OK;
}

pid_t sandbox_fork(const struct sandbox *sandbox)
{
    struct clone_args arguments = {.flags = sandbox->namespaces, .exit_signal = SIGCHLD};

    if (sandbox->namespaces == 0)
        return fork();
    return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

static int loopback_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int ok = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Each directory on the way to `path`, for everybody to pass. */
static int make_path(const char *path)
{
    char part[PATH_BYTES];

    if (strlen(path) >= sizeof part)
        return 0;
    for (size_t i = 1;; i += 1)
        if (path[i] == '/' || path[i] == 0) {
            memcpy(part, path, i);
            part[i] = 0;
            if (mkdir(part, 0755) != 0 && errno != EEXIST)
                return 0;
            if (path[i] == 0)
                return 1;
        }
}

static int is_below(const char *path, const char *above)
{
    size_t length = strlen(above);

    return strncmp(path, above, length) == 0 && (path[length] == '/' || path[length] == 0);
}

/* What has to stay in view although it lies beneath /tmp, with all that is mounted on it (the cover
 * over the data directory): taken out before, put back into the new one. */
static int keep_tree(const char *path)
{
    if (!is_below(path, "/tmp"))
        return -1;
    return (int)syscall(SYS_open_tree, AT_FDCWD, path,
                        OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

static int put_tree(int tree, const char *path)
{
    int ok = tree < 0 || (make_path(path) && syscall(SYS_move_mount, tree, "", AT_FDCWD, path,
                                                     MOVE_MOUNT_F_EMPTY_PATH) == 0);

    if (tree >= 0)
        close(tree);
    return ok;
}

static enum dr_status enter_tmp(const struct sandbox *sandbox, const char *directory, char *wrong,
                                size_t wrong_bytes)
{
    int directory_tree, data_tree = -1;

    if (strcmp(directory, "/tmp") == 0)
        return DR_OK; /* the job asked to run in the one that all share */
    directory_tree = keep_tree(directory);
    if (!is_below(sandbox->data, directory))
        data_tree = keep_tree(sandbox->data);
    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0) {
        snprintf(wrong, wrong_bytes, "a private /tmp can't be mounted: %s", strerror(errno));
        return DR_E_IO;
    }
    if (!put_tree(directory_tree, directory) || !put_tree(data_tree, sandbox->data)) {
        snprintf(wrong, wrong_bytes, "its directory can't be put into a private /tmp: %s",
                 strerror(errno));
        return DR_E_IO;
    }
    return DR_OK;
}

enum dr_status sandbox_enter(const struct sandbox *sandbox, const char *directory, char *wrong,
                             size_t wrong_bytes)
{
    if ((sandbox->namespaces & CLONE_NEWPID) != 0 &&
        mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0) {
        snprintf(wrong, wrong_bytes, "its /proc can't be mounted: %s", strerror(errno));
        return DR_E_IO;
    }
    if ((sandbox->namespaces & CLONE_NEWNET) != 0 && !loopback_up()) {
        snprintf(wrong, wrong_bytes, "its loopback network can't be brought up: %s",
                 strerror(errno));
        return DR_E_IO;
    }
    if (sandbox->private_tmp)
        return enter_tmp(sandbox, directory, wrong, wrong_bytes);
    return DR_OK;
}

/* ---- what works here ---- */

/* In a child: does an attempt's part work with these namespaces? */
static int walls_work(struct sandbox *sandbox, uint64_t namespaces)
{
    int status = 1;
    pid_t pid;

    sandbox->namespaces = namespaces;
    pid = sandbox_fork(sandbox);
    if (pid == 0) {
        char wrong[200];
        _exit(sandbox_enter(sandbox, "/", wrong, sizeof wrong) == DR_OK ? 0 : 1);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        sandbox->namespaces = 0;
        return 0;
    }
    return 1;
}

static int filter_works(const struct sandbox *sandbox)
{
    int status = 1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(sandbox_filter(sandbox) == DR_OK ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return ok;
}

/* Without root: a user namespace in which we are ourselves, and may make the other namespaces.
 * Tried in a child first, since there is no way back. */
static int own_user_namespace(void)
{
    uid_t uid = geteuid();
    gid_t gid = getegid();

    for (int trial = 1; trial >= 0; trial -= 1) {
        pid_t pid = trial ? fork() : 0;
        int status = 1;

        if (pid == 0) {
            char text[64];
            int ok;

            /* or the maps would be root's to write */
            prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
            ok = unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
            ok = ok && write_file("/proc/self/setgroups", "deny");
            snprintf(text, sizeof text, "%u %u 1", uid, uid);
            ok = ok && write_file("/proc/self/uid_map", text);
            snprintf(text, sizeof text, "%u %u 1", gid, gid);
            ok = ok && write_file("/proc/self/gid_map", text);
            if (trial)
                _exit(ok ? 0 : 1);
            prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
            return ok;
        }
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
            return 0;
    }
    return 0;
}

/* A mount namespace of our own, from which nothing spreads. In a plain chroot `/` is no mount, and
 * the one that it lies in is out of reach: setns() into the namespace where we already are leads to
 * its top; from there we come back. */
static int own_mounts(void)
{
    int root, namespace, ok;

    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
        return 1;
    root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    namespace = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (root < 0 || namespace < 0 || setns(namespace, CLONE_NEWNS) != 0) {
        ok = 0;
    } else {
        ok = mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
        if (fchdir(root) != 0 || chroot(".") != 0)
            _exit(1); /* not a place to stay */
    }
    if (root >= 0)
        close(root);
    if (namespace >= 0)
        close(namespace);
    return ok;
}

static int open_directory(const char *parent, const char *name)
{
    char path[PATH_BYTES];

    snprintf(path, sizeof path, "%s/%s", parent, name);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Cover the data directory up: of it, attempts see the checkpoints and the scripts. */
static int cover_data(struct sandbox *sandbox)
{
    int checkpoints = open_directory(sandbox->data, "checkpoints"); /* of this view, to be bound */
    char path[PATH_BYTES], from[64];

    snprintf(path, sizeof path, "%s/checkpoints", sandbox->data);
    snprintf(from, sizeof from, "/proc/self/fd/%d", checkpoints);
    if (mount("tmpfs", sandbox->data, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0711") != 0)
        return 0;
    if (mkdir(path, 0711) != 0 || mount(from, path, NULL, MS_BIND, NULL) != 0) {
        umount2(sandbox->data, MNT_DETACH);
        close(checkpoints);
        return 0;
    }
    close(checkpoints);
    snprintf(path, sizeof path, "%s/scripts", sandbox->data);
    if (mkdir(path, 0711) != 0)
        return 0;
    chmod(sandbox->data, 0711);
    chmod(path, 0711);
    sandbox->scripts = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(sandbox->scripts_path, sizeof sandbox->scripts_path, "%s", path);
    return sandbox->scripts >= 0;
}

/* The first directory above `path` that not everybody may pass, into `closed`; 0: there is none. */
static int closed_above(const char *path, char closed[PATH_BYTES])
{
    struct stat info;

    for (size_t i = 1; path[i] != 0; i += 1) {
        if (path[i] != '/')
            continue;
        memcpy(closed, path, i);
        closed[i] = 0;
        if (stat(closed, &info) == 0 && (info.st_mode & S_IXOTH) == 0)
            return 1;
    }
    return 0;
}

static void give_up_privileges(void)
{
    struct rlimit none = {0, 0};

    /* The shims never exec anything as root, so the bounding set can go now and for all of them. */
    for (int capability = 0; capability < 64; capability += 1)
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    setrlimit(RLIMIT_CORE, &none);
}

enum dr_status sandbox_open(struct sandbox *sandbox, const struct sandbox_options *options,
                            char *wrong, size_t wrong_bytes)
{
    char instance[32], inside[PATH_BYTES], closed[PATH_BYTES];
    int view = 0, covered = 0;
    const char *words;

    *sandbox = (struct sandbox){.data = options->data,
                                .boot = dr_boot_hash(),
                                .root = geteuid() == 0,
                                .network_none = options->network_none,
                                .scripts = -1};
    sandbox->attempts = open_directory(options->data, "attempts");
    sandbox->checkpoints = open_directory(options->data, "checkpoints");
    sandbox->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sandbox->attempts < 0 || sandbox->checkpoints < 0 || sandbox->proc < 0) {
        snprintf(wrong, wrong_bytes, "%s/attempts can't be opened: %s", options->data,
                 strerror(errno));
        return DR_E_UNSUPPORTED;
    }
    snprintf(instance, sizeof instance, "daero-%08x",
             (uint32_t)dr_hash_bytes(7, options->data, strlen(options->data)));
    cgroup_tree_open(&sandbox->cgroups, instance);
    give_up_privileges();
    if (filter_build(&sandbox->filter) != DR_OK || !filter_works(sandbox))
        sandbox->filter = (struct sock_fprog){0};

    view = sandbox->root ? unshare(CLONE_NEWNS) == 0 : own_user_namespace();
    if (view && !sandbox->root)
        give_up_privileges(); /* a new user namespace begins with all of them */
    if (view && own_mounts()) {
        uint64_t network = options->network_none ? CLONE_NEWNET : 0;

        sandbox->private_tmp = !options->shared_tmp;
        if (!walls_work(sandbox, WALLS | network) && sandbox->private_tmp) {
            sandbox->private_tmp = 0;
            walls_work(sandbox, WALLS | network);
        }
    }
    covered = sandbox->namespaces != 0 && cover_data(sandbox);
    if (!covered) {
        snprintf(sandbox->scripts_path, sizeof sandbox->scripts_path, "%s/checkpoints",
                 options->data);
        sandbox->scripts = fcntl(sandbox->checkpoints, F_DUPFD_CLOEXEC, 0);
    }

    words = sandbox->namespaces == 0
                ? "no namespaces: jobs see each other's processes and the data directory"
            : options->network_none ? "namespaces mount pid ipc uts net"
                                    : "namespaces mount pid ipc uts";
    snprintf(sandbox->text, sizeof sandbox->text, "%s; %s; %s%s%s%s%s", sandbox->cgroups.text,
             words, sandbox->filter.len > 0 ? "seccomp" : "no seccomp",
             sandbox->private_tmp && sandbox->namespaces != 0 ? "; private /tmp" : "; shared /tmp",
             sandbox->root ? "; jobs run as their users"
                           : "; not root: jobs run as the controller's user",
             covered ? "" : "; the data directory is in sight of jobs",
             options->network_none ? "; no network" : "; the machine's network");
    /* Covered up, it is open to all under the cover; else users pass through the real one. */
    snprintf(inside, sizeof inside, "%s%s", sandbox->data, covered ? "" : "/");
    if (sandbox->root && closed_above(inside, closed)) {
        size_t used = strlen(sandbox->text);

        snprintf(sandbox->text + used, sizeof sandbox->text - used,
                 "; NO JOB CAN RUN SCRIPTS OR REACH ITS CHECKPOINTS: users may not pass %.300s",
                 closed);
    }
    if (options->required &&
        (sandbox->namespaces == 0 || sandbox->filter.len == 0 || sandbox->cgroups.version == 0 ||
         sandbox->cgroups.devices.version == 0)) {
        snprintf(wrong, wrong_bytes, "the full sandbox is required, and this machine has: %s",
                 sandbox->text);
        return DR_E_UNSUPPORTED;
    }
    return DR_OK;
}
