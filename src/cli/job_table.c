/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a job's options stands at the end; the functions that take their values come first.
 */
#include "cli/job_options.h"

#include <ctype.h>
#include <signal.h>
#include <strings.h>

#include "base/math.h"
#include "base/text.h"

#define TASKS_MAX       65536
#define LIST_MAX        64
#define ARRAY_INDEX_MAX 4000000

#define SET_ARGUMENTS                                                                \
    struct dr_job_spec *spec, const char *value, const char *detail, char *expected, \
        size_t expected_bytes
#define EXPECT(...)  (snprintf(expected, expected_bytes, __VA_ARGS__), 0)
#define UNUSED(name) (void)(name)

enum list { LIST_CHIPS, LIST_ALTERNATIVES, LIST_DATASETS, LIST_SITES };

static void put(struct dr_job_spec *spec, const char *member, json_t *value)
{
    json_object_set_new(spec->job, member, value);
}

/* ---- plain values ---- */

static int set_text(SET_ARGUMENTS)
{
    json_t *text = json_string(value);

    if (text == NULL)
        return EXPECT("text in UTF-8");
    put(spec, detail, text);
    return 1;
}

static int set_job_name(SET_ARGUMENTS)
{
    if (value[0] == '\0' || strlen(value) > 200)
        return EXPECT("a name of 1 to 200 bytes");
    return set_text(spec, value, detail, expected, expected_bytes);
}

/* The name of one of the federation's parts. */
static int set_part(SET_ARGUMENTS)
{
    if (!dr_name_valid(value))
        return EXPECT("a name of small letters, digits and '-'");
    return set_text(spec, value, detail, expected, expected_bytes);
}

static int set_flag(SET_ARGUMENTS)
{
    UNUSED(value);
    UNUSED(expected);
    UNUSED(expected_bytes);
    put(spec, detail, json_true());
    return 1;
}

static int set_flag_off(SET_ARGUMENTS)
{
    UNUSED(value);
    UNUSED(expected);
    UNUSED(expected_bytes);
    put(spec, detail, json_false());
    return 1;
}

static int set_duration(SET_ARGUMENTS)
{
    int64_t duration_us;

    if (!dr_parse_duration_us(value, &duration_us) || duration_us <= 0)
        return EXPECT("a duration such as 90s, 15m, 2h, 1h30m or 7d");
    put(spec, detail, json_integer(duration_us));
    return 1;
}

/* What becomes of an attempt whose site does not answer: "wait", or "relaunch:30m". */
static int set_unreachable(SET_ARGUMENTS)
{
    int64_t duration_us = 0;

    if (strcmp(value, "wait") != 0 &&
        (strncmp(value, "relaunch:", 9) != 0 || !dr_parse_duration_us(value + 9, &duration_us) ||
         duration_us < DR_MINUTE_US))
        return EXPECT("wait, or relaunch: and a minute or more, such as relaunch:30m");
    put(spec, detail, json_integer(duration_us));
    return 1;
}

/* Slurm's --time: a plain number is minutes. */
static int set_minutes(SET_ARGUMENTS)
{
    int64_t minutes;

    if (dr_parse_i64(value, 1, 100000000, &minutes)) {
        put(spec, detail, json_integer(minutes * DR_MINUTE_US));
        return 1;
    }
    if (strcasecmp(value, "UNLIMITED") == 0 || strcasecmp(value, "INFINITE") == 0 ||
        strcmp(value, "0") == 0 || strcmp(value, "-1") == 0)
        return EXPECT("a limit (every job has one), as minutes, MM:SS, HH:MM:SS, D-HH or D-HH:MM");
    for (const char *at = value; *at != '\0'; at += 1) {
        if (!isdigit((unsigned char)*at) && *at != ':' && *at != '-')
            return EXPECT(
                "minutes, MM:SS, HH:MM:SS, D-HH or D-HH:MM (Daero's own --limit takes 2h)");
    }
    return set_duration(spec, value, detail, expected, expected_bytes)
               ? 1
               : EXPECT("minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS");
}

int dr_job_instant(const char *value, int64_t now_us, int64_t *instant_us)
{
    static const struct {
        const char *word;
        const char *letter;
    } units[] = {{"seconds", "s"}, {"second", "s"}, {"minutes", "m"}, {"minute", "m"},
                 {"hours", "h"},   {"hour", "h"},   {"days", "d"},    {"day", "d"}};
    static const struct {
        const char *word;
        int hour;
        int days;
    } words[] = {{"midnight", 0, 0}, {"noon", 12, 0}, {"teatime", 16, 0},
                 {"fika", 15, 0},    {"today", 0, 0}, {"tomorrow", 0, 1}};
    time_t now = (time_t)(now_us / DR_SECOND_US);
    struct tm day;
    int64_t hour = 0;
    int64_t minute = 0;
    int64_t second = 0;
    int matched = 0;
    int passes = 1; /* an hour that has passed today means tomorrow's */
    char copy[64];

    if (strncmp(value, "now+", 4) == 0) {
        const char *rest = value + 4;
        size_t digits = strspn(rest, "0123456789");

        if (strcmp(rest + digits, "weeks") == 0 || strcmp(rest + digits, "week") == 0) {
            int64_t weeks;

            snprintf(copy, sizeof copy, "%.*s", (int)(digits < 9 ? digits : 9), rest);
            if (!dr_parse_i64(copy, 0, 10000, &weeks))
                return 0;
            *instant_us = now_us + weeks * 7 * DR_DAY_US;
            return 1;
        }
        for (size_t i = 0; i < DR_COUNT_OF(units); i += 1) {
            if (digits > 0 && digits < 12 && strcmp(rest + digits, units[i].word) == 0) {
                snprintf(copy, sizeof copy, "now+%.*s%s", (int)digits, rest, units[i].letter);
                return dr_parse_instant_us(copy, now_us, instant_us);
            }
        }
        return dr_parse_instant_us(value, now_us, instant_us);
    }
    if (localtime_r(&now, &day) == NULL)
        return 0;
    for (size_t i = 0; i < DR_COUNT_OF(words); i += 1) {
        if (strcmp(value, words[i].word) == 0) {
            hour = words[i].hour;
            day.tm_mday += words[i].days;
            passes = strcmp(value, "today") != 0;
            matched = 1;
        }
    }
    if (!matched && strlen(value) < sizeof copy && strchr(value, ':') != NULL &&
        strspn(value, "0123456789:") == strlen(value)) {
        char *cursor = copy;

        snprintf(copy, sizeof copy, "%s", value);
        matched = dr_parse_i64(strsep(&cursor, ":"), 0, 23, &hour) && cursor != NULL &&
                  dr_parse_i64(strsep(&cursor, ":"), 0, 59, &minute);
        if (matched && cursor != NULL)
            matched = dr_parse_i64(cursor, 0, 59, &second);
        if (!matched)
            return 0;
    }
    if (!matched)
        return dr_parse_instant_us(value, now_us, instant_us);
    day.tm_hour = (int)hour;
    day.tm_min = (int)minute;
    day.tm_sec = (int)second;
    day.tm_isdst = -1;
    *instant_us = (int64_t)mktime(&day) * DR_SECOND_US;
    if (*instant_us <= now_us && passes) {
        day.tm_mday += 1;
        day.tm_isdst = -1;
        *instant_us = (int64_t)mktime(&day) * DR_SECOND_US;
    }
    return 1;
}

