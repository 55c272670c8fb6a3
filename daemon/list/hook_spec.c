/* SPDX-License-Identifier: Apache-2.0 */
/* Arguments, environment and directory of a hook's process. No state. */
#include "daemon/list/hook_spec.h"

#include <stdio.h>
#include <string.h>

/* "name=value" in the arena. */
static char *make_variable(struct hp_arena *arena, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen("=") + strlen(value) + 1;
	char *variable = hp_arena_alloc(arena, size);

	if (variable)
		snprintf(variable, size, "%s=%s", name, value);
	return variable;
}

/*
 * A hook's environment is what its request says and nothing of hookd's own. Where the request says
 * nothing, PATH alone: a container's or a runtime's variables have been a way in (CVE-2025-23266).
 */
static char **hook_environment(const struct list_order *order, const struct hp_hook *hook,
			       struct hp_arena *arena)
{
	size_t count = 0;
	char **environment;

	while (hook->env && hook->env[count])
		count++;
	environment = hp_arena_calloc(arena, count + 3, sizeof(*environment));
	if (!environment)
		return NULL;
	if (hook->env)
		memcpy(environment, hook->env, count * sizeof(*environment));
	else if (!(environment[count++] = make_variable(arena, "PATH", order->default_path)))
		return NULL;
	if (order->traceparent &&
	    !(environment[count++] = make_variable(arena, "TRACEPARENT", order->traceparent)))
		return NULL;
	return environment;
}

/* As runc does: without arguments, argv is the path. */
static char **hook_arguments(const struct hp_hook *hook, struct hp_arena *arena)
{
	char **arguments;

	if (hook->args && hook->args[0])
		return hook->args;
	arguments = hp_arena_calloc(arena, 2, sizeof(*arguments));
	if (arguments)
		arguments[0] = hook->path;
	return arguments;
}

int hook_spec_fill(const struct list_order *order, const struct hp_hook *hook,
		   struct hp_arena *arena, struct proc_spec *ret_spec)
{
	*ret_spec = (struct proc_spec){
	    .path = hook->path,
	    .argv = hook_arguments(hook, arena),
	    .envp = hook_environment(order, hook, arena),
	    .dir = hook->dir,
	    .soft_dir = order->bundle,
	    .state = order->state,
	    .state_length = order->state_length,
	    .target = order->target,
	    .any_owner = order->any_owner,
	};
	return ret_spec->argv && ret_spec->envp ? 0 : -ENOMEM;
}
