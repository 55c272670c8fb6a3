/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads from the OCI state what hookd-oci-hook needs: at which stages a runtime gives hooks such a
 * state, and whether it keeps their output.
 *
 * A hook is not told its stage. So hookd-oci-hook, when configured for several stages (in a file of
 * hooks.d, say), would run the hooks of the stage in its arguments at each of them. The status
 * shows the worst case: hooks of poststop that are run while the container is created, and the
 * reverse. It does not distinguish prestart, createRuntime and createContainer.
 */

#include "client/oci-hook/oci_state.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum status { CREATING, CREATED, STARTING, RUNNING, STOPPED, STATUS_COUNT };

static const char *const status_names[STATUS_COUNT] = {
    [CREATING] = "creating", [CREATED] = "created", [STARTING] = "starting",
    [RUNNING] = "running",   [STOPPED] = "stopped",
};

#define BEFORE_START (1u << CREATING | 1u << CREATED)

/*
 * The statuses that runtimes write. Measured with runc 1.1.5 (creating x3, created x2, stopped, in
 * the order of the stages) and crun 1.8.1 (created x3, starting, running, stopped); runc's main
 * branch says running at poststart, or stopped where the container's process has ended by then;
 * youki says creating at startContainer.
 */
static const unsigned int statuses_of[HP_STAGE_COUNT] = {
    [HP_STAGE_PRESTART] = BEFORE_START,
    [HP_STAGE_CREATE_RUNTIME] = BEFORE_START,
    [HP_STAGE_CREATE_CONTAINER] = BEFORE_START,
    [HP_STAGE_START_CONTAINER] = BEFORE_START | 1u << STARTING,
    [HP_STAGE_POSTSTART] = 1u << CREATED | 1u << RUNNING | 1u << STOPPED,
    [HP_STAGE_POSTSTOP] = 1u << STOPPED,
};

/*
 * When runc restores a container from a checkpoint, the state says stopped and has the pid of the
 * new process.
 */
static bool is_restored(const struct oci_state *state, enum hp_stage stage, int status)
{
	return (stage == HP_STAGE_PRESTART || stage == HP_STAGE_CREATE_RUNTIME) &&
	       status == STOPPED && state->has_process;
}

bool oci_state_may_be_of(const struct oci_state *state, enum hp_stage stage)
{
	assert(stage < HP_STAGE_COUNT);
	for (int i = 0; state->status && i < STATUS_COUNT; i++) {
		if (strcmp(state->status, status_names[i]) == 0)
			return (statuses_of[stage] & 1u << i) || is_restored(state, stage, i);
	}
	return true;
}

int oci_state_read(const char *text, size_t length, struct hp_arena *arena, struct oci_state *ret)
{
	struct hp_json_value root, annotations;
	struct hp_json json = {0};
	struct oci_state state = {0};
	struct hp_err err;
	int64_t pid = 0;
	int r = hp_json_parse(&json, text, length, &err);

	if (r == 0) {
		root = hp_json_root(&json);
		annotations = hp_json_member(root, "annotations");
		r = hp_json_get_string(hp_json_member(root, "status"), arena, &state.status, &err);
		(void)hp_json_get_int64(hp_json_member(root, "pid"), 0, INT32_MAX, &pid, &err);
		state.has_process = pid > 0;
		state.values = json.count;
		state.has_output_files =
		    !hp_json_is_absent(hp_json_member(annotations, "run.oci.hooks.stdout")) ||
		    !hp_json_is_absent(hp_json_member(annotations, "run.oci.hooks.stderr"));
	}
	hp_json_free(&json);
	if (r == -ENOMEM)
		return r;
	*ret = state;
	return 0;
}
