/* SPDX-License-Identifier: Apache-2.0 */
/* What is written of a living federation reads back as the same, and any file can follow any other.
 */
#include "test.h"

#include <stdlib.h>

#include "base/hash.h"
#include "fed_world.h"

/* The living federation, written and read back, asks for nothing. Returns the text, in `yaml`. */
static void check_round_trip(struct dr_core *core, struct dr_buffer *yaml)
{
    dr_buffer_clear(yaml);
    dr_federation_write(core, yaml);
    CHECK(!yaml->full);
    fed_check_nothing(core, dr_buffer_text(yaml));
}

TEST(the_world_comes_back)
{
    struct dr_core *core = fed_core();
    struct dr_core *other = fed_core();
    struct dr_buffer first;
    struct dr_buffer second;

    dr_buffer_init(&first, 1 << 20);
    dr_buffer_init(&second, 1 << 20);
    fed_apply(core, FED_WORLD, NULL);
    check_round_trip(core, &first);
    /* Into an empty core it gives the same federation: the same is written of that. */
    fed_apply(other, dr_buffer_text(&first), NULL);
    dr_federation_write(other, &second);
    CHECK_TEXT(dr_buffer_text(&first), dr_buffer_text(&second));
    dr_buffer_deinit(&first);
    dr_buffer_deinit(&second);
    dr_core_close(core);
    dr_core_close(other);
}

/* What follows by itself is not written, so that an edit of one number is enough. */
TEST(proportions_and_sums_are_left_out)
{
    struct dr_core *core = fed_core();
    struct dr_buffer yaml;
    const char *text;

    dr_buffer_init(&yaml, 1 << 20);
    fed_apply(core, FED_WORLD, NULL);
    dr_federation_write(core, &yaml);
    text = dr_buffer_text(&yaml);
    CHECK_HAS(text, "          h200: {guarantee: 16, borrow: 8, lend: 4}\n");
    CHECK_HAS(text, "      h200: 32\n");
    CHECK_HAS(text, "      plain-cpus: 100\n");
    CHECK_HAS(text, "          rngd-of-shipyard: 12\n");
    CHECK(strstr(text, "h200-cpus") == NULL);
    CHECK(strstr(text, "h200-memory") == NULL);
    CHECK(strstr(text, "h200: 24\n    accounts") == NULL);
    CHECK_HAS(text, "    tariff: {0-8: 90, 8-24: 150.25}\n");
    CHECK(strstr(text, "group:") == NULL);
    dr_buffer_deinit(&yaml);
    dr_core_close(core);
}

/* Groups of one's own, quotes, and everything else that is rarely used. */
TEST(rare_things_come_back)
{
    static const char RARE[] =
        "federation: {name: rare, currency: 'it''s \"\\money', default_limit: 90.5s, "
        "preempt_below: yes,\n"
        "  job_user: 4000, job_gid: 4001, default_grace: 0, span_price: 0.000001, requeue_limit: "
        "0, default_jobs_max: 12, fair_preemption: off, fair_minimum_run: 90s, "
        "order: sjf, placement: pack, backfill: no, preemption: no}\n"
        "chips:\n"
        "  x: {vendor: \"\xec\x84\xb1\xec\x9a\xb8: a # b\", country: kr, memory: 1500M, stacks: "
        "[cuda-12.4, 'a, b']}\n"
        "data_classes: {a: , b: {jurisdictions: [kr, fr], assurance: 3, share: none}}\n"
        "sites:\n"
        "  s:\n"
        "    {operator: 'null', region: 'null', jurisdiction: fr, assurance: 3, power_cap: 1.5MW, "
        "pue: 1.001,\n"
        "     tariff: [1,2,2,2,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,0.5], "
        "utc_offset: '-03:30',\n"
        "     data_classes: b, engine: simulated, isolated_network: yes, pools: {\n"
        "     p: {chip: x, nodes: 0, accelerators: 64, cpus: 0.5, memory: 3M, node_power: 5, "
        "node_names: "
        "n007,\n"
        "         group: {accelerators: fast, cpus: shared, memory: fast-m}, default_limit: 7d,\n"
        "         default_memory_per_cpu: 1M, default_memory_per_accelerator: 2M},\n"
        "     q: {chip: x, nodes: 3, accelerators: 1, cpus: 8, memory: 3M, group: {accelerators: "
        "slow, cpus: "
        "shared, memory: slow-m}},\n"
        "     r: {nodes: 1, cpus: 8, memory: 3M, group: mine, owner: o}}}\n"
        "  empty:\n"
        "datasets: {d: {size: 1, sites: s}, e: {size: 1.5P, sites: [s], data_class: b}}\n"
        "accounts:\n"
        "  o: {preempt_below: yes, jobs_max: 9, guarantees: {slow: {borrow: 1}, mine-cpus: 1}, "
        "accounts: {p1: , "
        "p2: "
        "{guarantees: {slow: 2, shared: {guarantee: 1, lend: 0}}}}}\n"
        "users:\n"
        "  a: {uid: 7, gid: 8, roles: [admin, auditor, operator]}\n"
        "  b: {accounts: {o: [user, account-admin]}, default_account: ~}\n"
        "  c: {uid: 0, gid: 0, roles: user, accounts: {p1: user, p2: [auditor]}, default_account: "
        "p2}\n";
    struct dr_core *core = fed_core();
    struct dr_buffer yaml;

    dr_buffer_init(&yaml, 1 << 20);
    fed_apply(core, RARE, NULL);
    fed_check_nothing(core, RARE);
    check_round_trip(core, &yaml);
    CHECK_HAS(dr_buffer_text(&yaml), "group: {accelerators: fast, cpus: shared, memory: fast-m}");
    CHECK_HAS(dr_buffer_text(&yaml), "group: mine");
    CHECK_HAS(dr_buffer_text(&yaml), "default_account: ~");
    dr_buffer_deinit(&yaml);
    dr_core_close(core);
}

