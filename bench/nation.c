/* SPDX-License-Identifier: Apache-2.0 */
/* How fast and how well the core decides for a nation of N accelerators (nation_world.h), on one
 * core, without store, engine or network.
 *
 *     bench/nation [SCENE...]     fill-a fill-b full full-million reserve reserve-levels reclaim
 *                                 memory memory-million curve; all of them by default
 *     N=100000 SEED=7 bench/nation fill-a
 *     SECONDS=60                  what one row may take; then it is missed
 *     INSTRUCTIONS=1              count them under callgrind where the machine has no counter
 *     JSON=1, STRICT=1            as in bench/run
 *
 * Each scene runs in a process of its own, begins in a state that does not depend on the core's
 * policy, and is ended when its time is over. The bars are for N = 1,000,000. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nation_scene.h"

#define FULL_SECONDS 600 /* to build a scene's state */

/* ---- the table ---- */

enum sense { AT_MOST, AT_LEAST };

struct row {
    const char *scene;
    const char *key;
    const char *what; /* %s: a number that grows with N */
    const char *unit;
    double bar; /* 0: none; VIOLATIONS: none may be */
    enum sense sense;
};

#define NO_BAR     0
#define VIOLATIONS -1

static const struct row ROWS[] = {
    {"fill-a", "fill-a", "mix A: an empty nation, N/5 pending, all judged once and full", "ms", 80,
     AT_MOST},
    {"fill-a", "fill-a-starts", "    of these jobs started", "jobs", NO_BAR, AT_LEAST},
    {"fill-a", "fill-a-used", "    accelerators in use then", "%", NO_BAR, AT_LEAST},
    {"fill-a", "fill-a-cost", "    cost of starts over an exhaustive search's", "%", 2, AT_MOST},
    {"fill-a", "fill-a-blocks", "    blocks spanned over the least possible", "x", NO_BAR, AT_MOST},
    {"fill-a", "fill-a-share", "    largest gap in weighted share between siblings who wait", "%",
     NO_BAR, AT_MOST},
    {"fill-a", "fill-a-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"fill-b", "fill-b", "mix B: starts until full, refusals included", "starts/s", 800000,
     AT_LEAST},
    {"fill-b", "fill-b-starts", "    of these jobs started", "jobs", NO_BAR, AT_LEAST},
    {"fill-b", "fill-b-used", "    accelerators in use then", "%", NO_BAR, AT_LEAST},
    {"fill-b", "fill-b-cost", "    cost of starts over an exhaustive search's", "%", 2, AT_MOST},
    {"fill-b", "fill-b-blocks", "    blocks spanned over the least possible", "x", NO_BAR, AT_MOST},
    {"fill-b", "fill-b-share", "    largest gap in weighted share between siblings who wait", "%",
     NO_BAR, AT_MOST},
    {"fill-b", "fill-b-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"full", "never", "full, N/10 pending: \"it can never run here, because\", p99", "ms", 0.1,
     AT_MOST},
    {"full", "why", "    why a pending job waits, p99", "ms", NO_BAR, AT_MOST},
    {"full", "first", "    the first decision ever there", "ms", NO_BAR, AT_MOST},
    {"full", "nothing", "    nothing changed since: a decision", "ms", 0.1, AT_MOST},
    {"full", "submit", "    one job submitted: admit and decision, p50", "us", NO_BAR, AT_MOST},
    {"full", "submit-p99", "    one job submitted: admit and decision, p99", "us", NO_BAR, AT_MOST},
    {"full", "node", "    one node drained, or resumed: admit and decision, p50", "us", NO_BAR,
     AT_MOST},
    {"full", "tick", "    a tick: admit and decision", "ms", NO_BAR, AT_MOST},
    {"full", "event-p50", "    a 64-accelerator job ended: event to placement, p50", "us", 20,
     AT_MOST},
    {"full", "event-p99", "    a 64-accelerator job ended: event to placement, p99", "us", 250,
     AT_MOST},
    {"full", "started", "    one start reported: admit and decision, p50", "us", NO_BAR, AT_MOST},
    {"full", "rejudge", "    N/10 pending re-judged from nothing", "ms", 30, AT_MOST},
    {"full", "full-cost", "    cost of starts over an exhaustive search's", "%", 2, AT_MOST},
    {"full", "full-blocks", "    blocks spanned over the least possible", "x", NO_BAR, AT_MOST},
    {"full", "full-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"full-million", "rejudge-million", "N pending re-judged from nothing", "ms", 300, AT_MOST},
    {"reserve", "reserve", "N/1,000 conservative reservations, N/5 running, by amount", "ms", 80,
     AT_MOST},
    {"reserve", "reserve-tick", "    and again on a tick", "ms", NO_BAR, AT_MOST},
    {"reserve-levels", "reserve-levels", "    the same with required levels", "ms", 250, AT_MOST},
    {"reclaim", "reclaim-gang", "reclaim of N/500 for one gang from a full nation", "ms", 5,
     AT_MOST},
    {"reclaim", "reclaim-small", "    a small job's reclaim, p99", "ms", 1, AT_MOST},
    {"reclaim", "reclaim-wrong", "    found wrong by the checker", "facts", VIOLATIONS, AT_MOST},
    {"memory", "memory", "state in memory, N/5 running and N/10 pending", "MiB", 192, AT_MOST},
    {"memory-million", "memory-million", "state in memory, N/5 running and N pending", "MiB", 384,
     AT_MOST},
};

struct result {
    double value;
    double ops;
    double instructions; /* of all operations; 0: not counted */
    char note[METER_NOTE_BYTES];
    int known;
};

static struct result results[DR_COUNT_OF(ROWS)];

static uint32_t N;
static uint64_t SEED;

/* ---- the table's side ---- */

static int json;
static int missed;
static int seconds;

static const char *number(double value, char text[48])
{
    if (isinf(value))
        return dr_format(text, 48, "not done");
    if (value >= 1000 || value == floor(value)) {
        char plain[32];
        char *to = text;
        size_t length;

        dr_format(plain, sizeof plain, "%.0f", value);
        length = strlen(plain);
        for (size_t i = 0; i < length; i += 1) {
            *to++ = plain[i];
            if ((length - i) % 3 == 1 && i + 1 < length)
                *to++ = ',';
        }
        *to = 0;
        return text;
    }
    return dr_format(text, 48, value >= 10 ? "%.1f" : value >= 0.1 ? "%.2f" : "%.4f", value);
}

static void print_row(const char *what, double value, const char *unit, double bar,
                      enum sense sense, const char *note, double instructions, int known)
{
    char figure[80];
    char limit[64] = "";
    char each[64] = "";
    char text[48];
    int ok = known && !isinf(value) && (sense == AT_LEAST ? value >= bar : value <= bar);
    const char *verdict;

    if (bar == VIOLATIONS)
        ok = known && value == 0; /* NOLINT: a count */
    verdict = bar == NO_BAR ? "" : ok ? "met" : "missed";
    missed += bar != NO_BAR && !ok;
    if (instructions > 0)
        dr_format(each, sizeof each, "%s", number(instructions, text));
    if (json) {
        printf("{\"what\": \"%s\", \"n\": %u, \"value\": ", what + strspn(what, " "), N);
        if (known && !isinf(value))
            printf("%.6g", value);
        else
            printf("null");
        printf(", \"unit\": \"%s\", \"bar\": ", unit);
        if (bar == NO_BAR)
            printf("null");
        else
            printf("%.6g", bar == VIOLATIONS ? 0 : bar);
        printf(", \"at_least\": %s, \"verdict\": ", sense == AT_LEAST ? "true" : "false");
        printf(*verdict ? "\"%s\"" : "null%s", verdict);
        printf(", \"instructions\": %.0f, \"note\": \"", instructions);
        for (; *note != 0; note += 1)
            putchar(*note == '"' || *note == '\\' ? '\'' : *note);
        printf("\"}\n");
    } else {
        if (!known)
            dr_format(figure, sizeof figure, "not measured");
        else if (isinf(value))
            dr_format(figure, sizeof figure, "not done");
        else
            dr_format(figure, sizeof figure, "%s %s", number(value, text), unit);
        if (bar != NO_BAR)
            dr_format(limit, sizeof limit, "%s %s",
                      sense == AT_LEAST ? ">=" : "<=", number(bar == VIOLATIONS ? 0 : bar, text));
        printf("| %-66s | %18s | %12s | %-6s | %14s |%s%s\n", what, figure, limit, verdict, each,
               *note ? "  " : "", note);
    }
    fflush(stdout);
}

static uint32_t row_of(const char *key)
{
    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1)
        if (strcmp(ROWS[i].key, key) == 0)
            return i;
    nation_fail("found row %s", key);
}

