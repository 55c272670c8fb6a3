/* SPDX-License-Identifier: Apache-2.0 */
/* The interface files of proto/interfaces, for interfaces.c. */
#define INTERFACE(symbol, file)                                                                    \
	.global symbol;                                                                            \
	.hidden symbol;                                                                            \
	symbol: .incbin file; \
	.global symbol##_end;                                                                      \
	.hidden symbol##_end;                                                                      \
	symbol##_end:

	.section .rodata
INTERFACE(org_varlink_service, "proto/interfaces/org.varlink.service.varlink")
INTERFACE(io_hookd_hooks, "proto/interfaces/io.hookd.hooks.varlink")
INTERFACE(io_hookd_status, "proto/interfaces/io.hookd.status.varlink")
INTERFACE(io_hookd_settings, "proto/interfaces/io.hookd.settings.varlink")
INTERFACE(io_hookd_control, "proto/interfaces/io.hookd.control.varlink")
	.section .note.GNU-stack, "", @progbits