/* A Slurm site, with all that can be said of it; and what a change of it says. */
TEST(a_slurm_site_comes_back)
{
    static const char SLURM[] =
        "federation: {name: s, default_limit: 1h, job_user: 4000}\n"
        "chips: {h200: {memory: 141G}}\n"
        "sites:\n"
        "  seoul:\n"
        "    engine: slurm\n"
        "    slurm: {url: 'http://127.0.0.1:17001', key: /etc/daero/seoul.key, conf: "
        "/etc/slurm/slurm.conf,\n"
        "            placement: count, log_command: [ssh, 'log in', 'cat', '+%o%%', '\\%p']}\n"
        "    pools:\n"
        "      h200: {chip: h200, nodes: 4, accelerators: 8, cpus: 64, memory: 64G, node_names: "
        "seoul1,\n"
        "             partition: batch, gres: 'gpu:h200'}\n"
        "  suwon:\n"
        "    engine: slurm\n"
        "    slurm: {url: 'unix:/run/s.sock', key: /k, user: slurm}\n"
        "users: {root: {uid: 7, roles: admin}}\n";
    struct dr_core *core = fed_core();
    struct dr_buffer yaml;
    struct dr_buffer said;

    dr_buffer_init(&yaml, 1 << 20);
    dr_buffer_init(&said, 1 << 20);
    fed_apply(core, SLURM, &said);
    CHECK_HAS(dr_buffer_text(&said), "site seoul: new, engine slurm");
    fed_check_nothing(core, SLURM);
    CHECK_TEXT(core->site_slurm[0].url, "http://127.0.0.1:17001");
    CHECK_TEXT(core->site_slurm[0].user, "root");
    CHECK_EQ(core->site_slurm[0].count_placement, 1);
    CHECK_EQ(core->site_slurm[1].count_placement, 0);
    CHECK_TEXT(core->pools[0].gres, "gpu:h200");
    check_round_trip(core, &yaml);
    CHECK_HAS(dr_buffer_text(&yaml),
              "      log_command: [\"ssh\", \"log in\", \"cat\", \"+%o%%\", \"\\\\%p\"]\n");
    CHECK_HAS(dr_buffer_text(&yaml), "        partition: \"batch\"\n");

    dr_buffer_clear(&said);
    fed_apply(core, fed_edited(SLURM, "127.0.0.1:17001", "127.0.0.1:17101"), &said);
    CHECK_TEXT(dr_buffer_text(&said), "site seoul: slurm.url: http://127.0.0.1:17001 -> "
                                      "http://127.0.0.1:17101\n");
    dr_buffer_clear(&said);
    fed_apply(core,
              fed_edited(SLURM,
                         "    engine: slurm\n"
                         "    slurm: {url: 'unix:/run/s.sock', key: /k, user: slurm}\n",
                         "    engine: simulated\n"),
              &said);
    CHECK_HAS(dr_buffer_text(&said), "engine: slurm -> simulated");
    CHECK_HAS(dr_buffer_text(&said), "slurm.key: /k -> none");
    CHECK_TEXT(core->site_slurm[1].key, "");
    dr_buffer_deinit(&yaml);
    dr_buffer_deinit(&said);
    dr_core_close(core);
}

