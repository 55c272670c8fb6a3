/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel opens beside a program when it executes it: the interpreter of a script, or the
 * dynamic loader that an ELF file names (elf(5), PT_INTERP). The file may be an image's, and say
 * anything.
 */
#include <elf.h>
#include <string.h>
#include <unistd.h>

#include "daemon/hookd-run/job.h"

#define HEADERS_MAX 128 /* more than the kernel's own page of them holds */

static bool read_script(const char *head, char *path)
{
	size_t length;

	head += 2;
	head += strspn(head, " \t");
	length = strcspn(head, " \t\n");
	memcpy(path, head, length);
	path[length] = '\0';
	return length > 0;
}

static bool read_text(int fd, uint64_t offset, uint64_t length, char *path)
{
	ssize_t n;

	if (length < 2 || length > INTERPRETER_SIZE || offset > INT64_MAX)
		return false; /* the kernel does not take it either */
	n = pread(fd, path, length, (off_t)offset);
	if (n != (ssize_t)length)
		return false;
	path[length - 1] = '\0';
	return true;
}

/* Of either class, as one of 64 bits. */
static bool read_header(int fd, bool is_64, uint64_t table, int i, Elf64_Phdr *ret_header)
{
	Elf32_Phdr header;

	if (is_64)
		return pread(fd, ret_header, sizeof(*ret_header),
			     (off_t)(table + (uint64_t)i * sizeof(*ret_header))) ==
		       sizeof(*ret_header);
	if (pread(fd, &header, sizeof(header), (off_t)(table + (uint64_t)i * sizeof(header))) !=
	    sizeof(header))
		return false;
	*ret_header = (Elf64_Phdr){
	    .p_type = header.p_type,
	    .p_offset = header.p_offset,
	    .p_filesz = header.p_filesz,
	};
	return true;
}

static bool read_elf(int fd, bool is_64, uint64_t table, int count, char *path)
{
	Elf64_Phdr header;

	for (int i = 0; i < count && i < HEADERS_MAX; i++) {
		if (!read_header(fd, is_64, table, i, &header))
			return false;
		if (header.p_type == PT_INTERP)
			return read_text(fd, header.p_offset, header.p_filesz, path);
	}
	return false;
}

enum interpreter interpreter_read(int fd, char path[static INTERPRETER_SIZE])
{
	union {
		char text[256]; /* as much of it as the kernel reads */
		Elf64_Ehdr elf64;
		Elf32_Ehdr elf32;
	} head = {{0}};
	bool is_elf, has_loader = false;

	path[0] = '\0';
	if (pread(fd, head.text, sizeof(head.text) - 1, 0) < 3)
		return INTERPRETER_NONE;
	if (head.text[0] == '#' && head.text[1] == '!')
		return read_script(head.text, path) ? INTERPRETER_OF_SCRIPT : INTERPRETER_NONE;
	is_elf = memcmp(head.text, ELFMAG, SELFMAG) == 0;
	if (is_elf && head.text[EI_CLASS] == ELFCLASS64)
		has_loader = read_elf(fd, true, head.elf64.e_phoff, head.elf64.e_phnum, path);
	if (is_elf && head.text[EI_CLASS] == ELFCLASS32)
		has_loader = read_elf(fd, false, head.elf32.e_phoff, head.elf32.e_phnum, path);
	return has_loader ? INTERPRETER_OF_ELF : INTERPRETER_NONE;
}