static int set_instant(SET_ARGUMENTS)
{
    int64_t instant_us;

    if (!dr_job_instant(value, spec->now_us, &instant_us) || instant_us <= 0)
        return EXPECT(
            "an instant: 2026-11-23T09:30:00, 16:00, now+1h, tomorrow (local time without "
            "a zone)");
    put(spec, detail, json_integer(instant_us));
    return 1;
}

/* sbatch's --deadline ends the job; Daero's --due is a goal. */
static int set_deadline(SET_ARGUMENTS)
{
    if (!set_instant(spec, value, "deadline_us", expected, expected_bytes))
        return 0;
    put(spec, "deadline_ends", json_boolean(strcmp(detail, "ends") == 0));
    return 1;
}

static int set_priority(SET_ARGUMENTS)
{
    int64_t priority;

    if (!dr_parse_i64(value, -1000000, 1000000, &priority))
        return EXPECT("a whole number from -1000000 to 1000000, higher first");
    put(spec, detail, json_integer(priority));
    return 1;
}

static int set_nice(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (!dr_parse_i64(value == NULL ? "100" : value, -1000000, 1000000, &spec->nice))
        return EXPECT("a whole number that is taken off the priority");
    return 1;
}

static int set_open_mode(SET_ARGUMENTS)
{
    if (strcmp(value, "append") != 0 && strcmp(value, "truncate") != 0)
        return EXPECT("append or truncate");
    return set_text(spec, value, detail, expected, expected_bytes);
}

static int set_pattern(SET_ARGUMENTS)
{
    for (const char *at = strchr(value, '%'); at != NULL; at = strchr(at + 1, '%')) {
        at += 1 + strspn(at + 1, "0123456789"); /* %4j: with zeros before it */
        if (*at == '\0' || strchr("jaAtxu%", *at) == NULL)
            return EXPECT("a path whose %% parts are among %%j (job) %%A (array's first job) %%a "
                          "(index) %%t (task) %%x (name) %%u (user) %%%%");
    }
    if (value[0] == '\0')
        return EXPECT("a path");
    return set_text(spec, value, detail, expected, expected_bytes);
}

static int set_directory(SET_ARGUMENTS)
{
    if (value[0] == '\0')
        return EXPECT("a directory");
    return set_text(spec, value, detail, expected, expected_bytes);
}

/* ---- signals ---- */

static const struct {
    const char *name;
    int number;
} SIGNALS[] = {{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},  {"USR1", SIGUSR1},
               {"USR2", SIGUSR2}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},  {"CONT", SIGCONT},
               {"URG", SIGURG},   {"XCPU", SIGXCPU}, {"WINCH", SIGWINCH}};

/* "USR1", "SIGUSR1", "10" to the name that the API takes, or the number. */
static json_t *parse_signal(const char *text)
{
    int64_t number;

    if (dr_parse_i64(text, 1, 64, &number) && number != SIGKILL && number != SIGSTOP)
        return json_integer(number);
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (size_t i = 0; i < DR_COUNT_OF(SIGNALS); i += 1) {
        if (strcasecmp(text, SIGNALS[i].name) == 0)
            return json_string(SIGNALS[i].name);
    }
    return NULL;
}

/* "USR1@60": `detail` is "seconds" for sbatch's --signal (60 s where no time is said; B: to the
 * script alone, otherwise to its steps alone), else a duration. */
static int set_signal(SET_ARGUMENTS)
{
    int slurm = strcmp(detail, "seconds") == 0;
    char name[32];
    const char *at;
    int64_t before_us = slurm ? DR_MINUTE_US : 0;
    const char *to = "steps";
    json_t *number;

    json_object_del(spec->job, "warn_to");
    if (slurm) {
        size_t flags = strspn(value, "RB");

        if (value[flags] == ':') {
            to = memchr(value, 'B', flags) != NULL ? "script" : to;
            value += flags + 1;
        }
        put(spec, "warn_to", json_string(to));
    }
    at = strchr(value, '@');
    snprintf(name, sizeof name, "%.*s",
             (int)(at == NULL        ? 31
                   : at - value < 31 ? at - value
                                     : 31),
             value);
    if (at != NULL && slurm) {
        int64_t seconds;

        if (!dr_parse_i64(at + 1, 0, 65535, &seconds))
            return EXPECT("[B:]SIGNAL[@SECONDS], such as B:USR1@60");
        before_us = seconds * DR_SECOND_US;
    } else if (at != NULL && (!dr_parse_duration_us(at + 1, &before_us) || before_us < 0)) {
        return EXPECT("SIGNAL[@DURATION], such as USR1@60s");
    }
    number = parse_signal(name);
    if (number == NULL)
        return EXPECT(
            "%s such as %s; the signal is HUP, INT, QUIT, USR1, USR2, ALRM, TERM, ... or a "
            "number, not KILL or STOP",
            slurm ? "[B:]SIGNAL[@SECONDS]" : "SIGNAL[@DURATION]", slurm ? "B:USR1@60" : "USR1@60s");
    put(spec, "warn_signal", number);
    if (before_us > 0)
        put(spec, "warn_before_us", json_integer(before_us));
    else
        json_object_del(spec->job, "warn_before_us");
    return 1;
}

/* ---- lists ---- */

