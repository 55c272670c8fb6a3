/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transient scopes by sd-bus. A job is one call and, where systemd answers with a job of its own,
 * the wait for that one's end:
 *
 *	CALLED --reply--> (done), or WAITING --JobRemoved--> (done)
 *
 * The signal cannot be missed: it is subscribed to when the connection is made, and systemd sends
 * it after its reply.
 */
#include "daemon/apply/scope.h"

#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/apply/scope_properties.h"

#define SYSTEMD_NAME	"org.freedesktop.systemd1"
#define SYSTEMD_PATH	"/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"
#define DEFAULT_SLICE	"system.slice"

struct scope_job {
	struct scopes *scopes;
	sd_bus_slot *slot; /* the call that waits for its reply */
	char *path;	   /* systemd's job that is waited for; NULL: none yet */
	bool is_gone_fine; /* that there is no such unit is success */
	scope_done_fn done;
	void *userdata;
	TAILQ_ENTRY(scope_job) link;
};

struct scopes {
	struct bus *bus;
	TAILQ_HEAD(, scope_job) jobs;
};

/* ---- names ---- */

/* What systemd takes in a unit's name, and what cannot lead out of its slice. */
static bool is_name_part(const char *text, size_t length)
{
	static const char others[] = ":-_.\\@";

	for (size_t i = 0; i < length; i++) {
		char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !strchr(others, c))
			return false;
	}
	return true;
}

