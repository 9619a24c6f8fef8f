/* SPDX-License-Identifier: Apache-2.0 */
/* What jobs wrote at a site with a Slurm cluster, over HTTP: by the site's own command, which may
 * fail, hang, print without end and be left alone by its client; and where there is none. The
 * command is a script of this test, which looks at the file's name for what to do. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "core/state.h"
#include "http_people.h"

static const char SCRIPT[] =
    "#!/bin/sh\n"
    "echo $$ >\"$(dirname \"$0\")/pid\"\n"
    "case $2 in\n"
    "*words*) printf '<%s>' \"$@\"; echo; env | sort | tr '\\n' ' '; tty; ls /proc/self/fd ;;\n"
    "*fails*) echo 'ssh: connect to host login: Connection refused' >&2; exit 255 ;;\n"
    "*broken*) echo half; exit 3 ;;\n"
    "*hangs*) exec sleep 1000 ;;\n"
    "*floods*) exec yes ;;\n"
    "*leaves*) echo all; sleep 1000 & exit 0 ;;\n"
    "*stays*) exec tail -c \"+$1\" -f \"$2\" ;;\n"
    "*) exec tail -c \"+$1\" \"$2\" ;;\n"
    "esac\n";

struct site {
    struct http_world *w;
    char place[160]; /* a directory of this test */
};

static void write_file(const char *path, const char *text, int flags, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | flags, mode);

    CHECK(file >= 0);
    CHECK_EQ(write(file, text, strlen(text)), (ssize_t)strlen(text));
    CHECK_EQ(fchmod(file, mode), 0);
    close(file);
}

/* The people's site is one of Slurm, with `settings` behind its url and key. */
static struct site open_site(const char *settings, const struct dr_edge_limits *limits)
{
    struct site site = {.w = people_world_with(limits)};
    const char *engine = strstr(PEOPLE_FEDERATION, "engine: local");
    char words[400];
    char path[200];
    char changed[4096];

    snprintf(site.place, sizeof site.place, "%s-site", site.w->directory);
    CHECK_EQ(mkdir(site.place, 0755), 0);
    CHECK_EQ(chmod(site.place, 0755), 0);
    snprintf(path, sizeof path, "%s/print", site.place);
    write_file(path, SCRIPT, 0, 0755);
    snprintf(words, sizeof words, settings, path);
    CHECK((size_t)snprintf(changed, sizeof changed,
                           "%.*sengine: slurm\n"
                           "    slurm: {url: 'http://127.0.0.1:1', key: /k%s}\n%s",
                           (int)(engine - PEOPLE_FEDERATION), PEOPLE_FEDERATION, words,
                           strchr(engine, '\n') + 1) < sizeof changed);
    {
        struct http_world *w = site.w;

        ASK(people_tokens[BOSS], "POST", "/v1/federation", changed, 200, "");
    }
    http_world_settle(site.w);
    return site;
}

#define WITH_COMMAND ", log_command: ['%s', '%%o', '%%p', '%%u', 'job=%%j', '100%%%%']"

static void close_site(struct site *site)
{
    char command[200];

    http_world_close(site->w);
    snprintf(command, sizeof command, "rm -r '%s'", site->place);
    CHECK_EQ(system(command), 0);
}

/* A job that writes to a file of this name in the test's directory. */
static uint64_t submit(struct site *site, const char *name)
{
    char body[500];
    uint64_t job;

    snprintf(body, sizeof body, "{\"command\":[\"true\"],\"directory\":\"%s\",\"output\":\"%s\"}",
             site->place, name);
    job = http_submit(site->w, people_tokens[STUDENT], body);
    http_world_settle(site->w);
    return job;
}

static struct reply logs_of(struct site *site, uint64_t job, const char *query)
{
    char path[100];

    snprintf(path, sizeof path, "/v1/jobs/%llu/logs%s", (unsigned long long)job, query);
    return http_ask(site->w, people_tokens[STUDENT], "GET", path, NULL);
}

