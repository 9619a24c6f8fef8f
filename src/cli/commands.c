/* SPDX-License-Identifier: Apache-2.0 */
/* The table of commands: dispatch, --help, docs/cli.md and completion all come from here. */
#include "cli/cli.h"
#include "serve/limits.h"

/* clang-format off */
const struct dr_cli_option DR_CLI_COMMON[] = {
    {"json", 0, NULL, "print JSON: the API's, or the command's own where it has none"},
    {"socket", 0, "PATH", "the controller's unix socket"},
    {"url", 0, "URL", "the controller's address, http://127.0.0.1:8787 or https://HOST; needs a token"},
    {"token-file", 0, "FILE", "where the token for --url stands"},
    {"help", 'h', NULL, "describe the command"},
};
const uint32_t DR_CLI_COMMON_COUNT = DR_COUNT_OF(DR_CLI_COMMON);

/* "    token-rate            1000     requests a second ..." in the help of serve */
#define LIMIT_LINE(name, standard, least, most, text) "\n    " #name " (" #standard "): " text

static const struct dr_cli_option SERVE[] = {
    {"data", 0, "DIRECTORY", "where facts, jobs' records and the socket are kept; ./daero-data by default"},
    {"federation", 0, "FILE", "the federation of a new data directory; one for this machine by default"},
    {"tcp", 0, "ADDRESS", "listen on 127.0.0.1:PORT too; clients there need a token"},
    {"limit", 0, "NAME=N", "limit clients (below); may be given often"},
    {"jobs-max", 0, "N", "room for so many jobs, live and recently ended; 1200000 by default"},
};
static const struct dr_cli_option SCENARIO[] = {
    {"at", 0, "MONTH|STAGE", "the end of a month (2030-12), or one of the scenario's stages"},
    {"list", 0, NULL, "list the stages, and the months in which something changes, with what stands then"},
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default"},
    {"output", 'o', "FILE", "write there instead of standard output"},
};
static const struct dr_cli_option PLAN_RUN[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default"},
    {"output", 'o', "DIRECTORY", "write the plan there: tables, and its certificate"},
    {"seconds", 0, "N", "how long to look for a better plan; 180 by default"},
    {"gap", 0, "PERCENT", "enough: the plan costs at most this much more than the best there can be; 0.5 by default"},
    {"report", 0, "FILE", "write the plan as a page for a browser there"},
};
static const struct dr_cli_option PLAN_COMPARE[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default"},
    {"seconds", 0, "N", "how long to look for each; 60 by default"},
};
static const struct dr_cli_option PLAN_ALTERNATIVES[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default"},
    {"output", 'o', "DIRECTORY", "write there: the plan and each alternative, and how they differ"},
    {"count", 0, "N", "how many, 1 to 10; 5 by default"},
    {"within", 0, "PERCENT", "each costs at most this much more than the plan; 2 by default"},
    {"seconds", 0, "N", "how long for all of it; 300 by default"},
};
static const struct dr_cli_option PLAN_FUTURES[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default"},
    {"output", 'o', "DIRECTORY", "write there: the study, and the plan in each future"},
    {"seconds", 0, "N", "how long for all of it; 540 by default"},
    {"gap", 0, "PERCENT", "enough, of the plan and of each future's own; 1 by default"},
    {"processes", 0, "N", "plans that are made at a time; 2 by default"},
};
static const struct dr_cli_option PLAN_VERIFY[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default, with the certificate's name"},
};
static const struct dr_cli_option PLAN_EXPLAIN[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default, with the certificate's name"},
    {"all", 0, NULL, "all rules that bind, not the first twenty"},
    {"quarters", 0, NULL, "each quarter or year by itself, not added up by rule and place"},
    {"why", 0, "SITE", "what the plan would cost without what it builds there, or, where it builds nothing, with more there"},
    {"instead", 0, "SITE", "with --why: with another site's phases in their place"},
};
static const struct dr_cli_option PLAN_REPORT[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default, with the certificate's name"},
    {"output", 'o', "FILE", "write the page there; needed"},
    {"compare", 0, "FILE", "hold the plan against other courses: what `daero plan compare --json` wrote for the same tables"},
    {"alternatives", 0, "DIRECTORY", "show plans that are nearly as good: what `daero plan alternatives -o` wrote for the same tables"},
    {"futures", 0, "DIRECTORY", "show what to decide now if the future differs: what `daero plan futures -o` wrote for the same tables"},
    {"replay", 0, "DIRECTORY", "show whether people would get their compute: what `daero plan replay -o` wrote of this plan"},
};
static const struct dr_cli_option PLAN_REPLAY[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default, with the certificate's name"},
    {"output", 'o', "DIRECTORY", "write there what came of it, and of each quarter the federation and the jobs"},
    {"scale", 0, "1:N", "one accelerator for N of the plan; by default the least of 1, 2, 5, 10, 20, ... that leaves at most 80000"},
    {"quarters", 0, "WHICH", "yearly (the last of each year, the default) or every"},
    {"days", 0, "N", "so many are measured, behind three of warm-up; by default whole weeks up to a year of them, the more the smaller the fleet"},
    {"rounds", 0, "N", "rehearse and plan anew at most so often; 4 by default, 1: the plan as it is"},
    {"wait", 0, "DURATION", "a mean wait up to this is good enough; 4h by default"},
    {"tolerance", 0, "PERCENT", "a capacity factor that changes by less has settled; 2 by default"},
    {"longest", 0, "DURATION", "no job runs longer, as clusters have it: 7d by default, 20d at most"},
    {"portable", 0, "PART", "of the jobs run on chips of other vendors too; 0.2 by default"},
    {"seed", 0, "N", "of the jobs; 1 by default"},
    {"parallel", 0, "N", "quarters at a time; as many as there are cores by default"},
    {"seconds", 0, "N", "how long to look for each plan anew; 180 by default"},
    {"gap", 0, "PERCENT", "enough for each plan anew; 0.5 by default"},
};
static const struct dr_cli_option PLAN_EXPORT[] = {
    {"data", 0, "DIRECTORY", "the scenario's tables; scenarios/NAME beside the program by default"},
    {"output", 'o', "FILE", "write there instead of standard output"},
    {"format", 0, "FORMAT", "mps (free form, the default) or lp"},
};
/* What a run is given, whether it stands alone or is compared with others. */
#define SIM_INPUTS \
    {"federation", 0, "FILE", "the federation; needed"}, \
    {"trace", 0, "FILE", "the jobs, a CSV file, compressed by gzip or not, - for standard input; needed"}, \
    {"order", 0, "ORDER", "fair, fifo, sjf (least time limit) or las (least attained service); as the federation says by default, here and below"}, \
    {"backfill", 0, "KIND", "none, greedy (whoever fits), easy (the first that waits in each pool holds a reservation) or conservative (the first thousand do)"}, \
    {"placement", 0, "RULE", "first-fit, best-fit, pack (few domains) or daero (also where it breaks least)"}, \
    {"preemption", 0, "on|off", "may jobs be told to leave for others?"}, \
    {"estimates", 0, "KIND", "what is known of run times: limit (what the trace says, the default), exact, or error:X (the run time times a factor from 1 to 1 + X)"}, \
    {"failures", 0, "CHIP=MTBF/REPAIR,...", "nodes with that chip (any: with others) fail by chance: mean time between failures of one, and to repair it, like h200=40d/6h,any=90d/4h"}, \
    {"failure-list", 0, "FILE", "nodes fail as a CSV file says: site,pool,node,down_s,up_s"}, \
    {"seed", 0, "N", "of what is drawn by chance; 1 by default"}, \
    {"arrivals", 0, "FACTOR", "times between submits are multiplied by this; 0.5: twice as many jobs an hour"}, \
    {"start", 0, "INSTANT", "what 0 of the trace's clock is; 2027-01-01T00:00:00Z by default"}, \
    {"warm-up", 0, "DURATION", "jobs submitted so early, from the first on, count in no measure"}, \
    {"horizon", 0, "DURATION", "end so long after the first submit; when the last job has ended by default"}, \
    {"tick", 0, "DURATION", "between two ticks; 60s by default, as in a controller"}, \
    {"bad-rows", 0, "PART", "end when more than this part of the rows is wrong; 0 by default"}

