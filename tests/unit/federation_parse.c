/* SPDX-License-Identifier: Apache-2.0 */
/* Every mistake is found, where it is, and said in a way that helps; and one mistake is one
 * message. */
#include "test.h"

#include <stdlib.h>

#include "fed_world.h"
#include "federation/file.h"

/* One edit of FED_WORLD makes one mistake. */
/* Before the users. */
#define CAP(text) "caps:\n  heat: {" text ", from: 2027-08-02, until: 2027-08-03}\nusers:\n"
#define ALLOCATION(text) \
    "allocations:\n  spring: {" text ", from: 2027-03-01, until: 2027-06-01}\nusers:\n"

#define SLURM(map) "engine: slurm\n    slurm: " map
#define LOGS(list) SLURM("{url: \"http://127.0.0.1:1\", key: /k, log_command: " list "}")
#define TEN        "0123456789"
#define HUNDRED    TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const struct {
    const char *from;
    const char *to;
    uint32_t line;
    const char *field;
    const char *found;
    const char *expected; /* part of it */
} MISTAKES[] = {
    /* keys and types */
    {"default_limit: 1h,", "default_limt: 1h, default_limit: 1h,", 1, "federation.default_limt",
     "default_limt", "did you mean 'default_limit'?"},
    {"chips:\n", "chip:\n  x: {memory: 1G}\nchips:\n", 2, "chip", "chip", "did you mean 'chips'?"},
    {"  rngd: {memory: 48G}", "  rngd: {}", 4, "chips.rngd.memory", "nothing", "from 1M to 256T"},
    {"  rngd: {memory: 48G}", "  rngd: [memory, 48G]", 4, "chips.rngd", "a list",
     "a map with keys"},
    {"memory: 48G", "memory: {a: b}", 4, "chips.rngd.memory", "a map", "memory (512M, 64G"},
    {"memory: 48G", "memory: 48 gigs", 4, "chips.rngd.memory", "48 gigs", "memory (512M, 64G"},
    {"memory: 48G", "memory: 0", 4, "chips.rngd.memory", "0", "from 1M"},
    {"memory: 48G", "memory: ~", 4, "chips.rngd.memory", "nothing", "memory (512M, 64G"},
    {"memory: 48G", "memory: 48G, memory: 49G", 4, "chips.rngd.memory", "memory",
     "each name once; it stands on line 4 already"},
    {"  rngd: {memory: 48G}", "  rngd: {memory: 48G}\n  h200: {memory: 1G}", 5, "chips.h200",
     "h200", "it stands on line 3 already"},
    {"memory: 48G", "memory: 48G, virtual: perhaps", 4, "chips.rngd.virtual", "perhaps",
     "yes or no"},
    {"memory: 48G", "memory: 48G, price: 1.2345678", 4, "chips.rngd.price", "1.2345678",
     "at most six decimals"},
    {"memory: 48G", "memory: 48G, price: -1", 4, "chips.rngd.price", "-1", "from 0 to 1000000"},
    {"memory: 48G", "memory: 48G, idle_power: 3 horses", 4, "chips.rngd.idle_power", "3 horses",
     "power (700, 700W, 1.2kW"},
    {"memory: 48G", "memory: 48G, idle_power: 2kW, busy_power: 1kW", 4, "chips.rngd.busy_power",
     "less than idle_power", "at least idle_power, 2000 W"},
    {"memory: 48G", "memory: 48G, vendor: \"two\\nlines\"", 4, "chips.rngd.vendor", "two\nlines",
     "on one line"},
    {"memory: 48G", "memory: 48G, stacks: [a, b, c, d, e, f, g, h, i]", 4, "chips.rngd.stacks", "i",
     "at most 8"},
    /* names */
    {"name: nation", "name: Nation", 1, "federation.name", "Nation", "a-z, 0-9 and '-'"},
    {"  rngd: {memory", "  RNGD: {memory: 1G}\n  rngd: {memory", 4, "chips.RNGD", "RNGD",
     "a-z, 0-9 and '-'"},
    {"name: nation", "name: academia", 34, "accounts.academia", "academia",
     "it is the federation on line 1 too"},
    {"shipyard: {guarantees", "university:\n      shipyard: {guarantees", 42,
     "accounts.industry.accounts.university", "university", "it is the account on line 36 too"},
    /* the federation's own */
    {"default_limit: 1h, ", "", 1, "federation.default_limit", "nothing", "from 1s to 3660d"},
    {"default_limit: 1h", "default_limit: 0", 1, "federation.default_limit", "0", "from 1s"},
    {"default_limit: 1h", "default_limit: an hour", 1, "federation.default_limit", "an hour",
     "a duration (90s, 15m"},
    {"default_limit: 1h", "default_limit: 1h, fair_preemption: final_share", 1,
     "federation.fair_preemption", "final_share", "one of these: off, final-share; did you mean"},
    {"default_limit: 1h", "default_limit: 1h, fair_preemption: yes", 1,
     "federation.fair_preemption", "yes", "one of these: off, final-share"},
    {"default_limit: 1h", "default_limit: 1h, fair_minimum_run: -5m", 1,
     "federation.fair_minimum_run", "-5m", "from 0s to 30d"},
    {"job_user: 4000", "job_user: 0", 1, "federation.job_user", "0", "no job runs as uid 0"},
    {"job_user: 4000", "job_user: root", 1, "federation.job_user", "root", "no job runs as uid 0"},
    {"job_user: 4000", "job_user: no-such-account", 1, "federation.job_user", "no-such-account",
     "a Unix account of this machine"},
    {"job_user: 4000", "job_user: 4000, job_gid: 0", 1, "federation.job_gid", "0",
     "a whole number from 1"},
    {"job_user: 4000", "job_user: 4000, requeue_limit: 1.5", 1, "federation.requeue_limit", "1.5",
     "a whole number from 0"},
    {"memory: 1T\n", "memory: 1T\n        default_memory_per_cpu: 2T\n", 23,
     "sites.gwangju.pools.h200.default_memory_per_cpu", "2T", "at most the memory of a node, 1T"},
    /* allocations; they stand on line 43 */
    {"users:\n", ALLOCATION("account: universty, amounts: {h200: 1}"), 44,
     "allocations.spring.account", "universty", "did you mean 'university'?"},
    {"users:\n", ALLOCATION("account: nation, amounts: {h200: 1}"), 44,
     "allocations.spring.account", "nation", "an account below the federation"},
    {"users:\n", ALLOCATION("account: university, amounts: {h20: 1}"), 44,
     "allocations.spring.amounts.h20", "h20", "did you mean 'h200'?"},
    {"users:\n", ALLOCATION("account: university, amounts: {h200: one}"), 44,
     "allocations.spring.amounts.h200", "one", "a number of accelerators"},
    {"users:\n", ALLOCATION("account: university, amounts: {}"), 44, "allocations.spring.amounts",
     "a map", "a map from groups to amounts"},
    {"users:\n", ALLOCATION("account: university, amounts: {h200: 9}"), 44,
     "allocations.spring.amounts.h200", "65 guaranteed and allocated from 2027-03-01T00:00:00Z on",
     "at most 64, the group's declared capacity"},
    {"users:\n",
     "allocations:\n  a: {account: university, amounts: {h200: 1}, from: tomorrow, "
     "until: 2027-01-01}\nusers:\n",
     44, "allocations.a.from", "tomorrow", "a day (2027-03-01"},
    {"users:\n",
     "allocations:\n  a: {account: university, amounts: {h200: 1}, from: 2027-01-01, "
     "until: 2027-01-01}\nusers:\n",
     44, "allocations.a.until", "2027-01-01", "an instant after `from`"},
    /* zones and caps; caps stand on line 43 */
    {"pue: 1.2", "pue: 1.2\n    zone: capital", 13, "sites.gwangju.zone", "capital", "a zone"},
    {"users:\n", CAP("power_cap: 1MW"), 44, "caps.heat.zone", "nothing", "one zone, or one site"},
    {"users:\n", CAP("site: gwanju, power_cap: 1MW"), 44, "caps.heat.site", "gwanju",
     "did you mean 'gwangju'?"},
    {"users:\n", CAP("site: gwangju, power_cap: 0"), 44, "caps.heat.power_cap", "0",
     "1 W at least"},
    {"users:\n", CAP("site: gwangju"), 44, "caps.heat.power_cap", "nothing", "power (700"},
    {"users:\n",
     "caps:\n  heat: {site: gwangju, power_cap: 1MW, from: 2027-08-02, until: "
     "2027-08-01}\nusers:\n",
     44, "caps.heat.until", "2027-08-01", "an instant after `from`"},
    {"engine: simulated\n    pools:\n      h200:",
     "engine: local\n    power_down: yes\n    pools:\n      h200:", 16, "sites.gwangju.power_down",
     "yes", "another engine than local"},
    /* Slurm sites */
    {"engine: simulated", "engine: slurm", 9, "sites.gwangju.slurm", "nothing",
     "how the cluster is reached"},
    {"engine: simulated", SLURM("~"), 16, "sites.gwangju.slurm.url", "nothing",
     "slurmrestd listens"},
    {"engine: simulated", SLURM("[a]"), 16, "sites.gwangju.slurm", "a list", "a map with keys"},
    {"engine: simulated", SLURM("{key: /k}"), 9, "sites.gwangju.slurm.url", "nothing",
     "http://ADDRESS:PORT"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1\"}"), 9, "sites.gwangju.slurm.key",
     "nothing", "the path from /"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1\", key: /k}"), 16,
     "sites.gwangju.slurm.url", "http://127.0.0.1", "http://ADDRESS:PORT"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:65536\", key: /k}"), 16,
     "sites.gwangju.slurm.url", "http://127.0.0.1:65536", "http://ADDRESS:PORT"},
    {"engine: simulated", SLURM("{url: \"http://slurm.seoul:1\", key: /k}"), 16,
     "sites.gwangju.slurm.url", "http://slurm.seoul:1", "names are not looked up"},
    {"engine: simulated", SLURM("{url: \"https://127.0.0.1:1\", key: /k}"), 16,
     "sites.gwangju.slurm.url", "https://127.0.0.1:1", "http://ADDRESS:PORT"},
    {"engine: simulated", SLURM("{url: \"http://u@h:1\", key: /k}"), 16, "sites.gwangju.slurm.url",
     "http://u@h:1", "http://ADDRESS:PORT"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1/slurm\", key: /k}"), 16,
     "sites.gwangju.slurm.url", "http://127.0.0.1:1/slurm", "http://ADDRESS:PORT"},
    {"engine: simulated", SLURM("{url: \"unix:run/s\", key: /k}"), 16, "sites.gwangju.slurm.url",
     "unix:run/s", "unix:/PATH"},
    {"engine: simulated", SLURM("{url: \"ftp://h:1\", key: /k}"), 16, "sites.gwangju.slurm.url",
     "ftp://h:1", "unix:/PATH"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1\", key: k}"), 16,
     "sites.gwangju.slurm.key", "k", "the path from /"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1\", key: /k, conf: slurm.conf}"), 16,
     "sites.gwangju.slurm.conf", "slurm.conf", "the path from /"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1\", key: /k, user: \"a b\"}"), 16,
     "sites.gwangju.slurm.user", "a b", "a Unix user"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1\", key: /k, placement: exactly}"), 16,
     "sites.gwangju.slurm.placement", "exactly", "exact"},
    {"engine: simulated", LOGS("ssh h cat %p"), 16, "sites.gwangju.slurm.log_command",
     "ssh h cat %p", "a list of words"},
    {"engine: simulated", LOGS("[]"), 16, "sites.gwangju.slurm.log_command", "a list",
     "a list of words"},
    {"engine: simulated", LOGS("[tail, \"+%o\", [\"%p\"]]"), 16,
     "sites.gwangju.slurm.log_command[2]", "a list", "a word"},
    {"engine: simulated", LOGS("[\"%p\", \"+%o\"]"), 16, "sites.gwangju.slurm.log_command[0]", "%p",
     "a program"},
    {"engine: simulated", LOGS("[tail, \"+%o\", \"%p\", \"a\\nb\"]"), 16,
     "sites.gwangju.slurm.log_command[3]", "a\nb", "without control characters"},
    {"engine: simulated", LOGS("[tail, \"+%o\", \"%P\"]"), 16, "sites.gwangju.slurm.log_command[2]",
     "%P", "%p (the file's path), %u"},
    {"engine: simulated", LOGS("[tail, \"+%o\", \"100%\"]"), 16,
     "sites.gwangju.slurm.log_command[2]", "100%", "or %%"},
    {"engine: simulated", LOGS("[cat, \"%p\"]"), 16, "sites.gwangju.slurm.log_command", "cat %p",
     "a word with %o"},
    {"engine: simulated", LOGS("[tail, -c, \"+%o\"]"), 16, "sites.gwangju.slurm.log_command",
     "tail -c +%o", "a word with %p"},
    {"engine: simulated", LOGS("[tail, \"+%o\", \"%p\", " HUNDRED ", " HUNDRED ", " HUNDRED "]"),
     16, "sites.gwangju.slurm.log_command[5]", HUNDRED, "255 bytes in all"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1\", key: /k, port: 7}"), 16,
     "sites.gwangju.slurm.port", "port", "a known key"},
    {"engine: simulated", "engine: local\n    slurm: {url: \"http://127.0.0.1:1\"}", 16,
     "sites.gwangju.slurm", "a map", "`engine: slurm` beside it"},
    {"engine: simulated", SLURM("{url: \"http://127.0.0.1:1\", key: /k}") "\n    power_down: yes",
     17, "sites.gwangju.power_down", "yes", "another engine than slurm"},
    {"memory: 1T\n", "memory: 1T\n        partition: batch\n", 23,
     "sites.gwangju.pools.h200.partition", "batch", "a site with `engine: slurm`"},
    {"engine: simulated\n    pools:\n      rngd: {",
     SLURM(
         "{url: \"http://127.0.0.1:1\", key: /k}") "\n    pools:\n      rngd: {gres: \"gpu:a b\", ",
     29, "sites.busan.pools.rngd.gres", "gpu:a b", "gpu:h200"},
    {"engine: simulated\n    pools:\n      rngd: {",
     SLURM("{url: \"http://127.0.0.1:1\", key: /k}") "\n    pools:\n      z: {gres: gpu, nodes: 1, "
                                                     "cpus: "
                                                     "1, memory: 1G}\n      rngd: {",
     29, "sites.busan.pools.z.gres", "gpu", "accelerators of a chip"},
    /* sites */
    {"pue: 1.2", "pue: 0.95", 12, "sites.gwangju.pue", "0.95", "from 1 to 10"},
    {"0-8: 90, 8-24: 150.25", "0-8: 90, 9-24: 150.25", 13, "sites.gwangju.tariff", "a gap",
     "hour 8 has none"},
    {"0-8: 90, 8-24: 150.25", "0-8: 90, 7-24: 150.25", 13, "sites.gwangju.tariff.7-24", "7-24",
     "hour 7 has a price already"},
    {"0-8: 90, 8-24: 150.25", "0-8: 90, 8-25: 150.25, 8-24: 1", 13, "sites.gwangju.tariff.8-25",
     "8-25", "hours of the day"},
    {"tariff: {0-8: 90, 8-24: 150.25}", "tariff: [1, 2, 3]", 13, "sites.gwangju.tariff", "3 prices",
     "24 prices"},
    {"tariff: {0-8: 90, 8-24: 150.25}", "utc_offset: +9", 13, "sites.gwangju.utc_offset", "+9",
     "\"-12:00\" to \"+14:00\""},
    {"engine: simulated", "engine: slrum", 15, "sites.gwangju.engine", "slrum",
     "one of these: local, simulated"},
    {"data_classes: [public, medical]", "data_classes: [public, medcal]", 14,
     "sites.gwangju.data_classes[1]", "medcal", "did you mean 'medical'?"},
    {"data_classes: [public]\n", "data_classes: [public, medical]\n", 25,
     "sites.busan.data_classes", "medical", "a site of assurance 2 or more: this one has 0"},
    {"jurisdictions: [kr]", "jurisdictions: [fr, de]", 14, "sites.gwangju.data_classes", "medical",
     "a site in a jurisdiction of the class (fr, ...): this one's is 'kr'"},
    {"share: node", "share: nodes", 7, "data_classes.medical.share", "nodes",
     "one of these: accelerator, node, block, none; did you mean 'node'?"},
    {"share: node", "share: nothing", 7, "data_classes.medical.share", "nothing",
     "one of these: accelerator, node, block, none"},
    /* pools */
    {"chip: h200\n", "chip: h100\n", 18, "sites.gwangju.pools.h200.chip", "h100",
     "a chip of this file; did you mean 'h200'?"},
    {"        nodes: 8\n", "", 17, "sites.gwangju.pools.h200.nodes", "nothing",
     "a whole number from 0 to 1048576"},
    {"nodes: 8\n", "nodes: eight\n", 19, "sites.gwangju.pools.h200.nodes", "eight",
     "a whole number"},
    {"accelerators: 8\n", "accelerators: 65\n", 20, "sites.gwangju.pools.h200.accelerators", "65",
     "from 1 to 64"},
    {"cpu: {nodes: 2,", "cpu: {accelerators: 2, nodes: 2,", 30, "sites.busan.pools.cpu.chip",
     "nothing", "the chip of its accelerators"},
    {"cpus: 96", "cpus: 0", 21, "sites.gwangju.pools.h200.cpus", "0", "from 0.001 to 4096"},
    {"levels: {block: 2, rack: 4}", "levels: {block: 2, rack: 5}", 23,
     "sites.gwangju.pools.h200.levels.rack", "5", "a multiple of the level below it: 4, 6, ..."},
    {"levels: {block: 2, rack: 4}", "levels: {node: 2}", 23, "sites.gwangju.pools.h200.levels.node",
     "node", "a name other than node and pool"},
    {"levels: {block: 2, rack: 4}", "levels: {a: 2, b: 4, c: 8, d: 16, e: 32}", 23,
     "sites.gwangju.pools.h200.levels.e", "e", "at most 4 levels"},
    {"node_names: c01", "node_names: c", 30, "sites.busan.pools.cpu.node_names", "c",
     "ending in its number"},
    {"node_names: c01", "node_names: gwangju-h200-7", 30, "sites.busan.pools.cpu.node_names",
     "gwangju-h200-", "sites.gwangju.pools.h200 counts through the same numbers"},
    {"owner: shipyard", "owner: shipyards", 29, "sites.busan.pools.rngd.owner", "shipyards",
     "did you mean 'shipyard'?"},
    {"consent: [shipyard, university]", "consent: [shipyard, shipyard]", 29,
     "sites.busan.pools.rngd.consent[1]", "shipyard", "each account once"},
    {"node_names: c01", "group: h200-cpus", 30, "sites.busan.pools.cpu.group", "h200-cpus",
     "this one, of another pool, counts CPUs"},
    /* datasets */
    {"sites: [gwangju], ", "", 32, "datasets.scans.sites", "nothing", "the sites that have it"},
    {"sites: [gwangju], ", "sites: [busan], ", 32, "datasets.scans.sites", "busan",
     "a site whose data_classes include medical"},
    {"size: 4T", "size: much", 32, "datasets.scans.size", "much", "a size (500M"},
    /* accounts and guarantees */
    {"weight: 0.5", "weight: 0", 37, "accounts.academia.accounts.institute.weight", "0",
     "from 0.001"},
    {"guarantees: {h200: 8}", "guarantees: {h20: 8}", 37,
     "accounts.academia.accounts.institute.guarantees.h20", "h20", "did you mean 'h200'?"},
    {"guarantees: {h200: 8}", "guarantees: {h200: lots}", 37,
     "accounts.academia.accounts.institute.guarantees.h200", "lots", "a number of accelerators"},
    {"guarantees: {h200: 8}", "guarantees: 8", 37,
     "accounts.academia.accounts.institute.guarantees", "8", "a map from groups to amounts"},
    {"lend: 4", "lend: some", 36, "accounts.academia.accounts.university.guarantees.h200.lend",
     "some", "or 'all'"},
    {"guarantees: {h200: 32,", "guarantees: {h200: 23,", 40, "accounts.industry.guarantees.h200",
     "23", "at least 24, which the accounts below it have: shipyard 24"},
    {"guarantees: {h200: 32,", "guarantees: {h200: 41,", 33, "accounts",
     "65 guaranteed in group h200 (academia 24, industry 41)", "at most 64, the group's declared"},
    {"plain-cpus: 100", "plain-cpus: 129", 33, "accounts",
     "129 guaranteed in group plain-cpus (industry 129)", "at most 128"},
    {"  academia:\n    accounts:\n",
     "  academia:\n    accounts: {b: {accounts: {c: {accounts: {d: {accounts: {e: {accounts: {f: "
     "{accounts: {g: {accounts: {h: {}}}}}}}}}}}}}}\n  other:\n    accounts:\n",
     35,
     "accounts.academia.accounts.b.accounts.c.accounts.d.accounts.e.accounts.f.accounts.g.accounts",
     "one more level", "at most 7 levels of accounts"},
    /* users */
    {"roles: [admin]", "roles: [operator]", 43, "users", "no admin", "roles: [admin]"},
    {"roles: [admin]", "roles: [admin, admim]", 44, "users.root.roles[1]", "admim",
     "did you mean 'admin'?"},
    {"uid: 901", "uid: 900", 45, "users.student.uid", "900", "user root on line 44 has it"},
    {"uid: 901", "uid: no-such-account", 45, "users.student.uid", "no-such-account",
     "a Unix account of this machine"},
    {"gid: 901", "gid: 0", 45, "users.student.gid", "0", "no job runs in it"},
    {"uid: 901, ", "", 45, "users.student.gid", "901", "a uid beside it"},
    {"[university, institute]", "[university, insitute]", 45, "users.student.accounts[1]",
     "insitute", "did you mean 'institute'?"},
    {"default_account: institute", "default_account: shipyard", 45, "users.student.default_account",
     "shipyard", "an account in which it has a role"},
    {"[user, account-admin]", "[user, user]", 47, "users.builder.accounts.shipyard", "user",
     "each role in an account once"},
    /* YAML itself */
    {"pue: 1.2", "pue: [1.2", 13, "", "", "valid YAML: while parsing a flow sequence"},
    {"pue: 1.2", "\tpue: 1.2", 12, "", "",
     "valid YAML: while scanning a plain scalar, found a tab"},
    {"pue: 1.2", "<<: *nothing", 12, "", "<<", "merge keys are not read"},
    {"pue: 1.2", "pue: *nothing", 12, "", "nothing", "an alias to an anchor that stands above it"},
    {"pue: 1.2", "? [a, b]\n    : c", 12, "", "a list", "a name as key"},
    {"pue: 1.2", "operator: \"a\\0b\"", 12, "", "a zero byte", "text"},
    {"users:\n", "---\nusers:\n", 43, "", "---", "one document"},
};