/* The list's array, emptied where a weaker layer wrote it. */
static json_t *list_of(struct dr_job_spec *spec, enum list list, const char *member)
{
    json_t *array = json_object_get(spec->job, member);

    if (array == NULL || spec->list_layer[list] != (uint32_t)spec->layer + 1) {
        array = json_array();
        put(spec, member, array);
        spec->list_layer[list] = (uint32_t)spec->layer + 1;
    }
    return array;
}

/* Names parted by any of `parting`; each a part of the federation. */
static int add_names(json_t *array, const char *value, const char *parting)
{
    char copy[2048];
    char *cursor = copy;
    char *name;

    if (strlen(value) >= sizeof copy || value[0] == '\0')
        return 0;
    snprintf(copy, sizeof copy, "%s", value);
    while ((name = strsep(&cursor, parting)) != NULL) {
        if (!dr_name_valid(name) || json_array_size(array) >= LIST_MAX)
            return 0;
        json_array_append_new(array, json_string(name));
    }
    return 1;
}

static int set_chips(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (!add_names(list_of(spec, LIST_CHIPS, "chips"), value, ",|"))
        return EXPECT("names of chips, parted by commas: h200,b300");
    return 1;
}

/* -C/--constraint: features joined by "or" are chips; all else has no meaning here. */
static int set_constraint(SET_ARGUMENTS)
{
    UNUSED(detail);
    spec->list_layer[LIST_CHIPS] = 0;
    if (strpbrk(value, "&*[]()") != NULL ||
        !add_names(list_of(spec, LIST_CHIPS, "chips"), value, "|"))
        return EXPECT(
            "one chip, or several joined by |: a constraint names chips here (h200|b300)");
    return 1;
}

static int set_datasets(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (!add_names(list_of(spec, LIST_DATASETS, "datasets"), value, ",|"))
        return EXPECT("names of datasets, parted by commas");
    return 1;
}

static int set_sites(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (!add_names(list_of(spec, LIST_SITES, "sites"), value, ",|"))
        return EXPECT("names of sites, parted by commas");
    return 1;
}

/* "chips=b300|h200,tasks=4,accelerators=2,cpus=8,memory=64G,factor=0.55" */
static int set_alternative(SET_ARGUMENTS)
{
    json_t *one = json_object();
    char copy[1024];
    char *cursor = copy;
    char *part;
    char wrong[64] = "";
    int good = value[0] != '\0' && strlen(value) < sizeof copy;

    UNUSED(detail);
    snprintf(copy, sizeof copy, "%s", value);
    while (good && (part = strsep(&cursor, ",")) != NULL) {
        char *amount = strchr(part, '=');
        int64_t number;

        snprintf(wrong, sizeof wrong, "%.60s", part);
        if (amount == NULL) {
            good = 0;
            break;
        }
        *amount = '\0';
        amount += 1;
        if (strcmp(part, "chips") == 0) {
            json_t *chips = json_array();

            good = add_names(chips, amount, "|");
            json_object_set_new(one, "chips", chips);
        } else if (strcmp(part, "tasks") == 0 && dr_parse_i64(amount, 1, TASKS_MAX, &number)) {
            json_object_set_new(one, "tasks", json_integer(number));
        } else if (strcmp(part, "accelerators") == 0 && dr_parse_i64(amount, 0, 64, &number)) {
            json_object_set_new(one, "accelerators", json_integer(number));
        } else if (strcmp(part, "accelerators") == 0 && dr_parse_milli(amount, 1, 999, &number)) {
            json_object_set_new(one, "accelerators", json_string(amount));
        } else if (strcmp(part, "cpus") == 0 && dr_parse_milli(amount, 1, 4000000, &number)) {
            json_object_set_new(one, "cpus", json_string(amount));
        } else if (strcmp(part, "memory") == 0 && dr_parse_memory_mb(amount, &number)) {
            json_object_set_new(one, "memory_mb", json_integer(number));
        } else if (strcmp(part, "factor") == 0 && dr_parse_milli(amount, 1, 1000000, &number)) {
            json_object_set_new(one, "factor", json_real((double)number / 1000));
        } else {
            good = 0;
        }
    }
    if (!good) {
        json_decref(one);
        snprintf(expected, expected_bytes,
                 "parts among chips=, tasks=, accelerators=, cpus=, memory= and factor=, as in "
                 "chips=b300,tasks=4,accelerators=2,factor=0.55; '%s' is none",
                 wrong);
        return 0;
    }
    json_array_append_new(list_of(spec, LIST_ALTERNATIVES, "alternatives"), one);
    return 1;
}

static int set_level(SET_ARGUMENTS)
{
    const char *name = strchr(value, ':');

    if (name != NULL && strncmp(value, "required:", 9) != 0 &&
        strncmp(value, "preferred:", 10) != 0)
        return EXPECT("LEVEL, required:LEVEL or preferred:LEVEL, such as preferred:block");
    if (!dr_name_valid(name == NULL ? value : name + 1))
        return EXPECT("LEVEL, required:LEVEL or preferred:LEVEL, such as preferred:block");
    return set_text(spec, value, detail, expected, expected_bytes);
}

/* Names of partitions; which there are is the federation's to say. */
static int set_partition(SET_ARGUMENTS)
{
    if (value[0] == '\0' || strlen(value) >= DR_NAME_BYTES || strchr(value, ' ') != NULL)
        return EXPECT("a partition, or several parted by commas, of at most 63 bytes");
    spec->partition_layer = spec->layer;
    if (strcmp(value, "any") == 0) {
        json_object_del(spec->job, detail);
        return 1;
    }
    return set_text(spec, value, detail, expected, expected_bytes);
}

static int set_exclusive(SET_ARGUMENTS)
{
    if (value != NULL)
        return EXPECT("no value: a node is shared with nobody, not even with one's own jobs");
    return set_flag(spec, value, detail, expected, expected_bytes);
}

/* --switches=1: as few leaf switches as can be had. */
static int set_switches(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (strcmp(value, "1") != 0)
        return EXPECT("1 (close together, if that can be had); otherwise write "
                      "#DAERO --level=required:block to wait for a place that is");
    put(spec, "level", json_string("preferred:block"));
    return 1;
}

