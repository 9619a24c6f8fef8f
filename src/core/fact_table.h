/* SPDX-License-Identifier: Apache-2.0 */
/* fact_table.h: every fact there is, written once.
 *
 * From this list come the structs (core/fact.h), the codec (core/fact.c), the JSON of the event
 * stream and docs/formats/facts.md. Facts are readable for ever, so the list only grows: a number
 * is never used again, a field is never removed, moved or given another type; new fields go at the
 * end of their fact and read as zero from older records.
 *
 * X(number, NAME, name, "what happened"), and for each a field list F(type, name, "meaning").
 * Types: u8 u32 u64 i32 i64; name (DR_NAME_BYTES), note (a text of up to 255 bytes; NULL: empty),
 * hash (32 bytes), sites; lists: extents alternatives dependencies levels memberships limits u32s
 * i64s names. */
#ifndef DR_CORE_FACT_TABLE_H
#define DR_CORE_FACT_TABLE_H

#define DR_FACTS(X)                                                                               \
    X(1, LEADER_TOOK, leader_took, "a controller began to lead")                                  \
    X(2, TICK, tick, "a minute passed: past use decays, old ended jobs are forgotten")            \
    X(3, SETTINGS_SET, settings_set, "the federation's own settings")                             \
    X(10, CHIP_SET, chip_set, "a chip was declared or changed")                                   \
    X(11, CHIP_REMOVED, chip_removed, "a chip was removed")                                       \
    X(12, SITE_SET, site_set, "a site was declared or changed")                                   \
    X(13, SITE_REMOVED, site_removed, "a site was removed")                                       \
    X(14, SITE_REACH, site_reach, "a site stopped or began to answer")                            \
    X(15, GROUP_SET, group_set, "a quota group was declared or changed")                          \
    X(16, POOL_SET, pool_set, "a pool was declared or changed")                                   \
    X(17, POOL_REMOVED, pool_removed, "a pool was removed")                                       \
    X(18, NODES_ADDED, nodes_added, "nodes joined a pool")                                        \
    X(19, NODE_FLAGS, node_flags, "a node was drained, resumed, lost, found or removed")          \
    X(20, DATA_CLASS_SET, data_class_set, "a data class was declared or changed")                 \
    X(21, DATA_CLASS_REMOVED, data_class_removed, "a data class was removed")                     \
    X(22, DATASET_SET, dataset_set, "a dataset was declared or changed")                          \
    X(23, DATASET_REMOVED, dataset_removed, "a dataset was removed")                              \
    X(24, ACCOUNT_SET, account_set, "an account was declared or changed")                         \
    X(25, ACCOUNT_REMOVED, account_removed, "an account was removed")                             \
    X(26, USER_SET, user_set, "a user was declared or changed")                                   \
    X(27, USER_REMOVED, user_removed, "a user was removed")                                       \
    X(28, TOKEN_ISSUED, token_issued, "a token was given out")                                    \
    X(29, TOKEN_REVOKED, token_revoked, "a token was taken back")                                 \
    X(30, GROUP_REMOVED, group_removed, "a quota group was removed")                              \
    X(31, PART_LEAVING, part_leaving, "a part is to leave once nothing uses it any more")         \
    X(32, ALLOCATION_SET, allocation_set, "a guarantee with a term was declared or changed")      \
    X(33, ALLOCATION_REMOVED, allocation_removed, "a guarantee with a term was removed")          \
    X(34, ALLOCATION_TERM, allocation_term, "the term of a guarantee began or ended")             \
    X(40, JOB_ACCEPTED, job_accepted, "a job was accepted")                                       \
    X(41, JOB_HELD, job_held, "a job was held")                                                   \
    X(42, JOB_RELEASED, job_released, "a job was released")                                       \
    X(43, JOB_PROMISED, job_promised, "capacity that others leave was promised to a job")         \
    X(44, PROMISE_DROPPED, promise_dropped, "a promise ended unused")                             \
    X(45, RESERVATION_MADE, reservation_made, "a blocked job was given a place and a time")       \
    X(46, RESERVATION_DROPPED, reservation_dropped, "a reservation ended unused")                 \
    X(47, JOB_PLACED, job_placed, "an attempt was given its place")                               \
    X(48, ATTEMPT_STARTED, attempt_started, "its site says that the attempt runs")                \
    X(49, CHECKPOINT_SEEN, checkpoint_seen, "the job says that its work is saved")                \
    X(50, ATTEMPT_STOPPING, attempt_stopping, "the attempt was told to leave")                    \
    X(51, ATTEMPT_ENDED, attempt_ended, "its site says that the attempt is over")                 \
    X(52, JOB_ENDED, job_ended, "a job without a running attempt ended")                          \
    X(53, TEXT_ERASED, text_erased, "what a person wrote into jobs was erased")                   \
    X(56, ZONE_SET, zone_set, "a grid zone was declared or changed")                              \
    X(57, ZONE_REMOVED, zone_removed, "a grid zone was removed")                                  \
    X(58, GRID_CAP_SET, grid_cap_set, "a cap of a site or zone for a time was announced")         \
    X(59, GRID_CAP_REMOVED, grid_cap_removed, "a cap for a time was called off")                  \
    X(60, POWER_SHORT, power_short, "a power cap can't be met, or can be again")                  \
    X(61, NODES_POWER, nodes_power, "empty nodes were switched off for a power cap, or on again") \
    X(62, WINDOW_MADE, window_made, "an advance reservation was made")                            \
    X(63, WINDOW_DROPPED, window_dropped, "an advance reservation is over, or was called off")    \
    X(64, WINDOW_HELD, window_held, "an advance reservation has begun, or others have left it")   \
    X(65, DECIDED_NOTHING, decided_nothing, "decisions since the batch before came to nothing")   \
    X(66, ATTEMPT_REACH, attempt_reach, "its site lost sight of an attempt, or sees it again")

