/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses the paths of the socket and of the state directory. The state directory is below that of
 * the socket, since other users may enter the latter and must not enter the former. No state.
 */
#include "daemon/place.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/log.h"
#include "daemon/state_directory.h"
#include "proto/base/own_directory.h"

#define XDG_ADVICE                                                                                 \
	": an ordinary user's hookd needs $XDG_RUNTIME_DIR or /run/user/UID; or use --socket"

static int join(char path[static PATH_MAX], const char *directory, size_t length, const char *name)
{
	return snprintf(path, PATH_MAX, "%.*s/%s", (int)length, directory, name) < PATH_MAX
		   ? 0
		   : -ENAMETOOLONG;
}

static int copy(char path[static PATH_MAX], const char *from)
{
	return snprintf(path, PATH_MAX, "%s", from) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int find_socket(const struct hookd_options *options, struct place *place)
{
	int r;

	if (options->socket)
		return copy(place->socket, options->socket);
	r = hp_own_directory(true, place->directory, sizeof(place->directory));
	if (r == 0)
		r = join(place->socket, place->directory, strlen(place->directory), HP_SOCKET_NAME);
	if (r < 0)
		log_error(
		    "cannot choose a default socket, set $XDG_RUNTIME_DIR or use --socket: %s",
		    strerror(-r));
	return r;
}

/*
 * A hookd that was started with --socket and without a service manager is for private use, such as
 * a test: it keeps no state unless --state-dir says so.
 */
static int find_state(const struct hookd_options *options, struct place *place)
{
	const char *made = getenv("RUNTIME_DIRECTORY");

	assert(place->socket[0]);

	if (options->state_dir)
		return copy(place->state, options->state_dir);
	/* Several directories are separated by colons: systemd.exec(5), RuntimeDirectory=. */
	if (made && made[0] == '/')
		(void)snprintf(place->older_state, PATH_MAX, "%.*s", (int)strcspn(made, ":"), made);
	else if (options->socket)
		return 0;
	else
		(void)copy(place->older_state, place->directory);
	return join(place->state, place->older_state, strlen(place->older_state), HP_STATE_NAME);
}

int place_find(const struct hookd_options *options, struct place *ret_place)
{
	int r;

	*ret_place = (struct place){0};
	r = find_socket(options, ret_place);
	return r < 0 ? r : find_state(options, ret_place);
}

/* Of root's hookd the mode of the socket decides who may connect, so everybody may enter. */
int place_make_directory(const struct place *place)
{
	mode_t mode = geteuid() == 0 ? 0755 : 0700;
	int r;

	if (!place->directory[0])
		return 0;
	r = mkdir(place->directory, mode) < 0 && errno != EEXIST ? -errno : 0;
	if (r < 0)
		log_error("cannot create the directory %s of the socket: %s%s", place->directory,
			  strerror(-r), geteuid() == 0 ? "" : XDG_ADVICE);
	return r;
}

/* ---- the state directory ---- */

static int take_over_older_state(const struct place *place)
{
	struct state_taken taken;
	int r = state_directory_take_over(place->older_state, place->state, &taken);

	if (r < 0)
		log_error("cannot move the files of an earlier hookd from %s to %s: %s",
			  place->older_state, place->state, strerror(-r));
	if (taken.moved > 0)
		log_notice("moved %d files of an earlier hookd from %s to %s", taken.moved,
			   place->older_state, place->state);
	if (taken.left > 0)
		log_warning(
		    "%d files of an earlier hookd in %s are ignored: %s has newer files of the "
		    "same names",
		    taken.left, place->older_state, place->state);
	return r;
}

int place_open_state(const struct place *place, int *ret_lock)
{
	char reason[STATE_REASON_SIZE];

	*ret_lock = -1;
	if (!place->state[0])
		return 0;
	*ret_lock = state_directory_open(place->state, reason);
	if (*ret_lock < 0) {
		log_error("the state directory %s %s", place->state, reason);
		return *ret_lock;
	}
	return place->older_state[0] ? take_over_older_state(place) : 0;
}
