/* SPDX-License-Identifier: Apache-2.0 */

/*
 * cgroup/scope over base/bus, on a connection whose other end is the test instead of systemd: jobs
 * when the connection is lost, the check of a unit's mark, and units that do not exist.
 */

#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "daemon/cgroup/scope.h"
#include "tests/daemon/support/support.h"

/* ---- replaces functions of libsystemd ---- */

static const struct scope_contents nothing;

static int systemd_end = -1; /* of the last connection */
static int connections, sent_calls;
static bool refuses_calls;

int __wrap_sd_bus_open_system(sd_bus **ret_bus);
int __real_sd_bus_call_async(sd_bus *bus, sd_bus_slot **slot, sd_bus_message *message,
			     sd_bus_message_handler_t callback, void *userdata, uint64_t usec);
int __wrap_sd_bus_call_async(sd_bus *bus, sd_bus_slot **slot, sd_bus_message *message,
			     sd_bus_message_handler_t callback, void *userdata, uint64_t usec);

int __wrap_sd_bus_open_system(sd_bus **ret_bus)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends),
			 0);
	assert_int_equal(sd_bus_new(ret_bus), 0);
	assert_true(sd_bus_set_fd(*ret_bus, ends[0], ends[0]) >= 0);
	assert_true(sd_bus_start(*ret_bus) >= 0);
	systemd_end = ends[1];
	connections++;
	return 0;
}

int __wrap_sd_bus_call_async(sd_bus *bus, sd_bus_slot **slot, sd_bus_message *message,
			     sd_bus_message_handler_t callback, void *userdata, uint64_t usec)
{
	if (refuses_calls && slot)
		return -ENOTCONN;
	sent_calls += slot != NULL;
	return __real_sd_bus_call_async(bus, slot, message, callback, userdata, usec);
}

/* ---- calls ---- */

static struct event_base *base;
static struct bus *bus;
static struct scopes *scopes;

struct answer {
	int count, r;
	struct scope_job *job;
};

static void on_done(int r, const char *reason, void *userdata)
{
	struct answer *answer = userdata;

	assert_non_null(reason);
	answer->count++;
	answer->r = r;
}

static void stop(struct answer *answer)
{
	answer->job = NULL;
	assert_int_equal(scopes_stop(scopes, "box.scope", "1234", on_done, answer, &answer->job),
			 0);
	assert_non_null(answer->job);
}

static int begin(void **state)
{
	(void)state;
	connections = sent_calls = 0;
	refuses_calls = false;
	base = loop_new();
	assert_int_equal(bus_new(base, &bus), 0);
	assert_int_equal(scopes_new(bus, &scopes), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	scopes_free(scopes);
	bus_free(bus);
	event_base_free(base);
	if (systemd_end >= 0)
		close(systemd_end);
	systemd_end = -1;
	return 0;
}

static void break_connection(void)
{
	close_fd(&systemd_end);
}

/* ---- tests ---- */

static void calls_that_cannot_be_sent_leave_no_job(void **state)
{
	const struct scope_name name = {.unit = "box.scope", .slice = "system.slice"};
	const struct hp_resources resources = {.pids_limit = {true, 5}};
	struct scope_job *job = NULL;
	struct answer answer = {0};

	(void)state;
	refuses_calls = true;
	assert_int_equal(scopes_stop(scopes, "box.scope", "1234", on_done, &answer, &job),
			 -ENOTCONN);
	assert_null(job);
	assert_int_equal(scopes_ask(scopes, "box.scope", "1234", on_done, &answer, &job),
			 -ENOTCONN);
	assert_null(job);
	assert_int_equal(
	    scopes_set(scopes, "box.scope", &resources, NULL, false, on_done, &answer, &job),
	    -ENOTCONN);
	assert_null(job);
	assert_int_equal(scopes_start(scopes, &name, "1234", 1, &nothing, on_done, &answer, &job),
			 -ENOTCONN);
	assert_null(job);
	assert_int_equal(answer.count, 0);
}

static void calls_that_wait_end_when_the_connection_breaks(void **state)
{
	struct answer answers[2] = {0};

	(void)state;
	stop(&answers[0]);
	stop(&answers[1]);
	break_connection();
	wait_for(base, answers[0].count && answers[1].count);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(answers[i].count, 1);
		assert_true(answers[i].r < 0);
	}
	assert_int_equal(connections, 1);
}

static bool can_call(struct answer *answer)
{
	return scopes_stop(scopes, "box.scope", "1234", on_done, answer, &answer->job) == 0;
}

static void a_later_call_goes_out_on_a_new_connection(void **state)
{
	struct answer first = {0}, second = {0};

	(void)state;
	stop(&first);
	break_connection();
	wait_for(base, first.count);
	wait_for(base, can_call(&second));
	assert_int_equal(connections, 2);
	assert_int_equal(second.count, 0);
}

/* ---- a fake systemd ---- */

