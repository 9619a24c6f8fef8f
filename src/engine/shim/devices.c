/* SPDX-License-Identifier: Apache-2.0 */
/* The wall around device nodes: which of them an attempt may open.
 *
 * The visible-devices variable is a word; this is the kernel's own check at open(2). Version 1 of
 * cgroups has a controller for it, version 2 a program that the kernel asks (Documentation/
 * admin-guide/cgroup-v1/devices.rst and cgroup-v2.rst, "Device controller").
 *
 * Version 1: membership is inherited by fork, so the launcher sits in a cgroup that has the pseudo
 * devices alone, and an attempt without real accelerators costs nothing. One that has some gets a
 * cgroup of its own, new each time, so that no list is ever used again. Version 2: tasks enter
 * their attempt's cgroup anyway, and the program is tied to that one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/shim/shim.h"

#define MINOR_ANY UINT32_MAX
#define PLAIN_MAX 64

/* What every program may expect of a machine. */
static const struct device_rule pseudo[] = {
    {'c', 1, 3},           /* null */
    {'c', 1, 5},           /* zero */
    {'c', 1, 7},           /* full */
    {'c', 1, 8},           /* random */
    {'c', 1, 9},           /* urandom */
    {'c', 5, 0},           /* tty */
    {'c', 5, 2},           /* ptmx */
    {'c', 136, MINOR_ANY}, /* pts */
};

/* Besides an accelerator's own node, what its driver's library opens; one that is not there is left
 * out. */
#define CONTROL_NODES(X)                 \
    X("nvidia", "/dev/nvidiactl")        \
    X("nvidia", "/dev/nvidia-uvm")       \
    X("nvidia", "/dev/nvidia-uvm-tools") \
    X("nvidia", "/dev/nvidia-modeset")

static const struct {
    const char *vendor, *path;
} control_nodes[] = {
#define CONTROL_NODE(vendor, path) {vendor, path},
    CONTROL_NODES(CONTROL_NODE)
#undef CONTROL_NODE
};

/* ---- the list ---- */

static void add_rule(struct device_rules *rules, const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0 || (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) ||
        rules->count == DR_COUNT_OF(rules->rules))
        return;
    rules->rules[rules->count++] = (struct device_rule){S_ISCHR(info.st_mode) ? 'c' : 'b',
                                                        major(info.st_rdev), minor(info.st_rdev)};
}

void device_rules_of(struct device_rules *rules, const struct dr_launch *launch)
{
    int real = launch->chip[0] != 0 && !launch->chip_virtual;
    int any = 0;

    *rules = (struct device_rules){.count = DR_COUNT_OF(pseudo)};
    memcpy(rules->rules, pseudo, sizeof pseudo);
    for (uint32_t i = 0; real && i < launch->nodes_count; i += 1) {
        const struct dr_launch_node *node = &launch->nodes[i];
        uint32_t position = 0;

        if (node->accelerators == 0)
            continue;
        any = 1;
        if (node->device_nodes == NULL) {
            rules->open = 1;
            continue;
        }
        for (uint64_t left = node->accelerators; left != 0; left &= left - 1)
            add_rule(rules, node->device_nodes[position++]);
    }
    for (size_t i = 0; any && i < DR_COUNT_OF(control_nodes); i += 1)
        if (strcmp(control_nodes[i].vendor, launch->chip_vendor) == 0)
            add_rule(rules, control_nodes[i].path);
}

static int is_plain(const struct device_rules *rules)
{
    return !rules->open && rules->count == DR_COUNT_OF(pseudo);
}

int device_rules_allow(const struct device_rules *rules, const struct stat *info)
{
    uint32_t type = S_ISCHR(info->st_mode) ? 'c' : S_ISBLK(info->st_mode) ? 'b' : 0;

    if (type == 0 || rules->open)
        return 1;
    for (uint32_t i = 0; i < rules->count; i += 1)
        if (rules->rules[i].type == type && rules->rules[i].major == major(info->st_rdev) &&
            (rules->rules[i].minor == MINOR_ANY || rules->rules[i].minor == minor(info->st_rdev)))
            return 1;
    return 0;
}

/* ---- version 1 ---- */

