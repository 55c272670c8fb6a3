/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of hookd, parsed by getopt_long(3). No state. */
#include "daemon/options.h"

#include <event2/event.h>
#include <getopt.h>
#include <seccomp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/config.h"
#include "version.h"

enum {
	OPTION_SOCKET = 1,
	OPTION_CONFIG,
	OPTION_STATE_DIR,
	OPTION_CGROUP_ROOT,
	OPTION_RUNNER_SOCKET,
	OPTION_PRIVATE,
	OPTION_LOG_TARGET,
	OPTION_LOG_LEVEL,
	OPTION_CHECK_CONFIG,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, OPTION_SOCKET},
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"state-dir", required_argument, NULL, OPTION_STATE_DIR},
    {"cgroup-root", required_argument, NULL, OPTION_CGROUP_ROOT},
    {"runner-socket", required_argument, NULL, OPTION_RUNNER_SOCKET},
    {"private", no_argument, NULL, OPTION_PRIVATE},
    {"log-target", required_argument, NULL, OPTION_LOG_TARGET},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

/*
 * Stores the option's argument, a path, made absolute; it replaces that of an earlier option. An
 * empty path is refused: bind(2) would take it for an abstract address, to which anybody may
 * connect.
 */
static int take_path(const char *name, char **ret_path)
{
	char *directory = NULL, *path = NULL;
	int r = 0;

	if (optarg[0] == '\0') {
		fprintf(stderr, "hookd: --%s= takes a path: the value is empty\n", name);
		return -EINVAL;
	}
	if (optarg[0] == '/') {
		path = strdup(optarg);
	} else {
		directory = getcwd(NULL, 0);
		if (!directory)
			r = -errno;
		else if (asprintf(&path, "%s/%s", directory, optarg) < 0)
			path = NULL;
	}
	if (r == 0 && !path)
		r = -ENOMEM;
	if (r < 0)
		fprintf(stderr, "hookd: %s: %s\n", optarg, strerror(-r));
	free(directory);
	free(*ret_path);
	*ret_path = path;
	return r;
}

static int take_word(const char *option, const char *words,
		     int (*parse)(const char *word, uint64_t *ret), struct hp_uint *ret_value)
{
	uint64_t value;

	if (parse(optarg, &value) < 0) {
		fprintf(stderr, "hookd: invalid %s=%s: it takes %s\n", option, optarg, words);
		return -EINVAL;
	}
	*ret_value = (struct hp_uint){true, value};
	return 0;
}

static int take(struct hookd_options *options, int option)
{
	switch (option) {
	case OPTION_SOCKET:
		return take_path("socket", &options->socket);
	case OPTION_CONFIG:
		return take_path("config", &options->config);
	case OPTION_STATE_DIR:
		return take_path("state-dir", &options->state_dir);
	case OPTION_CGROUP_ROOT:
		return take_path("cgroup-root", &options->cgroup_root);
	case OPTION_RUNNER_SOCKET:
		return take_path("runner-socket", &options->runner_socket);
	case OPTION_PRIVATE:
		options->is_private = true;
		return 0;
	case OPTION_LOG_TARGET:
		return take_word("--log-target", "auto, journal or stderr", config_parse_log_target,
				 &options->log_target);
	case OPTION_LOG_LEVEL:
		return take_word("--log-level", "error, warning, info or debug",
				 config_parse_log_level, &options->log_level);
	case OPTION_CHECK_CONFIG:
		options->check_config = true;
		return 0;
	case OPTION_VERSION:
		options->version = true;
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	default:
		return -EINVAL; /* getopt_long() has printed the reason */
	}
}

/* A private hookd has no place of its own. */
static int check(const struct hookd_options *options)
{
	const struct {
		bool is_given;
		const char *name;
	} rows[] = {
	    {options->socket, "socket"},
	    {options->state_dir, "state-dir"},
	    {options->cgroup_root, "cgroup-root"},
	    {options->runner_socket, "runner-socket"},
	    {options->check_config, "check-config"},
	};

	for (size_t i = 0; i < ELEMENTS(rows) && options->is_private; i++) {
		if (!rows[i].is_given)
			continue;
		fprintf(stderr, "hookd: --private and --%s exclude each other\n", rows[i].name);
		return -EINVAL;
	}
	return 0;
}

int hookd_options_read(int argc, char **argv, struct hookd_options *ret_options)
{
	struct hookd_options options = {0};
	int option, r = 0;

	while (r == 0 && (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		r = take(&options, option);
	if (r == 0 && optind < argc) {
		fprintf(stderr, "hookd: unexpected argument: %s\n", argv[optind]);
		r = -EINVAL;
	}
	if (r == 0)
		r = check(&options);
	if (r < 0)
		hookd_options_clear(&options);
	*ret_options = options;
	return r;
}

void hookd_options_clear(struct hookd_options *options)
{
	free(options->socket);
	free(options->config);
	free(options->state_dir);
	free(options->cgroup_root);
	free(options->runner_socket);
	*options = (struct hookd_options){0};
}

void hookd_options_print_help(void)
{
	fputs(
	    "hookd [OPTIONS]\n"
	    "Runs OCI lifecycle hooks on behalf of container runtimes.\n\n"
	    "  --socket=PATH        listen on this socket (default: /run/hookd/hookd.sock, or\n"
	    "                       $XDG_RUNTIME_DIR/hookd/hookd.sock of an ordinary user)\n"
	    "  --config=FILE        read this file instead of /etc/hookd/hookd.conf\n"
	    "  --state-dir=DIR      keep here what survives a restart (default: \"state\" in the\n"
	    "                       first directory of $RUNTIME_DIRECTORY, or beside the default\n"
	    "                       socket; none with --socket and without a service manager)\n"
	    "  --cgroup-root=DIR    make cgroups in this cgroup2 directory\n"
	    "  --runner-socket=PATH have the service manager start the processes that run hooks,\n"
	    "                       one for each connection to this socket; on SIGTERM hookd then\n"
	    "                       ends at once, and they go on (default: hookd starts them)\n"
	    "  --private            serve the one connection that is descriptor 3, keep nothing, "
	    "and\n"
	    "                       end with it: hookd-oci-hook and hookctl start hookd so\n"
	    "  --log-target=TARGET  auto, journal or stderr\n"
	    "  --log-level=LEVEL    error, warning, info or debug\n"
	    "  --check-config       check the configuration and exit\n"
	    "  --version            show the version\n"
	    "  --help               show this\n",
	    stdout);
}

void hookd_options_print_version(void)
{
	const struct scmp_version *seccomp = seccomp_version();

	printf("hookd " HOOKD_VERSION "\n" HOOKD_FEATURES "\n");
	printf("libevent %s, SQLite %s, libseccomp %u.%u.%u, libsystemd " HOOKD_LIBSYSTEMD_VERSION
	       ", inih " HOOKD_INIH_VERSION "\n",
	       event_get_version(), sqlite3_libversion(), seccomp->major, seccomp->minor,
	       seccomp->micro);
}