static const struct dr_cli_option SIM_RUN[] = {
    SIM_INPUTS,
    {"schedule", 0, "FILE", "write what was run where and when, a row for each attempt"},
    {"pools", 0, "FILE", "write the fleet as JSON, for who checks the schedule"},
    {"facts", 0, "FILE", "write every fact, as docs/formats/facts.md says"},
    {"measures", 'o', "FILE", "write the measures as JSON"},
    {"measures-csv", 0, "FILE", "write them as CSV, a row for each figure"},
    {"series", 0, "FILE", "write what was held, asked for and drawn over time as CSV, a row for each bin"},
    {"report", 0, "FILE", "write a page for a browser: what was run, plots, tables; it needs no network"},
};
static const struct dr_cli_option SIM_REPORT[] = {
    {"output", 'o', "FILE", "write the page there; needed"},
};
static const struct dr_cli_option SIM_COMPARE[] = {
    SIM_INPUTS,
    {"seeds", 0, "N", "run with so many seeds, from --seed on; 1 by default, 10 or more for narrow intervals"},
    {"generate", 0, "OPTION=VALUE,...", "instead of --trace: make one up for each seed, with these options of `daero sim generate`; jobs is needed"},
    {"parallel", 0, "N", "at most so many runs at a time; as many as there are cores by default"},
    {"runs", 0, "DIRECTORY", "write each run's measures there, as VARIANT-SEED.json"},
    {"report", 0, "FILE", "write a page for a browser with the first seed's runs beside each other; eight variants at most"},
    {"output", 'o', "FILE", "write the comparison as JSON"},
};
static const struct dr_cli_option SIM_IMPORT[] = {
    {"output", 'o', "FILE", "write the trace there; needed"},
    {"federation", 0, "FILE", "write a federation for it there"},
    {"bad-rows", 0, "PART", "end when more than this part of the rows is wrong; 0.01 by default"},
    {"nodes", 0, "N", "swf, sacct: each pool has so many nodes; as the log's head says, or as jobs suggest, by default"},
    {"node-size", 0, "N", "swf, sacct: of so many processors or GPUs each"},
    {"schedule", 0, "FILE", "live: write there what was run where and when"},
    {"pools", 0, "FILE", "live: write the fleet there"},
    {"utc-offset", 0, "+HH:MM", "sacct: of the dump's instants; UTC by default"},
    {"fill", 0, "PART", "openb: draw and shuffle pods until this part of the GPUs is asked for (1.3); they come a second apart and stay"},
    {"seed", 0, "N", "openb: of what is drawn by chance; 42 by default"},
    {"fleet", 0, "V,P,K", "gavel: so many V100, P100 and K80 GPUs; 8,16,24 by default"},
};
static const struct dr_cli_option SIM_GENERATE[] = {
    {"federation", 0, "FILE", "for which federation; needed"},
    {"jobs", 0, "N", "so many; needed"},
    {"output", 'o', "FILE", "write the trace there; standard output by default"},
    {"seed", 0, "N", "1 by default"},
    {"load", 0, "PART", "accelerator-time that is asked for, over what there is, as a mean; 0.9 by default"},
    {"gang-max", 0, "N", "accelerators of the largest gang; half of the largest pool by default, 4096 at most"},
    {"growth", 0, "PART", "of arrivals in a year; 0 by default, 1 doubles them"},
    {"flexible", 0, "PART", "of the jobs that can be taken; 0.1 by default"},
    {"alternatives", 0, "PART", "of the jobs run on a second chip too; 0.2 by default"},
    {"elastic", 0, "PART", "of the trainings; 0.2 by default"},
};
static const struct dr_cli_option APPLY[] = {
    {"reason", 0, "TEXT", "why; kept with the facts"},
    {"dry-run", 0, NULL, "show the difference, change nothing"},
};
static const struct dr_cli_option WHAT_IF[] = {
    {"add", 0, "SITE/POOL:NODES", "the pool had so many nodes more; may be given often, as all of these"},
    {"quota", 0, "ACCOUNT[/GROUP]=CHANGE", "its guarantee were another: +10%, -10%, +16, -16, or 64 accelerators"},
    {"cap", 0, "SITE=POWER", "the site's power cap were this: 700kW, 3MW, or none"},
    {"drain", 0, "SITE/POOL|NODE", "it took no new jobs"},
    {"federation", 0, "FILE", "the federation were as this file says; the others are changes to it"},
    {"horizon", 0, "DURATION", "look so far ahead; 7d by default, 30d at most"},
};
static const struct dr_cli_option SUBMIT[] = {
    {"key", 0, "TEXT", "idempotency key, 1 to 63 bytes: a second submit with it gives the first one's job; random by default"},
    {"wrap", 0, "COMMAND", "run this line by /bin/sh"},
};
static const struct dr_cli_option QUEUE[] = {
    {"state", 's', "STATE[,STATE]", "PENDING, RUNNING, ..., live (the default), ended or all"},
    {"account", 'A', "ACCOUNT", "of one account"},
    {"user", 'u', "USER", "of one user"},
    {"name", 'n', "NAME", "of one name"},
    {"site", 0, "SITE", "at one site"},
    {"limit", 'l', "N", "at most so many, newest first; 200 by default"},
    {"format", 'o', "COLUMNS", "columns, parted by commas; `daero queue --format=help` lists them"},
    {"no-header", 0, NULL, "leave the header out"},
};
static const struct dr_cli_option WHY[] = {
    {"no-forecast", 0, NULL, "don't wait for a forecast"},
    {"age", 0, "DURATION", "a forecast so old will do; 10s by default"},
};
static const struct dr_cli_option LOGS[] = {
    {"follow", 'f', NULL, "go on until the job has ended"},
    {"error", 'e', NULL, "standard error instead of standard output"},
    {"task", 0, "N", "of one task, from 0"},
    {"offset", 0, "BYTES", "begin there"},
};
static const struct dr_cli_option SIM_REPLAY[] = {
    {"data", 0, "DIRECTORY", "the controller's data directory, or a copy of it; ./daero-data by default"},
};
static const struct dr_cli_option CANCEL[] = {
    {"reason", 0, "TEXT", "why; kept with the facts"},
    {"array", 0, NULL, "JOB is an array's first job: cancel all of it"},
};
static const struct dr_cli_option REASON[] = {
    {"reason", 0, "TEXT", "why; kept with the facts"},
};
static const struct dr_cli_option NODES[] = {
    {"site", 0, "SITE", "of one site"},
};
static const struct dr_cli_option GRID[] = {
    {"watts", 0, "POWER", "the cap, of the whole facility or zone: 700, 1.2kW, 3MW, 0.4GW"},
    {"from", 0, "INSTANT", "when it begins: 2027-08-02T13:00:00+09:00, 16:00, now+1h"},
    {"until", 0, "INSTANT", "when it ends"},
    {"name", 0, "NAME", "its name; cap-N by default"},
    {"reason", 0, "TEXT", "why; kept with the facts"},
};
static const struct dr_cli_option RESERVE[] = {
    {"account", 'A', "ACCOUNT[,ACCOUNT]", "for jobs of these accounts, and of those below them"},
    {"maintenance", 0, NULL, "for nobody: the nodes are to be empty"},
    {"nodes", 0, "N", "so many nodes of SITE/POOL; all of it by default"},
    {"level", 0, "LEVEL", "they are to lie in one domain of this level"},
    {"from", 0, "INSTANT", "when it begins: 2027-08-02T13:00:00+09:00, 16:00, now+1h; now by default"},
    {"until", 0, "INSTANT", "when it ends"},
    {"evict", 0, NULL, "tell others to leave, so early that they are gone when it begins"},
    {"force", 0, NULL, "for accounts: also where others are believed to be there still when it begins"},
    {"name", 0, "NAME", "its name; reservation-N by default"},
    {"reason", 0, "TEXT", "why; kept with the facts"},
};
static const struct dr_cli_option ACCOUNTS[] = {
    {"all", 0, NULL, "groups without guarantee, limit and use too"},
};
static const struct dr_cli_option USAGE[] = {
    {"account", 'A', "ACCOUNT", "of one account and those below"},
};
static const struct dr_cli_option TOKEN[] = {
    {"user", 'u', "USER", "whom the token speaks for; yourself by default"},
    {"roles", 0, "ROLE[,ROLE]", "at most these of the user's roles: user, account-admin, auditor, operator, admin"},
    {"ttl", 0, "DURATION", "it ends after this; 30d by default"},
    {"label", 0, "NAME", "to tell it from others"},
};
static const struct dr_cli_option AUDIT[] = {
    {"data", 0, "DIRECTORY", "verify: the data directory, read without a controller; ./daero-data by default"},
    {"anchor", 0, "FILE", "verify: heads kept elsewhere (lines of `daero audit head`)"},
    {"key", 0, "FILE", "verify: the controller's public key as kept elsewhere; the directory's by default"},
    {"reason", 0, "TEXT", "erase: why; kept with the fact"},
};
static const struct dr_cli_option EVENTS[] = {
    {"from", 0, "SEQ", "begin with this fact; with what comes next by default"},
    {"job", 0, "JOB", "facts of one job"},
    {"count", 0, "N", "end after so many"},
};
static const struct dr_cli_option TOP[] = {
    {"once", 0, NULL, "draw one screen as plain text and end"},
};
static const struct dr_cli_option HELP[] = {
    {"markdown", 0, NULL, "print docs/cli.md"},
    {"markdown-options", 0, NULL, "print the options' table of docs/formats/job-script.md"},
};