/* ---- the controller ---- */
#define DR_FIELDS_leader_took(F)                                                                 \
    F(u64, epoch, "one more than any epoch before")                                              \
    F(name, program, "version of the program")                                                   \
    F(u32, policy, "version of the policy, DR_POLICY_VERSION")                                   \
    F(u64, facts_from,                                                                           \
      "the first fact that was put on the snapshot it read, 1: there was none; 0: not said, by " \
      "an older program")
#define DR_FIELDS_tick(F)                                     \
    F(u32, decay, "past use is multiplied by this over 2^32") \
    F(i64, forget_before_us, "jobs that ended before leave the state")
#define DR_FIELDS_settings_set(F)                                                               \
    F(name, name, "of the federation")                                                          \
    F(name, currency, "")                                                                       \
    F(i64, half_life_us, "of past use")                                                         \
    F(i64, minimum_run_us, "an attempt is not taken before it has run so long")                 \
    F(i64, loss_cap_us, "most unsaved time that counts as a victim's loss")                     \
    F(i64, preemption_credit_us, "added to a victim's loss for each earlier preemption")        \
    F(i64, default_limit_us, "time limit of a job that states none and whose account has none") \
    F(i64, default_grace_us, "between a warning and the end, for a job that states none")       \
    F(i64, retain_ended_us, "ended jobs stay in the state for so long")                         \
    F(u32, requeue_limit, "then held")                                                          \
    F(u32, reserve_depth, "blocked jobs per pool that hold a reservation")                      \
    F(u32, job_uid, "who runs jobs of users without a uid of their own; never 0")               \
    F(u32, job_gid, "")                                                                         \
    F(i64, span_price_micro, "of each domain beyond the least at a preferred level")            \
    F(u32, default_jobs_max, "live jobs of an account that states no jobs_max; 0: no limit")    \
    F(u8, fair_preemption, "enum dr_fair_preemption")                                           \
    F(i64, fair_minimum_run_us, "no attempt is taken by fair share before it has run so long")  \
    F(u8, ordering, "enum dr_ordering")                                                         \
    F(u8, no_backfill, "1: who finds no room keeps its pools from all who come after it")       \
    F(u8, no_preemption, "1: nobody is taken from for another job")                             \
    F(u8, placement, "enum dr_placement")

/* ---- the federation ---- */
#define DR_FIELDS_chip_set(F)                                                                  \
    F(u32, chip, "id")                                                                         \
    F(name, name, "")                                                                          \
    F(name, vendor, "")                                                                        \
    F(name, country, "of design")                                                              \
    F(i64, memory_mb, "per accelerator")                                                       \
    F(i64, idle_w, "")                                                                         \
    F(i64, busy_w, "")                                                                         \
    F(i64, price_micro, "opportunity price, micro-units of the currency per accelerator-hour") \
    F(u8, is_virtual, "1: declared, not real")                                                 \
    F(names, stacks, "software stacks that it runs")