static void take_line(char *line, char begun[METER_KEY_BYTES])
{
    char key[METER_KEY_BYTES];
    double value;
    double ops;
    unsigned long long instructions;
    int at = 0;

    if (sscanf(line, "begin %31s", key) == 1) {
        memcpy(begun, key, METER_KEY_BYTES);
        return;
    }
    if (sscanf(line, "row %31s %lf %lf %llu %n", key, &value, &ops, &instructions, &at) >= 4) {
        struct result *result = &results[row_of(key)];

        result->known = 1;
        result->value = value;
        result->ops = ops;
        result->instructions = (double)instructions;
        dr_format(result->note, sizeof result->note, "%s", line + at);
    }
}

/* One scene in a process of its own, with a time limit for each of its rows. Returns why it ended:
 * NULL when it came to its end by itself. */
static const char *run_child(const char *scene, char **arguments, const char *callgrind,
                             char begun[METER_KEY_BYTES])
{
    static char reasons[2][128];
    char *reason = reasons[callgrind != NULL];
    int pipes[2];
    int64_t until = meter_now_ns() + (int64_t)FULL_SECONDS * 1000000000;
    char text[8192];
    size_t have = 0;
    int status;
    pid_t child;

    begun[0] = 0;
    fflush(stdout);
    if (pipe2(pipes, O_CLOEXEC) != 0 || (child = fork()) < 0)
        nation_fail("no process: %s", strerror(errno));
    if (child == 0) {
        char out[300];
        char self[300];
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

        if (length < 0 || dup2(pipes[1], METER_REPORT_FD) < 0)
            _exit(3);
        self[length] = 0;
        setenv("SCENE", scene, 1);
        if (callgrind != NULL) {
            setenv("CALLGRIND", "1", 1);
            dr_format(out, sizeof out, "--callgrind-out-file=%s/out", callgrind);
            execlp("valgrind", "valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
                   "--instr-atstart=no", out, self, (char *)NULL);
        } else {
            execv(self, arguments);
        }
        _exit(3);
    }
    close(pipes[1]);
    for (;;) {
        struct pollfd wait = {pipes[0], POLLIN, 0};
        int64_t left = (until - meter_now_ns()) / 1000000;
        ssize_t got;
        char *line;

        if (left <= 0 || poll(&wait, 1, (int)left) == 0) {
            kill(child, SIGKILL);
            dr_format(reason, sizeof reasons[0], "not finished in %lld s at N = %u",
                      begun[0] == 0 ? (long long)FULL_SECONDS
                                    : (long long)seconds * (callgrind != NULL ? 60 : 1),
                      N);
            break;
        }
        got = read(pipes[0], text + have, sizeof text - 1 - have);
        if (got <= 0) {
            reason[0] = 0;
            break;
        }
        have += (size_t)got;
        text[have] = 0;
        while ((line = strchr(text, '\n')) != NULL) {
            *line = 0;
            take_line(text, begun);
            have -= (size_t)(line + 1 - text);
            memmove(text, line + 1, have + 1);
        }
        until = meter_now_ns() +
                (int64_t)(begun[0] == 0 ? FULL_SECONDS : seconds * (callgrind != NULL ? 60 : 1)) *
                    1000000000;
    }
    close(pipes[0]);
    waitpid(child, &status, 0);
    if (reason[0] == 0 && status == 0)
        return NULL;
    if (reason[0] == 0)
        dr_format(reason, sizeof reasons[0], "the scene's process ended: %s %d",
                  WIFSIGNALED(status) ? "signal" : "status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return reason;
}

/* What callgrind counted, from the dumps that the scene had it make. */
static void take_dumps(const char *directory)
{
    char path[400];

    for (uint32_t i = 1; i < 100; i += 1) {
        char line[1024];
        char key[METER_KEY_BYTES] = "";
        double total = 0;
        FILE *file;

        dr_format(path, sizeof path, "%s/out.%u", directory, i);
        file = fopen(path, "r");
        if (file == NULL)
            continue;
        while (fgets(line, sizeof line, file) != NULL) {
            sscanf(line, "desc: Trigger: Client Request: %31s", key);
            if (sscanf(line, "totals: %lf", &total) == 1 ||
                sscanf(line, "summary: %lf", &total) == 1)
                continue;
        }
        fclose(file);
        unlink(path);
        if (key[0] != 0)
            results[row_of(key)].instructions = total;
    }
    dr_format(path, sizeof path, "%s/out", directory);
    unlink(path);
}

static void count_instructions(const char *scene, char **arguments)
{
    struct result kept[DR_COUNT_OF(ROWS)];
    char directory[] = "/tmp/nation-callgrind-XXXXXX";
    char begun[METER_KEY_BYTES];

    memcpy(kept, results, sizeof kept);
    if (mkdtemp(directory) == NULL)
        nation_fail("no directory: %s", strerror(errno));
    run_child(scene, arguments, directory, begun);
    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1)
        results[i].instructions = 0;
    take_dumps(directory);
    rmdir(directory);
    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1) {
        if (results[i].ops > 0 && results[i].instructions > 0) {
            kept[i].instructions = results[i].instructions / results[i].ops;
            kept[i].ops = 1;
        }
        results[i] = kept[i];
    }
}

