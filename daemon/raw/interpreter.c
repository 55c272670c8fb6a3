/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the first bytes of a program and its ELF headers, as execve(2) does. No state, no libc.
 * Compiled into hookd and into hookd-run.
 */
#include "daemon/raw/interpreter.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#include "daemon/raw/raw.h"

#ifndef EM_486
#define EM_486 6 /* the kernel's name; elf.h has EM_IAMCU for this number */
#endif

#define HEADERS_BYTES_MAX 65536 /* the kernel's limit: it refuses a program with more */

static long read_at(int fd, void *bytes, size_t length, uint64_t offset)
{
	if (offset > INT64_MAX)
		return -1;
	return call5(SYS_pread64, fd, (long)bytes, (long)length, (long)offset, 0);
}

/* ---- scripts ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "#!PATH ARGUMENT". `head` ends with a NUL. */
static bool read_script(const char *head, char *path)
{
	size_t length = 0;

	for (head += 2; is_blank(*head); head++)
		continue;
	for (; head[length] && !is_blank(head[length]) && head[length] != '\n'; length++)
		path[length] = head[length];
	path[length] = '\0';
	return length > 0;
}

/* ---- ELF ---- */

static bool read_text(int fd, uint64_t offset, uint64_t length, char *path)
{
	/* The bounds of load_elf_binary() in the kernel. */
	if (length < 2 || length > INTERPRETER_SIZE ||
	    read_at(fd, path, length, offset) != (long)length)
		return false;
	path[length - 1] = '\0';
	return true;
}

/* Reads program header `i` of either class into a 64-bit one. */
static bool read_header(int fd, bool is_64, uint64_t table, int i, Elf64_Phdr *ret_header)
{
	Elf32_Phdr header;

	if (is_64)
		return read_at(fd, ret_header, sizeof(*ret_header),
			       table + (uint64_t)i * sizeof(*ret_header)) == sizeof(*ret_header);
	if (read_at(fd, &header, sizeof(header), table + (uint64_t)i * sizeof(header)) !=
	    sizeof(header))
		return false;
	ret_header->p_type = header.p_type;
	ret_header->p_offset = header.p_offset;
	ret_header->p_filesz = header.p_filesz;
	return true;
}

static bool read_elf(int fd, bool is_64, uint64_t table, size_t count, char *path)
{
	size_t size = is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	Elf64_Phdr header;

	if (count * size > HEADERS_BYTES_MAX)
		return false;
	for (int i = 0; i < (int)count; i++) {
		if (!read_header(fd, is_64, table, i, &header))
			return false;
		if (header.p_type == PT_INTERP)
			return read_text(fd, header.p_offset, header.p_filesz, path);
	}
	return false;
}

static bool is_elf(const char *head)
{
	return head[0] == ELFMAG0 && head[1] == ELFMAG1 && head[2] == ELFMAG2 && head[3] == ELFMAG3;
}

/*
 * The kernel decides by the machine and by the size of a program header. It ignores the class in
 * e_ident (EI_CLASS).
 */
static bool is_of_64_bits(const Elf64_Ehdr *elf)
{
	return elf->e_machine != EM_386 && elf->e_machine != EM_486 &&
	       elf->e_phentsize == sizeof(Elf64_Phdr);
}

/* ---- both ---- */

enum interpreter interpreter_read(int fd, char head[static INTERPRETER_HEAD_SIZE],
				  char path[static INTERPRETER_SIZE])
{
	const Elf64_Ehdr *elf64 = (const Elf64_Ehdr *)head;
	const Elf32_Ehdr *elf32 = (const Elf32_Ehdr *)head;
	long length = read_at(fd, head, INTERPRETER_HEAD_SIZE - 1, 0);
	bool has_loader = false;

	path[0] = '\0';
	if (length < 3)
		return INTERPRETER_NONE;
	for (long i = length; i < INTERPRETER_HEAD_SIZE; i++)
		head[i] = '\0';
	if (head[0] == '#' && head[1] == '!')
		return read_script(head, path) ? INTERPRETER_OF_SCRIPT : INTERPRETER_NONE;
	if (!is_elf(head))
		return INTERPRETER_NONE;
	if (is_of_64_bits(elf64))
		has_loader = read_elf(fd, true, elf64->e_phoff, elf64->e_phnum, path);
	else if (elf32->e_phentsize == sizeof(Elf32_Phdr))
		has_loader = read_elf(fd, false, elf32->e_phoff, elf32->e_phnum, path);
	return has_loader ? INTERPRETER_OF_ELF : INTERPRETER_NONE;
}
