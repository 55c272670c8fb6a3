/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Copies the output of hooks to our own stdout and stderr, byte for byte, as it arrives. crun opens
 * files for the output of hooks and makes them the stdout and stderr of hookd-oci-hook. The result
 * of a run has the first and last part of each stream only.
 *
 * After an error of write(2) (a full disk) nothing more is written to that stream, and stderr says
 * so. The outcome of the hook does not change.
 */

#include "client/oci-hook/output.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const int descriptors[2] = {STDOUT_FILENO, STDERR_FILENO};

static void stream_fail(struct shim_stream *stream, int fd, int error)
{
	stream->error = error;
	(void)fprintf(stderr, "hookd-oci-hook: output of hooks is lost: %s: %s\n",
		      fd == STDOUT_FILENO ? "stdout" : "stderr", strerror(error));
}

/* The descriptor may be non-blocking: it is inherited. */
static void stream_write(struct shim_stream *stream, int fd, const char *data, size_t length)
{
	stream->written += length;
	if (length > 0)
		stream->is_mid_line = data[length - 1] != '\n';
	while (length > 0 && !stream->error) {
		ssize_t n = write(fd, data, length);

		if (n >= 0) {
			data += n;
			length -= (size_t)n;
		} else if (errno == EAGAIN) {
			(void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		} else if (errno != EINTR) {
			stream_fail(stream, fd, errno);
		}
	}
}

/* Writes what is missing, where events were lost with a connection and the result has it. */
static void stream_finish(struct shim_stream *stream, int fd, const struct hookd_hook_result *hook)
{
	bool is_stdout = fd == STDOUT_FILENO;
	const char *kept = is_stdout ? hook->stdout_data : hook->stderr_data;
	size_t length = is_stdout ? hook->stdout_length : hook->stderr_length;
	uint64_t total = is_stdout ? hook->stdout_bytes : hook->stderr_bytes;

	if (total == length && stream->written < length)
		stream_write(stream, fd, kept + stream->written, length - stream->written);
	if (stream->written < total && !stream->error)
		(void)fprintf(stderr, "hookd-oci-hook: %llu bytes of %s of %s were not received\n",
			      (unsigned long long)(total - stream->written),
			      is_stdout ? "stdout" : "stderr", hook->path);
	stream->written = 0;
}

static void output_finish_hook(struct shim_output *output, const struct hookd_hook_result *hook)
{
	if (hook->index != output->next)
		return;
	for (int i = 0; i < 2; i++)
		stream_finish(&output->streams[i], descriptors[i], hook);
	output->next++;
}

void shim_output_event(struct shim_output *output, const struct hookd_event *event)
{
	if (event->type == HOOKD_EVENT_FINISHED)
		output_finish_hook(output, event->hook);
	if (event->type != HOOKD_EVENT_OUTPUT || event->stream == 0)
		return;
	assert(event->stream <= 2);
	stream_write(&output->streams[event->stream - 1], descriptors[event->stream - 1],
		     event->data, event->data_length);
}

void shim_output_finish(struct shim_output *output, const struct hookd_result *result)
{
	const struct hookd_hook_result *hook;

	while ((hook = hookd_result_hook(result, output->next)))
		output_finish_hook(output, hook);
	output->next = 0;
}

void shim_output_end_line(struct shim_output *output)
{
	struct shim_stream *stream = &output->streams[1];

	if (stream->is_mid_line && !stream->error)
		(void)fputc('\n', stderr);
	stream->is_mid_line = false;
}
