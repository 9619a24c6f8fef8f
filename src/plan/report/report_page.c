/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/report/report_page.h"

#include "base/page.h"

DR_PAGE_BYTES(dr_plan_page, "plan.html");
