/* SPDX-License-Identifier: Apache-2.0 */

/* GetStatus and GetMetrics. */

#include "client/libhookd/ask.h"

/* ---- status ---- */

static void read_counters(struct member_reader *reader, struct hookd_status_info *status)
{
	read_uint64(reader, "running", &status->running);
	read_uint64(reader, "queued", &status->queued);
	read_uint64(reader, "connections", &status->connections);
	read_uint64(reader, "stored", &status->stored);
	read_uint64(reader, "runners", &status->runners);
}

/* The reader of a member that is an object. */
static struct member_reader read_object(const struct member_reader *reader, const char *name)
{
	struct member_reader inner =
	    member_reader_new(hp_json_member(reader->object, name), reader->arena, reader->err);

	if (reader->r < 0)
		inner.r = reader->r;
	return inner;
}

static void end_object(struct member_reader *reader, const char *name,
		       const struct member_reader *inner)
{
	if (reader->r == 0 && inner->r < 0)
		reader->r = hp_err_prefix(reader->err, inner->r, name);
}

static void read_config_error(struct member_reader *reader, struct hookd_status_info *status)
{
	struct member_reader inner = read_object(reader, "configError");

	read_text(&inner, "file", &status->config_error_file);
	read_text(&inner, "key", &status->config_error_key);
	read_text(&inner, "reason", &status->config_error_reason);
	read_uint64(&inner, "line", &status->config_error_line);
	read_uint64(&inner, "column", &status->config_error_column);
	end_object(reader, "configError", &inner);
}

static void read_last_hour(struct member_reader *reader, struct hookd_status_info *status)
{
	struct member_reader inner = read_object(reader, "lastHour");

	read_uint64(&inner, "runs", &status->last_hour_runs);
	read_uint64(&inner, "failed", &status->last_hour_failed);
	read_uint64(&inner, "timedOut", &status->last_hour_timed_out);
	read_uint64(&inner, "lost", &status->last_hour_lost);
	read_uint64(&inner, "refused", &status->last_hour_refused);
	end_object(reader, "lastHour", &inner);
}

static void read_dropped(struct member_reader *reader, struct hookd_status_info *status)
{
	struct member_reader inner = read_object(reader, "dropped");

	read_uint64(&inner, "journal", &status->dropped_journal);
	read_uint64(&inner, "watch", &status->dropped_watch);
	read_uint64(&inner, "history", &status->dropped_history);
	end_object(reader, "dropped", &inner);
}

static void read_history(struct member_reader *reader, struct hookd_status_info *status)
{
	struct member_reader inner = read_object(reader, "history");

	read_text(&inner, "state", &status->history_state);
	read_text(&inner, "path", &status->history_path);
	read_text(&inner, "error", &status->history_error);
	read_uint64(&inner, "runs", &status->history_runs);
	read_uint64(&inner, "bytes", &status->history_bytes);
	end_object(reader, "history", &inner);
}

static int list_kernel_features(struct member_reader *inner, struct hookd_status_info *status)
{
	struct hp_json_value key, value;
	struct hookd_kernel_feature *features =
	    hp_arena_calloc(inner->arena, hp_json_count(inner->object), sizeof(*features));

	if (!features)
		return hp_err_no_memory(inner->err);
	HP_JSON_FOREACH (key, value, inner->object) {
		struct hookd_kernel_feature *feature = &features[status->kernel_feature_count];
		char *name;
		int r = hp_json_get_string(key, inner->arena, &name, inner->err);

		if (r == 0)
			r = hp_json_get_bool(value, &feature->is_there, inner->err);
		if (r < 0)
			return r;
		feature->name = name;
		status->kernel_feature_count++;
	}
	status->kernel_features = features;
	return 0;
}

static void read_kernel_features(struct member_reader *reader, struct hookd_status_info *status)
{
	struct member_reader inner = read_object(reader, "kernelFeatures");

	if (inner.r == 0)
		inner.r = list_kernel_features(&inner, status);
	end_object(reader, "kernelFeatures", &inner);
}

static int status_read(struct hp_json_value parameters, struct hookd_reply *reply,
		       struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);
	struct hookd_status_info *status = &reply->of.status;

	read_text(&reader, "version", &status->version);
	read_int(&reader, "pid", &status->pid);
	read_int64(&reader, "uptimeUSec", &status->uptime_us);
	read_int64(&reader, "startedUSec", &status->started_us);
	read_text(&reader, "state", &status->state);
	read_counters(&reader, status);
	read_strings(&reader, "addresses", &status->addresses);
	read_strings(&reader, "configFiles", &status->config_files);
	read_strings(&reader, "features", &status->features);
	read_text(&reader, "logLevel", &status->log_level);
	read_text(&reader, "kernelRelease", &status->kernel_release);
	read_config_error(&reader, status);
	read_last_hour(&reader, status);
	read_dropped(&reader, status);
	read_history(&reader, status);
	read_kernel_features(&reader, status);
	return reader.r;
}

static const struct method method_status = {"io.hookd.status.GetStatus", REPLY_STATUS, status_read};

int hookd_status(struct hookd_client *client, struct hookd_reply **ret)
{
	return ask_plain(client, &method_status, ASK_NOW(ret));
}

int hookd_status_start(struct hookd_client *client, hookd_done_fn done, void *userdata)
{
	return ask_plain(client, &method_status, ASK_LATER(done, userdata));
}

/* ---- metrics ---- */

static int metrics_read(struct hp_json_value parameters, struct hookd_reply *reply,
			struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &reply->arena, err);

	reply->of.text = "";
	read_text(&reader, "text", &reply->of.text);
	return reader.r;
}

static const struct method method_metrics = {"io.hookd.status.GetMetrics", REPLY_TEXT,
					     metrics_read};

static int metrics_ask(struct hookd_client *client, const char *format, const struct asker *asker)
{
	return format ? ask_text(client, &method_metrics, "format", format, asker)
		      : ask_plain(client, &method_metrics, asker);
}

int hookd_metrics(struct hookd_client *client, const char *format, struct hookd_reply **ret)
{
	return metrics_ask(client, format, ASK_NOW(ret));
}

int hookd_metrics_start(struct hookd_client *client, const char *format, hookd_done_fn done,
			void *userdata)
{
	return metrics_ask(client, format, ASK_LATER(done, userdata));
}
