/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plays hookd for one command: answer SCRIPT LOG COMMAND [ARG...]
 *
 * Runs COMMAND with HOOKD_ADDRESS set to a socket in the current directory and follows the script:
 *	<		wait for a call; it goes to LOG as one line
 *	> TEXT		send the text and a NUL
 *	close		close the connection; the next "<" takes a new one
 *	end		wait until the command closes it, without another byte
 * Exits with the status of the command, or with 99 if the command does not follow the script. So
 * replies can be tested byte for byte, also those that a real daemon sends only when it fails.
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISAGREED  99
#define PATIENCE_S 60
#define LINE_SIZE  65536

struct player {
	struct sockaddr_un address;
	int listener;
	int connection; /* -1: none */
	pid_t command;
	int pidfd;
	FILE *log;
};

static void die(const char *what)
{
	fprintf(stderr, "answer: %s: %s\n", what, strerror(errno));
	exit(DISAGREED);
}

static void listen_at_socket(struct player *player)
{
	char directory[PATH_MAX];

	player->address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (realpath(".", directory) == NULL ||
	    snprintf(player->address.sun_path, sizeof(player->address.sun_path), "%s/answer",
		     directory) >= (int)sizeof(player->address.sun_path))
		die("the directory");
	unlink(player->address.sun_path);
	player->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (player->listener < 0 ||
	    bind(player->listener, (struct sockaddr *)&player->address, sizeof(player->address)) <
		0 ||
	    listen(player->listener, 8) < 0)
		die("socket");
	player->connection = -1;
}

static void start_command(struct player *player, char **argv)
{
	char address[128];

	snprintf(address, sizeof(address), "unix:%s", player->address.sun_path);
	setenv("HOOKD_ADDRESS", address, 1);
	player->command = fork();
	if (player->command == 0) {
		execvp(argv[0], argv);
		die(argv[0]);
	}
	player->pidfd = (int)syscall(SYS_pidfd_open, player->command, 0);
	if (player->command < 0 || player->pidfd < 0)
		die("fork");
}

/* Waits for `fd`; -ECHILD if the command ends first. */
static int wait_for(const struct player *player, int fd)
{
	struct pollfd fds[] = {{fd, POLLIN, 0}, {player->pidfd, POLLIN, 0}};

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			die("poll");
	return fds[0].revents != 0 ? 0 : -ECHILD;
}

/* One call, up to its NUL, which is the last byte since calls are made one at a time. */
static int take_call(struct player *player)
{
	char call[LINE_SIZE];
	size_t length = 0;

	if (player->connection < 0) {
		if (wait_for(player, player->listener) < 0)
			return -ECHILD;
		player->connection = accept4(player->listener, NULL, NULL, SOCK_CLOEXEC);
		if (player->connection < 0)
			die("accept");
	}
	while (length == 0 || call[length - 1] != '\0') {
		ssize_t got = wait_for(player, player->connection) == 0
				  ? read(player->connection, call + length, LINE_SIZE - length)
				  : -1;

		if (got <= 0)
			return -ECHILD;
		length += (size_t)got;
	}
	fprintf(player->log, "%s\n", call);
	return 0;
}

static int play_line(struct player *player, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "<") == 0)
		return take_call(player);
	if (line[0] == '>' && player->connection >= 0)
		return send(player->connection, line + 2, strlen(line + 2) + 1, MSG_NOSIGNAL) < 0
			   ? -errno
			   : 0;
	if (strcmp(line, "end") == 0 && player->connection >= 0)
		return read(player->connection, &(char){0}, 1) == 0 ? 0 : -EPROTO;
	if (strcmp(line, "close") == 0 && player->connection >= 0) {
		close(player->connection);
		player->connection = -1;
		return 0;
	}
	return -EINVAL;
}

static void play(struct player *player, const char *path)
{
	char line[LINE_SIZE];
	FILE *script = fopen(path, "re");

	if (script == NULL)
		die(path);
	while (fgets(line, sizeof(line), script) != NULL) {
		if (play_line(player, line) < 0) {
			fprintf(stderr, "answer: not played: %s\n", line);
			exit(DISAGREED);
		}
	}
	fclose(script);
	close(player->listener);
	unlink(player->address.sun_path);
}

int main(int argc, char **argv)
{
	struct player player;
	int status;

	if (argc < 4)
		return DISAGREED;
	alarm(PATIENCE_S);
	player.log = fopen(argv[2], "we");
	if (player.log == NULL)
		die(argv[2]);
	listen_at_socket(&player);
	start_command(&player, argv + 3);
	play(&player, argv[1]);
	fclose(player.log);
	if (waitpid(player.command, &status, 0) < 0)
		die("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
