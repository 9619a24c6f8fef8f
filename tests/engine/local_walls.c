/* SPDX-License-Identifier: Apache-2.0 */
/* The local engine with real processes. What keeps a job from the machine and from other jobs, and
 * where that is missing. */
#include "machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "test.h"

/* The job looks at its own walls; each line that it writes is one of them. */
TEST(the_walls_seen_from_inside)
{
    struct machine *w = machine_new();
    struct machine_spec s;
    const char *text;
    char ours[64], line[128];
    ssize_t bytes;

    if (strstr(w->engine->operations->describe(w->engine), "namespaces mount") == NULL ||
        strstr(w->engine->operations->describe(w->engine), "no seccomp") != NULL) {
        machine_free(w);
        SKIP_TEST("no namespaces or no seccomp here");
    }
    CHECK_EQ(setenv("ENGINE_TEST_SECRET", "secret", 1), 0);
    machine_shell(w, &s, 1,
                  "grep -E '^(Seccomp|NoNewPrivs|CapEff|CapBnd|CapPrm):' /proc/self/status\n"
                  "echo uid $(id -u) gid $(id -g) groups $(id -G)\n"
                  "for n in mnt pid ipc uts; do readlink /proc/self/ns/$n; done\n"
                  "cat /proc/self/cgroup\n"
                  "echo fds $(ls /proc/self/fd | wc -l)\n"
                  "[ $(ls /proc | grep -c '^[0-9]') -le 6 ] && echo alone\n"
                  "ls %s/attempts %s/store 2>&1 | grep -c 'No such file'\n"
                  "echo tmp $(ls -A /tmp | wc -l)\n"
                  "env | grep -c ENGINE_TEST_SECRET\n"
                  "unshare -U true 2>/dev/null || echo no-unshare\n"
                  "mount -t tmpfs x /mnt 2>/dev/null || echo no-mount\n"
                  "kill -9 1 2>/dev/null; echo core $(ulimit -c)\n"
                  "touch $DAERO_CHECKPOINT_DIR/here && echo checkpoint-ok\n"
                  "ls $DAERO_CHECKPOINT_DIR/.. >/dev/null 2>&1 || echo checkpoints-closed\n",
                  w->data, w->data);
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 0);
    text = machine_work_file(w, "out");
    CHECK_HAS(text, "Seccomp:\t2");
    CHECK_HAS(text, "NoNewPrivs:\t1");
    CHECK_HAS(text, "CapEff:\t0000000000000000");
    CHECK_HAS(text, "CapPrm:\t0000000000000000");
    CHECK_HAS(text, "CapBnd:\t0000000000000000");
    for (int i = 0; i < 4; i += 1) {
        static const char *const names[] = {"mnt", "pid", "ipc", "uts"};

        snprintf(line, sizeof line, "/proc/self/ns/%s", names[i]);
        bytes = readlink(line, ours, sizeof ours - 1);
        CHECK(bytes > 0);
        ours[bytes] = 0;
        snprintf(line, sizeof line, "%s:[", names[i]);
        CHECK_HAS(text, line);
        CHECK(strstr(text, ours) == NULL);
    }
    if (geteuid() == 0) {
        CHECK_HAS(text, "uid 65534 gid 65534 groups 65534\n");
        if (strstr(w->engine->operations->describe(w->engine), "no cgroup") == NULL)
            CHECK_HAS(text, "daero-");
        CHECK_HAS(text, "checkpoints-closed");
    }
    CHECK_HAS(text, "fds 4\n");   /* ls: three and the directory that it reads */
    CHECK_HAS(text, "\nalone\n"); /* the shim, the shell, its subshells, ls and grep */
    CHECK_HAS(text, "\n2\ntmp "); /* neither attempts nor store */
    CHECK_HAS(text, "tmp 1\n");   /* where its directory lies */
    CHECK_HAS(text, "\n0\nno-unshare\nno-mount\ncore 0\ncheckpoint-ok\n");
    machine_free(w);
}

/* Whether `path` can be opened by the user that jobs run as, where no wall is in the way. */
static int opens_for_the_user(const char *path)
{
    int status = 1;
    pid_t child = fork();

    if (child == 0)
        _exit(setresgid(MACHINE_USER_ID, MACHINE_USER_ID, MACHINE_USER_ID) == 0 &&
                      setresuid(MACHINE_USER_ID, MACHINE_USER_ID, MACHINE_USER_ID) == 0 &&
                      open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY) >= 0
                  ? 0
                  : 1);
    return waitpid(child, &status, 0) == child && status == 0;
}

/* Nodes in the job's directory that anybody may open, so that nothing but the wall can forbid it:
 * stand-ins for two accelerators. */
