/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree of a YAML document to what the file says: keys, types, ranges, references.
 *
 * Sections are read in the order in which they refer to one another, whatever their order in the
 * file. Nothing here stops at a mistake: each is noted, a harmless value stands in, and reading
 * goes on. What takes more than one part to judge is in check.c. */
#include <inttypes.h>

#include "federation/edits.h"
#include "federation/reader.h"

/* A flag that says what is done, where the fact says that it isn't. */
static void read_switch(struct dr_fed_reader *reader, const struct dr_yaml_node *map,
                        const char *key, uint8_t *off)
{
    uint8_t on = !*off;

    dr_fed_read_bool(reader, map, key, &on);
    *off = !on;
}

static void read_federation(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    struct dr_fact_settings_set *set = &federation->settings;
    const struct dr_yaml_node *map = dr_yaml_get(top, "federation");
    static const char *const fair[] = {"off", "final-share"};
    const struct dr_yaml_node *job_user;
    size_t length;

    *set = (struct dr_fact_settings_set){.half_life_us = 7 * DR_DAY_US,
                                         .minimum_run_us = 5 * DR_MINUTE_US,
                                         .loss_cap_us = DR_HOUR_US,
                                         .preemption_credit_us = 30 * DR_MINUTE_US,
                                         .default_limit_us = DR_HOUR_US,
                                         .default_grace_us = 30 * DR_SECOND_US,
                                         .retain_ended_us = DR_HOUR_US,
                                         .requeue_limit = 10,
                                         .default_jobs_max = 200000,
                                         .reserve_depth = 1,
                                         .fair_preemption = DR_FAIR_PREEMPTION_FINAL_SHARE,
                                         .fair_minimum_run_us = DR_HOUR_US,
                                         .job_uid = 65534,
                                         .job_gid = 65534};
    dr_copy_name(set->name, "federation");
    dr_copy_name(set->currency, "credits");
    dr_fed_unix_account("nobody", &set->job_uid, &set->job_gid);
    if (map == NULL) {
        dr_fed_wrong(reader, 1, "federation", "nothing", "a map with name and default_limit");
        return;
    }
    federation->line = map->key->line;
    reader->line = map->key->line;
    length = dr_fed_enter(reader, "federation");
    if (dr_fed_check_map(reader, map, "federation")) {
        dr_fed_read_name(reader, map, "name", DR_FED_NEEDED, set->name);
        dr_fed_read_label(reader, map, "currency", set->currency);
        dr_fed_read_duration(reader, map, "default_limit", DR_FED_NEEDED, DR_SECOND_US,
                             DR_FEDERATION_LIMIT_US_MAX, &set->default_limit_us);
        dr_fed_read_duration(reader, map, "default_grace", DR_FED_OPTIONAL, 0, DR_DAY_US,
                             &set->default_grace_us);
        dr_fed_read_duration(reader, map, "half_life", DR_FED_OPTIONAL, DR_MINUTE_US,
                             DR_FEDERATION_LIMIT_US_MAX, &set->half_life_us);
        dr_fed_read_duration(reader, map, "minimum_run", DR_FED_OPTIONAL, 0, 30 * DR_DAY_US,
                             &set->minimum_run_us);
        dr_fed_read_duration(reader, map, "loss_cap", DR_FED_OPTIONAL, 0, 30 * DR_DAY_US,
                             &set->loss_cap_us);
        dr_fed_read_duration(reader, map, "preemption_credit", DR_FED_OPTIONAL, 0, 30 * DR_DAY_US,
                             &set->preemption_credit_us);
        dr_fed_read_duration(reader, map, "retain_ended", DR_FED_OPTIONAL, 0, 365 * DR_DAY_US,
                             &set->retain_ended_us);
        dr_fed_read_u32(reader, map, "requeue_limit", DR_FED_OPTIONAL, 0, 1000000,
                        &set->requeue_limit);
        dr_fed_read_u32(reader, map, "reserve_depth", DR_FED_OPTIONAL, 0, 1000,
                        &set->reserve_depth);
        dr_fed_read_choice(reader, map, "fair_preemption", fair, DR_COUNT_OF(fair),
                           &set->fair_preemption);
        dr_fed_read_duration(reader, map, "fair_minimum_run", DR_FED_OPTIONAL, 0, 30 * DR_DAY_US,
                             &set->fair_minimum_run_us);
        dr_fed_read_choice(reader, map, "order", DR_FEDERATION_ORDERS, DR_FEDERATION_ORDERS_COUNT,
                           &set->ordering);
        dr_fed_read_choice(reader, map, "placement", DR_FEDERATION_PLACEMENTS,
                           DR_FEDERATION_PLACEMENTS_COUNT, &set->placement);
        read_switch(reader, map, "backfill", &set->no_backfill);
        read_switch(reader, map, "preemption", &set->no_preemption);
        dr_fed_read_money(reader, map, "span_price", &set->span_price_micro);
        dr_fed_read_u32(reader, map, "default_jobs_max", DR_FED_OPTIONAL, 0, UINT32_MAX,
                        &set->default_jobs_max);
        dr_fed_read_bool(reader, map, "preempt_below", &federation->accounts[0].set.preempt_below);
        job_user = dr_fed_take(reader, map, "job_user", DR_FED_OPTIONAL,
                               "a Unix account of this machine, or a uid from 1 on");
        if (job_user != NULL &&
            (!dr_fed_unix_account(job_user->text, &set->job_uid, &set->job_gid) ||
             set->job_uid == 0)) {
            dr_fed_wrong(
                reader, job_user->line, "job_user", dr_yaml_found(job_user),
                "a Unix account of this machine, or a uid from 1 on: no job runs as uid 0");
            set->job_uid = 65534;
            set->job_gid = 65534;
        }
        dr_fed_read_u32(reader, map, "job_gid", DR_FED_OPTIONAL, 1, DR_NO_UID - 1, &set->job_gid);
        if (set->job_gid == 0)
            dr_fed_wrong(reader, reader->line, "job_gid", "0", "a group other than 0");
    }
    dr_fed_leave(reader, length);
    dr_copy_name(federation->accounts[0].set.name, set->name);
}

