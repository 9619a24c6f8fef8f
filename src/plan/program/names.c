/* SPDX-License-Identifier: Apache-2.0 */
/* Words for the program's columns and rows. */
#include <stdio.h>
#include <string.h>

#include "plan/program/program.h"

struct kind {
    const char *name;
    const char *places; /* what each of the places is */
    const char *words;
};

static const struct kind COLUMNS[] = {
#define COLUMN_KIND(name, places, words) {#name, places, words},
    DR_PLAN_COLUMNS(COLUMN_KIND)
#undef COLUMN_KIND
};

static const struct kind ROWS[] = {
#define ROW_KIND(name, places, words) {#name, places, words},
    DR_PLAN_ROWS(ROW_KIND)
#undef ROW_KIND
};

static void place_words(const struct dr_plan_inputs *inputs, char place, uint32_t at,
                        char text[DR_NAME_BYTES])
{
    static const char *const measures[] = {"value", "units", "compute"};
    char quarter[DR_QUARTER_BYTES];

    switch (place) {
    case 's':
        dr_copy_name(text, inputs->sites[at].name);
        break;
    case 'c':
        dr_copy_name(text, inputs->chips[at].name);
        break;
    case 'k':
        dr_copy_name(text, inputs->sectors[at].name);
        break;
    case 'z':
        dr_copy_name(text, inputs->zones[at].name);
        break;
    case 'p':
        snprintf(text, DR_NAME_BYTES, "phase-%u", at + 1);
        break;
    case 't':
        snprintf(text, DR_NAME_BYTES, "%s", dr_format_quarter(inputs->begin + at, quarter));
        break;
    case 'y':
        snprintf(text, DR_NAME_BYTES, "%lld", (long long)(inputs->begin / 4 + at));
        break;
    case 'g': /* a target */
        snprintf(text, DR_NAME_BYTES, "%s",
                 dr_format_quarter(inputs->begin + inputs->targets[at].quarter, quarter));
        break;
    default: /* 'i': a rule for domestic chips */
        snprintf(text, DR_NAME_BYTES, "by-%s", measures[inputs->domestic[at].measure]);
        break;
    }
}

static const char *put_slack(const struct dr_program *program, const struct dr_model_name *name,
                             int words, char text[300])
{
    uint32_t row = name->place[0] | (uint32_t)name->place[1] << 16;
    char of[300];

    if (words)
        return dr_program_row_words(program, row, text);
    snprintf(text, 300, "SLACK_%s", dr_program_row_name(program, row, of));
    return text;
}

/* Quarters and years come last. */
static int is_time(char place)
{
    return place == 't' || place == 'y';
}

static const char *put(const struct dr_program *program, const struct kind *kind,
                       const struct dr_model_name *name, int words, int time, char text[300])
{
    size_t length = (size_t)snprintf(text, 300, "%s", words ? kind->words : kind->name);

    if (kind->places[0] == 'r')
        return put_slack(program, name, words, text);
    for (uint32_t i = 0; kind->places[i] != '\0' && (time || !is_time(kind->places[i])); i += 1) {
        const char *between = i == 0 ? (words ? ": " : "(") : words ? ", " : ",";
        char part[DR_NAME_BYTES];

        place_words(program->inputs, kind->places[i], name->place[i], part);
        length += (size_t)snprintf(text + length, 300 - length, "%s%s", between, part);
    }
    if (!words)
        snprintf(text + length, 300 - length, ")");
    return text;
}

void dr_program_row_parts(const struct dr_program *program, uint32_t row,
                          struct dr_row_parts *parts)
{
    const struct dr_model_name *name = &program->model.rows[row];
    const struct kind *kind = &ROWS[name->kind];
    size_t length = 0;

    *parts = (struct dr_row_parts){.name = kind->name, .rule = kind->words};
    for (uint32_t i = 0; kind->places[i] != '\0'; i += 1) {
        int is_time = strchr("tyg", kind->places[i]) != NULL;
        char part[DR_NAME_BYTES];

        place_words(program->inputs, kind->places[i], name->place[i], part);
        if (is_time)
            dr_copy_name(parts->when, part);
        else
            length += (size_t)snprintf(parts->where + length, sizeof parts->where - length, "%s%s",
                                       length == 0 ? "" : ", ", part);
    }
}

const char *dr_program_row_words(const struct dr_program *program, uint32_t row, char text[300])
{
    return put(program, &ROWS[program->model.rows[row].kind], &program->model.rows[row], 1, 1,
               text);
}

const char *dr_program_column_words(const struct dr_program *program, uint32_t column,
                                    char text[300])
{
    return put(program, &COLUMNS[program->model.columns[column].kind],
               &program->model.columns[column], 1, 1, text);
}

const char *dr_program_row_name(const struct dr_program *program, uint32_t row, char text[300])
{
    return put(program, &ROWS[program->model.rows[row].kind], &program->model.rows[row], 0, 1,
               text);
}

const char *dr_program_column_name(const struct dr_program *program, uint32_t column,
                                   char text[300])
{
    return put(program, &COLUMNS[program->model.columns[column].kind],
               &program->model.columns[column], 0, 1, text);
}

const char *dr_program_row_rule(const struct dr_program *program, uint32_t row, char text[300])
{
    return put(program, &ROWS[program->model.rows[row].kind], &program->model.rows[row], 1, 0,
               text);
}

int32_t dr_program_row_time(const struct dr_program *program, uint32_t row, int *is_year)
{
    const struct dr_model_name *name = &program->model.rows[row];
    const char *places = ROWS[name->kind].places;
    size_t last = strlen(places) - 1;

    *is_year = places[last] == 'y';
    return is_time(places[last]) ? name->place[last] : -1;
}