TEST(one_mistake_one_message)
{
    uint32_t failed = 0;

    for (size_t i = 0; i < DR_COUNT_OF(MISTAKES); i += 1) {
        const char *yaml = fed_edited(FED_WORLD, MISTAKES[i].from, MISTAKES[i].to);
        struct dr_federation *federation;
        struct dr_error_list errors = {0};
        char line[1200] = "";

        enum dr_status status =
            dr_federation_parse(&federation, "w.yaml", yaml, strlen(yaml), &errors, NULL);

        CHECK_EQ(status, errors.count > 0 ? DR_E_INPUT : DR_OK);
        if (errors.count > 0)
            dr_error_line(&errors.errors[errors.count - 1], line, sizeof line);
        if (errors.count != 1 || errors.errors[0].line != MISTAKES[i].line ||
            strcmp(errors.errors[0].field, MISTAKES[i].field) != 0 ||
            strcmp(errors.errors[0].found, MISTAKES[i].found) != 0 ||
            strstr(errors.errors[0].expected, MISTAKES[i].expected) == NULL) {
            print_error("'%s' -> '%s': %u errors, the last: %s\n", MISTAKES[i].from, MISTAKES[i].to,
                        errors.count, line);
            failed += 1;
        }
        dr_federation_close(federation);
        dr_error_list_deinit(&errors);
    }
    CHECK_EQ(failed, 0);
}

