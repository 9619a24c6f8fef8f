/* SPDX-License-Identifier: Apache-2.0 */
/* A file becomes facts: admitted into a core, asked again, edited, asked again. */
#include "test.h"

#include "fed_world.h"

#define NOW_US 1000000 /* fed_apply() admits then */

/* What changes when the world is edited so, and that it is then done. */
static void check_edit(const char *from, const char *to, const char *expected)
{
    struct dr_core *core = fed_core();
    struct dr_buffer text;

    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, FED_WORLD, NULL);
    fed_apply(core, fed_edited(FED_WORLD, from, to), &text);
    CHECK_TEXT(dr_buffer_text(&text), expected);
    fed_check_nothing(core, fed_edited(FED_WORLD, from, to));
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* A decision, and what it leads to. */
static void decide(struct dr_core *core)
{
    static uint8_t bytes[1 << 20];
    static struct dr_effect effects[256];
    struct dr_batch batch = {.bytes = bytes,
                             .bytes_max = sizeof bytes,
                             .effects = effects,
                             .effects_max = DR_COUNT_OF(effects)};

    CHECK_EQ(dr_decide(core, NOW_US, &batch), 0);
}

static uint64_t command(struct dr_core *core, struct dr_command command)
{
    static uint8_t bytes[1 << 20];
    static struct dr_effect effects[256];
    struct dr_batch batch = {.bytes = bytes,
                             .bytes_max = sizeof bytes,
                             .effects = effects,
                             .effects_max = DR_COUNT_OF(effects)};
    struct dr_answer answer = {0};

    command.roles = 0xff;
    if (!dr_admit(core, &command, NOW_US, &batch, &answer))
        fail_msg("%s: %s", answer.field, answer.text);
    return answer.job.v;
}

static uint64_t run_job(struct dr_core *core, const char *user, const char *chip)
{
    struct dr_alternative way = {.chips = UINT64_C(1) << (dr_chip_named(core, chip).v - 1),
                                 .tasks = 1,
                                 .accelerators_per_task = 1000,
                                 .cpus_per_task = 1000,
                                 .factor = 1000};
    struct dr_command submit = {.kind = DR_COMMAND_SUBMIT, .user = dr_user_named(core, user)};
    uint64_t job;

    submit.body.submit = (struct dr_fact_job_accepted){
        .alternatives = &way, .alternatives_count = 1, .preemptible = 1};
    job = command(core, submit);
    decide(core);
    CHECK_EQ(dr_job_at(core, dr_job_find(core, (dr_job_id){job}))->state, DR_JOB_CONFIGURING);
    return job;
}

static void end_job(struct dr_core *core, uint64_t job)
{
    struct dr_command ended = {.kind = DR_COMMAND_ENDED};

    ended.body.attempt.job.v = job;
    ended.body.attempt.attempt = 1;
    ended.body.attempt.time_us = NOW_US;
    ended.body.attempt.outcome = DR_OUTCOME_EXITED;
    command(core, ended);
    decide(core);
}

static void check_file_of_itself(struct dr_core *core)
{
    struct dr_buffer yaml;

    dr_buffer_init(&yaml, 1 << 20);
    dr_federation_write(core, &yaml);
    fed_check_nothing(core, dr_buffer_text(&yaml));
    dr_buffer_deinit(&yaml);
}

