/* SPDX-License-Identifier: Apache-2.0 */
/* What hookd takes over from the process that has started it as a private hookd. No state. */
#include "daemon/private.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>

#include "proto/base/own_directory.h"

#define CONNECTION 3

static int check_connection(void)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	int flags = fcntl(CONNECTION, F_GETFL);

	if (sd_is_socket_unix(CONNECTION, SOCK_STREAM, 0, NULL, 0) <= 0)
		return -ENOTSOCK;
	if (getpeername(CONNECTION, (struct sockaddr *)&peer, &length) < 0 ||
	    fcntl(CONNECTION, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return 0;
}

int private_take_connection(int *ret_fd)
{
	int r = check_connection();

	if (r < 0) {
		fprintf(stderr,
			"hookd: --private needs a connected Unix stream socket as descriptor %d: "
			"%s\n",
			CONNECTION, strerror(-r));
		return r;
	}
	/* If a hook has stopped this process, it still has to see that its caller is gone. */
	(void)prctl(PR_SET_PDEATHSIG, SIGCONT, 0, 0, 0);
	/* So a timeout also finds processes of the hook whose parents have ended: session.h. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	/*
	 * A runtime may wait for the end of a pipe that it has left open in its hook. And libhookd
	 * waits for the end of one, which is how it knows that this is a hookd.
	 */
	(void)syscall(SYS_close_range, CONNECTION + 1, ~0u, 0);
	/* No readiness, watchdog or log of a service that this process is not. */
	(void)clearenv();
	*ret_fd = CONNECTION;
	return 0;
}

void private_leave(void)
{
	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

/*
 * In the user namespace of a rootless engine, where the files of root are seen as those of
 * everybody else who is not mapped: as 65534.
 */
static bool is_root_unmapped(void)
{
	struct stat namespace, root;

	return stat("/proc/self/ns/user", &namespace) == 0 &&
	       namespace.st_ino != HP_INITIAL_USER_NAMESPACE && stat("/", &root) == 0 &&
	       root.st_uid == HP_OVERFLOW_UID;
}

void private_restrict(struct config *config)
{
	config->runners = 0;
	config->history = 0;
	config->metrics_listen[0] = '\0';
	if (is_root_unmapped())
		config->check_hook_files = 0;
}