/* A file with many mistakes: all of them, in the order of their lines. */
TEST(all_mistakes_at_once)
{
    static const char YAML[] =
        "federation:\n"
        "  name: Bad\n"
        "  default_limit: 1x\n"
        "chips:\n"
        "  h200: {vendr: nvidia, memory: 141G}\n"
        "sites:\n"
        "  a:\n"
        "    pue: 0.9\n"
        "    pools:\n"
        "      p: {chip: h201, nodes: -1, accelerators: 8, cpus: 8, memory: 1G}\n"
        "      q: {chip: h200, nodes: 1, accelerators: 8, cpus: 8}\n"
        "accounts:\n"
        "  x: {guarantees: {h200: 9}, wieght: 2}\n"
        "users:\n"
        "  u: {accounts: [y]}\n";
    static const char EXPECTED[] = "b.yaml:2: federation.name: found 'Bad'\n"
                                   "b.yaml:3: federation.default_limit: found '1x'\n"
                                   "b.yaml:5: chips.h200.vendr: found 'vendr'\n"
                                   "b.yaml:8: sites.a.pue: found '0.9'\n"
                                   "b.yaml:10: sites.a.pools.p.chip: found 'h201'\n"
                                   "b.yaml:10: sites.a.pools.p.nodes: found '-1'\n"
                                   "b.yaml:11: sites.a.pools.q.memory: found 'nothing'\n"
                                   "b.yaml:13: accounts.x.wieght: found 'wieght'\n"
                                   "b.yaml:14: users: found 'no admin'\n"
                                   "b.yaml:15: users.u.accounts[0]: found 'y'\n";
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    struct dr_buffer text;

    dr_buffer_init(&text, 1 << 16);
    CHECK_EQ(dr_federation_parse(&federation, "b.yaml", YAML, strlen(YAML), &errors, NULL),
             DR_E_INPUT);
    for (uint32_t i = 0; i < errors.count; i += 1)
        dr_buffer_printf(&text, "%s:%u: %s: found '%s'\n", errors.errors[i].file,
                         errors.errors[i].line, errors.errors[i].field, errors.errors[i].found);
    CHECK_TEXT(dr_buffer_text(&text), EXPECTED);
    dr_buffer_deinit(&text);
    dr_error_list_deinit(&errors);
}

