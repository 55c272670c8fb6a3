/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transient scopes by sd-bus. Owns the list of jobs. A job is a call and, where systemd's reply
 * names a job of systemd, the wait until that is removed. Before a unit is stopped, its description
 * is read, which says whether hookd has made it:
 *
 *	ASKED   --it is not hookd's--> (done)
 *	ASKED   --it is hookd's--> CALLED
 *	CALLED  --reply without a job--> (done)
 *	CALLED  --reply with a job--> WAITING
 *	WAITING --JobRemoved--> (done)
 *	all     --the connection is lost--> (done, with an error)
 *
 * hookd subscribes to the signal JobRemoved when the connection is made, and systemd sends it after
 * the reply. The message bus may refuse the subscription: after ASKS_AFTER_S in WAITING hookd asks
 * systemd for the job, and if that does not exist, for the unit.
 */
#include "daemon/cgroup/scope.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/cgroup/scope_annotation.h"
#include "daemon/cgroup/scope_properties.h"

#define SYSTEMD_NAME	"org.freedesktop.systemd1"
#define SYSTEMD_PATH	"/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER "org.freedesktop.systemd1.Manager"

/* systemd needs much less to stop a scope without processes. */
#define ASKS_AFTER_S 2

enum purpose { START, STOP, OTHER };

struct scope_job {
	struct scopes *scopes;
	enum purpose purpose;
	struct bus_call *call; /* in ASKED and CALLED */
	char *path;	       /* in WAITING: the object path of systemd's job */
	struct event *late;    /* timer in WAITING, of ASKS_AFTER_S */
	char *unit;	       /* to start or to stop; NULL: OTHER */
	char *description;     /* a unit without it is not hookd's; NULL: not checked */
	bool is_gone_fine;     /* NoSuchUnit is success */
	bool is_lost;	       /* the connection that it was sent on is lost */
	scope_done_fn done;    /* this or got_limits */
	scope_limits_fn got_limits;
	void *userdata;
	TAILQ_ENTRY(scope_job) link; /* scopes::jobs */
};

struct scope_limits {
	sd_bus_message *properties; /* the reply to GetAll */
};

struct scopes {
	struct bus *bus;
	TAILQ_HEAD(, scope_job) jobs;
};

/* ---- jobs ---- */

static void job_free(struct scope_job *job)
{
	TAILQ_REMOVE(&job->scopes->jobs, job, link);
	bus_call_free(job->call);
	if (job->late)
		event_free(job->late);
	free(job->path);
	free(job->unit);
	free(job->description);
	free(job);
}

void scope_job_forget(struct scope_job *job)
{
	if (job)
		job_free(job);
}

static void job_end(struct scope_job *job, int r, const char *reason)
{
	const struct scope_job ended = *job;

	job_free(job);
	if (ended.got_limits)
		ended.got_limits(r, reason, NULL, ended.userdata);
	else
		ended.done(r, reason, ended.userdata);
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

/* done() may start new jobs, on the next connection: these have is_lost false. */
static void on_lost_connection(void *userdata)
{
	struct scopes *scopes = userdata;
	struct scope_job *job;

	TAILQ_FOREACH (job, &scopes->jobs, link)
		job->is_lost = true;
	while ((job = TAILQ_FIRST(&scopes->jobs)) && job->is_lost)
		job_end(job, -ECONNRESET, "the connection to systemd was lost");
}

int scopes_new(struct bus *bus, struct scopes **ret_scopes)
{
	struct scopes *scopes = calloc(1, sizeof(*scopes));

	if (!scopes)
		return -ENOMEM;
	scopes->bus = bus;
	TAILQ_INIT(&scopes->jobs);
	bus_on_connection(bus, on_new_connection, on_lost_connection, scopes);
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

	if (sd_bus_error_has_name(error, SYSTEMD_NAME ".NoSuchUnit")) {
		job_end(job, job->is_gone_fine ? 0 : -ENOENT, "there is no such unit");
		return;
	}
	if (sd_bus_error_has_name(error, SYSTEMD_NAME ".UnitExists"))
		r = -EEXIST;
	job_end(job, r < 0 ? r : -EIO, error->message ? error->message : "systemd refused it");
}

static int wait_for_job(struct scope_job *job);

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct scope_job *job = userdata;
	const char *path = NULL;

	(void)error;
	assert(job->done && !job->path);
	job->call = bus_call_free(job->call);
	if (sd_bus_message_is_method_error(reply, NULL)) {
		end_with_error(job, reply);
		return 0;
	}
	/* The reply to SetUnitProperties is empty: it is done. */
	if (sd_bus_message_read(reply, "o", &path) <= 0) {
		job_end(job, 0, "");
		return 0;
	}
	job->path = strdup(path);
	if (!job->path || wait_for_job(job) < 0)
		job_end(job, -ENOMEM, strerror(ENOMEM));
	return 0;
}