static int make_device_nodes(struct machine *w, char paths[2][MACHINE_PATH_BYTES])
{
    static const struct {
        mode_t type;
        unsigned int major, minor;
    } candidates[] = {{S_IFBLK, 7, 0}, {S_IFBLK, 7, 1}, {S_IFCHR, 4, 0}, {S_IFCHR, 4, 1}};
    static const char *const names[] = {"first", "second"};
    int made = 0;

    for (size_t i = 0; i < DR_COUNT_OF(candidates) && made < 2; i += 1) {
        snprintf(paths[made], MACHINE_PATH_BYTES, "%s/%s", w->work, names[made]);
        unlink(paths[made]);
        if (mknod(paths[made], candidates[i].type | 0666,
                  makedev(candidates[i].major, candidates[i].minor)) == 0 &&
            chmod(paths[made], 0666) == 0 && opens_for_the_user(paths[made]))
            made += 1;
    }
    return made == 2;
}

/* A job that holds the accelerators in `bits` of a real chip; says which of the two nodes open. */
static const char *devices_seen(struct machine *w, uint64_t job, const char *const *nodes,
                                uint64_t bits, uint32_t chip_virtual)
{
    static char name[32];
    struct machine_spec s;

    machine_shell(
        w, &s, job,
        ": </dev/null && : >/dev/null && head -c1 /dev/urandom >/dev/null && echo pseudo\n"
        "(: <first) 2>&1 && echo first\n(: <second) 2>&1 && echo second\nexit 0\n");
    snprintf(name, sizeof name, "out-%" PRIu64, job);
    s.launch.output = name;
    s.launch.chip = bits != 0 ? "h200" : "";
    s.launch.chip_vendor = bits != 0 ? "nvidia" : "";
    s.launch.chip_virtual = chip_virtual;
    s.nodes[0].accelerators = bits;
    s.nodes[0].device_nodes = nodes;
    machine_launch(w, &s);
    if (machine_end(w, job, 1)->outcome != DR_OUTCOME_EXITED)
        fail_msg("%s", machine_end(w, job, 1)->text);
    return machine_work_file(w, name);
}

TEST(accelerators_that_were_not_given_do_not_open)
{
    struct machine *w = machine_new();
    char paths[2][MACHINE_PATH_BYTES];
    const char *const both[] = {paths[0], paths[1]};
    const char *text;
    struct machine_spec s;

    if (geteuid() != 0 ||
        strstr(w->engine->operations->describe(w->engine), "no devices cgroup") != NULL ||
        !make_device_nodes(w, paths)) {
        machine_free(w);
        SKIP_TEST("needs root, a devices cgroup, and nodes that it may make");
    }
    text = devices_seen(w, 1, NULL, 0, 0);
    CHECK_HAS(text, "pseudo\n");
    CHECK_HAS(text, "first: Operation not permitted");
    CHECK_HAS(text, "second: Operation not permitted");
    /* one each, and then none again: whatever is used again between attempts, the list is not */
    text = devices_seen(w, 2, both, 1, 0);
    CHECK_HAS(text, "pseudo\nfirst\n");
    CHECK_HAS(text, "second: Operation not permitted");
    text = devices_seen(w, 3, both + 1, 1, 0);
    CHECK_HAS(text, "first: Operation not permitted");
    CHECK_HAS(text, "\nsecond\n");
    text = devices_seen(w, 4, NULL, 0, 0);
    CHECK_HAS(text, "first: Operation not permitted");
    CHECK_HAS(text, "second: Operation not permitted");
    CHECK_HAS(devices_seen(w, 5, both, 3, 0), "pseudo\nfirst\nsecond\n");
    /* virtual ones have no nodes */
    CHECK_HAS(devices_seen(w, 6, NULL, 3, 1), "first: Operation not permitted");
    CHECK(machine_find(w, 0, 6, 1, DR_REPORT_WARNING) == NULL);
    /* nobody knows which nodes they are: the job has to have them, and a person is told */
    CHECK_HAS(devices_seen(w, 7, NULL, 3, 0), "pseudo\nfirst\nsecond\n");
    CHECK_HAS(machine_wait(w, 0, 7, 1, DR_REPORT_WARNING)->text, "not known");
    /* nor does the shim open them for it */
    machine_shell(w, &s, 8, "cat\n");
    s.launch.input = "first";
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 8, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    machine_shell(w, &s, 9, "echo\n");
    s.launch.output = "second";
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 9, 1)->outcome, DR_OUTCOME_LAUNCH_FAILED);
    machine_free(w);
}

/* All that is in `/` again, below a directory that is no mount itself. */
static int make_chroot(const char *chroot_path)
{
    DIR *directory = opendir("/");
    struct dirent *entry;
    int ok = directory != NULL;

    while (ok && (entry = readdir(directory)) != NULL) {
        char from[300], to[MACHINE_PATH_BYTES + 300], link[1024];
        ssize_t bytes;

        snprintf(from, sizeof from, "/%s", entry->d_name);
        snprintf(to, sizeof to, "%s/%s", chroot_path, entry->d_name);
        bytes = readlink(from, link, sizeof link - 1);
        link[bytes > 0 ? bytes : 0] = 0;
        if (bytes > 0)
            ok = symlink(link, to) == 0;
        else if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            ok = mkdir(to, 0755) == 0 && mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0;
    }
    if (directory != NULL)
        closedir(directory);
    return ok;
}