static void print_scene(const char *scene, const char *reason, const char *begun)
{
    int explained = 0;

    for (uint32_t i = 0; i < DR_COUNT_OF(ROWS); i += 1) {
        const struct row *row = &ROWS[i];
        const struct result *result = &results[i];
        const char *note = result->note;

        if (strcmp(row->scene, scene) != 0)
            continue;
        if (!result->known) {
            note = reason != NULL && (begun[0] == 0 ? !explained : strcmp(begun, row->key) == 0)
                       ? reason
                       : "not reached";
            explained = 1;
        }
        print_row(row->what, result->value, row->unit, row->bar, row->sense, note,
                  result->known && result->ops > 0 ? result->instructions / result->ops : 0,
                  result->known);
    }
}

static void scene(const char *name, char **arguments)
{
    char begun[METER_KEY_BYTES];
    const char *reason;

    memset(results, 0, sizeof results);
    reason = run_child(name, arguments, NULL, begun);
    if (meter_option("INSTRUCTIONS", 0) != 0 && meter.counter < 0 &&
        strncmp(name, "memory", 6) != 0) /* those run the program again */
        count_instructions(name, arguments);
    print_scene(name, reason, begun);
}

/* What an event costs at growing N: by instructions where they are counted, else by time. */
static void curve(char **arguments)
{
    uint32_t most = N;
    double first = 0;
    double first_log = 0;
    uint32_t p50 = row_of("event-p50");

    setenv("ONLY_EVENTS", "1", 1);
    for (uint32_t n = 1000; n <= most; n *= 10) {
        char begun[METER_KEY_BYTES];
        char text[48];
        char what[128];
        const char *reason;
        double cost;
        double each;

        N = n;
        dr_format(text, sizeof text, "%u", n);
        setenv("N", text, 1);
        memset(results, 0, sizeof results);
        reason = run_child("full", arguments, NULL, begun);
        if (meter_option("INSTRUCTIONS", 0) != 0 && meter.counter < 0)
            count_instructions("full", arguments);
        each = results[p50].ops > 0 ? results[p50].instructions / results[p50].ops : 0;
        cost = each > 0 ? each : results[p50].value;
        if (n == 1000) {
            first = cost;
            first_log = log((double)n);
        }
        dr_format(what, sizeof what, "an event at N = %s, p50", number(n, text));
        print_row(what, results[p50].value, "us", NO_BAR, AT_MOST,
                  results[p50].known ? results[p50].note
                  : reason != NULL   ? reason
                                     : "",
                  each, results[p50].known);
        if (n > 1000) {
            dr_format(what, sizeof what, "    its growth from N = 1,000, over log N's");
            print_row(what, cost / first / (log((double)n) / first_log), "x",
                      n == most ? 1 : NO_BAR, AT_MOST, each > 0 ? "by instructions" : "by time", 0,
                      results[p50].known && first > 0);
        }
    }
    unsetenv("ONLY_EVENTS");
    N = most;
}

