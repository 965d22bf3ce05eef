# Writes build_version.h; leaves it alone when nothing changed, so that nothing is rebuilt.
# Variables: SOURCE_DIR, OUTPUT, SJCP_VERSION.
execute_process(COMMAND git -C ${SOURCE_DIR} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE SJCP_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT SJCP_COMMIT)
  set(SJCP_COMMIT unknown)
endif()
configure_file(${SOURCE_DIR}/cli/build_version.h.in ${OUTPUT} @ONLY)
