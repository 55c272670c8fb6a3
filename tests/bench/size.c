/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the cost of requests grows with a size (--size-of), up to --largest:
 *
 *	hooks        a request with so many hooks
 *	state        a request with so many KiB of state, whose hook reads them
 *	records      a request with one hook to a hookd that keeps so many runs
 *	connections  one request on each of so many connections at once, until the last is done
 *
 * All sizes are measured in each round, but for records, which only become more. Prints a row with
 * the cost at the smallest and at the largest size and how it grows: the exponent e of the steepest
 * step between two neighbouring sizes, in cost = size^e. 1 is linear. Writes lines of size and
 * microseconds to --data.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/ask.h"
#include "tests/bench/footprint.h"
#include "tests/bench/options.h"

#define SIZES_MAX	32
#define TIMES_PER_ROUND 5
#define EVENTS_AT_ONCE	64
/* Steps vary by some per cent, which is much of an exponent where a step is a factor of 2. */
#define EXPONENT_MAX 1.15

struct points {
	unsigned int sizes[SIZES_MAX];
	struct samples times[SIZES_MAX];
	size_t count;
};

struct growth;

struct kind {
	const char *name;
	unsigned int smallest, factor; /* a smallest size of 0 is followed by 1000 */
	bool only_grows;	       /* sizes cannot be measured again */
	int (*prepare)(struct growth *growth, unsigned int size);
	int (*once)(struct growth *growth);
};

struct growth {
	const struct options *options;
	const struct kind *kind;
	struct points points;
	struct asker asker; /* of the size that is prepared */
	unsigned int runs;  /* that hookd keeps */
	/* connections */
	struct asker *askers;
	unsigned int asker_count, left;
	int epoll, error;
};

/* ---- hooks, state, records ---- */

static int prepare_hooks(struct growth *growth, unsigned int size)
{
	const struct options *options = growth->options;

	asker_clear(&growth->asker);
	return asker_init(&growth->asker, options->address, options->hook, size, 0);
}

/* A state of so many KiB: one annotation has nearly all of it. */
static char *make_state(unsigned int kib)
{
	static const char head[] =
	    "{\"ociVersion\":\"1.0.2\",\"id\":\"bench\",\"status\":\"creating\","
	    "\"pid\":0,\"bundle\":\"/\",\"annotations\":{\"a\":\"";
	size_t length = kib * (size_t)1024;
	char *state = malloc(length + 1);

	if (!state)
		return NULL;
	memset(state, 'x', length);
	memcpy(state, head, strlen(head));
	memcpy(state + length - 3, "\"}}", 4);
	return state;
}

static int prepare_state(struct growth *growth, unsigned int size)
{
	int r = prepare_hooks(growth, 1);

	if (r < 0)
		return r;
	free(growth->asker.state);
	growth->asker.state = make_state(size);
	growth->asker.request.state = growth->asker.state;
	return growth->asker.state ? 0 : -ENOMEM;
}

static int once(struct growth *growth)
{
	growth->runs++;
	return asker_run(&growth->asker);
}

static int prepare_records(struct growth *growth, unsigned int size)
{
	int r = growth->asker.client ? 0 : prepare_hooks(growth, 1);

	while (r == 0 && growth->runs < size)
		r = once(growth);
	return r;
}

/* ---- connections ---- */

static void clear_askers(struct growth *growth)
{
	for (unsigned int i = 0; i < growth->asker_count; i++)
		asker_clear(&growth->askers[i]);
	free(growth->askers);
	growth->askers = NULL;
	growth->asker_count = 0;
}

static int prepare_connections(struct growth *growth, unsigned int size)
{
	struct asker *askers = calloc(size, sizeof(*askers));
	int r = askers ? 0 : -ENOMEM;

	if (growth->epoll < 0)
		growth->epoll = epoll_create1(EPOLL_CLOEXEC);
	clear_askers(growth);
	growth->askers = askers;
	while (r == 0 && growth->asker_count < size) {
		struct asker *asker = &askers[growth->asker_count];
		struct epoll_event event = {.events = EPOLLIN};

		r = asker_init(asker, growth->options->address, growth->options->hook, 1,
			       growth->asker_count);
		if (r == 0) {
			growth->asker_count++;
			r = asker_connect(asker);
		}
		event.data.ptr = asker->client;
		if (r == 0 && epoll_ctl(growth->epoll, EPOLL_CTL_ADD, hookd_get_fd(asker->client),
					&event) < 0)
			r = -errno;
	}
	return r;
}

static void on_event(struct hookd_client *client, const struct hookd_event *event, void *userdata)
{
	struct growth *growth = userdata;
	int error = event->error;

	(void)client;
	if (event->type != HOOKD_EVENT_DONE)
		return;
	if (error == 0)
		error = ask_check(event->result);
	if (error < 0)
		growth->error = error;
	hookd_result_free(event->result);
	growth->left--;
}

