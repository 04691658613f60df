# The libraries: cargo builds them, tp::tp and tp::tp_static are what others link to.
#
# cargo knows best what is out of date, so it is asked at every build; an idle call takes a tenth of a second. The
# crate types are named because cargo leaves out link-time optimization, without a word, where an rlib is made too.

set(tp_cargo_dir "${PROJECT_BINARY_DIR}/cargo")
if(TP_DEBUG)
  set(tp_profile dev)
  set(tp_profile_dir debug)
else()
  set(tp_profile release)
  set(tp_profile_dir release)
endif()
set(tp_cargo_out "${tp_cargo_dir}/${tp_profile_dir}")
set(tp_cargo_args rustc --profile ${tp_profile} --locked --lib --crate-type cdylib,staticlib --target-dir "${tp_cargo_dir}")
if(TP_RUST_TARGET)
  set(tp_cargo_out "${tp_cargo_dir}/${TP_RUST_TARGET}/${tp_profile_dir}")
  list(APPEND tp_cargo_args --target "${TP_RUST_TARGET}")
endif()

set(tp_lib_dir "${PROJECT_BINARY_DIR}/lib")
set(tp_soname "libtp.so.${PROJECT_VERSION_MAJOR}")
set(tp_shared "${tp_lib_dir}/libtp.so.${PROJECT_VERSION}")
set(tp_static "${tp_lib_dir}/libtp.a")

# What libtp.a needs beside libc, on systems where it is not in libc: tests/install/ links it with this alone.
set(tp_static_needs pthread dl)

# lld and gold do not collect garbage in a relocatable link.
set(tp_ld "${CMAKE_LINKER}")
if(NOT CMAKE_CROSSCOMPILING)
  find_program(TP_LD_BFD ld.bfd)
  mark_as_advanced(TP_LD_BFD)
  if(TP_LD_BFD)
    set(tp_ld "${TP_LD_BFD}")
  endif()
endif()

add_custom_target(tp_cargo
  COMMAND "${TP_CARGO}" ${tp_cargo_args}
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
  BYPRODUCTS "${tp_cargo_out}/libtp.so" "${tp_cargo_out}/libtp.a"
  USES_TERMINAL VERBATIM)

add_custom_command(
  OUTPUT "${tp_shared}" "${tp_lib_dir}/${tp_soname}" "${tp_lib_dir}/libtp.so"
  COMMAND "${CMAKE_COMMAND}" -E copy "${tp_cargo_out}/libtp.so" "${tp_shared}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink "libtp.so.${PROJECT_VERSION}" "${tp_lib_dir}/${tp_soname}"
  COMMAND "${CMAKE_COMMAND}" -E create_symlink "${tp_soname}" "${tp_lib_dir}/libtp.so"
  DEPENDS tp_cargo "${tp_cargo_out}/libtp.so"
  COMMENT "Naming libtp.so" VERBATIM)

add_custom_command(
  OUTPUT "${tp_static}"
  COMMAND "${CMAKE_COMMAND}" -E env "LD=${tp_ld}" "NM=${CMAKE_NM}" "OBJCOPY=${CMAKE_OBJCOPY}" "AR=${CMAKE_AR}"
          sh "${PROJECT_SOURCE_DIR}/cmake/localize.sh" "${tp_cargo_out}/libtp.a" "${tp_cargo_out}/libtp.so" "${tp_static}"
  DEPENDS tp_cargo "${tp_cargo_out}/libtp.a" "${PROJECT_SOURCE_DIR}/cmake/localize.sh"
  COMMENT "Hiding Rust's names in libtp.a" VERBATIM)

add_custom_target(tp_libraries ALL DEPENDS "${tp_shared}" "${tp_static}")
file(MAKE_DIRECTORY "${tp_lib_dir}")

add_library(tp::tp SHARED IMPORTED GLOBAL)
set_target_properties(tp::tp PROPERTIES
  IMPORTED_LOCATION "${tp_shared}"
  IMPORTED_SONAME "${tp_soname}"
  INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include")
add_library(tp::tp_static STATIC IMPORTED GLOBAL)
set_target_properties(tp::tp_static PROPERTIES
  IMPORTED_LOCATION "${tp_static}"
  INTERFACE_INCLUDE_DIRECTORIES "${PROJECT_SOURCE_DIR}/include"
  INTERFACE_LINK_LIBRARIES "${tp_static_needs}")
add_dependencies(tp::tp tp_libraries)
add_dependencies(tp::tp_static tp_libraries)