#define DR_FIELDS_chip_removed(F) F(u32, chip, "id")
#define DR_FIELDS_site_set(F)                                                                   \
    F(u32, site, "id")                                                                          \
    F(name, name, "")                                                                           \
    F(name, operator_name, "who runs it")                                                       \
    F(name, region, "")                                                                         \
    F(name, jurisdiction, "whose law holds there")                                              \
    F(u32, assurance, "level, higher is stricter")                                              \
    F(i64, power_cap_w, "of the whole facility; 0: none")                                       \
    F(u32, pue_milli, "facility power over IT power, thousandths")                              \
    F(i64s, tariff_micro, "24 prices, micro-units of the currency per kWh, by hour of the day") \
    F(i32, utc_offset_min, "of the tariff's hours")                                             \
    F(u64, classes, "data classes that it may host, bit = class row")                           \
    F(u8, engine, "enum dr_engine_kind")                                                        \
    F(u8, isolated_network, "1: jobs get a network of their own")                               \
    F(u32, zone, "id of its grid zone; 0: none")                                                \
    F(u8, power_down, "1: empty nodes may be switched off to keep a power cap")                 \
    F(note, slurm_url, "of the site's slurmrestd: http://ADDRESS:PORT or unix:/PATH")           \
    F(note, slurm_key, "path of the file with the key that signs its tokens; never the key")    \
    F(note, slurm_user, "whose name drains nodes and looks at all jobs there")                  \
    F(note, slurm_conf, "path of its slurm.conf, for scontrol; empty: the machine's own")       \
    F(note, slurm_log_command, "its words, that print what jobs wrote there; empty: none")      \
    F(u8, slurm_count_placement, "1: so many nodes of a partition; 0: the very nodes")
#define DR_FIELDS_site_removed(F) F(u32, site, "id")
#define DR_FIELDS_site_reach(F) \
    F(u32, site, "id")          \
    F(u8, answers, "1 or 0")
#define DR_FIELDS_group_set(F) \
    F(u32, group, "id")        \
    F(name, name, "")          \
    F(u8, resource, "enum dr_resource")
#define DR_FIELDS_group_removed(F) F(u32, group, "id; never used again")
#define DR_FIELDS_part_leaving(F)             \
    F(u32, pool, "id; of these one is not 0") \
    F(u32, site, "id")                        \
    F(u32, chip, "id")                        \
    F(u32, group, "id")                       \
    F(u32, account, "id; it takes no new jobs")
#define DR_FIELDS_pool_set(F)                                                               \
    F(u32, pool, "id")                                                                      \
    F(u32, site, "id, never changes")                                                       \
    F(name, name, "")                                                                       \
    F(u32, chip, "id; 0: nodes without accelerators; never changes")                        \
    F(u32, owner, "account that the machines belong to")                                    \
    F(u32, accelerators, "per node, 0 to 64; never changes")                                \
    F(u32, cpus, "per node, thousandths")                                                   \
    F(i64, memory_mb, "per node")                                                           \
    F(i64, node_idle_w, "a node's draw without its accelerators")                           \
    F(levels, levels, "from the smallest domain up")                                        \
    F(name, node_prefix, "node names are this and a number")                                \
    F(u32, node_first, "number of the first node")                                          \
    F(u32, node_digits, "least digits of the number")                                       \
    F(i64, default_limit_us, "0: none")                                                     \
    F(u32s, consent, "accounts that may use it, with all below them; none: all")            \
    F(u32s, groups, "quota group per resource, 3 ids")                                      \
    F(i64, default_memory_per_cpu_mb, "for jobs that state none; 0: its share of the node") \
    F(i64, default_memory_per_accelerator_mb, "0: its share of the node")                   \
    F(name, partition, "of the site's own workload manager; empty: its default")            \
    F(name, gres, "what that calls the accelerators; empty: none, or its default")
#define DR_FIELDS_pool_removed(F) F(u32, pool, "id")
#define DR_FIELDS_nodes_added(F)    \
    F(u32, pool, "id")              \
    F(u32, node, "id of the first") \
    F(u32, count, "with ids in a row")
#define DR_FIELDS_node_flags(F)                                  \
    F(u32, node, "id")                                           \
    F(u8, drained, "1: takes no new attempts")                   \
    F(u8, down, "1: its attempts are lost")                      \
    F(u8, removing, "1: leaves the federation once it is empty") \
    F(u8, removed, "1: has left")                                \
    F(u8, site_knows, "1: its site says so, or has taken it; 0: its site is to be told")