TEST(a_new_federation)
{
    struct dr_core *core = fed_core();
    const struct dr_quota *quota;

    CHECK(fed_apply(core, FED_WORLD, NULL) > 20);
    fed_check_nothing(core, FED_WORLD);

    CHECK_TEXT(core->settings.name, "nation");
    CHECK_EQ(core->settings.job_uid, 4000);
    CHECK_TEXT(core->accounts[0].name, "nation");
    CHECK_EQ(core->accounts[0].parent.v, 0);
    CHECK_EQ(core->nodes_count, 14);
    CHECK_EQ(core->pools_count, 3);
    CHECK_EQ(core->groups_count, 9);
    /* Declared capacity at the root: 8 nodes x 8 accelerators, 96 CPUs, 1 TB. */
    quota = dr_quota_at(core, (dr_account_id){1}, dr_group_named(core, "h200"));
    CHECK_EQ(quota->guarantee, 64000);
    quota = dr_quota_at(core, (dr_account_id){1}, dr_group_named(core, "h200-cpus"));
    CHECK_EQ(quota->guarantee, 8 * 96000);
    quota = dr_quota_at(core, (dr_account_id){1}, dr_group_named(core, "h200-memory"));
    CHECK_EQ(quota->guarantee, 8 * 1048576);
    /* CPUs and memory in proportion: 16 of 64 accelerators are a quarter. */
    dr_account_id university = dr_account_named(core, "university");
    quota = dr_quota_at(core, university, dr_group_named(core, "h200"));
    CHECK_EQ(quota->guarantee, 16000);
    CHECK_EQ(quota->borrow, 8000);
    CHECK_EQ(quota->lend, 4000);
    quota = dr_quota_at(core, university, dr_group_named(core, "h200-cpus"));
    CHECK_EQ(quota->guarantee, 2 * 96000);
    CHECK_EQ(quota->borrow, 96000);
    CHECK_EQ(quota->lend, 48000);
    /* An inner account that states nothing has what those below it have. */
    quota = dr_quota_at(core, dr_account_named(core, "academia"), dr_group_named(core, "h200"));
    CHECK_EQ(quota->guarantee, 24000);
    CHECK_EQ(quota->borrow, DR_FOREVER_US);
    /* What is stated is kept as it is. */
    quota =
        dr_quota_at(core, dr_account_named(core, "industry"), dr_group_named(core, "plain-cpus"));
    CHECK_EQ(quota->guarantee, 100000);
    quota = dr_quota_at(core, dr_account_named(core, "shipyard"),
                        dr_group_named(core, "rngd-of-shipyard-memory"));
    CHECK_EQ(quota->guarantee, 3 * 262144);
    CHECK_EQ(core->users[dr_user_named(core, "builder").v - 1].default_account.v,
             dr_account_named(core, "shipyard").v);
    dr_core_close(core);
}

TEST(guarantees_move_between_accounts)
{
    /* Down before up, although the one that goes up comes first in the file. */
    check_edit("university: {guarantees: {h200: {guarantee: 16, borrow: 8, lend: 4}}}\n"
               "      institute: {weight: 0.5, guarantees: {h200: 8}}",
               "university: {guarantees: {h200: {guarantee: 20, borrow: 8, lend: 4}}}\n"
               "      institute: {weight: 0.5, guarantees: {h200: 4}}",
               "account institute: guarantee h200: 8 -> 4; guarantee h200-cpus: 96 -> 48; "
               "guarantee h200-memory: 1T -> 512G\n"
               "account university: guarantee h200: 16 -> 20; guarantee h200-cpus: 192 -> 240; "
               "guarantee h200-memory: 2T -> 2560G\n");
}

TEST(a_pool_grows)
{
    check_edit("nodes: 8", "nodes: 12",
               "nodes gwangju/h200: nodes: 8 -> 12\n"
               "account nation: guarantee h200: 64 -> 96; guarantee h200-cpus: 768 -> 1152; "
               "guarantee h200-memory: 8T -> 12T\n");
}

TEST(a_pool_shrinks)
{
    check_edit("nodes: 8", "nodes: 7",
               "account nation: guarantee h200: 64 -> 56; guarantee h200-cpus: 768 -> 672; "
               "guarantee h200-memory: 8T -> 7T\n"
               "node gwangju-h200-7: leaves\n");
}

/* Numbers of nodes that left are not used again. */
TEST(a_pool_shrinks_and_grows)
{
    struct dr_core *core = fed_core();
    char name[DR_NAME_BYTES + 12];

    fed_apply(core, FED_WORLD, NULL);
    fed_apply(core, fed_edited(FED_WORLD, "nodes: 8", "nodes: 7"), NULL);
    fed_apply(core, FED_WORLD, NULL);
    fed_check_nothing(core, FED_WORLD);
    CHECK_EQ(core->nodes_count, 15);
    CHECK_TEXT(dr_node_name(core, (dr_node_id){15}, name), "gwangju-h200-8");
    dr_core_close(core);
}