/* Whoever runs a controller in a chroot has the same walls: nothing there needs `/` to be a mount.
 * Around it mounts spread, as they do under systemd; those of the launcher must not. */
TEST(in_a_plain_chroot)
{
    char root[MACHINE_PATH_BYTES], said[MACHINE_PATH_BYTES + 8];
    int status = 1;
    pid_t child;

    if (geteuid() != 0)
        SKIP_TEST("needs root: chroot");
    snprintf(root, sizeof root, "%s", test_directory());
    snprintf(said, sizeof said, "%s.said", root);
    child = fork();
    if (child == 0) {
        int out = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0644);

        if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
            _exit(77);
        if (!make_chroot(root) || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) != 0 ||
            chroot(root) != 0 || chdir("/") != 0 || dup2(out, 1) != 1)
            _exit(99);
        execl("/proc/self/exe", "local_walls", "the_walls_seen", (char *)NULL);
        _exit(98);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        SKIP_TEST("no namespaces here");
    {
        struct dr_buffer text;

        dr_buffer_init(&text, 65536);
        CHECK_EQ(dr_buffer_read_file(&text, said), DR_OK);
        unlink(said);
        CHECK_HAS(dr_buffer_text(&text), "ok 1 - the_walls");
        CHECK_EQ(status, 0);
        dr_buffer_deinit(&text);
    }
}

/* Scripts and checkpoints lie below the data directory: closed itself, it does no harm; closed
 * above, no script can run, and the engine says why beforehand. */
TEST(a_data_directory_that_users_cannot_pass)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    if (geteuid() != 0 ||
        strstr(w->engine->operations->describe(w->engine), "no namespaces") != NULL) {
        machine_free(w);
        SKIP_TEST("needs root: jobs run as another user then");
    }
    machine_shut(w);
    CHECK_EQ(chmod(w->data, 0700), 0);
    machine_open(w);
    CHECK(strstr(w->engine->operations->describe(w->engine), "may not pass") == NULL);
    machine_shell(w, &s, 1, "touch $DAERO_CHECKPOINT_DIR/x\n");
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->outcome, DR_OUTCOME_EXITED);
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 0);
    machine_shut(w);
    CHECK_EQ(chmod(w->base, 0700), 0);
    machine_open(w);
    CHECK_HAS(w->engine->operations->describe(w->engine), "users may not pass");
    machine_free(w);
}

TEST(without_the_machines_network)
{
    struct machine *w = machine_new();
    struct machine_spec s;

    machine_shut(w);
    w->options.network_none = 1;
    machine_open(w);
    if (strstr(w->engine->operations->describe(w->engine), "uts net") == NULL) {
        machine_free(w);
        SKIP_TEST("no network namespaces here");
    }
    machine_shell(w, &s, 1,
                  "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '\n"
                  "python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 0)); "
                  "socket.create_connection(s.getsockname()); print(\"up\")'\n");
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 1, 1)->exit_code, 0);
    CHECK_TEXT(machine_work_file(w, "out"), "lo\nup\n");
    machine_free(w);
}

TEST(a_sandbox_that_is_required)
{
    struct machine *w = machine_new();
    struct dr_error error = {0};
    const char *text = w->engine->operations->describe(w->engine);
    int whole = strstr(text, "no namespaces") == NULL && strstr(text, "no seccomp") == NULL &&
                strstr(text, "no cgroup") == NULL;

    machine_shut(w);
    w->options.sandbox_required = 1;
    if (whole) {
        machine_open(w);
    } else {
        CHECK_EQ(dr_local_open(&w->engine, &w->options, &error), DR_E_UNSUPPORTED);
        CHECK_HAS(error.expected, "the full sandbox is required, and this machine has: no");
    }
    machine_free(w);
}

TEST(a_shared_tmp_where_it_is_wanted)
{
    struct machine *w = machine_new();
    char path[] = "/tmp/daero-test-shared-XXXXXX";
    int fd = mkstemp(path);
    struct machine_spec s;

    CHECK(fd >= 0);
    close(fd);
    machine_shell(w, &s, 1, "test -e %s && exit 5; exit 4\n", path);
    machine_launch(w, &s);
    machine_end(w, 1, 1);
    machine_shut(w);
    w->options.shared_tmp = 1;
    machine_open(w);
    machine_shell(w, &s, 2, "test -e %s && exit 5; exit 4\n", path);
    machine_launch(w, &s);
    CHECK_EQ(machine_end(w, 2, 1)->exit_code, 5);
    unlink(path);
    if (strstr(w->engine->operations->describe(w->engine), "no namespaces") == NULL)
        CHECK_EQ(machine_end(w, 1, 1)->exit_code, 4);
    machine_free(w);
}
