/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd-runtime: an OCI runtime for engines. At create, run and restore it has the hooks of the
 * bundle delegated to hookd; then it executes the real runtime in its place, with the same
 * arguments, descriptors, environment and signals.
 *
 *	read the command line, read [Runtime], find the real runtime
 *	        |          --create, run, restore--> delegate --.
 *	        `--all other commands---------------------------`--> exec
 *
 * What cannot be delegated is run by the real runtime as it is, and is reported. An engine starts
 * this for each command of each container: it is linked static, and small.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "client/delegate/own_user.h"
#include "client/delegate/shim.h"
#include "client/runtime/bundle.h"
#include "client/runtime/command_line.h"
#include "client/runtime/program.h"
#include "client/runtime/report.h"
#include "client/runtime/runtime.h"
#include "client/runtime/settings.h"
#include "proto/base/standard_streams.h"
#include "proto/messages/hooks.h"

static const char usage[] =
    "usage: hookd-runtime [OPTION...] [OPTION OF THE RUNTIME...] COMMAND [ARGUMENT...]\n"
    "An OCI runtime for engines: has hookd run the hooks of a container, and executes the real\n"
    "runtime for all else.\n"
    "\n"
    "OPTION stands before COMMAND, and is one of\n"
    "  --hookd-runtime=NAME      the real runtime, a path or a name to find in PATH; default: "
    "NAME\n"
    "                            of the name hookd-NAME by which this was started, else Path= in\n"
    "                            hookd.conf, else runc\n"
    "  --hookd-address=unix:PATH of hookd; default $HOOKD_ADDRESS, else Address= in hookd.conf,\n"
    "                            else that of hookd-oci-hook\n"
    "  --hookd-if-down=fail|run-local|ignore|spool  what is done without hookd, see "
    "hookd-oci-hook\n"
    "  --hookd-shim=PATH         where hookd-oci-hook is\n"
    "  --hookd-help, --hookd-version  show this; show the version\n"
    "\n"
    "Exit status: that of the real runtime; 125 an option or a key is wrong, 126 the real runtime\n"
    "cannot be executed, 127 it is not there.\n";

/* ---- settings ---- */

static const char *first_of(const char *first, const char *second, const char *third)
{
	if (first != NULL)
		return first;
	return second != NULL ? second : third;
}

/* NULL: the shim's default. */
static const char *address_of_environment(void)
{
	const char *address = secure_getenv("HOOKD_ADDRESS");

	return address != NULL && address[0] != '\0' ? address : NULL;
}

/*
 * Containers must be stopped and removed whatever the keys are: commands that start none read them
 * only to find the runtime. 0, or an exit status.
 */
static int read_keys(struct command_line *line, struct runtime_settings *ret)
{
	char error[SETTINGS_ERROR_SIZE];
	int r;

	if (!line->starts_container && line->settings.program != NULL)
		return 0;
	r = settings_read(!line->starts_container, ret, error);
	if ((r == -EMFILE || r == -ENFILE) && line->settings.program != NULL) {
		report(LOG_WARNING, "the hooks are not delegated, the runtime runs them: %s",
		       error);
		line->starts_container = false;
		return 0;
	}
	if (r < 0)
		report_failure("%s", error);
	return r < 0 ? RUNTIME_EXIT_USAGE : 0;
}

/* Options, then what this process was started with, then keys. 0, or an exit status. */
static int complete_settings(const char *own_name, struct command_line *line)
{
	struct runtime_settings *settings = &line->settings, keys = {0};
	int status;

	settings->program = first_of(settings->program, program_of_own_name(own_name), NULL);
	status = read_keys(line, &keys);
	settings->program = first_of(settings->program, keys.program, "runc");
	settings->address = first_of(settings->address, address_of_environment(), keys.address);
	settings->if_down = first_of(settings->if_down, keys.if_down, NULL);
	return status;
}

/* ---- delegating ---- */

/* Where the config is, for messages. */
struct place {
	const char *folder, *slash, *name;
};

static struct place place_of(const struct command_line *line)
{
	struct place place = {"", "", "config.json"};

	if (line->config != NULL && strcmp(line->config, place.name) != 0)
		place.name = line->config;
	else if (line->bundle != NULL)
		place = (struct place){line->bundle, "/", place.name};
	return place;
}