int main(int count, char **arguments)
{
    static const char *const scenes[] = {
        "fill-a",         "fill-b",  "full",   "full-million",   "reserve",
        "reserve-levels", "reclaim", "memory", "memory-million", "curve"};
    const char *only = getenv("SCENE");

    N = (uint32_t)meter_option("N", 1000000);
    SEED = (uint64_t)meter_option("SEED", 20260);
    seconds = (int)meter_option("SECONDS", 60);
    json = meter_option("JSON", 0) != 0;
    if (N < 1000 || N > 4000000)
        nation_fail("found N=%u, expected 1,000 to 4,000,000", N);
    meter_open();
    if (only != NULL) {
        scene_run(only, &(struct scene_options){N, SEED, (int64_t)seconds * 1000000000, arguments});
        return 0;
    }
    if (!json) {
        printf("N = %u accelerators, seed %llu, one core; at most %d s a row; instructions %s\n", N,
               (unsigned long long)SEED, seconds,
               meter.counter >= 0 ? "by the machine's counter"
               : meter_option("INSTRUCTIONS", 0) != 0
                   ? "by callgrind"
                   : "not counted (INSTRUCTIONS=1: by callgrind)");
        printf("| %-66s | %18s | %12s | %-6s | %14s |\n", "what", "figure", "bar", "",
               "instructions");
        printf("| %.66s | %.17s: | %.11s: | %.6s | %.13s: |\n",
               "------------------------------------------------------------------",
               "-----------------", "-----------", "------", "-------------");
    }
    for (uint32_t i = 0; i < DR_COUNT_OF(scenes); i += 1) {
        int chosen = count < 2;

        for (int k = 1; k < count; k += 1)
            chosen |= strcmp(arguments[k], scenes[i]) == 0;
        if (!chosen)
            continue;
        if (strcmp(scenes[i], "curve") == 0)
            curve(arguments);
        else
            scene(scenes[i], arguments);
    }
    return meter_option("STRICT", 0) != 0 && missed > 0;
}
