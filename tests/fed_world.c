/* SPDX-License-Identifier: Apache-2.0 */
#include "fed_world.h"

#include "test.h"

static const struct dr_limits LIMITS = {.jobs_max = 64,
                                        .nodes_max = 4096,
                                        .pools_max = 256,
                                        .accounts_max = 256,
                                        .users_max = 256,
                                        .tokens_max = 16,
                                        .groups_max = 64,
                                        .datasets_max = 64,
                                        .extents_max = 256};

const char FED_WORLD[] =
    "federation: {name: nation, default_limit: 1h, job_user: 4000}\n"
    "chips:\n"
    "  h200: {vendor: nvidia, memory: 141G, busy_power: 700W, price: 3.5}\n"
    "  rngd: {memory: 48G}\n"
    "data_classes:\n"
    "  public:\n"
    "  medical: {jurisdictions: [kr], assurance: 2, share: node}\n"
    "sites:\n"
    "  gwangju:\n"
    "    jurisdiction: kr\n"
    "    assurance: 2\n"
    "    pue: 1.2\n"
    "    tariff: {0-8: 90, 8-24: 150.25}\n"
    "    data_classes: [public, medical]\n"
    "    engine: simulated\n"
    "    pools:\n"
    "      h200:\n"
    "        chip: h200\n"
    "        nodes: 8\n"
    "        accelerators: 8\n"
    "        cpus: 96\n"
    "        memory: 1T\n"
    "        levels: {block: 2, rack: 4}\n"
    "  busan:\n"
    "    data_classes: [public]\n"
    "    engine: simulated\n"
    "    pools:\n"
    "      rngd: {chip: rngd, nodes: 4, accelerators: 4, cpus: 32, memory: 256G,\n"
    "             owner: shipyard, consent: [shipyard, university]}\n"
    "      cpu: {nodes: 2, cpus: 64, memory: 512G, node_names: c01}\n"
    "datasets:\n"
    "  scans: {size: 4T, sites: [gwangju], data_class: medical}\n"
    "accounts:\n"
    "  academia:\n"
    "    accounts:\n"
    "      university: {guarantees: {h200: {guarantee: 16, borrow: 8, lend: 4}}}\n"
    "      institute: {weight: 0.5, guarantees: {h200: 8}}\n"
    "  industry:\n"
    "    default_limit: 2h\n"
    "    guarantees: {h200: 32, plain-cpus: 100}\n"
    "    accounts:\n"
    "      shipyard: {guarantees: {h200: 24, rngd-of-shipyard: 12}}\n"
    "users:\n"
    "  root: {uid: 900, gid: 900, roles: [admin]}\n"
    "  student: {uid: 901, gid: 901, accounts: [university, institute],\n"
    "        default_account: institute}\n"
    "  builder: {accounts: {shipyard: [user, account-admin]}}\n";

static void print_errors(const struct dr_error_list *errors)
{
    char line[1200];

    for (uint32_t i = 0; i < errors->count; i += 1)
        print_message("%s\n", dr_error_line(&errors->errors[i], line, sizeof line));
}

struct dr_federation *fed_parse(const char *yaml)
{
    struct dr_federation *federation = NULL;
    struct dr_error_list errors = {0};

    if (dr_federation_parse(&federation, "world.yaml", yaml, strlen(yaml), &errors, NULL) !=
        DR_OK) {
        print_errors(&errors);
        fail_msg("the file is refused:\n%s", yaml);
    }
    dr_error_list_deinit(&errors);
    return federation;
}

struct dr_core *fed_core(void)
{
    struct dr_core *core = NULL;

    assert_int_equal(dr_core_open(&core, &LIMITS), DR_OK);
    return core;
}

/* Admit one declaration; fails the test when it is refused. */
static void admit(struct dr_core *core, const struct dr_change *change)
{
    static uint8_t bytes[1 << 20];
    static struct dr_effect effects[256];
    struct dr_batch batch = {.bytes = bytes,
                             .bytes_max = sizeof bytes,
                             .effects = effects,
                             .effects_max = DR_COUNT_OF(effects)};
    struct dr_command command = {
        .kind = DR_COMMAND_DECLARE, .roles = 0xff, .body = {.declare = change->declare}};
    struct dr_answer answer = {0};

    if (!dr_admit(core, &command, 1000000, &batch, &answer))
        fail_msg("%s %s (%s) is refused: %s: %s", change->kind, change->name, change->text,
                 answer.field, answer.text);
}

/* Apply a file: every change is admitted. Returns how many there were; prints them into `text` if
 * it is not NULL: "kind name: text" lines. */
uint32_t fed_apply(struct dr_core *core, const char *yaml, struct dr_buffer *text)
{
    struct dr_federation *federation = fed_parse(yaml);
    struct dr_error_list errors = {0};
    struct dr_change *changes;
    uint32_t count;

    if (dr_federation_changes(federation, core, &changes, &count, &errors) != DR_OK) {
        print_errors(&errors);
        fail_msg("no changes can be made");
    }
    for (uint32_t i = 0; i < count; i += 1) {
        if (text != NULL)
            dr_buffer_printf(text, "%s %s: %s\n", changes[i].kind, changes[i].name,
                             changes[i].text);
        CHECK(changes[i].text[0] != '\0');
        admit(core, &changes[i]);
    }
    dr_error_list_deinit(&errors);
    dr_federation_close(federation);
    return count;
}

/* The file asks for nothing more; says for what if it does. */
void fed_check_nothing(struct dr_core *core, const char *yaml)
{
    struct dr_buffer text;

    dr_buffer_init(&text, 1 << 16);
    fed_apply(core, yaml, &text);
    CHECK_TEXT(dr_buffer_text(&text), "");
    dr_buffer_deinit(&text);
}

/* The file with one text replaced by another; the same buffer each call. */
const char *fed_edited(const char *yaml, const char *from, const char *to)
{
    static char texts[4][16384];
    static int turn;
    char *text = texts[turn];
    const char *at = strstr(yaml, from);

    if (at == NULL)
        fail_msg("'%s' is not in the file", from);
    turn = (turn + 1) % 4;
    snprintf(text, sizeof texts[0], "%.*s%s%s", (int)(at - yaml), yaml, to, at + strlen(from));
    return text;
}