static bool ends_in(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

int scope_name_read(const char *cgroups_path, struct scope_name *ret_name, struct hp_err *err)
{
	const char *first = strchr(cgroups_path, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;
	const char *name = second ? second + 1 : "";
	struct scope_name parts = {.slice = DEFAULT_SLICE};
	int length;

	if (!second || strchr(name, ':') || !*name || strchr(cgroups_path, '/'))
		return hp_err_invalid(err, NULL, "must be of the form slice:prefix:name");
	if (ends_in(name, ".slice"))
		return hp_err_invalid(err, NULL, "a slice cannot have a process of its own");
	if (!is_name_part(cgroups_path, strlen(cgroups_path)))
		return hp_err_invalid(err, NULL, "has characters that no unit's name may have");
	length =
	    snprintf(parts.unit, sizeof(parts.unit), "%.*s%s%s.scope", (int)(second - first - 1),
		     first + 1, second > first + 1 ? "-" : "", name);
	if (length >= (int)sizeof(parts.unit) || first - cgroups_path >= (int)sizeof(parts.slice))
		return hp_err_invalid(err, NULL, "must not be longer than 255 bytes");
	if (first > cgroups_path)
		snprintf(parts.slice, sizeof(parts.slice), "%.*s", (int)(first - cgroups_path),
			 cgroups_path);
	if (!ends_in(parts.slice, ".slice"))
		return hp_err_invalid(err, NULL, "its first part must end in .slice");
	*ret_name = parts;
	return 0;
}

int scope_cgroup_path(const struct scope_name *name, char *ret_path, size_t size)
{
	const char *slice = strcmp(name->slice, "-.slice") == 0 ? "" : name->slice;
	size_t length = 0;

	for (const char *dash = slice; *dash && length < size; dash += *dash == '-') {
		bool is_last;

		dash += strcspn(dash, "-");
		is_last = *dash == '\0';
		length += (size_t)snprintf(ret_path + length, size - length, "/%.*s%s",
					   (int)(dash - slice), slice, is_last ? "" : ".slice");
	}
	if (length < size)
		length += (size_t)snprintf(ret_path + length, size - length, "/%s", name->unit);
	return length < size ? 0 : -ENAMETOOLONG;
}

/* ---- jobs ---- */

static void job_free(struct scope_job *job)
{
	TAILQ_REMOVE(&job->scopes->jobs, job, link);
	sd_bus_slot_unref(job->slot);
	free(job->path);
	free(job);
}

void scope_job_forget(struct scope_job *job)
{
	if (job)
		job_free(job);
}

static void job_end(struct scope_job *job, int r, const char *reason)
{
	scope_done_fn done = job->done;
	void *userdata = job->userdata;

	job_free(job);
	done(r, reason, userdata);
}

static int on_job_removed(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct scopes *scopes = userdata;
	const char *path, *unit, *result;
	struct scope_job *job;
	char reason[128];

	(void)error;
	if (sd_bus_message_read(message, "uoss", NULL, &path, &unit, &result) < 0)
		return 0;
	TAILQ_FOREACH (job, &scopes->jobs, link)
		if (job->path && strcmp(job->path, path) == 0)
			break;
	if (!job)
		return 0;
	snprintf(reason, sizeof(reason), "systemd's job ended with \"%s\"", result);
	job_end(job, strcmp(result, "done") == 0 ? 0 : -EIO, reason);
	return 0;
}

static int nothing_to_do(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	(void)message, (void)userdata, (void)error;
	return 0;
}

static void on_new_connection(sd_bus *connection, void *userdata)
{
	(void)sd_bus_match_signal_async(connection, NULL, NULL, SYSTEMD_PATH, SYSTEMD_MANAGER,
					"JobRemoved", on_job_removed, nothing_to_do, userdata);
	(void)sd_bus_call_method_async(connection, NULL, SYSTEMD_NAME, SYSTEMD_PATH,
				       SYSTEMD_MANAGER, "Subscribe", nothing_to_do, NULL, "");
}

int scopes_new(struct bus *bus, struct scopes **ret_scopes)
{
	struct scopes *scopes = calloc(1, sizeof(*scopes));

	if (!scopes)
		return -ENOMEM;
	scopes->bus = bus;
	TAILQ_INIT(&scopes->jobs);
	bus_on_new(bus, on_new_connection, scopes);
	*ret_scopes = scopes;
	return 0;
}

struct scopes *scopes_free(struct scopes *scopes)
{
	if (!scopes)
		return NULL;
	while (!TAILQ_EMPTY(&scopes->jobs))
		job_free(TAILQ_FIRST(&scopes->jobs));
	free(scopes);
	return NULL;
}

/* ---- calls ---- */

static void end_with_error(struct scope_job *job, sd_bus_message *reply)
{
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	int r = -sd_bus_message_get_errno(reply);

	if (job->is_gone_fine && sd_bus_error_has_name(error, SYSTEMD_NAME ".NoSuchUnit")) {
		job_end(job, 0, "");
		return;
	}
	if (sd_bus_error_has_name(error, SYSTEMD_NAME ".UnitExists"))
		r = -EEXIST;
	job_end(job, r < 0 ? r : -EIO, error->message ? error->message : "systemd refused it");
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct scope_job *job = userdata;
	const char *path = NULL;

	(void)error;
	job->slot = sd_bus_slot_unref(job->slot);
	if (sd_bus_message_is_method_error(reply, NULL)) {
		end_with_error(job, reply);
		return 0;
	}
	/* SetUnitProperties answers nothing: it is done. */
	if (sd_bus_message_read(reply, "o", &path) <= 0) {
		job_end(job, 0, "");
		return 0;
	}
	job->path = strdup(path);
	if (!job->path)
		job_end(job, -ENOMEM, strerror(ENOMEM));
	return 0;
}

/* Takes the message. */
static int send_call(struct scopes *scopes, sd_bus_message *message, struct scope_job *job)
{
	int r = sd_bus_call_async(sd_bus_message_get_bus(message), &job->slot, message, on_reply,
				  job, 0);

	sd_bus_message_unref(message);
	if (r < 0) {
		job_free(job);
		return r;
	}
	bus_flush(scopes->bus);
	return 0;
}

static int new_call(struct scopes *scopes, const char *method, sd_bus_message **ret_message)
{
	sd_bus *connection;
	int r = bus_connect(scopes->bus, &connection);

	if (r < 0)
		return r;
	return sd_bus_message_new_method_call(connection, ret_message, SYSTEMD_NAME, SYSTEMD_PATH,
					      SYSTEMD_MANAGER, method);
}

static struct scope_job *job_new(struct scopes *scopes, scope_done_fn done, void *userdata)
{
	struct scope_job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->scopes = scopes;
	job->done = done;
	job->userdata = userdata;
	TAILQ_INSERT_TAIL(&scopes->jobs, job, link);
	return job;
}

/* Sends what was built, or drops it where building failed. */
static int finish_call(struct scopes *scopes, sd_bus_message *message, int built,
		       scope_done_fn done, void *userdata, struct scope_job **ret_job)
{
	struct scope_job *job = built < 0 ? NULL : job_new(scopes, done, userdata);

	if (!job) {
		sd_bus_message_unref(message);
		return built < 0 ? built : -ENOMEM;
	}
	*ret_job = job;
	return send_call(scopes, message, job);
}

static int append_start(sd_bus_message *message, const struct scope_name *name, pid_t pid,
			const struct hp_resources *resources)
{
	int r = sd_bus_message_append(message, "ss", name->unit, "fail");

	if (r >= 0)
		r = sd_bus_message_open_container(message, 'a', "(sv)");
	if (r >= 0)
		r = scope_properties_append_unit(message, name->slice, pid);
	if (r >= 0 && resources)
		r = scope_properties_append_limits(message, resources);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_append(message, "a(sa(sv))", 0);
}

int scopes_start(struct scopes *scopes, const struct scope_name *name, pid_t pid,
		 const struct hp_resources *resources, scope_done_fn done, void *userdata,
		 struct scope_job **ret_job)
{
	sd_bus_message *message = NULL;
	int r = new_call(scopes, "StartTransientUnit", &message);

	if (r >= 0)
		r = append_start(message, name, pid, resources);
	return finish_call(scopes, message, r, done, userdata, ret_job);
}

int scopes_set(struct scopes *scopes, const char *unit, const struct hp_resources *resources,
	       scope_done_fn done, void *userdata, struct scope_job **ret_job)
{
	sd_bus_message *message = NULL;
	int r = new_call(scopes, "SetUnitProperties", &message);

	if (r >= 0)
		r = sd_bus_message_append(message, "sb", unit, 1);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'a', "(sv)");
	if (r >= 0)
		r = scope_properties_append_limits(message, resources);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return finish_call(scopes, message, r, done, userdata, ret_job);
}

int scopes_stop(struct scopes *scopes, const char *unit, scope_done_fn done, void *userdata,
		struct scope_job **ret_job)
{
	sd_bus_message *message = NULL;
	int r = new_call(scopes, "StopUnit", &message);

	if (r >= 0)
		r = sd_bus_message_append(message, "ss", unit, "replace");
	r = finish_call(scopes, message, r, done, userdata, ret_job);
	if (r >= 0)
		(*ret_job)->is_gone_fine = true;
	return r;
}
