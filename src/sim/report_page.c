/* SPDX-License-Identifier: Apache-2.0 */
/* The page's bytes, taken over as they are: build/gen/report.html (Makefile). */
#include "sim/report_page.h"

/* clang-format off */
__asm__(".pushsection .rodata\n"
        ".global dr_report_page\n"
        ".type dr_report_page, %object\n"
        "dr_report_page:\n"
        ".incbin \"report.html\"\n"
        ".byte 0\n"
        ".size dr_report_page, . - dr_report_page\n"
        ".popsection\n");