#define OPTIONS(table) table, DR_COUNT_OF(table)
#define MANY 10000

const struct dr_cli_command DR_CLI_COMMANDS[] = {
    {"serve", "", "run a controller on this machine",
     "Runs in the foreground until SIGTERM or SIGINT; jobs run on meanwhile, and are found again at the\n"
     "next start. A new data directory gets the federation of --federation; the living federation of an\n"
     "existing one is changed by `daero apply`. With --json, one line\n"
     "on standard output says where it listens. The socket is DIRECTORY/daero.sock, or --socket. Root,\n"
     "without --socket, listens on /run/daero/daero.sock too, where every user's commands look for it.\n"
     "\n"
     "What clients may do, with --limit NAME=N (what is not given is in brackets):\n"
     DR_EDGE_LIMITS(LIMIT_LINE),
     OPTIONS(SERVE), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_serve},
    {"check", "FILE", "check a federation file",
     "Says every mistake of the file (- for standard input) with its line, the field, the value found and\n"
     "what was expected. Needs no controller.",
     NULL, 0, DR_OPERAND_FILE, 1, 1, 0, 0, NULL, dr_cmd_check},
    {"scenario", "NAME", "write the federation of a scenario at a moment",
     "A scenario is a directory of tables with their sources: chips, sites, deliveries, tenants, law,\n"
     "tariffs. The same tables and moment give the same file. Needs no controller.\n"
     "\n"
     "    daero scenario korea --list\n"
     "    daero scenario korea --at 2030-12 -o korea.yaml\n"
     "    daero scenario korea --at first-wave | daero check -",
     OPTIONS(SCENARIO), DR_OPERAND_WORD, 1, 1, 0, 0, "korea", dr_cmd_scenario},
    {"sim run", "", "run a trace of jobs through a federation, under a virtual clock",
     "The controller's own rules decide, on sites that do what the trace says (docs/simulator.md). The same\n"
     "input gives the same schedule, to the byte. Ctrl-C ends it with what is done so far. Needs no\n"
     "controller.\n"
     "\n"
     "    daero sim run --federation nation.yaml --trace jobs.csv\n"
     "    daero sim run --federation nation.yaml --trace jobs.csv.gz --order fifo --backfill easy --report out.html",
     OPTIONS(SIM_RUN), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_sim_run},
    {"sim import", "KIND FILE...", "make a trace, and a federation for it, of what others have logged",
     "KIND FILES:\n"
     "    swf LOG                 a log in the Standard Workload Format\n"
     "    openb NODES PODS        the lists of Alibaba's GPU cluster of 2023\n"
     "    gavel JOBS THROUGHPUTS  a job list of Gavel and its table of rates\n"
     "    sacct DUMP              Slurm's accounting: sacct --allusers --parsable2 --starttime=... --format=JobID,JobIDRaw,\n"
     "                            Submit,Eligible,Start,End,ElapsedRaw,State,AllocTRES,ReqMem,Timelimit,Account,User,Partition\n"
     "    live DIRECTORY          what a controller has run, from its data directory: for who may read that\n"
     "What becomes of each column stands in docs/simulator.md. Files may be compressed by gzip. Rows that can't\n"
     "be read are shown with file and line, counted, and left out.\n"
     "\n"
     "    daero sim import swf hpc2n.swf.gz -o hpc2n.csv --federation hpc2n.yaml",
     OPTIONS(SIM_IMPORT), DR_OPERAND_FILE, 2, 3, 0, 0, NULL, dr_cmd_sim_import},
    {"sim generate", "", "make up a trace with the mix of a nation",
     "Interactive work, batches, fine-tuning and training gangs of all accounts, with the rhythm of days and weeks; docs/simulator.md\n"
     "says from which distributions. The same federation, options and seed give the same bytes.\n"
     "\n"
     "    daero sim generate --federation korea.yaml --jobs 1000000 | gzip >jobs.csv.gz",
     OPTIONS(SIM_GENERATE), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_sim_generate},
    {"sim compare", "VARIANT...", "run several policies or federations on the same jobs, and tell the difference",
     "A VARIANT is a name, or NAME: OPTION=VALUE,OPTION=VALUE with options of `daero sim run`, without their\n"
     "dashes; the command's own options hold for all. The first variant is the base. Each variant runs with\n"
     "each seed, several at a time; a seed's runs are a pair, and the differences have 95 % intervals over\n"
     "the seeds (docs/simulator.md). What can't be told from chance is not marked. Needs no controller.\n"
     "\n"
     "    daero sim compare --federation nation.yaml --trace jobs.csv 'fifo: order=fifo' 'fair: order=fair'\n"
     "    daero sim compare --federation now.yaml --generate jobs=20000,load=0.9 --seeds 10 now 'more: federation=more.yaml'",
     OPTIONS(SIM_COMPARE), DR_OPERAND_WORD, 1, 50, 0, 0, NULL, dr_cmd_sim_compare},
    {"sim replay", "", "replay a controller's journal: the same states, the same decisions?",
     "Reads a data directory, beside a running controller or without one, and changes nothing in it. Applies\n"
     "every fact from the first on and compares the state with each hash that the journal and its snapshots have;\n"
     "then decides again, at the journal's own times, on what came from outside alone, and compares what is decided\n"
     "fact by fact. The first difference is shown with its number (docs/simulator.md). What another version of the\n"
     "policy decided may differ, and is said to. Exit code 1: something is not the same.\n"
     "\n"
     "    daero sim replay --data /var/lib/daero",
     OPTIONS(SIM_REPLAY), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_sim_replay},
    {"sim report", "[NAME=]FILE...", "make a page of one run's measures, or of several beside each other",
     "Each FILE is what `daero sim run -o FILE` wrote; NAME is what the run is called on the page, by default the\n"
     "file's name; the last = parts the two. The first run is what the others are compared with; eight at most.\n"
     "The page is one file for any browser and loads nothing.\n"
     "\n"
     "    daero sim report fair=fair.json fifo=fifo.json -o compared.html",
     OPTIONS(SIM_REPORT), DR_OPERAND_FILE, 1, MANY, 0, 0, NULL, dr_cmd_sim_report},
    {"plan run", "SCENARIO", "what to build, where, when and with what: a plan, and how far it can be from the best",
     "A scenario is a directory of small tables and plan.yaml (docs/planning.md): sites and what can be built there, chips\n"
     "and their makers, power, budgets, demand by sector, targets. Progress goes to standard error; Ctrl-C ends with the\n"
     "best plan so far. Every plan is checked by code that knows nothing of how it was found. Needs no controller.\n"
     "\n"
     "    daero plan run university\n"
     "    daero plan run korea-2030 --seconds 180 -o plan",
     OPTIONS(PLAN_RUN), DR_OPERAND_WORD, 1, 1, 0, 0, NULL, dr_cmd_plan_run},
    {"plan compare", "SCENARIO", "the plan beside no investment, one purchase for all, and steady spending",
     "Each is planned, rounded and checked like the plan itself. NOTHING has no targets, shares or work that has to be\n"
     "done; ONE-OFF orders all in the first year, as much as makers would deliver in all; STEADY pays as much again\n"
     "for what spending changes beyond 10 % a quarter.\n"
     "\n"
     "    daero plan compare university",
     OPTIONS(PLAN_COMPARE), DR_OPERAND_WORD, 1, 1, 0, 0, NULL, dr_cmd_plan_compare},
    {"plan alternatives", "SCENARIO", "plans that cost little more than the best and differ from it the most",
     "Each is planned, rounded and checked like the plan itself, costs at most --within percent more, in whole lots, and is\n"
     "pushed away from what the plan and those before it use: other sites, other chips, other halls. docs/planning.md says\n"
     "what is measured. Fewer than asked for are shown where no more differ; why is said.\n"
     "\n"
     "    daero plan alternatives university\n"
     "    daero plan alternatives korea-2030 --count 3 --within 1 -o others",
     OPTIONS(PLAN_ALTERNATIVES), DR_OPERAND_WORD, 1, 1, 0, 0, NULL, dr_cmd_plan_alternatives},
    {"plan futures", "SCENARIO", "what to decide now, when several futures may come",
     "futures.csv of the scenario says what may come. What is ordered and begun in the first quarters (`common_quarters` in\n"
     "plan.yaml, 8 by default) is the same in all of them; behind those each goes on as is best there. Shows what to do now,\n"
     "what it costs on average and at worst, what other decisions would cost in each future, what it would be worth to know,\n"
     "and what one change at a time does to the plan. Progress goes to standard error; Ctrl-C ends with what there is.\n"
     "\n"
     "    daero plan futures university\n"
     "    daero plan futures korea-2030 -o futures",
     OPTIONS(PLAN_FUTURES), DR_OPERAND_WORD, 1, 1, 0, 0, NULL, dr_cmd_plan_futures},
    {"plan verify", "DIRECTORY", "check a plan that was written: its rules, its cost, its bound, its tables' hashes",
     "Reads the scenario's tables and the plan's, judges every rule in whole numbers, sums up the cost anew, and proves\n"
     "the bound again: the linear program's in seconds, one by branch and bound in up to the time that the plan took.\n"
     "Exit code 1: something of the certificate doesn't hold.\n"
     "\n"
     "    daero plan verify plan",
     OPTIONS(PLAN_VERIFY), DR_OPERAND_FILE, 1, 1, 0, 0, NULL, dr_cmd_plan_verify},
    {"plan explain", "DIRECTORY", "what binds a plan, what one more is worth, and why a site is not built",
     "What one more megawatt, million of budget, accelerator of supply or percentage point of a share is worth or costs,\n"
     "added up over the quarters in which the rule binds, with what the plan begins held where it is: true for small\n"
     "changes. What it is worth that a phase is there, or a chip arrives, one month earlier. For each phase that could be\n"
     "begun and is not, how much dearer the plan would be. With --why, a site held against another.\n"
     "\n"
     "    daero plan explain plan\n"
     "    daero plan explain plan --why naver-sejong --instead gs-donghae",
     OPTIONS(PLAN_EXPLAIN), DR_OPERAND_FILE, 1, 1, 0, 0, NULL, dr_cmd_plan_explain},
    {"plan report", "DIRECTORY", "make a page of a plan that was written: where, when, how much, what binds, and its proof",
     "The page is one file for any browser and loads nothing: what is built, targets, a map (where sites.csv has\n"
     "coordinates), the fleet, power, money, work done, what binds and why, the certificate; each figure with its\n"
     "numbers. A plan whose certificate does not hold gets none.\n"
     "\n"
     "    daero plan report plan -o plan.html\n"
     "    daero plan compare korea-2030 --json >courses.json; daero plan report plan --compare courses.json -o plan.html\n"
     "    daero plan futures korea-2030 -o futures; daero plan report plan --futures futures -o plan.html\n"
     "    daero plan replay plan -o replayed; daero plan report plan --replay replayed -o plan.html",
     OPTIONS(PLAN_REPORT), DR_OPERAND_FILE, 1, 1, 0, 0, NULL, dr_cmd_plan_report},
    {"plan replay", "DIRECTORY", "would people really get their compute? A plan's fleet and demand through the real core",
     "Each quarter's fleet becomes a federation, the work that the plan promises becomes jobs, and the controller's own code\n"
     "decides under a virtual clock. What is late or waits too long becomes a capacity factor of its sector; the plan is\n"
     "made anew with it and rehearsed again, until no factor changes any more: what real scheduling costs. The plan itself\n"
     "is also rehearsed with all that is asked for. With -o each quarter can be run again by `daero sim run`, to the same\n"
     "state hash, and the last plan can be verified (docs/planning.md).\n"
     "\n"
     "    daero plan replay plan\n"
     "    daero plan replay plan --quarters every --rounds 1 -o replayed",
     OPTIONS(PLAN_REPLAY), DR_OPERAND_FILE, 1, 1, 0, 0, NULL, dr_cmd_plan_replay},
    {"plan export", "SCENARIO", "the program of a scenario, for other solvers",
     "Columns and rows have the names that docs/planning.md explains.\n"
     "\n"
     "    daero plan export university --format lp",
     OPTIONS(PLAN_EXPORT), DR_OPERAND_WORD, 1, 1, 0, 0, NULL, dr_cmd_plan_export},
    {"apply", "FILE", "change the living federation to what a file says",
     "Shows the difference and has the controller admit it as facts, with who, when and why.",
     OPTIONS(APPLY), DR_OPERAND_FILE, 1, 1, 0, 0, NULL, dr_cmd_apply},
    {"what-if", "", "what would change, and for whom, if the federation were another",
     "The controller runs its state and its queue ahead twice: as things are, and with the change. Both are\n"
     "forecasts: each job uses its whole limit, nothing new is submitted. Nothing is changed. Guarantees of\n"
     "accounts above one are raised as far as it needs. For operators.\n"
     "\n"
     "    daero what-if --add gwangju/b300:1000 --quota academia=+10%\n"
     "    daero what-if --cap seoul=3MW --drain seoul/h200 --horizon 2d",
     OPTIONS(WHAT_IF), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_what_if},
    {"submit", "[SCRIPT [ARGUMENT...] | -- COMMAND [ARGUMENT...]]", "submit a job; prints its number",
     "A script (a file, or - for standard input) is run once, on the gang's first node; a command is run\n"
     "once per task. Options come from the environment (DAERO_SUBMIT_ACCOUNT=x stands for --account=x),\n"
     "from #SBATCH and #DAERO lines in the script's head, and from the command line; the later of these\n"
     "wins. An array prints FIRST-LAST. A submit that is cut off repeats itself safely.\n"
     "\n"
     "    daero submit --accelerators 2 -- python3 train.py\n"
     "    daero submit --account academia --limit 2h --array 0-9%2 sweep.sh",
     OPTIONS(SUBMIT), DR_OPERAND_FILE, 0, MANY, 1, 1, NULL, dr_cmd_submit},
    {"queue", "", "list jobs, newest first",
     NULL,
     OPTIONS(QUEUE), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_queue},
    {"show", "JOB...", "everything about a job",
     NULL,
     NULL, 0, DR_OPERAND_JOB, 1, MANY, 0, 0, NULL, dr_cmd_show},
    {"why", "JOB...", "why a job waits, what would free it, when it should start",
     "The expected start is a forecast: the controller's own rules run ahead, with every job using its\n"
     "whole limit and nothing new submitted. Its age is shown.",
     OPTIONS(WHY), DR_OPERAND_JOB, 1, MANY, 0, 0, NULL, dr_cmd_why},
    {"logs", "JOB", "what a job has written",
     "What a job wrote at another site is read through a shared file system or the site's own command;\n"
     "where there is neither, the place of the file is said, with exit code 1.\n"
     "With --json, one JSON object a line: a piece of text, and where in the file it stands.",
     OPTIONS(LOGS), DR_OPERAND_JOB, 1, 1, 0, 0, NULL, dr_cmd_logs},
    {"cancel", "JOB...", "end jobs",
     "A waiting job ends at once, a running one is warned first and ended when its grace is over.",
     OPTIONS(CANCEL), DR_OPERAND_JOB, 1, MANY, 0, 0, NULL, dr_cmd_cancel},
    {"hold", "JOB...", "keep waiting jobs from starting",
     NULL,
     OPTIONS(REASON), DR_OPERAND_JOB, 1, MANY, 0, 0, NULL, dr_cmd_hold},
    {"release", "JOB...", "let held jobs start",
     NULL,
     OPTIONS(REASON), DR_OPERAND_JOB, 1, MANY, 0, 0, NULL, dr_cmd_release},
    {"wait", "JOB...", "wait until jobs have ended",
     "Prints a line per job. The exit code is the job's own; 128 + N if signal N ended it; 1 if it ended\n"
     "in another way (CANCELLED, TIMEOUT, ...); of several jobs, the largest.",
     NULL, 0, DR_OPERAND_JOB, 1, MANY, 0, 0, NULL, dr_cmd_wait},
    {"nodes", "", "list nodes, what they have and what is free",
     NULL,
     OPTIONS(NODES), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_nodes},
    {"sites", "", "list sites, their engines, capacity and power",
     NULL,
     NULL, 0, DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_sites},
    {"power", "", "what sites and grid zones draw, their caps, and what is missing",
     "CAP is what holds now, NEXT the next cap that was announced for a time, MISSING by how much a cap\n"
     "is passed, or will be, that can't be met by keeping jobs from starting and taking flexible ones.",
     NULL, 0, DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_power},
    {"grid", "list | cap PLACE | cancel NAME...", "announce power caps of a zone or site for a time",
     "`cap` prints the cap's name; a name that there is already changes that cap. For operators.\n"
     "\n"
     "    daero grid cap capital --watts 700MW --from 13:00 --until 18:00 --reason 'heat wave'\n"
     "    daero grid cancel cap-12",
     OPTIONS(GRID), DR_OPERAND_WORD, 1, MANY, 0, 0, "list cap cancel", dr_cmd_grid},
    {"reserve", "list | create PLACE... | drop NAME...", "keep nodes for accounts, or empty for maintenance, for a time",
     "PLACE is a site, SITE/POOL, or nodes. A job starts there only if it is believed to end (its start and\n"
     "its time limit) before then, or if it is of the account. `create` prints the reservation's name, and who\n"
     "is believed to be there still when it begins: it waits for them, unless --evict tells them to leave. A\n"
     "reservation for accounts is refused where others are, unless with --evict or --force. For operators.\n"
     "\n"
     "    daero reserve create seoul/h200 --nodes 16 --level block --account physics --from 09:00 --until 18:00\n"
     "    daero reserve create seoul --maintenance --evict --from 2027-08-07T00:00:00+09:00 --until now+30d\n"
     "    daero reserve drop reservation-3",
     OPTIONS(RESERVE), DR_OPERAND_WORD, 1, MANY, 0, 0, "list create drop", dr_cmd_reserve},
    {"drain", "NODE...", "keep new jobs off nodes; what runs there goes on",
     NULL,
     OPTIONS(REASON), DR_OPERAND_NODE, 1, MANY, 0, 0, NULL, dr_cmd_drain},
    {"resume", "NODE...", "let nodes take jobs again",
     NULL,
     OPTIONS(REASON), DR_OPERAND_NODE, 1, MANY, 0, 0, NULL, dr_cmd_resume},
    {"lost", "SITE|JOB...", "give up jobs at a site that does not answer; they run again elsewhere",
     "Jobs at a silent site are UNREACHABLE and wait for it, since they may be running there. Who knows that\n"
     "they are not, or can't wait, declares them lost: all of a SITE, or JOBs one by one. Their attempts end as\n"
     "NODE_FAILED, jobs that may be requeued are, and when the site answers again what still runs there of\n"
     "these attempts is stopped. Until then a job may run twice. For operators.",
     OPTIONS(REASON), DR_OPERAND_WORD, 1, MANY, 0, 0, NULL, dr_cmd_lost},
    {"accounts", "", "the account tree: guarantees, limits, use",
     "AT MOST is how many jobs an account may have that have not ended, with those below it.",
     OPTIONS(ACCOUNTS), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_accounts},
    {"usage", "", "what accounts have used: jobs, hours, energy, cost",
     NULL,
     OPTIONS(USAGE), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_usage},
    {"token", "issue | list | revoke ID...", "give out, list and take back tokens for TCP",
     "`issue` prints the token, once; the controller keeps its hash alone.",
     OPTIONS(TOKEN), DR_OPERAND_WORD, 1, MANY, 0, 0, "issue list revoke", dr_cmd_token},
    {"audit", "verify | decision JOB | erase JOB | head", "check and read the journal",
     "verify    recomputes the chain of hashes over every fact of a data directory and checks the signed\n"
     "          heads: any change or reordering of a past fact is found. With --anchor, truncation and\n"
     "          rewriting are found too. Works without a controller, on a copy as well.\n"
     "decision  says in words what was decided about a job: by which rule, tier, keys, cost and loss.\n"
     "erase     removes what was written into a job (script, environment, names) for good.\n"
     "head      prints the signed head of the chain, to be kept elsewhere as an anchor.",
     OPTIONS(AUDIT), DR_OPERAND_WORD, 1, 2, 0, 0, "verify decision erase head", dr_cmd_audit},
    {"events", "", "follow the facts as they become durable, a line each",
     "With --json, one JSON object a line. A connection that is cut is resumed where it ended.",
     OPTIONS(EVENTS), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_events},
    {"top", "", "a live screen of sites, accounts and jobs",
     "Redraws every second. q ends it, the arrow keys and page keys scroll, p stops and goes on.\n"
     "With --json, what one screen is drawn from.",
     OPTIONS(TOP), DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_top},
    {"completion", "", "print the completion for bash",
     "    source <(daero completion)",
     NULL, 0, DR_OPERAND_NONE, 0, 0, 0, 0, NULL, dr_cmd_completion},
    {"help", "[COMMAND]", "describe a command",
     NULL,
     OPTIONS(HELP), DR_OPERAND_WORD, 0, 2, 0, 0, NULL, dr_cmd_help},
};
/* clang-format on */
const uint32_t DR_CLI_COMMANDS_COUNT = DR_COUNT_OF(DR_CLI_COMMANDS);