/* "afterok:71:72-81,afterany:5,singleton" */
static int set_dependency(SET_ARGUMENTS)
{
    static const char *const kinds[] = {"afterok", "afternotok", "afterany"};
    json_t *array = json_array();
    char copy[2048];
    char *cursor = copy;
    char *condition;
    int good = value[0] != '\0' && strlen(value) < sizeof copy;
    const char *hint = "";

    UNUSED(detail);
    snprintf(copy, sizeof copy, "%s", value);
    if (strchr(value, '?') != NULL)
        hint = " (all conditions have to hold: parted by commas, not '?')";
    while (good && (condition = strsep(&cursor, ",")) != NULL) {
        char *rest = condition;
        const char *kind = strsep(&rest, ":");
        const char *known = NULL;
        char *number;

        if (strcmp(condition, "singleton") == 0 && rest == NULL) {
            json_array_append_new(array, json_string("singleton"));
            continue;
        }
        for (size_t i = 0; i < DR_COUNT_OF(kinds); i += 1) {
            if (strcmp(kind, kinds[i]) == 0)
                known = kinds[i];
        }
        if (strcmp(kind, "after") == 0 || strcmp(kind, "aftercorr") == 0)
            hint = " (after and aftercorr can't be honoured)";
        good = known != NULL && rest != NULL;
        while (good && (number = strsep(&rest, ":")) != NULL) {
            char *last = strchr(number, '-'); /* "72-81", as an array's numbers are printed */
            int64_t job;
            int64_t end = 0;
            char text[64];

            if (strchr(number, '_') != NULL)
                hint =
                    " (an array's element has a job number of its own, which `daero queue` shows)";
            if (strchr(number, '+') != NULL)
                hint = " (a delay can't be honoured; use --begin)";
            if (last != NULL)
                *last++ = '\0';
            good = dr_parse_i64(number, 1, INT64_MAX, &job) &&
                   (last == NULL || dr_parse_i64(last, job, INT64_MAX, &end)) &&
                   (last == NULL ? job : end) - job + (int64_t)json_array_size(array) < 4096;
            if (!good)
                break;
            for (end = last == NULL ? job : end; job <= end; job += 1) {
                snprintf(text, sizeof text, "%s:%lld", known, (long long)job);
                json_array_append_new(array, json_string(text));
            }
        }
    }
    if (!good) {
        json_decref(array);
        return EXPECT("afterok:JOB, afternotok:JOB, afterany:JOB or singleton, parted by commas%s",
                      hint);
    }
    put(spec, "dependencies", array);
    return 1;
}

/* "0-9%2", "1,3,5-7", "0-15:4"; steps are written out, since the API takes ranges alone. */
static int set_array(SET_ARGUMENTS)
{
    static const char form[] = "indexes such as 0-9, 1,3,5-7 or 0-15:4, with %%2 for two at a time";
    struct dr_buffer text DR_CLEANUP(dr_buffer_deinit) = {0};
    char copy[2048];
    char *cursor = copy;
    char *part;
    char *percent;
    int64_t at_a_time = 0;

    if (value[0] == '\0' || strlen(value) >= sizeof copy)
        return EXPECT(form);
    snprintf(copy, sizeof copy, "%s", value);
    percent = strchr(copy, '%');
    if (percent != NULL) {
        *percent = '\0';
        if (!dr_parse_i64(percent + 1, 1, ARRAY_INDEX_MAX, &at_a_time))
            return EXPECT(form);
    }
    dr_buffer_init(&text, 64u << 10);
    while ((part = strsep(&cursor, ",")) != NULL) {
        char *last_text = strchr(part, '-');
        char *step_text = strchr(part, ':');
        int64_t first;
        int64_t last;
        int64_t step = 1;

        if (step_text != NULL) {
            *step_text = '\0';
            if (last_text == NULL || !dr_parse_i64(step_text + 1, 1, ARRAY_INDEX_MAX, &step))
                return EXPECT(form);
        }
        if (last_text != NULL)
            *last_text++ = '\0';
        if (!dr_parse_i64(part, 0, ARRAY_INDEX_MAX, &first))
            return EXPECT(form);
        last = first;
        if (last_text != NULL &&
            (!dr_parse_i64(last_text, 0, ARRAY_INDEX_MAX, &last) || last < first))
            return EXPECT(form);
        if (step == 1) {
            dr_buffer_printf(&text, text.length > 0 ? "," : "");
            dr_buffer_printf(&text, last > first ? "%lld-%lld" : "%lld", (long long)first,
                             (long long)last);
            continue;
        }
        for (int64_t index = first; index <= last && !text.full; index += step)
            dr_buffer_printf(&text, "%s%lld", text.length > 0 ? "," : "", (long long)index);
    }
    if (at_a_time > 0)
        dr_buffer_printf(&text, "%%%lld", (long long)at_a_time);
    if (text.full)
        return EXPECT("fewer indexes: written out they take more than 64 KB");
    put(spec, detail, json_string(dr_buffer_text(&text)));
    return 1;
}

/* ---- amounts ---- */

static void set_amount(struct dr_job_spec *spec, struct dr_amount amounts[DR_PER_COUNT],
                       enum dr_per per, int64_t value)
{
    for (uint32_t i = 0; i < DR_PER_COUNT; i += 1) {
        if (amounts[i].layer < (uint32_t)spec->layer + 1)
            amounts[i].layer = 0;
    }
    amounts[per].value = value;
    amounts[per].share = 0;
    amounts[per].layer = (uint32_t)spec->layer + 1;
    amounts[per].option = spec->option;
    snprintf(amounts[per].said, sizeof amounts[per].said, "%s", spec->said);
}

static enum dr_per per_of(const char *detail)
{
    if (strcmp(detail, "node") == 0)
        return DR_PER_NODE;
    if (strcmp(detail, "job") == 0)
        return DR_PER_JOB;
    if (strcmp(detail, "cpu") == 0)
        return DR_PER_CPU;
    if (strcmp(detail, "accelerator") == 0)
        return DR_PER_ACCELERATOR;
    return DR_PER_TASK;
}

static int set_tasks(SET_ARGUMENTS)
{
    const char *dots = strstr(value, "..");
    char least[16] = "";

    UNUSED(detail);
    spec->tasks_min = 0;
    if (dots == NULL) {
        if (!dr_parse_i64(value, 1, TASKS_MAX, &spec->tasks))
            return EXPECT("a whole number from 1 to %d, or the least and the most like 8..64",
                          TASKS_MAX);
        return 1;
    }
    if ((size_t)(dots - value) < sizeof least)
        memcpy(least, value, (size_t)(dots - value));
    if (!dr_parse_i64(least, 1, TASKS_MAX, &spec->tasks_min) ||
        !dr_parse_i64(dots + 2, spec->tasks_min, TASKS_MAX, &spec->tasks))
        return EXPECT("the least and the most tasks like 8..64, of 1 to %d", TASKS_MAX);
    return 1;
}

