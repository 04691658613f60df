# What `cmake --install` puts where. Nothing in it knows the prefix: the tree may be moved.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(tp_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/tp")

configure_package_config_file(cmake/tpConfig.cmake.in tpConfig.cmake
  INSTALL_DESTINATION "${tp_config_dir}" PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR)
write_basic_package_version_file(tpConfigVersion.cmake COMPATIBILITY SameMinorVersion)

set(tp_pc_dir "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH tp_pc_to_prefix "${tp_pc_dir}" "${CMAKE_INSTALL_PREFIX}")
file(RELATIVE_PATH tp_pc_to_include "${tp_pc_dir}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
string(REGEX REPLACE "/$" "" tp_pc_to_prefix "${tp_pc_to_prefix}")
list(TRANSFORM tp_static_needs PREPEND "-l" OUTPUT_VARIABLE tp_pc_needs)
list(JOIN tp_pc_needs " " tp_pc_needs)
configure_file(cmake/tp.pc.in tp.pc @ONLY)

install(PROGRAMS "${tp_shared}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES "${tp_lib_dir}/${tp_soname}" "${tp_lib_dir}/libtp.so" "${tp_static}" DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(FILES include/tp.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(FILES "${PROJECT_BINARY_DIR}/tpConfig.cmake" "${PROJECT_BINARY_DIR}/tpConfigVersion.cmake"
  DESTINATION "${tp_config_dir}")
install(FILES "${PROJECT_BINARY_DIR}/tp.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

# `cmake --install --strip` strips what add_library built; these come from cargo.
install(CODE "
  if(CMAKE_INSTALL_DO_STRIP)
    cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_PREFIX)
    set(libdir \"${CMAKE_INSTALL_LIBDIR}\")
    cmake_path(ABSOLUTE_PATH libdir BASE_DIRECTORY \"\${CMAKE_INSTALL_PREFIX}\")
    execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-unneeded \"\$ENV{DESTDIR}\${libdir}/libtp.so.${PROJECT_VERSION}\"
                    COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND \"${CMAKE_STRIP}\" --strip-debug \"\$ENV{DESTDIR}\${libdir}/libtp.a\"
                    COMMAND_ERROR_IS_FATAL ANY)
  endif()")
