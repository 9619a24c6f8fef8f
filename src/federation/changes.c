/* SPDX-License-Identifier: Apache-2.0 */
/* The difference between a file and the living federation, as declarations in an order in which
 * each is valid. Read dr_federation_changes() at the end first: it is that order.
 *
 * Parts are the same when their names are. The `set` facts of the file refer to places in the file;
 * here they are copied and given the core's ids, those of new parts predicted. */
#include <inttypes.h>
#include <stdarg.h>

#include "base/math.h"
#include "federation/file.h"

/* The living parts of one kind by name. */
struct known {
    struct dr_fed_names names;
    uint32_t *rows; /* [names.count] */
};

struct differ {
    struct dr_federation *federation;
    const struct dr_core *core;
    struct dr_error_list *errors;
    struct dr_change *changes;
    uint32_t count;
    uint32_t count_max;
    /* [place in the file] -> the core's id; above the core's count: to be made */
    uint32_t *chips;
    uint32_t *classes;
    uint32_t *sites;
    uint32_t *pools;
    uint32_t *groups;
    uint32_t *accounts;
    uint32_t *datasets;
    uint32_t *users;
    /* [row in the core] -> place in the file plus one; 0: not in it */
    uint32_t *chip_places;
    uint32_t *class_places;
    uint32_t *site_places;
    uint32_t *pool_places;
    uint32_t *group_places;
    uint32_t *account_places;
    uint32_t *dataset_places;
    uint32_t *user_places;
    uint8_t *account_made; /* [place] its first declaration is out */
};

/* ---- changes and their words ---- */

static struct dr_change *add_change(struct differ *differ, const char *kind, const char *name,
                                    enum dr_fact_kind fact)
{
    struct dr_change *change = &differ->changes[differ->count];

    DR_ASSERT(differ->count < differ->count_max);
    differ->count += 1;
    memset(change, 0, sizeof *change);
    snprintf(change->kind, sizeof change->kind, "%s", kind);
    snprintf(change->name, sizeof change->name, "%s", name);
    change->declare.kind = fact;
    return change;
}

static void say(struct dr_change *change, const char *format, ...) DR_PRINTF(2, 3);

/* One more part of the sentence; what does not fit ends in "...". */
static void say(struct dr_change *change, const char *format, ...)
{
    size_t length = strlen(change->text);
    size_t bytes = sizeof change->text;
    va_list arguments;
    int added;

    if (length > 0)
        length += (size_t)snprintf(change->text + length, bytes - length, "; ");
    if (length >= bytes)
        length = bytes - 1;
    va_start(arguments, format);
    added = vsnprintf(change->text + length, bytes - length, format, arguments);
    va_end(arguments);
    if (added > 0 && length + (size_t)added >= bytes)
        memcpy(change->text + bytes - 4, "...", 4);
}

/* These say what differs in one field, and are silent where nothing does. */

static void say_text(struct dr_change *change, const char *field, const char *from, const char *to)
{
    if (strcmp(from, to) != 0)
        say(change, "%s: %s -> %s", field, from[0] == '\0' ? "none" : from,
            to[0] == '\0' ? "none" : to);
}

static void say_number(struct dr_change *change, const char *field, const char *unit, int64_t from,
                       int64_t to)
{
    if (from != to)
        say(change, "%s: %" PRId64 "%s -> %" PRId64 "%s", field, from, unit, to, unit);
}

static void say_milli(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_TEXT_BYTES];
    char b[DR_TEXT_BYTES];

    if (from != to)
        say(change, "%s: %s -> %s", field, dr_format_milli(from, a), dr_format_milli(to, b));
}

static void say_duration(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        say(change, "%s: %s -> %s", field, dr_format_exact_duration(from, a),
            dr_format_exact_duration(to, b));
}

static void say_memory(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        say(change, "%s: %s -> %s", field, dr_format_exact_memory(from, a),
            dr_format_exact_memory(to, b));
}

static void say_money(struct dr_change *change, const char *field, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        say(change, "%s: %s -> %s", field, dr_format_exact_money(from, a),
            dr_format_exact_money(to, b));
}

static void say_flag(struct dr_change *change, const char *field, int from, int to)
{
    if (from != to)
        say(change, "%s: %s -> %s", field, from ? "yes" : "no", to ? "yes" : "no");
}

static void say_uid(struct dr_change *change, const char *field, uint32_t from, uint32_t to)
{
    char a[16] = "none";
    char b[16] = "none";

    if (from == to)
        return;
    if (from != DR_NO_UID)
        snprintf(a, sizeof a, "%" PRIu32, from);
    if (to != DR_NO_UID)
        snprintf(b, sizeof b, "%" PRIu32, to);
    say(change, "%s: %s -> %s", field, a, b);
}

static int names_differ(const struct dr_name *a, uint32_t a_count, const struct dr_name *b,
                        uint32_t b_count)
{
    if (a_count != b_count)
        return 1;
    for (uint32_t i = 0; i < a_count; i += 1) {
        if (strcmp(a[i].text, b[i].text) != 0)
            return 1;
    }
    return 0;
}

/* Of an existing part: keep the change if it says something, else take it back. */
static void keep_or_drop(struct differ *differ, const struct dr_change *change)
{
    if (change->text[0] == '\0')
        differ->count -= 1;
}

static void refuse(struct differ *differ, uint32_t line, const char *field, const char *found,
                   const char *format, ...) DR_PRINTF(5, 6);

static void refuse(struct differ *differ, uint32_t line, const char *field, const char *found,
                   const char *format, ...)
{
    char expected[400];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    dr_error_list_add(differ->errors, differ->federation->file, line, field, found, "%s", expected);
}

/* ---- who is who ---- */

/* Match the parts of one kind, by name: ids[place] and places[row]. `names` has the living rows.
 * Returns how many are new. */
