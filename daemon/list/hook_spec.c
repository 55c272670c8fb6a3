/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the proc_spec of a hook from the order of its list. No state. */
#include "daemon/list/hook_spec.h"

#include <stdio.h>
#include <string.h>

/* Returns "name=value", in the arena; NULL: out of memory. */
static char *make_variable(struct hp_arena *arena, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen("=") + strlen(value) + 1;
	char *variable = hp_arena_alloc(arena, size);

	if (variable)
		snprintf(variable, size, "%s=%s", name, value);
	return variable;
}

/*
 * A hook gets the environment of its request, and nothing of hookd's own. Without one it gets only
 * PATH:
 * variables of a container or a runtime could be used for attacks (CVE-2025-23266).
 */
static char **make_environment(const struct list_order *order, const struct hp_hook *hook,
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

/* Without arguments argv has only the path, as with runc. */
static char **make_arguments(const struct hp_hook *hook, struct hp_arena *arena)
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
	    .argv = make_arguments(hook, arena),
	    .envp = make_environment(order, hook, arena),
	    .dir = hook->dir,
	    /* A relative one is relative to the runtime, which only it knows. */
	    .soft_dir = order->bundle && order->bundle[0] == '/' ? order->bundle : NULL,
	    .state = order->state,
	    .state_length = order->state_length,
	    .target = order->target,
	    .any_owner = order->any_owner,
	};
	return ret_spec->argv && ret_spec->envp ? 0 : -ENOMEM;
}