/* A request of this size always fits into the socket's buffer, so only replies are waited for. */
static int once_on_each(struct growth *growth)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int r = 0;

	growth->left = growth->asker_count;
	growth->error = 0;
	for (unsigned int i = 0; i < growth->asker_count && r == 0; i++) {
		struct asker *asker = &growth->askers[i];

		r = hookd_run_start(asker->client, &asker->request, on_event, growth);
	}
	while (growth->left > 0 && r == 0) {
		int count = epoll_wait(growth->epoll, events, EVENTS_AT_ONCE, -1);

		for (int i = 0; i < count && r == 0; i++)
			r = hookd_process(events[i].data.ptr);
	}
	return r < 0 ? r : growth->error;
}

/* ---- all of them ---- */

static const struct kind kinds[] = {
    {"hooks", 1, 4, false, prepare_hooks, once},
    {"state", 1, 4, false, prepare_state, once},
    {"records", 0, 10, true, prepare_records, once},
    {"connections", 1, 10, false, prepare_connections, once_on_each},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

static void choose_sizes(struct growth *growth)
{
	const struct kind *kind = growth->kind;
	struct points *points = &growth->points;
	unsigned int size = kind->smallest;

	while (size < growth->options->largest && points->count < SIZES_MAX - 1) {
		points->sizes[points->count++] = size;
		size = size == 0 ? 1000 : size * kind->factor;
	}
	points->sizes[points->count++] = growth->options->largest;
}

static int measure_point(struct growth *growth, size_t index, unsigned int times)
{
	struct samples *samples = &growth->points.times[index];
	int r = growth->kind->prepare(growth, growth->points.sizes[index]);

	/* The first one is not counted. */
	for (unsigned int i = 0; i <= times && r == 0; i++) {
		int64_t begin = now_ns();

		r = growth->kind->once(growth);
		if (r == 0 && i > 0)
			r = samples_add(samples, now_ns() - begin);
	}
	return r;
}

static int measure_all(struct growth *growth)
{
	unsigned int rounds = growth->options->rounds, times = TIMES_PER_ROUND;
	int r = 0;

	if (growth->kind->only_grows) {
		times *= rounds;
		rounds = 1;
	}
	for (unsigned int round = 0; round < rounds && r == 0; round++) {
		for (size_t i = 0; i < growth->points.count && r == 0; i++)
			r = measure_point(growth, i, times);
	}
	return r;
}

static double exponent_of(struct points *points)
{
	double largest = -INFINITY;

	for (size_t i = 1; i < points->count; i++) {
		double cost =
		    samples_median_ns(&points->times[i]) / samples_median_ns(&points->times[i - 1]);
		double size = (double)points->sizes[i] /
			      (points->sizes[i - 1] > 0 ? points->sizes[i - 1] : 1);

		largest = fmax(largest, log(cost) / log(size));
	}
	return largest;
}

static int write_data(struct growth *growth)
{
	FILE *file = growth->options->data ? fopen(growth->options->data, "we") : NULL;
	struct points *points = &growth->points;

	if (!file)
		return growth->options->data ? -errno : 0;
	for (size_t i = 0; i < points->count; i++)
		fprintf(file, "%u %.1f\n", points->sizes[i],
			samples_median_ns(&points->times[i]) / 1000);
	return fclose(file) == 0 ? 0 : -errno;
}

static void print_result(struct growth *growth)
{
	struct points *points = &growth->points;

	row_print(&(struct row){
	    .what = growth->options->what,
	    .a = samples_median_ns(&points->times[points->count - 1]) / 1000,
	    .b = samples_median_ns(&points->times[0]) / 1000,
	    .unit = "us",
	});
	row_print(&(struct row){
	    .what = "  the exponent of the steepest step",
	    .a = exponent_of(points),
	    .unit = "",
	    .bound = BOUND_A_AT_MOST,
	    .target = EXPONENT_MAX,
	});
}

static void clear(struct growth *growth)
{
	asker_clear(&growth->asker);
	clear_askers(growth);
	if (growth->epoll >= 0)
		close(growth->epoll);
	for (size_t i = 0; i < growth->points.count; i++)
		samples_free(&growth->points.times[i]);
}

int main(int argc, char *argv[])
{
	struct options options;
	struct growth growth = {.options = &options, .epoll = -1};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || !(growth.kind = find_kind(options.size_of)) || !options.hook ||
	    options.largest < 2)
		return options_exit(argv[0], -EINVAL, "options.h");
	footprint_raise_fds();
	choose_sizes(&growth);
	r = measure_all(&growth);
	if (r == 0)
		r = write_data(&growth);
	if (r == 0)
		print_result(&growth);
	clear(&growth);
	return options_exit(argv[0], r, "a request failed");
}
