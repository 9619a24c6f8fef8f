/* SPDX-License-Identifier: Apache-2.0 */
/* What would change if the file said something else: edits of the living federation. */
#include "test.h"

#include "fed_world.h"

/* What the edits change in the living FED_WORLD, a line each; or the mistakes, a line each. */
static const char *edited(const struct dr_edit *edits, uint32_t count)
{
    static char text[8192];
    static struct dr_buffer yaml;
    struct dr_core *core = fed_core();
    struct dr_federation *federation = NULL;
    struct dr_error_list errors = {0};
    struct dr_change *changes = NULL;
    uint32_t changes_count = 0;
    char line[1400];

    fed_apply(core, FED_WORLD, NULL);
    dr_buffer_init(&yaml, 1 << 16);
    dr_federation_write(core, &yaml);
    text[0] = '\0';
    if (dr_federation_parse_edited(&federation, "as it is", dr_buffer_text(&yaml), yaml.length,
                                   edits, count, &errors, NULL) == DR_OK)
        CHECK_EQ(dr_federation_changes(federation, core, &changes, &changes_count, &errors), DR_OK);
    for (uint32_t i = 0; i < changes_count; i += 1)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s %s: %s\n", changes[i].kind,
                 changes[i].name, changes[i].text);
    for (uint32_t i = 0; i < errors.count; i += 1)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n",
                 dr_error_line(&errors.errors[i], line, sizeof line));
    dr_federation_close(federation);
    dr_error_list_deinit(&errors);
    dr_buffer_deinit(&yaml);
    dr_core_close(core);
    return text;
}

#define EDIT(...) edited(&(struct dr_edit){__VA_ARGS__}, 1)

TEST(nothing_edited_is_nothing_changed)
{
    CHECK_TEXT(edited(NULL, 0), "");
}

/* What follows from capacity follows: the root, and guarantees of CPUs and memory stay in
 * proportion. */
TEST(nodes_are_added)
{
    CHECK_TEXT(EDIT(DR_EDIT_ADD_NODES, "gwangju/h200", NULL, "4"),
               "nodes gwangju/h200: nodes: 8 -> 12\n"
               "account nation: guarantee h200: 64 -> 96; guarantee h200-cpus: 768 -> 1152; "
               "guarantee h200-memory: 8T -> 12T\n");
    CHECK_TEXT(EDIT(DR_EDIT_ADD_NODES, "gwangju/h20", NULL, "4"),
               "add: found 'gwangju/h20', expected SITE/POOL, a pool of the federation; did you "
               "mean gwangju/h200?\n");
    CHECK_TEXT(EDIT(DR_EDIT_ADD_NODES, "gwangju/h200", NULL, "-4"),
               "add: found '-4', expected a number of nodes, 1 to 1048576\n");
    CHECK_TEXT(EDIT(DR_EDIT_ADD_NODES, "gwangju/h200", NULL, "1048576"),
               "as it is: sites: found '1048590 nodes', expected at most 1048576 in all\n");
}

TEST(guarantees_are_changed)
{
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", NULL, "+50%"),
               "account academia: guarantee h200: 24 -> 32; guarantee h200-cpus: 288 -> 384; "
               "guarantee h200-memory: 3T -> 4T\n"
               "account university: guarantee h200: 16 -> 24; guarantee h200-cpus: 192 -> 288; "
               "guarantee h200-memory: 2T -> 3T\n");
    /* Its sector states nothing, and has what those below it have. */
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "academia", NULL, "+8"),
               "account academia: guarantee h200: 24 -> 32; guarantee h200-cpus: 288 -> 384; "
               "guarantee h200-memory: 3T -> 4T\n");
    /* The sector's 32 are raised for it. */
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "shipyard", "h200", "40"),
               "account industry: guarantee h200: 32 -> 40; guarantee h200-cpus: 384 -> 480; "
               "guarantee h200-memory: 4T -> 5T\n"
               "account shipyard: guarantee h200: 24 -> 40; guarantee h200-cpus: 288 -> 480; "
               "guarantee h200-memory: 3T -> 5T\n");
    CHECK_TEXT(
        EDIT(DR_EDIT_GUARANTEE, "shipyard", NULL, "-50%"),
        "account shipyard: guarantee h200: 24 -> 12; guarantee h200-cpus: 288 -> 144; guarantee "
        "h200-memory: 3T -> 1536G; guarantee rngd-of-shipyard: 12 -> 6; guarantee "
        "rngd-of-shipyard-cpus: 96 -> 48; guarantee rngd-of-shipyard-memory: 768G -> 384G\n"
        "account industry: guarantee rngd-of-shipyard: 12 -> 6; guarantee rngd-of-shipyard-cpus: "
        "96 -> 48; guarantee rngd-of-shipyard-memory: 768G -> 384G\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "institute", NULL, "0"),
               "account institute: guarantee h200: 8 -> 0; guarantee h200-cpus: 96 -> 0; guarantee "
               "h200-memory: 1T -> 0M\n"
               "account academia: guarantee h200: 24 -> 16; guarantee h200-cpus: 288 -> 192; "
               "guarantee h200-memory: 3T -> 2T\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "institute", "rngd-of-shipyard", "4"),
               "account academia: guarantee rngd-of-shipyard: 0 -> 4; guarantee "
               "rngd-of-shipyard-cpus: 0 -> 32; guarantee rngd-of-shipyard-memory: 0M -> 256G\n"
               "account institute: guarantee rngd-of-shipyard: 0 -> 4; guarantee "
               "rngd-of-shipyard-cpus: 0 -> 32; guarantee rngd-of-shipyard-memory: 0M -> 256G\n");
}

