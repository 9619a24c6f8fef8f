/* SPDX-License-Identifier: Apache-2.0 */
/* The check of a plan, and the program that plans come from: two codes that share nothing but the
 * inputs. A plan that was found keeps all rules in both and costs the same in both; a thousand
 * plans with one thing changed are judged alike. */
#include <math.h>
#include <stdlib.h>

#include "plan_world.h"
#include "test.h"

#define MICRO DR_PLAN_MICRO

struct judged {
    struct dr_plan_inputs *inputs;
    struct dr_program program;
    struct dr_plan *plan;
    struct dr_plan_verdict verdict;
    struct dr_plan_sums sums;
    double *values; /* [columns] */
    double *row;    /* [rows] */
};

/* The campus and its plan; solved once. */
static struct judged *campus(void)
{
    static struct judged *judged;
    double bound;

    if (judged != NULL)
        return judged;
    judged = calloc(1, sizeof *judged);
    judged->inputs = plan_campus();
    judged->inputs->sectors[0].factor_micro[1] = 912345;
    judged->inputs->sectors[1].factor_micro[2] = 950001;
    judged->plan = plan_new();
    CHECK(plan_solve(judged->inputs, 0.3, judged->plan, &judged->sums, &bound));
    dr_program_init(&judged->program, judged->inputs, 0);
    judged->values = calloc(judged->program.model.columns_count, sizeof judged->values[0]);
    judged->row = calloc(judged->program.model.rows_count, sizeof judged->row[0]);
    return judged;
}

static void put(struct judged *judged, uint32_t column, double value)
{
    if (column != DR_NO_COLUMN)
        judged->values[column] = value;
}

static double got(const struct judged *judged, uint32_t column)
{
    return column == DR_NO_COLUMN ? 0 : judged->values[column];
}

/* What an equality fixes, from its other columns: it has one entry of -1 for it. */
static void follow(struct judged *judged, uint32_t column, enum dr_plan_row kind, uint32_t a,
                   uint32_t b)
{
    const struct dr_model *model = &judged->program.model;

    put(judged, column, 0);
    dr_model_sums(model, judged->values, judged->row);
    for (uint32_t r = 0; r < model->rows_count; r += 1) {
        if (model->rows[r].kind == kind && model->rows[r].place[0] == a &&
            (b == DR_NOWHERE || model->rows[r].place[1] == b))
            put(judged, column, judged->row[r]);
    }
}

/* What would be given out with a zone lost. A class of sites is known by the row that sums up what
 * is on in it. 0: there is no column for it. */
static int fill_lost(struct judged *judged, const struct dr_plan_lost *lost)
{
    const struct dr_program *program = &judged->program;
    const struct dr_model *model = &program->model;
    uint32_t on = program->on[lost->site][lost->chip][lost->quarter];
    uint32_t done = program->lost_done[lost->zone][lost->sector][lost->quarter];
    double use = (double)lost->use_milli / 1000 / program->count_scale;
    uint32_t first = DR_NOWHERE;

    for (int32_t e = on == DR_NO_COLUMN ? 0 : model->starts[on];
         e < (on == DR_NO_COLUMN ? 0 : model->starts[on + 1]); e += 1) {
        const struct dr_model_name *row = &model->rows[model->entry_rows[e]];

        if (row->kind == DR_ROW_LOST_GIVE && row->place[0] == lost->zone)
            first = row->place[1];
    }
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        const struct dr_model_name *name = &model->columns[c];

        if (name->kind != DR_COLUMN_LOST_USE || name->place[0] != lost->zone ||
            name->place[1] != lost->sector || name->place[2] != first ||
            name->place[3] != lost->chip || name->place[4] != lost->quarter)
            continue;
        judged->values[c] += use;
        judged->values[done] +=
            use * (double)dr_plan_yield(judged->inputs, lost->sector, lost->chip, lost->quarter) /
            1e12;
        return 1;
    }
    return lost->use_milli == 0;
}

/* The plan as a solution of the program; carried money, peaks and swings as little as they may be.
 * 0: it has something for which the program has no column. */