static void on_left(enum hp_stage stage, const char *why, void *userdata)
{
	const struct place *place = userdata;

	report(LOG_INFO, "%s%s%s: hooks.%s is not delegated, the runtime runs it: %s",
	       place->folder, place->slash, place->name, hp_stage_names[stage], why);
}

/* Never a failure: the container runs with the config as it is. */
static void delegate(const struct command_line *line)
{
	const struct runtime_settings *settings = &line->settings;
	const struct bundle bundle = {line->bundle, line->config};
	char *found = settings->shim == NULL ? shim_find() : NULL;
	struct place place = place_of(line);
	char reason[BUNDLE_REASON_SIZE] = "no memory";
	uint32_t uid = geteuid();
	struct delegate terms = {
	    .shim = settings->shim != NULL ? settings->shim : found,
	    .address = settings->address,
	    .if_down = settings->if_down,
	    .own_uid = own_user_is_ordinary() ? &uid : NULL,
	    .left = on_left,
	    .userdata = &place,
	};
	int r = -ENOMEM;

	if (line->unclear != NULL) {
		r = -EINVAL;
		snprintf(reason, sizeof(reason), "the option %s is not known in this form",
			 line->unclear);
	} else if (terms.shim != NULL) {
		r = bundle_delegate(&bundle, &terms, reason);
	}
	if (r < 0)
		report(LOG_WARNING,
		       "%s%s%s: its hooks are not delegated, the runtime runs them: %s",
		       place.folder, place.slash, place.name, reason);
	free(found);
}

/*
 * Beyond RLIMIT_FSIZE a write, also of a message, fails with EFBIG instead of killing this process.
 * The runtime gets the signal as it was.
 */
static void delegate_within_limits(const struct command_line *line)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct sigaction before;

	(void)sigaction(SIGXFSZ, &ignore, &before);
	delegate(line);
	(void)sigaction(SIGXFSZ, &before, NULL);
}

/* ---- the real runtime ---- */

/* Returns only with an exit status. */
static int execute(const char *name, char **arguments)
{
	char path[PATH_MAX];
	int r = program_find(name, getenv("PATH"), path);

	if (r == -ELOOP) {
		report_failure("%s is hookd-runtime itself: it needs another runtime", name);
		return RUNTIME_EXIT_NOT_EXECUTED;
	}
	if (r == 0 && (r = program_count_start()) == -ELOOP) {
		report_failure(
		    "the runtime %s starts hookd-runtime again: it needs another runtime", path);
		return RUNTIME_EXIT_NOT_EXECUTED;
	}
	if (r == 0) {
		arguments[0] = path;
		execv(path, arguments);
		r = -errno;
	}
	report_failure("the runtime %s cannot be executed: %s", name, strerror(-r));
	return r == -ENOENT ? RUNTIME_EXIT_NOT_FOUND : RUNTIME_EXIT_NOT_EXECUTED;
}

static int runtime_main(const char *own_name, struct command_line *line)
{
	int status;

	if (line->wants_help || line->wants_version) {
		(void)fputs(line->wants_help ? usage : "hookd-runtime " HOOKD_VERSION "\n", stdout);
		return 0;
	}
	status = complete_settings(own_name, line);
	if (status != 0)
		return status;
	if (line->starts_container)
		delegate_within_limits(line);
	return execute(line->settings.program, line->arguments);
}

int main(int argc, char **argv)
{
	const char *wrong = NULL;
	struct command_line line;
	int r;

	/*
	 * Closed streams are closed for the runtime too. EMFILE: no file can be opened, so none can
	 * be taken for a stream.
	 */
	if (open_standard_streams_with(O_CLOEXEC) < 0 && errno != EMFILE)
		return RUNTIME_EXIT_USAGE;
	r = command_line_read(argv, &line, &wrong);
	if (r < 0 && wrong != NULL)
		report_failure("%s is not a right option, see --hookd-help", wrong);
	else if (r < 0)
		report_failure("%s", strerror(-r));
	return r < 0 ? RUNTIME_EXIT_USAGE : runtime_main(argc > 0 ? argv[0] : "", &line);
}
