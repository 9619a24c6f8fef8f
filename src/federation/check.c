/* SPDX-License-Identifier: Apache-2.0 */
/* What takes more than one part of a file to judge: classes and sites, names of nodes, power, uids,
 * admins. Sums of guarantees are in check_quotas.c. */
#include <inttypes.h>

#include "federation/check.h"

void dr_check_pool_path(const struct dr_federation *federation, const struct dr_fed_pool *pool,
                        char *text, size_t bytes)
{
    snprintf(text, bytes, "sites.%s.pools.%s", federation->sites[pool->set.site - 1].set.name,
             pool->set.name);
}

int dr_check_within(const struct dr_federation *federation, uint32_t place, uint32_t above)
{
    while (place != above && place != 0)
        place = federation->accounts[place].set.parent - 1;
    return place == above;
}

/* ---- classes, sites, datasets ---- */

/* NULL: the site may host the class; else what stands against it. */
static const char *class_refused(const struct dr_fed_class *class, const struct dr_fed_site *site,
                                 char text[200])
{
    const struct dr_fact_data_class_set *set = &class->set;
    uint32_t i = 0;

    if (site->set.assurance < set->assurance_min) {
        snprintf(text, 200, "a site of assurance %" PRIu32 " or more: this one has %" PRIu32,
                 set->assurance_min, site->set.assurance);
        return text;
    }
    if (set->jurisdictions_count == 0)
        return NULL;
    while (i < set->jurisdictions_count &&
           strcmp(set->jurisdictions[i].text, site->set.jurisdiction) != 0)
        i += 1;
    if (i < set->jurisdictions_count)
        return NULL;
    snprintf(text, 200, "a site in a jurisdiction of the class (%s%s): this one's is '%s'",
             set->jurisdictions[0].text, set->jurisdictions_count > 1 ? ", ..." : "",
             site->set.jurisdiction);
    return text;
}

static void check_places(struct dr_checker *checker)
{
    const struct dr_federation *federation = checker->federation;
    uint32_t local_sites = 0;
    char field[300];
    char text[200];

    for (uint32_t s = 0; s < federation->sites_count; s += 1) {
        const struct dr_fed_site *site = &federation->sites[s];

        for (uint32_t c = 0; c < federation->classes_count && c < DR_DATA_CLASSES_MAX; c += 1) {
            const char *refused;

            if (!((site->set.classes >> c) & 1))
                continue;
            refused = class_refused(&federation->classes[c], site, text);
            if (refused == NULL)
                continue;
            snprintf(field, sizeof field, "sites.%s.data_classes", site->set.name);
            dr_error_list_add(checker->errors, federation->file, site->classes_node->line, field,
                              federation->classes[c].set.name, "%s", refused);
        }
        if (site->set.engine == DR_ENGINE_LOCAL) {
            local_sites += 1;
            if (local_sites == 2) {
                snprintf(field, sizeof field, "sites.%s.engine", site->set.name);
                dr_error_list_add(
                    checker->warnings, federation->file, site->line, field, "local",
                    "one local site: a second one shares this machine with the first");
            }
        }
    }
    for (uint32_t d = 0; d < federation->datasets_count; d += 1) {
        const struct dr_fed_dataset *dataset = &federation->datasets[d];
        uint32_t class = dataset->set.data_class;

        for (uint32_t s = 0; class != 0 && s < federation->sites_count && s < DR_SITES_MAX;
             s += 1) {
            if (!dr_site_set_has(&dataset->set.sites, s) || federation->sites[s].classes_unsure ||
                (federation->sites[s].set.classes >> (class - 1)) & 1)
                continue;
            snprintf(field, sizeof field, "datasets.%s.sites", dataset->set.name);
            dr_error_list_add(checker->errors, federation->file, dataset->line, field,
                              federation->sites[s].set.name, "a site whose data_classes include %s",
                              federation->classes[class - 1].set.name);
        }
    }
}

/* ---- nodes ---- */

static void check_nodes(struct dr_checker *checker)
{
    const struct dr_federation *federation = checker->federation;
    uint64_t nodes = 0;
    char field[300];
    char other[300];

    for (uint32_t p = 0; p < federation->pools_count; p += 1)
        nodes += federation->pools[p].nodes;
    if (nodes > (uint64_t)DR_FEDERATION_NODES_MAX) {
        char found[32];

        snprintf(found, sizeof found, "%" PRIu64 " nodes", nodes);
        dr_error_list_add(checker->errors, federation->file, 0, "sites", found,
                          "at most %" PRId64 " in all", DR_FEDERATION_NODES_MAX);
    }
    if (federation->pools_count > DR_POOLS_MAX)
        return; /* that there are too many has been said */
    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fed_pool *pool = &federation->pools[p];

        for (uint32_t q = 0; q < p; q += 1) {
            const struct dr_fed_pool *before = &federation->pools[q];

            if (strcmp(pool->set.node_prefix, before->set.node_prefix) != 0 ||
                pool->set.node_first >= before->set.node_first + before->nodes ||
                before->set.node_first >= pool->set.node_first + pool->nodes)
                continue;
            dr_check_pool_path(federation, pool, field, sizeof field - 20);
            dr_check_pool_path(federation, before, other, sizeof other);
            snprintf(field + strlen(field), 20, ".node_names");
            dr_error_list_add(checker->errors, federation->file, pool->line, field,
                              pool->set.node_prefix,
                              "names of its own: %s counts through the same numbers", other);
        }
    }
}

