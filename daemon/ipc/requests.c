/* SPDX-License-Identifier: Apache-2.0 */
/* Counts calls. The counts are in struct hookd, what is known of a call is in its connection. */
#include "daemon/ipc/requests.h"

#include <assert.h>

#include "daemon/base/base.h"

void request_begin(struct request *request, struct request_counts *counts)
{
	*request = (struct request){.counts = counts, .began_ns = clock_ns(CLOCK_BOOTTIME)};
}

void request_end(struct request *request)
{
	struct request_counts *counts = take_ptr(request->counts);

	if (!counts)
		return;
	counts->ended[request->error]++;
	histogram_add(&counts->durations, (clock_ns(CLOCK_BOOTTIME) - request->began_ns) / 1000);
}

void request_disconnect(struct request *request)
{
	struct request_counts *counts = take_ptr(request->counts);

	if (counts)
		counts->disconnected++;
}

const char *request_status_name(enum hp_err_code code)
{
	static const char *const names[HP_ERR_CODE_COUNT] = {
	    [HP_ERR_NONE] = "ok",
	    [HP_ERR_INVALID] = "Invalid",
	    [HP_ERR_NO_PARAMETER] = "InvalidParameter",
	    [HP_ERR_NO_SUCH_RUN] = "NoSuchRun",
	    [HP_ERR_STATUS_NO_SUCH_RUN] = "NoSuchRun",
	    [HP_ERR_REQUEST_ID_CONFLICT] = "RequestIdConflict",
	    [HP_ERR_BUSY] = "Busy",
	    [HP_ERR_DRAINING] = "Draining",
	    [HP_ERR_REFUSED] = "Refused",
	    [HP_ERR_SETTINGS_REFUSED] = "Refused",
	    [HP_ERR_NO_MEMORY] = "Busy",
	    [HP_ERR_SETTING_FAILED] = "SettingFailed",
	    [HP_ERR_NOT_SUPPORTED] = "NotSupported",
	    [HP_ERR_NO_SUCH_PROCESS] = "NoSuchProcess",
	    [HP_ERR_NO_SUCH_CONTAINER] = "NoSuchContainer",
	    [HP_ERR_CONTAINER_BUSY] = "Busy",
	    [HP_ERR_EXHAUSTED] = "Exhausted",
	    [HP_ERR_PROTOCOL] = "Invalid",
	    [HP_ERR_EXPECTED_MORE] = "ExpectedMore",
	    [HP_ERR_CONFIG] = "ConfigError",
	};

	assert(names[code]);
	return names[code];
}
