/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends many calls to hookd: "calls SOCKET" reads them from stdin, one in each line, and prints
 * each reply as a line. In place of "@PID@" it puts the pid of a new process, which sleeps until
 * this program is killed. At the end of its input it prints "done" and sleeps too. A process for
 * each call, as with hookctl, would take most of the time of a test in the guest.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PLACE "@PID@"

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(1, "%s", path);
	return fd;
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/* A message of Varlink ends with a NUL. */
static void send_call(int fd, const char *line)
{
	const char *place = strstr(line, PLACE);
	char *text;
	int length;

	if (place)
		length = asprintf(&text, "%.*s%d%s", (int)(place - line), line, start_sleeper(),
				  place + strlen(PLACE));
	else
		length = asprintf(&text, "%s", line);
	if (length < 0 || send(fd, text, (size_t)length + 1, MSG_NOSIGNAL) != length + 1)
		err(1, "cannot send");
	free(text);
}

static void print_reply(int fd)
{
	static char bytes[1 << 16];
	size_t length = 0;

	do {
		ssize_t r = read(fd, bytes + length, sizeof(bytes) - length);

		if (r <= 0)
			err(1, "no reply");
		length += (size_t)r;
	} while (bytes[length - 1] != '\0' && length < sizeof(bytes));
	puts(bytes);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t length;
	int fd;

	if (argc != 2)
		errx(2, "usage: calls SOCKET");
	fd = connect_to(argv[1]);
	while ((length = getline(&line, &size, stdin)) > 0) {
		line[length - 1] = '\0';
		send_call(fd, line);
		print_reply(fd);
	}
	puts("done");
	fflush(stdout);
	for (;;)
		pause();
}
