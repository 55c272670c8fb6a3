/* SPDX-License-Identifier: Apache-2.0 */
/* All metrics as text. No state. */
#include "daemon/status/metrics_text.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/base/file.h"
#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/spooled.h"
#include "daemon/metrics/exposition.h"
#include "version.h"

#define LABELS_SIZE 256

static void write_hooks(struct exposition *exposition, const struct metrics *metrics)
{
	char labels[LABELS_SIZE];

	exposition_family(exposition, FAMILY_COUNTER, "hookd_hook_runs",
			  "Hooks of runs that are done, by how they have ended.");
	for (size_t stage = 0; stage < HP_STAGE_COUNT; stage++)
		for (size_t label = 0; label < HOOK_LABEL_COUNT; label++) {
			if (!hook_label_name(label))
				continue;
			snprintf(labels, sizeof(labels), "stage=\"%s\",result=\"%s\"",
				 hp_stage_names[stage], hook_label_name(label));
			exposition_count(exposition, labels, metrics->hooks[stage][label]);
		}
	exposition_family(exposition, FAMILY_COUNTER, "hookd_hook_timeouts",
			  "Hooks that were killed at their timeout.");
	for (size_t stage = 0; stage < HP_STAGE_COUNT; stage++) {
		snprintf(labels, sizeof(labels), "stage=\"%s\"", hp_stage_names[stage]);
		exposition_count(exposition, labels,
				 metrics->hooks[stage][HOOK_LABEL_OTHERS + HP_HOOK_TIMED_OUT]);
	}
}

static void write_by_stage(struct exposition *exposition, const char *name, const char *help,
			   const struct histogram histograms[HP_STAGE_COUNT])
{
	char labels[LABELS_SIZE];

	exposition_family(exposition, FAMILY_HISTOGRAM, name, help);
	for (size_t stage = 0; stage < HP_STAGE_COUNT; stage++) {
		snprintf(labels, sizeof(labels), "stage=\"%s\"", hp_stage_names[stage]);
		exposition_histogram(exposition, labels, &histograms[stage]);
	}
}

static void write_one(struct exposition *exposition, enum family_type type, const char *name,
		      const char *help, uint64_t value)
{
	exposition_family(exposition, type, name, help);
	exposition_count(exposition, NULL, value);
}

static void write_streams(struct exposition *exposition, const char *name, const char *help,
			  const uint64_t values[2])
{
	exposition_family(exposition, FAMILY_COUNTER, name, help);
	exposition_count(exposition, "stream=\"stdout\"", values[0]);
	exposition_count(exposition, "stream=\"stderr\"", values[1]);
}

/* ---- calls ---- */

/* Codes whose errors have one name are one time series. False: an earlier code has this name. */
static bool sum_of_status(const struct request_counts *counts, size_t code, uint64_t *ret_sum)
{
	const char *name = request_status_name((enum hp_err_code)code);

	*ret_sum = 0;
	for (size_t i = 0; i < HP_ERR_CODE_COUNT; i++) {
		if (strcmp(request_status_name((enum hp_err_code)i), name) != 0)
			continue;
		if (i < code)
			return false;
		*ret_sum += counts->ended[i];
	}
	return true;
}

static void write_method(struct exposition *exposition, const char *method,
			 const struct request_counts *counts)
{
	char labels[LABELS_SIZE];
	uint64_t sum;

	for (size_t code = 0; code < HP_ERR_CODE_COUNT; code++) {
		if (!sum_of_status(counts, code, &sum))
			continue;
		snprintf(labels, sizeof(labels), "method=\"%s\",status=\"%s\"", method,
			 request_status_name((enum hp_err_code)code));
		exposition_count(exposition, labels, sum);
	}
	snprintf(labels, sizeof(labels), "method=\"%s\",status=\"disconnected\"", method);
	exposition_count(exposition, labels, counts->disconnected);
}

static void write_requests(struct exposition *exposition, const struct hookd *hookd)
{
	char labels[LABELS_SIZE];
	const char *method;

	exposition_family(exposition, FAMILY_COUNTER, "hookd_requests",
			  "Calls of methods, by the error of the reply.");
	for (size_t i = 0; (method = dispatch_method_name(i)); i++)
		write_method(exposition, method, &hookd->requests[i]);
	exposition_family(exposition, FAMILY_COUNTER, "hookd_auth_denied",
			  "Calls that the policy has refused.");
	for (size_t i = 0; (method = dispatch_method_name(i)); i++) {
		snprintf(labels, sizeof(labels), "method=\"%s\"", method);
		exposition_count(exposition, labels,
				 hookd->requests[i].ended[HP_ERR_REFUSED] +
				     hookd->requests[i].ended[HP_ERR_SETTINGS_REFUSED]);
	}
	exposition_family(exposition, FAMILY_HISTOGRAM, "hookd_request_duration_seconds",
			  "From the call to the last reply.");
	for (size_t i = 0; (method = dispatch_method_name(i)); i++) {
		snprintf(labels, sizeof(labels), "method=\"%s\"", method);
		exposition_histogram(exposition, labels, &hookd->requests[i].durations);
	}
}

/* ---- hookd ---- */