static int fill(struct judged *judged)
{
    const struct dr_plan_inputs *inputs = judged->inputs;
    struct dr_program *program = &judged->program;
    int whole = 1;

    memset(judged->values, 0, program->model.columns_count * sizeof judged->values[0]);
    for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
        for (uint32_t c = 0; c < inputs->chips_count; c += 1) {
            int64_t sum = 0;

            for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
                sum += judged->plan->buy[s][c][t];
                put(judged, program->buy[s][c][t],
                    (double)judged->plan->buy[s][c][t] / dr_program_unit(program, c));
                put(judged, program->on[s][c][t],
                    (double)judged->plan->on_milli[s][c][t] / 1000 / program->count_scale);
                whole &= program->buy[s][c][t] != DR_NO_COLUMN || judged->plan->buy[s][c][t] == 0;
                whole &=
                    program->on[s][c][t] != DR_NO_COLUMN || judged->plan->on_milli[s][c][t] == 0;
                for (uint32_t k = 0; k < inputs->sectors_count; k += 1) {
                    put(judged, program->use[k][s][c][t],
                        (double)judged->plan->use_milli[k][s][c][t] / 1000 / program->count_scale);
                    whole &= program->use[k][s][c][t] != DR_NO_COLUMN ||
                             judged->plan->use_milli[k][s][c][t] == 0;
                }
            }
            put(judged, program->order[c][t], sum > 0);
        }
        for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
            for (uint32_t p = 0; p < inputs->sites[s].phases_count; p += 1) {
                int begun = judged->plan->phase[s][p] != DR_PLAN_NEVER &&
                            judged->plan->phase[s][p] <= (int32_t)t;

                put(judged, program->phase[s][p][t], begun);
                whole &= program->phase[s][p][t] != DR_NO_COLUMN || !begun;
            }
        }
    }
    for (uint32_t t = 0; t < inputs->quarters_count; t += 1) {
        double free = (double)inputs->steady_micro / 1e6;

        for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
            uint32_t y = dr_plan_year(inputs, t);

            follow(judged, program->draw[s][t], DR_ROW_DRAWN, s, t);
            put(judged, program->peak[s][y],
                fmax(got(judged, program->peak[s][y]), got(judged, program->draw[s][t])));
        }
        follow(judged, program->spend[t], DR_ROW_SPENDING, t, DR_NOWHERE);
        follow(judged, program->total[t], DR_ROW_ALL, t, DR_NOWHERE);
        if (t > 0) {
            double now = got(judged, program->spend[t]), last = got(judged, program->spend[t - 1]);

            put(judged, program->rise[t], fmax(0, now - (1 + free) * last));
            put(judged, program->fall[t], fmax(0, (1 - free) * last - now));
        }
        for (uint32_t k = 0; k < inputs->sectors_count; k += 1) {
            double done = 0;

            for (uint32_t s = 0; s < inputs->sites_count; s += 1) {
                for (uint32_t c = 0; c < inputs->chips_count; c += 1)
                    done += got(judged, program->use[k][s][c][t]) *
                            (double)dr_plan_yield(inputs, k, c, t) / 1e12;
            }
            put(judged, program->unserved[k][t],
                (double)inputs->sectors[k].demand[t] / program->count_scale - done);
        }
    }
    for (uint32_t i = 0; i < judged->plan->lost_count; i += 1)
        whole &= fill_lost(judged, &judged->plan->lost[i]);
    for (uint32_t i = 0; i < inputs->targets_count; i += 1)
        follow(judged, program->compute[i], DR_ROW_COMPUTED, i, DR_NOWHERE);
    for (uint32_t y = 0; y < inputs->years_count; y += 1) {
        double spent = 0, kept = y == 0 ? 0 : got(judged, program->carry[y - 1]);

        for (uint32_t t = 0; t < inputs->quarters_count; t += 1)
            spent += dr_plan_year(inputs, t) == y ? got(judged, program->spend[t]) : 0;
        if (program->carry[y] != DR_NO_COLUMN)
            put(judged, program->carry[y],
                fmax(0, fmin(program->model.upper[program->carry[y]],
                             (double)inputs->budget[y] / program->money_scale + kept - spent)));
    }
    return whole;
}

/* The row or column that is broken most, relative to its size; NULL: none by more than 1e-9. */
static const char *broken_in_program(struct judged *judged)
{
    static char words[300];
    const struct dr_model *model = &judged->program.model;
    double worst = 1e-9;
    const char *found = NULL;

    dr_model_sums(model, judged->values, judged->row);
    for (uint32_t r = 0; r < model->rows_count; r += 1) {
        double over =
            fmax(judged->row[r] - model->row_upper[r], model->row_lower[r] - judged->row[r]);
        double side = isfinite(model->row_upper[r]) ? model->row_upper[r] : model->row_lower[r];

        if (over / fmax(1, fabs(side)) > worst) {
            worst = over / fmax(1, fabs(side));
            found = dr_program_row_words(&judged->program, r, words);
        }
    }
    for (uint32_t c = 0; c < model->columns_count; c += 1) {
        double over =
            fmax(judged->values[c] - model->upper[c], model->lower[c] - judged->values[c]);

        if (over > worst) {
            worst = over;
            found = dr_program_column_words(&judged->program, c, words);
        }
    }
    return found;
}