static int set_tasks_per_node(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (!dr_parse_i64(value, 1, TASKS_MAX, &spec->tasks_per_node))
        return EXPECT("a whole number from 1 to %d", TASKS_MAX);
    spec->tasks_per_node_said = spec->tasks_per_node;
    return 1;
}

/* "2" or "2-4"; of a range, the least is what can be promised. */
static int set_nodes(SET_ARGUMENTS)
{
    char copy[32];
    char *dash;
    int64_t most;

    UNUSED(detail);
    snprintf(copy, sizeof copy, "%s", value);
    dash = strchr(copy, '-');
    if (dash != NULL)
        *dash = '\0';
    if (strlen(value) >= sizeof copy || !dr_parse_i64(copy, 1, TASKS_MAX, &spec->nodes) ||
        (dash != NULL && !dr_parse_i64(dash + 1, spec->nodes, TASKS_MAX, &most)))
        return EXPECT("a number of nodes, or LEAST-MOST");
    spec->nodes_exact = dash == NULL || most == spec->nodes;
    return 1;
}

static int set_accelerators(SET_ARGUMENTS)
{
    int64_t count;
    int64_t share = 0;

    if (strcmp(detail, "task") == 0 && dr_parse_milli(value, 1, 999, &share))
        count = 0;
    else if (!dr_parse_i64(value, 0, 64 * (int64_t)TASKS_MAX, &count))
        return EXPECT("a whole number of accelerators, or a share of one such as 0.25");
    set_amount(spec, spec->accelerators, per_of(detail), count);
    spec->accelerators[per_of(detail)].share = share;
    return 1;
}

/* "[TYPE:]N", the type being a chip. */
static int set_gpus(SET_ARGUMENTS)
{
    const char *colon = strrchr(value, ':');
    const char *number = colon == NULL ? value : colon + 1;
    char chip[DR_NAME_BYTES] = "";
    int64_t count;

    if (colon != NULL) {
        if ((size_t)(colon - value) >= sizeof chip)
            return EXPECT("N or CHIP:N");
        snprintf(chip, sizeof chip, "%.*s", (int)(colon - value), value);
        if (!dr_name_valid(chip))
            return EXPECT("N or CHIP:N, the chip in small letters");
    }
    if (!dr_parse_i64(number, 0, 64 * (int64_t)TASKS_MAX, &count))
        return EXPECT("N or CHIP:N");
    set_amount(spec, spec->accelerators, per_of(detail), count);
    if (chip[0] != '\0') {
        spec->list_layer[LIST_CHIPS] = 0;
        json_array_append_new(list_of(spec, LIST_CHIPS, "chips"), json_string(chip));
    }
    return 1;
}

/* --gres=gpu[:TYPE][:N], per node */
static int set_gres(SET_ARGUMENTS)
{
    static const char form[] = "gpu:N or gpu:CHIP:N (other resources than gpu are not known here)";
    int64_t count;

    if (strcasecmp(value, "none") == 0)
        return 1;
    if (strncmp(value, "gpu", 3) != 0 || (value[3] != ':' && value[3] != '\0') ||
        strchr(value, ',') != NULL)
        return EXPECT(form);
    if (value[3] == '\0')
        return set_gpus(spec, "1", detail, expected, expected_bytes);
    value += 4;
    if (strchr(value, ':') == NULL && !dr_parse_i64(value, 0, INT64_MAX, &count)) {
        char one[DR_NAME_BYTES + 2]; /* a type alone is one of it */

        if (!dr_name_valid(value))
            return EXPECT(form);
        snprintf(one, sizeof one, "%s:1", value);
        return set_gpus(spec, one, detail, expected, expected_bytes);
    }
    return set_gpus(spec, value, detail, expected, expected_bytes) ? 1 : EXPECT(form);
}

static int set_tasks_per_gpu(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (strcmp(value, "1") != 0)
        return EXPECT("1: tasks don't share an accelerator here");
    set_amount(spec, spec->accelerators, DR_PER_TASK, 1);
    return 1;
}

static int set_cpus(SET_ARGUMENTS)
{
    int64_t milli;

    if (!dr_parse_milli(value, 1, 4000000, &milli))
        return EXPECT("a number of CPUs from 0.001 to 4000, such as 4 or 0.5");
    set_amount(spec, spec->cpus, per_of(detail), milli);
    return 1;
}

static int set_memory(SET_ARGUMENTS)
{
    int64_t memory_mb;

    if (!dr_parse_memory_mb(value, &memory_mb) || memory_mb < 0)
        return EXPECT("an amount of memory: 512 (MB), 512M, 16G or 1T");
    if (memory_mb == 0 && strcmp(detail, "node") == 0) {
        snprintf(spec->memory_whole, sizeof spec->memory_whole, "%s", spec->said);
        return 1;
    }
    if (memory_mb == 0)
        return EXPECT("an amount above 0");
    set_amount(spec, spec->memory, per_of(detail), memory_mb);
    return 1;
}

/* ---- environment ---- */

int dr_job_variable_valid(const char *name, size_t length)
{
    if (length == 0 || isdigit((unsigned char)name[0]))
        return 0;
    for (size_t i = 0; i < length; i += 1) {
        if (!isalnum((unsigned char)name[i]) && name[i] != '_')
            return 0;
    }
    return 1;
}

static int set_export(SET_ARGUMENTS)
{
    UNUSED(detail);
    if (value[0] == '\0' || strlen(value) >= sizeof spec->export ||
        strncasecmp(value, "NIL", 4) == 0)
        return EXPECT("ALL, NONE, or names and NAME=VALUE parted by commas");
    snprintf(spec->export, sizeof spec->export, "%s", value);
    return 1;
}

static int set_variable(SET_ARGUMENTS)
{
    const char *equals = strchr(value, '=');
    json_t *text = equals == NULL ? NULL : json_string(equals + 1);
    char name[256];

    UNUSED(detail);
    if (text == NULL || equals - value >= (ptrdiff_t)sizeof name ||
        !dr_job_variable_valid(value, (size_t)(equals - value))) {
        json_decref(text);
        return EXPECT("NAME=VALUE");
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - value), value);
    json_object_set_new(spec->environment, name, text);
    return 1;
}

