/* SPDX-License-Identifier: Apache-2.0 */
/* daero top: a live screen of sites, accounts and jobs, made anew from the API every second.
 *
 * The screen is first a list of lines (struct screen), cut to the width in columns, so that the
 * same code draws it with ncurses, prints it with --once, and is tested. Korean names count double.
 */
#include <locale.h>
#include <ncursesw/ncurses.h>
#include <unistd.h>
#include <wchar.h>

#include "base/math.h"
#include "base/text.h"
#include "cli/queue.h"
#include "cli/table.h"
#include "cli/top.h"

#define LINES_MAX 600
#define EVERY_MS  1000

void dr_screen_init(struct dr_screen *screen, uint32_t columns)
{
    memset(screen, 0, sizeof *screen);
    screen->columns = columns;
    screen->lines = calloc(LINES_MAX, sizeof *screen->lines);
    DR_ASSERT(screen->lines != NULL);
}

void dr_screen_deinit(struct dr_screen *screen)
{
    free(screen->lines);
    screen->lines = NULL;
}

/* Append `text` to a line, at most `width` columns of it, padded to exactly `width` (0: no padding,
 * up to the screen's edge). */
static void put_cell(struct dr_screen *screen, struct dr_screen_line *line, const char *text,
                     uint32_t width, int right)
{
    uint32_t room = screen->columns - line->columns;
    uint32_t limit = width == 0 || width > room ? room : width;
    uint32_t used = 0;
    size_t bytes = 0;
    mbstate_t shift = {0};
    const char *at = text;
    uint32_t padding;

    while (*at != '\0') {
        wchar_t wide;
        size_t length = mbrtowc(&wide, at, strlen(at), &shift);
        int columns;

        if (length == (size_t)-1 || length == (size_t)-2)
            break;
        columns = wcwidth(wide);
        if (columns < 0 || used + (uint32_t)columns > limit)
            break;
        used += (uint32_t)columns;
        at += length;
    }
    bytes = (size_t)(at - text);
    padding = width == 0 ? 0 : limit - used;
    if (line->bytes + bytes + padding + 1 > sizeof line->text)
        return;
    if (right) {
        memset(line->text + line->bytes, ' ', padding);
        line->bytes += padding;
    }
    memcpy(line->text + line->bytes, text, bytes);
    line->bytes += bytes;
    if (!right) {
        memset(line->text + line->bytes, ' ', padding);
        line->bytes += padding;
    }
    line->text[line->bytes] = '\0';
    line->columns += used + padding;
}

static struct dr_screen_line *new_line(struct dr_screen *screen, enum dr_screen_style style)
{
    static struct dr_screen_line dropped;
    struct dr_screen_line *line;

    if (screen->count == LINES_MAX) {
        memset(&dropped, 0, sizeof dropped);
        return &dropped;
    }
    line = &screen->lines[screen->count];
    screen->count += 1;
    line->style = style;
    return line;
}

static void draw_head(struct dr_screen *screen, const json_t *health)
{
    struct dr_screen_line *line = new_line(screen, DR_STYLE_TITLE);

    put_cell(screen, line,
             dr_show_format("Daero  %s  fact %s  epoch %s", dr_show_instant(dr_clock_us()),
                            dr_member_text(health, "seq"), dr_member_text(health, "epoch")),
             0, 0);
}

static void draw_sites(struct dr_screen *screen, const json_t *sites)
{
    struct dr_screen_line *line = new_line(screen, DR_STYLE_HEADER);
    json_t *site;
    size_t i;

    put_cell(screen, line, "SITE", 20, 0);
    put_cell(screen, line, "NODES UP", 12, 1);
    put_cell(screen, line, "ACC FREE", 14, 1);
    put_cell(screen, line, "RUNNING", 10, 1);
    put_cell(screen, line, "POWER", 12, 1);
    json_array_foreach(sites, i, site)
    {
        int silent = json_is_false(json_object_get(site, "answers"));

        if (i == 8)
            break;
        line = new_line(screen, silent ? DR_STYLE_BAD : DR_STYLE_PLAIN);
        put_cell(screen, line, dr_member_text(site, "name"), 20, 0);
        put_cell(screen, line,
                 dr_show_format("%s/%s", silent ? "?" : dr_member_text(site, "nodes_up"),
                                dr_member_text(site, "nodes")),
                 12, 1);
        put_cell(screen, line,
                 dr_show_format("%s/%s", silent ? "?" : dr_member_text(site, "accelerators_free"),
                                dr_member_text(site, "accelerators")),
                 14, 1);
        put_cell(screen, line, dr_member_text(site, "running"), 10, 1);
        put_cell(screen, line, dr_show_format("%s W", dr_member_text(site, "power_w")), 12, 1);
    }
}