/* The process that ran the script last is there, and then, within a bounded time, is not. */
static void check_gone(struct site *site)
{
    int64_t until = dr_monotonic_us() + 10 * DR_SECOND_US;
    char path[200];
    char text[32] = "";
    int file;
    pid_t pid;

    snprintf(path, sizeof path, "%s/pid", site->place);
    file = open(path, O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0);
    close(file);
    pid = (pid_t)strtol(text, NULL, 10);
    CHECK(pid > 1);
    while (kill(-pid, 0) == 0 || errno != ESRCH) {
        CHECK(dr_monotonic_us() < until);
        http_world_settle(site->w);
    }
}

TEST(the_words_are_as_they_were_said)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){0});
    uint64_t job = submit(&site, "words=%j:%u@%%");
    struct reply reply = logs_of(&site, job, "?offset=41");
    char expected[300];

    CHECK_EQ(reply.status, 200);
    snprintf(expected, sizeof expected,
             "<42><%s/words=%llu:student@%%><student><job=%llu><100%%>\n", site.place,
             (unsigned long long)job, (unsigned long long)job);
    CHECK_HAS(reply.body, expected);
    CHECK_HAS(reply.body, "LC_ALL=C ");
    CHECK_HAS(reply.body, "not a tty\n");
    CHECK(strstr(reply.body, "USER=") == NULL);
    CHECK_HAS(reply.body, "\n0\n1\n2\n3\n"); /* 3 is that of ls */
    CHECK(strstr(reply.body, "\n4\n") == NULL);
    reply_free(&reply);
    close_site(&site);
}

TEST(it_is_read_in_pieces_and_followed)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){0});
    static char got[1 << 16];
    char path[200];
    char file[200];
    uint64_t job = submit(&site, "plain");
    struct reply reply;
    int client;

    snprintf(file, sizeof file, "%s/plain", site.place);
    snprintf(path, sizeof path, "/v1/jobs/%llu/logs?follow=1&offset=1", (unsigned long long)job);
    client = http_open_stream(site.w, people_tokens[STUDENT], path, "", got, sizeof got);
    write_file(file, "one\n", O_APPEND, 0644); /* the first look has failed: it was not there */
    CHECK(http_receive(site.w, client, got, sizeof got, "ne\n"));
    CHECK(strstr(got, "one\n") == NULL);
    write_file(file, "two\n", O_APPEND, 0644);
    CHECK(http_receive(site.w, client, got, sizeof got, "two\n"));
    write_file(file, "three\n", O_APPEND, 0644);
    http_world_end(site.w, job, 0);
    CHECK(http_receive(site.w, client, got, sizeof got, "\r\n0\r\n\r\n"));
    CHECK_HAS(got, "three\n");
    close(client);
    reply = logs_of(&site, job, "?offset=4");
    CHECK_TEXT(reply.body, "two\nthree\n");
    CHECK_HAS(reply.headers, "X-Daero-Offset: 14");
    reply_free(&reply);
    reply = logs_of(&site, job, "?offset=14");
    CHECK_EQ(reply.status, 200);
    CHECK_TEXT(reply.body, "");
    reply_free(&reply);
    close_site(&site);
}

/* Before it was placed nobody knows where it will write. */
TEST(it_is_followed_from_before_its_start)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){0});
    struct http_world *w = site.w;
    static char got[1 << 16];
    char path[200];
    char body[400];
    uint64_t job;
    int client;

    snprintf(body, sizeof body,
             "{\"command\":[\"true\"],\"hold\":true,\"directory\":\"%s\",\"output\":\"later\"}",
             site.place);
    job = http_submit(w, people_tokens[STUDENT], body);
    snprintf(path, sizeof path, "%s/later", site.place);
    write_file(path, "at last\n", 0, 0600); /* no path that the job's user could read here */
    snprintf(path, sizeof path, "/v1/jobs/%llu/logs?follow=1", (unsigned long long)job);
    client = http_open_stream(w, people_tokens[STUDENT], path, "", got, sizeof got);
    snprintf(path, sizeof path, "/v1/jobs/%llu/release", (unsigned long long)job);
    ASK(people_tokens[STUDENT], "POST", path, "", 200, "");
    CHECK(http_receive(w, client, got, sizeof got, "at last\n"));
    close(client);
    close_site(&site);
}