static void read_chips(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "chips", DR_FED_OPTIONAL, "chip");
    size_t section_length = dr_fed_enter(reader, "chips");
    size_t length;

    federation->chips =
        dr_fed_section_room(reader, NULL, dr_fed_section_count(section), DR_CHIPS_MAX,
                            sizeof federation->chips[0], &federation->chip_names);
    for (const struct dr_yaml_node *part =
             federation->chips == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_chip *chip = &federation->chips[federation->chips_count];
        struct dr_fact_chip_set *set = &chip->set;

        if (!dr_fed_enter_part(reader, part, &federation->chip_names, part->key->text, &length))
            continue;
        federation->chips_count += 1;
        chip->line = part->key->line;
        dr_copy_name(set->name, part->key->text);
        if (dr_fed_check_map(reader, part, "chips")) {
            dr_fed_read_label(reader, part, "vendor", set->vendor);
            dr_fed_read_name(reader, part, "country", DR_FED_OPTIONAL, set->country);
            dr_fed_read_memory(reader, part, "memory", DR_FED_NEEDED, &set->memory_mb);
            dr_fed_read_watts(reader, part, "idle_power", &set->idle_w);
            dr_fed_read_watts(reader, part, "busy_power", &set->busy_w);
            dr_fed_read_money(reader, part, "price", &set->price_micro);
            dr_fed_read_bool(reader, part, "virtual", &set->is_virtual);
            dr_fed_read_names(reader, part, "stacks", 0, 8, &set->stacks, &set->stacks_count);
            if (set->busy_w < set->idle_w)
                dr_fed_wrong(reader, chip->line, "busy_power", "less than idle_power",
                             "at least idle_power, %" PRId64 " W", set->idle_w);
        }
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}

static void read_classes(struct dr_fed_reader *reader, const struct dr_yaml_node *top)
{
    static const char *const shares[] = {"accelerator", "node", "block", "none"};
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *section =
        dr_fed_section_of(reader, top, "data_classes", DR_FED_OPTIONAL, "data class");
    size_t section_length = dr_fed_enter(reader, "data_classes");
    size_t length;

    federation->classes =
        dr_fed_section_room(reader, NULL, dr_fed_section_count(section), DR_DATA_CLASSES_MAX,
                            sizeof federation->classes[0], &federation->class_names);
    for (const struct dr_yaml_node *part =
             federation->classes == NULL || section == NULL ? NULL : section->first;
         part != NULL; part = part->next) {
        struct dr_fed_class *class = &federation->classes[federation->classes_count];

        if (!dr_fed_enter_part(reader, part, &federation->class_names, part->key->text, &length))
            continue;
        federation->classes_count += 1;
        class->line = part->key->line;
        dr_copy_name(class->set.name, part->key->text);
        if (dr_fed_check_map(reader, part, "data_classes")) {
            dr_fed_read_names(reader, part, "jurisdictions", 1, 8, &class->set.jurisdictions,
                              &class->set.jurisdictions_count);
            dr_fed_read_u32(reader, part, "assurance", DR_FED_OPTIONAL, 0, 1000,
                            &class->set.assurance_min);
            dr_fed_read_choice(reader, part, "share", shares, DR_COUNT_OF(shares),
                               &class->set.share);
        }
        dr_fed_leave(reader, length);
    }
    dr_fed_leave(reader, section_length);
}

/* ---- the file ---- */

struct edits {
    const struct dr_edit *list;
    uint32_t count;
};

static void read_file(struct dr_fed_reader *reader, const struct dr_yaml_node *top,
                      struct edits edits, struct dr_error_list *warnings)
{
    uint32_t errors_before;
    struct dr_federation *federation = reader->federation;
    const struct dr_yaml_node *accounts = dr_yaml_get(top, "accounts");
    uint32_t accounts_max = 1 + dr_fed_count_accounts(accounts);

