/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiles a profile to a program for seccomp(2), which has three parts:
 *
 *	+-----------+----------------------------------------+----------------------------+
 *	| newer     | libseccomp's: architectures, numbers,  | cases of calls whose rules |
 *	| calls     | calls that are decided by their number | test arguments             |
 *	+-----------+----------------------------------------+----------------------------+
 *	 seccomp_code_enosys()      export_filter()               seccomp_code_cases()
 *
 * libseccomp knows names, numbers and architectures, and generates a search tree over the numbers.
 * It gets no tests of arguments (code.c says why). Instead, a call with cases gets a placeholder
 * action: a SECCOMP_RET_TRACE with data that the profile does not use. In libseccomp's code each
 * return of a placeholder is then replaced by a jump to the cases; both are one instruction, so the
 * distances of libseccomp's jumps stay right.
 */
#include "daemon/seccomp/seccomp.h"

#include <assert.h>
#include <ctype.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/seccomp/code.h"
#include "daemon/seccomp/kernel.h"

/* The code of one call's cases, and its placeholder action. */
struct chain {
	size_t start, count;
	uint32_t action;
};

struct compilation {
	const struct hp_seccomp *profile;
	uint32_t *actions; /* of each rule */
	uint32_t default_action;
	struct seccomp_calls *archs; /* the machine's own first */
	size_t arch_count;
	struct seccomp_code cases;
	struct chain *chains;
	size_t chain_count, chain_capacity;
	uint32_t last_data; /* of the last placeholder action */
	struct seccomp_code code;
};

/* ---- actions ---- */

static int translate_action(enum hp_seccomp_action action, const struct hp_uint *errno_ret,
			    uint32_t *ret_action, struct hp_err *err)
{
	static const uint32_t actions[HP_SECCOMP_ACTION_END] = {
	    [HP_SECCOMP_KILL] = SECCOMP_RET_KILL_THREAD,
	    [HP_SECCOMP_ERRNO] = SECCOMP_RET_ERRNO,
	    [HP_SECCOMP_TRAP] = SECCOMP_RET_TRAP,
	    [HP_SECCOMP_ALLOW] = SECCOMP_RET_ALLOW,
	    [HP_SECCOMP_TRACE] = SECCOMP_RET_TRACE,
	    [HP_SECCOMP_LOG] = SECCOMP_RET_LOG,
	    [HP_SECCOMP_NOTIFY] = SECCOMP_RET_USER_NOTIF,
	    [HP_SECCOMP_KILL_THREAD] = SECCOMP_RET_KILL_THREAD,
	    [HP_SECCOMP_KILL_PROCESS] = SECCOMP_RET_KILL_PROCESS,
	};
	uint64_t data = errno_ret->is_set ? errno_ret->value : EPERM;

	assert(action > 0 && action < HP_SECCOMP_ACTION_END);
	if (!seccomp_kernel_knows_action(actions[action]))
		return hp_err_setting(err, -EOPNOTSUPP, NULL, "this kernel does not know %s",
				      hp_seccomp_action_names[action]);
	*ret_action = actions[action];
	if (action == HP_SECCOMP_ERRNO || action == HP_SECCOMP_TRACE)
		*ret_action |= (uint32_t)data & SECCOMP_RET_DATA;
	return 0;
}

static int translate_actions(struct compilation *compilation, struct hp_err *err)
{
	const struct hp_seccomp *profile = compilation->profile;
	int r;

	/* The reader of the profile has refused it (seccomp_json.c). */
	assert(profile->default_action != HP_SECCOMP_NOTIFY);
	r = translate_action(profile->default_action, &profile->default_errno_ret,
			     &compilation->default_action, err);
	compilation->actions = calloc(profile->rule_count + 1, sizeof(*compilation->actions));
	if (r == 0 && !compilation->actions)
		return hp_err_no_memory(err);
	for (size_t i = 0; i < profile->rule_count && r == 0; i++)
		r = translate_action(profile->rules[i].action, &profile->rules[i].errno_ret,
				     &compilation->actions[i], err);
	return r;
}

/* ---- architectures ---- */

/* libseccomp's names are those of runtime-spec in lower case, without "SCMP_ARCH_". */
static uint32_t resolve_arch(const char *oci)
{
	static const char prefix[] = "SCMP_ARCH_";
	char name[32] = "";

	assert(strncmp(oci, prefix, strlen(prefix)) == 0);
	oci += strlen(prefix);
	for (size_t i = 0; oci[i] && i < sizeof(name) - 1; i++)
		name[i] = (char)tolower((unsigned char)oci[i]);
	return seccomp_arch_resolve_name(name);
}