#define DR_FIELDS_data_class_set(F)                            \
    F(u32, data_class, "id")                                   \
    F(name, name, "")                                          \
    F(names, jurisdictions, "where it may be; none: anywhere") \
    F(u32, assurance_min, "of a site")                         \
    F(u8, share, "enum dr_share")
#define DR_FIELDS_data_class_removed(F) F(u32, data_class, "id")
#define DR_FIELDS_dataset_set(F)    \
    F(u32, dataset, "id")           \
    F(name, name, "")               \
    F(i64, bytes, "")               \
    F(sites, sites, "that have it") \
    F(u32, data_class, "id; 0: none")
#define DR_FIELDS_dataset_removed(F) F(u32, dataset, "id")
#define DR_FIELDS_account_set(F)                                                   \
    F(u32, account, "id; 1 is the root")                                           \
    F(u32, parent, "id; 0 for the root alone; never changes")                      \
    F(name, name, "")                                                              \
    F(u32, weight, "thousandths, at least 1")                                      \
    F(u8, preempt_below, "1: priority reaches over the accounts below")            \
    F(i64, default_limit_us, "0: its parent's")                                    \
    F(limits, limits, "groups not named have no guarantee and no borrowing limit") \
    F(u32, jobs_max, "live jobs in its subtree; 0: none stated")
#define DR_FIELDS_account_removed(F) F(u32, account, "id")
#define DR_FIELDS_allocation_set(F)                                        \
    F(u32, allocation, "id")                                               \
    F(name, name, "")                                                      \
    F(u32, account, "id, never changes; it counts for those above it too") \
    F(i64, from_us, "it begins with the first tick from then on")          \
    F(i64, until_us, "it ends with the first tick from then on")           \
    F(limits, amounts, "its guarantee per group, 1 to 16; the two limits say nothing")
#define DR_FIELDS_allocation_removed(F) F(u32, allocation, "id; never used again")
#define DR_FIELDS_allocation_term(F) \
    F(u32, allocation, "id")         \
    F(u8, active, "1: it counts from now on; 0: no more")
#define DR_FIELDS_zone_set(F) \
    F(u32, zone, "id")        \
    F(name, name, "")         \
    F(i64, power_cap_w, "of its sites' facilities together; 0: none")
#define DR_FIELDS_zone_removed(F) F(u32, zone, "id; never used again")
#define DR_FIELDS_grid_cap_set(F)                                  \
    F(u32, cap, "id, one more than the last for a new one")        \
    F(name, name, "")                                              \
    F(u32, zone, "id; of zone and site one is 0")                  \
    F(u32, site, "id")                                             \
    F(i64, from_us, "it holds from then on")                       \
    F(i64, until_us, "and before then")                            \
    F(i64, power_cap_w, "of the facility, or of the zone's sites") \
    F(u8, declared, "1: by the federation file; 0: announced by a command")
#define DR_FIELDS_grid_cap_removed(F) F(u32, cap, "id; never used again")
#define DR_FIELDS_power_short(F)                                           \
    F(u32, zone, "id; of zone and site one is 0")                          \
    F(u32, site, "id")                                                     \
    F(i64, from_us, "when the cap begins that can't be met; 0: it stands") \
    F(i64, power_cap_w, "the cap")                                         \
    F(i64, missing_w, "by which it will be, or is, passed; 0: no more")
#define DR_FIELDS_nodes_power(F) \
    F(u32s, nodes, "ids")        \
    F(u8, off, "1: off; 0: on again")
#define DR_FIELDS_window_made(F)                                                             \
    F(u32, window, "id, one more than the last")                                             \
    F(name, name, "")                                                                        \
    F(u32s, accounts,                                                                        \
      "whose jobs, and those of accounts below, may use it; none: it is for maintenance")    \
    F(u32, site, "id: all its nodes, those that join later too; 0: the pool, or runs")       \
    F(u32, pool, "id: without runs all its nodes, those that join later too")                \
    F(u32, count, "nodes that were asked for in the pool; 0: all, or those that were named") \
    F(name, level, "within one domain of which they had to lie")                             \
    F(u32s, runs, "pairs: the id of a first node, and how many there are with ids in a row") \
    F(i64, from_us, "nobody else has a node of it from then on")                             \
    F(i64, until_us, "and until then")                                                       \
    F(u8, evict, "1: others are told to leave in time; 0: it waits for those who stay")      \
    F(u8, forced, "1: made though others are believed to stay when it begins")