static uint32_t match(uint32_t *ids, uint32_t *places, uint32_t count, uint32_t rows_count,
                      const struct known *known,
                      const char *(*name_of)(const struct dr_federation *, uint32_t),
                      const struct dr_federation *federation)
{
    uint32_t fresh = 0;

    for (uint32_t place = 0; place < count; place += 1) {
        uint32_t at = dr_fed_names_find(&known->names, name_of(federation, place));

        if (at == DR_MAP_NONE) {
            fresh += 1;
            ids[place] = rows_count + fresh;
        } else {
            ids[place] = known->rows[at] + 1;
            places[known->rows[at]] = place + 1;
        }
    }
    return fresh;
}

#define NAME_OF(function, table)                                                        \
    static const char *function(const struct dr_federation *federation, uint32_t place) \
    {                                                                                   \
        return federation->table[place].set.name;                                       \
    }
NAME_OF(chip_name, chips)
NAME_OF(class_name, classes)
NAME_OF(site_name, sites)
NAME_OF(group_name, groups)
NAME_OF(account_name, accounts)
NAME_OF(dataset_name, datasets)
NAME_OF(user_name, users)

/* Fill differ->TABLE and differ->PLACES; 0: the arena is full. */
#define MATCH(TABLE, PLACES, NAME, IS_REMOVED, MAX, WHAT)                                          \
    do {                                                                                           \
        struct known known;                                                                        \
        uint32_t fresh;                                                                            \
                                                                                                   \
        differ->TABLE = dr_fed_push(arena, federation->TABLE##_count, sizeof(uint32_t));           \
        differ->PLACES = dr_fed_push(arena, core->TABLE##_count, sizeof(uint32_t));                \
        known.rows = dr_fed_push(arena, core->TABLE##_count, sizeof(uint32_t));                    \
        if (differ->TABLE == NULL || differ->PLACES == NULL || known.rows == NULL ||               \
            !dr_fed_names_init(&known.names, arena, core->TABLE##_count))                          \
            return 0;                                                                              \
        for (uint32_t row = 0; row < core->TABLE##_count; row += 1) {                              \
            if (IS_REMOVED)                                                                        \
                continue;                                                                          \
            known.rows[known.names.count] = row;                                                   \
            dr_fed_names_add(&known.names, core->TABLE[row].name);                                 \
        }                                                                                          \
        fresh = match(differ->TABLE, differ->PLACES, federation->TABLE##_count,                    \
                      core->TABLE##_count, &known, NAME, federation);                              \
        if (fresh > (MAX)-core->TABLE##_count)                                                     \
            refuse(differ, 0, #TABLE, "more than there is room for",                               \
                   "at most %" PRIu32 " new " WHAT " (of %" PRIu32 " in this controller, %" PRIu32 \
                   " are used, those removed included)",                                           \
                   (uint32_t)(MAX)-core->TABLE##_count, (uint32_t)(MAX), core->TABLE##_count);     \
    } while (0)

static int match_all(struct differ *differ)
{
    struct dr_federation *federation = differ->federation;
    struct dr_arena *arena = &federation->arena;
    const struct dr_core *core = differ->core;
    uint32_t new_pools = 0;

    MATCH(chips, chip_places, chip_name, core->chips[row].removed, DR_CHIPS_MAX, "chips");
    MATCH(classes, class_places, class_name, core->classes[row].removed, DR_DATA_CLASSES_MAX,
          "data classes");
    MATCH(sites, site_places, site_name, core->sites[row].removed, DR_SITES_MAX, "sites");
    MATCH(groups, group_places, group_name, 0, core->limits.groups_max, "quota groups");
    MATCH(datasets, dataset_places, dataset_name, core->datasets[row].removed,
          core->limits.datasets_max, "datasets");
    MATCH(users, user_places, user_name, core->users[row].removed, core->limits.users_max, "users");
    MATCH(accounts, account_places, account_name, core->accounts[row].removed,
          core->limits.accounts_max, "accounts");

    /* Pools by site and name. */
    differ->pools = dr_fed_push(arena, federation->pools_count, sizeof(uint32_t));
    differ->pool_places = dr_fed_push(arena, core->pools_count, sizeof(uint32_t));
    differ->account_made = dr_fed_push(arena, federation->accounts_count, 1);
    if (differ->pools == NULL || differ->pool_places == NULL || differ->account_made == NULL)
        return 0;
    for (uint32_t place = 0; place < federation->pools_count; place += 1) {
        const struct dr_fact_pool_set *set = &federation->pools[place].set;
        uint32_t site = differ->sites[set->site - 1];
        uint32_t id =
            site > core->sites_count ? 0 : dr_pool_named(core, (dr_site_id){site}, set->name).v;

        if (id == 0) {
            new_pools += 1;
            id = core->pools_count + new_pools;
        } else {
            differ->pool_places[id - 1] = place + 1;
        }
        differ->pools[place] = id;
    }
    if (new_pools > core->limits.pools_max - core->pools_count)
        refuse(differ, 0, "pools", "more than there is room for",
               "at most %" PRIu32 " new pools (those removed keep their place)",
               core->limits.pools_max - core->pools_count);
    return 1;
}

/* The root is the root, whatever the federation is called. */
static void match_root(struct differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t namesake;

    if (core->accounts_count == 0)
        return;
    namesake = differ->account_places[0];
    if (namesake > 1)
        refuse(differ, federation->accounts[namesake - 1].line,
               federation->accounts[namesake - 1].set.name,
               federation->accounts[namesake - 1].set.name,
               "a name other than the one that the federation had");
    if (differ->accounts[0] > 1 && differ->accounts[0] <= core->accounts_count)
        refuse(differ, federation->line, "federation.name", federation->settings.name,
               "a name other than an account's, until that has been removed");
    differ->accounts[0] = 1;
    differ->account_places[0] = 1;
}

/* Ids of new accounts are given out in the order in which declare_needed_accounts() and then
 * declare_account() make them. */
static void number_accounts(struct differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t next = core->accounts_count;

    for (uint32_t pass = 0; pass < 2; pass += 1) {
        for (uint32_t place = 0; place < federation->accounts_count; place += 1) {
            if (differ->accounts[place] <= core->accounts_count ||
                differ->account_made[place] != (pass == 0))
                continue;
            next += 1;
            differ->accounts[place] = next;
        }
    }
}

/* ---- settings, chips, classes, sites ---- */

static void declare_settings(struct differ *differ)
{
    const struct dr_fact_settings_set *to = &differ->federation->settings;
    const struct dr_settings *from = &differ->core->settings;
    struct dr_change *change = add_change(differ, "settings", to->name, DR_FACT_SETTINGS_SET);

    change->declare.settings_set = *to;
    if (from->name[0] == '\0') {
        say(change, "new");
        return;
    }
    say_text(change, "name", from->name, to->name);
    say_text(change, "currency", from->currency, to->currency);
    say_duration(change, "half_life", from->half_life_us, to->half_life_us);
    say_duration(change, "minimum_run", from->minimum_run_us, to->minimum_run_us);
    say_duration(change, "loss_cap", from->loss_cap_us, to->loss_cap_us);
    say_duration(change, "preemption_credit", from->preemption_credit_us, to->preemption_credit_us);
    say_duration(change, "default_limit", from->default_limit_us, to->default_limit_us);
    say_duration(change, "default_grace", from->default_grace_us, to->default_grace_us);
    say_duration(change, "retain_ended", from->retain_ended_us, to->retain_ended_us);
    say_number(change, "requeue_limit", "", from->requeue_limit, to->requeue_limit);
    say_number(change, "reserve_depth", "", from->reserve_depth, to->reserve_depth);
    say_money(change, "span_price", from->span_price_micro, to->span_price_micro);
    say_uid(change, "job_user", from->job_uid, to->job_uid);
    say_uid(change, "job_gid", from->job_gid, to->job_gid);
    keep_or_drop(differ, change);
}

static void declare_chips(struct differ *differ)
{
    for (uint32_t place = 0; place < differ->federation->chips_count; place += 1) {
        const struct dr_fact_chip_set *to = &differ->federation->chips[place].set;
        struct dr_change *change = add_change(differ, "chip", to->name, DR_FACT_CHIP_SET);
        uint32_t id = differ->chips[place];
        const struct dr_chip *from;

        change->declare.chip_set = *to;
        change->declare.chip_set.chip = id;
        if (id > differ->core->chips_count) {
            say(change, "new%s", to->is_virtual ? ", virtual" : "");
            continue;
        }
        from = &differ->core->chips[id - 1];
        say_text(change, "vendor", from->vendor, to->vendor);
        say_text(change, "country", from->country, to->country);
        say_memory(change, "memory", from->memory_mb, to->memory_mb);
        say_number(change, "idle_power", "W", from->idle_w, to->idle_w);
        say_number(change, "busy_power", "W", from->busy_w, to->busy_w);
        say_money(change, "price", from->price_micro, to->price_micro);
        say_flag(change, "virtual", from->is_virtual, to->is_virtual);
        if (names_differ(from->stacks, from->stacks_count, to->stacks, to->stacks_count))
            say(change, "stacks: %" PRIu32 " -> %" PRIu32 " named", from->stacks_count,
                to->stacks_count);
        keep_or_drop(differ, change);
    }
}

static void declare_classes(struct differ *differ)
{
    static const char *const shares[] = {"accelerator", "node", "block", "none"};

    for (uint32_t place = 0; place < differ->federation->classes_count; place += 1) {
        const struct dr_fact_data_class_set *to = &differ->federation->classes[place].set;
        struct dr_change *change =
            add_change(differ, "data class", to->name, DR_FACT_DATA_CLASS_SET);
        uint32_t id = differ->classes[place];
        const struct dr_data_class *from;

        change->declare.data_class_set = *to;
        change->declare.data_class_set.data_class = id;
        if (id > differ->core->classes_count) {
            say(change, "new");
            continue;
        }
        from = &differ->core->classes[id - 1];
        if (names_differ(from->jurisdictions, from->jurisdictions_count, to->jurisdictions,
                         to->jurisdictions_count))
            say(change, "jurisdictions: %" PRIu32 " -> %" PRIu32 " named",
                from->jurisdictions_count, to->jurisdictions_count);
        say_number(change, "assurance", "", from->assurance_min, to->assurance_min);
        say_text(change, "share", shares[from->share & 3], shares[to->share & 3]);
        keep_or_drop(differ, change);
    }
}

/* Bits of classes from places to the core's rows. */
static uint64_t class_bits(const struct differ *differ, uint64_t places)
{
    uint64_t bits = 0;

    for (; places != 0; places &= places - 1)
        bits |= UINT64_C(1) << ((differ->classes[dr_bit_lowest(places)] - 1) % 64);
    return bits;
}

static void declare_sites(struct differ *differ)
{
    static const char *const engines[] = {"local", "simulated"};

    for (uint32_t place = 0; place < differ->federation->sites_count; place += 1) {
        const struct dr_fact_site_set *to = &differ->federation->sites[place].set;
        struct dr_change *change = add_change(differ, "site", to->name, DR_FACT_SITE_SET);
        uint64_t classes = class_bits(differ, to->classes);
        uint32_t id = differ->sites[place];
        const struct dr_site *from;

        change->declare.site_set = *to;
        change->declare.site_set.site = id;
        change->declare.site_set.classes = classes;
        if (id > differ->core->sites_count) {
            say(change, "new, engine %s", engines[to->engine & 1]);
            continue;
        }
        from = &differ->core->sites[id - 1];
        say_text(change, "operator", from->operator_name, to->operator_name);
        say_text(change, "region", from->region, to->region);
        say_text(change, "jurisdiction", from->jurisdiction, to->jurisdiction);
        say_number(change, "assurance", "", from->assurance, to->assurance);
        say_number(change, "power_cap", "W", from->power_cap_w, to->power_cap_w);
        say_milli(change, "pue", from->pue_milli, to->pue_milli);
        for (uint32_t hour = 0; hour < DR_TARIFF_HOURS; hour += 1) {
            char a[DR_AMOUNT_BYTES];
            char b[DR_AMOUNT_BYTES];

            if (from->tariff_micro[hour] == to->tariff_micro[hour])
                continue;
            say(change, "tariff: from hour %" PRIu32 " %s -> %s", hour,
                dr_format_exact_money(from->tariff_micro[hour], a),
                dr_format_exact_money(to->tariff_micro[hour], b));
            break;
        }
        say_number(change, "utc_offset", " min", from->utc_offset_min, to->utc_offset_min);
        if (from->classes != classes)
            say(change, "data_classes: %" PRIu32 " -> %" PRIu32, dr_bit_count(from->classes),
                dr_bit_count(classes));
        say_text(change, "engine", engines[from->engine & 1], engines[to->engine & 1]);
        say_flag(change, "isolated_network", from->isolated_network, to->isolated_network);
        keep_or_drop(differ, change);
    }
}

static void declare_groups(struct differ *differ)
{
    static const char *const resources[] = {"accelerators", "CPUs", "memory"};

    for (uint32_t place = 0; place < differ->federation->groups_count; place += 1) {
        const struct dr_fact_group_set *to = &differ->federation->groups[place].set;
        uint32_t id = differ->groups[place];
        struct dr_change *change;

        if (id <= differ->core->groups_count) {
            const struct dr_group *from = &differ->core->groups[id - 1];

            if (from->resource != to->resource)
                refuse(differ, 0, "group", to->name,
                       "a name of its own: there is a group of %s of this name already",
                       resources[from->resource % DR_RESOURCE_COUNT]);
            continue;
        }
        change = add_change(differ, "group", to->name, DR_FACT_GROUP_SET);
        change->declare.group_set = *to;
        change->declare.group_set.group = id;
        say(change, "new, of %s", resources[to->resource]);
    }
}

/* ---- accounts ---- */

/* What a file's account, or one that is not in the file (place 0, else place plus one), has in a
 * group of the core. */
static struct dr_quota_limits limits_in_file(const struct differ *differ, uint32_t account_place,
                                             uint32_t group_id)
{
    struct dr_quota_limits limits = {
        .group = {group_id}, .borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};
    uint32_t place = differ->group_places[group_id - 1];

    if (account_place != 0 && place != 0) {
        const struct dr_fed_limit *limit =
            &differ->federation->accounts[account_place - 1].limits[place - 1];

        limits.guarantee = limit->guarantee;
        limits.borrow = limit->borrow;
        limits.lend = limit->lend;
    }
    return limits;
}

static void say_amount(struct dr_change *change, const char *what, uint8_t resource,
                       const char *group, const char *without, int64_t from, int64_t to)
{
    char a[DR_AMOUNT_BYTES];
    char b[DR_AMOUNT_BYTES];

    if (from != to)
        say(change, "%s %s: %s -> %s", what, group,
            from == DR_FOREVER_US ? without : dr_format_amount(resource, from, a),
            to == DR_FOREVER_US ? without : dr_format_amount(resource, to, b));
}

/* Guarantees go down first, from the leaves up, so that those that go up find room. */
static void lower_guarantees(struct differ *differ)
{
    const struct dr_core *core = differ->core;
    struct dr_arena *arena = &differ->federation->arena;

    for (uint32_t row = core->accounts_count; row > 0; row -= 1) {
        const struct dr_account *account = &core->accounts[row - 1];
        uint32_t place = differ->account_places[row - 1];
        struct dr_quota_limits *limits;
        struct dr_change *change = NULL;
        uint32_t count = 0;

        if (account->removed)
            continue;
        for (uint32_t g = 1; g <= core->groups_count; g += 1) {
            const struct dr_quota *from = dr_quota_at(core, (dr_account_id){row}, (dr_group_id){g});
            struct dr_quota_limits to = limits_in_file(differ, place, g);

            if (to.guarantee >= from->guarantee)
                continue;
            if (change == NULL)
                change = add_change(differ, "account", account->name, DR_FACT_ACCOUNT_SET);
            say_amount(change, "guarantee", core->groups[g - 1].resource, core->groups[g - 1].name,
                       "", from->guarantee, to.guarantee);
        }
        if (change == NULL)
            continue;
        limits = dr_fed_push(arena, core->groups_count, sizeof limits[0]);
        if (limits == NULL) {
            refuse(differ, 0, "accounts", "too many at once", "a smaller change");
            return;
        }
        for (uint32_t g = 1; g <= core->groups_count; g += 1) {
            const struct dr_quota *from = dr_quota_at(core, (dr_account_id){row}, (dr_group_id){g});
            int64_t to = limits_in_file(differ, place, g).guarantee;

            limits[count] = (struct dr_quota_limits){.group = {g},
                                                     .guarantee = dr_min_i64(from->guarantee, to),
                                                     .borrow = from->borrow,
                                                     .lend = from->lend};
            if (limits[count].guarantee != 0 || limits[count].borrow != DR_FOREVER_US ||
                limits[count].lend != DR_FOREVER_US)
                count += 1;
        }
        change->declare.account_set =
            (struct dr_fact_account_set){.account = row,
                                         .parent = account->parent.v,
                                         .weight = account->weight,
                                         .preempt_below = account->preempt_below,
                                         .default_limit_us = account->default_limit_us,
                                         .limits = limits,
                                         .limits_count = count};
        dr_copy_name(change->declare.account_set.name, account->name);
    }
}

/* The fact of a file's account with the core's ids. */
static void fill_account(struct differ *differ, uint32_t place, struct dr_fact_account_set *fact)
{
    const struct dr_fact_account_set *set = &differ->federation->accounts[place].set;

    *fact = *set;
    fact->account = differ->accounts[place];
    fact->parent = set->parent == 0 ? 0 : differ->accounts[set->parent - 1];
    fact->limits = NULL;
    fact->limits_count = 0;
}

/* Accounts that pools name, and all above them, have to be there before the pools; what they are
 * guaranteed comes after. The root is one of them. */
static void declare_needed_accounts(struct differ *differ)
{
    const struct dr_federation *federation = differ->federation;

    for (uint32_t place = 0; place < federation->accounts_count; place += 1) {
        struct dr_change *change;

        if (!differ->account_made[place])
            continue;
        change = add_change(differ, "account", federation->accounts[place].set.name,
                            DR_FACT_ACCOUNT_SET);
        fill_account(differ, place, &change->declare.account_set);
        say(change, place == 0 ? "new, the root" : "new");
    }
}

static void need_account(struct differ *differ, uint32_t place)
{
    while (!differ->account_made[place] && differ->accounts[place] > differ->core->accounts_count) {
        differ->account_made[place] = 1;
        if (place == 0)
            return;
        place = differ->federation->accounts[place].set.parent - 1;
    }
}

static void find_needed_accounts(struct differ *differ)
{
    const struct dr_federation *federation = differ->federation;

    need_account(differ, 0);
    for (uint32_t p = 0; p < federation->pools_count; p += 1) {
        const struct dr_fact_pool_set *set = &federation->pools[p].set;

        need_account(differ, set->owner - 1);
        for (uint32_t i = 0; i < set->consent_count; i += 1)
            need_account(differ, set->consent[i] - 1);
    }
}

/* Say what differs in the limits; accelerators first, since CPUs and memory mostly follow from
 * them. */
static void say_limits(struct differ *differ, struct dr_change *change, uint32_t place)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t id = differ->accounts[place];
    int exists = id <= core->accounts_count;

    for (int accelerators = 1; accelerators >= 0; accelerators -= 1) {
        for (uint32_t g = 0; g < federation->groups_count; g += 1) {
            const struct dr_fed_limit *to = &federation->accounts[place].limits[g];
            const struct dr_fact_group_set *group = &federation->groups[g].set;
            struct dr_quota from = {.borrow = DR_FOREVER_US, .lend = DR_FOREVER_US};

            if ((group->resource == DR_RESOURCE_ACCELERATORS) != accelerators)
                continue;
            if (exists && differ->groups[g] <= core->groups_count)
                from = *dr_quota_at(core, (dr_account_id){id}, (dr_group_id){differ->groups[g]});
            /* What went down has been said and done. */
            from.guarantee = dr_min_i64(from.guarantee, to->guarantee);
            say_amount(change, "guarantee", group->resource, group->name, "", from.guarantee,
                       to->guarantee);
            say_amount(change, "borrow", group->resource, group->name, "unlimited", from.borrow,
                       to->borrow);
            say_amount(change, "lend", group->resource, group->name, "all", from.lend, to->lend);
        }
    }
    /* Groups that the file no longer has: nothing can be held in them any more. */
    for (uint32_t g = 1; exists && g <= core->groups_count; g += 1) {
        const struct dr_quota *from = dr_quota_at(core, (dr_account_id){id}, (dr_group_id){g});
        const struct dr_group *group = &core->groups[g - 1];

        if (differ->group_places[g - 1] != 0)
            continue;
        say_amount(change, "borrow", group->resource, group->name, "unlimited", from->borrow,
                   DR_FOREVER_US);
        say_amount(change, "lend", group->resource, group->name, "all", from->lend, DR_FOREVER_US);
    }
}

static void declare_account(struct differ *differ, uint32_t place)
{
    struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    const struct dr_fact_account_set *to = &federation->accounts[place].set;
    struct dr_change *change = add_change(differ, "account", to->name, DR_FACT_ACCOUNT_SET);
    struct dr_fact_account_set *fact = &change->declare.account_set;
    uint32_t id = differ->accounts[place];
    struct dr_quota_limits *limits;

    fill_account(differ, place, fact);
    if (id <= core->accounts_count) {
        const struct dr_account *from = &core->accounts[id - 1];

        if (from->parent.v != fact->parent) {
            refuse(differ, federation->accounts[place].line, to->name,
                   fact->parent == 0 || fact->parent > core->accounts_count
                       ? "another parent"
                       : core->accounts[fact->parent - 1].name,
                   "its parent %s, as before: the parent of an account never changes; give it "
                   "another name to make a new one",
                   from->parent.v == 0 ? "" : core->accounts[from->parent.v - 1].name);
            differ->count -= 1;
            return;
        }
        say_text(change, "name", from->name, to->name);
        say_milli(change, "weight", from->weight, to->weight);
        say_flag(change, "preempt_below", from->preempt_below, to->preempt_below);
        say_duration(change, "default_limit", from->default_limit_us, to->default_limit_us);
    } else if (!differ->account_made[place]) {
        say(change, "new");
    }
    say_limits(differ, change, place);
    if (change->text[0] == '\0') {
        differ->count -= 1;
        return;
    }
    limits = dr_fed_push(&federation->arena, to->limits_count, sizeof limits[0]);
    if (limits == NULL) {
        refuse(differ, 0, "accounts", "too many at once", "a smaller change");
        differ->count -= 1;
        return;
    }
    for (uint32_t i = 0; i < to->limits_count; i += 1) {
        limits[i] = to->limits[i];
        limits[i].group.v = differ->groups[to->limits[i].group.v - 1];
    }
    fact->limits = limits;
    fact->limits_count = to->limits_count;
}

/* ---- pools and nodes ---- */

static int levels_differ(const struct dr_pool *from, const struct dr_fact_pool_set *to)
{
    if (from->levels_count != to->levels_count)
        return 1;
    for (uint32_t i = 0; i < to->levels_count; i += 1) {
        if (strcmp(from->levels[i].name, to->levels[i].name) != 0 ||
            from->levels[i].nodes != to->levels[i].nodes)
            return 1;
    }
    return 0;
}

/* What may not change of a pool that is there; 0 and a mistake when it does. */
static int pool_keeps(struct differ *differ, const struct dr_fed_pool *file_pool,
                      const struct dr_pool *from, const struct dr_fact_pool_set *fact,
                      const char *name)
{
    const struct dr_core *core = differ->core;
    char field[200];
    char number[32];

    if (from->chip.v != fact->chip) {
        snprintf(field, sizeof field, "%s.chip", name);
        refuse(differ, file_pool->line, field, "another chip",
               "%s, as before: a pool never changes its chip; declare another pool",
               from->chip.v == 0 ? "none" : core->chips[from->chip.v - 1].name);
        return 0;
    }
    if (from->accelerators != fact->accelerators) {
        snprintf(field, sizeof field, "%s.accelerators", name);
        snprintf(number, sizeof number, "%" PRIu32, fact->accelerators);
        refuse(differ, file_pool->line, field, number,
               "%" PRIu32
               ", as before: a pool never changes its accelerators; declare another pool",
               from->accelerators);
        return 0;
    }
    for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1) {
        if (from->groups[r].v == fact->groups[r])
            continue;
        snprintf(field, sizeof field, "%s.group", name);
        refuse(differ, file_pool->line, field,
               differ->federation->groups[file_pool->set.groups[r] - 1].set.name,
               "%s, as before: a pool never changes its quota groups (the default comes from chip "
               "and owner: write `group:`)",
               core->groups[from->groups[r].v - 1].name);
        return 0;
    }
    return 1;
}

static void add_nodes(struct differ *differ, uint32_t id, const char *name, uint32_t *node_next,
                      uint32_t from, uint32_t to, uint32_t line)
{
    const struct dr_core *core = differ->core;
    struct dr_change *change;

    if (to == from)
        return;
    if (to - from > core->limits.nodes_max - (*node_next - 1)) {
        refuse(differ, line, name, "more nodes than there is room for",
               "at most %" PRIu32 " new nodes here", core->limits.nodes_max - (*node_next - 1));
        return;
    }
    if (id <= core->pools_count && core->pools[id - 1].ranges_count == DR_POOL_RANGES_MAX) {
        refuse(differ, line, name, "one more growth",
               "a pool that grows at most %d times; declare another pool", DR_POOL_RANGES_MAX);
        return;
    }
    change = add_change(differ, "nodes", name, DR_FACT_NODES_ADDED);
    change->declare.nodes_added =
        (struct dr_fact_nodes_added){.pool = id, .node = *node_next, .count = to - from};
    say_number(change, "nodes", "", from, to);
    *node_next += to - from;
}

/* Take the last `leave` living nodes of a pool out. Returns how many of the pool's nodes are then
 * still there, because attempts run on them. */
static uint32_t remove_nodes(struct differ *differ, uint32_t pool_row, uint32_t leave)
{
    const struct dr_core *core = differ->core;
    const struct dr_pool *pool = &core->pools[pool_row];
    uint32_t staying = 0;

    for (uint32_t number = pool->nodes_count; number > 0; number -= 1) {
        uint32_t row = dr_pool_node_row(pool, number - 1);
        const struct dr_node *node = &core->nodes[row];
        char text[DR_NAME_BYTES + 12];
        struct dr_change *change;
        uint8_t empty = node->tasks == 0 && node->promised == 0;

        if (node->removed)
            continue;
        if (!node->removing && leave == 0) {
            staying += 1;
            continue;
        }
        if (!node->removing)
            leave -= 1;
        else if (!empty) {
            staying += 1;
            continue; /* on its way */
        }
        change = add_change(differ, "node", dr_node_name(core, (dr_node_id){row + 1}, text),
                            DR_FACT_NODE_FLAGS);
        change->declare.node_flags = (struct dr_fact_node_flags){
            .node = row + 1, .drained = 1, .down = node->down, .removing = 1, .removed = empty};
        if (!empty)
            staying += 1;
        say(change, empty ? "leaves" : "leaves once it is empty");
    }
    return staying;
}

static void declare_pools(struct differ *differ)
{
    struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    uint32_t node_next = core->nodes_count + 1;

    for (uint32_t place = 0; place < federation->pools_count; place += 1) {
        const struct dr_fed_pool *pool = &federation->pools[place];
        const struct dr_fact_pool_set *to = &pool->set;
        uint32_t id = differ->pools[place];
        uint32_t *consent = dr_fed_push(&federation->arena, to->consent_count, sizeof consent[0]);
        uint32_t *groups = dr_fed_push(&federation->arena, DR_RESOURCE_COUNT, sizeof groups[0]);
        struct dr_fact_pool_set fact = *to;
        struct dr_change *change;
        char name[2 * DR_NAME_BYTES];

        snprintf(name, sizeof name, "%s/%s", federation->sites[to->site - 1].set.name, to->name);
        if (consent == NULL || groups == NULL) {
            refuse(differ, pool->line, name, "too much at once", "a smaller change");
            return;
        }
        for (uint32_t i = 0; i < to->consent_count; i += 1)
            consent[i] = differ->accounts[to->consent[i] - 1];
        for (uint32_t r = 0; r < DR_RESOURCE_COUNT; r += 1)
            groups[r] = differ->groups[to->groups[r] - 1];
        fact.pool = id;
        fact.site = differ->sites[to->site - 1];
        fact.chip = to->chip == 0 ? 0 : differ->chips[to->chip - 1];
        fact.owner = differ->accounts[to->owner - 1];
        fact.consent = consent;
        fact.groups = groups;
        if (id > core->pools_count) {
            change = add_change(differ, "pool", name, DR_FACT_POOL_SET);
            change->declare.pool_set = fact;
            if (to->chip != 0)
                say(change, "new, %" PRIu32 " x %s a node", to->accelerators,
                    federation->chips[to->chip - 1].set.name);
            else
                say(change, "new, without accelerators");
            add_nodes(differ, id, name, &node_next, 0, pool->nodes, pool->nodes_line);
            continue;
        }
        const struct dr_pool *from = &core->pools[id - 1];
        uint32_t nodes = dr_fed_living_nodes(core, from);

        if (!pool_keeps(differ, pool, from, &fact, name))
            continue;
        change = add_change(differ, "pool", name, DR_FACT_POOL_SET);
        change->declare.pool_set = fact;
        if (from->owner.v != fact.owner)
            say_text(change, "owner", core->accounts[from->owner.v - 1].name,
                     federation->accounts[to->owner - 1].set.name);
        say_milli(change, "cpus", from->cpus, to->cpus);
        say_memory(change, "memory", from->memory_mb, to->memory_mb);
        say_number(change, "node_power", "W", from->node_idle_w, to->node_idle_w);
        if (levels_differ(from, to))
            say(change, "levels: %" PRIu32 " -> %" PRIu32, from->levels_count, to->levels_count);
        if (strcmp(from->node_prefix, to->node_prefix) != 0 || from->node_first != to->node_first ||
            from->node_digits != to->node_digits)
            say(change, "node_names: %s%0*" PRIu32 " -> %s%0*" PRIu32, from->node_prefix,
                (int)from->node_digits, from->node_first, to->node_prefix, (int)to->node_digits,
                to->node_first);
        say_duration(change, "default_limit", from->default_limit_us, to->default_limit_us);
        if (from->consent_count != to->consent_count ||
            memcmp(from->consent, consent, to->consent_count * sizeof consent[0]) != 0)
            say(change, "consent: %" PRIu32 " -> %" PRIu32 " accounts", from->consent_count,
                to->consent_count);
        keep_or_drop(differ, change);
        if (pool->nodes > nodes)
            add_nodes(differ, id, name, &node_next, nodes, pool->nodes, pool->nodes_line);
        else
            remove_nodes(differ, id - 1, nodes - pool->nodes);
    }
}

/* Pools that are not in the file: their nodes leave, and when the last has left, they do. */
static void remove_pools(struct differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];
        struct dr_change *change;
        char name[2 * DR_NAME_BYTES];

        if (pool->removed || differ->pool_places[row] != 0)
            continue;
        if (remove_nodes(differ, row, dr_fed_living_nodes(core, pool)) > 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", core->sites[pool->site.v - 1].name, pool->name);
        change = add_change(differ, "pool", name, DR_FACT_POOL_REMOVED);
        change->declare.pool_removed.pool = row + 1;
        say(change, "removed");
        differ->pool_places[row] = UINT32_MAX; /* gone: for remove_sites() and remove_chips() */
    }
}

/* ---- datasets and users ---- */

static void declare_datasets(struct differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;

    for (uint32_t place = 0; place < federation->datasets_count; place += 1) {
        const struct dr_fact_dataset_set *to = &federation->datasets[place].set;
        struct dr_change *change = add_change(differ, "dataset", to->name, DR_FACT_DATASET_SET);
        struct dr_fact_dataset_set *fact = &change->declare.dataset_set;
        uint32_t id = differ->datasets[place];
        const struct dr_dataset *from;

        *fact = *to;
        fact->dataset = id;
        fact->data_class = to->data_class == 0 ? 0 : differ->classes[to->data_class - 1];
        memset(&fact->sites, 0, sizeof fact->sites);
        for (uint32_t s = 0; s < federation->sites_count && s < DR_SITES_MAX; s += 1) {
            if (dr_site_set_has(&to->sites, s) && differ->sites[s] <= DR_SITES_MAX)
                dr_site_set_add(&fact->sites, differ->sites[s] - 1);
        }
        if (id > core->datasets_count) {
            say(change, "new");
            continue;
        }
        from = &core->datasets[id - 1];
        say_number(change, "size", "", from->bytes, to->bytes);
        if (memcmp(&from->sites, &fact->sites, sizeof fact->sites) != 0)
            say(change, "sites: others than before");
        if (from->data_class.v != fact->data_class)
            say_text(change, "data_class",
                     from->data_class.v == 0 ? "" : core->classes[from->data_class.v - 1].name,
                     to->data_class == 0 ? "" : federation->classes[to->data_class - 1].set.name);
        keep_or_drop(differ, change);
    }
    for (uint32_t row = 0; row < core->datasets_count; row += 1) {
        struct dr_change *change;

        if (core->datasets[row].removed || differ->dataset_places[row] != 0)
            continue;
        change = add_change(differ, "dataset", core->datasets[row].name, DR_FACT_DATASET_REMOVED);
        change->declare.dataset_removed.dataset = row + 1;
        say(change, "removed");
    }
}

static void remove_users(struct differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->users_count; row += 1) {
        struct dr_change *change;

        if (core->users[row].removed || differ->user_places[row] != 0)
            continue;
        change = add_change(differ, "user", core->users[row].name, DR_FACT_USER_REMOVED);
        change->declare.user_removed.user = row + 1;
        say(change, "removed");
    }
}

/* Two users may not have one uid, not even between two changes: who gives one away to another user
 * of the file is left without first. */
static int free_uids(struct differ *differ)
{
    const struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;
    struct dr_map wanted;

    if (dr_map_init(&wanted, &differ->federation->arena, federation->users_count) != DR_OK)
        return 0;
    dr_map_clear(&wanted);
    for (uint32_t place = 0; place < federation->users_count; place += 1) {
        if (federation->users[place].set.uid != DR_NO_UID)
            dr_map_insert(&wanted, (uint64_t)federation->users[place].set.uid + 1, place);
    }
    for (uint32_t row = 0; row < core->users_count; row += 1) {
        const struct dr_user *user = &core->users[row];
        uint32_t place = differ->user_places[row];
        uint32_t by;
        struct dr_change *change;

        if (user->removed || place == 0 || user->uid == DR_NO_UID ||
            federation->users[place - 1].set.uid == user->uid)
            continue;
        by = dr_map_find(&wanted, (uint64_t)user->uid + 1);
        if (by == DR_MAP_NONE)
            continue;
        change = add_change(differ, "user", user->name, DR_FACT_USER_SET);
        change->declare.user_set =
            (struct dr_fact_user_set){.user = row + 1,
                                      .uid = DR_NO_UID,
                                      .gid = user->gid,
                                      .roles = user->roles,
                                      .memberships = user->memberships,
                                      .memberships_count = user->memberships_count,
                                      .default_account = user->default_account.v};
        dr_copy_name(change->declare.user_set.name, user->name);
        say(change, "uid: %" PRIu32 " -> none, since %s gets it", user->uid,
            federation->users[by].set.name);
    }
    return 1;
}

static void declare_users(struct differ *differ)
{
    struct dr_federation *federation = differ->federation;
    const struct dr_core *core = differ->core;

    for (uint32_t place = 0; place < federation->users_count; place += 1) {
        const struct dr_fact_user_set *to = &federation->users[place].set;
        struct dr_change *change = add_change(differ, "user", to->name, DR_FACT_USER_SET);
        struct dr_fact_user_set *fact = &change->declare.user_set;
        struct dr_membership *memberships =
            dr_fed_push(&federation->arena, to->memberships_count, sizeof memberships[0]);
        uint32_t id = differ->users[place];
        const struct dr_user *from;
        int same;

        if (memberships == NULL) {
            refuse(differ, 0, "users", "too much at once", "a smaller change");
            differ->count -= 1;
            return;
        }
        *fact = *to;
        fact->user = id;
        fact->memberships = memberships;
        for (uint32_t i = 0; i < to->memberships_count; i += 1) {
            memberships[i] = to->memberships[i];
            memberships[i].account.v = differ->accounts[to->memberships[i].account.v - 1];
        }
        fact->default_account =
            to->default_account == 0 ? 0 : differ->accounts[to->default_account - 1];
        if (id > core->users_count) {
            say(change, "new");
            continue;
        }
        from = &core->users[id - 1];
        same = from->memberships_count == to->memberships_count;
        for (uint32_t i = 0; same && i < to->memberships_count; i += 1)
            same = from->memberships[i].account.v == memberships[i].account.v &&
                   from->memberships[i].role == memberships[i].role;
        say_uid(change, "uid", from->uid, to->uid);
        say_uid(change, "gid", from->gid, to->gid);
        if (from->roles != to->roles)
            say(change, "roles: %" PRIu32 " -> %" PRIu32, dr_bit_count(from->roles),
                dr_bit_count(to->roles));
        if (!same)
            say(change, "accounts: %" PRIu32 " -> %" PRIu32 " roles in accounts",
                from->memberships_count, to->memberships_count);
        if (from->default_account.v != fact->default_account)
            say_text(
                change, "default_account",
                from->default_account.v == 0 ? ""
                                             : core->accounts[from->default_account.v - 1].name,
                to->default_account == 0 ? ""
                                         : federation->accounts[to->default_account - 1].set.name);
        keep_or_drop(differ, change);
    }
}

/* ---- what goes ---- */

static void remove_accounts(struct differ *differ)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = core->accounts_count; row > 1; row -= 1) {
        struct dr_change *change;

        if (core->accounts[row - 1].removed || differ->account_places[row - 1] != 0)
            continue;
        change =
            add_change(differ, "account", core->accounts[row - 1].name, DR_FACT_ACCOUNT_REMOVED);
        change->declare.account_removed.account = row;
        say(change, "removed");
    }
}

/* Does a pool that stays, or still drains, stand on it? */
static int pool_stands(const struct differ *differ, uint32_t site, uint32_t chip)
{
    const struct dr_core *core = differ->core;

    for (uint32_t row = 0; row < core->pools_count; row += 1) {
        const struct dr_pool *pool = &core->pools[row];

        if (!pool->removed && differ->pool_places[row] != UINT32_MAX &&
            (pool->site.v == site || pool->chip.v == chip))
            return 1;
    }
    return 0;
}

static void remove_places(struct differ *differ)
{
    const struct dr_core *core = differ->core;
    struct dr_change *change;

    for (uint32_t row = 0; row < core->sites_count; row += 1) {
        if (core->sites[row].removed || differ->site_places[row] != 0 ||
            pool_stands(differ, row + 1, UINT32_MAX))
            continue;
        change = add_change(differ, "site", core->sites[row].name, DR_FACT_SITE_REMOVED);
        change->declare.site_removed.site = row + 1;
        say(change, "removed");
    }
    for (uint32_t row = 0; row < core->chips_count; row += 1) {
        if (core->chips[row].removed || differ->chip_places[row] != 0 ||
            pool_stands(differ, UINT32_MAX, row + 1))
            continue;
        change = add_change(differ, "chip", core->chips[row].name, DR_FACT_CHIP_REMOVED);
        change->declare.chip_removed.chip = row + 1;
        say(change, "removed");
    }
    for (uint32_t row = 0; row < core->classes_count; row += 1) {
        if (core->classes[row].removed || differ->class_places[row] != 0)
            continue;
        change =
            add_change(differ, "data class", core->classes[row].name, DR_FACT_DATA_CLASS_REMOVED);
        change->declare.data_class_removed.data_class = row + 1;
        say(change, "removed");
    }
}

/* ---- the order ---- */

enum dr_status dr_federation_changes(struct dr_federation *federation, const struct dr_core *core,
                                     struct dr_change **changes, uint32_t *count,
                                     struct dr_error_list *errors)
{
    struct differ differ = {.federation = federation, .core = core, .errors = errors};
    uint32_t errors_before = errors->count;

    *changes = NULL;
    *count = 0;
    dr_arena_reset(&federation->arena, federation->changes_mark);
    /* The most there can be: each part set twice or removed, each node taken out. */
    differ.count_max = 16 + federation->chips_count + core->chips_count +
                       federation->classes_count + core->classes_count + federation->sites_count +
                       core->sites_count + federation->groups_count + 2 * federation->pools_count +
                       core->pools_count + core->nodes_count + 2 * federation->accounts_count +
                       2 * core->accounts_count + federation->datasets_count +
                       core->datasets_count + federation->users_count + 2 * core->users_count;
    differ.changes = dr_arena_push(&federation->arena, differ.count_max, sizeof differ.changes[0]);
    if (differ.changes == NULL || !match_all(&differ)) {
        refuse(&differ, 0, "", "too much at once", "a smaller federation");
        return DR_E_INPUT;
    }
    match_root(&differ);
    find_needed_accounts(&differ);
    number_accounts(&differ);
    if (errors->count > errors_before)
        return DR_E_INPUT;

    declare_settings(&differ);
    declare_chips(&differ);
    declare_classes(&differ);
    declare_sites(&differ);
    declare_groups(&differ);
    lower_guarantees(&differ);
    declare_needed_accounts(&differ);
    declare_pools(&differ);
    remove_pools(&differ);
    for (uint32_t place = 0; place < federation->accounts_count; place += 1)
        declare_account(&differ, place);
    declare_datasets(&differ);
    remove_users(&differ);
    if (!free_uids(&differ))
        refuse(&differ, 0, "users", "too much at once", "a smaller federation");
    declare_users(&differ);
    remove_accounts(&differ);
    remove_places(&differ);
    if (errors->count > errors_before) {
        dr_error_list_sort(errors);
        return DR_E_INPUT;
    }
    *changes = differ.changes;
    *count = differ.count;
    return DR_OK;
}