static void write_state(struct exposition *exposition, const struct hookd *hookd)
{
	int groups = 0, closids = rdt_closids(hookd->rdt, &groups);

	write_one(exposition, FAMILY_GAUGE, "hookd_hooks_running", "Runs whose hooks run.",
		  sched_running(hookd->sched));
	write_one(exposition, FAMILY_GAUGE, "hookd_hooks_queued", "Runs that wait for their turn.",
		  sched_queued(hookd->sched));
	write_one(exposition, FAMILY_GAUGE, "hookd_connections", "Connections of clients.",
		  hookd->conn_count);
	write_one(exposition, FAMILY_GAUGE, "hookd_stored_runs", "Runs that are done and kept.",
		  store_kept(hookd->store));
	write_one(exposition, FAMILY_GAUGE, "hookd_stored_bytes", "Their approximate memory.",
		  store_kept_bytes(hookd->store));
	write_one(exposition, FAMILY_GAUGE, "hookd_rdt_clos_limit",
		  "Resctrl groups that there can be; 0 without resctrl.",
		  closids > 0 ? (uint64_t)closids : 0);
	write_one(exposition, FAMILY_GAUGE, "hookd_rdt_clos_in_use",
		  "Resctrl groups that there are, whoever has made them; 0 without resctrl.",
		  (uint64_t)groups);
	write_one(exposition, FAMILY_GAUGE, "hookd_seccomp_notify_fds",
		  "Running runs under a seccomp profile whose listener an agent has.",
		  sched_count(hookd->sched, run_has_notify_profile));
	write_one(exposition, FAMILY_GAUGE, "hookd_poststop_spool_length",
		  "Requests that were left in the spool and have not begun.",
		  spooled_count(hookd->spooled));
	write_one(exposition, FAMILY_GAUGE, "hookd_config_last_reload_successful",
		  "0 if the last reload has failed.", !hookd->has_reload_failed);
	exposition_family(
	    exposition, FAMILY_COUNTER, "hookd_dropped",
	    "Log lines, events and runs that were dropped, since they were not taken in time.");
	exposition_count(exposition, "to=\"journal\"", log_lost());
	exposition_count(exposition, "to=\"watch\"", hookd->watch_dropped);
	exposition_count(exposition, "to=\"history\"", history_dropped(hookd->history));
	exposition_family(exposition, FAMILY_INFO, "hookd_build", "The version of hookd.");
	exposition_count(exposition, "version=\"" HOOKD_VERSION "\"", 1);
}

static uint64_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count > 3 ? count - 3 : 0; /* without ".", ".." and the directory itself */
}

/* In the names and units that exporters for Prometheus have in common. Not of runners. */
static void write_process(struct exposition *exposition, const struct hookd *hookd)
{
	int64_t age_us = (clock_ns(CLOCK_BOOTTIME) - hookd->started_ns) / 1000;
	unsigned long pages[2] = {0};
	struct rlimit limit = {0};
	struct rusage usage = {0};
	char text[128] = "";

	(void)getrusage(RUSAGE_SELF, &usage);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	if (file_read_at(AT_FDCWD, "/proc/self/statm", text, sizeof(text)) > 0)
		(void)sscanf(text, "%lu %lu", &pages[0], &pages[1]);
	exposition_family(exposition, FAMILY_COUNTER, "process_cpu_seconds",
			  "CPU time of hookd, without hooks and runners.");
	exposition_seconds(exposition, NULL,
			   (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ll +
			       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	exposition_family(exposition, FAMILY_GAUGE, "process_start_time_seconds",
			  "When hookd was started, since the epoch.");
	exposition_seconds(exposition, NULL, clock_ns(CLOCK_REALTIME) / 1000 - age_us);
	write_one(exposition, FAMILY_GAUGE, "process_open_fds", "Open descriptors.",
		  count_descriptors());
	write_one(exposition, FAMILY_GAUGE, "process_max_fds", "The limit of open descriptors.",
		  limit.rlim_cur);
	write_one(exposition, FAMILY_GAUGE, "process_virtual_memory_bytes", "Virtual memory.",
		  pages[0] * (uint64_t)sysconf(_SC_PAGESIZE));
	write_one(exposition, FAMILY_GAUGE, "process_resident_memory_bytes", "Resident memory.",
		  pages[1] * (uint64_t)sysconf(_SC_PAGESIZE));
}

/* ---- the text ---- */

void metrics_text_write(const struct hookd *hookd, bool is_openmetrics, struct hp_buf *buf)
{
	struct exposition exposition = {.buf = buf, .is_openmetrics = is_openmetrics};
	const struct metrics *metrics = &hookd->metrics;

	write_hooks(&exposition, metrics);
	write_by_stage(&exposition, "hookd_hook_duration_seconds",
		       "From the start of a hook to its end.", metrics->hook_durations);
	write_by_stage(&exposition, "hookd_queue_wait_seconds",
		       "From the submission of a run to its start.", metrics->queue_waits);
	write_one(&exposition, FAMILY_COUNTER, "hookd_runs_lost",
		  "Runs whose runner has ended before they have.", metrics->runs_lost);
	write_streams(&exposition, "hookd_captured_bytes", "What hooks have written.",
		      metrics->captured_bytes);
	write_streams(&exposition, "hookd_captured_truncated",
		      "Hooks whose output was not kept as a whole.", metrics->captured_truncated);
	write_requests(&exposition, hookd);
	write_state(&exposition, hookd);
	write_process(&exposition, hookd);
	exposition_end(&exposition);
}