static int on_limits(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct scope_job *job = userdata;
	struct scope_limits *limits;
	scope_limits_fn got_limits = job->got_limits;

	(void)error;
	assert(got_limits);
	job->call = bus_call_free(job->call);
	if (sd_bus_message_is_method_error(reply, NULL)) {
		end_with_error(job, reply);
		return 0;
	}
	limits = calloc(1, sizeof(*limits));
	if (!limits) {
		job_end(job, -ENOMEM, strerror(ENOMEM));
		return 0;
	}
	limits->properties = sd_bus_message_ref(reply);
	userdata = job->userdata;
	job_free(job);
	got_limits(0, "", limits, userdata);
	return 0;
}

struct scope_limits *scope_limits_free(struct scope_limits *limits)
{
	if (limits)
		sd_bus_message_unref(limits->properties);
	free(limits);
	return NULL;
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

static struct scope_job *job_new(struct scopes *scopes, scope_done_fn done,
				 scope_limits_fn got_limits, void *userdata)
{
	struct scope_job *job = calloc(1, sizeof(*job));

	assert(!done != !got_limits);
	if (!job)
		return NULL;
	job->scopes = scopes;
	job->purpose = OTHER;
	job->done = done;
	job->got_limits = got_limits;
	job->userdata = userdata;
	TAILQ_INSERT_TAIL(&scopes->jobs, job, link);
	return job;
}

/* Sends the message; where `built` is an error, frees it. */
static int finish_call(struct scopes *scopes, sd_bus_message *message, int built,
		       scope_done_fn done, scope_limits_fn got_limits, void *userdata,
		       struct scope_job **ret_job)
{
	struct scope_job *job = built < 0 ? NULL : job_new(scopes, done, got_limits, userdata);
	int r;

	if (!job) {
		sd_bus_message_unref(message);
		return built < 0 ? built : -ENOMEM;
	}
	r = bus_call(scopes->bus, message, got_limits ? on_limits : on_reply, job, &job->call);
	if (r < 0)
		job_free(job);
	else
		*ret_job = job;
	return r;
}

/* Without a mark: the description that older versions wrote. */
static char *description_of(const char *mark)
{
	char *text;

	return asprintf(&text, "Container held by hookd%s%s", mark ? ", " : "", mark ? mark : "") <
		       0
		   ? NULL
		   : text;
}

static int append_start(sd_bus_message *message, const struct scope_name *name, const char *mark,
			pid_t pid, const struct scope_contents *contents)
{
	const struct scope_cpu none = SCOPE_CPU_NONE;
	cleanup_free char *description = description_of(mark);
	int r = description ? sd_bus_message_append(message, "ss", name->unit, "fail") : -ENOMEM;

	if (r >= 0)
		r = sd_bus_message_open_container(message, 'a', "(sv)");
	if (r >= 0)
		r = scope_properties_append_unit(message, description, name->slice, pid);
	if (r >= 0 && contents->resources)
		r = scope_properties_append_limits(message, contents->resources, &none,
						   contents->has_bfq);
	for (size_t i = 0; r >= 0 && i < contents->property_count; i++)
		r = scope_annotation_append(message, &contents->properties[i]);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_append(message, "a(sa(sv))", 0);
}

int scopes_start(struct scopes *scopes, const struct scope_name *name, const char *mark, pid_t pid,
		 const struct scope_contents *contents, scope_done_fn done, void *userdata,
		 struct scope_job **ret_job)
{
	sd_bus_message *message = NULL;
	char *unit = strdup(name->unit);
	int r = unit ? new_call(scopes, "StartTransientUnit", &message) : -ENOMEM;