TEST(single_edits)
{
    check_edit("price: 3.5", "price: 4", "chip h200: price: 3.5 -> 4\n");
    check_edit("pue: 1.2", "pue: 1.1", "site gwangju: pue: 1.2 -> 1.1\n");
    check_edit("150.25", "160", "site gwangju: tariff: from hour 8 150.25 -> 160\n");
    check_edit("data_classes: [public, medical]\n    engine", "data_classes: [medical]\n    engine",
               "site gwangju: data_classes: 2 -> 1\n");
    check_edit("share: node", "share: block", "data class medical: share: node -> block\n");
    check_edit("default_limit: 1h", "default_limit: 90m",
               "settings nation: default_limit: 1h -> 1h30m\n");
    check_edit("default_limit: 1h", "default_limit: 1h, default_jobs_max: 5",
               "settings nation: default_jobs_max: 200000 -> 5\n");
    check_edit(
        "default_limit: 1h", "default_limit: 1h, fair_preemption: off, fair_minimum_run: 30m",
        "settings nation: fair_preemption: final-share -> off; fair_minimum_run: 1h -> 30m\n");
    check_edit("default_limit: 1h",
               "default_limit: 1h, order: sjf, placement: pack, backfill: no, preemption: no",
               "settings nation: order: fair -> sjf; placement: daero -> pack; backfill: yes -> "
               "no; preemption: yes -> "
               "no\n");
    check_edit("weight: 0.5", "weight: 0.5, jobs_max: 7", "account institute: jobs_max: 0 -> 7\n");
    check_edit("name: nation", "name: people",
               "settings people: name: nation -> people\naccount people: name: nation -> people\n");
    check_edit("weight: 0.5", "weight: 2", "account institute: weight: 0.5 -> 2\n");
    check_edit("borrow: 8", "borrow: 0",
               "account university: borrow h200: 8 -> 0; borrow h200-cpus: 96 -> 0; borrow "
               "h200-memory: 1T -> 0M\n");
    check_edit("levels: {block: 2, rack: 4}", "levels: {block: 4}",
               "pool gwangju/h200: levels: 2 -> 1\n");
    check_edit("        memory: 1T\n",
               "        memory: 1T\n        default_memory_per_cpu: 4G\n"
               "        default_memory_per_accelerator: 64G\n",
               "pool gwangju/h200: default_memory_per_cpu: its share -> 4G; "
               "default_memory_per_accelerator: its share -> 64G\n");
    check_edit("consent: [shipyard, university]", "consent: [shipyard]",
               "pool busan/rngd: consent: 2 -> 1 accounts\n");
    check_edit("size: 4T", "size: 5T", "dataset scans: size: 4398046511104 -> 5497558138880\n");
    check_edit("[user, account-admin]", "user",
               "user builder: accounts: 2 -> 1 roles in accounts\n");
    check_edit("uid: 901, gid: 901, ", "", "user student: uid: 901 -> none; gid: 901 -> none\n");
    check_edit("  builder: {accounts: {shipyard: [user, account-admin]}}\n", "",
               "user builder: removed\n");
}

TEST(new_parts)
{
    check_edit("chips:\n", "chips:\n  b300: {memory: 288G, virtual: yes}\n",
               "chip b300: new, virtual\n");
    check_edit(
        "accounts:\n  academia:\n    accounts:\n",
        "accounts:\n  academia:\n    accounts:\n      school: {guarantees: {h200: 1}}\n",
        "account academia: guarantee h200: 24 -> 25; guarantee h200-cpus: 288 -> 300; "
        "guarantee h200-memory: 3T -> 3200G\n"
        "account school: new; guarantee h200: 0 -> 1; guarantee h200-cpus: 0 -> 12; guarantee "
        "h200-memory: 0M -> 128G\n");
    check_edit(
        "  busan:\n",
        "  jeju:\n    engine: simulated\n    pools:\n      h200: {chip: h200, nodes: 1, "
        "accelerators: 8, cpus: 96, memory: 1T}\n  busan:\n",
        "site jeju: new, engine simulated\n"
        "pool jeju/h200: new, 8 x h200 a node\n"
        "nodes jeju/h200: nodes: 0 -> 1\n"
        "account nation: guarantee h200: 64 -> 72; guarantee h200-cpus: 768 -> 864; guarantee "
        "h200-memory: 8T -> 9T\n");
}

#define SPRING(amounts, until)                                                                 \
    "allocations:\n  spring: {account: university, amounts: {" amounts "}, from: 2027-03-01, " \
    "until: " until "}\nusers:\n"

