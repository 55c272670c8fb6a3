/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before everything else (-include). Defines _FORTIFY_SOURCE if the compiler optimises:
 * libc warns about _FORTIFY_SOURCE in a build without optimisation, and only the compiler knows
 * which options are in effect.
 */
#if defined(HOOKD_FORTIFY_LEVEL) && defined(__OPTIMIZE__)
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE HOOKD_FORTIFY_LEVEL
#endif