	if (r >= 0)
		r = append_start(message, name, mark, pid, contents);
	r = finish_call(scopes, message, r, done, NULL, userdata, ret_job);
	if (r < 0) {
		free(unit);
		return r;
	}
	(*ret_job)->purpose = START;
	(*ret_job)->unit = unit;
	return r;
}

/* Leaves the array of properties open. */
static int new_set_call(struct scopes *scopes, const char *unit, sd_bus_message **ret_message)
{
	int r = new_call(scopes, "SetUnitProperties", ret_message);

	if (r >= 0)
		r = sd_bus_message_append(*ret_message, "sb", unit, 1);
	return r < 0 ? r : sd_bus_message_open_container(*ret_message, 'a', "(sv)");
}

int scopes_set(struct scopes *scopes, const char *unit, const struct hp_resources *resources,
	       struct scope_limits *former, bool has_bfq, scope_done_fn done, void *userdata,
	       struct scope_job **ret_job)
{
	sd_bus_message *message = NULL;
	struct scope_cpu cpu = SCOPE_CPU_NONE;
	int r = former ? scope_properties_read_cpu(former->properties, &cpu) : 0;

	if (r >= 0)
		r = new_set_call(scopes, unit, &message);
	if (r >= 0)
		r = scope_properties_append_limits(message, resources, &cpu, has_bfq);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return finish_call(scopes, message, r, done, NULL, userdata, ret_job);
}

int scopes_put_back(struct scopes *scopes, const char *unit, struct scope_limits *limits,
		    scope_done_fn done, void *userdata, struct scope_job **ret_job)
{
	sd_bus_message *message = NULL;
	int r = new_set_call(scopes, unit, &message);

	if (r >= 0)
		r = scope_properties_copy_limits(message, limits->properties);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	r = finish_call(scopes, message, r, done, NULL, userdata, ret_job);
	if (r == 0)
		(*ret_job)->is_gone_fine = true;
	return r;
}

/* ---- properties ---- */

static int new_get_call(struct scopes *scopes, const char *path, const char *interface,
			const char *property, sd_bus_message **ret_message)
{
	sd_bus *connection;
	int r = bus_connect(scopes->bus, &connection);

	if (r >= 0)
		r = sd_bus_message_new_method_call(connection, ret_message, SYSTEMD_NAME, path,
						   "org.freedesktop.DBus.Properties", "Get");
	return r < 0 ? r : sd_bus_message_append(*ret_message, "ss", interface, property);
}

/* Sends another call for a job. */
static int ask_for(struct scope_job *job, const char *path, const char *interface,
		   const char *property, sd_bus_message_handler_t on_answer)
{
	sd_bus_message *message = NULL;
	int r = new_get_call(job->scopes, path, interface, property, &message);

	if (r >= 0)
		return bus_call(job->scopes->bus, message, on_answer, job, &job->call);
	sd_bus_message_unref(message);
	return r;
}

static int ask_for_unit(struct scope_job *job, const char *unit, const char *property,
			sd_bus_message_handler_t on_answer)
{
	cleanup_free char *path = NULL;
	int r = sd_bus_path_encode(SYSTEMD_PATH "/unit", unit, &path);

	return r < 0 ? r : ask_for(job, path, SYSTEMD_NAME ".Unit", property, on_answer);
}

static int new_get_all_call(struct scopes *scopes, const char *unit, sd_bus_message **ret_message)
{
	cleanup_free char *path = NULL;
	sd_bus *connection;
	int r = bus_connect(scopes->bus, &connection);

	if (r >= 0)
		r = sd_bus_path_encode(SYSTEMD_PATH "/unit", unit, &path);
	if (r < 0)
		return r;
	return sd_bus_message_new_method_call(connection, ret_message, SYSTEMD_NAME, path,
					      "org.freedesktop.DBus.Properties", "GetAll");
}

int scopes_read(struct scopes *scopes, const char *unit, scope_limits_fn done, void *userdata,
		struct scope_job **ret_job)
{
	sd_bus_message *message = NULL;
	int r = new_get_all_call(scopes, unit, &message);