/* A command that itself follows the file is stopped now and then, and when the client goes. */
TEST(a_command_that_follows_is_as_good)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){.log_command_s = 1});
    static char got[1 << 16];
    char path[200];
    char file[200];
    uint64_t job = submit(&site, "stays");
    int client;

    snprintf(file, sizeof file, "%s/stays", site.place);
    write_file(file, "one\n", 0, 0644);
    snprintf(path, sizeof path, "/v1/jobs/%llu/logs?follow=1", (unsigned long long)job);
    client = http_open_stream(site.w, people_tokens[STUDENT], path, "", got, sizeof got);
    CHECK(http_receive(site.w, client, got, sizeof got, "one\n"));
    for (int i = 2; i < 5; i += 1) {
        char line[16];

        snprintf(line, sizeof line, "%d\n", i * 1111);
        write_file(file, line, O_APPEND, 0644);
        CHECK(http_receive(site.w, client, got, sizeof got, line));
    }
    CHECK(strstr(strstr(got, "one\n") + 1, "one\n") == NULL); /* nothing twice */
    close(client);
    check_gone(&site);
    close_site(&site);
}

TEST(what_fails_is_said)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){.log_command_s = 1});
    struct http_world *w = site.w;
    uint64_t job = submit(&site, "fails");
    struct reply reply = logs_of(&site, job, "");

    CHECK_EQ(reply.status, 409);
    CHECK_TEXT(reply_kind(&reply), "ELSEWHERE");
    CHECK_HAS(reply.body, "wrote at site here to ");
    CHECK_HAS(reply.body, "ended with exit code 255: ssh: connect to host login: Connection");
    reply_free(&reply);
    job = submit(&site, "broken"); /* what came is good; then it is said */
    reply = logs_of(&site, job, "");
    CHECK_EQ(reply.status, 200);
    CHECK_TEXT(reply.body, "half\n");
    reply_free(&reply);
    http_world_end(w, job, 0);
    job = submit(&site, "hangs");
    reply = logs_of(&site, job, "");
    CHECK_EQ(reply.status, 409);
    CHECK_HAS(reply.body, "was not done after 1 s");
    reply_free(&reply);
    check_gone(&site);
    http_world_end(w, job, 0);
    job = submit(&site, "a $(reboot)"); /* ssh would hand it to a shell */
    reply = logs_of(&site, job, "");
    CHECK_EQ(reply.status, 409);
    CHECK_HAS(reply.body, "other characters than letters, digits");
    reply_free(&reply);
    close_site(&site);
}

/* It has exited, whoever holds its pipes; and of its group nothing stays. */
TEST(what_it_leaves_behind_is_ended)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){0});
    uint64_t job = submit(&site, "leaves");
    struct reply reply = logs_of(&site, job, "");

    CHECK_EQ(reply.status, 200);
    CHECK_TEXT(reply.body, "all\n");
    reply_free(&reply);
    check_gone(&site);
    close_site(&site);
}

/* One that prints without end: an answer has its most, a stream is read as its client reads. */
TEST(a_flood_is_bounded)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){0});
    struct http_world *w = site.w;
    static char got[1 << 16];
    uint64_t job = submit(&site, "floods");
    char text[400];
    int client = http_connect(w, 1);

    snprintf(text, sizeof text,
             "GET /v1/jobs/%llu/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
             (unsigned long long)job, people_tokens[STUDENT]);
    http_send(w, client, text, strlen(text));
    CHECK(http_receive(w, client, got, sizeof got, "X-Daero-Offset: 8388608\r\n"));
    close(client);
    check_gone(&site);
    snprintf(text, sizeof text, "/v1/jobs/%llu/logs?follow=1", (unsigned long long)job);
    got[0] = '\0';
    client = http_open_stream(w, people_tokens[STUDENT], text, "", got, sizeof got);
    CHECK(http_receive(w, client, got, sizeof got, "y\ny\ny\n"));
    for (int i = 0; i < 50; i += 1) /* nobody reads on, and nothing grows */
        http_world_settle(w);
    close(client);
    check_gone(&site);
    close_site(&site);
}