/* ---- random files after one another ---- */

static uint64_t random_state;

static uint32_t below(uint32_t count)
{
    random_state = dr_hash_u64(random_state + 0x9e3779b97f4a7c15ull);
    return (uint32_t)(random_state % count);
}

/* A random file over a fixed set of names. What can never change follows from the name; all else is
 * drawn, so that any two of these files are an edit of one another. It may ask for too much and be
 * refused. */
static void draw_file(struct dr_buffer *yaml)
{
    enum { ACCOUNTS = 8, SITES = 3, POOLS = 3, CHIPS = 3 };
    int chips[CHIPS];
    int sites[SITES];
    int accounts[ACCOUNTS];
    int uids = (int)below(4);

    dr_buffer_clear(yaml);
    dr_buffer_printf(yaml,
                     "federation: {name: f%u, default_limit: %uh, minimum_run: %us}\nchips:\n",
                     below(2), 1 + below(3), below(3));
    for (int i = 0; i < CHIPS; i += 1) {
        chips[i] = below(4) > 0;
        if (chips[i])
            dr_buffer_printf(yaml, "  c%d: {memory: %uG, price: %u.5}\n", i, 1 + below(3),
                             below(9));
    }
    dr_buffer_printf(yaml, "data_classes: {open: , shut: {share: %s}}\n",
                     below(2) ? "node" : "none");
    for (int i = 0; i < ACCOUNTS; i += 1)
        accounts[i] = below(5) > 0 && (i < 2 || accounts[(i - 2) / 2]);
    dr_buffer_append_text(yaml, "sites:\n");
    for (int s = 0; s < SITES; s += 1) {
        sites[s] = s == 0 || below(4) > 0;
        if (!sites[s])
            continue;
        dr_buffer_printf(yaml,
                         "  s%d:\n    engine: simulated\n    pue: 1.%u\n    data_classes: [%s]\n"
                         "    pools:\n",
                         s, below(9), below(2) ? "open, shut" : "shut");
        for (int p = 0; p < POOLS; p += 1) {
            int chip = (s + p) % (CHIPS + 1);
            int owner = p == 1 ? s : -1;

            if (below(5) == 0 || (chip < CHIPS && !chips[chip]) || (owner >= 0 && !accounts[owner]))
                continue;
            dr_buffer_printf(yaml, "      p%d: {nodes: %u, cpus: %u, memory: %uG", p, below(7),
                             1 + below(16), 1 + below(64));
            if (chip < CHIPS)
                dr_buffer_printf(yaml, ", chip: c%d, accelerators: %d", chip, 1 + (s * 3 + p) % 5);
            if (owner >= 0)
                dr_buffer_printf(yaml, ", owner: a%d", owner);
            if (accounts[0] && below(3) == 0)
                dr_buffer_append_text(yaml, ", consent: [a0]");
            dr_buffer_append_text(yaml, "}\n");
        }
    }
    dr_buffer_printf(yaml, "datasets: {d%u: {size: %uG, sites: [s0], data_class: shut}}\n",
                     below(2), below(9));
    dr_buffer_append_text(yaml, "accounts:\n");
    /* Depth first: 0 (2 3), 1 (4 5), and 2 has 6 7. */
    static const int order[ACCOUNTS] = {0, 2, 6, 7, 3, 1, 4, 5};
    static const int depth[ACCOUNTS] = {0, 1, 2, 2, 1, 0, 1, 1};
    for (int i = 0; i < ACCOUNTS; i += 1) {
        int a = order[i];
        int indent = 2 + 4 * depth[i];
        int has_children = a < 3 && (accounts[2 * a + 2] || accounts[2 * a + 3]);

        if (!accounts[a])
            continue;
        dr_buffer_printf(yaml, "%*sa%d:\n%*sweight: %u\n", indent, "", a, indent + 2, "",
                         1 + below(3));
        if (!has_children && chips[0] && below(2) &&
            strstr(dr_buffer_text(yaml), "chip: c0") != NULL)
            dr_buffer_printf(yaml, "%*sguarantees: {c0: {guarantee: %u, borrow: %u}}\n", indent + 2,
                             "", below(4), below(5));
        if (has_children)
            dr_buffer_printf(yaml, "%*saccounts:\n", indent + 2, "");
    }
    dr_buffer_append_text(yaml, "users:\n  root: {uid: 1, gid: 1, roles: [admin]}\n");
    for (int u = 0; u < 4; u += 1) {
        if (below(4) == 0)
            continue;
        dr_buffer_printf(yaml, "  u%d: {uid: %d, gid: 5", u, 10 + (u + uids) % 4);
        if (accounts[1])
            dr_buffer_printf(yaml, ", accounts: {a1: %s}", below(2) ? "user" : "account-admin");
        dr_buffer_append_text(yaml, "}\n");
    }
}