	if (r >= 0)
		r = sd_bus_message_append(message, "s", SYSTEMD_NAME ".Scope");
	return finish_call(scopes, message, r, NULL, done, userdata, ret_job);
}

/* ---- a job without JobRemoved ---- */

static int on_unit_state(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct scope_job *job = userdata;
	const char *state = "";
	bool is_active;
	char reason[128];

	(void)error;
	job->call = bus_call_free(job->call);
	if (sd_bus_message_is_method_error(reply, NULL)) {
		end_with_error(job, reply);
		return 0;
	}
	(void)sd_bus_message_read(reply, "v", "s", &state);
	is_active = strcmp(state, "active") == 0;
	snprintf(reason, sizeof(reason), "systemd's job has ended, and the unit is \"%s\"", state);
	job_end(job, is_active == (job->purpose == START) ? 0 : -EIO, reason);
	return 0;
}

static int on_job_state(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct scope_job *job = userdata;
	bool is_gone = sd_bus_message_is_method_error(reply, SD_BUS_ERROR_UNKNOWN_OBJECT);
	int r;

	(void)error;
	job->call = bus_call_free(job->call);
	r = is_gone ? ask_for_unit(job, job->unit, "ActiveState", on_unit_state)
		    : wait_for_job(job);
	if (r < 0)
		job_end(job, r, strerror(-r));
	return 0;
}

static void on_late(evutil_socket_t fd, short what, void *userdata)
{
	struct scope_job *job = userdata;
	int r;

	(void)fd, (void)what;
	assert(job->path && !job->call);
	r = ask_for(job, job->path, SYSTEMD_NAME ".Job", "State", on_job_state);
	if (r < 0)
		job_end(job, r, strerror(-r));
}

static int wait_for_job(struct scope_job *job)
{
	const struct timeval after = {.tv_sec = ASKS_AFTER_S};

	if (!job->late)
		job->late = event_new(bus_base(job->scopes->bus), -1, 0, on_late, job);
	return job->late && event_add(job->late, &after) == 0 ? 0 : -ENOMEM;
}

/* ---- checking the mark, stopping ---- */

static void stop_unit(struct scope_job *job)
{
	sd_bus_message *message = NULL;
	int r = new_call(job->scopes, "StopUnit", &message);

	if (r >= 0)
		r = sd_bus_message_append(message, "ss", job->unit, "replace");
	if (r >= 0)
		r = bus_call(job->scopes->bus, message, on_reply, job, &job->call);
	else
		sd_bus_message_unref(message);
	if (r < 0)
		job_end(job, r, strerror(-r));
}

/* The description of a unit that does not exist is the unit's name. */
static int on_description(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct scope_job *job = userdata;
	const char *description = "";
	int r = 0;

	(void)error;
	assert(job->description);
	job->call = bus_call_free(job->call);
	if (sd_bus_message_is_method_error(reply, NULL)) {
		end_with_error(job, reply);
		return 0;
	}
	r = sd_bus_message_read(reply, "v", "s", &description);
	if (r < 0)
		job_end(job, r, strerror(-r));
	else if (strcmp(description, job->description) == 0 && job->purpose == STOP)
		stop_unit(job);
	else if (strcmp(description, job->description) == 0 || job->purpose == STOP)
		job_end(job, 0, "");
	else
		job_end(job, -ENOENT, "hookd has not started the unit");
	return 0;
}

/* Takes ownership of the description. */
static int ask(struct scopes *scopes, const char *unit, char *description, scope_done_fn done,
	       void *userdata, struct scope_job **ret_job)
{
	struct scope_job *job = description ? job_new(scopes, done, NULL, userdata) : NULL;
	int r;

	if (!job) {
		free(description);
		return -ENOMEM;
	}
	job->description = description;
	r = ask_for_unit(job, unit, "Description", on_description);
	if (r < 0)
		job_free(job);
	else
		*ret_job = job;
	return r;
}

int scopes_ask(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
	       void *userdata, struct scope_job **ret_job)
{
	return ask(scopes, unit, description_of(mark), done, userdata, ret_job);
}

int scopes_stop(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
		void *userdata, struct scope_job **ret_job)
{
	char *copy = strdup(unit);
	int r = copy ? ask(scopes, unit, description_of(mark), done, userdata, ret_job) : -ENOMEM;

	if (r < 0) {
		free(copy);
		return r;
	}
	(*ret_job)->purpose = STOP;
	(*ret_job)->unit = copy;
	(*ret_job)->is_gone_fine = true;
	return r;
}