static void check_spring(const char *from, const char *to, const char *expected)
{
    static char before[16384];
    struct dr_core *core = fed_core();
    struct dr_buffer text;

    snprintf(before, sizeof before, "%s", fed_edited(FED_WORLD, "users:\n", from));
    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, before, NULL);
    fed_check_nothing(core, before);
    fed_apply(core, fed_edited(FED_WORLD, "users:\n", to), &text);
    CHECK_TEXT(dr_buffer_text(&text), expected);
    fed_check_nothing(core, fed_edited(FED_WORLD, "users:\n", to));
    dr_buffer_clear(&text);
    dr_federation_write(core, &text);
    fed_check_nothing(core, dr_buffer_text(&text));
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* Guarantees with a term: CPUs and memory follow, what is said of them stays. */
TEST(allocations)
{
    check_spring("users:\n", SPRING("h200: 4", "2027-06-01"),
                 "allocation spring: new, for university from 2027-03-01T00:00:00Z until "
                 "2027-06-01T00:00:00Z; amount h200: 0 -> 4; amount h200-cpus: 0 -> 48; amount "
                 "h200-memory: 0M -> 512G\n");
    check_spring(SPRING("h200: 4", "2027-06-01"), SPRING("h200: 4", "2027-06-01T09:00:00+09:00"),
                 "");
    check_spring(SPRING("h200: 4", "2027-06-01"), SPRING("h200: 2, h200-cpus: 40", "2027-05-01"),
                 "allocation spring: until: 2027-06-01T00:00:00Z -> 2027-05-01T00:00:00Z; amount "
                 "h200: 4 -> 2; amount h200-cpus: 48 -> 40; amount h200-memory: 512G -> 256G\n");
    check_spring(SPRING("h200: 4, plain-cpus: 1", "2027-06-01"), SPRING("h200: 6", "2027-06-01"),
                 "allocation spring: amount h200: 4 -> 6; amount h200-cpus: 48 -> 72; amount "
                 "h200-memory: 512G -> 768G; amount plain-cpus: 1 -> 0\n");
    check_spring(SPRING("h200: 4", "2027-06-01"), "users:\n", "allocation spring: removed\n");
}

#define ZONES "zones:\n  capital: {power_cap: 90kW}\n  south: {}\nsites:\n"
#define HEAT(power, until)                                              \
    "caps:\n  heat: {zone: capital, power_cap: " power                  \
    ", from: 2027-08-02T13:00:00+09:00, until: " until                  \
    "}\n  old: {site: busan, power_cap: 3kW, from: 1970-01-01, until: " \
    "1970-01-01T00:00:01Z}\nusers:\n"

/* The world with zones, gwangju in one of them, and caps. */
static const char *capped(char yaml[16384], const char *zone, const char *caps)
{
    char line[80];

    snprintf(line, sizeof line, "  gwangju:\n    zone: %s\n", zone);
    snprintf(yaml, 16384, "%s", fed_edited(FED_WORLD, "sites:\n  gwangju", ZONES "  gwangju"));
    snprintf(yaml, 16384, "%s", fed_edited(yaml, "  gwangju:\n", line));
    snprintf(yaml, 16384, "%s", fed_edited(yaml, "users:\n", caps));
    return yaml;
}

/* Zones come before the sites in them and go after; caps that are over are nobody's business. */
TEST(zones_and_caps)
{
    static char first[16384];
    static char second[16384];
    struct dr_core *core = fed_core();
    struct dr_buffer text;

    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, FED_WORLD, NULL);
    capped(first, "capital", HEAT("70kW", "2027-08-02T18:00:00+09:00"));
    fed_apply(core, first, &text);
    CHECK_TEXT(dr_buffer_text(&text),
               "zone capital: new\n"
               "zone south: new\n"
               "site gwangju: zone: none -> capital\n"
               "cap heat: new, 70000 W at capital from 2027-08-02T04:00:00Z until "
               "2027-08-02T09:00:00Z\n");
    fed_check_nothing(core, first);
    check_file_of_itself(core);
    capped(second, "south", HEAT("60kW", "2027-08-02T17:00:00+09:00"));
    dr_buffer_clear(&text);
    fed_apply(core, second, &text);
    CHECK_TEXT(dr_buffer_text(&text), "site gwangju: zone: capital -> south\n"
                                      "cap heat: power_cap: 70000W -> 60000W; until: "
                                      "2027-08-02T09:00:00Z -> 2027-08-02T08:00:00Z\n");
    fed_check_nothing(core, second);
    dr_buffer_clear(&text);
    fed_apply(core, FED_WORLD, &text);
    CHECK_TEXT(dr_buffer_text(&text), "site gwangju: zone: south -> none\n"
                                      "cap heat: removed\n"
                                      "zone capital: removed\n"
                                      "zone south: removed\n");
    fed_check_nothing(core, FED_WORLD);
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* One becomes less, and what it leaves is guaranteed to another: in this order. One that runs is
 * not taken for a guarantee, nor written as one. */
