/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "proto/base/names.h"
#include "proto/json/json_writer.h"

/* Shared by the files explain*.c. */

enum { HOOKS, STATE, SETTINGS, FILE_COUNT };

struct explain {
	struct ctl *ctl;
	struct input_file files[FILE_COUNT];
	enum hp_dialect dialect; /* of hooks and settings */
	char *config;		 /* in the bundle that was named; NULL: a file was */
	/* What files of hooks.d add: ",HOOK,HOOK" */
	struct hp_buf added[HP_STAGE_COUNT];
	struct hp_json hooks; /* all hooks, those that are added too */
	struct hp_buf out;
	struct hp_json_writer writer; /* with --json */
	size_t hook_count;
	bool is_refused; /* or a run would fail */
};

static inline bool explain_is_json(const struct explain *explain)
{
	return explain->ctl->json != CTL_JSON_OFF;
}

/* Adds to explain->out, escaped. */
void explain_print(struct explain *explain, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* One hook, by its index in the explanation. */
void explain_print_hook(struct explain *explain, enum hp_stage stage, size_t index,
			const struct hookd_explanation *explanation);
/* What the hook `shim` of a delegated config has hookd run. */
void explain_print_delegated(struct explain *explain, enum hp_stage stage, size_t index,
			     const struct hookd_explained_hook *shim,
			     const struct hookd_explanation *explanation);
