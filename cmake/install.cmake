# What is installed and packaged: the program, its manual page, completions, documentation and licence.
#
#   cmake --install BUILD --prefix PREFIX      into the usual directories
#   cpack --config BUILD/CPackConfig.cmake     a .deb; dpkg-shlibdeps finds what it depends on
#   pip install .                              a wheel: pyproject.toml

if(SKBUILD)  # a wheel puts each kind of file where Python's installers look for it
  set(CMAKE_INSTALL_BINDIR ${SKBUILD_SCRIPTS_DIR})
  set(CMAKE_INSTALL_DATAROOTDIR ${SKBUILD_DATA_DIR}/share)
endif()
include(GNUInstallDirs)

# The program writes its own manual page and completions, so that neither can differ from what it takes.
set(pages ${PROJECT_BINARY_DIR}/pages)
add_custom_command(
  OUTPUT ${pages}/dbaudit.1 ${pages}/dbaudit.bash ${pages}/_dbaudit ${pages}/dbaudit.fish
  COMMAND ${CMAKE_COMMAND} -E make_directory ${pages}
  COMMAND $<TARGET_FILE:dbaudit> --generate man > ${pages}/dbaudit.1
  COMMAND $<TARGET_FILE:dbaudit> --generate bash > ${pages}/dbaudit.bash
  COMMAND $<TARGET_FILE:dbaudit> --generate zsh > ${pages}/_dbaudit
  COMMAND $<TARGET_FILE:dbaudit> --generate fish > ${pages}/dbaudit.fish
  DEPENDS dbaudit
  COMMENT "Writing the manual page and the completions"
  VERBATIM)
add_custom_target(pages ALL DEPENDS ${pages}/dbaudit.1)

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # what is packaged is `dbaudit` and `pages`, not the tests
set(zsh_directory site-functions)
if(EXISTS /etc/debian_version)
  set(zsh_directory vendor-completions)  # where Debian's zsh looks for those of packages
endif()

install(TARGETS dbaudit RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${pages}/dbaudit.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${pages}/dbaudit.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME dbaudit)
install(FILES ${pages}/_dbaudit DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/${zsh_directory})
install(FILES ${pages}/dbaudit.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
if(NOT SKBUILD)  # a wheel names its licence and readme itself
  install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)
  install(FILES README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
  install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CONTACT "dbaudit maintainers <maintainers@dbaudit.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "finds the races in how an application uses its database")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "dbaudit reads the SQL log of an application or a server and the schema of
 its database, and tells which two statements can overwrite each other's
 work, why the engine allows it at the isolation level in force, and the SQL
 that closes the hole. It reads PostgreSQL, MySQL, MariaDB and SQLite, and
 the logs of their servers and of the usual ORMs.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
include(CPack)
