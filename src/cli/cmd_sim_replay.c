/* SPDX-License-Identifier: Apache-2.0 */
/* daero sim replay: a controller's journal once more. */
#include <inttypes.h>

#include "base/text.h"
#include "cli/guarded.h"
#include "sim/replay.h"

static json_t *difference_json(const struct dr_replay_difference *difference)
{
    if (difference->seq == 0)
        return json_null();
    return json_pack("{s:I,s:i,s:s,s:s}", "seq", (json_int_t)difference->seq, "policy",
                     (int)difference->policy, "program", difference->program, "text",
                     difference->text);
}

static void print_json(const struct dr_replay_figures *figures, int is_good)
{
    char hash[17];
    json_t *line;

    snprintf(hash, sizeof hash, "%016" PRIx64, figures->state_hash);
    line = json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:o,s:o}", "good", is_good,
                     "batches", (json_int_t)figures->batches, "facts", (json_int_t)figures->facts,
                     "from_outside", (json_int_t)figures->outside, "starts",
                     (json_int_t)figures->leaders, "checkpoints", (json_int_t)figures->checkpoints,
                     "snapshots", (json_int_t)figures->snapshots, "decisions",
                     (json_int_t)figures->decisions, "decided", (json_int_t)figures->decided,
                     "left_out", (json_int_t)figures->left_out, "seq", (json_int_t)figures->seq,
                     "state_hash", hash, "difference", difference_json(&figures->difference),
                     "other_program", difference_json(&figures->other));
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
}

static void print_figures(const struct dr_replay_figures *figures)
{
    const struct dr_replay_difference *other = &figures->other;

    printf("%" PRIu64 " facts in %" PRIu64 " batches, %" PRIu64 " of them from outside, %" PRIu64
           " start%s of a controller",
           figures->facts, figures->batches, figures->outside, figures->leaders,
           figures->leaders == 1 ? "" : "s");
    printf("; %s\n", dr_show_duration(figures->last_us - figures->first_us));
    printf("state: the same at %" PRIu64 " checkpoints, %" PRIu64
           " of them snapshots; after fact %" PRIu64 " it is %016" PRIx64 "\n",
           figures->checkpoints, figures->snapshots, figures->seq, figures->state_hash);
    printf("decisions: %" PRIu64 " made again, with %" PRIu64 " facts\n", figures->decisions,
           figures->decided);
    if (other->seq != 0 && other->policy != DR_POLICY_VERSION)
        printf("fact %" PRIu64 " was decided by policy %" PRIu32 " (%s), and this is policy %d: "
               "%s. That is no mistake.\n",
               other->seq, other->policy, other->program, DR_POLICY_VERSION, other->text);
    else if (other->seq != 0)
        printf("fact %" PRIu64
               " was decided by an older program (%s), which did not write down all "
               "that a decision comes from: %s. That is no mistake.\n",
               other->seq, other->program, other->text);
    if (figures->left_out > 0)
        printf("%" PRIu64 " batches after a difference, up to the next start, were not decided "
               "again\n",
               figures->left_out);
}

static int replay(const struct dr_cli *cli, struct dr_replay *replay, volatile uint64_t *seq)
{
    const char *directory = dr_cli_value(cli, "data");
    struct dr_error error = {0};
    struct dr_replay_figures figures;
    enum dr_status status;
    int is_good;

    dr_replay_watch(replay, seq);
    status = dr_replay_directory(replay, directory == NULL ? "daero-data" : directory, &error);
    figures = dr_replay_figures(replay);
    is_good = status == DR_OK && figures.difference.seq == 0;
    if (status == DR_OK || status == DR_E_CORRUPT) {
        if (cli->json)
            print_json(&figures, is_good);
        else
            print_figures(&figures);
    }
    if (figures.difference.seq != 0)
        dr_cli_fail(cli, DR_EXIT_REFUSED,
                    "fact %" PRIu64 ": %s; expected the same, as it is the same policy",
                    figures.difference.seq, figures.difference.text);
    if (status != DR_OK)
        return dr_cli_fail_error(cli,
                                 status == DR_E_CORRUPT                           ? DR_EXIT_REFUSED
                                 : status == DR_E_MISSING || status == DR_E_INPUT ? DR_EXIT_USAGE
                                                                                  : DR_EXIT_FAILED,
                                 &error);
    if (is_good && !cli->json)
        puts("Good: the same states, and the same decisions.");
    return is_good ? DR_EXIT_OK : DR_EXIT_REFUSED;
}

struct replaying {
    const struct dr_cli *cli;
    struct dr_replay *replay;
};

static int replay_guarded(void *context, volatile uint64_t *seq)
{
    const struct replaying *replaying = context;

    return replay(replaying->cli, replaying->replay, seq);
}

int dr_cmd_sim_replay(struct dr_cli *cli)
{
    struct replaying replaying = {.cli = cli};
    struct dr_error error = {0};
    int code;

    if (dr_replay_open(&replaying.replay, &error) != DR_OK)
        return dr_cli_fail_error(cli, DR_EXIT_FAILED, &error);
    code = dr_cli_guarded(cli, replay_guarded, &replaying);
    dr_replay_close(replaying.replay);
    return code;
}