static sd_bus *server;
static struct {
	const char *description; /* of the unit; NULL: it does not exist */
	int asks, stops;
	int job_asks;		  /* the job exists at the first one */
	const char *active_state; /* of the unit */
} systemd;

static int reply_property(sd_bus_message *message)
{
	const char *interface, *property;

	assert_true(sd_bus_message_read(message, "ss", &interface, &property) >= 0);
	if (strcmp(property, "State") == 0 && systemd.job_asks++ > 0)
		return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_UNKNOWN_OBJECT, "gone");
	if (strcmp(property, "State") == 0)
		return sd_bus_reply_method_return(message, "v", "s", "running");
	if (strcmp(property, "ActiveState") == 0)
		return sd_bus_reply_method_return(message, "v", "s", systemd.active_state);
	assert_string_equal(property, "Description");
	systemd.asks++;
	return sd_bus_reply_method_return(message, "v", "s",
					  systemd.description ? systemd.description : "box.scope");
}

static int on_call(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *unit;

	(void)userdata, (void)error;
	if (sd_bus_message_is_method_call(message, NULL, "Get"))
		return reply_property(message);
	/* Of a unit that does not exist: systemd returns default values, and cannot set others. */
	if (sd_bus_message_is_method_call(message, NULL, "GetAll"))
		return sd_bus_reply_method_return(message, "a{sv}", 1, "TasksMax", "t",
						  (uint64_t)50);
	if (sd_bus_message_is_method_call(message, NULL, "SetUnitProperties"))
		return sd_bus_reply_method_errorf(message, "org.freedesktop.systemd1.NoSuchUnit",
						  "gone");
	if (sd_bus_message_is_method_call(message, NULL, "StartTransientUnit"))
		return sd_bus_reply_method_return(message, "o", "/org/freedesktop/systemd1/job/1");
	if (!sd_bus_message_is_method_call(message, NULL, "StopUnit"))
		return 0;
	assert_true(sd_bus_message_read(message, "s", &unit) >= 0);
	assert_string_equal(unit, "box.scope");
	systemd.stops++;
	return sd_bus_reply_method_return(message, "o", "/org/freedesktop/systemd1/job/1");
}

static void become_systemd(const char *description)
{
	const sd_id128_t id = {.qwords = {1, 2}};

	memset(&systemd, 0, sizeof(systemd));
	systemd.description = description;
	assert_int_equal(sd_bus_new(&server), 0);
	assert_true(sd_bus_set_fd(server, systemd_end, systemd_end) >= 0);
	assert_true(sd_bus_set_server(server, 1, id) >= 0);
	assert_true(sd_bus_start(server) >= 0);
	assert_true(sd_bus_add_filter(server, NULL, on_call, NULL) >= 0);
	systemd_end = -1;
}

static void end_systemd(void)
{
	sd_bus_close(server);
	server = sd_bus_unref(server);
}

static bool turn_both(int64_t deadline_ns)
{
	while (sd_bus_process(server, NULL) > 0)
		continue;
	assert_true(sd_bus_flush(server) >= 0);
	return loop_turn(base, deadline_ns);
}

#define wait_for_both(condition)                                                                   \
	do {                                                                                       \
		int64_t deadline_ns_ = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;                        \
		while (!(condition) && turn_both(deadline_ns_))                                    \
			continue;                                                                  \
		assert_true(condition);                                                            \
	} while (0)

static const char ours[] = "Container held by hookd, 1234";

static void send_job_removed(void)
{
	assert_true(sd_bus_emit_signal(server, "/org/freedesktop/systemd1",
				       "org.freedesktop.systemd1.Manager", "JobRemoved", "uoss", 1,
				       "/org/freedesktop/systemd1/job/1", "box.scope",
				       "done") >= 0);
}

static void a_unit_with_the_mark_is_stopped(void **state)
{
	struct answer answer = {0};

	(void)state;
	stop(&answer);
	become_systemd(ours);
	wait_for_both(systemd.stops);
	assert_int_equal(systemd.asks, 1);
	send_job_removed();
	wait_for_both(answer.count);
	assert_int_equal(answer.r, 0);
	end_systemd();
}

/* A unit of the same name, even one of another container or of another hookd. */
static void a_unit_of_others_is_not_stopped(void **state)
{
	static const char *const others[] = {"Somebody's", "Container held by hookd",
					     "Container held by hookd, 12345", NULL};
	struct answer answer = {0};

	(void)state;
	for (int i = 0; i < (int)ELEMENTS(others); i++) {
		stop(&answer);
		if (i == 0)
			become_systemd(others[0]);
		systemd.description = others[i];
		wait_for_both(answer.count == i + 1);
		assert_int_equal(answer.r, 0);
		assert_int_equal(systemd.asks, i + 1);
		assert_int_equal(systemd.stops, 0);
	}
	end_systemd();
}