static const char *arch_name(uint32_t arch)
{
	for (size_t i = 0; i < hp_seccomp_arch_count; i++)
		if (resolve_arch(hp_seccomp_archs[i].oci) == arch)
			return hp_seccomp_archs[i].oci;
	return "";
}

static int add_arch(struct compilation *compilation, uint32_t arch)
{
	int r;

	for (size_t i = 0; i < compilation->arch_count; i++)
		if (compilation->archs[i].arch == arch)
			return 0;
	r = seccomp_calls_read(compilation->profile, compilation->actions,
			       compilation->default_action, arch,
			       &compilation->archs[compilation->arch_count]);
	if (r == 0)
		compilation->arch_count++;
	return r;
}

static int add_archs(struct compilation *compilation, struct hp_err *err)
{
	const struct hp_seccomp *profile = compilation->profile;
	int r = 0;

	compilation->archs = calloc(profile->arch_count + 1, sizeof(*compilation->archs));
	if (!compilation->archs || add_arch(compilation, seccomp_arch_native()) < 0)
		return hp_err_no_memory(err);
	for (size_t i = 0; i < profile->arch_count && r == 0; i++) {
		const char *name = hp_seccomp_archs[profile->archs[i]].oci;
		uint32_t arch = resolve_arch(name);

		if (arch == 0)
			return hp_err_setting(err, -EOPNOTSUPP, NULL,
					      "this libseccomp does not know %s", name);
		r = add_arch(compilation, arch);
	}
	return r < 0 ? hp_err_no_memory(err) : 0;
}

/* ---- cases ---- */

static bool is_used(const struct compilation *compilation, uint32_t action)
{
	bool is_found = action == compilation->default_action;

	for (size_t i = 0; i < compilation->profile->rule_count; i++)
		is_found |= action == compilation->actions[i];
	return is_found;
}

static uint32_t next_stand_in(struct compilation *compilation)
{
	uint32_t action;

	do {
		action = SECCOMP_RET_TRACE | (++compilation->last_data & SECCOMP_RET_DATA);
	} while (is_used(compilation, action));
	return action;
}

/* Finds earlier code that is equal to the code at `start`, so that calls can share it. */
static struct chain *find_chain(struct compilation *compilation, size_t start)
{
	const struct sock_filter *all = compilation->cases.instructions;
	size_t count = compilation->cases.count - start;

	for (size_t i = 0; i < compilation->chain_count; i++) {
		struct chain *chain = &compilation->chains[i];

		if (chain->count == count &&
		    memcmp(all + chain->start, all + start, count * sizeof(*all)) == 0)
			return chain;
	}
	return NULL;
}

/* Generates the call's cases; *ret_action is their placeholder. */
static int add_chain(struct compilation *compilation, const struct seccomp_call *call,
		     bool is_64bit, uint32_t *ret_action)
{
	struct seccomp_code *cases = &compilation->cases;
	size_t start = cases->count;
	struct chain *chain;

	seccomp_code_cases(cases, call, is_64bit, compilation->default_action);
	chain = find_chain(compilation, start);
	if (chain) {
		cases->count = start;
		*ret_action = chain->action;
		return 0;
	}
	if (compilation->chain_count == compilation->chain_capacity) {
		size_t capacity = compilation->chain_capacity * 2 + 16;

		chain = reallocarray(compilation->chains, capacity, sizeof(*chain));
		if (!chain)
			return -ENOMEM;
		compilation->chains = chain;
		compilation->chain_capacity = capacity;
	}
	chain = &compilation->chains[compilation->chain_count++];
	*chain = (struct chain){
	    .start = start,
	    .count = cases->count - start,
	    .action = next_stand_in(compilation),
	};
	*ret_action = chain->action;
	return 0;
}

/* ---- libseccomp's part ---- */

static int libseccomp_failed(struct hp_err *err, int r, const char *what)
{
	if (r == -ENOMEM)
		return hp_err_no_memory(err);
	return hp_err_invalid(err, NULL, "libseccomp cannot %s: %s", what, strerror(-r));
}

