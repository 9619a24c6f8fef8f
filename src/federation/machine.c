/* SPDX-License-Identifier: Apache-2.0 */
/* The federation of whoever just starts the program: this machine, one account, one admin. */
#include <ctype.h>
#include <inttypes.h>
#include <strings.h>

#include "federation/file.h"

/* "NVIDIA H200" of vendor NVIDIA is h200: small letters, everything else a '-', at most 40 of them.
 */
static void make_name(char name[DR_NAME_BYTES], const char *text, const char *vendor,
                      const char *otherwise)
{
    char made[41];
    size_t length = 0;
    size_t vendor_length = strlen(vendor);

    if (vendor_length > 0 && strncasecmp(text, vendor, vendor_length) == 0 &&
        text[vendor_length] == ' ')
        text += vendor_length + 1;
    for (; *text != '\0' && length < sizeof made - 1; text += 1) {
        char c = (char)tolower((unsigned char)*text);

        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            made[length++] = c;
        else if (length > 0 && made[length - 1] != '-')
            made[length++] = '-';
    }
    while (length > 0 && made[length - 1] == '-')
        length -= 1;
    made[length] = '\0';
    dr_copy_name(name, length > 0 ? made : otherwise);
}

void dr_federation_default(struct dr_buffer *yaml, const struct dr_machine *machine)
{
    char chip[DR_NAME_BYTES] = "";
    char vendor[DR_NAME_BYTES] = "";
    char user[DR_NAME_BYTES];
    char text[DR_AMOUNT_BYTES];

    make_name(user, machine->user, "", "admin");
    dr_buffer_append_text(
        yaml, "# This machine as a federation of one site. Every key: docs/formats/federation.md.\n"
              "federation:\n"
              "  name: one-machine\n"
              "  default_limit: 1d\n"
              "  minimum_run: 1m\n");
    if (machine->accelerators_count > 0) {
        int64_t memory_mb = machine->accelerators[0].memory_mb;

        make_name(chip, machine->accelerators[0].chip, machine->accelerators[0].vendor, "chip");
        make_name(vendor, machine->accelerators[0].vendor, "", "unknown");
        dr_buffer_printf(yaml, "\nchips:\n  %s:\n    vendor: %s\n    memory: %s\n", chip, vendor,
                         dr_format_exact_memory(memory_mb > 0 ? memory_mb : 1, text));
        if (machine->accelerators[0].busy_w > 0)
            dr_buffer_printf(yaml, "    busy_power: %" PRId64 "W\n",
                             machine->accelerators[0].busy_w);
    }
    dr_buffer_append_text(yaml, "\nsites:\n"
                                "  here:\n"
                                "    engine: local\n"
                                "    pools:\n");
    if (chip[0] != '\0')
        dr_buffer_printf(yaml, "      %s:\n        chip: %s\n        accelerators: %" PRIu32 "\n",
                         chip, chip,
                         machine->accelerators[0].count > DR_ACCELERATORS_MAX ? DR_ACCELERATORS_MAX
                         : machine->accelerators[0].count == 0                ? 1
                                                               : machine->accelerators[0].count);
    else
        dr_buffer_append_text(yaml, "      cpu:\n");
    dr_buffer_printf(yaml,
                     "        nodes: 1\n"
                     "        cpus: %" PRIu32 "\n"
                     "        memory: %s\n"
                     "        node_names: here0\n",
                     machine->cpus > 0 ? machine->cpus : 1,
                     dr_format_exact_memory(machine->memory_mb > 0 ? machine->memory_mb : 1, text));
    dr_buffer_printf(yaml,
                     "\naccounts:\n"
                     "  main:\n"
                     "\nusers:\n"
                     "  %s: {uid: %" PRIu32 ", roles: [admin], accounts: [main]}\n",
                     user, machine->uid);
}