TEST(an_allocation_makes_room)
{
    static char before[16384];
    static char after[16384];
    struct dr_core *core = fed_core();
    struct dr_buffer text;
    struct dr_command tick = {.kind = DR_COMMAND_TICK};
    dr_account_id university;

    snprintf(before, sizeof before, "%s",
             fed_edited(FED_WORLD, "users:\n",
                        "allocations:\n  spring: {account: university, amounts: {h200: 8}, "
                        "from: 1970-01-01, until: 2027-06-01}\nusers:\n"));
    snprintf(after, sizeof after, "%s",
             fed_edited(before, "amounts: {h200: 8}", "amounts: {h200: 4}"));
    snprintf(after, sizeof after, "%s", fed_edited(after, "h200: 32, plain", "h200: 36, plain"));
    fed_apply(core, before, NULL);
    command(core, tick);
    university = dr_account_named(core, "university");
    CHECK_EQ(dr_quota_at(core, university, dr_group_named(core, "h200"))->guarantee, 24000);
    fed_check_nothing(core, before);
    check_file_of_itself(core);
    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, after, &text);
    CHECK_TEXT(dr_buffer_text(&text),
               "allocation spring: amount h200: 8 -> 4; amount h200-cpus: 96 -> 48; amount "
               "h200-memory: 1T -> 512G\n"
               "account industry: guarantee h200: 32 -> 36; guarantee h200-cpus: 384 -> 432; "
               "guarantee h200-memory: 4T -> 4608G\n");
    CHECK_EQ(dr_quota_at(core, university, dr_group_named(core, "h200"))->guarantee, 20000);
    fed_check_nothing(core, after);
    check_file_of_itself(core);
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* A pool for a new account: the account is there before the pool, its guarantee comes after. */
TEST(a_new_owner)
{
    struct dr_core *core = fed_core();
    struct dr_buffer text;
    static char yaml[16384];

    snprintf(yaml, sizeof yaml, "%s",
             fed_edited(
                 FED_WORLD, "  industry:\n",
                 "  lab: {accounts: {robots: {guarantees: {h200-of-robots: 8}}}}\n  industry:\n"));
    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, FED_WORLD, NULL);
    fed_apply(
        core,
        fed_edited(yaml, "      cpu: {",
                   "      robots: {chip: h200, nodes: 1, accelerators: 8, cpus: 96, memory: 1T,\n"
                   "               owner: robots}\n"
                   "      cpu: {"),
        &text);
    CHECK_TEXT(
        dr_buffer_text(&text),
        "group h200-of-robots: new, of accelerators\n"
        "group h200-of-robots-cpus: new, of CPUs\n"
        "group h200-of-robots-memory: new, of memory\n"
        "account lab: new\n"
        "account robots: new\n"
        "pool busan/robots: new, 8 x h200 a node\n"
        "nodes busan/robots: nodes: 0 -> 1\n"
        "account nation: guarantee h200-of-robots: 0 -> 8; guarantee h200-of-robots-cpus: 0 -> "
        "96; guarantee h200-of-robots-memory: 0M -> 1T\n"
        "account lab: guarantee h200-of-robots: 0 -> 8; guarantee h200-of-robots-cpus: 0 -> 96; "
        "guarantee h200-of-robots-memory: 0M -> 1T\n"
        "account robots: guarantee h200-of-robots: 0 -> 8; guarantee h200-of-robots-cpus: 0 -> "
        "96; guarantee h200-of-robots-memory: 0M -> 1T\n");
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* A whole site with its pools, chip, owner's guarantee and so on: everything goes in one apply,
 * since nothing runs there. */
