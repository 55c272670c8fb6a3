# SPDX-License-Identifier: Apache-2.0
# Hardening options that this compiler supports, and a list of them for `hookd --version`:
#   HOOKD_HARDENING       options for all code
#   HOOKD_MUSL_HARDENING  options for the static programs, which musl-gcc compiles
#   HOOKD_FORTIFY         options for all code, effective if it is optimised
#   HOOKD_FEATURES        "+STACKPROTECTOR -STACKCLASH ...", without FORTIFY
include(CheckCCompilerFlag)
include(CheckCSourceCompiles)
include(CheckPIESupported)

set(HOOKD_FEATURES "")
macro(hookd_feature name is_on)
  if(${is_on})
    string(APPEND HOOKD_FEATURES " +${name}")
  else()
    string(APPEND HOOKD_FEATURES " -${name}")
  endif()
endmacro()

check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
hookd_feature(PIE CMAKE_C_LINK_PIE_SUPPORTED)

set(HOOKD_HARDENING "")
macro(hookd_harden name options)
  check_c_compiler_flag("${options}" HOOKD_HAS_${name})
  if(HOOKD_HAS_${name})
    list(APPEND HOOKD_HARDENING ${options})
  endif()
endmacro()
hookd_harden(STACKPROTECTOR "-fstack-protector-strong")
hookd_feature(STACKPROTECTOR HOOKD_HAS_STACKPROTECTOR)
hookd_harden(STACKCLASH "-fstack-clash-protection")
hookd_feature(STACKCLASH HOOKD_HAS_STACKCLASH)
# clang before version 16 needs a second option.
hookd_harden(ZEROINIT "-ftrivial-auto-var-init=zero")
if(NOT HOOKD_HAS_ZEROINIT)
  hookd_harden(ZEROINIT_OF_CLANG
    "-ftrivial-auto-var-init=zero;-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang")
endif()
if(HOOKD_HAS_ZEROINIT OR HOOKD_HAS_ZEROINIT_OF_CLANG)
  set(zeroes TRUE)
endif()
hookd_feature(ZEROINIT zeroes)

# musl-gcc is a wrapper around gcc, also if another compiler compiles the rest.
set(HOOKD_MUSL_HARDENING -fstack-protector-strong -fstack-clash-protection)
execute_process(COMMAND ${MUSL_GCC} -ftrivial-auto-var-init=zero -fsyntax-only -xc /dev/null
  RESULT_VARIABLE musl_status ERROR_QUIET OUTPUT_QUIET)
if(musl_status EQUAL 0)
  list(APPEND HOOKD_MUSL_HARDENING -ftrivial-auto-var-init=zero)
endif()

# A level in the packager's flags is left as it is. With sanitizers none is set: they have their own
# checks. The level in effect depends on the flags of a configuration: version.h reports it.
set(HOOKD_FORTIFY "")
set(configured_flags "${CMAKE_C_FLAGS}")
foreach(configuration ${CMAKE_BUILD_TYPE} ${CMAKE_CONFIGURATION_TYPES})
  string(TOUPPER "${configuration}" configuration)
  string(APPEND configured_flags " ${CMAKE_C_FLAGS_${configuration}}")
endforeach()
if(NOT HOOKD_SANITIZE AND NOT configured_flags MATCHES "_FORTIFY_SOURCE")
  set(CMAKE_REQUIRED_FLAGS "-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3")
  check_c_source_compiles("#include <features.h>
    #if __USE_FORTIFY_LEVEL < 3
    #error no such level
    #endif
    int main(void) { return 0; }" HOOKD_HAS_FORTIFY3)
  unset(CMAKE_REQUIRED_FLAGS)
  set(fortify_level 2)
  if(HOOKD_HAS_FORTIFY3)
    set(fortify_level 3)
  endif()
  set(HOOKD_FORTIFY -DHOOKD_FORTIFY_LEVEL=${fortify_level}
    -include ${CMAKE_SOURCE_DIR}/cmake/fortify.h)
endif()

set(HOOKD_LINK_HARDENING -Wl,-z,relro,-z,now,-z,noexecstack)
string(APPEND HOOKD_FEATURES " +RELRO")
if(HOOKD_SANITIZE)
  string(TOUPPER "${HOOKD_SANITIZE}" sanitizers)
  string(REPLACE "," " +" sanitizers "${sanitizers}")
  string(APPEND HOOKD_FEATURES " +${sanitizers}")
endif()
string(STRIP "${HOOKD_FEATURES}" HOOKD_FEATURES)