#define DR_FIELDS_window_dropped(F)        \
    F(u32, window, "id; never used again") \
    F(name, name, "")                      \
    F(u8, over, "1: its time is over; 0: it was called off")
#define DR_FIELDS_window_held(F) \
    F(u32, window, "id")         \
    F(name, name, "")            \
    F(u32, attempts, "of others on its nodes, now that it has begun; 0: none are left")
#define DR_FIELDS_decided_nothing(F) \
    F(i64s, times_us,                \
      "when, of the last ones: who was refused then is not asked again for the same")
#define DR_FIELDS_user_set(F)                                                 \
    F(u32, user, "id")                                                        \
    F(name, name, "")                                                         \
    F(u32, uid, "Unix uid of jobs and of the socket's peer; DR_NO_UID: none") \
    F(u32, gid, "")                                                           \
    F(u8, roles, "everywhere: bit = enum dr_role")                            \
    F(memberships, memberships, "roles in single accounts")                   \
    F(u32, default_account, "0: none")
#define DR_FIELDS_user_removed(F) F(u32, user, "id")
#define DR_FIELDS_token_issued(F)                                         \
    F(u32, token, "id")                                                   \
    F(u32, token_user, "whom it speaks for")                              \
    F(u8, roles, "at most these of the user's roles: bit = enum dr_role") \
    F(hash, secret_hash, "SHA-256 of the token's secret")                 \
    F(i64, expires_us, "")                                                \
    F(name, label, "")
#define DR_FIELDS_token_revoked(F) F(u32, token, "id")

/* ---- jobs ---- */
#define DR_FIELDS_job_accepted(F)                                                               \
    F(u64, job, "id, one more than the last")                                                   \
    F(u32, account, "id, a leaf")                                                               \
    F(u32, job_user, "whose it is")                                                             \
    F(u64, text, "what the user wrote, in the store; 0: nothing")                               \
    F(hash, text_hash, "SHA-256 of salt and text")                                              \
    F(u64, name_key, "salted hash of user and job name, for singleton")                         \
    F(i32, priority, "within the account, higher first")                                        \
    F(alternatives, alternatives, "ways to run it, the preferred first; 1 to 8")                \
    F(u8, level_kind, "0 none, 1 preferred, 2 required")                                        \
    F(name, level, "topology level that the gang should stay within")                           \
    F(sites, sites, "where it may run; none: anywhere")                                         \
    F(u32, data_class, "id; 0: none")                                                           \
    F(u32s, datasets, "ids")                                                                    \
    F(i64, limit_us, "running time of an attempt, 1 and more")                                  \
    F(u8, limit_total, "1: the limit counts all attempts together")                             \
    F(i64, begin_us, "not before; 0: at once")                                                  \
    F(i64, deadline_us, "0: none")                                                              \
    F(u8, deadline_ends, "1: at the deadline the job is ended")                                 \
    F(u8, preemptible, "0: starts within its account's guarantee alone, and is never taken")    \
    F(u8, requeue, "1: after preemption or loss of a node it runs again")                       \
    F(u8, held, "1: waits for a release")                                                       \
    F(u8, checkpoint_on_warning, "1: saves its work when warned")                               \
    F(i64, checkpoint_us, "running time between checkpoints; 0: none")                          \
    F(i64, restart_us, "running time that a later attempt needs before it goes on")             \
    F(i64, grace_us, "between the warning and the end")                                         \
    F(u32, warn_signal, "0: SIGTERM")                                                           \
    F(i64, warn_before_us, "before the limit; 0: none")                                         \
    F(dependencies, dependencies, "all have to hold")                                           \
    F(u64, array_job, "id of the array's first element; 0: not of an array")                    \
    F(u32, array_index, "")                                                                     \
    F(u32, array_limit, "elements at a time; 0: all")                                           \
    F(u64, seed_runtime_us, "simulated sites alone: how long it really runs at factor 1")       \
    F(u8, flexible, "1: starts under power caps that begin later, and is taken before they do") \
    F(u8, in_mix, "1: counts in the recent mix of shapes")                                      \
    F(u32, tasks_min, "elastic: the least number of tasks; 0: fixed")                           \
    F(u8, sizes,                                                                                \
      "elastic: so many of the ways, from the first, are sizes of one, the largest first; 0: "  \
      "fixed")                                                                                  \
    F(i64, unreachable_us,                                                                      \
      "an attempt whose site has not answered for so long is given up; 0: it waits for its "    \
      "site")                                                                                   \
    F(u8, fenced, "1: the job says that an attempt that was given up can do no harm")           \
    F(name, partition,                                                                          \
      "what sites' own workload managers call the pools where it may run: names parted by "     \
      "commas; empty: any")
