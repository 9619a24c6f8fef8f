/* SPDX-License-Identifier: Apache-2.0 */
/* daero plan compare: a plan beside other courses. */
#include "cli/options.h"
#include "cli/plan_cli.h"
#include "cli/table.h"
#include "plan/result/files.h"
#include "plan/search/find.h"
#include "plan/explain/variants.h"

/* One course. */
struct course {
    enum dr_found found;
    double gap;
    struct dr_plan_figures figures;
};

/* Why there are no figures of it. */
static const char *const NO_PLAN[] = {[DR_FOUND_PLAN] = "",
                                      [DR_FOUND_NONE] = "no plan",
                                      [DR_FOUND_NOT_IN_TIME] = "none in time",
                                      [DR_FOUND_NOT_WHOLE] = "none in lots"};

/* DR_EXIT_OK also where there is no such plan. What it costs is counted as for the plan itself, or
 * the courses could not be held against one another. */
static int solve(const struct dr_cli *cli, const struct dr_plan_inputs *original,
                 const struct dr_plan_inputs *inputs, const struct dr_search_options *options,
                 struct course *course)
{
    struct dr_program *program = calloc(1, sizeof *program);
    struct dr_plan *plan = calloc(1, sizeof *plan);
    struct dr_plan_verdict *verdict = calloc(1, sizeof *verdict);
    struct dr_plan_sums *sums = calloc(1, sizeof *sums);
    struct dr_search_progress progress;
    struct dr_error error = {0};
    double first_s;
    int code = DR_EXIT_OK;

    if (program == NULL || plan == NULL || verdict == NULL || sums == NULL)
        abort();
    dr_program_init(program, inputs, 0);
    if (dr_plan_find(program, options, plan, verdict, sums, &progress, &first_s, &course->found,
                     &error) != DR_OK) {
        code = dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    } else if (course->found == DR_FOUND_PLAN) {
        course->gap = dr_plan_gap(sums->cost, progress.bound * program->money_scale);
        dr_plan_check(original, plan, verdict, sums);
        dr_plan_figure(original, plan, sums, &course->figures);
    }
    dr_program_deinit(program);
    free(program);
    free(plan);
    free(verdict);
    free(sums);
    return code;
}

static void line(struct dr_table *table, const char *what, const struct course *courses,
                 const char *(*put)(const struct dr_plan_figures *figures, uint32_t place),
                 uint32_t place)
{
    dr_table_row(table);
    dr_table_cell(table, what);
    for (int v = 0; v < DR_PLAN_VARIANT_COUNT; v += 1)
        dr_table_cell(table, courses[v].found == DR_FOUND_PLAN ? put(&courses[v].figures, place)
                                                               : NO_PLAN[courses[v].found]);
}

static const char *put_cost(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_cli_millions(figures->cost);
}

static const char *put_spent(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_cli_millions(figures->spent);
}

static const char *put_unmet(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_show_format("%.1f", 100 * figures->unmet);
}

static const char *put_unmet_of(const struct dr_plan_figures *figures, uint32_t place)
{
    return dr_show_format("%.1f", 100 * figures->unmet_of[place]);
}

static const char *put_unmet_in(const struct dr_plan_figures *figures, uint32_t place)
{
    return dr_show_format("%.1f", 100 * figures->unmet_in[place]);
}

static const char *put_domestic(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_show_format("%.1f", 100 * figures->domestic);
}

static const char *put_peak(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_show_format("%.2f", figures->peak_w / 1e6);
}

static const char *put_idle(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_show_format("%.0f", figures->idle);
}

static const char *put_age(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_show_format("%.1f", figures->age_quarters);
}

static const char *put_swing(const struct dr_plan_figures *figures, uint32_t place)
{
    (void)place;
    return dr_show_format("%.0f", 100 * figures->swing);
}

