/* SPDX-License-Identifier: Apache-2.0 */

/* The lines of explain about one hook. No state. */

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "client/hookctl/check/explain.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"

void explain_print(struct explain *explain, const char *format, ...)
{
	struct hp_buf text = HP_BUF_INIT;
	va_list arguments;

	va_start(arguments, format);
	hp_buf_vformat(&text, format, arguments);
	va_end(arguments);
	escape_append(&explain->out, text.data, text.length, ESCAPE_LINES);
	explain->out.failed |= text.failed;
	hp_buf_free(&text);
}

/* As hookd decides it: io.hookd.hooks, Run. */
static bool enters_container(const struct explain *explain, enum hp_stage stage)
{
	const char *named = ctl_option(explain->ctl, OPTION_NAMESPACES);

	if (named != NULL && strcmp(named, "auto") != 0)
		return strcmp(named, "container") == 0;
	return hp_stage_is_container(stage);
}

static void print_where(struct explain *explain, enum hp_stage stage,
			const struct hookd_explained_hook *hook)
{
	const char *const *name = hook->namespaces;

	explain_print(explain, "  where:    %s",
		      *name == NULL			 ? "the caller's namespaces"
		      : enters_container(explain, stage) ? "the container's"
							 : "those that the settings name:");
	for (; *name != NULL; name++)
		explain_print(explain, " %s", *name);
	explain_print(explain, " (%s)\n", hook->why_namespaces);
}

static bool has_settings(const struct hookd_explained_hook *hook)
{
	return strcmp(hook->why_settings, "request") == 0;
}

static void print_as(struct explain *explain, const struct hookd_explained_hook *hook)
{
	if (hook->uid < 0)
		explain_print(explain,
			      "  as:       the container's process, with its rights (%s)\n",
			      hook->why_ids);
	else
		explain_print(explain, "  as:       uid %" PRId64 ", gid %" PRId64 "%s (%s)\n",
			      hook->uid, hook->gid,
			      has_settings(hook) ? "" : ", hookd's capabilities", hook->why_ids);
}

/* As it stands in hookd.conf. */
static void print_default(struct explain *explain, const struct hookd_explained_default *of)
{
	explain_print(explain, "%s=", of->key);
	if (strcmp(of->key, "UMask") == 0)
		explain_print(explain, "%04" PRIo64, (uint64_t)of->value);
	else if (strcmp(of->key, "CPUQuota") == 0)
		explain_print(explain, "%g%%", (double)of->value / 1000);
	else
		explain_print(explain, "%" PRId64, of->value);
	explain_print(explain, " (%s%s%s)", of->source, of->ignored != NULL ? "; ignored: " : "",
		      of->ignored != NULL ? of->ignored : "");
}

static void print_settings(struct explain *explain, const struct hookd_explained_hook *hook,
			   const struct hookd_explanation *explanation)
{
	explain_print(explain, "  settings: ");
	if (has_settings(hook))
		explain_print(explain, "%s", ctl_option(explain->ctl, OPTION_SETTINGS));
	else if (explanation->default_count == 0)
		explain_print(explain, "none");
	for (size_t i = 0; i < explanation->default_count; i++) {
		if (i > 0 || has_settings(hook))
			explain_print(explain, ", ");
		print_default(explain, &explanation->defaults[i]);
	}
	explain_print(explain, "\n");
}

static void print_timeout(struct explain *explain, const struct hookd_explained_hook *hook)
{
	bool is_of_hook = strcmp(hook->why_timeout, "request") == 0;
	char span[SPAN_SIZE] = "none";

	if (hook->timeout_us > 0)
		span_format((uint64_t)hook->timeout_us, span);
	explain_print(explain, "  timeout:  %s (%s%s)\n", span,
		      is_of_hook ? "" : "DefaultTimeoutSec=, ",
		      is_of_hook ? "of the hook" : hook->why_timeout);
}

static void print_failure(struct explain *explain, const char *reason)
{
	if (reason != NULL)
		explain_print(explain, "  fails:    %s\n", reason);
}

void explain_print_hook(struct explain *explain, enum hp_stage stage, size_t index,
			const struct hookd_explanation *explanation)
{
	const struct hookd_explained_hook *hook = &explanation->hooks[index];

	explain_print(
	    explain, "%s #%zu %s; a failure %s\n", hp_stage_names[stage], index, hook->path,
	    hp_stage_continues_on_failure(stage) ? "does not stop the others" : "ends the stage");
	print_where(explain, stage, hook);
	print_as(explain, hook);
	print_settings(explain, hook, explanation);
	print_timeout(explain, hook);
	print_failure(explain, explanation->fails);
	print_failure(explain, hook->fails);
}

void explain_print_delegated(struct explain *explain, enum hp_stage stage, size_t index,
			     const struct hookd_explained_hook *shim,
			     const struct hookd_explanation *explanation)
{
	explain_print(explain, "%s #%zu %s has hookd run:\n", hp_stage_names[stage], index,
		      shim->path);
	print_failure(explain, shim->fails);
	for (size_t i = 0; i < explanation->hook_count; i++)
		explain_print_hook(explain, stage, i, explanation);
}