static int add_calls(struct compilation *compilation, scmp_filter_ctx context,
		     const struct seccomp_calls *calls, struct hp_err *err)
{
	for (size_t i = 0; i < calls->count; i++) {
		const struct seccomp_call *call = &calls->calls[i];
		uint32_t action = call->action;
		int r = 0;

		if (!call->is_unconditional)
			r = add_chain(compilation, call, calls->is_64bit, &action);
		if (r == 0)
			r = seccomp_rule_add(context, action, call->native, 0);
		if (r < 0)
			return libseccomp_failed(err, r, "add a rule");
	}
	return 0;
}

/* A filter of one architecture alone, since the cases depend on the size of its registers. */
static int make_context(struct compilation *compilation, const struct seccomp_calls *calls,
			scmp_filter_ctx *ret_context, struct hp_err *err)
{
	scmp_filter_ctx context = seccomp_init(compilation->default_action);
	int r = context ? seccomp_attr_set(context, SCMP_FLTATR_CTL_NNP, 0) : -ENOMEM;

	if (r == 0 && calls->arch != seccomp_arch_native()) {
		r = seccomp_arch_remove(context, SCMP_ARCH_NATIVE);
		if (r == 0)
			r = seccomp_arch_add(context, calls->arch);
	}
	if (r < 0)
		r = libseccomp_failed(err, r, "make a filter");
	else
		r = add_calls(compilation, context, calls, err);
	if (r < 0)
		seccomp_release(context);
	else
		*ret_context = context;
	return r;
}

static int make_filter(struct compilation *compilation, scmp_filter_ctx *ret_filter,
		       struct hp_err *err)
{
	scmp_filter_ctx filter, other;
	int r = make_context(compilation, &compilation->archs[0], &filter, err);

	if (r < 0)
		return r;
	for (size_t i = 1; i < compilation->arch_count && r == 0; i++) {
		r = make_context(compilation, &compilation->archs[i], &other, err);
		if (r < 0)
			break;
		r = seccomp_merge(filter, other);
		if (r == 0)
			continue;
		seccomp_release(other);
		r = hp_err_setting(err, -EOPNOTSUPP, NULL,
				   "this machine does not support the architecture %s",
				   arch_name(compilation->archs[i].arch));
	}
	/* A search tree over the numbers, which the kernel loads four times as fast as a list. */
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r < 0)
		seccomp_release(filter);
	else
		*ret_filter = filter;
	return r;
}

/*
 * Before 2.6 libseccomp exports to a descriptor only. The size is taken by lseek(2), since glibc
 * implements fstat() by newfstatat(2), which the filter of confine.c does not allow.
 */
static int export_filter(scmp_filter_ctx filter, struct sock_filter **ret_instructions,
			 size_t *ret_count)
{
	cleanup_close int fd = memfd_create("seccomp", MFD_CLOEXEC);
	cleanup_free struct sock_filter *instructions = NULL;
	int r = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
	off_t size;

	if (r < 0)
		return r;
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return -EIO;
	instructions = malloc((size_t)size + 1);
	if (!instructions)
		return -ENOMEM;
	if (pread(fd, instructions, (size_t)size, 0) != size)
		return -EIO;
	*ret_instructions = take_ptr(instructions);
	*ret_count = (size_t)size / sizeof(struct sock_filter);
	return 0;
}

/* ---- the program ---- */

/* Replaces returns of placeholders by jumps to the cases. libseccomp's code is at start to end. */
static void link_cases(struct compilation *compilation, size_t start, size_t end)
{
	assert(start <= end && end + compilation->cases.count == compilation->code.count);
	for (size_t i = start; i < end; i++) {
		struct sock_filter *instruction = &compilation->code.instructions[i];

		for (size_t k = 0; k < compilation->chain_count; k++) {
			const struct chain *chain = &compilation->chains[k];
			size_t distance = end + chain->start - i - 1;

			if (instruction->code != (BPF_RET | BPF_K) ||
			    instruction->k != chain->action)
				continue;
			*instruction =
			    (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)distance);
		}
	}
}

/*
 * False for a default action that allows calls: then the kernel itself returns ENOSYS. Also for
 * SECCOMP_RET_TRACE, since the tracer wants to see the calls.
 */
static bool answers_newer_calls(const struct compilation *compilation)
{
	uint32_t action = compilation->default_action & SECCOMP_RET_ACTION_FULL;

	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG &&
	       action != SECCOMP_RET_TRACE;
}