/* dbus-daemon refuses calls of a connection that waits for 128 replies. */
static void few_calls_wait_for_a_reply_at_a_time(void **state)
{
	enum { CALLS = 300, AT_A_TIME = 64 };
	static struct answer answers[CALLS];
	int answered = 0;

	(void)state;
	memset(answers, 0, sizeof(answers));
	for (int i = 0; i < CALLS; i++)
		stop(&answers[i]);
	assert_int_equal(sent_calls, AT_A_TIME);
	scope_job_forget(answers[0].job);	  /* was sent */
	scope_job_forget(answers[CALLS - 1].job); /* was not */
	become_systemd("Somebody's");
	while (answered < CALLS - 2) {
		turn_both(clock_ns(CLOCK_MONOTONIC) + WAIT_NS);
		answered = 0;
		for (int i = 0; i < CALLS; i++)
			answered += answers[i].count;
		assert_in_range(sent_calls, 0, answered + 1 + AT_A_TIME);
	}
	assert_int_equal(sent_calls, CALLS - 1);
	assert_int_equal(systemd.asks, CALLS - 1);
	end_systemd();
}

static void a_unit_is_checked_for_the_mark(void **state)
{
	struct answer answer = {0};

	(void)state;
	assert_int_equal(scopes_ask(scopes, "box.scope", "1234", on_done, &answer, &answer.job), 0);
	become_systemd(ours);
	wait_for_both(answer.count);
	assert_int_equal(answer.r, 0);
	systemd.description = "Somebody's";
	assert_int_equal(scopes_ask(scopes, "box.scope", "1234", on_done, &answer, &answer.job), 0);
	wait_for_both(answer.count == 2);
	assert_int_equal(answer.r, -ENOENT);
	assert_int_equal(systemd.stops, 0);
	end_systemd();
}

/* The message bus may refuse to forward systemd's signals. */
static void without_job_removed_the_job_is_read(void **state)
{
	static const struct scope_name name = {.unit = "box.scope", .slice = "system.slice"};
	struct answer stopped = {0}, started = {0}, failed = {0};

	(void)state;
	stop(&stopped);
	become_systemd(ours);
	systemd.active_state = "inactive";
	wait_for_both(stopped.count);
	assert_int_equal(stopped.r, 0);
	assert_int_equal(systemd.job_asks, 2);
	assert_int_equal(
	    scopes_start(scopes, &name, "1234", 1, &nothing, on_done, &failed, &failed.job), 0);
	wait_for_both(failed.count);
	assert_int_equal(failed.r, -EIO);
	systemd.active_state = "active";
	assert_int_equal(
	    scopes_start(scopes, &name, "1234", 1, &nothing, on_done, &started, &started.job), 0);
	wait_for_both(started.count);
	assert_int_equal(started.r, 0);
	end_systemd();
}

static struct scope_limits *former;

static void on_former(int r, const char *reason, struct scope_limits *limits, void *userdata)
{
	on_done(r, reason, userdata);
	former = limits;
}

/* Its limits ended with it: nothing is left to restore. */
static void a_unit_that_is_gone_has_no_limits_to_restore(void **state)
{
	const struct hp_resources resources = {.pids_limit = {true, 5}};
	struct answer read = {0}, set = {0}, restored = {0};

	(void)state;
	assert_int_equal(scopes_read(scopes, "box.scope", on_former, &read, &read.job), 0);
	become_systemd(NULL);
	wait_for_both(read.count);
	assert_int_equal(read.r, 0);
	assert_int_equal(
	    scopes_set(scopes, "box.scope", &resources, former, false, on_done, &set, &set.job), 0);
	wait_for_both(set.count);
	assert_int_equal(set.r, -ENOENT);
	assert_int_equal(
	    scopes_put_back(scopes, "box.scope", former, on_done, &restored, &restored.job), 0);
	wait_for_both(restored.count);
	assert_int_equal(restored.r, 0);
	former = scope_limits_free(former);
	end_systemd();
}

static void jobs_of_systemd_that_are_waited_for_end_too(void **state)
{
	struct answer answer = {0};

	(void)state;
	stop(&answer);
	become_systemd(ours);
	wait_for_both(systemd.stops);
	assert_true(sd_bus_flush(server) >= 0);
	/* The reply is read before the end of the stream. */
	end_systemd();
	wait_for(base, answer.count);
	assert_int_equal(answer.r, -ECONNRESET);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(calls_that_cannot_be_sent_leave_no_job),
	    TEST(calls_that_wait_end_when_the_connection_breaks),
	    TEST(a_unit_with_the_mark_is_stopped),
	    TEST(a_unit_of_others_is_not_stopped),
	    TEST(few_calls_wait_for_a_reply_at_a_time),
	    TEST(a_unit_is_checked_for_the_mark),
	    TEST(without_job_removed_the_job_is_read),
	    TEST(a_unit_that_is_gone_has_no_limits_to_restore),
	    TEST(jobs_of_systemd_that_are_waited_for_end_too),
	    TEST(a_later_call_goes_out_on_a_new_connection),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