TEST(any_file_follows_any_other)
{
    uint32_t applied = 0;
    uint32_t drawn = 0;
    struct dr_buffer yaml;
    struct dr_buffer written;

    dr_buffer_init(&yaml, 1 << 20);
    dr_buffer_init(&written, 1 << 20);
    for (uint64_t seed = 1; seed <= 40; seed += 1) {
        struct dr_core *core = fed_core();

        random_state = seed;
        for (uint32_t step = 0; step < 8; step += 1) {
            struct dr_federation *federation;
            struct dr_error_list errors = {0};

            draw_file(&yaml);
            drawn += 1;
            if (dr_federation_parse(&federation, "drawn.yaml", dr_buffer_text(&yaml), yaml.length,
                                    &errors, NULL) != DR_OK) {
                /* The one thing that a drawn file may do wrong. */
                for (uint32_t i = 0; i < errors.count; i += 1) {
                    if (strstr(errors.errors[i].expected, "declared capacity") == NULL &&
                        strstr(errors.errors[i].expected, "quota group of this file") == NULL) {
                        char line[1200];

                        fail_msg("seed %" PRIu64 ": %s\n%s", seed,
                                 dr_error_line(&errors.errors[i], line, sizeof line),
                                 dr_buffer_text(&yaml));
                    }
                }
                dr_error_list_deinit(&errors);
                continue;
            }
            dr_federation_close(federation);
            fed_apply(core, dr_buffer_text(&yaml), NULL);
            fed_check_nothing(core, dr_buffer_text(&yaml));
            check_round_trip(core, &written);
            applied += 1;
        }
        dr_core_close(core);
    }
    /* Otherwise the generator draws nothing of use. */
    CHECK(applied > drawn / 2);
    dr_buffer_deinit(&yaml);
    dr_buffer_deinit(&written);
}

/* ---- a machine's own ---- */

TEST(the_default_of_a_machine)
{
    struct dr_machine machine = {.cpus = 8, .memory_mb = 31744, .user = "Some.Body", .uid = 1000};
    struct dr_core *core = fed_core();
    struct dr_buffer yaml;
    struct dr_buffer file;

    dr_buffer_init(&yaml, 1 << 16);
    dr_federation_default(&yaml, &machine);
    fed_apply(core, dr_buffer_text(&yaml), NULL);
    check_round_trip(core, &yaml);
    CHECK(dr_user_named(core, "some-body").v != 0);
    CHECK_EQ(core->pools[0].accelerators, 0);
    CHECK_EQ(core->pools[0].cpus, 8000);
    CHECK_EQ(core->users[0].uid, 1000);
    CHECK_EQ(core->users[0].default_account.v, dr_account_named(core, "main").v);
    dr_core_close(core);

    /* The scenario of the same name is what such a machine gets. */
    dr_buffer_clear(&yaml);
    snprintf(machine.user, DR_NAME_BYTES, "operator");
    dr_federation_default(&yaml, &machine);
    dr_buffer_init(&file, 1 << 16);
    CHECK_EQ(dr_buffer_read_file(&file, "scenarios/one-machine/federation.yaml"), DR_OK);
    CHECK_TEXT(dr_buffer_text(&yaml), dr_buffer_text(&file));
    dr_buffer_deinit(&file);

    machine.accelerators_count = 1;
    machine.accelerators[0].count = 4;
    machine.accelerators[0].memory_mb = 143771;
    machine.accelerators[0].busy_w = 700;
    snprintf(machine.accelerators[0].chip, DR_NAME_BYTES, "NVIDIA H200");
    snprintf(machine.accelerators[0].vendor, DR_NAME_BYTES, "NVIDIA");
    snprintf(machine.user, DR_NAME_BYTES, "___");
    core = fed_core();
    dr_buffer_clear(&yaml);
    dr_federation_default(&yaml, &machine);
    fed_apply(core, dr_buffer_text(&yaml), NULL);
    check_round_trip(core, &yaml);
    CHECK_TEXT(core->chips[0].name, "h200");
    CHECK_EQ(core->chips[0].is_virtual, 0);
    CHECK_EQ(core->chips[0].memory_mb, 143771);
    CHECK_EQ(core->pools[0].accelerators, 4);
    CHECK(dr_user_named(core, "admin").v != 0);
    dr_core_close(core);
    dr_buffer_deinit(&yaml);
}
