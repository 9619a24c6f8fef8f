/* SPDX-License-Identifier: Apache-2.0 */
/* fair.h: fair preemption above the guarantees (POLICY, section 3; "final-share" is the rule of
 * Kueue's fair sharing, KEP-1714, LessThanOrEqualToFinalShare).
 *
 * A job of account x, above its guarantee, that found no place and nothing to take back, may take
 * attempts of accounts y. Let x', y' be the children of the lowest account above both, towards
 * each, and their keys those of core/order.h, "above guarantee". With the whole set of victims gone
 * and the job counted, for each of them: the key of y' has fallen; that of x' was less than that of
 * y' before, and is no greater now; no branch from y' down is under its guarantee; and the attempt
 * has run for fair_minimum_run.
 *
 * Who is hunted for, how sets are made and compared, what is promised: core/reclaim.c, as for
 * taking back. Where we differ from it, or from the source:
 *
 * - It is judged at ticks alone, in the decision of the same instant: past use is then as of that
 *   tick, and claims are as they stand, with what this decision has taken and promised already.
 *   Whatever a decision starts or takes changes keys; so at a tick it goes on until nobody may take
 *   anything any more.
 * - With many classes of waiting jobs (core/queue.h), each is asked at every k-th tick:
 *   DR_FAIR_CLASSES_MAX of them at one, about.
 * - A job that has been preempted three times takes nobody (docs/policy.md, "No loops").
 * - All victims of a set are taken so: no set is half taken back and half by fair share.
 * - It takes nothing that is reserved for others: they would be delayed by a borrower.
 *
 * With `order: las` shares have no say. By the same way, at the same moments, a job then takes
 * attempts of jobs that have had more service than it (core/attained.h), of whatever account, that
 * come back afterwards, and leaves everybody's guarantees as fair preemption does. Each attempt
 * that is taken has run minimum_run, and who takes it will have run as long before it is taken from
 * in turn; so service grows with each turn, its bands are few, and there is no loop. Being taken
 * from in this way does not count towards requeue_limit. */
#ifndef DR_CORE_FAIR_H
#define DR_CORE_FAIR_H

#include "core/decide.h"

#define DR_FAIR_CLASSES_MAX 64

/* An account on the path of who asks, and its key. */
struct dr_fair_step {
    dr_account_id account;
    int64_t before;
    int64_t with;  /* the job */
    uint8_t above; /* its guarantee, with the job */
};

/* What is known of an account while somebody asks. */
struct dr_fair_memo {
    uint32_t stamp;  /* of the one who asks */
    uint32_t branch; /* account on its path that is looked at; 0: nothing is to be had */
    uint8_t keeps;  /* bit = resource: nothing of it may be had without passing below a guarantee */
    int64_t most;   /* accelerators, thousandths, that one victim of it may have */
    int64_t before; /* of such a branch: its key before anybody was gone */
    uint32_t left_stamp; /* of the one who asks: `left_most` is for him */
    int64_t left_most;   /* of such a branch: accelerators that leave it with enough, thousandths */
    uint64_t summed;     /* number of the sum */
    int64_t units;       /* summed up */
};

/* Who asks, and where. */
struct dr_fair {
    struct dr_fair_memo *memo; /* [accounts_count] */
    uint32_t stamp;
    uint64_t sums; /* how many have been made */
    uint64_t seq;  /* the last fact when it was made; 0: nobody has asked yet */
    int any;       /* some account has enough more */
    struct dr_core *core;
    const struct dr_job *job;
    dr_pool_id pool;
    struct dr_amounts amounts;
    uint32_t band; /* by order las: of its attained service; nothing but this, job and time count */
    int64_t now_us;
    struct dr_fair_step path[DR_DEPTH_MAX]; /* by depth; the root has no key */
};

/* Do the settings allow it at all? */
int dr_fair_is_on(const struct dr_core *core);

/* So many ticks in a row ask all classes that wait. */
uint32_t dr_fair_turns(const struct dr_core *core);

/* Is it judged at this instant? */
int dr_fair_is_due(const struct dr_core *core, int64_t now_us);

/* Might a job of the account take anything: does some account beside it, or beside one above it,
 * have more above its guarantee? If not, and that changes in this decision, it is asked again. */
int dr_fair_may_ask(struct dr_core *core, dr_account_id account);

/* Is the class of which this is the first job asked at this tick? Not who would ask for no less
 * than what another of the account asked for in vain just now. */
int dr_fair_asks(struct dr_core *core, const struct dr_job *first);

/* Before a walk. */
void dr_fair_begin(struct dr_decision *decision);

/* The job was refused by all else: find what it may take by fair share, warn it and promise the
 * place. Returns 1 if the job has been promised a place. */
int dr_fair(struct dr_decision *decision, const struct dr_choice *choice);

/* After a walk with nothing left to do by other rules: has anything been decided since somebody
 * took nothing? Then all are asked again. */
int dr_fair_end(struct dr_decision *decision);

/* For explanations: of the accounts beside the job's own, or beside one above that, the one with
 * the greatest key, if it has so much more that the job might take from it once attempts have run
 * for long enough; `than`: the one beside it. 0: there is none. The lowest accounts first. */
dr_account_id dr_fair_from(const struct dr_core *core, const struct dr_job *job, dr_pool_id pool,
                           const struct dr_amounts *amounts, dr_account_id *than);

/* ---- for core/reclaim.c ---- */

/* The job asks. NULL: no account has so much more than this one that it might take from it. Good
 * until the next call. Not while thought changes sums. */
struct dr_fair *dr_fair_ask(struct dr_decision *decision, const struct dr_job *job, dr_pool_id pool,
                            const struct dr_amounts *amounts);

/* Might an attempt that holds some of a resource, and so many accelerators (thousandths), be had
 * from the account, before anybody was gone? */
int dr_fair_has(struct dr_fair *fair, dr_account_id account, enum dr_resource resource,
                int64_t accelerators);

/* Accelerators, thousandths, that may be had from these victims at most: from each branch no more
 * than would leave it with enough. */
struct dr_victim;
int64_t dr_fair_units(struct dr_fair *fair, const struct dr_victim *victims, uint32_t count);

/* Has it run for long enough? */
int dr_fair_ripe(const struct dr_core *core, const struct dr_job *victim, int64_t now_us);

/* Why it may be taken; NONE: it may not. Its branch has enough left, with the sums as they are in
 * thought now; a set of such victims may still fail dr_fair_holds(). */
enum dr_stop_cause dr_fair_may_take(const struct dr_fair *fair, const struct dr_job *victim);

/* All victims are gone in thought and the job's amounts are claimed: does the rule hold for this
 * one? */
int dr_fair_holds(const struct dr_fair *fair, const struct dr_job *victim);

#endif
