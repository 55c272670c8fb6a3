/* SPDX-License-Identifier: Apache-2.0 */
/* A runner at the other end of hookd's connections, in the same process. */
#include "tests/daemon/runner/fake_runner.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct event_base *loop;
char state_directory[32];
struct runners *runners;
struct listening listening;
size_t adopts;
int adoptions, known;
static pid_t stand_in;

int __real_pidfd_open(pid_t pid, unsigned int flags);
int __wrap_pidfd_open(pid_t pid, unsigned int flags);

/* The fake runner is this process: hookd gets a pidfd of a child instead, which it may kill. */
int __wrap_pidfd_open(pid_t pid, unsigned int flags)
{
	(void)pid;
	return __real_pidfd_open(stand_in, flags);
}

/* ---- the listener of hookd's side ---- */

static void note(char letter, size_t index)
{
	size_t length = strlen(listening.received);

	snprintf(listening.received + length, sizeof(listening.received) - length, "%s%c%zu",
		 length > 0 ? " " : "", letter, index);
}

static void on_started(void *userdata, size_t index, pid_t pid, int64_t started_us)
{
	assert_ptr_equal(userdata, &listening);
	assert_true(pid == 77 && started_us == 1);
	note('S', index);
}

static void on_output(void *userdata, size_t index, const struct hook_output *output)
{
	assert_ptr_equal(userdata, &listening);
	assert_int_equal(output->stream, 1);
	assert_int_equal(output->offset, 7);
	assert_true(output->is_kept);
	assert_memory_equal(output->bytes, "output", output->length);
	note('T', index);
}

static void on_finished(void *userdata, size_t index, struct hp_hook_result *result)
{
	assert_ptr_equal(userdata, &listening);
	note(result->success ? 'F' : 'f', index);
	hp_hook_result_clear(result);
}

static void on_ended(void *userdata, struct list_end *end)
{
	assert_ptr_equal(userdata, &listening);
	note(end->is_lost ? 'L' : end->refusal ? 'R' : end->is_cancelled ? 'C' : 'E', 0);
	listening.ended++;
	listening.is_cancelled = end->is_cancelled;
	if (end->refusal) {
		listening.refusal = end->refusal->failed_errno;
		hp_hook_result_clear(end->refusal);
	}
	free(end->ignored);
	if (end->is_kept && !listening.keeps)
		runners_acknowledge(runners, "r");
}

const struct list_listener test_listener = {
    .started = on_started, .output = on_output, .finished = on_finished, .ended = on_ended};

static bool adopt(const char *run, size_t first, struct list *list,
		  const struct list_listener **ret_listener, void **ret_userdata,
		  size_t *ret_hook_count, void *userdata)
{
	(void)first, (void)list, (void)userdata;
	assert_string_equal(run, "r");
	adoptions++;
	*ret_listener = &test_listener;
	*ret_userdata = &listening;
	*ret_hook_count = adopts;
	return adopts > 0;
}

/* ---- the runner ---- */

static struct message message_of(struct fake_runner *fake, char letter, size_t index)
{
	static const struct output_body output = {.stream = 1, .is_kept = 1, .offset = 7};
	static const char request[] = "";
	static const struct start_body start = {.path_length = 1};
	static int counter_fd;
	static struct finished_body failed;
	struct message message;

	switch (letter) {
	case 'h':
		return message_make(MESSAGE_HELLO, NULL, 0, &fake->hello, sizeof(fake->hello), NULL,
				    0);
	case 'Y':
		return message_make(MESSAGE_SYNCED, NULL, 0, NULL, 0, NULL, 0);
	case 'O':
		return message_make(MESSAGE_OWNED, "r", index, NULL, 0, NULL, 0);
	case 'S':
		return started_message(index);
	case 'M':
		message = started_message(index);
		message.header.type = MESSAGE_MOVED;
		return message;
	case 'T':
		return message_make(MESSAGE_OUTPUT, "r", index, &output, sizeof(output), "output",
				    6);
	case 'F':
		return finished_message(index);
	case 'f':
		message = finished_message(index);
		memcpy(&failed, message.body, sizeof(failed));
		failed.success = false;
		failed.exit_status = 1;
		message.body = &failed;
		return message;
	case 'R':
		return refusal_message(index, EMFILE);
	case 's':
		return message_make(MESSAGE_START, "r", 0, &start, sizeof(start), request, 1);
	case 'I':
		return message_make(MESSAGE_PONG, NULL, 0, NULL, 0, NULL, 0);
	case 'n':
		message = message_make(MESSAGE_COUNTER, NULL, 0, NULL, 0, NULL, 0);
		counter_fd = fake->counter.fd;
		message.fds = &counter_fd;
		message.fd_count = 1;
		return message;
	case 'v':
		return message_make(MESSAGE_TYPE_COUNT, "r", index, NULL, 0, NULL, 0);
	default:
		return ended_message(letter == 'C');
	}
}

