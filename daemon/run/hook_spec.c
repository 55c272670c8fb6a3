/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the description of a hook's process from a request. No state. */
#include "daemon/run/hook_spec.h"

#include <stdio.h>
#include <string.h>

/* "name=value", in the request's arena. */
static char *make_variable(struct hp_request *request, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen("=") + strlen(value) + 1;
	char *variable = hp_arena_alloc(&request->arena, size);

	if (variable)
		snprintf(variable, size, "%s=%s", name, value);
	return variable;
}

/*
 * A hook gets the environment of its request and nothing of hookd's. Without one it gets only PATH:
 * variables of a container or a runtime could be used for attacks (CVE-2025-23266).
 */
static char **make_environment(struct run *run, const struct hp_hook *hook)
{
	struct hp_request *request = &run->request;
	size_t count = 0;
	char **environment;

	while (hook->env && hook->env[count])
		count++;
	environment = hp_arena_calloc(&request->arena, count + 3, sizeof(*environment));
	if (!environment)
		return NULL;
	if (hook->env)
		memcpy(environment, hook->env, count * sizeof(*environment));
	else if (!(environment[count++] =
		       make_variable(request, "PATH", run->context->config->default_path)))
		return NULL;
	if (request->traceparent &&
	    !(environment[count++] = make_variable(request, "TRACEPARENT", request->traceparent)))
		return NULL;
	return environment;
}

/* Without arguments argv has only the path, as with runc. */
static char **make_arguments(struct run *run, const struct hp_hook *hook)
{
	char **arguments;

	if (hook->args && hook->args[0])
		return hook->args;
	arguments = hp_arena_calloc(&run->request.arena, 2, sizeof(*arguments));
	if (arguments)
		arguments[0] = hook->path;
	return arguments;
}

int hook_spec_fill(struct run *run, const struct hp_hook *hook, struct proc_spec *ret_spec)
{
	*ret_spec = (struct proc_spec){
	    .path = hook->path,
	    .argv = make_arguments(run, hook),
	    .envp = make_environment(run, hook),
	    .dir = hook->dir,
	    .soft_dir = run->request.bundle,
	    .state = run->request.state,
	    .state_length = run->request.state_length,
	    .target = run->target,
	    .any_owner = !run->context->config->check_hook_files,
	};
	return ret_spec->argv && ret_spec->envp ? 0 : -ENOMEM;
}