    if (!dr_fed_check_map(reader, top, "the file"))
        return;
    reader->line = 1;
    federation->accounts_line = accounts == NULL ? 1 : accounts->key->line;
    federation->accounts =
        dr_fed_section_room(reader, "accounts", accounts_max, UINT32_MAX,
                            sizeof federation->accounts[0], &federation->account_names);
    if (federation->accounts == NULL)
        return;
    federation->accounts[0].set.weight = 1000;
    federation->accounts_count = 1;
    read_federation(reader, top);
    federation->accounts[0].line = federation->line;
    dr_fed_names_add(&federation->account_names, federation->accounts[0].set.name);
    read_chips(reader, top);
    read_classes(reader, top);
    reader->line = 1;
    errors_before = reader->errors->count;
    dr_fed_read_account_tree(reader, top, 0);
    reader->line = 1;
    dr_fed_read_zones(reader, top);
    reader->line = 1;
    dr_fed_read_sites(reader, top);
    federation->amounts_known =
        dr_fed_read_all_guarantees(reader) && reader->errors->count == errors_before;
    errors_before = reader->errors->count;
    reader->line = 1;
    dr_fed_read_allocations(reader, top);
    federation->amounts_known &= reader->errors->count == errors_before;
    reader->line = 1;
    dr_fed_read_caps(reader, top);
    reader->line = 1;
    dr_fed_read_datasets(reader, top);
    reader->line = 1;
    dr_fed_read_users(reader, top);
    if (federation->zones == NULL || federation->caps == NULL || federation->sites == NULL ||
        federation->pools == NULL || federation->groups == NULL ||
        federation->allocations == NULL || federation->datasets == NULL ||
        federation->users == NULL)
        return; /* no room, which has been said */
    if (federation->amounts_known)
        dr_fed_edit(federation, edits.list, edits.count, reader->errors);
    if (!dr_federation_check(federation, reader->errors, warnings))
        dr_fed_wrong(reader, 0, NULL, "", "a smaller file");
}

enum dr_status dr_federation_parse(struct dr_federation **federation, const char *file_name,
                                   const char *yaml, size_t bytes, struct dr_error_list *errors,
                                   struct dr_error_list *warnings)
{
    return dr_federation_parse_edited(federation, file_name, yaml, bytes, NULL, 0, errors,
                                      warnings);
}

enum dr_status dr_federation_parse_edited(struct dr_federation **federation, const char *file_name,
                                          const char *yaml, size_t bytes,
                                          const struct dr_edit *edits, uint32_t edits_count,
                                          struct dr_error_list *errors,
                                          struct dr_error_list *warnings)
{
    struct dr_arena arena;
    struct dr_federation *made;
    const struct dr_yaml_node *top;
    struct dr_fed_reader reader;
    uint32_t errors_before = errors->count;

    *federation = NULL;
    if (bytes > DR_FEDERATION_BYTES_MAX) {
        dr_error_list_add(errors, file_name, 0, "", "a larger file", "at most %u bytes",
                          DR_FEDERATION_BYTES_MAX);
        return DR_E_INPUT;
    }
    if (dr_arena_init(&arena, DR_FEDERATION_ARENA_BYTES) != DR_OK) {
        dr_error_list_add(errors, file_name, 0, "", "no address space",
                          "a machine that lends 4 GiB of it");
        return DR_E_INPUT;
    }
    made = dr_fed_push(&arena, 1, sizeof *made);
    made->arena = arena;
    snprintf(made->file, sizeof made->file, "%s", file_name);
    top = dr_yaml_read(&made->arena, file_name, yaml, bytes, errors);
    if (top != NULL) {
        reader = (struct dr_fed_reader){
            .federation = made, .errors = errors, .file = file_name, .line = 1};
        read_file(&reader, top, (struct edits){edits, edits_count}, warnings);
    }
    if (errors->count > errors_before) {
        dr_error_list_sort(errors);
        dr_federation_close(made);
        return DR_E_INPUT;
    }
    made->changes_mark = made->arena.used;
    *federation = made;
    return DR_OK;
}

enum dr_status dr_federation_read(struct dr_federation **federation, const char *path,
                                  struct dr_error_list *errors, struct dr_error_list *warnings)
{
    DR_CLEANUP(dr_buffer_deinit) struct dr_buffer buffer;
    enum dr_status status;

    *federation = NULL;
    dr_buffer_init(&buffer, DR_FEDERATION_BYTES_MAX);
    status = dr_buffer_read_file(&buffer, path);
    if (status == DR_E_MISSING)
        dr_error_list_add(errors, path, 0, "", "no such file", "a federation file");
    else if (status == DR_E_FULL)
        dr_error_list_add(errors, path, 0, "", "a larger file", "at most %u bytes",
                          DR_FEDERATION_BYTES_MAX);
    else if (status != DR_OK)
        dr_error_list_add(errors, path, 0, "", "a file that can't be read", "a federation file");
    if (status != DR_OK)
        return DR_E_INPUT;
    return dr_federation_parse(federation, path, dr_buffer_text(&buffer), buffer.length, errors,
                               warnings);
}

void dr_federation_close(struct dr_federation *federation)
{
    struct dr_arena arena;

    if (federation == NULL)
        return;
    arena = federation->arena; /* the struct lies in it */
    dr_arena_deinit(&arena);
}
