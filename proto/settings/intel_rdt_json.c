/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Intel RDT in both dialects: config-linux.md "IntelRdt", libcontainer's IntelRdt. The texts are
 * checked for what would name another file or another resource than the member is for; the kernel
 * checks the rest of their grammar.
 */

#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/settings_tables.h"

#define CLOS_ID_BYTES_MAX 64

bool hp_is_resctrls_name(const char *name)
{
	static const char *const names[] = {".", "..", "info", "mon_groups", "mon_data"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

bool hp_is_resctrl_group_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789_.+:@-";

	size_t length = strlen(name);

	return length > 0 && length <= HP_ID_BYTES_MAX && strspn(name, letters) == length &&
	       !hp_is_resctrls_name(name);
}

/* The name of a directory, or "/" for the default group (runtime-spec 1.3). */
static int check_clos_id(const char *text, struct hp_err *err)
{
	if (!*text || strcmp(text, "/") == 0 || hp_is_resctrl_group_name(text))
		return 0;
	if (hp_is_resctrls_name(text))
		return hp_err_invalid(err, NULL, "must not be a name that resctrl uses");
	return hp_err_invalid(err, NULL, "must be a name of letters, digits and _ . + : @ -, or /");
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/*
 * One line in runtime-spec's words ("SHOULD start with L3: and SHOULD NOT contain newlines"), but
 * with code and data prioritization the kernel has two, L3CODE and L3DATA, and runc and crun write
 * the text as it is. So several lines are accepted if each is about the L3 cache: runtime-spec
 * before 1.3 has no other field for them. Before 1.3 it also knows an MB: line here, which is
 * dropped where memBwSchema is set (daemon/resctrl). Other resources have fields of their own.
 */
static int check_l3_cache_schema(const char *text, struct hp_err *err)
{
	const char *line = text;
	bool is_first = true;

	for (const char *c = text; *c; c++) {
		if (((unsigned char)*c < 0x20 && *c != '\n') || *c == 0x7f)
			return hp_err_invalid(err, NULL, "must not have control characters");
	}
	for (;;) {
		if (!begins(line, "L3:") && !begins(line, "L3CODE:") && !begins(line, "L3DATA:") &&
		    (is_first || !begins(line, "MB:")))
			return hp_err_invalid(err, NULL, "must start with L3:, L3CODE: or L3DATA:");
		is_first = false;
		line = strchr(line, '\n');
		if (!line || !line[1])
			return 0;
		line++;
	}
}

static int check_mem_bw_schema(const char *text, struct hp_err *err)
{
	if (!begins(text, "MB:"))
		return hp_err_invalid(err, NULL, "must start with MB:");
	return hp_check_line(text, err);
}

#define CLOS_ID(...)                                                                               \
	HP_TEXT("closID", struct hp_intel_rdt, clos_id, CLOS_ID_BYTES_MAX, check_clos_id,          \
		__VA_ARGS__)
#define L3_CACHE_SCHEMA(key)                                                                       \
	HP_TEXT(key, struct hp_intel_rdt, l3_cache_schema, HP_PATH_BYTES_MAX, check_l3_cache_schema)
#define MEM_BW_SCHEMA(key, ...)                                                                    \
	HP_TEXT(key, struct hp_intel_rdt, mem_bw_schema, HP_PATH_BYTES_MAX, check_mem_bw_schema,   \
		__VA_ARGS__)
#define SCHEMATA                                                                                   \
	HP_FIELD("schemata", hp_field_texts, struct hp_intel_rdt, schemata, char **,               \
		 .max = HP_SCHEMATA_MAX, .check_text = hp_check_line)
#define ENABLE_MONITORING HP_TRUTH("enableMonitoring", struct hp_intel_rdt, enable_monitoring)

static const struct hp_field oci_fields[] = {
    CLOS_ID(),	       L3_CACHE_SCHEMA("l3CacheSchema"), MEM_BW_SCHEMA("memBwSchema"), SCHEMATA,
    ENABLE_MONITORING,
};
/* Of runtime-spec 1.1 and 1.2: which counters to show. */
static const char *const oci_passed_over[] = {"enableCMT", "enableMBM", NULL};
const struct hp_table hp_oci_intel_rdt_table =
    HP_TABLE(struct hp_intel_rdt, oci_fields, .passed_over = oci_passed_over, .is_section = true,
	     .root = &hp_oci_settings_table);

/* runc's releases of 2020 and its main branch of then spelled the memory bandwidth differently. */
static const struct hp_field libcontainer_fields[] = {
    CLOS_ID(),
    SCHEMATA,
    L3_CACHE_SCHEMA("l3_cache_schema"),
    MEM_BW_SCHEMA("memBwSchema"),
    MEM_BW_SCHEMA("mem_bw_schema", .is_old = true),
    ENABLE_MONITORING,
};
const struct hp_table hp_libcontainer_intel_rdt_table =
    HP_TABLE(struct hp_intel_rdt, libcontainer_fields, .is_section = true,
	     .root = &hp_libcontainer_settings_table);