static int assemble(struct compilation *compilation, const struct sock_filter *filter, size_t count,
		    struct hp_err *err)
{
	struct seccomp_code *code = &compilation->code;
	size_t start;

	if (answers_newer_calls(compilation))
		seccomp_code_enosys(code, compilation->archs, compilation->arch_count);
	start = code->count;
	seccomp_code_append(code, filter, count);
	seccomp_code_append(code, compilation->cases.instructions, compilation->cases.count);
	if (code->is_too_long || compilation->cases.is_too_long) {
		(void)hp_err_invalid(err, NULL,
				     "the compiled program is longer than the kernel's limit of %d "
				     "instructions",
				     BPF_MAXINSNS);
		return -E2BIG;
	}
	link_cases(compilation, start, start + count);
	return 0;
}

static int compile(struct compilation *compilation, struct hp_err *err)
{
	cleanup_free struct sock_filter *instructions = NULL;
	scmp_filter_ctx filter;
	size_t count = 0;
	int r = make_filter(compilation, &filter, err);

	if (r < 0)
		return r;
	r = export_filter(filter, &instructions, &count);
	seccomp_release(filter);
	if (r < 0)
		return libseccomp_failed(err, r, "write the program");
	return assemble(compilation, instructions, count, err);
}

/* ---- flags, listener, unknown names ---- */

static bool has_listener(const struct hp_seccomp *profile)
{
	bool has = false;

	for (size_t i = 0; i < profile->rule_count; i++)
		has |= profile->rules[i].action == HP_SECCOMP_NOTIFY;
	return has;
}

static bool is_in(char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static int list_unknown(const struct hp_seccomp *profile, char ***ret_names)
{
	size_t count = 0, capacity = 1;
	char **names;

	for (size_t i = 0; i < profile->rule_count; i++)
		for (char **name = profile->rules[i].names; *name; name++)
			capacity += seccomp_syscall_resolve_name(*name) == __NR_SCMP_ERROR;
	names = calloc(capacity, sizeof(*names));
	if (!names)
		return -ENOMEM;
	*ret_names = names;
	for (size_t i = 0; i < profile->rule_count; i++) {
		for (char **name = profile->rules[i].names; *name; name++) {
			if (seccomp_syscall_resolve_name(*name) != __NR_SCMP_ERROR ||
			    is_in(names, *name))
				continue;
			names[count] = strdup(*name);
			if (!names[count++])
				return -ENOMEM;
		}
	}
	return 0;
}

static int describe(struct compilation *compilation, struct seccomp_program *program,
		    struct hp_err *err)
{
	const struct hp_seccomp *profile = compilation->profile;
	int r;

	program->needs_listener = has_listener(profile);
	r = seccomp_kernel_flags(profile, program->needs_listener, &program->flags, err);
	if (r == 0 && list_unknown(profile, &program->unknown_syscalls) < 0)
		r = hp_err_no_memory(err);
	if (r < 0)
		return r;
	program->instructions = take_ptr(compilation->code.instructions);
	program->count = compilation->code.count;
	return 0;
}

int seccomp_program_compile(const struct hp_seccomp *profile, struct seccomp_program *ret_program,
			    struct hp_err *err)
{
	struct compilation compilation = {.profile = profile};
	struct seccomp_program program = {0};
	int r = translate_actions(&compilation, err);

	if (r == 0)
		r = add_archs(&compilation, err);
	if (r == 0 &&
	    (seccomp_code_init(&compilation.cases) < 0 || seccomp_code_init(&compilation.code) < 0))
		r = hp_err_no_memory(err);
	if (r == 0)
		r = compile(&compilation, err);
	if (r == 0)
		r = describe(&compilation, &program, err);
	if (r == 0)
		*ret_program = program;
	else
		seccomp_program_clear(&program);
	for (size_t i = 0; i < compilation.arch_count; i++)
		seccomp_calls_clear(&compilation.archs[i]);
	free(compilation.archs);
	free(compilation.actions);
	free(compilation.chains);
	seccomp_code_clear(&compilation.cases);
	seccomp_code_clear(&compilation.code);
	return r;
}

void seccomp_program_clear(struct seccomp_program *program)
{
	for (char **name = program->unknown_syscalls; name && *name; name++)
		free(*name);
	free(program->unknown_syscalls);
	free(program->instructions);
	*program = (struct seccomp_program){0};
}