/* ---- the command's own ---- */

static int set_wait(SET_ARGUMENTS)
{
    UNUSED(value);
    UNUSED(detail);
    UNUSED(expected);
    UNUSED(expected_bytes);
    spec->wait = 1;
    return 1;
}

static int set_dry_run(SET_ARGUMENTS)
{
    UNUSED(value);
    UNUSED(detail);
    UNUSED(expected);
    UNUSED(expected_bytes);
    spec->dry_run = 1;
    return 1;
}

/* Accepted only with the word that the entry's `detail` begins with. */
static int set_only_word(SET_ARGUMENTS)
{
    size_t bytes = strcspn(detail, ":");

    UNUSED(spec);
    if (strncasecmp(value, detail, bytes) != 0 || (value[bytes] != '\0' && value[bytes] != ':'))
        return EXPECT("%s", detail);
    return 1;
}

/* Accepted only with a value that says "no". */
static int set_only_none(SET_ARGUMENTS)
{
    UNUSED(spec);
    if (strcasecmp(value, "none") != 0)
        return EXPECT("%s", detail);
    return 1;
}

/* Said, and passed over; "none" asks for what is so. */
static int set_ignored(SET_ARGUMENTS)
{
    UNUSED(expected);
    UNUSED(expected_bytes);
    if (spec->warnings != NULL && strcasecmp(value, "none") != 0)
        dr_buffer_printf(spec->warnings, "%s: has no effect: %s\n", spec->said, detail);
    return 1;
}

static int set_nothing(SET_ARGUMENTS)
{
    UNUSED(spec);
    UNUSED(value);
    UNUSED(detail);
    UNUSED(expected);
    UNUSED(expected_bytes);
    return 1;
}

/* ---- the table ---- */

/* name, letter, argument, set, detail, doc */
#define OWN(n, l, a, s, d, t)   {{n, l, a, t}, DR_JOB_OWN, NULL, s, d},
#define BOTH(n, l, a, s, d, t)  {{n, l, a, t}, DR_JOB_BOTH, NULL, s, d},
#define SLURM(n, l, a, s, d, t) {{n, l, a, t}, DR_JOB_SLURM, NULL, s, d},
#define IS_SO(n, l, a, t)       {{n, l, a, t}, DR_JOB_IS_SO, NULL, set_nothing, NULL},
#define PASSED(n, l, a, t)      {{n, l, a, t}, DR_JOB_IGNORED, NULL, set_ignored, t},
#define NO(n, l, a, t)          {{n, l, a, NULL}, DR_JOB_REFUSED, t, NULL, NULL},