TEST(parts_go)
{
    static char yaml[16384];
    struct dr_core *core = fed_core();
    struct dr_buffer text;
    const char *from = strstr(FED_WORLD, "  busan:\n");
    const char *to = strstr(FED_WORLD, "datasets:\n");

    snprintf(yaml, sizeof yaml, "%.*s%s", (int)(from - FED_WORLD), FED_WORLD, to);
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, ", rngd-of-shipyard: 12", ""));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, ", plain-cpus: 100", ""));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, "[public, medical]", "[medical]"));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, "  rngd: {memory: 48G}\n", ""));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, "  public:\n", ""));
    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, FED_WORLD, NULL);
    fed_apply(core, yaml, &text);
    CHECK_TEXT(
        dr_buffer_text(&text),
        "site gwangju: data_classes: 2 -> 1\n"
        "account shipyard: guarantee rngd-of-shipyard: 12 -> 0; guarantee rngd-of-shipyard-cpus: "
        "96 -> 0; guarantee rngd-of-shipyard-memory: 768G -> 0M\n"
        "account industry: guarantee rngd-of-shipyard: 12 -> 0; guarantee rngd-of-shipyard-cpus: "
        "96 -> 0; guarantee rngd-of-shipyard-memory: 768G -> 0M; guarantee plain-cpus: 100 -> 0\n"
        "account nation: guarantee rngd-of-shipyard: 16 -> 0; guarantee rngd-of-shipyard-cpus: 128 "
        "-> 0; guarantee rngd-of-shipyard-memory: 1T -> 0M; guarantee plain-cpus: 128 -> 0; "
        "guarantee plain-memory: 1T -> 0M\n"
        "node busan-rngd-3: leaves\n"
        "node busan-rngd-2: leaves\n"
        "node busan-rngd-1: leaves\n"
        "node busan-rngd-0: leaves\n"
        "pool busan/rngd: removed\n"
        "node c02: leaves\n"
        "node c01: leaves\n"
        "pool busan/cpu: removed\n"
        "group rngd-of-shipyard: removed\n"
        "group rngd-of-shipyard-cpus: removed\n"
        "group rngd-of-shipyard-memory: removed\n"
        "group plain: removed\n"
        "group plain-cpus: removed\n"
        "group plain-memory: removed\n"
        "site busan: removed\n"
        "chip rngd: removed\n"
        "data class public: removed\n");
    fed_check_nothing(core, yaml);
    /* They come back as others: a name is free again, an id never is. */
    CHECK_EQ(dr_group_named(core, "plain").v, 0);
    fed_apply(core, FED_WORLD, NULL);
    fed_check_nothing(core, FED_WORLD);
    CHECK_EQ(core->groups_count, 15);
    CHECK(dr_group_named(core, "plain").v > 9);
    CHECK_EQ(dr_quota_at(core, dr_account_named(core, "shipyard"),
                         dr_group_named(core, "rngd-of-shipyard"))
                 ->guarantee,
             12000);
    CHECK(dr_chip_named(core, "rngd").v > 2);
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* The site with the shipyard's pool goes, and the shipyard, while a job runs there: one apply is
 * enough. It asks for nothing more before the job ends, and then everything goes by itself. */