/* The first group of accelerators with anything in it: what an account's line shows. */
static const json_t *main_group(const json_t *account)
{
    const json_t *found = NULL;
    json_t *group;
    size_t i;

    json_array_foreach(json_object_get(account, "groups"), i, group)
    {
        if (strcmp(dr_member_text(group, "resource"), "ACCELERATORS") != 0)
            continue;
        if (found == NULL ||
            (dr_member_number(found, "guarantee") == 0 && dr_member_number(found, "use") == 0))
            found = group;
    }
    return found;
}

static void draw_accounts(struct dr_screen *screen, const json_t *accounts)
{
    struct dr_screen_line *line = new_line(screen, DR_STYLE_HEADER);
    json_t *account;
    size_t i;

    put_cell(screen, line, "ACCOUNT", 28, 0);
    put_cell(screen, line, "PENDING", 8, 1);
    put_cell(screen, line, "RUNNING", 8, 1);
    put_cell(screen, line, "  ACC USED", 12, 1);
    put_cell(screen, line, "GUARANTEE", 12, 1);
    json_array_foreach(accounts, i, account)
    {
        const json_t *group = main_group(account);
        int64_t use = dr_member_number(group, "use");
        int64_t guarantee = dr_member_number(group, "guarantee");

        if (i == 10)
            break;
        line = new_line(screen, use > guarantee ? DR_STYLE_NOTE : DR_STYLE_PLAIN);
        put_cell(screen, line,
                 dr_show_format("%*s%s", (int)dr_member_number(account, "depth"), "",
                                dr_member_text(account, "name")),
                 28, 0);
        put_cell(screen, line, dr_member_text(account, "pending"), 8, 1);
        put_cell(screen, line, dr_member_text(account, "running"), 8, 1);
        put_cell(screen, line, group == NULL ? "-" : dr_show_milli(use), 12, 1);
        put_cell(screen, line, group == NULL ? "-" : dr_show_milli(guarantee), 12, 1);
    }
}

static enum dr_screen_style style_of(const char *state)
{
    if (strcmp(state, "RUNNING") == 0)
        return DR_STYLE_GOOD;
    if (strcmp(state, "COMPLETING") == 0 || strcmp(state, "CONFIGURING") == 0)
        return DR_STYLE_NOTE;
    if (strcmp(state, "FAILED") == 0 || strcmp(state, "TIMEOUT") == 0 ||
        strcmp(state, "NODE_FAIL") == 0 || strcmp(state, "OUT_OF_MEMORY") == 0 ||
        strcmp(state, "UNREACHABLE") == 0)
        return DR_STYLE_BAD;
    return DR_STYLE_PLAIN;
}

static void draw_jobs(struct dr_screen *screen, const json_t *jobs)
{
    static const struct {
        const char *column;
        uint32_t width; /* 0: the rest */
    } columns[] = {{"job", 8},   {"name", 15},        {"account", 13}, {"state", 12},
                   {"tasks", 6}, {"accelerators", 4}, {"time", 8},     {"where", 0}};
    json_t *job;
    size_t i;

    json_array_foreach(jobs, i, job)
    {
        struct dr_screen_line *line = new_line(screen, style_of(dr_member_text(job, "state")));

        for (uint32_t c = 0; c < DR_COUNT_OF(columns); c += 1) {
            const struct dr_queue_column *column = dr_queue_column(columns[c].column);
            int right = (column->flags & DR_TABLE_RIGHT) != 0;

            if (c > 0)
                put_cell(screen, line, " ", 0, 0);
            put_cell(screen, line, column->text(job),
                     columns[c].width == 0 ? 0 : columns[c].width - 1, right);
        }
    }
}

static void draw_jobs_header(struct dr_screen *screen)
{
    struct dr_screen_line *line = new_line(screen, DR_STYLE_HEADER);

    put_cell(screen, line,
             "    JOB NAME           ACCOUNT      STATE       TASKS ACC    TIME "
             "NODES (REASON)",
             0, 0);
}

void dr_screen_draw(struct dr_screen *screen, const json_t *health, const json_t *sites,
                    const json_t *accounts, const json_t *live, const json_t *ended)
{
    screen->count = 0;
    memset(screen->lines, 0, LINES_MAX * sizeof *screen->lines);
    draw_head(screen, health);
    draw_sites(screen, json_object_get(sites, "sites"));
    draw_accounts(screen, json_object_get(accounts, "accounts"));
    draw_jobs_header(screen);
    screen->fixed = screen->count;
    draw_jobs(screen, json_object_get(live, "jobs"));
    draw_jobs(screen, json_object_get(ended, "jobs"));
}