/* More mistakes than anyone reads: a thousand, then one line that there are more. */
TEST(a_thousand_mistakes)
{
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    struct dr_buffer yaml;

    dr_buffer_init(&yaml, 1 << 20);
    dr_buffer_append_text(&yaml, FED_WORLD);
    for (int i = 0; i < 5000; i += 1)
        dr_buffer_printf(&yaml, "  u%d: {uid: no}\n", i);
    CHECK_EQ(dr_federation_parse(&federation, "w.yaml", dr_buffer_text(&yaml), yaml.length, &errors,
                                 NULL),
             DR_E_INPUT);
    CHECK_EQ(errors.count, 1001);
    CHECK_HAS(errors.errors[1000].expected, "more mistakes");
    dr_error_list_deinit(&errors);
    dr_buffer_deinit(&yaml);
}

/* ---- what is probably not meant ---- */

static void check_warning(const char *from, const char *to, const char *field, const char *expected)
{
    const char *yaml = fed_edited(FED_WORLD, from, to);
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    struct dr_error_list warnings = {0};

    CHECK_EQ(dr_federation_parse(&federation, "w.yaml", yaml, strlen(yaml), &errors, &warnings),
             DR_OK);
    CHECK_EQ(warnings.count, expected == NULL ? 0 : 1);
    if (expected != NULL) {
        CHECK_TEXT(warnings.errors[0].field, field);
        CHECK_HAS(warnings.errors[0].expected, expected);
    }
    dr_error_list_deinit(&warnings);
    dr_federation_close(federation);
}