void fake_runner_send(struct fake_runner *fake, const char *words)
{
	for (; *words; words++) {
		char letter = *words;
		size_t index = 0;
		struct message message;

		while (isdigit(words[1]))
			index = index * 10 + (size_t)(*++words - '0');
		if (!isalpha(letter))
			continue;
		message = message_of(fake, letter, index);
		if (fake->side.channel)
			other_side_send(&fake->side, &message, -1);
	}
}

static void on_connection(evutil_socket_t listener, short what, void *userdata)
{
	struct fake_runner *fake = userdata;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	assert_true(fd >= 0);
	other_side_close(&fake->side);
	other_side_open(&fake->side, loop, fd);
	fake->connections++;
	if (fake->greeting)
		fake_runner_send(fake, fake->greeting);
}

void fake_runner_open(struct fake_runner *fake, unsigned int number)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*fake = (struct fake_runner){
	    .greeting = "h Y",
	    .hello = {.version = RUNNER_VERSION, .pid = getpid()},
	    .side = {.raw = -1},
	};
	assert_int_equal(counter_make(&fake->counter), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/runner-%u.sock", state_directory,
		 number);
	fake->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(fake->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fake->listener, 8), 0);
	fake->on_connection =
	    event_new(loop, fake->listener, EV_READ | EV_PERSIST, on_connection, fake);
	event_add(fake->on_connection, NULL);
}

void fake_runner_close(struct fake_runner *fake)
{
	if (!fake->on_connection)
		return;
	event_free(fake->on_connection);
	fake->on_connection = NULL;
	counter_clear(&fake->counter);
	close_fd(&fake->listener);
	other_side_close(&fake->side);
}

/* ---- both ---- */

int runners_set_up(void **state)
{
	(void)state;
	loop = loop_new();
	temporary_directory(state_directory);
	listening = (struct listening){0};
	adopts = 0;
	adoptions = known = 0;
	stand_in = fork();
	if (stand_in == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pause();
		_exit(0);
	}
	return stand_in < 0 ? -1 : 0;
}

void end_runners(void)
{
	if (stand_in > 0)
		kill(stand_in, SIGKILL); /* a runner ends after STOP */
	runners = runners_free(runners, true);
}

int runners_tear_down(void **state)
{
	char command[64];

	(void)state;
	end_runners();
	if (stand_in > 0)
		waitpid(stand_in, NULL, 0);
	event_base_free(loop);
	snprintf(command, sizeof(command), "rm -r %s", state_directory);
	return system(command);
}

static void on_change(const char *ids, void *userdata)
{
	(void)ids, (void)userdata;
}

static void on_all_known(void *userdata)
{
	(void)userdata;
	known++;
}

void open_runners(size_t count)
{
	const struct runners_options options = {
	    .count = count,
	    .state = state_directory,
	    .nofile = {1024, 1024},
	    .adopt = adopt,
	    .changed = on_change,
	    .all_known = on_all_known,
	};

	assert_int_equal(runners_new(loop, &options, &runners), 0);
}

void kill_stand_in(void)
{
	assert_int_equal(kill(stand_in, SIGKILL), 0);
	assert_int_equal(waitpid(stand_in, NULL, 0), stand_in);
	stand_in = 0;
}

bool stand_in_is_alive(void)
{
	return kill(stand_in, 0) == 0 && waitpid(stand_in, NULL, WNOHANG) == 0;
}

int start_test_list(struct list **ret_list)
{
	static struct hp_hook hooks[HOOK_COUNT];
	static const struct hp_hook_list list = {hooks, HOOK_COUNT};
	static const struct list_order order = {
	    .run = "r",
	    .request = "{}",
	    .request_length = 2,
	    .hooks = &list,
	    .default_path = "/bin",
	    .target = {.caller.pidfd = -1, .container.pidfd = -1},
	    .settings = {.rdt_tasks = -1, .rdt_mon_tasks = -1},
	};
	struct list_starter *starter = runners_starter(runners);

	return starter->start(starter, &order, &test_listener, &listening, ret_list);
}