TEST(what_is_in_use_leaves_by_itself)
{
    static char yaml[16384];
    struct dr_core *core = fed_core();
    struct dr_buffer text;
    const char *from = strstr(FED_WORLD, "  busan:\n");
    const char *to = strstr(FED_WORLD, "datasets:\n");
    uint64_t job;

    snprintf(yaml, sizeof yaml, "%.*s%s", (int)(from - FED_WORLD), FED_WORLD, to);
    snprintf(yaml, sizeof yaml, "%s",
             fed_edited(yaml, "      shipyard: {guarantees: {h200: 24, rngd-of-shipyard: 12}}\n",
                        "      dock: {}\n"));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, "shipyard: [user", "dock: [user"));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, ", plain-cpus: 100", ""));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, "  rngd: {memory: 48G}\n", ""));
    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, FED_WORLD, NULL);
    job = run_job(core, "builder", "rngd");
    fed_apply(core, yaml, &text);
    CHECK_HAS(dr_buffer_text(&text), "node busan-rngd-3: leaves\n"
                                     "node busan-rngd-2: leaves\n"
                                     "node busan-rngd-1: leaves\n"
                                     "node busan-rngd-0: leaves once it is empty\n"
                                     "pool busan/rngd: leaves with its last node\n"
                                     "node c02: leaves\n"
                                     "node c01: leaves\n"
                                     "pool busan/cpu: removed\n");
    CHECK_HAS(dr_buffer_text(&text), "account shipyard: leaves with its last job\n"
                                     "group rngd-of-shipyard: leaves with its last pool\n"
                                     "group rngd-of-shipyard-cpus: leaves with its last pool\n"
                                     "group rngd-of-shipyard-memory: leaves with its last pool\n"
                                     "group plain: removed\n"
                                     "group plain-cpus: removed\n"
                                     "group plain-memory: removed\n"
                                     "site busan: leaves with its last pool\n"
                                     "chip rngd: leaves with its last pool\n");
    fed_check_nothing(core, yaml);
    check_file_of_itself(core);
    decide(core);
    CHECK(dr_pool_named(core, dr_site_named(core, "busan"), "rngd").v != 0);

    end_job(core, job);
    CHECK_EQ(dr_site_named(core, "busan").v, 0);
    CHECK_EQ(dr_chip_named(core, "rngd").v, 0);
    CHECK_EQ(dr_group_named(core, "rngd-of-shipyard").v, 0);
    CHECK_EQ(dr_account_named(core, "shipyard").v, 0);
    CHECK_EQ(core->leaving_count, 0);
    fed_check_nothing(core, yaml);
    check_file_of_itself(core);
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* The old file again before the job has ended: all of it stays, with a new node in the place of
 * each that was to leave, and its limits are as the file says. */
TEST(what_was_to_leave_stays)
{
    static char yaml[16384];
    struct dr_core *core = fed_core();
    struct dr_buffer text;
    const char *from = strstr(FED_WORLD, "  busan:\n");
    const char *to = strstr(FED_WORLD, "datasets:\n");
    static char before[16384];
    uint32_t shipyard;
    uint64_t job;

    /* A limit without a guarantee: nothing else says that the account has to be declared whole. */
    snprintf(before, sizeof before, "%s",
             fed_edited(FED_WORLD, "{h200: 24, rngd-of-shipyard: 12}",
                        "{rngd-of-shipyard: {guarantee: 0, borrow: 1}}"));
    snprintf(yaml, sizeof yaml, "%.*s%s", (int)(from - FED_WORLD), FED_WORLD, to);
    snprintf(yaml, sizeof yaml, "%s",
             fed_edited(yaml, "      shipyard: {guarantees: {h200: 24, rngd-of-shipyard: 12}}\n",
                        "      dock: {}\n"));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, "shipyard: [user", "dock: [user"));
    snprintf(yaml, sizeof yaml, "%s", fed_edited(yaml, ", plain-cpus: 100", ""));
    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, before, NULL);
    shipyard = dr_account_named(core, "shipyard").v;
    job = run_job(core, "builder", "rngd");
    fed_apply(core, yaml, NULL);
    CHECK(core->leaving_count > 0);
    fed_apply(core, before, &text);
    CHECK_HAS(dr_buffer_text(&text), "site busan: stays\n");
    CHECK_HAS(dr_buffer_text(&text), "group rngd-of-shipyard: stays\n");
    CHECK_HAS(dr_buffer_text(&text), "account shipyard: stays\n");
    CHECK_HAS(dr_buffer_text(&text), "pool busan/rngd: stays\nnodes busan/rngd: nodes: 0 -> 4\n");
    CHECK_EQ(core->leaving_count, 0);
    CHECK_EQ(dr_account_named(core, "shipyard").v, shipyard);
    CHECK_EQ(dr_quota_at(core, (dr_account_id){shipyard}, dr_group_named(core, "rngd-of-shipyard"))
                 ->borrow,
             1000);
    fed_check_nothing(core, before);
    check_file_of_itself(core);
    end_job(core, job);
    CHECK(dr_site_named(core, "busan").v != 0);
    fed_check_nothing(core, before);
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* Two users exchange their uids: at no moment have both the same. */
TEST(uids_are_exchanged)
{
    struct dr_core *core = fed_core();
    struct dr_buffer text;
    const char *yaml = fed_edited(FED_WORLD, "uid: 900, gid: 900", "uid: 901, gid: 900");

    yaml = fed_edited(yaml, "uid: 901, gid: 901", "uid: 900, gid: 901");
    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, FED_WORLD, NULL);
    fed_apply(core, yaml, &text);
    CHECK_TEXT(dr_buffer_text(&text), "user root: uid: 900 -> none, since student gets it\n"
                                      "user student: uid: 901 -> none, since root gets it\n"
                                      "user root: uid: 900 -> 901\n"
                                      "user student: uid: 901 -> 900\n");
    fed_check_nothing(core, yaml);
    dr_buffer_deinit(&text);
    dr_core_close(core);
}