TEST(warnings)
{
    check_warning("nation", "nation", "", NULL);
    check_warning("h200: 32,", "h200: 40,", "accounts", "at most 98 %");
    check_warning("h200: 32,", "h200: 38,", "", NULL); /* 62 of 64 */
    check_warning("h200: 32,", "h200: 39,", "accounts", "at most 98 %");
    check_warning("uid: 901", "uid: 0", "users.student.uid", "no job runs as uid 0");
    check_warning("  builder: {accounts: {shipyard: [user, account-admin]}}",
                  "  builder:", "users.builder", "accounts that it may submit to");
    check_warning("pue: 1.2", "power_cap: 100W\n    pue: 1.2", "", NULL);
    check_warning("busy_power: 700W", "idle_power: 100W, busy_power: 700W", "", NULL);
    check_warning("        levels", "        consent: [industry, university]\n        levels",
                  "accounts.academia.accounts.institute.guarantees.h200",
                  "the consent of sites.gwangju.pools.h200 leaves it out");
    check_warning("node_names: c01", "node_names: c01, consent: [academia]",
                  "accounts.industry.guarantees.plain-cpus",
                  "the consent of sites.busan.pools.cpu leaves it out");
    check_warning("users:\n", ALLOCATION("account: institute, amounts: {rngd-of-shipyard: 1}"),
                  "allocations.spring.amounts.rngd-of-shipyard",
                  "the consent of sites.busan.pools.rngd leaves it out");
}