#define DR_FIELDS_job_held(F)     F(u64, job, "id")
#define DR_FIELDS_job_released(F) F(u64, job, "id")
#define DR_FIELDS_job_promised(F)                           \
    F(u64, job, "id")                                       \
    F(u32, pool, "id")                                      \
    F(u32, alternative, "index")                            \
    F(u8, cause, "enum dr_stop_cause of the victims")       \
    F(i64, until_us, "when the last victim's grace ends")   \
    F(i64, loss, "accelerator-seconds lost by all victims") \
    F(u32, victims, "gangs told to leave")                  \
    F(extents, extents, "the place")                        \
    F(u32, share_milli,                                     \
      "of one accelerator, that a task takes, thousandths; 0: whole ones, or none")
#define DR_FIELDS_promise_dropped(F) \
    F(u64, job, "id")                \
    F(u64, by, "job that displaced it; 0: none")
#define DR_FIELDS_reservation_made(F)                                        \
    F(u64, job, "id")                                                        \
    F(u32, pool, "id")                                                       \
    F(u32, alternative, "index")                                             \
    F(i64, start_us, "believed start, no later than any given to it before") \
    F(extents, extents, "the place")                                         \
    F(u32, share_milli,                                                      \
      "of one accelerator, that a task takes, thousandths; 0: whole ones, or none")
#define DR_FIELDS_reservation_dropped(F) \
    F(u64, job, "id")                    \
    F(u64, by, "job that displaced it; 0: none")
#define DR_FIELDS_job_placed(F)                                                                   \
    F(u64, job, "id")                                                                             \
    F(u32, attempt, "one more than the last")                                                     \
    F(u32, pool, "id")                                                                            \
    F(u32, alternative, "index")                                                                  \
    F(u8, rule, "enum dr_rule")                                                                   \
    F(u8, tier, "1 within guarantee, 2 above it")                                                 \
    F(i64s, keys, "order keys on the account's path, from below the root")                        \
    F(i64, cost_micro, "of this place, micro-units of the currency")                              \
    F(i64, limit_us, "of this attempt")                                                           \
    F(extents, extents, "the place")                                                              \
    F(u32, factor, "of the alternative, thousandths, that limit_us is made with; 0: without one") \
    F(u32, share_milli,                                                                           \
      "of one accelerator, that a task takes, thousandths; 0: whole ones, or none")
#define DR_FIELDS_attempt_started(F) \
    F(u64, job, "id")                \
    F(u32, attempt, "")              \
    F(i64, start_us, "by the site's clock")
#define DR_FIELDS_checkpoint_seen(F) \
    F(u64, job, "id")                \
    F(u32, attempt, "")              \
    F(i64, saved_us, "by the site's clock")
#define DR_FIELDS_attempt_reach(F) \
    F(u64, job, "id")              \
    F(u32, attempt, "")            \
    F(u8, answers, "0: it may run on, unseen; 1: its site can tell again")
#define DR_FIELDS_attempt_stopping(F)                \
    F(u64, job, "id")                                \
    F(u32, attempt, "")                              \
    F(u8, cause, "enum dr_stop_cause")               \
    F(u64, for_job, "who gets the place; 0: nobody") \
    F(i64, loss, "accelerator-seconds")              \
    F(u32, signal, "")                               \
    F(i64, until_us, "when its grace ends")
#define DR_FIELDS_attempt_ended(F)                                              \
    F(u64, job, "id")                                                           \
    F(u32, attempt, "")                                                         \
    F(u8, outcome, "enum dr_outcome")                                           \
    F(i32, exit_code, "")                                                       \
    F(i32, signal, "")                                                          \
    F(i64, end_us, "by the site's clock")                                       \
    F(u8, next_state, "enum dr_job_state: PENDING again, or how the job ended") \
    F(u8, hold, "1: it waits for a release")                                    \
    F(i64, cpu_time_us, "of all its processes; 0: unknown")                     \
    F(i64, memory_mb_peak, "0: unknown")
#define DR_FIELDS_job_ended(F) \
    F(u64, job, "id")          \
    F(u8, state, "enum dr_job_state")
#define DR_FIELDS_text_erased(F) F(u64, text, "id")

#endif