/* clang-format off */
const struct dr_job_option DR_JOB_OPTIONS[] = {
    /* who and what */
    BOTH("job-name", 'J', "NAME", set_job_name, "name", "the job's name; the script's or program's by default")
    OWN("name", 0, "NAME", set_job_name, "name", "the same as --job-name")
    BOTH("account", 'A', "ACCOUNT", set_text, "account", "the account that pays; the user's default otherwise")
    OWN("user", 0, "USER", set_part, "user", "submit on behalf of a user (operators)")
    BOTH("comment", 0, "TEXT", set_text, "comment", "anything; kept with the job")
    /* shape */
    BOTH("ntasks", 'n', "N", set_tasks, "", "tasks of the gang; they start together or not at all; 1 by default")
    OWN("tasks", 0, "N|A..B", set_tasks, "", "the same as --ntasks; A..B: elastic, from A to B of them, as many as there is room for at each start")
    OWN("accelerators", 'g', "N", set_accelerators, "task", "accelerators per task: 8, or a share of one: 0.25; 0 by default")
    BOTH("cpus-per-task", 'c', "N", set_cpus, "task", "CPUs per task, also 0.5; 1 by default")
    OWN("cpus", 0, "N", set_cpus, "task", "the same as --cpus-per-task")
    OWN("memory", 0, "SIZE", set_memory, "task", "memory per task: 512 (MB), 16G; its share of a node by CPUs or accelerators where it is not said")
    BOTH("nodes", 'N', "N[-M]", set_nodes, "", "N nodes with as many tasks each; of N-M, at least N")
    BOTH("ntasks-per-node", 0, "N", set_tasks_per_node, "", "at most so many tasks on a node")
    OWN("tasks-per-node", 0, "N", set_tasks_per_node, "", "the same as --ntasks-per-node")
    OWN("chips", 0, "CHIP[,CHIP]", set_chips, "", "chips that will do; any by default")
    OWN("alternative", 0, "SPEC", set_alternative, "",
        "a further way to run it, judged after the first: chips=b300,tasks=4,accelerators=2,factor=0.55 (factor: run time there over the stated one); may be repeated")
    OWN("level", 0, "LEVEL", set_level, "level", "keep the gang within one such domain: block, preferred:block")
    /* time and order */
    OWN("limit", 0, "DURATION", set_duration, "limit_us", "time limit of an attempt: 90s, 2h, 1h30m, 7d; a plain number is seconds")
    OWN("limit-total", 0, NULL, set_flag, "limit_total", "the limit counts all attempts together")
    BOTH("begin", 'b', "INSTANT", set_instant, "begin_us", "not before: 16:00, now+1h, 2026-11-23T09:30:00")
    BOTH("deadline", 0, "INSTANT", set_deadline, "ends", "the job is ended if it has not ended by then")
    OWN("due", 0, "INSTANT", set_deadline, "goal", "a deadline that is a goal: nothing is ended")
    BOTH("dependency", 'd', "LIST", set_dependency, "", "afterok:71:72-81, afternotok:71, afterany:71, singleton; all have to hold; the numbers are Daero's")
    BOTH("array", 'a', "INDEXES", set_array, "array", "one job per index: 0-9, 1,3,5-7, 0-15:4; %2: two at a time")
    BOTH("priority", 0, "N", set_priority, "priority", "within the account, higher first; 0 by default")
    BOTH("hold", 'H', NULL, set_flag, "hold", "wait for `daero release`")
    /* being taken back */
    OWN("no-preempt", 0, NULL, set_flag_off, "preemptible", "start within the account's guarantee alone, and never be taken")
    OWN("flexible", 0, NULL, set_flag, "flexible", "run under power caps that begin later, and be taken before they do")
    OWN("checkpoint", 0, "DURATION", set_duration, "checkpoint_us", "running time between two checkpoints that the job makes by itself")
    OWN("checkpoint-on-warning", 0, NULL, set_flag, "checkpoint_on_warning", "the job saves its work when it is warned")
    OWN("restart", 0, "DURATION", set_duration, "restart_us", "running time that a later attempt needs before it goes on")
    OWN("warn", 0, "SIGNAL[@DURATION]", set_signal, "duration", "the warning signal (TERM by default), sent when the job is taken back and so long before its limit")
    OWN("grace", 0, "DURATION", set_duration, "grace_us", "between the warning and the end")
    BOTH("requeue", 0, NULL, set_flag, "requeue", "after preemption or loss of a node it runs again (the default); said, a script at a Slurm site may have itself run again by `scontrol requeue $SLURM_JOB_ID`")
    BOTH("no-requeue", 0, NULL, set_flag_off, "requeue", "preemption or loss of a node ends it")
    OWN("unreachable", 0, "wait|relaunch:DURATION", set_unreachable, "unreachable_us",
        "when the site of its attempt does not answer: wait for it (the default), or give the attempt up after so long and run again; needs --fenced")
    OWN("fenced", 0, NULL, set_flag, "fenced", "an attempt that was given up can do no harm: what it writes to checks DAERO_ATTEMPT")
    /* where */
    OWN("sites", 0, "SITE[,SITE]", set_sites, "", "sites where it may run; any by default")
    OWN("data-class", 0, "CLASS", set_part, "data_class", "kind of data; decides which sites may host it")
    OWN("datasets", 0, "NAME[,NAME]", set_datasets, "", "datasets that it reads")
    /* files and environment */
    BOTH("chdir", 'D', "DIRECTORY", set_directory, "directory", "working directory; the present one by default")
    OWN("directory", 0, "DIRECTORY", set_directory, "directory", "the same as --chdir")
    BOTH("output", 'o', "FILE", set_pattern, "output", "standard output; %j job, %A array's first job, %a index, %t task, %x name, %u user, %4j: with zeros before it; daero-%j.out by default, of a script with #SBATCH lines slurm-%j.out or slurm-%A_%a.out")
    BOTH("error", 'e', "FILE", set_pattern, "error", "standard error; with the output by default")
    BOTH("input", 'i', "FILE", set_pattern, "input", "standard input; /dev/null by default")
    BOTH("open-mode", 0, "append|truncate", set_open_mode, "open_mode", "of the output files; later attempts always append")
    BOTH("export", 0, "ALL|NONE|LIST", set_export, "", "which variables of this environment travel along; ALL by default")
    OWN("set", 0, "NAME=VALUE", set_variable, "", "one more variable; may be repeated")
    OWN("every-task", 0, NULL, set_flag, "every_task", "run the script once per task (a command always is)")
    OWN("once", 0, NULL, set_flag_off, "every_task", "run the command once, on the first node (a script always is)")
    /* the command */
    BOTH("wait", 'W', NULL, set_wait, "", "stay until the job has ended; its exit code is the command's")
    OWN("dry-run", 0, NULL, set_dry_run, "", "print the job as it would be sent, and send nothing")
    /* Slurm's, translated */
    SLURM("time", 't', "MINUTES", set_minutes, "limit_us", "--limit; a plain number is minutes, as are MM:SS, HH:MM:SS, D-HH")
    SLURM("mem", 0, "SIZE", set_memory, "node", "--memory, divided among the tasks on a node; 0: all, with --exclusive")
    SLURM("mem-per-cpu", 0, "SIZE", set_memory, "cpu", "--memory, times the CPUs of a task")
    SLURM("mem-per-gpu", 0, "SIZE", set_memory, "accelerator", "--memory, times the accelerators of a task")
    SLURM("gres", 0, "gpu[:CHIP]:N", set_gres, "node", "--accelerators, divided among the tasks on a node; --chips")
    SLURM("gpus", 'G', "[CHIP:]N", set_gpus, "job", "--accelerators, divided among all tasks; --chips")
    SLURM("gpus-per-node", 0, "[CHIP:]N", set_gpus, "node", "--accelerators, divided among the tasks on a node; --chips")
    SLURM("gpus-per-task", 0, "[CHIP:]N", set_gpus, "task", "--accelerators; --chips")
    SLURM("ntasks-per-gpu", 0, "1", set_tasks_per_gpu, "", "--accelerators=1")
    SLURM("cpus-per-gpu", 0, "N", set_cpus, "accelerator", "--cpus, times the accelerators of a task")
    SLURM("constraint", 'C', "CHIP[|CHIP]", set_constraint, "", "--chips")
    SLURM("partition", 'p', "NAME[,NAME]", set_partition, "partition", "pools with such a `partition` in the federation alone; passed over with a warning where a script names one that no pool has; any: none")
    SLURM("signal", 0, "[R][B:]SIG[@SECONDS]", set_signal, "seconds", "--warn, 60 s before the limit by default; at a Slurm site it reaches the script's srun steps alone, with B: the script alone; on this machine all processes")
    SLURM("exclusive", 0, "[WHAT]", set_exclusive, "exclusive", "all CPUs of each node; its tasks there are started by the script. The pools that could hold it must be alike in CPUs")
    SLURM("nice", 0, "[N]", set_nice, "", "--priority, less N (100)")
    SLURM("switches", 0, "1", set_switches, "", "--level=preferred:block")
    SLURM("test-only", 0, NULL, set_dry_run, "", "--dry-run")
    SLURM("workdir", 0, "DIRECTORY", set_directory, "directory", "--chdir")
    /* Slurm's, and always so */
    IS_SO("parsable", 0, NULL, "the job id alone is always what is printed")
    IS_SO("quiet", 'Q', NULL, "nothing else is ever printed")
    IS_SO("verbose", 'v', NULL, "nothing more is printed")
    IS_SO("use-min-nodes", 0, NULL, "a gang takes few nodes whenever it can")
    IS_SO("ignore-pbs", 0, NULL, "#PBS lines are not read")
    IS_SO("wait-all-nodes", 0, "0|1", "a gang starts when all of it can")
    IS_SO("oversubscribe", 's', NULL, "what a job holds is never shared, which this allows")
    {{"kill-on-invalid-dep", 0, "yes", "a job whose dependency can no longer hold is cancelled"}, DR_JOB_IS_SO, NULL, set_only_word,
     "yes: a job whose dependency can no longer hold is cancelled"},
    {{"distribution", 'm', "block", "tasks are numbered node by node"}, DR_JOB_IS_SO, NULL, set_only_word,
     "block: tasks are numbered node by node"},
    {{"propagate", 0, "NONE", "a job's limits are its own"}, DR_JOB_IS_SO, NULL, set_only_none,
     "NONE: the shell's limits don't travel; set them in the script with ulimit"},
    {{"profile", 0, "NONE", "no profile is taken"}, DR_JOB_IS_SO, NULL, set_only_none,
     "NONE: no profile is taken here"},
    /* Slurm's, passed over with a warning: they change when or how fast the job runs, not what it does */
    PASSED("mail-type", 0, "LIST", "Daero sends no mail; follow `daero events` or wait with `daero wait`")
    PASSED("mail-user", 0, "ADDRESS", "Daero sends no mail")
    PASSED("qos", 'q', "NAME", "Daero has no quality-of-service classes; --priority=N orders the jobs of an account")
    PASSED("reservation", 0, "NAME", "jobs use the advance reservations of their account without naming them")
    PASSED("time-min", 0, "MINUTES", "a limit is not shortened; a shorter --time starts sooner")
    PASSED("hint", 0, "KIND", "CPUs are counted; cores and threads can't be chosen")
    PASSED("threads-per-core", 0, "N", "CPUs are counted; cores and threads can't be chosen")
    PASSED("mem-bind", 0, "KIND", "memory is not bound; use numactl in the script")
    PASSED("acctg-freq", 0, "LIST", "use is counted exactly, not sampled")
    PASSED("wckey", 0, "KEY", "work is counted by account; --comment keeps a word with the job")
    /* Slurm's, refused */
    NO("overcommit", 'O', NULL, "what a job holds is never shared; leave the line out, or ask for part of a CPU with --cpus=0.5")
    NO("nodelist", 'w', "NODES", "nodes can't be named by a job; write --sites or --chips")
    NO("nodefile", 'F', "FILE", "nodes can't be named by a job; write --sites or --chips")
    NO("exclude", 'x', "NODES", "nodes can't be named by a job; an operator keeps jobs off a bad node with `daero drain`")
    NO("clusters", 'M', "NAMES", "one controller rules all sites; write --sites=A,B")
    NO("cluster-constraint", 0, "LIST", "write --chips or --sites")
    NO("prefer", 0, "LIST", "a wish can't be honoured; write the wished chips as the job's own and others as --alternative=chips=...")
    NO("contiguous", 0, NULL, "write --level=required:block, which keeps the gang within one block")
    NO("spread-job", 0, NULL, "a gang is kept together; write --tasks-per-node=1 to have each task on a node of its own")
    NO("licenses", 'L', "LIST", "licenses are not counted here; leave the line out")
    NO("no-kill", 'k', NULL, "a gang ends as a whole when it loses a node; --requeue, the default, runs it again")
    NO("get-user-env", 0, "[TIMEOUT]", "a login environment is not made up; export what is needed, or begin the script with #!/bin/bash -l")
    NO("export-file", 0, "FILE", "write --export=NONE and a --set=NAME=VALUE for each variable")
    NO("uid", 0, "USER", "the submitting user is who the system says; operators write --user=NAME")
    NO("gid", 0, "GROUP", "jobs run with the user's own group")
    NO("tmp", 0, "SIZE", "local disk is not counted here; leave the line out")
    NO("mincpus", 0, "N", "a node is not chosen by its CPUs; write --cpus per task and --tasks-per-node")
    NO("cores-per-socket", 0, "N", "CPUs are counted; sockets and cores can't be chosen")
    NO("sockets-per-node", 0, "N", "CPUs are counted; sockets and cores can't be chosen")
    NO("extra-node-info", 'B', "LIST", "CPUs are counted; sockets and cores can't be chosen")
    NO("ntasks-per-core", 0, "N", "CPUs are counted; write --cpus per task")
    NO("ntasks-per-socket", 0, "N", "CPUs are counted; write --tasks-per-node")
    NO("gpus-per-socket", 0, "[CHIP:]N", "write --accelerators per task")
    NO("core-spec", 'S', "N", "cores can't be set aside for the system by a job")
    NO("thread-spec", 0, "N", "threads can't be set aside for the system by a job")
    NO("cpu-freq", 0, "LIST", "clocks can't be set by a job")
    NO("gpu-freq", 0, "LIST", "clocks can't be set by a job")
    NO("gpu-bind", 0, "KIND", "each task sees its own accelerators; bind within the task")
    NO("gres-flags", 0, "KIND", "can't be honoured; each task's accelerators are on its own node")
    NO("tres-per-task", 0, "LIST", "write --accelerators, --cpus and --memory")
    NO("batch", 0, "LIST", "the script runs on the first node of the gang")
    NO("bb", 0, "SPEC", "there are no burst buffers here; say --datasets")
    NO("bbf", 0, "FILE", "there are no burst buffers here; say --datasets")
    NO("container", 0, "PATH", "containers are started by the script itself")
    NO("delay-boot", 0, "MINUTES", "nodes are not rebooted for a job")
    NO("reboot", 0, NULL, "nodes are not rebooted for a job")
    NO("power", 0, "FLAGS", "power is a matter of the site, not of a job")
    NO("network", 0, "SPEC", "networks can't be chosen by a job; --level keeps a gang together")
    NO("mcs-label", 0, "LABEL", "write --data-class=NAME, which says with whom the job may share")
    NO("het-group", 0, "LIST", "all tasks of a gang are alike; submit one job per kind")
};
/* clang-format on */
const uint32_t DR_JOB_OPTIONS_COUNT = DR_COUNT_OF(DR_JOB_OPTIONS);

const struct dr_job_option *dr_job_option_find(const char *name)
{
    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        if (strcmp(DR_JOB_OPTIONS[i].option.name, name) == 0)
            return &DR_JOB_OPTIONS[i];
    }
    return NULL;
}

const struct dr_job_option *dr_job_option_letter(char letter)
{
    for (uint32_t i = 0; i < DR_JOB_OPTIONS_COUNT; i += 1) {
        if (letter != 0 && DR_JOB_OPTIONS[i].option.letter == letter)
            return &DR_JOB_OPTIONS[i];
    }
    return NULL;
}