/* Facility milliwatts that a site's nodes draw when idle. */
static __int128 idle_mw(const struct dr_federation *federation, uint32_t site_place)
{
    __int128 idle_w = 0;

    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fact_pool_set *set = &federation->pools[p].set;
        __int128 node_w = set->node_idle_w;

        if (set->site != site_place + 1)
            continue;
        if (set->chip != 0)
            node_w += (__int128)set->accelerators * federation->chips[set->chip - 1].set.idle_w;
        idle_w += node_w * federation->pools[p].nodes;
    }
    return idle_w * federation->sites[site_place].set.pue_milli;
}

static __int128 zone_idle_mw(const struct dr_federation *federation, uint32_t zone_place)
{
    __int128 sum_mw = 0;

    for (uint32_t s = 0; s < federation->sites_count; s += 1)
        if (federation->sites[s].set.zone == zone_place + 1)
            sum_mw += idle_mw(federation, s);
    return sum_mw;
}

static void check_cap(struct dr_checker *checker, const char *section, const char *name,
                      uint32_t line, int64_t cap_w, __int128 draw_mw)
{
    __int128 draw_w = draw_mw / 1000;
    char field[300];
    char found[64];

    if (cap_w == 0 || draw_w <= cap_w)
        return;
    snprintf(field, sizeof field, "%s.%s.power_cap", section, name);
    snprintf(found, sizeof found, "%" PRId64 " W", cap_w);
    dr_error_list_add(checker->warnings, checker->federation->file, line, field, found,
                      "more than its nodes draw when idle, %" PRId64 " W",
                      draw_w > INT64_MAX ? INT64_MAX : (int64_t)draw_w);
}

static void check_power(struct dr_checker *checker)
{
    const struct dr_federation *federation = checker->federation;

    for (uint32_t s = 0; s < federation->sites_count; s += 1)
        check_cap(checker, "sites", federation->sites[s].set.name, federation->sites[s].line,
                  federation->sites[s].set.power_cap_w, idle_mw(federation, s));
    for (uint32_t z = 0; z < federation->zones_count; z += 1)
        check_cap(checker, "zones", federation->zones[z].set.name, federation->zones[z].line,
                  federation->zones[z].set.power_cap_w, zone_idle_mw(federation, z));
    for (uint32_t c = 0; c < federation->caps_count; c += 1) {
        const struct dr_fed_cap *cap = &federation->caps[c];

        if (cap->set.zone != 0 || cap->set.site != 0)
            check_cap(checker, "caps", cap->set.name, cap->line, cap->set.power_cap_w,
                      cap->set.zone != 0 ? zone_idle_mw(federation, cap->set.zone - 1)
                                         : idle_mw(federation, cap->set.site - 1));
    }
}

/* ---- users ---- */

static int check_users(struct dr_checker *checker)
{
    struct dr_federation *federation = checker->federation;
    struct dr_map by_uid;
    uint32_t admins = 0;
    char field[300];
    char found[32];

    if (dr_map_init(&by_uid, &federation->arena, federation->users_count) != DR_OK)
        return 0;
    dr_map_clear(&by_uid); /* the arena may have been used here before */
    for (uint32_t u = 0; u < federation->users_count; u += 1) {
        const struct dr_fed_user *user = &federation->users[u];
        const struct dr_fact_user_set *set = &user->set;

        admins += (set->roles >> DR_ROLE_ADMIN) & 1;
        snprintf(found, sizeof found, "%" PRIu32, set->uid);
        if (set->uid != DR_NO_UID) {
            uint32_t other = dr_map_find(&by_uid, (uint64_t)set->uid + 1);

            snprintf(field, sizeof field, "users.%s.uid", set->name);
            if (other == DR_MAP_NONE)
                dr_map_insert(&by_uid, (uint64_t)set->uid + 1, u);
            else
                dr_error_list_add(checker->errors, federation->file, user->line, field, found,
                                  "a uid of its own: user %s on line %" PRIu32 " has it",
                                  federation->users[other].set.name, federation->users[other].line);
            if (set->uid == 0)
                dr_error_list_add(
                    checker->warnings, federation->file, user->line, field, found,
                    "an unprivileged account: no job runs as uid 0, this user's run as "
                    "federation.job_user");
        }
        if (set->uid != 0 && set->gid == 0) {
            snprintf(field, sizeof field, "users.%s.gid", set->name);
            dr_error_list_add(checker->errors, federation->file, user->line, field, "0",
                              "a group other than 0: no job runs in it");
        }
        if (set->roles == 0 && set->memberships_count == 0) {
            snprintf(field, sizeof field, "users.%s", set->name);
            dr_error_list_add(checker->warnings, federation->file, user->line, field,
                              "no role anywhere", "roles, or accounts that it may submit to");
        }
        if (set->default_account != 0) {
            const struct dr_fed_account *account = &federation->accounts[set->default_account - 1];
            int may = set->roles != 0 || user->accounts_unsure;

            snprintf(field, sizeof field, "users.%s.default_account", set->name);
            for (uint32_t i = 0; i < set->memberships_count && !may; i += 1)
                may = dr_check_within(federation, set->default_account - 1,
                                      set->memberships[i].account.v - 1);
            if (!may)
                dr_error_list_add(
                    checker->errors, federation->file, user->line, field, account->set.name,
                    "an account in which it has a role: it is not among its accounts");
        }
    }
    if (admins == 0)
        dr_error_list_add(checker->errors, federation->file,
                          federation->users_line == 0 ? 1 : federation->users_line, "users",
                          "no admin", "at least one user with roles: [admin]");
    return 1;
}

int dr_federation_check(struct dr_federation *federation, struct dr_error_list *errors,
                        struct dr_error_list *warnings)
{
    struct dr_checker checker = {.federation = federation, .errors = errors, .warnings = warnings};

    check_places(&checker);
    check_nodes(&checker);
    check_power(&checker);
    if (federation->amounts_known && !dr_check_quotas(&checker))
        return 0;
    return check_users(&checker);
}