/* The client of a single answer goes while the command runs: it is ended. So it is when the
 * controller is closed, which does not wait for it. */
TEST(who_goes_takes_it_along)
{
    struct site site = open_site(WITH_COMMAND, &(struct dr_edge_limits){.token_log_commands = 1});
    struct http_world *w = site.w;
    uint64_t job = submit(&site, "hangs");
    char text[400];
    char path[200];
    int64_t until = dr_monotonic_us() + 10 * DR_SECOND_US;

    snprintf(path, sizeof path, "%s/pid", site.place);
    snprintf(text, sizeof text,
             "GET /v1/jobs/%llu/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n",
             (unsigned long long)job, people_tokens[STUDENT]);
    for (int round = 0; round < 2; round += 1) {
        int client = http_connect(w, 1);
        struct stat status;

        unlink(path);
        http_send(w, client, text, strlen(text));
        while (stat(path, &status) != 0 || status.st_size == 0) {
            CHECK(dr_monotonic_us() < until);
            http_world_settle(w);
        }
        /* meanwhile nobody's other request waits, and this one has its most */
        ASK(people_tokens[STUDENT], "GET", "/v1/jobs", NULL, 200, "");
        {
            struct reply reply = logs_of(&site, job, "");

            CHECK_EQ(reply.status, 429);
            CHECK_HAS(reply.body, "found 1 commands that print what jobs wrote");
            reply_free(&reply);
        }
        if (round == 0) {
            close(client);
            check_gone(&site);
        }
    }
    CHECK(dr_monotonic_us() < until);
    close_site(&site); /* a client waits still */
    CHECK(dr_monotonic_us() < until);
}

TEST(a_program_that_is_not_there)
{
    struct site site = open_site(", log_command: [/no/such/program%.0s, '%%o', '%%p']",
                                 &(struct dr_edge_limits){0});
    struct reply reply = logs_of(&site, submit(&site, "plain"), "");

    CHECK_EQ(reply.status, 409);
    CHECK_HAS(reply.body, "can't be run: /no/such/program: No such file or directory");
    reply_free(&reply);
    close_site(&site);
}

/* Without a command the path is read, as with a shared file system; else it is said where it is. */
TEST(a_site_without_a_command)
{
    struct site site = open_site("%.0s", &(struct dr_edge_limits){0});
    struct http_world *w = site.w;
    uint64_t job = submit(&site, "shared");
    char path[200];
    struct reply reply = logs_of(&site, job, "");

    CHECK_EQ(reply.status, 409);
    CHECK_TEXT(reply_kind(&reply), "ELSEWHERE");
    CHECK_HAS(reply.body, "wrote at site here, node node1, to ");
    CHECK_HAS(reply.body, "-site/shared, which can't be read on the controller's machine (No such");
    reply_free(&reply);
    w->ahead_us += DR_MINUTE_US; /* to follow it is in vain by now */
    http_world_settle(w);
    reply = logs_of(&site, job, "?follow=1");
    CHECK_EQ(reply.status, 409);
    reply_free(&reply);
    snprintf(path, sizeof path, "%s/shared", site.place);
    write_file(path, "here\n", 0, 0644);
    reply = logs_of(&site, job, "");
    CHECK_TEXT(reply.body, "here\n");
    reply_free(&reply);
    if (geteuid() == 0) {
        CHECK_EQ(chmod(path, 0600), 0);
        reply = logs_of(&site, job, "");
        CHECK_TEXT(reply_kind(&reply), "ELSEWHERE");
        CHECK_HAS(reply.body, "(Permission denied)");
        reply_free(&reply);
    }
    http_world_end(w, job, 0);
    unlink(path);
    reply = logs_of(&site, job, "");
    CHECK_HAS(reply.body, "wrote at site here to ");
    reply_free(&reply);
    close_site(&site);
}