TEST(a_cap_below_idle)
{
    const char *yaml =
        fed_edited(FED_WORLD, "busy_power: 700W", "idle_power: 100W, busy_power: 700W");

    yaml = fed_edited(yaml, "pue: 1.2", "power_cap: 7679W\n    pue: 1.2");
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    struct dr_error_list warnings = {0};

    /* 64 accelerators x 100 W x 1.2 = 7,680 W. */
    CHECK_EQ(dr_federation_parse(&federation, "w.yaml", yaml, strlen(yaml), &errors, &warnings),
             DR_OK);
    CHECK_EQ(warnings.count, 1);
    CHECK_HAS(warnings.errors[0].expected, "7680 W");
    dr_error_list_deinit(&warnings);
    dr_federation_close(federation);
}

/* ---- what might hurt ---- */

static enum dr_status parse_status(const char *yaml, size_t bytes, struct dr_error *error)
{
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    enum dr_status status = dr_federation_parse(&federation, "x.yaml", yaml, bytes, &errors, NULL);

    if (errors.count > 0)
        *error = errors.errors[0];
    dr_error_list_deinit(&errors);
    dr_federation_close(federation);
    return status;
}

/* Each line holds the one above it ten times: a file of 500 bytes that is 10^12 values. */
TEST(aliases_do_not_multiply)
{
    struct dr_buffer yaml;
    struct dr_error error;

    dr_buffer_init(&yaml, 1 << 16);
    dr_buffer_append_text(&yaml, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i += 1)
        dr_buffer_printf(
            &yaml, "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d, *a%d]\n", i, i,
            i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    CHECK_EQ(parse_status(dr_buffer_text(&yaml), yaml.length, &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "with every alias written out");
    dr_buffer_deinit(&yaml);
}

TEST(an_alias_to_its_own_holder)
{
    static const char YAML[] = "accounts: &all {a: {accounts: *all}}\n";
    struct dr_error error;

    CHECK_EQ(parse_status(YAML, strlen(YAML), &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "does not hold it");
}

TEST(depth)
{
    struct dr_buffer yaml;
    struct dr_error error;

    dr_buffer_init(&yaml, 1 << 20);
    for (int i = 0; i < 100000; i += 1)
        dr_buffer_append_text(&yaml, "[");
    CHECK_EQ(parse_status(dr_buffer_text(&yaml), yaml.length, &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "at most 32 levels");
    dr_buffer_deinit(&yaml);
}

TEST(odd_files)
{
    struct dr_error error;

    CHECK_EQ(parse_status("", 0, &error), DR_E_INPUT);
    CHECK_HAS(error.expected, "a federation");
    CHECK_EQ(parse_status("# nothing\n", 10, &error), DR_E_INPUT);
    CHECK_EQ(parse_status("just text\n", 10, &error), DR_E_INPUT);
    CHECK_EQ(parse_status("[]\n", 3, &error), DR_E_INPUT);
    CHECK_EQ(parse_status("a: \xff\xfe\n", 6, &error), DR_E_INPUT);
    CHECK_EQ(parse_status("\0\0\0", 3, &error), DR_E_INPUT);
    CHECK_EQ(parse_status("federation:\n", 12, &error), DR_E_INPUT);
}

TEST(a_file_that_is_not_there)
{
    struct dr_federation *federation;
    struct dr_error_list errors = {0};
    char path[256];

    snprintf(path, sizeof path, "%s/none.yaml", test_directory());
    CHECK_EQ(dr_federation_read(&federation, path, &errors, NULL), DR_E_INPUT);
    CHECK_EQ(errors.count, 1);
    CHECK_TEXT(errors.errors[0].found, "no such file");
    dr_error_list_deinit(&errors);
}

/* An alias saves writing; a section may stand anywhere; single values stand for lists of one. */
TEST(ways_to_write)
{
    static const char YAML[] =
        "users: {a: {roles: admin, accounts: x}}\n"
        "accounts: {x: {guarantees: &g {c: 1}}, y: {guarantees: *g}}\n"
        "sites: {s: {tariff: 12.5, engine: simulated, pools: {p: {chip: c, nodes: 2, accelerators: "
        "1, cpus: "
        "1.5, memory: 1 GB}}}}\n"
        "chips: {c: {memory: 1024, idle_power: 1.5kW, busy_power: 0.002MW}}\n"
        "federation: {default_limit: \"1-0\", name: n}\n";
    struct dr_federation *federation = fed_parse(YAML);

    CHECK_EQ(federation->pools[0].set.cpus, 1500);
    CHECK_EQ(federation->pools[0].set.memory_mb, 1024);
    CHECK_EQ(federation->chips[0].set.idle_w, 1500);
    CHECK_EQ(federation->chips[0].set.busy_w, 2000);
    CHECK_EQ(federation->chips[0].set.memory_mb, 1024);
    CHECK_EQ(federation->settings.default_limit_us, DR_DAY_US);
    CHECK_EQ(federation->settings.half_life_us, 7 * DR_DAY_US);
    CHECK(federation->settings.job_uid != 0);
    CHECK_EQ(federation->sites[0].set.tariff_micro[23], 12500000);
    CHECK_EQ(federation->accounts[2].limits[0].guarantee, 1000);
    CHECK_EQ(federation->users[0].set.default_account, 2);
    CHECK_EQ(federation->users[0].set.uid, DR_NO_UID);
    dr_federation_close(federation);
}

/* The files that ship with the program are valid. */
TEST(scenarios)
{
    static const char *const files[] = {
        "scenarios/day/federation.yaml", "scenarios/federation/federation.yaml",
        "scenarios/one-machine/federation.yaml", "scenarios/two-sites/federation.yaml"};

    for (size_t i = 0; i < DR_COUNT_OF(files); i += 1) {
        struct dr_buffer yaml;

        dr_buffer_init(&yaml, 1 << 20);
        CHECK_EQ(dr_buffer_read_file(&yaml, files[i]), DR_OK);
        dr_federation_close(fed_parse(dr_buffer_text(&yaml)));
        dr_buffer_deinit(&yaml);
    }
}

/* The page describes every key that the code knows, each in the table of its section. */
TEST(every_key_is_in_the_page)
{
    uint32_t count;
    const struct dr_federation_section *sections = dr_federation_sections(&count);
    struct dr_buffer page;

    dr_buffer_init(&page, 1 << 20);
    CHECK_EQ(dr_buffer_read_file(&page, "docs/formats/federation.md"), DR_OK);
    for (uint32_t s = 0; s < count; s += 1) {
        char heading[80];
        const char *from;
        const char *to;

        snprintf(heading, sizeof heading, "\n## `%s`", sections[s].name);
        from = strstr(dr_buffer_text(&page), heading);
        if (from == NULL)
            fail_msg("the page has no heading '%s'", heading + 1);
        to = strstr(from + 1, "\n## ");
        for (uint32_t k = 0; k < sections[s].keys_count; k += 1) {
            char row[80];
            const char *at;

            snprintf(row, sizeof row, "\n| `%s` |", sections[s].keys[k]);
            at = strstr(from, row);
            if (at == NULL || (to != NULL && at > to))
                fail_msg("the page has no row for %s under %s", sections[s].keys[k],
                         sections[s].name);
        }
    }
    dr_buffer_deinit(&page);
}

/* The page's example is a valid file. */
TEST(the_example_in_the_page)
{
    struct dr_buffer page;
    const char *from;
    const char *to;
    char yaml[16384];

    dr_buffer_init(&page, 1 << 20);
    CHECK_EQ(dr_buffer_read_file(&page, "docs/formats/federation.md"), DR_OK);
    from = strstr(dr_buffer_text(&page), "```yaml\n");
    CHECK(from != NULL);
    from += strlen("```yaml\n");
    to = strstr(from, "```\n");
    CHECK(to != NULL && to - from < (ptrdiff_t)sizeof yaml);
    memcpy(yaml, from, (size_t)(to - from));
    yaml[to - from] = '\0';
    dr_federation_close(fed_parse(yaml));
    dr_buffer_deinit(&page);
}