static int in_lots(const struct judged *judged)
{
    for (uint32_t s = 0; s < judged->inputs->sites_count; s += 1) {
        for (uint32_t c = 0; c < judged->inputs->chips_count; c += 1) {
            for (uint32_t t = 0; t < judged->inputs->quarters_count; t += 1) {
                if (judged->plan->buy[s][c][t] % judged->inputs->chips[c].lot != 0)
                    return 0;
            }
        }
    }
    return 1;
}

TEST(a_plan_keeps_all_rules_and_costs_the_same_in_both)
{
    struct judged *judged = campus();
    double cost;

    CHECK(dr_plan_check(judged->inputs, judged->plan, &judged->verdict, &judged->sums));
    CHECK(judged->verdict.checks_count > 500);
    CHECK(fill(judged));
    if (broken_in_program(judged) != NULL)
        fail_msg("broken in the program: %s", broken_in_program(judged));
    cost = dr_model_cost(&judged->program.model, judged->values) * judged->program.money_scale;
    if (fabs(cost - judged->sums.cost) > 1e-9 * fabs(cost))
        fail_msg("the program says %.6f, the check %.6f", cost, judged->sums.cost);
}

/* One thing is changed by the least that it can be. */
static const char *change(struct judged *judged, uint32_t kind)
{
    const struct dr_plan_inputs *inputs = judged->inputs;
    struct dr_plan *plan = judged->plan;
    uint32_t s = plan_roll(inputs->sites_count), other = plan_roll(inputs->sites_count);
    uint32_t c = plan_roll(inputs->chips_count), t = plan_roll(inputs->quarters_count);
    uint32_t k = plan_roll(inputs->sectors_count), p = plan_roll(2);
    struct dr_plan_lost *lost = &plan->lost[plan_roll(plan->lost_count)];

    switch (kind) {
    case 0: /* one accelerator to another place */
        plan->buy[s][c][t] -= 1;
        plan->buy[other][plan_roll(inputs->chips_count)][plan_roll(inputs->quarters_count)] += 1;
        return "an accelerator moved";
    case 1:
        plan->buy[s][c][t] += inputs->chips[c].lot;
        return "a lot more";
    case 2:
        plan->buy[s][c][t] -= inputs->chips[c].lot;
        return "a lot less";
    case 3:
        plan->on_milli[s][c][t] += 1;
        return "a thousandth more is on";
    case 4:
        plan->on_milli[s][c][t] -= 1;
        return "a thousandth less is on";
    case 5:
        plan->use_milli[k][s][c][t] += 1;
        return "a thousandth more is given";
    case 6:
        plan->use_milli[k][s][c][t] -= 1;
        return "a thousandth less is given";
    case 7:
        plan->phase[s][p] -= plan->phase[s][p] == DR_PLAN_NEVER ? 0 : 1;
        return "a phase a quarter earlier";
    case 8:
        plan->phase[s][p] = (int32_t)t;
        return "a phase in another quarter";
    case 9:
        lost->use_milli += 1;
        return "a thousandth more with a zone lost";
    case 10:
        lost->use_milli -= 1;
        return "a thousandth less with a zone lost";
    case 11:
        lost->site = (uint8_t)other;
        return "at another site with a zone lost";
    case 12:
        lost->zone ^= 1;
        return "with another zone lost";
    default: /* a lot to another site: what it stands for there is not on */
        plan->buy[s][c][t] -= inputs->chips[c].lot;
        plan->buy[other][c][t] += inputs->chips[c].lot;
        return "a lot at another site";
    }
}

TEST(a_thousand_mistakes_are_judged_as_the_program_judges_them)
{
    struct judged *judged = campus();
    struct dr_plan *kept = plan_new();
    uint32_t bad = 0, changed = 0;

    *kept = *judged->plan;
    CHECK(kept->lost_count > 0);
    for (uint32_t i = 0; bad < 1000 && i < 3000; i += 1) {
        const char *what, *rule;
        int by_program, by_check;

        *judged->plan = *kept;
        plan_dice(i + 1);
        what = change(judged, i % 14);
        by_program = fill(judged) && in_lots(judged) && broken_in_program(judged) == NULL;
        rule = broken_in_program(judged);
        by_check = dr_plan_check(judged->inputs, judged->plan, &judged->verdict, &judged->sums);
        bad += !by_check;
        changed += 1;
        if (by_program != by_check)
            fail_msg("%u: %s: the program says %s (%s), the check says %s (%s, %s)", i, what,
                     by_program ? "good" : "bad", rule == NULL ? "" : rule,
                     by_check ? "good" : "bad", by_check ? "" : judged->verdict.findings[0].rule,
                     by_check ? "" : judged->verdict.findings[0].where);
    }
    *judged->plan = *kept;
    print_message("%u of %u changed plans were bad, in both\n", bad, changed);
    CHECK_EQ(bad, 1000);
    free(kept);
}