static int fill(struct dr_cli *cli, struct dr_screen *screen)
{
    static const char *const paths[] = {"/v1/health", "/v1/sites", "/v1/accounts",
                                        "/v1/jobs?state=live&limit=400",
                                        "/v1/jobs?state=ended&limit=100"};
    json_t *answers[DR_COUNT_OF(paths)] = {0};
    int code = DR_EXIT_OK;

    for (uint32_t i = 0; i < DR_COUNT_OF(paths) && code == DR_EXIT_OK; i += 1)
        code = dr_cli_ask(cli, "GET", paths[i], NULL, NULL, &answers[i]);
    if (code == DR_EXIT_OK && cli->json) {
        json_t *all = json_pack("{s:O,s:O,s:O,s:O,s:O}", "health", answers[0], "sites", answers[1],
                                "accounts", answers[2], "live", answers[3], "ended", answers[4]);

        dr_cli_print_json(cli, all);
        json_decref(all);
    } else if (code == DR_EXIT_OK)
        dr_screen_draw(screen, answers[0], answers[1], answers[2], answers[3], answers[4]);
    for (uint32_t i = 0; i < DR_COUNT_OF(paths); i += 1)
        json_decref(answers[i]);
    return code;
}

/* ---- ncurses ---- */

static int attributes(enum dr_screen_style style)
{
    switch (style) {
    case DR_STYLE_PLAIN:
        return A_NORMAL;
    case DR_STYLE_TITLE:
        return A_BOLD;
    case DR_STYLE_HEADER:
        return A_REVERSE;
    case DR_STYLE_GOOD:
        return COLOR_PAIR(1);
    case DR_STYLE_NOTE:
        return COLOR_PAIR(2);
    case DR_STYLE_BAD:
        return COLOR_PAIR(3);
    }
    return A_NORMAL;
}

static void show(const struct dr_screen *screen, uint32_t *scroll, const char *status)
{
    uint32_t rows = (uint32_t)(LINES > 1 ? LINES - 1 : 1);
    uint32_t fixed = screen->fixed < rows ? screen->fixed : rows;
    uint32_t room = rows - fixed;
    uint32_t rest = screen->count - fixed;

    if (*scroll + room > rest)
        *scroll = rest > room ? rest - room : 0;
    erase();
    for (uint32_t row = 0; row < rows; row += 1) {
        uint32_t index = row < fixed ? row : row + *scroll;
        int style;

        if (index >= screen->count)
            break;
        style = attributes(screen->lines[index].style);
        attron(style);
        mvaddstr((int)row, 0, screen->lines[index].text);
        if (screen->lines[index].style == DR_STYLE_HEADER)
            mvhline((int)row, (int)screen->lines[index].columns, ' ',
                    COLS - (int)screen->lines[index].columns);
        attroff(style);
    }
    mvaddnstr(LINES - 1, 0, status, COLS);
    refresh();
}

static void begin_screen(void)
{
    initscr();
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
    timeout(EVERY_MS);
    if (has_colors()) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_GREEN, -1);
        init_pair(2, COLOR_YELLOW, -1);
        init_pair(3, COLOR_RED, -1);
    }
}

/* A key's meaning; 0: leave. */
static int act_on(int key, uint32_t *scroll, int *stopped)
{
    uint32_t page = (uint32_t)(LINES > 12 ? LINES - 12 : 1);

    switch (key) {
    case 'q':
    case 'Q':
    case 27:
        return 0;
    case 'p':
        *stopped = !*stopped;
        break;
    case KEY_UP:
        *scroll -= *scroll > 0;
        break;
    case KEY_DOWN:
        *scroll += 1;
        break;
    case KEY_PPAGE:
        *scroll -= *scroll < page ? *scroll : page;
        break;
    case KEY_NPAGE:
        *scroll += page;
        break;
    case KEY_HOME:
        *scroll = 0;
        break;
    default: /* a second passed, the window was resized, another key: draw anew */
        break;
    }
    return 1;
}

int dr_cmd_top(struct dr_cli *cli)
{
    struct dr_screen screen;
    uint32_t scroll = 0;
    int stopped = 0;
    int code;

    dr_screen_init(&screen, 100);
    code = fill(cli, &screen);
    if (code != DR_EXIT_OK || dr_cli_value(cli, "once") != NULL || cli->json) {
        for (uint32_t i = 0; code == DR_EXIT_OK && i < screen.count; i += 1)
            puts(screen.lines[i].text);
        dr_screen_deinit(&screen);
        return code;
    }
    if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)) {
        dr_screen_deinit(&screen);
        return dr_cli_fail(cli, DR_EXIT_USAGE,
                           "this is no terminal; --once prints one screen as text");
    }
    begin_screen();
    for (;;) {
        screen.columns = (uint32_t)(COLS > 20 ? COLS : 20);
        if (!stopped) {
            code = fill(cli, &screen);
            if (code != DR_EXIT_OK)
                break;
        }
        show(&screen, &scroll,
             stopped ? "stopped: p goes on, q ends" : "q ends, p stops, arrows and pages scroll");
        if (!act_on(getch(), &scroll, &stopped))
            break;
    }
    endwin();
    dr_screen_deinit(&screen);
    return code;
}