static int write_line(int directory, const char *file, const char *text)
{
    int fd = openat(directory, file, O_WRONLY | O_CLOEXEC);
    int ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    int failure = errno;

    if (fd >= 0)
        close(fd);
    errno = failure;
    return ok;
}

/* Into a new cgroup: everything is denied, then the rules are allowed. What the cgroups above do
 * not allow themselves (in a container) is refused by the kernel, and stays denied. */
static int write_rules(int directory, const struct device_rules *rules)
{
    int fd;

    if (rules->open)
        return 1;
    if (!write_line(directory, "devices.deny", "a"))
        return 0;
    fd = openat(directory, "devices.allow", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    for (uint32_t i = 0; i < rules->count; i += 1) {
        const struct device_rule *rule = &rules->rules[i];
        char text[48], minor_text[16] = "*";

        if (rule->minor != MINOR_ANY)
            snprintf(minor_text, sizeof minor_text, "%u", rule->minor);
        snprintf(text, sizeof text, "%c %u:%s rw", (char)rule->type, rule->major, minor_text);
        if (write(fd, text, strlen(text)) < 0 && errno != EPERM) {
            close(fd);
            return 0;
        }
    }
    close(fd);
    return 1;
}

/* A new directory for the launcher: one that is there may hold shims of a launcher before it. */
static int make_plain(struct device_wall *wall)
{
    for (int number = 1; number <= PLAIN_MAX; number += 1) {
        snprintf(wall->plain, sizeof wall->plain, "plain-%d", number);
        unlinkat(wall->parent, wall->plain, AT_REMOVEDIR);
        if (mkdirat(wall->parent, wall->plain, 0755) == 0)
            return openat(wall->parent, wall->plain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (errno != EEXIST)
            break;
    }
    wall->plain[0] = 0;
    return -1;
}

void device_wall_open_1(struct device_wall *wall, int parent, int home)
{
    static const struct dr_launch nothing = {.chip = ""};
    struct device_rules rules;
    int directory;

    wall->parent = parent;
    wall->home = home;
    directory = parent < 0 || home < 0 ? -1 : make_plain(wall);
    device_rules_of(&rules, &nothing);
    if (directory >= 0 && write_rules(directory, &rules) && write_line(directory, "tasks", "0"))
        wall->version = 1;
    else if (wall->plain[0] != 0)
        unlinkat(parent, wall->plain, AT_REMOVEDIR);
    if (directory >= 0)
        close(directory);
}

void device_wall_leave(const struct device_wall *wall)
{
    if (wall->version == 1 && write(wall->home, "0", 1) != 1)
        return; /* it ends soon, and its directory is removed by a later launcher */
}

void device_wall_close(struct device_wall *wall)
{
    if (wall->version != 1)
        return;
    device_wall_leave(wall);
    /* A shim that has told its end, or a child that deletes, is about to leave */
    for (int i = 0;
         i < 20 && unlinkat(wall->parent, wall->plain, AT_REMOVEDIR) != 0 && errno == EBUSY; i += 1)
        usleep(1000);
    /* those of launchers before us, whose last shim has gone meanwhile */
    for (int number = 1; number <= PLAIN_MAX; number += 1) {
        snprintf(wall->plain, sizeof wall->plain, "plain-%d", number);
        unlinkat(wall->parent, wall->plain, AT_REMOVEDIR);
    }
}

/* ---- version 2 ---- */

static int bpf(enum bpf_cmd command, union bpf_attr *attributes)
{
    return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

enum { REGISTER_TYPE = BPF_REG_2, REGISTER_MAJOR = BPF_REG_3, REGISTER_MINOR = BPF_REG_4 };

static struct bpf_insn load_word(uint32_t to, int16_t offset)
{
    return (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
                             .dst_reg = to & 15u,
                             .src_reg = BPF_REG_1,
                             .off = offset};
}

/* To the instruction `skip` after the next one, unless the register has the value. */
static struct bpf_insn skip_unless(uint32_t reg, uint32_t value, int16_t skip)
{
    return (struct bpf_insn){.code = BPF_JMP32 | BPF_JNE | BPF_K,
                             .dst_reg = reg & 15u,
                             .off = skip,
                             .imm = (int32_t)value};
}

static uint32_t answer(struct bpf_insn *program, int32_t value)
{
    program[0] =
        (struct bpf_insn){.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = value};
    program[1] = (struct bpf_insn){.code = BPF_JMP | BPF_EXIT};
    return 2;
}

/* if (type and major and minor are a rule's) return 1; ... return 0; whatever is done with the
 * node: making one is forbidden to jobs by other means. */
static uint32_t write_program(struct bpf_insn *program, const struct device_rules *rules)
{
    uint32_t count = 0;

    /* the lower half says what it is, the upper what is done with it */
    program[count++] = load_word(REGISTER_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    program[count++] = (struct bpf_insn){
        .code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = REGISTER_TYPE, .imm = 0xffff};
    program[count++] = load_word(REGISTER_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
    program[count++] = load_word(REGISTER_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
    for (uint32_t i = 0; i < rules->count; i += 1) {
        const struct device_rule *rule = &rules->rules[i];
        int16_t any = rule->minor == MINOR_ANY;

        program[count++] =
            skip_unless(REGISTER_TYPE, rule->type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK,
                        (int16_t)(4 - any));
        program[count++] = skip_unless(REGISTER_MAJOR, rule->major, (int16_t)(3 - any));
        if (!any)
            program[count++] = skip_unless(REGISTER_MINOR, rule->minor, 2);
        count += answer(program + count, 1);
    }
    return count + answer(program + count, 0);
}

static int load_program(const struct device_rules *rules)
{
    struct bpf_insn program[4 + 5 * DEVICE_RULES_MAX + 2];
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attributes.insn_cnt = write_program(program, rules);
    attributes.insns = (uint64_t)(uintptr_t)program;
    attributes.license = (uint64_t)(uintptr_t) "Apache-2.0";
    return bpf(BPF_PROG_LOAD, &attributes);
}

/* The kernel keeps the program for as long as the cgroup is there. */
static int attach_program(int directory, int program)
{
    union bpf_attr attributes;

    memset(&attributes, 0, sizeof attributes);
    attributes.target_fd = (uint32_t)directory;
    attributes.attach_bpf_fd = (uint32_t)program;
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    return bpf(BPF_PROG_ATTACH, &attributes) == 0;
}

void device_wall_open_2(struct device_wall *wall, int parent)
{
    static const struct dr_launch nothing = {.chip = ""};
    struct device_rules rules;
    int trial = -1;

    device_rules_of(&rules, &nothing);
    wall->program = load_program(&rules);
    if (wall->program < 0)
        return;
    if (mkdirat(parent, "trial", 0755) == 0 || errno == EEXIST)
        trial = openat(parent, "trial", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (trial >= 0 && attach_program(trial, wall->program))
        wall->version = 2;
    if (trial >= 0)
        close(trial);
    unlinkat(parent, "trial", AT_REMOVEDIR);
}

/* ---- an attempt's ---- */

static enum dr_status own_directory(struct cgroup *cgroup, const char *name,
                                    const struct device_rules *rules)
{
    const struct device_wall *wall = &cgroup->tree->devices;
    int directory;

    if (mkdirat(wall->parent, name, 0755) != 0 && errno != EEXIST)
        return DR_E_IO;
    snprintf(cgroup->devices, sizeof cgroup->devices, "%s", name);
    directory = openat(wall->parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0 && write_rules(directory, rules))
        cgroup->devices_tasks = openat(directory, "tasks", O_WRONLY | O_CLOEXEC);
    if (directory >= 0)
        close(directory);
    return cgroup->devices_tasks >= 0 ? DR_OK : DR_E_IO;
}

enum dr_status device_wall_enter(struct cgroup *cgroup, const char *name,
                                 const struct device_rules *rules)
{
    const struct device_wall *wall = &cgroup->tree->devices;
    int program, ok;

    if (wall->version == 1 && !is_plain(rules))
        return own_directory(cgroup, name, rules);
    if (wall->version != 2 || rules->open)
        return DR_OK;
    program = is_plain(rules) ? wall->program : load_program(rules);
    ok = program >= 0 && attach_program(cgroup->directory[0], program);
    if (program >= 0 && program != wall->program)
        close(program);
    return ok ? DR_OK : DR_E_IO;
}