static void print_courses(const struct dr_plan_inputs *inputs, const struct course *courses)
{
    static const char *const names[] = {"PLAN", "NOTHING", "ONE-OFF", "STEADY"};
    struct dr_table *table = dr_table_open(1);

    dr_table_column(table, "WHAT", 0);
    for (int v = 0; v < DR_PLAN_VARIANT_COUNT; v += 1)
        dr_table_column(table, names[v], DR_TABLE_RIGHT);
    line(table, dr_show_format("cost, discounted, M %s", inputs->currency), courses, put_cost, 0);
    line(table, dr_show_format("spent, M %s", inputs->currency), courses, put_spent, 0);
    line(table, "work not done, %", courses, put_unmet, 0);
    for (uint32_t k = 0; k < inputs->sectors_count; k += 1)
        line(table, dr_show_format("  of %s", inputs->sectors[k].name), courses, put_unmet_of, k);
    for (uint32_t y = 0; y < inputs->years_count; y += 1)
        line(table, dr_show_format("  in %lld", (long long)(inputs->begin / 4 + y)), courses,
             put_unmet_in, y);
    line(table, "domestic chips in orders, %", courses, put_domestic, 0);
    line(table, "highest draw, MW", courses, put_peak, 0);
    line(table, "idle accelerator-quarters", courses, put_idle, 0);
    line(table, "mean age at the end, quarters", courses, put_age, 0);
    line(table, "largest swing of a year's spending, %", courses, put_swing, 0);
    dr_table_row(table);
    dr_table_cell(table, "gap, %");
    for (int v = 0; v < DR_PLAN_VARIANT_COUNT; v += 1)
        dr_table_cell(table, courses[v].found == DR_FOUND_PLAN
                                 ? dr_show_format("%.2f", 100 * courses[v].gap)
                                 : "-");
    dr_table_print(table);
}

static json_t *courses_json(const struct dr_plan_inputs *inputs, const struct course *courses)
{
    json_t *all = json_object();

    for (int v = 0; v < DR_PLAN_VARIANT_COUNT; v += 1) {
        int found = courses[v].found == DR_FOUND_PLAN;
        json_t *course = found ? dr_plan_figures_json(inputs, &courses[v].figures) : json_object();

        json_object_set_new(course, "found", json_boolean(found));
        if (found)
            json_object_set_new(course, "gap", json_real(courses[v].gap));
        else
            json_object_set_new(course, "why", json_string(NO_PLAN[courses[v].found]));
        json_object_set_new(course, "words", json_string(DR_PLAN_VARIANT_TEXTS[v]));
        json_object_set_new(all, DR_PLAN_VARIANT_WORDS[v], course);
    }
    return json_pack("{s:s, s:s, s:s, s:o}", "scenario", inputs->name, "inputs_sha256",
                     inputs->hash, "currency", inputs->currency, "courses", all);
}

int dr_cmd_plan_compare(struct dr_cli *cli)
{
    struct course courses[DR_PLAN_VARIANT_COUNT] = {0};
    struct dr_search_options options = {.gap = 0.001};
    struct dr_plan_inputs *inputs;
    int64_t seconds = 60;
    int code = DR_EXIT_OK;

    if (!dr_option_whole(cli, "seconds", 1, 86400, &seconds))
        return DR_EXIT_USAGE;
    inputs = dr_cli_plan_inputs(cli, cli->operands[0], &code);
    if (inputs == NULL)
        return code;
    code = DR_EXIT_OK;
    options.stop = dr_cli_plan_stop();
    options.seconds = (double)seconds;
    for (int v = 0; v < DR_PLAN_VARIANT_COUNT && code == DR_EXIT_OK; v += 1) {
        struct dr_plan_inputs *variant = dr_plan_variant(inputs, (enum dr_plan_variant)v);

        fprintf(stderr, "%s: %s\n", DR_PLAN_VARIANT_WORDS[v], DR_PLAN_VARIANT_TEXTS[v]);
        code = solve(cli, inputs, variant, &options, &courses[v]);
        dr_plan_variant_close(variant);
    }
    if (code == DR_EXIT_OK && cli->json) {
        json_t *out = courses_json(inputs, courses);

        dr_cli_print_json(cli, out);
        json_decref(out);
    } else if (code == DR_EXIT_OK) {
        print_courses(inputs, courses);
    }
    dr_plan_inputs_close(inputs);
    return code;
}
