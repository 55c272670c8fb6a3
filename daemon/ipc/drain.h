/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct hookd;

/* No run is left: sends the last reply to the calls that wait for it. From the event loop only. */
void drain_end_calls(struct hookd *hookd);