/* What can't be changed is refused before anything is admitted, with the line and the way out. */
TEST(what_never_changes)
{
    static const struct {
        const char *from;
        const char *to;
        uint32_t line;
        const char *field;
        const char *expected;
    } cases[] = {
        {"chip: h200\n", "chip: rngd\n", 17, "gwangju/h200.chip", "h200, as before"},
        {"accelerators: 8\n", "accelerators: 4\n", 17, "gwangju/h200.accelerators", "8, as before"},
        {"        levels: {block", "        group: other\n        levels: {block", 17,
         "gwangju/h200.group", "h200, as before"},
        {"        levels: {block",
         "        owner: academia\n        group: h200\n        levels: {block", 0, NULL,
         NULL}, /* another owner in the same group is fine */
        {"name: nation", "name: institute2", 0, NULL, NULL},
        {"nodes: 8", "nodes: 4091", 19, "gwangju/h200", "at most 4082 new nodes"},
    };
    struct dr_core *core = fed_core();
    uint64_t hash;

    fed_apply(core,
              fed_edited(fed_edited(FED_WORLD, "{h200: {guarantee: 16, borrow: 8, lend: 4}}", "{}"),
                         "{weight: 0.5, guarantees: {h200: 8}}", "{}"),
              NULL);
    hash = dr_core_hash(core);
    for (size_t i = 0; i < DR_COUNT_OF(cases); i += 1) {
        const char *yaml =
            fed_edited(FED_WORLD, "{h200: {guarantee: 16, borrow: 8, lend: 4}}", "{}");
        struct dr_federation *federation;
        struct dr_error_list errors = {0};
        struct dr_change *changes;
        uint32_t count;

        yaml = fed_edited(yaml, "{weight: 0.5, guarantees: {h200: 8}}", "{}");
        yaml = fed_edited(yaml, "guarantees: {h200: 32, plain", "guarantees: {plain");
        yaml = fed_edited(yaml, "{h200: 24, rngd-of-shipyard: 12}", "{rngd-of-shipyard: 12}");
        federation = fed_parse(fed_edited(yaml, cases[i].from, cases[i].to));
        CHECK_EQ(dr_federation_changes(federation, core, &changes, &count, &errors),
                 cases[i].field == NULL ? DR_OK : DR_E_INPUT);
        CHECK_EQ(errors.count, cases[i].field == NULL ? 0 : 1);
        if (cases[i].field != NULL) {
            CHECK_EQ(errors.errors[0].line, cases[i].line);
            CHECK_TEXT(errors.errors[0].field, cases[i].field);
            CHECK_HAS(errors.errors[0].expected, cases[i].expected);
        }
        dr_error_list_deinit(&errors);
        dr_federation_close(federation);
    }
    CHECK_EQ(dr_core_hash(core), hash); /* asking changes nothing */
    dr_core_close(core);
}

/* An account does not move to another parent; both the old and the new place are named. */
TEST(an_account_does_not_move)
{
    struct dr_core *core = fed_core();
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    struct dr_change *changes;
    uint32_t count;
    const char *yaml =
        fed_edited(FED_WORLD, "      institute: {weight: 0.5, guarantees: {h200: 8}}\n", "");

    fed_apply(core, FED_WORLD, NULL);
    yaml = fed_edited(yaml, "      shipyard:", "      institute: {weight: 0.5}\n      shipyard:");
    federation = fed_parse(yaml);
    CHECK_EQ(dr_federation_changes(federation, core, &changes, &count, &errors), DR_E_INPUT);
    CHECK_EQ(errors.count, 1);
    CHECK_EQ(errors.errors[0].line, 41);
    CHECK_TEXT(errors.errors[0].field, "institute");
    CHECK_TEXT(errors.errors[0].found, "industry");
    CHECK_HAS(errors.errors[0].expected, "its parent academia, as before");
    dr_error_list_deinit(&errors);
    dr_federation_close(federation);
    dr_core_close(core);
}
