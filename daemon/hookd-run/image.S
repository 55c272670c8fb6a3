/* SPDX-License-Identifier: Apache-2.0 */
/* The program hookd-run, in hookd's read-only data. proc/helper.c copies it to a sealed memfd. */
	.section .rodata
	.balign 16
	.global hookd_run_image
	.hidden hookd_run_image
hookd_run_image:
	.incbin HOOKD_RUN_PATH
	.global hookd_run_image_end
	.hidden hookd_run_image_end
hookd_run_image_end:
	.section .note.GNU-stack, "", @progbits
