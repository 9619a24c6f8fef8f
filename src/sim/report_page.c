/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/report_page.h"

#include "base/page.h"

DR_PAGE_BYTES(dr_report_page, "report.html");