TEST(guarantees_that_can_not_be_are_refused)
{
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "universty", NULL, "+50%"),
               "quota: found 'universty', expected an account below the root of the federation; "
               "did you mean university?\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "nation", NULL, "+50%"),
               "quota: found 'nation', expected an account below the root of the federation\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", "h20", "+50%"),
               "quota: found 'h20', expected a quota group of accelerators of the federation; did "
               "you mean h200?\n");
    CHECK_TEXT(
        EDIT(DR_EDIT_GUARANTEE, "university", "h200-cpus", "+50%"),
        "quota: found 'h200-cpus', expected a quota group of accelerators of the federation\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", NULL, "much"),
               "quota: found 'much', expected a change of the guarantee that leaves 0 or more: "
               "+10%, -10%, +16, -16, or what it is to be: 64\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", NULL, "+"),
               "quota: found '+', expected a change of the guarantee that leaves 0 or more: +10%, "
               "-10%, +16, -16, or what it is to be: 64\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", NULL, ""),
               "quota: found 'nothing', expected a change of the guarantee that leaves 0 or more: "
               "+10%, -10%, +16, -16, or what it is to be: 64\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", NULL, "-17"),
               "quota: found '-17', expected a change of the guarantee that leaves 0 or more: "
               "+10%, -10%, +16, -16, or what it is to be: 64\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", NULL, "50%"),
               "quota: found '50%', expected a change of the guarantee that leaves 0 or more: "
               "+10%, -10%, +16, -16, or what it is to be: 64\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "shipyard", NULL, "+1"),
               "quota: found 'shipyard', expected ACCOUNT/GROUP: there is more than one group that "
               "could be meant\n");
    CHECK_TEXT(EDIT(DR_EDIT_GUARANTEE, "university", NULL, "+60"),
               "as it is:88: accounts: found '116 guaranteed in group h200 (academia 84, industry "
               "32)', expected at most 64, the group's declared capacity\n");
}

TEST(caps_are_set_and_lifted)
{
    CHECK_TEXT(EDIT(DR_EDIT_CAP, "gwangju", NULL, "1.5MW"),
               "site gwangju: power_cap: 0W -> 1500000W\n");
    CHECK_TEXT(EDIT(DR_EDIT_CAP, "gwangju", NULL, "none"), "");
    CHECK_TEXT(EDIT(DR_EDIT_CAP, "gwanju", NULL, "none"),
               "cap: found 'gwanju', expected a site of the federation; did you mean gwangju?\n");
    CHECK_TEXT(EDIT(DR_EDIT_CAP, "gwangju", NULL, "hot"),
               "cap: found 'hot', expected power (700, 1.2kW, 3MW, 0.4GW), or none\n");
    CHECK_TEXT(EDIT(DR_EDIT_CAP, "gwangju", NULL, "0"),
               "cap: found '0', expected power (700, 1.2kW, 3MW, 0.4GW), or none\n");
}

/* Nodes first, then the guarantee that they make room for; every mistake is told. */
TEST(edits_go_together)
{
    CHECK_TEXT(edited((struct dr_edit[]){{DR_EDIT_GUARANTEE, "university", NULL, "+60"},
                                         {DR_EDIT_ADD_NODES, "gwangju/h200", NULL, "8"}},
                      2),
               "nodes gwangju/h200: nodes: 8 -> 16\n"
               "account nation: guarantee h200: 64 -> 128; guarantee h200-cpus: 768 -> 1536; "
               "guarantee h200-memory: 8T -> 16T\n"
               "account academia: guarantee h200: 24 -> 84; guarantee h200-cpus: 288 -> 1008; "
               "guarantee h200-memory: 3T -> 10752G\n"
               "account university: guarantee h200: 16 -> 76; guarantee h200-cpus: 192 -> 912; "
               "guarantee h200-memory: 2T -> 9728G\n");
    CHECK_TEXT(edited((struct dr_edit[]){{DR_EDIT_GUARANTEE, "university", NULL, "x"},
                                         {DR_EDIT_CAP, "moon", NULL, "1MW"}},
                      2),
               "quota: found 'x', expected a change of the guarantee that leaves 0 or more: +10%, "
               "-10%, +16, -16, or what it is to be: 64\n"
               "cap: found 'moon', expected a site of the federation\n");
}
