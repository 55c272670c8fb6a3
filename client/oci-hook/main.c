/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd-oci-hook: a hook for any OCI runtime that lets hookd run the real ones. The runtime starts
 * it with the OCI state on stdin; it sends the hooks of one stage to hookd and exits with the
 * status of the failing hook, so the runtime need not know about hookd.
 *
 *	read the state, read the hooks, connect --ok----> run, show output --> exit status
 *	                                        |             | nothing was run
 *	                                        `-down--------'--> --if-down: fail, run-local (in a
 *	                                                           private hookd), ignore, spool
 *
 * A runtime starts one for each stage of each container: it is linked static, and small.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/libhookd/client.h"
#include "client/libhookd/hook_list.h"
#include "client/libhookd/hookd.h"
#include "client/oci-hook/hook_environment.h"
#include "client/oci-hook/oci-hook.h"
#include "client/oci-hook/oci_state.h"
#include "client/oci-hook/run.h"
#include "client/oci-hook/spool.h"
#include "proto/base/limits.h"
#include "proto/base/standard_streams.h"
#include "proto/spool/spool.h"

enum if_down { IF_DOWN_FAIL, IF_DOWN_RUN_LOCAL, IF_DOWN_IGNORE, IF_DOWN_SPOOL, IF_DOWN_COUNT };
static const char *const if_down_names[] = {"fail", "run-local", "ignore", "spool"};
static_assert(sizeof(if_down_names) / sizeof(if_down_names[0]) == IF_DOWN_COUNT, "one name each");

struct shim {
	enum hp_stage stage;
	const char *hooks_file, *hook_path; /* one of them is set, or there is hooks_json */
	struct hp_buf hooks_json;
	bool has_dashes;
	char **hook_args; /* behind "--", NULL-terminated */
	const char *address, *spool;
	const char *hookd; /* program of a private one; NULL: the installed one */
	enum if_down if_down;

	struct hookd_client *client;

	struct hp_buf state; /* as received, NUL-terminated */
	struct oci_state known;
	struct hp_arena arena;
	struct hp_hook_list list; /* in `arena` */
	char **inherited;	  /* by hooks without `env`; NULL: nothing */
};

/* ---- options ---- */

static const char usage[] =
    "usage: hookd-oci-hook --stage=STAGE SOURCE [OPTION...] < STATE\n"
    "Lets hookd run the OCI hooks of one stage; the exit status is the failing hook's.\n"
    "\n"
    "SOURCE is one of\n"
    "  --hooks=FILE          a hooks object, or a config.json\n"
    "  --hooks-json=JSON     a hooks object; given several times, the parts of one\n"
    "  --hook=PATH [-- ARG...]  one program and its arguments; must come last\n"
    "OPTION is one of\n"
    "  --address=unix:PATH   of hookd; default $HOOKD_ADDRESS, else " HOOKD_ADDRESS_DEFAULT "\n"
    "                        or, for other users, $XDG_RUNTIME_DIR/hookd/hookd.sock. In\n"
    "                        createContainer and startContainer the container's image can set\n"
    "                        variables: they are ignored, and a user's is /run/user/UID/...\n"
    "  --if-down=fail        when hookd cannot be reached, is draining or was busy for too\n"
    "                        long, so that nothing was run: exit 125 (the default)\n"
    "  --if-down=run-local   ... run them in a private hookd, which is started for this and has\n"
    "                        the namespaces of hookd-oci-hook; exit 125 if that cannot be\n"
    "  --if-down=ignore      ... warn and exit 0\n"
    "  --if-down=spool       ... leave the hooks in a directory for the next hookd, and exit 0;\n"
    "                        where that cannot be, as run-local. For poststop only\n"
    "  --spool=DIR           that directory; default state/spool beside hookd's socket\n"
    "  --hookd=PATH          the program of a private hookd; default " HOOKD_PROGRAM "\n"
    "A socket that belongs neither to root nor to the caller is an error: always exit 125.\n"
    "\n"
    "When the connection is lost hookd may have run hooks: it is asked for their result again\n"
    "for 60 s, and then it is exit 125, whatever --if-down says.\n"
    "\n"
    "A hook without env inherits the environment of hookd-oci-hook, without what makes a\n"
    "program load code (LD_*, GLIBC_TUNABLES, ...); in createContainer and startContainer it\n"
    "gets PATH alone.\n"
    "\n"
    "A hookd that is busy is asked again for as long as the first hook may take (without a\n"
    "timeout 300 s); nothing was run then.\n"
    "\n"
    "Exit status: 0, 1 to 125 the failing hook's own, 124 timed out, 125 hookd not reached or\n"
    "refused, the run cancelled or lost, or the state is of another stage, 126 not spawned,\n"
    "128+N killed by signal N.\n";

enum {
	OPTION_STAGE = 256,
	OPTION_HOOKS,
	OPTION_JSON,
	OPTION_HOOK,
	OPTION_ADDRESS,
	OPTION_DOWN,
	OPTION_SPOOL,
	OPTION_HOOKD
};

static const struct option options[] = {
    {"stage", required_argument, NULL, OPTION_STAGE},
    {"hooks", required_argument, NULL, OPTION_HOOKS},
    {"hooks-json", required_argument, NULL, OPTION_JSON},
    {"hook", required_argument, NULL, OPTION_HOOK},
    {"address", required_argument, NULL, OPTION_ADDRESS},
    {"if-down", required_argument, NULL, OPTION_DOWN},
    {"spool", required_argument, NULL, OPTION_SPOOL},
    {"hookd", required_argument, NULL, OPTION_HOOKD},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'v'},
    {0},
};

static int shim_set_if_down(struct shim *shim, const char *name)
{
	for (int i = 0; i < IF_DOWN_COUNT; i++) {
		if (strcmp(if_down_names[i], name) == 0) {
			shim->if_down = (enum if_down)i;
			return 0;
		}
	}
	return shim_complain("--if-down is fail, run-local, ignore or spool, not %s", name);
}

static int shim_set_option(struct shim *shim, int option, const char *value)
{
	switch (option) {
	case OPTION_STAGE:
		shim->stage = hook_stage(value);
		if (shim->stage == HP_STAGE_COUNT)
			return shim_complain("--stage=%s is not a stage", value);
		return 0;
	case OPTION_HOOKS:
		shim->hooks_file = value;
		return 0;
	case OPTION_JSON:
		hp_buf_append(&shim->hooks_json, value, strlen(value));
		return 0;
	case OPTION_HOOK:
		shim->hook_path = value;
		return 0;
	case OPTION_ADDRESS:
		shim->address = value;
		return 0;
	case OPTION_DOWN:
		return shim_set_if_down(shim, value);
	case OPTION_SPOOL:
		shim->spool = value;
		return 0;
	case OPTION_HOOKD:
		shim->hookd = value;
		return value[0] == '/' ? 0
				       : shim_complain("--hookd=%s is not an absolute path", value);
	default: /* getopt_long() has said what is wrong */
		return -EINVAL;
	}
}

static int shim_check_options(const struct shim *shim)
{
	if (shim->stage == HP_STAGE_COUNT)
		return shim_complain("--stage is required");
	if (!!shim->hooks_file + !!shim->hooks_json.data + !!shim->hook_path != 1)
		return shim_complain("one of --hooks, --hooks-json and --hook is required");
	if (shim->hook_args[0] && !(shim->hook_path && shim->has_dashes))
		return shim_complain("%s: arguments go with --hook and behind --",
				     shim->hook_args[0]);
	if (shim->if_down == IF_DOWN_SPOOL && shim->stage != HP_STAGE_POSTSTOP)
		return shim_complain("--if-down=spool is for poststop: at %s the runtime waits for "
				     "the hooks",
				     hp_stage_names[shim->stage]);
	return 0;
}

/* 1 after --help and --version. */
static int shim_read_options(struct shim *shim, int argc, char **argv)
{
	int option, r = 0;

	while (r >= 0 && (option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (option == 'h' || option == 'v') {
			(void)fputs(option == 'h' ? usage : "hookd-oci-hook " HOOKD_VERSION "\n",
				    stdout);
			return 1;
		}
		r = shim_set_option(shim, option, optarg);
	}
	shim->hook_args = argv + optind;
	shim->has_dashes = strcmp(argv[optind - 1], "--") == 0;
	if (r >= 0)
		r = shim_check_options(shim);
	if (r < 0)
		(void)fprintf(stderr, "try hookd-oci-hook --help\n");
	return r;
}

/* ---- what to run ---- */

/* Reads a whole file and adds a NUL. -EMSGSIZE for more than hookd accepts. */
static int shim_read_all(int fd, struct hp_buf *buf)
{
	ssize_t n = 1;

	while (n != 0) {
		/*
		 * Most files are shorter than this; after that only the end of the file is left to
		 * find.
		 */
		char *room = hp_buf_reserve(buf, buf->length == 0 ? 4000 : 2);

		if (!room)
			return -ENOMEM;
		n = read(fd, room, buf->capacity - buf->length - 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		buf->length += n > 0 ? (size_t)n : 0;
		if (buf->length > HP_MESSAGE_BYTES_MAX)
			return -EMSGSIZE;
	}
	hp_buf_append(buf, "", 1);
	if (buf->failed)
		return -ENOMEM;
	return strlen(buf->data) == --buf->length ? 0 : -EBADMSG;
}

static int shim_read_state(struct shim *shim)
{
	int r = shim_read_all(STDIN_FILENO, &shim->state);

	if (r < 0)
		return shim_complain("the state on stdin: %s", strerror(-r));
	return shim->state.length > 0 ? 0 : shim_complain("there is no state on stdin");
}

/* Refuses to run the hooks of one stage at another. */
static int shim_check_stage(struct shim *shim)
{
	if (oci_state_read(shim->state.data, shim->state.length, &shim->arena, &shim->known) < 0)
		return shim_complain("out of memory");
	if (oci_state_may_be_of(&shim->known, shim->stage))
		return 0;
	return shim_complain("--stage=%s is not the stage that it is run at: the state says that "
			     "the container is %s; no hook was run",
			     hp_stage_names[shim->stage], shim->known.status);
}

/* A config.json is recognized by ociVersion, which it must have and a hooks object does not. */
static struct hp_json_value shim_hooks_of(struct hp_json_value root)
{
	struct hp_json_value hooks = hp_json_member(root, "hooks");

	if (hp_json_is_absent(hooks) && hp_json_is_absent(hp_json_member(root, "ociVersion")))
		return root;
	return hooks;
}

static int shim_parse_hooks(struct shim *shim, const char *text, size_t length)
{
	struct hp_json json = {0};
	struct hp_hooks hooks;
	struct hp_err err;
	int r;

	r = hp_json_parse(&json, text, length, &err);
	if (r >= 0)
		r = hp_hooks_read(shim_hooks_of(hp_json_root(&json)), HP_DIALECT_OCI, &shim->arena,
				  &hooks, &err);
	hp_json_free(&json);
	if (r < 0)
		return shim_complain("hooks: %s %s", err.path, err.reason);
	shim->list = hooks.stages[shim->stage];
	return 0;
}

static int shim_read_file(struct shim *shim)
{
	int fd = open(shim->hooks_file, O_RDONLY | O_CLOEXEC), r;
	struct hp_buf text = HP_BUF_INIT;

	if (fd < 0)
		return shim_complain("%s: %s", shim->hooks_file, shim_words(errno));
	r = shim_read_all(fd, &text);
	close(fd);
	if (r < 0)
		(void)shim_complain("%s: %s", shim->hooks_file, strerror(-r));
	else
		r = shim_parse_hooks(shim, text.data, text.length);
	hp_buf_free(&text);
	return r;
}

/* --hook: a list of one hook, with its path as argv[0]. */
static int shim_make_hook(struct shim *shim)
{
	struct hp_hook *hook = hp_arena_calloc(&shim->arena, 1, sizeof(*hook));
	size_t count = 0;

	while (shim->hook_args[count])
		count++;
	if (shim->hook_path[0] != '/')
		return shim_complain("%s is not an absolute path", shim->hook_path);
	if (hook)
		hook->args = hp_arena_calloc(&shim->arena, count + 2, sizeof(char *));
	if (!hook || !hook->args)
		return shim_complain("out of memory");
	hook->path = hook->args[0] = (char *)shim->hook_path;
	memcpy(hook->args + 1, shim->hook_args, count * sizeof(char *));
	shim->list = (struct hp_hook_list){.hooks = hook, .count = 1};
	return 0;
}

static int shim_read_hooks(struct shim *shim)
{
	if (shim->hook_path)
		return shim_make_hook(shim);
	if (shim->hooks_file)
		return shim_read_file(shim);
	if (shim->hooks_json.failed)
		return shim_complain("out of memory");
	return shim_parse_hooks(shim, shim->hooks_json.data, shim->hooks_json.length);
}

/* ---- running ---- */

/*
 * Gives hooks without `env` the runtime's environment, which is ours and not hookd's. In a
 * container stage they are sent without `env`: hookd gives them PATH alone.
 */
static int shim_give_environment(struct shim *shim)
{
	if (hook_environment(shim->stage, environ, &shim->arena, &shim->inherited) < 0)
		return shim_complain("out of memory");
	for (size_t i = 0; i < shim->list.count; i++) {
		if (!shim->list.hooks[i].env)
			shim->list.hooks[i].env = shim->inherited;
	}
	return 0;
}

/* JSON cannot hold variables that are not UTF-8. */
static void shim_drop_binary_variables(struct shim *shim)
{
	size_t count = 0, kept = 0;

	for (; shim->inherited && shim->inherited[count]; count++) {
		if (hp_json_is_text(shim->inherited[count], strlen(shim->inherited[count])))
			shim->inherited[kept++] = shim->inherited[count];
	}
	if (kept == count)
		return;
	shim->inherited[kept] = NULL;
	(void)shim_complain("left out %zu environment variables that are not UTF-8", count - kept);
}

/* The directory that the runtime starts hooks in, which is ours. NULL if it was removed. */
static char *shim_directory(struct shim *shim)
{
	char path[PATH_MAX];

	return getcwd(path, sizeof(path)) && path[0] == '/'
		   ? hp_arena_copy(&shim->arena, path, strlen(path))
		   : NULL;
}

/* Adds to the list what hookd does not know. */
static void shim_complete_hooks(struct shim *shim)
{
	char *directory = shim_directory(shim);

	shim_drop_binary_variables(shim);
	for (size_t i = 0; i < shim->list.count; i++) {
		if (!shim->list.hooks[i].dir)
			shim->list.hooks[i].dir = directory;
	}
}

static struct shim_run shim_run_of(const struct shim *shim, struct hookd_client *client)
{
	return (struct shim_run){
	    .client = client,
	    .stage = shim->stage,
	    .list = &shim->list,
	    .state = shim->state.data,
	    .state_length = shim->state.length,
	    .known = &shim->known,
	};
}

/*
 * In a private hookd. Hooks of all stages run where we do, which is where the runtime would have
 * executed them.
 */
static int shim_run_privately(struct shim *shim, size_t first)
{
	struct shim_run run = shim_run_of(shim, NULL);
	struct shim_left left;
	int r = hookd_client_new_private(shim->hookd, &run.client), status;

	if (r < 0) {
		(void)shim_complain("%s", strerror(-r));
		return SHIM_NO_HOOKD;
	}
	/* Runtimes may ignore it; then the kernel would reap hookd, and nobody knew how it ended.
	 */
	(void)signal(SIGCHLD, SIG_DFL);
	shim_complete_hooks(shim);
	run.first = first;
	run.namespaces = "runtime";
	status = shim_run(&run, &left);
	if (left.first < shim->list.count) {
		(void)shim_complain("%s", hookd_client_error(run.client));
		status = status != 0 ? status : SHIM_NO_HOOKD;
	}
	/* It must not outlive us, and in a container nobody else may reap it for long. */
	hookd_client_free(run.client);
	return status;
}

/*
 * A directory that is missing is created where hookd will surely look for it: for the default
 * socket, or where --spool names it. A hookd at another address may keep its state elsewhere, or
 * nowhere; where it uses the directory beside its socket, it has created that.
 */
static int shim_find_spool(const struct shim *shim, const struct hookd_client *client,
			   char path[static PATH_MAX], struct shim_spool *ret)
{
	char *usual;
	int r;

	*ret = (struct shim_spool){.path = shim->spool ? shim->spool : path, .levels = 1};
	if (shim->spool)
		return 0;
	r = client_default_path(true, &usual);
	if (r < 0)
		return r;
	ret->levels = strcmp(client->path, usual) == 0 ? 3 : 0;
	free(usual);
	return hp_spool_path(client->path, path, PATH_MAX);
}

/*
 * Leaves the hooks for the next hookd, or runs them here. They are left without a directory, and
 * start in the bundle or, if that is gone by then, in "/".
 */
static int shim_leave(struct shim *shim, const struct hookd_client *client, size_t first,
		      const char *why)
{
	struct shim_run run = shim_run_of(shim, NULL);
	char path[PATH_MAX], reason[SHIM_REASON_SIZE];
	struct shim_spool spool;
	int r = shim_find_spool(shim, client, path, &spool);

	shim_drop_binary_variables(shim);
	for (size_t i = first; i < shim->list.count; i++)
		shim->list.hooks[i].dir = NULL;
	if (r < 0) {
		(void)shim_complain("%s; the hooks are run here: there is no spool: %s", why,
				    strerror(-r));
		return shim_run_privately(shim, first);
	}
	r = shim_spool(&spool, &run, first, &first, reason);
	if (r < 0) {
		(void)shim_complain(
		    "%s; the hooks are run here, since they cannot be left in %s: %s", why,
		    spool.path, reason);
		return shim_run_privately(shim, first);
	}
	(void)shim_complain("%s; the hooks are left in %s for the next hookd", why, spool.path);
	return 0;
}

/*
 * Does what --if-down says with the hooks from `first` on. Not for a socket of another user
 * (-EPERM): by making one, that user could have the hooks skipped, or run without hookd's timeouts,
 * cgroups and records.
 */
static int shim_run_without(struct shim *shim, const struct hookd_client *client, size_t first,
			    int error)
{
	const char *why = hookd_client_error(client);

	assert(error < 0);
	if (error == -EPERM) {
		(void)shim_complain("%s", why);
		return SHIM_NO_HOOKD;
	}
	if (shim->if_down == IF_DOWN_RUN_LOCAL)
		return shim_run_privately(shim, first);
	if (shim->if_down == IF_DOWN_SPOOL)
		return shim_leave(shim, client, first, why);
	(void)shim_complain("%s%s", why,
			    shim->if_down == IF_DOWN_IGNORE ? "; the hooks are not run" : "");
	return shim->if_down == IF_DOWN_IGNORE ? 0 : SHIM_NO_HOOKD;
}

static int shim_run_with(struct shim *shim, struct hookd_client *client)
{
	struct shim_run run = shim_run_of(shim, client);
	struct shim_left left;
	int status, status_of_rest = 0;

	shim_complete_hooks(shim);
	status = shim_run(&run, &left);
	if (left.first < shim->list.count)
		status_of_rest = shim_run_without(shim, client, left.first, left.error);
	return status != 0 ? status : status_of_rest;
}

/*
 * In a container stage HOOKD_ADDRESS is not trusted: runc 1.1 gives createContainer hooks the
 * environment of the container, so an image could choose a daemon that reports success without
 * running the hooks.
 */
static int shim_make_client(struct shim *shim, struct hookd_client **ret_client)
{
	char *path, *address;
	int r;

	if (shim->address || !hp_stage_is_container(shim->stage))
		return hookd_client_new(shim->address, ret_client);
	r = client_default_path(false, &path);
	if (r < 0)
		return r;
	r = asprintf(&address, "unix:%s", path) < 0 ? -ENOMEM : 0;
	free(path);
	if (r < 0)
		return r;
	r = hookd_client_new(address, ret_client);
	free(address);
	return r;
}

static int shim_main(struct shim *shim)
{
	int r;

	/* Always read the state, and first: crun dies of SIGPIPE when a hook does not read it. */
	if (shim_read_state(shim) < 0 || shim_read_hooks(shim) < 0)
		return SHIM_NO_HOOKD;
	if (shim->list.count == 0)
		return 0;
	if (shim_check_stage(shim) < 0)
		return SHIM_NO_HOOKD;
	if (shim_give_environment(shim) < 0)
		return SHIM_NO_HOOKD;
	r = shim_make_client(shim, &shim->client);
	if (r < 0) {
		(void)shim_complain("the address of hookd is not unix:/PATH: %s", strerror(-r));
		return SHIM_NO_HOOKD;
	}
	r = hookd_client_connect(shim->client);
	return r < 0 ? shim_run_without(shim, shim->client, 0, r)
		     : shim_run_with(shim, shim->client);
}

/*
 * The memory and the connection to a hookd are left to the kernel: the runtime waits for the end,
 * and musl would give back nearly each block with an munmap(2).
 */
int main(int argc, char **argv)
{
	struct shim shim = {.stage = HP_STAGE_COUNT};
	int r, status;

	if (open_standard_streams() < 0)
		return SHIM_NO_HOOKD;
	r = shim_read_options(&shim, argc, argv);
	if (r == 0)
		status = shim_main(&shim);
	else
		status = r > 0 ? 0 : SHIM_NO_HOOKD;
	exit(status);
}
